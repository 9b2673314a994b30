"""Binance's market streams: ``/ws/<stream>`` raw, ``/stream?streams=a/b`` combined."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec

from underround.local_venue.faults import Stream
from underround.local_venue.net.peers import Peer
from underround.local_venue.references.binance_market import (
    INTERVALS_MS,
    Candle,
    Pair,
    SpotMarket,
    SpotMoved,
    eight,
)
from underround.local_venue.references.binance_rest import agg_row
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos, Price, Size

PING_S: Final = 20.0
_STREAM: Final = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?P<kind>trade|aggTrade|bookTicker|kline|depth)"
    r"(?:_(?P<interval>\w+))?(?P<levels>5|10|20)?(?:@(?P<speed>100ms|1000ms))?"
)
_MOST_STREAMS: Final = 1_024
_encode: Final = msgspec.json.encode


class _Command(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[str] = []


_command: Final = msgspec.json.Decoder(_Command).decode


class _Diff:
    """Changes of a book since the last frame of the depth stream."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.bids: dict[Price, Size] = {}
        self.asks: dict[Price, Size] = {}


class SpotPeer(Peer):
    """One client."""

    def __init__(self, streams: SpotStreams, wanted: Sequence[str], *, combined: bool) -> None:
        """Begin with the streams of the address."""
        self._streams = streams
        self.wanted = dict.fromkeys(wanted)
        self.combined = combined
        self._pinging: asyncio.Task[None] | None = None

    def opened(self) -> None:
        """Join, and be pinged from now on."""
        self._streams.peers[self] = None
        self._pinging = asyncio.get_running_loop().create_task(self._ping())

    def gone(self) -> None:
        """Leave."""
        self._streams.peers.pop(self, None)
        if self._pinging is not None:
            self._pinging.cancel()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            if self.transport is not None and self.here:
                self.transport.send_ping(str(self._streams.now_ms()).encode())

    def heard(self, payload: bytes) -> None:
        """Take a command."""
        try:
            command = _command(payload)
        except (ValueError, RecursionError):
            self.answer(_encode({"code": 3, "msg": "Invalid JSON: expected value at line 1"}))
            return
        self.answer(_encode(self._obey(command)))

    def _obey(self, command: _Command) -> object:
        bad = [name for name in command.params if _STREAM.fullmatch(name) is None]
        if command.method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.wanted), "id": command.id}
        if command.method not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            return {"code": 2, "msg": "Invalid request: unknown variant", "id": command.id}
        if bad or len(self.wanted) + len(command.params) > _MOST_STREAMS:
            return {"code": 2, "msg": "Invalid request: request stream is invalid"}
        for name in command.params:
            if command.method == "SUBSCRIBE":
                self.wanted[name] = None
            else:
                self.wanted.pop(name, None)
        return {"result": None, "id": command.id}

    def tell(self, stream: str, data: bytes) -> None:
        """Send a frame of a stream."""
        if stream in self.wanted:
            self.send(
                b'{"stream":"%b","data":%b}' % (stream.encode(), data) if self.combined else data
            )


