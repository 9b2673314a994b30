"""Exact numbers and times from text and floats."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import ImportRefused
from underround.pipeline.importers.quantities import (
    float_micros,
    iso_ns,
    price_text,
    size_text,
    unix_ns,
)
from underround.pipeline.importers.source import Place

HERE = Place(Path("rows.csv"), 7)


@given(st.integers(0, 10**13))
def test_a_float_of_millionths_comes_back_exactly(micros: int) -> None:
    """Every decimal of at most six places up to ten million survives being a float."""
    assert float_micros(HERE, "size", micros / 1_000_000) == micros


@pytest.mark.parametrize("value", [None, -0.01, 0.1234567, float("nan"), float("inf"), 1e13])
def test_a_float_that_is_no_exact_amount_is_refused(value: float | None) -> None:
    """Missing, negative, too fine, endless and absurd floats are refused with their line."""
    with pytest.raises(ImportRefused, match=r"rows\.csv line 7 has"):
        float_micros(HERE, "size", value)


@pytest.mark.parametrize(
    "text, nanos",
    [
        ("2026-05-13T15:22:39.072734Z", 1_778_685_759_072_734_000),
        ("2026-05-13T15:22:39.07Z", 1_778_685_759_070_000_000),
        ("2026-05-13T15:22:39+00:00", 1_778_685_759_000_000_000),
        ("2025-01-25 18:15:47.925 +0100", 1_737_825_347_925_000_000),
        ("2026-05-13T15:22:39.123456789Z", 1_778_685_759_123_456_789),
    ],
)
def test_iso_times_keep_every_digit(text: str, nanos: int) -> None:
    """Fractions of any length and any zone are read to the nanosecond."""
    assert iso_ns(HERE, "time", text) == nanos


@pytest.mark.parametrize("text", ["", "2026-05-13T15:22:39", "2026-02-30T00:00:00Z", "now"])
def test_a_bad_time_is_refused(text: str) -> None:
    """A time without zone, a day that does not exist and other text are refused."""
    with pytest.raises(ImportRefused, match="line 7 has the time"):
        iso_ns(HERE, "time", text)


@pytest.mark.parametrize("text", ["", "12", "-1780795851472", "1780795851472.5", "x"])
def test_a_bad_unix_time_is_refused(text: str) -> None:
    """Seconds where milliseconds belong, fractions and signs are refused."""
    with pytest.raises(ImportRefused, match="line 7 has"):
        unix_ns(HERE, "timestamp", text, "ms")


@pytest.mark.parametrize("text", ["", "1.01", "-0.1", "nan", "0.1234567", "1e-3"])
def test_a_bad_price_is_refused(text: str) -> None:
    """A price is a plain decimal within 0 … 1."""
    with pytest.raises(ImportRefused, match="price"):
        price_text(HERE, text)


@pytest.mark.parametrize("text", ["", "-5", "many", "inf"])
def test_a_bad_size_is_refused(text: str) -> None:
    """A size is a plain decimal not below 0."""
    with pytest.raises(ImportRefused, match="size"):
        size_text(HERE, text)
