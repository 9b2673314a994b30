"""Which nonce is next: one counter per address, handed out one at a time.

A nonce is taken, its transaction signed and sent, and only then the next one is given out; if
nothing left us, the number goes back.  So our own work leaves no gap.  Gaps that others make
(a pool that dropped a transaction, a crash between two steps) are found by ``state``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from underround.venues.polygon.delivery import NonceReading
from underround.venues.polygon.quantities import Address


class CounterStore(Protocol):
    """Counters by name; every method is one atomic step, also between processes."""

    async def take(self, name: str, floor: int) -> int:
        """Raise the counter to ``floor`` if it is lower, return it, and add one to it."""

    async def give_back(self, name: str, number: int) -> bool:
        """Set the counter back to ``number`` if it is ``number + 1``; say whether it was."""

    async def raise_to(self, name: str, floor: int) -> int:
        """Raise the counter to ``floor`` if it is lower; return what it is then."""


class CountersInProcess:
    """``CounterStore`` for one process; steps are atomic because none of them waits."""

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}

    async def take(self, name: str, floor: int) -> int:
        """See ``CounterStore``."""
        number = max(self._counters.get(name, 0), floor)
        self._counters[name] = number + 1
        return number

    async def give_back(self, name: str, number: int) -> bool:
        """See ``CounterStore``."""
        if self._counters.get(name) != number + 1:
            return False
        self._counters[name] = number
        return True

    async def raise_to(self, name: str, floor: int) -> int:
        """See ``CounterStore``."""
        self._counters[name] = max(self._counters.get(name, 0), floor)
        return self._counters[name]


class NonceReader(Protocol):
    """Who reads transaction counts; ``Rpc`` does."""

    async def nonces(self, address: Address) -> NonceReading:
        """Return both counts as one provider states them."""


class Lease:
    """A nonce that nobody else has.  ``spend`` it before the first byte may leave."""

    __slots__ = ("nonce", "spent")

    def __init__(self, nonce: int) -> None:
        self.nonce = nonce
        self.spent = False

    def spend(self) -> None:
        """From here on a transaction with this nonce may exist."""
        self.spent = True

    def recall(self) -> None:
        """Every node refused it for certain: no transaction with this nonce exists."""
        self.spent = False


class NonceState(msgspec.Struct, frozen=True):
    """The counter against what the chain says."""

    mined: int
    pending: int
    next: int
    """The next nonce we would hand out."""

    @property
    def waiting(self) -> range:
        """Nonces given out and not mined yet."""
        return range(self.mined, self.next)

    @property
    def unseen(self) -> range:
        """Nonces given out that the provider's pool does not have in line.

        The first of them holds up all later ones: its transaction was lost, or is only known
        elsewhere (a private endpoint).
        """
        return range(self.pending, self.next)

    @property
    def foreign(self) -> bool:
        """Whether somebody else sends with this key: the chain is past our own counter."""
        return self.pending > self.next


class Nonces:
    """The nonces of one address."""

    def __init__(
        self, address: Address, reader: NonceReader, store: CounterStore, *, chain_id: int
    ) -> None:
        self.address = address
        self._reader = reader
        self._store = store
        self._name = f"nonce:{chain_id}:{address}"
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """Lend the next nonce; one at a time per address.

        It goes back if it was not spent when the block ends.  Raises what reading the count
        raises: without it no nonce is handed out.
        """
        async with self._lock:
            reading = await self._reader.nonces(self.address)
            lease = Lease(await self._store.take(self._name, reading.pending))
            try:
                yield lease
            finally:
                if not lease.spent:
                    await self._store.give_back(self._name, lease.nonce)

    @asynccontextmanager
    async def lease_again(self, nonce: int) -> AsyncIterator[Lease | None]:
        """Lend a nonce that was given out before and that no pool has; ``None``: it is in use."""
        async with self._lock:
            state = await self._state()
            yield Lease(nonce) if nonce in state.unseen else None

    async def note(self, nonce: int) -> None:
        """Count ``nonce`` as used: a transaction of an earlier run may still wait with it."""
        await self._store.raise_to(self._name, nonce + 1)

    async def state(self) -> NonceState:
        """Compare the counter with the chain; waits until no transaction is being sent."""
        async with self._lock:
            return await self._state()

    async def _state(self) -> NonceState:
        reading = await self._reader.nonces(self.address)
        counter = await self._store.raise_to(self._name, 0)
        # 0 before the first lease: nothing of ours is under way, so the chain's count is ours.
        return NonceState(reading.mined, reading.pending, counter or reading.pending)
