"""What becomes of an order at Polymarket's exchange, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation.matching.desk import ANN, BOB, CAT, RAIN, SECOND, Desk, make_market, plain
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, MarketId, OrderId
from underround.model.market import uniform_ticks
from underround.model.units import shares, usd
from underround.simulation.matching.terms import (
    BookMoved,
    MakerFill,
    OrderClosed,
    OrderFilled,
    OrderRested,
    TicksMoved,
    Traded,
)
from underround.simulation.rules import FAK_NOTHING, FOK_KILLED

CANCEL_ONLY = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
GONE = "order can't be found - already canceled or matched"


def test_the_better_price_is_first_and_then_the_older_order() -> None:
    """A buy takes 0.50 before 0.51, and of two orders at 0.51 the one that came first."""
    desk = Desk()
    desk.send(BOB, "sell", "0.51", "10")
    desk.send(CAT, "sell", "0.51", "10")
    desk.send(CAT, "sell", "0.50", "10")
    placed = desk.send(ANN, "buy", "0.51", "25")
    assert desk.fills() == [("o3", "10", "0.5"), ("o1", "10", "0.51"), ("o2", "5", "0.51")]
    assert (placed.state, placed.size, placed.cost) == ("matched", shares("25"), usd("12.65"))
    assert desk.book() == ({}, {"0.51": "5"})


@pytest.mark.parametrize(
    "maker, taker, kind, prints",
    [
        (("buy", "0.60", 0), ("sell", "0.60", 0), "complementary", (0, "sell", "0.60")),
        (("buy", "0.60", 0), ("buy", "0.45", 1), "mint", (1, "buy", "0.40")),
        (("sell", "0.60", 0), ("sell", "0.30", 1), "merge", (1, "sell", "0.40")),
        (("sell", "0.60", 1), ("buy", "0.70", 1), "complementary", (1, "buy", "0.60")),
    ],
)
def test_kinds_of_matches(maker: Any, taker: Any, kind: str, prints: Any) -> None:
    """Opposite sides trade; two buys make sets, two sells undo them; the taker gets the price."""
    desk = Desk()
    for account, (side, price, outcome) in ((ANN, maker), (BOB, taker)):
        desk.send(account, side, price, "10", outcome=outcome)
    (trade,) = desk.matched
    (fill,) = trade.makers
    assert (fill.kind, fill.price) == (kind, usd(maker[1]))
    outcome, side, price = prints
    assert desk.told(Traded) == [Traded(RAIN, outcome, side, usd(price), shares("10"), 0)]
    assert trade.cost == usd(price) * 10


def test_gtc_rests_with_what_it_did_not_get() -> None:
    """30 of a buy of 40 rest, and the placement says live with the 10 that matched."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    placed = desk.send(ANN, "buy", "0.55", "40")
    assert (placed.state, placed.size, placed.cost) == ("live", shares("10"), usd("5"))
    assert desk.book() == ({"0.55": "30"}, {})


def test_fok_takes_all_or_is_killed() -> None:
    """A FOK of 20 against 15 within its limit is refused and told with the venue's words."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "15")
    desk.send(BOB, "sell", "0.56", "15")
    placed = desk.send(ANN, "buy", "0.55", "20", "FOK")
    assert (placed.state, placed.reason) == ("refused", FOK_KILLED)
    (closed,) = desk.told(OrderClosed)
    assert closed.order.status == f"CANCELED_{FOK_KILLED}"
    assert not desk.matched
    assert desk.send(ANN, "buy", "0.56", "20", "FOK").state == "matched"


def test_fak_takes_what_there_is() -> None:
    """A FAK of 20 gets 15 and is over; a second one finds nothing and is refused."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "15")
    placed = desk.send(ANN, "buy", "0.55", "20", "FAK")
    assert (placed.state, placed.size) == ("matched", shares("15"))
    again = desk.send(ANN, "buy", "0.55", "20", "FAK")
    assert (again.state, again.reason) == ("refused", FAK_NOTHING)
    assert desk.book() == ({}, {})


