"""Selectors, arguments and targets of every call, against the contracts' documentation."""

from __future__ import annotations

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import AnswerRefused
from underround.venues.polygon import calldata, contracts, positions
from underround.venues.polygon.abi import Function, split_types
from underround.venues.polygon.calldata import Read
from underround.venues.polygon.matching import MATCH_ORDERS, Share, SignedOrder, match_orders
from underround.venues.polygon.quantities import Address

CONDITION = "0x" + "c5" * 32
V2_CONDITION = "01" + "ab" * 30
SELECTORS = {
    "d96ee754": calldata.PREPARE_CONDITION,
    "72ce4275": calldata.SPLIT_POSITION,
    "9e7212ad": calldata.MERGE_POSITIONS,
    "01b7037c": calldata.REDEEM_POSITIONS,
    "c49298ac": calldata.REPORT_PAYOUTS,
    "dd34de67": calldata.PAYOUT_DENOMINATOR,
    "0504c814": calldata.PAYOUT_NUMERATOR,
    "d42dc0c2": calldata.OUTCOME_SLOTS,
    "852c6ae2": calldata.CONDITION_ID,
    "856296f7": calldata.COLLECTION_ID,
    "39dd7530": calldata.POSITION_ID,
    "00fdd58e": calldata.POSITION_BALANCE,
    "4e1273f4": calldata.POSITION_BALANCES,
    "f242432a": calldata.TRANSFER_POSITION,
    "2eb2c2d6": calldata.TRANSFER_POSITIONS,
    "a22cb465": calldata.SET_APPROVAL_FOR_ALL,
    "e985e9c5": calldata.IS_APPROVED_FOR_ALL,
    "095ea7b3": calldata.APPROVE,
    "dd62ed3e": calldata.ALLOWANCE,
    "70a08231": calldata.BALANCE_OF,
    "6d70f7ae": calldata.IS_OPERATOR,
    "82ad56cb": calldata.AGGREGATE3,
}
"""Of the npm ABI of Conditional Tokens, and of the ERC-20, ERC-1155 and Multicall3 sources."""


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_selector_is_the_documented_one(selector: str) -> None:
    assert SELECTORS[selector].selector.hex() == selector


@pytest.mark.parametrize(
    "family, where",
    [("ctf", contracts.CTF_ADAPTER), ("neg_risk", contracts.NEG_RISK_CTF_ADAPTER)],
)
def test_ctf_families_split_merge_and_redeem_pusd_at_their_adapter(
    family: positions.Family, where: Address
) -> None:
    split = positions.split(family, CONDITION, 5_000_000)
    merge = positions.merge(family, CONDITION, 5_000_000)
    assert family != "router"
    redeem = positions.redeem(family, CONDITION)
    assert {split.to, merge.to, redeem.to} == {where}
    whole = (contracts.PUSD, bytes(32), bytes.fromhex("c5" * 32), (1, 2), 5_000_000)
    assert calldata.SPLIT_POSITION.arguments(split.data) == whole
    assert calldata.MERGE_POSITIONS.arguments(merge.data) == whole
    assert calldata.REDEEM_POSITIONS.arguments(redeem.data) == whole[:4]
    allow, permit = positions.approvals(family)
    assert (allow.to, permit.to) == (contracts.PUSD, contracts.CONDITIONAL_TOKENS)
    assert calldata.APPROVE.arguments(allow.data) == (where, positions.ENDLESS)
    assert calldata.SET_APPROVAL_FOR_ALL.arguments(permit.data) == (where, True)


@pytest.mark.parametrize("condition", [V2_CONDITION, "0x" + V2_CONDITION + "00"])
def test_protocol_v2_goes_through_the_router_with_31_bytes(condition: str) -> None:
    split = positions.split("router", condition, 7)
    assert split.to == contracts.ROUTER
    kinds = ["bytes31", "uint256"]
    assert decode(kinds, split.data[4:]) == (bytes.fromhex(V2_CONDITION), 7)
    assert positions.merge("router", condition, 7).data[4:] == split.data[4:]
    redeem = positions.redeem_v2(condition, 1, 7)
    short, outcome, amount = calldata.ROUTER_REDEEM.arguments(redeem.data)
    assert (short, outcome, amount) == (bytes.fromhex(V2_CONDITION), 1, 7)
    _, permit = positions.approvals("router")
    assert permit.to == contracts.POSITION_MANAGER


