"""What holds for any book, any orders and any sequence of what happens to them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from underround.model.book import Book, Side
from underround.model.events import MarketClosed
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, YES
from underround.model.orders import OrderEnded, OrderFilled, OrderRejected
from underround.model.units import decimal_text
from underround.simulation.fills import Working, take

if TYPE_CHECKING:
    from tests.simulation.conftest import World, WorldMaker

CENT = 10_000
HUNDREDTH = 10_000
CURVE = polymarket_fees("0.07")

sides = st.sampled_from(["buy", "sell"])
outcomes = st.sampled_from([YES, NO])
levels = st.dictionaries(st.integers(1, 49), st.integers(1, 5000), max_size=8)
prices = st.integers(40, 60)
sizes = st.integers(500, 3000)
tifs = st.sampled_from(["GTC", "FOK", "FAK"])


def text(hundredths: int) -> str:
    return decimal_text(hundredths * CENT)


@given(bids=levels, asks=levels, side=sides, outcome=outcomes, price=prices, size=sizes, tif=tifs)
def test_taking(
    make_world: WorldMaker,
    bids: dict[int, int],
    asks: dict[int, int],
    side: Any,
    outcome: int,
    price: int,
    size: int,
    tif: Any,
) -> None:
    """Never beyond the limit, the size, or what is shown minus consumed; fees by the curve."""
    world = make_world(fees=CURVE)
    book = Book(CENT)
    for index, amount in bids.items():
        book.set_bid(index, amount * HUNDREDTH)
    for index, amount in asks.items():
        book.set_ask(50 + index, amount * HUNDREDTH)
    resting: Side = "sell" if side == "buy" else "buy"
    for _ in range(2):
        order = world.order(side, text(price), text(size), tif, outcome=outcome)
        depth = book.asks_of(outcome) if side == "buy" else book.bids_of(outcome)
        within = {
            p: s for p, s in depth if (p <= order.price if side == "buy" else p >= order.price)
        }
        fills = take(Working(order, CURVE), book, 0)
        taken = sum(fill.size for fill in fills)
        possible = min(order.size, sum(within.values()))
        assert taken == (0 if tif == "FOK" and possible < order.size else possible)
        assert len({fill.price for fill in fills}) == len(fills)
        for fill in fills:
            assert 0 < fill.size <= within[fill.price]
            assert fill.fee == CURVE.fee(fill.price, fill.size, taker=True)
            assert book.size(outcome, resting, fill.price) == within[fill.price] - fill.size
            book.set(outcome, resting, fill.price, within[fill.price])
            assert book.size(outcome, resting, fill.price) == within[fill.price]
            book.consume(outcome, resting, fill.price, fill.size)


quiet = st.one_of(
    st.tuples(st.just("level"), st.just("buy"), st.integers(1, 50), st.integers(0, 5000)),
    st.tuples(st.just("level"), st.just("sell"), st.integers(51, 99), st.integers(0, 5000)),
    st.tuples(st.just("trade"), st.just("buy"), st.integers(1, 99), st.integers(1, 5000)),
    st.tuples(st.just("trade"), st.just("sell"), st.integers(51, 99), st.integers(1, 5000)),
)


@given(st.lists(quiet, max_size=30))
def test_no_evidence_no_fill(make_world: WorldMaker, happenings: list[tuple[Any, ...]]) -> None:
    """A bid at 0.50 never fills while asks stay above it and only others' prices trade."""
    world = make_world()
    world.show({"0.50": "40"}, {"0.52": "10"})
    world.send(world.order("buy", "0.50", "10"))
    for step, (kind, side, price, size) in enumerate(happenings):
        at = 40 + step * 10
        if kind == "level":
            world.level(side, text(price), text(size), at)
        else:
            world.trade(side, text(price), text(size), at)
    world.run(10_000)
    assert world.fills() == []


