"""The chain's events: how they are subscribed to and what they say."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.venues.scripted import sample
from underround.model.errors import FrameRefused
from underround.model.signals import BlockSeen, StatedInference, WorkerValue
from underround.venues.allora import answers
from underround.venues.allora.codec import EVENT_V9, EVENT_V10, AlloraDecoder
from underround.venues.allora.hosts import MAINNET, TESTNET, Network
from underround.venues.allora.stream import AlloraDialect
from underround.venues.streams.dialect import CONTROL, DATA, Dialect, Session

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

CHAIN = TESTNET.chain
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
BUNDLE = {
    "topic_id": "13",
    "reputer_request_nonce": {"reputer_nonce": {"block_height": "5100955"}},
    "combined_value": "4260.0588",
    "naive_value": "4261.48",
    "inferer_values": [{"worker": "allo1a", "value": "4258.71"}],
    "forecaster_values": [],
}
ATTRIBUTES_V9: dict[str, str | None] = {
    "block_height": '"5100955"',
    "topic_id": '"13"',
    "value_bundle": json.dumps(BUNDLE),
}
ATTRIBUTES_V10: dict[str, str | None] = {
    "topic_id": '"13"',
    "nonce": '"5100955"',
    "label_names": '["y"]',
    "inferer_addresses": '["allo1a"]',
    "forecaster_addresses": "null",
    "combined_value": '["4260.0588"]',
    "naive_value": '["4261.48"]',
    "inferer_values": '[["4258.71"]]',
    "forecaster_values": "[]",
    "outlier_resistant": "false",
}
TOLD = StatedInference(
    chain=CHAIN,
    topic=13,
    nonce=5_100_955,
    combined=Decimal("4260.0588"),
    naive=Decimal("4261.48"),
    inferers=(WorkerValue("allo1a", Decimal("4258.71")),),
    forecasters=(),
    outlier_resistant=False,
    stated_block=5_100_967,
)


def push(*events: tuple[str, dict[str, str | None]], height: str = "5100967") -> bytes:
    listed = [
        {
            "type": kind,
            "attributes": [{"key": k, "value": v, "index": True} for k, v in given.items()],
        }
        for kind, given in events
    ]
    value = {"height": height, "events": listed}
    data = {"type": "tendermint/event/NewBlockEvents", "value": value}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"query": "", "data": data}}).encode()


def header(chain: str = CHAIN) -> bytes:
    value = {"header": {"chain_id": chain, "height": "7", "time": "2026-07-30T23:51:18.5Z"}}
    data = {"type": "tendermint/event/NewBlockHeader", "value": value}
    return json.dumps({"jsonrpc": "2.0", "id": 0, "result": {"query": "", "data": data}}).encode()


@pytest.mark.parametrize("event", [(EVENT_V9, ATTRIBUTES_V9), (EVENT_V10, ATTRIBUTES_V10)])
def test_both_versions_of_the_event_say_the_same(event: tuple[str, dict[str, str | None]]) -> None:
    """JSON inside of texts is read; the push's height is kept apart from the nonce."""
    assert AlloraDecoder(CHAIN).decode(push(event)) == [TOLD]


def test_a_list_may_come_as_a_text_of_itself() -> None:
    """The chain writes its arrays as lists, its documentation shows texts: both are read."""
    for combined in ('"[\\"4260.0588\\"]"', '"4260.0588"'):
        given = ATTRIBUTES_V10 | {"combined_value": combined}
        assert AlloraDecoder(CHAIN).decode(push((EVENT_V10, given))) == [TOLD]


def test_both_variants_of_v10_are_told_apart() -> None:
    damped = ATTRIBUTES_V10 | {"outlier_resistant": "true"}
    told = AlloraDecoder(CHAIN).decode(push((EVENT_V10, ATTRIBUTES_V10), (EVENT_V10, damped)))
    assert [each.outlier_resistant for each in told if isinstance(each, StatedInference)] == [
        False,
        True,
    ]


