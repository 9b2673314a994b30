"""Kalshi's WebSocket, heard by a client that knows only the venue's documentation."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest

from tests import aio
from tests.local_venue.kalshi.stand import COIN, GAME, OTHER, SECOND, Stand, by_hand, served
from tests.local_venue.kalshi.talker import WAIT_S, Ear, Rest, ear_of, rest_of, signed
from underround.local_venue.faults import Freeze, Lose, Skew
from underround.local_venue.kalshi.members import Credentials
from underround.model.ids import KALSHI, MarketId
from underround.model.market import uniform_ticks
from underround.model.units import usd

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


class Booth:
    """What a test talks through."""

    def __init__(self, stand: Stand, ann: Credentials, rest: Rest, ear: Ear) -> None:
        self.stand = stand
        self.ann = ann
        self.rest = rest
        self.ear = ear


def listen(work: Callable[[Booth], Awaitable[None]]) -> None:
    async def main() -> None:
        async with served(by_hand()) as stand:
            ann = stand.member("ann")
            async with rest_of(stand, ann) as rest, ear_of(stand, ann) as ear:
                await work(Booth(stand, ann, rest, ear))

    aio.run(main())


def messages(told: list[Any], kind: str) -> list[Any]:
    return [each["msg"] for each in told if each["type"] == kind]


# --- coming in -----------------------------------------------------------------------------------


def test_a_handshake_that_is_not_rightly_signed_is_answered_401_before_the_upgrade() -> None:
    async def main() -> None:
        async with served(by_hand()) as stand, aiohttp.ClientSession() as session:
            ann = stand.member("ann")
            path, at = "/trade-api/ws/v2", stand.clock.now() // 10**6
            for headers in (
                {},
                signed(ann, "GET", "/trade-api/v2", at),
                signed(ann, "GET", path, at - 10_001),
                signed(ann, "GET", path, at, key_id="nobody"),
            ):
                reply = await session.get(
                    stand.socket.replace("ws", "http") + path,
                    headers=headers | UPGRADE,
                )
                assert reply.status == 401
                assert await reply.json() == {"code": "token_authentication_failure"}
            stand.world.faults.set(Skew(ms=60_000), stand.clock.now())
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(stand.socket + path, headers=signed(ann, "GET", path, at))

    aio.run(main())


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_either_kind_of_key_opens_the_socket(kind: Any) -> None:
    async def main() -> None:
        async with (
            served(by_hand()) as stand,
            ear_of(stand, stand.member("ann", kind)) as ear,
        ):
            assert await ear.rest() == []

    aio.run(main())


def test_the_venue_pings_every_ten_seconds_even_when_it_sends_nothing_else() -> None:
    async def main() -> None:
        async with served(by_hand()) as stand:
            ann = stand.member("ann")
            path = "/trade-api/ws/v2"
            headers = signed(ann, "GET", path, stand.clock.now() // 10**6)
            async with aiohttp.ClientSession() as session:
                socket = await session.ws_connect(
                    stand.socket + path, headers=headers, autoping=False
                )
                await socket.send_str('{"id":1,"cmd":"list_subscriptions"}')
                assert (await socket.receive(WAIT_S)).type is aiohttp.WSMsgType.TEXT
                stand.world.faults.set(Freeze(stream="kalshi.ws"), stand.clock.now())
                for _ in range(2):
                    stand.wait(10)
                    ping = await socket.receive(WAIT_S)
                    assert (ping.type, bytes(ping.data)) == (aiohttp.WSMsgType.PING, b"heartbeat")
                await socket.close()

    aio.run(main())


# --- books ---------------------------------------------------------------------------------------


def test_a_book_is_stated_whole_and_then_by_changes_numbered_across_its_markets() -> None:
    async def work(booth: Booth) -> None:
        stand, ear = booth.stand, booth.ear
        stand.house("bid", 40, 5)
        stand.house("ask", 45, 2)
        told = await ear.subscribe(
            "orderbook_delta", market_tickers=[GAME, OTHER], use_yes_price=False
        )
        assert [each["type"] for each in told] == ["subscribed"] + ["orderbook_snapshot"] * 2
        assert "seq" not in told[0]
        assert told[0]["msg"] == {"channel": "orderbook_delta", "sid": 1}
        assert told[1]["msg"]["yes_dollars_fp"] == [["0.4000", "5.00"]]
        assert told[1]["msg"]["no_dollars_fp"] == [["0.5500", "2.00"]]
        assert set(told[2]["msg"]) == {"market_ticker", "market_id"}
        stand.house("bid", 41, 1.5)
        stand.house("ask", 60, 1, OTHER)
        stand.house("bid", 45, 1)
        stand.house("ask", 40, 4)
        deltas = messages(await ear.rest(), "orderbook_delta")
        assert [
            (each["market_ticker"], each["side"], each["price_dollars"], each["delta_fp"])
            for each in deltas
        ] == [
            (GAME, "yes", "0.4100", "1.50"),
            (OTHER, "no", "0.4000", "1.00"),
        ]

    listen(work)


def test_the_books_of_a_client_are_those_of_the_venue_after_anything() -> None:
    async def work(booth: Booth) -> None:
        stand, ear, rest = booth.stand, booth.ear, booth.rest
        await ear.subscribe("orderbook_delta", market_tickers=[GAME, COIN])
        for number in range(60):
            way = "bid" if number % 2 else "ask"
            stand.house(way, (number * 7) % 19 + (40 if way == "bid" else 44), number % 5 + 1)
            side = "ask" if number % 3 else "bid"
            await rest.place(
                GAME, side, f"{number % 7}.50", "0.50", time_in_force="immediate_or_cancel"
            )
            stand.house("bid", 5.1 + number / 10, 0.05, COIN)
        await ear.rest()
        for ticker in (GAME, COIN):
            told = (await rest.get(f"/markets/{ticker}/orderbook"))["orderbook_fp"]
            assert ear.books[ticker] == {
                side: {Decimal(price): Decimal(size) for price, size in told[f"{side}_dollars"]}
                for side in ("yes", "no")
            }
            assert sum(len(side) for side in ear.books[ticker].values()) > 3

    listen(work)


def test_no_levels_come_in_yes_prices_when_asked_for() -> None:
    async def work(booth: Booth) -> None:
        booth.stand.house("ask", 45, 2)
        told = await booth.ear.subscribe("orderbook_delta", market_ticker=GAME, use_yes_price=True)
        assert told[1]["msg"]["no_dollars_fp"] == [["0.4500", "2.00"]]
        booth.stand.house("ask", 47, 1)
        (delta,) = messages(await booth.ear.rest(), "orderbook_delta")
        assert (delta["side"], delta["price_dollars"]) == ("no", "0.4700")

    listen(work)


def test_only_the_member_who_moved_the_book_is_told_by_which_order() -> None:
    async def work(booth: Booth) -> None:
        bob = booth.stand.member("bob")
        async with ear_of(booth.stand, bob) as other:
            await other.subscribe("orderbook_delta", market_ticker=GAME)
            await booth.ear.subscribe("orderbook_delta", market_ticker=GAME)
            await booth.rest.place(GAME, "bid", "1", "0.40", client_order_id="mine")
            (mine,) = messages(await booth.ear.rest(), "orderbook_delta")
            (theirs,) = messages(await other.rest(), "orderbook_delta")
        assert (mine["client_order_id"], mine["subaccount"]) == ("mine", 0)
        assert set(mine) - set(theirs) == {"client_order_id", "subaccount"}

    listen(work)


def test_a_second_subscription_adds_markets_to_the_first_and_repeats_no_snapshot() -> None:
    async def work(booth: Booth) -> None:
        ear = booth.ear
        await ear.subscribe("orderbook_delta", market_ticker=GAME)
        told = await ear.subscribe("orderbook_delta", market_tickers=[GAME, OTHER])
        assert [(each["type"], each["seq"]) for each in told] == [
            ("ok", 2), ("orderbook_snapshot", 3),
        ]  # fmt: skip
        assert told[0]["msg"] == {"market_tickers": sorted([GAME, OTHER])}
        told = await ear.subscribe("orderbook_delta", market_ticker=GAME)
        assert [each["type"] for each in told] == ["ok"]

    listen(work)


def test_a_lost_number_is_repaired_by_asking_for_snapshots() -> None:
    async def work(booth: Booth) -> None:
        stand, ear = booth.stand, booth.ear
        await ear.subscribe("orderbook_delta", market_ticker=GAME)
        stand.world.faults.set(Lose(stream="kalshi.ws", count=1), stand.clock.now())
        stand.house("bid", 40, 1)
        stand.house("bid", 41, 1)
        with pytest.raises(AssertionError):
            await ear.next()
        ear._seq[1] = 3
        await ear.command("update_subscription", sids=[1], action="get_snapshot",
                          market_tickers=[GAME, OTHER])  # fmt: skip
        (told,) = await ear.rest()
        assert told["seq"] == 4
        assert told["msg"]["yes_dollars_fp"] == [["0.4000", "1.00"], ["0.4100", "1.00"]]

    listen(work)


def test_markets_come_and_go_and_a_dropped_subscription_is_silent() -> None:
    async def work(booth: Booth) -> None:
        stand, ear = booth.stand, booth.ear
        await ear.subscribe("orderbook_delta", market_ticker=GAME)
        await ear.command(
            "update_subscription", sid=1, action="add_markets", market_tickers=[OTHER]
        )
        assert [each["type"] for each in await ear.rest()] == ["ok", "orderbook_snapshot"]
        await ear.command("update_subscription", sid=1, action="delete_markets",
                          market_tickers=[GAME])  # fmt: skip
        (told,) = await ear.rest()
        assert told["msg"] == {"market_tickers": [OTHER]}
        stand.house("bid", 40, 1)
        stand.house("bid", 40, 1, OTHER)
        assert [
            each["market_ticker"] for each in messages(await ear.rest(), "orderbook_delta")
        ] == [OTHER]
        await ear.command("unsubscribe", sids=[1, 9])
        told, error = await ear.rest()
        assert (told["type"], told["sid"], told["seq"]) == ("unsubscribed", 1, 6)
        assert error["msg"]["code"] == 7
        stand.house("bid", 41, 1, OTHER)
        assert await ear.rest() == []
        told = (await ear.subscribe("orderbook_delta", market_ticker=GAME))[0]
        assert told["msg"]["sid"] == 2

    listen(work)


def test_a_market_nobody_knows_has_an_empty_book_without_an_id() -> None:
    async def work(booth: Booth) -> None:
        told = await booth.ear.subscribe("orderbook_delta", market_ticker="KXGONE-25-X")
        assert told[1]["msg"] == {"market_ticker": "KXGONE-25-X", "market_id": ""}

    listen(work)


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, code",
    [
        ("{", 1),
        ("[]", 1),
        ('{"id":9,"cmd":"subscribe","params":{"channels":"x"}}', 1),
        ('{"id":9,"cmd":"subscribe"}', 2),
        ('{"id":9,"cmd":"subscribe","params":{}}', 3),
        ('{"id":9,"cmd":"subscribe","params":{"channels":["nothing"]}}', 8),
        ('{"id":9,"cmd":"subscribe","params":{"channels":["orderbook_delta"]}}', 14),
        ('{"id":9,"cmd":"unsubscribe","params":{}}', 4),
        ('{"id":9,"cmd":"dance","params":{}}', 5),
        ('{"id":9,"cmd":"update_subscription","params":{"action":"add_markets"}}', 4),
        ('{"id":9,"cmd":"update_subscription","params":{"sids":[1,2]}}', 12),
        ('{"id":9,"cmd":"update_subscription","params":{"sids":[]}}', 12),
        ('{"id":9,"cmd":"update_subscription","params":{"sids":[5]}}', 7),
        ('{"id":9,"cmd":"update_subscription","params":{"sid":1}}', 15),
        ('{"id":9,"cmd":"update_subscription","params":{"sid":1,"action":"x"}}', 13),
        ('{"id":9,"cmd":"update_subscription","params":{"sid":1,"action":"add_markets"}}', 14),
        (
            '{"id":9,"cmd":"update_subscription","params":{"sid":2,"action":"subscribe_indices"}}',
            24,
        ),
        ('{"id":9,"cmd":"update_subscription","params":{"sid":2,"action":"add_markets"}}', 13),
    ],
)
def test_what_cannot_be_done_is_answered_with_the_venues_number(text: str, code: int) -> None:
    async def work(booth: Booth) -> None:
        await booth.ear.subscribe("orderbook_delta", market_ticker=GAME)
        await booth.ear.subscribe("cfbenchmarks_value")
        await booth.ear.say(text)
        (told,) = await booth.ear.rest()
        assert (told["type"], told["msg"]["code"]) == ("error", code)
        assert told.get("id") == (9 if '"id":9' in text and code != 1 else None)

    listen(work)


# --- prices and trades ---------------------------------------------------------------------------


def test_tickers_and_trades_of_all_markets_or_of_some() -> None:
    async def work(booth: Booth) -> None:
        stand, ear = booth.stand, booth.ear
        told = await ear.subscribe("ticker", market_tickers=[GAME], send_initial_snapshot=True)
        (first,) = messages(told, "ticker")
        assert (first["yes_bid_dollars"], first["yes_ask_dollars"]) == ("0.0000", "1.0000")
        await ear.subscribe("trade")
        stand.house("ask", 50, 5)
        await booth.rest.place(GAME, "bid", "2", "0.50")
        await booth.rest.place(OTHER, "bid", "2", "0.50")
        told = await ear.rest()
        last = messages(told, "ticker")[-1]
        assert last["yes_ask_size_fp"] == "3.00"
        assert last["price_dollars"] == "0.5000"
        assert (last["volume_fp"], last["dollar_volume"], last["dollar_open_interest"]) == (
            "2.00", 1, 1,
        )  # fmt: skip
        (trade,) = (each for each in told if each["type"] == "trade")
        assert trade["seq"] == 1
        assert trade["msg"]["taker_outcome_side"] == "yes"
        assert trade["msg"]["count_fp"] == "2.00"
        assert all("seq" not in each for each in told if each["type"] == "ticker")

    listen(work)


# --- private channels ----------------------------------------------------------------------------


def test_a_member_hears_of_his_orders_fills_and_positions_and_of_nobody_elses() -> None:
    async def work(booth: Booth) -> None:
        stand, ear = booth.stand, booth.ear
        await ear.subscribe("fill", "user_orders", "market_positions")
        bob = stand.member("bob")
        async with rest_of(stand, bob) as theirs:
            await theirs.place(GAME, "ask", "3", "0.50")
            placed = await booth.rest.place(GAME, "bid", "5", "0.50", client_order_id="mine")
            assert await ear.rest() != []
            await theirs.place(GAME, "ask", "1", "0.50")
            told = await ear.rest()
        (order,) = messages(told, "user_order")
        assert (order["order_id"], order["client_order_id"]) == (placed["order_id"], "mine")
        assert (order["status"], order["fill_count_fp"], order["remaining_count_fp"]) == (
            "resting", "4.00", "1.00",
        )  # fmt: skip
        (fill,) = messages(told, "fill")
        assert (fill["is_taker"], fill["post_position_fp"], fill["fee_cost"]) == (
            False, "4.00", "0.004400",
        )  # fmt: skip
        (position,) = messages(told, "market_position")
        assert (position["position_fp"], position["position_cost_dollars"]) == ("4.00", "2.000000")
        await booth.rest.ask("DELETE", f"/portfolio/events/orders/{placed['order_id']}")
        (order,) = messages(await ear.rest(), "user_order")
        assert (order["status"], order["last_update_reason"]) == ("canceled", "canceled")

    listen(work)


def test_an_order_that_is_filled_at_once_is_told_once_as_it_ended() -> None:
    async def work(booth: Booth) -> None:
        await booth.ear.subscribe("user_orders")
        booth.stand.house("ask", 50, 5)
        await booth.rest.place(GAME, "bid", "5", "0.50")
        (order,) = messages(await booth.ear.rest(), "user_order")
        assert (order["status"], order["fill_count_fp"]) == ("executed", "5.00")

    listen(work)


def test_a_key_for_one_subaccount_hears_of_that_one_only() -> None:
    async def work(booth: Booth) -> None:
        stand = booth.stand
        ann = stand.member("ann").member
        await booth.rest.ask("POST", "/portfolio/subaccounts")
        stand.world.kalshi.money.deposit(ann, usd("10"), subaccount=1)
        made = await booth.rest.ask(
            "POST", "/api_keys/generate", {"subaccount": 1, "key_type": "ed25519"}
        )
        locked = Credentials(
            member=ann,
            name="locked",
            key_id=made.body["api_key_id"],
            kind="ed25519",
            private_key=made.body["private_key"],
        )
        async with ear_of(stand, locked) as ear:
            await ear.subscribe("user_orders")
            await booth.rest.place(GAME, "bid", "1", "0.40")
            await booth.rest.place(GAME, "bid", "2", "0.40", subaccount=1)
            (order,) = messages(await ear.rest(), "user_order")
            assert (order["subaccount_number"], order["initial_count_fp"]) == (1, "2.00")

    listen(work)


def test_nobody_hears_of_anothers_order_groups() -> None:
    async def work(booth: Booth) -> None:
        async with ear_of(booth.stand, booth.stand.member("bob")) as ear:
            await ear.subscribe("order_group_updates")
            path = "/portfolio/order_groups/create"
            assert (await booth.rest.ask("POST", path, {"contracts_limit": 5})).status == 201
            assert await ear.rest() == []

    listen(work)


def test_order_groups_are_told_to_their_member() -> None:
    async def work(booth: Booth) -> None:
        await booth.ear.subscribe("order_group_updates")
        made = await booth.rest.ask(
            "POST", "/portfolio/order_groups/create", {"contracts_limit": 5}
        )
        path = f"/portfolio/order_groups/{made.body['order_group_id']}"
        await booth.rest.ask("PUT", f"{path}/limit", {"contracts_limit_fp": "150.00"})
        await booth.rest.ask("PUT", f"{path}/trigger", {})
        told = await booth.ear.rest()
        assert [each["seq"] for each in told] == [1, 2, 3]
        assert [each["msg"]["event_type"] for each in told] == [
            "created", "limit_updated", "triggered",
        ]  # fmt: skip
        assert told[1]["msg"]["contracts_limit_fp"] == "150.00"

    listen(work)


# --- the life of markets, indices ----------------------------------------------------------------


def test_the_life_of_a_market_is_told_from_its_listing_to_its_payout() -> None:
    async def work(booth: Booth) -> None:
        stand, ear = booth.stand, booth.ear
        await ear.subscribe("market_lifecycle_v2")
        world, game = stand.world, MarketId(KALSHI, GAME)
        old = world.catalogue.markets[game].listing
        event = world.catalogue.add_event("KXNEW-26", "Something new", series="KXNEW")
        fresh = MarketId(KALSHI, "KXNEW-26-A")
        market = msgspec.structs.replace(old.market, id=fresh, tokens=("n:yes", "n:no"), group=None)
        listing = msgspec.structs.replace(old, market=market, slug="KXNEW-26-A", series="KXNEW")
        world.list_market(event, listing, stand.clock.now())
        world.kalshi.halt(game, stand.clock.now())
        world.kalshi.proceed(game, stand.clock.now())
        world.kalshi.change_ticks(game, uniform_ticks("0.001"), stand.clock.now())
        world.change(game, stand.clock.now(), rules="Other rules.")
        world.change(game, stand.clock.now(), volume=5)
        stand.end(GAME, "0")
        stand.wait(6)
        told = [each["msg"] for each in await ear.rest()]
        assert [each.get("event_type") for each in told] == [
            None, "created", "deactivated", "activated", "price_level_structure_updated",
            "metadata_updated", "close_date_updated", "determined", "settled",
        ]  # fmt: skip
        assert told[0]["event_ticker"] == "KXNEW-26"
        assert told[1]["additional_metadata"]["event_ticker"] == "KXNEW-26"
        assert told[4]["price_ranges"] == [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
        second = stand.clock.now() // SECOND
        assert told[7] == {
            "market_ticker": GAME, "determination_ts": second - 6, "result": "no",
            "settlement_value": "0.0000", "event_type": "determined",
        }  # fmt: skip
        assert told[8] == {"market_ticker": GAME, "settled_ts": second, "event_type": "settled"}

    listen(work)


def test_an_index_comes_every_second_with_its_averages() -> None:
    async def work(booth: Booth) -> None:
        stand, ear = booth.stand, booth.ear
        start = stand.clock.now()
        quarter = (start // (900 * SECOND) + 2) * 900 * SECOND
        stand.wait((quarter - start) / SECOND - 120)
        for second in range(121):
            price = usd("64000") + second * usd("1")
            stand.world.prices.tell("btc/usd", price, quarter - (120 - second) * SECOND)
        stand.world.prices.tell("eth/usd", usd("3000"), stand.clock.now())
        await ear.subscribe("cfbenchmarks_value", index_ids=["BRTI"])
        await ear.command("update_subscription", sid=1, action="indexlist")
        (told,) = await ear.rest()
        assert told["type"] == "cfbenchmarks_value_indexlist"
        assert told["msg"] == {"index_ids": ["BRTI", "ETHUSD_RTI"]}
        stand.wait(62)
        told = await ear.rest()
        assert [each["seq"] for each in told] == list(range(2, 64))
        assert "last_60s_windowed_average_15min" not in told[59]["msg"]
        last = told[-1]["msg"]
        assert json.loads(last["data"]) == {
            "type": "value", "time": quarter // 10**6 - 58_000, "id": "BRTI", "value": "64062.00",
        }  # fmt: skip
        assert last["avg_60s_data"] == {
            "value": "64031.50000000", "window_size": 60,
            "window_start_ts_ms": quarter // 10**6 - 118_000,
            "window_end_ts_exclusive": quarter // 10**6 - 58_000,
        }  # fmt: skip
        assert last["last_60s_windowed_average_15min"]["window_size"] == 2
        assert last["last_60s_windowed_average_15min"]["value"] == "64061.50000000"
        await ear.command("update_subscription", sid=1, action="unsubscribe_indices",
                          index_ids=["BRTI"])  # fmt: skip
        await ear.rest()
        stand.wait(3)
        assert await ear.rest() == []
        await ear.command("update_subscription", sid=1, action="subscribe_indices",
                          index_ids=["all"])  # fmt: skip
        await ear.rest()
        stand.wait(1)
        assert [each["msg"]["index_id"] for each in await ear.rest()] == ["BRTI", "ETHUSD_RTI"]

    listen(work)


def test_the_same_seed_and_the_same_orders_give_the_same_frames() -> None:
    frames: list[list[Any]] = []

    async def work(booth: Booth) -> None:
        await booth.ear.subscribe("orderbook_delta", "trade", "ticker", market_ticker=GAME)
        booth.stand.house("ask", 50, 5)
        booth.stand.house("bid", 40, 5)
        await booth.rest.place(GAME, "bid", "2", "0.50")
        frames.append(await booth.ear.rest())

    listen(work)
    listen(work)
    assert len(frames[0]) > 5
    assert frames[0] == frames[1]
