"""Money from nowhere, on the chain too: what a `fund` step gives is there in the next block."""

from __future__ import annotations

import asyncio
import json

from tests.chain.venue_desk import tools
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.flow.scene import Scene
from underround.local_venue.participants import CASH
from underround.local_venue.service import LocalVenue, VenueTerms
from underround.model.units import usd
from underround.venues.ethereum import EvmKey
from underround.venues.polygon.abi import Function
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.wallets import SignatureType

BALANCE = Function("balanceOf(address)")
ALLOWANCE = Function("allowance(address,address)")


def test_a_funded_wallet_has_its_dollars_and_permissions_on_the_chain() -> None:
    """Of a ready-made account, and of an owner who came with a key of his own."""

    async def main() -> None:
        async with LocalVenue(VenueTerms(scene=Scene(), chain=tools())) as venue:
            chain = venue._chain
            assert chain is not None

            async def asked(data: bytes) -> int:
                call = {"to": POLYGON.collateral, "data": "0x" + data.hex()}
                return int(await chain.node.rpc("eth_call", call, "latest"), 16)

            alice = venue.opened.accounts[0].maker
            stranger = EvmKey(Lent("stranger", "0x" + "77" * 32)).address
            venue.world.accounts.create(stranger, 0)
            wallet = wallet_of(stranger, SignatureType.POLY_1271).maker
            for account in ("alice", wallet):
                step = {"do": "fund", "account": account, "cash": "12.5"}
                venue.flow.carry_out(json.dumps(step).encode(), venue.world.act())
            await chain.blocks.make()
            assert await asked(BALANCE(alice)) == CASH + usd("12.5")
            assert await asked(BALANCE(wallet)) == usd("12.5")
            assert await asked(ALLOWANCE(wallet, POLYGON.exchange)) > usd("1000000000")
            assert not list(chain.books.differences())

    asyncio.run(main())
