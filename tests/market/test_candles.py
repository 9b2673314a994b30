"""Distance from open."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.market.candles import CandleOpen, Distance, OpenPrice, candle_at
from underround.model.frames import NANOS_PER_SECOND as SECOND
from underround.model.listing import Window
from underround.model.units import ONE

START = 1_784_850_900 * SECOND
END = START + 300 * SECOND


@pytest.mark.parametrize(
    "width, start, end",
    [
        ("5m", 1_784_850_900, 1_784_851_200),
        ("15m", 1_784_850_300, 1_784_851_200),
        ("1h", 1_784_847_600, 1_784_851_200),
        ("4h", 1_784_836_800, 1_784_851_200),
        ("1d", 1_784_764_800, 1_784_851_200),
    ],
)
def test_candles_begin_at_multiples_of_their_width(width: str, start: int, end: int) -> None:
    """The slug of a five-minute market is its start; a candle does not hold its own end."""
    assert candle_at(1_784_850_901 * SECOND, width) == (start * SECOND, end * SECOND)
    assert candle_at(end * SECOND - 1, width) == (start * SECOND, end * SECOND)
    assert candle_at(end * SECOND, width)[0] == end * SECOND


def candle(*ticks: tuple[int, int], strike: int | None = None) -> CandleOpen:
    """Return a candle with ticks at so many ms after its start."""
    found = CandleOpen(START, END, strike)
    for ms, price in ticks:
        found.note(START + ms * 10**6, price)
    return found


@pytest.mark.parametrize(
    "ticks, strike, expected",
    [
        ([(-1_000, 9), (0, 10), (1_000, 11)], None, OpenPrice(10, "at_start", 0)),
        ([(1_000, 11), (0, 10), (-1_000, 9)], None, OpenPrice(10, "at_start", 0)),
        ([(0, 10), (0, 12)], None, OpenPrice(12, "at_start", 0)),
        ([(-2_000, 8), (-1_000, 9), (1_000, 11)], None, OpenPrice(9, "before", SECOND)),
        ([(-6_000, 9), (1_000, 11), (500, 13)], None, OpenPrice(13, "after", SECOND // 2)),
        ([(1_000, 11)], None, OpenPrice(11, "after", SECOND)),
        ([(-6_000, 9), (6_000, 11)], None, None),
        ([(-1_000, 9)], None, None),
        ([], None, None),
        ([(0, 10)], 77, OpenPrice(77, "stated", 0)),
        ([], 77, OpenPrice(77, "stated", 0)),
    ],
)
def test_the_open_is_the_price_that_the_venue_compares_with(
    ticks: list[tuple[int, int]], strike: int | None, expected: OpenPrice | None
) -> None:
    """At the very start; else the nearest believable one, and then it says that it is not exact."""
    assert candle(*ticks, strike=strike).open() == expected
    if expected is not None:
        assert expected.exact is (expected.source in {"at_start", "stated"})


def test_a_market_brings_its_window_and_later_its_strike() -> None:
    window = Window("BTC", START, END, 60, None)
    found = CandleOpen.of(window)
    assert found.open() is None
    found.state(65_026_457_815)
    assert found.open() == OpenPrice(65_026_457_815, "stated", 0)


def test_the_distance_follows_the_candle_and_stops_at_its_end() -> None:
    found = candle((-500, 99 * ONE))
    assert found.distance() is None
    found.note(START, 100 * ONE)
    found.note(START + SECOND, 101 * ONE)
    distance = found.distance()
    assert distance is not None
    assert (distance.micros, distance.bps, distance.model_ratio) == (ONE, 100, 0.01)
    found.note(END, 98 * ONE)
    found.note(END + 1, 200 * ONE)
    found.note(END - 1, 300 * ONE)
    distance = found.distance()
    assert distance is not None
    assert (distance.now, distance.bps) == (98 * ONE, -200)


def test_a_stated_strike_alone_is_no_distance() -> None:
    found = candle(strike=100)
    assert found.distance() is None
    found.note(START - 1, 90)
    assert found.distance() is None


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_basis_points_are_rounded_exactly(opened: int, now: int) -> None:
    """Half to even, whatever the sign, without a float."""
    distance = Distance(OpenPrice(opened, "stated", 0), now)
    assert distance.bps == round(Fraction((now - opened) * 10_000, opened))
    assert (distance.micros >= 0) is (now >= opened)
