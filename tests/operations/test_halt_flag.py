"""The halt flag: it fails closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import DiskError
from underround.operations.halt import HaltFlag


def test_nothing_is_halted_without_the_file(tmp_path: Path) -> None:
    """No file, no halt; a folder that does not exist yet is no halt either."""
    assert HaltFlag(tmp_path / "halted").read() is None
    assert HaltFlag(tmp_path / "none" / "halted").read() is None


def test_a_halt_is_kept_with_its_reason_until_resumed(tmp_path: Path) -> None:
    """The reason survives on disk, and resuming returns it and removes the flag."""
    path = tmp_path / "state" / "halted"
    HaltFlag(path).halt("prices\nlook  wrong")
    assert HaltFlag(path).read() == "prices look wrong"
    assert HaltFlag(path).resume() == "prices look wrong"
    assert HaltFlag(path).read() is None
    assert HaltFlag(path).resume() is None


def test_a_second_halt_replaces_the_reason_and_leaves_nothing_beside(tmp_path: Path) -> None:
    """Writing is a rename: no temporary file stays."""
    flag = HaltFlag(tmp_path / "halted")
    flag.halt("one")
    flag.halt("two")
    assert flag.read() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["halted"]


@given(st.binary(max_size=5000))
def test_any_content_is_a_halt_and_its_text_is_harmless(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Whatever bytes the file holds, it halts, and what is shown can not act on a terminal."""
    path = tmp_path_factory.getbasetemp() / "odd-flag"
    path.write_bytes(content)
    reason = HaltFlag(path).read()
    assert reason
    assert reason.isprintable()
    assert len(reason) <= 500


def test_a_folder_of_that_name_is_a_halt_that_only_a_hand_can_remove(tmp_path: Path) -> None:
    """A directory entry of any kind halts, and failing to remove it says the halt stays."""
    path = tmp_path / "halted"
    path.mkdir()
    assert HaltFlag(path).read() is not None
    with pytest.raises(DiskError, match="the halt stays in force"):
        HaltFlag(path).resume()


def test_a_dangling_link_is_a_halt(tmp_path: Path) -> None:
    """A link to nowhere is there, so it halts."""
    path = tmp_path / "halted"
    path.symlink_to(tmp_path / "nowhere")
    assert HaltFlag(path).read() is not None


def test_a_path_that_cannot_be_checked_is_a_halt(tmp_path: Path) -> None:
    """Where a file stands in the place of the state folder nothing is known: halted."""
    (tmp_path / "file").touch()
    assert HaltFlag(tmp_path / "file" / "halted").read() is not None


def test_a_halt_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """The operator must know that the flag is not set."""
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="could not be written"):
        HaltFlag(tmp_path / "file" / "halted").halt("now")
