"""Wallets without a chain: their calls are carried out on the books of the exchange.

What the contracts would do is done to custody, with their own reasons when they refuse.  Sources of
the reasons: Gnosis ConditionalTokens 1.0.3, ``neg-risk-ctf-adapter``, and Solady's ERC-20, which
pUSD is made of.  A wallet may move what its open orders count on, as on the chain; the exchange
then drops the orders that are left without cover.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from underround.local_venue.polymarket.wallets.acts import (
    Act,
    Approve,
    ApproveAll,
    Convert,
    Merge,
    Ramp,
    Redeem,
    Send,
    SendShares,
    Split,
    act_of,
)
from underround.local_venue.polymarket.wallets.scratch import Deed, Purse, Scratch
from underround.local_venue.polymarket.wallets.sets import NOT_OPERATOR, TOO_MUCH, SetDesk
from underround.local_venue.world import CallReverted, WalletCall, World
from underround.model.ids import OutcomeId
from underround.model.units import Nanos
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import address_bytes, checksum, keccak
from underround.venues.polymarket.contracts import POLYGON

DeedListener: TypeAlias = Callable[[Deed, str, Nanos], None]
"""Told a deed, its transaction's hash and the time."""


class BookkeptWallets:
    """Carries the calls of wallets out at once, all or none."""

    def __init__(self, world: World) -> None:
        """Act on the world's custody; what custody does not know is kept in ``purse``."""
        self._world = world
        self._sets = SetDesk(world)
        self.purse = Purse(world.polymarket.custody)
        self._number = 0
        self._listeners: list[DeedListener] = []

    def listen(self, listener: DeedListener) -> None:
        """Call ``listener`` for everything that is done from now on."""
        self._listeners.append(listener)

    async def execute(self, wallet: str, calls: Sequence[WalletCall]) -> str:
        """Carry the calls out, see ``WalletDesk``."""
        return self.carry_out(wallet, calls, self._world.time())

    def carry_out(self, wallet: str, calls: Sequence[WalletCall], now: Nanos) -> str:
        """Carry the calls out at ``now``; return the transaction's hash.

        Raises ``CallReverted`` with the contract's reason; then nothing has happened.
        """
        account = AccountId(checksum(address_bytes(wallet)))
        scratch = Scratch(self._world.polymarket.custody, self.purse)
        for call in calls:
            self._try(scratch, account, act_of(call))
        scratch.commit()
        self._number += 1
        name = f"wallet transaction {self._world.seed} {self._number}"
        transaction = f"0x{keccak(name.encode()).hex()}"
        for deed in scratch.deeds:
            for listener in self._listeners:
                listener(deed, transaction, now)
        self._world.polymarket.drop_uncovered(account, now)
        return transaction

    def _try(self, scratch: Scratch, wallet: AccountId, act: Act) -> None:
        match act:
            case Approve():
                scratch.allow(wallet, act.token, act.spender, act.amount)
            case ApproveAll():
                scratch.allow_all(wallet, act.token, act.spender, act.granted)
            case Send():
                _send(scratch, wallet, act)
            case SendShares():
                self._send_shares(scratch, wallet, act)
            case Split():
                self._sets.split(scratch, wallet, act)
            case Merge():
                self._sets.merge(scratch, wallet, act)
            case Redeem():
                self._sets.redeem(scratch, wallet, act)
            case Convert():
                self._sets.convert(scratch, wallet, act)
            case Ramp():
                _ramp(scratch, wallet, act)

    def _send_shares(self, scratch: Scratch, wallet: AccountId, act: SendShares) -> None:
        giver, to = AccountId(act.giver), AccountId(act.to)
        if giver != wallet and not scratch.operates(giver, act.token, wallet):
            raise CallReverted(NOT_OPERATOR)
        for position, amount in zip(act.positions, act.amounts, strict=True):
            outcome = self._outcome(position, act.token)
            if outcome is None or amount > scratch.free(giver, outcome):
                raise CallReverted(TOO_MUCH)
            scratch.take(giver, outcome, amount)
            scratch.give(to, outcome, amount)

    def _outcome(self, position: int, token: str) -> OutcomeId | None:
        """Return whose shares ``position`` are, if the contract ``token`` holds them."""
        found = self._world.catalogue.tokens.get(str(position))
        if found is None:
            return None
        listing, index = found[0].listing, found[1]
        held_by = POLYGON.conditional_tokens
        if listing.protocol == "v2":
            held_by = POLYGON.position_manager
        return listing.market.outcome(index) if token == held_by else None


def _send(scratch: Scratch, wallet: AccountId, act: Send) -> None:
    to = AccountId(act.to)
    if act.token == POLYGON.usdc_e:
        if act.amount > scratch.usdc(wallet):
            raise CallReverted("ERC20: transfer amount exceeds balance")
        scratch.change_usdc(wallet, -act.amount)
        scratch.change_usdc(to, act.amount)
        return
    if act.amount > scratch.free(wallet):
        raise CallReverted("InsufficientBalance()")
    scratch.take(wallet, None, act.amount)
    scratch.give(to, None, act.amount)
    scratch.deeds.append(Deed(kind="WITHDRAWAL", wallet=wallet, cash=act.amount))
    scratch.deeds.append(Deed(kind="DEPOSIT", wallet=to, cash=act.amount))


def _ramp(scratch: Scratch, wallet: AccountId, act: Ramp) -> None:
    if act.asset != POLYGON.usdc_e:
        raise CallReverted("OnlyUnpaused()")
    to, cash = AccountId(act.to), act.amount
    place = POLYGON.onramp if act.up else POLYGON.offramp
    scratch.charge(wallet, place, cash, in_usdc=act.up, why="TransferFromFailed()")
    if act.up:
        scratch.give(to, None, cash)
        scratch.deeds.append(Deed(kind="DEPOSIT", wallet=to, cash=cash))
        return
    scratch.count(wallet, None, cash)  # charged above; ``take`` counts it again and plans the step
    scratch.take(wallet, None, cash)
    scratch.change_usdc(to, cash)
    scratch.deeds.append(Deed(kind="WITHDRAWAL", wallet=wallet, cash=cash))
