"""How likely the outcomes of invented markets are: whole numbers from what has happened so far."""

from __future__ import annotations

from math import isqrt
from typing import Final

from underround.local_venue.flow.chance import Chance, likelihood
from underround.local_venue.flow.paths import deviation
from underround.local_venue.prices import ReferencePrices
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import ONE, Money, Nanos, Price

TWAP_S: Final = 60
_BILLION: Final = 10**9
_EVEN: Final[Price] = ONE // 2
_SURE: Final[Price] = 999_500
"""Nobody is surer than this before the end."""


class UpOrDown:
    """The probability that the average at the end is at or above the strike."""

    def __init__(
        self, prices: ReferencePrices, symbol: str, volatility: int, end_ns: Nanos
    ) -> None:
        """``volatility`` per year, in millionths."""
        self._prices = prices
        self._symbol = symbol
        self._volatility = volatility
        self._end = end_ns
        self.strike: Money | None = None
        """Once it is known; until then both outcomes are equally likely."""

    def __call__(self, now: Nanos) -> Price:
        """Return how likely Up is."""
        last = self._prices.last(self._symbol)
        if self.strike is None or last is None:
            return _EVEN
        begins = self._end - TWAP_S * NANOS_PER_SECOND
        if now <= begins:
            # The average of a walk over its last minute deviates like a third of that minute.
            span = begins - now + TWAP_S * NANOS_PER_SECOND // 3
            return self._judge(last.price, span)
        seconds = max(0, (self._end - now) // NANOS_PER_SECOND)
        if not seconds:
            return self._judge(self._prices.mean(self._symbol, now, TWAP_S) or last.price, 0)
        # The seconds that went by are known; the rest is expected at the present price.
        known = self._prices.mean(self._symbol, now, TWAP_S - seconds)
        if known is None:
            return _EVEN
        expected = (known * (TWAP_S - seconds) + last.price * seconds) // TWAP_S
        span = seconds**3 * NANOS_PER_SECOND // (3 * TWAP_S * TWAP_S)
        return self._judge(expected, span)

    def _judge(self, expected: Money, span: Nanos) -> Price:
        assert self.strike is not None
        spread = expected * deviation(self._volatility, span) // _BILLION
        away = expected - self.strike
        if not spread:
            return _SURE if away >= 0 else ONE - _SURE
        return min(max(likelihood(away * ONE // spread), ONE - _SURE), _SURE)


class Weights:
    """The probabilities of outcomes of which exactly one comes true: they always sum to one.

    Each outcome's weight walks by itself and, in two camps, together with its neighbours: what is
    good for one of a camp is good for the others.
    """

    def __init__(self, count: int, restless: int, chance: Chance) -> None:
        """``restless``: by how much of itself a weight changes in a step, in millionths."""
        self._chance = chance
        self._restless = restless
        self._usual = [chance.between(ONE, 6 * ONE) * 1_000 for _ in range(count)]
        self._weights = list(self._usual)

    def step(self) -> None:
        """Let some time pass."""
        chance = self._chance
        camps = (chance.normal(), chance.normal())
        for place, weight in enumerate(self._weights):
            drawn = (6 * camps[place % 2] + 8 * chance.normal()) // 10
            moved = weight + weight * self._restless // ONE * drawn // ONE
            moved += (self._usual[place] - moved) // 5_000
            self._weights[place] = max(moved, ONE)

    def likely(self, place: int, _now: Nanos) -> Price:
        """Return how likely one outcome is now, in millionths."""
        return self._weights[place] * ONE // sum(self._weights)

    def draw(self) -> int:
        """Return which outcome comes true, by their probabilities."""
        left = self._chance.below(sum(self._weights))
        for place, weight in enumerate(self._weights):
            left -= weight
            if left < 0:
                return place
        raise AssertionError("a draw below the sum of the weights names one of them")


class Match:
    """A game of two teams: goals fall by chance, and the better team scores more."""

    def __init__(self, goals: int, starts_ns: Nanos, ends_ns: Nanos, chance: Chance) -> None:
        """``goals``: of both teams in a usual game."""
        self._chance = chance
        self._span = ends_ns - starts_ns
        self._starts = starts_ns
        self._ends = ends_ns
        home = chance.between(380_000, 620_000)
        self._expected = (goals * home, goals * (ONE - home))
        self.score = [0, 0]

    def play(self, length: Nanos) -> bool:
        """Let ``length`` of the game pass; return whether somebody scored."""
        scored = False
        for team, expected in enumerate(self._expected):
            if self._chance.happens(expected * length // self._span):
                self.score[team] += 1
                scored = True
        return scored

    def likely(self, now: Nanos) -> Price:
        """Return how likely the home team wins; a draw is decided by a coin."""
        left = max(0, min(self._ends - now, self._span))
        lead = (self.score[0] - self.score[1]) * ONE
        if not left:
            return _EVEN if not lead else (_SURE if lead > 0 else ONE - _SURE)
        home, away = (expected * left // self._span for expected in self._expected)
        spread = isqrt((home + away) * ONE) or 1
        return min(max(likelihood((lead + home - away) * ONE // spread), ONE - _SURE), _SURE)

    def home_wins(self) -> bool:
        """Return who has won."""
        if self.score[0] == self.score[1]:
            return bool(self._chance.below(2))
        return self.score[0] > self.score[1]
