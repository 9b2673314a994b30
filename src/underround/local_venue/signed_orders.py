"""The signed orders of the CLOB: what a match needs to be settled on a chain."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from underround.model.ids import OrderId
from underround.venues.polymarket.exchange import OrderFields

_REMEMBERED: Final = 10_000


class Signed(msgspec.Struct, frozen=True):
    """An order as its owner signed it, verified when it arrived."""

    fields: OrderFields
    signature: bytes
    owner: str
    """Checksummed address of the key that signed; a deposit wallet's order does not name it."""


class SignedOrders:
    """Keeps every order that may still be settled; of the others the last ``remembered``."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        """Begin empty."""
        self._kept: dict[OrderId, Signed] = {}
        self._released: deque[OrderId] = deque()
        self._remembered = remembered

    def keep(self, order: OrderId, fields: OrderFields, signature: bytes, owner: str) -> None:
        """Keep an order whose signature was verified, before the exchange is given it."""
        self._kept[order] = Signed(fields, signature, owner)

    def of(self, order: OrderId) -> Signed | None:
        """Return the order, or ``None``: the house's own are not signed until they must be."""
        return self._kept.get(order)

    def release(self, order: OrderId) -> None:
        """Let an order go some time after it was refused, closed, or matched and settled."""
        if order not in self._kept:
            return
        self._released.append(order)
        if len(self._released) > self._remembered:
            self._kept.pop(self._released.popleft(), None)

    def __len__(self) -> int:
        return len(self._kept)
