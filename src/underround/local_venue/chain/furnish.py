"""What stands on the chain from its first block: contracts, ours and real ones, and roles."""

from __future__ import annotations

from typing import Final

from underround.local_venue.chain.node import CallFailed, Node
from underround.local_venue.chain.placed import ADMIN, EXCHANGES, OPERATOR, PLACES, compiled
from underround.local_venue.chain.transactions import Desk, Errand
from underround.model.errors import Bug
from underround.venues.polygon.abi import Function
from underround.venues.polygon.positions import allow_positions
from underround.venues.polygon.quantities import Address
from underround.venues.polymarket.contracts import POLYGON

_ADD_OPERATOR: Final = Function("addOperator(address)")


async def furnish(node: Node, desk: Desk, conditional_tokens: str) -> None:
    """Place every contract, let the operator match, and make the block that holds it all."""
    placing = [
        ("anvil_setCode", [place, compiled()[name].deployed_bytecode])
        for name, places in PLACES.items()
        for place in places
    ]
    # Protocol V2's ledger is an ERC-1155 as well.  Nobody has anything of it on this chain, but
    # clients ask it who is allowed what, and allow.
    ledgers = (POLYGON.conditional_tokens, POLYGON.position_manager)
    placing += [("anvil_setCode", [ledger, conditional_tokens]) for ledger in ledgers]
    for told in await node.batch(placing):
        if isinstance(told, CallFailed):
            raise told
    await desk.open()
    errands = [Errand(ADMIN, exchange, _ADD_OPERATOR(OPERATOR)) for exchange in EXCHANGES]
    for adapter in (POLYGON.collateral_adapter, POLYGON.neg_risk_collateral_adapter):
        allow = allow_positions(Address(adapter.lower()))
        errands.append(Errand(ADMIN, allow.to, allow.data))
    await carry_out(node, desk, errands)


async def carry_out(node: Node, desk: Desk, errands: list[Errand]) -> None:
    """Make a block of ``errands``; all of them must work."""
    names = await desk.send(errands)
    await node.mine()
    for errand, name in zip(errands, names, strict=True):
        if isinstance(name, CallFailed):
            raise name
        receipt = await node.rpc("eth_getTransactionReceipt", name)
        if receipt is None or receipt["status"] != "0x1":
            raise Bug(f"the local chain refused a call of {errand.to} while it was furnished")
