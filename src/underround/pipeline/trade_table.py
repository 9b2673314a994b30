"""Trades as columns.  Amounts are millionths; a price is ``collateral / size``, exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from underround.venues.polygon.exchange_logs import Trade

SCHEMA: Final[dict[str, Any]] = {
    "at_s": pl.Int64,
    "block": pl.Int64,
    "log_index": pl.Int64,
    "transaction": pl.String,
    "exchange": pl.String,
    "token": pl.String,
    "size": pl.Int64,
    "collateral": pl.Int64,
    "maker_order": pl.String,
    "maker": pl.String,
    "maker_side": pl.String,
    "maker_fee": pl.Int64,
    "maker_fee_in_shares": pl.Boolean,
    "taker_order": pl.String,
    "taker": pl.String,
    "taker_side": pl.String,
    "taker_fee": pl.Int64,
    "taker_fee_in_shares": pl.Boolean,
    "kind": pl.String,
}


def trade_table(trades: Sequence[Trade]) -> pl.DataFrame:
    """Return one row per trade, in their order, with the columns of ``SCHEMA``."""
    return pl.DataFrame([_row(trade) for trade in trades], schema=SCHEMA, orient="row")


def _row(trade: Trade) -> tuple[Any, ...]:
    maker = trade.maker
    return (
        maker.place.at_s,
        maker.place.block,
        maker.place.log_index,
        str(maker.place.transaction),
        str(maker.exchange) if maker.exchange is not None else None,
        maker.token,
        maker.size,
        maker.collateral,
        str(maker.order),
        str(maker.owner),
        maker.side,
        maker.fee,
        maker.fee_in_shares,
        str(trade.taker_order) if trade.taker_order is not None else None,
        str(trade.taker),
        trade.taker_side,
        trade.taker_fee,
        trade.taker_fee_in_shares,
        trade.kind,
    )
