"""A node's refusal → what it means for us.

Nodes agree on few codes, so the words decide; they are those of go-ethereum and bor
(``core/txpool``, ``core/error.go``), of Foundry's anvil, and of the public providers.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.errors import (
    AccountError,
    AlreadyKnown,
    BalanceTooLow,
    RateLimited,
    RequestRefused,
    UnderroundError,
    VenuePaused,
)
from underround.venues.polygon.reverts import revert_reason
from underround.venues.transport.http import Reply
from underround.venues.words import retry_after_ms, venue_words

FaultKind: TypeAlias = Literal[
    "known",  # it has this very transaction
    "nonce_used",  # the chain is past this nonce: ours was mined, or another process used it
    "underpriced",  # the tip or the fee is below what it takes
    "replacement",  # it has another transaction with this nonce and ours pays too little more
    "funds",
    "reverted",
    "too_much",  # the range or the result of a log query
    "rate",
    "not_here",  # this node cannot answer, another may
    "other",
]

_WORDS: Final[tuple[tuple[FaultKind, tuple[str, ...]], ...]] = (
    ("known", ("already known", "already imported")),
    ("nonce_used", ("nonce too low", "nonce is too low")),
    ("replacement", ("replacement transaction underpriced", "future transaction tries to replace")),
    (
        "underpriced",
        (
            "underpriced",
            "less than block base fee",
            "gas price below minimum",
            "tip cap too low",
            "fee too low",
        ),
    ),
    ("funds", ("insufficient funds", "insufficient balance")),
    ("reverted", ("revert",)),
    (
        "too_much",
        (
            "block range",
            "range is too",
            "range too",
            "ranges over",
            "too many blocks",
            "more than",
            "exceeds max results",
            "response size",
            "too large",
            "query timeout",
            "too many results",
            "up to a",
        ),
    ),
    ("rate", ("rate limit", "too many requests", "request limit", "capacity exceeded")),
    (
        "not_here",
        (
            "header not found",
            "unknown block",
            "missing trie node",
            "state not available",
            "state is not available",
            "pruned",
            "does not exist/is not available",
            "method not found",
            "unsupported",
            "syncing",
            "temporarily",
            "internal error",
            "txpool is full",
        ),
    ),
)
_REVERTED: Final = 3
"""go-ethereum's code of a call that reverted."""
_CODES: Final[dict[int, FaultKind]] = {_REVERTED: "reverted", -32_601: "not_here", 429: "rate"}
_LONGEST: Final = 300


class Fault(msgspec.Struct, frozen=True):
    """A JSON-RPC error as the node worded it."""

    code: int
    message: str
    data: str = ""
    """For a revert: the returned bytes as hex."""

    @property
    def kind(self) -> FaultKind:
        """What it means; the code decides first, then the words."""
        if self.code in _CODES:
            return _CODES[self.code]
        words = self.message.lower()
        for kind, phrases in _WORDS:
            if any(phrase in words for phrase in phrases):
                return kind
        return "other"


def refusal(fault: Fault, place: str) -> UnderroundError:
    """Return the error that a fault is, in one sentence."""
    said = f"{place}: {fault.message[:200]} ({fault.code})"
    match fault.kind:
        case "known":
            return AlreadyKnown(f"{said}: look the transaction up by its hash")
        case "nonce_used":
            return RequestRefused(f"{said}: ours was mined or another process uses this key")
        case "underpriced" | "replacement":
            return RequestRefused(f"{said}: raise the fees")
        case "funds":
            return BalanceTooLow(f"{said}: send POL to the address that pays the gas")
        case "reverted":
            reason = revert_reason(fault.data)
            return RequestRefused(f"{place}: it would revert{reason and f' ({reason})'}")
        case "rate":
            return RateLimited(f"{said}: ask less often or name another provider")
        case "not_here":
            return VenuePaused(f"{said}: another provider may answer")
        case _:
            return RequestRefused(f"{said}: correct the request")


def status_refusal(reply: Reply, place: str) -> UnderroundError | None:
    """Return the error that an HTTP status is; ``None`` for an answer worth decoding.

    Nodes answer 400 or 500 with a JSON-RPC error in the body: such a body is worth decoding.
    """
    if reply.status == 429:
        wait = retry_after_ms(reply.headers)
        return RateLimited(f"{place}: too many requests (429): ask less often", wait)
    if reply.status in {401, 403}:
        return AccountError(f"{place}: the provider refuses us ({reply.status}): check its key")
    if 200 <= reply.status < 300 or reply.body.lstrip()[:1] in {b"{", b"["}:
        return None
    if reply.status >= 500:
        return VenuePaused(f"{place}: the provider is down ({reply.status}): try later")
    return RequestRefused(f"{place}: answer {reply.status}: check the provider's address")


def shown(words: str) -> str:
    """Return a provider's words as one line that may be shown: they repeat the key of an address.

    Longer than other venues' words, because what a fault means is looked for in them.
    """
    return venue_words(words, _LONGEST)
