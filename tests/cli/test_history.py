"""``underround history`` against a subgraph on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.venues.goldsky.subgraph import Subgraph, row
from tests.venues.scripted import scripted_host
from underround.cli.history import seconds
from underround.model.errors import ConfigError
from underround.venues.goldsky.hosts import ORDERBOOK_TARGET

DAY_S = 1_740_787_200
"""2025-03-01."""


@pytest.fixture
def subgraph() -> Iterator[str]:
    """Serve 2,500 fills of one second, and a few around it; return the address."""
    rows = [row(number, DAY_S + 5) for number in range(2_500)]
    rows += [row(number, DAY_S + number) for number in range(3_000, 3_010)]
    started: threading.Event = threading.Event()
    stop: list[object] = []
    told: list[str] = []

    async def serve() -> None:
        graph = Subgraph(rows)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with scripted_host({f"POST {ORDERBOOK_TARGET}": graph.answer}) as host:
            told.append(host.url)
            stop.append(lambda: loop.call_soon_threadsafe(ended.set))
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    yield told[0]
    end = stop[0]
    assert callable(end)
    end()
    thread.join(30)


def history(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run the command and return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "underround", "history", *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=folder, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout or done.stderr


def test_every_row_is_fetched_once_and_a_second_run_asks_for_nothing_more(
    subgraph: str, tmp_path: Path
) -> None:
    """More rows in a second than a page holds: none is lost, none comes twice."""
    asked = (
        "goldsky", "out", "--from", "2025-03-01", "--to", "2025-03-01T01:59:59Z",
        "--set", f"venues.goldsky={subgraph}", "--json",
    )  # fmt: skip
    first = json.loads(history(tmp_path, *asked))
    assert (first["trades"], first["first"], first["last"]) == (2_510, DAY_S, DAY_S + 7_199)
    chunks = sorted((tmp_path / "out" / "chunks").iterdir())
    written = [chunk.stat().st_mtime_ns for chunk in chunks]
    assert json.loads(history(tmp_path, *asked)) == first
    assert [chunk.stat().st_mtime_ns for chunk in chunks] == written


def test_a_subgraph_that_is_not_there_has_its_exit_code(tmp_path: Path) -> None:
    told = history(
        tmp_path, "goldsky", "out", "--from", "2025-03-01", "--to", "2025-03-01",
        "--set", "venues.goldsky=http://127.0.0.1:9", code=8,
    )  # fmt: skip
    assert "no connection" in told


@pytest.mark.parametrize(
    "text, whole_day, expected",
    [
        ("2025-03-01", False, DAY_S),
        ("2025-03-01", True, DAY_S + 86_399),
        ("2025-03-01T00:00Z", True, DAY_S),
        ("2025-03-01T01:00+01:00", False, DAY_S),
    ],
)
def test_a_time_is_utc_and_a_day_at_the_end_is_a_whole_day(
    text: str, *, whole_day: bool, expected: int
) -> None:
    assert seconds(text, "--to", whole_day=whole_day) == expected


def test_what_is_no_time_names_the_option() -> None:
    with pytest.raises(ConfigError, match="--from: 'yesterday' is no time"):
        seconds("yesterday", "--from")


def test_a_source_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    history(
        tmp_path, "goldsky", "out", "--from", "2025-03-01", "--to", "2025-03-01",
        "--set", "venues.goldsky=http://127.0.0.1:9", code=8,
    )  # fmt: skip
    assert not list(tmp_path.iterdir())
