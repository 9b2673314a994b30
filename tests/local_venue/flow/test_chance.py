from __future__ import annotations

import math
from statistics import fmean, pstdev

from hypothesis import given
from hypothesis import strategies as st

from underround.local_venue.flow.chance import Chance, likelihood
from underround.model.units import ONE


def test_two_sources_of_one_purpose_and_seed_draw_the_same_and_others_do_not() -> None:
    def drawn(what: str, seed: int) -> list[int]:
        chance = Chance(what, seed)
        return [chance.normal() for _ in range(20)]

    assert drawn("makers", 1) == drawn("makers", 1)
    assert drawn("makers", 1) != drawn("makers", 2)
    assert drawn("makers", 1) != drawn("takers", 1)


def test_the_draws_of_a_seed_are_these_on_every_machine() -> None:
    chance = Chance("the same everywhere", 7)
    assert [chance.normal() for _ in range(4)] == [-261078, -37308, 501251, 2199417]
    assert [chance.below(100) for _ in range(6)] == [55, 65, 54, 24, 64, 18]


def test_normal_draws_have_mean_zero_and_deviation_one() -> None:
    chance = Chance("normal", 0)
    draws = [chance.normal() / ONE for _ in range(20_000)]
    assert abs(fmean(draws)) < 0.02
    assert abs(pstdev(draws) - 1) < 0.02


def test_something_of_a_probability_happens_that_often_and_waits_have_their_mean() -> None:
    chance = Chance("often", 0)
    assert abs(sum(chance.happens(250_000) for _ in range(20_000)) - 5_000) < 250
    waits = [chance.wait(1_000_000) for _ in range(20_000)]
    assert abs(fmean(waits) - 1_000_000) < 20_000
    assert min(waits) > 0


@given(st.integers(-7 * ONE, 7 * ONE))
def test_the_table_is_the_normal_distribution(deviations: int) -> None:
    exact = (1 + math.erf(deviations / ONE / math.sqrt(2))) / 2
    assert abs(likelihood(deviations) / ONE - exact) < 2e-5
    assert likelihood(deviations) + likelihood(-deviations) == ONE
