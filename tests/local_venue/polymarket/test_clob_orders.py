"""Orders and cancels at the local CLOB, over HTTP: the venue's answers, texts and statuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.local_venue.polymarket.clob_desk import KINDS, SECOND, Desk, Member, clob
from tests.venues.scripted import sample
from underround.local_venue.signed_orders import SignedOrders
from underround.model.market import Resolution
from underround.model.units import ONE
from underround.venues.polymarket.orders import Outgoing
from underround.venues.polymarket.wallets import SignatureType

FOK = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)


def told(run: Callable[[Desk], Awaitable[None]], **server: Any) -> None:
    async def main() -> None:
        async with clob(**server) as desk:
            await run(desk)

    asyncio.run(main())


def taken(order_id: str, status: str, making: str = "", taking: str = "") -> dict[str, object]:
    """Return an answer without its trades."""
    return {
        "errorMsg": "",
        "orderID": order_id,
        "takingAmount": taking,
        "makingAmount": making,
        "status": status,
        "success": True,
        "transactionsHashes": [],
    }


def without_trades(body: dict[str, Any]) -> dict[str, object]:
    return {name: value for name, value in body.items() if name != "tradeIDs"}


async def batch(member: Member, *orders: Outgoing) -> list[dict[str, Any]]:
    body = b"[" + b",".join(order.body for order in orders) + b"]"
    answer = await member.ask("POST", "/orders", body)
    assert answer.status == 200, answer
    rows: list[dict[str, Any]] = answer.body
    return rows


def bodied(order: Outgoing, **changed: object) -> bytes:
    """Return an order's body with unsigned fields changed; ``order.x`` is inside the order."""
    body = json.loads(order.body)
    for name, value in changed.items():
        inside = name.removeprefix("order_")
        (body["order"] if inside != name else body)[inside] = value
    return json.dumps(body, separators=(",", ":")).encode()


# --- placing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_wallet_places_and_meets_another(kind: SignatureType) -> None:
    async def run(desk: Desk) -> None:
        resting = desk.alice.order("buy", "0.4", "10", kind=kind)
        answer = await desk.alice.ask("POST", "/order", resting.body)
        assert answer.body == taken(resting.order_id, "live") | {"tradeIDs": []}
        order = desk.bob.order("sell", "0.3", "25", kind=kind)
        answer = await desk.bob.ask("POST", "/order", order.body)
        assert without_trades(answer.body) == taken(order.order_id, "live", "10", "4")
        (trade,) = answer.body["tradeIDs"]
        assert desk.world.polymarket.trades[trade].account == desk.bob.account(kind)

    told(run)


def test_every_kind_of_market_has_its_own_exchange_and_domain() -> None:
    async def run(desk: Desk) -> None:
        risky = desk.list("risky", neg_risk=True)
        newer = desk.list_v2()
        for market in (desk.market, risky, newer):
            assert (await desk.alice.post(market=market)).status == 200
        order = desk.alice.made(market=risky)
        other = desk.alice.made(market=desk.market)
        assert order.exchange.address != other.exchange.address

    told(run)


def test_an_order_that_is_filled_at_once_states_both_amounts() -> None:
    async def run(desk: Desk) -> None:
        await desk.alice.post("sell", "0.4", "10")
        order = desk.bob.order("buy", "0.45", "10")
        answer = await desk.bob.ask("POST", "/order", order.body)
        assert without_trades(answer.body) == taken(order.order_id, "matched", "4", "10")

    told(run)


def test_a_budget_buys_more_at_a_better_price_and_the_rest_of_a_fak_is_killed() -> None:
    async def run(desk: Desk) -> None:
        await desk.alice.post("sell", "0.4", "10")
        order = desk.bob.order("buy", "0.5", budget="2", tif="FOK")
        answer = await desk.bob.ask("POST", "/order", order.body)
        assert without_trades(answer.body) == taken(order.order_id, "matched", "2", "5")
        rest = desk.bob.order("buy", "0.5", budget="20", tif="FAK")
        answer = await desk.bob.ask("POST", "/order", rest.body)
        assert without_trades(answer.body) == taken(rest.order_id, "matched", "2", "5")

    told(run)


