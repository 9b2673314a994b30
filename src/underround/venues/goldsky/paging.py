"""Reading all rows of a span of seconds from a subgraph that gives at most 1,000 at once.  Pure.

Rows are asked in the order of their second.  A full page may have been cut within its last second,
and ``timestamp_gt`` that second would lose the rest of it.  So that second is dropped from the page
and read by itself, by id, until it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.errors import AnswerRefused
from underround.venues.goldsky.answers import FIELDS, Row

PAGE: Final = 1_000
"""The most rows that a subgraph gives at once."""


class Cursor(msgspec.Struct, frozen=True):
    """Where reading stands: every second up to ``done`` is complete."""

    done: int
    within: int | None = None
    """The second that is being read by id; ``None``: seconds are read in order."""
    last_id: str = ""
    """The last id of ``within`` that was read."""


class Turn(msgspec.Struct, frozen=True):
    """What one page gave."""

    rows: tuple[Row, ...]
    cursor: Cursor | None
    """Where to go on; ``None``: all rows were read."""


def query(cursor: Cursor, last: int, page: int = PAGE) -> bytes:
    """Return the request body for the next page of the seconds up to ``last``."""
    if cursor.within is None:
        order = "timestamp"
        where = f'timestamp_gt:"{cursor.done}",timestamp_lte:"{last}"'
    else:
        order = "id"
        where = f'timestamp:"{cursor.within}",id_gt:{msgspec.json.encode(cursor.last_id).decode()}'
    text = (
        f"{{orderFilledEvents(first:{page},orderBy:{order},orderDirection:asc,"
        f"where:{{{where}}}){{{FIELDS}}}}}"
    )
    return msgspec.json.encode({"query": text})


def turn(cursor: Cursor, rows: Sequence[Row], last: int, page: int = PAGE) -> Turn:
    """Return what a page adds and where to go on.

    Raises ``AnswerRefused`` for rows out of order, doubled, or outside what was asked: then
    nothing can be said about what is missing.
    """
    if len(rows) > page:
        raise AnswerRefused(f"goldsky: {len(rows)} rows on a page of {page}: ask again")
    full = len(rows) == page
    if cursor.within is not None:
        _check_second(cursor, rows)
        if full:
            return Turn(tuple(rows), Cursor(cursor.done, cursor.within, rows[-1].id))
        return Turn(tuple(rows), _after(cursor.within, last))
    _check_span(cursor, rows, last)
    if not full:
        return Turn(tuple(rows), None)
    cut = rows[-1].at_s
    kept = tuple(row for row in rows if row.at_s < cut)
    return Turn(kept, Cursor(cut - 1, cut))


def _after(second: int, last: int) -> Cursor | None:
    return Cursor(second) if second < last else None


def _check_second(cursor: Cursor, rows: Sequence[Row]) -> None:
    before = cursor.last_id
    for row in rows:
        if row.at_s != cursor.within or row.id <= before:
            raise AnswerRefused(f"goldsky: row {row.id[:140]} is out of place: ask again")
        before = row.id


def _check_span(cursor: Cursor, rows: Sequence[Row], last: int) -> None:
    before = cursor.done + 1
    for row in rows:
        if not before <= row.at_s <= last:
            raise AnswerRefused(f"goldsky: row {row.id[:140]} is out of place: ask again")
        before = row.at_s
    if len({row.id for row in rows}) != len(rows):
        raise AnswerRefused("goldsky: a row stands twice on a page: ask again")
