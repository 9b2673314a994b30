"""A market as the CLOB lists it: the long form, the simplified one, and the compact one.

JSON numbers are written from exact integers; what is false or absent the compact form leaves out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.polymarket.gamma.names import neg_risk_market
from underround.local_venue.polymarket.gamma.text import number, stamp
from underround.local_venue.world import World
from underround.model.fees import PolymarketFees
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.listing import RewardTerms
from underround.model.market import CENT
from underround.model.units import ONE, Nanos, Price
from underround.venues.polymarket.contracts import POLYGON

Row = dict[str, object]
LastPrice = Callable[[str], Price | None]
"""The last price of a token; ``None``: nothing was traded."""
_LEGACY_FEE: Final = 1_000
"""What the fields of CLOB V1's fees say wherever anything is charged; no fee follows from it."""


def cents(price: Price) -> msgspec.Raw:
    """Return a distance of prices as a JSON number of cents."""
    return number(price * ONE // CENT)


def iso(at: Nanos) -> str:
    """Return a time as text, to the second."""
    return stamp(at - at % NANOS_PER_SECOND)


def charges(row: LocalMarket) -> bool:
    """Whether takers pay a fee there."""
    fees = row.listing.market.fees
    return isinstance(fees, PolymarketFees) and fees.rate > 0


def legacy_fee(row: LocalMarket) -> int:
    """Return the fee of CLOB V1's fields, in basis points."""
    return _LEGACY_FEE if charges(row) else 0


def accepting(row: LocalMarket) -> bool:
    """Whether orders are taken now."""
    return row.listing.state == "open"


def tokens(row: LocalMarket, last: LastPrice) -> list[Row]:
    """Return the outcomes; a resolved one is worth what it pays."""
    market, resolution = row.listing.market, row.resolution
    rows: list[Row] = []
    for index, token in enumerate(market.tokens):
        if resolution is None:
            price = last(token)
            price = ONE // 2 if price is None else price
        else:
            price = resolution.payouts[index]
        rows.append(
            {
                "token_id": token,
                "outcome": market.outcomes[index],
                "price": number(price),
                "winner": resolution is not None and resolution.payouts[index] == ONE,
            }
        )
    return rows


def rewards(terms: RewardTerms | None) -> Row:
    """Return the terms of liquidity rewards in the long form."""
    if terms is None:
        return {"rates": None, "min_size": 0, "max_spread": 0}
    rate = {
        "asset_address": POLYGON.collateral,
        "rewards_daily_rate": number(terms.daily or 0),
    }
    return {
        "rates": [rate] if terms.daily else None,
        "min_size": number(terms.min_size),
        "max_spread": cents(terms.max_spread),
    }


def long_form(world: World, row: LocalMarket, last: LastPrice) -> Row:
    """Return a row of ``/markets``."""
    listing = row.listing
    market = listing.market
    event = world.catalogue.events[row.event]
    closed = listing.state in {"closed", "resolved"}
    ends, starts = listing.ends_ns, listing.game_starts_ns
    half = row.resolution is not None and row.resolution.payouts == (ONE // 2, ONE // 2)
    return {
        "enable_order_book": not closed,
        "active": True,
        "closed": closed,
        "archived": False,
        "accepting_orders": accepting(row),
        "accepting_order_timestamp": iso(market.opens_ns or row.listed_ns),
        "minimum_order_size": number(market.min_size),
        "minimum_tick_size": number(world.polymarket.ticks(market.id).finest),
        "condition_id": market.id.native,
        "question_id": row.question_id,
        "question": market.title,
        "description": listing.rules,
        "market_slug": listing.slug,
        "end_date_iso": None if ends is None else iso(ends),
        "game_start_time": None if starts is None else iso(starts),
        "seconds_delay": _delay_seconds(row),
        "fpmm": "",
        "maker_base_fee": legacy_fee(row),
        "taker_base_fee": legacy_fee(row),
        "notifications_enabled": True,
        "neg_risk": market.neg_risk,
        "neg_risk_market_id": neg_risk_market(event) if market.neg_risk else "",
        "neg_risk_request_id": row.question_id if market.neg_risk else "",
        "icon": "",
        "image": "",
        "rewards": rewards(listing.rewards),
        "is_50_50_outcome": half,
        "tokens": tokens(row, last),
        "tags": list(listing.tags) or None,
    }


def simplified(row: LocalMarket, last: LastPrice) -> Row:
    """Return a row of ``/simplified-markets``."""
    listing = row.listing
    return {
        "condition_id": listing.market.id.native,
        "rewards": rewards(listing.rewards),
        "tokens": tokens(row, last),
        "active": True,
        "closed": listing.state in {"closed", "resolved"},
        "archived": False,
        "accepting_orders": accepting(row),
    }


def compact(world: World, row: LocalMarket) -> Row:
    """Return the answer of ``/clob-markets``: what an order must obey."""
    listing = row.listing
    market, terms = listing.market, listing.rewards
    told: Row = {}
    if listing.game_starts_ns is not None:
        told["gst"] = iso(listing.game_starts_ns)
    if terms is not None:
        told["r"] = {
            "mi": number(terms.min_size),
            "ma": cents(terms.max_spread),
            "moas": terms.min_age_s or 0,
        }
    told["t"] = [
        {"t": token, "o": label}
        for token, label in zip(market.tokens, market.outcomes, strict=True)
    ]
    told["c"] = market.id.native
    told["mos"] = number(market.min_size)
    told["mts"] = number(world.polymarket.ticks(market.id).finest)
    told["mbf"] = told["tbf"] = legacy_fee(row)
    told |= _flags(row)
    if isinstance(market.fees, PolymarketFees) and market.fees.rate:
        fees = market.fees
        told["fd"] = {"r": number(fees.rate), "e": fees.exponent, "to": True}
    told["v"] = listing.protocol or "v1"
    return told


def _flags(row: LocalMarket) -> Row:
    """Return the switches that are on."""
    market = row.listing.market
    flags: Row = {}
    if market.neg_risk:
        flags["nr"] = True
    if accepting(row):
        flags["ao"] = True
    flags["aot"] = iso(market.opens_ns or row.listed_ns)
    seconds = _delay_seconds(row)
    if seconds:
        flags["sd"] = seconds
    elif row.listing.taker_delay_ms:
        flags["itode"] = True
    return flags


def _delay_seconds(row: LocalMarket) -> int:
    """Return a delay of whole seconds, as sports have; shorter ones are told by ``itode``."""
    return (row.listing.taker_delay_ms or 0) * NANOS_PER_MS // NANOS_PER_SECOND
