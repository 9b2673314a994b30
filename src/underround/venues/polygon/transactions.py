"""A transaction from its first signature to finality, as a value, and what to do next.  Pure.

A transaction is one nonce.  Its attempts (first sending, dearer replacements, a cancellation)
share the nonce, so at most one of them is ever mined, and each has a hash that was known before
it was sent.  Nothing is ever sent again under another nonce.

::

    signed ──► pending ──► mined ──► final | reverted | cancelled
       │        │  ▲         │
       └► unknown ─┘◄────────┘ (its block was undone)
                │
                └► stuck (dearest allowed, still waits)      superseded | refused
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from underround.venues.polygon.answers import Receipt
from underround.venues.polygon.fees import Fees, Wei
from underround.venues.polygon.quantities import Address, Hash, decode, enc_hex
from underround.venues.polygon.sign import Call

TransactionState: TypeAlias = Literal[
    "signed",  # its bytes exist; nothing is known to have left
    "unknown",  # it may or may not have reached a node: it is looked up by hash
    "pending",  # a node has it
    "stuck",  # pending, the fee cap is reached, and it still waits: raise the cap or cancel
    "mined",  # in a block that may still be undone
    "final",  # done, for good
    "reverted",  # in a final block, without effect; gas was paid
    "cancelled",  # the cancellation was mined instead, for good
    "superseded",  # another transaction with this nonce is final: somebody else uses this key
    "refused",  # every node refused it for certain; nothing was done and the nonce is free
]
ENDED: Final = frozenset({"final", "reverted", "cancelled", "superseded", "refused"})
AttemptKind: TypeAlias = Literal["call", "cancel"]
Route: TypeAlias = Literal["public", "private"]
Step: TypeAlias = Literal["wait", "resend", "publish", "replace"]


class Attempt(msgspec.Struct, frozen=True):
    """One signed form of a transaction."""

    hash: Hash
    raw: bytes
    fees: Fees
    kind: AttemptKind
    route: Route
    sent_at: int
    """The newest block when it was sent first, or made public."""


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal keeps and the operator reads."""

    sender: Address
    nonce: int
    call: Call
    gas: int
    profile: str
    attempts: tuple[Attempt, ...]
    """In the order of sending; the last one pays most."""
    state: TransactionState
    note: str = ""
    """One sentence for the operator; empty when all is as it should be."""
    block: int | None = None
    block_hash: Hash | None = None
    landed: Hash | None = None
    """Which attempt was mined."""
    cost: Wei | None = None
    """What the gas cost, once mined."""

    @property
    def ended(self) -> bool:
        """Whether nothing can change any more."""
        return self.state in ENDED

    @property
    def last(self) -> Attempt:
        """The dearest attempt."""
        return self.attempts[-1]


class Sight(msgspec.Struct, frozen=True):
    """What one provider said about a transaction, in one answer."""

    head: int
    final: int
    """Number of the newest final block."""
    used_final: int
    """Transactions of the sender in final blocks: nonces below are gone for good."""
    receipt: Receipt | None
    """Of whichever attempt was mined."""
    known: frozenset[Hash]
    """Attempts the node has, mined or waiting."""


def encode_transaction(transaction: Transaction) -> bytes:
    """Return ``transaction`` as JSON for the journal; it holds signed bytes but no secret."""
    return msgspec.json.encode(transaction, enc_hook=enc_hex)


def decode_transaction(body: bytes) -> Transaction:
    """Return what ``encode_transaction`` wrote.  Raises ``AnswerRefused`` for anything else."""
    return decode(body, Transaction, "journal")


def observe(transaction: Transaction, sight: Sight) -> Transaction:
    """Return ``transaction`` as it is after ``sight``; an ended one stays as it is."""
    if transaction.ended:
        return transaction
    if sight.receipt is not None:
        return _landed(transaction, sight.receipt, sight.final)
    cleared = msgspec.structs.replace(
        transaction, block=None, block_hash=None, landed=None, cost=None
    )
    if sight.used_final > transaction.nonce:
        return msgspec.structs.replace(
            cleared,
            state="superseded",
            note=f"nonce {transaction.nonce} was used by a transaction that is not ours: "
            "find out who else has this key",
        )
    undone = transaction.state == "mined"
    if sight.known:
        state: TransactionState = "stuck" if transaction.state == "stuck" else "pending"
        note = "its block was undone; it waits again" if undone else transaction.note
        return msgspec.structs.replace(cleared, state=state, note=note)
    if transaction.last.route == "private" and transaction.state in {"pending", "stuck"}:
        return cleared  # public nodes do not know it, and should not
    if transaction.state == "stuck":
        return cleared
    note = "its block was undone and no node has it" if undone else "no node has it"
    return msgspec.structs.replace(cleared, state="unknown", note=f"{note}: it is sent again")


def next_step(transaction: Transaction, sight: Sight, *, patience: int, public_after: int) -> Step:
    """Return what to do about ``transaction``, which has been through ``observe``.

    ``resend``: the same bytes again; ``publish``: the same bytes to the public nodes;
    ``replace``: the same nonce with higher fees.
    """
    if transaction.ended or transaction.state == "mined":
        return "wait"
    waited = sight.head - transaction.last.sent_at
    if transaction.last.route == "private" and transaction.state != "unknown":
        return "publish" if waited >= public_after else "wait"
    if waited >= patience:
        return "replace"
    return "resend" if not sight.known and waited >= 1 else "wait"


def _landed(transaction: Transaction, receipt: Receipt, final: int) -> Transaction:
    attempt = next(one for one in transaction.attempts if one.hash == receipt.transaction_hash)
    state: TransactionState = "mined"
    if receipt.block_number <= final:
        if attempt.kind == "cancel":
            state = "cancelled"
        else:
            state = "final" if receipt.status == 1 else "reverted"
    note = "" if receipt.status == 1 else transaction.note or "it was reverted"
    return msgspec.structs.replace(
        transaction,
        state=state,
        note=note,
        block=int(receipt.block_number),
        block_hash=receipt.block_hash,
        landed=receipt.transaction_hash,
        cost=receipt.gas_used * receipt.effective_gas_price,
    )
