"""The query of a Data API request: typed reading, conditions, pages by signed cursors, refusals."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from aiohttp import web

from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.gamma.query import Query, QueryRefused
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import address_bytes, checksum, keccak

R = TypeVar("R")
Key: TypeAlias = tuple[int, ...]
_CONDITION: Final = re.compile(r"0x([0-9a-f]{62}|[0-9a-f]{64})", re.ASCII)
_MOST_NAMED: Final = 20
_ALIASES: Final = ("condition", "condition_id", "conditionId")


class DataRefused(Exception):
    """A request the Data API does not take: 400 naming the parameter."""

    def __init__(self, words: str, parameter: str = "") -> None:
        super().__init__(words)
        self.parameter = parameter

    def answer(self, number: int) -> web.Response:
        """Return the refusal as the service writes it; ``number`` makes its trace id."""
        told: dict[str, object] = {"error": str(self), "code": "invalid_request"}
        if self.parameter:
            told["parameter"] = self.parameter
        trace = keccak(f"data api trace {number}".encode())[:16].hex()
        return json_answer(told | {"retryable": False, "trace_id": trace}, 400)


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    path: str
    cohort: str
    limit: int
    key: tuple[int, ...]


_cursor = msgspec.json.Decoder(_Cursor).decode


class DataQuery:
    """The parameters of one request."""

    def __init__(self, request: web.Request, seed: int) -> None:
        """Refuses ``offset``: pages follow cursors only."""
        self._query = Query(request)
        self._path = request.path
        self._secret = f"data api cursor {seed}".encode()
        if "offset" in self._query:
            raise DataRefused("unknown query param 'offset': page by cursor", "offset")

    # --- values --------------------------------------------------------------------------------

    def word(self, name: str, among: Sequence[str] = ()) -> str | None:
        """Return a parameter; refuses one that is not ``among`` the allowed."""
        told = self._query.word(name)
        if told is not None and among and told not in among:
            raise DataRefused(f"invalid query param '{name}': {told!r}", name)
        return told

    def words(self, name: str) -> frozenset[str]:
        """Return a parameter that is a list with commas."""
        return self._query.words(name)

    def truth(self, name: str, default: bool) -> bool:
        """Return a truth value."""
        found = self._told(name, self._query.truth)
        return default if found is None else found

    def micros(self, name: str) -> int | None:
        """Return a decimal number in millionths."""
        return self._told(name, self._query.micros)

    def number(self, name: str, default: int) -> int:
        """Return a whole number."""
        return self._told(name, lambda each: self._query.number(each, default))

    def second(self, name: str) -> Nanos | None:
        """Return a time stated in Unix seconds; 0 counts as left out."""
        found = self.number(name, 0)
        return found * NANOS_PER_SECOND if found else None

    def _told(self, name: str, read: Callable[[str], R]) -> R:
        try:
            return read(name)
        except QueryRefused as error:
            raise DataRefused(str(error), name) from None

    def wallet(self, *, needed: bool = True) -> AccountId | None:
        """Return the wallet asked about; refuses what is no address, and none if one is needed."""
        told = self._query.word("user")
        if told is None:
            if needed:
                raise DataRefused("required query param 'user' not provided", "user")
            return None
        try:
            return AccountId(checksum(address_bytes(told.lower())))
        except ValueError:
            raise DataRefused(f"invalid query param 'user': {told[:80]!r}", "user") from None

    def conditions(self) -> frozenset[str]:
        """Return the markets asked for, in the form of 64 digits; empty: all."""
        found: set[str] = set()
        for name in _ALIASES:
            for told in self._query.words(name):
                match = _CONDITION.fullmatch(told.lower())
                if match is None:
                    raise DataRefused(f"invalid condition id {told[:80]!r}", name)
                found.add(f"0x{match[1].ljust(64, '0')}")
        if len(found) > _MOST_NAMED:
            raise DataRefused(f"at most {_MOST_NAMED} condition ids", "condition")
        return frozenset(found)

    # --- pages ---------------------------------------------------------------------------------

    def page(
        self,
        rows: Iterable[R],
        key: Callable[[R], Key],
        *,
        cohort: str = "",
        most: int = 1_000,
        usual: int = 100,
    ) -> tuple[list[R], dict[str, Any]]:
        """Return one page of rows, highest key first, and its ``pagination``.

        ``cohort`` is what a walk began with: a cursor knows it, and stating another is refused.
        """
        cursor = self._resumed(cohort)
        limit = self.number("limit", usual) if cursor is None else cursor.limit
        if not 1 <= limit <= most:
            raise DataRefused(f"limit must be between 1 and {most}", "limit")
        placed = sorted(((key(row), row) for row in rows), key=lambda each: each[0], reverse=True)
        if cursor is not None:
            placed = [each for each in placed if each[0] < cursor.key]
        taken, more = placed[:limit], len(placed) > limit
        following = _Cursor(self._path, cohort, limit, taken[-1][0]) if more else None
        return [row for _, row in taken], {
            "limit": limit,
            "offset": 0,
            "has_more": more,
            "next_cursor": None if following is None else self._sealed(following),
        }

    def _resumed(self, cohort: str) -> _Cursor | None:
        told = self._query.word("cursor")
        if told is None:
            return None
        body = told.rpartition(".")[0]
        try:
            cursor = _cursor(urlsafe_b64decode(body.encode()))
        except (ValueError, Base64Error, msgspec.MsgspecError):
            raise DataRefused("invalid cursor", "cursor") from None
        if not hmac.compare_digest(self._sealed(cursor), told) or cursor.path != self._path:
            raise DataRefused("invalid cursor", "cursor")
        if cohort != cursor.cohort:
            raise DataRefused("cursor contradicts the query it is resumed with", "cursor")
        return cursor

    def _sealed(self, cursor: _Cursor) -> str:
        body = urlsafe_b64encode(msgspec.json.encode(cursor))
        seal = hmac.digest(self._secret, body, "sha256")[:9]
        return f"{body.decode()}.{urlsafe_b64encode(seal).decode()}"

    def stated(self, name: str) -> bool:
        """Return whether a parameter is there at all."""
        return name in self._query

    @property
    def resuming(self) -> bool:
        """Whether the request follows a cursor."""
        return "cursor" in self._query