def test_dollars_buy_more_shares_at_better_prices() -> None:
    """Ten dollars at most at 0.50 buy 10 at 0.40 and 12 at 0.50: 22 shares, not 20."""
    desk = Desk()
    desk.send(BOB, "sell", "0.40", "10")
    desk.send(BOB, "sell", "0.50", "100")
    placed = desk.spend(ANN, "10", "0.50", "FOK")
    assert (placed.state, placed.size, placed.cost) == ("matched", shares("22"), usd("10"))


def test_dollars_that_do_not_divide_buy_what_can_be_paid_exactly() -> None:
    """Ten dollars at 0.33 buy 30.303 shares: what costs whole micro-dollars on both sides."""
    desk = Desk()
    desk.send(BOB, "sell", "0.33", "100")
    placed = desk.spend(ANN, "10", "0.33", "FOK")
    assert (placed.state, placed.size, placed.cost) == ("matched", 30_303_000, 9_999_990)
    assert desk.book() == ({}, {"0.33": "69.697"})


def test_a_few_dollars_need_no_minimum_of_shares() -> None:
    """One dollar at 0.50 is two shares, below the minimum of resting orders, and fine."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "5")
    assert desk.spend(ANN, "1", "0.50", "FAK").state == "matched"
    assert desk.spend(ANN, "0.99", "0.50", "FAK").reason.endswith("($0.99), min size: $1")


@pytest.mark.parametrize("side, tif", [("sell", "FAK"), ("buy", "GTC")])
def test_only_a_buy_that_takes_is_given_in_dollars(side: Any, tif: Any) -> None:
    """A sale or a resting order with a budget is no order of this venue."""
    placed = Desk().send(ANN, side, "0.50", "10", tif, budget=usd("5"))
    assert (placed.state, placed.reason) == ("refused", "Invalid order payload")


def test_post_only_never_takes() -> None:
    """A post-only order at the other side's price is refused, one tick behind it rests."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    crossing = desk.send(ANN, "buy", "0.50", "10", post_only=True)
    assert crossing.reason == "invalid post-only order: order crosses book"
    assert desk.send(ANN, "buy", "0.49", "10", post_only=True).state == "live"


@pytest.mark.parametrize(
    "given, reason",
    [
        (("buy", "0.505", "10"), "order o1 is invalid. Price (0.505) breaks minimum tick"),
        (("buy", "1", "10"), "order o1 is invalid. Price (1) breaks minimum tick size rule: 0.01"),
        (("buy", "0.50", "4"), "order o1 is invalid. Size (4) lower than the minimum: 5"),
        (("buy", "0.01", "50", "FOK"), "invalid amount for a marketable BUY order ($0.5)"),
        (("buy", "0.50", "10", "GTD"), "invalid expiration"),
    ],
)
def test_the_venue_refuses_in_its_own_words(given: Any, reason: str) -> None:
    """Ticks, minimums and expiry are the one rule book's."""
    placed = Desk().send(ANN, *given)
    assert placed.state == "refused"
    assert placed.reason.startswith(reason)


def test_an_id_is_taken_once() -> None:
    """A known id is refused, whatever became of the order; a refused one was never known."""
    desk = Desk()
    sent = desk.order(ANN, "buy", "0.50", "10")
    assert desk.venue.submit(sent, 0).state == "live"
    duplicated = f"order {sent.id} is invalid. Duplicated."
    assert desk.venue.submit(sent, 0).reason == duplicated
    desk.cancel(sent.id)
    assert desk.venue.submit(sent, 0).reason == duplicated
    small = desk.order(ANN, "buy", "0.50", "1")
    refused = [desk.venue.submit(small, 0).reason for _ in range(2)]
    assert refused[0] == refused[1]
    assert "Duplicated" not in refused[0]


def test_an_unknown_market_has_no_book() -> None:
    """An order for a market that was never listed is refused as the venue does."""
    desk = Desk()
    desk.market = make_market("snow")
    reason = "No orderbook exists for the requested token id"
    assert desk.send(ANN, "buy", "0.50", "10").reason == reason


