"""The configuration: strict, exact, and able to say where each value comes from.

The structs own the defaults, the bounds and the meaning of every key; this module knows none of
them.  Precedence: command line, file, default.  An unknown key is an error, and so is a value of
the wrong type or out of bounds; each names its place, its key, what was expected and what is there.

Money, prices and sizes are integers in millionths in the structs and decimal text in the file
("0.02"): a TOML number would pass through a float.  Secrets are references, see ``SecretRef``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, Generic, NoReturn, TypeVar

import msgspec
from msgspec import NODEFAULT

from underround.model.errors import ConfigError
from underround.model.units import parse_micros
from underround.operations import fields
from underround.operations.document import (
    DEFAULT,
    KeyPath,
    Leaf,
    Table,
    path_text,
    read_document,
)
from underround.operations.fields import Field, Hint, Micros, default_of, expected, field_of
from underround.operations.secret import FORMS, SecretRef, credentials_in_url

__all__ = ["Loaded", "Micros", "SecretRef", "StrategySection", "default_file", "load"]

FILE_NAME: Final = "underround.toml"

T = TypeVar("T", bound=msgspec.Struct)
ParamsType = Callable[[str], type[msgspec.Struct] | None]


class StrategySection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One strategy instance: ``[strategies.<instance>]``."""

    kind: str
    """Which strategy: ``underround strategies`` lists them."""
    markets: tuple[str, ...]
    """Patterns of the markets it may trade."""
    params: msgspec.Struct
    """Parameters of its kind; ``underround strategies`` lists them."""


class Loaded(msgspec.Struct, Generic[T], frozen=True):
    """A configuration and where each of its values comes from."""

    value: T
    origins: dict[str, str]
    """Dotted path of every leaf → ``default``, ``underround.toml:12`` or ``command line``."""
    file: Path | None = None

    def rows(self) -> list[tuple[str, str, str]]:
        """Return path, value as TOML writes it and origin of every leaf, in declared order."""
        return [
            (path_text(path), fields.shown(value), self.origins[path_text(path)])
            for path, value in fields.leaves(self.value, type(self.value))
        ]

    def tree(self) -> dict[str, object]:
        """Return the values as nested plain values: money as decimal text, secrets by name."""
        return fields.tree(self.value)


def default_file() -> Path | None:
    """Return ``underround.toml`` of the current folder, or ``None`` if there is none."""
    file = Path(FILE_NAME)
    return file if file.exists() else None


def load(
    type_: type[T],
    file: Path | None,
    overrides: Sequence[str] = (),
    *,
    params_type: ParamsType | None = None,
    kinds: Iterable[str] = (),
    without: Collection[str] = (),
) -> Loaded[T]:
    """Return the configuration of ``file`` with ``section.key=value`` overrides over it.

    ``params_type`` gives the struct of a strategy kind's parameters, ``None`` for an unknown
    kind; ``kinds`` are the known ones, for the hint.  A table whose keys are the operator's
    (``[strategies.…]``) replaces the default one if the file has it; overrides change entries.
    The sections ``without`` are not looked at and keep their defaults.
    Raises ``ConfigError`` for the first thing that is wrong.
    """
    reader = _Reader(params_type, tuple(kinds))
    document = read_document(file, overrides)
    for name in without:
        document.entries.pop(name, None)
    value = reader.section(type_, document, None, ())
    return Loaded(value, reader.origins, file)


