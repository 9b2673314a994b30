"""What can go wrong on the local chain: each ends in the right status, with the right balances."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.chain.venue_desk import SECOND, Desk, venue
from underround.local_venue.chain.local_chain import ChainTerms
from underround.local_venue.faults import Answer, Ghost, Reorg, Retry, Stuck, Swallow
from underround.local_venue.participants import fund, participant
from underround.model.errors import TryLater, VenuePaused
from underround.model.market import Market
from underround.model.units import shares, usd
from underround.simulation.matching.terms import Placement, TradeMoved
from underround.venues.polygon import positions
from underround.venues.polygon.quantities import HexBytes
from underround.venues.polygon.rpc import Rpc
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.wallets import SignatureType
from underround.venues.transport.http import HttpClient

EOA = SignatureType.EOA


async def _market(desk: Desk) -> Market:
    rain = desk.list("rain", rate=70_000)
    desk.exchange.custody.split(desk.account("alice"), rain.id, shares("500"))
    await desk.block()
    return rain


def _told(desk: Desk) -> list[str]:
    """Return the list in which each step of a trade will be told."""
    found: list[str] = []

    def hear(event: object) -> None:
        if isinstance(event, TradeMoved):
            found.append(event.trade.status)

    desk.world.bus.listen(hear)
    return found


def _sale(desk: Desk, rain: Market, size: str = "10") -> Placement:
    desk.place("alice", rain, "sell", "0.40", size)
    return desk.place("bob", rain, "buy", "0.40", size)


def test_a_ghost_fill_reverts_twice_and_fails_and_nobody_has_moved() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = await _market(desk)
            told = _told(desk)
            desk.world.faults.set(Ghost(count=1), desk.clock.now())
            before = dict(desk.booked([desk.account("alice"), desk.account("bob")], [rain]))
            ghost = _sale(desk, rain)
            await desk.settle()
            assert told == ["MATCHED", "RETRYING", "FAILED"]
            after = desk.booked([desk.account("alice"), desk.account("bob")], [rain])
            assert after == before
            assert desk.chain.gas.reverts == 2
            assert all(record.estimated is None for record in desk.chain.gas.records)
            receipt = await desk.chain.node.rpc(
                "eth_getTransactionReceipt", desk.trade(ghost).transaction
            )
            assert receipt["status"] == "0x0"
            # The next one is none.
            assert desk.trade(_sale(desk, rain)).status == "MATCHED"
            await desk.settle()
            assert told[3:] == ["MATCHED", "MINED", "CONFIRMED"]

    asyncio.run(story())


def test_a_retried_match_is_told_so_once_and_settles_one_block_later() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = await _market(desk)
            told = _told(desk)
            desk.world.faults.set(Retry(count=1), desk.clock.now())
            _sale(desk, rain)
            await desk.block()
            assert told == ["MATCHED", "RETRYING"]
            await desk.settle()
            assert told == ["MATCHED", "RETRYING", "MINED", "CONFIRMED"]

    asyncio.run(story())


def test_stuck_settlements_wait_until_the_fault_is_over_while_others_are_mined() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = await _market(desk)
            desk.world.faults.set(Stuck(for_ms=10_000), desk.clock.now())
            stuck = _sale(desk, rain)
            split = positions.split("ctf", rain.id.native, shares("1"))
            await desk.raw("alice", split)
            for _ in range(4):
                await desk.block()
                assert desk.trade(stuck).status == "MATCHED"
            assert desk.exchange.custody.balance(desk.account("alice", EOA)) == usd("9999")
            await desk.settle()
            assert desk.trade(stuck).status == "CONFIRMED"

    asyncio.run(story())


def test_a_reorg_takes_a_mined_match_back_and_it_is_mined_again_in_another_block() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = await _market(desk)
            told = _told(desk)
            sale = _sale(desk, rain)
            number = await desk.block()
            assert desk.trade(sale).status == "MINED"
            first = await desk.chain.node.rpc("eth_getBlockByNumber", hex(number), False)
            desk.world.faults.set(Reorg(count=1, blocks=1), desk.clock.now())
            await desk.settle()
            second = await desk.chain.node.rpc("eth_getBlockByNumber", hex(number), False)
            assert first["hash"] != second["hash"]
            assert told == ["MATCHED", "MINED", "RETRYING", "MINED", "CONFIRMED"]
            trade = desk.trade(sale)
            receipt = await desk.chain.node.rpc("eth_getTransactionReceipt", trade.transaction)
            assert int(receipt["blockNumber"], 16) > number

    asyncio.run(story())


def test_a_reorg_keeps_what_people_the_relayer_and_the_venue_did_only_later() -> None:
    async def story() -> None:
        async with venue(terms=ChainTerms(confirmations=6)) as desk:
            rain = await _market(desk)
            custody, condition = desk.exchange.custody, rain.id.native
            for _ in range(3):
                await desk.block()
            await desk.raw("alice", positions.split("ctf", condition, shares("20")))
            await desk.block()
            await desk.relay(desk.account("bob"), [positions.split("ctf", condition, shares("7"))])
            sun = desk.list("sun")
            custody.deposit(desk.account("bob"), usd("11"))
            custody.split(desk.account("bob"), sun.id, shares("5"))
            await desk.block()
            desk.resolve(rain, 1, 0)
            desk.people["carol"] = participant("carol", 2, desk.world.accounts, desk.world.seed)
            fund(desk.world, desk.account("carol"), usd("10000"))
            await desk.block()
            await desk.raw("alice", positions.redeem("ctf", condition))
            await desk.block()
            before = desk.booked([desk.account("alice", EOA), desk.account("bob")], [rain, sun])
            desk.world.faults.set(Reorg(count=1, blocks=6), desk.clock.now())
            await desk.block()
            await desk.block()
            after = desk.booked([desk.account("alice", EOA), desk.account("bob")], [rain, sun])
            assert after == before
            assert custody.balance(desk.account("alice", EOA)) == usd("10000")
            assert custody.total() == 9 * usd("10000") + usd("11")
            # Somebody who came only then has his wallet again.
            desk.place("bob", sun, "sell", "0.50", "5")
            bought = desk.place("carol", sun, "buy", "0.50", "5")
            await desk.settle()
            assert desk.trade(bought).status == "CONFIRMED"

    asyncio.run(story())


def test_no_reorg_goes_behind_a_final_block() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = await _market(desk)
            sale = _sale(desk, rain)
            await desk.settle()
            assert desk.trade(sale).status == "CONFIRMED"
            final = hex(desk.chain.blocks.final)
            before = await desk.chain.node.rpc("eth_getBlockByNumber", final, False)
            desk.world.faults.set(Reorg(count=1, blocks=30), desk.clock.now())
            await desk.block()
            after = await desk.chain.node.rpc("eth_getBlockByNumber", final, False)
            assert after["hash"] == before["hash"]
            told = await desk.chain.node.rpc("eth_getBlockByNumber", "finalized", False)
            assert int(told["number"], 16) == desk.chain.blocks.final

    asyncio.run(story())


def test_who_spends_in_flight_dollars_on_the_chain_lets_his_match_fail_and_loses_his_orders() -> (
    None
):
    async def story() -> None:
        async with venue() as desk:
            rain = await _market(desk)
            bob = desk.account("bob", EOA)
            resting = desk.place("bob", rain, "buy", "0.10", "100", kind=EOA)
            desk.place("alice", rain, "sell", "0.40", "10")
            sale = desk.place("bob", rain, "buy", "0.40", "10", kind=EOA)
            desk.world.faults.set(Stuck(for_ms=3_000), desk.clock.now())
            everything = positions.split("ctf", rain.id.native, usd("10000"))
            await desk.raw("bob", everything)
            await desk.block()
            assert desk.exchange.custody.balance(bob) == 0
            assert desk.exchange.orders[resting.id].status == "CANCELED_NOT_ENOUGH_BALANCE"
            await desk.settle()
            assert desk.trade(sale).status == "FAILED"
            assert desk.exchange.custody.balance(bob) == 0
            assert desk.exchange.custody.in_flight(bob) == 0

    asyncio.run(story())


def test_the_chain_can_be_cut_off_for_its_users_while_settlement_goes_on() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = await _market(desk)
            async with HttpClient(desk.chain.url) as client:
                rpc = Rpc([client], chain_id=137)
                await rpc.start()
                desk.world.faults.set(Answer(host="chain", status=503), desk.clock.now())
                with pytest.raises(VenuePaused):
                    await rpc.call(HexBytes, "eth_getCode", POLYGON.exchange, "latest")
                desk.world.faults.clear()
                desk.world.faults.set(Swallow(host="chain"), desk.clock.now())
                with pytest.raises(TryLater):
                    await rpc.call(HexBytes, "eth_getCode", POLYGON.exchange, "latest")
                sale = _sale(desk, rain)
                await desk.settle()
                assert desk.trade(sale).status == "CONFIRMED"
                desk.world.faults.clear()
                assert await rpc.call(HexBytes, "eth_getCode", POLYGON.exchange, "latest")

    asyncio.run(story())


@pytest.mark.parametrize(
    "method",
    [
        "anvil_setBalance",
        "evm_mine",
        "eth_sendTransaction",
        "eth_accounts",
        "eth_signTypedData_v4",
        "debug_traceTransaction",
        "anvil_impersonateAccount",
    ],
)
def test_users_have_no_verbs_that_a_public_node_has_not(method: str) -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk, HttpClient(desk.chain.url) as client:
            call = {"jsonrpc": "2.0", "id": 3, "method": method, "params": []}
            plain = {"jsonrpc": "2.0", "id": 4, "method": "eth_chainId", "params": []}
            for body in (call, [call, plain]):
                reply = await client.send("POST", "/", body=json.dumps(body).encode())
                told = json.loads(reply.body)
                (error,) = told if isinstance(told, list) else [told]
                assert (error["id"], error["error"]["code"]) == (3, -32_601)
            reply = await client.send("POST", "/", body=json.dumps([plain, plain]).encode())
            assert [each["result"] for each in json.loads(reply.body)] == ["0x89", "0x89"]
            for broken in (b"{", b"[]", b"5", b'{"id": 1}'):
                reply = await client.send("POST", "/", body=broken)
                assert "error" in json.loads(reply.body)

    asyncio.run(story())


def test_blocks_come_by_themselves_as_the_venue_s_clock_moves_on() -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk:
            made = asyncio.Event()

            async def hear(_head: int, _final: int, _now: int) -> None:
                made.set()

            desk.chain.blocks.listen(hear)
            desk.chain.run()
            for number in range(1, 4):
                made.clear()
                desk.clock.move_to(desk.clock.now() + 2 * SECOND)
                desk.world.act()
                await asyncio.wait_for(made.wait(), 20)
                latest = await desk.chain.node.rpc("eth_getBlockByNumber", "latest", False)
                assert int(latest["timestamp"], 16) * SECOND <= desk.clock.now() + 2 * SECOND
                assert int(latest["number"], 16) >= number

    asyncio.run(story())
