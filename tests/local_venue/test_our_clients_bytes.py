"""Our codecs, answers, refusals and dialects prove themselves on what the local venue really says.

The sentences are those of ``tests/venues/conformance.py``, the rigs those of the venues' own tests;
only the bytes are not scripted: all our clients once talked to a whole local venue, see
``our_streams``.  Signers and capabilities have no host; the venue verified every signature.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.local_venue.our_clients import TICKER
from tests.local_venue.our_streams import FIVE_MINUTES, Kind, Talk, one_of_each, talk
from tests.venues import conformance
from tests.venues import test_conformance_allora as allora_rigs
from tests.venues import test_conformance_binance as binance_rigs
from tests.venues import test_conformance_kalshi as kalshi_rigs
from tests.venues import test_conformance_polymarket as polymarket_rigs
from tests.venues.conformance import Answered, Proof
from tests.venues.conftest import mutate, reworded, turns
from underround.local_venue.references.allora_chain import CHAIN
from underround.model.errors import FrameRefused
from underround.model.ids import OrderId
from underround.venues.allora import answers as allora_answers
from underround.venues.allora import consumer
from underround.venues.allora.codec import AlloraDecoder
from underround.venues.binance import answers as binance_answers
from underround.venues.binance.codec import BinanceDecoder, BinanceSignalDecoder
from underround.venues.kalshi import (
    account_answers as kalshi_account,
)
from underround.venues.kalshi import (
    answers as kalshi_answers,
)
from underround.venues.kalshi import (
    order_answers,
    portfolio_answers,
    stated_orders,
)
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.kalshi.user_codec import KalshiUserDecoder
from underround.venues.polymarket import account_answers, answers, fills
from underround.venues.polymarket import terms as terms_
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.polybolt import PolyboltDecoder
from underround.venues.polymarket.rtds import RtdsDecoder
from underround.venues.polymarket.stream import MarketDialect
from underround.venues.polymarket.user_codec import UserDecoder
from underround.venues.streams.dialect import Dialect, Topic

__all__ = ["mutate", "reworded", "turns"]
"""Fixtures of the suite."""


def kinds(
    told: Talk, dialect: str, kind: Kind, decoder: Any, *expected: str, longest: int = 4_000
) -> list[bytes]:
    """Return a frame of each kind a stream brought; fails when one that was expected is missing."""

    def tells(frame: bytes) -> object:
        try:
            return len(frame) <= longest and decoder.decode(frame)
        except FrameRefused:
            return None

    named = {kind(json.loads(frame)): frame for frame in
             one_of_each(told.frames[dialect], kind, tells)}  # fmt: skip
    assert set(expected) <= set(named), sorted(named)
    return list(named.values())


def bodies(told: Talk, method: str, path: str, status: int = 200) -> list[bytes]:
    found = [
        reply.body
        for asked, replies in told.replies.items()
        for reply in replies
        if asked.startswith(f"{method} {path}") and reply.status == status
    ]
    assert found, (method, path)
    return found


def refusals(told: Talk, *beginnings: str) -> list[bytes]:
    return [
        reply.body
        for asked, replies in told.replies.items()
        for reply in replies
        if reply.status >= 400 and any(each in asked for each in beginnings)
    ]


@pytest.fixture(scope="module")
def told() -> Talk:
    return talk()


# --- codecs ------------------------------------------------------------------------------------


class TestPolymarketFrames(polymarket_rigs.TestMarketFrames):
    @pytest.fixture
    def decoder(self, told: Talk) -> Callable[[], PolymarketDecoder]:
        return lambda: PolymarketDecoder(told.tokens)

    @pytest.fixture
    def frames(self, told: Talk) -> Sequence[bytes]:
        def kind(frame: Any) -> str:
            return "array" if isinstance(frame, list) else str(frame["event_type"])

        found = kinds(
            told, "MarketDialect", kind, PolymarketDecoder(told.tokens), "array", "book",
            "price_change", "last_trade_price", "tick_size_change", "best_bid_ask",
            "market_resolved",
        )  # fmt: skip
        return [frame.rstrip() for frame in found]  # without its end an array is whole already


class TestPolymarketUserFrames(polymarket_rigs.TestUserFrames):
    @pytest.fixture
    def decoder(self, told: Talk) -> Callable[[], UserDecoder]:
        names = {native: OrderId(name) for native, name in told.own.items()}
        return lambda: UserDecoder(told.tokens, told.account, names.get)

    @pytest.fixture
    def frames(self, told: Talk, decoder: Callable[[], UserDecoder]) -> Sequence[bytes]:
        def kind(frame: Any) -> str:
            return f"{frame['event_type']} {frame['status']}"

        return kinds(
            told, "UserDialect", kind, decoder(), "trade MATCHED", "trade MINED",
            "trade CONFIRMED", "order LIVE", "order CANCELED",
        )  # fmt: skip


class TestPolyboltFrames(polymarket_rigs.TestPolyboltFrames):
    @pytest.fixture
    def frames(self, told: Talk) -> Sequence[bytes]:
        def kind(frame: Any) -> str:
            return f"{frame['channel']} {len(frame['payload'].get('data', ()))}"

        found = kinds(told, "PolyboltDialect", kind, PolyboltDecoder({}), longest=20_000)
        assert len(found) == 4
        return found


class TestRtdsFrames(polymarket_rigs.TestRtdsFrames):
    @pytest.fixture
    def frames(self, told: Talk) -> Sequence[bytes]:
        return kinds(told, "RtdsDialect", lambda frame: str(frame["type"]), RtdsDecoder({}),
                     "subscribe", "update", longest=9_000)  # fmt: skip


class TestKalshiFrames(kalshi_rigs.TestMarketFrames):
    @pytest.fixture
    def decoder(self, told: Talk) -> Callable[[], KalshiDecoder]:
        market = told.kalshi_market
        tokens = {token: (market, index) for index, token in enumerate(market.tokens)}
        return lambda: KalshiDecoder(tokens)

    @pytest.fixture
    def frames(self, told: Talk, decoder: Callable[[], KalshiDecoder]) -> Sequence[bytes]:
        def kind(frame: Any) -> str:
            return str(frame["type"])

        books = kinds(told, "KalshiDialect", kind, decoder(), "orderbook_snapshot",
                      "orderbook_delta", "ticker", "trade")  # fmt: skip
        life = kinds(
            told, "KalshiLifecycleDialect", lambda frame: str(frame["msg"]["event_type"]),
            decoder(), "determined",
        )  # fmt: skip
        return [*books, *life]


class TestKalshiUserFrames(kalshi_rigs.TestUserFrames):
    @pytest.fixture
    def decoder(self, told: Talk) -> Callable[[], KalshiUserDecoder]:
        return lambda: KalshiUserDecoder(told.own_kalshi.get)

    @pytest.fixture
    def frames(self, told: Talk, decoder: Callable[[], KalshiUserDecoder]) -> Sequence[bytes]:
        def kind(frame: Any) -> str:
            return f"{frame['type']} {frame['msg'].get('status', '')}".strip()

        return kinds(
            told, "KalshiUserDialect", kind, decoder(), "fill", "user_order resting",
            "user_order canceled", "user_order executed", "market_position",
            "order_group_updates",
        )  # fmt: skip


def _combined(frame: Any) -> str:
    return str(frame["stream"])


class TestBinanceFrames(binance_rigs.TestPriceFrames):
    @pytest.fixture
    def frames(self, told: Talk) -> Sequence[bytes]:
        return kinds(told, "BinanceDialect", _combined, BinanceDecoder({}),
                     "btcusdt@aggTrade", "btcusdt@bookTicker")  # fmt: skip


class TestBinanceSignalFrames(binance_rigs.TestSignalFrames):
    @pytest.fixture
    def frames(self, told: Talk) -> Sequence[bytes]:
        return kinds(told, "BinanceDialect", _combined, BinanceSignalDecoder(),
                     "btcusdt@kline_1m", "btcusdt@depth@100ms")  # fmt: skip


class TestAlloraFrames(conformance.DecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], AlloraDecoder]:
        return lambda: AlloraDecoder(CHAIN, [int(FIVE_MINUTES)])

    @pytest.fixture
    def frames(self, told: Talk, decoder: Callable[[], AlloraDecoder]) -> Sequence[bytes]:
        """A block's header, and its events: those that tell us something, of a hundred."""
        found = {json.loads(frame)["result"]["data"]["type"]: json.loads(frame)
                 for frame in told.frames["AlloraDialect"] if b'"data"' in frame}  # fmt: skip
        header, block = (found[f"tendermint/event/NewBlock{kind}"] for kind in ("Header", "Events"))
        value = block["result"]["data"]["value"]
        events, value["events"] = value["events"], []
        block["result"].pop("events")
        for event in events:
            value["events"] = [event]
            if decoder().decode(json.dumps(block).encode()):
                return [json.dumps(header).encode(), json.dumps(block).encode()]
        raise AssertionError("no event told an inference")


