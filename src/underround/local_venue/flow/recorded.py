"""What a recording says of its markets and prices, in the local venue's terms."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from underround.local_venue.catalogue import question_ids
from underround.model.errors import RecordingCorrupt
from underround.model.ids import POLYMARKET, MarketId
from underround.model.listing import FeeEpoch, Listing
from underround.model.market import Catalogue, Market, decode_catalogue
from underround.model.units import Nanos
from underround.storage.recording import Recording

_CONDITION: Final = re.compile("0x[0-9a-f]{64}")


def recorded_catalogue(recording: Recording) -> Catalogue:
    """Return the markets of a recording; ``RecordingCorrupt`` when they cannot be read."""
    try:
        return decode_catalogue(recording.markets)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordingCorrupt(
            f"the markets of recording {recording.header.name} cannot be read ({error}): "
            "import it again"
        ) from error


class Local(msgspec.Struct, frozen=True):
    """A recorded catalogue as it can be listed here."""

    catalogue: Catalogue
    names: dict[MarketId, tuple[str, str]]
    """Slug and question id of each market."""
    renamed: dict[MarketId, MarketId]
    """What the recording's frames call a market → what it is called here."""


def localised(recorded: Catalogue) -> Local:
    """Return the catalogue with ids that a client of Polymarket can check.

    A condition id stays as it was.  Some recorders kept another name: such a market gets a
    condition, and tokens derived from it, that follow from the name.
    """
    here: dict[MarketId, Market] = {}
    names: dict[MarketId, tuple[str, str]] = {}
    for market in recorded.markets:
        native, question = market.id.native, ""
        moved = market
        if market.id.venue == POLYMARKET and _CONDITION.fullmatch(native) is None:
            question, condition, tokens = question_ids(native, market.neg_risk)
            moved = msgspec.structs.replace(
                market, id=MarketId(POLYMARKET, condition), tokens=tokens
            )
        here[market.id] = moved
        names[moved.id] = (native, question)
    groups = tuple(
        msgspec.structs.replace(group, markets=tuple(here[each].id for each in group.markets))
        for group in recorded.groups
    )
    resolutions = tuple(
        msgspec.structs.replace(each, market=here[each.market].id) for each in recorded.resolutions
    )
    renamed = {before: market.id for before, market in here.items() if before != market.id}
    return Local(Catalogue(tuple(here.values()), groups, resolutions), names, renamed)


def recorded_listing(market: Market, slug: str, shift: Nanos, now: Nanos) -> Listing:
    """Return the row of a recorded market: what the recording does not say stays empty."""
    closes = None if market.closes_ns is None else market.closes_ns + shift
    moved = msgspec.structs.replace(market, opens_ns=now, closes_ns=closes)
    return Listing(
        market=moved,
        slug=slug,
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
