"""Kalshi's exchange: bids of two legs in one book, signed positions, money by shard.

``kalshi_core`` holds the parts, ``kalshi_life`` the life of a market, ``kalshi_placing`` takes
orders; here they are changed and cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from underround.model.ids import MarketId, OrderId, OutcomeId
from underround.model.units import Nanos, Price, Size
from underround.simulation.matching.kalshi import rules
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.money import SIZE_STEP
from underround.simulation.matching.kalshi.placing import KalshiPlacing
from underround.simulation.matching.kalshi.terms import (
    KalshiOrder,
    KalshiSubmission,
    OrderChanged,
)
from underround.simulation.matching.terms import (
    AccountId,
    Placement,
    Withdrawal,
)
from underround.simulation.rules import in_yes
from underround.simulation.wording import KALSHI_WORDS


class KalshiExchange(KalshiPlacing):
    """The order-level engine with Kalshi's rules.

    A refusal is an answer, never an exception: its reason is the venue's ``code: details``.
    """

    # --- changing ------------------------------------------------------------------------------

    def amend(
        self,
        order_id: OrderId,
        now: Nanos,
        *,
        account: AccountId,
        yes_price: Price,
        size: Size,
        client: str = "",
        good_until_ns: Nanos | None = None,
        forever: bool = False,
    ) -> Placement:
        """Give a resting order another price, size (filled included), name or end.

        ``good_until_ns=None`` keeps the end, ``forever`` removes it.  The place in the queue stays
        for a smaller size and another end only; else the order arrives anew and may trade.
        """
        order, listed, reason = self._open_order(order_id, account)
        if order is None or listed is None:
            return Placement(order_id, "refused", reason)
        sent = _amended(order, yes_price, size, client or order.kalshi.client)
        if forever or good_until_ns:
            until = None if forever else good_until_ns
            sent = msgspec.structs.replace(sent, good_until_ns=until)
        reason = self._unamendable(order, listed, sent, now)
        if reason:
            return Placement(order_id, "refused", reason)
        self._rename(order, sent.client)
        before, order.updated_ns, order.reason = order.kalshi, now, "amended"
        if yes_price == order.yes_price and size <= before.size:
            self._shrink(listed, order, sent)
            if sent.good_until_ns != before.good_until_ns:
                self._plan_end(listed, order)
            self._tell(OrderChanged(order, now))
            self._done(order, now)
            return Placement(order_id, "live")
        return self._arrive_anew(listed, order, sent, now)

    def _arrive_anew(
        self, listed: Listed, order: KalshiOrder, sent: KalshiSubmission, now: Nanos
    ) -> Placement:
        """Take a resting order out and let it arrive with new terms."""
        listed.touch(order)
        listed.book.remove(order)
        group = self.groups.all.get(sent.group)
        if group is not None:
            del group.orders[order.sent.id]
        order.change(sent)
        order.taking = listed.book.crossed_by(order)
        self._reserves.update(order, listed.market, listed.shard)
        self._tell(OrderChanged(order, now))
        return self._arrive(listed, order, now)

    def _unamendable(
        self, order: KalshiOrder, listed: Listed, sent: KalshiSubmission, now: Nanos
    ) -> str:
        """Return why an order cannot have these terms."""
        if sent.size <= order.filled:
            return "invalid_order: count is not above what has filled"
        reason = rules.ill_formed(sent, listed, now)
        if reason:
            return reason
        known = self.named.get((sent.account, sent.client))
        if sent.client and known not in {None, sent.id}:
            return "order_already_exists"
        before = order.kalshi
        order.change(sent)
        order.taking = listed.book.crossed_by(order)
        enough = self._reserves.update(order, listed.market, listed.shard)
        crosses = sent.post_only and order.taking
        order.change(before)
        order.taking = False
        self._reserves.update(order, listed.market, listed.shard)
        if crosses:
            return KALSHI_WORDS.post_only_crosses
        return "" if enough else rules.BALANCE

    def _rename(self, order: KalshiOrder, client: str) -> None:
        if client != order.kalshi.client:
            self.named.pop((order.sent.account, order.kalshi.client), None)
            self.named[order.sent.account, client] = order.sent.id

    def _shrink(self, listed: Listed, order: KalshiOrder, sent: KalshiSubmission) -> None:
        """Make a resting order smaller where it stands."""
        assert order.line is not None
        gone = order.sent.size - sent.size
        order.line.size -= gone
        order.change(sent)
        if gone:
            listed.touch(order)
            self._dirty[listed.market.id] = listed
        self._reserves.update(order, listed.market, listed.shard)

    def decrease(
        self, order_id: OrderId, now: Nanos, *, account: AccountId, left: Size
    ) -> Placement:
        """Leave ``left`` of a resting order, less than now; it keeps its place.  0 cancels it."""
        order, listed, reason = self._open_order(order_id, account)
        if order is None or listed is None:
            return Placement(order_id, "refused", reason)
        if not 0 <= left <= order.left or left % SIZE_STEP:
            return Placement(order_id, "refused", "invalid_order: invalid count")
        if left == 0:
            self._end(listed, order, "canceled", now)
        else:
            sent = msgspec.structs.replace(order.kalshi, size=order.filled + left)
            order.updated_ns, order.reason = now, "decreased"
            self._shrink(listed, order, sent)
            self._tell(OrderChanged(order, now))
        self._done(order, now)
        return Placement(order_id, order.state)

    def _open_order(
        self, order_id: OrderId, account: AccountId
    ) -> tuple[KalshiOrder | None, Listed | None, str]:
        order = self.orders.get(order_id)
        if order is None or order.sent.account != account:
            return None, None, rules.NOT_FOUND
        listed = self.markets.get(order.sent.outcome.market)
        reason = rules.closed_now(listed, self.mode)
        if reason or listed is None:
            return None, None, reason
        return (order, listed, "") if order.state == "live" else (None, None, rules.NOT_FOUND)

    # --- cancelling ----------------------------------------------------------------------------

    def cancel(
        self,
        ids: Sequence[OrderId],
        now: Nanos,
        *,
        owner: str | None = None,
        account: AccountId | None = None,
    ) -> Withdrawal:
        """Cancel orders; of an owner or an account only its own."""
        gone: list[OrderId] = []
        kept: dict[OrderId, str] = {}
        for each in ids:
            order = self.orders.get(each)
            if order is None or not _of(order, owner, account):
                kept[each] = rules.NOT_FOUND
                continue
            listed = self.markets.get(order.sent.outcome.market)
            reason = rules.closed_now(listed, self.mode, cancel=True)
            if listed is None or reason or order.state != "live":
                kept[each] = reason or rules.NOT_FOUND
                continue
            self._end(listed, order, "canceled", now)
            self._done(order, now)
            gone.append(each)
        return Withdrawal(tuple(gone), kept)

    def cancel_where(
        self,
        now: Nanos,
        *,
        owner: str | None = None,
        account: AccountId | None = None,
        market: MarketId | None = None,
        outcome: OutcomeId | None = None,
    ) -> Withdrawal:
        """Cancel everything open that fits."""
        markets = list(self.markets) if market is None else [market]
        ids = [
            order.sent.id
            for each in markets
            for order in self.resting(each)
            if _of(order, owner, account) and outcome in {None, order.sent.outcome}
        ]
        return self.cancel(ids, now)


def _of(order: KalshiOrder, owner: str | None, account: AccountId | None) -> bool:
    return owner in {None, order.sent.owner} and account in {None, order.sent.account}


def _amended(order: KalshiOrder, yes_price: Price, size: Size, client: str) -> KalshiSubmission:
    price = in_yes(order.sent.outcome.index, yes_price)
    return msgspec.structs.replace(order.kalshi, price=price, size=size, client=client)
