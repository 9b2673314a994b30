"""Kalshi's two lists of bids → one book in YES terms; price bands; times of its messages."""

from __future__ import annotations

from collections.abc import Iterable

from underround.model.book import Level
from underround.model.frames import NANOS_PER_MS
from underround.model.market import TickBand, TickEpoch
from underround.model.units import ONE, Nanos, Price, parse_price
from underround.venues.codec import PriceTexts, SizeTexts, iso_nanos, unix_nanos
from underround.venues.kalshi.wire import Band, Pair


def book_levels(
    yes: list[Pair],
    no: list[Pair],
    paths: tuple[str, str],
    prices: PriceTexts,
    sizes: SizeTexts,
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Return bids (ascending) and asks (descending) of YES: best last on both sides.

    Raises ``ValueError`` naming the path for levels out of order, doubled, outside 0 … 1, of size
    0, and for a crossed book.
    """
    bids = _bids(yes, paths[0], prices, sizes)
    no_bids = _bids(no, paths[1], prices, sizes)
    asks = tuple((ONE - price, size) for price, size in no_bids)
    if bids and asks and bids[-1][0] >= asks[-1][0]:
        raise ValueError(f"the book is crossed: YES bid {yes[-1][0]} meets NO bid {no[-1][0]}")
    return bids, asks


def _bids(pairs: list[Pair], path: str, prices: PriceTexts, sizes: SizeTexts) -> tuple[Level, ...]:
    levels: list[Level] = []
    last = -1
    for place, (price_text, size_text) in enumerate(pairs):
        try:
            price, size = prices[price_text], sizes[size_text]
        except ValueError as error:
            raise ValueError(f"{error} - at `${path}[{place}]`") from None
        if price <= last:
            known = any(price == other for other, _ in levels)
            fault = "is listed twice" if known else "is out of order"
            raise ValueError(f"price {price_text} {fault} - at `${path}[{place}]`")
        if not size:
            raise ValueError(f"a resting level of size 0 - at `${path}[{place}]`")
        levels.append((price, size))
        last = price
    return tuple(levels)


def message_nanos(ts_ms: int | None, ts: int | str | None) -> Nanos:
    """Return a message's time: ``ts_ms``, or the older ``ts`` (Unix seconds, or ISO text).

    Raises ``ValueError`` when it has neither.
    """
    if ts_ms is not None:
        if not 10**12 <= ts_ms < 10**13:
            raise ValueError(f"ts_ms {ts_ms} is not Unix milliseconds - at `$.msg.ts_ms`")
        return ts_ms * NANOS_PER_MS
    if ts is None:
        raise ValueError("no time: neither ts_ms nor ts - at `$.msg`")
    return iso_nanos(ts) if isinstance(ts, str) else unix_nanos(ts)


def tick_epoch(bands: Iterable[Band], since_ns: Nanos, path: str = "price_ranges") -> TickEpoch:
    """Return ``price_ranges`` as a price grid; raises ``ValueError`` naming the path.

    Steps that leave a hole, or no common finest step, are no grid either.
    """
    return TickEpoch(
        since_ns,
        tuple(
            TickBand(
                _price(band.start, f"{path}[{place}].start"),
                _price(band.end, f"{path}[{place}].end"),
                _price(band.step, f"{path}[{place}].step"),
            )
            for place, band in enumerate(bands)
        ),
    )


def _price(text: str, path: str) -> Price:
    try:
        return parse_price(text)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.{path}`") from None
