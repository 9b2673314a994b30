"""Orders that arrive at Kalshi's exchange: refused, traded, at rest or gone."""

from __future__ import annotations

import msgspec

from underround.model.units import Money, Nanos, Size
from underround.simulation.matching.kalshi import rules
from underround.simulation.matching.kalshi.life import KalshiLife
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.terms import (
    KalshiOrder,
    KalshiSubmission,
    as_kalshi,
)
from underround.simulation.matching.terms import (
    OrderRested,
    Placement,
    Submission,
)
from underround.simulation.wording import KALSHI_WORDS


class KalshiPlacing(KalshiLife):
    """Takes orders."""

    _turn = 0
    """Counts who came to rest: the queue at one price."""

    def submit(self, sent: Submission, now: Nanos) -> Placement:
        """Take an order: it trades, and what is left rests or goes."""
        order_sent = as_kalshi(sent)
        listed = self.markets.get(sent.outcome.market)
        reason = self._refused(order_sent, listed, now)
        if reason or listed is None:
            return Placement(sent.id, "refused", reason)
        if order_sent.reduce_only:
            allowed = rules.reducing(order_sent, self.money)
            if not allowed:
                return Placement(sent.id, "refused", "invalid_order: nothing to reduce")
            order_sent = msgspec.structs.replace(order_sent, size=allowed)
        order = KalshiOrder(order_sent, now)
        order.initial = sent.size
        order.taking = listed.book.crossed_by(order)
        reason = rules.at_arrival(order, listed)
        if reason:
            return Placement(sent.id, "refused", reason)
        if not self._reserves.add(order, listed.market, listed.shard):
            return Placement(sent.id, "refused", rules.BALANCE)
        self.orders[sent.id] = order
        if order_sent.client:
            self.named[sent.account, order_sent.client] = sent.id
        self._tell(OrderRested(order, now))
        return self._arrive(listed, order, now)

    def _refused(self, sent: KalshiSubmission, listed: Listed | None, now: Nanos) -> str:
        """Return why an order is not even looked at."""
        reason = rules.closed_now(listed, self.mode)
        if reason or listed is None:
            return reason
        reason = rules.ill_formed(sent, listed, now)
        if reason:
            return reason
        if sent.id in self.orders or (sent.client and (sent.account, sent.client) in self.named):
            return "order_already_exists"
        if not sent.group:
            return ""
        group = self.groups.of((sent.account, sent.subaccount), sent.group)
        if group is None or group.shard != listed.shard:
            return "not_found: order group not found"
        return "order_group_triggered" if group.triggered else ""

    def _arrive(self, listed: Listed, order: KalshiOrder, now: Nanos) -> Placement:
        """Let an order trade, and let what is left rest or go; tell it all."""
        market = listed.market
        self._dirty[market.id] = listed
        filled, paid, known = order.filled, order.taker_cost, len(order.trades)
        stopped = self._matcher.trade(listed, order, now)
        order.taking = False
        if not order.left:
            self._reserves.drop(order, market, listed.shard)
            order.state, order.status, order.reason = "matched", "executed", "filled"
            self._remember(order)
        elif stopped or order.sent.tif in {"FAK", "FOK"}:
            self._end(listed, order, stopped or KALSHI_WORDS.fak_nothing, now)
        else:
            self._rest(listed, order)
        self._done(order, now)
        return Placement(
            order.sent.id,
            order.state,
            order.reason,
            order.filled - filled,
            _spent(order, order.filled - filled, order.taker_cost - paid),
            tuple(order.trades[known:]),
        )

    def _rest(self, listed: Listed, order: KalshiOrder) -> None:
        self._turn += 1
        order.place = self._turn
        listed.book.add(order)
        listed.touch(order)
        group = self.groups.all.get(order.kalshi.group)
        if group is not None:
            group.orders[order.sent.id] = None
        self._reserves.update(order, listed.market, listed.shard)
        self._plan_end(listed, order)

    def _plan_end(self, listed: Listed, order: KalshiOrder) -> None:
        until = order.kalshi.good_until_ns
        if until is None:
            return

        def expire(at: Nanos) -> None:
            if order.state == "live" and order.kalshi.good_until_ns == until:
                self._end(listed, order, "expired", at)
                self._done(order, at)

        self._plan(until, expire)


def _spent(order: KalshiOrder, size: Size, leg_cost: Money) -> Money:
    """Return the dollars of a trade in the order's own terms: a sale of YES opens no NO."""
    return leg_cost if order.sent.side == "buy" else size - leg_cost
