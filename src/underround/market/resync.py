"""Which books need a fresh statement now, and what an answer says about ours.  Pure.

Trust is the hub's matter; this only decides when to ask.  A followed book without trust is an open
*case*.  Most cases end by themselves (the rest of a timestamp, the snapshots of a new connection),
so each reason has its grace.  Then the book is asked for: one question at a time, with a growing
pause, and only this book.  A book that asking does not help puts its stream under suspicion.
Trusted books are compared with the venue's own answer from time to time, because a socket can
freeze for one market and a quiet book proves nothing by itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from underround.market.trust import BEHIND, TrackedBook
from underround.model.book import Book
from underround.model.errors import BookDoubted
from underround.model.events import BookSnapshot
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import MarketId
from underround.model.units import Nanos

NEVER: Final = 1 << 63
DIFFERS: Final = "requested book differs"
"""The doubt after an answer that has other levels at the very time of ours.  Only the stream can
end it: asking the same place again would settle nothing."""
UNSTATED: Final = "never stated"
"""The reason of a book that is followed and of which nothing was heard."""
GRACES_MS: Final[Mapping[str, int]] = {
    "waiting for the rest of a timestamp": 50,
    "crossed for a moment": 250,
    "tick size changed": 250,
    "reconnected": 2_000,
    BEHIND: 2_000,
    "stream silent": 2_000,
    UNSTATED: 5_000,
}


class ResyncRules(msgspec.Struct, frozen=True, kw_only=True):
    """When to ask.  All times in milliseconds."""

    graces: Mapping[str, int] = msgspec.field(default_factory=lambda: GRACES_MS)
    """How long a doubt may heal by itself, by its reason; others are asked for at once."""
    answer_ms: int = 3_000
    """A question without an answer for so long has failed."""
    first_pause_ms: int = 500
    longest_pause_ms: int = 60_000
    """Pause between two questions about a book: doubles from the first to the longest."""
    calm_ms: int = 10_000
    """A book that needed no question for so long after a pause begins with the first one again."""
    suspicion: int = 3
    """Questions in a row that did not help until the stream itself is under suspicion."""
    compare_ms: int = 60_000
    """How often a trusted book is compared."""
    settle_ms: int = 1_000
    """How long the stream may lag behind an answer before it has lost something."""


class Ask(msgspec.Struct, frozen=True):
    """A question to put now."""

    market: MarketId
    kind: Literal["repair", "compare"]
    reason: str
    attempt: int
    """Counts the questions in a row from 0; the asker varies its means with it."""
    suspicious: bool
    """So many did not help that the stream should be replaced."""


class _Case:
    """One followed book."""

    __slots__ = ("asking", "attempts", "compare_ns", "due_ns", "not_before", "open", "reason",
                 "reasons")  # fmt: skip

    def __init__(self, due_ns: Nanos) -> None:
        self.open = True
        self.reason = UNSTATED
        self.due_ns = due_ns
        self.asking = False
        """A question is under way."""
        self.attempts = 0
        self.not_before: Nanos = 0
        self.compare_ns: Nanos = NEVER
        self.reasons: dict[str, int] = {}
        """Questions put, by the doubt that made them necessary."""


class Resync:
    """The cases of all followed books.  ``rng`` jitters comparisons and pauses."""

    def __init__(self, rules: ResyncRules, rng: random.Random) -> None:
        self.rules = rules
        self._rng = rng
        self._cases: dict[MarketId, _Case] = {}

    def follow(self, market: MarketId, now: Nanos) -> Nanos:
        """Begin to care for a book; it has its grace to be stated.  Returns when ``due`` is due."""
        case = self._cases.get(market)
        if case is None:
            case = self._cases[market] = _Case(now + self._grace(UNSTATED))
        return case.due_ns

    def drop(self, market: MarketId) -> None:
        """Care no more."""
        self._cases.pop(market, None)

    def note(self, tracked: TrackedBook, now: Nanos) -> Nanos:
        """Look at a book after something was applied to it; cheap if nothing changed.

        Returns when ``due`` has something to ask about it, ``NEVER`` if nothing new is to come.
        """
        case = self._cases.get(tracked.market.id)
        if case is None:
            return NEVER
        if tracked.trusted:
            return self._close(case, now) if case.open else NEVER
        if tracked.closed:
            self.drop(tracked.market.id)
            return NEVER
        if not case.open:
            if now >= case.not_before + self.rules.calm_ms * NANOS_PER_MS:
                case.attempts = case.not_before = 0
            case.open = True
        elif case.reason == (tracked.last_doubt or UNSTATED):
            return NEVER
        case.reason = tracked.last_doubt or UNSTATED
        if not case.asking:
            # A second reason never puts off what the first one has earned.
            grace = now + self._grace(case.reason)
            case.due_ns = min(case.due_ns, max(case.not_before, grace))
        return case.due_ns

    def restarted(self, books: Iterable[TrackedBook], now: Nanos) -> Nanos:
        """A stream began a connection: whatever was asked about its books, it states them anew.

        Returns when ``due`` should be called, as ``note`` does.
        """
        soonest = NEVER
        for tracked in books:
            case = self._cases.get(tracked.market.id)
            if case is not None and not tracked.trusted:
                self.note(tracked, now)
                case.asking = False
                case.due_ns = now + self._grace(case.reason)
                soonest = min(soonest, case.due_ns)
        return soonest

    def due(self, now: Nanos, ready: Callable[[MarketId], bool]) -> list[Ask]:
        """Return what to ask now, and note it as asked.

        A book that is not ``ready`` (its stream is just being opened) is looked at again later.
        """
        asks: list[Ask] = []
        for market, case in self._cases.items():
            if case.open and case.due_ns <= now:
                if ready(market):
                    asks.append(self._ask(market, case, now))
                else:
                    case.due_ns = now + self.rules.first_pause_ms * NANOS_PER_MS
            elif not case.open and case.compare_ns <= now:
                case.compare_ns = self._next_comparison(now)
                if ready(market):
                    asks.append(Ask(market, "compare", "comparison", 0, suspicious=False))
        return asks

    def next_ns(self) -> Nanos:
        """Return when ``due`` should be called next."""
        times = (case.due_ns if case.open else case.compare_ns for case in self._cases.values())
        return min(times, default=NEVER)

    def reasons(self, market: MarketId) -> Mapping[str, int]:
        """Return how often a book was asked for, by the doubt behind it."""
        case = self._cases.get(market)
        return {} if case is None else case.reasons

    def answered(self, market: MarketId, now: Nanos) -> None:
        """An answer came (or none will): if it did not help, the next question may follow."""
        case = self._cases.get(market)
        if case is not None and case.asking:
            case.asking = False
            case.due_ns = max(case.not_before, now)

    # --- within --------------------------------------------------------------------------------

    def _close(self, case: _Case, now: Nanos) -> Nanos:
        """End a case; returns when the book is compared."""
        case.open = case.asking = False
        case.reason = ""
        case.due_ns = NEVER
        if case.compare_ns == NEVER:
            case.compare_ns = self._next_comparison(now)
        return case.compare_ns

    def _ask(self, market: MarketId, case: _Case, now: Nanos) -> Ask:
        rules = self.rules
        attempt = case.attempts
        case.attempts += 1
        pause_ms = min(rules.longest_pause_ms, rules.first_pause_ms << min(attempt, 20))
        pause_ns = int(pause_ms * self._rng.uniform(0.75, 1.25)) * NANOS_PER_MS
        case.asking = True
        case.not_before = now + pause_ns
        case.due_ns = now + max(pause_ns, rules.answer_ms * NANOS_PER_MS)
        case.reasons[case.reason] = case.reasons.get(case.reason, 0) + 1
        suspicious = attempt > 0 and attempt % rules.suspicion == 0
        return Ask(market, "repair", case.reason, attempt, suspicious=suspicious)

    def _grace(self, reason: str) -> Nanos:
        return self.rules.graces.get(reason, 0) * NANOS_PER_MS

    def _next_comparison(self, now: Nanos) -> Nanos:
        return now + int(self.rules.compare_ms * self._rng.uniform(0.75, 1.25)) * NANOS_PER_MS


Comparison: TypeAlias = Literal["equal", "older", "newer", "different"]
"""``older``: it is behind ours and says nothing.  ``newer``: the stream has not told us yet.
``different``: it claims the very time of our book and has other levels: one of them is wrong."""


def compare(tracked: TrackedBook, stated: BookSnapshot) -> Comparison:
    """Compare our book with the venue's answer, by its time first and its levels second.

    An answer without a time is ``equal`` or ``newer``: it proves nothing about ours.
    """
    if stated.at_ns is not None and stated.at_ns < tracked.changed_ns:
        return "older"
    theirs = Book(tracked.book.step)
    try:
        theirs.replace(stated.outcome, stated.bids, stated.asks)
    except BookDoubted:
        return "different"
    if theirs.bids == tracked.book.bids and theirs.asks == tracked.book.asks:
        return "equal"
    return "different" if stated.at_ns == tracked.changed_ns else "newer"
