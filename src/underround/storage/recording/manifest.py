"""``manifest.sha256``: a digest of each file of a sealed recording, as ``sha256sum -c`` reads it.

The last line is a comment that holds the digest of the lines above it.  ``sha256sum`` passes over
it; we use it to tell a damaged manifest from a damaged file.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from underround.model.errors import RecordingCorrupt, RecordingError
from underround.storage.recording.disk import (
    MANIFEST,
    SEGMENTS,
    TEMPORARY,
    UNREADABLE,
    disk_errors,
    publish_file,
)

_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S.*)")
_SELF: Final = "# sha256 of the lines above: "


REMEDY: Final = "restore the file from a copy, or import the recording again"


def files_of(root: Path) -> list[str]:
    """Return every file below ``root`` except the manifest and temporary files, sorted."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in names if name != MANIFEST and not name.endswith(TEMPORARY))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, reading it in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(root: Path) -> None:
    """Seal ``root``: list the digest of each of its files.  Raises ``DiskError``."""
    with disk_errors(root / MANIFEST):
        lines = "".join(f"{digest(root / name)}  {name}\n" for name in files_of(root))
    own = hashlib.sha256(lines.encode()).hexdigest()
    publish_file(root / MANIFEST, f"{lines}{_SELF}{own}\n".encode())


def read_manifest(data: bytes) -> tuple[dict[str, str], bool]:
    """Return the digest per file name, and whether the manifest itself is as it was written."""
    text = data.decode("utf-8", errors="replace")
    body, found, own = text.rpartition(_SELF)
    intact = bool(found) and own == f"{hashlib.sha256(body.encode()).hexdigest()}\n"
    digests: dict[str, str] = {}
    for line in (body if found else text).splitlines():
        if match := _LINE.fullmatch(line):
            digests[match[2]] = match[1]
    return digests, intact


def check_small_files(root: Path) -> None:
    """Raise ``RecordingCorrupt`` unless the files beside the segments are those that were sealed.

    Segments are left to their own checksums, which are taken when they are read; files that the
    manifest does not list do no harm.  Raises ``RecordingError`` when one cannot be read.
    """
    place = root / MANIFEST
    try:
        digests, intact = read_manifest(place.read_bytes())
        if not intact:
            raise RecordingCorrupt(f"{place} is damaged: {REMEDY}")
        for name, promised in digests.items():
            if name.startswith(f"{SEGMENTS}/") or name == UNREADABLE:
                continue
            place = root / name
            if not place.is_file():  # nor is a device or a pipe, which could be read forever
                raise FileNotFoundError
            if digest(place) != promised:
                raise RecordingCorrupt(f"{place} differs from what {MANIFEST} promises: {REMEDY}")
    except FileNotFoundError:
        raise RecordingCorrupt(f"{place} is missing: {REMEDY}") from None
    except OSError as error:
        raise RecordingError(f"{place} could not be read: {error.strerror or error}") from None
