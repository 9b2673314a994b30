from __future__ import annotations

import json
from itertools import accumulate

from hypothesis import example, given
from hypothesis import strategies as st

from tests.research.sample_run import SampleRun, busy_run
from underround.model.run import EquityPoint
from underround.research.report import charts


@given(st.lists(st.integers(-(10**12), 10**12)))
def test_a_column_reads_back_exactly(values: list[int]) -> None:
    """The sum of the differences times the unit is the value: nothing is rounded."""
    packed = charts.column(values)
    assert [packed.u * step for step in accumulate(packed.d)] == values


@given(st.lists(st.integers(), max_size=200), st.integers(2, 50))
def test_even_choice_keeps_the_ends_and_the_order(items: list[int], most: int) -> None:
    """At most ``most`` items remain, first and last among them, in the order given."""
    indexed = list(enumerate(items))
    chosen = charts.evenly(indexed, most)
    assert len(chosen) == min(most, len(items))
    assert chosen == sorted(set(chosen))
    assert not items or (chosen[0], chosen[-1]) == (indexed[0], indexed[-1])


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_drawdown_is_measured_from_the_highest_equity_before(values: list[int]) -> None:
    """It is never positive, and zero exactly where equity stands at a new high."""
    points = [EquityPoint(place, value, 0, 0) for place, value in enumerate(values)]
    expected = [value - max(values[: place + 1]) for place, value in enumerate(values)]
    assert charts.drawdown(points) == expected


@given(st.text())
@example("</script> & <!-- \u2028\u2029")
def test_chart_data_cannot_leave_its_script_element(text: str) -> None:
    """No text of a market, strategy or venue can end the element, and it reads back unchanged."""
    written = charts.script_json({"title": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"title": text}


def test_marks_beyond_the_budget_are_thinned_and_counted() -> None:
    """A market with more fills than are drawn says how many there are."""
    run = busy_run(markets=1, points=50, trades=20_000)
    market = run.summary.series[0].market
    drawn = charts.charts(
        run.summary, run.summary.series, {market: run.fills}, {market: run.orders}
    ).markets[0]
    assert len(drawn.fills.code) == charts.MOST_FILLS < drawn.fills.total == len(run.fills)
    assert len(drawn.orders.code) == charts.MOST_ORDERS < drawn.orders.total == len(run.orders)


def test_an_open_order_is_drawn_to_the_end_of_the_run(busy: SampleRun) -> None:
    """An order that still rests when the run ends has no earlier end."""
    order = next(order for order in busy.orders if order.open)
    market = str(order.outcome.market)
    drawn = charts.charts(busy.summary, busy.summary.series, {}, {market: [order]})
    packed = next(chart for chart in drawn.markets if chart.key == market).orders
    rested = packed.extra.u * packed.extra.d[0]
    assert rested == (busy.summary.last_ns - order.created_ns) // 1_000


@given(st.lists(st.integers(0, 10_000), max_size=20), st.integers(100, 10_000))
def test_a_budget_is_shared_by_those_who_need_it(wanted: list[int], budget: int) -> None:
    """Busy markets get what quiet ones leave, and together they stay within the budget."""
    each = charts._each(budget, wanted)
    assert sum(min(amount, each) for amount in wanted) <= max(budget, 2 * len(wanted))
    if sum(wanted) <= budget:
        assert all(amount <= each for amount in wanted)


def test_a_mark_says_side_outcome_and_liquidity(busy: SampleRun) -> None:
    """The code of each fill holds selling, outcome NO and maker, bit by bit."""
    market = busy.summary.series[0].market
    fills = [fill for fill in busy.fills if str(fill.outcome.market) == market]
    packed = charts.charts(busy.summary, busy.summary.series, {market: fills}, {}).markets[0].fills
    expected = [
        (fill.side == "sell", fill.outcome.index == 1, fill.liquidity == "maker") for fill in fills
    ]
    assert [(bool(c & 1), bool(c & 2), bool(c & 4)) for c in packed.code] == expected
    assert len(set(expected)) >= 5
