"""The flow's generator makes the market, and we are in it: makers who see us, and quote again."""

from __future__ import annotations

import random

from tests.differential.acts import Act, Drop, Script, Send
from tests.differential.published import Publisher, move
from tests.differential.venue import Floor, Real
from tests.local_venue.net.listening import hand_world
from underround.local_venue.flow.flow import Flow
from underround.local_venue.flow.quantities import Amount, Span
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.terms import (
    CrowdTerms,
    GameTerms,
    GeneratorTerms,
    PathTerms,
    WindowTerms,
)
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.ids import KALSHI, NO, YES, Venue
from underround.model.units import ONE, Nanos, Price, usd

_BUSY = CrowdTerms(makers=3, levels=4, noise_ms=300, informed_ms=900)
_STEP: Nanos = 500 * NANOS_PER_MS


def scene(venue: Venue) -> Scene:
    """Return a busy market that takers are not held up in."""
    if venue == KALSHI:
        windows = (WindowTerms(asset="BTC", period="15m", venue="kalshi", ahead=0, crowd=_BUSY),)
        prices = {"btc/usd": PathTerms(start=Amount(usd("65000")))}
        return Scene(generator=GeneratorTerms(prices=prices, windows=windows))
    game = GameTerms(
        slug="game", home="Home", away="Away", delay_ms=0, crowd=_BUSY,
        starts_after=Span(NANOS_PER_SECOND), lasts=Span(3_600 * NANOS_PER_SECOND),
    )  # fmt: skip
    return Scene(generator=GeneratorTerms(games=(game,)))


class Visitor:
    """We, in the market of a scene, for a while."""

    def __init__(self, venue: Venue, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bid = bool(seed % 2)  # we are on one side, and never meet ourselves
        self.world, clock = hand_world(seed)
        Flow(self.world, scene(venue)).begin(clock.now())
        move(self.world, clock.now() + 20 * NANOS_PER_SECOND)
        row = next(r for r in self.world.catalogue.markets.values() if r.listing.state == "open")
        self.floor = Floor(self.world, row.listing)
        self.stranger = Publisher(row.listing, row.question_id, clock.now())
        self.acts: list[Act] = []
        self.mine: list[str] = []
        self.venue: Venue = venue

    def stay(self, steps: int) -> tuple[Script, Real]:
        """Act now and then; return what we did and what really happened."""
        for number in range(steps):
            now = self.world.clock.now()
            self.floor.publish(now, self.stranger)
            if self.chance.random() < 0.5:
                self._act(number, now)
                # After what was told, and before what it leads to.
                self.floor.publish(now + 4 * NANOS_PER_MS, self.stranger)
            move(self.world, now + _STEP)
        self.floor.publish(self.world.clock.now(), self.stranger)
        script = Script(venue=self.venue, tick="0.01", acts=tuple(self.acts))
        return script, self.floor.real

    def _act(self, number: int, now: Nanos) -> None:
        told = now + 2 * NANOS_PER_MS
        if self.mine and self.chance.random() < 0.3:
            name = self.mine.pop(self.chance.randrange(len(self.mine)))
            self.acts.append(Drop(at=told, name=name, ours=True))
            self.floor.drop(name, now)
            return
        bid = self.bid
        price = self._price(bid)
        if price is None:
            return
        outcome = self.chance.randrange(2)
        act = Send(
            at=told,
            name=f"our order {number}",
            ours=True,
            outcome=YES if outcome == YES else NO,
            side="buy" if bid == (outcome == YES) else "sell",
            price=price if outcome == YES else ONE - price,
            size=self.chance.choice((5, 12, 40)) * ONE,
            tif=self.chance.choice(("GTC", "GTC", "GTC", "FOK", "FAK")),
        )
        self.acts.append(act)
        if act.tif == "GTC":
            self.mine.append(act.name)
        self.floor.send(act, now, act.at)

    def _price(self, bid: bool) -> Price | None:
        """Return a price near the best ones: behind, at, inside, or through them."""
        bids, asks = self.floor.exchange.levels(self.floor.market.id)
        if not bids or not asks:
            return None
        step = self.floor.exchange.ticks(self.floor.market.id).finest
        away = self.chance.choice((-2, -1, 0, 0, 1, 3)) * step
        price = bids[0].price + away if bid else asks[0].price - away
        return min(max(price, step), ONE - step)


def visit(venue: Venue, seed: int, steps: int) -> tuple[Script, Real]:
    """Spend ``steps`` half seconds in a market of the generator."""
    return Visitor(venue, seed).stay(steps)
