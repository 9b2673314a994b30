"""The 60-second average in the making, exactly; and what recorded windows say about the rule."""

from __future__ import annotations

import csv
import gzip
import json
import random
from bisect import bisect_left, bisect_right
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from underround.market.candles import CandleOpen
from underround.market.twap import (
    LENGTH_NS,
    Area,
    PriceLine,
    RunningTwap,
    TwapAgreement,
    running,
)
from underround.model.frames import NANOS_PER_MS
from underround.model.frames import NANOS_PER_SECOND as SECOND
from underround.model.units import ONE
from underround.venues.codec import reference_price

END = 1_790_000_100 * SECOND
BEGIN = END - LENGTH_NS

TICKS = st.dictionaries(st.integers(-20, 90), st.integers(1, 10**6), min_size=1, max_size=40)
"""Second after the average's begin → price."""


def line_of(ticks: dict[int, int], unit: int = SECOND) -> PriceLine:
    line = PriceLine()
    for second, price in ticks.items():
        line.note(BEGIN + second * unit, price)
    return line


def naive(ticks: dict[int, int], first: int, last: int) -> int:
    """Return the area in micro-dollar-seconds, second by second."""
    return sum(ticks[max(at for at in ticks if at <= second)] for second in range(first, last))


@given(TICKS, st.integers(-20, 90), st.integers(0, 60))
def test_the_area_is_what_summing_second_by_second_gives(
    ticks: dict[int, int], first: int, length: int
) -> None:
    """Ticks come in any order; before the first one nothing is known."""
    area = line_of(ticks).area(BEGIN + first * SECOND, BEGIN + (first + length) * SECOND)
    if first < min(ticks):
        assert area is None
    else:
        assert area is not None
        assert area.micros_ns == naive(ticks, first, first + length) * SECOND
        assert area.length_ns == length * SECOND


@given(TICKS, st.integers(0, 10**6))
def test_up_needs_exactly_what_it_says(ticks: dict[int, int], strike: int) -> None:
    """With that average of the rest Up wins, with one micro-dollar less Down does."""
    ticks = {second: price for second, price in ticks.items() if second < 60}
    assume(ticks and min(ticks) <= 0)
    twap = running(line_of(ticks), END, END)
    assert twap is not None
    needed, most = twap.up_needs(strike), twap.down_needs(strike)
    assert needed is not None
    assert most == needed - 1
    assert twap.wins_up(strike) is None
    for average, up in ((needed, True), (needed - 1, False)):
        whole = RunningTwap(
            ends_ns=END,
            length_ns=LENGTH_NS,
            observed_ns=LENGTH_NS,
            observed_micros_ns=twap.observed_micros_ns + average * twap.to_come_ns,
            stale=False,
        )
        assert whole.wins_up(strike) is up


