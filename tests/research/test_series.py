from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.research.series import Decimated

VALUES = st.lists(st.integers(-1000, 1000), max_size=400)


def filled(values: list[int], size: int, *, extremes: bool = False) -> list[tuple[int, int]]:
    line: Decimated[tuple[int, int]] = Decimated(
        size, (lambda p: p[1], lambda p: -p[1]) if extremes else ()
    )
    for point in enumerate(values):
        line.append(point)
    return line.points()


@given(VALUES, st.integers(4, 30), st.booleans())
def test_a_series_never_exceeds_twice_its_size(
    values: list[int], size: int, extremes: bool
) -> None:
    """However many points are appended, at most 2·size remain."""
    assert len(filled(values, size, extremes=extremes)) <= 2 * size


@given(VALUES, st.integers(4, 30), st.booleans())
def test_what_is_kept_was_appended_in_that_order(
    values: list[int], size: int, extremes: bool
) -> None:
    """The kept points are a subsequence of the appended ones, first and last included."""
    kept = filled(values, size, extremes=extremes)
    indices = [index for index, _ in kept]
    assert indices == sorted(set(indices))
    assert all(values[index] == value for index, value in kept)
    if values:
        assert (indices[0], indices[-1]) == (0, len(values) - 1)
    else:
        assert kept == []


@given(VALUES, st.integers(2, 30))
def test_without_extremes_the_spacing_is_one_stride(values: list[int], size: int) -> None:
    """Every point but the last lies on a multiple of the stride, and none is left out."""
    line: Decimated[int] = Decimated(size)
    for index in range(len(values)):
        line.append(index)
    on_grid = list(range(0, len(values), line.stride))
    last = [len(values) - 1] if values and on_grid[-1] != len(values) - 1 else []
    assert line.points() == on_grid + last


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=400), st.integers(4, 12))
def test_extremes_survive(values: list[int], size: int) -> None:
    """The highest and the lowest value ever appended are still there."""
    kept = [value for _, value in filled(values, size, extremes=True)]
    assert (max(kept), min(kept)) == (max(values), min(values))


@given(st.integers(1, 400), st.integers(2, 30))
def test_a_full_series_is_at_least_half_used(count: int, size: int) -> None:
    """Decimation throws away no more than it must."""
    assert len(filled([0] * count, size)) >= min(count, size - 1)


@pytest.mark.parametrize("size, keys", [(1, 0), (0, 0), (3, 2), (-4, 1)])
def test_a_size_too_small_for_two_stretches_is_refused(size: int, keys: int) -> None:
    """A series that could not keep first, last and its extremes is never made."""
    with pytest.raises(ValueError, match="too few"):
        Decimated(size, [lambda _: 0] * keys)


def test_appending_takes_constant_time_on_average() -> None:
    """Two hundred thousand points into a series of one thousand take no quadratic time."""
    line: Decimated[int] = Decimated(1000, (lambda p: p,))
    began = time.process_time()
    for value in range(200_000):
        line.append(value)
    assert time.process_time() - began < 5
    assert line.appended == 200_000
