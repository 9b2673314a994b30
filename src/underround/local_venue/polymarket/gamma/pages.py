"""Pages of a list in a stated order: by cursor, or by offset as it was before."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from underround.local_venue.polymarket.gamma.query import Query, QueryRefused

R = TypeVar("R")
Key: TypeAlias = tuple[int, ...]
"""Where a row stands in the order: the ordered fields, then its number, which no other row has."""
PAGE: Final = 20
MOST: Final = 100
DEEPEST: Final = 2_000
"""Offset beyond which the old lists refuse."""


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    order: str
    ascending: bool
    key: tuple[int, ...]


_cursor = msgspec.json.Decoder(_Cursor).decode


class Ordering(Generic[R]):
    """What a list may be ordered by: the venue's field → its value of a row."""

    def __init__(
        self, number: Callable[[R], int], fields: Mapping[str, Callable[[R], int]]
    ) -> None:
        """``number`` is the row's id: it breaks ties, so that every row has its own place."""
        self._number = number
        self._fields = fields

    def sorted(self, rows: Sequence[R], query: Query) -> list[tuple[Key, R]]:
        """Return the rows with their places, in the order the query asks for."""
        told = query.word("order") or ""
        names = [name.strip() for name in told.split(",") if name.strip()]
        if any(name not in self._fields and name != "id" for name in names):
            raise QueryRefused("order fields are not valid")
        keys = [self._fields[name] for name in names if name != "id"]
        placed = [((*(key(row) for key in keys), self._number(row)), row) for row in rows]
        placed.sort(key=lambda each: each[0], reverse=query.truth("ascending") is False)
        return placed

    def page(self, rows: Sequence[R], query: Query) -> tuple[list[R], str | None]:
        """Return one page of a keyset list and the cursor of the next; ``None``: it was the last.

        Raises ``QueryRefused`` for an offset, another order's cursor, an unknown field.
        """
        if "offset" in query:
            raise QueryRefused("offset is not supported on keyset endpoints, use after_cursor")
        limit = min(max(query.number("limit", PAGE), 1), MOST)
        ascending = query.truth("ascending") is not False
        placed = self.sorted(rows, query)
        after = query.word("after_cursor")
        if after is not None:
            key = _read(after, query.word("order") or "", ascending=ascending)
            placed = [each for each in placed if (each[0] > key) == ascending and each[0] != key]
        taken = placed[:limit]
        more = len(placed) > limit
        cursor = _Cursor(query.word("order") or "", ascending, taken[-1][0]) if more else None
        return [row for _, row in taken], None if cursor is None else _written(cursor)

    def slice(self, rows: Sequence[R], query: Query) -> list[R]:
        """Return one page of an old list; raises ``QueryRefused`` beyond ``DEEPEST``."""
        offset = query.number("offset", 0)
        if offset > DEEPEST:
            raise QueryRefused(f"offset must be at most {DEEPEST}, use the keyset endpoints")
        limit = min(query.number("limit", PAGE), MOST)
        placed = self.sorted(rows, query)
        return [row for _, row in placed[offset : offset + limit]]


def _written(cursor: _Cursor) -> str:
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode()


def _read(text: str, order: str, *, ascending: bool) -> Key:
    try:
        cursor = _cursor(urlsafe_b64decode(text.encode()))
    except (ValueError, Base64Error, msgspec.MsgspecError):
        raise QueryRefused("invalid after_cursor") from None
    if (cursor.order, cursor.ascending) != (order, ascending):
        raise QueryRefused("after_cursor does not belong to this order")
    return cursor.key
