"""Whose money an order needs, what a match binds, what settlement moves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation.matching.desk import ANN, BOB, CAT, RAIN, Desk
from underround.model.errors import Bug
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, YES, OrderId
from underround.model.units import shares, usd
from underround.simulation.matching.terms import OrderClosed, TradeId

TOO_LITTLE = "not enough balance / allowance: the balance is not enough -> "


def test_open_orders_reserve_what_they_count_on() -> None:
    """A buy reserves price times size, a sale its shares; a cancel gives both free."""
    desk = Desk()
    desk.send(ANN, "buy", "0.45", "10")
    desk.send(ANN, "sell", "0.55", "10", outcome=NO)
    assert desk.money(ANN) == ("1000", "4.5", "0")
    assert desk.custody.reserved(ANN, desk.market.outcome(NO)) == shares("10")
    assert desk.custody.available(ANN, desk.market.outcome(NO)) == shares("990")
    desk.cancel("o1", "o2")
    assert desk.money(ANN) == ("1000", "0", "0")


def test_no_dollar_is_promised_twice() -> None:
    """After 600 of 1000 dollars are reserved, an order for 500 is refused with the sums."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "1200")
    placed = desk.send(ANN, "buy", "0.50", "1000")
    assert placed.reason == (
        f"{TOO_LITTLE}balance: 1000000000, sum of active orders: 600000000, "
        "order amount (inc. fees): 500000000"
    )


def test_an_empty_account_is_told_so() -> None:
    """Without open orders the text names the balance and the amount."""
    desk = Desk()
    placed = desk.send(ANN, "sell", "0.50", "1000.01")
    assert placed.reason == f"{TOO_LITTLE}balance: 1000000000, order amount: 1000010000"


def test_a_taker_must_have_its_fee() -> None:
    """1000 dollars of shares cannot be bought with 1000 dollars where the fee is on top."""
    desk = Desk(polymarket_fees("0.07"))
    desk.custody.split(BOB, RAIN, shares("1000"))
    desk.send(BOB, "sell", "0.50", "2000")
    placed = desk.spend(ANN, "1000", "0.50", "FAK")
    assert placed.reason == f"{TOO_LITTLE}balance: 1000000000, order amount: 1035000000"
    assert not desk.matched
    assert desk.spend(ANN, "966", "0.50", "FAK").state == "matched"
    assert desk.money(ANN) == ("1000", "0", "999.81")


def test_the_fee_is_that_of_the_prices_that_were_matched() -> None:
    """100 at 0.40 and 100 at 0.45 in crypto: 1.68 and 1.7325, whatever the limit was."""
    desk = Desk(polymarket_fees("0.07"))
    desk.send(BOB, "sell", "0.40", "100")
    desk.send(BOB, "sell", "0.45", "100")
    desk.send(ANN, "buy", "0.50", "200")
    (trade,) = desk.matched
    assert (trade.cost, trade.fee) == (usd("85"), usd("3.4125"))
    assert desk.money(ANN) == ("1000", "0", "88.4125")


def test_a_resting_buy_needs_no_fee() -> None:
    """A maker pays none: all 1000 dollars may rest."""
    desk = Desk(polymarket_fees("0.07"))
    assert desk.send(ANN, "buy", "0.50", "2000").state == "live"


def test_a_sale_pays_its_fee_out_of_what_it_gets() -> None:
    """100 sold at 0.50 bring 50 less 1.75."""
    desk = Desk(polymarket_fees("0.07"))
    desk.send(BOB, "buy", "0.50", "100")
    desk.send(ANN, "sell", "0.50", "100")
    desk.settle()
    assert desk.money(ANN) == ("1048.25", "0", "0")
    assert desk.money(BOB) == ("950", "0", "0")
    assert desk.custody.fees == usd("1.75")


