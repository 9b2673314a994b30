"""How much of what was asked for a recording holds, and where it is silent."""

from __future__ import annotations

from typing import Final

import msgspec
import polars as pl

from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.storage.recording.header import Span, StreamHeader
from underround.storage.recording.reader import Recording

LISTED: Final = 1000
"""Gaps listed per stream; the rest are counted and summed."""


class Gap(msgspec.Struct, frozen=True):
    """A silence longer than the stream's threshold, within the span that was asked for."""

    stream: str
    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """The length of the silence."""
        return (self.end_ns - self.start_ns) / NANOS_PER_SECOND


class StreamCoverage(msgspec.Struct, frozen=True):
    """One stream: what was asked for, what is there, what is missing."""

    stream: str
    frames: int
    requested: Span | None
    """What was asked for, or the recording's own span when nothing was; ``None`` without both."""
    present: Span | None
    """From the first frame to the last; ``None`` without frames."""
    silence_ms: int | None
    gaps: tuple[Gap, ...]
    """The first ``LISTED`` gaps, those before the first and after the last frame included."""
    gap_count: int
    gap_ns: int
    covered: float
    """Share of the requested span that is not a gap.  Of a stream that may be silent for any time
    nothing can be called a gap: there it is the share between its first and last frame."""


class CoverageReport(msgspec.Struct, frozen=True):
    """All declared streams of one recording, in the order of the header."""

    present: Span | None
    frames: int
    streams: tuple[StreamCoverage, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The listed gaps of all streams in order of time."""
        gaps = (gap for stream in self.streams for gap in stream.gaps)
        return tuple(sorted(gaps, key=lambda gap: (gap.start_ns, gap.stream)))


def coverage(recording: Recording) -> CoverageReport:
    """Measure the coverage of ``recording`` in one pass over its stream and time columns."""
    whole = recording.span
    asked = recording.header.requested or whole
    walks = {s.name: _StreamWalk(s, s.requested or asked) for s in recording.header.streams}
    for table in recording.columns("stream", "recv_ns"):
        for part in table.partition_by("stream", maintain_order=True):
            if walk := walks.get(part["stream"][0]):
                walk.batch(part["recv_ns"])
    streams = tuple(walk.finish() for walk in walks.values())
    return CoverageReport(whole, recording.rows, streams)


class _StreamWalk:
    """Collects the silences of one stream from its times, which never decrease."""

    __slots__ = ("_asked", "_first", "_frames", "_gaps", "_last", "_stream", "_sum", "_total")

    def __init__(self, stream: StreamHeader, asked: Span | None) -> None:
        self._stream = stream
        self._asked = asked
        self._first: int | None = None
        self._last = 0
        self._frames = 0
        self._gaps: list[Gap] = []
        self._total = self._sum = 0

    def batch(self, times: pl.Series) -> None:
        before = times.shift(1, fill_value=times[0] if self._first is None else self._last)
        if self._stream.silence_ms is not None:
            long = (times - before) > self._stream.silence_ms * NANOS_PER_MS
            for start, end in zip(before.filter(long), times.filter(long), strict=True):
                self._note(start, end)
        if self._first is None:
            self._first = times[0]
            self._edge(self._asked.start_ns if self._asked else times[0], times[0])
        self._last = times[-1]
        self._frames += len(times)

    def finish(self) -> StreamCoverage:
        present = None if self._first is None else Span(self._first, self._last + 1)
        if self._asked:
            self._edge(present.end_ns if present else self._asked.start_ns, self._asked.end_ns)
        return StreamCoverage(
            stream=self._stream.name,
            frames=self._frames,
            requested=self._asked,
            present=present,
            silence_ms=self._stream.silence_ms,
            gaps=tuple(sorted(self._gaps, key=lambda gap: gap.start_ns)),
            gap_count=self._total,
            gap_ns=self._sum,
            covered=self._covered(present),
        )

    def _covered(self, present: Span | None) -> float:
        if present is None or self._asked is None:
            return 0.0
        length = self._asked.end_ns - self._asked.start_ns
        if length == 0:
            return 1.0
        if self._stream.silence_ms is not None:
            return (length - self._sum) / length
        start = max(present.start_ns, self._asked.start_ns)
        return max(0, min(present.end_ns, self._asked.end_ns) - start) / length

    def _edge(self, start: int, end: int) -> None:
        silence = self._stream.silence_ms
        if silence is not None and end - start > silence * NANOS_PER_MS:
            self._note(start, end)

    def _note(self, start: int, end: int) -> None:
        """Count the part of a silence that lies within what was asked for."""
        if self._asked is not None:
            start, end = max(start, self._asked.start_ns), min(end, self._asked.end_ns)
        if start < end:
            self._total += 1
            self._sum += end - start
            if len(self._gaps) < LISTED:
                self._gaps.append(Gap(self._stream.name, start, end))
