"""Resting orders: each kind of evidence, with exact numbers, and what is no evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from underround.model.events import BookSnapshot, Sequence
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, YES
from underround.model.units import shares, usd

if TYPE_CHECKING:
    from tests.simulation.conftest import World, WorldMaker


def sizes(world: World) -> list[tuple[str, str]]:
    """Size and evidence of every fill heard."""
    return [(row[2], row[3]) for row in world.filled()]


def rest(world: World, price: str = "0.50", size: str = "10", outcome: int = YES) -> None:
    """Send a buy and let it rest (from 30 ms after the last one)."""
    world.send(world.order("buy", price, size, outcome=outcome))
    world.run(30)


def test_queue_first(world: World) -> None:
    """Behind 40 displayed, trades of 39 and 4 at our price fill 3: what is beyond the queue."""
    rest(world)
    world.trade("sell", "0.50", "39", at=40)
    world.trade("sell", "0.50", "4", at=50)
    world.run(100)
    assert world.filled() == [("o1", "0.5", "3", "queue traded")]


def test_makers_pay_no_fee_on_polymarket(make_world: WorldMaker) -> None:
    """A maker fill says so, and costs what the curve says of makers: nothing."""
    world = make_world(fees=polymarket_fees("0.07"))
    world.show({"0.50": "40"}, {})
    rest(world)
    world.trade("sell", "0.50", "50", at=40)
    world.run(100)
    (fill,) = world.fills()
    assert (fill.liquidity, fill.fee) == ("maker", 0)


def test_the_other_aggressor_is_no_evidence(world: World) -> None:
    """A taker who buys at our bid's price did not meet our bid."""
    rest(world)
    world.trade("buy", "0.50", "500", at=40)
    world.run(100)
    assert world.fills() == []


def test_traded_through(world: World) -> None:
    """A sale at 0.49 went past our bid at 0.50: at most its volume fills, at our price."""
    rest(world)
    world.trade("sell", "0.49", "7", at=40)
    world.run(100)
    assert world.filled() == [("o1", "0.5", "7", "traded through")]


def test_traded_through_empties_the_queue(world: World) -> None:
    """After a trade through our price nobody is ahead of us any more."""
    rest(world)
    world.trade("sell", "0.49", "4", at=40)
    world.trade("sell", "0.50", "4", at=50)
    world.run(100)
    assert sizes(world) == [("4", "traded through"), ("4", "queue traded")]


def test_a_better_price_is_no_evidence(world: World) -> None:
    """A sale at 0.51 says nothing of a bid at 0.50."""
    rest(world)
    world.trade("sell", "0.51", "500", at=40)
    world.run(100)
    assert world.fills() == []


def test_no_trades_mirror(world: World) -> None:
    """A taker who buys NO at 0.50 sold YES at 0.50; one who buys NO at 0.51 sold it at 0.49."""
    rest(world)
    world.trade("buy", "0.50", "42", at=40, outcome=NO)
    world.trade("buy", "0.51", "3", at=50, outcome=NO)
    world.run(100)
    assert sizes(world) == [("2", "queue traded"), ("3", "traded through")]


def test_no_orders_mirror(world: World) -> None:
    """A bid for NO at 0.48 is a YES ask at 0.52: behind its 10, and filled by YES buyers."""
    rest(world, "0.48", "10", outcome=NO)
    world.trade("buy", "0.52", "16", at=40)
    world.run(100)
    (fill,) = world.fills()
    assert (fill.outcome.index, fill.price, fill.size) == (NO, usd("0.48"), shares("6"))


def test_touching_is_not_filling(world: World) -> None:
    """The best bid falling to our price, again and again, fills nothing."""
    rest(world, "0.48")
    world.level("buy", "0.50", "0", at=40)
    world.level("buy", "0.48", "500", at=50)
    world.level("sell", "0.49", "500", at=60)
    world.run(100)
    assert world.fills() == []


def test_a_shrunk_level_shortens_the_queue(world: World) -> None:
    """The level falls from 40 to 15, so 15 are ahead of us; long after, 20 trade and 5 fill."""
    rest(world)
    world.level("buy", "0.50", "15", at=40)
    world.trade("sell", "0.50", "20", at=2000)
    world.run(3000)
    assert sizes(world) == [("5", "queue traded")]


def test_cancels_are_behind_us(world: World) -> None:
    """The level grows to 90 and falls back to 40: still 40 ahead of us."""
    rest(world)
    world.level("buy", "0.50", "90", at=40)
    world.level("buy", "0.50", "40", at=50)
    world.trade("sell", "0.50", "41", at=2000)
    world.run(3000)
    assert sizes(world) == [("1", "queue traded")]


