"""The whole local venue and every client of ours, on a loop whose clock jumps.

The venue tells the loop's time, so that an answer that never comes costs no real second.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final, TypeVar

import msgspec
import pytest
from aiohttp import web

from tests import aio
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.clock import RunningClock
from underround.local_venue.endpoints import Endpoints
from underround.local_venue.flow.quantities import Amount, Cents
from underround.local_venue.flow.scene import Scene, SceneMarket
from underround.local_venue.flow.terms import GeneratorTerms, PathTerms
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.service import LocalVenue, VenueTerms
from underround.local_venue.world import World
from underround.model.book import Side
from underround.model.ids import KALSHI, IntentId, MarketId, OrderId, OutcomeId, PlanId, StrategyId
from underround.model.listing import Listing
from underround.model.market import Market
from underround.model.orders import Order, TimeInForce
from underround.model.units import usd
from underround.venues.codec import Tokens
from underround.venues.ethereum import EvmKey
from underround.venues.kalshi.hosts import Hosts
from underround.venues.kalshi.orders import CreateBody, Terms, create_body
from underround.venues.kalshi.sign import KalshiSigner
from underround.venues.polymarket.orders import OrderDraft, OrderSigner, Outgoing
from underround.venues.polymarket.relayer.rest import RelayerKey
from underround.venues.polymarket.sign import L2Credentials, l1_headers
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.wallets import SignatureType, Wallet

T = TypeVar("T")
SECOND: Final = 10**9
TICKER: Final = "KXHEADS-26"
_BIDS: Final = tuple((Cents(usd(price)), Amount(usd("1000"))) for price in ("0.48", "0.47"))
_ASKS: Final = tuple((Cents(usd(price)), Amount(usd("1000"))) for price in ("0.52", "0.53"))
SCENE: Final = Scene(
    generator=GeneratorTerms(
        prices={
            "btc/usd": PathTerms(start=Amount(usd("65000"))),
            "eth/usd": PathTerms(start=Amount(usd("2600"))),
        }
    ),
    markets=(
        SceneMarket(
            slug="heads", title="Heads?", fee_rate=Amount(usd("0.04")),
            bids=_BIDS, asks=_ASKS,
        ),
        SceneMarket(slug="tails", title="Tails?", bids=_BIDS, asks=_ASKS),
        SceneMarket(
            slug=TICKER, title="Heads?", venue="kalshi", bids=_BIDS, asks=_ASKS
        ),
    ),
)  # fmt: skip


class HeldPem:
    """A private key in the form in which keys are taken."""

    def __init__(self, pem: str) -> None:
        self.name = "kalshi"
        self._pem = pem.encode()

    def reveal(self) -> AbstractContextManager[memoryview]:
        return nullcontext(memoryview(self._pem))


class Ours:
    """One running venue, and what our clients need to be somebody there."""

    def __init__(self, venue: LocalVenue, name: str = "alice") -> None:
        self.venue = venue
        self.who = next(each for each in venue.opened.accounts if each.name == name)
        kalshi = venue.opened.kalshi
        self.member = next(each for each in kalshi if each.name == name and each.kind != "rsa")
        self.wallet: Wallet = wallet_of(self.who.owner, SignatureType.POLY_1271)
        self.key = EvmKey(Lent(name, self.who.private_key))
        self.account = Account(self.who.api_key, self.who.maker)
        self._salts = itertools.count(1)
        self._nonces = itertools.count(10)
        self._names = itertools.count(1)
        self.kalshi_orders: dict[OrderId, Order] = {}
        """Orders that were made for Kalshi, by our name for them."""

    @property
    def world(self) -> World:
        return self.venue.world

    @property
    def at(self) -> Endpoints:
        return self.venue.opened.endpoints

    @property
    def now(self) -> int:
        return self.world.clock.now()

    @property
    def tokens(self) -> Tokens:
        found = self.world.catalogue.tokens.items()
        return {token: (row.listing.market, index) for token, (row, index) in found}

    @property
    def kalshi_hosts(self) -> Hosts:
        return Hosts(self.at.kalshi, self.at.kalshi_stream)

    def listing(self, slug: str = "heads") -> Listing:
        row = self.world.catalogue.of_slug(slug)
        assert row is not None
        return row.listing

    @property
    def market(self) -> Market:
        return self.listing().market

    @property
    def kalshi_market(self) -> Market:
        return self.world.catalogue.markets[MarketId(KALSHI, TICKER)].listing.market

    # --- who we are ----------------------------------------------------------------------------

    def credentials(self) -> L2Credentials:
        who = self.who
        return L2Credentials(
            who.owner,
            Lent("key", who.api_key),
            Lent("secret", who.api_secret),
            Lent("passphrase", who.api_passphrase),
        )

    def signer(self) -> KalshiSigner:
        return KalshiSigner(self.member.key_id, HeldPem(self.member.private_key))

    def relayer_key(self) -> RelayerKey:
        return RelayerKey(Lent("relayer", self.who.relayer_key), self.who.owner)

    def wallet_proof(self) -> WalletProof:
        """Return proof that the wallet is ours, for a login that does not exist yet."""
        return WalletProof(self.key, next(self._nonces))

    # --- orders --------------------------------------------------------------------------------

    def outgoing(
        self, side: Side = "buy", price: str = "0.1", size: str = "5", tif: TimeInForce = "GTC"
    ) -> Outgoing:
        """Return a new signed order at Polymarket."""
        market = self.market
        draft = OrderDraft(
            token=market.tokens[0], side=side, price=usd(price), size=usd(size), budget=None,
            tick=self.world.polymarket.ticks(market.id).finest, tif=tif, post_only=False,
            good_until_ns=None, neg_risk=False, protocol=self.listing().protocol or "v1",
        )  # fmt: skip
        signer = OrderSigner(self.key, self.wallet, self.credentials(), lambda: next(self._salts))
        return signer.outgoing(signer.order(draft, self.now))

    def kalshi_order(
        self, side: Side = "buy", price: str = "0.1", size: str = "5", tif: TimeInForce = "GTC"
    ) -> tuple[OrderId, CreateBody]:
        """Return the name and the body of a new order at Kalshi."""
        name = OrderId(f"{self.who.name}-{next(self._names)}")
        order = Order(
            id=name, intent=IntentId(1), plan=PlanId("p"), strategy=StrategyId("s"),
            leg_group=None, purpose="open", post_only=False, good_until_ns=None,
            outcome=OutcomeId(self.kalshi_market.id, 0), side=side, price=usd(price),
            size=usd(size), tif=tif, created_ns=self.now,
        )  # fmt: skip
        self.kalshi_orders[name] = order
        ticks = self.world.kalshi.ticks(self.kalshi_market.id)
        return name, create_body(order, ticks, Terms(shard=self.shard))

    @property
    def shard(self) -> int:
        row = self.world.catalogue.markets[self.kalshi_market.id]
        return row.listing.shard or 0


class WalletProof:
    """Signs with the wallet itself (L1)."""

    def __init__(self, key: EvmKey, nonce: int) -> None:
        self._key = key
        self._nonce = nonce

    def headers(self, _method: str, _path: str, _body: bytes, now: int) -> Mapping[str, str]:
        return l1_headers(self._key, 137, now, self._nonce)


@asynccontextmanager
async def ours(scene: Scene = SCENE, seed: int = 3) -> AsyncIterator[Ours]:
    """Run a venue on the loop's time while inside."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, aio.JumpingLoop)
    clock = RunningClock(loop.now_ns(), steady=loop.now_ns)
    async with LocalVenue(VenueTerms(scene=scene, seed=seed), clock) as venue:
        yield Ours(venue)


