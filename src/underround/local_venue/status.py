"""The local venue at a glance: what its page and ``underround venue status`` show."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import msgspec

from underround.local_venue.faults import AnyFault
from underround.local_venue.roster import AccountRow
from underround.local_venue.world import ListingForgotten, World, WorldEvent
from underround.model.ids import POLYMARKET, MarketId
from underround.model.units import Nanos, Price, decimal_text
from underround.simulation.matching.terms import Trade, Traded, TradeId, TradeMoved

_TRADES: Final = 60
_MARKETS: Final = 150
_DEPTH: Final = 8


class LevelRow(msgspec.Struct, frozen=True):
    """One price of a book, in YES terms."""

    price: str
    size: str


class MarketRow(msgspec.Struct, frozen=True):
    """A market with the top of its book."""

    market: str
    slug: str
    title: str
    state: str
    bids: tuple[LevelRow, ...]
    asks: tuple[LevelRow, ...]
    last: str
    volume: str
    closes_ns: Nanos | None
    """When trading ends; where no time is set for that, when the question is decided."""
    payouts: str
    """What YES and NO paid, once it is known."""


class TradeRow(msgspec.Struct, frozen=True):
    """A match and how far its settlement got."""

    id: str
    market: str
    slug: str
    """Empty when the market is not listed any more."""
    outcome: str
    side: str
    size: str
    cost: str
    status: str
    at_ns: Nanos
    transaction: str


class FaultRow(msgspec.Struct, frozen=True):
    """A fault in force."""

    id: int
    fault: AnyFault
    happened: int
    until_ns: Nanos | None


class ServerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and how much it is used."""

    name: str
    address: str
    answered: int | None = None
    """Requests so far; ``None``: it serves sockets."""
    connected: int | None = None
    """Sockets open now; ``None``: it answers requests."""


class Status(msgspec.Struct, frozen=True):
    """Everything at one moment."""

    time_ns: Nanos
    speed: int
    seed: int
    scene: str
    chain: bool
    servers: tuple[ServerRow, ...]
    counts: dict[str, int]
    prices: dict[str, str]
    markets: tuple[MarketRow, ...]
    trades: tuple[TradeRow, ...]
    accounts: tuple[AccountRow, ...]
    faults: tuple[FaultRow, ...]


class Witness:
    """Remembers what happened last, and counts it."""

    def __init__(self, world: World) -> None:
        """Watch ``world`` from now on."""
        self.events = 0
        self.volume: dict[MarketId, int] = {}
        self.last: dict[MarketId, Price] = {}
        self._world = world
        self._trades: OrderedDict[TradeId, Trade] = OrderedDict()
        world.bus.listen(self._told)

    def trades(self) -> tuple[TradeRow, ...]:
        """Return the last matches, newest first, each as far as it got."""
        return tuple(self._row(each) for each in reversed(self._trades.values()))

    def _told(self, event: WorldEvent) -> None:
        self.events += 1
        if isinstance(event, Traded):
            yes = event.price if event.outcome == 0 else 1_000_000 - event.price
            self.last[event.market] = yes
            self.volume[event.market] = self.volume.get(event.market, 0) + event.size
        elif isinstance(event, TradeMoved):
            self._remember(event.trade)
        elif isinstance(event, ListingForgotten):
            self.volume.pop(event.market, None)
            self.last.pop(event.market, None)

    def _remember(self, trade: Trade) -> None:
        kept = self._trades
        if trade.id not in kept and len(kept) == _TRADES:
            if trade.at_ns < next(iter(kept.values())).at_ns:
                return  # an old match moved on: it does not come back for that
            kept.popitem(last=False)
        kept[trade.id] = trade

    def _row(self, trade: Trade) -> TradeRow:
        row = self._world.catalogue.markets.get(trade.market)
        return TradeRow(
            id=trade.id,
            market=str(trade.market),
            slug="" if row is None else row.listing.slug,
            outcome="YES" if trade.outcome.index == 0 else "NO",
            side=trade.side,
            size=decimal_text(trade.size),
            cost=decimal_text(trade.cost),
            status=trade.status,
            at_ns=trade.at_ns,
            transaction=trade.transaction,
        )


def status_of(
    world: World,
    witness: Witness,
    *,
    servers: Iterable[ServerRow],
    accounts: Iterable[AccountRow],
    scene: str,
    chain: bool,
    now: Nanos,
) -> Status:
    """Return the state of ``world``."""
    rows = sorted(
        world.catalogue.markets.values(),
        key=lambda row: (row.listing.state != "open", row.resolution is not None, -row.listed_ns),
    )
    return Status(
        time_ns=now,
        speed=getattr(world.clock, "speed", 1),
        seed=world.seed,
        scene=scene,
        chain=chain,
        servers=tuple(servers),
        counts={
            "markets": len(world.catalogue.markets),
            "orders": len(world.polymarket.orders),
            "events": witness.events,
        },
        prices={
            symbol: decimal_text(told.price)
            for symbol in world.prices.symbols
            if (told := world.prices.last(symbol)) is not None
        },
        markets=tuple(_market(world, witness, row.listing.market.id) for row in rows[:_MARKETS]),
        trades=witness.trades(),
        accounts=tuple(accounts),
        faults=tuple(
            FaultRow(each.id, each.fault, each.happened, each.until_ns)
            for each in world.faults.in_force(now)
        ),
    )


def _market(world: World, witness: Witness, market: MarketId) -> MarketRow:
    row = world.catalogue.markets[market]
    listing, resolution = row.listing, row.resolution
    exchange = world.polymarket if market.venue == POLYMARKET else world.kalshi
    bids, asks = exchange.levels(market) if resolution is None else ([], [])
    last = witness.last.get(market)
    return MarketRow(
        market=str(market),
        slug=listing.slug,
        title=listing.market.title,
        state=listing.state,
        bids=tuple(LevelRow(decimal_text(x.price), decimal_text(x.size)) for x in bids[:_DEPTH]),
        asks=tuple(LevelRow(decimal_text(x.price), decimal_text(x.size)) for x in asks[:_DEPTH]),
        last="" if last is None else decimal_text(last),
        volume=decimal_text(witness.volume.get(market, 0)),
        closes_ns=listing.market.closes_ns or listing.ends_ns,
        payouts=""
        if resolution is None
        else " / ".join(decimal_text(each) for each in resolution.payouts),
    )
