"""The error tree, its picture, and the exit codes the documentation promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from underround.model import errors
from underround.model.errors import StopAndFix, UnderroundError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def classes() -> dict[str, type[UnderroundError]]:
    """Return every class of the tree by name."""
    found: dict[str, type[UnderroundError]] = {}
    waiting: list[type[UnderroundError]] = [UnderroundError]
    while waiting:
        each = waiting.pop()
        if each.__module__ == errors.__name__:
            found[each.__name__] = each
        waiting += each.__subclasses__()
    return found


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """Return each name in the docstring's picture with its parent and its exit code."""
    found: dict[str, tuple[str | None, int | None]] = {}
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ([│├└─ ]*)([A-Z]\w+)\s*(.*)", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        code = re.search(r"exit (\d+)$", match[3])
        branch[depth:] = [match[2]]
        found[match[2]] = (branch[depth - 1] if depth else None, int(code[1]) if code else None)
    return found


def documented() -> dict[str, int]:
    """Return the classes in the table of ``docs/errors.md`` with their exit codes."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return {name: int(code) for code, name in rows}


def test_the_picture_shows_the_classes() -> None:
    """Every class is drawn below its base, and nothing else is drawn."""
    parents = {
        name: each.__base__.__name__ if each is not UnderroundError and each.__base__ else None
        for name, each in classes().items()
    }
    assert {name: parent for name, (parent, _) in drawn().items()} == parents


def test_the_picture_shows_the_exit_codes() -> None:
    """Where the picture names an exit code it is the class's."""
    shown = {name: code for name, (_, code) in drawn().items() if code is not None}
    assert shown
    known = classes()
    assert shown == {name: known[name].exit_code for name in shown}


def test_the_document_lists_every_class_with_its_exit_code() -> None:
    """``docs/errors.md`` and the tree agree, class by class."""
    assert documented() == {name: each.exit_code for name, each in classes().items()}


def test_what_the_operator_must_do_next_has_a_code_of_its_own() -> None:
    """The kinds directly below ``StopAndFix``, and ``Bug``, are told apart by their codes."""
    kinds: list[type[UnderroundError]] = [*StopAndFix.__subclasses__(), errors.Bug]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(kinds)
    assert not set(codes) & {0, 1, UnderroundError.exit_code, 130, 141, 143}


@pytest.mark.parametrize("name", sorted(classes()))
def test_an_error_keeps_its_sentence(name: str) -> None:
    """The text of an error is the sentence it was raised with, and it is caught by the root."""
    error = classes()[name]
    with pytest.raises(UnderroundError, match=r"^the place: the remedy$"):
        raise error("the place: the remedy")
