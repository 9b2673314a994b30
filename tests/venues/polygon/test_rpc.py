"""Requests to scripted nodes: what an answer or its absence means, and what errors show."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.aio import run
from tests.venues.scripted import Answer, Asked, Script, scripted_host
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    ConfigError,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    UnderroundError,
    Unreachable,
    VenuePaused,
)
from underround.venues.polygon.answers import KnownTransaction
from underround.venues.polygon.delivery import Delivery
from underround.venues.polygon.fees import LEAST_TIP
from underround.venues.polygon.gas import GasSource
from underround.venues.polygon.messages import Ask
from underround.venues.polygon.provider import MOST_IN_BATCH, Provider
from underround.venues.polygon.quantities import Hash, Quantity
from underround.venues.polygon.refusals import Fault
from underround.venues.polygon.rpc import LogFilter, Rpc
from underround.venues.transport.http import HttpClient

STATION = b"""{"safeLow":{"maxPriorityFee":30,"maxFee":31},"standard":{"maxPriorityFee":32.5,
"maxFee":33},"fast":{"maxPriorityFee":40,"maxFee":41},"estimatedBaseFee":1,"blockTime":2,
"blockNumber":%d}"""


def answering(results: dict[str, Any]) -> Callable[[Asked], Answer]:
    """Answer calls from a table of methods; a ``Fault`` there is an error."""

    def one(call: dict[str, Any]) -> dict[str, Any]:
        told = results[call["method"]]
        base = {"jsonrpc": "2.0", "id": call["id"]}
        if isinstance(told, Fault):
            return base | {"error": {"code": told.code, "message": told.message}}
        return base | {"result": told}

    def answer(asked: Asked) -> Answer:
        calls = json.loads(asked.body)
        told = [one(call) for call in calls] if isinstance(calls, list) else one(calls)
        return Answer(json.dumps(told).encode())

    return answer


@asynccontextmanager
async def nodes(*scripts: Script) -> AsyncIterator[tuple[Rpc, list[HttpClient]]]:
    async with AsyncExitStack() as stack:
        clients = []
        for script in scripts:
            host = await stack.enter_async_context(scripted_host(script))
            clients.append(
                await stack.enter_async_context(
                    HttpClient(f"{host.url}/secret-key", timeout_ms=900)
                )
            )
        yield Rpc(clients), clients


def at(answer: Answer | Callable[[Asked], Answer]) -> Script:
    return {"POST /secret-key": answer}


NEVER, BROKEN = Answer(never=True), Answer(hang_up=True)


@pytest.mark.parametrize(
    "answer, error",
    [
        (Answer(status=429, headers={"Retry-After": "4"}), RateLimited),
        (Answer(status=401), AccountError),
        (Answer(b"<html>", 200), AnswerRefused),
        (BROKEN, Unreachable),
        (NEVER, Unreachable),
    ],
)
def test_a_failing_read_is_an_error_that_shows_no_address(
    answer: Answer, error: type[UnderroundError]
) -> None:
    async def scenario() -> None:
        async with nodes(at(answer)) as (rpc, _):
            with pytest.raises(error) as caught:
                await rpc.block("latest")
            assert "secret-key" not in str(caught.value)
            assert "127.0.0.1" not in str(caught.value)
            assert "provider 1" in str(caught.value)

    run(scenario())


@pytest.mark.parametrize(
    "answer, expected",
    [
        (answering({"eth_sendRawTransaction": "0x1"}), Delivery(taken=("provider 1",))),
        (
            answering({"eth_sendRawTransaction": Fault(-32_000, "already known")}),
            Delivery(taken=("provider 1",)),
        ),
        (BROKEN, Delivery(unsure=("provider 1",))),
        (NEVER, Delivery(unsure=("provider 1",))),
        (Answer(b"<html>", 502), Delivery(unsure=("provider 1",))),
        (Answer(b"<html>", 200), Delivery(unsure=("provider 1",))),
        (
            answering({"eth_sendRawTransaction": Fault(-32_603, "internal error")}),
            Delivery(unsure=("provider 1",)),
        ),
        (Answer(status=429), Delivery(unreached=("provider 1",))),
        (Answer(status=403), Delivery(unreached=("provider 1",))),
        (
            answering({"eth_sendRawTransaction": Fault(-32_000, "nonce too low")}),
            Delivery(refused=(("provider 1", Fault(-32_000, "nonce too low", "null")),)),
        ),
    ],
)
def test_a_sent_transaction_is_only_called_refused_when_that_is_certain(
    answer: Answer | Callable[[Asked], Answer], expected: Delivery
) -> None:
    async def scenario() -> None:
        async with nodes(at(answer)) as (rpc, _):
            assert await rpc.broadcast(b"\x02") == expected

    run(scenario())


def test_what_providers_said_together_is_one_verdict() -> None:
    low = ("a", Fault(-32_000, "nonce too low"))
    assert Delivery(taken=("b",), refused=(low,)).refusal() is None
    assert Delivery(unsure=("b",), refused=(low,)).refusal() is None
    refused = Delivery(unreached=("b",), refused=(low,))
    assert isinstance(refused.refusal(), RequestRefused)
    assert refused.nonce_used
    assert refused.sentence == "a: nonce too low; b: not reached"
    assert isinstance(Delivery(unreached=("a", "b")).refusal(), Unreachable)


def test_a_write_that_may_have_worked_is_no_refusal() -> None:
    async def scenario() -> None:
        async with nodes(at(BROKEN)) as (_, (client,)):
            with pytest.raises(OutcomeUnknown, match="look the transaction up"):
                await Provider("a", client).write(Ask("eth_sendRawTransaction", ("0x02",)))

    run(scenario())


def test_many_calls_go_in_several_requests_and_come_back_in_order() -> None:
    sizes: list[int] = []

    def echo(asked: Asked) -> Answer:
        calls = json.loads(asked.body)
        calls = calls if isinstance(calls, list) else [calls]
        sizes.append(len(calls))
        told = [{"id": call["id"], "result": call["params"][0]} for call in calls]
        return Answer(json.dumps(told if len(told) > 1 else told[0]).encode())

    async def scenario() -> None:
        async with nodes(at(echo)) as (rpc, _):
            asks = [Ask("echo", (hex(number),)) for number in range(2 * MOST_IN_BATCH + 1)]
            told = [one.read(Quantity) for one in await rpc.batch(asks)]
            assert told == list(range(2 * MOST_IN_BATCH + 1))
            assert sizes == [MOST_IN_BATCH, MOST_IN_BATCH, 1]

    run(scenario())


def test_providers_need_names_that_differ() -> None:
    with pytest.raises(ConfigError, match="name at least two"):
        Rpc([])
    client = HttpClient("http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="2 RPC providers need as many different names"):
        Rpc([client, client], names=["a", "a"])


def test_no_provider_at_all_is_told_at_the_start() -> None:
    async def scenario() -> None:
        async with nodes(at(BROKEN), at(Answer(status=429))) as (rpc, _):
            with pytest.raises(Unreachable, match="no RPC provider answers"):
                await rpc.start()

    run(scenario())


CHAIN = answering(
    {
        "eth_blockNumber": hex(1_000),
        "eth_feeHistory": {
            "oldestBlock": "0x1",
            "baseFeePerGas": ["0x1", "0x7"],
            "reward": [["0x1", "0x2", "0x3"]],
            "gasUsedRatio": [0.1],
        },
    }
)


@pytest.mark.parametrize(
    "station, standard, block",
    [
        (Answer(STATION % 980), 32_500_000_000, 980),
        (Answer(STATION % 900), 2, 1_000),  # stale: the node knows better
        (Answer(status=500), 2, 1_000),
        (Answer(b"{}"), 2, 1_000),
        (BROKEN, 2, 1_000),
    ],
)
def test_gas_prices_come_from_the_station_unless_it_is_late_or_silent(
    station: Answer, standard: int, block: int
) -> None:
    async def scenario() -> None:
        async with (
            nodes(at(CHAIN)) as (rpc, _),
            scripted_host({"GET /v2": station}) as host,
            HttpClient(host.url) as client,
        ):
            told = await GasSource(rpc, client).now()
            assert (told.standard, told.block) == (standard, block)
            alone = await GasSource(rpc).now()
            assert (alone.base_fee, alone.slow, alone.fast, alone.block) == (7, 1, 3, 1_000)
            assert alone.fast < LEAST_TIP  # what is offered is raised to it later

    run(scenario())


def test_a_hash_is_lower_case_whatever_the_node_writes() -> None:
    async def scenario() -> None:
        name = "0x" + "AB" * 32
        script = at(answering({"eth_getTransactionByHash": {"hash": name}}))
        async with nodes(script) as (rpc, _):
            told = await rpc.call(KnownTransaction, "eth_getTransactionByHash", name)
            assert told.hash == Hash("0x" + "ab" * 32)

    run(scenario())


def test_a_node_of_another_chain_is_a_mistake_of_the_configuration() -> None:
    async def scenario() -> None:
        async with nodes(at(answering({"eth_chainId": "0x1"}))) as (rpc, _):
            with pytest.raises(ConfigError, match="provider 1 serves chain 1, not 137: name"):
                await rpc.start()

    run(scenario())


def test_a_node_that_is_behind_is_not_believed_that_nothing_happened() -> None:
    async def scenario() -> None:
        behind = at(answering({"eth_blockNumber": "0x63", "eth_getLogs": []}))
        async with nodes(behind) as (rpc, _):
            assert [chunk.last async for chunk in rpc.logs(LogFilter(), 90, 99)] == [99]
            with pytest.raises(VenuePaused, match="its head is below block 100: try later"):
                async for _chunk in rpc.logs(LogFilter(), 90, 100):
                    pass

    run(scenario())


def test_when_no_node_answers_each_one_s_reason_is_told_without_its_address() -> None:
    async def main() -> str:
        async with nodes(at(Answer(status=401)), at(Answer(b"<html>", 502))) as (rpc, _):
            with pytest.raises(Unreachable) as caught:
                await rpc.survey()
            return str(caught.value)

    told = run(main())
    assert told.startswith("no RPC provider answers (provider 1: ")
    assert "; provider 2: " in told
    assert "secret-key" not in told
