"""What the nodes are asked about a transaction: its gas before, its fate afterwards."""

from __future__ import annotations

from typing import Any, Final

from underround.model.errors import RequestRefused, UnderroundError
from underround.model.units import ceil_div
from underround.venues.polygon.answers import Block, KnownTransaction, Receipt
from underround.venues.polygon.messages import Ask
from underround.venues.polygon.quantities import Address, Hash, HexBytes, Quantity
from underround.venues.polygon.rpc import Rpc
from underround.venues.polygon.sign import Call
from underround.venues.polygon.transactions import Sight, Transaction

_MARGIN: Final = 125
"""Per cent of an estimate: what a call costs may change before it is mined."""


async def estimate_gas(rpc: Rpc, sender: Address, call: Call) -> int:
    """Return a gas limit: the node's estimate and a quarter.

    Raises ``RequestRefused`` with the contract's reason when the call would revert now.
    """
    told = await rpc.call(Quantity, "eth_estimateGas", _as_params(sender, call))
    return ceil_div(told * _MARGIN, 100)


async def look(rpc: Rpc, transaction: Transaction) -> Sight:
    """Return what one node says about all attempts of ``transaction``, in one answer."""
    hashes = [attempt.hash for attempt in transaction.attempts]
    asks = [
        Ask("eth_getBlockByNumber", ("latest", False)),
        Ask("eth_getBlockByNumber", ("finalized", False)),
        Ask("eth_getTransactionCount", (transaction.sender, "finalized")),
        *(Ask("eth_getTransactionReceipt", (name,)) for name in hashes),
        *(Ask("eth_getTransactionByHash", (name,)) for name in hashes),
    ]
    head, final, used, *rest = await rpc.batch(asks)
    receipts = [result.maybe(Receipt) for result in rest[: len(hashes)]]
    known = [result.maybe(KnownTransaction) for result in rest[len(hashes) :]]
    return Sight(
        head=int(head.read(Block).number),
        final=int(final.read(Block).number),
        used_final=int(used.read(Quantity)),
        receipt=next((receipt for receipt in receipts if receipt is not None), None),
        known=frozenset(one.hash for one in known if one is not None),
    )


async def never_heard_of(rpc: Rpc, name: Hash) -> bool:
    """Whether a node says that it does not know the transaction ``name``."""
    try:
        return await rpc.maybe(KnownTransaction, "eth_getTransactionByHash", name) is None
    except UnderroundError:
        return False


async def why_reverted(rpc: Rpc, transaction: Transaction) -> str:
    """Return why a mined transaction was reverted: the same call on the state of its block.

    That state includes the rest of the block, so the reason can be missing or another one.
    """
    assert transaction.block is not None
    call = _as_params(transaction.sender, transaction.call)
    try:
        await rpc.call(HexBytes, "eth_call", call, hex(transaction.block))
    except RequestRefused as error:
        return str(error)
    except UnderroundError:
        pass
    return "it was reverted; the node gives no reason"


def _as_params(sender: Address, call: Call) -> dict[str, Any]:
    data, value = "0x" + call.data.hex(), hex(call.value)
    return {"from": sender, "to": call.to, "data": data, "value": value}
