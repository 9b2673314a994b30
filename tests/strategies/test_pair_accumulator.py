"""``pair_accumulator``: pairs below the target, never far apart, and a clean end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.desk import BookLevels, Desk, sent_in, uncrossed
from tests.trading.world import START, Puppet, World, make_market, only_order, orders_in
from underround.model.fees import KalshiFees, polymarket_fees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, StrategyId
from underround.model.market import Market, TickBand, TickEpoch, uniform_ticks
from underround.model.orders import CancelOrder
from underround.model.units import ONE, ceil_div, shares, usd
from underround.strategies.pair_accumulator import PairAccumulator, Params

CLOSE = START + 1_000_000 * NANOS_PER_MS
BUFFER_MS = 880_001
"""From the start until one is inside the settlement buffer of 120 s."""


def desk_of(market: Market | None = None, **params: Any) -> tuple[Desk, Market]:
    made = market or make_market(closes_ns=CLOSE)
    values: dict[str, Any] = {
        name: usd(value) if isinstance(value, str) else value for name, value in params.items()
    }
    return Desk(PairAccumulator, Params(**values), [made]), made


# --- what is bought -----------------------------------------------------------------------------


@pytest.mark.parametrize("ask,buys", [("0.49", True), ("0.50", False)])
def test_the_first_side_is_bought_at_or_below_its_price(ask: str, *, buys: bool) -> None:
    """Without a pair in sight only ``open_below`` counts, fees included in the target."""
    desk, market = desk_of()
    actions = desk.show(market, {"0.40": "100"}, {ask: "100"})
    assert bool(actions) is buys
    if buys:
        assert sent_in(actions) == [("buy", "YES", usd(ask), shares("10"))]
        assert only_order(actions).tif == "FAK"


def test_the_cheaper_side_is_looked_at_first() -> None:
    """NO at 0.45 is bought before YES at 0.56."""
    desk, market = desk_of()
    actions = desk.show(market, {"0.55": "100"}, {"0.56": "100"})
    assert sent_in(actions) == [("buy", "NO", usd("0.45"), shares("10"))]


@pytest.mark.parametrize("no_cost,ask,buys", [("0.40", "0.57", True), ("0.40", "0.58", False)])
def test_a_side_is_bought_when_the_pair_stays_below_the_target(
    no_cost: str, ask: str, *, buys: bool
) -> None:
    """Ask plus average NO must stay below 0.98: at exactly 0.98 nothing is bought."""
    desk, market = desk_of()
    desk.give(market.outcome(1), "20", no_cost)
    actions = desk.show(market, {"0.30": "5"}, {ask: "100"})
    # Enough must rest on the other outcome's asks, which are these bids.
    assert actions == []
    desk.tick(2_000)
    actions = desk.show(market, {"0.50": "100"}, {ask: "100"})
    assert sent_in(actions) == ([("buy", "YES", usd(ask), shares("10"))] if buys else [])


@pytest.mark.parametrize("ask,buys", [("0.55", True), ("0.57", False)])
def test_fees_count_towards_the_target(ask: str, *, buys: bool) -> None:
    """0.57 + 0.40 is below 0.98 only without the 0.0171 of fees a share."""
    desk, market = desk_of(make_market(fees=polymarket_fees("0.07"), closes_ns=CLOSE))
    desk.give(market.outcome(1), "20", "0.40")
    assert bool(desk.show(market, {"0.50": "100"}, {ask: "100"})) is buys


def test_the_depth_is_walked_for_the_price() -> None:
    """The limit is the worst level needed; the average over the levels is what counts."""
    desk, market = desk_of()
    desk.give(market.outcome(1), "20", "0.40")
    actions = desk.show(market, {"0.50": "100"}, {"0.55": "5", "0.60": "5"})
    assert sent_in(actions) == [("buy", "YES", usd("0.60"), shares("10"))]
    assert only_order(actions).plan == "s:rain:1"
    assert desk.kept.approved[0].intent.edge == (ONE - usd("0.975")) * 10


@pytest.mark.parametrize("maker", [False, True])
def test_the_edge_is_what_the_pair_pays_beyond_its_cost(*, maker: bool) -> None:
    """A pair pays a dollar: what is left of it after this trade and the other side's average."""
    desk, market = desk_of(post_only=maker)
    desk.give(market.outcome(1), "20", "0.40")
    order = only_order(desk.show(market, {"0.50": "100"}, {"0.55": "100"}))
    assert order.price == usd("0.51" if maker else "0.55")
    assert desk.kept.approved[0].intent.edge == (ONE - order.price - usd("0.40")) * 10


