"""Liquidity rewards and maker rebates: their terms, what scores now, and what makers earned.

The local venue pays no liquidity rewards, so nobody's earnings are ever listed; scores and shares
are computed from the book as it is.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

import msgspec
from aiohttp import web

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.cancels import order_ids
from underround.local_venue.polymarket.clob.market_forms import Row, cents
from underround.local_venue.polymarket.clob.paging import page
from underround.local_venue.polymarket.clob.refused import Refused, refusing
from underround.local_venue.polymarket.clob.scoring import scores, shares
from underround.local_venue.polymarket.clob.server import ClobServer, accounts_of
from underround.local_venue.polymarket.gamma.text import number, quotient, stamp
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OrderId
from underround.model.listing import RewardTerms
from underround.model.units import ONE, Nanos, decimal_text
from underround.simulation.matching.terms import AccountId
from underround.venues.polymarket.contracts import POLYGON

_PER_CENT: Final = 100
_MOST_IDS: Final = 1_000
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ids: Final = msgspec.json.Decoder(list[str]).decode


class Rewards:
    """The endpoints."""

    def __init__(self, server: ClobServer) -> None:
        """Read ``server``'s world."""
        self._server = server
        self._world = server.world

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/order-scoring", refusing(self._scoring)),
            web.post("/orders-scoring", refusing(self._many_scoring)),
            web.get("/rewards/markets/current", refusing(self._current)),
            web.get("/rewards/markets/multi", refusing(self._multi)),
            web.get("/rewards/markets/{condition}", refusing(self._one)),
            web.get("/rewards/user", refusing(self._earnings)),
            web.get("/rewards/user/total", refusing(self._total)),
            web.get("/rewards/user/percentages", refusing(self._percentages)),
            web.get("/rewards/user/markets", refusing(self._user_markets)),
            web.get("/rebates/current", refusing(self._rebates)),
        ]

    # --- scoring -------------------------------------------------------------------------------

    async def _scoring(self, request: web.Request) -> web.Response:
        login, _, now = await self._server.reading(request, "account")
        (order,) = order_ids((request.query.get("order_id", ""),))
        return json_answer({"scoring": self._scores(order, login.owner, now)})

    async def _many_scoring(self, request: web.Request) -> web.Response:
        login, body, now = await self._server.reading(request, "account")
        try:
            given = _ids(body)
        except _UNREADABLE:
            raise Refused(400, "Invalid payload") from None
        if len(given) > _MOST_IDS:
            raise Refused(400, "Payload exceeds the limit")
        ids = order_ids(given)
        return json_answer({order: self._scores(order, login.owner, now) for order in ids})

    def _scores(self, order: OrderId, owner: str, now: Nanos) -> bool:
        known = self._world.polymarket.orders.get(order)
        if known is None or known.sent.account not in accounts_of(owner):
            return False
        return scores(self._world, known, now)

    # --- terms ---------------------------------------------------------------------------------

    def _rewarded(self) -> list[tuple[LocalMarket, RewardTerms]]:
        return [
            (row, row.listing.rewards)
            for row in self._server.markets()
            if row.listing.rewards is not None and row.listing.state in {"open", "paused"}
        ]

    async def _current(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        cursor = request.query.get("next_cursor")
        return json_answer(page(self._rewarded(), cursor, lambda each: _current(*each)))

    async def _multi(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "clob")
        cursor = request.query.get("next_cursor")
        size = request.query.get("page_size", "100")
        if not size.isdecimal() or not 0 < int(size) <= 500:
            raise Refused(400, "invalid page_size")

        def write(each: tuple[LocalMarket, RewardTerms]) -> Row:
            return self._multi_row(*each, now)

        return json_answer(page(self._rewarded(), cursor, write, int(size)))

    async def _one(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "clob")
        row = self._server.market(request.match_info["condition"])
        terms = row.listing.rewards
        rows = [] if terms is None else [(row, terms)]
        cursor = request.query.get("next_cursor")
        return json_answer(page(rows, cursor, lambda each: self._listed(*each, now)))

    def _listed(self, row: LocalMarket, terms: RewardTerms, now: Nanos) -> Row:
        """Return a market with its terms and how many compete for them."""
        rivals = shares(self._world, row.listing.market.id, terms, now)
        return {
            "condition_id": row.listing.market.id.native,
            "question": row.listing.market.title,
            "market_slug": row.listing.slug,
            "event_slug": row.event,
            "image": "",
            "rewards_max_spread": cents(terms.max_spread),
            "rewards_min_size": number(terms.min_size),
            "market_competitiveness": number(sum(rivals.values())),
            "tokens": self._tokens(row),
            "rewards_config": [_config(row, terms)],
        }

    def _multi_row(self, row: LocalMarket, terms: RewardTerms, now: Nanos) -> Row:
        bid, ask = self._server.books.best(row.listing.market.tokens[0])
        figures = self._server.figures.of(row.listing.market.id)
        listing = row.listing
        return self._listed(row, terms, now) | {
            "market_id": str(row.id),
            "event_id": str(self._world.catalogue.events[row.event].id),
            "spread": number((ONE if ask is None else ask) - (bid or 0)),
            "group_item_title": "",
            "volume_24hr": number(figures.volume_since(86_400, now)),
            "created_at": stamp(row.listed_ns),
            "one_day_price_change": number(figures.change(86_400, now) or 0),
            "end_date": None if listing.ends_ns is None else stamp(listing.ends_ns),
        }

    def _tokens(self, row: LocalMarket) -> list[Row]:
        market = row.listing.market
        last = self._server.figures.of(market.id).last
        yes = ONE // 2 if last is None else last
        prices = (yes, ONE - yes)
        return [
            {"token_id": token, "outcome": label, "price": number(price)}
            for token, label, price in zip(market.tokens, market.outcomes, prices, strict=True)
        ]

    # --- what a member earns -------------------------------------------------------------------

    async def _earnings(self, request: web.Request) -> web.Response:
        await self._server.reading(request, "account")
        _day(request)
        return json_answer(page((), request.query.get("next_cursor"), str))

    async def _total(self, request: web.Request) -> web.Response:
        await self._server.reading(request, "account")
        _day(request)
        return json_answer([])

    async def _percentages(self, request: web.Request) -> web.Response:
        login, _, now = await self._server.reading(request, "account")
        own = accounts_of(login.owner)
        told: Row = {}
        for row, terms in self._rewarded():
            part = self._share(row, terms, own, now)
            if part is not None:
                told[row.listing.market.id.native] = part
        return json_answer(told)

    def _share(
        self, row: LocalMarket, terms: RewardTerms, own: tuple[AccountId, ...], now: Nanos
    ) -> msgspec.Raw | None:
        """Return the share of a market's rewards as a percentage; ``None``: none."""
        found = shares(self._world, row.listing.market.id, terms, now)
        mine = sum(found.get(account, 0) for account in own)
        return quotient(mine * _PER_CENT, sum(found.values())) if mine else None

    async def _user_markets(self, request: web.Request) -> web.Response:
        login, _, now = await self._server.reading(request, "account")
        _day(request)
        own = accounts_of(login.owner)

        def write(each: tuple[LocalMarket, RewardTerms]) -> Row:
            row, terms = each
            part = self._share(row, terms, own, now)
            return self._listed(row, terms, now) | {
                "earning_percentage": part or 0,
                "earnings": [],
                "maker_address": login.owner,
            }

        return json_answer(page(self._rewarded(), request.query.get("next_cursor"), write))

    async def _rebates(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        day = _day(request)
        maker = request.query.get("maker_address", "").lower()
        rows = [
            {
                "date": day.isoformat(),
                "condition_id": market.native,
                "asset_address": POLYGON.collateral,
                "maker_address": account,
                "rebated_fees_usdc": decimal_text(amount),
            }
            for (account, market), amount in self._server.ledger.rebates(_number(day)).items()
            if account.lower() == maker
        ]
        return json_answer(rows)


def _current(row: LocalMarket, terms: RewardTerms) -> Row:
    return {
        "condition_id": row.listing.market.id.native,
        "rewards_max_spread": cents(terms.max_spread),
        "rewards_min_size": number(terms.min_size),
        "rewards_config": [_config(row, terms)],
        "sponsored_daily_rate": 0,
        "sponsors_count": 0,
        "native_daily_rate": number(terms.daily or 0),
        "total_daily_rate": number(terms.daily or 0),
    }


def _config(row: LocalMarket, terms: RewardTerms) -> Row:
    ends = row.listing.ends_ns
    return {
        "id": row.id,
        "asset_address": POLYGON.collateral,
        "start_date": _date_of(row.listed_ns),
        "end_date": "2500-12-31" if ends is None else _date_of(ends),
        "rate_per_day": number(terms.daily or 0),
        "total_rewards": 0,
    }


def _date_of(at: Nanos) -> str:
    return datetime.fromtimestamp(at // NANOS_PER_SECOND, UTC).strftime("%Y-%m-%d")


def _day(request: web.Request) -> date:
    try:
        return date.fromisoformat(request.query.get("date", ""))
    except ValueError:
        raise Refused(400, "invalid date") from None


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
