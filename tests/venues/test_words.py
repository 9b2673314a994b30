"""What venues say is shown in one line and without secrets; how long to wait is read safely."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.venues.words import retry_after_ms, seconds_ms, venue_words

HASH = "0x" + "ab" * 32
ADDRESS = "0xAbCd1234567890abcdef1234567890ABCDEF1234"


@given(st.text(max_size=5_000), st.integers(1, 300))
def test_words_are_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    line = venue_words(text, limit)
    assert line.isprintable()
    assert len(line) <= limit


@pytest.mark.parametrize(
    "secret",
    [
        "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1",
        "8C35ECB3-328F-4F52-8C7C-0F4B9862F8D1",
        "UP-4f6f1c0fa7c04f9eb9a1f2c3",
        "4f6f1c0fa7c04f9eb9a1f2c3d4e5f607",
        "4F6F1C0FA7C04F9EB9A1F2C3D4E5F607",
        "aB3-dEf_GhIjKlMnOp9",
        "5f" * 32,
        "A" * 43 + "=",
        "correct-horsecorrect-horsecorrect-horsecorrect-horse",
        "q83vEjRWeJq83vEjRWeJq83vEjRWeJ+/q83vEjRWeJq83vEjRWeJ==",
        "0x" + "ab" * 65,
    ],
)
@pytest.mark.parametrize(
    "told", ["{}", "key {} unknown", '{{"key":"{}"}}', "({}),", "a={}&b=1", "k_{}_x"]
)
def test_what_looks_like_a_secret_is_left_out(secret: str, told: str) -> None:
    line = venue_words(told.format(secret))
    assert secret not in line
    assert "…" in line


@given(st.binary(min_size=32, max_size=300))
def test_no_signature_in_base64_or_hex_is_shown(signature: bytes) -> None:
    for text in (
        signature.hex(),
        base64.b64encode(signature).decode(),
        base64.urlsafe_b64encode(signature).decode(),
    ):
        assert venue_words(f"wrong signature {text} of you") == "wrong signature … of you"


@pytest.mark.parametrize(
    "text",
    [
        f"no order {HASH} of {ADDRESS}",
        "market KXMLBGAME-26OCT051935NYYBOSG2-NYY is closed",
        "btc-updown-15m-1759400000 ended at 1759400000000000000",
        "need 1234567890123456789012 wei",
        "fill_or_kill_insufficient_resting_volume",
        "INCORRECT_API_KEY_SIGNATURE_OF_THIS_REQUEST_MADE",
        "deprecated_v1_order_endpoint",
        "replacement transaction underpriced",
    ],
)
def test_hashes_tickers_codes_and_numbers_stay(text: str) -> None:
    assert venue_words(text) == text


def test_line_breaks_and_control_characters_become_spaces() -> None:
    assert venue_words("one\r\n two\x1b[31m\u2028three\u202e") == "one two [31m three"


@pytest.mark.parametrize(
    "text, wait", [("0", 0), ("3", 3_000), (" 17 ", 17_000), ("999999", 999_999_000)]
)
def test_whole_seconds_are_a_wait(text: str, wait: int) -> None:
    assert retry_after_ms({"retry-after": text}) == wait


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1.5", "²", "٣", "1e3", "1_0", "9" * 7, "9" * 5_000, "3\n", "0x3",
     "Fri, 20 Nov 2026 10:00:00 GMT"],
)  # fmt: skip
def test_anything_else_is_no_wait(text: str) -> None:
    assert retry_after_ms({"retry-after": text}) is None


def test_without_the_header_there_is_no_wait() -> None:
    assert retry_after_ms({"x-retry-after": "3"}) is None


@pytest.mark.parametrize(
    "seconds, wait", [(0, 0), (5, 5_000), (-1, None), (10**6, None), (10**3_000, None)]
)
def test_a_wait_stated_in_a_body_is_bounded(seconds: int, wait: int | None) -> None:
    assert seconds_ms(seconds) == wait
