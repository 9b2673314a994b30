"""What a member has: balance, positions, orders, fills, settlements, places in the queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from aiohttp import web

from underround.local_venue.kalshi import orders_told as told
from underround.local_venue.kalshi.buckets import ORDER_READ_COST
from underround.local_venue.kalshi.call import Call, route
from underround.local_venue.kalshi.desk import SHARDS, KalshiDesk
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.kalshi.wording import balance_text, cents, count_text, seconds
from underround.local_venue.net.http_host import json_answer
from underround.model.ids import MarketId, OrderId
from underround.model.units import ONE, Money, Nanos
from underround.simulation.matching.kalshi.terms import (
    PRIMARY,
    Holder,
    KalshiFill,
    KalshiOrder,
    KalshiSettlement,
    Position,
)

_READ: Final = "read"
_MOST: Final = 1_000
_STATUSES: Final = frozenset(("resting", "canceled", "executed"))
_SETTLED: Final = frozenset(("unsettled", "settled", "all"))


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes of a member's reads."""
    table = {
        "/portfolio/balance": balance,
        "/portfolio/positions": positions,
        "/portfolio/orders": orders,
        "/portfolio/orders/queue_positions": queue_positions,
        "/portfolio/orders/{order}/queue_position": queue_position,
        "/portfolio/fills": fills,
        "/portfolio/settlements": settlements,
        "/portfolio/summary/total_resting_order_value": resting_value,
        "/historical/orders": lambda _call: json_answer({"orders": [], "cursor": ""}),
        "/historical/fills": lambda _call: json_answer({"fills": [], "cursor": ""}),
        "/historical/positions": lambda _call: json_answer(
            {"market_positions": [], "event_positions": [], "cursor": ""}
        ),
    }
    made = [route(desk, "GET", path, answer, scope=_READ) for path, answer in table.items()]
    one = route(
        desk, "GET", "/portfolio/orders/{order}", one_order, scope=_READ, cost=ORDER_READ_COST
    )
    return [*made, one]


# --- money ---------------------------------------------------------------------------------------


def _shards(call: Call) -> list[int]:
    chosen = call.number("exchange_index")
    return list(SHARDS) if chosen is None else [chosen]


def balance(call: Call) -> web.Response:
    """``GET /portfolio/balance``: what is free for new orders, and what positions are worth."""
    holder = call.holder(call.number("subaccount"))
    money = call.desk.exchange.money
    free = {shard: money.available(holder, shard) for shard in _shards(call)}
    total = sum(free.values())
    return json_answer(
        {
            "balance": cents(total),
            "balance_dollars": balance_text(total),
            "portfolio_value": cents(_worth(call.desk, holder)),
            "updated_ts": seconds(call.now),
            "balance_breakdown": [
                {"exchange_index": shard, "balance": balance_text(amount)}
                for shard, amount in free.items()
                if amount or shard == 0
            ],
        }
    )


def _worth(desk: KalshiDesk, holder: Holder) -> Money:
    """Return what the positions are worth at the last prices."""
    total = 0
    for market, held in desk.exchange.money.positions.get(holder, {}).items():
        last = desk.tape(market).last
        if held.contracts and last is not None:
            price = last.yes_price if held.contracts > 0 else ONE - last.yes_price
            total += price * abs(held.contracts) // ONE
    return total


def resting_value(call: Call) -> web.Response:
    """``GET /portfolio/summary/total_resting_order_value``: what open orders bind."""
    money = call.desk.exchange.money
    by_shard = {
        shard: sum(money.bound(holder, shard) for holder in call.holders(None)) for shard in SHARDS
    }
    return json_answer(
        {
            "total_resting_order_value": cents(sum(by_shard.values())),
            "resting_order_value_breakdown": [
                {"exchange_index": shard, "balance": balance_text(amount)}
                for shard, amount in by_shard.items()
            ],
        }
    )


# --- positions -----------------------------------------------------------------------------------


def _positions(call: Call) -> Iterator[tuple[MarketId, Position]]:
    holder = call.holder(call.number("subaccount"))
    ticker, event = call.text("ticker"), call.text("event_ticker")
    shard = call.number("exchange_index")
    state = call.text("settlement_status") or "unsettled"
    filters = set(call.listed("count_filter"))
    if state not in _SETTLED or filters - {"position", "total_traded"}:
        raise Refused("bad_request", "invalid filter")
    for market, held in call.desk.exchange.money.positions.get(holder, {}).items():
        if ticker not in {"", market.native} or event not in {"", call.desk.event_of(market)}:
            continue
        if shard is not None and call.desk.shard_of(market) != shard:
            continue
        if state != "all" and held.settled != (state == "settled"):
            continue
        if filters and not (
            ("position" in filters and held.contracts)
            or ("total_traded" in filters and held.traded)
        ):
            continue
        yield market, held


