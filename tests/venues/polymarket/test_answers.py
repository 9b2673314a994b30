"""Bodies of the CLOB and of Data API v2, read exactly or refused loudly."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.scripted import sample
from underround.model.account import Placed
from underround.model.errors import (
    AnswerRefused,
    BalanceTooLow,
    Bug,
    NotFilled,
    OutcomeUnknown,
    RequestRefused,
    UnderroundError,
)
from underround.model.fees import NoFees, PolymarketFees
from underround.model.orders import TimeInForce
from underround.model.units import decimal_text
from underround.venues.codec import iso_nanos
from underround.venues.polymarket import account_answers, answers, data_answers, reward_answers
from underround.venues.polymarket.data_api import padded_condition
from underround.venues.polymarket.fills import fill_id, finality_of, own_fills
from underround.venues.polymarket.ids import PositionId
from underround.venues.polymarket.numbers import double_micros, exact, micros, moment
from underround.venues.polymarket.terms import MarketTerms, market_terms
from underround.venues.polymarket.trades import Account

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate, TokensOf

PLACE = "Polymarket"
ORDER = "0x" + "ab" * 32
WALLET = "0xa3D82Ed56F4c68d2328Fb8c29e568Ba2cAF7d7c8"
CONDITION = "0xdd22472e552920b8438158ea7238bfadfa4f736aa4cee91a6b86c39ead110917"
YES_TOKEN = "21742633143463906290569050155826241533067272736897614950488156847949938836455"
NO_TOKEN = "48331043336612883890938759509493159234755048973500640148014422747788308965732"
ACCOUNT = Account("our-key", WALLET)


def raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


# --- numbers -----------------------------------------------------------------------------------


@given(st.integers(-(10**17), 10**17))
def test_a_double_that_stands_for_millionths_is_read_back_exactly(amount: int) -> None:
    if abs(amount) < 2**53:
        assert double_micros(raw(repr(amount / 1_000_000))) == amount


@given(st.integers(0, 10**12))
def test_a_number_and_its_text_are_the_same_money(amount: int) -> None:
    text = decimal_text(amount)
    assert micros(raw(text)) == micros(raw(f'"{text}"')) == amount


@pytest.mark.parametrize(
    "text, amount",
    [("14.285714999999999", 14_285_715), ("1e-06", 1), ("5", 5_000_000), ("0.0", 0)],
)
def test_the_noise_of_a_double_is_no_money(text: str, amount: int) -> None:
    assert double_micros(raw(text)) == amount


@pytest.mark.parametrize(
    "text", ["", "null", "true", '"x"', '""', "[]", "NaN", "1e400", "01", '" 1"', "0.9300000035"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|finer|large"):
        double_micros(raw(text))


def test_a_number_finer_than_money_is_kept_as_it_stands() -> None:
    assert exact(raw("0.0864503644")) == Decimal("0.0864503644")
    with pytest.raises(ValueError, match="finer"):
        micros(raw("0.0864503644"))


@pytest.mark.parametrize(
    "text", ["1788887014", '"1788887014000"', '"2026-09-08T17:03:34Z"', "1788887014000000"]
)
def test_a_time_is_read_in_every_unit_the_venue_uses(text: str) -> None:
    assert moment(raw(text)) == iso_nanos("2026-09-08T17:03:34Z")


def test_a_day_is_its_first_moment() -> None:
    assert moment(raw('"2026-02-27"')) == iso_nanos("2026-02-27T00:00:00Z")


# --- placing -----------------------------------------------------------------------------------


def answer(**changes: Any) -> bytes:
    row = {
        "success": True, "errorMsg": "", "orderID": ORDER, "status": "matched",
        "makingAmount": "4.9152", "takingAmount": "5.12", "tradeIDs": ["t1"],
        "transactionsHashes": [],
    } | changes  # fmt: skip
    return body(**{name: value for name, value in row.items() if value is not None})


def test_a_taken_order_says_its_shares_whichever_side_they_are_on() -> None:
    bought = answers.placed(answer(), ORDER, "buy", PLACE, tif="FAK")
    sold = answers.placed(answer(), ORDER, "sell", PLACE, tif="FAK")
    assert isinstance(bought, Placed)
    assert isinstance(sold, Placed)
    assert (bought.filled, sold.filled) == (5_120_000, 4_915_200)
    assert bought.state == "matched"
    assert bought.trades == ("t1",)


@pytest.mark.parametrize("status", ["live", "delayed"])
def test_an_order_without_amounts_says_nothing_about_fills(status: str) -> None:
    placed = answers.placed(
        answer(status=status, makingAmount="", takingAmount="", tradeIDs=None),
        ORDER,
        "buy",
        PLACE,
        tif="FAK",
    )
    assert isinstance(placed, Placed)
    assert (placed.state, placed.filled, placed.trades) == (status, None, ())


@pytest.mark.parametrize(
    "changes, kind",
    [
        ({"orderID": "0x" + "cd" * 32}, Bug),
        ({"errorMsg": "not enough balance / allowance", "orderID": ""}, BalanceTooLow),
        ({"errorMsg": "not enough balance / allowance"}, BalanceTooLow),
        ({"errorMsg": "nobody knows this", "orderID": "", "success": False}, RequestRefused),
        ({"errorMsg": "nobody knows this"}, OutcomeUnknown),
        ({"status": "unmatched"}, NotFilled),
        ({"status": "unmatched", "orderID": ""}, NotFilled),
        ({"status": "unmatched", "success": False}, NotFilled),
        ({"status": "resting"}, OutcomeUnknown),
        ({"status": ""}, OutcomeUnknown),
        ({"orderID": ""}, OutcomeUnknown),
        ({"success": False}, OutcomeUnknown),
        ({"takingAmount": "1e3"}, OutcomeUnknown),
        ({"success": None}, OutcomeUnknown),
    ],
)
def test_only_a_whole_yes_is_an_accepted_order(
    changes: dict[str, Any], kind: type[UnderroundError]
) -> None:
    assert type(answers.placed(answer(**changes), ORDER, "buy", PLACE, tif="FAK")) is kind


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"{", b"<html>", b"\xff"])
def test_an_unreadable_answer_leaves_the_order_unknown(text: bytes) -> None:
    outcome = answers.placed(text, ORDER, "buy", PLACE, tif="FAK")
    assert type(outcome) is OutcomeUnknown
    assert ORDER in str(outcome)


def test_a_batch_is_true_row_by_row() -> None:
    other = "0x" + "cd" * 32
    rows = b"[" + answer() + b"," + answer(orderID="", errorMsg="order crosses book") + b"]"
    first, second = answers.placed_batch(
        rows, ((ORDER, "buy", "GTC"), (other, "sell", "GTC")), PLACE
    )
    assert isinstance(first, Placed)
    assert type(second).__name__ == "WouldCross"


@pytest.mark.parametrize("rows", [b"[]", b"{}", b"null", b"x"])
def test_a_batch_of_another_length_tells_nothing_about_any_order(rows: bytes) -> None:
    found = answers.placed_batch(rows, ((ORDER, "buy", "GTC"), ("0x1", "sell", "GTC")), PLACE)
    assert [type(each) for each in found] == [OutcomeUnknown, OutcomeUnknown]


def test_no_mutation_of_an_answer_makes_an_order_of_it(mutate: Mutate, turns: int) -> None:
    rng = random.Random(7)
    for _ in range(turns):
        outcome = answers.placed(mutate(answer(), rng), ORDER, "buy", PLACE, tif="FAK")
        assert isinstance(outcome, Placed | UnderroundError)
        if isinstance(outcome, Placed):
            assert outcome.native.lower() == ORDER


@pytest.mark.parametrize(
    "tif, kind",
    [("GTC", OutcomeUnknown), ("GTD", OutcomeUnknown), ("FOK", NotFilled), ("FAK", NotFilled)],
)
def test_what_did_not_match_is_settled_only_for_an_order_that_cannot_rest(
    tif: TimeInForce, kind: type[UnderroundError]
) -> None:
    one = answers.placed(answer(status="unmatched"), ORDER, "buy", PLACE, tif=tif)
    rows = b"[" + answer(status="unmatched") + b"]"
    (row,) = answers.placed_batch(rows, ((ORDER, "buy", tif),), PLACE)
    assert type(one) is type(row) is kind
    assert ORDER in str(one)


def test_a_cancel_that_the_answer_does_not_mention_is_refused() -> None:
    text = body(canceled=["0xA"], not_canceled={"0xb": "matched"})
    found = answers.cancelled(text, PLACE, ("0xa", "0xB", "0xc"))
    assert found.cancelled == ("0xA",)
    assert found.refused == {"0xb": "matched", "0xc": "the answer does not mention it: ask again"}


def test_each_cancel_has_its_own_truth() -> None:
    found = answers.cancelled(
        body(canceled=["0x1"], not_canceled={"0x2": "order already canceled or matched"}), PLACE
    )
    assert found.cancelled == ("0x1",)
    assert found.refused == {"0x2": "order already canceled or matched"}
    empty = answers.cancelled(body(canceled=None, not_canceled=None), PLACE)
    assert (empty.cancelled, empty.refused) == ((), {})


@pytest.mark.parametrize("text", [b"{}", b"null", b'{"canceled":[]}', b"x"])
def test_an_unreadable_answer_to_a_cancel_is_unknown(text: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="look the orders up"):
        answers.cancelled(text, PLACE)


# --- orders ------------------------------------------------------------------------------------


def order_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": ORDER, "status": "LIVE", "owner": "our-key", "maker_address": WALLET,
        "market": CONDITION, "asset_id": YES_TOKEN, "side": "BUY", "original_size": "5",
        "size_matched": "1.5", "price": "0.513", "outcome": "Yes", "expiration": "0",
        "order_type": "GTC", "associate_trades": [], "created_at": 1725842520,
    } | changes  # fmt: skip


def test_an_open_order_is_told_in_our_terms(tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})
    row = json.dumps(order_row(asset_id=NO_TOKEN, status="ORDER_STATUS_LIVE")).encode()
    order = answers.stated_order(row, tokens, PLACE)
    assert order is not None
    assert (order.outcome.index, order.side, order.state) == (1, "buy", "live")
    assert (order.price, order.size, order.filled) == (513_000, 5_000_000, 1_500_000)
    assert order.created_ns == iso_nanos("2024-09-09T00:42:00Z")


@pytest.mark.parametrize(
    "status, state",
    [
        ("LIVE", "live"), ("MATCHED", "filled"), ("DELAYED", "delayed"), ("INVALID", "rejected"),
        ("CANCELED", "cancelled"), ("CANCELED_MARKET_RESOLVED", "cancelled"),
        ("CANCELED_EXPIRED_ORDER", "expired"), ("UNMATCHED", "cancelled"),
        ("CANCELED_order couldn't be fully filled. FOK orders are fully filled or killed.",
         "cancelled"),
        ("ORDER_STATUS_CANCELED_NOT_ENOUGH_BALANCE", "cancelled"),
        ("SOMETHING_NEW", None), ("", None), ("live", None),
    ],
)  # fmt: skip
def test_a_status_is_known_or_it_is_not(status: str, state: str | None) -> None:
    assert answers.order_state(status) == state


def test_an_unknown_status_is_refused_and_named(tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})
    rows = json.dumps([order_row(status="SOMETHING_NEW")]).encode()
    with pytest.raises(AnswerRefused, match="unknown status 'SOMETHING_NEW'"):
        answers.stated_orders(rows, tokens, PLACE)


def test_a_buy_that_takes_states_dollars_and_is_told_in_shares(tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})
    row = order_row(order_type="FOK", original_size="12", price="0.6", size_matched="")
    order = answers.stated_order(json.dumps(row).encode(), tokens, PLACE)
    assert order is not None
    assert (order.size, order.filled) == (20_000_000, 0)


def test_an_order_of_a_market_nobody_loaded_is_named_with_its_market(tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {"0xother": ("1", "2")})
    rows = json.dumps([order_row()]).encode()
    found = answers.stated_orders(rows, tokens, PLACE)
    assert found.orders == ()
    assert found.unlisted == {YES_TOKEN: CONDITION}
    with pytest.raises(AnswerRefused, match=f"load market {CONDITION}"):
        answers.stated_order(json.dumps(order_row()).encode(), tokens, PLACE)


def test_a_token_under_another_market_is_refused(tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {"0xother": (YES_TOKEN, NO_TOKEN)})
    with pytest.raises(AnswerRefused, match="under market"):
        answers.stated_orders(json.dumps([order_row()]).encode(), tokens, PLACE)


@pytest.mark.parametrize("name", ["price", "side", "original_size", "size_matched", "created_at"])
def test_no_field_of_an_order_has_a_default(name: str, tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})
    row = order_row()
    del row[name]
    with pytest.raises(AnswerRefused):
        answers.stated_order(json.dumps(row).encode(), tokens, PLACE)


# --- trades ------------------------------------------------------------------------------------


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "order_id": ORDER, "owner": "their-key", "maker_address": "0xB0b", "matched_amount": "5",
        "price": "0.489", "fee_rate_bps": "0", "asset_id": YES_TOKEN, "outcome": "Yes",
        "side": "SELL",
    } | changes  # fmt: skip


def trade(**changes: Any) -> dict[str, Any]:
    return {
        "id": "0c357886", "taker_order_id": "0x45", "market": CONDITION, "asset_id": YES_TOKEN,
        "side": "BUY", "size": "5", "fee_rate_bps": "0", "price": "0.489", "status": "CONFIRMED",
        "match_time": "1726043102", "last_update": "1726043282", "outcome": "Yes",
        "bucket_index": 0, "owner": "our-key", "maker_address": WALLET,
        "transaction_hash": "0x5fbf", "maker_orders": [entry()], "trader_side": "TAKER",
    } | changes  # fmt: skip


def rows(*trades: dict[str, Any]) -> bytes:
    return json.dumps(trades).encode()


@pytest.mark.shared
def test_the_captured_trade_is_our_fill_as_taker(shared: Path, tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})
    row = sample(shared, "polymarket/ws/user_trade_rest_shape_confirmed_2024-09.json")
    (fill,) = own_fills(b"[" + row + b"]", ACCOUNT, tokens, PLACE).fills
    assert (fill.side, fill.outcome.index, fill.liquidity) == ("buy", 0, "taker")
    assert (fill.price, fill.size, fill.fee) == (489_000, 5_000_000, None)
    assert fill.finality == "confirmed"
    assert fill.native == "0c357886-b9d3-44bb-9aa9-72d8abc90e6e"
    assert fill.at_ns == 1726043102_000000000
    assert fill.transaction.startswith("0x5fbfe169")


def test_a_maker_s_fill_is_its_own_entry_at_the_other_outcome(tokens_of: TokensOf) -> None:
    """A taker buys YES at 0.6; our BUY of NO at 0.4 gives it the set's other half."""
    tokens = tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})
    ours = entry(
        owner="our-key", maker_address=WALLET.lower(), price="0.4", asset_id=NO_TOKEN,
        outcome="No", side="BUY", matched_amount="3",
    )  # fmt: skip
    told = trade(
        owner="their-key", maker_address="0xB0b", trader_side="MAKER", price="0.6", size="3",
        maker_orders=[ours], status="TRADE_STATUS_MINED",
    )  # fmt: skip
    (fill,) = own_fills(rows(told), ACCOUNT, tokens, PLACE).fills
    assert (fill.outcome.index, fill.side, fill.price, fill.size) == (1, "buy", 400_000, 3_000_000)
    assert (fill.liquidity, fill.finality, fill.order) == ("maker", "matched", ORDER)
    assert fill.id == fill_id("0c357886", 0, ORDER)


