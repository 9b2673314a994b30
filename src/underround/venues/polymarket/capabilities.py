"""What Polymarket's CLOB can do (generation 2, since 2026-04-28)."""

from __future__ import annotations

from typing import Final

from underround.model.ids import POLYMARKET
from underround.venues.capabilities import Capabilities, Channel, Fact

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
    speaks=Fact(("rest", "websocket"), "docs.polymarket.com/api-reference (2026-10)"),
    reads=Fact(
        (
            "time",
            "status",
            "fees",
            "listings",
            "book",
            "books",
            "trades",
            "prices",
            "order",
            "orders",
            "fills",
            "positions",
            "balance",
            "resolutions",
            "rewards",
            "allowances",
            "notices",
            "limits",
        ),
        "docs.polymarket.com/api-reference: CLOB, Gamma, Data API v2 (2026-10)",
    ),
    writes=Fact(
        (
            "place",
            "place_batch",
            "cancel",
            "cancel_batch",
            "cancel_market",
            "cancel_all",
            "api_keys",
            "wallet_calls",
        ),
        "docs.polymarket.com/api-reference: CLOB and relayer (2026-10)",
    ),
    channels=Fact(
        (
            Channel(
                stream="polymarket.market", topic="asset id", topics_per_socket=200, restates=True
            ),
            Channel(
                stream="polymarket.user", topic="condition id", topics_per_socket=200, private=True
            ),
            Channel(
                stream="polymarket.polybolt",
                topic="channel:symbol",
                topics_per_socket=64,
                private=True,
                restates=True,
            ),
            Channel(stream="polymarket.rtds", topic="topic:symbol", topics_per_socket=64),
            Channel(stream="polymarket.sports", topic="all games", topics_per_socket=1),
        ),
        "docs.polymarket.com, market, user, live-data and sports channels (2026-10); more than "
        "500 assets on a socket were seen to stall",
    ),
    replay=Fact("snapshot", "docs.polymarket.com, market channel: a subscription brings the book"),
    signatures=Fact(
        ("eip712", "hmac_sha256", "api_key"),
        "docs.polymarket.com/api-reference/authentication; the relayer's key is sent as it is",
    ),
    rate_groups=Fact(
        (
            "clob",
            "market",
            "markets",
            "history",
            "ticks",
            "account",
            "ledger",
            "notifications",
            "balance",
            "balance_update",
            "auth",
            "order",
            "orders",
            "cancel",
            "cancels",
            "cancel_all",
            "cancel_market",
            "heartbeat",
            "data",
            "data_trades",
            "data_positions",
            "gamma_events",
            "gamma_markets",
            "gamma_search",
            "gamma_series",
            "gamma_tags",
            "relayer",
            "relayer_reads",
            "site",
        ),
        "docs.polymarket.com, rate-limits (2026-10) and trading-rate-limits (2026-07-24)",
    ),
    tiers=Fact(
        ("standard", "copper", "bronze", "silver", "gold", "platinum", "diamond", "elite"),
        "docs.polymarket.com, trading-rate-limits (2026-07-24)",
    ),
    orders_per_batch=Fact(15, "docs.polymarket.com, POST /orders: at most 15 orders"),
    cancels_per_batch=Fact(
        120, "docs.polymarket.com, trading-rate-limits: burst of the standard tier, 1,000 above"
    ),
    idempotency=Fact("order_hash", "docs.polymarket.com, error codes: a repeat is duplicated"),
    heartbeat_ms=Fact(
        10_000, "docs.polymarket.com, heartbeats: once begun, 10 s of silence cancel every order"
    ),
    history=Fact(
        ("trades", "prices", "fills", "positions"),
        "docs.polymarket.com, Data API v2 and prices-history (2026-10)",
    ),
    history_days=Fact(3 * 365, "docs.polymarket.com, Data API v2: without a start, three years"),
    reference_feeds=Fact(
        ("pyth", "chainlink", "chainlink-twap60", "binance-rtds"),
        "docs.polymarket.com/api-reference/live-data/overview (2026-10)",
    ),
)
