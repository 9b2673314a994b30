"""Rolling up-or-down markets: which windows come next, and what their slugs are.

Slugs, read from the venue's own pages and captures of 2025-10 … 2026-10:

``btc-updown-5m-1791241200``                 5m, 15m, 4h: Unix start of the window
``bitcoin-up-or-down-october-4-2026-5am-et`` 1h: start of the window on New York's clock

5- and 15-minute windows begin at multiples of their length in UTC.  4-hour windows begin at
0, 4, 8 … 20 o'clock in New York: multiples of four hours in UTC in summer only (captures of
2025-11 … 2026-03 begin one hour later).  The year is part of the hourly slug since 2026; without
it a market of 2025 answers.  In the night when clocks go back two hours have the same slug and
the venue listed neither of them (2025-11-02).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from underround.model.errors import ConfigError
from underround.model.frames import NANOS_PER_SECOND
from underround.model.listing import Found, Listing, Window
from underround.model.units import Nanos
from underround.venues.polymarket.gamma.wire import CryptoConfig

Period: TypeAlias = Literal["5m", "15m", "1h", "4h"]

SECONDS: Final[dict[Period, int]] = {"5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400}
_PERIODS: Final[dict[str, Period]] = {str(period): period for period in SECONDS}
NAMES: Final = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "SOL": "solana",
    "XRP": "xrp",
    "DOGE": "dogecoin",
    "BNB": "bnb",
    "HYPE": "hyperliquid",
}
"""How hourly slugs call an asset."""
_ASSETS: Final = {name: asset for asset, name in NAMES.items()}
_HOURLY_SERIES: Final = {"SOL": "solana-up-or-down-hourly"}
"""The one whose hourly series does not begin with the asset's symbol."""
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_STAMPED: Final = re.compile(r"([a-z0-9]{2,10})-updown-(5m|15m|4h)-(\d{10})", re.ASCII)
_HOURLY: Final = re.compile(
    r"([a-z]+)-up-or-down-([a-z]+-\d{1,2})(-\d{4})?-(\d{1,2}[ap]m)-et", re.ASCII
)
_CLOCK_CHANGE_S: Final = 3_600
_MOST: Final = 500


class Rolling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One series, e.g. BTC in windows of 15 minutes."""

    asset: str
    """Upper case, e.g. ``BTC``."""
    period: Period

    def __post_init__(self) -> None:
        if not (self.asset.isascii() and self.asset.isalnum() and self.asset.isupper()):
            raise ConfigError(f"asset {self.asset!r} of a rolling series must be like BTC")
        if self.period == "1h" and self.asset not in NAMES:
            raise ConfigError(
                f"no hourly slug is known for {self.asset}: use one of {', '.join(NAMES)}"
            )

    @property
    def slug(self) -> str:
        """What the venue calls the series, e.g. ``btc-up-or-down-15m``."""
        if self.period == "1h":
            return _HOURLY_SERIES.get(self.asset, f"{self.asset.lower()}-up-or-down-hourly")
        return f"{self.asset.lower()}-up-or-down-{self.period}"


class Planned(msgspec.Struct, frozen=True):
    """A window as the clock says it, whether or not the venue lists it yet."""

    slug: str
    series: Rolling
    start_ns: Nanos
    end_ns: Nanos


@cache
def _new_york() -> ZoneInfo:
    try:
        return ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        raise ConfigError(
            "this machine has no time zone database: install the package tzdata"
        ) from None


def _local(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, tz=_new_york())


def window_start(period: Period, at_ns: Nanos) -> Nanos:
    """Return when the window that holds ``at_ns`` began."""
    at_s = at_ns // NANOS_PER_SECOND
    if period != "4h":
        return (at_s - at_s % SECONDS[period]) * NANOS_PER_SECOND
    local = _local(at_s)
    block = local.replace(hour=local.hour - local.hour % 4, minute=0, second=0, fold=0)
    return int(block.timestamp()) * NANOS_PER_SECOND


def window_end(period: Period, start_ns: Nanos) -> Nanos:
    """Return when the window that began at ``start_ns`` ends, which is when the next begins.

    A 4-hour window over a clock change has 3 or 5 hours: it follows from the rule above, no
    capture of such a night is known.
    """
    if period != "4h":
        return start_ns + SECONDS[period] * NANOS_PER_SECOND
    # Adding to an aware time moves New York's clock, as the windows do.
    end = _local(start_ns // NANOS_PER_SECOND) + timedelta(hours=4)
    return int(end.timestamp()) * NANOS_PER_SECOND


def window_slug(series: Rolling, start_ns: Nanos) -> str:
    """Return the slug of the window that begins at ``start_ns``."""
    start_s = start_ns // NANOS_PER_SECOND
    if series.period != "1h":
        return f"{series.asset.lower()}-updown-{series.period}-{start_s}"
    local = _local(start_s)
    day = f"{_MONTHS[local.month - 1]}-{local.day}-{local.year}"
    half = "am" if local.hour < 12 else "pm"
    return f"{NAMES[series.asset]}-up-or-down-{day}-{local.hour % 12 or 12}{half}-et"


def windows_ahead(series: Rolling, now: Nanos, count: int) -> tuple[Planned, ...]:
    """Return the window that holds ``now`` and the ``count`` windows after it, in order."""
    if not 0 <= count <= _MOST:
        raise ConfigError(f"{count} windows ahead: ask for 0 … {_MOST}")
    planned = []
    start = window_start(series.period, now)
    for _ in range(count + 1):
        end = window_end(series.period, start)
        planned.append(Planned(window_slug(series, start), series, start, end))
        start = end
    return tuple(planned)


def series_of(slug: str) -> Rolling | None:
    """Return the series a market's slug belongs to; ``None``: it is no window of a known one."""
    stamped = _STAMPED.fullmatch(slug)
    if stamped is not None:
        asset = stamped[1].upper()
        return Rolling(asset, _PERIODS[stamped[2]]) if asset.isupper() else None
    hourly = _HOURLY.fullmatch(slug)
    if hourly is not None and hourly[1] in _ASSETS:
        return Rolling(_ASSETS[hourly[1]], "1h")
    return None


