"""Our own platform rebuilds the books from the stream: proves them, or notices what is wrong."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.local_venue.net.listening import Ear, afflict
from tests.local_venue.polymarket.stand import Stand, Streams, decoded, hash_of, served
from tests.oracles.known import Lent
from underround.local_venue.faults import (
    AnyFault,
    Corrupt,
    Delay,
    Duplicate,
    Freeze,
    Lose,
    Reorder,
)
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed, TrackedBook
from underround.model.errors import FrameRefused
from underround.model.ids import POLYMARKET
from underround.model.market import Catalogue, Market
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.stream import ACCOUNT, MarketDialect, UserDialect

STREAM: Final = "polymarket.market"


class Rebuilt:
    """Our platform's books, made from frames alone."""

    def __init__(self, markets: list[Market]) -> None:
        self.catalogue = Catalogue(tuple(markets))
        self.decoder = PolymarketDecoder(self.catalogue.by_token())
        self.feed = Feed(STREAM, "venue_hash", 30_000)
        self.hub = Hub(
            self.catalogue,
            [self.feed],
            BookRules(),
            {POLYMARKET: book_hash},
            {POLYMARKET: snapshot_hash},
        )
        self.refused = 0

    def hear(self, frames: list[bytes], now: int) -> None:
        for frame in frames:
            try:
                events = self.decoder.decode(frame)
            except FrameRefused:
                self.refused += 1
                continue
            for event in events:
                self.hub.apply(event, self.feed, now)

    def of(self, market: Market) -> TrackedBook:
        return self.hub.books[market.id]

    @property
    def mismatches(self) -> int:
        return sum(tracked.counters.mismatched for tracked in self.hub.books.values())


async def _follow(stand: Stand, streams: Streams, *, featured: bool = False) -> tuple[Ear, Rebuilt]:
    ear = await streams.open("market")
    tokens = [token for market in stand.markets for token in market.tokens]
    first = {"assets_ids": tokens, "type": "market", "custom_feature_enabled": featured}
    await ear.say(json.dumps(first))
    rebuilt = Rebuilt(stand.markets)
    rebuilt.hear(await ear.heard(), stand.now)
    return ear, rebuilt


def _compare(stand: Stand, rebuilt: Rebuilt) -> None:
    for market in stand.markets:
        ours, theirs = rebuilt.of(market).book, stand.books.books[market.id].book
        assert list(ours.bids_of(0)) == list(theirs.bids_of(0))
        assert list(ours.asks_of(0)) == list(theirs.asks_of(0))
        bids, asks = stand.world.polymarket.levels(market.id)
        assert [(level.price, level.size) for level in bids] == list(theirs.bids_of(0))
        assert [(level.price, level.size) for level in asks] == list(theirs.asks_of(0))


def test_our_sessions_are_proven_by_what_the_venue_answers() -> None:
    async def main() -> None:
        stand = Stand()
        tokens = Catalogue(tuple(stand.markets)).by_token()
        market = MarketDialect(lambda: tokens).session()
        login = stand.logins["alice"]
        secrets = (Lent(each, getattr(login, each)) for each in ("key", "secret", "passphrase"))
        user = UserDialect(L2Credentials(login.owner, *secrets)).session()
        async with stand.serving() as streams:
            ear = await streams.open("market")
            for frame in market.opening(stand.market.tokens):
                await ear.say(frame.decode())
            (books,) = await ear.heard()
            assert set(market.proven(books)) == set(stand.market.tokens)
            for frame in market.refresh(stand.market.tokens):
                await ear.say(frame.decode())
            (again,) = await ear.heard()
            assert set(market.proven(again)) == set(stand.market.tokens)
            ear = await streams.open("user")
            for frame in user.opening([ACCOUNT]):
                await ear.say(frame.decode())
            answer = await ear.next()
            assert answer is not None
            assert user.proven(answer) == (ACCOUNT,)

    asyncio.run(main())


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 120))
@settings(max_examples=25)
def test_our_platform_proves_and_trusts_every_book_through_random_orders(
    seed: int, steps: int
) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        stand = Stand(markets=2, rate=chance.choice((0, 40_000)))
        async with stand.serving() as streams:
            ear, rebuilt = await _follow(stand, streams, featured=True)
            for _ in range(steps):
                stand.anything(chance)
                if chance.randrange(3):
                    stand.pass_ms(chance.randrange(1, 20))
                if not chance.randrange(8):
                    rebuilt.hear(await ear.heard(), stand.now)
            stand.pass_ms()
            rebuilt.hear(await ear.heard(), stand.now)
        _compare(stand, rebuilt)
        rebuilt.hub.finish(stand.now)
        assert rebuilt.refused == 0
        for market in stand.markets:
            counters = rebuilt.of(market).counters
            assert rebuilt.of(market).trusted
            assert counters.mismatched == counters.unverifiable == 0
            assert counters.verified >= 2
        for market in stand.markets:
            for token in market.tokens:
                body = served(stand, token)
                assert body["hash"] == hash_of(body)

    asyncio.run(main())


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_every_published_hash_is_that_of_the_book_served_when_its_millisecond_was_over(
    seed: int,
) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        stand = Stand(markets=2)
        expected: dict[tuple[str, str], str] = {}
        async with stand.serving() as streams:
            ear, _ = await streams.market()
            for _ in range(60):
                for _ in range(chance.randrange(1, 4)):
                    stand.anything(chance)
                for market in stand.markets:
                    for token in market.tokens:
                        body = served(stand, token)
                        expected[token, body["timestamp"]] = hash_of(body)
                stand.pass_ms(chance.randrange(1, 5))
            told = 0
            for frame in decoded(await ear.heard()):
                for change in frame.get("price_changes", ()):
                    assert change["hash"] == expected[change["asset_id"], frame["timestamp"]]
                    told += 1
                if frame["event_type"] == "book":
                    assert frame["hash"] == expected[frame["asset_id"], frame["timestamp"]]
                    told += 1
        assert told > 60

    asyncio.run(main())


