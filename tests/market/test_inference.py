"""What an inference says, and when it may not be used."""

from __future__ import annotations

from decimal import Decimal, getcontext
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.market.inference import (
    PERCENTILES,
    InferenceRules,
    Situation,
    judge,
    spread_of,
    target_price,
)
from underround.model.frames import NANOS_PER_SECOND as SECOND
from underround.model.signals import ForecastTopic, StatedInference, WorkerValue
from underround.model.units import ONE

TOPIC = ForecastTopic(
    chain="allora-testnet-1", id=13, metadata="ETH 5min Prediction", asset="ETH", kind="price",
    horizon_s=300, epoch_blocks=60, submission_blocks=12,
)  # fmt: skip
NONCE_NS = 1_790_000_000 * SECOND
KNOWN_NS = NONCE_NS + 60 * SECOND
VALUES = ("4258.7", "4266.7", "4268.5", "4255.6", "4256.8", "4257.1")
STATED = StatedInference(
    chain=TOPIC.chain, topic=13, nonce=5_100_955, combined=Decimal("4260.058888453676459961"),
    naive=None, forecasters=(), outlier_resistant=False,
    inferers=tuple(WorkerValue(f"w{place}", Decimal(v)) for place, v in enumerate(VALUES)),
)  # fmt: skip
SITUATION = Situation(
    active=True, block_ns=5 * SECOND, nonce_ns=NONCE_NS, known_ns=KNOWN_NS,
    now=KNOWN_NS + 10 * SECOND, spot=4_250 * ONE, candle_ends_ns=KNOWN_NS + 600 * SECOND,
)  # fmt: skip


def against(
    stated: StatedInference = STATED, topic: ForecastTopic = TOPIC, rules: Any = None, **known: Any
) -> tuple[str, ...]:
    situation = msgspec.structs.replace(SITUATION, **known)
    return judge(stated, topic, situation, rules).against


def test_a_fresh_inference_of_a_live_topic_is_valid() -> None:
    """Ten seconds old, of a 300 s epoch and with 590 s of the candle left."""
    told = judge(STATED, TOPIC, SITUATION)
    assert told.valid
    assert (told.target, told.kind, told.inferers) == (4_260_058_888, "price", 6)
    assert told.horizon_ns == NONCE_NS + 300 * SECOND
    assert (told.epoch_staleness_bps, told.candle_staleness_bps) == (334, 170)
    assert told.spread[2] == Decimal("4257.9")
    assert told.target_spread[2] == 4_257_900_000


@pytest.mark.parametrize(
    "known, reason",
    [
        ({"active": False}, "topic 13 is not active"),
        ({"active": None}, "topic 13 was not asked whether active"),
        ({"spot": None}, "no spot price is known to check the target against"),
        ({"spot": 4_130 * ONE}, "the target is 315 bps from spot, more than 300"),
        ({"now": KNOWN_NS + 16 * SECOND}, "its age is 534 bps of an epoch, more than 500"),
        ({"candle_ends_ns": SITUATION.now + 199 * SECOND},
         "its age is 503 bps of the time left, more than 500"),
        ({"candle_ends_ns": SITUATION.now}, "the candle has ended"),
        ({"nonce_ns": SITUATION.now + 1}, "the nonce lies in the future: check the clock"),
        ({"nonce_ns": SITUATION.now - 900 * SECOND}, "the nonce is 3 epochs old, more than 2"),
    ],
)  # fmt: skip
def test_each_rule_states_its_reason(known: dict[str, Any], reason: str) -> None:
    assert against(**known) == (reason,)


def test_the_limits_themselves_are_still_valid() -> None:
    """5 % of both staleness ratios, two epochs, 3 % from spot and three inferers are allowed."""
    assert against(now=KNOWN_NS + 15 * SECOND) == ()
    assert against(candle_ends_ns=SITUATION.now + 200 * SECOND) == ()
    assert against(nonce_ns=SITUATION.now - 600 * SECOND) == ()
    three = msgspec.structs.replace(STATED, inferers=STATED.inferers[:3])
    assert against(three) == ()
    exact = msgspec.structs.replace(STATED, combined=Decimal(4120))
    assert against(exact, spot=4_000 * ONE) == ()
    assert against(candle_ends_ns=None) == ()


def test_staleness_is_judged_both_ways() -> None:
    """A second old at the start of a candle is nothing, three seconds before its end it is much."""
    late = {"now": KNOWN_NS + SECOND, "candle_ends_ns": KNOWN_NS + 4 * SECOND}
    told = judge(STATED, TOPIC, msgspec.structs.replace(SITUATION, **late))
    assert (told.epoch_staleness_bps, told.candle_staleness_bps) == (34, 3_334)
    assert not told.valid


