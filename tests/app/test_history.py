"""Where a time is on the chain, and what may be asked of which source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import run
from underround.app.access import VenueAccess
from underround.app.clients import Clients
from underround.app.history import block_at, fetch_history
from underround.model.errors import ConfigError
from underround.venues.polygon.rpc import Rpc
from underround.venues.transport.http import Reply


class Chain:
    """A node that knows the times of blocks."""

    def __init__(self, times: list[int]) -> None:
        self.times = times
        self.asked = 0

    async def send(self, method: str, target: str, **options: Any) -> Reply:
        del method, target
        asks = json.loads(options["body"])
        self.asked += 1
        rows = asks if isinstance(asks, list) else [asks]
        answers = [{"jsonrpc": "2.0", "id": row["id"], "result": self._of(row)} for row in rows]
        body = json.dumps(answers if isinstance(asks, list) else answers[0]).encode()
        return Reply(200, {}, body)

    def _of(self, ask: dict[str, Any]) -> object:
        if ask["method"] == "eth_chainId":
            return "0x89"
        tag = ask["params"][0]
        number = int(tag, 16) if tag.startswith("0x") else len(self.times) - 1
        return {
            "number": hex(number),
            "hash": f"0x{number:064x}",
            "parentHash": f"0x{max(number - 1, 0):064x}",
            "timestamp": hex(self.times[number]),
            "baseFeePerGas": "0x1",
        }


@given(steps=st.lists(st.integers(0, 5), min_size=1, max_size=60), asked=st.integers(-3, 320))
def test_the_block_of_a_time_is_the_first_one_not_before_it(steps: list[int], asked: int) -> None:
    """Blocks may share a second; a time after the newest block gives the one after it."""
    times, at = [], 1_000
    for step in steps:
        at += step
        times.append(at)
    wanted = 1_000 + asked

    async def main() -> int:
        rpc = Rpc([Chain(times)])
        await rpc.start()
        return await block_at(rpc, wanted)

    expected = next((place for place, time in enumerate(times) if time >= wanted), len(times))
    assert run(main()) == expected


def refused(source: Any, first_s: int, last_s: int, folder: Path) -> str:
    """Return why a range is refused."""

    async def main() -> None:
        async with Clients(VenueAccess()) as clients:
            await fetch_history(clients, source, folder, first_s, last_s, lambda _: None)

    with pytest.raises(ConfigError) as caught:
        run(main())
    return str(caught.value)


def test_a_range_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    assert "exchange them" in refused("chain", 10, 9, tmp_path / "h")


def test_the_subgraph_is_not_asked_for_what_it_cannot_have(tmp_path: Path) -> None:
    told = refused("goldsky", 1_790_000_000, 1_790_000_001, tmp_path / "h")
    assert "use 'chain'" in told
    assert not (tmp_path / "h").exists()