class _Reader:
    """Turns the keys of a document into structs, noting the origin of each leaf."""

    def __init__(self, params_type: ParamsType | None, kinds: tuple[str, ...]) -> None:
        self.params_type = params_type
        self.kinds = kinds
        self.origins: dict[str, str] = {}

    def section(self, type_: type[T], table: Table, base: object, path: KeyPath) -> T:
        """Return a struct: what ``table`` says, else what ``base`` (or the type) defaults to.

        A struct's own check begins its sentence with the name of the field it is about, if it is
        about one: ``url: …``.
        """
        infos = msgspec.structs.fields(type_)
        known = {info.encode_name: info for info in infos}
        for key, given in table.entries.items():
            if key not in known:
                near = self._in_params(type_, table, base, path, key) or fields.nearest(key, known)
                _refuse(given, (*path, key), f"there is no such key{near}")
        values: dict[str, object] = {}
        for info in infos:
            here = (*path, info.encode_name)
            node = table.entries.get(info.encode_name)
            default = getattr(base, info.name) if base is not None else default_of(info)
            hint: Hint = info.type
            if hint is msgspec.Struct:
                hint = self._params(str(values["kind"]), table, path)
                node = Table({}, table.where, whole=False) if node is None else node
                default = default if isinstance(default, hint) else NODEFAULT
            values[info.name] = self._entry(hint, node, default, here, table)
        try:
            return type_(**values)
        except ValueError as error:
            name, _, rest = str(error).partition(": ")
            if name in table.entries:
                _refuse(table.entries[name], (*path, name), rest)
            _refuse(table, path, str(error))

    def _in_params(
        self, type_: type[msgspec.Struct], table: Table, base: object, path: KeyPath, key: str
    ) -> str:
        """Return the hint for a parameter that was written beside ``params``, else nothing."""
        if type_ is not StrategySection or self.params_type is None:
            return ""
        kind = table.entries.get("kind")
        named = kind.value if isinstance(kind, Leaf) else getattr(base, "kind", None)
        params = self.params_type(named) if isinstance(named, str) else None
        known = (
            [] if params is None else [info.encode_name for info in msgspec.structs.fields(params)]
        )
        close = difflib.get_close_matches(key, known, n=1)
        return f": did you mean {path_text((*path, 'params', close[0]))}?" if close else ""

    def _entry(
        self, hint: Hint, node: Leaf | Table | None, default: object, path: KeyPath, within: Table
    ) -> object:
        if node is not None:
            return self.value(field_of(hint), node, default, path)
        if default is NODEFAULT:
            _refuse(
                within, path, f"it is missing and has no default: add {expected(field_of(hint))}"
            )
        for leaf, _ in fields.leaves(default, hint, path):
            self.origins[path_text(leaf)] = DEFAULT
        return default

    def _params(self, kind: str, table: Table, path: KeyPath) -> type[msgspec.Struct]:
        if self.params_type is None:
            raise TypeError("a struct with params of any kind needs load(params_type=…)")
        found = self.params_type(kind)
        if found is None:
            _refuse(
                table.entries.get("kind", table),
                (*path, "kind"),
                f"there is no strategy kind {kind!r}{fields.nearest(kind, self.kinds)}",
            )
        return found

    def value(self, field: Field, node: Leaf | Table, default: object, path: KeyPath) -> object:
        """Return what ``node`` says, checked against ``field``."""
        if isinstance(node, Table):
            return self._table(field, node, default, path)
        if field.struct or field.mapping:
            _mismatch(field, node, path)
        self.origins[path_text(path)] = node.where
        if field.textual and node.text is not None:
            # From the command line, where "0.02" needs no quotes to be exact.
            text = node.value if isinstance(node.value, str) else node.text
            node = Leaf(text, node.where, text)
        return _leaf(field, node, path)

    def _table(self, field: Field, table: Table, default: object, path: KeyPath) -> object:
        base = None if default is NODEFAULT else default
        if field.struct:
            return self.section(field.struct, table, base, path)
        if not field.mapping:
            _mismatch(field, Leaf("a section", table.where), path)
        entries = dict(base) if isinstance(base, dict) and not table.whole else {}
        hint = field.item
        for key, inherited in entries.items():
            if key not in table.entries:
                self._entry(hint, None, inherited, (*path, key), table)
        for key, node in table.entries.items():
            if field_of(hint).struct is StrategySection and key not in entries:
                _instance(key, node, entries, path)
            inherited = entries.get(key, NODEFAULT)
            entries[key] = self.value(field_of(hint), node, inherited, (*path, key))
        if not entries:
            self.origins[path_text(path)] = table.where
        return entries


def _instance(key: str, node: Leaf | Table, known: Iterable[str], path: KeyPath) -> None:
    """Refuse to reach into an instance that is not there; a new one is begun with its kind."""
    if isinstance(node, Table) and not node.whole and "kind" not in node.entries:
        near = fields.nearest(key, known)
        _refuse(node, (*path, key), f"there is no instance {key}{near}")


def _leaf(field: Field, node: Leaf, path: KeyPath) -> object:
    """Return one value that is not a section, checked."""
    value = node.value
    if field.base is SecretRef:
        try:
            return SecretRef.parse(value)
        except ValueError as error:
            _refuse(node, path, str(error))
    if isinstance(value, str) and credentials_in_url(value):
        _refuse(
            node,
            path,
            "a URL may hold no user, password or token (what is there is not shown): leave them "
            f"out and use a reference ({FORMS}) where a secret is asked for; change a password "
            "that stood here",
        )
    if field.item is not None and not field.mapping:
        return _sequence(field, node, path)
    if field.base is Path and isinstance(value, str) and value:
        return Path(value).expanduser()
    if field.unit:
        value = _micros(field, node, path)
    if isinstance(value, float) and not math.isfinite(value):
        _mismatch(field, node, path)
    try:
        return msgspec.convert(value, field.hint)
    except msgspec.ValidationError:
        _mismatch(field, node, path)


def _sequence(field: Field, node: Leaf, path: KeyPath) -> object:
    if not isinstance(node.value, list):
        _mismatch(field, node, path)
    item = field_of(field.item)
    values = []
    for index, value in enumerate(node.value):
        place = (*path[:-1], f"{path[-1]}[{index}]")
        values.append(_leaf(item, Leaf(value, node.where), place))
    try:
        return msgspec.convert(fields.origin(field.base)(values), field.hint)
    except msgspec.ValidationError as error:
        _refuse(node, path, str(error))


def _micros(field: Field, node: Leaf, path: KeyPath) -> int:
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        _refuse(
            node,
            path,
            f"expected {expected(field)}, got the number {fields.shown(node.value)}: put it in "
            "quotes, because a number in TOML loses exactness on its way",
        )
    if not isinstance(node.value, str):
        _mismatch(field, node, path)
    try:
        return parse_micros(node.value)
    except ValueError as error:
        quoted = node.text is None
        _refuse(node, path, f"expected {expected(field, quoted=quoted)}: {error}")


def _mismatch(field: Field, node: Leaf, path: KeyPath) -> NoReturn:
    got = "a section" if node.value == "a section" else fields.kind_of(node.value)
    if credentials_in_url(got):
        got = "a URL with a user, password or token in it, which is not shown"
    _refuse(node, path, f"expected {expected(field, quoted=node.text is None)}, got {got}")


def _refuse(node: Leaf | Table, path: KeyPath, sentence: str) -> NoReturn:
    raise ConfigError(f"{node.where}: {_place(path)}{sentence}")


def _place(path: KeyPath) -> str:
    return f"{path_text(path)}: " if path else ""
