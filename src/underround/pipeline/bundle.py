"""Rebuild the bundled recordings from the shared folder: ``python -m underround.pipeline.bundle``.

The same sources and the same library versions give the same bytes.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from underround.model.errors import ImportRefused, UnderroundError
from underround.model.market import encode_catalogue
from underround.pipeline.bundled import NHL, RECORDINGS, WEATHER
from underround.pipeline.importers.plan import ImportOptions
from underround.pipeline.importers.registry import IMPORTERS
from underround.storage.recording import RecordingWriter, SegmentEntry, WriterLimits
from underround.storage.recording.disk import INDEX, publish_file
from underround.storage.recording.index import decode_index, encode_index
from underround.storage.recording.manifest import write_manifest

SHARED_VARIABLE: Final = "UNDERROUND_SHARED"
LEVEL: Final = 9
"""zstd level.  19 makes the files a seventh smaller and takes forty times as long."""
_GROUP_ROWS: Final = 8192
_NAMES: Final = Path(__file__).with_name("attribution")


class Bundle(msgspec.Struct, frozen=True):
    """One bundled recording and where it comes from."""

    name: str
    kind: str
    source: str
    """Below the shared folder's ``data``."""
    licence: str
    """The file below ``attribution`` with the source's own licence text."""


BUNDLES: Final = (
    Bundle(NHL, "polymarket-ticks", "polymarket/market-channel-ticks-2026-06-07", f"{NHL}.txt"),
    Bundle(
        WEATHER,
        "weather-ladders",
        "crossvenue/weather-kalshi-polymarket-2026-08",
        f"{WEATHER}.txt",
    ),
)


def rebuild(bundle: Bundle, shared: Path, target: Path) -> None:
    """Write ``bundle`` into the new folder ``target``; raises ``UnderroundError``."""
    plan = IMPORTERS[bundle.kind].read(shared / "data" / bundle.source, ImportOptions())
    header = msgspec.structs.replace(plan.header, name=bundle.name)
    markets = encode_catalogue(plan.catalogue)
    with RecordingWriter(target, header, markets, WriterLimits(tail=False)) as writer:
        for part in plan.frames:
            writer.append(*part)
    licence = (_NAMES / bundle.licence).read_bytes()
    about = f"{header.source}\n{header.attribution}\n\nWhat is missing:\n"
    about += "".join(f"- {sentence}\n" for sentence in header.lost)
    publish_file(target / "LICENCE.txt", licence)
    publish_file(target / "SOURCE.txt", about.encode())
    repack(target)


def repack(path: Path, level: int = LEVEL) -> None:
    """Compress the segments of the sealed recording ``path`` harder and seal it again."""
    index = decode_index((path / INDEX).read_bytes(), str(path / INDEX))
    segments = tuple(_repacked(path, entry, level) for entry in index.segments)
    publish_file(path / INDEX, encode_index(msgspec.structs.replace(index, segments=segments)))
    write_manifest(path)


def _repacked(path: Path, entry: SegmentEntry, level: int) -> SegmentEntry:
    buffer = io.BytesIO()
    pl.read_parquet(path / entry.file).write_parquet(
        buffer,
        compression="zstd",
        compression_level=level,
        row_group_size=_GROUP_ROWS,
        statistics=True,
    )
    data = buffer.getvalue()
    publish_file(path / entry.file, data)
    return msgspec.structs.replace(entry, bytes=len(data), crc32=zlib.crc32(data))


def rebuild_all(shared: Path, target: Path) -> None:
    """Replace every bundled recording below ``target``, each only when its new one is whole."""
    if not (shared / "data").is_dir():
        raise ImportRefused(f"{shared} holds no data: set {SHARED_VARIABLE} to the shared folder")
    target.mkdir(parents=True, exist_ok=True)
    for bundle in BUNDLES:
        workshop = Path(tempfile.mkdtemp(prefix=".bundle-", dir=target))
        try:
            rebuild(bundle, shared, workshop / bundle.name)
            shutil.rmtree(target / bundle.name, ignore_errors=True)
            (workshop / bundle.name).rename(target / bundle.name)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def main() -> int:
    """Rebuild them in the package's own folder."""
    try:
        rebuild_all(Path(os.environ.get(SHARED_VARIABLE, "../shared")), RECORDINGS)
    except UnderroundError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    for path in sorted(RECORDINGS.iterdir()):
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        sys.stdout.write(f"{path.name}: {size:,} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
