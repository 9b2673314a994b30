"""What gates and strategies may look at, read from the engine's parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from underround.market.hub import Hub, ReferencePrice
from underround.model.book import Book
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import GroupId, MarketId, OutcomeId, PlanId, StrategyId, Venue
from underround.model.ledger import Holding
from underround.model.market import EventGroup, Market, TickEpoch
from underround.model.orders import Order, OrderIntent, SetIntent
from underround.model.units import Money, Nanos, Size, cost_of
from underround.trading.executor import Executor
from underround.trading.exposure import Exposure, OpenOrders, Pretended
from underround.trading.limits import RiskLimits
from underround.trading.portfolio import Portfolio


class EngineFacts:
    """The facts of one run; implements ``limits.Facts``."""

    def __init__(
        self,
        hub: Hub,
        portfolio: Portfolio,
        executor: Executor,
        orders: OpenOrders,
        groups: Mapping[GroupId, EventGroup],
        limits: RiskLimits,
        mints: frozenset[Venue],
    ) -> None:
        """Read from the engine's parts; owns none of them."""
        self._hub = hub
        self._portfolio = portfolio
        self._executor = executor
        self.orders = orders
        self._groups = groups
        self._group_of = {market: group for group in groups.values() for market in group.markets}
        self._mints = mints
        self.limits = limits
        self.halted = ""
        self.exposure = Exposure(portfolio.ledger, portfolio.by_strategy, self._group_of, orders)

    def market(self, market: MarketId) -> Market | None:
        """Return the market, or ``None`` if it is not in the catalogue."""
        return self._hub.markets.get(market)

    def market_open(self, market: MarketId, now: Nanos) -> bool:
        """Return whether the market still trades: not closed, not past its known end."""
        if market in self._hub.closed:
            return False
        closes = self._hub.markets[market].closes_ns
        return closes is None or now < closes

    def ticks(self, market: MarketId) -> TickEpoch:
        """Return the price grid in force."""
        tracked = self._hub.books.get(market)
        return tracked.ticks if tracked is not None else self._hub.markets[market].ticks[0]

    def trusted_book(self, market: MarketId) -> Book | None:
        """Return the book if it is trusted."""
        tracked = self._hub.books.get(market)
        return tracked.book if tracked is not None and tracked.trusted else None

    def doubt(self, market: MarketId) -> str:
        """Return why the book is not trusted."""
        tracked = self._hub.books.get(market)
        if tracked is None:
            return "nothing was received yet"
        return tracked.last_doubt or "not proven yet"

    def book_age_ms(self, market: MarketId, now: Nanos) -> int:
        """Return how long the book's stream (a polled book itself) has been quiet."""
        tracked = self._hub.books.get(market)
        if tracked is None:
            return now // NANOS_PER_MS
        heard = tracked.heard_ns if tracked.proof == "polled" else tracked.feed.heard_ns
        return (now - heard) // NANOS_PER_MS

    def reference_age_ms(self, symbol: str, now: Nanos) -> int | None:
        """Return the age of a reference price, ``None`` if there is none."""
        reference = self._hub.references.get(symbol)
        return None if reference is None else (now - reference.received_ns) // NANOS_PER_MS

    def sellable(self, strategy: StrategyId, outcome: OutcomeId) -> Size:
        """Return the strategy's confirmed shares not promised to its open sells."""
        held = self._portfolio.holding(strategy, outcome).confirmed
        return max(0, held - self.orders.selling(outcome, strategy)) if held else 0

    def plan_used(self, plan: PlanId) -> bool:
        """Return whether a plan was executed before."""
        return self._executor.plan_used(plan)

    def cash_free(self, market: MarketId) -> Money:
        """Return cash of the market's venue not promised to open buys, their fees, or mints."""
        commodity = self._portfolio.currency(market)
        there = [
            other for other in self.orders.by_market if self._portfolio.currency(other) == commodity
        ]
        fees = sum(
            self._hub.markets[order.outcome.market].fees.fee(
                order.price, order.remaining, taker=True
            )
            for order in self.orders.buys(there)
            if not order.post_only
        )
        promised = sum(
            leg.fee + (0 if leg.outcome.market in there else leg.spending)
            for leg in self.orders.pretended
            if self._portfolio.currency(leg.outcome.market) == commodity
        )
        promised += self.orders.spending(there) + self.orders.minting.get(market.venue, 0)
        return self._portfolio.ledger.balance("cash", commodity) - promised - fees

    def pretend(self, leg: OrderIntent) -> Pretended:
        """Return a leg under examination as what it would be once ordered."""
        market = self._hub.markets[leg.outcome.market]
        buys = leg.side == "buy"
        fee = market.fees.fee(leg.price, leg.size, taker=True) if buys and not leg.post_only else 0
        return Pretended(
            leg.strategy,
            leg.outcome,
            leg.side,
            leg.size,
            cost_of(leg.price, leg.size) if buys else 0,
            fee,
        )

    def unpaired(self, strategy: StrategyId, outcome: OutcomeId) -> Size:
        """Return how many shares of ``outcome`` would only complete the strategy's pairs.

        What it holds of the other outcome beyond this one, less what it is buying already.
        """
        other = OutcomeId(outcome.market, 1 - outcome.index)
        held = self._portfolio.holding(strategy, other).total
        own = self._portfolio.holding(strategy, outcome).total
        return max(0, held - own - self.orders.buying(outcome, strategy))

    def group_of(self, market: MarketId) -> EventGroup | None:
        """Return the exclusive group the market belongs to."""
        return self._group_of.get(market)

    def group(self, group: GroupId) -> EventGroup | None:
        """Return a group by id."""
        return self._groups.get(group)

    def set_members(self, intent: SetIntent) -> Sequence[OutcomeId]:
        """Return the outcomes one set consists of."""
        if intent.group is not None:
            return [OutcomeId(market, 0) for market in self._groups[intent.group].markets]
        if intent.market is None:
            return []
        return [OutcomeId(intent.market, 0), OutcomeId(intent.market, 1)]

    def mints_sets(self, venue: Venue) -> bool:
        """Return whether complete sets can be minted and merged on the venue."""
        return venue in self._mints

    def market_exposure(self, market: MarketId) -> Money:
        """Return the worst-case loss in a market, open buys included."""
        return self.exposure.market(market)

    def group_exposure(self, group: EventGroup) -> Money:
        """Return the worst-case loss in a group, open buys included."""
        return self.exposure.group(group)

    def strategy_exposure(self, strategy: StrategyId) -> Money:
        """Return the worst-case loss of a strategy, open buys included."""
        return self.exposure.strategy(strategy)

    def total_exposure(self) -> Money:
        """Return the worst-case loss of the account, open buys included."""
        return self.exposure.total()

    def open_orders(self) -> int:
        """Return how many orders are open or pretended."""
        return self.orders.count + len(self.orders.pretended)

    def positions(self) -> set[MarketId]:
        """Return the markets in which something is held or may come to be held."""
        return self.exposure.positions()