# --- answers -----------------------------------------------------------------------------------


class TestPolymarketAnswers(conformance.AnswersConformance):
    @pytest.fixture
    def answered(self, told: Talk) -> Sequence[Answered]:
        native, place = told.market.id.native, "Polymarket GET /x"
        orders = json.loads(bodies(told, "GET", "/data/orders")[0])["data"]
        trades = json.loads(bodies(told, "GET", "/data/trades")[0])["data"]
        assert orders
        assert trades
        return (
            Answered("orders", lambda b: answers.stated_orders(b, told.tokens, place),
                     json.dumps(orders).encode()),
            Answered("order", lambda b: answers.stated_order(b, told.tokens, place),
                     bodies(told, "GET", "/data/order/")[0]),
            Answered("fills", lambda b: fills.own_fills(b, told.account, told.tokens, place),
                     json.dumps(trades).encode()),
            Answered("terms", lambda b: terms_.market_terms(b, native, place),
                     bodies(told, "GET", "/clob-markets/")[0]),
            Answered("tick", lambda b: account_answers.tick_size(b, place),
                     bodies(told, "GET", "/tick-size")[0]),
            Answered("balance", lambda b: account_answers.balance(b, "pUSD", place),
                     _without(bodies(told, "GET", "/balance-allowance")[0], "allowances")),
            Answered("history", lambda b: account_answers.price_history(b, place),
                     bodies(told, "GET", "/prices-history")[0]),
            Answered("closed only", lambda b: account_answers.closed_only(b, place),
                     bodies(told, "GET", "/auth/ban-status")[0]),
        )  # fmt: skip


