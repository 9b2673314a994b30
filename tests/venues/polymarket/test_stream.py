"""How Polymarket's channels are spoken: judged frame by frame, without a socket."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.venues.scripted import sample
from underround.model.events import BookSnapshot
from underround.venues.codec import Tokens
from underround.venues.polymarket.book_hash import snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.prices_stream import (
    PolyboltDialect,
    PolyboltSession,
    RtdsDialect,
    price_topic,
)
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.sports import SCORES, ScoreNoted, SportsDialect, decode_score
from underround.venues.polymarket.stream import ACCOUNT, MarketDialect, UserDialect
from underround.venues.streams.dialect import CONTROL, DATA, Dialect, Session

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate, TokensOf

CONDITION, UP, DOWN = "0xaa", "111", "222"
KEY, PASSPHRASE = "aaaa-bbbb", "pass-phrase"
HMAC_SECRET = base64.urlsafe_b64encode(b"secret of the test").decode()
AUTH = {"apiKey": KEY, "secret": HMAC_SECRET, "passphrase": PASSPHRASE}


class Held:
    """A secret in plain memory."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._text = text.encode()

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        yield memoryview(self._text)


@pytest.fixture(scope="module")
def credentials() -> L2Credentials:
    parts = (Held("key", KEY), Held("secret", HMAC_SECRET), Held("passphrase", PASSPHRASE))
    return L2Credentials("0x0000000000000000000000000000000000000001", *parts)


@pytest.fixture(scope="module")
def tokens(tokens_of: TokensOf) -> Tokens:
    return tokens_of("polymarket", {CONDITION: (UP, DOWN), "0xbb": ("3", "4")})


def said(frames: Any) -> list[Any]:
    return [json.loads(each) if each[:1] == b"{" else each for each in frames]


def book(tokens: Tokens, token: str = UP, **fields: Any) -> dict[str, Any]:
    """Return a book of the stream with the hash it must have."""
    message: dict[str, Any] = {"market": tokens[token][0].id.native, "asset_id": token}
    message |= {"timestamp": "1777366994943", "hash": "", "tick_size": "0.01"}
    message |= {"bids": [{"price": "0.1", "size": "5"}], "asks": [{"price": "0.3", "size": "2"}]}
    message |= {"event_type": "book", "last_trade_price": "0.040"}
    (event,) = PolymarketDecoder(tokens).decode(json.dumps(message).encode())
    assert isinstance(event, BookSnapshot)
    return message | {"hash": snapshot_hash(event, tokens[token][0])} | fields


# --- the market channel ------------------------------------------------------------------------


def test_the_market_channel_is_opened_and_changed_by_its_documented_frames(tokens: Tokens) -> None:
    session = MarketDialect(lambda: tokens).session()
    assert said(session.opening([UP, DOWN])) == [
        {"assets_ids": [UP, DOWN], "type": "market", "custom_feature_enabled": True}
    ]
    added = {"operation": "subscribe", "assets_ids": ["3"], "custom_feature_enabled": True}
    dropped = {"operation": "unsubscribe", "assets_ids": ["3"]}
    assert said(session.subscribe(["3"])) == [added]
    assert said(session.unsubscribe(["3"])) == [dropped]
    assert said(session.refresh(["3"])) == [dropped, added]
    assert session.keepalive() == b"PING"


def test_an_empty_list_is_never_sent_because_it_means_all_markets(tokens: Tokens) -> None:
    session = MarketDialect(lambda: tokens).session()
    for speak in (session.opening, session.subscribe, session.unsubscribe, session.refresh):
        assert not speak([])


@pytest.mark.parametrize(
    "payload, kind",
    [(b"PONG", "control"), (b"[]", "control"), (b"[]\n", "control"), (b'{"market":', "data"),
     (b"[{", "data"), (b"INVALID OPERATION", "refused"), (b"\xff", "refused")],
)  # fmt: skip
def test_what_a_frame_of_the_market_channel_means(
    tokens: Tokens, payload: bytes, kind: str
) -> None:
    heard = MarketDialect(lambda: tokens).session().hear(payload)
    assert heard.kind == kind
    assert bool(heard.detail) == (kind == "refused")


