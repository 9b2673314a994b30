"""Who has an account at the venue: ready-made people, and whoever came with a key of his own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from underround.local_venue.kalshi.members import Members
from underround.local_venue.participants import CASH, Participant
from underround.local_venue.world import World
from underround.model.ids import KALSHI, POLYMARKET, MarketId, OutcomeId, Venue
from underround.model.units import Money, decimal_text
from underround.simulation.matching.terms import AccountId, OrderState
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.wallets import (
    SignatureType,
    deposit_wallets,
    proxy_wallet,
    safe_wallet,
)

_OPEN: Final[frozenset[OrderState]] = frozenset(("live", "delayed"))
_DEPOSIT: Final = SignatureType.POLY_1271.name
_MOST_STRANGERS: Final = 50
"""Owners with keys of their own who are shown, the newest."""


class AccountRow(msgspec.Struct, frozen=True):
    """What somebody has at one venue."""

    venue: Venue
    name: str
    account: str
    """A wallet's address; at Kalshi the member's id."""
    cash: str
    reserved: str
    """What open orders count on."""
    in_flight: str
    """What leaves with matches that are not settled yet; Kalshi has no such thing."""
    open_orders: int
    shares: dict[str, str]
    """Settled shares by market and outcome."""


class Roster:
    """Looks up accounts for the page."""

    def __init__(self, world: World, people: Sequence[Participant], members: Members) -> None:
        """``people`` are the ready-made accounts."""
        self._world = world
        self._people = people
        self._owners = frozenset(each.owner for each in people)
        self._members = members
        self._wallets: dict[str, dict[str, str]] = {}

    def rows(self) -> Iterator[AccountRow]:
        """Yield the ready-made accounts, other wallets that were used, then Kalshi's members."""
        orders = self._open_orders()
        for each in self._people:
            for kind, wallet in each.wallets.items():
                account = AccountId(wallet)
                if kind == _DEPOSIT or self._touched(account, CASH) or orders[account]:
                    name = each.name if kind == _DEPOSIT else f"{each.name} {kind}"
                    yield self._wallet(name, account, orders)
        for owner in self._strangers():
            for kind, wallet in self._wallets_of(owner).items():
                account = AccountId(wallet)
                if self._touched(account, 0) or orders[account]:
                    yield self._wallet(f"{owner[:8]}… {kind}", account, orders)
        for member in self._members.all.values():
            holders = [(member.id, number) for number in sorted(member.subaccounts)]
            yield self._member(member.name, member.id, holders, orders)

    # --- Polymarket ----------------------------------------------------------------------------

    def _strangers(self) -> list[str]:
        logins = self._world.accounts.logins.values()
        owners = dict.fromkeys(each.owner for each in logins if each.owner not in self._owners)
        return list(owners)[-_MOST_STRANGERS:]

    def _wallets_of(self, owner: str) -> Mapping[str, str]:
        """Return an owner's wallets by kind; deriving them takes some hashes, so it is kept."""
        found = self._wallets.get(owner)
        if found is None:
            raw = address_bytes(owner)
            beacon, proxied = deposit_wallets(raw)
            found = self._wallets[owner] = {
                _DEPOSIT: beacon,
                f"{_DEPOSIT} (UUPS)": proxied,
                SignatureType.POLY_PROXY.name: proxy_wallet(raw),
                SignatureType.POLY_GNOSIS_SAFE.name: safe_wallet(raw),
                SignatureType.EOA.name: owner,
            }
        return found

    def _touched(self, account: AccountId, cash: Money) -> bool:
        """Whether a wallet has anything else than the ``cash`` it began with."""
        held = dict(self._world.polymarket.custody.assets(account))
        money = held.pop(None, None)
        return (0 if money is None else money.balance) != cash or any(
            each.balance or each.in_flight for each in held.values()
        )

    def _open_orders(self) -> Counter[AccountId]:
        exchanges = (self._world.polymarket, self._world.kalshi)
        return Counter(
            order.sent.account
            for exchange in exchanges
            for order in exchange.orders.values()
            if order.state in _OPEN
        )

    def _wallet(self, name: str, account: AccountId, orders: Counter[AccountId]) -> AccountRow:
        custody = self._world.polymarket.custody
        held = custody.assets(account)
        return AccountRow(
            venue=POLYMARKET,
            name=name,
            account=account,
            cash=decimal_text(custody.balance(account)),
            reserved=decimal_text(custody.reserved(account)),
            in_flight=decimal_text(custody.in_flight(account)),
            open_orders=orders[account],
            shares={
                self._label(asset): decimal_text(each.balance)
                for asset, each in held
                if asset is not None and each.balance
            },
        )

    def _label(self, asset: OutcomeId) -> str:
        row = self._world.catalogue.markets.get(asset.market)
        if row is None:
            return f"{asset.market.native[:10]}… {('YES', 'NO')[asset.index]}"
        return f"{row.listing.slug} {row.listing.market.label(asset.index)}"

    # --- Kalshi --------------------------------------------------------------------------------

    def _member(
        self,
        name: str,
        member: AccountId,
        holders: Sequence[tuple[AccountId, int]],
        orders: Counter[AccountId],
    ) -> AccountRow:
        money = self._world.kalshi.money
        contracts: Counter[MarketId] = Counter()
        for holder in holders:
            for market, position in money.positions.get(holder, {}).items():
                contracts[market] += position.contracts
        return AccountRow(
            venue=KALSHI,
            name=name,
            account=member,
            cash=decimal_text(_sum(money.cash, member)),
            reserved=decimal_text(_sum(money.reserved, member)),
            in_flight="0",
            open_orders=orders[member],
            shares={
                f"{market.native} {'YES' if held > 0 else 'NO'}": decimal_text(abs(held))
                for market, held in contracts.items()
                if held
            },
        )


def _sum(amounts: Mapping[tuple[AccountId, int, int], Money], member: AccountId) -> Money:
    """Return what a member has on all subaccounts and shards."""
    return sum(amount for (account, _, _), amount in amounts.items() if account == member)