def test_a_conversion_goes_to_the_neg_risk_adapter() -> None:
    call = positions.convert(CONDITION, 0b101, 9)
    assert call.to == contracts.NEG_RISK_ADAPTER
    assert calldata.NEG_RISK_CONVERT.arguments(call.data) == (bytes.fromhex("c5" * 32), 5, 9)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: positions.split("ctf", CONDITION, 0),
        lambda: positions.merge("ctf", CONDITION, -1),
        lambda: positions.split("ctf", CONDITION[:-2], 1),
        lambda: positions.split("router", CONDITION, 1),
        lambda: positions.redeem_v2(V2_CONDITION, 2, 1),
        lambda: positions.convert(CONDITION, 0, 1),
        lambda: calldata.APPROVE("0x12", 1),
        lambda: calldata.APPROVE(contracts.PUSD, -1),
        lambda: calldata.APPROVE(contracts.PUSD, 2**256),
        lambda: calldata.APPROVE(contracts.PUSD),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(mistake: object) -> None:
    assert callable(mistake)
    with pytest.raises(ValueError, match=r".+"):
        mistake()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**256 - 1)), max_size=20))
def test_a_multicall_gives_each_answer_to_its_question(told: list[tuple[bool, int]]) -> None:
    reads = [Read(contracts.PUSD, calldata.BALANCE_OF, (contracts.ROUTER,)) for _ in told]
    call = calldata.multicall(reads)
    assert call.to == contracts.MULTICALL3
    (sent,) = calldata.AGGREGATE3.arguments(call.data)
    assert [(to, allowed, data) for to, allowed, data in sent] == [
        (read.to, True, read.data) for read in reads
    ]
    answers = [(worked, encode(["uint256"], [number])) for worked, number in told]
    data = encode(["(bool,bytes)[]"], [answers])
    assert calldata.multicall_results(reads, data) == [
        (number,) if worked else None for worked, number in told
    ]


def test_an_answer_without_data_is_a_failure_and_no_zero() -> None:
    read = Read(contracts.PUSD, calldata.BALANCE_OF, (contracts.ROUTER,))
    data = encode(["(bool,bytes)[]"], [[(True, b"")]])
    assert calldata.multicall_results([read], data) == [None]
    with pytest.raises(AnswerRefused, match="balanceOf"):
        calldata.BALANCE_OF.read(b"\x01")


def test_types_are_split_at_their_outer_commas() -> None:
    assert split_types("(address,bool,bytes)[],uint256") == ("(address,bool,bytes)[]", "uint256")
    assert split_types("") == ()
    with pytest.raises(AnswerRefused, match="of another function"):
        Function("f()").arguments(b"1234")


def order(salt: int, side: str, gives: int, gets: int) -> SignedOrder:
    return SignedOrder(
        salt=salt,
        maker=Address("0x" + "aa" * 20),
        signer=Address("0x" + "bb" * 20),
        token=77,
        maker_amount=gives,
        taker_amount=gets,
        side="buy" if side == "buy" else "sell",
        signature_type=2,
        timestamp_ms=1_790_000_000_000,
        signature=b"\x01" * 65,
    )


def test_a_match_carries_all_orders_fills_and_fees() -> None:
    taker = Share(order(1, "buy", 500_000, 1_000_000), 400_000, 3)
    makers = [
        Share(order(2, "sell", 900_000, 450_000), 300_000, 0),
        Share(order(3, "sell", 900_000, 450_000), 500_000, 1),
    ]
    call = match_orders(b"\xc5" * 32, taker, makers, neg_risk=False)
    assert call.to == contracts.EXCHANGE_V2
    assert match_orders(b"\xc5" * 32, taker, makers, neg_risk=True).to == (
        contracts.NEG_RISK_EXCHANGE_V2
    )
    told = MATCH_ORDERS.arguments(call.data)
    assert told[0] == b"\xc5" * 32
    assert told[1] == taker.order.fields
    assert list(told[2]) == [share.order.fields for share in makers]
    assert told[3:] == (400_000, (300_000, 500_000), 3, (0, 1))
    assert (told[1][6], told[2][0][6]) == (0, 1)
    with pytest.raises(ValueError, match="at least one maker"):
        match_orders(b"\xc5" * 32, taker, [], neg_risk=False)
    with pytest.raises(ValueError, match="a fill of 500001"):
        match_orders(b"\xc5" * 32, Share(taker.order, 500_001, 0), makers, neg_risk=False)
