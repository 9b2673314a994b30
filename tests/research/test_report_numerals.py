from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.units import ONE
from underround.research.report import numerals

AMOUNTS = st.integers(-(10**17), 10**17)


def read_back(text: str) -> Fraction:
    sign = -1 if text.startswith(numerals.MINUS) else 1
    return sign * Fraction(text.strip(f"+{numerals.MINUS}").replace("$", "").replace(",", ""))


@given(AMOUNTS)
def test_every_amount_is_written_exactly(amount: int) -> None:
    """Money, prices and sizes read back to the same millionth."""
    for write in (numerals.money, numerals.signed_money, numerals.price, numerals.size):
        assert read_back(write(amount)) * ONE == amount


@pytest.mark.parametrize(
    "amount, text",
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (-4_500, "\N{MINUS SIGN}$0.0045"),
        (1_234_567_800_000, "$1,234,567.80"),
        (999_990_000, "$999.99"),
    ],
)
def test_money_shows_cents_and_micro_dollars_only_where_needed(amount: int, text: str) -> None:
    """Two decimals always, up to six when the amount has them, thousands separated."""
    assert numerals.money(amount) == text


@given(AMOUNTS)
def test_a_signed_amount_always_says_its_direction(amount: int) -> None:
    """The sign is in the text, so that colour is never needed; zero has none."""
    text = numerals.signed_money(amount)
    assert text[0] == ("+" if amount > 0 else numerals.MINUS if amount < 0 else "$")


@pytest.mark.parametrize(
    "quote, text", [(500_000, "0.50"), (515_000, "0.515"), (1, "0.000001"), (ONE, "1.00")]
)
def test_prices_have_at_least_two_decimals(quote: int, text: str) -> None:
    """A price is written to the cent, finer only on a finer grid."""
    assert numerals.price(quote) == text


@pytest.mark.parametrize(
    "part, whole, text",
    [
        (1, 1, "100.00 %"),
        (99_999, 100_000, "99.99 %"),
        (0, 5, "0.00 %"),
        (-1, 8, "\N{MINUS SIGN}12.50 %"),
        (-1, 10**9, "0.00 %"),
        (5, 0, "\N{EM DASH}"),
    ],
)
def test_a_share_is_rounded_down(part: int, whole: int, text: str) -> None:
    """Only what is whole is written as 100 %."""
    assert numerals.share(part, whole) == text


@pytest.mark.parametrize(
    "at_ns, places, text",
    [
        (1_780_000_000_123_456_789, 3, "2026-05-28 20:26:40.123"),
        (1_780_000_000_999_999_999, 0, "2026-05-28 20:26:40"),
        (1_780_000_000_123_456_789, 6, "2026-05-28 20:26:40.123456"),
        (-1, 6, "1969-12-31 23:59:59.999999"),
    ],
)
def test_times_are_utc_and_rounded_down(at_ns: int, places: int, text: str) -> None:
    """No nanosecond is lost to a float and none is rounded into the next second."""
    assert numerals.utc(at_ns, places) == text


@pytest.mark.parametrize(
    "length, text",
    [
        (0, "0 s"),
        (999, "999 ns"),
        (850_000_000, "850 ms"),
        (14_000_000_000, "14.0 s"),
        (845 * 10**9, "14 min 05 s"),
        (7_200 * 10**9, "2 h 00 min"),
        (183_600 * 10**9, "2 d 3 h"),
    ],
)
def test_spans_use_two_units(length: int, text: str) -> None:
    """A length of time is written in the units a person would use."""
    assert numerals.span(length) == text
