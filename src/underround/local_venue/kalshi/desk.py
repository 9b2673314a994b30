"""What Kalshi's servers share: members, buckets, and what happened so far.

The exchange knows the present; the desk listens and remembers the tape, and fills, settlements and
transfers of members, each for as long as anybody may reasonably ask.  An account that is nobody's
(of a scene's people) has no memory here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Final, TypeVar
from uuid import UUID, uuid5

import msgspec

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.faults import InForce, Stale
from underround.local_venue.kalshi.buckets import Buckets
from underround.local_venue.kalshi.members import Members
from underround.local_venue.kalshi.tape import PublicTrade, Tape
from underround.local_venue.kalshi.verify import LARGEST_SKEW_MS
from underround.local_venue.world import ListingForgotten, World, WorldEvent
from underround.model.ids import KALSHI, MarketId, OrderId
from underround.model.units import Money, Nanos
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.terms import (
    Filled,
    Holder,
    KalshiBookMoved,
    KalshiFill,
    KalshiSettlement,
    Settled,
)
from underround.simulation.matching.terms import AccountId, Level, Trade, TradeMoved
from underround.simulation.rules import in_yes, is_bid

SHARDS: Final = {
    0: "default",
    1: "combos",
    2: "crypto and commodities",
    3: "tennis, baseball, basketball",
}
REBALANCE_NS: Final[Nanos] = 10 * 10**9
T = TypeVar("T")
_IDS: Final = UUID("5f0c8f5e-9f7e-5f8a-8b55-2f64c52a0b6d")
_KEPT: Final = 10_000


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Money that was moved between two shards."""

    id: str
    client: str
    account: AccountId
    source: int
    destination: int
    amount: Money
    at_ns: Nanos


