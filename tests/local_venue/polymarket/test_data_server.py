"""The Data API on loopback: rows as the service writes them, pages, refusals, our client."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aio import run
from tests.local_venue.polymarket.catalogue_desk import (
    SECOND,
    CatalogueDesk,
    everything,
    serving,
)
from tests.venues.scripted import sample
from underround.local_venue.faults import Ghost
from underround.local_venue.polymarket.data.basis import Basis
from underround.local_venue.polymarket.data.ledger import DataLedger
from underround.local_venue.polymarket.gamma.names import neg_risk_market
from underround.local_venue.world import WalletCall
from underround.model.ids import NO, YES
from underround.model.market import Market
from underround.model.units import ONE, usd
from underround.venues.polygon import positions
from underround.venues.polymarket.approvals import missing_approvals
from underround.venues.polymarket.contracts import POLYGON, required_approvals

Scene = Callable[[CatalogueDesk, dict[str, Market]], Awaitable[None]]


def on_desk(scene: Scene) -> None:
    """Run a scene on a served desk with a market of every kind."""

    async def main() -> None:
        desk = CatalogueDesk()
        markets = everything(desk)
        async with serving(desk):
            await scene(desk, markets)

    run(main())


def do(desk: CatalogueDesk, *calls: Any, who: str = "alice") -> None:
    made = [WalletCall(call.to, call.data) for call in calls]
    desk.wallets.carry_out(desk.account(who), made, desk.now)


# --- rows ----------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize("path, name", [
    ("/v2/trades", "v2_trades_items_2026-09"), ("/v2/activity", "v2_activity_items_2026-09"),
])  # fmt: skip
def test_a_feed_s_rows_have_the_keys_and_types_of_captured_ones(
    shared: Any, path: str, name: str
) -> None:
    captured = json.loads(sample(shared, f"polymarket/data/{name}.json"))

    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.trade(markets["plain"], "0.37", "13")
        told = await desk.get("data", path, user=desk.account("alice"))
        assert set(told) == {"data", "pagination"}
        assert set(told["pagination"]) == {"limit", "offset", "has_more", "next_cursor"}
        for row in captured:
            assert row.keys() == told["data"][0].keys()
            for key, value in row.items():
                assert isinstance(told["data"][0][key], type(value) | int), key

    on_desk(scene)


@pytest.mark.shared
def test_a_resolution_has_the_keys_and_types_of_a_captured_one(shared: Any) -> None:
    captured = json.loads(sample(shared, "polymarket/data/v2_resolutions_resolved_2026-10-05.json"))

    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.resolve(markets["window"], (ONE, 0))
        told = await desk.get("data", "/v2/resolutions", condition=markets["window"].id.native)
        assert told.keys() == captured.keys()
        ((row,), (known,)) = told["data"], captured["data"]
        assert row.keys() == known.keys()
        assert {k: type(v) for k, v in row.items()} == {k: type(v) for k, v in known.items()}
        assert (row["payouts"], row["reporter"]) == ([1_000_000, 0], "CHAINLINK")

    on_desk(scene)


# --- our client ----------------------------------------------------------------------------------


def test_a_trade_is_told_of_both_sides_once_it_is_mined() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client, market = await desk.data(), markets["plain"]
        desk.order("bob", "buy", market, "0.60", "20", outcome=NO)
        desk.order("alice", "buy", market, "0.40", "20")
        desk.pass_ms(1_000)
        assert [row async for row in client.trades(desk.account("alice"))] == []
        desk.pass_ms(1_500)
        (taker,) = [row async for row in client.trades(desk.account("alice"))]
        assert (taker.side, taker.size, taker.price) == ("buy", usd("20"), Decimal("0.4"))
        assert (taker.token, taker.outcome) == (market.tokens[YES], YES)
        assert taker.at_ns // SECOND == (desk.now - 500_000_000) // SECOND
        assert len(taker.transaction) == 66
        told = await desk.get("data", "/v2/trades", user=desk.account("bob"))
        assert told["data"] == [], "takers' rows only, unless asked otherwise"
        (maker,) = [row async for row in client.trades(desk.account("bob"))]
        assert (maker.side, maker.price, maker.outcome) == ("buy", Decimal("0.6"), NO)
        assert maker.transaction == taker.transaction

    on_desk(scene)


def test_a_trade_of_several_makers_is_one_row_of_the_taker() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["free"]
        desk.order("bob", "buy", market, "0.70", "10", outcome=NO)
        desk.order("carol", "buy", market, "0.60", "10", outcome=NO)
        assert desk.order("alice", "buy", market, "0.40", "20").size == usd("20")
        desk.pass_ms(20_000)
        told = await desk.get("data", "/v2/trades", condition=market.id.native)
        (row,) = told["data"]
        assert (row["size"], row["price"]) == (20, 0.35)
        whole = await desk.get("data", "/v2/trades", condition=market.id.native, taker_only="false")
        assert [(each["size"], each["price"]) for each in whole["data"][1:]] == [
            (10, 0.6), (10, 0.7),
        ]  # fmt: skip

    on_desk(scene)


def test_a_ghost_fill_leaves_no_row_and_no_cost() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.world.faults.set(Ghost(), desk.now)
        desk.trade(markets["plain"])
        client = await desk.data()
        assert [row async for row in client.trades(desk.account("alice"))] == []
        assert await client.positions(desk.account("alice")) == ()

    on_desk(scene)


def test_a_trade_that_a_reorg_takes_away_is_forgotten_and_told_anew() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market, exchange = markets["plain"], desk.world.polymarket
        desk.order("bob", "buy", market, "0.60", "20", outcome=NO)
        placed = desk.order("alice", "buy", market, "0.40", "20")
        (trade,) = placed.trades
        ledger, account = desk.ledger, desk.account("alice")

        def told() -> list[tuple[str, int]]:
            basis = ledger.basis(account, market.outcome(YES))
            return [(row.transaction, basis.size) for row in ledger.rows(account)]

        exchange.move_trade(trade, "MINED", desk.now, "0x01")
        assert told() == [("0x01", usd("20"))]
        exchange.move_trade(trade, "MINED", desk.now, "0x02")
        assert told() == [("0x02", usd("20"))]
        exchange.move_trade(trade, "RETRYING", desk.now)
        assert told() == []
        assert ledger.basis(account, market.outcome(YES)).size == 0
        exchange.move_trade(trade, "MINED", desk.now, "0x03")
        exchange.move_trade(trade, "CONFIRMED", desk.now, "0x03")
        assert told() == [("0x03", usd("20"))]

    on_desk(scene)


def test_positions_say_what_was_paid_and_what_is_held() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["plain"]
        desk.trade(market, "0.40", "20")
        (held,) = await (await desk.data()).positions(desk.account("alice"))
        assert (held.token, held.outcome, held.size) == (market.tokens[YES], YES, usd("20"))
        fee = Decimal(20) * Decimal("0.04") * Decimal("0.24")
        assert held.average_price == Decimal("0.4")
        assert held.cost == 8 + fee
        assert (held.status, held.redeemable, held.opposite) == ("OPEN", False, market.tokens[NO])
        told = await desk.get("data", "/v2/positions", user=desk.account("alice"))
        (row,) = told["data"]
        assert row["entry_cost_usdc"] == 8
        assert Decimal(str(row["entry_fees_usdc"])) == fee
        assert row["current_price"] == 0.4
        assert Decimal(str(row["unrealized_pnl"])) == -fee
        activity = await desk.get("data", "/v2/activity", user=desk.account("alice"))
        assert Decimal(str(activity["data"][0]["usdc_size"])) == 8 + fee

    on_desk(scene)


def test_a_sale_brings_what_it_got_less_the_fee() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["plain"]
        do(desk, positions.split("ctf", market.id.native, usd("20")))
        desk.order("bob", "buy", market, "0.40", "20")
        desk.order("alice", "sell", market, "0.40", "20")
        desk.pass_ms(20_000)
        told = await desk.get("data", "/v2/activity", user=desk.account("alice"))
        row = told["data"][0]
        fee = Decimal(20) * Decimal("0.04") * Decimal("0.24")
        assert (row["side"], Decimal(str(row["usdc_size"]))) == ("SELL", 8 - fee)

    on_desk(scene)


def test_a_no_is_worth_what_yes_leaves_of_a_dollar() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.trade(markets["plain"], "0.30")
        told = await desk.get("data", "/v2/positions", user=desk.account("bob"))
        (row,) = told["data"]
        assert (row["outcome"], row["current_price"], row["current_value"]) == ("No", 0.7, 14)

    on_desk(scene)


def test_a_position_passes_through_its_states() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client, market, account = await desk.data(), markets["plain"], desk.account("alice")

        async def listed(status: Any) -> set[tuple[int | None, str]]:
            found = await client.positions(account, status=status)
            return {(each.outcome, each.status) for each in found}

        do(desk, positions.split("ctf", market.id.native, usd("50")))
        assert await listed("MERGEABLE") == {(YES, "OPEN"), (NO, "OPEN")}
        desk.resolve(market, (0, ONE))
        both = {(YES, "REDEEMABLE"), (NO, "REDEEMABLE")}
        assert await listed("OPEN") == both
        assert await listed("REDEEMABLE") == {(NO, "REDEEMABLE")}
        assert await listed("REDEEMABLE_LOST") == {(YES, "REDEEMABLE")}
        assert await listed("MERGEABLE") == set()
        assert await client.value(account) == usd("50")
        do(desk, positions.redeem("ctf", market.id.native))
        assert await listed("OPEN") == set()
        assert await listed("CLOSED") == {(YES, "CLOSED"), (NO, "CLOSED")}
        (won, lost) = await client.positions(account, status="CLOSED")
        assert (won.realized, lost.realized) == (Decimal(25), Decimal(-25))

    on_desk(scene)


def test_what_a_wallet_does_by_itself_is_activity() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client, account = await desk.data(), desk.account("alice")
        group = [markets[name] for name in ("first", "second", "third")]
        custody = desk.world.polymarket.custody
        custody.allow(account, POLYGON.neg_risk_adapter, shares=True, granted=True)
        for market in group:
            do(desk, positions.split("neg_risk", market.id.native, usd("10")))
        event = desk.world.catalogue.events["who-wins"]
        do(desk, positions.convert(neg_risk_market(event), 0b011, usd("10")))
        do(desk, positions.merge("neg_risk", group[2].id.native, usd("10")))
        rows = [row async for row in client.activity(account)]
        assert [row.kind for row in rows] == ["MERGE", "CONVERSION", "SPLIT", "SPLIT", "SPLIT"]
        assert {row.cash for row in rows} == {usd("10")}
        splits = [row async for row in client.activity(account, kinds=("SPLIT",))]
        assert len(splits) == 3
        third = desk.ledger.basis(account, group[2].outcome(YES))
        assert (third.size, third.bought) == (usd("10"), usd("20"))
        # NO of two cost 5 dollars each, ten came back, so YES of the third came for nothing.
        assert third.spent == usd("5")

    on_desk(scene)


def test_a_converted_no_leaves_its_cost_to_the_yes_it_became_and_has_no_holder() -> None:
    """NO of one question cost five dollars: YES of the two others cost half of that each."""

    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        account, first = desk.account("alice"), markets["first"]
        custody = desk.world.polymarket.custody
        custody.allow(account, POLYGON.neg_risk_adapter, shares=True, granted=True)
        do(desk, positions.split("neg_risk", first.id.native, usd("10")))
        event = desk.world.catalogue.events["who-wins"]
        do(desk, positions.convert(neg_risk_market(event), 0b001, usd("10")))
        for name in ("second", "third"):
            assert desk.ledger.basis(account, markets[name].outcome(YES)).spent == usd("2.5")
        told = await desk.get("data", "/v2/holders", condition=first.id.native)
        assert [len(row["holders"]) for row in told["data"]] == [1, 0]

    on_desk(scene)


def test_dollars_that_come_and_go_are_told_when_asked_for() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        from underround.local_venue.polymarket.wallets.acts import TRANSFER

        bob = desk.account("bob")
        do(desk, WalletCall(POLYGON.collateral, TRANSFER(bob, usd("7"))))
        hidden = await desk.get("data", "/v2/activity", user=bob)
        assert hidden["data"] == []
        told = await desk.get(
            "data", "/v2/activity", user=bob, exclude_deposits_withdrawals="false"
        )
        (row,) = told["data"]
        assert (row["type"], row["usdc_size"], row["condition_id"]) == ("DEPOSIT", 7, "")

    on_desk(scene)


def test_approvals_are_what_the_wallet_gave() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client, account = await desk.data(), desk.account("alice")
        given = await client.approvals(account)
        assert missing_approvals(given, required_approvals()) == ()
        do(
            desk,
            positions.allow_collateral(positions.place_of("ctf"), usd("5")),
            positions.allow_positions(positions.place_of("neg_risk"), allowed=False),
        )
        given = await client.approvals(account)
        left = {each.spender for each in missing_approvals(given, required_approvals())}
        assert left == {POLYGON.neg_risk_collateral_adapter}
        amounts = {each.spender: each.amount for each in given if each.standard == "erc20"}
        assert amounts[POLYGON.collateral_adapter] == usd("5")

    on_desk(scene)


def test_resolutions_of_what_nobody_proposed_are_not_told() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.data()
        names = ("plain", "first", "v2", "free")
        natives = [markets[name].id.native for name in names]
        assert await client.resolutions(natives) == ()
        desk.world.change(markets["plain"].id, desk.now, state="closed")
        desk.resolve(markets["first"], (0, ONE))
        desk.resolve(markets["v2"], (ONE // 2, ONE // 2))
        found = {each.condition: each for each in await client.resolutions(natives)}
        assert [found[native].status for native in natives[:3]] == [
            "proposed", "resolved", "resolved",
        ]  # fmt: skip
        assert found[natives[1]].payouts == (0, ONE)
        assert found[natives[2]].payouts == (ONE // 2, ONE // 2)
        assert found[natives[1]].resolved_ns == desk.now
        question = desk.world.catalogue.markets[markets["first"].id].question_id
        told = await desk.get("data", "/v2/resolutions", question_id=question)
        assert [row["condition_id"] for row in told["data"]] == [natives[1]]
        assert told["data"][0]["market_type"] == "ATOMIC_NEGRISK"

    on_desk(scene)


def test_holders_are_listed_by_outcome_largest_first() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["plain"]
        for who, size in (("alice", "5"), ("bob", "9"), ("carol", "1")):
            do(desk, positions.split("ctf", market.id.native, usd(size)), who=who)
        told = await desk.get(
            "data", "/v2/holders", condition=market.id.native, min_balance="2", include_pnl="true"
        )
        assert [row["token_id"] for row in told["data"]] == list(market.tokens)
        assert [each["amount"] for each in told["data"][0]["holders"]] == [9, 5]
        assert told["data"][0]["holders"][0]["avg_price"] == 0.5

    on_desk(scene)


def test_a_market_s_positions_may_be_asked_for_without_a_wallet() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.trade(markets["plain"])
        told = await desk.get("data", "/v2/positions", condition=markets["plain"].id.native)
        assert {(row["proxy_wallet"], row["outcome"]) for row in told["data"]} == {
            (desk.account("alice").lower(), "Yes"), (desk.account("bob").lower(), "No"),
        }  # fmt: skip

    on_desk(scene)


def test_dust_is_left_out_unless_it_is_asked_for() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        do(desk, positions.split("ctf", markets["plain"].id.native, 99_999))
        client, account = await desk.data(), desk.account("alice")
        assert await client.positions(account, with_dust=False) == ()
        assert len(await client.positions(account)) == 2
        told = await desk.get(
            "data", "/v2/positions", user=account, filter_type="CASH", filter_amount="0.06"
        )
        assert told["data"] == []

    on_desk(scene)


# --- prices --------------------------------------------------------------------------------------


def test_prices_are_those_of_the_prints() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market, begun = markets["free"], desk.now // SECOND
        for price in ("0.40", "0.45", "0.50"):
            desk.trade(market, price)
            desk.pass_ms(3_600_000)
        yes, no = market.tokens
        told = await desk.get("data", "/v2/prices-history", token_id=yes, interval="1d")
        assert [row["price"] for row in told["data"]] == [0.4, 0.45, 0.5]
        assert told["data"][0]["timestamp"] == begun
        told = await desk.get("data", "/v2/prices-history", token_id=no, interval="6h")
        assert [row["price"] for row in told["data"]] == [0.6, 0.55, 0.5]
        first = await desk.get(
            "data", "/v2/prices-history", token_id=yes, start=str(begun), end=str(begun + 60)
        )
        assert [row["price"] for row in first["data"]] == [0.4]
        at = await desk.get("data", "/v2/prices-history", token_id=yes, as_of=str(begun + 4_000))
        assert [(row["price"], row["resolution_seconds"]) for row in at["data"]] == [(0.45, 0)]
        daily = await desk.get(
            "data", "/v2/prices-history", token_id=yes, interval="1d", bucket_seconds="86400"
        )
        assert len(daily["data"]) <= 2
        none = await desk.get("data", "/v2/prices-history", token_id="17", interval="1d")
        assert none["data"] == []

    on_desk(scene)


# --- pages and refusals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, query, parameter",
    [
        ("/v2/activity", {}, "user"),
        ("/v2/value", {}, "user"),
        ("/v2/approvals", {"user": "0x12"}, "user"),
        ("/v2/positions", {}, "user"),
        ("/v2/positions", {"condition": "0x" + "11" * 32, "status": "MERGEABLE"}, "status"),
        ("/v2/positions", {"user": "0x" + "11" * 20, "status": "LOST"}, "status"),
        ("/v2/positions", {"user": "0x" + "11" * 20, "offset": "10"}, "offset"),
        ("/v2/trades", {"condition": "0x12"}, "condition"),
        ("/v2/trades", {"condition_id": ",".join(f"0x{i:064x}" for i in range(21))}, "condition"),
        ("/v2/trades", {"limit": "1001"}, "limit"),
        ("/v2/trades", {"limit": "0"}, "limit"),
        ("/v2/trades", {"side": "buy"}, "side"),
        ("/v2/trades", {"cursor": "here"}, "cursor"),
        ("/v2/trades", {"taker_only": "maybe"}, "taker_only"),
        ("/v2/resolutions", {}, "condition"),
        ("/v2/holders", {}, "condition"),
        ("/v2/prices-history", {"interval": "1d"}, "token_id"),
        ("/v2/prices-history", {"token_id": "1"}, "interval"),
    ],
)
def test_what_the_service_does_not_take_is_refused_naming_the_parameter(
    path: str, query: dict[str, str], parameter: str
) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        told = await desk.ask("data", path, query)
        assert told.status == 400
        assert told.body.keys() == {"error", "code", "parameter", "retryable", "trace_id"}
        assert (told.body["code"], told.body["retryable"]) == ("invalid_request", False)
        assert told.body["parameter"] == parameter

    on_desk(scene)


def test_a_window_of_prices_has_at_most_15_days() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        token = markets["plain"].tokens[YES]
        for query in (
            {"start": "5", "end": "1"},
            {"start": "1", "end": str(16 * 86_400)},
            {"interval": "1w", "bucket_seconds": "60"},
        ):
            told = await desk.ask("data", "/v2/prices-history", {"token_id": token} | query)
            assert told.status == 400

    on_desk(scene)


def test_a_cursor_belongs_to_its_path_and_to_what_the_walk_began_with() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        account = desk.account("alice")
        for market in ("plain", "free"):
            do(desk, positions.split("ctf", markets[market].id.native, usd("5")))
        first = await desk.get("data", "/v2/positions", user=account, limit="1")
        cursor = first["pagination"]["next_cursor"]
        same = await desk.get("data", "/v2/positions", user=account, cursor=cursor, limit="900")
        assert (len(same["data"]), same["pagination"]["limit"]) == (1, 1)
        for path, query in (
            ("/v2/positions", {"cursor": cursor, "sort_by": "TOKENS"}),
            ("/v2/positions", {"cursor": cursor, "sort_direction": "ASC"}),
            ("/v2/activity", {"cursor": cursor}),
            ("/v2/positions", {"cursor": cursor[:-4] + "AAAA"}),
        ):
            told = await desk.ask("data", path, {"user": account} | query)
            assert (told.status, told.body["parameter"]) == (400, "cursor")

    on_desk(scene)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 3), min_size=1, max_size=10))
def test_a_walk_of_a_feed_visits_every_row_once_while_rows_are_added(
    size: int, added: list[int]
) -> None:
    async def main() -> None:
        desk = CatalogueDesk()
        market = desk.list(desk.event("one"), "rain")

        def add(count: int) -> None:
            for _ in range(count):
                do(desk, positions.split("ctf", market.id.native, usd("1")))
                desk.pass_ms(400)

        add(9)
        before = [row.transaction for row in desk.ledger.rows(desk.account("alice"))]
        async with serving(desk):
            query = {"user": desk.account("alice"), "limit": str(size)}
            seen: list[str] = []
            for more in (*added, *(0 for _ in range(50))):
                told = await desk.get("data", "/v2/activity", **query)
                seen += [row["transaction_hash"] for row in told["data"]]
                cursor = told["pagination"]["next_cursor"]
                assert told["pagination"]["has_more"] is (cursor is not None)
                if cursor is None:
                    break
                query["cursor"] = cursor
                add(more)
        assert seen == before

    run(main())


def test_the_service_says_that_it_is_up() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        assert (await desk.get("data", "/v2/status"))["data"]["status"] == "ok"

    on_desk(scene)


# --- the record behind it ------------------------------------------------------------------------


def test_the_record_forgets_the_oldest_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("underround.local_venue.polymarket.data.ledger._MOST_ROWS", 5)
    desk = CatalogueDesk()
    market = desk.list(desk.event("one"), "rain")
    for _ in range(12):
        do(desk, positions.split("ctf", market.id.native, usd("1")))
    rows = list(desk.ledger.rows(desk.account("alice")))
    assert [row.number for row in rows] == [12, 11, 10, 9, 8]
    assert list(desk.ledger.rows()) == rows


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 10**9), st.integers(0, ONE), st.integers(0, 10**6)),
        max_size=30,
    )
)
def test_what_was_paid_is_realised_or_still_a_cost(
    changes: list[tuple[bool, int, int, int]],
) -> None:
    """Dollars out equal the cost of what is left less what was realised; sizes never go below 0."""
    basis, held, out = Basis(), 0, 0
    for buy, size, price, fee in changes:
        if not buy and size > held:
            continue
        cash = price * size // ONE
        basis.change("buy" if buy else "sell", size, cash, fee, 1)
        held += size if buy else -size
        out += cash + fee if buy else fee - cash
        assert basis.size == held
        assert basis.cost >= 0
        assert basis.fees >= 0
        assert basis.cost + basis.fees - basis.realized == out


def test_a_world_s_trades_are_told_to_every_ledger_alike() -> None:
    desk = CatalogueDesk()
    other = DataLedger(desk.world)
    desk.trade(everything(desk)["plain"])
    assert list(other.rows()) == list(desk.ledger.rows())
