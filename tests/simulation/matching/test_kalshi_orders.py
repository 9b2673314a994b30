"""Orders at Kalshi's exchange: two legs in one book, what is taken and what is refused."""

from __future__ import annotations

import pytest

from tests.simulation.matching.kalshi_floor import ANN, BOB, CID, COIN, GAME, Floor
from underround.model.ids import NO, YES, OrderId, OutcomeId
from underround.model.units import ONE, usd
from underround.simulation.matching.kalshi.terms import (
    Filled,
    GroupMoved,
    KalshiBookMoved,
    OrderChanged,
)
from underround.simulation.matching.terms import (
    OrderClosed,
    OrderRested,
    Placement,
    Submission,
    Traded,
    TradeMoved,
)


@pytest.fixture
def floor() -> Floor:
    return Floor()


def cancel(floor: Floor, placed: Placement) -> bool:
    return bool(floor.exchange.cancel([placed.id], floor.now).cancelled)


# --- the two legs --------------------------------------------------------------------------------


def test_an_ask_from_somebody_flat_opens_no_at_one_minus_its_price(floor: Floor) -> None:
    floor.place(ANN, "bid", 56, 10)
    floor.place(BOB, "ask", 56, 10)
    assert (floor.held(ANN), floor.held(BOB)) == (10 * ONE, -10 * ONE)
    assert floor.cash(ANN) == usd("994.40")
    assert floor.cash(BOB) == usd("995.60")
    assert floor.exchange.money.open_interest(GAME) == 10 * ONE


def test_yes_and_no_of_one_market_net_at_once_and_a_dollar_comes_back_for_each_pair(
    floor: Floor,
) -> None:
    floor.place(ANN, "bid", 56, 10)
    floor.place(BOB, "ask", 56, 10)
    floor.place(CID, "bid", 60, 4)
    floor.place(ANN, "ask", 60, 4)
    assert floor.held(ANN) == 6 * ONE
    assert floor.cash(ANN) == usd("994.40") + usd("2.40")
    assert floor.exchange.money.position((ANN, 0), GAME).realized == usd("0.16")
    assert floor.exchange.money.open_interest(GAME) == 10 * ONE


def test_an_order_beyond_the_position_closes_it_and_opens_the_other_side(floor: Floor) -> None:
    floor.place(ANN, "bid", 50, 5)
    floor.place(BOB, "ask", 50, 5)
    floor.place(CID, "bid", 40, 8)
    floor.place(ANN, "ask", 40, 8)
    held = floor.exchange.money.position((ANN, 0), GAME)
    assert held.contracts == -3 * ONE
    assert held.cost == usd("1.80")
    assert floor.cash(ANN) == usd("1000") - usd("2.50") + usd("2.00") - usd("1.80")


def test_a_plain_order_of_no_and_a_sale_of_yes_are_the_same_side_of_the_book(
    floor: Floor,
) -> None:
    def plain(number: int, outcome: int, side: str, price: int) -> Submission:
        return Submission(
            id=OrderId(f"plain{number}"), account=ANN, owner="", outcome=OutcomeId(GAME, outcome),
            side=side, price=price, size=ONE, tif="GTC", created_ns=floor.now,  # type: ignore[arg-type]  # a literal as text
        )  # fmt: skip

    assert floor.exchange.submit(plain(1, NO, "buy", 400_000), floor.now).state == "live"
    assert floor.exchange.submit(plain(2, YES, "sell", 600_000), floor.now).state == "live"
    assert floor.book() == ([], [(60.0, 2.0)])


def test_the_taker_gets_the_makers_price_and_the_older_order_goes_first(floor: Floor) -> None:
    first = floor.place(ANN, "ask", 55, 3)
    second = floor.place(BOB, "ask", 55, 3)
    floor.place(BOB, "ask", 54, 1)
    taken = floor.place(CID, "bid", 60, 5)
    assert (taken.state, taken.size, taken.cost) == ("matched", 5 * ONE, usd("2.74"))
    assert floor.exchange.orders[first.id].left == 0
    assert floor.exchange.orders[second.id].left == 2 * ONE
    assert [(print_.price, print_.size) for print_ in floor.of(Traded)] == [
        (540_000, ONE),
        (550_000, 3 * ONE),
        (550_000, ONE),
    ]


