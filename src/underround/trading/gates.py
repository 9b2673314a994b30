"""The gates every intent passes, in order: cheap and absolute first, sums last.

A gate returns ``None`` to let the intent through, or one sentence with the numbers.  Gates that
bound *new* risk look only at intents that open it: a halt, a loss limit or a full book of orders
must never keep anyone from getting out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from underround.model.orders import OrderIntent, SetIntent
from underround.model.units import Nanos, cost_of, decimal_text
from underround.trading.limits import Facts

Gate: TypeAlias = Callable[[OrderIntent, Facts, Nanos], str | None]
SetGate: TypeAlias = Callable[[SetIntent, Facts, Nanos], str | None]


def _over(what: str, value: int, limit: int) -> str:
    return f"{what} {decimal_text(value)} is over the limit {decimal_text(limit)}"


def purpose(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """A purpose other than ``open`` is earned, not claimed: the order must make risk smaller.

    Sales need owned shares anyway (``ownership``).  A buy makes risk smaller only as far as it
    completes pairs the strategy holds one side of.
    """
    del now
    if intent.purpose == "open" or intent.side == "sell":
        return None
    lacking = facts.unpaired(intent.strategy, intent.outcome)
    if intent.size > lacking:
        return (
            f"called {intent.purpose}, but {decimal_text(intent.size)} shares are more than the "
            f"{decimal_text(lacking)} that would complete pairs"
        )
    return None


def set_purpose(intent: SetIntent, facts: Facts, now: Nanos) -> str | None:
    """A mint takes capital in: it opens, whatever it is called."""
    del facts, now
    if intent.action == "mint" and intent.purpose != "open":
        return f"a mint called {intent.purpose}"
    return None


def halted(intent: OrderIntent | SetIntent, facts: Facts, now: Nanos) -> str | None:
    """Nothing opens while the run is halted."""
    del now
    if facts.halted and intent.purpose == "open":
        return f"halted: {facts.halted}"
    return None


def expired(intent: OrderIntent | SetIntent, facts: Facts, now: Nanos) -> str | None:
    """An intent is good only until the time it names."""
    del facts
    if now > intent.expires_ns:
        return f"expired {(now - intent.expires_ns) // 1_000_000} ms ago"
    return None


def duplicate_plan(intent: OrderIntent | SetIntent, facts: Facts, now: Nanos) -> str | None:
    """A plan is executed once."""
    del now
    if facts.plan_used(intent.plan):
        return f"plan {intent.plan} was executed before"
    return None


def market_known(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """The market is in the catalogue and still trades."""
    market = intent.outcome.market
    if facts.market(market) is None:
        return f"{market} is not in the catalogue"
    if not facts.market_open(market, now):
        return f"{market} no longer trades"
    return None


def grid(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Price on the tick grid in force, size on the size step and not below the minimum."""
    del now
    market = facts.market(intent.outcome.market)
    assert market is not None  # market_known comes first
    ticks = facts.ticks(market.id)
    # A NO price is a YES price read backwards, so the grid is asked for in YES terms.
    price = intent.price if intent.outcome.index == 0 else 1_000_000 - intent.price
    if not ticks.valid(price):
        return f"price {decimal_text(intent.price)} is not on the tick grid"
    if intent.size <= 0 or intent.size % market.size_step:
        return f"size {decimal_text(intent.size)} is not on the size step"
    # What is left of a position may be smaller than the minimum and must still be sellable
    # where the venue lets it; the venue's own rule decides then.
    if intent.size < market.min_size and intent.purpose == "open":
        return f"size {decimal_text(intent.size)} is below {decimal_text(market.min_size)}"
    return None