def test_an_order_never_meets_its_own_account() -> None:
    """A buy of NO that reaches one's own bid for YES is refused before it fills elsewhere."""
    desk = Desk()
    desk.send(BOB, "buy", "0.55", "10")
    desk.send(ANN, "buy", "0.50", "10")
    placed = desk.send(ANN, "buy", "0.50", "20", outcome=NO)
    assert placed.reason == "self-trade (taker_at_cross): would match our own resting order o2"
    assert not desk.matched
    assert desk.send(ANN, "buy", "0.45", "20", outcome=NO).state == "live"


# --- time ----------------------------------------------------------------------------------------


def test_gtd_leaves_the_book_at_its_time() -> None:
    """An order good until 200 s is there at 199 s and gone at 200 s."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "10", "GTD", good_until_ns=200 * SECOND)
    desk.go(199)
    assert desk.book() == ({"0.5": "10"}, {})
    desk.go(1)
    assert desk.book() == ({}, {})
    (closed,) = desk.told(OrderClosed)
    assert (closed.order.status, closed.at_ns) == ("CANCELED_EXPIRED_ORDER", 200 * SECOND)
    assert desk.money(ANN) == ("1000", "0", "0")


def test_an_order_that_ended_does_not_expire() -> None:
    """A cancelled GTD order is not told again at its time."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "10", "GTD", good_until_ns=200 * SECOND)
    desk.cancel("o1")
    desk.go(300)
    assert len(desk.told(OrderClosed)) == 1


def test_an_expired_order_meets_nobody_even_if_nobody_called() -> None:
    """Who submits at 200 s does not meet an order that was good until then."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "10", "GTD", good_until_ns=200 * SECOND)
    desk.now = 200 * SECOND
    assert desk.send(BOB, "sell", "0.50", "10").state == "live"
    assert not desk.matched


def test_expiries_do_not_pile_up() -> None:
    """Of ten thousand GTD orders that were cancelled, next to nothing is kept until they expire."""
    desk = Desk()
    for _ in range(10_000):
        placed = desk.send(ANN, "buy", "0.50", "10", "GTD", good_until_ns=10**6 * SECOND)
        desk.cancel(placed.id)
    assert len(desk.venue._arrivals._timers._heap) <= 1_001


def test_a_taker_is_held_and_then_matched() -> None:
    """For 150 ms it is delayed, cannot be cancelled and has its money reserved; then it trades."""
    desk = Desk(delay_ms=150)
    desk.send(BOB, "sell", "0.50", "10")
    assert desk.send(ANN, "buy", "0.50", "10").state == "delayed"
    assert desk.cancel("o2")[1]["o2"].startswith("order is delayed")
    everything = desk.venue.cancel_where(desk.now, owner="ann's key")
    assert (everything.cancelled, list(everything.kept)) == ((), ["o2"])
    assert desk.money(ANN) == ("1000", "5", "0")
    desk.go(0.149)
    assert not desk.matched
    desk.go(0.001)
    assert desk.fills() == [("o1", "10", "0.5")]
    assert desk.money(ANN) == ("1000", "0", "5")
    assert desk.venue.orders[OrderId("o2")].state == "matched"


def test_a_maker_can_leave_before_the_delay_is_over() -> None:
    """Then a GTC order rests, a FAK or FOK order is unmatched, and all money is free again."""
    for tif, status in (("GTC", "LIVE"), ("FAK", "UNMATCHED"), ("FOK", "UNMATCHED")):
        desk = Desk(delay_ms=150)
        desk.send(BOB, "sell", "0.50", "10")
        desk.send(ANN, "buy", "0.50", "10", tif)
        desk.cancel("o1")
        desk.go(1)
        order = desk.told(OrderRested)[1].order
        assert order.status == status
        assert desk.money(ANN) == ("1000", "5" if tif == "GTC" else "0", "0")


def test_a_delay_does_not_outlive_the_order() -> None:
    """An order signed long ago, good for another second, is not matched after two."""
    desk = Desk(delay_ms=2000)
    desk.go(300)
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10", "GTD", created_ns=0, good_until_ns=301 * SECOND)
    desk.go(5)
    assert not desk.matched
    (closed,) = desk.told(OrderClosed)
    assert (closed.order.status, closed.at_ns) == ("CANCELED_EXPIRED_ORDER", 302 * SECOND)


def test_only_what_would_take_is_delayed() -> None:
    """An order that rests is not held."""
    desk = Desk(delay_ms=150)
    assert desk.send(ANN, "buy", "0.50", "10").state == "live"


def test_a_delayed_order_does_not_meet_what_its_account_quoted_meanwhile() -> None:
    """The rule against oneself is asked again when the delay is over."""
    desk = Desk(delay_ms=150)
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.52", "20")
    desk.send(ANN, "sell", "0.52", "10")
    desk.go(1)
    (closed,) = desk.told(OrderClosed)
    assert closed.order.status.startswith("CANCELED_self-trade")
    assert not desk.matched


# --- cancelling ----------------------------------------------------------------------------------


def test_cancelling_says_what_went_and_why_the_rest_did_not() -> None:
    """An unknown, a matched and a foreign order are all not found."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "10")
    desk.send(ANN, "buy", "0.49", "10")
    desk.send(BOB, "buy", "0.48", "10")
    desk.send(BOB, "sell", "0.50", "10")
    gone, kept = desk.cancel("o1", "o2", "o3", "o9", owner="ann's key")
    assert gone == ["o2"]
    assert kept == {"o1": GONE, "o3": GONE, "o9": GONE}
    assert desk.book() == ({"0.48": "10"}, {})


