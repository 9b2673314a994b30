"""A history on disk: whole chunks, resumed where it stopped, and never another source's."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import run
from tests.venues.goldsky.subgraph import Subgraph, row
from tests.venues.scripted import scripted_host
from underround.model.errors import DiskError, RecordingCorrupt, RecordingError, Unreachable
from underround.pipeline.history import CHUNKS, MANIFEST, History, Progress, opened, read_manifest
from underround.pipeline.history_sources import GoldskyHistory
from underround.pipeline.ranges import joined, missing
from underround.venues.goldsky.hosts import LAST_S, ORDERBOOK_TARGET
from underround.venues.goldsky.rest import Goldsky
from underround.venues.polygon.exchange_logs import FilledOrder, Place, Trade, Trades
from underround.venues.polygon.quantities import Address, Hash
from underround.venues.transport.http import HttpClient

ANN, BEN = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)


def trade(block: int) -> Trade:
    """Make the one trade of a block."""
    maker = FilledOrder(
        place=Place(Hash(f"0x{block:064x}"), 1_790_000_000 + block, block, 0),
        exchange=None,
        order=Hash(f"0x{block:064x}"),
        owner=ANN,
        counterparty=BEN,
        side="buy",
        token=str(2**255 + block),
        collateral=500_000 + block,
        size=1_000_000 + block,
        fee=0,
        fee_in_shares=False,
    )
    return Trade(maker=maker, taker=BEN, taker_order=None, taker_side="sell", kind=None)


class Blocks:
    """A source with a trade in every even block; it can break at a block."""

    def __init__(self, newest: int = 10_000, name: str = "blocks") -> None:
        self.name = name
        self.unit: Literal["second", "block"] = "block"
        self.asked: list[tuple[int, int]] = []
        self.breaks_at: int | None = None
        self._newest = newest

    async def newest(self) -> int:
        return self._newest

    async def read(self, first: int, last: int) -> Trades:
        self.asked.append((first, last))
        if self.breaks_at is not None and first <= self.breaks_at <= last:
            raise Unreachable("blocks: no connection: try again")
        even = [block for block in range(first, last + 1) if block % 2 == 0]
        return Trades(tuple(trade(block) for block in even), {"dust": 1})


def fetch(folder: Path, source: Blocks, first: int, last: int, step: int = 10) -> History:
    async def scenario() -> History:
        async with opened(folder, source) as history:
            await history.fetch(source, first, last, step=step)
            return history

    return run(scenario())


def blocks_of(history: History) -> list[int]:
    return history.read()["block"].to_list()


def test_a_history_holds_what_the_source_told_with_exact_amounts(tmp_path: Path) -> None:
    history = fetch(tmp_path / "h", Blocks(), 3, 27)
    assert blocks_of(history) == list(range(4, 28, 2))
    table = history.read()
    assert table["collateral"].to_list() == [500_000 + block for block in range(4, 28, 2)]
    assert table["token"][0] == str(2**255 + 4)
    assert table["taker_order"].null_count() == len(table)
    assert history.manifest.covered() == [(3, 27)]
    assert sum(chunk.left_out["dust"] for chunk in history.manifest.chunks) == 3


def test_what_is_covered_is_not_read_again(tmp_path: Path) -> None:
    source = Blocks()
    fetch(tmp_path / "h", source, 0, 19)
    source.asked.clear()
    history = fetch(tmp_path / "h", source, 5, 35)
    assert source.asked == [(20, 29), (30, 35)]
    assert blocks_of(history) == list(range(0, 36, 2))
    history = fetch(tmp_path / "h", source, 30, 45)
    assert source.asked[2:] == [(36, 39), (40, 45)]
    assert history.manifest.covered() == [(0, 45)]


def test_a_broken_fetch_keeps_its_finished_chunks_and_goes_on(tmp_path: Path) -> None:
    source = Blocks()
    source.breaks_at = 25
    with pytest.raises(Unreachable):
        fetch(tmp_path / "h", source, 0, 49)
    assert read_manifest(tmp_path / "h").covered() == [(0, 19)]
    source.breaks_at = None
    source.asked.clear()
    history = fetch(tmp_path / "h", source, 0, 49)
    assert source.asked[0] == (20, 29)
    assert blocks_of(history) == list(range(0, 50, 2))


def test_a_range_ends_where_the_source_ends(tmp_path: Path) -> None:
    history = fetch(tmp_path / "h", Blocks(newest=13), 0, 1_000)
    assert history.manifest.covered() == [(0, 13)]
    assert fetch(tmp_path / "h", Blocks(newest=13), 500, 1_000).manifest.covered() == [(0, 13)]


def test_a_chunk_that_no_manifest_names_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "h"
    fetch(folder, Blocks(), 0, 9)
    stray = folder / CHUNKS / "000000000010-000000000019.parquet"
    stray.write_bytes(b"half of a chunk")
    (folder / CHUNKS / "x.parquet.tmp").write_bytes(b"")
    history = fetch(folder, Blocks(), 0, 19)
    assert blocks_of(history) == list(range(0, 20, 2))
    assert sorted(path.name for path in (folder / CHUNKS).iterdir()) == [
        "000000000000-000000000009.parquet",
        "000000000010-000000000019.parquet",
    ]


@pytest.mark.parametrize("victim", ["manifest", "chunk"])
def test_a_write_that_fails_leaves_what_was_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    folder = tmp_path / "h"
    fetch(folder, Blocks(), 0, 9)
    name = "history.json" if victim == "manifest" else ".parquet"
    true_replace = os.replace

    def full(source: Path, target: Path) -> None:
        if str(target).endswith(name):
            raise OSError(28, "No space left on device")
        true_replace(source, target)

    with monkeypatch.context() as broken:
        broken.setattr("os.replace", full)
        with pytest.raises(DiskError, match="the disk is full"):
            fetch(folder, Blocks(), 0, 19)
    assert read_manifest(folder).covered() == [(0, 9)]
    assert blocks_of(fetch(folder, Blocks(), 0, 19)) == list(range(0, 20, 2))


def test_a_folder_keeps_one_source(tmp_path: Path) -> None:
    fetch(tmp_path / "h", Blocks(), 0, 9)
    with pytest.raises(RecordingError, match="holds the history of blocks, not of others"):
        fetch(tmp_path / "h", Blocks(name="others"), 0, 9)


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        source = Blocks()
        async with opened(tmp_path / "h", source):
            with pytest.raises(RecordingError, match="written by a running process"):
                async with opened(tmp_path / "h", source):
                    pass

    run(scenario())
    fetch(tmp_path / "h", Blocks(), 0, 9)


def test_damage_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "h"
    history = fetch(folder, Blocks(), 0, 9)
    path = folder / history.manifest.chunks[0].file
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(RecordingCorrupt, match="is not what history"):
        history.read()
    path.unlink()
    with pytest.raises(RecordingCorrupt, match="cannot be read"):
        history.read()
    (folder / MANIFEST).write_text("{")
    with pytest.raises(RecordingCorrupt, match="unreadable"):
        read_manifest(folder)
    (folder / MANIFEST).write_text(json.dumps({"format": 2, "source": "x", "unit": "block"}))
    with pytest.raises(RecordingError, match="has format 2"):
        read_manifest(folder)


def test_progress_is_told_after_each_chunk(tmp_path: Path) -> None:
    told: list[Progress] = []

    async def scenario() -> None:
        source = Blocks()
        async with opened(tmp_path / "h", source) as history:
            await history.fetch(source, 0, 24, step=10, progress=told.append)

    run(scenario())
    assert [(one.done, one.of, one.chunk.trades) for one in told] == [
        (10, 25, 5),
        (20, 25, 5),
        (25, 25, 3),
    ]


def test_a_range_without_trades_is_covered_without_a_file(tmp_path: Path) -> None:
    history = fetch(tmp_path / "h", Blocks(), 3, 3)
    assert history.manifest.covered() == [(3, 3)]
    assert list((tmp_path / "h" / CHUNKS).iterdir()) == []
    assert history.read().schema == pl.DataFrame(schema=history.read().schema).schema
    assert len(history.read()) == 0


def test_the_subgraph_s_history_ends_with_the_first_exchanges(tmp_path: Path) -> None:
    rows = [row(number, LAST_S - 20 + number // 3) for number in range(60)]
    subgraph = Subgraph(rows)

    async def scenario() -> pl.DataFrame:
        async with (
            scripted_host({f"POST {ORDERBOOK_TARGET}": subgraph.answer}) as host,
            HttpClient(host.url) as client,
        ):
            source = GoldskyHistory(Goldsky(client, page=7))
            async with opened(tmp_path / "h", source) as history:
                last = await history.fetch(source, LAST_S - 30, LAST_S + 1_000, step=4)
                assert last == LAST_S
                return history.read()

    table = run(scenario())
    assert sorted(table["maker_order"].to_list()) == sorted(one["orderHash"] for one in rows)
    assert table["at_s"].is_sorted()
    assert table["block"].null_count() == 60


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda r: (r[0], sum(r))))


@given(RANGES, st.integers(0, 30), st.integers(0, 30))
def test_missing_and_covered_are_everything_and_share_nothing(
    covered: list[tuple[int, int]], first: int, more: int
) -> None:
    last = first + more
    inside = {at for a, b in covered for at in range(a, b + 1)}
    found = list(missing(covered, first, last))
    gaps = [at for a, b in found for at in range(a, b + 1)]
    assert gaps == [at for at in range(first, last + 1) if at not in inside]
    assert joined(found) == found
    whole = joined(covered)
    assert {at for a, b in whole for at in range(a, b + 1)} == inside
    assert all(after[0] > before[1] + 1 for before, after in pairwise(whole))