def test_a_book_proves_its_asset_only_with_the_hash_it_must_have(tokens: Tokens) -> None:
    session = MarketDialect(lambda: tokens).session()

    def proven(*messages: dict[str, Any]) -> list[str]:
        return sorted(session.proven(json.dumps(list(messages)).encode() + b"\n"))

    good = book(tokens)
    assert proven(good, book(tokens, DOWN), book(tokens, "4")) == [UP, DOWN, "4"]
    assert list(session.proven(json.dumps(good).encode())) == [UP]
    other = book(tokens, DOWN)
    assert proven(good, other | {"hash": "0" * 40}) == [UP]
    assert proven(good, other | {"asks": [{"price": "0.3", "size": "3"}]}) == [UP]
    for left_out in ("hash", "tick_size", "last_trade_price"):
        assert proven({key: value for key, value in good.items() if key != left_out}) == []
    assert proven(good | {"asset_id": "999"}) == []
    assert proven(good | {"event_type": "price_change"}) == []


def test_a_book_of_a_market_that_is_listed_later_proves_it_then(tokens: Tokens) -> None:
    """``tokens`` is asked anew, so that a market found meanwhile can be proven."""
    known: dict[str, Any] = {}
    session = MarketDialect(lambda: known).session()
    frame = json.dumps(book(tokens)).encode()
    assert not session.proven(frame)
    known.update(tokens)
    assert list(session.proven(frame)) == [UP]


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["market_session_2026-04-28_a", "market_and_rtds_session_2026-04-28_d"]
)
def test_the_books_of_recorded_sessions_prove_their_assets(
    shared: Path, tokens_of: TokensOf, name: str
) -> None:
    """Every streamed book of a recorded opening verifies; requested ones and changes do not."""
    rows = [json.loads(line) for line in sample(shared, f"polymarket/ws/{name}.jsonl").splitlines()]
    payloads = [row["payload"] for row in rows if row["source"] == "polymarket_clob"]
    named: dict[str, list[str]] = {}
    opened: set[str] = set()
    for payload in payloads:
        value = json.loads(payload)
        for message in value if isinstance(value, list) else [value]:
            if message.get("event_type") == "book" or "bids" in message:
                assets = named.setdefault(message["market"], [])
                assets += [message["asset_id"]] * (message["asset_id"] not in assets)
            if message.get("event_type") == "book":
                opened.add(message["asset_id"])
    tokens = tokens_of("polymarket", named)
    session = MarketDialect(lambda: tokens).session()
    proven = {topic for payload in payloads for topic in session.proven(payload.encode())}
    assert proven == opened
    assert len(proven) == 6
    assert {session.hear(payload.encode()).kind for payload in payloads} == {"data"}


@pytest.mark.shared
def test_the_recorded_session_of_protocol_v2_is_ours(shared: Path, tokens_of: TokensOf) -> None:
    """What was sent then is what we would send; the empty book proves its asset."""
    lines = sample(shared, "polymarket/ws/market_session_protocol_v2_2026-10-05.jsonl").splitlines()
    rows = [json.loads(line) for line in lines]
    sent = [row["data"] for row in rows if row["dir"] == "send"]
    received = [row["data"].encode() for row in rows if row["dir"] == "recv"]
    opening = json.loads(sent[0])
    condition = json.loads(received[0])[0]["market"]
    tokens = tokens_of("polymarket", {condition: opening["assets_ids"]})
    session = MarketDialect(lambda: tokens).session()
    assert said(session.opening(opening["assets_ids"])) == [opening]
    assert set(sent[1:]) == {"PING"}
    kinds = [session.hear(payload).kind for payload in received]
    assert [kind for kind, payload in zip(kinds, received, strict=True) if payload == b"PONG"]
    assert set(kinds) == {"data", "control"}