def test_a_trade_that_is_not_ours_is_refused_with_its_row(tokens_of: TokensOf) -> None:
    tokens = tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})
    foreign = trade(owner="their-key", maker_address="0xB0b", trader_side="MAKER")
    with pytest.raises(AnswerRefused, match=r"`\$\[1\]"):
        own_fills(rows(trade(), foreign), ACCOUNT, tokens, PLACE)


def test_a_fill_of_a_market_nobody_loaded_is_named_with_its_market(tokens_of: TokensOf) -> None:
    found = own_fills(rows(trade()), ACCOUNT, tokens_of("polymarket", {"0x1": ()}), PLACE)
    assert found.fills == ()
    assert found.unlisted == {YES_TOKEN: CONDITION}


@pytest.mark.parametrize(
    "status, finality",
    [
        ("MATCHED", "matched"), ("MATCHED_NOT_BROADCASTED", "matched"), ("MINED", "matched"),
        ("RETRYING", "matched"), ("CONFIRMED", "confirmed"), ("FAILED", "failed"),
        ("TRADE_STATUS_FAILED", "failed"), ("TRADE_STATUS_CONFIRMED", "confirmed"),
        ("SOMETHING_NEW", "matched"), ("", "matched"),
    ],
)  # fmt: skip
def test_only_two_words_end_a_trade(status: str, finality: str) -> None:
    assert finality_of(status) == finality


