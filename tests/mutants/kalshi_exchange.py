"""Faults in Kalshi's order-level engine: positions, fees, what orders bind, how markets end."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_ORDERS: Final = ("simulation/matching/test_kalshi_orders.py",)
_MONEY: Final = ("simulation/matching/test_kalshi_money.py",)

FAULTS: Final = (
    # --- orders -----------------------------------------------------------------------------------
    Fault(
        "a sale of YES adds to the position",
        "simulation/matching/kalshi/money.py",
        "held.contracts += size if order.bid else -size",
        "held.contracts += size",
        _ORDERS,
    ),
    Fault(
        "YES and NO of one member do not net",
        "simulation/matching/kalshi/money.py",
        "return min(size, max(0, -contracts if bid else contracts))",
        "return 0",
        _ORDERS,
    ),
    Fault(
        "a taker pays its own limit",
        "simulation/matching/kalshi/matching.py",
        "size, price = min(taker.left, maker.left), maker.yes_price",
        "size, price = min(taker.left, maker.left), taker.yes_price",
        _ORDERS,
    ),
    Fault(
        "a member trades with himself",
        "simulation/matching/kalshi/matching.py",
        "if maker.sent.account == taker.sent.account:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "a FOK order counts on what its own member offers",
        "simulation/matching/kalshi/listed.py",
        "if resting.sent.account != order.sent.account:",
        "if True:",
        _ORDERS,
    ),
    Fault(
        "a reduce-only order goes beyond the position",
        "simulation/matching/kalshi/placing.py",
        "order_sent = msgspec.structs.replace(order_sent, size=allowed)",
        "pass",
        _ORDERS,
    ),
    Fault(
        "a member's own id is taken twice",
        "simulation/matching/kalshi/placing.py",
        "if sent.id in self.orders or (sent.client and (sent.account, sent.client) in self.named):",
        "if sent.id in self.orders:",
        _ORDERS,
    ),
    Fault(
        "a larger size keeps its place in the queue",
        "simulation/matching/kalshi/exchange.py",
        "if yes_price == order.yes_price and size <= before.size:",
        "if yes_price == order.yes_price:",
        _ORDERS,
    ),
    Fault(
        "an end that was amended still ends the order",
        "simulation/matching/kalshi/placing.py",
        'if order.state == "live" and order.kalshi.good_until_ns == until:',
        'if order.state == "live":',
        _ORDERS,
    ),
    Fault(
        "a decrease lets an order grow",
        "simulation/matching/kalshi/exchange.py",
        "if not 0 <= left <= order.left or left % SIZE_STEP:",
        "if left % SIZE_STEP:",
        _ORDERS,
    ),
    Fault(
        "another member cancels an order",
        "simulation/matching/kalshi/exchange.py",
        "return owner in {None, order.sent.owner} and account in {None, order.sent.account}",
        "return True",
        _ORDERS,
    ),
    Fault(
        "a group's limit is reached a match too late",
        "simulation/matching/kalshi/groups.py",
        "return self.matched(now) >= self.limit",
        "return self.matched(now) > self.limit",
        _ORDERS,
    ),
    Fault(
        "a group counts a second too many",
        "simulation/matching/kalshi/groups.py",
        "WINDOW_NS: Final[Nanos] = 15 * 10**9",
        "WINDOW_NS: Final[Nanos] = 16 * 10**9",
        _ORDERS,
    ),
    Fault(
        "a triggered group takes orders",
        "simulation/matching/kalshi/placing.py",
        'return "order_group_triggered" if group.triggered else ""',
        'return ""',
        _ORDERS,
    ),
    Fault(
        "a group of another member is used",
        "simulation/matching/kalshi/groups.py",
        "return found if found is not None and found.holder == holder else None",
        "return found",
        _ORDERS,
    ),
    # --- money ------------------------------------------------------------------------------------
    Fault(
        "money of one shard pays on another",
        "simulation/matching/kalshi/money.py",
        "return self.cash.get((*holder, shard), 0)",
        "return self.cash.get((*holder, 0), 0)",
        _ORDERS,
    ),
    Fault(
        "what orders bind is paid out",
        "simulation/matching/kalshi/money.py",
        "free = self.available((account, subaccount), shard)",
        "free = self.balance((account, subaccount), shard)",
        _ORDERS,
    ),
    Fault(
        "only one direction of a market is bound",
        "simulation/matching/kalshi/reserves.py",
        "now = bids.needed(max(0, -held)) + asks.needed(max(0, held))",
        "now = max(bids.needed(max(0, -held)), asks.needed(max(0, held)))",
        _ORDERS,
    ),
    Fault(
        "an order that closes a position binds its whole cost",
        "simulation/matching/kalshi/reserves.py",
        "total -= order.reserve - order.covered",
        "total -= 0",
        _ORDERS,
    ),
    Fault(
        "makers pay takers' fees",
        "simulation/matching/kalshi/matching.py",
        "owed = fee_of(market, order, price, size, closed, taker=taker)",
        "owed = fee_of(market, order, price, size, closed, taker=True)",
        _MONEY,
    ),
    Fault(
        "a rounding fee is paid back over and over",
        "simulation/matching/kalshi/money.py",
        "order.rounding -= _REBATE",
        "pass",
        _MONEY,
    ),
    Fault(
        "an account without a cent to spare goes below zero",
        "simulation/matching/kalshi/money.py",
        "taken = min(fee, max(0, self.available(holder, shard)))",
        "taken = fee",
        _MONEY,
    ),
    Fault(
        "NO is paid what YES is worth",
        "simulation/matching/kalshi/money.py",
        "worth = value if held.contracts > 0 else ONE - value",
        "worth = value",
        _MONEY,
    ),
    Fault(
        "what a payout is rounded by is lost",
        "simulation/matching/kalshi/money.py",
        "self.fees += self.backing.pop(market, 0)",
        "self.backing.pop(market, 0)",
        _MONEY,
    ),
    # --- the life of markets ----------------------------------------------------------------------
    Fault(
        "a result is paid at once",
        "simulation/matching/kalshi/life.py",
        "if self.settlement_timer_ns:",
        "if False:",
        _MONEY,
    ),
    Fault(
        "orders of a closed market rest on",
        "simulation/matching/kalshi/life.py",
        'self._end_all(listed, "market_closed", now)',
        "pass",
        _MONEY,
    ),
    Fault(
        "a pause leaves the orders that asked to go",
        "simulation/matching/kalshi/life.py",
        "if order.kalshi.cancel_on_pause:",
        "if False:",
        _MONEY,
    ),
    Fault(
        "orders are cancelled while the exchange is paused",
        "simulation/matching/kalshi/rules.py",
        'if mode == "exchange_paused":',
        'if mode == "exchange_paused" and not cancel:',
        _MONEY,
    ),
    Fault(
        "orders off a new grid stay",
        "simulation/matching/kalshi/life.py",
        "if not ticks.valid(order.yes_price):",
        "if False:",
        _MONEY,
    ),
)
