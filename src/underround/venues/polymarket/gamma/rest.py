"""Gamma, Polymarket's public catalogue: everything it lists, page by page.

Lists are paged by cursor (``/markets/keyset``, ``/events/keyset``, at most 100 a page); what is
refused of a page is counted with its reason and the rest is taken.  Its answers are up to five
minutes old (a CDN keeps them), so they say what exists and never at which price.

Source: docs.polymarket.com/api-reference/gamma and ``polymarket-client`` 0.14.0, 2026-10.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from underround.model.errors import AnswerRefused, NotThere
from underround.model.listing import Found
from underround.model.units import Nanos
from underround.venues.polymarket.gamma.listings import DerivesTokens
from underround.venues.polymarket.gamma.look import Look
from underround.venues.polymarket.gamma.query import EventQuery, MarketQuery, Pair, pairs
from underround.venues.polymarket.gamma.wire import (
    EventsPage,
    MarketsPage,
    SearchPage,
    SeriesRow,
    TagRow,
)
from underround.venues.polymarket.ids import derive_tokens
from underround.venues.polymarket.numbers import read_body
from underround.venues.polymarket.refusals import refusal
from underround.venues.transport.budget import Spender
from underround.venues.transport.http import HttpTransport

P = TypeVar("P", MarketsPage, EventsPage)
R = TypeVar("R", TagRow, SeriesRow)
SearchState: TypeAlias = Literal["active", "resolved"]

PAGE: Final = 100
"""The most rows of a page since 2026-05-14."""
_SERIES_PAGE: Final = 50
_SLUGS: Final = 50
"""Slugs per request, so that the address stays below 8 kB."""

_markets_page = msgspec.json.Decoder(MarketsPage).decode
_events_page = msgspec.json.Decoder(EventsPage).decode
_search_page = msgspec.json.Decoder(SearchPage).decode
_tags = msgspec.json.Decoder(list[TagRow]).decode
_series = msgspec.json.Decoder(list[SeriesRow]).decode


class GammaRest:
    """The client of the public catalogue.

    Raises ``AnswerRefused`` for an answer it cannot read, ``TryLater`` or a kind of it while the
    venue gives none, ``RequestRefused`` for a query the venue does not take.
    """

    def __init__(
        self,
        transport: HttpTransport,
        budget: Spender,
        *,
        max_pages: int = 2_000,
        archive: bool = False,
        derive: DerivesTokens = derive_tokens,
    ) -> None:
        """Ask over ``transport``, whose base is Gamma's address.

        ``archive``: the answers are stored ones, see ``listings.listed``.  A list of more than
        ``max_pages`` pages is refused: narrow the query.
        """
        self._transport = transport
        self._budget = budget
        self._max_pages = max_pages
        self._archive = archive
        self._derive = derive

    # --- lists ---------------------------------------------------------------------------------

    async def markets(self, query: MarketQuery, now: Nanos) -> Found:
        """Return every market the query finds; groups come with events only."""
        look = self._look(now)
        await self._add_markets(look, query)
        return look.found()

    async def events(self, query: EventQuery, now: Nanos) -> Found:
        """Return the markets and groups of every event the query finds."""
        look = self._look(now)
        path, group = "/events/keyset", "gamma_events"
        async for page in self._pages(path, group, pairs(query), _events_page):
            for raw in page.events:
                look.event(raw)
        return look.found()

    async def markets_by_slug(self, slugs: Sequence[str], now: Nanos) -> Found:
        """Return the open markets with these slugs; what is not listed is left out."""
        look = self._look(now)
        for first in range(0, len(slugs), _SLUGS):
            await self._add_markets(look, MarketQuery(slugs=tuple(slugs[first : first + _SLUGS])))
        return look.found()

    async def search(
        self, text: str, now: Nanos, *, pages: int = 1, state: SearchState = "active"
    ) -> Found:
        """Return what the venue's own search finds, at most ``pages`` pages of events."""
        look = self._look(now)
        for number in range(1, pages + 1):
            told = [("q", text), ("page", str(number)), ("events_status", state)]
            body = await self._get("/public-search", "gamma_search", told)
            page = read_body(_search_page, body, "GET /public-search")
            for raw in page.events or ():
                look.event(raw)
            if not page.pagination.has_more:
                break
        return look.found()

    async def tags(self) -> tuple[TagRow, ...]:
        """Return every tag: the ids that queries filter by."""
        return await self._by_offset("/tags", "gamma_tags", PAGE, _tags)

    async def series(self) -> tuple[SeriesRow, ...]:
        """Return every series, without its events."""
        told = [("exclude_events", "true")]
        return await self._by_offset("/series", "gamma_series", _SERIES_PAGE, _series, told)

    # --- by name -------------------------------------------------------------------------------

    async def market(self, slug: str, now: Nanos) -> Found:
        """Return one market, open or closed.  Raises ``NotThere`` when no market has this slug."""
        look = self._look(now)
        path = f"/markets/slug/{quote(slug, safe='')}"
        body = await self._get(path, "gamma_markets", [("include_tag", "true")])
        look.market(msgspec.Raw(_json(body, f"GET {path}")))
        return look.found()

    async def event(self, slug: str, now: Nanos) -> Found:
        """Return one event.  Raises ``NotThere`` when no event has this slug."""
        look = self._look(now)
        path = f"/events/slug/{quote(slug, safe='')}"
        look.event(msgspec.Raw(_json(await self._get(path, "gamma_events", []), f"GET {path}")))
        return look.found()

    # --- pages ---------------------------------------------------------------------------------

    def _look(self, now: Nanos) -> Look:
        return Look(now, archive=self._archive, derive=self._derive)

    async def _add_markets(self, look: Look, query: MarketQuery) -> None:
        path, group = "/markets/keyset", "gamma_markets"
        async for page in self._pages(path, group, pairs(query), _markets_page):
            for raw in page.markets:
                look.market(raw)

    async def _pages(
        self, path: str, group: str, asked: Sequence[Pair], decode: Callable[[bytes], P]
    ) -> AsyncIterator[P]:
        """Yield pages until there is no further cursor; one that comes twice would never end."""
        place = f"GET {path}"
        seen: set[str] = set()
        after: list[Pair] = []
        for _ in range(self._max_pages):
            told = [*asked, ("limit", str(PAGE)), *after]
            page = read_body(decode, await self._get(path, group, told), place)
            yield page
            cursor = page.next_cursor
            if not cursor:
                return
            if cursor in seen:
                raise AnswerRefused(
                    f"{place}: a cursor came a second time, so the list would never end: look again"
                )
            seen.add(cursor)
            after = [("after_cursor", cursor)]
        raise AnswerRefused(f"{place}: more than {self._max_pages} pages: narrow the query")

    async def _by_offset(
        self,
        path: str,
        group: str,
        size: int,
        decode: Callable[[bytes], list[R]],
        asked: Sequence[Pair] = (),
    ) -> tuple[R, ...]:
        """Return all rows of a list that knows offsets only; a page that is not full is the last.

        Rows move while pages are read: one that comes twice is kept once.
        """
        rows: dict[str, R] = {}
        for number in range(self._max_pages):
            told = [*asked, ("limit", str(size)), ("offset", str(number * size))]
            page = read_body(decode, await self._get(path, group, told), f"GET {path}")
            rows.update((row.id, row) for row in page)
            if len(page) < size:
                return tuple(rows.values())
        raise AnswerRefused(f"GET {path}: more than {self._max_pages} pages: it does not end")

    async def _get(self, path: str, group: str, asked: Sequence[Pair]) -> bytes:
        await self._budget.spend(group, 1)
        target = f"{path}?{urlencode(asked)}" if asked else path
        reply = await self._transport.send("GET", target)
        error = refusal(reply.status, reply.headers, reply.body, write=False, place=f"GET {path}")
        if error is not None:
            raise error
        return reply.body


def _json(body: bytes, place: str) -> bytes:
    """Return the body of a single row; ``null`` means that there is none."""
    text = body.strip()
    if text in {b"", b"null"}:
        raise NotThere(f"{place}: there is no such thing")
    return text
