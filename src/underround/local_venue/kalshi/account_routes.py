"""A member's account: limits, subaccounts, money between shards."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from aiohttp import web

from underround.local_venue.kalshi.buckets import (
    ENDPOINT_COSTS,
    REQUEST_COST,
    TIERS,
    UPGRADE_COST,
)
from underround.local_venue.kalshi.call import Call, route
from underround.local_venue.kalshi.desk import SHARDS, KalshiDesk, Transfer, kept
from underround.local_venue.kalshi.members import (
    LARGEST_SUBACCOUNT,
)
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.kalshi.wording import balance_text, seconds
from underround.local_venue.net.http_host import json_answer

_CENTICENT: Final = 100
_CENT: Final = 10_000
_TRANSFER: Final = "write::transfer"
Instance = Literal["event_contract", "margined"]


class ShardTransfer(msgspec.Struct):
    """Money from one shard to another, in hundredths of a cent."""

    amount: int
    source: Instance = "event_contract"
    destination: Instance = "event_contract"
    source_exchange_shard: int = 0
    destination_exchange_shard: int = 0
    source_subaccount: int | None = None
    destination_subaccount: int | None = None
    client_transfer_id: str = ""


class Share(msgspec.Struct):
    """The share of free cash that is to lie on a shard."""

    exchange_index: int
    percent: int


class Allocation(msgspec.Struct):
    """All shares; none ends it."""

    allocations: list[Share] = []


class SubaccountTransfer(msgspec.Struct):
    """Money from one subaccount to another, in cents."""

    client_transfer_id: str
    from_subaccount: int
    to_subaccount: int
    amount_cents: int
    exchange_index: int = 0


_shard_transfer: Final = msgspec.json.Decoder(ShardTransfer)
_allocation: Final = msgspec.json.Decoder(Allocation)
_subaccount_transfer: Final = msgspec.json.Decoder(SubaccountTransfer)


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes."""
    between = "/portfolio/intra_exchange_instance_transfer"
    table = (
        ("GET", "/account/limits", limits, "read"),
        ("GET", "/account/endpoint_costs", costs, "read"),
        ("POST", between, transfer, _TRANSFER),
        ("GET", f"{between}s", transfers, "read"),
        ("GET", f"{between}s/{{transfer}}", one_transfer, "read"),
        ("GET", "/portfolio/target_balance_allocation", allocation, "read"),
        ("POST", "/portfolio/target_balance_allocation", allocate, _TRANSFER),
        ("POST", "/portfolio/subaccounts", open_subaccount, "write"),
        ("GET", "/portfolio/subaccounts/balances", subaccounts, "read"),
        ("POST", "/portfolio/subaccounts/transfer", subaccount_transfer, _TRANSFER),
    )
    made = [route(desk, method, path, answer, scope=scope) for method, path, answer, scope in table]
    upgrading = "/account/api_usage_level/upgrade"
    return [*made, route(desk, "POST", upgrading, upgrade, scope="write", cost=UPGRADE_COST)]


# --- limits --------------------------------------------------------------------------------------


def limits(call: Call) -> web.Response:
    """``GET /account/limits``."""
    tier = TIERS[call.member.tier]
    return json_answer(
        {
            "usage_tier": call.member.tier,
            "read": {"bucket_capacity": tier.read_capacity, "refill_rate": tier.read},
            "write": {"bucket_capacity": tier.write_capacity, "refill_rate": tier.write},
            "grants": [],
        }
    )


def costs(_call: Call) -> web.Response:
    """``GET /account/endpoint_costs``."""
    rows = [{"method": method, "path": path, "cost": cost} for method, path, cost in ENDPOINT_COSTS]
    return json_answer({"default_cost": REQUEST_COST, "endpoint_costs": rows})


def upgrade(call: Call) -> web.Response:
    """``POST /account/api_usage_level/upgrade``: from Basic to Advanced, by oneself."""
    if call.member.tier == "basic":
        call.member.tier = "advanced"
    return json_answer({})


# --- money between shards ------------------------------------------------------------------------