class SpotStreams:
    """The door of every stream; ``under`` it stand the paths ``/ws`` and ``/stream``."""

    stream: Stream = "binance.ws"

    def __init__(self, world: World, market: SpotMarket) -> None:
        """Tell what ``market`` does."""
        self._world = world
        self.peers: dict[SpotPeer, None] = {}
        self._diffs: dict[tuple[str, int], _Diff] = {}
        self._bars: dict[str, Candle] = {}
        """The candle each stream told last: when another one begins, its end is told."""
        market.listen(self._moved)

    def now_ms(self) -> int:
        """Return the venue's time in milliseconds."""
        return self._world.clock.now() // NANOS_PER_MS

    def admit(self, path: str, headers: Mapping[str, str]) -> SpotPeer:
        """Let anybody in; what is no stream's name is never told, as at the venue."""
        del headers
        place, _, query = path.partition("?")
        if place.startswith("/stream"):
            named = parse_qs(query).get("streams", [""])[0]
            return SpotPeer(self, [name for name in named.split("/") if name], combined=True)
        named = unquote(place.removeprefix("/ws").strip("/"))
        return SpotPeer(self, [name for name in named.split("/") if name], combined=False)

    # --- frames --------------------------------------------------------------------------------

    def _moved(self, moved: SpotMoved) -> None:
        pair, trade = moved.pair, moved.trade
        symbol, at = pair.symbol.lower(), trade.at_ns
        for width in (100, 1_000):
            self._collect(moved, width)
        if not self.peers:
            return
        told = self.now_ms()
        single = {
            "e": "trade",
            "E": told,
            "s": pair.symbol,
            "t": trade.id,
            "p": eight(trade.price),
            "q": eight(trade.size),
            "T": at // NANOS_PER_MS,
            "m": trade.sold,
            "M": True,
        }
        self._tell(f"{symbol}@trade", single)
        self._tell(
            f"{symbol}@aggTrade", {"e": "aggTrade", "E": told, "s": pair.symbol} | agg_row(trade)
        )
        self._tell(f"{symbol}@bookTicker", _book_ticker(pair))
        for name in INTERVALS_MS:
            self._tell_candle(pair, name, told)

    def _tell_candle(self, pair: Pair, name: str, told: int) -> None:
        stream = f"{pair.symbol.lower()}@kline_{name}"
        if not any(stream in peer.wanted for peer in self.peers):
            self._bars.pop(stream, None)
            return
        bar, before = pair.candles[name][-1], self._bars.get(stream)
        if before is not None and before is not bar:
            self._tell(stream, _kline(pair, name, before, told, closed=True))
        self._bars[stream] = bar
        self._tell(stream, _kline(pair, name, bar, told, closed=False))

    def _tell(self, stream: str, body: object) -> None:
        data = _encode(body)
        for peer in self.peers:
            peer.tell(stream, data)

    def _collect(self, moved: SpotMoved, width_ms: int) -> None:
        """Put changes aside until the next frame of the depth stream is due."""
        key = (moved.pair.symbol, width_ms)
        diff = self._diffs.get(key)
        if diff is None:
            diff = self._diffs[key] = _Diff(moved.pair.update_id)
            span = width_ms * NANOS_PER_MS
            due = moved.trade.at_ns - moved.trade.at_ns % span + span
            self._world.agenda.plan(due, lambda at: self._depth(moved.pair, width_ms, at))
        diff.bids.update(moved.bids)
        diff.asks.update(moved.asks)

    def _depth(self, pair: Pair, width_ms: int, at: Nanos) -> None:
        diff = self._diffs.pop((pair.symbol, width_ms))
        if not self.peers:
            return
        symbol, suffix = pair.symbol.lower(), "@100ms" if width_ms == 100 else ""
        update = {
            "e": "depthUpdate",
            "E": at // NANOS_PER_MS,
            "s": pair.symbol,
            "U": diff.first,
            "u": pair.update_id,
            "b": [[eight(price), eight(size)] for price, size in sorted(diff.bids.items())[::-1]],
            "a": [[eight(price), eight(size)] for price, size in sorted(diff.asks.items())],
        }
        self._tell(f"{symbol}@depth{suffix}", update)
        for levels in (5, 10, 20):
            self._tell(f"{symbol}@depth{levels}{suffix}", _partial(pair, levels))


def _book_ticker(pair: Pair) -> dict[str, object]:
    return {
        "u": pair.update_id,
        "s": pair.symbol,
        "b": eight(pair.bid),
        "B": eight(pair.bids[pair.bid]),
        "a": eight(pair.ask),
        "A": eight(pair.asks[pair.ask]),
    }


def _partial(pair: Pair, levels: int) -> dict[str, object]:
    bids, asks = sorted(pair.bids, reverse=True)[:levels], sorted(pair.asks)[:levels]
    return {
        "lastUpdateId": pair.update_id,
        "bids": [[eight(price), eight(pair.bids[price])] for price in bids],
        "asks": [[eight(price), eight(pair.asks[price])] for price in asks],
    }


def _kline(pair: Pair, name: str, bar: Candle, told: int, *, closed: bool) -> dict[str, object]:
    closes = bar.open_ms + INTERVALS_MS[name] - 1
    return {
        "e": "kline",
        "E": told,
        "s": pair.symbol,
        "k": {
            "t": bar.open_ms,
            "T": closes,
            "s": pair.symbol,
            "i": name,
            "f": bar.first,
            "L": bar.last,
            "o": eight(bar.open),
            "c": eight(bar.close),
            "h": eight(bar.high),
            "l": eight(bar.low),
            "v": eight(bar.base),
            "n": bar.trades,
            "x": closed,
            "q": eight(bar.quote),
            "V": eight(bar.bought),
            "Q": eight(bar.bought_quote),
            "B": "0",
        },
    }
