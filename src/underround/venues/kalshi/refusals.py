"""What Kalshi's statuses and error bodies mean: one class each, by what must happen next.

Three shapes are sent: ``{"error": {code, message, details}}`` (live), ``{code, message, details}``
(documented; live for bodies that could not be parsed) and ``{"error": "text"}`` (older).

Codes and where they are known from (docs = docs.kalshi.com, seen = production or demo, 2026):

============================================  ==================  =================================
code, or words of ``details``                 class               known from
============================================  ==================  =================================
``order_already_exists`` (409)                AlreadyKnown        docs, create order
``exchange_is_paused``, ``trading_is_paused``  VenuePaused         seen, 409; nothing was accepted
``market_inactive``                           VenuePaused         docs, maintenance_and_pauses
``insufficient_balance``                      BalanceTooLow       seen
``…_insufficient_resting_volume`` (409)       NotFilled           seen, fill or kill
``invalid_order``, "post only cross"          WouldCross          docs, order_errors
``invalid_price``, words of price or tick     OffGrid             docs, create order: price levels
``header_timestamp_expired`` (401)            AccountError        seen, clock more than 10 s off
``authentication_error`` and any other 401    AccountError        seen
``deprecated_v1_order_endpoint``, any 410     AccountError        seen 2026-06-18
``too_many_requests``, any 429                RateLimited         seen; not processed, no penalty
403, words of region or attestation           OpeningForbidden    docs, changelog 2026-08-16
any other 403                                 AccountError        docs, scopes of a key
404, ``not_found``                            NotThere            docs
``missing_parameters``, unparsed body (write)  AccountError        docs, order_errors
5xx, 408 to a write                           OutcomeUnknown      never resend
5xx, 408 to a read                            Unreachable         (503: VenuePaused)
any other 4xx                                 RequestRefused      definite: nothing was done
row of a batch: other codes of a bad order    RequestRefused      definite: nothing was done
row of a batch: any other code, or none       OutcomeUnknown      never resend
============================================  ==================  =================================

Behind a 5xx or 408 something broke on the way, and what it says is not believed: a ``not_found``
there may be about an order that rests.  Only the two codes of a paused exchange are, for they are
said before anything is done.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import msgspec

from underround.model.errors import (
    AccountError,
    AlreadyKnown,
    AnswerRefused,
    BalanceTooLow,
    NotFilled,
    NotThere,
    OffGrid,
    OpeningForbidden,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    UnderroundError,
    Unreachable,
    VenuePaused,
    WouldCross,
)
from underround.venues.codec import understood
from underround.venues.words import venue_words


class Fault(msgspec.Struct, frozen=True):
    """An error body in the venue's words; empty texts where it says nothing."""

    code: str = ""
    message: str = ""
    details: str = ""

    @property
    def key(self) -> str:
        """The code in lower case with underscores, however it was written."""
        return re.sub(r"[\s-]+", "_", self.code.strip().lower())

    @property
    def words(self) -> str:
        """Everything it says, in lower case, for looking up words."""
        text = f"{self.code} {self.message} {self.details}".lower()
        return re.sub(r"[\s_-]+", " ", text)

    @property
    def told(self) -> str:
        """What to show: one bounded line without anything like a key or a signature."""
        said = dict.fromkeys(part for part in (self.code, self.message, self.details) if part)
        return venue_words(", ".join(said)) or "no reason given"


_parse = msgspec.json.Decoder().decode

Rule: TypeAlias = tuple[re.Pattern[str], type[UnderroundError], str]

