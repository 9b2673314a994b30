"""Who owns what at the exchange: money and shares of every account, exact to the millionth.

Polymarket keeps nothing itself: what an account has lies in its wallet.  So an open order only
*reserves* (it promises the same dollar to nobody else), a match puts what both sides give *in
flight*, and only the mined transaction moves it (``transfers``).  What arrives counts from then on.

Every share is half of a set that one dollar backs::

    collateral of accounts + backing of sets + fees collected − lent      is ``total``

Nothing changes that sum but collateral that comes or goes.  *Lent* is what neg-risk conversions pay
out before the NO shares they take in are worth it (``convert``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from underround.model.ids import NO, YES, MarketId, OutcomeId
from underround.model.market import Resolution
from underround.model.units import ONE, Money, Price, Size
from underround.simulation.matching.holding import Holding
from underround.simulation.matching.terms import AccountId

BURNT: Final = AccountId("burnt")
"""Holds the NO shares that conversions took in; the adapter's burn address on the chain."""


class Custody:
    """The holdings of all accounts.  ``outcome=None`` means collateral throughout."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._accounts: dict[AccountId, dict[OutcomeId | None, Holding]] = {}
        self._allowed: set[tuple[AccountId, str, bool]] = set()
        self._trusting: set[AccountId] = set()
        self.backing: dict[MarketId, Money] = {}
        """Dollars behind the shares of each market."""
        self.payouts: dict[MarketId, tuple[Price, Price]] = {}
        """What a share of YES and of NO is worth, of resolved markets."""
        self.fees: Money = 0
        """Collected and not yet paid out as rebates."""
        self.rebates: dict[AccountId, Money] = {}
        """What makers have earned and not yet been paid; below zero after a late reversal."""
        self.lent: Money = 0

    # --- reading -------------------------------------------------------------------------------

    def holding(self, account: AccountId, outcome: OutcomeId | None = None) -> Holding:
        """Return the holding itself, an empty one if there was none; for the exchange."""
        assets = self._accounts.get(account)
        if assets is None:
            assets = self._accounts[account] = {}
        held = assets.get(outcome)
        if held is None:
            held = assets[outcome] = Holding()
        return held

    def balance(self, account: AccountId, outcome: OutcomeId | None = None) -> int:
        """Return what is settled: what the wallet holds on the chain."""
        return self._look(account, outcome).balance

    def reserved(self, account: AccountId, outcome: OutcomeId | None = None) -> int:
        """Return what open orders count on."""
        return self._look(account, outcome).reserved

    def in_flight(self, account: AccountId, outcome: OutcomeId | None = None) -> int:
        """Return what leaves with matched trades that are not mined."""
        return self._look(account, outcome).in_flight

    def available(self, account: AccountId, outcome: OutcomeId | None = None) -> int:
        """Return what a new order may count on: balance − reserved − in flight."""
        return self._look(account, outcome).available

    def accounts(self) -> Iterator[AccountId]:
        """Yield every account that ever had anything."""
        yield from self._accounts

    def assets(self, account: AccountId) -> Iterator[tuple[OutcomeId | None, Holding]]:
        """Yield what an account holds or held."""
        yield from self._accounts.get(account, {}).items()

    def total(self) -> Money:
        """Return all collateral there is; only ``deposit`` and ``withdraw`` change it."""
        cash = sum(assets[None].balance for assets in self._accounts.values() if None in assets)
        return cash + sum(self.backing.values()) + self.fees - self.lent

    def _look(self, account: AccountId, outcome: OutcomeId | None) -> Holding:
        assets = self._accounts.get(account)
        return _NOTHING if assets is None else assets.get(outcome, _NOTHING)

    # --- coming and going ----------------------------------------------------------------------

    def deposit(self, account: AccountId, amount: int, outcome: OutcomeId | None = None) -> None:
        """Let ``amount`` arrive; shares come from an account outside, sets are made by ``split``.

        Raises ``ValueError`` for a negative amount.
        """
        if amount < 0:
            raise ValueError(f"a deposit of {amount} is negative: use withdraw")
        self.holding(account, outcome).balance += amount

    def withdraw(
        self,
        account: AccountId,
        amount: int,
        outcome: OutcomeId | None = None,
        *,
        reserved_too: bool = False,
    ) -> None:
        """Let ``amount`` leave; raises ``ValueError`` beyond ``available``.

        ``reserved_too``: what open orders count on may leave as well, as a wallet's own transaction
        can; afterwards ``PolymarketExchange.drop_uncovered`` cancels what is left without cover.
        """
        self._take(account, amount, outcome, reserved_too)

    def split(
        self, account: AccountId, market: MarketId, size: Size, *, reserved_too: bool = False
    ) -> None:
        """Turn dollars into ``size`` shares of both outcomes.

        Raises ``ValueError`` for a resolved market, or beyond what ``withdraw`` would allow.
        """
        self._require_open(market)
        self._take(account, size, None, reserved_too)
        self.backing[market] = self.backing.get(market, 0) + size
        for index in (YES, NO):
            self.holding(account, OutcomeId(market, index)).balance += size

    def merge(
        self, account: AccountId, market: MarketId, size: Size, *, reserved_too: bool = False
    ) -> None:
        """Turn ``size`` shares of both outcomes into dollars; also after the end.

        Raises ``ValueError`` beyond what ``withdraw`` would allow of either outcome.
        """
        outcomes = (OutcomeId(market, YES), OutcomeId(market, NO))
        for outcome in outcomes:
            self._check(account, size, outcome, reserved_too)
        for outcome in outcomes:
            self.holding(account, outcome).balance -= size
        self.backing[market] = self.backing.get(market, 0) - size
        self.holding(account).balance += size

    def convert(
        self,
        account: AccountId,
        group_markets: Sequence[MarketId],
        index_set: int,
        size: Size,
        *,
        reserved_too: bool = False,
    ) -> None:
        """Give NO of the markets in ``index_set``; get YES of the others and the spare dollars.

        Bit ``i`` of ``index_set`` is ``group_markets[i]``.  With NO of ``k`` markets at most one
        can lose, so ``k − 1`` dollars a share are paid at once, and the rest of the claim is YES of
        every other market.  The adapter lends those dollars and the new sets' backing, and keeps
        all the NO shares: they pay the loan back as the markets resolve.

        Raises ``ValueError`` for an index set that names no market of the group, a group of one or
        with a resolved market, or beyond what ``withdraw`` would allow of any NO.
        """
        count = len(group_markets)
        if count < 2 or not 0 < index_set < 1 << count:
            raise ValueError(f"index set {index_set} does not fit a group of {count} markets")
        for market in group_markets:
            self._require_open(market)
        given = [market for i, market in enumerate(group_markets) if index_set >> i & 1]
        gained = [market for i, market in enumerate(group_markets) if not index_set >> i & 1]
        for market in given:
            self._check(account, size, OutcomeId(market, NO), reserved_too)
        for market in given:
            no = OutcomeId(market, NO)
            self.holding(account, no).balance -= size
            self.holding(BURNT, no).balance += size
        for market in gained:
            self.backing[market] = self.backing.get(market, 0) + size
            self.holding(account, OutcomeId(market, YES)).balance += size
            self.holding(BURNT, OutcomeId(market, NO)).balance += size
        self.holding(account).balance += (len(given) - 1) * size
        self.lent += (count - 1) * size

    # --- the end of a market -------------------------------------------------------------------

    def resolve(self, resolution: Resolution) -> None:
        """Give the shares of a market their value, and pay back what conversions lent on it."""
        self.payouts[resolution.market] = resolution.payouts
        burnt = self._look(BURNT, OutcomeId(resolution.market, NO))
        if burnt.balance:
            back = burnt.balance * resolution.payouts[NO] // ONE
            burnt.balance = 0
            self.backing[resolution.market] -= back
            self.lent -= back

    def redeem(self, account: AccountId, market: MarketId) -> Money:
        """Turn the account's shares of a resolved market into what they are worth; return that.

        Each outcome is rounded down as the contract does; what is in flight stays.  Raises
        ``ValueError`` before the resolution.
        """
        payouts = self.payouts.get(market)
        if payouts is None:
            raise ValueError(f"{market} is not resolved: nothing to redeem yet")
        paid = 0
        for index in (YES, NO):
            held = self._look(account, OutcomeId(market, index))
            if held.free > 0:
                paid += held.free * payouts[index] // ONE
                held.balance = held.in_flight
        if paid:
            self.backing[market] -= paid
            self.holding(account).balance += paid
        return paid

    def forget(self, market: MarketId) -> None:
        """Drop the empty holdings of a resolved market, and its payouts if nobody has any left."""
        outcomes = (OutcomeId(market, YES), OutcomeId(market, NO))
        left = False
        for assets in self._accounts.values():
            for outcome in outcomes:
                held = assets.get(outcome)
                if held is None:
                    continue
                if held.balance or held.reserved or held.in_flight:
                    left = True
                else:
                    del assets[outcome]
        if not left and not self.backing.get(market):
            self.backing.pop(market, None)
            self.payouts.pop(market, None)

    def pay_rebates(self, least: Money = ONE) -> dict[AccountId, Money]:
        """Pay what makers earned, if it is at least ``least``; return who got what."""
        paid = {account: owed for account, owed in self.rebates.items() if owed >= least}
        for account, amount in paid.items():
            del self.rebates[account]
            self.fees -= amount
            self.holding(account).balance += amount
        return paid

    # --- allowances ----------------------------------------------------------------------------

    def allow(self, account: AccountId, spender: str, *, shares: bool, granted: bool) -> None:
        """Let the contract ``spender`` move the account's shares (or collateral), or no more."""
        entry = (account, spender, shares)
        if granted:
            self._allowed.add(entry)
        else:
            self._allowed.discard(entry)

    def allow_all(self, account: AccountId) -> None:
        """Let every contract move everything of an account of the house."""
        self._trusting.add(account)

    def allowed(self, account: AccountId, spender: str, *, shares: bool) -> bool:
        """Return whether the contract ``spender`` may move the account's shares (or money)."""
        return (account, spender, shares) in self._allowed or account in self._trusting

    # --- taking --------------------------------------------------------------------------------

    def _require_open(self, market: MarketId) -> None:
        if market in self.payouts:
            raise ValueError(f"{market} is resolved: no sets are made any more")

    def _check(
        self, account: AccountId, amount: int, outcome: OutcomeId | None, reserved_too: bool
    ) -> None:
        held = self._look(account, outcome)
        most = held.free if reserved_too else held.available
        if amount < 0 or amount > most:
            what = "collateral" if outcome is None else str(outcome)
            raise ValueError(f"{account} cannot give {amount} of {what}: {most} is there to give")

    def _take(
        self, account: AccountId, amount: int, outcome: OutcomeId | None, reserved_too: bool
    ) -> None:
        self._check(account, amount, outcome, reserved_too)
        self.holding(account, outcome).balance -= amount


_NOTHING: Final = Holding()
"""What an account has of an asset it never had; never changed."""