# --- terms of a market -------------------------------------------------------------------------

CTF = {
    "t": [{"t": YES_TOKEN, "o": "Yes"}, {"t": NO_TOKEN, "o": "No"}], "c": CONDITION, "mos": 5,
    "mts": 0.001, "nr": True, "ao": True, "mbf": 0, "tbf": 1000, "v": "v1",
}  # fmt: skip


def told_terms(**changes: Any) -> MarketTerms:
    fields = {name: value for name, value in (CTF | changes).items() if value is not None}
    return market_terms(body(**fields), CONDITION, PLACE)


@pytest.mark.shared
def test_the_captured_terms_are_read_exactly(shared: Path) -> None:
    text = sample(shared, "polymarket/clob/clob_market_protocol_v2_2026-10-05.json")
    condition = "0x017791f201d5a788e0039e511fc1900e5f000000000000000000000000000000"
    terms = market_terms(text, condition, PLACE)
    assert (terms.version, terms.tick, terms.min_size) == ("v2", 10_000, 5_000_000)
    assert terms.fees == PolymarketFees(70_000, 1)
    assert terms.accepting
    assert terms.taker_delay
    assert not terms.neg_risk
    assert terms.rewards is not None
    assert terms.rewards.max_spread == 45_000
    assert terms.rewards.min_size == 50_000_000
    assert terms.rewards.min_age_s == 30
    assert terms.accepting_since_ns == iso_nanos("2026-10-05T22:20:54Z")
    assert terms.outcomes == ("Up", "Down")


