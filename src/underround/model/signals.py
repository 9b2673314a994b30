"""Signals: what is told about prices besides their ticks.  A signal never settles a market.

Candles and the depth of a reference market come from an exchange such as Binance, inferences from
Allora's networks of predictors.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.units import Money, Nanos

Fine: TypeAlias = int
"""Hundred-millionths of a unit: the eight decimals in which exchanges state coins."""
FINE_ONE: Final = 100_000_000

DepthLevel: TypeAlias = tuple[Fine, Fine]
"""Price in the quote currency and quantity in the base currency."""


class CandleClosed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A candle that can no longer change."""

    symbol: str
    """``source:pair``, as in ``ReferenceTick``."""
    interval: str
    """The source's word, e.g. ``1m``, ``1h``, ``1d``."""
    opens_ns: Nanos
    ends_ns: Nanos
    """The first instant that is no longer part of it: where the next one opens."""
    open: Money
    high: Money
    low: Money
    close: Money
    volume: Fine
    """In the base currency."""
    trades: int
    """0: nothing traded, and all four prices are the last one before."""

    def __post_init__(self) -> None:
        if self.opens_ns >= self.ends_ns:
            raise ValueError(f"a candle of {self.symbol} ends before it opens")
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError(f"a candle of {self.symbol} opens or closes outside its own range")


class DepthChanged(msgspec.Struct, frozen=True, gc=False):
    """New quantities of some levels of a reference market; 0: the level is gone."""

    symbol: str
    at_ns: Nanos
    first_id: int
    """Number of the first change it holds; the one before was the last of the message before."""
    last_id: int
    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]


class DepthStated(msgspec.Struct, frozen=True, gc=False):
    """The best levels of a reference market, best first."""

    symbol: str
    last_id: int
    """Number of the last change it holds."""
    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]


ForecastKind: TypeAlias = Literal["price", "log_return", "volatility"]
"""``log_return``: ln(price at the horizon / price at the nonce)."""


class ForecastTopic(msgspec.Struct, frozen=True, kw_only=True):
    """What a network of predictors is asked, again every ``epoch_blocks``."""

    chain: str
    """Topic ids count per chain, e.g. ``allora-testnet-1``."""
    id: int
    metadata: str
    """The chain's own words; the three below are read from them."""
    asset: str
    kind: ForecastKind
    horizon_s: int
    epoch_blocks: int
    """How often it is asked; not how far it looks ahead."""
    submission_blocks: int | None = None
    """How long answers to one question are taken; ``None``: not told."""
    sandbox: bool = False
    """A playground without stake behind its answers."""


class WorkerValue(msgspec.Struct, frozen=True):
    """One predictor's answer."""

    worker: str
    value: Decimal


class StatedInference(msgspec.Struct, frozen=True, kw_only=True):
    """What a network answered for one epoch of a topic, exactly as it stated it."""

    chain: str
    topic: int
    nonce: int
    """Height of the block that asked: (topic, nonce) names the inference."""
    combined: Decimal
    """A price, a log-return (may be negative) or a volatility: the topic's kind says."""
    naive: Decimal | None
    """Combined without forecasters."""
    inferers: tuple[WorkerValue, ...]
    """Empty where the source names none: then nothing is known about their agreement."""
    forecasters: tuple[WorkerValue, ...]
    outlier_resistant: bool
    stated_block: int | None = None
    """Height at which the answer was announced; ``None``: the source does not say."""


class BlockSeen(msgspec.Struct, frozen=True, gc=False):
    """A block of a predictors' chain."""

    chain: str
    height: int
    at_ns: Nanos
    """The chain's own time."""
