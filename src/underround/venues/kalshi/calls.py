"""One request to Kalshi: paid for, signed, sent once, judged.

Nothing here resends.  A write whose answer cannot be understood is ``OutcomeUnknown``, whatever
broke: the venue may have acted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

import msgspec

from underround.model.errors import AccountError, AnswerRefused, OutcomeUnknown
from underround.model.units import Nanos
from underround.venues.codec import UNREADABLE, reason
from underround.venues.kalshi.hosts import API
from underround.venues.kalshi.limits import READ, REQUEST_COST
from underround.venues.kalshi.refusals import refusal
from underround.venues.kalshi.sign import KalshiSigner
from underround.venues.transport.budget import Spender
from underround.venues.transport.http import HttpTransport

Query: TypeAlias = Sequence[tuple[str, object]]
"""Names and values in order; a value of ``None`` or an empty text is left out."""


class _Cursor(msgspec.Struct):
    cursor: str | None = None
    next_cursor: str | None = None


_cursor = msgspec.json.Decoder(_Cursor).decode
_PAGES: Final = 100_000
"""More pages than any listing has: a venue that never ends its cursors is refused."""


def segment(text: str) -> str:
    """Return a ticker or id as one segment of a path."""
    return quote(text, safe="")


def _target(path: str, query: Query) -> str:
    pairs = [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in query
        if value is not None and value != ""
    ]
    return f"{API}{path}?{urlencode(pairs)}" if pairs else API + path


class Calls:
    """Sends requests for one account, or for nobody (``signer=None``: public reads only)."""

    def __init__(
        self,
        transport: HttpTransport,
        budget: Spender,
        signer: KalshiSigner | None,
        clock: Callable[[], Nanos],
    ) -> None:
        self._transport = transport
        self._budget = budget
        self._signer = signer
        self._clock = clock

    async def read(
        self, path: str, query: Query = (), *, private: bool = False, cost: int = REQUEST_COST
    ) -> bytes:
        """Return the body of a GET; ``path`` without ``/trade-api/v2``."""
        target = _target(path, query)
        await self._budget.spend(READ, cost)
        headers = self._headers("GET", target, needed=private)
        reply = await self._transport.send("GET", target, headers=headers)
        if not 200 <= reply.status < 300:
            raise refusal(reply.status, reply.body, write=False, place=f"GET {path}")
        return reply.body

    async def write(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Query = (),
        *,
        group: str,
        cost: int,
    ) -> bytes:
        """Return the body of a write, which is sent exactly once.

        Raises ``OutcomeUnknown`` whenever the venue may have acted and does not say so.
        """
        target = _target(path, query)
        await self._budget.spend(group, cost)
        headers = self._headers(method, target, needed=True)
        place = f"{method} {path}"
        try:
            reply = await self._transport.send(
                method,
                target,
                body=None if body is None else msgspec.json.encode(body),
                headers=headers,
                write=True,
            )
        except AnswerRefused as error:
            raise unknown(place, error) from None
        if not 200 <= reply.status < 300:
            raise refusal(reply.status, reply.body, write=True, place=place)
        return reply.body

    async def pages(
        self, path: str, query: Query = (), *, private: bool = False
    ) -> AsyncIterator[bytes]:
        """Yield the bodies of all pages; raises ``AnswerRefused`` for a cursor that repeats."""
        cursor = ""
        seen: set[str] = set()
        for _ in range(_PAGES):
            body = await self.read(path, (*query, ("cursor", cursor)), private=private)
            yield body
            try:
                told = _cursor(body)
            except UNREADABLE as error:
                said = reason(error)
                raise AnswerRefused(f"Kalshi's page of GET {path} is broken: {said}") from None
            cursor = told.cursor or told.next_cursor or ""
            if not cursor:
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise AnswerRefused(f"GET {path} repeats its cursor: the listing is not complete")

    def _headers(self, method: str, target: str, *, needed: bool) -> dict[str, str]:
        if self._signer is not None:
            return self._signer.headers(method, target, self._clock())
        if needed:
            raise AccountError(
                f"{method} {target.partition('?')[0]} needs an account: configure a Kalshi key"
            )
        return {}


def unknown(place: str, error: Exception) -> OutcomeUnknown:
    """Return the error for a write that was answered with something unreadable."""
    return OutcomeUnknown(f"{place} was answered, unreadably ({error}): look it up, never resend")
