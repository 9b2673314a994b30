"""Asking the terminal for a secret."""

from __future__ import annotations

import getpass
import sys

import pytest

from underround.cli.passwords import ask
from underround.model.errors import KeyStoreError


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what somebody at a terminal types, line by line."""
    lines: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: lines.pop(0))
    return lines


def test_a_password_that_is_asked_twice_must_be_the_same(typed: list[str]) -> None:
    typed += ["correct horse", "correct horse"]
    with ask("new: ", twice=True).reveal() as bare:
        assert bytes(bare) == b"correct horse"
    for second in ("correct house", "", "correct horse "):
        typed += ["correct horse", second]
        with pytest.raises(KeyStoreError, match="the two passwords differ: nothing was changed"):
            ask("new: ", twice=True)
    assert not typed


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(KeyStoreError, match="there is no terminal to ask at"):
        ask("new: ")
