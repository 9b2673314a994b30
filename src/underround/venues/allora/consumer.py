"""Bodies of Allora's consumer service → values: signed values, with a key.

It names no workers and no nonce, so what it says can be checked less than the chain's own answer.
Source: allora-sdk 1.3.0, api_client/client.py.  The route keeps "ethereum-11155111" in its path:
that is the form of the signature and not the chain of the data.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from underround.model.units import Nanos
from underround.venues.allora.answers import reading
from underround.venues.allora.decimals import parse_count, parse_value
from underround.venues.codec import unix_nanos

_TOKEN_DECIMALS: Final = 18
_MOST_DECIMALS: Final = 36
_HALF: Final = 1 << 255
_DATA: Final = "$.data.inference_data"


class SignedInference(msgspec.Struct, frozen=True, kw_only=True):
    """A value as the service signed it."""

    topic: int
    at_ns: Nanos
    value: Decimal
    """Exactly as stated in normal form; negative for falling log-returns."""
    signature: str
    percentiles: tuple[Decimal, ...] = ()
    """Of the interval below; most often empty: the chain no longer computes it."""
    interval: tuple[Decimal, ...] = ()


class ListedTopic(msgspec.Struct, frozen=True):
    """A topic as the service lists it."""

    id: int
    name: str
    epoch_blocks: int
    active: bool


class TopicPage(msgspec.Struct, frozen=True):
    """A part of the list; ``next_token`` asks for the rest."""

    topics: tuple[ListedTopic, ...]
    next_token: str | None


class _InferenceData(msgspec.Struct):
    network_inference: str
    network_inference_normalized: str
    topic_id: str
    timestamp: int
    confidence_interval_percentiles_normalized: list[str] | None = None
    confidence_interval_values_normalized: list[str] | None = None


class _SignedData(msgspec.Struct):
    signature: str
    inference_data: _InferenceData
    token_decimals: int = _TOKEN_DECIMALS


class _Signed(msgspec.Struct):
    status: bool
    data: _SignedData


class _Topic(msgspec.Struct):
    topic_id: int | str
    topic_name: str
    epoch_length: int | str
    is_active: bool


class _Topics(msgspec.Struct):
    topics: list[_Topic]
    continuation_token: str | None = None


class _Page(msgspec.Struct):
    status: bool
    data: _Topics


_signed = msgspec.json.Decoder(_Signed).decode
_page = msgspec.json.Decoder(_Page).decode


def signed_inference(body: bytes, asked: int) -> SignedInference:
    """Return the value of topic ``asked``.

    What the signature covers is an unsigned 256-bit integer, scaled: it must be the value in normal
    form (a negative one in two's complement), or the answer is refused.
    """

    def read() -> SignedInference:
        answer = _signed(body)
        if not answer.status:
            raise ValueError("the service says that it failed - at `$.status`")
        data = answer.data.inference_data
        topic = parse_count(data.topic_id, f"{_DATA}.topic_id")
        if topic != asked:
            raise ValueError(f"asked for topic {asked}, told {topic} - at `{_DATA}.topic_id`")
        value = parse_value(
            data.network_inference_normalized, f"{_DATA}.network_inference_normalized"
        )
        _compare(value, parse_signed(data.network_inference), answer.data.token_decimals)
        percentiles = data.confidence_interval_percentiles_normalized or []
        interval = data.confidence_interval_values_normalized or []
        if len(percentiles) != len(interval):
            raise ValueError(f"percentiles and values differ in number - at `{_DATA}`")
        return SignedInference(
            topic=topic,
            at_ns=unix_nanos(data.timestamp),
            value=value,
            signature=answer.data.signature,
            percentiles=_values(percentiles, "confidence_interval_percentiles_normalized"),
            interval=_values(interval, "confidence_interval_values_normalized"),
        )

    return reading("a signed inference", body, read)


def topic_page(body: bytes) -> TopicPage:
    """Return one page of the list of topics."""

    def read() -> TopicPage:
        page = _page(body)
        if not page.status:
            raise ValueError("the service says that it failed - at `$.status`")
        topics = tuple(
            ListedTopic(
                parse_count(row.topic_id, "$.data.topics[...].topic_id"),
                row.topic_name,
                parse_count(row.epoch_length, "$.data.topics[...].epoch_length"),
                row.is_active,
            )
            for row in page.data.topics
        )
        return TopicPage(topics, page.data.continuation_token or None)

    return reading("its topics", body, read)


def parse_signed(text: str) -> int:
    """Return a 256-bit integer as a signed one; raises ``ValueError`` for any other text."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 80):
        raise ValueError(f"{text[:90]!r} is not an integer - at `{_DATA}.network_inference`")
    number = int(text)
    if not -_HALF <= number < 2 * _HALF:
        raise ValueError(f"more than 256 bits - at `{_DATA}.network_inference`")
    return number - 2 * _HALF if number >= _HALF else number


def _values(texts: list[str], key: str) -> tuple[Decimal, ...]:
    return tuple(parse_value(text, f"{_DATA}.{key}") for text in texts)


def _compare(value: Decimal, scaled: int, decimals: int) -> None:
    """Raise ``ValueError`` unless both are the same number, to the last place of the integer."""
    if not 0 <= decimals <= _MOST_DECIMALS:
        raise ValueError(f"{decimals} decimals - at `$.data.token_decimals`")
    sign, digits, exponent = value.as_tuple()
    shift = int(exponent) + decimals
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    unit = 10 ** max(0, -shift)
    if abs(mantissa * 10 ** max(0, shift) - scaled * unit) >= unit:
        raise ValueError(f"{value} is not {scaled} / 10^{decimals} - at `{_DATA}`")
