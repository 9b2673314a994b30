"""The venue's rounding: every vector of the official SDK, and what must hold for any number."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.book import Side
from underround.model.errors import OffGrid
from underround.model.fees import NoFees, PolymarketFees, polymarket_fees
from underround.model.units import ONE, parse_micros
from underround.venues.polymarket.amounts import (
    CENT,
    FINEST_TICK,
    SHARE_STEPS,
    SIZE_STEP,
    Amounts,
    budget_amounts,
    budget_before_fees,
    budget_of,
    limit_amounts,
)

TICKS = st.sampled_from(sorted(SHARE_STEPS))
MICROS = st.integers(1, 10**13)
ON_GRID = TICKS.flatmap(
    lambda tick: st.tuples(st.integers(1, ONE // tick - 1).map(lambda n: n * tick), st.just(tick))
)
"""A price and its tick."""


@pytest.fixture(scope="module")
def vectors(fixtures: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, Any] = json.loads((fixtures / "polymarket_signing.json").read_text())
    return found


def stated(row: dict[str, str]) -> Amounts:
    return Amounts(int(row["makerAmount"]), int(row["takerAmount"]))


def side_of(row: dict[str, str]) -> Side:
    return "buy" if row["side"] == "BUY" else "sell"


def test_limit_amounts_are_those_of_the_official_sdk(
    vectors: dict[str, list[dict[str, str]]],
) -> None:
    rows = vectors["limit_amounts"]
    assert {row["tick"] for row in rows} == {"0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"}
    for row in rows:
        price, size, tick = (parse_micros(row[name]) for name in ("price", "size", "tick"))
        assert limit_amounts(side_of(row), price, size, tick) == stated(row), row


def test_market_amounts_are_those_of_the_official_sdk(
    vectors: dict[str, list[dict[str, str]]],
) -> None:
    assert len(vectors["market_amounts"]) == 20
    for row in vectors["market_amounts"]:
        price, amount, tick = (parse_micros(row[name]) for name in ("price", "amount", "tick"))
        if row["side"] == "BUY":
            assert budget_amounts(price, amount, tick) == stated(row), row
        else:
            assert limit_amounts("sell", price, amount, tick) == stated(row), row


@given(ON_GRID, MICROS, st.sampled_from(("buy", "sell")))
def test_a_limit_order_is_exactly_at_its_price_and_never_larger(
    at: tuple[int, int], size: int, side: Side
) -> None:
    price, tick = at
    if size < SIZE_STEP:
        with pytest.raises(OffGrid, match=r"less than 0\.01 share"):
            limit_amounts(side, price, size, tick)
        return
    maker, taker = limit_amounts(side, price, size, tick)
    quote, shares = (maker, taker) if side == "buy" else (taker, maker)
    assert quote * ONE == price * shares
    assert 0 <= size - shares < SIZE_STEP
    assert shares % SIZE_STEP == 0


@given(ON_GRID, st.integers(1, 10**10))
def test_a_budget_is_kept_and_no_ask_above_the_limit_can_be_lifted(
    at: tuple[int, int], budget: int
) -> None:
    price, tick = at
    cents = budget - budget % CENT
    shares = cents * ONE // price // SHARE_STEPS[tick] * SHARE_STEPS[tick]
    too_dear = not shares or Fraction(cents, shares) >= Fraction(price + FINEST_TICK, ONE)
    try:
        spent, asked = budget_amounts(price, budget, tick)
    except OffGrid:
        assert not cents or too_dear
        return
    assert not too_dear
    assert spent == cents <= budget
    assert asked % SHARE_STEPS[tick] == 0
    assert Fraction(price, ONE) <= Fraction(spent, asked) < Fraction(price + FINEST_TICK, ONE)
    assert asked + SHARE_STEPS[tick] > Fraction(spent * ONE, price)


@given(ON_GRID, MICROS)
def test_a_size_turned_into_dollars_never_buys_more_at_its_limit(
    at: tuple[int, int], size: int
) -> None:
    price, tick = at
    budget = budget_of(price, size)
    assert budget % CENT == 0
    assert budget * ONE <= price * size < (budget + CENT) * ONE
    try:
        assert budget_amounts(price, budget, tick).taker <= size
    except OffGrid:
        assert budget < 10_000_000  # only the smallest orders cannot be kept on the grid


@pytest.mark.parametrize(
    "price,tick",
    [
        (0, 10_000),
        (ONE, 10_000),
        (-10_000, 10_000),
        (5_000, 10_000),
        (995_000, 10_000),
        (525_000, 10_000),
        (520_001, 1_000),
        (997_500, 5_000),
    ],
)
def test_a_price_off_the_grid_is_refused_before_it_is_signed(price: int, tick: int) -> None:
    with pytest.raises(OffGrid, match="is no multiple of"):
        limit_amounts("buy", price, 10 * ONE, tick)
    with pytest.raises(OffGrid, match="is no multiple of"):
        budget_amounts(price, 10 * ONE, tick)


@pytest.mark.parametrize("tick", [0, 1, 20_000, ONE, -10_000])
def test_a_tick_the_venue_does_not_have_is_refused(tick: int) -> None:
    with pytest.raises(OffGrid, match="has no tick of"):
        limit_amounts("buy", 500_000, ONE, tick)


@pytest.mark.parametrize("budget", [0, -ONE, CENT - 1])
def test_a_budget_below_a_cent_buys_nothing(budget: int) -> None:
    with pytest.raises(OffGrid, match="buys nothing"):
        budget_amounts(500_000, budget, 10_000)


def test_a_budget_too_small_for_the_coarsest_grid_is_refused() -> None:
    """One dollar and a cent at 0.9 asks for 1.122 shares: 0.90018 each, above the next price."""
    with pytest.raises(OffGrid, match=r"cannot be kept below the price after 0\.9"):
        budget_amounts(900_000, 1_010_000, 100_000)


CURVES = st.builds(PolymarketFees, rate=st.integers(0, 300_000), exponent=st.integers(0, 3))


@given(ON_GRID, st.integers(CENT, 10**11), CURVES, st.integers(0, 100), st.data())
def test_money_and_fees_stay_within_the_total_at_every_price_it_may_fill_at(
    at: tuple[int, int], total: int, fees: PolymarketFees, builder_bps: int, data: st.DataObject
) -> None:
    price, _ = at
    lowest = data.draw(st.integers(1, price), label="lowest")
    spent = budget_before_fees(total, price, fees, builder_bps, lowest)
    filled = Fraction(data.draw(st.integers(lowest, price), label="filled"), ONE)
    curve = Fraction(fees.rate, ONE) * (filled * (1 - filled)) ** fees.exponent
    assert spent * (1 + curve / filled + Fraction(builder_bps, 10_000)) <= total


@given(ON_GRID, st.integers(CENT, 10**11), CURVES, st.integers(0, 100))
def test_nothing_is_left_unspent_when_it_fills_at_its_limit(
    at: tuple[int, int], total: int, fees: PolymarketFees, builder_bps: int
) -> None:
    price = Fraction(at[0], ONE)
    spent = budget_before_fees(total, at[0], fees, builder_bps)
    curve = Fraction(fees.rate, ONE) * (price * (1 - price)) ** fees.exponent
    cost = 1 + curve / price + Fraction(builder_bps, 10_000)
    assert spent * cost <= total < (spent + 1) * cost


def test_a_market_without_fees_leaves_the_budget_whole() -> None:
    assert budget_before_fees(10 * ONE, 500_000, NoFees()) == 10 * ONE
    assert budget_before_fees(10 * ONE, 500_000, polymarket_fees("0")) == 10 * ONE
    assert budget_before_fees(101 * ONE, 500_000, NoFees(), builder_bps=100) == 100 * ONE


@pytest.mark.parametrize("price,lowest", [(0, None), (ONE, None), (500_000, 0), (400_000, 500_000)])
def test_fees_of_an_impossible_price_are_not_made_up(price: int, lowest: int | None) -> None:
    with pytest.raises(OffGrid, match="no fee is defined"):
        budget_before_fees(ONE, price, polymarket_fees("0.05"), lowest=lowest)
