"""One total order out of several sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from underround.pipeline.importers.plan import FramePart, merged
from underround.storage.recording import StreamHeader

STREAMS = (
    StreamHeader("a", 0, "none", "none", "raw"),
    StreamHeader("b", 1, "none", "none", "raw"),
)


@given(st.lists(st.lists(st.integers(1, 30), max_size=8), min_size=1, max_size=4))
def test_times_never_decrease_and_each_source_keeps_its_order(times: list[list[int]]) -> None:
    """Whatever stamps the sources carry, nothing is lost, reordered within a source or late."""
    sources = [
        [FramePart("ab"[i % 2], 0, at, f"{i}/{n}".encode(), "raw") for n, at in enumerate(source)]
        for i, source in enumerate(times)
    ]
    parts = list(merged(sources, STREAMS))
    stamps = [part.recv_ns for part in parts]
    assert stamps == sorted(stamps)
    for i, source in enumerate(sources):
        own = [part.payload for part in parts if part.payload.startswith(f"{i}/".encode())]
        assert own == [part.payload for part in source]
    for part in parts:
        i, n = map(int, part.payload.split(b"/"))
        assert part.recv_ns == max(times[i][: n + 1])


def test_equal_times_follow_the_rank() -> None:
    """At one time the stream of lower rank comes first, whatever the order of the sources."""
    later = [FramePart("b", 0, 5, b"b", "raw")]
    first = [FramePart("a", 0, 5, b"a", "raw")]
    assert [part.stream for part in merged([later, first], STREAMS)] == ["a", "b"]
