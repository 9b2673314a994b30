"""Who may use the relayer: the holder of a builder key (HMAC), or of a relayer key (as it is)."""

from __future__ import annotations

import hmac
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from underround.local_venue.polymarket.clob.auth import Gate
from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.world import World
from underround.model.units import Nanos
from underround.venues.ethereum import address_bytes, checksum, keccak

_DENIED: Final = "invalid authorization"


class Holder(msgspec.Struct, frozen=True):
    """Whose key a request carries."""

    key: str
    owner: str
    """Checksummed address."""

    def __repr__(self) -> str:
        return f"Holder({self.owner})"


def relayer_key(seed: int, owner: str) -> str:
    """Return the relayer key of an address; it follows from the seed, so it is no secret."""
    drawn = keccak(f"underround local venue relayer key {seed} {owner.lower()}".encode())
    return str(UUID(bytes=drawn[:16], version=4))


class RelayerGate:
    """Recognises who asks the relayer."""

    def __init__(self, world: World, gate: Gate | None = None) -> None:
        """``gate`` checks the HMAC of builder keys; one for this world unless given."""
        self._world = world
        self._gate = gate or Gate(world)

    def holder(self, request: web.Request, body: bytes, now: Nanos) -> Holder:
        """Return whose key it is; refuses everybody else with 401."""
        if "RELAYER_API_KEY" in request.headers:
            return self._by_relayer_key(request)
        try:
            login = self._gate.builder(request, body, now)
        except Refused:
            raise Refused(401, _DENIED) from None
        return Holder(login.key, login.owner)

    def _by_relayer_key(self, request: web.Request) -> Holder:
        told = request.headers["RELAYER_API_KEY"].encode(errors="surrogateescape")
        try:
            raw = address_bytes(request.headers.get("RELAYER_API_KEY_ADDRESS", ""))
        except ValueError:
            raise Refused(401, _DENIED) from None
        key = relayer_key(self._world.seed, checksum(raw))
        if not hmac.compare_digest(told, key.encode()):
            raise Refused(401, _DENIED)
        return Holder(key, checksum(raw))
