"""Kalshi's WebSocket: who comes in, and who is told what happens at the exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from underround.local_venue.faults import Stream
from underround.local_venue.kalshi import frames, indices, lifecycle
from underround.local_venue.kalshi.desk import KalshiDesk, public
from underround.local_venue.kalshi.peer import KalshiPeer
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.kalshi.subscriptions import (
    BOOK,
    FILL,
    GROUPS,
    INDEX,
    LIFECYCLE,
    ORDERS,
    POSITIONS,
    TICKER,
    TRADE,
    Subscribers,
)
from underround.local_venue.kalshi.verify import verified
from underround.local_venue.net.peers import Peer, Turned
from underround.local_venue.world import ListingForgotten, ListingTold, WorldEvent
from underround.model.ids import KALSHI, MarketId, OrderId
from underround.model.units import Nanos, Price, Size
from underround.simulation.matching.kalshi.terms import (
    Filled,
    GroupMoved,
    Holder,
    KalshiBookMoved,
    KalshiOrder,
    OrderChanged,
    PositionMoved,
    StageMoved,
)
from underround.simulation.matching.terms import (
    AccountId,
    Level,
    OrderClosed,
    OrderFilled,
    OrderRested,
    TicksMoved,
    Trade,
    TradeMoved,
)

_SENT: Final = 20_000


class KalshiDoor:
    """The one endpoint, for public and private channels; everybody signs."""

    stream: Stream = "kalshi.ws"

    def __init__(self, desk: KalshiDesk) -> None:
        """Listen from now on."""
        self.desk = desk
        self.subscribers = Subscribers()
        self._sizes: dict[MarketId, dict[tuple[bool, Price], Size]] = {}
        """Every book as it was told last."""
        self._orders: dict[OrderId, tuple[object, ...]] = {}
        """How each order was told last."""
        self._words: dict[MarketId, str] = {}
        self._events: set[str] = set()
        self._ticking = False
        for row in desk.rows():
            self._note(row.listing.market.id)
        desk.world.bus.listen(self._told)

    # --- coming in -----------------------------------------------------------------------------

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer | Turned:
        """Let in whoever signed the handshake."""
        now = self.desk.world.clock.now()
        told = now + self.desk.world.faults.skew_ns(now)
        try:
            key = verified(self.desk.members, headers, "GET", path, told, self.desk.window_ms)
        except Refused:
            return Turned(401, {"code": "token_authentication_failure"})
        if not key.may("read"):
            return Turned(403, {"code": "forbidden"})
        return KalshiPeer(self, key)

    # --- telling -------------------------------------------------------------------------------

    def _told(self, event: WorldEvent) -> None:
        if isinstance(event, KalshiBookMoved):
            self._book(event)
        elif isinstance(event, TradeMoved):
            if event.trade.market.venue == KALSHI:
                self._trade(event.trade)
        elif isinstance(event, Filled):
            fill = event.fill
            self._private(
                FILL,
                "fill",
                (fill.account, fill.subaccount),
                fill.market,
                lambda: frames.fill(self.desk, fill),
            )
        elif isinstance(event, OrderRested | OrderFilled | OrderClosed | OrderChanged):
            if isinstance(event.order, KalshiOrder):
                self._order(event.order)
        elif isinstance(event, PositionMoved):
            holder = (event.account, event.subaccount)
            self._private(
                POSITIONS, "market_position", holder, event.market, lambda: frames.position(event)
            )
        else:
            self._life(event)

    def _life(self, event: WorldEvent) -> None:
        if isinstance(event, GroupMoved):
            for one in self.subscribers.all_of(GROUPS):
                if one.listener.account == event.account:
                    one.tell(GROUPS, frames.group(event), self._ms())
        elif isinstance(event, StageMoved):
            self._lifecycle(lifecycle.stage(self.desk, event))
        elif isinstance(event, TicksMoved) and event.market.venue == KALSHI:
            self._lifecycle(lifecycle.grid(event))
        elif isinstance(event, ListingTold) and event.market.venue == KALSHI:
            self._listing(event)
        elif isinstance(event, ListingForgotten):
            self._sizes.pop(event.market, None)
            self._words.pop(event.market, None)
            self._events &= self.desk.world.catalogue.events.keys()

    def _ms(self) -> int:
        return self.desk.world.time() // 1_000_000

    # --- books and trades ----------------------------------------------------------------------

    def _book(self, event: KalshiBookMoved) -> None:
        sizes = self._sizes.setdefault(event.market, {})
        ticker = event.market.native
        listening = tuple(self.subscribers.of(BOOK, ticker))
        for level in event.levels:
            key = (level.bid, level.price)
            change = level.size - sizes.get(key, 0)
            if level.size:
                sizes[key] = level.size
            else:
                sizes.pop(key, None)
            if change and listening:
                bodies: dict[tuple[bool, bool], bytes] = {}
                for one in listening:
                    own = _is_of(event.cause, one.listener.account)
                    body = bodies.get((one.yes_price, own))
                    if body is None:
                        body = self._delta(event, level, change, yes_price=one.yes_price, own=own)
                        bodies[one.yes_price, own] = body
                    one.tell("orderbook_delta", body, self._ms())
        self._tickers(event.market, event.at_ns)

    def _delta(
        self, event: KalshiBookMoved, level: Level, change: Size, *, yes_price: bool, own: bool
    ) -> bytes:
        market, at = event.market, event.at_ns
        row = frames.delta(self.desk, market, level, change, at, yes_price=yes_price)
        if own and event.cause is not None:
            row["client_order_id"] = event.cause.kalshi.client
            row["subaccount"] = event.cause.kalshi.subaccount
        return frames.encode(row)

    def levels(self, ticker: str) -> list[Level]:
        """Return a book as it was told last."""
        sizes = self._sizes.get(MarketId(KALSHI, ticker), {})
        return [Level(bid, price, size) for (bid, price), size in sizes.items()]

    def _tickers(self, market: MarketId, now: Nanos) -> None:
        listening = tuple(self.subscribers.of(TICKER, market.native))
        if listening and market in self.desk.exchange.markets:
            body = frames.ticker(self.desk, market, now)
            for one in listening:
                one.tell("ticker", body, self._ms())

    def _trade(self, trade: Trade) -> None:
        listening = tuple(self.subscribers.of(TRADE, trade.market.native))
        if listening:
            body = frames.trade(public(trade))
            for one in listening:
                one.tell("trade", body, self._ms())

    # --- private -------------------------------------------------------------------------------

    def _private(
        self,
        channel: str,
        kind: str,
        holder: Holder,
        market: MarketId,
        write: Callable[[], bytes],
    ) -> None:
        """Tell a holder; nothing is written while nobody listens."""
        account, subaccount = holder
        body = b""
        for one in self.subscribers.of(channel, market.native):
            listener = one.listener
            if listener.account == account and _may_see(listener, subaccount):
                body = body or write()
                one.tell(kind, body, self._ms())

    def _order(self, order: KalshiOrder) -> None:
        """Tell an order's state, once: several events of one moment end in the same state."""
        sent = order.sent
        state = (order.status, order.filled, sent, order.updated_ns)
        if self._orders.get(sent.id) == state:
            return
        self._orders.pop(sent.id, None)
        self._orders[sent.id] = state
        if len(self._orders) > _SENT:
            del self._orders[next(iter(self._orders))]
        self._private(
            ORDERS,
            "user_order",
            order.holder,
            sent.outcome.market,
            lambda: frames.user_order(order),
        )

    # --- the life of markets -------------------------------------------------------------------

    def _note(self, market: MarketId) -> bool:
        """Remember a market's words and book; returns whether its event is new."""
        row = self.desk.world.catalogue.markets[market]
        self._words[market] = _words(row.listing.rules_hash, row.listing.window)
        bids, asks = self.desk.exchange.levels(market)
        self._sizes[market] = {(each.bid, each.price): each.size for each in (*bids, *asks)}
        new = row.event not in self._events
        self._events.add(row.event)
        return new

    def _listing(self, event: ListingTold) -> None:
        row = self.desk.world.catalogue.markets.get(event.market)
        if row is None:
            return
        if event.new:
            if self._note(event.market):
                body = frames.encode(lifecycle.event_created(self.desk, event.market))
                for one in self.subscribers.all_of(LIFECYCLE):
                    one.tell("event_lifecycle", body, self._ms())
            self._lifecycle(lifecycle.created(self.desk, event.market))
            return
        words = _words(row.listing.rules_hash, row.listing.window)
        if self._words.get(event.market) != words:
            self._words[event.market] = words
            self._lifecycle(lifecycle.words_changed(self.desk, event.market))

    def _lifecycle(self, row: dict[str, object] | None) -> None:
        if row is None:
            return
        body = frames.encode(row)
        for one in self.subscribers.all_of(LIFECYCLE):
            one.tell(LIFECYCLE, body, self._ms())

    # --- indices -------------------------------------------------------------------------------

    def tick(self) -> None:
        """Tell indices every full second from now on, while somebody listens."""
        if self._ticking:
            return
        self._ticking = True
        now = self.desk.world.time()
        self.desk.world.agenda.plan((now // indices.SECOND_NS + 1) * indices.SECOND_NS, self._tick)

    def _tick(self, now: Nanos) -> None:
        listening = tuple(self.subscribers.all_of(INDEX))
        if not listening:
            self._ticking = False
            return
        self.desk.world.agenda.plan(now + indices.SECOND_NS, self._tick)
        for index in indices.known_indices(self.desk.world):
            chosen = [each for each in listening if {index, "all"} & each.indices.keys()]
            row = indices.value(self.desk.world, index, now) if chosen else None
            if row is not None:
                body = frames.encode(row)
                for one in chosen:
                    one.tell(INDEX, body, self._ms())


def _is_of(order: KalshiOrder | None, account: AccountId) -> bool:
    return order is not None and order.sent.account == account


def _may_see(listener: object, subaccount: int) -> bool:
    assert isinstance(listener, KalshiPeer)
    return listener.key.subaccount in {None, subaccount}


def _words(rules_hash: str, window: object) -> str:
    return f"{rules_hash} {window}"
