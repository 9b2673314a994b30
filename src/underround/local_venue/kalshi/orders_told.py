"""Orders, fills, positions and settlements of a member, as Kalshi states them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.wording import (
    cents,
    count_text,
    iso,
    millis,
    money_text,
    price_text,
    seconds,
)
from underround.model.ids import MarketId
from underround.model.units import ONE, Money, Nanos, Size, ceil_div
from underround.simulation.matching.kalshi.terms import (
    KalshiFill,
    KalshiOrder,
    KalshiSettlement,
    Position,
)

Row = dict[str, object]
_FEE_STEP: Final = 100


def sides(*, bid: bool) -> Row:
    """Return a direction in all of the venue's words, the older ones too."""
    outcome = "yes" if bid else "no"
    return {
        "side": outcome,
        "action": "buy",
        "outcome_side": outcome,
        "book_side": "bid" if bid else "ask",
    }


# --- orders --------------------------------------------------------------------------------------


def order_row(desk: KalshiDesk, order: KalshiOrder) -> Row:
    """Return an order of ``GET /portfolio/orders``."""
    sent = order.kalshi
    until = sent.good_until_ns
    return {
        "order_id": sent.id,
        "user_id": sent.account,
        "client_order_id": sent.client,
        "ticker": sent.outcome.market.native,
        **sides(bid=order.bid),
        "type": "limit",
        "status": order.status,
        "yes_price_dollars": price_text(order.yes_price),
        "no_price_dollars": price_text(ONE - order.yes_price),
        "initial_count_fp": count_text(order.initial),
        "fill_count_fp": count_text(order.filled),
        "remaining_count_fp": count_text(order.remaining),
        "taker_fill_cost_dollars": money_text(order.taker_cost),
        "maker_fill_cost_dollars": money_text(order.maker_cost),
        "taker_fees_dollars": money_text(order.taker_fees),
        "maker_fees_dollars": money_text(order.maker_fees),
        "expiration_time": None if until is None else iso(until),
        "created_time": iso(order.created_ns),
        "last_update_time": iso(order.updated_ns),
        "self_trade_prevention_type": sent.self_trade,
        "order_group_id": sent.group or None,
        "cancel_order_on_pause": sent.cancel_on_pause,
        "subaccount_number": sent.subaccount,
        "exchange_index": desk.shard_of(sent.outcome.market),
    }


def done_row(order: KalshiOrder, now: Nanos) -> Row:
    """Return the beginning of every answer to a write: which order, in both names."""
    row: Row = {"order_id": order.sent.id}
    if order.kalshi.client:
        row["client_order_id"] = order.kalshi.client
    row["ts_ms"] = millis(now)
    return row


def filled_row(order: KalshiOrder, filled: Size, leg_cost: Money, fees: Money) -> Row:
    """Return what an order got when it arrived: average price in YES terms, fee per contract."""
    row: Row = {
        "fill_count": count_text(filled),
        "remaining_count": count_text(order.remaining),
    }
    if filled:
        leg = leg_cost * ONE // filled
        average = leg if order.bid else ONE - leg
        row["average_fill_price"] = price_text(average // _FEE_STEP * _FEE_STEP)
        fee = ceil_div(fees * ONE, filled * _FEE_STEP) * _FEE_STEP
        row["average_fee_paid"] = price_text(fee)
    return row


# --- fills ---------------------------------------------------------------------------------------


def fill_row(desk: KalshiDesk, fill: KalshiFill) -> Row:
    """Return a fill of ``GET /portfolio/fills``."""
    return {
        "fill_id": fill.trade,
        "trade_id": fill.trade,
        "order_id": fill.order,
        "ticker": fill.market.native,
        "market_ticker": fill.market.native,
        "exchange_index": desk.shard_of(fill.market),
        **sides(bid=fill.bid),
        "count_fp": count_text(fill.size),
        "yes_price_dollars": price_text(fill.yes_price),
        "no_price_dollars": price_text(ONE - fill.yes_price),
        "is_taker": fill.taker,
        "fee_cost": money_text(fill.fee),
        "created_time": iso(fill.at_ns),
        "ts": seconds(fill.at_ns),
        "subaccount_number": fill.subaccount,
    }


# --- positions -----------------------------------------------------------------------------------


def position_row(desk: KalshiDesk, market: MarketId, held: Position) -> Row:
    """Return a position in one market."""
    return {
        "ticker": market.native,
        "exchange_index": desk.shard_of(market),
        "position_fp": count_text(held.contracts),
        "market_exposure_dollars": money_text(held.cost),
        "total_traded_dollars": money_text(held.traded),
        "realized_pnl_dollars": money_text(held.realized),
        "fees_paid_dollars": money_text(held.fees),
        "last_updated_ts": iso(held.updated_ns),
    }


def event_positions(desk: KalshiDesk, positions: Iterable[tuple[MarketId, Position]]) -> list[Row]:
    """Return positions summed by event."""
    by_event: dict[str, list[Position]] = {}
    for market, held in positions:
        by_event.setdefault(desk.event_of(market), []).append(held)
    return [
        {
            "event_ticker": event,
            "total_cost_dollars": money_text(sum(each.traded for each in found)),
            "total_cost_shares_fp": count_text(sum(each.volume for each in found)),
            "event_exposure_dollars": money_text(sum(each.cost for each in found)),
            "realized_pnl_dollars": money_text(sum(each.realized for each in found)),
            "fees_paid_dollars": money_text(sum(each.fees for each in found)),
        }
        for event, found in by_event.items()
    ]


def settlement_row(desk: KalshiDesk, made: KalshiSettlement) -> Row:
    """Return what the end of a market paid."""
    yes, no = max(0, made.contracts), max(0, -made.contracts)
    return {
        "ticker": made.market.native,
        "event_ticker": desk.event_of(made.market),
        "exchange_index": desk.shard_of(made.market),
        "market_result": made.result,
        "yes_count_fp": count_text(yes),
        "yes_total_cost_dollars": money_text(made.cost if yes else 0),
        "no_count_fp": count_text(no),
        "no_total_cost_dollars": money_text(made.cost if no else 0),
        "revenue": cents(made.revenue),
        "value": cents(made.value),
        "fee_cost": money_text(made.fees),
        "settled_time": iso(made.at_ns),
    }
