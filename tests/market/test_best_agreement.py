"""A ticker agrees if the book had its prices at some moment within the tolerance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.market.agreement import AgreementCounters, BestAgreement
from underround.model.ids import KALSHI, MarketId

RAIN = MarketId(KALSHI, "RAIN")
MS = 1_000_000
Best = tuple[int, int, int]


def agreement(states: list[Best], stated: Best, tolerance_ms: int = 250) -> AgreementCounters:
    """Return the counters after all states and one statement, told in order of time."""
    check = BestAgreement(tolerance_ms)
    for number, (at_ms, bid, ask) in enumerate(states):
        if stated[0] <= at_ms and (not number or states[number - 1][0] < stated[0]):
            check.stated(RAIN, stated[0] * MS, *stated[1:])
        check.best(RAIN, at_ms * MS, bid, ask)
    if not states or stated[0] > states[-1][0]:
        check.stated(RAIN, stated[0] * MS, *stated[1:])
    check.finish()
    return check.counters[RAIN]


@pytest.mark.parametrize(
    "at_ms, agrees",
    [(749, False), (750, True), (1_000, True), (1_999, True), (2_250, True), (2_251, False)],
)
def test_the_window_reaches_the_tolerance_either_way(at_ms: int, agrees: bool) -> None:
    """The book showed 4 and 6 from 1000 ms to 2000 ms: 250 ms around it agree, no more."""
    states = [(0, 1, 9), (1_000, 4, 6), (2_000, 2, 8)]
    found = agreement(states, (at_ms, 4, 6))
    assert (found.stated, found.agreed, found.differed) == (1, int(agrees), int(not agrees))


def test_both_prices_must_have_been_there_together() -> None:
    """A bid of one moment and an ask of another are no best prices."""
    assert agreement([(0, 4, 9), (10, 1, 6)], (5, 4, 6)).differed == 1


def test_a_state_is_remembered_for_the_whole_window() -> None:
    """Two states later the first is still within the tolerance of a statement."""
    states = [(0, 4, 6), (100, 1, 9), (150, 2, 8)]
    assert agreement(states, (350, 4, 6)).agreed == 1
    assert agreement(states, (351, 4, 6)).differed == 1


def test_a_statement_before_any_book_differs() -> None:
    """There is nothing it could agree with."""
    assert agreement([], (5, 4, 6)).differed == 1


def test_the_last_state_lasts() -> None:
    """Without a later change the book still shows it."""
    assert agreement([(0, 4, 6)], (10**6, 4, 6)).agreed == 1


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 2), st.integers(3, 5), st.booleans()),
        max_size=40,
    ),
    tolerance_ms=st.integers(0, 300),
)
def test_the_verdicts_are_those_of_looking_at_everything(
    steps: list[tuple[int, int, int, bool]], tolerance_ms: int
) -> None:
    """Forgetting old states changes no verdict."""
    check = BestAgreement(tolerance_ms)
    states: list[Best] = []
    statements: list[Best] = []
    now = 0
    for pause, bid, ask, is_state in steps:
        now += pause
        if is_state:
            states.append((now, bid, ask))
            check.best(RAIN, now * MS, bid, ask)
        else:
            statements.append((now, bid, ask))
            check.stated(RAIN, now * MS, bid, ask)
    check.finish()
    agreed = 0
    for at, bid, ask in statements:
        agreed += any(
            (own_bid, own_ask) == (bid, ask)
            and since <= at + tolerance_ms
            and (number + 1 == len(states) or states[number + 1][0] >= at - tolerance_ms)
            for number, (since, own_bid, own_ask) in enumerate(states)
        )
    found = check.counters.get(RAIN, AgreementCounters())
    assert found == AgreementCounters(len(statements), agreed, len(statements) - agreed)


def test_memory_is_bounded_by_the_window() -> None:
    """A long run keeps no more states than twice the tolerance holds."""
    check = BestAgreement(250)
    for at_ms in range(10_000):
        check.best(RAIN, at_ms * MS, at_ms % 5, 9)
    assert len(check._states[RAIN]) <= 502
