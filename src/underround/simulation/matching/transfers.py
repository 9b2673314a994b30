"""What a trade moves, and when: in flight when matched, moved when mined, undone when it failed.

A maker gets his own price.  In a complementary match the taker pays (or gets) the same dollars; in
a mint both pay together one dollar a set, in a merge they get it.  The taker's fee comes on top of
what a BUY pays and out of what a SELL gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from underround.model.ids import OutcomeId
from underround.model.units import ONE, Money
from underround.simulation.matching.custody import Custody
from underround.simulation.matching.terms import AccountId, MakerFill, Trade

Change: TypeAlias = tuple[AccountId, OutcomeId | None, int]
"""An account, an asset (``None``: collateral), an amount."""


def maker_dollars(fill: MakerFill) -> Money:
    """Return what a maker pays or gets; exact, since sizes are whole grains of the price."""
    return fill.price * fill.size // ONE


def given(trade: Trade) -> Iterator[Change]:
    """Yield what leaves each account."""
    if trade.side == "buy":
        yield trade.account, None, trade.cost + trade.fee
    else:
        yield trade.account, trade.outcome, trade.size
    for fill in trade.makers:
        if fill.side == "buy":
            yield fill.account, None, maker_dollars(fill)
        else:
            yield fill.account, fill.outcome, fill.size


def gained(trade: Trade) -> Iterator[Change]:
    """Yield what reaches each account."""
    if trade.side == "buy":
        yield trade.account, trade.outcome, trade.size
    else:
        yield trade.account, None, trade.cost - trade.fee
    for fill in trade.makers:
        if fill.side == "buy":
            yield fill.account, fill.outcome, fill.size
        else:
            yield fill.account, None, maker_dollars(fill)


def bind(custody: Custody, trade: Trade, sign: int = 1) -> None:
    """Put what both sides give in flight; ``sign=-1``: let it go again."""
    for account, asset, amount in given(trade):
        custody.holding(account, asset).in_flight += sign * amount


def move(custody: Custody, trade: Trade, sign: int = 1) -> None:
    """Move everything to its new owner; ``sign=-1``: move it back.

    Moved back, a balance may end below zero: whoever sold on what he got from a transaction that
    was none owes it, until the trades that followed are undone as well.
    """
    for account, asset, amount in given(trade):
        custody.holding(account, asset).balance -= sign * amount
    for account, asset, amount in gained(trade):
        custody.holding(account, asset).balance += sign * amount
    sets = sum(fill.size for fill in trade.makers if fill.kind == "mint") - sum(
        fill.size for fill in trade.makers if fill.kind == "merge"
    )
    if sets:
        backing = custody.backing
        backing[trade.market] = backing.get(trade.market, 0) + sign * sets
    custody.fees += sign * trade.fee
    rebates = custody.rebates
    for fill in trade.makers:
        if fill.rebate:
            rebates[fill.account] = rebates.get(fill.account, 0) + sign * fill.rebate
