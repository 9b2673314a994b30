"""What a refusal of Allora means: HTTP status and gRPC code → an error of our tree.

The gateway answers ``{"code": …, "message": …, "details": []}`` with gRPC's codes; the consumer's
service answers with plain HTTP statuses.  Only reads are sent.
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

_NOT_FOUND: Final = 5
_EXHAUSTED: Final = 8
_UNIMPLEMENTED: Final = 12
_UNAVAILABLE: Final = 14


class _Body(msgspec.Struct):
    code: int | None = None
    message: str = ""


_body = msgspec.json.Decoder(_Body).decode


def unimplemented(reply: Reply) -> bool:
    """Return whether the node does not know the route: it runs another version."""
    return reply.status == 501 or _said(reply.body).code == _UNIMPLEMENTED


def refusal(reply: Reply, place: str) -> UnderroundError:
    """Return what a reply other than 200 means; ``place`` is method and path, without a query."""
    said = _said(reply.body)
    words = f" ({said.code}: {venue_words(said.message)})" if said.code is not None else ""
    told = f"{place}: Allora answers {reply.status}{words}"
    later = retry_after_ms(reply.headers)
    if reply.status in {401, 403}:
        return AccountError(f"{told}: the key is missing or not known, correct it")
    if reply.status == 429 or said.code == _EXHAUSTED:
        return RateLimited(f"{told}: too many requests, wait", later)
    if unimplemented(reply):
        return RequestRefused(f"{told}: this version of the chain has no such route")
    if reply.status == 404 or said.code == _NOT_FOUND:
        return NotThere(f"{told}: no such topic, or no inference yet")
    if reply.status >= 500 or said.code == _UNAVAILABLE:
        return VenuePaused(f"{told}: the node has trouble of its own, ask again later", later)
    if 400 <= reply.status < 500:
        return RequestRefused(f"{told}: the request itself is wrong, repeating it is no use")
    return AnswerRefused(f"{told}: neither an answer nor a refusal, check the host")


def _said(body: bytes) -> _Body:
    return understood(_body, body) or _Body()
