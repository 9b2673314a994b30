"""What each strategy did, and why it did no more, in words with numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.orders import Order
from underround.model.run import RunSummary, StrategySummary
from underround.model.units import Money, Size
from underround.research.report import numerals
from underround.research.report.numerals import count

MOST_ENDINGS: Final = 5
"""Endings of a strategy's orders that are told apart; the page says how many orders are left."""
_ORDER_ID: Final = re.compile(r"\border o\d+\b")
_STOPPED: Final = "stopped: "


class Ending(msgspec.Struct, frozen=True):
    """How many of a strategy's orders ended in one way."""

    count: int
    text: str


class Told(msgspec.Struct, frozen=True):
    """One strategy with what is said below its figures."""

    strategy: StrategySummary
    label: str
    sentence: str
    refused: str
    """Which gates refused it, with numbers and an example; empty if none did."""
    grave: bool
    """It did nothing, or most of what it wanted was refused."""
    endings: list[Ending]
    pairs: str


class Reconciliation(msgspec.Struct, frozen=True):
    """How realised and unrealised make up the change of equity, to the millionth.

    The account pays out and marks shares of several strategies in one sum, each strategy its own;
    both round down, so the account may be a few millionths richer than its strategies together.
    """

    change: Money
    realised: Money
    unrealised: Money
    """Of the strategies together."""
    strategies: Money
    value: Money
    cost: Money

    @property
    def rounding(self) -> Money:
        """What the account has above its strategies together."""
        return self.change - self.strategies

    @property
    def open_profit(self) -> Money:
        """Value of all positions less what they cost."""
        return self.value - self.cost

    @property
    def paid_rounding(self) -> Money:
        """What the account has above the positions: rounding of payouts."""
        return self.change - self.realised - self.open_profit


def reconcile(summary: RunSummary) -> Reconciliation:
    """Return the sums that the tables, the tiles and the equity change must agree on."""
    return Reconciliation(
        change=summary.equity - summary.starting_cash,
        realised=sum(row.realised for row in summary.positions),
        unrealised=sum(row.unrealised for row in summary.strategies),
        strategies=sum(row.equity_change for row in summary.strategies),
        value=sum(row.value for row in summary.positions),
        cost=sum(row.cost for row in summary.positions),
    )


def told(summary: RunSummary, orders: Sequence[Order]) -> list[Told]:
    """Return each strategy with its story; ``orders`` are all of the run."""
    owned: dict[str, list[Order]] = {}
    for order in orders:
        owned.setdefault(order.strategy, []).append(order)
    return [_told(strategy, owned.get(strategy.name, ())) for strategy in summary.strategies]


def _told(strategy: StrategySummary, orders: Sequence[Order]) -> Told:
    mostly = strategy.refusals * 2 > strategy.intents
    label = "Closest call" if strategy.fills else "Why it did nothing"
    sentence = strategy.why_idle
    if sentence.startswith(_STOPPED):
        label, sentence = "Stopped", sentence.removeprefix(_STOPPED)
    elif not sentence and not strategy.fills:
        sentence = (
            f"it gives no reason; it woke {count(strategy.wakes)} times and made "
            f"{count(strategy.intents)} intents"
        )
    return Told(
        strategy=strategy,
        label=label,
        sentence=sentence,
        refused=_refused(strategy),
        grave=mostly or not strategy.fills or label == "Stopped",
        endings=endings(orders),
        pairs=_pairs(strategy.pairs_held, strategy.pairs_redeemed),
    )


def _refused(strategy: StrategySummary) -> str:
    rows = strategy.refused_by
    if not rows:
        return ""
    first = rows[0]
    total = sum(row.count for row in rows)
    text = (
        f"{count(total)} times for {count(strategy.intents)} intents, "
        f"{count(first.count)} by {first.gate} (first: {first.example})"
    )
    rest = ", ".join(f"{count(row.count)} by {row.gate}" for row in rows[1:])
    return f"{text}; {rest}" if rest else text


def endings(orders: Sequence[Order], most: int = MOST_ENDINGS) -> list[Ending]:
    """Return how orders ended with the venue's reasons, most frequent first, at most ``most``.

    Reasons that differ only in the order they name are one.
    """
    counts = Counter(_ending(order) for order in orders)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    found = [Ending(number, text) for text, number in ranked[:most]]
    left = sum(number for _, number in ranked[most:])
    return [*found, Ending(left, "ended in other ways")] if left else found


def _ending(order: Order) -> str:
    state = order.state.replace("_", " ")
    reason = _ORDER_ID.sub("order", order.reason)
    if order.state == "filled" or not reason or reason == state:
        return state
    return reason if reason.startswith(state) else f"{state}: {reason}"


def _pairs(held: Size, redeemed: Size) -> str:
    parts = []
    if held:
        parts.append(f"{numerals.size(held)} held at the end, worth a dollar each if merged")
    if redeemed > 0:
        parts.append(f"{numerals.size(redeemed)} merged, netted or paid out for a dollar each")
    if redeemed < 0:
        parts.append(f"{numerals.size(-redeemed)} more minted than given back")
    return "; ".join(parts)
