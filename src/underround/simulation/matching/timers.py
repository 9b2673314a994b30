"""When something happens to an order by itself: it expires, or its delay is over."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

from underround.model.units import Nanos
from underround.simulation.matching.book import Resting

Plan: TypeAlias = Callable[[Nanos, Callable[[Nanos], None]], None]
_TIDY: Final = 1_000


class Timers:
    """Orders by the time at which they are due; one entry on the agenda stands for all of them.

    Most orders are cancelled long before they expire: what is over is swept when it is the larger
    part, so that memory follows the open orders.
    """

    def __init__(self, plan: Plan, due: Callable[[Resting, Nanos], None]) -> None:
        """``plan`` calls back at a time; ``due`` is told each order at its own time."""
        self._plan = plan
        self._due = due
        self._heap: list[tuple[Nanos, int, Resting]] = []
        self._count = 0
        self._asked: Nanos | None = None
        self._next_tidy = _TIDY

    def set(self, at: Nanos, order: Resting) -> None:
        """Let the order be due at ``at``."""
        self._count += 1
        heappush(self._heap, (at, self._count, order))
        if len(self._heap) > self._next_tidy:
            self._heap = [entry for entry in self._heap if entry[2].state in ("live", "delayed")]
            heapify(self._heap)
            self._next_tidy = max(_TIDY, 2 * len(self._heap))
        self._ask()

    def run(self, now: Nanos) -> None:
        """Tell everything that is due at or before ``now``, each at its own time."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, order = heappop(heap)
            self._due(order, at)
            heap = self._heap

    def overdue(self, now: Nanos) -> bool:
        """Return whether something should have happened by ``now``."""
        return bool(self._heap) and self._heap[0][0] <= now

    def _ask(self) -> None:
        if self._heap and (self._asked is None or self._heap[0][0] < self._asked):
            self._asked = self._heap[0][0]
            self._plan(self._asked, self._ring)

    def _ring(self, at: Nanos) -> None:
        if self._asked is not None and at >= self._asked:
            self._asked = None
        self.run(at)
        self._ask()