def test_a_market_without_a_curve_charges_nothing() -> None:
    assert told_terms().fees == NoFees()
    assert told_terms().neg_risk


def test_an_absent_version_is_what_the_ids_say_and_a_stated_one_must_agree() -> None:
    assert told_terms(v=None).version == "v1"
    for wrong in ("v2", "v3", "", "V1"):
        with pytest.raises(AnswerRefused, match="do not trade it"):
            told_terms(v=wrong)
    first = PositionId(
        module=1, base=bytes(range(16)), arity=2, chain=0, condition_index=0, outcome=0
    )
    new = [{"t": first.token, "o": "Yes"}, {"t": first.sibling(1).token, "o": "No"}]
    assert told_terms(t=new, v=None).version == told_terms(t=new, v="v2").version == "v2"
    for tokens in (new, [new[0], {"t": NO_TOKEN, "o": "No"}]):
        with pytest.raises(AnswerRefused, match="do not trade it"):
            told_terms(t=tokens, v="v1")


def test_another_market_s_terms_are_refused() -> None:
    with pytest.raises(AnswerRefused, match="asked for"):
        market_terms(body(**CTF), "0x" + "1" * 64, PLACE)


@pytest.mark.parametrize(
    "changes",
    [
        {"mts": 0}, {"mts": 0.003}, {"mts": None}, {"mos": None}, {"t": []}, {"mts": "x"},
        {"t": [{"t": "x", "o": "Yes"}, {"t": NO_TOKEN, "o": "No"}]},
        {"fd": {"r": 0.07, "e": 1.5, "to": True}}, {"fd": {"r": -1, "e": 1, "to": True}},
        {"fd": {"e": 1, "to": True}}, {"r": {"mi": 5, "ma": 0.00001}},
    ],
)  # fmt: skip
def test_terms_that_cannot_be_true_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(AnswerRefused):
        told_terms(**changes)


