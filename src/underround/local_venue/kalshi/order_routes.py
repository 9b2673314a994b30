"""Writes of orders (V2): placed, changed, cancelled, alone and in batches."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from underround.local_venue.faults import ClosedOnly
from underround.local_venue.kalshi import order_bodies as bodies
from underround.local_venue.kalshi import orders_told as told
from underround.local_venue.kalshi.buckets import CANCEL_COST, REQUEST_COST
from underround.local_venue.kalshi.call import Call, route, shard_bucket
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.portfolio_routes import own_order
from underround.local_venue.kalshi.refusals import Refused, refusal
from underround.local_venue.kalshi.wording import count_text
from underround.local_venue.net.http_host import json_answer
from underround.model.ids import OrderId
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.rules import reducing
from underround.simulation.matching.kalshi.terms import KalshiOrder, KalshiSubmission
from underround.simulation.matching.terms import Placement

_SCOPE: Final = "write::trade"
_ORDERS: Final = "/portfolio/events/orders"
_V1: Final = (
    ("POST", "/portfolio/orders"),
    ("POST", "/portfolio/orders/batched"),
    ("DELETE", "/portfolio/orders/batched"),
    ("DELETE", "/portfolio/orders/{order}"),
    ("POST", "/portfolio/orders/{order}/amend"),
    ("POST", "/portfolio/orders/{order}/decrease"),
)


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes; the older order writes answer that they are gone."""
    table = (
        ("POST", "", create, REQUEST_COST, _named_in_create),
        ("POST", "/batched", create_batch, _batch_cost, "write"),
        ("DELETE", "/batched", cancel_batch, _cancels_cost, "write"),
        ("DELETE", "", cancel_all, CANCEL_COST, "write"),
        ("DELETE", "/{order}", cancel, CANCEL_COST, _named_in_query),
        ("POST", "/{order}/amend", amend, REQUEST_COST, _named_in_amend),
        ("POST", "/{order}/decrease", decrease, REQUEST_COST, _named_in_decrease),
    )
    made = [
        route(desk, method, _ORDERS + path, answer, scope=_SCOPE, cost=cost, bucket=bucket)
        for method, path, answer, cost, bucket in table
    ]
    return made + [route(desk, method, path, gone, scope=_SCOPE) for method, path in _V1]


def gone(_call: Call) -> web.Response:
    """Answer an order write of V1."""
    raise Refused("deprecated_v1_order_endpoint", "use /portfolio/events/orders")


# --- what a write costs, and from which bucket ---------------------------------------------------


def _named_in_create(call: Call) -> str:
    return shard_bucket(call.read(bodies.create).exchange_index)


def _named_in_amend(call: Call) -> str:
    return shard_bucket(call.read(bodies.amend).exchange_index)


def _named_in_decrease(call: Call) -> str:
    return shard_bucket(call.read(bodies.decrease).exchange_index)


def _named_in_query(call: Call) -> str:
    return shard_bucket(call.number("exchange_index"))


def _batch_cost(call: Call) -> int:
    return REQUEST_COST * len(call.read(bodies.create_batch).orders or ())


def _cancels_cost(call: Call) -> int:
    return CANCEL_COST * len(call.read(bodies.cancel_batch).orders or ())


# --- which market --------------------------------------------------------------------------------


def _routed(call: Call, ticker: str, shard: int | None) -> Listed:
    """Return the market of a write; naming another shard than its own finds nothing."""
    listed = call.desk.listed(ticker)
    if listed is None or (shard is not None and shard >= 0 and shard != listed.shard):
        raise Refused("not_found", "market not found")
    return listed


def _found(
    call: Call, order_id: str, ticker: str, shard: int | None, subaccount: int | None
) -> KalshiOrder:
    """Return the order of a write; without ticker and shard it is looked for on shard 0."""
    order = own_order(call, order_id)
    market = order.sent.outcome.market
    looked = shard if shard is not None and shard >= 0 else None
    if ticker:
        looked = _routed(call, ticker, shard).shard
    here = call.desk.shard_of(market)
    wrong = ticker not in {"", market.native} or here != (looked or 0)
    if wrong or (subaccount is not None and call.holder(subaccount) != order.holder):
        raise Refused("not_found", "order not found")
    return order


# --- placing -------------------------------------------------------------------------------------


def _place(call: Call, body: bodies.CreateBody) -> told.Row:
    bodies.required(body)
    holder = call.holder(body.subaccount)
    listed = _routed(call, body.ticker, body.exchange_index)
    sent = bodies.submission(body, listed, holder, call.key.id, call.desk.order_id(), call.now)
    exchange = call.desk.exchange
    _closing_only(call, sent)
    _accepted(exchange.submit(sent, call.now))
    order = exchange.orders[sent.id]
    got = told.filled_row(order, order.filled, order.taker_cost, order.taker_fees)
    return told.done_row(order, call.now) | got


def _closing_only(call: Call, sent: KalshiSubmission) -> None:
    """Refuse what opens a position while a ``ClosedOnly`` fault is about this member."""
    for fault in call.desk.world.faults.of(ClosedOnly, call.now):
        about = fault.account in {"", call.account, call.member.name}
        if about and reducing(sent, call.desk.exchange.money) < sent.size:
            raise Refused("forbidden", "location attestation expired: positions may be closed only")