near = st.sampled_from([48, 49, 50, 51, 52, 53])
sends = st.tuples(st.just("send"), sides, near, sizes, tifs, outcomes, st.booleans())
trades = st.tuples(st.just("trade"), sides, near, st.integers(1, 5000), outcomes)
happenings = st.one_of(
    sends,
    st.tuples(st.just("send"), sides, near, sizes, st.just("GTC"), outcomes, st.just(value=False)),
    trades,
    trades,
    st.tuples(st.just("level"), sides, near, st.sampled_from([0, 700, 3000]), outcomes),
    st.tuples(st.just("cancel"), st.integers(1, 8)),
    st.tuples(st.just("trust"), st.sampled_from([True, True, True, False])),
)
scripts = st.lists(st.tuples(st.integers(0, 25), happenings), min_size=15, max_size=40)


def play(world: World, script: list[tuple[int, Any]]) -> None:
    """Let a script happen, close the market, and wait for the last news."""
    world.show({"0.48": "100", "0.50": "40"}, {"0.52": "10", "0.53": "20"})
    at, sent = 0, []
    for wait, (kind, *what) in script:
        at += wait
        world.run(at)
        if kind == "send":
            side, price, size, tif, outcome, post_only = what
            order = world.order(
                side, text(price), text(size), tif, outcome=outcome, post_only=post_only
            )
            sent.append(world.send(order, at))
        elif kind == "cancel" and what[0] <= len(sent):
            world.cancel(sent[what[0] - 1], at)
        elif kind == "trust":
            world.trusted = what[0]
        elif kind == "level":
            side, price, size, outcome = what
            world.level(side, text(price), text(size), at, outcome)
        elif kind == "trade":
            side, price, size, outcome = what
            world.trade(side, text(price), text(size), at, outcome)
    world.run(at + 100)
    world.event(MarketClosed(world.market.id, 0), at + 100)
    world.run(at + 10_000)


@settings(max_examples=200, deadline=None)
@given(scripts)
def test_any_script(make_world: WorldMaker, script: list[tuple[int, Any]]) -> None:
    """Any script: one end per order, within size and limit, fees by the curve, and repeatable."""
    world, again = make_world(fees=CURVE), make_world(fees=CURVE)
    play(world, script)
    play(again, script)
    assert world.heard == again.heard
    ends = Counter(e.order for _, e in world.heard if isinstance(e, OrderEnded | OrderRejected))
    assert dict(ends) == {f"o{number + 1}": 1 for number in range(world.made)}
    assert not world.venue.resting(world.market.id)
    filled: Counter[str] = Counter()
    for fill in world.fills():
        filled[fill.order] += fill.size
        assert fill.fee == CURVE.fee(fill.price, fill.size, taker=fill.liquidity == "taker")
    wanted = [what for _, what in script if what[0] == "send"]
    for number, (_, side, price, size, tif, _, _) in enumerate(wanted, 1):
        total = filled[f"o{number}"]
        assert total <= size * HUNDREDTH
        assert tif != "FOK" or total in (0, size * HUNDREDTH)
        for fill in world.fills():
            if fill.order == f"o{number}":
                assert fill.price <= price * CENT if side == "buy" else fill.price >= price * CENT
    whole = {e.order for _, e in world.heard if isinstance(e, OrderEnded) and e.how == "filled"}
    assert whole == {
        f"o{n}" for n, s in enumerate(wanted, 1) if filled[f"o{n}"] == s[3] * HUNDREDTH
    }


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(prices, sizes), min_size=1, max_size=5), prices, st.integers(1, 9000))
def test_a_trade_is_handed_out_once(
    make_world: WorldMaker, ours: list[tuple[int, int]], price: int, volume: int
) -> None:
    """One public sale never fills our bids together with more than its own volume."""
    world = make_world()
    for limit, size in ours:
        world.send(world.order("buy", text(limit), text(size)))
    world.trade("sell", text(price), text(volume), at=40)
    world.run(100)
    total = sum(e.fill.size for _, e in world.heard if isinstance(e, OrderFilled))
    reached = sum(size for limit, size in ours if limit >= price)
    assert total == min(volume, reached) * HUNDREDTH
