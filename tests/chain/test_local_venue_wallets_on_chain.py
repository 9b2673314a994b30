"""What ordinary accounts do on the local chain, and what the books learn from it."""

from __future__ import annotations

import asyncio

import pytest

from tests.chain.venue_desk import Desk, venue
from underround.local_venue.catalogue import neg_risk_group
from underround.local_venue.chain import placed
from underround.local_venue.chain.node import CallFailed
from underround.local_venue.chain.wallets import reason
from underround.local_venue.polymarket.wallets.scratch import Deed
from underround.local_venue.world import CallReverted, WalletCall
from underround.model.market import Market
from underround.model.units import shares, usd
from underround.simulation.matching.terms import AccountId
from underround.venues.polygon import calldata, positions
from underround.venues.polygon.abi import Function
from underround.venues.polygon.accounts import Accounts
from underround.venues.polygon.contracts import EXCHANGE_V2, USDC_E
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.rpc import Rpc
from underround.venues.polygon.sign import Call
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.relayer import wallet_calls
from underround.venues.polymarket.wallets import SignatureType
from underround.venues.transport.http import HttpClient

EOA = SignatureType.EOA
EXECUTE_BATCH = Function("executeBatch(uint256,uint256,(address,uint256,bytes)[],bytes)")
RAMP = "(address,address,uint256)"


def _transfer(to: str, amount: int) -> Call:
    data = Function("transfer(address,uint256)")(Address(to.lower()), amount)
    return Call(Address(POLYGON.collateral.lower()), data)


def _group(desk: Desk) -> list[Market]:
    event = desk.event("election", neg_risk=True)
    return [desk.list(f"candidate {number}", event) for number in range(3)]


def test_a_conversion_gives_yes_of_the_others_and_dollars_and_all_can_be_redeemed() -> None:
    async def story() -> None:
        async with venue() as desk:
            markets = _group(desk)
            await desk.block()
            alice, custody = desk.account("alice"), desk.exchange.custody
            total = custody.total()
            group, _ = neg_risk_group("election")
            for market in markets[:2]:
                await desk.relay(
                    alice, [positions.split("neg_risk", market.id.native, shares("9"))]
                )
            convert = calldata.NEG_RISK_CONVERT(group, 0b011, shares("5"))
            adapter = Address(POLYGON.neg_risk_collateral_adapter.lower())
            await desk.relay(alice, [Call(adapter, convert)])
            assert [custody.balance(alice, each.outcome(0)) for each in markets] == [
                shares("9"),
                shares("9"),
                shares("5"),
            ]
            assert custody.balance(alice, markets[0].outcome(1)) == shares("4")
            assert custody.balance(alice) == usd("10000") - usd("18") + usd("5")
            assert custody.total() == total
            for number, market in enumerate(markets):
                desk.resolve(market, int(number == 2), int(number != 2))
            await desk.block()
            for market in markets:
                await desk.relay(alice, [positions.redeem("neg_risk", market.id.native)])
            # Her pairs were worth 18 dollars, whoever won.
            assert custody.balance(alice) == usd("10000")
            assert (custody.total(), custody.lent) == (total, 0)

    asyncio.run(story())


def test_a_native_conversion_pays_usdc_e_which_leaves_the_books() -> None:
    async def story() -> None:
        async with venue() as desk:
            markets = _group(desk)
            await desk.block()
            alice, custody = desk.account("alice", EOA), desk.exchange.custody
            total = custody.total()
            group, _ = neg_risk_group("election")
            for market in markets[:2]:
                await desk.raw("alice", positions.split("neg_risk", market.id.native, shares("9")))
            await desk.raw(
                "alice", positions.allow_positions(Address(POLYGON.neg_risk_adapter.lower()))
            )
            await desk.raw("alice", positions.convert("0x" + group.hex(), 0b011, shares("5")))
            await desk.block()
            paid = await desk.read(POLYGON.usdc_e, calldata.BALANCE_OF, alice.lower())
            assert paid == usd("5")
            assert custody.balance(alice, markets[2].outcome(0)) == shares("5")
            assert custody.total() == total - usd("5")
            await desk.raw("alice", positions.allow_collateral(_onramp(), token=USDC_E))
            wrap = Function(f"wrap{RAMP}")(USDC_E, Address(alice.lower()), usd("5"))
            await desk.raw("alice", Call(_onramp(), wrap))
            await desk.block()
            assert custody.total() == total

    asyncio.run(story())


def _onramp() -> Address:
    return Address(POLYGON.onramp.lower())


