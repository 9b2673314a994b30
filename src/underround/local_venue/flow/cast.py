"""Who acts in a scene: the ready-made accounts by their names, and others of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

import msgspec

from underround.local_venue.accounts import account_of
from underround.local_venue.flow.house import OWNER, House
from underround.local_venue.flow.scene import SceneAccount, SceneMarket
from underround.local_venue.flow.scene_check import outcome_index
from underround.local_venue.kalshi.members import Members
from underround.local_venue.participants import NAMES, fund, participant
from underround.local_venue.world import World
from underround.model.errors import AccountError, ConfigError
from underround.model.ids import KALSHI, POLYMARKET, Venue
from underround.model.market import Market
from underround.model.units import Money
from underround.operations.fields import nearest
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import address_bytes, checksum


class Actor(msgspec.Struct, frozen=True):
    """Somebody at one venue."""

    account: AccountId
    login: str
    """What its orders are told to: the API key of a ready-made account."""
    owner: str
    """Address of the key; empty at Kalshi and for accounts of the scene's own."""


class Cast:
    """Everybody a scene names."""

    def __init__(self, world: World, house: House, names: Collection[str] = ()) -> None:
        """``names``: of the scene's own people, beside the ready-made accounts."""
        self._world = world
        self._house = house
        self._members = Members(world.seed)
        self._names = frozenset(names)

    def actor(self, name: str, venue: Venue) -> Actor:
        """Return who is called ``name`` at a venue; raises ``ConfigError`` when nobody is."""
        if name not in NAMES and name not in self._names:
            near = nearest(name, (*NAMES, *self._names))
            raise ConfigError(f"account: there is no account {name}{near}")
        if name not in NAMES:
            return Actor(self._house.account(f"scene {name}", venue), OWNER, "")
        if venue == KALSHI:
            return Actor(self._members.join(name).id, name, "")
        world = self._world
        made = participant(name, NAMES.index(name), world.accounts, world.seed)
        return Actor(AccountId(made.maker), made.api_key, made.owner)

    def settle_in(
        self,
        written: SceneAccount,
        markets: Mapping[str, Market],
        rows: Mapping[str, SceneMarket],
    ) -> None:
        """Give an account its money and its shares."""
        actor = self.actor(written.name, Venue(written.venue))
        self._pay(actor.account, Venue(written.venue), int(written.cash))
        custody = self._world.polymarket.custody
        for held in written.shares:
            market, index = markets[held.market], outcome_index(rows[held.market], held.outcome)
            assert index is not None, "the scene was checked"
            giver = self._house.account("giver", POLYMARKET)
            self._house.stock(giver, market.id, int(held.size))
            custody.withdraw(giver, int(held.size), market.outcome(index))
            custody.deposit(actor.account, int(held.size), market.outcome(index))

    def fund(self, name: str, venue: Venue, cash: Money) -> None:
        """Give more money to somebody, or to any wallet by its address; raises ``ConfigError``."""
        if venue == KALSHI:
            self._world.kalshi.money.deposit(self.actor(name, venue).account, cash)
        elif name.startswith("0x"):
            fund(self._world, self._wallet(name), cash)
        else:
            fund(self._world, self.actor(name, venue).account, cash)

    def _wallet(self, address: str) -> AccountId:
        try:
            wallet = checksum(address_bytes(address))
        except ValueError as error:
            raise ConfigError(f"account: {error}: write 0x and 40 hex digits") from None
        # A chain needs to know what stands at an address, and that follows from the owner's key.
        if self._world.signed_orders is not None and not self._is_known(wallet):
            raise ConfigError(
                f"account: {wallet} is nobody's wallet yet, and on the chain its owner counts: "
                "derive API keys with the owner's key first, then fund it"
            )
        return AccountId(wallet)

    def _is_known(self, wallet: str) -> bool:
        for login in self._world.accounts.logins.values():
            with suppress(AccountError):
                return bool(account_of(login.owner, wallet))
        return False

    def _pay(self, account: AccountId, venue: Venue, cash: Money) -> None:
        """Let an account have exactly ``cash``."""
        if venue == KALSHI:
            money = self._world.kalshi.money
            have = money.balance((account, 0), 0)
            if cash >= have:
                money.deposit(account, cash - have)
            else:
                money.withdraw(account, have - cash)
            return
        fund(self._world, account, 0)
        custody = self._world.polymarket.custody
        have = custody.balance(account)
        if cash >= have:
            custody.deposit(account, cash - have)
        else:
            custody.withdraw(account, have - cash)