@given(TICKS)
def test_a_finished_average_decides_and_ties_are_up(ticks: dict[int, int]) -> None:
    """Against its own mean it is Up if that is exact, and Down against anything above."""
    assume(min(ticks) <= 0 and max(ticks) >= 60)
    twap = running(line_of(ticks), END, END)
    assert twap is not None
    assert twap.complete
    assert (twap.up_needs(1), twap.down_needs(1)) == (None, None)
    total = naive(ticks, 0, 60)
    assert twap.observed_micros_ns == total * SECOND
    assert twap.wins_up(total // 60) is True
    assert twap.wins_up(-(-total // 60)) is (total % 60 == 0)
    assert twap.wins_up(total // 60 + 1) is False


@given(TICKS, st.randoms(use_true_random=False))
def test_the_order_in_which_ticks_come_changes_nothing(
    ticks: dict[int, int], rng: random.Random
) -> None:
    """Only how many were late is told apart."""
    shuffled = list(ticks.items())
    rng.shuffle(shuffled)
    straight, mixed = line_of(dict(sorted(ticks.items()))), line_of(dict(shuffled))
    assert straight.late == 0
    assert running(straight, END, END) == running(mixed, END, END)


def every_second(first: int, last: int, price: int = 100 * ONE) -> dict[int, int]:
    return dict.fromkeys(range(first, last + 1), price)


def test_the_part_already_observed_moves_what_the_rest_must_do() -> None:
    """40 s at 101 dollars against a strike of 100: the last 20 s may average 98."""
    twap = running(line_of(every_second(0, 40, 101 * ONE)), END, BEGIN + 40 * SECOND)
    assert twap is not None
    assert (twap.observed_ns, twap.to_come_ns) == (40 * SECOND, 20 * SECOND)
    assert twap.observed_mean == 101 * ONE
    assert twap.up_needs(100 * ONE) == 98 * ONE
    assert twap.down_needs(100 * ONE) == 98 * ONE - 1
    assert not twap.stale


def test_an_outcome_can_be_certain_before_the_end() -> None:
    """When the rest would have to be below zero, Up has won."""
    twap = running(line_of(every_second(0, 59, 200 * ONE)), END, END)
    assert twap is not None
    needed = twap.up_needs(100 * ONE)
    assert needed is not None
    assert needed <= 0


def test_before_its_begin_everything_is_to_come() -> None:
    """Up then needs the strike itself."""
    twap = running(line_of(every_second(-30, -10)), END, BEGIN - 10 * SECOND)
    assert twap is not None
    assert (twap.observed_ns, twap.observed_mean, twap.complete) == (0, None, False)
    assert twap.up_needs(7) == 7


def test_nothing_after_the_newest_tick_is_observed() -> None:
    """However late it is here, a value that may still change has not been averaged."""
    line = line_of(every_second(-1, 30))
    early, late = running(line, END, BEGIN + 30 * SECOND), running(line, END, END)
    assert early is not None
    assert late is not None
    assert early.observed_ns == late.observed_ns == 30 * SECOND
    assert (early.stale, late.stale) == (False, True)


def test_a_missed_begin_cannot_be_computed() -> None:
    assert running(PriceLine(), END, END) is None
    assert running(line_of(every_second(1, 60)), END, END) is None
    assert running(line_of({-1: 5, 60: 5}), END, END) is not None


@pytest.mark.parametrize(
    "ticks, stale",
    [
        (every_second(0, 60), False),
        (every_second(0, 20) | every_second(25, 60), False),
        (every_second(0, 20) | every_second(26, 60), True),
        ({-6: 5 * ONE} | every_second(1, 60), True),
        ({-4: 5 * ONE} | every_second(1, 60), False),
        (every_second(0, 54) | {61: ONE}, True),
        (every_second(0, 55) | {61: ONE}, False),
    ],
)
def test_a_value_held_for_too_long_makes_the_average_stale(
    ticks: dict[int, int], stale: bool
) -> None:
    """Five seconds are believed, six are not; a hold that began before counts from its tick."""
    twap = running(line_of(ticks), END, END + SECOND)
    assert twap is not None
    assert twap.complete
    assert twap.stale is stale


def test_a_tick_with_a_known_time_replaces_and_a_late_one_is_put_in_its_place() -> None:
    line = line_of({0: 10, 2: 30})
    line.note(BEGIN + SECOND, 20)
    line.note(BEGIN + 2 * SECOND, 40)
    assert line.late == 2
    assert line.area(BEGIN, BEGIN + 3 * SECOND) == Area(70 * SECOND, 3 * SECOND, SECOND)
    assert line.area(BEGIN, BEGIN + 3 * SECOND).mean == 23  # type: ignore[union-attr]  # is there
    assert line.area(BEGIN + SECOND, BEGIN) is None


def test_the_memory_is_bounded_and_what_it_holds_stays_exact() -> None:
    line = PriceLine(kept_ns=120 * SECOND)
    for second in range(10_000):
        line.note(BEGIN + second * SECOND, second + 1)
    assert len(line._times) <= 120 + 257 + 1
    assert line.area(BEGIN, BEGIN + SECOND) is None
    area = line.area(BEGIN + 9_879 * SECOND, BEGIN + 9_999 * SECOND)
    assert area is not None
    assert area.micros_ns == sum(range(9_880, 10_000)) * SECOND
    line.note(BEGIN, 7)
    assert line.area(BEGIN, BEGIN + SECOND) is None
    assert line.newest_ns == BEGIN + 9_999 * SECOND


def test_our_average_is_compared_with_the_venues() -> None:
    """Within the tolerance it agrees; stale or missing averages of ours are not compared."""
    line = line_of(every_second(-80, -1) | every_second(0, 60, 101 * ONE))
    agreement = TwapAgreement(tolerance_micros=1_000)
    assert agreement.note(line, END, 101 * ONE + 1_000) is True
    assert agreement.note(line, END - 30 * SECOND, 100_500_000) is True
    assert agreement.note(line, END, 101 * ONE - 1_001) is False
    assert agreement.note(line, END + 60 * SECOND, 101 * ONE) is None
    assert agreement.note(PriceLine(), END, 101 * ONE) is None
    found = (agreement.compared, agreement.agreed, agreement.skipped, agreement.furthest)
    assert found == (3, 2, 2, 1_001)


DAY = Path("data/polymarket/btc5m-chainlink-and-outcomes")


def recorded_ticks(shared: Path) -> list[tuple[int, int]]:
    with gzip.open(shared / DAY / "BTCUSD-prices-2026-07-24.csv.gz", "rt") as rows:
        return [
            (
                int(row["feed_ts_ms"]) * NANOS_PER_MS,
                reference_price(row["full_accuracy_value"], 18),
            )
            for row in csv.DictReader(rows)
        ]


@pytest.mark.shared
def test_recorded_windows_resolve_as_computed_by_the_rule_of_their_day(shared: Path) -> None:
    """292 BTC five-minute markets of 2026-07-24, two weeks before the average became the rule.

    By that day's rule (the price at the end against the one at the start) all 257 windows that have
    a tick at their end resolve as they did, and all 271 strikes are the tick at the start.  By
    today's rule (average against average) 43 of the 227 windows that it can be computed for would
    have gone the other way: the average is another bet, and nothing that was recorded before August
    2026 can prove or disprove our average itself.
    """
    ticks = recorded_ticks(shared)
    times = [at_ns for at_ns, _ in ticks]
    line = PriceLine(kept_ns=10**18)
    for at_ns, price in ticks:
        line.note(at_ns, price)
    with gzip.open(shared / DAY / "BTC-5m-markets-2026-07-24.jsonl.gz", "rt") as rows:
        markets = [json.loads(row) for row in rows]
    found: Counter[str] = Counter()
    for market in markets:
        if not market["strike_value"]:
            found["no strike"] += 1
            continue
        strike = reference_price(market["strike_value"], 18)
        up = market["outcome_prices"][0] == "1"
        starts_ns, ends_ns = market["start_sec"] * SECOND, market["end_sec"] * SECOND
        watched, stated = CandleOpen(starts_ns, ends_ns), CandleOpen(starts_ns, ends_ns, strike)
        first, last = bisect_left(times, starts_ns - SECOND), bisect_right(times, ends_ns)
        for at_ns, price in ticks[first:last]:
            watched.note(at_ns, price)
            stated.note(at_ns, price)
        opened, distance = watched.open(), stated.distance()
        if opened is not None and opened.exact:
            found["the open is the strike" if opened.price == strike else "it is not"] += 1
        if distance is not None and times[last - 1] == ends_ns:
            found["close agrees" if (distance.micros >= 0) is up else "close differs"] += 1
        start, end = running(line, starts_ns, starts_ns), running(line, ends_ns, ends_ns)
        if start and end and start.complete and end.complete and not (start.stale or end.stale):
            average_up = end.observed_micros_ns >= start.observed_micros_ns
            found["average agrees" if average_up is up else "average differs"] += 1
    assert found == {
        "no strike": 18,
        "the open is the strike": 271,
        "close agrees": 257,
        "average agrees": 184,
        "average differs": 43,
    }
