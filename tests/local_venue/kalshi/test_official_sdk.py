"""Kalshi's own TypeScript SDK, unmodified, works against the local venue."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.local_venue.kalshi.stand import COIN, EVENT, GAME, OTHER, Stand, served
from underround.local_venue.clock import RunningClock
from underround.local_venue.pump import pump
from underround.model.units import usd

ROOT = Path(__file__).resolve().parents[3]
JUDGE = ROOT / "tests" / "oracles" / "kalshi"


@pytest.fixture(scope="module")
def judge() -> Path:
    subprocess.run([ROOT / ".ci" / "need-kalshi-sdk"], check=True)
    return JUDGE / "judge.js"


async def _judged(judge: Path) -> tuple[Stand, list[str]]:
    clock = RunningClock()
    async with served(Stand(clock)) as stand:
        stand.world.kalshi.settlement_timer_ns = 10**8
        alice, bob = stand.member("alice", "rsa"), stand.member("bob", "rsa")
        given = {
            "basePath": f"{stand.rest}/trade-api/v2",
            "game": GAME,
            "other": OTHER,
            "coin": COIN,
            "event": EVENT,
            "series": "KXNCAAFGAME",
            "alice": {"key_id": alice.key_id, "private_key": alice.private_key},
            "bob": {"key_id": bob.key_id, "private_key": bob.private_key},
        }
        running = asyncio.create_task(pump(stand.world, clock))
        process = await asyncio.create_subprocess_exec(
            "node",
            judge,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.stdin.write(json.dumps(given).encode())
            process.stdin.close()
            steps: list[str] = []
            while line := await process.stdout.readline():
                if line == b"resolve\n":
                    stand.end(GAME, "1")
                else:
                    steps = json.loads(line)
            said = await process.stderr.read()
            assert await process.wait() == 0, said.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            running.cancel()
        return stand, steps


def test_the_sdk_trades_amends_groups_transfers_and_is_paid_and_every_balance_is_right(
    judge: Path,
) -> None:
    stand, steps = asyncio.run(_judged(judge))
    assert steps == [
        "catalogue",
        "place and cancel",
        "trade",
        "batches",
        "amend and decrease",
        "close the position",
        "groups and limits",
        "shards",
        "keys",
        "settlement",
    ]
    money = stand.world.kalshi.money
    assert money.total() == usd("204000")
    held = [each.contracts for of in money.positions.values() for each in of.values()]
    assert sum(held) == 0
