"""What the REST client asks, and what it pays and signs for it."""

from __future__ import annotations

import asyncio
from base64 import b64decode

import pytest

from tests import aio
from tests.venues.kalshi.making import KEY_ID, NOW, TICKER, edwards_key
from tests.venues.kalshi.talking import (
    API,
    Talk,
    ask,
    drained,
    fails,
    query,
    reply,
)
from tests.venues.kalshi.test_kalshi_answers import BALANCE, CANDLE, FILL, ORDER, POSITION, TRADE
from tests.venues.kalshi.test_kalshi_catalogue import MARKET
from tests.venues.scripted import Answer, Asked, Script
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    NotThere,
    RequestRefused,
)
from underround.model.ids import OrderId
from underround.model.units import ONE
from underround.venues.kalshi.limits import TIERS, limits_of, order_group, orders_per_batch
from underround.venues.transport.budget import RateBudget

# --- signing and paying ------------------------------------------------------------------------


def test_requests_are_signed_with_their_path_and_without_their_query() -> None:
    _, talk = ask(
        {f"GET {API}/portfolio/balance": reply(BALANCE)}, lambda t: t.rest.portfolio.balance(2)
    )
    (asked,) = talk.host.asked
    assert query(asked) == [("exchange_index", "2")]
    assert asked.headers["kalshi-access-key"] == KEY_ID
    edwards_key().public_key().verify(
        b64decode(asked.headers["kalshi-access-signature"]),
        f"{NOW // 10**6}GET{API}/portfolio/balance".encode(),
    )
    assert talk.budget.spent == [("read", 10)]


def test_without_a_key_only_public_reads_leave() -> None:
    levels: dict[str, dict[str, list[list[str]]]] = {
        "orderbook_fp": {"yes_dollars": [], "no_dollars": []}
    }

    async def work(talk: Talk) -> None:
        await talk.rest.markets.order_book(TICKER)
        for private in (talk.rest.portfolio.balance(), talk.rest.orders.cancel_all()):
            with pytest.raises(AccountError, match="configure a Kalshi key"):
                await private

    _, talk = ask({f"GET {API}/markets/{TICKER}/orderbook": reply(levels)}, work, public=True)
    (asked,) = talk.host.asked
    assert "kalshi-access-key" not in asked.headers


def test_every_budget_group_that_is_spent_from_exists() -> None:
    for tier in TIERS.values():
        limits = limits_of(tier)
        for shard in (0, 1, 2, 3, 9):
            assert {order_group(shard), "read"} <= set(limits.groups)
    assert orders_per_batch(TIERS["basic"]) == 9


def test_the_largest_batch_fits_the_bucket_and_leaves_what_cancels_need() -> None:
    """Nine orders of the lowest tier pass at once; a cancel after them does not wait."""

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        budget = RateBudget(
            limits_of(TIERS["basic"]), lambda: int(loop.time() * 1e9), asyncio.sleep
        )
        began = loop.time()
        await budget.spend("order.0", 10 * orders_per_batch(TIERS["basic"]))
        await budget.spend("cancel.0", 2)
        passed = [loop.time() - began]
        await budget.spend("order.2", 10)
        await budget.spend("order.0", 10)
        return [*passed, loop.time() - began]

    at_once, waited = aio.run(main())
    assert at_once < 0.05 <= waited


# --- reading -----------------------------------------------------------------------------------


def test_books_are_asked_for_with_repeated_tickers_a_hundred_at_once() -> None:
    """A list with commas would be answered with one book."""
    tickers = [f"T{n}" for n in range(150)]

    def books(asked: Asked) -> Answer:
        levels = {"yes_dollars": [["0.4", "1"]], "no_dollars": []}
        rows = [{"ticker": value, "orderbook_fp": levels} for _, value in query(asked)]
        return reply({"orderbooks": rows})

    found, talk = ask(
        {f"GET {API}/markets/orderbooks": books}, lambda t: t.rest.markets.order_books(tickers)
    )
    assert [each.market.native for each in found] == tickers
    assert [len(query(asked)) for asked in talk.host.asked] == [100, 50]
    assert {name for name, _ in query(talk.host.asked[0])} == {"tickers"}


def test_pages_end_with_an_empty_or_missing_cursor() -> None:
    pages = [
        reply({"orders": [ORDER], "cursor": "a"}),
        reply({"orders": [ORDER], "cursor": "b"}),
        reply({"orders": []}),
    ]
    found, talk = ask(
        {f"GET {API}/portfolio/orders": pages},
        lambda t: drained(t.rest.portfolio.orders(status="resting")),
    )
    assert [len(page) for page in found] == [1, 1, 0]
    cursors = [dict(query(asked)).get("cursor") for asked in talk.host.asked]
    assert cursors == [None, "a", "b"]


