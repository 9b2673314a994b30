"""The text of a configuration: a TOML file and command-line overrides, with the place of each key.

TOML parsers forget where a key stood.  Here every key keeps its place ("underround.toml:12" or
"command line"), so that errors and ``show-config`` can say where a value comes from.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from underround.model.errors import ConfigError

DEFAULT: Final = "default"
COMMAND_LINE: Final = "command line"

KeyPath: TypeAlias = tuple[str, ...]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+(\[[0-9]+\])*")


class Leaf(msgspec.Struct, frozen=True):
    """A value that is not a table."""

    value: object
    where: str
    text: str | None = None
    """What the command line said, verbatim: whether ``0.02`` is a number depends on the field."""


class Table(msgspec.Struct):
    """A section, and where it began."""

    entries: dict[str, Leaf | Table]
    where: str
    whole: bool = True
    """False for a section that exists only because an override reaches into it."""


def path_text(path: Iterable[str]) -> str:
    """Return a dotted path as TOML would write it: parts that are not bare keys are quoted.

    The third item of a list is ``key[2]``.
    """
    return ".".join(
        part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in path
    )


def read_document(file: Path | None, overrides: Sequence[str] = ()) -> Table:
    """Return the keys of ``file`` with ``section.key=value`` overrides laid over them.

    The last override of a key wins.  Raises ``ConfigError`` when the file cannot be read or is
    not TOML (naming the line), and when an override is not ``section.key=value``.
    """
    root = Table({}, COMMAND_LINE, whole=False) if file is None else _read_file(file)
    for override in overrides:
        _lay_over(root, override)
    return root


def _read_file(file: Path) -> Table:
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such configuration file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file}: byte {error.start} is not UTF-8: save the file as UTF-8 text"
        ) from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax(file, text, error)) from None
    lines: dict[KeyPath, int] = {(): 1}
    for path, line in _statements(text):
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], line)
    return _table(values, (), str(file), lines)


def _syntax(file: Path, text: str, error: tomllib.TOMLDecodeError) -> str:
    """Say where the TOML ends to be TOML; never shows the line itself, which may hold a secret."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error))
    if found is None:
        return f"{file}: not TOML: {error}"
    line = found[2] or str(text.rstrip("\n").count("\n") + 1)
    column = f", column {found[3]}" if found[3] else ""
    return f"{file}:{line}: not TOML{column}: {found[1]}"


def _table(values: dict[str, Any], path: KeyPath, file: str, lines: dict[KeyPath, int]) -> Table:
    """Attach to each key the line of its statement; keys of an inline table share their line."""
    line = lines.get(path, 1)
    entries: dict[str, Leaf | Table] = {}
    for key, value in values.items():
        inner = (*path, key)
        lines.setdefault(inner, line)
        if isinstance(value, dict):
            entries[key] = _table(value, inner, file, lines)
        else:
            entries[key] = Leaf(value, f"{file}:{lines[inner]}")
    return Table(entries, f"{file}:{line}")


def _statements(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yield the key path of each table header and key, with its line; ``text`` is valid TOML.

    A statement ends at the first line with which it parses by itself.
    """
    table: KeyPath = ()
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        if not lines[start].strip() or lines[start].lstrip().startswith("#"):
            start += 1
            continue
        values, end = _statement(lines, start)
        path = _only_path(values)
        if lines[start].lstrip().startswith("["):
            table = path
            yield table, start + 1
        else:
            yield (*table, *path), start + 1
        start = end


def _statement(lines: list[str], start: int) -> tuple[dict[str, Any], int]:
    for end in range(start + 1, len(lines) + 1):
        last = lines[end - 1]
        if end < len(lines) and last.rstrip().endswith(",") and "#" not in last:
            continue  # the middle of an array: saves a parse for each of its lines
        try:
            return tomllib.loads("\n".join(lines[start:end])), end
        except tomllib.TOMLDecodeError:
            continue
    raise AssertionError("text that parses as a whole has a statement that does not end")


def _only_path(values: dict[str, Any]) -> KeyPath:
    """Return the path of the single key in what one statement parsed to.

    An inline table looks like a dotted key with one entry: the path may then be longer than the
    key, which is harmless, for everything inside stands on the same line.
    """
    path: list[str] = []
    inner: object = values
    while isinstance(inner, dict) and len(inner) == 1:
        key, inner = next(iter(inner.items()))
        path.append(key)
        if isinstance(inner, list) and inner and inner[-1] == {}:
            break
    return tuple(path)


def _lay_over(root: Table, override: str) -> None:
    key_text, equals, text = override.partition("=")
    try:
        path = _only_path(tomllib.loads(f"{key_text} = 0")) if equals else ()
    except tomllib.TOMLDecodeError:
        path = ()
    if not path:
        raise ConfigError(
            f"{COMMAND_LINE}: {key_text.strip()!r} is not section.key=value: write for example "
            "--set risk.max_loss=25"
        )
    table = root
    for part in path[:-1]:
        inner = table.entries.get(part)
        if not isinstance(inner, Table):
            inner = Table({}, COMMAND_LINE, whole=False)
            table.entries[part] = inner
        table = inner
    table.entries[path[-1]] = _override_value(text.strip())


def _override_value(text: str) -> Leaf | Table:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    if isinstance(value, dict):
        return _from_command_line(value)
    return Leaf(value, COMMAND_LINE, text)


def _from_command_line(values: dict[str, Any]) -> Table:
    return Table(
        {
            key: _from_command_line(value) if isinstance(value, dict) else Leaf(value, COMMAND_LINE)
            for key, value in values.items()
        },
        COMMAND_LINE,
    )
