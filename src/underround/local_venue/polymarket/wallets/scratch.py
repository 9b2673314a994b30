"""A wallet's transaction tried out before anything moves: all of its calls happen, or none.

Every act takes from and gives to a copy of what the wallet and its counterparts hold; what it
would do to the real books is kept as a step.  An act that cannot be done raises ``CallReverted``
with the contract's own words, and nothing has happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from underround.local_venue.world import CallReverted
from underround.model.ids import MarketId, OutcomeId
from underround.model.units import Money, Size
from underround.simulation.matching.custody import Custody
from underround.simulation.matching.terms import AccountId
from underround.venues.polymarket.contracts import POLYGON

ENDLESS: Final = 2**256 - 1
"""An allowance that is never used up."""
DeedKind: TypeAlias = Literal["SPLIT", "MERGE", "REDEEM", "CONVERSION", "DEPOSIT", "WITHDRAWAL"]
_Held: TypeAlias = tuple[AccountId, OutcomeId | None]


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Something a wallet did that histories tell."""

    kind: DeedKind
    wallet: AccountId
    market: MarketId | None = None
    """For a conversion: the first of the group."""
    size: Size = 0
    cash: Money = 0
    """Dollars that came or went."""
    shares: tuple[tuple[OutcomeId, int], ...] = ()
    """What changed of each outcome, less than 0 for what was given."""


class Purse:
    """What the custody does not keep: USDC.e, and how much of an allowance is left."""

    def __init__(self, custody: Custody) -> None:
        """Nobody has USDC.e; an allowance nobody stated is endless or none, as custody says."""
        self._custody = custody
        self.usdc: defaultdict[AccountId, Money] = defaultdict(int)
        self._allowances: dict[tuple[AccountId, str, str], int] = {}
        self._operators: dict[tuple[AccountId, str, str], bool] = {}

    def allowance(self, wallet: AccountId, token: str, spender: str) -> int:
        """Return what ``spender`` may still take of an ERC-20."""
        stated = self._allowances.get((wallet, token, spender))
        if token != POLYGON.collateral:
            return stated or 0
        granted = self._custody.allowed(wallet, spender, shares=False)
        if stated is not None and (stated > 0) == granted:
            return stated
        return ENDLESS if granted else 0

    def operates(self, wallet: AccountId, token: str, spender: str) -> bool:
        """Return whether ``spender`` may move the shares that ``token`` holds."""
        stated = self._operators.get((wallet, token, spender))
        granted = self._custody.allowed(wallet, spender, shares=True)
        return granted and stated is not False

    def allow(self, wallet: AccountId, token: str, spender: str, amount: int) -> None:
        """Set an allowance; of pUSD the custody is told whether there is any."""
        self._allowances[wallet, token, spender] = amount
        if token == POLYGON.collateral:
            self._custody.allow(wallet, spender, shares=False, granted=amount > 0)

    def allow_all(self, wallet: AccountId, token: str, spender: str, granted: bool) -> None:
        """Let an operator move all shares of a contract, or no longer."""
        self._operators[wallet, token, spender] = granted
        others = (
            self._operators.get((wallet, other, spender), False)
            for (whose, other, which) in list(self._operators)
            if whose == wallet and which == spender
        )
        self._custody.allow(wallet, spender, shares=True, granted=granted or any(others))


class Scratch:
    """One transaction being tried out."""

    def __init__(self, custody: Custody, purse: Purse) -> None:
        """Begin with the books as they are."""
        self._custody = custody
        self._purse = purse
        self._changes: defaultdict[_Held, int] = defaultdict(int)
        self._usdc: defaultdict[AccountId, int] = defaultdict(int)
        self._allowances: dict[tuple[AccountId, str, str], int] = {}
        self._operators: dict[tuple[AccountId, str, str], bool] = {}
        self._steps: list[Callable[[], None]] = []
        self.deeds: list[Deed] = []

    # --- looking -------------------------------------------------------------------------------

    def free(self, wallet: AccountId, outcome: OutcomeId | None = None) -> int:
        """Return what a wallet can move: open orders tie nothing down on the chain."""
        held = self._custody.balance(wallet, outcome) - self._custody.in_flight(wallet, outcome)
        return held + self._changes[wallet, outcome]

    def usdc(self, wallet: AccountId) -> int:
        """Return a wallet's USDC.e."""
        return self._purse.usdc[wallet] + self._usdc[wallet]

    def allowance(self, wallet: AccountId, token: str, spender: str) -> int:
        """Return what ``spender`` may still take of an ERC-20."""
        key = (wallet, token, spender)
        return self._allowances.get(key, self._purse.allowance(*key))

    def operates(self, wallet: AccountId, token: str, spender: str) -> bool:
        """Return whether ``spender`` may move the shares that ``token`` holds."""
        key = (wallet, token, spender)
        return self._operators.get(key, self._purse.operates(*key))

    # --- doing ---------------------------------------------------------------------------------

    def count(self, wallet: AccountId, outcome: OutcomeId | None, amount: int) -> None:
        """Count ``amount`` more, or less, of an asset, which another step moves."""
        self._changes[wallet, outcome] += amount

    def give(self, wallet: AccountId, outcome: OutcomeId | None, amount: int) -> None:
        """Let ``amount`` of an asset arrive."""
        self.count(wallet, outcome, amount)
        self.then(lambda: self._custody.deposit(wallet, amount, outcome))

    def take(self, wallet: AccountId, outcome: OutcomeId | None, amount: int) -> None:
        """Let ``amount`` of an asset leave."""
        self.count(wallet, outcome, -amount)
        self.then(lambda: self._custody.withdraw(wallet, amount, outcome, reserved_too=True))

    def change_usdc(self, wallet: AccountId, amount: int) -> None:
        """Give USDC.e, or take it."""
        self._usdc[wallet] += amount

        def step() -> None:
            self._purse.usdc[wallet] += amount

        self._steps.append(step)

    def charge(
        self, wallet: AccountId, spender: str, amount: Money, *, in_usdc: bool, why: str
    ) -> None:
        """Count off what a contract takes, and of a finite allowance; ``why``: its words if not.

        USDC.e leaves; pUSD is moved by another step.
        """
        token = POLYGON.usdc_e if in_usdc else POLYGON.collateral
        allowed = self.allowance(wallet, token, spender)
        there = self.usdc(wallet) if in_usdc else self.free(wallet)
        if amount > min(allowed, there):
            raise CallReverted(why)
        if allowed != ENDLESS:
            self.allow(wallet, token, spender, allowed - amount)
        if in_usdc:
            self.change_usdc(wallet, -amount)
        else:
            self.count(wallet, None, -amount)

    def allow(self, wallet: AccountId, token: str, spender: str, amount: int) -> None:
        """Set an allowance."""
        self._allowances[wallet, token, spender] = amount
        self._steps.append(lambda: self._purse.allow(wallet, token, spender, amount))

    def allow_all(self, wallet: AccountId, token: str, spender: str, granted: bool) -> None:
        """Let an operator move all shares of a contract, or no longer."""
        self._operators[wallet, token, spender] = granted
        self._steps.append(lambda: self._purse.allow_all(wallet, token, spender, granted))

    def then(self, step: Callable[[], object]) -> None:
        """Let ``step`` happen when the whole transaction does."""
        self._steps.append(lambda: _forget(step()))

    def commit(self) -> None:
        """Let everything happen, in order."""
        for step in self._steps:
            step()


def _forget(value: object) -> None:
    del value
