"""Kalshi's fees over time: series, event override, scheduled changes, fee waiver → fee epochs.

Source: docs.kalshi.com, fee schedule, ``/series/fee_changes``, ``/events/fee_changes``; type and
multiplier of the event outrank those of its series, each by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.fees import KalshiFees
from underround.model.listing import FeeEpoch
from underround.model.units import ONE, Nanos
from underround.venues.kalshi.catalogue_answers import EventFeeChange, SeriesFeeChange

Rounding: TypeAlias = Literal["direct", "cent"]
"""``direct``: members of the exchange; ``cent``: through a broker, and the published table."""

_MAKER_SHARES: Final[dict[str, int]] = {
    "quadratic": 0,
    "quadratic_with_maker_fees": 250_000,
    "quadratic_with_combo_maker_fees": 500_000,
}


class FeeTerms(msgspec.Struct, frozen=True):
    """Type and multiplier as the venue names them; ``None``: not said here."""

    kind: str | None
    multiplier: int | None
    """Millionths."""

    def over(self, base: FeeTerms) -> FeeTerms:
        """Return these terms with what they leave out taken from ``base``."""
        return FeeTerms(
            base.kind if self.kind is None else self.kind,
            base.multiplier if self.multiplier is None else self.multiplier,
        )


def curve(kind: str, multiplier: int, rounding: Rounding) -> KalshiFees:
    """Return the fee curve of a type and multiplier.

    A type nobody knows charges makers like takers: the worst that was ever published.
    """
    return KalshiFees(multiplier, _MAKER_SHARES.get(kind, ONE), rounding)


def fee_epochs(
    series: FeeTerms,
    override: FeeTerms,
    changes: Iterable[SeriesFeeChange | EventFeeChange],
    now: Nanos,
    *,
    waived_until: Nanos | None = None,
    rounding: Rounding = "direct",
) -> tuple[FeeEpoch, ...]:
    """Return a market's fees in order of time, past and scheduled.

    ``series`` and ``override`` are what the venue states ``now``; they outrank what the past
    changes would give.  Before the first change that is known, and without any, what is stated now
    counts from 0.  While a waiver lasts nothing is charged.
    """
    past, future = _parted(changes, now)
    epochs = _before(series, override, past, now, rounding)
    stated, overriding = series, override
    for change in future:
        stated, overriding = _after(change, stated, overriding)
        epochs.append(_epoch(change.scheduled_ts, overriding.over(stated), rounding))
    return _waived(_merged(epochs), waived_until, rounding)


def in_force(epochs: tuple[FeeEpoch, ...], now: Nanos) -> tuple[FeeEpoch, ...]:
    """Return the epochs that have begun: the last one holds ``now``."""
    return tuple(each for each in epochs if each.since_ns <= now)


def upcoming(epochs: tuple[FeeEpoch, ...], now: Nanos) -> tuple[FeeEpoch, ...]:
    """Return the epochs that begin later."""
    return tuple(each for each in epochs if each.since_ns > now)


Change: TypeAlias = SeriesFeeChange | EventFeeChange


def _parted(changes: Iterable[Change], now: Nanos) -> tuple[list[Change], list[Change]]:
    ordered = sorted(changes, key=lambda change: change.scheduled_ts)
    past = [change for change in ordered if change.scheduled_ts <= now]
    return past, ordered[len(past) :]


def _after(change: Change, series: FeeTerms, override: FeeTerms) -> tuple[FeeTerms, FeeTerms]:
    if isinstance(change, SeriesFeeChange):
        return FeeTerms(change.fee_type, change.fee_multiplier), override
    return series, FeeTerms(change.fee_type_override, change.fee_multiplier_override)


def _before(
    series: FeeTerms, override: FeeTerms, past: list[Change], now: Nanos, rounding: Rounding
) -> list[FeeEpoch]:
    """Return the epochs up to now; terms that no past change touched were always as they are."""
    of_series = any(isinstance(change, SeriesFeeChange) for change in past)
    of_event = any(isinstance(change, EventFeeChange) for change in past)
    stated = None if of_series else series
    overriding = None if of_event else override
    epochs: list[FeeEpoch] = []
    if stated is not None and overriding is not None:
        epochs.append(_epoch(0, overriding.over(stated), rounding))
    for change in past:
        after = _after(change, stated or series, overriding or override)
        if isinstance(change, SeriesFeeChange):
            stated = after[0]
        else:
            overriding = after[1]
        if stated is not None and overriding is not None:
            epochs.append(_epoch(change.scheduled_ts, overriding.over(stated), rounding))
    present = _epoch(now, override.over(series), rounding)
    if epochs[-1].fees != present.fees:
        epochs.append(present)
    return epochs


def _epoch(since_ns: Nanos, terms: FeeTerms, rounding: Rounding) -> FeeEpoch:
    assert terms.kind is not None, "a series always states its fee type"
    assert terms.multiplier is not None, "a series always states its fee multiplier"
    return FeeEpoch(since_ns, curve(terms.kind, terms.multiplier, rounding))


def _merged(epochs: list[FeeEpoch]) -> list[FeeEpoch]:
    """Return the epochs without those that change nothing, one per time."""
    merged: list[FeeEpoch] = []
    for epoch in epochs:
        while merged and merged[-1].since_ns == epoch.since_ns:
            merged.pop()
        if not merged or merged[-1].fees != epoch.fees:
            merged.append(epoch)
    return merged


def _waived(
    epochs: list[FeeEpoch], until: Nanos | None, rounding: Rounding
) -> tuple[FeeEpoch, ...]:
    if until is None:
        return tuple(epochs)
    free = FeeEpoch(0, KalshiFees(multiplier=0, rounding=rounding))
    begun = [epoch for epoch in epochs if epoch.since_ns <= until]
    resumed = [FeeEpoch(until, begun[-1].fees)] if begun else []
    later = [epoch for epoch in epochs if epoch.since_ns > until]
    return tuple(_merged([free, *resumed, *later]))
