"""RTDS: the relay of reference prices until October 2026, with its traps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from underround.local_venue.faults import Stream
from underround.local_venue.net.peers import Peer
from underround.local_venue.references.relays import Relay, RelayPeer, number, price_at
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos, decimal_text

TWAP_SECONDS: Final = {"crypto_prices_twap_sixty": 60, "crypto_prices_twap_thirty": 30}
_encode: Final = msgspec.json.encode


class _Subscription(msgspec.Struct):
    topic: str
    type: str = "*"
    filters: str = ""


class _Action(msgspec.Struct):
    action: str
    subscriptions: list[_Subscription] = []


_action: Final = msgspec.json.Decoder(_Action).decode


class RtdsPeer(RelayPeer):
    """A client of RTDS.  Pings are not answered; a filter with a space is never matched."""

    def __init__(self, relay: Relay) -> None:
        """Begin without subscriptions."""
        super().__init__(relay)
        self._wanted: dict[tuple[str, str], None] = {}

    def heard(self, payload: bytes) -> None:
        """Subscribe or unsubscribe; one unknown topic spoils the whole frame."""
        try:
            action = _action(payload)
        except (ValueError, RecursionError):
            return
        if any(each.topic not in _TOPICS for each in action.subscriptions):
            return
        for each in action.subscriptions:
            for symbol in self._symbols(each):
                key = (each.topic, symbol)
                if action.action == "unsubscribe":
                    self._wanted.pop(key, None)
                elif action.action == "subscribe" and key not in self._wanted:
                    self._wanted[key] = None
                    self._snapshot(*key)

    def _symbols(self, subscription: _Subscription) -> list[str]:
        known = [_named(subscription.topic, pair) for pair in self.relay.world.prices.symbols]
        if not subscription.filters:
            return known
        return [each for each in known if subscription.filters == f'{{"symbol":"{each}"}}']

    def _snapshot(self, topic: str, symbol: str) -> None:
        told = self.history(_pair_of(symbol), self.relay.world.clock.now(), _seconds(topic))
        data = [{"timestamp": ms, "value": number(price)} for ms, price in told]
        # Chainlink's arrives under Binance's topic, told apart by the slash in its symbol.
        self._tell(
            "crypto_prices" if topic == "crypto_prices_chainlink" else topic,
            "subscribe",
            {
                "symbol": symbol,
                "data": data,
            },
        )

    def tick(self, at: Nanos) -> None:
        """Tell every subscribed price."""
        for topic, symbol in self._wanted:
            price = price_at(self.relay.world, _pair_of(symbol), at, _seconds(topic))
            if price is None:
                continue
            full = decimal_text(price) if topic == "crypto_prices" else str(price * 10**12)
            payload: dict[str, object] = {
                "symbol": symbol,
                "timestamp": at // NANOS_PER_MS,
                "value": number(price),
                "full_accuracy_value": full,
            }
            if topic in TWAP_SECONDS:
                payload["window_s"] = TWAP_SECONDS[topic]
            self._tell(topic, "update", payload)

    def _tell(self, topic: str, kind: str, payload: object) -> None:
        now_ms = self.relay.world.clock.now() // NANOS_PER_MS
        body = {"topic": topic, "type": kind, "timestamp": now_ms, "payload": payload}
        self.send(_encode(body))


_TOPICS: Final = frozenset(("crypto_prices", "crypto_prices_chainlink", *TWAP_SECONDS))


def _seconds(topic: str) -> int:
    return TWAP_SECONDS.get(topic, 0)


def _named(topic: str, pair: str) -> str:
    return f"{pair.partition('/')[0]}usdt" if topic == "crypto_prices" else pair


def _pair_of(symbol: str) -> str:
    return symbol if "/" in symbol else f"{symbol.removesuffix('usdt')}/usd"


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
