"""Allora proves what every venue has to prove."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.oracles.known import Lent
from tests.venues import conformance
from tests.venues.client_conformance import ClientConformance, Clock, Request
from tests.venues.conformance import Answered, Proof, Refuse
from tests.venues.scripted import Answer
from underround.model.errors import UnderroundError
from underround.venues.allora import answers, consumer
from underround.venues.allora.capabilities import CAPABILITIES
from underround.venues.allora.codec import EVENT_V9, AlloraDecoder
from underround.venues.allora.hosts import Network
from underround.venues.allora.limits import LIMITS
from underround.venues.allora.refusals import refusal
from underround.venues.allora.rest import AlloraConsumer, AlloraRest
from underround.venues.allora.stream import AlloraDialect
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpTransport, Reply

CHAIN = "allora-testnet-1"
KEY = "UP-4f6f1c0fa7c04f9eb9a1f2c3"
LOCAL = Network(CHAIN, "http://127.0.0.1:1", "ws://127.0.0.1:1")
HEADER = {"chain_id": CHAIN, "height": "5100967", "time": "2026-07-30T23:51:18.123Z"}
BUNDLE: dict[str, Any] = {
    "topic_id": "13", "reputer_request_nonce": {"reputer_nonce": {"block_height": "5100955"}},
    "combined_value": "4260.0588", "naive_value": "4259.5",
    "inferer_values": [{"worker": "allo1a", "value": "4258.7172"}], "forecaster_values": [],
}  # fmt: skip
ONE = [{"label_name": "y", "value": "2605.53"}]
BUNDLE_V10: dict[str, Any] = {
    "topic_id": "13", "nonce": "1349577", "combined_value": ONE, "naive_value": ONE,
    "inferer_values": [{"worker": "allo1a", "values": ONE}], "forecaster_values": [],
}  # fmt: skip
SIGNED: dict[str, Any] = {
    "network_inference": "2605500000000000000000", "network_inference_normalized": "2605.5",
    "topic_id": "13", "timestamp": 1_785_455_478,
}  # fmt: skip


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def push(kind: str, **value: Any) -> bytes:
    data = {"type": f"tendermint/event/{kind}", "value": value}
    return body(jsonrpc="2.0", id=1, result={"query": "q", "data": data})


class TestFrames(conformance.DecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], AlloraDecoder]:
        return lambda: AlloraDecoder(CHAIN)

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        given = {"topic_id": '"13"', "block_height": '"5100955"',
                 "value_bundle": json.dumps(BUNDLE)}  # fmt: skip
        attributes = [{"key": key, "value": value, "index": True} for key, value in given.items()]
        event = {"type": EVENT_V9, "attributes": attributes}
        return (
            push("NewBlockEvents", height="5100967", events=[event]),
            push("NewBlockHeader", header=HEADER),
        )


class TestAnswers(conformance.AnswersConformance):
    def essence(self, value: Any) -> Any:
        """Return an answer with its decimals in one form."""
        return re.sub(r"Decimal\('(-?\d+\.\d*?)0*'\)", r"\1", repr(value))

    @pytest.fixture
    def answered(self) -> Sequence[Answered]:
        topic = {"id": "13", "metadata": "ETH 5min Prediction", "epoch_length": "60"}

        def inference(version: Any) -> Callable[[bytes], Any]:
            return lambda b: answers.inference(b, CHAIN, version, outlier_resistant=False)

        return (
            Answered("v9", inference("v9"),
                     body(network_inferences=BUNDLE, inference_block_height="5100955")),
            Answered("v10", inference("v10"),
                     body(network_inferences=BUNDLE_V10, inference_block_height="1349577")),
            Answered("topic", lambda b: answers.topic(b, CHAIN), body(topic=topic)),
            Answered("active", answers.active, body(is_active=True)),
            Answered("next", answers.next_topic, body(next_topic_id="70")),
            Answered("block", lambda b: answers.block(b, CHAIN), body(block={"header": HEADER})),
            Answered("signed", lambda b: consumer.signed_inference(b, 13),
                     body(status=True, data={"signature": "0x12", "inference_data": SIGNED})),
            Answered("topics", consumer.topic_page,
                     body(status=True, data={"topics": [
                         {"topic_id": 1, "topic_name": "T", "epoch_length": 300,
                          "is_active": True}], "continuation_token": None})),
        )  # fmt: skip


class TestRefusals(conformance.RefusalsConformance):
    writes = False
    passes_2xx = False
    secrets: Collection[str] = (KEY,)

    @pytest.fixture
    def refuse(self) -> Refuse:
        def ask(
            status: int, body: bytes, headers: Mapping[str, str], *, write: bool
        ) -> UnderroundError | None:
            return refusal(Reply(status, headers, body), "GET /x")

        return ask

    @pytest.fixture
    def shapes(self) -> Sequence[bytes]:
        codes = (5, 8, 12, 14, 3, 2**60)
        return [body(code=code, message="line one\nline two", details=[]) for code in codes]


class TestDialect(conformance.DialectConformance):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return AlloraDialect(LOCAL, "v9")

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        return ("13", "14")

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        said = push("NewBlockHeader", header=HEADER).replace(b'"id": 1', b'"id": 0')
        refused = body(jsonrpc="2.0", id=9, error={"code": -32603, "message": "m"})
        return (
            Proof(body(jsonrpc="2.0", id=0, result={}), ()),
            Proof(said, ()),
            Proof(refused, ()),
            Proof(body(jsonrpc="2.0", id=1, result={}), ("13",)),
            Proof(body(jsonrpc="2.0", id=2, result={}), ("14",)),
        )

    def named(self, frame: bytes) -> list[Topic]:
        return re.findall(r"CONTAINS '(\d+)'", json.loads(frame)["params"]["query"])


PARAMS = {"GET /emissions/v10/params": Answer(b"{}")}


class TestClient(ClientConformance):
    limits = LIMITS

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> AlloraRest:
        return AlloraRest(http, CHAIN, budget)

    def reads(self) -> Sequence[Request]:
        newest = body(network_inferences=BUNDLE_V10, inference_block_height="1349577")
        return (
            Request("GET /emissions/v10/latest_network_inferences/13", lambda c: c.latest(13),
                    newest, beside=PARAMS),
            Request("GET /emissions/v10/is_topic_active/13", lambda c: c.active(13),
                    body(is_active=True), beside=PARAMS),
            Request("GET /cosmos/base/tendermint/v1beta1/blocks/latest",
                    lambda c: c.newest_block(), body(block={"header": HEADER})),
        )  # fmt: skip


class TestConsumerClient(ClientConformance):
    limits = LIMITS
    secrets: Collection[str] = (KEY,)

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> AlloraConsumer:
        return AlloraConsumer(http, Lent("allora", KEY), budget)

    def reads(self) -> Sequence[Request]:
        return (
            Request("GET /v2/allora/consumer/ethereum-11155111", lambda c: c.latest(13),
                    body(status=True, data={"signature": "0x12", "inference_data": SIGNED})),
        )  # fmt: skip

    def paged(self) -> Sequence[Request]:
        page = body(status=True, data={"topics": [], "continuation_token": "again"})
        return (Request(f"GET /v2/allora/{CHAIN}/topics", lambda c: c.topics(CHAIN), page),)


class TestCapabilities(conformance.CapabilityConformance):
    table = CAPABILITIES
    folder = Path(__file__).parents[2] / "src/underround/venues/allora"
