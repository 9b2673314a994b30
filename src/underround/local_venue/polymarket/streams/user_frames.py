"""The frames of the user channel, in the venue's own forms.

An order is told by the key that placed it; a trade is told to the taker's key and to the key of
every maker, with all its makers, and again for every step of its settlement.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from underround.local_venue.polymarket.clob.order_terms import EARLY_NS
from underround.local_venue.polymarket.streams.market_frames import spaced
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.ids import MarketId, OutcomeId
from underround.model.market import Market
from underround.model.units import Nanos, decimal_text
from underround.simulation.matching.terms import BookOrder, MakerFill, Submission, Trade

OrderNews: TypeAlias = Literal["PLACEMENT", "UPDATE", "CANCELLATION"]
TraderSide: TypeAlias = Literal["TAKER", "MAKER"]
_AT_ONCE: Final = frozenset({"FOK", "FAK"})


def original_size(sent: Submission) -> str:
    """Return the size as ordered: of a FAK or FOK BUY the dollars to spend, else shares."""
    return decimal_text(sent.size if sent.budget is None else sent.budget)


def expiration(sent: Submission) -> str:
    """Return the expiration as stated, in Unix seconds; ``0``: none.

    The order leaves the book a minute before.
    """
    if sent.good_until_ns is None:
        return "0"
    return str((sent.good_until_ns + EARLY_NS) // NANOS_PER_SECOND)


def order(order: BookOrder, market: Market, news: OrderNews, at: Nanos) -> bytes:
    """Return what became of an order.

    One that had to fill at once and was killed never was in the book, and the venue tells less of
    it: its size matched, outcome and time of creation are empty (captured May 2026).
    """
    sent = order.sent
    killed = news == "CANCELLATION" and sent.tif in _AT_ONCE and not order.filled
    return spaced(
        {
            "id": sent.id,
            "owner": sent.owner,
            "market": market.id.native,
            "asset_id": _token(market, sent.outcome),
            "side": sent.side.upper(),
            "order_owner": sent.owner,
            "original_size": original_size(sent),
            "size_matched": "" if killed else decimal_text(order.filled),
            "price": decimal_text(sent.price),
            "associate_trades": list(order.trades) or ([] if killed else None),
            "outcome": "" if killed else market.label(sent.outcome.index),
            "type": news,
            "created_at": "" if killed else str(order.arrived_ns // NANOS_PER_SECOND),
            "expiration": expiration(sent),
            "order_type": sent.tif,
            "status": order.status,
            "maker_address": sent.account,
            "timestamp": str(at // NANOS_PER_MS),
            "event_type": "order",
        }
    )


def trade(trade: Trade, market: Market, owner: str, side: TraderSide, at: Nanos) -> bytes:
    """Return a step of a trade, as ``owner``'s key is told it."""
    return spaced(
        {
            "id": trade.id,
            "taker_order_id": trade.order,
            "market": market.id.native,
            "asset_id": _token(market, trade.outcome),
            "side": trade.side.upper(),
            "size": decimal_text(trade.size),
            "fee_rate_bps": "0",
            "price": decimal_text(trade.limit),
            "status": trade.status,
            "match_time": str(trade.at_ns // NANOS_PER_SECOND),
            "last_update": str((trade.changed_ns or trade.at_ns) // NANOS_PER_SECOND),
            "outcome": market.label(trade.outcome.index),
            "owner": trade.owner,
            "trade_owner": owner,
            "maker_address": trade.account,
            "transaction_hash": trade.transaction,
            "bucket_index": 0,
            "maker_orders": [_maker(fill, market) for fill in trade.makers],
            "trader_side": side,
            "type": "TRADE",
            "timestamp": str(at // NANOS_PER_MS),
            "event_type": "trade",
        }
    )


def _maker(fill: MakerFill, market: Market) -> dict[str, object]:
    return {
        "order_id": fill.order,
        "owner": fill.owner,
        "maker_address": fill.account,
        "matched_amount": decimal_text(fill.size),
        "price": decimal_text(fill.price),
        "fee_rate_bps": "0",
        "asset_id": _token(market, fill.outcome),
        "outcome": market.label(fill.outcome.index),
        "side": fill.side.upper(),
    }


def _token(market: Market, outcome: OutcomeId) -> str:
    return market.tokens[outcome.index]


def market_of(order: BookOrder) -> MarketId:
    """Return the market an order is in."""
    return order.sent.outcome.market
