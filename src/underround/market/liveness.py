"""How alive each book is, as every surface shows it.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from underround.market.trust import TrackedBook
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import MarketId
from underround.model.units import Nanos


class MarketLiveness(msgspec.Struct, frozen=True, kw_only=True):
    """One followed market's book at a moment."""

    market: MarketId
    stream: str | None
    """The stream that feeds it; ``None`` before anything was heard."""
    trusted: bool
    doubt: str
    """Why it is not trusted; empty while it is."""
    age_ms: int | None
    """Since the last message about this book was applied; ``None`` before the first."""
    applied: int = 0
    invalid: int = 0
    """Messages that contradicted the book or its proof, and gaps."""
    resyncs: Mapping[str, int] = {}
    """How often it had to be asked for, by the doubt behind it."""


def liveness(
    market: MarketId, tracked: TrackedBook | None, resyncs: Mapping[str, int], now: Nanos
) -> MarketLiveness:
    """Return the liveness of a market's book; ``tracked`` is ``None`` before it was heard of."""
    if tracked is None:
        return MarketLiveness(
            market=market, stream=None, trusted=False, doubt="never stated", age_ms=None,
            resyncs=resyncs,
        )  # fmt: skip
    counters = tracked.counters
    heard = tracked.heard_ns
    return MarketLiveness(
        market=market,
        stream=tracked.feed.name,
        trusted=tracked.trusted,
        doubt="" if tracked.trusted else tracked.last_doubt,
        age_ms=max(0, now - heard) // NANOS_PER_MS if heard else None,
        applied=counters.applied,
        invalid=counters.mismatched + counters.gaps,
        resyncs=dict(resyncs),
    )
