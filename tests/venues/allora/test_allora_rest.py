"""Asking Allora: versions, discovery, the service with a key, and following a topic."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from tests.aio import JumpingLoop, run
from tests.venues.scripted import Answer, Asked, Script, ScriptedHost, scripted_host
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    NotThere,
    RateLimited,
    RequestRefused,
    UnderroundError,
    VenuePaused,
)
from underround.model.signals import BlockSeen, ForecastTopic, StatedInference
from underround.venues.allora.epochs import BLOCK_NS, BlockClock, next_answer_ns
from underround.venues.allora.limits import LIMITS
from underround.venues.allora.polling import inferences
from underround.venues.allora.rest import AlloraConsumer, AlloraRest
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

CHAIN = "allora-testnet-1"
MISSING = Answer(b'{"code":12,"message":"Not Implemented","details":[]}', 501)
PARAMS = Answer(b'{"params":{}}')


def v9(nonce: int, topic: int = 13) -> Answer:
    bundle = {
        "topic_id": str(topic), "combined_value": "4260.05", "inferer_values": [],
        "forecaster_values": [], "naive_value": "4261",
    }  # fmt: skip
    envelope = {"network_inferences": bundle, "inference_block_height": str(nonce)}
    return Answer(json.dumps(envelope).encode())


def v10(nonce: int, topic: int = 13) -> Answer:
    value = [{"label_id": 1, "label_name": "y", "value": "4260.05"}]
    bundle = {
        "topic_id": str(topic), "nonce": str(nonce), "combined_value": value,
        "inferer_values": [], "forecaster_values": [], "naive_value": value,
    }  # fmt: skip
    envelope = {"network_inferences": bundle, "inference_block_height": str(nonce)}
    return Answer(json.dumps(envelope).encode())


def asking(
    script: Script, ask: Callable[[AlloraRest], Coroutine[Any, Any, Any]]
) -> tuple[Any, ScriptedHost]:
    """Return what ``ask`` gets (or the error it meets), through the real budget."""

    async def main() -> tuple[Any, ScriptedHost]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        budget = RateBudget(LIMITS, loop.now_ns, asyncio.sleep)
        async with scripted_host(script) as host, HttpClient(host.url) as http:
            try:
                return await ask(AlloraRest(http, CHAIN, budget)), host
            except UnderroundError as error:
                return error, host

    return run(main())


def paths(host: ScriptedHost) -> list[str]:
    return [asked.path.removeprefix("/emissions/") for asked in host.asked]


def test_the_newest_version_that_both_know_is_found_once() -> None:
    async def ask(rest: AlloraRest) -> list[Any]:
        return [await rest.latest(13), await rest.at(13, 600, outlier_resistant=True)]

    script: Script = {
        "GET /emissions/v10/params": MISSING,
        "GET /emissions/v9/params": PARAMS,
        "GET /emissions/v9/latest_network_inferences/13": v9(660),
        "GET /emissions/v9/network_inferences/13/last_inference_outlier_resistant/600": v9(600),
    }
    (latest, old), host = asking(script, ask)
    assert (latest.nonce, latest.combined, latest.outlier_resistant) == (
        660,
        Decimal("4260.05"),
        False,
    )
    assert (old.nonce, old.outlier_resistant) == (600, True)
    assert paths(host)[:3] == ["v10/params", "v9/params", "v9/latest_network_inferences/13"]
    assert len(host.asked) == 4


def test_an_upgrade_of_the_chain_is_noticed_by_the_next_request() -> None:
    upgraded = False

    def params(_: Asked) -> Answer:
        return PARAMS if upgraded else MISSING

    def old(_: Asked) -> Answer:
        return MISSING if upgraded else v9(660)

    async def ask(rest: AlloraRest) -> tuple[int, int, str]:
        nonlocal upgraded
        before = await rest.latest(13)
        upgraded = True
        after = await rest.latest(13)
        return before.nonce, after.nonce, await rest.version()

    script: Script = {
        "GET /emissions/v10/params": params,
        "GET /emissions/v9/params": PARAMS,
        "GET /emissions/v9/latest_network_inferences/13": old,
        "GET /emissions/v10/latest_network_inferences/13": v10(720),
    }
    got, _ = asking(script, ask)
    assert got == (660, 720, "v10")


@pytest.mark.parametrize(
    "script, kind, reason",
    [
        ({"GET /emissions/v10/params": MISSING, "GET /emissions/v9/params": MISSING},
         AnswerRefused, "speaks neither emissions v10 nor v9"),
        ({"GET /emissions/v10/params": Answer(b"", 503)}, VenuePaused, "v10/params"),
        ({"GET /emissions/v10/params": Answer(b"", 429)}, RateLimited, "v10/params"),
        ({"GET /emissions/v10/params": PARAMS,
          "GET /emissions/v10/latest_network_inferences/13": Answer(b'{"code":5}', 404)},
         NotThere, "no such topic, or no inference yet"),
        ({"GET /emissions/v10/params": PARAMS,
          "GET /emissions/v10/latest_network_inferences/13": v10(1, topic=113)},
         AnswerRefused, "asked for topic 13, told 113"),
        ({"GET /emissions/v10/params": PARAMS,
          "GET /emissions/v10/latest_network_inferences/13": MISSING},
         RequestRefused, "no such route"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_said(
    script: Script, kind: type[UnderroundError], reason: str
) -> None:
    got, _ = asking(script, lambda rest: rest.latest(13))
    assert type(got) is kind
    assert reason in str(got)


def test_discovery_shows_what_it_leaves_out() -> None:
    """Active topics with plain words are found; every other one has its reason."""

    def topic(number: int, words: str) -> Answer:
        stated = {"id": str(number), "metadata": words, "epoch_length": "60",
                  "worker_submission_window": "12"}  # fmt: skip
        return Answer(json.dumps({"topic": stated, "weight": "0"}).encode())

    script: Script = {
        "GET /emissions/v10/params": PARAMS,
        "GET /emissions/v10/next_topic_id": Answer(b'{"next_topic_id":"5"}'),
        "GET /emissions/v10/is_topic_active/1": Answer(b'{"is_active":true}'),
        "GET /emissions/v10/is_topic_active/2": Answer(b'{"is_active":false}'),
        "GET /emissions/v10/is_topic_active/3": Answer(b'{"is_active":true}'),
        "GET /emissions/v10/topics/1": topic(1, "BTC 5min Prediction"),
        "GET /emissions/v10/topics/3": topic(3, "Who wins?"),
    }
    got, _ = asking(script, lambda rest: rest.topics())
    assert [(found.id, found.asset, found.submission_blocks) for found in got.topics] == [
        (1, "BTC", 12)
    ]
    assert got.left_out.keys() == {2, 3, 4}
    assert got.left_out[2] == "not active"
    assert "names no one asset" in got.left_out[3]


def test_blocks_are_checked_against_what_was_asked() -> None:
    block = {"header": {"chain_id": CHAIN, "height": "7", "time": "2026-07-30T23:51:18Z"}}
    answer = Answer(json.dumps({"block": block}).encode())
    path = "GET /cosmos/base/tendermint/v1beta1/blocks"
    script: Script = {f"{path}/latest": answer, f"{path}/7": answer, f"{path}/8": answer}
    assert asking(script, lambda rest: rest.newest_block())[0].height == 7
    assert asking(script, lambda rest: rest.block(7))[0].at_ns == 1785455478 * 10**9
    assert "asked for block 8, told 7" in str(asking(script, lambda rest: rest.block(8))[0])


class Key:
    """A secret of the tests."""

    def __init__(self, text: bytes) -> None:
        self._text = bytearray(text)

    @property
    def name(self) -> str:
        return "allora.key"

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        yield memoryview(self._text)


def consuming(
    script: Script, ask: Callable[[AlloraConsumer], Coroutine[Any, Any, Any]], key: bytes
) -> tuple[Any, ScriptedHost]:
    async def main() -> tuple[Any, ScriptedHost]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        budget = RateBudget(LIMITS, loop.now_ns, asyncio.sleep)
        async with scripted_host(script) as host, HttpClient(host.url) as http:
            try:
                return await ask(AlloraConsumer(http, Key(key), budget)), host
            except UnderroundError as error:
                return error, host

    return run(main())


def test_the_service_is_asked_with_the_key_in_its_header() -> None:
    stated = {"network_inference": "-1200000000000000", "network_inference_normalized": "-0.0012",
              "topic_id": "74", "timestamp": 1785455478, "extra_data": ""}  # fmt: skip
    signed = {"status": True, "data": {"signature": "0x1", "inference_data": stated}}
    path = "/v2/allora/consumer/ethereum-11155111"
    script: Script = {f"GET {path}": Answer(json.dumps(signed).encode())}
    got, host = consuming(script, lambda service: service.latest(74), b"UP-123\n")
    assert got.value == Decimal("-0.0012")
    (asked,) = host.asked
    assert asked.target == f"{path}?allora_topic_id=74&inference_value_type=uint256"
    assert asked.headers["x-api-key"] == "UP-123"


def test_a_refused_or_unusable_key_is_an_account_error_that_does_not_show_it() -> None:
    script: Script = {
        "GET /v2/allora/consumer/ethereum-11155111": Answer(
            b'{"message":"No active API user"}', 401
        )
    }
    for key in (b"UP-123", b"", "ключ".encode(), b"a\r\nb"):
        got, _ = consuming(script, lambda service: service.latest(74), key)
        assert type(got) is AccountError
        assert "UP-123" not in str(got)


def test_pages_of_topics_are_followed_to_their_end() -> None:
    def page(asked: Asked) -> Answer:
        last = "continuation_token=a%2Fb" in asked.target
        row = {
            "topic_id": 2 if last else 1,
            "topic_name": "t",
            "epoch_length": 60,
            "is_active": last,
        }
        data = {"topics": [row], "continuation_token": None if last else "a/b"}
        return Answer(json.dumps({"status": True, "data": data}).encode())

    script: Script = {f"GET /v2/allora/{CHAIN}/topics": page}
    got, _ = consuming(script, lambda service: service.topics(CHAIN), b"k")
    assert [(topic.id, topic.active) for topic in got] == [(1, False), (2, True)]


def test_a_list_without_an_end_is_given_up() -> None:
    data = {"status": True, "data": {"topics": [], "continuation_token": "same"}}
    script: Script = {f"GET /v2/allora/{CHAIN}/topics": Answer(json.dumps(data).encode())}
    got, host = consuming(script, lambda service: service.topics(CHAIN), b"k")
    assert type(got) is RequestRefused
    assert len(host.asked) == 2


# --- blocks and time, and following a topic --------------------------------------------------

SECOND = 10**9
TOPIC = ForecastTopic(
    chain=CHAIN, id=13, metadata="ETH 5min Prediction", asset="ETH", kind="price", horizon_s=300,
    epoch_blocks=60, submission_blocks=12,
)  # fmt: skip


def test_the_length_of_a_block_is_measured_once_enough_were_seen() -> None:
    blocks = BlockClock()
    assert (blocks.time_of(5), next_answer_ns(TOPIC, 5, blocks)) == (None, None)
    blocks.note(BlockSeen(CHAIN, 100, 0))
    assert (blocks.block_ns, blocks.time_of(98)) == (BLOCK_NS, -2 * BLOCK_NS)
    blocks.note(BlockSeen(CHAIN, 120, 112 * SECOND))
    assert blocks.block_ns == 5_600_000_000
    assert blocks.time_of(110) == 56 * SECOND
    assert next_answer_ns(TOPIC, 100, blocks) == 112 * SECOND + 53 * 5_600_000_000
    blocks.note(BlockSeen(CHAIN, 110, 57 * SECOND))
    assert blocks.newest == BlockSeen(CHAIN, 120, 112 * SECOND)
    blocks.note(BlockSeen(CHAIN, 20_000, 10**15))
    assert blocks.block_ns == BLOCK_NS


class Node:
    """A chain whose topic 13 is asked every 60 blocks of 5 s and answered 12 blocks later."""

    def __init__(self, clock: Callable[[], int], away_s: tuple[int, int] = (0, 0)) -> None:
        self.clock = clock
        self.born = clock()
        self.away_s = away_s
        self.asked = 0

    def height(self) -> int:
        return 1_000 + (self.clock() - self.born) // (5 * SECOND)

    async def newest_block(self) -> BlockSeen:
        height = self.height()
        return BlockSeen(CHAIN, height, self.born + (height - 1_000) * 5 * SECOND)

    async def latest(self, topic: int, *, outlier_resistant: bool = False) -> StatedInference:
        self.asked += 1
        age_s = (self.clock() - self.born) // SECOND
        if self.away_s[0] <= age_s < self.away_s[1]:
            raise RateLimited("later", 40_000 if self.asked % 2 else None)
        answered = self.height() - 12
        if answered < 1_020:
            raise NotThere("no inference yet")
        nonce = answered - answered % 60
        return StatedInference(
            chain=CHAIN, topic=topic, nonce=nonce, combined=Decimal(1), naive=None, inferers=(),
            forecasters=(), outlier_resistant=outlier_resistant,
        )  # fmt: skip


def followed(away_s: tuple[int, int] = (0, 0)) -> tuple[list[tuple[int, float]], int]:
    """Return the nonces of six epochs with their delay in seconds, and how often was asked."""

    async def main() -> tuple[list[tuple[int, float]], int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        node = Node(loop.now_ns, away_s)
        told: list[tuple[int, float]] = []
        stream = inferences(node, TOPIC, loop.now_ns, asyncio.sleep)
        async for found in stream:
            known = node.born + (found.nonce + 12 - 1_000) * 5 * SECOND
            told.append((found.nonce, (loop.now_ns() - known) / SECOND))
            if len(told) == 6:
                break
        return told, node.asked

    return run(main())


def test_following_a_topic_asks_when_an_answer_is_due() -> None:
    """Each epoch once, within two blocks of being known, with hardly a request too many."""
    told, asked = followed()
    assert [nonce for nonce, _ in told] == [960 + 60 * number for number in range(1, 7)]
    assert all(delay < 11 for _, delay in told[1:])
    assert asked < 20


def test_a_node_that_is_away_is_waited_for() -> None:
    """Nothing is told twice or out of order, and nobody hammers a node that says later."""
    told, asked = followed((400, 1_100))
    nonces = [nonce for nonce, _ in told]
    assert nonces == sorted(set(nonces))
    assert asked < 45
