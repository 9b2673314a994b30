"""Catalogue, Data API, relayer and site on loopback, markets of every kind, and our clients."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.local_venue.net.listening import MS, hand_world
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.catalogue import LocalEvent, question_ids
from underround.local_venue.clock import RunningClock
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.participants import Participant, fund, participant
from underround.local_venue.polymarket import site
from underround.local_venue.polymarket.data import rest as data
from underround.local_venue.polymarket.data.ledger import DataLedger
from underround.local_venue.polymarket.gamma import rest as gamma
from underround.local_venue.polymarket.gamma.figures import Figures
from underround.local_venue.polymarket.relayer import rest as relayer
from underround.local_venue.polymarket.relayer.keys import relayer_key
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.polymarket.wallets.books import BookkeptWallets
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World
from underround.model.book import Side
from underround.model.fees import NoFees, PolymarketFees
from underround.model.ids import POLYMARKET, GroupId, MarketId, OrderId
from underround.model.listing import FeeEpoch, Listing, RewardTerms, Window
from underround.model.market import Market, Resolution, uniform_ticks
from underround.model.orders import TimeInForce
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import AccountId, Placement, Submission
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.data_api import PolymarketData
from underround.venues.polymarket.gamma.rest import GammaRest
from underround.venues.polymarket.ids import PositionId
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.relayer.rest import PolymarketRelayer, RelayerKey
from underround.venues.polymarket.requests import Authorizer, Requests
from underround.venues.polymarket.wallets import SignatureType
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

SECOND = 1_000 * MS
HOUR = 3_600 * SECOND
PEOPLE = ("alice", "bob", "carol")
DEPOSIT = SignatureType.POLY_1271


class Told(msgspec.Struct, frozen=True):
    """An answer: status, decoded body, headers."""

    status: int
    body: Any
    headers: Mapping[str, str]


class CatalogueDesk:
    """The venue, and a hand on its clock."""

    def __init__(self, seed: int = 0, *, running: bool = False, **relay: Any) -> None:
        """``running``: the venue's time is the machine's, for clients that read it."""
        self.world, self.clock = hand_world(seed)
        if running:
            self.world = World(RunningClock(), seed=seed, settlement=TimedSettlement)
        self.books = PublishedBooks(self.world)
        self.figures = Figures(self.world)
        self.ledger = DataLedger(self.world)
        self.wallets = BookkeptWallets(self.world)
        self.wallets.listen(self.ledger.did)
        self.people: dict[str, Participant] = {}
        for number, name in enumerate(PEOPLE):
            who = participant(name, number, self.world.accounts, seed)
            self.people[name] = who
            for maker in who.wallets.values():
                fund(self.world, AccountId(maker), usd("10000"))
                for spender in (POLYGON.router, POLYGON.exchange_v3):
                    custody = self.world.polymarket.custody
                    custody.allow(AccountId(maker), spender, shares=True, granted=True)
        self._numbers = itertools.count(1)
        self.relay = relay
        self.urls: dict[str, str] = {}
        self.session: aiohttp.ClientSession
        self._stack = AsyncExitStack()

    @property
    def now(self) -> int:
        return self.world.clock.now()

    def account(self, who: str, kind: SignatureType = DEPOSIT) -> AccountId:
        return AccountId(self.people[who].wallets[kind.name])

    def pass_ms(self, ms: int) -> None:
        """Let time pass, and happen what is due."""
        self.clock.move_to(self.now + ms * MS)
        self.world.act()

    async def sleep(self, seconds: float) -> None:
        """What a client waits with: it moves the venue's clock."""
        self.pass_ms(int(seconds * 1_000))

    # --- markets -------------------------------------------------------------------------------

    def event(self, slug: str, **told: Any) -> LocalEvent:
        return self.world.catalogue.add_event(slug, slug.replace("-", " ").capitalize(), **told)

    def list(
        self,
        event: LocalEvent,
        name: str,
        *,
        rate: int = 0,
        ids: tuple[str, tuple[str, str]] | None = None,
        outcomes: tuple[str, str] = ("Yes", "No"),
        opens_ns: int | None = None,
        **listed: Any,
    ) -> Market:
        """List a market and return it; ``ids`` of Protocol V2 are given."""
        question, condition, tokens = question_ids(
            name, event.neg_risk, (event.slug, len(event.markets)) if event.neg_risk else None
        )
        if ids is not None:
            condition, tokens = ids
        fees = PolymarketFees(rate) if rate else NoFees()
        market = Market(
            id=MarketId(POLYMARKET, condition),
            title=f"Will {name} be?",
            outcomes=outcomes,
            tokens=tokens,
            currency="pUSD",
            ticks=(uniform_ticks("0.01"),),
            min_size=5 * ONE,
            size_step=10_000,
            fees=fees,
            opens_ns=self.now if opens_ns is None else opens_ns,
            closes_ns=None,
            group=GroupId(f"polymarket:{event.slug}") if event.neg_risk else None,
            neg_risk=event.neg_risk,
        )
        row: dict[str, Any] = {
            "slug": name,
            "state": "open",
            "protocol": "v1" if ids is None else "v2",
            "augmented": event.augmented,
            "rules": f"It is Yes if {name} is.",
            "tags": ("tests",),
            "ends_ns": self.now + HOUR,
            "fee_history": (FeeEpoch(0, fees),),
            "maker_rebate": 200_000 if rate else None,
        }
        self.world.list_market(event, Listing(market=market, **(row | listed)), self.now, question)
        return market

    def list_v2(self, event: LocalEvent, name: str = "newer", number: int = 0) -> Market:
        """List a market of Protocol V2."""
        base = bytes((*range(15), number))
        yes = PositionId(module=1, base=base, arity=0, chain=0, condition_index=0, outcome=0)
        return self.list(event, name, ids=(yes.padded_condition, (yes.token, yes.sibling(1).token)))

    def list_window(self, event: LocalEvent, start_s: int) -> Market:
        """List a 15-minute window of bitcoin."""
        start = start_s * SECOND
        window = Window("BTC", start, start + 900 * SECOND, 60, None)
        return self.list(
            event,
            f"btc-updown-15m-{start_s}",
            rate=70_000,
            outcomes=("Up", "Down"),
            window=window,
            series="btc-up-or-down-15m",
            ends_ns=window.end_ns,
            rewards=RewardTerms(usd("50"), usd("0.045"), None, usd("100")),
        )

    def resolve(self, market: Market, payouts: tuple[int, int]) -> None:
        self.world.resolve(Resolution(market.id, self.now, payouts, "test"), self.now)

    # --- people --------------------------------------------------------------------------------

    def order(
        self,
        who: str,
        side: Side,
        market: Market,
        price: str,
        size: str,
        *,
        outcome: int = 0,
        tif: TimeInForce = "GTC",
    ) -> Placement:
        """Send an order of somebody's deposit wallet to the engine."""
        return self.world.polymarket.submit(
            Submission(
                id=OrderId(f"0x{next(self._numbers):064x}"),
                account=self.account(who),
                owner=self.people[who].api_key,
                outcome=market.outcome(outcome),
                side=side,
                price=usd(price),
                size=usd(size),
                tif=tif,
                created_ns=self.now,
            ),
            self.now,
        )

    def trade(self, market: Market, price: str = "0.40", size: str = "20") -> None:
        """Let alice buy YES of bob, and let it become final."""
        self.order("bob", "buy", market, f"{1 - float(price):.2f}", size, outcome=1)
        assert self.order("alice", "buy", market, price, size).size == usd(size)
        self.pass_ms(20_000)

    # --- serving -------------------------------------------------------------------------------

    async def start(self) -> None:
        deployed = [wallet for who in self.people.values() for wallet in who.wallets.values()]
        relay = {"deployed": deployed} | self.relay
        hosts = {
            "gamma": gamma.routes(self.world, self.books, self.figures),
            "data": data.routes(
                self.world, self.ledger, self.books, self.figures, self.wallets.purse
            ),
            "relayer": relayer.routes(self.world, self.wallets, **relay),
            "site": site.routes(self.world, site.Place(country="DE", blocked=True)),
        }
        for name, routes in hosts.items():
            host = HttpHost(name, self.world, routes)  # type: ignore[arg-type]  # four of the names
            self.urls[name] = await host.start()
            self._stack.push_async_callback(host.stop)
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())

    async def stop(self) -> None:
        await self._stack.aclose()

    async def ask(
        self,
        host: str,
        path: str,
        query: Any = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        """Send a request."""
        url = self.urls[host] + path
        asked = self.session.request(method, url, params=query, data=body, headers=headers)
        async with asked as answer:
            return Told(answer.status, msgspec.json.decode(await answer.read()), answer.headers)

    async def get(self, host: str, path: str, **query: str) -> Any:
        """Return the body of a read that must succeed."""
        told = await self.ask(host, path, query)
        assert told.status == 200, told
        return told.body

    # --- our clients ---------------------------------------------------------------------------

    async def _client(self, host: str) -> HttpClient:
        return await self._stack.enter_async_context(HttpClient(self.urls[host]))

    def _budget(self) -> RateBudget:
        return RateBudget(limits_of(), self.clock.now, self.sleep)

    async def gamma(self) -> GammaRest:
        return GammaRest(await self._client("gamma"), self._budget())

    async def data(self) -> PolymarketData:
        client = await self._client("data")
        return PolymarketData(Requests(client, self._budget(), self.clock.now))

    async def relayer(
        self, who: str, kind: SignatureType = DEPOSIT, by: Authorizer | None = None
    ) -> PolymarketRelayer:
        person = self.people[who]
        key = by or RelayerKey(
            Lent("relayer key", relayer_key(self.world.seed, person.owner)), person.owner
        )
        requests = Requests(await self._client("relayer"), self._budget(), self.clock.now, key)
        signer = EvmKey(Lent(who, person.private_key))
        return PolymarketRelayer(requests, signer, wallet_of(person.owner, kind), self.sleep)


@asynccontextmanager
async def serving(desk: CatalogueDesk) -> AsyncIterator[CatalogueDesk]:
    """Serve a desk."""
    await desk.start()
    try:
        yield desk
    finally:
        await desk.stop()


def everything(desk: CatalogueDesk) -> dict[str, Market]:
    """List a market of every kind."""
    plain = desk.event("plain-things", tags=("politics",))
    group = desk.event("who-wins", neg_risk=True)
    open_group = desk.event("who-else", neg_risk=True, augmented=True)
    rolling = desk.event("btc-window", series="btc-up-or-down-15m", tags=("crypto",))
    start = desk.now // SECOND // 900 * 900
    return {
        "plain": desk.list(plain, "rain", rate=40_000),
        "free": desk.list(plain, "snow"),
        "first": desk.list(group, "anna-wins"),
        "second": desk.list(group, "bert-wins"),
        "third": desk.list(group, "cleo-wins"),
        "named": desk.list(open_group, "dora-wins"),
        "other": desk.list(open_group, "other", placeholder=True),
        "window": desk.list_window(rolling, start),
        "v2": desk.list_v2(plain),
    }