@pytest.mark.parametrize(
    "how, text",
    [
        ({"tif": "FOK", "budget": "5"}, FOK),
        ({"tif": "FAK", "budget": "5"}, FAK),
        ({"side": "sell", "tif": "FAK", "price": "0.99"}, FAK),
    ],
)
def test_what_must_fill_at_once_and_cannot_is_refused(how: dict[str, Any], text: str) -> None:
    async def run(desk: Desk) -> None:
        assert (await desk.alice.post(**how)).error == (400, text)

    told(run)


def test_a_post_only_order_that_would_cross_and_one_that_cannot_rest_are_refused() -> None:
    async def run(desk: Desk) -> None:
        await desk.alice.post("sell", "0.4", "10")
        refused = await desk.bob.post("buy", "0.4", "10", post_only=True)
        assert refused.error == (400, "invalid post-only order: order crosses book")
        assert (await desk.bob.post("buy", "0.39", "10", post_only=True)).status == 200
        body = bodied(desk.bob.order("buy", "0.4", budget="4", tif="FAK"), postOnly=True)
        refused = await desk.bob.ask("POST", "/order", body)
        text = "invalid post-only order: only GTC and GTD order types are allowed"
        assert refused.error == (400, text)

    told(run)


def test_an_order_is_taken_once() -> None:
    async def run(desk: Desk) -> None:
        order = desk.alice.order()
        assert (await desk.alice.ask("POST", "/order", order.body)).status == 200
        again = await desk.alice.ask("POST", "/order", order.body)
        assert again.error == (400, f"order {order.order_id} is invalid. Duplicated.")

    told(run)


def test_too_small_an_order_and_too_little_money_are_refused_in_the_venues_words() -> None:
    async def run(desk: Desk) -> None:
        order = desk.alice.order(size="4.99")
        small = await desk.alice.ask("POST", "/order", order.body)
        text = f"order {order.order_id} is invalid. Size (4.99) lower than the minimum: 5"
        assert small.error == (400, text)
        poor = await desk.alice.post(price="0.5", size="100000")
        assert poor.status == 400
        assert poor.body["error"].startswith("not enough balance / allowance")

    told(run)


def test_the_owner_is_the_api_key_that_seals() -> None:
    async def run(desk: Desk) -> None:
        body = bodied(desk.alice.order(), owner=desk.bob.who.api_key)
        refused = await desk.alice.ask("POST", "/order", body)
        assert refused.error == (400, "the order owner has to be the owner of the API KEY")
        foreign = bodied(desk.bob.order(), owner=desk.alice.who.api_key)
        refused = await desk.alice.ask("POST", "/order", foreign)
        text = "maker address not allowed, please use the deposit wallet flow"
        assert refused.error == (400, text)

    told(run)


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("order_signature", "0x12", "invalid signature"),
        ("order_signature", "no hex", "invalid signature"),
        ("order_makerAmount", "5010000", "invalid signature"),
        ("order_timestamp", "1", "invalid signature"),
        ("order_tokenId", "17", "the orderbook 17 does not exist"),
        ("order_tokenId", "017", "Invalid order payload"),
        ("order_maker", "0x12", "Invalid order payload"),
        ("order_builder", "0x12", "Invalid order payload"),
        ("order_makerAmount", "-5", "Invalid order payload"),
        ("order_timestamp", "9" * 30, "Invalid order payload"),
        ("orderType", "IOC", "Invalid order payload"),
        ("order_expiration", "1", "invalid expiration"),
        ("order_expiration", "soon", "invalid expiration"),
    ],
)
def test_an_altered_body_is_refused_with_its_own_text(name: str, value: str, text: str) -> None:
    async def run(desk: Desk) -> None:
        body = bodied(desk.alice.order(), **{name: value})
        assert (await desk.alice.ask("POST", "/order", body)).error == (400, text)

    told(run)


def test_flags_of_the_body_are_no_part_of_the_signature() -> None:
    async def run(desk: Desk) -> None:
        body = bodied(desk.alice.order(), deferExec=True, postOnly=True)
        assert (await desk.alice.ask("POST", "/order", body)).status == 200

    told(run)