# --- the user channel --------------------------------------------------------------------------


def test_the_user_channel_is_opened_with_the_credentials(credentials: L2Credentials) -> None:
    session = UserDialect(credentials).session()
    assert said(session.opening(["0xaa"])) == [
        {"auth": AUTH, "type": "user", "markets": ["0xaa"]},
        b"PING",
    ]
    whole = UserDialect(credentials).session()
    assert said(whole.opening([ACCOUNT])) == [{"auth": AUTH, "type": "user"}, b"PING"]
    assert said(session.subscribe(["0xbb"])) == [{"operation": "subscribe", "markets": ["0xbb"]}]
    assert said(session.unsubscribe(["0xaa"])) == [
        {"operation": "unsubscribe", "markets": ["0xaa"]}
    ]
    assert not session.subscribe([ACCOUNT])
    assert not session.refresh(["0xbb"])


def test_whoever_is_answered_on_the_user_channel_was_let_in(credentials: L2Credentials) -> None:
    """An account may be silent for days: the answer to our ping is life and proof."""
    session = UserDialect(credentials).session()
    session.opening(["0xaa"])
    session.subscribe(["0xbb"])
    assert session.hear(b"PONG") == DATA
    assert sorted(session.proven(b"PONG")) == ["0xaa", "0xbb"]
    refusal = session.hear(b"unauthorized")
    assert (refusal.kind, refusal.detail) == ("refused", "unauthorized")
    assert not session.proven(b"unauthorized")


@pytest.mark.parametrize("kind", [UserDialect, PolyboltDialect])
def test_credentials_are_in_no_repr(
    credentials: L2Credentials, kind: type[UserDialect | PolyboltDialect]
) -> None:
    dialect = kind(credentials)
    handshake = dialect.handshake([ACCOUNT], 0)
    for shown in (repr(dialect), repr(dialect.session()), repr(handshake), repr(credentials)):
        assert not any(secret in shown for secret in AUTH.values())


# --- PolyBolt ----------------------------------------------------------------------------------


def authed(credentials: L2Credentials, *topics: str) -> tuple[PolyboltSession, list[Any]]:
    session = PolyboltDialect(credentials).session()
    session.opening(topics)
    heard = session.hear(b'{"op":"authed","rid":"a1"}')
    assert heard.kind == "control"
    return session, said(heard.send)


def test_polybolt_authenticates_and_then_subscribes_one_by_one(credentials: L2Credentials) -> None:
    btc, eth = price_topic("BTC", twap=True), price_topic("ETH", twap=False)
    session = PolyboltDialect(credentials).session()
    assert said(session.opening([btc])) == [{"op": "auth", "rid": "a1", "auth": AUTH}]
    assert not session.subscribe([eth])  # it waits for the answer
    sent = said(session.hear(b'{"op":"authed","rid":"a1"}').send)
    twap = {"channel": "price.crypto.twap", "filter": {"symbol": "btcusd", "window_seconds": 60}}
    spot = {"channel": "price.crypto", "filter": {"symbol": "ethusd"}}
    assert [each["subscriptions"] for each in sent] == [[twap], [spot]]
    assert {each["op"] for each in sent} == {"subscribe"}
    assert len({each["rid"] for each in sent}) == 2
    again = said(session.refresh([btc]))
    assert [(each["op"], each["subscriptions"]) for each in again] == [
        ("unsubscribe", [twap]),
        ("subscribe", [twap]),
    ]
    assert json.loads(session.keepalive())["op"] == "ping"


def test_a_topic_dropped_before_the_answer_is_never_asked(credentials: L2Credentials) -> None:
    session = PolyboltDialect(credentials).session()
    session.opening(["price.crypto:btcusd", "price.crypto:ethusd"])
    assert not session.unsubscribe(["price.crypto:btcusd"])
    (sent,) = said(session.hear(b'{"op":"authed"}').send)
    assert sent["subscriptions"][0]["filter"] == {"symbol": "ethusd"}


