"""Which markets and events a query of Gamma finds, and what they can be ordered by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias, TypeVar

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.polymarket.gamma.names import series_of, tags_of
from underround.local_venue.polymarket.gamma.pages import Ordering
from underround.local_venue.polymarket.gamma.query import Query, QueryRefused
from underround.local_venue.polymarket.gamma.rows import Rows, closed, event_tags
from underround.local_venue.polymarket.gamma.state import (
    condition_of,
    resolution_status,
    resolution_status_v2,
)
from underround.local_venue.world import World
from underround.model.ids import POLYMARKET
from underround.model.listing import RewardTerms
from underround.model.units import Money, Nanos

R = TypeVar("R")
_Test: TypeAlias = Callable[[LocalMarket], bool]
_EventTest: TypeAlias = Callable[[LocalEvent], bool]
_NEVER: Final = ("archived", "featured", "cyom", "rfq_enabled", "live", "ended")
"""Flags that no row of the local venue has."""


class Finder:
    """Finds rows of a world's catalogue."""

    def __init__(self, world: World, rows: Rows) -> None:
        """``rows`` knows the figures that are filtered and ordered by."""
        self._world = world
        self._rows = rows
        self._measures = rows.measures

    # --- markets -------------------------------------------------------------------------------

    def markets(self, query: Query) -> list[LocalMarket]:
        """Return the markets a query finds, in order of their numbers."""
        if _never(query):
            return []
        tests = [*self._names(query), *self._measures_of(query), *self._places(query)]
        shut = query.truth("closed") or False
        return [
            row
            for row in self._listed(query)
            if (row.listing.state == "resolved") is shut and all(test(row) for test in tests)
        ]

    def _listed(self, query: Query) -> Iterable[LocalMarket]:
        """Return every market, or only the ones whose tokens are asked for."""
        catalogue = self._world.catalogue
        tokens = query.words("clob_token_ids")
        if tokens:
            found = {row.id: row for token in tokens if (row := self._of_token(token)) is not None}
            return [found[number] for number in sorted(found)]
        return [row for row in catalogue.markets.values() if _ours(row)]

    def _of_token(self, token: str) -> LocalMarket | None:
        row, _ = self._world.catalogue.tokens.get(token, (None, 0))
        return row if row is not None and row.listing.protocol != "v2" and _ours(row) else None

    def _names(self, query: Query) -> Iterator[_Test]:
        """Yield a test for each name that is asked for."""
        for name, own in _NAMES.items():
            wanted = frozenset(word.lower() for word in query.words(name))
            if wanted:
                yield _named(own, wanted)

    def _measures_of(self, query: Query) -> Iterator[_Test]:
        """Yield a test for each bound of a figure or a time."""
        measures = self._measures
        least = query.micros("rewards_min_size")
        if least is not None:
            yield lambda row: (row.listing.rewards or _NO_REWARDS).min_size >= least
        yield from _within(query, "volume_num", measures.volume)
        yield from _within(query, "liquidity_num", measures.liquidity)
        yield from _between(query, "end_date", _ends)
        yield from _between(query, "start_date", _listed_at)

    def _places(self, query: Query) -> Iterator[_Test]:
        """Yield a test for each thing a market may belong to."""
        if "game_id" in query or "sports_market_types" in query:
            yield lambda _: False
        rows = self._rows

        def series(row: LocalMarket) -> str:
            return series_of(row, rows.home(row))

        def tags(row: LocalMarket) -> tuple[str, ...]:
            return tags_of(row, rows.home(row))

        yield from self._in_series(query, series)
        yield from self._tagged(query, tags)

    def market_order(self, now: Nanos) -> Ordering[LocalMarket]:
        """Return what markets can be ordered by."""
        rows = self._measures
        return Ordering(
            lambda row: row.id,
            {
                "volume24hr": lambda row: rows.volume_24h(row, now),
                "volumeNum": rows.volume,
                "volume": rows.volume,
                "liquidityNum": rows.liquidity,
                "liquidity": rows.liquidity,
                "endDate": lambda row: row.listing.ends_ns or 0,
                "startDate": lambda row: row.listed_ns,
                "createdAt": lambda row: row.listed_ns,
                "updatedAt": lambda row: row.listing.updated_ns or row.listed_ns,
            },
        )

    # --- events --------------------------------------------------------------------------------

    def events(self, query: Query) -> list[LocalEvent]:
        """Return the events a query finds, in order of their numbers."""
        if _never(query):
            return []
        tests = [*self._event_names(query), *self._event_places(query), *self._event_bounds(query)]
        shut = query.truth("closed") or False
        return [
            event
            for event in self._world.catalogue.events.values()
            if (members := self._rows.members(event))
            and closed(members) is shut
            and all(test(event) for test in tests)
        ]

    def _event_names(self, query: Query) -> Iterator[_EventTest]:
        for name, own in _EVENT_NAMES.items():
            wanted = frozenset(word.lower() for word in query.words(name))
            if wanted:
                yield _named(own, wanted)
        versions = query.words("version")
        if versions:
            members = self._rows.members
            yield lambda event: any(
                (row.listing.protocol or "v1") in versions for row in members(event)
            )
        sought = (query.word("title_search") or "").lower()
        if sought:
            yield lambda event: sought in event.title.lower()

    def _event_places(self, query: Query) -> Iterator[_EventTest]:
        rows = self._rows

        def series(event: LocalEvent) -> str:
            return series_of(rows.members(event)[0], event)

        def tags(event: LocalEvent) -> tuple[str, ...]:
            return event_tags(event, rows.members(event))

        recurrence = query.word("recurrence")
        if recurrence is not None:
            yield lambda event: rows.names.recurrence(series(event)) == recurrence
        yield from self._in_series(query, series)
        yield from self._tagged(query, tags)

    def _event_bounds(self, query: Query) -> Iterator[_EventTest]:
        rows, measures = self._rows, self._measures

        def ends(event: LocalEvent) -> Nanos | None:
            last = max((row.listing.ends_ns or 0 for row in rows.members(event)), default=0)
            return event.ends_ns or last or None

        def starts(event: LocalEvent) -> Nanos | None:
            return event.starts_ns or rows.members(event)[0].listed_ns

        def window(event: LocalEvent) -> Nanos | None:
            found = rows.members(event)[0].listing.window
            return None if found is None else found.start_ns

        def volume(event: LocalEvent) -> Money:
            return sum(map(measures.volume, rows.members(event)))

        def liquidity(event: LocalEvent) -> Money:
            return sum(map(measures.liquidity, rows.members(event)))

        yield from _within(query, "volume", volume)
        yield from _within(query, "liquidity", liquidity)
        yield from _between(query, "end_date", ends)
        yield from _between(query, "start_date", starts)
        yield from _between(query, "start_time", window)

    def event_order(self, now: Nanos) -> Ordering[LocalEvent]:
        """Return what events can be ordered by."""
        rows, measures = self._rows, self._measures
        day = measures.volume_24h
        return Ordering(
            lambda event: event.id,
            {
                "volume24hr": lambda event: sum(day(row, now) for row in rows.members(event)),
                "volume": lambda event: sum(map(measures.volume, rows.members(event))),
                "liquidity": lambda event: sum(map(measures.liquidity, rows.members(event))),
                "endDate": lambda event: event.ends_ns or 0,
                "startDate": lambda event: event.starts_ns or 0,
                "startTime": lambda event: event.starts_ns or 0,
            },
        )

    # --- tags and series -----------------------------------------------------------------------

    def _in_series(self, query: Query, series: Callable[[R], str]) -> Iterator[Callable[[R], bool]]:
        wanted = query.words("series_id")
        if wanted:
            number = self._rows.names.series_number
            yield lambda row: bool(series(row)) and str(number(series(row))) in wanted

    def _tagged(
        self, query: Query, tags: Callable[[R], tuple[str, ...]]
    ) -> Iterator[Callable[[R], bool]]:
        def numbers(row: R) -> set[str]:
            return {str(self._rows.names.tag_number(tag)) for tag in tags(row)}

        match = query.word("tag_match") or "any"
        if match not in {"any", "all"}:
            raise QueryRefused("tag_match must be any or all")
        unwanted, wanted = query.words("exclude_tag_id"), query.words("tag_id")
        if unwanted:
            yield lambda row: not numbers(row) & unwanted
        slug = query.word("tag_slug")
        if slug is not None:
            yield lambda row: slug in tags(row)
        if wanted and match == "all":
            yield lambda row: wanted <= numbers(row)
        elif wanted:
            yield lambda row: bool(wanted & numbers(row))


