"""Requests about order groups: orders that are cancelled together when too much of them matches.

Source: docs.kalshi.com, getting_started/order_groups.  A group lives on one shard; its limit counts
what matched within 15 seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.units import Size
from underround.venues.kalshi import account_answers
from underround.venues.kalshi.account_answers import OrderGroup
from underround.venues.kalshi.calls import Calls, Query, segment, unknown
from underround.venues.kalshi.limits import REQUEST_COST, SHARDS, order_group
from underround.venues.kalshi.orders import group_limit_text, shard_index

_GROUPS: Final = "/portfolio/order_groups"


class _NewGroup(msgspec.Struct, omit_defaults=True):
    contracts_limit_fp: str
    exchange_index: int
    subaccount: int | None = None


class KalshiOrderGroups:
    """Order groups of one account."""

    def __init__(self, calls: Calls, *, shards: Collection[int] = SHARDS) -> None:
        self._calls = calls
        self._shards = shards

    async def create(self, limit: Size, shard: int, subaccount: int | None = None) -> str:
        """Create a group that cancels itself once more than ``limit`` matched within 15 seconds."""
        path = f"{_GROUPS}/create"
        body = _NewGroup(group_limit_text(limit), shard_index(shard), subaccount)
        answer = await self._calls.write(
            "POST", path, body, group=order_group(shard, self._shards), cost=REQUEST_COST
        )
        try:
            return account_answers.new_group(answer, path)
        except AnswerRefused as error:
            raise unknown(f"POST {path}", error) from None

    async def all(self) -> tuple[OrderGroup, ...]:
        """Return our groups, without their orders."""
        body = await self._calls.read(_GROUPS, private=True)
        return account_answers.order_groups(body, _GROUPS)

    async def get(self, group: str, shard: int) -> OrderGroup:
        """Return one group with its orders; raises ``NotThere``."""
        path = f"{_GROUPS}/{segment(group)}"
        query: Query = (("exchange_index", shard_index(shard)),)
        return account_answers.order_group(
            await self._calls.read(path, query, private=True), group, path
        )

    async def set_limit(self, group: str, shard: int, limit: Size) -> None:
        """Give a group another limit; below what matched just now, it cancels itself."""
        body = {"contracts_limit_fp": group_limit_text(limit)}
        await self._change("PUT", f"{segment(group)}/limit", shard, body)

    async def reset(self, group: str, shard: int) -> None:
        """Let a group that cancelled itself take orders again."""
        await self._change("PUT", f"{segment(group)}/reset", shard)

    async def trigger(self, group: str, shard: int) -> None:
        """Cancel everything in a group and let it take no more orders."""
        await self._change("PUT", f"{segment(group)}/trigger", shard)

    async def delete(self, group: str, shard: int) -> None:
        """Cancel everything in a group and remove it."""
        await self._change("DELETE", segment(group), shard)

    async def _change(self, method: str, place: str, shard: int, body: object = None) -> None:
        await self._calls.write(
            method,
            f"{_GROUPS}/{place}",
            body,
            (("exchange_index", shard_index(shard)),),
            group=order_group(shard, self._shards),
            cost=REQUEST_COST,
        )
