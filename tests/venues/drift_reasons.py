"""Why a struct has no stored sample, and why a field that matters may be absent.

Each reason names where the shape is known from; whoever captures the message moves the struct to
``drift.SEEN``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_OPENAPI: Final = "docs.kalshi.com, OpenAPI 3.32.0 (2026-10-01): no capture"
_ASYNCAPI: Final = "docs.kalshi.com, AsyncAPI: required there, left out of its own example"
_CLOB: Final = "docs.polymarket.com/api-reference, and polymarket-client 0.14.0: no capture"
_DATA: Final = "docs.polymarket.com, Data API v2: no capture"
_RELAYER: Final = "docs.polymarket.com/api-reference/relayer, polymarket-client 0.14.0: no capture"
_LCD: Final = "emissions_v10_rest_client.py of allora-sdk 1.3.0: no capture"
_SUBGRAPH: Final = "Polymarket/polymarket-subgraph, orderbook-subgraph schema: no capture"
_RPC: Final = "ethereum/execution-apis; checked against a local node, whose answers are not stored"
_ERRORS: Final = "bodies of refusals: every field is optional, words only"


def _all(reason: str, prefix: str, *names: str) -> dict[str, str]:
    return {f"{prefix}.{name}": reason for name in names}


UNSEEN: Final[Mapping[str, str]] = {
    **_all(_LCD, "allora.answers", "_Active", "_Block", "_BlockEnvelope", "_Header", "_NextTopic",
           "_Topic", "_TopicEnvelope"),
    **_all("CometBFT 0.38, NewBlockHeader: no capture", "allora.codec", "_BlockHeader", "_Header"),
    "allora.refusals._Body": _ERRORS,
    "allora.stream._Word": "CometBFT 0.38, JSON-RPC: acknowledgements are not in the capture",
    "binance.refusals._Body": _ERRORS,
    **_all("docs.cdp.coinbase.com/exchange, websocket-feed: recordings of others, not stored here",
           "coinbase.codec", "_Head", "_Print"),
    **_all(_SUBGRAPH, "goldsky.answers", "Row", "_Answer", "_Complaint", "_Data"),
    **_all(_OPENAPI, "kalshi.account_answers", "Allocation", "_Allocations", "_Group", "_Groups",
           "_NewGroup", "_Transfer"),
    **_all(_OPENAPI, "kalshi.answers", "ExchangeStatus", "Hours", "Maintenance", "Schedule",
           "ShardStatus", "Week", "_AsOf", "_BooksBody", "_ScheduleBody", "_Trades"),
    "kalshi.candles._OldCandles": "the capture holds its rows without the envelope",
    **_all(_OPENAPI, "kalshi.catalogue_answers", "EventAnswer", "EventFeeChange",
           "SeriesFeeChange", "_AllSeries", "_Event", "_EventChanges", "_Events",
           "_SeriesChanges"),
    **_all(_OPENAPI, "kalshi.portfolio_answers", "_Queue", "_Queued", "_Resting"),
    **_all(_OPENAPI, "kalshi.stated_orders", "_OneOrder", "_Order", "_Orders"),
    **_all(_ASYNCAPI, "kalshi.user_wire", "Fill", "FillFrame", "UserOrder", "UserOrderFrame"),
    "kalshi.wire.RequestedBook": _OPENAPI,
    **_all(_RPC, "polygon.answers", "Block", "FeeHistory", "KnownTransaction"),
    **_all(_CLOB, "polymarket.account_answers", "Geoblock", "_Balance", "_Beat", "_BuilderFees",
           "_ClosedOnly", "_History", "_NoticeRow", "_Point", "_Scoring", "_TickSize", "_Tier",
           "_WrongBeat"),
    **_all(_CLOB, "polymarket.answers", "Page", "_CancelledBody", "_OrderRow", "_PlacedRow"),
    **_all(_DATA, "polymarket.approvals", "_Approvals", "_Contract"),
    **_all(_DATA, "polymarket.data_answers", "_Paging", "_PositionRow", "_Value"),
    **_all("docs.polymarket.com, Gamma keyset pages: the stored ones are rows",
           "polymarket.gamma.wire", "EventsPage", "MarketsPage"),
    **_all(_CLOB, "polymarket.key_answers", "_ApiKeys", "_Credentials", "_NamedKey",
           "_ReadonlyKeys"),
    **_all(_CLOB, "polymarket.public", "_TokenMarket", "_Version"),
    "polymarket.polybolt._Payload": "docs example; the fifth line of polybolt_docs_examples.jsonl",
    **_all(_RELAYER, "polymarket.relayer.answers", "_Deployed", "_Params", "_Submitted",
           "_Transaction"),
    **_all(_CLOB, "polymarket.reward_answers", "_EarningRow", "_RateOfDay", "_RebateRow",
           "_RewardRow"),
    "polymarket.sports.ScoreNoted": "docs.polymarket.com, sports channel (2026-10): no capture",
    **_all("recordings of 2024 and 2025 in the shared folder, not among the samples",
           "polymarket.wire", "BareChange", "BareChanges"),
}  # fmt: skip

_NAIVE: Final = "not computed for every topic; the combined value is what is used"
_TELLS: Final = "only tells which message this is; the message has structs of its own"
_KIND: Final = "depends on the kind of event; the codec demands what its kind needs"
_TWIN: Final = "one of two names of one time or side; the codec demands one of them"
_NOT_OURS: Final = "an order placed elsewhere carries none; it is then told as a foreign one"
_INFORMATIVE: Final = "shown only; nothing is booked or decided by it"
_NO_TRADE: Final = "absent in a period without a trade; a bar that is there must be whole"
_OVERRIDE: Final = "null means that the series' fees hold"
_UNSETTLED: Final = "absent until the market is settled"
_CHECKED: Final = "a second word for the outcome's side, checked where it is there"
_HASHED: Final = "what the book hash covers; a book without it is never proven"
_OLDER: Final = "left out by older recordings"
_SHARDS: Final = "absent on accounts without shards"

MAY_BE_ABSENT: Final[Mapping[str, Mapping[str, str]]] = {
    "allora.answers.BundleV9": {"naive_value": _NAIVE},
    "allora.answers._BundleV10": {"naive_value": _NAIVE},
    "allora.codec._Attribute": {"value": "null for an empty text; a key that is read is demanded"},
    "allora.codec._Message": {"result": "absent beside an error; with neither it is refused"},
    "allora.consumer._InferenceData": {
        "confidence_interval_values_normalized": "no longer computed by the chain"
    },
    "allora.consumer._SignedData": {
        "token_decimals": "18 by the SDK; compared with the value in normal form"
    },
    "allora.consumer._Topics": {"continuation_token": "absent on the last page"},
    "allora.stream._Word": {"id": _TELLS, "result": _TELLS},
    "binance.answers._Filter": {"tickSize": "filters have fields of their own; demanded of two"},
    "binance.stream._Word": {"e": _TELLS, "result": _TELLS},
    "binance.wire.BookTicker": {
        "T": "spot states no time, futures do", "E": "spot states no time, futures do"
    },
    "binance.wire.Head": dict.fromkeys(("e", "u", "b", "lastUpdateId", "result"), _TELLS),
    "kalshi.account_answers._Group": {
        "id": "left out by the request for one group, which names it",
        "contracts_limit_fp": "a group may have no limit",
    },
    "kalshi.answers.Cutoff": {"market_positions_last_updated_ts": "added in 2026"},
    "kalshi.answers.ExchangeStatus": {
        "exchange_estimated_resume_time": "absent while it is open",
        "exchange_index_statuses": _SHARDS,
    },
    "kalshi.answers._Trade": {"taker_book_side": _CHECKED},
    "kalshi.candles._LiveBar": dict.fromkeys(
        ("open_dollars", "high_dollars", "low_dollars", "close_dollars", "mean_dollars",
         "previous_dollars"), _NO_TRADE,
    ),
    "kalshi.catalogue_answers.EventAnswer": {
        "fee_type_override": _OVERRIDE, "fee_multiplier_override": _OVERRIDE,
        "markets": "nested only on request",
    },
    "kalshi.catalogue_answers.EventFeeChange": {
        "fee_type_override": _OVERRIDE, "fee_multiplier_override": _OVERRIDE
    },
    "kalshi.catalogue_answers.MarketAnswer": {
        "expected_expiration_time": _INFORMATIVE, "settlement_ts": _UNSETTLED,
        "settlement_value_dollars": _UNSETTLED, "fee_waiver_expiration_time": "most have no waiver",
    },
    "kalshi.catalogue_answers._Event": {"markets": "nested in the event or beside it"},
    "kalshi.order_answers._Amend": {
        "client_order_id": _NOT_OURS, "fill_count": "asked for when it is needed",
        "remaining_count": "asked for when it is needed",
    },
    "kalshi.order_answers._Create": {
        "client_order_id": "compared with ours where it is there",
        "average_fill_price": "absent without a fill", "average_fee_paid": "absent without a fill",
    },
    "kalshi.order_answers._Row": {"client_order_id": "rows without it are told by their place"},
    "kalshi.portfolio_answers.Settlement": {"value": "of scalar results; the revenue is required"},
    "kalshi.portfolio_answers._Balance": {"balance_breakdown": _SHARDS},
    "kalshi.portfolio_answers._Position": {"last_updated_ts": _INFORMATIVE},
    "kalshi.portfolio_answers._Resting": {"resting_order_value_breakdown": _SHARDS},
    "kalshi.stated_orders._Fill": {"book_side": _CHECKED},
    "kalshi.stated_orders._Order": {
        "book_side": _CHECKED, "expiration_time": "orders without an end have none",
        "last_update_time": _INFORMATIVE,
    },
    "kalshi.user_wire.Fill": {"client_order_id": _NOT_OURS},
    "kalshi.user_wire.GroupUpdate": {
        "contracts_limit_fp": "only where the limit changed", "ts_ms": _INFORMATIVE
    },
    "kalshi.user_wire.UserOrder": {
        "book_side": _CHECKED, "client_order_id": _NOT_OURS,
        "last_updated_ts_ms": "absent until it changes; then the time of its creation holds",
        "expiration_ts_ms": "orders without an end have none",
    },
    "kalshi.wire.Delta": {"ts": _TWIN, "ts_ms": _TWIN},
    "kalshi.wire.Error": {"market_ticker": "most errors are about no market"},
    "kalshi.wire.FeeUpdate": {
        "fee_type_override": _OVERRIDE, "fee_multiplier_override": _OVERRIDE, "ts_ms": _TWIN
    },
    "kalshi.wire.FeeUpdateFrame": {"sending_ts_ms": _TWIN},
    "kalshi.wire.Head": {"sid": _TELLS, "seq": _TELLS},
    "kalshi.wire.Life": dict.fromkeys(
        ("result", "settlement_value", "determination_ts", "close_ts", "price_ranges", "ts_ms",
         "sending_ts_ms"), _KIND,
    ),
    "kalshi.wire.LifeFrame": {"sending_ts_ms": _TWIN},
    "kalshi.wire.RequestBody": {"ticker": _TELLS, "orderbook_fp": _TELLS},
    "kalshi.wire.Snapshot": {
        "yes_dollars_fp": "the key of an empty side is left out (captured 2026-08-27)",
        "no_dollars_fp": "the key of an empty side is left out (captured 2026-08-27)",
    },
    "kalshi.wire.Ticker": {
        "yes_bid_size_fp": _OLDER, "yes_ask_size_fp": _OLDER, "ts": _TWIN, "ts_ms": _TWIN
    },
    "kalshi.wire.Trade": {
        "taker_side": _TWIN, "taker_outcome_side": _TWIN, "taker_book_side": _CHECKED,
        "ts": _TWIN, "ts_ms": _TWIN,
    },
    "polymarket.answers._PlacedRow": {
        "status": "without it the outcome is unknown", "makingAmount": "empty without a match",
        "takingAmount": "empty without a match",
    },
    "polymarket.approvals._Contract": {"amount": "ERC-1155 has no amounts"},
    "polymarket.data_answers._ActivityRow": {
        "condition_id": _INFORMATIVE, "token_id": _INFORMATIVE, "side": _INFORMATIVE,
        "price": _INFORMATIVE, "transaction_hash": _INFORMATIVE,
    },
    "polymarket.data_answers._PositionRow": dict.fromkeys(
        ("opposite_token_id", "avg_price", "total_cost_usdc", "current_value", "status"),
        _INFORMATIVE,
    ),
    "polymarket.data_answers._ResolutionRow": {"payouts": _UNSETTLED, "resolved_at": _UNSETTLED},
    "polymarket.fills.SettledRow": {
        "match_time": _TWIN, "matchtime": _TWIN, "timestamp": _TWIN, "transaction_hash": _UNSETTLED
    },
    "polymarket.gamma.wire.MarketRow": {
        "outcomePrices": "indicative, and the result once it is closed",
        "feeType": _INFORMATIVE, "feeSchedule": "required where feesEnabled, see test_gamma_drift",
    },
    "polymarket.polybolt.Head": {"v": _TELLS, "seq": "demanded of every data frame"},
    "polymarket.reference.Point": {"full_accuracy_value": "the rough value is then the price"},
    "polymarket.relayer.answers._Transaction": {"transaction_hash": "absent until it is sent"},
    "polymarket.reward_answers._RewardRow": {"market_competitiveness": _INFORMATIVE},
    "polymarket.stream._Named": {"asset_id": _TELLS},
    "polymarket.terms._Terms": {"v": "absent means v1; token ids must agree"},
    "polymarket.user_wire.MakerOrder": {"side": "left out until 2025; then derived, see trades.py"},
    "polymarket.user_wire.OrderRow": {"status": "an unknown or missing word gives no end by guess"},
    "polymarket.user_wire.TradeRow": {
        "match_time": _TWIN, "matchtime": _TWIN, "timestamp": _TWIN
    },
    "polymarket.wire.BareChanges": {"hash": _HASHED},
    "polymarket.wire.BookMessage": {
        "hash": _HASHED, "tick_size": _HASHED, "last_trade_price": _HASHED,
        "min_order_size": _HASHED,
    },
    "polymarket.wire.Change": {"hash": _HASHED, "best_bid": _OLDER, "best_ask": _OLDER},
    "polymarket.wire.FlatChange": {"hash": _HASHED},
    "polymarket.wire.Head": {"price_changes": _TELLS, "bids": _TELLS},
}  # fmt: skip
