"""What an answer of Polymarket that is no success means: one class by what must happen next.

Sources: docs.polymarket.com/resources/error-codes (2026-06-18), ``polymarket-client`` 0.14.0 and
the venue's issue threads.  The same table reads a body's ``error``, the ``errorMsg`` of a placed
order, and the rows of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
    TryLater,
    UnderroundError,
    VenuePaused,
    WouldCross,
)
from underround.venues.codec import understood
from underround.venues.words import retry_after_ms, seconds_ms, venue_words

_SHOWN: Final = 800
"""Bytes that are looked at of a body in another form."""
_RATE_HEADER: Final = "poly-ratelimit-"

_NEVER_RESEND: Final = "it may have been executed; look it up by its own id, never resend"

Meaning = tuple[str, type[UnderroundError], str]
_TEXTS: Final[tuple[Meaning, ...]] = (
    # --- the set-up is wrong: nothing will work until it is corrected
    ("invalid api key", AccountError, "check the API key, its secret and the clock"),
    ("invalid l1 request headers", AccountError, "check the key, its address and the clock"),
    ("could not derive api key", NotThere, "the wallet has no such API key yet: create one"),
    ("invalid order payload", AccountError, "our order form is not what the venue expects"),
    ("order_version_mismatch", AccountError, "orders are signed for another contract version"),
    ("invalid order version", AccountError, "orders are signed for another contract version"),
    ("invalid signature", AccountError, "check signer, wallet kind and contract"),
    ("the order owner has to be", AccountError, "use the API key of the account that signs"),
    ("the order signer address has to be", AccountError, "sign with the API key's own wallet"),
    ("maker address not allowed", AccountError, "trade from the deposit wallet (signature type 3)"),
    # --- nothing new may be opened
    ("address banned", OpeningForbidden, "open nothing"),
    ("closed only mode", OpeningForbidden, "only reduce positions"),
    ("restricted in your region", OpeningForbidden, "open nothing from this place"),
    # --- this order cannot be taken
    ("not enough balance", BalanceTooLow, "refresh balance and allowance; open orders reserve"),
    ("breaks minimum tick size rule", OffGrid, "reload the tick and requantise"),
    ("lower than the minimum", OffGrid, "reload the minimum and requantise"),
    ("invalid amount for a marketable", OffGrid, "an order that takes needs at least one dollar"),
    ("invalid amounts", OffGrid, "reload the market's rules and requantise"),
    ("duplicated", AlreadyKnown, "the venue has this order: look it up"),
    ("order crosses book", WouldCross, "quote from the present book"),
    ("couldn't be fully filled", NotFilled, "decide anew"),
    ("no orders found to match with fak order", NotFilled, "decide anew"),
    ("invalid expiration", RequestRefused, "a GTD order must end at least three minutes ahead"),
    ("order canceled in the ctf exchange", RequestRefused, "it was cancelled on the chain"),
    ("too many orders in payload", RequestRefused, "send smaller batches"),
    ("payload exceeds the limit", RequestRefused, "send smaller batches"),
    # --- it is not there
    ("no orderbook exists", NotThere, "the market is closed, or new: its book takes minutes"),
    ("market not found", NotThere, "the market is closed, or new: it takes minutes"),
    # --- the venue takes nothing now
    ("not yet ready to process new orders", VenuePaused, "the market is new: try later"),
    ("trading is currently disabled", VenuePaused, "nothing is taken, cancels neither: wait"),
    ("trading disabled", VenuePaused, "nothing is taken, cancels neither: wait"),
    ("cancel-only", VenuePaused, "only cancels are taken: wait"),
    ("post-only mode", VenuePaused, "only post-only orders and cancels are taken: wait"),
    # --- nobody knows
    ("order match delayed due to market conditions", OutcomeUnknown, _NEVER_RESEND),
    ("there are no matching orders", OutcomeUnknown, _NEVER_RESEND),
    ("trade contains rounding issues", OutcomeUnknown, _NEVER_RESEND),
    ("discrepancy greater than allowed", OutcomeUnknown, _NEVER_RESEND),
    ("could not insert order", OutcomeUnknown, _NEVER_RESEND),
)
"""Part of the venue's text in lower case → class and remedy; the first that fits."""


class _Body(msgspec.Struct):
    """An error's body; which field carries the words differs from path to path."""

    error: msgspec.Raw = msgspec.Raw()
    error_message: str | None = msgspec.field(name="errorMsg", default=None)
    error_msg: str | None = None
    message: str | None = None
    code: str | int | None = None
    retry_after_seconds: int | None = None