def test_dollars_can_leave_by_the_offramp_and_go_to_people_nobody_knew() -> None:
    async def story() -> None:
        async with venue() as desk:
            await desk.block()
            bob, custody = desk.account("bob"), desk.exchange.custody
            stranger = AccountId("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
            offramp = Address(POLYGON.offramp.lower())
            out = Function(f"unwrap{RAMP}")(USDC_E, Address(bob.lower()), usd("30"))
            await desk.relay(
                bob,
                [
                    _transfer(stranger, usd("12")),
                    positions.allow_collateral(offramp),
                    Call(offramp, out),
                ],
            )
            assert custody.balance(stranger) == usd("12")
            assert custody.balance(bob) == usd("10000") - usd("42")

    asyncio.run(story())


def test_shares_that_are_sent_belong_to_who_got_them_and_orders_without_cover_are_dropped() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            alice, bob = desk.account("alice"), desk.account("bob")
            desk.exchange.custody.split(alice, rain.id, shares("20"))
            await desk.block()
            order = desk.place("alice", rain, "sell", "0.60", "15")
            giver, taker = Address(alice.lower()), Address(bob.lower())
            data = calldata.TRANSFER_POSITION(giver, taker, int(rain.tokens[0]), shares("10"), b"")
            await desk.relay(alice, [WalletCall(POLYGON.conditional_tokens, data)])
            assert desk.exchange.custody.balance(bob, rain.outcome(0)) == shares("10")
            assert desk.exchange.orders[order.id].status == "CANCELED_NOT_ENOUGH_BALANCE"

    asyncio.run(story())


def test_an_allowance_taken_back_on_the_chain_is_known_to_the_books() -> None:
    async def story() -> None:
        async with venue() as desk:
            await desk.block()
            bob, custody = desk.account("bob"), desk.exchange.custody
            assert custody.allowed(bob, POLYGON.exchange, shares=False)
            await desk.relay(
                bob,
                [
                    positions.allow_collateral(EXCHANGE_V2, 0),
                    positions.allow_positions(EXCHANGE_V2, allowed=False),
                ],
            )
            await desk.block()
            for kind in (False, True):
                assert not custody.allowed(bob, POLYGON.exchange, shares=kind)
            async with HttpClient(desk.chain.url) as client:
                rpc = Rpc([client], chain_id=137)
                await rpc.start()
                who = Address(bob.lower())
                accounts = Accounts(rpc)
                assert await accounts.allowance(who, EXCHANGE_V2) == 0
                assert not await accounts.may_move_positions(who, EXCHANGE_V2)
                # Multicall3 answers, too.
                assert await accounts.positions(who, [1, 2]) == [0, 0]

    asyncio.run(story())


def test_a_call_that_a_contract_refuses_raises_its_reason_and_nothing_has_happened() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            await desk.block()
            bob = desk.account("bob")
            head = desk.chain.blocks.head
            fine = _transfer(desk.account("alice"), usd("1"))
            for wrong, said in (
                (_transfer(desk.account("alice"), usd("10001")), "InsufficientBalance()"),
                (positions.merge("ctf", rain.id.native, shares("1")), "SafeMath: subtraction"),
                (positions.redeem("ctf", rain.id.native), "result for condition not received yet"),
            ):
                with pytest.raises(
                    CallReverted, match=said.replace("(", r"\(").replace(")", r"\)")
                ):
                    await desk.relay(bob, [fine, wrong])
            assert desk.chain.blocks.head == head
            assert desk.exchange.custody.balance(bob) == usd("10000")

    asyncio.run(story())


def test_what_wallets_do_is_told_in_the_words_of_histories() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            await desk.block()
            told: list[tuple[Deed, str]] = []
            desk.chain.books.listen(lambda deed, name, _now: told.append((deed, name)))
            bob, condition = desk.account("bob"), rain.id.native
            names = [await desk.relay(bob, [positions.split("ctf", condition, shares("9"))])]
            names.append(await desk.relay(bob, [positions.merge("ctf", condition, shares("4"))]))
            names.append(await desk.relay(bob, [_transfer(desk.account("alice"), usd("2"))]))
            desk.resolve(rain, 0, 1)
            await desk.block()
            names.append(await desk.relay(bob, [positions.redeem("ctf", condition)]))
            kinds = [(deed.kind, deed.wallet, deed.size, deed.cash) for deed, _ in told]
            alice = desk.account("alice")
            assert kinds == [
                ("SPLIT", bob, shares("9"), usd("9")),
                ("MERGE", bob, shares("4"), usd("4")),
                ("WITHDRAWAL", bob, 0, usd("2")),
                ("DEPOSIT", alice, 0, usd("2")),
                ("REDEEM", bob, shares("5"), usd("5")),
            ]
            assert [name for _, name in told] == [*names[:3], names[2], names[3]]

    asyncio.run(story())


def test_anybody_may_bring_a_batch_that_the_owner_of_a_wallet_signed_once_and_in_time() -> None:
    async def story() -> None:
        async with venue() as desk:
            await desk.block()
            bob, alice = desk.account("bob"), desk.account("alice")
            made = _transfer(alice, usd("3"))
            deadline = desk.clock.now() // 10**9 + 600
            batch = [wallet_calls.Call(POLYGON.collateral, made.data)]
            digest = wallet_calls.batch_digest(bob, 0, deadline, batch, 137)
            rows = [(POLYGON.collateral.lower(), 0, made.data)]

            def call(nonce: int, until: int, signature: bytes) -> Call:
                return Call(Address(bob.lower()), EXECUTE_BATCH(nonce, until, rows, signature))

            signed = desk.key("bob").sign(digest)
            forged = desk.key("alice").sign(digest)
            for wrong, said in (
                (call(0, deadline, forged), "InvalidSignature()"),
                (call(0, deadline + 1, signed), "InvalidSignature()"),
                (call(1, deadline, signed), "InvalidNonce()"),
                (call(0, 1, signed), "BatchExpired()"),
            ):
                assert await _why(desk, wrong) == said
            # Alice brings it, and pays its gas.
            await desk.raw("alice", call(0, deadline, signed))
            await desk.block()
            assert desk.exchange.custody.balance(bob) == usd("9997")
            assert await _why(desk, call(0, deadline, signed)) == "InvalidNonce()"

    asyncio.run(story())


async def _why(desk: Desk, call: Call) -> str:
    fields = {"from": placed.ADMIN, "to": call.to, "data": "0x" + call.data.hex()}
    with pytest.raises(CallFailed) as caught:
        await desk.chain.node.rpc("eth_call", fields, "latest")
    return reason(caught.value)


def test_a_market_that_is_voided_pays_half_to_each_outcome_neg_risk_or_not() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain, *group = [desk.list("rain"), *_group(desk)]
            await desk.block()
            alice, custody = desk.account("alice"), desk.exchange.custody
            families: tuple[positions.Family, ...] = ("ctf", "neg_risk")
            for market, family in zip((rain, group[0]), families, strict=True):
                await desk.relay(alice, [positions.split(family, market.id.native, shares("9"))])
                data = calldata.TRANSFER_POSITION(
                    Address(alice.lower()),
                    Address(desk.account("bob").lower()),
                    int(market.tokens[1]),
                    shares("9"),
                    b"",
                )
                await desk.relay(alice, [WalletCall(POLYGON.conditional_tokens, data)])
                desk.resolve(market, 1, 1)
            await desk.block()
            await desk.relay(alice, [positions.redeem("ctf", rain.id.native)])
            await desk.relay(alice, [positions.redeem("neg_risk", group[0].id.native)])
            assert custody.balance(alice) == usd("10000") - usd("18") + usd("9")

    asyncio.run(story())


def test_a_neg_risk_market_outside_its_event_s_group_trades_but_has_no_conversion() -> None:
    async def story() -> None:
        async with venue() as desk:
            lonely = desk.list("somebody", desk.event("other", neg_risk=True), grouped=False)
            await desk.block()
            alice = desk.account("alice")
            await desk.relay(alice, [positions.split("neg_risk", lonely.id.native, shares("9"))])
            assert desk.exchange.custody.balance(alice, lonely.outcome(1)) == shares("9")
            group, _ = neg_risk_group("other")
            convert = calldata.NEG_RISK_CONVERT(group, 0b1, shares("1"))
            adapter = POLYGON.neg_risk_collateral_adapter
            with pytest.raises(CallReverted, match="MarketNotPrepared"):
                await desk.relay(alice, [WalletCall(adapter, convert)])
            desk.resolve(lonely, 1, 0)
            await desk.block()
            await desk.relay(alice, [positions.redeem("neg_risk", lonely.id.native)])
            assert desk.exchange.custody.balance(alice) == usd("10000")

    asyncio.run(story())


def test_our_group_ids_are_those_the_adapter_makes() -> None:
    async def story() -> None:
        async with venue() as desk:
            markets = _group(desk)
            await desk.block()
            group, _ = neg_risk_group("election")
            count = Function("getQuestionCount(bytes32)", "uint256")
            assert await desk.read(POLYGON.neg_risk_adapter, count, group) == len(markets)
            position = Function("getPositionId(bytes32,bool)", "uint256")
            for number, market in enumerate(markets):
                question = group[:-1] + bytes([number])
                for outcome, token in zip((True, False), market.tokens, strict=True):
                    told = await desk.read(POLYGON.neg_risk_adapter, position, question, outcome)
                    assert str(told) == token

    asyncio.run(story())