def test_a_gtd_order_ends_a_minute_early_and_must_have_three_minutes() -> None:
    async def run(desk: Desk) -> None:
        until = desk.now + 240 * SECOND
        order = desk.alice.order(tif="GTD", good_until_ns=until)
        assert (await desk.alice.ask("POST", "/order", order.body)).status == 200
        (row,) = (await desk.alice.ask("GET", "/data/orders")).body["data"]
        assert row["expiration"] == str(until // SECOND + 60)
        desk.pass_ms(239_999)
        assert (await desk.alice.ask("GET", f"/data/order/{order.order_id}")).body[
            "status"
        ] == "LIVE"
        desk.pass_ms(1)
        ended = await desk.alice.ask("GET", f"/data/order/{order.order_id}")
        assert ended.body["status"] == "CANCELED_EXPIRED_ORDER"
        short = bodied(
            desk.alice.order(tif="GTD", good_until_ns=desk.now + 240 * SECOND),
            order_expiration=str(desk.now // SECOND + 169),
        )
        refused = await desk.alice.ask("POST", "/order", short)
        assert refused.error == (400, "invalid expiration")

    told(run)


def test_markets_that_are_not_open_take_no_orders() -> None:
    async def run(desk: Desk) -> None:
        early = desk.list("early", state="unopened")
        refused = await desk.alice.post(market=early)
        assert refused.error == (400, "the market is not yet ready to process new orders")
        desk.world.resolve(Resolution(desk.market.id, desk.now, (ONE, 0), "test"), desk.now)
        refused = await desk.alice.post()
        assert refused.error == (400, f"the orderbook {desk.market.tokens[0]} does not exist")

    told(run)


def test_an_order_in_a_market_with_a_taker_delay_is_delayed_and_cannot_be_cancelled() -> None:
    async def run(desk: Desk) -> None:
        slow = desk.list("slow", taker_delay_ms=150)
        for who in (desk.alice, desk.bob):
            desk.world.polymarket.custody.split(who.account(), slow.id, 100 * ONE)
        await desk.alice.post("sell", "0.4", "10", market=slow)
        order = desk.bob.order("buy", "0.4", "10", market=slow)
        answer = await desk.bob.ask("POST", "/order", order.body)
        assert without_trades(answer.body) == taken(order.order_id, "delayed")
        body = json.dumps({"orderID": order.order_id}).encode()
        kept = (await desk.bob.ask("DELETE", "/order", body)).body
        assert kept["canceled"] == []
        assert list(kept["not_canceled"]) == [order.order_id]
        desk.pass_ms(150)
        found = await desk.bob.ask("GET", f"/data/order/{order.order_id}")
        assert found.body["status"] == "MATCHED"

    told(run)


def test_what_was_verified_is_kept_for_a_settlement_that_needs_it() -> None:
    async def run(desk: Desk) -> None:
        kept = desk.world.signed_orders = SignedOrders()
        order = desk.alice.order()
        await desk.alice.ask("POST", "/order", order.body)
        signed = kept.of(order.order_id)
        assert signed is not None
        assert signed.owner == desk.alice.who.owner
        assert f"0x{signed.signature.hex()}" in order.body.decode()
        await desk.alice.ask("POST", "/order", bodied(desk.alice.order(), order_signature="0x12"))
        assert len(kept) == 1

    told(run)


# --- batches -------------------------------------------------------------------------------------


def test_the_orders_of_a_batch_fail_one_by_one() -> None:
    async def run(desk: Desk) -> None:
        good, small, other = (
            desk.alice.order(price=price, size=size)
            for price, size in (("0.3", "10"), ("0.3", "4"), ("0.2", "10"))
        )
        rows = await batch(desk.alice, good, small, good, other)
        failed = {
            "orderID": "",
            "takingAmount": "",
            "makingAmount": "",
            "status": "",
            "success": True,
        }
        texts = [row["errorMsg"] for row in rows]
        assert texts == [
            "",
            f"order {small.order_id} is invalid. Size (4) lower than the minimum: 5",
            f"order {good.order_id} is invalid. Duplicated.",
            "",
        ]
        assert (rows[0]["orderID"], rows[3]["orderID"]) == (good.order_id, other.order_id)
        assert rows[1] == failed | {"errorMsg": texts[1]}

    told(run)


def test_a_row_of_a_batch_that_is_no_order_fails_alone() -> None:
    async def run(desk: Desk) -> None:
        order = desk.alice.order()
        body = b'[{"order":{}},' + order.body + b"]"
        answer = await desk.alice.ask("POST", "/orders", body)
        assert [row["errorMsg"] for row in answer.body] == ["Invalid order payload", ""]

    told(run)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"nonsense", b"[1,"])
def test_a_batch_that_is_no_list_is_refused_whole(body: bytes) -> None:
    async def run(desk: Desk) -> None:
        answer = await desk.alice.ask("POST", "/orders", body)
        assert answer.error == (400, "Invalid order payload")

    told(run)