_BY_CODE: Final[dict[str, tuple[type[UnderroundError], str]]] = {
    "order_already_exists": (AlreadyKnown, "look the order up"),
    "exchange_is_paused": (VenuePaused, "wait until trading goes on"),
    "trading_is_paused": (VenuePaused, "wait until trading goes on"),
    "market_inactive": (VenuePaused, "wait for the market, or for its result"),
    "insufficient_balance": (BalanceTooLow, "refresh the balance of the market's shard"),
    "invalid_price": (OffGrid, "reload the market and requantise"),
    "header_timestamp_expired": (AccountError, "set this machine's clock"),
    "deprecated_v1_order_endpoint": (AccountError, "update this program"),
    "too_many_requests": (RateLimited, "slow down"),
    "not_found": (NotThere, "reload what was named"),
}
_BY_WORDS: Final[tuple[Rule, ...]] = (
    (re.compile(r"insufficient resting volume"), NotFilled, "decide anew"),
    (re.compile(r"\bmarket inactive\b"), VenuePaused, "wait for the market, or for its result"),
    (re.compile(r"post only cross"), WouldCross, "quote from the present book"),
    (re.compile(r"insufficient (balance|funds)"), BalanceTooLow, "refresh the shard's balance"),
    (
        re.compile(r"invalid price|price (is )?(invalid|out of)|\btick( size)?\b|price level"),
        OffGrid,
        "reload the market and requantise",
    ),
)
_PLACE: Final = re.compile(r"\b(region|attest|location|jurisdiction|geo)")
_FORM: Final = frozenset(("missing_parameters", "bad_request"))
_PAUSED: Final = frozenset(("exchange_is_paused", "trading_is_paused"))
"""What is believed of a venue that is not well."""
_BAD_ORDER: Final = frozenset(
    ("invalid_order", "invalid_parameters", "missing_parameters", "bad_request")
)
"""A row of a batch says so when its order was read and refused (docs.kalshi.com, order_errors)."""
_UNCERTAIN: Final = re.compile(r"internal|service error|timeout|timed out|deadline|unavailable")
"""Words that outrank all others of a row: the venue itself does not know."""


def fault_of(body: bytes) -> Fault:
    """Return what an error body says; a body of no known shape says nothing."""
    parsed = understood(_parse, body)
    nested = parsed.get("error") if isinstance(parsed, dict) else None
    return fault_from(parsed if nested is None else nested)


def fault_from(stated: object) -> Fault:
    """Return what an already parsed error says: an object, or only a text."""
    if isinstance(stated, str):
        return Fault(message=stated)
    if not isinstance(stated, dict):
        return Fault()
    code, message, details = (stated.get(name) for name in ("code", "message", "details"))
    return Fault(*("" if part is None else str(part) for part in (code, message, details)))


def refusal(status: int, body: bytes, *, write: bool, place: str) -> UnderroundError:
    """Return the error that an answer with a status other than 2xx means."""
    fault = fault_of(body)
    said = f"{place}: Kalshi says {status}, {fault.told}"
    broken = status >= 500 or status == 408
    known = _known(fault) if not broken or fault.key in _PAUSED else None
    if known is not None:
        kind, remedy = known
        return kind(f"{said}: {remedy}")
    if status == 429:
        return RateLimited(f"{said}: slow down")
    if broken:
        return _broken(status, said, write=write)
    if status >= 400:
        return _definite(status, fault, said, write=write)
    if write:
        return OutcomeUnknown(f"{said}: look it up, never resend")
    return AnswerRefused(f"{said}: check the configured host")


def row_refusal(fault: Fault, place: str) -> UnderroundError:
    """Return the error that one row of a batch answer means; a batch is always a write.

    A row has no status: only a code that is known for a definite no is one.
    """
    said = f"{place}: Kalshi says {fault.told}"
    known = None if _UNCERTAIN.search(fault.words) else _known(fault)
    if known is not None:
        kind, remedy = known
        return kind(f"{said}: {remedy}")
    if fault.key in _BAD_ORDER and not _UNCERTAIN.search(fault.words):
        return RequestRefused(f"{said}: nothing was done")
    return OutcomeUnknown(f"{said}: look it up, never resend")


def _known(fault: Fault) -> tuple[type[UnderroundError], str] | None:
    """Return what a fault means by its code, else by its words."""
    by_code = _BY_CODE.get(fault.key)
    if by_code is not None:
        return by_code
    words = fault.words
    return next(((kind, remedy) for rule, kind, remedy in _BY_WORDS if rule.search(words)), None)


def _broken(status: int, said: str, *, write: bool) -> UnderroundError:
    if write:
        return OutcomeUnknown(f"{said}: it may have been executed; look it up, never resend")
    if status == 503:
        return VenuePaused(f"{said}: wait")
    return Unreachable(f"{said}: try again")


def _definite(status: int, fault: Fault, said: str, *, write: bool) -> UnderroundError:
    if status == 401:
        return AccountError(f"{said}: check key id, private key and clock")
    if status == 403:
        if _PLACE.search(fault.words):
            return OpeningForbidden(f"{said}: renew the location attestation of the key")
        return AccountError(f"{said}: check the scopes and the subaccount of the key")
    if status == 404:
        return NotThere(f"{said}: it does not exist (any more)")
    if status == 410:
        return AccountError(f"{said}: update this program")
    if write and status == 400 and fault.key in _FORM:
        return AccountError(f"{said}: the venue does not know this order form")
    return RequestRefused(f"{said}: nothing was done")
