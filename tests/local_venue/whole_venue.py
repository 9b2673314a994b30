"""The whole local venue on loopback with a hand on its clock, and clients of both venues."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.local_venue.kalshi.talker import signed
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.clock import RunningClock
from underround.local_venue.endpoints import KalshiMember
from underround.local_venue.flow.scene import Scene
from underround.local_venue.kalshi.members import Credentials
from underround.local_venue.participants import Participant
from underround.local_venue.service import LocalVenue, VenueTerms
from underround.local_venue.world import World
from underround.model.book import Side
from underround.model.ids import POLYMARKET, Venue
from underround.model.orders import TimeInForce
from underround.model.units import Nanos, usd
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.orders import OrderDraft, OrderSigner, Outgoing
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.wallets import SignatureType

SECOND = 10**9
START: Nanos = 1_790_000_100 * SECOND
"""The beginning of a quarter of an hour."""
KIND = SignatureType.POLY_1271


class Told(msgspec.Struct, frozen=True):
    """An answer: status and decoded body."""

    status: int
    body: Any


class WholeVenue:
    """One local venue; its time is moved by the test."""

    def __init__(self, scene: Scene, seed: int = 5) -> None:
        self._passed: Nanos = 0
        clock = RunningClock(START, steady=lambda: self._passed)
        self.venue = LocalVenue(VenueTerms(scene=scene, seed=seed), clock)
        self.session: aiohttp.ClientSession
        self.statuses: Counter[tuple[str, int]] = Counter()
        """How often each host answered with each status."""

    @property
    def world(self) -> World:
        return self.venue.world

    @property
    def now(self) -> Nanos:
        return self.venue.clock.now()

    def wait(self, seconds: float) -> None:
        """Let time pass, and happen what is due."""
        self._passed += round(seconds * SECOND)
        self.world.act()

    def windows(self, venue: Venue = POLYMARKET, state: str = "open") -> list[LocalMarket]:
        """Return the up-or-down windows in a state, the one that ends first at the head."""
        found = [
            row
            for market, row in self.world.catalogue.markets.items()
            if market.venue == venue and row.listing.window and row.listing.state == state
        ]
        return sorted(found, key=lambda row: row.listing.ends_ns or 0)

    async def ask(
        self,
        host: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        """Ask one of the servers, named as in the endpoints."""
        url = getattr(self.venue.opened.endpoints, host) + path
        asked = self.session.request(method, url, data=body or None, headers=headers, params=query)
        async with asked as answer:
            self.statuses[host, answer.status] += 1
            said = await answer.read()
            return Told(answer.status, json.loads(said) if said else None)


class Trader:
    """A ready-made account at Polymarket, with its keys."""

    def __init__(self, whole: WholeVenue, who: Participant) -> None:
        self.whole = whole
        self.who = who
        self.account = AccountId(who.wallets[KIND.name])
        self._credentials = L2Credentials(
            who.owner,
            Lent("key", who.api_key),
            Lent("secret", who.api_secret),
            Lent("passphrase", who.api_passphrase),
        )
        salts = itertools.count(1)
        key = EvmKey(Lent(who.name, who.private_key))
        wallet = wallet_of(who.owner, KIND)
        self._signer = OrderSigner(key, wallet, self._credentials, lambda: next(salts))

    async def ask(self, path: str, *, method: str = "GET", body: bytes = b"", **query: str) -> Told:
        """Ask the CLOB with the headers of the API key."""
        headers = self._credentials.headers(method, path, body, self.whole.now)
        return await self.whole.ask("clob", path, query, method=method, body=body, headers=headers)

    def signed(
        self, row: LocalMarket, side: Side, price: str, size: str, tif: TimeInForce = "GTC"
    ) -> Outgoing:
        """Return a signed order for YES of a market."""
        market = row.listing.market
        draft = OrderDraft(
            token=market.tokens[0],
            side=side,
            price=usd(price),
            size=usd(size),
            budget=None,
            tick=self.whole.world.polymarket.ticks(market.id).finest,
            tif=tif,
            post_only=False,
            good_until_ns=None,
            neg_risk=market.neg_risk,
            protocol=row.listing.protocol or "v1",
        )
        return self._signer.outgoing(self._signer.order(draft, self.whole.now))

    async def post(self, order: Outgoing) -> Told:
        """Place a signed order."""
        return await self.ask("/order", method="POST", body=order.body)

    async def cancel(self, ids: list[str]) -> Told:
        """Cancel orders."""
        return await self.ask("/orders", method="DELETE", body=msgspec.json.encode(ids))


class KalshiTrader:
    """A ready-made member of Kalshi."""

    def __init__(self, whole: WholeVenue, who: KalshiMember) -> None:
        self.whole = whole
        self._who = Credentials(
            member=AccountId(""),
            name=who.name,
            key_id=who.key_id,
            kind="ed25519",
            private_key=who.private_key,
        )

    async def ask(self, path: str, *, method: str = "GET", body: object = None) -> Told:
        """Send a signed request."""
        full = f"/trade-api/v2{path}"
        headers = signed(self._who, method, full, self.whole.now // 10**6)
        data = b"" if body is None else msgspec.json.encode(body)
        return await self.whole.ask("kalshi", full, method=method, body=data, headers=headers)

    async def place(self, ticker: str, side: str, count: str, price: str, tif: str) -> Told:
        """Place an order."""
        order = {
            "ticker": ticker,
            "side": side,
            "count": count,
            "price": price,
            "time_in_force": tif,
            "self_trade_prevention_type": "taker_at_cross",
        }
        return await self.ask("/portfolio/events/orders", method="POST", body=order)


@asynccontextmanager
async def opened(scene: Scene, seed: int = 5) -> AsyncIterator[WholeVenue]:
    """Run a venue while inside."""
    whole = WholeVenue(scene, seed)
    async with whole.venue, aiohttp.ClientSession() as whole.session:
        yield whole
