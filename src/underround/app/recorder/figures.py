"""What a live recording shows while it runs, and states when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from underround.app.live.feeds import Feeds
from underround.app.recorder.recording_parts import Part
from underround.model.run import ProofKind
from underround.model.units import Nanos
from underround.storage.recording import CoverageReport, Recording, coverage

Ended: TypeAlias = Literal["time", "signal", "closed", "failed"]
"""The time asked for is over; a signal; every market has closed; something did not work."""


class StreamNow(msgspec.Struct, frozen=True, kw_only=True):
    """One stream in use."""

    stream: str
    connected: bool
    connection: int
    topics: int
    proven: int
    """Topics whose data have come on the present connection."""
    frames: int
    unparsed: int
    silences: int
    trouble: str
    """Why it is not connected; empty while it is."""


class RecordProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A live recording at a moment."""

    at_ns: Nanos
    part: str
    elapsed_s: float
    left_s: float | None
    """``None``: open-ended."""
    frames: int
    frames_per_s: float
    payload_bytes: int
    disk_bytes: int
    """What the present part takes, with its last flush."""
    free_bytes: int
    streams: tuple[StreamNow, ...]
    trusted: int
    books: int
    oldest_ms: int | None
    """Since the last message about the book that has waited longest."""
    overflows: int
    dropped: int
    """Frames that are recorded and were not looked at, because too many came at once."""


class StreamTotal(msgspec.Struct, kw_only=True):
    """One stream over all parts."""

    stream: str
    frames: int = 0
    requested_ns: Nanos = 0
    present_ns: Nanos | None = None
    """Of what was requested, what is in no gap; ``None`` for a stream that may rest for any time:
    there nothing can be called a gap."""
    gaps: int = 0
    longest_ns: Nanos = 0
    """The longest gap."""
    unparsed: int = 0
    unparsed_reasons: dict[str, int] = {}
    silences: int = 0

    @property
    def covered(self) -> float | None:
        """Share of the requested time, 0 … 1."""
        if self.present_ns is None:
            return None
        return self.present_ns / self.requested_ns if self.requested_ns else 1.0


class BookTotal(msgspec.Struct, kw_only=True):
    """One book over the whole time."""

    market: str
    name: str
    title: str
    followed_ns: Nanos
    proof: ProofKind | None = None
    """``None``: never stated."""
    trusted: bool = False
    trusted_ns: Nanos = 0
    applied: int = 0
    verified: int = 0
    mismatched: int = 0
    gaps: int = 0
    doubts: dict[str, int] = {}
    """Why trust ended."""
    resyncs: dict[str, int] = {}
    """How often it had to be asked for, by the doubt behind it."""

    @property
    def share(self) -> float:
        """Share of its time in which it was trusted, 0 … 1."""
        return min(1.0, self.trusted_ns / self.followed_ns) if self.followed_ns > 0 else 0.0


class PartTotal(msgspec.Struct, frozen=True, kw_only=True):
    """One part as it lies on the disk."""

    path: str
    sealed: bool
    frames: int
    bytes: int
    began_ns: Nanos
    ended_ns: Nanos
    markets: int


class RecordSummary(msgspec.Struct, kw_only=True):
    """The end of a live recording."""

    ended: Ended
    error: str
    """What did not work; empty: nothing."""
    seconds: float
    frames: int
    payload_bytes: int
    parts: list[PartTotal]
    streams: list[StreamTotal]
    books: list[BookTotal]
    outcomes: dict[str, int]
    """What became of the requests for books."""
    overflows: int
    dropped: int
    notes: list[str]


class Measured(msgspec.Struct):
    """What the parts on the disk hold."""

    parts: list[PartTotal]
    streams: dict[str, StreamTotal]


def streams_now(feeds: Feeds) -> tuple[StreamNow, ...]:
    """Return the streams that are or were in use."""
    found = []
    for slot in feeds.slots():
        source = feeds.sources[slot.stream]
        waiting = bool(slot.topics) and not slot.connected
        found.append(
            StreamNow(
                stream=slot.stream,
                connected=slot.connected,
                connection=slot.connection,
                topics=slot.topics,
                proven=slot.proven,
                frames=source.counters.frames,
                unparsed=source.counters.unparsed,
                silences=source.feed.silences,
                trouble=slot.last_failure if waiting else "",
            )
        )
    return tuple(found)


def overflowed(feeds: Feeds) -> tuple[int, int]:
    """Return how often too much came at once, and how many frames no book has seen therefore."""
    backlog = feeds.backlog()
    if backlog is None:
        return 0, 0
    return sum(backlog.overflows.values()), sum(backlog.dropped.values())


def measure(parts: Sequence[Part], feeds: Feeds) -> Measured:
    """Read the parts back; raises ``RecordingError`` when one cannot be."""
    measured = Measured([], {})
    for part in parts:
        recording = Recording.open(part.path)
        report = coverage(recording)
        files = (file.stat() for file in part.path.rglob("*") if file.is_file())
        ended = part.ended_ns if part.ended_ns is not None else part.began_ns
        measured.parts.append(
            PartTotal(
                path=str(part.path),
                sealed=recording.sealed,
                frames=recording.rows,
                bytes=sum(each.st_size for each in files),
                began_ns=part.began_ns,
                ended_ns=ended,
                markets=len(part.markets),
            )
        )
        _add_streams(measured.streams, report)
    for name, total in measured.streams.items():
        source = feeds.sources[name]
        total.unparsed = source.counters.unparsed
        total.unparsed_reasons = dict(source.counters.unparsed_reasons)
        total.silences = source.feed.silences
    return measured


def _add_streams(totals: dict[str, StreamTotal], report: CoverageReport) -> None:
    for stream in report.streams:
        asked = stream.requested
        length = asked.end_ns - asked.start_ns if asked is not None else 0
        if not stream.frames and not (length and stream.silence_ms is not None):
            continue  # a spare socket, or requests that nobody needed
        total = totals.setdefault(stream.stream, StreamTotal(stream=stream.stream))
        total.frames += stream.frames
        total.requested_ns += length
        total.gaps += stream.gap_count
        if stream.silence_ms is not None:
            total.present_ns = (total.present_ns or 0) + length - stream.gap_ns
        longest = max((gap.end_ns - gap.start_ns for gap in stream.gaps), default=0)
        total.longest_ns = max(total.longest_ns, longest)
