"""Faults in requests: what an answer means, whose a trade is, how fast we ask, what is sent twice."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_REFUSALS: Final = ("venues/polymarket/test_refusals.py", "venues/polymarket/test_rest.py")
_ANSWERS: Final = ("venues/polymarket/test_answers.py", "venues/polymarket/test_rest.py")
_REST: Final = ("venues/polymarket/test_rest.py",)
_USER: Final = ("venues/polymarket/test_user_codec.py", "venues/polymarket/test_answers.py")
_RELAYER: Final = ("venues/polymarket/test_relayer.py",)
_HTTP: Final = ("venues/test_http.py",)
_LINE: Final = ("venues/test_order_line.py",)
_BUDGET: Final = ("venues/test_budget.py",)
_KALSHI_NO: Final = ("venues/kalshi/test_kalshi_refusals.py", "venues/kalshi/test_kalshi_rest.py")
_KALSHI_WRITES: Final = ("venues/kalshi/test_kalshi_rest_writes.py",)
_KALSHI_USER: Final = ("venues/kalshi/test_kalshi_user_codec.py",)

FAULTS: Final = (
    # --- what a refusal means ------------------------------------------------------------------
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
    # --- what became of an order ---------------------------------------------------------------
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
        "a list whose cursor repeats is read for ever",
        "venues/polymarket/public.py",
        "if cursor in seen:",
        "if len(seen) > 100_000:",
        _REST,
    ),
    # --- whose a trade is ----------------------------------------------------------------------
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
    # --- sending -------------------------------------------------------------------------------
    Fault(
        "aiohttp sends a cancel again when the connection breaks",
        "venues/http.py",
        "middlewares=(_sent_once,) if write else ()",
        "middlewares=()",
        _HTTP,
    ),
    Fault(
        "a write that got no answer was not sent",
        "venues/http.py",
        "        if write:\n            raise OutcomeUnknown",
        "        if False:\n            raise OutcomeUnknown",
        _HTTP,
    ),
    Fault(
        "a redirect is followed with our signature",
        "venues/http.py",
        "allow_redirects=False",
        "allow_redirects=True",
        _HTTP,
    ),
    Fault(
        "an order that got no answer was not sent",
        "venues/order_line.py",
        "        if write:\n            raise OutcomeUnknown",
        "        if False:\n            raise OutcomeUnknown",
        _LINE,
    ),
    Fault(
        "a connection that the host has closed is written to",
        "venues/http_connection.py",
        "return self.free and not self._poll.poll(0)",
        "return self.free",
        _LINE,
    ),
    Fault(
        "a late answer is taken for the next request's",
        "venues/http_connection.py",
        "            answer.set_exception(error)\n        self.drop()",
        "            answer.set_exception(error)",
        _LINE,
    ),
    Fault(
        "a relayed action that may be under way is signed again",
        "venues/polymarket/relayer.py",
        "            except RequestRefused:\n",
        "            except (RequestRefused, OutcomeUnknown):\n",
        _RELAYER,
    ),
    Fault(
        "a nonce ahead of the chain is signed again",
        "venues/polymarket/relayer_answers.py",
        "return int(old[1]) < int(old[2]), int(old[2])",
        "return True, int(old[2])",
        _RELAYER,
    ),
    # --- budgets -------------------------------------------------------------------------------
    Fault(
        "a refill is waited for a nanosecond too short",
        "venues/budget.py",
        "refilled = ceil_div(missing, self._rate.tokens)",
        "refilled = missing // self._rate.tokens",
        _BUDGET,
    ),
    Fault(
        "a bucket begins with one token more than its burst",
        "venues/budget.py",
        "self._filled = rate.burst * self._unit",
        "self._filled = (rate.burst + 1) * self._unit",
        _BUDGET,
    ),
    Fault(
        "orders spend what cancels need",
        "venues/budget.py",
        "needed = charge.leave + (1 if",
        "needed = (1 if",
        _BUDGET,
    ),
    Fault(
        "a window takes full burst and full refill",
        "venues/budget.py",
        "Rate(tokens=requests - half,",
        "Rate(tokens=requests,",
        _BUDGET,
    ),
    Fault(
        "the venue is believed when it counts more tokens than we have",
        "venues/budget.py",
        "self._filled = min(self._filled, remaining * self._unit)",
        "self._filled = remaining * self._unit",
        _BUDGET,
    ),
    Fault(
        "a shorter pause ends a longer one",
        "venues/budget.py",
        "self._held_ns = max(self._held_ns, until_ns)",
        "self._held_ns = until_ns",
        _BUDGET,
    ),
    Fault(
        "a waiting request's tokens are not set aside",
        "venues/budget.py",
        "needed += other.claim(charge.bucket, charge.leave)",
        "pass",
        _BUDGET,
    ),
    Fault(
        "orders of Polymarket leave nothing of the address's window to cancels",
        "venues/polymarket/limits.py",
        'Charge("ip.clob", flat=True, leave=CANCEL_RESERVE)',
        'Charge("ip.clob", flat=True)',
        _REST,
    ),
    Fault(
        "orders of Kalshi leave nothing to cancels",
        "venues/kalshi/limits.py",
        "(Charge(name, leave=write.burst // _KEPT_FOR_CANCELS),)",
        "(Charge(name),)",
        ("venues/kalshi/test_kalshi_rest.py", "venues/kalshi/test_kalshi_rest_writes.py"),
    ),
    # --- Kalshi --------------------------------------------------------------------------------
    Fault(
        "a 5xx to an order of Kalshi is a definite no",
        "venues/kalshi/refusals.py",
        "    if write:\n        return OutcomeUnknown(f\"{said}: it may",
        "    if False:\n        return OutcomeUnknown(f\"{said}: it may",
        _KALSHI_NO,
    ),
    Fault(
        "words of a broken venue are believed",
        "venues/kalshi/refusals.py",
        "by_words=status < 500",
        "by_words=True",
        _KALSHI_NO,
    ),
    Fault(
        "a batch row with an internal error is a definite no",
        "venues/kalshi/refusals.py",
        "if _UNCERTAIN.search(fault.words):",
        "if False:",
        _KALSHI_NO,
    ),
    Fault(
        "a client order id that exists counts as refused",
        "venues/kalshi/refusals.py",
        '"order_already_exists": (AlreadyKnown',
        '"order_already_exists": (RequestRefused',
        _KALSHI_NO,
    ),
    Fault(
        "an answer about another order is believed",
        "venues/kalshi/order_requests.py",
        'if taken.client not in {None, "", ours}:',
        "if False:",
        _KALSHI_WRITES,
    ),
    Fault(
        "a killed order of Kalshi is a placed one",
        "venues/kalshi/order_requests.py",
        "if body.time_in_force in _AT_ONCE and not taken.filled:",
        "if False:",
        _KALSHI_WRITES,
    ),
    Fault(
        "rows of a batch are matched by place instead of by id",
        "venues/kalshi/order_requests.py",
        "truth = named.get(body.client_order_id)",
        "truth = rows[index][1] if index < len(rows) else None",
        _KALSHI_WRITES,
    ),
    Fault(
        "an order that a batch cancel leaves out counts as cancelled",
        "venues/kalshi/order_requests.py",
        "missing = set(asked) - {row.native for row in rows}",
        "missing: set[str] = set()",
        _KALSHI_WRITES,
    ),
    Fault(
        "a cancel of nothing counts as a cancel",
        "venues/kalshi/order_answers.py",
        "if not refusal and not told.reduced_by:",
        "if False:",
        ("venues/kalshi/test_kalshi_answers.py", *_KALSHI_WRITES),
    ),
    Fault(
        "a listing of Kalshi whose cursor repeats is read for ever",
        "venues/kalshi/calls.py",
        "if cursor in seen:",
        "if False:",
        ("venues/kalshi/test_kalshi_rest.py",),
    ),
    Fault(
        "a fill of NO is booked at the YES price",
        "venues/kalshi/user_codec.py",
        "price=mirrored(price, order.outcome.index)",
        "price=price",
        _KALSHI_USER,
    ),
    Fault(
        "a frame about an order in the other direction is believed",
        "venues/kalshi/user_codec.py",
        "if book_side(order.outcome.index, order.side) != way:",
        "if False:",
        _KALSHI_USER,
    ),
    Fault(
        "one trade that fills two orders of ours is one fill",
        "venues/kalshi/stated_orders.py",
        'FillId(f"{trade}:{order}")',
        "FillId(trade)",
        _KALSHI_USER,
    ),
)
