"""The reference of all keys, made from the structs."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from underround.operations.config import StrategySection
from underround.operations.configdoc import BEGIN, END, in_page, meanings, reference


class Params(msgspec.Struct, frozen=True):
    edge: Annotated[int, msgspec.Meta(ge=0, extra={"micros": "dollars"})] = 5_000
    """What it wants | at least."""


class Limits(msgspec.Struct, frozen=True):
    """Limits of one account.

    More about them.
    """

    age_ms: Annotated[int, msgspec.Meta(ge=1, le=9, description="How old.")] = 3
    name: str | None = None


class Middle(msgspec.Struct, frozen=True):
    limits: Limits = Limits(age_ms=8)


class Top(msgspec.Struct):
    first: Middle = Middle(limits=Limits(age_ms=9))
    second: Middle = msgspec.field(default_factory=Middle)


class Root(msgspec.Struct):
    seed: int
    """Where chance
    begins."""
    limits: Limits = Limits()
    strategies: dict[str, StrategySection] = {}


def test_every_key_has_its_default_bounds_unit_and_meaning() -> None:
    """All sections, the operator's own and the parameters of kinds are there."""
    text = reference(Root, {"dutch_book": Params})
    assert "| `seed` | *required* | a whole number | – | Where chance begins. |" in text
    assert "### `[limits]`\n\nLimits of one account.\n" in text
    assert "| `age_ms` | `3` | a whole number from 1 to 9 | milliseconds | How old. |" in text
    assert "| `name` | `none` | a string | – |  |" in text
    assert "### `[strategies.<name>]`" in text
    assert "### `params of kind dutch_book`" in text
    assert '| `edge` | `"0.005"` | decimal in quotes at least 0 | dollars |' in text
    assert "What it wants \\| at least." in text


def test_the_defaults_of_a_section_are_those_its_parent_gives_it() -> None:
    """A parent may default to an instance that differs from the section's own defaults."""
    defaults = [line for line in reference(Top).splitlines() if line.startswith("| `age_ms`")]
    assert [line.split(" | ")[1] for line in defaults] == ["`9`", "`8`"]


def test_a_meaning_may_be_inherited() -> None:
    """Fields of a base struct keep their docstring."""

    class More(Params, frozen=True):
        extra: int = 1

    assert meanings(More) == {"edge": "What it wants | at least."}


def test_a_page_is_updated_between_its_marks_only() -> None:
    """Updating twice changes nothing, and what surrounds the marks stays."""
    page = f"# Title\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    once = in_page(page, "new\n")
    assert once == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert in_page(once, "new\n") == once
    with pytest.raises(ValueError, match="needs the lines"):
        in_page("# Title\n", "new\n")
