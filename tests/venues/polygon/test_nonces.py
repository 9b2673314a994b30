"""The counter by itself: atomic steps, and a number that goes back unless it was spent."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import run
from underround.venues.polygon.delivery import NonceReading
from underround.venues.polygon.nonces import CountersInProcess, Nonces
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.spans import CALM, Span

ME = Address("0x" + "aa" * 20)


class Pool:
    """A provider that says what it is told."""

    def __init__(self, mined: int = 0, pending: int = 0) -> None:
        self.mined, self.pending = mined, pending

    async def nonces(self, address: Address) -> NonceReading:
        await asyncio.sleep(0)
        return NonceReading("pool", self.mined, self.pending)


def nonces(pool: Pool) -> Nonces:
    return Nonces(ME, pool, CountersInProcess(), chain_id=137)


async def spend(book: Nonces) -> int:
    async with book.lease() as lease:
        await asyncio.sleep(0)
        lease.spend()
        return lease.nonce


def test_the_first_nonce_is_the_pool_s_and_then_our_own_count() -> None:
    async def scenario() -> None:
        pool = Pool(3, 5)
        book = nonces(pool)
        assert [await spend(book) for _ in range(3)] == [5, 6, 7]
        pool.pending = 6  # it has not heard of all of them yet
        assert await spend(book) == 8
        pool.pending = 20  # somebody else uses the key: numbers below are gone
        assert await spend(book) == 20

    run(scenario())


def test_a_nonce_that_was_not_spent_is_given_out_again() -> None:
    async def scenario() -> None:
        book = nonces(Pool())
        with pytest.raises(RuntimeError):
            async with book.lease() as lease:
                raise RuntimeError(lease.nonce)
        async with book.lease() as lease:
            lease.spend()
            lease.recall()
        assert await spend(book) == 0

    run(scenario())


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_however_many_ask_at_once_spent_numbers_have_no_gap_and_no_double(
    wanted: list[bool],
) -> None:
    async def one(book: Nonces, spends: bool) -> int | None:
        async with book.lease() as lease:
            await asyncio.sleep(0)
            if spends:
                lease.spend()
                return lease.nonce
            return None

    async def scenario() -> None:
        book = nonces(Pool(pending=7))
        told = await asyncio.gather(*(one(book, spends) for spends in wanted))
        used = [number for number in told if number is not None]
        assert used == list(range(7, 7 + sum(wanted)))

    run(scenario())


def test_a_noted_nonce_is_never_given_out() -> None:
    async def scenario() -> None:
        book = nonces(Pool(pending=2))
        await book.note(9)
        assert await spend(book) == 10
        state = await book.state()
        assert (list(state.unseen), state.foreign) == (list(range(2, 11)), False)

    run(scenario())


def test_only_a_gap_is_lent_again() -> None:
    async def scenario() -> None:
        pool = Pool()
        book = nonces(pool)
        for _ in range(3):
            await spend(book)
        pool.pending = 1
        for nonce, is_gap in ((0, False), (1, True), (2, True), (3, False)):
            async with book.lease_again(nonce) as lease:
                assert (lease is not None) == is_gap

    run(scenario())


def test_counters_take_give_back_and_rise_atomically() -> None:
    async def scenario() -> None:
        counters = CountersInProcess()
        assert await counters.take("a", 4) == 4
        assert await counters.take("a", 0) == 5
        assert not await counters.give_back("a", 4)
        assert await counters.give_back("a", 5)
        assert await counters.take("a", 0) == 5
        assert await counters.raise_to("a", 3) == 6
        assert await counters.raise_to("b", 3) == 3

    run(scenario())


@given(st.lists(st.booleans(), max_size=60))
def test_a_span_stays_between_one_and_its_most(worked: list[bool]) -> None:
    span = Span(100, 1_000)
    for good in worked:
        before = span.blocks
        if good:
            span.worked()
            assert span.blocks in {before, min(2 * before, 1_000)}
        else:
            assert span.refused() == (before > 1)
            assert span.blocks == max(before // 2, 1)
        assert 1 <= span.blocks <= 1_000


def test_a_span_grows_after_calm_only() -> None:
    span = Span(10, 15)
    for _ in range(CALM - 1):
        span.worked()
    assert span.blocks == 10
    span.worked()
    assert span.blocks == 15
