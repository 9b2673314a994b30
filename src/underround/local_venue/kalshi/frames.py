"""Messages of Kalshi's WebSocket (``msg``), with the older fields that are still sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from underround.local_venue.kalshi import rows as written
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.orders_told import sides
from underround.local_venue.kalshi.tape import PublicTrade
from underround.local_venue.kalshi.wording import (
    count_text,
    iso,
    millis,
    money_text,
    price_text,
    seconds,
)
from underround.model.ids import MarketId
from underround.model.units import ONE, Nanos, Price, Size
from underround.simulation.matching.kalshi.terms import (
    GroupMoved,
    KalshiFill,
    KalshiOrder,
    PositionMoved,
)
from underround.simulation.matching.terms import Level

Row = dict[str, object]
encode: Final = msgspec.json.Encoder().encode


def leg(bid: bool, price: Price, *, yes_price: bool) -> Price:
    """Return the price of a level as it is quoted: of NO in NO prices unless asked otherwise."""
    return price if bid or yes_price else ONE - price


# --- public --------------------------------------------------------------------------------------


def snapshot(desk: KalshiDesk, ticker: str, levels: Iterable[Level], *, yes_price: bool) -> bytes:
    """Return a whole book; an empty side has no key, and an unknown market no id."""
    sides_of: dict[bool, list[tuple[Price, Size]]] = {True: [], False: []}
    for level in levels:
        sides_of[level.bid].append((leg(level.bid, level.price, yes_price=yes_price), level.size))
    known = desk.row(ticker)
    row: Row = {
        "market_ticker": ticker,
        "market_id": "" if known is None else desk.id_of(known.listing.market.id),
    }
    for bid, name in ((True, "yes_dollars_fp"), (False, "no_dollars_fp")):
        if sides_of[bid]:
            row[name] = [
                [price_text(price), count_text(size)] for price, size in sorted(sides_of[bid])
            ]
    return encode(row)


def delta(
    desk: KalshiDesk, market: MarketId, level: Level, change: Size, now: Nanos, *, yes_price: bool
) -> Row:
    """Return the change of one level."""
    return {
        "market_ticker": market.native,
        "market_id": desk.id_of(market),
        "price_dollars": price_text(leg(level.bid, level.price, yes_price=yes_price)),
        "delta_fp": count_text(change),
        "side": "yes" if level.bid else "no",
        "ts": iso(now),
        "ts_ms": millis(now),
    }


def ticker(desk: KalshiDesk, market: MarketId, now: Nanos) -> bytes:
    """Return the best prices, the last trade and the volumes of a market."""
    tape, interest = desk.tape(market), desk.exchange.money.open_interest(market)
    bid, ask, bid_size, ask_size = written.best(desk.exchange.markets[market])
    last = tape.last
    return encode(
        {
            "market_id": desk.id_of(market),
            "market_ticker": market.native,
            "price_dollars": price_text(last.yes_price if last else 0),
            "yes_bid_dollars": bid,
            "yes_ask_dollars": ask,
            "volume_fp": count_text(tape.volume),
            "open_interest_fp": count_text(interest),
            # The venue counts half a dollar for each contract.
            "dollar_volume": tape.volume // (2 * ONE),
            "dollar_open_interest": interest // (2 * ONE),
            "yes_bid_size_fp": bid_size,
            "yes_ask_size_fp": ask_size,
            "last_trade_size_fp": count_text(last.size if last else 0),
            "ts": seconds(now),
            "ts_ms": millis(now),
            "time": iso(now),
        }
    )


def trade(told: PublicTrade) -> bytes:
    """Return a public trade."""
    outcome = "yes" if told.taker_bid else "no"
    return encode(
        {
            "trade_id": told.id,
            "market_ticker": told.market.native,
            "yes_price_dollars": price_text(told.yes_price),
            "no_price_dollars": price_text(ONE - told.yes_price),
            "count_fp": count_text(told.size),
            "taker_side": outcome,
            "taker_outcome_side": outcome,
            "taker_book_side": "bid" if told.taker_bid else "ask",
            "is_block_trade": False,
            "ts": seconds(told.at_ns),
            "ts_ms": millis(told.at_ns),
        }
    )


# --- private -------------------------------------------------------------------------------------


def fill(desk: KalshiDesk, told: KalshiFill) -> bytes:
    """Return a fill of a member."""
    way = sides(bid=told.bid)
    return encode(
        {
            "trade_id": told.trade,
            "order_id": told.order,
            "client_order_id": told.client,
            "market_ticker": told.market.native,
            "exchange_index": desk.shard_of(told.market),
            "is_taker": told.taker,
            **way,
            "yes_price_dollars": price_text(told.yes_price),
            "count_fp": count_text(told.size),
            "fee_cost": money_text(told.fee),
            "ts": seconds(told.at_ns),
            "ts_ms": millis(told.at_ns),
            "post_position_fp": count_text(told.position),
            "purchased_side": way["outcome_side"],
            "subaccount": told.subaccount,
        }
    )


def user_order(told: KalshiOrder) -> bytes:
    """Return an order of a member as it is now."""
    sent = told.kalshi
    way = sides(bid=told.bid)
    row: Row = {
        "order_id": sent.id,
        "user_id": sent.account,
        "ticker": sent.outcome.market.native,
        "status": told.status,
        "side": way["side"],
        "is_yes": told.bid,
        "outcome_side": way["outcome_side"],
        "book_side": way["book_side"],
        "yes_price_dollars": price_text(told.yes_price),
        "fill_count_fp": count_text(told.filled),
        "remaining_count_fp": count_text(told.remaining),
        "initial_count_fp": count_text(told.initial),
        "taker_fill_cost_dollars": money_text(told.taker_cost),
        "maker_fill_cost_dollars": money_text(told.maker_cost),
        "taker_fees_dollars": money_text(told.taker_fees),
        "maker_fees_dollars": money_text(told.maker_fees),
        "client_order_id": sent.client,
        "order_group_id": sent.group,
        "self_trade_prevention_type": sent.self_trade,
        "created_time": iso(told.created_ns),
        "created_ts_ms": millis(told.created_ns),
        "last_updated_ts_ms": millis(told.updated_ns),
        "last_update_reason": told.reason or "created",
        "subaccount_number": sent.subaccount,
    }
    if sent.good_until_ns is not None:
        row["expiration_time"] = iso(sent.good_until_ns)
        row["expiration_ts_ms"] = millis(sent.good_until_ns)
    return encode(row)


def position(told: PositionMoved) -> bytes:
    """Return what a member holds of a market."""
    held = told.position
    return encode(
        {
            "user_id": told.account,
            "market_ticker": told.market.native,
            "position_fp": count_text(held.contracts),
            "position_cost_dollars": money_text(held.cost),
            "realized_pnl_dollars": money_text(held.realized),
            "fees_paid_dollars": money_text(held.fees),
            "position_fee_cost_dollars": money_text(held.fees if held.contracts else 0),
            "volume_fp": count_text(held.volume),
            "subaccount": told.subaccount,
        }
    )


def group(told: GroupMoved) -> bytes:
    """Return what happened to an order group."""
    return encode(
        {
            "event_type": told.change,
            "order_group_id": told.group,
            "contracts_limit_fp": count_text(told.limit),
        }
    )