def transfer(call: Call) -> web.Response:
    """``POST /portfolio/intra_exchange_instance_transfer``: carried out at once."""
    body = call.read(_shard_transfer)
    if "margined" in {body.source, body.destination}:
        raise Refused("bad_request", "there is no margined exchange here")
    shards = (body.source_exchange_shard, body.destination_exchange_shard)
    if not set(shards) <= set(SHARDS) or body.amount <= 0:
        raise Refused("invalid_parameters", "invalid shard or amount")
    done = kept(call.desk.transfers, call.account)
    if body.client_transfer_id and any(each.client == body.client_transfer_id for each in done):
        raise Refused("transfer_already_exists")
    source, destination = (
        call.holder(body.source_subaccount),
        call.holder(body.destination_subaccount),
    )
    amount = body.amount * _CENTICENT
    try:
        call.desk.move(source, destination, shards, amount)
    except ValueError as error:
        raise Refused("insufficient_balance", str(error)) from None
    made = Transfer(
        id=call.desk.new_id("transfer"),
        client=body.client_transfer_id,
        account=call.account,
        source=shards[0],
        destination=shards[1],
        amount=amount,
        at_ns=call.now,
    )
    done.append(made)
    return json_answer({"transfer_id": made.id})


def _transfer_row(made: Transfer) -> dict[str, object]:
    return {
        "transfer_id": made.id,
        "source": "event_contract",
        "destination": "event_contract",
        "source_exchange_shard": made.source,
        "destination_exchange_shard": made.destination,
        "amount": str(made.amount // _CENTICENT),
        "status": "completed",
        "created_ts": seconds(made.at_ns),
    }


def transfers(call: Call) -> web.Response:
    """``GET /portfolio/intra_exchange_instance_transfers``, newest first."""
    done = [
        each
        for each in reversed(call.desk.transfers.get(call.account, ()))
        if each.source != each.destination
    ]
    page, cursor = call.page(done, lambda each: each.id, usual=100, most=1_000)
    return json_answer({"transfers": [_transfer_row(each) for each in page], "cursor": cursor})


def one_transfer(call: Call) -> web.Response:
    """``GET /portfolio/intra_exchange_instance_transfers/{id}``."""
    for made in call.desk.transfers.get(call.account, ()):
        if made.id == call.part("transfer"):
            return json_answer({"transfer": _transfer_row(made)})
    raise Refused("not_found", "transfer not found")


def allocation(call: Call) -> web.Response:
    """``GET /portfolio/target_balance_allocation``."""
    shares = call.desk.allocations.get(call.holder(call.number("subaccount")), {})
    rows = [{"exchange_index": shard, "percent": percent} for shard, percent in shares.items()]
    return json_answer({"allocations": rows, "resting_margin_reservation": "none"})


def allocate(call: Call) -> web.Response:
    """``POST /portfolio/target_balance_allocation``: kept every ten seconds from now on."""
    body = call.read(_allocation)
    shares = {each.exchange_index: each.percent for each in body.allocations}
    whole = sum(shares.values()) in {0, 100} and min(shares.values(), default=0) >= 0
    if not set(shares) <= set(SHARDS) or not whole:
        raise Refused("invalid_parameters", "percentages of known shards must sum to 100")
    call.desk.allocate(call.holder(None), shares, call.now)
    return json_answer({})


# --- subaccounts ---------------------------------------------------------------------------------


def open_subaccount(call: Call) -> web.Response:
    """``POST /portfolio/subaccounts``."""
    number = max(call.member.subaccounts) + 1
    if number > LARGEST_SUBACCOUNT:
        raise Refused("invalid_parameters", "there are 63 subaccounts already")
    call.member.subaccounts.add(number)
    return json_answer({"subaccount_number": number}, 201)


def subaccounts(call: Call) -> web.Response:
    """``GET /portfolio/subaccounts/balances``."""
    money = call.desk.exchange.money
    rows = [
        {
            "subaccount_number": holder[1],
            "exchange_index": shard,
            "balance": balance_text(money.available(holder, shard)),
            "updated_ts": seconds(call.now),
        }
        for holder in call.holders(None)
        for shard in SHARDS
    ]
    return json_answer({"subaccount_balances": rows})


def subaccount_transfer(call: Call) -> web.Response:
    """``POST /portfolio/subaccounts/transfer``."""
    body = call.read(_subaccount_transfer)
    source, destination = call.holder(body.from_subaccount), call.holder(body.to_subaccount)
    done = kept(call.desk.transfers, call.account)
    if any(each.client == body.client_transfer_id for each in done):
        raise Refused("transfer_already_exists")
    if body.amount_cents <= 0 or body.exchange_index not in SHARDS:
        raise Refused("invalid_parameters", "invalid shard or amount")
    shards = (body.exchange_index, body.exchange_index)
    amount = body.amount_cents * _CENT
    try:
        call.desk.move(source, destination, shards, amount)
    except ValueError as error:
        raise Refused("insufficient_balance", str(error)) from None
    done.append(
        Transfer(
            id=call.desk.new_id("transfer"),
            client=body.client_transfer_id,
            account=call.account,
            source=shards[0],
            destination=shards[1],
            amount=amount,
            at_ns=call.now,
        )
    )
    return json_answer({})
