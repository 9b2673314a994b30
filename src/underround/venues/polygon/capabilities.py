"""What the Polygon chain can do for us: settle, tell what happened, move shares and dollars."""

from __future__ import annotations

from typing import Final

from underround.model.ids import Venue
from underround.venues.capabilities import Capabilities, Fact

_RPC: Final = "ethereum/execution-apis and bor (2026-07)"
_CTF: Final = "@gnosis.pm/conditional-tokens-contracts 1.0.3, run on a local chain of 2026-11-20"
_UNUSED: Final = "not used: a chain has no order book"

CAPABILITIES: Final = Capabilities(
    venue=Venue("polygon"),
    trades=Fact(False, "Polymarket/ctf-exchange-v2: only the operator matches orders"),
    book_proof=Fact("none", _UNUSED),
    sequence_per=Fact("nothing", f"{_RPC}: a log is named by block, transaction and index"),
    snapshot_timed=Fact(False, _UNUSED),
    deltas=Fact("none", _UNUSED),
    one_mirrored_book=Fact(False, _UNUSED),
    nets_outcomes=Fact(False, f"{_CTF}: shares stay until merged or redeemed"),
    mints_sets=Fact(True, f"{_CTF}: splitPosition and mergePositions"),
    tifs=Fact((), _UNUSED),
    post_only=Fact(False, _UNUSED),
    order_id_known=Fact(False, "not used: it takes transactions, whose hash is known before"),
    resolution_stated=Fact(True, f"{_CTF}: ConditionResolution"),
    speaks=Fact(("json_rpc",), _RPC),
    reads=Fact(
        (
            "trades",
            "positions",
            "balance",
            "resolutions",
            "allowances",
            "blocks",
            "logs",
            "receipts",
            "nonces",
            "gas",
            "calls",
        ),
        f"{_RPC}: eth_call, eth_getLogs, eth_getTransactionReceipt, eth_feeHistory …",
    ),
    writes=Fact(("transactions",), f"{_RPC}: eth_sendRawTransaction"),
    channels=Fact((), "not used: logs are asked for block by block, so that none is lost"),
    replay=Fact("by_block", f"{_RPC}: eth_getLogs from the last block that was read"),
    signatures=Fact(("eip1559",), "EIP-1559; deterministic by RFC 6979"),
    rate_groups=Fact((), "each provider has limits of its own and publishes few"),
    orders_per_batch=Fact(0, f"{_RPC}: one signed transaction a call"),
    cancels_per_batch=Fact(0, f"{_RPC}: a cancel is a transaction with the same nonce"),
    tiers=Fact((), "each provider has plans of its own"),
    idempotency=Fact("nonce", f"{_RPC}: a nonce is mined once"),
    heartbeat_ms=Fact(None, f"{_RPC}: a transaction waits until it is mined or dropped"),
    history=Fact(("trades", "logs"), f"{_RPC}: eth_getLogs"),
    history_days=Fact(None, f"{_RPC}: every block; a provider may keep less and says so"),
    reference_feeds=Fact((), "not used: Chainlink's reports reach us through Polymarket's relay"),
)