def book_trusted(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Nothing trades on an untrusted book."""
    del now
    if facts.trusted_book(intent.outcome.market) is None:
        return f"the book is not trusted: {facts.doubt(intent.outcome.market)}"
    return None


def book_fresh(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """The book's stream spoke recently."""
    age = facts.book_age_ms(intent.outcome.market, now)
    if age > facts.limits.max_book_age_ms:
        return f"the book is {age} ms old, the limit is {facts.limits.max_book_age_ms} ms"
    return None


def reference_fresh(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """A reference price the decision leaned on is known and recent."""
    if intent.reference is None or intent.purpose != "open":
        return None
    age = facts.reference_age_ms(intent.reference, now)
    if age is None:
        return f"there is no reference price {intent.reference}"
    if age > facts.limits.max_reference_age_ms:
        limit = facts.limits.max_reference_age_ms
        return f"{intent.reference} is {age} ms old, the limit is {limit} ms"
    return None


def liquidity(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Enough rests on the side one would leave through, before risk is taken."""
    del now
    if intent.purpose != "open":
        return None
    book = facts.trusted_book(intent.outcome.market)
    assert book is not None  # book_trusted comes first
    levels = (
        book.bids_of(intent.outcome.index)
        if intent.side == "buy"
        else book.asks_of(intent.outcome.index)
    )
    wanted, found = facts.limits.min_liquidity, 0
    for _, size in levels:
        found += size
        if found >= wanted:
            return None
    return f"only {decimal_text(found)} shares rest on the other side" if wanted else None


def ownership(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Only confirmed shares that no other order promised are sold."""
    del now
    if intent.side == "buy":
        return None
    sellable = facts.sellable(intent.strategy, intent.outcome)
    if intent.size > sellable:
        return (
            f"{decimal_text(intent.size)} shares to sell, "
            f"{decimal_text(sellable)} are confirmed and free"
        )
    return None


def _adds(intent: OrderIntent) -> int:
    """Return what the intent may add to a worst-case loss."""
    return cost_of(intent.price, intent.size) if intent.side == "buy" else 0


def _bounded(intent: OrderIntent) -> bool:
    return intent.side == "buy" and intent.purpose == "open"


def order_limit(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """One order is neither too large in money nor in shares."""
    del now
    if intent.purpose != "open":
        return None
    notional = cost_of(intent.price, intent.size)
    if notional > facts.limits.max_order_notional:
        return _over("order notional", notional, facts.limits.max_order_notional)
    if intent.size > facts.limits.max_order_size:
        return _over("order size", intent.size, facts.limits.max_order_size)
    return None


def market_limit(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Worst-case loss of one market."""
    del now
    if not _bounded(intent):
        return None
    after = facts.market_exposure(intent.outcome.market) + _adds(intent)
    limit = facts.limits.max_market_exposure
    return _over("market exposure", after, limit) if after > limit else None


def group_limit(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Worst-case loss of one event group."""
    del now
    group = facts.group_of(intent.outcome.market)
    if group is None or not _bounded(intent):
        return None
    after = facts.group_exposure(group) + _adds(intent)
    limit = facts.limits.max_group_exposure
    return _over("group exposure", after, limit) if after > limit else None


def strategy_limit(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Worst-case loss of one strategy."""
    del now
    if not _bounded(intent):
        return None
    after = facts.strategy_exposure(intent.strategy) + _adds(intent)
    limit = facts.limits.max_strategy_exposure
    return _over("strategy exposure", after, limit) if after > limit else None


def total_limit(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Worst-case loss of the account."""
    del now
    if not _bounded(intent):
        return None
    after = facts.total_exposure() + _adds(intent)
    limit = facts.limits.max_total_exposure
    return _over("total exposure", after, limit) if after > limit else None


def open_orders(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Not too many orders at once."""
    del now
    count, limit = facts.open_orders(), facts.limits.max_open_orders
    if intent.purpose == "open" and count >= limit:
        return f"{count} orders are open, the limit is {limit}"
    return None


def positions(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """Not too many positions at once."""
    del now
    if not _bounded(intent):
        return None
    markets, limit = facts.positions(), facts.limits.max_positions
    if intent.outcome.market not in markets and len(markets) >= limit:
        return f"positions in {len(markets)} markets, the limit is {limit}"
    return None


def cash(intent: OrderIntent, facts: Facts, now: Nanos) -> str | None:
    """The venue's cash covers the order and its fee."""
    del now
    if intent.side != "buy":
        return None
    market = facts.market(intent.outcome.market)
    assert market is not None  # market_known comes first
    fee = 0 if intent.post_only else market.fees.fee(intent.price, intent.size, taker=True)
    needed = cost_of(intent.price, intent.size) + fee
    free = facts.cash_free(market.id)
    if needed > free:
        return f"needs {decimal_text(needed)} dollars, {decimal_text(free)} are free"
    return None


def set_possible(intent: SetIntent, facts: Facts, now: Nanos) -> str | None:
    """The set is one that can be minted or merged: a market's pair, or an exhaustive group."""
    del now
    if intent.size <= 0:
        return f"size {decimal_text(intent.size)} is not a number of sets"
    if intent.group is not None:
        group = facts.group(intent.group)
        if group is None or not group.exhaustive:
            return f"group {intent.group} is not proven exhaustive"
        if intent.action == "merge" or not group.neg_risk:
            return f"no contract of the venue can {intent.action} sets of group {intent.group}"
        venue = group.markets[0].venue
    elif intent.market is not None and facts.market(intent.market) is not None:
        venue = intent.market.venue
    else:
        return f"market {intent.market} is not in the catalogue"
    if not facts.mints_sets(venue):
        return f"{venue} does not mint or merge sets"
    return None


def set_cash(intent: SetIntent, facts: Facts, now: Nanos) -> str | None:
    """A mint costs one dollar a set and is bounded like an order."""
    del now
    if intent.action == "merge":
        return None
    group = facts.group(intent.group) if intent.group is not None else None
    market = intent.market if group is None else group.markets[0]
    assert market is not None  # set_possible comes first
    free = facts.cash_free(market)
    if intent.size > free:
        return f"needs {decimal_text(intent.size)} dollars, {decimal_text(free)} are free"
    limit = facts.limits.max_order_notional
    return _over("minted sets", intent.size, limit) if intent.size > limit else None


def set_ownership(intent: SetIntent, facts: Facts, now: Nanos) -> str | None:
    """A merge needs confirmed shares of every member."""
    del now
    if intent.action == "mint":
        return None
    for outcome in facts.set_members(intent):
        free = facts.sellable(intent.strategy, outcome)
        if free < intent.size:
            return f"{decimal_text(free)} of {outcome} are confirmed and free"
    return None


GATES: Final[tuple[tuple[str, Gate], ...]] = (
    ("purpose", purpose),
    ("halted", halted),
    ("expired", expired),
    ("duplicate_plan", duplicate_plan),
    ("market_known", market_known),
    ("grid", grid),
    ("book_trusted", book_trusted),
    ("book_fresh", book_fresh),
    ("reference_fresh", reference_fresh),
    ("liquidity", liquidity),
    ("ownership", ownership),
    ("order_limit", order_limit),
    ("market_limit", market_limit),
    ("group_limit", group_limit),
    ("strategy_limit", strategy_limit),
    ("total_limit", total_limit),
    ("open_orders", open_orders),
    ("positions", positions),
    ("cash", cash),
)

SET_GATES: Final[tuple[tuple[str, SetGate], ...]] = (
    ("purpose", set_purpose),
    ("halted", halted),
    ("expired", expired),
    ("duplicate_plan", duplicate_plan),
    ("set_possible", set_possible),
    ("set_cash", set_cash),
    ("set_ownership", set_ownership),
)
