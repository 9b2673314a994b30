"""Order groups: made, looked at, given another limit, triggered, reset, deleted."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from underround.local_venue.kalshi.call import Call, route
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.order_bodies import contracts
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.kalshi.wording import count_text
from underround.local_venue.net.http_host import json_answer
from underround.model.units import ONE, Size
from underround.simulation.matching.kalshi.groups import OrderGroup

_GROUPS: Final = "/portfolio/order_groups"


class LimitBody(msgspec.Struct):
    """A limit, in whole contracts or as text, and where a new group is to be."""

    contracts_limit: int | None = None
    contracts_limit_fp: str | None = None
    subaccount: int | None = None
    exchange_index: int | None = None


_limit: Final = msgspec.json.Decoder(LimitBody)


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes."""
    one = f"{_GROUPS}/{{group}}"
    reads = (("", every), ("/{group}", single))
    writes = (
        ("POST", f"{_GROUPS}/create", create),
        ("PUT", f"{one}/limit", limit),
        ("PUT", f"{one}/reset", reset),
        ("PUT", f"{one}/trigger", trigger),
        ("DELETE", one, delete),
    )
    made = [route(desk, "GET", _GROUPS + path, answer, scope="read") for path, answer in reads]
    return made + [
        route(desk, method, path, answer, scope="write::trade") for method, path, answer in writes
    ]


def _stated(body: LimitBody) -> Size:
    if (body.contracts_limit is None) == (body.contracts_limit_fp is None):
        raise Refused("invalid_parameters", "one of contracts_limit and contracts_limit_fp needed")
    if body.contracts_limit is not None:
        return body.contracts_limit * ONE
    return contracts(body.contracts_limit_fp)


def _group(call: Call) -> OrderGroup:
    found = call.desk.exchange.groups.all.get(call.part("group"))
    if found is None or found.holder not in call.holders(call.number("subaccount")):
        raise Refused("not_found", "order group not found")
    return found


def _row(group: OrderGroup) -> dict[str, object]:
    return {
        "is_auto_cancel_enabled": True,
        "contracts_limit_fp": count_text(group.limit),
        "exchange_index": group.shard,
    }


def create(call: Call) -> web.Response:
    """``POST /portfolio/order_groups/create``."""
    body = call.read(_limit)
    holder = call.holder(body.subaccount)
    shard = max(0, body.exchange_index or 0)
    try:
        made = call.desk.exchange.groups.create(holder, shard, _stated(body), call.now)
    except ValueError as error:
        raise Refused("invalid_parameters", str(error)) from None
    told = {"order_group_id": made.id, "subaccount": holder[1], "exchange_index": shard}
    return json_answer(told, 201)


def every(call: Call) -> web.Response:
    """``GET /portfolio/order_groups``."""
    holders = call.holders(call.number("subaccount"))
    found = [
        {"id": group.id, **_row(group)}
        for group in call.desk.exchange.groups.all.values()
        if group.holder in holders
    ]
    return json_answer({"order_groups": found})


def single(call: Call) -> web.Response:
    """``GET /portfolio/order_groups/{id}``."""
    group = _group(call)
    return json_answer({**_row(group), "orders": list(group.orders)})


def limit(call: Call) -> web.Response:
    """``PUT /portfolio/order_groups/{id}/limit``."""
    group = _group(call)
    try:
        call.desk.exchange.groups.limit(group, _stated(call.read(_limit)), call.now)
    except ValueError as error:
        raise Refused("invalid_parameters", str(error)) from None
    return json_answer({})


def reset(call: Call) -> web.Response:
    """``PUT /portfolio/order_groups/{id}/reset``."""
    call.desk.exchange.groups.reset(_group(call), call.now)
    return json_answer({})


def trigger(call: Call) -> web.Response:
    """``PUT /portfolio/order_groups/{id}/trigger``."""
    call.desk.exchange.groups.trigger(_group(call), call.now)
    return json_answer({})


def delete(call: Call) -> web.Response:
    """``DELETE /portfolio/order_groups/{id}``."""
    call.desk.exchange.groups.delete(_group(call), call.now)
    return json_answer({})
