"""Carrying out a match: the arriving order gets what it reaches, and everybody's money is bound."""

from __future__ import annotations

from underround.model.units import ONE, Nanos
from underround.simulation.matching.book import Book, Cut, Resting, Take
from underround.simulation.matching.register import Orders, Trades
from underround.simulation.matching.terms import (
    BookMoved,
    ExchangeEvent,
    Level,
    MakerFill,
    MatchKind,
    OrderFilled,
    OrderRested,
    Trade,
    Traded,
    TradeId,
    TradeMoved,
)


def execute(
    order: Resting, take: Take, book: Book, orders: Orders, trades: Trades, now: Nanos
) -> Trade:
    """Give the order what it takes; its makers leave the book when they are filled."""
    name = trades.next_id()
    sent, holding = order.sent, order.holding
    makers: list[MakerFill] = []
    for cut in take.cuts:
        _fill_makers(order, cut, book, orders, makers, name)
    if sent.side == "buy":
        order.spent += take.cost
        holding.in_flight += take.cost + take.fee
    else:
        holding.in_flight += take.size
    order.filled += take.size
    order.trades.append(name)
    book.last = take.cuts[-1].line.price
    trade = Trade(
        id=name,
        market=book.market.id,
        order=sent.id,
        account=sent.account,
        owner=sent.owner,
        outcome=sent.outcome,
        side=sent.side,
        limit=sent.price,
        size=take.size,
        cost=take.cost,
        fee=take.fee,
        makers=tuple(makers),
        at_ns=now,
        changed_ns=now,
    )
    trades.add(trade)
    return trade


def _fill_makers(
    order: Resting, cut: Cut, book: Book, orders: Orders, makers: list[MakerFill], name: TradeId
) -> None:
    line = cut.line
    outcome, rebates = order.sent.outcome, cut.fee * book.rebate // ONE
    set_kind: MatchKind = "mint" if order.sent.side == "buy" else "merge"
    for maker, size in cut.fills:
        sent, holding = maker.sent, maker.holding
        amount = size
        if sent.side == "buy":
            amount = sent.price * size // ONE
            maker.spent += amount
        maker.reserve -= amount
        holding.reserved -= amount
        holding.in_flight += amount
        maker.filled += size
        maker.trades.append(name)
        line.size -= size
        makers.append(
            MakerFill(
                order=sent.id,
                account=sent.account,
                owner=sent.owner,
                outcome=sent.outcome,
                side=sent.side,
                price=sent.price,
                size=size,
                kind="complementary" if sent.outcome.index == outcome.index else set_kind,
                rebate=rebates * size // cut.size,
            )
        )
        if sent.size - maker.filled < line.grain:
            book.remove(maker)
            orders.leave(maker, "MATCHED")


def told(order: Resting, take: Take, trade: Trade, now: Nanos) -> list[ExchangeEvent]:
    """Return the events of a match: the public's first, then those of the orders."""
    market, outcome, side = trade.market, trade.outcome.index, trade.side
    levels = [Level(not order.bid, cut.line.price, cut.line.size) for cut in take.cuts]
    if order.line is not None:
        levels.append(Level(order.bid, order.line.price, order.line.size))
    events: list[ExchangeEvent] = [BookMoved(market, tuple(levels), now, True)]
    events += [Traded(market, outcome, side, cut.price, cut.size, now) for cut in take.cuts]
    events.append(OrderRested(order, now))
    events.append(TradeMoved(trade, now))
    events.append(OrderFilled(order, trade, now))
    events += [OrderFilled(maker, trade, now) for cut in take.cuts for maker, _ in cut.fills]
    return events
