"""A scene: what is listed, who has what, and what happens when.

Times count from the beginning of the scene.  ``docs/scenes.md`` is the same for people who write
one; ``scene_file`` reads them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

from underround.local_venue.faults import AnyFault
from underround.local_venue.flow.quantities import Amount, Cents, Span
from underround.local_venue.flow.terms import GeneratorTerms, Slug, Strict
from underround.local_venue.settlement import SettlementTimes

Wins: TypeAlias = Literal["YES", "NO", "void"]
Tick: TypeAlias = Literal["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"]
Quote: TypeAlias = tuple[Cents, Amount]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class SceneEvent(Strict, frozen=True, kw_only=True):
    """An event several markets belong to."""

    slug: Slug
    title: str
    neg_risk: bool = False
    """Its markets exclude each other and share one collateral."""


class SceneMarket(Strict, frozen=True, kw_only=True):
    """A market, with the orders that rest in it from the beginning."""

    slug: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=100)]
    """Kalshi: its ticker."""
    title: str
    venue: Literal["polymarket", "kalshi"] = "polymarket"
    event: str | None = None
    """Slug of its event; without one the market is an event of its own."""
    outcomes: tuple[Name, Name] = ("Yes", "No")
    tick: Tick = "0.01"
    min_size: Amount = Amount(5_000_000)
    """Polymarket's smallest order, in shares."""
    fee_rate: Amount = Amount(0)
    """Polymarket's curve: "0.07" charges takers 0.07·p·(1−p)."""
    taker_delay: Span = Span(0)
    rules: str = 'This market resolves to "Yes" if the scene says so.'
    ends: Span | None = None
    tags: tuple[str, ...] = ()
    bids: tuple[Quote, ...] = ()
    """Price and size of other people's orders to buy YES."""
    asks: tuple[Quote, ...] = ()


class SceneShares(Strict, frozen=True, kw_only=True):
    """Shares somebody has from the beginning."""

    market: str
    outcome: str
    size: Amount


class SceneAccount(Strict, frozen=True, kw_only=True):
    """Somebody with money: a ready-made account (alice, bob, carol), or a name of your own.

    Of a ready-made account it is the deposit wallet, and ``cash`` is what it has afterwards.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9 -]*$", max_length=40)]
    venue: Literal["polymarket", "kalshi"] = "polymarket"
    cash: Amount
    shares: tuple[SceneShares, ...] = ()


# --- what happens --------------------------------------------------------------------------------


class Step(Strict, frozen=True, kw_only=True, tag_field="do"):
    """Something that happens at a time."""

    at: Span = Span(0)
    """After the beginning of the scene."""


class OrderStep(Step, frozen=True, kw_only=True, tag="order"):
    """Somebody sends an order."""

    account: str
    market: str
    outcome: str
    side: Literal["buy", "sell"]
    price: Cents
    size: Amount
    tif: Literal["GTC", "GTD", "FOK", "FAK"] = "GTC"
    lives: Span | None = None
    """How long a GTD order rests."""
    post_only: bool = False
    name: str = ""
    """To cancel it by."""

    def __post_init__(self) -> None:
        if (self.tif == "GTD") != (self.lives is not None):
            raise ValueError("lives: it belongs to GTD orders, and they need it: write both")


class CancelStep(Step, frozen=True, kw_only=True, tag="cancel"):
    """Somebody cancels the order called ``name``, or everything of ``account``."""

    name: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        if bool(self.name) == bool(self.account):
            raise ValueError("name: cancel either an order by its name or an account's orders")


class PrintStep(Step, frozen=True, kw_only=True, tag="print"):
    """Somebody takes ``size`` at ``price``; what is not there is offered by somebody else first."""

    market: str
    outcome: str
    side: Literal["buy", "sell"]
    price: Cents
    size: Amount


class PriceStep(Step, frozen=True, kw_only=True, tag="price"):
    """A reference price."""

    symbol: Annotated[str, msgspec.Meta(pattern="^[a-z0-9]+/[a-z0-9]+$")]
    price: Amount


class CloseStep(Step, frozen=True, kw_only=True, tag="close"):
    """Trading ends; the outcome is not known yet."""

    market: str


class ResolveStep(Step, frozen=True, kw_only=True, tag="resolve"):
    """A market ends; ``void`` pays half a dollar for each outcome."""

    market: str
    wins: Wins


class TicksStep(Step, frozen=True, kw_only=True, tag="ticks"):
    """A market gets another price grid."""

    market: str
    tick: Tick


class RulesStep(Step, frozen=True, kw_only=True, tag="rules"):
    """The text that decides a market changes."""

    market: str
    text: str


class ClosedOnlyStep(Step, frozen=True, kw_only=True, tag="closed_only"):
    """An account may only close positions from now on, or ``lasts`` long."""

    account: str
    lasts: Span | None = None


class FundStep(Step, frozen=True, kw_only=True, tag="fund"):
    """Somebody is given money, and every permission that trading needs."""

    account: str
    """A name, or the address of any wallet."""
    cash: Amount
    venue: Literal["polymarket", "kalshi"] = "polymarket"


class RestartStep(Step, frozen=True, kw_only=True, tag="restart"):
    """Polymarket's matching engine restarts: down, then post-only, then open."""

    down: Span = Span(90_000_000_000)
    post_only: Span = Span(120_000_000_000)


class FaultStep(Step, frozen=True, kw_only=True, tag="fault"):
    """A fault is put in force."""

    set: AnyFault


class ClearStep(Step, frozen=True, kw_only=True, tag="clear"):
    """Every fault ends."""


AnyStep: TypeAlias = (
    OrderStep
    | CancelStep
    | PrintStep
    | PriceStep
    | CloseStep
    | ResolveStep
    | TicksStep
    | RulesStep
    | ClosedOnlyStep
    | FundStep
    | RestartStep
    | FaultStep
    | ClearStep
)


class SceneRecording(Strict, frozen=True, kw_only=True):
    """A recording that drives its own markets beside everything else."""

    name: str
    """A bundled one, or the path of its folder; a relative one counts from the scene's file."""
    after: Span = Span(0)
    """When its first frame is played."""


class Scene(Strict, frozen=True, kw_only=True):
    """Everything that fills a local venue."""

    title: str = ""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The venue's, unless the command line says otherwise."""
    starts: datetime | None = None
    """What time it is when the scene begins; without it, the time of day."""
    settlement: SettlementTimes = SettlementTimes()
    accounts: tuple[SceneAccount, ...] = ()
    events: tuple[SceneEvent, ...] = ()
    markets: tuple[SceneMarket, ...] = ()
    steps: tuple[AnyStep, ...] = ()
    recording: SceneRecording | None = None
    generator: GeneratorTerms | None = None

    @property
    def starts_ns(self) -> int | None:
        """When it begins, in Unix nanoseconds; ``None``: now."""
        if self.starts is None:
            return None
        return int(self.starts.timestamp()) * 10**9 + self.starts.microsecond * 1_000