def _accepted(placed: Placement) -> Placement:
    if placed.state == "refused":
        raise refusal(placed.reason)
    return placed


def create(call: Call) -> web.Response:
    """``POST /portfolio/events/orders``."""
    return json_answer(_place(call, call.read(bodies.create)), 201)


def create_batch(call: Call) -> web.Response:
    """``POST /portfolio/events/orders/batched``: each row for itself."""
    rows = call.read(bodies.create_batch).orders
    if not rows:
        raise Refused("missing_parameters", "orders is required")
    done: list[told.Row] = []
    for body in rows:
        try:
            done.append(_place(call, body))
        except Refused as refused:
            row: told.Row = {"error": refused.stated(always=True)}
            if body.client_order_id:
                row["client_order_id"] = body.client_order_id
            done.append(row)
    return json_answer({"orders": done}, 201)


# --- changing ------------------------------------------------------------------------------------


def amend(call: Call) -> web.Response:
    """``POST /portfolio/events/orders/{id}/amend``."""
    body = call.read(bodies.amend)
    bodies.required(body)
    order = _found(
        call, call.part("order"), body.ticker, body.exchange_index, call.number("subaccount")
    )
    if (body.side == "bid") != order.bid:
        raise Refused("invalid_order", "side cannot be amended")
    yes_price, size = bodies.price_and_count(body)
    before = order.filled, order.taker_cost, order.taker_fees
    until = body.expiration_time
    _accepted(
        call.desk.exchange.amend(
            order.sent.id,
            call.now,
            account=order.sent.account,
            yes_price=yes_price,
            size=size,
            client=body.updated_client_order_id,
            good_until_ns=until * 10**9 if until else None,
            forever=until == 0,
        )
    )
    after = order.filled, order.taker_cost, order.taker_fees
    filled, cost, fees = (now - then for now, then in zip(after, before, strict=True))
    return json_answer(told.done_row(order, call.now) | told.filled_row(order, filled, cost, fees))


def decrease(call: Call) -> web.Response:
    """``POST /portfolio/events/orders/{id}/decrease``."""
    body = call.read(bodies.decrease)
    if (body.reduce_by is None) == (body.reduce_to is None):
        raise Refused("invalid_parameters", "exactly one of reduce_by and reduce_to is needed")
    order = _found(
        call,
        call.part("order"),
        body.market_ticker,
        body.exchange_index,
        call.number("subaccount"),
    )
    if body.reduce_to is None:
        left = max(0, order.remaining - bodies.contracts(body.reduce_by))
    else:
        left = bodies.contracts(body.reduce_to)
    exchange = call.desk.exchange
    _accepted(exchange.decrease(order.sent.id, call.now, account=order.sent.account, left=left))
    row = told.done_row(order, call.now)
    row["remaining_count"] = count_text(order.remaining)
    return json_answer(row)


# --- cancelling ----------------------------------------------------------------------------------


def _cancel(call: Call, row: bodies.CancelRow) -> told.Row:
    order = _found(call, row.order_id, row.market_ticker, row.exchange_index, row.subaccount)
    return _reduced(call, order)


def _reduced(call: Call, order: KalshiOrder) -> told.Row:
    rested = order.remaining
    withdrawn = call.desk.exchange.cancel([order.sent.id], call.now)
    if withdrawn.kept:
        raise refusal(withdrawn.kept[order.sent.id])
    return told.done_row(order, call.now) | {"reduced_by": count_text(rested)}


def cancel(call: Call) -> web.Response:
    """``DELETE /portfolio/events/orders/{id}``."""
    row = bodies.CancelRow(
        call.part("order"),
        call.text("market_ticker"),
        call.number("exchange_index"),
        call.number("subaccount"),
    )
    return json_answer(_cancel(call, row))


def cancel_batch(call: Call) -> web.Response:
    """``DELETE /portfolio/events/orders/batched``: each row for itself."""
    rows = call.read(bodies.cancel_batch).orders
    if not rows:
        raise Refused("missing_parameters", "orders is required")
    done: list[told.Row] = []
    for row in rows:
        try:
            done.append(_cancel(call, row))
        except Refused as refused:
            done.append(
                {
                    "order_id": row.order_id,
                    "reduced_by": "0.00",
                    "error": refused.stated(always=True),
                }
            )
    return json_answer({"orders": done})


def cancel_all(call: Call) -> web.Response:
    """``DELETE /portfolio/events/orders``: everything that fits the filters."""
    exchange = call.desk.exchange
    holders = set(call.holders(call.number("subaccount")))
    ticker, shard = call.text("market_ticker"), call.number("exchange_index")
    for market, listed in exchange.markets.items():
        if ticker not in {"", market.native} or shard not in {None, listed.shard}:
            continue
        for order in tuple(exchange.resting(market)):
            if order.holder in holders:
                exchange.cancel([OrderId(order.sent.id)], call.now)
    return json_answer({})