class Running:
    """A venue that runs whenever somebody waits for something."""

    def __init__(self, runner: asyncio.Runner, ours: Ours) -> None:
        self._runner = runner
        self.ours = ours
        self.heard: Callable[[str, str], None] = lambda method, path: None
        """Called with method and path of every request that reaches a host."""

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def main() -> T:
            return await work()

        return self._runner.run(main())


@contextmanager
def running() -> Iterator[Running]:
    """Start a venue; note what its hosts are asked."""
    there: list[Running] = []
    serve: Any = HttpHost._serve

    @web.middleware
    async def noted(self: HttpHost, request: web.Request, handler: Any) -> web.StreamResponse:
        for each in there:
            each.heard(request.method, request.path)
        answer: web.StreamResponse = await serve(self, request, handler)
        return answer

    with (
        pytest.MonkeyPatch.context() as patch,
        asyncio.Runner(loop_factory=aio.JumpingLoop) as runner,
    ):
        patch.setattr(HttpHost, "_serve", noted)
        opened = ours()
        made = runner.run(opened.__aenter__())
        try:
            there.append(Running(runner, made))
            yield there[0]
        finally:
            runner.run(opened.__aexit__(None, None, None))


def decoded(payload: bytes) -> Any:
    return msgspec.json.decode(payload)
