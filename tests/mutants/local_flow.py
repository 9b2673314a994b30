"""Faults in the local venue's flow: windows, invented people, recordings, scenes."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_ENDS: Final = ("local_venue/flow/test_window_ends.py",)
_BELIEF: Final = ("local_venue/flow/test_belief.py",)
_HOUSE: Final = ("local_venue/flow/test_house.py",)
_CHANCE: Final = ("local_venue/flow/test_chance.py",)
_MIRROR: Final = ("local_venue/flow/test_mirror.py",)
_GENERATOR: Final = ("local_venue/flow/test_generator.py",)

FAULTS: Final = (
    # --- windows ----------------------------------------------------------------------------------
    Fault(
        "equal averages are Down",
        "local_venue/flow/windows.py",
        "YES_WINS if end >= start else NO_WINS",
        "YES_WINS if end > start else NO_WINS",
        _ENDS,
    ),
    Fault(
        "a window ends on 59 seconds",
        "local_venue/flow/belief.py",
        "TWAP_S: Final = 60",
        "TWAP_S: Final = 59",
        _ENDS,
    ),
    Fault(
        "a window ends on the last price",
        "local_venue/flow/windows.py",
        "mean = self._world.prices.mean(self._symbol, at, TWAP_S)",
        "mean = self._world.prices.mean(self._symbol, at, 1)",
        _ENDS,
    ),
    Fault(
        "Kalshi's averages are rounded down",
        "local_venue/flow/windows.py",
        "return (mean + _CENT // 2) // _CENT * _CENT",
        "return mean // _CENT * _CENT",
        _ENDS,
    ),
    # --- chance -----------------------------------------------------------------------------------
    Fault(
        "the seed is ignored",
        "local_venue/flow/chance.py",
        'self._random = random.Random(f"{what} {seed}")',
        "self._random = random.Random(what)",
        _CHANCE,
    ),
    Fault(
        "two purposes share their draws",
        "local_venue/flow/chance.py",
        'self._random = random.Random(f"{what} {seed}")',
        "self._random = random.Random(seed)",
        _CHANCE,
    ),
    Fault(
        "a draw is another one each time",
        "local_venue/flow/chance.py",
        'self._random = random.Random(f"{what} {seed}")',
        "self._random = random.Random()",
        _CHANCE,
    ),
    Fault(
        "normal draws are off their mean",
        "local_venue/flow/chance.py",
        'return (sum(memoryview(parts).cast("H")) - _MEAN) * ONE >> _BITS',
        'return (sum(memoryview(parts).cast("H")) - _MEAN // 2) * ONE >> _BITS',
        _CHANCE,
    ),
    # --- invented contests ------------------------------------------------------------------------
    Fault(
        "two outcomes of a group win",
        "local_venue/flow/contests.py",
        "payouts = YES_WINS if place == winner else NO_WINS",
        "payouts = YES_WINS if place in {winner, winner - 1} else NO_WINS",
        _GENERATOR,
    ),
    Fault(
        "the house makes shares from nothing",
        "local_venue/flow/house.py",
        "custody.split(account, market, size)",
        ("custody.split(account, market, size)\n        custody.deposit(account, 1)"),
        _HOUSE,
    ),
    Fault(
        "the team that scored less wins",
        "local_venue/flow/belief.py",
        "return self.score[0] > self.score[1]",
        "return self.score[0] < self.score[1]",
        _BELIEF,
    ),
    # --- recordings -------------------------------------------------------------------------------
    Fault(
        "what leaves a level leaves from the front",
        "local_venue/flow/mirror.py",
        ("            last = orders[-1]\n"),
        ("            last = orders[0]\n"),
        _MIRROR,
    ),
    Fault(
        "a level that shrinks before its trade loses the trade",
        "local_venue/flow/mirror.py",
        "self._explained(key, have - size, now)",
        "pass",
        _MIRROR,
    ),
    Fault(
        "recorded levels that cross trade with each other",
        "local_venue/flow/mirror.py",
        ("        self._uncross(key, now)\n        orders"),
        "        orders",
        _MIRROR,
    ),
    Fault(
        "a level that was hidden never comes back",
        "local_venue/flow/mirror.py",
        ("        if self._hidden:\n            self._show(now)\n"),
        "",
        _MIRROR,
    ),
    Fault(
        "a recorded order has to obey the rules for clients",
        "local_venue/flow/mirror.py",
        "bid=bid, recorded=True",
        "bid=bid, recorded=False",
        _MIRROR,
    ),
    Fault(
        "a client's size counts as recorded",
        "local_venue/flow/mirror.py",
        "missing = size - sum(order.left for order in orders)",
        "missing = size",
        _MIRROR,
    ),
)
