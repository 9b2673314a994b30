"""The record behind the Data API: what wallets did, as far back as is kept.

A trade is told once its transaction is mined, as an indexer of the chain would; if it is undone it
was none.  Splits, merges and the like come from whoever carries wallets' calls out.  What the
catalogue has forgotten is gone here too.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from underround.local_venue.polymarket.data.basis import Basis
from underround.local_venue.polymarket.wallets.scratch import Deed
from underround.local_venue.world import ListingForgotten, World, WorldEvent
from underround.model.book import Side
from underround.model.ids import POLYMARKET, MarketId, OutcomeId
from underround.model.units import ONE, Money, Nanos, Size
from underround.simulation.matching.terms import AccountId, Trade, TradeId, TradeMoved

_MOST_ROWS: Final = 50_000
_MOST_BASES: Final = 100_000
_MINED: Final = frozenset({"MINED", "CONFIRMED"})
_UNDONE: Final = frozenset({"FAILED", "RETRYING"})
_Holding: TypeAlias = tuple[AccountId, OutcomeId]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a wallet's history."""

    number: int
    """Counts up: later rows have higher numbers."""
    wallet: AccountId
    kind: str
    market: MarketId | None = None
    outcome: OutcomeId | None = None
    side: Side | None = None
    size: Size = 0
    cost: Money = 0
    """Of the shares, without the fee."""
    fee: Money = 0
    taker: bool = True
    at_ns: Nanos
    transaction: str

    @property
    def cash(self) -> Money:
        """What changed hands, fee included."""
        return self.cost - self.fee if self.side == "sell" else self.cost + self.fee


