"""Who is behind an account of the chain: its kind, its owner, and the key if it is the house's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import msgspec

from underround.local_venue.accounts import seeded_private_key
from underround.local_venue.chain.transactions import Errand, by_wallet
from underround.local_venue.flow.house import house_key
from underround.local_venue.world import WalletCall, World
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import EvmKey, address_bytes
from underround.venues.polymarket.wallets import (
    SignatureType,
    deposit_wallets,
    proxy_wallet,
    safe_wallet,
)

_MOST_HOUSE_KEYS: Final = 20_000
_OWN_KEY: Final = 1 << 40
"""Number of the seed's key that owns accounts of which nobody's key is known."""


class Person(msgspec.Struct, frozen=True):
    """An account on the chain."""

    address: str
    kind: SignatureType
    owner: str
    key: EvmKey | None = None
    """Of the house; an ordinary owner's is not ours."""

    @property
    def is_wallet(self) -> bool:
        """Whether it is a contract."""
        return self.kind is not SignatureType.EOA


class People:
    """Finds out about accounts; remembers."""

    def __init__(self, world: World) -> None:
        """Nobody is known yet."""
        self._world = world
        self._known: dict[AccountId, Person] = {}
        self._owners: set[str] = set()
        self._house: dict[str, EvmKey] = {}
        self.foreign: set[str] = set()
        """Wallets of a forked chain with contracts of their own: the node acts in their name."""
        self._logins = 0

    def meet(self, owner: str) -> None:
        """Know an owner's wallets from now on."""
        if owner in self._owners:
            return
        self._owners.add(owner)
        raw = address_bytes(owner)
        kinds = SignatureType
        for address, kind in (
            (owner, kinds.EOA),
            (proxy_wallet(raw), kinds.POLY_PROXY),
            (safe_wallet(raw), kinds.POLY_GNOSIS_SAFE),
            *((each, kinds.POLY_1271) for each in deposit_wallets(raw)),
        ):
            self._known[AccountId(address)] = Person(address, kind, owner)

    def of(self, account: AccountId) -> Person:
        """Return who an account is.

        Of somebody nobody knows: a wallet contract that the venue's own key owns, so that he can
        trade.
        """
        self._meet_logins()
        found = self._known.get(account)
        if found is None:
            found = self._known[account] = self._of_house(account) or self._of_nobody(account)
        return found

    def errands(self, person: Person, calls: Sequence[WalletCall]) -> list[Errand]:
        """Return the transactions in which somebody makes ``calls``; a wallet needs only one."""
        if person.is_wallet and person.address not in self.foreign:
            return [by_wallet(person.address, calls)]
        return [Errand(person.address, call.to, call.data, borrowed=True) for call in calls]

    def _meet_logins(self) -> None:
        logins = self._world.accounts.logins
        if len(logins) != self._logins:
            self._logins = len(logins)
            for login in tuple(logins.values()):
                self.meet(login.owner)

    def _of_house(self, account: AccountId) -> Person | None:
        """Return one of the house's accounts: their keys follow from the seed, one by one."""
        accounts = sum(1 for _ in self._world.polymarket.custody.accounts())
        most = min(2 * accounts + 64, _MOST_HOUSE_KEYS)
        while account not in self._house and len(self._house) < most:
            made = EvmKey(_Lent(house_key(self._world.seed, len(self._house))))
            self._house[made.address] = made
        key = self._house.get(account)
        return None if key is None else Person(account, SignatureType.EOA, account, key)

    def _of_nobody(self, account: AccountId) -> Person:
        key = EvmKey(_Lent(seeded_private_key(self._world.seed, _OWN_KEY)))
        return Person(account, SignatureType.POLY_1271, key.address, key)


class _Lent:
    """A key that is no secret, in the form in which keys are taken."""

    def __init__(self, value: str) -> None:
        self.name = "house"
        self._value = value.encode()

    def reveal(self) -> AbstractContextManager[memoryview]:
        return nullcontext(memoryview(self._value))
