"""Faults in Polymarket's order-level engine: whose turn it is and what is paid."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_ORDERS: Final = ("simulation/matching/test_polymarket_orders.py",)
_MONEY: Final = ("simulation/matching/test_polymarket_money.py",)
_PROPERTIES: Final = ("simulation/matching/test_polymarket_properties.py",)
_ORDERS_AND_PROPERTIES: Final = (*_ORDERS, *_PROPERTIES)
_MONEY_AND_PROPERTIES: Final = (*_MONEY, *_PROPERTIES)

FAULTS: Final = (
    # --- whose turn it is -------------------------------------------------------------------------
    Fault(
        "at one price the youngest order is filled first",
        "simulation/matching/book.py",
        "for maker in line.orders.values():",
        "for maker in reversed(line.orders.values()):",
        _ORDERS,
    ),
    Fault(
        "a better offer that comes later is passed over",
        "simulation/matching/book.py",
        "elif price < self.best_ask:",
        "elif self.best_ask == ONE:",
        _ORDERS,
    ),
    Fault(
        "when the best bid is gone the worst is taken for it",
        "simulation/matching/book.py",
        "price = max(bids, default=0)",
        "price = min(bids, default=0)",
        _PROPERTIES,
    ),
    Fault(
        "a FOK order is filled in part",
        "simulation/matching/arrivals.py",
        "not (take.done and take.cuts)",
        "not take.cuts",
        _ORDERS,
    ),
    Fault(
        "a post-only order takes",
        "simulation/matching/arrivals.py",
        "opposite = book.opposite(sent.outcome.index, bid)",
        "opposite = None",
        _ORDERS,
    ),
    Fault(
        "an order meets its own account",
        "simulation/matching/arrivals.py",
        "reason = _self_trade(order, book)",
        "reason = None",
        _ORDERS,
    ),
    Fault(
        "a delayed order meets what its account quoted meanwhile",
        "simulation/matching/arrivals.py",
        "own = _self_trade(order, book)",
        "own = None",
        _ORDERS,
    ),
    Fault(
        "a taker is not held where takers are",
        "simulation/matching/arrivals.py",
        "waits = crosses and book.delay_ns > 0 and not recorded",
        "waits = False",
        _ORDERS,
    ),
    Fault(
        "a delayed order is cancelled",
        "simulation/matching/polymarket.py",
        (
            '            elif order.state == "delayed":\n'
            "                kept[name] = DELAYED\n"
            '            elif order.state != "live":\n'
        ),
        ('            elif order.state not in {"live", "delayed"}:\n'),
        _ORDERS,
    ),
    Fault(
        "a GTD order never leaves",
        "simulation/matching/arrivals.py",
        "self._timers.set(sent.good_until_ns, order)",
        "pass",
        _ORDERS,
    ),
    Fault(
        "an order that expired while nobody looked is still met",
        "simulation/matching/arrivals.py",
        "if self._timers.overdue(now):",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "an id is taken twice",
        "simulation/matching/arrivals.py",
        "if sent.id in self._floor.orders.known:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "one login cancels another's orders",
        "simulation/matching/polymarket.py",
        "elif order is None or (owner is not None and order.sent.owner != owner):",
        "elif order is None:",
        _ORDERS,
    ),
    Fault(
        "after a restart takers come in with the makers",
        "simulation/matching/admission.py",
        '(mode == "post_only" and sent.post_only)',
        'mode == "post_only"',
        _ORDERS,
    ),
    Fault(
        "a new grid keeps orders that are off it",
        "simulation/matching/polymarket.py",
        "off = [order for order in _waiting(book) if not ticks.valid(order.yes_price)]",
        "off: list[Resting] = []",
        _ORDERS,
    ),
    Fault(
        "the grid gets finer a cent too late",
        "simulation/matching/floor.py",
        "_FINER_ABOVE: Final = 96 * CENT",
        "_FINER_ABOVE: Final = 97 * CENT",
        _ORDERS,
    ),
    Fault(
        "a level is told by what came, not by what is there",
        "simulation/matching/arrivals.py",
        "level = Level(order.bid, line.price, line.size)",
        "level = Level(order.bid, line.price, order.left)",
        _PROPERTIES,
    ),
    Fault(
        "what follows from an event is told before it",
        "simulation/matching/news.py",
        ("        if self._telling:\n            return\n"),
        "",
        _ORDERS,
    ),
    # --- what is paid -----------------------------------------------------------------------------
    Fault(
        "a budget is spent anew at every price",
        "simulation/matching/book.py",
        "wanted = (budget - take.cost) * ONE // own",
        "wanted = budget * ONE // own",
        _ORDERS,
    ),
    Fault(
        "a match is cut finer than can be paid",
        "simulation/matching/book.py",
        "size -= size % grain",
        "size -= 0",
        _PROPERTIES,
    ),
    Fault(
        "what is left of a match and too small to trade rests",
        "simulation/matching/execution.py",
        "if sent.size - maker.filled < line.grain:",
        "if sent.size == maker.filled:",
        _PROPERTIES,
    ),
    Fault(
        "dust hides the orders behind it",
        "simulation/matching/book.py",
        ("            take.dust.append(maker)\n            continue\n"),
        ("            take.dust.append(maker)\n            break\n"),
        _ORDERS,
    ),
    Fault(
        "a taker of NO pays the price of YES",
        "simulation/matching/book.py",
        "own = price if yes else ONE - price",
        "own = price",
        _ORDERS,
    ),
    Fault(
        "a taker pays its fee at its limit, not where it matched",
        "simulation/matching/execution.py",
        "fee=take.fee,",
        "fee=book.market.fees.fee(sent.price, take.size, taker=True),",
        _MONEY,
    ),
    Fault(
        "a maker pays the taker's fee as well",
        "simulation/matching/transfers.py",
        (
            "            yield fill.account, fill.outcome, fill.size\n"
            "        else:\n"
            "            yield fill.account, None, maker_dollars(fill)\n"
            "\n"
            "\n"
            "def bind"
        ),
        (
            "            yield fill.account, fill.outcome, fill.size\n"
            "        else:\n"
            "            yield fill.account, None, maker_dollars(fill) - trade.fee\n"
            "\n"
            "\n"
            "def bind"
        ),
        _MONEY,
    ),
    Fault(
        "the maker of a mint pays the taker's side of the dollar",
        "simulation/matching/transfers.py",
        "return fill.price * fill.size // ONE",
        (
            'price = ONE - fill.price if fill.kind == "mint" else fill.price\n'
            "    return price * fill.size // ONE"
        ),
        _MONEY,
    ),
    Fault(
        "every maker gets the rebate of all",
        "simulation/matching/execution.py",
        "rebate=rebates * size // cut.size,",
        "rebate=rebates,",
        _ORDERS_AND_PROPERTIES,
    ),
    Fault(
        "a rebate is paid twice",
        "simulation/matching/custody.py",
        "del self.rebates[account]",
        "pass",
        _MONEY,
    ),
    Fault(
        "makers keep the rebate of a match that failed",
        "simulation/matching/transfers.py",
        "rebates.get(fill.account, 0) + sign * fill.rebate",
        "rebates.get(fill.account, 0) + fill.rebate",
        _MONEY_AND_PROPERTIES,
    ),
)