def test_a_match_binds_and_the_transaction_moves() -> None:
    """Matched, 5 dollars and 10 shares are in flight; mined, they have changed hands."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    assert desk.money(ANN) == ("1000", "0", "5")
    assert desk.custody.in_flight(BOB, desk.market.outcome(YES)) == shares("10")
    assert (desk.shares(ANN), desk.shares(BOB)) == (("1000", "1000"), ("1000", "1000"))
    desk.settle("MINED")
    assert (desk.money(ANN), desk.money(BOB)) == (("995", "0", "0"), ("1005", "0", "0"))
    assert (desk.shares(ANN), desk.shares(BOB)) == (("1010", "1000"), ("990", "1000"))


def test_what_comes_in_counts_when_it_is_mined() -> None:
    """Shares that were bought cannot be sold before the transaction is mined."""
    desk = Desk()
    desk.send(ANN, "sell", "0.60", "1000")
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    assert desk.send(ANN, "sell", "0.60", "10").reason.startswith(TOO_LITTLE)
    desk.settle("MINED")
    assert desk.send(ANN, "sell", "0.60", "10").state == "live"


def test_a_mint_makes_sets_and_a_merge_undoes_them() -> None:
    """Two buys pay a dollar a set together, two sales share it; the backing follows."""
    desk = Desk()
    before = desk.custody.backing[RAIN]
    desk.send(ANN, "buy", "0.60", "10")
    desk.send(BOB, "buy", "0.45", "10", outcome=NO)
    desk.settle()
    assert (desk.money(ANN)[0], desk.money(BOB)[0]) == ("994", "996")
    assert (desk.shares(ANN), desk.shares(BOB)) == (("1010", "1000"), ("1000", "1010"))
    assert desk.custody.backing[RAIN] == before + shares("10")
    desk.send(ANN, "sell", "0.30", "10")
    desk.send(CAT, "sell", "0.60", "10", outcome=NO)
    desk.settle()
    assert (desk.money(ANN)[0], desk.money(CAT)[0]) == ("997", "1007")
    assert desk.custody.backing[RAIN] == before


@pytest.mark.parametrize("path", [["FAILED"], ["RETRYING", "FAILED"], ["MINED", "FAILED"],
                                  ["MINED", "RETRYING", "FAILED"]])  # fmt: skip
def test_a_failed_trade_never_was(path: list[str]) -> None:
    """However far it came: everybody has what he had, no fee was taken, no rebate earned."""
    desk = Desk(polymarket_fees("0.07"), rebate="0.2")
    desk.send(BOB, "sell", "0.50", "40")
    desk.send(CAT, "buy", "0.50", "40", outcome=NO)
    desk.send(ANN, "buy", "0.50", "80")
    for status in path:
        desk.settle(status)
    for account in (ANN, BOB, CAT):
        assert desk.money(account) == ("1000", "0", "0")
        assert desk.shares(account) == ("1000", "1000")
    assert desk.custody.fees == 0
    assert not any(desk.custody.rebates.values())


def test_retrying_keeps_everything_in_flight() -> None:
    """Back from MINED by a re-org, the money is in flight again, and moves when mined again."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    for status in ("RETRYING", "MINED", "RETRYING"):
        desk.settle(status)
    assert desk.money(ANN) == ("1000", "0", "5")
    assert desk.settle("MINED").status == "MINED"
    assert desk.money(ANN) == ("995", "0", "0")


@pytest.mark.parametrize("path", [["CONFIRMED"], ["MINED", "CONFIRMED", "FAILED"],
                                  ["FAILED", "MINED"], ["MATCHED"]])  # fmt: skip
