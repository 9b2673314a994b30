"""The book's own evidence: an opposite price at or beyond ours fills, what is shown, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from underround.model.ids import YES
from underround.model.units import shares, usd

if TYPE_CHECKING:
    from tests.simulation.conftest import World


def sizes(world: World) -> list[tuple[str, str]]:
    """Size and evidence of every fill heard."""
    return [(row[2], row[3]) for row in world.filled()]


def rest(world: World, price: str = "0.50", size: str = "10", outcome: int = YES) -> None:
    """Send a buy and let it rest (from 30 ms after the last one)."""
    world.send(world.order("buy", price, size, outcome=outcome))
    world.run(30)


def test_book_crossed(kalshi_world: World) -> None:
    """An ask of 4 at our bid fills 4; restated at 4 nothing; grown to 6 two more."""
    rest(kalshi_world)
    kalshi_world.level("sell", "0.50", "4", at=40)
    kalshi_world.level("sell", "0.50", "4", at=50)
    kalshi_world.level("sell", "0.50", "6", at=60)
    kalshi_world.run(100)
    assert sizes(kalshi_world) == [("4", "book crossed"), ("2", "book crossed")]
    assert all(fill.price == usd("0.50") for fill in kalshi_world.fills())


def test_book_crossed_beyond(kalshi_world: World) -> None:
    """Asks of 3 at 0.49 and 4 at 0.50 fill 7, all at our price and none at theirs."""
    rest(kalshi_world)
    kalshi_world.level("sell", "0.49", "3", at=40)
    kalshi_world.level("sell", "0.50", "4", at=50)
    kalshi_world.run(100)
    assert sizes(kalshi_world) == [("3", "book crossed"), ("4", "book crossed")]
    assert all(fill.price == usd("0.50") for fill in kalshi_world.fills())


def test_book_crossed_after_it_left(kalshi_world: World) -> None:
    """An ask that left and came back is another ask."""
    rest(kalshi_world)
    kalshi_world.level("sell", "0.50", "4", at=40)
    kalshi_world.level("sell", "0.50", "0", at=50)
    kalshi_world.level("sell", "0.50", "4", at=60)
    kalshi_world.run(100)
    assert [size for size, _ in sizes(kalshi_world)] == ["4", "4"]


def test_book_crossed_from_below(kalshi_world: World) -> None:
    """A resting sale at 0.52 is filled by bids at 0.52 and above, up to their size."""
    kalshi_world.send(kalshi_world.order("sell", "0.55", "10"))
    kalshi_world.run(30)
    kalshi_world.level("sell", "0.52", "0", at=35)
    kalshi_world.level("sell", "0.53", "0", at=36)
    kalshi_world.level("buy", "0.56", "3", at=40)
    kalshi_world.run(100)
    assert kalshi_world.filled() == [("o1", "0.55", "3", "book crossed")]


def test_book_crossed_after_it_shrank(kalshi_world: World) -> None:
    """An ask of 4 that fell to 1 and grew to 4 again shows 3 that are new."""
    rest(kalshi_world)
    for at, size in ((40, "4"), (50, "1"), (60, "4")):
        kalshi_world.level("sell", "0.50", size, at=at)
    kalshi_world.run(100)
    assert [size for size, _ in sizes(kalshi_world)] == ["4", "3"]


def test_what_crossed_is_consumed(kalshi_world: World) -> None:
    """The ask that filled our bid is not there for a taker as well."""
    rest(kalshi_world, size="3")
    kalshi_world.level("sell", "0.50", "4", at=40)
    assert kalshi_world.book.size(YES, "sell", usd("0.50")) == shares("1")


def test_a_bid_at_our_ask_crosses(kalshi_world: World) -> None:
    """A bid exactly at our resting sale fills it."""
    kalshi_world.send(kalshi_world.order("sell", "0.55", "10"))
    kalshi_world.run(30)
    kalshi_world.level("sell", "0.52", "0", at=35)
    kalshi_world.level("sell", "0.53", "0", at=36)
    kalshi_world.level("buy", "0.55", "3", at=40)
    kalshi_world.run(100)
    assert sizes(kalshi_world) == [("3", "book crossed")]