def test_topics_that_only_contain_the_number_are_left_out() -> None:
    """A subscription to 13 also brings 113."""
    other = ATTRIBUTES_V10 | {"topic_id": '"113"'}
    payload = push((EVENT_V10, other), (EVENT_V10, ATTRIBUTES_V10))
    assert AlloraDecoder(CHAIN, {13}).decode(payload) == [TOLD]
    assert len(AlloraDecoder(CHAIN).decode(payload)) == 2


def test_headers_tell_the_chains_time_and_acknowledgements_nothing() -> None:
    decoder = AlloraDecoder(CHAIN)
    assert decoder.decode(header()) == (BlockSeen(CHAIN, 7, 1785455478_500_000_000),)
    assert decoder.decode(b'{"jsonrpc":"2.0","id":1,"result":{}}') == ()
    assert decoder.decode(push(("emissions.v9.EventScoresSet", {"x": None}))) == []


@pytest.mark.parametrize(
    "payload, reason",
    [
        (push((EVENT_V9, ATTRIBUTES_V9 | {"topic_id": '"14"'})), "another topic or nonce"),
        (push((EVENT_V9, ATTRIBUTES_V9 | {"value_bundle": None})), "value_bundle is missing"),
        (push((EVENT_V9, ATTRIBUTES_V9 | {"value_bundle": "{}"})), "missing required field"),
        (push((EVENT_V10, ATTRIBUTES_V10 | {"label_names": '["up","down"]'})), "no single value"),
        (push((EVENT_V10, ATTRIBUTES_V10 | {"combined_value": "[]"})), "0 combined values"),
        (push((EVENT_V10, ATTRIBUTES_V10 | {"combined_value": '["NaN"]'})), "'NaN' is not"),
        (
            push((EVENT_V10, ATTRIBUTES_V10 | {"inferer_values": '[["1"],["2"]]'})),
            "1 workers and 2",
        ),
        (push((EVENT_V10, ATTRIBUTES_V10 | {"inferer_values": '[["1","2"]]'})), "single value"),
        (push((EVENT_V10, ATTRIBUTES_V10 | {"outlier_resistant": "yes"})), "malformed"),
        (push((EVENT_V10.replace("10", "11"), ATTRIBUTES_V10)), "does not know - at `\\$.result.d"),
        (push(height="x"), r"`\$.result.data.value.height`"),
        (header("other-1"), "a block of 'other-1'"),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"full"}}', "-32603"),
        (b'{"jsonrpc":"2.0","id":1}', "neither a result nor an error"),
        (
            b'{"jsonrpc":"2.0","result":{"data":{"type":"tendermint/event/Tx","value":{}}}}',
            "event/T",
        ),
        (b"", r"at `\$"),
        (b'{"jsonrpc":"2.0","x":' + b"[" * 100_000, "too deeply"),
    ],
)
def test_refusals_say_why(payload: bytes, reason: str) -> None:
    with pytest.raises(FrameRefused, match=reason):
        AlloraDecoder(CHAIN).decode(payload)


def test_the_place_of_a_bad_event_is_named() -> None:
    bad = push((EVENT_V9, ATTRIBUTES_V9), (EVENT_V10, ATTRIBUTES_V10 | {"nonce": '"x"'}))
    with pytest.raises(FrameRefused, match=r"`\$.result.data.value.events\[1\].nonce`"):
        AlloraDecoder(CHAIN).decode(bad)


