"""Takers: what walking the book gives, to the micro-share and micro-dollar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from underround.model.errors import Bug
from underround.model.fees import PolymarketFees, polymarket_fees
from underround.model.ids import NO, YES
from underround.model.orders import OrderEnded, OrderRejected
from underround.model.units import decimal_text, shares, usd
from underround.simulation.fills import Working, take
from underround.simulation.queues import Queues
from underround.simulation.rules import FAK_NOTHING

if TYPE_CHECKING:
    from tests.simulation.conftest import World, WorldMaker


def ends(world: World) -> list[tuple[str, str]]:
    """How orders ended, with the reason."""
    return [(e.how, e.reason) for _, e in world.heard if isinstance(e, OrderEnded)]


def test_fok_walks_level_by_level(world: World) -> None:
    """15 shares at most at 0.53 take the 10 at 0.52 and 5 at 0.53, each as one fill."""
    world.send(world.order("buy", "0.53", "15", "FOK"))
    world.run(35)
    assert world.filled() == [
        ("o1", "0.52", "10", "walked the book"),
        ("o1", "0.53", "5", "walked the book"),
    ]
    assert ends(world) == [("filled", "filled whole")]
    assert [fill.id for fill in world.fills()] == ["o1.1", "o1.2"]
    assert world.book.size(YES, "sell", usd("0.52")) == 0
    assert world.book.size(YES, "sell", usd("0.53")) == shares("15")
    assert world.book.raw_size(YES, "sell", usd("0.53")) == shares("20")


def test_fok_takes_nothing_if_it_cannot_take_all(world: World) -> None:
    """One hundredth of a share too many within the limit, and a FOK order leaves no trace."""
    world.send(world.order("buy", "0.53", "30.01", "FOK"))
    world.run(35)
    reason = "order couldn't be fully filled. FOK orders are fully filled or killed."
    assert ends(world) == [("killed", reason)]
    assert world.fills() == []
    assert not world.book.consumed


def test_fok_takes_exactly_all(world: World) -> None:
    """A FOK order for all that is shown within its limit fills whole."""
    world.send(world.order("buy", "0.53", "30", "FOK"))
    world.run(35)
    assert sum(fill.size for fill in world.fills()) == shares("30")


def test_fak_takes_what_is_there(world: World) -> None:
    """A FAK order takes the 10 within its limit; the rest is killed."""
    world.send(world.order("buy", "0.52", "15", "FAK"))
    world.run(35)
    assert world.filled() == [("o1", "0.52", "10", "walked the book")]
    assert ends(world) == [("killed", "the rest of a FAK order is killed")]


def test_fak_with_nothing_to_take(world: World) -> None:
    """A FAK order below the best ask is killed in the venue's words."""
    world.send(world.order("buy", "0.51", "15", "FAK"))
    world.run(35)
    assert ends(world) == [("killed", FAK_NOTHING)]


def test_selling_walks_the_bids(world: World) -> None:
    """Selling 50 at least at 0.48 takes the 40 at 0.50 and 10 at 0.48."""
    world.send(world.order("sell", "0.48", "50", "FOK"))
    world.run(35)
    assert [row[1:3] for row in world.filled()] == [("0.5", "40"), ("0.48", "10")]


def test_no_is_the_mirror(world: World) -> None:
    """Buying NO at most at 0.50 meets the YES bid at 0.50; the fill speaks of NO."""
    world.send(world.order("buy", "0.50", "12", "FOK", outcome=NO))
    world.run(35)
    (fill,) = world.fills()
    assert (fill.outcome.index, fill.side, fill.price) == (NO, "buy", usd("0.50"))
    assert world.book.size(YES, "buy", usd("0.50")) == shares("28")


def test_no_sold_better_than_asked(world: World) -> None:
    """Selling NO at least at 0.47 takes the YES asks at 0.52 and 0.53: NO at 0.48 and 0.47."""
    world.send(world.order("sell", "0.47", "15", "FOK", outcome=NO))
    world.run(35)
    assert [row[1:3] for row in world.filled()] == [("0.48", "10"), ("0.47", "5")]


def test_fee_of_each_level(make_world: WorldMaker) -> None:
    """Crypto's 0.07 curve: 10 at 0.52 cost 0.17472 and 5 at 0.53 0.08719 (rounded up)."""
    world = make_world(fees=polymarket_fees("0.07"))
    world.show({}, {"0.52": "10", "0.53": "20"})
    world.send(world.order("buy", "0.53", "15", "FOK"))
    world.run(35)
    assert [decimal_text(fill.fee) for fill in world.fills()] == ["0.17472", "0.08719"]
    assert isinstance(world.market.fees, PolymarketFees)


