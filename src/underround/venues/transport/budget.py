"""How fast we may ask: the limits of a venue, and the queue in front of its token buckets.

A venue's limits are a value (``Limits``): named buckets, and groups of requests with what each
group charges where.  ``RateBudget`` spends from them.  One budget serves every strategy of the
process, because the venue counts them together.

Three things are promised.  No bucket is ever spent beyond its burst plus its refill.  Requests of
one group go in the order in which they asked, and no group starves another: whoever waits has its
tokens set aside.  Tokens that a group must leave alone are there for those who may take them, so
that orders never eat what cancels need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import msgspec

from underround.model.errors import ConfigError, RequestRefused
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.transport.bucket import Bucket, Rate, window

__all__ = [
    "Bucket",
    "Budget",
    "Charge",
    "ClockNs",
    "Limits",
    "Rate",
    "RateBudget",
    "Sleep",
    "Spender",
    "window",
]

ClockNs: TypeAlias = Callable[[], Nanos]
"""Returns Unix nanoseconds."""
Sleep: TypeAlias = Callable[[float], Awaitable[object]]
"""Waits that many seconds, as ``asyncio.sleep`` does."""


class Charge(msgspec.Struct, frozen=True):
    """What one request of a group costs in one bucket."""

    bucket: str
    flat: bool = False
    """One token per request, whatever its cost: for limits that count requests, not orders."""
    leave: int = 0
    """Tokens the group never touches: they are kept for groups that leave less."""


class Limits(msgspec.Struct, frozen=True):
    """The limits of a venue; names of groups and buckets are the venue's own."""

    buckets: dict[str, Rate]
    groups: dict[str, tuple[Charge, ...]]

    def __post_init__(self) -> None:
        for group, charges in self.groups.items():
            for charge in charges:
                rate = self.buckets.get(charge.bucket)
                if rate is None:
                    raise ConfigError(f"group {group} charges {charge.bucket}, which is no bucket")
                if not 0 <= charge.leave < rate.burst:
                    raise ConfigError(
                        f"group {group} must leave {charge.leave} of the {rate.burst} tokens of "
                        f"{charge.bucket}: nothing would be left for it"
                    )


class Spender(Protocol):
    """What a client needs of a budget."""

    async def spend(self, group: str, cost: int = 1) -> None:
        """Wait until ``group`` may spend ``cost`` tokens, and spend them."""


class Budget(Spender, Protocol):
    """What a client needs whose venue says what it counted."""

    def observe(self, bucket: str, remaining: int, reset_ns: Nanos | None, now: Nanos) -> None:
        """Pass on what the venue says it counted, see ``Bucket.observe``."""

    def pause(self, bucket: str, until_ns: Nanos) -> None:
        """Let nothing pass that charges ``bucket`` before ``until_ns``."""


class _Waiting:
    """The request of a group whose turn is next; its tokens are set aside."""

    __slots__ = ("charges", "cost")

    def __init__(self, charges: tuple[Charge, ...], cost: int) -> None:
        self.charges = charges
        self.cost = cost

    def claim(self, bucket: str, leave: int) -> int:
        """Return what it has set aside there against a later group that must leave ``leave``."""
        return sum(
            1 if charge.flat else self.cost
            for charge in self.charges
            if charge.bucket == bucket and charge.leave <= leave
        )


