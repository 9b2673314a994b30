"""Old trades, written to Parquet in chunks that are whole or not there.

A history is a folder::

    history.json                  what it holds: source, unit, and every chunk with its range
    chunks/<first>-<last>.parquet the trades of a range (no file where there were none)

A chunk is written and made durable before ``history.json`` names it.  Whatever stops the program,
the next ``fetch`` continues at the first range that is not named, and a chunk file that nobody
names is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

import msgspec
import polars as pl

from underround.model.errors import RecordingCorrupt, RecordingError
from underround.pipeline.ranges import Range, joined, missing
from underround.pipeline.trade_table import SCHEMA, trade_table
from underround.storage.recording.disk import disk_errors, publish_file, remove_file
from underround.venues.polygon.exchange_logs import Trades

MANIFEST: Final = "history.json"
CHUNKS: Final = "chunks"
LOCK: Final = "history.lock"
FORMAT: Final = 1
_LEVEL: Final = 6


class HistorySource(Protocol):
    """Where trades come from."""

    @property
    def name(self) -> str:
        """What the manifest calls it, e.g. ``goldsky.orderFilledEvents``."""

    @property
    def unit(self) -> Literal["second", "block"]:
        """What its ranges count."""

    async def newest(self) -> int:
        """Return the last second or block that can be read and will not change any more."""

    async def read(self, first: int, last: int) -> Trades:
        """Return all trades of ``first`` … ``last``, both included, in order; or raise."""


class Chunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One range that is covered."""

    first: int
    last: int
    trades: int
    left_out: Mapping[str, int]
    bytes: int
    """Size of the file; 0 where there were no trades and so is no file."""
    crc32: int

    @property
    def file(self) -> str:
        """The file's name within the history."""
        return f"{CHUNKS}/{self.first:012d}-{self.last:012d}.parquet"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a history holds."""

    format: int
    source: str
    unit: Literal["second", "block"]
    chunks: tuple[Chunk, ...] = ()

    def covered(self) -> list[Range]:
        """Return the covered ranges, neighbours joined."""
        return joined((chunk.first, chunk.last) for chunk in self.chunks)


class Progress(msgspec.Struct, frozen=True):
    """How far a ``fetch`` is."""

    done: int
    """Seconds or blocks of the asked range that are covered now."""
    of: int
    chunk: Chunk
    """What was written last."""


Tell: TypeAlias = Callable[[Progress], None]


class History:
    """One history on disk; use ``opened``."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    async def fetch(
        self,
        source: HistorySource,
        first: int,
        last: int,
        *,
        step: int,
        progress: Tell = lambda _: None,
    ) -> int:
        """Cover ``first`` … ``last`` in chunks of ``step``; return the last number covered.

        What is covered already is not read again.  The range ends early at what the source can
        give for good (``newest``).  Raises what reading raises; finished chunks stay.
        """
        self._check(source)
        until = min(last, await source.newest())
        total = until - first + 1
        for begin, end in list(_steps(missing(self.manifest.covered(), first, until), step)):
            chunk = self._write(begin, end, await source.read(begin, end))
            left = sum(b - a + 1 for a, b in missing(self.manifest.covered(), first, until))
            progress(Progress(total - left, total, chunk))
        return until

    def read(self) -> pl.DataFrame:
        """Return all trades in the order of their ranges.  Raises ``RecordingCorrupt``."""
        ordered = sorted(self.manifest.chunks, key=lambda chunk: chunk.first)
        tables = [self._load(chunk) for chunk in ordered if chunk.bytes]
        return pl.concat(tables) if tables else pl.DataFrame(schema=SCHEMA)

    def _load(self, chunk: Chunk) -> pl.DataFrame:
        path = self.folder / chunk.file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RecordingCorrupt(f"{path} cannot be read: {error.strerror or error}") from None
        if len(data) != chunk.bytes or zlib.crc32(data) != chunk.crc32:
            raise RecordingCorrupt(f"{path} is not what {MANIFEST} says: fetch its range again")
        return pl.read_parquet(io.BytesIO(data))

    def _write(self, first: int, last: int, told: Trades) -> Chunk:
        data = b""
        if told.trades:
            buffer = io.BytesIO()
            table = trade_table(told.trades)
            table.write_parquet(buffer, compression="zstd", compression_level=_LEVEL)
            data = buffer.getvalue()
        chunk = Chunk(
            first, last, len(told.trades), dict(told.left_out), len(data), zlib.crc32(data)
        )
        if data:
            publish_file(self.folder / chunk.file, data)
        chunks = sorted((*self.manifest.chunks, chunk), key=lambda one: one.first)
        manifest = msgspec.structs.replace(self.manifest, chunks=tuple(chunks))
        _publish(self.folder, manifest)
        self.manifest = manifest
        return chunk

    def _check(self, source: HistorySource) -> None:
        if (source.name, source.unit) != (self.manifest.source, self.manifest.unit):
            raise RecordingError(
                f"{self.folder} holds the history of {self.manifest.source}, not of "
                f"{source.name}: name another folder"
            )


@contextlib.asynccontextmanager
async def opened(folder: Path, source: HistorySource) -> AsyncIterator[History]:
    """Open the history in ``folder`` for ``source``, or begin one; one process at a time.

    Raises ``RecordingError`` when another process writes it or it is of another source or format,
    ``RecordingCorrupt`` when its manifest cannot be read, ``DiskError``.
    """
    with disk_errors(folder):
        (folder / CHUNKS).mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if (folder / MANIFEST).exists():
            history = History(folder, read_manifest(folder))
        else:
            history = History(folder, Manifest(FORMAT, source.name, source.unit))
            _publish(folder, history.manifest)
        history._check(source)  # noqa: SLF001 – the same module
        _sweep(history)
        yield history


def read_manifest(folder: Path) -> Manifest:
    """Return what the history in ``folder`` says it holds."""
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise RecordingCorrupt(f"{path} is unreadable ({error}): restore it") from None
    if manifest.format != FORMAT:
        raise RecordingError(f"{path} has format {manifest.format}, this program reads {FORMAT}")
    return manifest


def _publish(folder: Path, manifest: Manifest) -> None:
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    publish_file(folder / MANIFEST, data + b"\n")


def _sweep(history: History) -> None:
    """Remove chunk files that no manifest names: what an interrupted run left."""
    named = {chunk.file.partition("/")[2] for chunk in history.manifest.chunks if chunk.bytes}
    for path in sorted((history.folder / CHUNKS).iterdir()):
        if path.name not in named:
            remove_file(path)


def _steps(ranges: Iterator[Range], step: int) -> Iterator[Range]:
    """Cut ranges at multiples of ``step``, so that chunks line up however often one begins."""
    for first, last in ranges:
        at = first
        while at <= last:
            end = min((at // step + 1) * step - 1, last)
            yield at, end
            at = end + 1


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with disk_errors(folder / LOCK):
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RecordingError(f"{folder} is written by a running process: stop it first") from None
    finally:
        os.close(descriptor)
