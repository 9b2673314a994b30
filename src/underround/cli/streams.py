"""The streams a command writes to, whatever the shell made of them.

A terminal or pipe may have an encoding that lacks our letters, and a stream may be closed from the
start (``>&-``).  Neither is a reason to fail.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Final

_PLAIN: Final = {
    "→": "->", "–": "-", "—": "-", "…": "...", "·": "*", "×": "x", "−": "-", "’": "'",
    "✓": "+", "✗": "x", "≥": ">=", "≤": "<=",
}  # fmt: skip
_HANDLER: Final = "underround.plain"


def prepare_streams() -> None:
    """Make stdout and stderr take any text.

    What the encoding lacks is written as the nearest plain letters, else as an escape.  What is
    written to a stream that was closed from the start is dropped, as by ``/dev/null``: otherwise
    the next file to be opened would take its number, and its place.
    """
    codecs.register_error(_HANDLER, _plainly)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _open_nowhere(number, name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def close_stdout() -> None:
    """Drop what is still buffered: it would be written, and fail, when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_nowhere(number: int, name: str) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
    mode = "r" if number == 0 else "w"
    setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  a number is no path


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    told = "".join(
        _PLAIN.get(letter) or letter.encode("ascii", "backslashreplace").decode()
        for letter in letters
    )
    return told, error.end
