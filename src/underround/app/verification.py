"""``recording verify``: are the files whole, is the sequence gapless, are the books right?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from underround.app.wiring import Opened, make_hub, open_recordings
from underround.market.agreement import BestAgreement
from underround.market.hub import TOP, Hub
from underround.market.trust import BookRules
from underround.market.twins import TwinCheck
from underround.model.errors import FrameRefused, RecordingError
from underround.model.events import BestStated, BookSnapshot, LevelsChanged, MarketEvent
from underround.model.frames import NANOS_PER_SECOND, Frame
from underround.model.run import BookCounters, StreamCounters
from underround.simulation.replay import Source
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
    """Missing sequence numbers or frames."""
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
    """What cannot be proven, and why."""


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


_DISAGREEING = 20
"""One change in so many may disagree before a weakly proven book is named."""

_WHY_WEAK = {
    "stated_best": (
        "stream {stream} carries neither hashes nor sequence numbers: its books are compared with "
        "the best prices stated beside each change; deeper levels are not proven, and a book "
        "without an initial snapshot is wrong until every level was touched once"
    ),
    "restated": (
        "stream {stream} carries hashes, but not the condition id they cover: its books are "
        "compared with each later snapshot, and its two outcomes with each other; a snapshot after "
        "a trade differs by what the trade took, and trades were not recorded: unverifiable"
    ),
    "polled": "stream {stream} restates the whole book each time: there is nothing to prove",
}


def verify_recording(path: Path, progress: Callable[[float], None] | None = None) -> VerifyReport:
    """Check a recording's files, frames and books; raises only if it cannot be opened at all."""
    files = verify_files(path)
    report = VerifyReport(path=str(path), ok=False, files_ok=files.ok)
    report.problems += files.problems
    report.gaps += sum(fault.count for fault in files.faults)
    try:
        opened = open_recordings([path], BookRules())
        _Check(opened, report, progress).run()
    except RecordingError as error:
        report.problems.append(str(error))
    report.ok = files.ok and not report.problems
    return report


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
        self.next_timer = 0

    def run(self) -> None:
        now = count = 0
        total = self.opened.frame_count
        for frame in self.opened.frames():
            now = frame.recv_ns
            self._timer(now)
            self._frame(frame)
            count += 1
            if self.progress is not None and not count % _REPORT_EVERY:
                self.progress(count / total)
        self.hub.finish(now)
        self.tickers.finish()
        self.twins.finish()
        self.report.frames = count
        self._collect()

    def _timer(self, now: int) -> None:
        if now >= self.next_timer:
            self.next_timer = now + NANOS_PER_SECOND
            for feed, silent in self.hub.silences(now):
                self.hub.apply(silent, feed, now)

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
            self._refused(frame, source, refused)
            return
        source.counters.events += len(events)
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

    def _refused(self, frame: Frame, source: Source, refused: FrameRefused) -> None:
        self._problem(f"frame {frame.ingest_seq} of {source.feed.name} was refused: {refused}")

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
            why = _WHY_WEAK.get(source.feed.proof)
            if why is not None and source.counters.frames:
                report.notes.append(why.format(stream=source.feed.name))
        for tracked in self.hub.books.values():
            counters = tracked.counters
            report.books.append(counters)
            report.verified += counters.verified
            report.unverifiable += counters.unverifiable
            report.mismatched += counters.mismatched
            report.gaps += counters.gaps
            report.stale_snapshots += counters.stale_snapshots
            checked = counters.verified + counters.mismatched
            if counters.mismatched * _DISAGREEING > checked:
                report.notes.append(
                    f"{counters.title}: {counters.mismatched:,} of {checked:,} comparisons "
                    f"disagreed ({counters.proof}): this book is rarely to be trusted"
                )
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
