"""Binance's spot market as the reference price makes it: trades, a book around them, candles.

Every reference price of ``btc/usd`` is a trade of ``BTCUSDT``, on the grid of that pair.  Sizes are
drawn from the seed, the levels of the book follow from the price they stand at, so the same prices
give the same market.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from underround.local_venue.prices import PriceTold
from underround.local_venue.references.binance_candles import Candles, SpotTrade
from underround.local_venue.world import World, WorldEvent
from underround.model.units import ONE, Money, Nanos, Price, Size

DEPTH: Final = 50
"""Levels a side."""
KEPT_TRADES: Final = 10_000
"""So many of the newest trades can always be asked for."""


class Grid(msgspec.Struct, frozen=True):
    """A pair's name and the smallest steps of its prices and sizes, in millionths."""

    symbol: str
    tick: Price
    lot: Size


GRIDS: Final = {
    "btc/usd": Grid("BTCUSDT", 10_000, 10),
    "eth/usd": Grid("ETHUSDT", 10_000, 100),
    "sol/usd": Grid("SOLUSDT", 10_000, 1_000),
    "xrp/usd": Grid("XRPUSDT", 100, 100_000),
    "doge/usd": Grid("DOGEUSDT", 10, 1_000_000),
    "bnb/usd": Grid("BNBUSDT", 10_000, 1_000),
}
"""By reference price; every product of a price and a size has at most eight decimals."""


class Tape:
    """The newest trades; their ids follow each other without a hole."""

    def __init__(self, keep: int = KEPT_TRADES) -> None:
        """Keep at least ``keep`` trades."""
        self._keep = keep
        self._trades: list[SpotTrade] = []

    def __len__(self) -> int:
        """Return how many there are now."""
        return len(self._trades)

    @property
    def newest(self) -> SpotTrade:
        """The last trade; ``IndexError`` before the first."""
        return self._trades[-1]

    def add(self, trade: SpotTrade) -> None:
        """Take a trade in."""
        self._trades.append(trade)
        if len(self._trades) >= 2 * self._keep:
            del self._trades[: self._keep]

    def latest(self, most: int) -> Sequence[SpotTrade]:
        """Return the newest trades, oldest first."""
        return self._trades[-most:]

    def since(self, first: int, most: int) -> Sequence[SpotTrade]:
        """Return trades from the id ``first`` on, oldest first."""
        oldest = self._trades[0].id if self._trades else 0
        begin = max(0, first - oldest)
        return self._trades[begin : begin + most]

    def between(self, begin: Nanos, end: Nanos) -> Sequence[SpotTrade]:
        """Return the trades from ``begin`` until before ``end``, oldest first."""
        first = bisect_left(self._trades, begin, key=_time)
        return self._trades[first : bisect_left(self._trades, end, key=_time)]


def _time(trade: SpotTrade) -> Nanos:
    return trade.at_ns


class SpotMoved(msgspec.Struct, frozen=True):
    """A pair traded, and its book with it; levels that changed have their new size (0: gone)."""

    pair: Pair
    trade: SpotTrade
    bids: dict[Price, Size]
    asks: dict[Price, Size]


class Pair:
    """One pair's market."""

    def __init__(self, grid: Grid, seed: int) -> None:
        """Begin without a trade."""
        self.grid = grid
        self.symbol = grid.symbol
        self.tape = Tape()
        self.candles = Candles()
        self.update_id = 0
        """Number of the last change of the book."""
        self.bid: Price = 0
        self.bids: dict[Price, Size] = {}
        self.asks: dict[Price, Size] = {}
        self._random = random.Random(f"binance {grid.symbol} {seed}")
        self._number = 0

    @property
    def ask(self) -> Price:
        """The best price somebody sells at."""
        return self.bid + self.grid.tick

    def trade(self, price: Price, at: Nanos) -> SpotMoved:
        """Trade at ``price``, rounded down to the grid, and move the book there."""
        tick = self.grid.tick
        price = max(tick, price - price % tick)
        chance = self._random.random() < 0.5
        sold = price == tick or price < self.bid or (price == self.bid and chance)
        self._number += 1
        size = self._random.randrange(10, 200_000) * self.grid.lot
        made = SpotTrade(self._number, price, size, at, sold)
        self.tape.add(made)
        self.candles.add(made)
        bids, asks = self._requote(price if sold else price - tick)
        return SpotMoved(self, made, bids, asks)

    def levels(self, most: int) -> tuple[list[tuple[Price, Size]], list[tuple[Price, Size]]]:
        """Return up to ``most`` bids and asks, best first."""
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        return bids[:most], asks[:most]

    def _requote(self, bid: Price) -> tuple[dict[Price, Size], dict[Price, Size]]:
        self.bid = bid
        ask = self.ask
        step = max(self.grid.tick, bid // 100_000 // self.grid.tick * self.grid.tick)
        bids, asks = {bid: self._size(bid, 0)}, {ask: self._size(ask, 1)}
        below = bid - bid % step
        for place in range(DEPTH - 1):
            lower, upper = below - place * step, below + (place + 1) * step
            if 0 < lower < bid:
                bids[lower] = self._size(lower, 0)
            if upper > ask:
                asks[upper] = self._size(upper, 1)
        changed = _changes(self.bids, bids), _changes(self.asks, asks)
        self.bids, self.asks = bids, asks
        self.update_id += 1
        return changed

    def _size(self, price: Price, side: int) -> Size:
        mixed = (price // self.grid.tick * 2 + side) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        return ((mixed >> 32) % 500_000 + 1_000) * self.grid.lot


def _changes(old: dict[Price, Size], new: dict[Price, Size]) -> dict[Price, Size]:
    changed = {price: size for price, size in new.items() if old.get(price) != size}
    changed.update((price, 0) for price in old if price not in new)
    return changed


class SpotMarket:
    """Every pair that has a reference price."""

    def __init__(self, world: World) -> None:
        """Follow the prices of ``world``."""
        self._seed = world.seed
        self.pairs: dict[str, Pair] = {}
        """By symbol, e.g. ``BTCUSDT``, in order of appearance."""
        self._listeners: list[Callable[[SpotMoved], None]] = []
        world.bus.listen(self._told)

    def listen(self, listener: Callable[[SpotMoved], None]) -> None:
        """Call ``listener`` for every trade."""
        self._listeners.append(listener)

    def _told(self, event: WorldEvent) -> None:
        if not isinstance(event, PriceTold) or event.symbol not in GRIDS:
            return
        grid = GRIDS[event.symbol]
        pair = self.pairs.get(grid.symbol)
        if pair is None:
            pair = self.pairs[grid.symbol] = Pair(grid, self._seed)
        moved = pair.trade(event.price, event.at_ns)
        for listener in self._listeners:
            listener(moved)


def eight(micros: Money) -> str:
    """Return millionths as Binance writes quantities: with eight decimals."""
    return f"{micros // ONE}.{micros % ONE:06d}00"


def eight_fine(fine: int) -> str:
    """Return hundred-millionths the same way."""
    sign = "-" if fine < 0 else ""
    return f"{sign}{abs(fine) // 10**8}.{abs(fine) % 10**8:08d}"
