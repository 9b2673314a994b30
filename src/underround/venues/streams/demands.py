"""What a new socket has to prove before it may take over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from underround.venues.streams.dialect import Topic

ENOUGH_MISSES: Final = 2
"""A topic that so many new sockets could not prove is not waited for any more: its market may be
over, and it must not keep the others on an old socket."""


class Demands:
    """Which topics can be proven, learnt from those that were not."""

    def __init__(self) -> None:
        self._misses: Counter[Topic] = Counter()

    def of(self, proven: Iterable[Topic]) -> list[Topic]:
        """Return what to demand of a new socket: what the old one proved, and can be proven."""
        return [topic for topic in proven if self._misses[topic] < ENOUGH_MISSES]

    def missed(self, topics: Iterable[Topic]) -> None:
        """A new socket could not prove these in its time."""
        self._misses.update(topics)

    def met(self, topics: Iterable[Topic]) -> None:
        """These were proven, or are not followed any more."""
        for topic in topics:
            self._misses.pop(topic, None)
