"""Every importer by name, and the one way to run them: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final, cast

import msgspec

from underround.model.errors import DiskError, ImportRefused
from underround.model.market import encode_catalogue
from underround.pipeline.importers import (
    binance_raw,
    chainlink_ticks,
    generic,
    kalshi_ws,
    polymarket_legacy,
    polymarket_mlb,
    polymarket_raw,
    polymarket_ticks,
    weather_ladders,
)
from underround.pipeline.importers.plan import ImportOptions, ImportPlan, Read, Sessions, single
from underround.storage.recording import RecordingWriter, WriterLimits
from underround.storage.recording.disk import disk_errors

_REPORT_EVERY: Final = 10_000

Progress = Callable[[str, int], None]
"""Called with the recording's name and the frames written so far, now and then."""


class Importer(msgspec.Struct, frozen=True):
    """One kind of source."""

    name: str
    about: str
    """What it reads and what is lost, in one paragraph."""
    read: Read
    sessions: Sessions


class Imported(msgspec.Struct, frozen=True):
    """One recording that an import wrote."""

    path: Path
    frames: int
    per_stream: dict[str, int]
    markets: int
    lost: tuple[str, ...]


class ImportReport(msgspec.Struct, frozen=True):
    """What an import wrote; several recordings where the source held several sessions."""

    kind: str
    recordings: tuple[Imported, ...]

    @property
    def frames(self) -> int:
        """Frames in all recordings."""
        return sum(recording.frames for recording in self.recordings)


def _importer(module: ModuleType) -> Importer:
    sessions = cast("Sessions", getattr(module, "sessions", single))
    about = " ".join((module.__doc__ or "").split())
    return Importer(module.NAME, about, cast("Read", module.read), sessions)


IMPORTERS: Final[dict[str, Importer]] = {
    module.NAME: _importer(module)
    for module in (
        polymarket_raw,
        polymarket_ticks,
        polymarket_mlb,
        polymarket_legacy,
        kalshi_ws,
        binance_raw,
        chainlink_ticks,
        generic,
        weather_ladders,
    )
}


def run_import(
    kind: str,
    source: Path,
    target: Path,
    progress: Progress | None = None,
    options: ImportOptions | None = None,
) -> ImportReport:
    """Import ``source`` into the new folder ``target`` and return what was written.

    Several sessions become one recording each, in folders below ``target``.  Everything is written
    beside ``target`` and renamed when it is sealed: on any error nothing is left.  Raises
    ``ImportRefused`` for an unknown kind, an existing target or a source that does not fit,
    ``DiskError`` when the disk cannot be written.
    """
    importer = IMPORTERS.get(kind)
    if importer is None:
        raise ImportRefused(f"there is no importer {kind!r}: choose {', '.join(sorted(IMPORTERS))}")
    if target.exists():
        raise ImportRefused(f"{target} exists: name a new folder for the import")
    if not source.exists():
        raise ImportRefused(f"{source} does not exist: name the downloaded file or folder")
    options = options or ImportOptions()
    sessions = importer.sessions(source)
    workshop = _workshop(target)
    try:
        made = [
            _write(importer.read(path, options), workshop / "made" / name, target / name, progress)
            for name, path in sessions
        ]
        _publish(workshop / "made", target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return ImportReport(kind, tuple(made))


def _workshop(target: Path) -> Path:
    """Return a new hidden folder beside ``target``: a rename within one file system is atomic."""
    with disk_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{target.name}.import-", dir=target.parent))


def _publish(made: Path, target: Path) -> None:
    try:
        os.rename(made, target)  # noqa: PTH104 – fails on a folder with files; replace would too
    except OSError as error:
        raise DiskError(f"{target} could not be made ({error.strerror}): name another") from error


def _write(plan: ImportPlan, path: Path, shown: Path, progress: Progress | None) -> Imported:
    per_stream: dict[str, int] = {}
    frames = 0
    limits = WriterLimits(tail=False)
    with RecordingWriter(path, plan.header, encode_catalogue(plan.catalogue), limits) as writer:
        for part in plan.frames:
            writer.append(*part)
            frames += 1
            per_stream[part.stream] = per_stream.get(part.stream, 0) + 1
            if progress is not None and frames % _REPORT_EVERY == 0:
                progress(plan.header.name, frames)
        if not frames:
            raise ImportRefused(
                f"the source of {plan.header.name} holds no message: check the file"
            )
    if progress is not None:
        progress(plan.header.name, frames)
    return Imported(shown, frames, per_stream, len(plan.catalogue.markets), plan.header.lost)
