"""PolyBolt: the reference prices of today, for whoever has credentials of the CLOB.

What the venue's documents leave open is a choice of ours: the words of the error codes besides
``auth_required``, and that whoever breaks a rule is told so and then closed with 4008.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from hmac import compare_digest
from typing import Final

import msgspec

from underround.local_venue.accounts import Accounts
from underround.local_venue.faults import Stream
from underround.local_venue.net.peers import Peer
from underround.local_venue.references.pings import Pings
from underround.local_venue.references.relays import (
    Relay,
    RelayPeer,
    full_accuracy,
    number,
    price_at,
)
from underround.local_venue.world import World
from underround.model.units import Money, Nanos

SPOT: Final = "price.crypto"
TWAP: Final = "price.crypto.twap"
MOST_SUBSCRIPTIONS: Final = 64
MOST_AUTHS: Final = 8
MOST_OPERATIONS: Final = 20
"""Subscribing frames a second."""
LARGEST_FRAME: Final = 64 << 10
PING_S: Final = 25.0
WRONG_CREDENTIALS: Final = 4001
BROKE_A_RULE: Final = 4008
_SECONDS: Final = 60
_SYMBOLS: Final = frozenset(("btcusd", "ethusd", "solusd", "dogeusd", "xrpusd", "bnbusd"))
_KNOWN: Final = {SPOT: _SYMBOLS, TWAP: _SYMBOLS | {"hypeusd", "zecusd"}}
"""What the venue has; what has no price here has empty snapshots, and so has every other price."""
_encode: Final = msgspec.json.encode


class _Auth(msgspec.Struct):
    apiKey: str  # noqa: N815 - the venue's own name
    secret: str
    passphrase: str


class _Filter(msgspec.Struct):
    symbol: str
    window_seconds: int | None = None


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
        self._operations: deque[float] = deque(maxlen=MOST_OPERATIONS)
        self._pings = Pings(self, lambda: b"", PING_S)

    def opened(self) -> None:
        """Join, and be pinged from now on."""
        super().opened()
        self._pings.start()

    def gone(self) -> None:
        """Leave."""
        super().gone()
        self._pings.stop()

    def heard(self, payload: bytes) -> None:
        """Carry out an operation."""
        if len(payload) > LARGEST_FRAME:
            self._broke("frame_too_large")
            return
        try:
            operation = _operation(payload)
        except (ValueError, RecursionError):
            self._error("bad_frame", "", "")
            return
        if operation.op == "ping":
            self.answer(_encode({"op": "pong", "rid": operation.rid}))
        elif operation.op == "auth":
            self._auth(operation)
        elif operation.op not in {"subscribe", "unsubscribe"}:
            self._error("unknown_op", "", operation.rid)
        elif self._too_fast():
            self._broke("rate_limited", operation.rid)
        else:
            for wanted in operation.subscriptions:
                self._change(operation, wanted)

    # --- who it is -----------------------------------------------------------------------------

    def _auth(self, operation: _Operation) -> None:
        self._auths += 1
        if self._auths > MOST_AUTHS:
            self._broke("too_many_auths", operation.rid)
        elif self._granted(operation.auth):
            self._authed = True
            self.send(_encode({"op": "authed", "rid": operation.rid}))
        else:
            self._error("auth_failed", "", operation.rid)
            self.close(WRONG_CREDENTIALS)

    def _granted(self, given: _Auth | None) -> bool:
        """Whether the credentials are a login's; how long it takes does not tell how wrong."""
        login = None if given is None else self._accounts.logins.get(given.apiKey)
        if given is None or login is None:
            return False
        secret = compare_digest(login.secret.encode(), given.secret.encode())
        passphrase = compare_digest(login.passphrase.encode(), given.passphrase.encode())
        return secret & passphrase

    def _too_fast(self) -> bool:
        now, before = asyncio.get_running_loop().time(), self._operations
        too_fast = len(before) == MOST_OPERATIONS and now - before[0] < 1
        before.append(now)
        return too_fast

    def _broke(self, code: str, rid: str = "") -> None:
        self._error(code, "", rid)
        self.close(BROKE_A_RULE)

    # --- what it wants -------------------------------------------------------------------------

    def _change(self, operation: _Operation, wanted: _Wanted) -> None:
        channel, symbol, rid = wanted.channel, wanted.filter.symbol, operation.rid
        key = (channel, symbol)
        if operation.op == "unsubscribe":
            self._wanted.pop(key, None)
            self.send(_encode({"op": "unsubscribed", "channel": channel, "rid": rid}))
        elif refused := self._refusal(wanted):
            self._error(refused, channel, rid)
        else:
            self.send(_encode({"op": "subscribed", "channel": channel, "rid": rid}))
            if key not in self._wanted:
                self._wanted[key] = None
                self._snapshot(channel, symbol)

    def _refusal(self, wanted: _Wanted) -> str | None:
        """Return why a subscription is refused, if it is."""
        channel, asked = wanted.channel, wanted.filter
        if not self._authed:
            return "auth_required"
        if channel not in _KNOWN:
            return "unknown_channel"
        priced = _pair(asked.symbol) in self.relay.world.prices.symbols
        window = _SECONDS if channel == TWAP else None
        if asked.window_seconds not in {None, window} or not (
            priced or asked.symbol in _KNOWN[channel]
        ):
            return "bad_filter"
        full = len(self._wanted) >= MOST_SUBSCRIPTIONS
        known = (channel, asked.symbol) in self._wanted
        return "too_many_subscriptions" if full and not known else None

    def _error(self, code: str, channel: str, rid: str) -> None:
        body = {"op": "error", "code": code, "channel": channel, "rid": rid}
        self.send(_encode({key: value for key, value in body.items() if value}))

    # --- what it is told -----------------------------------------------------------------------

    def tick(self, second: Nanos) -> None:
        """Tell every subscribed price."""
        for channel, symbol in tuple(self._wanted):
            price = price_at(self.relay.world, _pair(symbol), second, _seconds(channel))
            if price is not None:
                point = _point(second // 1_000_000, price)
                self._data(channel, {"symbol": symbol, **point, **_kind(channel)}, snapshot=False)

    def _snapshot(self, channel: str, symbol: str) -> None:
        told = self.history(_pair(symbol), _seconds(channel))
        points = [_point(*each) for each in told]
        body = {"symbol": symbol, **_kind(channel), "data": points}
        self._data(channel, body, snapshot=True)

    def _data(self, channel: str, payload: object, *, snapshot: bool) -> None:
        seq = self._numbers[channel] = self._numbers.get(channel, 0) + 1
        head: dict[str, object] = {
            "v": 1,
            "channel": channel,
            "seq": seq,
            "ts": self.relay.told_ms(),
        }
        if snapshot:
            head["snapshot"] = True
        self.send(_encode(head | {"payload": payload}))


def _pair(symbol: str) -> str:
    """Return our name of a price; of what is no price in dollars, one that nothing has."""
    return f"{symbol.removesuffix('usd')}/usd" if symbol.endswith("usd") else ""


def _seconds(channel: str) -> int:
    return _SECONDS if channel == TWAP else 0


def _kind(channel: str) -> dict[str, object]:
    if channel == TWAP:
        return {"source": "chainlink", "window_seconds": _SECONDS}
    return {"source": "pyth"}


def _point(ms: int, price: Money) -> dict[str, object]:
    return {
        "timestamp": ms,
        "value": number(price),
        "full_accuracy_value": full_accuracy(price),
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
