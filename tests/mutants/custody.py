"""Faults in who owns what at Polymarket's exchange: reserved, in flight, moved, undone."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_MONEY: Final = ("simulation/matching/test_polymarket_money.py",)
_CUSTODY: Final = ("simulation/matching/test_custody.py",)

FAULTS: Final = (
    # --- who owns what ----------------------------------------------------------------------------
    Fault(
        "a dollar is promised twice",
        "simulation/matching/admission.py",
        "if amount > held.available:",
        "if amount > held.balance:",
        _MONEY,
    ),
    Fault(
        "what an order counted on is never given free",
        "simulation/matching/register.py",
        "order.holding.reserved -= order.reserve",
        "order.holding.reserved -= 0",
        _MONEY,
    ),
    Fault(
        "an order counts on what no contract may move",
        "simulation/matching/admission.py",
        'if not custody.allowed(sent.account, spender, shares=sent.side == "sell"):',
        "if False:",
        _MONEY,
    ),
    Fault(
        "a failed match stays in flight",
        "simulation/matching/register.py",
        'elif status == "FAILED":',
        "elif False:",
        _MONEY,
    ),
    Fault(
        "a re-org leaves the shares where the lost block put them",
        "simulation/matching/register.py",
        "if before and not after:",
        "if False:",
        _MONEY,
    ),
    Fault(
        "orders that a re-org left without cover stay",
        "simulation/matching/polymarket.py",
        ("        if undone:\n"),
        ("        if False:\n"),
        _MONEY,
    ),
    Fault(
        "the oldest orders go when money leaves, not the youngest",
        "simulation/matching/polymarket.py",
        "key=lambda each: -each.place",
        "key=lambda each: each.place",
        _MONEY,
    ),
    Fault(
        "a merge leaves the shares",
        "simulation/matching/custody.py",
        "self.holding(account, outcome).balance -= size",
        "self.holding(account, outcome).balance -= 0",
        _CUSTODY,
    ),
    Fault(
        "a match that merges dissolves no set",
        "simulation/matching/transfers.py",
        'if fill.kind == "merge"',
        "if False",
        _MONEY,
    ),
    Fault(
        "a withdrawal takes what open orders count on",
        "simulation/matching/custody.py",
        "most = held.free if reserved_too else held.available",
        "most = held.free",
        _MONEY,
    ),
    Fault(
        "a conversion pays a dollar too many",
        "simulation/matching/custody.py",
        "(len(given) - 1) * size",
        "len(given) * size",
        _CUSTODY,
    ),
    Fault(
        "shares that are sold and not mined yet are redeemed by the seller",
        "simulation/matching/custody.py",
        "paid += held.free * payouts[index] // ONE",
        "paid += held.balance * payouts[index] // ONE",
        _MONEY,
    ),
)
