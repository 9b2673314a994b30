"""Several providers in front of one chain: who is asked, who is left out, and what is said."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tests.chain.desk import client_of, desk
from tests.chain.emitter import emit, filled, place_emitter
from tests.chain.front import Front
from tests.chain.node import Anvil
from underround.model.errors import (
    ConfigError,
    RequestRefused,
    TryLater,
    Unreachable,
    VenuePaused,
)
from underround.venues.polygon.answers import Block
from underround.venues.polygon.contracts import EXCHANGE_V2
from underround.venues.polygon.heads import Survey
from underround.venues.polygon.quantities import Quantity
from underround.venues.polygon.rpc import LogFilter, Rpc
from underround.venues.polygon.spans import Span

ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20


def test_providers_that_agree_are_all_used(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil, fronts=3) as at:
            survey = await at.rpc.survey()
            assert survey == Survey(("provider 1", "provider 2", "provider 3"))
            assert survey.sentence == ""

    asyncio.run(scenario())


def test_a_lagging_provider_is_left_out_until_it_catches_up(anvil: Anvil) -> None:
    async def scenario() -> None:
        anvil.mine(10)
        async with desk(anvil) as at:
            late, good = at.fronts
            late.behind = 4
            survey = await at.rpc.survey()
            assert (survey.usable, survey.lagging) == (("provider 2",), (("provider 1", 4),))
            assert "provider 1 is 4 blocks behind" in survey.sentence
            late.methods.clear()
            assert await at.rpc.call(Quantity, "eth_blockNumber") == anvil.head
            assert late.methods == []
            late.behind = 3
            assert (await at.rpc.survey()).usable == ("provider 1", "provider 2")
            assert good.methods

    asyncio.run(scenario())


def test_two_names_for_one_block_are_stated_and_nobody_is_believed_more(anvil: Anvil) -> None:
    async def scenario() -> None:
        anvil.mine(10)
        async with desk(anvil) as at:
            at.fronts[1].fork_at = 5
            survey = await at.rpc.survey()
            assert (survey.usable, survey.disputed) == (("provider 1", "provider 2"), anvil.head)
            assert "evenly split" in survey.sentence

    asyncio.run(scenario())


def test_who_is_outvoted_about_a_block_is_left_out(anvil: Anvil) -> None:
    async def scenario() -> None:
        anvil.mine(10)
        async with desk(anvil, fronts=3) as at:
            at.fronts[0].fork_at = 5
            at.fronts[2].behind = 1  # compared at the height that all of them have
            survey = await at.rpc.survey()
            assert survey.dissenting == ("provider 1",)
            assert survey.usable == ("provider 2", "provider 3")
            assert survey.disputed == anvil.head - 1
            assert f"provider 1 named another block at height {anvil.head - 1}" in survey.sentence

    asyncio.run(scenario())


def test_a_provider_of_another_chain_stops_the_start(anvil: Anvil) -> None:
    async def scenario() -> None:
        front, other = Front(anvil), Front(anvil)
        other.chain_id = "0x1"
        async with client_of(front) as one, client_of(other) as two:
            with pytest.raises(ConfigError, match="node b serves chain 1, not 137"):
                await Rpc([one, two], names=["node a", "node b"]).start()

    asyncio.run(scenario())


def test_a_provider_that_moves_to_another_chain_is_left_out(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            at.fronts[0].chain_id = "0x13882"
            survey = await at.rpc.survey()
            assert survey.usable == ("provider 2",)
            assert "it serves chain 80002, not 137" in survey.sentence
            assert "nothing to compare it with" in survey.sentence

    asyncio.run(scenario())


def test_a_node_s_own_trouble_is_not_the_answer_while_another_node_knows(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            ask = ("eth_getBlockByNumber", "latest", False)
            at.fronts[0].trouble = "header not found"
            assert (await at.rpc.call(Block, *ask)).number == anvil.head
            at.fronts[1].trouble = "upstream connect error"
            with pytest.raises(VenuePaused, match=r"provider 1.*header not found"):
                await at.rpc.call(Block, *ask)

    asyncio.run(scenario())


def test_a_read_goes_to_the_next_provider(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            at.fronts[0].down = True
            assert (await at.rpc.block("latest")).number == anvil.head
            at.fronts[1].down = True
            with pytest.raises(Unreachable) as caught:
                await at.rpc.block("latest")
            assert "127.0.0.1" not in str(caught.value)
            with pytest.raises(Unreachable, match="no RPC provider answers"):
                await at.rpc.survey()

    asyncio.run(scenario())


def test_logs_are_read_in_spans_that_a_provider_takes(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        first = anvil.head + 1
        for order in range(60):
            emit(anvil, EXCHANGE_V2, filled(order, ALICE, BOB, 0, 1, 1, 2))
        async with desk(anvil) as at:
            for front in at.fronts:
                front.most_blocks = 7
            span = Span(32, 1_000)
            chunks = [
                chunk
                async for chunk in at.rpc.logs(
                    LogFilter((EXCHANGE_V2,)), first, anvil.head, span=span
                )
            ]
            assert span.blocks <= 7
            orders = [int(log.topics[1], 16) for chunk in chunks for log in chunk.logs]
            assert orders == list(range(60))
            ends = [(chunk.first, chunk.last) for chunk in chunks]
            assert (ends[0][0], ends[-1][1]) == (first, anvil.head)
            assert all(after[0] == before[1] + 1 for before, after in pairwise(ends))

    asyncio.run(scenario())


def test_a_query_that_is_refused_for_one_block_is_given_up(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            for front in at.fronts:
                front.most_blocks = 0
            with pytest.raises(RequestRefused, match="max block range"):
                async for _ in at.rpc.logs(LogFilter(), 1, anvil.head):
                    pass

    asyncio.run(scenario())


def test_a_provider_that_lacks_the_last_block_is_not_believed_about_its_logs(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        async with desk(anvil) as at:
            emit(anvil, EXCHANGE_V2, filled(1, ALICE, BOB, 0, 1, 1, 2))
            at.fronts[0].behind = 1
            wanted = LogFilter((EXCHANGE_V2,))
            (chunk,) = [one async for one in at.rpc.logs(wanted, anvil.head, anvil.head)]
            assert len(chunk.logs) == 1
            at.fronts[1].behind = 1
            with pytest.raises(TryLater, match="its head is below"):
                async for _ in at.rpc.logs(wanted, anvil.head, anvil.head):
                    pass

    asyncio.run(scenario())
