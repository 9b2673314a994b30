"""Following logs on a real chain, through reorganisations and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.chain.desk import Desk, desk
from tests.chain.emitter import emit, filled, place_emitter
from tests.chain.node import Anvil
from underround.model.errors import Unreachable
from underround.venues.polygon.contracts import EXCHANGE_V2
from underround.venues.polygon.log_poller import SILENCE_NS, LogPoller, Polled
from underround.venues.polygon.logs import LogFollower, LogSeen, LogUndone, Mark
from underround.venues.polygon.rpc import LogFilter

ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20


def fill(order: int) -> bytes:
    return filled(order, ALICE, BOB, 0, 1, 1, 2)


async def poller(at: Desk, clock: Callable[[], int] = lambda: 0) -> tuple[LogPoller, LogFollower]:
    block = await at.rpc.block("finalized")
    follower = LogFollower(Mark(block.number, block.hash))
    return LogPoller(at.rpc, LogFilter((EXCHANGE_V2,)), follower, clock), follower


def told(polled: Polled) -> list[tuple[str, int]]:
    """Name the changes: seen or undone, and the order."""
    words = {LogSeen: "seen", LogUndone: "undone"}
    return [(words[type(one)], int(one.log.topics[1], 16)) for one in polled.changes]


def test_each_log_is_told_once_and_in_order(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        async with desk(anvil) as at:
            poll, _ = await poller(at)
            await poll.step()
            emit(anvil, EXCHANGE_V2, fill(1), fill(2))
            emit(anvil, EXCHANGE_V2, fill(3))
            first = await poll.step()
            assert told(first) == [("seen", 1), ("seen", 2), ("seen", 3)]
            assert first.caught_up
            assert told(await poll.step()) == []
            emit(anvil, EXCHANGE_V2, fill(4))
            assert told(await poll.step()) == [("seen", 4)]

    asyncio.run(scenario())


def test_a_reorganisation_undoes_its_logs_and_tells_the_new_ones(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        anvil.mine(3)
        async with desk(anvil) as at:
            poll, _ = await poller(at)
            emit(anvil, EXCHANGE_V2, fill(1))
            assert told(await poll.step()) == [("seen", 1)]
            emit(anvil, EXCHANGE_V2, fill(2))
            emit(anvil, EXCHANGE_V2, fill(3))
            assert told(await poll.step()) == [("seen", 2), ("seen", 3)]
            anvil.rpc("anvil_reorg", 2, [])
            assert told(await poll.step()) == [("undone", 3), ("undone", 2)]
            anvil.rpc("anvil_dropAllTransactions")
            emit(anvil, EXCHANGE_V2, fill(4))
            assert told(await poll.step()) == [("seen", 4)]

    asyncio.run(scenario())


def test_after_a_failure_nothing_is_lost_and_nothing_told_twice(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        async with desk(anvil) as at:
            poll, _ = await poller(at)
            emit(anvil, EXCHANGE_V2, fill(1))
            await poll.step()
            emit(anvil, EXCHANGE_V2, fill(2))
            for front in at.fronts:
                front.down = True
            with pytest.raises(Unreachable):
                await poll.step()
            emit(anvil, EXCHANGE_V2, fill(3))
            for front in at.fronts:
                front.down = False
            assert told(await poll.step()) == [("seen", 2), ("seen", 3)]

    asyncio.run(scenario())


def test_logs_of_a_chain_that_changes_while_they_are_read_are_not_believed(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        async with desk(anvil) as at:
            poll, follower = await poller(at)
            await poll.step()
            before = follower.last
            emit(anvil, EXCHANGE_V2, fill(1))
            for front in at.fronts:
                front.flips, front.flips_seen = anvil.head, -1  # the latest block is asked first
            assert told(await poll.step()) == []
            assert follower.last == before
            for front in at.fronts:
                front.flips = None
            assert told(await poll.step()) == [("seen", 1)]

    asyncio.run(scenario())


def test_after_a_restart_it_resumes_at_the_last_final_block(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        async with desk(anvil) as at:
            poll, follower = await poller(at)
            for order in range(1, 6):
                emit(anvil, EXCHANGE_V2, fill(order))
                await poll.step()
            resume = follower.resume
            assert resume.number == anvil.head - 2
            emit(anvil, EXCHANGE_V2, fill(6))
            later = LogPoller(at.rpc, LogFilter((EXCHANGE_V2,)), LogFollower(resume), lambda: 0)
            assert told(await later.step()) == [("seen", 4), ("seen", 5), ("seen", 6)]

    asyncio.run(scenario())


def test_a_backlog_is_read_in_spans_that_providers_take(anvil: Anvil) -> None:
    async def scenario() -> None:
        place_emitter(anvil, EXCHANGE_V2)
        async with desk(anvil) as at:
            poll, _ = await poller(at)
            for order in range(40):
                emit(anvil, EXCHANGE_V2, fill(order))
            for front in at.fronts:
                front.most_blocks = 9
            seen: list[tuple[str, int]] = []
            for _ in range(40):
                polled = await poll.step()
                seen += told(polled)
                if polled.caught_up:
                    break
            assert seen == [("seen", order) for order in range(40)]

    asyncio.run(scenario())


def test_a_head_that_stands_still_is_reported_and_the_providers_compared(anvil: Anvil) -> None:
    async def scenario() -> None:
        now = [0]
        async with desk(anvil) as at:
            poll, _ = await poller(at, lambda: now[0])
            assert (await poll.step()).silence is None
            now[0] += SILENCE_NS
            assert (await poll.step()).silence is None
            now[0] += 1_000_000
            at.fronts[0].down = True  # it cannot be asked: the survey leaves it out
            silence = (await poll.step()).silence
            assert silence is not None
            assert (silence.stream, silence.silent_for_ms) == ("polygon.logs", 10_001)
            at.fronts[0].methods.clear()
            anvil.mine()
            assert (await poll.step()).silence is None
            assert at.fronts[0].methods == []

    asyncio.run(scenario())
