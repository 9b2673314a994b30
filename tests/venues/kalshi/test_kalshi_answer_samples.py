"""Everything Kalshi was seen to answer, decoded or refused for a known reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.venues.kalshi.test_kalshi_answers import encoded
from tests.venues.scripted import sample
from underround.model.errors import AnswerRefused
from underround.model.ids import NO, YES
from underround.model.units import ONE
from underround.venues.kalshi import (
    account_answers,
    answers,
    catalogue_answers,
    order_answers,
    portfolio_answers,
    stated_orders,
)
from underround.venues.kalshi.account_answers import rate_of
from underround.venues.kalshi.candles import Bar, candles
from underround.venues.transport.budget import Rate

pytestmark = pytest.mark.shared


def bodies(shared: Path, name: str) -> Any:
    return json.loads(sample(shared, f"kalshi/{name}.json"))


def test_captured_account_answers_decode(shared: Path) -> None:
    """Balance, positions, fills, settlements, limits and costs of demo and production."""
    told = portfolio_answers.balance(
        sample(shared, "kalshi/rest_balance_demo_2026-07-06.json"), "x"
    )
    assert told.cash.amount == 999_462_500
    demo = bodies(shared, "rest_positions_demo_2026-07-06")
    (held,) = portfolio_answers.positions(encoded(demo), "x")
    assert (held.position.outcome.index, held.position.size, held.fees) == (NO, ONE, 17_500)
    both = bodies(shared, "rest_fills_demo_2026-07-06")
    (taker,) = stated_orders.fills(encoded(both["taker_no_side"]), "x", {})
    (maker,) = stated_orders.fills(encoded(both["maker_yes_side"]), "x", {})
    assert (taker.outcome.index, taker.price, taker.fee) == (NO, 520_000, 17_500)
    assert (maker.outcome.index, maker.price, maker.fee) == (YES, 480_000, 0)
    assert taker.id != maker.id, "both sides of one trade are fills of their own"
    live = sample(shared, "kalshi/rest_portfolio_fills_redacted_2026-08.json")
    assert [each.fee for each in stated_orders.fills(live, "x", {})] == [
        94_100,
        178_500,
        15_930,
        6_400,
    ]
    settled = sample(shared, "kalshi/rest_portfolio_settlements_redacted_2026-08.json")
    assert [each.revenue for each in portfolio_answers.settlements(settled, "x")] == [
        15 * ONE, 3 * ONE, 0,
    ]  # fmt: skip
    limits = account_answers.account_limits(
        sample(shared, "kalshi/rest_account_limits_demo_2026-07-06.json"), "x"
    )
    assert (rate_of(limits.read), rate_of(limits.write)) == (Rate(200, 400), Rate(100, 100))
    costs = account_answers.endpoint_costs(
        sample(shared, "kalshi/rest_account_endpoint_costs_demo_2026-07-06.json"), "x"
    )
    assert costs.cost("DELETE", "/trade-api/v2/portfolio/events/orders/abc") == 2
    assert costs.cost("POST", "/trade-api/v2/portfolio/events/orders") == 10


def test_positions_without_their_costs_are_refused(shared: Path) -> None:
    """A project kept three fields of its production positions: money is missing in them."""
    with pytest.raises(AnswerRefused, match="total_traded_dollars"):
        portfolio_answers.positions(
            sample(shared, "kalshi/rest_positions_prod_partial_2026-07-26.json"), "x"
        )


def test_captured_and_documented_order_answers_decode(shared: Path) -> None:
    live = bodies(shared, "rest_order_v2_create_cancel_live_2026-06-18")
    taken = order_answers.created(encoded(live["create_201"]), "x")
    assert (taken.filled, taken.remaining, taken.state) == (0, ONE, "live")
    assert order_answers.cancelled(encoded(live["cancel_200"]), "x").reduced_by == ONE
    doc = bodies(shared, "rest_doc_examples_openapi_3.28")
    rows = order_answers.batch_created(encoded(doc["BatchCreateOrdersV2Response"]), "x")
    assert [truth.filled for _, truth in rows if isinstance(truth, order_answers.Taken)] == [
        0,
        5 * ONE,
    ]
    assert len(order_answers.batch_cancelled(encoded(doc["BatchCancelOrdersV2Response"]), "x")) == 2
    assert order_answers.amended(encoded(doc["AmendOrderV2Response"]), "x").remaining == 8 * ONE
    assert (
        order_answers.decreased(encoded(doc["DecreaseOrderV2Response"]), "x").remaining == 8 * ONE
    )
    assert order_answers.created(encoded(doc["CreateOrderV2Response"]), "x").remaining == 10 * ONE
    assert order_answers.cancelled(encoded(doc["CancelOrderV2Response"]), "x").refusal == ""


def test_captured_public_answers_decode(shared: Path) -> None:
    three = bodies(shared, "rest_candlesticks_2026-09-26")
    live = encoded({"candlesticks": [three["live"], three["live_no_trades"]]})
    traded, quiet = candles(live, "x", "live")
    assert traded.trades == Bar(110_000, 120_000, 69_000, 70_000)
    assert (quiet.trades, quiet.previous, quiet.volume) == (None, 1_000, 0)
    (old,) = candles(encoded({"candlesticks": [three["historical"]]}), "x", "historical")
    assert old.trades == Bar(450_000, 450_000, 360_000, 370_000)
    with pytest.raises(AnswerRefused, match="volume_fp"):
        candles(encoded({"candlesticks": [three["historical"]]}), "x", "live")
    minutes = sample(shared, "kalshi/rest_candlesticks_KXMLBGAME_1m_2026-08.json")
    assert len(candles(minutes, "x", "live")) == 10
    trade = answers.trade(sample(shared, "kalshi/rest_trade_KXBTC15M_2026-09-26.json"), "x")
    assert (trade.event.price, trade.event.size, trade.event.taker_side) == (
        770_000,
        8_940_000,
        "buy",
    )
    told = answers.cutoff(sample(shared, "kalshi/rest_historical_cutoff_2026-09-26.json"), "x")
    assert told.orders_updated_ts > told.trades_created_ts
    for name in ("rest_orderbook_2026-08-09", "rest_market_orderbook_KXFED_2026-07-18"):
        book = answers.order_book(sample(shared, f"kalshi/{name}.json"), "A", "x")
        assert book.bids[-1][0] < book.asks[-1][0]


def test_captured_catalogue_answers_decode_or_are_refused_for_a_known_reason(shared: Path) -> None:
    """One source dropped the rules of its market: words that decide may not be missing."""
    series = sample(shared, "kalshi/rest_series_KXMLBGAME_2026-08-20.json")
    assert catalogue_answers.series(series, "x").fee_multiplier == 500_000
    for name in ("rest_market_single_2026-08-09", "rest_market_demo_2026-07-06"):
        assert (
            catalogue_answers.market(sample(shared, f"kalshi/{name}.json"), "x").status == "active"
        )
    settled = catalogue_answers.markets(
        sample(shared, "kalshi/rest_markets_settled_2026-08-08.json"), "x"
    )
    assert [each.result for each in settled.read] == ["yes", "no", ""]
    fed = catalogue_answers.markets(
        sample(shared, "kalshi/rest_market_KXFED_live_2026-07-18.json"), "x"
    )
    (reason,) = fed.refused
    assert "rules_primary" in reason