def test_mutated_frames_are_refused_or_honest(mutate: Mutate, turns: int) -> None:
    """Of 2,000 broken frames none crashes the codec; values are texts of the frame."""
    rng = random.Random(12)
    sources = [push((EVENT_V9, ATTRIBUTES_V9)), push((EVENT_V10, ATTRIBUTES_V10)), header()]
    refused = told = 0
    for turn in range(turns):
        broken = mutate(sources[turn % 3], rng)
        try:
            signals = AlloraDecoder(CHAIN).decode(broken)
        except FrameRefused:
            refused += 1
            continue
        text = broken.decode(errors="replace")
        numbers = {Decimal(found) for found in NUMBER.findall(text)}
        for signal in signals:
            told += 1
            if isinstance(signal, StatedInference):
                values = {signal.combined, *(each.value for each in signal.inferers)}
                assert values | {Decimal(signal.nonce)} <= numbers, (broken, signal)
            else:
                assert Decimal(signal.height) in numbers
    assert refused > turns // 4
    assert told > turns // 20


def test_the_headers_beat_beside_four_topics() -> None:
    """A node takes five subscriptions: four topics, and the headers that show the link alive."""
    dialect: Dialect = AlloraDialect(Network("c-1", "http://x", "ws://node.example/"), "v9")
    assert dialect.stream == "allora.c-1"
    assert dialect.handshake(["13"], 0).url == "ws://node.example/websocket"
    assert dialect.limits.topics_per_socket == 4
    session: Session = dialect.session()
    opening = [json.loads(frame) for frame in session.opening(["13", "14"])]
    assert [frame["method"] for frame in opening] == ["subscribe"] * 3
    assert opening[0]["params"]["query"] == "tm.event='NewBlockHeader'"
    assert opening[1]["params"]["query"] == (
        "tm.event='NewBlockEvents' AND emissions.v9.EventNetworkInferences.topic_id CONTAINS '13'"
    )
    assert len({frame["id"] for frame in opening}) == 3
    (ended,) = [json.loads(frame) for frame in session.unsubscribe(["13"])]
    assert ended["method"] == "unsubscribe"
    assert ended["params"] == opening[1]["params"]
    assert session.keepalive() is None
    assert session.refresh(["13"]) == ()
    assert "emissions.v10." in AlloraDialect(MAINNET).session().opening(["1"])[1].decode()


def test_an_acknowledgement_proves_its_topic_once() -> None:
    session = AlloraDialect().session()
    ids = [json.loads(frame)["id"] for frame in session.opening(["13", "14"])]

    def acknowledged(number: int) -> bytes:
        return json.dumps(
            {"jsonrpc": "2.0", "id": number, "result": {}}, separators=(",", ":")
        ).encode()

    assert session.hear(acknowledged(ids[0])) == CONTROL
    assert session.proven(acknowledged(ids[0])) == ()
    assert session.proven(acknowledged(ids[2])) == ("14",)
    assert session.proven(acknowledged(ids[2])) == ()
    assert session.proven(acknowledged(ids[1])) == ("13",)


def test_events_are_data_and_errors_are_refusals() -> None:
    session = AlloraDialect().session()
    assert session.hear(header()) == DATA
    assert session.hear(b"garbage") == DATA
    assert session.proven(b"garbage") == ()
    heard = session.hear(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"full"}}')
    assert (heard.kind, "full" in heard.detail) == ("refused", True)
    assert session.proven(b'{"jsonrpc":"2.0","id":1,"error":{}}') == ()


@pytest.mark.shared
def test_the_captured_push_is_the_inference_of_its_bundle(shared: Path) -> None:
    """The real push of block 5,100,967 says what the chain's answer of the same bundle says."""
    payload = sample(shared, "allora/ws_new_block_events_v9_height_5100967.json")
    (told,) = AlloraDecoder(CHAIN, {13}).decode(payload)
    body = sample(shared, "allora/lcd_latest_network_inferences_v9_derived.json")
    asked: Any = answers.inference(body, CHAIN, "v9", outlier_resistant=False)
    assert isinstance(told, StatedInference)
    assert (told.stated_block, told.nonce) == (5_100_967, 5_100_955)
    assert (told.combined, told.inferers, told.forecasters) == (
        asked.combined, asked.inferers, asked.forecasters,
    )  # fmt: skip
    assert AlloraDialect().session().hear(payload) == DATA
