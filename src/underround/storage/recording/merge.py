"""Merge several ordered sources of frames into one total order, lazily.

The key of a frame is (time, stream rank, position of its source, position within its source).  The
time is the running maximum of the source's own clock, because a source's own order is evidence
and must never change: a frame stamped earlier than its predecessor keeps its place behind it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol, TypeVar

from underround.model.errors import RecordingError
from underround.model.frames import Clock, Frame
from underround.storage.recording.reader import Recording


class FrameLike(Protocol):
    """Anything that belongs to a stream and has a time."""

    @property
    def stream(self) -> str:
        """Name of the stream."""

    @property
    def recv_ns(self) -> int:
        """Time on the clock that the source declares."""


F = TypeVar("F", bound=FrameLike)


class Keyed(NamedTuple):
    """The place of a merged frame: ``key_ns`` never decreases over a merge."""

    key_ns: int
    source: int


def merge_frames(
    sources: Sequence[Iterable[F]],
    *,
    ranks: Sequence[Mapping[str, int]] | None = None,
    clocks: Sequence[Clock] | None = None,
    mix_clocks: bool = False,
) -> Iterator[F]:
    """Yield the frames of all sources in their total order, holding one frame per source.

    ``ranks[i]`` gives the rank per stream name of source ``i`` (0 where it names none); without it
    the position of the source decides between frames of equal time.  ``clocks[i]`` is the clock
    that source ``i`` declares: different ones are refused with ``RecordingError`` unless
    ``mix_clocks`` says that the caller knows their times cannot be compared exactly.
    """
    return (
        frame
        for _, frame in merge_keyed(sources, ranks=ranks, clocks=clocks, mix_clocks=mix_clocks)
    )


def merge_keyed(
    sources: Sequence[Iterable[F]],
    *,
    ranks: Sequence[Mapping[str, int]] | None = None,
    clocks: Sequence[Clock] | None = None,
    mix_clocks: bool = False,
) -> Iterator[tuple[Keyed, F]]:
    """As ``merge_frames``, with each frame's key: an importer records ``key_ns`` as ``recv_ns``."""
    _refuse_mixed(clocks or (), mix_clocks)
    return _merge(sources, ranks or [{}] * len(sources))


def merge_recordings(
    recordings: Sequence[Recording],
    start_ns: int | None = None,
    end_ns: int | None = None,
    *,
    mix_clocks: bool = False,
) -> Iterator[tuple[Keyed, Frame]]:
    """Yield the frames of several recordings in their total order, each with its recording."""
    return merge_keyed(
        [recording.frames(start_ns, end_ns) for recording in recordings],
        ranks=[{s.name: s.rank for s in recording.header.streams} for recording in recordings],
        clocks=[recording.header.clock for recording in recordings],
        mix_clocks=mix_clocks,
    )


def _refuse_mixed(clocks: Iterable[Clock], mix_clocks: bool) -> None:
    declared = sorted(set(clocks))
    if len(declared) > 1 and not mix_clocks:
        raise RecordingError(
            f"the sources declare different clocks ({' and '.join(declared)}), whose times cannot "
            "be compared: merge sources of one clock, or ask for mixed clocks explicitly"
        )


def _merge(
    sources: Sequence[Iterable[F]], ranks: Sequence[Mapping[str, int]]
) -> Iterator[tuple[Keyed, F]]:
    heap: list[tuple[int, int, int, F, Iterator[F]]] = []
    for position, source in enumerate(sources):
        frames = iter(source)
        with suppress(StopIteration):
            frame = next(frames)
            rank = ranks[position].get(frame.stream, 0)
            heap.append((frame.recv_ns, rank, position, frame, frames))
    # A source has one entry at most, so its position settles every tie before frames compare.
    heapq.heapify(heap)
    while heap:
        key, _, position, frame, frames = heap[0]
        yield Keyed(key, position), frame
        following = next(frames, None)
        if following is None:
            heapq.heappop(heap)
            continue
        rank = ranks[position].get(following.stream, 0)
        heapq.heapreplace(heap, (max(key, following.recv_ns), rank, position, following, frames))
