"""What a transaction offers: exact from text, never below the least tip, never above the cap."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import AnswerRefused, ConfigError, TryLater
from underround.venues.polygon.answers import FeeHistory
from underround.venues.polygon.fees import (
    GWEI,
    LEAST_TIP,
    NORMAL,
    URGENT,
    FeeCap,
    Fees,
    GasPrices,
    bump,
    decode_gas_station,
    of_history,
    offer,
    replaces,
)
from underround.venues.polygon.quantities import Quantity

CAP = FeeCap()
QUIET = b"""{"safeLow":{"maxPriorityFee":30.7611840636,"maxFee":30.7611840796},
"standard":{"maxPriorityFee":32.146027800733336,"maxFee":32.14602781673334},
"fast":{"maxPriorityFee":33.284344224133335,"maxFee":33.284344240133336},
"estimatedBaseFee":1.6e-08,"blockTime":6,"blockNumber":24962816}"""
"""Polygon's documentation, docs/tools/gas/polygon-gas-station.md."""


def prices(base: int, tip: int) -> GasPrices:
    return GasPrices(base, tip, tip, tip, 1)


def test_doubles_of_the_gas_station_become_wei_without_a_float() -> None:
    told = decode_gas_station(QUIET)
    assert told == GasPrices(16, 30_761_184_064, 32_146_027_801, 33_284_344_225, 24_962_816)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["gas_station_v2_doc_example", "gas_station_v2_doc_example_busy"])
def test_the_documented_answers_are_read_exactly(shared: Path, name: str) -> None:
    body = (shared / f"venues/samples/polygon/{name}.json").read_bytes()
    raw = json.loads(body, parse_float=Decimal)
    told = decode_gas_station(body)
    for wei, gwei in (
        (told.base_fee, raw["estimatedBaseFee"]),
        (told.slow, raw["safeLow"]["maxPriorityFee"]),
        (told.standard, raw["standard"]["maxPriorityFee"]),
        (told.fast, raw["fast"]["maxPriorityFee"]),
    ):
        assert 0 <= wei - Decimal(gwei) * GWEI < 1


@pytest.mark.parametrize(
    "spoilt",
    [
        QUIET.replace(b"1.6e-08", b'"1.6e-08"'),
        QUIET.replace(b"1.6e-08", b"-1"),
        QUIET.replace(b"1.6e-08", b"1e99"),
        QUIET.replace(b"1.6e-08", b"null"),
        QUIET.replace(b'"maxPriorityFee":32.146027800733336,', b""),
        QUIET[:-3],
        b"\xff",
        b"",
    ],
)
def test_a_spoilt_answer_is_refused(spoilt: bytes) -> None:
    with pytest.raises(AnswerRefused, match="gas station"):
        decode_gas_station(spoilt)


def test_fee_history_gives_medians_of_blocks_with_transactions_and_the_next_base_fee() -> None:
    def q(*numbers: int) -> tuple[Quantity, ...]:
        return tuple(map(Quantity, numbers))

    history = FeeHistory(
        q(1, 2, 3, 4, 9), (q(30, 40, 50), q(0, 0, 0), q(10, 20, 90), q(20, 30, 70))
    )
    assert of_history(history, 7) == GasPrices(9, 20, 30, 70, 7)
    assert of_history(FeeHistory(q(5)), 7) == GasPrices(5, LEAST_TIP, LEAST_TIP, LEAST_TIP, 7)
    with pytest.raises(AnswerRefused, match="no base fee"):
        of_history(FeeHistory(()), 7)
    with pytest.raises(AnswerRefused, match="not 3 tips"):
        of_history(FeeHistory(q(5), (q(1),)), 7)


def test_an_offer_is_twice_the_base_fee_and_the_tip() -> None:
    now = GasPrices(100 * GWEI, 30 * GWEI, 40 * GWEI, 60 * GWEI, 1)
    assert offer(now, NORMAL, CAP) == Fees(40 * GWEI, 240 * GWEI)
    assert offer(now, URGENT, CAP) == Fees(60 * GWEI, 260 * GWEI)


def test_a_tip_below_what_producers_take_is_raised() -> None:
    assert offer(prices(GWEI, 5 * GWEI), NORMAL, CAP) == Fees(LEAST_TIP, 27 * GWEI)


@given(
    base=st.integers(0, 3_000 * GWEI),
    tip=st.integers(0, 3_000 * GWEI),
    cap_tip=st.integers(LEAST_TIP, 600 * GWEI),
    more=st.integers(0, 2_000 * GWEI),
)
def test_an_offer_is_capped_and_can_be_mined_now(
    base: int, tip: int, cap_tip: int, more: int
) -> None:
    cap = FeeCap(cap_tip, cap_tip + more)
    try:
        fees = offer(prices(base, tip), NORMAL, cap)
    except TryLater:
        assert cap.max_fee < base + LEAST_TIP
        return
    assert LEAST_TIP <= fees.tip <= cap.tip
    assert base + LEAST_TIP <= fees.max_fee <= cap.max_fee


@given(
    tip=st.integers(1, 10**13),
    more=st.integers(0, 10**13),
    now=st.none() | st.tuples(st.integers(0, 10**13), st.integers(0, 10**13)),
)
def test_every_step_is_taken_by_a_pool_that_wants_a_tenth(
    tip: int, more: int, now: tuple[int, int] | None
) -> None:
    cap = FeeCap(10**14, 10**14)
    old = Fees(tip, tip + more)
    fresh = Fees(min(now), max(now)) if now else None
    new = bump(old, fresh, cap)
    assert new is not None
    # go-ethereum: threshold = old · (100 + 10) / 100 in integers; below it, or not above: refused.
    for after, before in ((new.tip, old.tip), (new.max_fee, old.max_fee)):
        assert after > before
        assert after >= before * 110 // 100
        assert after * 8 >= before * 9
    if fresh is not None:
        assert new.tip >= fresh.tip
        assert new.max_fee >= fresh.max_fee


@pytest.mark.parametrize(
    "tip, max_fee, taken", [(110, 1_100, True), (109, 1_100, False), (110, 1_099, False)]
)
def test_a_replacement_pays_a_tenth_more_of_both(tip: int, max_fee: int, taken: bool) -> None:
    assert replaces(Fees(tip, max_fee), Fees(100, 1_000)) is taken


@given(tip=st.integers(LEAST_TIP, 100 * GWEI), more=st.integers(0, 300 * GWEI))
def test_steps_end_at_the_cap(tip: int, more: int) -> None:
    cap = FeeCap(100 * GWEI, 400 * GWEI)
    fees: Fees | None = Fees(tip, tip + more)
    steps = 0
    while fees is not None:
        assert fees.tip <= cap.tip
        assert fees.max_fee <= cap.max_fee
        before, fees = fees, bump(fees, None, cap)
        assert fees is None or replaces(fees, before)
        steps += 1
    assert steps < 30


def test_a_cap_below_the_least_tip_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="lets nothing pass"):
        FeeCap(tip=24 * GWEI)
    with pytest.raises(ConfigError, match="lets nothing pass"):
        FeeCap(tip=50 * GWEI, max_fee=49 * GWEI)
