"""Notices to members: an order left the book, was filled, or its fill failed to settle."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from typing import Final

import msgspec

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.polymarket.clob.rows import SIDE_WORDS, named
from underround.local_venue.world import World, WorldEvent
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import POLYMARKET, OrderId
from underround.model.units import Nanos, decimal_text
from underround.simulation.matching.terms import (
    BookOrder,
    OrderClosed,
    OrderFilled,
    Trade,
    TradeMoved,
)

CANCELLED: Final = 1
FILLED: Final = 2
FILL_FAILED: Final = 8
_KEPT: Final = 500
"""Notices that are kept of each member."""


class Notice(msgspec.Struct, frozen=True):
    """One notice, as it is listed."""

    id: int
    owner: str
    """API key."""
    type: int
    timestamp: int
    """Unix seconds."""
    payload: dict[str, object]


class Notices:
    """What members have not dropped yet."""

    def __init__(self, world: World) -> None:
        """Listen from now on."""
        self._world = world
        self._of: dict[str, deque[Notice]] = {}
        self._number = 0
        world.bus.listen(self._heard, OrderFilled, OrderClosed, TradeMoved)

    def of(self, owner: str) -> list[Notice]:
        """Return the notices to a member (its key's address), newest first."""
        return list(self._of.get(owner, ()))

    def drop(self, owner: str, ids: Container[str]) -> None:
        """Forget those of ``ids``."""
        kept = (notice for notice in self._of.get(owner, ()) if str(notice.id) not in ids)
        self._of[owner] = deque(kept, maxlen=_KEPT)

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, OrderFilled):
            self._tell(FILLED, event.order, event.at_ns, event.trade)
        elif isinstance(event, OrderClosed):
            self._tell(CANCELLED, event.order, event.at_ns, None)
        elif isinstance(event, TradeMoved) and event.trade.status == "FAILED":
            trade = event.trade
            for order in (trade.order, *(fill.order for fill in trade.makers)):
                self._failed(order, event.at_ns, trade)

    def _failed(self, order: OrderId, at: Nanos, trade: Trade) -> None:
        known = self._world.polymarket.orders.get(order)
        if known is not None:
            self._tell(FILL_FAILED, known, at, trade)

    def _tell(self, kind: int, order: BookOrder, at: Nanos, trade: Trade | None) -> None:
        if order.sent.outcome.market.venue != POLYMARKET:
            return
        login = self._world.accounts.logins.get(order.sent.owner)
        row = self._world.catalogue.markets.get(order.sent.outcome.market)
        if login is None or row is None:
            return
        self._number += 1
        payload = self._payload(row, order, trade)
        notice = Notice(self._number, login.key, kind, at // NANOS_PER_SECOND, payload)
        self._of.setdefault(login.owner, deque(maxlen=_KEPT)).appendleft(notice)

    def _payload(
        self, row: LocalMarket, order: BookOrder, trade: Trade | None
    ) -> dict[str, object]:
        sent = order.sent
        token, label = named(self._world, sent.outcome)
        event = self._world.catalogue.events[row.event]
        return {
            "asset_id": token,
            "market": sent.outcome.market.native,
            "order_id": sent.id,
            "side": SIDE_WORDS[sent.side],
            "type": sent.tif,
            "price": decimal_text(sent.price),
            "original_size": decimal_text(sent.size),
            "matched_size": decimal_text(order.filled),
            "remaining_size": decimal_text(max(order.left, 0)),
            "outcome": label,
            "outcome_index": sent.outcome.index,
            "transaction_hash": "" if trade is None else trade.transaction,
            "trade_id": "" if trade is None else trade.id,
            "question": row.listing.market.title,
            "market_slug": row.listing.slug,
            "icon": "",
            "image": "",
            "eventSlug": event.slug,
            "seriesSlug": event.series,
        }
