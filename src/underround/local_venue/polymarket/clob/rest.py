"""The CLOB over REST, at whose doors everything is really checked: ``routes`` for an HTTP host."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from underround.local_venue.faults import Answer
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.account_reads import AccountReads
from underround.local_venue.polymarket.clob.book_reads import BookReads
from underround.local_venue.polymarket.clob.builders import BuilderTrades
from underround.local_venue.polymarket.clob.cancels import Cancels
from underround.local_venue.polymarket.clob.keys import Keys
from underround.local_venue.polymarket.clob.limits import TOO_MANY
from underround.local_venue.polymarket.clob.market_reads import MarketReads
from underround.local_venue.polymarket.clob.orders import Orders
from underround.local_venue.polymarket.clob.restart import DISABLED, RESTARTING
from underround.local_venue.polymarket.clob.rewards import Rewards
from underround.local_venue.polymarket.clob.server import Books, ClobServer
from underround.local_venue.polymarket.live_activity import LiveActivity
from underround.local_venue.world import World


def routes(world: World, books: Books) -> list[web.RouteDef]:
    """Return the endpoints of a CLOB with the venue's usual bounds."""
    return routes_of(ClobServer(world, books))


def routes_of(server: ClobServer) -> list[web.RouteDef]:
    """Return the endpoints of ``server``."""
    rooms = (
        Orders(server),
        Cancels(server),
        Keys(server),
        AccountReads(server),
        Rewards(server),
        BuilderTrades(server),
        BookReads(server),
        MarketReads(server),
        LiveActivity(server),
    )
    return [route for room in rooms for route in room.routes()]


_WORDS: Final = {401: "Unauthorized/Invalid api key", 425: RESTARTING, 429: TOO_MANY}


def fault_answer(fault: Answer) -> web.Response:
    """Return how the CLOB words an error on demand; for its ``HttpHost``.

    What it was carried out in spite of claims nothing: a 429 then lacks the limiter's words, and a
    503 does not say that trading is disabled.
    """
    status = fault.status
    if status in _WORDS:
        text = _WORDS[status]
    elif status == 503 and not fault.processed:
        text = DISABLED
    else:
        text = "Internal server error" if status == 500 else _phrase(status)
    told = status in {429, 503} and not fault.processed
    return json_answer({"error": text}, status, {"Retry-After": "1"} if told else None)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"
