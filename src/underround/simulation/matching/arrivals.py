"""How an order arrives at Polymarket's exchange: refused, delayed, matched, resting.

What the venue does not publish is decided here, and so:

* A BUY needs what it spends and the fee on top (the venue's refusals count the "order amount (inc.
  fees)").  An order that cannot pay both is refused whole; none is cut to fit.
* What an order counts on is reserved until it ends; what comes in with a match can be given again
  once it is mined.
* An order whose limit reaches one of the account's own is refused whole (``rules``).
* A delayed order has its money reserved, fee at its limit included, and is judged anew when the
  delay is over.  Then one that finds too little is ``UNMATCHED``, or rests if it is to rest; it is
  told a second time, in its new state.
* What is left of a FAK order, and dust that no price can pay exactly, ends without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from underround.model.ids import POLYMARKET, YES
from underround.model.market import CENT
from underround.model.units import ONE, Nanos
from underround.simulation.matching.admission import (
    INVALID_PAYLOAD,
    NO_MATCH,
    amount_of,
    closed_by,
    largest_fee,
    uncovered,
)
from underround.simulation.matching.book import Book, Resting, Take
from underround.simulation.matching.execution import execute, told
from underround.simulation.matching.floor import CANCELED, EXPIRED, NOT_COVERED, UNMATCHED, Floor
from underround.simulation.matching.terms import (
    BookMoved,
    Level,
    OrderClosed,
    OrderRested,
    Placement,
    Submission,
    Trade,
)
from underround.simulation.matching.timers import Plan, Timers
from underround.simulation.rules import (
    FAK_NOTHING,
    FOK_KILLED,
    check_order,
    check_self_trade,
    closed_reason,
    in_yes,
)

_RESTS: Final = ("GTC", "GTD")


class Arrivals:
    """Orders from their arrival until they rest or have ended."""

    __slots__ = ("_floor", "_settle", "_timers")

    def __init__(self, floor: Floor, plan: Plan, settle: Callable[[Trade], None]) -> None:
        """``settle`` is given every trade once it was told."""
        self._floor = floor
        self._timers = Timers(plan, self._due)
        self._settle = settle

    def submit(self, sent: Submission, now: Nanos, *, recorded: bool = False) -> Placement:
        """Take an order or refuse it; what happens follows from it at once, but for the delay.

        ``recorded``: it stands for what did happen at the venue: no mode, minimum or expiry is
        asked, and nothing waits.
        """
        if self._timers.overdue(now):
            self._timers.run(now)
        outcome = sent.outcome.index
        bid = (sent.side == "buy") == (outcome == YES)
        book = self._floor.books.get(sent.outcome.market)
        if book is None or not book.open:
            return Placement(sent.id, "refused", closed_reason(POLYMARKET))
        reason = self._refusal(sent, book, bid, now, recorded)
        if reason is not None:
            return Placement(sent.id, "refused", reason)
        order = Resting(
            sent,
            self._floor.custody.holding(sent.account, None if sent.side == "buy" else sent.outcome),
            bid=bid,
            yes_price=sent.price if outcome == YES else ONE - sent.price,
            arrived_ns=now,
        )
        crosses = book.crossed_by(order)
        waits = crosses and book.delay_ns > 0 and not recorded
        amount = amount_of(sent)
        if waits:
            amount += largest_fee(sent, book)
        reason = uncovered(order, book, self._floor.custody, amount)
        if reason is None and crosses:
            reason = _self_trade(order, book)
        if reason is not None:
            return Placement(sent.id, "refused", reason)
        if waits:
            return self._delay(order, book, amount, now)
        if crosses or sent.tif not in _RESTS:
            return self._take(order, book, now)
        self._floor.orders.enter(order)
        self._rest(order, book, now)
        return Placement(sent.id, "live")

    def _refusal(
        self, sent: Submission, book: Book, bid: bool, now: Nanos, recorded: bool
    ) -> str | None:
        reason = None if recorded else closed_by(self._floor.mode, sent)
        if reason is not None:
            return reason
        if sent.id in self._floor.orders.known:
            return f"order {sent.id} is invalid. Duplicated."
        if sent.budget is not None and (sent.side == "sell" or sent.tif in _RESTS):
            return INVALID_PAYLOAD
        if recorded:
            fits = sent.size > 0 and book.ticks.valid(in_yes(sent.outcome.index, sent.price))
            return None if fits else INVALID_PAYLOAD
        opposite = book.opposite(sent.outcome.index, bid)
        return check_order(sent, book.market, book.ticks, opposite, now, sent.budget)

    def _rest(self, order: Resting, book: Book, now: Nanos) -> None:
        order.state, order.status = "live", "LIVE"
        self._keep(order, book)
        line = order.line
        assert line is not None
        level = Level(order.bid, line.price, line.size)
        self._floor.news.tell(
            (BookMoved(book.market.id, (level,), now, False), OrderRested(order, now))
        )
        if book.step == CENT:
            self._floor.refine(book, now)

    def _keep(self, order: Resting, book: Book) -> None:
        """Put what is left of an order into the book, its money reserved."""
        sent, left = order.sent, order.left
        order.reserve = -(-sent.price * left // ONE) if sent.side == "buy" else left
        order.holding.reserved += order.reserve
        book.add(order)
        if sent.good_until_ns is not None:
            self._timers.set(sent.good_until_ns, order)

    def _take(self, order: Resting, book: Book, now: Nanos) -> Placement:
        """Match an order with what it reaches; ``order.state`` tells whether it was delayed."""
        sent, waited = order.sent, order.state == "delayed"
        take = book.reach(order)
        reason = _killed(sent, take)
        if reason is not None:
            return self._kill(order, UNMATCHED if waited else f"{CANCELED}_{reason}", reason, now)
        rests = sent.tif in _RESTS and not take.done
        reason = self._unpaid(order, take, book, rests)
        if reason is not None:
            if waited:
                return self._kill(order, NOT_COVERED, reason, now)
            return Placement(sent.id, "refused", reason)
        if not waited:
            self._floor.orders.enter(order)
        if take.dust:
            self._floor.news.tell(self._floor.withdraw(take.dust, CANCELED, now))
        if not take.cuts:
            self._rest(order, book, now)
            return Placement(sent.id, "live")
        trade = execute(order, take, book, self._floor.orders, self._floor.trades, now)
        if rests:
            order.state, order.status = "live", "LIVE"
            self._keep(order, book)
        else:
            self._floor.orders.leave(order, "MATCHED")
        self._floor.news.tell(told(order, take, trade, now))
        self._settle(trade)
        if book.step == CENT:
            self._floor.refine(book, now)
        return Placement(sent.id, order.state, "", take.size, take.cost, (trade.id,))

    def _unpaid(self, order: Resting, take: Take, book: Book, rests: bool) -> str | None:
        """Return the refusal of an order that cannot give what it now turns out to need."""
        sent = order.sent
        if sent.side == "sell":
            need = take.size + (order.left - take.size if rests else 0)
        else:
            need = take.cost + take.fee
            if rests:
                need += -(-sent.price * (order.left - take.size) // ONE)
        return uncovered(order, book, self._floor.custody, need)

    def _kill(self, order: Resting, status: str, reason: str, now: Nanos) -> Placement:
        """End an order that got nothing; it is told, although it never was in the book."""
        if order.state == "delayed":
            self._floor.orders.leave(order, status)
        else:
            order.state, order.status = "cancelled", status
        self._floor.news.tell((OrderClosed(order, now),))
        return Placement(order.sent.id, "refused", reason)

    # --- the taker delay, and the end of a life -----------------------------------------------

    def _delay(self, order: Resting, book: Book, amount: int, now: Nanos) -> Placement:
        order.state, order.status = "delayed", "DELAYED"
        order.reserve = amount
        order.holding.reserved += amount
        order.release_ns = now + book.delay_ns
        book.delayed[order.sent.id] = order
        self._floor.orders.enter(order)
        self._timers.set(order.release_ns, order)
        self._floor.news.tell((OrderRested(order, now),))
        return Placement(order.sent.id, "delayed")

    def _due(self, order: Resting, at: Nanos) -> None:
        """Expire an order, or let a delayed one act."""
        book = self._floor.books.get(order.sent.outcome.market)
        if book is None:  # forgotten, and so was the order
            return
        until = order.sent.good_until_ns
        if order.state == "live" and until is not None and until <= at:
            self._floor.cancel([order], EXPIRED, at)
        elif order.state == "delayed" and order.release_ns == at:
            del book.delayed[order.sent.id]
            order.holding.reserved -= order.reserve
            order.reserve = 0
            own = _self_trade(order, book)
            if own is not None:
                self._kill(order, f"{CANCELED}_{own}", own, at)
            elif until is not None and until <= at:
                self._kill(order, EXPIRED, EXPIRED, at)
            else:
                self._take(order, book, at)


def _killed(sent: Submission, take: Take) -> str | None:
    """Return why an order that cannot go on is killed, or ``None``."""
    if sent.tif == "FOK" and not (take.done and take.cuts):
        return FOK_KILLED
    if sent.tif == "FAK" and not take.cuts:
        return FAK_NOTHING
    # What is too small to pay for can neither take nor rest across what it reaches.
    return NO_MATCH if take.done and not take.cuts else None


def _self_trade(order: Resting, book: Book) -> str | None:
    own = book.own.get(order.sent.account)
    if own is None:
        return None
    bid, limit = order.bid, order.yes_price
    reached = [
        each.sent
        for each in own.values()
        if each.bid != bid and (each.yes_price <= limit if bid else each.yes_price >= limit)
    ]
    # The rule book judges; what the limit does not reach need not be asked about.
    return check_self_trade(order.sent, reached) if reached else None
