"""One sentence per way in which a disk refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from underround.model.errors import DiskError
from underround.storage.recording.disk import disk_errors


def test_a_place_below_a_file(tmp_path: Path) -> None:
    """A folder cannot be made below a file: the file is named, however far up it is."""
    file = tmp_path / "rows.csv"
    file.touch()
    for place in (file / "x", file / "x" / "y"):
        with pytest.raises(DiskError, match=r"rows\.csv is a file"), disk_errors(place):
            place.mkdir(parents=True, exist_ok=True)
    with pytest.raises(DiskError, match=r"rows\.csv is a file"), disk_errors(file / "x"):
        (file / "x").write_bytes(b"")


def test_a_folder_where_a_file_should_be_and_what_exists(tmp_path: Path) -> None:
    """Writing a file over a folder and making a folder twice are told apart."""
    with pytest.raises(DiskError, match="is a folder and a file"), disk_errors(tmp_path):
        tmp_path.write_bytes(b"")
    with pytest.raises(DiskError, match="exists: name a new one"), disk_errors(tmp_path):
        tmp_path.mkdir()
