"""How Gamma writes numbers, times and lists: exact, and in the forms its clients read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos, decimal_text


def number(micros: int) -> msgspec.Raw:
    """Return millionths as a JSON number."""
    return msgspec.Raw(decimal_text(micros).encode())


def quotient(top: int, below: int, decimals: int = 10) -> msgspec.Raw:
    """Return ``top / below`` as a JSON number, cut after ``decimals``; 0 where nothing divides."""
    if not below:
        return msgspec.Raw(b"0")
    scaled = abs(top) * 10**decimals // abs(below)
    whole, rest = divmod(scaled, 10**decimals)
    sign = "-" if scaled and (top < 0) != (below < 0) else ""
    text = f"{sign}{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")
    return msgspec.Raw(text.encode())


def stamp(at: Nanos) -> str:
    """Return a time as ``2026-10-04T23:08:46.486981Z``, without zeros at the end of the second."""
    second, rest = divmod(at, NANOS_PER_SECOND)
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    micros = f"{rest // 1_000:06d}".rstrip("0")
    return f"{text}.{micros}Z" if micros else f"{text}Z"


def spaced_stamp(at: Nanos) -> str:
    """Return a time as ``closedTime`` has it: ``2026-07-24 00:00:16+00``."""
    return datetime.fromtimestamp(at // NANOS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S+00")


def day(at: Nanos) -> str:
    """Return the day of a time in UTC."""
    return datetime.fromtimestamp(at // NANOS_PER_SECOND, UTC).strftime("%Y-%m-%d")


def text_list(texts: Sequence[str]) -> str:
    """Return a list as JSON text, to stand inside a string."""
    return json.dumps(list(texts), ensure_ascii=False)
