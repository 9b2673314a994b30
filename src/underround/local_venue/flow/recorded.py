"""What a recording says of its markets and prices, in the local venue's terms."""

from __future__ import annotations

import msgspec

from underround.model.errors import RecordingCorrupt
from underround.model.ids import POLYMARKET
from underround.model.listing import FeeEpoch, Listing
from underround.model.market import Catalogue, Market, decode_catalogue
from underround.model.units import Nanos
from underround.storage.recording import Recording


def recorded_catalogue(recording: Recording) -> Catalogue:
    """Return the markets of a recording; ``RecordingCorrupt`` when they cannot be read."""
    try:
        return decode_catalogue(recording.markets)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordingCorrupt(
            f"the markets of recording {recording.header.name} cannot be read ({error}): "
            "import it again"
        ) from error


def recorded_listing(market: Market, shift: Nanos, now: Nanos) -> Listing:
    """Return the row of a recorded market: what the recording does not say stays empty."""
    closes = None if market.closes_ns is None else market.closes_ns + shift
    moved = msgspec.structs.replace(market, opens_ns=now, closes_ns=closes)
    return Listing(
        market=moved,
        slug=market.id.native,
        state="open",
        protocol="v1" if market.id.venue == POLYMARKET else None,
        rules=f"{market.title}\nPlayed from a recording; it ends as the recording says.",
        ends_ns=closes,
        fee_history=(FeeEpoch(0, market.fees),),
        shard=None if market.id.venue == POLYMARKET else 0,
        updated_ns=now,
    )


def local_symbol(source: str) -> str | None:
    """Return our symbol of a source's, e.g. ``btc/usd`` of ``coinbase:BTC-USD``.

    Averages are no spot price and are left out.
    """
    feed, _, pair = source.partition(":")
    if "twap" in feed or not pair:
        return None
    for quote in ("usdt", "usdc", "usd"):
        words = pair.lower().replace("-", "/").replace("_", "/")
        base = words.removesuffix(quote).strip("/")
        if words.endswith(quote) and base.isalnum():
            return f"{base}/usd"
    return None
