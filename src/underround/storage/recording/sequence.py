"""Find dropped, duplicated and reordered frames from their ``ingest_seq`` alone."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Final, Literal

import msgspec
import polars as pl

SHOWN: Final = 5
"""Sequence numbers named per kind of fault; the rest are counted."""

FaultKind = Literal["dropped", "duplicated", "reordered", "time_reversed"]


class SequenceFault(msgspec.Struct, frozen=True):
    """Frames of one recording that share one fault."""

    kind: FaultKind
    count: int
    first: tuple[int, ...]
    """The smallest few ``ingest_seq`` concerned."""


class SequenceWalk:
    """Walks over the ``ingest_seq`` and ``recv_ns`` of a whole recording, batch by batch.

    A number that is skipped is dropped, unless it comes later: then it is reordered.  A number
    that comes again is duplicated.  Memory grows with the faults, not with the frames.
    """

    __slots__ = ("_counts", "_first", "_gap_ends", "_gap_starts", "_last_ns", "_next")

    def __init__(self) -> None:
        self._next = 0
        self._last_ns: int | None = None
        self._gap_starts: list[int] = []  # sorted first numbers of what is missing so far
        self._gap_ends: dict[int, int] = {}  # first number → last number
        self._counts: dict[FaultKind, int] = {}
        self._first: dict[FaultKind, list[int]] = {}

    def batch(self, seqs: pl.Series, times: pl.Series) -> None:
        """Walk over the next frames."""
        if not len(seqs):
            return
        self._times(seqs, times)
        steps_by_one = bool((seqs.diff().drop_nulls() == 1).all())
        if steps_by_one and seqs[0] == self._next:
            self._next += len(seqs)
            return
        for seq in seqs.to_list():
            self._step(seq)

    def expect_end(self, next_seq: int, *, gone: bool = True) -> None:
        """Tell that ``next_seq − 1`` should have been the last frame so far.

        With ``gone=False`` nothing is known about the frames up to it: none is called dropped.
        """
        if self._next < next_seq:
            if gone:
                self._open(self._next, next_seq - 1)
            self._next = next_seq

    def faults(self) -> tuple[SequenceFault, ...]:
        """Return every fault found; empty when each frame came once, in order, in time.

        Ends the walk: what is missing now is dropped.
        """
        for first in self._gap_starts:
            self._note("dropped", first, self._gap_ends[first])
        self._gap_starts = []
        kinds: tuple[FaultKind, ...] = ("dropped", "duplicated", "reordered", "time_reversed")
        return tuple(
            SequenceFault(kind, self._counts[kind], tuple(self._first[kind]))
            for kind in kinds
            if kind in self._counts
        )

    def _times(self, seqs: pl.Series, times: pl.Series) -> None:
        before = times.shift(1, fill_value=times[0] if self._last_ns is None else self._last_ns)
        self._last_ns = times[-1]
        late = seqs.filter(times < before)
        for seq in late.to_list():
            self._note("time_reversed", seq, seq)

    def _step(self, seq: int) -> None:
        if seq >= self._next:
            if seq > self._next:
                self._open(self._next, seq - 1)
            self._next = seq + 1
        elif self._fill(seq):
            self._note("reordered", seq, seq)
        else:
            self._note("duplicated", seq, seq)

    def _open(self, first: int, last: int) -> None:
        insort(self._gap_starts, first)
        self._gap_ends[first] = last

    def _fill(self, seq: int) -> bool:
        """Take ``seq`` out of what is missing; False when it was not missing."""
        at = bisect_right(self._gap_starts, seq) - 1
        if at < 0 or seq > self._gap_ends[self._gap_starts[at]]:
            return False
        first = self._gap_starts.pop(at)
        last = self._gap_ends.pop(first)
        if first < seq:
            self._open(first, seq - 1)
        if seq < last:
            self._open(seq + 1, last)
        return True

    def _note(self, kind: FaultKind, first: int, last: int) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + last - first + 1
        shown = self._first.setdefault(kind, [])
        shown.extend(range(first, min(last + 1, first + SHOWN)))
        shown.sort()
        del shown[SHOWN:]