def _ours(row: LocalMarket) -> bool:
    return row.listing.market.id.venue == POLYMARKET


def _ends(row: LocalMarket) -> Nanos | None:
    return row.listing.ends_ns


def _listed_at(row: LocalMarket) -> Nanos | None:
    return row.listed_ns


def _never(query: Query) -> bool:
    """Whether the query asks for what no row here is."""
    return any(query.truth(name) for name in _NEVER) or query.truth("active") is False


def _named(own: Callable[[R], tuple[str, ...]], wanted: frozenset[str]) -> Callable[[R], bool]:
    return lambda row: any(value.lower() in wanted for value in own(row))


def _within(query: Query, name: str, value: Callable[[R], Money]) -> Iterator[Callable[[R], bool]]:
    least, most = query.micros(f"{name}_min"), query.micros(f"{name}_max")
    if least is not None:
        yield lambda row: value(row) >= least
    if most is not None:
        yield lambda row: value(row) <= most


def _between(
    query: Query, name: str, at: Callable[[R], Nanos | None]
) -> Iterator[Callable[[R], bool]]:
    """Yield the tests of a time; what has none is not within any bound."""
    first, last = query.time(f"{name}_min"), query.time(f"{name}_max")
    if first is not None:
        yield lambda row: (at(row) or 0) >= first
    if last is not None:
        yield lambda row: 0 < (at(row) or 0) <= last


_NO_REWARDS: Final = RewardTerms(0, 0, None, None)
_NAMES: Final[dict[str, Callable[[LocalMarket], tuple[str, ...]]]] = {
    "slug": lambda row: (row.listing.slug,),
    "id": lambda row: (str(row.id),),
    "condition_ids": lambda row: (row.listing.market.id.native, condition_of(row.listing)),
    "position_ids": lambda row: row.listing.market.tokens if row.listing.protocol == "v2" else (),
    "question_ids": lambda row: (row.question_id,),
    "request_ids": lambda row: (row.listing.market.id.native,),
    "onchain_event_ids": lambda row: (f"{row.listing.market.id.native[:-6]}000000",),
    "version": lambda row: (row.listing.protocol or "v1",),
    "uma_resolution_status": lambda row: (resolution_status(row),),
    "resolution_status": lambda row: (resolution_status_v2(row),),
}
_EVENT_NAMES: Final[dict[str, Callable[[LocalEvent], tuple[str, ...]]]] = {
    "slug": lambda event: (event.slug,),
    "id": lambda event: (str(event.id),),
}