def test_a_cursor_that_repeats_is_an_error_and_no_endless_listing() -> None:
    pages = [reply({"trades": [TRADE], "cursor": each}) for each in ("a", "b", "a")]
    talk = fails(
        {f"GET {API}/markets/trades": pages},
        lambda t: drained(t.rest.markets.trades("A")),
        AnswerRefused,
    )
    assert len(talk.host.asked) == 3


def test_archived_markets_and_candles_are_found_in_the_archive() -> None:
    old = {"end_period_ts": 1785195240, "volume": "1.00", "open_interest": "1.00"}
    quote = dict.fromkeys(("open", "high", "low", "close"), "0.4000")
    old |= dict.fromkeys(("price", "yes_bid", "yes_ask"), quote)
    script: Script = {
        f"GET {API}/historical/markets/{TICKER}": reply({"market": MARKET}),
        f"GET {API}/historical/markets/{TICKER}/candlesticks": reply({"candlesticks": [old]}),
    }

    async def work(talk: Talk) -> None:
        assert (await talk.rest.markets.market(TICKER)).ticker == TICKER
        (candle,) = await talk.rest.markets.candles("KXBTC15M", TICKER, NOW - 1, NOW)
        assert candle.bid.close == 400_000
        with pytest.raises(NotThere):
            await talk.rest.markets.market("GONE")

    ask(script, work)


def test_live_candles_need_no_archive() -> None:
    path = f"{API}/series/KXBTC15M/markets/{TICKER}/candlesticks"
    found, talk = ask(
        {f"GET {path}": reply({"candlesticks": [CANDLE]})},
        lambda t: t.rest.markets.candles("KXBTC15M", TICKER, NOW, NOW + 10**9, 60),
    )
    assert len(found) == 1
    assert dict(query(talk.host.asked[0])) == {
        "start_ts": "1790000000", "end_ts": "1790000001", "period_interval": "60",
    }  # fmt: skip


def test_markets_are_listed_without_combos_and_by_one_family_of_times() -> None:
    rows, talk = ask(
        {f"GET {API}/markets": reply({"markets": [MARKET, {"ticker": "B"}], "cursor": ""})},
        lambda t: drained(t.rest.markets.markets(status="open", closes_until_ns=NOW)),
    )
    assert [market.ticker for market in rows[0].read] == [TICKER]
    assert sum(rows[0].refused.values()) == 1
    asked = dict(query(talk.host.asked[0]))
    assert (asked["mve_filter"], asked["max_close_ts"]) == ("exclude", "1790000000")
    fails(
        {},
        lambda t: drained(t.rest.markets.markets(updated_since_ns=1, closes_until_ns=1)),
        RequestRefused,
    )


def test_the_rest_of_what_a_trader_reads() -> None:
    shard = {"exchange_index": 2, "exchange_active": True, "trading_active": False}
    script: Script = {
        f"GET {API}/exchange/status": reply(
            {"exchange_active": True, "trading_active": True, "exchange_index_statuses": [shard]}
        ),
        f"GET {API}/exchange/user_data_timestamp": reply({"as_of_time": "2026-10-01T00:00:00Z"}),
        f"GET {API}/portfolio/positions": reply({"market_positions": [POSITION]}),
        f"GET {API}/portfolio/fills": reply({"fills": [FILL]}),
        f"GET {API}/portfolio/orders/n1": reply({"order": ORDER}),
        f"GET {API}/portfolio/orders/queue_positions": reply(
            {"queue_positions": [{"order_id": "n1", "queue_position_fp": "7.00"}]}
        ),
        f"GET {API}/portfolio/summary/total_resting_order_value": reply(
            {
                "total_resting_order_value": 150,
                "resting_order_value_breakdown": [{"exchange_index": 2, "balance": "1.5000"}],
            }
        ),
    }

    async def work(talk: Talk) -> None:
        status = await talk.rest.markets.exchange_status()
        assert (status.trades_on(0), status.trades_on(2)) == (True, False)
        assert await talk.rest.markets.user_data_as_of() == 1_790_812_800 * 10**9
        (held,) = await talk.rest.portfolio.positions()
        assert held.position.size == ONE
        (page,) = await drained(
            talk.rest.portfolio.fills({"n1": OrderId("run1-o1")}, tickers=("A", "B"))
        )
        assert page[0].order == "run1-o1"
        assert (await talk.rest.portfolio.order("n1")).native == "n1"
        assert await talk.rest.portfolio.queue_positions(["A"]) == {"n1": 7 * ONE}
        assert await talk.rest.portfolio.resting_value() == (1_500_000, {2: 1_500_000})

    _, talk = ask(script, work)
    assert ("read", 2) in talk.budget.spent, "one order is a cheap read"
    assert dict(query(talk.host.of(f"{API}/portfolio/fills")[0]))["ticker"] == "A,B"
