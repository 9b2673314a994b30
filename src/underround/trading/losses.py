"""Equity, and the losses that halt a run."""

from __future__ import annotations

from underround.market.hub import Hub
from underround.model.ids import OutcomeId
from underround.model.run import EquityPoint
from underround.model.units import ONE, Money, Nanos, Price, decimal_text
from underround.trading.facts import EngineFacts
from underround.trading.limits import RiskLimits
from underround.trading.portfolio import Portfolio


class LossWatch:
    """Marks the account to market and says when it lost too much.

    A position is marked at the last bid of a trusted book; without one, at zero.  A doubted book
    keeps its last trusted mark: doubt is not a loss.
    """

    def __init__(self, hub: Hub, portfolio: Portfolio, facts: EngineFacts) -> None:
        """Watch an account that has not started yet."""
        self._hub = hub
        self._portfolio = portfolio
        self._facts = facts
        self._marks: dict[OutcomeId, Price] = {}
        self.start: Money | None = None
        self.high: Money = 0
        self.max_drawdown: Money = 0

    def bid(self, outcome: OutcomeId) -> Price | None:
        """Return the price ``outcome`` is marked at; ``None``: nobody bids."""
        tracked = self._hub.books.get(outcome.market)
        if tracked is not None and tracked.trusted:
            book = tracked.book
            bid = book.best_bid(outcome.index)
            if bid is None:
                self._marks.pop(outcome, None)
            else:
                self._marks[outcome] = bid
            return bid
        return self._marks.get(outcome)

    def equity(self) -> Money:
        """Return cash plus every position at its mark."""
        ledger = self._portfolio.ledger
        value = ledger.cash_total()
        for outcome, held in ledger.holdings.items():
            if held.total:
                bid = self.bid(outcome)
                if bid is not None:
                    value += held.total * bid // ONE
        return value

    def point(self, at_ns: Nanos) -> EquityPoint:
        """Return equity, cash and fees now, and remember the highest equity."""
        equity = self.equity()
        if self.start is None:
            self.start = equity
        self.high = max(self.high, equity)
        self.max_drawdown = max(self.max_drawdown, self.high - equity)
        ledger = self._portfolio.ledger
        return EquityPoint(at_ns, equity, ledger.cash_total(), ledger.fees_paid)

    def check(self, limits: RiskLimits) -> str:
        """Return why the run must halt, or nothing."""
        point = self.point(0)
        if self.start is not None and self.start - point.equity > limits.max_loss:
            lost = decimal_text(self.start - point.equity)
            return f"loss of {lost} dollars is over the limit {decimal_text(limits.max_loss)}"
        if self.high - point.equity > limits.max_drawdown:
            down = decimal_text(self.high - point.equity)
            return f"drawdown of {down} dollars is over {decimal_text(limits.max_drawdown)}"
        return ""

    def restart(self) -> None:
        """Measure losses from here on: the operator resumed knowing the last ones."""
        self.start = None
        self.high = 0
