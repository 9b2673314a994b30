"""Old trades of Polymarket, fetched into a folder: from the subgraph, or from the chain itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from underround.app.clients import Clients
from underround.model.errors import ConfigError
from underround.pipeline.history import MANIFEST, HistorySource, Progress, opened
from underround.pipeline.history_sources import ChainHistory, GoldskyHistory
from underround.venues.goldsky.hosts import LAST_S
from underround.venues.goldsky.rest import Goldsky
from underround.venues.polygon.rpc import Rpc

SourceName: TypeAlias = Literal["goldsky", "chain"]
_STEPS: Final[dict[SourceName, int]] = {"goldsky": 3_600, "chain": 2_000}
"""Seconds or blocks in one file."""


class Fetched(msgspec.Struct, frozen=True):
    """What a fetch left in its folder."""

    folder: str
    source: str
    unit: str
    first: int
    last: int
    """The last second or block covered; less than asked where the source ends."""
    trades: int
    """Of the whole folder."""
    left_out: dict[str, int]
    """Rows that are no trades of their own, by reason."""


async def fetch_history(
    clients: Clients,
    source: SourceName,
    folder: Path,
    first_s: int,
    last_s: int,
    progress: Callable[[Progress], None],
) -> Fetched:
    """Fetch the trades of the Unix seconds ``first_s`` … ``last_s`` into ``folder``.

    Continues where an earlier fetch of the same source stopped.  Raises ``ConfigError`` for times
    the source cannot have, and what asking and writing raise; finished files stay.
    """
    if last_s < first_s:
        raise ConfigError("--to is before --from: exchange them")
    if source == "goldsky" and first_s > LAST_S:
        raise ConfigError(
            "the subgraph ends on 2026-04-28, when its contracts were replaced: use 'chain'"
        )
    async with (
        _source(clients, source, folder, first_s, last_s) as (read, first, last),
        opened(folder, read) as history,
    ):
        until = await history.fetch(read, first, last, step=_STEPS[source], progress=progress)
        chunks = history.manifest.chunks
    left_out: Counter[str] = Counter()
    for chunk in chunks:
        left_out.update(chunk.left_out)
    trades = sum(chunk.trades for chunk in chunks)
    return Fetched(str(folder), read.name, read.unit, first, until, trades, dict(left_out))


@asynccontextmanager
async def _source(
    clients: Clients, source: SourceName, folder: Path, first_s: int, last_s: int
) -> AsyncIterator[tuple[HistorySource, int, int]]:
    """Give the source once it has answered: a source that is not there leaves no folder."""
    if source == "goldsky":
        goldsky = Goldsky(clients.http(clients.access.goldsky))
        if not (folder / MANIFEST).exists():
            await _answers(goldsky, first_s)
        yield GoldskyHistory(goldsky), first_s, last_s
        return
    rpc = clients.polygon()
    await rpc.start()
    # The first block of a second, and the last one before the next.
    first = await block_at(rpc, first_s)
    last = await block_at(rpc, last_s + 1) - 1
    yield ChainHistory(rpc), first, last


async def _answers(goldsky: Goldsky, at_s: int) -> None:
    """Raise what asking raises; one second is enough to know."""
    async for _ in goldsky.rows(at_s, at_s):
        pass


async def block_at(rpc: Rpc, at_s: int) -> int:
    """Return the first final block of time ``at_s`` or later; the one after the newest if none."""
    newest = await rpc.block("finalized")
    low, high = 0, int(newest.number) + 1
    if int(newest.timestamp) < at_s:
        return high
    while low < high:
        middle = (low + high) // 2
        if int((await rpc.block(middle)).timestamp) < at_s:
            low = middle + 1
        else:
            high = middle
    return low
