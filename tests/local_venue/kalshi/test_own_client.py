"""Our own Kalshi client works against the local venue: orders, portfolio, streams, proven books."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from tests import aio
from tests.local_venue.kalshi.stand import COIN, EVENT, GAME, OTHER, START, Stand, by_hand, served
from underround.app.live.channels import Channel, feeds_of
from underround.app.live.feeds import Feeds
from underround.local_venue.faults import AnyFault, Corrupt, Drop, Duplicate, Lose, Reorder, Skew
from underround.local_venue.kalshi.members import Credentials
from underround.market.hub import Hub
from underround.market.trust import BookRules
from underround.model.account import StatedPosition
from underround.model.book import Side
from underround.model.errors import AccountError, AlreadyKnown, BalanceTooLow, NotFilled, OffGrid
from underround.model.ids import (
    KALSHI,
    NO,
    YES,
    IntentId,
    MarketId,
    OrderId,
    OutcomeId,
    PlanId,
    StrategyId,
)
from underround.model.market import Catalogue, Market, uniform_ticks
from underround.model.orders import Order, OrderAccepted, OrderFilled, TimeInForce
from underround.model.units import ONE, usd
from underround.venues.kalshi.catalogue import Told, found
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.kalshi.hosts import Hosts
from underround.venues.kalshi.orders import Cancel, Terms, amend_body, create_body, decrease_body
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.kalshi.sign import KalshiSigner
from underround.venues.kalshi.stream import USER_CHANNELS, KalshiDialect, KalshiUserDialect
from underround.venues.kalshi.user_codec import KalshiUserDecoder
from underround.venues.streams.socket import open_socket
from underround.venues.transport.http import HttpClient


class _Pem:
    def __init__(self, pem: str) -> None:
        self.name = "kalshi"
        self._pem = pem.encode()

    def reveal(self) -> AbstractContextManager[memoryview]:
        return nullcontext(memoryview(self._pem))


class _Free:
    async def spend(self, group: str, cost: int = 1) -> None:
        del group, cost


def signer_of(who: Credentials) -> KalshiSigner:
    return KalshiSigner(who.key_id, _Pem(who.private_key))


def with_client(work: Callable[[KalshiRest, Stand], Awaitable[None]], name: str = "ann") -> None:
    async def main() -> None:
        async with served(by_hand()) as stand:
            who = stand.member(name)
            async with HttpClient(stand.rest, timeout_ms=20_000) as http:
                rest = KalshiRest(http, _Free(), signer_of(who), stand.clock.now)
                await work(rest, stand)

    aio.run(main())


def market_of(stand: Stand, ticker: str) -> Market:
    return stand.world.catalogue.markets[MarketId(KALSHI, ticker)].listing.market


def order(
    stand: Stand, name: str, side: Side, price: str, size: str, *, ticker: str = GAME,
    outcome: int = YES, tif: TimeInForce = "GTC",
) -> Order:  # fmt: skip
    return Order(
        id=OrderId(name), intent=IntentId(1), plan=PlanId("p"), strategy=StrategyId("s"),
        leg_group=None, purpose="open", post_only=False, good_until_ns=None,
        outcome=OutcomeId(MarketId(KALSHI, ticker), outcome), side=side, price=usd(price),
        size=usd(size), tif=tif, created_ns=stand.clock.now(),
    )  # fmt: skip


# --- requests ------------------------------------------------------------------------------------


def test_the_client_reads_the_catalogue_it_can_trade() -> None:
    async def work(rest: KalshiRest, stand: Stand) -> None:
        status = await rest.markets.exchange_status()
        assert status.trades_on(2)
        await rest.markets.schedule()
        assert await rest.markets.user_data_as_of() == stand.clock.now()
        series = {each.ticker: each for each in await rest.markets.all_series()}
        events = {name: await rest.markets.event(name) for name in (EVENT, COIN.rpartition("-")[0])}
        pages = [page async for page in rest.markets.markets(status="open")]
        assert [page.refused for page in pages] == [{}]
        about = Told(series, events, (), (), stand.clock.now())
        told = found(pages[0].read, about)
        assert told.refused == {}
        for listing in told.listings:
            ours = market_of(stand, listing.market.id.native)
            assert listing.market.ticks[-1].bands == ours.ticks[-1].bands
            assert listing.market.fees == ours.fees
            assert listing.market.closes_ns == ours.closes_ns
        assert {each.market.id.native: each.shard for each in told.listings} == {
            GAME: 0, OTHER: 0, COIN: 2,
        }  # fmt: skip
        assert [each.market.id.native for each in told.listings if each.window] == [COIN]

    with_client(work)


def test_the_client_places_changes_and_cancels_and_sees_what_it_has() -> None:
    async def work(rest: KalshiRest, stand: Stand) -> None:
        ticks = market_of(stand, GAME).ticks[-1]
        mine = order(stand, "mine", "buy", "0.48", "5")
        body = create_body(mine, ticks, Terms(shard=0))
        placed = await rest.orders.place(body)
        assert placed.native
        with pytest.raises(AlreadyKnown):
            await rest.orders.place(body)
        changed = amend_body(mine, ticks, 0, price=usd("0.47"), size=usd("6"))
        assert (await rest.orders.amend(placed.native, changed)).remaining == usd("6")
        less = await rest.orders.decrease(placed.native, decrease_body(GAME, 0, by=usd("2")))
        assert less.remaining == usd("4")
        stand.house("ask", 47, 1)
        stated = await rest.portfolio.order(placed.native)
        assert (stated.filled, stated.state) == (ONE, "live")
        gone = await rest.orders.cancel_batch([Cancel(order_id=placed.native, exchange_index=0)])
        assert len(gone.cancelled) == 1
        balance = await rest.portfolio.balance()
        assert balance.on_shard(0) == stand.cash(stand.member("ann"))
        held = await rest.portfolio.positions()
        assert [each.position for each in held] == [
            StatedPosition(outcome=OutcomeId(MarketId(KALSHI, GAME), YES), size=ONE)
        ]
        fills = [
            each async for page in rest.portfolio.fills({placed.native: mine.id}) for each in page
        ]
        assert [(each.order, each.price, each.size, each.liquidity) for each in fills] == [
            ("mine", usd("0.47"), ONE, "maker")
        ]
        assert await rest.portfolio.queue_positions([GAME]) == {}

    with_client(work)


def test_what_the_venue_refuses_reaches_the_operator_as_the_right_error() -> None:
    async def work(rest: KalshiRest, stand: Stand) -> None:
        ticks, terms = market_of(stand, GAME).ticks[-1], Terms(shard=0)
        poor = create_body(order(stand, "a", "buy", "0.50", "99999"), ticks, terms)
        with pytest.raises(BalanceTooLow):
            await rest.orders.place(poor)
        whole = create_body(order(stand, "b", "buy", "0.50", "5", tif="FOK"), ticks, terms)
        with pytest.raises(NotFilled):
            await rest.orders.place(whole)
        part = create_body(order(stand, "c", "buy", "0.50", "5", tif="FAK"), ticks, terms)
        with pytest.raises(NotFilled):
            await rest.orders.place(part)
        stand.world.kalshi.change_ticks(MarketId(KALSHI, GAME), uniform_ticks("0.1"), START)
        fine = create_body(order(stand, "d", "buy", "0.55", "5"), ticks, terms)
        with pytest.raises(OffGrid):
            await rest.orders.place(fine)
        rows = await rest.orders.place_batch([fine, poor])
        assert [type(row) for row in rows] == [OffGrid, BalanceTooLow]
        stand.world.faults.set(Skew(ms=60_000), stand.clock.now())
        with pytest.raises(AccountError):
            await rest.portfolio.balance()

    with_client(work)


def test_a_sale_of_yes_and_a_purchase_of_no_are_the_same_order() -> None:
    async def work(rest: KalshiRest, stand: Stand) -> None:
        ticks, terms = market_of(stand, GAME).ticks[-1], Terms(shard=0)
        stand.house("bid", 60, 10)
        bought = order(stand, "no", "buy", "0.40", "4", outcome=NO, tif="FAK")
        await rest.orders.place(create_body(bought, ticks, terms))
        held = (await rest.portfolio.positions())[0].position
        assert held == StatedPosition(outcome=OutcomeId(MarketId(KALSHI, GAME), NO), size=usd("4"))
        stand.house("ask", 62, 10)
        sold = order(stand, "out", "sell", "0.38", "4", outcome=NO, tif="FAK")
        await rest.orders.place(create_body(sold, ticks, terms))
        assert await rest.portfolio.positions() == ()

    with_client(work)


# --- streams -------------------------------------------------------------------------------------


class _Heard:
    """Ears that keep everything."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.reasons: list[str] = []

    def heard(self, recv_ns: int, payload: bytes) -> None:
        self.payloads.append(payload)

    def pulsed(self) -> None:
        return

    def ended(self, reason: str) -> None:
        self.reasons.append(reason)

    def failed(self, error: Exception) -> None:
        raise error


