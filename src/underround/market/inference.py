"""An Allora inference as a signal: what it says about a price, and when it may not be used.

The definitions come from the first specification of this product: a target price, a band around it
at five percentiles, and an inference that is stale above 5 % is invalid.  Two things have changed
since.  Allora no longer states the band, so it is made here from the single inferers' values: it is
their *spread*, how far five or six predictors disagree, and neither a probability nor a confidence.
And staleness was one ratio; here it is two, and the larger counts:

* age / length of an epoch: how much of the time until the next answer has passed;
* age / time left in the candle: how much older the answer is than what it still has to foresee.

Age counts from when the answer could be *known*.  The network itself takes a submission window
(about a minute of a five-minute epoch) to make it, so that counted from the nonce every inference
would be born stale; its age since the nonce has a rule of its own, in epochs.

Everything is a function of what it is told.  ``judge`` states every reason against an inference,
and whatever is unknown counts against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

import msgspec

from underround.model.signals import ForecastKind, ForecastTopic, StatedInference
from underround.model.units import ONE, Money, Nanos, ceil_div

PERCENTILES: Final = (228, 1_587, 5_000, 8_413, 9_772)
"""In hundredths of a percent: -2, -1, 0, +1, +2 standard deviations of a normal distribution."""

_BPS: Final = 10_000
_DIGITS: Final = Context(prec=40, rounding=ROUND_HALF_EVEN)
"""Enough for the chain's 34 digits; ``exp`` is rounded correctly, the same on every machine."""
_LARGEST_PRICE: Final = Decimal(10**12)
_LARGEST_RETURN: Final = Decimal(1)
"""A log-return beyond ± 1 (a price times 2.7) is a mistake and is not even evaluated."""


class InferenceRules(msgspec.Struct, frozen=True, kw_only=True):
    """When an inference is used."""

    max_epochs: int = 2
    """Epochs since the nonce after which the topic has missed an answer."""
    min_inferers: int = 3
    """Predictors it must be made of; 0 accepts sources that do not name them."""
    max_off_spot_bps: int = 300
    """How far the target may be from the spot price."""
    max_staleness_bps: int = 500
    """Either ratio of staleness above this is too stale: 5 %."""
    sandbox: bool = False
    """Whether topics without stake may be used."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around an inference when it is judged."""

    active: bool | None
    """Whether the chain calls the topic active; ``None``: not asked."""
    block_ns: Nanos
    """How long a block takes, as measured."""
    nonce_ns: Nanos
    """Time of the block that asked."""
    known_ns: Nanos
    """When the answer was announced, or else first seen by us."""
    now: Nanos
    spot: Money | None
    """The spot price now; ``None``: none or stale."""
    reference: Money | None = None
    """The price at ``nonce_ns``, which log-returns count from (the close at that block)."""
    candle_ends_ns: Nanos | None = None
    """End of the candle it is used for; ``None``: it is used for no candle."""


