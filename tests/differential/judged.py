"""What the fill model foretold against what the venue really gave: what must hold, and how much.

A resting order of ours that the venue has filled may still rest in the model (it is pessimistic).
When it catches up from a book that shows size across it, that size is used up in the model alone;
and an order of ours that meets it is refused by the model alone.  From then on the two have not the
same orders, and a comparison ends.  ``Verdict.until_ns`` says when.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tests.differential.acts import Script, Send
from tests.differential.paper import Foretold
from tests.differential.venue import NOW, Real, bid_of
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI
from underround.model.units import Money, Nanos, Price, Size
from underround.simulation.latency import Latency
from underround.simulation.rules import in_yes

_FAR: Final[Nanos] = 1 << 62
_SELF: Final = "self-trade (taker_at_cross): would match our own resting order "
FEE_STEP: Final[Money] = 100
"""Kalshi rounds a fee, and the change of the balance, to this; each match on its own."""


class Resting(msgspec.Struct, frozen=True):
    """One of our orders that rested and that the venue filled, at least in part."""

    name: str
    real: Size
    foretold: Size
    delay_ns: Nanos | None
    """From the venue's last fill to the model's; ``None`` unless both filled it whole."""


class Verdict(msgspec.Struct):
    """A comparison that held."""

    until_ns: Nanos = _FAR
    """Where the two ceased to have the same orders of ours."""
    orders: int = 0
    refused: int = 0
    took: int = 0
    """Orders that took, with the same levels on both sides."""
    resting: list[Resting] = []


class Judge:
    """Compares one script's two histories; each method asserts what it is named after."""

    def __init__(
        self,
        script: Script,
        real: Real,
        foretold: Foretold,
        latency: Latency = NOW,
        slip_ns: Nanos = 0,
    ) -> None:
        """``slip_ns``: by how much the model is told of our acts later than the venue."""
        self.slip = slip_ns
        self.script, self.real, self.foretold = script, real, foretold
        self.feed = latency.feed_ms * NANOS_PER_MS
        self.entry = latency.entry_ms * NANOS_PER_MS
        self.verdict = Verdict()

    def all(self) -> Verdict:
        """Assert everything that holds of the stream of the very market we are in."""
        self.the_same_is_refused_in_the_same_words()
        self.takers_get_the_same()
        self.nothing_fills_before_or_beyond_the_venue()
        self.what_ends_ends_at_the_same_time()
        return self.verdict

    def _orders(self) -> list[Send]:
        """Return our orders that arrived while the two had the same orders."""
        ours = self.script.ours.values()
        return [each for each in ours if each.at + self.entry < self.verdict.until_ns]

    # --- refusals ------------------------------------------------------------------------------

    def the_same_is_refused_in_the_same_words(self) -> None:
        for act in sorted(self.script.ours.values(), key=lambda each: each.at):
            really, model = self.real.refused.get(act.name), self.foretold.refused.get(act.name)
            self.verdict.orders += 1
            if really == model:
                self.verdict.refused += really is not None
            elif not self._stopped_at_the_cross(act, model):
                assert self._is_behind(act) or act.name in self.foretold.after_use, (
                    act, really, model,
                )  # fmt: skip
                self.verdict.until_ns = act.at + self.entry
                return

    def _is_behind(self, act: Send) -> bool:
        """Whether the model has an order of ours across, which the venue has filled already."""
        arrives = act.at + self.entry
        return any(
            bid_of(other) != bid_of(act)
            and other.name not in self.foretold.refused
            and self._real(other.name, arrives) > self._foretold(other.name, arrives)
            for other in self.script.ours.values()
            if other.at < act.at
        )

    def _stopped_at_the_cross(self, act: Send, model: str | None) -> bool:
        """Whether Kalshi let an order trade until it met our own, which the model refuses whole."""
        if self.script.venue != KALSHI or model is None or not model.startswith(_SELF):
            return False
        arrives = act.at + self.entry
        other = self.script.ours[model.removeprefix(_SELF)]
        there = self._real(other.name, arrives) < other.size
        rests = self._real(act.name, arrives) < act.size and act.name not in self.real.refused
        gone = self.real.ended.get(act.name) == arrives
        return there and (gone or not rests)

    # --- takers --------------------------------------------------------------------------------

    def takers_get_the_same(self) -> None:
        for act in sorted(self._orders(), key=lambda each: each.at):
            if act.name in self.foretold.refused:
                continue
            real = self._levels(act.name)
            fills = [
                each
                for each in self.foretold.fills
                if each.order == act.name and each.liquidity == "taker"
            ]
            if real != [(each.price, each.size) for each in fills]:
                assert act.name in self.foretold.after_use, act
                self.verdict.until_ns = act.at + self.entry
                return
            self.verdict.took += bool(real)
            paid, foretold = self.real.fees.get(act.name, 0), sum(each.fee for each in fills)
            if self.script.venue == KALSHI:
                # Each maker is a match of its own and rounds twice; a book shows levels only.
                matches = sum(f.order == act.name and f.taker for f in self.real.fills)
                assert paid - foretold <= 2 * FEE_STEP * matches, act
            else:
                assert paid == foretold, act

    def _levels(self, name: str) -> list[tuple[Price, Size]]:
        took: dict[Price, Size] = {}
        for fill in self.real.fills:
            if fill.order == name and fill.taker:
                took[fill.price] = took.get(fill.price, 0) + fill.size
        return list(took.items())

    # --- resting orders ------------------------------------------------------------------------

    def nothing_fills_before_or_beyond_the_venue(self) -> None:
        for act in self._orders():
            for fill in self.foretold.fills:
                if fill.order != act.name:
                    continue
                assert in_yes(act.outcome, fill.price) == self._given(act, fill.price), act
                at = fill.at_ns - self.feed
                assert self._foretold(act.name, at) <= self._real(act.name, at), (act, fill)
            self._measure(act)

    def _given(self, act: Send, price: Price) -> Price:
        """Return the price the venue gave, in YES terms: makers get their own."""
        prices = {fill.price for fill in self.real.fills if fill.order == act.name}
        assert price in prices, act
        return in_yes(act.outcome, price)

    def _measure(self, act: Send) -> None:
        real = sum(f.size for f in self.real.fills if f.order == act.name and not f.taker)
        if not real:
            return
        mine = [f for f in self.foretold.fills if f.order == act.name and f.liquidity == "maker"]
        last = max(f.at_ns for f in self.real.fills if f.order == act.name)
        whole = self.real.filled(act.name) == self.foretold.filled(act.name) == act.size
        delay = max(f.at_ns for f in mine) - self.feed - last if whole and mine else None
        size = sum(f.size for f in mine)
        self.verdict.resting.append(Resting(act.name, real, size, delay))

    def what_ends_ends_at_the_same_time(self) -> None:
        rested = {
            act.name
            for act in self._orders()
            if act.tif in ("GTC", "GTD") and act.name not in self.foretold.refused
        }
        for name, at in self.real.ended.items():
            if name in rested and at < self.verdict.until_ns:
                assert self.foretold.ended.get(name) in (at + self.feed, at + self.slip), name

    def _real(self, name: str, at: Nanos) -> Size:
        return sum(f.size for f in self.real.fills if f.order == name and f.at_ns <= at)

    def _foretold(self, name: str, at: Nanos) -> Size:
        fills = self.foretold.fills
        return sum(f.size for f in fills if f.order == name and f.at_ns - self.feed <= at)
