"""The times and reference prices every codec reads the same way."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import FrameRefused
from underround.venues.binance.capabilities import CAPABILITIES as BINANCE
from underround.venues.binance.codec import BinanceDecoder
from underround.venues.codec import (
    Decoder,
    PriceTexts,
    iso_nanos,
    ms_text_nanos,
    reference_price,
    refused,
    unix_nanos,
)
from underround.venues.coinbase.capabilities import CAPABILITIES as COINBASE
from underround.venues.coinbase.codec import CoinbaseDecoder
from underround.venues.kalshi.capabilities import CAPABILITIES as KALSHI
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.polymarket.capabilities import CAPABILITIES as POLYMARKET
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.rtds import RtdsDecoder

DECODERS: list[Decoder] = [
    PolymarketDecoder({}),
    RtdsDecoder({}),
    KalshiDecoder({}),
    BinanceDecoder({}),
    CoinbaseDecoder({}),
]
HOSTILE = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\xff\xfe",
    b"null",
    b"1",
    b'"x"',
    b"{}",
    b"[1]",
    b"[[[]]]",
    b'{"type":"\xff","event_type":"\xff","topic":"\xff","e":"\xff"}',
    b'[{"event_type":"book"',
    b'{"market":"\xff","price_changes":[],"timestamp":"1","event_type":"price_change"}',
]


@given(st.integers(10**12, 10**13 - 1))
def test_milliseconds_of_text_and_number_agree(ms: int) -> None:
    """Text and number of the same milliseconds are the same time."""
    assert ms_text_nanos(str(ms)) == unix_nanos(ms) == ms * 1_000_000


@pytest.mark.parametrize(
    "text",
    ["", "1777384650", "1777384650123456", "-777384650123", "+777384650123", "1_77384650123",
     " 177738465012", "177738465012.", "١٧٧٧٣٨٤٦٥٠١٢٣", "0777384650123"],
)  # fmt: skip
def test_other_timestamps_are_refused(text: str) -> None:
    """Seconds, microseconds, signs and strange digits are never taken for milliseconds."""
    with pytest.raises(ValueError, match="not Unix milliseconds"):
        ms_text_nanos(text)


def test_iso_time_is_exact_to_the_nanosecond() -> None:
    """Nine decimals survive; no float takes part."""
    assert iso_nanos("2026-04-28T09:03:06.659049001Z") == 1777366986659049001
    assert iso_nanos("2026-04-28T09:03:06+00:00") == 1777366986000000000


@pytest.mark.parametrize(
    "text",
    ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-04-28 09:03:06Z", "0000-01-01T00:00:00Z",
     "2026-04-28T09:03:06+02:00", "2026-04-28T24:00:00Z", "2026-04-28T09:03:06", ""],
)  # fmt: skip
def test_impossible_iso_times_are_refused(text: str) -> None:
    """Dates that do not exist, local times and other offsets are refused."""
    with pytest.raises(ValueError, match="time"):
        iso_nanos(text)


@given(st.integers(1, 10**18), st.integers(0, 6))
def test_prices_that_fit_are_exact(units: int, decimals: int) -> None:
    """A price of at most six decimals loses nothing."""
    text = f"{Decimal(units).scaleb(-decimals):f}"
    assert reference_price(text) == units * 10 ** (6 - decimals)


@given(st.integers(10**17, 10**26))
def test_chainlink_prices_are_rounded_to_the_nearest_millionth(raw: int) -> None:
    """Eighteen decimals become the nearest micro-dollar, never more than half of one away."""
    assert abs(reference_price(str(raw), 18) * 10**12 - raw) * 2 <= 10**12


@pytest.mark.parametrize("text", ["0.00000811", "0", "-1", "NaN", "Infinity", "1e9999", "1_0", ""])
def test_prices_that_do_not_fit_are_refused(text: str) -> None:
    """A price that rounding would spoil, and anything that is no positive amount, is refused."""
    with pytest.raises(ValueError, match=r"."):
        reference_price(text)


def test_remembered_texts_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of number texts starts again instead of growing for ever."""
    monkeypatch.setattr("underround.venues.codec._REMEMBERED", 10)
    texts = PriceTexts()
    for number in range(100):
        assert texts[f"0.{number:04d}"] == number * 100
    assert len(texts) <= 10


def test_paths_start_at_the_payload() -> None:
    """A path that msgspec names from a part's root is made a path of the payload."""
    error = ValueError("Expected `str`, got `int` - at `$.bids[3].size`")
    assert str(refused(error, "[2]")) == "Expected `str`, got `int` - at `$[2].bids[3].size`"


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: type(decoder).__name__)
@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bytes_are_refused(decoder: Decoder, payload: bytes) -> None:
    """Nesting, broken UTF-8 and JSON of another shape are refusals, never another exception."""
    with pytest.raises(FrameRefused, match=r"\$"):
        decoder.decode(payload)


def test_every_capability_names_its_source() -> None:
    """No fact about a venue stands without where it is known from."""
    for table in (POLYMARKET, KALSHI, BINANCE, COINBASE):
        for name in table.__struct_fields__:
            if name != "venue":
                assert len(getattr(table, name).source) > 10, (table.venue, name)
    assert KALSHI.nets_outcomes.value
    assert not POLYMARKET.nets_outcomes.value
