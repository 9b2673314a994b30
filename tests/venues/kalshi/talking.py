"""Talks of the REST client with a host on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests import aio
from tests.venues.kalshi.making import CENTS, NOW, order, signer
from tests.venues.scripted import Answer, Asked, Script, ScriptedHost, scripted_host
from underround.model.errors import (
    UnderroundError,
)
from underround.venues.kalshi.orders import Terms, create_body
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.transport.http import HttpClient

T = TypeVar("T")
API = "/trade-api/v2"
ORDERS = f"{API}/portfolio/events/orders"
CRYPTO = Terms(shard=2)
TAKEN = {"order_id": "n1", "client_order_id": "run1-o1", "fill_count": "0.00"}
TAKEN |= {"remaining_count": "10.00", "ts_ms": 1781821370267}  # type: ignore[dict-item]  # JSON


class Spent:
    """A budget that lets everything pass and remembers it."""

    def __init__(self) -> None:
        self.spent: list[tuple[str, int]] = []

    async def spend(self, group: str, cost: int = 1) -> None:
        self.spent.append((group, cost))


class Talk:
    """What a test looks at after its request."""

    def __init__(self, host: ScriptedHost, rest: KalshiRest, budget: Spent) -> None:
        self.host = host
        self.rest = rest
        self.budget = budget


@asynccontextmanager
async def talking(script: Script, *, public: bool = False) -> AsyncIterator[Talk]:
    budget = Spent()
    async with scripted_host(script) as host, HttpClient(host.url, timeout_ms=500) as http:
        rest = KalshiRest(http, budget, None if public else signer(), lambda: NOW)
        yield Talk(host, rest, budget)


def ask(
    script: Script, work: Callable[[Talk], Awaitable[T]], *, public: bool = False
) -> tuple[T, Talk]:
    """Return what ``work`` returns, and the talk."""

    async def main() -> tuple[T, Talk]:
        async with talking(script, public=public) as talk:
            return await work(talk), talk

    return aio.run(main())


def fails(
    script: Script, work: Callable[[Talk], Awaitable[object]], kind: type[UnderroundError]
) -> Talk:
    """Check that ``work`` raises exactly ``kind``, and return the talk."""

    async def main() -> Talk:
        async with talking(script) as talk:
            with pytest.raises(kind) as told:
                await work(talk)
            assert type(told.value) is kind
            return talk

    return aio.run(main())


def reply(value: object, status: int = 200) -> Answer:
    return Answer(json.dumps(value).encode(), status)


def error(code: str, status: int) -> Answer:
    return reply({"error": {"code": code, "message": code}}, status)


def query(asked: Asked) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(asked.target).query)


async def drained(pages: AsyncIterator[Any]) -> list[Any]:
    return [page async for page in pages]


def body(**terms: Any) -> Any:
    return create_body(order(**terms), CENTS, CRYPTO)
