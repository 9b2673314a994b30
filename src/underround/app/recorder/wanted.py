"""What somebody wants to be recorded, found by name, pattern, words or series."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from underround.app.access import DiscoverySettings
from underround.app.clients import Clients
from underround.app.live.live_channels import binance_topics
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.kalshi_look import TICKER
from underround.app.markets.rolling import rolling_name, rolling_named
from underround.app.markets.search import Seen, Wish, search
from underround.model.errors import AccountError, ConfigError, SkipAndCount, TryLater
from underround.model.ids import KALSHI, POLYMARKET, GroupId, MarketId, Venue
from underround.model.listing import Listing
from underround.model.market import EventGroup
from underround.model.units import Nanos
from underround.venues.streams.dialect import Topic

MOST: Final = 500
"""Markets that one name or pattern may stand for."""
_GLOB: Final = re.compile(r"[*?\[\]]+")
_OTHERS: Final = re.compile(r"0x[0-9a-f]{62,64}|[a-z0-9]+(?:-[a-z0-9_.%]+)+", re.ASCII)
"""What can only be a name of Polymarket: an id or a slug."""
_SYMBOL: Final = re.compile(r"[A-Z0-9]{5,20}", re.ASCII)
_OVER: Final = frozenset(("closed", "resolved"))
NO_KEY: Final = (
    "kalshi sends books only to who has a key: set venues.kalshi.key_id and "
    "venues.kalshi.private_key"
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The words of who asks."""

    patterns: tuple[str, ...] = ()
    """Slugs, names, ids, tickers, words, or patterns of slugs with ``*``."""
    series: tuple[str, ...] = ()
    """Rolling series of Polymarket, or series of Kalshi."""
    references: tuple[str, ...] | None = None
    """Symbols of Binance; ``None``: those the windows are about."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and what of it goes on."""

    listings: tuple[Listing, ...]
    rolling: tuple[str, ...]
    """Rolling series of Polymarket, named as ``rolling_named`` reads them."""
    kalshi_series: tuple[str, ...]
    groups: tuple[EventGroup, ...]
    """Those of which every market is among the listings, and perhaps others."""
    topics: tuple[Topic, ...]
    """Of Binance."""
    notes: tuple[str, ...]
    """What was left out, and why."""


async def find_wanted(
    clients: Clients,
    catalogues: Catalogues,
    settings: DiscoverySettings,
    asked: Asked,
    now: Nanos,
) -> Wanted:
    """Return the markets to record.

    Raises ``ConfigError`` for whatever names nothing that can be recorded, ``AccountError`` for a
    market of Kalshi without a key, ``TryLater`` when a venue does not answer.
    """
    if not asked.patterns and not asked.series:
        raise ConfigError(
            "nothing is named: write --markets with a slug, an id, a ticker or words, or --series "
            "with a name such as btc-updown-15m"
        )
    look = _Look(clients, catalogues, settings, now)
    for pattern in asked.patterns:
        await look.pattern(pattern)
    rolling: list[str] = []
    tickers: list[str] = []
    for name in asked.series:
        if TICKER.fullmatch(name):
            tickers.append(name)
        else:
            rolling.append(rolling_name(rolling_named(name)))
        await look.series(name)
    listings = tuple(look.listings.values())
    return Wanted(
        listings=listings,
        rolling=tuple(rolling),
        kalshi_series=tuple(tickers),
        groups=await look.groups(),
        topics=_topics(clients, asked.references, listings),
        notes=tuple(look.notes),
    )


