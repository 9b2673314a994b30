"""What is configured: values with their origins, strategy kinds, and the page that lists all."""

from __future__ import annotations

from pathlib import Path

import msgspec

from underround import app as application
from underround.cli.screen import output, print_json, print_line, print_table
from underround.model.errors import ConfigError, DiskError
from underround.operations import fields
from underround.operations.config import Loaded
from underround.operations.configdoc import in_page, meanings, reference
from underround.operations.fields import default_of, domain, field_of, unit_of
from underround.strategies.base import REGISTRY
from underround.strategies.plugins import load_plugins


def print_settings(loaded: Loaded[application.Config], *, as_json: bool) -> None:
    """Print every leaf as a line of TOML with its origin as a comment, or as JSON."""
    if as_json:
        print_json({"config": loaded.tree(), "origins": loaded.origins})
        return
    lines = [
        (f"{path} = {value}" if value != "none" else f"# {path} is not set", origin)
        for path, value, origin in loaded.rows()
    ]
    width = max(len(line) for line, _ in lines)
    console = output()
    for line, origin in lines:
        print_line(console, f"{line:{width}}  # {origin}")


def print_strategies(*, as_json: bool) -> None:
    """Print the kinds of strategies with their parameters."""
    load_plugins()
    kinds = [_kind(name) for name in sorted(REGISTRY)]
    if as_json:
        print_json(kinds)
        return
    console = output()
    for kind in kinds:
        print_line(console, f"{kind.kind}: {kind.about}", style="bold")
        print_line(console, f"loses when: {kind.loses_when}")
        rows = [
            (item.name, item.default, item.unit, item.holds, item.meaning)
            for item in kind.parameters
        ]
        print_table(console, ("parameter", "default", "unit", "holds", "meaning"), rows)
        console.print()


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a kind."""

    name: str
    default: str
    holds: str
    unit: str
    meaning: str


class Kind(msgspec.Struct, frozen=True):
    """One kind of strategy as ``strategies`` lists it."""

    kind: str
    about: str
    loses_when: str
    parameters: tuple[Parameter, ...]


def _kind(name: str) -> Kind:
    strategy = REGISTRY[name]
    about = " ".join((strategy.__doc__ or "").partition("\n\n")[0].split())
    meaning = meanings(strategy.params_type)
    parameters = []
    for info in msgspec.structs.fields(strategy.params_type):
        field, default = field_of(info.type), default_of(info)
        shown = "required"
        if default is not msgspec.NODEFAULT:
            shown = fields.shown(fields.written(default, field))
        parameters.append(
            Parameter(
                info.encode_name,
                shown,
                domain(field),
                unit_of(field, info.encode_name),
                meaning.get(info.name, ""),
            )
        )
    return Kind(name, about, strategy.loses_when, tuple(parameters))


def all_keys() -> str:
    """Return the reference of all keys as Markdown."""
    params = {name: strategy.params_type for name, strategy in REGISTRY.items()}
    return reference(application.Config, params)


def write_page(page: Path) -> None:
    """Bring the list of keys in a page up to date.  Raises ``ConfigError`` without its marks."""
    try:
        text = page.read_text("utf-8")
        page.write_text(in_page(text, all_keys()), "utf-8")
    except ValueError as error:
        raise ConfigError(f"{page}: {error}") from None
    except OSError as error:
        raise DiskError(f"{page}: {error.strerror or error}") from None
