"""Data API v2: what wallets hold and did, and how markets resolved.

Public and cached: history, never the present.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

from underround.model.errors import AnswerRefused, NotThere, RequestRefused
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Money, Nanos
from underround.venues.polymarket import approvals, data_answers
from underround.venues.polymarket.contracts import POLYGON_CHAIN
from underround.venues.polymarket.data_answers import (
    Activity,
    DataPosition,
    DataTrade,
    ResolutionState,
)
from underround.venues.polymarket.requests import Query, Requests
from underround.venues.words import venue_words

T = TypeVar("T")
PositionStatus: TypeAlias = Literal["OPEN", "CLOSED", "REDEEMABLE", "REDEEMABLE_LOST", "MERGEABLE"]
MOST_ROWS: Final = 1_000
MOST_CONDITIONS: Final = 20
MOST_PAGES: Final = 10_000
_CONDITION: Final = re.compile(r"0x([0-9a-f]{62}|[0-9a-f]{64})")


class PolymarketData:
    """The client; ``requests`` asks ``PolymarketHosts.data``."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def positions(
        self,
        wallet: str,
        *,
        status: PositionStatus = "OPEN",
        conditions: Sequence[str] = (),
        with_dust: bool = True,
    ) -> tuple[DataPosition, ...]:
        """Return a wallet's positions; ``with_dust`` also those below a tenth of a share."""
        query: Query = {
            "user": wallet,
            "status": status,
            "condition": _joined(conditions),
            "filter_type": "TOKENS" if with_dust else None,
            "filter_amount": 0 if with_dust else None,
        }
        rows = self._each("/v2/positions", "data_positions", query, data_answers.positions)
        return tuple([row async for row in rows])

    def trades(
        self,
        wallet: str | None = None,
        *,
        conditions: Sequence[str] = (),
        start_ns: Nanos | None = None,
        end_ns: Nanos | None = None,
    ) -> AsyncIterator[DataTrade]:
        """Yield trades of a wallet, of markets, or of all, newest first.

        Those of a wallet are all it took part in, as maker too; without a wallet each match comes
        once, as its taker's.  Times count only with a wallet; without ``start_ns`` the service goes
        three years back.
        """
        query: Query = {
            "user": wallet,
            "taker_only": None if wallet is None else "false",
            "condition": _joined(conditions),
            "start": _seconds(start_ns),
            "end": _seconds(end_ns),
        }
        return self._each("/v2/trades", "data_trades", query, data_answers.trades)

    def activity(
        self,
        wallet: str,
        *,
        kinds: Sequence[str] = (),
        start_ns: Nanos | None = None,
        end_ns: Nanos | None = None,
    ) -> AsyncIterator[Activity]:
        """Yield what changed a wallet, newest first; ``kinds`` as ``Activity.kind`` names them."""
        query: Query = {
            "user": wallet,
            "type": ",".join(kinds) or None,
            "start": _seconds(start_ns),
            "end": _seconds(end_ns),
        }
        return self._each("/v2/activity", "data", query, data_answers.activity)

    async def resolutions(self, conditions: Sequence[str]) -> tuple[ResolutionState, ...]:
        """Return how far the resolution of 1 … ``MOST_CONDITIONS`` markets is."""
        if not conditions:
            raise RequestRefused("Polymarket: name the markets whose resolution is asked for")
        query: Query = {"condition": _joined(conditions)}
        rows = self._each("/v2/resolutions", "data", query, data_answers.resolutions)
        return tuple([row async for row in rows])

    async def approvals(
        self, wallet: str, chain_id: int = POLYGON_CHAIN
    ) -> tuple[approvals.Granted, ...]:
        """Return which permissions a wallet gave; twenty seconds old at most."""
        path, place = "/v2/approvals", "Polymarket GET /v2/approvals"
        body = await self._requests.public("GET", path, group="data", query={"user": wallet})
        return approvals.approvals(_single(body, place), wallet, chain_id, place)

    async def value(self, wallet: str) -> Money:
        """Return what a wallet's positions are worth, in micro-dollars: indicative."""
        path, place = "/v2/value", "Polymarket GET /v2/value"
        body = await self._requests.public("GET", path, group="data", query={"user": wallet})
        return data_answers.value(_single(body, place), place)

    async def _each(
        self, path: str, group: str, query: Query, read: Callable[[bytes, str], tuple[T, ...]]
    ) -> AsyncIterator[T]:
        """Yield the rows of every page; each page repeats the filters, as the service asks."""
        place = f"Polymarket GET {path}"
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            asked = {**query, "limit": MOST_ROWS, "cursor": cursor}
            body = await self._requests.public("GET", path, group=group, query=asked)
            rows, cursor = data_answers.page(body, place)
            for row in read(rows, place):
                yield row
            if cursor is None:
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise AnswerRefused(f"{place}: its pages do not end: ask for less")


def _single(body: bytes, place: str) -> bytes:
    rows, _ = data_answers.page(body, place)
    if rows == b"null":
        raise NotThere(f"{place}: the service knows nothing of this wallet: check its address")
    return rows


def _joined(conditions: Sequence[str]) -> str | None:
    if len(conditions) > MOST_CONDITIONS:
        raise RequestRefused(
            f"Polymarket's Data API takes {MOST_CONDITIONS} markets at once, not {len(conditions)}:"
            " split them"
        )
    return ",".join(padded_condition(condition) for condition in conditions) or None


def _seconds(at_ns: Nanos | None) -> int | None:
    return None if at_ns is None else at_ns // NANOS_PER_SECOND


def padded_condition(condition: str) -> str:
    """Return a condition in the 64-digit form that the service wants.

    A Protocol V2 condition has 62 digits and gets two zeros at its end.  Raises ``RequestRefused``.
    """
    found = _CONDITION.fullmatch(condition.lower())
    if found is None:
        told = venue_words(condition)
        raise RequestRefused(f"condition {told!r} is not 0x and 62 or 64 hex digits")
    return f"0x{found[1].ljust(64, '0')}"
