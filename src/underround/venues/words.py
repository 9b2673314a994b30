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

_LIKE_SECRETS: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        # an API key: a UUID
        r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
        # a signature: more than the 32 bytes of a hash, an order or a condition
        r"0x[0-9a-fA-F]{65,}",
        # base64 and hex of a signature or of a long key
        r"(?<![0-9A-Za-z+/_=-])(?!0x)[0-9A-Za-z+/_-]{40,}={0,2}",
        # a key with letters of both cases and digits: no ticker and no slug is so long and so mixed
        r"(?<![0-9A-Za-z_-])(?!0x)(?=[0-9A-Z_-]*[a-z])(?=[0-9a-z_-]*[A-Z])(?=[A-Za-z_-]*[0-9])"
        r"[0-9A-Za-z_-]{16,}",
        # a key in one case with digits, as hex has it; parts of a slug or ticker are shorter
        r"(?<![0-9A-Za-z])(?!0x)(?=[0-9]*[a-z])(?=[a-z]*[0-9])[0-9a-z]{16,}",
        r"(?<![0-9A-Za-z])(?=[0-9]*[A-Z])(?=[A-Z]*[0-9])[0-9A-Z]{24,}",
    )
)
_SECONDS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


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
    """Return ``Retry-After`` in milliseconds; ``None`` unless it is whole seconds, below 10^6.

    ``headers`` are named in lower case.  A date, the other form that HTTP allows, was never seen.
    """
    return seconds_ms(headers.get("retry-after", ""))


def seconds_ms(text: str) -> int | None:
    """Return whole seconds, below 10^6 and in ASCII digits, in milliseconds; ``None`` for others."""
    text = text.strip(" \t")
    return int(text) * 1_000 if _SECONDS.fullmatch(text) else None
