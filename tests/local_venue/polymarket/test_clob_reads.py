"""Reads of the local CLOB: the forms of captured answers, and what they say."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local_venue.net.listening import afflict
from tests.local_venue.polymarket.clob_desk import REWARDS, SECOND, Desk, clob
from tests.venues.scripted import sample
from underround.local_venue.faults import Ghost, Stale
from underround.local_venue.polymarket.clob.paging import FIRST, LAST, page
from underround.local_venue.polymarket.clob.refused import Refused
from underround.model.market import Resolution
from underround.model.units import ONE
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.orders import Outgoing

NOBODYS = "1234567890"
CODE = "0x" + "ab" * 32


def told(run: Callable[[Desk], Awaitable[None]]) -> None:
    async def main() -> None:
        async with clob() as desk:
            await run(desk)

    asyncio.run(main())


def forms(value: object) -> object:
    """Return the types of a value, lists by their first entry; whole numbers may be fractions."""
    if isinstance(value, dict):
        return {name: forms(each) for name, each in value.items()}
    if isinstance(value, list):
        return [forms(each) for each in value[:1]]
    return "number" if type(value) in {int, float} else type(value).__name__


def captured(shared: Path, name: str) -> Any:
    return json.loads(sample(shared, f"polymarket/{name}"))


async def matched(desk: Desk, *, outcome: int = 0) -> tuple[Outgoing, Outgoing]:
    """Let alice rest and bob take 10 shares at 0.4; bob's order first."""
    maker = desk.alice.order("buy", "0.4", "10")
    price, side = ("0.4", "sell") if outcome == 0 else ("0.6", "buy")
    taker = desk.bob.order(side, price, "10", outcome=outcome)
    for who, order in ((desk.alice, maker), (desk.bob, taker)):
        answer = await who.ask("POST", "/order", order.body)
        assert answer.status == 200, answer
    return taker, maker


# --- the forms of captured answers ---------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize("name", ["book_ctf_2026-10-05", "book_protocol_v2_2026-10-05"])
def test_a_book_has_the_keys_and_forms_of_a_captured_one_in_their_order(
    shared: Path, name: str
) -> None:
    stated = captured(shared, f"clob/{name}.json")

    async def run(desk: Desk) -> None:
        market = desk.market
        if "version" in stated:
            market = desk.list_v2()
        else:
            await desk.alice.post("buy", "0.3", "10")
            await desk.bob.post("sell", "0.7", "10")
        body = await desk.get("/book", token_id=market.tokens[0])
        assert list(body) == list(stated)
        assert forms(body) == forms(stated)

    told(run)


@pytest.mark.shared
def test_the_terms_of_a_market_have_the_form_of_captured_ones(shared: Path) -> None:
    stated = captured(shared, "clob/clob_market_protocol_v2_2026-10-05.json")

    async def run(desk: Desk) -> None:
        market = desk.list_v2(rate=70_000, rewards=REWARDS, taker_delay_ms=150)
        body = await desk.get(f"/clob-markets/{market.id.native}")
        del stated["cbos"]  # orders of before the start are wiped: no market here does that
        assert list(body) == list(stated)
        assert forms(body) == forms(stated)
        assert (body["fd"], body["r"]) == (stated["fd"], stated["r"])

    told(run)


@pytest.mark.shared
@pytest.mark.parametrize("state", ["open", "resolved"])
def test_a_market_in_the_long_form_has_the_keys_and_forms_of_captured_ones(
    shared: Path, state: str
) -> None:
    kind = "2024" if state == "open" else "closed_accepting_false_2026"
    stated = captured(shared, f"clob/legacy_market_{kind}.json")
    stated["accepting_order_timestamp"] = ""  # null in markets from before there was one

    async def run(desk: Desk) -> None:
        market = desk.list("long", neg_risk=True, rewards=REWARDS, tags=("Politics",))
        if state == "resolved":
            desk.world.resolve(Resolution(market.id, desk.now, (0, ONE), "test"), desk.now)
            desk.world.change(market.id, desk.now, rewards=None)
        body = await desk.get(f"/markets/{market.id.native}")
        assert set(body) == set(stated)
        if state == "open":
            assert list(body) == list(stated)
        expected = forms(stated)
        assert forms(body) == expected
        for name in ("closed", "accepting_orders", "enable_order_book", "active", "archived"):
            assert body[name] == stated[name]
        assert [each["winner"] for each in body["tokens"]] == [
            each["winner"] for each in stated["tokens"]
        ]

    told(run)


