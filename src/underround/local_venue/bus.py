"""Who is told what happens at the exchange, in the order in which they asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Event = TypeVar("Event")


class Bus(Generic[Event]):
    """Calls every listener for every event, at once, one after the other.

    An event that is published while another is being told waits for its turn, so that everybody
    sees the same order.
    """

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._listeners: list[Callable[[Event], None]] = []
        self._waiting: list[Event] = []
        self._telling = False

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Let ``listener`` be told from now on; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, event: Event) -> None:
        """Tell everybody."""
        self._waiting.append(event)
        if self._telling:
            return
        self._telling = True
        try:
            while self._waiting:
                told = self._waiting
                self._waiting = []
                for each in told:
                    for listener in tuple(self._listeners):
                        listener(each)
        finally:
            self._telling = False
