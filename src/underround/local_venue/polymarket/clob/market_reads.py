"""Public reads about markets: lists, one market, its terms, the market of a token."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.market_forms import (
    Row,
    accepting,
    compact,
    legacy_fee,
    long_form,
    simplified,
)
from underround.local_venue.polymarket.clob.paging import page
from underround.local_venue.polymarket.clob.refused import Handler, Refused, refusing
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.polymarket.gamma.text import number
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import ONE, Price

NO_MARKET = "market not found"
_PAGE = 1_000


class MarketReads:
    """The endpoints."""

    def __init__(self, server: ClobServer) -> None:
        """Read ``server``'s world."""
        self._server = server
        self._world = server.world

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        every: Callable[[LocalMarket], bool] = lambda _row: True  # noqa: E731 - named for its type
        return [
            web.get("/", refusing(self._ok)),
            web.get("/ok", refusing(self._ok)),
            web.get("/time", refusing(self._time)),
            web.get("/version", refusing(self._version)),
            web.get("/markets", self._list(every, self._long)),
            web.get("/simplified-markets", self._list(every, self._simple)),
            web.get("/sampling-markets", self._list(_sampled, self._long)),
            web.get("/sampling-simplified-markets", self._list(_sampled, self._simple)),
            web.get("/markets/{condition}", refusing(self._one)),
            web.get("/clob-markets/{condition}", refusing(self._terms)),
            web.get("/markets-by-token/{token}", refusing(self._by_token)),
            web.get("/tick-size", refusing(self._tick_size)),
            web.get("/neg-risk", refusing(self._neg_risk)),
            web.get("/fee-rate", refusing(self._fee_rate)),
            web.get("/fees/builder-fees/{code}", refusing(self._builder_fees)),
        ]

    # --- the server ----------------------------------------------------------------------------

    async def _ok(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        return json_answer("OK")

    async def _time(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "clob")
        return json_answer((now + self._world.faults.skew_ns(now)) // NANOS_PER_SECOND)

    async def _version(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        return json_answer({"version": 2})

    # --- markets -------------------------------------------------------------------------------

    def _list(
        self, wanted: Callable[[LocalMarket], bool], write: Callable[[LocalMarket], Row]
    ) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            self._server.arrive(request, "markets")
            rows = [row for row in self._server.markets() if wanted(row)]
            return json_answer(page(rows, request.query.get("next_cursor"), write, _PAGE))

        return refusing(handler)

    async def _one(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        return json_answer(self._long(self._server.market(request.match_info["condition"])))

    async def _terms(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        row = self._server.market(request.match_info["condition"])
        return json_answer(compact(self._world, row))

    async def _by_token(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        row, _ = self._server.of_token(request.match_info["token"], NO_MARKET)
        yes, no = row.listing.market.tokens
        condition = row.listing.market.id.native
        body = {"condition_id": condition, "primary_token_id": yes, "secondary_token_id": no}
        return json_answer(body)

    def _long(self, row: LocalMarket) -> Row:
        return long_form(self._world, row, self._last)

    def _simple(self, row: LocalMarket) -> Row:
        return simplified(row, self._last)

    def _last(self, token: str) -> Price | None:
        """Return a token's last price: that of the market's last trade, seen from its side."""
        row, index = self._world.catalogue.tokens[token]
        price = self._server.figures.of(row.listing.market.id).last
        if price is None:
            return None
        return price if index == 0 else ONE - price

    # --- one number ----------------------------------------------------------------------------

    def _asked(self, request: web.Request) -> LocalMarket:
        self._server.arrive(request, "ticks")
        return self._server.of_token(request.query.get("token_id"), NO_MARKET)[0]

    async def _tick_size(self, request: web.Request) -> web.Response:
        market = self._asked(request).listing.market
        tick = self._world.polymarket.ticks(market.id).finest
        return json_answer({"minimum_tick_size": number(tick)})

    async def _neg_risk(self, request: web.Request) -> web.Response:
        return json_answer({"neg_risk": self._asked(request).listing.market.neg_risk})

    async def _fee_rate(self, request: web.Request) -> web.Response:
        return json_answer({"base_fee": legacy_fee(self._asked(request))})

    async def _builder_fees(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        fees = self._server.builders.get(request.match_info["code"].lower())
        if fees is None:
            raise Refused(404, "builder not found")
        maker, taker = fees
        body = {"builder_maker_fee_rate_bps": maker, "builder_taker_fee_rate_bps": taker}
        return json_answer(body)


def _sampled(row: LocalMarket) -> bool:
    """Whether a market's makers are sampled for rewards."""
    return accepting(row) and row.listing.rewards is not None
