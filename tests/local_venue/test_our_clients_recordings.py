"""A recording drives the venue, the venue publishes, and our platform rebuilds the recorded books.

At every moment at which the recording's own book is proven, the book that our platform makes of the
venue's frames is proven too, and equals it level by level.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

import msgspec
import pytest

from tests.local_venue.flow.stage import START, Stage
from underround.local_venue.flow.codecs import decoder_of
from underround.local_venue.flow.recording import RecordingFlow
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.doors import KalshiDoor
from underround.local_venue.kalshi.members import ready_made
from underround.local_venue.kalshi.peer import KalshiPeer
from underround.local_venue.net.lines import Line
from underround.local_venue.net.peers import Peer
from underround.local_venue.polymarket.streams.market_channel import MarketChannel
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.world import World
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed
from underround.model.book import Book
from underround.model.ids import KALSHI, POLYMARKET, MarketId, Venue
from underround.model.market import Catalogue
from underround.model.run import ProofKind
from underround.pipeline.bundled import BUNDLED, NHL, WEATHER
from underround.pipeline.importers.registry import run_import
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash

PROOFS: Final[dict[Venue, ProofKind]] = {POLYMARKET: "venue_hash", KALSHI: "sequence"}
_MS: Final = 1_000_000
_EVER: Final = 10**9


class _Tape:
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


class Platform:
    """Our codec and our hub on one venue's public stream."""

    def __init__(self, stage: Stage, catalogue: Catalogue, venue: Venue) -> None:
        self.stage = stage
        self.venue = venue
        self._channel: MarketChannel | None = None
        mine = tuple(each for each in catalogue.markets if each.id.venue == venue)
        self.peer = self._enter(stage.world)
        self.tape = _Tape(stage.world)
        self.peer.line = cast("Line", self.tape)
        self.peer.opened()
        decoder = decoder_of(venue, catalogue.by_token())
        assert decoder is not None
        self.decoder = decoder
        self.feed = Feed(f"{venue}.books", PROOFS[venue], _EVER)
        books, snapshots = {POLYMARKET: book_hash}, {POLYMARKET: snapshot_hash}
        self.hub = Hub(catalogue, [self.feed], BookRules(), books, snapshots)
        if venue == POLYMARKET:
            tokens = [token for market in mine for token in market.tokens]
            self.peer.heard(msgspec.json.encode({"assets_ids": tokens, "type": "market"}))
        else:
            tickers = [market.id.native for market in mine]
            params = {"channels": ["orderbook_delta"], "market_tickers": tickers}
            asked = {"id": 1, "cmd": "subscribe", "params": params}
            self.peer.heard(msgspec.json.encode(asked))
        self.hear()

    def _enter(self, world: World) -> Peer:
        if self.venue == POLYMARKET:
            self._channel = MarketChannel(world, PublishedBooks(world))
            return self._channel.admit("/", {})
        desk = KalshiDesk(world)
        given = ready_made(desk.members, "stranger", "ed25519", seed=0)
        return KalshiPeer(KalshiDoor(desk), desk.members.keys[given.key_id])

    @property
    def told_all(self) -> bool:
        """Whether nothing waits for the end of its millisecond."""
        return self._channel is None or not self._channel._open

    def hear(self) -> None:
        now = self.stage.clock.now()
        frames, self.tape.frames = self.tape.frames, []
        for frame in frames:
            for event in self.decoder.decode(frame):
                self.hub.apply(event, self.feed, now)


def levels_of(book: Book) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return list(book.bids_of(0)), list(book.asks_of(0))


def compared(folder: Path, venue: Venue, frames: int, every: int = 1) -> dict[MarketId, int]:
    """Play a recording; return how often each market's book was proven and equal on both sides."""
    stage = Stage(keep="nothing")
    flow = RecordingFlow(stage.world, folder)
    flow.begin(START)
    platform = Platform(stage, flow.catalogue, venue)
    found: dict[MarketId, int] = {}
    while (due := stage.world.agenda.next_due()) is not None and flow.frames < frames:
        played = flow.frames
        stage.clock.move_to(max(due, stage.clock.now()))
        stage.world.act()
        if venue == POLYMARKET:
            # A change is told when its millisecond is over, and by then others may have begun.
            stage.clock.move_to((stage.clock.now() // _MS + 1) * _MS)
            stage.world.act()
        platform.hear()
        if flow.frames == played or flow.frames % every or not platform.told_all:
            continue
        for market, tracked in flow.hub.books.items():
            row = stage.world.catalogue.markets[market]
            if market.venue != venue or not tracked.trusted or row.listing.state != "open":
                continue
            ours = platform.hub.books[market]
            assert ours.trusted, (flow.frames, market, ours.last_doubt)
            assert levels_of(ours.book) == levels_of(tracked.book), (flow.frames, market)
            found[market] = found.get(market, 0) + 1
    for tracked in platform.hub.books.values():
        assert tracked.counters.mismatched == 0
    return found


@pytest.mark.parametrize("frames", [8_000, pytest.param(_EVER, marks=pytest.mark.soak)])
def test_the_books_of_the_game_are_rebuilt_from_what_the_venue_publishes(frames: int) -> None:
    found = compared(BUNDLED[NHL], POLYMARKET, frames)
    assert sum(found.values()) > 4_000


@pytest.mark.parametrize("venue", [POLYMARKET, KALSHI])
def test_the_books_of_the_weather_are_rebuilt_at_both_venues(venue: Venue) -> None:
    found = compared(BUNDLED[WEATHER], venue, _EVER, every=7)
    assert len(found) > 3
    assert sum(found.values()) > 500


@pytest.mark.shared
def test_the_books_of_a_kalshi_session_are_rebuilt_from_what_the_venue_publishes(
    shared: Path, tmp_path: Path
) -> None:
    """Two quarters of an hour of bitcoin, as they came over Kalshi's own WebSocket."""
    source = shared / "data/kalshi/btc15m-ws-2026-05/20260513T1522"
    run_import("kalshi-ws", source, tmp_path / "session")
    found = compared(tmp_path / "session", KALSHI, 15_000)
    assert sum(found.values()) > 5_000
