"""Listings for tests of the catalogue: one market each, named by a word."""

from __future__ import annotations

from typing import Any

from underround.model.fees import NoFees
from underround.model.ids import POLYMARKET, MarketId, Venue
from underround.model.listing import FeeEpoch, Found, Listing
from underround.model.market import EventGroup, Market, Resolution, TickEpoch, uniform_ticks
from underround.model.units import ONE, usd

SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND


def listing(name: str = "rain", venue: Venue = POLYMARKET, **changes: Any) -> Listing:
    """Return an open listing; ``changes`` are fields of it or of its market."""
    fields: dict[str, Any] = {
        "id": MarketId(venue, f"0x{name}"),
        "title": f"Will {name} come?",
        "outcomes": ("Yes", "No"),
        "tokens": (f"{name}-yes", f"{name}-no"),
        "currency": "pUSD",
        "ticks": (uniform_ticks("0.01"),),
        "min_size": 5 * ONE,
        "size_step": 10_000,
        "fees": NoFees(),
        "opens_ns": None,
        "closes_ns": None,
        "group": None,
        "neg_risk": False,
    }
    rest: dict[str, Any] = {
        "slug": name,
        "state": "open",
        "protocol": "v1",
        "rules": f"Yes if {name} comes.",
        "ends_ns": NOW + 3_600 * SECOND,
        "liquidity": usd("5000"),
        "updated_ns": NOW,
    }
    for key, value in changes.items():
        (fields if key in fields else rest)[key] = value
    market = Market(**fields)
    rest.setdefault("fee_history", (FeeEpoch(0, market.fees),))
    return Listing(market=market, **rest)


def found(
    *listings: Listing,
    groups: tuple[EventGroup, ...] = (),
    resolutions: tuple[Resolution, ...] = (),
) -> Found:
    """Return a look that shows these."""
    return Found(listings, groups, resolutions, {})


def paid(name: str = "rain", yes: int = ONE, at_ns: int = NOW) -> Resolution:
    """Return what a market paid."""
    return Resolution(MarketId(POLYMARKET, f"0x{name}"), at_ns, (yes, ONE - yes), "a test")


def grid(step: str, since_ns: int) -> tuple[TickEpoch, ...]:
    """Return one price grid as a market holds it."""
    return (uniform_ticks(step, since_ns),)
