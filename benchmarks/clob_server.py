"""Run by ``benchmarks/local_clob.py`` in a process of its own, on one core: the local CLOB.

Prints what the orders are to be about as one line of JSON and serves until stdin ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

import msgspec
import uvloop

from underround.local_venue.catalogue import question_ids
from underround.local_venue.clock import RunningClock
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.participants import Participant, fund, participant
from underround.local_venue.polymarket.clob.limits import AddressLimits, Window
from underround.local_venue.polymarket.clob.rest import routes_of
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.pump import pump
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World
from underround.model.fees import PolymarketFees
from underround.model.ids import POLYMARKET, MarketId
from underround.model.listing import Listing
from underround.model.market import Market, uniform_ticks
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import AccountId

MEMBERS: Final = 8
_PLENTY: Final = usd("100000000")


class Offer(msgspec.Struct, frozen=True):
    """Where the server is, who may trade, and in what."""

    url: str
    token: str
    members: list[Participant]


def _list_market(world: World, now: int) -> Market:
    question, condition, tokens = question_ids("benchmark", neg_risk=False)
    market = Market(
        id=MarketId(POLYMARKET, condition),
        title="How fast?",
        outcomes=("Yes", "No"),
        tokens=tokens,
        currency="pUSD",
        ticks=(uniform_ticks("0.01"),),
        min_size=5 * ONE,
        size_step=10_000,
        fees=PolymarketFees(70_000),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )
    listing = Listing(
        market=market,
        slug="benchmark",
        state="open",
        protocol="v1",
        rules="None.",
        ends_ns=None,
        fee_history=(),
    )
    world.list_market(world.catalogue.add_event("benchmark", "Benchmark"), listing, now, question)
    return market


async def main() -> None:
    """Serve until stdin ends."""
    clock = RunningClock()
    world = World(clock, settlement=TimedSettlement)
    market = _list_market(world, clock.now())
    members = [participant(f"m{each}", each, world.accounts, 0) for each in range(MEMBERS)]
    for member in members:
        # Faster than any member of the venue may be: several of them share the load.
        world.accounts.tiers[member.owner] = "Elite"
        account = AccountId(member.maker)
        fund(world, account, _PLENTY)
        world.polymarket.custody.split(account, market.id, _PLENTY // 2)
    addresses = AddressLimits({"all": Window(1_000_000_000)})
    server = ClobServer(world, PublishedBooks(world), address_limits=addresses)
    host = HttpHost("clob", world, routes_of(server))
    url = await host.start()
    running = asyncio.create_task(pump(world, clock))
    print(msgspec.json.encode(Offer(url, market.tokens[0], members)).decode(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    running.cancel()
    await host.stop()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    uvloop.run(main())
