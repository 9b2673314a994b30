"""Frames of Coinbase Exchange's public feed → reference prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent, ReferenceTick
from underround.venues.codec import Tokens, iso_nanos, reference_price, refused

_PRICED: Final = frozenset(("match", "last_match", "ticker"))
_QUIET: Final = frozenset(("subscriptions", "heartbeat"))


class _Head(msgspec.Struct, gc=False):
    """Enough to tell what a message is."""

    type: str
    message: str | None = None
    reason: str | None = None


class _Print(msgspec.Struct, gc=False):
    """The last trade, in all three messages."""

    product_id: str
    price: str
    time: str


_head = msgspec.json.Decoder(_Head).decode
_print = msgspec.json.Decoder(_Print).decode


class CoinbaseDecoder:
    """Decoder of the feed (``Decoder`` of ``venues.codec``).  Symbols: ``coinbase:BTC-USD``."""

    def __init__(self, tokens: Tokens) -> None:
        """Take ``Catalogue.by_token()`` as every decoder does; reference prices need none of it."""
        del tokens

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return the frame's ``ReferenceTick``, if it is one (see ``Decoder``)."""
        if not payload:
            return ()  # a connection begins: it says nothing
        try:
            head = _head(payload)
            if head.type in _QUIET:
                return ()
            if head.type == "error":
                words = f"{head.message or ''} {head.reason or ''}".strip()
                raise FrameRefused(f"the venue answers with an error: {words[:200]}")
            if head.type not in _PRICED:
                raise FrameRefused(f"unknown type {head.type!r} at `$.type`")
            trade = _print(payload)
            price = reference_price(trade.price)
            symbol = f"coinbase:{trade.product_id}"
            return (ReferenceTick(symbol, iso_nanos(trade.time), price),)
        except (ValueError, RecursionError) as error:
            raise refused(error) from None
