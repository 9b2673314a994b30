"""Polymarket proves what every venue has to prove."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import coincurve
import pytest

from tests.oracles.known import (
    API_KEY,
    API_SECRET,
    OWNER,
    PASSPHRASE,
    PRIVATE_KEY,
    Lent,
    known_credentials,
    known_key,
)
from tests.venues import conformance
from tests.venues.client_conformance import ClientConformance, Clock, Request
from tests.venues.conformance import NOW, Answered, Proof, Refuse
from tests.venues.scripted import Answer
from underround.model.errors import OutcomeUnknown, UnderroundError
from underround.model.events import BookSnapshot
from underround.model.ids import OrderId
from underround.venues.codec import Tokens
from underround.venues.ethereum import EvmKey, keccak
from underround.venues.polymarket import account_answers, answers, data_answers, fills, key_answers
from underround.venues.polymarket import terms as terms_
from underround.venues.polymarket.book_hash import snapshot_hash
from underround.venues.polymarket.capabilities import CAPABILITIES
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.data_api import PolymarketData
from underround.venues.polymarket.gamma.query import MarketQuery
from underround.venues.polymarket.gamma.rest import GammaRest
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.orders import Outgoing
from underround.venues.polymarket.polybolt import SPOT, TWAP, PolyboltDecoder
from underround.venues.polymarket.prices_stream import PolyboltDialect, RtdsDialect
from underround.venues.polymarket.refusals import refusal
from underround.venues.polymarket.relayer.rest import PolymarketRelayer, RelayerKey
from underround.venues.polymarket.relayer.wallet_calls import Call
from underround.venues.polymarket.requests import Requests
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.polymarket.rtds import RtdsDecoder
from underround.venues.polymarket.sign import BuilderCredentials, L2Credentials, l1_headers
from underround.venues.polymarket.sports import SCORES, SportsDialect, decode_score
from underround.venues.polymarket.stream import MarketDialect, UserDialect
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.user_codec import UserDecoder
from underround.venues.polymarket.wallets import SignatureType, Wallet
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpTransport

if TYPE_CHECKING:
    from tests.venues.conftest import TokensOf

CONDITION = "0xdd22472e552920b8438158ea7238bfadfa4f736aa4cee91a6b86c39ead110917"
UP = "21742633143463906290569050155826241533067272736897614950488156847949938836455"
DOWN = "48331043336612883890938759509493159234755048973500640148014422747788308965732"
WALLET = "0xa3D82Ed56F4c68d2328Fb8c29e568Ba2cAF7d7c8"
MS = "1777366994943"
ORDER = "0x" + "0" * 62 + "ab"
ACCOUNT_OF = Account(API_KEY, WALLET)
HOST = "ws://127.0.0.1:1"


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.fixture
def tokens(tokens_of: TokensOf) -> Tokens:
    return tokens_of("polymarket", {CONDITION: (UP, DOWN)})


def book(tokens: Tokens, token: str = UP) -> bytes:
    """Return a book of the stream with the hash it must have."""
    message: dict[str, Any] = {
        "market": CONDITION, "asset_id": token, "timestamp": MS, "hash": "", "tick_size": "0.01",
        "bids": [{"price": "0.1", "size": "5.5"}], "asks": [{"price": "0.3", "size": "2"}],
        "event_type": "book", "last_trade_price": "0.040",
    }  # fmt: skip
    (event,) = PolymarketDecoder(tokens).decode(json.dumps(message).encode())
    assert isinstance(event, BookSnapshot)
    return body(**message | {"hash": snapshot_hash(event, tokens[token][0])})


def unworded(value: Any) -> Any:
    """Return an event without the texts that book hashes cover."""
    words = re.sub(r"price_text='[^']*'", "", repr(value))
    return re.sub(r"hash_inputs=HashInputs\([^)]*\)", "", words)


# --- codecs ------------------------------------------------------------------------------------


class TestMarketFrames(conformance.MarketDecoderConformance):
    def essence(self, value: Any) -> Any:
        return unworded(value)

    @pytest.fixture
    def decoder(self, tokens: Tokens) -> Callable[[], PolymarketDecoder]:
        return lambda: PolymarketDecoder(tokens)

    @pytest.fixture
    def stranger(self) -> PolymarketDecoder:
        return PolymarketDecoder({})

    @pytest.fixture
    def frames(self, tokens: Tokens) -> Sequence[bytes]:
        about = {"market": CONDITION, "asset_id": UP, "timestamp": MS}
        change = {"asset_id": UP, "price": "0.15", "size": "20.5", "side": "BUY", "hash": "ab",
                  "best_bid": "0.15", "best_ask": "0.3"}  # fmt: skip
        mirrored = {**change, "asset_id": DOWN, "price": "0.85", "side": "SELL"}
        return (
            book(tokens),
            b"[" + book(tokens) + b"," + book(tokens, DOWN) + b"]",
            body(event_type="price_change", market=CONDITION, timestamp=MS,
                 price_changes=[change, {**mirrored, "best_bid": "0.7", "best_ask": "0.85"}]),
            body(event_type="last_trade_price", **about, price="0.46", size="0.2", side="SELL"),
            body(event_type="tick_size_change", **about, new_tick_size="0.001",
                 old_tick_size="0.01"),
            body(event_type="best_bid_ask", **about, best_bid="0.15", best_ask="0.3"),
            body(event_type="market_resolved", market=CONDITION, timestamp=MS,
                 winning_asset_id=UP),
        )  # fmt: skip


MAKER: dict[str, Any] = {
    "order_id": ORDER, "owner": API_KEY, "maker_address": WALLET, "matched_amount": "10.5",
    "price": "0.51", "asset_id": UP, "side": "SELL",
}  # fmt: skip
TRADE: dict[str, Any] = {
    "id": "t-1", "taker_order_id": "0xff", "market": CONDITION, "asset_id": UP, "side": "BUY",
    "size": "10.5", "price": "0.51", "status": "MATCHED", "owner": "someone", "bucket_index": 0,
    "trader_side": "MAKER", "maker_orders": [MAKER], "maker_address": "0x1",
    "match_time": "1725868885", "last_update": "1725868885", "timestamp": "1725868885000",
}  # fmt: skip
PLACED: dict[str, Any] = {
    "id": ORDER, "owner": API_KEY, "market": CONDITION, "asset_id": UP, "side": "SELL",
    "original_size": "10.5", "size_matched": "0", "price": "0.51", "type": "PLACEMENT",
    "timestamp": "1725842520000", "status": "LIVE", "maker_address": WALLET,
}  # fmt: skip


class TestUserFrames(conformance.DecoderConformance):
    @pytest.fixture
    def decoder(self, tokens: Tokens) -> Callable[[], UserDecoder]:
        ours = {ORDER: OrderId("run1-o1")}
        return lambda: UserDecoder(tokens, ACCOUNT_OF, ours.get)

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        foreign = {**MAKER, "order_id": "0xcd"}
        return (
            body(event_type="trade", **TRADE),
            body(event_type="trade", **{**TRADE, "status": "CONFIRMED"}),
            body(event_type="trade", **{**TRADE, "maker_orders": [foreign]}),
            body(event_type="order", **PLACED),
            body(event_type="order", **{**PLACED, "status": "CANCELED", "type": "CANCELLATION"}),
            body(event_type="order", **{**PLACED, "id": "0xcd"}),
        )


class TestPolyboltFrames(conformance.MarketDecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], PolyboltDecoder]:
        return lambda: PolyboltDecoder({})

    @pytest.fixture
    def stranger(self) -> PolyboltDecoder:
        return PolyboltDecoder({})

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        return (polybolt(SPOT, "btcusd", snapshot=True), polybolt(SPOT, "btcusd"),
                polybolt(TWAP, "btcusd", snapshot=True))  # fmt: skip


def polybolt(channel: str, symbol: str, *, snapshot: bool = False, seq: int = 1) -> bytes:
    point = {"timestamp": 1_788_972_880_000, "value": 64_123.5,
             "full_accuracy_value": "64123.50000000"}  # fmt: skip
    spot = channel == SPOT
    payload: dict[str, Any] = {"symbol": symbol, "source": "pyth" if spot else "chainlink"}
    payload |= {"data": [point]} if snapshot else point
    payload |= {} if spot else {"window_seconds": 60}
    said = {"snapshot": True} if snapshot else {}
    return body(v=1, channel=channel, seq=seq, ts=1_788_973_000_000, **said, payload=payload)


class TestRtdsFrames(conformance.MarketDecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], RtdsDecoder]:
        return lambda: RtdsDecoder({})

    @pytest.fixture
    def stranger(self) -> RtdsDecoder:
        return RtdsDecoder({})

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        point = {"timestamp": 1_780_730_269_000, "value": 61_035.86}
        update = {"symbol": "btcusdt", **point, "full_accuracy_value": "61035.86000000"}
        return (
            rtds("crypto_prices", "btcusdt"),
            body(topic="crypto_prices", type="update", timestamp=1, payload=update),
        )


def rtds(topic: str, symbol: str) -> bytes:
    points = [{"timestamp": 1_780_730_269_000, "value": 61_035.86}]
    return body(topic=topic, type="subscribe", timestamp=1_780_730_269_142,
                payload={"symbol": symbol, "data": points})  # fmt: skip


class _Scores:
    def decode(self, payload: bytes) -> Sequence[Any]:
        score = decode_score(payload)
        return () if score is None else (score,)


class TestScoreFrames(conformance.DecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], _Scores]:
        return _Scores

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        return (body(gameId=7, leagueAbbreviation="nfl", status="InProgress", live=True,
                     ended=False, score="3-16", homeTeam="a", period="Q4"),)  # fmt: skip


# --- answers -----------------------------------------------------------------------------------

OPEN: dict[str, Any] = {
    "id": ORDER, "status": "LIVE", "market": CONDITION, "asset_id": UP, "side": "SELL",
    "original_size": "10.5", "size_matched": "0", "price": "0.51", "created_at": 1_725_842_520,
    "order_type": "GTC",
}  # fmt: skip
TERMS: dict[str, Any] = {
    "c": CONDITION, "t": [{"t": UP, "o": "Yes"}, {"t": DOWN, "o": "No"}], "mts": 0.01, "mos": 5,
    "nr": False, "ao": True, "aot": "2026-10-05T09:00:00Z", "fd": {"r": 0.07, "e": 1, "to": True},
    "v": "v1",
}  # fmt: skip
DATA_TRADE: dict[str, Any] = {
    "proxy_wallet": WALLET, "side": "BUY", "token_id": UP, "condition_id": CONDITION, "size": 10.5,
    "price": 0.51, "timestamp": 1_758_972_880, "transaction_hash": "0xaa", "outcome_index": 0,
}  # fmt: skip
POSTED = body(success=True, errorMsg="", orderID=ORDER, status="live", makingAmount="",
              takingAmount="")  # fmt: skip
CANCELED = body(canceled=[ORDER], not_canceled={})
CREDENTIALS = body(apiKey=API_KEY, secret=API_SECRET, passphrase=PASSPHRASE)


def _settled(value: Any) -> Any:
    """Return a placing's outcome in a form that can be compared."""
    return f"{type(value).__name__}: {value}" if isinstance(value, Exception) else value