# --- what the engine takes now -------------------------------------------------------------------


@pytest.mark.shared
def test_the_answer_of_the_post_only_window_is_that_of_the_documentation(shared: Path) -> None:
    stated = json.loads(sample(shared, "polymarket/clob/post_order_docs_examples.json"))

    async def run(desk: Desk) -> None:
        desk.server.engine.restart(desk.now, down_ms=1_000, post_only_ms=100_000)
        desk.pass_ms(22_000)
        refused = await desk.alice.post()
        assert refused.status == 503
        assert refused.body == stated["error_503_post_only_mode"]
        assert refused.headers["Retry-After"] == "79"

    told(run)


def test_a_restart_is_silence_then_makers_only_then_as_before() -> None:
    async def run(desk: Desk) -> None:
        alice = desk.alice
        resting = alice.order()
        await alice.ask("POST", "/order", resting.body)
        desk.server.engine.restart(desk.now, down_ms=15_000, post_only_ms=120_000)
        assert (await alice.post()).error == (425, "matching engine restarting")
        assert (await alice.ask("DELETE", "/cancel-all")).status == 425
        desk.pass_ms(15_000)
        assert (await alice.post()).body["code"] == "post_only_mode"
        assert (await alice.post(post_only=True)).status == 200
        rows = await batch(alice, alice.order(post_only=True), alice.order())
        assert [row["errorMsg"] for row in rows] == [
            "",
            "post-only mode: only post-only orders and cancels are allowed",
        ]
        body = json.dumps({"orderID": resting.order_id}).encode()
        assert (await alice.ask("DELETE", "/order", body)).body["canceled"] == [resting.order_id]
        desk.pass_ms(120_000)
        assert (await alice.post()).status == 200

    told(run)


def test_a_restart_during_a_restart_begins_anew() -> None:
    async def run(desk: Desk) -> None:
        engine = desk.server.engine
        engine.restart(desk.now, down_ms=1_000, post_only_ms=1_000)
        desk.pass_ms(900)
        engine.restart(desk.now, down_ms=1_000, post_only_ms=10_000)
        desk.pass_ms(999)
        assert (await desk.alice.post()).status == 425
        desk.pass_ms(2_000)
        assert (await desk.alice.post()).status == 503

    told(run)


def test_a_venue_that_is_disabled_takes_nothing_and_one_for_cancels_only_takes_those() -> None:
    async def run(desk: Desk) -> None:
        disabled = (503, "Trading is currently disabled. Check polymarket.com for updates")
        desk.world.polymarket.mode = "disabled"
        assert (await desk.alice.post()).error == disabled
        assert (await desk.alice.ask("DELETE", "/cancel-all")).error == disabled
        desk.world.polymarket.mode = "cancel_only"
        refused = await desk.alice.post()
        assert refused.status == 503
        assert refused.body["error"].startswith("Trading is currently cancel-only.")
        assert (await desk.alice.ask("DELETE", "/cancel-all")).status == 200

    told(run)


# --- cancelling ----------------------------------------------------------------------------------


async def resting(desk: Desk, member: Member, *prices: str) -> list[str]:
    orders = [member.order(price=price) for price in prices]
    await batch(member, *orders)
    return [order.order_id for order in orders]


def test_orders_are_cancelled_by_id_and_the_others_are_named_with_their_reason() -> None:
    async def run(desk: Desk) -> None:
        mine = await resting(desk, desk.alice, "0.1", "0.2", "0.3")
        (foreign,) = await resting(desk, desk.bob, "0.1")
        one = await desk.alice.ask("DELETE", "/order", json.dumps({"orderID": mine[0]}).encode())
        assert one.body == {"canceled": [mine[0]], "not_canceled": {}}
        body = json.dumps([mine[0], mine[1].upper().replace("X", "x"), mine[1], foreign]).encode()
        many = await desk.alice.ask("DELETE", "/orders", body)
        gone = "order can't be found - already canceled or matched"
        assert many.body == {
            "canceled": [mine[1]],
            "not_canceled": {mine[0]: gone, foreign: gone},
        }

    told(run)


