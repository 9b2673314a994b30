"""Which orders and trades the exchange knows: the open ones, and the last of the others."""

from __future__ import annotations

from collections import deque
from typing import Final
from uuid import UUID, uuid5

import msgspec

from underround.model.errors import Bug
from underround.model.ids import OrderId
from underround.model.units import Nanos
from underround.simulation.matching.book import Resting
from underround.simulation.matching.custody import Custody
from underround.simulation.matching.terms import BookOrder, Trade, TradeId, TradeStatus
from underround.simulation.matching.transfers import bind, move

KEPT: Final = 20_000
"""Closed orders, and settled trades, that can still be asked for."""
_NAMES: Final = UUID("8f0d6f0e-6b7e-5d0a-9a55-0f6b8f1f8f55")
_NEXT: Final[dict[TradeStatus, tuple[TradeStatus, ...]]] = {
    "MATCHED": ("MINED", "RETRYING", "FAILED"),
    "RETRYING": ("RETRYING", "MINED", "FAILED"),
    "MINED": ("MINED", "CONFIRMED", "RETRYING", "FAILED"),
    "CONFIRMED": (),
    "FAILED": (),
}
"""MINED again: in another transaction.  From MINED back: a re-org took the transaction away."""


class Orders:
    """Every open order, by id and by login, and the last that were closed."""

    def __init__(self, kept: int) -> None:
        """Keep the last ``kept`` closed orders."""
        self.known: dict[OrderId, BookOrder] = {}
        self._open: dict[str, dict[OrderId, Resting]] = {}
        self._closed: deque[OrderId] = deque()
        self._kept = kept
        self._places = 0

    def enter(self, order: Resting) -> None:
        """Take an order in, and give it its place."""
        self._places += 1
        order.place = self._places
        sent = order.sent
        self.known[sent.id] = order
        mine = self._open.get(sent.owner)
        if mine is None:
            self._open[sent.owner] = {sent.id: order}
        else:
            mine[sent.id] = order

    def leave(self, order: Resting, status: str) -> None:
        """Note that an order has ended, and give free what it counted on."""
        order.state = "matched" if status == "MATCHED" else "cancelled"
        order.status = status
        order.holding.reserved -= order.reserve
        order.reserve = 0
        sent = order.sent
        mine = self._open[sent.owner]
        if len(mine) == 1:
            del self._open[sent.owner]
        else:
            del mine[sent.id]
        self._closed.append(sent.id)
        if len(self._closed) > self._kept:
            del self.known[self._closed.popleft()]

    def open_of(self, owner: str) -> list[Resting]:
        """Return what a login has open, in order of arrival."""
        return list(self._open.get(owner, {}).values())

    def open(self) -> list[Resting]:
        """Return everything that is open."""
        return [order for mine in self._open.values() for order in mine.values()]


class Trades:
    """Every trade that is not settled, and the last that are; the newest state of each."""

    def __init__(self, custody: Custody, kept: int, seed: int) -> None:
        """Names of trades follow from ``seed``."""
        self._custody = custody
        self.known: dict[TradeId, Trade] = {}
        self._settled: deque[TradeId] = deque()
        self._kept = kept
        self._seed = seed
        self._made = 0

    def next_id(self) -> TradeId:
        """Return the name of the next trade."""
        self._made += 1
        return TradeId(str(uuid5(_NAMES, f"{self._seed} {self._made}")))

    def add(self, trade: Trade) -> None:
        """Take a trade in that was just matched; what both sides give is in flight from now on."""
        self.known[trade.id] = trade

    def move(self, name: TradeId, status: TradeStatus, now: Nanos, transaction: str) -> Trade:
        """Take a trade to its next status with all it means for who owns what; return it.

        Raises ``KeyError`` for a trade that is not known (any more), ``Bug`` for a step that no
        settlement takes.
        """
        old = self.known[name]
        if status not in _NEXT[old.status]:
            raise Bug(f"trade {name} cannot go from {old.status} to {status}")
        before, after = old.status == "MINED", status in ("MINED", "CONFIRMED")
        if before and not after:
            move(self._custody, old, -1)
            if status == "RETRYING":
                bind(self._custody, old)
        elif after and not before:
            bind(self._custody, old, -1)
            move(self._custody, old)
        elif status == "FAILED":
            bind(self._custody, old, -1)
        new = msgspec.structs.replace(
            old, status=status, changed_ns=now, transaction=transaction or old.transaction
        )
        self.known[name] = new
        if not _NEXT[status]:
            self._settled.append(name)
            if len(self._settled) > self._kept:
                del self.known[self._settled.popleft()]
        return new
