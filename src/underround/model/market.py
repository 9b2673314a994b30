"""Markets, their price grids over time, and event groups."""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.fees import FeeCurve
from underround.model.ids import NO, POLYMARKET, YES, GroupId, MarketId, OutcomeId
from underround.model.units import ONE, Money, Nanos, Price, Size, parse_micros

CENT: Final = 10_000


class TickBand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices from ``start`` to ``end`` move in steps of ``step``; all in millionths."""

    start: Price
    end: Price
    step: Price


class TickEpoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price grid from ``since_ns`` until the next epoch.

    ``bands`` cover 0 … 1 without holes, each step divides its band.  A new epoch drops the book:
    trust starts again with the next proof.
    """

    since_ns: Nanos
    bands: tuple[TickBand, ...]

    def __post_init__(self) -> None:
        expected = 0
        for band in self.bands:
            width = band.end - band.start
            if band.start != expected or width <= 0 or band.step <= 0 or width % band.step:
                raise ValueError(f"price bands do not cover 0 … 1 on their own grid: {self.bands}")
            expected = band.end
        if expected != ONE:
            raise ValueError(f"price bands end at {expected} instead of {ONE}")
        if any(price % self.finest for band in self.bands for price in (band.end, band.step)):
            raise ValueError(f"price bands do not share their finest step as a grid: {self.bands}")

    @property
    def finest(self) -> Price:
        """The smallest step of any band: every valid price is a multiple of it."""
        return min(band.step for band in self.bands)

    def step_at(self, price: Price) -> Price:
        """Return the step of the band that holds ``price`` (at a border: the upper band's)."""
        for band in self.bands:
            if price < band.end:
                return band.step
        return self.bands[-1].step

    def valid(self, price: Price) -> bool:
        """Return whether an order may carry ``price``: on the grid and strictly inside (0, 1)."""
        if not 0 < price < ONE:
            return False
        for band in self.bands:  # not any(): a generator on a hot path
            if band.start <= price <= band.end and (price - band.start) % band.step == 0:
                return True
        return False

    def floor(self, price: Price) -> Price:
        """Return the highest grid price ≤ ``price``; ``price`` within 0 … 1."""
        for band in self.bands:
            if price <= band.end:
                return price - (price - band.start) % band.step
        return ONE

    def ceil(self, price: Price) -> Price:
        """Return the lowest grid price ≥ ``price``; ``price`` within 0 … 1."""
        return ONE - self._mirrored_floor(ONE - price)

    def _mirrored_floor(self, price: Price) -> Price:
        for band in reversed(self.bands):
            if price <= ONE - band.start:
                return price - (price - (ONE - band.end)) % band.step
        return ONE


def uniform_ticks(step: str, since_ns: Nanos = 0) -> TickEpoch:
    """Return one band of ``step`` over the whole range, e.g. ``uniform_ticks("0.01")``."""
    return TickEpoch(since_ns, (TickBand(0, ONE, parse_micros(step)),))


class Market(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question with two outcomes, as it can be traded."""

    id: MarketId
    title: str
    outcomes: tuple[str, str]
    """Labels in the venue's order, e.g. ``("Up", "Down")``; index 0 is YES."""
    tokens: tuple[str, str]
    """What the venue calls each outcome on the wire."""
    currency: str
    """Cash is per (venue, currency)."""
    ticks: tuple[TickEpoch, ...]
    """Known grids in order of time; later ones arrive as events."""
    min_size: Size
    size_step: Size
    fees: FeeCurve
    opens_ns: Nanos | None
    closes_ns: Nanos | None
    """When trading ends, as far as known; ``None``: unknown, never assumed."""
    group: GroupId | None
    neg_risk: bool

    @property
    def min_taker_notional(self) -> Money:
        """What a buy order that takes must at least be worth (Polymarket: one dollar)."""
        return ONE if self.id.venue == POLYMARKET else 0

    def outcome(self, index: int) -> OutcomeId:
        """Return the id of outcome ``index`` (``YES`` or ``NO``)."""
        return OutcomeId(self.id, index)

    def label(self, index: int) -> str:
        """Return the human label of outcome ``index``."""
        return self.outcomes[index]


class EventGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mutually exclusive markets of one question; exactly one YES pays if it is exhaustive.

    ``exhaustive_because`` is the proof in words; ``None`` means not proven, and then the group is
    no ground for sum-of-prices arbitrage.  An augmented neg-risk group has an implicit "Other" and
    is therefore never exhaustive.
    """

    id: GroupId
    title: str
    markets: tuple[MarketId, ...]
    neg_risk: bool
    augmented: bool
    exhaustive_because: str | None

    def __post_init__(self) -> None:
        if self.augmented and self.exhaustive_because is not None:
            raise ValueError(f"{self.id}: an augmented neg-risk group cannot be exhaustive")
        if len(set(self.markets)) != len(self.markets):
            raise ValueError(f"{self.id}: a market is listed twice")

    @property
    def exhaustive(self) -> bool:
        """Whether exactly one of the markets must resolve YES, by proof."""
        return self.exhaustive_because is not None


class Resolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a market ended.  Kept apart from ``Market`` so that no strategy can read the outcome."""

    market: MarketId
    at_ns: Nanos
    payouts: tuple[Price, Price]
    """What one share of each outcome pays, in micro-dollars; they sum to one dollar."""
    source: str

    def __post_init__(self) -> None:
        if min(self.payouts) < 0 or sum(self.payouts) != ONE:
            raise ValueError(f"payouts of {self.market} do not sum to one dollar: {self.payouts}")


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything known about markets at one time: the ``markets.json`` of a recording."""

    markets: tuple[Market, ...]
    groups: tuple[EventGroup, ...] = ()
    resolutions: tuple[Resolution, ...] = ()

    def __post_init__(self) -> None:
        known = {market.id for market in self.markets}
        if len(known) != len(self.markets):
            raise ValueError("the catalogue lists a market twice")
        for group in self.groups:
            for member in group.markets:
                if member not in known:
                    raise ValueError(f"group {group.id} names the unknown market {member}")
        for resolution in self.resolutions:
            if resolution.market not in known:
                raise ValueError(f"a resolution names the unknown market {resolution.market}")

    def by_token(self) -> dict[str, tuple[Market, int]]:
        """Return each wire token with its market and outcome index."""
        return {
            token: (market, index)
            for market in self.markets
            for index, token in ((YES, market.tokens[YES]), (NO, market.tokens[NO]))
        }


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """Return the catalogue as indented JSON, the same bytes for the same catalogue."""
    return msgspec.json.format(msgspec.json.encode(catalogue), indent=1) + b"\n"


def decode_catalogue(data: bytes) -> Catalogue:
    """Return the catalogue in ``data``; raises ``msgspec.ValidationError`` naming the place."""
    return msgspec.json.decode(data, type=Catalogue)
