"""Faults in the local venue's chain: matches as transactions, re-orgs, books beside the chain."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_FAULTS: Final = ("chain/test_local_venue_chain_faults.py",)
_EDGES: Final = ("chain/test_local_venue_chain_edges.py",)
_SETTLEMENT: Final = ("chain/test_local_venue_settlement.py",)
_WALLETS: Final = ("chain/test_local_venue_wallets_on_chain.py",)

FAULTS: Final = (
    # --- what goes wrong on demand ----------------------------------------------------------------
    Fault(
        "a ghost fill settles",
        "local_venue/chain/settlement.py",
        "ghost = faults.strikes(Ghost, now) is not None",
        "ghost = False",
        _FAULTS,
    ),
    Fault(
        "a match that is to be retried is not",
        "local_venue/chain/settlement.py",
        "held_back = not ghost and faults.strikes(Retry, now) is not None",
        "held_back = False",
        _FAULTS,
    ),
    Fault(
        "stuck settlements are mined",
        "local_venue/chain/settlement.py",
        "if self._world.faults.of(Stuck, now):",
        "if False:",
        _FAULTS,
    ),
    Fault(
        "a match is tried three times",
        "local_venue/chain/settlement.py",
        "MOST_ATTEMPTS: Final = 2",
        "MOST_ATTEMPTS: Final = 3",
        _FAULTS,
    ),
    Fault(
        "a re-org leaves matches where they were",
        "local_venue/chain/blocks.py",
        "self._settlement.take_back(first)",
        "pass",
        _FAULTS,
    ),
    Fault(
        "a re-org leaves what people did in the books",
        "local_venue/chain/blocks.py",
        "self._books.take_back(first, now)",
        "pass",
        _FAULTS,
    ),
    Fault(
        "a re-org goes behind a final block",
        "local_venue/chain/blocks.py",
        "depth = min(blocks, self.head - self.final)",
        "depth = blocks",
        _FAULTS,
    ),
    Fault(
        "what people sent is lost by a re-org",
        "local_venue/chain/blocks.py",
        "await self._node.batch(foreign)",
        "pass",
        _FAULTS,
    ),
    # --- settlement -------------------------------------------------------------------------------
    Fault(
        "a mined match is final at once",
        "local_venue/chain/settlement.py",
        "if job.block <= final:",
        "if True:",
        _FAULTS,
    ),
    Fault(
        "transactions that the node dropped are waited for",
        "local_venue/chain/blocks.py",
        "self._settlement.lost([name for name in self._settlement.sent if name in dropped])",
        "pass",
        _EDGES,
    ),
    Fault(
        "rebates never leave the fees on the chain",
        "local_venue/chain/mirror.py",
        "over = there - self._world.polymarket.custody.fees",
        "over = 0",
        _SETTLEMENT,
    ),
    Fault(
        "what the venue pays in stays off the chain",
        "local_venue/chain/mirror.py",
        "return await self._bank.change(person.address, more)",
        "return []",
        _SETTLEMENT,
    ),
    Fault(
        "orders stay whose cover left on the chain",
        "local_venue/chain/books.py",
        "self._world.polymarket.drop_uncovered(account, now)",
        "pass",
        _WALLETS,
    ),
    Fault(
        "an allowance taken back on the chain stays in the books",
        "local_venue/chain/books.py",
        "custody.allow(grant.account, grant.spender, shares=grant.shares, granted=granted)",
        "custody.allow(grant.account, grant.spender, shares=grant.shares, granted=True)",
        _WALLETS,
    ),
    Fault(
        "what a conversion lent is not counted",
        "local_venue/chain/books.py",
        "custody.lent += sign * effect.lent",
        "custody.lent += 0",
        _WALLETS,
    ),
)
