"""The indices of CF Benchmarks, once a second, made of the local reference prices.

``BRTI`` is ``btc/usd``; the others are called ``ETHUSD_RTI`` for ``eth/usd`` and so on.
Averages count the price at each full second: the sixty before (``avg_60s_data``), and those of the
last minute of a quarter of an hour up to now (``last_60s_windowed_average_15min``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from underround.local_venue.world import World
from underround.model.units import ONE, Money, Nanos

SECOND_NS: Final[Nanos] = 10**9
_MINUTE_S: Final = 60
_QUARTER_S: Final = 900
_BITCOIN: Final = "btc/usd"


def index_of(symbol: str) -> str | None:
    """Return the index made of a reference price, if there is one."""
    base, _, quote = symbol.partition("/")
    if quote != "usd" or not base:
        return None
    return "BRTI" if symbol == _BITCOIN else f"{base.upper()}USD_RTI"


def symbol_of(index: str) -> str:
    """Return the reference price an index is made of."""
    if index == "BRTI":
        return _BITCOIN
    return f"{index.removesuffix('USD_RTI').lower()}/usd"


def known_indices(world: World) -> list[str]:
    """Return the indices that have a value."""
    return sorted(name for symbol in world.prices.symbols if (name := index_of(symbol)))


def value(world: World, index: str, now: Nanos) -> dict[str, object] | None:
    """Return an index at the full second ``now``; ``None`` without a price."""
    symbol = symbol_of(index)
    price = world.prices.mean(symbol, now, 1)
    if price is None:
        return None
    at_ms = now // 1_000_000
    stated = {"type": "value", "time": at_ms, "id": index, "value": _text(price, 2)}
    row: dict[str, object] = {
        "index_id": index,
        "received_at": at_ms,
        "data": msgspec.json.encode(stated).decode(),
    }
    before = _mean(world, symbol, now - SECOND_NS, range(_MINUTE_S, 0, -1))
    mean, size = before or (price, 0)
    row["avg_60s_data"] = {
        "value": _text(mean, 8),
        "window_size": size,
        "window_start_ts_ms": at_ms - _MINUTE_S * 1_000,
        "window_end_ts_exclusive": at_ms,
    }
    second = (now // SECOND_NS) % _QUARTER_S or _QUARTER_S
    inside = second - (_QUARTER_S - _MINUTE_S)
    if inside > 0:
        window = _mean(world, symbol, now, range(inside, 0, -1))
        mean, size = window or (price, 1)
        row["last_60s_windowed_average_15min"] = {
            "value": _text(mean, 8),
            "window_size": size,
            "window_start_ts_ms": at_ms - inside * 1_000,
            "window_end_ts_exclusive": at_ms,
        }
    return row


def _mean(
    world: World, symbol: str, until: Nanos, sizes: Iterable[int]
) -> tuple[Money, int] | None:
    """Return the mean over the longest stretch for which there are prices, and its length."""
    for size in sizes:
        mean = world.prices.mean(symbol, until, size)
        if mean is not None:
            return mean, size
    return None


def _text(price: Money, decimals: int) -> str:
    """Return a price with so many decimals, rounded half up."""
    if decimals >= 6:
        whole, rest = divmod(price, ONE)
        return f"{whole}.{rest:06d}".ljust(len(str(whole)) + 1 + decimals, "0")
    unit = 10 ** (6 - decimals)
    scaled = (price + unit // 2) // unit
    whole, rest = divmod(scaled, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"
