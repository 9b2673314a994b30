"""How long to wait before the next try: exponential, capped, with full jitter.

Full jitter (any time between nothing and the bound) spreads reconnecting sockets best and keeps
the mean load low; the bound doubles with each failure.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

from underround.model.errors import AccountError, TryLater, UnderroundError

_MOST_DOUBLINGS: Final = 32


class BackoffRules(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the pauses."""

    first_ms: int = 250
    longest_ms: int = 30_000
    settled_ms: int = 10_000
    """A connection that lasted this long after its proof makes earlier failures forgotten.  One
    that proves and breaks at once does not, or it would be opened in a tight loop."""


class Backoff:
    """The failures in a row of one place, and when it may try again (the loop's seconds)."""

    def __init__(self, rules: BackoffRules, rng: random.Random) -> None:
        self.not_before = 0.0
        self._rules = rules
        self._rng = rng
        self._failures = 0

    def settled(self, proven_at: float | None, now: float) -> bool:
        """Forget earlier failures if a connection has lasted since its proof; return whether."""
        if proven_at is None or now - proven_at < self._rules.settled_ms / 1_000:
            return False
        self._failures = 0
        self.not_before = 0.0
        return True

    def failed(self, now: float, error: UnderroundError | None = None) -> None:
        """Count a failure and set the pause.

        A refused key waits (nearly) the longest pause at once: asking again soon cannot help and
        may get the address banned.  A venue's own ``Retry-After`` is the least wait.
        """
        self._failures += 1
        longest = self._rules.longest_ms / 1_000
        if isinstance(error, AccountError):
            self.not_before = now + longest * self._rng.uniform(0.5, 1.0)
            return
        doublings = min(self._failures - 1, _MOST_DOUBLINGS)
        bound = min(longest, self._rules.first_ms / 1_000 * 2.0**doublings)
        told = error.retry_after_ms if isinstance(error, TryLater) else None
        self.not_before = now + (told or 0) / 1_000 + self._rng.uniform(0.0, bound)