def test_a_first_side_has_the_edge_of_the_offers_only() -> None:
    """While nothing of the other side is held it costs its ask: taking has none, bidding some."""
    desk, market = desk_of()
    only_order(desk.show(market, {"0.48": "100"}, {"0.49": "100"}))
    assert desk.kept.approved[0].intent.edge == 0
    desk, market = desk_of(post_only=True)
    order = only_order(desk.show(market, {"0.40": "100"}, {"0.49": "100"}))
    assert (order.outcome.index, order.price) == (0, usd("0.41"))
    # NO is offered at 0.60: were it bought now, the pair would cost 1.01.
    assert desk.kept.approved[0].intent.edge == 0
    desk, market = desk_of(post_only=True)
    order = only_order(desk.show(market, {"0.40": "100"}, {"0.42": "100"}))
    assert desk.kept.approved[0].intent.edge == 0


def test_a_walked_price_at_exactly_the_target_is_not_bought() -> None:
    """Half at 0.55 and half at 0.61 average 0.58: with NO at 0.40 that is 0.98, not below it."""
    desk, market = desk_of()
    desk.give(market.outcome(1), "20", "0.40")
    assert desk.show(market, {"0.50": "100"}, {"0.55": "5", "0.61": "5"}) == []


@pytest.mark.parametrize("resting,buys", [("30", True), ("29.99", False)])
def test_the_other_side_must_be_liquid(resting: str, *, buys: bool) -> None:
    """Three times the trade must rest on the other outcome's asks, near the best."""
    desk, market = desk_of()
    assert bool(desk.show(market, {"0.48": resting}, {"0.49": "100"})) is buys
    desk, market = desk_of()
    books = {"0.48": "10", "0.43": resting, "0.42": "1000"}
    assert bool(desk.show(market, books, {"0.49": "100"})) is True
    desk, market = desk_of()
    books = {"0.48": "10", "0.42": resting}
    assert desk.show(market, books, {"0.49": "100"}) == []


def test_not_while_an_order_is_open_nor_before_the_pause_is_over() -> None:
    """One purchase at a time and a pause of a second after each."""
    desk, market = desk_of()
    order = only_order(desk.show(market, {"0.48": "100"}, {"0.49": "100"}))
    desk.tick(5_000)
    assert desk.show(market, {"0.48": "100"}, {"0.49": "101"}) == []
    desk.end(order)
    assert desk.show(market, {"0.48": "100"}, {"0.49": "100"})
    desk, market = desk_of()
    order = only_order(desk.show(market, {"0.48": "100"}, {"0.49": "100"}))
    desk.tick(999)
    assert desk.end(order) == []
    desk.tick(1)
    assert desk.show(market, {"0.48": "100"}, {"0.49": "101"})


def test_a_refusal_makes_it_pause_in_that_market() -> None:
    """After risk refused something the market is left alone for half a minute."""
    desk, market = desk_of()
    desk.facts.halted = "a moment"
    assert desk.show(market, {"0.48": "100"}, {"0.49": "100"}) == []
    desk.facts.halted = ""
    desk.tick(29_999)
    assert desk.show(market, {"0.48": "100"}, {"0.49": "101"}) == []
    desk.tick(1)
    assert desk.show(market, {"0.48": "100"}, {"0.49": "102"})
    assert len(desk.refused()) == 1


@pytest.mark.parametrize("held,size", [("19.99", True), ("20", True), ("20.01", False)])
def test_neither_side_gets_too_far_ahead(held: str, *, size: bool) -> None:
    """A purchase that would make a side lead by more than max_delta is not made."""
    desk, market = desk_of(target="0.99")
    desk.give(market.outcome(0), held, "0.40")
    rows = sent_in(desk.show(market, {"0.48": "100"}, {"0.49": "100"}))
    # Where YES would lead too far, the other side of the pair is bought instead.
    assert [outcome for _, outcome, _, _ in rows] == ["YES" if size else "NO"]