def _without(body: bytes, mapping: str) -> bytes:
    """Return a body without a mapping, whose keys are names: it has no unknown ones."""
    told = json.loads(body)
    del told[mapping]
    return json.dumps(told).encode()


class TestKalshiAnswers(kalshi_rigs.TestAnswers):
    @pytest.fixture
    def answered(self, told: Talk) -> Sequence[Answered]:
        place, api = "GET /x", "/trade-api/v2"
        orders = f"{api}/portfolio/events/orders"
        return (
            Answered("book", lambda b: kalshi_answers.order_book(b, TICKER, place),
                     bodies(told, "GET", f"{api}/markets/{TICKER}/orderbook")[0]),
            Answered("balance", lambda b: portfolio_answers.balance(b, place),
                     bodies(told, "GET", f"{api}/portfolio/balance")[0]),
            Answered("positions", lambda b: portfolio_answers.positions(b, place),
                     bodies(told, "GET", f"{api}/portfolio/positions")[0]),
            Answered("order", lambda b: stated_orders.order(b, place),
                     bodies(told, "GET", f"{api}/portfolio/orders/")[0]),
            Answered("created", lambda b: order_answers.created(b, place),
                     bodies(told, "POST", orders, 201)[0]),
            Answered("cancelled", lambda b: order_answers.cancelled(b, place),
                     bodies(told, "DELETE", orders)[0]),
            Answered("limits", lambda b: kalshi_account.account_limits(b, place),
                     bodies(told, "GET", f"{api}/account/limits")[0]),
        )  # fmt: skip


def _shorter(body: bytes, *lists: str) -> bytes:
    """Return a body with one row in each list: every field once is enough."""
    told = json.loads(body)
    if isinstance(told, list):
        return json.dumps(told[:1]).encode()
    for name in lists:
        told[name] = told[name][:1]
    return json.dumps(told).encode()


class TestBinanceAnswers(conformance.AnswersConformance):
    @pytest.fixture
    def answered(self, told: Talk) -> Sequence[Answered]:
        now = 10**19
        return (
            Answered("time", binance_answers.server_time, bodies(told, "GET", "/api/v3/time")[0]),
            Answered("candles",
                     lambda b: binance_answers.closed_candles(b, "BTCUSDT", "1m", now),
                     _shorter(bodies(told, "GET", "/api/v3/klines")[0])),
            Answered("depth", lambda b: binance_answers.depth(b, "BTCUSDT"),
                     _shorter(bodies(told, "GET", "/api/v3/depth")[0], "bids", "asks")),
            Answered("trades", binance_answers.aggregate_trades,
                     _shorter(bodies(told, "GET", "/api/v3/aggTrades")[0])),
            Answered("quote", lambda b: binance_answers.best_quote(b, "BTCUSDT"),
                     bodies(told, "GET", "/api/v3/ticker")[0]),
        )  # fmt: skip


