"""Kalshi's REST server."""

from __future__ import annotations

from aiohttp import web

from underround.local_venue.kalshi import (
    account_routes,
    catalogue_routes,
    exchange_routes,
    group_routes,
    key_routes,
    order_routes,
    portfolio_routes,
    tape_routes,
)
from underround.local_venue.kalshi.call import API
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.refusals import Refused


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return everything below ``/trade-api/v2``."""
    return [
        *exchange_routes.routes(desk),
        *tape_routes.routes(desk),
        *catalogue_routes.routes(desk),
        *portfolio_routes.routes(desk),
        *order_routes.routes(desk),
        *group_routes.routes(desk),
        *account_routes.routes(desk),
        *key_routes.routes(desk),
        web.route("*", API + "/{unknown:.*}", unknown),
    ]


async def unknown(_request: web.Request) -> web.StreamResponse:
    """Answer a path that is none of the venue's."""
    return Refused("not_found").answer()