def test_every_trade_is_final_at_once_and_says_what_became_of_the_contracts(floor: Floor) -> None:
    floor.place(ANN, "bid", 50, 2)
    floor.place(BOB, "ask", 50, 2)
    floor.place(CID, "bid", 50, 1)
    floor.place(ANN, "ask", 50, 1)
    floor.place(BOB, "bid", 50, 1)
    floor.place(CID, "ask", 50, 1)
    trades = [moved.trade for moved in floor.of(TradeMoved)]
    assert [trade.makers[0].kind for trade in trades] == ["mint", "complementary", "merge"]
    assert {trade.status for trade in trades} == {"CONFIRMED"}


# --- times in force ------------------------------------------------------------------------------


def test_what_an_immediate_or_cancel_order_does_not_get_is_gone(floor: Floor) -> None:
    floor.place(ANN, "ask", 55, 3)
    taken = floor.place(BOB, "bid", 55, 5, "FAK")
    order = floor.exchange.orders[taken.id]
    assert (taken.size, order.status, order.remaining) == (3 * ONE, "canceled", 0)
    assert floor.book() == ([], [])
    assert floor.free(BOB) == usd("998.35")


def test_a_fill_or_kill_order_is_refused_whole_when_it_cannot_be_filled_whole(
    floor: Floor,
) -> None:
    floor.place(ANN, "ask", 55, 3)
    refused = floor.place(BOB, "bid", 55, 5, "FOK")
    assert refused.reason == "fill_or_kill_insufficient_resting_volume"
    assert floor.book() == ([], [(55.0, 3.0)])
    floor.place(CID, "ask", 56, 2)
    assert floor.place(BOB, "bid", 55, 5, "FOK").state == "refused"
    assert floor.place(BOB, "bid", 56, 5, "FOK").state == "matched"


def test_a_fill_or_kill_order_does_not_count_what_its_own_member_offers(floor: Floor) -> None:
    floor.place(ANN, "ask", 55, 3)
    floor.place(BOB, "ask", 55, 2)
    assert floor.place(BOB, "bid", 55, 5, "FOK").state == "refused"
    assert floor.place(BOB, "bid", 55, 3, "FOK").state == "matched"


def test_a_fill_or_kill_order_that_would_stop_at_its_own_member_is_refused_whole(
    floor: Floor,
) -> None:
    floor.place(ANN, "ask", 54, 1)
    floor.place(BOB, "ask", 55, 1)
    floor.place(ANN, "ask", 56, 1)
    assert floor.place(BOB, "bid", 60, 2, "FOK").state == "refused"
    assert floor.place(BOB, "bid", 60, 2, "FOK", self_trade="maker").state == "matched"


def test_an_order_with_an_end_leaves_the_book_at_that_time(floor: Floor) -> None:
    placed = floor.place(ANN, "bid", 40, 5, until_s=60)
    floor.wait(59)
    assert floor.exchange.orders[placed.id].state == "live"
    floor.wait(1)
    order = floor.exchange.orders[placed.id]
    assert (order.status, order.reason, floor.free(ANN)) == ("canceled", "expired", usd("1000"))
    assert [event.order.sent.id for event in floor.of(OrderClosed)] == [placed.id]


