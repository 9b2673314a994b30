"""Lists in pages: the cursor is the base64 of the number of rows before the page."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from underround.local_venue.polymarket.clob.refused import Refused

FIRST: Final = "MA=="
LAST: Final = "LTE="
PAGE: Final = 500
_LONGEST: Final = 12
T = TypeVar("T")


def page(
    rows: Sequence[T], cursor: str | None, write: Callable[[T], object], limit: int = PAGE
) -> dict[str, object]:
    """Return the page of ``rows`` that ``cursor`` begins; 400 for a cursor of nobody's."""
    begin = _offset(cursor)
    shown = rows[begin : begin + limit]
    end = begin + len(shown)
    return {
        "data": [write(row) for row in shown],
        "next_cursor": LAST if end >= len(rows) else b64encode(str(end).encode()).decode(),
        "limit": limit,
        "count": len(shown),
    }


def _offset(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        text = b64decode(cursor, validate=True).decode("ascii")
    except (Base64Error, ValueError):
        raise Refused(400, "invalid next_cursor") from None
    if text == "-1":  # what LTE= says: the list is over
        return 1 << 60
    if not text.isdigit() or len(text) > _LONGEST:
        raise Refused(400, "invalid next_cursor")
    return int(text)
