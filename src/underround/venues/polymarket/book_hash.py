"""The hash Polymarket puts on its books, computed from ours.

SHA-1 of the compact JSON of ``market, asset_id, timestamp, hash, bids, asks, min_order_size,
tick_size, neg_risk, last_trade_price`` in this order with an empty ``hash``, and ``version`` last
where the venue has one; bids ascend, asks descend; prices and sizes in their shortest text.  The
rule was recovered from and checked on recorded books (docs/venues/polymarket.md).

``price_change`` frames carry the hash of the book after *all* changes of their timestamp: verify
when the timestamp advances, not frame by frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha1
from itertools import compress
from typing import Final

from underround.model.book import Book, Level
from underround.model.events import BookSnapshot, HashInputs
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import YES
from underround.model.market import Market
from underround.model.units import ONE, Price, Size, decimal_text

_REMEMBERED: Final = 1 << 16


class _SizeEnds(dict[Size, str]):
    """Size → the end of its level's JSON, remembered."""

    def __missing__(self, size: Size) -> str:
        end = f'{decimal_text(size)}"}}'
        if len(self) >= _REMEMBERED:
            self.clear()
        self[size] = end
        return end


_SIZE_ENDS: Final = _SizeEnds()


@lru_cache(maxsize=32)
def _price_starts(step: Price) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the starts of the levels' JSON by grid index: as YES prices and as NO prices."""
    prices = range(0, ONE + 1, step)
    yes = tuple(f',{{"price":"{decimal_text(price)}","size":"' for price in prices)
    return yes, yes[::-1]


def _levels_json(starts: Iterable[str], sizes: list[Size]) -> str:
    """Return the levels of non-zero size as JSON without brackets; all loops are in C."""
    ends = list(map(_SIZE_ENDS.__getitem__, filter(None, sizes)))
    parts = [""] * (2 * len(ends))
    parts[0::2] = compress(starts, sizes)
    parts[1::2] = ends
    return "".join(parts)[1:]


def book_hash(
    market: Market, book: Book, outcome: int, timestamp_ms: int, inputs: HashInputs
) -> str:
    """Return the hash (40 hex digits) the venue would put on ``outcome``'s book now.

    Reads the raw levels, not what simulated fills left.  ``min_order_size`` and ``neg_risk`` come
    from ``market`` where ``inputs`` has ``None`` (the stream leaves them out).
    """
    starts = _price_starts(book.step)[0 if outcome == YES else 1]
    bid, ask, top = book.bid, book.ask, book.top
    bids = _levels_json(starts[1 : bid + 1], book.bids[1 : bid + 1])
    asks = _levels_json(starts[top - 1 : ask - 1 : -1], book.asks[top - 1 : ask - 1 : -1])
    if outcome == YES:
        return _digest(market, outcome, timestamp_ms, bids, asks, inputs)
    return _digest(market, outcome, timestamp_ms, asks, bids, inputs)


def snapshot_hash(snapshot: BookSnapshot, market: Market) -> str | None:
    """Return the hash of a snapshot by its own levels, in their order.

    ``None`` when the snapshot says too little to compute it (old schemas): unverifiable.
    """
    inputs, at_ns = snapshot.hash_inputs, snapshot.at_ns
    if inputs is None or at_ns is None:
        return None
    bids, asks = _listed_json(snapshot.bids), _listed_json(snapshot.asks)
    return _digest(market, snapshot.outcome, at_ns // NANOS_PER_MS, bids, asks, inputs)


def _listed_json(levels: Iterable[Level]) -> str:
    return ",".join(
        [f'{{"price":"{decimal_text(price)}","size":"{_SIZE_ENDS[size]}' for price, size in levels]
    )


def _digest(
    market: Market, outcome: int, timestamp_ms: int, bids: str, asks: str, inputs: HashInputs
) -> str:
    smallest = inputs.min_order_size
    if smallest is None:
        smallest = decimal_text(market.min_size)
    neg_risk = market.neg_risk if inputs.neg_risk is None else inputs.neg_risk
    version = "" if inputs.version is None else f',"version":"{inputs.version}"'
    text = (
        f'{{"market":"{market.id.native}","asset_id":"{market.tokens[outcome]}",'
        f'"timestamp":"{timestamp_ms}","hash":"","bids":[{bids}],"asks":[{asks}],'
        f'"min_order_size":"{smallest}","tick_size":"{inputs.tick_size}",'
        f'"neg_risk":{"true" if neg_risk else "false"},'
        f'"last_trade_price":"{inputs.last_trade_price}"{version}}}'
    )
    return sha1(text.encode(), usedforsecurity=False).hexdigest()