_body = msgspec.json.Decoder(_Body).decode
_text = msgspec.json.Decoder(str).decode


def refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    write: bool,
    place: str = "Polymarket",
) -> UnderroundError | None:
    """Return what the answer means as an error; ``None`` for a success (2xx).

    ``headers`` are named in lower case.  ``write``: the request could have changed something, so
    that everything the venue does not settle is ``OutcomeUnknown``.
    """
    if 200 <= status < 300:
        return None
    words = words_of(body)
    told = f"{place}: status {status}" + (f", {words!r}" if words else "")
    if status == 429:
        return _too_many(headers, told, write=write)
    if status == 425:
        return _unsettled(told, "the matching engine restarts", write=write, kind=VenuePaused)
    if status == 503:
        return _unavailable(headers, body, words, told, write=write)
    if status >= 500:
        return _unsettled(told, "the venue failed", write=write, kind=TryLater)
    if status >= 400:
        return _refused(status, words, told, write=write)
    return _unsettled(told, "an answer no client expects", write=write, kind=AnswerRefused)


def refusal_of_text(words: str, *, place: str, write: bool = True) -> UnderroundError:
    """Return what the words of a 200 answer mean: ``errorMsg``, or a row of a batch.

    Words that are not in the table are a definite no (``RequestRefused``).
    """
    words = venue_words(words)
    return _meant(words, f"{place}: {words!r}", write=write) or RequestRefused(
        f"{place}: the venue says {words!r}: nothing was done"
    )


def words_of(body: bytes) -> str:
    """Return the venue's own words in an error's body, safe to show; empty if there are none."""
    read = understood(_body, body)
    if read is None:
        text = understood(_text, body)
        if text is None:
            page = body.lstrip()[:1] == b"<"
            text = "" if page else body[:_SHOWN].decode(errors="replace")
        return venue_words(text)
    error = bytes(read.error)
    text = understood(_text, error) if error[:1] == b'"' else None
    if text is None:
        text = "" if error == b"null" else error.decode(errors="replace")
    return venue_words(text or read.error_message or read.error_msg or read.message or "")


def _too_many(headers: Mapping[str, str], told: str, *, write: bool) -> UnderroundError:
    stated = "retry-after" in headers or any(name.startswith(_RATE_HEADER) for name in headers)
    if write and not stated:
        return OutcomeUnknown(f"{told}: without the limiter's headers {_NEVER_RESEND}")
    wait = retry_after_ms(headers)
    until = "later" if wait is None else f"in {wait} ms"
    return RateLimited(f"{told}: too many requests, nothing was done; ask again {until}", wait)


def _unavailable(
    headers: Mapping[str, str], body: bytes, words: str, told: str, *, write: bool
) -> UnderroundError:
    read = understood(_body, body)
    wait = retry_after_ms(headers)
    if read is not None and read.retry_after_seconds is not None:
        wait = seconds_ms(read.retry_after_seconds) or wait
    meant = _meant(words, told, write=write)
    if isinstance(meant, VenuePaused):
        meant.retry_after_ms = wait
        return meant
    if read is not None and read.code == "post_only_mode":
        return VenuePaused(f"{told}: only post-only orders and cancels are taken: wait", wait)
    return _unsettled(told, "the venue is unavailable", write=write, kind=VenuePaused, wait=wait)


def _refused(status: int, words: str, told: str, *, write: bool) -> UnderroundError:
    meant = _meant(words, told, write=write)
    if meant is not None:
        return meant
    if status == 401:
        return AccountError(f"{told}: check the API key, the signed bytes and the clock")
    if status == 403:
        return AccountError(f"{told}: the venue lets us in nowhere; check account and place")
    if status == 404:
        return NotThere(f"{told}: there is no such thing")
    if status == 408:
        return _unsettled(told, "the request took too long", write=write, kind=TryLater)
    return RequestRefused(f"{told}: nothing was done")


def _meant(words: str, told: str, *, write: bool) -> UnderroundError | None:
    lower = words.lower()
    for part, kind, remedy in _TEXTS:
        if part in lower:
            if kind is OutcomeUnknown and not write:
                return TryLater(f"{told}: try again")
            return kind(f"{told}: {remedy}")
    return None


_Kind = type[TryLater] | type[AnswerRefused]


def _unsettled(
    told: str, why: str, *, write: bool, kind: _Kind, wait: int | None = None
) -> UnderroundError:
    if write:
        return OutcomeUnknown(f"{told}: {why}; {_NEVER_RESEND}")
    if issubclass(kind, TryLater):
        return kind(f"{told}: {why}; try again later", wait)
    return kind(f"{told}: {why}")
