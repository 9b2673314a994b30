"""Gamma's lists beside markets and events: tags, series, the search, sports, comments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from aiohttp import web

from underround.local_venue.catalogue import LocalEvent
from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.polymarket.gamma.filters import Finder
from underround.local_venue.polymarket.gamma.names import label, series_of
from underround.local_venue.polymarket.gamma.query import Query, QueryRefused, missing
from underround.local_venue.polymarket.gamma.rows import Rows, closed, event_tags
from underround.local_venue.world import World
from underround.model.units import Nanos

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]
_MOST_TAGS: Final = 100
_MOST_SERIES: Final = 50
_FOUND: Final = 10
_MARKET_TYPES: Final = (
    "moneyline",
    "spreads",
    "totals",
    "first_half_moneyline",
    "map_handicap",
    "child_moneyline",
)


class Lists:
    """What is listed beside markets and events."""

    def __init__(self, world: World, rows: Rows, finder: Finder) -> None:
        """Everything follows from the catalogue."""
        self._world = world
        self._rows = rows
        self._finder = finder

    def paths(self) -> dict[str, _Handler]:
        """Return each path with what answers it."""
        return {
            "/tags": self.tags,
            "/tags/slug/{slug}": self.tag,
            "/tags/slug/{slug}/related-tags": self.nothing,
            "/tags/slug/{slug}/related-tags/tags": self.nothing,
            "/tags/{id}": self.tag,
            "/tags/{id}/related-tags": self.nothing,
            "/tags/{id}/related-tags/tags": self.nothing,
            "/series": self.series,
            "/series/{id}": self.one_series,
            "/public-search": self.search,
            "/sports": self.nothing,
            "/sports/market-types": self.market_types,
            "/teams": self.nothing,
            "/comments": self.nothing,
            "/comments/keyset": self.no_comments,
            "/status": self.status,
        }

    # --- tags and series -----------------------------------------------------------------------

    async def tags(self, request: web.Request) -> web.Response:
        """Return tags by offset."""
        self._rows.names.refresh()
        page = _slice(self._rows.names.tags, Query(request), _MOST_TAGS)
        return json_answer([self._rows.tag(slug) for slug in page])

    async def tag(self, request: web.Request) -> web.Response:
        """Return one tag."""
        names = self._rows.names
        names.refresh()
        told = request.match_info
        for slug in names.tags:
            if told.get("slug") == slug or told.get("id") == str(names.tag_number(slug)):
                return json_answer(self._rows.tag(slug))
        return missing("slug" if "slug" in told else "id")

    async def series(self, request: web.Request) -> web.Response:
        """Return series by offset, with their events unless told otherwise."""
        names = self._rows.names
        names.refresh()
        query, now = Query(request), now_of(request)
        wanted, recurrence = query.words("slug"), query.word("recurrence")
        found = [
            slug
            for slug in names.series
            if (not wanted or slug in wanted)
            and (recurrence is None or names.recurrence(slug) == recurrence)
            and not query.truth("closed")
        ]
        whole = not query.truth("exclude_events")
        page = _slice(tuple(found), query, _MOST_SERIES)
        return json_answer([self._series(slug, now, events=whole) for slug in page])

    async def one_series(self, request: web.Request) -> web.Response:
        """Return one series with its events."""
        names = self._rows.names
        names.refresh()
        for slug in names.series:
            if str(names.series_number(slug)) == request.match_info["id"]:
                return json_answer(self._series(slug, now_of(request), events=True))
        return missing("id")

    def _series(self, slug: str, now: Nanos, *, events: bool) -> dict[str, Any]:
        told = self._rows.series(slug)
        if events:
            told["events"] = [
                self._rows.event_head(event, now)
                for event in self._world.catalogue.events.values()
                if (rows := self._rows.members(event)) and series_of(rows[0], event) == slug
            ]
        return told

    # --- the search ----------------------------------------------------------------------------

    async def search(self, request: web.Request) -> web.Response:
        """Return the events whose words hold every word asked for; most traded first."""
        self._rows.names.refresh()
        query, now = Query(request), now_of(request)
        asked = query.word("q")
        if asked is None:
            raise QueryRefused("q is required")
        words = asked.lower().split()
        shut = (query.word("events_status") or "active") == "resolved"
        found = [
            event
            for event in self._world.catalogue.events.values()
            if self._speaks_of(event, words, shut=shut)
        ]
        volume = self._rows.measures.volume
        found.sort(key=lambda event: -sum(map(volume, self._rows.members(event))))
        size = max(query.number("limit_per_type", _FOUND), 1)
        first = (max(query.number("page", 1), 1) - 1) * size
        page = found[first : first + size]
        told: dict[str, object] = {"events": [self._rows.event(event, now) for event in page]}
        if query.truth("search_tags"):
            told["tags"] = self._tags_of(words)
        more = len(found) > first + size
        return json_answer(told | {"pagination": {"hasMore": more, "totalResults": len(found)}})

    def _speaks_of(self, event: LocalEvent, words: list[str], *, shut: bool) -> bool:
        rows = self._rows.members(event)
        if not rows or closed(rows) is not shut:
            return False
        titles = [event.title, event.slug, *(row.listing.market.title for row in rows)]
        spoken = " ".join(titles).lower()
        return all(word in spoken for word in words)

    def _tags_of(self, words: list[str]) -> list[dict[str, object]]:
        names, events = self._rows.names, self._world.catalogue.events.values()
        found: list[dict[str, object]] = []
        for slug in names.tags:
            if all(word in slug for word in words):
                count = sum(slug in event_tags(e, self._rows.members(e)) for e in events)
                number = str(names.tag_number(slug))
                found.append(
                    {"id": number, "label": label(slug), "slug": slug, "event_count": count}
                )
        return found

    # --- what is always the same ---------------------------------------------------------------

    async def market_types(self, _request: web.Request) -> web.Response:
        """Return the kinds of sports markets there are."""
        return json_answer({"marketTypes": _MARKET_TYPES})

    async def nothing(self, _request: web.Request) -> web.Response:
        """Return an empty list: there is no such thing here."""
        return json_answer([])

    async def no_comments(self, _request: web.Request) -> web.Response:
        """Return the only page of comments, empty."""
        return json_answer({"comments": []})

    async def status(self, _request: web.Request) -> web.Response:
        """Say that the host answers."""
        return web.Response(text="OK")


def _slice(slugs: tuple[str, ...], query: Query, most: int) -> tuple[str, ...]:
    offset = query.number("offset", 0)
    limit = min(query.number("limit", most), most)
    kept = slugs if query.truth("ascending") is not False else slugs[::-1]
    return kept[offset : offset + limit]
