"""The dead man's switch: who began to send heartbeats and stops loses its open orders."""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_OID, uuid5

from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos

PATIENCE_NS: Final[Nanos] = 10 * NANOS_PER_SECOND
"""So long after a heartbeat the next one must be there."""
LOOK_NS: Final[Nanos] = 5 * NANOS_PER_SECOND
"""The venue looks so often."""
WRONG: Final = "Invalid Heartbeat ID"


class _Beats:
    """The heartbeats of one API key; without a time until the first one is taken."""

    __slots__ = ("expected", "until_ns")

    def __init__(self, expected: str) -> None:
        self.expected = expected
        self.until_ns: Nanos | None = None


class Heartbeats:
    """The switches of all API keys; one that was never sent a heartbeat has none."""

    def __init__(self, world: World) -> None:
        """Nobody has begun."""
        self._world = world
        self._of: dict[str, _Beats] = {}
        self._number = 0

    def beat(self, key: str, sent: str, now: Nanos) -> str:
        """Take a heartbeat of an API key; return the id that the next one must carry.

        Refuses another id than the expected one, and names that: the next may carry it.
        """
        beats = self._of.get(key)
        if beats is None:
            beats = self._of[key] = _Beats(self._next() if sent else "")
        if sent != beats.expected:
            raise Refused(400, WRONG, form="error_msg", more={"heartbeat_id": beats.expected})
        begins = beats.until_ns is None
        beats.expected = self._next()
        beats.until_ns = now + PATIENCE_NS
        if begins:
            self._plan(key, beats.until_ns)
        return beats.expected

    def _plan(self, key: str, until: Nanos) -> None:
        look = -(-until // LOOK_NS) * LOOK_NS
        self._world.agenda.plan(look, lambda at: self._look(key, at))

    def _look(self, key: str, at: Nanos) -> None:
        until = self._of[key].until_ns
        if until is not None and at < until:
            self._plan(key, until)
            return
        del self._of[key]
        self._world.polymarket.cancel_where(at, owner=key)

    def _next(self) -> str:
        self._number += 1
        return str(uuid5(NAMESPACE_OID, f"heartbeat {self._world.seed} {self._number}"))
