"""How much may be lost: worst case over outcomes, of what is held and what is on order.

For a market: what was paid, minus what the worse outcome pays back.  For an event group of
exclusive markets: what was paid for all of them, minus what the worst winner pays back ("none of
them" included unless the group is exhaustive).  Open buy orders count in full, as if they filled
and lost; a pair of YES and NO is a dollar whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from underround.model.book import Side
from underround.model.ids import MarketId, OutcomeId, StrategyId
from underround.model.ledger import Ledger
from underround.model.market import EventGroup
from underround.model.orders import Order, SetIntent
from underround.model.units import Money, Size, cost_of


def market_at_risk(ledger: Ledger, market: MarketId) -> Money:
    """Return the worst-case loss of what ``ledger`` holds of one market, ≥ 0."""
    yes = ledger.holding(OutcomeId(market, 0))
    no = ledger.holding(OutcomeId(market, 1))
    return max(0, yes.cost + no.cost - min(yes.total, no.total))


def group_at_risk(ledger: Ledger, group: EventGroup) -> Money:
    """Return the worst-case loss of what ``ledger`` holds of an exclusive group, ≥ 0."""
    cost = 0
    sum_no = 0
    payouts: list[int] = []
    for market in group.markets:
        yes = ledger.holding(OutcomeId(market, 0))
        no = ledger.holding(OutcomeId(market, 1))
        cost += yes.cost + no.cost
        sum_no += no.total
        payouts.append(yes.total - no.total)
    worst = min(payouts, default=0)
    if not group.exhaustive:
        worst = min(worst, 0)
    return max(0, cost - (sum_no + worst))


class Pretended(msgspec.Struct, frozen=True):
    """A leg of a group under examination, counted as if it were ordered already."""

    strategy: StrategyId
    outcome: OutcomeId
    side: Side
    size: Size
    spending: Money
    """What a buy costs at its limit; 0 for a sale."""
    fee: Money
    """What it costs on top if it takes."""


class OpenOrders:
    """Open orders by market, what sets under way take, and legs that are only pretended."""

    def __init__(self) -> None:
        """Start with none."""
        self.by_market: dict[MarketId, dict[str, Order]] = {}
        self.count = 0
        self.pretended: list[Pretended] = []
        """Legs of the group under examination, before any of them is sent."""
        self.merging: dict[tuple[StrategyId, OutcomeId], Size] = {}
        """Shares promised to merges that are under way."""
        self.minting: dict[str, Money] = {}
        """Cash promised to mints that are under way, by venue."""

    def commit(self, intent: SetIntent, members: Iterable[OutcomeId], sign: int) -> None:
        """Promise (``sign`` 1) or release (−1) what a mint or merge under way takes."""
        if intent.action == "mint":
            self.minting[intent.venue] = self.minting.get(intent.venue, 0) + sign * intent.size
            return
        for outcome in members:
            key = (intent.strategy, outcome)
            self.merging[key] = self.merging.get(key, 0) + sign * intent.size

    def add(self, order: Order) -> None:
        """Note a new open order."""
        self.by_market.setdefault(order.outcome.market, {})[order.id] = order
        self.count += 1

    def remove(self, order: Order) -> None:
        """Forget an order that ended; unknown ones are ignored."""
        orders = self.by_market.get(order.outcome.market)
        if orders is not None and orders.pop(order.id, None) is not None:
            self.count -= 1
            if not orders:
                del self.by_market[order.outcome.market]

    def of(self, market: MarketId, strategy: StrategyId) -> Sequence[Order]:
        """Return a strategy's open orders in a market, oldest first."""
        orders = self.by_market.get(market)
        if not orders:
            return ()
        return [order for order in orders.values() if order.strategy == strategy]

    def buys(
        self, markets: Iterable[MarketId], strategy: StrategyId | None = None
    ) -> Iterator[Order]:
        """Yield open buys in ``markets`` (of one strategy, or of all)."""
        for market in markets:
            for order in self.by_market.get(market, {}).values():
                if order.side == "buy" and strategy in (None, order.strategy):
                    yield order

    def spending(
        self, markets: Iterable[MarketId] | None = None, strategy: StrategyId | None = None
    ) -> Money:
        """Return what open and pretended buys may still cost, fees left out.

        In ``markets`` (``None``: everywhere), of one strategy or of all.
        """
        named = tuple(self.by_market) if markets is None else tuple(markets)
        pretended = sum(
            leg.spending
            for leg in self.pretended
            if strategy in (None, leg.strategy) and (markets is None or leg.outcome.market in named)
        )
        return pretended + sum(
            cost_of(order.price, order.remaining) for order in self.buys(named, strategy)
        )

    def selling(self, outcome: OutcomeId, strategy: StrategyId) -> Size:
        """Return how many shares of ``outcome`` a strategy promised to open sells and merges."""
        promised = self.merging.get((strategy, outcome), 0)
        promised += self._pretended(outcome, strategy, "sell")
        return promised + sum(
            order.remaining
            for order in self.by_market.get(outcome.market, {}).values()
            if order.side == "sell" and order.strategy == strategy and order.outcome == outcome
        )

    def buying(self, outcome: OutcomeId, strategy: StrategyId) -> Size:
        """Return how many shares of ``outcome`` a strategy's open buys may still bring."""
        return self._pretended(outcome, strategy, "buy") + sum(
            order.remaining
            for order in self.buys((outcome.market,), strategy)
            if order.outcome == outcome
        )

    def _pretended(self, outcome: OutcomeId, strategy: StrategyId, side: Side) -> Size:
        return sum(
            leg.size
            for leg in self.pretended
            if leg.outcome == outcome and leg.strategy == strategy and leg.side == side
        )


