"""One client of Kalshi's WebSocket: what it asks for, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from underround.local_venue.kalshi import frames, indices
from underround.local_venue.kalshi.commands import ERRORS, Failed, Params, read_command
from underround.local_venue.kalshi.members import ApiKey
from underround.local_venue.kalshi.subscriptions import (
    BOOK,
    CHANNELS,
    INDEX,
    OF_MARKETS,
    TICKER,
    Subscription,
)
from underround.local_venue.net.later import plan_soon
from underround.local_venue.net.peers import Peer
from underround.model.ids import KALSHI, MarketId
from underround.model.units import Nanos

if TYPE_CHECKING:
    from underround.local_venue.kalshi.doors import KalshiDoor

HEARTBEAT_NS: Final[Nanos] = 10 * 10**9


class KalshiPeer(Peer):
    """One connection; its subscriptions and their numbers begin at 1."""

    def __init__(self, door: KalshiDoor, key: ApiKey) -> None:
        """``key`` signed the handshake."""
        self._door = door
        self.key = key
        self.account = key.member
        self._subscriptions: dict[int, Subscription] = {}
        self._last_sid = 0

    # --- the connection ------------------------------------------------------------------------

    def opened(self) -> None:
        """Begin the heartbeat."""
        self._beat(self._door.desk.world.clock.now(), first=True)

    def _beat(self, now: Nanos, *, first: bool = False) -> None:
        if not self.here or self.transport is None:
            return
        if not first:
            self.transport.send_ping(b"heartbeat")
        plan_soon(self._door.desk.world, now + HEARTBEAT_NS, self._beat)

    def gone(self) -> None:
        """Forget the subscriptions."""
        for one in self._subscriptions.values():
            self._door.subscribers.remove(one)
        self._subscriptions.clear()

    # --- commands ------------------------------------------------------------------------------

    def heard(self, payload: bytes) -> None:
        """Carry out a command."""
        try:
            command = read_command(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._error(0, 1)
            return
        commands: dict[str, Callable[[int, Params], None]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "update_subscription": self._update,
        }
        try:
            if command.cmd == "list_subscriptions":
                self._list(command.id)
                return
            carry_out = commands.get(command.cmd)
            if carry_out is None:
                raise Failed(5)
            if command.params is None:
                raise Failed(2)
            carry_out(command.id, command.params)
        except Failed as failed:
            self._error(command.id, failed.code)

    def _subscribe(self, number: int, params: Params) -> None:
        if not params.channels:
            raise Failed(3)
        if not set(params.channels) <= CHANNELS:
            raise Failed(8)
        if BOOK in params.channels and params.tickers is None:
            raise Failed(14)
        for channel in params.channels:
            known = next(
                (one for one in self._subscriptions.values() if one.channel == channel), None
            )
            if known is None:
                self._begin(number, channel, params)
            else:
                self._again(number, known, params)

    def _begin(self, number: int, channel: str, params: Params) -> None:
        self._last_sid += 1
        made = Subscription(self._last_sid, channel, self)
        if channel in OF_MARKETS and params.tickers is not None:
            made.markets = dict.fromkeys(params.tickers)
        made.yes_price = bool(params.use_yes_price)
        made.indices = dict.fromkeys(params.index_ids or ())
        self._subscriptions[made.sid] = made
        self._door.subscribers.add(made)
        told = {"channel": channel, "sid": made.sid}
        self._say({"type": "subscribed", "id": number, "msg": told})
        if channel == INDEX:
            self._door.tick()
        self._restate(made, list(made.markets or ()), params)

    def _again(self, number: int, one: Subscription, params: Params) -> None:
        """Take a second subscription to a channel: more markets for the first one."""
        new = [each for each in params.tickers or () if one.markets and each not in one.markets]
        self._add(one, new)
        self._ok(number, one)
        self._restate(one, new, params)

    def _unsubscribe(self, number: int, params: Params) -> None:
        if not params.sids:
            raise Failed(4)
        for sid in params.sids:
            one = self._subscriptions.pop(sid, None)
            if one is None:
                self._error(number, 7)
                continue
            self._door.subscribers.remove(one)
            self._say({"id": number, "sid": sid, "seq": one.number(), "type": "unsubscribed"})

    def _list(self, number: int) -> None:
        told = [{"channel": one.channel, "sid": one.sid} for one in self._subscriptions.values()]
        self._say({"type": "ok", "id": number, "msg": told})

    # --- changing a subscription ---------------------------------------------------------------

    def _update(self, number: int, params: Params) -> None:
        sids = params.sids if params.sids is not None else [params.sid] if params.sid else []
        if not sids and params.sids is None:
            raise Failed(4)
        if len(sids) != 1:
            raise Failed(12)
        one = self._subscriptions.get(sids[0])
        if one is None:
            raise Failed(7)
        if not params.action:
            raise Failed(15)
        if one.channel == INDEX:
            self._update_indices(number, one, params)
        else:
            self._update_markets(number, one, params)

    def _update_markets(self, number: int, one: Subscription, params: Params) -> None:
        if params.action not in {"add_markets", "delete_markets", "get_snapshot"}:
            raise Failed(13)
        tickers = params.tickers
        if tickers is None:
            raise Failed(14)
        if params.action == "get_snapshot":
            if one.channel != BOOK:
                raise Failed(13)
            self._snapshots(one, [each for each in tickers if each in (one.markets or ())])
            return
        if one.channel not in OF_MARKETS:
            raise Failed(13)
        if params.action == "delete_markets":
            self._door.subscribers.narrow(one, tickers)
            for each in tickers:
                (one.markets or {}).pop(each, None)
            self._ok(number, one)
            return
        new = [each for each in tickers if each not in (one.markets or {})]
        self._add(one, new)
        self._ok(number, one)
        self._restate(one, new, params)

    def _update_indices(self, number: int, one: Subscription, params: Params) -> None:
        if params.action == "indexlist":
            told = {"index_ids": indices.known_indices(self._door.desk.world)}
            kind = "cfbenchmarks_value_indexlist"
            row = {"type": kind, "id": number, "sid": one.sid, "seq": one.number(), "msg": told}
            self._say(row)
            return
        if params.action not in {"subscribe_indices", "unsubscribe_indices"}:
            raise Failed(13)
        if not params.index_ids:
            raise Failed(24)
        for each in params.index_ids:
            if params.action == "subscribe_indices":
                one.indices[each] = None
            else:
                one.indices.pop(each, None)
        told = {"index_ids": list(one.indices)}
        self._say({"type": "ok", "id": number, "sid": one.sid, "seq": one.number(), "msg": told})

    def _add(self, one: Subscription, tickers: list[str]) -> None:
        if one.markets is not None:
            one.markets |= dict.fromkeys(tickers)
            self._door.subscribers.widen(one, tickers)

    # --- what is said --------------------------------------------------------------------------

    def _restate(self, one: Subscription, tickers: list[str], params: Params) -> None:
        """Say how things stand in markets that are new to a subscription."""
        if one.channel == BOOK:
            self._snapshots(one, tickers)
        elif one.channel == TICKER and params.send_initial_snapshot:
            desk = self._door.desk
            chosen = (
                tickers
                if one.markets is not None
                else [row.listing.market.id.native for row in desk.rows()]
            )
            for each in chosen:
                if desk.listed(each) is not None:
                    body = frames.ticker(desk, MarketId(KALSHI, each), desk.world.clock.now())
                    one.tell("ticker", body, self._now_ms())

    def _snapshots(self, one: Subscription, tickers: list[str]) -> None:
        for each in tickers:
            levels = self._door.levels(each)
            body = frames.snapshot(self._door.desk, each, levels, yes_price=one.yes_price)
            one.tell("orderbook_snapshot", body, self._now_ms())

    def _ok(self, number: int, one: Subscription) -> None:
        row: dict[str, Any] = {"type": "ok", "id": number, "sid": one.sid, "seq": one.number()}
        row["msg"] = {} if one.markets is None else {"market_tickers": sorted(one.markets)}
        self._say(row)

    def _error(self, number: int, code: int) -> None:
        row: dict[str, Any] = {"type": "error"}
        if number:
            row["id"] = number
        self._say(row | {"msg": {"code": code, "msg": ERRORS[code]}})

    def _say(self, row: dict[str, Any]) -> None:
        row["sending_ts_ms"] = self._now_ms()
        self.send(msgspec.json.encode(row))

    def _now_ms(self) -> int:
        return self._door.desk.world.clock.now() // 1_000_000