class Inference(msgspec.Struct, frozen=True, kw_only=True):
    """What a network foresees; named by chain, topic and nonce."""

    topic: ForecastTopic
    nonce: int
    nonce_ns: Nanos
    horizon_ns: Nanos
    """The instant it speaks about."""
    value: Decimal
    """A price, a log-return or a volatility, exactly as stated; log-returns may be negative."""
    target: Money | None
    """The price it foresees; ``None`` for volatilities, and without the reference it needs."""
    inferers: int
    spread: tuple[Decimal, ...]
    """The inferers' values at ``PERCENTILES``, in the unit of ``value``; empty without inferers."""
    target_spread: tuple[Money, ...]
    """The same as prices; empty without ``target``."""
    epoch_staleness_bps: int
    """Age / epoch, rounded up."""
    candle_staleness_bps: int | None
    """Age / time left in the candle, rounded up; ``None``: no candle, or none of it is left."""
    against: tuple[str, ...]
    """Why it may not be used, each a sentence; empty: it may."""

    @property
    def kind(self) -> ForecastKind:
        """What the value is."""
        return self.topic.kind

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against using it."""
        return not self.against


def judge(
    stated: StatedInference,
    topic: ForecastTopic,
    situation: Situation,
    rules: InferenceRules | None = None,
) -> Inference:
    """Return what ``stated`` means now, with every reason against using it.

    Raises ``ValueError`` when ``stated`` is not of ``topic``, and for an epoch of no length.
    """
    rules = rules or InferenceRules()
    if (stated.chain, stated.topic) != (topic.chain, topic.id):
        raise ValueError(f"an inference of topic {stated.topic} judged as one of {topic.id}")
    epoch_ns = topic.epoch_blocks * situation.block_ns
    if epoch_ns <= 0:
        raise ValueError(f"topic {topic.id} has epochs of {epoch_ns} ns")
    target = target_price(topic.kind, stated.combined, situation.reference)
    values = spread_of([each.value for each in stated.inferers])
    targets = [target_price(topic.kind, value, situation.reference) for value in values]
    epoch_bps, candle_bps = _staleness(situation, epoch_ns)
    return Inference(
        topic=topic,
        nonce=stated.nonce,
        nonce_ns=situation.nonce_ns,
        horizon_ns=situation.nonce_ns + topic.horizon_s * 1_000_000_000,
        value=stated.combined,
        target=target,
        inferers=len(stated.inferers),
        spread=values,
        target_spread=tuple(each for each in targets if each is not None),
        epoch_staleness_bps=epoch_bps,
        candle_staleness_bps=candle_bps,
        against=(
            *_network_reasons(stated, topic, situation, rules, epoch_ns),
            *_value_reasons(stated, topic, situation, rules, target),
            *_stale_reasons(epoch_bps, candle_bps, situation, rules),
        ),
    )


def target_price(kind: ForecastKind, value: Decimal, reference: Money | None) -> Money | None:
    """Return the price that ``value`` foresees, in micro-dollars, rounded half to even.

    A log-return is ln(P_future / P_now), so the target is reference · exp(value), evaluated in
    decimal arithmetic of 40 digits.  ``None`` for a volatility, for a value that is no price, and
    for a log-return without ``reference`` or beyond ± 1.
    """
    if kind == "volatility" or not value.is_finite():
        return None
    if kind == "price":
        if not 0 < value < _LARGEST_PRICE:
            return None
        exact = _DIGITS.multiply(value, Decimal(ONE))
    elif reference is None or value.copy_abs() > _LARGEST_RETURN:
        return None
    else:
        exact = _DIGITS.multiply(Decimal(reference), _DIGITS.exp(value))
    price = int(exact.to_integral_value(rounding=ROUND_HALF_EVEN, context=_DIGITS))
    return price if price > 0 else None


def spread_of(values: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Return ``values`` at ``PERCENTILES``; empty for none.

    Unweighted, linear between the sorted values: the p-th percentile of n values lies at place
    p · (n - 1), counted from 0.  Between two values 40 digits are kept.
    """
    if not values:
        return ()
    ordered = sorted(values)
    found: list[Decimal] = []
    for percentile in PERCENTILES:
        place, rest = divmod(percentile * (len(ordered) - 1), _BPS)
        value = ordered[place]
        if rest:
            step = Fraction(ordered[place + 1]) - Fraction(value)
            exact = Fraction(value) + step * Fraction(rest, _BPS)
            value = _DIGITS.divide(Decimal(exact.numerator), Decimal(exact.denominator))
        found.append(value)
    return tuple(found)


def _network_reasons(
    stated: StatedInference,
    topic: ForecastTopic,
    situation: Situation,
    rules: InferenceRules,
    epoch_ns: Nanos,
) -> list[str]:
    reasons = []
    if situation.active is not True:
        word = "is not active" if situation.active is False else "was not asked whether active"
        reasons.append(f"topic {topic.id} {word}")
    if topic.sandbox and not rules.sandbox:
        reasons.append(f"topic {topic.id} is a playground without stake")
    if situation.nonce_ns > situation.now:
        reasons.append("the nonce lies in the future: check the clock")
    if situation.now - situation.nonce_ns > rules.max_epochs * epoch_ns:
        epochs = (situation.now - situation.nonce_ns) // epoch_ns
        reasons.append(f"the nonce is {epochs} epochs old, more than {rules.max_epochs}")
    if len(stated.inferers) < rules.min_inferers:
        reasons.append(f"{len(stated.inferers)} inferers, fewer than {rules.min_inferers}")
    return reasons


def _value_reasons(
    stated: StatedInference,
    topic: ForecastTopic,
    situation: Situation,
    rules: InferenceRules,
    target: Money | None,
) -> list[str]:
    if topic.kind == "volatility":
        return [] if stated.combined > 0 else [f"a volatility of {stated.combined}"]
    if target is None:
        if topic.kind == "log_return" and situation.reference is None:
            return ["no price at the nonce is known to count the log-return from"]
        return [f"{stated.combined} cannot be a {topic.kind.replace('_', '-')}"]
    if situation.spot is None or situation.spot <= 0:
        return ["no spot price is known to check the target against"]
    off = ceil_div(abs(target - situation.spot) * _BPS, situation.spot)
    if off > rules.max_off_spot_bps:
        return [f"the target is {off} bps from spot, more than {rules.max_off_spot_bps}"]
    return []


def _staleness(situation: Situation, epoch_ns: Nanos) -> tuple[int, int | None]:
    """Return age / epoch and age / time left in the candle, in bps, rounded up."""
    age = max(0, situation.now - situation.known_ns)
    ends_ns = situation.candle_ends_ns
    left = 0 if ends_ns is None else ends_ns - situation.now
    return ceil_div(age * _BPS, epoch_ns), ceil_div(age * _BPS, left) if left > 0 else None


def _stale_reasons(
    epoch_bps: int, candle_bps: int | None, situation: Situation, rules: InferenceRules
) -> list[str]:
    reasons = []
    most = rules.max_staleness_bps
    if epoch_bps > most:
        reasons.append(f"its age is {epoch_bps} bps of an epoch, more than {most}")
    if candle_bps is None:
        if situation.candle_ends_ns is not None:
            reasons.append("the candle has ended")
    elif candle_bps > most:
        reasons.append(f"its age is {candle_bps} bps of the time left, more than {most}")
    return reasons
