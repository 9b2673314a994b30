"""Kalshi's answers as exact values, or refused with the path of what is wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from underround.model.account import StatedFill
from underround.model.errors import AnswerRefused
from underround.model.ids import NO, YES, OrderId
from underround.model.units import ONE
from underround.venues.kalshi import (
    account_answers,
    answers,
    order_answers,
    portfolio_answers,
    stated_orders,
)
from underround.venues.kalshi.candles import candles
from underround.venues.kalshi.fixed_point import IsoTime, answer_decoder

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

ORDER: dict[str, Any] = {
    "order_id": "n1", "user_id": "u", "client_order_id": "run1-o1", "ticker": "KXA-1-B",
    "outcome_side": "no", "book_side": "ask", "type": "limit", "status": "resting",
    "yes_price_dollars": "0.4800", "no_price_dollars": "0.5200", "initial_count_fp": "10.00",
    "fill_count_fp": "2.50", "remaining_count_fp": "7.50",
    "expiration_time": None,
    "created_time": "2026-10-10T10:00:00.5Z", "last_update_time": "2026-10-10T10:00:01Z",
    "exchange_index": 2,
}  # fmt: skip
FILL: dict[str, Any] = {
    "fill_id": "t1", "trade_id": "t1", "order_id": "n1", "ticker": "KXA-1-B",
    "outcome_side": "no", "book_side": "ask", "count_fp": "1.00", "yes_price_dollars": "0.4800",
    "no_price_dollars": "0.5200", "is_taker": True, "fee_cost": "0.017500",
    "created_time": "2026-07-06T01:55:17.343948Z", "exchange_index": 0,
}  # fmt: skip
BALANCE: dict[str, Any] = {
    "balance": 99946, "balance_dollars": "999.4625", "portfolio_value": 52,
    "updated_ts": 1783302927, "balance_breakdown": [{"exchange_index": 2, "balance": "10.0000"}],
}  # fmt: skip
POSITION: dict[str, Any] = {
    "ticker": "KXA-1-B", "position_fp": "-1.00", "market_exposure_dollars": "0.520000",
    "total_traded_dollars": "0.520000", "realized_pnl_dollars": "-0.100000",
    "fees_paid_dollars": "0.017500", "last_updated_ts": "2026-07-06T01:55:17.344024Z",
}  # fmt: skip
SETTLEMENT: dict[str, Any] = {
    "ticker": "A", "event_ticker": "E", "market_result": "yes", "yes_count_fp": "15.00",
    "no_count_fp": "0.00", "yes_total_cost_dollars": "11.100000", "exchange_index": 2,
    "no_total_cost_dollars": "0.000000", "revenue": 1500, "value": 100,
    "fee_cost": "0.202100", "settled_time": "2026-08-16T04:00:00Z",
}  # fmt: skip
TRADE: dict[str, Any] = {
    "trade_id": "t", "ticker": "KXA-1-B", "count_fp": "8.94", "yes_price_dollars": "0.7700",
    "no_price_dollars": "0.2300", "taker_outcome_side": "no", "taker_book_side": "ask",
    "is_block_trade": False, "created_time": "2026-09-26T22:52:42.728645Z",
}  # fmt: skip
QUOTE = {f"{name}_dollars": "0.4000" for name in ("open", "high", "low", "close")}
CANDLE: dict[str, Any] = {
    "end_period_ts": 1790462280, "price": QUOTE | {"mean_dollars": "0.4000"}, "yes_bid": QUOTE,
    "yes_ask": QUOTE, "volume_fp": "1.00", "open_interest_fp": "2.00",
}  # fmt: skip

Read = Callable[[bytes], object]
READERS: dict[str, tuple[dict[str, Any], Read]] = {
    "order": ({"order": ORDER}, lambda body: stated_orders.order(body, "x")),
    "fills": ({"fills": [FILL]}, lambda body: stated_orders.fills(body, "x", {})),
    "balance": (BALANCE, lambda body: portfolio_answers.balance(body, "x")),
    "positions": (
        {"market_positions": [POSITION]},
        lambda body: portfolio_answers.positions(body, "x"),
    ),
    "settlements": (
        {"settlements": [SETTLEMENT]},
        lambda body: portfolio_answers.settlements(body, "x"),
    ),
    "trades": ({"trades": [TRADE]}, lambda body: answers.trades(body, "x")),
    "candles": ({"candlesticks": [CANDLE]}, lambda body: candles(body, "x", "live")),
    "book": (
        {"orderbook_fp": {"yes_dollars": [["0.4", "1"]], "no_dollars": [["0.5", "2"]]}},
        lambda body: answers.order_book(body, "KXA-1-B", "x"),
    ),
    "created": (
        {"order_id": "n", "fill_count": "0.00", "remaining_count": "1.00", "ts_ms": 1781821370267},
        lambda body: order_answers.created(body, "x"),
    ),
}


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def test_an_order_is_stated_as_a_purchase() -> None:
    """An ask at a YES price of 0.48 buys NO at 0.52."""
    told = stated_orders.order(encoded({"order": ORDER}), "x")
    assert (told.outcome.index, told.side, told.price) == (NO, "buy", 520_000)
    assert (told.size, told.filled, told.state) == (10 * ONE, 2_500_000, "live")
    assert told.order == "run1-o1"
    assert told.created_ns == 1_791_626_400_500_000_000


def test_an_executed_order_is_filled_only_if_all_of_it_was() -> None:
    for filled, state in (("10.00", "filled"), ("4.00", "cancelled"), ("0.00", "cancelled")):
        row = ORDER | {"status": "executed", "fill_count_fp": filled, "remaining_count_fp": "0.00"}
        assert stated_orders.order(encoded({"order": row}), "x").state == state


def test_a_cancelled_order_whose_end_had_come_has_expired() -> None:
    for until, state in (
        ("2026-10-10T10:00:01Z", "expired"),
        ("2026-10-10T10:00:02Z", "cancelled"),
    ):
        row = ORDER | {"status": "canceled", "expiration_time": until}
        assert stated_orders.order(encoded({"order": row}), "x").state == state


def test_a_fill_states_its_fee_and_our_order() -> None:
    (told,) = stated_orders.fills(encoded({"fills": [FILL]}), "x", {"n1": OrderId("run1-o1")})
    assert isinstance(told, StatedFill)
    assert (told.outcome.index, told.price, told.size, told.fee) == (NO, 520_000, ONE, 17_500)
    assert (told.id, told.order, told.liquidity) == ("t1:n1", "run1-o1", "taker")
    assert told.finality == "confirmed"


def test_a_balance_is_exact_and_by_shard() -> None:
    told = portfolio_answers.balance(encoded(BALANCE), "x")
    assert told.cash.amount == 999_462_500
    assert (told.on_shard(2), told.on_shard(0)) == (10 * ONE, 0)
    with pytest.raises(AnswerRefused, match="differ by a cent"):
        portfolio_answers.balance(encoded(BALANCE | {"balance": 99945}), "x")


def test_a_signed_position_is_shares_of_one_outcome() -> None:
    for text, outcome, size in (("-1.25", NO, 1_250_000), ("3.00", YES, 3 * ONE), ("0.00", YES, 0)):
        body = encoded({"market_positions": [POSITION | {"position_fp": text}]})
        (held,) = portfolio_answers.positions(body, "x")
        assert (held.position.outcome.index, held.position.size) == (outcome, size)
        assert held.realized == -100_000


@pytest.mark.parametrize("name", READERS)
def test_no_field_of_money_may_be_missing_or_of_another_form(name: str) -> None:
    """Each decimal text missing, as a number, negative or too fine is refused with its path."""
    body, read = READERS[name]
    read(encoded(body))
    changed = 0
    for path, text in texts(body):
        for value in (None, 1, 0.5, "0.0000001", "1e2", "", "x"):
            broken = json.loads(encoded(body))
            holder = broken
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
            if value is None and path[-1] == "mean_dollars":
                continue  # not told where nothing traded
            changed += 1
            with pytest.raises(AnswerRefused) as told:
                read(encoded(broken))
            assert "$" in str(told.value) or "contradicts" in str(told.value), (path, text)
    assert changed


def texts(value: object, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], str]]:
    """Return the paths of all decimal texts."""
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in texts(inner, (*path, key))]
    if isinstance(value, list):
        return [each for key, inner in enumerate(value) for each in texts(inner, (*path, key))]
    if isinstance(value, str) and value.replace(".", "").replace("-", "").isdigit():
        return [(path, value)]
    return []


@pytest.mark.parametrize(
    "name, change, reason",
    [
        ("order", {"no_price_dollars": "0.5300"}, "one dollar"),
        ("order", {"book_side": "bid"}, "disagree"),
        ("order", {"fill_count_fp": "3.00"}, "more than it began"),
        ("order", {"status": "pending"}, "status"),
        ("order", {"created_time": None}, "created_time"),
        ("fills", {"no_price_dollars": "0.5300"}, "one dollar"),
        ("fills", {"book_side": "bid"}, "disagree"),
        ("trades", {"no_price_dollars": "0.5300"}, "one dollar"),
        ("trades", {"taker_book_side": "bid"}, "disagree"),
        ("candles", {"yes_bid": {}}, "without quotes"),
        ("candles", {"price": QUOTE | {"high_dollars": "0.3900"}}, "leave"),
        ("candles", {"price": {"open_dollars": "0.4"}}, "some of its prices"),
    ],
)
def test_contradictions_are_refused(name: str, change: dict[str, Any], reason: str) -> None:
    body, read = READERS[name]
    broken = json.loads(encoded(body))
    (holder,) = broken.values()
    row = holder[0] if isinstance(holder, list) else holder
    row |= change
    with pytest.raises(AnswerRefused, match=reason):
        read(encoded(broken))


def test_a_crossed_book_is_no_book() -> None:
    levels = {"yes_dollars": [["0.5", "1"]], "no_dollars": [["0.5", "1"]]}
    with pytest.raises(AnswerRefused, match="crossed"):
        answers.order_book(encoded({"orderbook_fp": levels}), "A", "GET /x")
    several = {"orderbooks": [{"ticker": "A", "orderbook_fp": levels}]}
    with pytest.raises(AnswerRefused, match=r"crossed"):
        answers.order_books(encoded(several), "GET /x")


def test_costs_follow_the_path_and_the_method() -> None:
    told = account_answers.endpoint_costs(
        encoded(
            {
                "default_cost": 10,
                "endpoint_costs": [
                    {"method": "DELETE", "path": "/p/orders/:id", "cost": 2},
                    {"method": "DELETE", "path": "/p/orders/batched", "cost": 3},
                    {"method": "GET", "path": "/cf/*rest", "cost": 50},
                ],
            }
        ),
        "x",
    )
    assert told.cost("DELETE", "/p/orders/abc") == 2
    assert told.cost("DELETE", "/p/orders/batched") == 3
    assert told.cost("DELETE", "/p/orders/abc/x") == 10
    assert told.cost("GET", "/p/orders/abc") == 10
    assert told.cost("GET", "/cf/a/b") == 50


def test_times_with_an_offset_are_the_same_instant() -> None:
    read = answer_decoder(IsoTime)
    for text in ("2026-07-06T01:55:17Z", "2026-07-05T21:55:17-04:00", "2026-07-06T03:25:17+01:30"):
        assert read(encoded(text), "x") == 1_783_302_917_000_000_000
    with pytest.raises(AnswerRefused):
        read(encoded("2026-07-06T01:55:17"), "x")


def test_mutated_answers_are_refused_or_read(mutate: Mutate, turns: int) -> None:
    """Of 2,000 broken bodies none does anything but decode or be refused in one sentence."""
    rng = random.Random(5)
    named = list(READERS.values())
    refusals: list[str] = []
    for turn in range(turns):
        body, read = named[turn % len(named)]
        try:
            read(mutate(encoded(body), rng))
        except AnswerRefused as error:
            refusals.append(str(error))
    assert turns // 4 < len(refusals) < turns
    assert not [each for each in refusals if "\n" in each]


def test_unknown_fields_change_nothing(reworded: Mutate) -> None:
    rng = random.Random(6)
    for body, read in READERS.values():
        assert read(reworded(encoded(body), rng)) == read(encoded(body))
