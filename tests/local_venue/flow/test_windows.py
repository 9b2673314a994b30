from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from tests.local_venue.flow.stage import SECOND, START, WINDOWS, Stage, scene_of
from underround.local_venue.catalogue import question_ids
from underround.local_venue.flow.listings import kalshi_tickers
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import bundled, read_scene
from underround.local_venue.prices import PriceTold
from underround.local_venue.world import ListingForgotten, ListingTold
from underround.model.ids import KALSHI, POLYMARKET, YES, MarketId
from underround.model.units import ONE
from underround.simulation.matching.kalshi.terms import Filled
from underround.simulation.matching.terms import (
    MarketEnded,
    TicksMoved,
)


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Forty minutes of windows."""
    stage = Stage()
    stage.play(scene_of(tmp_path_factory.mktemp("windows"), WINDOWS))
    stage.run(2_400)
    return stage


def desk() -> Scene:
    return read_scene(bundled()["desk"])


# --- prices ---------------------------------------------------------------------------------------


def test_prices_come_every_step_in_whole_cents_and_move_as_their_volatility_says(
    windows: Stage,
) -> None:
    ticks = windows.of(PriceTold)
    times = [each.at_ns for each in ticks]
    assert {later - earlier for earlier, later in pairwise(times)} == {SECOND // 4}
    assert all(each.price % 10_000 == 0 for each in ticks)
    now = [each.price for each in ticks if each.at_ns >= START]
    squares = sum(((b - a) / a) ** 2 for a, b in pairwise(now))
    yearly = (squares * 365 * 24 * 1.5) ** 0.5
    assert 0.3 < yearly < 0.9


def test_the_past_of_the_open_windows_was_told_before_the_beginning(windows: Stage) -> None:
    first = windows.of(PriceTold)[0]
    assert first.at_ns <= START - START % (900 * SECOND) - 60 * SECOND


# --- windows --------------------------------------------------------------------------------------


def mean(ticks: list[PriceTold], until: int) -> int:
    """The mean of the price at each of the sixty full seconds up to ``until``, from the ticks."""
    total = 0
    for second in range(60):
        at = until - second * SECOND
        total += [each.price for each in ticks if each.at_ns <= at][-1]
    return total // 60


def test_every_window_resolves_as_the_average_computed_from_the_ticks_says(windows: Stage) -> None:
    ticks = windows.of(PriceTold)
    listed = {event.market: event.at_ns for event in windows.of(ListingTold) if event.new}
    ended = {each.resolution.market: each.resolution for each in windows.of(MarketEnded)}
    seen = {"polymarket": 0, "kalshi": 0}
    known = _windows(windows)
    for market, resolution in ended.items():
        start, end, cents = known[market]
        assert listed[market] <= max(start, START)
        rounded = (lambda price: (price + 5_000) // 10_000 * 10_000) if cents else int
        up = rounded(mean(ticks, end)) >= rounded(mean(ticks, start))
        assert resolution.payouts == ((ONE, 0) if up else (0, ONE))
        assert end < resolution.at_ns <= end + 10 * SECOND
        seen[market.venue] += 1
    assert seen["polymarket"] >= 7
    assert seen["kalshi"] >= 2
    assert len({resolution.payouts for resolution in ended.values()}) == 2


def _windows(stage: Stage) -> dict[MarketId, tuple[int, int, bool]]:
    """Return the windows that follow from the clock alone, by the ids of their slugs."""
    found: dict[MarketId, tuple[int, int, bool]] = {}
    for event in stage.of(ListingTold):
        if not event.new:
            continue
        for length, venue in ((300, POLYMARKET), (900, KALSHI)):
            if event.market.venue != venue:
                continue
            for number in range(-1, 3_600 // length + 3):
                start = START - START % (length * SECOND) + number * length * SECOND
                if _id_of(venue, start, start + length * SECOND) == event.market:
                    found[event.market] = (start, start + length * SECOND, venue == KALSHI)
    return found


def _id_of(venue: str, start: int, end: int) -> MarketId:
    if venue == KALSHI:
        return MarketId(KALSHI, kalshi_tickers("BTC", end)[2])
    _, condition, _ = question_ids(f"btc-updown-5m-{start // SECOND}", neg_risk=False)
    return MarketId(POLYMARKET, condition)


def test_windows_are_listed_ahead_with_their_series_fees_and_delay(windows: Stage) -> None:
    now = windows.clock.now()
    next_start = (now // (300 * SECOND) + 1) * 300
    listing = windows.listing(f"btc-updown-5m-{next_start}")
    assert listing.state == "open"
    assert listing.series == "btc-up-or-down-5m"
    assert listing.market.outcomes == ("Up", "Down")
    assert listing.taker_delay_ms == 150
    assert listing.maker_rebate == 200_000
    assert listing.market.fees.fee(ONE // 2, 100 * ONE, taker=True) == 1_750_000
    assert listing.window is not None
    assert listing.window.strike is None
    assert (listing.window.asset, listing.window.twap_seconds) == ("BTC", 60)
    assert windows.book(listing.market.id)[0]


def test_the_strike_of_a_window_is_what_the_one_before_ended_on(windows: Stage) -> None:
    now = windows.clock.now()
    start = now - now % (300 * SECOND)
    window = windows.listing(f"btc-updown-5m-{start // SECOND}").window
    assert window is not None
    assert window.strike == windows.world.prices.mean("btc/usd", start, 60)


def test_the_quarter_of_an_hour_at_kalshi_has_its_ticker_strike_and_grid(windows: Stage) -> None:
    now = windows.clock.now()
    start = now - now % (900 * SECOND)
    series, event, ticker = kalshi_tickers("BTC", start + 900 * SECOND)
    listing = windows.listing(ticker)
    assert (listing.series, series) == ("KXBTC15M", "KXBTC15M")
    assert event in windows.world.catalogue.events
    assert listing.window is not None
    assert listing.window.strike is not None
    assert listing.window.strike % 10_000 == 0
    assert listing.market.closes_ns == start + 900 * SECOND
    ticks = listing.market.ticks[-1]
    assert (ticks.step_at(50_000), ticks.step_at(500_000)) == (1_000, 10_000)


def test_a_kalshi_ticker_names_the_close_on_new_yorks_clock() -> None:
    assert kalshi_tickers("BTC", 1_789_077_600 * SECOND) == (
        "KXBTC15M",
        "KXBTC15M-26SEP101800",
        "KXBTC15M-26SEP101800-00",
    )
    # In winter New York is five hours behind, not four.
    assert kalshi_tickers("ETH", 1_796_083_200 * SECOND)[2] == "KXETH15M-26NOV301900-00"


def test_beyond_96_cents_the_grid_becomes_finer_and_the_row_says_so() -> None:
    stage = Stage(seed=3)
    stage.play(desk())
    moved: list[TicksMoved] = []
    for _ in range(60):
        stage.run(30)
        moved = [each for each in stage.of(TicksMoved) if each.market.venue == POLYMARKET]
        if moved:
            break
    assert moved[0].new.finest == 1_000
    row = stage.world.catalogue.markets[moved[0].market].listing.market
    assert row.ticks[-1] == moved[0].new
    bids, asks = stage.book(moved[0].market)
    assert any(price % 10_000 for price, _ in (*bids, *asks))


def test_what_ended_is_forgotten_after_a_while_and_numbers_are_not_used_twice(
    windows: Stage,
) -> None:
    gone = {event.market for event in windows.of(ListingForgotten)}
    assert len(gone) >= 7
    world = windows.world
    assert gone.isdisjoint(world.catalogue.markets)
    assert len(world.catalogue.markets) <= 6
    assert len(world.catalogue.events) <= 6
    assert all(
        world.polymarket.levels(each) == ([], []) for each in gone if each.venue == POLYMARKET
    )
    numbers = [row.id for row in world.catalogue.markets.values()]
    assert len(set(numbers)) == len(numbers)
    assert gone.isdisjoint(world.polymarket.custody.payouts)


def test_a_window_a_client_traded_in_stays_listed_seven_times_as_long(tmp_path: Path) -> None:
    stage = Stage()
    flow = stage.play(scene_of(tmp_path, WINDOWS))
    start = START - START % (300 * SECOND)
    market = stage.listing(f"btc-updown-5m-{start // SECOND}").market
    client = flow.house.account("a client of the test")
    sent = flow.house.submission(market.outcome(YES), client, 500_000, 10 * ONE, START, buying=True)
    stage.world.polymarket.submit(msgspec.structs.replace(sent, owner="a login"), START)
    stage.run(start // SECOND + 306 + 7 * 120 - START // SECOND - 10)
    assert market.id in stage.world.catalogue.markets
    assert stage.world.catalogue.markets[market.id].listing.state == "resolved"
    stage.run(20)
    assert market.id not in stage.world.catalogue.markets


def test_kalshi_people_trade_too(windows: Stage) -> None:
    fills = [event.fill for event in windows.of(Filled)]
    assert len(fills) > 50
    assert {fill.taker for fill in fills} == {True, False}
