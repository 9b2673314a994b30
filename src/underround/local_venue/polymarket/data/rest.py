"""The Data API, version 2: positions, trades, activity, values, resolutions, approvals, prices.

Public.  Lists come in an envelope with pages by cursor; feeds are walked from the newest row, so
nothing that is added meanwhile disturbs a walk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final, TypeAlias

from aiohttp import web

from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.polymarket.data.history import history
from underround.local_venue.polymarket.data.ledger import DataLedger, Entry
from underround.local_venue.polymarket.data.positions import Positions
from underround.local_venue.polymarket.data.query import DataQuery, DataRefused
from underround.local_venue.polymarket.data.rows import activity_row, resolution_row, trade_row
from underround.local_venue.polymarket.gamma.figures import Figures
from underround.local_venue.polymarket.gamma.measures import Measures, Quotes
from underround.local_venue.polymarket.gamma.text import number, stamp
from underround.local_venue.polymarket.wallets.scratch import ENDLESS, Purse
from underround.local_venue.world import World
from underround.model.ids import POLYMARKET
from underround.model.units import Nanos, Size
from underround.simulation.matching.terms import AccountId
from underround.venues.polymarket.contracts import (
    POLYGON,
    POLYGON_CHAIN,
    Approval,
    required_approvals,
)

PERPETUALS: Final = "0xDCa4af75705dbB50f62437045afF9921947917d2"
"""The deposit contract of another product; the official SDK wants it approved, too."""
_SIDES: Final = ("BUY", "SELL")
_KINDS: Final = frozenset({"DEPOSIT", "WITHDRAWAL"})
_DUST: Final[Size] = 10_000
_Handler: TypeAlias = Callable[[DataQuery, Nanos], web.Response]


def routes(
    world: World,
    ledger: DataLedger,
    quotes: Quotes,
    figures: Figures,
    purse: Purse | None = None,
) -> list[web.RouteDef]:
    """Return what ``data-api`` answers.

    ``purse`` knows allowances to the dollar (``BookkeptWallets.purse``); without it an allowance is
    endless or none.
    """
    data = _Data(world, ledger, Measures(world, quotes, figures), figures, purse)
    paths: dict[str, _Handler] = {
        "/v2/positions": data.positions,
        "/v2/trades": data.trades,
        "/v2/activity": data.activity,
        "/v2/value": data.value,
        "/v2/resolutions": data.resolutions,
        "/v2/approvals": data.approvals,
        "/v2/holders": data.holders,
        "/v2/prices-history": data.prices,
        "/v2/status": data.status,
    }
    traces = count(1)
    return [
        web.get(path, _answered(handler, world.seed, traces.__next__))
        for path, handler in paths.items()
    ]


def _answered(
    handler: _Handler, seed: int, trace: Callable[[], int]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return handler(DataQuery(request, seed), now_of(request))
        except DataRefused as error:
            return error.answer(trace())

    return handle


class _Data:
    def __init__(
        self,
        world: World,
        ledger: DataLedger,
        measures: Measures,
        figures: Figures,
        purse: Purse | None,
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._figures = figures
        self._purse = purse or Purse(world.polymarket.custody)
        self._positions = Positions(world, ledger, measures)

    # --- wallets -------------------------------------------------------------------------------

    def positions(self, query: DataQuery, _now: Nanos) -> web.Response:
        return _page(*self._positions.listed(query))

    def holders(self, query: DataQuery, _now: Nanos) -> web.Response:
        return _page(*self._positions.holders(query))

    def value(self, query: DataQuery, _now: Nanos) -> web.Response:
        wallet = query.wallet()
        assert wallet is not None
        worth = self._positions.value(wallet, query.conditions())
        return json_answer({"data": {"proxy_wallet": wallet.lower(), "value": number(worth)}})

    def approvals(self, query: DataQuery, now: Nanos) -> web.Response:
        wallet = query.wallet()
        assert wallet is not None
        wanted = (*required_approvals(), Approval("erc20", POLYGON.collateral, PERPETUALS))
        told = {
            "address": wallet.lower(),
            "chain_id": POLYGON_CHAIN,
            "checked_at": stamp(now),
            "contracts": [self._approval(wallet, each) for each in wanted],
        }
        return json_answer({"data": told})

    def _approval(self, wallet: AccountId, wanted: Approval) -> dict[str, Any]:
        told: dict[str, Any] = {"token": wanted.token, "spender": wanted.spender}
        if wanted.standard == "erc1155":
            granted = self._purse.operates(wallet, wanted.token, wanted.spender)
            return told | {"standard": "ERC1155", "approved": granted}
        amount = self._purse.allowance(wallet, wanted.token, wanted.spender)
        stated = "max" if amount == ENDLESS else str(amount)
        return told | {"standard": "ERC20", "approved": amount > 0, "amount": stated}

    # --- feeds ---------------------------------------------------------------------------------

    def trades(self, query: DataQuery, _now: Nanos) -> web.Response:
        wallet = query.wallet(needed=False)
        takers = query.truth("taker_only", True)
        # Times count with a wallet only; without one the service has windows of its own.
        rows = [
            entry
            for entry in self._found(query, wallet, timed=wallet is not None)
            if entry.kind == "TRADE" and (entry.taker or not takers)
        ]
        kind = query.word("filter_type", ("CASH", "TOKENS")) or "TOKENS"
        least = query.micros("filter_amount") or _DUST
        kept = [row for row in rows if (row.cost if kind == "CASH" else row.size) >= least]
        page, pagination = query.page(kept, lambda entry: (entry.number,))
        return _page([trade_row(self._world, entry) for entry in page], pagination)

    def activity(self, query: DataQuery, _now: Nanos) -> web.Response:
        wallet = query.wallet()
        kinds = query.words("type")
        hidden = _KINDS if query.truth("exclude_deposits_withdrawals", True) else frozenset[str]()
        rows = [
            entry
            for entry in self._found(query, wallet, timed=True)
            if (entry.kind in kinds if kinds else entry.kind not in hidden)
        ]
        direction = query.word("sort_direction", ("ASC", "DESC")) or "DESC"
        sign = 1 if direction == "DESC" else -1
        page, pagination = query.page(rows, lambda each: (sign * each.number,), cohort=direction)
        return _page([activity_row(self._world, entry) for entry in page], pagination)

    def _found(self, query: DataQuery, wallet: AccountId | None, *, timed: bool) -> list[Entry]:
        """Return the rows that fit markets, events, side and times."""
        conditions, events = query.conditions(), query.words("event_id")
        side = query.word("side", _SIDES)
        first = (query.second("start") or 0) if timed else 0
        last = query.second("end") if timed else None
        return [
            entry
            for entry in self._ledger.rows(wallet)
            if entry.at_ns >= first
            and (last is None or entry.at_ns < last + 10**9)
            and (side is None or (entry.side or "").upper() == side)
            and (not conditions or (entry.market and entry.market.native in conditions))
            and (not events or self._event_of(entry) in events)
        ]

    def _event_of(self, entry: Entry) -> str:
        if entry.market is None:
            return ""
        catalogue = self._world.catalogue
        return str(catalogue.events[catalogue.markets[entry.market].event].id)

    # --- markets -------------------------------------------------------------------------------

    def resolutions(self, query: DataQuery, now: Nanos) -> web.Response:
        conditions, events = query.conditions(), query.words("event_id")
        question = query.word("question_id")
        if sum(map(bool, (conditions, events, question))) != 1:
            raise DataRefused("provide one of 'condition', 'event_id', 'question_id'", "condition")
        catalogue = self._world.catalogue
        told = []
        for row in catalogue.markets.values():
            market, home = row.listing.market.id, catalogue.events[row.event]
            asked = market.native in conditions or str(home.id) in events
            if market.venue != POLYMARKET or not (asked or row.question_id == (question or None)):
                continue
            found = resolution_row(row, now, augmented=home.augmented)
            if found is not None:
                told.append(found)
        return json_answer({"data": told})

    def prices(self, query: DataQuery, now: Nanos) -> web.Response:
        return _page(*history(self._world, self._figures, query, now))

    def status(self, _query: DataQuery, now: Nanos) -> web.Response:
        return json_answer({"data": {"status": "ok", "timestamp": stamp(now)}})


def _page(rows: list[dict[str, Any]], pagination: dict[str, Any]) -> web.Response:
    return json_answer({"data": rows, "pagination": pagination})
