"""A secret as the signers see it: bytes for the length of one use.

Signers live with the venues and secrets with the operations; this is what they agree on.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Secret(Protocol):
    """Holds a secret so that printing, logging or pickling it shows nothing of it."""

    @property
    def name(self) -> str:
        """What the operator calls it; no secret."""

    def reveal(self) -> AbstractContextManager[memoryview]:
        """Lend the bytes for one ``with`` block; whoever copies them answers for the copy."""
