"""Faults in Kalshi's signatures, orders, answers and streams."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_ORDERS: Final = ("venues/kalshi/test_kalshi_orders.py",)
_SIGN: Final = ("venues/kalshi/test_kalshi_sign.py",)
_STREAM: Final = ("venues/kalshi/test_kalshi_stream.py", "venues/kalshi/test_kalshi_codec.py")
_NO: Final = ("venues/kalshi/test_kalshi_refusals.py", "venues/kalshi/test_kalshi_rest.py")
_WRITES: Final = ("venues/kalshi/test_kalshi_rest_writes.py",)
_USER: Final = ("venues/kalshi/test_kalshi_user_codec.py",)

FAULTS: Final = (
    # --- orders as they are sent -----------------------------------------------------------------
    Fault(
        "Kalshi's signature covers the query",
        "venues/kalshi/sign.py",
        "{path.partition('?')[0]}",
        "{path}",
        _SIGN,
    ),
    Fault(
        "Kalshi's signature is salted with the wrong length",
        "venues/kalshi/sign.py",
        "SALT_BYTES: Final = 32",
        "SALT_BYTES: Final = 20",
        _SIGN,
    ),
    Fault(
        "Kalshi is told the time in seconds",
        "venues/kalshi/sign.py",
        "at_ms = now // NANOS_PER_MS",
        "at_ms = now // 1_000_000_000",
        _SIGN,
    ),
    Fault(
        "buying NO is a bid for YES",
        "venues/kalshi/sides.py",
        '"bid" if (outcome == YES) == (side == "buy") else "ask"',
        '"bid" if side == "buy" else "ask"',
        _ORDERS,
    ),
    Fault(
        "a NO price is sent as a YES price",
        "venues/kalshi/orders.py",
        "price=price_text(mirrored(order.price, order.outcome.index), ticks),",
        "price=price_text(order.price, ticks),",
        _ORDERS,
    ),
    Fault(
        "fill or kill is sent as immediate or cancel",
        "venues/kalshi/orders.py",
        '"FOK": "fill_or_kill"',
        '"FOK": "immediate_or_cancel"',
        _ORDERS,
    ),
    Fault(
        "a crypto order names shard 0",
        "venues/kalshi/orders.py",
        "exchange_index=shard_index(terms.shard)",
        "exchange_index=0",
        _ORDERS,
    ),
    Fault(
        "a count finer than the wire is cut without a word",
        "venues/kalshi/orders.py",
        "if size % CENT or size < 0 or",
        "if size < 0 or",
        _ORDERS,
    ),
    Fault(
        "a price off the market's grid is sent",
        "venues/kalshi/orders.py",
        "if not ticks.valid(yes_price) or yes_price % _FINEST:",
        "if yes_price % _FINEST:",
        _ORDERS,
    ),
    Fault(
        "an order of Kalshi ends later than wished",
        "venues/kalshi/orders.py",
        "None if good_until_ns is None else good_until_ns // NANOS_PER_SECOND",
        "None if good_until_ns is None else -(-good_until_ns // NANOS_PER_SECOND)",
        _ORDERS,
    ),
    # --- what an answer means --------------------------------------------------------------------
    Fault(
        "a 5xx to an order of Kalshi is a definite no",
        "venues/kalshi/refusals.py",
        '    if write:\n        return OutcomeUnknown(f"{said}: it may',
        '    if False:\n        return OutcomeUnknown(f"{said}: it may',
        _NO,
    ),
    Fault(
        "words of a broken venue are believed",
        "venues/kalshi/refusals.py",
        "if not broken or fault.key in _PAUSED else None",
        "if True else None",
        _NO,
    ),
    Fault(
        "a batch row with an internal error is a definite no",
        "venues/kalshi/refusals.py",
        "known = None if _UNCERTAIN.search(fault.words) else _known(fault)",
        "known = _known(fault)",
        _NO,
    ),
    Fault(
        "a batch row with an unknown code is a definite no",
        "venues/kalshi/refusals.py",
        "if fault.key in _BAD_ORDER and not",
        "if not",
        _NO,
    ),
    Fault(
        "an executed order of Kalshi counts as filled",
        "venues/kalshi/stated_orders.py",
        'return "filled" if whole else "cancelled"',
        'return "filled"',
        ("venues/kalshi/test_kalshi_answers.py", *_USER),
    ),
    Fault(
        "a mean over another span is told as that of 60 seconds",
        "venues/kalshi/indices.py",
        "if mean.window_end_ts_exclusive - mean.window_start_ts_ms != _SPAN_MS:",
        "if False:",
        ("venues/kalshi/test_kalshi_indices.py",),
    ),
    Fault(
        "an index is told with another's price",
        "venues/kalshi/indices.py",
        "if stated.id != name:",
        "if False:",
        ("venues/kalshi/test_kalshi_indices.py",),
    ),
    Fault(
        "a client order id that exists counts as refused",
        "venues/kalshi/refusals.py",
        '"order_already_exists": (AlreadyKnown',
        '"order_already_exists": (RequestRefused',
        _NO,
    ),
    Fault(
        "an answer about another order is believed",
        "venues/kalshi/order_requests.py",
        'if taken.client not in {None, "", ours}:',
        "if False:",
        _WRITES,
    ),
    Fault(
        "a killed order of Kalshi is a placed one",
        "venues/kalshi/order_requests.py",
        "if body.time_in_force in _AT_ONCE and not taken.filled:",
        "if False:",
        _WRITES,
    ),
    Fault(
        "rows of a batch are matched by place instead of by id",
        "venues/kalshi/order_requests.py",
        "truth = named.get(body.client_order_id)",
        "truth = rows[index][1] if index < len(rows) else None",
        _WRITES,
    ),
    Fault(
        "an order that a batch cancel leaves out counts as cancelled",
        "venues/kalshi/order_requests.py",
        "missing = set(asked) - {row.native for row in rows}",
        "missing: set[str] = set()",
        _WRITES,
    ),
    Fault(
        "a cancel of nothing counts as a cancel",
        "venues/kalshi/order_answers.py",
        "if not refusal and not told.reduced_by:",
        "if False:",
        ("venues/kalshi/test_kalshi_answers.py", *_WRITES),
    ),
    Fault(
        "a listing of Kalshi whose cursor repeats counts as complete",
        "venues/kalshi/calls.py",
        "if cursor in seen:\n                break",
        "if cursor in seen:\n                return",
        ("venues/kalshi/test_kalshi_rest.py",),
    ),
    Fault(
        "a fill of NO is booked at the YES price",
        "venues/kalshi/user_codec.py",
        "price=mirrored(price, order.outcome.index)",
        "price=price",
        _USER,
    ),
    Fault(
        "a frame about an order in the other direction is believed",
        "venues/kalshi/user_codec.py",
        "if book_side(order.outcome.index, order.side) != way:",
        "if False:",
        _USER,
    ),
    Fault(
        "one trade that fills two orders of ours is one fill",
        "venues/kalshi/stated_orders.py",
        'FillId(f"{trade}:{order}")',
        "FillId(trade)",
        _USER,
    ),
    # --- its streams -----------------------------------------------------------------------------
    Fault(
        "the numbers of Kalshi's acknowledgements are not counted",
        "venues/kalshi/codec.py",
        "return (SequenceUsed(Number(head.sid, head.seq)),)",
        "return ()",
        _STREAM,
    ),
    Fault(
        "a missing number of a private channel goes unnoticed",
        "venues/kalshi/sessions.py",
        "if last is not None and head.seq != last + 1:",
        "if last is not None and head.seq < last:",
        _STREAM,
    ),
    Fault(
        "Kalshi is asked for NO levels in YES prices",
        "venues/kalshi/sessions.py",
        'params["use_yes_price"] = False',
        'params["use_yes_price"] = True',
        _STREAM,
    ),
    Fault(
        "a dead subscription of Kalshi is only a refusal",
        "venues/kalshi/sessions.py",
        '"closing" if told.code in _TERMINAL else "refused"',
        '"refused"',
        _STREAM,
    ),
)
