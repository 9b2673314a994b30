"""What is known of the venues' catalogues, and what a new look at one changes.

Pure: looks are told, with their time.  A look shows what exists and which rules hold; it is minutes
old, so it never moves a price, and a market it does not show is merely not shown.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from underround.model.events import (
    FeesChanged,
    MarketClosed,
    MarketEvent,
    MarketListed,
    MarketResolved,
    RulesChanged,
    TicksChanged,
)
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import GroupId, MarketId, Venue
from underround.model.listing import FeeEpoch, Found, Listing
from underround.model.market import Catalogue, EventGroup, Resolution, TickEpoch
from underround.model.units import Nanos

_OVER: Final = frozenset(("closed", "resolved"))


# --- one look against what is known ------------------------------------------------------------


def compare(before: Mapping[MarketId, Listing], after: Found, now: Nanos) -> list[MarketEvent]:
    """Return what a look changes, market by market in order of their ids.

    Applied to the listings that ``merged`` makes of the same look it returns nothing.  Rows older
    than what is known, and rows that contradict it (``contradiction``), change nothing.
    """
    paid = {each.market: each for each in after.resolutions}
    events: list[MarketEvent] = []
    for listing in sorted(after.listings, key=lambda each: each.market.id):
        known = before.get(listing.market.id)
        resolution = paid.get(listing.market.id)
        if known is None:
            events.append(MarketListed(listing.market))
        elif stale(known, listing) or contradiction(known, listing):
            continue
        else:
            events += _changes(known, merged(known, listing, resolution, now))
        events += _ends(known, listing, resolution, now)
    return events


def _changes(known: Listing, new: Listing) -> list[MarketEvent]:
    events: list[MarketEvent] = []
    market = new.market
    if market.ticks[-1] != known.market.ticks[-1]:
        events.append(TicksChanged(market.id, market.ticks[-1]))
    if market.fees != known.market.fees:
        events.append(FeesChanged(market.id, new.fee_history[-1].since_ns, market.fees))
    if new.rules_hash != known.rules_hash:
        events.append(RulesChanged(market.id, known.rules_hash, new.rules_hash))
    return events


def _ends(
    known: Listing | None, listing: Listing, resolution: Resolution | None, now: Nanos
) -> list[MarketEvent]:
    """Return the end of trading and the payout, each once."""
    events: list[MarketEvent] = []
    market = listing.market
    over = known is not None and known.state in _OVER
    if listing.state in _OVER and not over:
        at_ns = market.closes_ns if market.closes_ns is not None else now
        events.append(MarketClosed(market.id, at_ns))
    if resolution is not None and (known is None or known.state != "resolved"):
        paid = resolution
        events.append(MarketResolved(market.id, paid.at_ns, paid.payouts, paid.source))
    return events


def stale(known: Listing, listing: Listing) -> bool:
    """Whether the new row tells nothing: caches answer out of order, and a payout is final."""
    return known.state == "resolved" or (
        known.updated_ns is not None
        and listing.updated_ns is not None
        and listing.updated_ns < known.updated_ns
    )


def contradiction(known: Listing, listing: Listing) -> str | None:
    """Return what cannot change about a market and did; such a row is not believed."""
    old, new = known.market, listing.market
    if new.tokens != old.tokens:
        return "its tokens changed"
    if new.outcomes != old.outcomes:
        return "its outcomes changed"
    if new.neg_risk != old.neg_risk or listing.protocol != known.protocol:
        return "its contracts changed"
    return "its currency changed" if new.currency != old.currency else None


def merged(known: Listing, listing: Listing, resolution: Resolution | None, now: Nanos) -> Listing:
    """Return the new row with what only we remember: earlier price grids and fees.

    A grid or a fee that differs begins when the venue changed the row, else ``now``.  What a
    stream told after the row was made stays: the grid, and that trading is over.
    """
    since = listing.updated_ns if listing.updated_ns is not None else now
    market = listing.market
    ticks = known.market.ticks
    if market.ticks[-1].bands != ticks[-1].bands and since > ticks[-1].since_ns:
        ticks = (*ticks, TickEpoch(since, market.ticks[-1].bands))
    closed_ns = known.market.closes_ns
    state, closes_ns = listing.state, market.closes_ns
    if known.state in _OVER and state not in _OVER and closed_ns is not None and since <= closed_ns:
        state, closes_ns = known.state, closed_ns
    history = _fee_history(known, listing, since)
    market = msgspec.structs.replace(market, ticks=ticks, closes_ns=closes_ns)
    new = msgspec.structs.replace(listing, market=market, fee_history=history, state=state)
    return _settled(new, resolution, known)


def _fee_history(known: Listing, listing: Listing, since: Nanos) -> tuple[FeeEpoch, ...]:
    """Return the known epochs, then those the venue dates later, then today's curve."""
    history = list(known.fee_history)
    for epoch in listing.fee_history:
        if epoch.since_ns > history[-1].since_ns and epoch.fees != history[-1].fees:
            history.append(epoch)
    if history[-1].fees != listing.market.fees:
        history.append(FeeEpoch(max(since, history[-1].since_ns + 1), listing.market.fees))
    return tuple(history)


def _settled(
    listing: Listing, resolution: Resolution | None, known: Listing | None = None
) -> Listing:
    """``resolved`` without a payout is only ``closed``: the payout is yet to be told."""
    if listing.state != "resolved" or resolution is not None:
        return listing
    if known is not None and known.state == "resolved":
        return listing
    return msgspec.structs.replace(listing, state="closed")


