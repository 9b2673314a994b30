"""What a strategy author writes, and what a strategy may see.

One file per strategy: a frozen parameter struct with bounds and units, a docstring that says when
it loses money, and a pure ``decide``.  A strategy cannot reach a clock, a socket, a database or
another strategy; what it keeps between calls lives in ``self.state``, a msgspec struct that can be
saved and restored, so that its decisions follow from the events it was given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from underround.model.book import Book
from underround.model.events import MarketEvent
from underround.model.ids import GroupId, MarketId, OutcomeId, StrategyId
from underround.model.ledger import Holding
from underround.model.market import EventGroup, Market, TickEpoch
from underround.model.orders import (
    Fill,
    Intent,
    LegGroupIntent,
    Order,
    OrderIntent,
    Refusal,
    SetIntent,
    Timer,
)
from underround.model.units import Money, Nanos, Size


class ReferenceView(Protocol):
    """A reference price as far as it is known now."""

    @property
    def price(self) -> Money:
        """Last price, micro-dollars per unit."""

    @property
    def received_ns(self) -> Nanos:
        """When it was received, on the run's clock."""


class View(Protocol):
    """The read-only world of a strategy.  Everything is as of ``now`` given to ``decide``."""

    def market(self, market: MarketId) -> Market:
        """Return the market's rules; raises ``KeyError`` if unknown."""

    def ticks(self, market: MarketId) -> TickEpoch:
        """Return the price grid in force."""

    def group(self, group: GroupId) -> EventGroup:
        """Return an event group; raises ``KeyError`` if unknown."""

    def groups_of(self, market: MarketId) -> Sequence[EventGroup]:
        """Return the event groups the market belongs to."""

    def book(self, market: MarketId) -> Book | None:
        """Return the market's book if it is trusted now, else ``None``.

        Its prices are what the venue states minus what our own simulated fills consumed.
        """

    def book_age_ms(self, market: MarketId) -> int:
        """Return how long ago the market's feed last proved the book."""

    def holding(self, outcome: OutcomeId) -> Holding:
        """Return this strategy's own shares of ``outcome`` by finality, with their cost."""

    def sellable(self, outcome: OutcomeId) -> Size:
        """Return its own confirmed shares not yet offered by its open sell orders."""

    def open_orders(self, market: MarketId) -> Sequence[Order]:
        """Return this strategy's own open orders in ``market``, oldest first."""

    def reference(self, symbol: str) -> ReferenceView | None:
        """Return the last reference price of ``symbol``, or ``None`` if there was none yet."""

    def closes_in_ms(self, market: MarketId) -> int | None:
        """Return the time until trading ends; ``None``: unknown."""

    def traded_size(self, market: MarketId) -> Size:
        """Return the public volume seen in this run."""


class StrategyParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of parameter structs: unknown keys are errors, bounds are in the annotations."""


P = TypeVar("P", bound=StrategyParams)


class Strategy(ABC, Generic[P]):
    """Base of strategies.

    ``decide`` is called when something the instance watches changed: the top of a trusted book of
    one of its markets, a trust change, a reference price, one of its own orders, or a timer.
    """

    kind: ClassVar[str]
    params_type: ClassVar[type[StrategyParams]]
    loses_when: ClassVar[str]
    """One sentence: when it loses money."""

    def __init__(
        self, name: StrategyId, params: P, markets: Sequence[Market], groups: Sequence[EventGroup]
    ) -> None:
        """Make an instance for the given markets (and the event groups among them)."""
        self.name = name
        self.params = params
        self.markets = {market.id: market for market in markets}
        self.groups = {group.id: group for group in groups}

    @abstractmethod
    def decide(self, view: View, event: MarketEvent | Timer, now: Nanos) -> Sequence[Intent]:
        """Return what to do now; most often nothing."""

    def references(self) -> Sequence[str]:
        """Return the symbols of the reference prices that should wake it."""
        return ()

    def on_fill(self, fill: Fill, order: Order) -> None:
        """Learn of an own fill, before the next ``decide``."""

    def on_refusal(
        self, refusal: Refusal, intent: OrderIntent | SetIntent | LegGroupIntent
    ) -> None:
        """Learn that risk refused an own intent (a group's whole, or one of its later legs)."""

    def on_order_end(self, order: Order) -> None:
        """Learn that an own order ended."""

    def why_idle(self) -> str:
        """Return one sentence with numbers: why it did nothing, or the closest it came."""
        return (
            "it saw nothing it wanted to trade" if self.markets else "there is no market to trade"
        )

    def save(self) -> bytes:
        """Return the state to restore later; strategies without state return nothing."""
        return b""

    def restore(self, data: bytes) -> None:
        """Take back what ``save`` returned."""
        if data:
            raise ValueError(f"{self.kind} keeps no state but was given {len(data)} bytes")


AnyStrategy = TypeVar("AnyStrategy", bound="Strategy[Any]")


def strategy(kind: str) -> Callable[[type[AnyStrategy]], type[AnyStrategy]]:
    """Register a strategy class under ``kind``: the one line that makes it configurable."""

    def register(cls: type[AnyStrategy]) -> type[AnyStrategy]:
        if kind in REGISTRY:
            raise ValueError(f"strategy kind {kind} is registered twice")
        cls.kind = kind
        REGISTRY[kind] = cls
        return cls

    return register


REGISTRY: dict[str, type[Strategy[Any]]] = {}
"""Every known strategy kind; filled by the ``strategy`` decorator."""
