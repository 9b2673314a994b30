"""Nonces against a real pool: no gap of our own, and others' gaps found and filled."""

from __future__ import annotations

import asyncio

import pytest

from tests.chain.desk import desk
from tests.chain.node import Anvil
from underround.model.errors import RequestRefused, Unreachable
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call

FRIEND = Address("0x00000000000000000000000000000000000000ff")


def test_transactions_sent_at_once_get_different_nonces_without_a_gap(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            sent = await asyncio.gather(
                *(at.sender.submit(Call(FRIEND, value=value)) for value in range(1, 9))
            )
            assert sorted(one.nonce for one in sent) == list(range(8))
            anvil.mine(3)
            ended = [await at.sender.advance(one) for one in sent]
            assert {one.state for one in ended} == {"final"}

    asyncio.run(scenario())


def test_a_lost_transaction_is_a_gap_and_sending_it_again_closes_it(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            for front in at.fronts:
                front.forgets = True
            lost = await at.sender.submit(Call(FRIEND, value=1))
            for front in at.fronts:
                front.forgets = False
            held = await at.sender.submit(Call(FRIEND, value=2))
            state = await at.nonces.state()
            assert (lost.nonce, held.nonce) == (0, 1)
            assert list(state.unseen) == [0, 1]
            assert list(state.waiting) == [0, 1]
            anvil.mine()
            lost = await at.sender.advance(lost)
            anvil.mine(3)
            assert (await at.sender.advance(lost)).state == "final"
            assert (await at.sender.advance(held)).state == "final"
            assert list((await at.nonces.state()).unseen) == []

    asyncio.run(scenario())


def test_a_gap_that_nobody_follows_is_filled_with_nothing(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            for front in at.fronts:
                front.forgets = True
            await at.sender.submit(Call(FRIEND, value=1))  # and forgotten by us as well
            for front in at.fronts:
                front.forgets = False
                front._pool.clear()
            held = await at.sender.submit(Call(FRIEND, value=2))
            filler = await at.sender.fill_gap(0)
            assert (filler.nonce, filler.call.to, filler.call.value) == (0, at.address, 0)
            anvil.mine(3)
            assert (await at.sender.advance(filler)).state == "final"
            assert (await at.sender.advance(held)).state == "final"
            assert int(anvil.rpc("eth_getBalance", FRIEND, "latest"), 16) == 2
            with pytest.raises(RequestRefused, match="is no gap"):
                await at.sender.fill_gap(0)

    asyncio.run(scenario())


def test_a_stranger_with_our_key_is_seen(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            await at.sender.submit(Call(FRIEND, value=1))
            assert not (await at.nonces.state()).foreign
            for front in at.fronts:
                front.stale_count = 5
            assert (await at.nonces.state()).foreign

    asyncio.run(scenario())


def test_nonces_are_read_from_one_provider_only(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at:
            first, second = at.fronts
            await at.sender.submit(Call(FRIEND, value=1))
            first.down = True
            with pytest.raises(Unreachable, match="provider 1"):
                await at.nonces.state()
            with pytest.raises(Unreachable, match="provider 1"):
                await at.sender.submit(Call(FRIEND, value=2), gas=21_000)
            assert "eth_getTransactionCount" not in second.methods
            survey = await at.rpc.survey()
            assert survey.usable == ("provider 2",)
            assert (await at.rpc.nonces(at.address)).provider == "provider 2"
            first.down = False
            await at.rpc.survey()
            assert (await at.rpc.nonces(at.address)).provider == "provider 2"

    asyncio.run(scenario())
