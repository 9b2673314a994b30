"""The people of one market: makers with ladders, people who trade for fun, people who know more.

Makers quote around what they believed a moment ago; whoever knows the true probability takes what
they left too cheap.  Everybody waits a random time between two acts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from underround.local_venue.flow.chance import Chance
from underround.local_venue.flow.house import House
from underround.local_venue.flow.terms import CrowdTerms
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.market import Market, TickEpoch
from underround.model.units import ONE, Nanos, Price, Size, shares
from underround.simulation.matching.terms import AccountId, BookOrder

_STOCK: Final[Size] = shares("20000")
"""Shares of both outcomes everybody begins with."""
_WHOLE: Final = ONE
_LEAST: Final = ONE
"""A taker spends at least a dollar: the venue refuses less."""
_CAP: Final[Size] = shares("5000")
"""A maker leans against a position this large with the whole of its lean."""
_LEAN: Final[Price] = 20_000
_EDGE: Final[Price] = 8_000
"""What somebody who knows more wants to earn per share, fee aside."""
_RESTING: Final = 6
"""Small orders that people without a plan leave in a market."""

Belief = Callable[[Nanos], Price]
"""How likely YES is at a time, in millionths."""


class Ladder:
    """One maker: the same number of prices on each side of what it believes."""

    def __init__(
        self, house: House, market: Market, account: AccountId, terms: CrowdTerms, chance: Chance
    ) -> None:
        """Quote ``market`` from ``account``."""
        self._house = house
        self._market = market
        self._account = account
        self._terms = terms
        self._chance = chance
        self._quotes: dict[tuple[bool, Price], BookOrder] = {}
        self._width = chance.between(2_000, 9_000)

    def quote(self, belief: Price, ticks: TickEpoch, now: Nanos) -> None:
        """Move the quotes to where they belong; those that are right already stay."""
        wanted = self._prices(belief - self._lean(), ticks)
        stale = [key for key, order in self._quotes.items() if self._is_stale(key, order, wanted)]
        if stale:
            self._house.withdraw(self._market.id, [self._quotes[key] for key in stale], now)
            for key in stale:  # while the venue restarts even a cancel is refused
                if self._quotes[key].state != "live":
                    del self._quotes[key]
        for key, depth in wanted.items():
            if key not in self._quotes:
                self._place(key, depth, now)

    def leave(self, now: Nanos) -> None:
        """Withdraw everything."""
        self._house.withdraw(self._market.id, self._quotes.values(), now)
        self._quotes.clear()

    @staticmethod
    def _is_stale(
        key: tuple[bool, Price], order: BookOrder, wanted: dict[tuple[bool, Price], int]
    ) -> bool:
        return key not in wanted or order.state != "live" or 2 * order.left < order.sent.size

    def _lean(self) -> Price:
        position = self._house.position(self._account, self._market.id)
        return _LEAN * max(-_CAP, min(_CAP, position)) // _CAP

    def _prices(self, belief: Price, ticks: TickEpoch) -> dict[tuple[bool, Price], int]:
        """Return side and price of every quote, with how deep in the ladder it is."""
        prices: dict[tuple[bool, Price], int] = {}
        bid = ticks.floor(min(max(belief - self._width, 0), ONE))
        ask = ticks.ceil(min(max(belief + self._width, 0), ONE))
        for depth in range(self._terms.levels):
            if ticks.valid(bid):
                prices[True, bid] = depth
            if ticks.valid(ask):
                prices[False, ask] = depth
            bid = ticks.floor(max(bid - 1, 0))
            ask = ticks.ceil(min(ask + 1, ONE))
        return prices

    def _place(self, key: tuple[bool, Price], depth: int, now: Nanos) -> None:
        bid, price = key
        size = self._terms.size * (2 + depth) * self._chance.between(50, 150) // 200
        size = max(size - size % _WHOLE, self._market.min_size)
        order = self._house.send(
            self._market, self._account, price, size, now, bid=bid, post_only=True
        )
        if order is not None:
            self._quotes[key] = order


class Crowd:
    """Everybody who trades one market."""

    def __init__(
        self,
        world: World,
        house: House,
        market: Market,
        terms: CrowdTerms,
        belief: Belief,
        name: str,
    ) -> None:
        """``belief`` is the truth: makers are late with it, informed people are not."""
        self._world = world
        self._house = house
        self._market = market
        self._terms = terms
        self._belief = belief
        self._chance = Chance(f"crowd {name}", world.seed)
        self._gone = False
        venue = market.id.venue
        makers = [house.account(f"maker {number + 1}", venue) for number in range(terms.makers)]
        self._ladders = [
            Ladder(house, market, each, terms, Chance(f"maker {number} {name}", world.seed))
            for number, each in enumerate(makers)
        ]
        self._patient = house.account("patient", venue)
        self._hasty = house.account("hasty", venue)
        self._knowing = house.account("informed", venue)
        self._left: list[BookOrder] = []
        self._accounts = [*makers, self._patient, self._hasty, self._knowing]

    def begin(self, now: Nanos) -> None:
        """Come to the market."""
        for each in self._accounts:
            self._house.stock(each, self._market.id, _STOCK)
        for number in range(len(self._ladders)):
            self._requote(number, now)
        self._later(self._terms.noise_ms, now, self._wander)
        self._later(self._terms.informed_ms, now, self._judge)

    def leave(self, now: Nanos) -> None:
        """Go home: every order is withdrawn, nothing more is planned."""
        self._gone = True
        for ladder in self._ladders:
            ladder.leave(now)
        self._house.withdraw(self._market.id, self._left, now)
        self._left.clear()

    def cash_in(self) -> None:
        """Turn what everybody has in the resolved market into money."""
        for each in self._accounts:
            self._house.cash_in(each, self._market.id)

    def _later(self, mean_ms: int, now: Nanos, act: Callable[[Nanos], None]) -> None:
        at = now + self._chance.wait(mean_ms * NANOS_PER_MS)
        self._world.agenda.plan(at, lambda due: None if self._gone else act(due))

    # --- makers --------------------------------------------------------------------------------

    def _requote(self, number: int, now: Nanos) -> None:
        ticks = self._house.ticks(self._market)
        believed = self._belief(now) + 2_000 * self._chance.normal() // ONE
        self._ladders[number].quote(believed, ticks, now)
        self._later(self._terms.requote_ms, now, lambda at: self._requote(number, at))

    # --- people without a plan -----------------------------------------------------------------

    def _wander(self, now: Nanos) -> None:
        """Take a little, or leave a small order in the book for a while."""
        chance = self._chance
        bid = bool(chance.below(2))
        if chance.below(10) < 7:
            self._take(self._hasty, chance.between(3, 60), now, bid=bid)
        else:
            self._leave(chance.between(5, 40), now, bid=bid)
        self._later(self._terms.noise_ms, now, self._wander)

    def _take(self, account: AccountId, count: int, now: Nanos, *, bid: bool) -> None:
        price = self._house.best(self._market.id)[1 if bid else 0]
        if price is None:
            return
        size = max(count * ONE, self._market.min_size, self._least(price))
        self._house.send(self._market, account, price, size, now, bid=bid, tif="FAK")

    def _leave(self, count: int, now: Nanos, *, bid: bool) -> None:
        own = self._house.best(self._market.id)[0 if bid else 1]
        ticks = self._house.ticks(self._market)
        if own is None or not ticks.valid(own):
            return
        size = max(count * ONE, self._market.min_size)
        order = self._house.send(
            self._market, self._patient, own, size, now, bid=bid, post_only=True
        )
        if order is None:
            return
        self._left.append(order)
        if len(self._left) > _RESTING:
            self._house.withdraw(self._market.id, [self._left.pop(0)], now)

    @staticmethod
    def _least(price: Price) -> Size:
        """Return the whole shares that are worth a dollar on either side."""
        cheaper = min(price, ONE - price)
        return -(-_LEAST // cheaper) * ONE if cheaper else _STOCK

    # --- people who know more ------------------------------------------------------------------

    def _judge(self, now: Nanos) -> None:
        """Take what the truth says is too cheap or too dear, fee and edge included."""
        truth = self._belief(now)
        bid, ask = self._house.best(self._market.id)
        for price, buying in ((ask, True), (bid, False)):
            if price is None:
                continue
            fee = self._market.fees.fee(price, ONE, taker=True)
            gain = truth - price if buying else price - truth
            if gain > fee + _EDGE:
                self._take(self._knowing, self._chance.between(20, 150), now, bid=buying)
                break
        self._later(self._terms.informed_ms, now, self._judge)


FAREWELL: Final[Nanos] = 60 * NANOS_PER_SECOND
"""After this long every match before the end of a market is final: then shares become money."""
