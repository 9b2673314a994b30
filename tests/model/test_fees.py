"""Fees are exact: against fractions, and against the numbers the venues publish."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.fees import FeeCurve, KalshiFees, NoFees, PolymarketFees, polymarket_fees
from underround.model.units import ONE, parse_micros, parse_price, parse_size, usd

prices = st.integers(0, ONE)
sizes = st.integers(0, 10**12)
tapered_prices = st.integers(1, 999).map(lambda tenths: tenths * 1_000)
centi_contracts = st.integers(1, 10**7).map(lambda hundredths: hundredths * 10_000)
Rounding = Literal["direct", "cent"]


def up_to(value: Fraction, quantum: Fraction) -> Fraction:
    """Return the least multiple of ``quantum`` that is not below ``value``."""
    return math.ceil(value / quantum) * quantum


# --- Polymarket --------------------------------------------------------------------------------


@given(prices, sizes, st.integers(0, 300_000), st.sampled_from((1, 2)))
def test_polymarket_equals_the_published_formula(
    price: int, size: int, rate: int, exponent: int
) -> None:
    """``C · rate · (p(1−p))^exponent``: nothing below 0.00001 dollars, else rounded up to it."""
    p, c = Fraction(price, ONE), Fraction(size, ONE)
    exact = c * Fraction(rate, ONE) * (p * (1 - p)) ** exponent
    quantum = Fraction(1, 100_000)
    expected = Fraction(0) if exact < quantum else up_to(exact, quantum)
    assert PolymarketFees(rate, exponent).fee(price, size, taker=True) == expected * ONE


@given(prices, sizes, st.integers(0, 300_000))
def test_polymarket_makers_pay_nothing(price: int, size: int, rate: int) -> None:
    """Only takers pay."""
    assert PolymarketFees(rate).fee(price, size, taker=False) == 0


@pytest.mark.parametrize(
    "rate, exponent, price, size, fee",
    [
        ("0.07", 1, "0.50", "100", "1.75"),  # crypto, the documented example
        ("0.07", 1, "0.10", "100", "0.63"),
        ("0.05", 1, "0.50", "100", "1.25"),  # sports, economics, culture, weather, other
        ("0.03", 1, "0.50", "100", "0.75"),  # older sports markets
        ("0.04", 1, "0.50", "100", "1"),  # finance, politics, mentions, tech
        ("0", 1, "0.50", "100", "0"),  # geopolitics
        ("0.25", 2, "0.50", "100", "1.5625"),  # 15-minute crypto markets of early 2026
        ("0.07", 1, "0.50", "0.0005", "0"),  # 0.00000875: below the fifth decimal
        ("0.07", 1, "0.50", "0.0006", "0.00002"),  # 0.0000105: rounded against us
        ("0.07", 1, "0.01", "5", "0.00347"),  # 0.003465
    ],
)
def test_polymarket_documented_rates(
    rate: str, exponent: int, price: str, size: str, fee: str
) -> None:
    """Each category's rate gives the fee that follows from the venue's page."""
    curve = polymarket_fees(rate, exponent)
    assert curve.fee(parse_price(price), parse_size(size), taker=True) == usd(fee)


# --- Kalshi ------------------------------------------------------------------------------------


def kalshi_exact(price: int, size: int, multiplier: int, share: int) -> Fraction:
    """Return ``M × k × 0.07 × C × P × (1 − P)`` in dollars."""
    p = Fraction(price, ONE)
    model = Fraction(multiplier, ONE) * Fraction(share, ONE) * Fraction(7, 100)
    return model * Fraction(size, ONE) * p * (1 - p)


@given(
    tapered_prices,
    centi_contracts,
    st.sampled_from((ONE, ONE // 2, 0)),
    st.sampled_from((0, 250_000, 500_000)),
    st.booleans(),
    st.booleans(),
)
def test_kalshi_direct_rounds_the_fee_and_the_balance_against_us(
    price: int, size: int, multiplier: int, maker_share: int, taker: bool, selling: bool
) -> None:
    """The fee is the model's up to 0.0001 dollars; so is a payment, and a receipt down to it."""
    share = ONE if taker else maker_share
    quantum = Fraction(1, 10_000)
    exact = kalshi_exact(price, size, multiplier, share)
    notional = Fraction(price * size, ONE * ONE)
    change = (notional if selling else -notional) - up_to(exact, quantum)
    kept = math.floor(change / quantum) * quantum
    expected = (notional if selling else -notional) - kept
    curve = KalshiFees(multiplier, maker_share)
    assert curve.fee(price, size, taker=taker, selling=selling) == expected * ONE


