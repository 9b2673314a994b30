"""Token buckets and the queue in front of them."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import JumpingLoop, run
from underround.model.errors import ConfigError, RequestRefused
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.venues.polymarket.limits import CANCEL_RESERVE
from underround.venues.polymarket.limits import limits_of as polymarket_limits
from underround.venues.transport.budget import Bucket, Charge, Limits, Rate, RateBudget, window

Step: TypeAlias = tuple[int, int]
START = 1_790_000_000_000_000_000
SECOND = NANOS_PER_SECOND
STANDARD = Limits(
    buckets={"orders": Rate(40, 60), "cancels": Rate(80, 120), "ip": Rate(100, 100)},
    groups={
        "order": (Charge("orders"), Charge("ip", flat=True, leave=20)),
        "cancel": (Charge("cancels"), Charge("ip", flat=True)),
        "read": (Charge("ip", flat=True, leave=20),),
    },
)


def now_ns() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return loop.now_ns()


def budget_of(limits: Limits = STANDARD) -> RateBudget:
    return RateBudget(limits, now_ns, asyncio.sleep)


async def spent_at(budget: RateBudget, group: str, cost: int = 1) -> float:
    """Return after how many seconds of the loop a spend passed."""
    begun = now_ns()
    await budget.spend(group, cost)
    return (now_ns() - begun) / SECOND


# --- the bucket --------------------------------------------------------------------------------

rates = st.builds(Rate, tokens=st.integers(1, 500), burst=st.integers(1, 500),
                  per_s=st.sampled_from((1, 10, 60, 600)))  # fmt: skip


@given(
    rate=rates,
    steps=st.lists(
        st.tuples(st.integers(0, 20 * SECOND), st.integers(1, 60)), min_size=1, max_size=40
    ),
)
def test_no_window_ever_sees_more_than_burst_plus_refill(rate: Rate, steps: list[Step]) -> None:
    bucket = Bucket(rate, START)
    now = START
    spent: list[Step] = []
    for pause, cost in steps:
        now += pause
        if bucket.wait(cost, now) == 0:
            bucket.take(cost, now)
            spent.append((now, cost))
    for first in range(len(spent)):
        total = 0
        for at, cost in spent[first:]:
            total += cost
            allowed = rate.burst * rate.per_s * SECOND + (at - spent[first][0]) * rate.tokens
            assert total * rate.per_s * SECOND <= allowed


@given(rate=rates, cost=st.integers(1, 500), taken=st.integers(0, 600))
def test_the_wait_it_names_is_enough_and_not_a_nanosecond_too_long(
    rate: Rate, cost: int, taken: int
) -> None:
    bucket = Bucket(rate, START)
    bucket.take(taken, START)
    wait = bucket.wait(cost, START)
    if cost > rate.burst:
        return
    if wait:
        assert bucket.wait(cost, START + wait - 1) == 1
    assert bucket.wait(cost, START + wait) == 0
    assert bucket.level(START + wait) >= cost, "whoever need not wait finds what he takes"


@given(
    requests=st.integers(2, 400),
    seconds=st.integers(1, 600),
    pauses=st.lists(st.none() | st.integers(0, 5 * SECOND), max_size=300),
)
def test_a_window_limit_holds_in_every_window(
    requests: int, seconds: int, pauses: list[int | None]
) -> None:
    """A pause of ``None`` ends in the very moment in which the next request may go."""
    bucket = Bucket(window(requests, seconds), START)
    now, times = START, []
    for pause in pauses:
        now += bucket.wait(1, now) if pause is None else pause
        if bucket.wait(1, now) == 0:
            bucket.take(1, now)
            times.append(now)
    for place, begun in enumerate(times):
        inside = [at for at in times[place:] if at - begun <= seconds * SECOND]
        assert len(inside) <= requests


def test_a_clock_that_runs_backwards_refills_nothing() -> None:
    bucket = Bucket(Rate(10, 10), START)
    bucket.take(10, START)
    assert bucket.level(START - 5 * SECOND) == 0
    assert bucket.level(START + SECOND // 2) == 5


def test_the_venue_is_believed_when_it_counts_less_and_not_when_it_counts_more() -> None:
    bucket = Bucket(Rate(10, 20), START)
    bucket.observe(5, None, START)
    assert bucket.level(START) == 5
    bucket.observe(19, None, START)
    assert bucket.level(START) == 5


def test_a_negative_remainder_is_worked_off_at_the_rate() -> None:
    bucket = Bucket(Rate(10, 20), START)
    bucket.observe(-30, None, START)
    assert bucket.level(START) == -30
    assert bucket.wait(1, START) == 31 * SECOND // 10


def test_with_nothing_remaining_it_rests_until_the_venues_reset() -> None:
    bucket = Bucket(Rate(10, 20), START)
    bucket.observe(0, START + SECOND, START)
    assert bucket.wait(1, START) == SECOND


def test_a_misread_reset_costs_at_most_one_full_refill() -> None:
    bucket = Bucket(Rate(10, 20), START)
    bucket.observe(0, START * 2, START)
    assert bucket.wait(1, START) == 2 * SECOND


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    bucket = Bucket(Rate(10, 20), START)
    bucket.pause(START + 9 * SECOND)
    bucket.pause(START + SECOND)
    assert bucket.wait(1, START) == 9 * SECOND


def test_a_new_tier_keeps_what_was_spent() -> None:
    bucket = Bucket(Rate(40, 60), START)
    bucket.take(50, START)
    bucket.restate(Rate(400, 600), START)
    assert bucket.level(START) == 550
    bucket.restate(Rate(25, 25, per_s=60), START)
    assert bucket.level(START) == -25


@pytest.mark.parametrize("parts", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)])
def test_a_rate_that_lets_nothing_pass_is_refused(parts: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="lets nothing pass"):
        Rate(*parts)


def test_a_group_that_charges_no_bucket_or_must_leave_all_of_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="no bucket"):
        Limits({"a": Rate(1, 1)}, {"g": (Charge("b"),)})
    with pytest.raises(ConfigError, match="nothing would be left"):
        Limits({"a": Rate(1, 5)}, {"g": (Charge("a", leave=5),)})


# --- the queue ---------------------------------------------------------------------------------


def test_what_is_there_passes_at_once_and_the_rest_waits_for_the_refill() -> None:
    async def main() -> None:
        budget = budget_of()
        assert await spent_at(budget, "order", 60) < 0.1
        assert await spent_at(budget, "order", 40) == pytest.approx(1.0, abs=0.1)

    run(main())


def test_a_cost_above_the_burst_is_refused_at_once() -> None:
    async def main() -> None:
        budget = budget_of()
        with pytest.raises(RequestRefused, match="orders, which gives at most 60 at once"):
            await budget.spend("order", 61)
        with pytest.raises(RequestRefused, match="at least one"):
            await budget.spend("order", 0)

    run(main())


def test_orders_never_touch_the_tokens_kept_for_cancels() -> None:
    async def main() -> None:
        budget = budget_of()
        for _ in range(60):
            await budget.spend("order")
        reads = [asyncio.create_task(budget.spend("read")) for _ in range(200)]
        await asyncio.sleep(0)
        assert 20 <= budget.level("ip") < 25
        assert await spent_at(budget, "cancel") < 0.05, "a cancel does not queue behind reads"
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    run(main())


@pytest.mark.parametrize("bucket", ["ip.all", "ip.clob"])
def test_only_cancels_and_heartbeats_use_the_last_requests_of_an_address(bucket: str) -> None:
    async def main() -> None:
        budget = budget_of(polymarket_limits())
        urgent = {"cancel", "cancels", "cancel_all", "cancel_market", "heartbeat"}
        budget.observe(bucket, CANCEL_RESERVE, None, now_ns())
        for group in urgent:
            assert await spent_at(budget, group) < 0.001
        budget.observe(bucket, CANCEL_RESERVE, None, now_ns())
        charging = {
            group
            for group, charges in polymarket_limits().groups.items()
            if any(charge.bucket == bucket for charge in charges)
        }
        for group in charging - urgent:
            waiting = asyncio.create_task(budget.spend(group))
            await asyncio.sleep(0)
            assert not waiting.done(), group
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    run(main())


@given(costs=st.lists(st.integers(1, 60), min_size=2, max_size=12))
def test_a_group_is_served_in_the_order_in_which_it_asked(costs: list[int]) -> None:
    async def main() -> list[int]:
        budget = budget_of()
        served: list[int] = []

        async def ask(place: int, cost: int) -> None:
            await budget.spend("order", cost)
            served.append(place)

        await asyncio.gather(*(ask(place, cost) for place, cost in enumerate(costs)))
        return served

    assert run(main()) == list(range(len(costs)))


@given(asks=st.lists(st.tuples(st.sampled_from(("order", "cancel", "read")), st.integers(1, 60)),
                     min_size=1, max_size=25))  # fmt: skip
def test_all_groups_together_stay_within_every_bucket(asks: list[tuple[str, int]]) -> None:
    async def main() -> list[tuple[int, str, int]]:
        budget = budget_of()
        spent: list[tuple[int, str, int]] = []

        async def ask(group: str, cost: int) -> None:
            await budget.spend(group, cost)
            spent.append((now_ns(), group, cost))

        await asyncio.gather(*(ask(group, cost) for group, cost in asks))
        return spent

    spent = run(main())
    assert len(spent) == len(asks), "everyone is served in the end"
    for bucket, rate in STANDARD.buckets.items():
        costs = [
            (at, 1 if charge.flat else cost)
            for at, group, cost in spent
            for charge in STANDARD.groups[group]
            if charge.bucket == bucket
        ]
        for first in range(len(costs)):
            total = 0
            for at, cost in costs[first:]:
                total += cost
                # The time is read just after the spend; it may be a little late, never early.
                passed = at - costs[first][0] + NANOS_PER_MS * 50
                assert total * SECOND <= rate.burst * SECOND + passed * rate.tokens


def test_a_large_request_is_not_starved_by_a_stream_of_small_ones_of_another_group() -> None:
    limits = Limits(
        {"write": Rate(100, 100)}, {"batch": (Charge("write"),), "single": (Charge("write"),)}
    )

    async def main() -> float:
        budget = budget_of(limits)
        await budget.spend("single", 100)

        async def stream() -> None:
            for _ in range(500):
                await budget.spend("single", 10)

        small = asyncio.create_task(stream())
        await asyncio.sleep(0)
        took = await spent_at(budget, "batch", 100)
        small.cancel()
        await asyncio.gather(small, return_exceptions=True)
        return took

    assert run(main()) < 1.5


def test_whoever_stops_waiting_has_spent_nothing_and_blocks_nobody() -> None:
    async def main() -> None:
        budget = budget_of()
        await budget.spend("order", 60)
        waiting = asyncio.create_task(budget.spend("order", 60))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await spent_at(budget, "order", 4) == pytest.approx(0.09, abs=0.05)

    run(main())


def test_a_pause_of_a_bucket_holds_every_group_that_charges_it() -> None:
    async def main() -> None:
        budget = budget_of()
        budget.pause("ip", now_ns() + 3 * SECOND)
        both = await asyncio.gather(spent_at(budget, "cancel"), spent_at(budget, "read"))
        assert both == pytest.approx([3.0, 3.0], abs=0.1)

    run(main())


def test_a_debit_after_the_fact_is_worked_off_by_the_next_requests() -> None:
    async def main() -> None:
        budget = budget_of()
        await budget.spend("cancel")
        budget.debit("cancel", 199)
        assert budget.level("cancels") <= -79
        assert await spent_at(budget, "cancel") == pytest.approx(81 / 80, abs=0.1)
        assert budget.level("ip") >= 97, "a debit counts orders, not requests"

    run(main())


def test_a_venue_of_token_costs_fits() -> None:
    """Kalshi: 10 tokens a request, 2 a cancel, reads and writes apart; 40 writes kept free."""
    kalshi = Limits(
        {"read": Rate(200, 200), "write": Rate(100, 200)},
        {
            "read": (Charge("read"),),
            "order": (Charge("write", leave=40),),
            "cancel": (Charge("write"),),
        },
    )

    async def main() -> None:
        budget = budget_of(kalshi)
        for _ in range(16):
            await budget.spend("order", 10)
        late = asyncio.create_task(spent_at(budget, "order", 10))
        await asyncio.sleep(0)
        for _ in range(20):
            assert await spent_at(budget, "cancel", 2) < 0.05
        assert await late > 0.4
        budget.restate("write", Rate(1_000, 1_000))
        assert budget.level("write") > 700

    run(main())


def test_the_venues_word_reaches_the_bucket_it_is_about() -> None:
    async def main() -> None:
        budget = budget_of()
        budget.observe("orders", -40, None, now_ns())
        assert await spent_at(budget, "cancel") < 0.05
        assert await spent_at(budget, "order") == pytest.approx(41 / 40, abs=0.05)

    run(main())
