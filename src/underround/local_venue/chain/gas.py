"""What settlements cost: gas estimated before, and used."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from underround.simulation.matching.terms import MatchKind, TradeId

_KEPT: Final = 1_000


class GasRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One settlement on the chain."""

    trade: TradeId
    transaction: str
    kinds: tuple[MatchKind, ...]
    """Of each maker's part."""
    estimated: int | None
    """``None``: the node said that it would revert."""
    used: int
    reverted: bool


class GasBook:
    """The last settlements, and the sums of all of them."""

    def __init__(self) -> None:
        """Nothing was settled yet."""
        self.records: deque[GasRecord] = deque(maxlen=_KEPT)
        self.settlements = 0
        self.reverts = 0
        self.used = 0
        self.estimated = 0
        """Of those that did not revert, like ``used``."""

    def note(self, record: GasRecord) -> None:
        """Count a settlement."""
        self.records.append(record)
        if record.reverted:
            self.reverts += 1
            return
        self.settlements += 1
        self.used += record.used
        self.estimated += record.estimated or record.used
