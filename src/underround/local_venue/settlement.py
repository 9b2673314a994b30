"""Settlement without a chain: a match is mined and confirmed after configured times.

Faults decide otherwise: a ghost ends FAILED, a retried one is told RETRYING once, a stuck one
waits until the fault is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from underround.local_venue.faults import Ghost, Retry, Stuck
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos
from underround.simulation.matching.terms import Trade, TradeId, TradeStatus
from underround.venues.ethereum import keccak

if TYPE_CHECKING:
    from underround.local_venue.world import World

_AGAIN_MS: Final = 500
_DAY_NS: Final[Nanos] = 86_400 * 10**9


class SettlementTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each step takes after the one before it."""

    mined_ms: int = 2_000
    confirmed_ms: int = 8_000
    failed_ms: int = 6_000
    """From MATCHED to the FAILED of a ghost."""


class TimedSettlement:
    """Moves every trade along its steps by the world's agenda."""

    def __init__(self, world: World, times: SettlementTimes | None = None) -> None:
        """Take the times from ``times``, or the defaults."""
        self._world = world
        self.times = times or SettlementTimes()
        self._number = 0

    def begin(self, trade: Trade) -> None:
        """Plan what becomes of a match."""
        faults, now, times = self._world.faults, trade.at_ns, self.times
        if faults.strikes(Ghost, now) is not None:
            self._later(trade.id, "RETRYING", now + times.failed_ms * NANOS_PER_MS // 2)
            self._later(trade.id, "FAILED", now + times.failed_ms * NANOS_PER_MS)
            return
        mined = now + times.mined_ms * NANOS_PER_MS
        if faults.strikes(Retry, now) is not None:
            self._later(trade.id, "RETRYING", mined)
            mined += times.mined_ms * NANOS_PER_MS
        self._world.agenda.plan(mined, lambda at: self._mine(trade.id, at))

    def _mine(self, trade: TradeId, at: Nanos) -> None:
        if self._world.faults.of(Stuck, at):
            self._world.agenda.plan(at + _AGAIN_MS * NANOS_PER_MS, lambda t: self._mine(trade, t))
            return
        self._number += 1
        name = "0x" + keccak(f"transaction {self._world.seed} {self._number}".encode()).hex()
        self._world.polymarket.move_trade(trade, "MINED", at, name)
        self._later(trade, "CONFIRMED", at + self.times.confirmed_ms * NANOS_PER_MS)

    def _later(self, trade: TradeId, status: TradeStatus, at: Nanos) -> None:
        def step(due: Nanos) -> None:
            self._world.polymarket.move_trade(trade, status, due)

        self._world.agenda.plan(at, step)


def pay_rebates_daily(world: World, now: Nanos) -> None:
    """Let makers be paid their rebates at 00:00 UTC of every day from now on."""
    midnight = now - now % _DAY_NS + _DAY_NS

    def pay(at: Nanos) -> None:
        world.polymarket.custody.pay_rebates()
        world.agenda.plan(at + _DAY_NS, pay)

    world.agenda.plan(midnight, pay)