def test_a_curve_that_charges_makers_is_shown_and_not_priced() -> None:
    terms = told_terms(fd={"r": 0.05, "e": 2, "to": False})
    assert (terms.fee_rate, terms.fee_exponent, terms.fee_taker_only) == (50_000, 2, False)
    with pytest.raises(AnswerRefused, match="charges makers"):
        _ = terms.fees


# --- account -----------------------------------------------------------------------------------


def test_a_balance_is_exact_and_its_allowances_are_cut() -> None:
    text = body(balance="123456789", allowances={"0xE1": str(2**256 - 1), "0xe2": "0"})
    found = account_answers.balance(text, "pUSD", PLACE)
    assert (found.amount, found.commodity) == (123_456_789, "pUSD")
    assert found.allowances == {"0xE1": 10**18, "0xe2": 0}


@pytest.mark.parametrize("amount", ["", "-1", "1.5", "x", None, True])
def test_a_balance_that_is_no_whole_number_is_refused(amount: object) -> None:
    with pytest.raises(AnswerRefused):
        account_answers.balance(body(balance=amount), "pUSD", PLACE)


def test_rewards_and_rebates_are_read_exactly() -> None:
    row = {
        "condition_id": CONDITION, "rewards_max_spread": 3.5, "rewards_min_size": 200,
        "rewards_config": [{"rate_per_day": 1.25}, {"rate_per_day": "2"}],
    }  # fmt: skip
    (config,) = reward_answers.reward_configs(rows(row), PLACE)
    assert (config.max_spread, config.min_size) == (35_000, 200_000_000)
    assert (config.daily, config.competitiveness) == (3_250_000, None)
    (rebate,) = reward_answers.rebates(
        rows({"date": "2026-02-27", "condition_id": CONDITION, "asset_address": "0xC0",
              "maker_address": WALLET, "rebated_fees_usdc": "0.237519"}), PLACE,
    )  # fmt: skip
    assert (rebate.amount, rebate.day) == (237_519, "2026-02-27")


