"""What is wrong with a scene, as one sentence: file, line, place, what it is, and the remedy."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import Any, Final, TypeAlias, Union, get_args, get_origin

import msgspec

from underround.local_venue.flow.scene import Scene
from underround.operations.fields import nearest

Kind: TypeAlias = type[msgspec.Struct]
_PLACE: Final = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)
_PART: Final = re.compile(r"[A-Za-z_]+|\[\d+\]|\[\.\.\.\]")
_ITEM: Final = re.compile(r"((?:[a-z_]+\.)*[a-z_]+)\[(\d+)\]")
_REMEDIES: Final = (
    ("Object missing required field", "add it"),
    ("Expected `str`, got", "put it in quotes"),
    ("Expected `int`, got", "write a whole number without quotes"),
    ("Expected `bool`, got", "write true or false"),
    ("Expected `array`, got", "write a list in [ ]"),
    ("Expected `object`, got", "write a table"),
    ("Expected `datetime", "write it like 2026-11-20T12:00:00Z"),
    ("Expected `int` <=", "write a smaller one"),
    ("Expected `int` >=", "write a larger one"),
    ("Expected `array` of length", "name as many"),
    ("Expected `str` matching", "write it in these letters only"),
    ("Expected `str` of length", "write another text"),
)


def sentence(
    file: Path | None, text: str, written: dict[str, Any], error: str, within: str = ""
) -> str:
    """Return what msgspec says of ``written`` in our words.

    ``within``: the place at which what was read stands, when that was not the whole scene.
    """
    found = _PLACE.fullmatch(error)
    words, where = (found[1], _joined(within, found[2])) if found else (error, within)
    name, colon, rest = words.partition(": ")
    if colon and re.fullmatch(r"[a-z_]+", name):  # a struct's own check names its field first
        return f"{at(file, text, _joined(where, name))}: {rest}"
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", words)
    if unknown:
        near = nearest(unknown[1], _known(where, written))
        return f"{at(file, text, _joined(where, unknown[1]))}: there is no such key{near}"
    chosen = re.fullmatch(r"Invalid (?:enum )?value (.*)", words)
    if chosen:
        return f"{at(file, text, where)}: {chosen[1]} is unknown: {_options(where, written)}"
    remedy = next((remedy for begin, remedy in _REMEDIES if words.startswith(begin)), "")
    said = words.replace("`", "")
    said = f"{said[:1].lower()}{said[1:]}"
    remedy = remedy or ("correct it" if ":" not in said else "")
    return f"{at(file, text, where)}: {said}{f': {remedy}' if remedy else ''}"


def at(file: Path | None, text: str, where: str) -> str:
    """Return file, line and place; the line is that of the table the place lies in."""
    if file is None:
        return where or "the step"
    line = _line(text, where)
    return f"{file}{f':{line}' if line else ''}{f': {where}' if where else ''}"


def _joined(where: str, inner: str) -> str:
    return f"{where}.{inner}" if where and inner and inner[0] != "[" else where + inner


def _line(text: str, where: str) -> int | None:
    """Return the line on which the table of a place begins: its header, or else the key."""
    item = _ITEM.match(where)
    if item is None:
        header, number = rf"\s*(\[+\s*)?{re.escape(where.partition('.')[0])}\b", 0
    else:
        header, number = rf"\s*\[\[\s*{re.escape(item[1])}\s*\]\]", int(item[2])
    lines = [n for n, line in enumerate(text.split("\n"), 1) if re.match(header, line)]
    return lines[number] if where and number < len(lines) else None


# --- what may stand somewhere --------------------------------------------------------------------


def _known(where: str, written: dict[str, Any]) -> list[str]:
    known: list[str] = []
    for kind in _kinds(where, written):
        known += [each.encode_name for each in msgspec.structs.fields(kind)]
        known += [tag for tag in (kind.__struct_config__.tag_field,) if tag]
    return known


def _options(where: str, written: dict[str, Any]) -> str:
    """Return what may stand at a place that has a choice of words."""
    parent, _, name = where.rpartition(".")
    kinds = _kinds(parent, written)
    words = [str(tag[1]) for kind in kinds if (tag := _tag(kind)) and tag[0] == name]
    for kind in kinds:
        for each in msgspec.structs.fields(kind):
            if each.encode_name == name and not words:
                words = _words(each.type)
    return f"use one of {', '.join(words)}" if words else "correct it"


def _words(hint: Any) -> list[str]:
    if get_origin(hint) in (Union, types.UnionType):
        return [word for part in get_args(hint) for word in _words(part)]
    return [str(option) for option in get_args(hint)]


def _kinds(where: str, written: dict[str, Any]) -> list[Kind]:
    """Return the struct at a place, or all that could be there when no tag decides."""
    kinds: list[Kind] = [Scene]
    node: Any = written
    for part in _PART.findall(where):
        if part[0] == "[":
            place = part[1:-1]
            node = node[int(place)] if place.isdigit() and isinstance(node, list) else None
        else:
            node = node.get(part) if isinstance(node, dict) else None
            kinds = [inner for kind in kinds for inner in _inner(kind, part)]
        tagged = [kind for kind in kinds if isinstance(node, dict) and _fits(kind, node)]
        kinds = tagged or kinds
    return kinds


def _tag(kind: Kind) -> tuple[str, object] | None:
    config = kind.__struct_config__
    return (config.tag_field, config.tag) if config.tag_field else None


def _fits(kind: Kind, node: dict[str, Any]) -> bool:
    tag = _tag(kind)
    return tag is not None and node.get(tag[0]) == tag[1]


def _inner(kind: Kind, name: str) -> list[Kind]:
    for each in msgspec.structs.fields(kind):
        if each.encode_name == name:
            return _structs(each.type)
    return []


def _structs(hint: Any) -> list[Kind]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [kind for part in get_args(hint) for kind in _structs(part)]
