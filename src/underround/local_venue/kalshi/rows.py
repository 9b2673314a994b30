"""Rows of Kalshi's catalogue: series, events, markets, books, trades, candles."""

from __future__ import annotations

from typing import Final

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.tape import Candle, PublicTrade, Range, Tape
from underround.local_venue.kalshi.wording import count_text, iso, price_text
from underround.model.fees import FeeCurve, KalshiFees
from underround.model.listing import Listing
from underround.model.market import TickBand, TickEpoch, uniform_ticks
from underround.model.units import ONE, Nanos
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.terms import Level

Row = dict[str, object]
_YEAR_NS: Final = 365 * 86_400 * 10**9
_KINDS: Final = {
    0: "quadratic",
    250_000: "quadratic_with_maker_fees",
    500_000: "quadratic_with_combo_maker_fees",
}
_TAPERED: Final = (
    TickBand(0, 100_000, 1_000),
    TickBand(100_000, 900_000, 10_000),
    TickBand(900_000, ONE, 1_000),
)
_STRUCTURES: Final = {
    uniform_ticks("0.01").bands: "linear_cent",
    uniform_ticks("0.001").bands: "deci_cent",
    _TAPERED: "tapered_deci_cent",
}


# --- names ---------------------------------------------------------------------------------------


def series_of(row: LocalMarket) -> str:
    """Return the ticker of a market's series."""
    return row.listing.series or row.event.partition("-")[0]


def event_of(desk: KalshiDesk, row: LocalMarket) -> LocalEvent:
    """Return a market's event."""
    return desk.world.catalogue.events[row.event]


def shard_of(rows: list[LocalMarket]) -> int:
    """Return the shard of some markets, which is that of the first."""
    return rows[0].listing.shard or 0


# --- fees and grids ------------------------------------------------------------------------------


def fee_terms(fees: FeeCurve) -> tuple[str, float]:
    """Return type and multiplier of a fee curve."""
    if not isinstance(fees, KalshiFees):
        return "quadratic", 0
    kind = _KINDS.get(fees.maker_share, "quadratic_with_combo_maker_fees")
    multiplier = fees.multiplier / ONE
    return kind, int(multiplier) if multiplier.is_integer() else multiplier


def structure_of(ticks: TickEpoch) -> str:
    """Return the label of a price grid."""
    return _STRUCTURES.get(ticks.bands, "custom")


def price_ranges(ticks: TickEpoch) -> list[Row]:
    """Return a price grid."""
    return [
        {
            "start": price_text(band.start),
            "end": price_text(band.end),
            "step": price_text(band.step),
        }
        for band in ticks.bands
    ]


# --- series and events ---------------------------------------------------------------------------


def series_row(ticker: str, rows: list[LocalMarket], events: list[LocalEvent]) -> Row:
    """Return a series; its fees are those of its newest market."""
    newest = rows[-1].listing
    kind, multiplier = fee_terms(newest.market.fees)
    tags = list(dict.fromkeys(tag for event in events for tag in event.tags))
    category = tags[0] if tags else "World"
    return {
        "ticker": ticker,
        "title": newest.market.title,
        "frequency": "custom",
        "category": category,
        "categories": [category],
        "tags": tags,
        "settlement_sources": _sources(newest),
        "contract_url": "",
        "contract_terms_url": "",
        "fee_type": kind,
        "fee_multiplier": multiplier,
        "additional_prohibitions": [],
        "last_updated_ts": iso(newest.updated_ns or rows[-1].listed_ns),
        "exchange_index": shard_of(rows),
    }


def _sources(listing: Listing) -> list[Row]:
    return [{"name": listing.resolution_source, "url": ""}] if listing.resolution_source else []


def event_row(desk: KalshiDesk, event: LocalEvent, series_fees: FeeCurve) -> Row:
    """Return an event; fees other than its series' are an override."""
    rows = [desk.world.catalogue.markets[market] for market in event.markets]
    first = rows[0]
    own = first.listing.market.fees
    kind, multiplier = fee_terms(own)
    overrides = fee_terms(series_fees) != (kind, multiplier)
    return {
        "event_ticker": event.slug,
        "series_ticker": series_of(first),
        "title": event.title,
        "sub_title": "",
        "collateral_return_type": "MECNET" if event.group is not None else "",
        "mutually_exclusive": event.group is not None,
        "category": event.tags[0] if event.tags else "World",
        "strike_date": None if event.ends_ns is None else iso(event.ends_ns),
        "settlement_sources": _sources(first.listing),
        "last_updated_ts": iso(first.listing.updated_ns or first.listed_ns),
        "fee_type_override": kind if overrides else None,
        "fee_multiplier_override": multiplier if overrides else None,
        "exchange_index": shard_of(rows),
    }


# --- markets -------------------------------------------------------------------------------------


