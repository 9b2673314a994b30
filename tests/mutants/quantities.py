"""Faults of the model: rounding, fees, the mirrored book, the ledger."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_UNITS: Final = ("model/test_units.py",)
_FEES: Final = ("model/test_fees.py",)
_BOOK: Final = ("model/test_book.py",)
_LEDGER: Final = ("model/test_ledger.py",)

FAULTS: Final = (
    Fault(
        "a cost is rounded down",
        "model/units.py",
        "return -(-price * size // ONE)",
        "return price * size // ONE",
        _UNITS,
    ),
    Fault(
        "proceeds are rounded up",
        "model/units.py",
        'rounded down (against us)."""\n    return price * size // ONE',
        'rounded down (against us)."""\n    return -(-price * size // ONE)',
        _UNITS,
    ),
    Fault(
        "digits beyond the sixth decimal are dropped in silence",
        "model/units.py",
        'if fraction[_DECIMALS:].strip("0"):',
        "if False:",
        _UNITS,
    ),
    Fault(
        "a negative size is taken",
        "model/units.py",
        "    if size < 0:\n",
        "    if False:\n",
        _UNITS,
    ),
    Fault(
        "a price above one dollar is taken",
        "model/units.py",
        "    if not 0 <= price <= ONE:\n",
        "    if price < 0:\n",
        _UNITS,
    ),
    Fault(
        "Polymarket's fee is rounded down",
        "model/fees.py",
        "return ceil_div(numerator, unit * _POLYMARKET_QUANTUM) * _POLYMARKET_QUANTUM",
        "return numerator // (unit * _POLYMARKET_QUANTUM) * _POLYMARKET_QUANTUM",
        _FEES,
    ),
    Fault(
        "makers pay the taker's fee",
        "model/fees.py",
        "if not taker or not self.rate:",
        "if not self.rate:",
        _FEES,
    ),
    Fault(
        "the fee's exponent is ignored",
        "model/fees.py",
        "        numerator = size * self.rate * (price * (ONE - price)) ** self.exponent\n"
        "        unit: int = ONE * ONE ** (2 * self.exponent)\n",
        "        numerator = size * self.rate * (price * (ONE - price))\n"
        "        unit: int = ONE * ONE**2\n",
        _FEES,
    ),
    Fault(
        "Kalshi's fee is rounded down",
        "model/fees.py",
        "charged = ceil_div(numerator, ONE**5 * quantum) * quantum",
        "charged = numerator // (ONE**5 * quantum) * quantum",
        _FEES,
    ),
    Fault(
        "Kalshi's balance after a sale is rounded in our favour",
        "model/fees.py",
        "        if selling:\n            return charged +",
        "        if False:\n            return charged +",
        _FEES,
    ),
    Fault(
        "Kalshi's makers pay as takers",
        "model/fees.py",
        "share = ONE if taker else self.maker_share",
        "share = ONE",
        _FEES,
    ),
    Fault(
        "an order of NO lands on the wrong side of the book",
        "model/book.py",
        '        if (side == "buy") == (outcome == YES):\n            self.set_bid',
        '        if side == "buy":\n            self.set_bid',
        _BOOK,
    ),
    Fault(
        "a NO price is not mirrored",
        "model/book.py",
        "self.set_ask(index if outcome == YES else self.top - index, size)",
        "self.set_ask(index, size)",
        _BOOK,
    ),
    Fault(
        "the best bid stays after its level went",
        "model/book.py",
        "while index > 0 and not bids[index]:",
        "while False:",
        _BOOK,
    ),
    Fault(
        "a negative size rests in the book",
        "model/book.py",
        "if off_grid or not 0 < index < self.top or size < 0:",
        "if off_grid or not 0 < index < self.top:",
        _BOOK,
    ),
    Fault(
        "what a simulated fill took is there again",
        "model/book.py",
        "self.consumed[key] = self.consumed.get(key, 0) + size",
        "self.consumed[key] = self.consumed.get(key, 0)",
        _BOOK,
    ),
    Fault(
        "a restated level stays consumed",
        "model/book.py",
        'self.consumed.pop(("buy", index), None)',
        "pass",
        _BOOK,
    ),
    Fault(
        "a walk through the asks ignores its limit",
        "model/book.py",
        "if price > highest or found == size:",
        "if found == size:",
        _BOOK,
    ),
    Fault(
        "a transaction that does not sum to zero is booked",
        "model/ledger.py",
        "if any(sums.values()):",
        "if False:",
        _LEDGER,
    ),
    Fault(
        "a reversed fill keeps its fee",
        "model/ledger.py",
        '                Posting("cash", currency, cash_change + fill.fee),\n'
        '                Posting("market", currency, -cash_change),\n'
        '                Posting("fees", currency, -fill.fee),\n',
        '                Posting("cash", currency, cash_change),\n'
        '                Posting("market", currency, -cash_change),\n',
        _LEDGER,
    ),
    Fault(
        "the loser is paid",
        "model/ledger.py",
        "for index, payout in enumerate(payouts):",
        "for index, payout in enumerate(reversed(payouts)):",
        _LEDGER,
    ),
    Fault(
        "shares that are only matched can be sold",
        "model/ledger.py",
        "if fill.size > held.confirmed:",
        "if fill.size > held.total:",
        _LEDGER,
    ),
    Fault(
        "the fee of a purchase is no cost",
        "model/ledger.py",
        "cost_change, realised = paid + fill.fee, 0",
        "cost_change, realised = paid, 0",
        _LEDGER,
    ),
)
