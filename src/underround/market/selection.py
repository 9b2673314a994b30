"""Which listings are worth following, and why not; and how people name markets.

``MarketFilter`` picks by properties, a name or pattern picks by hand: what is named is followed
whatever the filter says, except placeholders, which are never traded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Final

import msgspec

from underround.market.catalogue import KnownMarkets
from underround.model.errors import ConfigError
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import NO, YES, MarketId, OutcomeId, Venue
from underround.model.listing import Listing, ListingState
from underround.model.units import Money, Nanos, decimal_text, usd

_PATTERN: Final = frozenset("*?[")
_SIDES: Final = {"yes": YES, "no": NO}

AtLeast0 = Annotated[int, msgspec.Meta(ge=0)]


class MarketFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a market must be like; every field's default is the cautious one."""

    venues: tuple[Venue, ...] = ()
    """Empty: every venue."""
    states: tuple[ListingState, ...] = ("open",)
    text: str = ""
    """Words that must all be in the title, the slug or the series, in any case."""
    tags: tuple[str, ...] = ()
    """At least one of these; empty: any."""
    without_tags: tuple[str, ...] = ()
    """None of these."""
    liquidity_min: AtLeast0 = usd("2000")
    """Dollars resting in the book; a market that does not say has none."""
    volume_min: AtLeast0 = 0
    """Dollars traded since the market began."""
    volume_24h_min: AtLeast0 = 0
    ends_after_s: AtLeast0 = 0
    """At least so long until the nominal end."""
    ends_within_s: AtLeast0 | None = None
    """At most so long until the nominal end; a market without an end is then left out."""
    augmented: bool = False
    """Admit named outcomes of groups that may be given more outcomes."""
    placeholders: bool = False
    """Show outcomes that have no name yet; they are shown only, and never traded."""

    def why_not(self, listing: Listing, now: Nanos) -> str | None:
        """Return why the market is left out, in one sentence part; ``None``: it is taken."""
        return (
            self._kind(listing)
            or self._words(listing)
            or self._time(listing, now)
            or self._money(listing)
        )

    def _kind(self, listing: Listing) -> str | None:
        venue = listing.market.id.venue
        if self.venues and venue not in self.venues:
            return f"its venue {venue} is not wanted"
        if listing.state not in self.states:
            return f"it is {listing.state}"
        if listing.placeholder and not self.placeholders:
            return "its outcome has no name yet"
        if listing.augmented and not self.augmented and not listing.placeholder:
            return "its group may be given more outcomes"
        return None

    def _words(self, listing: Listing) -> str | None:
        said = f"{listing.market.title} {listing.slug} {listing.series}".casefold()
        missing = next((word for word in self.text.casefold().split() if word not in said), None)
        if missing is not None:
            return f"{missing!r} is not in its title"
        if self.tags and not set(self.tags) & set(listing.tags):
            return f"it has none of the tags {', '.join(self.tags)}"
        unwanted = next((tag for tag in self.without_tags if tag in listing.tags), None)
        return f"it has the tag {unwanted}" if unwanted is not None else None

    def _time(self, listing: Listing, now: Nanos) -> str | None:
        if listing.ends_ns is None:
            if self.ends_within_s is not None or self.ends_after_s:
                return "it does not say when it ends"
            return None
        left_ns = listing.ends_ns - now
        if self.ends_after_s and left_ns < self.ends_after_s * NANOS_PER_SECOND:
            return f"it ends in less than {self.ends_after_s} s"
        if self.ends_within_s is not None and left_ns > self.ends_within_s * NANOS_PER_SECOND:
            return f"it ends in more than {self.ends_within_s} s"
        return None

    def _money(self, listing: Listing) -> str | None:
        for name, amount, least in (
            ("liquidity", listing.liquidity, self.liquidity_min),
            ("volume", listing.volume, self.volume_min),
            ("24-hour volume", listing.volume_24h, self.volume_24h_min),
        ):
            if least and (amount is None or amount < least):
                return _short(name, amount, least)
        return None


def _short(name: str, amount: Money | None, least: Money) -> str:
    if amount is None:
        return f"it states no {name}"
    return f"its {name} of {decimal_text(amount)} is below {decimal_text(least)} dollars"


def resolve(name: str, known: KnownMarkets) -> OutcomeId:
    """Return the outcome that ``<venue>:<slug or native id>:<outcome>`` names.

    The outcome is ``YES``, ``NO`` or the venue's own label (``Up``), in any case.  Raises
    ``ConfigError`` that says which part is unknown.
    """
    venue, _, rest = name.partition(":")
    market, colon, side = rest.rpartition(":")
    if not colon or not venue or not market:
        raise ConfigError(f"{name!r} names no outcome: write venue:market:YES")
    listing = find(f"{venue}:{market}", known)
    labels = {label.casefold(): index for index, label in enumerate(listing.market.outcomes)}
    index = labels.get(side.casefold(), _SIDES.get(side.casefold()))
    if index is None:
        choices = " or ".join(dict.fromkeys(("YES", "NO", *listing.market.outcomes)))
        raise ConfigError(f"{name!r} has no outcome {side!r}: write {choices}")
    return OutcomeId(listing.market.id, index)


def find(name: str, known: KnownMarkets) -> Listing:
    """Return the listing that ``<venue>:<slug or native id>`` names; else ``ConfigError``."""
    venue, _, market = name.partition(":")
    listing = known.by_slug(Venue(venue), market)
    if listing is None:
        listing = known.listings.get(MarketId(Venue(venue), market))
    if listing is not None:
        return listing
    slugs = [each.slug for each in known.listings.values() if each.market.id.venue == venue]
    if not slugs:
        raise ConfigError(f"{name!r}: no market of venue {venue!r} is known")
    near = get_close_matches(market, slugs, 1)
    hint = f"did you mean {venue}:{near[0]}?" if near else "look for it with a pattern"
    raise ConfigError(f"{name!r} names no known market: {hint}")


def matching(patterns: Collection[str], known: KnownMarkets) -> tuple[Listing, ...]:
    """Return the listings that any of the patterns names, in order of slug, without placeholders.

    A pattern is ``<venue>:<slug or native id>`` with ``*``, ``?`` and ``[…]``, or a whole name.
    Raises ``ConfigError`` for a whole name nobody has; a pattern may match nothing.
    """
    chosen = {
        listing.market.id: listing
        for pattern in patterns
        for listing in _matched(pattern, known)
        if not listing.placeholder
    }
    return tuple(sorted(chosen.values(), key=lambda each: (each.slug, each.market.id)))


def _matched(pattern: str, known: KnownMarkets) -> Iterable[Listing]:
    if not _PATTERN & set(pattern):
        return (find(pattern, known),)
    return (
        listing
        for listing in known.listings.values()
        if fnmatchcase(f"{listing.market.id.venue}:{listing.slug}", pattern)
        or fnmatchcase(str(listing.market.id), pattern)
    )
