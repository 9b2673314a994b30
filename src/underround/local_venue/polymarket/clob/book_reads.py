"""Public reads about prices: books, what follows from their best levels, last trades, histories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web

from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.refused import Handler, Refused, refusing
from underround.local_venue.polymarket.clob.rows import SIDE_WORDS
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.polymarket.gamma.figures import Point
from underround.local_venue.polymarket.gamma.text import number
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import ONE, Nanos, Price, decimal_text

NO_BOOK: Final = "No orderbook exists for the requested token id"
MOST_TOKENS: Final = 500
_MINUTE_S: Final = 60
_SPANS_S: Final = {
    "1h": 3_600,
    "6h": 21_600,
    "1d": 86_400,
    "1w": 7 * 86_400,
    "1m": 30 * 86_400,
    "max": 1 << 40,
    "all": 1 << 40,
}
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_HALF: Final = "0.5"

_Token = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class _Asked(msgspec.Struct):
    token: _Token = msgspec.field(name="token_id")
    side: str = ""


_asked: Final = msgspec.json.Decoder(list[_Asked]).decode


class BookReads:
    """The endpoints."""

    def __init__(self, server: ClobServer) -> None:
        """Read ``server``'s published books."""
        self._server = server
        self._books = server.books

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/book", refusing(self._book)),
            web.post("/books", refusing(self._many_books)),
            web.get("/midpoint", self._one("mid", self._mid)),
            web.post("/midpoints", self._many(self._mid)),
            web.get("/spread", self._one("spread", self._spread)),
            web.post("/spreads", self._many(self._spread)),
            web.get("/price", refusing(self._price)),
            web.post("/prices", refusing(self._prices)),
            web.get("/last-trade-price", refusing(self._last)),
            web.post("/last-trades-prices", refusing(self._lasts)),
            web.get("/prices-history", refusing(self._history)),
        ]

    # --- books ---------------------------------------------------------------------------------

    async def _book(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "market")
        token = self._token(request)
        body = self._books.book(token, now)
        if body is None:
            raise Refused(404, NO_BOOK)
        return json_answer(body)

    async def _many_books(self, request: web.Request) -> web.Response:
        rows, now = await self._rows(request)
        tokens = dict.fromkeys(row.token for row in rows)
        bodies = (self._books.book(token, now) for token in tokens)
        return json_answer([body for body in bodies if body is not None])

    def _token(self, request: web.Request) -> str:
        token = request.query.get("token_id", "")
        self._server.of_token(token, NO_BOOK)
        return token

    async def _rows(self, request: web.Request) -> tuple[list[_Asked], Nanos]:
        body = await request.read()
        now = self._server.arrive(request, "markets")
        try:
            rows = _asked(body)
        except _UNREADABLE:
            raise Refused(400, "Invalid payload") from None
        if len(rows) > MOST_TOKENS:
            raise Refused(400, "Payload exceeds the limit")
        return rows, now

    # --- what follows from the best levels -----------------------------------------------------

    def _one(self, name: str, read: Callable[[str, Nanos], str | None]) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            now = self._server.arrive(request, "market")
            found = read(self._token(request), now)
            if found is None:
                raise Refused(404, NO_BOOK)
            return json_answer({name: found})

        return refusing(handler)

    def _many(self, read: Callable[[str, Nanos], str | None]) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            rows, now = await self._rows(request)
            found = {row.token: read(row.token, now) for row in rows}
            return json_answer({token: told for token, told in found.items() if told is not None})

        return refusing(handler)

    def _best(self, token: str, now: Nanos) -> tuple[Price | None, Price | None] | None:
        """Return the best bid and ask as ``/book`` has them; ``None``: no book."""
        if self._server.world.faults.none:
            best = self._books.best(token)
            if best != (None, None):
                return best
        body = self._books.book(token, now)
        if body is None:
            return None
        return _top(body, "bids"), _top(body, "asks")

    def _mid(self, token: str, now: Nanos) -> str | None:
        best = self._best(token, now)
        if best is None:
            return None
        bid, ask = best
        both = (bid or 0) + (ONE if ask is None else ask)
        return decimal_text(both // 2) if both % 2 == 0 else f"{decimal_text(both // 2)}5"

    def _spread(self, token: str, now: Nanos) -> str | None:
        best = self._best(token, now)
        if best is None:
            return None
        bid, ask = best
        return decimal_text((ONE if ask is None else ask) - (bid or 0))

    def _side(self, token: str, side: str, now: Nanos) -> str | None:
        best = self._best(token, now)
        if best is None:
            return None
        return decimal_text((best[0] if side == "BUY" else best[1]) or 0)

    async def _price(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "market")
        token, side = self._token(request), request.query.get("side", "").upper()
        _check_side(side)
        price = self._side(token, side, now)
        if price is None:
            raise Refused(404, NO_BOOK)
        return json_answer({"price": price})

    async def _prices(self, request: web.Request) -> web.Response:
        rows, now = await self._rows(request)
        told: dict[str, dict[str, str]] = {}
        for row in rows:
            side = row.side.upper()
            _check_side(side)
            price = self._side(row.token, side, now)
            if price is not None:
                told.setdefault(row.token, {})[side] = price
        return json_answer(told)

    # --- trades --------------------------------------------------------------------------------

    async def _last(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "market")
        found = self._books.last_trade(self._token(request))
        if found is None:
            return json_answer({"price": _HALF, "side": ""})
        return json_answer({"price": found[0], "side": SIDE_WORDS[found[1]]})

    async def _lasts(self, request: web.Request) -> web.Response:
        rows, _ = await self._rows(request)
        told = []
        for row in rows:
            found = self._books.last_trade(row.token)
            if found is not None:
                side = SIDE_WORDS[found[1]]
                told.append({"token_id": row.token, "price": found[0], "side": side})
        return json_answer(told)

    async def _history(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "history")
        row, index = self._server.of_token(request.query.get("market"), "market not found")
        first, last = _span(request, now // NANOS_PER_SECOND)
        width = max(1, _natural(request, "fidelity", 1)) * _MINUTE_S
        points = self._server.figures.of(row.listing.market.id).points(first, last)
        thinned = {point.at_s // width: point for point in points}
        return json_answer({"history": [_point(each, index) for each in thinned.values()]})


def _top(body: dict[str, object], side: Literal["bids", "asks"]) -> Price | None:
    levels = body[side]
    assert isinstance(levels, list)
    if not levels:
        return None
    whole, _, fraction = str(levels[-1]["price"]).partition(".")
    return int(whole) * ONE + int(fraction.ljust(6, "0"))


def _check_side(side: str) -> None:
    if side not in {"BUY", "SELL"}:
        raise Refused(400, "Invalid side")


def _natural(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refused(400, f"invalid filters: '{name}' must be a number")
    return int(text)


def _span(request: web.Request, now_s: int) -> tuple[int, int]:
    """Return the first and last second that are asked for; 400 without interval and times."""
    interval = request.query.get("interval")
    if interval is not None:
        span = _SPANS_S.get(interval)
        if span is None:
            raise Refused(400, "invalid filters: 'interval' is not valid")
        return now_s - span, now_s
    if "startTs" not in request.query and "endTs" not in request.query:
        text = "invalid filters: 'startTs' and 'endTs', or 'interval', must be provided"
        raise Refused(400, text)
    return _natural(request, "startTs", 0), _natural(request, "endTs", now_s)


def _point(point: Point, index: int) -> dict[str, object]:
    return {"t": point.at_s, "p": number(point.price if index == 0 else ONE - point.price)}
