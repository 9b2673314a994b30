"""The proof that a ladder's markets cover every whole number once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from underround.pipeline.importers.tiling import (
    Rung,
    kalshi_rung,
    proof_of_tiling,
    question_rung,
)

cuts = st.lists(st.integers(-40, 140), min_size=1, max_size=12, unique=True).map(sorted)


def ladder(borders: list[int]) -> list[Rung]:
    """Return the rungs between the borders: each border is the last number of its rung."""
    ends: list[int | None] = [*borders, None]
    starts: list[int | None] = [None, *(border + 1 for border in borders)]
    return [Rung(f"m{i}", *pair) for i, pair in enumerate(zip(starts, ends, strict=True))]


def covering(rungs: list[Rung], number: int) -> int:
    """Count the rungs that hold ``number``."""
    return sum(
        (rung.lowest is None or rung.lowest <= number)
        and (rung.highest is None or number <= rung.highest)
        for rung in rungs
    )


@given(cuts, st.randoms())
def test_any_cut_of_the_whole_numbers_is_proven(borders: list[int], random: object) -> None:
    """Rungs made by cutting the number line tile it, in whatever order they come."""
    rungs = ladder(borders)
    random.shuffle(rungs)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    tiling = proof_of_tiling(rungs)
    assert tiling.hole is None
    assert f"the {len(rungs)} markets cover" in (tiling.because or "")


@given(cuts, st.data())
def test_a_missing_rung_is_a_hole(borders: list[int], data: st.DataObject) -> None:
    """Taking any rung away leaves numbers uncovered, and the proof fails."""
    rungs = ladder(borders)
    rungs.pop(data.draw(st.integers(0, len(rungs) - 1)))
    tiling = proof_of_tiling(rungs)
    assert tiling.because is None
    assert tiling.hole


@given(
    st.lists(st.tuples(st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9)), max_size=6)
)
def test_the_proof_holds_exactly_when_every_number_is_covered_once(
    ranges: list[tuple[int | None, int | None]],
) -> None:
    """The verdict equals counting, over every number near the rungs and far outside them."""
    rungs = [Rung(f"m{i}", low, high) for i, (low, high) in enumerate(ranges)]
    empty = any(
        rung.lowest is not None and rung.highest is not None and rung.lowest > rung.highest
        for rung in rungs
    )
    once = all(covering(rungs, number) == 1 for number in range(-30, 31))
    assert (proof_of_tiling(rungs).because is not None) == (once and not empty)


def test_holes_are_named() -> None:
    """The sentence says which number or market breaks the proof."""
    low, high = Rung("low", None, 70), Rung("high", 73, None)
    assert proof_of_tiling([low, high]).hole == "no market covers 71 °F"
    assert proof_of_tiling([low]).hole == "no market covers what is above 70 °F"
    assert proof_of_tiling([high]).hole == "no market covers what is below 73 °F"
    assert proof_of_tiling([low, Rung("x", 70, 72), high]).hole == "low and x overlap"
    unknown = Rung("what", None, None, known=False)
    hole = proof_of_tiling([low, unknown, high]).hole
    assert hole == "the source does not say for which numbers what resolves YES"
    assert proof_of_tiling([]).hole == "there is no market"


def test_kalshi_strikes_become_rungs() -> None:
    """Greater and less exclude their strike, between includes both; anything else is unknown."""
    assert kalshi_rung("t", "greater", "91.0", "") == Rung("t", 92, None)
    assert kalshi_rung("t", "less", "", "84.0") == Rung("t", None, 83)
    assert kalshi_rung("t", "between", "90.0", "91.0") == Rung("t", 90, 91)
    assert not kalshi_rung("t", "between", "90.5", "91.0").known
    assert not kalshi_rung("t", "structured", "90", "91").known
    assert not kalshi_rung("t", "greater", "", "").known


def test_questions_become_rungs() -> None:
    """The four forms of the question are read; another text is unknown."""
    ask = "Will the highest temperature in Atlanta be {} on August 4?"
    assert question_rung("m", ask.format("75°F or below")) == Rung("m", None, 75)
    assert question_rung("m", ask.format("between 76-77°F")) == Rung("m", 76, 77)
    assert question_rung("m", ask.format("94°F or higher")) == Rung("m", 94, None)
    assert question_rung("m", ask.format("80°F")) == Rung("m", 80, 80)
    assert not question_rung("m", ask.format("warm")).known
