"""What Kalshi can do (trade-api v2, autumn 2026)."""

from __future__ import annotations

from typing import Final

from underround.model.ids import KALSHI
from underround.venues.capabilities import Capabilities, Fact

CAPABILITIES: Final = Capabilities(
    venue=KALSHI,
    trades=Fact(True, "docs.kalshi.com, POST /portfolio/events/orders"),
    book_proof=Fact("sequence", "docs.kalshi.com, websockets/orderbook-updates: sid and seq"),
    sequence_per=Fact(
        "subscription",
        "production capture of 2026-08-07: twelve markets and their acks share one sid's numbers",
    ),
    snapshot_timed=Fact(False, "captures of 2026-04, 05 and 08: orderbook_snapshot has no time"),
    deltas=Fact("signed", "docs.kalshi.com, websockets/orderbook-updates: delta_fp"),
    one_mirrored_book=Fact(True, "docs.kalshi.com, getting_started/orderbook_responses"),
    nets_outcomes=Fact(True, "docs.kalshi.com, positions: one signed number per market"),
    mints_sets=Fact(False, "docs.kalshi.com: no such request; YES and NO net to cash instead"),
    tifs=Fact(
        ("GTC", "GTD", "FOK", "FAK"),
        "docs.kalshi.com, create order v2: good_till_canceled (with expiration_time: GTD), "
        "fill_or_kill, immediate_or_cancel",
    ),
    post_only=Fact(True, "docs.kalshi.com, create order v2: post_only"),
    order_id_known=Fact(
        True, "docs.kalshi.com, create order v2: client_order_id is unique, a repeat answers 409"
    ),
    resolution_stated=Fact(True, "production capture of 2026-07-19: market_lifecycle_v2"),
)
