"""Kalshi's series, events and markets → listings, event groups and resolutions.  Pure.

Source: docs.kalshi.com, market_lifecycle, market_settlement; checks of 2026-09-26.  A market's
tokens are its ticker with ``:yes`` and ``:no`` (the venue has none), its group is its event where
the event's markets exclude each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.events import FeesChanged
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import KALSHI, GroupId
from underround.model.listing import FeeEpoch, Found, Listing, ListingState, Window
from underround.model.market import CENT, EventGroup, Market, Resolution, TickEpoch
from underround.model.units import ONE, Nanos, Price
from underround.venues.kalshi.catalogue_answers import (
    EventAnswer,
    EventFeeChange,
    MarketAnswer,
    SeriesAnswer,
    SeriesFeeChange,
)
from underround.venues.kalshi.fees import FeeTerms, Rounding, fee_epochs, in_force, upcoming
from underround.venues.kalshi.fixed_point import plain
from underround.venues.kalshi.levels import tick_epoch
from underround.venues.kalshi.portfolio_answers import CURRENCY
from underround.venues.kalshi.sides import market_id

_STATES: Final[dict[str, ListingState]] = {
    "initialized": "unopened",
    "active": "open",
    "inactive": "paused",
    "closed": "closed",
    "determined": "closed",
    "disputed": "closed",
    "amended": "closed",
    "finalized": "resolved",
}
"""``determined`` and ``disputed``: a result is told that may still be amended."""
_KINDS: Final = frozenset(("binary", "scalar"))
_BOUNDS: Final = frozenset((None, "", "default"))
"""With a settlement floor the venue moves cash before the end, which no ledger of ours follows."""
_QUARTER_HOUR: Final = re.compile(r"KX([A-Z]+)15M", re.ASCII)
_QUARTER_HOUR_S: Final = 900
_AVERAGED_S: Final = 60
"""KX…15M compares the mean of 60 seconds before its start with that before its end."""


class Told(msgspec.Struct, frozen=True):
    """Everything the venue told about a set of markets at one time."""

    series: Mapping[str, SeriesAnswer]
    """By ticker."""
    events: Mapping[str, EventAnswer]
    """By ticker."""
    series_changes: Sequence[SeriesFeeChange]
    event_changes: Sequence[EventFeeChange]
    now: Nanos
    rounding: Rounding = "direct"


def group_id(event_ticker: str) -> GroupId:
    """Return the id of an event's group."""
    return GroupId(f"{KALSHI}:{event_ticker}")


def event_ticker_of(market: Market) -> str:
    """Return the event of a market: its group, or the ticker without its last part."""
    if market.group is not None:
        return market.group.partition(":")[2]
    return market.id.native.rpartition("-")[0]


def epochs_of(told: MarketAnswer, about: Told) -> tuple[FeeEpoch, ...]:
    """Return a market's fees in order of time, scheduled ones included.

    Raises ``AnswerRefused`` when its event or series was not told.
    """
    event, series = _parents(told, about)
    changes: list[SeriesFeeChange | EventFeeChange] = [
        *(each for each in about.series_changes if each.series_ticker == series.ticker),
        *(each for each in about.event_changes if each.event_ticker == event.event_ticker),
    ]
    return fee_epochs(
        FeeTerms(series.fee_type, series.fee_multiplier),
        FeeTerms(event.fee_type_override, event.fee_multiplier_override),
        changes,
        about.now,
        waived_until=told.fee_waiver_expiration_time,
        rounding=about.rounding,
    )


def fees_ahead(told: MarketAnswer, about: Told) -> tuple[FeesChanged, ...]:
    """Return the fee changes that are scheduled for a market."""
    market = market_id(told.ticker)
    ahead = upcoming(epochs_of(told, about), about.now)
    return tuple(FeesChanged(market, each.since_ns, each.fees) for each in ahead)


def listing(told: MarketAnswer, about: Told) -> Listing:
    """Return a market's listing; raises ``AnswerRefused`` for what cannot be traded safely.

    ``fee_history`` ends with the fees of now; later ones are ``fees_ahead``.  Volumes are
    contracts, which is dollars of payout.
    """
    event, series = _parents(told, about)
    state = _state(told)
    history = in_force(epochs_of(told, about), about.now)
    market = Market(
        id=market_id(told.ticker),
        title=told.title if not told.yes_sub_title else f"{told.title} ({told.yes_sub_title})",
        outcomes=("Yes", "No"),
        tokens=(f"{told.ticker}:yes", f"{told.ticker}:no"),
        currency=CURRENCY,
        ticks=(_ticks(told),),
        min_size=CENT,
        size_step=CENT,
        fees=history[-1].fees,
        opens_ns=told.open_time,
        closes_ns=told.close_time,
        group=group_id(event.event_ticker) if event.mutually_exclusive else None,
        neg_risk=False,
    )
    _tradable(told)
    listed = Listing(
        market=market,
        slug=told.ticker,
        state=state,
        rules=f"{told.rules_primary}\n\n{told.rules_secondary}".strip(),
        resolution_source=", ".join(each.name for each in series.settlement_sources or ()),
        tags=tuple(dict.fromkeys(each for each in (series.category, *(series.tags or ())) if each)),
        series=series.ticker,
        ends_ns=told.expected_expiration_time or told.latest_expiration_time,
        volume=told.volume_fp,
        volume_24h=told.volume_24h_fp,
        fee_history=history,
        window=window(told),
        shard=_shard(told, event, series),
    )
    return plain(listed)


