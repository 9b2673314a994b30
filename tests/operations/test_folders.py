"""Where the program writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from underround.model.errors import ConfigError, DiskError
from underround.operations.folders import Folders, find_folders


def test_the_folder_named_first_wins() -> None:
    """An argument goes before UNDERROUND_HOME, which goes before ./runs; empty is unset."""
    environ = {"UNDERROUND_HOME": "/a"}
    assert find_folders(Path("/b"), environ).home == Path("/b")
    assert find_folders(None, environ).home == Path("/a")
    assert find_folders(None, {"UNDERROUND_HOME": ""}).home == Path("runs")
    assert find_folders(None, {}).home == Path("runs")


def test_a_tilde_is_the_operators_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is ever called ``~``; where there is no home the error names the variable."""
    monkeypatch.setenv("HOME", "/h")
    assert find_folders(None, {"UNDERROUND_HOME": "~/x"}).home == Path("/h/x")
    assert find_folders(Path("~/y"), {}).home == Path("/h/y")
    with pytest.raises(ConfigError, match="UNDERROUND_HOME: there is no home folder"):
        find_folders(None, {"UNDERROUND_HOME": "~no such user/x"})


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """The sentence names the file, whether it is the folder itself or stands above it."""
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(
            DiskError, match=r"is a file.*; the state folder must be a folder"
        ) as no:
            Folders(home).check()
        assert str(no.value).startswith(f"{tmp_path}/file is a file")
    Folders(tmp_path / "new" / "below").check()
    assert not (tmp_path / "new").exists()


def test_everything_lies_in_the_state_folder() -> None:
    """Journal, flag, runs and reports share one folder."""
    folders = Folders(Path("/h"))
    for path in (folders.journal, folders.halt_flag, folders.run("r"), folders.report("r")):
        assert path.is_relative_to("/h")
    assert len({folders.journal, folders.halt_flag, folders.run("r"), folders.report("r")}) == 4


def test_creating_leaves_an_empty_folder(tmp_path: Path) -> None:
    """The proof that it can be written to leaves nothing behind, and may be repeated."""
    folders = Folders(tmp_path / "a" / "b")
    folders.create()
    folders.create()
    assert list(folders.home.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """The error names the folder and the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(DiskError) as caught:
        Folders(tmp_path / "file" / "runs").create()
    assert str(tmp_path / "file" / "runs") in str(caught.value)
    assert "UNDERROUND_HOME" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_one_sentence() -> None:
    """A folder of the kernel takes no files, not even from root."""
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    with pytest.raises(DiskError, match="cannot be written to"):
        Folders(Path("/proc/self")).create()
