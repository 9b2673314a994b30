"""Which stored message of a venue each struct was made from: the one place that says so.

A place is ``file``, for lines of JSON ``[key=value]`` (the first such line), then ``#`` and a JSON
pointer; ``!`` as a step reads a text as JSON.  Structs are named from ``underround.venues``.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

import underround.venues
from tests.venues.conformance import Place, inside
from underround.venues.kalshi.fixed_point import AnswerDecoder

ROOT: Final = "underround.venues."
Struct = type[msgspec.Struct]

_K: Final = "kalshi/ws_demo_frames_2026-08-27.ndjson"
_KM: Final = "kalshi/ws_frames_misc_prod_2026.ndjson"
_KD: Final = "kalshi/ws_doc_examples_asyncapi_2026-08-22.json"
_KO: Final = "kalshi/rest_doc_examples_openapi_3.28.json"
_KC: Final = "kalshi/rest_candlesticks_2026-09-26.json"
_KF: Final = "kalshi/rest_fills_demo_2026-07-06.json"
_PS: Final = "polymarket/ws/"
_B: Final = "binance/ws_doc_examples_2026-07-21.json"
_A9: Final = "allora/lcd_latest_network_inferences_v9_derived.json"
_A10: Final = "allora/lcd_latest_network_inferences_v10_doc.json"
_AW: Final = "allora/ws_new_block_events_v9_height_5100967.json"
_AC: Final = "allora/consumer_api_shapes_sdk_mock.json"
_G: Final = "polymarket/gamma/"
_EVM: Final = "polygon/local_anvil_ctf_lifecycle.json"

SEEN: Final[Mapping[str, str]] = {
    # --- Kalshi, streams
    "kalshi.wire.Head": f"{_K}[type=orderbook_delta]#",
    "kalshi.wire.Delta": f"{_K}[type=orderbook_delta]#/msg",
    "kalshi.wire.DeltaFrame": f"{_K}[type=orderbook_delta]#",
    "kalshi.wire.Snapshot": f"{_K}[type=orderbook_snapshot]#/msg",
    "kalshi.wire.SnapshotFrame": f"{_K}[type=orderbook_snapshot]#",
    "kalshi.wire.Ticker": f"{_K}[type=ticker]#/msg",
    "kalshi.wire.TickerFrame": f"{_K}[type=ticker]#",
    "kalshi.wire.Trade": f"{_KM}[type=trade]#/msg",
    "kalshi.wire.TradeFrame": f"{_KM}[type=trade]#",
    "kalshi.wire.Life": f"{_KM}[type=market_lifecycle_v2]#/msg",
    "kalshi.wire.LifeFrame": f"{_KM}[type=market_lifecycle_v2]#",
    "kalshi.wire.FeeUpdate": f"{_KD}#/eventFeeUpdate/0/msg",
    "kalshi.wire.FeeUpdateFrame": f"{_KD}#/eventFeeUpdate/0",
    "kalshi.wire.IndexFrame": f"{_KD}#/cfbenchmarksValue/0",
    "kalshi.wire.IndexPrice": f"{_KD}#/cfbenchmarksValue/0/msg",
    "kalshi.wire.IndexMean": f"{_KD}#/cfbenchmarksValue/0/msg/avg_60s_data",
    "kalshi.wire.IndexValue": f"{_KD}#/cfbenchmarksValue/0/msg/data/!",
    "kalshi.wire.Subscribed": f"{_K}[type=subscribed]#/msg",
    "kalshi.wire.SubscribedFrame": f"{_K}[type=subscribed]#",
    "kalshi.wire.Error": f"{_K}[type=error]#/msg",
    "kalshi.wire.ErrorFrame": f"{_K}[type=error]#",
    "kalshi.wire.Band": "kalshi/rest_market_single_2026-08-09.json#/market/price_ranges/0",
    "kalshi.wire.Names": f"{_KD}#/marketLifecycleV2/0/msg/additional_metadata",
    "kalshi.wire.RequestLevels": "kalshi/rest_orderbook_2026-08-09.json#/orderbook_fp",
    "kalshi.wire.RequestBody": "kalshi/rest_orderbook_2026-08-09.json#",
    "kalshi.user_wire.Position": f"{_KD}#/marketPosition/0/msg",
    "kalshi.user_wire.PositionFrame": f"{_KD}#/marketPosition/0",
    "kalshi.user_wire.GroupUpdate": f"{_KD}#/orderGroupUpdates/0/msg",
    "kalshi.user_wire.GroupFrame": f"{_KD}#/orderGroupUpdates/0",
    # --- Kalshi, answers
    "kalshi.answers._BookBody": "kalshi/rest_orderbook_2026-08-09.json#",
    "kalshi.answers._Trade": "kalshi/rest_trade_KXBTC15M_2026-09-26.json#",
    "kalshi.answers.Cutoff": "kalshi/rest_historical_cutoff_2026-09-26.json#",
    "kalshi.candles._LiveCandles": "kalshi/rest_candlesticks_KXMLBGAME_1m_2026-08.json#",
    "kalshi.candles._LiveCandle": f"{_KC}#/live",
    "kalshi.candles._LiveBar": f"{_KC}#/live/price",
    "kalshi.candles._OldCandle": f"{_KC}#/historical",
    "kalshi.candles._OldBar": f"{_KC}#/historical/price",
    "kalshi.catalogue_answers.Source": (
        "kalshi/rest_series_KXMLBGAME_2026-08-20.json#/series/settlement_sources/0"
    ),
    "kalshi.catalogue_answers.SeriesAnswer": "kalshi/rest_series_KXMLBGAME_2026-08-20.json#/series",
    "kalshi.catalogue_answers._Series": "kalshi/rest_series_KXMLBGAME_2026-08-20.json#",
    "kalshi.catalogue_answers.MarketAnswer": "kalshi/rest_market_single_2026-08-09.json#/market",
    "kalshi.catalogue_answers._Market": "kalshi/rest_market_single_2026-08-09.json#",
    "kalshi.catalogue_answers._Markets": "kalshi/rest_market_KXFED_live_2026-07-18.json#",
    "kalshi.calls._Cursor": "kalshi/rest_market_KXFED_live_2026-07-18.json#",
    "kalshi.order_answers._Create": f"{_KO}#/BatchCreateOrdersV2Response/orders/1",
    "kalshi.order_answers._Batch": f"{_KO}#/BatchCreateOrdersV2Response",
    "kalshi.order_answers._Row": f"{_KO}#/BatchCreateOrdersV2Response/orders/0",
    "kalshi.order_answers._Amend": f"{_KO}#/AmendOrderV2Response",
    "kalshi.order_answers._Decrease": f"{_KO}#/DecreaseOrderV2Response",
    "kalshi.order_answers._Cancel": (
        "kalshi/rest_order_v2_create_cancel_live_2026-06-18.json#/cancel_200"
    ),
    "kalshi.order_answers._Cancels": f"{_KO}#/BatchCancelOrdersV2Response",
    "kalshi.portfolio_answers._Balance": "kalshi/rest_balance_demo_2026-07-06.json#",
    "kalshi.portfolio_answers._Indexed": (
        "kalshi/rest_balance_demo_2026-07-06.json#/balance_breakdown/0"
    ),
    "kalshi.portfolio_answers._Positions": "kalshi/rest_positions_demo_2026-07-06.json#",
    "kalshi.portfolio_answers._Position": (
        "kalshi/rest_positions_demo_2026-07-06.json#/market_positions/0"
    ),
    "kalshi.portfolio_answers._Settlements": (
        "kalshi/rest_portfolio_settlements_redacted_2026-08.json#"
    ),
    "kalshi.portfolio_answers.Settlement": (
        "kalshi/rest_portfolio_settlements_redacted_2026-08.json#/settlements/0"
    ),
    "kalshi.stated_orders._Fills": f"{_KF}#/taker_no_side",
    "kalshi.stated_orders._Fill": f"{_KF}#/taker_no_side/fills/0",
    "kalshi.account_answers.AccountLimits": "kalshi/rest_account_limits_demo_2026-07-06.json#",
    "kalshi.account_answers.TokenBucket": "kalshi/rest_account_limits_demo_2026-07-06.json#/write",
    "kalshi.account_answers.EndpointCosts": (
        "kalshi/rest_account_endpoint_costs_demo_2026-07-06.json#"
    ),
    "kalshi.account_answers.EndpointCost": (
        "kalshi/rest_account_endpoint_costs_demo_2026-07-06.json#/endpoint_costs/0"
    ),
    # --- Polymarket, streams
    "polymarket.wire.Head": f"{_PS}market_price_change_2025-09_schema.json#",
    "polymarket.wire.PriceChanges": f"{_PS}market_price_change_2025-09_schema.json#",
    "polymarket.wire.Change": f"{_PS}market_price_change_2025-09_schema.json#/price_changes/0",
    "polymarket.wire.FlatChange": f"{_PS}market_price_change_pre_2025-09_flat.json#",
    "polymarket.wire.BookMessage": "polymarket/clob/book_ctf_2026-10-05.json#",
    "polymarket.wire.Level": "polymarket/clob/book_ctf_2026-10-05.json#/bids/0",
    "polymarket.wire.LastTrade": f"{_PS}market_last_trade_price_2024.json#",
    "polymarket.wire.TickSizeChange": f"{_PS}market_tick_size_change_2025-02.json#",
    "polymarket.wire.BestBidAsk": f"{_PS}market_best_bid_ask_2025-12.json#",
    "polymarket.wire.NewMarket": f"{_PS}market_new_market_2025-12.json#",
    "polymarket.wire.Resolved": f"{_PS}market_resolved_2025-12.json#",
    "polymarket.stream._Named": f"{_PS}market_book_2024-10.json#",
    "polymarket.user_wire.Head": f"{_PS}user_trade_1.json#",
    "polymarket.user_wire.TradeRow": f"{_PS}user_trade_3.json#",
    "polymarket.user_wire.MakerOrder": f"{_PS}user_trade_3.json#/maker_orders/0",
    "polymarket.user_wire.OrderRow": f"{_PS}user_order_placement_2024-09.json#",
    "polymarket.fills.SettledRow": f"{_PS}user_trade_rest_shape_confirmed_2024-09.json#",
    "polymarket.polybolt.Head": "polymarket/rtds/polybolt_docs_examples.jsonl[dir=s2c]#/frame",
    "polymarket.rtds._Message": "polymarket/rtds/rtds_crypto_prices_subscribe.json#",
    "polymarket.rtds._Payload": "polymarket/rtds/rtds_crypto_prices_subscribe.json#/payload",
    "polymarket.prices_stream._Snapshot": "polymarket/rtds/rtds_crypto_prices_subscribe.json#",
    "polymarket.prices_stream._Snapshot.Payload": (
        "polymarket/rtds/rtds_crypto_prices_subscribe.json#/payload"
    ),
    "polymarket.polybolt.Named": "polymarket/rtds/rtds_crypto_prices_subscribe.json#/payload",
    "polymarket.reference.Point": (
        "polymarket/rtds/rtds_crypto_prices_subscribe.json#/payload/data/0"
    ),
    # --- Polymarket, answers
    "polymarket.terms._Terms": "polymarket/clob/clob_market_protocol_v2_2026-10-05.json#",
    "polymarket.terms._Token": "polymarket/clob/clob_market_protocol_v2_2026-10-05.json#/t/0",
    "polymarket.terms._Fees": "polymarket/clob/clob_market_protocol_v2_2026-10-05.json#/fd",
    "polymarket.terms._Rewards": "polymarket/clob/clob_market_protocol_v2_2026-10-05.json#/r",
    "polymarket.data_answers._TradeRow": "polymarket/data/v2_trades_items_2026-09.json#/0",
    "polymarket.data_answers._ActivityRow": "polymarket/data/v2_activity_items_2026-09.json#/0",
    "polymarket.data_answers._Page": "polymarket/data/v2_resolutions_resolved_2026-10-05.json#",
    "polymarket.data_answers._ResolutionRow": (
        "polymarket/data/v2_resolutions_resolved_2026-10-05.json#/data/0"
    ),
    "polymarket.refusals._Body": (
        "polymarket/clob/post_order_docs_examples.json#/error_503_post_only_mode"
    ),
    "polymarket.gamma.wire.MarketRow": f"{_G}market_btc_updown_15m_2026-10-05.json#",
    "polymarket.gamma.wire.FeeSchedule": f"{_G}market_btc_updown_15m_2026-10-05.json#/feeSchedule",
    "polymarket.gamma.wire.CryptoConfig": (
        f"{_G}market_btc_updown_15m_2026-10-05.json#/cryptoMarketConfig"
    ),
    "polymarket.gamma.wire.Reward": f"{_G}market_closed_binary_accepting_true.json#/clobRewards/0",
    "polymarket.gamma.wire.EventHead": f"{_G}market_btc_updown_5m_live_2026-03-12.json#/events/0",
    "polymarket.gamma.wire.EventRow": f"{_G}event_2026.json#/0",
    "polymarket.gamma.wire.SeriesRow": (
        f"{_G}market_btc_updown_5m_live_2026-03-12.json#/events/0/series/0"
    ),
    "polymarket.gamma.wire.TagRow": f"{_G}tags.json#/0",
    "polymarket.gamma.wire.SearchPage": f"{_G}public_search.json#",
    "polymarket.gamma.wire.SearchPages": f"{_G}public_search.json#/pagination",
    # --- Binance
    "binance.wire.Head": f"{_B}#/Aggregate Trade Streams",
    "binance.wire.Trade": "binance/ws_combined_frames_live.ndjson#/data",
    "binance.wire.BookTicker": (
        "binance/ws_combined_frames_live.ndjson[stream=btcusdt@bookTicker]#/data"
    ),
    "binance.wire.Kline": "binance/ws_combined_frames_live.ndjson[stream=slfusdt@kline_1m]#/data",
    "binance.wire.Bar": "binance/ws_combined_frames_live.ndjson[stream=slfusdt@kline_1m]#/data/k",
    "binance.wire.DepthUpdate": f"{_B}#/Diff. Depth Stream",
    "binance.wire.Depth": "binance/rest_depth_BTCUSDT.json#",
    "binance.stream._Word": f"{_B}#/Subscribe to a stream/1",
    "binance.stream._Listed": f"{_B}#/Listing Subscriptions/1",
    "binance.answers._Time": "binance/rest_time.json#",
    "binance.answers._Exchange": "binance/rest_exchangeInfo_trimmed_2021.json#",
    "binance.answers._RateLimit": "binance/rest_exchangeInfo_trimmed_2021.json#/rateLimits/0",
    "binance.answers._Symbol": "binance/rest_exchangeInfo_trimmed_2021.json#/symbols/0",
    "binance.answers._Filter": "binance/rest_exchangeInfo_trimmed_2021.json#/symbols/0/filters/0",
    "binance.answers._Row": "binance/rest_klines_BTCUSDT_1m.json#/0",
    "binance.answers._AggregateTrade": "binance/rest_aggTrades_BTCUSDT.json#/0",
    "binance.answers._BookTicker": "binance/rest_bookTicker_BTCUSDT.json#",
    # --- Allora
    "allora.answers._EnvelopeV9": f"{_A9}#",
    "allora.answers.BundleV9": f"{_A9}#/network_inferences",
    "allora.answers._ReputerRequest": f"{_A9}#/network_inferences/reputer_request_nonce",
    "allora.answers._Nonce": f"{_A9}#/network_inferences/reputer_request_nonce/reputer_nonce",
    "allora.answers._ValueV9": f"{_A9}#/network_inferences/inferer_values/0",
    "allora.answers._EnvelopeV10": f"{_A10}#",
    "allora.answers._BundleV10": f"{_A10}#/network_inferences",
    "allora.answers._ValuesV10": f"{_A10}#/network_inferences/inferer_values/0",
    "allora.answers._Labelled": f"{_A10}#/network_inferences/combined_value/0",
    "allora.codec._Message": f"{_AW}#",
    "allora.codec._Result": f"{_AW}#/result",
    "allora.codec._Data": f"{_AW}#/result/data",
    "allora.codec._BlockEvents": f"{_AW}#/result/data/value",
    "allora.codec._Event": f"{_AW}#/result/data/value/events/0",
    "allora.codec._Attribute": f"{_AW}#/result/data/value/events/0/attributes/0",
    "allora.consumer._Page": f"{_AC}#/topics_page",
    "allora.consumer._Topics": f"{_AC}#/topics_page/data",
    "allora.consumer._Topic": f"{_AC}#/topics_page/data/topics/0",
    "allora.consumer._Signed": f"{_AC}#/consumer_inference",
    "allora.consumer._SignedData": f"{_AC}#/consumer_inference/data",
    "allora.consumer._InferenceData": f"{_AC}#/consumer_inference/data/inference_data",
    # --- Polygon
    "polygon.answers.Receipt": f"{_EVM}#/transactions/0/receipt",
    "polygon.answers.Log": f"{_EVM}#/transactions/0/receipt/logs/0",
    "polygon.fees._GasStation": "polygon/gas_station_v2_doc_example.json#",
    "polygon.fees._Station": "polygon/gas_station_v2_doc_example.json#/fast",
}


def structs() -> dict[str, Struct]:
    """Return every struct that some decoder of the venues reads, or that stands in a wire module.

    Found by looking: at the decoders in the modules' names, and at the types inside theirs.
    """
    found: dict[Struct, None] = {}
    for each in pkgutil.walk_packages(underround.venues.__path__, ROOT):
        module = importlib.import_module(each.name)
        short = each.name.rpartition(".")[2]
        for value in list(vars(module).values()):
            decoder = getattr(value, "__self__", value)
            if isinstance(value, AnswerDecoder):
                decoder = getattr(value._decode, "__self__", None)
            if isinstance(decoder, msgspec.json.Decoder):
                _collect(decoder.type, found)
            elif (short == "wire" or short.endswith("_wire")) and _own(value, each.name):
                _collect(value, found)
    for name in ("polygon.answers", "polygon.fees", "goldsky.answers"):
        module = importlib.import_module(ROOT + name)
        for value in vars(module).values():
            wire = _own(value, ROOT + name)
            if wire and (name != "polygon.fees" or value.__name__.startswith("_")):
                _collect(value, found)
    return {f"{s.__module__.removeprefix(ROOT)}.{s.__qualname__}": s for s in found}


def _own(value: object, module: str) -> bool:
    return (
        inspect.isclass(value) and issubclass(value, msgspec.Struct) and value.__module__ == module
    )


def _collect(kind: Any, found: dict[Struct, None]) -> None:
    if inspect.isclass(kind) and issubclass(kind, msgspec.Struct):
        if kind in found:
            return
        found[kind] = None
        for field in msgspec.structs.fields(kind):
            _collect(field.type, found)
    for inner in typing.get_args(kind):
        _collect(inner, found)


def document(samples: Path, place: str) -> tuple[Any, Place]:
    """Return the stored message of a place as JSON, and the path inside it."""
    match = re.fullmatch(r"([^#\[]+)(?:\[([^=]+)=([^\]]+)\])?#(.*)", place)
    assert match is not None, place
    name, key, wanted, pointer = match.groups()
    text = (samples / name).read_text("utf-8")
    if name.endswith((".jsonl", ".ndjson")):
        rows = (json.loads(line) for line in text.splitlines() if line.strip())
        whole = next(row for row in rows if key is None or str(row.get(key)) == wanted)
    else:
        whole = json.loads(text)
    path: tuple[str | int, ...] = ()
    for step in filter(None, pointer.split("/")):
        if step == "!":
            whole, path = json.loads(inside(whole, path)), ()
        else:
            path = (*path, int(step) if step.isdigit() else step)
    return whole, path


def names_of(struct: Struct) -> Iterator[tuple[str | int, Any]]:
    """Yield the key of each field on the wire (a number where rows are arrays), and the field."""
    rows = struct.__struct_config__.array_like
    for number, field in enumerate(msgspec.structs.fields(struct)):
        yield (number if rows else field.encode_name), field
