"""A recording drives the market: its orders and trades become those of other people.

Frames are decoded by the venue's own codec and rebuilt by the platform's own hub, and the local
book follows that hub: at every moment at which the recording's book is proven, the local one holds
exactly its levels, with clients' orders on top.

Frames are read a second ahead.  The venue tells a level before the trade that made it smaller; a
trade that is going to explain it happens at that moment already, so that whoever waits in the queue
is met in turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from underround.local_venue.catalogue import LocalEvent
from underround.local_venue.flow.codecs import decoder_of
from underround.local_venue.flow.house import House
from underround.local_venue.flow.mirror import AHEAD, Ahead, Mirror, touched
from underround.local_venue.flow.recorded import (
    local_symbol,
    localised,
    recorded_catalogue,
    recorded_listing,
)
from underround.local_venue.world import World
from underround.market.hub import TRUST, Hub
from underround.market.trust import BookRules, Feed
from underround.model.errors import FrameRefused
from underround.model.events import (
    BookSnapshot,
    LevelAdjusted,
    LevelsChanged,
    MarketClosed,
    MarketEvent,
    MarketResolved,
    ReferenceTick,
    TicksChanged,
    TradePrinted,
)
from underround.model.frames import Frame
from underround.model.ids import POLYMARKET, GroupId, MarketId
from underround.model.market import EventGroup, Market, Resolution
from underround.model.units import Nanos
from underround.simulation.replay import Calendar, Decoder
from underround.storage.recording import Recording
from underround.venues.codec import Tokens
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash

_ENDED: Final = ("closed", "resolved")
_NOBODY: Final = MarketId(POLYMARKET, "")


class _Frame(msgspec.Struct):
    """A frame that was read, with what it says."""

    feed: Feed
    connection: int
    at_ns: Nanos
    events: list[MarketEvent | Ahead]


class RecordingFlow:
    """Plays a recording into the local venue, on the world's clock."""

    def __init__(self, world: World, folder: Path, house: House | None = None) -> None:
        """Open the recording; raises ``RecordingError`` if that is not possible."""
        self.world = world
        self._house = house or House(world)
        self._recording = Recording.open(folder)
        recorded = recorded_catalogue(self._recording)
        self._local = localised(recorded)
        self.catalogue = self._local.catalogue
        """Its markets, with the ids they have here."""
        self.rules = BookRules()
        self._feeds = self._streams(recorded.by_token())
        self.hub = Hub(
            self.catalogue,
            [feed for feed, _ in self._feeds.values()],
            self.rules,
            {POLYMARKET: book_hash},
            {POLYMARKET: snapshot_hash},
        )
        self.mirrors: dict[MarketId, Mirror] = {}
        self.frames = 0
        """Frames played so far."""
        self.refused = 0
        """Frames that could not be decoded."""
        self.finished = False
        self._symbols: dict[str, str] = {}
        self._read: deque[_Frame] = deque()
        self._source = self._frames()
        self._shift: Nanos = 0
        self._calendar = Calendar(self.catalogue)
        self._outside = Feed("catalogue", "none", 0)
        self._handlers: dict[type, Callable[..., None]] = {
            LevelsChanged: self._levels_changed,
            LevelAdjusted: self._level_adjusted,
            BookSnapshot: self._snapshot,
            TicksChanged: self._ticks_changed,
            ReferenceTick: self._reference,
            MarketClosed: self._closed,
            MarketResolved: self._resolved,
            Ahead: self._traded,
        }

    def _streams(self, tokens: Tokens) -> dict[str, tuple[Feed, Decoder | None]]:
        return {
            stream.name: (
                Feed(stream.name, stream.proof, stream.silence_ms or self.rules.max_silence_ms),
                decoder_of(stream.codec, tokens),
            )
            for stream in self._recording.header.streams
        }

    def begin(self, now: Nanos) -> None:
        """List the recording's markets and play its first frame now, the others in their time."""
        span = self._recording.span
        self._shift = now - (span.start_ns if span is not None else now)
        self._list(now)
        self._fill()
        self._plan()
        self._plan_calendar(now)

    # --- the catalogue -------------------------------------------------------------------------

    def _list(self, now: Nanos) -> None:
        groups = {group.id: group for group in self.catalogue.groups}
        events: dict[GroupId, LocalEvent] = {}
        for market in self.catalogue.markets:
            event = self._event(market, groups, events)
            slug, question = self._local.names[market.id]
            listing = recorded_listing(market, slug, self._shift, now)
            self.world.list_market(event, listing, now, question)
            self.mirrors[market.id] = Mirror(self._house, market)

    def _event(
        self, market: Market, groups: dict[GroupId, EventGroup], events: dict[GroupId, LocalEvent]
    ) -> LocalEvent:
        add = self.world.catalogue.add_event
        if market.group is None:
            return add(self._local.names[market.id][0], market.title)
        if market.group not in events:
            group = groups.get(market.group)
            events[market.group] = add(
                market.group.partition(":")[2],
                market.title if group is None else group.title,
                group=market.group,
                neg_risk=market.neg_risk,
                augmented=group is not None and group.augmented,
            )
        return events[market.group]

    # --- time ----------------------------------------------------------------------------------

    def _frames(self) -> Iterator[_Frame]:
        for frame in self._recording.frames():
            feed, decoder = self._feeds[frame.stream]
            events = self._decoded(frame, decoder)
            yield _Frame(feed, frame.connection, frame.recv_ns, events)

    def _decoded(self, frame: Frame, decoder: Decoder | None) -> list[MarketEvent | Ahead]:
        if decoder is None:
            return []
        try:
            events = decoder.decode(frame.payload)
        except FrameRefused:
            self.refused += 1
            return []
        told: list[MarketEvent | Ahead] = []
        renamed = self._local.renamed
        for each in events:
            event = each
            if renamed and (name := renamed.get(getattr(each, "market", _NOBODY))) is not None:
                event = msgspec.structs.replace(each, market=name)
            if isinstance(event, TradePrinted):
                trade = Ahead(event)
                self.mirrors[event.market].expect(trade)
                told.append(trade)
            else:
                told.append(event)
        return told

    def _fill(self) -> None:
        """Read on until what was read reaches a second beyond the next frame."""
        read = self._read
        while not read or read[-1].at_ns <= read[0].at_ns + AHEAD:
            frame = next(self._source, None)
            if frame is None:
                return
            read.append(frame)

    def _plan(self) -> None:
        if self._read:
            self.world.agenda.plan(self._read[0].at_ns + self._shift, self._play)
        else:
            self.finished = True

    def _play(self, now: Nanos) -> None:
        """Play every frame of this moment, and plan the next."""
        at = self._read[0].at_ns
        while self._read and self._read[0].at_ns == at:
            frame = self._read.popleft()
            self.frames += 1
            for heard in self.hub.heard(frame.feed, frame.connection, at):
                self.hub.apply(heard, frame.feed, at)
            for event in frame.events:
                self._event_at(event, frame.feed, at, now)
            self._fill()
        self._plan()

    def _event_at(self, event: MarketEvent | Ahead, feed: Feed, at: Nanos, now: Nanos) -> None:
        told = event.told if isinstance(event, Ahead) else event
        flags = self.hub.apply(told, feed, at)
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event, now)
        market: MarketId | None = getattr(told, "market", None)
        if flags & TRUST and market is not None and self.hub.books[market].trusted:
            # What stood before a new connection and was not stated again is gone.
            self._restate(market, now)

    # --- books ---------------------------------------------------------------------------------

    def _open(self, market: MarketId) -> Mirror | None:
        """Return the mirror of a market that still trades."""
        row = self.world.catalogue.markets.get(market)
        if row is None or row.listing.state in _ENDED:
            return None
        return self.mirrors[market]

    def _levels_changed(self, event: LevelsChanged, now: Nanos) -> None:
        mirror = self._open(event.market)
        if mirror is not None:
            book = self.hub.books[event.market].book
            changes = ((each.outcome, each.side, each.price) for each in event.changes)
            mirror.set(touched(book, changes), now)

    def _level_adjusted(self, event: LevelAdjusted, now: Nanos) -> None:
        mirror = self._open(event.market)
        if mirror is not None:
            book = self.hub.books[event.market].book
            mirror.set(touched(book, ((event.outcome, event.side, event.price),)), now)

    def _snapshot(self, event: BookSnapshot, now: Nanos) -> None:
        self._restate(event.market, now)

    def _restate(self, market: MarketId, now: Nanos) -> None:
        mirror = self._open(market)
        if mirror is not None:
            mirror.restate(self.hub.books[market].book, now)

    def _traded(self, event: Ahead, now: Nanos) -> None:
        mirror = self._open(event.told.market)
        if mirror is not None:
            mirror.trade(event, now)

    def _ticks_changed(self, event: TicksChanged, now: Nanos) -> None:
        if self._open(event.market) is None:
            return
        exchange = self.world.polymarket if event.market.venue == POLYMARKET else self.world.kalshi
        epoch = msgspec.structs.replace(event.epoch, since_ns=now)
        if exchange.ticks(event.market).bands != epoch.bands:
            exchange.change_ticks(event.market, epoch, now)

    # --- everything else -----------------------------------------------------------------------

    def _reference(self, event: ReferenceTick, now: Nanos) -> None:
        """Let the first source of each symbol be the reference price here."""
        symbol = local_symbol(event.symbol)
        if symbol is not None and self._symbols.setdefault(symbol, event.symbol) == event.symbol:
            self.world.prices.tell(symbol, event.price, now)

    def _plan_calendar(self, now: Nanos) -> None:
        """Plan what the catalogue knows of ends; what lies before the recording happens now."""
        while self._calendar.next_ns < 1 << 62:
            at = max(now, self._calendar.next_ns + self._shift)
            event = self._calendar.pop()
            self.world.agenda.plan(at, partial(self._ends, event))

    def _ends(self, event: MarketEvent, now: Nanos) -> None:
        self.hub.apply(event, self._outside, now - self._shift)
        if isinstance(event, MarketClosed):
            self._closed(event, now)
        elif isinstance(event, MarketResolved):
            self._resolved(event, now)

    def _closed(self, event: MarketClosed, now: Nanos) -> None:
        if self._open(event.market) is None:
            return
        exchange = self.world.polymarket if event.market.venue == POLYMARKET else self.world.kalshi
        exchange.close(event.market, now)
        self.world.change(event.market, now, state="closed")

    def _resolved(self, event: MarketResolved, now: Nanos) -> None:
        row = self.world.catalogue.markets.get(event.market)
        if row is not None and row.resolution is None:
            ended = Resolution(event.market, now, event.payouts, event.source)
            self.world.resolve(ended, now)