class _Look:
    """Gathers what the names stand for."""

    def __init__(
        self, clients: Clients, catalogues: Catalogues, settings: DiscoverySettings, now: Nanos
    ) -> None:
        self.listings: dict[MarketId, Listing] = {}
        self.notes: dict[str, None] = {}
        self._catalogues = catalogues
        self._settings = settings
        self._now = now
        self._has_key = clients.access.kalshi.key_id is not None

    async def pattern(self, pattern: str) -> None:
        """Add the markets of a name or pattern."""
        glob = bool(_GLOB.search(pattern))
        query = pattern
        venues = self._catalogues.venues
        if glob:
            head, colon, rest = pattern.partition(":")
            if colon and head in {POLYMARKET, KALSHI}:
                venues, pattern = (Venue(head),), rest
            query = _words_of(pattern)
        wish = self._wish(query=query, venues=self._with_keys(query, venues))
        seen = await self._search(wish)
        fitting = [each for each in seen.listings if not glob or fnmatchcase(each.slug, pattern)]
        self._add(pattern, seen, fitting)

    async def series(self, name: str) -> None:
        """Add what is listed of a series now."""
        if TICKER.fullmatch(name) and not self._has_key:
            raise AccountError(f"--series {name}: {NO_KEY}")
        seen = await self._search(self._wish(series=name, venues=self._catalogues.venues))
        if not seen.listings:
            raise ConfigError(f"--series {name}: no window of it is listed now: check the name")
        self._add(name, seen, list(seen.listings))

    async def groups(self) -> tuple[EventGroup, ...]:
        """Return the groups that several of the markets are in.

        One that cannot be read is noted: its markets are recorded all the same.
        """
        counted = Counter(each.market.group for each in self.listings.values())
        found: dict[GroupId, EventGroup] = {}
        for group, members in counted.items():
            if group is None or members < 2:
                continue
            venue, _, event = group.partition(":")
            try:
                if venue == KALSHI:
                    seen = await self._catalogues.kalshi.named(event, self._now)
                else:
                    seen = await self._catalogues.polymarket.gamma.event(event, self._now)
            except (TryLater, SkipAndCount) as error:
                self.notes[f"group {group} is left out: {error}"] = None
                continue
            found |= {each.id: each for each in seen.groups}
        return tuple(found.values())

    def _with_keys(self, query: str, venues: tuple[Venue, ...]) -> tuple[Venue, ...]:
        """Return the venues to ask: without a key Kalshi only if the query cannot mean it."""
        if self._has_key or KALSHI not in venues:
            return venues
        if venues == (KALSHI,) or query.startswith((f"{KALSHI}:", "KX")):
            raise AccountError(f"--markets {query}: {NO_KEY}")
        if not query.startswith(f"{POLYMARKET}:") and not _OTHERS.fullmatch(query):
            self.notes[f"kalshi was not searched: {NO_KEY}"] = None
        return tuple(venue for venue in venues if venue != KALSHI)

    async def _search(self, wish: Wish) -> Seen:
        seen = await search(self._catalogues, self._settings, wish, self._now)
        for venue, error in seen.failures.items():
            if not seen.listings:
                raise error
            self.notes[f"{venue} is left out: {error}"] = None
        return seen

    def _add(self, pattern: str, seen: Seen, fitting: Sequence[Listing]) -> None:
        living = [each for each in fitting if each.state not in _OVER and not each.placeholder]
        if not living:
            raise ConfigError(_why_nothing(pattern, seen, fitting))
        if seen.more:
            self.notes[f"{pattern}: {seen.more:,} markets beyond the first {MOST} are left out"] = (
                None
            )
        self.listings |= {each.market.id: each for each in living}

    def _wish(self, *, venues: tuple[Venue, ...], query: str = "", series: str = "") -> Wish:
        return Wish(
            query=query, series=series, venues=venues, ahead=self._settings.ahead, limit=MOST
        )


def _words_of(pattern: str) -> str:
    """Return what to search for, so that the pattern's markets are among what is found."""
    series = pattern.partition("-")[0]
    if series.startswith("KX") and not _GLOB.search(series):
        return series
    words = _GLOB.sub(" ", pattern).replace("-", " ").strip()
    if not words:
        raise ConfigError(f"--markets {pattern!r}: name something besides the asterisk")
    return words


def _why_nothing(pattern: str, seen: Seen, fitting: Sequence[Listing]) -> str:
    """Return one sentence about a name that gives nothing to record."""
    if fitting:
        return f"{pattern!r}: all of it is closed: there is nothing left to record"
    if seen.left_out and not seen.listings:
        count = sum(left.count for left in seen.left_out.values())
        reason = max(seen.left_out, key=lambda each: seen.left_out[each].count)
        return (
            f"{pattern!r}: the configured filter leaves out all {count:,} markets that match "
            f"(mostly because {reason}): name them exactly, or change [discovery]"
        )
    if seen.near:
        return f"no market is called {pattern!r}: the nearest are {', '.join(seen.near)}"
    return f"nothing matches {pattern!r}: use a slug, an id, a ticker, or fewer words"


def _topics(
    clients: Clients, symbols: Sequence[str] | None, listings: Sequence[Listing]
) -> tuple[Topic, ...]:
    """Return the topics of reference prices: each trade of a symbol."""
    if symbols is None:
        return tuple(binance_topics(clients, listings))
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol.upper()):
            raise ConfigError(f"--reference {symbol!r}: write a symbol of Binance such as BTCUSDT")
    if symbols and not clients.access.binance.enabled:
        raise ConfigError("--reference: set venues.binance.enabled to true first")
    return tuple(f"{symbol.lower()}@aggTrade" for symbol in dict.fromkeys(symbols))
