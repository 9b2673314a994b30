"""Polymarket's two official Python SDKs, unmodified: log in, read, rest orders, meet trouble."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local_venue.judges import (
    KINDS,
    QUIET,
    REFUSAL,
    SDKS,
    Case,
    Court,
    Sdk,
    court,
    refused_words,
    step,
)
from tests.oracles.known import Lent
from underround.local_venue.faults import Answer, ClosedOnly, Skew, Swallow
from underround.model.units import shares, usd
from underround.venues.ethereum import EvmKey

both = pytest.mark.parametrize("sdk", SDKS)
STRANGER = "0x" + "5a" * 32
UNAUTHORIZED = "Unauthorized/Invalid api key"


@pytest.fixture(scope="module", name="held")
def _held() -> Iterator[Court]:
    with court() as opened:
        yield opened


# --- who asks ------------------------------------------------------------------------------------


@both
def test_keys_are_derived_and_made_and_whoever_has_none_is_refused(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        alice, bob = case.person("alice"), case.person("bob")
        told = await case.open("alice")
        assert (told["api_key"], told["api_secret"]) == (alice.api_key, alice.api_secret)
        assert told["api_passphrase"] == alice.api_passphrase
        stranger = {"key": STRANGER, "kind": "EOA", "wallet": EvmKey(Lent("", STRANGER)).address}
        made = await case.ask("open", who="stranger", **stranger)
        assert made["api_key"] in case.world.accounts.logins
        assert made == await case.ask("open", who="stranger", **stranger)
        own = {name: told[name] for name in ("api_key", "api_secret", "api_passphrase")}
        for name, key, changed in (
            ("alice", alice.private_key, {"api_secret": bob.api_secret}),
            ("alice", alice.private_key, {"api_passphrase": bob.api_passphrase}),
            ("alice", alice.private_key, {"api_key": bob.api_key}),
            ("bob", bob.private_key, {}),
        ):
            who = case.person(name)
            mixed = {"who": "mixed", "key": key, "kind": "POLY_1271", "wallet": who.maker}
            found = await case.ask("open", **mixed, credentials=own | changed)
            if sdk == "py-clob-client-v2":
                await unauthorized(case, "mixed")
            else:  # It sees that they open nothing, and finds the right ones by itself.
                assert (found["api_key"], found["api_secret"]) == (who.api_key, who.api_secret)
        case.fault(Skew(ms=120_000))
        await unauthorized(case, "alice")

    held.hold(sdk, QUIET, flow)


@both
def test_keys_are_listed_and_one_that_is_deleted_opens_nothing(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        alice = case.person("alice")
        await case.open("alice")
        if sdk == "py-clob-client-v2":
            await api_keys_by_nonce(case)
        else:
            second = await case.ask(
                "open", who="second", key=alice.private_key, kind="", wallet=alice.owner, nonce=7
            )
            keys = await case.ask("call", who="alice", name="fetch_api_keys")
            assert sorted(keys) == sorted([alice.api_key, second["api_key"]])
            builder = await case.ask("call", who="alice", name="create_builder_api_key")
            listed = await case.ask("call", who="alice", name="fetch_builder_api_keys")
            assert [each["key"] for each in listed] == [builder["key"]]
            await case.ask("call", who="alice", name="delete_api_key")
        await unauthorized(case, "alice")

    held.hold(sdk, QUIET, flow)


async def api_keys_by_nonce(case: Case) -> None:
    alice = case.person("alice")
    taken = await case.refused("create_key", who="alice", nonce=0)
    assert (taken.kind, taken.status) == ("PolyApiException", 400)
    assert "Could not create api key" in taken.text
    assert (await case.refused("derive_key", who="alice", nonce=7)).status == 400
    second = await case.ask("create_key", who="alice", nonce=7)
    assert second == await case.ask("derive_key", who="alice", nonce=7)
    listed = await case.ask("call", who="alice", name="get_api_keys")
    assert sorted(listed["apiKeys"]) == sorted([alice.api_key, second["api_key"]])
    reading = await case.ask("call", who="alice", name="create_readonly_api_key")
    listed = await case.ask("call", who="alice", name="get_readonly_api_keys")
    assert listed == {"readonlyApiKeys": [reading["apiKey"]]}
    await case.ask("call", who="alice", name="delete_readonly_api_key", given=[reading["apiKey"]])
    listed = await case.ask("call", who="alice", name="get_readonly_api_keys")
    assert listed == {"readonlyApiKeys": []}
    builder = await case.ask("call", who="alice", name="create_builder_api_key")
    assert builder["key"] in str(await case.ask("call", who="alice", name="get_builder_api_keys"))
    await case.ask("call", who="alice", name="delete_api_key")


async def unauthorized(case: Case, who: str) -> None:
    """Assert that somebody's credentials open nothing."""
    refused = await case.refused("balance", who=who)
    assert (refused.kind, refused.status) == (REFUSAL[case.sdk], 401)
    assert UNAUTHORIZED in refused.text


