"""Lines of ``<local ns> <message>``: combined streams and REST depth snapshots.

Reads one ``<symbol>_<date>.gz`` or a folder of them.  Payloads are kept byte for byte.  Lost: which
socket a message came on (each file is taken to be one connection) and the symbol of a REST
snapshot, which only the file's name tells and the stream's name keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from underround.model.market import Catalogue
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import unix_ns
from underround.pipeline.importers.source import Place, decoder, lines
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "binance-raw"

_SILENCE_MS: Final = 10_000
_CHANNELS: Final = {
    "trade": "binance",
    "aggTrade": "binance",
    "depth": "binance",
    "bookTicker": "binance",
}
"""Channel of a combined stream → codec that reads it."""
_LOST: Final = (
    "Each file is taken to be one connection; which socket a message came on was not recorded.",
    (
        "Files of one folder were stamped by one local clock; the order between files within a "
        "nanosecond is unsure."
    ),
    "The recorder's clock ran behind the venue's: never subtract the two.",
)


class _Message(msgspec.Struct):
    stream: str | None = None
    lastUpdateId: int | None = None  # noqa: N815 – the venue's name


_message = decoder(_Message)


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan one recording of one file or of all files of a folder; raises ``ImportRefused``."""
    del options
    files = sorted(source.glob("*.gz")) if source.is_dir() else [source]
    if not files or any("_" not in path.name for path in files):
        raise Place(source, 0).refused(
            "holds no file <symbol>_<date>.gz", "name such a file or its folder"
        )
    symbols = [path.name.partition("_")[0].lower() for path in files]
    streams = (
        *(
            StreamHeader(f"binance.{name}", rank, codec, "none", "raw", silence_ms=_SILENCE_MS)
            for rank, (name, codec) in enumerate(_channels(files).items())
        ),
        *(
            StreamHeader(_rest(symbol), rank, "none", "none", "raw")
            for rank, symbol in enumerate(dict.fromkeys(symbols), start=len(_CHANNELS))
        ),
    )
    header = RecordingHeader(
        name=source.name.partition(".")[0],
        clock="receive",
        created_by=CREATED_BY,
        source="github.com/nkaz001/hftbacktest, examples/spot",
        licence="MIT",
        attribution="hftbacktest by nkaz001 (MIT)",
        streams=streams,
        lost=_LOST,
    )
    parts = [
        _parts(path, connection, symbol)
        for connection, (path, symbol) in enumerate(zip(files, symbols, strict=True))
    ]
    return ImportPlan(header, Catalogue(()), merged(parts, streams))


def _rest(symbol: str) -> str:
    return f"binance.rest.{symbol}"


def _channel(place: Place, stream: str) -> str:
    """Return the channel of a stream name such as ``btcusdt@depth@100ms``."""
    channel = stream.split("@")[1] if "@" in stream else stream
    if channel not in _CHANNELS:
        raise place.refused(f"is of the unknown stream {stream!r}", f"known are {list(_CHANNELS)}")
    return channel


def _channels(files: list[Path]) -> dict[str, str]:
    """Return the channels that the files hold, with their codecs."""
    found = {
        _channel(place, message.stream)
        for path in files
        for place, _, _, message in _messages(path)
        if message.stream is not None
    }
    return {name: codec for name, codec in _CHANNELS.items() if name in found}


def _messages(path: Path) -> Iterator[tuple[Place, int, bytes, _Message]]:
    for place, line in lines(path):
        stamp, gap, text = line.partition(" ")
        if not gap:
            raise place.refused("is not `<ns> <message>`", "this importer reads no other lines")
        at_ns = unix_ns(place, "local time", stamp, "ns")
        payload = text.encode()
        yield place, at_ns, payload, _message(place, payload)


def _parts(path: Path, connection: int, symbol: str) -> Iterator[FramePart]:
    for place, at_ns, payload, message in _messages(path):
        if message.stream is not None:
            stream = f"binance.{_channel(place, message.stream)}"
            yield FramePart(stream, connection, at_ns, payload, "raw")
        elif message.lastUpdateId is not None:
            yield FramePart(_rest(symbol), 0, at_ns, payload, "raw")
        else:
            raise place.refused(
                "is neither a stream message nor a depth snapshot", "choose another importer"
            )
