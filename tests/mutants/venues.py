"""Faults in what Polymarket's answers mean: refusals, orders placed, and whose a trade is."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_REFUSALS: Final = ("venues/polymarket/test_refusals.py", "venues/polymarket/test_rest.py")
_ANSWERS: Final = ("venues/polymarket/test_answers.py", "venues/polymarket/test_rest.py")
_REST: Final = ("venues/polymarket/test_rest.py",)
_USER: Final = ("venues/polymarket/test_user_codec.py", "venues/polymarket/test_answers.py")

FAULTS: Final = (
    # --- what a refusal means --------------------------------------------------------------------
    Fault(
        "a 5xx to an order is a definite no",
        "venues/polymarket/refusals.py",
        '"the venue failed", write=write',
        '"the venue failed", write=False',
        _REFUSALS,
    ),
    Fault(
        "a 425 to an order is a definite no",
        "venues/polymarket/refusals.py",
        '"the matching engine restarts", write=write',
        '"the matching engine restarts", write=False',
        _REFUSALS,
    ),
    Fault(
        "a bare 429 to an order is a definite no",
        "venues/polymarket/refusals.py",
        "if write and not stated:",
        "if False:",
        _REFUSALS,
    ),
    Fault(
        "post-only mode is an outage",
        "venues/polymarket/refusals.py",
        'read.code == "post_only_mode"',
        'read.code == "post_only"',
        _REFUSALS,
    ),
    Fault(
        "an unexplained 503 to an order is a definite no",
        "venues/polymarket/refusals.py",
        '"the venue is unavailable", write=write',
        '"the venue is unavailable", write=False',
        _REFUSALS,
    ),
    Fault(
        "an order that the venue could not store counts as refused",
        "venues/polymarket/refusals.py",
        '("could not insert order", OutcomeUnknown',
        '("could not insert order", RequestRefused',
        _REFUSALS,
    ),
    Fault(
        "an order that the venue has already counts as refused",
        "venues/polymarket/refusals.py",
        '("duplicated", AlreadyKnown',
        '("duplicated", RequestRefused',
        _REFUSALS,
    ),
    Fault(
        "Retry-After is taken for milliseconds",
        "venues/words.py",
        "return seconds * 1_000 if",
        "return seconds if",
        _REFUSALS,
    ),
    Fault(
        "Retry-After holds nothing back",
        "venues/polymarket/requests.py",
        "self.budget.pause(bucket, self.clock() + error.retry_after_ms * NANOS_PER_MS)",
        "self.budget.pause(bucket, self.clock())",
        _REST,
    ),
    Fault(
        "the limiter's remainder is not believed",
        "venues/polymarket/requests.py",
        "self.budget.observe(bucket, remaining, reset_ns, self.clock())",
        "pass",
        _REST,
    ),
    # --- what became of an order -----------------------------------------------------------------
    Fault(
        "another order's id in the answer goes unnoticed",
        "venues/polymarket/answers.py",
        "if row.order_id and not same:",
        "if False:",
        _ANSWERS,
    ),
    Fault(
        "success without an order id is a placed order",
        "venues/polymarket/answers.py",
        "if not (row.success and same and state is not None):",
        "if not (row.success and state is not None):",
        _ANSWERS,
    ),
    Fault(
        "an order that did not match after the delay is not told so",
        "venues/polymarket/answers.py",
        'if row.status == "unmatched":',
        'if row.status == "unmatched" and not row.success:',
        _ANSWERS,
    ),
    Fault(
        "a resting order that did not match at once is gone",
        "venues/polymarket/answers.py",
        "if tif in AT_ONCE:",
        "if True:",
        _ANSWERS,
    ),
    Fault(
        "a cancel that the answer leaves out is forgotten",
        "venues/polymarket/answers.py",
        "if native.lower() not in mentioned]",
        "if False]",
        _ANSWERS,
    ),
    Fault(
        "an order that did not match is accepted",
        "venues/polymarket/user_codec.py",
        'frozenset(("DELAYED", "UNMATCHED"))',
        'frozenset(("DELAYED",))',
        _USER,
    ),
    Fault(
        "an unknown status is a live order",
        "venues/polymarket/answers.py",
        "state = _ACCEPTED.get(row.status)",
        'state = _ACCEPTED.get(row.status, "live")',
        _ANSWERS,
    ),
    Fault(
        "a batch's first rows are believed when others are missing",
        "venues/polymarket/answers.py",
        "if len(rows) != len(orders):",
        "orders = orders[: len(rows)]\n    if False:",
        _ANSWERS,
    ),
    Fault(
        "a sale is filled by the dollars it took",
        "venues/polymarket/answers.py",
        'text = row.taking if side == "buy" else row.making',
        "text = row.taking",
        _ANSWERS,
    ),
    Fault(
        "an unreadable answer to an order is a definite no",
        "venues/polymarket/answers.py",
        '        return OutcomeUnknown(f"{error}: look order {order_id} up, never resend")\n'
        "    return _placed(",
        '        return RequestRefused(f"{error}: look order {order_id} up, never resend")\n'
        "    return _placed(",
        _ANSWERS,
    ),
    Fault(
        "a market buy's budget in dollars is a size in shares",
        "venues/polymarket/answers.py",
        'if row.side == "SELL" or row.order_type',
        "if True or row.order_type",
        _ANSWERS,
    ),
    Fault(
        "trades that failed to settle fill a lost order",
        "venues/polymarket/rest.py",
        'sum(fill.size for fill in fills if fill.finality != "failed")',
        "sum(fill.size for fill in fills)",
        _REST,
    ),
    Fault(
        "a batch of orders costs one token",
        "venues/polymarket/rest.py",
        "cost=len(orders)",
        "cost=1",
        _REST,
    ),
    Fault(
        "fills are asked for by the taker's token",
        "venues/polymarket/rest.py",
        '"maker_address": identity.wallet,',
        '"asset_id": condition,',
        _REST,
    ),
    Fault(
        "a list whose cursor repeats counts as complete",
        "venues/polymarket/public.py",
        "if cursor in seen:\n            break",
        "if cursor in seen:\n            return",
        _REST,
    ),
    # --- whose a trade is ------------------------------------------------------------------------
    Fault(
        "a maker's side is the taker's",
        "venues/polymarket/trades.py",
        "side = _OTHER[SIDES[trade.side]] if same else SIDES[trade.side]",
        "side = SIDES[trade.side]",
        _USER,
    ),
    Fault(
        "a maker's price is the taker's",
        "venues/polymarket/trades.py",
        'price = field(parse_price, entry.price, at + ".price")',
        'price = field(parse_price, trade.price, ".price")',
        _USER,
    ),
    Fault(
        "a maker's outcome is the taker's",
        "venues/polymarket/trades.py",
        "OwnMatch(entry.order_id, entry.asset_id, side",
        "OwnMatch(entry.order_id, trade.asset_id, side",
        _USER,
    ),
    Fault(
        "a taker pays a minting maker's price instead of its complement",
        "venues/polymarket/trades.py",
        "(maker.price if same else ONE - maker.price)",
        "maker.price",
        _USER,
    ),
    Fault(
        "a taker's average price is rounded in our favour",
        "venues/polymarket/trades.py",
        "price = min(ceil_div(notional, size), price)",
        "price = min(notional // size, price)",
        _USER,
    ),
    Fault(
        "buckets of one match overwrite each other",
        "venues/polymarket/fills.py",
        '{trade}/{bucket}/{order.lower()}"',
        '{trade}/{order.lower()}"',
        _USER,
    ),
    Fault(
        "a mined trade is final",
        "venues/polymarket/fills.py",
        'if word == "CONFIRMED":',
        'if word in {"CONFIRMED", "MINED"}:',
        _USER,
    ),
    Fault(
        "a trade that failed on chain is confirmed",
        "venues/polymarket/user_codec.py",
        '"FAILED": "failed"',
        '"FAILED": "confirmed"',
        _USER,
    ),
    Fault(
        "an order killed by the venue is accepted",
        "venues/polymarket/user_codec.py",
        'if status == "INVALID" or _KILLED in status:',
        'if status == "INVALID":',
        _USER,
    ),
)
