"""How games end, how sure people are of it, and what the probabilities of a group add up to."""

from __future__ import annotations

import pytest

from tests.local_venue.flow.stage import SECOND, START
from underround.local_venue.flow.belief import Match, Weights
from underround.local_venue.flow.chance import Chance
from underround.model.units import ONE

ENDS = START + 600 * SECOND


def match(home: int, away: int, name: str = "game") -> Match:
    made = Match(6, START, ENDS, Chance(name, 0))
    made.score = [home, away]
    return made


@pytest.mark.parametrize("home, away, wins", [(2, 1, True), (0, 1, False)])
def test_the_team_that_scored_more_wins_and_everybody_is_sure_of_it(
    home: int, away: int, wins: bool
) -> None:
    game = match(home, away)
    assert game.home_wins() is wins
    assert (game.likely(ENDS) > ONE // 2) is wins


def test_a_draw_is_decided_by_a_coin() -> None:
    assert {match(1, 1, f"game {number}").home_wins() for number in range(20)} == {True, False}
    assert match(1, 1).likely(ENDS) == ONE // 2


def test_a_goal_makes_its_team_likelier() -> None:
    before, after = match(0, 0), match(1, 0)
    half = (START + ENDS) // 2
    assert after.likely(half) > before.likely(half)


def test_the_probabilities_of_a_group_sum_to_one_and_each_is_drawn_as_often() -> None:
    weights = Weights(4, 1_500, Chance("group", 0))
    for _ in range(100):
        weights.step()
    likely = [weights.likely(place, START) for place in range(4)]
    assert ONE - 4 < sum(likely) <= ONE
    drawn = [weights.draw() for _ in range(4_000)]
    for place in range(4):
        assert abs(drawn.count(place) / 4_000 - likely[place] / ONE) < 0.04
