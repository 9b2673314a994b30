"""Polygon as one process meets it: its nodes, the gas station, the private route, a sender."""

from __future__ import annotations

from underround.app.access import PolygonAccess
from underround.app.connections import Connections
from underround.app.node_address import open_node_address, reference_in
from underround.model.errors import ConfigError
from underround.operations.secret import SecretRef
from underround.venues.ethereum import EvmKey
from underround.venues.polygon.fees import GWEI, FeeCap
from underround.venues.polygon.gas import GasSource
from underround.venues.polygon.hosts import (
    AMOY_CHAIN_ID,
    AMOY_GAS_STATION_TARGET,
    GAS_STATION_TARGET,
)
from underround.venues.polygon.nonces import CounterStore, Nonces
from underround.venues.polygon.private import PrivateRoute
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.rpc import Rpc
from underround.venues.polygon.sender import Alarm, Keep, Sender


class ChainDesk:
    """Makes what speaks to the chain.

    Every method may raise ``ConfigError`` or ``KeyStoreError`` for a reference that leads nowhere.
    """

    def __init__(
        self, access: PolygonAccess, connections: Connections, *, keys: bool = True
    ) -> None:
        """``keys``: whether references may be opened; else what they name is left out."""
        self.access = access
        self._connections = connections
        self._keys = keys

    def rpc(self) -> Rpc:
        """Return the client of the nodes, named by their places; call its ``start`` first."""
        named = {f"rpc[{place}]": text for place, text in enumerate(self.access.rpc)}
        open_to_us = {name: text for name, text in named.items() if self._may_open(text)}
        transports = [
            self._connections.http(self._address(text, name)) for name, text in open_to_us.items()
        ]
        return Rpc(transports, names=list(open_to_us), chain_id=self.access.chain_id)

    def gas(self, rpc: Rpc) -> GasSource:
        """Return where gas prices are asked for: the gas station, then the nodes."""
        text = self.access.gas_station
        amoy = self.access.chain_id == AMOY_CHAIN_ID
        target = AMOY_GAS_STATION_TARGET if amoy else GAS_STATION_TARGET
        if not text or not self._may_open(text):
            return GasSource(rpc, target=target)
        address, mark, query = self._address(text, "gas_station").partition("?")
        return GasSource(rpc, self._connections.http(address), target=f"{target}{mark}{query}")

    def private_address(self) -> str:
        """Return the private node's address, which may hold a key; empty: there is none."""
        text = self.access.private_rpc
        if not text or not self._may_open(text):
            return ""
        return self._address(text, "private_rpc")

    def private_route(self) -> PrivateRoute | None:
        """Return the private route; ``None``: transactions are sent publicly."""
        address, access = self.private_address(), self.access
        if not address:
            return None
        return PrivateRoute(
            self._connections.http(address),
            method=access.private_method,
            form=access.private_form,
            headers={name: self._header(name, of) for name, of in access.private_headers.items()},
            public_after=access.public_after_blocks,
        )

    def cap(self) -> FeeCap:
        """Return the most we pay per gas.  Raises ``ConfigError`` for a cap no node accepts."""
        most = self.access.max_fee_gwei * GWEI
        return FeeCap(tip=min(FeeCap().tip, most), max_fee=most)

    def sender(
        self, rpc: Rpc, key: EvmKey, store: CounterStore, *, keep: Keep, alarm: Alarm
    ) -> Sender:
        """Return the sender of ``key``'s transactions over ``rpc``, which has been started.

        One per key, with one ``store`` for all processes that have it.  Raises ``AccountError``
        for a key that everybody knows.
        """
        address = Address(key.address.lower())
        return Sender(
            rpc,
            key,
            Nonces(address, rpc, store, chain_id=self.access.chain_id),
            prices=self.gas(rpc).now,
            cap=self.cap(),
            keep=keep,
            alarm=alarm,
            private=self.private_route(),
        )

    def _may_open(self, text: str) -> bool:
        return self._keys or reference_in(text) is None

    def _address(self, text: str, name: str) -> str:
        return open_node_address(text, f"venues.polygon.{name}", self._connections.secrets)

    def _header(self, name: str, reference: SecretRef) -> str:
        with self._connections.secrets.open(reference).reveal() as bare:
            value = bytes(bare).decode("utf-8", "replace")
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(
                f"venues.polygon.private_headers.{name} ({reference}): a header's value has no "
                "line ends and nothing but ASCII: correct what the reference leads to"
            )
        return value
