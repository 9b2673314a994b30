"""Looks at Polymarket's catalogue: what is liquid, what is new, what rolls, what is named."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from typing import Final, TypeVar

import msgspec

from underround.app.access import DiscoverySettings
from underround.app.markets.aside import aside
from underround.app.markets.looks import NOTHING, joined
from underround.app.markets.rolling import rolling_named
from underround.model.errors import NotThere
from underround.model.frames import NANOS_PER_SECOND
from underround.model.listing import Found, Listing
from underround.model.units import Money, Nanos
from underround.venues.polymarket.gamma.query import EventQuery, MarketQuery, Pair
from underround.venues.polymarket.gamma.rest import GammaRest
from underround.venues.polymarket.gamma.series import Rolling, find_ahead
from underround.venues.polymarket.gamma.wire import EventsPage, MarketsPage
from underround.venues.transport.budget import Spender
from underround.venues.transport.http import HttpTransport

P = TypeVar("P", MarketsPage, EventsPage)

CONDITION: Final = re.compile(r"0x(?:[0-9a-f]{64}|[0-9a-f]{62})", re.ASCII)
_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.%-]*", re.ASCII)
_OVERLAP_S: Final = 600
"""How far before the last look the next one begins: caches are up to five minutes old."""
_GONE_AT_ONCE: Final = 20
"""Followed markets that are not listed as open any more, asked for one by one in a look."""


class FirstPages(GammaRest):
    """The catalogue as far as its first pages, for lists that are in a useful order."""

    def __init__(self, transport: HttpTransport, budget: Spender, pages: int) -> None:
        super().__init__(transport, budget)
        self._most = pages

    async def _pages(
        self, path: str, group: str, asked: Sequence[Pair], decode: Callable[[bytes], P]
    ) -> AsyncIterator[P]:
        read = 0
        async with aclosing(super()._pages(path, group, asked, decode)) as pages:  # type: ignore[type-var]  # it is a generator
            async for page in pages:
                yield page
                read += 1
                if read == self._most:
                    return


class PolymarketLook:
    """Asks Gamma; ``transport`` speaks to its address."""

    def __init__(self, transport: HttpTransport, budget: Spender) -> None:
        self.gamma = GammaRest(transport, budget)
        self._transport = transport
        self._budget = budget

    # --- for people ----------------------------------------------------------------------------

    async def busiest(
        self,
        now: Nanos,
        pages: int,
        *,
        tag: str = "",
        liquidity_min: Money = 0,
        volume_min: Money = 0,
        ends_before_ns: Nanos | None = None,
    ) -> Found:
        """Return the first ``pages`` pages of open markets by volume of the last 24 hours."""
        liquidity, volume = liquidity_min or None, volume_min or None

        async def work(transport: HttpTransport, budget: Spender) -> Found:
            gamma = FirstPages(transport, budget, pages)
            if not tag:
                query = MarketQuery(
                    liquidity_min=liquidity, volume_min=volume, order="volume24hr",
                    ends_before_ns=ends_before_ns, ascending=False,
                )  # fmt: skip
                return await gamma.markets(query, now)
            by_tag = EventQuery(
                tag_slug=tag, liquidity_min=liquidity, volume_min=volume, order="volume24hr",
                ends_before_ns=ends_before_ns, ascending=False,
            )  # fmt: skip
            return await gamma.events(by_tag, now)

        return await aside(self._transport, self._budget, work)

    async def named(self, name: str, now: Nanos) -> Found:
        """Return what has this slug or condition id: a market, or an event's markets."""
        if CONDITION.fullmatch(name):
            return await self._condition(name, now)
        if not _SLUG.fullmatch(name):
            return NOTHING
        try:
            return await self.gamma.market(name, now)
        except NotThere:
            try:
                return await self.gamma.event(name, now)
            except NotThere:
                return NOTHING

    async def _condition(self, condition: str, now: Nanos) -> Found:
        # The CLOB writes a Protocol V2 condition with two zeros more than the catalogue does.
        ids = {condition, condition[:-2]} if condition.endswith("00") else {condition}
        for closed in (False, True):
            query = MarketQuery(condition_ids=tuple(sorted(ids)), closed=closed)
            found = await self.gamma.markets(query, now)
            if found.listings:
                return found
        return NOTHING

    async def search(self, words: str, now: Nanos) -> Found:
        """Return what the venue's own search finds: three pages of open events."""
        return await self.gamma.search(words, now, pages=3)

    async def ahead(self, series: Sequence[Rolling], now: Nanos, count: int) -> Found:
        """Return the present window and the next ones of rolling series, as far as listed."""
        return (await find_ahead(self.gamma, series, now, count)).found

    # --- for a running engine ------------------------------------------------------------------

    async def whole(self, settings: DiscoverySettings, now: Nanos) -> Found:
        """Return every open event that is liquid enough, with all its markets and its group."""
        return await self._events(_query(settings), settings.tags, now)

    async def new(self, settings: DiscoverySettings, now: Nanos, since: Nanos) -> Found:
        """Return the events that began since the last look."""
        after = since - _OVERLAP_S * NANOS_PER_SECOND
        return await self._events(_query(settings, starts_after_ns=after), settings.tags, now)

    async def _events(self, query: EventQuery, tags: Sequence[str], now: Nanos) -> Found:
        async def work(transport: HttpTransport, budget: Spender) -> Found:
            gamma = GammaRest(transport, budget)
            if not tags:
                return await gamma.events(query, now)
            return joined([await gamma.events(_tagged(query, tag), now) for tag in tags])

        return await aside(self._transport, self._budget, work)

    async def rolling(self, settings: DiscoverySettings, now: Nanos) -> Found:
        """Return the windows of the configured rolling series."""
        series = [rolling_named(name) for name in settings.series]
        return await self.ahead(series, now, settings.ahead) if series else NOTHING

    async def again(self, followed: Collection[Listing], now: Nanos) -> Found:
        """Return the present rows of markets that are followed, also of those that closed."""
        slugs = [each.slug for each in followed]
        if not slugs:
            return NOTHING
        found = await self.gamma.markets_by_slug(slugs, now)
        listed = {each.slug for each in found.listings}
        gone = [slug for slug in slugs if slug not in listed]
        parts = [found]
        for slug in gone[:_GONE_AT_ONCE]:
            try:
                parts.append(await self.gamma.market(slug, now))
            except NotThere:
                continue  # merely not shown: what is known of it stays
        return joined(parts)


def _query(settings: DiscoverySettings, starts_after_ns: Nanos | None = None) -> EventQuery:
    return EventQuery(
        liquidity_min=settings.min_liquidity or None,
        volume_min=settings.min_volume or None,
        starts_after_ns=starts_after_ns,
    )


def _tagged(query: EventQuery, tag: str) -> EventQuery:
    return msgspec.structs.replace(query, tag_slug=tag)
