"""What Polymarket's CLOB can do (generation 2, since 2026-04-28)."""

from __future__ import annotations

from typing import Final

from underround.model.ids import POLYMARKET
from underround.venues.capabilities import Capabilities, Fact

CAPABILITIES: Final = Capabilities(
    venue=POLYMARKET,
    trades=Fact(True, "docs.polymarket.com/api-reference, POST /order"),
    book_proof=Fact(
        "venue_hash",
        "recomputed on recorded books of 2026-02, 2026-04 and 2026-10; the documentation calls "
        "price_changes[].hash an order hash, which it is not",
    ),
    sequence_per=Fact("nothing", "docs.polymarket.com/developers/CLOB/websocket/market-channel"),
    snapshot_timed=Fact(True, "captures of 2026-04: timestamp is that of the last book change"),
    deltas=Fact("absolute", "docs.polymarket.com, market channel: size is the new aggregate"),
    one_mirrored_book=Fact(True, "captures of 2026-04: each change comes for YES and mirrored NO"),
    nets_outcomes=Fact(False, "docs.polymarket.com: both outcomes are held until merged"),
    mints_sets=Fact(True, "docs.polymarket.com, splitting and merging tokens"),
    tifs=Fact(("GTC", "GTD", "FOK", "FAK"), "docs.polymarket.com, POST /order, orderType"),
    post_only=Fact(True, "docs.polymarket.com, POST /order, postOnly: with GTC and GTD only"),
    order_id_known=Fact(
        True, "the order id is the EIP-712 digest of the order; vectors of the official SDKs"
    ),
    resolution_stated=Fact(
        True,
        "docs.polymarket.com, market_resolved (custom features on); reported missing at times",
    ),
)
