"""Numbers that Gamma gives to tags, series and groups: in the order in which they were listed."""

from __future__ import annotations

from collections.abc import Reversible
from itertools import takewhile
from typing import TypeVar

from underround.local_venue.catalogue import LocalEvent, LocalMarket, neg_risk_group
from underround.local_venue.world import World
from underround.model.ids import POLYMARKET
from underround.model.units import Nanos

R = TypeVar("R", LocalEvent, LocalMarket)
_RECURRENCES = {
    300: "5m",
    900: "15m",
    3_600: "hourly",
    14_400: "4h",
    86_400: "daily",
    604_800: "weekly",
}


class Names:
    """Tags and series by their slugs; they keep their numbers."""

    def __init__(self, world: World) -> None:
        """Nothing is numbered yet."""
        self._world = world
        self._tags: dict[str, int] = {}
        self._series: dict[str, int] = {}
        self._since: dict[str, Nanos] = {}
        self._recurrence: dict[str, str] = {}
        self._market_seen = 0
        self._event_seen = 0
        """Numbers of the newest that were looked at."""

    def refresh(self) -> None:
        """Number what was listed since the last time."""
        catalogue = self._world.catalogue
        for event in _later(catalogue.events.values(), self._event_seen):
            self._event_seen = event.id
            self._see(event.tags, event.series, event.starts_ns or 0, "")
        for row in _later(catalogue.markets.values(), self._market_seen):
            self._market_seen = row.id
            if row.listing.market.id.venue == POLYMARKET:
                listing, window = row.listing, row.listing.window
                word = _RECURRENCES.get(window.duration_s, "") if window is not None else ""
                self._see(listing.tags, listing.series, row.listed_ns, word)

    def _see(self, tags: tuple[str, ...], series: str, since: Nanos, recurrence: str) -> None:
        for tag in tags:
            self._tags.setdefault(tag, len(self._tags) + 1)
            self._since.setdefault(tag, since)
        if series:
            self._series.setdefault(series, len(self._series) + 1)
            self._since.setdefault(series, since)
            if recurrence:
                self._recurrence[series] = recurrence

    @property
    def tags(self) -> tuple[str, ...]:
        """Every tag's slug, in order of its number."""
        return tuple(self._tags)

    @property
    def series(self) -> tuple[str, ...]:
        """Every series' slug, in order of its number."""
        return tuple(self._series)

    def since(self, slug: str) -> Nanos:
        """Return since when a tag or series is known."""
        return self._since.get(slug, 0)

    def tag_number(self, slug: str) -> int:
        """Return the number of a tag, giving it one if it has none."""
        return self._tags.setdefault(slug, len(self._tags) + 1)

    def series_number(self, slug: str) -> int:
        """Return the number of a series, giving it one if it has none."""
        return self._series.setdefault(slug, len(self._series) + 1)

    def recurrence(self, series: str) -> str:
        """Return how often a series begins anew, e.g. ``15m``; empty: not known."""
        return self._recurrence.get(series, "")


def _later(listed: Reversible[R], number: int) -> list[R]:
    """Return what was listed after ``number``; what is listed is in the order of its numbers."""
    found = list(takewhile(lambda each: each.id > number, reversed(listed)))
    return found[::-1]


def neg_risk_market(event: LocalEvent) -> str:
    """Return the id that the neg-risk adapter has for an event's group (32 bytes, last one 0)."""
    return f"0x{neg_risk_group(event.slug)[0].hex()}"


def label(slug: str) -> str:
    """Return a slug as people read it."""
    return slug.replace("-", " ").title()


def tags_of(row: LocalMarket, event: LocalEvent) -> tuple[str, ...]:
    """Return the tags of a market and of its event, each once."""
    return tuple(dict.fromkeys((*event.tags, *row.listing.tags)))


def series_of(row: LocalMarket, event: LocalEvent) -> str:
    """Return the slug of the series a market belongs to; empty: none."""
    return row.listing.series or event.series
