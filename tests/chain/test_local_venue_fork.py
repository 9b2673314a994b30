"""Continuing another chain: its exchange stays, its operator is found, its money is real there."""

from __future__ import annotations

import asyncio

import pytest

from tests.chain.venue_desk import START, Desk, tools, venue
from underround.local_venue.chain import placed
from underround.local_venue.chain.local_chain import ChainTerms, LocalChain
from underround.local_venue.chain.settlement import ChainSettlement
from underround.local_venue.clock import HandClock
from underround.local_venue.faults import Reorg
from underround.local_venue.world import World
from underround.model.errors import ConfigError
from underround.model.market import Market
from underround.model.units import shares, usd
from underround.venues.polygon import positions
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.wallets import SignatureType

EOA = SignatureType.EOA
LATER = START + 3_600 * 10**9


async def _traded(desk: Desk) -> Market:
    """Let there be a match on the chain that will be continued."""
    rain = desk.list("rain")
    desk.exchange.custody.split(desk.account("alice"), rain.id, shares("50"))
    await desk.block()
    desk.place("alice", rain, "sell", "0.40", "30")
    desk.place("bob", rain, "buy", "0.40", "30")
    await desk.settle()
    return rain


def test_matches_settle_on_the_exchange_of_the_chain_that_is_continued() -> None:
    async def story() -> None:
        async with venue() as there:
            await _traded(there)
            head = there.chain.blocks.head
            terms = ChainTerms(fork=there.chain.node.url)
            async with venue(("carol", "dave"), terms=terms, seed=8, start=LATER) as here:
                assert here.chain.blocks.head > head
                settlement = here.world.settlement
                assert isinstance(settlement, ChainSettlement)
                assert settlement.operator == placed.OPERATOR
                sun = here.list("sun", rate=70_000)
                here.exchange.custody.split(here.account("carol"), sun.id, shares("50"))
                await here.block()
                here.place("carol", sun, "sell", "0.40", "30", kind=SignatureType.POLY_1271)
                sold = here.place("dave", sun, "buy", "0.45", "20", kind=EOA)
                minted = here.place("dave", sun, "buy", "0.50", "5", outcome=1)
                here.world.faults.set(Reorg(count=1), here.clock.now())  # has no effect here
                await here.settle()
                assert here.trade(sold).status == "CONFIRMED"
                assert minted.state == "live"
                await here.raw("dave", positions.split("ctf", sun.id.native, shares("3")))
                here.resolve(sun, 1, 0)
                await here.block()
                await here.raw("dave", positions.redeem("ctf", sun.id.native))
                await here.block()
                assert here.exchange.custody.balance(here.account("dave", EOA)) > usd("10000")
            # Nothing of it reached the other chain.
            await there.agree()
            assert int(await there.chain.node.rpc("eth_blockNumber"), 16) == head

    asyncio.run(story())


def test_a_wallet_of_the_continued_chain_trades_here_with_what_it_had_there() -> None:
    async def story() -> None:
        async with venue() as there:
            rain = await _traded(there)
            terms = ChainTerms(fork=there.chain.node.url)
            async with venue(("carol",), terms=terms, seed=8, start=LATER) as here:
                same = here.list("rain")
                assert same.id == rain.id
                here.people |= there.people
                alice = here.account("alice")
                assert await here.chain.adopt(alice) == alice
                custody = here.exchange.custody
                assert custody.balance(alice) == there.exchange.custody.balance(alice)
                assert custody.balance(alice, rain.outcome(0)) == shares("20")
                assert custody.allowed(alice, POLYGON.exchange, shares=True)
                await here.block()
                here.place("alice", same, "sell", "0.30", "20")
                bought = here.place("carol", same, "buy", "0.30", "20")
                await here.settle()
                assert here.trade(bought).status == "CONFIRMED"
                assert custody.balance(alice, rain.outcome(0)) == 0

    asyncio.run(story())


def test_a_chain_on_which_nobody_matched_lately_cannot_be_continued() -> None:
    async def story() -> None:
        async with venue() as there:
            chain = LocalChain(tools(), ChainTerms(fork=there.chain.node.url))
            World(HandClock(LATER), seed=8, settlement=chain.settlement)
            with pytest.raises(ConfigError, match="nobody matched on the exchanges of that chain"):
                await chain.start(run=False)

    asyncio.run(story())


def test_an_endpoint_that_does_not_answer_is_named_without_what_may_be_its_key() -> None:
    async def story() -> None:
        url = "http://user:secret@127.0.0.1:1/v2/secret"
        chain = LocalChain(tools(), ChainTerms(fork=url))
        World(HandClock(LATER), seed=8, settlement=chain.settlement)
        with pytest.raises(ConfigError, match=r"the chain behind http://127\.0\.0\.1:1") as told:
            await chain.start(run=False)
        assert "secret" not in str(told.value)

    asyncio.run(story())
