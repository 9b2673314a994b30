"""What a row of Gamma says about trading: price grid, sizes, fees, rewards, delay.

Every figure is read from its own text, and none has a default.  Reasons of refusal name the field
and never its value, so that they can be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.fees import FeeCurve, NoFees, PolymarketFees
from underround.model.listing import RewardTerms
from underround.model.market import TickEpoch, uniform_ticks
from underround.model.units import ONE, Money, Nanos
from underround.venues.polymarket.gamma.wire import (
    FeeSchedule,
    MarketRow,
    Reward,
    exact,
    stamp,
    texts,
)

T = TypeVar("T")

_LEGACY_FEES: Final = PolymarketFees(250_000, 2)
"""Rate 0.25, exponent 2: crypto markets of January … March 2026, before rows had a schedule."""
_LEGACY_TYPES: Final = frozenset(("crypto_15_min", "crypto_fees"))
_HIGHEST_EXPONENT: Final = 8
_LONGEST_DELAY_S: Final = 3_600
_DAY_NS: Final = 86_400_000_000_000


def read(name: str, parse: Callable[[T], int | None], value: T) -> int | None:
    """Return ``parse(value)``; its ``ValueError`` becomes ``AnswerRefused`` naming the field."""
    try:
        return parse(value)
    except ValueError:
        raise AnswerRefused(f"`{name}` cannot be read") from None


def filled(name: str, text: str) -> str:
    """Return a text that must say something."""
    if not text.strip():
        raise AnswerRefused(f"`{name}` is empty")
    return text


def pair(name: str, text: str | None) -> tuple[str, str]:
    """Return the two strings of a list written as JSON text inside a string."""
    if text is None:
        raise AnswerRefused(f"`{name}` is missing")
    try:
        values = texts(text)
    except (ValueError, RecursionError):
        raise AnswerRefused(f"`{name}` is no JSON list of strings") from None
    return two(name, values)


def two(name: str, values: Sequence[str]) -> tuple[str, str]:
    """Return the two entries of a list; there must be no fewer and no more."""
    if len(values) != 2:
        raise AnswerRefused(f"`{name}` does not hold two outcomes")
    return values[0], values[1]


def above_zero(name: str, raw: msgspec.Raw) -> int:
    """Return a JSON number above zero, in millionths."""
    value = read(name, exact, raw)
    if value is None or value <= 0:
        raise AnswerRefused(f"`{name}` is not above zero")
    return value


def ticks(row: MarketRow) -> TickEpoch:
    """Return the price grid as it was when the row was made; the CLOB knows the present one."""
    step = above_zero("orderPriceMinTickSize", row.order_price_min_tick_size)
    if step >= ONE or ONE % step:
        raise AnswerRefused("`orderPriceMinTickSize` is no price grid")
    return uniform_ticks(f"0.{step:06d}")


def fees(row: MarketRow, *, archive: bool) -> FeeCurve:
    """Return what takers pay; the legacy ``…BaseFee`` fields are noise and never read."""
    if not row.fees_enabled:
        return NoFees()
    schedule = row.fee_schedule
    if schedule is None:
        if archive and row.fee_type in _LEGACY_TYPES:
            return _LEGACY_FEES
        raise AnswerRefused("`feeSchedule` is missing although fees are enabled")
    rate = read("feeSchedule.rate", exact, schedule.rate)
    exponent = read("feeSchedule.exponent", exact, schedule.exponent)
    if rate is None or not 0 <= rate <= ONE:
        raise AnswerRefused("`feeSchedule.rate` is not within 0 … 1")
    if exponent is None or exponent % ONE or not 0 <= exponent <= _HIGHEST_EXPONENT * ONE:
        raise AnswerRefused("`feeSchedule.exponent` is no small whole number")
    if not schedule.taker_only:
        raise AnswerRefused("`feeSchedule.takerOnly` is false: what makers pay is not known")
    return PolymarketFees(rate, exponent // ONE) if rate else NoFees()


def rebate(schedule: FeeSchedule | None) -> int | None:
    """Return the share of the fees that makers get back, in millionths."""
    if schedule is None:
        return None
    share = read("feeSchedule.rebateRate", exact, schedule.rebate_rate)
    if share is None or not 0 <= share <= ONE:
        raise AnswerRefused("`feeSchedule.rebateRate` is not within 0 … 1")
    return share


def rewards(row: MarketRow, now: Nanos) -> RewardTerms | None:
    """Return the terms of liquidity rewards; ``None`` where there are none.

    The minimum age of an order is told by the CLOB only.
    """
    min_size = read("rewardsMinSize", exact, row.rewards_min_size)
    cents = read("rewardsMaxSpread", exact, row.rewards_max_spread)
    if not min_size and not cents:
        return None
    if min_size is None or min_size < 0:
        raise AnswerRefused("`rewardsMinSize` is no size")
    if cents is None or cents % 100 or not 0 <= cents <= 100 * ONE:
        raise AnswerRefused("`rewardsMaxSpread` is no distance in cents")
    return RewardTerms(min_size, cents // 100, None, _daily(row.clob_rewards, now))


def _daily(rewards: list[Reward] | None, now: Nanos) -> Money | None:
    """Return what is paid per day now, over all rewards whose days hold ``now``."""
    if rewards is None:
        return None
    total = 0
    for reward in rewards:
        first = read("clobRewards.startDate", stamp, reward.start_date)
        last = read("clobRewards.endDate", stamp, reward.end_date)
        rate = read("clobRewards.rewardsDailyRate", exact, reward.rewards_daily_rate)
        if first is None or rate is None or rate < 0:
            raise AnswerRefused("`clobRewards` does not say what is paid from when")
        if first <= now and (last is None or now < last + _DAY_NS):
            total += rate
    return total


def delay(row: MarketRow) -> int | None:
    """Return how long a taker is held, in ms; crypto's delay is told by the CLOB only."""
    if row.seconds_delay is None:
        return None
    if not 0 <= row.seconds_delay <= _LONGEST_DELAY_S:
        raise AnswerRefused("`secondsDelay` is no delay")
    return row.seconds_delay * 1_000
