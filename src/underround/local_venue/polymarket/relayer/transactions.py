"""Transactions in the relayer's hands: NEW → EXECUTED → MINED → CONFIRMED, INVALID or FAILED.

Times come from the world's agenda.  Calls are carried out when the transaction is mined: on the
books at once, on a chain whenever the chain has done it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

import msgspec

from underround.local_venue.faults import Stuck
from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.polymarket.relayer.requests import Submitted
from underround.local_venue.world import CallReverted, WalletCall, WalletDesk, World
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.ethereum import checksum, keccak

State: TypeAlias = Literal["NEW", "EXECUTED", "MINED", "CONFIRMED", "INVALID", "FAILED"]
_ACTIVE: Final = frozenset({"NEW", "EXECUTED"})
_OVER: Final = frozenset({"CONFIRMED", "INVALID", "FAILED"})
_AGAIN_MS: Final = 500
_MOST: Final = 10_000
"""Transactions that are remembered."""
RELAY: Final = checksum(keccak(b"underround local venue relay")[:20])
"""Who sends calls of proxies."""


class RelayTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each step takes after the one before it."""

    executed_ms: int = 200
    mined_ms: int = 2_000
    confirmed_ms: int = 4_000


@runtime_checkable
class AtOnce(Protocol):
    """A desk that waits for nobody (``wallet_books.BookkeptWallets``)."""

    def carry_out(self, wallet: str, calls: Sequence[WalletCall], now: Nanos) -> str:
        """Carry the calls out at ``now``; return the transaction's hash."""


class Transaction:
    """One submission on its way."""

    __slots__ = ("by", "changed_ns", "created_ns", "error", "hash", "id", "sent", "state")

    def __init__(self, number: str, sent: Submitted, by: str, now: Nanos) -> None:
        """``by``: the key that submitted it."""
        self.id = number
        self.sent = sent
        self.by = by
        self.state: State = "NEW"
        self.hash = ""
        self.error = ""
        self.created_ns = now
        self.changed_ns = now


