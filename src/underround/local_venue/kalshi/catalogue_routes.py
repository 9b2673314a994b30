"""The catalogue, for anybody: series, events, markets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aiohttp import web

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.kalshi import rows as written
from underround.local_venue.kalshi.call import Call, route
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.net.http_host import json_answer
from underround.model.ids import KALSHI
from underround.model.units import Nanos
from underround.simulation.matching.kalshi.listed import Listed

_STATUSES: Final = {
    "unopened": frozenset(("initialized",)),
    "open": frozenset(("active",)),
    "paused": frozenset(("inactive",)),
    "closed": frozenset(("closed", "determined")),
    "settled": frozenset(("finalized",)),
}


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes of the catalogue."""
    table = {
        "/series": all_series,
        "/series/fee_changes": lambda _call: json_answer({"series_fee_change_arr": []}),
        "/series/{series}": one_series,
        "/events": events,
        "/events/fee_changes": lambda _call: json_answer({"event_fee_changes": [], "cursor": ""}),
        "/events/multivariate": lambda _call: json_answer({"events": [], "cursor": ""}),
        "/events/{event}": one_event,
        "/markets": markets,
        "/markets/{ticker}": one_market,
    }
    return [route(desk, "GET", path, answer) for path, answer in table.items()]


# --- looking up ----------------------------------------------------------------------------------


def row_of(call: Call, ticker: str) -> LocalMarket:
    """Return a market; raises ``Refused`` (404)."""
    found = call.desk.row(ticker)
    if found is None:
        raise Refused("not_found", "market not found")
    return found


def listed_of(call: Call, row: LocalMarket) -> Listed:
    """Return what the exchange knows of it."""
    return call.desk.exchange.markets[row.listing.market.id]


def status_filter(call: Call) -> frozenset[str] | None:
    """Return the stages a query is about; raises ``Refused`` for words that are no filter."""
    status = call.text("status")
    if not status:
        return None
    found: frozenset[str] = frozenset()
    for word in status.split(","):
        if word not in _STATUSES:
            raise Refused("bad_request", "invalid status filter")
        found |= _STATUSES[word]
    return found


def _by_series(call: Call) -> dict[str, list[LocalMarket]]:
    found: dict[str, list[LocalMarket]] = {}
    for row in call.desk.rows():
        found.setdefault(written.series_of(row), []).append(row)
    return found


# --- series and events ---------------------------------------------------------------------------


def _series(call: Call, ticker: str, rows: list[LocalMarket]) -> written.Row:
    of = list({row.event: written.event_of(call.desk, row) for row in rows}.values())
    return written.series_row(ticker, rows, of)


def all_series(call: Call) -> web.Response:
    """``GET /series``: all at once, as the venue does."""
    found = [_series(call, ticker, rows) for ticker, rows in _by_series(call).items()]
    category = call.text("category")
    tags = set(call.listed("tags"))
    return json_answer(
        {
            "series": [
                each
                for each in found
                if category in {"", each["category"]}
                and (not tags or tags & set(_texts(each["tags"])))
            ]
        }
    )


def _texts(value: object) -> list[str]:
    return value if isinstance(value, list) else []


def one_series(call: Call) -> web.Response:
    """``GET /series/{ticker}``."""
    rows = _by_series(call).get(call.part("series"))
    if rows is None:
        raise Refused("not_found", "series not found")
    return json_answer({"series": _series(call, call.part("series"), rows)})


def _event(call: Call, event: LocalEvent, by_series: dict[str, list[LocalMarket]]) -> written.Row:
    row = call.desk.world.catalogue.markets[event.markets[0]]
    newest = by_series[written.series_of(row)][-1]
    return written.event_row(call.desk, event, newest.listing.market.fees)


def _nested(call: Call, event: LocalEvent) -> list[written.Row]:
    catalogue = call.desk.world.catalogue.markets
    return [written.market_row(call.desk, catalogue[each], call.now) for each in event.markets]


