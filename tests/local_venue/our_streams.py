"""One conversation of all our clients with the local venue, kept byte by byte."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from tests import aio
from tests.local_venue.our_clients import TICKER, Ours, ours
from tests.oracles.known import Lent
from underround.local_venue.references.allora_chain import CHAIN
from underround.model.errors import UnderroundError
from underround.model.ids import KALSHI, MarketId, OrderId
from underround.model.market import Market, Resolution, uniform_ticks
from underround.model.orders import Order
from underround.model.units import ONE
from underround.venues.allora.hosts import Network
from underround.venues.allora.limits import LIMITS as ALLORA_LIMITS
from underround.venues.allora.rest import AlloraConsumer, AlloraRest
from underround.venues.allora.stream import AlloraDialect
from underround.venues.binance.limits import LIMITS as BINANCE_LIMITS
from underround.venues.binance.rest import BinanceRest
from underround.venues.binance.stream import BinanceDialect
from underround.venues.codec import Tokens
from underround.venues.kalshi.limits import TIERS
from underround.venues.kalshi.limits import limits_of as kalshi_limits
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.kalshi.stream import (
    LIFECYCLE,
    USER_CHANNELS,
    KalshiDialect,
    KalshiLifecycleDialect,
    KalshiUserDialect,
)
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.polybolt import SPOT, TWAP
from underround.venues.polymarket.prices_stream import PolyboltDialect, RtdsDialect
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.polymarket.stream import ACCOUNT, MarketDialect, UserDialect
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.streams.pool import Pool
from underround.venues.transport.budget import Limits, RateBudget
from underround.venues.transport.http import HttpClient, Reply

FIVE_MINUTES = "13"


class Talk(msgspec.Struct):
    """What was said."""

    tokens: Tokens
    market: Market
    kalshi_market: Market
    account: Any
    own: Mapping[str, str]
    """Our orders at Polymarket, by the venue's id."""
    own_kalshi: Mapping[OrderId, Order]
    frames: dict[str, list[bytes]] = {}
    """What each stream brought, by the name of its dialect."""
    proven: dict[str, int] = {}
    topics: dict[str, tuple[Topic, ...]] = {}
    replies: dict[str, list[Reply]] = {}
    """Answers by method and path."""


class _Noting:
    """A transport that keeps the answers."""

    def __init__(self, http: HttpClient, replies: dict[str, list[Reply]]) -> None:
        self._http = http
        self._replies = replies

    async def send(self, method: str, target: str, **rest: Any) -> Reply:
        reply = await self._http.send(method, target, **rest)
        self._replies.setdefault(f"{method} {target.partition('?')[0]}", []).append(reply)
        return reply


class _Conversation:
    def __init__(self, here: Ours, talk: Talk, stack: AsyncExitStack) -> None:
        self.here, self.talk, self._stack = here, talk, stack
        loop = asyncio.get_running_loop()
        assert isinstance(loop, aio.JumpingLoop)
        self._loop = loop
        self._pools: list[tuple[Pool, int]] = []

    async def http(self, url: str, limits: Limits) -> tuple[_Noting, RateBudget]:
        http = await self._stack.enter_async_context(HttpClient(url, max_body_bytes=4 << 20))
        budget = RateBudget(limits, self._loop.now_ns, asyncio.sleep)
        return _Noting(http, self.talk.replies), budget

    def listen(self, dialect: Dialect, *topics: Topic) -> None:
        name = type(dialect).__name__
        kept = self.talk.frames[name] = []
        self.talk.topics[name] = topics

        def deliver(_stream: str, _connection: int, _at: int, payload: bytes) -> None:
            if payload:
                kept.append(payload)

        pool = Pool(dialect, deliver, self._loop.now_ns, random.Random(1), sockets=1)
        pool.subscribe([topics])
        task = asyncio.ensure_future(pool.run())
        self._pools.append((pool, len(topics)))
        self._stack.push_async_callback(_end, task)

    async def settled(self) -> None:
        """Wait until every topic of every stream is proven."""
        for _ in range(2_000):
            if all(pool.status()[0].proven == count for pool, count in self._pools):
                return
            await asyncio.sleep(0.05)
        told = {pool.dialect.stream: pool.status()[0] for pool, _ in self._pools}
        raise AssertionError(f"not everything was proven: {told}")


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _listen(talk: _Conversation) -> None:
    here = talk.here
    at, creds, tokens = here.at, here.credentials(), talk.talk.tokens
    talk.listen(MarketDialect(lambda: tokens, at.clob_market_stream), *here.market.tokens)
    talk.listen(UserDialect(creds, at.clob_user_stream), ACCOUNT)
    talk.listen(PolyboltDialect(creds, at.live_prices_stream), f"{SPOT}:btcusd", f"{TWAP}:btcusd")
    talk.listen(RtdsDialect(at.rtds_stream), "crypto_prices:btcusdt")
    hosts, signer = here.kalshi_hosts, here.signer()
    talk.listen(KalshiDialect(signer, hosts, others=("ticker", "trade")), TICKER)
    talk.listen(KalshiUserDialect(here.signer(), hosts), *USER_CHANNELS)
    talk.listen(KalshiLifecycleDialect(here.signer(), hosts), LIFECYCLE)
    binance = ("btcusdt@aggTrade", "btcusdt@bookTicker", "btcusdt@kline_1m", "btcusdt@depth@100ms")
    talk.listen(BinanceDialect(at.binance_stream), *binance)
    talk.listen(AlloraDialect(Network(CHAIN, at.allora, at.allora_events), "v10"), FIVE_MINUTES)


