"""What every codec promises, and the few things all of them need.

A codec turns the bytes of one frame into events of the model.  It does no I/O, reads no clock and
keeps nothing between two frames except a bounded memory of number texts.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol, TypeAlias, TypeVar

from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.market import Market
from underround.model.units import Money, Nanos, Price, Size, parse_micros, parse_price, parse_size

T = TypeVar("T")

Tokens: TypeAlias = Mapping[str, tuple[Market, int]]
"""What ``Catalogue.by_token()`` returns: wire token → market and outcome index."""

UNREADABLE: Final = (ValueError, RecursionError)
"""What decoding foreign bytes may raise: ``msgspec.DecodeError`` and ``UnicodeDecodeError`` are
``ValueError``, and what is nested too deeply is a ``RecursionError``.  Never catch less."""
_LONGEST_REASON: Final = 300
_REMEMBERED: Final = 1 << 16
_MS_DIGITS: Final = 13
"""Unix milliseconds have 13 digits from 2001 to 2286."""
_MS_FIRST: Final = 10 ** (_MS_DIGITS - 1)
_COARSEST: Final = 100_000
"""Rounding to a millionth may move a reference price by at most one part in so many."""
_MAGNITUDE: Final = 60
"""Powers of ten beyond which nothing is a price, so that no exponent can fill the memory."""
_NUMBER: Final = re.compile(r"-?\d{1,100}(\.\d{1,100})?([eE][+-]?\d{1,4})?", re.ASCII)
_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII
)


class Decoder(Protocol):
    """Bytes of one frame → events, in the order in which the frame tells them.

    Made from ``Catalogue.by_token()``; otherwise stateless: the same bytes give the same events.
    """

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return what the frame says; ``()`` for a known frame that says nothing to us.

        Raises ``FrameRefused`` with one sentence (what is wrong, and its path inside the payload)
        for everything else; never another exception.
        """


class PriceTexts(dict[str, Price]):
    """``texts[text]`` is ``parse_price(text)``, remembered; raises ``ValueError`` like it."""

    def __missing__(self, text: str) -> Price:
        price = parse_price(text)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = price
        return price


class SizeTexts(dict[str, Size]):
    """``texts[text]`` is ``parse_size(text)``, remembered; raises ``ValueError`` like it."""

    def __missing__(self, text: str) -> Size:
        size = parse_size(text)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = size
        return size


def understood(decode: Callable[[bytes], T], body: bytes) -> T | None:
    """Return what ``decode`` makes of foreign bytes; ``None`` for bytes that it cannot read."""
    try:
        return decode(body)
    except UNREADABLE:
        return None


def reason(error: Exception) -> str:
    """Return why an answer could not be read, bounded: an ``UNREADABLE`` error in words."""
    if isinstance(error, RecursionError):
        return "nested too deeply at `$`"
    text = str(error)
    if len(text) <= _LONGEST_REASON:
        return text
    half = _LONGEST_REASON // 2
    return f"{text[:half]} … {text[-half:]}"


def refused(error: Exception, where: str = "") -> FrameRefused:
    """Return ``error`` as a ``FrameRefused``; ``where`` is the path of the part that was read.

    msgspec names paths from the part's own root; they are made paths of the payload.
    """
    if isinstance(error, RecursionError):
        return FrameRefused(f"nested too deeply at `${where}`")
    if isinstance(error, UnicodeDecodeError):
        return FrameRefused(f"not UTF-8: {error.reason} at `${where}`")
    text = str(error)
    if "`$" in text:
        return FrameRefused(text.replace("`$", f"`${where}", 1))
    return FrameRefused(f"{text} at `${where}`")


def ms_text_nanos(text: str) -> Nanos:
    """Return Unix milliseconds written as text, in nanoseconds; ``ValueError`` for other units."""
    if len(text) == _MS_DIGITS and text.isdigit() and text.isascii():
        number = int(text)
        if number >= _MS_FIRST:
            return number * NANOS_PER_MS
    raise ValueError(f"timestamp {text!r} is not Unix milliseconds")


def unix_nanos(number: int) -> Nanos:
    """Return a Unix time in s, ms or µs (told apart by its magnitude) in nanoseconds.

    Raises ``ValueError`` for anything that is not between 2001 and 2286.
    """
    for digits, unit in ((10, NANOS_PER_SECOND), (13, NANOS_PER_MS), (16, 1_000)):
        if 10 ** (digits - 1) <= number < 10**digits:
            return number * unit
    raise ValueError(f"timestamp {number} is neither Unix seconds nor milli- or microseconds")


def iso_nanos(text: str) -> Nanos:
    """Return a UTC time such as ``2026-04-28T09:03:06.659049Z`` in nanoseconds, exactly."""
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"time {text!r} is not ISO 8601 in UTC")
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and second < 60):
        raise ValueError(f"time {text!r} does not exist")
    if not 1 <= day <= calendar.monthrange(max(year, 1), month)[1] or year < 1970:
        raise ValueError(f"time {text!r} does not exist")
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    return seconds * NANOS_PER_SECOND + int((match[7] or "0").ljust(9, "0"))


def reference_price(text: str, scale: int = 0) -> Money:
    """Return ``text · 10^-scale`` dollars in micro-dollars, for a reference price.

    ``text`` is a JSON number or its text.  A price is exact where a millionth can hold it; a finer
    one (Chainlink has 18 decimals) is rounded half to even.  Raises ``ValueError`` when rounding
    would change it by more than a hundred-thousandth of itself, and when it is not above zero.
    """
    if not scale:
        try:
            price = parse_micros(text)
        except ValueError:
            price = 0
        if price > 0:
            return price
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not a number")
    number = Decimal(text)
    if not number.is_finite() or number <= 0 or abs(number.adjusted()) > _MAGNITUDE:
        raise ValueError(f"price {text[:60]!r} is not a positive amount")
    digits = number.as_tuple()
    mantissa = int("".join(map(str, digits.digits)))
    exponent = int(digits.exponent) + 6 - scale
    if exponent >= 0:
        return mantissa * int(10**exponent)
    unit = int(10**-exponent)
    micros, rest = divmod(mantissa, unit)
    if rest * 2 > unit or (rest * 2 == unit and micros % 2):
        micros += 1
    if abs(micros * unit - mantissa) * _COARSEST > mantissa:
        raise ValueError(f"price {text!r} is too fine for millionths of a dollar")
    return micros
