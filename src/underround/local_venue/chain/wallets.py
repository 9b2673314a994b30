"""The relayer's calls as real transactions of the wallets' contracts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from underround.local_venue.chain.blocks import Blocks
from underround.local_venue.chain.node import CallFailed, Node
from underround.local_venue.chain.people import People
from underround.local_venue.chain.placed import compiled, wallet_code
from underround.local_venue.chain.transactions import Desk, by_wallet
from underround.local_venue.world import CallReverted, WalletCall
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import address_bytes, checksum, keccak
from underround.venues.polygon.reverts import revert_reason

_SPARE: Final = 130
"""Per cent of the estimate."""


class ChainWallets:
    """Has wallets make calls, all or none; the next block holds them."""

    def __init__(self, node: Node, desk: Desk, people: People, blocks: Blocks) -> None:
        """Send by ``desk``."""
        self._node = node
        self._desk = desk
        self._people = people
        self._blocks = blocks

    async def execute(self, wallet: str, calls: Sequence[WalletCall]) -> str:
        """Carry the calls out; return the transaction's hash once a block holds it.

        Raises ``CallReverted`` with the contract's reason.
        """
        address = checksum(address_bytes(wallet))
        await self.create(address)
        if address in self._people.foreign:
            raise CallReverted(
                "this wallet has a contract of its own: the relayer has no part in it"
            )
        (told,) = await self._desk.estimate([by_wallet(address, calls)])
        if isinstance(told, CallFailed):
            raise CallReverted(reason(told))
        try:
            errand = by_wallet(address, calls, told * _SPARE // 100)
            receipt = await self._blocks.carry_out(errand)
        except CallFailed as error:
            raise CallReverted(reason(error)) from None
        if receipt["status"] != "0x1":
            raise CallReverted("the chain had changed meanwhile: the transaction was undone")
        name: str = receipt["transactionHash"]
        return name

    async def create(self, wallet: str) -> None:
        """Let a wallet's contract stand at its address; does nothing when it stands there."""
        person = self._people.of(AccountId(wallet))
        if person.is_wallet and await self._node.rpc("eth_getCode", wallet, "latest") == "0x":
            await self._node.rpc("anvil_setCode", wallet, wallet_code(person.owner))


def reason(error: CallFailed) -> str:
    """Return why a contract refused a call: its words, or the name of its own error."""
    if error.data:
        named = _errors().get(error.data[:10].lower())
        return named or revert_reason(error.data) or error.message
    return error.message


@cache
def _errors() -> dict[str, str]:
    """Return the errors of our contracts by their selectors."""
    found = {}
    for contract in compiled().values():
        for entry in contract.abi:
            if entry["type"] == "error":
                kinds = ",".join(each["type"] for each in entry["inputs"])
                signature = f"{entry['name']}({kinds})"
                found["0x" + keccak(signature.encode())[:4].hex()] = f"{entry['name']}()"
    return found
