"""The books of the venue and the balances of the chain, side by side.

The chain's balances are what the logs of its blocks add up to.  What ordinary accounts did changes
the books, too; whatever a block did can be taken back, for a re-org takes blocks back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from underround.local_venue.chain.effects import Asset, Effect, Grant, Held, deeds
from underround.local_venue.polymarket.wallets.scratch import Deed
from underround.local_venue.world import World
from underround.model.ids import OutcomeId
from underround.model.units import Nanos
from underround.simulation.matching.custody import BURNT
from underround.simulation.matching.terms import AccountId

DeedListener: TypeAlias = Callable[[Deed, str, Nanos], None]
"""Told a deed, its transaction's hash and the time."""
_BLOCKS: Final = 64
"""Blocks that can be taken back; no re-org is deeper."""


class Books:
    """Who holds what on the chain, and what of it the custody learned from there."""

    def __init__(self, world: World) -> None:
        """The chain is empty."""
        self._world = world
        self._held: dict[AccountId, dict[Asset, int]] = {}
        self._granted: set[tuple[AccountId, str, bool]] = set()
        self._blocks: deque[tuple[int, list[tuple[Effect, bool]]]] = deque(maxlen=_BLOCKS)
        self._listeners: list[DeedListener] = []

    def listen(self, listener: DeedListener) -> None:
        """Call ``listener`` for everything that ordinary accounts do on the chain."""
        self._listeners.append(listener)

    # --- reading -------------------------------------------------------------------------------

    def held(self, account: AccountId, asset: Asset = None) -> int:
        """Return what an account holds on the chain at the newest block."""
        return self._held.get(account, {}).get(asset, 0)

    def granted(self, account: AccountId, spender: str, *, shares: bool) -> bool:
        """Return whether the chain knows this allowance."""
        return (account, spender, shares) in self._granted

    def differences(self) -> Iterator[tuple[Held, int]]:
        """Yield where the custody has more (or less) than the chain, and by how much."""
        custody, markets = self._world.polymarket.custody, self._world.catalogue.markets
        for account in list(custody.accounts()):
            if account == BURNT:
                continue
            known = self._held.get(account, {})
            for asset, holding in list(custody.assets(account)):
                if asset is not None and asset.market not in markets:
                    known.pop(asset, None)  # forgotten: nobody asks for it any more
                    continue
                more = holding.balance - known.get(asset, 0)
                if more:
                    yield (account, asset), more

    # --- blocks --------------------------------------------------------------------------------

    def add(self, block: int, effects: list[tuple[Effect, bool]], now: Nanos) -> None:
        """Take in a block: each transaction's effect, and whether the venue made it itself."""
        self._blocks.append((block, effects))
        for effect, ours in effects:
            self._count(effect, 1)
            if not ours:
                self._learn(effect, 1, now)
                for deed in deeds(effect):
                    for listener in self._listeners:
                        listener(deed, effect.transaction, now)

    def take_back(self, first: int, now: Nanos) -> None:
        """Undo every block from ``first`` on, newest first."""
        while self._blocks and self._blocks[-1][0] >= first:
            for effect, ours in reversed(self._blocks.pop()[1]):
                self._count(effect, -1)
                if not ours:
                    self._learn(effect, -1, now)

    def set(self, account: AccountId, asset: Asset, amount: int) -> None:
        """Note a balance that no log told, as of a forked chain."""
        self._held.setdefault(account, {})[asset] = amount

    def adopt(
        self, account: AccountId, balances: Mapping[Asset, int], grants: Iterable[Grant]
    ) -> None:
        """Take over somebody whom the chain knew before: what he holds, and whom he trusts."""
        custody = self._world.polymarket.custody
        for asset, amount in balances.items():
            self.set(account, asset, amount)
            custody.holding(account, asset).balance = amount
        for grant in grants:
            custody.allow(account, grant.spender, shares=grant.shares, granted=grant.granted)
            if grant.granted:
                self._granted.add((account, grant.spender, grant.shares))

    def _count(self, effect: Effect, sign: int) -> None:
        for (account, asset), amount in (*effect.moved.items(), *effect.own.items()):
            assets = self._held.setdefault(account, {})
            assets[asset] = assets.get(asset, 0) + sign * amount
        for grant in effect.grants:
            entry = (grant.account, grant.spender, grant.shares)
            if grant.granted == (sign > 0):
                self._granted.add(entry)
            else:
                self._granted.discard(entry)

    def _learn(self, effect: Effect, sign: int, now: Nanos) -> None:
        """Let the custody know what the chain's logs say; what was lent for it, and what backs it.

        A wallet may move what its open orders count on: those without cover are cancelled.
        """
        custody = self._world.polymarket.custody
        markets = self._world.catalogue.markets
        for (account, asset), amount in effect.moved.items():
            custody.holding(account, asset).balance += sign * amount
        for market, amount in effect.backing.items():
            if market in markets:
                custody.backing[market] = custody.backing.get(market, 0) + sign * amount
        custody.lent += sign * effect.lent
        for grant in effect.grants:
            granted = grant.granted == (sign > 0)
            custody.allow(grant.account, grant.spender, shares=grant.shares, granted=granted)
        for account in effect.accounts():
            if any(
                amount * sign < 0 for (who, _), amount in effect.moved.items() if who == account
            ):
                self._world.polymarket.drop_uncovered(account, now)


def outcome_of(world: World, token: int) -> OutcomeId | None:
    """Return whose shares a position id is."""
    found = world.catalogue.tokens.get(str(token))
    return None if found is None else found[0].listing.market.outcome(found[1])
