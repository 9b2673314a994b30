"""Rows of the catalogue for markets that are made up: ids, rules, fees, windows."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from underround.local_venue.catalogue import LocalEvent, question_ids
from underround.model.errors import ConfigError
from underround.model.fees import FeeCurve, KalshiFees, polymarket_fees
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import KALSHI, POLYMARKET, GroupId, MarketId
from underround.model.listing import FeeEpoch, Listing, Window
from underround.model.market import CENT, Market, TickBand, TickEpoch, uniform_ticks
from underround.model.units import ONE, Nanos, Size, shares

CRYPTO_DELAY_MS: Final = 150
CRYPTO_FEES: Final = polymarket_fees("0.07")
CRYPTO_REBATE: Final = 200_000
GROUP_FEES: Final = polymarket_fees("0.05")
GROUP_REBATE: Final = 250_000
GAME_FEES: Final = polymarket_fees("0.05")
GAME_REBATE: Final = 150_000
MIN_SIZE: Final[Size] = shares("5")
TAPERED: Final = TickEpoch(
    0,
    (
        TickBand(0, 100_000, 1_000),
        TickBand(100_000, 900_000, CENT),
        TickBand(900_000, ONE, 1_000),
    ),
)
"""Kalshi's ``tapered_deci_cent``: the grid of all its quarter-hour crypto markets."""
_CRYPTO_SHARD: Final = 2
"""Where Kalshi trades crypto."""
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                  "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")  # fmt: skip


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be listed; the rest follows."""

    slug: str
    title: str
    rules: str
    outcomes: tuple[str, str] = ("Yes", "No")
    tick: str = "0.01"
    min_size: Size = MIN_SIZE
    fees: FeeCurve = GROUP_FEES
    rebate: int = GROUP_REBATE
    delay_ms: int = 0
    group: GroupId | None = None
    neg_risk: bool = False
    opens_ns: Nanos
    ends_ns: Nanos | None = None
    game_starts_ns: Nanos | None = None
    source: str = ""
    tags: tuple[str, ...] = ()
    series: str = ""
    window: Window | None = None


def polymarket_listing(draft: Draft, event: LocalEvent | None = None) -> tuple[Listing, str]:
    """Return a market's row and its question id; both follow from the slug.

    A neg-risk market's follow from its event and its place in it, as at the neg-risk adapter.
    """
    place = None if event is None else (event.slug, len(event.markets))
    question, condition, tokens = question_ids(draft.slug, draft.neg_risk, place)
    market = Market(
        id=MarketId(POLYMARKET, condition),
        title=draft.title,
        outcomes=draft.outcomes,
        tokens=tokens,
        currency="pUSD",
        ticks=(uniform_ticks(draft.tick),),
        min_size=draft.min_size,
        size_step=CENT,
        fees=draft.fees,
        opens_ns=draft.opens_ns,
        closes_ns=None,
        group=draft.group,
        neg_risk=draft.neg_risk,
    )
    listing = Listing(
        market=market,
        slug=draft.slug,
        state="open",
        protocol="v1",
        rules=draft.rules,
        resolution_source=draft.source,
        tags=draft.tags,
        series=draft.series,
        ends_ns=draft.ends_ns,
        game_starts_ns=draft.game_starts_ns,
        fee_history=(FeeEpoch(0, draft.fees),),
        maker_rebate=draft.rebate,
        taker_delay_ms=draft.delay_ms,
        window=draft.window,
        updated_ns=draft.opens_ns,
    )
    return listing, question


def kalshi_listing(
    ticker: str, draft: Draft, *, closes_ns: Nanos | None, ticks: TickEpoch
) -> Listing:
    """Return the row of a Kalshi market; ``draft`` gives the words and the times."""
    fees = KalshiFees()
    market = Market(
        id=MarketId(KALSHI, ticker),
        title=draft.title,
        outcomes=("Yes", "No"),
        tokens=(f"{ticker}:yes", f"{ticker}:no"),
        currency="USD",
        ticks=(ticks,),
        min_size=CENT,
        size_step=CENT,
        fees=fees,
        opens_ns=draft.opens_ns,
        closes_ns=closes_ns,
        group=draft.group,
        neg_risk=False,
    )
    return Listing(
        market=market,
        slug=ticker,
        state="open",
        rules=draft.rules,
        resolution_source=draft.source,
        tags=draft.tags,
        series=draft.series,
        ends_ns=draft.ends_ns,
        fee_history=(FeeEpoch(0, fees),),
        window=draft.window,
        shard=0 if draft.window is None else _CRYPTO_SHARD,
        updated_ns=draft.opens_ns,
    )


def kalshi_tickers(asset: str, end_ns: Nanos) -> tuple[str, str, str]:
    """Return series, event and market ticker of the quarter of an hour that ends at ``end_ns``.

    The date and time in a ticker are those of the close on New York's clock.
    """
    close = datetime.fromtimestamp(end_ns // NANOS_PER_SECOND, tz=UTC).astimezone(_new_york())
    series = f"KX{asset}15M"
    day = f"{close.year % 100:02d}{_MONTHS[close.month - 1]}{close.day:02d}"
    event = f"{series}-{day}{close.hour:02d}{close.minute:02d}"
    return series, event, f"{event}-{close.minute:02d}"


def up_or_down_rules(asset: str) -> str:
    """Return the text that decides a Polymarket window."""
    return (
        f'This market resolves to "Up" if the 60-second average price of {asset} at the end of the '
        "time range in the title is greater than or equal to the one at its beginning. Otherwise "
        'it resolves to "Down".\nThe average is the one of the local venue: the mean of the '
        "reference price at each of the sixty full seconds before."
    )


@cache
def _new_york() -> ZoneInfo:
    try:
        return ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        raise ConfigError(
            "this machine has no time zone database: install the package tzdata"
        ) from None
