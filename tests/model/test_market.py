"""Price grids, event groups, resolutions and catalogues."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.builders import event_group, market
from underround.model.book import Book
from underround.model.ids import KALSHI, NO, YES, MarketId, OutcomeId
from underround.model.market import (
    Catalogue,
    Resolution,
    TickBand,
    TickEpoch,
    decode_catalogue,
    encode_catalogue,
    uniform_ticks,
)
from underround.model.units import ONE

TAPERED = TickEpoch(
    0,
    (
        TickBand(0, 100_000, 1_000),
        TickBand(100_000, 900_000, 10_000),
        TickBand(900_000, ONE, 1_000),
    ),
)
"""A tenth of a cent below 0.10 and above 0.90, whole cents between."""

STEPS = (100, 1_000, 5_000, 10_000, 50_000)


@st.composite
def epochs(draw: st.DrawFn) -> TickEpoch:
    """Return a grid of one to four bands."""
    borders = draw(st.lists(st.integers(1, 19), max_size=3, unique=True).map(sorted))
    edges = [0, *(border * 50_000 for border in borders), ONE]
    return TickEpoch(
        0,
        tuple(TickBand(start, end, draw(st.sampled_from(STEPS))) for start, end in pairwise(edges)),
    )


def grid(epoch: TickEpoch) -> list[int]:
    """Return every grid price, borders included, the naive way."""
    points = {ONE}
    for band in epoch.bands:
        points.update(range(band.start, band.end + 1, band.step))
    return sorted(points)


@given(epochs(), st.integers(0, ONE))
def test_floor_and_ceil_are_the_neighbours_on_the_grid(epoch: TickEpoch, price: int) -> None:
    """``floor`` is the highest grid price not above, ``ceil`` the lowest not below."""
    points = grid(epoch)
    assert epoch.floor(price) == max(point for point in points if point <= price)
    assert epoch.ceil(price) == min(point for point in points if point >= price)


@given(epochs(), st.integers(-10_000, ONE + 10_000))
def test_valid_is_on_the_grid_and_strictly_inside(epoch: TickEpoch, price: int) -> None:
    """An order may carry exactly the grid prices between 0 and 1, both excluded."""
    assert epoch.valid(price) == (price in set(grid(epoch)) - {0, ONE})


@given(epochs(), st.integers(1, ONE - 1))
def test_a_price_is_valid_exactly_where_floor_and_ceil_meet(epoch: TickEpoch, price: int) -> None:
    """The three answers about one price never contradict each other."""
    low, high = epoch.floor(price), epoch.ceil(price)
    assert low <= price <= high
    assert epoch.valid(price) == (low == high)
    if not epoch.valid(price):
        assert high - low == epoch.step_at(price)


@given(epochs(), st.integers(0, ONE))
def test_the_other_outcome_has_the_mirrored_grid(epoch: TickEpoch, price: int) -> None:
    """NO at 1 − p is valid, and rounds, exactly as YES at p does on the mirrored bands."""
    mirror = TickEpoch(
        0, tuple(TickBand(ONE - b.end, ONE - b.start, b.step) for b in reversed(epoch.bands))
    )
    assert mirror.valid(ONE - price) == epoch.valid(price)
    assert mirror.floor(ONE - price) == ONE - epoch.ceil(price)
    assert mirror.ceil(ONE - price) == ONE - epoch.floor(price)


@given(epochs())
def test_every_grid_price_is_a_multiple_of_the_finest_step(epoch: TickEpoch) -> None:
    """A book on the finest step has a place for every price, and fits one dollar."""
    assert all(point % epoch.finest == 0 for point in grid(epoch))
    assert Book(epoch.finest).top * epoch.finest == ONE


@pytest.mark.parametrize(
    "price, low, high, valid",
    [
        (95_500, 95_000, 96_000, False),
        (95_000, 95_000, 95_000, True),
        (100_000, 100_000, 100_000, True),
        (101_000, 100_000, 110_000, False),
        (899_999, 890_000, 900_000, False),
        (900_000, 900_000, 900_000, True),
        (900_500, 900_000, 901_000, False),
        (999_500, 999_000, ONE, False),
        (500, 0, 1_000, False),
    ],
)
def test_the_tapered_grid(price: int, low: int, high: int, valid: bool) -> None:
    """Tenths of a cent at the ends, cents in the middle, borders on both."""
    assert (TAPERED.floor(price), TAPERED.ceil(price), TAPERED.valid(price)) == (low, high, valid)


def test_the_step_at_a_border_is_the_upper_bands() -> None:
    """At 0.10 the next price is a cent away, at 0.90 a tenth of a cent."""
    steps = [TAPERED.step_at(price) for price in (99_999, 100_000, 899_999, 900_000, ONE)]
    assert steps == [1_000, 10_000, 10_000, 1_000, 1_000]
    assert TAPERED.finest == 1_000


def test_the_tapered_grid_is_its_own_mirror() -> None:
    """What is valid for YES is valid for NO."""
    assert all(
        TAPERED.valid(price) == TAPERED.valid(ONE - price) for price in range(0, ONE + 1, 500)
    )


@pytest.mark.parametrize(
    "bands",
    [
        (),
        ((0, 900_000, 10_000),),
        ((10_000, ONE, 10_000),),
        ((0, ONE, 0),),
        ((0, ONE, -10_000),),
        ((0, ONE, 30_000),),
        ((0, 500_000, 10_000), (510_000, ONE, 10_000)),
        ((0, 500_000, 10_000), (490_000, ONE, 10_000)),
        ((0, 600_000, 10_000), (600_000, 400_000, 10_000), (400_000, ONE, 10_000)),
        ((0, 500_000, 10_000), (500_000, 500_000, 1_000), (500_000, ONE, 10_000)),
        ((0, 100_000, 2_500), (100_000, ONE, 1_000)),
        ((0, 300_000, 30_000), (300_000, ONE, 70_000)),
    ],
)
def test_bands_that_do_not_cover_the_range_are_refused(bands: tuple[tuple[int, ...], ...]) -> None:
    """Holes, overlaps, empty bands, steps that do not divide or nest raise ``ValueError``."""
    with pytest.raises(ValueError, match="price bands"):
        TickEpoch(0, tuple(TickBand(*band) for band in bands))


def test_a_uniform_grid_is_one_band() -> None:
    """``uniform_ticks`` covers 0 … 1 in one step."""
    assert uniform_ticks("0.01", 7) == TickEpoch(7, (TickBand(0, ONE, 10_000),))
    with pytest.raises(ValueError, match="price bands"):
        uniform_ticks("0")


# --- markets -----------------------------------------------------------------------------------


def test_a_market_names_its_outcomes() -> None:
    """Ids, labels and the human form agree on which outcome is which."""
    rain = market("rain")
    assert rain.outcome(NO) == OutcomeId(rain.id, NO)
    assert (rain.label(YES), rain.label(NO)) == ("Yes", "No")
    assert str(rain.outcome(YES)) == "polymarket:rain:YES"
    assert str(rain.outcome(NO)) == "polymarket:rain:NO"


def test_only_polymarket_takers_need_a_dollar() -> None:
    """A buy order that takes is worth at least one dollar there, and anything on Kalshi."""
    assert market("rain").min_taker_notional == ONE
    assert market("RAIN", venue=KALSHI).min_taker_notional == 0


# --- event groups ------------------------------------------------------------------------------


def test_a_group_is_exhaustive_only_with_a_reason() -> None:
    """Without a proof in words the group is no ground for sum-of-prices arbitrage."""
    one, two = market("one"), market("two")
    assert not event_group(one, two).exhaustive
    assert event_group(one, two, because="the rules name every candidate").exhaustive


def test_an_augmented_group_is_never_exhaustive() -> None:
    """Its implicit Other may win, whatever anybody claims."""
    one, two = market("one"), market("two")
    assert not event_group(one, two, augmented=True).exhaustive
    with pytest.raises(ValueError, match="augmented"):
        event_group(one, two, augmented=True, because="somebody says so")


def test_an_augmented_group_cannot_be_read_as_exhaustive_either() -> None:
    """The rule also holds for a group that comes out of a file."""
    one, two = market("one"), market("two")
    catalogue = Catalogue((one, two), (event_group(one, two, augmented=True),))
    text = encode_catalogue(catalogue).decode()
    forged = text.replace('"exhaustive_because": null', '"exhaustive_because": "because"')
    assert forged != text
    with pytest.raises(msgspec.ValidationError, match="augmented"):
        decode_catalogue(forged.encode())


def test_a_group_lists_a_market_once() -> None:
    """A market counted twice would make a set look dearer than it is."""
    one = market("one")
    with pytest.raises(ValueError, match="twice"):
        event_group(one, one)


# --- resolutions -------------------------------------------------------------------------------


@given(st.integers(0, ONE))
def test_payouts_that_sum_to_a_dollar_are_accepted(yes: int) -> None:
    """A void market may pay 0.3 and 0.7; together it is always one dollar."""
    payouts = (yes, ONE - yes)
    assert Resolution(MarketId(KALSHI, "x"), 1, payouts, "test").payouts == payouts


@pytest.mark.parametrize(
    "payouts", [(ONE, ONE), (0, 0), (-1, ONE + 1), (ONE + 1, -1), (300_000, 699_999)]
)
def test_payouts_that_do_not_sum_to_a_dollar_are_refused(payouts: tuple[int, int]) -> None:
    """Nothing is paid that no complete set covers."""
    with pytest.raises(ValueError, match="one dollar"):
        Resolution(MarketId(KALSHI, "x"), 1, payouts, "test")
