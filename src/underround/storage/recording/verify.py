"""Prove that a recording's files are those that were sealed, and that no frame is missing.

Knows bytes, rows and sequence numbers, never what a payload means.
"""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Final, Literal

import msgspec
import polars as pl

from underround.model.errors import RecordingCorrupt, RecordingError
from underround.storage.recording.disk import HEADER, INDEX, MANIFEST, MARKETS
from underround.storage.recording.index import (
    RecordingIndex,
    SegmentEntry,
    StreamSpan,
    decode_index,
)
from underround.storage.recording.manifest import REMEDY, digest, files_of, read_manifest
from underround.storage.recording.reader import read_tail
from underround.storage.recording.segment import read_columns
from underround.storage.recording.sequence import SequenceFault, SequenceWalk
from underround.storage.recording.tail import joined

_COLUMNS: Final = ("stream", "ingest_seq", "recv_ns")
_PROBE: Final = (
    "import sys, polars as pl; "
    "pl.scan_parquet(sys.argv[1], glob=False).select(sys.argv[2:]).collect()"
)
_PROBE_SECONDS: Final = 60

FileState = Literal["ok", "missing", "changed", "unlisted", "unproven"]
"""``unlisted``: not named by the manifest.  ``unproven``: there is no manifest yet."""


class FileCheck(msgspec.Struct, frozen=True):
    """One file against the manifest."""

    name: str
    state: FileState


class FilesReport(msgspec.Struct, frozen=True):
    """What ``verify_files`` found."""

    sealed: bool
    files: tuple[FileCheck, ...]
    rows: int
    """Frames that could be read, the tail included."""
    problems: tuple[str, ...]
    """One sentence for each file that is missing or damaged and each disagreement of index and
    segments; a recording without a manifest is one, too."""
    faults: tuple[SequenceFault, ...]
    unreadable_tail_bytes: int = 0

    @property
    def damaged(self) -> tuple[str, ...]:
        """Names of the files that are missing or changed."""
        return tuple(file.name for file in self.files if file.state in ("missing", "changed"))

    @property
    def ok(self) -> bool:
        """Whether the recording is sealed, whole and in order."""
        return self.sealed and not (self.damaged or self.problems or self.faults)


def verify_files(path: Path) -> FilesReport:
    """Check every file and every frame's place in the recording ``path``; changes nothing.

    Damage is reported, not raised.  Raises ``RecordingError`` only when ``path`` is no recording.
    """
    if not path.is_dir() or not any((path / n).exists() for n in (HEADER, INDEX, MANIFEST)):
        raise RecordingError(f"{path} is not a recording: name a folder that holds {HEADER}")
    sealed = (path / MANIFEST).exists()
    files = _check_files(path) if sealed else _unproven_files(path)
    problems: list[str] = []
    index = _index_of(path, problems)
    proven = {file.name for file in files if file.state == "ok"}
    walk = SequenceWalk()
    rows = 0
    for entry in index.segments:
        table = _segment_rows(path, entry, entry.file in proven, problems)
        if table is None:
            # A file that is gone dropped its frames; of one that cannot be read nothing is known.
            walk.expect_end(entry.last_ingest_seq + 1, gone=not (path / entry.file).exists())
            continue
        problems.extend(_disagreements(entry, table))
        walk.batch(table["ingest_seq"], table["recv_ns"])
        walk.expect_end(entry.last_ingest_seq + 1)
        rows += table.height
    tail_rows, unreadable = (0, 0) if sealed else _walk_tail(path, index, walk)
    found = (*_damage(files, sealed, problems), *problems)
    return FilesReport(sealed, files, rows + tail_rows, found, walk.faults(), unreadable)


def _damage(files: tuple[FileCheck, ...], sealed: bool, named: list[str]) -> list[str]:
    """Return a sentence for each damaged file that no sentence of ``named`` begins with."""
    sentences = []
    if not sealed:
        sentences.append(
            f"{MANIFEST} is missing: the recording was not closed, or the file is lost; nothing "
            "proves its files"
        )
    for file in files:
        if any(sentence.startswith(f"{file.name} ") for sentence in named):
            continue
        if file.state == "missing":
            sentences.append(f"{file.name} is missing: {REMEDY}")
        elif file.state == "changed" and file.name == MANIFEST:
            sentences.append(f"{MANIFEST} is damaged, so it proves nothing: {REMEDY}")
        elif file.state == "changed":
            sentences.append(f"{file.name} differs from what {MANIFEST} promises: {REMEDY}")
    return sentences


