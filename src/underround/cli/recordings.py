"""Importing, describing and verifying recordings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.status import Status

from underround import app as application
from underround.cli.screen import (
    Screen,
    bar,
    moment,
    notices,
    output,
    plain,
    print_json,
    print_line,
    print_table,
    span,
)
from underround.model.errors import ConfigError, RecordingError
from underround.pipeline.importers.plan import ImportOptions
from underround.pipeline.importers.registry import IMPORTERS, ImportReport, run_import
from underround.storage.recording.disk import HEADER, MANIFEST
from underround.storage.recording.header import decode_header

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "BookCounters": ("title", "verified", "mismatched", "trusted_ns"),
    "StreamCounters": ("stream", "frames", "unparsed", "ignored", "silences"),
    "StreamCoverage": ("stream", "frames", "first_ns", "last_ns", "gaps", "covered"),
}
"""What fits an ordinary terminal; ``--json`` has every field."""
_LONGEST_LIST: Final = 20
_LONGEST_SPAN_NS: Final = 10**17
"""Three years: no time of a recording is that early, no span that long."""


def list_importers(*, as_json: bool) -> None:
    """Print what can be imported."""
    rows = [(name, " ".join(importer.about.split())) for name, importer in IMPORTERS.items()]
    if as_json:
        print_json([{"kind": name, "about": about} for name, about in rows])
        return
    print_table(output(), ("kind", "reads"), rows)


def import_command(
    kind: str, source: Path, target: Path, mapping: Path | None, *, as_json: bool
) -> None:
    """Import and show what was written."""
    console = notices()
    options = ImportOptions(mapping)
    if console.is_terminal:
        with Status("importing", console=console) as status:
            report = run_import(
                kind,
                source,
                target,
                lambda name, frames: status.update(plain(f"{name}: {frames:,} frames")),
                options,
            )
    else:
        report = run_import(kind, source, target, None, options)
    if as_json:
        print_json(report)
        return
    print_import(output(), report)


def print_import(console: Screen, report: ImportReport) -> None:
    """Print what an import wrote, and below it what was lost, each sentence once."""
    sentences = list(dict.fromkeys(line for made in report.recordings for line in made.lost))
    number = {sentence: str(at) for at, sentence in enumerate(sentences, start=1)}
    rows = [
        (
            str(made.path),
            f"{made.frames:,}",
            f"{made.markets:,}",
            ", ".join(number[sentence] for sentence in made.lost) or "nothing",
        )
        for made in report.recordings
    ]
    print_table(console, ("recording", "frames>", "markets>", "lost"), rows)
    for sentence in sentences:
        print_line(console, f"lost {number[sentence]}: {sentence}")


def check_kind(kind: str) -> None:
    """Raise ``ConfigError`` naming the nearest importer if there is none called ``kind``."""
    if kind in IMPORTERS:
        return
    close = difflib.get_close_matches(kind, IMPORTERS, n=1, cutoff=0.4)
    near = f"did you mean {close[0]}?" if close else f"choose {', '.join(sorted(IMPORTERS))};"
    raise ConfigError(
        f"there is no importer {kind!r}: {near} underround import list shows what each reads"
    )


def find_recordings(names: Sequence[str]) -> list[Path]:
    """Return the folders of the recordings; ``RecordingError`` for what cannot be one."""
    paths = application.resolve_recordings(names)
    for path in paths:
        if path.is_file():
            raise RecordingError(f"{path} is a file: name the folder that is the recording")
        if path.is_dir() and not (path / HEADER).exists():
            raise RecordingError(
                f"{path} is not a recording, for it holds no {HEADER}: name the folder of one, or "
                "make one with underround import"
            )
        if path.is_dir() and not (path / MANIFEST).exists():
            _check_header(path / HEADER)
    return paths


def _check_header(file: Path) -> None:
    try:
        decode_header(file.read_bytes(), str(file))
    except OSError as error:
        raise RecordingError(
            f"{file} cannot be read ({error.strerror}): correct its owner or its mode"
        ) from None
    except RecordingError as error:
        if "format version" in str(error):
            raise
        raise RecordingError(f"{error}: restore it from a copy, or import again") from None


def info_command(names: Sequence[str], *, as_json: bool) -> None:
    """Show what recordings hold."""
    found = [application.recording_info(path) for path in find_recordings(names)]
    if as_json:
        print_json(found)
        return
    for each in found:
        print_struct(output(), each, "recording")


def verify_command(names: Sequence[str], *, as_json: bool) -> bool:
    """Verify recordings, show the proof and return whether all of them hold."""
    console = notices()
    reports = []
    for path in find_recordings(names):
        with bar(console, f"verifying {path.name}", shown=True) as progress:
            reports.append(application.verify_recording(path, progress))
    if as_json:
        print_json(application.total(reports))
    else:
        for each in reports:
            print_line(output(), f"{each.path}: {'holds' if each.ok else 'DOES NOT HOLD'}")
            print_struct(output(), each, "proof")
        if len(reports) > 1:
            print_struct(output(), application.total(reports), "all together")
    return all(each.ok for each in reports)


def print_struct(console: Screen, value: msgspec.Struct, title: str) -> None:
    """Print a struct: its plain values as one table, each list of structs as another."""
    rows: list[tuple[str, str]] = []
    tables: list[tuple[str, Sequence[msgspec.Struct]]] = []
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if isinstance(inner, str) and "\n" in inner:
            inner = inner.splitlines()
        if _structs(inner):
            tables.append((name, inner))
        elif isinstance(inner, (list, tuple)) and inner:
            # A sentence per line, the name at the first.
            rows += zip(
                (_words(name), *[""] * (len(inner) - 1)),
                (cell(name, each) for each in inner),
                strict=True,
            )
        else:
            rows.append((_words(name), cell(name, inner)))
    print_table(console, ("", title), rows)
    for name, items in tables:
        _print_items(console, _words(name), items)


def _print_items(console: Screen, title: str, items: Sequence[msgspec.Struct]) -> None:
    columns = _COLUMNS.get(type(items[0]).__name__, items[0].__struct_fields__)
    numeric = {key for key in columns if isinstance(getattr(items[0], key), (int, float))}
    print_table(
        console,
        [_words(key) + (">" if key in numeric else "") for key in columns],
        [[cell(key, getattr(item, key)) for key in columns] for item in items[:_LONGEST_LIST]],
        title=title,
    )
    for item in items:
        for reason, count in getattr(item, "unparsed_reasons", {}).items():
            print_line(console, f"{cell('', count)} frames unparsed: {reason}")
    if len(items) > _LONGEST_LIST:
        print_line(console, f"… and {len(items) - _LONGEST_LIST:,} more: --json has them all")


def _structs(value: object) -> bool:
    return isinstance(value, (list, tuple)) and isinstance(next(iter(value), None), msgspec.Struct)


def cell(name: str, value: object) -> str:
    """Return one value for people; ``…_ns`` is a Unix time, or a span where it is too short."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _whole(name, value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {cell('', inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        if _structs(value):
            return f"{len(value):,}"
        return "; ".join(cell(name, inner) for inner in value) or "none"
    return "–" if value is None else str(value)


def _whole(name: str, value: int) -> str:
    if not name.endswith("_ns"):
        return f"{value:,}"
    return moment(value) if value > _LONGEST_SPAN_NS else span(value)


def _words(name: str) -> str:
    return name.removesuffix("_ns").replace("_", " ")
