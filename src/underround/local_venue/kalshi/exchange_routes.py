"""The exchange itself: whether it works, when, and the archive, which is empty here."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from underround.local_venue.kalshi.call import Call, route
from underround.local_venue.kalshi.desk import SHARDS, KalshiDesk
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.kalshi.wording import iso
from underround.local_venue.net.http_host import json_answer

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ALWAYS: Final = [{"open_time": "00:00", "close_time": "00:00"}]
_THURSDAY: Final = [
    {"open_time": "00:00", "close_time": "03:00"},
    {"open_time": "05:00", "close_time": "00:00"},
]
_NEVER_ENDS: Final = "2999-01-01T00:00:00Z"


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes."""
    table = {
        "/exchange/status": status,
        "/exchange/schedule": schedule,
        "/exchange/announcements": lambda _call: json_answer({"announcements": []}),
        "/exchange/user_data_timestamp": as_of,
        "/historical/cutoff": cutoff,
        "/historical/markets": lambda _call: json_answer({"markets": [], "cursor": ""}),
        "/historical/markets/{ticker}": archived,
        "/historical/markets/{ticker}/candlesticks": archived,
        "/historical/trades": lambda _call: json_answer({"trades": [], "cursor": ""}),
        "/incentive_programs": lambda _call: json_answer(
            {"incentive_programs": [], "next_cursor": ""}
        ),
    }
    return [route(desk, "GET", path, answer) for path, answer in table.items()]


def status(call: Call) -> web.Response:
    """``GET /exchange/status``."""
    mode = call.desk.exchange.mode
    works = {
        "exchange_active": mode != "exchange_paused",
        "trading_active": mode == "open",
        "intra_exchange_transfers_active": mode != "exchange_paused",
    }
    shards = [
        {"exchange_index": shard, "description": description, **works}
        for shard, description in SHARDS.items()
    ]
    return json_answer({**works, "exchange_index_statuses": shards})


def schedule(_call: Call) -> web.Response:
    """``GET /exchange/schedule``: always, but for the pause on Thursday morning (New York)."""
    week: dict[str, object] = {"start_time": "2026-01-01T00:00:00Z", "end_time": _NEVER_ENDS}
    week |= {day: _THURSDAY if day == "thursday" else _ALWAYS for day in _DAYS}
    return json_answer({"schedule": {"standard_hours": [week], "maintenance_windows": []}})


def as_of(call: Call) -> web.Response:
    """``GET /exchange/user_data_timestamp``: portfolio reads hold everything."""
    return json_answer({"as_of_time": iso(call.now)})


def cutoff(_call: Call) -> web.Response:
    """``GET /historical/cutoff``: nothing is old enough for the archive."""
    beginning = iso(0)
    names = (
        "market_settled_ts",
        "trades_created_ts",
        "orders_updated_ts",
        "market_positions_last_updated_ts",
    )
    return json_answer(dict.fromkeys(names, beginning))


def archived(_call: Call) -> web.Response:
    """Answer that nothing of that name is in the archive."""
    raise Refused("not_found", "market not found")
