"""What was traded in each market, and at which prices: the catalogue's indicative figures.

One listener of the bus for the catalogue and for price histories.  Bounded: a market keeps a month
of hours and its newest points.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import msgspec

from underround.local_venue.world import ListingForgotten, World, WorldEvent
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import POLYMARKET, YES, MarketId
from underround.model.units import ONE, Money, Nanos, Price
from underround.simulation.matching.terms import Traded

HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
MONTH_S: Final = 30 * DAY_S
_POINT_S: Final = 60
"""History keeps the last price of each minute."""
_MOST_POINTS: Final = 20_000


class Point(msgspec.Struct, frozen=True, gc=False):
    """A price of YES and when it was paid."""

    at_s: int
    price: Price


class MarketFigures:
    """One market's volume by hour and its prices by minute."""

    def __init__(self) -> None:
        """Nothing was traded yet."""
        self.volume: Money = 0
        self._hours: dict[int, Money] = {}
        self._times: list[int] = []
        self._prices: list[Price] = []

    @property
    def last(self) -> Price | None:
        """The last price of YES, ``None`` before the first trade."""
        return self._prices[-1] if self._prices else None

    def traded(self, price: Price, cash: Money, at: Nanos) -> None:
        """Take a print: the price of YES, and the dollars that changed hands."""
        second = at // NANOS_PER_SECOND
        hour = second // HOUR_S
        self.volume += cash
        self._hours[hour] = self._hours.get(hour, 0) + cash
        if len(self._hours) > MONTH_S // HOUR_S:
            del self._hours[next(iter(self._hours))]
        if self._times and self._times[-1] // _POINT_S == second // _POINT_S:
            self._times.pop()
            self._prices.pop()
        self._times.append(second)
        self._prices.append(price)
        if len(self._times) > _MOST_POINTS:
            half = _MOST_POINTS // 2
            del self._times[:half], self._prices[:half]

    def volume_since(self, seconds: int, now: Nanos) -> Money:
        """Return the dollars of the last ``seconds``, to the hour."""
        first = (now // NANOS_PER_SECOND - seconds) // HOUR_S
        return sum(cash for hour, cash in self._hours.items() if hour > first)

    def price_at(self, at: Nanos) -> Price | None:
        """Return the price of YES in force at a time, ``None`` before the first trade."""
        place = bisect_right(self._times, at // NANOS_PER_SECOND)
        return self._prices[place - 1] if place else None

    def change(self, seconds: int, now: Nanos) -> Price | None:
        """Return by how much YES moved within ``seconds``; ``None``: there is no older price."""
        before = self.price_at(now - seconds * NANOS_PER_SECOND)
        return None if before is None or self.last is None else self.last - before

    def points(self, first_s: int, last_s: int) -> list[Point]:
        """Return the prices told in ``first_s`` … ``last_s``, both included, in order of time."""
        begin = bisect_right(self._times, first_s - 1)
        end = bisect_right(self._times, last_s)
        return [Point(self._times[at], self._prices[at]) for at in range(begin, end)]


class Figures:
    """The figures of every market of Polymarket."""

    def __init__(self, world: World) -> None:
        """Listen from now on."""
        self._of: dict[MarketId, MarketFigures] = {}
        self._nothing = MarketFigures()
        world.bus.listen(self._heard, Traded, ListingForgotten)

    def of(self, market: MarketId) -> MarketFigures:
        """Return a market's figures; of one without trades, those of nothing."""
        return self._of.get(market, self._nothing)

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, ListingForgotten):
            self._of.pop(event.market, None)
        if not isinstance(event, Traded) or event.market.venue != POLYMARKET:
            return
        figures = self._of.get(event.market)
        if figures is None:
            figures = self._of[event.market] = MarketFigures()
        price = event.price if event.outcome == YES else ONE - event.price
        figures.traded(price, event.price * event.size // ONE, event.at_ns)