def test_no_more_than_the_most_shares_of_a_side() -> None:
    """A side at its largest is not bought although the pair is cheap."""
    desk, market = desk_of(max_shares="25", max_delta="1000")
    desk.give(market.outcome(0), "15.01", "0.40")
    rows = sent_in(desk.show(market, {"0.48": "100"}, {"0.49": "100"}))
    assert [outcome for _, outcome, _, _ in rows] == ["NO"]


def test_an_untrusted_book_is_not_acted_on() -> None:
    """Without trust there is neither a purchase nor an end of it."""
    desk, market = desk_of()
    desk.give(market.outcome(0), "20", "0.40")
    desk.facts.halted = "a moment"
    desk.show(market, {"0.48": "100"}, {"0.49": "100"})
    desk.facts.halted = ""
    desk.doubt(market)
    desk.tick(BUFFER_MS)
    assert desk.timer() == []


# --- properties over books and fills ------------------------------------------------------------


@settings(max_examples=50)
@given(
    st.lists(st.tuples(uncrossed(), st.integers(0, 3)), min_size=1, max_size=15),
    st.sampled_from(["0", "0.07"]),
    st.booleans(),
    st.data(),
)
def test_the_sides_never_drift_apart_and_every_purchase_is_below_the_target(
    books: list[tuple[BookLevels, int]],
    rate: str,
    maker: bool,
    data: st.DataObject,
) -> None:
    """Whatever the books do and whatever fills: |delta| ≤ max_delta, and each pair pays."""
    market = make_market(fees=polymarket_fees(rate))
    desk, _ = desk_of(market, post_only=maker, cooldown_ms=0)
    params = Params()
    for (bids, asks), seconds in books:
        desk.tick(1 + seconds * 1_000)
        before = [desk.portfolio.ledger.holding(market.outcome(index)) for index in (0, 1)]
        averages = [ceil_div(held.cost * ONE, held.total) if held.total else 0 for held in before]
        actions = desk.show(market, bids, asks)
        for order in orders_in(actions):
            other = averages[1 - order.outcome.index]
            assert order.side == "buy"
            if order.purpose == "open":
                assert order.size == params.trade_size
                if maker:
                    assert order.price + other < params.target
                else:
                    walk = desk.book(market).buying(
                        order.outcome.index, order.size, market.fees, order.price
                    )
                    assert walk.size == order.size
                    assert walk.notional + walk.fee + other * 10 < params.target * 10 + 10
                    assert other or order.price <= usd("0.99")
        desk.carry_out(actions)
        for order in list(desk.resting.values()):
            if order.open and data.draw(st.booleans()):
                part = data.draw(st.sampled_from([None, order.remaining // 2]))
                desk.settle(desk.fill(order, part or None))
        yes, no = desk.held(market)
        assert abs(yes - no) <= params.max_delta
        assert max(yes, no) <= params.max_shares
    assert not desk.engine.desks[0].error


@given(uncrossed(), st.integers(0, 1), st.integers(0, 95))
def test_a_maker_quotes_inside_the_spread_and_never_crosses(
    book: BookLevels, index: int, cents: int
) -> None:
    """A bid rests at the best bid or one tick above it, strictly below the ask."""
    market = make_market()
    desk, _ = desk_of(market, post_only=True)
    if cents:
        desk.give(market.outcome(index), "10", f"0.{cents:02d}")
    for order in orders_in(desk.show(market, *book)):
        bid = desk.book(market).best_bid(order.outcome.index)
        ask = desk.book(market).best_ask(order.outcome.index)
        assert bid is not None
        assert ask is not None
        assert bid <= order.price < ask
        assert order.price - bid == (10_000 if ask - bid > 10_000 else 0)
        assert (order.tif, order.post_only) == ("GTD", True)
        assert order.good_until_ns == desk.now + 180_000 * NANOS_PER_MS


def test_a_maker_s_bid_is_on_the_grid_at_the_border_of_two_bands() -> None:
    """Where the YES grid changes its step at 0.90, a NO bid above 0.10 moves by the lower step."""
    bands = (TickBand(0, 900_000, 10_000), TickBand(900_000, ONE, 1_000))
    market = make_market(ticks=TickEpoch(0, bands))
    desk, _ = desk_of(market, post_only=True)
    actions = desk.show(market, {"0.80": "100"}, {"0.90": "100"})
    assert desk.refused() == []
    assert sent_in(actions) == [("buy", "NO", usd("0.11"), shares("10"))]


@pytest.mark.parametrize(
    "maker_share,target,bids",
    [(0, "0.97429", True), (250_000, "0.97429", False), (250_000, "0.974291", True)],
)
def test_a_maker_s_fee_counts_towards_the_target(
    maker_share: int, target: str, *, bids: bool
) -> None:
    """A bid of 0.57 beside NO at 0.40 costs 0.97, and 0.00429 more where makers pay a fee."""
    fees = KalshiFees(maker_share=maker_share)
    ticks = uniform_ticks("0.001")
    market = make_market(venue=KALSHI, fees=fees, closes_ns=CLOSE, ticks=ticks)
    desk, _ = desk_of(market, post_only=True, target=target, max_shares="25")
    desk.give(market.outcome(1), "20", "0.40")
    actions = desk.show(market, {"0.569": "100"}, {"0.571": "100"})
    assert sent_in(actions) == ([("buy", "YES", usd("0.57"), shares("10"))] if bids else [])


# --- equalizing and the end ---------------------------------------------------------------------


@pytest.mark.parametrize("held,equalizes", [("20", False), ("20.01", True)])
def test_the_equalizer_begins_where_no_further_trade_fits(held: str, *, equalizes: bool) -> None:
    """20 ahead and a trade of 10 are the 30 that are allowed: only from there on it equalizes."""
    desk, market = desk_of(target="0.90")
    desk.give(market.outcome(0), held, "0.50")
    actions = desk.show(market, {"0.51": "100"}, {"0.60": "100"})
    assert sent_in(actions) == ([("buy", "NO", usd("0.49"), shares("5"))] if equalizes else [])


@pytest.mark.parametrize("bid,buys", [("0.51", True), ("0.50", False)])
def test_the_lagging_side_is_bought_in_chunks_below_the_bound(bid: str, *, buys: bool) -> None:
    """At the largest delta NO is bought, 5 at a time, while the pair costs less than a dollar."""
    desk, market = desk_of(target="0.90")
    desk.give(market.outcome(0), "30", "0.50")
    actions = desk.show(market, {bid: "100"}, {"0.60": "100"})
    no = ONE - usd(bid)
    assert sent_in(actions) == ([("buy", "NO", no, shares("5"))] if buys else [])
    if buys:
        assert only_order(actions).purpose == "equalize"


def test_equalizing_survives_a_halt() -> None:
    """What makes the risk smaller goes on while nothing opens."""
    desk, market = desk_of()
    desk.give(market.outcome(0), "30", "0.40")
    desk.command("halt", "enough")
    actions = desk.show(market, {"0.55": "100"}, {"0.60": "100"})
    assert sent_in(actions) == [("buy", "NO", usd("0.45"), shares("5"))]


def test_the_buffer_withdraws_quotes_at_a_timer() -> None:
    """Inside the settlement buffer a resting bid is cancelled without a word from the market."""
    desk, market = desk_of(post_only=True)
    order = only_order(desk.carry_out(desk.show(market, {"0.40": "100"}, {"0.49": "100"}))[:1])
    desk.tick(BUFFER_MS - 1_001)
    desk.feed.heard_ns = desk.now
    assert desk.timer() == []
    desk.tick(1_001)
    desk.feed.heard_ns = desk.now
    desk.hub.books[market.id].heard_ns = desk.now
    desk.hub.books[market.id].trust(desk.now)
    assert desk.timer() == [CancelOrder(order.id, market.id)]
    assert desk.timer() == []


def test_the_buffer_withdraws_quotes_while_the_book_is_doubted() -> None:
    """What rests near the close is cancelled whatever is known of the book; nothing is sent."""
    desk, market = desk_of(post_only=True)
    order = only_order(desk.carry_out(desk.show(market, {"0.40": "100"}, {"0.49": "100"}))[:1])
    desk.settle(desk.fill(order, shares("7")))
    desk.doubt(market)
    desk.tick(BUFFER_MS)
    desk.feed.heard_ns = desk.now
    assert desk.timer() == [CancelOrder(order.id, market.id)]
    assert desk.end(order, "cancelled") == []
    assert desk.timer() == []


def in_buffer(desk: Desk, market: Market, bid: str, ask: str) -> list[Any]:
    desk.tick(BUFFER_MS)
    return desk.show(market, {bid: "100"}, {ask: "100"})


def test_the_buffer_equalizes_where_a_pair_still_pays() -> None:
    """The lagging side is completed below a dollar, chunk by chunk."""
    desk, market = desk_of()
    desk.give(market.outcome(0), "12", "0.40")
    actions = in_buffer(desk, market, "0.55", "0.60")
    assert sent_in(actions) == [("buy", "NO", usd("0.45"), shares("5"))]


def test_the_buffer_sells_what_cannot_be_equalized_and_keeps_the_pairs() -> None:
    """Too dear to complete: the unpaired rest is sold at the bid, the pairs stay."""
    desk, market = desk_of()
    desk.give(market.outcome(0), "25", "0.70")
    desk.give(market.outcome(1), "10", "0.20")
    actions = in_buffer(desk, market, "0.50", "0.60")
    assert sent_in(actions) == [("sell", "YES", usd("0.50"), shares("15"))]
    assert only_order(actions).purpose == "reduce"
    desk.carry_out(actions)
    assert desk.held(market) == (shares("10"), shares("10"))
    desk.tick(2_000)
    assert desk.show(market, {"0.50": "100"}, {"0.61": "100"}) == []


def test_nothing_is_opened_in_the_buffer_or_after_the_close() -> None:
    """However cheap: no first side shortly before the end, nothing at all after it."""
    desk, market = desk_of()
    assert in_buffer(desk, market, "0.10", "0.12") == []
    desk, market = desk_of()
    desk.give(market.outcome(0), "25", "0.70")
    desk.tick(1_000_000)
    assert desk.show(market, {"0.50": "100"}, {"0.60": "100"}) == []


def test_the_rest_below_the_minimum_is_kept() -> None:
    """The venue takes no order so small: it stays to the end."""
    desk, market = desk_of()
    desk.give(market.outcome(0), "4.99", "0.70")
    assert in_buffer(desk, market, "0.50", "0.60") == []


def test_unconfirmed_shares_are_not_sold_in_the_buffer() -> None:
    """Only what is confirmed is offered."""
    desk, market = desk_of()
    desk.give(market.outcome(0), "20", "0.70", confirmed=False)
    desk.give(market.outcome(0), "7", "0.70")
    assert sent_in(in_buffer(desk, market, "0.50", "0.60"))[0][3] == shares("7")


def test_the_buffer_of_one_strategy_gags_nobody_else() -> None:
    """Inside one strategy's buffer another one still opens in the same market."""
    market = make_market(closes_ns=CLOSE)
    world = World(
        [market],
        strategies=[
            lambda of, among: Puppet("s", of, among),
            lambda of, among: PairAccumulator(StrategyId("early"), Params(), of, among),
            lambda of, among: PairAccumulator(
                StrategyId("late"), Params(settlement_buffer_ms=1_000), of, among
            ),
        ],
    )
    world.tick(BUFFER_MS)
    actions = world.show(market, {"0.48": "100"}, {"0.49": "100"})
    assert [order.strategy for order in orders_in(actions)] == ["late"]
    assert orders_in(world.say(world.buy(market.outcome(0), "0.49", "20")))


def test_why_idle_has_the_numbers() -> None:
    """It says that nothing was cheap enough, or what the cheapest pair would have cost."""
    desk, market = desk_of()
    assert "0.49 or less" in desk.strategy.why_idle()
    desk.give(market.outcome(1), "20", "0.40")
    desk.show(market, {"0.50": "100"}, {"0.60": "100"})
    assert "the cheapest pair seen was 1 before fees" in desk.strategy.why_idle()
