"""Fills of the subgraph as trades.  Pure.

The subgraph keeps neither the order of logs nor the exchange, so the taker's own row of a match is
found by its owner within the transaction, and only believed if there is exactly one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from underround.model.errors import AnswerRefused, FrameRefused
from underround.venues.goldsky.answers import Row, filled_order
from underround.venues.polygon.exchange_logs import (
    DUST,
    OWN_ROW,
    FilledOrder,
    Trade,
    Trades,
    matched,
    met,
)

IMPOSSIBLE = "impossible row"


def trades(rows: Iterable[Row]) -> Trades:
    """Return the trades in ``rows``, in their order; all rows of a transaction must be there.

    Drops the takers' own rows, dust, and rows that say the impossible; each is counted.
    """
    left_out: Counter[str] = Counter()
    by_transaction: dict[str, list[FilledOrder]] = {}
    for row in rows:
        try:
            fill = filled_order(row)
        except (AnswerRefused, FrameRefused):
            left_out[IMPOSSIBLE] += 1
            continue
        by_transaction.setdefault(fill.place.transaction, []).append(fill)
    found: list[Trade] = []
    for fills in by_transaction.values():
        found += _of_transaction(fills, left_out)
    return Trades(tuple(found), dict(left_out))


def _of_transaction(fills: list[FilledOrder], left_out: Counter[str]) -> list[Trade]:
    takers = [fill for fill in fills if fill.closes_match]
    makers = [fill for fill in fills if not fill.closes_match and not fill.is_dust]
    left_out[OWN_ROW] += len(takers)
    left_out[DUST] += len(fills) - len(takers) - len(makers)
    found: list[Trade] = []
    for owner in dict.fromkeys(maker.counterparty for maker in makers):
        own = [maker for maker in makers if maker.counterparty == owner]
        possible = [taker for taker in takers if met(own[0], taker)]
        found += matched(own, possible[0] if len(possible) == 1 else None)
    return found
