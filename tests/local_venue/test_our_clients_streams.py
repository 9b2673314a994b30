"""Our pools and live feeds on the local venue's streams, whatever goes wrong on the wire."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import pytest

from tests import aio
from tests.local_venue.our_clients import SECOND, Ours, ours
from underround.app.live.channels import Channel, feeds_of
from underround.app.live.feeds import Feeds
from underround.local_venue.faults import (
    AnyFault,
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Freeze,
    Lose,
    Reorder,
    Stream,
)
from underround.local_venue.references.allora_chain import CHAIN
from underround.market.hub import Hub
from underround.market.trust import BookRules
from underround.model.ids import KALSHI, POLYMARKET, YES, OrderId
from underround.model.market import Catalogue, Market
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import AccountId, Submission
from underround.venues.allora.hosts import Network
from underround.venues.allora.stream import AlloraDialect
from underround.venues.binance.stream import BinanceDialect
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.kalshi.stream import USER_CHANNELS, KalshiDialect, KalshiUserDialect
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.polybolt import SPOT
from underround.venues.polymarket.prices_stream import PolyboltDialect, RtdsDialect
from underround.venues.polymarket.stream import ACCOUNT, MarketDialect, UserDialect
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.streams.pool import Pool

STREAMS: Final[dict[Stream, Callable[[Ours], tuple[Dialect, tuple[Topic, ...]]]]] = {
    "polymarket.market": lambda here: (
        MarketDialect(lambda: here.tokens, here.at.clob_market_stream), here.market.tokens,
    ),
    "polymarket.user": lambda here: (
        UserDialect(here.credentials(), here.at.clob_user_stream), (ACCOUNT,),
    ),
    "polymarket.polybolt": lambda here: (
        PolyboltDialect(here.credentials(), here.at.live_prices_stream), (f"{SPOT}:btcusd",),
    ),
    "polymarket.rtds": lambda here: (
        RtdsDialect(here.at.rtds_stream), ("crypto_prices:btcusdt",),
    ),
    "kalshi.ws": lambda here: (
        KalshiUserDialect(here.signer(), here.kalshi_hosts), USER_CHANNELS,
    ),
    "binance.ws": lambda here: (
        BinanceDialect(here.at.binance_stream), ("btcusdt@aggTrade", "ethusdt@aggTrade"),
    ),
    "allora.ws": lambda here: (
        AlloraDialect(Network(CHAIN, here.at.allora, here.at.allora_events), "v10"), ("13",),
    ),
}  # fmt: skip


async def until(true: Callable[[], bool], seconds: float = 600) -> None:
    """Let the loop's time pass until it is true."""
    for _ in range(round(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never became true")


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Heard:
    """A pool on one stream, and what it delivered."""

    def __init__(self, here: Ours, stream: Stream) -> None:
        dialect, topics = STREAMS[stream](here)
        self.topics = topics
        self.connections: list[int] = []
        """Of each frame that said something."""
        self.pool = Pool(
            dialect, self._deliver, here.world.clock.now, random.Random(1), sockets=1
        )  # fmt: skip
        self.pool.subscribe([topics])

    def _deliver(self, _stream: str, connection: int, _recv_ns: int, payload: bytes) -> None:
        if payload:
            self.connections.append(connection)

    def proven(self) -> bool:
        return self.pool.status()[0].proven == len(self.topics)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_connection_that_breaks_is_opened_and_proven_again(stream: Stream) -> None:
    async def main() -> None:
        async with ours() as here:
            await asyncio.sleep(5)
            heard = Heard(here, stream)
            running = asyncio.ensure_future(heard.pool.run())
            await until(heard.proven)
            here.world.faults.set(Drop(stream=stream, count=1), here.now)
            await until(lambda: 1 in heard.connections)
            await until(heard.proven)
            assert set(heard.connections) == {0, 1}
            await _end(running)

    aio.run(main())


@pytest.mark.parametrize(
    "stream", ["polymarket.polybolt", "polymarket.rtds", "binance.ws", "allora.ws"]
)
def test_a_stream_of_values_that_freezes_is_given_up_and_heard_again_afterwards(
    stream: Stream,
) -> None:
    """Pings are answered all the while: that no value comes is all that tells."""

    async def main() -> None:
        async with ours() as here:
            await asyncio.sleep(5)
            heard = Heard(here, stream)
            running = asyncio.ensure_future(heard.pool.run())
            await until(heard.proven)
            here.world.faults.set(Freeze(stream=stream, for_ms=180_000), here.now)
            thaws = here.now + 180 * SECOND
            await until(lambda: not heard.proven())
            assert here.now < thaws
            before = max(heard.connections)
            await until(lambda: max(heard.connections) > before)
            assert here.now >= thaws
            await _end(running)

    aio.run(main())


# --- books ---------------------------------------------------------------------------------------


class Followed:
    """The platform's live books of both venues, and somebody who moves the venues'."""

    def __init__(self, here: Ours) -> None:
        self.here = here
        self.markets: list[Market] = [here.market, here.listing("tails").market]
        self.markets.append(here.kalshi_market)
        catalogue = Catalogue(tuple(self.markets))
        tokens = catalogue.by_token()
        channels = [
            Channel(
                venue=POLYMARKET,
                dialect=MarketDialect(lambda: tokens, here.at.clob_market_stream),
                decoder=PolymarketDecoder(tokens),
                codec="polymarket",
                proof="venue_hash",
                topics=lambda market: market.tokens if market.id.venue == POLYMARKET else (),
                sockets=1,
            ),
            Channel(
                venue=KALSHI,
                dialect=KalshiDialect(here.signer(), here.kalshi_hosts),
                decoder=KalshiDecoder(tokens),
                codec="kalshi",
                proof="sequence",
                topics=lambda market: (market.id.native,) if market.id.venue == KALSHI else (),
                sockets=1,
            ),
        ]
        rules = BookRules()
        self.hub = Hub(
            catalogue, feeds_of(channels, rules), rules,
            {POLYMARKET: book_hash}, {POLYMARKET: snapshot_hash},
        )  # fmt: skip
        clock = here.world.clock.now
        self.feeds = Feeds(self.hub, channels, lambda *_: None, clock, random.Random(7))
        self._number = 0

    def equal(self) -> bool:
        """Whether every book is trusted and is the exchange's."""
        for market in self.markets:
            ours, world = self.hub.books.get(market.id), self.here.world
            if ours is None or not ours.trusted:
                return False
            venue = world.polymarket if market.id.venue == POLYMARKET else world.kalshi
            bids, asks = venue.levels(market.id)
            if list(ours.book.bids_of(YES)) != [(each.price, each.size) for each in bids]:
                return False
            if list(ours.book.asks_of(YES)) != [(each.price, each.size) for each in asks]:
                return False
        return True

    def move(self, chance: random.Random, count: int) -> None:
        """Let somebody quote, take and cancel at both venues."""
        world = self.here.world
        for _ in range(count):
            now, market = world.act(), chance.choice(self.markets)
            polymarket = market.id.venue == POLYMARKET
            self._number += 1
            account = AccountId(self.here.who.maker if polymarket else self._member())
            sent = Submission(
                id=OrderId(f"0x{self._number:064x}"), account=account, owner="somebody",
                outcome=market.outcome(chance.randrange(2)), side="buy",
                price=usd(f"0.{chance.randrange(30, 70)}"), size=chance.randrange(5, 20) * ONE,
                tif=chance.choice(("GTC", "GTC", "FAK")), created_ns=now,
            )  # fmt: skip
            exchange = world.polymarket if polymarket else world.kalshi
            exchange.submit(sent, now)
            if chance.random() < 0.4:
                resting = [o for o in exchange.resting(market.id) if o.sent.account == account]
                if resting:
                    exchange.cancel([chance.choice(resting).sent.id], now)

    def _member(self) -> str:
        key = self.here.venue.kalshi.members.keys[self.here.member.key_id]
        return str(key.member)


FAULTS: Final[dict[str, Callable[[Stream], AnyFault]]] = {
    "lose": lambda stream: Lose(stream=stream, count=4, per_mille=200),
    "duplicate": lambda stream: Duplicate(stream=stream, count=6, per_mille=300),
    "reorder": lambda stream: Reorder(stream=stream, count=4, per_mille=200),
    "corrupt": lambda stream: Corrupt(stream=stream, count=3, per_mille=200),
    "drop": lambda stream: Drop(stream=stream, count=1),
    "delay": lambda stream: Delay(stream=stream, ms=300, for_ms=4_000),
    "freeze": lambda stream: Freeze(stream=stream, for_ms=20_000),
}


@pytest.mark.parametrize("stream", ["polymarket.market", "kalshi.ws"])
@pytest.mark.parametrize("name", FAULTS)
def test_live_books_are_the_exchanges_again_after_any_fault_of_their_stream(
    stream: Stream, name: str
) -> None:
    async def main() -> None:
        async with ours() as here:
            followed, chance = Followed(here), random.Random(11)
            running = asyncio.create_task(followed.feeds.run())
            await asyncio.sleep(0)
            followed.feeds.follow(followed.markets)
            await until(followed.equal)
            followed.move(chance, 60)
            await until(followed.equal)
            here.world.faults.set(FAULTS[name](stream), here.now)
            for _ in range(20):
                followed.move(chance, 10)
                await asyncio.sleep(0.2)
            here.world.faults.clear()
            followed.move(chance, 30)
            await until(followed.equal)
            await _end(running)

    aio.run(main())
