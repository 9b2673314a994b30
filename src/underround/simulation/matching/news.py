"""Events leave the exchange in the order in which they happened, whoever reacts to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from underround.simulation.matching.terms import ExchangeEvent


class News:
    """Tells the events of a step together.

    A listener that acts on an event (a house maker who quotes again) makes new ones; they wait
    until everybody was told the step they follow from.
    """

    __slots__ = ("_emit", "_telling", "_waiting")

    def __init__(self, emit: Callable[[ExchangeEvent], None]) -> None:
        """``emit`` is told each event once."""
        self._emit = emit
        self._waiting: list[ExchangeEvent] = []
        self._telling = False

    def tell(self, events: Iterable[ExchangeEvent]) -> None:
        """Tell the events of one step, in order."""
        self._waiting += events
        if self._telling:
            return
        self._telling = True
        emit = self._emit
        try:
            while self._waiting:
                told, self._waiting = self._waiting, []
                for event in told:
                    emit(event)
        finally:
            self._telling = False