def _noted(known: Listing, event: MarketEvent) -> Listing:
    """Return the listing as a stream's event leaves it."""
    market = known.market
    if isinstance(event, TicksChanged) and event.epoch.bands != market.ticks[-1].bands:
        return _with(known, ticks=(*market.ticks, event.epoch))
    if isinstance(event, FeesChanged) and event.fees != market.fees:
        since = max(event.since_ns, known.fee_history[-1].since_ns + 1)
        history = (*known.fee_history, FeeEpoch(since, event.fees))
        return msgspec.structs.replace(_with(known, fees=event.fees), fee_history=history)
    if isinstance(event, MarketClosed) and known.state not in _OVER:
        return msgspec.structs.replace(_with(known, closes_ns=event.at_ns), state="closed")
    if isinstance(event, MarketResolved):
        return msgspec.structs.replace(known, state="resolved")
    return known


def _with(known: Listing, **changes: object) -> Listing:
    market = msgspec.structs.replace(known.market, **changes)
    return msgspec.structs.replace(known, market=market)


# --- everything known --------------------------------------------------------------------------


class KnownMarkets:
    """The listings of every venue by id, name and token, and their groups and payouts."""

    def __init__(self) -> None:
        """Know nothing."""
        self.listings: dict[MarketId, Listing] = {}
        self.groups: dict[GroupId, EventGroup] = {}
        self.resolutions: dict[MarketId, Resolution] = {}
        self.contradicted: dict[MarketId, str] = {}
        """Markets whose last row was not believed, and why."""
        self._by_slug: dict[tuple[Venue, str], MarketId] = {}
        self._by_token: dict[tuple[Venue, str], MarketId] = {}

    def take(self, look: Found, now: Nanos) -> list[MarketEvent]:
        """Take a look in and return what it changed, see ``compare``."""
        events = compare(self.listings, look, now)
        paid = {each.market: each for each in look.resolutions}
        for listing in look.listings:
            self._take(listing, paid.get(listing.market.id), now)
        self.groups.update(
            (group.id, group)
            for group in look.groups
            if all(member in self.listings for member in group.markets)
        )
        return events

    def _take(self, listing: Listing, resolution: Resolution | None, now: Nanos) -> None:
        market_id = listing.market.id
        known = self.listings.get(market_id)
        if known is not None:
            wrong = contradiction(known, listing) or self._paid_otherwise(resolution)
            if wrong is not None:
                self.contradicted[market_id] = wrong
                return
            self.contradicted.pop(market_id, None)
            if stale(known, listing):
                return
        if resolution is not None:
            self.resolutions[market_id] = resolution
        if known is None:
            self._keep(_settled(listing, resolution))
        else:
            self._keep(merged(known, listing, resolution, now))

    def _paid_otherwise(self, resolution: Resolution | None) -> str | None:
        told = self.resolutions.get(resolution.market) if resolution is not None else None
        if told is None or resolution is None or told.payouts == resolution.payouts:
            return None
        return "its payouts changed"

    def note(self, event: MarketEvent) -> None:
        """Take in what a stream said, so that the next look does not tell it again."""
        market_id = getattr(event, "market", None)
        known = self.listings.get(market_id) if isinstance(market_id, MarketId) else None
        if known is not None:
            self._keep(_noted(known, event))
        if known is not None and isinstance(event, MarketResolved):
            paid = Resolution(event.market, event.at_ns, event.payouts, event.source)
            self.resolutions.setdefault(event.market, paid)

    def _keep(self, listing: Listing) -> None:
        market = listing.market
        self.listings[market.id] = listing
        self._by_slug[market.id.venue, listing.slug] = market.id
        for token in market.tokens:
            self._by_token[market.id.venue, token] = market.id

    def by_slug(self, venue: Venue, slug: str) -> Listing | None:
        """Return the market people call ``slug``; the last one, if the venue gave it twice."""
        found = self._by_slug.get((venue, slug))
        return self.listings[found] if found is not None else None

    def by_token(self, venue: Venue, token: str) -> Listing | None:
        """Return the market one of whose outcomes the venue calls ``token``."""
        found = self._by_token.get((venue, token))
        return self.listings[found] if found is not None else None

    def catalogue(self, markets: Iterable[MarketId]) -> Catalogue:
        """Return these markets as they are now, with the groups that are complete.

        A market has its present price grid only: whoever begins now begins on it.  Raises
        ``KeyError`` for a market that is not known.
        """
        wanted = tuple(dict.fromkeys(markets))
        chosen = frozenset(wanted)
        present = (self.listings[market].market for market in wanted)
        return Catalogue(
            tuple(msgspec.structs.replace(each, ticks=each.ticks[-1:]) for each in present),
            tuple(each for each in self.groups.values() if chosen.issuperset(each.markets)),
            tuple(self.resolutions[each] for each in wanted if each in self.resolutions),
        )


# --- when to look again ------------------------------------------------------------------------


class LookPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a venue's catalogue is looked at."""

    every_ms: int = 30_000
    jitter_percent: int = 20
    """Each pause is shorter or longer by up to so much, so that clients do not march in step."""
    longest_ms: int = 600_000
    """Where the doubling after failures ends; a longer ``every_ms`` stays as it is."""


def next_look(
    now: Nanos, rng: random.Random, failures: int = 0, plan: LookPlan | None = None
) -> Nanos:
    """Return when to look next; the pause doubles with each failure in a row."""
    plan = plan if plan is not None else LookPlan()
    ceiling = max(plan.longest_ms, plan.every_ms)
    pause_ms = min(plan.every_ms << min(failures, 32), ceiling)
    spread = pause_ms * plan.jitter_percent // 100
    return now + (pause_ms + rng.randint(-spread, spread)) * NANOS_PER_MS
