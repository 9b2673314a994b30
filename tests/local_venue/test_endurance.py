"""The whole local venue over many hours: it keeps its size, its money, its clients and its word.

The venue's time is moved by the test, so hours take as long as what happens in them.  The short
form has people who take their time; ``make soak`` runs the desk scene as it is for a day.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

import aiohttp
import msgspec
import pytest

from tests.local_venue.growth import Growth
from tests.local_venue.whole_venue import KalshiTrader, Trader, WholeVenue, opened
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import find_scene, read_scene
from underround.local_venue.flow.terms import CrowdTerms
from underround.local_venue.kalshi import desk, doors
from underround.local_venue.polymarket.clob import notices
from underround.local_venue.polymarket.data import ledger as data_ledger
from underround.local_venue.references import allora_chain
from underround.local_venue.world import ListingTold, WorldEvent
from underround.model.ids import KALSHI, MarketId
from underround.simulation.matching.kalshi import core as kalshi_core
from underround.simulation.matching.kalshi import money as kalshi_money
from underround.simulation.matching.terms import MarketEnded

MINUTE = 60
HOUR = 60 * MINUTE
CALM = CrowdTerms(makers=1, levels=3, requote_ms=12_000, noise_ms=12_000, informed_ms=20_000)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How long, and how often who does what; in seconds of the venue."""

    hours: int
    step: int = 15
    trades: int = 30
    polls: int = 120
    keep: int
    """How long a resolved market is listed; seven times as long where Alice was."""
    calm: bool = False
    samples: int = 12
    memory_mb: float


SHORT = Terms(
    hours=5, step=30, trades=60, polls=600, keep=4 * MINUTE, calm=True, samples=10, memory_mb=6
)
DAY = Terms(hours=24, samples=48, keep=30 * MINUTE, memory_mb=48)

BOUNDS = {
    (data_ledger, "_MOST_ROWS"): 2_000,
    (notices, "_KEPT"): 20,
    (kalshi_core, "_KEPT"): 100,
    (kalshi_money, "_ENDED"): 20,
    (desk, "_KEPT"): 20,
    (doors, "_SENT"): 500,
    (allora_chain, "_KEPT"): 20,
}
"""How much is remembered of what never ends: in the short form so little that it fills up soon."""

STILL_FILLING = {
    "ClobLedger._rebates{}": 10_000,
    "KalshiDesk.fills{}": 10_000,
    "KalshiDesk.settlements{}": 10_000,
    "KalshiFill objects": 10_000,
    "KalshiMoney._ended": 5_000,
    "KalshiMoney.positions{}": 5_100,
    "KalshiSettlement objects": 10_000,
    "Position objects": 5_100,
}
"""What is bounded, but by more than a day can fill: a month of rebates, a member's last fills."""


def tighten(whole: WholeVenue) -> None:
    """Set the bounds that every world has of its own."""
    floor = whole.world.polymarket._floor
    floor.orders._kept = floor.trades._kept = 2_000
    whole.world.prices._keep_ns = 15 * MINUTE * 10**9
    for pair in whole.venue.spot.pairs.values():
        pair.tape._keep = 500


def scene_of(terms: Terms) -> Scene:
    """Return the desk scene; calm, if so asked."""
    scene = read_scene(find_scene("desk"))
    generator = scene.generator
    assert generator is not None
    generator = msgspec.structs.replace(generator, keep=terms.keep * 10**9)
    if terms.calm:
        calm = {
            name: tuple(msgspec.structs.replace(each, crowd=CALM) for each in told)
            for name, told in (
                ("windows", generator.windows),
                ("groups", generator.groups),
                ("games", generator.games),
            )
        }
        generator = msgspec.structs.replace(generator, step_ms=1_000, **calm)
    return msgspec.structs.replace(scene, generator=generator)