@given(prices, sizes, st.booleans(), st.sampled_from(("direct", "cent")))
def test_kalshi_never_charges_less_than_the_model(
    price: int, size: int, taker: bool, rounding: Rounding
) -> None:
    """Rounding is against us and by less than a quantum and a balance step."""
    curve = KalshiFees(maker_share=250_000, rounding=rounding)
    exact = kalshi_exact(price, size, ONE, ONE if taker else 250_000) * ONE
    most = {"direct": 100, "cent": 10_000}[rounding] + 100
    assert exact <= curve.fee(price, size, taker=taker) < exact + most


@given(st.integers(1, 99), st.integers(1, 10_000))
def test_kalshi_is_symmetric_in_the_outcomes(cents: int, contracts: int) -> None:
    """YES at p and NO at 1 − p cost the same fee."""
    yes = KalshiFees().fee(cents * 10_000, contracts * ONE, taker=True)
    no = KalshiFees().fee(ONE - cents * 10_000, contracts * ONE, taker=True)
    assert yes == no


@pytest.mark.parametrize(
    "price, one_direct, one_cent, hundred_taker, hundred_maker",
    [
        ("0.05", "0.0034", "0.01", "0.3325", "0.0832"),
        ("0.95", "0.0034", "0.01", "0.3325", "0.0832"),
        ("0.25", "0.0132", "0.02", "1.3125", "0.3282"),
        ("0.75", "0.0132", "0.02", "1.3125", "0.3282"),
        ("0.50", "0.0175", "0.02", "1.75", "0.4375"),
    ],
)
def test_kalshi_fee_table(
    price: str, one_direct: str, one_cent: str, hundred_taker: str, hundred_maker: str
) -> None:
    """The table of one and a hundred contracts, as direct member and by the cent."""
    at, one, hundred = parse_price(price), parse_size("1"), parse_size("100")
    direct = KalshiFees(maker_share=250_000)
    assert direct.fee(at, one, taker=True) == usd(one_direct)
    assert KalshiFees(rounding="cent").fee(at, one, taker=True) == usd(one_cent)
    assert direct.fee(at, hundred, taker=True) == usd(hundred_taker)
    assert direct.fee(at, hundred, taker=False) == usd(hundred_maker)


def test_kalshi_demo_fill() -> None:
    """One NO at 0.52 cost 0.017500 on the venue's demo; the unrounded model says 0.017472."""
    price, size = parse_price("0.52"), parse_size("1")
    assert kalshi_exact(price, size, ONE, ONE) == Fraction("0.017472")
    assert KalshiFees().fee(price, size, taker=True) == parse_micros("0.0175")


def test_kalshi_in_may_charged_the_cent() -> None:
    """In May 2026 the same contract cost 0.02."""
    fee = KalshiFees(rounding="cent").fee(parse_price("0.52"), parse_size("1"), taker=True)
    assert fee == usd("0.02")


def test_kalshi_quadratic_makers_pay_nothing() -> None:
    """Without maker fees a resting order on whole cents is free."""
    assert KalshiFees().fee(parse_price("0.52"), parse_size("7"), taker=False) == 0


def test_a_market_without_fees_charges_nothing() -> None:
    """``NoFees`` is 0 for everyone."""
    assert NoFees().fee(500_000, 10**9, taker=True) == 0


@pytest.mark.parametrize(
    "curve", [polymarket_fees("0.072"), KalshiFees(ONE // 2, 250_000, "cent"), NoFees()]
)
def test_a_curve_is_kept_with_its_kind(curve: FeeCurve) -> None:
    """A curve written as JSON is read back as the same kind with the same numbers."""
    assert msgspec.json.decode(msgspec.json.encode(curve), type=FeeCurve) == curve


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"type":"polymarket"}',
        b'{"type":"polymarket","rate":0.07}',
        b'{"type":"none","rate":1}',
        b'{"type":"flat","rate":1}',
        b'{"type":"kalshi","rounding":"down"}',
    ],
)
def test_a_curve_with_something_missing_or_unknown_is_refused(text: bytes) -> None:
    """No rate is assumed and no unknown kind passes for one that is known."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=FeeCurve)
