"""Bodies of answers about liquidity rewards and maker rebates → values.

Sources: docs.polymarket.com/api-reference and the models of ``polymarket-client`` 0.14.0, 2026-10.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.market import CENT
from underround.model.units import ONE, Money, Nanos, Price, Size
from underround.venues.polymarket.numbers import absent, at, exact, micros, moment, read_body
from underround.venues.words import venue_words


class RewardConfig(msgspec.Struct, frozen=True):
    """A market's liquidity rewards now."""

    condition: str
    min_size: Size
    max_spread: Price
    """Largest distance from the midpoint, in micro-dollars."""
    daily: Money
    """Paid per day to all makers of the market."""
    competitiveness: Decimal | None
    """The venue's own measure; ``None`` where the list has none."""


class Earning(msgspec.Struct, frozen=True):
    """Liquidity rewards of one market and day."""

    condition: str
    asset: str
    at_ns: Nanos
    earned: Decimal
    """In units of ``asset``, as stated: a share of a pot, finer than a millionth."""


class Rebate(msgspec.Struct, frozen=True):
    """Maker rebates of one market and day, in micro-dollars."""

    condition: str
    asset: str
    day: str
    amount: Money


class _RateOfDay(msgspec.Struct):
    rate_per_day: msgspec.Raw


class _RewardRow(msgspec.Struct):
    condition_id: str
    rewards_max_spread: msgspec.Raw
    rewards_min_size: msgspec.Raw
    rewards_config: tuple[_RateOfDay, ...] = ()
    total_daily_rate: msgspec.Raw = msgspec.Raw()
    market_competitiveness: msgspec.Raw = msgspec.Raw()


class _EarningRow(msgspec.Struct):
    condition_id: str
    asset_address: str
    date: msgspec.Raw
    earnings: msgspec.Raw


class _RebateRow(msgspec.Struct):
    date: str
    condition_id: str
    asset_address: str
    rebated_fees_usdc: msgspec.Raw


_reward_rows = msgspec.json.Decoder(tuple[_RewardRow, ...]).decode
_earning_rows = msgspec.json.Decoder(tuple[_EarningRow, ...]).decode
_rebate_rows = msgspec.json.Decoder(tuple[_RebateRow, ...]).decode


def reward_configs(rows: bytes, place: str) -> tuple[RewardConfig, ...]:
    """Return the rewards of each market of a page's ``data``."""
    read = read_body(_reward_rows, rows, place)
    return tuple(_reward(row, f"[{number}]", place) for number, row in enumerate(read))


def _reward(row: _RewardRow, path: str, place: str) -> RewardConfig:
    spread, rest = divmod(
        at(place, path + ".rewards_max_spread", micros, row.rewards_max_spread) * CENT, ONE
    )
    if rest:
        raise AnswerRefused(f"{place}: a reward spread finer than a millionth - at `${path}`")
    if not absent(row.total_daily_rate):
        daily = at(place, path + ".total_daily_rate", micros, row.total_daily_rate)
    else:
        daily = sum(
            at(place, f"{path}.rewards_config[{number}]", micros, config.rate_per_day)
            for number, config in enumerate(row.rewards_config)
        )
    size = at(place, path + ".rewards_min_size", micros, row.rewards_min_size)
    rivals = row.market_competitiveness
    return RewardConfig(
        row.condition_id,
        size,
        spread,
        daily,
        None if absent(rivals) else at(place, path + ".market_competitiveness", exact, rivals),
    )


def earnings(rows: bytes, place: str) -> tuple[Earning, ...]:
    """Return the liquidity rewards of a page's ``data``."""
    return tuple(
        Earning(
            row.condition_id,
            row.asset_address,
            at(place, f"[{number}].date", moment, row.date),
            at(place, f"[{number}].earnings", exact, row.earnings),
        )
        for number, row in enumerate(read_body(_earning_rows, rows, place))
    )


def rebates(body: bytes, place: str) -> tuple[Rebate, ...]:
    """Return the maker rebates of a day."""
    return tuple(
        Rebate(
            row.condition_id,
            row.asset_address,
            venue_words(row.date),
            at(place, f"[{number}].rebated_fees_usdc", micros, row.rebated_fees_usdc),
        )
        for number, row in enumerate(read_body(_rebate_rows, body, place))
    )