# --- what is listed ------------------------------------------------------------------------------


def test_py_clob_client_lists_markets_and_reads_books_whose_hash_it_finds_right(
    held: Court,
) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        condition, token = case.condition("quiet-even"), case.token("quiet-even")
        other = case.token("quiet-even", 1)

        async def call(name: str, *given: object) -> Any:
            return await case.ask("call", who="anyone", name=name, given=given)

        assert await call("get_ok") == "OK"
        assert await call("get_version") == 2
        assert abs(await call("get_server_time") - time.time()) < 5
        slugs = {market["market_slug"] for market in await case.ask("listed", name="get_markets")}
        assert slugs == {
            "quiet-even", "quiet-wide", "quiet-empty",
            "quiet-race-red", "quiet-race-green", "quiet-race-blue",
        }  # fmt: skip
        for name in ("get_simplified_markets", "get_sampling_markets"):
            assert isinstance(await case.ask("listed", name=name), list)
        assert (await call("get_market", condition))["question"] == "Does the coin show heads?"
        terms = await call("get_clob_market_info", case.condition("quiet-wide"))
        assert (terms["mts"], terms["mos"], terms["fd"]["r"]) == (0.01, 5, 0.04)
        assert (await call("get_clob_market_info", case.condition("quiet-race-red")))["nr"] is True
        for slug in ("quiet-even", "quiet-wide", "quiet-empty", "quiet-race-red"):
            for index in (0, 1):
                book = await case.ask("book", token=case.token(slug, index))
                assert book["hash_holds"], slug
        book = await case.ask("book", token=other)
        assert [level["price"] for level in book["bids"]] == ["0.47", "0.48", "0.49"]
        assert [level["size"] for level in book["asks"]] == ["4000", "2000", "1000"]
        assert await call("get_midpoint", token) == {"mid": "0.5"}
        assert await call("get_spread", token) == {"spread": "0.02"}
        assert await call("get_price", token, "BUY") == {"price": "0.49"}
        assert await call("get_price", token, "SELL") == {"price": "0.51"}
        assert await call("get_tick_size", token) == "0.01"
        assert await call("get_neg_risk", token) is False
        assert await call("get_neg_risk", case.token("quiet-race-red")) is True
        assert await call("get_fee_exponent", case.token("quiet-wide")) == 1
        books = await case.ask("quotes", name="get_order_books", tokens=[token, other])
        assert {each["asset_id"] for each in books} == {token, other}
        mids = await case.ask("quotes", name="get_midpoints", tokens=[token, other])
        assert mids == {token: "0.5", other: "0.5"}
        spreads = await case.ask("quotes", name="get_spreads", tokens=[token])
        assert spreads == {token: "0.02"}
        prices = await case.ask("quotes", name="get_prices", tokens=[token], side="SELL")
        assert prices == {token: {"SELL": "0.51"}}
        assert (await case.refused("book", token="123")).status == 404

    held.hold("py-clob-client-v2", QUIET, flow)


