"""Polymarket's two official Python SDKs, unmodified, trade, and every balance is right after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.local_venue.judges import QUIET, SDKS, Case, Court, Sdk, court, refused_words, scene_of
from underround.model.ids import POLYMARKET, MarketId
from underround.model.units import ONE, Money, Price, Size, shares, usd
from underround.venues.polymarket.ids import PositionId

both = pytest.mark.parametrize("sdk", SDKS)
LEVELS = """
[[markets]]
slug = "levels"
title = "A market with fees"
fee_rate = "0.04"
bids = [["0.30", "50"], ["0.25", "100"]]
asks = [["0.60", "20"], ["0.65", "40"], ["0.70", "100"]]

[[accounts]]
name = "alice"
cash = "1000"
shares = [{ market = "levels", outcome = "YES", size = "100" }]
"""


@pytest.fixture(scope="module", name="held")
def _held() -> Iterator[Court]:
    with court() as opened:
        yield opened


def fee(size: Size, price: Price, rate: int = 40_000) -> Money:
    """Return size · rate · p(1 − p) to five decimals, by integers alone; nothing may be cut off."""
    exact, rest = divmod(size * rate * price * (ONE - price), ONE**3 * 10)
    assert rest == 0, "choose figures that need no rounding"
    return exact * 10


# --- orders that take ----------------------------------------------------------------------------


@both
def test_market_orders_by_dollars_and_by_shares_cost_exactly_price_size_and_fee(
    held: Court, sdk: Sdk, tmp_path: Path
) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        yes = case.token("levels")
        cash, have = usd("1000"), shares("100")

        async def take(**asked: object) -> dict[str, Any]:
            placed: dict[str, Any] = await case.ask("place", who="alice", token=yes, **asked)
            assert (placed["status"], placed["refused"]) == ("matched", "")
            rows = await case.ask("settled", who="alice", trades=placed["trades"])
            assert [row["status"] for row in rows] == ["CONFIRMED"]
            assert all(len(row["transaction_hash"]) == 66 for row in rows)
            assert rows[0]["trader_side"] == "TAKER"
            return placed

        # Twenty shares are there at this price; what is left of the 24 dollars is not spent.
        placed = await take(side="BUY", amount="24", price="0.60", tif="FAK")
        assert (placed["made"], placed["taken"]) == ("12", "20")
        cash -= usd("12") + fee(shares("20"), 600_000)
        await case.agrees("alice", cash, {yes: have + shares("20")})

        # All of it, or nothing: forty at 0.65, then ten at 0.70.
        placed = await take(side="BUY", amount="33", price="0.70", tif="FOK")
        assert (placed["made"], placed["taken"]) == ("33", "50")
        cash -= usd("33") + fee(shares("40"), 650_000) + fee(shares("10"), 700_000)
        await case.agrees("alice", cash, {yes: have + shares("70")})

        placed = await take(side="SELL", amount="60", price="0.25", tif="FOK")
        assert (placed["made"], placed["taken"]) == ("60", "17.5")
        cash += usd("17.5") - fee(shares("50"), 300_000) - fee(shares("10"), 250_000)
        await case.agrees("alice", cash, {yes: have + shares("10")})

        placed = await take(side="SELL", amount="100", price="0.25", tif="FAK")
        assert (placed["made"], placed["taken"]) == ("90", "22.5")
        cash += usd("22.5") - fee(shares("90"), 250_000)
        await case.agrees("alice", cash, {yes: shares("20")})
        assert len(await case.ask("trades", who="alice")) == 4

    held.hold(sdk, scene_of(tmp_path, LEVELS), flow)


@both
def test_what_cannot_be_filled_at_once_is_killed_and_costs_nothing(
    held: Court, sdk: Sdk, tmp_path: Path
) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        yes = case.token("levels")
        usual = {"who": "alice", "token": yes}
        buy = {"side": "BUY", "amount": "200", "price": "0.70", "tif": "FOK"}
        killed = await refused_words(case, "place", **usual, **buy)
        assert killed == "order couldn't be fully filled. FOK orders are fully filled or killed."
        sell = {"side": "SELL", "amount": "60", "price": "0.30", "tif": "FOK"}
        assert await refused_words(case, "place", **usual, **sell) == killed
        none = {"side": "SELL", "amount": "60", "price": "0.40", "tif": "FAK"}
        assert "no orders found to match" in await refused_words(case, "place", **usual, **none)
        await case.agrees("alice", usd("1000"), {yes: shares("100")})
        assert await case.ask("trades", who="alice") == []

    held.hold(sdk, scene_of(tmp_path, LEVELS), flow)


@both
def test_a_maker_sees_its_order_filled_in_parts_and_is_paid_its_own_price(
    held: Court, sdk: Sdk, tmp_path: Path
) -> None:
    async def flow(case: Case) -> None:
        for name in ("alice", "bob", "carol"):
            await case.open(name)
        yes, no = case.token("levels"), case.token("levels", 1)
        sell = await case.ask(
            "place", who="alice", token=yes, side="SELL", price="0.50", size="30", tif="GTC"
        )
        taken = await case.ask(
            "place", who="bob", token=yes, side="BUY", amount="5", price="0.50", tif="FAK"
        )
        await case.ask("settled", who="bob", trades=taken["trades"])
        row = await case.ask("order", who="alice", order=sell["order"])
        assert (row["size_matched"], row["original_size"], row["status"]) == ("10", "30", "LIVE")
        assert row["associate_trades"] == taken["trades"]
        seen = (await case.ask("trades", who="alice"))[0]
        assert (seen["trader_side"], seen["taker_order_id"]) == ("MAKER", taken["order"])
        part = seen["maker_orders"][0]
        assert (part["order_id"], part["matched_amount"]) == (sell["order"], "10")
        assert (part["side"], part["price"], part["asset_id"]) == ("SELL", "0.5", yes)

        # A crossing limit order takes the twenty that are left, at alice's price, and rests.
        crossing = await case.ask(
            "place", who="bob", token=yes, side="BUY", price="0.55", size="25", tif="GTC"
        )
        assert (crossing["made"], crossing["taken"]) == ("10", "20")
        await case.ask("settled", who="bob", trades=crossing["trades"])
        assert case.kept("bob")[1] == usd("2.75")

        # Carol buys NO from bob, who buys YES: a new pair is made of their dollars.
        minted = await case.ask(
            "place", who="carol", token=no, side="BUY", amount="2.25", price="0.45", tif="FOK"
        )
        assert (minted["made"], minted["taken"]) == ("2.25", "5")
        await case.ask("settled", who="carol", trades=minted["trades"])
        await case.agrees("alice", usd("1015"), {yes: shares("70")})
        spent = usd("15") + usd("2.75") + fee(shares("30"), 500_000)
        await case.agrees("bob", usd("10000") - spent, {yes: shares("35"), no: 0})
        spent = usd("2.25") + fee(shares("5"), 450_000)
        await case.agrees("carol", usd("10000") - spent, {no: shares("5")})

    held.hold(sdk, scene_of(tmp_path, LEVELS), flow)


@both
def test_the_rows_of_a_batch_fail_one_by_one(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        yes = case.token("quiet-even")

        def row(price: str, size: str, side: str = "BUY") -> dict[str, str]:
            return {"token": yes, "side": side, "price": price, "size": size, "tif": "GTC"}

        rows = [
            row("0.20", "10"),
            row("0.21", "4"),
            row("0.22", "90000"),
            row("0.30", "10", "SELL"),
            row("0.51", "100"),
            row("0.23", "20"),
        ]
        told = await case.ask("batch", who="alice", orders=rows)
        words = [each["refused"] for each in told]
        assert [each["status"] for each in told] == ["live", "", "", "", "matched", "live"]
        assert "lower than the minimum: 5" in words[1]
        assert all("not enough balance / allowance" in each for each in words[2:4])
        assert (words[0], words[4], words[5]) == ("", "", "")
        await case.ask("settled", who="alice", trades=told[4]["trades"])
        assert case.kept("alice") == (usd("10000") - usd("51"), usd("2") + usd("4.6"), 0)
        resting = {each["id"] for each in await case.ask("open_orders", who="alice")}
        assert resting == {told[0]["order"], told[5]["order"]}
        await case.ask("cancel_all", who="alice")
        await case.agrees("alice", usd("9949"), {yes: shares("100")})
        many = await case.refused("batch", who="alice", orders=[row("0.2", "5")] * 16)
        assert "15" in many.text

    held.hold(sdk, QUIET, flow)


@both
def test_neg_risk_orders_are_signed_for_the_other_exchange_and_trade(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        for name, kind in (("alice", "POLY_1271"), ("bob", "POLY_GNOSIS_SAFE")):
            await case.open(name, kind)
        red, green = case.token("quiet-race-red"), case.token("quiet-race-green", 1)
        bought = await case.ask(
            "place", who="alice", token=red, side="BUY", amount="16", price="0.32", tif="FOK"
        )
        assert (bought["made"], bought["taken"]) == ("16", "50")
        rested = await case.ask(
            "place", who="bob", token=green, side="BUY", price="0.59", size="10", tif="GTC"
        )
        await case.ask("settled", who="alice", trades=bought["trades"])
        sold = await case.ask(
            "place", who="alice", token=red, side="SELL", price="0.30", size="20", tif="GTC"
        )
        assert (rested["status"], sold["status"]) == ("live", "matched")
        rows = await case.ask("settled", who="alice", trades=sold["trades"])
        assert [row["status"] for row in rows] == ["CONFIRMED"]
        await case.agrees("alice", usd("9990"), {red: shares("30")})
        await case.ask("cancel_all", who="bob")
        assert case.kept("bob", "POLY_GNOSIS_SAFE") == (usd("10000"), 0, 0)

    held.hold(sdk, QUIET, flow)


@both
def test_a_market_of_protocol_v2_is_recognised_by_its_ids_and_trades(
    held: Court, sdk: Sdk, tmp_path: Path
) -> None:
    async def flow(case: Case) -> None:
        list_v2(case)
        for name in ("alice", "bob"):
            await case.open(name)
        yes, no = case.token("newer"), case.token("newer", 1)
        rested = await case.ask(
            "place", who="alice", token=yes, side="BUY", price="0.60", size="20", tif="GTC"
        )
        taken = await case.ask(
            "place", who="bob", token=no, side="BUY", amount="4", price="0.40", tif="FAK"
        )
        assert (rested["status"], taken["taken"]) == ("live", "10")
        rows = await case.ask("settled", who="bob", trades=taken["trades"])
        assert [row["status"] for row in rows] == ["CONFIRMED"]
        sold = await case.ask(
            "place", who="bob", token=no, side="SELL", price="0.45", size="10", tif="GTC"
        )
        assert sold["status"] == "live"
        await case.ask("cancel_all", who="alice")
        await case.ask("cancel_all", who="bob")
        await case.agrees("alice", usd("1000") - usd("6"), {yes: shares("10")})
        await case.agrees("bob", usd("9996") - fee(shares("10"), 400_000), {no: shares("10")})

    held.hold(sdk, scene_of(tmp_path, LEVELS), flow)


def list_v2(case: Case) -> None:
    """List a market of Protocol V2, which no scene can."""
    yes = PositionId(
        module=1, base=bytes(range(16)), arity=2, chain=1, condition_index=0, outcome=0
    )
    model = case.venue.world.catalogue.of_slug("levels")
    assert model is not None
    tokens = (yes.token, yes.sibling(1).token)
    market = msgspec.structs.replace(
        model.listing.market, id=MarketId(POLYMARKET, yes.padded_condition), tokens=tokens
    )
    listing = msgspec.structs.replace(model.listing, market=market, slug="newer", protocol="v2")
    event = case.venue.world.catalogue.add_event("newer", "A newer market")
    case.venue.world.list_market(event, listing, case.venue.world.act(), yes.padded_condition)


@both
def test_an_order_that_has_to_wait_is_told_as_delayed_and_fills_afterwards(
    held: Court, sdk: Sdk, tmp_path: Path
) -> None:
    async def flow(case: Case) -> None:
        await case.open("alice")
        yes = case.token("levels")
        placed = await case.ask(
            "place", who="alice", token=yes, side="BUY", price="0.60", size="20", tif="GTC"
        )
        assert (placed["status"], placed["trades"]) == ("delayed", [])
        held_back = await case.ask("cancel", who="alice", order=placed["order"])
        assert (held_back["cancelled"], list(held_back["kept"])) == ([], [placed["order"]])
        case.jump(61)
        (trade,) = await case.ask("trades", who="alice")
        assert trade["taker_order_id"] == placed["order"]
        await case.ask("settled", who="alice", trades=[trade["id"]])
        cash = usd("1000") - usd("12") - fee(shares("20"), 600_000)
        await case.agrees("alice", cash, {yes: shares("120")})

    slow = LEVELS.replace('fee_rate = "0.04"', 'fee_rate = "0.04"\ntaker_delay = "60s"')
    held.hold(sdk, scene_of(tmp_path, slow), flow)
