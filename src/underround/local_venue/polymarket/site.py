"""polymarket.com itself: a client asks it whether it may trade from where it is."""

from __future__ import annotations

import msgspec
from aiohttp import web

from underround.local_venue.net.http_host import json_answer
from underround.local_venue.world import World


class Place(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the site believes its visitors to be; may be changed while it serves."""

    blocked: bool = False
    ip: str = "127.0.0.1"
    country: str = "CH"
    region: str = "ZH"


def routes(world: World, place: Place | None = None) -> list[web.RouteDef]:
    """Return what the site answers; ``place`` is the same for everybody."""
    del world
    told = place or Place()

    async def geoblock(_request: web.Request) -> web.Response:
        return json_answer(told)

    return [web.get("/api/geoblock", geoblock)]
