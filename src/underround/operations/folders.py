"""Where the program keeps what it writes: runs, the journal, reports and the halt flag."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from underround.model.errors import ConfigError, DiskError

HOME_VARIABLE: Final = "UNDERROUND_HOME"
HOME: Final = Path("runs")
"""In the current folder: visible, and gone with it."""


class Folders(msgspec.Struct, frozen=True):
    """The state folder and the places in it."""

    home: Path

    @property
    def journal(self) -> Path:
        """The embedded journal's file."""
        return self.home / "journal.sqlite3"

    @property
    def halt_flag(self) -> Path:
        """The halt flag: see ``operations.halt``."""
        return self.home / "halted"

    def run(self, run: str) -> Path:
        """Return the folder of one run."""
        return self.home / run

    def report(self, run: str) -> Path:
        """Return the file of one run's report."""
        return self.run(run) / "report.html"

    def check(self) -> None:
        """Raise ``DiskError`` when a file stands where the state folder should be."""
        for place in (self.home, *self.home.parents):
            if place.is_dir():
                return
            if place.exists():
                within = "" if place == self.home else f" and can not hold {self.home}"
                raise DiskError(
                    f"{place} is a file{within}; the state folder must be a folder: name another "
                    f"one in {HOME_VARIABLE}"
                )

    def create(self) -> None:
        """Make the state folder, and make sure that it can be written to.

        Raises ``DiskError`` when it cannot be made or written.
        """
        self.check()
        make_writable(self.home)


def find_folders(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Folders:
    """Return the folders: ``home``, else ``UNDERROUND_HOME``, else ``./runs``.  Creates nothing.

    A leading ``~`` is the operator's home folder.  Raises ``ConfigError`` when there is none.
    """
    named = home if home is not None else environ.get(HOME_VARIABLE, "")
    if not named:
        return Folders(HOME)
    try:
        return Folders(Path(named).expanduser())
    except RuntimeError:
        raise ConfigError(
            f"{HOME_VARIABLE}: there is no home folder that {named} could mean: "
            "write the whole path"
        ) from None


def make_writable(folder: Path) -> None:
    """Make ``folder`` and prove that a file can be written there.  Raises ``DiskError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        raise DiskError(
            f"{folder} cannot be written to ({error.strerror or error}): make room or give it "
            f"to you, or name another folder in {HOME_VARIABLE}"
        ) from None
