from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.local_venue.flow.stage import START, Stage
from underround.local_venue.flow.recording import RecordingFlow
from underround.local_venue.net.lines import Line
from underround.local_venue.polymarket.streams.market_channel import MarketChannel, MarketPeer
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.world import World
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed
from underround.model.book import Book
from underround.model.errors import RecordingError
from underround.model.ids import KALSHI, POLYMARKET, MarketId
from underround.model.market import Catalogue
from underround.model.units import ONE
from underround.pipeline.bundled import BUNDLED, NHL, WEATHER
from underround.simulation.matching.terms import MarketEnded, Traded
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.ids import derive_tokens

SOME = 12_000


def levels_of(book: Book) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return list(book.bids_of(0)), list(book.asks_of(0))


def moments(stage: Stage, flow: RecordingFlow, frames: int) -> Iterator[int]:
    """Let the recording play, moment by moment; yield how many frames were played."""
    while (due := stage.world.agenda.next_due()) is not None and flow.frames < frames:
        played = flow.frames
        stage.clock.move_to(max(due, stage.clock.now()))
        stage.world.act()
        if flow.frames > played:
            yield flow.frames


def playing(name: str, stage: Stage) -> RecordingFlow:
    flow = RecordingFlow(stage.world, BUNDLED[name])
    flow.begin(START)
    return flow


def check_all(stage: Stage, flow: RecordingFlow) -> int:
    """Compare every proven book with the local one; return how many there were."""
    compared = 0
    for market, tracked in flow.hub.books.items():
        if tracked.trusted:
            assert stage.book(market) == levels_of(tracked.book), f"frame {flow.frames}: {market}"
            compared += 1
    return compared


def test_at_every_moment_at_which_a_recorded_book_is_proven_the_local_one_equals_it() -> None:
    stage = Stage(keep="nothing")
    flow = playing(NHL, stage)
    compared = sum(check_all(stage, flow) for _ in moments(stage, flow, SOME))
    assert flow.refused == 0
    assert compared > SOME


@pytest.mark.soak
def test_the_whole_recording_is_equalled() -> None:
    stage = Stage(keep="nothing")
    flow = playing(NHL, stage)
    compared = sum(check_all(stage, flow) for _ in moments(stage, flow, 10**9))
    assert flow.finished
    assert compared > 100_000


def test_polled_books_of_both_venues_are_equalled_and_end_as_recorded() -> None:
    stage = Stage(keep="nothing")
    ended: dict[MarketId, MarketEnded] = {}
    stage.world.bus.listen(
        lambda event: (
            ended.update({event.resolution.market: event})
            if isinstance(event, MarketEnded)
            else None
        )
    )
    flow = playing(WEATHER, stage)
    compared = {POLYMARKET: 0, KALSHI: 0}
    for played in moments(stage, flow, 10**9):
        if played % 97 == 0:
            for market, tracked in flow.hub.books.items():
                if tracked.trusted:
                    assert stage.book(market) == levels_of(tracked.book)
                    compared[market.venue] += 1
    assert min(compared.values()) > 100
    assert flow.finished
    expected = {each.market: each.payouts for each in flow.catalogue.resolutions}
    assert expected
    assert {market: each.resolution.payouts for market, each in ended.items()} == expected


# --- what the public is told ----------------------------------------------------------------------


class Tape:
    """A line that keeps what is sent."""

    plain = False
    open = True

    def __init__(self, world: World) -> None:
        self.world = world
        self.frames: list[bytes] = []

    def push_through_faults(self, payload: bytes) -> None:
        self.frames.append(payload)

    def push(self, frame: bytes) -> None:
        self.frames.append(frame)


