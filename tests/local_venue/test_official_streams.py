"""The streams of the local venue, heard by Polymarket's official SDK, unmodified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.local_venue.judges import MS, QUIET, SECOND, Case, Court, court, step
from underround.local_venue.faults import Drop, Ghost, Retry
from underround.local_venue.flow.listings import Draft, polymarket_listing
from underround.model.units import decimal_text, shares, usd

SDK: Any = "polymarket-client"
Event = dict[str, Any]


@pytest.fixture(scope="module", name="held")
def _held() -> Iterator[Court]:
    with court() as opened:
        yield opened


def is_a(kind: str, **fields: object) -> Any:
    """Return the test of an event: its class and fields of its payload."""

    def wanted(event: Event) -> bool:
        payload = event["payload"]
        return event["kind"] == kind and all(payload[key] == fields[key] for key in fields)

    return wanted


async def watch(case: Case, who: str, name: str, *wanted: tuple[str, object]) -> None:
    await case.ask("subscribe", who=who, name=name, wanted=wanted)


def test_the_market_channel_tells_books_changes_trades_ticks_listings_and_ends(
    held: Court,
) -> None:
    async def flow(case: Case) -> None:
        judge = case.judge
        await case.open("alice")
        yes, no = case.token("quiet-even"), case.token("quiet-even", 1)
        spec = {"asset_ids": [yes, no], "custom_feature_enabled": True}
        await watch(case, "anyone", "market", ("MarketSpec", spec))
        for token in (yes, no):
            (book,) = await judge.heard("market", is_a("MarketBookEvent", asset_id=token))
            served = await case.ask(
                "call", who="anyone", name="get_order_book", given={"asset_id": token}
            )
            for name in ("bids", "asks", "hash", "tick_size", "timestamp"):
                assert book["payload"][name] == served[name], name

        # A better bid: the level, the best prices, and on the other outcome's book the mirror.
        await case.ask(
            "place", who="alice", token=yes, side="BUY", price="0.50", size="10", tif="GTC"
        )
        (told,) = await judge.heard("market", is_a("MarketPriceChangeEvent"))
        changes = {each["asset_id"]: each for each in told["payload"]["price_changes"]}
        assert level(changes[yes]) == ("BUY", "0.5", "10", "0.5", "0.51")
        assert level(changes[no]) == ("SELL", "0.5", "10", "0.49", "0.5")
        for token in (yes, no):
            served = await case.ask(
                "call", who="anyone", name="get_order_book", given={"asset_id": token}
            )
            assert changes[token]["hash"] == served["hash"]
        await judge.heard("market", is_a("MarketBestBidAskEvent", asset_id=yes, best_bid="0.5"))
        await judge.heard("market", is_a("MarketBestBidAskEvent", asset_id=no, best_ask="0.5"))

        # A trade: its print, then the book, whose hash is the one REST serves.
        judge.forget()
        bought = await case.ask(
            "place", who="alice", token=yes, side="BUY", amount="51", price="0.51", tif="FOK"
        )
        (last,) = await judge.heard("market", is_a("MarketLastTradePriceEvent", asset_id=yes))
        assert (last["payload"]["price"], last["payload"]["size"]) == ("0.51", "100")
        assert last["payload"]["side"] == "BUY"
        (book,) = await judge.heard("market", is_a("MarketBookEvent", asset_id=yes))
        best = book["payload"]["asks"][-1]
        assert (best["price"], best["size"]) == ("0.51", "900")
        served = await case.ask(
            "call", who="anyone", name="get_order_book", given={"asset_id": yes}
        )
        assert book["payload"]["hash"] == served["hash"]
        await case.ask("settled", who="alice", trades=bought["trades"])
        await case.ask("cancel_all", who="alice")

        step(case, do="ticks", market="quiet-even", tick="0.001")
        (ticks,) = await judge.heard("market", is_a("MarketTickSizeChangeEvent", asset_id=yes))
        sizes = (ticks["payload"]["old_tick_size"], ticks["payload"]["new_tick_size"])
        assert sizes == ("0.01", "0.001")

        list_another(case)
        (new,) = await judge.heard("market", is_a("NewMarketEvent", slug="another"))
        assert new["payload"]["outcomes"] == ["Yes", "No"]
        assert new["payload"]["condition_id"] == case.condition("another")

        step(case, do="resolve", market="quiet-even", wins="YES")
        (end,) = await judge.heard("market", is_a("MarketResolvedEvent"))
        assert end["payload"]["market"] == case.condition("quiet-even")
        assert str(yes) in json.dumps(end["payload"])
        assert await case.ask("unsubscribe", name="market") == 0
        await case.agrees("alice", usd("9949"), {yes: shares("100")})

    held.hold(SDK, QUIET, flow)


def level(change: dict[str, str]) -> tuple[str, ...]:
    return tuple(change[name] for name in ("side", "price", "size", "best_bid", "best_ask"))


def list_another(case: Case) -> None:
    world = case.venue.world
    now = world.act()
    event = world.catalogue.add_event("another", "Another?")
    draft = Draft(slug="another", title="Another?", rules="It is.", opens_ns=now, ends_ns=None)
    listing, question = polymarket_listing(draft, event)
    world.list_market(event, listing, now, question)


def test_a_connection_that_broke_is_made_again_and_begins_with_the_book(held: Court) -> None:
    async def flow(case: Case) -> None:
        yes = case.token("quiet-even")
        await watch(case, "anyone", "market", ("MarketSpec", {"asset_ids": [yes]}))
        await case.judge.heard("market", is_a("MarketBookEvent", asset_id=yes))
        case.judge.forget()
        await case.open("alice")
        fault = Drop(stream="polymarket.market", count=1)
        case.fault(fault)
        assert case.venue.world.faults.of(Drop, case.venue.world.act()) == ()
        bought = await case.ask(
            "place", who="alice", token=yes, side="BUY", amount="2.55", price="0.51", tif="FOK"
        )
        assert bought["taken"] == "5"
        (book, *_) = await case.judge.heard("market", is_a("MarketBookEvent", asset_id=yes))
        best = book["payload"]["asks"][-1]
        assert (best["price"], best["size"]) == ("0.51", "995")

    held.hold(SDK, QUIET, flow)


def test_the_user_channel_tells_orders_and_trades_of_both_sides_until_they_are_final(
    held: Court,
) -> None:
    async def flow(case: Case) -> None:
        judge = case.judge
        yes, condition = case.token("quiet-even"), case.condition("quiet-even")
        for name in ("alice", "bob"):
            await case.open(name)
            await watch(case, name, name, ("UserSpec", {"markets": [condition]}))
        case.fault(Retry(count=1))
        rested = await case.ask(
            "place", who="alice", token=yes, side="BUY", price="0.50", size="30", tif="GTC"
        )
        order = {"id": rested["order"]}
        (placed,) = await judge.heard("alice", is_a("UserOrderEvent", **order))
        payload = placed["payload"]
        assert (payload["order_event_type"], payload["status"]) == ("PLACEMENT", "LIVE")
        assert (payload["original_size"], payload["size_matched"]) == ("30", "0")
        assert payload["maker_address"] == case.person("alice").maker

        case.give("bob", "quiet-even", shares("10"))
        taken = await case.ask(
            "place", who="bob", token=yes, side="SELL", amount="10", price="0.50", tif="FOK"
        )
        update = {**order, "order_event_type": "UPDATE"}
        (filled,) = await judge.heard("alice", is_a("UserOrderEvent", **update))
        assert filled["payload"]["size_matched"] == "10"
        assert filled["payload"]["associate_trades"] == taken["trades"]
        trade = {"id": taken["trades"][0]}
        await judge.heard("bob", is_a("UserTradeEvent", **trade, status="CONFIRMED"))
        for name, side in (("alice", "MAKER"), ("bob", "TAKER")):
            seen = await judge.heard(name, is_a("UserTradeEvent", **trade), 4)
            states = [each["payload"]["status"] for each in seen]
            assert states == ["MATCHED", "RETRYING", "MINED", "CONFIRMED"]
            assert {each["payload"]["trader_side"] for each in seen} == {side}
            assert len(seen[-1]["payload"]["transaction_hash"]) == 66
            (part,) = seen[0]["payload"]["maker_orders"]
            assert (part["order_id"], part["matched_amount"]) == (rested["order"], "10")
            assert (part["side"], part["price"]) == ("BUY", "0.5")

        # What is left of it ends with the market.
        step(case, do="resolve", market="quiet-even", wins="NO")
        ended = {**order, "order_event_type": "CANCELLATION"}
        (gone,) = await judge.heard("alice", is_a("UserOrderEvent", **ended))
        assert gone["payload"]["status"] == "CANCELED_MARKET_RESOLVED"
        await case.agrees("alice", usd("9995"), {yes: shares("10")})
        await case.agrees("bob", usd("9995"), {yes: 0})

    held.hold(SDK, QUIET, flow)


def test_a_fill_that_was_none_is_told_as_failed_and_everybody_has_what_he_had(
    held: Court,
) -> None:
    async def flow(case: Case) -> None:
        yes = case.token("quiet-even")
        await case.open("alice")
        await watch(case, "alice", "alice", ("UserSpec", {}))
        case.fault(Ghost(count=1))
        taken = await case.ask(
            "place", who="alice", token=yes, side="BUY", amount="51", price="0.51", tif="FOK"
        )
        refused = await case.refused("settled", who="alice", trades=taken["trades"])
        assert refused.kind == "TransactionFailedError"
        trade = is_a("UserTradeEvent", id=taken["trades"][0])
        states = [each["payload"]["status"] for each in await case.judge.heard("alice", trade, 3)]
        assert states == ["MATCHED", "RETRYING", "FAILED"]
        await case.agrees("alice", usd("10000"), {yes: 0})

    held.hold(SDK, QUIET, flow)


class Rising:
    """A price that rises by a dollar a second, ninety times, and stands from then on."""

    def __init__(self, case: Case) -> None:
        prices, now = case.venue.world.prices, case.venue.world.act()
        # Of a second that is told a little later everything has to be known.
        self.last = now - SECOND // 5
        for ago in range(90, -1, -1):
            prices.tell("sol/usd", usd("65090") - ago * 10**6, self.last - ago * SECOND)

    def mean(self, at_ms: int) -> str:
        """Return the mean of the minute before a moment: of its sixty full seconds."""
        seconds = (at_ms * MS - back * SECOND for back in range(60))
        missing = sum(max(0, -((at - self.last) // SECOND)) for at in seconds)
        return decimal_text((60 * usd("65090") - missing * usd("1")) // 60)


def in_ms(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1_000)


def test_reference_prices_come_by_polybolt_and_by_rtds(held: Court) -> None:
    async def flow(case: Case) -> None:
        judge, rising = case.judge, Rising(case)
        await case.open("alice")
        await watch(
            case, "alice", "polybolt",
            ("CryptoPriceSpec", {"symbols": ["solusd"]}),
            ("CryptoTwapPriceSpec", {"symbols": ["solusd"]}),
        )  # fmt: skip
        await watch(
            case, "anyone", "rtds",
            ("CryptoPricesSpec", {"topic": "prices.crypto.binance", "symbols": ["solusdt"]}),
            ("CryptoPricesSpec", {"topic": "prices.crypto.chainlink", "symbols": ["sol/usd"]}),
            ("CryptoPricesChainlinkTwapSpec", {"window_seconds": 60, "symbols": ["sol/usd"]}),
            ("CommentsSpec", {}),
        )  # fmt: skip
        (spot,) = await judge.heard("polybolt", is_a("CryptoPriceSnapshotEvent"))
        assert spot["payload"]["symbol"] == "solusd"
        told = [each["value"] for each in spot["payload"]["data"]]
        assert len(told) >= 80
        assert set(told) <= {str(65_000 + number) for number in range(91)}
        await judge.heard("polybolt", is_a("CryptoTwapPriceSnapshotEvent"))
        (spot, *_) = await judge.heard("polybolt", is_a("CryptoPriceUpdateEvent"))
        assert (spot["payload"]["value"], spot["payload"]["source"]) == ("65090", "pyth")
        (mean, *_) = await judge.heard("polybolt", is_a("CryptoTwapPriceUpdateEvent"))
        payload = mean["payload"]
        assert (payload["window_seconds"], payload["source"]) == (60, "chainlink")
        assert payload["value"] == rising.mean(in_ms(payload["timestamp"]))
        (spot, *_) = await judge.heard("rtds", is_a("CryptoPricesBinanceEvent"))
        assert (spot["payload"]["symbol"], spot["payload"]["value"]) == ("solusdt", "65090")
        (spot, *_) = await judge.heard("rtds", is_a("CryptoPricesChainlinkEvent"))
        assert (spot["payload"]["symbol"], spot["payload"]["value"]) == ("sol/usd", "65090")
        (mean, *_) = await judge.heard("rtds", is_a("CryptoPricesChainlinkTwapEvent"))
        assert mean["payload"]["value"] == rising.mean(mean["payload"]["timestamp"])

        def newest(event: Event) -> bool:
            return bool(event["payload"]["value"] == "66000")

        # Made again, the connection asks for everything in one frame, comments included.
        fault = Drop(stream="polymarket.rtds", count=1)
        case.fault(fault)
        assert case.venue.world.faults.of(Drop, case.venue.world.act()) == ()
        case.venue.world.prices.tell("sol/usd", usd("66000"), case.venue.world.act())
        await judge.heard("rtds", newest)

    held.hold(SDK, QUIET, flow)
