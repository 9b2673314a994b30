"""The order-level engine plays a script with our orders in it: what really happened."""

from __future__ import annotations

from typing import Final

import msgspec

from tests.differential.acts import START, Drop, Script, Send
from tests.differential.published import Key, Publisher, move, world_with
from underround.local_venue.catalogue import question_ids
from underround.local_venue.world import World, WorldEvent
from underround.model.fees import KalshiFees, PolymarketFees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, POLYMARKET, MarketId, OrderId
from underround.model.listing import Listing
from underround.model.market import Market, uniform_ticks
from underround.model.units import ONE, Money, Nanos, Price, Size, shares, usd
from underround.simulation.latency import Latency
from underround.simulation.matching.kalshi.exchange import KalshiExchange
from underround.simulation.matching.polymarket import PolymarketExchange
from underround.simulation.matching.terms import (
    AccountId,
    OrderClosed,
    Placement,
    Submission,
    TicksMoved,
    Trade,
    Traded,
    TradeMoved,
)
from underround.simulation.rules import is_bid

US: Final = AccountId("us")
NOW: Final = Latency(feed_ms=0, entry_ms=0, cancel_ms=0, response_ms=0, settle_ms=0, chain_ms=0)
"""Nothing takes any time."""
_PLENTY: Final[Money] = usd("100000000")


class RealFill(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue gave us at one price of one match."""

    order: str
    at_ns: Nanos
    price: Price
    size: Size
    taker: bool


class Real(msgspec.Struct):
    """What really happened."""

    market: Market
    refused: dict[str, str] = {}
    """Our orders that were refused or killed, with the venue's words."""
    fills: list[RealFill] = []
    fees: dict[str, Money] = {}
    """What each of our orders paid as a taker."""
    ended: dict[str, Nanos] = {}
    """When our resting orders left the book unfilled."""
    told: list[tuple[Nanos, list[bytes]]] = []
    """The frames a stranger was sent."""
    trades: int = 0

    def filled(self, name: str) -> Size:
        return sum(fill.size for fill in self.fills if fill.order == name)


def listing_of(script: Script) -> tuple[Listing, str]:
    """Return the row of a script's market, and the id of its question."""
    polymarket = script.venue == POLYMARKET
    question, condition, tokens = question_ids("the difference", neg_risk=False)
    native = condition if polymarket else "KXDIFFERENCE-26"
    market = Market(
        id=MarketId(script.venue, native),
        title="Do they agree?",
        outcomes=("Yes", "No"),
        tokens=tokens if polymarket else (f"{native}:yes", f"{native}:no"),
        currency="pUSD" if polymarket else "USD",
        ticks=(uniform_ticks(script.tick),),
        min_size=shares("5") if polymarket else shares("0.01"),
        size_step=shares("0.01"),
        fees=PolymarketFees(script.rate) if polymarket else KalshiFees(),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )
    listing = Listing(
        market=market,
        slug="difference",
        state="open",
        protocol="v1" if polymarket else None,
        rules="Yes, if they agree.",
        ends_ns=None,
        fee_history=(),
        shard=None if polymarket else 0,
    )
    return listing, question


# --- the market -------------------------------------------------------------------------------


class Floor:
    """The engine of one venue with one market, and what it tells of our orders."""

    def __init__(self, world: World, listing: Listing) -> None:
        self.world, self.market = world, listing.market
        self._shard = listing.shard or 0
        self.real = Real(self.market)
        self._prints: list[Traded] = []
        self._trades: list[Trade] = []
        self._ticks: TicksMoved | None = None
        world.bus.listen(self._heard)

    @property
    def exchange(self) -> PolymarketExchange | KalshiExchange:
        return self.world.polymarket if self.market.id.venue == POLYMARKET else self.world.kalshi

    def endow(self, account: AccountId) -> None:
        """Give somebody more than enough of everything."""
        if self.market.id.venue == KALSHI:
            money = self.world.kalshi.money
            if not money.balance((account, 0), self._shard):
                money.deposit(account, _PLENTY, shard=self._shard)
            return
        custody = self.world.polymarket.custody
        if not custody.balance(account):
            custody.deposit(account, 2 * _PLENTY)
            custody.allow_all(account)
            custody.split(account, self.market.id, _PLENTY)

    def send(self, act: Send, now: Nanos, created: Nanos) -> Placement:
        """Send an order; everybody but us has an account for each."""
        account = US if act.ours else AccountId(act.name)
        self.endow(account)
        sent = Submission(
            id=OrderId(act.name),
            account=account,
            owner=account,
            outcome=self.market.outcome(act.outcome),
            side=act.side,
            price=act.price,
            size=act.size,
            tif=act.tif,
            post_only=act.post_only,
            created_ns=created,
            good_until_ns=act.until,
        )
        placed = self.exchange.submit(sent, now)
        if act.ours and (placed.state == "refused" or _killed(placed)):
            self.real.refused[act.name] = placed.reason
        return placed

    def drop(self, name: str, now: Nanos) -> None:
        """Cancel an order, if it is there."""
        self.exchange.cancel([OrderId(name)], now)

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, Traded | TicksMoved) and event.market != self.market.id:
            return
        if isinstance(event, Traded):
            self._prints.append(event)
        elif isinstance(event, TicksMoved):
            self._ticks = event
        elif isinstance(event, TradeMoved):
            trade = event.trade
            if trade.changed_ns == trade.at_ns and trade.market == self.market.id:
                self._traded(trade)
        elif isinstance(event, OrderClosed) and event.order.sent.account == US:
            self.real.ended[event.order.sent.id] = event.at_ns

    def _traded(self, trade: Trade) -> None:
        self._trades.append(trade)
        real = self.real
        real.trades += 1
        took: dict[Price, Size] = {}
        for maker in trade.makers:
            if maker.account == US:
                fill = RealFill(
                    order=maker.order, at_ns=trade.at_ns, price=maker.price, size=maker.size,
                    taker=False,
                )  # fmt: skip
                real.fills.append(fill)
            same = maker.outcome.index == trade.outcome.index
            price = maker.price if same else ONE - maker.price
            took[price] = took.get(price, 0) + maker.size
        if trade.account == US:
            real.fees[trade.order] = real.fees.get(trade.order, 0) + trade.fee
            real.fills += [
                RealFill(order=trade.order, at_ns=trade.at_ns, price=price, size=size, taker=True)
                for price, size in took.items()
            ]

    def publish(self, at: Nanos, to: Publisher) -> None:
        """Let the stranger know what others have in the book and what was printed."""
        sizes: dict[Key, Size] = {}
        for order in self.exchange.resting(self.market.id):
            if order.sent.account != US:
                key = (order.bid, order.yes_price)
                sizes[key] = sizes.get(key, 0) + order.left
        frames = to.publish(at, sizes, self._prints, self._trades, self._ticks)
        self._prints, self._trades, self._ticks = [], [], None
        if frames:
            self.real.told.append((at, frames))