def test_no_settlement_takes_another_way(path: list[Any]) -> None:
    """A confirmed or failed trade is final, and none is confirmed before it is mined."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    for status in path[:-1]:
        desk.settle(status)
    with pytest.raises(Bug, match="cannot go from"):
        desk.settle(path[-1])


def test_the_trade_keeps_its_transaction() -> None:
    """The hash that came with MINED stays, another MINED brings another."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    name = desk.matched[0].id
    desk.venue.move_trade(name, "MINED", 5, "0xaa")
    assert desk.venue.move_trade(name, "MINED", 6, "0xbb").transaction == "0xbb"
    trade = desk.venue.move_trade(name, "CONFIRMED", 7)
    assert (trade.transaction, trade.changed_ns, trade.status) == ("0xbb", 7, "CONFIRMED")
    assert desk.venue.trades[name] is trade
    with pytest.raises(KeyError):
        desk.venue.move_trade(TradeId("other"), "MINED", 8)


def test_a_reversal_cancels_what_is_no_longer_covered() -> None:
    """Who sells on shares of a transaction that is undone loses the youngest of those orders."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    desk.settle("MINED")
    desk.send(ANN, "sell", "0.60", "995")
    desk.send(ANN, "sell", "0.60", "15")
    desk.send(ANN, "buy", "0.30", "100")
    desk.settle("FAILED")
    (closed,) = desk.told(OrderClosed)
    assert (closed.order.sent.id, closed.order.status) == ("o4", "CANCELED_NOT_ENOUGH_BALANCE")
    assert sorted(order.sent.id for order in desk.venue.resting(RAIN)) == ["o3", "o5"]


def test_a_wallet_can_move_what_its_orders_count_on() -> None:
    """Taken out on the chain, the money is gone; the youngest orders follow when looked at."""
    desk = Desk()
    desk.send(ANN, "buy", "0.50", "1000")
    desk.send(ANN, "buy", "0.49", "1000")
    with pytest.raises(ValueError, match="ann cannot give 20000000 of collateral: 10000000"):
        desk.custody.withdraw(ANN, usd("20"))
    desk.custody.withdraw(ANN, usd("20"), reserved_too=True)
    assert desk.venue.drop_uncovered(ANN, 0).cancelled == ("o2",)
    assert desk.venue.drop_uncovered(ANN, 0).cancelled == ()
    assert desk.money(ANN) == ("980", "500", "0")


def test_what_is_in_flight_stays_where_it_is() -> None:
    """A wallet cannot take out what a match has bound."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "100")
    desk.send(ANN, "buy", "0.50", "100")
    with pytest.raises(ValueError, match="950000000 is there to give"):
        desk.custody.withdraw(ANN, usd("951"), reserved_too=True)


def test_an_order_knows_what_it_spent() -> None:
    """Taker and maker of a mint have spent 4 and 6 dollars, fees aside."""
    desk = Desk(polymarket_fees("0.07"))
    desk.send(BOB, "buy", "0.60", "10")
    desk.send(ANN, "buy", "0.45", "10", outcome=NO)
    spent = [desk.venue.orders[OrderId(name)].spent for name in ("o1", "o2")]
    assert spent == [usd("6"), usd("4")]


def test_a_delayed_buy_reserves_its_fee() -> None:
    """100 at 0.50 in crypto: 50 dollars and 1.75 for the time of the delay."""
    desk = Desk(polymarket_fees("0.07"), delay_ms=150)
    desk.send(BOB, "sell", "0.50", "100")
    desk.send(ANN, "buy", "0.50", "100")
    assert desk.money(ANN) == ("1000", "51.75", "0")
    desk.go(1)
    assert desk.money(ANN) == ("1000", "0", "51.75")


def test_allowances_are_asked_by_contract() -> None:
    """Each named contract must be allowed: money for a buy, shares for a sale."""
    desk = Desk(spenders=lambda market: ("0xE1", "0xd9") if market.id == RAIN else ())
    refused = desk.send(ANN, "buy", "0.50", "10")
    assert refused.reason == (
        "not enough balance / allowance: the allowance is not enough -> spender: 0xE1, "
        "allowance: 0, order amount: 5000000"
    )
    desk.custody.allow(ANN, "0xE1", shares=False, granted=True)
    assert "spender: 0xd9" in desk.send(ANN, "buy", "0.50", "10").reason
    desk.custody.allow(ANN, "0xd9", shares=False, granted=True)
    assert desk.send(ANN, "buy", "0.50", "10").state == "live"
    assert "spender: 0xE1" in desk.send(ANN, "sell", "0.60", "10").reason
    desk.custody.allow(ANN, "0xd9", shares=False, granted=False)
    assert desk.send(ANN, "buy", "0.50", "10").state == "refused"
    desk.custody.allow_all(BOB)
    assert desk.send(BOB, "sell", "0.60", "10").state == "live"


