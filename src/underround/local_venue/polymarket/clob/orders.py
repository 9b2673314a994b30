"""Placing orders: ``POST /order`` and ``POST /orders``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from underround.local_venue.accounts import Login
from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.faults import ClosedOnly
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.order_terms import AT_ONCE, good_until, terms_of
from underround.local_venue.polymarket.clob.order_wire import (
    BAD_FORM,
    SentOrder,
    read_order,
    read_rows,
)
from underround.local_venue.polymarket.clob.refused import Refused, refusing
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.polymarket.clob.verify import WRONG_OWNER, maker_account, verified_id
from underround.model.book import Side
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import OutcomeId
from underround.model.units import Money, Nanos, Size, decimal_text
from underround.simulation.matching.terms import Placement, Submission
from underround.venues.polymarket.exchange import OrderFields

NOT_READY: Final = "the market is not yet ready to process new orders"
POST_ONLY_KIND: Final = "invalid post-only order: only GTC and GTD order types are allowed"
_LATEST_MS: Final = 1 << 50
_SIDES: Final[tuple[Side, Side]] = ("buy", "sell")
_STATUS: Final = {
    "live": "live",
    "delayed": "delayed",
    "matched": "matched",
    "cancelled": "matched",
}
"""What became of an order as the answer words it; what is left of a FAK was killed, it matched."""
_encode: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode


class _Answer(msgspec.Struct, frozen=True, rename={"order_id": "orderID", "error": "errorMsg"}):
    """What became of one order."""

    error: str
    order_id: str
    taking: str = msgspec.field(name="takingAmount")
    making: str = msgspec.field(name="makingAmount")
    status: str
    success: bool
    trades: tuple[str, ...] = msgspec.field(name="tradeIDs")
    hashes: tuple[str, ...] = msgspec.field(name="transactionsHashes")
    """Always empty: settlement comes later, ``/data/trades`` tells."""


class _BatchRefusal(
    msgspec.Struct, frozen=True, rename={"order_id": "orderID", "error": "errorMsg"}
):
    """A row of a batch that was not taken; ``success`` is true there all the same."""

    error: str
    order_id: str = ""
    taking: str = msgspec.field(name="takingAmount", default="")
    making: str = msgspec.field(name="makingAmount", default="")
    status: str = ""
    success: bool = True


class Orders:
    """The two endpoints."""

    def __init__(self, server: ClobServer) -> None:
        """Place into the engine of ``server``'s world."""
        self._server = server
        self._world = server.world

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.post("/order", refusing(self._one)),
            web.post("/orders", refusing(self._batch)),
        ]

    async def _one(self, request: web.Request) -> web.Response:
        server = self._server
        login, body, now = await server.signed(request, "order")
        server.engine.check_orders()
        sent = read_order(body)
        headers = server.signers.order(login.owner, 1, now)
        try:
            answer = self._place(sent, login, now)
        except Refused as refused:
            refused.headers = {**refused.headers, **headers}
            raise
        return json_answer(answer, headers=headers)

    async def _batch(self, request: web.Request) -> web.Response:
        server = self._server
        login, body, now = await server.signed(request, "orders")
        server.engine.check_orders()
        rows = read_rows(body)
        headers = server.signers.order(login.owner, len(rows), now)
        answers = [self._row(row, login, now) for row in rows]
        return json_answer(answers, headers=headers)

    def _row(self, row: msgspec.Raw, login: Login, now: Nanos) -> _Answer | _BatchRefusal:
        try:
            return self._place(read_order(row), login, now)
        except Refused as refused:
            return _BatchRefusal(refused.text)

    def _place(self, sent: SentOrder, login: Login, now: Nanos) -> _Answer:
        """Give the engine an order after every check; ``Refused`` says why not."""
        self._check_member(sent, login, now)
        try:
            fields = sent.order.fields()
        except ValueError:
            raise Refused(400, BAD_FORM) from None
        if fields.timestamp_ms >= _LATEST_MS:
            raise Refused(400, BAD_FORM)
        row, index = self._market(fields.token)
        submission = self._submission(sent, fields, login, row, index, now)
        kept = self._world.signed_orders
        if kept is not None:
            kept.keep(submission.id, fields, sent.order.signature_bytes(), login.owner)
        self._server.came_through(submission.id, fields.builder)
        placement = self._world.polymarket.submit(submission, now)
        if placement.state == "refused":
            if kept is not None and submission.id not in self._world.polymarket.orders:
                kept.release(submission.id)
            raise Refused(400, placement.reason)
        return _answer(placement, submission.side)

    def _check_member(self, sent: SentOrder, login: Login, now: Nanos) -> None:
        accounts = self._world.accounts
        if sent.owner != login.key:
            raise Refused(400, WRONG_OWNER)
        if login.owner in accounts.banned:
            raise Refused(400, f"'{login.owner}' address banned")
        if sent.order.side == "BUY" and is_closed_only(self._server, login.owner, now):
            raise Refused(400, f"'{login.owner}' address in closed only mode")
        self._server.engine.check_post_only(bool(sent.post_only), now)
        if sent.post_only and sent.tif in AT_ONCE:
            raise Refused(400, POST_ONLY_KIND)

    def _market(self, token: str) -> tuple[LocalMarket, int]:
        found = self._world.catalogue.tokens.get(token)
        if found is None or found[0].listing.state in {"closed", "resolved"}:
            raise Refused(400, f"the orderbook {token} does not exist")
        if found[0].listing.state == "unopened":
            raise Refused(400, NOT_READY)
        return found

    def _submission(
        self,
        sent: SentOrder,
        fields: OrderFields,
        login: Login,
        row: LocalMarket,
        index: int,
        now: Nanos,
    ) -> Submission:
        listing = row.listing
        market = listing.market
        account = maker_account(fields, login, self._world.accounts)
        order = verified_id(
            fields,
            sent.order.signature_bytes(),
            login.owner,
            listing.protocol or "v1",
            market.neg_risk,
        )
        tick = self._world.polymarket.ticks(market.id).finest
        terms = terms_of(order, fields, sent.tif in AT_ONCE, tick)
        return Submission(
            id=order,
            account=account,
            owner=login.key,
            outcome=OutcomeId(market.id, index),
            side=_SIDES[fields.side],
            price=terms.price,
            size=terms.size,
            budget=terms.budget,
            tif=sent.tif,
            post_only=bool(sent.post_only),
            created_ns=fields.timestamp_ms * NANOS_PER_MS,
            good_until_ns=good_until(sent, now),
        )


def is_closed_only(server: ClobServer, owner: str, now: Nanos) -> bool:
    """Whether an owner may only close positions: by the account's state, or by a fault."""
    world = server.world
    if owner in world.accounts.closed_only:
        return True
    faults = world.faults.of(ClosedOnly, now)
    return any(fault.account.lower() in {"", owner.lower()} for fault in faults)


def _answer(placement: Placement, side: Side) -> _Answer:
    making, taking = _amounts(placement.size, placement.cost, side)
    return _Answer(
        error="",
        order_id=placement.id,
        taking=taking,
        making=making,
        status=_STATUS[placement.state],
        success=True,
        trades=placement.trades,
        hashes=(),
    )


def _amounts(size: Size, cost: Money, side: Side) -> tuple[str, str]:
    """Return what the order gave and took at once; empty when nothing matched."""
    if not size:
        return "", ""
    dollars, shares = decimal_text(cost), decimal_text(size)
    return (dollars, shares) if side == "buy" else (shares, dollars)
