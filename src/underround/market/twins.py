"""Do the two outcomes of a market tell the same story?

Where a stream tells each outcome in frames of its own and no other proof is complete, both are kept
apart here and compared when the market has been quiet: a YES bid at p is a NO ask at 1 − p, so
after a lost frame one of the two has a level the other has not, until that level is touched again.
The venue tells them a moment apart, so nothing is compared while messages keep coming.
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.events import BookSnapshot, LevelsChanged
from underround.model.ids import MarketId
from underround.model.units import ONE, Nanos, Price, Size

QUIET_NS: Final = 1_000_000_000

_Levels = dict[tuple[bool, Price], Size]


class TwinCounters(msgspec.Struct):
    """What comparing found in one market."""

    compared: int = 0
    agreed: int = 0
    differing_levels: int = 0
    """Levels on which the outcomes disagree, each disagreement counted once."""
    first_ns: Nanos | None = None
    """Venue time of the first disagreement."""


class _Twins:
    __slots__ = ("counters", "known", "levels", "seen_ns")

    def __init__(self) -> None:
        self.counters = TwinCounters()
        self.levels: tuple[_Levels | None, _Levels | None] = (None, None)
        self.seen_ns: Nanos = 0
        self.known: frozenset[tuple[bool, Price]] = frozenset()


class TwinCheck:
    """Compares the outcomes of every market it is told about."""

    def __init__(self) -> None:
        """Start without markets."""
        self._twins: dict[MarketId, _Twins] = {}

    @property
    def counters(self) -> dict[MarketId, TwinCounters]:
        """What was found so far, by market."""
        return {market: twins.counters for market, twins in self._twins.items()}

    def note(self, event: LevelsChanged | BookSnapshot) -> None:
        """Take one message in, after comparing what was there if it had become quiet."""
        twins = self._twins.setdefault(event.market, _Twins())
        at_ns = event.at_ns or twins.seen_ns
        if at_ns - twins.seen_ns >= QUIET_NS:
            _compare(twins)
        twins.seen_ns = max(twins.seen_ns, at_ns)
        if isinstance(event, BookSnapshot):
            levels: _Levels = {
                (side_is_bid == (event.outcome == 0), _yes(event.outcome, price)): size
                for side_is_bid, side in ((True, event.bids), (False, event.asks))
                for price, size in side
            }
            twins.levels = (
                (levels, twins.levels[1]) if event.outcome == 0 else (twins.levels[0], levels)
            )
            return
        for change in event.changes:
            told = twins.levels[change.outcome]
            if told is not None:
                bid = (change.side == "buy") == (change.outcome == 0)
                key = (bid, _yes(change.outcome, change.price))
                if change.size:
                    told[key] = change.size
                else:
                    told.pop(key, None)

    def finish(self) -> None:
        """Compare what is there at the end."""
        for twins in self._twins.values():
            _compare(twins)


def _yes(outcome: int, price: Price) -> Price:
    return price if outcome == 0 else ONE - price


def _compare(twins: _Twins) -> None:
    yes, no = twins.levels
    if yes is None or no is None:
        return
    counters = twins.counters
    counters.compared += 1
    differing = frozenset(
        key for key in yes.keys() | no.keys() if yes.get(key, 0) != no.get(key, 0)
    )
    if not differing:
        counters.agreed += 1
    fresh = differing - twins.known
    if fresh:
        counters.differing_levels += len(fresh)
        counters.first_ns = counters.first_ns or twins.seen_ns
    twins.known = differing