@pytest.mark.shared
def test_a_trade_has_the_keys_and_forms_of_a_captured_one(shared: Path) -> None:
    stated = captured(shared, "ws/user_trade_rest_shape_confirmed_2024-09.json")

    async def run(desk: Desk) -> None:
        await matched(desk)
        (row,) = (await desk.bob.ask("GET", "/data/trades")).body["data"]
        stated["maker_orders"][0]["side"] = "BUY"  # told since 2025
        assert list(row) == list(stated)
        assert forms(row) == forms(stated)

    told(run)


# --- markets -------------------------------------------------------------------------------------


def test_the_server_says_ok_its_time_in_whole_seconds_and_its_generation() -> None:
    async def run(desk: Desk) -> None:
        assert await desk.get("/ok") == "OK"
        assert await desk.get("/time") == desk.now // SECOND
        assert await desk.get("/version") == {"version": 2}

    told(run)


def test_markets_are_listed_in_all_forms_and_only_rewarded_open_ones_are_sampled() -> None:
    async def run(desk: Desk) -> None:
        rewarded = desk.list("rewarded", rewards=REWARDS)
        desk.list("over", rewards=REWARDS, state="closed")
        for path, count in (("/markets", 3), ("/sampling-markets", 1)):
            long = await desk.get(path)
            simple = await desk.get(path.replace("markets", "simplified-markets"))
            assert (long["count"], simple["count"], long["next_cursor"]) == (count, count, LAST)
            assert [row["condition_id"] for row in long["data"]] == [
                row["condition_id"] for row in simple["data"]
            ]
        (sampled,) = (await desk.get("/sampling-simplified-markets"))["data"]
        assert sampled["condition_id"] == rewarded.id.native
        assert sampled["rewards"] == {
            "rates": [{"asset_address": POLYGON.collateral, "rewards_daily_rate": 100}],
            "min_size": 50,
            "max_spread": 4.5,
        }

    told(run)


def test_one_number_of_a_market_is_asked_by_token() -> None:
    async def run(desk: Desk) -> None:
        fine = desk.list("fine", tick="0.001", neg_risk=True, rate=70_000)
        token = fine.tokens[1]
        assert await desk.get("/tick-size", token_id=token) == {"minimum_tick_size": 0.001}
        assert await desk.get("/neg-risk", token_id=token) == {"neg_risk": True}
        assert await desk.get("/fee-rate", token_id=token) == {"base_fee": 1000}
        free = desk.market.tokens[0]
        assert await desk.get("/fee-rate", token_id=free) == {"base_fee": 0}
        found = await desk.get(f"/markets-by-token/{token}")
        assert found["condition_id"] == fine.id.native
        assert found["primary_token_id"] == fine.tokens[0]

    told(run)


@pytest.mark.parametrize(
    "path, query, status, text",
    [
        ("/book", {}, 400, "Invalid token id"),
        ("/book", {"token_id": "0x12"}, 400, "Invalid token id"),
        ("/book", {"token_id": NOBODYS}, 404, "No orderbook exists for the requested token id"),
        ("/midpoint", {"token_id": NOBODYS}, 404, "No orderbook exists for the requested token id"),
        ("/price", {"token_id": "MINE"}, 400, "Invalid side"),
        ("/tick-size", {"token_id": NOBODYS}, 404, "market not found"),
        ("/tick-size", {}, 400, "Invalid token id"),
        ("/neg-risk", {"token_id": NOBODYS}, 404, "market not found"),
        ("/markets/0x12", {}, 400, "Invalid market"),
        ("/markets/0x" + "1" * 64, {}, 404, "market not found"),
        ("/clob-markets/0x" + "1" * 64, {}, 404, "market not found"),
        ("/markets-by-token/" + NOBODYS, {}, 404, "market not found"),
        ("/fees/builder-fees/" + CODE, {}, 404, "builder not found"),
        ("/markets", {"next_cursor": "nonsense"}, 400, "invalid next_cursor"),
        ("/rewards/markets/multi", {"page_size": "501"}, 400, "invalid page_size"),
        ("/rebates/current", {"date": "today"}, 400, "invalid date"),
    ],
)
def test_what_is_not_there_or_has_no_form_is_refused_in_the_venues_words(
    path: str, query: dict[str, str], status: int, text: str
) -> None:
    async def run(desk: Desk) -> None:
        asked = {
            name: value.replace("MINE", desk.market.tokens[0]) for name, value in query.items()
        }
        assert (await desk.ask("GET", path, query=asked)).error == (status, text)

    told(run)