def test_polymarket_client_lists_events_and_markets_and_reads_books(held: Court) -> None:
    async def flow(case: Case) -> None:
        token, other = case.token("quiet-even"), case.token("quiet-even", 1)

        async def call(name: str, **given: object) -> Any:
            return await case.ask("call", who="anyone", name=name, given=given)

        markets = {each["slug"]: each for each in await call("list_markets", page_size=2)}
        assert len(markets) == 6
        even = markets["quiet-even"]
        assert even["condition_id"] == case.condition("quiet-even")
        assert even["outcomes"]["yes"]["token_id"] == token
        events = {each["slug"]: each for each in await call("list_events", page_size=2)}
        assert {each["slug"] for each in events["quiet-race"]["markets"]} == {
            "quiet-race-red", "quiet-race-green", "quiet-race-blue",
        }  # fmt: skip
        assert (await call("get_event", slug="quiet-race"))["title"] == "Who wins the quiet race?"
        assert (await call("get_market", slug="quiet-wide"))["slug"] == "quiet-wide"
        book = await call("get_order_book", asset_id=token)
        best = (book["bids"][-1], book["asks"][-1])
        assert [each["price"] for each in best] == ["0.49", "0.51"]
        assert (book["tick_size"], book["min_order_size"]) == ("0.01", "5")
        books = await call("get_order_books", asset_ids=[token, other])
        assert {each["asset_id"] for each in books} == {token, other}
        assert await call("get_midpoint", asset_id=token) == "0.5"
        assert await call("get_spread", asset_id=token) == "0.02"
        assert await call("get_price", asset_id=token, side="BUY") == "0.49"
        assert await call("get_midpoints", asset_ids=[token, other]) == {token: "0.5", other: "0.5"}
        assert await call("get_spreads", asset_ids=[token]) == {token: "0.02"}
        price = await call("estimate_market_price", asset_id=token, side="BUY", amount="600")
        assert price == "0.52"
        refused = await case.refused(
            "call", who="anyone", name="get_order_book", given={"asset_id": "123"}
        )
        assert (refused.kind, refused.status) == ("RequestRejectedError", 404)

    held.hold("polymarket-client", QUIET, flow)


# --- orders that rest ----------------------------------------------------------------------------


@both
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_wallet_rests_orders_and_takes_them_back_and_its_money_is_bound_meanwhile(
    held: Court, sdk: Sdk, kind: str
) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice", kind)
        case.give("alice", "quiet-even", shares("50"), kind)
        yes, no = case.token("quiet-even"), case.token("quiet-even", 1)
        cash = usd("9950")
        assert case.kept("alice", kind) == (cash, 0, 0)

        async def rest(**asked: object) -> str:
            placed = await case.ask("place", who="alice", **{"tif": "GTC", **asked})
            assert (placed["status"], placed["refused"]) == ("live", "")
            assert (placed["made"], placed["taken"], placed["trades"]) == ("0", "0", [])
            return str(placed["order"])

        soon = int(time.time()) + 400
        buy = await rest(token=yes, side="BUY", price="0.30", size="10")
        timed = await rest(
            token=yes, side="BUY", price="0.31", size="20.5", tif="GTD", expiration=soon
        )
        posted = await rest(token=no, side="BUY", price="0.48", size="7", post_only=True)
        sell = await rest(token=yes, side="SELL", price="0.77", size="30")
        other = await rest(token=case.token("quiet-wide"), side="BUY", price="0.1", size="100")
        bound = usd("3") + usd("6.355") + usd("3.36") + usd("10")
        assert case.kept("alice", kind) == (cash, bound, 0)
        custody, account = case.world.polymarket.custody, case.account("alice", kind)
        outcome = case.market("quiet-even").outcome(0)
        assert custody.reserved(account, outcome) == shares("30")
        assert (await case.ask("balance", who="alice"))["balance"] == str(cash)

        listed = {each["id"]: each for each in await case.ask("open_orders", who="alice")}
        assert set(listed) == {buy, timed, posted, sell, other}
        assert listed[timed]["order_type"] == "GTD"
        assert listed[buy]["maker_address"] == case.person("alice").wallets[kind]
        row = await case.ask("order", who="alice", order=sell)
        assert (row["side"], row["price"], row["original_size"]) == ("SELL", "0.77", "30")
        assert (row["size_matched"], row["asset_id"], row["outcome"]) == ("0", yes, "Yes")

        assert await case.ask("cancel", who="alice", order=buy) == gone(buy)
        assert case.kept("alice", kind)[1] == bound - usd("3")
        unknown = "0x" + "ab" * 32
        told = await case.ask("cancel_many", who="alice", orders=[timed, unknown])
        assert (told["cancelled"], list(told["kept"])) == ([timed], [unknown])
        told = await case.ask("cancel_market", who="alice", market=case.condition("quiet-even"))
        assert sorted(told["cancelled"]) == sorted([posted, sell])
        assert custody.reserved(account, outcome) == 0
        assert await case.ask("cancel_all", who="alice") == gone(other)
        assert case.kept("alice", kind) == (cash, 0, 0)
        assert await case.ask("open_orders", who="alice") == []

    held.hold(sdk, QUIET, flow)


