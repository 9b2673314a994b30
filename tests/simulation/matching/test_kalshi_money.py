"""Kalshi's money: fees as the venue charges them, pauses, the end of markets, and what is kept."""

from __future__ import annotations

import pytest

from tests.simulation.matching.kalshi_floor import ANN, BOB, CID, COIN, GAME, SECOND, START, Floor
from tests.simulation.matching.kalshi_floor import market as make_market
from underround.model.fees import KalshiFees
from underround.model.ids import KALSHI, MarketId
from underround.model.market import uniform_ticks
from underround.model.units import ONE, usd
from underround.simulation.matching.kalshi.terms import (
    Filled,
    PositionMoved,
    Settled,
    StageMoved,
)
from underround.simulation.matching.terms import MarketEnded, OrderClosed, TicksMoved


def fees_of(floor: Floor) -> list[int]:
    return [event.fee for event in (told.fill for told in floor.of(Filled)) if event.taker]


# --- fees ----------------------------------------------------------------------------------------


def test_one_contract_at_52_cents_costs_the_fee_that_was_seen_at_the_venue() -> None:
    floor = Floor(fees=KalshiFees())
    floor.place(ANN, "bid", 48, 1)
    floor.place(BOB, "ask", 48, 1)
    assert fees_of(floor) == [usd("0.0175")]
    assert floor.cash(BOB) == usd("1000") - usd("0.5375")
    assert floor.cash(ANN) == usd("1000") - usd("0.48")
    assert floor.exchange.money.fees == usd("0.0175")


@pytest.mark.parametrize(
    "cents, contracts, taker, maker",
    [
        (5, 1, "0.0034", "0.0009"),
        (25, 1, "0.0132", "0.0033"),
        (50, 1, "0.0175", "0.0044"),
        (5, 100, "0.3325", "0.0832"),
        (25, 100, "1.3125", "0.3282"),
        (50, 100, "1.75", "0.4375"),
    ],
)
def test_fees_follow_the_published_table_for_direct_members(
    cents: float, contracts: float, taker: str, maker: str
) -> None:
    floor = Floor(fees=KalshiFees(maker_share=250_000))
    floor.place(ANN, "bid", cents, contracts)
    floor.place(BOB, "ask", cents, contracts)
    made, taken = (told.fill for told in floor.of(Filled))
    assert (taken.fee, made.fee) == (usd(taker), usd(maker))


def test_the_balance_stays_a_multiple_of_a_hundredth_of_a_cent() -> None:
    floor = Floor(fees=KalshiFees())
    # 0.03 contracts at 33.1 cents: 0.00993 dollars, and a fee of 0.000465.
    floor.exchange.change_ticks(GAME, uniform_ticks("0.001"), floor.now)
    floor.place(ANN, "ask", 33.1, 0.03)
    floor.place(BOB, "bid", 33.1, 0.03)
    assert fees_of(floor) == [usd("0.0005") + 70]
    assert floor.cash(BOB) == usd("1000") - usd("0.0105")
    assert floor.cash(ANN) == usd("1000") - usd("0.0201")


def test_rounding_fees_of_one_order_are_paid_back_by_the_cent() -> None:
    floor = Floor(fees=KalshiFees())
    floor.exchange.change_ticks(GAME, uniform_ticks("0.0001"), floor.now)
    mine = floor.place(BOB, "bid", 33.01, 4, post_only=True)
    order = floor.exchange.orders[mine.id]
    # Each fill costs 0.003301 dollars, rounded to 0.0034: 99 micro-dollars too much.
    for _ in range(101):
        floor.place(ANN, "ask", 33.01, 0.01)
    assert order.rounding == 101 * 99
    assert order.maker_fees == 101 * 99
    floor.place(ANN, "ask", 33.01, 2.99)
    assert floor.held(BOB) == 4 * ONE
    assert order.rounding == 101 * 99 + 1
    # A rebate of a whole cent would make this fill cheaper than nothing: it waits for a larger one.
    assert order.maker_fees == 101 * 99 + 1