class RateBudget:
    """The buckets of one venue and account, shared by everything that asks it."""

    def __init__(self, limits: Limits, clock: ClockNs, sleep: Sleep) -> None:
        """Begin with full buckets; ``sleep`` must let the time of ``clock`` pass."""
        self._groups = limits.groups
        self._clock = clock
        self._sleep = sleep
        now = clock()
        self._buckets = {name: Bucket(rate, now) for name, rate in limits.buckets.items()}
        self._paired = {
            group: tuple(
                (self._buckets[charge.bucket], charge.flat, charge.leave) for charge in charges
            )
            for group, charges in limits.groups.items()
        }
        self._turns = {group: asyncio.Lock() for group in limits.groups}
        self._waiting = 0
        self._heads: list[_Waiting] = []

    async def spend(self, group: str, cost: int = 1) -> None:
        """Wait until ``group`` may spend ``cost`` tokens, and spend them.

        Raises ``RequestRefused`` at once when the cost can never pass.  Whoever is cancelled while
        waiting has spent nothing.
        """
        if not self._waiting and cost >= 1 and self._spend_now(group, cost):
            return
        charges = self._groups[group]
        self._refuse_impossible(group, charges, cost)
        self._waiting += 1
        try:
            await self._wait_turn(group, charges, cost)
        finally:
            self._waiting -= 1

    async def _wait_turn(self, group: str, charges: tuple[Charge, ...], cost: int) -> None:
        async with self._turns[group]:
            waiting = _Waiting(charges, cost)
            self._heads.append(waiting)
            try:
                while (wait_ns := self._wait(waiting)) > 0:
                    # A nanosecond more, so that rounding to a float never wakes us too early.
                    await self._sleep((wait_ns + 1) / NANOS_PER_SECOND)
                self._take(charges, cost)
            finally:
                self._heads.remove(waiting)

    def _spend_now(self, group: str, cost: int) -> bool:
        """Spend at once if every bucket has enough; only while nobody waits, whose turn it is."""
        now = self._clock()
        spent = self._paired[group]
        for bucket, flat, leave in spent:
            if bucket.wait((1 if flat else cost) + leave, now):
                return False
        for bucket, flat, _ in spent:
            bucket.take(1 if flat else cost, now)
        return True

    def debit(self, group: str, cost: int) -> None:
        """Take what a request turned out to cost more, below 0 if need be (cancel-all)."""
        now = self._clock()
        for charge in self._groups[group]:
            if not charge.flat:
                self._buckets[charge.bucket].take(cost, now)

    def observe(self, bucket: str, remaining: int, reset_ns: Nanos | None, now: Nanos) -> None:
        """Pass on what the venue says it counted, see ``Bucket.observe``."""
        self._buckets[bucket].observe(remaining, reset_ns, now)

    def pause(self, bucket: str, until_ns: Nanos) -> None:
        """Let nothing pass that charges ``bucket`` before ``until_ns`` (``Retry-After``)."""
        self._buckets[bucket].pause(until_ns)

    def restate(self, bucket: str, rate: Rate) -> None:
        """Go on at another rate: the venue names our tier."""
        self._buckets[bucket].restate(rate, self._clock())

    def largest(self, group: str) -> int:
        """Return the highest cost that can ever pass at once: how large a batch may be."""
        return min(
            self._buckets[charge.bucket].burst - charge.leave
            for charge in self._groups[group]
            if not charge.flat
        )

    def level(self, bucket: str) -> int:
        """Return the whole tokens of a bucket now, for display."""
        return self._buckets[bucket].level(self._clock())

    def _refuse_impossible(self, group: str, charges: tuple[Charge, ...], cost: int) -> None:
        if cost < 1:
            raise RequestRefused(f"a request of {group} cannot cost {cost} tokens: at least one")
        for charge in charges:
            most = self._buckets[charge.bucket].burst - charge.leave
            if (1 if charge.flat else cost) > most:
                raise RequestRefused(
                    f"a request of {group} that costs {cost} can never pass {charge.bucket}, which "
                    f"gives at most {most} at once: split it"
                )

    def _wait(self, waiting: _Waiting) -> Nanos:
        now = self._clock()
        longest = 0
        for charge in waiting.charges:
            needed = charge.leave + (1 if charge.flat else waiting.cost)
            for other in self._heads:
                if other is waiting:
                    break
                needed += other.claim(charge.bucket, charge.leave)
            longest = max(longest, self._buckets[charge.bucket].wait(needed, now))
        return longest

    def _take(self, charges: tuple[Charge, ...], cost: int) -> None:
        now = self._clock()
        for charge in charges:
            self._buckets[charge.bucket].take(1 if charge.flat else cost, now)
