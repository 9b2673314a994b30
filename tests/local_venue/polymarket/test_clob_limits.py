"""The local CLOB's limits: token buckets of signers with the venue's headers, and of addresses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local_venue.polymarket.clob_desk import Desk, Told, clob
from underround.local_venue.accounts import Accounts
from underround.local_venue.polymarket.clob.limits import AddressLimits, SignerLimits, Window
from underround.local_venue.polymarket.clob.refused import Refused
from underround.model.frames import NANOS_PER_SECOND as SECOND

NOW = 1_790_000_000 * SECOND


def told(run: Callable[[Desk], Awaitable[None]], **server: Any) -> None:
    async def main() -> None:
        async with clob(**server) as desk:
            await run(desk)

    asyncio.run(main())


def limits_headers(answer: Told) -> dict[str, str]:
    return {
        name.removeprefix("Poly-RateLimit-"): value
        for name, value in answer.headers.items()
        if name.startswith("Poly-RateLimit-")
    }


def test_every_answer_to_an_order_says_what_the_signer_has_left() -> None:
    async def run(desk: Desk) -> None:
        first = await desk.alice.post()
        reset = str(desk.now // SECOND)
        assert limits_headers(first) == {"Remaining": "59", "Reset": reset, "Tier": "Standard"}
        refused = await desk.alice.post(size="1")
        assert refused.status == 400
        assert limits_headers(refused)["Remaining"] == "58"
        assert limits_headers(await desk.bob.post())["Remaining"] == "59"
        cancelled = await desk.alice.ask("DELETE", "/cancel-all")
        assert limits_headers(cancelled)["Remaining"] == "118"
        desk.pass_ms(1_000)
        assert limits_headers(await desk.alice.post())["Remaining"] == "59"

    told(run)


def test_a_signer_without_tokens_is_refused_and_told_when_to_come_back() -> None:
    async def run(desk: Desk) -> None:
        body = b"[" + b",".join([desk.alice.order(size="1").body] * 15) + b"]"
        for _ in range(4):
            assert (await desk.alice.ask("POST", "/orders", body)).status == 200
        refused = await desk.alice.ask("POST", "/orders", body)
        assert refused.error == (429, "Too Many Requests")
        assert limits_headers(refused) == {
            "Remaining": "0",
            "Reset": str(desk.now // SECOND + 1),
            "Tier": "Standard",
        }
        assert refused.headers["Retry-After"] == "1"
        assert (await desk.alice.ask("DELETE", "/cancel-all")).status == 200
        desk.pass_ms(25)
        assert (await desk.alice.post()).status == 200

    told(run)


def test_a_batch_passes_whole_or_not_at_all() -> None:
    limits = SignerLimits(Accounts())
    limits.order("a", 50, NOW)
    with pytest.raises(Refused) as caught:
        limits.order("a", 11, NOW)
    assert caught.value.headers["Poly-RateLimit-Remaining"] == "10"
    assert limits.order("a", 10, NOW)["Poly-RateLimit-Remaining"] == "0"
    with pytest.raises(Refused):
        limits.order("b", 61, NOW)


def test_cancelling_all_costs_one_and_one_more_for_each_order_even_into_debt() -> None:
    limits = SignerLimits(Accounts())
    limits.cancel("a", 110, NOW)
    limits.cancel("a", 1, NOW)
    headers = limits.cancelled("a", 49, NOW)
    assert headers["Poly-RateLimit-Remaining"] == "-40"
    assert headers["Poly-RateLimit-Reset"] == str(NOW // SECOND + 1)
    with pytest.raises(Refused):
        limits.cancel("a", 1, NOW + SECOND // 2)
    assert limits.cancel("a", 1, NOW + SECOND)["Poly-RateLimit-Remaining"] == "39"


def test_from_platinum_on_the_bucket_of_cancels_stops_at_zero() -> None:
    accounts = Accounts()
    accounts.tiers["a"] = "Platinum"
    limits = SignerLimits(accounts)
    limits.cancel("a", 1_300, NOW)
    assert limits.cancelled("a", 500, NOW)["Poly-RateLimit-Remaining"] == "0"


def test_a_new_tier_counts_at_once_and_is_named() -> None:
    async def run(desk: Desk) -> None:
        path = "/v1/user/rate-limit-tier"
        await desk.alice.post()
        assert (await desk.alice.ask("GET", path)).body == {"tier": "Standard"}
        desk.world.accounts.tiers[desk.alice.who.owner] = "Gold"
        assert (await desk.alice.ask("GET", path)).body == {"tier": "Gold"}
        after = limits_headers(await desk.alice.post())
        assert (after["Remaining"], after["Tier"]) == ("598", "Gold")

    told(run)


def test_in_warning_mode_nothing_is_refused_and_a_header_says_what_would_have_been() -> None:
    async def run(desk: Desk) -> None:
        body = b"[" + b",".join([desk.alice.order(size="1").body] * 15) + b"]"
        answers = [await desk.alice.ask("POST", "/orders", body) for _ in range(5)]
        assert [answer.status for answer in answers] == [200] * 5
        warned = ["Warning" in limits_headers(answer) for answer in answers]
        assert warned == [False] * 4 + [True]

    told(run, limits_enforced=False)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 15)), max_size=60))
def test_no_signer_ever_places_more_than_burst_and_refill_allow(
    steps: list[tuple[int, int]],
) -> None:
    limits, now, passed = SignerLimits(Accounts()), NOW, 0
    for ms, cost in steps:
        now += ms * 1_000_000
        try:
            limits.order("a", cost, now)
        except Refused:
            continue
        passed += cost
        assert passed <= 60 + 40 * (now - NOW) // SECOND


# --- addresses -----------------------------------------------------------------------------------


def test_an_address_that_asks_too_often_is_refused_without_a_word_of_the_signers_limiter() -> None:
    async def run(desk: Desk) -> None:
        for _ in range(3):
            await desk.get("/book", token_id=desk.market.tokens[0])
        query = {"token_id": desk.market.tokens[0]}
        refused = await desk.ask("GET", "/book", query=query)
        assert refused.error == (429, "Too Many Requests")
        assert limits_headers(refused) == {}
        assert refused.headers["Retry-After"] == "4"
        assert await desk.get("/ok") == "OK"
        desk.pass_ms(3_334)
        await desk.get("/book", token_id=desk.market.tokens[0])

    told(run, address_limits=AddressLimits({"market": Window(3), "all": Window(10)}))


def test_addresses_are_counted_apart_and_long_windows_beside_short_ones() -> None:
    limits = AddressLimits({"order": Window(2), "order, long": Window(3, 600)})
    limits.pass_through("a", "order", NOW)
    limits.pass_through("a", "order", NOW)
    limits.pass_through("b", "order", NOW)
    with pytest.raises(Refused):
        limits.pass_through("a", "order", NOW)
    limits.pass_through("a", "order", NOW + 10 * SECOND)
    with pytest.raises(Refused) as caught:
        limits.pass_through("a", "order", NOW + 20 * SECOND)
    assert int(caught.value.headers["Retry-After"]) == 180
    limits.pass_through("a", "unheard of", NOW)


def test_a_body_that_cannot_be_read_costs_no_token() -> None:
    async def run(desk: Desk) -> None:
        assert (await desk.alice.ask("POST", "/order", b"{}")).status == 400
        assert limits_headers(await desk.alice.post())["Remaining"] == "59"
        ids = json.dumps(["0x" + "1" * 64] * 7).encode()
        cancelled = await desk.alice.ask("DELETE", "/orders", ids)
        assert limits_headers(cancelled)["Remaining"] == "113"

    told(run)
