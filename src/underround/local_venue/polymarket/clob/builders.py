"""Trades that came through a builder: orders name its public code."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.account_reads import trades_wanted
from underround.local_venue.polymarket.clob.paging import page
from underround.local_venue.polymarket.clob.refused import Refused, refusing
from underround.local_venue.polymarket.clob.rows import SIDE_WORDS, Row, named
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.world import World
from underround.model.book import Side
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OutcomeId
from underround.model.units import ONE, Money, Price, Size, decimal_text
from underround.simulation.matching.terms import AccountId, Trade
from underround.venues.polymarket.exchange import NO_CODE, code_bytes


class _Part:
    """What one order of a builder's got in a trade."""

    __slots__ = ("account", "cost", "fee", "kind", "outcome", "owner", "price", "side", "size")

    def __init__(
        self,
        kind: str,
        account: AccountId,
        owner: str,
        outcome: OutcomeId,
        side: Side,
        price: Price,
        size: Size,
        cost: Money,
        fee: Money,
    ) -> None:
        self.kind, self.account, self.owner = kind, account, owner
        self.outcome, self.side = outcome, side
        self.price, self.size, self.cost, self.fee = price, size, cost, fee


class BuilderTrades:
    """``GET /builder/trades``."""

    def __init__(self, server: ClobServer) -> None:
        """Read the trades that ``server`` remembers."""
        self._server = server
        self._world = server.world

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoint."""
        return [web.get("/builder/trades", refusing(self._trades))]

    async def _trades(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "account")
        code = _code(request.query.get("builder_code"))
        wanted = trades_wanted(request, self._world.catalogue.tokens)
        codes = self._server.builder_orders
        rows = [
            (trade, part)
            for trade in self._server.ledger.everything()
            if wanted(trade)
            for part in _parts(trade, codes, code)
        ]
        cursor = request.query.get("next_cursor")
        return json_answer(page(rows, cursor, lambda row: _row(self._world, *row, code)))


def _code(text: str | None) -> str:
    try:
        code_bytes(text or "")
    except ValueError:
        raise Refused(400, "invalid builder trade params") from None
    code = (text or "").lower()
    if code == NO_CODE:
        raise Refused(400, "invalid builder trade params")
    return code


def _parts(trade: Trade, codes: Mapping[str, str], code: str) -> list[_Part]:
    found: list[_Part] = []
    if codes.get(trade.order) == code:
        taker = (trade.account, trade.owner, trade.outcome, trade.side)
        found.append(_Part("TAKER", *taker, trade.limit, trade.size, trade.cost, trade.fee))
    for fill in trade.makers:
        if codes.get(fill.order) == code:
            maker = (fill.account, fill.owner, fill.outcome, fill.side)
            cost = fill.price * fill.size // ONE
            found.append(_Part("MAKER", *maker, fill.price, fill.size, cost, fill.fee))
    return found


def _row(world: World, trade: Trade, part: _Part, code: str) -> Row:
    token, label = named(world, part.outcome)
    changed = trade.changed_ns or trade.at_ns
    return {
        "id": trade.id,
        "tradeType": part.kind,
        "takerOrderHash": trade.order,
        "builder": code,
        "market": trade.market.native,
        "assetId": token,
        "side": SIDE_WORDS[part.side],
        "size": decimal_text(part.size),
        "sizeUsdc": decimal_text(part.cost),
        "price": decimal_text(part.price),
        "status": trade.status,
        "outcome": label,
        "outcomeIndex": part.outcome.index,
        "owner": part.owner,
        "maker": part.account,
        "transactionHash": trade.transaction,
        "matchTime": str(trade.at_ns // NANOS_PER_SECOND),
        "bucketIndex": 0,
        "fee": decimal_text(part.fee),
        "feeUsdc": decimal_text(part.fee),
        "err_msg": None,
        "createdAt": str(trade.at_ns // NANOS_PER_SECOND),
        "updatedAt": str(changed // NANOS_PER_SECOND),
    }
