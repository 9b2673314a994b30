"""The subgraph's client."""

from __future__ import annotations

from collections.abc import AsyncIterator

from underround.venues.goldsky.answers import Row, decode_rows
from underround.venues.goldsky.hosts import LAST_S, ORDERBOOK_TARGET
from underround.venues.goldsky.paging import PAGE, Cursor, query, turn
from underround.venues.goldsky.refusals import status_refusal
from underround.venues.transport.http import HttpTransport


class Goldsky:
    """Reads ``orderFilledEvents``."""

    def __init__(
        self, transport: HttpTransport, *, target: str = ORDERBOOK_TARGET, page: int = PAGE
    ) -> None:
        self._transport = transport
        self._target = target
        self._page = page

    async def rows(self, first_s: int, last_s: int) -> AsyncIterator[tuple[Row, ...]]:
        """Yield every row of the seconds ``first_s`` … ``last_s`` (Unix, included) exactly once.

        In the order of seconds; nothing after 2026-04-28 exists.  Raises ``TryLater`` and
        ``AnswerRefused``: what was yielded before is right, but incomplete.
        """
        last = min(last_s, LAST_S)
        cursor: Cursor | None = Cursor(first_s - 1) if first_s <= last else None
        while cursor is not None:
            page = turn(cursor, await self._page_of(cursor, last), last, self._page)
            if page.rows:
                yield page.rows
            cursor = page.cursor

    async def _page_of(self, cursor: Cursor, last: int) -> list[Row]:
        body = query(cursor, last, self._page)
        reply = await self._transport.send("POST", self._target, body=body)
        refused = status_refusal(reply)
        if refused is not None:
            raise refused
        return decode_rows(reply.body)
