"""Binance's market streams: ``/ws/<stream>`` raw, ``/stream?streams=a/b`` combined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import parse_qs, unquote

import msgspec

from underround.local_venue.faults import Stream
from underround.local_venue.net.peers import Turned
from underround.local_venue.references import binance_frames as frames
from underround.local_venue.references.binance_candles import INTERVALS_MS, Candle
from underround.local_venue.references.binance_frames import Stamp
from underround.local_venue.references.binance_market import Pair, SpotMarket, SpotMoved
from underround.local_venue.references.binance_peer import MOST_STREAMS, SpotPeer
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Nanos, Price, Size

_SPEEDS: Final = {100: "@100ms", 1_000: ""}
_PARTIAL: Final = (5, 10, 20)
_EVERYBODY: Final = "!miniTicker@arr"
_encode: Final = msgspec.json.encode
_Make: TypeAlias = Callable[[Stamp], object]
"""Writes a frame with times in the unit that a client asked for."""


class _Diff:
    """Changes of a book since the last frame of the depth stream."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.bids: dict[Price, Size] = {}
        self.asks: dict[Price, Size] = {}


class SpotStreams:
    """The door of every stream; ``/ws``, ``/ws/`` and ``/stream`` lead to it."""

    stream: Stream = "binance.ws"

    def __init__(self, world: World, market: SpotMarket) -> None:
        """Tell what ``market`` does."""
        self._world = world
        self._market = market
        self._audiences: dict[str, dict[SpotPeer, None]] = {}
        self._diffs: dict[tuple[str, int], _Diff] = {}
        self._untold: dict[str, int] = {}
        """Of each stream of candles: the opening of the first bar whose end was not told."""
        self._beating = False
        market.listen(self._moved)

    def told(self, at: Nanos) -> Nanos:
        """Return what the venue says the time is when it is ``at``."""
        return at + self._world.faults.skew_ns(at)

    def now_ms(self) -> int:
        """Return the venue's time in milliseconds, as it tells it."""
        return self.told(self._world.time()) // NANOS_PER_MS

    def admit(self, path: str, headers: Mapping[str, str]) -> SpotPeer | Turned:
        """Let anybody in; what is no stream's name is never told, as at the venue."""
        del headers
        place, _, query = path.partition("?")
        asked = parse_qs(query)
        combined = place.startswith("/stream")
        named = asked.get("streams", [""])[0] if combined else unquote(place.removeprefix("/ws"))
        wanted = [name for name in named.split("/") if name]
        if len(wanted) > MOST_STREAMS:
            return Turned(400, {"code": 2, "msg": "Invalid request: too many streams"})
        stamp = frames.stamp_of(asked.get("timeUnit", [""])[0])
        return SpotPeer(self, wanted, combined=combined, stamp=stamp)

    # --- who wants what ------------------------------------------------------------------------

    def follow(self, peer: SpotPeer, names: Iterable[str]) -> None:
        """Tell a client these streams from now on."""
        now_ms = self._world.time() // NANOS_PER_MS
        for name in names:
            self._audiences.setdefault(name, {})[peer] = None
            interval = name.partition("@kline_")[2]
            if interval in INTERVALS_MS:
                self._untold.setdefault(name, now_ms - now_ms % INTERVALS_MS[interval])
        if not self._beating and self._audiences:
            self._beating = True
            self._plan_beat(self._world.time())

    def unfollow(self, peer: SpotPeer, names: Iterable[str]) -> None:
        """Tell a client these streams no more."""
        for name in names:
            audience = self._audiences.get(name, {})
            audience.pop(peer, None)
            if not audience:
                self._audiences.pop(name, None)
                self._untold.pop(name, None)

    def _tell(self, stream: str, make: _Make) -> None:
        audience = self._audiences.get(stream)
        if audience is None:
            return
        written: dict[Stamp, bytes] = {}
        for peer in tuple(audience):
            data = written.get(peer.stamp)
            if data is None:
                data = written[peer.stamp] = _encode(make(peer.stamp))
            peer.tell(stream, data)

    # --- with every trade ----------------------------------------------------------------------

    def _moved(self, moved: SpotMoved) -> None:
        if not self._audiences:
            return
        pair, trade = moved.pair, moved.trade
        symbol, told = pair.symbol.lower(), self.told(trade.at_ns)
        self._tell(f"{symbol}@trade", partial(frames.trade, pair.symbol, trade, told))
        self._tell(f"{symbol}@aggTrade", partial(frames.agg_trade, pair.symbol, trade, told))
        self._tell(f"{symbol}@bookTicker", lambda _stamp: frames.book_ticker(pair))
        for width in _SPEEDS:
            self._collect(moved, width)

    # --- the book ------------------------------------------------------------------------------

    def _collect(self, moved: SpotMoved, width_ms: int) -> None:
        """Put changes aside until the next frame of the depth streams is due."""
        key = (moved.pair.symbol, width_ms)
        diff = self._diffs.get(key)
        if diff is None:
            symbol, speed = moved.pair.symbol.lower(), _SPEEDS[width_ms]
            names = (f"{symbol}@depth{levels}{speed}" for levels in ("", *_PARTIAL))
            if not any(name in self._audiences for name in names):
                return
            diff = self._diffs[key] = _Diff(moved.pair.update_id)
            span = width_ms * NANOS_PER_MS
            due = moved.trade.at_ns - moved.trade.at_ns % span + span
            self._world.agenda.plan(due, lambda at: self._depth(moved.pair, width_ms, at))
        diff.bids.update(moved.bids)
        diff.asks.update(moved.asks)

    def _depth(self, pair: Pair, width_ms: int, at: Nanos) -> None:
        diff = self._diffs.pop((pair.symbol, width_ms))
        symbol, speed, told = pair.symbol.lower(), _SPEEDS[width_ms], self.told(at)

        def update(stamp: Stamp) -> object:
            return {
                "e": "depthUpdate",
                "E": stamp(told),
                "s": pair.symbol,
                "U": diff.first,
                "u": pair.update_id,
                "b": frames.level_rows(sorted(diff.bids.items(), reverse=True)),
                "a": frames.level_rows(sorted(diff.asks.items())),
            }

        self._tell(f"{symbol}@depth{speed}", update)
        for levels in _PARTIAL:
            name = f"{symbol}@depth{levels}{speed}"
            self._tell(name, partial(_partial_depth, pair, levels))

    # --- every second --------------------------------------------------------------------------

    def _plan_beat(self, now: Nanos) -> None:
        due = now - now % NANOS_PER_SECOND + NANOS_PER_SECOND
        self._world.agenda.plan(due, self._beat)

    def _beat(self, at: Nanos) -> None:
        if not self._audiences:
            self._beating = False
            return
        pairs = self._market.pairs.values()
        for pair in pairs:
            self._tell_statistics(pair, at)
        if pairs:
            self._tell(
                _EVERYBODY,
                lambda stamp: [self._mini(pair, at, stamp) for pair in pairs],
            )
        for name in tuple(self._untold):
            self._tell_candles(name, at)
        self._plan_beat(at)

    def _tell_statistics(self, pair: Pair, at: Nanos) -> None:
        symbol, told = pair.symbol.lower(), self.told(at)
        self._tell(f"{symbol}@miniTicker", lambda stamp: self._mini(pair, at, stamp))
        self._tell(f"{symbol}@avgPrice", partial(frames.avg_price, pair, at, told))
        if f"{symbol}@ticker" in self._audiences:
            day = pair.candles.day(at // NANOS_PER_MS)
            assert day is not None
            self._tell(f"{symbol}@ticker", partial(frames.ticker, pair, day, told))

    def _mini(self, pair: Pair, at: Nanos, stamp: Stamp) -> object:
        day = pair.candles.day(at // NANOS_PER_MS)
        assert day is not None
        return frames.mini_ticker(pair.symbol, day, self.told(at), stamp)

    def _tell_candles(self, stream: str, at: Nanos) -> None:
        """Tell the end of every bar that ended, once, and how the present one stands."""
        symbol, _, name = stream.partition("@kline_")
        pair = self._market.pairs.get(symbol.upper())
        if pair is None or symbol != symbol.lower():
            return
        width, at_ms, told = INTERVALS_MS[name], at // NANOS_PER_MS, self.told(at)
        for bar in pair.candles.since(name, self._untold[stream], at_ms):
            closed = bar.open_ms + width <= at_ms
            if closed:
                self._untold[stream] = bar.open_ms + width
            elif name != "1s" and at_ms // 1_000 % 2:
                break  # a bar that goes on is told every two seconds
            self._tell(stream, partial(_kline, pair.symbol, name, bar, told, closed))


def _kline(symbol: str, name: str, bar: Candle, told: Nanos, closed: bool, stamp: Stamp) -> object:
    return frames.kline(symbol, name, bar, told, stamp, closed=closed)


def _partial_depth(pair: Pair, levels: int, _stamp: Stamp) -> object:
    return frames.depth(pair, levels)