@pytest.mark.parametrize(
    "more, reason",
    [
        ({"post_only": True, "tif": "FAK"}, "invalid_order"),
        ({"reduce_only": True}, "invalid_order"),
        ({"until_s": -1}, "invalid_order: expiration_time has passed"),
        ({"cents": 50.5}, "invalid_price"),
        ({"cents": 100}, "invalid_price"),
        ({"contracts": 0}, "invalid_order: invalid count"),
        ({"contracts": 0.005}, "invalid_order: invalid count"),
        ({"contracts": 3000}, "insufficient_balance"),
        ({"group": "nobody's"}, "not_found: order group not found"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_the_venues_code(
    floor: Floor, more: dict[str, object], reason: str
) -> None:
    terms: dict[str, object] = {"cents": 50, "contracts": 10} | more
    sent = floor.order(ANN, "bid", **terms)  # type: ignore[arg-type]  # from the table above
    refused = floor.exchange.submit(sent, floor.now)
    assert refused.state == "refused"
    assert refused.reason.startswith(reason)
    assert floor.free(ANN) == usd("1000")
    assert floor.told == []


def test_a_market_with_tapered_bands_takes_the_prices_of_each_band(floor: Floor) -> None:
    for cents, taken in ((9.9, True), (10.5, False), (11, True), (90.1, True), (0.05, False)):
        placed = floor.place(ANN, "bid", cents, 0.01, "FAK", at=COIN)
        assert (placed.state != "refused") == taken, cents


def test_a_post_only_order_that_would_trade_is_refused(floor: Floor) -> None:
    floor.place(ANN, "ask", 55, 3)
    refused = floor.place(BOB, "bid", 55, 1, post_only=True)
    assert refused.reason == "invalid_order: post only cross"
    assert floor.place(BOB, "bid", 54, 1, post_only=True).state == "live"


def test_a_reduce_only_order_never_goes_beyond_the_position(floor: Floor) -> None:
    floor.place(ANN, "bid", 50, 2)
    floor.place(BOB, "ask", 50, 2)
    floor.place(CID, "bid", 49, 10)
    assert floor.place(CID, "ask", 40, 5, "FAK", reduce_only=True).state == "refused"
    sold = floor.place(ANN, "ask", 40, 5, "FAK", reduce_only=True)
    assert sold.size == 2 * ONE
    assert floor.held(ANN) == 0


def test_a_members_own_id_is_taken_only_once_even_after_the_order_is_gone(floor: Floor) -> None:
    placed = floor.place(ANN, "bid", 40, 1, client="mine")
    cancel(floor, placed)
    assert floor.place(ANN, "bid", 41, 1, client="mine").reason == "order_already_exists"
    assert floor.place(BOB, "bid", 41, 1, client="mine").state == "live"


# --- meeting oneself -----------------------------------------------------------------------------


def test_an_order_stops_where_it_would_meet_its_own_member(floor: Floor) -> None:
    floor.place(ANN, "ask", 54, 1)
    floor.place(BOB, "ask", 55, 1)
    floor.place(ANN, "ask", 56, 1)
    taken = floor.place(BOB, "bid", 60, 3)
    assert taken.size == ONE
    assert floor.exchange.orders[taken.id].reason == "self_trade_prevented"
    assert floor.book() == ([], [(55.0, 1.0), (56.0, 1.0)])


def test_with_maker_the_own_resting_order_goes_and_the_new_one_goes_on(floor: Floor) -> None:
    floor.place(ANN, "ask", 54, 1)
    mine = floor.place(BOB, "ask", 55, 1)
    floor.place(ANN, "ask", 56, 1)
    taken = floor.place(BOB, "bid", 60, 3, self_trade="maker")
    assert taken.size == 2 * ONE
    assert floor.exchange.orders[mine.id].reason == "self_trade_prevented"
    assert floor.book() == ([(60.0, 1.0)], [])


# --- money that is bound -------------------------------------------------------------------------


def test_a_resting_order_binds_its_cost_and_a_closing_one_binds_nothing(floor: Floor) -> None:
    floor.place(ANN, "bid", 40, 100)
    assert floor.free(ANN) == usd("960")
    floor.place(BOB, "ask", 40, 100)
    assert floor.free(ANN) == usd("960")
    floor.place(ANN, "ask", 70, 100)
    assert floor.free(ANN) == usd("960")
    floor.place(ANN, "ask", 75, 10)
    assert floor.free(ANN) == usd("957.50")


def test_bids_and_asks_of_one_market_are_bound_together(floor: Floor) -> None:
    """Ten at 40 cents and ten NO at 30: either may be filled first."""
    floor.place(ANN, "bid", 40, 10)
    floor.place(ANN, "ask", 70, 10)
    assert floor.free(ANN) == usd("993")


def test_money_of_one_shard_does_not_pay_for_orders_on_another(floor: Floor) -> None:
    floor.exchange.money.withdraw(ANN, usd("995"), shard=2)
    assert floor.place(ANN, "bid", 50, 11, at=COIN).reason == "insufficient_balance"
    assert floor.place(ANN, "bid", 50, 11).state == "live"
    assert floor.place(ANN, "bid", 50, 9, at=COIN).state == "live"


def test_what_is_bound_cannot_be_taken_out(floor: Floor) -> None:
    floor.place(ANN, "bid", 50, 1000)
    with pytest.raises(ValueError, match="500000000 free"):
        floor.exchange.money.withdraw(ANN, usd("500.01"))
    floor.exchange.money.withdraw(ANN, usd("500"))
    assert floor.free(ANN) == 0


def test_a_subaccount_has_money_and_positions_of_its_own(floor: Floor) -> None:
    assert floor.place(ANN, "bid", 50, 1, subaccount=1).reason == "insufficient_balance"
    floor.exchange.money.deposit(ANN, usd("1"), subaccount=1)
    floor.place(ANN, "bid", 50, 1, subaccount=1)
    floor.place(BOB, "ask", 50, 1)
    assert floor.exchange.money.position((ANN, 1), GAME).contracts == ONE
    assert floor.held(ANN) == 0


# --- changing ------------------------------------------------------------------------------------


def amend(floor: Floor, placed: Placement, cents: float, contracts: float, **more: object) -> str:
    done = floor.exchange.amend(
        placed.id, floor.now, account=ANN, yes_price=round(cents * 10_000),
        size=round(contracts * ONE), **more,  # type: ignore[arg-type]  # passed on as it came
    )  # fmt: skip
    return done.reason if done.state == "refused" else done.state


def test_a_smaller_size_or_another_end_keeps_the_place_in_the_queue(floor: Floor) -> None:
    first = floor.place(ANN, "bid", 50, 5)
    floor.place(BOB, "bid", 50, 5)
    assert amend(floor, first, 50, 3) == "live"
    assert amend(floor, first, 50, 3, good_until_ns=floor.now + 10**9) == "live"
    assert [order.sent.account for order in floor.exchange.resting(GAME)] == [ANN, BOB]
    assert floor.book() == ([(50.0, 8.0)], [])
    assert [event.order.reason for event in floor.of(OrderChanged)] == ["amended"] * 2
    floor.wait(1)
    assert floor.exchange.orders[first.id].reason == "expired"


def test_an_order_whose_end_was_put_off_stays_until_the_new_one(floor: Floor) -> None:
    placed = floor.place(ANN, "bid", 50, 5, until_s=5)
    assert amend(floor, placed, 50, 5, good_until_ns=floor.now + 10 * 10**9) == "live"
    floor.wait(6)
    assert floor.exchange.orders[placed.id].state == "live"
    floor.wait(4)
    assert floor.exchange.orders[placed.id].reason == "expired"


def test_a_larger_size_or_another_price_goes_to_the_end_of_the_queue(floor: Floor) -> None:
    first = floor.place(ANN, "bid", 50, 5)
    floor.place(BOB, "bid", 50, 5)
    assert amend(floor, first, 50, 6) == "live"
    assert [order.sent.account for order in floor.exchange.resting(GAME)] == [BOB, ANN]
    assert amend(floor, first, 51, 6) == "live"
    assert floor.book() == ([(51.0, 6.0), (50.0, 5.0)], [])
    assert floor.free(ANN) == usd("1000") - usd("3.06")


def test_an_amended_order_may_trade_and_counts_what_it_had_before(floor: Floor) -> None:
    first = floor.place(ANN, "bid", 50, 5)
    floor.place(BOB, "ask", 50, 2)
    floor.place(CID, "ask", 55, 10)
    assert amend(floor, first, 55, 2) == "invalid_order: count is not above what has filled"
    assert amend(floor, first, 55, 6) == "matched"
    assert floor.held(ANN) == 6 * ONE
    assert floor.book() == ([], [(55.0, 6.0)])


def test_an_amendment_that_is_refused_changes_nothing(floor: Floor) -> None:
    first = floor.place(ANN, "bid", 50, 5, post_only=True, client="a")
    floor.place(ANN, "bid", 49, 5, client="b")
    floor.place(BOB, "ask", 55, 10)
    before = list(floor.told)
    assert amend(floor, first, 55, 5) == "invalid_order: post only cross"
    assert amend(floor, first, 50, 5000) == "insufficient_balance"
    assert amend(floor, first, 50.5, 5).startswith("invalid_price")
    assert amend(floor, first, 50, 4, client="b") == "order_already_exists"
    assert floor.exchange.amend(
        first.id, floor.now, account=BOB, yes_price=500_000, size=ONE
    ).reason == "not_found"  # fmt: skip
    assert floor.told == before
    assert floor.free(ANN) == usd("1000") - usd("4.95")
    assert amend(floor, first, 50, 4, client="c") == "live"
    assert floor.exchange.named[ANN, "c"] == first.id
    assert (ANN, "a") not in floor.exchange.named


def test_a_decrease_keeps_the_place_and_to_nothing_it_is_a_cancel(floor: Floor) -> None:
    first = floor.place(ANN, "bid", 50, 5)
    floor.place(BOB, "bid", 50, 5)
    assert floor.exchange.decrease(first.id, floor.now, account=ANN, left=2 * ONE).state == "live"
    assert floor.exchange.decrease(first.id, floor.now, account=ANN, left=9 * ONE).state == (
        "refused"
    )
    assert [order.left for order in floor.exchange.resting(GAME)] == [2 * ONE, 5 * ONE]
    assert floor.free(ANN) == usd("999")
    assert floor.exchange.decrease(first.id, floor.now, account=ANN, left=0).state == "cancelled"
    assert floor.free(ANN) == usd("1000")


def test_only_its_own_member_cancels_an_order_and_only_once(floor: Floor) -> None:
    placed = floor.place(ANN, "bid", 50, 5)
    told = floor.exchange.cancel([placed.id, OrderId("none")], floor.now, account=BOB)
    assert told.kept == {placed.id: "not_found", OrderId("none"): "not_found"}
    assert cancel(floor, placed)
    assert not cancel(floor, placed)


def test_cancelling_everything_of_an_owner_leaves_the_others(floor: Floor) -> None:
    floor.place(ANN, "bid", 50, 5)
    floor.place(ANN, "bid", 50, 5, at=COIN)
    floor.place(BOB, "bid", 50, 5)
    gone = floor.exchange.cancel_where(floor.now, account=ANN, market=COIN)
    assert len(gone.cancelled) == 1
    gone = floor.exchange.cancel_where(floor.now, owner="key of ann")
    assert len(gone.cancelled) == 1
    assert [order.sent.account for order in floor.exchange.resting(GAME)] == [BOB]


# --- what is told --------------------------------------------------------------------------------


def test_one_order_is_told_as_taken_then_filled_then_as_one_change_of_the_book(
    floor: Floor,
) -> None:
    floor.place(ANN, "ask", 54, 1)
    floor.place(BOB, "ask", 55, 1)
    floor.told.clear()
    placed = floor.place(CID, "bid", 56, 3)
    assert isinstance(floor.told[0], OrderRested)
    assert [fill.fill.taker for fill in floor.of(Filled)] == [False, True] * 2
    last = floor.told[-1]
    assert isinstance(last, KalshiBookMoved)
    assert last.traded
    assert last.cause is floor.exchange.orders[placed.id]
    assert [(level.bid, level.price, level.size) for level in last.levels] == [
        (False, 540_000, 0),
        (False, 550_000, 0),
        (True, 560_000, ONE),
    ]


def test_who_acts_on_what_is_told_is_told_of_it_afterwards() -> None:
    floor = Floor()
    told: list[object] = []

    def listen(event: object) -> None:
        told.append(event)
        if isinstance(event, Filled) and event.fill.taker and event.fill.account == CID:
            floor.place(ANN, "ask", 57, 1)

    floor.exchange._emit = listen
    floor.place(ANN, "ask", 54, 1)
    floor.place(CID, "bid", 56, 3)
    moves = [event for event in told if isinstance(event, KalshiBookMoved)]
    assert [[(level.price, level.size) for level in each.levels] for each in moves] == [
        [(540_000, ONE)],
        [(540_000, 0), (560_000, 2 * ONE)],
        [(570_000, ONE)],
    ]


# --- order groups --------------------------------------------------------------------------------


def test_a_group_that_reaches_its_limit_is_cancelled_whole_and_takes_nothing_until_reset(
    floor: Floor,
) -> None:
    group = floor.exchange.groups.create((ANN, 0), 0, 5 * ONE, floor.now)
    first = floor.place(ANN, "ask", 50, 3, group=group.id)
    second = floor.place(ANN, "ask", 51, 9, group=group.id)
    free = floor.place(ANN, "ask", 52, 1)
    floor.place(BOB, "bid", 51, 5)
    assert group.triggered
    assert floor.exchange.orders[first.id].state == "matched"
    assert floor.exchange.orders[second.id].reason == "order_group"
    assert floor.exchange.orders[free.id].state == "live"
    assert floor.place(ANN, "ask", 60, 1, group=group.id).reason == "order_group_triggered"
    floor.exchange.groups.reset(group, floor.now)
    assert [event.change for event in floor.of(GroupMoved)] == ["created", "triggered", "reset"]
    assert floor.place(ANN, "ask", 60, 1, group=group.id).state == "live"


def test_matches_older_than_fifteen_seconds_do_not_count(floor: Floor) -> None:
    group = floor.exchange.groups.create((ANN, 0), 0, 5 * ONE, floor.now)
    floor.place(ANN, "ask", 50, 20, group=group.id)
    floor.place(BOB, "bid", 50, 4)
    floor.wait(15)
    floor.place(BOB, "bid", 50, 4)
    assert floor.book() == ([], [(50.0, 12.0)])
    floor.wait(14.9)
    floor.place(BOB, "bid", 50, 1)
    assert floor.book() == ([], [])
    assert group.triggered


def test_an_arriving_order_of_a_group_stops_where_the_group_is_triggered(floor: Floor) -> None:
    group = floor.exchange.groups.create((ANN, 0), 0, 5 * ONE, floor.now)
    resting = floor.place(ANN, "bid", 10, 1, group=group.id)
    floor.place(BOB, "ask", 50, 5)
    floor.place(CID, "ask", 51, 5)
    taken = floor.place(ANN, "bid", 55, 9, group=group.id)
    assert taken.size == 5 * ONE
    assert floor.exchange.orders[taken.id].reason == "order_group_triggered"
    assert floor.exchange.orders[resting.id].state == "cancelled"
    assert floor.book() == ([], [(51.0, 5.0)])


def test_an_amended_order_stays_in_its_group_and_arrives_like_a_new_one(floor: Floor) -> None:
    group = floor.exchange.groups.create((ANN, 0), 0, 5 * ONE, floor.now)
    first = floor.place(ANN, "bid", 40, 9, group=group.id)
    floor.place(BOB, "ask", 50, 5)
    floor.place(CID, "ask", 50, 15)
    assert amend(floor, first, 41, 9) == "live"
    assert list(group.orders) == [first.id]
    assert amend(floor, first, 50, 9) == "cancelled"
    order = floor.exchange.orders[first.id]
    assert (order.filled, order.reason) == (5 * ONE, "order_group_triggered")
    assert group.orders == {}
    assert len(floor.of(OrderClosed)) == 1


def test_a_lower_limit_may_trigger_a_group_and_a_deleted_one_cancels_its_orders(
    floor: Floor,
) -> None:
    groups = floor.exchange.groups
    group = groups.create((ANN, 0), 0, 50 * ONE, floor.now)
    floor.place(ANN, "ask", 50, 20, group=group.id)
    floor.place(BOB, "bid", 50, 4)
    groups.limit(group, 4 * ONE, floor.now)
    assert group.triggered
    groups.reset(group, floor.now)
    placed = floor.place(ANN, "ask", 50, 1, group=group.id)
    groups.delete(group, floor.now)
    assert floor.exchange.orders[placed.id].state == "cancelled"
    assert groups.of((ANN, 0), group.id) is None
    with pytest.raises(ValueError, match="outside 1"):
        groups.create((ANN, 0), 0, ONE // 2, floor.now)


def test_a_group_of_another_shard_or_member_is_as_good_as_none(floor: Floor) -> None:
    group = floor.exchange.groups.create((ANN, 0), 2, 5 * ONE, floor.now)
    assert floor.place(ANN, "bid", 50, 1, group=group.id).state == "refused"
    assert floor.place(BOB, "bid", 50, 1, group=group.id, at=COIN).state == "refused"
    assert floor.place(ANN, "bid", 50, 1, group=group.id, at=COIN).state == "live"


def test_the_contracts_ahead_are_those_of_better_prices_and_of_older_orders(floor: Floor) -> None:
    floor.place(ANN, "bid", 50, 5)
    floor.place(BOB, "bid", 52, 3)
    mine = floor.place(CID, "bid", 50, 5)
    floor.place(BOB, "bid", 50, 7)
    assert floor.exchange.ahead(floor.exchange.orders[mine.id]) == 8 * ONE
