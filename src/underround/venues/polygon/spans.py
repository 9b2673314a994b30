"""How many blocks to ask logs of at once: halved when a node refuses, doubled when it is calm."""

from __future__ import annotations

from typing import Final

CALM: Final = 8
"""Successes in a row before a longer span is tried again."""


class Span:
    """The present span, between 1 and ``most`` blocks.  Pure state, no clock."""

    __slots__ = ("_calm", "_most", "blocks")

    def __init__(self, first: int, most: int) -> None:
        if not 1 <= first <= most:
            raise ValueError(f"a span of {first} blocks is not between 1 and {most}")
        self.blocks = first
        self._most = most
        self._calm = 0

    def worked(self) -> None:
        """Count a success."""
        self._calm += 1
        if self._calm >= CALM:
            self._calm = 0
            self.blocks = min(self.blocks * 2, self._most)

    def refused(self) -> bool:
        """Halve the span; ``False`` when it is one block already and cannot be smaller."""
        self._calm = 0
        if self.blocks == 1:
            return False
        self.blocks //= 2
        return True
