"""The limits of an account, and the facts gates may look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec

from underround.model.book import Book
from underround.model.ids import GroupId, MarketId, OutcomeId, PlanId, StrategyId, Venue
from underround.model.market import EventGroup, Market, TickEpoch
from underround.model.orders import SetIntent
from underround.model.units import Money, Nanos, Size, usd

Dollars = Annotated[int, msgspec.Meta(ge=0, extra={"micros": "dollars"})]
Shares = Annotated[int, msgspec.Meta(ge=0, extra={"micros": "shares"})]
Count = Annotated[int, msgspec.Meta(ge=0)]


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one account.  Losses are worst cases over outcomes (``exposure.py``)."""

    max_order_notional: Dollars = usd("100")
    """Largest single order, dollars."""
    max_order_size: Shares = usd("1000")
    """Largest single order, shares."""
    max_market_exposure: Dollars = usd("250")
    """Worst-case loss in one market, dollars."""
    max_group_exposure: Dollars = usd("500")
    """Worst-case loss in one event group, dollars."""
    max_strategy_exposure: Dollars = usd("500")
    """Worst-case loss of one strategy, dollars."""
    max_total_exposure: Dollars = usd("1000")
    """Worst-case loss of the account, dollars."""
    max_open_orders: Count = 50
    """Orders that may be open at once."""
    max_positions: Count = 20
    """Markets in which something is held."""
    max_book_age_ms: Count = 60_000
    """A book whose stream has said nothing for longer is stale."""
    max_reference_age_ms: Count = 5_000
    """A reference price older than this is stale."""
    min_liquidity: Shares = usd("5")
    """Shares that must rest on the opposite side before risk is taken."""
    max_loss: Dollars = usd("100")
    """Equity below the start by this much halts the run."""
    max_drawdown: Dollars = usd("100")
    """Equity below its highest by this much halts the run."""


class Facts(Protocol):
    """What gates may look at."""

    @property
    def limits(self) -> RiskLimits:
        """Return the limits in force."""

    @property
    def halted(self) -> str:
        """Return why nothing may open; empty when it may."""

    def market(self, market: MarketId) -> Market | None:
        """Return the market, or ``None`` if it is not in the catalogue."""

    def market_open(self, market: MarketId, now: Nanos) -> bool:
        """Return whether the market still trades, as far as known."""

    def ticks(self, market: MarketId) -> TickEpoch:
        """Return the price grid in force."""

    def trusted_book(self, market: MarketId) -> Book | None:
        """Return the book if it is trusted."""

    def doubt(self, market: MarketId) -> str:
        """Return why the book is not trusted."""

    def book_age_ms(self, market: MarketId, now: Nanos) -> int:
        """Return how long the book's stream has been quiet."""

    def reference_age_ms(self, symbol: str, now: Nanos) -> int | None:
        """Return the age of a reference price, ``None`` if there is none."""

    def sellable(self, strategy: StrategyId, outcome: OutcomeId) -> Size:
        """Return the strategy's confirmed shares not promised to open sells."""

    def plan_used(self, plan: PlanId) -> bool:
        """Return whether a plan was executed before."""

    def cash_free(self, market: MarketId) -> Money:
        """Return cash of the market's venue not promised to open buys."""

    def group_of(self, market: MarketId) -> EventGroup | None:
        """Return the exclusive group the market belongs to."""

    def group(self, group: GroupId) -> EventGroup | None:
        """Return a group by id."""

    def set_members(self, intent: SetIntent) -> Sequence[OutcomeId]:
        """Return the outcomes one set of the intent consists of."""

    def mints_sets(self, venue: Venue) -> bool:
        """Return whether complete sets can be minted and merged on the venue."""

    def market_exposure(self, market: MarketId) -> Money:
        """Return the worst-case loss in a market, open buys included."""

    def group_exposure(self, group: EventGroup) -> Money:
        """Return the worst-case loss in a group, open buys included."""

    def strategy_exposure(self, strategy: StrategyId) -> Money:
        """Return the worst-case loss of a strategy, open buys included."""

    def total_exposure(self) -> Money:
        """Return the worst-case loss of the account, open buys included."""

    def unpaired(self, strategy: StrategyId, outcome: OutcomeId) -> Size:
        """Return how many shares of ``outcome`` would only complete the strategy's pairs."""

    def open_orders(self) -> int:
        """Return how many orders are open, those of legs under examination included."""

    def positions(self) -> set[MarketId]:
        """Return the markets in which something is held or may come to be held."""
