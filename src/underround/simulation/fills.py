"""The L2 fill model: what would have filled, judged from books and public trades alone.

We see levels, not orders, and our own orders are in nobody's book.  Each assumption, and whether it
makes results too good (+) or too bad (−):

 1. (+) Nobody reacts to us: our orders move no price, no other order leaves because of them, and
    none meets another than it did: what we took or gave is still there for the next.
 2. (+) What a taker finds when it arrives is what it gets; nobody faster takes it in between.
 3. (+) A level that the venue restates is whole again, also when the restatement says nothing new
    about the size we took (``Book.consume``).
 4. (+) Sizes are filled exactly; Polymarket takes FOK and FAK buys in whole cents of dollars, up to
    one cent of shares less than asked.
 5. (−) We queue behind everything displayed at our price when we arrive.
 6. (−) Whoever cancels at our price was behind us, until the level is smaller than the queue.
 7. (−) Volume that left the level shortly before it is printed as a trade is not counted twice:
    Polymarket tells the level first and the trade after it.
 8. (−) Touching is not filling: a resting order needs a trade at its price beyond the queue, a
    trade through its price, or an opposite price at or beyond it.
 9. (−) Traded through, we get at most the volume printed; our price in the book's way, at most the
    size shown, once, and at our own price.
10. (−) An order that arrives while its book is not trusted is killed; a resting one waits, and
    queues again behind everything displayed once trust is back.
11. (−) An order that reaches one of our own resting orders is refused whole.
12. (−) A fill's fee is rounded up level by level, not once per order; but (+) Kalshi rounds each
    match, and a level of several orders costs up to 0.0002 dollars more for each.

Volume is handed out once among our own orders, in price-time order: a younger one queues behind an
older one at its price, and goes on doing so for what may really have filled of it.  Prices are
compared in YES terms: buying NO at q is selling YES at 1 − q, for orders and for trades alike.  The
three ways a resting order can fill are in ``queues.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from underround.model.book import Book, Level, Side
from underround.model.errors import Bug
from underround.model.fees import FeeCurve
from underround.model.ids import FillId
from underround.model.orders import Fill, Liquidity, Order
from underround.model.units import Nanos, Price, Size
from underround.simulation.rules import in_yes, is_bid

WALKED: Final = "walked the book"
QUEUE_TRADED: Final = "queue traded"
TRADED_THROUGH: Final = "traded through"
BOOK_CROSSED: Final = "book crossed"

Stage: TypeAlias = Literal["sent", "resting", "ended"]


class Working:
    """An order on its way to, in or past the simulated venue; a copy, never the engine's own."""

    __slots__ = (
        "ahead",
        "bid",
        "cancel_waits",
        "ended_how",
        "fees",
        "fills",
        "order",
        "shrunk",
        "shrunk_ns",
        "stage",
        "yes_price",
    )

    def __init__(self, order: Order, fees: FeeCurve) -> None:
        """Copy ``order`` and remember what its market charges."""
        self.order = copy.copy(order)
        self.fees = fees
        self.bid = is_bid(order.outcome.index, order.side)
        """Whether it is a bid in YES terms."""
        self.yes_price: Price = in_yes(order.outcome.index, order.price)
        self.stage: Stage = "sent"
        self.cancel_waits = False
        """A cancel overtook it: the venue hears of it right after the order."""
        self.ended_how = ""
        self.fills = 0
        self.ahead: Size = 0
        """What must trade at its price before it is its turn."""
        self.shrunk: Size = 0
        """By how much a shrinking level shortened the queue without a trade to explain it yet."""
        self.shrunk_ns: Nanos = 0

    @property
    def remaining(self) -> Size:
        """What may still fill."""
        return self.order.remaining

    @property
    def resting_side(self) -> Side:
        """The side of the YES book it rests on."""
        return "buy" if self.bid else "sell"

    def fill(
        self, price: Price, size: Size, liquidity: Liquidity, at_ns: Nanos, evidence: str
    ) -> Fill:
        """Fill ``size`` at ``price`` (its own outcome's terms) and return the fill.

        Raises ``Bug`` if that is more than what is left or nothing at all.
        """
        order = self.order
        if not 0 < size <= order.remaining:
            raise Bug(f"simulated fill of {size} for {order.id}, which has {order.remaining} left")
        self.fills += 1
        order.filled += size
        return Fill(
            id=FillId(f"{order.id}.{self.fills}"),
            order=order.id,
            outcome=order.outcome,
            side=order.side,
            price=price,
            size=size,
            fee=self.fees.fee(
                price, size, taker=liquidity == "taker", selling=self.order.side == "sell"
            ),
            liquidity=liquidity,
            at_ns=at_ns,
            evidence=evidence,
        )


def within_limit(book: Book, order: Order) -> Iterator[Level]:
    """Yield raw minus consumed levels the order may trade with, best first, in its own terms."""
    outcome = order.outcome.index
    if order.side == "buy":
        for price, size in book.asks_of(outcome):
            if price > order.price:
                return
            yield price, size
    else:
        for price, size in book.bids_of(outcome):
            if price < order.price:
                return
            yield price, size


def take(working: Working, book: Book, at_ns: Nanos) -> list[Fill]:
    """Fill what the order can take from the book now: one fill per level, consumed at once.

    A FOK order that does not find its whole size takes nothing.  What is left afterwards is for the
    caller: to rest, or to be killed.
    """
    order = working.order
    outcome = order.outcome.index
    wanted = order.remaining
    cuts: list[Level] = []
    for price, available in within_limit(book, order):
        size = min(available, wanted)
        cuts.append((price, size))
        wanted -= size
        if not wanted:
            break
    if wanted and order.tif == "FOK":
        return []
    resting_side: Side = "sell" if order.side == "buy" else "buy"
    fills: list[Fill] = []
    for price, size in cuts:
        book.consume(outcome, resting_side, price, size)
        fills.append(working.fill(price, size, "taker", at_ns, WALKED))
    return fills
