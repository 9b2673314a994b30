"""Kalshi's REST server, asked by a client that knows only the venue's documentation."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests import aio
from tests.local_venue.kalshi.stand import COIN, EVENT, GAME, OTHER, Stand, by_hand, served
from tests.local_venue.kalshi.talker import Rest, rest_of
from underround.local_venue.faults import Answer, ClosedOnly, Skew, Stale, Swallow
from underround.local_venue.kalshi.members import Credentials
from underround.model.units import usd

T = TypeVar("T")
ORDERS = "/portfolio/events/orders"


def talk(
    work: Callable[[Rest, Stand], Awaitable[T]],
    *,
    kind: Any = "ed25519",
    tier: str = "prime",
    nobody: bool = False,
) -> T:
    """Return what ``work`` returns, done by Ann at a stand of her own."""

    async def main() -> T:
        async with served(by_hand()) as stand:
            ann = stand.member("ann", kind, tier)
            async with rest_of(stand, None if nobody else ann) as rest:
                return await work(rest, stand)

    return aio.run(main())


def order(**more: Any) -> dict[str, Any]:
    return {
        "ticker": GAME,
        "side": "bid",
        "count": "10.00",
        "price": "0.5600",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    } | more


# --- who is let in -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_request_signed_by_either_kind_of_key_is_let_in(kind: str) -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        body = await rest.get("/portfolio/balance?subaccount=0")
        assert body["balance"] == 200_000
        assert body["balance_dollars"] == "2000.0000"
        assert body["balance_breakdown"] == [
            {"exchange_index": 0, "balance": "1000.0000"},
            {"exchange_index": 2, "balance": "1000.0000"},
        ]

    talk(work, kind=kind)


def test_a_request_that_is_not_rightly_signed_is_turned_away() -> None:
    async def work(rest: Rest, stand: Stand) -> list[tuple[int, str, str]]:
        at = stand.clock.now() // 10**6
        bob = stand.member("bob")
        told = []
        for more in (
            {"headers": {"KALSHI-ACCESS-SIGNATURE": "AAAA"}},
            {"headers": {"KALSHI-ACCESS-SIGNATURE": "no base64!"}},
            {"headers": {"KALSHI-ACCESS-KEY": bob.key_id}},
            {"headers": {"KALSHI-ACCESS-KEY": "nobody"}},
            {"headers": {"KALSHI-ACCESS-KEY": ""}},
            {"headers": {"KALSHI-ACCESS-TIMESTAMP": str(at + 1)}},
            {"headers": {"KALSHI-ACCESS-TIMESTAMP": str(at // 1000)}},
            {"at_ms": at - 10_001},
            {"at_ms": at + 10_001},
        ):
            reply = await rest.ask("GET", "/portfolio/balance", **more)
            told.append((reply.status, reply.code, reply.body["error"]["details"]))
        assert (await rest.ask("GET", "/portfolio/balance", at_ms=at - 10_000)).status == 200
        return told

    assert talk(work) == [
        (401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
        (401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
        (401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
        (401, "authentication_error", "NOT_FOUND"),
        (401, "authentication_error", "missing authentication headers"),
        (401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
        (401, "authentication_error", "INVALID_TIMESTAMP"),
        (401, "header_timestamp_expired", "timestamp is too far from the present"),
        (401, "header_timestamp_expired", "timestamp is too far from the present"),
    ]


def test_a_signature_with_another_length_of_salt_is_no_signature() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        ann, at = stand.member("ann", "rsa"), stand.clock.now() // 10**6
        key = load_pem_private_key(ann.private_key.encode(), None)
        assert isinstance(key, RSAPrivateKey)
        text = f"{at}GET/trade-api/v2/portfolio/balance".encode()
        for salt, status in ((32, 200), (20, 401), (PSS.MAX_LENGTH, 401)):
            made = key.sign(text, PSS(MGF1(SHA256()), salt), SHA256())
            told = {"KALSHI-ACCESS-SIGNATURE": b64encode(made).decode()}
            reply = await rest.ask("GET", "/portfolio/balance", headers=told)
            assert reply.status == status

    talk(work, kind="rsa")


def test_a_venue_with_a_wrong_clock_refuses_what_is_rightly_signed() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.world.faults.set(Skew(ms=15_000, count=None), stand.clock.now())
        reply = await rest.ask("GET", "/portfolio/balance")
        assert (reply.status, reply.code) == (401, "header_timestamp_expired")
        at = stand.clock.now() // 10**6
        assert (await rest.ask("GET", "/portfolio/balance", at_ms=at + 15_000)).status == 200

    talk(work)


def test_a_venue_whose_clock_is_not_its_clients_takes_any_time() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.desk.window_ms = None
        at = stand.clock.now() // 10**6
        for off in (-86_400_000, 0, 86_400_000):
            assert (await rest.ask("GET", "/portfolio/balance", at_ms=at + off)).status == 200

    talk(work)


def test_everybody_may_look_at_the_market_and_nobody_at_a_portfolio() -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        assert (await rest.get(f"/markets/{GAME}"))["market"]["ticker"] == GAME
        reply = await rest.ask("GET", "/portfolio/balance")
        assert (reply.status, reply.code) == (401, "authentication_error")

    talk(work, nobody=True)


def test_a_key_that_may_read_only_writes_nothing() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        made = await rest.ask(
            "POST", "/api_keys/generate", {"scopes": ["read"], "key_type": "ed25519"}
        )
        reader = Credentials(
            member=stand.member("ann").member,
            name="reader",
            key_id=made.body["api_key_id"],
            kind="ed25519",
            private_key=made.body["private_key"],
        )
        async with rest_of(stand, reader) as other:
            assert (await other.get("/portfolio/orders"))["orders"] == []
            reply = await other.ask("POST", ORDERS, order())
            assert (reply.status, reply.code) == (403, "forbidden")

    talk(work)


def test_a_key_for_one_subaccount_sees_and_moves_nothing_else() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        number = (await rest.ask("POST", "/portfolio/subaccounts")).body["subaccount_number"]
        assert number == 1
        moved = {
            "client_transfer_id": "t1",
            "from_subaccount": 0,
            "to_subaccount": 1,
            "amount_cents": 1_000,
        }
        assert (await rest.ask("POST", "/portfolio/subaccounts/transfer", moved)).status == 200
        again = await rest.ask("POST", "/portfolio/subaccounts/transfer", moved)
        assert (again.status, again.code) == (409, "transfer_already_exists")
        made = await rest.ask(
            "POST", "/api_keys/generate", {"name": "s", "subaccount": 1, "key_type": "ed25519"}
        )
        locked = Credentials(
            member=stand.member("ann").member,
            name="locked",
            key_id=made.body["api_key_id"],
            kind="ed25519",
            private_key=made.body["private_key"],
        )
        async with rest_of(stand, locked) as other:
            assert (await other.get("/portfolio/balance"))["balance"] == 1_000
            reply = await other.ask("GET", "/portfolio/balance?subaccount=0")
            assert (reply.status, reply.code) == (403, "forbidden")
            placed = await other.place(GAME, "bid", "1", "0.50")
            assert (await other.get("/portfolio/orders"))["orders"][0]["subaccount_number"] == 1
        orders = (await rest.get("/portfolio/orders"))["orders"]
        assert [each["order_id"] for each in orders] == [placed["order_id"]]
        assert (await rest.get("/portfolio/orders?subaccount=0"))["orders"] == []

    talk(work)


# --- what is said to bad requests ----------------------------------------------------------------


@pytest.mark.parametrize(
    "body, status, code",
    [
        (order(ticker=""), 400, "missing_parameters"),
        (order(price=None), 400, "invalid_order"),
        (order(time_in_force=None), 400, "missing_parameters"),
        (order(self_trade_prevention_type=None), 400, "missing_parameters"),
        (order(ticker="KXNOTHING-26-X"), 404, "not_found"),
        (order(price="0.5650"), 400, "invalid_price"),
        (order(price="1.0000"), 400, "invalid_price"),
        (order(price="5e-1"), 400, "invalid_price"),
        (order(count="0.001"), 400, "invalid_order"),
        (order(count="-1"), 400, "invalid_order"),
        (order(count="99999"), 400, "insufficient_balance"),
        (order(post_only=True, time_in_force="fill_or_kill"), 400, "invalid_order"),
        (order(reduce_only=True), 400, "invalid_order"),
        (order(expiration_time=1_789_999_999), 400, "invalid_order"),
        (order(order_group_id="none"), 404, "not_found"),
        (order(exchange_index=3), 404, "not_found"),
        (order(subaccount=5), 403, "forbidden"),
    ],
)
def test_an_order_that_cannot_be_is_refused_in_the_live_nested_form(
    body: dict[str, Any], status: int, code: str
) -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        told = {name: value for name, value in body.items() if value is not None}
        reply = await rest.ask("POST", ORDERS, told)
        assert (reply.status, reply.code) == (status, code)
        assert set(reply.body) == {"error"}
        assert (await rest.get("/portfolio/balance"))["balance"] == 200_000

    talk(work)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"count":10}', b'{"side":"buy"}', b"\xff"])
def test_a_body_that_cannot_be_read_is_refused_without_being_nested(raw: bytes) -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        reply = await rest.ask("POST", ORDERS, raw=raw)
        assert reply.status == 400
        assert set(reply.body) == {"code", "message", "details"}
        assert reply.body["code"] == "bad_request"

    talk(work)


def test_the_older_order_writes_are_gone_and_unknown_paths_were_never_there() -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        for method, path in (
            ("POST", "/portfolio/orders"),
            ("DELETE", "/portfolio/orders/x"),
            ("POST", "/portfolio/orders/batched"),
            ("POST", "/portfolio/orders/x/amend"),
        ):
            reply = await rest.ask(method, path, {})
            assert (reply.status, reply.code) == (410, "deprecated_v1_order_endpoint")
        reply = await rest.ask("GET", "/portfolio/nothing")
        assert (reply.status, reply.code) == (404, "not_found")

    talk(work)


def test_questions_that_make_no_sense_are_refused() -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        for path in (
            "/markets?status=finalized",
            "/markets?limit=0",
            "/markets?limit=1001",
            "/markets?limit=x",
            "/markets?cursor=%21",
            "/markets?min_close_ts=1&min_created_ts=1",
            f"/markets/{GAME}/orderbook?depth=101",
            "/markets/orderbooks",
            f"/markets/candlesticks?market_tickers={GAME}",
            f"/markets/candlesticks?market_tickers={GAME}&start_ts=1&end_ts=2&period_interval=5",
            "/portfolio/orders?status=open",
            "/portfolio/positions?settlement_status=gone",
        ):
            reply = await rest.ask("GET", path)
            assert (reply.status, reply.code) == (400, "bad_request"), path

    talk(work)


# --- the catalogue -------------------------------------------------------------------------------


def test_the_catalogue_is_the_same_seen_from_series_events_and_markets() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        series = (await rest.get("/series"))["series"]
        assert [each["ticker"] for each in series] == ["KXNCAAFGAME", "KXBTC15M"]
        assert [each["fee_type"] for each in series] == ["quadratic_with_maker_fees", "quadratic"]
        assert [
            each["ticker"] for each in (await rest.get("/series?category=Crypto"))["series"]
        ] == ["KXBTC15M"]
        events = (await rest.get("/events?with_nested_markets=true"))["events"]
        assert [len(each["markets"]) for each in events] == [2, 1]
        for event in events:
            for market in event["markets"]:
                assert (await rest.get(f"/markets/{market['ticker']}"))["market"] == market
        found = (await rest.get(f"/markets?tickers={GAME},{COIN}"))["markets"]
        assert [each["ticker"] for each in found] == [GAME, COIN]
        assert (await rest.get("/markets?status=closed,settled"))["markets"] == []
        assert (await rest.get("/markets?mve_filter=only"))["markets"] == []
        coin = found[1]
        assert coin["floor_strike"] == 64123.45
        assert coin["price_level_structure"] == "tapered_deci_cent"
        assert coin["exchange_index"] == 2
        stand.wait(1000)
        closed = (await rest.get("/markets?status=closed"))["markets"]
        assert [(each["ticker"], each["status"]) for each in closed] == [(COIN, "closed")]
        stand.end(COIN, "0")
        assert (await rest.get(f"/markets/{COIN}"))["market"]["status"] == "determined"
        stand.wait(6)
        paid = (await rest.get("/markets?status=settled"))["markets"][0]
        assert (paid["result"], paid["settlement_value_dollars"]) == ("no", "0.0000")

    talk(work)


def test_a_page_ends_where_the_next_one_begins() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        for number in range(5):
            stand.house("ask", 50, 1)
            await rest.place(GAME, "bid", "1", "0.50", client_order_id=f"o{number}")
        for path, name in (
            ("/portfolio/orders", "orders"),
            ("/portfolio/fills", "fills"),
            ("/markets/trades", "trades"),
        ):
            seen: list[str] = []
            cursor = ""
            while True:
                body = await rest.get(f"{path}?limit=2&cursor={cursor}")
                seen += [str(row) for row in body[name]]
                cursor = body["cursor"]
                if not cursor:
                    break
            assert len(seen) == len(set(seen)) == 5

    talk(work)


def test_books_hold_bids_of_both_legs_with_the_best_one_last() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        for way, cents, contracts in (
            ("bid", 40, 5), ("bid", 42, 1.5), ("ask", 45, 2), ("ask", 50, 3), ("bid", 40, 1),
        ):  # fmt: skip
            stand.house(way, cents, contracts)
        whole = {
            "yes_dollars": [["0.4000", "6.00"], ["0.4200", "1.50"]],
            "no_dollars": [["0.5000", "3.00"], ["0.5500", "2.00"]],
        }
        assert (await rest.get(f"/markets/{GAME}/orderbook"))["orderbook_fp"] == whole
        cut = (await rest.get(f"/markets/{GAME}/orderbook?depth=1"))["orderbook_fp"]
        assert cut == {"yes_dollars": [["0.4200", "1.50"]], "no_dollars": [["0.5500", "2.00"]]}
        both = (await rest.get(f"/markets/orderbooks?tickers={GAME}&tickers={OTHER}"))["orderbooks"]
        assert [each["ticker"] for each in both] == [GAME, OTHER]
        assert both[0]["orderbook_fp"] == whole
        comma = (await rest.get(f"/markets/orderbooks?tickers={GAME},{OTHER}"))["orderbooks"]
        assert len(comma) == 1
        market = (await rest.get(f"/markets/{GAME}"))["market"]
        assert (market["yes_bid_dollars"], market["yes_ask_dollars"]) == ("0.4200", "0.4500")
        assert (market["no_bid_dollars"], market["no_ask_dollars"]) == ("0.5500", "0.5800")
        assert (market["yes_bid_size_fp"], market["yes_ask_size_fp"]) == ("1.50", "2.00")

    talk(work)


def test_candles_tell_the_course_of_trades_and_quotes_and_leave_quiet_minutes_out() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        start = stand.clock.now() // 10**9
        stand.house("ask", 50, 5)
        await rest.place(GAME, "bid", "2", "0.50")
        stand.house("ask", 48, 1)
        await rest.place(GAME, "bid", "1", "0.48")
        stand.wait(180)
        await rest.place(GAME, "bid", "1", "0.45")
        path = f"/series/KXNCAAFGAME/markets/{GAME}/candlesticks"
        told = await rest.get(f"{path}?start_ts={start}&end_ts={start + 600}&period_interval=1")
        first, second = told["candlesticks"]
        assert first["price"] == {
            "open_dollars": "0.5000", "high_dollars": "0.5000", "low_dollars": "0.4800",
            "close_dollars": "0.4800", "mean_dollars": "0.4933",
        }  # fmt: skip
        assert first["volume_fp"] == "3.00"
        assert first["open_interest_fp"] == "3.00"
        assert second["end_period_ts"] - first["end_period_ts"] == 180
        assert second["price"] == {"previous_dollars": "0.4800"}
        assert second["yes_bid"]["close_dollars"] == "0.4500"
        assert second["yes_ask"]["open_dollars"] == "0.5000"
        hour = await rest.get(
            f"/markets/candlesticks?market_tickers={GAME}&start_ts={start}&end_ts={start + 7200}"
            "&period_interval=60"
        )
        assert hour["markets"][0]["candlesticks"][0]["volume_fp"] == "3.00"

    talk(work)


# --- writes --------------------------------------------------------------------------------------


def test_an_order_is_acknowledged_flat_with_what_it_got() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.house("ask", 50, 3)
        stand.house("ask", 53, 3)
        told = await rest.place(GAME, "bid", "5", "0.56", client_order_id="mine")
        assert told == {
            "order_id": told["order_id"],
            "client_order_id": "mine",
            "ts_ms": stand.clock.now() // 10**6,
            "fill_count": "5.00",
            "remaining_count": "0.00",
            "average_fill_price": "0.5120",
            "average_fee_paid": "0.0175",
        }
        rested = await rest.place(GAME, "bid", "1", "0.10", expiration_time=1_790_000_060)
        assert "average_fill_price" not in rested
        assert "client_order_id" not in rested
        path = f"/portfolio/orders/{rested['order_id']}"
        assert (await rest.get(path))["order"]["expiration_time"] == "2026-09-21T14:14:20Z"
        assert (await rest.get(f"{path}/queue_position"))["queue_position_fp"] == "0.00"
        stand.wait(60)
        gone = (await rest.get(path))["order"]
        assert (gone["status"], gone["remaining_count_fp"]) == ("canceled", "0.00")

    talk(work)


def test_a_sale_is_acknowledged_at_the_average_price_of_yes() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.house("bid", 60, 3)
        told = await rest.place(GAME, "ask", "3", "0.56")
        assert (told["fill_count"], told["average_fill_price"]) == ("3.00", "0.6000")

    talk(work)


def test_the_rows_of_a_batch_fail_one_by_one() -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        rows = [order(), order(price="0.5650", client_order_id="off"), order(price="0.5500")]
        reply = await rest.ask("POST", f"{ORDERS}/batched", {"orders": rows})
        good, bad, other = reply.body["orders"]
        assert reply.status == 201
        assert (bad["error"]["code"], bad["client_order_id"]) == ("invalid_price", "off")
        known = {each["order_id"] for each in (await rest.get("/portfolio/orders"))["orders"]}
        assert known == {good["order_id"], other["order_id"]}

    talk(work)


def test_the_balance_is_what_open_orders_leave() -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        await rest.place(COIN, "bid", "10", "0.50", exchange_index=2)
        body = await rest.get("/portfolio/balance")
        assert (body["balance"], body["balance_dollars"]) == (199_500, "1995.0000")

    talk(work)


def test_naming_no_shard_and_no_market_looks_on_shard_nought_only() -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        told = await rest.place(COIN, "bid", "1", "0.50", exchange_index=-1)
        path = f"{ORDERS}/{told['order_id']}"
        assert (await rest.ask("DELETE", path)).status == 404
        assert (await rest.ask("DELETE", f"{path}?exchange_index=1")).status == 404
        assert (await rest.ask("DELETE", f"{path}?market_ticker={GAME}")).status == 404
        reply = await rest.ask("DELETE", f"{path}?exchange_index=-1&market_ticker={COIN}")
        assert (reply.status, reply.body["reduced_by"]) == (200, "1.00")

    talk(work)


def test_money_has_to_be_on_the_shard_of_the_market() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        transfer = {
            "source": "event_contract", "destination": "event_contract", "amount": 9_950_000,
            "source_exchange_shard": 2, "destination_exchange_shard": 0, "client_transfer_id": "t",
        }  # fmt: skip
        between = "/portfolio/intra_exchange_instance_transfer"
        assert (await rest.ask("POST", between, transfer)).status == 200
        again = await rest.ask("POST", between, transfer)
        assert (again.status, again.code) == (409, "transfer_already_exists")
        reply = await rest.ask("POST", ORDERS, order(ticker=COIN, count="20"))
        assert (reply.status, reply.code) == (400, "insufficient_balance")
        shares = [{"exchange_index": 2, "percent": 50}, {"exchange_index": 0, "percent": 50}]
        target = "/portfolio/target_balance_allocation"
        assert (await rest.ask("POST", target, {"allocations": shares})).status == 200
        stand.wait(10)
        assert stand.cash(stand.member("ann"), 2) == usd("1000")
        assert (await rest.get(target))["allocations"] == shares
        shares[0]["percent"] = 60
        reply = await rest.ask("POST", target, {"allocations": shares})
        assert (reply.status, reply.code) == (400, "invalid_parameters")
        assert len((await rest.get(f"{between}s"))["transfers"]) == 1

    talk(work)


def test_positions_fills_and_settlements_agree_with_the_money() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.house("bid", 48, 10)
        await rest.place(GAME, "ask", "4", "0.48")
        told = await rest.get(f"/portfolio/positions?event_ticker={EVENT}&count_filter=position")
        assert told["market_positions"] == [
            {
                "ticker": GAME,
                "exchange_index": 0,
                "position_fp": "-4.00",
                "market_exposure_dollars": "2.080000",
                "total_traded_dollars": "2.080000",
                "realized_pnl_dollars": "0.000000",
                "fees_paid_dollars": "0.069900",
                "last_updated_ts": "2026-09-21T14:13:20Z",
            }
        ]
        assert told["event_positions"] == [
            {
                "event_ticker": EVENT,
                "total_cost_dollars": "2.080000",
                "total_cost_shares_fp": "4.00",
                "event_exposure_dollars": "2.080000",
                "realized_pnl_dollars": "0.000000",
                "fees_paid_dollars": "0.069900",
            }
        ]
        assert (await rest.get("/portfolio/balance"))["portfolio_value"] == 208
        stand.end(GAME, "0.25")
        stand.wait(6)
        assert (await rest.get("/portfolio/positions"))["market_positions"] == []
        settled = await rest.get("/portfolio/positions?settlement_status=settled")
        assert settled["market_positions"][0]["realized_pnl_dollars"] == "0.920000"
        paid = (await rest.get(f"/portfolio/settlements?ticker={GAME}"))["settlements"]
        assert paid == [
            {
                "ticker": GAME, "event_ticker": EVENT, "exchange_index": 0,
                "market_result": "scalar", "yes_count_fp": "0.00",
                "yes_total_cost_dollars": "0.000000", "no_count_fp": "4.00",
                "no_total_cost_dollars": "2.080000", "revenue": 300, "value": 25,
                "fee_cost": "0.069900", "settled_time": "2026-09-21T14:13:26Z",
            }
        ]  # fmt: skip
        assert stand.cash(stand.member("ann")) == usd("1000.8501")

    talk(work)


# --- limits --------------------------------------------------------------------------------------


def test_a_basic_member_places_ten_orders_a_second_and_a_larger_batch_is_refused_whole() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        rows = [order(count="1", price="0.10") for _ in range(11)]
        reply = await rest.ask("POST", f"{ORDERS}/batched", {"orders": rows})
        assert (reply.status, reply.code) == (429, "too_many_requests")
        assert (await rest.get("/portfolio/orders"))["orders"] == []
        reply = await rest.ask("POST", f"{ORDERS}/batched", {"orders": rows[:10]})
        assert reply.status == 201
        ids = [{"order_id": row["order_id"]} for row in reply.body["orders"]]
        reply = await rest.ask("POST", ORDERS, rows[0])
        assert (reply.status, reply.code) == (429, "too_many_requests")
        assert "Retry-After" not in reply.headers
        stand.wait(0.1)
        assert (await rest.ask("POST", ORDERS, rows[0])).status == 201
        stand.wait(0.2)
        assert (await rest.ask("DELETE", f"{ORDERS}/batched", {"orders": ids})).status == 200
        # A write that names a shard spends from that shard's own bucket.
        told = order(ticker=COIN, count="1", price="0.10", exchange_index=2)
        assert (await rest.ask("POST", ORDERS, told)).status == 201
        assert (await rest.ask("POST", ORDERS, told | {"exchange_index": -1})).status == 429

    talk(work, tier="basic")


def test_reads_have_a_bucket_of_their_own_and_an_upgrade_is_free() -> None:
    async def work(rest: Rest, _stand: Stand) -> None:
        assert (await rest.get("/account/limits"))["read"] == {
            "bucket_capacity": 400, "refill_rate": 200,
        }  # fmt: skip
        statuses = [(await rest.ask("GET", "/account/limits")).status for _ in range(40)]
        assert statuses == [200] * 39 + [429]
        assert (await rest.ask("POST", "/account/api_usage_level/upgrade")).status == 200
        costs = await rest.ask("GET", "/account/endpoint_costs")
        assert costs.status == 429

    talk(work, tier="basic")


# --- faults --------------------------------------------------------------------------------------


def test_a_fault_answers_in_the_venues_own_form() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        fault = Answer(host="kalshi", status=503, path="/trade-api/v2/portfolio", count=1)
        stand.world.faults.set(fault, stand.clock.now())
        assert (await rest.get(f"/markets/{GAME}"))["market"]["ticker"] == GAME
        reply = await rest.ask("POST", ORDERS, order())
        assert (reply.status, reply.code) == (503, "service_unavailable")
        assert (await rest.get("/portfolio/orders"))["orders"] == []

    talk(work)


def test_an_order_may_be_taken_while_its_answer_never_comes() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.world.faults.set(Swallow(host="kalshi", method="POST", count=1), stand.clock.now())
        with pytest.raises(aiohttp.ClientError):
            await rest.ask("POST", ORDERS, order(client_order_id="lost"))
        found = (await rest.get("/portfolio/orders"))["orders"]
        assert [each["client_order_id"] for each in found] == ["lost"]
        again = await rest.ask("POST", ORDERS, order(client_order_id="lost"))
        assert (again.status, again.code) == (409, "order_already_exists")

    talk(work)


def test_stale_books_are_as_they_were_when_the_fault_began() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.house("bid", 40, 5)
        entry = stand.world.faults.set(Stale(), stand.clock.now())
        stand.house("bid", 41, 5)
        seen = (await rest.get(f"/markets/{GAME}/orderbook"))["orderbook_fp"]
        assert seen["yes_dollars"] == [["0.4000", "5.00"]]
        stand.world.faults.clear(entry.id)
        seen = (await rest.get(f"/markets/{GAME}/orderbook"))["orderbook_fp"]
        assert seen["yes_dollars"] == [["0.4000", "5.00"], ["0.4100", "5.00"]]

    talk(work)


def test_a_member_without_attestation_may_only_close() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        stand.house("ask", 50, 5)
        await rest.place(GAME, "bid", "5", "0.50")
        stand.world.faults.set(ClosedOnly(account="ann"), stand.clock.now())
        reply = await rest.ask("POST", ORDERS, order())
        assert (reply.status, reply.code) == (403, "forbidden")
        assert (await rest.place(GAME, "ask", "5", "0.60"))["remaining_count"] == "5.00"

    talk(work)


def test_while_trading_is_paused_the_exchange_says_so() -> None:
    async def work(rest: Rest, stand: Stand) -> None:
        told = await rest.place(GAME, "bid", "1", "0.50")
        stand.world.kalshi.set_mode("trading_paused", stand.clock.now())
        status = await rest.get("/exchange/status")
        assert (status["exchange_active"], status["trading_active"]) == (True, False)
        reply = await rest.ask("POST", ORDERS, order())
        assert (reply.status, reply.code) == (409, "trading_is_paused")
        assert (await rest.ask("DELETE", f"{ORDERS}/{told['order_id']}")).status == 200

    talk(work)
