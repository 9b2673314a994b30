"""``recording verify``: are the files whole, is the sequence gapless, are the books right?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from underround.app import reservations
from underround.app.configuration import ReplaySettings
from underround.app.wiring import Opened, make_hub, open_recordings
from underround.market.agreement import BestAgreement
from underround.market.hub import TOP, Hub
from underround.market.trust import BookRules
from underround.market.twins import TwinCheck
from underround.model.errors import FrameRefused, RecordingError
from underround.model.events import (
    BestStated,
    BookSnapshot,
    LevelsChanged,
    MarketEvent,
    TradePrinted,
)
from underround.model.frames import NANOS_PER_MS, Frame
from underround.model.run import BookCounters, StreamCounters
from underround.simulation.replay import LONGEST_PAUSE_MS, Source
from underround.storage.recording import verify_files

TICKER_TOLERANCE_MS = 250
_REPORT_EVERY = 4_096


class TickerAgreement(msgspec.Struct, frozen=True):
    """How often a market's rebuilt best equalled the ticker's, within the tolerance."""

    market: str
    stated: int
    agreed: int
    differed: int


class TwinAgreement(msgspec.Struct, frozen=True):
    """How often the two outcomes of a market told the same full-depth book when compared."""

    market: str
    compared: int
    agreed: int
    differing_levels: int


class VerifyReport(msgspec.Struct, kw_only=True):
    """What was proven and what was not."""

    path: str
    ok: bool
    """Files whole, sequence gapless, no book mismatch where the venue offers a real proof."""
    files_ok: bool
    frames: int = 0
    events: int = 0
    verified: int = 0
    unverifiable: int = 0
    mismatched: int = 0
    unparsed: int = 0
    gaps: int = 0
    """Missing sequence numbers or frames; silences of a stream are counted with the stream."""
    stale_snapshots: int = 0
    ticker_tolerance_ms: int = TICKER_TOLERANCE_MS
    tickers: list[TickerAgreement] = []
    twins: list[TwinAgreement] = []
    """Where the outcomes come in frames of their own: do both tell the same book?"""
    streams: list[StreamCounters] = []
    books: list[BookCounters] = []
    problems: list[str] = []
    """What does not hold, one sentence each, with its place."""
    notes: list[str] = []
    """What cannot be proven, and why; what disagreed comes first."""


class VerifyTotals(msgspec.Struct, kw_only=True):
    """Several recordings together."""

    ok: bool
    files_ok: bool
    frames: int
    events: int
    verified: int
    unverifiable: int
    mismatched: int
    unparsed: int
    gaps: int
    recordings: list[VerifyReport]


def total(reports: list[VerifyReport]) -> VerifyTotals:
    """Return the sums over recordings, with each recording's report."""
    return VerifyTotals(
        ok=all(report.ok for report in reports),
        files_ok=all(report.files_ok for report in reports),
        frames=sum(report.frames for report in reports),
        events=sum(report.events for report in reports),
        verified=sum(report.verified for report in reports),
        unverifiable=sum(report.unverifiable for report in reports),
        mismatched=sum(report.mismatched for report in reports),
        unparsed=sum(report.unparsed for report in reports),
        gaps=sum(report.gaps for report in reports),
        recordings=reports,
    )


def verify_recording(path: Path, progress: Callable[[float], None] | None = None) -> VerifyReport:
    """Check a recording's files, frames and books; raises only if it cannot be opened at all."""
    files = verify_files(path)
    report = VerifyReport(path=str(path), ok=False, files_ok=files.ok)
    report.problems += files.problems
    for fault in files.faults:
        report.gaps += fault.count if fault.kind == "dropped" else 0
        report.problems.append(reservations.sequence_fault(fault))
    try:
        opened = open_recordings([path], BookRules())
        _Check(opened, report, progress).run()
    except RecordingError as error:
        if files.damaged:  # the problems name the files already
            report.notes.append("the books were not checked to the end: files are damaged")
        else:
            report.problems.append(str(error))
    report.ok = files.ok and not report.problems
    return report


def _carries_hash(event: LevelsChanged | BookSnapshot) -> bool:
    """Whether ``event`` states a hash that a stream of proof ``restated`` is not proven by."""
    if isinstance(event, BookSnapshot):
        return event.venue_hash is not None and event.hash_inputs is None
    return event.changes[-1].venue_hash is not None


class _Timers:
    """The times at which a replay with default settings looks for silent streams."""

    def __init__(self) -> None:
        self.pause = self.usual = ReplaySettings().timer_ms * NANOS_PER_MS
        self.next_ns: int | None = None

    def before(self, now: int) -> Iterator[int]:
        """Yield the timers before ``now``; while no frame comes they thin out as a replay's do."""
        if self.next_ns is None:
            self.next_ns = now + self.usual
        while self.next_ns < now:
            yield self.next_ns
            self.next_ns += self.pause
            self.pause = min(2 * self.pause, LONGEST_PAUSE_MS * NANOS_PER_MS)
        self.pause = self.usual


