"""Polymarket's exchange, order by order: price-time priority, fees at the match, money in custody.

Nothing here reads a clock: every call is told the time.  ``arrivals`` says how an order is taken,
``register`` how a trade settles, ``custody`` who owns what.  A failed trade does not bring its
orders back to the book; whoever lost by it what his orders count on loses those orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from underround.model.frames import NANOS_PER_MS
from underround.model.ids import MarketId, OrderId, OutcomeId
from underround.model.market import Market, Resolution, TickEpoch
from underround.model.units import ONE, Nanos, Size
from underround.simulation.matching.admission import DELAYED, DISABLED, GONE, RESTARTING, Mode
from underround.simulation.matching.arrivals import Arrivals
from underround.simulation.matching.book import Book, Resting
from underround.simulation.matching.floor import CANCELED, MARKET_RESOLVED, NOT_COVERED, Floor
from underround.simulation.matching.register import KEPT
from underround.simulation.matching.terms import (
    AccountId,
    BookMoved,
    BookOrder,
    ExchangeEvent,
    Level,
    MarketEnded,
    Placement,
    Submission,
    TicksMoved,
    Trade,
    TradeId,
    TradeMoved,
    TradeStatus,
    Withdrawal,
)
from underround.simulation.matching.timers import Plan


class PolymarketExchange:
    """The order-level engine with Polymarket's rules."""

    def __init__(
        self,
        *,
        emit: Callable[[ExchangeEvent], None],
        plan: Plan,
        settle: Callable[[Trade], None],
        spenders: Callable[[Market], Sequence[str]] = lambda _: (),
        seed: int = 0,
        kept: int = KEPT,
    ) -> None:
        """``plan`` calls back at a time; ``settle`` is given every trade once it was told.

        ``spenders``: the contracts an account must have allowed to move what it gives in a market.
        ``kept``: how many closed orders, and how many settled trades, can still be asked for.
        """
        floor = self._floor = Floor(emit, kept, seed)
        self._arrivals = Arrivals(floor, plan, settle)
        self._spenders = spenders
        self.custody = floor.custody
        self.orders: dict[OrderId, BookOrder] = floor.orders.known
        self.trades: dict[TradeId, Trade] = floor.trades.known

    @property
    def mode(self) -> Mode:
        """What the exchange takes now."""
        return self._floor.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._floor.mode = mode

    # --- markets -------------------------------------------------------------------------------

    def open_market(self, market: Market, *, delay_ms: int, maker_rebate: int, now: Nanos) -> None:
        """Take orders of ``market`` from now on; raises ``ValueError`` if it has a book already.

        ``maker_rebate``: the makers' share of the taker's fee, in millionths.
        """
        del now
        if market.id in self._floor.books:
            raise ValueError(f"{market.id} has a book already")
        self._floor.books[market.id] = Book(
            market,
            delay_ns=delay_ms * NANOS_PER_MS,
            rebate=maker_rebate,
            spenders=tuple(self._spenders(market)),
        )

    def change_ticks(self, market: MarketId, ticks: TickEpoch, now: Nanos) -> None:
        """Give a market a new grid; what is off it is cancelled before."""
        book = self._floor.books[market]
        old = book.ticks
        if old.bands == ticks.bands:
            return
        off = [order for order in _waiting(book) if not ticks.valid(order.yes_price)]
        events = self._floor.withdraw(off, CANCELED, now)
        book.set_ticks(ticks)
        self._floor.news.tell([*events, TicksMoved(market, old, ticks, now)])

    def close(self, market: MarketId, now: Nanos) -> None:
        """Take no orders of a market any more and cancel what rests: its outcome is proposed."""
        self._floor.news.tell(self._end(market, CANCELED, now))

    def resolve(self, resolution: Resolution, now: Nanos) -> None:
        """End a market: its orders are cancelled, its shares have a value."""
        events = self._end(resolution.market, MARKET_RESOLVED, now)
        self.custody.resolve(resolution)
        self._floor.news.tell([*events, MarketEnded(resolution)])

    def forget(self, market: MarketId) -> None:
        """Drop the book of a resolved market, and what nobody has of it any more.

        Whoever still has shares can redeem them.
        """
        self._floor.books.pop(market, None)
        self.custody.forget(market)

    def _end(self, market: MarketId, status: str, now: Nanos) -> list[ExchangeEvent]:
        book = self._floor.books.get(market)
        if book is None or not book.open:
            return []
        book.open = False
        return self._floor.withdraw(_waiting(book), status, now)

    # --- orders --------------------------------------------------------------------------------

    def submit(self, sent: Submission, now: Nanos, *, recorded: bool = False) -> Placement:
        """Take an order, or refuse it: that is a ``Placement`` too.  Rules: ``arrivals``.

        ``recorded``: it stands for what did happen: no minimum, no mode, no taker delay.
        """
        return self._arrivals.submit(sent, now, recorded=recorded)

    def shrink(self, name: OrderId, left: Size, now: Nanos) -> None:
        """Leave ``left`` of a resting order where it stands, less than now; 0 cancels it.

        No client can do so: an order that stands for several people's loses one of them.  Raises
        ``ValueError`` for an order that does not rest or has less than ``left``.
        """
        order = self.orders.get(name)
        if not isinstance(order, Resting) or order.line is None or left > order.left:
            raise ValueError(f"order {name} does not rest with {left} or more: nothing to shrink")
        if left <= 0:
            self._floor.cancel([order], CANCELED, now)
            return
        line = order.line
        line.size -= order.left - left
        order.sent = msgspec.structs.replace(order.sent, size=order.filled + left)
        needed = -(-order.sent.price * left // ONE) if order.sent.side == "buy" else left
        order.holding.reserved -= order.reserve - needed
        order.reserve = needed
        level = Level(order.bid, line.price, line.size)
        self._floor.news.tell((BookMoved(order.sent.outcome.market, (level,), now, False),))

    def cancel(self, ids: Sequence[OrderId], now: Nanos, *, owner: str | None = None) -> Withdrawal:
        """Cancel orders by id; with ``owner``, only those of that login: others are not found."""
        kept: dict[OrderId, str] = {}
        going: dict[OrderId, Resting] = {}
        down = self._down()
        for name in ids:
            order = self.orders.get(name)
            if down:
                kept[name] = down
            elif order is None or (owner is not None and order.sent.owner != owner):
                kept[name] = GONE
            elif order.state == "delayed":
                kept[name] = DELAYED
            elif order.state != "live":
                kept[name] = GONE
            else:
                assert isinstance(order, Resting)
                going[name] = order
        self._floor.cancel(list(going.values()), CANCELED, now)
        return Withdrawal(tuple(going), kept)

    def cancel_where(
        self,
        now: Nanos,
        *,
        owner: str | None = None,
        account: AccountId | None = None,
        market: MarketId | None = None,
        outcome: OutcomeId | None = None,
        status: str = CANCELED,
    ) -> Withdrawal:
        """Cancel every order that is all of what is given, told with ``status``.

        Delayed orders stay, and are named among the kept.
        """
        orders = self._floor.orders
        found = [
            order
            for order in (orders.open() if owner is None else orders.open_of(owner))
            if (account is None or order.sent.account == account)
            and (market is None or order.sent.outcome.market == market)
            and (outcome is None or order.sent.outcome == outcome)
        ]
        down = self._down()
        if down:
            return Withdrawal((), {order.sent.id: down for order in found})
        going = [order for order in found if order.state == "live"]
        self._floor.cancel(going, status, now)
        return Withdrawal(
            tuple(order.sent.id for order in going),
            {order.sent.id: DELAYED for order in found if order.state == "delayed"},
        )

    def drop_uncovered(self, account: AccountId, now: Nanos) -> Withdrawal:
        """Cancel the account's youngest orders until its balances cover the others."""
        going: list[Resting] = []
        short = {id(held): held.reserved - held.free for _, held in self.custody.assets(account)}
        mine = [book.own.get(account, {}) for book in self._floor.books.values()]
        resting = (order for orders in mine for order in orders.values())
        for order in sorted(resting, key=lambda each: -each.place):
            if short[id(order.holding)] > 0:
                short[id(order.holding)] -= order.reserve
                going.append(order)
        self._floor.cancel(going, NOT_COVERED, now)
        return Withdrawal(tuple(order.sent.id for order in going), {})

    def _down(self) -> str | None:
        if self._floor.mode == "disabled":
            return DISABLED
        return RESTARTING if self._floor.mode == "down" else None

    # --- settlement ----------------------------------------------------------------------------

    def move_trade(
        self, trade: TradeId, status: TradeStatus, now: Nanos, transaction: str = ""
    ) -> Trade:
        """Take a trade to its next status; return it.

        MINED moves shares and money, FAILED gives back what was in flight, also after MINED (a
        re-org); orders that are no longer covered are cancelled.  Raises ``KeyError`` for a trade
        that is not known, ``Bug`` for a step that no settlement takes.
        """
        undone = self.trades[trade].status == "MINED" and status in ("FAILED", "RETRYING")
        new = self._floor.trades.move(trade, status, now, transaction)
        self._floor.news.tell((TradeMoved(new, now),))
        if undone:
            parties = (new.account, *(maker.account for maker in new.makers))
            for account in dict.fromkeys(parties):
                self.drop_uncovered(account, now)
        return new

    # --- reading -------------------------------------------------------------------------------

    def levels(self, market: MarketId) -> tuple[list[Level], list[Level]]:
        """Return bids and asks in YES terms, best first; none of a market without a book."""
        book = self._floor.books.get(market)
        return ([], []) if book is None else book.levels()

    def resting(self, market: MarketId) -> Iterator[BookOrder]:
        """Yield the orders in the book: bids best first, then asks; in order of their turn."""
        book = self._floor.books.get(market)
        return iter(()) if book is None else book.resting()

    def ticks(self, market: MarketId) -> TickEpoch:
        """Return the market's grid; raises ``KeyError`` for one without a book."""
        return self._floor.books[market].ticks


def _waiting(book: Book) -> list[Resting]:
    return [*book.resting(), *book.delayed.values()]
