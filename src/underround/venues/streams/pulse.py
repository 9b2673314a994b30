"""What the age of the last message asks of a socket.  Pure: it is told the time in seconds.

Pings prove that the other end lives; only data prove that data flow.  So a socket that has said
nothing for half its ``silence_ms`` is asked to restate (``quiet``), and one that did not even
answer that by ``silence_ms`` is dead (``silent``), whatever its pongs say.  One of which nothing at
all arrives, not even a pong, is gone earlier.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from underround.venues.streams.dialect import ChannelLimits

Need: TypeAlias = Literal["keepalive", "ping", "quiet", "silent", "gone", "aged"]
"""``keepalive``: send the channel's text.  ``ping``: send a WebSocket ping.  ``quiet``: make the
venue restate.  ``silent``, ``gone``: the socket is dead.  ``aged``: replace it in time."""

PING_S: Final = 10.0
"""After so long without anything at all a ping is sent; after as long again the peer is gone."""
_FAR: Final = float("inf")


class Pulse:
    """The times of one socket."""

    def __init__(self, limits: ChannelLimits, now: float, age_share: float = 1.0) -> None:
        """Begin at ``now``; the socket is aged at ``age_share`` of its ``max_age_ms``."""
        self._silence = limits.silence_ms / 1_000
        self._keepalive = limits.keepalive_ms / 1_000 if limits.keepalive_ms else _FAR
        self._data_at = self._any_at = now
        self._asked = self._pinged = False
        self._keepalive_at = now + self._keepalive
        self._aged_at = now + limits.max_age_ms / 1_000 * age_share if limits.max_age_ms else _FAR

    def data(self, now: float) -> None:
        """A data frame arrived."""
        self._data_at = self._any_at = now
        self._asked = self._pinged = False

    def sign(self, now: float) -> None:
        """Something arrived that proves life but no data: a pong, an acknowledgement."""
        self._any_at = now
        self._pinged = False

    def data_age(self, now: float) -> float:
        """Return the seconds since the last data frame (or the beginning)."""
        return now - self._data_at

    @property
    def next_at(self) -> float:
        """When something may be needed next, if nothing arrives until then."""
        half = self._silence if self._asked else self._silence / 2
        ping = PING_S * 2 if self._pinged else PING_S
        return min(self._keepalive_at, self._data_at + half, self._any_at + ping, self._aged_at)

    def need(self, now: float) -> Need | None:
        """Return the most urgent need and note that it is met; call again until ``None``."""
        if now >= self._data_at + self._silence:
            return "silent"
        if self._pinged and now >= self._any_at + 2 * PING_S:
            return "gone"
        if now >= self._aged_at:
            self._aged_at = _FAR
            return "aged"
        if not self._asked and now >= self._data_at + self._silence / 2:
            self._asked = True
            return "quiet"
        if not self._pinged and now >= self._any_at + PING_S:
            self._pinged = True
            return "ping"
        if now >= self._keepalive_at:
            self._keepalive_at = now + self._keepalive
            return "keepalive"
        return None
