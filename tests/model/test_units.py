"""Numbers are exact, refused when they are not, and rounded against us."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from underround.model.units import (
    ONE,
    ceil_div,
    cost_of,
    decimal_text,
    parse_micros,
    parse_price,
    parse_size,
    proceeds_of,
    shares,
    usd,
)

LARGEST = 10**18 - 1
prices = st.integers(0, ONE)
sizes = st.integers(0, 10**13)


@given(st.integers(-LARGEST, LARGEST))
@example(-1)
@example(LARGEST)
@example(-LARGEST)
def test_text_and_back_is_the_same_number(micros: int) -> None:
    """Every number survives being written and read."""
    assert parse_micros(decimal_text(micros)) == micros


@given(st.integers(-LARGEST, LARGEST))
def test_the_text_is_the_shortest_and_exact(micros: int) -> None:
    """The text has no exponent, no needless zero, and the value of the number."""
    text = decimal_text(micros)
    assert Fraction(text) == Fraction(micros, ONE)
    assert "." not in text or not text.endswith(("0", "."))
    assert set(text) <= set("-0123456789.")


@given(
    negative=st.booleans(),
    whole=st.integers(0, 10**12 - 1),
    leading=st.integers(0, 5),
    fraction=st.text("0123456789", max_size=6),
    zeros=st.integers(0, 12),
)
def test_every_plain_decimal_of_six_places_is_read_exactly(
    negative: bool, whole: int, leading: int, fraction: str, zeros: int
) -> None:
    """Leading zeros and trailing zeros change nothing; the value is the decimal's."""
    text = ("-" if negative else "") + "0" * leading + str(whole)
    tail = fraction + "0" * zeros
    if tail:
        text += "." + tail
    assert parse_micros(text) == Fraction(Decimal(text)) * ONE


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        ".",
        ".5",
        "5.",
        "-.5",
        "+1",
        "--1",
        "1e3",
        "1E-2",
        "1.5e1",
        "1_000",
        "1,000",
        " 1",
        "1 ",
        "1\n",
        "1.\n",
        "0x10",
        "1.2.3",
        "1.-2",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "None",
        "½",
        "١",
        "1.١",
        "²",
        "𝟙",
    ],
)
def test_what_is_not_a_plain_decimal_is_refused(text: str) -> None:
    """Exponents, signs, spaces, separators and foreign digits raise ``ValueError``."""
    with pytest.raises(ValueError, match="not a plain decimal"):
        parse_micros(text)


@given(st.text(max_size=8))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    """No text gives a number that differs from its decimal value."""
    try:
        micros = parse_micros(text)
    except ValueError:
        return
    assert Fraction(Decimal(text)) * ONE == micros


@given(st.text("0123456789", min_size=7, max_size=40).filter(lambda text: text[6:].strip("0")))
def test_more_than_six_decimals_are_refused(fraction: str) -> None:
    """A number finer than a millionth is not rounded but refused."""
    with pytest.raises(ValueError, match="finer than a millionth"):
        parse_micros("0." + fraction)


@pytest.mark.parametrize(
    "text", ["1000000000000", "-1000000000000", "9" * 29, "9" * 30, "9" * 10_000, "-" + "9" * 500]
)
def test_huge_numbers_are_refused(text: str) -> None:
    """A million millions and more is a mistake, however long its text is."""
    with pytest.raises(ValueError, match="too large"):
        parse_micros(text)


def test_the_largest_number_is_read() -> None:
    """Just below a million millions is still a number."""
    assert parse_micros("999999999999.999999") == LARGEST


@pytest.mark.parametrize("text", ["-0.01", "1.000001", "2", "-1"])
def test_a_price_outside_zero_to_one_is_refused(text: str) -> None:
    """An outcome costs between nothing and one dollar."""
    with pytest.raises(ValueError, match="outside 0 … 1"):
        parse_price(text)


def test_the_borders_of_a_price_are_read() -> None:
    """0 and 1 are prices: venues state them for empty sides."""
    assert (parse_price("0"), parse_price("1"), parse_price("0.0010")) == (0, ONE, 1_000)


def test_a_negative_size_is_refused() -> None:
    """Nobody rests less than nothing."""
    with pytest.raises(ValueError, match="negative"):
        parse_size("-0.000001")
    assert parse_size("0") == 0


def test_dollars_and_shares_are_millionths() -> None:
    """Both are written as text and kept in millionths."""
    assert usd("0.02") == 20_000
    assert shares("5") == 5_000_000


@given(prices, sizes)
def test_what_we_pay_rounds_up_and_what_we_receive_rounds_down(price: int, size: int) -> None:
    """The exact value lies between proceeds and cost, less than a micro-dollar from each."""
    exact = Fraction(price * size, ONE)
    assert 0 <= cost_of(price, size) - exact < 1
    assert 0 <= exact - proceeds_of(price, size) < 1


@given(prices, sizes, sizes)
def test_splitting_a_trade_is_never_to_our_advantage(price: int, first: int, second: int) -> None:
    """Two parts cost at least, and bring at most, what the whole does."""
    whole = first + second
    assert cost_of(price, first) + cost_of(price, second) >= cost_of(price, whole)
    assert proceeds_of(price, first) + proceeds_of(price, second) <= proceeds_of(price, whole)


@given(prices, sizes)
def test_both_outcomes_together_cost_at_least_a_dollar(price: int, size: int) -> None:
    """Rounding makes no complete set cheaper than what it pays."""
    assert cost_of(price, size) + cost_of(ONE - price, size) >= size
    assert proceeds_of(price, size) + proceeds_of(ONE - price, size) <= size


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_ceil_div_is_the_least_integer_not_below(numerator: int, denominator: int) -> None:
    """``ceil_div`` is exact for numbers no float can hold."""
    result = ceil_div(numerator, denominator)
    assert result - 1 < Fraction(numerator, denominator) <= result
