"""``/v2/prices-history``: what shares were worth, from the prints of trades."""

from __future__ import annotations

from typing import Any, Final

from underround.local_venue.polymarket.data.query import DataQuery, DataRefused
from underround.local_venue.polymarket.data.rows import Row
from underround.local_venue.polymarket.gamma.figures import Figures, Point
from underround.local_venue.polymarket.gamma.text import number
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import YES, MarketId
from underround.model.units import ONE, Nanos

_DAY_S: Final = 86_400
_LONGEST_S: Final = 15 * _DAY_S
_INTERVALS: Final = {
    "1h": 3_600,
    "6h": 6 * 3_600,
    "1d": _DAY_S,
    "1w": 7 * _DAY_S,
    "1m": 30 * _DAY_S,
    "all": 0,
    "max": 0,
}
_BUCKETS: Final = {"1m": 600, "all": 600, "max": 600, "1w": 300}
_MOST: Final = 10_000
_FINEST_S: Final = 60


def history(
    world: World, figures: Figures, query: DataQuery, now: Nanos
) -> tuple[list[Row], dict[str, Any]]:
    """Return a page of a token's prices, oldest first."""
    token = query.word("token_id")
    if token is None:
        raise DataRefused("required query param 'token_id' not provided", "token_id")
    asked = [name for name in ("interval", "start", "as_of") if query.word(name) is not None]
    if len(asked) != 1:
        raise DataRefused("provide exactly one of 'interval', 'start', 'as_of'", "interval")
    found = world.catalogue.tokens.get(token)
    if found is None:
        return query.page([], lambda _: (0,), most=_MOST, usual=_MOST)
    market, index = found[0].listing.market.id, found[1]
    points, step = _points(figures, market, query, now // NANOS_PER_SECOND)
    rows = [
        (point.at_s, point.price if index == YES else ONE - point.price)
        for point in _thinned(points, step)
    ]
    page, pagination = query.page(rows, lambda row: (-row[0],), most=_MOST, usual=_MOST)
    told = [
        {"timestamp": at, "price": number(price), "resolution_seconds": step} for at, price in page
    ]
    return told, pagination


def _points(
    figures: Figures, market: MarketId, query: DataQuery, now_s: int
) -> tuple[list[Point], int]:
    """Return the points asked for, and the seconds between them; 0: one exact price."""
    of = figures.of(market)
    at_s = query.number("as_of", 0)
    if at_s:
        price = of.price_at(at_s * NANOS_PER_SECOND)
        return ([] if price is None else [Point(at_s, price)]), 0
    interval = query.word("interval", tuple(_INTERVALS))
    step = query.number("bucket_seconds", _BUCKETS.get(interval or "", _FINEST_S))
    if not _BUCKETS.get(interval or "", _FINEST_S) <= step <= _DAY_S:
        raise DataRefused("bucket_seconds is out of bounds", "bucket_seconds")
    if interval is not None:
        length = _INTERVALS[interval]
        return of.points(now_s - length if length else 0, now_s), step
    first, last = query.number("start", 0), query.number("end", now_s)
    if not first <= last <= first + _LONGEST_S:
        raise DataRefused("a window must not end before it starts or exceed 15 days", "start")
    return of.points(first, last), step


def _thinned(points: list[Point], step: int) -> list[Point]:
    """Return the last point of each bucket."""
    if not step:
        return points
    kept: dict[int, Point] = {point.at_s // step: point for point in points}
    return list(kept.values())