# --- books and prices ----------------------------------------------------------------------------


def test_prices_follow_from_the_best_levels_of_the_tokens_own_book() -> None:
    async def run(desk: Desk) -> None:
        yes, no = desk.market.tokens
        for price in ("0.3", "0.33"):
            await desk.alice.post("buy", price, "10")
        await desk.bob.post("sell", "0.4", "10")
        assert await desk.get("/midpoint", token_id=yes) == {"mid": "0.365"}
        assert await desk.get("/midpoint", token_id=no) == {"mid": "0.635"}
        assert await desk.get("/spread", token_id=yes) == {"spread": "0.07"}
        assert await desk.get("/price", token_id=yes, side="BUY") == {"price": "0.33"}
        assert await desk.get("/price", token_id=yes, side="SELL") == {"price": "0.4"}
        assert await desk.get("/price", token_id=no, side="BUY") == {"price": "0.6"}
        book = await desk.get("/book", token_id=yes)
        assert [level["price"] for level in book["bids"]] == ["0.3", "0.33"]

    told(run)


def test_an_empty_side_counts_as_the_end_of_the_scale() -> None:
    async def run(desk: Desk) -> None:
        yes = desk.market.tokens[0]
        assert await desk.get("/midpoint", token_id=yes) == {"mid": "0.5"}
        assert await desk.get("/spread", token_id=yes) == {"spread": "1"}
        assert await desk.get("/price", token_id=yes, side="BUY") == {"price": "0"}
        assert await desk.get("/last-trade-price", token_id=yes) == {"price": "0.5", "side": ""}
        await desk.alice.post("buy", "0.3", "10")
        assert await desk.get("/midpoint", token_id=yes) == {"mid": "0.65"}

    told(run)


def test_many_are_asked_at_once_and_unknown_ones_are_left_out() -> None:
    async def run(desk: Desk) -> None:
        yes, no = desk.market.tokens
        await matched(desk)
        asked = json.dumps([{"token_id": each} for each in (yes, NOBODYS, no)]).encode()
        books = (await desk.ask("POST", "/books", asked)).body
        assert [book["asset_id"] for book in books] == [yes, no]
        mids = (await desk.ask("POST", "/midpoints", asked)).body
        assert sorted(mids) == sorted((yes, no))
        assert sorted((await desk.ask("POST", "/spreads", asked)).body) == sorted((yes, no))
        lasts = (await desk.ask("POST", "/last-trades-prices", asked)).body
        assert [last["token_id"] for last in lasts] == [yes, no]
        assert {last["side"] for last in lasts} == {"SELL"}
        sides = [{"token_id": yes, "side": side} for side in ("BUY", "SELL")]
        prices = (await desk.ask("POST", "/prices", json.dumps(sides).encode())).body
        assert prices == {yes: {"BUY": "0", "SELL": "0"}}

    told(run)


@pytest.mark.parametrize("path", ["/books", "/midpoints", "/spreads", "/last-trades-prices"])
def test_a_request_for_many_is_refused_without_form_and_beyond_five_hundred(path: str) -> None:
    async def run(desk: Desk) -> None:
        assert (await desk.ask("POST", path, b"{}")).error == (400, "Invalid payload")
        row = {"token_id": desk.market.tokens[0]}
        many = json.dumps([row] * 501).encode()
        assert (await desk.ask("POST", path, many)).error == (400, "Payload exceeds the limit")
        assert (await desk.ask("POST", path, json.dumps([row] * 500).encode())).status == 200

    told(run)


def test_books_and_prices_stay_as_they_were_under_the_stale_fault() -> None:
    async def run(desk: Desk) -> None:
        yes = desk.market.tokens[0]
        await desk.alice.post("buy", "0.3", "10")
        before = await desk.get("/book", token_id=yes)
        afflict(desk.world, Stale())
        await desk.alice.post("buy", "0.4", "10")
        assert await desk.get("/book", token_id=yes) == before
        assert await desk.get("/price", token_id=yes, side="BUY") == {"price": "0.3"}
        desk.world.faults.clear()
        assert await desk.get("/price", token_id=yes, side="BUY") == {"price": "0.4"}

    told(run)


