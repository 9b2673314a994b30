"""Data API v2 before a scripted host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.aio import JumpingLoop, run
from tests.venues.scripted import Answer, Script, ScriptedHost, scripted_host
from underround.model.errors import (
    AnswerRefused,
    NotThere,
    RateLimited,
    RequestRefused,
    VenuePaused,
)
from underround.venues.polymarket.approvals import missing_approvals
from underround.venues.polymarket.contracts import POLYGON, required_approvals
from underround.venues.polymarket.data_api import PolymarketData
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.requests import Requests
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

WALLET = "0x7c3db723f1d4d8cb9c550095203b686cb11e5c6b"
CONDITION = "0x7ad403c3508f8e3912940fd1a913f227591145ca0614074208e0b962d5fcc422"


def now_ns() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return loop.now_ns()


@asynccontextmanager
async def service(script: Script) -> AsyncIterator[tuple[PolymarketData, ScriptedHost]]:
    async with scripted_host(script) as host, HttpClient(host.url) as client:
        budget = RateBudget(limits_of(), now_ns, asyncio.sleep)
        yield PolymarketData(Requests(client, budget, now_ns)), host


def telling(data: object, cursor: str | None = None) -> Answer:
    paging = {"limit": 1_000, "offset": 0, "has_more": cursor is not None, "next_cursor": cursor}
    return Answer(json.dumps({"data": data, "pagination": paging}).encode())


def position(**changes: Any) -> dict[str, Any]:
    return {
        "proxy_wallet": WALLET, "token_id": "77", "condition_id": CONDITION,
        "current_size": 400000.1, "avg_price": 0.5, "total_cost_usdc": 200000.05,
        "current_value": None, "status": "OPEN", "mergeable": True, "negative_risk": True,
        "outcome_index": 1, "opposite_token_id": "78",
    } | changes  # fmt: skip


def trade(**changes: Any) -> dict[str, Any]:
    return {
        "proxy_wallet": WALLET, "side": "SELL", "token_id": "77", "condition_id": CONDITION,
        "size": 0.07, "price": 0.84, "timestamp": 1788887014, "outcome_index": 999,
        "transaction_hash": "0x1",
    } | changes  # fmt: skip


def test_positions_are_read_page_by_page_with_the_same_filters() -> None:
    pages = [telling([position()], "c1"), telling([position(outcome_index=999)])]

    async def main() -> None:
        async with service({"GET /v2/positions": pages}) as (data, host):
            first, second = await data.positions(WALLET, conditions=("0x" + "ab" * 31,))
            assert (first.size, first.outcome, first.opposite) == (400_000_100_000, 1, "78")
            assert (str(first.average_price), first.value) == ("0.5", None)
            assert second.outcome is None
            queries = [parse_qs(asked.target.partition("?")[2]) for asked in host.asked]
            assert queries[0]["condition"] == ["0x" + "ab" * 31 + "00"]
            assert queries[0]["filter_amount"] == ["0"], "dust is not hidden"
            assert queries[1] == queries[0] | {"cursor": ["c1"]}

    run(main())


def test_trades_are_read_lazily() -> None:
    async def main() -> None:
        async with service({"GET /v2/trades": telling([trade(), trade()], "more")}) as (data, host):
            async for row in data.trades(WALLET, start_ns=1_700_000_000_000_000_000):
                assert (row.side, row.size, row.outcome) == ("sell", 70_000, None)
                break
            assert len(host.asked) == 1
            assert "start=1700000000" in host.asked[0].target

    run(main())


def test_a_wallet_s_trades_are_those_it_made_too_and_a_market_s_each_count_once() -> None:
    """The service lists takers' rows only unless told otherwise; a maker's fills are as real."""

    async def main() -> None:
        async with service({"GET /v2/trades": telling([])}) as (data, host):
            _ = [row async for row in data.trades(WALLET)]
            _ = [row async for row in data.trades(conditions=(CONDITION,))]
            of_wallet, of_market = (parse_qs(each.target.partition("?")[2]) for each in host.asked)
            assert of_wallet["taker_only"] == ["false"]
            assert "taker_only" not in of_market

    run(main())


def test_a_cursor_that_comes_again_is_refused() -> None:
    async def main() -> None:
        async with service({"GET /v2/activity": telling([], "again")}) as (data, host):
            with pytest.raises(AnswerRefused, match="do not end"):
                _ = [row async for row in data.activity(WALLET, kinds=("TRADE", "SPLIT"))]
            assert len(host.asked) == 2
            assert "type=TRADE%2CSPLIT" in host.asked[0].target

    run(main())


def test_what_changes_no_outcome_has_neither_side_nor_price() -> None:
    reward = {"proxy_wallet": WALLET, "timestamp": 1788887014, "type": "REWARD", "size": 1.5,
              "usdc_size": 1.5, "side": "", "outcome_index": 999}  # fmt: skip

    async def main() -> None:
        async with service({"GET /v2/activity": telling([reward])}) as (data, _):
            (row,) = [row async for row in data.activity(WALLET)]
            assert (row.kind, row.side, row.price, row.cash) == ("REWARD", None, None, 1_500_000)

    run(main())


@pytest.mark.parametrize("name", ["size", "price", "side", "timestamp", "token_id"])
def test_no_field_of_a_trade_has_a_default(name: str) -> None:
    row = trade()
    del row[name]

    async def main() -> None:
        async with service({"GET /v2/trades": telling([row])}) as (data, _):
            with pytest.raises(AnswerRefused):
                _ = [each async for each in data.trades()]

    run(main())


def test_resolutions_need_markets_and_at_most_twenty() -> None:
    async def main() -> None:
        async with service({}) as (data, host):
            with pytest.raises(RequestRefused, match="name the markets"):
                await data.resolutions(())
            with pytest.raises(RequestRefused, match="20 markets at once"):
                await data.resolutions([CONDITION] * 21)
            assert host.asked == []

    run(main())


def test_missing_permissions_are_found() -> None:
    needed = required_approvals()
    rows = [
        {"id": str(number), "feature": "trading", "token": need.token.lower(),
         "spender": need.spender.lower(), "standard": need.standard.upper(),
         "approved": number != 3, "amount": "max" if need.standard == "erc20" else None}
        for number, need in enumerate(needed)
    ]  # fmt: skip
    told = {"address": WALLET, "chain_id": 137, "checked_at": "2026-11-20T00:00:00Z",
            "contracts": rows[:-1]}  # fmt: skip

    async def main() -> None:
        async with service({"GET /v2/approvals": telling(told)}) as (data, _):
            granted = await data.approvals(WALLET)
            assert granted[0].amount == 10**18
            assert granted[-1].amount is None
            assert missing_approvals(granted, needed) == (needed[3], needed[-1])
            assert POLYGON.collateral == needed[0].token
            with pytest.raises(AnswerRefused, match="told about"):
                await data.approvals("0x" + "1" * 40)

    run(main())


def test_a_wallet_nobody_knows_is_not_there() -> None:
    async def main() -> None:
        script: Script = {"GET /v2/value": [Answer(b'{"data":{"value":684953.8942}}'),
                                            Answer(b'{"data":null}')]}  # fmt: skip
        async with service(script) as (data, _):
            assert await data.value(WALLET) == 684_953_894_200
            with pytest.raises(NotThere):
                await data.value(WALLET)

    run(main())


@pytest.mark.parametrize(
    "status, headers, kind",
    [(400, {}, RequestRefused), (404, {}, NotThere), (429, {"Retry-After": "2"}, RateLimited),
     (503, {"Retry-After": "2"}, VenuePaused)],
)  # fmt: skip
def test_the_service_s_own_errors_have_our_classes(
    status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    told = {"error": "bad user", "code": "invalid_request", "retryable": False, "trace_id": "t",
            "parameter": "user"}  # fmt: skip

    async def main() -> None:
        answer = Answer(json.dumps(told).encode(), status, headers)
        async with service({"GET /v2/value": answer}) as (data, _):
            with pytest.raises(kind, match="bad user"):
                await data.value(WALLET)

    run(main())
