"""Private reads: orders, trades, balances, notices, the rate tier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from underround.local_venue.accounts import Login, wallet_of
from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.cancels import order_ids
from underround.local_venue.polymarket.clob.paging import page
from underround.local_venue.polymarket.clob.refused import Refused, refusing
from underround.local_venue.polymarket.clob.rows import order_row, trade_row
from underround.local_venue.polymarket.clob.server import ClobServer, accounts_of
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OutcomeId
from underround.simulation.matching.terms import AccountId, BookOrder, Trade
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.wallets import SignatureType

UNLIMITED: Final = str((1 << 256) - 1)
_SPENDERS: Final = (POLYGON.exchange, POLYGON.neg_risk_exchange, POLYGON.exchange_v3)
_KINDS: Final = {str(int(kind)): kind for kind in SignatureType}


class AccountReads:
    """The endpoints."""

    def __init__(self, server: ClobServer) -> None:
        """Read ``server``'s world."""
        self._server = server
        self._world = server.world

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/data/orders", refusing(self._orders)),
            web.get("/data/pre-migration-orders", refusing(self._old_orders)),
            web.get("/data/order/{id}", refusing(self._order)),
            web.get("/data/trades", refusing(self._trades)),
            web.get("/balance-allowance", refusing(self._balance)),
            web.get("/balance-allowance/update", refusing(self._refresh)),
            web.get("/notifications", refusing(self._notices)),
            web.delete("/notifications", refusing(self._drop_notices)),
            web.get("/v1/user/rate-limit-tier", refusing(self._tier)),
        ]

    # --- orders and trades ---------------------------------------------------------------------

    async def _orders(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.reading(request, "ledger")
        wanted = _orders_wanted(request, self._world.catalogue.tokens)
        rows = [
            order
            for order in self._server.ledger.open_orders(self._accounts(request, login))
            if wanted(order)
        ]
        cursor = request.query.get("next_cursor")
        return json_answer(page(rows, cursor, lambda order: order_row(self._world, order)))

    async def _old_orders(self, request: web.Request) -> web.Response:
        await self._server.reading(request, "ledger")
        return json_answer(page((), request.query.get("next_cursor"), str))

    async def _order(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.reading(request, "ledger")
        (wanted,) = order_ids((request.match_info["id"],))
        order = self._world.polymarket.orders.get(wanted)
        if order is None or order.sent.account not in accounts_of(login.owner):
            raise Refused(404, "order not found")
        if order.sent.outcome.market not in self._world.catalogue.markets:
            raise Refused(404, "order not found")
        return json_answer(order_row(self._world, order))

    async def _trades(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.reading(request, "ledger")
        own = accounts_of(login.owner)
        wanted = trades_wanted(request, self._world.catalogue.tokens)
        rows = [trade for trade in self._server.ledger.trades(own) if wanted(trade)]
        cursor = request.query.get("next_cursor")
        return json_answer(page(rows, cursor, lambda each: trade_row(self._world, each, own)))

    @staticmethod
    def _accounts(request: web.Request, login: Login) -> tuple[AccountId, ...]:
        """Return the reader's accounts, or the one it names; the key's own address names all."""
        own = accounts_of(login.owner)
        named = request.query.get("maker_address", "").lower()
        if not named or named == login.owner.lower():
            return own
        return tuple(account for account in own if account.lower() == named)

    # --- balances ------------------------------------------------------------------------------

    async def _balance(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.reading(request, "balance")
        account, outcome = self._asset(request, login)
        custody = self._world.polymarket.custody
        allowances = {
            spender: UNLIMITED
            if custody.allowed(account, spender, shares=outcome is not None)
            else "0"
            for spender in _SPENDERS
        }
        balance = str(custody.balance(account, outcome))
        return json_answer({"balance": balance, "allowances": allowances})

    async def _refresh(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.reading(request, "balance update")
        self._asset(request, login)
        return json_answer("")

    def _asset(self, request: web.Request, login: Login) -> tuple[AccountId, OutcomeId | None]:
        """Return whose balance of what is asked; without a kind of wallet it is the key's own."""
        kind = _KINDS.get(request.query.get("signature_type", "0"))
        if kind is None:
            raise Refused(400, "Invalid signature_type")
        account = AccountId(wallet_of(login.owner, kind).maker)
        asset = request.query.get("asset_type", "")
        if asset == "COLLATERAL":
            return account, None
        if asset not in {"CONDITIONAL", "CONDITIONAL-V2"}:
            raise Refused(400, "Invalid asset type")
        row, index = self._server.of_token(request.query.get("token_id"), "market not found")
        return account, OutcomeId(row.listing.market.id, index)

    # --- notices and rates ---------------------------------------------------------------------

    async def _notices(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.reading(request, "notifications")
        return json_answer(self._server.notices.of(login.owner))

    async def _drop_notices(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.signed(request, "notifications")
        ids = frozenset(request.query.get("ids", "").split(","))
        self._server.notices.drop(login.owner, ids)
        return json_answer("OK")

    async def _tier(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.reading(request, "account")
        return json_answer({"tier": self._server.signers.tier(login.owner)})


def _orders_wanted(
    request: web.Request, tokens: Mapping[str, tuple[LocalMarket, int]]
) -> Callable[[BookOrder], bool]:
    """Return the filter of a request for orders."""
    query = request.query
    order, market = query.get("id", "").lower(), query.get("market", "").lower()
    asset = query.get("asset_id", "")

    def wanted(each: BookOrder) -> bool:
        sent = each.sent
        if order and sent.id != order:
            return False
        if market and sent.outcome.market.native != market:
            return False
        return not asset or _is(tokens, asset, sent.outcome)

    return wanted


def trades_wanted(
    request: web.Request, tokens: Mapping[str, tuple[LocalMarket, int]]
) -> Callable[[Trade], bool]:
    """Return the filter of a request for trades.

    Market and asset are the taker's, so that an asset misses what makers of the other outcome got.
    """
    query = request.query
    trade, market = query.get("id", ""), query.get("market", "").lower()
    asset, maker = query.get("asset_id", ""), query.get("maker_address", "").lower()
    after, before = _second(query.get("after")), _second(query.get("before"))

    def wanted(each: Trade) -> bool:
        second = each.at_ns // NANOS_PER_SECOND
        if (trade and each.id != trade) or (market and each.market.native != market):
            return False
        if (after is not None and second < after) or (before is not None and second > before):
            return False
        if maker and maker not in _parties(each):
            return False
        return not asset or _is(tokens, asset, each.outcome)

    return wanted


def _parties(trade: Trade) -> set[str]:
    return {trade.account.lower(), *(fill.account.lower() for fill in trade.makers)}


def _is(tokens: Mapping[str, tuple[LocalMarket, int]], token: str, outcome: OutcomeId) -> bool:
    found = tokens.get(token)
    return found is not None and (found[0].listing.market.id, found[1]) == (
        outcome.market,
        outcome.index,
    )


def _second(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refused(400, "Invalid trade params payload")
    return int(text)
