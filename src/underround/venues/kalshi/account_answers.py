"""Answers about the account's limits, its order groups and its money between shards."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from underround.model.units import Size
from underround.venues.kalshi.fixed_point import Contracts, answer_decoder, contradiction
from underround.venues.transport.budget import Rate


class TokenBucket(msgspec.Struct, frozen=True):
    """One side's bucket as the venue states it."""

    bucket_capacity: int
    refill_rate: int


class AccountLimits(msgspec.Struct, frozen=True):
    """How fast this account may ask."""

    usage_tier: str
    read: TokenBucket
    write: TokenBucket


_limits = answer_decoder(AccountLimits)


def account_limits(body: bytes, place: str) -> AccountLimits:
    """Return ``GET /account/limits``."""
    told = _limits(body, place)
    for bucket in (told.read, told.write):
        if min(bucket.bucket_capacity, bucket.refill_rate) < 1:
            raise contradiction(place, "a bucket that lets nothing pass")
    return told


def rate_of(bucket: TokenBucket) -> Rate:
    """Return a stated bucket as the budget's rate."""
    return Rate(tokens=bucket.refill_rate, burst=bucket.bucket_capacity)


class EndpointCost(msgspec.Struct, frozen=True):
    """What one request costs; ``path`` has ``:name`` for one segment and ``*name`` for the rest."""

    method: str
    path: str
    cost: int

    def covers(self, method: str, path: str) -> bool:
        """Return whether this is the cost of a request."""
        pattern = "".join(
            _PART[part[0]] if part[:1] in _PART else re.escape(part)
            for part in re.split(r"([:*]\w+)", self.path)
            if part
        )
        return method == self.method and re.fullmatch(pattern, path) is not None


_PART: Final = {":": "[^/]+", "*": ".+"}


class EndpointCosts(msgspec.Struct, frozen=True):
    """Costs of requests in tokens."""

    default_cost: int
    endpoint_costs: tuple[EndpointCost, ...]

    def cost(self, method: str, path: str) -> int:
        """Return what a request costs; ``path`` with ``/trade-api/v2`` and without a query.

        A path written out outranks one with a placeholder.
        """
        found = [each for each in self.endpoint_costs if each.covers(method, path)]
        exact = [each for each in found if each.path == path]
        return (exact or found)[0].cost if found else self.default_cost


endpoint_costs = answer_decoder(EndpointCosts)


class OrderGroup(msgspec.Struct, frozen=True):
    """Orders that are cancelled together once too much of them matched within 15 seconds."""

    id: str
    is_auto_cancel_enabled: bool
    contracts_limit: Size | None = None
    orders: tuple[str, ...] = ()
    """Native ids; empty in a listing."""


class _Group(msgspec.Struct):
    is_auto_cancel_enabled: bool
    id: str = ""
    contracts_limit_fp: Contracts | None = None
    orders: tuple[str, ...] | None = ()


class _Groups(msgspec.Struct):
    order_groups: list[_Group] | None


class _NewGroup(msgspec.Struct):
    order_group_id: str


class _Transfer(msgspec.Struct):
    transfer_id: str


class Allocation(msgspec.Struct, frozen=True):
    """The share of free cash that the venue keeps on a shard."""

    exchange_index: int
    percent: int


class _Allocations(msgspec.Struct):
    allocations: tuple[Allocation, ...] | None


_group = answer_decoder(_Group)
_groups = answer_decoder(_Groups)
_new_group = answer_decoder(_NewGroup)
_transfer = answer_decoder(_Transfer)
_allocations = answer_decoder(_Allocations)


def order_group(body: bytes, group: str, place: str) -> OrderGroup:
    """Return ``GET /portfolio/order_groups/{id}``, which does not repeat its id."""
    told = _group(body, place)
    if told.id not in {"", group}:
        raise contradiction(place, f"it is about group {told.id}")
    return OrderGroup(
        group, told.is_auto_cancel_enabled, told.contracts_limit_fp, told.orders or ()
    )


def order_groups(body: bytes, place: str) -> tuple[OrderGroup, ...]:
    """Return ``GET /portfolio/order_groups``."""
    groups = _groups(body, place).order_groups or []
    if not all(each.id for each in groups):
        raise contradiction(place, "a group without id")
    return tuple(
        OrderGroup(each.id, each.is_auto_cancel_enabled, each.contracts_limit_fp) for each in groups
    )


def new_group(body: bytes, place: str) -> str:
    """Return the id of a group that was created."""
    return _id(_new_group(body, place).order_group_id, place)


def transfer(body: bytes, place: str) -> str:
    """Return the id of a transfer that was accepted; it is carried out later."""
    return _id(_transfer(body, place).transfer_id, place)


def _id(stated: str, place: str) -> str:
    if not stated:
        raise contradiction(place, "what was made has no id")
    return stated


def allocations(body: bytes, place: str) -> tuple[Allocation, ...]:
    """Return ``GET /portfolio/target_balance_allocation``; empty: none is set."""
    return _allocations(body, place).allocations or ()
