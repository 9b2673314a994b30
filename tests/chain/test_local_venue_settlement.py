"""Matches of the local venue as real transactions: what everybody holds, block by block."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from fractions import Fraction

import msgspec
import pytest

from tests.chain.venue_desk import KINDS, Desk, venue
from underround.local_venue.chain import placed
from underround.model.market import Market
from underround.model.units import ONE, decimal_text, parse_micros, shares, usd
from underround.venues.polygon import calldata, positions
from underround.venues.polygon.answers import Log
from underround.venues.polygon.event import topic_of
from underround.venues.polygon.exchange_events import OrderFilled, OrdersMatched
from underround.venues.polygon.exchange_logs import OWN_ROW, filled_order, trades
from underround.venues.polygon.quantities import of_hex
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.ids import derive_tokens
from underround.venues.polymarket.wallets import SignatureType

EOA = SignatureType.EOA


def test_split_quote_match_merge_resolve_redeem_by_ordinary_accounts_with_gas_recorded(
    record_property: Callable[[str, object], None],
) -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain", rate=50_000)
            condition = rain.id.native
            await desk.block()
            alice, bob = desk.account("alice", EOA), desk.account("bob")
            total = desk.exchange.custody.total()

            # Alice's own key splits; Bob, whose wallet is a contract, has the relayer do it.
            split = await desk.raw("alice", positions.split("ctf", condition, shares("100")))
            await desk.block()
            await desk.relay(bob, [positions.split("ctf", condition, shares("50"))])
            assert _shares(desk, alice, rain) == (shares("100"), shares("100"))
            assert desk.exchange.custody.balance(alice) == usd("9900")

            desk.place("alice", rain, "sell", "0.40", "60", kind=EOA)
            taken = desk.place("bob", rain, "buy", "0.45", "40")
            assert desk.trade(taken).status == "MATCHED"
            await desk.block()
            assert desk.trade(taken).status == "MINED"
            assert _shares(desk, bob, rain) == (shares("90"), shares("50"))
            await desk.settle()
            assert desk.trade(taken).status == "CONFIRMED"

            merge = await desk.raw("alice", positions.merge("ctf", condition, shares("50")))
            await desk.block()
            assert _shares(desk, alice, rain) == (shares("10"), shares("50"))

            desk.resolve(rain, 1, 0)
            await desk.block()
            redeem = await desk.raw("alice", positions.redeem("ctf", condition))
            await desk.relay(bob, [positions.redeem("ctf", condition)])
            await desk.block()
            assert _shares(desk, alice, rain) == _shares(desk, bob, rain) == (0, 0)
            fee = rain.fees.fee(400_000, shares("40"), taker=True)
            assert desk.exchange.custody.balance(alice) == usd("9900") + usd("16") + usd("60")
            assert desk.exchange.custody.balance(bob) == usd("9950") - usd("16") - fee + usd("90")
            assert desk.exchange.custody.total() == total

            (record,) = desk.chain.gas.records
            assert record.kinds == ("complementary",)
            assert record.estimated is not None
            assert 150_000 < record.used <= record.estimated
            for name, transaction in (("split", split), ("merge", merge), ("redeem", redeem)):
                receipt = await desk.chain.node.rpc("eth_getTransactionReceipt", transaction)
                assert receipt["status"] == "0x1", name
                record_property(f"gas of a {name}", int(receipt["gasUsed"], 16))
            record_property("gas of a match", record.used)
            record_property("gas estimated", record.estimated)

    asyncio.run(story())


def _shares(desk: Desk, account: object, market: Market) -> tuple[int, int]:
    custody = desk.exchange.custody
    yes, no = (custody.balance(account, market.outcome(index)) for index in (0, 1))
    return yes, no


def test_token_ids_on_the_chain_are_those_derived_offline() -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk:
            markets = [desk.list("rain"), desk.list("sun", desk.event("weather", neg_risk=True))]
            await desk.block()
            for market in markets:
                condition = positions.whole_condition(market.id.native)
                row = desk.world.catalogue.markets[market.id]
                question = bytes.fromhex(row.question_id[2:])
                oracle = POLYGON.neg_risk_adapter if market.neg_risk else POLYGON.oracle_aggregator
                collateral = POLYGON.wrapped_collateral if market.neg_risk else POLYGON.usdc_e
                ctf = POLYGON.conditional_tokens
                assert await desk.read(ctf, calldata.OUTCOME_SLOTS, condition) == 2
                told = await desk.read(ctf, calldata.CONDITION_ID, oracle.lower(), question, 2)
                assert told == condition
                found = []
                for index_set in (1, 2):
                    collection = await desk.read(
                        ctf, calldata.COLLECTION_ID, bytes(32), condition, index_set
                    )
                    position = await desk.read(
                        ctf, calldata.POSITION_ID, collateral.lower(), collection
                    )
                    found.append(str(position))
                assert tuple(found) == derive_tokens(market.id.native, market.neg_risk)
                assert tuple(found) == market.tokens

    asyncio.run(story())


@pytest.mark.parametrize("kind", KINDS)
def test_a_mint_a_sale_and_a_merge_settle_for_every_kind_of_wallet(kind: SignatureType) -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain", rate=70_000)
            await desk.block()
            desk.place("alice", rain, "buy", "0.37", "20", kind=kind)
            mint = desk.place("bob", rain, "buy", "0.63", "20", outcome=1, kind=kind)
            await desk.settle()
            assert desk.trade(mint).makers[0].kind == "mint"
            desk.place("bob", rain, "buy", "0.40", "8", kind=kind)
            sale = desk.place("alice", rain, "sell", "0.38", "8", kind=kind)
            await desk.settle()
            desk.place("alice", rain, "sell", "0.30", "10", kind=kind)
            merge = desk.place("bob", rain, "sell", "0.55", "10", outcome=1, kind=kind)
            await desk.settle()
            assert [fill.kind for fill in desk.trade(merge).makers] == ["merge"]
            for each in (mint, sale, merge):
                assert desk.trade(each).status == "CONFIRMED"
            fees = sum(trade.fee for trade in desk.exchange.trades.values())
            assert fees > 0
            held = desk.chain.books.held(placed.FEE_RECEIVER)  # type: ignore[arg-type]  # no account
            assert held == fees == desk.exchange.custody.fees

    asyncio.run(story())


def test_a_neg_risk_match_settles_at_the_neg_risk_exchange() -> None:
    async def story() -> None:
        async with venue() as desk:
            event = desk.event("weather", neg_risk=True)
            rain, _ = desk.list("rain", event), desk.list("sun", event)
            await desk.block()
            desk.place("alice", rain, "buy", "0.37", "30")
            mint = desk.place("bob", rain, "buy", "0.63", "20", outcome=1)
            await desk.settle()
            trade = desk.trade(mint)
            assert trade.status == "CONFIRMED"
            made = await desk.chain.node.rpc("eth_getTransactionByHash", trade.transaction)
            assert made["to"] == POLYGON.neg_risk_exchange.lower()

    asyncio.run(story())


def test_the_logs_of_a_match_read_back_as_the_trade_it_was() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain", rate=70_000)
            desk.exchange.custody.split(desk.account("alice"), rain.id, shares("500"))
            await desk.block()
            desk.place("alice", rain, "sell", "0.40", "10")
            desk.place("alice", rain, "buy", "0.55", "10", outcome=1)
            taken = desk.place("bob", rain, "buy", "0.50", "20", kind=EOA)
            await desk.settle()
            trade = desk.trade(taken)
            receipt = await desk.chain.node.rpc("eth_getTransactionReceipt", trade.transaction)
            logs = msgspec.convert(receipt["logs"], list[Log], dec_hook=of_hex)
            fills = [filled_order(log, 0) for log in logs if log.topics[0] == topic_of(OrderFilled)]
            found = trades(fills)
            assert dict(found.left_out) == {OWN_ROW: 1}
            assert [each.kind for each in found.trades] == [fill.kind for fill in trade.makers]
            for row, fill in zip(found.trades, trade.makers, strict=True):
                assert (str(row.maker.order), row.maker.size) == (str(fill.order), fill.size)
                assert row.maker.side == fill.side
                assert row.price == Fraction(fill.price, ONE)
            (own,) = [fill for fill in fills if fill.closes_match]
            assert str(own.order) == str(trade.order)
            assert (own.size, own.collateral) == (trade.size, trade.cost)
            assert sum(row.taker_fee for row in found.trades) == trade.fee
            assert trade.fee > 0
            assert [log.topics[0] for log in logs][-1] == topic_of(OrdersMatched)

    asyncio.run(story())


def test_a_buyer_with_a_budget_gets_what_it_buys_and_the_chain_agrees_to_the_millionth() -> None:
    async def story() -> None:
        async with venue() as desk:
            prices = {"0.01": "0.37", "0.001": "0.333", "0.0025": "0.3275", "0.1": "0.3"}
            for tick, price in prices.items():
                market = desk.list(f"market {tick}", tick=tick)
                desk.exchange.custody.split(desk.account("alice"), market.id, shares("500"))
                await desk.block()
                desk.place("alice", market, "sell", price, "100")
                # The venue asks for as many shares as the tick's decimals and two more allow.
                grain = 10 ** (6 - 2 - len(tick.partition(".")[2]))
                size = usd("10") * ONE // parse_micros(price) // grain * grain
                bought = desk.place(
                    "bob", market, "buy", price, decimal_text(size), tif="FAK", budget="10"
                )
                await desk.settle()
                assert desk.trade(bought).status == "CONFIRMED"
                assert usd("9.9") < desk.trade(bought).cost <= usd("10")

    asyncio.run(story())


def test_the_house_signs_what_it_never_signed_and_its_orders_settle_like_any_other() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            maker = desk.house.account("maker")
            desk.house.stock(maker, rain.id, shares("1000"))
            now = desk.clock.now()
            desk.house.send(rain, maker, 400_000, shares("100"), now, bid=True)
            desk.house.send(rain, maker, 420_000, shares("100.25"), now, bid=False)
            await desk.block()
            bought = desk.place("alice", rain, "buy", "0.42", "60")
            sold = desk.place("bob", rain, "buy", "0.60", "30", outcome=1)
            await desk.settle()
            assert {desk.trade(each).status for each in (bought, sold)} == {"CONFIRMED"}
            again = desk.place("alice", rain, "buy", "0.42", "40.25")
            await desk.settle()
            assert desk.trade(again).status == "CONFIRMED"

    asyncio.run(story())


def test_after_every_block_of_a_busy_market_books_and_chain_hold_the_same() -> None:
    async def story() -> None:
        chance = random.Random("a busy market")
        async with venue(("alice", "bob", "carol")) as desk:
            event = desk.event("weather", neg_risk=True)
            markets = [desk.list("rain", rate=70_000), desk.list("sun", event, tick="0.001")]
            total = desk.exchange.custody.total()
            for _ in range(40):
                for _ in range(chance.randrange(1, 12)):
                    market = chance.choice(markets)
                    _trade_at_random(desk, market, chance)
                # ``block`` compares everybody's dollars and shares at once.
                await desk.block()
            desk.resolve(markets[0], 1, 1)
            desk.resolve(markets[1], 0, 1)
            await desk.settle()
            assert desk.exchange.custody.total() == total
            statuses = {trade.status for trade in desk.exchange.trades.values()}
            assert statuses == {"CONFIRMED"}
            assert desk.chain.gas.settlements > 30
            assert desk.chain.gas.reverts == 0
            assert desk.chain.gas.used <= desk.chain.gas.estimated

    asyncio.run(story())


def _trade_at_random(desk: Desk, market: Market, chance: random.Random) -> None:
    name, kind = chance.choice(("alice", "bob", "carol")), chance.choice(KINDS)
    outcome, side = chance.randrange(2), chance.choice(("buy", "buy", "sell"))
    step = market.ticks[-1].finest
    price = decimal_text(chance.randrange(300_000, 700_000) // step * step)
    size = decimal_text(chance.randrange(100, 3_000) * ONE // 100)
    tif = chance.choice(("GTC", "GTC", "FAK"))
    desk.place(
        name,
        market,
        "buy" if side == "buy" else "sell",
        price,
        size,
        outcome=outcome,
        kind=kind,
        tif="FAK" if tif == "FAK" else "GTC",
    )


def test_what_the_venue_pays_in_and_out_happens_on_the_chain_too() -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk:
            rain = desk.list("rain")
            custody, alice = desk.exchange.custody, desk.account("alice")
            await desk.block()
            custody.deposit(alice, usd("5"))
            custody.split(alice, rain.id, shares("3"))
            await desk.block()
            custody.withdraw(alice, usd("100"))
            custody.merge(alice, rain.id, shares("2"))
            await desk.block()
            custody.withdraw(alice, shares("1"), rain.outcome(0))
            custody.deposit(alice, shares("7"), rain.outcome(1))
            await desk.block()
            dollars = usd("10000") + usd("5") - usd("3") - usd("100") + usd("2")
            assert desk.chain.books.held(alice) == dollars
            assert desk.chain.books.held(alice, rain.outcome(1)) == shares("8")

    asyncio.run(story())


def test_rebates_leave_the_fees_and_reach_the_makers_on_the_chain() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain", rate=70_000)
            desk.exchange.custody.split(desk.account("alice"), rain.id, shares("500"))
            await desk.block()
            desk.place("alice", rain, "sell", "0.50", "500")
            desk.place("bob", rain, "buy", "0.50", "500")
            await desk.settle()
            before = desk.chain.books.held(desk.account("alice"))
            paid = desk.exchange.custody.pay_rebates()
            await desk.block()
            rebate = paid[desk.account("alice")]
            assert rebate > 0
            assert desk.chain.books.held(desk.account("alice")) == before + rebate
            held = await desk.read(
                POLYGON.collateral, calldata.BALANCE_OF, placed.FEE_RECEIVER.lower()
            )
            assert held == desk.exchange.custody.fees

    asyncio.run(story())