def test_a_batch_is_one_step_of_the_book() -> None:
    """Three cancels at two prices are one change of two levels, then three ends."""
    desk = Desk()
    for price in ("0.50", "0.50", "0.49"):
        desk.send(ANN, "buy", price, "10")
    desk.events.clear()
    desk.cancel("o1", "o2", "o3", "o1")
    assert plain(desk.events) == ["BookMoved", *["OrderClosed"] * 3]
    (moved,) = desk.told(BookMoved)
    assert [(level.price, level.size) for level in moved.levels] == [
        (usd("0.50"), 0),
        (usd("0.49"), 0),
    ]


@pytest.mark.parametrize(
    "which, left",
    [
        ({"owner": "ann's key"}, ["o3"]),
        ({"account": BOB}, ["o1", "o2"]),
        ({"outcome": 1}, ["o1", "o3"]),
        ({"market": RAIN}, []),
        ({"market": MarketId(RAIN.venue, "snow")}, ["o1", "o2", "o3"]),
        ({"owner": "ann's key", "account": BOB}, ["o1", "o2", "o3"]),
    ],
)
def test_cancelling_by_what_orders_are(which: Any, left: list[str]) -> None:
    """Only orders that are all of what is given go."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "10")
    desk.send(ANN, "buy", "0.40", "10", outcome=NO)
    desk.send(BOB, "buy", "0.45", "10")
    if "outcome" in which:
        which = {"outcome": desk.market.outcome(which["outcome"])}
    desk.venue.cancel_where(0, **which)
    assert sorted(order.sent.id for order in desk.venue.resting(RAIN)) == left


@pytest.mark.parametrize(
    "mode, text, cancels",
    [
        ("disabled", "Trading is currently disabled. Check polymarket.com for updates", False),
        ("cancel_only", CANCEL_ONLY, True),
        ("post_only", "post-only mode: only post-only orders and cancels are accepted", True),
        ("down", "the matching engine is restarting", False),
    ],
)
def test_modes(mode: Any, text: str, cancels: bool) -> None:
    """Each mode refuses orders with its text; only some let orders be cancelled."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "10")
    desk.venue.mode = mode
    assert desk.send(BOB, "buy", "0.49", "10").reason == text
    quiet = desk.send(BOB, "buy", "0.48", "10", post_only=True)
    assert (quiet.state == "live") == (mode == "post_only")
    gone, kept = desk.cancel("o1")
    assert (gone, kept) == ((["o1"], {}) if cancels else ([], {"o1": text}))
    if not cancels:
        assert desk.venue.cancel_where(0).cancelled == ()


# --- the grid, the end ---------------------------------------------------------------------------