async def until(true: Callable[[], bool]) -> None:
    """Let the loop turn until it is true; its clock jumps, so this takes no time."""
    for _ in range(20_000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never became true")


def test_private_channels_tell_an_order_in_our_own_terms() -> None:
    async def main() -> None:
        async with served(by_hand()) as stand:
            who = stand.member("ann")
            hosts = Hosts(stand.rest, stand.socket)
            dialect = KalshiUserDialect(signer_of(who), hosts)
            ears = _Heard()
            now = stand.clock.now
            socket = await open_socket(dialect.handshake(USER_CHANNELS, now()), ears, now)
            for frame in dialect.session().opening(USER_CHANNELS):
                socket.send(frame)
            await until(lambda: len(ears.payloads) == len(USER_CHANNELS))
            sent = order(stand, "sale", "sell", "0.52", "3", outcome=NO)
            stand.house("ask", 48, 1)
            async with HttpClient(stand.rest, timeout_ms=20_000) as http:
                rest = KalshiRest(http, _Free(), signer_of(who), now)
                ticks = market_of(stand, GAME).ticks[-1]
                await rest.orders.place(create_body(sent, ticks, Terms(shard=0)))
                await until(lambda: len(ears.payloads) >= len(USER_CHANNELS) + 3)
            decode = KalshiUserDecoder(lambda name: sent if name == "sale" else None).decode
            told = [event for payload in ears.payloads for event in decode(payload)]
            fills = [event.fill for event in told if isinstance(event, OrderFilled)]
            assert [(each.side, each.price, each.size, each.liquidity) for each in fills] == [
                ("sell", usd("0.52"), ONE, "taker")
            ]
            assert any(isinstance(event, OrderAccepted) for event in told)
            held = [event for event in told if isinstance(event, StatedPosition)]
            assert [(each.outcome.index, each.size) for each in held] == [(YES, ONE)]
            socket.close()

    aio.run(main())


class Followed:
    """The platform's books of a stand, kept from its stream."""

    def __init__(self, stand: Stand) -> None:
        who = stand.member("ann")
        self.stand = stand
        self.markets = [market_of(stand, ticker) for ticker in (GAME, OTHER, COIN)]
        catalogue = Catalogue(tuple(self.markets))
        dialect = KalshiDialect(signer_of(who), Hosts(stand.rest, stand.socket))
        channel = Channel(
            venue=KALSHI,
            dialect=dialect,
            decoder=KalshiDecoder(catalogue.by_token()),
            codec="kalshi",
            proof="sequence",
            topics=lambda market: (market.id.native,),
            sockets=1,
        )
        rules = BookRules()
        self.hub = Hub(catalogue, feeds_of([channel], rules), rules, {}, {})
        self.feeds = Feeds(self.hub, [channel], lambda *_: None, stand.clock.now, random.Random(7))

    def equal(self) -> bool:
        """Return whether every book is trusted and is the exchange's."""
        for market in self.markets:
            ours = self.hub.books.get(market.id)
            if ours is None or not ours.trusted:
                return False
            bids, asks = self.stand.world.kalshi.levels(market.id)
            if list(ours.book.bids_of(YES)) != [(each.price, each.size) for each in bids]:
                return False
            if list(ours.book.asks_of(YES)) != [(each.price, each.size) for each in asks]:
                return False
        return True

    def trade(self, chance: random.Random, count: int) -> None:
        """Let the house and a crowd do something."""
        for _ in range(count):
            at = chance.choice([GAME, OTHER, COIN])
            way = chance.choice(["bid", "ask"])
            self.stand.house(way, chance.randrange(30, 70), chance.randrange(1, 900) / 100, at)
            if chance.random() < 0.3:
                resting = list(self.stand.world.kalshi.resting(MarketId(KALSHI, at)))
                if resting:
                    gone = chance.choice(resting).sent.id
                    self.stand.world.kalshi.cancel([gone], self.stand.clock.now())


@pytest.mark.parametrize(
    "faults",
    [
        (),
        (Lose(stream="kalshi.ws", count=3, per_mille=200),),
        (Duplicate(stream="kalshi.ws", count=3, per_mille=200),),
        (Reorder(stream="kalshi.ws", count=3, per_mille=200),),
        (Corrupt(stream="kalshi.ws", count=2, per_mille=200),),
        (Drop(stream="kalshi.ws", count=1),),
    ],
    ids=["none", "lose", "duplicate", "reorder", "corrupt", "drop"],
)
def test_the_platforms_books_are_proven_and_those_of_the_exchange(
    faults: tuple[AnyFault, ...],
) -> None:
    async def main() -> None:
        async with served(by_hand()) as stand:
            followed = Followed(stand)
            running = asyncio.create_task(followed.feeds.run())
            await asyncio.sleep(0)
            followed.feeds.follow(followed.markets)
            await until(followed.equal)
            chance = random.Random(11)
            followed.trade(chance, 100)
            await until(followed.equal)
            for fault in faults:
                stand.world.faults.set(fault, stand.clock.now())
            for _ in range(10):
                followed.trade(chance, 20)
                await asyncio.sleep(0.01)
            stand.world.faults.clear()
            followed.trade(chance, 20)
            await until(followed.equal)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    aio.run(main())
