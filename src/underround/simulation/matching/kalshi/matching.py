"""How orders meet on Kalshi: price and time, one maker after the other, cleared at once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final, TypeAlias
from uuid import UUID, uuid5

from underround.model.book import Side
from underround.model.ids import YES
from underround.model.units import ONE, Money, Nanos, Price, Size
from underround.simulation.matching.kalshi.groups import OrderGroups
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.money import KalshiMoney, closing, copied, fee_of
from underround.simulation.matching.kalshi.reserves import Reserves
from underround.simulation.matching.kalshi.terms import (
    Filled,
    KalshiEvent,
    KalshiFill,
    KalshiOrder,
    PositionMoved,
)
from underround.simulation.matching.terms import (
    ExchangeEvent,
    MakerFill,
    MatchKind,
    OrderFilled,
    Trade,
    Traded,
    TradeId,
    TradeMoved,
)

Emit: TypeAlias = Callable[[ExchangeEvent | KalshiEvent], None]
_IDS: Final = UUID("0e5d7a52-9e8b-5e34-8a35-6f3f4c1f7c11")


class Matcher:
    """Lets arriving orders trade."""

    def __init__(
        self,
        emit: Emit,
        money: KalshiMoney,
        reserves: Reserves,
        groups: OrderGroups,
        end: Callable[[Listed, KalshiOrder, str, Nanos], None],
        seed: int,
    ) -> None:
        """``end`` takes an order off the book with a reason."""
        self._emit = emit
        self._money = money
        self._reserves = reserves
        self._groups = groups
        self._end = end
        self._seed = seed
        self._numbers = count(1)

    def trade(self, listed: Listed, taker: KalshiOrder, now: Nanos) -> str:
        """Fill an arriving order; return why it may not go on, empty: it may."""
        while taker.left:
            maker = listed.first_against(taker)
            if maker is None:
                return ""
            if maker.sent.account == taker.sent.account:
                if taker.kalshi.self_trade == "taker_at_cross":
                    return "self_trade_prevented"
                self._end(listed, maker, "self_trade_prevented", now)
                continue
            self._match(listed, taker, maker, now)
            group = self._groups.all.get(taker.kalshi.group)
            # What has to be filled whole was found whole: its own limit does not cut it in two.
            if group is not None and group.triggered and taker.sent.tif != "FOK":
                return "order_group_triggered"
        return ""

    def _match(self, listed: Listed, taker: KalshiOrder, maker: KalshiOrder, now: Nanos) -> None:
        size, price = min(taker.left, maker.left), maker.yes_price
        assert maker.line is not None
        maker.line.size -= size
        listed.touch(maker, traded=True)
        kind = self._kind((maker, taker), size)
        trade_id = TradeId(str(uuid5(_IDS, f"{self._seed} trade {next(self._numbers)}")))
        fees = []
        fills = []
        for order in (maker, taker):
            fill = self._book(listed, order, trade_id, (price, size), now, taker=order is taker)
            fees.append(fill.fee)
            fills.append(fill)
        if not maker.left:
            listed.book.remove(maker)
            finish(maker, now)
            self._reserves.drop(maker, listed.market, listed.shard)
        trade = _trade(taker, maker, trade_id, (price, size), (fees[0], fees[1]), kind, now)
        self._tell(trade, price, maker, taker, fills, now)
        for order in (maker, taker):
            group = self._groups.all.get(order.kalshi.group)
            if group is not None:
                if not order.left:
                    group.orders.pop(order.sent.id, None)
                self._groups.count(group, size, now)

    def _kind(self, orders: tuple[KalshiOrder, KalshiOrder], size: Size) -> MatchKind:
        """Return what becomes of the contracts: made, passed on, or dissolved."""
        market = orders[0].sent.outcome.market
        closed = [
            closing(each.bid, self._money.position(each.holder, market).contracts, size)
            for each in orders
        ]
        if not any(closed):
            return "mint"
        return "merge" if min(closed) == size else "complementary"

    def _book(
        self,
        listed: Listed,
        order: KalshiOrder,
        trade: TradeId,
        at: tuple[Price, Size],
        now: Nanos,
        *,
        taker: bool,
    ) -> KalshiFill:
        """Move money and contracts of one side."""
        price, size = at
        holder, market, shard = order.holder, listed.market, listed.shard
        before = self._money.position(holder, market.id).contracts
        closed = closing(order.bid, before, size)
        order.filled += size
        order.updated_ns = now
        order.trades.append(trade)
        held = self._money.trade(order, shard, price, size, now)
        self._reserves.update(order, market, shard)
        owed = fee_of(market, order, price, size, closed, taker=taker)
        fee = self._money.charge(holder, shard, held, owed)
        _note(order, price, size, fee, taker=taker)
        return KalshiFill(
            trade=trade,
            order=order.sent.id,
            client=order.kalshi.client,
            account=holder[0],
            subaccount=holder[1],
            market=market.id,
            bid=order.bid,
            yes_price=price,
            size=size,
            taker=taker,
            fee=fee,
            position=held.contracts,
            at_ns=now,
        )

    def _tell(
        self,
        trade: Trade,
        price: Price,
        maker: KalshiOrder,
        taker: KalshiOrder,
        fills: list[KalshiFill],
        now: Nanos,
    ) -> None:
        market = trade.market
        side: Side = "buy" if taker.bid else "sell"
        self._emit(Traded(market, YES, side, price, trade.size, now))
        self._emit(TradeMoved(trade, now))
        for order, fill in zip((maker, taker), fills, strict=True):
            self._emit(OrderFilled(order, trade, now))
            self._emit(Filled(fill, now))
            held = copied(self._money.position(order.holder, market))
            self._emit(PositionMoved(*order.holder, market, held, now))


def finish(order: KalshiOrder, now: Nanos) -> None:
    """Note that nothing is left of an order."""
    order.state, order.status, order.reason = "matched", "executed", "filled"
    order.updated_ns = now


def _note(order: KalshiOrder, price: Price, size: Size, fee: Money, *, taker: bool) -> None:
    cost = (price if order.bid else ONE - price) * size // ONE
    if taker:
        order.taker_cost += cost
        order.taker_fees += fee
    else:
        order.maker_cost += cost
        order.maker_fees += fee
    if order.sent.side == "buy":
        order.spent += cost


def _own_price(order: KalshiOrder, price: Price) -> Price:
    return price if order.sent.outcome.index == YES else ONE - price


def _trade(
    taker: KalshiOrder,
    maker: KalshiOrder,
    trade: TradeId,
    at: tuple[Price, Size],
    fees: tuple[Money, Money],
    kind: MatchKind,
    now: Nanos,
) -> Trade:
    price, size = at
    fill = MakerFill(
        order=maker.sent.id,
        account=maker.sent.account,
        owner=maker.sent.owner,
        outcome=maker.sent.outcome,
        side=maker.sent.side,
        price=_own_price(maker, price),
        size=size,
        kind=kind,
        fee=fees[0],
    )
    return Trade(
        id=trade,
        market=taker.sent.outcome.market,
        order=taker.sent.id,
        account=taker.sent.account,
        owner=taker.sent.owner,
        outcome=taker.sent.outcome,
        side=taker.sent.side,
        limit=taker.sent.price,
        size=size,
        cost=_own_price(taker, price) * size // ONE,
        fee=fees[1],
        makers=(fill,),
        at_ns=now,
        status="CONFIRMED",
        changed_ns=now,
    )
