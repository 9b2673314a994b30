"""The life of markets as Kalshi's WebSocket tells it.  A market that merely opens says nothing."""

from __future__ import annotations

from underround.local_venue.kalshi import rows as written
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.wording import price_text, seconds
from underround.model.ids import MarketId
from underround.simulation.matching.kalshi.terms import StageMoved
from underround.simulation.matching.terms import TicksMoved

Row = dict[str, object]


def created(desk: KalshiDesk, market: MarketId) -> Row:
    """Return that a market was listed, with its words."""
    row = desk.world.catalogue.markets[market]
    told = written.market_row(desk, row, row.listed_ns)
    listed = desk.exchange.markets[market]
    opens = row.listed_ns if listed.market.opens_ns is None else listed.market.opens_ns
    closes = listed.closes_ns or row.listing.ends_ns
    return {
        "market_ticker": market.native,
        "event_type": "created",
        "exchange_index": listed.shard,
        "open_ts": seconds(opens),
        "close_ts": None if closes is None else seconds(closes),
        "price_level_structure": told["price_level_structure"],
        "additional_metadata": metadata(desk, market, told),
    }


def metadata(desk: KalshiDesk, market: MarketId, told: Row | None = None) -> Row:
    """Return the words of a market."""
    row = desk.world.catalogue.markets[market]
    told = told or written.market_row(desk, row, row.listed_ns)
    names = (
        "title",
        "yes_sub_title",
        "no_sub_title",
        "rules_primary",
        "rules_secondary",
        "can_close_early",
        "event_ticker",
        "strike_type",
        "floor_strike",
    )
    words = {name: told[name] for name in names if name in told}
    ends = row.listing.ends_ns
    if ends is not None:
        words["expected_expiration_ts"] = seconds(ends)
    return {"name": told["title"], **words}


def event_created(desk: KalshiDesk, market: MarketId) -> Row:
    """Return that an event was listed."""
    row = desk.world.catalogue.markets[market]
    event = written.event_of(desk, row)
    return {
        "event_ticker": event.slug,
        "exchange_index": row.listing.shard or 0,
        "title": event.title,
        "subtitle": "",
        "collateral_return_type": "MECNET" if event.group is not None else "",
        "series_ticker": written.series_of(row),
    }


def stage(desk: KalshiDesk, moved: StageMoved) -> Row | None:
    """Return what a step of a market's life is told as; ``None``: it is not."""
    row: Row = {"market_ticker": moved.market.native}
    at = seconds(moved.at_ns)
    if moved.stage == "closed":
        if moved.closes_ns is None:
            return None
        return row | {"close_ts": seconds(moved.closes_ns), "event_type": "close_date_updated"}
    if moved.stage == "determined":
        listed = desk.exchange.markets[moved.market]
        return row | {
            "determination_ts": at,
            "result": written.result_of(listed),
            "settlement_value": price_text(listed.value or 0),
            "event_type": "determined",
        }
    if moved.stage == "finalized":
        return row | {"settled_ts": at, "event_type": "settled"}
    if moved.stage == "inactive":
        return row | {"event_type": "deactivated"}
    return row | {"event_type": "activated"} if moved.before == "inactive" else None


def grid(moved: TicksMoved) -> Row:
    """Return that a market has another price grid."""
    return {
        "market_ticker": moved.market.native,
        "event_type": "price_level_structure_updated",
        "price_level_structure": written.structure_of(moved.new),
        "price_ranges": written.price_ranges(moved.new),
    }


def words_changed(desk: KalshiDesk, market: MarketId) -> Row:
    """Return that the words or the strike of a market are others."""
    return {
        "market_ticker": market.native,
        "event_type": "metadata_updated",
        "additional_metadata": metadata(desk, market),
    }
