"""A token bucket: how fast it refills, what it holds and when it gives; exact, told the time."""

from __future__ import annotations

import msgspec

from underround.model.errors import ConfigError
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos, ceil_div


class Rate(msgspec.Struct, frozen=True):
    """``tokens`` come back every ``per_s`` seconds; at most ``burst`` are kept."""

    tokens: int
    burst: int
    per_s: int = 1

    def __post_init__(self) -> None:
        if min(self.tokens, self.burst, self.per_s) < 1:
            raise ConfigError(
                f"a rate limit of {self} lets nothing pass: all parts must be above 0"
            )


def window(requests: int, seconds: int) -> Rate:
    """Return the rate that never exceeds ``requests`` in any ``seconds``: half burst, half refill.

    A bucket of burst b and refill r lets b + r·t pass in a time t, so a venue that counts in
    windows is obeyed only if both halves together fit one window.
    """
    half = requests // 2
    return Rate(tokens=requests - half, burst=half, per_s=seconds)


class Bucket:
    """A token bucket in whole numbers; the time is told and may never run backwards for it."""

    __slots__ = ("_at_ns", "_filled", "_full", "_held_ns", "_rate", "_tokens", "_unit")

    def __init__(self, rate: Rate, now: Nanos) -> None:
        """Begin full."""
        self._adopt(rate)
        self._filled = self._full
        self._at_ns = now
        self._held_ns = now

    @property
    def burst(self) -> int:
        """The most it holds."""
        return self._rate.burst

    def level(self, now: Nanos) -> int:
        """Return the whole tokens there are; below 0 after a debit or a venue's word."""
        self._refill(now)
        return self._filled // self._unit

    def wait(self, tokens: int, now: Nanos) -> Nanos:
        """Return how long until it holds ``tokens`` and is not paused; 0: now."""
        self._refill(now)
        missing = tokens * self._unit - self._filled
        refilled = ceil_div(missing, self._tokens) if missing > 0 else 0
        held = self._held_ns - now
        if held > refilled:
            return held
        return refilled

    def take(self, tokens: int, now: Nanos) -> None:
        """Take ``tokens``, below 0 if need be: whoever may not must ask ``wait`` first."""
        self._refill(now)
        self._filled -= tokens * self._unit

    def observe(self, remaining: int, reset_ns: Nanos | None, now: Nanos) -> None:
        """Believe the venue when it counts less than we do; never when it counts more.

        It may not have counted yet what is under way, so more is no news.  With nothing remaining
        the bucket rests until ``reset_ns``, but not longer than a full refill takes: that bounds
        what a misread time can do.
        """
        self._refill(now)
        self._filled = min(self._filled, remaining * self._unit)
        if remaining <= 0 and reset_ns is not None:
            full_ns = ceil_div((self.burst - remaining) * self._unit, self._tokens)
            self.pause(min(reset_ns, now + full_ns))

    def pause(self, until_ns: Nanos) -> None:
        """Give nothing before ``until_ns``; a shorter pause never ends a longer one."""
        self._held_ns = max(self._held_ns, until_ns)

    def restate(self, rate: Rate, now: Nanos) -> None:
        """Go on at another rate; what was spent stays spent."""
        self._refill(now)
        spent = self.burst * self._unit - self._filled
        unit = rate.per_s * NANOS_PER_SECOND
        self._filled = rate.burst * unit - ceil_div(spent * unit, self._unit)
        self._adopt(rate)

    def _adopt(self, rate: Rate) -> None:
        self._rate = rate
        self._tokens = rate.tokens
        self._unit = rate.per_s * NANOS_PER_SECOND
        """Parts of one token: with ``tokens`` parts back per nanosecond nothing is ever rounded."""
        self._full = rate.burst * self._unit

    def _refill(self, now: Nanos) -> None:
        passed = now - self._at_ns
        if passed > 0:
            filled = self._filled + passed * self._tokens
            self._filled = min(filled, self._full)
            self._at_ns = now
