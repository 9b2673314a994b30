"""Orders and trades as ``/data`` lists them: numbers as text, times in seconds."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from underround.local_venue.polymarket.streams.user_frames import expiration, original_size
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OutcomeId
from underround.model.units import decimal_text
from underround.simulation.matching.terms import AccountId, BookOrder, MakerFill, Trade

Row = dict[str, object]
SIDE_WORDS: Final = {"buy": "BUY", "sell": "SELL"}


def named(world: World, outcome: OutcomeId) -> tuple[str, str]:
    """Return an outcome's token and label."""
    market = world.catalogue.markets[outcome.market].listing.market
    return market.tokens[outcome.index], market.outcomes[outcome.index]


def order_row(world: World, order: BookOrder) -> Row:
    """Return an order; a BUY that takes at once states its dollars as its size."""
    sent = order.sent
    token, label = named(world, sent.outcome)
    return {
        "id": sent.id,
        "status": order.status,
        "owner": sent.owner,
        "maker_address": sent.account,
        "market": sent.outcome.market.native,
        "asset_id": token,
        "side": SIDE_WORDS[sent.side],
        "original_size": original_size(sent),
        "size_matched": decimal_text(order.filled),
        "price": decimal_text(sent.price),
        "outcome": label,
        "expiration": expiration(sent),
        "order_type": sent.tif,
        "associate_trades": list(order.trades),
        "created_at": order.arrived_ns // NANOS_PER_SECOND,
    }


def trade_row(world: World, trade: Trade, own: Container[AccountId]) -> Row:
    """Return a trade as one of its parties sees it; ``own`` are the reader's accounts.

    Side, asset, price and size are the taker's; a maker finds its own among ``maker_orders``.
    """
    token, label = named(world, trade.outcome)
    return {
        "id": trade.id,
        "taker_order_id": trade.order,
        "market": trade.market.native,
        "asset_id": token,
        "side": SIDE_WORDS[trade.side],
        "size": decimal_text(trade.size),
        "fee_rate_bps": "0",
        "price": decimal_text(trade.limit),
        "status": trade.status,
        "match_time": str(trade.at_ns // NANOS_PER_SECOND),
        "last_update": str((trade.changed_ns or trade.at_ns) // NANOS_PER_SECOND),
        "outcome": label,
        "bucket_index": 0,
        "owner": trade.owner,
        "maker_address": trade.account,
        "transaction_hash": trade.transaction,
        "maker_orders": [maker_row(world, fill) for fill in trade.makers],
        "trader_side": "TAKER" if trade.account in own else "MAKER",
    }


def maker_row(world: World, fill: MakerFill) -> Row:
    """Return what one resting order got; everything in it is the maker's own."""
    token, label = named(world, fill.outcome)
    return {
        "order_id": fill.order,
        "owner": fill.owner,
        "maker_address": fill.account,
        "matched_amount": decimal_text(fill.size),
        "price": decimal_text(fill.price),
        "fee_rate_bps": "0",
        "asset_id": token,
        "outcome": label,
        "side": SIDE_WORDS[fill.side],
    }