def test_beyond_96_cents_the_grid_is_finer() -> None:
    """With 0.96 bid and 0.97 asked the midpoint is beyond 0.96: the tick becomes 0.001."""
    desk = Desk()
    desk.send(ANN, "buy", "0.95", "10")
    desk.send(BOB, "sell", "0.97", "10")
    assert not desk.told(TicksMoved)
    desk.send(ANN, "buy", "0.96", "10")
    (moved,) = desk.told(TicksMoved)
    assert (moved.old, moved.new) == (uniform_ticks("0.01"), uniform_ticks("0.001"))
    assert desk.venue.ticks(RAIN) == moved.new
    assert desk.book() == ({"0.96": "10", "0.95": "10"}, {"0.97": "10"})
    assert desk.send(CAT, "buy", "0.965", "10").state == "live"


def test_the_last_trade_counts_when_the_spread_is_wide() -> None:
    """A trade at 0.03 with nothing near it makes the grid finer; a lonely bid does not."""
    desk = Desk()
    desk.send(ANN, "buy", "0.97", "10")
    assert not desk.told(TicksMoved)
    desk = Desk()
    desk.send(ANN, "buy", "0.03", "100")
    desk.send(BOB, "sell", "0.03", "100")
    assert plain(desk.events)[-1] == "TicksMoved"


def test_a_trade_far_away_counts_only_without_a_narrow_spread() -> None:
    """At 0.90 to 0.99 the midpoint counts; once the bid is at 0.88 it is the trade at 0.97."""
    desk = Desk()
    desk.send(BOB, "sell", "0.99", "10")
    desk.send(CAT, "buy", "0.88", "10")
    desk.send(CAT, "buy", "0.90", "10")
    desk.send(ANN, "sell", "0.97", "10")
    desk.send(CAT, "buy", "0.97", "10")
    assert not desk.told(TicksMoved)
    desk.cancel("o3")
    assert plain(desk.events)[-1] == "TicksMoved"


def test_a_coarser_grid_cancels_what_is_off_it() -> None:
    """From 0.001 to 0.01 the order at 0.505 goes before the new grid is told, the other stays."""
    desk = Desk(tick="0.001")
    desk.send(ANN, "buy", "0.505", "10")
    desk.send(ANN, "buy", "0.50", "10")
    desk.events.clear()
    desk.venue.change_ticks(RAIN, uniform_ticks("0.01", 7), 7)
    assert plain(desk.events) == ["BookMoved", "OrderClosed", "TicksMoved"]
    assert desk.book() == ({"0.5": "10"}, {})
    desk.venue.change_ticks(RAIN, uniform_ticks("0.01", 8), 8)
    assert len(desk.told(TicksMoved)) == 1


def test_dust_of_another_grid_is_no_order() -> None:
    """What no price can pay exactly is not left in the book to block it."""
    desk = Desk()
    desk.send(BOB, "sell", "0.33", "100")
    desk.spend(ANN, "10", "0.33", "FOK")  # 69.697 left: a multiple of 0.0001
    desk.venue.change_ticks(RAIN, uniform_ticks("0.001"), 0)
    desk.send(CAT, "sell", "0.331", "10")
    placed = desk.send(ANN, "buy", "0.331", "75")
    assert (placed.state, placed.size) == ("matched", shares("75"))
    assert desk.book() == ({}, {"0.331": "4.697"})


def test_a_resolved_market_has_no_orders_any_more() -> None:
    """Its orders, delayed ones too, end with the venue's word; new ones find no book."""
    desk = Desk(delay_ms=150)
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    desk.resolve()
    assert [closed.order.status for closed in desk.told(OrderClosed)] == [
        "CANCELED_MARKET_RESOLVED"
    ] * 2
    assert plain(desk.events)[-1] == "MarketEnded"
    assert desk.book() == ({}, {})
    reason = "No orderbook exists for the requested token id"
    assert desk.send(CAT, "buy", "0.50", "10").reason == reason
    desk.go(1)
    assert not desk.matched
    assert desk.money(ANN) == ("1000", "0", "0")


