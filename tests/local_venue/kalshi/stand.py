"""A local Kalshi with three markets and three members, served on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

from underround.local_venue.clock import HandClock, VenueClock
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.doors import KalshiDoor
from underround.local_venue.kalshi.members import Credentials, KeyKind, ready_made
from underround.local_venue.kalshi.refusals import fault_answer
from underround.local_venue.kalshi.rest import routes
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.net.socket_host import SocketHost
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World
from underround.model.fees import FeeCurve, KalshiFees
from underround.model.ids import KALSHI, NO, YES, GroupId, MarketId, OrderId, OutcomeId
from underround.model.listing import FeeEpoch, Listing, Window
from underround.model.market import Market, Resolution, TickBand, TickEpoch, uniform_ticks
from underround.model.units import ONE, Nanos, usd
from underround.simulation.matching.kalshi.terms import KalshiSubmission
from underround.simulation.matching.terms import AccountId, Placement

SECOND: Final = 10**9
START: Final[Nanos] = 1_790_000_000 * SECOND
EVENT: Final = "KXNCAAFGAME-26SEP19MSUND"
GAME: Final = f"{EVENT}-ND"
OTHER: Final = f"{EVENT}-MSU"
COIN_EVENT: Final = "KXBTC15M-26SEP211030"
COIN: Final = f"{COIN_EVENT}-30"
CASH: Final = usd("1000")
HOUSE: Final = AccountId("house")
_TAPERED: Final = TickEpoch(
    0,
    (
        TickBand(0, 100_000, 1_000),
        TickBand(100_000, 900_000, 10_000),
        TickBand(900_000, ONE, 1_000),
    ),
)


def _listing(
    ticker: str, event: str, series: str, ticks: TickEpoch, fees: FeeCurve, *, shard: int,
    now: Nanos, closes_s: int, window: Window | None = None,
) -> Listing:  # fmt: skip
    market = Market(
        id=MarketId(KALSHI, ticker),
        title="Will it happen?",
        outcomes=("It does", "It does not"),
        tokens=(f"{ticker}:yes", f"{ticker}:no"),
        currency="USD",
        ticks=(ticks,),
        min_size=10_000,
        size_step=10_000,
        fees=fees,
        opens_ns=None,
        closes_ns=now + closes_s * SECOND,
        group=GroupId(f"{KALSHI}:{event}") if series == "KXNCAAFGAME" else None,
        neg_risk=False,
    )
    return Listing(
        market=market,
        slug=ticker,
        state="open",
        rules="If it happens, the market resolves to Yes.",
        resolution_source="The League",
        series=series,
        ends_ns=now + closes_s * SECOND,
        fee_history=(FeeEpoch(0, fees),),
        shard=shard,
        window=window,
        updated_ns=now,
    )


class Stand:
    """The world, the servers, the members' keys, and a house that trades against them."""

    def __init__(self, clock: VenueClock, seed: int = 7) -> None:
        self.clock = clock
        self.world = World(clock, seed=seed, settlement=TimedSettlement)
        self.desk = KalshiDesk(self.world)
        self.door = KalshiDoor(self.desk)
        self.rest = ""
        self.socket = ""
        self._seed = seed
        self._numbers = count(1)
        self._list()
        for shard in (0, 2):
            self.world.kalshi.money.deposit(HOUSE, usd("100000"), shard=shard)

    def _list(self) -> None:
        now, add = self.clock.now(), self.world.catalogue.add_event
        game = add(EVENT, "Michigan St. at Notre Dame", tags=("Sports",), series="KXNCAAFGAME",
                   group=GroupId(f"{KALSHI}:{EVENT}"))  # fmt: skip
        coin = add(COIN_EVENT, "BTC price up in next 15 mins?", tags=("Crypto",), series="KXBTC15M")
        maker_fees = KalshiFees(maker_share=250_000)
        window = Window("BTC", now + 100 * SECOND, now + 1000 * SECOND, 60, usd("64123.45"))
        rows = (
            (game, _listing(GAME, EVENT, "KXNCAAFGAME", uniform_ticks("0.01"), maker_fees,
                            shard=0, now=now, closes_s=86_400)),
            (game, _listing(OTHER, EVENT, "KXNCAAFGAME", uniform_ticks("0.01"), maker_fees,
                            shard=0, now=now, closes_s=86_400)),
            (coin, _listing(COIN, COIN_EVENT, "KXBTC15M", _TAPERED, KalshiFees(), shard=2,
                            now=now, closes_s=1000, window=window)),
        )  # fmt: skip
        for event, listing in rows:
            self.world.list_market(event, listing, now)

    def member(self, name: str, kind: KeyKind = "ed25519", tier: str = "prime") -> Credentials:
        """Return the key of a member with money on shards 0 and 2."""
        made = ready_made(self.desk.members, name, kind, seed=self._seed, tier=tier)
        for shard in (0, 2):
            money = self.world.kalshi.money
            if not money.balance((made.member, 0), shard):
                money.deposit(made.member, CASH, shard=shard)
        return made

    def house(self, way: str, cents: float, contracts: float, at: str = GAME) -> Placement:
        """Let the house place an order: bid or ask, at the YES price ``cents``."""
        yes = round(cents * 10_000)
        sent = KalshiSubmission(
            id=OrderId(f"house {next(self._numbers)}"),
            account=HOUSE,
            owner="house",
            outcome=OutcomeId(MarketId(KALSHI, at), YES if way == "bid" else NO),
            side="buy",
            price=yes if way == "bid" else ONE - yes,
            size=round(contracts * ONE),
            tif="GTC",
            created_ns=self.clock.now(),
        )
        return self.world.kalshi.submit(sent, self.world.act())

    def end(self, ticker: str, yes: str) -> None:
        """Resolve a market."""
        now, value = self.world.act(), usd(yes)
        ended = Resolution(MarketId(KALSHI, ticker), now, (value, ONE - value), "test")
        self.world.resolve(ended, now)

    def cash(self, who: Credentials, shard: int = 0) -> int:
        return self.world.kalshi.money.balance((who.member, 0), shard)

    def wait(self, seconds: float) -> None:
        """Let time pass on a clock that is moved by hand."""
        assert isinstance(self.clock, HandClock)
        self.clock.move_to(self.clock.now() + round(seconds * SECOND))
        self.world.act()


@asynccontextmanager
async def served(stand: Stand) -> AsyncIterator[Stand]:
    """Serve REST and WebSocket while inside."""
    rest = HttpHost("kalshi", stand.world, routes(stand.desk), fault_answer=fault_answer)
    sockets = SocketHost(stand.world, {"/trade-api/ws/v2": stand.door}, flush_s=0)
    stand.rest, stand.socket = await rest.start(), await sockets.start()
    try:
        yield stand
    finally:
        await sockets.stop()
        await rest.stop()


def by_hand() -> Stand:
    """Return a stand whose clock is moved by hand."""
    return Stand(HandClock(START))
