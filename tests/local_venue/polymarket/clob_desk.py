"""The CLOB on loopback, a market of each kind, people with wallets, and requests by hand."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.local_venue.net.listening import MS, hand_world
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.catalogue import question_ids
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.participants import Participant, fund, participant
from underround.local_venue.polymarket.clob.rest import fault_answer, routes_of
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.model.book import Side
from underround.model.fees import PolymarketFees
from underround.model.ids import POLYMARKET, MarketId
from underround.model.listing import Listing, RewardTerms
from underround.model.market import Market, uniform_ticks
from underround.model.orders import TimeInForce
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.ids import PositionId
from underround.venues.polymarket.orders import OrderDraft, OrderSigner, Outgoing, PolymarketOrder
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.wallets import SignatureType

SECOND = 1_000 * MS
KINDS = tuple(SignatureType)


class Told(msgspec.Struct, frozen=True):
    """An answer: status, decoded body, headers."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def error(self) -> tuple[int, str]:
        """Status and words of a refusal."""
        return self.status, self.body["error"]


class Member:
    """A person at the desk: everything a client holds."""

    def __init__(self, desk: Desk, who: Participant) -> None:
        self.desk = desk
        self.who = who
        self.key = EvmKey(Lent(who.name, who.private_key))
        self.credentials = L2Credentials(
            who.owner,
            Lent("key", who.api_key),
            Lent("secret", who.api_secret),
            Lent("passphrase", who.api_passphrase),
        )

    def account(self, kind: SignatureType = SignatureType.POLY_1271) -> AccountId:
        """Return the account of a kind of wallet."""
        return AccountId(self.who.wallets[kind.name])

    def signer(self, kind: SignatureType = SignatureType.POLY_1271) -> OrderSigner:
        """Return what signs for a kind of wallet; salts count."""
        wallet = wallet_of(self.who.owner, kind)
        return OrderSigner(self.key, wallet, self.credentials, lambda: next(self.desk.salts))

    def made(
        self,
        side: Side = "buy",
        price: str = "0.5",
        size: str | None = "10",
        *,
        budget: str | None = None,
        tif: TimeInForce = "GTC",
        outcome: int = 0,
        market: Market | None = None,
        post_only: bool = False,
        good_until_ns: int | None = None,
        kind: SignatureType = SignatureType.POLY_1271,
        builder: str | None = None,
    ) -> PolymarketOrder:
        """Return an order that is not signed yet."""
        desk = self.desk
        market = market or desk.market
        listing = desk.world.catalogue.markets[market.id].listing
        draft = OrderDraft(
            token=market.tokens[outcome],
            side=side,
            price=usd(price),
            size=None if size is None or budget is not None else usd(size),
            budget=None if budget is None else usd(budget),
            tick=desk.world.polymarket.ticks(market.id).finest,
            tif=tif,
            post_only=post_only,
            good_until_ns=good_until_ns,
            neg_risk=market.neg_risk,
            protocol=listing.protocol or "v1",
            **({} if builder is None else {"builder": builder}),
        )
        return self.signer(kind).order(draft, desk.now)

    def order(self, *given: Any, **how: Any) -> Outgoing:
        """Return a signed order; see ``made``."""
        kind = how.get("kind", SignatureType.POLY_1271)
        return self.signer(kind).outgoing(self.made(*given, **how))

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
        **changed: str,
    ) -> Told:
        """Send a request with the credentials' headers, some of them changed."""
        headers = self.credentials.headers(method, path, body, self.desk.now) | changed
        return await self.desk.ask(method, path, body, headers, query)

    async def post(self, *given: Any, **how: Any) -> Told:
        """Place an order; see ``made``."""
        return await self.ask("POST", "/order", self.order(*given, **how).body)


class Desk:
    """The venue, and a hand on its clock."""

    def __init__(self, **server: Any) -> None:
        self.world, self.clock = hand_world(0)
        self.salts = itertools.count(1)
        self.event = self.world.catalogue.add_event("an-event", "An event")
        self.risky = self.world.catalogue.add_event("a-group", "A group", neg_risk=True)
        self.books = PublishedBooks(self.world)
        self.server = ClobServer(self.world, self.books, **server)
        self.market = self.list("plain")
        self.alice, self.bob, self.carol = (
            self._move_in(name, number) for number, name in enumerate(("alice", "bob", "carol"))
        )
        self.url = ""
        self.client: aiohttp.ClientSession

    @property
    def now(self) -> int:
        return self.clock.now()

    def _move_in(self, name: str, number: int) -> Member:
        who = participant(name, number, self.world.accounts, self.world.seed)
        for maker in who.wallets.values():
            fund(self.world, AccountId(maker), usd("10000"))
            self.world.polymarket.custody.split(AccountId(maker), self.market.id, usd("1000"))
        return Member(self, who)

    def list(
        self,
        name: str,
        *,
        tick: str = "0.01",
        rate: int = 0,
        neg_risk: bool = False,
        ids: tuple[str, tuple[str, str]] | None = None,
        **listed: Any,
    ) -> Market:
        """List a market and return it; ``ids`` of Protocol V2 are given."""
        question, condition, tokens = question_ids(name, neg_risk)
        if ids is not None:
            condition, tokens = ids
        market = Market(
            id=MarketId(POLYMARKET, condition),
            title=f"Will {name} be?",
            outcomes=("Yes", "No"),
            tokens=tokens,
            currency="pUSD",
            ticks=(uniform_ticks(tick),),
            min_size=5 * ONE,
            size_step=10_000,
            fees=PolymarketFees(rate),
            opens_ns=None,
            closes_ns=None,
            group=None,
            neg_risk=neg_risk,
        )
        row = {
            "slug": name,
            "state": "open",
            "protocol": "v1" if ids is None else "v2",
            "rules": f"It is Yes if {name} is.",
            "ends_ns": self.now + 3_600 * SECOND,
            "fee_history": (),
        }
        listing = Listing(market=market, **(row | listed))
        event = self.risky if neg_risk else self.event
        self.world.list_market(event, listing, self.now, question)
        return market

    def list_v2(self, name: str = "newer", **listed: Any) -> Market:
        """List a market of Protocol V2."""
        yes = PositionId(
            module=1, base=bytes(range(16)), arity=2, chain=1, condition_index=0, outcome=0
        )
        return self.list(
            name, ids=(yes.padded_condition, (yes.token, yes.sibling(1).token)), **listed
        )

    def pass_ms(self, ms: int) -> None:
        """Let time pass, and happen what is due."""
        self.clock.move_to(self.now + ms * MS)
        self.world.act()

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Told:
        """Send a request; the body goes out exactly as it is."""
        asked = self.client.request(
            method, self.url + path, data=body or None, headers=headers, params=query
        )
        async with asked as answer:
            raw = await answer.read()
            return Told(answer.status, msgspec.json.decode(raw), dict(answer.headers))

    async def get(self, path: str, **query: str) -> Any:
        """Return the body of a public read, which must succeed."""
        told = await self.ask("GET", path, query=query)
        assert told.status == 200, told
        return told.body


@asynccontextmanager
async def clob(**server: Any) -> AsyncIterator[Desk]:
    """Serve a desk."""
    desk = Desk(**server)
    host = HttpHost("clob", desk.world, routes_of(desk.server), fault_answer=fault_answer)
    desk.url = await host.start()
    try:
        async with aiohttp.ClientSession() as desk.client:
            yield desk
    finally:
        await host.stop()


REWARDS = RewardTerms(min_size=usd("50"), max_spread=usd("0.045"), min_age_s=30, daily=usd("100"))