class TestAnswers(conformance.AnswersConformance):
    @pytest.fixture
    def answered(self, tokens: Tokens) -> Sequence[Answered]:
        place = "Polymarket GET /x"
        return (
            Answered("orders", lambda b: answers.stated_orders(b, tokens, place),
                     json.dumps([OPEN]).encode()),
            Answered("order", lambda b: answers.stated_order(b, tokens, place), body(**OPEN)),
            Answered("fills", lambda b: fills.own_fills(b, ACCOUNT_OF, tokens, place),
                     json.dumps([{**TRADE, "transaction_hash": "0xaa"}]).encode()),
            Answered("terms", lambda b: terms_.market_terms(b, CONDITION, place), body(**TERMS)),
            Answered("tick", lambda b: account_answers.tick_size(b, place),
                     body(minimum_tick_size=0.01)),
            Answered("balance", lambda b: account_answers.balance(b, "pUSD", place),
                     body(balance="123456789")),
            Answered("history", lambda b: account_answers.price_history(b, place),
                     body(history=[{"t": 1_758_972_880, "p": 0.51}])),
            Answered("closed only", lambda b: account_answers.closed_only(b, place),
                     body(closed_only=False)),
            Answered("data trades", lambda b: data_answers.trades(b, place),
                     json.dumps([DATA_TRADE]).encode()),
            Answered("credentials", lambda b: key_answers.credentials(b, place), CREDENTIALS),
        )  # fmt: skip

    def test_a_placing_that_cannot_be_read_is_unknown(self) -> None:
        """A body of any kind tells a placing, a refusal, or that nobody knows."""
        for place in conformance.places(json.loads(POSTED)):
            for odd in conformance.ODD:
                data = json.dumps(conformance.spoiled(json.loads(POSTED), place, odd)).encode()
                told = answers.placed(data, ORDER, "buy", "POST /order", tif="GTC")
                if isinstance(told, UnderroundError):
                    continue
                assert told.native.lower() == ORDER
                assert told.state in {"live", "matched", "delayed"}
        for data in (b"", POSTED[:-1], *conformance.GARBAGE, b"null", b"[]"):
            assert isinstance(answers.placed(data, ORDER, "buy", "x", tif="GTC"), OutcomeUnknown), (
                data[:30]
            )
            (row,) = answers.placed_batch(data, ((ORDER, "buy", "GTC"),), "x")
            assert isinstance(row, OutcomeUnknown), data[:30]
            with pytest.raises(OutcomeUnknown):
                answers.cancelled(data, "x")


