"""Binance proves what every venue has to prove."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.venues import conformance
from tests.venues.client_conformance import ClientConformance, Clock, Request
from tests.venues.conformance import Answered, Proof, Refuse
from underround.model.errors import UnderroundError
from underround.venues.binance import answers
from underround.venues.binance.capabilities import CAPABILITIES
from underround.venues.binance.codec import BinanceDecoder, BinanceSignalDecoder
from underround.venues.binance.limits import LIMITS
from underround.venues.binance.refusals import refusal
from underround.venues.binance.rest import BinanceRest
from underround.venues.binance.stream import COMPANION, BinanceDialect
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpTransport, Reply

MS = 1_769_210_096_633
NOW = 1_769_300_000 * 10**9


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


TRADE = {"e": "aggTrade", "E": MS, "s": "BTCUSDT", "a": 1, "p": "60759.60", "q": "0.008", "T": MS}
QUOTE = {"u": 4, "s": "BTCUSDT", "b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"}
BAR = {"t": 1_769_210_040_000, "T": 1_769_210_099_999, "s": "BTCUSDT", "i": "1m", "o": "2.5",
       "h": "3.5", "l": "1.5", "c": "2.0", "v": "7.25", "n": 5, "x": True}  # fmt: skip


def combined(stream: str, **data: Any) -> bytes:
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


class TestPriceFrames(conformance.MarketDecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], BinanceDecoder]:
        return lambda: BinanceDecoder({})

    @pytest.fixture
    def stranger(self) -> BinanceDecoder:
        return BinanceDecoder({})

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        return (body(**TRADE), body(**QUOTE), combined("btcusdt@aggTrade", **TRADE),
                combined("btcusdt@bookTicker", **QUOTE))  # fmt: skip


class TestSignalFrames(conformance.DecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], BinanceSignalDecoder]:
        return BinanceSignalDecoder

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        change = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": 157, "u": 160,
                  "b": [["0.0024", "10.5"]], "a": [["0.0026", "0.0"]]}  # fmt: skip
        depth = {"lastUpdateId": 160, "bids": [["0.0024", "10.5"]], "asks": [["0.0026", "100.0"]]}
        return (
            combined("btcusdt@kline_1m", e="kline", E=MS, s="BTCUSDT", k=BAR),
            combined("btcusdt@depth", **change),
            combined("btcusdt@depth5", **depth),
            body(**TRADE),
        )


ROW = [1_634_943_780_000, "60685.22", "60729.84", "60670.90", "60719.27", "21.63",
       1_634_943_839_999, "1313200.01", 617, "12.28", "745719.41", "0"]  # fmt: skip
DEPTH = body(lastUpdateId=7, bids=[["2.5", "1.0"], ["1.5", "1.0"]], asks=[["3.5", "0.5"]])
BEST = body(symbol="BTCUSDT", bidPrice="2.5", bidQty="1.0", askPrice="3.5", askQty="4.0")
AGGREGATES = json.dumps([{"a": 5, "p": "60759.6", "q": "0.008", "T": MS, "m": True}]).encode()


class TestAnswers(conformance.AnswersConformance):
    @pytest.fixture
    def answered(self) -> Sequence[Answered]:
        rules = body(
            serverTime=MS,
            rateLimits=[{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE",
                         "intervalNum": 1, "limit": 6000}],
            symbols=[{"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC",
                      "quoteAsset": "USDT",
                      "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.01"},
                                  {"filterType": "LOT_SIZE", "stepSize": "0.001"}]}],
        )  # fmt: skip
        return (
            Answered("time", answers.server_time, body(serverTime=MS)),
            Answered("rules", lambda b: answers.exchange_rules(b, ["BTCUSDT"]), rules),
            Answered("candles", lambda b: answers.closed_candles(b, "BTCUSDT", "1m", NOW),
                     json.dumps([ROW]).encode()),
            Answered("depth", lambda b: answers.depth(b, "BTCUSDT"), DEPTH),
            Answered("trades", answers.aggregate_trades, AGGREGATES),
            Answered("quote", lambda b: answers.best_quote(b, "BTCUSDT"), BEST),
        )  # fmt: skip


class TestRefusals(conformance.RefusalsConformance):
    writes = False
    passes_2xx = False

    @pytest.fixture
    def refuse(self) -> Refuse:
        def ask(
            status: int, body: bytes, headers: Mapping[str, str], *, write: bool
        ) -> UnderroundError | None:
            return refusal(Reply(status, headers, body), "GET /x")

        return ask

    @pytest.fixture
    def shapes(self) -> Sequence[bytes]:
        codes = (-1003, -1121, -1007, -1, 2**60)
        return [body(code=code, msg="line one\nline two") for code in codes]


class TestDialect(conformance.DialectConformance):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return BinanceDialect("ws://127.0.0.1:1")

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return ("ethusdt@aggTrade", "btcusdt@bookTicker", "quiet@trade")

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        first, second, quiet = "ethusdt@aggTrade", "btcusdt@bookTicker", "quiet@trade"
        return (
            Proof(combined(COMPANION, e="24hrMiniTicker"), ()),
            Proof(body(result=None, id=1), ()),
            Proof(combined(first, **TRADE), (first,)),
            Proof(combined(second, **QUOTE), (second,)),
            Proof(body(result=[quiet, first, COMPANION], id=2), (quiet,)),
        )

    def named(self, frame: bytes) -> list[Topic]:
        return list(json.loads(frame)["params"])

    def test_no_part_of_a_state_proves_anything(
        self, dialect: Dialect, topics: Sequence[Topic], proofs: Sequence[Proof]
    ) -> None:
        """There is no state here: a frame's stream name is proof enough, and no less than it."""
        session, _ = self.opened(dialect, topics)
        for proof in proofs:
            assert not list(session.proven(proof.frame[:10]))


class TestClient(ClientConformance):
    limits = LIMITS

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> BinanceRest:
        return BinanceRest(http, budget, clock)

    def reads(self) -> Sequence[Request]:
        return (
            Request("GET /api/v3/time", lambda c: c.time(), body(serverTime=MS)),
            Request("GET /api/v3/depth", lambda c: c.depth("BTCUSDT"), DEPTH),
            Request("GET /api/v3/aggTrades", lambda c: c.trades("BTCUSDT"), AGGREGATES),
            Request("GET /api/v3/ticker/bookTicker", lambda c: c.quote("BTCUSDT"), BEST),
            Request("GET /api/v3/klines", lambda c: c.candles("BTCUSDT", "1m", now=NOW),
                    json.dumps([ROW]).encode()),
        )  # fmt: skip


class TestCapabilities(conformance.CapabilityConformance):
    table = CAPABILITIES
    folder = Path(__file__).parents[2] / "src/underround/venues/binance"
