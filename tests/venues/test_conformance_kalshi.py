"""Kalshi proves what every venue has to prove."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256

from tests.venues import conformance
from tests.venues.client_conformance import ClientConformance, Clock, Request
from tests.venues.conformance import NOW, Answered, Proof, Refuse
from tests.venues.kalshi.making import (
    CENTS,
    KEY_ID,
    TICKER,
    HeldPem,
    edwards_key,
    order,
    pem_of,
    rsa_key,
    signer,
)
from underround.model.errors import UnderroundError
from underround.model.ids import OrderId
from underround.model.units import ONE
from underround.venues.kalshi import (
    account_answers,
    answers,
    candles,
    catalogue_answers,
    order_answers,
    portfolio_answers,
    stated_orders,
)
from underround.venues.kalshi.capabilities import CAPABILITIES
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.kalshi.hosts import API, Hosts
from underround.venues.kalshi.limits import TIERS, limits_of
from underround.venues.kalshi.orders import Cancel, Terms, amend_body, create_body, decrease_body
from underround.venues.kalshi.refusals import fault_of, refusal
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.kalshi.sign import KalshiSigner, signed_text
from underround.venues.kalshi.stream import (
    LIFECYCLE,
    USER_CHANNELS,
    KalshiDialect,
    KalshiLifecycleDialect,
    KalshiUserDialect,
)
from underround.venues.kalshi.user_codec import KalshiUserDecoder
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpTransport

if TYPE_CHECKING:
    from tests.venues.conftest import TokensOf

HOSTS = Hosts("http://127.0.0.1:1", "ws://127.0.0.1:1")
OTHER = "KXBTC15M-26SEP261915-15"
MS = 1_790_000_000_123
ISO = "2026-09-26T22:52:42.728645Z"


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def frame(kind: str, sid: int | None = 1, seq: int | None = 1, **msg: Any) -> bytes:
    numbers = {"sid": sid, "seq": seq} if sid is not None else {}
    return body(type=kind, **numbers, msg=msg)


def snapshot(ticker: str, seq: int) -> bytes:
    levels: dict[str, Any] = {"yes_dollars_fp": [["0.4500", "10.00"], ["0.4600", "2.50"]]}
    levels["no_dollars_fp"] = [["0.5000", "7.00"]]
    return frame("orderbook_snapshot", 1, seq, market_ticker=ticker, **levels)


ORDER_FIELDS: dict[str, Any] = {
    "order_id": "n-1", "ticker": TICKER, "status": "resting", "outcome_side": "yes",
    "book_side": "bid", "yes_price_dollars": "0.4800", "initial_count_fp": "10.00",
    "fill_count_fp": "0.00", "remaining_count_fp": "10.00", "client_order_id": "run1-o1",
}  # fmt: skip
FILL_FIELDS: dict[str, Any] = {
    "trade_id": "t-1", "order_id": "n-1", "market_ticker": TICKER, "outcome_side": "yes",
    "book_side": "bid", "is_taker": True, "count_fp": "2.50", "yes_price_dollars": "0.4800",
    "fee_cost": "0.0175", "ts_ms": MS, "client_order_id": "run1-o1",
}  # fmt: skip


# --- codecs ------------------------------------------------------------------------------------


class TestMarketFrames(conformance.MarketDecoderConformance):
    @pytest.fixture
    def decoder(self, tokens_of: TokensOf) -> Callable[[], KalshiDecoder]:
        return lambda: KalshiDecoder(tokens_of("kalshi", {TICKER: ()}))

    @pytest.fixture
    def stranger(self) -> KalshiDecoder:
        return KalshiDecoder({})

    def essence(self, value: Any) -> Any:
        return (type(value), {**_fields(value), "price_text": None})

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        prices = {"yes_bid_dollars": "0.4500", "yes_ask_dollars": "0.5000"}
        trade = {"yes_price_dollars": "0.4800", "no_price_dollars": "0.5200", "count_fp": "3.10"}
        life = {"market_ticker": TICKER, "event_type": "determined", "result": "yes"}
        bands = [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
        return (
            snapshot(TICKER, 1),
            frame("orderbook_delta", 1, 2, market_ticker=TICKER, price_dollars="0.4500",
                  delta_fp="-2.50", side="yes", ts_ms=MS),
            frame("orderbook_delta", 1, 3, market_ticker=TICKER, price_dollars="0.5000",
                  delta_fp="1.00", side="no", ts=ISO),
            frame("ticker", 2, None, market_ticker=TICKER, **prices, yes_bid_size_fp="1.00",
                  yes_ask_size_fp="2.00", ts_ms=MS),
            frame("trade", 3, 1, market_ticker=TICKER, **trade, taker_outcome_side="yes",
                  taker_book_side="bid", ts_ms=MS),
            frame("market_lifecycle_v2", 4, 1, **life, settlement_value="1.0000",
                  determination_ts=MS // 1_000),
            frame("market_lifecycle_v2", 4, 2, market_ticker=TICKER, ts_ms=MS,
                  event_type="price_level_structure_updated", price_ranges=bands),
            body(type="ok", sid=1, seq=4, id=3),
        )  # fmt: skip


class TestUserFrames(conformance.DecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], KalshiUserDecoder]:
        ours = {OrderId("run1-o1"): order()}
        return lambda: KalshiUserDecoder(ours.get)

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        group = {"event_type": "triggered", "order_group_id": "g", "contracts_limit_fp": "5.00"}
        foreign = {**FILL_FIELDS, "client_order_id": ""}
        ended = {**ORDER_FIELDS, "status": "canceled", "created_ts_ms": MS}
        return (
            frame("fill", 1, None, **FILL_FIELDS),
            frame("fill", 1, None, **foreign),
            frame("user_order", 2, None, **ORDER_FIELDS, created_ts_ms=MS),
            frame("user_order", 2, None, **ended, last_updated_ts_ms=MS + 5),
            frame("market_position", 3, None, market_ticker=TICKER, position_fp="-1.50"),
            frame("order_group_updates", 4, 1, **group, ts_ms=MS),
        )


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


# --- answers -----------------------------------------------------------------------------------

BOOK = {"yes_dollars": [["0.4500", "10.00"]], "no_dollars": [["0.5000", "7.00"]]}
MARKET: dict[str, Any] = {
    "ticker": TICKER, "event_ticker": "E", "market_type": "binary", "title": "t",
    "yes_sub_title": "y", "no_sub_title": "n", "open_time": ISO, "close_time": ISO,
    "latest_expiration_time": ISO, "status": "active", "result": "",
    "notional_value_dollars": "1.0000", "rules_primary": "r", "rules_secondary": "",
    "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}],
    "volume_fp": "5.00", "volume_24h_fp": "1.50", "can_close_early": True, "floor_strike": 4.25,
}  # fmt: skip
STATED: dict[str, Any] = {
    **ORDER_FIELDS, "no_price_dollars": "0.5200", "created_time": ISO,
}  # fmt: skip
STATED_FILL: dict[str, Any] = {
    "trade_id": "t", "order_id": "n-1", "ticker": TICKER, "outcome_side": "yes",
    "book_side": "bid", "count_fp": "2.50", "yes_price_dollars": "0.4800",
    "no_price_dollars": "0.5200", "is_taker": True, "fee_cost": "0.0175", "created_time": ISO,
}  # fmt: skip
TRADE: dict[str, Any] = {
    "trade_id": "t", "ticker": TICKER, "count_fp": "8.94", "yes_price_dollars": "0.7700",
    "no_price_dollars": "0.2300", "taker_outcome_side": "yes", "taker_book_side": "bid",
    "created_time": ISO, "is_block_trade": False,
}  # fmt: skip
POSITION: dict[str, Any] = {
    "ticker": TICKER, "position_fp": "-1.00", "market_exposure_dollars": "0.520000",
    "total_traded_dollars": "0.520000", "realized_pnl_dollars": "0.000000",
    "fees_paid_dollars": "0.017500",
}  # fmt: skip
BAR = {
    "open_dollars": "0.11",
    "high_dollars": "0.12",
    "low_dollars": "0.06",
    "close_dollars": "0.07",
}
CANDLE: dict[str, Any] = {
    "end_period_ts": 1_790_462_280, "open_interest_fp": "425751.35", "volume_fp": "128792.42",
    "price": {**BAR, "mean_dollars": "0.0846", "previous_dollars": "0.1000"},
    "yes_bid": BAR, "yes_ask": BAR,
}  # fmt: skip
SETTLEMENT: dict[str, Any] = {
    "ticker": TICKER, "event_ticker": "E", "market_result": "yes", "yes_count_fp": "15.00",
    "no_count_fp": "0.00", "yes_total_cost_dollars": "11.100000",
    "no_total_cost_dollars": "0.000000", "revenue": 1500, "fee_cost": "0.202100",
    "settled_time": ISO, "value": 100,
}  # fmt: skip
BALANCE = body(balance=99_946, balance_dollars="999.4625", portfolio_value=52,
               updated_ts=1_783_302_927, balance_breakdown=[{"balance": "999.4625",
                                                             "exchange_index": 0}])  # fmt: skip
CREATED = body(order_id="n-1", client_order_id="run1-o1", fill_count="0.00", ts_ms=MS,
               remaining_count="10.00")  # fmt: skip
REDUCED = {"order_id": "n-1", "client_order_id": "run1-o1", "reduced_by": "1.00", "ts_ms": MS}


class TestAnswers(conformance.AnswersConformance):
    def essence(self, value: Any) -> Any:
        """Return an answer without the texts of a trade's price and of a grid's bands."""
        words = repr(value)
        return re.sub(r"(price_text|start|end|step)='[\d.]+'", "", words)

    @pytest.fixture
    def answered(self) -> Sequence[Answered]:
        series = {"ticker": "S", "title": "t", "fee_type": "quadratic", "fee_multiplier": 0.5}
        event = {"event_ticker": "E", "series_ticker": "S", "title": "t", "markets": [MARKET],
                 "mutually_exclusive": True}  # fmt: skip
        limits = {"bucket_capacity": 400, "refill_rate": 200}
        change = {"id": "1", "series_ticker": "S", "fee_type": "f", "fee_multiplier": 1,
                  "scheduled_ts": ISO}  # fmt: skip
        place = "GET /x"
        return (
            Answered("book", lambda b: answers.order_book(b, TICKER, place),
                     body(orderbook_fp=BOOK)),
            Answered("books", lambda b: answers.order_books(b, place),
                     body(orderbooks=[{"ticker": TICKER, "orderbook_fp": BOOK}])),
            Answered("trades", lambda b: answers.trades(b, place), body(trades=[TRADE], cursor="")),
            Answered("as of", lambda b: answers.as_of(b, place), body(as_of_time=ISO)),
            Answered("candles", lambda b: candles.candles(b, place, "live"),
                     body(candlesticks=[CANDLE])),
            Answered("market", lambda b: catalogue_answers.market(b, place), body(market=MARKET)),
            Answered("series", lambda b: catalogue_answers.series(b, place), body(series=series)),
            Answered("event", lambda b: catalogue_answers.event(b, place), body(event=event)),
            Answered("fees", lambda b: catalogue_answers.series_fee_changes(b, place),
                     body(series_fee_change_arr=[change])),
            Answered("balance", lambda b: portfolio_answers.balance(b, place), BALANCE),
            Answered("positions", lambda b: portfolio_answers.positions(b, place),
                     body(market_positions=[POSITION], cursor="")),
            Answered("settlements", lambda b: portfolio_answers.settlements(b, place),
                     body(settlements=[SETTLEMENT])),
            Answered("order", lambda b: stated_orders.order(b, place), body(order=STATED)),
            Answered("orders", lambda b: stated_orders.orders(b, place), body(orders=[STATED])),
            Answered("fills", lambda b: stated_orders.fills(b, place, {"n-1": OrderId("o")}),
                     body(fills=[STATED_FILL])),
            Answered("created", lambda b: order_answers.created(b, place), CREATED),
            Answered("cancelled", lambda b: order_answers.cancelled(b, place), body(**REDUCED)),
            Answered("limits", lambda b: account_answers.account_limits(b, place),
                     body(usage_tier="basic", read=limits, write=limits)),
            Answered("groups", lambda b: account_answers.order_groups(b, place),
                     body(order_groups=[{"id": "g", "is_auto_cancel_enabled": True,
                                         "contracts_limit_fp": "5.00"}])),
        )  # fmt: skip


# --- refusals ----------------------------------------------------------------------------------

SIGNATURE = b64encode(bytes(range(256))).decode()
STATED_NO = ("exchange_is_paused", "order_already_exists", "insufficient_balance", "not_found")


class TestRefusals(conformance.RefusalsConformance):
    passes_2xx = False
    secrets: Collection[str] = (KEY_ID, SIGNATURE)

    @pytest.fixture
    def refuse(self) -> Refuse:
        def ask(
            status: int, body: bytes, headers: Mapping[str, str], *, write: bool
        ) -> UnderroundError | None:
            del headers
            return refusal(status, body, write=write, place="POST /x")

        return ask

    @pytest.fixture
    def shapes(self) -> Sequence[bytes]:
        codes = ("too_many_requests", "bad_request", "internal_server_error", *STATED_NO)
        nested = [body(error={"code": code, "message": code, "details": "d"}) for code in codes]
        return (*nested, body(code="missing_parameters", message="m"), body(error="text"))

    def settled(self, status: int, body: bytes) -> bool:
        return fault_of(body).key in {*STATED_NO, "too_many_requests"}


# --- dialects ----------------------------------------------------------------------------------


class _Channels(conformance.DialectConformance):
    secrets: Collection[str] = (KEY_ID,)

    def named(self, frame: bytes) -> list[Topic]:
        params = json.loads(frame)["params"]
        return list(params.get("market_tickers", params.get("channels")))

    def granted(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        asked = [json.loads(each) for each in frames]
        return [
            _named(each["params"]["channels"][0], each["id"])
            for each in asked
            if each["cmd"] == "subscribe"
        ]


def _named(channel: str, sid: int) -> bytes:
    return body(id=sid, type="subscribed", msg={"channel": channel, "sid": sid})


class TestBooksDialect(_Channels):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return KalshiDialect(signer(), HOSTS)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return (TICKER, OTHER)

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        delta = {"price_dollars": "0.4500", "delta_fp": "1.00", "side": "yes"}
        crossed = {"yes_dollars_fp": [["0.6000", "1.00"]], "no_dollars_fp": [["0.6000", "1.00"]]}
        return (
            Proof(frame("orderbook_delta", 1, 1, market_ticker=TICKER, **delta), ()),
            Proof(frame("orderbook_snapshot", 1, 2, market_ticker=OTHER, **crossed), ()),
            Proof(snapshot(TICKER, 3), (TICKER,)),
            Proof(snapshot(OTHER, 4), (OTHER,)),
        )


class TestUserDialect(_Channels):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return KalshiUserDialect(signer(), HOSTS)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return USER_CHANNELS

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        fill = Proof(frame("fill", 9, None, **FILL_FIELDS), ())
        acks = [Proof(_named(c, sid), (c,)) for sid, c in enumerate(USER_CHANNELS, 1)]
        return (fill, *acks)


class TestLifecycleDialect(_Channels):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return KalshiLifecycleDialect(signer(), HOSTS)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return (LIFECYCLE,)

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        return (Proof(_named(LIFECYCLE, 1), (LIFECYCLE,)),)

    def test_a_full_socket_is_opened_whole(self, dialect: Dialect, topics: Sequence[Topic]) -> None:
        """The channel is one topic."""
        _, sent = self.opened(dialect, topics)
        assert len(sent) == 1


# --- signers -----------------------------------------------------------------------------------

TEXT = signed_text("GET", "/trade-api/v2/portfolio/balance", NOW // 1_000_000)


class TestEdwardsSigner(conformance.SignerConformance):
    secrets: Collection[str] = (*pem_of(edwards_key()).decode().splitlines()[1:-1], KEY_ID)

    @pytest.fixture
    def signer(self) -> Callable[[], KalshiSigner]:
        return lambda: KalshiSigner(KEY_ID, HeldPem(pem_of(edwards_key())))

    def sign(self, signer: KalshiSigner) -> bytes:
        return signer.sign(TEXT)

    def verify(self, signer: KalshiSigner, signed: bytes) -> bool:
        edwards_key().public_key().verify(signed, TEXT)
        return True

    def broken(self) -> Iterator[Callable[[], Any]]:
        pem = pem_of(edwards_key())
        yield lambda: KalshiSigner(KEY_ID, HeldPem(pem[:-40]))
        yield lambda: KalshiSigner(KEY_ID, HeldPem(pem.replace(b"PRIVATE", b"PUBLIC")))
        yield lambda: KalshiSigner("x" + KEY_ID[:5] + "_", HeldPem(pem))


class TestRsaSigner(TestEdwardsSigner):
    secrets: Collection[str] = (*pem_of(rsa_key()).decode().splitlines()[1:-1], KEY_ID)
    deterministic = False

    @pytest.fixture
    def signer(self) -> Callable[[], KalshiSigner]:
        return lambda: KalshiSigner(KEY_ID, HeldPem(pem_of(rsa_key())))

    def verify(self, signer: KalshiSigner, signed: bytes) -> bool:
        try:
            rsa_key().public_key().verify(signed, TEXT, PSS(MGF1(SHA256()), 32), SHA256())
        except InvalidSignature:
            return False
        return True


# --- the client --------------------------------------------------------------------------------


class TestClient(ClientConformance):
    limits = limits_of(TIERS["basic"])
    secrets: Collection[str] = (KEY_ID,)

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> KalshiRest:
        return KalshiRest(http, budget, signer(), clock)

    def reads(self) -> Sequence[Request]:
        return (
            Request(f"GET {API}/portfolio/balance", lambda c: c.portfolio.balance(), BALANCE),
            Request(f"GET {API}/portfolio/positions", lambda c: c.portfolio.positions(),
                    body(market_positions=[POSITION], cursor="")),
            Request(f"GET {API}/portfolio/orders/n-1", lambda c: c.portfolio.order("n-1"),
                    body(order=STATED)),
            Request(f"GET {API}/markets/{TICKER}/orderbook",
                    lambda c: c.markets.order_book(TICKER), body(orderbook_fp=BOOK)),
        )  # fmt: skip

    def paged(self) -> Sequence[Request]:
        async def trades(client: KalshiRest) -> list[Any]:
            return [rows async for rows in client.markets.trades(TICKER)]

        page = body(market_positions=[POSITION], cursor="again")
        return (
            Request(f"GET {API}/portfolio/positions", lambda c: c.portfolio.positions(), page),
            Request(f"GET {API}/markets/trades", trades, body(trades=[TRADE], cursor="again")),
        )

    def writes(self) -> Sequence[Request]:
        orders = f"{API}/portfolio/events/orders"
        placed = create_body(order(), CENTS, Terms(shard=2))
        amended = amend_body(order(), CENTS, 2, price=470_000, size=5 * ONE)

        async def batch(client: KalshiRest) -> Any:
            (truth,) = await client.orders.place_batch((placed,))
            if isinstance(truth, UnderroundError):
                raise truth
            return truth

        group = f"{API}/portfolio/order_groups"
        smaller = decrease_body(TICKER, 2, by=ONE)
        return (
            Request(f"POST {orders}", lambda c: c.orders.place(placed), CREATED),
            Request(f"POST {orders}/batched", batch,
                    b'{"orders":[' + CREATED + b"]}"),
            Request(f"POST {orders}/n-1/amend", lambda c: c.orders.amend("n-1", amended),
                    body(order_id="n-1", ts_ms=MS)),
            Request(f"POST {orders}/n-1/decrease", lambda c: c.orders.decrease("n-1", smaller),
                    body(order_id="n-1", remaining_count="9.00", ts_ms=MS)),
            Request(f"DELETE {orders}/n-1", lambda c: c.orders.cancel("n-1", 2), body(**REDUCED)),
            Request(f"DELETE {orders}", lambda c: c.orders.cancel_all(), b"{}",
                    reads_answer=False),
            Request(f"POST {group}/create", lambda c: c.groups.create(5 * ONE, 2),
                    body(order_group_id="g")),
            Request(f"PUT {group}/g/trigger", lambda c: c.groups.trigger("g", 2), b"{}",
                    reads_answer=False),
            Request(f"POST {API}/portfolio/intra_exchange_instance_transfer",
                    lambda c: c.portfolio.transfer(ONE, 0, 2), body(transfer_id="t")),
        )  # fmt: skip

    def test_a_batch_of_cancels_that_failed_is_told_order_by_order(self) -> None:
        """It raises nothing: each order that may be open still is named with the reason."""
        cancels = [Cancel(order_id=name, exchange_index=2) for name in ("a", "b")]
        key = f"DELETE {API}/portfolio/events/orders/batched"
        request = Request(key, lambda c: c.orders.cancel_batch(cancels), b"")
        for answer in self.failures().values():
            met = self.meet(request, answer, warm=True)
            assert len(met.of(request)) == 1
            assert set(met.result.refused) == {"a", "b"}
            assert not met.result.cancelled


class TestCapabilities(conformance.CapabilityConformance):
    table = CAPABILITIES
    folder = Path(__file__).parents[2] / "src/underround/venues/kalshi"
