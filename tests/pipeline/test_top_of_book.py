"""The least size that a summary of a book proves."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from underround.pipeline.importers.top_of_book import PROBE, SMALLEST, least_size

HUNDREDTH = 10_000


@given(
    st.sampled_from([1_000, 10_000]),
    st.integers(1, 600),
    st.lists(st.integers(1, 300_000), min_size=1, max_size=6),
    st.lists(st.integers(1, 5), min_size=6, max_size=6),
)
def test_never_more_than_what_rests_at_the_best_ask(
    step: int, ticks: int, hundredths: list[int], gaps: list[int]
) -> None:
    """For any book the bound from its own average price is at most the true size."""
    price, levels = ticks * step, []
    for size, gap in zip(hundredths, gaps, strict=False):
        levels.append((price, size * HUNDREDTH))
        price += gap * step
    assume(levels[-1][0] < 1_000_000)
    left, bought = Decimal(PROBE), Decimal(0)
    for at, size in levels:
        spent = min(left, Decimal(at * size) / 1_000_000)
        bought += spent * 1_000_000 / at
        left -= spent
    average = None
    if not left:
        exact = Decimal(PROBE) * 1_000_000 / bought
        average = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    assert SMALLEST <= least_size(levels[0][0], average, step) <= levels[0][1]


def test_an_average_at_the_ask_proves_almost_a_hundred_dollars() -> None:
    """When 100 dollars buy at the best ask alone, nearly 100 dollars' worth is there."""
    assert least_size(500_000, 500_000, 10_000) >= 199_980_000
    assert least_size(500_000, 500_000, 10_000) <= 200_000_000


def test_nothing_proven_is_the_smallest_size() -> None:
    """Without an average, or with one beyond the next tick, only existence is known."""
    assert least_size(20_000, None, 10_000) == SMALLEST
    assert least_size(20_000, 93_444, 10_000) == SMALLEST


def test_an_impossible_ask_is_refused() -> None:
    """A price of zero has no size."""
    with pytest.raises(ValueError, match="impossible"):
        least_size(0, None, 10_000)