def test_polybolt_is_paced_as_its_limits_ask(credentials: L2Credentials) -> None:
    """Nine a second leave 110 ms between two; sixty-four of them fit into the time to open."""
    limits = PolyboltDialect(credentials).limits
    assert 1_000 / limits.sends_per_s >= 110
    assert limits.topics_per_socket * 1_000 / limits.sends_per_s < limits.open_ms


def test_a_refusal_of_polybolt_names_its_topic(credentials: L2Credentials) -> None:
    session, (sent,) = authed(credentials, "price.crypto:nousd")
    refusal = {"op": "error", "code": "bad_filter", "channel": "price.crypto", "rid": sent["rid"]}
    heard = session.hear(json.dumps(refusal).encode())
    assert (heard.kind, heard.detail) == ("refused", "price.crypto:nousd: bad_filter")
    heard = session.hear(b'{"op":"error","code":"auth_invalid","rid":"a1"}')
    assert (heard.kind, heard.detail) == ("refused", "the connection: auth_invalid")
    assert session.hear(b'{"op":"error","code":"auth_unavailable","rid":"a1"}') == CONTROL
    assert session.hear(b'{"op":"subscribed","channel":"price.crypto"}') == CONTROL
    assert session.hear(b'{"op":"pong"}') == CONTROL
    assert session.hear(b"nonsense") == DATA  # for the codec to refuse


def test_a_snapshot_proves_its_topic_and_a_hole_is_counted(credentials: L2Credentials) -> None:
    session, _ = authed(credentials, "price.crypto:btcusd")

    def frame(seq: int, channel: str = "price.crypto", **fields: Any) -> bytes:
        envelope = {"v": 1, "channel": channel, "seq": seq, "ts": 1}
        return json.dumps(envelope | {"payload": {"symbol": "btcusd"}} | fields).encode()

    first = frame(1, snapshot=True)
    assert list(session.proven(first)) == ["price.crypto:btcusd"]
    assert not session.proven(frame(2))
    assert not session.proven(b"nonsense")
    for payload in (first, frame(2), frame(1, "price.crypto.twap"), frame(3)):
        assert session.hear(payload) == DATA
    assert session.lost == 0
    session.hear(frame(6))
    session.hear(frame(2, "price.crypto.twap"))
    assert session.lost == 2


@pytest.mark.shared
def test_the_documented_conversation_of_polybolt_is_ours(
    shared: Path, credentials: L2Credentials
) -> None:
    lines = sample(shared, "polymarket/rtds/polybolt_docs_examples.jsonl").splitlines()
    rows = [json.loads(line) for line in lines]
    auth, subscribe = (row["frame"] for row in rows if row["dir"] == "c2s")
    session = PolyboltDialect(credentials).session()
    (opened,) = said(session.opening(["price.crypto:btcusd"]))
    assert (opened.keys(), opened["auth"].keys()) == (auth.keys(), auth["auth"].keys())
    answers = [
        session.hear(json.dumps(row["frame"]).encode()) for row in rows if row["dir"] == "s2c"
    ]
    (sent,) = said(answers[0].send)
    assert sent | {"rid": "s1"} == subscribe
    assert [each.kind for each in answers] == ["control", "control", "data", "data", "refused"]


# --- RTDS and scores ---------------------------------------------------------------------------


def test_rtds_has_a_frame_for_each_topic_and_no_space_in_its_filter() -> None:
    session = RtdsDialect().session()
    sent = session.opening(["crypto_prices_twap_sixty:btc/usd", "crypto_prices:btcusdt"])
    assert b" " not in b"".join(sent)
    first, second = said(sent)
    assert first == {
        "action": "subscribe",
        "subscriptions": [
            {"topic": "crypto_prices_twap_sixty", "type": "*", "filters": '{"symbol":"btc/usd"}'}
        ],
    }
    assert second["subscriptions"][0]["topic"] == "crypto_prices"
    assert not session.refresh(["crypto_prices:btcusdt"])
    assert (session.keepalive(), RtdsDialect.limits.keepalive_ms) == (b"PING", 5_000)


