"""The reference of all configuration keys as Markdown, made from the structs themselves.

Default, unit, bounds and meaning are read from the fields; the meaning is the docstring under a
field, as in the rest of the source, or the ``description`` of its ``Meta``.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import NODEFAULT

from underround.operations import fields
from underround.operations.fields import Field, default_of, field_of, unit_of

BEGIN: Final = "<!-- begin: all keys -->"
END: Final = "<!-- end: all keys -->"


def reference(
    type_: type[msgspec.Struct], params: Mapping[str, type[msgspec.Struct]] | None = None
) -> str:
    """Return one Markdown section per configuration section below ``type_``.

    ``params`` are the parameter structs of the strategy kinds.  The defaults of a section are those
    of the instance that its parent defaults to, which may differ from those of its own type.
    """
    parts = list(_sections(type_, "", None))
    for kind, struct in sorted((params or {}).items()):
        parts.append(_section(struct, f"params of kind {kind}", None))
    # Docstrings mark code with two backticks, Markdown with one.
    return "\n\n".join(part for part in parts if part).replace("``", "`") + "\n"


def in_page(page: str, text: str) -> str:
    """Return ``page`` with what stands between the two marks replaced by ``text``.

    Raises ``ValueError`` when the marks are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def meanings(type_: type[msgspec.Struct]) -> dict[str, str]:
    """Return what each field means, by its name; fields without a word are left out."""
    found: dict[str, str] = {}
    for class_ in reversed(type_.__mro__):
        if class_.__module__.partition(".")[0] in {"builtins", "msgspec", "typing"}:
            continue
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(class_))).body[0]
        except (OSError, TypeError):
            continue  # made at run time: only Meta can speak for its fields
        assert isinstance(body, ast.ClassDef)
        for statement, following in zip(body.body, body.body[1:], strict=False):
            text = getattr(getattr(following, "value", None), "value", None)
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(text, str)
            ):
                found[statement.target.id] = " ".join(text.split())
    for info in msgspec.structs.fields(type_):
        for meta in field_of(info.type).metas:
            if meta.description:
                found[info.name] = meta.description
    return found


def _sections(type_: type[msgspec.Struct], name: str, base: object) -> Iterator[str]:
    yield _section(type_, f"[{name}]" if name else "", base)
    for info in msgspec.structs.fields(type_):
        field = field_of(info.type)
        inner = _inner(field)
        if inner is None:
            continue
        path = f"{name}.{info.encode_name}" if name else info.encode_name
        if field.mapping:
            yield from _sections(inner, f"{path}.<name>", None)
        else:
            default = _default(info, base)
            yield from _sections(inner, path, default if isinstance(default, inner) else None)


def _default(info: msgspec.structs.FieldInfo, base: object) -> object:
    return default_of(info) if base is None else getattr(base, info.name)


def _inner(field: Field) -> type[msgspec.Struct] | None:
    if field.mapping:
        return field_of(field.item).struct
    return None if field.struct is msgspec.Struct else field.struct


def _section(type_: type[msgspec.Struct], title: str, base: object) -> str:
    meaning = meanings(type_)
    rows = [
        _row(field_of(info.type), info, _default(info, base), meaning.get(info.name, ""))
        for info in msgspec.structs.fields(type_)
        if _inner(field_of(info.type)) is None
    ]
    if not rows:
        return ""
    lines = [f"### `{title}`\n"] if title else []
    if type_.__doc__ and title:
        lines.append(" ".join(inspect.cleandoc(type_.__doc__).partition("\n\n")[0].split()) + "\n")
    lines += ["| key | default | holds | unit | meaning |", "|---|---|---|---|---|", *rows]
    return "\n".join(lines)


def _row(field: Field, info: msgspec.structs.FieldInfo, default: object, meaning: str) -> str:
    if field.struct is msgspec.Struct:
        shown = "those of its kind"
    elif default is NODEFAULT:
        shown = "*required*"
    else:
        shown = f"`{fields.shown(fields.written(default, field))}`"
    cells = (
        f"`{info.encode_name}`",
        shown,
        fields.domain(field),
        unit_of(field, info.encode_name),
        meaning,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
