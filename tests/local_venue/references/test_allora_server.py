"""Allora's gateway, service and event stream, in both versions, heard by our clients too."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from tests import aio
from tests.local_venue.net.listening import Ear, afflict
from tests.local_venue.references.desk import (
    BTC,
    SECOND,
    Desk,
    HandDesk,
    drive,
    form,
    heard,
    living,
    sample,
    say,
    wandering,
)
from tests.oracles.known import Lent
from tests.venues.wsserver import until
from underround.local_venue.faults import Drop
from underround.local_venue.references.allora_chain import (
    BLOCK_NS,
    CHAIN,
    SUBMISSION_BLOCKS,
    AlloraChain,
    decimal18,
)
from underround.local_venue.world import World
from underround.model.errors import AccountError, NotThere, RequestRefused
from underround.model.signals import BlockSeen, StatedInference
from underround.model.units import Nanos, usd
from underround.venues.allora.answers import VERSIONS, EmissionsVersion
from underround.venues.allora.codec import AlloraDecoder, AlloraSignal
from underround.venues.allora.hosts import Network
from underround.venues.allora.limits import LIMITS
from underround.venues.allora.polling import inferences
from underround.venues.allora.rest import AlloraConsumer, AlloraRest
from underround.venues.allora.stream import AlloraDialect
from underround.venues.streams.pool import Pool
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

FIVE_MINUTES, LOG_RETURN, VOLATILITY = 14, 74, 79
KEY = "UP-0123456789abcdef"
both = pytest.mark.parametrize("version", VERSIONS)


def walked(seconds: int = 700, version: EmissionsVersion = "v10", seed: int = 0) -> HandDesk:
    """Return a desk at which BTC had a price every five seconds until now."""
    desk = HandDesk(seed, version)
    desk.walk(seconds, each_ms=5_000)
    return desk


@asynccontextmanager
async def http_of(desk: Desk) -> AsyncIterator[tuple[HttpClient, RateBudget]]:
    clock = cast("aio.JumpingLoop", asyncio.get_running_loop()).now_ns
    async with (
        desk.http("allora") as url,
        HttpClient(url, timeout_ms=20_000, max_body_bytes=4 << 20) as http,
    ):
        yield http, RateBudget(LIMITS, clock, asyncio.sleep)


def ask(desk: HandDesk, story: Callable[[AlloraRest], Awaitable[None]]) -> None:
    async def main() -> None:
        async with http_of(desk) as (http, budget):
            await story(AlloraRest(http, CHAIN, budget))

    aio.run(main())


def consume(
    desk: HandDesk, story: Callable[[AlloraConsumer], Awaitable[None]], key: str = KEY
) -> None:
    async def main() -> None:
        async with http_of(desk) as (http, budget):
            await story(AlloraConsumer(http, Lent("allora", key), budget))

    aio.run(main())


def body(desk: HandDesk, target: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    async def main() -> tuple[int, Any]:
        async with (
            desk.http("allora") as url,
            aiohttp.ClientSession() as session,
            session.get(url + target, headers=headers) as answer,
        ):
            return answer.status, await answer.json()

    return asyncio.run(main())


# --- the gateway ---------------------------------------------------------------------------------


@both
def test_our_client_finds_the_version_and_reads_the_newest_inference(
    version: EmissionsVersion,
) -> None:
    desk = walked(version=version)
    chain = desk.chain

    async def story(client: AlloraRest) -> None:
        assert await client.version() == version
        found = await client.latest(FIVE_MINUTES)
        damped = await client.latest(FIVE_MINUTES, outlier_resistant=True)
        height = chain.height(desk.now)
        assert found.nonce == chain.newest_nonce(FIVE_MINUTES, height)
        assert found.nonce + SUBMISSION_BLOCKS <= height
        truth = chain.prediction(FIVE_MINUTES, found.nonce)
        assert truth is not None
        assert found.combined == Decimal(decimal18(truth.combined))
        assert [(each.worker, each.value) for each in found.inferers] == [
            (worker, Decimal(decimal18(value))) for worker, value in truth.inferers
        ]
        assert len(found.inferers) == 6
        assert len(found.forecasters) == 3
        assert (damped.outlier_resistant, damped.combined) == (True, found.combined)
        assert await client.at(FIVE_MINUTES, found.nonce) == found
        price = desk.world.prices.mean(BTC, chain.time_of(found.nonce), 1)
        assert price is not None
        assert abs(float(found.combined) / (price / 10**6) - 1) < 0.001

    ask(desk, story)


@both
def test_our_client_reads_topics_and_blocks(version: EmissionsVersion) -> None:
    desk = walked(60, version=version)

    async def story(client: AlloraRest) -> None:
        found = await client.topics()
        assets = {topic.asset for topic in found.topics}
        assert assets == {"BTC"}  # the others have no price here and are not active
        active = [topic for topic in desk.chain.topics if desk.chain.active(topic)]
        assert [topic.id for topic in found.topics] == active
        for topic in found.topics:
            ours = desk.chain.topics[topic.id]
            assert (topic.kind, topic.horizon_s, topic.epoch_blocks) == (
                ours.kind, ours.horizon_s, ours.epoch_blocks,
            )  # fmt: skip
            assert topic.submission_blocks == SUBMISSION_BLOCKS
        newest = await client.newest_block()
        assert newest == BlockSeen(CHAIN, desk.chain.height(desk.now), newest.at_ns)
        assert desk.now - BLOCK_NS < newest.at_ns <= desk.now
        earlier = await client.block(newest.height - 10)
        assert newest.at_ns - earlier.at_ns == 10 * BLOCK_NS
        with pytest.raises(RequestRefused, match="height"):
            await client.block(newest.height + 1)

    ask(desk, story)


def test_what_is_not_there_is_told_as_such() -> None:
    desk = walked()
    nonce = desk.chain.newest_nonce(FIVE_MINUTES, desk.chain.height(desk.now))

    async def story(client: AlloraRest) -> None:
        for ask_for in (
            client.latest(999),  # no topic
            client.latest(13),  # about ETH, which has no price
            client.at(FIVE_MINUTES, nonce + 60),  # not yet
            client.at(FIVE_MINUTES, nonce + 1),  # no epoch begins there
            client.at(FIVE_MINUTES, nonce - 60_000),  # before there was a price
            client.topic(999),
        ):
            with pytest.raises(NotThere):
                await ask_for

    ask(desk, story)


def test_an_inference_is_known_a_submission_window_after_its_block() -> None:
    desk = walked()
    chain = desk.chain
    nonce = chain.newest_nonce(FIVE_MINUTES, chain.height(desk.now)) + 60
    known = chain.time_of(nonce + SUBMISSION_BLOCKS)
    desk.clock.move_to(known - 1)
    desk.world.act()
    assert chain.prediction(FIVE_MINUTES, nonce) is None
    desk.clock.move_to(known)
    desk.world.act()
    assert chain.prediction(FIVE_MINUTES, nonce) is not None


def test_the_newest_inference_outlives_the_prices_it_was_made_of() -> None:
    """An 8-hour topic whose epoch is 8 hours too: its price was told long ago."""
    desk = HandDesk()
    chain, slow = desk.chain, 18
    epoch = chain.topics[slow].epoch_blocks
    nonce = chain.newest_nonce(slow, chain.height(desk.now)) + epoch
    desk.price(usd("64000"))
    desk.clock.move_to(chain.time_of(nonce + SUBMISSION_BLOCKS))
    desk.world.act()
    first = chain.prediction(slow, nonce)
    for _ in range(7 * 60):
        desk.price(usd("65000"))
        desk.wait_ms(60_000)
    assert desk.world.prices.mean(BTC, chain.time_of(nonce), 1) is None
    assert chain.newest_nonce(slow, chain.height(desk.now)) == nonce
    assert chain.prediction(slow, nonce) == first is not None


def test_the_chain_keeps_no_more_than_the_last_inferences() -> None:
    desk = walked(6 * 3_600)
    for topic, known in desk.chain._known.items():
        assert len(known) <= 16
        assert known[-1].nonce == desk.chain.newest_nonce(topic, desk.chain.height(desk.now))


def test_the_same_seed_gives_the_same_inferences() -> None:
    def told(seed: int) -> list[Any]:
        desk = walked(seed=seed)
        target = f"/emissions/v10/latest_network_inferences/{LOG_RETURN}"
        return [body(desk, target)]

    assert told(1) == told(1) != told(2)


def test_values_are_of_the_size_their_topic_asks_for() -> None:
    desk = walked()
    chain, height = desk.chain, desk.chain.height(desk.now)
    returns = chain.prediction(LOG_RETURN, chain.newest_nonce(LOG_RETURN, height))
    volatility = chain.prediction(VOLATILITY, chain.newest_nonce(VOLATILITY, height))
    assert returns is not None
    assert volatility is not None
    assert any(value < 0 for _, value in returns.inferers)
    assert all(abs(value) <= 10**15 // 2 for _, value in returns.inferers)  # root of a quarter
    assert all(0 < value < 10**15 for _, value in volatility.inferers)


@pytest.mark.parametrize(
    "target, status, code",
    [
        ("/emissions/v9/params", 501, 12),
        ("/emissions/v9/latest_network_inferences/14", 501, 12),
        ("/emissions/v8/latest_available_network_inferences/14", 501, 12),
        ("/emissions/v10/latest_available_network_inferences/14", 501, 12),
        ("/emissions/v10/topics/fourteen", 400, 3),
        ("/emissions/v9/topics/fourteen", 501, 12),
        ("/emissions/v10/network_inferences/14/last_inference/-5", 400, 3),
        ("/cosmos/base/tendermint/v1beta1/blocks/newest", 400, 3),
        ("/emissions/v10/topics/999", 404, 5),
    ],
)
def test_errors_are_the_gateways(target: str, status: int, code: int) -> None:
    answered, said = body(walked(10), target)
    assert (answered, said["code"], said["details"]) == (status, code, [])
    assert said["message"]


def test_a_client_that_polls_gets_each_inference_once() -> None:
    async def main() -> None:
        async with living() as desk, http_of(desk) as (http, budget):
            drive(desk.world, BTC, wandering(1, 240), 5_000)
            client = AlloraRest(http, CHAIN, budget)
            topic = desk.chain.topics[FIVE_MINUTES]
            found = []
            clock = desk.world.clock.now
            async for stated in inferences(client, topic, clock, asyncio.sleep):
                found.append(stated)
                age = clock() - desk.chain.time_of(stated.nonce + SUBMISSION_BLOCKS)
                assert age < 2 * BLOCK_NS or len(found) == 1
                if len(found) == 3:
                    break
            assert [later.nonce - found[0].nonce for later in found] == [0, 60, 120]

    aio.run(main())


@pytest.mark.shared
@pytest.mark.parametrize("version, name",
    [("v9", "lcd_latest_network_inferences_v9_derived"),
     ("v10", "lcd_latest_network_inferences_v10_doc")],
)  # fmt: skip
def test_a_body_has_the_keys_and_values_of_the_captured_one(
    version: EmissionsVersion, name: str, shared: Path
) -> None:
    desk = walked(version=version)
    _, ours = body(desk, f"/emissions/{version}/latest_network_inferences/{FIVE_MINUTES}")
    assert form(ours) == form(sample(shared, f"allora/{name}.json"))


# --- the consumer service ------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [FIVE_MINUTES, LOG_RETURN, VOLATILITY])
def test_our_client_reads_signed_values_also_negative_ones(topic: int) -> None:
    signs = set()
    for seed in range(6):
        desk = walked(seed=seed)

        async def story(client: AlloraConsumer, desk: HandDesk = desk) -> None:
            found = await client.latest(topic)
            nonce = desk.chain.newest_nonce(topic, desk.chain.height(desk.now))
            truth = desk.chain.prediction(topic, nonce)
            assert truth is not None
            assert found.value == Decimal(decimal18(truth.combined))
            assert found.at_ns == desk.chain.time_of(nonce) // SECOND * SECOND
            assert found.percentiles == found.interval == ()
            signs.add(found.value > 0)

        consume(desk, story)
    assert signs == ({True, False} if topic == LOG_RETURN else {True})


def test_our_client_lists_the_services_topics() -> None:
    desk = walked(10)

    async def story(client: AlloraConsumer) -> None:
        listed = await client.topics(CHAIN)
        assert [each.id for each in listed] == list(desk.chain.topics)
        assert {each.id for each in listed if each.active} == {
            topic for topic in desk.chain.topics if desk.chain.active(topic)
        }
        assert await client.topics("allora-mainnet-1") == []

    consume(desk, story)


def test_without_a_key_of_the_service_nothing_is_told() -> None:
    desk = walked()
    target = f"/v2/allora/consumer/ethereum-11155111?allora_topic_id={FIVE_MINUTES}"
    status, said = body(desk, target)
    assert (status, said["status"], said["apiResponseMessage"]) == (
        401, False, "No active API user found",
    )  # fmt: skip
    assert body(desk, f"/v2/allora/{CHAIN}/topics")[0] == 401

    async def story(client: AlloraConsumer) -> None:
        with pytest.raises(AccountError, match="key"):
            await client.latest(FIVE_MINUTES)

    consume(desk, story, key="something else")


def test_a_topic_without_an_inference_is_not_there() -> None:
    async def story(client: AlloraConsumer) -> None:
        for topic in (13, 999):
            with pytest.raises(NotThere):
                await client.latest(topic)

    consume(walked(), story)


@pytest.mark.shared
def test_the_services_bodies_have_the_keys_of_the_sdks(shared: Path) -> None:
    """Its confidence intervals are null today, and it says how many decimals it means."""
    theirs = sample(shared, "allora/consumer_api_shapes_sdk_mock.json")
    desk, headers = walked(), {"x-api-key": KEY}
    _, topics = body(desk, f"/v2/allora/{CHAIN}/topics", headers)
    topics["data"]["topics"][0]["description"] = "Test Description"
    assert form(topics) == form(theirs["topics_page"])
    target = f"/v2/allora/consumer/ethereum-11155111?allora_topic_id={FIVE_MINUTES}"
    _, signed = body(desk, target, headers)
    assert signed["data"].pop("token_decimals") == 18
    wanted = theirs["consumer_inference"]
    confidence = {key for key in wanted["data"]["inference_data"] if key.startswith("confidence")}
    assert {signed["data"]["inference_data"][key] for key in confidence} == {None}
    for key in confidence:
        wanted["data"]["inference_data"][key] = None
    assert form(signed) == form(wanted)


# --- the event stream ----------------------------------------------------------------------------


def query(topic: int, version: EmissionsVersion = "v10", event: str = "") -> str:
    kind = {"v9": "EventNetworkInferences", "v10": "EventNetworkInferenceBundle"}[version]
    return (
        f"tm.event='NewBlockEvents' AND emissions.{version}.{event or kind}.topic_id "
        f"CONTAINS '{topic}'"
    )


def node(
    story: Callable[[HandDesk, Ear], Awaitable[None]], version: EmissionsVersion = "v10"
) -> None:
    async def main() -> None:
        desk = walked(version=version)
        async with desk.ear("allora", "/websocket") as ear:
            await story(desk, ear)

    asyncio.run(main())


async def request(ear: Ear, method: str, wanted: str, number: int | str = 1) -> Any:
    await say(ear, jsonrpc="2.0", method=method, id=number, params={"query": wanted})
    return await heard(ear)


@pytest.mark.shared
def test_a_push_has_the_keys_and_values_of_the_captured_one(shared: Path) -> None:
    """The captured one has an event about rewards besides."""
    theirs = sample(shared, "allora/ws_new_block_events_v9_height_5100967.json")

    async def story(desk: HandDesk, ear: Ear) -> None:
        asked = query(FIVE_MINUTES, "v9", "EventWorkerLastCommitSet")
        number = theirs["id"]
        assert await request(ear, "subscribe", asked, number) == {
            "jsonrpc": "2.0", "id": number, "result": {},
        }  # fmt: skip
        desk.walk(300, each_ms=5_000)
        ours = await heard(ear)
        assert list(ours) == list(theirs)
        assert list(ours["result"]) == list(theirs["result"])
        value, wanted = ours["result"]["data"]["value"], theirs["result"]["data"]["value"]
        assert list(value) == list(wanted)
        for told in value["events"]:
            same = next(each for each in wanted["events"] if each["type"] == told["type"])
            assert form(unpacked(told)) == form(unpacked(same))
        flat = {key: form(each) for key, each in theirs["result"]["events"].items()}
        for key, each in ours["result"]["events"].items():
            assert form(each) == flat[key]
        bundle = next(e for e in value["events"] if e["type"].endswith("EventNetworkInferences"))
        nonce = int(unpacked(bundle)["block_height"])
        assert int(value["height"]) == nonce + SUBMISSION_BLOCKS

    node(story, "v9")


def unpacked(event: Any) -> dict[str, Any]:
    """Return the attributes of an event with the JSON inside their texts read."""
    return {
        row["key"]: json.loads(row["value"]) if row["value"][0] in '"{[' else row["value"]
        for row in event["attributes"]
        if row["index"] is True
    }


def test_a_client_may_have_five_subscriptions() -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        for number in range(5):
            assert "result" in await request(ear, "subscribe", query(number), number)
        refused = await request(ear, "subscribe", query(99), 6)
        assert refused["error"]["code"] == -32603
        assert "max_subscriptions_per_client 5" in refused["error"]["data"]
        assert "result" in await request(ear, "unsubscribe", query(0), 7)
        assert "result" in await request(ear, "subscribe", query(99), 8)
        assert "result" in await request(ear, "unsubscribe_all", "", 9)
        assert "error" in await request(ear, "unsubscribe", query(99), 10)

    node(story)


@pytest.mark.parametrize(
    "said, code, words",
    [
        ("nonsense", -32700, "Parse error"),
        ('{"jsonrpc":"2.0","id":1,"method":"sing"}', -32601, "Method not found"),
        ('{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"query":"x"}}', -32603, "parse"),
        ('{"jsonrpc":"2.0","id":1,"method":"subscribe"}', -32603, "parse"),
        ('{"jsonrpc":"2.0","id":1,"method":"unsubscribe","params":{"query":"x"}}', -32603, "found"),
    ],
)
def test_a_request_that_makes_no_sense_is_an_error(said: str, code: int, words: str) -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        await ear.say(said)
        error = (await heard(ear))["error"]
        assert error["code"] == code
        assert words in error["message"] + error["data"]

    node(story)


def test_the_same_subscription_twice_is_refused() -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        await request(ear, "subscribe", query(1))
        again = await request(ear, "subscribe", query(1), 2)
        assert again["error"]["data"] == "already subscribed"

    node(story)


def test_a_subscription_in_another_version_hears_nothing_but_blocks() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await request(ear, "subscribe", query(FIVE_MINUTES, "v9"))
        await request(ear, "subscribe", "tm.event='NewBlockHeader'", 0)
        desk.walk(600, each_ms=5_000)
        heights = []
        for _ in range(120):
            frame = await heard(ear)
            assert frame["id"] == 0
            heights.append(int(frame["result"]["data"]["value"]["header"]["height"]))
        assert heights == list(range(heights[0], heights[0] + 120))
        assert heights[-1] == desk.chain.height(desk.now)

    node(story)


class Watching:
    """Our pool on the node's events."""

    def __init__(self, world: World, url: str, version: EmissionsVersion) -> None:
        self.signals: list[AlloraSignal] = []
        self.heard_at: list[Nanos] = []
        decoder = AlloraDecoder(CHAIN, [FIVE_MINUTES, LOG_RETURN])

        def deliver(_stream: str, _connection: int, recv_ns: int, payload: bytes) -> None:
            found = decoder.decode(payload) if payload else ()
            self.signals += found
            self.heard_at += [recv_ns] * len(found)

        dialect = AlloraDialect(Network(CHAIN, "http://127.0.0.1:1", url), version)
        self.pool = Pool(dialect, deliver, world.clock.now, random.Random(1), sockets=1)
        self.pool.subscribe([[str(FIVE_MINUTES)], [str(LOG_RETURN)]])


