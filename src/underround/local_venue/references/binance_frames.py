"""Bodies of Binance's answers and frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from underround.local_venue.references.binance_candles import INTERVALS_MS, Candle, SpotTrade
from underround.local_venue.references.binance_market import Pair, eight, eight_fine
from underround.model.units import Nanos, Price, Size

Stamp: TypeAlias = Callable[[Nanos], int]
"""How times are written: in milliseconds, or in microseconds for whoever asked for them."""
_MS: Final = 1_000_000
_FIVE_MINUTES: Final = 300 * 10**9


def milliseconds(at: Nanos) -> int:
    """Return a time as it is written unless something else was asked for."""
    return at // _MS


def microseconds(at: Nanos) -> int:
    """Return a time for ``timeUnit=MICROSECOND``."""
    return at // 1_000


def stamp_of(unit: str) -> Stamp:
    """Return how times are written in a unit; any but ``MICROSECOND`` is milliseconds."""
    return microseconds if unit.upper() == "MICROSECOND" else milliseconds


def level_rows(levels: Sequence[tuple[Price, Size]]) -> list[tuple[str, str]]:
    """Return levels as pairs of texts."""
    return [(eight(price), eight(size)) for price, size in levels]


def depth(pair: Pair, most: int) -> dict[str, object]:
    """Return the book, of REST and of the partial depth streams."""
    bids, asks = pair.levels(most)
    return {
        "lastUpdateId": pair.update_id,
        "bids": level_rows(bids),
        "asks": level_rows(asks),
    }


def trade(symbol: str, made: SpotTrade, told: Nanos, stamp: Stamp) -> dict[str, object]:
    """Return the frame of ``@trade``."""
    return {
        "e": "trade",
        "E": stamp(told),
        "s": symbol,
        "t": made.id,
        "p": eight(made.price),
        "q": eight(made.size),
        "T": stamp(made.at_ns),
        "m": made.sold,
        "M": True,
    }


def agg_row(made: SpotTrade, stamp: Stamp) -> dict[str, object]:
    """Return a trade as ``/aggTrades`` writes it; each is an aggregate of one."""
    return {
        "a": made.id,
        "p": eight(made.price),
        "q": eight(made.size),
        "f": made.id,
        "l": made.id,
        "T": stamp(made.at_ns),
        "m": made.sold,
        "M": True,
    }


def agg_trade(symbol: str, made: SpotTrade, told: Nanos, stamp: Stamp) -> dict[str, object]:
    """Return the frame of ``@aggTrade``."""
    return {"e": "aggTrade", "E": stamp(told), "s": symbol} | agg_row(made, stamp)


def book_ticker(pair: Pair) -> dict[str, object]:
    """Return the frame of ``@bookTicker``, which has no time and says not what it is."""
    return {
        "u": pair.update_id,
        "s": pair.symbol,
        "b": eight(pair.bid),
        "B": eight(pair.bids[pair.bid]),
        "a": eight(pair.ask),
        "A": eight(pair.asks[pair.ask]),
    }


def kline(
    symbol: str, name: str, bar: Candle, told: Nanos, stamp: Stamp, *, closed: bool
) -> dict[str, object]:
    """Return the frame of ``@kline_<name>``; ids of a bar without a trade are -1."""
    opens = bar.open_ms * _MS
    return {
        "e": "kline",
        "E": stamp(told),
        "s": symbol,
        "k": {
            "t": stamp(opens),
            "T": stamp(opens + INTERVALS_MS[name] * _MS - 1),
            "s": symbol,
            "i": name,
            "f": bar.first if bar.trades else -1,
            "L": bar.last if bar.trades else -1,
            "o": eight(bar.open),
            "c": eight(bar.close),
            "h": eight(bar.high),
            "l": eight(bar.low),
            "v": eight(bar.base),
            "n": bar.trades,
            "x": closed,
            "q": eight_fine(bar.quote),
            "V": eight(bar.bought),
            "Q": eight_fine(bar.bought_quote),
            "B": "0",
        },
    }


def kline_row(bar: Candle, name: str, stamp: Stamp) -> list[object]:
    """Return a candle as ``/klines`` writes it."""
    opens = bar.open_ms * _MS
    return [
        stamp(opens),
        eight(bar.open),
        eight(bar.high),
        eight(bar.low),
        eight(bar.close),
        eight(bar.base),
        stamp(opens + INTERVALS_MS[name] * _MS - 1),
        eight_fine(bar.quote),
        bar.trades,
        eight(bar.bought),
        eight_fine(bar.bought_quote),
        "0",
    ]


def mini_ticker(symbol: str, day: Candle, told: Nanos, stamp: Stamp) -> dict[str, object]:
    """Return the frame of ``@miniTicker``."""
    return {
        "e": "24hrMiniTicker",
        "E": stamp(told),
        "s": symbol,
        "c": eight(day.close),
        "o": eight(day.open),
        "h": eight(day.high),
        "l": eight(day.low),
        "v": eight(day.base),
        "q": eight_fine(day.quote),
    }


def ticker(pair: Pair, day: Candle, told: Nanos, stamp: Stamp) -> dict[str, object]:
    """Return the frame of ``@ticker``."""
    newest, moved = pair.tape.newest, day.close - day.open
    before = [each for each in pair.tape.since(day.first - 1, 1) if each.id < day.first]
    percent = abs(moved) * 100_000 // day.open
    return {
        "e": "24hrTicker",
        "E": stamp(told),
        "s": pair.symbol,
        "p": eight_fine(moved * 100),
        "P": f"{'-' if moved < 0 else ''}{percent // 1_000}.{percent % 1_000:03d}",
        "w": eight_fine(day.quote * 10**6 // day.base if day.base else 0),
        "x": eight(before[0].price if before else day.open),
        "c": eight(day.close),
        "Q": eight(newest.size),
        "b": eight(pair.bid),
        "B": eight(pair.bids[pair.bid]),
        "a": eight(pair.ask),
        "A": eight(pair.asks[pair.ask]),
        "o": eight(day.open),
        "h": eight(day.high),
        "l": eight(day.low),
        "v": eight(day.base),
        "q": eight_fine(day.quote),
        "O": stamp(day.open_ms * _MS),
        "C": stamp(told),
        "F": day.first,
        "L": day.last,
        "n": day.trades,
    }


def average(pair: Pair, now: Nanos) -> tuple[Price, Nanos]:
    """Return the mean price of five minutes by quantity, and when it was last traded."""
    recent = pair.tape.between(now - _FIVE_MINUTES + 1, now + 1) or pair.tape.latest(1)
    size = sum(each.size for each in recent)
    return sum(each.price * each.size for each in recent) // size, recent[-1].at_ns


def avg_price(pair: Pair, now: Nanos, told: Nanos, stamp: Stamp) -> dict[str, object]:
    """Return the frame of ``@avgPrice``."""
    price, last = average(pair, now)
    return {
        "e": "avgPrice",
        "E": stamp(told),
        "s": pair.symbol,
        "i": "5m",
        "w": eight(price),
        "T": stamp(last),
    }
