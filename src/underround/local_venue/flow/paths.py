"""Reference prices that walk: one path per symbol, some of it shared by all.

Volatility comes in waves and now and then the price jumps, as prices do; everything is whole
micro-dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Final

from underround.local_venue.flow.chance import Chance
from underround.local_venue.flow.terms import PathTerms
from underround.local_venue.prices import ReferencePrices
from underround.model.units import ONE, Money, Nanos
from underround.simulation.agenda import Agenda

_YEAR_S: Final = 365 * 86_400
_BILLION: Final = 10**9
_CENT: Final[Money] = 10_000
"""Prices are told in whole cents."""
_CALM, _WILD = ONE // 2, 5 * ONE // 2
_WAVE: Final = 20_000
"""How much one step changes the height of the wave, in millionths of it."""


def deviation(volatility: int, span: Nanos) -> int:
    """Return by how much a price deviates over ``span``, in billionths of it.

    ``volatility`` is per year, in millionths.
    """
    return volatility * 1_000 * isqrt(span) // isqrt(_YEAR_S * _BILLION)


class PricePath:
    """One symbol."""

    def __init__(self, terms: PathTerms, step_ns: Nanos, chance: Chance) -> None:
        """Begin at the price that ``terms`` say."""
        self.terms = terms
        self.price: Money = terms.start
        self._chance = chance
        self._step = deviation(terms.volatility, step_ns)
        self._own = isqrt(ONE * ONE - terms.shared * terms.shared)
        self._wave = ONE

    def move(self, shared: int) -> Money:
        """Take a step; ``shared`` is the draw all symbols have in common.  Return the price."""
        chance, terms = self._chance, self.terms
        drawn = (terms.shared * shared + self._own * chance.normal()) // ONE
        self._wave += self._wave * _WAVE * chance.normal() // (ONE * ONE)
        self._wave += (ONE - self._wave) // 500
        self._wave = min(max(self._wave, _CALM), _WILD)
        if chance.happens(terms.jumps):
            drawn *= 6
        moved = self.price * self._step // _BILLION * self._wave // ONE * drawn // ONE
        self.price = max(self.price + moved, _CENT)
        return self.price - self.price % _CENT


class PricePaths:
    """All symbols, stepping together."""

    def __init__(
        self, prices: ReferencePrices, terms: Mapping[str, PathTerms], step_ns: Nanos, seed: int
    ) -> None:
        """Make a path for each symbol of ``terms``; their prices are told to ``prices``."""
        self.paths = {
            symbol: PricePath(each, step_ns, Chance(f"path {symbol}", seed))
            for symbol, each in terms.items()
        }
        self.step_ns = step_ns
        self._prices = prices
        self._shared = Chance("what all paths share", seed)

    def begin(self, since: Nanos, now: Nanos, agenda: Agenda) -> None:
        """Tell the prices from ``since`` until ``now``, and plan the ones to come.

        The past is told so that a window that is open already has its strike.
        """
        if not self.paths:
            return
        for at in range(now - (now - since) // self.step_ns * self.step_ns, now, self.step_ns):
            self._tell(at)
        self._step(now, agenda)

    def _step(self, now: Nanos, agenda: Agenda) -> None:
        self._tell(now)
        agenda.plan(now + self.step_ns, lambda at: self._step(at, agenda))

    def _tell(self, at: Nanos) -> None:
        shared = self._shared.normal()
        for symbol, path in self.paths.items():
            self._prices.tell(symbol, path.move(shared), at)