class _Check:
    """Frames through codecs and books, without an engine."""

    def __init__(
        self, opened: Opened, report: VerifyReport, progress: Callable[[float], None] | None
    ) -> None:
        self.opened = opened
        self.report = report
        self.progress = progress
        self.hub: Hub = make_hub(opened, BookRules())
        self.tickers = BestAgreement(TICKER_TOLERANCE_MS)
        self.twins = TwinCheck()
        self.timers = _Timers()
        self.hashed: set[str] = set()  # streams with hashes that nothing is compared with
        self.traded: set[str] = set()  # streams with trades

    def run(self) -> None:
        now = count = 0
        for frame in self.opened.frames():
            now = frame.recv_ns
            self._timer(now)
            self._frame(frame)
            count += 1
            if self.progress is not None and not count % _REPORT_EVERY:
                self.progress(count / self.opened.frame_count)
        self._timer(now + 1)
        self.hub.finish(now)
        self.tickers.finish()
        self.twins.finish()
        self.report.frames = count
        self._collect()

    def _timer(self, now: int) -> None:
        for at_ns in self.timers.before(now):
            for feed, silent in self.hub.silences(at_ns):
                self.hub.apply(silent, feed, at_ns)

    def _frame(self, frame: Frame) -> None:
        source = self.opened.sources[frame.stream]
        now = frame.recv_ns
        for event in self.hub.heard(source.feed, frame.connection, now):
            self.hub.apply(event, source.feed, now)
        source.counters.frames += 1
        if source.decoder is None:
            source.counters.ignored += 1
            return
        try:
            events = source.decoder.decode(frame.payload)
        except FrameRefused as refused:
            source.refused(refused)
            place = f"frame {frame.ingest_seq} of {source.feed.name}"
            self._problem(f"{place} was refused: {refused}")
            return
        source.counters.events += len(events)
        if not events:
            source.counters.ignored += 1
        for event in events:
            self._event(event, source, frame)

    def _event(self, event: MarketEvent, source: Source, frame: Frame) -> None:
        now = frame.recv_ns
        market = getattr(event, "market", None)
        tracked = self.hub.books.get(market) if market is not None else None
        before = self._doubts(tracked.counters) if tracked is not None else (0, 0)
        flags = self.hub.apply(event, source.feed, now)
        if type(event) is BestStated:
            self.tickers.stated(event.market, event.at_ns, event.bid or 0, event.ask or 1_000_000)
        elif source.feed.proof == "restated" and isinstance(event, LevelsChanged | BookSnapshot):
            self.twins.note(event)
            if _carries_hash(event):
                self.hashed.add(source.feed.name)
        elif type(event) is TradePrinted:
            self.traded.add(source.feed.name)
        if market is None:
            return
        tracked = self.hub.books.get(market)
        if tracked is None:
            return
        if flags & TOP:
            book = tracked.book
            self.tickers.best(
                market, tracked.changed_ns or now, book.bid * book.step, book.ask * book.step
            )
        after = self._doubts(tracked.counters)
        if after != before and tracked.proof in ("venue_hash", "sequence"):
            self._problem(
                f"{tracked.last_doubt or 'mismatch'}: {tracked.market.title} "
                f"({tracked.market.id}) at frame {frame.ingest_seq}"
            )

    @staticmethod
    def _doubts(counters: BookCounters) -> tuple[int, int]:
        return counters.mismatched, counters.gaps

    def _problem(self, sentence: str) -> None:
        if len(self.report.problems) < 100:
            self.report.problems.append(sentence)

    def _collect(self) -> None:
        report = self.report
        for source in self.opened.sources.values():
            source.counters.silences = source.feed.silences
            report.streams.append(source.counters)
            report.unparsed += source.counters.unparsed
            report.events += source.counters.events
        for tracked in self.hub.books.values():
            counters = tracked.counters
            report.books.append(counters)
            report.verified += counters.verified
            report.unverifiable += counters.unverifiable
            report.mismatched += counters.mismatched
            report.gaps += counters.gaps
            report.stale_snapshots += counters.stale_snapshots
        report.notes += reservations.disagreements(report.books)
        twins = any(twins.compared for twins in self.twins.counters.values())
        for source in self.opened.sources.values():
            feed = source.feed
            facts = reservations.StreamFacts(
                feed.name,
                feed.proof,
                len(self.hub.books_of(feed)),
                hashes=feed.name in self.hashed,
                trades=feed.name in self.traded,
                twins=twins,
            )
            if sentence := reservations.reservation(facts):
                report.notes.append(sentence)
        report.notes.append(reservations.GAPS)
        self._agreements()

    def _agreements(self) -> None:
        report = self.report
        for market, agreement in self.tickers.counters.items():
            report.tickers.append(
                TickerAgreement(str(market), agreement.stated, agreement.agreed, agreement.differed)
            )
        for market, twins in self.twins.counters.items():
            report.twins.append(
                TwinAgreement(str(market), twins.compared, twins.agreed, twins.differing_levels)
            )
            if twins.differing_levels:
                self._problem(
                    f"{market}: {twins.differing_levels} levels of one outcome never reached its "
                    f"mirror, first at {(twins.first_ns or 0) // 1_000_000} ms: a frame is missing"
                )