class StrategyView:
    """The world of one strategy instance; implements ``strategies.base.View``."""

    __slots__ = ("_facts", "_groups_of", "_hub", "_portfolio", "_strategy", "now")

    def __init__(
        self,
        strategy: StrategyId,
        facts: EngineFacts,
        hub: Hub,
        portfolio: Portfolio,
        groups: Mapping[GroupId, EventGroup],
    ) -> None:
        """Show ``strategy`` the trusted books, its own shares and its own orders."""
        self._strategy = strategy
        self._facts = facts
        self._hub = hub
        self._portfolio = portfolio
        self._groups_of: dict[MarketId, list[EventGroup]] = {}
        for group in groups.values():
            for market in group.markets:
                self._groups_of.setdefault(market, []).append(group)
        self.now: Nanos = 0

    def market(self, market: MarketId) -> Market:
        """Return the market's rules."""
        return self._hub.markets[market]

    def ticks(self, market: MarketId) -> TickEpoch:
        """Return the price grid in force."""
        return self._facts.ticks(market)

    def group(self, group: GroupId) -> EventGroup:
        """Return an event group."""
        found = self._facts.group(group)
        if found is None:
            raise KeyError(group)
        return found

    def groups_of(self, market: MarketId) -> Sequence[EventGroup]:
        """Return the event groups the market belongs to."""
        return self._groups_of.get(market, ())

    def book(self, market: MarketId) -> Book | None:
        """Return the market's book if it is trusted and the market open, else ``None``."""
        tracked = self._hub.books.get(market)
        return tracked.book if tracked is not None and tracked.trusted else None

    def book_age_ms(self, market: MarketId) -> int:
        """Return how long ago the market's feed last said anything."""
        return self._facts.book_age_ms(market, self.now)

    def holding(self, outcome: OutcomeId) -> Holding:
        """Return the strategy's own shares with their cost."""
        return self._portfolio.holding(self._strategy, outcome)

    def sellable(self, outcome: OutcomeId) -> Size:
        """Return its own confirmed shares not promised to its open sells."""
        return self._facts.sellable(self._strategy, outcome)

    def open_orders(self, market: MarketId) -> Sequence[Order]:
        """Return its own open orders in a market, oldest first."""
        return self._facts.orders.of(market, self._strategy)

    def reference(self, symbol: str) -> ReferencePrice | None:
        """Return the last reference price of a symbol."""
        return self._hub.references.get(symbol)

    def closes_in_ms(self, market: MarketId) -> int | None:
        """Return the time until trading ends; ``None``: unknown."""
        closes = self._hub.markets[market].closes_ns
        return None if closes is None else (closes - self.now) // NANOS_PER_MS

    def traded_size(self, market: MarketId) -> Size:
        """Return the public volume seen in this run."""
        return self._hub.traded.get(market, 0)
