"""Money and shares: one ledger for the account, one beside it for each strategy.

A strategy sees and sells only what its own orders brought; the account's ledger is the truth that
is compared with the venue.  Every change goes to both, and only the account's entries are
journalled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from underround.model.ids import FillId, MarketId, OutcomeId, StrategyId
from underround.model.ledger import Commodity, Entry, Holding, Ledger, cash
from underround.model.market import Market
from underround.model.orders import Fill
from underround.model.units import Money, Nanos, Price, Size


class Portfolio:
    """The account's ledger and the strategies' shares of it."""

    def __init__(
        self,
        markets: Mapping[MarketId, Market],
        nets: Iterable[str] = (),
        promised: Callable[[OutcomeId, StrategyId], Size] | None = None,
    ) -> None:
        """Start empty.

        ``nets``: venues that net YES against NO at once (Kalshi).  ``promised``: how many of a
        strategy's shares its open sales and merges may still take; those are neither netted nor
        paid out before that is decided.
        """
        self._markets = markets
        self._nets = frozenset(nets)
        self._promised_to = promised
        self.ledger = Ledger()
        self.by_strategy: dict[StrategyId, Ledger] = {}
        self._owner: dict[FillId, StrategyId] = {}
        self._traded: dict[FillId, Fill] = {}
        self.payouts: dict[MarketId, tuple[Price, Price]] = {}

    def _promised(self, outcome: OutcomeId, strategy: StrategyId) -> Size:
        return 0 if self._promised_to is None else self._promised_to(outcome, strategy)

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
        """Book what became of a matched fill: final, or reversed.

        A fill that was never booked, or is final already, changes nothing: events may come twice.
        """
        strategy = self._owner.pop(fill_id, None)
        if strategy is None:
            return []
        own = self.of(strategy)
        fill = self._traded.pop(fill_id)
        if finality == "confirmed":
            own.confirm(fill_id, at_ns)
            entry = self.ledger.confirm(fill_id, at_ns)
        else:
            own.fail(fill_id, at_ns)
            entry = self.ledger.fail(fill_id, at_ns)
        entries = [] if entry is None else [entry]
        return entries + self.freed(fill.outcome.market, strategy, at_ns)

    def freed(self, market: MarketId, strategy: StrategyId, at_ns: Nanos) -> list[Entry]:
        """Pay out or net what became free: shares were confirmed, or an order or merge ended."""
        if market in self.payouts:
            return self.resolve(market, self.payouts[market], at_ns)
        if market.venue in self._nets:
            return self._net(market, strategy, at_ns)
        return []

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
        size = min(
            own.holding(outcome).confirmed - self._promised(outcome, strategy) for outcome in pair
        )
        if size <= 0:
            return []
        return self.change_sets(pair, -size, strategy, at_ns, f"netted {market}")

    def resolve(self, market: MarketId, payouts: tuple[Price, Price], at_ns: Nanos) -> list[Entry]:
        """Pay out a resolved market; what is confirmed or freed later is paid as it comes."""
        self.payouts[market] = payouts
        currency = self.currency(market)
        total = [0, 0]
        for strategy, own in self.by_strategy.items():
            promised = [self._promised(OutcomeId(market, index), strategy) for index in (0, 1)]
            own.settle(market, payouts, currency, at_ns, (promised[0], promised[1]))
            total = [sum(pair) for pair in zip(total, promised, strict=True)]
        entry = self.ledger.settle(market, payouts, currency, at_ns, (total[0], total[1]))
        return [] if entry is None else [entry]

    def holding(self, strategy: StrategyId, outcome: OutcomeId) -> Holding:
        """Return what one strategy holds of an outcome."""
        return self.of(strategy).holding(outcome)
