"""The user channel, ``/ws/user``: what becomes of a key's orders and trades."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from underround.local_venue.faults import Stream
from underround.local_venue.net.later import plan_soon
from underround.local_venue.net.socket_host import Audience, Peer
from underround.local_venue.polymarket.streams import user_frames as frames
from underround.local_venue.polymarket.streams.market_channel import INVALID, PING, PONG
from underround.local_venue.world import World, WorldEvent
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import Market
from underround.model.units import Nanos
from underround.simulation.matching.terms import (
    BookOrder,
    OrderClosed,
    OrderFilled,
    OrderRested,
    Trade,
    TradeMoved,
)

AT_ONCE_NS: Final = 5 * NANOS_PER_SECOND
"""Who has not subscribed by then is dropped; the venue says "immediately" and no number."""


class _Auth(msgspec.Struct):
    """API credentials, in clear."""

    apiKey: str  # noqa: N815 - the venue's word
    secret: str
    passphrase: str


class _Request(msgspec.Struct):
    """What a client sends, first or later."""

    type: str | None = None
    auth: _Auth | None = None
    markets: list[str] | None = None
    operation: str | None = None


_request: Final = msgspec.json.Decoder(_Request).decode


class UserPeer(Peer):
    """One client of the user channel."""

    def __init__(self, channel: UserChannel) -> None:
        """Begin as nobody."""
        self._channel = channel
        self.key = ""
        """API key, once it proved to be let in."""
        self.markets: set[str] = set()
        """Condition ids; none of them: every market."""

    def opened(self) -> None:
        """Wait for the subscription, not for long."""
        self._channel.expect(self)

    def gone(self) -> None:
        """Leave the audience."""
        self._channel.left(self)

    def heard(self, payload: bytes) -> None:
        """Take the subscription, an operation or a ping; who is not known is dropped."""
        if payload == PING:
            self.answer(PONG)
            return
        try:
            request = _request(payload)
        except (ValueError, RecursionError):
            request = _Request()
        if not self.key:
            self._enter(request)
        elif request.operation in {"subscribe", "unsubscribe"} and request.markets is not None:
            self._follow(request.operation, request.markets)
        elif request.type != "user":
            self.send(INVALID)

    def _enter(self, request: _Request) -> None:
        auth = request.auth
        if request.type != "user" or auth is None or not self._channel.knows(auth):
            self.cut()
            return
        self.key = auth.apiKey
        self.markets = set(request.markets or ())
        self._channel.joined(self)

    def _follow(self, operation: str, markets: list[str]) -> None:
        """Take markets in or out; who has taken the last one out hears of every market again.

        The venue's SDK relies on that when it goes from some markets to all, and back.
        """
        if operation == "subscribe":
            self.markets |= set(markets)
        else:
            self.markets -= set(markets)

    def follows(self, market: MarketId) -> bool:
        """Whether it wants to hear about a market."""
        return not self.markets or market.native in self.markets


class UserChannel:
    """The door of ``/ws/user``."""

    stream: Stream = "polymarket.user"

    def __init__(self, world: World) -> None:
        """Tell what happens to orders and trades from now on; nothing is told again."""
        self._world = world
        self._peers: dict[str, dict[UserPeer, None]] = {}
        """Who is let in, by API key."""
        world.bus.listen(self._heard, OrderRested, OrderFilled, OrderClosed, TradeMoved)

    # --- clients ---------------------------------------------------------------------------------

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer:
        """Let anybody in: who they are is in their first frame."""
        del path, headers
        return UserPeer(self)

    def expect(self, peer: UserPeer) -> None:
        """Drop a client that does not subscribe at once."""

        def look(_now: Nanos) -> None:
            if not peer.key:
                peer.cut()

        plan_soon(self._world, self._world.clock.now() + AT_ONCE_NS, look)

    def knows(self, auth: _Auth) -> bool:
        """Whether credentials are right."""
        login = self._world.accounts.logins.get(auth.apiKey)
        return login is not None and (
            secrets.compare_digest(login.secret.encode(), auth.secret.encode())
            and secrets.compare_digest(login.passphrase.encode(), auth.passphrase.encode())
        )

    def joined(self, peer: UserPeer) -> None:
        """Count a client in."""
        self._peers.setdefault(peer.key, {})[peer] = None

    def left(self, peer: UserPeer) -> None:
        """Count a client out."""
        peers = self._peers.get(peer.key)
        if peers is not None:
            peers.pop(peer, None)
            if not peers:
                del self._peers[peer.key]

    # --- what happened ---------------------------------------------------------------------------

    def _heard(self, event: WorldEvent) -> None:
        if not self._peers:
            return
        if isinstance(event, OrderRested):
            self._order(event.order, "PLACEMENT", event.at_ns)
        elif isinstance(event, OrderFilled):
            self._order(event.order, "UPDATE", event.at_ns)
        elif isinstance(event, OrderClosed):
            self._order(event.order, "CANCELLATION", event.at_ns)
        elif isinstance(event, TradeMoved):
            self._trade(event.trade, event.at_ns)

    def _order(self, order: BookOrder, news: frames.OrderNews, at: Nanos) -> None:
        market = self._market(frames.market_of(order))
        if market is not None and (peers := self._followers(order.sent.owner, market)):
            Audience.broadcast(frames.order(order, market, news, at), peers)

    def _trade(self, trade: Trade, at: Nanos) -> None:
        market = self._market(trade.market)
        if market is None:
            return
        for owner, side in _told(trade):
            if peers := self._followers(owner, market):
                Audience.broadcast(frames.trade(trade, market, owner, side, at), peers)

    def _followers(self, owner: str, market: Market) -> list[UserPeer]:
        return [peer for peer in self._peers.get(owner, ()) if peer.follows(market.id)]

    def _market(self, market: MarketId) -> Market | None:
        if market.venue != POLYMARKET:
            return None
        row = self._world.catalogue.markets.get(market)
        return None if row is None else row.listing.market


def _told(trade: Trade) -> Iterator[tuple[str, frames.TraderSide]]:
    """Yield who is told about a trade, and as what: the taker, then every maker's key once."""
    yield trade.owner, "TAKER"
    told = {trade.owner}
    for fill in trade.makers:
        if fill.owner not in told:
            told.add(fill.owner)
            yield fill.owner, "MAKER"
