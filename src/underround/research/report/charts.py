"""What the charts draw, as compact JSON columns.

A column is ``{"u": unit, "d": differences}``: value i is the unit times the sum of the first i + 1
differences.  Units are common divisors, so nothing is rounded.  Times of lines are whole
milliseconds and times of orders and fills whole microseconds after ``t0``, which is a whole
millisecond written in microseconds: rounded down once, and exact in JavaScript from there on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import gcd
from typing import Final, TypeVar

import msgspec

from underround.model.ids import NO, OrderId, StrategyId
from underround.model.orders import Fill, Order
from underround.model.run import EquityPoint, MarketSeries, RunSummary
from underround.model.units import Nanos

MOST_POINTS: Final = 44_000
"""Points of prices, and of inventory, on one page: more than 20 markets with 2,000 each."""
MOST_ORDERS: Final = 8_000
MOST_FILLS: Final = 6_000
"""Marks on one page; beyond that each market shows evenly chosen ones, and the page says so."""

Item = TypeVar("Item")


class Column(msgspec.Struct, frozen=True):
    """Integers as differences in a common unit."""

    u: int
    d: list[int]


class Marks(msgspec.Struct, frozen=True):
    """Own fills or orders of one market; ``code``: 1 selling, 2 outcome NO, 4 maker (of fills)."""

    t: Column
    price: Column
    size: Column
    code: list[int]
    name: list[int]
    """Index of the strategy."""
    note: list[int]
    """Index of a fill's evidence, or of an order's state and reason."""
    extra: Column
    """A fill's fee, or how long an order rested, in microseconds."""
    total: int
    """How many there are; fewer may be listed."""


class MarketChart(msgspec.Struct, frozen=True):
    """One market's lines and marks."""

    key: str
    title: str
    outcomes: tuple[str, str]
    t: Column
    bid: Column
    ask: Column
    trusted: Column
    inventory_t: Column
    yes: Column
    no: Column
    fills: Marks
    orders: Marks


class Charts(msgspec.Struct, frozen=True):
    """Everything that is drawn by script."""

    t0: int
    """The run's first whole millisecond, in Unix microseconds."""
    t1: int
    t: Column
    equity: Column
    cash: Column
    fees: Column
    drawdown: Column
    start: int
    names: list[str]
    notes: list[str]
    markets: list[MarketChart]