class Exposure:
    """Worst-case losses at the levels that limits speak of.

    Recomputed from the ledgers when asked; per-market results are cached until the market is
    touched again.
    """

    def __init__(
        self,
        ledger: Ledger,
        ledgers: Mapping[StrategyId, Ledger],
        groups: Mapping[MarketId, EventGroup],
        orders: OpenOrders,
    ) -> None:
        """Measure ``ledger`` and the strategies' ``ledgers``; ``groups`` maps members."""
        self._ledger = ledger
        self._ledgers = ledgers
        self._groups = groups
        self._orders = orders
        self._cache: dict[MarketId, Money] = {}

    def touch(self, market: MarketId) -> None:
        """Forget what was cached about a market: its holdings changed."""
        self._cache.pop(self._key(market), None)

    def _key(self, market: MarketId) -> MarketId:
        group = self._groups.get(market)
        return group.markets[0] if group is not None else market

    def market(self, market: MarketId) -> Money:
        """Return what holdings and open buys of one market may lose."""
        return market_at_risk(self._ledger, market) + self._orders.spending((market,))

    def group(self, group: EventGroup) -> Money:
        """Return what holdings and open buys of a whole group may lose."""
        return group_at_risk(self._ledger, group) + self._orders.spending(group.markets)

    def strategy(self, strategy: StrategyId) -> Money:
        """Return what one strategy may lose."""
        ledger = self._ledgers.get(strategy)
        held = 0 if ledger is None else self._held(ledger)
        return held + self._orders.spending(None, strategy)

    def total(self) -> Money:
        """Return what the whole account may lose."""
        held = 0
        for key in dict.fromkeys(self._key(outcome.market) for outcome in self._ledger.holdings):
            cached = self._cache.get(key)
            if cached is None:
                cached = self._cache[key] = self._unit(self._ledger, key)
            held += cached
        return held + self._orders.spending()

    def positions(self) -> set[MarketId]:
        """Return the markets in which something is held or may come to be held."""
        markets = {outcome.market for outcome, held in self._ledger.holdings.items() if held.total}
        markets.update(order.outcome.market for order in self._orders.buys(self._orders.by_market))
        markets.update(leg.outcome.market for leg in self._orders.pretended if leg.side == "buy")
        return markets

    def _held(self, ledger: Ledger) -> Money:
        units = dict.fromkeys(self._key(outcome.market) for outcome in ledger.holdings)
        return sum(self._unit(ledger, key) for key in units)

    def _unit(self, ledger: Ledger, key: MarketId) -> Money:
        group = self._groups.get(key)
        if group is not None:
            return group_at_risk(ledger, group)
        return market_at_risk(ledger, key)