def test_a_rebate_lowers_the_fee_of_the_fill_that_reaches_a_cent() -> None:
    floor = Floor(fees=KalshiFees(maker_share=ONE))
    floor.exchange.change_ticks(GAME, uniform_ticks("0.0001"), floor.now)
    mine = floor.place(BOB, "bid", 33.01, 4)
    order = floor.exchange.orders[mine.id]
    for _ in range(102):
        floor.place(ANN, "ask", 33.01, 0.01)
    before, rounded = order.maker_fees, order.rounding
    assert rounded > usd("0.01")
    floor.place(ANN, "ask", 33.01, 2.98)
    alone = KalshiFees().fee(330_100, 2_980_000, taker=True)
    assert order.maker_fees - before == alone - usd("0.01")
    assert order.rounding < usd("0.01")


def test_a_half_multiplier_halves_the_fee_and_changed_fees_hold_from_then_on() -> None:
    floor = Floor(fees=KalshiFees(multiplier=500_000))
    floor.place(ANN, "bid", 50, 200)
    floor.place(BOB, "ask", 50, 100)
    floor.exchange.change_fees(GAME, KalshiFees(), floor.now)
    floor.place(BOB, "ask", 50, 100)
    assert fees_of(floor) == [usd("0.875"), usd("1.75")]


def test_an_account_without_a_cent_to_spare_owes_no_rounding() -> None:
    floor = Floor(fees=KalshiFees())
    floor.exchange.change_ticks(GAME, uniform_ticks("0.0001"), floor.now)
    floor.exchange.money.withdraw(BOB, usd("1000") - usd("0.3301"))
    floor.place(BOB, "bid", 33.01, 1)
    assert floor.free(BOB) == 0
    for _ in range(100):
        floor.place(ANN, "ask", 33.01, 0.01)
    assert floor.held(BOB) == ONE
    assert floor.cash(BOB) == 0


# --- the life of a market ------------------------------------------------------------------------


def test_a_market_takes_orders_from_its_opening_to_its_close() -> None:
    floor = Floor()
    late = MarketId(KALSHI, "KXLATE-26-X")
    floor.exchange.open_market(
        make_market(late, opens_ns=START + 10 * SECOND, closes_ns=START + 20 * SECOND),
        shard=0,
        now=floor.now,
    )
    assert floor.place(ANN, "bid", 50, 1, at=late).reason == "market_inactive"
    floor.wait(10)
    resting = floor.place(ANN, "bid", 50, 1, at=late)
    assert resting.state == "live"
    floor.wait(10)
    assert floor.exchange.orders[resting.id].reason == "market_closed"
    assert floor.place(ANN, "bid", 50, 1, at=late).reason == "market_inactive"
    told = floor.exchange.cancel([resting.id], floor.now)
    assert told.kept == {resting.id: "market_inactive"}
    assert [event.stage for event in floor.of(StageMoved)] == ["active", "closed"]
    assert [event.closes_ns for event in floor.of(StageMoved)] == [None, None]


def test_a_market_that_ends_early_says_when_trading_ended() -> None:
    floor = Floor()
    floor.wait(100)
    floor.end("1", at=COIN)
    assert [(event.stage, event.closes_ns) for event in floor.of(StageMoved)] == [
        ("closed", START + 100 * SECOND),
        ("determined", None),
        ("finalized", None),
    ]
    floor.wait(1000)
    assert len(floor.of(StageMoved)) == 3


