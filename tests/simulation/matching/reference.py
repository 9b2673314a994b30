"""A matcher that is slow and obvious: look through all orders for the best one, again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from underround.model.ids import YES
from underround.model.units import ONE, Money, Price, Size
from underround.simulation.matching.terms import BookOrder, Submission, Trade


class Waiting(NamedTuple):
    """A resting order in YES terms."""

    id: str
    bid: bool
    price: Price
    place: int
    left: Size


class Expected(NamedTuple):
    """What an arriving order should get: maker, size and YES price of each fill, and dollars."""

    fills: list[tuple[str, Size, Price]]
    cost: Money


def waiting(orders: Iterable[BookOrder]) -> list[Waiting]:
    """Return the resting orders as they are now."""
    return [
        Waiting(order.sent.id, order.bid, order.yes_price, order.place, order.left)
        for order in orders
    ]


def expected(book: list[Waiting], sent: Submission) -> Expected:
    """Return what a submission gets from the book, whatever its time in force."""
    yes = sent.outcome.index == YES
    bid = (sent.side == "buy") == yes
    limit = sent.price if yes else ONE - sent.price
    there = [order for order in book if order.bid != bid]
    fills: list[tuple[str, Size, Price]] = []
    cost, left = 0, sent.size
    while there:
        best = min(there, key=lambda order: (order.price if bid else -order.price, order.place))
        if best.price > limit if bid else best.price < limit:
            break
        own = ours(sent, best.price)
        if sent.budget is not None:
            left = (sent.budget - cost) * ONE // own
        # Dust of its own does not go on to worse prices; dust of others is passed over.
        if not payable(left, own) or (fills and not payable(left, ours(sent, fills[-1][2]))):
            break
        there.remove(best)
        size = payable(min(left, best.left), own)
        if not size:
            continue
        fills.append((best.id, size, best.price))
        cost += own * size // ONE
        left -= size
    return Expected(fills, cost)


def ours(sent: Submission, yes_price: Price) -> Price:
    """Return a YES price in the terms of the order's outcome."""
    return yes_price if sent.outcome.index == YES else ONE - yes_price


def payable(size: Size, price: Price) -> Size:
    """Return the most of ``size`` that costs whole micro-dollars at ``price``."""
    while price * size % ONE:
        size -= 1
    return size


def ended(sent: Submission, got: Expected) -> bool:
    """Return whether what is left cannot be paid, where it last traded or at its limit."""
    left = sent.size - sum(size for _, size, _ in got.fills)
    prices = [sent.price]
    if got.fills:
        prices = [ours(sent, got.fills[-1][2])]
        if sent.budget is not None:
            left = (sent.budget - got.cost) * ONE // prices[0]
        else:
            prices.append(sent.price)
    return not all(payable(left, price) for price in prices)


def filled(sent: Submission, got: Expected) -> bool:
    """Return whether a FOK order gets all it wants."""
    return bool(got.fills) and ended(sent, got)


def met(trade: Trade) -> list[tuple[str, Size, Price]]:
    """Return maker, size and YES price of each fill of a real match."""
    return [
        (
            fill.order,
            fill.size,
            fill.price if fill.outcome.index == YES else ONE - fill.price,
        )
        for fill in trade.makers
    ]