def gone(*orders: str) -> dict[str, object]:
    return {"cancelled": list(orders), "kept": {}}


@both
def test_orders_the_venue_does_not_take_are_refused_in_its_own_words(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        yes = case.token("quiet-even")
        usual = {"who": "alice", "token": yes, "side": "BUY", "tif": "GTC", "price": "0.30"}

        async def refusal(**changed: object) -> str:
            return await refused_words(case, "place", **{**usual, "size": "10", **changed})

        crossing = await refusal(price="0.52", post_only=True)
        assert crossing == "invalid post-only order: order crosses book"
        assert "lower than the minimum: 5" in await refusal(size="4.99")
        assert "not enough balance / allowance" in await refusal(size="40000")
        assert "not enough balance / allowance" in await refusal(side="SELL")
        small = {"amount": "0.99", "price": "0.51", "tif": "FAK"}
        least = "invalid amount for a marketable BUY order ($0.99), min size: $1"
        assert await refusal(**small) == least
        case.fault(ClosedOnly())
        assert "address in closed only mode" in await refusal()
        assert case.kept("alice") == (usd("10000"), 0, 0)
        assert await case.ask("open_orders", who="alice") == []

    held.hold(sdk, QUIET, flow)


@both
def test_an_order_with_a_time_leaves_the_book_a_minute_before_it(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        soon = int(time.time()) + 400
        placed = await case.ask(
            "place", who="alice", token=case.token("quiet-even"), side="BUY", price="0.2",
            size="50", tif="GTD", expiration=soon,
        )  # fmt: skip
        assert case.kept("alice") == (usd("10000"), usd("10"), 0)
        case.jump(330)
        assert case.world.polymarket.orders[placed["order"]].status == "LIVE"
        case.jump(11)
        assert case.world.polymarket.orders[placed["order"]].status == "CANCELED_EXPIRED_ORDER"
        assert await case.ask("open_orders", who="alice") == []
        assert case.kept("alice") == (usd("10000"), 0, 0)

    held.hold(sdk, QUIET, flow)


# --- what goes wrong -----------------------------------------------------------------------------


@both
def test_a_restart_a_limit_and_a_lost_answer_are_what_the_sdk_takes_them_for(
    held: Court, sdk: Sdk
) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        order = {
            "who": "alice", "token": case.token("quiet-even"), "side": "BUY", "price": "0.20",
            "size": "50", "tif": "GTC",
        }  # fmt: skip
        await case.ask("place", **order)
        await case.ask("cancel_all", who="alice")

        step(case, do="restart", down="20s", post_only="30s")
        assert await refusal(case, order) == (425, REFUSAL[sdk], "restarting")
        case.jump(21)
        assert await refusal(case, order) == (503, REFUSAL[sdk], "post_only")
        rested = await case.ask("place", **order, post_only=True)
        assert rested["status"] == "live"
        await case.ask("cancel_all", who="alice")
        case.jump(31)

        case.fault(Answer(host="clob", path="/order", status=429, count=1))
        limited = "RateLimitError" if sdk == "polymarket-client" else "PolyApiException"
        assert (await refusal(case, order))[1] == limited
        case.fault(Answer(host="clob", path="/order", status=500, processed=True, count=1))
        assert (await refusal(case, order))[:2] == (500, REFUSAL[sdk])
        case.fault(Swallow(host="clob", path="/order", count=1))
        lost = "TransportError" if sdk == "polymarket-client" else "PolyApiException"
        assert (await refusal(case, order))[:2] == (None, lost)
        # Both were carried out all the same, which only looking tells.
        assert len(await case.ask("open_orders", who="alice")) == 2
        assert case.kept("alice") == (usd("10000"), usd("20"), 0)

    held.hold(sdk, QUIET, flow)


async def refusal(case: Case, order: dict[str, str]) -> tuple[int | None, str, str]:
    """Return status, error class, and what polymarket-client takes for the reason."""
    refused = await case.refused("place", **order)
    reason = {425: "restarting", 503: "post_only"}.get(refused.status or 0, "")
    if case.sdk == "polymarket-client":
        assert refused.told.get("restriction", "") == reason
    return refused.status, refused.kind, reason


@both
def test_what_else_an_account_asks_is_answered_in_a_form_the_sdk_understands(
    held: Court, sdk: Sdk
) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        yes = case.token("quiet-even")
        bought = await case.ask(
            "place", who="alice", token=yes, side="BUY", amount="51", price="0.51", tif="FOK"
        )
        rested = await case.ask(
            "place", who="alice", token=yes, side="BUY", price="0.48", size="200", tif="GTC"
        )
        await case.ask("settled", who="alice", trades=bought["trades"])
        day = time.strftime("%Y-%m-%d", time.gmtime())
        old = sdk == "py-clob-client-v2"

        async def call(name: str, *given: object, **named: object) -> Any:
            return await case.ask("call", who="alice", name=name, given=given if old else named)

        closed = await call("get_closed_only_mode")
        assert closed == ({"closed_only": False} if old else False)
        notices = await call("get_notifications")
        assert bought["order"] in str(notices)
        if old:
            assert await case.ask("scoring", who="alice", orders=[rested["order"]]) == {
                rested["order"]: False
            }
            last = await call("get_last_trade_price", yes)
            assert (last["price"], last["side"]) == ("0.51", "BUY")
            assert [each["p"] for each in await case.ask("history", token=yes)] == [0.51]
            assert await call("get_earnings_for_user_for_day", day) == []
            assert await call("get_total_earnings_for_user_for_day", day) == []
            assert await call("get_pre_migration_orders") == []
            assert len(await call("get_market_trades_events", case.condition("quiet-even"))) == 1
        else:
            assert await call("get_order_scoring", order_id=rested["order"]) is False
            assert await call("get_orders_scoring", order_ids=[rested["order"]]) == {
                rested["order"]: False
            }
            last = await call("get_last_trade_price", asset_id=yes)
            assert (last["price"], last["side"]) == ("0.51", "BUY")
            history = await call("list_price_history", asset_id=yes, interval="max")
            assert [each["price"] for each in history] == ["0.51"]
            assert await call("list_user_earnings_for_day", date=day) == []
            assert await call("get_total_earnings_for_user_for_day", date=day) == []
            (trade,) = await call("list_trades")
            assert (trade["side"], trade["size"], trade["price"]) == ("BUY", "100", "0.51")
            (position,) = await call("list_positions")
            assert (position["token_id"], position["current_size"]) == (yes, "100")
            assert (await call("get_portfolio_value"))["value"] == "50"
            assert {each["type"] for each in await call("list_activity")} == {"TRADE"}

    held.hold(sdk, QUIET, flow)


# --- the dead man's switch -----------------------------------------------------------------------


@both
def test_who_stops_sending_heartbeats_loses_its_orders(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        verb = "post_heartbeat" if sdk == "py-clob-client-v2" else "send_order_heartbeat"

        def beat(sent: str) -> dict[str, Any]:
            given: object = [sent] if sdk == "py-clob-client-v2" else {"heartbeat_id": sent}
            return {"who": "alice", "name": verb, "given": given}

        await case.ask(
            "place", who="alice", token=case.token("quiet-even"), side="BUY", price="0.2",
            size="50", tif="GTC",
        )  # fmt: skip
        first = await case.ask("call", **beat(""))
        wrong = await case.refused("call", **beat("not this one"))
        assert wrong.status == 400
        if sdk == "polymarket-client":
            assert wrong.kind == "OrderHeartbeatMismatchError"
            assert wrong.told["heartbeat_id"] == first["heartbeat_id"]
        else:
            expected = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": first["heartbeat_id"]}
            assert wrong.told["text"] == expected
        case.jump(4)
        second = await case.ask("call", **beat(first["heartbeat_id"]))
        assert second["heartbeat_id"] != first["heartbeat_id"]
        case.jump(7)
        assert len(await case.ask("open_orders", who="alice")) == 1
        case.jump(9)
        assert await case.ask("open_orders", who="alice") == []
        assert case.kept("alice") == (usd("10000"), 0, 0)

    held.hold(sdk, QUIET, flow)
