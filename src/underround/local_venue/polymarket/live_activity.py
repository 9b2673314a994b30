"""What was traded in a market just now, for everybody: ``GET /markets/live-activity/{condition}``.

The form is that of the SDKs' ``MarketTradeEvent``.  Nobody here has a name or a picture.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from aiohttp import web

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.refused import refusing
from underround.local_venue.polymarket.clob.rows import SIDE_WORDS, Row
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import ONE, decimal_text
from underround.simulation.matching.terms import Trade

_MOST: Final = 100


class LiveActivity:
    """The endpoint."""

    def __init__(self, server: ClobServer) -> None:
        """Read ``server``'s world."""
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoint."""
        return [web.get("/markets/live-activity/{condition}", refusing(self._recent))]

    async def _recent(self, request: web.Request) -> web.Response:
        self._server.arrive(request, "clob")
        row = self._server.market(request.match_info["condition"])
        trades = reversed(self._server.world.polymarket.trades.values())
        wanted = row.listing.market.id
        found = (each for each in trades if each.market == wanted and each.status != "FAILED")
        return json_answer([_event(row, each) for each in islice(found, _MOST)])


def _event(row: LocalMarket, trade: Trade) -> Row:
    listing = row.listing
    market, index = listing.market, trade.outcome.index
    return {
        "event_type": "trade",
        "market": {
            "condition_id": market.id.native,
            "asset_id": market.tokens[index],
            "question": market.title,
            "icon": "",
            "slug": listing.slug,
        },
        "user": {
            "address": trade.account,
            "username": "",
            "profile_picture": "",
            "optimized_profile_picture": "",
            "pseudonym": "",
        },
        "side": SIDE_WORDS[trade.side],
        "size": decimal_text(trade.size),
        "fee_rate_bps": "0",
        "price": decimal_text(trade.cost * ONE // trade.size),
        "outcome": market.outcomes[index],
        "outcome_index": index,
        "transaction_hash": trade.transaction,
        "timestamp": str(trade.at_ns // NANOS_PER_SECOND),
    }
