"""Restarts of the matching engine: a while without answers, then a while for makers only."""

from __future__ import annotations

from typing import Final

from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Nanos, ceil_div

RESTARTING: Final = "matching engine restarting"
DISABLED: Final = "Trading is currently disabled. Check polymarket.com for updates"
CANCEL_ONLY: Final = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
POST_ONLY: Final = "post-only mode: only post-only orders and cancels are allowed"
DOWN_MS: Final = 15_000
POST_ONLY_MS: Final = 120_000
_UNKNOWN_S: Final = 120
"""What is told of a post-only mode whose end nobody planned: its usual length."""


class EngineState:
    """What the engine takes now, and until when."""

    def __init__(self, world: World) -> None:
        """Nothing is planned."""
        self._world = world
        self._until_ns: Nanos | None = None
        self._number = 0

    def restart(
        self, now: Nanos, *, down_ms: int = DOWN_MS, post_only_ms: int = POST_ONLY_MS
    ) -> None:
        """Let the engine be down from now on, then take post-only orders, then everything.

        Orders stay in the book; a restart during a restart begins anew.
        """
        self._number += 1
        number, world = self._number, self._world
        world.polymarket.mode = "down"
        begun = now + down_ms * NANOS_PER_MS
        self._until_ns = begun + post_only_ms * NANOS_PER_MS

        def makers_first(_at: Nanos) -> None:
            if number == self._number:
                world.polymarket.mode = "post_only"

        def everybody(_at: Nanos) -> None:
            if number == self._number:
                world.polymarket.mode = "open"
                self._until_ns = None

        world.agenda.plan(begun, makers_first)
        world.agenda.plan(self._until_ns, everybody)

    def check_orders(self) -> None:
        """Refuse when no order at all is taken now."""
        self.check_cancels()
        if self._world.polymarket.mode == "cancel_only":
            raise Refused(503, CANCEL_ONLY)

    def check_cancels(self) -> None:
        """Refuse when not even cancels are taken now."""
        mode = self._world.polymarket.mode
        if mode == "down":
            raise Refused(425, RESTARTING)
        if mode == "disabled":
            raise Refused(503, DISABLED)

    def check_post_only(self, post_only: bool, now: Nanos) -> None:
        """Refuse an order that may take while only makers may place."""
        if post_only or self._world.polymarket.mode != "post_only":
            return
        left_ns = _UNKNOWN_S * NANOS_PER_SECOND
        if self._until_ns is not None:
            left_ns = max(0, self._until_ns - now)
        wait = ceil_div(left_ns, NANOS_PER_SECOND)
        raise Refused(
            503,
            POST_ONLY,
            more={"code": "post_only_mode", "retry_after_seconds": wait},
            headers={"Retry-After": str(wait)},
        )