def _with_fault(fault: AnyFault, seed: int = 0) -> tuple[Stand, Rebuilt, list[bytes]]:
    """Let random orders happen under a fault and after it; return what our platform made of it."""

    async def main() -> tuple[Stand, Rebuilt, list[bytes]]:
        chance = random.Random(seed)
        stand = Stand(seed=seed)
        async with stand.serving() as streams:
            ear, rebuilt = await _follow(stand, streams)
            afflict(stand.world, fault)
            for _ in range(150):
                stand.anything(chance)
                stand.pass_ms(3)
            frames = await ear.heard()
            rebuilt.hear(frames, stand.now)
            stand.world.faults.clear()
            # A quiet end that proves nothing: no trade restates the book any more.
            stand.order("carol", "buy", "0.01", "5")
            stand.pass_ms()
            rebuilt.hear(await ear.heard(), stand.now)
        rebuilt.hub.finish(stand.now)
        return stand, rebuilt, frames

    return asyncio.run(main())


@pytest.mark.parametrize(
    "fault",
    [
        Lose(stream=STREAM, per_mille=100),
        Corrupt(stream=STREAM, per_mille=100),
        Reorder(stream=STREAM, per_mille=200),
    ],
    ids=["lose", "corrupt", "reorder"],
)
@pytest.mark.parametrize("seed", range(4))
def test_our_platform_notices_frames_that_are_lost_corrupted_or_reordered(
    fault: AnyFault, seed: int
) -> None:
    stand, rebuilt, _ = _with_fault(fault, seed)
    assert rebuilt.mismatches + rebuilt.refused > 3
    if rebuilt.of(stand.market).trusted:  # then it was proven again
        _compare(stand, rebuilt)


def test_duplicated_frames_do_no_harm_since_sizes_are_absolute() -> None:
    stand, rebuilt, frames = _with_fault(Duplicate(stream=STREAM, per_mille=500))
    repeated = sum(first == second for first, second in pairwise(frames))
    assert repeated > 20
    _compare(stand, rebuilt)
    assert rebuilt.of(stand.market).trusted


def test_a_delayed_stream_is_behind_and_right() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, rebuilt = await _follow(stand, streams)
            afflict(stand.world, Delay(stream=STREAM, ms=200))
            stand.order("alice", "buy", "0.4", "10")
            stand.pass_ms(150)
            assert await ear.heard() == []
            stand.order("alice", "buy", "0.41", "10")
            stand.pass_ms(60)
            rebuilt.hear(await ear.heard(), stand.now)
            assert rebuilt.of(stand.market).book.best_bid(0) == 400_000
            stand.pass_ms(200)
            rebuilt.hear(await ear.heard(), stand.now)
            _compare(stand, rebuilt)
            assert rebuilt.mismatches == 0

    asyncio.run(main())


def test_a_frozen_stream_answers_pings_and_its_gap_is_noticed_when_it_goes_on() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, rebuilt = await _follow(stand, streams)
            afflict(stand.world, Freeze(stream=STREAM, for_ms=60_000))
            stand.order("alice", "buy", "0.4", "10")
            stand.pass_ms(30_000)
            assert await ear.heard() == []
            stand.pass_ms(30_000)
            stand.order("alice", "buy", "0.41", "10")
            stand.pass_ms()
            rebuilt.hear(await ear.heard(), stand.now)
            rebuilt.hub.finish(stand.now)
            assert rebuilt.mismatches > 0
            assert not rebuilt.of(stand.market).trusted

    asyncio.run(main())


def test_the_same_seed_and_the_same_orders_give_the_same_frames_byte_for_byte() -> None:
    async def once(pace: int) -> list[bytes]:
        chance = random.Random(11)
        stand = Stand(markets=2, seed=4)
        async with stand.serving() as streams:
            ear, _ = await streams.market(featured=True)
            heard: list[bytes] = []
            for step in range(120):
                stand.anything(chance)
                stand.pass_ms(1 + step % 3)
                if step % pace == 0:
                    heard += await ear.heard()
            return heard + await ear.heard()

    assert asyncio.run(once(7)) == asyncio.run(once(50))
