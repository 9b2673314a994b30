"""Recorded frames through the engine, with simulated execution: the loop of replay and backtest.

Everything happens in one total order: frames as the recording has them; between two frames, in
order of time, what the simulated venues answer, what the calendar says (closes, resolutions), and
timers last.  Time is told by the frames, so the same recording gives the same decisions.

Timers come every ``timer_ms``; while no frame comes they thin out (twice the pause each time, up
to a minute), so that a hole of days in a recording costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from underround.market.hub import Hub
from underround.market.trust import Feed
from underround.model.errors import FrameRefused
from underround.model.events import (
    MarketClosed,
    MarketEvent,
    MarketListed,
    MarketNoticed,
    MarketResolved,
    ReferenceTick,
    SequenceUsed,
    StreamOpened,
    StreamSilent,
)
from underround.model.frames import NANOS_PER_MS, Frame
from underround.model.ids import Venue
from underround.model.market import Catalogue
from underround.model.orders import Action, CancelOrder, Command, SetIntent, SubmitOrder, Timer
from underround.model.run import StreamCounters
from underround.model.units import Nanos
from underround.simulation.paper import PaperVenue
from underround.trading.engine import Engine

LONGEST_PAUSE_MS: Final = 60_000
"""What the pause between timers grows to while no frame comes."""
_REASONS: Final = 50
"""Different reasons kept per stream; the count goes on."""
_FAR: Final = 1 << 63
_ENDINGS: Final = (MarketClosed, MarketResolved)
_OF_NO_MARKET: Final = (
    MarketListed,
    MarketNoticed,
    ReferenceTick,
    SequenceUsed,
    StreamOpened,
    StreamSilent,
)


class Decoder(Protocol):
    """Bytes of one frame → events; raises ``FrameRefused``."""

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return what the frame says."""


class Source:
    """One stream of the recording: its feed, its codec, its counters."""

    __slots__ = ("counters", "decoder", "feed")

    def __init__(self, feed: Feed, decoder: Decoder | None) -> None:
        """Read ``feed`` with ``decoder``; ``None``: kept in the recording, not interpreted."""
        self.feed = feed
        self.decoder = decoder
        self.counters = StreamCounters(stream=feed.name, unparsed_reasons={})

    def refused(self, refused: FrameRefused) -> None:
        """Count a frame that could not be decoded; the recording keeps it."""
        counters = self.counters
        counters.unparsed += 1
        reason = str(refused)
        if reason in counters.unparsed_reasons or len(counters.unparsed_reasons) < _REASONS:
            counters.unparsed_reasons[reason] = counters.unparsed_reasons.get(reason, 0) + 1


class Observer(Protocol):
    """Watches a replay at its timers; must not change anything."""

    def timer(self, now: Nanos) -> None:
        """A timer went by."""

    def frames(self, count: int, now: Nanos) -> bool:
        """Some more frames were replayed; return whether to stop."""

    def finish(self, now: Nanos) -> None:
        """The last frame went by."""


class Calendar:
    """Closes and resolutions the catalogue knows, in order of time."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Sort them; a resolution closes its market if nothing did before."""
        events: list[tuple[Nanos, int, MarketEvent]] = []
        for number, market in enumerate(catalogue.markets):
            if market.closes_ns is not None:
                closed = MarketClosed(market.id, market.closes_ns)
                events.append((market.closes_ns, number, closed))
        first = len(events)
        for number, resolution in enumerate(catalogue.resolutions, start=first):
            resolved = MarketResolved(
                resolution.market, resolution.at_ns, resolution.payouts, resolution.source
            )
            events.append((resolution.at_ns, number + len(catalogue.markets), resolved))
        self._events = sorted(events, key=lambda event: event[:2])
        self._at = 0

    @property
    def next_ns(self) -> Nanos:
        """When the next event is due; far in the future if there is none."""
        return self._events[self._at][0] if self._at < len(self._events) else _FAR

    def pop(self) -> MarketEvent:
        """Take the next event."""
        event = self._events[self._at][2]
        self._at += 1
        return event


