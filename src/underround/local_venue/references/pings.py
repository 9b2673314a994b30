"""Pings as venues send them: on the wire's own time, however fast the venue's runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from underround.local_venue.net.peers import Peer

_EARLY_S: Final = 0.01
"""Timers are no more exact than this."""


class Pings:
    """Pings one client, and cuts it when it does not answer or has stayed too long."""

    def __init__(
        self,
        peer: Peer,
        words: Callable[[], bytes],
        every_s: float,
        *,
        patience_s: float | None = None,
        life_s: float | None = None,
    ) -> None:
        """``words``: what a ping carries.  ``None``: for ever."""
        self._peer = peer
        self._words = words
        self._every_s = every_s
        self._patience_s = patience_s
        self._life_s = life_s
        self._unanswered: dict[bytes, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0

    def start(self) -> None:
        """Begin; the first ping comes after the first pause."""
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        self._timer = loop.call_later(self._every_s, self._ping)

    def stop(self) -> None:
        """Ping no more."""
        if self._timer is not None:
            self._timer.cancel()

    def answered(self, payload: bytes) -> None:
        """Take a pong; one that nobody asked for proves nothing."""
        if payload in self._unanswered:
            self._unanswered.clear()

    def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        oldest = min(self._unanswered.values(), default=now)
        late = self._patience_s is not None and now - oldest > self._patience_s - _EARLY_S
        old = self._life_s is not None and now - self._since > self._life_s - _EARLY_S
        if late or old:
            self._peer.cut()
            return
        transport = self._peer.transport
        if transport is not None and self._peer.here:
            words = self._words()
            self._unanswered.setdefault(words, now)
            transport.send_ping(words)
            self._timer = loop.call_later(self._every_s, self._ping)
