"""Settlement on the chain: every match becomes a real transaction of the exchange's operator.

MATCHED until its transaction is in a block, then MINED, and CONFIRMED when the block is final.  A
transaction that reverts is tried once more (RETRYING), then the match has FAILED.  A re-org that
takes a transaction away takes the match back to RETRYING, and it is sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from underround.local_venue.chain.gas import GasBook, GasRecord
from underround.local_venue.chain.matches import Matches
from underround.local_venue.chain.node import CallFailed
from underround.local_venue.chain.people import People
from underround.local_venue.chain.placed import OPERATOR
from underround.local_venue.chain.transactions import Desk, Errand
from underround.local_venue.faults import Ghost, Retry, Stuck
from underround.local_venue.signed_orders import SignedOrders
from underround.local_venue.world import World, WorldEvent
from underround.model.units import Nanos
from underround.simulation.matching.terms import (
    OrderClosed,
    OrderFilled,
    Trade,
    TradeId,
    TradeStatus,
)
from underround.venues.polygon.quantities import Hash

_LOG: Final = logging.getLogger(__name__)
MOST_ATTEMPTS: Final = 2
_SPARE: Final = 130
"""Per cent of the estimate that a settlement may use: storage may be colder than estimated."""
_BLIND: Final = 5_000_000
"""Gas of a settlement that cannot be estimated, since it will revert."""
_A_BLOCK: Final = 400
"""Settlements sent for one block."""


class Job:
    """A match on its way."""

    __slots__ = ("attempts", "block", "errand", "estimated", "held_back", "name", "trade")

    def __init__(self, trade: Trade, errand: Errand | None, *, held_back: bool) -> None:
        """``errand``: its transaction, ``None`` if it has none; ``held_back``: RETRYING first."""
        self.trade = trade
        self.errand = errand
        self.held_back = held_back
        self.attempts = 0
        self.estimated: int | None = None
        self.name: Hash | None = None
        """Of the transaction that was sent."""
        self.block = 0
        """That holds it; 0: none yet."""


class ChainSettlement:
    """Takes matches at once, and moves them on block by block."""

    def __init__(self, world: World) -> None:
        """Made before the exchange it settles for: nothing is asked of that before a match."""
        self._world = world
        world.signed_orders = SignedOrders()
        world.bus.listen(self._heard)
        self._people = People(world)
        self._matches = Matches(world, self._people)
        self.operator = OPERATOR
        self.gas = GasBook()
        self._waiting: dict[TradeId, Job] = {}
        self._sent: dict[str, Job] = {}
        self._mined: dict[TradeId, Job] = {}

    @property
    def people(self) -> People:
        """Who is behind the accounts."""
        return self._people

    @property
    def unsettled(self) -> int:
        """How many matches are not final yet."""
        return len(self._waiting) + len(self._sent) + len(self._mined)

    def begin(self, trade: Trade) -> None:
        """Take on a trade that was just matched; returns at once."""
        faults, now = self._world.faults, trade.at_ns
        ghost = faults.strikes(Ghost, now) is not None
        held_back = not ghost and faults.strikes(Retry, now) is not None
        errand = self._errand(trade, spoilt=ghost)
        self._waiting[trade.id] = Job(trade, errand, held_back=held_back)

    def _errand(self, trade: Trade, *, spoilt: bool) -> Errand | None:
        """Return the transaction of a match: now, while everything about its orders is known."""
        market = self._world.catalogue.markets[trade.market].listing.market
        try:
            call = self._matches.call(trade, market, spoilt=spoilt)
        except (LookupError, ValueError) as error:
            _LOG.warning("the match %s cannot be brought to the chain: %s", trade.id, error)
            return None
        return Errand(self.operator, call.to, call.data)

    def _heard(self, event: WorldEvent) -> None:
        """Let signed orders go that can take part in no further match."""
        store = self._world.signed_orders
        if store is None:
            return
        if isinstance(event, OrderClosed) or (
            isinstance(event, OrderFilled) and event.order.state == "matched"
        ):
            store.release(event.order.sent.id)

    # --- one block -----------------------------------------------------------------------------

    def due(self, now: Nanos) -> list[Job]:
        """Return the matches that the next block shall settle; none while settlement is stuck."""
        if self._world.faults.of(Stuck, now):
            return []
        jobs = []
        for job in list(self._waiting.values())[:_A_BLOCK]:
            if job.errand is None:
                job.attempts = MOST_ATTEMPTS
                self._failed(job)
                continue
            if job.held_back:
                job.held_back = False
                self._move(job, "RETRYING")
                continue
            jobs.append(job)
        return jobs

    async def send(self, jobs: Iterable[Job], desk: Desk) -> None:
        """Estimate and send settlements, in order; one the node takes not counts as an attempt."""
        made = [(job, job.errand) for job in jobs if job.errand is not None]
        estimates = await desk.estimate([errand for _, errand in made])
        errands = []
        for (job, errand), told in zip(made, estimates, strict=True):
            job.estimated = None if isinstance(told, CallFailed) else told
            gas = _BLIND if job.estimated is None else job.estimated * _SPARE // 100
            errands.append(msgspec.structs.replace(errand, sender=self.operator, gas=gas))
        for (job, _), name in zip(made, await desk.send(errands), strict=True):
            if isinstance(name, CallFailed):
                self._failed(job)
                continue
            del self._waiting[job.trade.id]
            job.name = name
            self._sent[name] = job

    @property
    def sent(self) -> list[str]:
        """The transactions that no block holds yet."""
        return list(self._sent)

    def settle(self, receipts: Mapping[str, Any]) -> None:
        """Move on the matches whose transactions a block holds now."""
        for name, receipt in receipts.items():
            job = self._sent.pop(name)
            reverted = receipt["status"] != "0x1"
            self.gas.note(
                GasRecord(
                    trade=job.trade.id,
                    transaction=name,
                    kinds=tuple(fill.kind for fill in job.trade.makers),
                    estimated=job.estimated,
                    used=int(receipt["gasUsed"], 16),
                    reverted=reverted,
                )
            )
            if reverted:
                self._waiting[job.trade.id] = job
                self._failed(job, name)
                continue
            job.block = int(receipt["blockNumber"], 16)
            self._mined[job.trade.id] = job
            self._move(job, "MINED", name)

    def lost(self, names: Iterable[str]) -> None:
        """Send matches again whose transactions the node has dropped."""
        for name in names:
            job = self._sent.pop(name)
            job.name = None
            self._waiting[job.trade.id] = job

    def confirm(self, final: int) -> None:
        """Confirm the matches in blocks up to ``final``."""
        for name, job in list(self._mined.items()):
            if job.block <= final:
                del self._mined[name]
                self._move(job, "CONFIRMED")

    def take_back(self, first: int) -> None:
        """Send the matches of blocks from ``first`` on again: the chain has forgotten them."""
        again: dict[TradeId, Job] = {}
        for name, job in list(self._mined.items()):
            if job.block >= first:
                del self._mined[name]
                job.block, job.name = 0, None
                again[name] = job
        for job in again.values():
            self._move(job, "RETRYING")
        self._waiting = again | self._waiting

    def _failed(self, job: Job, name: str = "") -> None:
        job.attempts += 1
        job.name = None
        if job.attempts < MOST_ATTEMPTS:
            self._move(job, "RETRYING", name)
            return
        del self._waiting[job.trade.id]
        self._move(job, "FAILED", name)

    def _move(self, job: Job, status: TradeStatus, name: str = "") -> None:
        job.trade = self._world.polymarket.move_trade(
            job.trade.id, status, self._world.clock.now(), name
        )