class Listener:
    """The platform on the other side of the market channel."""

    def __init__(self, stage: Stage, catalogue: Catalogue) -> None:
        self.books = PublishedBooks(stage.world)
        self.channel = MarketChannel(stage.world, self.books)
        self.peer = cast("MarketPeer", self.channel.admit("/ws/market", {}))
        self.tape = Tape(stage.world)
        self.peer.line = cast("Line", self.tape)
        self.peer.opened()
        self.catalogue = catalogue
        self.decoder = PolymarketDecoder(catalogue.by_token())
        self.feed = Feed("polymarket.market", "venue_hash", 10**9)
        hashes: dict[Any, Any] = {POLYMARKET: book_hash}
        snapshots: dict[Any, Any] = {POLYMARKET: snapshot_hash}
        self.hub = Hub(catalogue, [self.feed], BookRules(), hashes, snapshots)

    def subscribe(self) -> None:
        tokens = [token for market in self.catalogue.markets for token in market.tokens]
        self.channel.subscribe(self.peer, tokens, dump=True)

    def hear(self, now: int) -> None:
        frames, self.tape.frames = self.tape.frames, []
        for frame in frames:
            for event in self.decoder.decode(frame):
                self.hub.apply(event, self.feed, now)


def test_the_platform_rebuilds_the_recorded_books_from_what_the_local_venue_publishes() -> None:
    stage = Stage(keep="nothing")
    flow = playing(NHL, stage)
    listener = Listener(stage, flow.catalogue)
    listener.subscribe()
    compared = 0
    for _ in moments(stage, flow, 6_000):
        # A change is told when its millisecond is over, and by then others may have begun.
        stage.clock.move_to(stage.clock.now() + 1_000_000)
        stage.world.act()
        listener.hear(stage.clock.now())
        if listener.channel._open:
            continue
        for market, tracked in flow.hub.books.items():
            if tracked.trusted:
                assert levels_of(listener.hub.books[market].book) == stage.book(market)
                compared += 1
    listener.hub.finish(stage.clock.now())
    assert compared > 6_000
    for tracked in listener.hub.books.values():
        assert tracked.counters.mismatched == 0
        assert tracked.counters.verified > 0


def test_every_recorded_trade_is_told_with_its_outcome_side_and_size() -> None:
    stage = Stage()
    flow = playing(NHL, stage)
    for _ in moments(stage, flow, SOME):
        pass
    told = stage.of(Traded)
    volume = dict.fromkeys(flow.hub.traded, 0)
    for each in told:
        volume[each.market] += each.size
    recorded = sum(flow.hub.traded.values())
    assert 0.97 * recorded <= sum(volume.values()) <= recorded
    assert {each.side for each in told} == {"buy", "sell"}


# --- clients in a recorded market -----------------------------------------------------------------


def test_a_client_is_on_top_of_the_recorded_level_and_is_hit_in_its_turn() -> None:
    stage = Stage(keep="nothing")
    flow = playing(NHL, stage)
    market = None
    for _ in moments(stage, flow, 5_000):
        pass
    for each, tracked in flow.hub.books.items():
        if tracked.trusted and tracked.book.best_bid(0):
            market = each
            break
    assert market is not None
    book = flow.hub.books[market].book
    best = book.best_bid(0)
    assert best is not None
    sent = flow._house.submission(
        flow.mirrors[market].market.outcome(0),
        flow._house.account("client"),
        best,
        7 * ONE,
        stage.clock.now(),
        buying=True,
    )
    assert flow._house.submit(sent, stage.clock.now()).state == "live"
    hit = 0
    for _ in moments(stage, flow, 30_000):
        order = stage.world.polymarket.orders[sent.id]
        hit = order.filled
        if hit or not flow.hub.books[market].trusted:
            continue
        recorded = dict(levels_of(flow.hub.books[market].book)[0])
        local = dict(stage.book(market)[0])
        assert local.pop(best) == recorded.pop(best, 0) + 7 * ONE
        assert local == recorded
    assert hit


def test_a_folder_that_is_no_recording_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        RecordingFlow(Stage().world, tmp_path)


def test_a_recorded_market_of_another_name_gets_ids_that_a_client_can_check() -> None:
    stage = Stage(keep="nothing")
    flow = playing(NHL, stage)
    for market in flow.catalogue.markets:
        row = stage.world.catalogue.markets[market.id]
        assert derive_tokens(market.id.native, market.neg_risk) == market.tokens
        assert row.listing.slug.startswith("ticks-")
        assert row.question_id.startswith("0x")
