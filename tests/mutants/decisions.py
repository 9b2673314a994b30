"""Faults of risk, executor, leg groups and strategies: what must never be sent."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_GATES: Final = ("trading/test_gates.py",)
_EXECUTOR: Final = ("trading/test_executor.py",)
_EXPOSURE: Final = ("trading/test_exposure.py", "trading")
_LEGS: Final = ("trading/test_leg_groups.py", "trading/test_leg_group_ends.py", "trading")
_ENGINE: Final = ("trading/test_engine.py", "trading")
_STRATEGIES: Final = ("strategies",)


def _limit(level: str, exposure: str) -> Fault:
    return Fault(
        f"the {level} limit is off by the sign of the order",
        "trading/gates.py",
        f"after = facts.{exposure} + _adds(intent)",
        f"after = facts.{exposure} - _adds(intent)",
        _GATES,
    )


FAULTS: Final = (
    _limit("market", "market_exposure(intent.outcome.market)"),
    _limit("group", "group_exposure(group)"),
    _limit("strategy", "strategy_exposure(intent.strategy)"),
    _limit("account", "total_exposure()"),
    Fault(
        "the order limit lets large orders through",
        "trading/gates.py",
        "if notional > facts.limits.max_order_notional:",
        "if notional < -facts.limits.max_order_notional:",
        _GATES,
    ),
    Fault(
        "an expired intent is approved",
        "trading/gates.py",
        '    if now > intent.expires_ns:\n        return f"expired',
        '    if False:\n        return f"expired',
        _GATES,
    ),
    Fault(
        "a plan is executed twice",
        "trading/gates.py",
        "if facts.plan_used(intent.plan):",
        "if False:",
        _GATES,
    ),
    Fault(
        "an untrusted book is traded on",
        "trading/gates.py",
        "if facts.trusted_book(intent.outcome.market) is None:",
        "if False:",
        _GATES,
    ),
    Fault(
        "a halt is ignored",
        "trading/gates.py",
        'if facts.halted and intent.purpose == "open":',
        "if False:",
        _GATES,
    ),
    Fault(
        "more is spent than there is",
        "trading/gates.py",
        "if needed > free:",
        "if False:",
        _GATES,
    ),
    Fault(
        "a stale book is traded on",
        "trading/gates.py",
        "if age > facts.limits.max_book_age_ms:",
        "if False:",
        _GATES,
    ),
    Fault(
        "shares are sold that are not owned",
        "trading/gates.py",
        "    if intent.size > sellable:\n",
        "    if False:\n",
        _GATES,
    ),
    Fault(
        "unconfirmed shares can be sold",
        "trading/facts.py",
        "held = self._portfolio.holding(strategy, outcome).confirmed",
        "held = self._portfolio.holding(strategy, outcome).total",
        ("trading",),
    ),
    Fault(
        "shares on offer can be sold once more",
        "trading/facts.py",
        "return max(0, held - self.orders.selling(outcome, strategy)) if held else 0",
        "return held",
        ("trading",),
    ),
    Fault(
        "an approval that expired is sent",
        "trading/executor.py",
        "if now > intent.expires_ns:",
        "if False:",
        _EXECUTOR,
    ),
    Fault(
        "more fills than was ordered",
        "trading/executor.py",
        "if fill.size > order.remaining:",
        "if False:",
        _EXECUTOR,
    ),
    Fault(
        "a cancel is sent again and again",
        "trading/executor.py",
        "        order.cancel_sent = True\n",
        "",
        _EXECUTOR,
    ),
    Fault(
        "an unproven group counts as if one of it must win",
        "trading/exposure.py",
        "worst = min(worst, 0)",
        "pass",
        _EXPOSURE,
    ),
    Fault(
        "open orders are no exposure",
        "trading/exposure.py",
        "for order in self.buys(named, strategy)\n        )\n",
        "for order in ()\n        )\n",
        _EXPOSURE,
    ),
    Fault(
        "a large loss does not halt",
        "trading/losses.py",
        "if self.start - equity > limits.max_loss:",
        "if False:",
        ("trading",),
    ),
    Fault(
        "quotes stay in the book after a halt",
        "trading/engine.py",
        '            if order.purpose == "open":\n',
        "            if False:\n",
        _ENGINE,
    ),
    Fault(
        "a failed fill is booked as final",
        "trading/portfolio.py",
        "entry = self.ledger.fail(fill_id, at_ns)",
        "entry = self.ledger.confirm(fill_id, at_ns)",
        ("trading",),
    ),
    Fault(
        "the decision digest does not cover fills",
        "trading/digest.py",
        '        self._add(b"F", fill)\n',
        "        del fill\n",
        ("trading/test_digest.py", "acceptance/test_digest_coverage.py"),
    ),
    Fault(
        "a leg group is sent although a leg was refused",
        "trading/groups.py",
        'if refusal is not None and intent.policy != "best_effort":',
        "if False:",
        _LEGS,
    ),
    Fault(
        "legs are checked as if each were alone",
        "trading/groups.py",
        "facts.orders.pretended.append(facts.pretend(leg))",
        "facts.pretend(leg)",
        _LEGS,
    ),
    Fault(
        "an unwind sells at any price",
        "trading/legs.py",
        "bound = max(0, self.price[outcome] - self.intent.max_unwind_loss)",
        "bound = 0",
        _LEGS,
    ),
    Fault(
        "shares are sold before they are minted",
        "trading/legs.py",
        "if one_by_one or isinstance(self.waiting[0], SetIntent):",
        "if one_by_one:",
        _LEGS,
    ),
    Fault(
        "a leg group with a failed leg is complete",
        "trading/legs.py",
        'self.state = "failed" if unwinds else "complete"',
        'self.state = "complete"',
        _LEGS,
    ),
    Fault(
        "a group that may have another winner is bought",
        "strategies/dutch_book.py",
        "if group.exhaustive and len(group.markets) > 1:",
        "if len(group.markets) > 1:",
        _STRATEGIES,
    ),
    Fault(
        "fees are left out of the profit of a set",
        "strategies/ladder.py",
        "profit += (pays - paid) * chunk // ONE - _fees(ladders, prices, chunk)",
        "profit += (pays - paid) * chunk // ONE",
        _STRATEGIES,
    ),
    Fault(
        "a quote is replaced before its cancel is confirmed",
        "strategies/spread_capture.py",
        "            busy.add(_book_side(order.outcome, order.side))\n",
        "",
        _STRATEGIES,
    ),
    Fault(
        "inventory grows without bound",
        "strategies/spread_capture.py",
        "if net + params.size <= params.max_inventory:",
        "if True:",
        _STRATEGIES,
    ),
    Fault(
        "unpaired shares grow without bound",
        "strategies/pair_accumulator.py",
        "ahead > params.max_delta\n",
        "False\n",
        _STRATEGIES,
    ),
    Fault(
        "a pair is bought above its target",
        "strategies/pair_accumulator.py",
        "if found.size < size or per_share + average >= params.target:",
        "if found.size < size:",
        _STRATEGIES,
    ),
)
