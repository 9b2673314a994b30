"""What Polymarket's two relays of reference prices (PolyBolt and RTDS) have in common.

One price has one name, whichever relay told it:

=========================  ==============================================================
``pyth:btcusd``            PolyBolt's spot price, named by its source and spelled as there
``chainlink:btc/usd``      Chainlink's spot price, of RTDS or of PolyBolt
``chainlink-twap60:btc/usd``  Chainlink's 60-second average: what up-or-down markets resolve on
``binance-rtds:BTCUSDT``   Binance's price as RTDS relayed it: once a second and late
=========================  ==============================================================

Chainlink writes its pairs with a slash, and so do we; PolyBolt writes ``btcusd``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.events import ReferenceTick
from underround.model.units import Money
from underround.venues.codec import reference_price, unix_nanos

_AGREEMENT: Final = 1_000_000
"""``value`` is a double of ``full_accuracy_value``: they may differ by one part in so many."""


class Point(msgspec.Struct, gc=False):
    """One price of a snapshot, or the payload of an update."""

    timestamp: int
    value: msgspec.Raw
    full_accuracy_value: str | None = None


def chainlink_symbol(pair: str, twap_seconds: int | None = None) -> str:
    """Return our name of a Chainlink price; ``pair`` is ``btcusd`` or ``btc/usd``.

    ``twap_seconds`` is the length of the average, ``None`` for the spot price.  Raises
    ``ValueError`` when ``pair`` is not lower case in dollars: its name would be a guess.
    """
    base = pair.removesuffix("usd").removesuffix("/")
    if not (pair.endswith("usd") and base.isascii() and base.isalnum() and base == base.lower()):
        raise ValueError(f"{pair!r} is no pair in dollars, such as btcusd - at `$.symbol`")
    feed = "chainlink" if twap_seconds is None else f"chainlink-twap{twap_seconds}"
    return f"{feed}:{base}/usd"


def tick(symbol: str, point: Point, decimals: int) -> ReferenceTick:
    """Return the tick of one point; ``ValueError`` names the field that is wrong."""
    return ReferenceTick(symbol, unix_nanos(point.timestamp), agreed_price(point, decimals))


def agreed_price(point: Point, decimals: int) -> Money:
    """Return the price; the accurate text where there is one, checked against ``value``.

    ``decimals`` says how the accurate text is scaled: 0, a plain decimal; else it is an integer
    times 10^``decimals``.  The check catches a change of scale: 10^18 wrong is never within a
    millionth.
    """
    rough = reference_price(_number_text(bytes(point.value)))
    text = point.full_accuracy_value
    if text is None:
        return rough
    if decimals and not (text.isascii() and text.isdigit()):
        raise ValueError(f"full_accuracy_value {text!r} is not an integer times 10^{decimals}")
    try:
        price = reference_price(text, decimals)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.full_accuracy_value`") from None
    if abs(price - rough) * _AGREEMENT > price + _AGREEMENT:
        raise ValueError(f"full_accuracy_value {text} and value {rough} millionths disagree")
    return price


def _number_text(raw: bytes) -> str:
    """Return a JSON number's own text; ``ValueError`` for any other JSON value."""
    text = raw.decode()
    if text[:1] not in "-0123456789":
        raise ValueError(f"expected a number, got {text[:40]} - at `$.value`")
    return text