def test_a_delayed_order_that_lost_its_cover_is_cancelled() -> None:
    """Its money was taken out during the delay: it ends for lack of balance."""
    desk = Desk(delay_ms=150)
    desk.send(BOB, "sell", "0.50", "1000")
    desk.send(ANN, "buy", "0.50", "1000")
    desk.custody.withdraw(ANN, usd("600"), reserved_too=True)
    desk.go(1)
    (closed,) = desk.told(OrderClosed)
    assert closed.order.status == "CANCELED_NOT_ENOUGH_BALANCE"
    assert desk.money(ANN) == ("400", "0", "0")


def test_rebates_are_paid_from_a_dollar_on() -> None:
    """0.70 are kept, 1.40 are paid out of the fees."""
    desk = Desk(polymarket_fees("0.07"), rebate="0.2")
    for paid in ({}, {BOB: usd("1.4")}):
        desk.send(BOB, "sell", "0.50", "200")
        desk.send(ANN, "buy", "0.50", "200")
        total = desk.custody.total()
        desk.settle()
        assert desk.custody.pay_rebates() == paid
        assert desk.custody.total() == total
    assert desk.custody.fees == usd("5.6")
    assert desk.money(BOB)[0] == "1201.4"


def test_a_rebate_is_paid_once() -> None:
    """What was paid is owed no longer."""
    desk = Desk(polymarket_fees("0.07"), rebate="0.2")
    desk.send(BOB, "sell", "0.50", "400")
    desk.send(ANN, "buy", "0.50", "400")
    desk.settle()
    assert desk.custody.pay_rebates() == {BOB: usd("1.4")}
    assert desk.custody.pay_rebates() == {}
    assert desk.money(BOB)[0] == "1201.4"


def test_redeeming_pays_what_the_outcome_is_worth() -> None:
    """After YES won, 1000 sets bring 1000 dollars once, and a merge is no longer needed."""
    desk = Desk()
    with pytest.raises(ValueError, match="is not resolved"):
        desk.custody.redeem(ANN, RAIN)
    desk.resolve("1")
    assert desk.custody.redeem(ANN, RAIN) == usd("1000")
    assert desk.custody.redeem(ANN, RAIN) == 0
    assert (desk.money(ANN)[0], desk.shares(ANN)) == ("2000", ("0", "0"))


def test_a_voided_market_pays_both_halves() -> None:
    """50/50: 10 NO and no YES bring five dollars; odd millionths stay behind the shares."""
    desk = Desk()
    custody = desk.custody
    custody.withdraw(ANN, shares("1000"), desk.market.outcome(YES))
    custody.withdraw(ANN, shares("990") - 1, desk.market.outcome(NO))
    total = custody.total()
    desk.resolve("0.5")
    assert custody.redeem(ANN, RAIN) == usd("5")
    assert custody.total() == total


def test_shares_in_flight_are_redeemed_by_whom_they_reach() -> None:
    """A match before the end is mined after it: the buyer redeems, the seller did not."""
    desk = Desk()
    desk.send(BOB, "sell", "0.50", "10")
    desk.send(ANN, "buy", "0.50", "10")
    desk.resolve("1")
    assert desk.custody.redeem(BOB, RAIN) == usd("990")
    desk.settle("MINED")
    assert desk.custody.redeem(BOB, RAIN) == 0
    assert desk.custody.redeem(ANN, RAIN) == usd("1010")
    assert desk.shares(BOB) == desk.shares(ANN) == ("0", "0")