def _events(call: Call) -> Iterator[LocalEvent]:
    catalogue = call.desk.world.catalogue
    stages, series = status_filter(call), call.text("series_ticker")
    tickers = call.listed("tickers")
    for event in catalogue.events.values():
        if not event.markets or event.markets[0].venue != KALSHI:
            continue
        rows = [catalogue.markets[each] for each in event.markets]
        if series and written.series_of(rows[0]) != series:
            continue
        if tickers and event.slug not in tickers:
            continue
        if stages is None or any(listed_of(call, row).stage in stages for row in rows):
            yield event


def events(call: Call) -> web.Response:
    """``GET /events``."""
    found, cursor = call.page(_events(call), lambda each: each.slug, usual=200, most=200)
    by_series = _by_series(call)
    told = []
    for event in found:
        row = _event(call, event, by_series)
        if call.flag("with_nested_markets"):
            row["markets"] = _nested(call, event)
        told.append(row)
    return json_answer({"events": told, "milestones": [], "cursor": cursor})


def one_event(call: Call) -> web.Response:
    """``GET /events/{ticker}``; the markets are in the event only when asked for."""
    event = call.desk.world.catalogue.events.get(call.part("event"))
    if event is None or not event.markets or event.markets[0].venue != KALSHI:
        raise Refused("not_found", "event not found")
    row = _event(call, event, _by_series(call))
    nested = _nested(call, event)
    if call.flag("with_nested_markets"):
        row["markets"] = nested
        return json_answer({"event": row, "markets": []})
    return json_answer({"event": row, "markets": nested})


# --- markets -------------------------------------------------------------------------------------


def one_market(call: Call) -> web.Response:
    """``GET /markets/{ticker}``."""
    row = row_of(call, call.part("ticker"))
    return json_answer({"market": written.market_row(call.desk, row, call.now)})


def _within(call: Call, name: str, at: Nanos | None) -> bool:
    """Return whether a time is within ``min_…`` and ``max_…``, which are seconds."""
    least, most = call.number(f"min_{name}_ts"), call.number(f"max_{name}_ts")
    if least is None and most is None:
        return True
    if at is None:
        return False
    second = at // 10**9
    return (least is None or second >= least) and (most is None or second <= most)


def _markets(call: Call) -> Iterator[LocalMarket]:
    stages = status_filter(call)
    event, series, tickers = (
        call.text("event_ticker"),
        call.text("series_ticker"),
        set(call.listed("tickers")),
    )
    _one_family(call)
    least = call.number("min_updated_ts")
    for row in call.desk.rows():
        listed = listed_of(call, row)
        if stages is not None and listed.stage not in stages:
            continue
        if event not in {"", row.event} or series not in {"", written.series_of(row)}:
            continue
        if tickers and row.listing.market.id.native not in tickers:
            continue
        updated = row.listing.updated_ns or row.listed_ns
        if (
            _within(call, "created", row.listed_ns)
            and _within(call, "close", listed.closes_ns)
            and _within(call, "settled", listed.settled_ns)
            and (least is None or updated // 10**9 >= least)
        ):
            yield row


def _one_family(call: Call) -> None:
    """Refuse a query by two kinds of times."""
    families = {
        name
        for name in ("created", "updated", "close", "settled")
        if call.text(f"min_{name}_ts") or call.text(f"max_{name}_ts")
    }
    if len(families) > 1:
        raise Refused("bad_request", "timestamp filters are mutually exclusive")


def markets(call: Call) -> web.Response:
    """``GET /markets``."""
    found = () if call.text("mve_filter") == "only" else _markets(call)
    page, cursor = call.page(
        found, lambda each: each.listing.market.id.native, usual=100, most=1_000
    )
    told = [written.market_row(call.desk, row, call.now) for row in page]
    return json_answer({"markets": told, "cursor": cursor})
