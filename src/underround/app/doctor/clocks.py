"""How far our clock is from another one, how sure that is, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from underround.app.access import ClockSettings
from underround.app.doctor.findings import Verdict, hinders_live, ok, warning
from underround.model.errors import AnswerRefused
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Nanos

_SET_CLOCK = "set this machine's clock (chrony, systemd-timesyncd, ntpd)"


class Skew(msgspec.Struct, frozen=True):
    """Another clock against ours."""

    offset_ns: int
    """What has to be added to ours; above 0: ours is behind."""
    within_ns: int
    """The true offset is at most this far from ``offset_ns``."""


def skew_of(told_ns: Nanos, sent_ns: Nanos, received_ns: Nanos, *, step_ns: int = 1) -> Skew:
    """Compare a clock that counts in steps of ``step_ns`` and was read between two of our times.

    It said ``told_ns``, so it stood between that and a step later; when it was read is known to
    within half the round trip.
    """
    there = told_ns + step_ns // 2
    here = (sent_ns + received_ns) // 2
    return Skew(there - here, (received_ns - sent_ns + 1) // 2 + (step_ns + 1) // 2)


def judge_skew(skew: Skew, whose: str, clock: ClockSettings, *, live: bool) -> Verdict:
    """Say what a skew means; one that is smaller than its own uncertainty means nothing."""
    size, within = abs(skew.offset_ns), f"± {_ms(skew.within_ns)} ms"
    if size <= skew.within_ns:
        return ok(f"our clock agrees with {whose}, as far as can be told ({within})")
    side = "behind" if skew.offset_ns > 0 else "ahead of"
    told = f"our clock is {_ms(size)} ms {side} {whose}, {within}"
    if size <= clock.warn_ms * NANOS_PER_MS:
        return ok(told)
    if size > clock.refuse_ms * NANOS_PER_MS:
        refused = f"{told}: above {clock.refuse_ms} ms live trading is refused"
        return hinders_live(refused, _SET_CLOCK, live=live)
    return warning(f"{told}: more than {clock.warn_ms} ms", _SET_CLOCK)


def date_ns(headers: Mapping[str, str], place: str) -> Nanos:
    """Return the ``Date`` of an answer, which counts whole seconds.  Raises ``AnswerRefused``."""
    try:
        return int(parsedate_to_datetime(headers.get("date", "")).timestamp()) * NANOS_PER_SECOND
    except (ValueError, TypeError, OverflowError):
        raise AnswerRefused(f"{place}: the answer states no Date to compare clocks by") from None


def _ms(nanos: int) -> str:
    millis = nanos / NANOS_PER_MS
    return f"{millis:,.0f}" if millis >= 10 else f"{millis:.1f}"