class KalshiDesk:
    """Listens to the world from now on."""

    def __init__(self, world: World, *, window_ms: int | None = LARGEST_SKEW_MS) -> None:
        """Make the desk before anybody trades: what happened earlier is not known to it.

        ``window_ms``: how far clients' clocks may be off; ``None``: any time will do, for a venue
        whose clock is not its clients'.
        """
        self.world = world
        self.window_ms = window_ms
        self.exchange = world.kalshi
        self.members = Members(world.seed)
        self.buckets = Buckets()
        self.tapes: dict[MarketId, Tape] = {}
        self.fills: dict[AccountId, deque[KalshiFill]] = {}
        self.settlements: dict[AccountId, deque[KalshiSettlement]] = {}
        self.transfers: dict[AccountId, deque[Transfer]] = {}
        self.allocations: dict[Holder, dict[int, int]] = {}
        """Percent of the free cash that is kept on each shard."""
        self._numbers = count(1)
        self._rebalancing = False
        self._frozen: dict[MarketId, tuple[list[Level], list[Level]]] = {}
        world.bus.listen(self._told)
        world.faults.on_set(self._freeze)

    # --- names ---------------------------------------------------------------------------------

    def new_id(self, what: str) -> str:
        """Return the id of the next thing that is made."""
        return str(uuid5(_IDS, f"{self.world.seed} {what} {next(self._numbers)}"))

    def order_id(self) -> OrderId:
        """Return the id of the next order."""
        return OrderId(self.new_id("order"))

    @staticmethod
    def id_of(market: MarketId) -> str:
        """Return the number beside a ticker, which only the streams use."""
        return str(uuid5(_IDS, f"market {market.native}"))

    # --- looking up ----------------------------------------------------------------------------

    def rows(self) -> Iterator[LocalMarket]:
        """Yield what is listed at Kalshi."""
        return (
            row for market, row in self.world.catalogue.markets.items() if market.venue == KALSHI
        )

    def row(self, ticker: str) -> LocalMarket | None:
        """Return the market called ``ticker``."""
        return self.world.catalogue.markets.get(MarketId(KALSHI, ticker))

    def listed(self, ticker: str) -> Listed | None:
        """Return what the exchange knows of a market."""
        return self.exchange.markets.get(MarketId(KALSHI, ticker))

    def event_of(self, market: MarketId) -> str:
        """Return the event of a market, also of one that is not listed any more."""
        row = self.world.catalogue.markets.get(market)
        return market.native.rpartition("-")[0] if row is None else row.event

    def shard_of(self, market: MarketId) -> int:
        """Return the shard of a market; 0 when it is not listed any more."""
        listed = self.exchange.markets.get(market)
        return 0 if listed is None else listed.shard

    def tape(self, market: MarketId) -> Tape:
        """Return the tape of a market."""
        found = self.tapes.get(market)
        if found is None:
            found = self.tapes[market] = Tape()
        return found

    def seen(self, market: MarketId, now: Nanos) -> tuple[list[Level], list[Level]]:
        """Return a book as requests see it: while ``Stale`` is in force, as it was before."""
        if self.world.faults.none or not self.world.faults.of(Stale, now):
            return self.exchange.levels(market)
        return self._frozen.get(market) or self.exchange.levels(market)

    def _freeze(self, entry: InForce) -> None:
        if isinstance(entry.fault, Stale):
            self._frozen = {
                market: self.exchange.levels(market) for market in self.exchange.markets
            }

    # --- listening -----------------------------------------------------------------------------

    def _told(self, event: WorldEvent) -> None:
        if isinstance(event, KalshiBookMoved):
            book = self.exchange.markets[event.market].book
            self.tape(event.market).quote(book.best_bid, book.best_ask, event.at_ns)
        elif isinstance(event, Filled):
            if event.fill.account in self.members.all:
                kept(self.fills, event.fill.account).append(event.fill)
        elif isinstance(event, Settled):
            if event.settlement.account in self.members.all:
                kept(self.settlements, event.settlement.account).append(event.settlement)
        elif isinstance(event, ListingForgotten):
            self.tapes.pop(event.market, None)
        elif isinstance(event, TradeMoved) and event.trade.market.venue == KALSHI:
            self._print(event.trade)

    def _print(self, trade: Trade) -> None:
        interest = self.exchange.money.open_interest(trade.market)
        self.tape(trade.market).print(public(trade), interest)

    # --- money between shards ------------------------------------------------------------------

    def move(
        self, source: Holder, destination: Holder, shards: tuple[int, int], amount: Money
    ) -> None:
        """Move free cash; raises ``ValueError`` when there is not that much."""
        money = self.exchange.money
        money.withdraw(source[0], amount, shard=shards[0], subaccount=source[1])
        money.deposit(destination[0], amount, shard=shards[1], subaccount=destination[1])

    def allocate(self, holder: Holder, percents: dict[int, int], now: Nanos) -> None:
        """Keep a holder's free cash on the shards in these shares from now on."""
        if percents:
            self.allocations[holder] = percents
        else:
            self.allocations.pop(holder, None)
        if not self._rebalancing and self.allocations:
            self._rebalancing = True
            self.world.agenda.plan(now + REBALANCE_NS, self._rebalance)

    def _rebalance(self, now: Nanos) -> None:
        for holder, percents in self.allocations.items():
            self._spread(holder, percents)
        self._rebalancing = bool(self.allocations)
        if self._rebalancing:
            self.world.agenda.plan(now + REBALANCE_NS, self._rebalance)

    def _spread(self, holder: Holder, percents: dict[int, int]) -> None:
        money = self.exchange.money
        free = {shard: money.available(holder, shard) for shard in SHARDS}
        step = 100
        total = sum(free.values())
        wanted = {shard: total * percents.get(shard, 0) // 100 // step * step for shard in SHARDS}
        first = max(percents, key=lambda shard: percents[shard])
        wanted[first] += total - sum(wanted.values())
        for shard, has in free.items():
            if has > wanted[shard]:
                account, subaccount = holder
                over = has - wanted[shard]
                money.withdraw(account, over, shard=shard, subaccount=subaccount)
        for shard, has in free.items():
            if has < wanted[shard]:
                lack = wanted[shard] - has
                money.deposit(holder[0], lack, shard=shard, subaccount=holder[1])


def public(trade: Trade) -> PublicTrade:
    """Return what everybody sees of a match."""
    maker = trade.makers[0]
    return PublicTrade(
        trade.id,
        trade.market,
        in_yes(maker.outcome.index, maker.price),
        trade.size,
        is_bid(trade.outcome.index, trade.side),
        trade.at_ns,
    )


def kept(all_of: dict[AccountId, deque[T]], account: AccountId) -> deque[T]:
    """Return what is remembered for a member."""
    found = all_of.get(account)
    if found is None:
        found = all_of[account] = deque(maxlen=_KEPT)
    return found
