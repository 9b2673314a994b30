"""Reads of the CLOB that need no key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

import msgspec

from underround.model.errors import AnswerRefused, FrameRefused, RequestRefused
from underround.model.events import BookSnapshot
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos, Price
from underround.venues.codec import Tokens
from underround.venues.polymarket import account_answers, answers, reward_answers, terms
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.numbers import read_body
from underround.venues.polymarket.requests import Query, Requests

MOST_BOOKS: Final = 500
MOST_PAGES: Final = 10_000
"""No list of the venue is longer: a cursor that never ends is a fault."""
Interval = Literal["max", "all", "1m", "1w", "1d", "6h", "1h"]


class Books(msgspec.Struct, frozen=True):
    """Requested books; the venue leaves out what it does not know."""

    books: tuple[BookSnapshot, ...]
    missing: tuple[str, ...]
    """Tokens without a readable book among the answers."""
    refused: tuple[str, ...]
    """Why an answer could not be read, one sentence each."""


class _TokenMarket(msgspec.Struct):
    condition_id: str
    primary_token_id: str


class _Version(msgspec.Struct):
    version: int


_ok = msgspec.json.Decoder(str).decode
_time = msgspec.json.Decoder(int).decode
_version = msgspec.json.Decoder(_Version).decode
_token_market = msgspec.json.Decoder(_TokenMarket).decode
_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def pages(
    requests: Requests, path: str, *, group: str, query: Query, signed: bool
) -> AsyncIterator[bytes]:
    """Yield ``data`` of each page of a list until its last cursor.

    Raises ``AnswerRefused`` for a cursor that comes twice: the list would never end.
    """
    seen: set[str] = set()
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        asked = {**query, "next_cursor": cursor}
        ask = requests.signed if signed else requests.public
        page = answers.page(
            await ask("GET", path, group=group, query=asked), f"Polymarket GET {path}"
        )
        yield bytes(page.data)
        cursor = page.following
        if cursor is None:
            return
        if cursor in seen:
            break
        seen.add(cursor)
    raise AnswerRefused(f"Polymarket GET {path}: its pages do not end: ask for less")


class PolymarketPublic:
    """The CLOB's public reads; ``tokens`` is the catalogue, which may grow while this lives."""

    def __init__(self, requests: Requests, tokens: Tokens) -> None:
        self._requests = requests
        self._tokens = tokens

    async def ok(self) -> None:
        """Return if the CLOB answers; raises otherwise."""
        body = await self._requests.public("GET", "/ok", group="clob")
        if read_body(_ok, body, "Polymarket GET /ok") != "OK":
            raise AnswerRefused("Polymarket GET /ok: the CLOB does not say OK: wait")

    async def time_ns(self) -> Nanos:
        """Return the venue's clock, which counts whole seconds."""
        body = await self._requests.public("GET", "/time", group="clob")
        return read_body(_time, body, "Polymarket GET /time") * NANOS_PER_SECOND

    async def version(self) -> int:
        """Return the generation of the CLOB (2); it says nothing about a market's protocol."""
        body = await self._requests.public("GET", "/version", group="clob")
        return read_body(_version, body, "Polymarket GET /version").version

    async def book(self, token: str) -> BookSnapshot:
        """Return a token's book; raises ``NotThere`` when there is none (yet, or any more).

        Its time is that of the book's last change, and REST may lag behind the stream by minutes.
        """
        place = "Polymarket GET /book"
        known = self._known((token,), place)
        body = await self._requests.public(
            "GET", "/book", group="market", query={"token_id": token}
        )
        return _book(PolymarketDecoder(known), body, place)

    async def books(self, tokens: Sequence[str]) -> Books:
        """Return the books of at most ``MOST_BOOKS`` tokens, and which are missing."""
        place = "Polymarket POST /books"
        if not 0 < len(tokens) <= MOST_BOOKS:
            raise RequestRefused(f"{place}: gives 1 … {MOST_BOOKS} books, not {len(tokens)}: split")
        known = self._known(tokens, place)
        asked = msgspec.json.encode([{"token_id": token} for token in known])
        body = await self._requests.public("POST", "/books", group="markets", body=asked)
        decoder = PolymarketDecoder(known)
        names = {(market.id, index): token for token, (market, index) in known.items()}
        found: dict[str, BookSnapshot] = {}
        refused: list[str] = []
        for row in read_body(_raws, body, place):
            try:
                book = _book(decoder, bytes(row), place)
            except AnswerRefused as error:
                refused.append(str(error))
            else:
                found[names[book.market, book.outcome]] = book
        missing = tuple(token for token in known if token not in found)
        return Books(tuple(found.values()), missing, tuple(refused))

    def _known(self, tokens: Sequence[str], place: str) -> Tokens:
        known = {token: self._tokens[token] for token in tokens if token in self._tokens}
        for token in tokens:
            if token not in known:
                raise RequestRefused(
                    f"{place}: token {token} is not in the catalogue: load its market"
                )
        return known

    async def terms(self, condition: str) -> terms.MarketTerms:
        """Return what a market trades by now; a Protocol V2 condition in its 64-digit form."""
        path = f"/clob-markets/{condition}"
        body = await self._requests.public("GET", path, group="clob")
        return terms.market_terms(body, condition, f"Polymarket GET {path}")

    async def condition_of(self, token: str) -> str:
        """Return the market of a token."""
        path = f"/markets-by-token/{token}"
        body = await self._requests.public("GET", path, group="clob")
        return read_body(_token_market, body, f"Polymarket GET {path}").condition_id

    async def tick_size(self, token: str) -> Price:
        """Return a token's tick now."""
        body = await self._requests.public(
            "GET", "/tick-size", group="ticks", query={"token_id": token}
        )
        return account_answers.tick_size(body, "Polymarket GET /tick-size")

    async def price_history(
        self, token: str, *, interval: Interval = "max", fidelity_minutes: int | None = None
    ) -> tuple[account_answers.PricePoint, ...]:
        """Return a token's past prices: indicative."""
        query: Query = {"market": token, "interval": interval, "fidelity": fidelity_minutes}
        body = await self._requests.public("GET", "/prices-history", group="history", query=query)
        return account_answers.price_history(body, "Polymarket GET /prices-history")

    async def rewards_now(self) -> tuple[reward_answers.RewardConfig, ...]:
        """Return the liquidity rewards of every market that has some."""
        return await self._rewards("/rewards/markets/current", {})

    async def reward_markets(
        self, *, order_by: str | None = None, position: Literal["ASC", "DESC"] | None = None
    ) -> tuple[reward_answers.RewardConfig, ...]:
        """Return them with the venue's measure of competition, sorted by its field ``order_by``."""
        query: Query = {"page_size": 500, "order_by": order_by, "position": position}
        return await self._rewards("/rewards/markets/multi", query)

    async def _rewards(self, path: str, query: Query) -> tuple[reward_answers.RewardConfig, ...]:
        found: list[reward_answers.RewardConfig] = []
        place = f"Polymarket GET {path}"
        async for rows in pages(self._requests, path, group="clob", query=query, signed=False):
            found += reward_answers.reward_configs(rows, place)
        return tuple(found)

    async def rebates(self, day: str, maker: str) -> tuple[reward_answers.Rebate, ...]:
        """Return the maker rebates of ``day`` (``2026-11-20``) for a wallet."""
        query: Query = {"date": day, "maker_address": maker}
        body = await self._requests.public("GET", "/rebates/current", group="clob", query=query)
        return reward_answers.rebates(body, "Polymarket GET /rebates/current")

    async def builder_fees(self, code: str) -> tuple[int, int]:
        """Return a builder code's maker and taker fee in basis points; ``NotThere`` if unknown."""
        path = f"/fees/builder-fees/{code}"
        body = await self._requests.public("GET", path, group="clob")
        return account_answers.builder_fees(body, f"Polymarket GET {path}")


def _book(decoder: PolymarketDecoder, body: bytes, place: str) -> BookSnapshot:
    try:
        events = decoder.decode(body)
    except FrameRefused as error:
        raise AnswerRefused(f"{place}: {error}") from None
    for event in events:
        if isinstance(event, BookSnapshot):
            return event
    raise AnswerRefused(f"{place}: the answer is no book that was asked for: ask again")
