"""Conversations on Kalshi's WebSocket."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from tests.venues.kalshi.making import NOW, edwards_key, signer
from underround.venues.kalshi.hosts import DEMO, PRODUCTION
from underround.venues.kalshi.sessions import MARKETS_PER_COMMAND, ChannelSession, MarketSession
from underround.venues.kalshi.stream import (
    LIFECYCLE,
    USER_CHANNELS,
    KalshiDialect,
    KalshiIndexDialect,
    KalshiLifecycleDialect,
    KalshiUserDialect,
)
from underround.venues.streams.dialect import CONTROL, DATA, Dialect, Session


def commands(frames: Any) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in frames]


def named(channel: str, sid: int) -> bytes:
    message = {"type": "subscribed", "id": 1, "msg": {"channel": channel, "sid": sid}}
    return json.dumps(message).encode()


def failed(code: int) -> bytes:
    return json.dumps({"type": "error", "id": 3, "msg": {"code": code, "msg": "no"}}).encode()


def book(ticker: str = "A", **msg: Any) -> bytes:
    message = {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": {"market_ticker": ticker}}
    message["msg"] |= msg  # type: ignore[operator]  # a dict of its own
    return json.dumps(message).encode()


def opened(*channels: str) -> MarketSession:
    """Return a session of market A whose subscriptions are named 1, 2 and so on."""
    session = MarketSession(channels)
    session.opening(["A"])
    for sid, channel in enumerate(channels, 1):
        session.hear(named(channel, sid))
    return session


def test_every_handshake_is_signed_for_its_time() -> None:
    for dialect in dialects():
        shake = dialect.handshake(["A"], NOW)
        assert shake.url == "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2"
        headers = dict(shake.headers)
        edwards_key().public_key().verify(
            b64decode(headers["KALSHI-ACCESS-SIGNATURE"]),
            f"{NOW // 10**6}GET/trade-api/ws/v2".encode(),
        )
    assert PRODUCTION.stream_url != DEMO.stream_url


def dialects() -> list[Dialect]:
    own = signer()
    return [
        KalshiDialect(own, DEMO),
        KalshiUserDialect(own, DEMO),
        KalshiLifecycleDialect(own, DEMO),
    ]


def test_each_dialect_is_a_stream_of_its_own() -> None:
    assert [each.stream for each in dialects()] == [
        "kalshi.book", "kalshi.user", "kalshi.lifecycle",
    ]  # fmt: skip
    assert all(each.limits.silence_ms > 0 for each in dialects())


def test_books_say_that_no_levels_are_quoted_in_no_prices() -> None:
    """The venue will change its default: a subscription without the word would turn books."""
    frames = KalshiDialect(signer(), DEMO, others=("ticker", "trade")).session().opening(["A", "B"])
    told = commands(frames)
    assert [each["params"]["channels"] for each in told] == [
        ["orderbook_delta"], ["ticker"], ["trade"],
    ]  # fmt: skip
    assert told[0] == {
        "id": 1,
        "cmd": "subscribe",
        "params": {
            "channels": ["orderbook_delta"],
            "market_tickers": ["A", "B"],
            "use_yes_price": False,
        },
    }
    assert told[1]["params"]["send_initial_snapshot"] is True
    assert [each["id"] for each in told] == [1, 2, 3]


def test_markets_are_added_to_and_dropped_from_the_named_subscriptions() -> None:
    session = opened("orderbook_delta", "ticker")
    told = commands([*session.subscribe(["B"]), *session.unsubscribe(["A"])])
    assert [(each["params"]["sids"], each["params"]["action"]) for each in told] == [
        ([1], "add_markets"), ([2], "add_markets"),
        ([1], "delete_markets"), ([2], "delete_markets"),
    ]  # fmt: skip
    assert told[0]["params"]["market_tickers"] == ["B"]


def test_what_is_wished_before_the_subscription_is_named_follows_in_order() -> None:
    session = MarketSession(["orderbook_delta"])
    session.opening(["A"])
    assert session.subscribe(["B"]) == []
    assert session.unsubscribe(["A"]) == []
    assert session.refresh(["A"]) == ()
    heard = session.hear(named("orderbook_delta", 7))
    assert heard.kind == "control"
    told = [each["params"] for each in commands(heard.send)]
    assert [(each["action"], each["sids"]) for each in told] == [
        ("add_markets", [7]), ("delete_markets", [7]),
    ]  # fmt: skip
    assert session.hear(named("orderbook_delta", 7)).send == []


def test_no_market_is_subscribed_to_twice_however_many_there_are() -> None:
    """Those that do not fit one command are added once the venue has named the subscription."""
    tickers = [f"T{n}" for n in range(2 * MARKETS_PER_COMMAND + 1)]
    session = MarketSession(["orderbook_delta"])
    (first,) = commands(session.opening(tickers))
    later = commands(session.hear(named("orderbook_delta", 1)).send)
    assert [each["cmd"] for each in later] == ["update_subscription"] * 2
    sent = [name for each in (first, *later) for name in each["params"]["market_tickers"]]
    assert sent == tickers


def test_a_session_without_markets_opens_with_its_first_one() -> None:
    session = MarketSession(["orderbook_delta"])
    assert session.opening([]) == ()
    assert session.unsubscribe(["A"]) == ()
    (told,) = commands(session.subscribe(["A"]))
    assert told["cmd"] == "subscribe"


def test_doubted_books_are_asked_for_again_on_their_own_subscription() -> None:
    session = opened("ticker", "orderbook_delta")
    (told,) = commands(session.refresh(["A"]))
    assert told["params"] == {"sids": [2], "action": "get_snapshot", "market_tickers": ["A"]}
    assert session.keepalive() is None


@pytest.mark.parametrize("session", [MarketSession(["orderbook_delta"]), ChannelSession()])
@pytest.mark.parametrize(
    "code, kind",
    [(10, "closing"), (17, "closing"), (18, "closing"), (25, "closing"), (6, "control"),
     (8, "refused"), (9, "refused"), (16, "refused"), (26, "refused"), (27, "refused")],
)  # fmt: skip
def test_errors_end_the_socket_are_a_no_or_nothing(session: Session, code: int, kind: str) -> None:
    heard = session.hear(failed(code))
    assert heard.kind == kind
    assert (heard.detail == "") == (kind == "control")


def test_acknowledgements_prove_no_flow_and_all_else_is_data() -> None:
    session = opened("orderbook_delta")
    for acked in (b'{"type":"ok","sid":1,"seq":2}', b'{"type":"unsubscribed","sid":1,"seq":3}'):
        assert session.hear(acked) == CONTROL
    for data in (
        book(), b'{"type":"orderbook_delta","sid":1}', b'{ "type":"ticker"}', b'{"type":"news"}',
        b"\xff", b"[]", b"", b"[" * 100_000, b'{"type":"error"}', b'{"type":"subscribed"}',
    ):  # fmt: skip
        assert session.hear(data) == DATA
        assert ChannelSession().hear(data) == DATA


def test_a_market_is_proven_by_a_whole_book_that_can_be() -> None:
    session = opened("orderbook_delta")
    yes, no = [["0.4000", "1.00"]], [["0.5000", "2.00"]]
    assert session.proven(book("A", yes_dollars_fp=yes, no_dollars_fp=no)) == ("A",)
    assert session.proven(book("B")) == ("B",), "an empty book is whole"
    crossed = book("A", yes_dollars_fp=[["0.6000", "1.00"]], no_dollars_fp=no)
    for other in (crossed, b'{"type":"orderbook_delta"}', b'"orderbook_snapshot"', b"\xff"):
        assert session.proven(other) == ()


def test_private_channels_are_subscribed_to_one_by_one_and_proven_by_their_names() -> None:
    session = KalshiUserDialect(signer(), DEMO).session()
    told = commands(session.opening(USER_CHANNELS))
    assert [each["params"] for each in told] == [{"channels": [name]} for name in USER_CHANNELS]
    assert session.hear(named("fill", 4)) == CONTROL
    assert session.proven(named("fill", 4)) == ("fill",)
    assert session.proven(b'{"type":"fill"}') == ()
    assert session.proven(b"\xff") == ()
    (ended,) = commands(session.unsubscribe(["fill", "user_orders"]))
    assert ended["params"] == {"sids": [4]}
    assert session.unsubscribe(["fill"]) == ()
    assert session.refresh(["fill"]) == ()
    assert session.keepalive() is None


def test_a_lost_message_of_a_numbered_channel_replaces_the_socket() -> None:
    session = KalshiLifecycleDialect(signer(), DEMO).session()
    session.subscribe([LIFECYCLE])
    for number, kind in ((5, "data"), (6, "data"), (8, "closing"), (9, "data"), (9, "closing")):
        message = {"type": LIFECYCLE, "sid": 1, "seq": number, "msg": {}}
        assert session.hear(json.dumps(message).encode()).kind == kind
    assert session.hear(b'{"type":"order_group_updates","sid":2,"seq":1}') == DATA


@pytest.mark.shared
def test_indices_are_subscribed_to_together_and_proven_by_their_values() -> None:
    session = KalshiIndexDialect(signer(), DEMO).session()
    assert commands(session.opening(["BRTI", "ETHUSD_RTI"])) == [
        {
            "id": 1,
            "cmd": "subscribe",
            "params": {"channels": ["cfbenchmarks_value"], "index_ids": ["BRTI", "ETHUSD_RTI"]},
        }
    ]
    assert session.opening([]) == ()
    assert session.unsubscribe(["BRTI"]) == ()
    assert session.hear(named("cfbenchmarks_value", 1)) == CONTROL
    assert session.proven(named("cfbenchmarks_value", 1)) == ()
    value = json.dumps(
        {"type": "cfbenchmarks_value", "sid": 1, "seq": 1, "msg": {"index_id": "BRTI", "data": ""}}
    ).encode()
    assert session.hear(value) == DATA
    assert session.proven(value) == ("BRTI",)


def test_the_captured_conversation_is_understood(shared: Path) -> None:
    """Twelve markets on one subscription: one name, eleven acknowledgements, twelve proofs."""
    path = shared / "venues/samples/kalshi/ws_orderbook_multi_market_2026-08-07.ndjson"
    session = MarketSession(["orderbook_delta"])
    session.opening(["A"])
    proven: list[str] = []
    kinds: list[str] = []
    for line in path.read_text().splitlines():
        frame = json.dumps(json.loads(line)["frame"], separators=(",", ":")).encode()
        kinds.append(session.hear(frame).kind)
        proven += session.proven(frame)
    assert kinds.count("control") == 1 + 11
    assert kinds.count("data") == 12 + 46
    assert len(set(proven)) == 12
    assert commands(session.refresh(proven[:1]))[0]["params"]["sids"] == [1]
