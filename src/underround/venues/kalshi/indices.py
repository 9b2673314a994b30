"""CF Benchmarks' indices as Kalshi relays them → reference prices: its crypto resolves on them.

==========================  ===================================================================
``cfbenchmarks:BRTI``       the index itself, at the administrator's own time
``cfbenchmarks-avg60:BRTI``  its mean over the 60 seconds before the end that the venue states
==========================  ===================================================================

Indices keep the administrator's names (BRTI, ETHUSD_RTI).  Source: docs.kalshi.com, AsyncAPI
(2026-08-22).
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.events import ReferenceTick
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Money, Nanos
from underround.venues.codec import reference_price
from underround.venues.kalshi import wire

_SPAN_MS: Final = 60_000
_NAME: Final = 64

_frame = msgspec.json.Decoder(wire.IndexFrame).decode
_value = msgspec.json.Decoder(wire.IndexValue).decode


def index_ticks(payload: bytes) -> tuple[ReferenceTick, ...]:
    """Return the index's price, and its 60-second mean where the message states one.

    The mean has the end of its span as its time: the price at that moment is not in it.  Raises
    ``ValueError`` when the two parts of a message are about different indices, and for a mean over
    another span than 60 seconds: under this name it would be another price.
    """
    message = _frame(payload).msg
    name = message.index_id
    if not (0 < len(name) <= _NAME and name.isascii() and name.isprintable()):
        raise ValueError(f"{name[:_NAME]!r} is no name of an index - at `$.msg.index_id`")
    try:
        stated = _value(message.data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{error} - inside the text at `$.msg.data`") from None
    if stated.id != name:
        raise ValueError(f"index {name} with the value of {stated.id[:_NAME]!r} - at `$.msg.data`")
    spot = ReferenceTick(
        f"cfbenchmarks:{name}",
        _moment(stated.time, "data.time"),
        _price(stated.value, "data.value"),
    )
    mean = message.avg_60s_data
    return (spot,) if mean is None else (spot, _mean(name, mean))


def _mean(name: str, mean: wire.IndexMean) -> ReferenceTick:
    price = _price(mean.value, "avg_60s_data.value")
    end_ns = _moment(mean.window_end_ts_exclusive, "avg_60s_data.window_end_ts_exclusive")
    if mean.window_end_ts_exclusive - mean.window_start_ts_ms != _SPAN_MS:
        raise ValueError("a mean over another span than 60 seconds - at `$.msg.avg_60s_data`")
    return ReferenceTick(f"cfbenchmarks-avg60:{name}", end_ns, price)


def _price(text: str, path: str) -> Money:
    try:
        return reference_price(text)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.msg.{path}`") from None


def _moment(number: int, path: str) -> Nanos:
    if not 10**12 <= number < 10**13:
        raise ValueError(f"{number} is not Unix milliseconds - at `$.msg.{path}`")
    return number * NANOS_PER_MS