def column(values: Iterable[int]) -> Column:
    """Return ``values`` as differences in their greatest common unit."""
    numbers = list(values)
    unit = gcd(*numbers) or 1
    steps = [number // unit for number in numbers]
    return Column(unit, [now - before for before, now in zip([0, *steps], steps, strict=False)])


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most ``most`` of ``items``, evenly spaced, first and last among them."""
    if len(items) <= most:
        return list(items)
    last = len(items) - 1
    return [items[place * last // (most - 1)] for place in range(most)]


def _each(budget: int, wanted: Sequence[int]) -> int:
    """Return the most that each may have so that all together stay within the budget."""
    left = budget
    waiting = sorted(wanted)
    for place, amount in enumerate(waiting):
        fair = left // (len(waiting) - place)
        if amount > fair:
            return max(2, fair)
        left -= amount
    return budget


def drawdown(points: Sequence[EquityPoint]) -> list[int]:
    """Return how far each point lies below the highest equity up to it: zero or negative."""
    peaks = accumulate((point.equity for point in points), max)
    return [point.equity - peak for point, peak in zip(points, peaks, strict=True)]


class _Words:
    """Texts that occur many times, written once."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def place(self, text: str) -> int:
        return self.places.setdefault(text, len(self.places))

    def texts(self) -> list[str]:
        return list(self.places)


class _Drawing:
    """Turns one run's values into columns; remembers names and notes on the way."""

    def __init__(self, summary: RunSummary, owners: Mapping[OrderId, StrategyId]) -> None:
        self.start_ms = summary.first_ns // 1_000_000
        self.last_ns = summary.last_ns
        self.owners = owners
        self.most_fills = MOST_FILLS
        self.most_orders = MOST_ORDERS
        self.most_points = MOST_POINTS
        self.names = _Words()
        self.notes = _Words()

    def milliseconds(self, at_ns: Nanos) -> int:
        return at_ns // 1_000_000 - self.start_ms

    def microseconds(self, at_ns: Nanos) -> int:
        return at_ns // 1_000 - self.start_ms * 1_000

    def fills(self, fills: Sequence[Fill]) -> Marks:
        shown = evenly(fills, self.most_fills)
        return Marks(
            t=column(self.microseconds(fill.at_ns) for fill in shown),
            price=column(fill.price for fill in shown),
            size=column(fill.size for fill in shown),
            code=[
                _code(fill.side, fill.outcome.index) | 4 * (fill.liquidity == "maker")
                for fill in shown
            ],
            name=[self.names.place(self.owners.get(fill.order, "unknown")) for fill in shown],
            note=[self.notes.place(fill.evidence) for fill in shown],
            extra=column(fill.fee for fill in shown),
            total=len(fills),
        )

    def orders(self, orders: Sequence[Order]) -> Marks:
        shown = evenly(orders, self.most_orders)
        ends = [self.last_ns if order.open else order.updated_ns for order in shown]
        return Marks(
            t=column(self.microseconds(order.created_ns) for order in shown),
            price=column(order.price for order in shown),
            size=column(order.size for order in shown),
            code=[_code(order.side, order.outcome.index) for order in shown],
            name=[self.names.place(order.strategy) for order in shown],
            note=[self.notes.place(_ending(order)) for order in shown],
            extra=column(
                max(0, end - order.created_ns) // 1_000
                for order, end in zip(shown, ends, strict=True)
            ),
            total=len(orders),
        )

    def market(
        self, series: MarketSeries, fills: Sequence[Fill], orders: Sequence[Order]
    ) -> MarketChart:
        prices = evenly(series.prices, self.most_points)
        inventory = evenly(series.inventory, self.most_points)
        return MarketChart(
            key=series.market,
            title=series.title,
            outcomes=series.outcomes,
            t=column(self.milliseconds(point.at_ns) for point in prices),
            bid=column(point.bid for point in prices),
            ask=column(point.ask for point in prices),
            trusted=column(int(point.trusted) for point in prices),
            inventory_t=column(self.milliseconds(point.at_ns) for point in inventory),
            yes=column(point.yes for point in inventory),
            no=column(point.no for point in inventory),
            fills=self.fills(fills),
            orders=self.orders(orders),
        )


def _code(side: str, outcome: int) -> int:
    return (side == "sell") | 2 * (outcome == NO)


def _ending(order: Order) -> str:
    state = order.state.replace("_", " ")
    return f"{state}: {order.reason}" if order.reason else state


def charts(
    summary: RunSummary,
    series: Sequence[MarketSeries],
    fills: Mapping[str, Sequence[Fill]],
    orders: Mapping[str, Sequence[Order]],
) -> Charts:
    """Return what the page draws; ``fills`` and ``orders`` by market, ``series`` in page order."""
    owners = {order.id: order.strategy for group in orders.values() for order in group}
    drawing = _Drawing(summary, owners)
    drawing.most_points = _each(
        MOST_POINTS, [max(len(line.prices), len(line.inventory)) for line in series]
    )
    drawing.most_fills = _each(MOST_FILLS, [len(group) for group in fills.values()])
    drawing.most_orders = _each(MOST_ORDERS, [len(group) for group in orders.values()])
    points = summary.equity_curve
    markets = [
        drawing.market(line, fills.get(line.market, ()), orders.get(line.market, ()))
        for line in series
    ]
    return Charts(
        t0=drawing.start_ms * 1_000,
        t1=summary.last_ns // 1_000,
        t=column(drawing.milliseconds(point.at_ns) for point in points),
        equity=column(point.equity for point in points),
        cash=column(point.cash for point in points),
        fees=column(point.fees for point in points),
        drawdown=column(drawdown(points)),
        start=summary.starting_cash,
        names=drawing.names.texts(),
        notes=drawing.notes.texts(),
        markets=markets,
    )


def script_json(value: object) -> str:
    """Return ``value`` as JSON that cannot end or open a tag inside a script element."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
