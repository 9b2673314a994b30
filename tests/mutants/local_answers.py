"""Faults in the local CLOB: what keeps orders alive, how often one may ask, what is told."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_LIMITS: Final = ("local_venue/polymarket/test_clob_limits.py",)
_ORDERS: Final = ("local_venue/polymarket/test_clob_orders.py",)
_READS: Final = ("local_venue/polymarket/test_clob_reads.py",)

FAULTS: Final = (
    # --- what keeps orders alive, and what ends them ----------------------------------------------
    Fault(
        "a silent member's orders stay",
        "local_venue/polymarket/clob/heartbeat.py",
        "self._world.polymarket.cancel_where(at, owner=key)",
        "pass",
        _ORDERS,
    ),
    Fault(
        "a heartbeat with a wrong id counts",
        "local_venue/polymarket/clob/heartbeat.py",
        "if sent != beats.expected:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "a heartbeat does not put the end off",
        "local_venue/polymarket/clob/heartbeat.py",
        "if until is not None and at < until:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "cancelling all cancels everybody's",
        "local_venue/polymarket/clob/cancels.py",
        ("gone = self._exchange.cancel_where(now, owner=login.key)\n"),
        ("gone = self._exchange.cancel_where(now)\n"),
        _ORDERS,
    ),
    Fault(
        "a restart lets orders in while it lasts",
        "local_venue/polymarket/clob/restart.py",
        'world.polymarket.mode = "down"',
        'world.polymarket.mode = "open"',
        _ORDERS,
    ),
    Fault(
        "a restart that was overtaken opens the venue",
        "local_venue/polymarket/clob/restart.py",
        ('if number == self._number:\n                world.polymarket.mode = "open"'),
        ('if True:\n                world.polymarket.mode = "open"'),
        _ORDERS,
    ),
    # --- how often one may ask --------------------------------------------------------------------
    Fault(
        "a batch costs as much as one order",
        "local_venue/polymarket/clob/orders.py",
        "headers = server.signers.order(login.owner, len(rows), now)",
        "headers = server.signers.order(login.owner, 1, now)",
        _LIMITS,
    ),
    Fault(
        "cancelling all costs one, however many went",
        "local_venue/polymarket/clob/limits.py",
        "owed = count if signer.name in _IN_DEBT else min(count, max(level, 0))",
        "owed = 0",
        _LIMITS,
    ),
    Fault(
        "a platinum member's cancels go into debt",
        "local_venue/polymarket/clob/limits.py",
        "owed = count if signer.name in _IN_DEBT else min(count, max(level, 0))",
        "owed = count",
        _LIMITS,
    ),
    Fault(
        "the long window of an address is forgotten",
        "local_venue/polymarket/clob/limits.py",
        "wait = max((bucket.wait(1, now) for bucket in buckets), default=0)",
        "wait = min((bucket.wait(1, now) for bucket in buckets), default=0)",
        _LIMITS,
    ),
    Fault(
        "the warning mode refuses",
        "local_venue/polymarket/clob/limits.py",
        ("        if self._enforced:\n"),
        ("        if True:\n"),
        _LIMITS,
    ),
    # --- what is told of it -----------------------------------------------------------------------
    Fault(
        "a list's cursor skips a row",
        "local_venue/polymarket/clob/paging.py",
        "b64encode(str(end).encode())",
        "b64encode(str(end + 1).encode())",
        _READS,
    ),
    Fault(
        "others' orders are read",
        "local_venue/polymarket/clob/account_reads.py",
        "if order is None or order.sent.account not in accounts_of(login.owner):",
        "if order is None:",
        _READS,
    ),
    Fault(
        "a maker reads a trade as its taker",
        "local_venue/polymarket/clob/rows.py",
        '"TAKER" if trade.account in own else "MAKER"',
        '"TAKER"',
        _READS,
    ),
    Fault(
        "a maker's row says what the taker bought",
        "local_venue/polymarket/clob/rows.py",
        "token, label = named(world, fill.outcome)",
        "token, label = named(world, OutcomeId(fill.outcome.market, 1))",
        _READS,
    ),
    Fault(
        "the balance of a wallet is its key's own",
        "local_venue/polymarket/clob/account_reads.py",
        "account = AccountId(wallet_of(login.owner, kind).maker)",
        "account = AccountId(login.owner)",
        _READS,
    ),
    Fault(
        "buyers are told the offer and sellers the bid",
        "local_venue/polymarket/clob/book_reads.py",
        'best[0] if side == "BUY" else best[1]',
        'best[1] if side == "BUY" else best[0]',
        _READS,
    ),
    Fault(
        "a young order scores",
        "local_venue/polymarket/clob/scoring.py",
        "or distance >= widest or not old_enough:",
        "or distance >= widest:",
        _READS,
    ),
    Fault(
        "makers are not told that a fill failed",
        "local_venue/polymarket/clob/notices.py",
        "for order in (trade.order, *(fill.order for fill in trade.makers)):",
        "for order in (trade.order,):",
        _READS,
    ),
)
