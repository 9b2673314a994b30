"""Markets as somebody asks for them: by name, by words, by series, or the busiest ones.

What is named is shown whatever the configured filter says; what is asked for explicitly always
holds.  A venue that fails is stated, and the others are shown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Final

import msgspec

from underround.app.access import DiscoverySettings
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.discovery import filter_of
from underround.app.markets.kalshi_look import TICKER
from underround.app.markets.looks import NOTHING
from underround.app.markets.polymarket_look import CONDITION
from underround.app.markets.rolling import rolling_named
from underround.market.catalogue import KnownMarkets
from underround.market.selection import MarketFilter, resolve
from underround.model.errors import Bug, ConfigError, TryLater, UnderroundError
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import KALSHI, POLYMARKET, Venue
from underround.model.listing import Found, Listing
from underround.model.units import Money, Nanos

_STATES: Final = ("unopened", "open", "paused", "closed", "resolved")
_AMOUNT: Final = re.compile(r"(its [a-z0-9 -]+) of \S+ is below (\S+ dollars)")
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9_.%]+)+", re.ASCII)
_PAGES: Final = 3
"""Pages of the busiest markets that are read at least."""
_NEAR: Final = 3


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; ``None`` leaves the configuration's word."""

    query: str = ""
    venues: tuple[Venue, ...]
    tag: str = ""
    series: str = ""
    ahead: int
    min_liquidity: Money | None = None
    min_volume: Money | None = None
    ends_within_s: int | None = None
    everything: bool = False
    """Without the configured filter."""
    limit: int

    @property
    def named_venue(self) -> Venue | None:
        """The venue that the query names, as in ``kalshi:KXFED-26DEC``."""
        head, colon, _ = self.query.partition(":")
        return Venue(head) if colon and head in {POLYMARKET, KALSHI} else None

    @property
    def name(self) -> str:
        """The query without venue and outcome."""
        return self.query.split(":")[1] if self.named_venue else self.query.strip()


class LeftOut(msgspec.Struct):
    """Markets that the filter left out for one reason."""

    count: int
    example: str
    """One of their names."""


class Seen(msgspec.Struct, kw_only=True):
    """What a search gave."""

    listings: tuple[Listing, ...]
    more: int
    """Markets that fit too and are beyond the limit."""
    left_out: dict[str, LeftOut]
    refused: dict[str, int]
    """Rows that could not be used, by reason."""
    failures: dict[Venue, UnderroundError]
    near: tuple[str, ...]
    """Names like the one that was not found."""


class _Answer(msgspec.Struct):
    """What one venue found."""

    found: Found
    named: bool
    """Whether it was asked for by name, so that the configured filter does not apply."""


async def search(
    catalogues: Catalogues, settings: DiscoverySettings, wish: Wish, now: Nanos
) -> Seen:
    """Return what fits the wish, the busiest first; windows of a series in order of time.

    Raises ``TryLater`` when every venue failed, ``ConfigError`` for a name or series that cannot
    be one.
    """
    asks = _asks(catalogues, settings, wish, now)
    answers = await asyncio.gather(*(_tried(ask) for ask in asks.values()))
    failures = {
        venue: answer
        for venue, answer in zip(asks, answers, strict=True)
        if isinstance(answer, UnderroundError)
    }
    if failures and len(failures) == len(asks):
        raise _all_failed(failures)
    seen = Seen(listings=(), more=0, left_out={}, refused={}, failures=failures, near=())
    fitting: list[Listing] = []
    for venue, answer in zip(asks, answers, strict=True):
        if isinstance(answer, _Answer):
            fitting += _fitting(answer, _filter(settings, wish, venue, answer.named), seen, now)
    fitting.sort(key=_in_time if wish.series else _busiest_first)
    _outcome(wish, fitting)
    seen.listings = tuple(fitting[: wish.limit])
    seen.more = len(fitting) - len(seen.listings)
    if not fitting and not seen.left_out and wish.query:
        seen.near = await _near(catalogues, wish, now)
    return seen


# --- what is asked of whom ---------------------------------------------------------------------


def _asks(
    catalogues: Catalogues, settings: DiscoverySettings, wish: Wish, now: Nanos
) -> dict[Venue, Awaitable[_Answer]]:
    asks: dict[Venue, Awaitable[_Answer]] = {}
    wanted = (wish.named_venue,) if wish.named_venue is not None else wish.venues
    rolling = bool(wish.series) and not TICKER.fullmatch(wish.series)
    if POLYMARKET in wanted and (rolling or not wish.series):
        asks[POLYMARKET] = _polymarket(catalogues, settings, wish, now)
    if KALSHI in wanted and not rolling:
        asks[KALSHI] = _kalshi(catalogues, settings, wish, now)
    if not asks:
        about = f"series {wish.series!r} is of another venue" if wanted else "no venue is enabled"
        raise ConfigError(f"{about}: set --venue or venues.<name>.enabled")
    return asks