class DataLedger:
    """Histories and cost bases of all wallets; bounded."""

    def __init__(self, world: World) -> None:
        """Listen from now on."""
        self._world = world
        self._rows: dict[int, Entry] = {}
        self._of: defaultdict[AccountId, dict[int, Entry]] = defaultdict(dict)
        self._number = 0
        self._bases: OrderedDict[_Holding, Basis] = OrderedDict()
        self._traded: defaultdict[AccountId, set[OutcomeId]] = defaultdict(set)
        self._pending: dict[TradeId, list[Entry]] = {}
        """Rows of trades that are mined and not yet final."""
        self._unsettled: defaultdict[_Holding, dict[int, Entry]] = defaultdict(dict)
        world.bus.listen(self._heard, TradeMoved, ListingForgotten)

    # --- reading -------------------------------------------------------------------------------

    def rows(self, wallet: AccountId | None = None) -> Iterator[Entry]:
        """Yield rows, newest first: one wallet's, or everybody's."""
        rows = self._rows if wallet is None else self._of.get(wallet, {})
        yield from reversed(list(rows.values()))

    def basis(self, wallet: AccountId, outcome: OutcomeId) -> Basis:
        """Return what a wallet paid for an outcome, trades that are not final included."""
        basis = self._bases.get((wallet, outcome))
        found = Basis() if basis is None else basis.copied()
        for entry in self._unsettled.get((wallet, outcome), {}).values():
            _fold(found, entry)
        return found

    def outcomes(self, wallet: AccountId) -> frozenset[OutcomeId]:
        """Return every outcome that a wallet traded, as far back as is kept."""
        return frozenset(self._traded.get(wallet, ()))

    # --- trades --------------------------------------------------------------------------------

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, TradeMoved) and event.trade.market.venue == POLYMARKET:
            if event.trade.market in self._world.catalogue.markets:
                self._moved(event.trade, event.at_ns)
        elif isinstance(event, ListingForgotten):
            self._drop(event.market)

    def _moved(self, trade: Trade, at: Nanos) -> None:
        before = self._pending.get(trade.id)
        if before and trade.status == "MINED" and before[0].transaction != trade.transaction:
            for entry in self._pending.pop(trade.id):  # mined again, in another transaction
                self._settle(entry, final=False)
        if trade.status in _MINED and trade.id not in self._pending:
            self._pending[trade.id] = self._rows_of(trade, at)
        if trade.status == "CONFIRMED" or trade.status in _UNDONE:
            for entry in self._pending.pop(trade.id, ()):
                self._settle(entry, final=trade.status == "CONFIRMED")

    def _settle(self, entry: Entry, *, final: bool) -> None:
        """Count a row of a trade for good, or forget it."""
        assert entry.outcome is not None
        holding = (entry.wallet, entry.outcome)
        waiting = self._unsettled[holding]
        waiting.pop(entry.number, None)
        if not waiting:
            del self._unsettled[holding]
        if final:
            _fold(self._basis(*holding), entry)
        else:
            self._forget(entry)

    def _rows_of(self, trade: Trade, at: Nanos) -> list[Entry]:
        """Keep a row for each maker and one, over all of them, for the taker."""
        entries = [
            self._keep(
                Entry(
                    number=self._next(),
                    wallet=maker.account,
                    kind="TRADE",
                    market=trade.market,
                    outcome=maker.outcome,
                    side=maker.side,
                    size=maker.size,
                    cost=maker.price * maker.size // ONE,
                    fee=maker.fee,
                    taker=False,
                    at_ns=at,
                    transaction=trade.transaction,
                )
            )
            for maker in trade.makers
        ]
        taker = self._keep(
            Entry(
                number=self._next(),
                wallet=trade.account,
                kind="TRADE",
                market=trade.market,
                outcome=trade.outcome,
                side=trade.side,
                size=trade.size,
                cost=trade.cost,
                fee=trade.fee,
                at_ns=at,
                transaction=trade.transaction,
            )
        )
        entries.append(taker)
        for entry in entries:
            assert entry.outcome is not None
            self._unsettled[entry.wallet, entry.outcome][entry.number] = entry
            self._traded[entry.wallet].add(entry.outcome)
        return entries

    # --- deeds ---------------------------------------------------------------------------------

    def did(self, deed: Deed, transaction: str, at: Nanos) -> None:
        """Take in what a wallet did by itself."""
        if deed.market is not None and deed.market not in self._world.catalogue.markets:
            return
        self._keep(
            Entry(
                number=self._next(),
                wallet=deed.wallet,
                kind=deed.kind,
                market=deed.market,
                size=deed.size,
                cost=deed.cash,
                at_ns=at,
                transaction=transaction,
            )
        )
        if deed.kind == "CONVERSION":
            self._converted(deed, at)
            return
        for outcome, amount in deed.shares:
            side: Side = "buy" if amount > 0 else "sell"
            worth = self._worth(deed, outcome)
            cash = abs(amount) * worth // ONE
            self._basis(deed.wallet, outcome).change(side, abs(amount), cash, 0, at)

    def _worth(self, deed: Deed, outcome: OutcomeId) -> Money:
        """Return what one share is reckoned at: a half within a set, its payout at the end."""
        row = self._world.catalogue.markets.get(outcome.market)
        if deed.kind == "REDEEM" and row is not None and row.resolution is not None:
            return row.resolution.payouts[outcome.index]
        return ONE // 2

    def _converted(self, deed: Deed, at: Nanos) -> None:
        """NO leaves at what it cost; what that was, less the dollars paid out, is YES's cost."""
        cost = -deed.cash
        for outcome, amount in deed.shares:
            if amount < 0:
                basis = self._basis(deed.wallet, outcome)
                known = min(-amount, basis.size)
                part = basis.cost * known // basis.size if basis.size else 0
                basis.change("sell", -amount, part, 0, at)
                cost += part
        gained = [(outcome, amount) for outcome, amount in deed.shares if amount > 0]
        for outcome, amount in gained:
            share = max(cost, 0) // len(gained)
            self._basis(deed.wallet, outcome).change("buy", amount, share, 0, at)

    # --- keeping -------------------------------------------------------------------------------

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _keep(self, entry: Entry) -> Entry:
        self._rows[entry.number] = entry
        self._of[entry.wallet][entry.number] = entry
        if len(self._rows) > _MOST_ROWS:
            self._forget(self._rows[next(iter(self._rows))])
        return entry

    def _forget(self, entry: Entry) -> None:
        self._rows.pop(entry.number, None)
        own = self._of.get(entry.wallet)
        if own is not None:
            own.pop(entry.number, None)
            if not own:
                del self._of[entry.wallet]

    def _drop(self, market: MarketId) -> None:
        """Forget everything about a market that is not listed any more."""
        for entry in [each for each in self._rows.values() if each.market == market]:
            self._forget(entry)
        for trade in [name for name, rows in self._pending.items() if rows[0].market == market]:
            del self._pending[trade]
        for held in [each for each in self._unsettled if each[1].market == market]:
            del self._unsettled[held]
        for wallet, outcomes in list(self._traded.items()):
            gone = {each for each in outcomes if each.market == market}
            outcomes.difference_update(gone)
            for outcome in gone:
                self._bases.pop((wallet, outcome), None)
            if not outcomes:
                del self._traded[wallet]

    def _basis(self, wallet: AccountId, outcome: OutcomeId) -> Basis:
        key = (wallet, outcome)
        basis = self._bases.pop(key, None) or Basis()
        self._bases[key] = basis
        self._traded[wallet].add(outcome)
        if len(self._bases) > _MOST_BASES:
            (whose, which), _ = self._bases.popitem(last=False)
            self._traded[whose].discard(which)
        return basis


def _fold(basis: Basis, entry: Entry) -> None:
    assert entry.side is not None
    basis.change(entry.side, entry.size, entry.cost, entry.fee, entry.at_ns)