# --- refusals ----------------------------------------------------------------------------------


class TestRefusals(conformance.RefusalsConformance):
    secrets: Collection[str] = (
        API_KEY, API_SECRET, base64.urlsafe_b64encode(bytes(range(32))).decode(), "5f" * 32
    )  # fmt: skip

    @pytest.fixture
    def refuse(self) -> Refuse:
        def ask(
            status: int, body: bytes, headers: Mapping[str, str], *, write: bool
        ) -> UnderroundError | None:
            return refusal(status, headers, body, write=write, place="Polymarket POST /x")

        return ask

    @pytest.fixture
    def shapes(self) -> Sequence[bytes]:
        words = ("not enough balance / allowance", "trading is currently disabled", "Unauthorized",
                 "could not insert order", "order crosses book")  # fmt: skip
        told = [body(error=each) for each in words]
        post_only = body(error="p", code="post_only_mode", retry_after_seconds=3)
        huge = body(error="p", code="post_only_mode", retry_after_seconds=2**62)
        return (*told, post_only, huge, body(errorMsg=words[0]), body(error_msg="m"))

    def settled(self, status: int, body: bytes) -> bool:
        """With 503 the venue states that it takes nothing now."""
        return status == 503 or (status == 408 and b"disabled" in body) or (
            status == 408 and b"not enough" in body) or (
            status == 408 and b"crosses" in body) or (
            status == 408 and b"insert" in body)  # fmt: skip

    def test_a_503_without_the_venues_words_is_unknown(self, refuse: Refuse) -> None:
        for body_ in (b"", conformance.HTML, body(error="upstream connect error")):
            assert isinstance(refuse(503, body_, {}, write=True), OutcomeUnknown)


