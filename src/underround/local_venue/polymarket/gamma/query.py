"""The query of a Gamma request: typed reading, and refusals in Gamma's form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from aiohttp import web

from underround.local_venue.net.http_host import json_answer
from underround.model.units import ONE, Nanos
from underround.venues.polymarket.gamma.wire import stamp

_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
_LONGEST_NUMBER: Final = 30


class QueryRefused(Exception):
    """A parameter that Gamma does not take: 422."""


class Query:
    """The parameters of one request; what nobody reads is ignored, as Gamma does."""

    def __init__(self, request: web.Request) -> None:
        """Read from a request's query."""
        self._told = request.query

    def __contains__(self, name: str) -> bool:
        return name in self._told

    def word(self, name: str) -> str | None:
        """Return a parameter; an empty one counts as left out."""
        return self._told.get(name) or None

    def words(self, name: str) -> frozenset[str]:
        """Return a parameter that may be repeated, or hold a list with commas."""
        told: Sequence[str] = self._told.getall(name, [])
        return frozenset(part for each in told for part in each.split(",") if part)

    def truth(self, name: str) -> bool | None:
        """Return a truth value; raises ``QueryRefused`` for other words."""
        told = self.word(name)
        if told is None:
            return None
        if told.lower() not in _TRUTHS:
            raise QueryRefused(f"invalid boolean for {name}")
        return _TRUTHS[told.lower()]

    def number(self, name: str, default: int) -> int:
        """Return a whole number that is not negative; raises ``QueryRefused``."""
        told = self.word(name)
        if told is None:
            return default
        if not (told.isascii() and told.isdigit() and len(told) < _LONGEST_NUMBER):
            raise QueryRefused(f"invalid integer for {name}")
        return int(told)

    def micros(self, name: str) -> int | None:
        """Return a decimal number in millionths, rounded down; raises ``QueryRefused``."""
        told = self.word(name)
        if told is None:
            return None
        try:
            value = Decimal(told)
        except InvalidOperation:
            raise QueryRefused(f"invalid number for {name}") from None
        if not value.is_finite() or value.adjusted() > _LONGEST_NUMBER:
            raise QueryRefused(f"invalid number for {name}")
        return math.floor(value * ONE)

    def time(self, name: str) -> Nanos | None:
        """Return a time or the first moment of a day; raises ``QueryRefused``."""
        told = self.word(name)
        try:
            return stamp(told)
        except ValueError:
            raise QueryRefused(f"invalid timestamp for {name}") from None


def refused(why: object, status: int = 422, kind: str = "validation error") -> web.Response:
    """Return a refusal as Gamma writes it."""
    return json_answer({"type": kind, "error": str(why)}, status)


def missing(what: str) -> web.Response:
    """Return what Gamma says of a row it does not have, e.g. for ``id`` or ``slug``."""
    return refused(f"{what} not found", 404, "not found error")