# --- Data API ----------------------------------------------------------------------------------


@pytest.mark.shared
def test_the_captured_activity_and_trades_are_read_exactly(shared: Path) -> None:
    did = data_answers.activity(
        sample(shared, "polymarket/data/v2_activity_items_2026-09.json"), ""
    )
    assert (did[0].size, did[0].cash) == (14_285_715, 13_285_715)
    assert did[0].price == Decimal("0.9300000035")
    assert did[0].outcome == 0
    assert did[1].side == "buy"
    made = data_answers.trades(sample(shared, "polymarket/data/v2_trades_items_2026-09.json"), "")
    assert [row.size for row in made[:2]] == [78_550_000, 70_000]
    assert all(row.outcome is None for row in made[:2]), "999 is no outcome"


@pytest.mark.shared
def test_the_captured_resolution_pays_a_dollar(shared: Path) -> None:
    text = sample(shared, "polymarket/data/v2_resolutions_resolved_2026-10-05.json")
    data, cursor = data_answers.page(text, PLACE)
    (found,) = data_answers.resolutions(data, PLACE)
    assert cursor is None
    assert found.payouts == (1_000_000, 0)
    assert (found.status, found.reporter) == ("resolved", "CHAINLINK")
    assert found.resolved_ns == iso_nanos("2026-10-05T21:35:56Z")


