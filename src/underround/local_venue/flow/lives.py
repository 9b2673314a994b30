"""The life of an invented market: listed, traded, closed, resolved, and in the end forgotten."""

from __future__ import annotations

from underround.local_venue.catalogue import LocalEvent
from underround.local_venue.flow.crowd import FAREWELL, Belief, Crowd
from underround.local_venue.flow.house import OWNER, House
from underround.local_venue.flow.terms import CrowdTerms
from underround.local_venue.world import World, WorldEvent
from underround.model.ids import POLYMARKET, MarketId
from underround.model.listing import Listing
from underround.model.market import Resolution
from underround.model.units import ONE, Nanos, Price
from underround.simulation.matching.terms import OrderRested

_VISITED = 7
"""Where a client was, a market stays so many times as long."""
YES_WINS = (ONE, 0)
NO_WINS = (0, ONE)


class Lives:
    """Begins and ends markets, with the people in them."""

    def __init__(self, world: World, house: House, keep: Nanos) -> None:
        """``keep``: how long a resolved market without clients stays in the catalogue."""
        self.world = world
        self._house = house
        self._keep = keep
        self._crowds: dict[MarketId, Crowd] = {}
        self._visited: set[MarketId] = set()
        world.bus.listen(self._heard, OrderRested)

    def begin(
        self,
        event: LocalEvent,
        listing: Listing,
        question: str,
        crowd: CrowdTerms,
        belief: Belief,
        now: Nanos,
    ) -> MarketId:
        """List a market and let people come."""
        market = listing.market
        self.world.list_market(event, listing, now, question)
        people = Crowd(self.world, self._house, market, crowd, belief, listing.slug)
        self._crowds[market.id] = people
        people.begin(now)
        return market.id

    def close(self, market: MarketId, now: Nanos) -> None:
        """End trading; how it ended is not known yet."""
        self._crowds[market].leave(now)
        if market.venue == POLYMARKET:  # Kalshi closes by itself when it said it would
            self.world.polymarket.close(market, now)
        self.world.change(market, now, state="closed")

    def end(self, market: MarketId, payouts: tuple[Price, Price], source: str, now: Nanos) -> None:
        """Say how a market ended; its people turn their shares into money a little later."""
        crowd = self._crowds.pop(market)
        crowd.leave(now)
        self.world.resolve(Resolution(market, now, payouts, source), now)
        self.world.agenda.plan(now + FAREWELL, lambda _: crowd.cash_in())
        keep = max(self._keep, 2 * FAREWELL)
        self.world.agenda.plan(now + keep, lambda at: self._forget(market, at, keep))

    def _forget(self, market: MarketId, now: Nanos, keep: Nanos, rounds: int = 1) -> None:
        """Drop the market; what clients did stays on record longer, what they are owed for good."""
        known = market in self._visited or self._house.strangers(market)
        if self._house.owes(market) or (known and rounds < _VISITED):
            again = rounds + 1
            self.world.agenda.plan(now + keep, lambda at: self._forget(market, at, keep, again))
            return
        self._visited.discard(market)
        self.world.forget(market, now)

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, OrderRested) and event.order.sent.owner != OWNER:
            self._visited.add(event.order.sent.outcome.market)