def market_row(desk: KalshiDesk, row: LocalMarket, now: Nanos) -> Row:
    """Return a market as it is listed."""
    listing = row.listing
    market = listing.market
    listed = desk.exchange.markets[market.id]
    created = row.listed_ns
    updated = max(listing.updated_ns or 0, listed.settled_ns or listed.determined_ns or created)
    opens = created if market.opens_ns is None else market.opens_ns
    ends = listing.ends_ns or listed.closes_ns or created + _YEAR_NS
    closes = listed.closes_ns or ends
    told: Row = {
        "ticker": market.id.native,
        "event_ticker": row.event,
        "market_type": "binary",
        "title": market.title,
        "yes_sub_title": market.outcomes[0],
        "no_sub_title": market.outcomes[1],
        "created_time": iso(created),
        "updated_time": iso(updated),
        "open_time": iso(opens),
        "close_time": iso(closes),
        "expected_expiration_time": iso(ends),
        "expiration_time": iso(max(ends, closes)),
        "latest_expiration_time": iso(max(ends, closes)),
        "settlement_timer_seconds": desk.exchange.settlement_timer_ns // 10**9,
        "status": listed.stage,
        "notional_value_dollars": "1.0000",
        "can_close_early": True,
        "early_close_condition": "This market may close early, when its result is known.",
        "rules_primary": listing.rules,
        "rules_secondary": "",
        "price_level_structure": structure_of(listed.book.ticks),
        "price_ranges": price_ranges(listed.book.ticks),
        "is_provisional": False,
        "exchange_index": listed.shard,
        "settlement_bounds_type": "default",
    }
    told |= _quotes(listed, desk.tape(market.id), now)
    told["open_interest_fp"] = count_text(desk.exchange.money.open_interest(market.id))
    return told | _outcome(listed) | _strike(listing)


def best(listed: Listed) -> tuple[str, str, str, str]:
    """Return best YES bid and ask and what rests there; 0 and 1 stand for an empty side."""
    book = listed.book
    bid, ask = book.bids.get(book.best_bid), book.asks.get(book.best_ask)
    return (
        price_text(book.best_bid),
        price_text(book.best_ask),
        count_text(bid.size if bid else 0),
        count_text(ask.size if ask else 0),
    )


def _quotes(listed: Listed, tape: Tape, now: Nanos) -> Row:
    book = listed.book
    bid, ask, bid_size, ask_size = best(listed)
    volume_24h, before = tape.day_before(now)
    last = tape.last
    traded = before.price.last if before is not None and before.price is not None else 0
    return {
        "yes_bid_dollars": bid,
        "yes_bid_size_fp": bid_size,
        "yes_ask_dollars": ask,
        "yes_ask_size_fp": ask_size,
        "no_bid_dollars": price_text(ONE - book.best_ask),
        "no_ask_dollars": price_text(ONE - book.best_bid),
        "last_price_dollars": price_text(last.yes_price if last else 0),
        "previous_price_dollars": price_text(traded),
        "previous_yes_bid_dollars": price_text(before.bid.last if before else 0),
        "previous_yes_ask_dollars": price_text(before.ask.last if before else 0),
        "volume_fp": count_text(tape.volume),
        "volume_24h_fp": count_text(volume_24h),
    }


def result_of(listed: Listed) -> str:
    """Return how a market ended, in a word; empty while it has not."""
    if listed.value is None:
        return ""
    return {0: "no", ONE: "yes"}.get(listed.value, "scalar")


def _outcome(listed: Listed) -> Row:
    told: Row = {"result": result_of(listed), "expiration_value": ""}
    if listed.value is not None:
        told["settlement_value_dollars"] = price_text(listed.value)
        told["expiration_value"] = result_of(listed)
    if listed.settled_ns is not None:
        told["settlement_ts"] = iso(listed.settled_ns)
    return told


def _strike(listing: Listing) -> Row:
    window = listing.window
    if window is None:
        return {"strike_type": "structured", "custom_strike": {}}
    if window.strike is None:
        return {"strike_type": "greater_or_equal"}
    whole, rest = divmod(window.strike, ONE)
    strike: object = float(f"{whole}.{rest:06d}") if rest else whole
    return {"strike_type": "greater_or_equal", "floor_strike": strike}


# --- books, trades, candles ----------------------------------------------------------------------


def book_row(levels: tuple[list[Level], list[Level]], depth: int = 0) -> Row:
    """Return a book: bids of each leg, the best last, as many as ``depth`` of each (0: all)."""
    bids, asks = levels
    yes = [[price_text(level.price), count_text(level.size)] for level in bids]
    no = [[price_text(ONE - level.price), count_text(level.size)] for level in asks]
    if depth:
        yes, no = yes[:depth], no[:depth]
    return {"yes_dollars": yes[::-1], "no_dollars": no[::-1]}


def trade_row(trade: PublicTrade) -> Row:
    """Return a public trade."""
    side = "yes" if trade.taker_bid else "no"
    return {
        "trade_id": trade.id,
        "ticker": trade.market.native,
        "count_fp": count_text(trade.size),
        "yes_price_dollars": price_text(trade.yes_price),
        "no_price_dollars": price_text(ONE - trade.yes_price),
        "taker_side": side,
        "taker_outcome_side": side,
        "taker_book_side": "bid" if trade.taker_bid else "ask",
        "is_block_trade": False,
        "created_time": iso(trade.at_ns),
    }


def candle_row(candle: Candle) -> Row:
    """Return a candle; without trades its price says only what was before."""
    price: Row = {}
    if candle.price is not None:
        price = _range(candle.price)
        price["mean_dollars"] = price_text(candle.turnover * ONE // candle.volume // 100 * 100)
    if candle.previous is not None:
        price["previous_dollars"] = price_text(candle.previous)
    return {
        "end_period_ts": candle.end_s,
        "yes_bid": _range(candle.bid),
        "yes_ask": _range(candle.ask),
        "price": price,
        "volume_fp": count_text(candle.volume),
        "open_interest_fp": count_text(candle.open_interest),
    }


def _range(course: Range) -> Row:
    return {
        "open_dollars": price_text(course.first),
        "high_dollars": price_text(course.high),
        "low_dollars": price_text(course.low),
        "close_dollars": price_text(course.last),
    }
