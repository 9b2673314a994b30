"""The life of Kalshi's markets: opened, paused, closed, determined, paid."""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.fees import FeeCurve
from underround.model.ids import MarketId
from underround.model.market import Market, Resolution, TickEpoch
from underround.model.units import Nanos
from underround.simulation.matching.kalshi.core import KalshiCore, Plan
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.matching import Emit
from underround.simulation.matching.kalshi.money import PRICE_STEP, SIZE_STEP, copied
from underround.simulation.matching.kalshi.terms import (
    Mode,
    PositionMoved,
    Settled,
    Stage,
    StageMoved,
)
from underround.simulation.matching.terms import MarketEnded, TicksMoved

SETTLEMENT_TIMER_NS: Final[Nanos] = 6 * 10**9
"""From the result to the payout, as quarter-hour markets take it."""


class KalshiLife(KalshiCore):
    """What happens to a market, beside orders."""

    def __init__(
        self,
        *,
        emit: Emit,
        plan: Plan,
        seed: int = 0,
        settlement_timer_ns: Nanos = SETTLEMENT_TIMER_NS,
    ) -> None:
        """``settlement_timer_ns``: between the result of a market and its payout."""
        super().__init__(emit=emit, plan=plan, seed=seed)
        self.settlement_timer_ns = settlement_timer_ns

    # --- opening and closing -------------------------------------------------------------------

    def open_market(self, market: Market, *, shard: int, now: Nanos) -> None:
        """Open a market's book; it takes orders from ``opens_ns`` to ``closes_ns``.

        Raises ``ValueError`` for a market that is open already, and for a grid or a step of sizes
        on which money would not come out whole.
        """
        if market.id in self.markets:
            raise ValueError(f"{market.id} is open already")
        if market.ticks[-1].finest % PRICE_STEP or market.size_step % SIZE_STEP:
            raise ValueError(f"{market.id}: prices are finer than 0.0001 or sizes than 0.01")
        unopened = market.opens_ns is not None and market.opens_ns > now
        listed = Listed(market, shard, "initialized" if unopened else "active")
        self.markets[market.id] = listed
        if unopened and market.opens_ns is not None:
            self._plan(market.opens_ns, lambda at: self._opened(listed, at))
        if market.closes_ns is not None:
            self._plan(max(now, market.closes_ns), lambda at: self._close_time(listed, at))

    def _opened(self, listed: Listed, now: Nanos) -> None:
        if listed.stage == "initialized":
            self._enter(listed, "active", now)
            self._done(None, now)

    def _close_time(self, listed: Listed, now: Nanos) -> None:
        if listed.closes_ns is not None and now >= listed.closes_ns:
            self.close(listed.market.id, now)

    def close(self, market: MarketId, now: Nanos) -> None:
        """End trading and cancel what rests; nothing when it is over already."""
        listed = self.markets[market]
        if listed.stage not in {"initialized", "active", "inactive"}:
            return
        early = listed.closes_ns is None or now < listed.closes_ns
        if early:
            listed.closes_ns = now
        self._enter(listed, "closed", now, early=early)
        self._end_all(listed, "market_closed", now)
        self._done(None, now)

    def halt(self, market: MarketId, now: Nanos) -> None:
        """Pause one market: orders may only be cancelled."""
        listed = self.markets[market]
        if listed.stage == "active":
            self._enter(listed, "inactive", now)
            self._done(None, now)

    def proceed(self, market: MarketId, now: Nanos) -> None:
        """Let a paused market trade again; what rested is cancelled."""
        listed = self.markets[market]
        if listed.stage == "inactive":
            self._end_all(listed, "market_reactivated", now)
            self._enter(listed, "active", now)
            self._done(None, now)

    def set_mode(self, mode: Mode, now: Nanos) -> None:
        """Pause trading or the whole exchange, or go on.

        A pause cancels the orders that asked for it; the others stay.
        """
        pausing = self.mode == "open" and mode != "open"
        self.mode = mode
        if not pausing:
            return
        for listed in self.markets.values():
            for order in tuple(self.resting(listed.market.id)):
                if order.kalshi.cancel_on_pause:
                    self._end(listed, order, "exchange_paused", now)
        self._done(None, now)

    # --- terms ---------------------------------------------------------------------------------

    def change_ticks(self, market: MarketId, ticks: TickEpoch, now: Nanos) -> None:
        """Give a market another price grid; what rests off it is cancelled.

        Raises ``ValueError`` for a grid finer than 0.0001.
        """
        if ticks.finest % PRICE_STEP:
            raise ValueError(f"{market}: prices are finer than 0.0001")
        listed = self.markets[market]
        before = listed.book.ticks
        for order in tuple(self.resting(market)):
            if not ticks.valid(order.yes_price):
                self._end(listed, order, "price_levels_changed", now)
        listed.book.set_ticks(ticks)
        self._tell(TicksMoved(market, before, ticks, now))
        self._done(None, now)

    def change_fees(self, market: MarketId, fees: FeeCurve, now: Nanos) -> None:
        """Let other fees hold for what matches from now on."""
        listed = self.markets[market]
        listed.market = msgspec.structs.replace(listed.market, fees=fees)
        for order in self.resting(market):
            self._reserves.update(order, listed.market, listed.shard)
        self._done(None, now)

    # --- the end -------------------------------------------------------------------------------

    def resolve(self, resolution: Resolution, now: Nanos) -> None:
        """Say how a market ended: its orders are gone, positions are paid after the timer.

        Raises ``ValueError`` when its result is known already.
        """
        listed = self.markets[resolution.market]
        if listed.value is not None:
            raise ValueError(f"{resolution.market} has a result already")
        self.close(resolution.market, now)
        listed.value = resolution.payouts[0]
        listed.determined_ns = now
        self._enter(listed, "determined", now)
        self._tell(MarketEnded(resolution))
        if self.settlement_timer_ns:
            self._plan(now + self.settlement_timer_ns, lambda at: self._pay(listed, at))
            self._done(None, now)
        else:
            self._pay(listed, now)

    def forget(self, market: MarketId) -> None:
        """Drop a market that was paid.  What it left behind can still be looked up for a while.

        Raises ``ValueError`` before that.
        """
        if self.markets[market].stage != "finalized":
            raise ValueError(f"{market} is not paid yet")
        del self.markets[market]

    def _pay(self, listed: Listed, now: Nanos) -> None:
        assert listed.value is not None
        market = listed.market.id
        for made in self.money.settle(market, listed.shard, listed.value, now):
            self._tell(Settled(made, now))
            holder = (made.account, made.subaccount)
            held = copied(self.money.position(holder, market))
            self._tell(PositionMoved(*holder, market, held, now))
        listed.settled_ns = now
        self._enter(listed, "finalized", now)
        self._done(None, now)

    def _enter(self, listed: Listed, stage: Stage, now: Nanos, *, early: bool = False) -> None:
        before, listed.stage = listed.stage, stage
        closes = listed.closes_ns if early else None
        self._tell(StageMoved(listed.market.id, stage, before, now, closes))
