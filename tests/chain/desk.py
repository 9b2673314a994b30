"""A sender with its providers, as the program would build it, in front of the real node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.chain.front import Front
from tests.chain.keys import key_of
from tests.chain.node import CHAIN_ID, Anvil
from tests.venues.scripted import scripted_host
from underround.venues.ethereum import EvmKey
from underround.venues.polygon.fees import GWEI, FeeCap
from underround.venues.polygon.gas import GasSource
from underround.venues.polygon.nonces import CountersInProcess, Nonces
from underround.venues.polygon.private import PrivateRoute
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.rpc import Rpc
from underround.venues.polygon.sender import Sender
from underround.venues.polygon.transactions import Transaction
from underround.venues.transport.http import HttpClient

CAP = FeeCap(tip=100 * GWEI, max_fee=400 * GWEI)


class Desk:
    """What a test holds in its hands."""

    def __init__(self, rpc: Rpc, fronts: Sequence[Front], key: EvmKey, cap: FeeCap) -> None:
        self.rpc = rpc
        self.fronts = fronts
        self.key = key
        self.address = Address(key.address.lower())
        self.kept: list[Transaction] = []
        self.alarms: list[str] = []
        self.cap = cap
        self.counters = CountersInProcess()
        self.sender = self.new_sender(None)

    def new_sender(self, private: PrivateRoute | None) -> Sender:
        """Build a sender on the same counters, as after a restart with other settings."""
        self.nonces = Nonces(self.address, self.rpc, self.counters, chain_id=CHAIN_ID)

        async def keep(transaction: Transaction) -> None:
            self.kept.append(transaction)

        return Sender(
            self.rpc,
            self.key,
            self.nonces,
            prices=GasSource(self.rpc).now,
            cap=self.cap,
            keep=keep,
            alarm=self.alarms.append,
            private=private,
        )


@asynccontextmanager
async def desk(
    anvil: Anvil, *, fronts: int = 2, cap: FeeCap = CAP, who: str = "trader"
) -> AsyncIterator[Desk]:
    """Run ``fronts`` providers in front of the node and a funded sender behind them."""
    key = key_of(who)
    anvil.fund(key)
    async with AsyncExitStack() as stack:
        providers = [Front(anvil) for _ in range(fronts)]
        clients = [await stack.enter_async_context(client_of(front)) for front in providers]
        rpc = Rpc(clients, chain_id=CHAIN_ID)
        await rpc.start()
        yield Desk(rpc, providers, key, cap)


@asynccontextmanager
async def client_of(front: Any) -> AsyncIterator[HttpClient]:
    """Serve something with an ``answer`` and connect to it."""
    async with scripted_host({"POST /": front.answer}) as host, HttpClient(host.url) as client:
        yield client
