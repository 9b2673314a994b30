"""The halt flag: a file whose existence stops new orders, whatever is in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from underround.model.errors import DiskError

_LONGEST: Final = 500


class HaltFlag:
    """The flag at ``path``.  Any directory entry of that name means halted: it fails closed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def halt(self, reason: str) -> None:
        """Set the flag; a later reason replaces an earlier one.

        The flag appears whole or not at all, and survives a loss of power.  Raises ``DiskError``.
        """
        text = " ".join(reason.split())[:_LONGEST]
        temporary = ""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".halt-", dir=self.path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(f"{text}\n".encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise DiskError(
                f"the halt flag {self.path} could not be written ({error.strerror or error}): "
                "stop the program itself"
            ) from None

    def resume(self) -> str | None:
        """Remove the flag and return why it was set; ``None`` if it was not.

        Raises ``DiskError`` when it cannot be removed: the halt then stays in force.
        """
        reason = self.read()
        if reason is None:
            return None
        try:
            self.path.unlink(missing_ok=True)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise DiskError(
                f"the halt flag {self.path} could not be removed ({error.strerror or error}), so "
                "the halt stays in force: remove it by hand"
            ) from None
        return reason

    def read(self) -> str | None:
        """Return why everything is halted, or ``None`` when nothing is.

        Never raises: a flag that cannot be read, or is not a file, is a halt.
        """
        try:
            self.path.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{self.path} cannot be checked: {error.strerror or error}"
        try:
            with self.path.open("rb") as file:
                data = file.read(4 * _LONGEST)
        except OSError as error:
            return f"{self.path} is there but cannot be read: {error.strerror or error}"
        text = data.decode("utf-8", "replace")
        # Printed on terminals: what is not printable could act on them.
        visible = "".join(letter if letter.isprintable() else " " for letter in text)
        return " ".join(visible.split())[:_LONGEST] or "no reason was given"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
