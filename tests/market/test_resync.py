"""When a book is asked for, when it is not, and what an answer is worth."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.builders import MS, Bench, HashingVenue, snapshot
from tests.model.builders import market
from underround.market.liveness import liveness
from underround.market.resync import GRACES_MS, NEVER, UNSTATED, Ask, Resync, ResyncRules, compare
from underround.market.trust import Feed, TrackedBook
from underround.model.events import StreamOpened
from underround.model.ids import MarketId
from underround.model.units import ONE

RULES = ResyncRules()
START = 10**15


class Case:
    """One followed book, its doubts and the questions about it."""

    def __init__(self, seed: int = 1, rules: ResyncRules = RULES) -> None:
        self.rain = market("rain")
        self.tracked = TrackedBook(self.rain, Feed("s", "venue_hash", 30_000))
        self.resync = Resync(rules, random.Random(seed))
        self.now = START
        self.ready = True
        self.resync.follow(self.rain.id, self.now)

    def trust(self) -> None:
        self.tracked.trust(self.now)
        self.resync.note(self.tracked, self.now)

    def doubt(self, reason: str) -> int:
        self.tracked.doubt(reason, self.now)
        return self.resync.note(self.tracked, self.now)

    def wait(self, ms: float) -> list[Ask]:
        """Ask whatever becomes due within ``ms``."""
        end = self.now + int(ms * MS)
        asks: list[Ask] = []
        while (at := self.resync.next_ns()) <= end:
            self.now = max(self.now, at)
            asks += self.resync.due(self.now, lambda _market: self.ready)
        self.now = end
        return asks


@pytest.mark.parametrize("reason", [*GRACES_MS, "hash differs", "sequence gap"])
def test_a_doubt_is_asked_about_after_its_grace_and_not_before(reason: str) -> None:
    case = Case()
    case.trust()
    due = case.doubt(reason)
    grace = GRACES_MS.get(reason, 0)
    assert due == case.now + grace * MS
    if grace:
        assert not case.wait(grace - 1)
    (ask,) = case.wait(2)
    assert ask == Ask(case.rain.id, "repair", reason, 0, suspicious=False)


def test_a_doubt_that_heals_within_its_grace_is_never_asked_about() -> None:
    case = Case()
    case.trust()
    for _ in range(1_000):
        case.doubt("waiting for the rest of a timestamp")
        assert not case.wait(20)
        case.trust()
        assert not case.wait(20)
    assert not case.resync.reasons(case.rain.id)


def test_a_second_reason_never_puts_a_question_off() -> None:
    case = Case()
    case.trust()
    case.doubt("waiting for the rest of a timestamp")
    for _ in range(4):
        assert not case.wait(10)
        case.doubt("crossed for a moment")
        case.doubt("waiting for the rest of a timestamp")
    assert len(case.wait(12)) == 1


def test_a_book_that_was_never_stated_is_asked_for_and_a_first_statement_closes_the_case() -> None:
    case = Case()
    assert not case.wait(4_999)
    (ask,) = case.wait(2)
    assert ask.reason == UNSTATED
    case.trust()
    assert not case.wait(20_000)


def test_only_one_question_is_under_way_and_the_pauses_grow_to_their_bound() -> None:
    case = Case()
    case.trust()
    case.doubt("hash differs")
    times: list[int] = []
    for _ in range(60):
        at = case.resync.next_ns()
        asks = case.wait((at - case.now) / MS)
        assert len(asks) == 1
        times.append(case.now)
        case.resync.answered(case.rain.id, case.now)
    pauses = [(b - a) / MS for a, b in pairwise(times)]
    for place, pause in enumerate(pauses):
        bound = min(RULES.longest_pause_ms, RULES.first_pause_ms << place)
        assert 0.75 * bound - 1 <= pause <= 1.25 * bound


def test_a_question_without_an_answer_has_failed_after_a_time() -> None:
    case = Case()
    case.trust()
    case.doubt("hash differs")
    assert len(case.wait(0)) == 1
    assert not case.wait(RULES.answer_ms - 1)
    assert len(case.wait(2)) == 1


def test_every_third_question_that_did_not_help_makes_the_stream_suspicious() -> None:
    case = Case()
    case.trust()
    case.doubt("hash differs")
    asks = case.wait(300_000)
    assert [ask.suspicious for ask in asks[:7]] == [False, False, False, True, False, False, True]
    assert [ask.attempt for ask in asks[:7]] == list(range(7))


def test_a_book_that_keeps_failing_is_asked_less_and_less_and_a_calm_one_at_once() -> None:
    case = Case()
    asked = 0
    for _ in range(600):  # a minute of trust for a tenth of a second, again and again
        case.trust()
        asked += len(case.wait(50))
        case.doubt("hash differs")
        asked += len(case.wait(50))
    assert asked < 10
    case.trust()
    case.wait(80_000)
    case.doubt("hash differs")
    assert len(case.wait(0)) == 1


def test_a_new_connection_gives_its_books_time_to_be_stated() -> None:
    case = Case()
    case.trust()
    case.doubt("hash differs")
    assert len(case.wait(0)) == 1
    case.tracked.new_epoch("reconnected", case.now)
    assert case.resync.restarted([case.tracked], case.now) == case.now + 2_000 * MS
    assert not case.wait(1_999)
    assert len(case.wait(2)) == 1


def test_a_book_that_is_not_ready_is_looked_at_again_and_nothing_is_counted() -> None:
    case = Case()
    case.trust()
    case.doubt("hash differs")
    case.ready = False
    assert not case.wait(10_000)
    case.ready = True
    (ask,) = case.wait(501)
    assert ask.attempt == 0
    assert case.resync.reasons(case.rain.id) == {"hash differs": 1}


def test_a_closed_or_dropped_market_is_never_asked_about() -> None:
    for end in ("closed", "dropped"):
        case = Case()
        case.trust()
        if end == "closed":
            case.tracked.closed = True
            case.doubt("market closed")
        else:
            case.resync.drop(case.rain.id)
            case.doubt("hash differs")
        assert case.resync.next_ns() == NEVER
        assert not case.wait(10**6)


@given(st.integers(0, 2**32))
def test_comparisons_of_trusted_books_are_spread_and_keep_their_pace(seed: int) -> None:
    resync = Resync(RULES, random.Random(seed))
    books = [TrackedBook(market(f"m{n}"), Feed("s", "venue_hash", 1)) for n in range(50)]
    for tracked in books:
        resync.follow(tracked.market.id, START)
        tracked.trust(START)
        resync.note(tracked, START)
    asked: dict[MarketId, list[int]] = {}
    while (now := resync.next_ns()) < START + 600_000 * MS:
        for ask in resync.due(now, lambda _market: True):
            assert ask.kind == "compare"
            asked.setdefault(ask.market, []).append(now)
    firsts = sorted(times[0] for times in asked.values())
    assert len(asked) == 50
    assert firsts[-1] - firsts[0] > 15_000 * MS
    assert all(600 / 75 - 1 <= len(times) <= 600 / 45 + 1 for times in asked.values())


def test_an_answer_is_compared_by_its_time_first_and_by_its_levels_second() -> None:
    bench = Bench("venue_hash")
    venue = HashingVenue(bench.market)
    bench.apply(venue.snapshot(request=True), venue.snapshot())
    old = venue.snapshot(request=True)
    assert compare(bench.tracked, old) == "equal"
    bench.apply(*venue.change((True, 300_000, 2 * ONE)))
    assert compare(bench.tracked, old) == "older"
    assert compare(bench.tracked, venue.snapshot(1, request=True)) == "equal"
    same_time = snapshot(bench.market, {(True, 300_000): ONE}, at_ns=bench.tracked.changed_ns)
    assert compare(bench.tracked, same_time) == "different"
    ahead = venue.change((True, 300_000, 3 * ONE))
    assert compare(bench.tracked, venue.snapshot(request=True)) == "newer"
    bench.apply(*ahead)
    assert compare(bench.tracked, venue.snapshot(request=True)) == "equal"
    off_grid = snapshot(bench.market, {(True, 123_456): ONE}, at_ns=10**18)
    assert compare(bench.tracked, off_grid) == "different"
    assert compare(bench.tracked, snapshot(bench.market, {})) == "newer"


def test_liveness_names_the_doubt_the_age_and_the_questions() -> None:
    bench = Bench("venue_hash")
    venue = HashingVenue(bench.market)
    of = bench.market.id
    row = liveness(of, None, {}, bench.now)
    assert (row.trusted, row.doubt, row.age_ms, row.stream) == (False, UNSTATED, None, None)
    bench.apply(venue.snapshot(), *venue.change((True, 300_000, ONE)))
    row = liveness(of, bench.tracked, {"hash differs": 2}, bench.now + 1_500 * MS)
    assert (row.trusted, row.doubt, row.age_ms, row.applied) == (True, "", 1_500, 2)
    assert (row.resyncs, row.invalid, row.stream) == ({"hash differs": 2}, 0, "stream")
    venue.change((True, 310_000, ONE))
    bench.apply(*venue.change((True, 300_000, 2 * ONE)), *venue.change((True, 300_000, ONE)))
    row = liveness(of, bench.tracked, {}, bench.now)
    assert (row.trusted, row.doubt) == (False, "waiting for the rest of a timestamp")
    assert row.invalid == 2  # one hash for each outcome
    bench.apply(StreamOpened("stream", 1))
    assert liveness(of, bench.tracked, {}, bench.now).age_ms is None
