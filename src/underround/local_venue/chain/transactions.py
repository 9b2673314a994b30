"""Transactions that the local venue itself makes: the node acts for whoever sends them.

Ordinary accounts sign theirs; the venue's roles have no keys, and what its books did for an account
(a deposit, a set that the house split) is carried out in the account's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from underround.local_venue.chain.node import CallFailed, Node
from underround.local_venue.chain.placed import RELAYER
from underround.local_venue.world import WalletCall
from underround.venues.polygon.abi import Function
from underround.venues.polygon.quantities import Hash

EXECUTE: Final = Function("execute((address,uint256,bytes)[])")
"""Of a wallet; only the relayer may call it."""
_PURSE: Final = hex(10**24)
"""Wei of POL for gas; the local chain has enough."""
_TIP: Final = hex(30 * 10**9)
_MAX_FEE: Final = hex(1_000 * 10**9)
"""Above every base fee that comes up: the node drops what pays too little."""
_GAS: Final = 3_000_000
"""Unused gas costs nothing."""


class Errand(msgspec.Struct, frozen=True):
    """One transaction that is to be made."""

    sender: str
    to: str
    data: bytes
    gas: int = _GAS
    borrowed: bool = False
    """Made in the name of somebody who counts his transactions himself: his nonce is given back."""

    @property
    def fields(self) -> dict[str, Any]:
        """The transaction as the node takes it."""
        return {
            "from": self.sender,
            "to": self.to,
            "data": "0x" + self.data.hex(),
            "gas": hex(self.gas),
            "maxFeePerGas": _MAX_FEE,
            "maxPriorityFeePerGas": _TIP,
        }


def by_wallet(wallet: str, calls: Sequence[WalletCall], gas: int = _GAS) -> Errand:
    """Return the errand in which the relayer has a wallet make ``calls``, all or none."""
    data = EXECUTE([(call.to, call.value, call.data) for call in calls])
    return Errand(RELAYER, wallet, data, gas)


class Desk:
    """Sends errands; the next block holds them."""

    def __init__(self, node: Node) -> None:
        """Nobody has gas yet."""
        self._node = node
        self._funded: set[str] = set()

    async def open(self) -> None:
        """Let the node act for anybody who is asked for here."""
        await self._node.rpc("anvil_autoImpersonateAccount", True)

    def forget(self) -> None:
        """Give everybody gas anew: what was given may be undone."""
        self._funded.clear()

    async def fund(self, senders: Iterable[str]) -> None:
        """Give senders gas, once each."""
        new = [each for each in dict.fromkeys(senders) if each not in self._funded]
        self._funded.update(new)
        await self._node.batch([("anvil_setBalance", [each, _PURSE]) for each in new])

    async def send(self, errands: Sequence[Errand]) -> list[Hash | CallFailed]:
        """Send errands, in order; returns the hash of each, or why the node took none."""
        await self.fund(errand.sender for errand in errands)
        return await self._node.batch(
            [("eth_sendTransaction", [errand.fields]) for errand in errands]
        )

    async def estimate(self, errands: Sequence[Errand]) -> list[int | CallFailed]:
        """Return the gas each errand would take now, or why it would fail."""
        await self.fund(errand.sender for errand in errands)
        calls = []
        for errand in errands:
            fields = errand.fields
            del fields["gas"]
            calls.append(("eth_estimateGas", [fields, "pending"]))
        told = await self._node.batch(calls)
        return [each if isinstance(each, CallFailed) else int(each, 16) for each in told]