async def _refused(asking: Awaitable[Any]) -> None:
    try:
        await asking
    except UnderroundError:
        return
    raise AssertionError("the venue did not refuse it")


async def _polymarket(talk: _Conversation, own: dict[str, str]) -> None:
    here = talk.here
    http, budget = await talk.http(here.at.clob, limits_of())
    rest = PolymarketRest(
        http, budget, talk._loop.now_ns, talk.talk.tokens,
        authorizer=here.credentials(), identity=here.account,
    )  # fmt: skip
    token, native = here.market.tokens[0], here.market.id.native
    sent = [here.outgoing(), here.outgoing(price="0.2"), here.outgoing(price="0.6")]
    for number, order in enumerate(sent):
        own[order.order_id] = f"ours-{number}"
        await rest.post_order(order)
    await rest.open_orders()
    await rest.order(sent[0].order_id)
    await rest.cancel_orders([sent[0].order_id])
    await _refused(rest.post_order(here.outgoing(size="1")))
    await _refused(rest.post_order(here.outgoing(price="0.9", size="90000")))
    await _refused(rest.post_order(here.outgoing(price="0.3", tif="FOK")))
    await _refused(rest.order("0x" + "12" * 32))
    await rest.public.terms(native)
    await rest.public.tick_size(token)
    await rest.account.cash()
    await rest.account.closed_only()
    await asyncio.sleep(120)
    await rest.public.price_history(token)
    await rest.fills()


async def _kalshi(talk: _Conversation) -> None:
    here = talk.here
    http, budget = await talk.http(here.at.kalshi, kalshi_limits(TIERS["basic"]))
    rest = KalshiRest(http, budget, here.signer(), talk._loop.now_ns)
    bodies = [here.kalshi_order(price=price)[1] for price in ("0.1", "0.2", "0.6")]
    placed = [await rest.orders.place(body) for body in bodies]
    await rest.orders.cancel(placed[0].native, here.shard)
    await rest.portfolio.order(placed[1].native)
    group = await rest.groups.create(5 * ONE, here.shard)
    await rest.groups.trigger(group, here.shard)
    await rest.markets.order_book(TICKER)
    await rest.portfolio.balance()
    await rest.portfolio.positions()
    await rest.portfolio.limits()
    await _refused(rest.orders.place(here.kalshi_order(price="0.9", size="90000")[1]))
    await _refused(rest.orders.place(here.kalshi_order(price="0.3", tif="FOK")[1]))
    await _refused(rest.portfolio.order("nobodys"))


async def _references(talk: _Conversation) -> None:
    here, now = talk.here, talk._loop.now_ns
    http, budget = await talk.http(here.at.binance, BINANCE_LIMITS)
    binance = BinanceRest(http, budget, now)
    await binance.time()
    await binance.depth("BTCUSDT")
    await binance.trades("BTCUSDT")
    await binance.quote("BTCUSDT")
    await binance.candles("BTCUSDT", "1m", now=now())
    await _refused(binance.quote("NOBODYUSDT"))
    http, budget = await talk.http(here.at.allora, ALLORA_LIMITS)
    allora = AlloraRest(http, CHAIN, budget)
    await allora.latest(int(FIVE_MINUTES))
    await allora.newest_block()
    await _refused(allora.latest(999))
    consumer = AlloraConsumer(http, Lent("allora", "UP-key"), budget)
    await consumer.topics(CHAIN)


async def _endings(talk: _Conversation) -> None:
    """Let other people trade, grids change and markets end."""
    here, world = talk.here, talk.here.world
    now = world.act()
    world.polymarket.change_ticks(here.market.id, uniform_ticks("0.001"), now)
    await asyncio.sleep(1)
    for market in (here.market.id, MarketId(KALSHI, TICKER)):
        world.resolve(Resolution(market, world.act(), (ONE, 0), "test"), world.act())
    await asyncio.sleep(30)


async def _talk() -> Talk:
    own: dict[str, str] = {}
    async with ours() as here, AsyncExitStack() as stack:
        talk = Talk(
            here.tokens, here.market, here.kalshi_market, here.account, own, here.kalshi_orders
        )
        conversation = _Conversation(here, talk, stack)
        await asyncio.sleep(90)
        _listen(conversation)
        await conversation.settled()
        await _polymarket(conversation, own)
        await _kalshi(conversation)
        # Two epochs of Allora, so that an inference is told.
        await asyncio.sleep(700)
        await _references(conversation)
        await _endings(conversation)
        for pool, _ in conversation._pools:
            talk.proven[type(pool.dialect).__name__] = pool.status()[0].refusals
    return talk


@functools.cache
def talk() -> Talk:
    """Return the conversation; it is held once."""
    return aio.run(_talk())


Kind = Callable[[Any], str]


def one_of_each(
    frames: Sequence[bytes], kind: Kind, tells: Callable[[bytes], object]
) -> list[bytes]:
    """Return the first frame of every kind that tells anything; the shorter the better."""
    found: dict[str, bytes] = {}
    for frame in frames:
        try:
            name = kind(msgspec.json.decode(frame))
        except (msgspec.DecodeError, KeyError, TypeError, IndexError):
            continue
        if (name not in found or len(frame) < len(found[name])) and tells(frame):
            found[name] = frame
    return list(found.values())
