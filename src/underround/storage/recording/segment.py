"""Sealed segments: frames to Parquet bytes and back, with Polars.

Polars and not pyarrow: it is the project's column library anyway, reads a slice of rows by
decoding only the row groups it touches, and turns columns into Python lists several times faster.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Final, get_args

import polars as pl

from underround.model.errors import RecordingCorrupt
from underround.model.frames import Frame, FrameKind
from underround.storage.recording.disk import segment_file
from underround.storage.recording.index import SegmentEntry, StreamSpan

SCHEMA: Final = pl.Schema(
    {
        "stream": pl.String(),
        "connection": pl.Int64(),
        "ingest_seq": pl.Int64(),
        "recv_ns": pl.Int64(),
        "kind": pl.String(),
        "payload": pl.Binary(),
    }
)
BATCH_ROWS: Final = 8192
"""Rows read at once; a whole number of our row groups, so that none is decoded twice."""

_GROUP_ROWS: Final = 4096
_GROUP_BYTES: Final = 4 << 20
_CHUNK: Final = 1 << 20
_KINDS: Final = frozenset(get_args(FrameKind))


def build_segment(number: int, frames: Sequence[Frame]) -> tuple[SegmentEntry, bytes]:
    """Return the index entry and the Parquet bytes of a segment; equal frames, equal bytes."""
    table = pl.DataFrame(
        {
            "stream": [frame.stream for frame in frames],
            "connection": [frame.connection for frame in frames],
            "ingest_seq": [frame.ingest_seq for frame in frames],
            "recv_ns": [frame.recv_ns for frame in frames],
            "kind": [frame.kind for frame in frames],
            "payload": [frame.payload for frame in frames],
        },
        schema=SCHEMA,
    )
    buffer = io.BytesIO()
    table.write_parquet(
        buffer,
        compression="zstd",
        compression_level=3,
        row_group_size=_group_rows(frames),
        statistics=True,
    )
    data = buffer.getvalue()
    entry = SegmentEntry(
        file=segment_file(number),
        rows=len(frames),
        bytes=len(data),
        crc32=zlib.crc32(data),
        first_recv_ns=frames[0].recv_ns,
        last_recv_ns=frames[-1].recv_ns,
        first_ingest_seq=frames[0].ingest_seq,
        last_ingest_seq=frames[-1].ingest_seq,
        streams=_spans(frames),
    )
    return entry, data


def _group_rows(frames: Sequence[Frame]) -> int:
    """Return a power of two that keeps an average row group below ``_GROUP_BYTES``."""
    size = sum(len(frame.payload) for frame in frames)
    rows = _GROUP_ROWS
    while rows > 1 and size * rows > _GROUP_BYTES * len(frames):
        rows >>= 1
    return rows


def _spans(frames: Sequence[Frame]) -> tuple[StreamSpan, ...]:
    counts: dict[str, list[int]] = {}
    for frame in frames:
        seen = counts.setdefault(frame.stream, [0, frame.recv_ns, 0])
        seen[0] += 1
        seen[2] = frame.recv_ns
    return tuple(StreamSpan(name, *counts[name]) for name in sorted(counts))


def check_segment(path: Path, entry: SegmentEntry) -> None:
    """Raise ``RecordingCorrupt`` unless the file's bytes are those the index promises."""
    checksum = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                checksum = zlib.crc32(chunk, checksum)
    except OSError as error:
        raise RecordingCorrupt(f"{path} could not be read: {error.strerror or error}") from None
    if checksum != entry.crc32:
        raise RecordingCorrupt(
            f"{path} differs from what the index promises: restore the file from a copy"
        )


def read_columns(path: Path, columns: Sequence[str], offset: int, rows: int | None) -> pl.DataFrame:
    """Return ``rows`` rows (``None``: all) from ``offset`` on, decoding only their row groups.

    Raises ``RecordingCorrupt`` when the file is not such a table or holds nulls.
    """
    try:
        table = (
            pl.scan_parquet(path, glob=False)
            .select(pl.col(name).cast(SCHEMA[name]) for name in columns)
            .slice(offset, rows)
            .collect()
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RecordingCorrupt(f"{path} is not a readable segment: {reason}") from None
    for column in table.iter_columns():
        if column.null_count():
            raise RecordingCorrupt(f"{path} has no value in some rows of column {column.name}")
    return table


def rows_between(
    path: Path, entry: SegmentEntry, start_ns: int | None, end_ns: int | None
) -> tuple[int, int]:
    """Return the first row and the end row of ``start_ns ≤ recv_ns < end_ns`` within a segment."""
    first, end = 0, entry.rows
    cut_start = start_ns is not None and start_ns > entry.first_recv_ns
    cut_end = end_ns is not None and end_ns <= entry.last_recv_ns
    if cut_start or cut_end:
        times = read_columns(path, ["recv_ns"], 0, entry.rows)["recv_ns"]
        # Times never decrease, so counting finds the place (`search_sorted` wants numpy).
        if start_ns is not None and cut_start:
            first = int((times < start_ns).sum())
        if end_ns is not None and cut_end:
            end = int((times < end_ns).sum())
    return first, end


def to_frames(table: pl.DataFrame, path: Path) -> Iterator[Frame]:
    """Return the rows of a batch as frames; column by column, which is what makes it fast."""
    kinds = table["kind"].unique()
    if not _KINDS.issuperset(kinds):
        raise RecordingCorrupt(f"{path} holds a frame of unknown kind")
    return map(
        Frame,
        _names(table["stream"]),
        table["connection"].to_list(),
        table["ingest_seq"].to_list(),
        table["recv_ns"].to_list(),
        table["payload"].to_list(),
        _names(table["kind"]),
    )


def _names(column: pl.Series) -> Iterator[str]:
    """Return the texts of a column of few distinct ones, each as one shared object."""
    names = column.unique(maintain_order=True).to_list()
    if len(names) == 1:
        return repeat(names[0], len(column))
    return map(names.__getitem__, column.cast(pl.Enum(names)).to_physical().to_list())
