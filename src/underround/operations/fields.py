"""What a field of the configuration may hold, in words and in types.

A field's annotation says everything: its type, its bounds (``msgspec.Meta``), and whether its
integer counts millionths: ``extra={"micros": True}``, or the unit instead of ``True``
("dollars").  The mark is plain data so that rooms which do not know this one can use it.
"""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo

from underround.model.units import decimal_text
from underround.operations.document import KeyPath
from underround.operations.secret import FORMS, SecretRef

Micros: TypeAlias = Annotated[int, msgspec.Meta(extra={"micros": True})]
"""Millionths in the struct, decimal text in the file."""

Hint: TypeAlias = Any
"""A type annotation."""

SEQUENCES: Final = (list, tuple, set, frozenset)
_EXAMPLES: Final[dict[object, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    Path: "a path as a string",
    SecretRef: f"a reference to a secret ({FORMS})",
}


def origin(hint: Hint) -> Any:
    """Return ``list`` for ``list[int]``: ``typing.get_origin``, typed for any annotation."""
    return get_origin(hint)


_SUFFIXES: Final = {"_ms": "milliseconds", "_ns": "nanoseconds", "_s": "seconds"}


class Field(msgspec.Struct, frozen=True):
    """An annotation taken apart."""

    hint: Hint
    base: Hint
    """The type without its bounds and without ``None``."""
    metas: tuple[msgspec.Meta, ...]
    optional: bool

    @property
    def unit(self) -> str:
        """Return the unit if its integers count millionths, else an empty text."""
        for meta in self.metas:
            if mark := (meta.extra or {}).get("micros"):
                return mark if isinstance(mark, str) else "millionths"
        return ""

    @property
    def struct(self) -> type[msgspec.Struct] | None:
        """Return the struct type of a section, or ``None`` for a value."""
        if isinstance(self.base, type) and issubclass(self.base, msgspec.Struct):
            return None if self.base is SecretRef else self.base
        return None

    @property
    def item(self) -> Hint | None:
        """Return what a list or a dict of any length holds; ``None`` for anything else."""
        container, arguments = origin(self.base), get_args(self.base)
        if container is dict:
            return arguments[1]
        if container is tuple:
            return arguments[0] if arguments[1:] == (...,) else None
        return arguments[0] if container in SEQUENCES else None

    @property
    def mapping(self) -> bool:
        """Whether it is a dict, a section with keys of the operator's choice."""
        return origin(self.base) is dict

    @property
    def textual(self) -> bool:
        """Whether it is written as a string, so that the command line needs no quotes."""
        if self.unit or self.base in {str, Path, SecretRef}:
            return True
        return origin(self.base) is Literal and all(
            isinstance(choice, str) for choice in get_args(self.base)
        )


def field_of(hint: Hint) -> Field:
    """Take an annotation apart: ``Annotated`` and ``… | None`` in either order."""
    metas: list[msgspec.Meta] = []
    optional = False
    base = hint
    while True:
        if origin(base) is Annotated:
            base, *extra = get_args(base)
            metas += [meta for meta in extra if isinstance(meta, msgspec.Meta)]
            continue
        if origin(base) in {Union, types.UnionType}:
            choices = [choice for choice in get_args(base) if choice is not type(None)]
            optional = optional or len(choices) < len(get_args(base))
            if len(choices) == 1:
                base = choices[0]
                continue
        return Field(hint, base, tuple(metas), optional)


def default_of(field: FieldInfo) -> object:
    """Return the default of a struct's field, or ``NODEFAULT``."""
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return field.default


def expected(field: Field, *, quoted: bool = True) -> str:
    """Return what may stand in a field, in words: ``a whole number from 1 to 10``.

    Exact numbers are ``quoted`` in a file; on the command line they need no quotes.
    """
    if field.unit:
        unit = "" if field.unit == "millionths" else f" of {field.unit}"
        written_so = 'in quotes ("0.02")' if quoted else "such as 0.02"
        return f"a decimal number{unit}{bounds(field)}, {written_so}"
    if origin(field.base) is Literal:
        choices = get_args(field.base)
        one_of = "one of " if len(choices) > 1 else ""
        return one_of + ", ".join(shown(choice) for choice in choices)
    if field.struct or field.mapping:
        return "a section"
    if origin(field.base) in SEQUENCES or field.base in SEQUENCES:
        return "a list"
    words = _EXAMPLES.get(field.base, str(getattr(field.base, "__name__", field.base)))
    return f"{words}{bounds(field)}"


def domain(field: Field) -> str:
    """Return what may stand in a field in few words, for a table that names the unit itself."""
    return f"decimal in quotes{bounds(field)}" if field.unit else expected(field)


def unit_of(field: Field, name: str) -> str:
    """Return the unit of a field: declared, else told by the end of its name, else a dash."""
    if field.unit:
        return field.unit
    for meta in field.metas:
        if unit := (meta.extra or {}).get("unit"):
            return str(unit)
    return next((unit for suffix, unit in _SUFFIXES.items() if name.endswith(suffix)), "–")


def bounds(field: Field) -> str:
    """Return the bounds of a field in words, with a leading space, or an empty text."""
    limits: dict[str, Any] = {}
    for meta in field.metas:
        for name in ("ge", "gt", "le", "lt", "multiple_of", "min_length", "pattern"):
            if (limit := getattr(meta, name)) is not None:
                limits[name] = decimal_text(limit) if field.unit else limit
    words = []
    if "ge" in limits and "le" in limits:
        words.append(f"from {limits.pop('ge')} to {limits.pop('le')}")
    names = {
        "ge": "at least",
        "gt": "above",
        "le": "at most",
        "lt": "below",
        "multiple_of": "a multiple of",
        "min_length": "of length at least",
        "pattern": "matching",
    }
    words += [f"{names[name]} {limit}" for name, limit in limits.items()]
    return " " + " and ".join(words) if words else ""


def shown(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (set, frozenset)):
        return shown(sorted(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(shown(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {shown(item)}" for key, item in value.items()) + "}"
    return "none" if value is None else str(value)


def kind_of(value: object) -> str:
    """Return the kind of a TOML value in words, with the value."""
    names: Iterable[tuple[type, str]] = (
        (bool, "the value"), (int, "the number"), (float, "the number"), (str, "the string"),
        (list, "the list"), (dict, "the section"),
    )  # fmt: skip
    for type_, name in names:
        if isinstance(value, type_):
            return f"{name} {shown(value)}"
    return f"the {type(value).__name__} {value}"


def leaves(value: object, hint: Hint, path: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Yield each value below ``value`` with its path, in the form the file would hold it.

    Sections and tables of any names are entered; an empty table is a leaf, and so is a list.
    """
    field = field_of(hint)
    if isinstance(value, msgspec.Struct) and not isinstance(value, SecretRef):
        for info in msgspec.structs.fields(value):
            inner = getattr(value, info.name)
            # A field annotated as any struct is shown by what it holds.
            yield from leaves(inner, info.type, (*path, info.encode_name))
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, field.item or object, (*path, str(key)))
    else:
        yield path, written(value, field)


def written(value: object, field: Field) -> object:
    """Return a leaf in the form the file would hold it: TOML and JSON agree on it."""
    if value is None or isinstance(value, (bool, float, str)):
        return value
    if isinstance(value, int):
        return decimal_text(value) if field.unit else value
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    if isinstance(value, (list, tuple)):
        item = field_of(field.item if field.item is not None else object)
        return [written(inner, item) for inner in value]
    if isinstance(value, msgspec.Struct) and not isinstance(value, SecretRef):
        return tree(value)
    return {} if value == {} else str(value)


def tree(value: msgspec.Struct) -> dict[str, object]:
    """Return a struct as nested plain values, in the form the file would hold them."""
    root: dict[str, object] = {}
    for path, leaf in leaves(value, type(value)):
        table: dict[str, object] = root
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            assert isinstance(inner, dict)
            table = inner
        table[path[-1]] = leaf
    return root


def nearest(key: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown key: the nearest known one, else all."""
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1)
    if close:
        return f": did you mean {close[0]}?"
    return f": known are {', '.join(names)}" if names else ": nothing can be set here"
