"""Every leg group of a run: begins them, feeds them, and sends what they ask for."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from underround.model.errors import Bug
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
from underround.model.units import Money, Nanos
from underround.trading.digest import DecisionSink
from underround.trading.executor import Executor
from underround.trading.facts import EngineFacts
from underround.trading.legs import UNWIND_NS, LegGroup
from underround.trading.risk import Risk

PASSING: Final = ("book_trusted", "book_fresh")
"""Gates whose refusal may be over in a moment: an unwind waits for that."""


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
        if not intent.legs or any(leg.strategy != intent.strategy for leg in intent.legs):
            raise Bug(f"plan {intent.plan} has no legs, or legs another strategy signed")
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
                if isinstance(leg, OrderIntent):
                    facts.orders.pretended.append(facts.pretend(leg))
        finally:
            facts.orders.pretended.clear()
        return approvals, refusal

    def _send(self, group: LegGroup, approvals: dict[PlanId, Approved], now: Nanos) -> list[Action]:
        """Send the legs whose turn it is: all of them, or none if one is refused now."""
        verdicts: list[Approved] = []
        refused = False
        for leg in group.next_legs():
            verdict = approvals.get(leg.plan) or self._sender.check(leg, group.id, now)
            if isinstance(verdict, Approved):
                verdicts.append(verdict)
            else:
                refused = True
                group.not_sent(f"{verdict.gate}: {verdict.detail}")
        if refused and group.intent.policy != "best_effort":
            verdicts = []
        actions: list[Action] = []
        for verdict in verdicts:
            actions += self._send_one(group, verdict, now)
        return actions + self._advance(group, now)

    def _send_one(self, group: LegGroup, approved: Approved, now: Nanos) -> list[Action]:
        sent = self._sender.send(approved, now)
        if not sent:
            group.not_sent("expired before it was sent")
        for action in sent:
            key = action.order.id if isinstance(action, SubmitOrder) else f"set:{approved.id}"
            group.sent(key)
        return sent

    # --- what became of the legs ---------------------------------------------------------------

    def filled(self, group_id: LegGroupId | None, fill: Fill, notional: Money) -> None:
        """Feed a fill to its group."""
        group = self._of(group_id)
        if group is not None:
            group.filled(fill, notional)

    def order_ended(self, order: Order, now: Nanos) -> list[Action]:
        """Feed an order's end to its group and let the group go on."""
        group = self._of(order.leg_group)
        if group is None:
            return []
        unwinding = group.state == "unwinding"
        group.order_ended(order)
        if unwinding:
            # What found no buyer is tried again at the next timer, until the deadline.
            group.advance()
            self._close_if_ended(group)
            return []
        group.deadline_ns = now + UNWIND_NS  # should it have to unwind now
        return self._send(group, {}, now)

    def sets_changed(
        self, approved: Approved, members: tuple[OutcomeId, ...], event: SetsChanged, now: Nanos
    ) -> list[Action]:
        """Feed a mint or merge to its group and let the group go on."""
        group = self._of(approved.leg_group)
        if group is None or not isinstance(approved.intent, SetIntent):
            return []
        group.sets_changed(
            approved.id, approved.intent, members, done=event.done, why=event.reason, now=now
        )
        return self._send(group, {}, now)

    def settled(
        self, group_id: LegGroupId | None, fill: Fill, notional: Money, finality: str, now: Nanos
    ) -> list[Action]:
        """Feed a fill's finality to its group: an unwind may now sell what it brought."""
        group = self._of(group_id)
        if group is None:
            return []
        if finality == "failed":
            group.reversed(fill, notional)
            group.deadline_ns = now + UNWIND_NS
        else:
            group.confirmed(fill, now)
        return self._advance(group, now)

    def timer(self, now: Nanos) -> list[Action]:
        """Try again what an unwind could not sell yet."""
        actions: list[Action] = []
        for group in list(self.working.values()):
            if group.state == "unwinding":
                actions += self._advance(group, now)
        return actions

    def _of(self, group_id: LegGroupId | None) -> LegGroup | None:
        return None if group_id is None else self.working.get(group_id)

    def _advance(self, group: LegGroup, now: Nanos) -> list[Action]:
        group.advance()
        actions = self._unwind(group, now) if group.state == "unwinding" else []
        group.advance()
        self._close_if_ended(group)
        return actions

    def _unwind(self, group: LegGroup, now: Nanos) -> list[Action]:
        """Sell what is confirmed, outcome by outcome; a momentary doubt is waited out."""
        facts = self._sender.facts
        actions: list[Action] = []
        for outcome, size in list(group.held.items()):
            if not size or outcome in group.given_up or self._selling(group, outcome):
                continue
            if not group.unsettled and not facts.market_open(outcome.market, now):
                group.give_up(outcome, "its market closed")
                continue
            if not group.unsettled and now > group.deadline_ns:
                group.give_up(outcome, "nobody bought it within the bound in time")
                continue
            ticks = facts.ticks(outcome.market)
            sale = group.unwind(outcome, facts.sellable(group.intent.strategy, outcome), ticks, now)
            if sale is None:
                continue
            verdict = self._sender.check(sale, group.id, now)
            if isinstance(verdict, Approved):
                actions += self._send_one(group, verdict, now)
            elif verdict.gate not in PASSING:
                group.give_up(outcome, f"{verdict.gate}: {verdict.detail}")
        return actions

    def _selling(self, group: LegGroup, outcome: OutcomeId) -> bool:
        orders = self._sender.facts.orders.of(outcome.market, group.intent.strategy)
        return any(order.outcome == outcome and order.leg_group == group.id for order in orders)

    def _close_if_ended(self, group: LegGroup) -> None:
        if group.ended and self.working.pop(group.id, None) is not None:
            self.ended.append(group)


def _with_leg_plans(intent: LegGroupIntent) -> LegGroupIntent:
    """Give every leg a plan of its own below the group's: ``plan/1``, ``plan/2`` and so on."""
    legs = tuple(
        msgspec.structs.replace(leg, plan=PlanId(f"{intent.plan}/{number}"))
        for number, leg in enumerate(intent.legs, start=1)
    )
    return msgspec.structs.replace(intent, legs=legs)
