"""From the amounts of a signed order to price, size and budget: the venue's rules of decimals.

A limit order states shares to two decimals, and its dollars follow exactly from a price on the
grid.  A BUY that takes at once (FAK, FOK) states whole cents and asks for shares with as many
decimals as the tick's price and two more, so its quotient lies a little above the limit it means.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final, NamedTuple

from underround.local_venue.polymarket.clob.order_wire import SentOrder
from underround.local_venue.polymarket.clob.refused import Refused
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OrderId
from underround.model.units import ONE, Money, Nanos, Price, Size, decimal_text
from underround.venues.polymarket.amounts import CENT, SHARE_STEPS, SIZE_STEP
from underround.venues.polymarket.exchange import OrderFields

EARLY_NS: Final[Nanos] = 60 * NANOS_PER_SECOND
"""The venue drops a GTD order so long before its stated expiration."""
LEAST_AHEAD_NS: Final[Nanos] = 170 * NANOS_PER_SECOND
"""An expiration lies three minutes ahead at least; ten seconds are left for the way here."""
AT_ONCE: Final = frozenset(("FAK", "FOK"))
BAD_EXPIRATION: Final = "invalid expiration"
_SLACK: Final = 10
"""The quotient of a BUY in dollars may exceed the grid by a tenth of a tick."""
_DIGITS: Final = Context(prec=16)
_SIDES: Final = {0: "buy", 1: "sell"}


class Terms(NamedTuple):
    """What an order asks for."""

    price: Price
    size: Size
    budget: Money | None


def terms_of(order: OrderId, fields: OrderFields, at_once: bool, tick: Price) -> Terms:
    """Return what the amounts mean on a grid of ``tick``; refuses what breaks the venue's rules."""
    if not (fields.maker_amount and fields.taker_amount):
        raise Refused(400, "Invalid order payload")
    in_dollars = at_once and fields.side == 0
    _check_decimals(fields, at_once, tick)
    dollars, shares = fields.maker_amount, fields.taker_amount
    if fields.side == 1:
        dollars, shares = shares, dollars
    price, rest = divmod(dollars * ONE, shares)
    if in_dollars:
        above = price % tick
        if above * _SLACK < tick:
            price, rest = price - above, 0
    if rest or price % tick or not tick <= price <= ONE - tick:
        stated = _DIGITS.divide(Decimal(dollars), Decimal(shares)).normalize(_DIGITS)
        raise Refused(
            400,
            f"order {order} is invalid. Price ({stated:f}) breaks minimum tick size rule: "
            f"{decimal_text(tick)}",
        )
    return Terms(price, shares, dollars if in_dollars else None)


def _check_decimals(fields: OrderFields, at_once: bool, tick: Price) -> None:
    """Refuse amounts with more decimals than the venue takes."""
    step = SHARE_STEPS.get(tick, 1)
    market_buy = at_once and fields.side == 0
    if market_buy:
        maker, taker = CENT, step
    else:
        maker, taker = (step, SIZE_STEP) if fields.side == 0 else (SIZE_STEP, step)
    if fields.maker_amount % maker == 0 and fields.taker_amount % taker == 0:
        return
    kind = f"{'market ' if market_buy else ''}{_SIDES[fields.side]}"
    raise Refused(
        400,
        f"invalid amounts, the {kind} orders maker amount supports a max accuracy of "
        f"{_decimals(maker)} decimals, taker amount a max of {_decimals(taker)} decimals",
    )


def _decimals(step: int) -> int:
    return len(str(ONE // step)) - 1


def good_until(sent: SentOrder, now: Nanos) -> Nanos | None:
    """Return when a GTD order leaves the book; ``None`` for the others, which state no time."""
    expiration = sent.order.expiration
    if not (expiration.isascii() and expiration.isdigit() and len(expiration) <= 18):
        raise Refused(400, BAD_EXPIRATION)
    at = int(expiration) * NANOS_PER_SECOND
    if sent.tif != "GTD":
        if at:
            raise Refused(400, BAD_EXPIRATION)
        return None
    if at < now + LEAST_AHEAD_NS:
        raise Refused(400, BAD_EXPIRATION)
    return at - EARLY_NS