def test_too_few_or_unnamed_inferers_are_refused_unless_the_rules_say_otherwise() -> None:
    unnamed = msgspec.structs.replace(STATED, inferers=())
    assert against(unnamed) == ("0 inferers, fewer than 3",)
    assert against(unnamed, rules=InferenceRules(min_inferers=0)) == ()
    told = judge(unnamed, TOPIC, SITUATION)
    assert (told.spread, told.target_spread) == ((), ())


def test_playgrounds_are_refused_unless_asked_for() -> None:
    sandbox = msgspec.structs.replace(TOPIC, sandbox=True)
    assert against(topic=sandbox) == ("topic 13 is a playground without stake",)
    assert against(topic=sandbox, rules=InferenceRules(sandbox=True)) == ()


def test_every_reason_is_stated_at_once() -> None:
    reasons = against(active=False, spot=None, now=KNOWN_NS + 900 * SECOND)
    assert len(reasons) == 5


LOG_RETURN = msgspec.structs.replace(TOPIC, kind="log_return")


def test_a_log_return_moves_the_price_at_the_nonce() -> None:
    """P_ref · exp(value): 4,000 dollars and ln(1.01) are 4,040 dollars; negative ones fall."""
    up = msgspec.structs.replace(STATED, combined=Decimal("0.00995033085316808284821535754426"))
    told = judge(up, LOG_RETURN, msgspec.structs.replace(SITUATION, reference=4_200 * ONE))
    assert told.target == 4_242 * ONE
    assert target_price("log_return", Decimal("-0.01"), 4_000 * ONE) == 3_960_199_335
    assert target_price("log_return", Decimal(0), 7) == 7


def test_a_log_return_without_its_reference_is_of_no_use() -> None:
    small = msgspec.structs.replace(STATED, combined=Decimal("0.001"))
    assert against(small, LOG_RETURN) == (
        "no price at the nonce is known to count the log-return from",
    )


@pytest.mark.parametrize("value", ["1.0001", "-5000", "1E+90"])
def test_an_absurd_log_return_is_not_evaluated(value: str) -> None:
    absurd = msgspec.structs.replace(STATED, combined=Decimal(value))
    (reason,) = against(absurd, LOG_RETURN, reference=4_000 * ONE)
    assert "cannot be a log-return" in reason


@pytest.mark.parametrize("value", ["0", "-1", "0.0000001", "1E+15", "NaN", "Infinity"])
def test_what_is_no_price_has_no_target(value: str) -> None:
    assert target_price("price", Decimal(value), None) is None


def test_a_volatility_has_no_target_and_must_be_above_zero() -> None:
    topic = msgspec.structs.replace(TOPIC, kind="volatility")
    told = judge(STATED, topic, SITUATION)
    assert (told.target, told.target_spread, told.valid) == (None, (), True)
    zero = msgspec.structs.replace(STATED, combined=Decimal(0))
    assert against(zero, topic) == ("a volatility of 0",)


def test_an_inference_of_another_topic_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="topic 13 judged as one of 14"):
        judge(STATED, msgspec.structs.replace(TOPIC, id=14), SITUATION)
    with pytest.raises(ValueError, match="epochs of 0 ns"):
        judge(STATED, TOPIC, msgspec.structs.replace(SITUATION, block_ns=0))


DECIMALS = st.decimals(-(10**6), 10**6, allow_nan=False, places=18)


@given(st.lists(DECIMALS, min_size=1, max_size=12))
def test_the_spread_is_the_linear_percentile_of_the_values(values: list[Decimal]) -> None:
    """In order, within the values, exact to 40 digits, whatever the caller's decimal context."""
    getcontext().prec = 6
    try:
        told = spread_of(values)
    finally:
        getcontext().prec = 28
    assert len(told) == len(PERCENTILES)
    assert list(told) == sorted(told)
    assert min(values) <= told[0] <= told[-1] <= max(values)
    ordered = [Fraction(value) for value in sorted(values)]
    for percentile, found in zip(PERCENTILES, told, strict=True):
        place = Fraction(percentile * (len(values) - 1), 10_000)
        low = int(place)
        above = ordered[min(low + 1, len(ordered) - 1)]
        exact = ordered[low] + (above - ordered[low]) * (place - low)
        assert abs(Fraction(found) - exact) <= Fraction(1, 10**30)


@given(st.decimals(-1, 1, allow_nan=False, places=20), st.integers(ONE, 10**12))
def test_a_target_does_not_depend_on_the_callers_context(value: Decimal, reference: int) -> None:
    wide = target_price("log_return", value, reference)
    getcontext().prec = 5
    try:
        assert target_price("log_return", value, reference) == wide
    finally:
        getcontext().prec = 28
    assert wide is not None
    assert (wide >= reference) is (value >= 0) or abs(wide - reference) <= 1
