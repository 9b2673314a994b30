"""Equity, and the losses that halt a run."""

from __future__ import annotations

from underround.market.hub import Hub
from underround.model.ids import OutcomeId
from underround.model.ledger import Holding
from underround.model.run import EquityPoint
from underround.model.units import ONE, Money, Nanos, Price, decimal_text
from underround.trading.facts import EngineFacts
from underround.trading.limits import RiskLimits
from underround.trading.portfolio import Portfolio


class LossWatch:
    """Marks the account to market and says when it lost too much.

    A position is marked at the bid of its book while that is trusted, else at its last mark, else
    (it was bought and doubted before anybody looked) at what it cost: doubt is not a loss.  No bid
    in a trusted book means zero.  Reading changes nothing; ``update`` is called at timers and fills
    only, so that what is displayed can never change a decision.
    """

    def __init__(self, hub: Hub, portfolio: Portfolio, facts: EngineFacts) -> None:
        """Watch an account that has not started yet."""
        self._hub = hub
        self._portfolio = portfolio
        self._facts = facts
        self._marks: dict[OutcomeId, Price | None] = {}
        self.initial: Money | None = None
        """Equity when the run began."""
        self.start: Money = 0
        self.high: Money = 0
        self.max_drawdown: Money = 0

    def begin(self) -> None:
        """Measure losses from here on: at the start, and after an operator's resume."""
        self.start = self.high = self.equity()
        if self.initial is None:
            self.initial = self.start

    def bid(self, outcome: OutcomeId) -> Price | None:
        """Return the price ``outcome`` is marked at; ``None``: nobody bids, or never looked."""
        tracked = self._hub.books.get(outcome.market)
        if tracked is not None and tracked.trusted:
            return tracked.book.best_bid(outcome.index)
        return self._marks.get(outcome)

    def value(self, outcome: OutcomeId, held: Holding) -> Money:
        """Return what a holding is worth at its mark."""
        bid = self.bid(outcome)
        if bid is not None:
            return held.total * bid // ONE
        tracked = self._hub.books.get(outcome.market)
        unseen = outcome not in self._marks and (tracked is None or not tracked.trusted)
        return held.cost if unseen else 0

    def equity(self) -> Money:
        """Return cash plus every position at its mark."""
        ledger = self._portfolio.ledger
        return ledger.cash_total() + sum(
            self.value(outcome, held) for outcome, held in ledger.holdings.items() if held.total
        )

    def point(self, at_ns: Nanos) -> EquityPoint:
        """Return equity, cash and fees now."""
        ledger = self._portfolio.ledger
        return EquityPoint(at_ns, self.equity(), ledger.cash_total(), ledger.fees_paid)

    def update(self) -> None:
        """Remember today's marks and the highest equity so far."""
        for outcome, held in self._portfolio.ledger.holdings.items():
            tracked = self._hub.books.get(outcome.market)
            if held.total and tracked is not None and tracked.trusted:
                self._marks[outcome] = tracked.book.best_bid(outcome.index)
        equity = self.equity()
        self.high = max(self.high, equity)
        self.max_drawdown = max(self.max_drawdown, self.high - equity)

    def check(self, limits: RiskLimits) -> str:
        """Return why the run must halt, or nothing."""
        equity = self.equity()
        if self.start - equity > limits.max_loss:
            lost = decimal_text(self.start - equity)
            return f"loss of {lost} dollars is over the limit {decimal_text(limits.max_loss)}"
        if self.high - equity > limits.max_drawdown:
            down = decimal_text(self.high - equity)
            return f"drawdown of {down} dollars is over {decimal_text(limits.max_drawdown)}"
        return ""
