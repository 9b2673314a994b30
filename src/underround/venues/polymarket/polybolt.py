"""Frames of PolyBolt, the reference prices that Polymarket's up-or-down markets resolve on.

Facts of this wire (docs.polymarket.com/api-reference/live-data/overview, 2026-10):
``full_accuracy_value`` is a plain decimal here, unlike on RTDS; ``seq`` counts the frames of one
channel on one connection, snapshots included; the first frame of a subscription is a snapshot of
the last two minutes; only the average over 60 seconds carries data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent, SequenceUsed
from underround.model.events import Sequence as Number
from underround.venues.codec import Tokens, refused
from underround.venues.polymarket.reference import Point, chainlink_symbol, tick

SPOT: Final = "price.crypto"
TWAP: Final = "price.crypto.twap"
TWAP_SECONDS: Final = 60
NUMBERED: Final = {SPOT: 1, TWAP: 2}
"""Channel → its number in ``SequenceUsed.sequence.subscription``."""
_UNUSED: Final = frozenset(("price.equity", "price.equity.twap", "price.polymarket"))
_ACKNOWLEDGED: Final = frozenset(("authed", "subscribed", "unsubscribed", "pong", "challenge"))
_SOURCES: Final = frozenset(("pyth", "chainlink", "massive"))
_VERSION: Final = 1


class Head(msgspec.Struct, gc=False):
    """Enough to tell an acknowledgement (``op``) from data (``channel`` with ``seq``)."""

    op: str | None = None
    v: int | None = None
    channel: str | None = None
    seq: int | None = None
    snapshot: bool = False
    dropped: int = 0
    """How many frames of this channel the venue skipped before this one: we were too slow."""
    rid: str | None = None
    code: str | None = None
    payload: msgspec.Raw = msgspec.Raw()


class _Payload(msgspec.Struct, gc=False):
    """Either ``data`` (a snapshot) or the fields of one point."""

    symbol: str
    source: str
    data: list[Point] | None = None
    window_seconds: int | None = None


class Named(msgspec.Struct, gc=False):
    """The payload as far as its symbol."""

    symbol: str


head_of = msgspec.json.Decoder(Head).decode
named = msgspec.json.Decoder(Named).decode
_payload = msgspec.json.Decoder(_Payload).decode
_point = msgspec.json.Decoder(Point).decode


class PolyboltDecoder:
    """Decoder of PolyBolt (``Decoder`` of ``venues.codec``); ``venues.polymarket.reference`` names.

    Each data frame of a used channel gives ``SequenceUsed`` and then its ticks, oldest first: a
    hole in the numbers of a channel is a frame that was lost.
    """

    def __init__(self, tokens: Tokens) -> None:
        """Take ``Catalogue.by_token()`` as every decoder does; reference prices need none of it."""
        del tokens

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return the frame's number and its ticks, in order (see ``Decoder``)."""
        text = payload.strip()
        if not text:
            return ()
        try:
            return _events(head_of(text))
        except (ValueError, RecursionError) as error:
            raise refused(error) from None


def _events(head: Head) -> Sequence[MarketEvent]:
    if head.op is not None:
        return _acknowledged(head)
    if head.v != _VERSION:
        raise FrameRefused(f"version {head.v} of the envelope is unknown at `$.v`")
    if head.channel in _UNUSED:
        return ()
    if head.channel not in NUMBERED:
        raise FrameRefused(f"unknown channel {head.channel!r} at `$.channel`")
    if head.seq is None or head.seq < 1:
        raise FrameRefused(f"number {head.seq} is none at `$.seq`")
    try:
        body = bytes(head.payload)
        payload = _payload(body)
        points = [_point(body)] if payload.data is None else payload.data
        symbol = _symbol(head.channel, payload)
    except ValueError as error:
        raise refused(error, ".payload") from None
    if head.snapshot != (payload.data is not None):
        raise FrameRefused("a snapshot has `data`, an update has none: at `$.snapshot`")
    events: list[MarketEvent] = [SequenceUsed(Number(NUMBERED[head.channel], head.seq))]
    for place, point in enumerate(points):
        try:
            events.append(tick(symbol, point, 0))
        except ValueError as error:
            where = ".payload" if payload.data is None else f".payload.data[{place}]"
            raise refused(error, where) from None
    return events


def _acknowledged(head: Head) -> Sequence[MarketEvent]:
    if head.op in _ACKNOWLEDGED:
        return ()
    if head.op == "error":
        raise FrameRefused(f"the venue answers with an error: {str(head.code)[:200]}")
    raise FrameRefused(f"unknown op {head.op!r} at `$.op`")


def _symbol(channel: str, payload: _Payload) -> str:
    """Return our name of the price; raises ``ValueError`` where a part of it is unknown."""
    symbol, source = payload.symbol, payload.source
    if source not in _SOURCES:
        raise ValueError(f"unknown source {source!r} - at `$.source`")
    seconds = payload.window_seconds
    if channel == SPOT:
        if seconds is not None:
            raise ValueError("an average on the channel of spot prices - at `$.window_seconds`")
        return f"{source}:{_plain(symbol)}" if source != "chainlink" else chainlink_symbol(symbol)
    if seconds is None or seconds != TWAP_SECONDS:
        raise ValueError(f"an average of {seconds} seconds - at `$.window_seconds`")
    if source != "chainlink":
        raise ValueError(f"an average of source {source!r} - at `$.source`")
    return chainlink_symbol(symbol, seconds)


def _plain(symbol: str) -> str:
    if not (symbol.isascii() and symbol.isalnum() and symbol == symbol.lower()):
        raise ValueError(f"symbol {symbol!r} is not lower case without a slash - at `$.symbol`")
    return symbol
