"""The paper venue: who hears what when, races, ends, settlement and sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from underround.model.errors import Bug
from underround.model.events import (
    MarketClosed,
    MarketResolved,
    StreamSilent,
    TicksChanged,
)
from underround.model.ids import KALSHI, MarketId, OrderId, Venue
from underround.model.market import uniform_ticks
from underround.model.orders import (
    CancelFailed,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderRejected,
)
from underround.model.units import ONE
from underround.simulation.latency import Latency

if TYPE_CHECKING:
    from tests.simulation.conftest import World, WorldMaker

MS = 1_000_000


def kinds(world: World) -> list[tuple[int, str]]:
    """When (ms) what kind of event was heard."""
    return [(at // MS, type(event).__name__) for at, event in world.heard]


def test_times_of_a_taker(world: World) -> None:
    """Matched at 30 (feed 10 + entry 20), heard at 35, settled 100 later; fill says 30."""
    world.send(world.order("buy", "0.52", "5", "FOK"))
    assert world.venue.next_due() == 30 * MS
    assert world.run(34) == []
    world.run(1000)
    assert kinds(world) == [(35, "OrderFilled"), (35, "OrderEnded"), (135, "FillSettled")]
    assert world.fills()[0].at_ns == 30 * MS
    assert world.venue.next_due() is None


def test_times_of_a_maker(world: World) -> None:
    """Accepted at 35; a trade at 50 is heard of at 55, with the end."""
    world.send(world.order("buy", "0.50", "10"))
    world.trade("sell", "0.49", "50", at=50)
    world.run(1000)
    assert kinds(world) == [
        (35, "OrderAccepted"),
        (55, "OrderFilled"),
        (55, "OrderEnded"),
        (155, "FillSettled"),
    ]


def test_accepted_before_its_first_fills(world: World) -> None:
    """An order that takes and rests is first accepted, then filled, at the same time."""
    world.send(world.order("buy", "0.52", "15"))
    world.run(40)
    assert kinds(world) == [(35, "OrderAccepted"), (35, "OrderFilled")]


def test_rejection(world: World) -> None:
    """A refused order is heard of once, with the reason, and nothing rests."""
    world.send(world.order("buy", "0.50", "3"))
    world.run(1000)
    (event,) = [event for _, event in world.heard]
    assert isinstance(event, OrderRejected)
    assert event.reason == "order o1 is invalid. Size (3) lower than the minimum: 5"
    assert not world.venue.resting(world.market.id)


def test_cancel(world: World) -> None:
    """A cancel of 40 is in the matcher at 65 and heard of at 70."""
    order = world.send(world.order("buy", "0.50", "10"))
    world.cancel(order, at=40)
    world.run(1000)
    assert kinds(world)[1:] == [(70, "OrderEnded")]
    ended = world.heard[-1][1]
    assert isinstance(ended, OrderEnded)
    assert (ended.how, ended.at_ns) == ("cancelled", 65 * MS)
    assert not world.venue.resting(world.market.id)


def test_cancel_loses_against_a_fill(world: World) -> None:
    """Filled at 64, one millisecond before the cancel arrives: the cancel fails."""
    order = world.send(world.order("buy", "0.50", "10"))
    world.cancel(order, at=40)
    world.trade("sell", "0.49", "10", at=64)
    world.run(100)
    assert kinds(world)[1:] == [(69, "OrderFilled"), (69, "OrderEnded"), (70, "CancelFailed")]
    failed = world.heard[-1][1]
    assert isinstance(failed, CancelFailed)
    assert failed.reason == "the order had already ended: filled"


def test_cancel_wins_against_a_later_fill(world: World) -> None:
    """A trade after the cancel reached the matcher fills nothing."""
    order = world.send(world.order("buy", "0.50", "10"))
    world.cancel(order, at=40)
    world.trade("sell", "0.49", "10", at=66)
    world.run(100)
    assert world.fills() == []


def test_cancel_overtakes_its_order(world: World) -> None:
    """A cancel that arrives first waits: what the order takes on arrival stays taken."""
    order = world.send(world.order("buy", "0.52", "15"))
    world.cancel(order, at=0)
    world.run(100)
    assert kinds(world) == [(35, "OrderAccepted"), (35, "OrderFilled"), (35, "OrderEnded")]
    assert world.filled() == [("o1", "0.52", "10", "walked the book")]


def test_second_cancel_fails(world: World) -> None:
    """Only one of two cancels ends the order; one of an unknown order fails as well."""
    order = world.send(world.order("buy", "0.50", "10"))
    world.cancel(order, at=40)
    world.cancel(order, at=41)
    world.venue.cancel(OrderId("ghost"), 42 * MS)
    world.run(1000)
    failed = [event for _, event in world.heard if isinstance(event, CancelFailed)]
    assert [event.reason for event in failed] == [
        "the order had already ended: cancelled",
        "no such order",
    ]


def test_gtd_expires(kalshi_world: World) -> None:
    """Good until 200 at the venue: our book shows that at 210, and we hear of it at 215."""
    order = kalshi_world.order("buy", "0.50", "10", "GTD", good_until_ns=200 * MS)
    kalshi_world.send(order)
    kalshi_world.run(1000)
    assert kinds(kalshi_world) == [(35, "OrderAccepted"), (215, "OrderEnded")]
    ended = kalshi_world.heard[-1][1]
    assert isinstance(ended, OrderEnded)
    assert ended.how == "expired"


def test_kalshi_close_cancels(make_world: WorldMaker) -> None:
    """At the known close a Kalshi order is cancelled by the exchange without any event."""
    world = make_world(venue=KALSHI, closes_ns=100 * MS)
    world.send(world.order("buy", "0.50", "10"))
    world.run(1000)
    assert kinds(world) == [(35, "OrderAccepted"), (115, "OrderEnded")]


@pytest.mark.parametrize("resolved", [False, True])
def test_closing_cancels_what_rests(world: World, resolved: bool) -> None:
    """A closed or resolved market cancels what rests and refuses what arrives."""
    world.send(world.order("buy", "0.50", "10"))
    world.send(world.order("buy", "0.50", "10"), at=15)
    world.run(40)
    market = world.market.id
    event = MarketResolved(market, 0, (ONE, 0), "test") if resolved else MarketClosed(market, 0)
    world.event(event, at=41)
    world.run(1000)
    ends = [event for _, event in world.heard if isinstance(event, OrderEnded | OrderRejected)]
    assert [end.reason for end in ends] == [
        "the market closed",
        "No orderbook exists for the requested token id",
    ]
    assert not world.venue.resting(market)


def test_bugs_are_named(world: World) -> None:
    """A doubled id and an unknown market are bugs."""
    order = world.send(world.order("buy", "0.50", "10"))
    with pytest.raises(Bug, match="sent twice"):
        world.send(order)
    elsewhere = msgspec.structs.replace(order, id=OrderId("x"))
    elsewhere.outcome = msgspec.structs.replace(
        order.outcome, market=MarketId(Venue("polymarket"), "moon")
    )
    with pytest.raises(Bug, match="not in the catalogue"):
        world.send(elsewhere)


def test_the_given_order_is_never_touched(world: World) -> None:
    """Whatever becomes of it, the order handed in stays as it was."""
    order = world.order("buy", "0.52", "15")
    before = msgspec.json.encode(order)
    world.send(order)
    world.trade("sell", "0.52", "50", at=50)
    world.run(1000)
    assert sum(fill.size for fill in world.fills()) == order.size
    assert msgspec.json.encode(order) == before


def test_other_events_change_nothing(world: World) -> None:
    """An event about no book, and one of a market where nothing rests, are harmless."""
    world.venue.on_event(StreamSilent("x", 1), 0)
    world.venue.on_event(TicksChanged(world.market.id, uniform_ticks("0.001")), 0)
    assert not world.venue.resting(world.market.id)
    world.venue.doubted(world.market.id)
    assert world.venue.next_due() is None


def test_new_ticks_put_us_at_the_back(world: World) -> None:
    """After a change of the grid our order rests on, behind all that the new book shows."""
    world.send(world.order("buy", "0.50", "10"))
    world.trade("sell", "0.50", "40", at=40)
    world.event(TicksChanged(world.market.id, uniform_ticks("0.01")), at=50)
    world.trade("sell", "0.50", "41", at=60)
    world.run(100)
    assert [row[2] for row in world.filled()] == ["1"]


def test_jitter_keeps_the_order_of_one_orders_news(make_world: WorldMaker) -> None:
    """With jitter an order's news still arrive in the order they happened."""
    world = make_world(latency=Latency(jitter_ms=300, seed=3))
    world.show({}, {"0.52": "10"})
    for _ in range(20):
        world.send(world.order("buy", "0.52", "60"))
    for at in range(500, 3000, 100):
        world.level("sell", "0.51", str(at // 100), at=at)
    world.run(60_000)
    for number in range(1, 21):
        mine: list[str] = []
        for _, event in world.heard:
            order = event.fill.order if isinstance(event, OrderFilled) else None
            if isinstance(event, OrderAccepted | OrderEnded):
                order = event.order
            if order == f"o{number}":
                mine.append(type(event).__name__)
        assert mine[0] == "OrderAccepted"
        assert "OrderEnded" not in mine[:-1]


def test_an_ended_order_does_not_expire(kalshi_world: World) -> None:
    """A GTD order that was cancelled before its time ends once."""
    order = kalshi_world.order("buy", "0.50", "10", "GTD", good_until_ns=200 * MS)
    kalshi_world.send(order)
    kalshi_world.cancel(order, at=40)
    kalshi_world.run(1000)
    assert kinds(kalshi_world) == [(35, "OrderAccepted"), (70, "OrderEnded")]


def test_the_close_is_told_in_the_venues_time(make_world: WorldMaker) -> None:
    """Matched at 30 of our time, an order was at the venue at 20: before a close at 25."""
    world = make_world(venue=KALSHI, closes_ns=25 * MS)
    world.send(world.order("buy", "0.50", "10"))
    world.run(1000)
    assert kinds(world) == [(35, "OrderAccepted"), (40, "OrderEnded")]


def test_polymarket_trades_on_after_its_end_date(make_world: WorldMaker) -> None:
    """Only an event closes a Polymarket market: its end date cancels nothing."""
    world = make_world(closes_ns=100 * MS)
    world.send(world.order("buy", "0.50", "10"))
    world.run(1000)
    assert kinds(world) == [(35, "OrderAccepted")]
    assert world.venue.resting(world.market.id)