def positions(call: Call) -> web.Response:
    """``GET /portfolio/positions``."""
    page, cursor = call.page(_positions(call), lambda each: each[0].native, usual=100, most=_MOST)
    return json_answer(
        {
            "market_positions": [told.position_row(call.desk, *each) for each in page],
            "event_positions": told.event_positions(call.desk, page),
            "cursor": cursor,
        }
    )


# --- orders --------------------------------------------------------------------------------------


def _about(call: Call, market: MarketId) -> bool:
    """Return whether a row is about the tickers and the event that were asked for."""
    tickers, event = call.listed("ticker"), call.text("event_ticker")
    if tickers and market.native not in tickers:
        return False
    return event in {"", call.desk.event_of(market)}


def _in_time(call: Call, at: Nanos) -> bool:
    least, most = call.number("min_ts"), call.number("max_ts")
    second = at // 10**9
    return (least is None or second >= least) and (most is None or second <= most)


def _orders(call: Call) -> Iterator[KalshiOrder]:
    holders = set(call.holders(call.number("subaccount")))
    status, shard = call.text("status"), call.number("exchange_index")
    if status and status not in _STATUSES:
        raise Refused("bad_request", "invalid status filter")
    for order in reversed(call.desk.exchange.orders.values()):
        market = order.sent.outcome.market
        if order.holder not in holders or status not in {"", order.status}:
            continue
        if shard is not None and call.desk.shard_of(market) != shard:
            continue
        if _about(call, market) and _in_time(call, order.created_ns):
            yield order


def orders(call: Call) -> web.Response:
    """``GET /portfolio/orders``, newest first."""
    page, cursor = call.page(_orders(call), lambda each: each.sent.id, usual=100, most=_MOST)
    return json_answer(
        {"orders": [told.order_row(call.desk, each) for each in page], "cursor": cursor}
    )


def own_order(call: Call, name: str) -> KalshiOrder:
    """Return an order of the member; raises ``Refused`` (404)."""
    order = call.desk.exchange.orders.get(OrderId(name))
    if order is None or order.holder not in call.holders(None):
        raise Refused("not_found", "order not found")
    return order


def one_order(call: Call) -> web.Response:
    """``GET /portfolio/orders/{id}``."""
    return json_answer({"order": told.order_row(call.desk, own_order(call, call.part("order")))})


def queue_position(call: Call) -> web.Response:
    """``GET /portfolio/orders/{id}/queue_position``."""
    order = own_order(call, call.part("order"))
    if order.line is None:
        raise Refused("not_found", "order is not resting")
    return json_answer({"queue_position_fp": count_text(call.desk.exchange.ahead(order))})


def queue_positions(call: Call) -> web.Response:
    """``GET /portfolio/orders/queue_positions``."""
    tickers, event = call.listed("market_tickers"), call.text("event_ticker")
    if not tickers and not event:
        raise Refused("missing_parameters", "market_tickers or event_ticker needed")
    exchange = call.desk.exchange
    holders = set(call.holders(call.number("subaccount")))
    found = []
    for row in call.desk.rows():
        market = row.listing.market.id
        if (tickers and market.native not in tickers) or event not in {"", row.event}:
            continue
        found += [
            {
                "order_id": order.sent.id,
                "market_ticker": market.native,
                "queue_position_fp": count_text(exchange.ahead(order)),
            }
            for order in exchange.resting(market)
            if order.holder in holders
        ]
    return json_answer({"queue_positions": found})


# --- fills and settlements -----------------------------------------------------------------------


def _fills(call: Call) -> Iterable[KalshiFill]:
    order = call.text("order_id")
    holders = set(call.holders(call.number("subaccount")))
    shard = call.number("exchange_index")
    for fill in reversed(call.desk.fills.get(call.account, ())):
        if (fill.account, fill.subaccount) not in holders or order not in {"", fill.order}:
            continue
        if shard is not None and call.desk.shard_of(fill.market) != shard:
            continue
        if _about(call, fill.market) and _in_time(call, fill.at_ns):
            yield fill


def fills(call: Call) -> web.Response:
    """``GET /portfolio/fills``, newest first; ``ticker`` may name several."""
    page, cursor = call.page(
        _fills(call), lambda each: f"{each.trade} {each.order}", usual=100, most=_MOST
    )
    return json_answer(
        {"fills": [told.fill_row(call.desk, each) for each in page], "cursor": cursor}
    )


def _settlements(call: Call) -> Iterable[KalshiSettlement]:
    chosen = call.number("subaccount")
    holder = call.holder(PRIMARY if chosen is None and call.key.subaccount is None else chosen)
    for made in reversed(call.desk.settlements.get(call.account, ())):
        if (
            made.subaccount == holder[1]
            and _about(call, made.market)
            and _in_time(call, made.at_ns)
        ):
            yield made


def settlements(call: Call) -> web.Response:
    """``GET /portfolio/settlements``, newest first."""
    page, cursor = call.page(_settlements(call), lambda each: each.market.native, usual=100,
                             most=_MOST)  # fmt: skip
    return json_answer(
        {"settlements": [told.settlement_row(call.desk, each) for each in page], "cursor": cursor}
    )