def _check_files(path: Path) -> tuple[FileCheck, ...]:
    digests, intact = read_manifest((path / MANIFEST).read_bytes())
    present = files_of(path)
    checks = [FileCheck(MANIFEST, "ok" if intact else "changed")]
    for name in sorted({*digests, *present}):
        if name not in present:
            state: FileState = "missing"
        elif name not in digests:
            state = "unlisted"
        else:
            state = "ok" if digest(path / name) == digests[name] else "changed"
        checks.append(FileCheck(name, state))
    return tuple(checks)


def _unproven_files(path: Path) -> tuple[FileCheck, ...]:
    present = files_of(path)
    missing = {HEADER, MARKETS, INDEX}.difference(present)
    return (
        *(FileCheck(name, "missing") for name in sorted(missing)),
        *(FileCheck(name, "unproven") for name in present),
    )


def _index_of(path: Path, problems: list[str]) -> RecordingIndex:
    try:
        return decode_index((path / INDEX).read_bytes(), str(path / INDEX))
    except FileNotFoundError:
        problems.append(f"{INDEX} is missing, so no segment was checked: {REMEDY}")
        return RecordingIndex()
    except (RecordingCorrupt, OSError) as error:
        problems.append(f"{INDEX} cannot be read, so no segment was checked: {error}")
        return RecordingIndex()


def _segment_rows(
    path: Path, entry: SegmentEntry, proven: bool, problems: list[str]
) -> pl.DataFrame | None:
    file = path / entry.file
    if not file.exists():
        problems.append(f"{entry.file} is missing")
        return None
    try:
        if proven or zlib.crc32(file.read_bytes()) == entry.crc32 or _survives(file):
            return read_columns(file, _COLUMNS, 0, None)
        problems.append(f"{entry.file} is damaged beyond reading: its frames were not checked")
    except (RecordingCorrupt, OSError) as error:
        problems.append(f"{entry.file} cannot be read, its frames were not checked: {error}")
    return None


def _survives(file: Path) -> bool:
    """Whether a process that reads the file lives on.

    Polars aborts on some damaged files.  A changed file is therefore read in a process of its own
    first: it may be one that somebody rebuilt, whose frames are worth naming.
    """
    try:
        probe = subprocess.run(  # noqa: S603 – our own interpreter, and no shell
            [sys.executable, "-c", _PROBE, str(file), *_COLUMNS],
            check=False,
            capture_output=True,
            timeout=_PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0


def _disagreements(entry: SegmentEntry, table: pl.DataFrame) -> list[str]:
    """Say in what the rows of a segment differ from its index entry."""
    if not table.height:
        return [f"{entry.file} holds no rows and the index promises {entry.rows}"]
    seqs, times = table["ingest_seq"], table["recv_ns"]
    expected = {
        "rows": (table.height, entry.rows),
        "first ingest_seq": (seqs[0], entry.first_ingest_seq),
        "last ingest_seq": (seqs[-1], entry.last_ingest_seq),
        "first recv_ns": (times[0], entry.first_recv_ns),
        "last recv_ns": (times[-1], entry.last_recv_ns),
    }
    differences = [
        f"{entry.file} has {found} as its {what} and the index promises {promised}"
        if what != "rows"
        else f"{entry.file} holds {found} rows and the index promises {promised}"
        for what, (found, promised) in expected.items()
        if found != promised
    ]
    if _stream_spans(table) != {span.name: span for span in entry.streams}:
        counts = Counter(table["stream"].to_list())
        found_text = ", ".join(f"{name} {counts[name]}" for name in sorted(counts))
        differences.append(
            f"{entry.file} holds other frames per stream than the index promises: {found_text}"
        )
    return differences


def _stream_spans(table: pl.DataFrame) -> dict[str, StreamSpan]:
    spans = table.group_by("stream").agg(
        frames=pl.len(), first=pl.col("recv_ns").first(), last=pl.col("recv_ns").last()
    )
    return {name: StreamSpan(name, *rest) for name, *rest in spans.iter_rows()}


def _walk_tail(path: Path, index: RecordingIndex, walk: SequenceWalk) -> tuple[int, int]:
    content = read_tail(path)
    frames = joined(content.frames, index.next_seq)
    walk.batch(
        pl.Series([frame.ingest_seq for frame in frames], dtype=pl.Int64),
        pl.Series([frame.recv_ns for frame in frames], dtype=pl.Int64),
    )
    return len(frames), content.dropped_bytes
