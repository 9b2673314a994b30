"""What venues say in their own words, made fit to be shown, and how long they ask us to wait.

Errors go to logs and screens.  A venue, or a proxy before it, may repeat in its refusal what we
sent: a key, a signature, a passphrase.  So whatever looks like one is left out, and all line breaks
and control characters with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LONGEST: Final = 200
_READ: Final = 4_000
"""Characters that are looked at; nobody shows more of a page of HTML."""

_UUID: Final = r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])"
"""What API keys are."""
_LONG_HEX: Final = r"0x[0-9a-f]{65,}"
"""A signature: more than the 32 bytes of a hash, an order or a condition."""
_CODE: Final = "|".join(
    f"(?:[{case}]{{1,20}}_)+[{case}]{{1,20}}(?![0-9A-Za-z+/_=-])" for case in ("a-z", "A-Z")
)
"""Words of an error code: ``fill_or_kill_insufficient_resting_volume`` is as long as a secret."""
_LONG: Final = rf"(?<![0-9A-Za-z+/_-])(?!0x|{_CODE})[0-9A-Za-z+/_-]{{40,}}={{0,2}}"
"""Base64 or hex of a signature or of a long key."""
_MIXED: Final = (
    r"(?<![0-9A-Za-z_-])(?!0x)"
    r"(?=[0-9A-Z_-]*[a-z])(?=[0-9a-z_-]*[A-Z])(?=[A-Za-z_-]*[0-9])"
    r"[0-9A-Za-z_-]{16,}"
)
"""A key with letters of both cases and digits: no ticker, slug or code is long and so mixed."""
_LOWER: Final = r"(?<![0-9A-Za-z])(?!0x)(?=[0-9]*[a-z])(?=[a-z]*[0-9])[0-9a-z]{16,}"
_UPPER: Final = r"(?<![0-9A-Za-z])(?=[0-9]*[A-Z])(?=[A-Z]*[0-9])[0-9A-Z]{24,}"
"""A key in one case with digits; the parts of slugs and of Kalshi's tickers are shorter."""
_LIKE_SECRETS: Final = (
    re.compile(_UUID, re.IGNORECASE | re.ASCII),
    re.compile(_LONG_HEX, re.IGNORECASE | re.ASCII),
    *(re.compile(pattern, re.ASCII) for pattern in (_LONG, _MIXED, _LOWER, _UPPER)),
)
_SECONDS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_MOST_SECONDS: Final = 10**6


def venue_words(text: str, limit: int = LONGEST) -> str:
    """Return ``text`` as one printable line of at most ``limit`` characters and no secret.

    What looks like a key, a signature or a token becomes ``…``.  Hashes, addresses and ids of 32
    bytes (``0x…``), tickers, slugs and plain numbers stay.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:_READ]).split())
    for pattern in _LIKE_SECRETS:
        line = pattern.sub("…", line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """Return ``Retry-After`` in milliseconds; ``None`` unless it is whole seconds below 10^6.

    ``headers`` are named in lower case.  HTTP also allows a date, which no venue was seen to send.
    """
    return whole_seconds_ms(headers.get("retry-after", ""))


def whole_seconds_ms(text: str) -> int | None:
    """Return the text of a ``Retry-After`` in milliseconds, see ``retry_after_ms``."""
    digits = text.strip(" \t")
    return seconds_ms(int(digits)) if _SECONDS.fullmatch(digits) else None


def seconds_ms(seconds: int) -> int | None:
    """Return a wait that a venue states in milliseconds; ``None`` unless it is 0 … 10^6 seconds."""
    return seconds * 1_000 if 0 <= seconds < _MOST_SECONDS else None
