"""Liquidity scores as the venue computes them (docs:market-makers/liquidity-rewards).

An order of size s at a distance d from the middle scores ``((v − d) / v)² · s``, v being the widest
distance that counts.  Of both sides of the book the weaker counts; near the middle of the scale a
third of the stronger does as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import MarketId
from underround.model.listing import RewardTerms
from underround.model.units import ONE, Nanos, Price, Size
from underround.simulation.matching.terms import AccountId, BookOrder

_MIDDLE: Final = (ONE // 10, ONE - ONE // 10)
"""Between these one side alone scores too."""
_ONE_SIDED: Final = 3


def scores(world: World, order: BookOrder, now: Nanos) -> bool:
    """Whether an order earns liquidity rewards now."""
    market = order.sent.outcome.market
    row = world.catalogue.markets.get(market)
    terms = None if row is None else row.listing.rewards
    if terms is None or order.state != "live":
        return False
    double = _double_middle(world, market, terms)
    return double is not None and _score(order, terms, double, now) > 0


def shares(world: World, market: MarketId, terms: RewardTerms, now: Nanos) -> dict[AccountId, int]:
    """Return the score of every account in a market; nobody scores in an empty one."""
    double = _double_middle(world, market, terms)
    if double is None:
        return {}
    sides: dict[AccountId, list[int]] = {}
    for order in world.polymarket.resting(market):
        both = sides.setdefault(order.sent.account, [0, 0])
        both[0 if order.bid else 1] += _score(order, terms, double, now)
    central = 2 * _MIDDLE[0] <= double <= 2 * _MIDDLE[1]
    return {account: _joined(bids, asks, central) for account, (bids, asks) in sides.items()}


def _joined(bids: int, asks: int, central: bool) -> int:
    low, high = min(bids, asks), max(bids, asks)
    return max(low, high // _ONE_SIDED) if central else low


def _score(order: BookOrder, terms: RewardTerms, double_middle: int, now: Nanos) -> int:
    widest = 2 * terms.max_spread
    distance = abs(2 * order.yes_price - double_middle)
    old_enough = now - order.arrived_ns >= (terms.min_age_s or 0) * NANOS_PER_SECOND
    if order.left < terms.min_size or distance >= widest or not old_enough:
        return 0
    return (widest - distance) ** 2 * order.left // widest**2


def _double_middle(world: World, market: MarketId, terms: RewardTerms) -> int | None:
    """Return twice the middle of the best orders that are large enough; ``None``: no middle."""
    orders = tuple(world.polymarket.resting(market))
    bid = _best((each for each in orders if each.bid), terms.min_size)
    ask = _best((each for each in orders if not each.bid), terms.min_size)
    return None if bid is None or ask is None else bid + ask


def _best(orders: Iterable[BookOrder], least: Size) -> Price | None:
    """Return the price of the first order that is large enough; they come best first."""
    return next((order.yes_price for order in orders if order.left >= least), None)
