"""A Kalshi exchange with two markets and some members, in cents and contracts, for tests."""

from __future__ import annotations

from itertools import count
from typing import Final, TypeVar

from underround.model.fees import FeeCurve, KalshiFees, NoFees
from underround.model.ids import KALSHI, NO, YES, MarketId, OrderId, OutcomeId
from underround.model.market import Market, Resolution, TickBand, TickEpoch, uniform_ticks
from underround.model.orders import TimeInForce
from underround.model.units import ONE, Nanos, usd
from underround.simulation.agenda import Agenda
from underround.simulation.matching.kalshi.exchange import KalshiExchange
from underround.simulation.matching.kalshi.terms import (
    KalshiEvent,
    KalshiSubmission,
    SelfTrade,
)
from underround.simulation.matching.terms import AccountId, ExchangeEvent, Placement

SECOND: Final = 10**9
START: Final[Nanos] = 1_790_000_000 * SECOND
ANN, BOB, CID = (AccountId(name) for name in ("ann", "bob", "cid"))
GAME = MarketId(KALSHI, "KXGAME-26SEP19-ND")
COIN = MarketId(KALSHI, "KXBTC15M-26SEP191800-00")
TAPERED = TickEpoch(
    0,
    (
        TickBand(0, 100_000, 1_000),
        TickBand(100_000, 900_000, 10_000),
        TickBand(900_000, ONE, 1_000),
    ),
)
EventKind = TypeVar("EventKind")


def market(
    market_id: MarketId,
    *,
    fees: FeeCurve | None = None,
    ticks: TickEpoch | None = None,
    opens_ns: Nanos | None = None,
    closes_ns: Nanos | None = None,
) -> Market:
    return Market(
        id=market_id,
        title="Will it happen?",
        outcomes=("Yes", "No"),
        tokens=(f"{market_id.native}:yes", f"{market_id.native}:no"),
        currency="USD",
        ticks=(ticks or uniform_ticks("0.01"),),
        min_size=10_000,
        size_step=10_000,
        fees=fees or NoFees(),
        opens_ns=opens_ns,
        closes_ns=closes_ns,
        group=None,
        neg_risk=False,
    )


class Floor:
    """The exchange, its agenda, and everything it told."""

    def __init__(self, *, fees: FeeCurve | None = None, timer_s: int = 0) -> None:
        self.now = START
        self.told: list[ExchangeEvent | KalshiEvent] = []
        self.agenda = Agenda()
        self.exchange = KalshiExchange(
            emit=self.told.append,
            plan=self.agenda.plan,
            settlement_timer_ns=timer_s * SECOND,
        )
        self.exchange.open_market(market(GAME, fees=fees), shard=0, now=self.now)
        self.exchange.open_market(
            market(COIN, fees=fees or KalshiFees(), ticks=TAPERED, closes_ns=START + 900 * SECOND),
            shard=2,
            now=self.now,
        )
        for who in (ANN, BOB, CID):
            for shard in (0, 2):
                self.exchange.money.deposit(who, usd("1000"), shard=shard)
        self._numbers = count(1)

    def order(
        self,
        who: AccountId,
        way: str,
        cents: float,
        contracts: float,
        tif: TimeInForce = "GTC",
        *,
        at: MarketId = GAME,
        client: str = "",
        subaccount: int = 0,
        self_trade: SelfTrade = "taker_at_cross",
        post_only: bool = False,
        reduce_only: bool = False,
        cancel_on_pause: bool = False,
        group: str = "",
        until_s: int | None = None,
    ) -> KalshiSubmission:
        """``way``: bid or ask, at the YES price ``cents``."""
        yes = round(cents * 10_000)
        return KalshiSubmission(
            id=OrderId(f"o{next(self._numbers)}"),
            account=who,
            owner=f"key of {who}",
            outcome=OutcomeId(at, YES if way == "bid" else NO),
            side="buy",
            price=yes if way == "bid" else ONE - yes,
            size=round(contracts * ONE),
            tif=tif if until_s is None else "GTD",
            post_only=post_only,
            created_ns=self.now,
            good_until_ns=None if until_s is None else self.now + until_s * SECOND,
            client=client,
            subaccount=subaccount,
            self_trade=self_trade,
            reduce_only=reduce_only,
            cancel_on_pause=cancel_on_pause,
            group=group,
        )

    def place(self, who: AccountId, way: str, cents: float, contracts: float, *rest: TimeInForce,
              **more: object) -> Placement:  # fmt: skip
        sent = self.order(who, way, cents, contracts, *rest, **more)  # type: ignore[arg-type]  # passed on as it came
        return self.exchange.submit(sent, self.now)

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        self.agenda.run(self.now)

    def cash(self, who: AccountId, shard: int = 0) -> int:
        return self.exchange.money.balance((who, 0), shard)

    def free(self, who: AccountId, shard: int = 0) -> int:
        return self.exchange.money.available((who, 0), shard)

    def held(self, who: AccountId, at: MarketId = GAME) -> int:
        return self.exchange.money.position((who, 0), at).contracts

    def book(self, at: MarketId = GAME) -> tuple[list[tuple[float, float]], ...]:
        """Return bids and asks as cents and contracts, best first."""
        return tuple(
            [(level.price / 10_000, level.size / ONE) for level in side]
            for side in self.exchange.levels(at)
        )

    def end(self, yes: str, at: MarketId = GAME) -> None:
        value = usd(yes)
        self.exchange.resolve(Resolution(at, self.now, (value, ONE - value), "test"), self.now)

    def of(self, kind: type[EventKind]) -> list[EventKind]:
        """Return what was told of one kind."""
        return [event for event in self.told if isinstance(event, kind)]
