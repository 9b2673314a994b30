"""The local venue at a glance: what its page and ``underround venue status`` show."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from underround.local_venue.faults import AnyFault
from underround.local_venue.world import ListingForgotten, World, WorldEvent
from underround.model.ids import POLYMARKET, MarketId, OrderId
from underround.model.units import Nanos, Price, decimal_text
from underround.simulation.matching.terms import AccountId, Traded, TradeId, TradeMoved

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
    payouts: str
    """What YES and NO paid, once it is known."""


class TradeRow(msgspec.Struct, frozen=True):
    """A match and how far its settlement got."""

    id: str
    market: str
    outcome: str
    side: str
    size: str
    cost: str
    status: str
    at_ns: Nanos
    transaction: str


class AccountRow(msgspec.Struct, frozen=True):
    """What a ready-made account has at Polymarket."""

    name: str
    account: str
    cash: str
    reserved: str
    in_flight: str
    open_orders: int
    shares: dict[str, str]
    """Settled shares by outcome."""


class FaultRow(msgspec.Struct, frozen=True):
    """A fault in force."""

    id: int
    fault: AnyFault
    happened: int
    until_ns: Nanos | None


class Status(msgspec.Struct, frozen=True):
    """Everything at one moment."""

    time_ns: Nanos
    speed: int
    seed: int
    scene: str
    chain: bool
    hosts: dict[str, str]
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
        self._trades: dict[TradeId, TradeRow] = {}
        self._order: deque[TradeId] = deque()
        world.bus.listen(self._told)

    @property
    def trades(self) -> tuple[TradeRow, ...]:
        """The last matches, newest first."""
        return tuple(self._trades[each] for each in reversed(self._order))

    def _told(self, event: WorldEvent) -> None:
        self.events += 1
        if isinstance(event, Traded):
            yes = event.price if event.outcome == 0 else 1_000_000 - event.price
            self.last[event.market] = yes
            self.volume[event.market] = self.volume.get(event.market, 0) + event.size
        elif isinstance(event, TradeMoved):
            self._remember(event)
        elif isinstance(event, ListingForgotten):
            self.volume.pop(event.market, None)
            self.last.pop(event.market, None)

    def _remember(self, event: TradeMoved) -> None:
        trade = event.trade
        if trade.id not in self._trades:
            self._order.append(trade.id)
            if len(self._order) > _TRADES:
                del self._trades[self._order.popleft()]
        self._trades[trade.id] = TradeRow(
            id=trade.id,
            market=str(trade.market),
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
    names: Mapping[AccountId, str],
    *,
    hosts: Mapping[str, str],
    scene: str,
    chain: bool,
    now: Nanos,
) -> Status:
    """Return the state of ``world``; ``names`` are the ready-made accounts."""
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
        hosts=dict(hosts),
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
        trades=witness.trades,
        accounts=tuple(_account(world, name, account) for account, name in names.items()),
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
        closes_ns=listing.market.closes_ns,
        payouts=""
        if resolution is None
        else " / ".join(decimal_text(each) for each in resolution.payouts),
    )


def _account(world: World, name: str, account: AccountId) -> AccountRow:
    custody = world.polymarket.custody
    open_orders: list[OrderId] = [
        order.sent.id
        for order in world.polymarket.orders.values()
        if order.sent.account == account and order.state in ("live", "delayed")
    ]
    shares = {}
    for market in world.catalogue.markets.values():
        if market.listing.market.id.venue != POLYMARKET:
            continue
        for index in (0, 1):
            outcome = market.listing.market.outcome(index)
            if held := custody.balance(account, outcome):
                label = market.listing.market.label(index)
                shares[f"{market.listing.slug} {label}"] = decimal_text(held)
    return AccountRow(
        name=name,
        account=account,
        cash=decimal_text(custody.balance(account)),
        reserved=decimal_text(custody.reserved(account)),
        in_flight=decimal_text(custody.in_flight(account)),
        open_orders=len(open_orders),
        shares=shares,
    )
