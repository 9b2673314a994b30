"""PolyBolt: the reference prices of today, for whoever has credentials of the CLOB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from underround.local_venue.accounts import Accounts
from underround.local_venue.faults import Stream
from underround.local_venue.net.peers import Peer
from underround.local_venue.references.relays import Relay, RelayPeer, number, price_at
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Money, Nanos, decimal_text

SPOT: Final = "price.crypto"
TWAP: Final = "price.crypto.twap"
_MOST_SUBSCRIPTIONS: Final = 64
_MOST_AUTHS: Final = 8
_encode: Final = msgspec.json.encode


class _Auth(msgspec.Struct):
    apiKey: str  # noqa: N815 - the venue's own name
    secret: str
    passphrase: str


class _Filter(msgspec.Struct):
    symbol: str


class _Wanted(msgspec.Struct):
    channel: str
    filter: _Filter


class _Operation(msgspec.Struct):
    op: str
    rid: str = ""
    auth: _Auth | None = None
    subscriptions: list[_Wanted] = []


_operation: Final = msgspec.json.Decoder(_Operation).decode


class PolyboltPeer(RelayPeer):
    """A client of PolyBolt: it authenticates, then subscribes."""

    def __init__(self, relay: Relay, accounts: Accounts) -> None:
        """Credentials are those of the CLOB."""
        super().__init__(relay)
        self._accounts = accounts
        self._authed = False
        self._auths = 0
        self._wanted: dict[tuple[str, str], None] = {}
        self._numbers: dict[str, int] = {}

    def heard(self, payload: bytes) -> None:
        """Carry out an operation."""
        try:
            operation = _operation(payload)
        except (ValueError, RecursionError):
            self._error("bad_frame", "", "")
            return
        if operation.op == "ping":
            self.answer(_encode({"op": "pong", "rid": operation.rid}))
        elif operation.op == "auth":
            self._auth(operation)
        elif operation.op in {"subscribe", "unsubscribe"}:
            for wanted in operation.subscriptions:
                self._change(operation, wanted)
        else:
            self._error("unknown_op", "", operation.rid)

    def _auth(self, operation: _Operation) -> None:
        self._auths += 1
        given = operation.auth
        login = None if given is None else self._accounts.logins.get(given.apiKey)
        granted = (
            given is not None
            and login is not None
            and (login.secret, login.passphrase) == (given.secret, given.passphrase)
        )
        if granted and self._auths <= _MOST_AUTHS:
            self._authed = True
            self.answer(_encode({"op": "authed", "rid": operation.rid}))
            return
        self._error("auth_failed", "", operation.rid)
        self.close(4001)

    def _change(self, operation: _Operation, wanted: _Wanted) -> None:
        channel, symbol, rid = wanted.channel, wanted.filter.symbol, operation.rid
        key = (channel, symbol)
        if operation.op == "unsubscribe":
            self._wanted.pop(key, None)
            self.answer(_encode({"op": "unsubscribed", "channel": channel, "rid": rid}))
        elif not self._authed:
            self._error("auth_required", channel, rid)
        elif channel not in {SPOT, TWAP} or self._pair(symbol) is None:
            self._error(
                "unknown_channel" if channel not in {SPOT, TWAP} else "bad_filter", channel, rid
            )
        elif len(self._wanted) >= _MOST_SUBSCRIPTIONS:
            self._error("too_many_subscriptions", channel, rid)
        else:
            self.answer(_encode({"op": "subscribed", "channel": channel, "rid": rid}))
            if key not in self._wanted:
                self._wanted[key] = None
                self._snapshot(channel, symbol)

    def tick(self, at: Nanos) -> None:
        """Tell every subscribed price."""
        for channel, symbol in self._wanted:
            pair = self._pair(symbol)
            seconds = 60 if channel == TWAP else 0
            price = None if pair is None else price_at(self.relay.world, pair, at, seconds)
            if price is not None:
                point = _point(at // NANOS_PER_MS, price)
                self._data(channel, {"symbol": symbol, **_kind(channel), **point}, snapshot=False)

    def _snapshot(self, channel: str, symbol: str) -> None:
        pair = self._pair(symbol)
        assert pair is not None
        seconds = 60 if channel == TWAP else 0
        told = self.history(pair, self.relay.world.clock.now(), seconds)
        body = {"symbol": symbol, **_kind(channel), "data": [_point(*each) for each in told]}
        self._data(channel, body, snapshot=True)

    def _data(self, channel: str, payload: object, *, snapshot: bool) -> None:
        number_ = self._numbers[channel] = self._numbers.get(channel, 0) + 1
        head: dict[str, object] = {
            "v": 1,
            "channel": channel,
            "seq": number_,
            "ts": self.relay.world.clock.now() // NANOS_PER_MS,
        }
        if snapshot:
            head["snapshot"] = True
        self.send(_encode(head | {"payload": payload}))

    def _pair(self, symbol: str) -> str | None:
        pair = f"{symbol.removesuffix('usd')}/usd"
        known = symbol.endswith("usd") and pair in self.relay.world.prices.symbols
        return pair if known else None

    def _error(self, code: str, channel: str, rid: str) -> None:
        body = {"op": "error", "code": code, "channel": channel, "rid": rid}
        self.answer(_encode({key: value for key, value in body.items() if value}))


def _kind(channel: str) -> dict[str, object]:
    if channel == TWAP:
        return {"source": "chainlink", "window_seconds": 60}
    return {"source": "pyth"}


def _point(ms: int, price: Money) -> dict[str, object]:
    return {
        "timestamp": ms,
        "value": number(price),
        "full_accuracy_value": f"{decimal_text(price)}",
    }


class PolyboltDoor:
    """The door of ``/ws`` on the host of live prices."""

    stream: Stream = "polymarket.polybolt"

    def __init__(self, world: World) -> None:
        """Tell the prices of ``world``."""
        self._relay = Relay(world)
        self._accounts = world.accounts

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer:
        """Let anybody in; nothing is told before the credentials are checked."""
        del path, headers
        return PolyboltPeer(self._relay, self._accounts)
