"""``spread_capture``: two post-only quotes, patient, bounded, and out of the way in time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.desk import BookLevels, Desk, sent_in, uncrossed
from tests.trading.world import START, make_market, orders_in
from underround.model.frames import NANOS_PER_MS
from underround.model.market import Market
from underround.model.orders import CancelOrder, ChangeSets, Order
from underround.model.units import ONE, shares, usd
from underround.strategies.spread_capture import Params, SpreadCapture

CLOSE = START + 1_000_000 * NANOS_PER_MS
QUOTES = [("buy", "YES", usd("0.49"), shares("20")), ("buy", "NO", usd("0.49"), shares("20"))]


def desk_of(market: Market | None = None, **params: Any) -> tuple[Desk, Market]:
    made = market or make_market(closes_ns=CLOSE)
    values = {
        name: usd(value) if isinstance(value, str) else value for name, value in params.items()
    }
    return Desk(SpreadCapture, Params(**values), [made]), made


def quoted(desk: Desk, market: Market) -> list[Order]:
    """Let both quotes rest around 0.50 in a book of 0.47 and 0.53."""
    done = desk.carry_out(desk.show(market, {"0.47": "100"}, {"0.53": "100"}))
    orders = orders_in(done)
    assert sent_in(done) == QUOTES
    return orders


def test_quotes_rest_on_both_sides_of_fair_value() -> None:
    """Bid and offer half a spread away, post-only, good for ten minutes."""
    desk, market = desk_of()
    bid, offer = quoted(desk, market)
    for order in (bid, offer):
        assert (order.tif, order.post_only, order.purpose) == ("GTD", True, "open")
        assert order.good_until_ns == desk.now + 600_000 * NANOS_PER_MS


def test_fair_value_leans_towards_the_thinner_side() -> None:
    """Three times as much on the bid puts fair value at three quarters of the spread."""
    desk, market = desk_of()
    actions = desk.show(market, {"0.46": "300"}, {"0.54": "100"})
    assert [row[2] for row in sent_in(actions)] == [usd("0.51"), ONE - usd("0.53")]


@given(uncrossed(), st.integers(-100, 100), st.integers(1, 4))
def test_no_quote_ever_crosses(book: BookLevels, net: int, half: int) -> None:
    """Each quote is on the grid and strictly inside the opposite best price."""
    market = make_market()
    desk, _ = desk_of(market, half_spread=f"0.0{half}", min_market_spread="0")
    if net:
        desk.give(market.outcome(0 if net > 0 else 1), str(abs(net)))
    orders = orders_in(desk.show(market, *book))
    assert desk.refused() == []
    for order in orders:
        shown = desk.book(market)
        best = (
            shown.best_ask(order.outcome.index)
            if order.side == "buy"
            else shown.best_bid(order.outcome.index)
        )
        assert best is not None
        assert order.price < best if order.side == "buy" else order.price > best
        assert order.price % 10_000 == 0


def test_full_inventory_does_not_push_a_quote_across() -> None:
    """The lean of full inventory in a market of one tick stops at the opposite best price."""
    for index, row in ((1, ("buy", "YES", usd("0.49"))), (0, ("sell", "YES", usd("0.50")))):
        desk, market = desk_of()
        desk.give(market.outcome(index), "100")
        (quote,) = sent_in(desk.show(market, {"0.49": "100"}, {"0.50": "100"}))
        assert quote[:3] == row


# --- when there is no quote ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "bid,ask,quotes",
    [
        ("0.49", "0.50", 2),
        ("0.45", "0.55", 2),
        ("0.45", "0.56", 0),
        ("0.04", "0.05", 0),
        ("0.95", "0.96", 0),
        ("0.05", "0.06", 2),
    ],
)
def test_only_where_there_is_a_fair_value(bid: str, ask: str, quotes: int) -> None:
    """Not in a market too wide, nor where fair value is close to certainty."""
    desk, market = desk_of()
    actions = desk.show(market, {bid: "100"}, {ask: "100"})
    assert len(orders_in(actions)) == quotes


def test_not_in_a_market_that_is_too_tight() -> None:
    """Below its least spread there is nothing to earn; ``why_idle`` counts it."""
    desk, market = desk_of(min_market_spread="0.02")
    assert desk.show(market, {"0.49": "100"}, {"0.50": "100"}) == []
    assert desk.strategy.why_idle() == (
        "of 1 looks at a trusted book, the market was tighter than 0.02 in 1 "
        "and wider than 0.1 in 0"
    )


@pytest.mark.parametrize("bids,asks", [({"0.49": "10"}, {}), ({}, {"0.51": "10"}), ({}, {})])
def test_not_in_a_one_sided_book(bids: dict[str, str], asks: dict[str, str]) -> None:
    """One side alone says nothing about fair value."""
    desk, market = desk_of()
    assert desk.show(market, bids, asks) == []


def test_a_doubted_book_withdraws_the_quotes() -> None:
    """Nothing rests in a book that is not trusted, and nothing is placed."""
    desk, market = desk_of()
    bid, offer = quoted(desk, market)
    desk.tick(1_000)
    desk.doubt(market)
    assert desk.timer() == [CancelOrder(bid.id, market.id), CancelOrder(offer.id, market.id)]


def test_quotes_are_withdrawn_before_the_close() -> None:
    """Five minutes before the end a timer is enough to withdraw them."""
    desk, market = desk_of(quote_ttl_ms=10**9)
    bid, offer = quoted(desk, market)
    for wait, cancels in ((699_999, 0), (1, 2)):
        desk.tick(wait)
        desk.feed.heard_ns = desk.hub.books[market.id].heard_ns = desk.now
        desk.hub.books[market.id].trust(desk.now)
        assert len(desk.timer()) == cancels
    assert bid.cancel_sent
    assert offer.cancel_sent


# --- patience -----------------------------------------------------------------------------------


def test_a_quote_within_the_tolerance_keeps_its_place() -> None:
    """A tick of noise moves nothing; two ticks cancel, and only then comes the new quote."""
    desk, market = desk_of()
    bid, offer = quoted(desk, market)
    desk.tick(1_000)
    assert desk.show(market, {"0.48": "100"}, {"0.54": "100"}) == []
    desk.tick(1_000)
    cancels = desk.show(market, {"0.49": "100"}, {"0.55": "100"})
    assert cancels == [CancelOrder(bid.id, market.id), CancelOrder(offer.id, market.id)]
    desk.tick(1_000)
    assert desk.show(market, {"0.49": "101"}, {"0.55": "101"}) == []
    desk.taken()
    desk.end(bid, "cancelled")
    assert sent_in(desk.taken()) == [("buy", "YES", usd("0.51"), shares("20"))]
    desk.tick(1_000)
    desk.end(offer, "cancelled")
    assert sent_in(desk.taken()) == [("buy", "NO", usd("0.47"), shares("20"))]


def test_quotes_change_at_most_once_per_interval() -> None:
    """A millisecond early nothing is done; at the interval it is."""
    desk, market = desk_of()
    quoted(desk, market)
    desk.tick(999)
    assert desk.show(market, {"0.53": "100"}, {"0.59": "100"}) == []
    assert desk.timer() == []
    desk.tick(1)
    assert len(desk.timer()) == 2


def test_the_interval_is_each_market_s_own() -> None:
    """Quotes placed in one market do not delay another."""
    rain, snow = make_market("rain"), make_market("snow")
    desk = Desk(SpreadCapture, Params(), [rain, snow])
    for market in (rain, snow):
        assert sent_in(desk.show(market, {"0.47": "100"}, {"0.53": "100"})) == QUOTES


def test_a_partly_filled_quote_is_replaced_by_a_whole_one() -> None:
    """The rest is withdrawn first; the new quote has the full size."""
    desk, market = desk_of()
    bid, _ = quoted(desk, market)
    desk.tick(1_000)
    desk.settle(desk.fill(bid, shares("7")))
    desk.tick(1_000)
    actions = desk.show(market, {"0.47": "100"}, {"0.53": "101"})
    assert actions[0] == CancelOrder(bid.id, market.id)
    assert not orders_in(actions)


def test_a_refusal_pauses_new_quotes_but_not_cancels() -> None:
    """After risk refused a quote the market gets no new ones for half a minute."""
    desk, market = desk_of()
    desk.facts.halted = "a moment"
    assert desk.show(market, {"0.47": "100"}, {"0.53": "100"}) == []
    desk.facts.halted = ""
    refused = len(desk.refused())
    desk.tick(29_999)
    assert desk.show(market, {"0.47": "100"}, {"0.53": "101"}) == []
    assert len(desk.refused()) == refused
    desk.tick(1)
    assert len(orders_in(desk.show(market, {"0.47": "100"}, {"0.53": "102"}))) == 2


# --- inventory ----------------------------------------------------------------------------------


def test_inventory_moves_both_quotes_against_itself() -> None:
    """Half the largest inventory of YES lowers both quotes by half the skew, and mirrored."""
    prices = {}
    for index in (0, 1):
        desk, market = desk_of()
        desk.give(market.outcome(index), "50")
        prices[index] = [
            price if outcome == "YES" else ONE - price
            for _, outcome, price, _ in sent_in(desk.show(market, {"0.45": "100"}, {"0.55": "100"}))
        ]
    assert prices[0] == [usd("0.48"), usd("0.50")]
    assert prices[1] == [usd("0.50"), usd("0.52")]


@pytest.mark.parametrize(
    "held,sides", [("80", ["bid", "offer"]), ("80.01", ["offer"]), ("100", ["offer"])]
)
def test_at_the_cap_only_the_side_that_reduces_is_quoted(held: str, sides: list[str]) -> None:
    """A quote that could carry inventory over its bound is not placed."""
    for index in (0, 1):
        desk, market = desk_of()
        desk.give(market.outcome(index), held)
        rows = sent_in(desk.show(market, {"0.45": "100"}, {"0.55": "100"}))
        found = ["bid" if (side == "buy") == (of == "YES") else "offer" for side, of, _, _ in rows]
        mirrored = {"bid": "offer", "offer": "bid"}
        expected = sides if index == 0 else [mirrored[side] for side in reversed(sides)]
        assert sorted(found) == sorted(expected)


def test_owned_yes_is_sold_else_no_is_bought() -> None:
    """With 20 confirmed YES the offer sells them, to reduce; with 19.99 it buys NO instead."""
    for held, row in (
        ("20", ("sell", "YES", usd("0.51"))),
        ("19.99", ("buy", "NO", usd("0.49"))),
    ):
        desk, market = desk_of(skew="0")
        desk.give(market.outcome(0), held)
        actions = desk.show(market, {"0.47": "100"}, {"0.53": "100"})
        assert sent_in(actions)[1][:3] == row
        assert orders_in(actions)[1].purpose == ("reduce" if held == "20" else "open")


def test_unconfirmed_yes_is_not_offered() -> None:
    """What is only matched is not sold: NO is bought."""
    desk, market = desk_of(skew="0")
    desk.give(market.outcome(0), "20", confirmed=False)
    actions = desk.show(market, {"0.47": "100"}, {"0.53": "100"})
    assert sent_in(actions)[1][:2] == ("buy", "NO")


def test_an_offer_of_owned_yes_stays_while_it_rests() -> None:
    """Shares in the own resting offer count as there: the offer is not replaced by a NO bid."""
    desk, market = desk_of(skew="0")
    desk.give(market.outcome(0), "20")
    desk.carry_out(desk.show(market, {"0.47": "100"}, {"0.53": "100"}))
    desk.tick(2_000)
    assert desk.show(market, {"0.47": "100"}, {"0.53": "101"}) == []


def test_pairs_are_merged_once_there_are_enough_and_nothing_rests() -> None:
    """Without quotes 50 pairs become dollars, in one go; 49.99 do not."""
    for held, merged in (("49.99", 0), ("50", 1)):
        desk, market = desk_of()
        desk.give(market.outcome(0), held)
        desk.give(market.outcome(1), "60")
        actions = desk.show(market, {"0.10": "100"}, {"0.90": "100"})
        assert len(actions) == merged
        if merged:
            (change,) = actions
            assert isinstance(change, ChangeSets)
            assert change.approved.intent.size == shares("50")
            desk.tick(1_000)
            assert desk.show(market, {"0.11": "100"}, {"0.90": "100"}) == []
            desk.sets_done(change.approved)
            assert desk.held(market) == (0, shares("10"))


def book_side(order: Order) -> str:
    return "bid" if (order.side == "buy") == (order.outcome.index == 0) else "offer"


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(uncrossed(levels=2), st.integers(1, 3_000), st.booleans()),
        min_size=1,
        max_size=14,
    ),
    st.data(),
)
def test_one_quote_a_side_bounded_inventory_and_patient_whatever_happens(
    steps: list[tuple[BookLevels, int, bool]], data: st.DataObject
) -> None:
    """Random books, fills and late cancels: never two orders on a book side, never over the cap."""
    market = make_market()
    desk, _ = desk_of(market, min_market_spread="0", max_market_spread="1", lowest="0.01")
    cancelled = 0
    for (bids, asks), wait, confirm in steps:
        desk.tick(wait)
        actions = desk.show(market, bids, asks)
        if confirm:
            actions = actions + desk.confirm_cancels()
        done = desk.carry_out(actions)
        if any(isinstance(action, CancelOrder) for action in done):
            assert desk.now - cancelled >= Params().requote_ms * NANOS_PER_MS
            cancelled = desk.now
        alive = [order for order in desk.executor.orders.values() if order.open]
        sides = [book_side(order) for order in alive]
        assert len(sides) == len(set(sides))
        assert desk.facts.open_orders() == len(alive) <= 2
        for order in alive:
            if data.draw(st.integers(0, 3)) == 0:
                desk.taken()
                desk.settle(desk.fill(order, data.draw(st.sampled_from([None, shares("5")]))))
                desk.carry_out(desk.taken())
        yes, no = desk.held(market)
        assert abs(yes - no) <= Params().max_inventory
    assert not desk.engine.desks[0].error
    assert desk.refused() == []
