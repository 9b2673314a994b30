"""Cancelling, and the heartbeats that keep orders alive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web

from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.order_wire import BAD_FORM
from underround.local_venue.polymarket.clob.refused import Refused, refusing
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.model.ids import POLYMARKET, MarketId, OrderId, OutcomeId
from underround.simulation.matching.terms import Withdrawal

MOST_CANCELS: Final = 1_000
BAD_ID: Final = "Invalid orderID"
_ID: Final = re.compile(r"0x[0-9a-fA-F]{64}")


class _One(msgspec.Struct):
    order: str = msgspec.field(name="orderID")


class _Where(msgspec.Struct):
    market: str = ""
    asset: str = msgspec.field(name="asset_id", default="")


class _Beat(msgspec.Struct):
    heartbeat_id: str | None = ""


_one: Final = msgspec.json.Decoder(_One).decode
_many: Final = msgspec.json.Decoder(list[str]).decode
_where: Final = msgspec.json.Decoder(_Where).decode
_beat: Final = msgspec.json.Decoder(_Beat).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Cancels:
    """The four endpoints that cancel, and the one that must be called so that nothing is."""

    def __init__(self, server: ClobServer) -> None:
        """Cancel in the engine of ``server``'s world."""
        self._server = server
        self._exchange = server.world.polymarket

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.delete("/order", refusing(self._cancel_one)),
            web.delete("/orders", refusing(self._cancel_many)),
            web.delete("/cancel-all", refusing(self._cancel_all)),
            web.delete("/cancel-market-orders", refusing(self._cancel_market)),
            web.post("/v1/heartbeats", refusing(self._heartbeat)),
        ]

    async def _cancel_one(self, request: web.Request) -> web.Response:
        login, body, now = await self._server.signed(request, "cancel")
        self._server.engine.check_cancels()
        try:
            ids = order_ids((_one(body).order,))
        except _UNREADABLE:
            raise Refused(400, BAD_FORM) from None
        headers = self._server.signers.cancel(login.owner, 1, now)
        return _answer(self._exchange.cancel(ids, now, owner=login.key), headers)

    async def _cancel_many(self, request: web.Request) -> web.Response:
        login, body, now = await self._server.signed(request, "cancels")
        self._server.engine.check_cancels()
        try:
            given = _many(body)
        except _UNREADABLE:
            raise Refused(400, BAD_FORM) from None
        if len(given) > MOST_CANCELS:
            raise Refused(400, f"Too many orders in payload, max allowed: {MOST_CANCELS}")
        ids = order_ids(given)
        headers = self._server.signers.cancel(login.owner, max(1, len(given)), now)
        return _answer(self._exchange.cancel(ids, now, owner=login.key), headers)

    async def _cancel_all(self, request: web.Request) -> web.Response:
        login, _, now = await self._server.signed(request, "cancel all")
        self._server.engine.check_cancels()
        warned = self._server.signers.cancel(login.owner, 1, now)
        gone = self._exchange.cancel_where(now, owner=login.key)
        headers = self._server.signers.cancelled(login.owner, len(gone.cancelled), now)
        return _answer(gone, warned | headers)

    async def _cancel_market(self, request: web.Request) -> web.Response:
        login, body, now = await self._server.signed(request, "cancel market")
        self._server.engine.check_cancels()
        try:
            where = _where(body) if body else _Where()
        except _UNREADABLE:
            raise Refused(400, BAD_FORM) from None
        market = MarketId(POLYMARKET, where.market.lower()) if where.market else None
        outcome = self._outcome(where.asset) if where.asset else None
        warned = self._server.signers.cancel(login.owner, 1, now)
        if outcome is not None and market not in {None, outcome.market}:
            gone = Withdrawal((), {})
        else:
            gone = self._exchange.cancel_where(now, owner=login.key, market=market, outcome=outcome)
        headers = self._server.signers.cancelled(login.owner, len(gone.cancelled), now)
        return _answer(gone, warned | headers)

    def _outcome(self, token: str) -> OutcomeId:
        found = self._server.world.catalogue.tokens.get(token)
        if found is None:
            raise Refused(400, BAD_FORM)
        return OutcomeId(found[0].listing.market.id, found[1])

    async def _heartbeat(self, request: web.Request) -> web.Response:
        login, body, now = await self._server.signed(request, "order")
        try:
            sent = _beat(body).heartbeat_id if body else ""
        except _UNREADABLE:
            raise Refused(400, BAD_FORM) from None
        following = self._server.beats.beat(login.key, sent or "", now)
        return json_answer({"heartbeat_id": following})


def order_ids(given: Sequence[str]) -> list[OrderId]:
    """Return ids in lower case, each once; 400 when one is none."""
    for each in given:
        if not _ID.fullmatch(each):
            raise Refused(400, BAD_ID)
    return [OrderId(each) for each in dict.fromkeys(each.lower() for each in given)]


def _answer(gone: Withdrawal, headers: dict[str, str]) -> web.Response:
    body = {"canceled": list(gone.cancelled), "not_canceled": gone.kept}
    return json_answer(body, headers=headers)
