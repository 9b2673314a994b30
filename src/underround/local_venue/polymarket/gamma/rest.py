"""Gamma, the public catalogue: markets, events, tags, series and the search.

Rows come from the world's catalogue, live figures from the books and the trades.  Numbers of a
market that moves (bid, ask, volume) are indicative here as they are there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from aiohttp import web

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.polymarket.gamma.figures import Figures
from underround.local_venue.polymarket.gamma.filters import Finder
from underround.local_venue.polymarket.gamma.lists import Lists
from underround.local_venue.polymarket.gamma.measures import Measures, Quotes
from underround.local_venue.polymarket.gamma.names import Names
from underround.local_venue.polymarket.gamma.query import Query, QueryRefused, missing, refused
from underround.local_venue.polymarket.gamma.rows import Rows
from underround.local_venue.world import World
from underround.model.ids import POLYMARKET

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]
_CACHED: Final[Mapping[str, str]] = {"Cache-Control": "public, max-age=300"}
_DEPRECATED: Final[Mapping[str, str]] = {
    "Deprecation": "true",
    "Sunset": "Fri, 01 May 2026 00:00:00 GMT",
}


def routes(world: World, quotes: Quotes, figures: Figures | None = None) -> list[web.RouteDef]:
    """Return what ``gamma-api`` answers; ``figures`` may be shared with the Data API."""
    gamma = _Gamma(world, quotes, figures or Figures(world))
    paths: dict[str, _Handler] = {
        "/markets/keyset": gamma.markets,
        "/events/keyset": gamma.events,
        "/markets": gamma.old_markets,
        "/events": gamma.old_events,
        "/markets/slug/{slug}": gamma.market,
        "/markets/{id}": gamma.market,
        "/markets/{id}/tags": gamma.market_tags,
        "/events/slug/{slug}": gamma.event,
        "/events/{id}": gamma.event,
        "/events/{id}/tags": gamma.event_tags,
        **gamma.lists.paths(),
    }
    return [web.get(path, _answered(handler)) for path, handler in paths.items()]


def _answered(handler: _Handler) -> _Handler:
    """Return ``handler``, with refusals of its query in Gamma's words."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except QueryRefused as error:
            return refused(error)

    return handle


class _Gamma:
    def __init__(self, world: World, quotes: Quotes, figures: Figures) -> None:
        self._world = world
        self._names = Names(world)
        self._rows = Rows(world, Measures(world, quotes, figures), self._names)
        self._finder = Finder(world, self._rows)
        self.lists = Lists(world, self._rows, self._finder)

    # --- lists ---------------------------------------------------------------------------------

    async def markets(self, request: web.Request) -> web.Response:
        query, now = self._asked(request), now_of(request)
        found = self._finder.markets(query)
        page, cursor = self._finder.market_order(now).page(found, query)
        tags = query.truth("include_tag") or False
        return _page("markets", self._rows.markets(page, now, tags=tags), cursor)

    async def events(self, request: web.Request) -> web.Response:
        query, now = self._asked(request), now_of(request)
        page, cursor = self._finder.event_order(now).page(self._finder.events(query), query)
        whole = query.truth("include_markets") is not False
        rows = [self._rows.event(event, now, markets=whole) for event in page]
        return _page("events", rows, cursor)

    async def old_markets(self, request: web.Request) -> web.Response:
        query, now = self._asked(request), now_of(request)
        found = self._finder.market_order(now).slice(self._finder.markets(query), query)
        tags = query.truth("include_tag") or False
        rows = self._rows.markets(found, now, tags=tags)
        return json_answer(rows, headers=_DEPRECATED)

    async def old_events(self, request: web.Request) -> web.Response:
        query, now = self._asked(request), now_of(request)
        found = self._finder.event_order(now).slice(self._finder.events(query), query)
        return json_answer([self._rows.event(event, now) for event in found], headers=_DEPRECATED)

    # --- by name -------------------------------------------------------------------------------

    async def market(self, request: web.Request) -> web.Response:
        query, now = self._asked(request), now_of(request)
        row = self._market(request)
        if row is None:
            return missing(_named(request))
        tags = query.truth("include_tag") or False
        return json_answer(self._rows.market(row, now, tags=tags), headers=_CACHED)

    async def event(self, request: web.Request) -> web.Response:
        self._asked(request)
        event = self._event(request)
        if event is None:
            return missing(_named(request))
        return json_answer(self._rows.event(event, now_of(request)), headers=_CACHED)

    async def market_tags(self, request: web.Request) -> web.Response:
        self._asked(request)
        row = self._market(request)
        if row is None:
            return missing(_named(request))
        told = self._rows.market(row, now_of(request), event=False, tags=True)
        return json_answer(told["tags"], headers=_CACHED)

    async def event_tags(self, request: web.Request) -> web.Response:
        self._asked(request)
        event = self._event(request)
        if event is None:
            return missing(_named(request))
        told = self._rows.event(event, now_of(request), markets=False)
        return json_answer(told["tags"], headers=_CACHED)

    # --- finding -------------------------------------------------------------------------------

    def _asked(self, request: web.Request) -> Query:
        self._names.refresh()
        return Query(request)

    def _market(self, request: web.Request) -> LocalMarket | None:
        told, by_slug = _name(request)
        for row in self._world.catalogue.markets.values():
            own = row.listing.slug if by_slug else str(row.id)
            if own == told and row.listing.market.id.venue == POLYMARKET:
                return row
        return None

    def _event(self, request: web.Request) -> LocalEvent | None:
        told, by_slug = _name(request)
        events = self._world.catalogue.events
        found = events.get(told) if by_slug else _numbered(events, told)
        return found if found is not None and self._rows.members(found) else None


def _page(name: str, rows: list[dict[str, Any]], cursor: str | None) -> web.Response:
    """Return a page; its last one has no cursor at all."""
    told: dict[str, object] = {name: rows}
    if cursor is not None:
        told["next_cursor"] = cursor
    return json_answer(told, headers=_CACHED)


def _name(request: web.Request) -> tuple[str, bool]:
    """Return the name in the path, and whether it is a slug."""
    slug = request.match_info.get("slug")
    return (request.match_info["id"], False) if slug is None else (slug, True)


def _named(request: web.Request) -> str:
    return "slug" if "slug" in request.match_info else "id"


def _numbered(events: dict[str, LocalEvent], number: str) -> LocalEvent | None:
    return next((event for event in events.values() if str(event.id) == number), None)