@pytest.mark.parametrize(
    "topic, payload, proven",
    [
        ("crypto_prices", {"symbol": "btcusdt"}, "crypto_prices:btcusdt"),
        ("crypto_prices", {"symbol": "btc/usd"}, "crypto_prices_chainlink:btc/usd"),
        ("crypto_prices_twap_sixty", {"symbol": "btc/usd"}, "crypto_prices_twap_sixty:btc/usd"),
        (
            "crypto_prices",
            {"symbol": "btc/usd", "window_s": 60},
            "crypto_prices_twap_sixty:btc/usd",
        ),
    ],
)
def test_an_rtds_snapshot_proves_the_topic_it_belongs_to(
    topic: str, payload: dict[str, Any], proven: str
) -> None:
    session = RtdsDialect().session()
    frame = {"topic": topic, "type": "subscribe", "payload": payload}
    assert list(session.proven(json.dumps(frame).encode())) == [proven]
    assert not session.proven(json.dumps(frame | {"type": "update"}).encode())
    assert session.hear(json.dumps(frame).encode()) == DATA
    assert session.hear(b"") == CONTROL
    assert session.hear(b'{"message":"topic not found"}').kind == "refused"


def test_a_ping_of_the_sports_channel_is_answered() -> None:
    session = SportsDialect().session()
    assert not session.opening([SCORES])
    assert session.keepalive() is None
    heard = session.hear(b"ping")
    assert (heard.kind, list(heard.send)) == ("data", [b"pong"])
    assert list(session.proven(b"ping")) == [SCORES]
    assert decode_score(b"ping") is None


def test_a_score_is_noted_in_the_words_of_the_venue() -> None:
    game = {"gameId": 7, "leagueAbbreviation": "nfl", "status": "InProgress", "live": True,
            "ended": False, "score": "3-16", "homeTeam": "A", "awayTeam": "B", "period": "Q4",
            "elapsed": "5:18", "turn": "a", "slug": "nfl-a-b"}  # fmt: skip
    noted = decode_score(json.dumps(game | {"unheard_of": 1}).encode())
    assert isinstance(noted, ScoreNoted)
    assert (noted.game_id, noted.score, noted.finished_timestamp) == (7, "3-16", None)


# --- all of them -------------------------------------------------------------------------------


def test_no_session_raises_whatever_it_hears(
    credentials: L2Credentials, tokens: Tokens, mutate: Mutate, turns: int
) -> None:
    """Of 2,000 broken frames none ends a connection, and none proves a topic nobody named."""
    rng = random.Random(37)
    dialects: list[Dialect] = [
        MarketDialect(lambda: tokens),
        UserDialect(credentials),
        PolyboltDialect(credentials),
        RtdsDialect(),
        SportsDialect(),
    ]
    sessions: list[Session] = [dialect.session() for dialect in dialects]
    data = {"v": 1, "channel": "price.crypto", "seq": 1, "snapshot": True}
    rtds = {"topic": "crypto_prices", "type": "subscribe", "payload": {"symbol": "btcusdt"}}
    frames: list[Any] = [book(tokens), [book(tokens), book(tokens, DOWN)], rtds]
    frames += [data | {"payload": {"symbol": "btcusd"}}, {"op": "error", "code": "x", "rid": "s1"}]
    known = {UP, DOWN}
    for turn in range(turns):
        broken = mutate(json.dumps(frames[turn % len(frames)]).encode(), rng)
        for session in sessions:
            session.hear(broken)
            session.proven(broken)
        assert set(sessions[0].proven(broken)) <= known