@pytest.mark.parametrize(
    "path, body, text",
    [
        ("/order", b'{"orderID":"0x12"}', "Invalid orderID"),
        ("/order", b"{}", "Invalid order payload"),
        ("/order", b"", "Invalid order payload"),
        ("/orders", b'["0x12"]', "Invalid orderID"),
        ("/orders", b"{}", "Invalid order payload"),
        (
            "/orders",
            json.dumps(["0x" + "1" * 64] * 1_001).encode(),
            "Too many orders in payload, max allowed: 1000",
        ),
        ("/cancel-market-orders", b"[]", "Invalid order payload"),
        ("/cancel-market-orders", b'{"asset_id":"17"}', "Invalid order payload"),
    ],
)
def test_a_cancel_of_no_form_is_refused(path: str, body: bytes, text: str) -> None:
    async def run(desk: Desk) -> None:
        assert (await desk.alice.ask("DELETE", path, body)).error == (400, text)

    told(run)


def test_all_orders_of_a_key_or_those_of_a_market_or_token_are_cancelled() -> None:
    async def run(desk: Desk) -> None:
        alice, other = desk.alice, desk.list("other")
        here = await resting(desk, alice, "0.1", "0.2")
        await resting(desk, desk.bob, "0.1")
        no = alice.order(price="0.3", outcome=1)
        there = alice.order(price="0.1", market=other)
        await batch(alice, no, there)

        async def cancel(**where: str) -> list[str]:
            body = json.dumps(where).encode()
            answer = await alice.ask("DELETE", "/cancel-market-orders", body)
            gone: list[str] = answer.body["canceled"]
            return gone

        mixed = {"market": other.id.native, "asset_id": desk.market.tokens[1]}
        assert await cancel(**mixed) == []
        assert await cancel(asset_id=desk.market.tokens[1]) == [no.order_id]
        assert await cancel(market=desk.market.id.native) == here
        assert (await alice.ask("DELETE", "/cancel-all")).body["canceled"] == [there.order_id]
        assert len((await desk.bob.ask("GET", "/data/orders")).body["data"]) == 1

    told(run)


# --- heartbeats ----------------------------------------------------------------------------------


async def beat(member: Member, sent: str) -> Any:
    body = json.dumps({"heartbeat_id": sent}).encode()
    return await member.ask("POST", "/v1/heartbeats", body)


def test_a_switch_that_hears_nothing_for_ten_seconds_cancels_what_its_key_placed() -> None:
    async def run(desk: Desk) -> None:
        mine = await resting(desk, desk.alice, "0.1", "0.2")
        await resting(desk, desk.bob, "0.1")
        first = await beat(desk.alice, "")
        desk.pass_ms(9_999)
        second = await beat(desk.alice, first.body["heartbeat_id"])
        assert second.body["heartbeat_id"] not in {"", first.body["heartbeat_id"]}
        desk.pass_ms(9_999)
        assert len((await desk.alice.ask("GET", "/data/orders")).body["data"]) == 2
        desk.pass_ms(5_001)
        assert (await desk.alice.ask("GET", "/data/orders")).body["data"] == []
        ended = await desk.alice.ask("GET", f"/data/order/{mine[0]}")
        assert ended.body["status"] == "CANCELED"
        assert len((await desk.bob.ask("GET", "/data/orders")).body["data"]) == 1

    told(run)


def test_a_wrong_heartbeat_is_refused_with_the_expected_one_which_then_counts() -> None:
    async def run(desk: Desk) -> None:
        expected = (await beat(desk.alice, "")).body["heartbeat_id"]
        for wrong in ("", "nonsense"):
            refused = await beat(desk.alice, wrong)
            assert refused.status == 400
            assert refused.body == {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}
        assert (await beat(desk.alice, expected)).status == 200
        late = await beat(desk.bob, "of a session that is over")
        assert late.status == 400
        assert (await beat(desk.bob, late.body["heartbeat_id"])).status == 200

    told(run)


def test_who_never_sends_a_heartbeat_has_no_switch_and_a_refused_one_starts_none() -> None:
    async def run(desk: Desk) -> None:
        await resting(desk, desk.alice, "0.1")
        assert (await beat(desk.alice, "nonsense")).status == 400
        desk.pass_ms(60_000)
        assert len((await desk.alice.ask("GET", "/data/orders")).body["data"]) == 1

    told(run)


def test_heartbeat_ids_follow_from_the_seed() -> None:
    async def ids() -> list[str]:
        async with clob() as desk:
            return [(await beat(who, "")).body["heartbeat_id"] for who in (desk.alice, desk.bob)]

    first = asyncio.run(ids())
    assert first == asyncio.run(ids())
    assert len(set(first)) == 2
