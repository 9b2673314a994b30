"""Who makes the dollars of the chain: our own contract, or the node itself on a forked chain."""

from __future__ import annotations

from typing import Final, Protocol

from underround.local_venue.chain.books import Books
from underround.local_venue.chain.node import Node
from underround.local_venue.chain.placed import ADMIN
from underround.local_venue.chain.transactions import Errand
from underround.simulation.matching.terms import AccountId
from underround.venues.polygon.abi import Function
from underround.venues.polymarket.contracts import POLYGON

_ISSUE: Final = Function("issue(address,uint256)")
_RECALL: Final = Function("recall(address,uint256)")


class Bank(Protocol):
    """Pays people in and out."""

    stock: int
    """Micro-dollars of sets the venue makes for itself beyond what it needs at once."""

    async def change(self, account: str, more: int) -> list[Errand]:
        """Give an account ``more`` micro-dollars of pUSD, or take them: now, or by errands."""


class OwnBank:
    """Issues and recalls our pUSD."""

    stock = 10**15

    async def change(self, account: str, more: int) -> list[Errand]:
        """Return the errand that does it."""
        function = _ISSUE if more > 0 else _RECALL
        return [Errand(ADMIN, POLYGON.collateral, function(account, abs(more)))]


class NodesBank:
    """Lets the node write balances of the real pUSD, which nobody else could make.

    What it writes is not backed, so no more sets are made than needed.
    """

    stock = 0

    def __init__(self, node: Node, books: Books) -> None:
        """Such money leaves no log: ``books`` are told."""
        self._node = node
        self._books = books

    async def change(self, account: str, more: int) -> list[Errand]:
        """Write the new balance at once."""
        name = AccountId(account)
        amount = self._books.held(name) + more
        await self._node.rpc("anvil_dealERC20", account, POLYGON.collateral, hex(amount))
        self._books.set(name, None, amount)
        return []
