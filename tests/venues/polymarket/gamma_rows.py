"""Rows as Gamma writes them, made here: ids follow from each other, words are ours."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from underround.model.listing import Found, Listing
from underround.venues.polymarket.gamma.look import Look
from underround.venues.polymarket.ids import derive_tokens

NOW = 1_791_241_500_000_000_000
"""2026-10-05T23:05:00Z."""
CONDITION_V2 = "0x017791f201d5a788e0039e511fc1900e5f0000000000000000000000000000"
"""31 bytes, as in the captured book of a Protocol V2 market (2026-10-05)."""

Row = dict[str, Any]


def market_row(number: int = 1, *, neg_risk: bool = False, **changes: Any) -> Row:
    """Return an open CTF market's row; ``...`` as a value takes the field out."""
    condition = f"0x{number:064x}"
    row: Row = {
        "id": str(number),
        "conditionId": condition,
        "slug": f"will-it-rain-{number}",
        "question": f"Will it rain on day {number}?",
        "description": "Yes if a drop falls.",
        "resolutionSource": "https://rain.example",
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["0.31", "0.69"]',
        "clobTokenIds": json.dumps(derive_tokens(condition, neg_risk=neg_risk)),
        "version": "v1",
        "closed": False,
        "archived": False,
        "active": True,
        "enableOrderBook": True,
        "acceptingOrders": True,
        "negRisk": neg_risk,
        "feesEnabled": True,
        "feeType": "weather_fees",
        "feeSchedule": {"exponent": 1, "rate": 0.05, "takerOnly": True, "rebateRate": 0.25},
        "makerBaseFee": 1000,
        "takerBaseFee": 1000,
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "rewardsMinSize": 50,
        "rewardsMaxSpread": 4.5,
        "endDate": "2026-10-06T12:00:00Z",
        "acceptingOrdersTimestamp": "2026-10-04T23:07:16Z",
        "updatedAt": "2026-10-05T23:04:00.5Z",
        "liquidity": "18191.2606",
        "volume": "79945.98005599984",
        "volume24hr": 1941.5,
        "umaResolutionStatuses": "[]",
    }
    return _changed(row, changes)


def v2_row(**changes: Any) -> Row:
    """Return the row of a Protocol V2 market."""
    first = int(CONDITION_V2, 16) << 8
    row = market_row(
        conditionId=CONDITION_V2,
        version="v2",
        clobTokenIds="[]",
        positionIds=[str(first), str(first | 1)],
    )
    return _changed(row, changes)


def event_row(markets: list[Row], **changes: Any) -> Row:
    """Return a neg-risk event to which nothing can be added."""
    row: Row = {
        "id": "7",
        "slug": "which-day",
        "title": "Which day is the first of rain?",
        "negRisk": True,
        "enableNegRisk": True,
        "negRiskAugmented": False,
        "seriesSlug": "rain-weekly",
        "tags": [{"id": "84", "slug": "weather", "label": "Weather"}],
        "markets": markets,
    }
    return _changed(row, changes)


def _changed(row: Row, changes: Row) -> Row:
    return {key: value for key, value in {**row, **changes}.items() if value is not ...}


def raw(row: Row) -> msgspec.Raw:
    """Return a row as it stands inside a page."""
    return msgspec.Raw(json.dumps(row).encode())


def look_at(*rows: Row, archive: bool = False, now: int = NOW) -> Found:
    """Return what market rows (or events, told by their markets) say."""
    look = Look(now, archive=archive)
    for row in rows:
        if "markets" in row:
            look.event(raw(row))
        else:
            look.market(raw(row))
    return look.found()


def listing_of(row: Row, *, archive: bool = False, now: int = NOW) -> Listing:
    """Return the one listing a row must give."""
    found = look_at(row, archive=archive, now=now)
    assert not found.refused, found.refused
    return found.listings[0]


def why_refused(row: Row, *, archive: bool = False) -> str:
    """Return the one reason for which a row must be refused."""
    found = look_at(row, archive=archive)
    assert not found.listings
    assert list(found.refused.values()) == [1]
    return next(iter(found.refused))
