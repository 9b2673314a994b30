"""How Binance's streams are spoken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from underround.venues.binance.stream import COMPANION, BinanceDialect
from underround.venues.streams.dialect import CLOSING, CONTROL, DATA, Dialect, Session

TOPICS = ("btcusdt@aggTrade", "ethusdt@kline_1m")


def frame(stream: str, data: Any = None) -> bytes:
    return json.dumps({"stream": stream, "data": data or {}}, separators=(",", ":")).encode()


BEAT = frame(COMPANION, {"e": "24hrMiniTicker"})


def test_the_address_names_the_companion_and_the_commands_the_topics() -> None:
    """A thousand stream names would not fit an address."""
    dialect: Dialect = BinanceDialect("wss://host.example/")
    assert dialect.handshake(TOPICS, 0).url == f"wss://host.example/stream?streams={COMPANION}"
    micros = BinanceDialect("wss://host.example", microseconds=True).handshake(TOPICS, 0)
    assert micros.url.endswith("&timeUnit=MICROSECOND")
    session: Session = dialect.session()
    (command,) = session.opening(TOPICS)
    assert json.loads(command) == {"method": "SUBSCRIBE", "id": 1, "params": list(TOPICS)}
    (command,) = session.unsubscribe(TOPICS[:1])
    assert json.loads(command) == {"method": "UNSUBSCRIBE", "id": 2, "params": ["btcusdt@aggTrade"]}


def test_a_full_socket_keeps_the_venues_limits() -> None:
    """1,024 streams with the companion, few commands, each below the venue's rate."""
    dialect = BinanceDialect()
    limits = dialect.limits
    topics = [f"s{number}usdt@aggTrade" for number in range(limits.topics_per_socket)]
    commands = dialect.session().opening(topics)
    named = [name for command in commands for name in json.loads(command)["params"]]
    assert named == topics
    assert len(named) + 1 == 1_024
    assert len({json.loads(command)["id"] for command in commands}) == len(commands)
    assert limits.sends_per_s < 5
    assert len(commands) / limits.sends_per_s < limits.open_ms / 1_000
    assert limits.max_age_ms == 23 * 3_600_000
    assert limits.keepalive_ms is None
    assert dialect.session().keepalive() is None
    assert dialect.session().refresh(topics) == ()


def test_the_companion_is_neither_subscribed_twice_nor_dropped() -> None:
    session = BinanceDialect().session()
    assert session.opening([COMPANION]) == []
    assert session.unsubscribe([COMPANION]) == []


def test_a_topic_is_proven_once_by_its_first_data() -> None:
    session = BinanceDialect().session()
    session.opening(TOPICS)
    assert session.proven(BEAT) == set()
    assert session.proven(frame("btcusdt@aggTrade")) == {"btcusdt@aggTrade"}
    assert session.proven(frame("btcusdt@aggTrade")) == set()
    assert session.proven(b'{"result":null,"id":1}') == ()


def test_a_quiet_topic_is_proven_by_the_venues_own_list() -> None:
    """After three beats the list is asked for; a stream that it lacks stays unproven."""
    session = BinanceDialect().session()
    session.opening(TOPICS)
    session.proven(frame("btcusdt@aggTrade"))
    assert [session.hear(BEAT) for _ in range(2)] == [DATA, DATA]
    third = session.hear(BEAT)
    assert third.kind == "data"
    assert [json.loads(sent) for sent in third.send] == [{"method": "LIST_SUBSCRIPTIONS", "id": 2}]
    assert session.hear(BEAT) == DATA
    assert session.proven(b'{"result":["btcusdt@aggTrade"],"id":2}') == set()
    listed = b'{"result":["btcusdt@aggTrade","ethusdt@kline_1m"],"id":3}'
    assert session.hear(listed) == CONTROL
    assert session.proven(listed) == {"ethusdt@kline_1m"}
    assert [session.hear(BEAT) for _ in range(60)] == [DATA] * 60


def test_the_list_is_not_asked_for_ever() -> None:
    session = BinanceDialect().session()
    session.opening(TOPICS)
    asked = [beat for beat in range(1, 1_000) if session.hear(BEAT).send]
    assert asked == [3, 6, 12, 24, 48]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"e":"serverShutdown","E":1770123456789}',
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
        b'{ "data":{"e":"serverShutdown"}, "stream":"!serverShutdown"}',
    ],
)
def test_a_shutdown_notice_replaces_the_socket(payload: bytes) -> None:
    assert BinanceDialect().session().hear(payload) == CLOSING


@pytest.mark.parametrize(
    "payload, kind, detail",
    [
        (b'{"result":null,"id":1}', "control", ""),
        (b'{"code":2,"msg":"Invalid request: unknown"}', "refused", "2: Invalid request: unknown"),
        (b'{"error":{"code":2,"msg":"no"},"id":1}', "refused", '{"code":2,"msg":"no"}'),
        (b'{"e":"trade","s":"BTCUSDT"}', "data", ""),
        (b'{ "stream":"a@trade"}', "data", ""),
        (b"garbage", "data", ""),
        (b"", "data", ""),
        (b"[" * 10_000, "data", ""),
        (b'{"stream":"', "data", ""),
    ],
)
def test_control_frames_are_told_from_data(payload: bytes, kind: str, detail: str) -> None:
    """What it does not understand is data, and the codec's to refuse."""
    session = BinanceDialect().session()
    heard = session.hear(payload)
    assert (heard.kind, heard.detail) == (kind, detail)
    assert not session.proven(payload)


@pytest.mark.shared
def test_the_documented_frames_are_heard_as_what_they_are(shared: Path) -> None:
    path = shared / "venues/samples/binance/ws_doc_examples_2026-07-21.json"
    documented = json.loads(path.read_text())
    heard = {
        name: [
            BinanceDialect().session().hear(json.dumps(example).encode()).kind
            for example in (value if isinstance(value, list) else [value])
            if "method" not in example
        ]
        for name, value in documented.items()
    }
    assert heard.pop("Server Shutdown") == ["closing", "closing"]
    answers = ["Subscribe to a stream", "Unsubscribe to a stream", "Listing Subscriptions",
               "Setting Properties", "Retrieving Properties"]  # fmt: skip
    assert [heard.pop(name) for name in answers] == [["control"]] * 5
    assert set(map(tuple, heard.values())) == {("data",)}
