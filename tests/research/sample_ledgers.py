"""Books made up runs' fills, so that their positions and strategies agree with their cash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from underround.model.ids import OrderId, OutcomeId, StrategyId
from underround.model.ledger import Ledger, cash
from underround.model.orders import Fill
from underround.model.run import EquityPoint, MarketSeries, PositionRow, StrategySummary
from underround.model.units import ONE, Money, Price

STARTING: Money = 1_000 * ONE
CURRENCY = cash("polymarket", "USD")
WON, LOST = ONE, 0


class SampleLedgers:
    """The account's ledger and one per strategy; the last purchase of a market stays matched."""

    def __init__(self) -> None:
        self.account = Ledger()
        self.account.open(CURRENCY, STARTING, 0)
        self.own: dict[StrategyId, Ledger] = {}
        self.marks: dict[OutcomeId, Price | None] = {}
        self.settled: set[OutcomeId] = set()

    def book(
        self, line: MarketSeries, fills: Sequence[Fill], owners: Mapping[OrderId, StrategyId]
    ) -> None:
        """Book one market's fills in the order they were made up, and mark them at the end."""
        pending = fills[-1].id if fills and fills[-1].side == "buy" else None
        last = line.prices[-1]
        for fill in fills:
            own = self.own.setdefault(owners[fill.order], Ledger())
            for ledger in (self.account, own):
                ledger.fill(fill, CURRENCY)
                if fill.id != pending:
                    ledger.confirm(fill.id, fill.at_ns)
            self.marks[fill.outcome] = ONE - last.ask if fill.outcome.index else last.bid

    def settle(self, outcome: OutcomeId) -> None:
        """Resolve the market of ``outcome`` in its favour."""
        market = outcome.market
        payouts = (LOST, WON) if outcome.index else (WON, LOST)
        for ledger in (self.account, *self.own.values()):
            ledger.settle(market, payouts, CURRENCY, 0)
        self.settled |= {OutcomeId(market, 0), OutcomeId(market, 1)}

    def value(self, ledger: Ledger, outcome: OutcomeId) -> Money:
        """Return what a ledger's shares of an outcome are worth at the bid."""
        return ledger.holding(outcome).total * (self.marks[outcome] or 0) // ONE

    def equity(self) -> Money:
        """Return cash and value of the account."""
        account = self.account
        values = [self.value(account, outcome) for outcome in account.holdings]
        return account.cash_total() + sum(values)

    def positions(self, lines: Sequence[MarketSeries]) -> list[PositionRow]:
        """Return the positions as the run's summary states them."""
        series = {line.market: line for line in lines}
        rows = []
        for outcome, held in self.account.holdings.items():
            parts = [own.holding(outcome) for own in self.own.values()]
            line = series[str(outcome.market)]
            rows.append(
                PositionRow(
                    outcome=str(outcome),
                    title=line.title,
                    label=line.outcomes[outcome.index],
                    matched=held.matched,
                    confirmed=held.confirmed,
                    cost=sum(part.cost for part in parts),
                    realised=sum(part.realised for part in parts),
                    mark=self.marks[outcome],
                    value=self.value(self.account, outcome),
                    settled=outcome in self.settled,
                )
            )
        return rows

    def money_of(self, strategy: StrategySummary) -> StrategySummary:
        """Return ``strategy`` with the money of its own ledger."""
        own = self.own.get(StrategyId(strategy.name), Ledger())
        value = sum(self.value(own, outcome) for outcome in own.holdings)
        return msgspec.structs.replace(
            strategy,
            realised=sum(held.realised for held in own.holdings.values()),
            unrealised=value - sum(held.cost for held in own.holdings.values()),
            equity_change=own.cash_total() + value,
        )

    def curve(self, points: Sequence[EquityPoint]) -> list[EquityPoint]:
        """Return ``points`` bent so that they end where the ledger does."""
        last, most = points[-1], len(points) - 1
        off = (
            self.equity() - last.equity,
            self.account.cash_total() - last.cash,
            self.account.fees_paid - last.fees,
        )
        return [
            EquityPoint(
                point.at_ns,
                point.equity + off[0] * place // most,
                point.cash + off[1] * place // most,
                point.fees + off[2] * place // most,
            )
            for place, point in enumerate(points)
        ]
