"""Binance's spot market as the reference price makes it: trades, a book around them, candles.

Every reference price of ``btc/usd`` is a trade of ``BTCUSDT``.  Sizes are drawn from the seed, the
levels of the book from the price they stand at, so the same prices give the same market.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import msgspec

from underround.local_venue.prices import PriceTold
from underround.local_venue.world import World, WorldEvent
from underround.model.frames import NANOS_PER_MS
from underround.model.units import ONE, Money, Nanos, Price, Size

DEPTH: Final = 50
"""Levels a side."""
CENT: Final[Price] = 10_000
_TRADES: Final = 1_000
_CANDLES: Final = 1_000
_SYMBOLS: Final = {
    "btc/usd": "BTCUSDT",
    "eth/usd": "ETHUSDT",
    "sol/usd": "SOLUSDT",
    "xrp/usd": "XRPUSDT",
}
INTERVALS_MS: Final = {
    "1s": 1_000,
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
}


class SpotTrade(msgspec.Struct, frozen=True, gc=False):
    """A trade of the pair."""

    id: int
    price: Price
    size: Size
    at_ns: Nanos
    sold: bool
    """The aggressor sold: the buyer was the maker."""


class Candle:
    """One bar; quantities in millionths."""

    __slots__ = (
        "base",
        "bought",
        "bought_quote",
        "close",
        "first",
        "high",
        "last",
        "low",
        "open",
        "open_ms",
        "quote",
        "trades",
    )

    def __init__(self, open_ms: int, price: Price, trade: int) -> None:
        """Begin at ``price`` without a trade; ``trade`` is the id the next one has."""
        self.open_ms = open_ms
        self.open = self.high = self.low = self.close = price
        self.base = self.quote = self.bought = self.bought_quote = self.trades = 0
        self.first = trade
        self.last = trade - 1

    def add(self, trade: SpotTrade) -> None:
        """Take a trade in."""
        if not self.trades:
            self.open = self.high = self.low = trade.price
        self.high, self.low = max(self.high, trade.price), min(self.low, trade.price)
        self.close, self.last = trade.price, trade.id
        self.trades += 1
        quote = trade.price * trade.size // ONE
        self.base += trade.size
        self.quote += quote
        if not trade.sold:
            self.bought += trade.size
            self.bought_quote += quote


class Pair:
    """One pair's market."""

    def __init__(self, symbol: str, seed: int) -> None:
        """Begin without a trade."""
        self.symbol = symbol
        self.trades: deque[SpotTrade] = deque(maxlen=_TRADES)
        self.update_id = 0
        self.bid: Price = 0
        self.bids: dict[Price, Size] = {}
        self.asks: dict[Price, Size] = {}
        self.candles: dict[str, deque[Candle]] = {
            name: deque(maxlen=_CANDLES) for name in INTERVALS_MS
        }
        self._random = random.Random(f"binance {symbol} {seed}")
        self._number = 0

    def trade(
        self, price: Price, at: Nanos
    ) -> tuple[SpotTrade, dict[Price, Size], dict[Price, Size]]:
        """Trade at ``price``; return the trade, and each side's levels that changed (0: gone)."""
        price = max(CENT, price - price % CENT)
        sold = price < self.bid or (price == self.bid and self._random.random() < 0.5)
        self._number += 1
        size = self._random.randrange(10, 200_000) * 10
        made = SpotTrade(self._number, price, size, at, sold)
        self.trades.append(made)
        self._count(made)
        bid = price if sold else price - CENT
        return made, *self._requote(max(CENT, bid))

    @property
    def ask(self) -> Price:
        """The best price somebody sells at."""
        return self.bid + CENT

    def _requote(self, bid: Price) -> tuple[dict[Price, Size], dict[Price, Size]]:
        self.bid = bid
        step = max(CENT, bid // 100_000 // CENT * CENT)
        bids = {bid: self._size(bid, 0)}
        asks = {bid + CENT: self._size(bid + CENT, 1)}
        below, above = bid - bid % step, bid - bid % step + step
        for place in range(DEPTH - 1):
            lower, upper = below - place * step, above + place * step
            if 0 < lower < bid:
                bids[lower] = self._size(lower, 0)
            if upper > bid + CENT:
                asks[upper] = self._size(upper, 1)
        changed = _changes(self.bids, bids), _changes(self.asks, asks)
        self.bids, self.asks = bids, asks
        self.update_id += 1
        return changed

    @staticmethod
    def _size(price: Price, side: int) -> Size:
        drawn = blake2b(f"{price} {side}".encode(), digest_size=4).digest()
        return (int.from_bytes(drawn, "big") % 500_000 + 1_000) * 10

    def _count(self, trade: SpotTrade) -> None:
        at_ms = trade.at_ns // NANOS_PER_MS
        for name, width in INTERVALS_MS.items():
            bars = self.candles[name]
            opens = at_ms - at_ms % width
            if not bars:
                bars.append(Candle(opens, trade.price, trade.id))
            # A bar without a trade exists all the same.
            while bars[-1].open_ms < opens:
                gap = (opens - bars[-1].open_ms) // width
                skipped = max(1, gap - _CANDLES)
                begin = bars[-1].open_ms + skipped * width
                bars.append(Candle(begin, bars[-1].close, trade.id))
            bars[-1].add(trade)


def _changes(old: dict[Price, Size], new: dict[Price, Size]) -> dict[Price, Size]:
    changed = {price: size for price, size in new.items() if old.get(price) != size}
    changed.update((price, 0) for price in old if price not in new)
    return changed


class SpotMoved(msgspec.Struct, frozen=True):
    """A pair traded, and its book with it."""

    pair: Pair
    trade: SpotTrade
    bids: dict[Price, Size]
    asks: dict[Price, Size]


class SpotMarket:
    """Every pair that has a reference price."""

    def __init__(self, world: World) -> None:
        """Follow the prices of ``world``."""
        self._seed = world.seed
        self.pairs: dict[str, Pair] = {}
        self._listeners: list[Callable[[SpotMoved], None]] = []
        world.bus.listen(self._told)

    def listen(self, listener: Callable[[SpotMoved], None]) -> None:
        """Call ``listener`` for every trade."""
        self._listeners.append(listener)

    def _told(self, event: WorldEvent) -> None:
        if not isinstance(event, PriceTold) or event.symbol not in _SYMBOLS:
            return
        symbol = _SYMBOLS[event.symbol]
        pair = self.pairs.get(symbol)
        if pair is None:
            pair = self.pairs[symbol] = Pair(symbol, self._seed)
        trade, bids, asks = pair.trade(event.price, event.at_ns)
        for listener in self._listeners:
            listener(SpotMoved(pair, trade, bids, asks))


def eight(micros: Money) -> str:
    """Return a quantity as Binance writes it: eight decimals."""
    return f"{micros // ONE}.{micros % ONE:06d}00"
