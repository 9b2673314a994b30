"""Reference-price ticks with receive times, as RTDS messages.

Reads one NDJSON file ``source, asset, price, msg_ts_ms, recv_ts_ms`` or one CSV ``feed_ts_ms,
value, full_accuracy_value, server_ts_ms, recv_ms``.  Lost: connections; for NDJSON also the server
time and the full-accuracy value (only a float was kept), and rows of Binance's own socket, which
hold a computed middle price and stay rows without a codec.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from underround.model.frames import NANOS_PER_MS
from underround.model.market import Catalogue
from underround.pipeline.importers import wire
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import number_text, unix_ns
from underround.pipeline.importers.source import (
    Place,
    csv_rows,
    decoder,
    kind_of,
    lines,
    require_kind,
)
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "chainlink-ticks"

_RTDS: Final = "polymarket.rtds"
_DIRECT: Final = "binance.direct"
_CSV: Final = ("feed_ts_ms", "value", "full_accuracy_value", "server_ts_ms", "recv_ms")
_SILENCE_MS: Final = 10_000
_TOPICS: Final = {
    "chainlink_rtds": ("crypto_prices_chainlink", "{}/usd"),
    "binance_rtds": ("crypto_prices", "{}usdt"),
}
_LOST: Final = "Which connection a message came on was not recorded: all are taken to be one."
_LOST_ROWS: Final = (
    _LOST,
    (
        "The server time and the full-accuracy value of RTDS messages were not recorded; "
        "those keys are left out and `value` is the shortest text of the float that was kept."
    ),
    (
        "Rows of Binance's own socket hold a middle price that the recorder computed, "
        "stamped with the time of reception: they are kept as rows and no codec reads them."
    ),
)


class _Tick(msgspec.Struct):
    source: str
    asset: str
    price: Decimal
    msg_ts_ms: int
    recv_ts_ms: int


_tick = decoder(_Tick)


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of one file; raises ``ImportRefused``."""
    del options
    require_kind(source, ".csv", ".jsonl")
    rows = kind_of(source) == ".jsonl"
    rtds = StreamHeader(_RTDS, 0, "rtds", "none", "reconstructed", silence_ms=_SILENCE_MS)
    streams = (rtds, StreamHeader(_DIRECT, 1, "none", "none", "raw")) if rows else (rtds,)
    origin = (
        ("github.com/braedonsaunders/homerun, commit 4508d9f", "AGPL-3.0", "braedonsaunders")
        if rows
        else (
            "github.com/Ligengxin96/polymarket-data-samples, commit ec469ef",
            "none stated (free sample): for use on this machine only, not to be passed on",
            "Ligengxin96",
        )
    )
    header = RecordingHeader(
        name=source.name.partition(".")[0],
        clock="receive",
        created_by=CREATED_BY,
        source=origin[0],
        licence=origin[1],
        attribution=origin[2],
        streams=streams,
        lost=_LOST_ROWS if rows else (_LOST,),
    )
    parts = _tick_parts(source) if rows else _csv_parts(source)
    return ImportPlan(header, Catalogue(()), merged([parts], streams))


def _csv_parts(path: Path) -> Iterator[FramePart]:
    for place, row in csv_rows(path, _CSV):
        at_ns = unix_ns(place, "recv_ms", row["recv_ms"], "ms")
        full = row["full_accuracy_value"]
        if not (full.isascii() and full.isdigit() and int(full) > 0):
            raise place.refused(f"has the full_accuracy_value {full!r}", "expected an integer > 0")
        payload = {
            "full_accuracy_value": full,
            "symbol": "btc/usd",
            "timestamp": _ms(place, "feed_ts_ms", row["feed_ts_ms"]),
            "value": _number(place, row["value"]),
        }
        message = _message(
            payload, "crypto_prices_chainlink", _ms(place, "server_ts_ms", row["server_ts_ms"])
        )
        yield FramePart(_RTDS, 0, at_ns, message, "reconstructed")


def _tick_parts(path: Path) -> Iterator[FramePart]:
    for place, line in lines(path):
        tick = _tick(place, line)
        at_ns = unix_ns(place, "recv_ts_ms", str(tick.recv_ts_ms), "ms")
        unix_ns(place, "msg_ts_ms", str(tick.msg_ts_ms), "ms")
        if tick.price <= 0:
            raise place.refused(f"has the price {tick.price}", "repair or drop the row")
        if tick.source == "binance_direct":
            yield FramePart(_DIRECT, 0, at_ns, line.encode(), "raw")
            continue
        if tick.source not in _TOPICS:
            raise place.refused(
                f"names the source {tick.source!r}",
                f"known are binance_direct, {', '.join(_TOPICS)}",
            )
        topic, symbol = _TOPICS[tick.source]
        payload = {
            "symbol": symbol.format(tick.asset.lower()),
            "timestamp": tick.msg_ts_ms,
            "value": msgspec.Raw(number_text(tick.price).encode()),
        }
        yield FramePart(_RTDS, 0, at_ns, _message(payload, topic, None), "reconstructed")


def _message(payload: dict[str, object], topic: str, server_ms: int | None) -> bytes:
    stamp = {} if server_ms is None else {"timestamp": server_ms}
    return wire.encode({"payload": payload, **stamp, "topic": topic, "type": "update"})


def _ms(place: Place, name: str, text: str) -> int:
    return unix_ns(place, name, text, "ms") // NANOS_PER_MS


def _number(place: Place, text: str) -> msgspec.Raw:
    """Return the digits of a plain decimal number, to stand in the message as they are."""
    whole, dot, fraction = text.partition(".")
    digits = whole.isascii() and whole.isdigit() and (not dot or fraction.isdigit())
    if not digits or (len(whole) > 1 and whole.startswith("0")):
        raise place.refused(f"has the value {text!r}", "expected a plain decimal number")
    return msgspec.Raw(text.encode())
