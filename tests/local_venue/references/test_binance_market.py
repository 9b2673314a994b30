"""Trades, candles and books that a reference price makes: the same for the same seed, exact."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.local_venue.net.listening import MS
from tests.local_venue.references.desk import BTC, SECOND, HandDesk, wandering
from underround.local_venue.references.binance_candles import (
    INTERVALS_MS,
    KEPT,
    Candle,
    Candles,
    SpotTrade,
)
from underround.local_venue.references.binance_frames import milliseconds, trade
from underround.local_venue.references.binance_market import (
    GRIDS,
    KEPT_TRADES,
    Pair,
    SpotMoved,
    Tape,
    eight,
    eight_fine,
)
from underround.model.units import usd

STEPS = st.lists(
    st.tuples(st.integers(1_000_000, 10**11), st.integers(0, 400_000)), min_size=1, max_size=40
)
"""Price, and milliseconds since the one before."""


def written(seed: int, prices: list[int]) -> bytes:
    """Return everything a run told, in bytes."""
    desk, told = HandDesk(seed), []

    def note(moved: SpotMoved) -> None:
        frame = trade(moved.pair.symbol, moved.trade, moved.trade.at_ns, milliseconds)
        told.append([frame, list(moved.bids.items()), list(moved.asks.items())])

    desk.spot.listen(note)
    for price in prices:
        desk.price(price)
        desk.wait_ms(700)
    return msgspec.json.encode(told)


def test_the_same_seed_and_prices_give_the_same_trades_and_books_byte_for_byte() -> None:
    prices = wandering(5, 300)
    assert written(3, prices) == written(3, prices)
    assert written(3, prices) != written(4, prices)


def bars_of(trades: list[SpotTrade], width: int, until_ms: int) -> list[dict[str, Any]]:
    """Return the candles of some trades, made another way: bar by bar, in decimals."""
    begin = trades[0].at_ns // MS // width * width
    found, close, number = [], Decimal(0), trades[0].id
    for opens in range(begin, until_ms + 1, width):
        inside = [each for each in trades if opens <= each.at_ns // MS < opens + width]
        prices = [Decimal(each.price) / 10**6 for each in inside] or [close]
        sizes = [Decimal(each.size) / 10**6 for each in inside]
        paid = [price * size for price, size in zip(prices, sizes, strict=False)]
        bought = [place for place, each in enumerate(inside) if not each.sold]
        close, number = prices[-1], number + len(inside)
        found.append(
            {
                "open_ms": opens, "open": prices[0], "high": max(prices), "low": min(prices),
                "close": close, "base": sum(sizes), "quote": sum(paid), "trades": len(inside),
                "bought": sum(sizes[place] for place in bought),
                "bought_quote": sum(paid[place] for place in bought), "last": number - 1,
            }
        )  # fmt: skip
    return found[-KEPT:]


def read(bar: Candle) -> dict[str, Any]:
    money = {name: Decimal(getattr(bar, name)) / 10**6
             for name in ("open", "high", "low", "close", "base", "bought")}  # fmt: skip
    fine = {name: Decimal(getattr(bar, name)) / 10**8 for name in ("quote", "bought_quote")}
    return {"open_ms": bar.open_ms, "trades": bar.trades, "last": bar.last} | money | fine


@given(STEPS, st.sampled_from(("1s", "1m", "3m", "5m", "1h")), st.sampled_from(sorted(GRIDS)))
@settings(max_examples=150)
def test_candles_are_what_an_independent_count_of_the_trades_gives(
    steps: list[tuple[int, int]], name: str, symbol: str
) -> None:
    pair, now = Pair(GRIDS[symbol], 1), 1_790_000_000_000 * MS
    trades = []
    for price, pause in steps:
        now += pause * MS
        trades.append(pair.trade(price, now).trade)
    until_ms = now // MS + 5_000  # a while after the last trade there are bars as well
    width = INTERVALS_MS[name]
    bars = [read(bar) for bar in pair.candles.of(name, until_ms)]
    assert bars == bars_of(trades, width, until_ms)


@given(STEPS, st.integers(0, 90_000_000))
def test_the_day_is_what_was_traded_in_its_1440_minutes(
    steps: list[tuple[int, int]], later: int
) -> None:
    candles, now, trades = Candles(), 1_790_000_000_000 * MS, []
    for number, (price, pause) in enumerate(steps, 1):
        now += pause * MS
        trades.append(SpotTrade(number, price - price % 10_000, 10 * number, now, sold=False))
        candles.add(trades[-1])
        candles.day(now // MS)
    now_ms = now // MS + later
    day = candles.day(now_ms)
    first = now_ms // 60_000 * 60_000 - 1_439 * 60_000
    inside = [each for each in trades if each.at_ns // MS >= first]
    assert day is not None
    assert (day.trades, day.base) == (len(inside), sum(each.size for each in inside))
    assert day.quote == sum(each.quote for each in inside)
    if inside:
        assert (day.open, day.close) == (inside[0].price, inside[-1].price)
        assert (day.high, day.low) == (max(i.price for i in inside), min(i.price for i in inside))
        assert (day.first, day.last) == (inside[0].id, inside[-1].id)
    else:
        assert {day.open, day.close, day.high, day.low} == {trades[-1].price}


def test_the_day_ends_with_the_minute_that_is_a_day_old() -> None:
    candles, now = Candles(), 1_790_000_040_000 * MS  # a full minute
    candles.add(SpotTrade(1, 70_000, 10, now, sold=False))
    counted = {}
    for minutes in (1_439, 1_440):
        day = candles.day(now // MS + minutes * 60_000 + 59_999)
        assert day is not None
        counted[minutes] = day.trades
    assert counted == {1_439: 1, 1_440: 0}


@given(STEPS, st.sampled_from(sorted(GRIDS)))
def test_the_book_is_never_crossed_and_its_changes_rebuild_it(
    steps: list[tuple[int, int]], symbol: str
) -> None:
    pair = Pair(GRIDS[symbol], 1)
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for number, (price, _) in enumerate(steps, 1):
        bid = pair.bid
        moved = pair.trade(price, number)
        rounded = moved.trade.price
        assert rounded == max(pair.grid.tick, price // pair.grid.tick * pair.grid.tick)
        if rounded != bid and rounded > pair.grid.tick:
            assert moved.trade.sold == (rounded < bid)  # who wants a higher price buys
        for book, changes in ((bids, moved.bids), (asks, moved.asks)):
            book.update(changes)
            for gone in [level for level, size in book.items() if not size]:
                del book[gone]
        assert (bids, asks) == (pair.bids, pair.asks)
        assert 0 < max(bids) == pair.bid < min(asks) == pair.ask
        assert moved.trade.price == (pair.bid if moved.trade.sold else pair.ask)
        assert pair.update_id == number
        tick, lot = pair.grid.tick, pair.grid.lot
        for level, size in (*bids.items(), *asks.items(), (moved.trade.price, moved.trade.size)):
            assert not level % tick
            assert size > 0 == size % lot
        assert moved.trade.price * moved.trade.size == moved.trade.quote * 10_000


def test_a_price_is_traded_on_the_grid_of_its_pair() -> None:
    desk = HandDesk()
    for symbol, price in ((BTC, "64123.456789"), ("xrp/usd", "2.123456"), ("doge/usd", "0.123456")):
        desk.price(usd(price), symbol)
    newest = {name: eight(pair.tape.newest.price) for name, pair in desk.spot.pairs.items()}
    assert newest == {
        "BTCUSDT": "64123.45000000", "XRPUSDT": "2.12340000", "DOGEUSDT": "0.12345000",
    }  # fmt: skip


def test_a_price_of_something_that_is_no_pair_is_no_trade() -> None:
    desk = HandDesk()
    desk.price(usd("5"), "gold/usd")
    assert desk.spot.pairs == {}


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 9))
def test_the_tape_has_its_newest_trades_and_finds_them_by_id_and_time(
    count: int, first: int, most: int
) -> None:
    tape, trades = Tape(keep=20), []
    for number in range(1, count + 1):
        trades.append(SpotTrade(number, 1, 1, number // 2 * SECOND, sold=False))
        tape.add(trades[-1])
    kept = list(tape.latest(1_000))
    assert kept == trades[-len(tape) :]
    assert min(count, 20) <= len(tape) < 40
    assert list(tape.since(first, most)) == [each for each in kept if each.id >= first][:most]
    begin, end = first * SECOND, (first + most) * SECOND
    assert list(tape.between(begin, end)) == [each for each in kept if begin <= each.at_ns < end]


@pytest.mark.parametrize(
    "fine, text",
    [(0, "0.00000000"), (1, "0.00000001"), (-250_000_000, "-2.50000000"), (-5, "-0.00000005")],
)
def test_hundred_millionths_are_written_with_eight_decimals(fine: int, text: str) -> None:
    assert eight_fine(fine) == text


def test_memory_is_bounded_over_a_day_of_prices() -> None:
    """A price every three seconds of two symbols."""
    desk = HandDesk()
    pair = Pair(GRIDS[BTC], 0)
    sizes, at = [], desk.now
    for half in range(2):
        for place, price in enumerate(wandering(half, 14_400)):
            at = desk.now + (half * 14_400 + place) * 3 * SECOND
            pair.trade(price, at)
            desk.world.prices.tell("eth/usd", price, at)
        kept = sum(len(pair.candles.of(name, at // MS)) for name in INTERVALS_MS)
        sizes.append((len(pair.tape), kept, len(pair.bids), len(pair.asks)))
        told = desk.world.prices.between("eth/usd", 0, at)
        assert len(told) < 4 * 3_600 // 3 + 2
        assert sys.getsizeof(told) < 1 << 20
    for tape, kept, bids, asks in sizes:
        assert tape < 2 * KEPT_TRADES
        assert kept <= KEPT * len(INTERVALS_MS)
        assert max(bids, asks) <= 50