def test_a_closed_market_takes_no_orders_and_can_still_resolve() -> None:
    """After the proposal of an outcome the book is gone."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.venue.close(RAIN, 0)
    assert desk.told(OrderClosed)[0].order.status == "CANCELED"
    assert desk.send(ANN, "buy", "0.50", "10").state == "refused"
    desk.resolve()
    assert plain(desk.events)[-1] == "MarketEnded"


def test_a_market_is_opened_once() -> None:
    """A second book for a market is refused."""
    desk = Desk()
    with pytest.raises(ValueError, match="has a book already"):
        desk.venue.open_market(desk.market, delay_ms=0, maker_rebate=0, now=0)


# --- what stands for a recording -----------------------------------------------------------------


def recorded(desk: Desk, *given: Any, **other: Any) -> Any:
    return desk.venue.submit(desk.order(*given, **other), desk.now, recorded=True)


def test_a_recorded_order_is_asked_for_less() -> None:
    """Neither minimum nor mode nor delay stop it; the grid, its id and its money still do."""
    desk = Desk(delay_ms=150)
    desk.venue.mode = "disabled"
    assert recorded(desk, ANN, "sell", "0.50", "0.7").state == "live"
    assert recorded(desk, BOB, "buy", "0.50", "0.5").state == "matched"
    for price, size in (("0.505", "5"), ("1", "5"), ("0.50", "0")):
        assert recorded(desk, BOB, "buy", price, size).reason == "Invalid order payload"
    again = recorded(desk, BOB, "buy", "0.40", "5", id=OrderId("o1"))
    assert again.reason == "order o1 is invalid. Duplicated."
    assert "balance is not enough" in recorded(desk, BOB, "sell", "0.50", "5000").reason


def test_dust_is_swept_by_whoever_reaches_it() -> None:
    """What is too small to be paid for neither trades nor stops the orders behind it."""
    desk = Desk()
    recorded(desk, ANN, "sell", "0.33", "0.00005")
    desk.send(BOB, "sell", "0.33", "10")
    recorded(desk, CAT, "sell", "0.34", "0.00001")
    desk.events.clear()
    placed = desk.send(CAT, "buy", "0.33", "15")
    assert (placed.state, placed.size) == ("live", shares("10"))
    assert desk.fills() == [("o2", "10", "0.33")]
    assert plain(desk.events)[:3] == ["BookMoved", "OrderClosed", "BookMoved"]
    assert desk.book() == ({"0.33": "5"}, {"0.34": "0.00001"})
    assert desk.send(BOB, "buy", "0.34", "5").state == "live"
    assert desk.book() == ({"0.34": "5", "0.33": "5"}, {})
    assert recorded(desk, ANN, "sell", "0.34", "0.00001").reason == "there are no matching orders"


def test_dust_does_not_rest() -> None:
    """0.0005 left of a buy at 0.351, where a thousandth is the least that can be paid, end."""
    desk = Desk(tick="0.001")
    recorded(desk, BOB, "sell", "0.33", "9.9995")
    placed = desk.send(ANN, "buy", "0.351", "10")
    assert (placed.state, placed.size) == ("matched", shares("9.9995"))
    assert desk.book() == ({}, {})
    assert desk.money(ANN)[1] == "0"


def test_an_order_of_the_house_can_shrink_where_it_stands() -> None:
    """It keeps its turn and gives free what it no longer needs; to nothing is a cancel."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "20")
    desk.send(BOB, "buy", "0.50", "20")
    desk.venue.shrink(OrderId("o1"), shares("8"), 1)
    assert desk.book() == ({"0.5": "28"}, {})
    assert desk.money(ANN) == ("1000", "4", "0")
    desk.send(CAT, "sell", "0.50", "10")
    assert desk.fills() == [("o1", "8", "0.5"), ("o2", "2", "0.5")]
    desk.venue.shrink(OrderId("o2"), 0, 2)
    assert desk.book() == ({}, {})
    assert (desk.money(ANN), desk.money(BOB)) == (("1000", "0", "4"), ("1000", "0", "1"))
    for name, left in (("o1", 0), ("o2", 0), ("o9", 0)):
        with pytest.raises(ValueError, match="nothing to shrink"):
            desk.venue.shrink(OrderId(name), left, 3)
    desk.send(ANN, "buy", "0.50", "20")
    with pytest.raises(ValueError, match="nothing to shrink"):
        desk.venue.shrink(OrderId("o4"), shares("21"), 3)