# --- dialects ----------------------------------------------------------------------------------

AUTH = (API_KEY, API_SECRET, PASSPHRASE)


class TestMarketDialect(conformance.DialectConformance):
    @pytest.fixture
    def dialect(self, tokens: Tokens) -> Dialect:
        return MarketDialect(lambda: tokens, HOST)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return (UP, DOWN)

    @pytest.fixture
    def proofs(self, tokens: Tokens) -> Sequence[Proof]:
        wrong = json.loads(book(tokens)) | {"hash": "0" * 40}
        return (
            Proof(body(**wrong), ()),
            Proof(body(event_type="price_change", market=CONDITION), ()),
            Proof(b"PONG", ()),
            Proof(b"[" + book(tokens) + b"]", (UP,)),
            Proof(book(tokens, DOWN), (DOWN,)),
        )

    def named(self, frame: bytes) -> list[Topic]:
        return list(json.loads(frame)["assets_ids"])


class TestUserDialect(conformance.DialectConformance):
    secrets: Collection[str] = AUTH

    @pytest.fixture
    def dialect(self) -> Dialect:
        return UserDialect(known_credentials(), HOST)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return (CONDITION, "0xbb")

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        return (Proof(b"unauthorized", ()), Proof(b"PONG", (CONDITION, "0xbb")))

    def named(self, frame: bytes) -> list[Topic]:
        return list(json.loads(frame)["markets"]) if frame[:1] == b"{" else []


