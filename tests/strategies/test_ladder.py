"""Depth-walking several books: the closed loop against counting share by share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.fees import FeeCurve, KalshiFees, NoFees, polymarket_fees
from underround.model.units import ONE, usd
from underround.strategies.ladder import Ladder, best_size

CENT = 10_000
LEVELS = st.dictionaries(st.integers(1, 99), st.integers(1, 20), max_size=4)
FEES: st.SearchStrategy[FeeCurve] = st.sampled_from(
    [NoFees(), polymarket_fees("0.03"), polymarket_fees("0.07")]
)


def ladder(levels: dict[int, int], fees: FeeCurve, sign: int) -> Ladder:
    best_first = sorted(levels, reverse=sign < 0)
    return Ladder([(cents * CENT, levels[cents] * ONE) for cents in best_first], fees, sign)


def share_by_share(ladders: list[Ladder], pays: int, threshold: int, most: int) -> int:
    """Count whole sets one by one, as long as the next one earns the threshold."""
    queues = [[price for price, size in one.levels for _ in range(size // ONE)] for one in ladders]
    count = 0
    for prices in zip(*queues, strict=False):
        paid = sum(one.sign * price for one, price in zip(ladders, prices, strict=True))
        fees = sum(
            one.fees.fee(price, ONE, taker=True) for one, price in zip(ladders, prices, strict=True)
        )
        if count == most or pays - paid - fees < threshold:
            break
        count += 1
    return count


@given(
    st.lists(LEVELS, min_size=2, max_size=4),
    st.sampled_from([1, -1]),
    st.integers(0, 10),
    st.integers(1, 40),
)
def test_the_size_is_what_counting_finds(
    books: list[dict[int, int]], sign: int, cents: int, most: int
) -> None:
    """Without fees, size, limits and profit equal a share-by-share count."""
    ladders = [ladder(levels, NoFees(), sign) for levels in books]
    found = best_size(ladders, sign * ONE, cents * CENT, most * ONE, None)
    count = share_by_share(ladders, sign * ONE, cents * CENT, most)
    assert found.size == count * ONE
    queues = [[price for price, size in one.levels for _ in range(size // ONE)] for one in ladders]
    bought = [queue[:count] for queue in queues]
    assert found.profit == sign * (count * ONE - sum(map(sum, bought)))
    if count:
        assert found.limits == tuple(queue[-1] for queue in bought)


@given(st.lists(st.tuples(LEVELS, FEES), min_size=2, max_size=4), st.integers(0, 10))
def test_fees_are_taken_at_each_level(
    books: list[tuple[dict[int, int], FeeCurve]], cents: int
) -> None:
    """Each step is judged on one whole set's fees: the size is what counting finds."""
    ladders = [ladder(levels, fees, 1) for levels, fees in books]
    found = best_size(ladders, ONE, cents * CENT, 1_000 * ONE, None)
    assert found.size == share_by_share(ladders, ONE, cents * CENT, 1_000) * ONE
    assert found.profit * ONE >= cents * CENT * found.size


@given(st.lists(LEVELS, min_size=2, max_size=3), st.integers(1, 30))
def test_no_more_money_than_allowed_is_spent(books: list[dict[int, int]], dollars: int) -> None:
    """The legs together cost at most the bound, and another 0.01 of a set would break it."""
    ladders = [ladder(levels, NoFees(), 1) for levels in books]
    bound = dollars * ONE
    found = best_size(ladders, ONE, 0, 1_000 * ONE, bound)
    free = best_size(ladders, ONE, 0, 1_000 * ONE, None)
    assert found.size - found.profit <= bound + len(books) * 4
    assert found.size <= free.size
    if found.size < free.size:
        assert found.size - found.profit >= bound - ONE // 50


def test_the_last_micro_dollar_of_the_bound_is_spent() -> None:
    """A bound that no whole step fits ends the walk at once, without any margin asked for."""
    legs = [ladder({48: 100}, NoFees(), 1), ladder({49: 100}, NoFees(), 1)]
    found = best_size(legs, ONE, 0, 100 * ONE, usd("9.005"))
    assert usd("9.005") * ONE // usd("0.97") - 1 <= found.size <= usd("9.005") * ONE // usd("0.97")


def test_a_speck_at_the_best_price_does_not_hide_the_depth_behind_it() -> None:
    """A step is judged on a whole set: the fee of 0.0001 shares is nothing but rounding."""
    fees = KalshiFees()
    dusty = Ladder([(45 * CENT, 100), (45 * CENT + 1_000, 50 * ONE)], fees, 1)
    other = Ladder([(45 * CENT, 50 * ONE)], fees, 1)
    found = best_size([dusty, other], ONE, 5 * CENT, 100 * ONE, None)
    assert (found.size, found.limits) == (50 * ONE, (45 * CENT + 1_000, 45 * CENT))


def test_a_size_whose_rounding_ate_the_margin_is_none_at_all() -> None:
    """Where nothing but dust is offered its fees cost more than it earns: size and profit are 0."""
    direct = KalshiFees()
    legs = [Ladder([(40 * CENT, 100)], direct, 1) for _ in range(2)]
    whole = [Ladder([(40 * CENT, 10 * ONE)], direct, 1) for _ in range(2)]
    assert best_size(whole, ONE, usd("0.15"), 10 * ONE, None).size == 10 * ONE
    found = best_size(legs, ONE, usd("0.15"), 10 * ONE, None)
    assert (found.size, found.profit) == (0, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_profit_is_exact(sign: int) -> None:
    """Money of the legs minus the fee of each step taken, to the micro-dollar."""
    fees = KalshiFees()
    levels = {48: 3, 50: 7} if sign < 0 else {40: 3, 41: 7}
    legs = [ladder(levels, fees, sign), ladder(levels, fees, sign)]
    found = best_size(legs, sign * 9 * CENT * 10, 0 if sign > 0 else -ONE, 10 * ONE, None)
    walked = sorted(levels.items(), reverse=sign < 0)
    expected = sum(
        count * (sign * 9 * CENT * 10 - 2 * sign * cents * CENT)
        - 2 * fees.fee(cents * CENT, count * ONE, taker=True, selling=sign < 0)
        for cents, count in walked
    )
    assert (found.size, found.profit) == (10 * ONE, expected)


def test_nothing_qualifies_on_an_empty_or_dear_book() -> None:
    """A missing leg, or a set that earns too little, gives size 0."""
    cheap = ladder({40: 10}, NoFees(), 1)
    assert best_size([cheap, ladder({}, NoFees(), 1)], ONE, 0, ONE * 9, None).size == 0
    assert best_size([cheap, ladder({60: 10}, NoFees(), 1)], ONE, 1, ONE * 9, None).size == 0
    assert best_size([cheap, ladder({60: 10}, NoFees(), 1)], ONE, 0, ONE * 9, None).size == ONE * 9


def test_the_fee_of_kalshi_s_taker_is_counted() -> None:
    """0.97 a set minus 0.0168 of fees each earns less than 0.01 after both legs."""
    legs = [ladder({48: 100}, KalshiFees(), 1), ladder({49: 100}, KalshiFees(), 1)]
    assert best_size(legs, ONE, 0, ONE * 100, None).size == 0
    free = [ladder({48: 100}, NoFees(), 1), ladder({49: 100}, NoFees(), 1)]
    assert best_size(free, ONE, usd("0.03"), ONE * 100, None).profit == usd("3")
