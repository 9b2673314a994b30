"""What clients that are not ours ask of the local chain's node."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.chain.venue_desk import Desk, venue
from underround.venues.polygon import calldata, positions
from underround.venues.polygon.contracts import POSITION_MANAGER
from underround.venues.polygon.fees import Fees
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import sign_transaction
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.wallets import SignatureType

EXCHANGE = Address(POLYGON.exchange.lower())


async def told(desk: Desk, method: str, *params: object) -> Any:
    """Return what the front answers."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = json.loads(await desk.chain.node.forward(json.dumps(asked).encode()))
    assert "error" not in answer, answer
    return answer["result"]


def test_a_transaction_at_the_gas_price_the_node_names_is_in_the_next_block() -> None:
    async def story() -> None:
        async with venue() as desk:
            for nonce in range(3):
                await desk.block()
                price = int(await told(desk, "eth_gasPrice"), 16)
                signed = sign_transaction(
                    desk.key("alice"),
                    positions.allow_positions(EXCHANGE),
                    chain_id=137,
                    nonce=nonce,
                    gas=200_000,
                    fees=Fees(tip=price, max_fee=price),
                )
                name = await told(desk, "eth_sendRawTransaction", "0x" + signed.raw.hex())
                await desk.block()
                receipt = await told(desk, "eth_getTransactionReceipt", name)
                assert receipt is not None, f"{price} was too little"
                assert receipt["status"] == "0x1"

    asyncio.run(story())


def test_the_ledger_of_protocol_v2_can_be_asked_and_told_who_is_allowed_what() -> None:
    async def story() -> None:
        async with venue() as desk:
            await desk.block()
            owner = Address(desk.account("alice", SignatureType.EOA).lower())
            asked = (POSITION_MANAGER, calldata.IS_APPROVED_FOR_ALL, owner, EXCHANGE)
            assert not await desk.read(*asked)
            await desk.raw("alice", positions.allow_positions(EXCHANGE, v2=True))
            await desk.block()
            assert await desk.read(*asked)

    asyncio.run(story())