class TestPolyboltDialect(conformance.DialectConformance):
    secrets: Collection[str] = AUTH

    @pytest.fixture
    def dialect(self) -> Dialect:
        return PolyboltDialect(known_credentials(), HOST)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return (f"{SPOT}:btcusd", f"{TWAP}:ethusd")

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        return (
            Proof(polybolt(SPOT, "btcusd"), ()),
            Proof(polybolt(SPOT, "btcusd", snapshot=True, seq=2), (f"{SPOT}:btcusd",)),
            Proof(polybolt(TWAP, "ethusd", snapshot=True), (f"{TWAP}:ethusd",)),
        )

    def granted(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        return [body(op="authed", rid="a1")] if b'"auth"' in frames[0] else []

    def named(self, frame: bytes) -> list[Topic]:
        asked = json.loads(frame).get("subscriptions", ())
        return [f"{each['channel']}:{each['filter']['symbol']}" for each in asked]


class TestRtdsDialect(conformance.DialectConformance):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return RtdsDialect(HOST)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return ("crypto_prices:btcusdt", "crypto_prices_chainlink:btc/usd")

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        return (
            Proof(rtds("crypto_prices", "btcusdt"), ("crypto_prices:btcusdt",)),
            Proof(rtds("crypto_prices", "btc/usd"), ("crypto_prices_chainlink:btc/usd",)),
        )

    def named(self, frame: bytes) -> list[Topic]:
        asked = json.loads(frame)["subscriptions"]
        return [f"{each['topic']}:{json.loads(each['filters'])['symbol']}" for each in asked]


class TestSportsDialect(conformance.DialectConformance):
    unasked = True

    @pytest.fixture
    def dialect(self) -> Dialect:
        return SportsDialect(HOST)

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return (SCORES,)

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        return (Proof(b"ping", (SCORES,)),)

    def named(self, frame: bytes) -> list[Topic]:
        raise AssertionError(frame)


# --- signers -----------------------------------------------------------------------------------


def _hmac(target: str, timestamp: str) -> str:
    key = base64.urlsafe_b64decode(API_SECRET)
    text = f"{timestamp}GET{target}".encode()
    return base64.urlsafe_b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


class TestL2Credentials(conformance.SignerConformance):
    secrets: Collection[str] = AUTH

    @pytest.fixture
    def signer(self) -> Callable[[], Any]:
        return known_credentials

    def sign(self, signer: Any) -> dict[str, str]:
        return dict(signer.headers("GET", "/data/orders?a=b", b"", NOW))

    def verify(self, signer: Any, signed: dict[str, str]) -> bool:
        return signed["POLY_SIGNATURE"] == _hmac("/data/orders", signed["POLY_TIMESTAMP"])

    def broken(self) -> Iterator[Callable[[], Any]]:
        yield lambda: known_credentials(secret=API_SECRET + "!")
        yield lambda: known_credentials(address=OWNER + API_KEY[:0] + "zz")

        def wiped() -> Any:
            held = known_credentials()
            held.wipe()
            return held.headers("GET", "/", b"", NOW)

        yield wiped


class TestBuilderCredentials(TestL2Credentials):
    @pytest.fixture
    def signer(self) -> Callable[[], Any]:
        return lambda: BuilderCredentials(
            Lent("api", API_KEY), Lent("secret", API_SECRET), Lent("passphrase", PASSPHRASE)
        )

    def verify(self, signer: Any, signed: dict[str, str]) -> bool:
        at = signed["POLY_BUILDER_TIMESTAMP"]
        return signed["POLY_BUILDER_SIGNATURE"] == _hmac("/data/orders", at)


class TestWalletKey(conformance.SignerConformance):
    secrets: Collection[str] = (PRIVATE_KEY, PRIVATE_KEY[2:], str(bytes.fromhex(PRIVATE_KEY[2:])))

    @pytest.fixture
    def signer(self) -> Callable[[], EvmKey]:
        return known_key

    def sign(self, signer: EvmKey) -> tuple[dict[str, str], bytes]:
        return l1_headers(signer, 137, NOW), signer.sign(keccak(b"digest"))

    def verify(self, signer: EvmKey, signed: tuple[dict[str, str], bytes]) -> bool:
        compact = signed[1][:64] + bytes([signed[1][64] - 27])
        key = coincurve.PublicKey.from_signature_and_message(compact, keccak(b"digest"), None)
        return keccak(key.format(compressed=False)[1:])[-20:].hex() == OWNER[2:].lower()

    def broken(self) -> Iterator[Callable[[], Any]]:
        yield lambda: EvmKey(Lent("k", PRIVATE_KEY[:-1]))
        yield lambda: EvmKey(Lent("k", PRIVATE_KEY + "00"))
        yield lambda: EvmKey(Lent("k", PRIVATE_KEY.replace("a", "g")))


class TestRelayerKey(conformance.SignerConformance):
    secrets: Collection[str] = (API_KEY,)

    @pytest.fixture
    def signer(self) -> Callable[[], RelayerKey]:
        return lambda: RelayerKey(Lent("relayer", API_KEY), OWNER)

    def sign(self, signer: RelayerKey) -> dict[str, str]:
        return dict(signer.headers("POST", "/submit", b"", NOW))

    def verify(self, signer: RelayerKey, signed: dict[str, str]) -> bool:
        return signed["RELAYER_API_KEY"] == API_KEY


# --- clients -----------------------------------------------------------------------------------


OUTGOING = Outgoing(OrderId(ORDER), "buy", b'{"order":{"side":"BUY"}}', "GTC")


UNSETTLED = {
    "425": Answer(b'{"error":"service not ready"}', 425),
    "429 without the limiter's headers": Answer(b"", 429),
    "could not insert": Answer(body(error="could not insert order"), 400),
}


class TestClient(ClientConformance):
    limits = limits_of()
    secrets: Collection[str] = (API_SECRET, PASSPHRASE * 4, API_KEY)
    unsettled: Mapping[str, Answer] = UNSETTLED

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> PolymarketRest:
        credentials = L2Credentials(
            OWNER, Lent("api", API_KEY), Lent("secret", API_SECRET), Lent("p", PASSPHRASE * 4)
        )
        return PolymarketRest(http, budget, clock, {}, authorizer=credentials, identity=ACCOUNT_OF)

    def reads(self) -> Sequence[Request]:
        empty = body(data=[], next_cursor="LTE=")
        return (
            Request("GET /data/orders", lambda c: c.open_orders(), empty),
            Request("GET /data/trades", lambda c: c.fills(), empty),
            Request("GET /balance-allowance", lambda c: c.account.cash(),
                    body(balance="5", allowances={})),
            Request("GET /tick-size", lambda c: c.public.tick_size(UP),
                    body(minimum_tick_size=0.01)),
            Request(f"GET /clob-markets/{CONDITION}", lambda c: c.public.terms(CONDITION),
                    body(**TERMS)),
            Request("GET /prices-history", lambda c: c.public.price_history(UP),
                    body(history=[])),
            Request("GET /auth/api-keys", lambda c: c.keys.api_keys(), body(apiKeys=[])),
        )  # fmt: skip

    def paged(self) -> Sequence[Request]:
        again = body(data=[], next_cursor="again")
        return (
            Request("GET /data/orders", lambda c: c.open_orders(), again),
            Request("GET /data/trades", lambda c: c.fills(), again),
            Request("GET /rewards/markets/current", lambda c: c.public.rewards_now(), again),
        )

    def writes(self) -> Sequence[Request]:
        async def batch(client: PolymarketRest) -> Any:
            (truth,) = await client.post_orders((OUTGOING,))
            if isinstance(truth, UnderroundError):
                raise truth
            return truth

        cancel = {"condition": CONDITION}
        return (
            Request("POST /order", lambda c: c.post_order(OUTGOING), POSTED),
            Request("POST /orders", batch, b"[" + POSTED + b"]"),
            Request("DELETE /order", lambda c: c.cancel_order(ORDER), CANCELED),
            Request("DELETE /orders", lambda c: c.cancel_orders([ORDER]), CANCELED),
            Request("DELETE /cancel-all", lambda c: c.cancel_all(), CANCELED),
            Request("DELETE /cancel-market-orders", lambda c: c.cancel_market(**cancel), CANCELED),
            Request("POST /auth/api-key",
                    lambda c: c.keys.create(_Wallet()), CREDENTIALS),
            Request("DELETE /auth/api-key", lambda c: c.keys.delete(), b"{}", reads_answer=False),
        )  # fmt: skip


class _Wallet:
    def headers(self, method: str, path: str, body: bytes, now: int) -> Mapping[str, str]:
        return l1_headers(known_key(), 137, now)


class TestDataClient(ClientConformance):
    limits = limits_of()

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> PolymarketData:
        return PolymarketData(Requests(http, budget, clock))

    def reads(self) -> Sequence[Request]:
        page = body(data=[], pagination={"has_more": False, "next_cursor": None})
        return (
            Request("GET /v2/positions", lambda c: c.positions(WALLET), page),
            Request("GET /v2/resolutions", lambda c: c.resolutions([CONDITION]), page),
            Request("GET /v2/value", lambda c: c.value(WALLET), body(data={"value": 1.5})),
        )

    def paged(self) -> Sequence[Request]:
        again = body(data=[], pagination={"has_more": True, "next_cursor": "again"})
        return (Request("GET /v2/positions", lambda c: c.positions(WALLET), again),)


class TestGammaClient(ClientConformance):
    limits = limits_of()

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> GammaRest:
        return GammaRest(http, budget)

    def reads(self) -> Sequence[Request]:
        page = body(markets=[], next_cursor=None)
        return (
            Request("GET /tags", lambda c: c.tags(), b"[]"),
            Request("GET /markets/keyset", lambda c: c.markets(MarketQuery(), NOW), page),
        )

    def paged(self) -> Sequence[Request]:
        again = body(markets=[], next_cursor="again")
        return (Request("GET /markets/keyset", lambda c: c.markets(MarketQuery(), NOW), again),)


class TestRelayerClient(ClientConformance):
    limits = limits_of()
    secrets: Collection[str] = (API_KEY,)

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> PolymarketRelayer:
        requests = Requests(http, budget, clock, RelayerKey(Lent("relayer", API_KEY), OWNER))
        wallet = Wallet(OWNER, WALLET, SignatureType.POLY_1271)
        return PolymarketRelayer(requests, known_key(), wallet, asyncio.sleep)

    def reads(self) -> Sequence[Request]:
        told = body(transaction_id="t", state="STATE_MINED", transaction_hash="0xaa")
        return (
            Request("GET /deployed", lambda c: c.deployed(), body(deployed=True)),
            Request("GET /v1/account/transactions/t", lambda c: c.transaction("t"), told),
        )

    def writes(self) -> Sequence[Request]:
        params = Answer(body(nonce="3", address=WALLET))
        call = Call(WALLET, b"\x01")
        return (
            Request("POST /submit", lambda c: c.execute([call]),
                    body(transactionID="t", state="STATE_NEW"),
                    beside={"GET /v1/account/transactions/params": params}),
        )  # fmt: skip


class TestCapabilities(conformance.CapabilityConformance):
    table = CAPABILITIES
    folder = Path(__file__).parents[2] / "src/underround/venues/polymarket"
