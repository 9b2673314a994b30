"""Bodies of the relayer's answers → values."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.errors import AnswerRefused, OutcomeUnknown
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.numbers import read_body
from underround.venues.polymarket.refusals import words_of
from underround.venues.transport.http import Reply
from underround.venues.words import venue_words

_BUSY: Final = re.compile(r"wallet busy.*active action|wallet has in-flight action", re.IGNORECASE)
_OLD_NONCE: Final = re.compile(
    r"batch nonce\s+(\d{1,70})\s+does not match on-chain nonce\s+(\d{1,70})", re.IGNORECASE
)
_PREFIX: Final = "STATE_"

State: TypeAlias = Literal["pending", "mined", "confirmed", "failed"]
_STATES: Final[dict[str, State]] = {
    "NEW": "pending",
    "EXECUTED": "pending",
    "MINED": "mined",
    "CONFIRMED": "confirmed",
    "INVALID": "failed",
    "FAILED": "failed",
}


class Relayed(msgspec.Struct, frozen=True):
    """A transaction in the relayer's hands."""

    id: str
    state: State
    hash: str
    """On the chain; empty while there is none."""
    reason: str = ""


class _Params(msgspec.Struct):
    nonce: str
    address: str = ""


class _Submitted(msgspec.Struct):
    id: str = msgspec.field(name="transactionID")
    state: str = ""
    hash: str | None = msgspec.field(name="transactionHash", default=None)


class _Transaction(msgspec.Struct):
    transaction_id: str
    state: str
    transaction_hash: str | None = None
    error_msg: str | None = None


class _Deployed(msgspec.Struct):
    deployed: bool


_params = msgspec.json.Decoder(_Params).decode
_submitted = msgspec.json.Decoder(_Submitted).decode
_transaction = msgspec.json.Decoder(_Transaction).decode
_deployed = msgspec.json.Decoder(_Deployed).decode


def deployed(body: bytes, place: str) -> bool:
    """Return whether a wallet exists on the chain."""
    return read_body(_deployed, body, place).deployed


def nonce(body: bytes, place: str) -> int:
    """Return the owner's next nonce."""
    read = read_body(_params, body, place)
    if not (read.nonce.isascii() and read.nonce.isdigit() and len(read.nonce) < 78):
        raise AnswerRefused(f"{place}: nonce {venue_words(read.nonce)!r} is no number: ask again")
    return int(read.nonce)


def relay(body: bytes, place: str) -> str:
    """Return the address of the relay that will send a proxy's call."""
    address = read_body(_params, body, place).address
    try:
        address_bytes(address)
    except ValueError as error:
        raise AnswerRefused(f"{place}: the relay's {error}: ask again") from None
    return address


def transaction(body: bytes, place: str) -> Relayed:
    """Return how far a transaction is; an unknown state counts as pending."""
    read = read_body(_transaction, body, place)
    state = _STATES.get(read.state.removeprefix(_PREFIX), "pending")
    reason = venue_words(read.error_msg or "")
    return Relayed(read.transaction_id, state, read.transaction_hash or "", reason)


def taken(body: bytes, place: str) -> Relayed:
    """Return the transaction that a submission became; unreadable is ``OutcomeUnknown``."""
    try:
        read = read_body(_submitted, body, place)
        if not read.id:
            raise AnswerRefused(f"{place}: the answer names no transaction")
    except AnswerRefused as error:
        raise OutcomeUnknown(f"{error}: look at the chain before calling again") from None
    state = _STATES.get(read.state.removeprefix(_PREFIX), "pending")
    return Relayed(read.id, state, read.hash or "")


def again(reply: Reply) -> tuple[bool, int | None]:
    """Return whether a refused submission may be signed anew, and the nonce to sign, if told."""
    words = words_of(reply.body) if reply.status == 400 else ""
    old = _OLD_NONCE.search(words)
    if old is not None:
        # A nonce ahead of the chain's is no accident of timing: somebody must look.
        return int(old[1]) < int(old[2]), int(old[2])
    return _BUSY.search(words) is not None, None
