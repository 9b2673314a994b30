"""What a refusal of Binance means: status and error code → an error of our tree.

Source: rest-api.md and errors.md of binance/binance-spot-api-docs (2026-07).  Only reads are sent,
so that nothing can have been done and every trouble of the venue is a ``TryLater``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.errors import (
    AccountError,
    AnswerRefused,
    NotThere,
    RateLimited,
    RequestRefused,
    UnderroundError,
    VenuePaused,
)
from underround.venues.codec import understood
from underround.venues.transport.http import Reply
from underround.venues.words import retry_after_ms, venue_words

_TOO_MANY: Final = frozenset((-1003, -1015, -1034))
_PAUSED: Final = frozenset((-1000, -1001, -1006, -1007, -1008, -1016))
_UNKNOWN_SYMBOL: Final = frozenset((-1121, -1122))


class _Body(msgspec.Struct):
    code: int | None = None
    msg: str = ""


_body = msgspec.json.Decoder(_Body).decode


def refusal(reply: Reply, place: str) -> UnderroundError:
    """Return what a reply other than 200 means; ``place`` is method and path."""
    code, words = _said(reply.body)
    told = f"{place}: Binance answers {reply.status}" + (f" ({code}: {words})" if code else "")
    later = retry_after_ms(reply.headers)
    if reply.status == 418:
        return RateLimited(f"{told}: this address is banned for a while, ask nothing", later)
    if reply.status in {403, 429} or code in _TOO_MANY:
        return RateLimited(f"{told}: too many requests, wait", later)
    if reply.status == 451:
        return AccountError(
            f"{told}: this host is closed to this place; set the market-data host instead"
        )
    if reply.status >= 500 or code in _PAUSED:
        return VenuePaused(f"{told}: it has trouble of its own, ask again later", later)
    if code in _UNKNOWN_SYMBOL:
        return NotThere(f"{told}: no such symbol is traded, correct its name")
    if 400 <= reply.status < 500:
        return RequestRefused(f"{told}: the request itself is wrong, repeating it is no use")
    return AnswerRefused(f"{told}: neither an answer nor a refusal, check the host")


def _said(body: bytes) -> tuple[int | None, str]:
    said = understood(_body, body)
    return (None, "") if said is None else (said.code, venue_words(said.msg))
