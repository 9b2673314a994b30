"""The clients of every configured venue, made from the configuration and the secrets it names.

Nothing is opened until it is used; when the block of ``Clients`` ends every connection is closed
and every secret that was read is wiped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from underround.app.access import VenueAccess
from underround.app.chain_desk import ChainDesk
from underround.app.connections import Connections, OpenKeyStore
from underround.app.polymarket_desk import PolymarketDesk
from underround.model.units import Nanos
from underround.venues.allora.hosts import MAINNET, TESTNET
from underround.venues.allora.limits import LIMITS as ALLORA_LIMITS
from underround.venues.allora.rest import AlloraRest
from underround.venues.binance.limits import LIMITS as BINANCE_LIMITS
from underround.venues.binance.rest import BinanceRest
from underround.venues.kalshi.hosts import Hosts as KalshiHosts
from underround.venues.kalshi.limits import TIERS as KALSHI_TIERS
from underround.venues.kalshi.limits import limits_of as kalshi_limits
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.kalshi.sign import KalshiSigner
from underround.venues.polygon.rpc import Rpc
from underround.venues.transport.budget import Sleep


class Clients(Connections):
    """The clients of every configured venue; an async context manager."""

    def __init__(
        self,
        access: VenueAccess,
        *,
        keystore: OpenKeyStore | None = None,
        clock: Callable[[], Nanos] = time.time_ns,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(keystore=keystore, clock=clock, sleep=sleep)
        self.access = access
        self._polymarket: PolymarketDesk | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._polymarket is not None:
            self._polymarket.wipe()
        await self.close()

    @property
    def polymarket(self) -> PolymarketDesk:
        """Polymarket's clients, made once."""
        if self._polymarket is None:
            self._polymarket = PolymarketDesk(
                self.access.polymarket, self.access.polygon.chain_id, self
            )
        return self._polymarket

    def kalshi_signer(self) -> KalshiSigner | None:
        """Return the signer of the configured key; ``None`` without one."""
        access = self.access.kalshi
        if access.key_id is None or access.private_key is None:
            return None
        with self.secrets.open(access.key_id).reveal() as bare:
            key_id = bytes(bare).decode("ascii", "replace")
        return KalshiSigner(key_id, self.secrets.open(access.private_key))

    def kalshi_hosts(self) -> KalshiHosts:
        """Return where Kalshi is."""
        return KalshiHosts(self.access.kalshi.rest, self.access.kalshi.stream)

    def kalshi(self) -> KalshiRest:
        """Return Kalshi's client, with an account if one is configured."""
        tier = KALSHI_TIERS[self.access.kalshi.tier]
        return KalshiRest(
            self.http(self.access.kalshi.rest),
            self.budget(kalshi_limits(tier)),
            self.kalshi_signer(),
            self.clock,
            tier=tier,
        )

    def binance(self) -> BinanceRest:
        """Return Binance's client."""
        return BinanceRest(
            self.http(self.access.binance.rest), self.budget(BINANCE_LIMITS), self.clock
        )

    def allora(self) -> AlloraRest:
        """Return the client of the configured network's gateway."""
        access = self.access.allora
        network = TESTNET if access.network == "testnet" else MAINNET
        gateway = access.gateway or network.lcd
        return AlloraRest(self.http(gateway), network.chain, self.budget(ALLORA_LIMITS))

    def chain(self, *, keys: bool = True) -> ChainDesk:
        """Return what speaks to Polygon; ``keys``: whether references may be opened for it."""
        return ChainDesk(self.access.polygon, self, keys=keys)

    def polygon(self) -> Rpc:
        """Return the client of the configured nodes; call its ``start`` first."""
        return self.chain().rpc()
