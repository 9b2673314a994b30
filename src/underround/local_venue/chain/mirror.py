"""From the books to the chain: accounts, and what the books did with their money by themselves.

The venue pays people in, the house makes sets without asking anybody, rebates are paid: all of that
happens in the books first.  Before each block the difference is carried over: dollars are issued or
recalled, shares come from the venue's own sets or go back to them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from underround.local_venue.chain.bank import Bank
from underround.local_venue.chain.books import Books
from underround.local_venue.chain.effects import Asset
from underround.local_venue.chain.node import Node
from underround.local_venue.chain.people import People, Person
from underround.local_venue.chain.placed import ADMIN, FEE_RECEIVER, wallet_code
from underround.local_venue.chain.transactions import Desk, Errand
from underround.local_venue.world import WalletCall, World
from underround.model.ids import OutcomeId
from underround.simulation.matching.custody import BURNT
from underround.simulation.matching.terms import AccountId
from underround.venues.polygon import calldata, positions
from underround.venues.polygon.quantities import Address
from underround.venues.polymarket.contracts import POLYGON, Approval, required_approvals

TRADING: Final = tuple(
    approval
    for approval in required_approvals()
    if approval.token in {POLYGON.collateral, POLYGON.conditional_tokens}
)
"""The allowances that orders and sets of today's markets need."""


class Mirror:
    """Works out the errands that make the chain equal to the books."""

    def __init__(
        self, world: World, node: Node, desk: Desk, people: People, books: Books, bank: Bank
    ) -> None:
        """Nothing is on the chain yet."""
        self._bank = bank
        self._world = world
        self._node = node
        self._desk = desk
        self._people = people
        self._books = books
        self._seen: set[AccountId] = set()
        self._promised: defaultdict[OutcomeId, int] = defaultdict(int)
        """How the venue's own sets change by the errands under way."""

    async def errands(self) -> list[Errand]:
        """Return what is to be done now; accounts that are new get their wallet at once."""
        found: list[Errand] = []
        self._promised.clear()
        for account in list(self._world.polymarket.custody.accounts()):
            if account == BURNT:
                continue
            if account not in self._seen:
                self._seen.add(account)
                await self._move_in(self._people.of(account))
            found += self._approvals(account)
        for (account, asset), more in list(self._books.differences()):
            found += await self._carry(account, asset, more)
        return found + await self._fee_errands()

    def forget(self) -> None:
        """Look at everybody anew: what the node was told about accounts may be undone."""
        self._seen.clear()

    async def _move_in(self, person: Person) -> None:
        """Let a wallet's contract stand where it belongs; an owner's own account gets gas."""
        if not person.is_wallet:
            await self._desk.fund([person.address])
            return
        code = await self._node.rpc("eth_getCode", person.address, "latest")
        ours = wallet_code(person.owner)
        if code == "0x":
            await self._node.rpc("anvil_setCode", person.address, ours)
        elif code != ours:
            self._people.foreign.add(person.address)

    # --- money and shares ----------------------------------------------------------------------

    async def _carry(self, account: AccountId, asset: Asset, more: int) -> list[Errand]:
        person = self._people.of(account)
        if asset is None:
            return await self._bank.change(person.address, more)
        self._promised[asset] -= more
        if more < 0:
            return [self._hand_over(person, asset, -more)]
        errands = await self._restock(asset) if self._stock(asset) < 0 else []
        data = self._transfer(ADMIN, person.address, asset, more)
        return [*errands, Errand(ADMIN, POLYGON.conditional_tokens, data)]

    def _stock(self, asset: OutcomeId) -> int:
        return self._books.held(AccountId(ADMIN), asset) + self._promised[asset]

    async def _restock(self, asset: OutcomeId) -> list[Errand]:
        """Make sets for the venue, so that it has shares to give."""
        market = self._world.catalogue.markets[asset.market].listing.market
        size = self._bank.stock - self._stock(asset)
        for index in (0, 1):
            self._promised[OutcomeId(asset.market, index)] += size
        family: positions.Family = "neg_risk" if market.neg_risk else "ctf"
        split = positions.split(family, market.id.native, size)
        allow, _ = positions.approvals(family)
        return [
            *await self._bank.change(ADMIN, size),
            Errand(ADMIN, allow.to, allow.data),
            Errand(ADMIN, split.to, split.data),
        ]

    def _hand_over(self, person: Person, asset: OutcomeId, amount: int) -> Errand:
        data = self._transfer(person.address, ADMIN, asset, amount)
        (errand,) = self._people.errands(person, [WalletCall(POLYGON.conditional_tokens, data)])
        return errand

    def _transfer(self, giver: str, taker: str, asset: OutcomeId, amount: int) -> bytes:
        market = self._world.catalogue.markets[asset.market].listing.market
        token = int(market.tokens[asset.index])
        return calldata.TRANSFER_POSITION(giver, taker, token, amount, b"")

    async def _fee_errands(self) -> list[Errand]:
        """Recall what the books paid out of the fees: rebates."""
        there = self._books.held(AccountId(FEE_RECEIVER))
        over = there - self._world.polymarket.custody.fees
        if over <= 0:
            return []
        return await self._bank.change(FEE_RECEIVER, -over)

    # --- approvals -----------------------------------------------------------------------------

    def _approvals(self, account: AccountId) -> list[Errand]:
        """Return what makes the chain's allowances those of the books; a wallet's in one go."""
        custody, books = self._world.polymarket.custody, self._books
        changes: list[WalletCall] = []
        for each in TRADING:
            shares = each.standard == "erc1155"
            wanted = custody.allowed(account, each.spender, shares=shares)
            if wanted != books.granted(account, each.spender, shares=shares):
                changes.append(WalletCall(each.token, _approval(each, wanted)))
        return self._people.errands(self._people.of(account), changes) if changes else []


def _approval(approval: Approval, wanted: bool) -> bytes:
    spender = Address(approval.spender.lower())
    if approval.standard == "erc1155":
        return positions.allow_positions(spender, allowed=wanted).data
    return positions.allow_collateral(spender, positions.ENDLESS if wanted else 0).data