async def _polymarket(
    catalogues: Catalogues, settings: DiscoverySettings, wish: Wish, now: Nanos
) -> _Answer:
    look, name = catalogues.polymarket, wish.name
    if wish.series:
        found = await look.ahead([rolling_named(wish.series)], now, wish.ahead)
        return _Answer(found, named=True)
    if not name:
        least = _filter(settings, wish, POLYMARKET, named=False)
        within = wish.ends_within_s
        found = await look.busiest(
            now,
            max(_PAGES, 2 * -(-wish.limit // 100)),
            tag=wish.tag,
            liquidity_min=least.liquidity_min,
            volume_min=least.volume_min,
            ends_before_ns=None if within is None else now + within * NANOS_PER_SECOND,
        )
        return _Answer(found, named=False)
    if wish.named_venue or CONDITION.fullmatch(name) or _SLUG.fullmatch(name):
        found = await look.named(name, now)
        if found.listings or wish.named_venue or CONDITION.fullmatch(name):
            return _Answer(found, named=True)
    return _Answer(await look.search(_words(name), now), named=False)


async def _kalshi(
    catalogues: Catalogues, settings: DiscoverySettings, wish: Wish, now: Nanos
) -> _Answer:
    look, name = catalogues.kalshi, wish.name
    if wish.series:
        return _Answer(await look.series([wish.series], now), named=True)
    if not name:
        return _Answer(await look.series(settings.kalshi_series, now), named=False)
    if CONDITION.fullmatch(name):
        return _Answer(NOTHING, named=True)
    if wish.named_venue or (TICKER.fullmatch(name) and name.startswith("KX")) or "-" in name:
        found = await look.named(name, now)
        if found.listings or wish.named_venue:
            return _Answer(found, named=True)
    return _Answer(await look.search(_words(name), now), named=False)


def _words(name: str) -> str:
    return name.replace("-", " ") if _SLUG.fullmatch(name) else name


async def _tried(ask: Awaitable[_Answer]) -> _Answer | UnderroundError:
    try:
        return await ask
    except (Bug, ConfigError):
        raise
    except UnderroundError as error:
        return error


def _all_failed(failures: dict[Venue, UnderroundError]) -> UnderroundError:
    told = "; ".join(f"{venue}: {error}" for venue, error in failures.items())
    later = [each for each in failures.values() if isinstance(each, TryLater)]
    if later:
        return type(later[0])(told, later[0].retry_after_ms)
    return TryLater(told)


# --- what fits ---------------------------------------------------------------------------------


def _filter(settings: DiscoverySettings, wish: Wish, venue: Venue, named: bool) -> MarketFilter:
    base = filter_of(settings, venue)
    if named or wish.everything:
        base = MarketFilter(
            venues=(venue,), states=_STATES, liquidity_min=0, augmented=True, placeholders=True
        )
    changes: dict[str, object] = {}
    if wish.tag:
        changes["tags"] = (wish.tag,)
    if wish.min_liquidity is not None:
        changes["liquidity_min"] = wish.min_liquidity
    if wish.min_volume is not None:
        changes["volume_min"] = wish.min_volume
    if wish.ends_within_s is not None:
        changes["ends_within_s"] = wish.ends_within_s
    return msgspec.structs.replace(base, **changes)


def _fitting(answer: _Answer, wanted: MarketFilter, seen: Seen, now: Nanos) -> Iterable[Listing]:
    for reason, count in answer.found.refused.items():
        seen.refused[reason] = seen.refused.get(reason, 0) + count
    for listing in answer.found.listings:
        why = wanted.why_not(listing, now)
        if why is None:
            yield listing
            continue
        reason = _AMOUNT.sub(r"\1 is below \2", why)
        left = seen.left_out.setdefault(reason, LeftOut(0, name_of(listing)))
        left.count += 1


def name_of(listing: Listing) -> str:
    """Return the name that can be copied into every command and configuration."""
    return f"{listing.market.id.venue}:{listing.slug}"


def _busiest_first(listing: Listing) -> tuple[int, str]:
    return -(listing.volume_24h or 0), listing.slug


def _in_time(listing: Listing) -> tuple[int, str]:
    window = listing.window
    return (window.start_ns if window is not None else listing.ends_ns or 0), listing.slug


def _outcome(wish: Wish, fitting: Sequence[Listing]) -> None:
    """Raise ``ConfigError`` for ``venue:market:outcome`` with an outcome that nobody has."""
    if wish.named_venue is None or wish.query.count(":") < 2 or len(fitting) != 1:
        return
    known = KnownMarkets()
    known.take(Found(tuple(fitting), (), (), {}), 0)
    side = wish.query.split(":", 2)[2]
    resolve(f"{name_of(fitting[0])}:{side}", known)


async def _near(catalogues: Catalogues, wish: Wish, now: Nanos) -> tuple[str, ...]:
    """Return names like the one that was not found; a venue that fails now has none."""
    name = wish.name
    looks: dict[Venue, Callable[[str, Nanos], Awaitable[Found]]] = {
        POLYMARKET: catalogues.polymarket.search,
        KALSHI: _tickers_like(catalogues),
    }
    venues = (wish.named_venue,) if wish.named_venue is not None else wish.venues
    names: dict[str, str] = {}
    for venue in venues:
        try:
            found = await looks[venue](_words(name), now)
        except UnderroundError:
            continue
        names |= {each.slug: name_of(each) for each in found.listings}
    near = get_close_matches(name, names, _NEAR, cutoff=0.4)
    return tuple(names[slug] for slug in near)


def _tickers_like(catalogues: Catalogues) -> Callable[[str, Nanos], Awaitable[Found]]:
    """A ticker that is wrong at its end may still name its series."""

    async def look(name: str, now: Nanos) -> Found:
        series = name.upper().partition("-")[0]
        if not series.startswith("KX"):
            return NOTHING
        return await catalogues.kalshi.series([series], now)

    return look