@pytest.mark.parametrize("payouts", [[1_000_000], [1, 2], [-1, 1_000_001], [0, 0, 1_000_000]])
def test_payouts_that_do_not_sum_to_a_dollar_are_refused(payouts: list[int]) -> None:
    row = {"condition_id": CONDITION, "status": "resolved", "payouts": payouts}
    with pytest.raises(AnswerRefused, match="sum to a dollar"):
        data_answers.resolutions(rows(row), PLACE)


@pytest.mark.parametrize(
    "pagination",
    [{"has_more": True, "next_cursor": None}, {"has_more": False, "next_cursor": "abc"}],
)
def test_a_page_that_contradicts_itself_is_refused(pagination: dict[str, Any]) -> None:
    with pytest.raises(AnswerRefused, match="contradict"):
        data_answers.page(body(data=[], pagination=pagination), PLACE)


TRADE_ROW: dict[str, Any] = {
    "proxy_wallet": WALLET, "side": "BUY", "token_id": YES_TOKEN, "condition_id": CONDITION,
    "size": 10.5, "price": 0.51, "timestamp": 1_758_972_880, "transaction_hash": "0xaa",
}  # fmt: skip
ACTIVITY_ROW: dict[str, Any] = {**TRADE_ROW, "type": "TRADE", "usdc_size": 5.355}


@pytest.mark.parametrize("price", ["-1.5e-9", "-0.01", "1.000000000001", "2", "1e30", "-1e-60"])
def test_a_price_outside_zero_to_one_dollar_is_refused_before_any_rounding(price: str) -> None:
    for read, row in ((data_answers.trades, TRADE_ROW), (data_answers.activity, ACTIVITY_ROW)):
        told = rows({**row, "price": "@"}).replace(b'"@"', price.encode())
        with pytest.raises(AnswerRefused, match=r"0 … 1 dollar - at .*price"):
            read(told, PLACE)


@pytest.mark.parametrize("price", ["0", "-0.0", "1", "0.9300000035", '"0.5"'])
def test_a_price_of_zero_to_one_dollar_stays_as_it_stands(price: str) -> None:
    (found,) = data_answers.trades(
        rows({**TRADE_ROW, "price": "@"}).replace(b'"@"', price.encode()), PLACE
    )
    assert found.price == Decimal(price.strip('"'))


@pytest.mark.parametrize("field", ["size", "usdc_size"])
@pytest.mark.parametrize("number", [-1.5e-9, -5, -0.000001])
def test_a_size_below_zero_is_refused(field: str, number: float) -> None:
    with pytest.raises(AnswerRefused, match=rf"below 0 - at .*{field}"):
        data_answers.activity(rows({**ACTIVITY_ROW, field: number}), PLACE)


@pytest.mark.parametrize("token", ["9" * 5_000, "0" + YES_TOKEN, "", "²", "-1", str(2**256)])
def test_terms_with_a_token_that_is_no_id_are_refused(token: str) -> None:
    told = {
        "c": CONDITION, "t": [{"t": token, "o": "Yes"}, {"t": NO_TOKEN, "o": "No"}], "mts": 0.01,
        "mos": 5,
    }  # fmt: skip
    with pytest.raises(AnswerRefused, match="skip the market"):
        market_terms(json.dumps(told).encode(), CONDITION, PLACE)


@pytest.mark.parametrize("text", ["9" * 5_000, "9" * 40, "x" * 5_000])
def test_a_time_of_any_length_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(AnswerRefused) as caught:
        data_answers.trades(rows({**TRADE_ROW, "timestamp": text}), PLACE)
    assert len(str(caught.value)) < 300


def test_a_condition_of_protocol_v2_is_padded() -> None:
    short = "0x" + "1A" * 31
    assert padded_condition(short) == "0x" + "1a" * 31 + "00"
    assert padded_condition(CONDITION) == CONDITION
    for wrong in ("", "0x1", CONDITION[2:], CONDITION + "0", "0x" + "g" * 64):
        with pytest.raises(RequestRefused):
            padded_condition(wrong)
