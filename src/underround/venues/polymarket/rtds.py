"""Frames of RTDS, Polymarket's relay of reference prices (switched off about 2026-10-23).

Traps of this wire: ``full_accuracy_value`` is an integer times 10^18 on the Chainlink topic and a
plain decimal elsewhere; the Chainlink snapshot arrives under the topic ``crypto_prices`` and is
told from Binance's by the slash in its symbol; ``value`` is a JSON number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent, ReferenceTick
from underround.model.units import Money
from underround.venues.codec import Tokens, reference_price, refused, unix_nanos

_QUIET: Final = frozenset((b"PONG", b"PING", b""))
_UNUSED: Final = frozenset(("equity_prices", "comments", "activity", "rfq", "clob_user"))
_CHAINLINK_DECIMALS: Final = 18
_AGREEMENT: Final = 1_000_000
"""``value`` is a double of ``full_accuracy_value``: they may differ by one part in so many."""


class _Point(msgspec.Struct, gc=False):
    """One price of a snapshot, or the payload of an update."""

    timestamp: int
    value: msgspec.Raw
    full_accuracy_value: str | None = None


class _Payload(msgspec.Struct, gc=False):
    """Either ``data`` (a snapshot) or the fields of one point."""

    symbol: str
    data: list[_Point] | None = None


class _Message(msgspec.Struct, gc=False):
    """The envelope."""

    topic: str
    type: str
    payload: msgspec.Raw


_message = msgspec.json.Decoder(_Message).decode
_payload = msgspec.json.Decoder(_Payload).decode
_point = msgspec.json.Decoder(_Point).decode


class RtdsDecoder:
    """Decoder of RTDS (``Decoder`` of ``venues.codec``).

    Symbols: ``chainlink:btc/usd``; ``binance-rtds:BTCUSDT`` for relayed Binance prices, which come
    once a second and late, and so never mix with Binance's own stream.
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
    if message.topic not in {"crypto_prices", "crypto_prices_chainlink"}:
        raise FrameRefused(f"unknown topic {message.topic!r} at `$.topic`")
    if message.type not in {"subscribe", "update"}:
        raise FrameRefused(f"unknown type {message.type!r} at `$.type`")
    try:
        body = bytes(message.payload)
        payload = _payload(body)
        points = [_point(body)] if payload.data is None else payload.data
    except ValueError as error:
        raise refused(error, ".payload") from None
    chainlink = "/" in payload.symbol
    if not chainlink and message.topic == "crypto_prices_chainlink":
        raise FrameRefused(
            f"Chainlink symbol {payload.symbol!r} has no slash at `$.payload.symbol`"
        )
    symbol = (
        f"chainlink:{payload.symbol}" if chainlink else f"binance-rtds:{payload.symbol.upper()}"
    )
    ticks: list[MarketEvent] = []
    for place, point in enumerate(points):
        try:
            price = _price(point, chainlink=chainlink)
            ticks.append(ReferenceTick(symbol, unix_nanos(point.timestamp), price))
        except ValueError as error:
            where = ".payload" if payload.data is None else f".payload.data[{place}]"
            raise refused(error, where) from None
    return ticks


def _price(point: _Point, *, chainlink: bool) -> Money:
    """Return the price; the accurate text where there is one, checked against ``value``.

    The check catches a change of scale: 10^18 wrong is never within a millionth.
    """
    rough = reference_price(number_text(bytes(point.value)))
    text = point.full_accuracy_value
    if text is None:
        return rough
    if chainlink and not (text.isascii() and text.isdigit()):
        raise ValueError(f"full_accuracy_value {text!r} is not an integer times 10^18")
    try:
        price = reference_price(text, _CHAINLINK_DECIMALS if chainlink else 0)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.full_accuracy_value`") from None
    if abs(price - rough) * _AGREEMENT > price + _AGREEMENT:
        raise ValueError(f"full_accuracy_value {text} and value {rough} millionths disagree")
    return price


def number_text(raw: bytes) -> str:
    """Return a JSON number's own text; ``ValueError`` for any other JSON value."""
    text = raw.decode()
    if text[:1] not in "-0123456789":
        raise ValueError(f"expected a number, got {text[:40]} - at `$.value`")
    return text
