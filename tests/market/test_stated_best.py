"""Agreement with the best prices stated beside each change: weak, therefore slow to trust."""

from __future__ import annotations

import pytest

from tests.market.builders import Bench, changed, snapshot
from underround.market.hub import TRUST
from underround.market.trust import BookRules
from underround.model.book import Side
from underround.model.events import LevelChange, LevelsChanged
from underround.model.ids import NO, YES
from underround.model.units import ONE

RULES = BookRules(agreements_to_trust=3)


def begun() -> Bench:
    """Return an untrusted book with a bid at 0.40 and an ask at 0.60."""
    bench = Bench("stated_best", rules=RULES)
    bench.apply(snapshot(bench.market, {(True, 400_000): ONE, (False, 600_000): ONE}, at_ns=1))
    assert not bench.trusted()
    return bench


def agree(bench: Bench, times: int) -> None:
    """Change the size at the bid, stating the right best prices."""
    for number in range(times):
        change: tuple[Side, int, int] = ("buy", 400_000, ONE + number)
        bench.apply(changed(bench.market, bench.now, change, best=(400_000, 600_000)))


def test_trust_needs_consecutive_agreements() -> None:
    """Two are not enough where three are asked for, the third begins trust."""
    bench = begun()
    agree(bench, 2)
    assert not bench.trusted()
    agree(bench, 1)
    assert bench.trusted()
    assert bench.tracked.counters.verified == 3


def test_the_default_is_twenty() -> None:
    """Without other rules the twentieth agreement begins trust."""
    bench = Bench("stated_best")
    bench.apply(snapshot(bench.market, {(True, 400_000): ONE, (False, 600_000): ONE}, at_ns=1))
    agree(bench, 19)
    assert not bench.trusted()
    agree(bench, 1)
    assert bench.trusted()


def test_the_first_disagreement_ends_trust_and_starts_the_count_again() -> None:
    """One wrong best is enough, and a single agreement is not enough to forget it."""
    bench = begun()
    agree(bench, 3)
    wrong = changed(bench.market, bench.now, ("buy", 390_000, ONE), best=(410_000, 600_000))
    assert bench.apply(wrong) & TRUST
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "stated best differs"
    agree(bench, 2)
    assert not bench.trusted()
    agree(bench, 1)
    assert bench.trusted()


def test_a_disagreement_while_counting_starts_the_count_again() -> None:
    """The agreements must be consecutive."""
    bench = begun()
    agree(bench, 2)
    bench.apply(changed(bench.market, bench.now, ("buy", 390_000, 5), best=(1, 600_000)))
    agree(bench, 2)
    assert not bench.trusted()


def test_a_dropped_best_level_is_found_by_the_next_statement() -> None:
    """The message that removed the best bid is lost: the next one states another best."""
    bench = begun()
    bench.apply(changed(bench.market, bench.now, ("buy", 390_000, ONE), best=(400_000, 600_000)))
    agree(bench, 2)
    assert bench.trusted()
    bench.apply(changed(bench.market, bench.now, ("sell", 700_000, ONE), best=(390_000, 600_000)))
    assert not bench.trusted()


def test_a_dropped_deeper_level_is_beyond_this_proof() -> None:
    """Only the best prices are stated: a wrong level below them stays unseen, and is a limit."""
    bench = begun()
    agree(bench, 3)
    bench.apply(changed(bench.market, bench.now, ("sell", 700_000, ONE), best=(400_000, 600_000)))
    assert bench.trusted()


@pytest.mark.parametrize("best", [(None, None), (400_000, None), (None, 600_000)])
def test_a_change_that_states_nothing_proves_nothing(best: tuple[int | None, int | None]) -> None:
    """It neither adds to the count nor starts it again."""
    bench = begun()
    agree(bench, 2)
    bench.apply(changed(bench.market, bench.now, ("buy", 390_000, ONE), best=best))
    assert not bench.trusted()
    assert bench.tracked.counters.unverifiable == 1
    agree(bench, 1)
    assert bench.trusted()


@pytest.mark.parametrize(
    "outcome, bid, ask",
    [(YES, 0, 600_000), (NO, 400_000, ONE), (NO, 400_000, 0)],
)
def test_an_empty_bid_is_stated_as_the_venue_writes_it(outcome: int, bid: int, ask: int) -> None:
    """0 or one dollar stand for an empty side, in the terms of either outcome."""
    bench = Bench("stated_best", rules=BookRules(agreements_to_trust=1))
    bench.apply(snapshot(bench.market, {(False, 600_000): ONE}, at_ns=1))
    yes: tuple[Side, int, int] = ("sell", 610_000, ONE)
    no: tuple[Side, int, int] = ("buy", 390_000, ONE)
    change = yes if outcome == YES else no
    bench.apply(changed(bench.market, 2, change, outcome=outcome, best=(bid, ask)))
    assert bench.trusted()


@pytest.mark.parametrize(
    "outcome, bid, ask",
    [(YES, 400_000, 0), (YES, 400_000, ONE), (NO, 0, 600_000)],
)
def test_an_empty_ask_is_stated_as_the_venue_writes_it(outcome: int, bid: int, ask: int) -> None:
    """The same for the other side."""
    bench = Bench("stated_best", rules=BookRules(agreements_to_trust=1))
    bench.apply(snapshot(bench.market, {(True, 400_000): ONE}, at_ns=1))
    yes: tuple[Side, int, int] = ("buy", 390_000, ONE)
    no: tuple[Side, int, int] = ("sell", 610_000, ONE)
    change = yes if outcome == YES else no
    bench.apply(changed(bench.market, 2, change, outcome=outcome, best=(bid, ask)))
    assert bench.trusted()


def test_the_statement_of_the_last_change_counts() -> None:
    """Each change states the best after itself; the book is compared after all of them."""
    bench = Bench("stated_best", rules=BookRules(agreements_to_trust=1))
    bench.apply(snapshot(bench.market, {(True, 400_000): ONE, (False, 600_000): ONE}, at_ns=1))
    bench.apply(
        LevelsChanged(
            bench.market.id,
            2,
            (
                LevelChange(YES, "buy", 410_000, ONE, None, 410_000, 600_000),
                LevelChange(YES, "sell", 590_000, ONE, None, 410_000, 590_000),
            ),
        )
    )
    assert bench.trusted()
    assert bench.tracked.counters.mismatched == 0
