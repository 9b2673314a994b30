"""Lines of bounded length: what a run of any length leaves for the report to draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

Point = TypeVar("Point")
Key: TypeAlias = Callable[[Point], int]


class _Stretch(Generic[Point]):
    """Neighbouring points that are drawn as one: the first, and one extreme for each key."""

    __slots__ = ("extremes", "first")

    def __init__(self, index: int, point: Point, keys: Sequence[Key[Point]]) -> None:
        self.first = (index, point)
        self.extremes = [(key(point), index, point) for key in keys]

    def take(self, index: int, point: Point, keys: Sequence[Key[Point]]) -> None:
        for place, key in enumerate(keys):
            value = key(point)
            if value > self.extremes[place][0]:
                self.extremes[place] = (value, index, point)

    def absorb(self, later: _Stretch[Point]) -> None:
        for place, extreme in enumerate(later.extremes):
            if extreme[0] > self.extremes[place][0]:
                self.extremes[place] = extreme

    def points(self) -> list[tuple[int, Point]]:
        kept = {index: point for _, index, point in self.extremes}
        kept[self.first[0]] = self.first[1]
        return sorted(kept.items(), key=lambda item: item[0])


class Decimated(Generic[Point]):
    """An append-only series that never holds more than ``2 · size`` points.

    When it is full every second stretch of points is joined to the one before it and the stride
    doubles, so a point costs O(1) on average and the result depends on the points alone.  The first
    and the last point are always kept.  For each function in ``highest`` the point with its largest
    value is kept as well, stretch by stretch, the earliest of equals: spikes survive however long
    the run is.  Without ``highest`` exactly every ``stride``-th point and the last remain.

    Raises ``ValueError`` when ``size`` is too small for two stretches (2 + one per function).
    """

    __slots__ = ("_count", "_highest", "_last", "_limit", "_stretches", "_stride")

    def __init__(self, size: int, highest: Sequence[Key[Point]] = ()) -> None:
        per_stretch = 1 + len(highest)
        limit = (2 * size - 1) // per_stretch
        self._limit = limit - limit % 2
        if self._limit < 2:
            raise ValueError(f"{size} points are too few: at least {per_stretch + 1} are needed")
        self._highest = tuple(highest)
        self._stretches: list[_Stretch[Point]] = []
        self._last: list[Point] = []
        self._stride = 1
        self._count = 0

    @property
    def stride(self) -> int:
        """How many appended points one stretch stands for: a power of two."""
        return self._stride

    @property
    def appended(self) -> int:
        """How many points were appended, kept or not."""
        return self._count

    def append(self, point: Point) -> None:
        """Add the next point; order is the caller's."""
        index = self._count
        self._count += 1
        self._last = [point]
        if index < len(self._stretches) * self._stride:
            self._stretches[-1].take(index, point, self._highest)
            return
        if len(self._stretches) == self._limit:
            self._halve()
        self._stretches.append(_Stretch(index, point, self._highest))

    def _halve(self) -> None:
        for earlier, later in zip(self._stretches[::2], self._stretches[1::2], strict=True):
            earlier.absorb(later)
        self._stretches = self._stretches[::2]
        self._stride *= 2

    def points(self) -> list[Point]:
        """Return what was kept, in the order it was appended; at most ``2 · size`` points."""
        kept = [item for stretch in self._stretches for item in stretch.points()]
        if kept and kept[-1][0] != self._count - 1:
            kept.append((self._count - 1, self._last[0]))
        return [point for _, point in kept]
