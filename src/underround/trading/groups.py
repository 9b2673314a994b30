"""Every leg group of a run: begins them, feeds them, and sends what they ask for."""

from __future__ import annotations

from typing import Protocol

import msgspec

from underround.model.ids import LegGroupId, OutcomeId, PlanId
from underround.model.orders import (
    Action,
    Approved,
    Fill,
    LegGroupIntent,
    Order,
    OrderIntent,
    Refusal,
    SetIntent,
    SetsChanged,
    SubmitOrder,
)
from underround.model.units import Money, Nanos, cost_of
from underround.trading.digest import DecisionSink
from underround.trading.executor import Executor
from underround.trading.facts import EngineFacts
from underround.trading.legs import LegGroup
from underround.trading.risk import Risk


class Sender(Protocol):
    """What leg groups need of the engine."""

    facts: EngineFacts
    executor: Executor
    risk: Risk
    sink: DecisionSink

    def check(
        self, intent: OrderIntent | SetIntent, leg_group: LegGroupId | None, now: Nanos
    ) -> Approved | Refusal:
        """Pass an intent through risk."""

    def send(self, approved: Approved, now: Nanos) -> list[Action]:
        """Send an approval."""

    def refuse_group(self, intent: LegGroupIntent, gate: str, detail: str, now: Nanos) -> None:
        """Record the refusal of a whole group."""