def test_a_forgotten_market_leaves_nothing_that_nobody_has() -> None:
    """Its book goes, timers of its orders find nothing, and shares can still be redeemed."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "20", "GTD", good_until_ns=200 * SECOND)
    desk.resolve()
    for account in (ANN, BOB):
        desk.custody.redeem(account, RAIN)
    desk.venue.forget(RAIN)
    desk.go(300)
    assert desk.book() == ({}, {})
    with pytest.raises(KeyError):
        desk.venue.ticks(RAIN)
    assert [asset for asset, _ in desk.custody.assets(ANN)] == [None]
    assert desk.custody.redeem(CAT, RAIN) == usd("1000")
    desk.venue.forget(RAIN)
    assert RAIN not in desk.custody.payouts
    assert desk.custody.total() == usd("6000")


# --- what is told --------------------------------------------------------------------------------


def test_the_order_of_events() -> None:
    """One change of the book with absolute sizes, a print for each price, then orders and trade."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(CAT, "sell", "0.50", "10")
    desk.send(CAT, "sell", "0.51", "10")
    desk.events.clear()
    desk.send(ANN, "buy", "0.52", "40")
    assert plain(desk.events) == [
        "BookMoved", "Traded", "Traded", "OrderRested", "TradeMoved", *["OrderFilled"] * 4
    ]  # fmt: skip
    moved = desk.told(BookMoved)[-1]
    assert moved.traded
    assert [(level.bid, level.price, level.size) for level in moved.levels] == [
        (False, usd("0.50"), 0),
        (False, usd("0.51"), 0),
        (True, usd("0.52"), shares("10")),
    ]
    assert [print_.size for print_ in desk.told(Traded)] == [shares("20"), shares("10")]
    assert [filled.order.sent.id for filled in desk.told(OrderFilled)] == ["o4", "o1", "o2", "o3"]


def test_who_reacts_to_an_event_is_heard_after_it() -> None:
    """What a listener does meanwhile is told after the whole step it reacted to."""
    desk = Desk()

    def react(event: object) -> None:
        desk.events.append(event)  # type: ignore[arg-type] # events only
        if isinstance(event, BookMoved) and event.traded:
            desk.send(CAT, "sell", "0.60", "10")

    desk.venue._floor.news._emit = react
    desk.send(BOB, "sell", "0.50", "10")
    desk.events.clear()
    desk.send(ANN, "buy", "0.50", "10")
    assert plain(desk.events)[-2:] == ["BookMoved", "OrderRested"]
    assert plain(desk.events)[:2] == ["BookMoved", "Traded"]


def test_closed_orders_and_settled_trades_leave_after_a_while() -> None:
    """With two of each kept, of five closed orders and settled trades the last two are known."""
    desk = Desk(kept=2)
    for _ in range(5):
        desk.send(BOB, "sell", "0.50", "5")
        desk.send(ANN, "buy", "0.50", "5")
    assert len(desk.venue.trades) == 5
    for number in range(5):
        desk.settle("MINED", number)
        desk.settle("CONFIRMED", number)
    assert [trade.id for trade in desk.matched[-2:]] == list(desk.venue.trades)
    assert sorted(desk.venue.orders) == ["o10", "o9"]


def test_fees_and_rebates_of_a_match() -> None:
    """100 at 0.50 in crypto cost the taker 1.75; a fifth of it is the makers', by their size."""
    desk = Desk(polymarket_fees("0.07"), rebate="0.2")
    desk.send(BOB, "sell", "0.50", "75")
    desk.send(CAT, "sell", "0.50", "25")
    desk.send(ANN, "buy", "0.50", "100")
    (trade,) = desk.matched
    assert trade.fee == usd("1.75")
    assert [fill.rebate for fill in trade.makers] == [usd("0.2625"), usd("0.0875")]
    assert [fill.fee for fill in trade.makers] == [0, 0]
    assert all(isinstance(fill, MakerFill) for fill in trade.makers)
