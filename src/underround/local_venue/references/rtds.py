"""RTDS: the relay of reference prices until October 2026, with its traps.

A space in ``filters`` brings the snapshot and then silence; one unknown topic spoils its whole
frame; pings get no answer; Chainlink's snapshot comes under Binance's topic; and
``full_accuracy_value`` is times 10^18 on Chainlink's topics, a plain decimal on Binance's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from underround.local_venue.faults import Stream
from underround.local_venue.net.peers import Peer
from underround.local_venue.references.relays import (
    Relay,
    RelayPeer,
    full_accuracy,
    number,
    price_at,
)
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos

BINANCE: Final = "crypto_prices"
CHAINLINK: Final = "crypto_prices_chainlink"
TWAP_SECONDS: Final = {"crypto_prices_twap_sixty": 60, "crypto_prices_twap_thirty": 30}
_PRICED: Final = frozenset((BINANCE, CHAINLINK, *TWAP_SECONDS))
_SILENT: Final = frozenset(("equity_prices", "comments", "activity", "rfq"))
"""Topics that are known and about which nothing happens here."""
_encode: Final = msgspec.json.encode


class _Subscription(msgspec.Struct):
    topic: str
    type: str = "*"
    filters: str = ""


class _Action(msgspec.Struct):
    action: str
    subscriptions: list[_Subscription] = []


class _Filter(msgspec.Struct):
    symbol: str


_action: Final = msgspec.json.Decoder(_Action).decode
_filter: Final = msgspec.json.Decoder(_Filter).decode


class RtdsPeer(RelayPeer):
    """A client of RTDS."""

    def __init__(self, relay: Relay) -> None:
        """Begin without subscriptions."""
        super().__init__(relay)
        self._wanted: dict[tuple[str, str], bool] = {}
        """Topic and symbol (empty: all) → whether updates follow the snapshot."""

    def heard(self, payload: bytes) -> None:
        """Subscribe or unsubscribe; everything else is passed over in silence."""
        try:
            action = _action(payload)
            asked = [(each, _symbol(each)) for each in action.subscriptions]
        except (ValueError, RecursionError):
            return
        if any(each.topic not in _PRICED | _SILENT for each, _ in asked):
            return
        for each, symbol in asked:
            key = (each.topic, symbol)
            if action.action == "unsubscribe":
                self._wanted.pop(key, None)
            elif action.action == "subscribe" and each.topic in _PRICED and key not in self._wanted:
                self._wanted[key] = " " not in each.filters
                for pair in self._pairs(*key):
                    self._snapshot(each.topic, pair)

    def _pairs(self, topic: str, symbol: str) -> Iterator[str]:
        """Yield our names of the prices that a subscription is about."""
        for pair in self.relay.world.prices.symbols:
            if symbol in {"", _named(topic, pair)}:
                yield pair

    def _snapshot(self, topic: str, pair: str) -> None:
        told = self.history(pair, TWAP_SECONDS.get(topic, 0))
        data = [{"timestamp": ms, "value": number(price)} for ms, price in told]
        label = BINANCE if topic == CHAINLINK else topic
        self._tell(label, "subscribe", {"symbol": _named(topic, pair), "data": data})

    def tick(self, second: Nanos) -> None:
        """Tell every subscribed price, once."""
        told: dict[tuple[str, str], None] = {}
        for (topic, symbol), alive in self._wanted.items():
            if alive:
                told.update(dict.fromkeys((topic, pair) for pair in self._pairs(topic, symbol)))
        for topic, pair in told:
            self._update(topic, pair, second)

    def _update(self, topic: str, pair: str, second: Nanos) -> None:
        price = price_at(self.relay.world, pair, second, TWAP_SECONDS.get(topic, 0))
        if price is None:
            return
        payload: dict[str, object] = {
            "symbol": _named(topic, pair),
            "timestamp": second // NANOS_PER_MS,
            "value": number(price),
            "full_accuracy_value": (
                full_accuracy(price) if topic == BINANCE else str(price * 10**12)
            ),
        }
        if topic in TWAP_SECONDS:
            payload["window_s"] = TWAP_SECONDS[topic]
        self._tell(topic, "update", payload)

    def _tell(self, topic: str, kind: str, payload: object) -> None:
        body = {"topic": topic, "type": kind, "timestamp": self.relay.told_ms(), "payload": payload}
        self.send(_encode(body))


def _symbol(subscription: _Subscription) -> str:
    return _filter(subscription.filters.encode()).symbol if subscription.filters else ""


def _named(topic: str, pair: str) -> str:
    return f"{pair.partition('/')[0]}usdt" if topic == BINANCE else pair


class RtdsDoor:
    """The door of the host's root."""

    stream: Stream = "polymarket.rtds"

    def __init__(self, world: World) -> None:
        """Tell the prices of ``world``."""
        self._relay = Relay(world)

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer:
        """Let anybody in."""
        del path, headers
        return RtdsPeer(self._relay)
