"""The local chain at its edges: what came before it, who is not known, what the node loses."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.chain.venue_desk import SECOND, Desk, venue
from underround.local_venue.chain.node import CallFailed
from underround.local_venue.chain.wallets import reason
from underround.local_venue.signed_orders import SignedOrders
from underround.model.ids import OrderId
from underround.model.market import Market
from underround.model.units import shares, usd
from underround.simulation.matching.terms import AccountId, Placement, Submission
from underround.venues.polygon import calldata, positions
from underround.venues.polymarket.contracts import POLYGON


def test_what_was_listed_and_resolved_before_the_chain_began_is_on_it() -> None:
    made: list[Market] = []

    def before(desk: Desk) -> None:
        made.extend((desk.list("rain"), desk.list("sun", desk.event("group", neg_risk=True))))
        for market in made:
            desk.exchange.custody.split(desk.account("alice"), market.id, shares("9"))
            desk.resolve(market, 0, 1)

    async def story() -> None:
        async with venue(("alice",), before=before) as desk:
            await desk.block()
            for market in made:
                condition = positions.whole_condition(market.id.native)
                numerators = [
                    await desk.read(
                        POLYGON.conditional_tokens, calldata.PAYOUT_NUMERATOR, condition, index
                    )
                    for index in (0, 1)
                ]
                assert numerators[0] == 0 < numerators[1]
            await desk.relay(
                desk.account("alice"),
                [
                    positions.redeem("ctf", made[0].id.native),
                    positions.redeem("neg_risk", made[1].id.native),
                ],
            )
            assert desk.exchange.custody.balance(desk.account("alice")) == usd("10000")

    asyncio.run(story())


def _unsigned(desk: Desk, account: AccountId, market: Market, *, buys: bool) -> Placement:
    """Let an order into the exchange that nobody signed."""
    sent = Submission(
        id=OrderId("0x" + ("b1" if buys else "51") * 32),
        account=account,
        owner="house",
        outcome=market.outcome(0),
        side="buy" if buys else "sell",
        price=400_000,
        size=shares("10"),
        tif="GTC",
        created_ns=desk.clock.now(),
    )
    placed: Placement = desk.exchange.submit(sent, desk.clock.now())
    return placed


def test_a_match_with_an_order_nobody_signed_fails_and_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            desk.exchange.custody.split(desk.account("alice"), rain.id, shares("50"))
            await desk.block()
            desk.place("alice", rain, "sell", "0.40", "10")
            taken = _unsigned(desk, desk.account("bob"), rain, buys=True)
            await desk.settle()
            assert desk.trade(taken).status == "FAILED"

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    (said,) = [record.getMessage() for record in caplog.records]
    assert "was never signed" in said


def test_an_account_nobody_knows_gets_a_wallet_that_the_venue_signs_for() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            stranger = AccountId("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
            desk.exchange.custody.deposit(stranger, usd("50"))
            desk.exchange.custody.allow_all(stranger)
            desk.exchange.custody.split(stranger, rain.id, shares("10"))
            await desk.block()
            _unsigned(desk, stranger, rain, buys=False)
            bought = desk.place("bob", rain, "buy", "0.40", "10")
            await desk.settle()
            assert desk.trade(bought).status == "CONFIRMED"
            assert desk.exchange.custody.balance(stranger) == usd("44")

    asyncio.run(story())


def test_transactions_that_the_node_drops_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            desk.exchange.custody.split(desk.account("alice"), rain.id, shares("50"))
            await desk.block()
            desk.place("alice", rain, "sell", "0.40", "10")
            sale = desk.place("bob", rain, "buy", "0.40", "10")
            late = desk.list("late")
            node, mine = desk.chain.node, desk.chain.node.mine

            async def forgetful(at_s: int | None = None) -> int:
                await node.rpc("anvil_dropAllTransactions")
                return await mine(at_s)

            monkeypatch.setattr(node, "mine", forgetful)
            desk.clock.move_to(desk.clock.now() + 2 * SECOND)
            await desk.chain.blocks.make()
            assert desk.trade(sale).status == "MATCHED"
            monkeypatch.undo()
            await desk.settle()
            assert desk.trade(sale).status == "CONFIRMED"
            slots = calldata.OUTCOME_SLOTS
            condition = positions.whole_condition(late.id.native)
            assert await desk.read(POLYGON.conditional_tokens, slots, condition) == 2

    asyncio.run(story())


def test_a_block_that_could_not_be_made_is_made_the_next_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk:
            made, make = asyncio.Event(), desk.chain.blocks.make
            fails = [CallFailed("evm_mine", -1, "no", "")]

            async def once() -> int:
                made.set()
                if fails:
                    raise fails.pop()
                return await make()

            monkeypatch.setattr(desk.chain.blocks, "make", once)
            desk.chain.run()
            await asyncio.wait_for(made.wait(), 20)
            head = desk.chain.blocks.head
            there = asyncio.Event()

            async def hear(_head: int, _final: int, _now: int) -> None:
                there.set()

            desk.chain.blocks.listen(hear)
            desk.clock.move_to(desk.clock.now() + 2 * SECOND)
            desk.world.act()
            await asyncio.wait_for(there.wait(), 20)
            assert desk.chain.blocks.head > head

    asyncio.run(story())
    assert [record.getMessage() for record in caplog.records] == ["the local chain made no block"]


def test_a_maker_of_blocks_that_breaks_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk:

            async def broken() -> int:
                raise RuntimeError("a mistake")

            monkeypatch.setattr(desk.chain.blocks, "make", broken)
            desk.chain.run()
            maker = desk.chain._maker
            assert maker is not None
            await asyncio.wait([maker], timeout=20)
            await asyncio.sleep(0)

    asyncio.run(story())
    assert [record.getMessage() for record in caplog.records] == [
        "the local chain makes no more blocks"
    ]


@pytest.mark.parametrize(
    "data, said",
    [
        ("0x" + "00" * 2, "reverted"),
        ("", "reverted"),
        ("0x7c214f04", "NotOperator()"),
        ("0x82b42900", "error 0x82b42900"),
    ],
)
def test_a_refusal_has_the_name_of_the_contract_s_own_error(data: str, said: str) -> None:
    assert reason(CallFailed("eth_call", 3, "reverted", data)) == said


def test_signed_orders_are_let_go_some_time_after_they_are_released() -> None:
    store = SignedOrders(remembered=2)
    names = [OrderId(f"0x{number:064x}") for number in range(4)]
    for name in names:
        store.keep(name, None, b"", "")  # type: ignore[arg-type]  # nothing looks at its fields
    store.release(OrderId("0x0"))
    for name in names[:3]:
        store.release(name)
    assert [store.of(name) is not None for name in names] == [False, True, True, True]
    assert len(store) == 3