class Windows:
    """Listens for windows: which were listed, and how each ended."""

    def __init__(self, whole: WholeVenue) -> None:
        self.ends: dict[MarketId, int] = {}
        self.ended: set[MarketId] = set()
        self._catalogue = whole.world.catalogue
        for market in self._catalogue.markets:
            self._listed(market)
        whole.world.bus.listen(self._heard)

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, ListingTold) and event.new:
            self._listed(event.market)
        elif isinstance(event, MarketEnded):
            self.ended.add(event.resolution.market)

    def _listed(self, market: MarketId) -> None:
        window = self._catalogue.markets[market].listing.window
        if window is not None:
            self.ends[market] = window.end_ns

    def overdue(self, now: int) -> set[MarketId]:
        """Return the windows that ended half a minute ago and have no result."""
        return {each for each, end in self.ends.items() if end < now - 30 * 10**9} - self.ended


class Listener:
    """A WebSocket client that reads everything and keeps nothing."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.heard = 0

    async def catch_up(self) -> None:
        """Read what was sent until now."""
        await self._socket.send_str("PING")
        while (message := await self._socket.receive(60)).data != "PONG":
            assert message.type is aiohttp.WSMsgType.TEXT, message
            self.heard += 1


class Endurance:
    """Clients of every kind, and what must stay true."""

    def __init__(self, whole: WholeVenue, terms: Terms) -> None:
        self.whole = whole
        self.terms = terms
        self.windows = Windows(whole)
        self.growth = Growth()
        self.alice = Trader(whole, whole.venue.opened.accounts[0])
        member = next(each for each in whole.venue.opened.kalshi if each.kind == "ed25519")
        self.member = KalshiTrader(whole, member)
        self.listeners: list[Listener] = []
        self.resting: list[str] = []
        self.orders = 0
        self.taken = 0
        self._money = self._money_now()
        self._kalshi_money = 0

    # --- clients -------------------------------------------------------------------------------

    async def connect(self, stack: AsyncExitStack) -> None:
        """Two clients follow every market, one two tokens, one its own orders."""
        at, who = self.whole.venue.opened.endpoints, self.alice.who
        auth = {"apiKey": who.api_key, "secret": who.api_secret, "passphrase": who.api_passphrase}
        game = self.whole.windows()[0].listing.market.tokens
        for url, first in (
            (at.clob_market_stream, {"type": "market", "assets_ids": []}),
            (
                at.clob_market_stream,
                {"type": "market", "assets_ids": [], "custom_feature_enabled": True},
            ),
            (at.clob_market_stream, {"type": "market", "assets_ids": list(game)}),
            (at.clob_user_stream, {"type": "user", "auth": auth, "markets": []}),
        ):
            socket = await stack.enter_async_context(self.whole.session.ws_connect(url))
            await socket.send_json(first)
            listener = Listener(socket)
            await listener.catch_up()  # who has not subscribed in five seconds is dropped
            self.listeners.append(listener)

    async def trade(self) -> None:
        """Take a little of the present window, leave an order, cancel the one before."""
        row = self.whole.windows()[0]
        if self.resting:
            assert (await self.alice.cancel(self.resting)).status == 200
            self.resting.clear()
        taking = self.alice.signed(row, "buy", "0.60", "10", "FAK")
        resting = self.alice.signed(row, "buy", "0.10", "10")
        for order in (taking, resting):
            told = await self.alice.post(order)
            assert told.status in {200, 400}, told
            self.orders += 1
            if told.status == 200 and told.body["status"] == "live":
                self.resting.append(told.body["orderID"])
            elif told.status == 200:
                self.taken += 1
        ticker = self.whole.windows(KALSHI)[0].listing.market.id.native
        told = await self.member.place(ticker, "bid", "1.00", "0.6000", "immediate_or_cancel")
        assert told.status in {201, 400, 409}, told

    async def poll(self) -> None:
        """Read every kind of list."""
        await self._walk("gamma", "/markets/keyset", "next_cursor", "after_cursor", limit="100")
        await self._walk("gamma", "/events/keyset", "next_cursor", "after_cursor", limit="100")
        ask, wallet = self.whole.ask, self.alice.account
        row = self.whole.windows()[0].listing.market
        asked: tuple[tuple[str, str, dict[str, str]], ...] = (
            ("gamma", "/markets", {"limit": "100"}),
            ("data", "/v2/trades", {"limit": "500"}),
            ("data", "/v2/trades", {"user": wallet}),
            ("data", "/v2/activity", {"user": wallet}),
            ("data", "/v2/positions", {"user": wallet}),
            ("data", "/v2/value", {"user": wallet}),
            ("clob", "/book", {"token_id": row.tokens[0]}),
            ("clob", "/simplified-markets", {}),
            ("kalshi", "/trade-api/v2/markets", {"limit": "1000"}),
            ("kalshi", "/trade-api/v2/events", {"with_nested_markets": "true"}),
            ("kalshi", "/trade-api/v2/markets/trades", {}),
            ("binance", "/api/v3/time", {}),
            ("status", "/status.json", {}),
        )
        for host, path, query in asked:
            told = await ask(host, path, query)
            assert told.status == 200, (host, path, told)
        for path in ("/data/trades", "/data/orders", "/notifications"):
            assert (await self.alice.ask(path)).status == 200
        for path in ("/portfolio/fills", "/portfolio/settlements", "/portfolio/orders"):
            assert (await self.member.ask(path)).status == 200

    async def _walk(self, host: str, path: str, field: str, asks: str, **query: str) -> None:
        for _ in range(100):
            told = await self.whole.ask(host, path, query)
            assert told.status == 200, told
            following = told.body.get(field)
            if not following:
                return
            query[asks] = following
        raise AssertionError(f"{path} has no end")

    def redeem(self) -> None:
        """Turn what Alice won into money, as her wallet would."""
        custody = self.whole.world.polymarket.custody
        for market in list(custody.payouts):
            custody.redeem(self.alice.account, market)

    # --- the course ------------------------------------------------------------------------------

    async def run(self) -> None:
        terms, whole = self.terms, self.whole
        last = terms.hours * HOUR
        for second in range(terms.step, last + 1, terms.step):
            whole.wait(terms.step)
            for each in self.listeners:
                await each.catch_up()
            if second % terms.trades == 0:
                await self.trade()
            if second % terms.polls == 0:
                await self.poll()
            if second % (last // terms.samples) < terms.step:
                self.redeem()
                self.check()
                self.growth.sample()

    # --- what must stay true -------------------------------------------------------------------

    def _money_now(self) -> int:
        """Return Polymarket's money without what the house has brought since."""
        return self.whole.world.polymarket.custody.total() - self.whole.venue.flow.house.paid_in

    def check(self) -> None:
        """Money is conserved, every window has ended in time, nobody was told of a mistake."""
        assert self._money_now() == self._money
        total = self.whole.world.kalshi.money.total()
        self._kalshi_money = self._kalshi_money or total
        assert total == self._kalshi_money
        assert not self.windows.overdue(self.whole.now)
        assert not {key for key in self.whole.statuses if key[1] >= 500}


