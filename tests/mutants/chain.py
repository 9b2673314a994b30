"""Faults on the chain: nonces, fees, transactions, logs, and the trades of the past."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_NONCES: Final = ("venues/polygon/test_nonces.py",)
_FEES: Final = ("venues/polygon/test_fees.py",)
_TRANSACTIONS: Final = ("venues/polygon/test_transactions.py",)
_LOGS: Final = ("venues/polygon/test_logs.py",)
_RPC: Final = ("venues/polygon/test_rpc.py",)
_SIGN: Final = ("venues/polygon/test_sign.py",)
_TRADES: Final = ("venues/polygon/test_exchange_logs.py",)
_PAGING: Final = ("venues/goldsky/test_paging.py",)
_GOLDSKY: Final = ("venues/goldsky/test_goldsky_trades.py",)

FAULTS: Final = (
    # --- nonces --------------------------------------------------------------------------------
    Fault(
        "a nonce is handed out twice",
        "venues/polygon/nonces.py",
        "self._counters[name] = number + 1",
        "self._counters[name] = number",
        _NONCES,
    ),
    Fault(
        "a nonce that may be in use goes back",
        "venues/polygon/nonces.py",
        "if not lease.spent:",
        "if True:",
        _NONCES,
    ),
    Fault(
        "a nonce of an earlier run is handed out again",
        "venues/polygon/nonces.py",
        "await self._store.raise_to(self._name, nonce + 1)",
        "await self._store.raise_to(self._name, nonce)",
        _NONCES,
    ),
    Fault(
        "a nonce counts from what is mined, not from what waits",
        "venues/polygon/nonces.py",
        "Lease(await self._store.take(self._name, reading.pending))",
        "Lease(await self._store.take(self._name, reading.mined))",
        _NONCES,
    ),
    Fault(
        "a nonce that a pool has is used up as a gap",
        "venues/polygon/nonces.py",
        "yield Lease(nonce) if nonce in state.unseen else None",
        "yield Lease(nonce)",
        _NONCES,
    ),
    # --- fees ----------------------------------------------------------------------------------
    Fault(
        "a replacement pays 9 % more",
        "venues/polygon/fees.py",
        "fresh * 100 >= stale * 110",
        "fresh * 100 >= stale * 109",
        _FEES,
    ),
    Fault(
        "a replacement's step is a twelfth",
        "venues/polygon/fees.py",
        "ceil_div(old.tip * 9, 8)",
        "ceil_div(old.tip * 13, 12)",
        _FEES,
    ),
    Fault(
        "the operator's cap on fees is ignored",
        "venues/polygon/fees.py",
        "max_fee = min(2 * prices.base_fee + tip, cap.max_fee)",
        "max_fee = 2 * prices.base_fee + tip",
        _FEES,
    ),
    Fault(
        "a replacement's tip passes the cap",
        "venues/polygon/fees.py",
        "now.tip if now else 0), cap.tip)",
        "now.tip if now else 0), 2 * cap.tip)",
        _FEES,
    ),
    Fault(
        "a tip lies below what nodes take",
        "venues/polygon/fees.py",
        "max(prices.fast if profile.fast else prices.standard, LEAST_TIP)",
        "prices.fast if profile.fast else prices.standard",
        _FEES,
    ),
    Fault(
        "the gas station's doubles are rounded down",
        "venues/polygon/fees.py",
        ".to_integral_value(ROUND_CEILING)",
        '.to_integral_value("ROUND_FLOOR")',
        _FEES,
    ),
    # --- transactions --------------------------------------------------------------------------
    Fault(
        "a transaction that was reverted is done",
        "venues/polygon/transactions.py",
        'state = "final" if receipt.status == 1 else "reverted"',
        'state = "final"',
        _TRANSACTIONS,
    ),
    Fault(
        "a mined block is final at once",
        "venues/polygon/transactions.py",
        "if receipt.block_number <= final:",
        "if True:",
        _TRANSACTIONS,
    ),
    Fault(
        "a nonce that somebody else used goes unnoticed",
        "venues/polygon/transactions.py",
        "if sight.used_final > transaction.nonce:",
        "if False:",
        _TRANSACTIONS,
    ),
    Fault(
        "a cancellation that was mined counts as the call",
        "venues/polygon/transactions.py",
        'if attempt.kind == "cancel":',
        "if False:",
        _TRANSACTIONS,
    ),
    Fault(
        "a transaction that is mined is replaced",
        "venues/polygon/transactions.py",
        'if transaction.ended or transaction.state == "mined":',
        "if transaction.ended:",
        _TRANSACTIONS,
    ),
    Fault(
        "tip and fee are signed in each other's place",
        "venues/polygon/sign.py",
        "        _number(fees.tip),\n        _number(fees.max_fee),\n",
        "        _number(fees.max_fee),\n        _number(fees.tip),\n",
        _SIGN,
    ),
    Fault(
        "money is sent with a key that everybody has",
        "venues/ethereum.py",
        "return address.lower() in PUBLIC_KEY_HOLDERS",
        "return address in PUBLIC_KEY_HOLDERS",
        _SIGN,
    ),
    # --- nodes and logs ------------------------------------------------------------------------
    Fault(
        "a node of another chain is asked",
        "venues/polygon/rpc.py",
        "if chain not in {None, self.chain_id}:",
        "if False:",
        _RPC,
    ),
    Fault(
        "a node behind the blocks in question says that nothing happened",
        "venues/polygon/rpc.py",
        "if head.read(Quantity) < last:",
        "if False:",
        (*_RPC, *_LOGS),
    ),
    Fault(
        "a transaction that a node has already is refused",
        "venues/polygon/rpc.py",
        'if result.fault is None or result.fault.kind == "known":',
        "if result.fault is None:",
        _RPC,
    ),
    Fault(
        "a log that the chain removed is not undone",
        "venues/polygon/logs.py",
        "return [] if known is None else [LogUndone(known)]",
        "return []",
        _LOGS,
    ),
    Fault(
        "a log that is told again counts twice",
        "venues/polygon/logs.py",
        "if log.key in self._logs or",
        "if",
        _LOGS,
    ),
    Fault(
        "what a reorganisation undid is not told",
        "venues/polygon/logs.py",
        "return [LogUndone(log) for log in gone]",
        "return []",
        _LOGS,
    ),
    Fault(
        "a block that was final may become another one",
        "venues/polygon/logs.py",
        "if hashes.get(self._final.number, self._final.hash) != self._final.hash:",
        "if False:",
        _LOGS,
    ),
    Fault(
        "a head that goes back counts as life",
        "venues/polygon/logs.py",
        "if number > self._number:",
        "if number != self._number:",
        _LOGS,
    ),
    # --- trades of the past --------------------------------------------------------------------
    Fault(
        "the taker's own row doubles the volume",
        "venues/polygon/exchange_logs.py",
        "        if fill.closes_match:\n",
        "        if False:\n",
        _TRADES,
    ),
    Fault(
        "a purchase on chain is read as a sale",
        "venues/polygon/exchange_logs.py",
        "buys = event.side == 0",
        "buys = event.side == 1",
        _TRADES,
    ),
    Fault(
        "a taker's fee counts once per maker",
        "venues/polygon/exchange_logs.py",
        "taker_fee=taker.fee if maker is makers[-1] else 0",
        "taker_fee=taker.fee",
        _TRADES,
    ),
    Fault(
        "a mint is a merge",
        "venues/polygon/exchange_logs.py",
        'return "mint" if maker.side == "buy" else "merge"',
        'return "merge" if maker.side == "buy" else "mint"',
        _TRADES,
    ),
    Fault(
        "a buyer's old fee in shares is read as dollars",
        "venues/polygon/exchange_logs.py",
        "fee_in_shares=buys",
        "fee_in_shares=False",
        _TRADES,
    ),
    Fault(
        "a full page loses the rest of its last second",
        "venues/goldsky/paging.py",
        "return Turn(kept, Cursor(cut - 1, cut))",
        "return Turn(tuple(rows), Cursor(cut))",
        _PAGING,
    ),
    Fault(
        "the rows of a cut second are read twice",
        "venues/goldsky/paging.py",
        "if row.at_s < cut)",
        "if row.at_s <= cut)",
        _PAGING,
    ),
    Fault(
        "a second with more than a page ends after the first page",
        "venues/goldsky/paging.py",
        "return Turn(tuple(rows), Cursor(cursor.done, cursor.within, rows[-1].id))",
        "return Turn(tuple(rows), _after(cursor.within, last))",
        _PAGING,
    ),
    Fault(
        "the subgraph's own rows of takers double the volume",
        "venues/goldsky/trades.py",
        "[fill for fill in fills if not fill.closes_match and not fill.is_dust]",
        "[fill for fill in fills if not fill.is_dust]",
        _GOLDSKY,
    ),
    Fault(
        "dust of the subgraph has a price",
        "venues/goldsky/trades.py",
        "not fill.closes_match and not fill.is_dust]",
        "not fill.closes_match]",
        _GOLDSKY,
    ),
)
