"""Following a topic by asking: once when an answer is due, and in small steps until it is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

from underround.model.errors import NotThere, TryLater
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.signals import BlockSeen, ForecastTopic, StatedInference
from underround.model.units import Nanos
from underround.venues.allora.epochs import BlockClock, next_answer_ns
from underround.venues.transport.budget import ClockNs, Sleep

_LONGEST_NS: Final = 60 * NANOS_PER_SECOND
"""Between two requests while an answer is overdue or the node is away."""


class InferenceSource(Protocol):
    """What polling needs of ``AlloraRest``."""

    async def latest(self, topic: int, *, outlier_resistant: bool = False) -> StatedInference:
        """Return the newest inference."""

    async def newest_block(self) -> BlockSeen:
        """Return the newest block."""


async def inferences(
    source: InferenceSource,
    topic: ForecastTopic,
    clock: ClockNs,
    sleep: Sleep,
    *,
    outlier_resistant: bool = False,
) -> AsyncIterator[StatedInference]:
    """Yield each new inference of ``topic``, the present one first; ends only when closed.

    Nothing is yielded twice, nothing older than before.  ``TryLater`` is waited out, as long as the
    venue says or in steps that grow to a minute; every other error of ``source`` ends it.
    """
    blocks = BlockClock()
    nonce: int | None = None
    tries = 0
    while True:
        try:
            blocks.note(await source.newest_block())
            found = await source.latest(topic.id, outlier_resistant=outlier_resistant)
        except NotThere:
            pass
        except TryLater as error:
            tries += 1
            wait_ns = _step(tries, blocks)
            if error.retry_after_ms is not None:
                wait_ns = max(wait_ns, error.retry_after_ms * NANOS_PER_MS)
            await sleep(wait_ns / NANOS_PER_SECOND)
            continue
        else:
            if nonce is None or found.nonce > nonce:
                nonce, tries = found.nonce, 0
                yield found
        due_ns = None if nonce is None else next_answer_ns(topic, nonce, blocks)
        tries += 1
        wait_ns = max(_step(tries, blocks), 0 if due_ns is None else due_ns - clock())
        await sleep(wait_ns / NANOS_PER_SECOND)


def _step(tries: int, blocks: BlockClock) -> Nanos:
    """Return one block, then two, four … but never more than a minute."""
    return min(_LONGEST_NS, blocks.block_ns << min(tries - 1, 8))