def test_a_result_is_paid_after_the_settlement_timer() -> None:
    floor = Floor(timer_s=6)
    floor.place(ANN, "bid", 60, 10)
    floor.place(BOB, "ask", 60, 10)
    resting = floor.place(CID, "bid", 20, 10)
    floor.end("1")
    assert floor.exchange.orders[resting.id].state == "cancelled"
    assert floor.exchange.stage(GAME) == "determined"
    assert len(floor.of(MarketEnded)) == 1
    assert floor.cash(ANN) == usd("994")
    floor.wait(6)
    assert floor.exchange.stage(GAME) == "finalized"
    assert (floor.cash(ANN), floor.cash(BOB), floor.cash(CID)) == (
        usd("1004"), usd("996"), usd("1000"),
    )  # fmt: skip
    paid = [event.settlement for event in floor.of(Settled)]
    assert [(each.account, each.contracts, each.revenue, each.result) for each in paid] == [
        (ANN, 10 * ONE, usd("10"), "yes"),
        (BOB, -10 * ONE, 0, "yes"),
    ]
    assert floor.exchange.money.backing == {}
    with pytest.raises(ValueError, match="has a result already"):
        floor.end("0")


def test_a_void_pays_yes_the_fair_price_and_no_the_rest() -> None:
    floor = Floor()
    floor.place(ANN, "bid", 60, 10.6)
    floor.place(BOB, "ask", 60, 10.6)
    floor.end("0.597")
    paid = [event.settlement for event in floor.of(Settled)]
    assert [(each.result, each.revenue) for each in paid] == [
        ("scalar", usd("6.3282")),
        ("scalar", usd("4.2718")),
    ]


def test_what_a_payout_is_rounded_by_goes_to_the_exchange() -> None:
    floor = Floor()
    floor.place(ANN, "bid", 60, 0.01)
    floor.place(BOB, "ask", 60, 0.01)
    before = floor.exchange.money.total()
    floor.end("0.333333")
    assert [event.settlement.revenue for event in floor.of(Settled)] == [3_300, 6_600]
    assert floor.exchange.money.fees == 100
    assert floor.exchange.money.total() == before


def test_a_holder_who_sold_everything_before_the_end_is_told_and_paid_nothing() -> None:
    floor = Floor()
    floor.place(ANN, "bid", 60, 1)
    floor.place(BOB, "ask", 60, 1)
    floor.place(CID, "bid", 70, 1)
    floor.place(ANN, "ask", 70, 1)
    floor.end("0")
    paid = {event.settlement.account: event.settlement for event in floor.of(Settled)}
    assert (paid[ANN].contracts, paid[ANN].revenue) == (0, 0)
    assert floor.cash(ANN) == usd("1000.10")
    last = floor.of(PositionMoved)[-1]
    assert (last.position.contracts, last.position.settled) == (0, True)


# --- pauses --------------------------------------------------------------------------------------


def test_a_trading_pause_takes_cancels_only_and_cancels_what_asked_for_it() -> None:
    floor = Floor()
    stays = floor.place(ANN, "bid", 50, 1)
    goes = floor.place(ANN, "bid", 49, 1, cancel_on_pause=True)
    floor.exchange.set_mode("trading_paused", floor.now)
    assert floor.exchange.orders[goes.id].reason == "exchange_paused"
    assert floor.place(ANN, "bid", 40, 1).reason == "trading_is_paused"
    assert floor.exchange.decrease(stays.id, floor.now, account=ANN, left=0).reason == (
        "trading_is_paused"
    )
    assert floor.exchange.cancel([stays.id], floor.now).cancelled == (stays.id,)
    floor.exchange.set_mode("open", floor.now)
    assert floor.place(ANN, "bid", 40, 1).state == "live"


def test_while_the_exchange_is_paused_nothing_can_even_be_cancelled() -> None:
    floor = Floor()
    stays = floor.place(ANN, "bid", 50, 1)
    floor.exchange.set_mode("exchange_paused", floor.now)
    assert floor.exchange.cancel([stays.id], floor.now).kept == {stays.id: "exchange_is_paused"}
    floor.exchange.set_mode("open", floor.now)
    assert floor.exchange.cancel([stays.id], floor.now).cancelled == (stays.id,)


