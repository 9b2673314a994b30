"""What follows a fill, and sets: final or failed, minted or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from underround.model.errors import Bug
from underround.model.ids import IntentId, MarketId, PlanId, StrategyId, Venue
from underround.model.orders import Approved, FillSettled, OrderIntent, SetIntent, SetsChanged
from underround.model.units import shares, usd

if TYPE_CHECKING:
    from tests.simulation.conftest import World, WorldMaker

MS = 1_000_000


def test_kalshi_settles_with_the_fill(kalshi_world: World) -> None:
    """On Kalshi the fill is confirmed when it is heard of, and never fails."""
    kalshi_world.send(kalshi_world.order("buy", "0.52", "5", "FOK"))
    kalshi_world.run(36)
    settled = [event for _, event in kalshi_world.heard if isinstance(event, FillSettled)]
    assert [(event.fill, event.finality, event.at_ns) for event in settled] == [
        ("o1.1", "confirmed", 35 * MS)
    ]
    assert kalshi_world.fills()[0].fee > 0


@pytest.mark.parametrize("ppm, finality", [(0, "confirmed"), (1_000_000, "failed")])
def test_settlement_may_fail(make_world: WorldMaker, ppm: int, finality: str) -> None:
    """With every fill made to fail it fails; with none it is confirmed."""
    world = make_world(failure_ppm=ppm)
    world.show({}, {"0.52": "10"})
    world.send(world.order("buy", "0.52", "5", "FOK"))
    world.run(1000)
    settled = [event for _, event in world.heard if isinstance(event, FillSettled)]
    assert [event.finality for event in settled] == [finality]


def test_settlement_draws_are_repeatable(make_world: WorldMaker) -> None:
    """At 50 % the same seed fails the same fills, and not all or none of 40."""
    drawn = []
    for _ in range(2):
        world = make_world(failure_ppm=500_000)
        world.show({}, {"0.52": "1000"})
        for _ in range(40):
            world.send(world.order("buy", "0.52", "5", "FOK"))
        world.run(1000)
        settled = [event for _, event in world.heard if isinstance(event, FillSettled)]
        drawn.append([event.finality for event in settled])
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {"confirmed", "failed"}


def test_impossible_failure_rate(make_world: WorldMaker) -> None:
    """More than every fill cannot fail."""
    with pytest.raises(ValueError, match="settlement_failure_ppm"):
        make_world(failure_ppm=1_000_001)


def approved(intent: OrderIntent | SetIntent) -> Approved:
    return Approved(IntentId(7), intent, None, (), 0)


def set_intent(market: MarketId) -> SetIntent:
    return SetIntent(
        strategy=StrategyId("s"),
        plan=PlanId("p"),
        action="mint",
        market=market,
        group=None,
        size=shares("5"),
        purpose="open",
        expires_ns=0,
        edge=0,
        reason="",
    )


@pytest.mark.parametrize("venue, done, at", [("polymarket", True, 200), ("kalshi", False, 5)])
def test_minting(make_world: WorldMaker, venue: str, done: bool, at: int) -> None:
    """A mint is done after the chain's time on Polymarket and refused at once on Kalshi."""
    world = make_world(venue=Venue(venue))
    world.venue.change_sets(approved(set_intent(world.market.id)), 0)
    world.run(1000)
    ((heard, event),) = world.heard
    assert isinstance(event, SetsChanged)
    assert (heard // MS, event.done, event.intent, bool(event.reason)) == (at, done, 7, not done)


def test_only_set_intents_change_sets(world: World) -> None:
    """An approved order handed over as a change of sets is a bug."""
    order = OrderIntent(
        strategy=StrategyId("s"),
        plan=PlanId("p"),
        outcome=world.market.outcome(0),
        side="buy",
        price=usd("0.50"),
        size=shares("5"),
        tif="GTC",
        purpose="open",
        expires_ns=0,
        edge=0,
        reason="",
    )
    with pytest.raises(Bug, match="does not change sets"):
        world.venue.change_sets(approved(order), 0)