def test_level_first_then_its_trade(world: World) -> None:
    """25 leave the level and are printed 20 ms later: counted once, 15 stay ahead of us."""
    rest(world)
    world.level("buy", "0.50", "15", at=40)
    world.trade("sell", "0.50", "25", at=60)
    world.trade("sell", "0.50", "16", at=70)
    world.run(100)
    assert sizes(world) == [("1", "queue traded")]


def test_trade_first_then_its_level(world: World) -> None:
    """The other order of the same two messages gives the same fill."""
    rest(world)
    world.trade("sell", "0.50", "25", at=40)
    world.level("buy", "0.50", "15", at=60)
    world.trade("sell", "0.50", "16", at=70)
    world.run(100)
    assert sizes(world) == [("1", "queue traded")]


def test_our_orders_share_the_volume(world: World) -> None:
    """46 sold at 0.50 after 40: our older order gets 5 of the 6 beyond, the younger one 1."""
    rest(world, size="5")
    world.send(world.order("buy", "0.50", "5"), at=0)
    world.run(40)
    world.trade("sell", "0.50", "46", at=50)
    world.run(100)
    assert [(row[0], row[2]) for row in world.filled()] == [("o1", "5"), ("o2", "1")]


def test_better_price_is_served_first(world: World) -> None:
    """12 sold at 0.49: our 0.51 gets 10 before our older 0.50 gets 2."""
    world.send(world.order("buy", "0.50", "10"))
    world.send(world.order("buy", "0.51", "10"), at=1)
    world.run(40)
    world.trade("sell", "0.49", "12", at=50)
    world.run(100)
    assert [(row[0], row[1], row[2]) for row in world.filled()] == [
        ("o2", "0.51", "10"),
        ("o1", "0.5", "2"),
    ]


def test_what_we_took_is_no_evidence(world: World) -> None:
    """A taker ate the 10 at 0.52 and rests there; the venue restating the same 10 fills nothing."""
    rest(world, "0.52", "15")
    world.level("sell", "0.52", "10", at=40)
    world.run(100)
    assert sizes(world) == [("10", "walked the book")]
    world.level("sell", "0.52", "12", at=110)
    world.run(200)
    assert sizes(world)[1:] == [("2", "book crossed")]


def test_untrusted_waits_and_queues_again(world: World) -> None:
    """Our turn had come; after a time without trust we are behind everything shown again."""
    rest(world)
    world.trade("sell", "0.50", "40", at=40)
    world.trusted = False
    world.trade("sell", "0.40", "500", at=50)
    world.trusted = True
    world.level("buy", "0.50", "60", at=60)
    world.trade("sell", "0.50", "61", at=2000)
    world.run(3000)
    assert sizes(world) == [("1", "queue traded")]


def test_a_doubt_between_events_counts(world: World) -> None:
    """Trust lost and regained between two events of the market is told by ``doubted``."""
    rest(world)
    world.trade("sell", "0.50", "40", at=40)
    world.venue.doubted(world.market.id)
    world.trade("sell", "0.50", "40", at=50)
    world.trade("sell", "0.50", "1", at=60)
    world.run(100)
    assert sizes(world) == [("1", "queue traded")]


def test_a_numbered_snapshot_is_a_new_epoch(kalshi_world: World) -> None:
    """Kalshi's snapshot after a gap puts us behind everything it shows."""
    rest(kalshi_world)
    kalshi_world.trade("sell", "0.50", "40", at=40)
    kalshi_world.run(45)
    snapshot = BookSnapshot(
        kalshi_world.market.id, YES, None, (), (), "stream", sequence=Sequence(1, 1)
    )
    kalshi_world.event(snapshot, at=50)
    kalshi_world.trade("sell", "0.50", "41", at=60)
    kalshi_world.run(100)
    assert sizes(kalshi_world) == [("1", "queue traded")]


def test_a_grown_level_grew_behind_us(world: World) -> None:
    """The level grows from 40 to 90: still only 40 are ahead of us."""
    rest(world)
    world.level("buy", "0.50", "90", at=40)
    world.trade("sell", "0.50", "41", at=2000)
    world.run(3000)
    assert sizes(world) == [("1", "queue traded")]


def test_an_old_fall_explains_no_new_trade(world: World) -> None:
    """10 fell long ago, 10 now: of 31 traded now 10 are explained, 20 were ahead, 1 fills."""
    rest(world)
    world.level("buy", "0.50", "30", at=40)
    world.level("buy", "0.50", "20", at=3000)
    world.trade("sell", "0.50", "31", at=3010)
    world.run(4000)
    assert sizes(world) == [("1", "queue traded")]


def test_a_filled_order_leaves_nothing_to_watch(world: World) -> None:
    """Once the last resting order is filled its market's events are of no interest."""
    rest(world)
    assert world.venue.resting(world.market.id)
    world.trade("sell", "0.49", "10", at=40)
    assert not world.venue.resting(world.market.id)
