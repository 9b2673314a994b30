"""The present gas prices: from the gas station, or from a node where that is silent or stale."""

from __future__ import annotations

from typing import Final

from underround.model.errors import UnderroundError, VenuePaused
from underround.venues.polygon.answers import FeeHistory
from underround.venues.polygon.fees import (
    HISTORY_BLOCKS,
    PERCENTILES,
    GasPrices,
    decode_gas_station,
    of_history,
)
from underround.venues.polygon.hosts import GAS_STATION_TARGET
from underround.venues.polygon.quantities import Quantity
from underround.venues.polygon.rpc import Rpc
from underround.venues.transport.http import HttpTransport

STALE: Final = 30
"""Blocks, about a minute, behind which the gas station tells of the past."""


class GasSource:
    """Asks for gas prices; ``now`` is the ``Prices`` that a ``Sender`` wants."""

    def __init__(
        self, rpc: Rpc, station: HttpTransport | None = None, *, target: str = GAS_STATION_TARGET
    ) -> None:
        """Ask ``station`` first if there is one, then the nodes."""
        self._rpc = rpc
        self._station = station
        self._target = target

    async def now(self) -> GasPrices:
        """Return the present prices.  Raises what the nodes raise when both fail."""
        if self._station is not None:
            try:
                return await self._told(self._station)
            except UnderroundError:
                pass  # the nodes know as well
        return await self._measured()

    async def _told(self, station: HttpTransport) -> GasPrices:
        reply = await station.send("GET", self._target)
        if reply.status != 200:
            raise VenuePaused(f"gas station: answer {reply.status}: ask the nodes instead")
        prices = decode_gas_station(reply.body)
        head = await self._rpc.call(Quantity, "eth_blockNumber")
        if head - prices.block > STALE:
            raise VenuePaused(f"gas station: it tells of block {prices.block}, {head} is now")
        return prices

    async def _measured(self) -> GasPrices:
        head = int(await self._rpc.call(Quantity, "eth_blockNumber"))
        history = await self._rpc.call(
            FeeHistory, "eth_feeHistory", hex(HISTORY_BLOCKS), "latest", list(PERCENTILES)
        )
        return of_history(history, head)
