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
        self._listeners: list[tuple[Callable[[Event], None], tuple[type, ...]]] = []
        self._told: dict[type, tuple[Callable[[Event], None], ...]] = {}
        """Who is told each kind of event; made when needed."""
        self._waiting: list[Event] = []
        self._telling = False

    def listen(self, listener: Callable[[Event], None], *kinds: type) -> Callable[[], None]:
        """Let ``listener`` be told from now on; returns what ends it.

        ``kinds``: the only events it is called for; none: every event.
        """
        entry = (listener, kinds or (object,))
        self._listeners.append(entry)
        self._told.clear()

        def end() -> None:
            self._listeners.remove(entry)
            self._told.clear()

        return end

    def _who(self, kind: type) -> tuple[Callable[[Event], None], ...]:
        found = tuple(listener for listener, kinds in self._listeners if issubclass(kind, kinds))
        self._told[kind] = found
        return found

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
                    kind = type(each)
                    for listener in self._told.get(kind) or self._who(kind):
                        listener(each)
        finally:
            self._telling = False
