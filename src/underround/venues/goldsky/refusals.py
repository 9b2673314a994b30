"""What the subgraph refuses, as errors of our tree.  Pure.

GraphQL answers its own errors with status 200 and words; the words are Graph Node's.
"""

from __future__ import annotations

from typing import Final

from underround.model.errors import RateLimited, RequestRefused, UnderroundError, VenuePaused
from underround.venues.transport.http import Reply
from underround.venues.words import retry_after_ms, venue_words

PLACE: Final = "goldsky, orderFilledEvents"
_BUSY: Final = (
    "timeout",
    "timed out",
    "too many",
    "rate limit",
    "overload",
    "unavailable",
    "internal",
)


def status_refusal(reply: Reply) -> UnderroundError | None:
    """Return the error that an HTTP status is; ``None`` for an answer worth decoding."""
    if reply.status == 429:
        wait = retry_after_ms(reply.headers)
        return RateLimited(f"{PLACE}: too many requests (429): ask less often", wait)
    if reply.status >= 500:
        return VenuePaused(f"{PLACE}: it is down ({reply.status}): try later")
    if reply.status != 200:
        return RequestRefused(f"{PLACE}: answer {reply.status}: check the address")
    return None


def refusal(message: str) -> UnderroundError:
    """Return the error that a complaint in an answer is."""
    said = f"{PLACE}: {venue_words(message)}"
    if any(word in message.lower() for word in _BUSY):
        return VenuePaused(f"{said}: try later")
    return RequestRefused(f"{said}: correct the query")
