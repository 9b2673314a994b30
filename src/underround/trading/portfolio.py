"""Money and shares: one ledger for the account, one beside it for each strategy.

A strategy sees and sells only what its own orders brought; the account's ledger is the truth that
is compared with the venue.  Every change goes to both, and only the account's entries are
journalled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from underround.model.errors import Bug
from underround.model.ids import FillId, MarketId, OutcomeId, StrategyId
from underround.model.ledger import Commodity, Entry, Holding, Ledger, cash
from underround.model.market import Market
from underround.model.orders import Fill
from underround.model.units import Money, Nanos, Price, Size


class Portfolio:
    """The account's ledger and the strategies' shares of it."""

    def __init__(self, markets: Mapping[MarketId, Market], nets: Iterable[str] = ()) -> None:
        """Start empty.  ``nets``: venues that net YES against NO at once (Kalshi)."""
        self._markets = markets
        self._nets = frozenset(nets)
        self.ledger = Ledger()
        self.by_strategy: dict[StrategyId, Ledger] = {}
        self._owner: dict[FillId, StrategyId] = {}
        self._traded: dict[FillId, Fill] = {}
        self.payouts: dict[MarketId, tuple[Price, Price]] = {}

    def currency(self, market: MarketId) -> Commodity:
        """Return the commodity a market is paid in."""
        return cash(market.venue, self._markets[market].currency)

    def of(self, strategy: StrategyId) -> Ledger:
        """Return the strategy's own ledger."""
        ledger = self.by_strategy.get(strategy)
        if ledger is None:
            ledger = self.by_strategy[strategy] = Ledger()
        return ledger

    def open(self, commodity: Commodity, amount: Money, at_ns: Nanos) -> Entry:
        """Book the money of one venue the run starts with."""
        return self.ledger.open(commodity, amount, at_ns)

    def fill(self, fill: Fill, strategy: StrategyId) -> list[Entry]:
        """Book a matched fill for the account and its strategy."""
        currency = self.currency(fill.outcome.market)
        self._owner[fill.id] = strategy
        self._traded[fill.id] = fill
        self.of(strategy).fill(fill, currency)
        return [self.ledger.fill(fill, currency)]

    def settled(self, fill_id: FillId, finality: str, at_ns: Nanos) -> list[Entry]:
        """Book what became of a matched fill: final, or reversed."""
        strategy = self._owner.get(fill_id)
        if strategy is None:
            raise Bug(f"fill {fill_id} settled but was never booked")
        own = self.of(strategy)
        if finality == "confirmed":
            own.confirm(fill_id, at_ns)
            entry = self.ledger.confirm(fill_id, at_ns)
        else:
            own.fail(fill_id, at_ns)
            entry = self.ledger.fail(fill_id, at_ns)
        entries = [] if entry is None else [entry]
        fill = self._traded.pop(fill_id, None)
        if fill is None:
            return entries
        market = fill.outcome.market
        if market in self.payouts:
            entries += self.resolve(market, self.payouts[market], at_ns)
        elif finality == "confirmed" and market.venue in self._nets:
            entries += self._net(market, strategy, at_ns)
        return entries

    def change_sets(
        self,
        outcomes: tuple[OutcomeId, ...],
        size: Size,
        strategy: StrategyId,
        at_ns: Nanos,
        cause: str,
    ) -> list[Entry]:
        """Book a mint (positive) or merge (negative) of complete sets."""
        currency = self.currency(outcomes[0].market)
        self.of(strategy).change_sets(outcomes, size, currency, at_ns, cause)
        return [self.ledger.change_sets(outcomes, size, currency, at_ns, cause)]

    def _net(self, market: MarketId, strategy: StrategyId, at_ns: Nanos) -> list[Entry]:
        """Cash in the strategy's YES and NO of one market, where the venue nets them at once.

        Only a strategy's own pairs are netted; YES of one strategy and NO of another stay apart
        here although the venue pays that dollar now: the account is then a little richer in cash
        than this ledger says, never poorer.
        """
        own = self.of(strategy)
        pair = (OutcomeId(market, 0), OutcomeId(market, 1))
        size = min(own.holding(outcome).confirmed for outcome in pair)
        if not size:
            return []
        return self.change_sets(pair, -size, strategy, at_ns, f"netted {market}")

    def resolve(self, market: MarketId, payouts: tuple[Price, Price], at_ns: Nanos) -> list[Entry]:
        """Pay out a resolved market; later confirmations are paid as they come."""
        self.payouts[market] = payouts
        currency = self.currency(market)
        for own in self.by_strategy.values():
            own.settle(market, payouts, currency, at_ns)
        entry = self.ledger.settle(market, payouts, currency, at_ns)
        return [] if entry is None else [entry]

    def holding(self, strategy: StrategyId, outcome: OutcomeId) -> Holding:
        """Return what one strategy holds of an outcome."""
        return self.of(strategy).holding(outcome)
