"""Frames of RTDS, Polymarket's relay of reference prices (switched off about 2026-10-23).

Traps of this wire: ``full_accuracy_value`` is an integer times 10^18 on the Chainlink topics and a
plain decimal elsewhere; the Chainlink snapshot arrives under the topic ``crypto_prices`` and is
told from Binance's by the slash in its symbol; ``value`` is a JSON number.  An average says how
many seconds it covers (``window_s``), and that, not the topic, is what it is named by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent
from underround.venues.codec import Tokens, refused
from underround.venues.polymarket.reference import Point, chainlink_symbol, tick

_QUIET: Final = frozenset((b"PONG", b"PING", b""))
_UNUSED: Final = frozenset(("equity_prices", "comments", "activity", "rfq", "clob_user"))
TWAP_TOPICS: Final = {"crypto_prices_twap_thirty": 30, "crypto_prices_twap_sixty": 60}
"""Topic → seconds of its average."""
_CHAINLINK: Final = frozenset(("crypto_prices_chainlink", *TWAP_TOPICS))
_USED: Final = frozenset(("crypto_prices", *_CHAINLINK))
_CHAINLINK_DECIMALS: Final = 18


class _Payload(msgspec.Struct, gc=False):
    """Either ``data`` (a snapshot) or the fields of one point."""

    symbol: str
    data: list[Point] | None = None
    window_s: int | None = None


class _Message(msgspec.Struct, gc=False):
    """The envelope."""

    topic: str
    type: str
    payload: msgspec.Raw


_message = msgspec.json.Decoder(_Message).decode
_payload = msgspec.json.Decoder(_Payload).decode
_point = msgspec.json.Decoder(Point).decode


class RtdsDecoder:
    """Decoder of RTDS (``Decoder`` of ``venues.codec``); ``venues.polymarket.reference`` names.

    Relayed Binance prices come once a second and late: ``binance-rtds:BTCUSDT`` never mixes with
    Binance's own stream.
    """

    def __init__(self, tokens: Tokens) -> None:
        """Take ``Catalogue.by_token()`` as every decoder does; reference prices need none of it."""
        del tokens

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return one ``ReferenceTick`` per price, in order (see ``Decoder``)."""
        text = payload.strip()
        if text in _QUIET:
            return ()
        try:
            return _ticks(text)
        except (ValueError, RecursionError) as error:
            raise refused(error) from None


def _ticks(data: bytes) -> Sequence[MarketEvent]:
    message = _message(data)
    if message.topic in _UNUSED:
        return ()
    if message.topic not in _USED:
        raise FrameRefused(f"unknown topic {message.topic!r} at `$.topic`")
    if message.type not in {"subscribe", "update"}:
        raise FrameRefused(f"unknown type {message.type!r} at `$.type`")
    try:
        body = bytes(message.payload)
        payload = _payload(body)
        points = [_point(body)] if payload.data is None else payload.data
    except ValueError as error:
        raise refused(error, ".payload") from None
    symbol = _symbol(message.topic, payload)
    decimals = 0 if symbol.startswith("binance") else _CHAINLINK_DECIMALS
    ticks: list[MarketEvent] = []
    for place, point in enumerate(points):
        try:
            ticks.append(tick(symbol, point, decimals))
        except ValueError as error:
            where = ".payload" if payload.data is None else f".payload.data[{place}]"
            raise refused(error, where) from None
    return ticks


def _symbol(topic: str, payload: _Payload) -> str:
    """Return our name of the price; raises ``FrameRefused`` where topic and payload disagree."""
    said = TWAP_TOPICS.get(topic)
    seconds = payload.window_s
    if said is not None and seconds is not None and seconds != said:
        raise FrameRefused(
            f"an average of {seconds} seconds under topic {topic!r} at `$.payload.window_s`"
        )
    if "/" in payload.symbol:
        return _chainlink(payload.symbol, said if seconds is None else seconds)
    if topic in _CHAINLINK or seconds is not None:
        raise FrameRefused(
            f"Chainlink symbol {payload.symbol!r} has no slash at `$.payload.symbol`"
        )
    return f"binance-rtds:{payload.symbol.upper()}"


def _chainlink(pair: str, seconds: int | None) -> str:
    if seconds is None:
        return f"chainlink:{pair}"
    if seconds not in TWAP_TOPICS.values():
        raise FrameRefused(f"no average covers {seconds} seconds at `$.payload.window_s`")
    try:
        return chainlink_symbol(pair, seconds)
    except ValueError as error:
        raise refused(error, ".payload") from None
