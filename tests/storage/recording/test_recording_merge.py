from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.recording.builders import T0, frames_of, header_of, write
from underround.model.errors import RecordingError
from underround.model.frames import Frame
from underround.storage.recording import Recording, merge_frames, merge_keyed, merge_recordings

times = st.lists(st.lists(st.integers(0, 20), max_size=12), max_size=5)


def source(stream: str, at: list[int]) -> list[Frame]:
    return [Frame(stream, 0, n, time, b"", "raw") for n, time in enumerate(at)]


@given(times, st.lists(st.integers(0, 2), min_size=5, max_size=5))
def test_total_order(clocks: list[list[int]], ranks: list[int]) -> None:
    """Every frame comes once, each source in its own order, by running time, rank and source."""
    sources = [source(f"s{n}", at) for n, at in enumerate(clocks)]
    ranking = [{f"s{n}": ranks[n]} for n in range(len(sources))]
    expected = []
    for n, frames in enumerate(sources):
        high = 0
        for frame in frames:
            high = max(high, frame.recv_ns)
            expected.append(((high, ranks[n], n, frame.ingest_seq), frame))
    expected.sort(key=lambda item: item[0])
    merged = list(merge_keyed(sources, ranks=ranking))
    assert [frame for _, frame in merged] == [frame for _, frame in expected]
    assert [(at.key_ns, at.source) for at, _ in merged] == [(k[0], k[2]) for k, _ in expected]


def test_a_late_frame_keeps_its_place() -> None:
    """A frame stamped before its predecessor stays behind it, and later than what came between."""
    late = source("late", [10, 5, 11])
    other = source("other", [7, 10, 11])
    merged = [(f.stream, f.recv_ns) for f in merge_frames([late, other])]
    assert merged == [
        ("other", 7), ("late", 10), ("late", 5), ("other", 10), ("late", 11), ("other", 11),
    ]  # fmt: skip


def test_lazy() -> None:
    """Endless sources can be merged, because only one frame of each is held."""
    taken = []

    def endless(stream: str) -> Iterator[Frame]:
        for n in count():
            taken.append(stream)
            yield Frame(stream, 0, n, n, b"", "raw")

    assert [f.recv_ns for f in islice(merge_frames([endless("a"), endless("b")]), 6)] == [
        0, 0, 1, 1, 2, 2,
    ]  # fmt: skip
    assert len(taken) <= 8


def test_clocks_are_not_mixed_by_accident() -> None:
    """Sources of different clocks are refused at once, unless the caller asks for it."""
    sources = [source("a", [1]), source("b", [2])]
    with pytest.raises(RecordingError, match="receive and venue"):
        merge_frames(sources, clocks=["receive", "venue"])
    assert len(list(merge_frames(sources, clocks=["receive", "venue"], mix_clocks=True))) == 2
    assert len(list(merge_frames(sources, clocks=["venue", "venue"]))) == 2


def test_recordings(tmp_path: Path) -> None:
    """Recordings merge by their declared ranks, and each frame says which one it is from."""
    one = Recording.open(write(tmp_path / "one", frames_of(9)))
    two = Recording.open(write(tmp_path / "two", frames_of(9)))
    merged = [(at.source, frame.ingest_seq) for at, frame in merge_recordings([one, two])]
    assert merged == [(n, seq) for seq in range(9) for n in range(2)]
    cut = list(merge_recordings([one, two], T0 + 2_000_000, T0 + 4_000_000))
    assert len(cut) == 4
    venue = Recording.open(write(tmp_path / "v", [], header=header_of(clock="venue")))
    with pytest.raises(RecordingError, match="different clocks"):
        merge_recordings([one, venue])
