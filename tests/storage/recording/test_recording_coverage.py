from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.recording.builders import SMALL, T0, crashed, folder, header_of, write
from underround.model.frames import Frame
from underround.storage.recording import (
    CoverageReport,
    Gap,
    Recording,
    RecordingHeader,
    Span,
    StreamCoverage,
    coverage,
)
from underround.storage.recording.coverage import LISTED

S = 1_000_000_000


def header(requested: Span | None, silence_ms: int | None = 1000) -> RecordingHeader:
    plain = header_of(requested=requested)
    streams = tuple(msgspec.structs.replace(s, silence_ms=silence_ms) for s in plain.streams)
    return msgspec.structs.replace(plain, streams=streams)


def frames_at(seconds: list[float], stream: str = "a.books") -> list[Frame]:
    return [
        Frame(stream, 0, n, T0 + int(at * S), b"", "raw") for n, at in enumerate(sorted(seconds))
    ]


def measured(path: Path, seconds: list[float], head: RecordingHeader) -> CoverageReport:
    return coverage(Recording.open(write(path, frames_at(seconds), SMALL, head)))


def first_stream(report: CoverageReport) -> StreamCoverage:
    return report.streams[0]


def test_gaps_within_before_and_after(tmp_path: Path) -> None:
    """Silences longer than the threshold are gaps, at both ends of the requested span too."""
    seconds = [2, 2.5, 3.5, 6, 6.5, 9.4]
    report = measured(tmp_path / "r", seconds, header(Span(T0, T0 + 10 * S)))
    stream = first_stream(report)
    assert stream.gaps == (
        Gap("a.books", T0, T0 + 2 * S),
        Gap("a.books", T0 + int(3.5 * S), T0 + 6 * S),
        Gap("a.books", T0 + int(6.5 * S), T0 + int(9.4 * S)),
    )
    assert [gap.seconds for gap in stream.gaps] == [2.0, 2.5, 2.9]
    assert stream.covered == pytest.approx(0.26)
    assert (stream.frames, report.frames) == (6, 6)
    assert stream.present == Span(T0 + 2 * S, T0 + int(9.4 * S) + 1)


def test_stream_without_frames(tmp_path: Path) -> None:
    """A declared stream without a frame is one gap over all that was asked for."""
    span = Span(T0, T0 + 10 * S)
    report = measured(tmp_path / "r", [3], header(span))
    silent = report.streams[1]
    assert silent.gaps == (Gap("b.trades", T0, T0 + 10 * S),)
    assert (silent.covered, silent.present, silent.frames) == (0.0, None, 0)
    assert report.gaps[0].stream == "a.books"


def test_no_threshold(tmp_path: Path) -> None:
    """A stream that may be silent has no gaps; it is covered from its first to its last frame."""
    report = measured(tmp_path / "r", [2, 8], header(Span(T0, T0 + 10 * S), silence_ms=None))
    stream = first_stream(report)
    assert stream.gaps == ()
    assert stream.covered == pytest.approx(0.6)


def test_nothing_requested(tmp_path: Path) -> None:
    """Without a requested span a recording is measured against its own."""
    report = measured(tmp_path / "r", [2, 8], header(None))
    stream = first_stream(report)
    assert stream.requested == report.present
    assert [gap.seconds for gap in stream.gaps] == [6.0]


def test_empty(tmp_path: Path) -> None:
    """A recording without frames and without a request covers nothing and raises nothing."""
    report = measured(tmp_path / "r", [], header(None))
    assert report.present is None
    assert [stream.covered for stream in report.streams] == [0.0, 0.0, 0.0]


def test_streams_own_request(tmp_path: Path) -> None:
    """A stream's own request goes before the recording's, and frames outside it do not count."""
    head = header(Span(T0, T0 + 100 * S))
    own = msgspec.structs.replace(head.streams[0], requested=Span(T0 + 2 * S, T0 + 4 * S))
    head = msgspec.structs.replace(head, streams=(own, *head.streams[1:]))
    stream = first_stream(measured(tmp_path / "r", [0, 1, 2, 3, 4, 9], head))
    assert (stream.gaps, stream.covered) == ((), 1.0)


def test_many_gaps_are_counted(tmp_path: Path) -> None:
    """Beyond the listed gaps the rest are counted and summed."""
    count = LISTED + 50
    frames = frames_at([2.0 * n for n in range(count + 1)])
    path = tmp_path / "r"
    write(
        path, frames, header=header(None), limits=msgspec.structs.replace(SMALL, segment_rows=500)
    )
    stream = first_stream(coverage(Recording.open(path)))
    assert (len(stream.gaps), stream.gap_count, stream.gap_ns) == (LISTED, count, count * 2 * S)


def test_tail_counts(tmp_path: Path) -> None:
    """Frames that no segment holds yet count like the others."""
    path = crashed(tmp_path / "r", frames_at([0, 1, 2, 3, 4, 5]))
    assert first_stream(coverage(Recording.open(path))).frames == 6


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 100), max_size=20),
    st.integers(1, 20),
    st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted),
)
def test_against_a_plain_computation(at: list[int], silence: int, asked: list[int]) -> None:
    """Gaps are what a plain walk over all pairs of neighbours finds, whatever the batches."""
    span = Span(T0 + asked[0] * S, T0 + asked[1] * S)
    with folder() as root:
        stream = first_stream(
            measured(root / "r", [float(n) for n in at], header(span, silence * 1000))
        )
    times = [T0 + n * S for n in sorted(at)]
    pairs = list(pairwise(times))
    edges = (
        [(span.start_ns, times[0]), (times[-1] + 1, span.end_ns)]
        if times
        else [(span.start_ns, span.end_ns)]
    )
    gaps = []
    for start, end in pairs + edges:
        low, high = max(start, span.start_ns), min(end, span.end_ns)
        if end - start > silence * S and low < high:
            gaps.append((low, high))
    assert [(gap.start_ns, gap.end_ns) for gap in stream.gaps] == sorted(gaps)
    assert stream.gap_ns == sum(high - low for low, high in gaps)
    assert 0.0 <= stream.covered <= 1.0
