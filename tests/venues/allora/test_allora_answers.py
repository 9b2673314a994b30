"""Allora's answers: both shapes of an inference, topics, blocks, signed values."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.venues.scripted import sample
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    NotThere,
    RateLimited,
    RequestRefused,
    VenuePaused,
)
from underround.model.signals import BlockSeen, ForecastTopic, StatedInference, WorkerValue
from underround.venues.allora import answers, consumer
from underround.venues.allora.capabilities import CAPABILITIES
from underround.venues.allora.hosts import MAINNET, TESTNET
from underround.venues.allora.refusals import refusal, unimplemented
from underround.venues.allora.topics import TOPICS, matching, read_topic
from underround.venues.transport.http import Reply

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

CHAIN = TESTNET.chain
V9: dict[str, Any] = {
    "network_inferences": {
        "topic_id": "74",
        "reputer_request_nonce": {"reputer_nonce": {"block_height": "5100955"}},
        "combined_value": "-0.001234567890123456789012345678901234",
        "naive_value": "-0.0012",
        "inferer_values": [{"worker": "allo1a", "value": "-0.001"},
                           {"worker": "allo1b", "value": "0.002"}],
        "forecaster_values": [{"worker": "allo1c", "value": "1e-7"}],
    },
    "inference_block_height": "5100955",
}  # fmt: skip


def one(value: str) -> list[dict[str, Any]]:
    return [{"label_id": 1, "label_name": "y", "value": value}]


V10: dict[str, Any] = {
    "network_inferences": {
        "topic_id": "74",
        "nonce": "5100955",
        "combined_value": one("-0.001234567890123456789012345678901234"),
        "naive_value": one("-0.0012"),
        "inferer_values": [{"worker": "allo1a", "values": one("-0.001")},
                           {"worker": "allo1b", "values": one("0.002")}],
        "forecaster_values": [{"worker": "allo1c", "values": one("0.0000001")}],
        "one_out_inferer_values": [],
    },
    "inference_block_height": "5100955",
}  # fmt: skip
TOPIC = {"topic": {"id": "74", "metadata": "15 minute BTC/USD Log-Return Prediction",
                   "epoch_length": "60", "worker_submission_window": "12", "ground_truth_lag": "9"},
         "weight": "1"}  # fmt: skip
BLOCK = {"block": {"header": {"chain_id": CHAIN, "height": "5100967",
                              "time": "2026-07-30T23:51:18.123456789Z"}}}  # fmt: skip
SIGNED = {"status": True, "data": {"signature": "0x12", "token_decimals": 18, "inference_data": {
    "network_inference": "4260058888453676459961", "topic_id": "13", "timestamp": 1785455478,
    "network_inference_normalized": "4260.058888453676459961899", "extra_data": ""}}}  # fmt: skip


def data(value: Any) -> bytes:
    return json.dumps(value).encode()


def changed(value: Any, path: str, new: Any) -> bytes:
    """Return ``value`` as JSON with one place changed, or removed for ``...``."""
    copy = json.loads(json.dumps(value))
    *outer, last = path.split(".")
    holder = copy
    for key in outer:
        holder = holder[int(key) if key.isdigit() else key]
    if new is ...:
        del holder[last]
    else:
        holder[int(last) if last.isdigit() else last] = new
    return data(copy)


def v9(body: bytes) -> StatedInference:
    return answers.inference(body, CHAIN, "v9", outlier_resistant=False)


def v10(body: bytes) -> StatedInference:
    return answers.inference(body, CHAIN, "v10", outlier_resistant=False)


def test_both_versions_say_the_same_exactly() -> None:
    """34 digits survive, negative log-returns are values like others, exponents are read."""
    told = StatedInference(
        chain=CHAIN,
        topic=74,
        nonce=5_100_955,
        combined=Decimal("-0.001234567890123456789012345678901234"),
        naive=Decimal("-0.0012"),
        inferers=(
            WorkerValue("allo1a", Decimal("-0.001")),
            WorkerValue("allo1b", Decimal("0.002")),
        ),
        forecasters=(WorkerValue("allo1c", Decimal("0.0000001")),),
        outlier_resistant=False,
    )
    assert v9(data(V9)) == told
    assert v10(data(V10)) == told
    resistant = answers.inference(data(V10), CHAIN, "v10", outlier_resistant=True)
    assert resistant.outlier_resistant


def test_a_bundle_without_its_own_nonce_takes_the_envelopes() -> None:
    body = changed(V9, "network_inferences.reputer_request_nonce", None)
    assert v9(body).nonce == 5_100_955


@pytest.mark.parametrize(
    "read, body, reason",
    [
        (v9, changed(V9, "network_inferences.combined_value", ...), "field `combined_value`"),
        (v9, changed(V9, "network_inferences.combined_value", "NaN"), "'NaN' is not a decimal"),
        (v9, changed(V9, "network_inferences.combined_value", 4260.05), "got `float`"),
        (v9, changed(V9, "network_inferences.topic_id", "-1"), r"`\$.network_inferences.topic_id`"),
        (v9, changed(V9, "network_inferences.inferer_values", ...), "field `inferer_values`"),
        (v9, changed(V9, "network_inferences.inferer_values.1.worker", "allo1a"), "named twice"),
        (v9, changed(V9, "network_inferences", None), r"\$.network_inferences"),
        (v9, changed(V9, "inference_block_height", "x"), r"`\$.inference_block_height`"),
        (v9, data(V10), r"\$.network_inferences"),
        (v10, data(V9), r"\$.network_inferences"),
        (v10, changed(V10, "network_inferences.combined_value", []), r"labels \[\] are no single"),
        (v10, changed(V10, "network_inferences.combined_value.0.label_name", "up"), r"\['up'\]"),
        (v10, changed(V10, "network_inferences.combined_value", one("1") * 2), "no single value"),
        (v10, changed(V10, "network_inferences.inferer_values.0.values", []),
         r"`\$.network_inferences.inferer_values\[0\].values`"),
        (v10, changed(V10, "network_inferences.nonce", 5), "nonce"),
    ],
)  # fmt: skip
def test_what_is_missing_or_ambiguous_is_refused(
    read: Callable[[bytes], StatedInference], body: bytes, reason: str
) -> None:
    with pytest.raises(AnswerRefused, match=reason):
        read(body)


def test_a_topic_is_read_from_the_chains_words() -> None:
    assert answers.topic(data(TOPIC), CHAIN) == ForecastTopic(
        chain=CHAIN,
        id=74,
        metadata="15 minute BTC/USD Log-Return Prediction",
        asset="BTC",
        kind="log_return",
        horizon_s=900,
        epoch_blocks=60,
        submission_blocks=12,
    )


@pytest.mark.parametrize(
    "words, asset, kind, horizon_s",
    [
        ("ETH 10min Prediction", "ETH", "price", 600),
        ("SOL/USD - 5min Price Prediction", "SOL", "price", 300),
        ("24 hour XAU/USD Log-Return Prediction", "XAU", "log_return", 86_400),
        ("8h BTC/USD Log-Return Prediction (5min Updates)", "BTC", "log_return", 28_800),
        ("7 day ETH/USD Log-Return Prediction", "ETH", "log_return", 604_800),
        ("BTC/USD - Log Returns - 20m", "BTC", "log_return", 1_200),
        ("BTC/USD - Volatility - 15m", "BTC", "volatility", 900),
        ("PLAYGROUND FAST - 5 minute BTC/USD Price Prediction", "BTC", "price", 300),
    ],
)
def test_words_name_asset_kind_and_horizon(
    words: str, asset: str, kind: str, horizon_s: int
) -> None:
    topic = read_topic(CHAIN, 1, words, 60)
    assert (topic.asset, topic.kind, topic.horizon_s) == (asset, kind, horizon_s)
    assert topic.sandbox is words.startswith("PLAYGROUND")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "BTC 5min Direction Prediction",
        "BTC/USD - 5min Prediction",
        "BTC/USD ETH/USD 5min Price Prediction",
        "BTC/USD Price Prediction",
        "BTC/USD 5min or 10min Price Prediction",
        "BTC/USD 0min Price Prediction",
        "BTC/USD 5min Log-Return Volatility",
        "US election 5d Price Prediction",
    ],
)
def test_words_that_leave_something_open_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match="names no one asset, kind and horizon"):
        read_topic(CHAIN, 1, words, 60)


def test_the_same_number_asks_different_things_on_the_two_chains() -> None:
    (testnet, mainnet) = [topic for topic in TOPICS if topic.id == 14]
    assert (testnet.chain, testnet.horizon_s) == (TESTNET.chain, 300)
    assert (mainnet.chain, mainnet.horizon_s) == (MAINNET.chain, 28_800)


def test_topics_are_found_by_what_they_ask() -> None:
    """The most often asked first; playgrounds only on request."""
    testnet = [topic for topic in TOPICS if topic.chain == TESTNET.chain]
    assert [topic.id for topic in matching(testnet, "BTC", "price", 300)] == [14]
    assert [t.id for t in matching(testnet, "BTC", "price", 300, sandbox=True)] == [14, 77]
    assert [topic.id for topic in matching(testnet, "BTC", "log_return", 900)] == [74]
    assert [topic.id for topic in matching(testnet, "BTC", "price", 28_800)] == [42, 18]
    assert matching(testnet, "BTC", "price", 900) == ()


def test_blocks_of_another_chain_are_refused() -> None:
    assert answers.block(data(BLOCK), CHAIN) == BlockSeen(CHAIN, 5_100_967, 1785455478123456789)
    with pytest.raises(AnswerRefused, match="a block of 'allora-testnet-1'"):
        answers.block(data(BLOCK), MAINNET.chain)


def test_small_answers() -> None:
    assert answers.active(b'{"is_active":true}') is True
    assert answers.next_topic(b'{"next_topic_id":"86"}') == 86
    with pytest.raises(AnswerRefused, match="is_active"):
        answers.active(b"{}")
    with pytest.raises(AnswerRefused, match="too deeply"):
        answers.next_topic(b'{"next_topic_id":"86","x":' + b"[" * 100_000)


def test_a_signed_value_is_what_its_signature_covers() -> None:
    told = consumer.signed_inference(data(SIGNED), 13)
    assert told.value == Decimal("4260.058888453676459961899")
    assert (told.topic, told.at_ns) == (13, 1785455478 * 10**9)
    negative = changed(SIGNED, "data.inference_data.network_inference_normalized", "-0.0012")
    for integer in (str(2**256 - 1_200_000_000_000_000), "-1200000000000000"):
        body = changed(json.loads(negative), "data.inference_data.network_inference", integer)
        assert consumer.signed_inference(body, 13).value == Decimal("-0.0012")


@pytest.mark.parametrize(
    "path, new, reason",
    [
        ("data.inference_data.network_inference", "4260058888453676459963", "is not 42600588"),
        ("data.inference_data.network_inference", "4.5", "is not an integer"),
        ("data.inference_data.network_inference", "9" * 79, "more than 256 bits"),
        ("data.inference_data.network_inference_normalized", "", "is not a decimal"),
        ("data.inference_data.network_inference_normalized", ..., "network_inference_normalized"),
        ("data.inference_data.topic_id", "14", "asked for topic 13, told 14"),
        ("data.inference_data.timestamp", 5, "timestamp 5"),
        ("data.token_decimals", 8, "is not 4260058888453676459961 / 10"),
        ("data.token_decimals", 40, "40 decimals"),
        ("data.inference_data.confidence_interval_values_normalized", ["1"], "differ in number"),
        ("status", False, "says that it failed"),
    ],
)
def test_signed_values_that_contradict_themselves_are_refused(
    path: str, new: Any, reason: str
) -> None:
    with pytest.raises(AnswerRefused, match=reason):
        consumer.signed_inference(changed(SIGNED, path, new), 13)


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (404, b'{"code":5,"message":"not found","details":[]}', NotThere),
        (404, b"<html>", NotThere),
        (501, b'{"code":12,"message":"Not Implemented","details":[]}', RequestRefused),
        (429, b"{}", RateLimited),
        (503, b'{"code":8,"message":"exhausted"}', RateLimited),
        (503, b'{"code":14,"message":"unavailable"}', VenuePaused),
        (500, b'{"code":2,"message":"panic"}', VenuePaused),
        (400, b'{"code":3,"message":"invalid"}', RequestRefused),
        (401, b'{"message":"No active API user found"}', AccountError),
        (301, b"", AnswerRefused),
    ],
)
def test_each_refusal_is_an_error_of_the_tree(
    status: int, body: bytes, kind: type[Exception]
) -> None:
    reply = Reply(status, {"retry-after": "3"}, body)
    error = refusal(reply, "GET /x")
    assert type(error) is kind
    assert str(error).startswith(f"GET /x: Allora answers {status}")
    assert getattr(error, "retry_after_ms", 3_000) == 3_000
    assert unimplemented(reply) is (status == 501)


READS: list[tuple[Any, Callable[[bytes], Any]]] = [
    (V9, v9),
    (V10, v10),
    (TOPIC, lambda body: answers.topic(body, CHAIN)),
    (BLOCK, lambda body: answers.block(body, CHAIN)),
    (SIGNED, lambda body: consumer.signed_inference(body, 13)),
    ({"status": True, "data": {"topics": [{"topic_id": 1, "topic_name": "x", "epoch_length": "9",
                                           "is_active": True}]}}, consumer.topic_page),
]  # fmt: skip


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def test_mutated_answers_are_refused_or_honest(mutate: Mutate, turns: int) -> None:
    """Of 2,000 broken answers none raises another error or yields a value it does not contain."""
    rng = random.Random(9)
    refused = 0
    for turn in range(turns):
        value, read = READS[turn % len(READS)]
        broken = mutate(data(value), rng)
        try:
            told = read(broken)
        except AnswerRefused:
            refused += 1
            continue
        if isinstance(told, StatedInference):
            numbers = set(map(Decimal, NUMBER.findall(broken.decode(errors="replace"))))
            values = [told.combined, *(each.value for each in told.inferers + told.forecasters)]
            assert set(values) <= numbers, (broken, told)
            assert {Decimal(told.nonce), Decimal(told.topic)} <= numbers
    assert turns // 3 < refused < turns


@pytest.mark.shared
def test_every_sample_is_understood(shared: Path) -> None:
    """The real v9 bundle, the documented v10 and v8 ones, and the service's shapes."""
    real = v9(sample(shared, "allora/lcd_latest_network_inferences_v9_derived.json"))
    assert (real.topic, real.nonce, len(real.inferers), len(real.forecasters)) == (
        13,
        5_100_955,
        6,
        5,
    )
    assert real.combined == Decimal("4260.058888453676459961899479786112")
    documented = v10(sample(shared, "allora/lcd_latest_network_inferences_v10_doc.json"))
    assert (documented.topic, documented.nonce, len(documented.inferers)) == (1, 1_349_577, 2)
    retired = v9(sample(shared, "allora/lcd_latest_network_inferences_v8_with_confidence_doc.json"))
    assert retired.combined == documented.combined
    assert retired.nonce == documented.nonce
    shapes = json.loads(sample(shared, "allora/consumer_api_shapes_sdk_mock.json"))
    signed = consumer.signed_inference(data(shapes["consumer_inference"]), 1)
    assert (signed.value, *signed.interval) == (Decimal(1), Decimal("0.9"), Decimal("1.1"))
    page = consumer.topic_page(data(shapes["topics_page"]))
    assert (page.next_token, page.topics[0].epoch_blocks, page.topics[0].active) == (
        None,
        300,
        True,
    )


@pytest.mark.shared
def test_the_table_of_topics_is_the_published_one(shared: Path) -> None:
    """Every active topic of both chains, each read as the category it was published in."""
    published = json.loads(sample(shared, "allora/topics_2026-07-30.json"))["topics"]
    told = [
        (row["chain_id"], row["id"], row["metadata"], row["epoch_length"],
         row["category"].replace("-", "_"), row["sandbox"])
        for row in published
    ]  # fmt: skip
    ours = [(t.chain, t.id, t.metadata, t.epoch_blocks, t.kind, t.sandbox) for t in TOPICS]
    assert sorted(ours) == sorted(told)


def test_every_capability_names_its_source() -> None:
    """No fact about a venue stands without where it is known from."""
    for name in CAPABILITIES.__struct_fields__:
        if name != "venue":
            assert len(getattr(CAPABILITIES, name).source) > 10, name
    assert not CAPABILITIES.trades.value
