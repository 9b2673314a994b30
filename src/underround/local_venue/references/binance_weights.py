"""How much an address may ask of Binance; everybody here has the same address."""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.units import Nanos

MOST_WEIGHT: Final = 6_000
"""A minute."""
MOST_RAW: Final = 61_000
"""Requests in five minutes: never reached, since each weighs something."""
_PATIENCE: Final = 10
"""Requests after the first 429 of a minute that are answered alike; the next one is banned for."""
_MINUTE_NS: Final = 60 * 10**9
_BAN_NS: Final = 2 * _MINUTE_NS
_SECOND_NS: Final = 10**9


class Verdict(msgspec.Struct, frozen=True):
    """Whether a request is answered, and the headers of its answer."""

    status: int
    headers: dict[str, str]
    msg: str = ""


class Weights:
    """The weight that was used in the minute of the venue's clock."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._minute = -1
        self._used = 0
        self._ignored = 0
        self._banned_until: Nanos = 0

    def spend(self, weight: int, now: Nanos) -> Verdict:
        """Note a request."""
        if now < self._banned_until:
            return self._banned(now)
        if now // _MINUTE_NS != self._minute:
            self._minute, self._used, self._ignored = now // _MINUTE_NS, 0, 0
        self._used += weight
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._used)}
        if self._used <= MOST_WEIGHT:
            return Verdict(200, headers)
        self._ignored += 1
        if self._ignored > _PATIENCE:
            self._banned_until = now + _BAN_NS
            return self._banned(now)
        headers["Retry-After"] = _seconds(_MINUTE_NS - now % _MINUTE_NS)
        said = f"Too much request weight used; current limit is {MOST_WEIGHT} per 1 MINUTE."
        return Verdict(429, headers, said)

    def _banned(self, now: Nanos) -> Verdict:
        until_ms = self._banned_until // 1_000_000
        said = f"Way too much request weight used; IP banned until {until_ms}."
        return Verdict(418, {"Retry-After": _seconds(self._banned_until - now)}, said)


def _seconds(wait: Nanos) -> str:
    return str(-(-wait // _SECOND_NS))
