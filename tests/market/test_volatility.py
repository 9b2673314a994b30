"""Rolling volatility against a naive recomputation."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.market.volatility import RollingVolatility
from underround.model.frames import NANOS_PER_SECOND as SECOND
from underround.model.units import ONE

START = 1_790_000_000 * SECOND


def naive(ticks: list[tuple[int, int]], window: int) -> float | None:
    """Return the deviation of changes between whole seconds, all computed again."""
    first = -(-ticks[0][0] // SECOND)
    last = -(-ticks[-1][0] // SECOND) - 1
    prices = [
        [price for at, price in ticks if at <= second * SECOND][-1]
        for second in range(first, last + 1)
    ][-window - 1 :]
    if len(prices) < window + 1:
        return None
    return float(stdev([Fraction(b - a) for a, b in pairwise(prices)]))


STEPS = st.lists(
    st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 10**12)), min_size=1, max_size=80
)


@given(STEPS, st.integers(2, 12), st.integers(0, SECOND))
def test_the_running_sums_are_the_naive_deviation(
    steps: list[tuple[int, int]], window: int, begin: int
) -> None:
    """After every tick, whatever the pace: several a second or none for three."""
    volatility = RollingVolatility(window, 10)
    at, ticks = START + begin, []
    for wait, price in steps:
        at += wait
        ticks.append((at, price))
        volatility.note(at, price)
        told, expected = volatility.read(at), naive(ticks, window)
        if expected is None:
            assert told is None
        else:
            assert told is not None
            assert math.isclose(told.deviation_micros, expected, rel_tol=1e-12)
            assert told.changes == window
            assert told.ends_ns < at <= told.ends_ns + SECOND


def filled(window: int = 60) -> tuple[RollingVolatility, int]:
    volatility = RollingVolatility(window)
    at = START
    for second in range(window + 2):
        at = START + second * SECOND
        volatility.note(at, (100 + second % 2) * ONE)
    return volatility, at


def test_what_left_the_window_counts_no_more() -> None:
    volatility, at = filled()
    for second in range(1, 62):
        volatility.note(at + second * SECOND, 500 * ONE)
    told = volatility.read(at + 61 * SECOND)
    assert told is not None
    assert (told.changes, told.deviation_micros) != (60, 0.0), "the jump itself is in it"
    volatility.note(at + 62 * SECOND, 500 * ONE)
    told = volatility.read(at + 62 * SECOND)
    assert told is not None
    assert (told.changes, told.deviation_micros) == (60, 0.0)


def test_nothing_is_told_before_the_window_is_full() -> None:
    """60 changes need 61 settled seconds, and a second is settled by the tick after it."""
    volatility = RollingVolatility()
    for second in range(61):
        volatility.note(START + second * SECOND, 100 * ONE)
        assert volatility.read(START + second * SECOND) is None
    volatility.note(START + 61 * SECOND, 100 * ONE)
    told = volatility.read(START + 61 * SECOND)
    assert told is not None
    assert (told.deviation_micros, told.relative, told.changes) == (0.0, 0.0, 60)


def test_a_price_that_alternates_by_a_dollar_deviates_by_a_dollar() -> None:
    """30 changes of +1 and 30 of -1: the sample deviation is sqrt(60/59)."""
    volatility, at = filled()
    told = volatility.read(at)
    assert told is not None
    assert told.deviation_micros == pytest.approx(ONE * math.sqrt(60 / 59), rel=1e-12)
    assert told.relative == pytest.approx(told.deviation_micros / (100 * ONE), rel=1e-12)


def test_how_busy_the_feed_is_changes_nothing() -> None:
    """A thousand trades within the seconds that leave their ends as they are leave the result."""
    calm, at = filled()
    busy = RollingVolatility()
    for second in range(62):
        price = (100 + second % 2) * ONE
        busy.note(START + second * SECOND, price)
        if second == 61:
            break
        for part in range(1, 16):
            busy.note(START + second * SECOND + part * SECOND // 20, price + part % 3)
        busy.note(START + second * SECOND + SECOND - 1, price)
    assert busy.read(at) == calm.read(at)


def test_silence_is_no_calm() -> None:
    """After ten seconds without a tick nothing is told, and the window begins anew."""
    volatility, at = filled()
    assert volatility.read(at + 10 * SECOND) is not None
    assert volatility.read(at + 10 * SECOND + 1) is None
    for second in range(11, 72):
        volatility.note(at + second * SECOND, 100 * ONE)
        assert volatility.read(at + second * SECOND) is None
    volatility.note(at + 72 * SECOND, 100 * ONE)
    assert volatility.read(at + 72 * SECOND) is not None


def test_ticks_that_come_late_are_left_out_and_counted() -> None:
    volatility, at = filled()
    before = volatility.read(at)
    volatility.note(at - 1, 10**12)
    assert volatility.read(at) == before
    assert volatility.late == 1


def test_reading_changes_nothing() -> None:
    """However often and for whatever time it is read, the next reading is the same."""
    often, at = filled()
    rarely, _ = filled()
    for second in range(30):
        often.read(at + second * SECOND)
    for volatility in (often, rarely):
        volatility.note(at + SECOND // 2, 105 * ONE)
        volatility.note(at + 2 * SECOND, 106 * ONE)
    assert often.read(at + 2 * SECOND) == rarely.read(at + 2 * SECOND)


@pytest.mark.parametrize("window, gap", [(1, 10), (60, 0)])
def test_a_window_that_holds_nothing_is_refused(window: int, gap: int) -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        RollingVolatility(window, gap)
