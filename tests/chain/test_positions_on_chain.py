"""Approve, split, merge, transfer, resolve and redeem, on the real Conditional Tokens."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from tests.chain.desk import Desk, desk
from tests.chain.keys import key_of
from tests.chain.node import Anvil
from underround.model.errors import RequestRefused
from underround.venues.ethereum import keccak
from underround.venues.polygon import calldata, positions
from underround.venues.polygon.accounts import Accounts, Payout
from underround.venues.polygon.answers import Receipt
from underround.venues.polygon.calldata import Read
from underround.venues.polygon.contracts import (
    CONDITIONAL_TOKENS,
    CTF_ADAPTER,
    PUSD,
    USDC_E,
    WRAPPED_COLLATERAL,
)
from underround.venues.polygon.ctf_events import (
    ConditionResolution,
    PayoutRedemption,
    PositionSplit,
)
from underround.venues.polygon.events import decode_event
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call
from underround.venues.polygon.transactions import Transaction

ORACLE = "0x00000000000000000000000000000000000000cc"
QUESTION = keccak(b"does the calldata execute?")
NO_PARENT = bytes(32)
VECTORS = [
    # Condition ids and position ids of markets on Polygon, 2024 to 2026-10.
    (
        USDC_E,
        "fc690d5069b296bb9278af0cba42c02666e0999e4a4009ed97ea4a885f045457",
        73716170047628147940237270507900673332129573201293655532643868111690843426372,
        2890213445014127424511466931609154310536269586265875141655148162320150952197,
    ),
    (
        WRAPPED_COLLATERAL,
        "bf5ba08b3a0c4dd741f00759282e38e9bfa9ad59aa623ed13d26a8786c1e5afc",
        84121562275746951169805992721206824933074826856805500029198362509460400440947,
        6492254133524731704185750998715576231739345323060925006131340263114065023619,
    ),
]


def on_ctf(call: Call) -> Call:
    """The adapters take the same calldata as Conditional Tokens itself, which we have."""
    return msgspec.structs.replace(call, to=CONDITIONAL_TOKENS)


async def done(at: Desk, anvil: Anvil, call: Call) -> Transaction:
    """Send a call and follow it until it is final."""
    sent = await at.sender.submit(call)
    anvil.mine(3)
    ended = await at.sender.advance(sent)
    assert ended.state == "final", ended
    return ended


async def ids_of(accounts: Accounts, collateral: Address, condition: bytes) -> tuple[int, int]:
    """Ask the contract for the two position ids of a binary condition."""
    found = []
    for index_set in positions.BINARY:
        collection = await accounts.read(
            [Read(CONDITIONAL_TOKENS, calldata.COLLECTION_ID, (NO_PARENT, condition, index_set))]
        )
        assert collection[0] is not None
        position = await accounts.read(
            [Read(CONDITIONAL_TOKENS, calldata.POSITION_ID, (collateral, collection[0][0]))]
        )
        assert position[0] is not None
        found.append(position[0][0])
    return found[0], found[1]


def test_dollars_become_positions_and_positions_become_dollars(anvil: Anvil) -> None:
    async def scenario() -> None:
        condition = anvil.prepare(ORACLE, QUESTION)
        async with desk(anvil) as at:
            anvil.mint(at.address, 10_000_000)
            accounts = Accounts(at.rpc)
            await done(at, anvil, positions.allow_collateral(CONDITIONAL_TOKENS))
            assert await accounts.allowance(at.address, CONDITIONAL_TOKENS) == positions.ENDLESS
            split = await done(
                at, anvil, on_ctf(positions.split("ctf", condition.hex(), 10_000_000))
            )
            tokens = await ids_of(accounts, PUSD, condition)
            assert await accounts.positions(at.address, tokens) == [10_000_000, 10_000_000]
            assert await accounts.collateral(at.address) == 0
            receipt = await at.rpc.call(Receipt, "eth_getTransactionReceipt", split.landed)
            events = [decode_event(log.topics, log.data) for log in receipt.logs]
            (told,) = [event for event in events if isinstance(event, PositionSplit)]
            assert (told.stakeholder, told.condition, told.partition, told.amount) == (
                at.address,
                condition,
                (1, 2),
                10_000_000,
            )
            await done(at, anvil, on_ctf(positions.merge("ctf", condition.hex(), 3_000_000)))
            assert await accounts.positions(at.address, tokens) == [7_000_000, 7_000_000]
            assert await accounts.collateral(at.address) == 3_000_000

    asyncio.run(scenario())


def test_a_resolved_position_pays_what_the_oracle_said(anvil: Anvil) -> None:
    async def scenario() -> None:
        condition = anvil.prepare(ORACLE, QUESTION)
        other = Address(key_of("other").address.lower())
        async with desk(anvil) as at:
            anvil.mint(at.address, 10_000_001)
            accounts = Accounts(at.rpc)
            await done(at, anvil, positions.allow_collateral(CONDITIONAL_TOKENS))
            await done(at, anvil, on_ctf(positions.split("ctf", condition.hex(), 10_000_001)))
            yes, no = await ids_of(accounts, PUSD, condition)
            move = calldata.TRANSFER_POSITION(at.address, other, no, 4_000_000, b"")
            await done(at, anvil, Call(CONDITIONAL_TOKENS, move))
            redeem = on_ctf(positions.redeem("ctf", condition.hex()))
            assert await accounts.payouts([condition]) == [None]
            with pytest.raises(RequestRefused, match="result for condition not received yet"):
                await at.sender.submit(redeem)

            anvil.resolve(ORACLE, QUESTION, [1, 2])
            (payout,) = await accounts.payouts([condition])
            assert payout == Payout((1, 2), 3)
            redeemed = await done(at, anvil, redeem)
            expected = payout.paid(0, 10_000_001) + payout.paid(1, 6_000_001)
            assert await accounts.collateral(at.address) == expected
            assert await accounts.positions(at.address, [yes, no]) == [0, 0]
            assert await accounts.positions(other, [no]) == [4_000_000]
            receipt = await at.rpc.call(Receipt, "eth_getTransactionReceipt", redeemed.landed)
            events = [decode_event(log.topics, log.data) for log in receipt.logs]
            (told,) = [event for event in events if isinstance(event, PayoutRedemption)]
            assert (told.redeemer, told.payout) == (at.address, expected)

    asyncio.run(scenario())


def test_an_operator_may_move_positions_until_it_is_told_otherwise(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            accounts = Accounts(at.rpc)
            assert not await accounts.may_move_positions(at.address, CTF_ADAPTER)
            allow, permit = positions.approvals("ctf")
            await done(at, anvil, allow)
            await done(at, anvil, permit)
            assert await accounts.may_move_positions(at.address, CTF_ADAPTER)
            assert await accounts.allowance(at.address, CTF_ADAPTER) == positions.ENDLESS
            await done(at, anvil, positions.allow_positions(CTF_ADAPTER, allowed=False))
            assert not await accounts.may_move_positions(at.address, CTF_ADAPTER)

    asyncio.run(scenario())


@pytest.mark.parametrize("collateral, condition, yes, no", VECTORS)
def test_the_contract_names_positions_as_the_venue_does(
    anvil: Anvil, collateral: Address, condition: str, yes: int, no: int
) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            told = await ids_of(Accounts(at.rpc), collateral, bytes.fromhex(condition))
            assert told == (yes, no)

    asyncio.run(scenario())


@pytest.mark.shared
def test_the_contract_names_the_positions_of_all_vectors(anvil: Anvil, shared: Path) -> None:
    path = shared / "venues/samples/polymarket/signing/ctf_position_id_vectors.json"
    vectors = json.loads(path.read_text())["vectors"]
    collaterals = {"usdce": USDC_E, "wrapped_negrisk": WRAPPED_COLLATERAL}

    async def scenario() -> None:
        async with desk(anvil) as at:
            for vector in vectors:
                collateral = collaterals[vector["collateral"]]
                condition = bytes.fromhex(vector["condition_id"][2:])
                told = await ids_of(Accounts(at.rpc), collateral, condition)
                assert told == (int(vector["yes_index_set_1"]), int(vector["no_index_set_2"]))

    asyncio.run(scenario())


def test_a_condition_id_is_the_hash_of_oracle_question_and_two(anvil: Anvil) -> None:
    condition = anvil.prepare(ORACLE, QUESTION)
    packed = bytes.fromhex(ORACLE[2:]) + QUESTION + (2).to_bytes(32, "big")
    assert condition == keccak(packed)


def test_a_resolution_is_read_from_its_log(anvil: Anvil) -> None:
    async def scenario() -> None:
        condition = anvil.prepare(ORACLE, QUESTION)
        anvil.resolve(ORACLE, QUESTION, [0, 1])
        block = anvil.rpc("eth_getBlockByNumber", "latest", False)
        async with desk(anvil) as at:
            receipt = await at.rpc.call(
                Receipt, "eth_getTransactionReceipt", block["transactions"][0]
            )
            (log,) = receipt.logs
            told = decode_event(log.topics, log.data)
            assert isinstance(told, ConditionResolution)
            assert (told.condition, told.oracle, told.numerators) == (condition, ORACLE, (0, 1))

    asyncio.run(scenario())