class Transactions:
    """Takes submissions on and moves them along."""

    def __init__(
        self,
        world: World,
        desk: WalletDesk,
        *,
        times: RelayTimes | None = None,
        deployed: Sequence[str] = (),
        same_time: bool = True,
    ) -> None:
        """``deployed``: wallets that exist already, e.g. those of the ready-made accounts.

        ``same_time``: whether the venue's clock is its clients'; if not, no deadline passes.
        """
        self._world = world
        self._desk = desk
        self._times = times or RelayTimes()
        self._all: dict[str, Transaction] = {}
        self._nonces: dict[tuple[str, str], int] = {}
        self._deployed = {wallet.lower() for wallet in deployed}
        self._same_time = same_time
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0

    # --- asking --------------------------------------------------------------------------------

    def of(self, number: str) -> Transaction | None:
        """Return a transaction by its id."""
        return self._all.get(number)

    def sent_by(self, key: str, owner: str) -> list[Transaction]:
        """Return what a key submitted and what an owner signed, newest first."""
        found = [each for each in self._all.values() if key == each.by or owner == each.sent.owner]
        return found[::-1]

    def deployed(self, wallet: str) -> bool:
        """Return whether a wallet exists."""
        return wallet.lower() in self._deployed

    def nonce(self, kind: str, owner: str) -> int:
        """Return the nonce to sign next; what is on its way counts, but for deposit wallets."""
        mined = self._nonces.get((kind, owner), 0)
        return mined if kind == "WALLET" else mined + len(self._active(kind, owner))

    def _active(self, kind: str, owner: str) -> list[Transaction]:
        return [
            each
            for each in self._all.values()
            if each.state in _ACTIVE
            and (each.sent.owner, each.sent.wallet_kind) == (owner, kind)
            and not each.sent.creates
        ]

    # --- taking on -----------------------------------------------------------------------------

    def submit(self, sent: Submitted, by: str, now: Nanos) -> Transaction:
        """Take a submission on; refuses (400) what cannot be done now."""
        if sent.creates:
            self._check_new(sent)
        else:
            self._check_calls(sent, now)
        self._number += 1
        drawn = keccak(f"relayed {self._world.seed} {self._number}".encode())
        transaction = Transaction(str(UUID(bytes=drawn[:16], version=4)), sent, by, now)
        self._remember(transaction)
        due = now + self._times.executed_ms * NANOS_PER_MS
        self._world.agenda.plan(due, lambda at: self._execute(transaction, at))
        return transaction

    def _check_new(self, sent: Submitted) -> None:
        if self.deployed(sent.wallet):
            raise Refused(400, f"wallet {sent.wallet} is already deployed")
        if any(
            each.state in _ACTIVE and each.sent.wallet == sent.wallet for each in self._of_new()
        ):
            raise Refused(400, f"wallet busy: an active action exists for {sent.wallet}")

    def _of_new(self) -> list[Transaction]:
        return [each for each in self._all.values() if each.sent.creates]

    def _check_calls(self, sent: Submitted, now: Nanos) -> None:
        kind, owner = sent.wallet_kind, sent.owner
        if kind != "PROXY" and not self.deployed(sent.wallet):
            raise Refused(
                400,
                f"wallet registry validation failed: wallet {sent.wallet} is not registered",
            )
        server = now + self._world.faults.skew_ns(now)
        if self._passed(sent, server):
            raise Refused(400, f"deadline {sent.deadline_s} has passed")
        if kind == "WALLET" and self._active(kind, owner):
            raise Refused(400, f"wallet busy: an active action exists for {sent.wallet}")
        expected = self.nonce(kind, owner)
        if sent.nonce != expected:
            words = f"batch nonce {sent.nonce} does not match on-chain nonce {expected}"
            raise Refused(400, words)

    def _passed(self, sent: Submitted, at: Nanos) -> bool:
        """Whether the time until which the calls may be made has come."""
        deadline = sent.deadline_s
        return self._same_time and deadline is not None and deadline * NANOS_PER_SECOND <= at

    def _remember(self, transaction: Transaction) -> None:
        self._all[transaction.id] = transaction
        while len(self._all) > _MOST:
            oldest = next(iter(self._all.values()))
            if oldest.state not in _OVER:
                break
            del self._all[oldest.id]

    # --- moving along --------------------------------------------------------------------------

    def _execute(self, transaction: Transaction, at: Nanos) -> None:
        if self._passed(transaction.sent, at - 1):
            self._end(transaction, "INVALID", at, "the deadline passed before it was sent")
            return
        self._move(transaction, "EXECUTED", at)
        if isinstance(self._desk, AtOnce):
            due = at + self._times.mined_ms * NANOS_PER_MS
            self._world.agenda.plan(due, lambda later: self._mine(transaction, later))
            return
        task = asyncio.get_running_loop().create_task(self._mined(transaction))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _mine(self, transaction: Transaction, at: Nanos) -> None:
        """Carry the calls out on the books."""
        if self._world.faults.of(Stuck, at):
            again = at + _AGAIN_MS * NANOS_PER_MS
            self._world.agenda.plan(again, lambda later: self._mine(transaction, later))
            return
        sent, desk = transaction.sent, self._desk
        assert isinstance(desk, AtOnce)
        late = self._too_late(transaction, at)
        if late:
            self._end(transaction, "FAILED", at, late)
            return
        self._carried(transaction, at, lambda: desk.carry_out(sent.wallet, sent.calls, at))

    def _too_late(self, transaction: Transaction, at: Nanos) -> str:
        sent = transaction.sent
        if self._passed(sent, at - 1):
            return "the deadline has passed"
        mined = self._nonces.get((sent.wallet_kind, sent.owner), 0)
        if sent.nonce is not None and sent.nonce != mined:
            return f"nonce {sent.nonce} does not match on-chain nonce {mined}"
        return ""

    async def _mined(self, transaction: Transaction) -> None:
        """Let the chain carry the calls out."""
        sent = transaction.sent
        try:
            done = await self._desk.execute(sent.wallet, sent.calls)
        except CallReverted as error:
            failure = error
            self._carried(transaction, self._world.time(), lambda: _raise(failure))
        except Exception:
            self._end(transaction, "FAILED", self._world.time(), "the chain did not answer")
            raise
        else:
            self._carried(transaction, self._world.time(), lambda: done)

    def _carried(self, transaction: Transaction, at: Nanos, carry: Callable[[], str]) -> None:
        sent = transaction.sent
        key = (sent.wallet_kind, sent.owner)
        counted = 0 if sent.creates else 1
        try:
            transaction.hash = carry()
        except CallReverted as error:
            # The hub of proxies counts a call that failed; safes and deposit wallets undo it all.
            if sent.kind == "PROXY":
                self._nonces[key] = self._nonces.get(key, 0) + counted
            self._end(transaction, "FAILED", at, str(error) or "execution reverted")
            return
        self._nonces[key] = self._nonces.get(key, 0) + counted
        self._deployed.add(sent.wallet.lower())
        self._move(transaction, "MINED", at)
        due = at + self._times.confirmed_ms * NANOS_PER_MS
        self._world.agenda.plan(due, lambda later: self._move(transaction, "CONFIRMED", later))

    def _move(self, transaction: Transaction, state: State, at: Nanos) -> None:
        transaction.state = state
        transaction.changed_ns = at

    def _end(self, transaction: Transaction, state: State, at: Nanos, why: str) -> None:
        transaction.error = why
        self._move(transaction, state, at)


def _raise(error: CallReverted) -> str:
    raise error
