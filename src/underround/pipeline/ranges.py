"""Which ranges of numbers (seconds, blocks) are covered.  Pure; both ends are included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return the ranges in order, with neighbours and overlaps made one."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def missing(covered: Iterable[Range], first: int, last: int) -> Iterator[Range]:
    """Yield, in order, the parts of ``first`` … ``last`` that no range covers."""
    at = first
    for begin, end in joined(covered):
        if end < at:
            continue
        if begin > last:
            break
        if begin > at:
            yield at, begin - 1
        at = end + 1
    if at <= last:
        yield at, last
