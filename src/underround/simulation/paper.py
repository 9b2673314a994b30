"""A venue that is not there: takes orders, cancels and set changes, answers with latency.

Time.  Everything is told on the run's clock, on which our book shows at ``t`` what the venue had
``feed`` earlier.  An order decided at ``t`` is in the matcher at ``t + entry`` of the venue's
time; the venue's book of that moment is ours at ``t + entry + feed``, so that is when the order is
matched here, against the book as it is then.  Its answer is known ``response`` later (too late by
up to ``feed``: against us).  On a recording with the venue's clock the same sum holds: there the
decision itself could only have been made ``feed`` after the time it carries.

Order of calls, for every market event at ``now``: ``advance`` to anything due before ``now``, then
the books take the event, then ``on_event(event, now)`` if ``resting(market)``, and always for a
market that closes.

The same calls give the same answers: no clock, no global randomness, no hash order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from underround.model.book import Book
from underround.model.errors import Bug
from underround.model.events import MarketClosed, MarketEvent, MarketResolved
from underround.model.ids import KALSHI, GroupId, MarketId, OrderId
from underround.model.market import EventGroup, Market, TickEpoch
from underround.model.orders import (
    Approved,
    CancelFailed,
    Fill,
    FillSettled,
    Order,
    OrderAccepted,
    OrderEnded,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    SetIntent,
    SetsChanged,
)
from underround.model.units import Nanos
from underround.simulation.agenda import Agenda
from underround.simulation.fills import Working, take
from underround.simulation.latency import Latency
from underround.simulation.queues import EVIDENCE, Queues
from underround.simulation.rules import (
    EXPIRED,
    FAK_REST,
    UNTRUSTED,
    check_order,
    check_self_trade,
    check_sets,
    closed_reason,
)
from underround.simulation.wording import words_of

MILLION: Final = 1_000_000
REMEMBERED: Final = 10_000
_FILLED: Final = "filled whole"
_CANCELLED: Final = "cancelled on request"
_CLOSED: Final = "the market closed"


class PaperVenue:
    """Simulated execution on the books of the run.  One instance per venue's latency."""

    def __init__(
        self,
        markets: Mapping[MarketId, Market],
        ticks: Callable[[MarketId], TickEpoch],
        book: Callable[[MarketId], Book],
        trusted: Callable[[MarketId], bool],
        latency: Latency,
        groups: Mapping[GroupId, EventGroup],
        settlement_failure_ppm: int = 0,
    ) -> None:
        """Begin with nothing under way.

        ``settlement_failure_ppm`` fills of a million fail to settle (never on Kalshi), drawn from
        ``latency.seed`` and the fill's id.  Raises ``ValueError`` outside 0 … 1,000,000.
        """
        if not 0 <= settlement_failure_ppm <= MILLION:
            raise ValueError("settlement_failure_ppm must be 0 … 1,000,000")
        self._markets = markets
        self._ticks = ticks
        self._book = book
        self._trusted = trusted
        self._latency = latency
        self._groups = groups
        self._failure_ppm = settlement_failure_ppm
        self._orders: dict[OrderId, Working] = {}
        """Under way or resting."""
        self._ended: dict[OrderId, str] = {}
        """How the last orders ended: a cancel may still be on its way to them."""
        self._queues: dict[MarketId, Queues] = {}
        self._closed: set[MarketId] = set()
        self._agenda = Agenda()

    # --- what the executor asks for ------------------------------------------------------------

    def submit(self, order: Order, now: Nanos) -> None:
        """Send an order decided at ``now``.  Raises ``Bug`` for an id or market it cannot have."""
        market = order.outcome.market
        if order.id in self._orders or order.id in self._ended:
            raise Bug(f"order {order.id} was sent twice")
        if market not in self._markets:
            raise Bug(f"order {order.id} is for {market}, which is not in the catalogue")
        working = Working(order, self._markets[market].fees)
        self._orders[order.id] = working
        self._queues.setdefault(market, Queues()).on_their_way += 1
        entered = self._latency.entered(order.id, now)
        self._agenda.plan(entered, lambda at: self._arrive(working, at))

    def cancel(self, order_id: OrderId, now: Nanos) -> None:
        """Send a cancel decided at ``now``; fills go on until it is in the matcher."""
        self._agenda.plan(
            self._latency.cancelled(order_id, now), lambda at: self._cancel(order_id, at)
        )

    def change_sets(self, approved: Approved, now: Nanos) -> None:
        """Mint or merge complete sets.  Raises ``Bug`` if the intent is not about sets."""
        intent = approved.intent
        if not isinstance(intent, SetIntent):
            raise Bug(f"intent {approved.id} does not change sets")
        key = str(approved.id)
        refused = check_sets(intent, self._markets, self._groups)
        due = self._latency.heard(key, now) if refused else self._latency.minted(key, now)
        self._agenda.tell(due, SetsChanged(approved.id, due, not refused, refused or ""))

    # --- time ----------------------------------------------------------------------------------

    def next_due(self) -> Nanos | None:
        """Return when something happens next, or ``None`` if nothing is under way."""
        return self._agenda.next_due()

    def advance(self, until: Nanos) -> list[tuple[Nanos, OrderEvent]]:
        """Let everything due at or before ``until`` happen; returns what we hear of it, in order.

        Orders are matched against the books as they are at the call: they must not have taken an
        event later than ``until``.
        """
        return self._agenda.run(until)

    # --- market events -------------------------------------------------------------------------

    def resting(self, market: MarketId) -> bool:
        """Return whether an order rests in the market or is on its way there."""
        return market in self._queues

    def doubted(self, market: MarketId) -> None:
        """Note that the market's book lost its trust, even if it is trusted again by now."""
        queues = self._queues.get(market)
        if queues is not None:
            queues.doubted = True

    def on_event(self, event: MarketEvent, now: Nanos) -> None:
        """Let an event that the books have taken fill, or end, what rests in its market."""
        if isinstance(event, (MarketClosed, MarketResolved)):
            self._close(event.market, now)
            return
        if not isinstance(event, EVIDENCE):
            return
        queues = self._queues.get(event.market)
        if queues is None:
            return
        book = self._book(event.market) if self._trusted(event.market) else None
        fills = queues.on_event(event, book, now)
        if fills:
            self._report(fills, now)
            self._forget_if_idle(event.market)

    def _close(self, market: MarketId, now: Nanos) -> None:
        self._closed.add(market)
        queues = self._queues.get(market)
        if queues is not None:
            for working in tuple(queues.resting()):
                self._leave(working, "cancelled", _CLOSED, now)

    # --- in the matcher ------------------------------------------------------------------------

    def _arrive(self, working: Working, at: Nanos) -> None:
        order = working.order
        market = order.outcome.market
        queues = self._queues[market]
        queues.on_their_way -= 1
        reason = self._why_rejected(working, queues, at)
        if reason:
            working.stage, working.ended_how = "ended", "rejected"
            self._answer(working, at, OrderRejected(order.id, at, reason))
        elif not self._trusted(market):
            self._end(working, "killed", UNTRUSTED, at)
        else:
            self._match(working, queues, at)
        if working.cancel_waits:
            self._cancel(order.id, at)
        self._forget_if_idle(market)

    def _why_rejected(self, working: Working, queues: Queues, at: Nanos) -> str | None:
        order = working.order
        market = self._markets[order.outcome.market]
        if market.id in self._closed:
            return closed_reason(market.id.venue)
        book = self._book(market.id) if self._trusted(market.id) else None
        opposite = queues.best_against(working, book)
        ticks, then = self._ticks(market.id), self._latency.at_venue(at)
        return check_order(order, market, ticks, opposite, then) or check_self_trade(
            order, queues.orders()
        )

    def _match(self, working: Working, queues: Queues, at: Nanos) -> None:
        order = working.order
        book = self._book(order.outcome.market)
        fills = take(working, book, at)
        rests = bool(working.remaining) and order.tif in ("GTC", "GTD")
        if rests:
            queues.rest(working, book)
            self._answer(working, at, OrderAccepted(order.id, at))
            self._plan_end(working, at)
        self._report(fills, at)
        if rests or not working.remaining:
            return
        words = words_of(order.outcome.market.venue)
        if order.tif == "FOK":
            self._end(working, "killed", words.fok_killed, at)
        else:
            self._end(working, "killed", FAK_REST if fills else words.fak_nothing, at)

    def _plan_end(self, working: Working, at: Nanos) -> None:
        shown = self._latency.shown
        if working.order.good_until_ns is not None:
            until = max(at, shown(working.order.good_until_ns))
            self._agenda.plan(until, lambda due: self._leave(working, "expired", EXPIRED, due))
        market = self._markets[working.order.outcome.market]
        if market.id.venue == KALSHI and market.closes_ns is not None:
            until = max(at, shown(market.closes_ns))
            self._agenda.plan(until, lambda due: self._leave(working, "cancelled", _CLOSED, due))

    def _cancel(self, order_id: OrderId, at: Nanos) -> None:
        working = self._orders.get(order_id)
        if working is None:
            how = self._ended.get(order_id)
            why = "no such order" if how is None else f"the order had already ended: {how}"
            failed = CancelFailed(order_id, at, why)
            self._agenda.tell(self._latency.heard(order_id, at), failed)
        elif working.stage == "sent":
            working.cancel_waits = True
        elif working.stage == "resting":
            self._leave(working, "cancelled", _CANCELLED, at)
        else:
            reason = f"the order had already ended: {working.ended_how}"
            self._answer(working, at, CancelFailed(order_id, at, reason))

    def _leave(
        self, working: Working, how: Literal["cancelled", "expired"], reason: str, at: Nanos
    ) -> None:
        if working.stage != "resting":
            return
        market = working.order.outcome.market
        self._queues[market].withdraw(working, self._book(market))
        self._end(working, how, reason, at)
        self._forget_if_idle(market)

    # --- what we are told ----------------------------------------------------------------------

    def _answer(self, working: Working, at: Nanos, event: OrderEvent) -> None:
        self._agenda.tell(self._latency.heard(working.order.id, at), event)

    def _end(
        self,
        working: Working,
        how: Literal["filled", "cancelled", "expired", "killed"],
        reason: str,
        at: Nanos,
    ) -> None:
        working.stage, working.ended_how = "ended", how
        del self._orders[working.order.id]
        self._ended[working.order.id] = how
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]
        self._answer(working, at, OrderEnded(working.order.id, at, how, reason))

    def _report(self, fills: Iterable[Fill], at: Nanos) -> None:
        """Tell the fills, then the ends they brought about."""
        done: dict[OrderId, Working] = {}
        for fill in fills:
            working = self._orders[fill.order]
            self._answer(working, at, OrderFilled(fill))
            self._settle(fill, at)
            if not working.remaining:
                done[fill.order] = working
        for working in done.values():
            self._end(working, "filled", _FILLED, at)

    def _settle(self, fill: Fill, at: Nanos) -> None:
        heard = self._latency.heard(fill.order, at)
        if fill.outcome.market.venue == KALSHI:
            self._agenda.tell(heard, FillSettled(fill.id, heard, "confirmed"))
            return
        settled = self._latency.settled(fill.id, heard)
        fails = self._latency.draw("failure", fill.id, MILLION) < self._failure_ppm
        self._agenda.tell(
            settled, FillSettled(fill.id, settled, "failed" if fails else "confirmed")
        )

    def _forget_if_idle(self, market: MarketId) -> None:
        queues = self._queues.get(market)
        if queues is not None and queues.idle:
            del self._queues[market]
