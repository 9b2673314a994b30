"""A market's properties as people and programs read them."""

from __future__ import annotations

from underround.app.markets.quotes import Quote
from underround.app.markets.search import name_of
from underround.cli.screen import span
from underround.model.fees import FeeCurve, KalshiFees, NoFees
from underround.model.listing import Listing
from underround.model.units import ONE, Nanos, Price, decimal_text

_KALSHI_RATE = 70_000
"""0.07 in millionths: the rate that Kalshi's multiplier is of."""


def end_of(listing: Listing) -> Nanos | None:
    """Return when the market ends, as far as it says."""
    return listing.window.end_ns if listing.window is not None else listing.ends_ns


def ended_in(listing: Listing, now: Nanos) -> str:
    """Return how long until the nominal end."""
    end = end_of(listing)
    if end is None:
        return "–"
    return span(end - now) if end > now else "over"


def fee_words(fees: FeeCurve) -> str:
    """Return what a taker pays per share at price p."""
    if isinstance(fees, NoFees):
        return "0"
    if isinstance(fees, KalshiFees):
        rate = _KALSHI_RATE * fees.multiplier // ONE
        maker = f", makers {decimal_text(fees.maker_share)} of it" if fees.maker_share else ""
        return f"{decimal_text(rate)}·p(1-p){maker}" if rate else "0"
    if not fees.rate:
        return "0"
    curve = "p(1-p)" if fees.exponent == 1 else f"(p(1-p))^{fees.exponent}"
    return f"{decimal_text(fees.rate)}·{curve}"


def flags_of(listing: Listing) -> list[str]:
    """Return what somebody who trades this market must know, in a word each."""
    flags: list[str] = []
    if listing.state != "open":
        flags.append(listing.state)
    if listing.market.neg_risk:
        flags.append("neg-risk")
    if listing.placeholder:
        flags.append("placeholder")
    if listing.augmented:
        flags.append("augmented")
    if listing.protocol == "v2":
        flags.append("v2")
    if listing.taker_delay_ms:
        flags.append(f"delay-{decimal_text(listing.taker_delay_ms * 1_000)}s")
    if listing.window is not None and listing.window.twap_seconds:
        flags.append(f"twap-{listing.window.twap_seconds}s")
    if listing.rewards is not None:
        flags.append("rewards")
    return flags


def decimal(number: int | None) -> str | None:
    """Return millionths as decimal text; ``None`` stays ``None``."""
    return None if number is None else decimal_text(number)


def listing_json(listing: Listing, quote: Quote | None, now: Nanos) -> dict[str, object]:
    """Return a market for programs: amounts as decimal text, times in Unix nanoseconds."""
    market = listing.market
    window = listing.window
    return {
        "name": name_of(listing),
        "venue": market.id.venue,
        "slug": listing.slug,
        "id": market.id.native,
        "title": market.title,
        "outcomes": market.outcomes,
        "tokens": market.tokens,
        "state": listing.state,
        "bid": _side(quote, "bid"),
        "bid_size": _side(quote, "bid_size"),
        "ask": _side(quote, "ask"),
        "ask_size": _side(quote, "ask_size"),
        "liquidity": decimal(listing.liquidity),
        "volume": decimal(listing.volume),
        "volume_24h": decimal(listing.volume_24h),
        "ends_ns": end_of(listing),
        "ends_in_s": None if (end := end_of(listing)) is None else (end - now) // 1_000_000_000,
        "tick": decimal_text(market.ticks[-1].finest),
        "min_size": decimal_text(market.min_size),
        "fees": market.fees,
        "taker_fee": fee_words(market.fees),
        "flags": flags_of(listing),
        "tags": listing.tags,
        "series": listing.series,
        "group": market.group,
        "window": window,
        "resolution_source": listing.resolution_source,
        "rules_hash": listing.rules_hash,
    }


def _side(quote: Quote | None, name: str) -> str | None:
    number: Price | None = None if quote is None else getattr(quote, name)
    return decimal(number)