class LegGroups:
    """The groups under way by id, and all that ended."""

    def __init__(self, sender: Sender) -> None:
        """Begin without groups."""
        self._sender = sender
        self._count = 0
        self.working: dict[LegGroupId, LegGroup] = {}
        self.ended: list[LegGroup] = []

    def begin(self, intent: LegGroupIntent, now: Nanos) -> list[Action]:
        """Check every leg before any is sent; one refusal refuses an all-or-none group whole."""
        sender = self._sender
        if sender.executor.plan_used(intent.plan):
            detail = f"plan {intent.plan} was executed before"
            sender.refuse_group(intent, "duplicate_plan", detail, now)
            return []
        self._count += 1
        group = LegGroup(LegGroupId(f"g{self._count}"), _with_leg_plans(intent))
        approvals, refusal = self._check_all(group, now)
        if refusal is not None and intent.policy != "best_effort":
            detail = f"leg {refusal.outcome}: {refusal.detail}"
            sender.refuse_group(intent, refusal.gate, detail, now)
            return []
        sender.executor.use_plan(intent.plan)
        sender.sink.group(group.intent, now)
        for approved in approvals.values():
            sender.sink.intent(approved)
        self.working[group.id] = group
        return self._send(group, approvals, now)

    def _check_all(
        self, group: LegGroup, now: Nanos
    ) -> tuple[dict[PlanId, Approved], Refusal | None]:
        """Check the legs as if the ones before were already ordered; returns the first refusal.

        Sales of what the group itself mints first cannot be checked before the mint is done.
        """
        facts = self._sender.facts
        approvals: dict[PlanId, Approved] = {}
        refusal: Refusal | None = None
        minted = isinstance(group.intent.legs[0], SetIntent)
        try:
            for leg in group.intent.legs:
                if minted and isinstance(leg, OrderIntent) and leg.side == "sell":
                    continue
                verdict = self._sender.risk.check(leg, facts, now, group.id)
                if isinstance(verdict, Refusal):
                    refusal = refusal or verdict
                    continue
                approvals[leg.plan] = verdict
                if isinstance(leg, OrderIntent) and leg.side == "buy":
                    facts.orders.reserved += cost_of(leg.price, leg.size)
        finally:
            facts.orders.reserved = 0
        return approvals, refusal

    def _send(self, group: LegGroup, approvals: dict[PlanId, Approved], now: Nanos) -> list[Action]:
        actions: list[Action] = []
        for leg in group.next_legs():
            verdict = approvals.get(leg.plan) or self._sender.check(leg, group.id, now)
            if isinstance(verdict, Refusal):
                group.not_sent(f"{verdict.gate}: {verdict.detail}")
                continue
            sent = self._sender.send(verdict, now)
            if not sent:
                group.not_sent("expired before it was sent")
            for action in sent:
                key = action.order.id if isinstance(action, SubmitOrder) else f"set:{verdict.id}"
                group.sent(key)
            actions += sent
        return actions + self._advance(group, now)

    # --- what became of the legs ---------------------------------------------------------------

    def filled(self, group_id: LegGroupId | None, fill: Fill, notional: Money) -> None:
        """Feed a fill to its group."""
        group = self._of(group_id)
        if group is not None:
            group.filled(fill, notional)

    def reversed(self, group_id: LegGroupId | None, fill: Fill, notional: Money) -> None:
        """Feed a reversed fill to its group."""
        group = self._of(group_id)
        if group is not None:
            group.reversed(fill, notional)

    def order_ended(self, order: Order, now: Nanos) -> list[Action]:
        """Feed an order's end to its group and let the group go on."""
        group = self._of(order.leg_group)
        if group is None:
            return []
        unwinding = group.state == "unwinding"
        group.order_ended(order)
        if unwinding and order.remaining:
            group.give_up(f"{order.outcome} found no buyer at {order.price}")
            self._close(group)
            return []
        return self._send(group, {}, now)

    def sets_changed(
        self, approved: Approved, members: tuple[OutcomeId, ...], event: SetsChanged, now: Nanos
    ) -> list[Action]:
        """Feed a mint or merge to its group and let the group go on."""
        group = self._of(approved.leg_group)
        if group is None or not isinstance(approved.intent, SetIntent):
            return []
        group.sets_changed(approved.id, approved.intent, members, event.done, event.reason)
        return self._send(group, {}, now)

    def confirmed(self, group_id: LegGroupId | None, now: Nanos) -> list[Action]:
        """A fill of the group settled: an unwind may now sell it."""
        group = self._of(group_id)
        return [] if group is None else self._advance(group, now)

    def _of(self, group_id: LegGroupId | None) -> LegGroup | None:
        return None if group_id is None else self.working.get(group_id)

    def _advance(self, group: LegGroup, now: Nanos) -> list[Action]:
        group.advance()
        if group.state == "unwinding":
            return self._unwind(group, now)
        if group.ended:
            self._close(group)
        return []

    def _unwind(self, group: LegGroup, now: Nanos) -> list[Action]:
        facts = self._sender.facts
        actions: list[Action] = []
        for outcome in list(group.held):
            if any(
                order.outcome == outcome
                for order in facts.orders.of(outcome.market, group.intent.strategy)
                if order.leg_group == group.id
            ):
                continue
            sellable = facts.sellable(group.intent.strategy, outcome)
            sale = group.unwind(outcome, sellable, facts.ticks(outcome.market), now)
            if sale is None:
                continue
            verdict = self._sender.check(sale, group.id, now)
            if isinstance(verdict, Refusal):
                group.give_up(f"unwind refused by {verdict.gate}: {verdict.detail}")
                self._close(group)
                return actions
            for action in self._sender.send(verdict, now):
                if isinstance(action, SubmitOrder):
                    group.sent(action.order.id)
                actions.append(action)
        return actions

    def _close(self, group: LegGroup) -> None:
        if self.working.pop(group.id, None) is not None:
            self.ended.append(group)


def _with_leg_plans(intent: LegGroupIntent) -> LegGroupIntent:
    """Give every leg a plan of its own below the group's: ``plan/1``, ``plan/2`` and so on."""
    legs = tuple(
        msgspec.structs.replace(leg, plan=PlanId(f"{intent.plan}/{number}"))
        for number, leg in enumerate(intent.legs, start=1)
    )
    return msgspec.structs.replace(intent, legs=legs)
