"""The decision digest: one hash over everything a run decided and what came of it.

Covered, in order of happening: what strategies asked for (cancels included), approvals, refusals,
orders (made, filled, ended), fills and their finality, ledger entries, the operator's commands.
Fields are canonical: run-clock times, integers and names; no wall-clock times, salts or signatures
(design.md §11).  The encoding is MessagePack of the structs in field order, so the digest is the
same on every machine and does not depend on hash seeds.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import msgspec

from underround.model.ids import FillId
from underround.model.ledger import Entry
from underround.model.orders import (
    Approved,
    Command,
    Fill,
    Intent,
    LegGroupIntent,
    Order,
    Refusal,
)
from underround.model.units import Nanos


class DecisionSink(Protocol):
    """Takes what the engine decides, in order.  Must not block and must not keep an ``Order``."""

    def asked(self, intent: Intent, at_ns: Nanos) -> None:
        """A strategy (or a leg group's unwind) wants something."""

    def intent(self, approved: Approved) -> None:
        """An intent passed risk and is about to be sent."""

    def group(self, intent: LegGroupIntent, at_ns: Nanos) -> None:
        """A leg group begins."""

    def refusal(self, refusal: Refusal) -> None:
        """An intent was refused."""

    def order(self, order: Order) -> None:
        """An order was made or changed its state."""

    def fill(self, fill: Fill) -> None:
        """A match."""

    def finality(self, fill: FillId, finality: str, at_ns: Nanos) -> None:
        """A match became final or failed."""

    def entry(self, entry: Entry) -> None:
        """A ledger entry."""

    def command(self, command: Command, at_ns: Nanos) -> None:
        """The operator (or a loss limit) halted or resumed."""


class Digest:
    """A ``DecisionSink`` that keeps nothing but a running SHA-256."""

    def __init__(self) -> None:
        """Start with the digest of nothing."""
        self._hash = hashlib.sha256()
        self._encoder = msgspec.msgpack.Encoder()
        self._buffer = bytearray()

    def _add(self, kind: bytes, value: object) -> None:
        self._encoder.encode_into(value, self._buffer)
        self._hash.update(kind + len(self._buffer).to_bytes(4, "big"))
        self._hash.update(self._buffer)
        self._buffer.clear()

    def asked(self, intent: Intent, at_ns: Nanos) -> None:
        """Cover an intent."""
        self._add(b"A", (type(intent).__name__, intent, at_ns))

    def intent(self, approved: Approved) -> None:
        """Cover an approval."""
        self._add(b"I", approved)

    def group(self, intent: LegGroupIntent, at_ns: Nanos) -> None:
        """Cover a leg group."""
        self._add(b"G", (intent, at_ns))

    def refusal(self, refusal: Refusal) -> None:
        """Cover a refusal."""
        self._add(b"R", refusal)

    def order(self, order: Order) -> None:
        """Cover an order's state."""
        self._add(b"O", order)

    def fill(self, fill: Fill) -> None:
        """Cover a fill."""
        self._add(b"F", fill)

    def finality(self, fill: FillId, finality: str, at_ns: Nanos) -> None:
        """Cover a fill's finality."""
        self._add(b"S", (fill, finality, at_ns))

    def entry(self, entry: Entry) -> None:
        """Cover a ledger entry."""
        self._add(b"E", entry)

    def command(self, command: Command, at_ns: Nanos) -> None:
        """Cover a command."""
        self._add(b"C", (command, at_ns))

    def hexdigest(self) -> str:
        """Return the digest so far."""
        return self._hash.hexdigest()
