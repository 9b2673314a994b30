from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.recording.builders import (
    MARKETS,
    STREAMS,
    T0,
    append_all,
    crashed,
    folder,
    frames_of,
    header_of,
    read,
    write,
)
from underround.model.errors import RecordingError
from underround.model.frames import Frame
from underround.storage.recording import (
    Recording,
    RecordingWriter,
    Span,
    StreamHeader,
    WriterLimits,
    recover,
    verify_files,
)

LARGEST = (1 << 63) - 1

parts = st.tuples(
    st.sampled_from(STREAMS),
    st.integers(0, LARGEST),
    st.integers(0, LARGEST),
    st.binary(max_size=40),
    st.sampled_from(["raw", "reconstructed"]),
)
limits = st.builds(
    WriterLimits,
    flush_ns=st.sampled_from([1, 1 << 62]),
    flush_bytes=st.integers(1, 60),
    segment_rows=st.integers(1, 9),
    segment_bytes=st.integers(1, 200),
    tail=st.booleans(),
)


def ordered(rows: list[tuple[str, int, int, bytes, str]]) -> list[Frame]:
    times = sorted(row[2] for row in rows)
    return [
        Frame(stream, connection, n, times[n], payload, kind)  # type: ignore[arg-type]
        for n, (stream, connection, _, payload, kind) in enumerate(rows)
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(parts, max_size=25), limits)
def test_round_trip(rows: list[tuple[str, int, int, bytes, str]], chosen: WriterLimits) -> None:
    """Any frames come back as they were given, whatever the limits, and the result verifies."""
    frames = ordered(rows)
    with folder() as root:
        path = write(root / "r", frames, chosen)
        assert read(path) == frames
        assert Recording.open(path).rows == len(frames)
        assert verify_files(path).ok


@settings(max_examples=30, deadline=None)
@given(st.lists(parts, max_size=25), limits, st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_span(
    rows: list[tuple[str, int, int, bytes, str]], chosen: WriterLimits, start: int, end: int
) -> None:
    """A span gives the frames of its times, start included and end not, sealed or not."""
    frames = ordered(rows)
    expected = [frame for frame in frames if start <= frame.recv_ns < end]
    with folder() as root:
        recording = Recording.open(write(root / "r", frames, chosen))
        assert list(recording.frames(start, end)) == expected
        tailed = Recording.open(crashed(root / "t", frames, WriterLimits(flush_bytes=1)))
        assert list(tailed.frames(start, end)) == [
            f for f in tailed.tail if start <= f.recv_ns < end
        ]


def test_batches_join(tmp_path: Path) -> None:
    """Spans that begin and end inside a batch of rows lose nothing where batches meet."""
    frames = frames_of(20_000)
    recording = Recording.open(write(tmp_path / "r", frames, WriterLimits()))
    assert len(recording.index.segments) == 1
    assert list(recording.frames()) == frames
    for first, end in ((0, 1), (8191, 8193), (5000, 17_000), (19_999, 20_000)):
        found = recording.frames(frames[first].recv_ns, frames[end - 1].recv_ns + 1)
        assert list(found) == frames[first:end]


def test_same_frames_same_bytes(tmp_path: Path) -> None:
    """Every file follows from the frames alone, not from when they were flushed or read."""
    frames = frames_of(30)
    one = write(tmp_path / "one", frames, WriterLimits(segment_rows=7, flush_bytes=1))
    two = write(tmp_path / "two", frames, WriterLimits(segment_rows=7, tail=False))
    three = crashed(tmp_path / "three", frames, WriterLimits(segment_rows=7, flush_bytes=1))
    recover(three)
    names = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    for other in (two, three):
        assert sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file()) == names
        for name in names:
            assert (other / name).read_bytes() == (one / name).read_bytes(), name


def test_what_is_kept_beside_frames(tmp_path: Path) -> None:
    """Header, catalogue, span and index read back as they were given."""
    header = header_of(lost=("Sizes below a cent.",), requested=Span(T0, T0 + 5))
    recording = Recording.open(write(tmp_path / "r", frames_of(10), header=header))
    assert recording.header == header
    assert recording.markets == MARKETS
    assert recording.sealed
    assert recording.notices == ()
    assert [s.rows for s in recording.index.segments] == [4, 4, 2]
    assert recording.span == Span(T0, T0 + 9_000_001)


def test_amend(tmp_path: Path) -> None:
    """What is learned while recording can be added, and nothing declared can be taken back."""
    more = StreamHeader(name="d.new", rank=9, codec="x", proof="none", kind="raw")
    header = header_of(streams=(*header_of().streams, more), notes="two venues")
    with RecordingWriter(tmp_path / "r", header_of(), MARKETS) as writer:
        writer.amend(header=header, markets=b"[]")
        writer.append("d.new", 0, T0, b"x")
        with pytest.raises(RecordingError, match="only add"):
            writer.amend(header=header_of())
    recording = Recording.open(tmp_path / "r")
    assert (recording.header, recording.markets) == (header, b"[]")
    assert verify_files(tmp_path / "r").ok


def test_append_refuses(tmp_path: Path) -> None:
    """A frame that would not read back in its place is refused, and the next good one is kept."""
    with RecordingWriter(tmp_path / "r", header_of(), MARKETS) as writer:
        first = writer.append("a.books", 0, T0, b"x")
        assert first == Frame("a.books", 0, 0, T0, b"x", "raw")
        with pytest.raises(RecordingError, match=f"from {T0} to {T0 - 1}"):
            writer.append("a.books", 0, T0 - 1, b"x")
        with pytest.raises(RecordingError, match="declares no stream 'zz'"):
            writer.append("zz", 0, T0, b"x")
        with pytest.raises(RecordingError, match="63 bits"):
            writer.append("a.books", 0, 1 << 63, b"x")
        with pytest.raises(RecordingError, match="connection -1"):
            writer.append("a.books", -1, T0, b"x")
        with pytest.raises(RecordingError, match="kind 'cooked'"):
            writer.append("a.books", 0, T0, b"x", "cooked")  # type: ignore[arg-type]
        with pytest.raises(RecordingError, match="bytes"):
            writer.append("a.books", 0, T0, "x")  # type: ignore[arg-type]
        assert writer.append("b.trades", 0, T0, b"y").ingest_seq == 1
    with pytest.raises(RecordingError, match="closed"):
        writer.append("a.books", 0, T0, b"x")
    assert [f.payload for f in read(tmp_path / "r")] == [b"x", b"y"]


def test_a_second_of_told_time_flushes(tmp_path: Path) -> None:
    """At most the frames of the last told second are missing after a crash."""
    writer = RecordingWriter(tmp_path / "r", header_of(), MARKETS)
    append_all(writer, frames_of(25, step_ns=100_000_000))
    writer._abandon()
    assert read(tmp_path / "r") == frames_of(25, step_ns=100_000_000)[:22]


def test_failed_block_leaves_it_unsealed(tmp_path: Path) -> None:
    """When the block of ``with`` raises, its frames are kept and the recording is not sealed."""

    def fail(path: Path) -> None:
        with RecordingWriter(path, header_of(), MARKETS) as writer:
            append_all(writer, frames_of(3))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "r")
    assert not Recording.open(tmp_path / "r").sealed
    assert read(tmp_path / "r") == frames_of(3)
