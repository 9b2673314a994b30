"""The engine: one synchronous call, told the time, no I/O.

``on(event, now)`` takes a market event, what the venue says about our orders, a timer or a command
and returns what the edge is to do.  Same events, same answers: nothing in here reads a clock, draws
a number, iterates a set or depends on hashing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from underround.market.hub import TOP, TRUST, Hub
from underround.market.trust import Feed
from underround.model.errors import Bug
from underround.model.events import (
    MarketEvent,
    MarketResolved,
    ReferenceTick,
)
from underround.model.ids import FillId, GroupId, IntentId, LegGroupId, MarketId, StrategyId
from underround.model.ledger import Entry
from underround.model.market import EventGroup
from underround.model.orders import (
    Action,
    Approved,
    CancelFailed,
    CancelIntent,
    Command,
    Fill,
    FillSettled,
    Intent,
    LegGroupIntent,
    Order,
    OrderAccepted,
    OrderEnded,
    OrderEvent,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    Refusal,
    SetIntent,
    SetsChanged,
    SubmitOrder,
    Timer,
)
from underround.model.units import Nanos
from underround.strategies.base import Strategy, StrategyParams
from underround.trading.digest import DecisionSink
from underround.trading.executor import Executor, notional_of
from underround.trading.facts import EngineFacts, StrategyView
from underround.trading.faults import fault_of, told
from underround.trading.groups import LegGroups
from underround.trading.losses import LossWatch
from underround.trading.portfolio import Portfolio
from underround.trading.risk import FAILED, Risk

Decider: TypeAlias = Strategy[StrategyParams]
_NO_ACTIONS: Final[list[Action]] = []
"""Returned, never changed, when there is nothing to do: the hot path allocates no list."""


class Desk:
    """One strategy instance at work: its view, its counters, its state."""

    def __init__(self, strategy: Decider, view: StrategyView) -> None:
        """Seat a strategy."""
        self.strategy = strategy
        self.view = view
        self.wakes = 0
        self.intents = 0
        self.orders = 0
        self.fills = 0
        self.refusals = 0
        self.error = ""
        """Why the strategy was stopped, if it raised."""


class Engine:
    """Books, strategies, risk, executor and ledger, wired."""

    def __init__(
        self,
        hub: Hub,
        portfolio: Portfolio,
        executor: Executor,
        facts: EngineFacts,
        groups: Mapping[GroupId, EventGroup],
        strategies: Sequence[Decider],
        sink: DecisionSink,
    ) -> None:
        """Seat the strategies; nothing happens until the first event."""
        self.hub = hub
        self.portfolio = portfolio
        self.executor = executor
        self.facts = facts
        self.risk = Risk()
        self.losses = LossWatch(hub, portfolio, facts)
        self.sink = sink
        self.desks = [
            Desk(strategy, StrategyView(strategy.name, facts, hub, portfolio, groups))
            for strategy in strategies
        ]
        self._desk = {desk.strategy.name: desk for desk in self.desks}
        self._watching: dict[MarketId, list[Desk]] = {}
        for desk in self.desks:
            for market in desk.strategy.markets:
                self._watching.setdefault(market, []).append(desk)
        self._referring: dict[str, list[Desk]] = {}
        for desk in self.desks:
            for symbol in desk.strategy.references():
                self._referring.setdefault(symbol, []).append(desk)
        self.leg_groups = LegGroups(self)
        self._sets: dict[IntentId, Approved] = {}
        self._pending: dict[FillId, tuple[Fill, LegGroupId | None]] = {}
        self._handlers: dict[type, Callable[..., list[Action]]] = {
            Timer: self._on_timer,
            Command: self._on_command,
            OrderAccepted: self._on_accepted,
            OrderRejected: self._on_rejected,
            OrderEnded: self._on_ended,
            CancelFailed: self._on_cancel_failed,
            OrderFilled: self._on_filled,
            FillSettled: self._on_settled,
            SetsChanged: self._on_sets_changed,
        }

    # --- entry points --------------------------------------------------------------------------

    def on_market(self, event: MarketEvent, feed: Feed, now: Nanos) -> list[Action]:
        """Take a market event that came over ``feed``; returns what to do."""
        flags = self.hub.apply(event, feed, now)
        if not flags & (TOP | TRUST):
            if type(event) is ReferenceTick:
                return self._wake(self._referring.get(event.symbol, ()), event, now)
            if type(event) is MarketResolved:
                return self._resolved(event, now)
            return _NO_ACTIONS
        if type(event) is MarketResolved:
            return self._resolved(event, now)
        market: MarketId | None = getattr(event, "market", None)
        if market is None:
            return self._wake(self.desks, event, now)
        desks = self._watching.get(market)
        return _NO_ACTIONS if desks is None else self._wake(desks, event, now)

    def _resolved(self, event: MarketResolved, now: Nanos) -> list[Action]:
        self._book(self.portfolio.resolve(event.market, event.payouts, now))
        self.facts.exposure.touch(event.market)
        return self._wake(self._watching.get(event.market, ()), event, now)

    def on(self, event: OrderEvent | Timer | Command, now: Nanos) -> list[Action]:
        """Take what the venue says of our orders, a timer or a command."""
        return self._handlers[type(event)](event, now)

    # --- strategies ----------------------------------------------------------------------------

    def _wake(self, desks: Iterable[Desk], event: MarketEvent | Timer, now: Nanos) -> list[Action]:
        actions: list[Action] = []
        for desk in desks:
            if not desk.error:
                desk.wakes += 1
                desk.view.now = now
                intents = self._decide(desk, event, now)
                if intents:
                    actions += self._consider(desk, intents, now)
        return actions

    def _decide(self, desk: Desk, event: MarketEvent | Timer, now: Nanos) -> Sequence[Intent]:
        try:
            return tuple(desk.strategy.decide(desk.view, event, now))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it must not stop the others
            return self._fail(desk, told(error))

    def _tell(self, desk: Desk, tell: Callable[[], None]) -> None:
        """Let a strategy know something; one that raises is stopped, the others go on."""
        if desk.error:
            return
        try:
            tell()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as in _decide
            self._fail(desk, told(error))

    def _fail(self, desk: Desk, why: str) -> Sequence[Intent]:
        """Stop a strategy; returns the cancels of its orders (timers repeat them if need be)."""
        desk.error = desk.error or why
        return self._withdraw(desk)

    def _withdraw(self, desk: Desk) -> Sequence[Intent]:
        return [
            CancelIntent(order.strategy, order.id, "strategy failed")
            for order in self.executor.orders.values()
            if order.strategy == desk.strategy.name and not order.cancel_sent
        ]

    def _consider(self, desk: Desk, intents: Sequence[Intent], now: Nanos) -> list[Action]:
        faults = (fault_of(intent, desk.strategy.name) for intent in intents)
        fault = next(filter(None, faults), "")
        if fault:
            intents = self._fail(desk, fault)  # nothing of such a decision is believed
        actions: list[Action] = []
        for intent in intents:
            self.sink.asked(intent, now)
            if isinstance(intent, CancelIntent):
                cancel = self.executor.cancel(intent)
                if cancel is not None:
                    actions.append(cancel)
            elif isinstance(intent, LegGroupIntent):
                desk.intents += 1
                actions += self.leg_groups.begin(intent, now)
            else:
                desk.intents += 1
                actions += self._pursue(intent, now)
        return actions

    def _pursue(self, intent: OrderIntent | SetIntent, now: Nanos) -> list[Action]:
        """Pass one intent of its own through risk and send it."""
        verdict = self.check(intent, None, now)
        if isinstance(verdict, Refusal):
            return []
        self.executor.use_plan(intent.plan)
        return self.send(verdict, now)

    # --- the two steps leg groups share --------------------------------------------------------

    def check(
        self, intent: OrderIntent | SetIntent, leg_group: LegGroupId | None, now: Nanos
    ) -> Approved | Refusal:
        """Pass an intent through risk; a refusal is recorded and its strategy told."""
        verdict = self.risk.check(intent, self.facts, now, leg_group)
        if isinstance(verdict, Refusal):
            self._refused(verdict, intent)
        return verdict

    def send(self, approved: Approved, now: Nanos) -> list[Action]:
        """Hand an approval to the executor; empty if it expired on the way."""
        sent = self.executor.submit(approved, now)
        if isinstance(sent, Refusal):
            self._refused(sent, approved.intent)
            return []
        self.sink.intent(approved)
        if isinstance(sent, SubmitOrder):
            self._desk[approved.intent.strategy].orders += 1
            self.sink.order(sent.order)
        elif isinstance(approved.intent, SetIntent):
            self._sets[approved.id] = approved
            members = self.facts.set_members(approved.intent)
            self.facts.orders.commit(approved.intent, members, 1)
        return [sent]

    def refuse_group(self, intent: LegGroupIntent, gate: str, detail: str, now: Nanos) -> None:
        """Record that a whole group was refused, with the edge of all its legs."""
        refusal = Refusal(
            id=self.risk.next_id(),
            at_ns=now,
            strategy=intent.strategy,
            plan=intent.plan,
            outcome=f"{len(intent.legs)} legs",
            gate=gate,
            detail=detail,
            edge_forgone=intent.edge,
        )
        self._refused(refusal, intent)

    def _refused(self, refusal: Refusal, intent: OrderIntent | SetIntent | LegGroupIntent) -> None:
        desk = self._desk[refusal.strategy]
        desk.refusals += 1
        self.sink.refusal(refusal)
        if refusal.gate == FAILED and not self.facts.halted:
            self.facts.halted = f"risk failed: {refusal.detail}"
        self._tell(desk, lambda: desk.strategy.on_refusal(refusal, intent))

    # --- our orders ----------------------------------------------------------------------------

    def _on_accepted(self, event: OrderAccepted, now: Nanos) -> list[Action]:
        del now
        order = self.executor.accepted(event)
        if order is not None:
            self.sink.order(order)
        return []

    def _on_rejected(self, event: OrderRejected, now: Nanos) -> list[Action]:
        order = self.executor.rejected(event)
        return [] if order is None else self._over(order, now)

    def _on_ended(self, event: OrderEnded, now: Nanos) -> list[Action]:
        order = self.executor.ended(event)
        return [] if order is None else self._over(order, now)

    def _on_cancel_failed(self, event: CancelFailed, now: Nanos) -> list[Action]:
        del now
        order = self.executor.cancel_failed(event)
        if order is not None:
            self.sink.order(order)
        return []

    def _on_filled(self, event: OrderFilled, now: Nanos) -> list[Action]:
        fill = event.fill
        order = self.executor.filled(event)
        if order is None:
            return []
        desk = self._desk[order.strategy]
        desk.fills += 1
        self._pending[fill.id] = (fill, order.leg_group)
        self.sink.fill(fill)
        self._book(self.portfolio.fill(fill, order.strategy))
        self.facts.exposure.touch(fill.outcome.market)
        self.losses.update()
        self.leg_groups.filled(order.leg_group, fill, notional_of(fill))
        self._tell(desk, lambda: desk.strategy.on_fill(fill, order))
        if order.state == "filled":
            return self._over(order, now)
        self.sink.order(order)
        return []

    def _over(self, order: Order, now: Nanos) -> list[Action]:
        """An order ended: tell its strategy and its leg group, and let both go on."""
        self.sink.order(order)
        desk = self._desk[order.strategy]
        self._tell(desk, lambda: desk.strategy.on_order_end(order))
        self._free(order.outcome.market, order.strategy, now)
        actions = self.leg_groups.order_ended(order, now)
        if order.outcome.market in desk.strategy.markets:
            actions += self._wake((desk,), Timer(now), now)
        return actions

    def _on_settled(self, event: FillSettled, now: Nanos) -> list[Action]:
        pending = self._pending.pop(event.fill, None)
        if pending is None:
            return []  # told before
        fill, leg_group = pending
        self.sink.finality(event.fill, event.finality, event.at_ns)
        self._book(self.portfolio.settled(event.fill, event.finality, now))
        self.facts.exposure.touch(fill.outcome.market)
        return self.leg_groups.settled(leg_group, fill, notional_of(fill), event.finality, now)

    def _on_sets_changed(self, event: SetsChanged, now: Nanos) -> list[Action]:
        approved = self._sets.pop(event.intent, None)
        if approved is None:
            return []  # told before
        intent = approved.intent
        if not isinstance(intent, SetIntent):
            raise Bug(f"intent {event.intent} changed sets but is an order")
        members = tuple(self.facts.set_members(intent))
        self.facts.orders.commit(intent, members, -1)
        if event.done:
            size = intent.size if intent.action == "mint" else -intent.size
            self._book(
                self.portfolio.change_sets(members, size, intent.strategy, now, str(event.intent))
            )
        for market in dict.fromkeys(outcome.market for outcome in members):
            self._free(market, intent.strategy, now)
        return self.leg_groups.sets_changed(approved, members, event, now)

    def _free(self, market: MarketId, strategy: StrategyId, now: Nanos) -> None:
        """Pay out or net what an order or a set that ended does not need any more."""
        self.facts.exposure.touch(market)
        self._book(self.portfolio.freed(market, strategy, now))

    # --- time and the operator -----------------------------------------------------------------

    def _on_timer(self, event: Timer, now: Nanos) -> list[Action]:
        actions: list[Action] = []
        for feed, silent in self.hub.silences(now):
            actions += self.on_market(silent, feed, now)
        self.losses.update()
        if not self.facts.halted:
            reason = self.losses.check(self.facts.limits)
            if reason:
                actions += self._on_command(Command("halt", reason), now)
        if self.facts.halted:
            actions += self._cancel_opening()  # whatever was not cancelled at once
        for desk in self.desks:
            if desk.error:
                actions += self._consider(desk, self._withdraw(desk), now)
        actions += self.leg_groups.timer(now)
        return actions + self._wake(self.desks, event, now)

    def _on_command(self, event: Command, now: Nanos) -> list[Action]:
        """Halt: nothing opens, opening quotes are cancelled.  Resume: explicit."""
        self.sink.command(event, now)
        if event.verb == "resume":
            self.facts.halted = ""
            self.losses.begin()
            return []
        self.facts.halted = event.reason or "halted by the operator"
        return self._cancel_opening()

    def _cancel_opening(self) -> list[Action]:
        actions: list[Action] = []
        for order in list(self.executor.orders.values()):
            if order.purpose == "open":
                cancel = self.executor.cancel(
                    CancelIntent(order.strategy, order.id, self.facts.halted)
                )
                if cancel is not None:
                    actions.append(cancel)
        return actions

    def _book(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.sink.entry(entry)
