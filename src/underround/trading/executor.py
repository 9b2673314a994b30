"""The executor: the only maker of orders, and the only one who changes them.

It takes nothing but ``Approved``, knows every order by its own id before it is sent, and follows
what the venue says about it.  Events may come twice or late: a fill told twice counts once, a fill
told after its order ended counts, and an order that ended stays ended.
"""

from __future__ import annotations

from typing import Final

from underround.model.errors import Bug
from underround.model.ids import FillId, OrderId, PlanId
from underround.model.orders import (
    Approved,
    CancelFailed,
    CancelIntent,
    CancelOrder,
    ChangeSets,
    Fill,
    Order,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderState,
    Refusal,
    SubmitOrder,
)
from underround.model.units import Nanos, cost_of, proceeds_of
from underround.trading.exposure import OpenOrders

REMEMBERED: Final = 10_000
"""How many ended orders are kept for fills that are told late."""
_ENDS: dict[str, OrderState] = {
    "filled": "filled",
    "cancelled": "cancelled",
    "expired": "expired",
    "killed": "cancelled",
}


class Executor:
    """Turns approvals into orders and keeps the truth about them."""

    def __init__(self, open_orders: OpenOrders) -> None:
        """Start without orders; ``open_orders`` is kept up to date for risk and views."""
        self._open = open_orders
        self.orders: dict[OrderId, Order] = {}
        """Open orders by id; an order leaves when it ended."""
        self._ended: dict[OrderId, Order] = {}
        """The last orders that ended: a fill may still be on its way."""
        self._fills: dict[OrderId, set[FillId]] = {}
        """Fills told so far, of open orders and the last that ended."""
        self._plans: set[PlanId] = set()
        self._count = 0

    @property
    def count(self) -> int:
        """How many orders were made in this run."""
        return self._count

    def plan_used(self, plan: PlanId) -> bool:
        """Return whether something of this plan was approved before."""
        return plan in self._plans

    def use_plan(self, plan: PlanId) -> None:
        """Mark a plan as executed: it never executes again."""
        self._plans.add(plan)

    def submit(self, approved: Approved, now: Nanos) -> SubmitOrder | ChangeSets | Refusal:
        """Make the order of an approval, or refuse it if it expired since."""
        intent = approved.intent
        if now > intent.expires_ns:
            return Refusal(
                id=approved.id,
                at_ns=now,
                strategy=intent.strategy,
                plan=intent.plan,
                outcome=str(intent.outcome)
                if isinstance(intent, OrderIntent)
                else str(intent.market),
                gate="expired_before_sending",
                detail=f"expired {(now - intent.expires_ns) // 1_000_000} ms ago",
                edge_forgone=intent.edge,
            )
        if not isinstance(intent, OrderIntent):
            return ChangeSets(approved)
        self._count += 1
        order = Order(
            id=OrderId(f"o{self._count}"),
            intent=approved.id,
            strategy=intent.strategy,
            plan=intent.plan,
            leg_group=approved.leg_group,
            outcome=intent.outcome,
            side=intent.side,
            price=intent.price,
            size=intent.size,
            tif=intent.tif,
            post_only=intent.post_only,
            purpose=intent.purpose,
            good_until_ns=intent.good_until_ns,
            created_ns=now,
            updated_ns=now,
        )
        self.orders[order.id] = order
        self._open.add(order)
        return SubmitOrder(order)

    def cancel(self, intent: CancelIntent) -> CancelOrder | None:
        """Ask for an own order's cancellation once; ``None`` if it ended or was asked already."""
        order = self.orders.get(intent.order)
        if order is None or order.cancel_sent or order.strategy != intent.strategy:
            return None
        order.cancel_sent = True
        return CancelOrder(order.id, order.outcome.market)

    # --- what the venue says -------------------------------------------------------------------

    def accepted(self, event: OrderAccepted) -> Order | None:
        """The order rests."""
        order = self.orders.get(event.order)
        if order is not None and order.state == "sending":
            order.state = "live"
            order.updated_ns = event.at_ns
        return order

    def filled(self, event: OrderFilled) -> Order | None:
        """Part of the order matched; ``None`` if this fill was told before.

        Raises ``Bug`` for an order never sent, or one that would fill more than was ordered.
        """
        fill = event.fill
        order = self.orders.get(fill.order) or self._ended.get(fill.order)
        if order is None:
            raise Bug(f"fill {fill.id} is of order {fill.order}, which was never sent")
        told = self._fills.setdefault(order.id, set())
        if fill.id in told:
            return None
        if fill.size > order.remaining:
            raise Bug(f"fill {fill.id} of {fill.size} exceeds what is left of {order.id}")
        told.add(fill.id)
        order.filled += fill.size
        order.notional += notional_of(fill)
        order.fees += fill.fee
        order.updated_ns = fill.at_ns
        if order.open:
            order.state = "filled" if not order.remaining else "partly_filled"
            if not order.remaining:
                self._end(order)
        return order

    def ended(self, event: OrderEnded) -> Order | None:
        """What had not filled left the book; ``None`` if that changes nothing.

        ``filled`` may be told before the last fill is: the order ends with that fill.
        """
        order = self.orders.get(event.order)
        if order is None or (event.how == "filled" and order.remaining):
            return None
        order.state = _ENDS[event.how]
        order.reason = event.reason
        order.updated_ns = event.at_ns
        self._end(order)
        return order

    def rejected(self, event: OrderRejected) -> Order | None:
        """The venue refused the order."""
        order = self.orders.get(event.order)
        if order is None:
            return None
        order.state = "rejected"
        order.reason = event.reason
        order.updated_ns = event.at_ns
        self._end(order)
        return order

    def cancel_failed(self, event: CancelFailed) -> Order | None:
        """The order was gone already, or still rests: it may be cancelled again."""
        order = self.orders.get(event.order)
        if order is not None:
            order.cancel_sent = False
            order.reason = event.reason
        return order

    def _end(self, order: Order) -> None:
        del self.orders[order.id]
        self._open.remove(order)
        self._ended[order.id] = order
        if len(self._ended) > REMEMBERED:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._fills.pop(oldest, None)


def notional_of(fill: Fill) -> int:
    """Return what a fill cost or brought before fees, rounded against us."""
    if fill.side == "buy":
        return cost_of(fill.price, fill.size)
    return proceeds_of(fill.price, fill.size)
