"""The fields of a market's row that say whether it trades, what it pays, costs and decides."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from underround.local_venue.catalogue import ORACLE, LocalMarket
from underround.local_venue.polymarket.gamma import text
from underround.model.fees import PolymarketFees
from underround.model.listing import Listing
from underround.model.units import Nanos
from underround.venues.polymarket.contracts import POLYGON

Row: TypeAlias = dict[str, Any]
_BASE_FEE: Final = 1_000
"""What every row says and nothing means."""
_DURATIONS: Final = {300: "5m", 900: "15m", 3_600: "1h", 14_400: "4h", 86_400: "1d"}
_CATEGORIES: Final = (
    "crypto",
    "sports",
    "finance",
    "politics",
    "mentions",
    "tech",
    "economics",
    "culture",
    "weather",
)
_SECOND_MS: Final = 1_000


def state_fields(row: LocalMarket, now: Nanos) -> Row:
    """Return whether a market is listed, takes orders, or is over."""
    listing = row.listing
    resolved = listing.state == "resolved"
    told: Row = {"active": True, "closed": resolved}
    if resolved and row.resolution is not None:
        told["closedTime"] = text.spaced_stamp(row.resolution.at_ns)
        told["resolvedBy"] = ORACLE
        told["umaEndDate"] = text.stamp(row.resolution.at_ns - row.resolution.at_ns % 10**9)
    told["acceptingOrders"] = listing.state == "open"
    opens = listing.market.opens_ns
    if opens is None and listing.state != "unopened":
        opens = row.listed_ns
    if opens is not None and (listing.state == "unopened" or opens <= now):
        told["acceptingOrdersTimestamp"] = text.stamp(opens - opens % 10**9)
    return told


def resolution_fields(row: LocalMarket) -> Row:
    """Return how far the answer is: asked, proposed, disputed, resolved."""
    listing = row.listing
    steps: list[str] = []
    if listing.state in {"closed", "resolved"} and listing.window is None:
        steps = ["proposed", "disputed"] if row.disputed else ["proposed"]
    told: Row = {"umaResolutionStatuses": text.text_list(steps)}
    status = resolution_status(row)
    if status:
        told["umaResolutionStatus"] = status
    if listing.state == "resolved":
        told["automaticallyResolved"] = listing.window is not None
    if listing.protocol == "v2":
        told |= _protocol_v2(row)
    return told


def resolution_status(row: LocalMarket) -> str:
    """Return ``umaResolutionStatus``; empty while nothing was proposed."""
    if row.listing.state == "resolved":
        return "resolved"
    if row.listing.state == "closed":
        return "disputed" if row.disputed else "proposed"
    return ""


def resolution_status_v2(row: LocalMarket) -> str:
    """Return ``resolutionStatus`` of a Protocol V2 market; empty for another."""
    if row.listing.protocol != "v2":
        return ""
    if row.listing.state == "resolved":
        return "resolved"
    return "inactive" if row.listing.state == "unopened" else "active"


def _protocol_v2(row: LocalMarket) -> Row:
    condition = row.listing.market.id.native
    return {
        "resolutionStatus": resolution_status_v2(row),
        "requestId": condition,
        "onchainEventId": f"{condition[:-6]}000000",
    }


def condition_of(listing: Listing) -> str:
    """Return the condition as Gamma writes it: Protocol V2 ids have 31 bytes."""
    native = listing.market.id.native
    return native[:-2] if listing.protocol == "v2" else native


def clob_tokens(listing: Listing) -> str:
    """Return ``clobTokenIds``, which Protocol V2 leaves empty."""
    return text.text_list(() if listing.protocol == "v2" else listing.market.tokens)


def position_ids(listing: Listing) -> Row:
    """Return ``positionIds`` of a Protocol V2 market: a real list, not text."""
    return {"positionIds": list(listing.market.tokens)} if listing.protocol == "v2" else {}


def fee_fields(listing: Listing) -> Row:
    """Return what takers pay and makers get back, and how long takers are held."""
    told: Row = {}
    if listing.taker_delay_ms and not listing.taker_delay_ms % _SECOND_MS:
        told["secondsDelay"] = listing.taker_delay_ms // _SECOND_MS
    told |= {"makerBaseFee": _BASE_FEE, "takerBaseFee": _BASE_FEE}
    fees = listing.market.fees
    if not isinstance(fees, PolymarketFees):
        return told | {"feesEnabled": False, "feeType": None}
    return told | {
        "feesEnabled": True,
        "makerRebatesFeeShareBps": 10_000,
        "feeType": _fee_type(listing),
        "feeSchedule": {
            "exponent": fees.exponent,
            "rate": text.number(fees.rate),
            "takerOnly": True,
            "rebateRate": text.number(listing.maker_rebate or 0),
        },
    }


def _fee_type(listing: Listing) -> str:
    tags = ("crypto", *listing.tags) if listing.window is not None else listing.tags
    category = next((tag for tag in tags if tag in _CATEGORIES), "other")
    return f"{category}_fees_v2"


def reward_fields(row: LocalMarket, now: Nanos) -> Row:
    """Return the terms of liquidity rewards; zeros where there are none."""
    terms = row.listing.rewards
    if terms is None:
        return {"rewardsMinSize": 0, "rewardsMaxSpread": 0}
    told: Row = {
        "rewardsMinSize": text.number(terms.min_size),
        "rewardsMaxSpread": text.number(terms.max_spread * 100),
    }
    if terms.daily is not None:
        told["clobRewards"] = [
            {
                "id": str(row.id),
                "conditionId": condition_of(row.listing),
                "assetAddress": POLYGON.collateral,
                "rewardsAmount": 0,
                "rewardsDailyRate": text.number(terms.daily),
                "startDate": text.day(min(row.listed_ns, now)),
                "endDate": "2500-12-31",
            }
        ]
    return told


def window_fields(listing: Listing) -> Row:
    """Return what a rolling up-or-down market is about, and when a game begins."""
    told: Row = {}
    if listing.game_starts_ns is not None:
        told["gameStartTime"] = text.spaced_stamp(listing.game_starts_ns)
    window = listing.window
    if window is None:
        return told
    told["eventStartTime"] = text.stamp(window.start_ns)
    if window.twap_seconds is None:
        return told
    asset, length = window.asset.lower(), window.duration_s
    duration = _DURATIONS.get(length, f"{length // 60}m")
    kind = f"twap-{window.twap_seconds}" if window.twap_seconds else "spot"
    told["cryptoMarketConfigId"] = f"{asset}-{duration}-{kind}"
    told["cryptoMarketConfig"] = {
        "id": told["cryptoMarketConfigId"],
        "asset": asset,
        "duration": duration,
        "twapEnabled": bool(window.twap_seconds),
        "twapLookbackSeconds": window.twap_seconds,
    }
    return told
