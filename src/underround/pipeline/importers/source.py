"""Reading source files line by line: plain, gzip or zstd, and refusing what does not fit.

Every refusal is one sentence that names the file, the line and the remedy.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeVar, cast

import msgspec
import zstandard

from underround.model.errors import ImportRefused

Row = Mapping[str, str]
T = TypeVar("T")
_PACKED: Final = (".zst", ".gz")


class Place(NamedTuple):
    """A line of a source file, counted from 1 and after decompression; 0 is the whole file."""

    path: Path
    line: int

    def refused(self, what: str, remedy: str) -> ImportRefused:
        """Return the refusal of this line, to be raised."""
        where = f"{self.path} line {self.line}" if self.line else str(self.path)
        return ImportRefused(f"{where} {what}: {remedy}")


def kind_of(path: Path) -> str:
    """Return the ending that tells the format, compression aside: ``.csv`` of ``a.csv.zst``."""
    return Path(path.stem).suffix if path.suffix in _PACKED else path.suffix


def require_kind(path: Path, *kinds: str) -> None:
    """Refuse ``path`` unless it is a file of one of ``kinds``, compressed or not."""
    if not path.exists():
        raise Place(path, 0).refused("does not exist", "name the downloaded file or folder")
    if path.is_dir():
        raise Place(path, 0).refused(
            "is a folder", f"name a file that ends in {' or '.join(kinds)}"
        )
    if kind_of(path) not in kinds:
        raise Place(path, 0).refused(
            f"is a {kind_of(path) or 'nameless kind of'} file",
            f"this importer reads {' or '.join(kinds)} (plain, .gz or .zst)",
        )


def present(folder: Path, name: str) -> Path | None:
    """Return ``name`` in ``folder``, or its compressed twin, or ``None``."""
    for candidate in (name, *(f"{name}{packed}" for packed in _PACKED)):
        if (folder / candidate).is_file():
            return folder / candidate
    return None


def required(folder: Path, name: str) -> Path:
    """Return ``name`` in ``folder`` (compressed or not); raises ``ImportRefused`` without it."""
    if not folder.is_dir():
        raise Place(folder, 0).refused("is not a folder", f"name the folder that holds {name}")
    if (found := present(folder, name)) is None:
        raise Place(folder, 0).refused(f"holds no {name}", "name the folder of one session")
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        if path.suffix == ".zst":
            with zstandard.ZstdDecompressor().stream_reader(raw) as stream:
                yield cast("IO[bytes]", stream)
        elif path.suffix == ".gz":
            with gzip.GzipFile(fileobj=raw) as stream:
                yield cast("IO[bytes]", stream)
        else:
            yield raw


@contextlib.contextmanager
def _text(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open ``path`` as UTF-8 text and turn damage found while reading into a refusal."""
    try:
        with (
            _opened(path) as stream,
            io.TextIOWrapper(io.BufferedReader(cast("Any", stream)), "utf-8", newline="") as text,
        ):
            yield text
    except UnicodeDecodeError as error:
        raise Place(path, 0).refused(
            f"is not UTF-8 text ({error.reason})", "check the file"
        ) from None
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise Place(path, 0).refused(f"cannot be read ({error})", "download it again") from None


def lines(path: Path) -> Iterator[tuple[Place, str]]:
    """Yield the lines that are not blank, each with its place."""
    with _text(path) as text:
        for number, line in enumerate(text, start=1):
            if line.strip():
                yield Place(path, number), line.rstrip("\r\n")


def csv_rows(
    path: Path, needed: Sequence[str], remedies: Mapping[str, str] | None = None
) -> Iterator[tuple[Place, Row]]:
    """Yield the rows of a CSV file with a header; refuses a missing column or a ragged row.

    ``remedies`` says for each needed column what to do where another schema is no answer.
    """
    with _text(path) as text:
        reader = csv.reader(text, strict=True)
        try:
            names = next(reader, None)
            if names is None:
                raise Place(path, 0).refused("is empty", "check the file")
            for name in needed:
                if name not in names:
                    remedy = (remedies or {}).get(name, "choose the importer of that schema")
                    raise Place(path, 1).refused(
                        f"has no column {name!r}", f"it has {', '.join(names)}; {remedy}"
                    )
            for values in reader:
                place = Place(path, reader.line_num)
                if len(values) != len(names):
                    raise place.refused(
                        f"has {len(values)} values for {len(names)} columns", "repair the row"
                    )
                yield place, dict(zip(names, values, strict=True))
        except csv.Error as error:
            raise Place(path, reader.line_num).refused(
                f"is not CSV ({error})", "download the file again"
            ) from None


def decoder(kind: type[T]) -> Callable[[Place, str | bytes], T]:
    """Return a function that decodes one JSON text as ``kind`` or refuses its place."""
    decode = msgspec.json.Decoder(kind).decode

    def decoded(place: Place, text: str | bytes) -> T:
        try:
            return decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise place.refused(
                f"is not what this importer reads ({error})", "check the kind of the file"
            ) from None

    return decoded


def json_lines(path: Path, kind: type[T]) -> Iterator[tuple[Place, T]]:
    """Yield each line of an NDJSON file decoded as ``kind``."""
    decoded = decoder(kind)
    for place, line in lines(path):
        yield place, decoded(place, line)
