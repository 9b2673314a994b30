"""One host of Polymarket as its clients ask it: budget, signature, transport, refusal.

Nothing is ever sent twice here.  A write that may have arrived raises ``OutcomeUnknown``, and what
the venue says about its limiter reaches the budget before anything else is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urlencode

from underround.model.errors import AccountError, RateLimited, UnderroundError
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.polymarket.limits import SIGNER_CANCELS, SIGNER_ORDERS, TIERS
from underround.venues.polymarket.refusals import refusal
from underround.venues.transport.budget import ClockNs, RateBudget
from underround.venues.transport.http import HttpTransport, Reply

Query = Mapping[str, str | int | None]
_NOTHING: Final[Query] = {}
_SIGNER_BUCKETS: Final[dict[str, str]] = {
    "order": SIGNER_ORDERS,
    "orders": SIGNER_ORDERS,
    "cancel": SIGNER_CANCELS,
    "cancels": SIGNER_CANCELS,
    "cancel_all": SIGNER_CANCELS,
    "cancel_market": SIGNER_CANCELS,
}
_ADDRESS_BUCKETS: Final[dict[str, str]] = {
    "market": "ip.market",
    "markets": "ip.markets",
    "history": "ip.history",
    "ticks": "ip.ticks",
    "account": "ip.account",
    "ledger": "ip.ledger",
    "notifications": "ip.notifications",
    "balance": "ip.balance",
    "balance_update": "ip.balance_update",
    "auth": "ip.auth",
    "data": "ip.data",
    "data_trades": "ip.data_trades",
    "data_positions": "ip.data_positions",
    "relayer": "ip.relayer",
}


class Authorizer(Protocol):
    """Signs a request; knows whose it is."""

    def headers(self, method: str, path: str, body: bytes, now: Nanos, /) -> Mapping[str, str]:
        """Return the headers that prove who asks; ``path`` is without the query.

        ``now`` is Unix nanoseconds.  The headers are secret: they are never logged.
        """


def query_text(query: Query) -> str:
    """Return ``?a=b&…`` of what is not ``None``; empty if nothing is left."""
    told = [(name, str(value)) for name, value in query.items() if value is not None]
    return f"?{urlencode(told)}" if told else ""


class Requests:
    """Asks one host on behalf of one account."""

    def __init__(
        self,
        transport: HttpTransport,
        budget: RateBudget,
        clock: ClockNs,
        authorizer: Authorizer | None = None,
    ) -> None:
        self._transport = transport
        self.budget = budget
        self.clock = clock
        self._authorizer = authorizer

    async def public(
        self,
        method: str,
        path: str,
        *,
        group: str,
        query: Query = _NOTHING,
        body: bytes | None = None,
    ) -> bytes:
        """Return the body of an answer that needs no key; raises the error tree, sends once."""
        await self.budget.spend(group)
        reply = await self._transport.send(method, path + query_text(query), body=body)
        self.settle(reply, f"Polymarket {method} {path}", group, write=False)
        return reply.body

    async def signed(
        self,
        method: str,
        path: str,
        *,
        group: str,
        query: Query = _NOTHING,
        body: bytes | None = None,
        write: bool = False,
        cost: int = 1,
        by: Authorizer | None = None,
    ) -> bytes:
        """Return the body of an answer to a signed request; raises the error tree, sends once.

        ``by`` signs instead of the account's own authorizer.
        """
        reply = await self.reply(
            method, path, group=group, query=query, body=body, write=write, cost=cost, by=by
        )
        self.settle(reply, f"Polymarket {method} {path}", group, write=write)
        return reply.body

    async def reply(
        self,
        method: str,
        path: str,
        *,
        group: str,
        query: Query = _NOTHING,
        body: bytes | None = None,
        write: bool = False,
        cost: int = 1,
        by: Authorizer | None = None,
    ) -> Reply:
        """Send a signed request and return its answer unread: pass it to ``settle``.

        The signature is made after the budget let the request pass, so that its time is that of
        sending.
        """
        authorizer = by or self._authorizer
        if authorizer is None:
            raise AccountError(f"{method} {path} needs an API key: configure one for Polymarket")
        await self.budget.spend(group, cost)
        headers = authorizer.headers(method, path, body or b"", self.clock())
        target = path + query_text(query)
        return await self._transport.send(method, target, body=body, headers=headers, write=write)

    def settle(self, reply: Reply, place: str, group: str, *, write: bool) -> None:
        """Tell the budget what the limiter says, and raise what the answer means if it is a no."""
        self._observe(reply, group)
        error = refusal(reply.status, reply.headers, reply.body, write=write, place=place)
        if error is not None:
            self._slow_down(error, reply, group)
            raise error

    def _observe(self, reply: Reply, group: str) -> None:
        """Pass the signer limiter's word on; what is no number says nothing."""
        bucket = _SIGNER_BUCKETS.get(group)
        if bucket is None:
            return
        tier = TIERS.get(reply.headers.get("poly-ratelimit-tier", "").strip().lower())
        if tier is not None:
            rate = tier.orders if bucket == SIGNER_ORDERS else tier.cancels
            self.budget.restate(bucket, rate)
        remaining = _whole(reply.headers.get("poly-ratelimit-remaining"))
        if remaining is not None:
            reset_s = _whole(reply.headers.get("poly-ratelimit-reset"))
            reset_ns = None if reset_s is None else reset_s * NANOS_PER_SECOND
            self.budget.observe(bucket, remaining, reset_ns, self.clock())

    def _slow_down(self, error: UnderroundError, reply: Reply, group: str) -> None:
        """Let nothing of the kind out before the time that a 429 names."""
        if not isinstance(error, RateLimited) or error.retry_after_ms is None:
            return
        by_signer = any(name.startswith("poly-ratelimit-") for name in reply.headers)
        buckets = _SIGNER_BUCKETS if by_signer or group in _SIGNER_BUCKETS else _ADDRESS_BUCKETS
        bucket = buckets.get(group) or _ADDRESS_BUCKETS.get(group)
        if bucket is not None:
            self.budget.pause(bucket, self.clock() + error.retry_after_ms * NANOS_PER_MS)


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.strip().removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None
