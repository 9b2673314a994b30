"""What Kalshi can do (trade-api v2, autumn 2026)."""

from __future__ import annotations

from typing import Final

from underround.model.ids import KALSHI
from underround.venues.capabilities import Capabilities, Channel, Fact

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
    speaks=Fact(("rest", "websocket"), "docs.kalshi.com, getting_started: REST and WebSocket (v2)"),
    reads=Fact(
        (
            "status",
            "fees",
            "listings",
            "book",
            "books",
            "trades",
            "candles",
            "order",
            "orders",
            "fills",
            "positions",
            "balance",
            "settlements",
            "queue",
            "limits",
        ),
        "docs.kalshi.com, OpenAPI 3.32.0 (2026-10-01)",
    ),
    writes=Fact(
        (
            "place",
            "place_batch",
            "amend",
            "decrease",
            "cancel",
            "cancel_batch",
            "cancel_all",
            "order_groups",
            "transfer",
        ),
        "docs.kalshi.com, orders V2, order groups, exchange sharding (2026-10)",
    ),
    channels=Fact(
        (
            Channel(
                stream="kalshi.book",
                topic="market ticker",
                topics_per_socket=1_000,
                private=True,
                restates=True,
            ),
            Channel(stream="kalshi.user", topic="channel", topics_per_socket=4, private=True),
            Channel(stream="kalshi.lifecycle", topic="channel", topics_per_socket=4, private=True),
            Channel(stream="kalshi.index", topic="index", topics_per_socket=4, private=True),
        ),
        "docs.kalshi.com, websockets: every connection is signed; how many markets is our choice",
    ),
    replay=Fact(
        "snapshot", "docs.kalshi.com, websockets: a subscription to books begins with snapshots"
    ),
    signatures=Fact(
        ("rsa_pss_sha256", "ed25519"), "docs.kalshi.com, getting_started/api_keys (2026-09-24)"
    ),
    rate_groups=Fact(
        (
            "read",
            "order.0",
            "order.1",
            "order.2",
            "order.3",
            "cancel.0",
            "cancel.1",
            "cancel.2",
            "cancel.3",
        ),
        "docs.kalshi.com, rate_limits and exchange_sharding: a write bucket per shard",
    ),
    tiers=Fact(
        ("basic", "advanced", "expert", "premier", "paragon", "prime", "prestige"),
        "docs.kalshi.com, rate_limits (2026-09-24)",
    ),
    orders_per_batch=Fact(
        9, "docs.kalshi.com, rate_limits: 10 tokens an order, 100 a second (basic), a tenth kept"
    ),
    cancels_per_batch=Fact(
        50, "docs.kalshi.com, rate_limits: 2 tokens a cancel, 100 a second (basic)"
    ),
    idempotency=Fact("client_order_id", "docs.kalshi.com, create order v2: a repeat answers 409"),
    heartbeat_ms=Fact(None, "docs.kalshi.com: no request that must be repeated to keep orders"),
    history=Fact(
        ("trades", "candles", "orders", "fills", "positions", "settlements"),
        "docs.kalshi.com, historical: archives behind the cutoff",
    ),
    history_days=Fact(None, "docs.kalshi.com, historical/cutoff: archives have no published end"),
    reference_feeds=Fact(
        ("cfbenchmarks", "cfbenchmarks-avg60"),
        "docs.kalshi.com, AsyncAPI (2026-08-22): cfbenchmarks_value, the index and its mean",
    ),
)
