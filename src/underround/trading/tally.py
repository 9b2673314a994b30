"""A ``DecisionSink`` that counts, and one that passes on to several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.ids import FillId, OrderId, StrategyId
from underround.model.ledger import Entry
from underround.model.orders import (
    Approved,
    Command,
    Fill,
    Intent,
    LegGroupIntent,
    Order,
    Refusal,
)
from underround.model.units import Money, Nanos, Size
from underround.trading.digest import DecisionSink
from underround.trading.executor import notional_of

EPISODE_NS: Final = 300_000_000_000
"""Five minutes."""


class Refused(msgspec.Struct):
    """Refusals of one gate."""

    count: int = 0
    edge_forgone: Money = 0
    example: str = ""


class Filled(msgspec.Struct):
    """Fills of one kind."""

    count: int = 0
    size: Size = 0
    notional: Money = 0
    fees: Money = 0


class Tally:
    """Counts by gate and kind of fill; memory is bounded by gates, kinds, outcomes, open orders."""

    def __init__(self) -> None:
        """Count from zero."""
        self.refusals = 0
        self.gates: dict[str, Refused] = {}
        self.by_strategy: dict[StrategyId, dict[str, Refused]] = {}
        """By strategy, then by gate."""
        self.fills: dict[tuple[str, str, str], Filled] = {}
        """By strategy, liquidity and evidence."""
        self.starting_cash: Money = 0
        self._strategy: dict[OrderId, StrategyId] = {}
        self._episodes: dict[tuple[str, str, str], Nanos] = {}

    def asked(self, intent: Intent, at_ns: Nanos) -> None:
        """Nothing is counted."""

    def intent(self, approved: Approved) -> None:
        """Nothing is counted."""

    def command(self, command: Command, at_ns: Nanos) -> None:
        """Nothing is counted."""

    def group(self, intent: LegGroupIntent, at_ns: Nanos) -> None:
        """Nothing is counted."""

    def refusal(self, refusal: Refusal) -> None:
        """Count by gate; the first one is the example.

        A strategy that asks for the same outcome again and again and is refused by the same gate
        forgoes that edge once: refusals less than ``EPISODE_NS`` apart are one episode.
        """
        self.refusals += 1
        key = (refusal.strategy, refusal.outcome, refusal.gate)
        last_ns = self._episodes.get(key)
        self._episodes[key] = refusal.at_ns
        again = last_ns is not None and refusal.at_ns - last_ns < EPISODE_NS
        forgone = 0 if again else refusal.edge_forgone
        example = f"{refusal.strategy}: {refusal.detail}"
        _count(self.gates, refusal.gate, example, forgone)
        own = self.by_strategy.setdefault(refusal.strategy, {})
        _count(own, refusal.gate, refusal.detail, forgone)

    def order(self, order: Order) -> None:
        """Remember whose it is while it is open."""
        if order.open:
            self._strategy[order.id] = order.strategy
        else:
            self._strategy.pop(order.id, None)

    def fill(self, fill: Fill) -> None:
        """Count by strategy, liquidity and evidence."""
        key = (self._strategy.get(fill.order, ""), fill.liquidity, fill.evidence)
        row = self.fills.setdefault(key, Filled())
        row.count += 1
        row.size += fill.size
        row.notional += notional_of(fill)
        row.fees += fill.fee

    def finality(self, fill: FillId, finality: str, at_ns: Nanos) -> None:
        """Nothing is counted."""

    def entry(self, entry: Entry) -> None:
        """Remember what the run started with."""
        if entry.kind == "opening":
            self.starting_cash += sum(
                posting.amount for posting in entry.postings if posting.account == "cash"
            )


def _count(gates: dict[str, Refused], gate: str, example: str, forgone: Money) -> None:
    row = gates.get(gate)
    if row is None:
        row = gates[gate] = Refused(example=example)
    row.count += 1
    row.edge_forgone += forgone


class Several:
    """Passes every decision to several sinks, in order."""

    def __init__(self, sinks: Sequence[DecisionSink]) -> None:
        """Pass on to ``sinks``."""
        self._sinks = tuple(sinks)

    def asked(self, intent: Intent, at_ns: Nanos) -> None:
        """Pass on an intent."""
        for sink in self._sinks:
            sink.asked(intent, at_ns)

    def command(self, command: Command, at_ns: Nanos) -> None:
        """Pass on a command."""
        for sink in self._sinks:
            sink.command(command, at_ns)

    def intent(self, approved: Approved) -> None:
        """Pass on an approval."""
        for sink in self._sinks:
            sink.intent(approved)

    def group(self, intent: LegGroupIntent, at_ns: Nanos) -> None:
        """Pass on a leg group."""
        for sink in self._sinks:
            sink.group(intent, at_ns)

    def refusal(self, refusal: Refusal) -> None:
        """Pass on a refusal."""
        for sink in self._sinks:
            sink.refusal(refusal)

    def order(self, order: Order) -> None:
        """Pass on an order's state."""
        for sink in self._sinks:
            sink.order(order)

    def fill(self, fill: Fill) -> None:
        """Pass on a fill."""
        for sink in self._sinks:
            sink.fill(fill)

    def finality(self, fill: FillId, finality: str, at_ns: Nanos) -> None:
        """Pass on a fill's finality."""
        for sink in self._sinks:
            sink.finality(fill, finality, at_ns)

    def entry(self, entry: Entry) -> None:
        """Pass on a ledger entry."""
        for sink in self._sinks:
            sink.entry(entry)
