"""Wallets of the local venue moved by Polymarket's official SDK, with and without a chain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chain.venue_desk import tools
from tests.local_venue.judges import QUIET, WAIT_S, Case, Court, court, step
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.polymarket.relayer.keys import relayer_key
from underround.model.units import shares, usd
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.wallets import SignatureType

SDK: Any = "polymarket-client"
STRANGER = "0x" + "5b" * 32
RELAYED = ("POLY_PROXY", "POLY_GNOSIS_SAFE", "POLY_1271")


@pytest.fixture(scope="module", name="held")
def _held() -> Iterator[Court]:
    with court() as opened:
        yield opened


async def move_in(case: Case, name: str, kind: str = "POLY_1271") -> None:
    who = case.person(name)
    relayer = {"key": who.relayer_key, "address": who.owner}
    await case.open(name, kind, relayer=relayer)


def doing(case: Case, who: str) -> Any:
    """Return what calls a method of somebody's client."""

    async def do(name: str, **given: object) -> Any:
        return await case.ask("call", who=who, name=name, given=given)

    return do


def test_older_kinds_of_wallet_split_and_send_by_the_relayer_without_a_chain(held: Court) -> None:
    """For a deposit wallet the SDK asks a node for its time, wherever it is not Polymarket's."""

    async def flow(case: Case) -> None:
        async with case.hurrying():
            for kind in RELAYED[:2]:
                await split_and_send(case, kind)

    held.hold(SDK, QUIET, flow)


@pytest.mark.chain
def test_every_relayed_kind_of_wallet_splits_and_sends_on_a_real_chain(held: Court) -> None:
    async def flow(case: Case) -> None:
        async with case.hurrying():
            for kind in RELAYED:
                await split_and_send(case, kind)

    held.hold(SDK, QUIET, flow, tools())


async def split_and_send(case: Case, kind: str) -> None:
    await move_in(case, "alice", kind)
    do = doing(case, "alice")
    condition = case.condition("quiet-even")
    outcome = await do("split_position", condition_id=condition, amount=usd("25"))
    assert len(outcome["transaction_hash"]) == 66
    assert case.held("alice", "quiet-even", 0, kind) == shares("25")
    assert case.held("alice", "quiet-even", 1, kind) == shares("25")
    sent = {
        "token_address": POLYGON.collateral,
        "recipient_address": case.person("bob").wallets[kind],
    }
    await do("transfer_erc20", amount=usd("5"), **sent)
    assert case.kept("alice", kind) == (usd("9970"), 0, 0)
    assert case.kept("bob", kind) == (usd("10005"), 0, 0)
    more = {"amount": usd("9970.01"), **sent}
    refused = await case.refused("call", who="alice", name="transfer_erc20", given=more)
    assert refused.kind == "TransactionFailedError"
    assert case.kept("alice", kind) == (usd("9970"), 0, 0)


def test_a_newcomer_gets_a_deposit_wallet_from_the_relayer(held: Court) -> None:
    async def flow(case: Case) -> None:
        owner = EvmKey(Lent("", STRANGER)).address
        relayer = {"key": relayer_key(case.venue.world.seed, owner), "address": owner}
        async with case.hurrying():
            told = await case.ask(
                "open", who="stranger", key=STRANGER, kind="", wallet=None, relayer=relayer
            )
        assert told["wallet"] == wallet_of(owner, SignatureType.POLY_1271).maker
        assert told["wallet_type"] == "DEPOSIT_WALLET"
        assert (await case.ask("balance", who="stranger"))["balance"] == "0"

    held.hold(SDK, QUIET, flow)


@pytest.mark.chain
def test_on_a_real_chain_sets_are_split_traded_merged_and_redeemed_and_data_tells_it_all(
    held: Court,
) -> None:
    async def flow(case: Case) -> None:
        async with case.hurrying():
            await live_on_chain(case)

    held.hold(SDK, QUIET, flow, tools())


async def live_on_chain(case: Case) -> None:
    await move_in(case, "alice")
    do = doing(case, "alice")
    even, red = case.condition("quiet-even"), case.condition("quiet-race-red")
    yes, no = case.token("quiet-even"), case.token("quiet-even", 1)

    state = await do("get_trading_approvals_state")
    assert not state["is_fully_approved"]  # for perpetuals, which are another product
    await do("setup_trading_approvals")
    assert (await do("get_trading_approvals_state"))["is_fully_approved"]

    await do("split_position", condition_id=even, amount=usd("100"))
    await do("merge_positions", condition_id=even, amount=usd("30"))
    await do("split_position", condition_id=red, amount=usd("20"))
    await do("merge_positions", condition_id=red, amount="max")
    await case.agrees("alice", usd("9930"), {yes: shares("70"), no: shares("70")})

    sold = await case.ask(
        "place", who="alice", token=yes, side="SELL", amount="50", price="0.49", tif="FOK"
    )
    bought = await case.ask(
        "place", who="alice", token=no, side="BUY", amount="5.10", price="0.51", tif="FOK"
    )
    for placed in (sold, bought):
        (row,) = await case.ask("settled", who="alice", trades=placed["trades"])
        assert (row["status"], len(row["transaction_hash"])) == ("CONFIRMED", 66)
    cash = usd("9930") + usd("24.5") - usd("5.1")
    await case.agrees("alice", cash, {yes: shares("20"), no: shares("80")})

    positions = {each["token_id"]: each for each in await do("list_positions")}
    assert {token: each["current_size"] for token, each in positions.items()} == {
        yes: "20",
        no: "80",
    }
    assert sorted(
        (each["side"], each["size"], each["price"]) for each in await do("list_trades")
    ) == [("BUY", "10", "0.51"), ("SELL", "50", "0.49")]

    step(case, do="resolve", market="quiet-even", wins="NO")
    await next_block(case)  # The oracle's report has to be in one before anybody can redeem.
    await do("redeem_positions", condition_id=even)
    await case.agrees("alice", cash + usd("80"), {yes: 0, no: 0})
    kinds = {str(each["type"]) for each in await do("list_activity")}
    assert kinds == {"SPLIT", "MERGE", "TRADE", "REDEEM"}
    assert await do("list_positions") == []


async def next_block(case: Case) -> None:
    """Wait until the chain has two more blocks: the first may have been under way."""
    chain, enough = case.venue._chain, asyncio.Event()
    assert chain is not None
    wanted = chain.blocks.head + 2

    async def made(head: int, _final: int, _now: int) -> None:
        if head >= wanted:
            enough.set()

    chain.blocks.listen(made)
    await asyncio.wait_for(enough.wait(), WAIT_S)


@pytest.mark.chain
def test_on_a_real_chain_an_account_without_a_wallet_contract_sends_its_own_transactions(
    held: Court,
) -> None:
    async def flow(case: Case) -> None:
        async with case.hurrying():
            await case.open("bob", "EOA")
            do = doing(case, "bob")
            even = case.condition("quiet-even")
            await do("split_position", condition_id=even, amount=usd("12"))
            await do("merge_positions", condition_id=even, amount=usd("2"))
            have = {case.token("quiet-even"): shares("10")}
            await case.agrees("bob", usd("9990"), have, "EOA")

    held.hold(SDK, QUIET, flow, tools())
