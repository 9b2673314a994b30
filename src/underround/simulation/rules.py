"""The one rule book: what a venue refuses before it matches anything.

Used by the L2 fill model and by the order-level engine alike, so that the two cannot disagree about
ticks, minimums or times in force.  Reasons are in the venue's own wording (``wording``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from underround.model.book import Side
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import (
    KALSHI,
    POLYMARKET,
    YES,
    GroupId,
    MarketId,
    OrderId,
    OutcomeId,
    Venue,
)
from underround.model.market import EventGroup, Market, TickEpoch
from underround.model.orders import SetIntent, TimeInForce
from underround.model.units import ONE, Money, Nanos, Price, Size, decimal_text, usd
from underround.simulation.wording import (
    KALSHI_CLOSED,
    KALSHI_COUNT,
    KALSHI_PRICE,
    POLYMARKET_WORDS,
    words_of,
)

FOK_KILLED: Final = POLYMARKET_WORDS.fok_killed
FAK_NOTHING: Final = POLYMARKET_WORDS.fak_nothing
POST_ONLY_TAKES: Final = POLYMARKET_WORDS.post_only_takes
FAK_REST: Final = "the rest of a FAK order is killed"
EXPIRED: Final = "the order's own time was up"
UNTRUSTED: Final = "book not trusted when the order arrived"

MIN_MARKETABLE_BUY: Final[Money] = usd("1")
"""Polymarket: what a BUY that takes must at least be worth at its limit price."""
BUDGET_STEP: Final[Money] = usd("0.01")
"""Polymarket: an order that is given in dollars is given in cents."""
GTD_EARLY: Final[Nanos] = 60 * NANOS_PER_SECOND
"""Polymarket drops a GTD order this long before the expiration written on the wire."""
GTD_AHEAD: Final[Nanos] = 180 * NANOS_PER_SECOND
"""Polymarket: how far ahead of its creation the expiration on the wire must at least be."""

_CLOSED: Final = {
    POLYMARKET: "No orderbook exists for the requested token id",
    KALSHI: KALSHI_CLOSED,
}


class Arriving(Protocol):
    """What the rules ask of an order: our own ``Order``, or one that reached the local venue."""

    @property
    def id(self) -> OrderId:
        """Names it in refusals."""

    @property
    def outcome(self) -> OutcomeId:
        """What it trades."""

    @property
    def side(self) -> Side:
        """Buy or sell."""

    @property
    def price(self) -> Price:
        """Its limit."""

    @property
    def size(self) -> Size:
        """Shares."""

    @property
    def tif(self) -> TimeInForce:
        """How long it lives."""

    @property
    def post_only(self) -> bool:
        """Whether it must not take."""

    @property
    def created_ns(self) -> Nanos:
        """When it was made."""

    @property
    def good_until_ns(self) -> Nanos | None:
        """When a GTD order leaves the book."""


def is_bid(outcome: int, side: Side) -> bool:
    """Return whether an order is a bid in YES terms: buying YES, or selling NO."""
    return (side == "buy") == (outcome == YES)


def in_yes(outcome: int, price: Price) -> Price:
    """Return ``price`` of ``outcome`` in YES terms; its own inverse."""
    return price if outcome == YES else ONE - price


def crosses(side: Side, price: Price, opposite: Price | None) -> bool:
    """Return whether an order at ``price`` would trade with the best opposite price."""
    if opposite is None:
        return False
    return opposite <= price if side == "buy" else opposite >= price


def closed_reason(venue: Venue) -> str:
    """Return how the venue refuses an order for a market that no longer trades."""
    return _CLOSED.get(venue, "the market is closed")


def shortest_gtd(venue: Venue) -> Nanos:
    """Return how long after its creation a GTD order must at least be wanted to rest.

    ``good_until_ns`` is when the order shall leave the book; on Polymarket the wire carries a time
    ``GTD_EARLY`` later, which must be ``GTD_AHEAD`` away: two minutes are the shortest life.
    """
    return GTD_AHEAD - GTD_EARLY if venue == POLYMARKET else 0


def check_order(
    order: Arriving,
    market: Market,
    ticks: TickEpoch,
    opposite: Price | None,
    now: Nanos,
    budget: Money | None = None,
) -> str | None:
    """Return why the venue refuses the order on arrival, or ``None`` if it accepts it.

    ``opposite`` is the best price the order could trade with, in the terms of the order's outcome;
    ``None`` means that side of the book is empty (or unknown: then nothing counts as crossing).
    ``now`` is the time at the venue.  ``budget``: the dollars of an order that is given in dollars;
    its shares follow from the prices it finds, so only the dollars are checked.  Whether FOK and
    FAK orders find enough is not asked here.
    """
    return (
        _check_time(order, market, now)
        or _check_price(order, market, ticks)
        or (_check_size(order, market) if budget is None else _check_budget(budget, ticks))
        or _check_crossing(order, market, opposite, budget)
    )


def check_self_trade(order: Arriving, own: Iterable[Arriving]) -> str | None:
    """Return the refusal of an order whose limit reaches one of our own resting orders.

    Kalshi's ``taker_at_cross`` stops such an order at the cross; Polymarket publishes no rule.  We
    refuse it whole on every venue, before anything of it fills: an order against ourselves only
    pays fees.  The order named is the one it would meet first; ``own``: the older ones first.
    """
    bid = is_bid(order.outcome.index, order.side)
    price = in_yes(order.outcome.index, order.price)
    first: tuple[Price, OrderId] | None = None
    for other in own:
        if is_bid(other.outcome.index, other.side) == bid:
            continue
        resting = in_yes(other.outcome.index, other.price)
        if not ((price >= resting) if bid else (price <= resting)):
            continue
        if first is None or ((resting < first[0]) if bid else (resting > first[0])):
            first = resting, other.id
    if first is None:
        return None
    return f"self-trade (taker_at_cross): would match our own resting order {first[1]}"


def check_sets(
    intent: SetIntent,
    markets: Mapping[MarketId, Market],
    groups: Mapping[GroupId, EventGroup],
) -> str | None:
    """Return why complete sets cannot be minted or merged, or ``None`` if they can.

    Of a market: on Polymarket, by split and merge.  Of an exhaustive neg-risk group: minted only
    (one market is split and its NO converted to the YES of the others); no contract turns a YES of
    each market back into dollars before the end.
    """
    member = intent.market
    if intent.group is not None:
        group = groups.get(intent.group)
        if group is None or not group.markets:
            return f"the event group {intent.group} is not in the catalogue"
        if not group.neg_risk or not group.exhaustive:
            return f"{group.id} is not an exhaustive neg-risk group: it has no complete sets"
        if intent.action == "merge":
            return f"no contract merges one YES of each market of {group.id}: hold to the end"
        member = group.markets[0]
    if member is None or member not in markets:
        return f"the market {member} is not in the catalogue"
    if member.venue != POLYMARKET:
        return f"{member.venue} nets YES and NO by itself: nothing to mint or merge"
    return None


def _check_time(order: Arriving, market: Market, now: Nanos) -> str | None:
    venue = market.id.venue
    if venue == KALSHI and market.closes_ns is not None and now >= market.closes_ns:
        return closed_reason(venue)
    if order.post_only and order.tif not in ("GTC", "GTD"):
        return words_of(venue).post_only_takes
    if (order.tif == "GTD") != (order.good_until_ns is not None):
        return words_of(venue).ends_without_resting
    if order.good_until_ns is None:
        return None
    earliest = max(now + 1, order.created_ns + shortest_gtd(venue))
    return words_of(venue).ends_too_soon if order.good_until_ns < earliest else None


def _check_price(order: Arriving, market: Market, ticks: TickEpoch) -> str | None:
    # The grid is the venue's, and Kalshi's venue price of a NO order is the YES price.
    price = in_yes(order.outcome.index, order.price)
    if ticks.valid(price):
        return None
    if market.id.venue == KALSHI:
        return KALSHI_PRICE
    step = decimal_text(ticks.step_at(price))
    text = f"Price ({decimal_text(order.price)}) breaks minimum tick size rule: {step}"
    return _invalid(order, market, text)


def _check_size(order: Arriving, market: Market) -> str | None:
    too_small = order.size < market.min_size or order.size <= 0
    if market.id.venue == KALSHI:
        return KALSHI_COUNT if too_small or order.size % market.size_step else None
    if too_small:
        least = decimal_text(market.min_size)
        text = f"Size ({decimal_text(order.size)}) lower than the minimum: {least}"
        return _invalid(order, market, text)
    if order.size % market.size_step:
        step = decimal_text(market.size_step)
        text = f"Size ({decimal_text(order.size)}) is not a multiple of {step}"
        return _invalid(order, market, text)
    return None


def _invalid(order: Arriving, market: Market, text: str) -> str:
    return f"order {order.id} is invalid. {text}" if market.id.venue == POLYMARKET else text


def _check_budget(budget: Money, ticks: TickEpoch) -> str | None:
    if not budget % BUDGET_STEP:
        return None
    decimals = 2 + len(decimal_text(ticks.finest).partition(".")[2])
    return (
        "invalid amounts, the market buy orders maker amount supports a max accuracy of "
        f"2 decimals, taker amount a max of {decimals} decimals"
    )


def _check_crossing(
    order: Arriving, market: Market, opposite: Price | None, budget: Money | None
) -> str | None:
    crossing = crosses(order.side, order.price, opposite)
    if crossing and order.post_only:
        return words_of(market.id.venue).post_only_crosses
    takes = crossing or order.tif in ("FOK", "FAK")
    if not takes or order.side == "sell" or market.id.venue != POLYMARKET:
        return None
    if budget is None:
        if order.price * order.size >= MIN_MARKETABLE_BUY * ONE:
            return None
        budget = order.price * order.size // ONE
    elif budget >= MIN_MARKETABLE_BUY:
        return None
    return f"invalid amount for a marketable BUY order (${decimal_text(budget)}), min size: $1"