class Replay:
    """Drives an engine and its simulated venues through frames."""

    def __init__(
        self,
        engine: Engine,
        venues: Mapping[Venue, PaperVenue],
        sources: Mapping[str, Source],
        calendar: Calendar,
        observer: Observer,
        *,
        timer_ms: int,
        check_every: int = 2_048,
        commands: Callable[[], Command | None] = lambda: None,
    ) -> None:
        """Prepare.

        Every ``check_every`` frames the observer is asked whether to stop, and ``commands`` for
        what the operator wants: the only input besides the frames, and part of the decisions.
        """
        self._commands = commands
        self.engine = engine
        self.hub: Hub = engine.hub
        self.sources = sources
        self._venues = venues
        self._paper = list(venues.values())
        self._calendar = calendar
        self._observer = observer
        self._timer_ns = timer_ms * NANOS_PER_MS
        self._pause_ns = self._timer_ns
        self._next_timer: Nanos = _FAR
        self._next: Nanos = _FAR
        self._check_every = check_every
        self._outside = Feed("catalogue", "none", 0)
        self.frames = 0
        self.first_ns: Nanos = 0
        self.last_ns: Nanos = 0
        self.stopped = False

    def run(self, frames: Iterable[Frame]) -> None:
        """Replay ``frames`` to their end, or until the observer says stop."""
        next_check = self._check_every
        count = now = 0
        for frame in frames:
            if count >= next_check:
                # Before anything happens on the way to a frame that is perhaps not taken.
                next_check = count + self._check_every
                self.last_ns = now
                self.take_command()
                if self._observer.frames(count, now):
                    self.stopped = True
                    break
            now = frame.recv_ns
            if not count:
                self._begin(now)
            if now > self._next:
                self._until(now)
            count += 1
            self._take(frame, now)
        self.frames, self.last_ns = count, now
        self._finish()

    def _take(self, frame: Frame, now: Nanos) -> None:
        """Decode one frame and let the engine, then the venues, have its events."""
        self._pause_ns = self._timer_ns
        source = self.sources[frame.stream]
        feed, counters = source.feed, source.counters
        if frame.connection != feed.connection or now - feed.heard_ns > feed.silence_ns:
            for event in self.hub.heard(feed, frame.connection, now):
                self._perform(self.engine.on_market(event, feed, now), now)
        feed.heard_ns = now
        feed.silent = False
        counters.frames += 1
        if source.decoder is None:
            counters.ignored += 1
            return
        try:
            events = source.decoder.decode(frame.payload)
        except FrameRefused as refused:
            source.refused(refused)
            return
        counters.events += len(events)
        if not events:
            counters.ignored += 1
        engine, orders = self.engine, self.engine.facts.orders
        for event in events:
            actions = engine.on_market(event, feed, now)
            if orders.count or type(event) in _ENDINGS:
                self._tell_venue(event, now)
            if actions:
                self._perform(actions, now)

    @property
    def events(self) -> int:
        """How many events the frames held so far."""
        return sum(source.counters.events for source in self.sources.values())

    def take_command(self) -> None:
        """Pass what the operator wants now, if anything, to the engine."""
        command = self._commands()
        if command is not None:
            self._perform(self.engine.on(command, self.last_ns), self.last_ns)

    # --- between frames ------------------------------------------------------------------------

    def _begin(self, now: Nanos) -> None:
        self.first_ns = now
        while self._calendar.next_ns < now:
            self._outside_event(self._calendar.pop(), now)
        self._next_timer = now + self._timer_ns
        self._observer.timer(now)
        self._plan()

    def _plan(self) -> None:
        """Note when something is due next, so that the hot path compares one number."""
        due = min(self._next_timer, self._calendar.next_ns)
        for venue in self._paper:
            at = venue.next_due()
            if at is not None and at < due:
                due = at
        self._next = due

    def _until(self, until: Nanos) -> None:
        """Let everything due before ``until`` happen, in order of time, timers last."""
        self._plan()
        while self._next < until:
            now = self._next
            for venue in self._paper:
                at = venue.next_due()
                if at is not None and at <= now:
                    for heard_ns, event in venue.advance(now):
                        self._perform(self.engine.on(event, heard_ns), heard_ns)
            if self._calendar.next_ns <= now:
                self._outside_event(self._calendar.pop(), now)
            elif self._next_timer <= now and not self._due(now):
                self._timer(now)
            self._plan()

    def _due(self, now: Nanos) -> bool:
        return any((at := venue.next_due()) is not None and at <= now for venue in self._paper)

    def _timer(self, now: Nanos) -> None:
        self._next_timer = now + self._pause_ns
        self._pause_ns = min(
            2 * self._pause_ns, max(self._timer_ns, LONGEST_PAUSE_MS * NANOS_PER_MS)
        )
        self._perform(self.engine.on(Timer(now), now), now)
        self._observer.timer(now)

    def _outside_event(self, event: MarketEvent, now: Nanos) -> None:
        actions = self.engine.on_market(event, self._outside, now)
        self._tell_venue(event, now)
        self._perform(actions, now)

    # --- the simulated venues ------------------------------------------------------------------

    def _tell_venue(self, event: MarketEvent, now: Nanos) -> None:
        """Let an event that the books have taken reach what rests in its market."""
        if isinstance(event, _OF_NO_MARKET):
            return
        market = event.market
        venue = self._venues.get(market.venue)
        if venue is None or not (venue.resting(market) or isinstance(event, _ENDINGS)):
            return
        tracked = self.hub.books.get(market)
        if tracked is not None and tracked.doubted:
            tracked.doubted = False
            venue.doubted(market)
        venue.on_event(event, now)
        due = venue.next_due()
        if due is not None and due < self._next:
            self._next = due

    def _perform(self, actions: Sequence[Action], now: Nanos) -> None:
        if not actions:
            return
        for action in actions:
            if isinstance(action, SubmitOrder):
                self._venues[action.order.outcome.market.venue].submit(action.order, now)
            elif isinstance(action, CancelOrder):
                self._venues[action.market.venue].cancel(action.order, now)
            elif isinstance(action.approved.intent, SetIntent):
                self._venues[action.approved.intent.venue].change_sets(action.approved, now)
        self._plan()

    def _finish(self) -> None:
        """Let what reached its time by the last frame happen; nothing is assumed after it."""
        if self.frames:
            self._until(self.last_ns + 1)
            for source in self.sources.values():
                source.counters.silences = source.feed.silences
            self._observer.finish(self.last_ns)
            self.hub.finish(self.last_ns)
