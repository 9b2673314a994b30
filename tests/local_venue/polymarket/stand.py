"""A venue with a market or two, people who trade in it, and the streams served on loopback."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.local_venue.net.listening import MS, Ear, hand_world
from underround.local_venue.accounts import Login
from underround.local_venue.catalogue import LocalEvent, question_ids
from underround.local_venue.net.socket_host import Door, SocketHost
from underround.local_venue.polymarket.streams.market_channel import MarketChannel
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.polymarket.streams.user_channel import UserChannel
from underround.model.book import Side
from underround.model.fees import PolymarketFees
from underround.model.ids import POLYMARKET, MarketId, OrderId
from underround.model.listing import Listing
from underround.model.market import Market, Resolution, uniform_ticks
from underround.model.orders import TimeInForce
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import AccountId, Placement, Submission

PEOPLE = ("alice", "bob", "carol")
HASHED = [
    "market", "asset_id", "timestamp", "hash", "bids", "asks", "min_order_size", "tick_size",
    "neg_risk", "last_trade_price", "version",
]  # fmt: skip


class Stand:
    """The venue, and a hand on its clock."""

    def __init__(
        self, *, markets: int = 1, tick: str = "0.01", rate: int = 0, seed: int = 0
    ) -> None:
        self.world, self.clock = hand_world(seed)
        self.tick = tick
        self.rate = rate
        self.event: LocalEvent = self.world.catalogue.add_event(
            "an-event", "An event", tags=("tests",)
        )
        self.books = PublishedBooks(self.world)
        self.market_channel = MarketChannel(self.world, self.books)
        self.user_channel = UserChannel(self.world)
        self.markets = [self.list(f"market {number}") for number in range(markets)]
        self.logins: dict[str, Login] = {}
        for number, name in enumerate(PEOPLE):
            login = self.world.accounts.create(f"0x{number + 1:040x}", 0)
            assert login is not None
            self.logins[name] = login
            custody = self.world.polymarket.custody
            custody.allow_all(self.account(name))
            custody.deposit(self.account(name), usd("10000000"))
            for market in self.markets:
                custody.split(self.account(name), market.id, usd("1000000"))
        self._numbers = itertools.count(1)
        self.senders: dict[str, str] = {}
        """Who sent each order."""

    # --- the venue -------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return self.clock.now()

    @property
    def market(self) -> Market:
        return self.markets[0]

    @property
    def yes(self) -> str:
        return self.market.tokens[0]

    @property
    def no(self) -> str:
        return self.market.tokens[1]

    def account(self, name: str) -> AccountId:
        return AccountId(f"0x{PEOPLE.index(name) + 101:040x}")

    def list(self, name: str, **changes: Any) -> Market:
        """List a market and return it."""
        question, condition, tokens = question_ids(name, neg_risk=False)
        market = Market(
            id=MarketId(POLYMARKET, condition),
            title=f"Will {name} be?",
            outcomes=("Yes", "No"),
            tokens=tokens,
            currency="pUSD",
            ticks=(uniform_ticks("0.01"),),
            min_size=5 * ONE,
            size_step=10_000,
            fees=PolymarketFees(self.rate),
            opens_ns=None,
            closes_ns=None,
            group=None,
            neg_risk=False,
        )
        listing = Listing(
            market=market,
            slug=name.replace(" ", "-"),
            state="open",
            protocol="v1",
            rules=f"It is Yes if {name} is.",
            ends_ns=None,
            fee_history=(),
        )
        listing = msgspec.structs.replace(listing, **changes)
        self.world.list_market(self.event, listing, self.now, question)
        return market

    def resolve(self, payouts: tuple[int, int], market: Market | None = None) -> None:
        at = (market or self.market).id
        self.world.resolve(Resolution(at, self.now, payouts, "test"), self.now)

    def pass_ms(self, ms: int = 1) -> None:
        """Let time pass, and happen what is due."""
        self.clock.move_to(self.now + ms * MS)
        self.world.act()

    # --- people ----------------------------------------------------------------------------------

    def order(
        self,
        who: str,
        side: Side,
        price: str,
        size: str,
        *,
        outcome: int = 0,
        tif: TimeInForce = "GTC",
        market: Market | None = None,
        budget: str | None = None,
        good_until_ns: int | None = None,
    ) -> Placement:
        """Send an order as one of the people."""
        sent = Submission(
            id=OrderId(f"0x{next(self._numbers):064x}"),
            account=self.account(who),
            owner=self.logins[who].key,
            outcome=(market or self.market).outcome(outcome),
            side=side,
            price=usd(price),
            size=usd(size),
            budget=None if budget is None else usd(budget),
            tif=tif,
            created_ns=self.now,
            good_until_ns=good_until_ns,
        )
        self.senders[sent.id] = who
        return self.world.polymarket.submit(sent, self.now)

    def anything(self, chance: random.Random) -> None:
        """Let somebody do something: quote, take, cancel one, cancel all."""
        market, who = chance.choice(self.markets), chance.choice(PEOPLE)
        kind = chance.randrange(10)
        exchange = self.world.polymarket
        if kind < 3:
            mine = [order.sent.id for order in exchange.resting(market.id)]
            if mine:
                exchange.cancel([chance.choice(mine)], self.now)
        elif kind == 3 and chance.randrange(20) == 0:
            exchange.cancel_where(self.now, owner=self.logins[who].key, market=market.id)
        else:
            self.order(
                who,
                chance.choice(("buy", "sell")),
                f"0.{chance.randrange(20, 80):02d}",
                str(chance.randrange(5, 40)),
                outcome=chance.randrange(2),
                tif=chance.choice(("GTC", "GTC", "GTC", "FAK")),
                market=market,
            )

    # --- the streams -----------------------------------------------------------------------------

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Streams]:
        """Serve both channels."""
        doors: dict[str, Door] = {"/ws/market": self.market_channel, "/ws/user": self.user_channel}
        host = SocketHost(self.world, doors)
        url = await host.start()
        try:
            async with aiohttp.ClientSession() as session:
                yield Streams(self, url, session)
        finally:
            await host.stop()


class Streams:
    """Clients of the stand."""

    def __init__(self, stand: Stand, url: str, session: aiohttp.ClientSession) -> None:
        self.stand = stand
        self.url = url
        self._session = session

    async def open(self, channel: str) -> Ear:
        """Connect and say nothing."""
        return Ear(await self._session.ws_connect(f"{self.url}/ws/{channel}"))

    async def market(self, *tokens: str, featured: bool = False) -> tuple[Ear, list[Any]]:
        """Subscribe to tokens; returns the client and the books it was sent."""
        ear = await self.open("market")
        first: dict[str, Any] = {"assets_ids": list(tokens), "type": "market"}
        if featured:
            first["custom_feature_enabled"] = True
        await ear.say(msgspec.json.encode(first).decode())
        frame = await ear.next()
        assert frame is not None
        assert frame.endswith(b"]\n")
        books: list[Any] = msgspec.json.decode(frame)
        return ear, books

    async def user(self, who: str, *markets: str) -> Ear:
        """Subscribe to the news of one of the people; the answer to a ping says it is in."""
        ear = await self.open("user")
        await ear.say(msgspec.json.encode(self.subscription(who, *markets)).decode())
        assert await ear.heard() == []
        return ear

    def subscription(self, who: str, *markets: str) -> dict[str, Any]:
        login = self.stand.logins[who]
        auth = {"apiKey": login.key, "secret": login.secret, "passphrase": login.passphrase}
        first: dict[str, Any] = {"auth": auth, "type": "user"}
        return first | ({"markets": list(markets)} if markets else {})


def decoded(frames: list[bytes]) -> list[Any]:
    """Return frames as JSON values."""
    return [msgspec.json.decode(frame) for frame in frames]


def hash_of(body: dict[str, Any]) -> str:
    """Return the hash of a book by the rule that was found on recorded ones, and nothing else."""
    covered = {key: body[key] for key in HASHED if key in body} | {"hash": ""}
    text = json.dumps(covered, separators=(",", ":"))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def served(stand: Stand, token: str) -> dict[str, Any]:
    """Return the book as a client of the REST server reads it."""
    body = stand.books.book(token, stand.now)
    assert body is not None
    told: dict[str, Any] = json.loads(json.dumps(body))
    return told