def window_of(
    slug: str, starts_ns: Nanos | None, ends_ns: Nanos | None, config: CryptoConfig | None
) -> Window | None:
    """Return the window of a market from its slug, its stated times and ``cryptoMarketConfig``.

    ``None``: it is no up-or-down market of a known kind.  Raises ``ValueError`` when slug, times
    and configuration contradict each other: nobody knows then what such a market decides.
    """
    series = series_of(slug)
    if series is None:
        return _configured(starts_ns, ends_ns, config)
    start = starts_ns
    stamped = _STAMPED.fullmatch(slug)
    if stamped is not None:
        start = int(stamped[3]) * NANOS_PER_SECOND
    if start is None or ends_ns is None:
        raise ValueError("its window has no start or no end")
    if starts_ns is not None and starts_ns != start:
        raise ValueError("its window does not start when its slug says")
    if stamped is None and not _names_hour(slug, series, start):
        raise ValueError("its window does not start when its slug says")
    if not _fits(series.period, start, ends_ns):
        raise ValueError("its window is not as long as its slug says")
    if config is not None and not _agrees(config, series):
        raise ValueError("its slug and its configuration name different windows")
    return Window(series.asset, start, ends_ns, _twap(config), None)


def _names_hour(slug: str, series: Rolling, start: Nanos) -> bool:
    full = window_slug(series, start)
    year = _local(start // NANOS_PER_SECOND).year
    return slug in {full, full.replace(f"-{year}-", "-", 1)}


def _agrees(config: CryptoConfig, series: Rolling) -> bool:
    """Only a word we know can contradict the slug."""
    same_length = config.duration == series.period or config.duration not in _PERIODS
    return same_length and config.asset.upper() == series.asset


def _fits(period: Period, start: Nanos, end: Nanos) -> bool:
    if period == "4h":
        off = abs(end - start - SECONDS[period] * NANOS_PER_SECOND)
        return off in {0, _CLOCK_CHANGE_S * NANOS_PER_SECOND} and end > start
    return end == window_end(period, start)


def _configured(
    starts_ns: Nanos | None, ends_ns: Nanos | None, config: CryptoConfig | None
) -> Window | None:
    """Return the window of a market whose slug says nothing."""
    if config is None or starts_ns is None or ends_ns is None:
        return None
    period = _PERIODS.get(config.duration)
    if period is None or not _fits(period, starts_ns, ends_ns):
        return None
    return Window(config.asset.upper(), starts_ns, ends_ns, _twap(config), None)


def _twap(config: CryptoConfig | None) -> int | None:
    if config is None:
        return None
    if not config.twap_enabled:
        return 0
    if config.twap_lookback_seconds is None or config.twap_lookback_seconds <= 0:
        raise ValueError("it resolves on an average of unknown length")
    return config.twap_lookback_seconds


class AsksBySlug(Protocol):
    """What finding windows needs of the client (``gamma.GammaRest``)."""

    async def markets_by_slug(self, slugs: Sequence[str], now: Nanos) -> Found:
        """Return what the venue lists under these slugs."""


class Ahead(msgspec.Struct, frozen=True):
    """The windows of rolling series that were asked for."""

    found: Found
    planned: dict[str, Planned]
    """Slug → the window, of every listing in ``found``."""
    missing: tuple[Planned, ...]
    """Windows the venue does not list (yet), or refused: ask again with the next look."""


async def find_ahead(gamma: AsksBySlug, series: Iterable[Rolling], now: Nanos, count: int) -> Ahead:
    """Ask for the present window and the ``count`` next ones of each series, by slug.

    A listing is taken only if its own window is the one that was planned; another market that
    answers to the slug is counted in ``found.refused``.
    """
    planned = [window for each in series for window in windows_ahead(each, now, count)]
    found = await gamma.markets_by_slug(tuple(dict.fromkeys(w.slug for w in planned)), now)
    taken: dict[str, Planned] = {}
    kept: list[Listing] = []
    refused = dict(found.refused)
    for listing in found.listings:
        window = _planned_for(listing, planned)
        if window is None:
            reason = "another market answers to the slug of a planned window"
            refused[reason] = refused.get(reason, 0) + 1
            continue
        taken[listing.slug] = window
        kept.append(listing)
    ids = {listing.market.id for listing in kept}
    resolutions = tuple(each for each in found.resolutions if each.market in ids)
    missing = tuple(window for window in planned if window not in taken.values())
    return Ahead(Found(tuple(kept), found.groups, resolutions, refused), taken, missing)


def _planned_for(listing: Listing, planned: Iterable[Planned]) -> Planned | None:
    window = listing.window
    if window is None:
        return None
    for each in planned:
        if (each.slug, each.series.asset) == (listing.slug, window.asset) and (
            each.start_ns == window.start_ns
        ):
            return each
    return None