def test_a_market_that_is_over_has_no_book() -> None:
    async def run(desk: Desk) -> None:
        desk.world.resolve(Resolution(desk.market.id, desk.now, (ONE, 0), "test"), desk.now)
        query = {"token_id": desk.market.tokens[0]}
        for path in ("/book", "/midpoint", "/spread"):
            assert (await desk.ask("GET", path, query=query)).status == 404

    told(run)


def test_a_history_has_a_point_for_each_stretch_in_which_something_was_traded() -> None:
    async def run(desk: Desk) -> None:
        begin = desk.now // SECOND
        for ms in (0, 60_000, 30_000, 60_000):
            desk.pass_ms(ms)
            await matched(desk)
        yes, no = desk.market.tokens
        told_all = await desk.get("/prices-history", market=yes, interval="max")
        assert [(row["t"] - begin, row["p"]) for row in told_all["history"]] == [
            (0, 0.4),
            (90, 0.4),
            (150, 0.4),
        ]
        other = await desk.get("/prices-history", market=no, interval="1d", fidelity="10")
        assert [row["p"] for row in other["history"]] == [0.6]
        within = {"startTs": str(begin + 60), "endTs": str(begin + 100)}
        some = await desk.get("/prices-history", market=yes, **within)
        assert len(some["history"]) == 1

    told(run)


@pytest.mark.parametrize(
    "query", [{}, {"interval": "2w"}, {"startTs": "x"}, {"interval": "1d", "fidelity": "-1"}]
)
def test_a_history_without_a_proper_span_is_refused(query: dict[str, str]) -> None:
    async def run(desk: Desk) -> None:
        asked = {"market": desk.market.tokens[0]} | query
        assert (await desk.ask("GET", "/prices-history", query=asked)).status == 400

    told(run)


# --- orders and trades of a member ----------------------------------------------------------------


def test_open_orders_are_listed_with_their_filters_and_closed_ones_are_not() -> None:
    async def run(desk: Desk) -> None:
        alice, other = desk.alice, desk.list("other")
        first, second, third = (
            alice.order(price="0.1"),
            alice.order(price="0.2", outcome=1),
            alice.order(price="0.3", market=other),
        )
        for order in (first, second, third):
            await alice.ask("POST", "/order", order.body)
        await desk.bob.post(price="0.1")

        async def ids(**query: str) -> list[str]:
            rows = (await alice.ask("GET", "/data/orders", query=query)).body["data"]
            return [row["id"] for row in rows]

        every = [first.order_id, second.order_id, third.order_id]
        assert await ids() == every
        assert await ids(market=other.id.native) == [third.order_id]
        assert await ids(asset_id=desk.market.tokens[1]) == [second.order_id]
        assert await ids(asset_id=NOBODYS) == []
        assert await ids(id=first.order_id) == [first.order_id]
        assert await ids(maker_address=alice.who.maker.lower()) == every
        assert await ids(maker_address=desk.bob.who.maker) == []
        await alice.ask("DELETE", "/order", json.dumps({"orderID": first.order_id}).encode())
        assert await ids() == every[1:]

    told(run)


def test_a_taking_buy_states_its_dollars_as_its_size() -> None:
    async def run(desk: Desk) -> None:
        await desk.alice.post("sell", "0.4", "10")
        order = desk.bob.order("buy", "0.5", budget="3", tif="FAK")
        await desk.bob.ask("POST", "/order", order.body)
        row = (await desk.bob.ask("GET", f"/data/order/{order.order_id}")).body
        assert (row["original_size"], row["size_matched"]) == ("3", "7.5")
        assert (row["status"], row["order_type"], row["price"]) == ("MATCHED", "FAK", "0.5")

    told(run)


def test_nobody_reads_the_orders_of_others() -> None:
    async def run(desk: Desk) -> None:
        order = desk.alice.order()
        await desk.alice.ask("POST", "/order", order.body)
        assert (await desk.bob.ask("GET", f"/data/order/{order.order_id}")).status == 404
        assert (await desk.bob.ask("GET", "/data/order/0x12")).error == (400, "Invalid orderID")
        assert (await desk.ask("GET", f"/data/order/{order.order_id}")).status == 401
        assert (await desk.bob.ask("GET", "/data/trades")).body["data"] == []

    told(run)