def test_the_book_on_arrival_counts(world: World) -> None:
    """The ask of the decision is gone when the order arrives 30 ms later: it pays the next one."""
    world.send(world.order("buy", "0.53", "10", "FOK"))
    world.level("sell", "0.52", "0", at=29)
    world.run(40)
    assert world.filled() == [("o1", "0.53", "10", "walked the book")]


def test_consumed_is_not_there_for_the_next(world: World) -> None:
    """Two FAK orders for 10 each share the 10 shown: the second gets nothing."""
    world.send(world.order("buy", "0.52", "10", "FAK"))
    world.send(world.order("buy", "0.52", "10", "FAK"))
    world.run(40)
    assert world.filled() == [("o1", "0.52", "10", "walked the book")]


def test_a_restated_level_is_whole_again(world: World) -> None:
    """After the venue states the level anew, a second order takes it again."""
    world.send(world.order("buy", "0.52", "10", "FAK"))
    world.level("sell", "0.52", "7", at=35)
    world.send(world.order("buy", "0.52", "10", "FAK"), at=40)
    world.run(80)
    assert [row[2] for row in world.filled()] == ["10", "7"]


def test_gtc_takes_then_rests(world: World) -> None:
    """15 at 0.52 take the 10 shown; 5 rest, first in line, and fill when someone sells there."""
    world.send(world.order("buy", "0.52", "15"))
    world.run(40)
    world.trade("sell", "0.52", "9", at=50)
    world.run(60)
    assert world.filled() == [
        ("o1", "0.52", "10", "walked the book"),
        ("o1", "0.52", "5", "queue traded"),
    ]
    assert [fill.liquidity for fill in world.fills()] == ["taker", "maker"]


def test_untrusted_kills(world: World) -> None:
    """An order that arrives at an untrusted book is killed, whatever the book shows."""
    world.trusted = False
    world.send(world.order("buy", "0.53", "15", "FOK"))
    world.send(world.order("buy", "0.40", "15"))
    world.run(40)
    reason = "book not trusted when the order arrived"
    assert ends(world) == [("killed", reason), ("killed", reason)]
    assert world.fills() == []


def test_post_only_does_not_see_what_we_consumed(world: World) -> None:
    """Once our taker ate the 0.52, a post-only buy there rests; before, it is refused."""
    world.send(world.order("buy", "0.52", "10", post_only=True))
    world.run(35)
    (rejected,) = [e for _, e in world.heard if isinstance(e, OrderRejected)]
    assert rejected.reason == "invalid post-only order: order crosses book"
    world.send(world.order("buy", "0.52", "10", "FAK"), at=40)
    world.send(world.order("buy", "0.52", "10", post_only=True), at=41)
    world.run(80)
    assert world.venue.resting(world.market.id)


def test_self_trade_is_refused_whole(world: World) -> None:
    """An order whose limit reaches our own bid is refused although others stand before it."""
    world.send(world.order("buy", "0.49", "10"))
    world.send(world.order("sell", "0.49", "10", "FAK"), at=1)
    world.run(40)
    (rejected,) = [e for _, e in world.heard if isinstance(e, OrderRejected)]
    assert rejected.order == "o2"
    assert rejected.reason.startswith("self-trade (taker_at_cross)")
    assert world.fills() == []


def test_never_more_than_is_left(world: World) -> None:
    """Filling beyond the size, or nothing, is a bug and says so."""
    working = Working(world.order("buy", "0.52", "5"), world.market.fees)
    with pytest.raises(Bug, match="has 5000000 left"):
        working.fill(usd("0.52"), shares("5") + 1, "taker", 0, "")
    with pytest.raises(Bug, match="simulated fill of 0"):
        working.fill(usd("0.52"), 0, "taker", 0, "")


def test_the_given_order_is_left_alone(world: World) -> None:
    """Taking works on a copy: the caller's order is as it was."""
    order = world.order("buy", "0.53", "15", "FOK")
    working = Working(order, world.market.fees)
    assert Queues().best_against(working, world.book) == usd("0.52")
    assert len(take(working, world.book, 0)) == 2
    assert (order.filled, working.order.filled) == (0, shares("15"))