def _killed(placed: Placement) -> bool:
    """Whether Kalshi took an order and let it go without having given it anything."""
    return placed.state == "cancelled" and not placed.size


def play(script: Script, latency: Latency = NOW) -> Real:
    """Let a script happen at the venue: our acts arrive there late, everybody else's at once."""
    listing, question = listing_of(script)
    world = world_with(listing, question, START)
    stranger = Publisher(listing, question, START, levels_first=script.levels_first)
    floor = Floor(world, listing)
    floor.publish(START, stranger)
    for at, act in _arrivals(script, latency):
        move(world, at)
        if isinstance(act, Send):
            floor.send(act, at, act.at)
        else:
            floor.drop(act.name, at)
        floor.publish(at, stranger)
    return floor.real


def _arrivals(script: Script, latency: Latency) -> list[tuple[Nanos, Send | Drop]]:
    """Return when each act is at the venue; a cancel never overtakes its order."""
    there: dict[str, Nanos] = {}
    timed: list[tuple[Nanos, int, Send | Drop]] = []
    for number, act in enumerate(script.acts):
        at = act.at
        if act.ours and isinstance(act, Send):
            at = there[act.name] = act.at + latency.entry_ms * NANOS_PER_MS
        elif act.ours:
            at = max(act.at + latency.cancel_ms * NANOS_PER_MS, there.get(act.name, 0))
        timed.append((at, number, act))
    return [(at, act) for at, _, act in sorted(timed, key=lambda each: each[:2])]


def bid_of(act: Send) -> bool:
    """Return whether an order is a bid in YES terms."""
    return is_bid(act.outcome, act.side)
