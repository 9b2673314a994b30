"""What the public saw of each market: trades, volume, and candles of a minute."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from underround.model.ids import MarketId
from underround.model.units import ONE, Money, Nanos, Price, Size
from underround.simulation.matching.terms import TradeId

MINUTE_S: Final = 60
_DAY_S: Final = 86_400
_TRADES: Final = 2_000
_MINUTES: Final = 4_320
"""Candles that are kept: three days."""


class PublicTrade(msgspec.Struct, frozen=True):
    """A trade as everybody sees it."""

    id: TradeId
    market: MarketId
    yes_price: Price
    size: Size
    taker_bid: bool
    at_ns: Nanos


class Range(msgspec.Struct):
    """The course of one price."""

    first: Price
    high: Price
    low: Price
    last: Price

    def take(self, price: Price) -> None:
        """Go on to ``price``."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.last = price

    def join(self, later: Range) -> Range:
        """Return the course over both stretches."""
        return Range(self.first, max(self.high, later.high), min(self.low, later.low), later.last)


class Candle(msgspec.Struct):
    """What happened in one period, which ends at ``end_s`` (Unix seconds)."""

    end_s: int
    bid: Range
    ask: Range
    previous: Price | None
    """Price of the last trade before the period."""
    price: Range | None = None
    volume: Size = 0
    turnover: Money = 0
    open_interest: Size = 0

    def join(self, later: Candle, end_s: int) -> Candle:
        """Return one candle over both."""
        price = self.price
        if later.price is not None:
            price = later.price if price is None else price.join(later.price)
        return Candle(
            end_s,
            self.bid.join(later.bid),
            self.ask.join(later.ask),
            self.previous,
            price,
            self.volume + later.volume,
            self.turnover + later.turnover,
            later.open_interest,
        )


class Tape:
    """One market's trades and candles."""

    def __init__(self) -> None:
        """Begin before the first trade."""
        self.trades: deque[PublicTrade] = deque(maxlen=_TRADES)
        self.last: PublicTrade | None = None
        self.volume: Size = 0
        self.turnover: Money = 0
        """Dollars that changed hands, at YES prices."""
        self.bid: Price = 0
        self.ask: Price = ONE
        self._candles: deque[Candle] = deque(maxlen=_MINUTES)

    def quote(self, bid: Price, ask: Price, now: Nanos) -> None:
        """Note the best prices; 0 and one dollar stand for an empty side."""
        if (bid, ask) == (self.bid, self.ask):
            return
        candle = self._candle(now)
        candle.bid.take(bid)
        candle.ask.take(ask)
        self.bid, self.ask = bid, ask

    def print(self, trade: PublicTrade, open_interest: Size) -> None:
        """Note a trade."""
        candle = self._candle(trade.at_ns)
        if candle.price is None:
            price = trade.yes_price
            candle.price = Range(price, price, price, price)
        candle.price.take(trade.yes_price)
        candle.volume += trade.size
        candle.turnover += trade.yes_price * trade.size // ONE
        candle.open_interest = open_interest
        self.trades.append(trade)
        self.last = trade
        self.volume += trade.size
        self.turnover += trade.yes_price * trade.size // ONE

    def _candle(self, now: Nanos) -> Candle:
        end_s = (now // 10**9 // MINUTE_S + 1) * MINUTE_S
        newest = self._candles[-1] if self._candles else None
        if newest is not None and newest.end_s >= end_s:
            return newest
        made = Candle(
            end_s,
            Range(self.bid, self.bid, self.bid, self.bid),
            Range(self.ask, self.ask, self.ask, self.ask),
            None if self.last is None else self.last.yes_price,
            open_interest=0 if newest is None else newest.open_interest,
        )
        self._candles.append(made)
        return made

    def candles(self, minutes: int, start_s: int, end_s: int) -> list[Candle]:
        """Return the candles that end in ``start_s`` … ``end_s``; quiet periods are missing."""
        period = minutes * MINUTE_S
        joined: dict[int, Candle] = {}
        for each in self._candles:
            end = -(-each.end_s // period) * period
            before = joined.get(end)
            joined[end] = (
                msgspec.structs.replace(each, end_s=end)
                if before is None
                else before.join(each, end)
            )
        return [each for end, each in joined.items() if start_s <= end <= end_s]

    def day_before(self, now: Nanos) -> tuple[Size, Candle | None]:
        """Return the volume of the last 24 hours, and the newest candle before them."""
        since_s = now // 10**9 - _DAY_S
        old = None
        volume = 0
        for each in self._candles:
            if each.end_s <= since_s:
                old = each
            else:
                volume += each.volume
        return volume, old