class TestAlloraAnswers(allora_rigs.TestAnswers):
    @pytest.fixture
    def answered(self, told: Talk) -> Sequence[Answered]:
        emissions = "/emissions/v10/latest_network_inferences/13"
        topics = json.loads(bodies(told, "GET", f"/v2/allora/{CHAIN}/topics")[0])
        topics["data"]["topics"] = topics["data"]["topics"][:1]
        return (
            Answered("latest",
                     lambda b: allora_answers.inference(b, CHAIN, "v10", outlier_resistant=False),
                     bodies(told, "GET", emissions)[0]),
            Answered("topics", consumer.topic_page, json.dumps(topics).encode()),
        )  # fmt: skip


# --- refusals ----------------------------------------------------------------------------------


class TestPolymarketRefusals(polymarket_rigs.TestRefusals):
    def settled(self, status: int, body: bytes) -> bool:
        """With a 408 in front of its own words, the words of the matching engine are believed."""
        stated = (b"lower than the minimum", b"not enough", b"fully filled")
        return super().settled(status, body) or (
            status == 408 and any(each in body for each in stated)
        )

    @pytest.fixture
    def shapes(self, told: Talk) -> Sequence[bytes]:
        found = refusals(told, "/order", "/data/")
        assert len(found) >= 4
        return found


class TestKalshiRefusals(kalshi_rigs.TestRefusals):
    @pytest.fixture
    def shapes(self, told: Talk) -> Sequence[bytes]:
        found = refusals(told, "/trade-api/")
        assert len(found) >= 3
        return found


class TestBinanceRefusals(binance_rigs.TestRefusals):
    @pytest.fixture
    def shapes(self, told: Talk) -> Sequence[bytes]:
        return refusals(told, "/api/v3/")


class TestAlloraRefusals(allora_rigs.TestRefusals):
    @pytest.fixture
    def shapes(self, told: Talk) -> Sequence[bytes]:
        return refusals(told, "/emissions/")


# --- dialects ----------------------------------------------------------------------------------


class TestPolymarketDialect(polymarket_rigs.TestMarketDialect):
    @pytest.fixture
    def dialect(self, told: Talk) -> Dialect:
        return MarketDialect(lambda: told.tokens, polymarket_rigs.HOST)

    @pytest.fixture
    def topics(self, told: Talk) -> Sequence[Topic]:
        return told.topics["MarketDialect"]

    @pytest.fixture
    def proofs(self, told: Talk) -> Sequence[Proof]:
        proofs = []
        for frame in told.frames["MarketDialect"]:
            said = json.loads(frame) if frame[:1] in b"[{" else {}
            books = [said] if isinstance(said, dict) else said
            proven = [each["asset_id"] for each in books if each.get("event_type") == "book"]
            if len(frame) < 1_500:
                proofs.append(Proof(frame.rstrip(), tuple(proven)))
        return proofs[:12]


class TestKalshiDialect(kalshi_rigs.TestBooksDialect):
    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return (TICKER,)

    @pytest.fixture
    def proofs(self, told: Talk) -> Sequence[Proof]:
        wanted = [
            frame
            for frame in told.frames["KalshiDialect"]
            if json.loads(frame)["type"] in {"orderbook_snapshot", "orderbook_delta"}
        ]
        return [
            Proof(frame, (TICKER,) if b'"orderbook_snapshot"' in frame else ())
            for frame in wanted[:6]
        ]


def test_every_topic_of_every_stream_was_proven_and_nothing_was_refused(told: Talk) -> None:
    """The conversation waited for the proofs; here is that no stream was forgotten."""
    expected: Mapping[str, int] = dict.fromkeys(
        (
            "MarketDialect", "UserDialect", "PolyboltDialect", "RtdsDialect", "KalshiDialect",
            "KalshiUserDialect", "KalshiLifecycleDialect", "BinanceDialect", "AlloraDialect",
        ),
        0,
    )  # fmt: skip
    assert told.proven == expected