def window(told: MarketAnswer) -> Window | None:
    """Return the window of a ``KX…15M`` market; ``None`` for any other market.

    Such a market closes with its window; one whose close does not lie on a quarter of an hour, as
    its ticker says it does, was closed otherwise and has no window we could state.
    """
    match = _QUARTER_HOUR.fullmatch(told.ticker.partition("-")[0])
    if match is None or told.strike_type != "greater_or_equal":
        return None
    end_s, off = divmod(told.close_time, NANOS_PER_SECOND)
    minute = end_s // 60 % 60
    if off or end_s % _QUARTER_HOUR_S or not told.ticker.endswith(f"-{minute:02d}"):
        return None
    start_ns = (end_s - _QUARTER_HOUR_S) * NANOS_PER_SECOND
    return Window(match[1], start_ns, told.close_time, _AVERAGED_S, told.floor_strike)


def resolution(told: MarketAnswer) -> Resolution | None:
    """Return how a market ended; ``None`` until it is paid.

    Raises ``AnswerRefused`` when result and settlement value contradict each other.
    """
    if _state(told) != "resolved":
        return None
    if told.settlement_ts is None:
        raise AnswerRefused(f"{told.ticker} is finalized without settlement_ts: ask again")
    yes = _paid(told)
    source = f"kalshi result {told.result}"
    return Resolution(
        market_id(told.ticker), int(told.settlement_ts), (int(yes), ONE - yes), source
    )


def group(
    event: EventAnswer, tickers: Iterable[str], exhaustive_because: str | None = None
) -> EventGroup | None:
    """Return the group of an event whose markets exclude each other; ``None`` for any other.

    Kalshi does not say whether one of them must resolve YES: without a proof of the caller's the
    group is not exhaustive.
    """
    if not event.mutually_exclusive:
        return None
    return EventGroup(
        id=group_id(event.event_ticker),
        title=event.title,
        markets=tuple(market_id(ticker) for ticker in tickers),
        neg_risk=False,
        augmented=False,
        exhaustive_because=exhaustive_because,
    )


def found(markets: Iterable[MarketAnswer], about: Told) -> Found:
    """Return the catalogue of some markets; rows that cannot be used are counted by reason."""
    listings: list[Listing] = []
    resolutions: list[Resolution] = []
    members: dict[str, list[str]] = {}
    refused: dict[str, int] = {}
    for told in markets:
        try:
            each, ended = listing(told, about), resolution(told)
        except AnswerRefused as error:
            refused[str(error)] = refused.get(str(error), 0) + 1
            continue
        listings.append(each)
        members.setdefault(told.event_ticker, []).append(told.ticker)
        if ended is not None:
            resolutions.append(ended)
    groups = (group(about.events[event], tickers) for event, tickers in members.items())
    return Found(
        tuple(listings),
        tuple(each for each in groups if each is not None),
        tuple(resolutions),
        refused,
    )


# --- the parts ---------------------------------------------------------------------------------


def _parents(told: MarketAnswer, about: Told) -> tuple[EventAnswer, SeriesAnswer]:
    event = about.events.get(told.event_ticker)
    if event is None:
        raise AnswerRefused(f"event {told.event_ticker} of a market was not told: load it")
    series = about.series.get(event.series_ticker)
    if series is None:
        raise AnswerRefused(f"series {event.series_ticker} of an event was not told: load it")
    return event, series


def _state(told: MarketAnswer) -> ListingState:
    state = _STATES.get(told.status)
    if state is None:
        raise AnswerRefused(f"{told.ticker} has the unknown status {told.status!r}: left out")
    return state


def _tradable(told: MarketAnswer) -> None:
    if told.notional_value_dollars != ONE:
        raise AnswerRefused(f"{told.ticker} does not pay one dollar a contract: left out")
    if told.market_type not in _KINDS:
        raise AnswerRefused(f"{told.ticker} is of unknown type {told.market_type!r}: left out")
    if told.settlement_bounds_type not in _BOUNDS:
        raise AnswerRefused(
            f"{told.ticker} has the settlement bounds {told.settlement_bounds_type!r}: left out"
        )


def _ticks(told: MarketAnswer) -> TickEpoch:
    try:
        return tick_epoch(told.price_ranges, 0)
    except ValueError as error:
        raise AnswerRefused(f"{told.ticker} has no usable price_ranges ({error})") from None


def _shard(told: MarketAnswer, event: EventAnswer, series: SeriesAnswer) -> int | None:
    stated = (told.exchange_index, event.exchange_index, series.exchange_index)
    return next((shard for shard in stated if shard is not None), None)


def _paid(told: MarketAnswer) -> Price:
    value = told.settlement_value_dollars
    if told.result == "scalar":
        if value is None:
            raise AnswerRefused(f"{told.ticker} is scalar without settlement_value_dollars")
        return value
    if told.result not in {"yes", "no"}:
        raise AnswerRefused(f"{told.ticker} is finalized with the result {told.result!r}")
    yes = ONE if told.result == "yes" else 0
    if value is not None and value != yes:
        raise AnswerRefused(f"{told.ticker} has result {told.result} and settles at {value}")
    return yes
