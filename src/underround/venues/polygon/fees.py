"""What a transaction offers for its gas (EIP-1559): pure, in wei.

The producer takes at most the tip, and the base fee is burnt; both together never exceed
``max_fee``.  ``max_fee = 2 · base fee + tip`` survives the base fee doubling before the
transaction is mined.  Bor's nodes accept no tip below 25 gwei (``pricelimit``, builder/files).
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final, TypeAlias

import msgspec

from underround.model.errors import AnswerRefused, ConfigError, TryLater
from underround.model.units import ceil_div
from underround.venues.polygon.answers import FeeHistory

Wei: TypeAlias = int

GWEI: Final = 10**9
LEAST_TIP: Final[Wei] = 25 * GWEI
PERCENTILES: Final = (10, 25, 50)
"""Of the tips of recent blocks; what the gas station calls safeLow, standard and fast."""
HISTORY_BLOCKS: Final = 15
_MOST_GWEI: Final = 10**9
"""A billion gwei is a whole POL per gas: no price, a mistake."""
_NUMBER: Final = re.compile(r"\d{1,60}(\.\d{1,60})?([eE][+-]?\d{1,3})?")


class Fees(msgspec.Struct, frozen=True):
    """What one transaction offers per gas."""

    tip: Wei
    """``maxPriorityFeePerGas``"""
    max_fee: Wei
    """``maxFeePerGas``; never below the tip."""

    def __post_init__(self) -> None:
        if not 0 <= self.tip <= self.max_fee:
            raise ValueError(f"a tip of {self.tip} wei with a fee of at most {self.max_fee}")


class FeeCap(msgspec.Struct, frozen=True):
    """The most we ever pay per gas; the operator's word."""

    tip: Wei = 500 * GWEI
    max_fee: Wei = 2_000 * GWEI

    def __post_init__(self) -> None:
        if not LEAST_TIP <= self.tip <= self.max_fee:
            raise ConfigError(
                f"the gas cap of {_gwei(self.tip)} (tip) and {_gwei(self.max_fee)} (fee) lets "
                f"nothing pass: the tip is at least {_gwei(LEAST_TIP)} and the fee no less"
            )


class GasPrices(msgspec.Struct, frozen=True):
    """What the chain asks now."""

    base_fee: Wei
    slow: Wei
    """Tip at the 10th percentile of recent blocks; ``standard`` the 25th, ``fast`` the 50th."""
    standard: Wei
    fast: Wei
    block: int


class FeeProfile(msgspec.Struct, frozen=True):
    """How much a transaction is in a hurry."""

    name: str
    fast: bool
    """Whether to tip as the fast half does."""
    patience: int
    """Blocks without a receipt after which it is replaced by a dearer one."""


NORMAL: Final = FeeProfile("normal", fast=False, patience=3)
URGENT: Final = FeeProfile("urgent", fast=True, patience=2)
"""For redemptions and for giving up positions."""
PROFILES: Final = {profile.name: profile for profile in (NORMAL, URGENT)}


class _Station(msgspec.Struct, frozen=True, rename="camel"):
    max_priority_fee: msgspec.Raw


class _GasStation(msgspec.Struct, frozen=True, rename="camel"):
    safe_low: _Station
    standard: _Station
    fast: _Station
    estimated_base_fee: msgspec.Raw
    block_number: int


def decode_gas_station(body: bytes) -> GasPrices:
    """Return the answer of the gas station; its numbers are gwei as JSON doubles.

    They are read as decimal text and rounded up to a wei.  Raises ``AnswerRefused``.
    """
    place = "gas station"
    try:
        told = msgspec.json.decode(body, type=_GasStation)
        return GasPrices(
            base_fee=_wei(told.estimated_base_fee, "estimatedBaseFee"),
            slow=_wei(told.safe_low.max_priority_fee, "safeLow.maxPriorityFee"),
            standard=_wei(told.standard.max_priority_fee, "standard.maxPriorityFee"),
            fast=_wei(told.fast.max_priority_fee, "fast.maxPriorityFee"),
            block=told.block_number,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise AnswerRefused(f"{place}: {error}: ask the nodes instead") from None


def of_history(history: FeeHistory, block: int) -> GasPrices:
    """Return the prices in an ``eth_feeHistory`` of ``PERCENTILES`` up to ``block``.

    A tip is the median over the blocks that had transactions.  Raises ``AnswerRefused`` when the
    answer has no base fee.
    """
    if not history.base_fee_per_gas:
        raise AnswerRefused("eth_feeHistory: no base fee at `$.baseFeePerGas`: ask another node")
    if any(len(row) != len(PERCENTILES) for row in history.reward):
        raise AnswerRefused(f"eth_feeHistory: not {len(PERCENTILES)} tips at `$.reward[...]`")
    used = [row for row in history.reward if any(row)]
    tips = [sorted(int(row[place]) for row in used) for place in range(len(PERCENTILES))]
    slow, standard, fast = (tip[len(tip) // 2] if tip else LEAST_TIP for tip in tips)
    return GasPrices(int(history.base_fee_per_gas[-1]), slow, standard, fast, block)


def offer(prices: GasPrices, profile: FeeProfile, cap: FeeCap) -> Fees:
    """Return what to offer now: tip by profile, at least 25 gwei; fee 2 · base + tip; capped.

    Raises ``TryLater`` when even the capped fee would not reach base fee and least tip: such a
    transaction would only block the nonces behind it.
    """
    wanted = max(prices.fast if profile.fast else prices.standard, LEAST_TIP)
    tip = min(wanted, cap.tip)
    max_fee = min(2 * prices.base_fee + tip, cap.max_fee)
    if max_fee < prices.base_fee + LEAST_TIP:
        raise TryLater(
            f"gas costs {_gwei(prices.base_fee + LEAST_TIP)} now, above the cap of "
            f"{_gwei(cap.max_fee)}: wait, or raise the cap"
        )
    return Fees(min(tip, max_fee), max_fee)


def bump(old: Fees, now: Fees | None, cap: FeeCap) -> Fees | None:
    """Return the fees that replace ``old``: 9/8 of both (rounded up), or ``now`` if dearer.

    Nodes want at least 110 % of both.  A step that the cap cuts below that is no step: ``None``
    says that the cap is reached.
    """
    tip = min(max(ceil_div(old.tip * 9, 8), now.tip if now else 0), cap.tip)
    max_fee = min(max(ceil_div(old.max_fee * 9, 8), now.max_fee if now else 0), cap.max_fee)
    if not replaces(Fees(min(tip, max_fee), max_fee), old):
        return None
    return Fees(min(tip, max_fee), max_fee)


def replaces(new: Fees, old: Fees) -> bool:
    """Whether a node takes ``new`` in the place of ``old`` (price bump of 10 % on both)."""
    return all(
        fresh > stale and fresh * 100 >= stale * 110
        for fresh, stale in ((new.tip, old.tip), (new.max_fee, old.max_fee))
    )


def _wei(number: msgspec.Raw, path: str) -> Wei:
    text = bytes(number).decode()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not an amount of gwei at `$.{path}`")
    gwei = Decimal(text)
    if gwei > _MOST_GWEI:
        raise ValueError(f"{text[:60]} gwei are no price at `$.{path}`")
    return int((gwei * GWEI).to_integral_value(ROUND_CEILING))


def _gwei(wei: Wei) -> str:
    return f"{Decimal(wei) / GWEI:.9g} gwei"