def test_a_halted_market_takes_cancels_only_and_its_orders_go_when_it_proceeds() -> None:
    floor = Floor()
    one, two = floor.place(ANN, "bid", 50, 1), floor.place(ANN, "bid", 49, 1)
    floor.exchange.halt(GAME, floor.now)
    assert floor.place(ANN, "bid", 40, 1).reason == "market_inactive"
    assert floor.exchange.cancel([one.id], floor.now).cancelled == (one.id,)
    floor.exchange.proceed(GAME, floor.now)
    assert floor.exchange.orders[two.id].reason == "market_reactivated"
    assert [event.stage for event in floor.of(StageMoved)] == ["inactive", "active"]
    assert floor.place(ANN, "bid", 40, 1).state == "live"


# --- grids and memory ----------------------------------------------------------------------------


def test_orders_off_a_new_price_grid_are_cancelled() -> None:
    floor = Floor()
    floor.exchange.change_ticks(GAME, uniform_ticks("0.001"), floor.now)
    fine, coarse = floor.place(ANN, "bid", 50.5, 1), floor.place(ANN, "bid", 50, 1)
    floor.exchange.change_ticks(GAME, uniform_ticks("0.01"), floor.now)
    assert floor.exchange.orders[fine.id].reason == "price_levels_changed"
    assert floor.exchange.orders[coarse.id].state == "live"
    assert len(floor.of(TicksMoved)) == 2
    with pytest.raises(ValueError, match="finer than"):
        floor.exchange.change_ticks(GAME, uniform_ticks("0.00001"), floor.now)


def test_a_market_on_which_money_would_not_come_out_whole_is_not_opened() -> None:
    floor = Floor()
    other = MarketId(KALSHI, "KXOTHER-26-X")
    with pytest.raises(ValueError, match="finer than"):
        floor.exchange.open_market(
            make_market(other, ticks=uniform_ticks("0.00001")), shard=0, now=floor.now
        )
    with pytest.raises(ValueError, match="open already"):
        floor.exchange.open_market(make_market(GAME), shard=0, now=floor.now)


def test_orders_that_ended_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("underround.simulation.matching.kalshi.core._KEPT", 3)
    floor = Floor()
    placed = [floor.place(ANN, "bid", 50, 1, "FAK", client=f"c{n}") for n in range(5)]
    assert list(floor.exchange.orders) == [each.id for each in placed[2:]]
    assert len(floor.exchange.named) == 3
    assert len(floor.of(OrderClosed)) == 5


def test_a_member_does_not_make_another_ones_orders_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("underround.simulation.matching.kalshi.core._KEPT", 3)
    floor = Floor()
    mine = floor.place(BOB, "bid", 50, 1, "FAK")
    for _ in range(9):
        floor.place(ANN, "bid", 50, 1, "FAK")
    assert mine.id in floor.exchange.orders


def test_a_market_is_forgotten_once_it_was_paid_and_its_orders_can_still_be_looked_up() -> None:
    floor = Floor(timer_s=6)
    placed = floor.place(ANN, "bid", 60, 1)
    floor.place(BOB, "ask", 60, 1)
    resting = floor.place(ANN, "bid", 50, 1)
    floor.end("1")
    with pytest.raises(ValueError, match="not paid yet"):
        floor.exchange.forget(GAME)
    floor.wait(6)
    floor.exchange.forget(GAME)
    assert floor.exchange.orders[placed.id].status == "executed"
    assert floor.exchange.cancel([resting.id], floor.now).kept == {resting.id: "not_found"}
    assert floor.exchange.decrease(resting.id, floor.now, account=ANN, left=0).state == "refused"
    assert floor.place(ANN, "bid", 60, 1).reason == "not_found"


def test_settled_positions_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("underround.simulation.matching.kalshi.money._ENDED", 1)
    floor = Floor()
    floor.place(ANN, "bid", 60, 1)
    floor.place(BOB, "ask", 60, 1)
    floor.end("0")
    assert [len(each) for each in floor.exchange.money.positions.values()] == [0, 1]


def test_cash_is_paid_in_and_out_in_whole_and_real_amounts() -> None:
    floor = Floor()
    with pytest.raises(ValueError, match="cannot be paid in"):
        floor.exchange.money.deposit(ANN, -1)
    with pytest.raises(ValueError, match="free"):
        floor.exchange.money.withdraw(ANN, -1)