@both
def test_our_client_hears_each_block_and_each_inference_as_the_gateway_tells_it(
    version: EmissionsVersion,
) -> None:
    async def main() -> None:
        async with living(version=version) as desk, desk.socket("allora") as url:
            drive(desk.world, BTC, wandering(3, 320), 5_000)
            watching = Watching(desk.world, url, version)
            running = asyncio.ensure_future(watching.pool.run())
            await until(lambda: watching.pool.status()[0].proven == 2)
            await asyncio.sleep(800)
            afflict(desk.world, Drop(stream="allora.ws", count=1))
            await asyncio.sleep(700)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            blocks = [each.height for each in watching.signals if isinstance(each, BlockSeen)]
            assert len(blocks) > 295
            assert blocks == sorted(set(blocks))
            stated = [each for each in watching.signals if isinstance(each, StatedInference)]
            assert_as_told(desk.chain, stated, version)
            for at, each in zip(watching.heard_at, watching.signals, strict=True):
                if isinstance(each, BlockSeen):
                    assert 0 <= at - each.at_ns < SECOND
            assert watching.pool.status()[0].refusals == 0

    aio.run(main())


def assert_as_told(
    chain: AlloraChain, stated: list[StatedInference], version: EmissionsVersion
) -> None:
    """Every epoch of both topics, in v10 plain and damped, and nothing of another topic."""
    for topic in (FIVE_MINUTES, LOG_RETURN):
        nonces = {each.nonce for each in stated if each.topic == topic}
        assert len(nonces) == 5
        assert max(nonces) - min(nonces) == 4 * 60
        for damped in (False,) if version == "v9" else (False, True):
            told = {each.nonce for each in stated
                    if (each.topic, each.outlier_resistant) == (topic, damped)}  # fmt: skip
            assert told == nonces
    for each in stated:
        truth = chain.prediction(each.topic, each.nonce)
        assert truth is not None
        assert each.combined == Decimal(decimal18(truth.combined))
        assert each.stated_block == each.nonce + SUBMISSION_BLOCKS
