"""A public trade that somebody else has made: a taker of the house meets what has priority."""

from __future__ import annotations

from typing import Final

from underround.local_venue.flow.house import House
from underround.model.book import Side
from underround.model.ids import YES
from underround.model.market import Market
from underround.model.units import ONE, Nanos, Price, Size, shares
from underround.simulation.rules import is_bid

TAPE: Final = "tape"
"""The account of those who take."""
OFFERS: Final = "offers"
"""The account of those who offered what the book did not show."""
_STOCK: Final[Size] = shares("1000000")


def take_print(
    house: House,
    market: Market,
    outcome: int,
    side: Side,
    price: Price,
    size: Size,
    now: Nanos,
) -> Size:
    """Let a taker trade ``size`` at ``price`` or better; return what it got.

    What has priority is met first, clients' orders as well.  What the book lacks is offered at that
    price first, unless that would trade by itself.
    """
    taker, maker = (house.account(name, market.id.venue) for name in (TAPE, OFFERS))
    bid = is_bid(outcome, side)
    yes_price = price if outcome == YES else ONE - price
    bids, asks = house.levels(market.id)
    if bid:
        there = sum(level.size for level in asks if level.price <= yes_price)
        free = not bids or bids[0].price < yes_price
    else:
        there = sum(level.size for level in bids if level.price >= yes_price)
        free = not asks or asks[0].price > yes_price
    if there < size and free:
        house.provide(maker, market.id, _STOCK, size)
        house.send(market, maker, yes_price, size - there, now, bid=not bid, recorded=True)
    house.provide(taker, market.id, _STOCK, size)
    sent = house.submission(
        market.outcome(outcome), taker, price, size, now, buying=side == "buy", tif="FAK"
    )
    return house.submit(sent, now, recorded=True).size
