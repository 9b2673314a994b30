"""Faults of the simulated venues: fills that would not have happened."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_ROOM: Final = (
    "simulation/test_fills.py",
    "simulation/test_queues.py",
    "simulation/test_crossing.py",
    "simulation/test_paper.py",
    "simulation/test_simulation_properties.py",
)
_FILLS: Final = ("simulation/test_fills.py", *_ROOM)
_QUEUES: Final = ("simulation/test_queues.py", *_ROOM)
_RULES: Final = ("simulation/test_rules.py",)
_PAPER: Final = ("simulation/test_paper.py", *_ROOM)

FAULTS: Final = (
    Fault(
        "nobody is ahead in the queue",
        "simulation/queues.py",
        "working.ahead = _shown(working, book) + ours",
        "working.ahead = ours",
        _QUEUES,
    ),
    Fault(
        "a trade at our price fills us before the queue",
        "simulation/queues.py",
        "size, evidence = _beyond_queue(working, volume, now), QUEUE_TRADED",
        "size, evidence = volume, QUEUE_TRADED",
        _QUEUES,
    ),
    Fault(
        "a trade fills the wrong side",
        "simulation/queues.py",
        "line = self.asks if is_bid(event.outcome, event.taker_side) else self.bids",
        "line = self.bids if is_bid(event.outcome, event.taker_side) else self.asks",
        _QUEUES,
    ),
    Fault(
        "the size that crossed us fills again and again",
        "simulation/queues.py",
        "self._used[across, price] = used + size",
        "pass",
        _QUEUES,
    ),
    Fault(
        "queues survive a doubt",
        "simulation/queues.py",
        "        if self.doubted:\n            self.recount(book, now)\n",
        "",
        _QUEUES,
    ),
    Fault(
        "FOK fills in part",
        "simulation/fills.py",
        'if wanted and order.tif == "FOK":',
        "if False:",
        _FILLS,
    ),
    Fault(
        "the taker's fee is charged to makers",
        "simulation/fills.py",
        'taker=liquidity == "taker"',
        "taker=True",
        _FILLS,
    ),
    Fault(
        "two takers get the same shares",
        "simulation/fills.py",
        "        book.consume(outcome, resting_side, price, size)\n",
        "",
        _FILLS,
    ),
    Fault(
        "an order pays more than its limit",
        "simulation/fills.py",
        "            if price > order.price:\n                return\n",
        "",
        _FILLS,
    ),
    Fault(
        "a crossing post-only order is accepted",
        "simulation/rules.py",
        "if crossing and order.post_only:",
        "if False:",
        _RULES,
    ),
    Fault(
        "the minimum size is ignored",
        "simulation/rules.py",
        "too_small = order.size < market.min_size or order.size <= 0",
        "too_small = order.size <= 0",
        _RULES,
    ),
    Fault(
        "buying for less than a dollar is accepted",
        "simulation/rules.py",
        "if order.price * order.size >= MIN_MARKETABLE_BUY * ONE:",
        "if True:",
        _RULES,
    ),
    Fault(
        "we trade with ourselves",
        "simulation/rules.py",
        "if is_bid(other.outcome.index, other.side) == bid:",
        "if True:",
        _RULES,
    ),
    Fault(
        "a price between two ticks is accepted",
        "simulation/rules.py",
        "if ticks.valid(price):",
        "if True:",
        _RULES,
    ),
    Fault(
        "an order is matched against a book that is not trusted",
        "simulation/paper.py",
        "elif not self._trusted(market):",
        "elif False:",
        _PAPER,
    ),
    Fault(
        "every settlement succeeds",
        "simulation/paper.py",
        '"failed" if fails else "confirmed"',
        '"confirmed"',
        ("simulation/test_settlement.py",),
    ),
    Fault(
        "an order is in the matcher at once",
        "simulation/latency.py",
        'return now + self._delay("entry", order, self.entry_ms + self.feed_ms)',
        "return now",
        ("simulation/test_latency.py",),
    ),
    Fault(
        "a cancelled order can still fill",
        "simulation/paper.py",
        "self._queues[market].withdraw(working, self._book(market))",
        "pass",
        _PAPER,
    ),
)
