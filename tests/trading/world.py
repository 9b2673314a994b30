"""A small account: real hub, risk, executor, ledgers and engine, with strategies on strings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed
from underround.model.events import BookSnapshot, MarketEvent
from underround.model.fees import FeeCurve, NoFees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import (
    KALSHI,
    POLYMARKET,
    FillId,
    GroupId,
    MarketId,
    OutcomeId,
    PlanId,
    StrategyId,
    Venue,
)
from underround.model.ledger import Entry, cash
from underround.model.market import Catalogue, EventGroup, Market, TickEpoch, uniform_ticks
from underround.model.orders import (
    Action,
    Approved,
    Command,
    Fill,
    FillSettled,
    Intent,
    LegGroupIntent,
    LegPolicy,
    Order,
    OrderEnded,
    OrderEvent,
    OrderFilled,
    OrderIntent,
    Refusal,
    SetIntent,
    SetsChanged,
    SubmitOrder,
    Timer,
)
from underround.model.units import Money, Nanos, Size, shares, usd
from underround.strategies.base import Strategy, StrategyParams, View
from underround.trading.digest import Digest
from underround.trading.engine import Engine
from underround.trading.executor import Executor
from underround.trading.exposure import OpenOrders
from underround.trading.facts import EngineFacts
from underround.trading.limits import RiskLimits
from underround.trading.portfolio import Portfolio
from underround.trading.tally import Several

START: Nanos = 1_000_000 * NANOS_PER_MS
Factory = Callable[[Sequence[Market], Sequence[EventGroup]], Strategy[Any]]
Levels = Mapping[str, str]


def make_market(
    native: str = "rain",
    *,
    venue: Venue = POLYMARKET,
    fees: FeeCurve | None = None,
    group: str | None = None,
    neg_risk: bool = False,
    closes_ns: Nanos | None = None,
    ticks: TickEpoch | None = None,
    min_size: str = "5",
) -> Market:
    """Return a market on a cent grid that charges nothing, unless told otherwise."""
    return Market(
        id=MarketId(venue, native),
        title=f"Will it {native}?",
        outcomes=("Yes", "No"),
        tokens=(f"{native}-1", f"{native}-2"),
        currency="pUSD" if venue == POLYMARKET else "USD",
        ticks=(ticks or uniform_ticks("0.01"),),
        min_size=shares(min_size),
        size_step=shares("0.01"),
        fees=fees or NoFees(),
        opens_ns=None,
        closes_ns=closes_ns,
        group=None if group is None else GroupId(group),
        neg_risk=neg_risk,
    )


def make_group(
    count: int = 3,
    *,
    name: str = "polymarket:weather",
    because: str | None = "the intervals cover every temperature",
    augmented: bool = False,
    neg_risk: bool = True,
    **market: Any,
) -> tuple[list[Market], EventGroup]:
    """Return ``count`` exclusive markets and their group."""
    markets = [
        make_market(f"m{number}", group=name, neg_risk=neg_risk, **market)
        for number in range(count)
    ]
    group = EventGroup(
        id=GroupId(name),
        title="How warm?",
        markets=tuple(market.id for market in markets),
        neg_risk=neg_risk,
        augmented=augmented,
        exhaustive_because=because,
    )
    return markets, group


class PuppetParams(StrategyParams, frozen=True):
    """A puppet has none."""


class Puppet(Strategy[PuppetParams]):
    """Says at the next wake what it was told to say."""

    kind: ClassVar[str] = "puppet"
    params_type: ClassVar[type[StrategyParams]] = PuppetParams
    loses_when: ClassVar[str] = "told to"

    def __init__(
        self, name: str, markets: Sequence[Market], groups: Sequence[EventGroup] = ()
    ) -> None:
        super().__init__(StrategyId(name), PuppetParams(), markets, groups)
        self.next: list[Intent] = []
        self.refused: list[Refusal] = []
        self.refused_intents: list[Intent] = []
        self.filled: list[Fill] = []
        self.ended: list[str] = []
        self.woken: list[str] = []
        self.raises: Exception | None = None

    def decide(self, view: View, event: MarketEvent | Timer, now: Nanos) -> Sequence[Intent]:
        self.woken.append(type(event).__name__)
        if self.raises is not None:
            raise self.raises
        said, self.next = self.next, []
        return said

    def on_refusal(
        self, refusal: Refusal, intent: OrderIntent | SetIntent | LegGroupIntent
    ) -> None:
        self.refused.append(refusal)
        self.refused_intents.append(intent)

    def on_fill(self, fill: Fill, order: Order) -> None:
        self.filled.append(fill)

    def on_order_end(self, order: Order) -> None:
        self.ended.append(order.id)


class Kept:
    """A decision sink that keeps everything, in order."""

    def __init__(self) -> None:
        self.asked_for: list[Intent] = []
        self.commands: list[Command] = []
        self.approved: list[Approved] = []
        self.groups: list[LegGroupIntent] = []
        self.refusals: list[Refusal] = []
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.entries: list[Entry] = []

    def asked(self, intent: Intent, at_ns: Nanos) -> None:
        self.asked_for.append(intent)

    def command(self, command: Command, at_ns: Nanos) -> None:
        self.commands.append(command)

    def intent(self, approved: Approved) -> None:
        self.approved.append(approved)

    def group(self, intent: LegGroupIntent, at_ns: Nanos) -> None:
        self.groups.append(intent)

    def refusal(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)

    def order(self, order: Order) -> None:
        self.orders.append(msgspec.structs.replace(order))

    def fill(self, fill: Fill) -> None:
        self.fills.append(fill)

    def finality(self, fill: FillId, finality: str, at_ns: Nanos) -> None:
        pass

    def entry(self, entry: Entry) -> None:
        self.entries.append(entry)


class World:
    """An engine with an account, told everything by the test.  ``now`` moves by ``tick``."""

    def __init__(
        self,
        markets: Sequence[Market],
        groups: Sequence[EventGroup] = (),
        *,
        strategies: Sequence[Factory] | None = None,
        limits: RiskLimits | None = None,
        dollars: str = "1000",
        nets: Sequence[Venue] = (KALSHI,),
    ) -> None:
        self.now = START
        self.feed = Feed("feed", "polled", 30_000)
        self.feed.connection = 0
        self.hub = Hub(Catalogue(tuple(markets), tuple(groups)), [self.feed], BookRules(), {}, {})
        orders = OpenOrders()
        self.portfolio = Portfolio(self.hub.markets, nets=nets, promised=orders.selling)
        self.executor = Executor(orders)
        by_id = {group.id: group for group in groups}
        self.facts = EngineFacts(
            self.hub,
            self.portfolio,
            self.executor,
            orders,
            by_id,
            limits or RiskLimits(),
            frozenset([POLYMARKET]),
        )
        self.kept, self.digest = Kept(), Digest()
        made = strategies or [lambda all_markets, all_groups: Puppet("s", all_markets, all_groups)]
        self.strategies = [factory(markets, groups) for factory in made]
        self.engine = Engine(
            self.hub,
            self.portfolio,
            self.executor,
            self.facts,
            by_id,
            self.strategies,
            Several((self.digest, self.kept)),
        )
        for commodity in dict.fromkeys(cash(m.id.venue, m.currency) for m in markets):
            self.kept.entry(self.portfolio.open(commodity, usd(dollars), self.now))
        self.engine.losses.begin()
        self.plans = self.fills = 0
        self.actions: list[Action] = []

    # --- the market side -----------------------------------------------------------------------

    def tick(self, ms: int = 1) -> None:
        self.now += ms * NANOS_PER_MS

    def event(self, event: MarketEvent) -> list[Action]:
        self.feed.heard_ns = self.now
        return self._note(self.engine.on_market(event, self.feed, self.now))

    def show(self, market: Market, bids: Levels, asks: Levels) -> list[Action]:
        """Restate a market's whole YES book; a polled book is trusted at once."""
        levels = [
            tuple((usd(price), shares(size)) for price, size in side.items())
            for side in (bids, asks)
        ]
        snapshot = BookSnapshot(market.id, 0, self.now, levels[0], levels[1], "request")
        return self.event(snapshot)

    def doubt(self, market: Market, reason: str = "sequence gap") -> None:
        self.hub.books[market.id].doubt(reason, self.now)

    # --- intents -------------------------------------------------------------------------------

    @property
    def puppet(self) -> Puppet:
        puppet = self.strategies[0]
        assert isinstance(puppet, Puppet)
        return puppet

    def plan(self) -> PlanId:
        self.plans += 1
        return PlanId(f"p{self.plans}")

    def order(
        self, side: Literal["buy", "sell"], outcome: OutcomeId, price: str, size: str, **other: Any
    ) -> OrderIntent:
        fields: dict[str, Any] = {
            "strategy": StrategyId("s"),
            "plan": self.plan(),
            "outcome": outcome,
            "side": side,
            "price": usd(price),
            "size": shares(size),
            "tif": "FOK",
            "purpose": "open" if side == "buy" else "reduce",
            "expires_ns": self.now + 60_000 * NANOS_PER_MS,
            "edge": usd("0.25"),
            "reason": "told to",
        }
        return OrderIntent(**(fields | other))

    def buy(self, outcome: OutcomeId, price: str, size: str, **other: Any) -> OrderIntent:
        return self.order("buy", outcome, price, size, **other)

    def sell(self, outcome: OutcomeId, price: str, size: str, **other: Any) -> OrderIntent:
        return self.order("sell", outcome, price, size, **other)

    def sets(
        self, action: Literal["mint", "merge"], what: Market | EventGroup, size: str, **other: Any
    ) -> SetIntent:
        fields: dict[str, Any] = {
            "strategy": StrategyId("s"),
            "plan": self.plan(),
            "action": action,
            "market": what.id if isinstance(what, Market) else None,
            "group": what.id if isinstance(what, EventGroup) else None,
            "size": shares(size),
            "purpose": "open" if action == "mint" else "reduce",
            "expires_ns": self.now + 60_000 * NANOS_PER_MS,
            "edge": usd("0.25"),
            "reason": "told to",
        }
        return SetIntent(**(fields | other))

    def legs(
        self, policy: LegPolicy, *legs: OrderIntent | SetIntent, loss: str = "0.03"
    ) -> LegGroupIntent:
        return LegGroupIntent(
            strategy=StrategyId("s"),
            plan=self.plan(),
            policy=policy,
            legs=legs,
            max_unwind_loss=usd(loss),
            edge=usd("0.75"),
            reason="told to",
        )

    def say(self, *intents: Intent) -> list[Action]:
        """Let the first strategy say this at a timer; returns what the edge is to do."""
        self.puppet.next = list(intents)
        return self.timer()

    # --- what the venue says -------------------------------------------------------------------

    def timer(self) -> list[Action]:
        return self._note(self.engine.on(Timer(self.now), self.now))

    def command(self, verb: Literal["halt", "resume"], reason: str = "") -> list[Action]:
        return self._note(self.engine.on(Command(verb, reason), self.now))

    def hear(self, event: OrderEvent) -> list[Action]:
        return self._note(self.engine.on(event, self.now))

    def fill_of(
        self, order: Order, size: Size | None = None, price: int | None = None, fee: Money = 0
    ) -> Fill:
        self.fills += 1
        return Fill(
            id=FillId(f"f{self.fills}"),
            order=order.id,
            outcome=order.outcome,
            side=order.side,
            price=order.price if price is None else price,
            size=order.remaining if size is None else size,
            fee=fee,
            liquidity="taker",
            at_ns=self.now,
            evidence="the test says so",
        )

    def fill(self, order: Order, size: Size | None = None, price: int | None = None) -> Fill:
        """Match (the rest of) an order; what it leads to is in ``actions``."""
        fill = self.fill_of(order, size, price)
        self.hear(OrderFilled(fill))
        return fill

    def settle(
        self, fill: Fill | FillId, finality: Literal["confirmed", "failed"] = "confirmed"
    ) -> list[Action]:
        fill_id = fill.id if isinstance(fill, Fill) else fill
        return self.hear(FillSettled(fill_id, self.now, finality))

    def end(
        self, order: Order, how: Literal["filled", "cancelled", "expired", "killed"] = "killed"
    ) -> list[Action]:
        return self.hear(OrderEnded(order.id, self.now, how, f"it was {how}"))

    def sets_done(self, approved: Approved, *, done: bool = True) -> list[Action]:
        return self.hear(SetsChanged(approved.id, self.now, done, "" if done else "reverted"))

    def give(
        self, outcome: OutcomeId, size: str, price: str = "0.4", *, confirmed: bool = True
    ) -> FillId:
        """Let the first strategy own shares, as if bought some time ago."""
        self.fills += 1
        fill = Fill(
            id=FillId(f"f{self.fills}"),
            order=self.executor_order(),
            outcome=outcome,
            side="buy",
            price=usd(price),
            size=shares(size),
            fee=0,
            liquidity="taker",
            at_ns=self.now,
            evidence="given",
        )
        self.portfolio.fill(fill, self.strategies[0].name)
        if confirmed:
            self.portfolio.settled(fill.id, "confirmed", self.now)
        self.facts.exposure.touch(outcome.market)
        return fill.id

    def executor_order(self) -> Any:
        """Return the id of no order at all."""
        return "given"

    def _note(self, actions: list[Action]) -> list[Action]:
        self.actions += actions
        return actions

    def taken(self) -> list[Action]:
        """Return and forget the actions since the last call."""
        actions, self.actions = self.actions, []
        return actions


def orders_in(actions: Sequence[Action]) -> list[Order]:
    """Return the orders that are to be sent."""
    return [action.order for action in actions if isinstance(action, SubmitOrder)]


def only_order(actions: Sequence[Action]) -> Order:
    """Return the one order that is to be sent; fails if there is none or another action."""
    (action,) = actions
    assert isinstance(action, SubmitOrder)
    return action.order