def test_a_trade_is_listed_for_both_sides_and_its_asset_is_the_takers() -> None:
    async def run(desk: Desk) -> None:
        taker, maker = await matched(desk, outcome=1)
        yes, no = desk.market.tokens

        async def rows(who: str, **query: str) -> list[dict[str, Any]]:
            member = getattr(desk, who)
            data: list[dict[str, Any]]
            data = (await member.ask("GET", "/data/trades", query=query)).body["data"]
            return data

        (bobs,), (alices,) = await rows("bob"), await rows("alice")
        assert (bobs["trader_side"], alices["trader_side"]) == ("TAKER", "MAKER")
        assert bobs | {"trader_side": ""} == alices | {"trader_side": ""}
        assert (bobs["taker_order_id"], bobs["asset_id"], bobs["price"]) == (
            taker.order_id,
            no,
            "0.6",
        )
        (entry,) = alices["maker_orders"]
        assert (entry["order_id"], entry["asset_id"], entry["price"], entry["side"]) == (
            maker.order_id,
            yes,
            "0.4",
            "BUY",
        )
        assert await rows("alice", asset_id=yes) == []
        assert len(await rows("alice", asset_id=no)) == 1
        assert len(await rows("alice", maker_address=desk.alice.who.maker.lower())) == 1
        assert await rows("alice", maker_address=desk.carol.who.maker) == []
        assert len(await rows("alice", id=bobs["id"])) == 1
        assert await rows("alice", market="0x" + "1" * 64) == []
        second = desk.now // SECOND
        assert len(await rows("alice", after=str(second), before=str(second))) == 1
        assert await rows("alice", after=str(second + 1)) == []
        assert await rows("alice", before=str(second - 1)) == []
        refused = await desk.alice.ask("GET", "/data/trades", query={"after": "then"})
        assert refused.error == (400, "Invalid trade params payload")

    told(run)


def test_a_trade_goes_through_its_steps_and_stays_listed() -> None:
    async def run(desk: Desk) -> None:
        await matched(desk)

        async def row() -> dict[str, Any]:
            (found,) = (await desk.alice.ask("GET", "/data/trades")).body["data"]
            return dict(found)

        assert ((await row())["status"], (await row())["transaction_hash"]) == ("MATCHED", "")
        desk.pass_ms(2_000)
        assert (await row())["status"] == "MINED"
        assert (await row())["transaction_hash"].startswith("0x")
        desk.pass_ms(8_000)
        final = await row()
        assert final["status"] == "CONFIRMED"
        assert int(final["last_update"]) - int(final["match_time"]) == 10

    told(run)


