"""How fast the CLOB may be asked: two token buckets for every signer, and windows for addresses.

A batch costs its length and passes whole or not at all; cancelling all costs one and one more for
every order that went.  Up to Gold the bucket of cancels may go below zero by that.  In the warning
mode, which the venue began with, nothing is refused and a header says what would have been.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from underround.local_venue.accounts import Accounts
from underround.local_venue.polymarket.clob.refused import Refused
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos, ceil_div
from underround.venues.polymarket.limits import TIERS, Tier
from underround.venues.transport.budget import Bucket, Rate

TOO_MANY: Final = "Too Many Requests"
_IN_DEBT: Final = frozenset(("standard", "copper", "bronze", "silver", "gold"))
"""Tiers whose bucket of cancels may go below zero."""
_MOST: Final = 4_096
"""Addresses and signers that are remembered."""


class _Signer:
    """The buckets of one signer; a new tier changes their rates and keeps what was spent."""

    __slots__ = ("cancels", "name", "orders")

    def __init__(self, name: str, tier: Tier, now: Nanos) -> None:
        self.name = name
        self.orders = Bucket(tier.orders, now)
        self.cancels = Bucket(tier.cancels, now)

    def adopt(self, name: str, tier: Tier, now: Nanos) -> None:
        self.name = name
        self.orders.restate(tier.orders, now)
        self.cancels.restate(tier.cancels, now)


class SignerLimits:
    """The buckets of all signers."""

    def __init__(self, accounts: Accounts, *, enforced: bool = True) -> None:
        """``enforced=False``: the warning mode."""
        self._accounts = accounts
        self._enforced = enforced
        self._signers: dict[str, _Signer] = {}

    def tier(self, owner: str) -> str:
        """Return the name of a signer's tier, as the venue writes it."""
        return self._accounts.tiers.get(owner, "Standard")

    def order(self, owner: str, cost: int, now: Nanos) -> dict[str, str]:
        """Spend ``cost`` on orders; returns the headers of the answer, or refuses with 429."""
        signer = self._signer(owner, now)
        return self._spend(signer.orders, owner, cost, now)

    def cancel(self, owner: str, cost: int, now: Nanos) -> dict[str, str]:
        """Spend ``cost`` on cancels; returns the headers of the answer, or refuses with 429."""
        signer = self._signer(owner, now)
        return self._spend(signer.cancels, owner, cost, now)

    def cancelled(self, owner: str, count: int, now: Nanos) -> dict[str, str]:
        """Charge what a cancel of many cost beyond its one token; returns the headers."""
        signer = self._signer(owner, now)
        bucket = signer.cancels
        level = bucket.level(now)
        owed = count if signer.name in _IN_DEBT else min(count, max(level, 0))
        bucket.take(owed, now)
        return self._headers(bucket, owner, 0, now)

    def _signer(self, owner: str, now: Nanos) -> _Signer:
        name = self.tier(owner).lower()
        tier = TIERS.get(name, TIERS["standard"])
        signer = self._signers.get(owner)
        if signer is None:
            if len(self._signers) >= _MOST:
                del self._signers[next(iter(self._signers))]
            signer = self._signers[owner] = _Signer(name, tier, now)
        elif signer.name != name:
            signer.adopt(name, tier, now)
        return signer

    def _spend(self, bucket: Bucket, owner: str, cost: int, now: Nanos) -> dict[str, str]:
        wait = bucket.wait(cost, now)
        if not wait and cost <= bucket.burst:
            bucket.take(cost, now)
            return self._headers(bucket, owner, 0, now)
        if self._enforced:
            headers = self._headers(bucket, owner, wait, now)
            headers["Retry-After"] = str(max(1, ceil_div(wait, NANOS_PER_SECOND)))
            raise Refused(429, TOO_MANY, headers=headers)
        headers = self._headers(bucket, owner, wait, now)
        headers["Poly-RateLimit-Warning"] = "true"
        return headers

    def _headers(self, bucket: Bucket, owner: str, wait: Nanos, now: Nanos) -> dict[str, str]:
        level = bucket.level(now)
        until = wait or (0 if level > 0 else bucket.wait(1, now))
        return {
            "Poly-RateLimit-Remaining": str(level),
            "Poly-RateLimit-Reset": str(ceil_div(now + until, NANOS_PER_SECOND)),
            "Poly-RateLimit-Tier": self.tier(owner),
        }


class Window(msgspec.Struct, frozen=True):
    """At most so many requests of an address in so many seconds."""

    requests: int
    seconds: int = 10

    @property
    def rate(self) -> Rate:
        """The bucket that stands for it: a full burst at once, refilled within the window."""
        return Rate(self.requests, self.requests, self.seconds)


WINDOWS: Final[Mapping[str, Window]] = {
    "all": Window(9_000),
    "market": Window(1_500),
    "markets": Window(500),
    "history": Window(1_000),
    "ticks": Window(200),
    "account": Window(900),
    "ledger": Window(500),
    "notifications": Window(125),
    "balance": Window(200),
    "balance update": Window(50),
    "auth": Window(100),
    "order": Window(5_000),
    "order, long": Window(120_000, 600),
    "orders": Window(2_000),
    "orders, long": Window(21_000, 600),
    "cancel": Window(5_000),
    "cancel, long": Window(120_000, 600),
    "cancels": Window(2_000),
    "cancels, long": Window(15_000, 600),
    "cancel all": Window(250),
    "cancel all, long": Window(6_000, 600),
    "cancel market": Window(1_500),
    "cancel market, long": Window(21_000, 600),
}
"""What docs:rate-limits (2026-10) allows an address, by group of requests."""


class AddressLimits:
    """Counts the requests of every address.

    The venue's edge queues what is too much and then refuses it; this one refuses at once, without
    a word of the signer's limiter, and says when to come back.
    """

    def __init__(self, windows: Mapping[str, Window] = WINDOWS) -> None:
        """Every address begins with full buckets."""
        self._windows = windows
        self._names: dict[str, tuple[str, ...]] = {}
        """The windows of each group."""
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def pass_through(self, address: str, group: str, now: Nanos) -> None:
        """Count a request; refuses with 429 when there were too many."""
        names = self._names.get(group)
        if names is None:
            known = ("all", group, f"{group}, long")
            names = self._names[group] = tuple(name for name in known if name in self._windows)
        buckets = [self._bucket(address, name, now) for name in names]
        wait = max((bucket.wait(1, now) for bucket in buckets), default=0)
        if wait:
            after = str(max(1, ceil_div(wait, NANOS_PER_SECOND)))
            raise Refused(429, TOO_MANY, headers={"Retry-After": after})
        for bucket in buckets:
            bucket.take(1, now)

    def _bucket(self, address: str, name: str, now: Nanos) -> Bucket:
        bucket = self._buckets.get((address, name))
        if bucket is None:
            if len(self._buckets) >= _MOST:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[address, name] = Bucket(self._windows[name].rate, now)
        return bucket