def endure(terms: Terms) -> Endurance:
    """Run, and return what is to be judged."""

    async def main() -> Endurance:
        async with opened(scene_of(terms)) as whole, AsyncExitStack() as stack:
            gc.unfreeze()
            if terms.calm:
                tighten(whole)
            endurance = Endurance(whole, terms)
            await endurance.connect(stack)
            await endurance.run()
            return endurance

    return asyncio.run(main())


def judge(endurance: Endurance) -> None:
    """Assert what holds of every form."""
    terms = endurance.terms
    assert len(endurance.windows.ended) >= terms.hours * (12 + 4 + 4) - 4
    assert endurance.taken > terms.hours * 10
    assert all(each.heard for each in endurance.listeners)
    growth = endurance.growth
    grown = [row for row in growth.grown(0.3, 12) if row[2] > STILL_FILLING.get(row[0], 0)]
    assert not grown, f"grew by half of the time: {grown[:10]}"
    assert growth.memory_growth() < terms.memory_mb, growth.memory


def test_five_hours_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    for (module, name), bound in BOUNDS.items():
        monkeypatch.setattr(module, name, bound)
    judge(endure(SHORT))


@pytest.mark.soak
def test_a_day_on_the_desk_leaves_no_trace() -> None:
    judge(endure(DAY))