@given(st.integers(0, 40), st.integers(1, 7))
def test_every_page_of_a_list_is_turned_once(rows: int, size: int) -> None:
    found: list[object] = []
    cursor = FIRST
    for _ in range(rows // size + 1):
        one = page(range(rows), cursor, lambda row: row, size)
        data = one["data"]
        assert isinstance(data, list)
        found += data
        cursor = str(one["next_cursor"])
        if cursor == LAST:
            break
    assert found == list(range(rows))
    assert cursor == LAST
    assert page(range(rows), LAST, lambda row: row, size)["data"] == []
    assert b64decode(LAST) == b"-1"


@pytest.mark.parametrize("cursor", ["x", "MA", "LTI=", "w6k=", "OTk5OTk5OTk5OTk5OTk5OTk5OTk="])
def test_a_cursor_of_nobodys_is_refused(cursor: str) -> None:
    with pytest.raises(Refused):
        page((), cursor, str)


# --- balances, notices, rewards -------------------------------------------------------------------


def test_balances_are_those_of_the_wallet_whose_kind_is_named() -> None:
    async def run(desk: Desk) -> None:
        alice = desk.alice
        custody = desk.world.polymarket.custody
        custody.withdraw(alice.account(), ONE)

        async def balance(**query: str) -> Any:
            return (await alice.ask("GET", "/balance-allowance", query=query)).body

        cash = await balance(asset_type="COLLATERAL", signature_type="3")
        assert cash["balance"] == str(custody.balance(alice.account()))
        assert set(cash["allowances"]) == {
            POLYGON.exchange,
            POLYGON.neg_risk_exchange,
            POLYGON.exchange_v3,
        }
        assert set(cash["allowances"].values()) == {str(2**256 - 1)}
        custody.allow(alice.account(), POLYGON.exchange, shares=False, granted=False)
        after = await balance(asset_type="COLLATERAL", signature_type="3")
        assert after["allowances"][POLYGON.exchange] == "0"
        key = await balance(asset_type="COLLATERAL")
        assert int(key["balance"]) == int(cash["balance"]) + ONE
        token = desk.market.tokens[0]
        shares = await balance(asset_type="CONDITIONAL", token_id=token, signature_type="1")
        assert shares["balance"] == str(1_000 * ONE)
        assert await balance(asset_type="GOLD") == {"error": "Invalid asset type"}
        wrong = await balance(asset_type="COLLATERAL", signature_type="9")
        assert wrong == {"error": "Invalid signature_type"}
        query = {"asset_type": "COLLATERAL", "signature_type": "3"}
        assert (await alice.ask("GET", "/balance-allowance/update", query=query)).status == 200

    told(run)


def test_members_are_noticed_of_fills_cancels_and_fills_that_failed_until_they_drop_it() -> None:
    async def run(desk: Desk) -> None:
        afflict(desk.world, Ghost(count=1))
        _, maker = await matched(desk)
        await desk.alice.post()
        await desk.alice.ask("DELETE", "/cancel-all")
        desk.pass_ms(6_000)

        async def notices() -> list[dict[str, Any]]:
            rows = (await desk.alice.ask("GET", "/notifications")).body
            return list(rows)

        listed = await notices()
        assert [row["type"] for row in listed] == [8, 1, 2]
        filled = listed[2]
        assert filled["owner"] == desk.alice.who.api_key
        assert filled["payload"]["order_id"] == maker.order_id
        assert filled["payload"]["matched_size"] == "10"
        ids = f"{listed[0]['id']},{listed[2]['id']}"
        await desk.alice.ask("DELETE", "/notifications", query={"ids": ids})
        assert [row["type"] for row in await notices()] == [1]
        assert [row["type"] for row in (await desk.bob.ask("GET", "/notifications")).body] == [8, 2]

    told(run)


def test_an_order_scores_when_it_is_old_large_and_near_enough() -> None:
    async def run(desk: Desk) -> None:
        market = desk.list("rewarded", rewards=REWARDS)
        desk.world.polymarket.custody.split(desk.bob.account(), market.id, 1_000 * ONE)
        await desk.bob.post("sell", "0.52", "50", market=market)
        near, far, small = (
            desk.alice.order(price=price, size=size, market=market)
            for price, size in (("0.48", "50"), ("0.45", "50"), ("0.48", "49"))
        )
        for order in (near, far, small):
            await desk.alice.ask("POST", "/order", order.body)

        async def scoring(*orders: Outgoing) -> dict[str, bool]:
            body = json.dumps([order.order_id for order in orders]).encode()
            found: dict[str, bool] = (await desk.alice.ask("POST", "/orders-scoring", body)).body
            return found

        assert set((await scoring(near, far, small)).values()) == {False}
        desk.pass_ms(30_000)
        assert await scoring(near, far, small) == {
            near.order_id: True,
            far.order_id: False,
            small.order_id: False,
        }
        one = await desk.alice.ask("GET", "/order-scoring", query={"order_id": near.order_id})
        assert one.body == {"scoring": True}
        theirs = await desk.bob.ask("GET", "/order-scoring", query={"order_id": near.order_id})
        assert theirs.body == {"scoring": False}
        shares = (await desk.alice.ask("GET", "/rewards/user/percentages")).body
        assert shares == {market.id.native: 50}

    told(run)


def test_the_terms_of_rewards_are_listed_and_nobody_has_earned_any() -> None:
    async def run(desk: Desk) -> None:
        market = desk.list("rewarded", rewards=REWARDS)
        (row,) = (await desk.get("/rewards/markets/current"))["data"]
        assert row["condition_id"] == market.id.native
        assert (row["rewards_max_spread"], row["rewards_min_size"]) == (4.5, 50)
        assert (row["total_daily_rate"], row["rewards_config"][0]["rate_per_day"]) == (100, 100)
        for path in ("/rewards/markets/multi", f"/rewards/markets/{market.id.native}"):
            (one,) = (await desk.get(path))["data"]
            assert one["market_slug"] == "rewarded"
            assert [token["price"] for token in one["tokens"]] == [0.5, 0.5]
        query = {"date": "2026-09-21", "signature_type": "3"}
        assert (await desk.alice.ask("GET", "/rewards/user", query=query)).body["data"] == []
        assert (await desk.alice.ask("GET", "/rewards/user/total", query=query)).body == []
        (mine,) = (await desk.alice.ask("GET", "/rewards/user/markets", query=query)).body["data"]
        assert (mine["earning_percentage"], mine["earnings"]) == (0, [])
        assert (await desk.alice.ask("GET", "/rewards/user", query={"date": "x"})).status == 400

    told(run)


def test_makers_earn_their_share_of_the_fee_unless_the_match_fails() -> None:
    async def run(desk: Desk) -> None:
        market = desk.list("charged", rate=70_000, maker_rebate=200_000)
        desk.world.polymarket.custody.split(desk.bob.account(), market.id, 1_000 * ONE)

        async def meet() -> None:
            await desk.alice.post("buy", "0.5", "100", market=market)
            assert (await desk.bob.post("sell", "0.5", "100", market=market)).status == 200

        async def rebates() -> list[str]:
            maker = desk.alice.who.maker.lower()
            rows = await desk.get("/rebates/current", date="2026-09-21", maker_address=maker)
            return [row["rebated_fees_usdc"] for row in rows]

        assert await rebates() == []
        await meet()
        assert await rebates() == ["0.35"]
        afflict(desk.world, Ghost(count=1))
        await meet()
        assert await rebates() == ["0.7"]
        desk.pass_ms(20_000)
        assert await rebates() == ["0.35"]
        assert await desk.get("/rebates/current", date="2026-09-20", maker_address="x") == []

    told(run)


def test_trades_through_a_builder_are_listed_under_its_code() -> None:
    async def run(desk: Desk) -> None:
        await desk.alice.post("buy", "0.4", "10", builder=CODE)
        await desk.bob.post("sell", "0.4", "10")
        (row,) = (await desk.get("/builder/trades", builder_code=CODE))["data"]
        assert (row["tradeType"], row["maker"], row["sizeUsdc"]) == (
            "MAKER",
            desk.alice.who.maker,
            "4",
        )
        await desk.alice.post("buy", "0.4", "10")
        await desk.bob.post("sell", "0.4", "5", builder="0x" + "ef" * 32)
        (took,) = (await desk.get("/builder/trades", builder_code="0x" + "ef" * 32))["data"]
        assert (took["tradeType"], took["side"], took["sizeUsdc"]) == ("TAKER", "SELL", "2")
        other = await desk.get("/builder/trades", builder_code="0x" + "cd" * 32)
        assert other["data"] == []
        for code in ("", "0x12", "0x" + "00" * 32):
            refused = await desk.ask("GET", "/builder/trades", query={"builder_code": code})
            assert refused.error == (400, "invalid builder trade params")
        desk.server.builders[CODE] = (10, 20)
        assert await desk.get(f"/fees/builder-fees/{CODE}") == {
            "builder_maker_fee_rate_bps": 10,
            "builder_taker_fee_rate_bps": 20,
        }

    told(run)


def test_scores_are_asked_with_ids_and_not_for_too_many() -> None:
    async def run(desk: Desk) -> None:
        path = "/orders-scoring"
        assert (await desk.alice.ask("POST", path, b"{}")).error == (400, "Invalid payload")
        many = json.dumps(["0x" + "1" * 64] * 1_001).encode()
        assert (await desk.alice.ask("POST", path, many)).error == (
            400,
            "Payload exceeds the limit",
        )
        unknown = await desk.alice.ask("POST", path, json.dumps(["0x" + "1" * 64]).encode())
        assert unknown.body == {"0x" + "1" * 64: False}

    told(run)


def test_an_answer_is_compact_json() -> None:
    async def run(desk: Desk) -> None:
        async with desk.client.get(desk.url + "/version") as answer:
            assert await answer.read() == msgspec.json.encode({"version": 2})

    told(run)
