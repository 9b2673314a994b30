"""Where the history of Polymarket's trades is read: Goldsky up to 2026-04-28, the chain since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from underround.model.errors import FrameRefused
from underround.venues.goldsky.answers import Row
from underround.venues.goldsky.hosts import LAST_S
from underround.venues.goldsky.rest import Goldsky
from underround.venues.goldsky.trades import trades as goldsky_trades
from underround.venues.polygon.answers import Block, Log
from underround.venues.polygon.contracts import EXCHANGES
from underround.venues.polygon.exchange_logs import FILL_TOPICS, FilledOrder, Trades, filled_order
from underround.venues.polygon.exchange_logs import trades as chain_trades
from underround.venues.polygon.messages import Ask
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.rpc import FIRST_SPAN, MOST_SPAN, LogFilter, Rpc
from underround.venues.polygon.spans import Span

IMPOSSIBLE: Final = "impossible log"


class GoldskyHistory:
    """The first exchanges' trades, by Unix second."""

    name: Final = "goldsky.orderFilledEvents"
    unit: Final[Literal["second", "block"]] = "second"

    def __init__(self, goldsky: Goldsky) -> None:
        self._goldsky = goldsky

    async def newest(self) -> int:
        """Return the last second of the first exchanges; it will never be later."""
        return LAST_S

    async def read(self, first: int, last: int) -> Trades:
        """See ``HistorySource``."""
        rows: list[Row] = []
        async for page in self._goldsky.rows(first, last):
            rows += page
        return goldsky_trades(rows)


class ChainHistory:
    """The trades of exchanges by block, from their logs; only final blocks."""

    unit: Final[Literal["second", "block"]] = "block"

    def __init__(self, rpc: Rpc, exchanges: Sequence[Address] = EXCHANGES) -> None:
        self._rpc = rpc
        self._filter = LogFilter(tuple(exchanges), FILL_TOPICS)
        self._span = Span(FIRST_SPAN, MOST_SPAN)
        self.name = "polygon.OrderFilled:" + ",".join(sorted(exchanges))

    async def newest(self) -> int:
        """Return the number of the newest final block."""
        return int((await self._rpc.block("finalized")).number)

    async def read(self, first: int, last: int) -> Trades:
        """See ``HistorySource``."""
        logs: list[Log] = []
        async for chunk in self._rpc.logs(self._filter, first, last, span=self._span):
            logs += chunk.logs
        times = await self._times(logs)
        fills: list[FilledOrder] = []
        refused: Counter[str] = Counter()
        for log in logs:
            try:
                fills.append(filled_order(log, times[log.block_number]))
            except FrameRefused:
                refused[IMPOSSIBLE] += 1
        told = chain_trades(fills)
        return Trades(told.trades, {**told.left_out, **refused})

    async def _times(self, logs: Sequence[Log]) -> dict[int, int]:
        """Return the time of each log's block: from the log where it says so, else asked."""
        times = {
            int(log.block_number): int(log.block_timestamp)
            for log in logs
            if log.block_timestamp is not None
        }
        unknown = sorted({int(log.block_number) for log in logs} - times.keys())
        if unknown:
            asks = [Ask("eth_getBlockByNumber", (hex(number), False)) for number in unknown]
            blocks = [answer.read(Block) for answer in await self._rpc.batch(asks)]
            times |= {int(block.number): int(block.timestamp) for block in blocks}
        return times
