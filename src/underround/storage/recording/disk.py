"""The file names of a recording, and the few ways in which its files change on disk.

Every change goes through ``publish_file`` (a file appears whole or not at all) or through
``TailFile`` (bytes are appended, then dropped together).  All of them turn an ``OSError`` into one
``DiskError`` sentence.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from underround.model.errors import DiskError, RecordingError

HEADER: Final = "recording.json"
MARKETS: Final = "markets.json"
INDEX: Final = "index.json"
MANIFEST: Final = "manifest.sha256"
TAIL: Final = "tail.log"
UNREADABLE: Final = "tail.unreadable"
SEGMENTS: Final = "segments"
TEMPORARY: Final = ".tmp"

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_FOLDER: Final = frozenset({errno.EEXIST, errno.ENOTDIR})


def segment_file(number: int) -> str:
    """Return the name of the ``number``-th segment, counted from 1, within its recording."""
    return f"{SEGMENTS}/{number:08d}.parquet"


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a ``DiskError`` that names ``path`` and the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            text = f"the disk is full: {path} could not be written; free space and record again"
        elif error.errno in _FORBIDDEN:
            text = f"{path} is not writable ({error.strerror}): correct its owner or its mode"
        elif error.errno in _NO_FOLDER and (file := file_above(path)) is not None:
            text = f"{file} is a file: name a place that is not below it"
        elif error.errno == errno.EEXIST:
            text = f"{path} exists: name a new one"
        elif error.errno == errno.EISDIR:
            text = f"{path} is a folder and a file is to be written there: remove it"
        else:
            text = f"{path} could not be written: {error.strerror or error}"
        raise DiskError(text) from error


def file_above(path: Path) -> Path | None:
    """Return ``path`` or the folder above it that is no folder but a file; ``None``: neither."""
    try:
        for place in (path, *path.parents):
            if place.is_dir():
                return None
            if place.exists():
                return place
    except OSError:
        return None  # it cannot even be looked at: the caller's own error says why
    return None


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``; the operating system may take it in several parts."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, not only the bytes of its files."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_file(path: Path, data: bytes) -> None:
    """Make ``path`` hold ``data``: after a crash it has the old content or the new, never a part.

    Raises ``DiskError``; the old content is then untouched.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with disk_errors(path):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)  # noqa: PTH105 – a name that tests can make fail
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove ``path`` if it is there, durably.  Raises ``DiskError``."""
    with disk_errors(path):
        path.unlink(missing_ok=True)
        sync_folder(path.parent)


class TailFile:
    """The append-only ``tail.log``, locked against a second process for as long as it is open.

    The lock is the kernel's: it ends with the process, however that ends.
    """

    __slots__ = ("_descriptor", "_length", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_errors(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise RecordingError(
                    f"{path.parent} is being recorded by a running process: stop it first"
                ) from None
            self._length = os.fstat(self._descriptor).st_size

    def append(self, block: bytes) -> None:
        """Append ``block`` whole.  Raises ``DiskError``; nothing of it is then left in the file."""
        with disk_errors(self.path):
            try:
                write_all(self._descriptor, block)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self._length)
                raise
            self._length += len(block)

    def restart(self) -> None:
        """Drop everything appended so far, in one step.  Raises ``DiskError``."""
        with disk_errors(self.path):
            os.ftruncate(self._descriptor, 0)
            self._length = 0

    def close(self) -> None:
        """Give up the file and its lock; twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
