"""Leg groups: intents that belong together, and what happens when one of them fails.

``all_or_none``  every leg must fill.  Legs are sent together (a mint first, its sales when it is
                 done); if one ends unfilled or fails to settle, what the others brought is sold
                 back once it is confirmed, at prices bounded before the first leg was sent.
``best_effort``  every leg is sent, whatever becomes of the others; nothing is unwound.
``sequential``   each leg is sent when the one before it filled; a failure stops the rest and
                 unwinds like ``all_or_none``.

A group ends in a definite state, and not before all its fills are final: ``complete``, ``unwound``,
``residual`` (part could not be sold at the bounded price in time and is kept as a position) or
``failed`` (nothing had filled).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from underround.model.ids import FillId, IntentId, LegGroupId, OutcomeId, PlanId
from underround.model.market import TickEpoch
from underround.model.orders import Fill, LegGroupIntent, Order, OrderIntent, SetIntent
from underround.model.units import ONE, Money, Nanos, Price, Size

GroupState: TypeAlias = Literal["working", "unwinding", "complete", "unwound", "residual", "failed"]
UNWIND_NS: Final[Nanos] = 60_000_000_000
"""How long after its last fill settled (or its last leg ended) a group tries to sell."""


class LegGroup:
    """The life of one leg group."""

    def __init__(self, group_id: LegGroupId, intent: LegGroupIntent) -> None:
        """Begin a group; nothing is sent yet."""
        self.id = group_id
        self.intent = intent
        self.state: GroupState = "working"
        self.detail = ""
        self.waiting: list[OrderIntent | SetIntent] = list(intent.legs)
        """Legs not sent yet, in order."""
        self.open: set[str] = set()
        """Orders and set changes under way: order ids and ``set:<intent>``."""
        self.unsettled: set[FillId] = set()
        """Fills that may still fail."""
        self.held: dict[OutcomeId, Size] = {}
        """What the group has and would have to sell to get out; unconfirmed included."""
        self.price: dict[OutcomeId, Price] = {}
        """What a share held was bought for, or was to be sold for: unwinding is bounded by it."""
        self.cash: Money = 0
        """Money in minus money out so far, fees included."""
        self.failed = ""
        self.given_up: dict[OutcomeId, str] = {}
        """Outcomes that are kept as a position, and why."""
        self.deadline_ns: Nanos = 0
        self._tries = 0

    @property
    def ended(self) -> bool:
        """Whether the group reached its final state."""
        return self.state not in ("working", "unwinding")

    def next_legs(self) -> list[OrderIntent | SetIntent]:
        """Take the legs that may be sent now."""
        if self.state != "working" or self.failed or not self.waiting:
            return []
        one_by_one = self.intent.policy == "sequential"
        if self.open and (one_by_one or self._minting):
            return []
        if one_by_one or isinstance(self.waiting[0], SetIntent):
            return [self.waiting.pop(0)]
        legs, self.waiting = self.waiting, []
        return legs

    @property
    def _minting(self) -> bool:
        return any(key.startswith("set:") for key in self.open)

    # --- what became of the legs ---------------------------------------------------------------

    def sent(self, key: str) -> None:
        """Note that a leg (or an unwinding order) is under way."""
        self.open.add(key)

    def not_sent(self, why: str) -> None:
        """Note that a leg was refused when its turn came."""
        self.failed = self.failed or why

    def filled(self, fill: Fill, notional: Money) -> None:
        """Take a fill of one of the group's orders into account."""
        held = self.held.get(fill.outcome, 0)
        self.unsettled.add(fill.id)
        if fill.side == "buy":
            paid = self.price.get(fill.outcome, 0) * held + fill.price * fill.size
            self.held[fill.outcome] = held + fill.size
            self.price[fill.outcome] = paid // (held + fill.size)
            self.cash -= notional + fill.fee
        else:
            self.held[fill.outcome] = held - fill.size
            self.cash += notional - fill.fee

    def confirmed(self, fill: Fill, now: Nanos) -> None:
        """Note that a fill is final: what it brought may now be sold."""
        self.unsettled.discard(fill.id)
        self.deadline_ns = now + UNWIND_NS

    def reversed(self, fill: Fill, notional: Money) -> None:
        """Take back a fill that failed to settle; the group can no longer be complete."""
        self.unsettled.discard(fill.id)
        sign = -1 if fill.side == "buy" else 1
        self.held[fill.outcome] = self.held.get(fill.outcome, 0) + sign * fill.size
        self.cash += (notional + fill.fee) if fill.side == "buy" else -(notional - fill.fee)
        self.failed = self.failed or f"fill {fill.id} failed to settle"

    def order_ended(self, order: Order) -> None:
        """Note that one of the group's orders ended."""
        self.open.discard(order.id)
        if self.state == "working" and order.remaining:
            self.failed = self.failed or (
                f"{order.side} {order.outcome} {order.state}: {order.reason or 'not filled'}"
            )

    def sets_changed(
        self,
        intent: IntentId,
        leg: SetIntent,
        members: tuple[OutcomeId, ...],
        *,
        done: bool,
        why: str,
        now: Nanos,
    ) -> None:
        """Note that the group's mint or merge was done or failed."""
        self.open.discard(f"set:{intent}")
        if not done:
            self.failed = self.failed or f"{leg.action} failed: {why}"
            return
        sign = 1 if leg.action == "mint" else -1
        self.cash -= sign * leg.size
        self.deadline_ns = now + UNWIND_NS
        planned = {
            sale.outcome: sale.price
            for sale in self.intent.legs
            if isinstance(sale, OrderIntent) and sale.side == "sell"
        }
        for outcome in members:
            self.held[outcome] = self.held.get(outcome, 0) + sign * leg.size
            self.price[outcome] = planned.get(outcome, ONE // len(members))

    # --- moving on -----------------------------------------------------------------------------

    def advance(self) -> None:
        """Move on when nothing is under way any more."""
        if self.ended or self.open or (self.waiting and not self.failed):
            return
        unwinds = self.failed and self.intent.policy != "best_effort"
        if self.state == "working" and unwinds and any(self.held.values()):
            self.state = "unwinding"
        if self.unsettled:
            return
        if self.state == "working":
            self.state = "failed" if unwinds else "complete"
            self.detail = self.failed or "every leg filled"
        elif all(not size or outcome in self.given_up for outcome, size in self.held.items()):
            kept = "; ".join(
                f"kept {outcome}: {why}"
                for outcome, why in self.given_up.items()
                if self.held.get(outcome)
            )
            self.state = "residual" if kept else "unwound"
            self.detail = f"{self.failed}; {kept}" if kept else self.failed

    def give_up(self, outcome: OutcomeId, why: str) -> None:
        """Keep what is left of an outcome as a position."""
        self.given_up.setdefault(outcome, why)

    def unwind(
        self, outcome: OutcomeId, sellable: Size, ticks: TickEpoch, now: Nanos
    ) -> OrderIntent | None:
        """Return the bounded sale of what is confirmed of ``outcome``, or ``None``."""
        size = min(self.held.get(outcome, 0), sellable)
        if size <= 0 or outcome in self.given_up:
            return None
        self._tries += 1
        bound = max(0, self.price[outcome] - self.intent.max_unwind_loss)
        price = ticks.ceil(bound) if outcome.index == 0 else ONE - ticks.floor(ONE - bound)
        lowest = ticks.finest
        return OrderIntent(
            strategy=self.intent.strategy,
            plan=PlanId(f"{self.intent.plan}:unwind:{self._tries}"),
            outcome=outcome,
            side="sell",
            price=min(max(price, lowest), ONE - lowest),
            size=size,
            tif="FAK",
            purpose="unwind",
            expires_ns=now + UNWIND_NS,
            edge=0,
            reason=f"leg group {self.id} failed: {self.failed}",
        )
