"""Matching on chain: the role is asked for before a call is given out."""

from __future__ import annotations

import pytest

from tests.aio import run
from tests.venues.polygon.test_rpc import answering, at, nodes
from underround.model.errors import AccountError, AnswerRefused
from underround.venues.polygon.accounts import Accounts
from underround.venues.polygon.contracts import EXCHANGE_V2, NEG_RISK_EXCHANGE_V2
from underround.venues.polygon.matching import Share, SignedOrder, match_orders, operator_match
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call

OPERATOR = Address("0x00000000000000000000000000000000000000ee")
MAKER = Address("0x00000000000000000000000000000000000000aa")
YES, NO = "0x" + "0" * 63 + "1", "0x" + "0" * 64


def share() -> Share:
    order = SignedOrder(
        salt=1, maker=MAKER, signer=MAKER, token=7, maker_amount=10, taker_amount=20, side="buy",
        signature_type=0, timestamp_ms=1, signature=b"s",
    )  # fmt: skip
    return Share(order, fill=10, fee=0)


async def asked(result: str, *, neg_risk: bool = False) -> Call:
    async with nodes(at(answering({"eth_call": result}))) as (rpc, _):
        taker, makers = share(), [share()]
        return await operator_match(
            Accounts(rpc), OPERATOR, bytes(32), taker, makers, neg_risk=neg_risk
        )


@pytest.mark.parametrize("neg_risk, exchange", [(False, EXCHANGE_V2), (True, NEG_RISK_EXCHANGE_V2)])
def test_an_operator_is_given_the_call_of_its_exchange(neg_risk: bool, exchange: Address) -> None:
    call = run(asked(YES, neg_risk=neg_risk))
    assert call == match_orders(bytes(32), share(), [share()], neg_risk=neg_risk)
    assert call.to == exchange


def test_whoever_is_no_operator_is_given_no_call() -> None:
    with pytest.raises(AccountError, match="is no operator of the exchange"):
        run(asked(NO))


@pytest.mark.parametrize("result, expected", [(YES, True), (NO, False)])
def test_the_exchange_says_who_is_an_operator(result: str, expected: bool) -> None:
    async def main() -> bool:
        async with nodes(at(answering({"eth_call": result}))) as (rpc, _):
            return await Accounts(rpc).is_operator(OPERATOR)

    assert run(main()) is expected


def test_an_address_without_a_contract_says_nobody_s_role() -> None:
    with pytest.raises(AnswerRefused, match="is there a contract"):
        run(asked("0x"))
