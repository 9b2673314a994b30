"""When a topic's next answer is due: blocks against time.

Blocks come about every five seconds (5.0 to 5.6 s were measured), so that a topic of 60 blocks is
asked about every five minutes.  An answer is known a submission window after its nonce.
"""

from __future__ import annotations

from typing import Final

from underround.model.frames import NANOS_PER_SECOND
from underround.model.signals import BlockSeen, ForecastTopic
from underround.model.units import Nanos

BLOCK_NS: Final = 5 * NANOS_PER_SECOND
"""Assumed until it is measured."""
SUBMISSION_BLOCKS: Final = 12
"""Measured on topic 13 of the testnet; for topics that do not state their window."""

_FEWEST: Final = 20
"""Blocks between two sights before their distance says how long a block takes."""
_MOST: Final = 10_000
"""About half a day: older sights say little about now."""


class BlockClock:
    """Height ↔ time of one chain, from the blocks that were seen."""

    def __init__(self, block_ns: Nanos = BLOCK_NS) -> None:
        """Know nothing yet; a block takes ``block_ns`` until measured."""
        self._assumed_ns = block_ns
        self._oldest: BlockSeen | None = None
        self._newest: BlockSeen | None = None

    @property
    def newest(self) -> BlockSeen | None:
        """The highest block seen."""
        return self._newest

    @property
    def block_ns(self) -> Nanos:
        """How long a block takes, as far as it was measured."""
        oldest, newest = self._oldest, self._newest
        if oldest is None or newest is None or newest.height - oldest.height < _FEWEST:
            return self._assumed_ns
        return max(1, (newest.at_ns - oldest.at_ns) // (newest.height - oldest.height))

    def note(self, block: BlockSeen) -> None:
        """Take in a block; lower ones than the newest only widen the measure."""
        if self._newest is None or block.height > self._newest.height:
            self._newest = block
        if self._oldest is None or block.height < self._oldest.height:
            self._oldest = block
        if self._newest.height - self._oldest.height > _MOST:
            self._oldest = self._newest

    def time_of(self, height: int) -> Nanos | None:
        """Return when a block was or will be, counted from the newest; ``None``: none was seen."""
        newest = self._newest
        if newest is None:
            return None
        return newest.at_ns + (height - newest.height) * self.block_ns


def next_answer_ns(topic: ForecastTopic, nonce: int, blocks: BlockClock) -> Nanos | None:
    """Return when the answer after ``nonce`` should be known; ``None``: no block was seen yet."""
    window = topic.submission_blocks
    if window is None:
        window = SUBMISSION_BLOCKS
    return blocks.time_of(nonce + topic.epoch_blocks + window + 1)
