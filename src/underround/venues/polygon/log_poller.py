"""Following logs by asking for them.

Polling was chosen over ``eth_subscribe``: a dropped socket loses logs silently and has to be made
good by asking for them anyway, a socket cannot fail over between providers, and at a block every
1.75 s asking costs a second at most.  One ``step`` asks for the logs after the last processed
block, together with hashes that prove that they are of the chain we followed so far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from underround.model.errors import AnswerRefused, RequestRefused
from underround.model.events import StreamSilent
from underround.model.units import Nanos
from underround.venues.polygon.answers import Block, Log
from underround.venues.polygon.logs import LogChange, LogFollower, Mark, Watchdog
from underround.venues.polygon.messages import Ask, Result
from underround.venues.polygon.rpc import FIRST_SPAN, MOST_SPAN, LogFilter, Rpc
from underround.venues.polygon.spans import Span

STREAM: Final = "polygon.logs"
SILENCE_NS: Final = 10_000_000_000
"""Five blocks and more: then the providers are compared anew."""


class Polled(msgspec.Struct, frozen=True):
    """What one step brought."""

    changes: tuple[LogChange, ...]
    head: int
    caught_up: bool
    """Whether everything up to ``head`` is processed; else ask again at once."""
    silence: StreamSilent | None = None
    """The head has not moved for too long; the providers were compared anew."""


class LogPoller:
    """Asks a ``Rpc`` for the logs of a filter and tells a ``LogFollower``."""

    def __init__(
        self, rpc: Rpc, wanted: LogFilter, follower: LogFollower, clock: Callable[[], Nanos]
    ) -> None:
        """``clock`` returns Unix nanoseconds."""
        self._rpc = rpc
        self._wanted = wanted
        self._follower = follower
        self._clock = clock
        self._span = Span(FIRST_SPAN, MOST_SPAN)
        self._watchdog = Watchdog(SILENCE_NS, clock())

    async def step(self) -> Polled:
        """Ask once; return what changed.

        Raises what asking raises; nothing is lost then, the next step asks for the same blocks.
        """
        latest, final = await self._heads()
        now = self._clock()
        self._watchdog.head(latest.number, now)
        silent = self._watchdog.silent_ns(now)
        silence = None
        if silent is not None:
            silence = StreamSilent(STREAM, silent // 1_000_000)
            await self._rpc.survey()
        undone = await self._undo(latest)
        seen = await self._advance(latest)
        self._follower.finalized(final)
        reached = self._follower.last.number
        return Polled((*undone, *seen), int(latest.number), reached >= latest.number, silence)

    async def _heads(self) -> tuple[Block, int]:
        ask = "eth_getBlockByNumber"
        latest, final = await self._rpc.batch(
            (Ask(ask, ("latest", False)), Ask(ask, ("finalized", False)))
        )
        return latest.read(Block), int(final.read(Block).number)

    async def _undo(self, latest: Block) -> list[LogChange]:
        """Compare the newest processed block with the chain; on a difference find the fork."""
        last = self._follower.last
        if last.number > latest.number:
            return []  # a provider that is behind; the chain itself does not shrink
        if (await self._rpc.block(last.number)).hash == last.hash:
            return []
        marks = self._follower.marks()
        asks = [Ask("eth_getBlockByNumber", (hex(mark.number), False)) for mark in marks]
        answers = await self._rpc.batch(asks)
        hashes = {int(block.number): block.hash for block in map(_block, answers)}
        return self._follower.rewind(hashes)

    async def _advance(self, latest: Block) -> list[LogChange]:
        """Process one chunk after the last processed block."""
        first = self._follower.last.number + 1
        if first > latest.number:
            return []
        upto = min(latest.number, first + self._span.blocks - 1)
        try:
            logs, mark = await self._chunk(first, upto)
        except (RequestRefused, AnswerRefused):
            if not self._span.refused():
                raise
            return []
        self._span.worked()
        return self._follower.processed(mark, logs)

    async def _chunk(self, first: int, upto: int) -> tuple[tuple[Log, ...], Mark]:
        """Return the logs and the last block, which was the same before and after reading them.

        So the logs are of the chain that ends in this block, whatever happens to it later.
        """
        block = Ask("eth_getBlockByNumber", (hex(upto), False))
        logs = Ask("eth_getLogs", (self._wanted.between(first, upto),))
        before, told, after = await self._rpc.batch((block, logs, block))
        mark = before.read(Block)
        found = told.read(tuple[Log, ...])
        if after.read(Block).hash != mark.hash:
            raise AnswerRefused(f"block {upto} changed while its logs were read: ask again")
        in_order = sorted(found, key=lambda log: (log.block_number, log.log_index))
        return tuple(in_order), Mark(int(mark.number), mark.hash)


def _block(answer: Result) -> Block:
    return answer.read(Block)  # refused if the node lacks it: lacking is no proof of a fork
