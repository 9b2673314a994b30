"""Ready-made accounts: keys, wallets and credentials that follow from the seed, with money in them.

They are printed, written into a configuration and used in tests; they open nothing else.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final

import msgspec

from underround.local_venue.accounts import Accounts, seeded_private_key, wallet_of
from underround.local_venue.polymarket.relayer.keys import relayer_key
from underround.local_venue.world import World
from underround.model.units import Money, usd
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.contracts import required_approvals
from underround.venues.polymarket.wallets import SignatureType

NAMES: Final = ("alice", "bob", "carol")
CASH: Final[Money] = usd("10000")
"""What each wallet of a ready-made account begins with."""


class _Lent:
    """A key that is no secret, in the form in which keys are taken."""

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value.encode()

    def reveal(self) -> AbstractContextManager[memoryview]:
        return nullcontext(memoryview(self._value))


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """One person with an account at the local Polymarket: everything a client asks for."""

    name: str
    private_key: str
    """``0x`` hex; derived from the seed."""
    owner: str
    """Address of the key: API credentials belong to it."""
    wallets: dict[str, str]
    """Address of each kind of wallet, by the names of ``SignatureType``, e.g. ``POLY_1271``."""
    api_key: str
    api_secret: str
    api_passphrase: str
    relayer_key: str
    """``RELAYER_API_KEY`` of the owner."""

    @property
    def maker(self) -> str:
        """The wallet a new account trades with: the deposit wallet (signature type 3)."""
        return self.wallets[SignatureType.POLY_1271.name]

    def __repr__(self) -> str:
        return f"Participant({self.name})"


def participant(name: str, number: int, accounts: Accounts, seed: int) -> Participant:
    """Return the ready-made account ``number`` of a seed; its login (nonce 0) exists afterwards."""
    private_key = seeded_private_key(seed, number)
    owner = EvmKey(_Lent(name, private_key)).address
    login = accounts.derive(owner, 0) or accounts.create(owner, 0)
    assert login is not None
    accounts.eoa_allowed.add(owner)
    return Participant(
        name=name,
        private_key=private_key,
        owner=owner,
        wallets={kind.name: wallet_of(owner, kind).maker for kind in SignatureType},
        api_key=login.key,
        api_secret=login.secret,
        api_passphrase=login.passphrase,
        relayer_key=relayer_key(seed, owner),
    )


def move_in(world: World, names: tuple[str, ...] = NAMES, cash: Money = CASH) -> list[Participant]:
    """Make ready-made accounts, give each of their wallets ``cash`` and every approval."""
    made = [
        participant(name, number, world.accounts, world.seed) for number, name in enumerate(names)
    ]
    for each in made:
        for maker in each.wallets.values():
            fund(world, AccountId(maker), cash)
    return made


def fund(world: World, account: AccountId, cash: Money) -> None:
    """Give a wallet dollars, and every permission that trading needs."""
    custody = world.polymarket.custody
    custody.deposit(account, cash)
    for approval in required_approvals():
        shares = approval.standard == "erc1155"
        custody.allow(account, approval.spender, shares=shares, granted=True)
