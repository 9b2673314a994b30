"""What is going to happen, in order of time; at the same time, in the order it was planned."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from underround.model.orders import OrderEvent
from underround.model.units import Nanos


class Agenda:
    """A deterministic event queue: things that happen, and answers that reach us."""

    __slots__ = ("_answers", "_counter", "_due")

    def __init__(self) -> None:
        """Begin with nothing planned."""
        self._due: list[tuple[Nanos, int, Callable[[Nanos], None]]] = []
        self._answers: list[tuple[Nanos, OrderEvent]] = []
        self._counter = count()

    def plan(self, at: Nanos, happen: Callable[[Nanos], None]) -> None:
        """Let ``happen(at)`` be called when ``at`` is reached."""
        heappush(self._due, (at, next(self._counter), happen))

    def tell(self, at: Nanos, event: OrderEvent) -> None:
        """Let ``event`` reach us at ``at``."""
        self.plan(at, lambda due: self._answers.append((due, event)))

    def next_due(self) -> Nanos | None:
        """Return when something happens next, or ``None``."""
        return self._due[0][0] if self._due else None

    def run(self, until: Nanos) -> list[tuple[Nanos, OrderEvent]]:
        """Let everything due at or before ``until`` happen; returns what reached us, in order."""
        due = self._due
        while due and due[0][0] <= until:
            at, _, happen = heappop(due)
            happen(at)
        answers, self._answers = self._answers, []
        return answers
