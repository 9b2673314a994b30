"""A transaction's life on a real node: mined, final, outbid, lost, undone, reverted, cancelled."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tests.chain.desk import Desk, desk
from tests.chain.keys import key_of
from tests.chain.node import Anvil
from underround.model.errors import AlreadyKnown, BalanceTooLow, RequestRefused, TryLater
from underround.venues.ethereum import keccak
from underround.venues.polygon import calldata, positions
from underround.venues.polygon.contracts import CONDITIONAL_TOKENS
from underround.venues.polygon.fees import GWEI, LEAST_TIP, URGENT, FeeCap, Fees, replaces
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call, sign_transaction
from underround.venues.polygon.transactions import (
    Transaction,
    decode_transaction,
    encode_transaction,
)

FRIEND = Address("0x00000000000000000000000000000000000000ff")
GIFT = Call(FRIEND, value=1_000)
TOO_DEAR = 1_000 * GWEI


def mine_dear(anvil: Anvil) -> None:
    """Mine a block whose base fee nobody here pays; this node then forgets what waits."""
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(TOO_DEAR))
    anvil.mine()


def mine_full(anvil: Anvil) -> None:
    """Mine a block that has no room; what waits goes on waiting."""
    anvil.rpc("evm_setBlockGasLimit", hex(20_000))
    anvil.mine()
    anvil.rpc("evm_setBlockGasLimit", hex(30_000_000))


def balance(anvil: Anvil, address: str) -> int:
    return int(anvil.rpc("eth_getBalance", address, "latest"), 16)


async def follow(at: Desk, transaction: Transaction, anvil: Anvil, blocks: int = 4) -> Transaction:
    """Mine and look, block after block."""
    for _ in range(blocks):
        anvil.mine()
        transaction = await at.sender.advance(transaction)
    return transaction


def test_a_transaction_is_mined_first_and_final_later(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            assert (sent.state, sent.last.fees.tip) == ("pending", LEAST_TIP)
            states = []
            for _ in range(4):
                anvil.mine()
                sent = await at.sender.advance(sent)
                states.append(sent.state)
            assert states == ["mined", "mined", "final", "final"]
            assert balance(anvil, FRIEND) == 1_000
            assert sent.landed == sent.last.hash
            assert sent.cost is not None
            assert balance(anvil, at.address) == 100 * 10**18 - 1_000 - sent.cost
            assert [one.state for one in at.kept] == ["signed", "pending", "mined", "final"]
            journal = [encode_transaction(one) for one in at.kept]
            assert [decode_transaction(body) for body in journal] == at.kept

    asyncio.run(scenario())


def test_the_gas_limit_is_the_estimate_and_a_quarter(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            estimate = int(
                anvil.rpc("eth_estimateGas", {"from": at.address, "to": FRIEND, "value": "0x1"}), 16
            )
            assert sent.gas == -(-estimate * 5 // 4)

    asyncio.run(scenario())


def test_what_waits_too_long_is_outbid_by_steps_that_a_strict_pool_takes(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil, fronts=1) as at:
            sent = await at.sender.submit(GIFT)
            for _ in range(10):
                mine_full(anvil)
                sent = await at.sender.advance(sent)
                assert (sent.state, sent.note) == ("pending", "")
            fees = [attempt.fees for attempt in sent.attempts]
            assert len(fees) == 4  # every third block, for a normal one
            assert all(replaces(new, old) for old, new in pairwise(fees))
            assert at.fronts[0].sent == ["0x" + attempt.raw.hex() for attempt in sent.attempts]
            final = await follow(at, sent, anvil)
            assert (final.state, final.landed) == ("final", sent.last.hash)
            assert balance(anvil, FRIEND) == 1_000

    asyncio.run(scenario())


def test_an_older_attempt_that_is_mined_after_all_is_the_one(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            for _ in range(3):
                mine_full(anvil)
                sent = await at.sender.advance(sent)
            first, second = sent.attempts
            anvil.rpc("anvil_dropTransaction", second.hash)
            anvil.rpc("eth_sendRawTransaction", "0x" + first.raw.hex())
            final = await follow(at, sent, anvil)
            assert (final.state, final.landed) == ("final", first.hash)
            assert len(final.attempts) == 2

    asyncio.run(scenario())


def test_what_nodes_refuse_as_too_cheap_is_outbid_as_well(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            for _ in range(3):
                mine_dear(anvil)
                sent = await at.sender.advance(sent)
            assert "less than block base fee" in sent.note
            assert len(sent.attempts) == 2
            anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            final = await follow(at, sent, anvil)
            assert (final.state, final.note) == ("final", "")

    asyncio.run(scenario())


def test_an_urgent_one_is_outbid_sooner(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT, URGENT)
            for _ in range(4):
                mine_full(anvil)
                sent = await at.sender.advance(sent)
            assert len(sent.attempts) == 3

    asyncio.run(scenario())


def test_a_pool_that_wants_a_tenth_refuses_less(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            old = sent.last.fees
            meagre = Fees(old.tip * 109 // 100, old.max_fee * 2)
            signed = sign_transaction(
                at.key, GIFT, chain_id=137, nonce=sent.nonce, gas=sent.gas, fees=meagre
            )
            delivery = await at.rpc.broadcast(signed.raw)
            assert not delivery.taken
            assert {fault.kind for _, fault in delivery.refused} == {"replacement"}

    asyncio.run(scenario())


def test_at_the_cap_it_waits_and_says_so_once(anvil: Anvil) -> None:
    cap = FeeCap(tip=30 * GWEI, max_fee=60 * GWEI)

    async def scenario() -> None:
        async with desk(anvil, cap=cap) as at:
            sent = await at.sender.submit(GIFT)
            for _ in range(10):
                mine_full(anvil)
                sent = await at.sender.advance(sent)
            for _ in range(5):
                mine_dear(anvil)
                sent = await at.sender.advance(sent)
            assert sent.state == "stuck"
            assert len(at.alarms) == 1
            assert "raise the cap or cancel it" in at.alarms[0]
            assert max(attempt.fees.tip for attempt in sent.attempts) <= cap.tip
            assert max(attempt.fees.max_fee for attempt in sent.attempts) <= cap.max_fee
            with pytest.raises(RequestRefused, match="raise the cap to cancel"):
                await at.sender.cancel(sent)
            at.cap = FeeCap(tip=100 * GWEI, max_fee=400 * GWEI)
            at.sender = at.new_sender(None)
            cancelled = await at.sender.cancel(sent)
            anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            assert (await follow(at, cancelled, anvil)).state == "cancelled"
            assert balance(anvil, FRIEND) == 0

    asyncio.run(scenario())


def test_gas_above_the_cap_sends_nothing_and_uses_no_nonce(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            mine_dear(anvil)
            with pytest.raises(TryLater, match="above the cap of 400 gwei"):
                await at.sender.submit(GIFT)
            assert at.kept == []
            anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            anvil.mine()
            assert (await at.sender.submit(GIFT)).nonce == 0

    asyncio.run(scenario())


def test_a_send_without_an_answer_is_looked_up_and_not_sent_twice(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            for front in at.fronts:
                front.hangs_up_after_send = True
            sent = await at.sender.submit(GIFT)
            assert sent.state == "unknown"
            final = await follow(at, sent, anvil)
            assert (final.state, final.attempts) == ("final", sent.attempts)
            assert [len(front.sent) for front in at.fronts] == [1, 1]
            assert balance(anvil, FRIEND) == 1_000

    asyncio.run(scenario())


def test_a_send_that_no_node_received_uses_no_nonce(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            poor = Desk(at.rpc, at.fronts, key_of("a poor one"), at.cap)
            anvil.rpc("anvil_setBalance", poor.address, hex(2_000))
            with pytest.raises(BalanceTooLow, match="send POL"):
                await poor.sender.submit(GIFT, gas=21_000)
            assert [one.state for one in poor.kept] == ["signed", "refused"]
            anvil.fund(poor.key)
            assert (await poor.sender.submit(GIFT)).nonce == 0

    asyncio.run(scenario())


def test_a_dropped_transaction_is_sent_again_with_the_same_bytes(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            anvil.rpc("anvil_dropTransaction", sent.last.hash)
            again = await follow(at, sent, anvil, 1)
            assert (again.state, again.last.raw) == ("pending", sent.last.raw)
            for front in at.fronts:
                assert front.sent == ["0x" + sent.last.raw.hex()] * 2
            assert (await follow(at, again, anvil)).state == "final"

    asyncio.run(scenario())


def test_a_reorganisation_takes_a_mined_transaction_back(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            mined = await follow(at, sent, anvil, 1)
            assert mined.state == "mined"
            anvil.rpc("anvil_reorg", 1, [])
            assert balance(anvil, FRIEND) == 0
            back = await at.sender.advance(mined)
            assert (back.state, back.block) == ("pending", None)
            assert "its block was undone" in back.note
            final = await follow(at, back, anvil, 5)
            assert (final.state, final.attempts[0].raw) == ("final", sent.last.raw)
            assert balance(anvil, FRIEND) == 1_000

    asyncio.run(scenario())


def test_a_reverted_transaction_ends_with_its_reason(anvil: Anvil) -> None:
    async def scenario() -> None:
        condition = anvil.prepare(FRIEND, keccak(b"never resolved"))
        redeem = positions.redeem("ctf", condition.hex())
        async with desk(anvil) as at:
            sent = await at.sender.submit(Call(CONDITIONAL_TOKENS, redeem.data), gas=200_000)
            final = await follow(at, sent, anvil)
            assert final.state == "reverted"
            assert "result for condition not received yet" in final.note
            assert len(at.alarms) == 1
            assert (await at.sender.submit(GIFT)).nonce == sent.nonce + 1

    asyncio.run(scenario())


def test_what_would_revert_is_refused_before_anything_is_sent(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            merge = calldata.MERGE_POSITIONS(FRIEND, bytes(32), bytes(32), (1, 2), 5)
            with pytest.raises(RequestRefused, match="condition not prepared yet"):
                await at.sender.submit(Call(CONDITIONAL_TOKENS, merge))
            assert at.kept == []
            assert all(not front.sent for front in at.fronts)

    asyncio.run(scenario())


def test_a_cancelled_transaction_does_nothing(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            cancelled = await at.sender.cancel(sent)
            assert replaces(cancelled.last.fees, sent.last.fees)
            final = await follow(at, cancelled, anvil)
            assert (final.state, final.landed) == ("cancelled", cancelled.last.hash)
            assert balance(anvil, FRIEND) == 0
            with pytest.raises(RequestRefused, match="too late to cancel"):
                await at.sender.cancel(final)

    asyncio.run(scenario())


def test_a_nonce_that_another_process_used_is_not_used_again(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            done = await follow(at, await at.sender.submit(GIFT), anvil)
            assert done.nonce == 0
            elsewhere = Desk(at.rpc, at.fronts, at.key, at.cap)
            for front in at.fronts:
                front.stale_count = 0
            with pytest.raises(RequestRefused, match="another process uses this key"):
                await elsewhere.sender.submit(GIFT)
            assert balance(anvil, FRIEND) == 1_000
            # The provider still counts wrongly, but the used number is not tried again.
            assert (await elsewhere.sender.submit(GIFT)).nonce == 1

    asyncio.run(scenario())


def test_another_transaction_with_our_nonce_is_noticed_when_it_is_final(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            anvil.rpc("anvil_dropTransaction", sent.last.hash)
            stranger = sign_transaction(
                at.key,
                Call(FRIEND, value=7),
                chain_id=137,
                nonce=sent.nonce,
                gas=21_000,
                fees=sent.last.fees,
            )
            anvil.rpc("eth_sendRawTransaction", "0x" + stranger.raw.hex())
            final = await follow(at, sent, anvil, 4)
            assert final.state == "superseded"
            assert any("who else has this key" in alarm for alarm in at.alarms)
            assert balance(anvil, FRIEND) == 7

    asyncio.run(scenario())


def test_the_same_bytes_twice_are_one_transaction(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await at.sender.submit(GIFT)
            assert (await at.rpc.broadcast(sent.last.raw)).taken
            raw = "0x" + sent.last.raw.hex()
            with pytest.raises(AlreadyKnown):
                await at.rpc.call(str, "eth_sendRawTransaction", raw)

    asyncio.run(scenario())


def test_a_journalled_transaction_is_taken_over_after_a_crash(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            for front in at.fronts:
                front.forgets = True  # the crash came before its bytes reached anybody
            await at.sender.submit(GIFT)
            (signed, _) = at.kept
            assert signed.state == "signed"
            for front in at.fronts:
                front.forgets = False
            later = Desk(at.rpc, at.fronts, at.key, at.cap)
            await later.sender.adopt(signed)
            assert (await later.sender.submit(Call(FRIEND, value=5))).nonce == signed.nonce + 1
            final = await follow(later, signed, anvil, 5)
            assert final.state == "final"
            assert balance(anvil, FRIEND) == 1_005

    asyncio.run(scenario())
