"""What a node answers, as values: blocks, logs, receipts, fees.  Unknown fields are ignored."""

from __future__ import annotations

import msgspec

from underround.venues.polygon.quantities import Address, Hash, HexBytes, Quantity


class Block(msgspec.Struct, frozen=True, rename="camel"):
    """A block's header, as far as it is needed."""

    number: Quantity
    hash: Hash
    parent_hash: Hash
    timestamp: Quantity
    """Unix seconds."""
    base_fee_per_gas: Quantity | None = None


class Log(msgspec.Struct, frozen=True, rename="camel"):
    """One event of a contract; ``key`` names it across re-deliveries."""

    address: Address
    topics: tuple[Hash, ...]
    data: HexBytes
    block_number: Quantity
    block_hash: Hash
    transaction_hash: Hash
    log_index: Quantity
    block_timestamp: Quantity | None = None
    """Unix seconds; only some nodes state it."""
    removed: bool = False
    """The block of this log is no longer part of the chain."""

    @property
    def key(self) -> tuple[Hash, Hash, int]:
        """Block hash, transaction hash and index in the block."""
        return self.block_hash, self.transaction_hash, self.log_index


class Receipt(msgspec.Struct, frozen=True, rename="camel"):
    """What became of a mined transaction."""

    transaction_hash: Hash
    block_hash: Hash
    block_number: Quantity
    status: Quantity
    """1: it did what it was told; 0: it was reverted and only cost gas."""
    gas_used: Quantity
    effective_gas_price: Quantity
    """Wei per gas that was paid."""
    logs: tuple[Log, ...]


class KnownTransaction(msgspec.Struct, frozen=True, rename="camel"):
    """A transaction a node knows; ``block_number`` is ``None`` while it waits."""

    hash: Hash
    block_number: Quantity | None = None


class FeeHistory(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of ``eth_feeHistory``; all in wei."""

    base_fee_per_gas: tuple[Quantity, ...]
    """One per block, and one more: the next block's."""
    reward: tuple[tuple[Quantity, ...], ...] = ()
    """Per block, the tip at each percentile asked for."""
