from __future__ import annotations

import msgspec

from tests.research.sample_run import SampleRun
from underround.model.orders import Order, OrderState
from underround.model.run import RefusalRow, RunSummary
from underround.research.report import conduct, render


def test_the_sample_reconciles_to_the_millionth(busy: SampleRun) -> None:
    """Value is equity less cash; realised and unrealised are the equity change, twice."""
    run = busy.summary
    sums = conduct.reconcile(run)
    assert sum(row.value for row in run.positions) == run.equity - run.cash != 0
    assert any(row.matched for row in run.positions)
    assert any(row.settled and row.realised for row in run.positions)
    assert sums.realised == sum(row.realised for row in run.strategies) != 0
    assert sums.realised + sums.open_profit + sums.paid_rounding == sums.change
    assert sums.realised + sums.unrealised == sums.strategies
    assert sums.strategies + sums.rounding == sums.change
    assert run.equity_curve[-1].equity == run.equity


def test_what_rounding_leaves_is_a_line_of_its_own(busy: SampleRun) -> None:
    """When the account is a millionth richer than its strategies the table says where it is."""
    line = "Rounding: the account marks and pays out"
    assert line not in render(*busy)
    run = busy.summary
    richer = msgspec.structs.replace(run, equity=run.equity + 1, cash=run.cash + 1)
    html = render(richer, busy.fills, busy.orders)
    assert line in html
    assert html.count("+$0.000001") == 2, "under strategies and under positions"


def _first(run: RunSummary, **fields: object) -> conduct.Told:
    strategy = msgspec.structs.replace(run.strategies[0], **fields)
    return conduct.told(msgspec.structs.replace(run, strategies=[strategy]), [])[0]


def test_only_a_strategy_without_fills_did_nothing(busy: SampleRun) -> None:
    """With fills the same sentence is its closest call; one that raised was stopped."""
    run = busy.summary
    assert _first(run, fills=3, why_idle="near").label == "Closest call"
    idle = _first(run, fills=0, why_idle="near")
    assert (idle.label, idle.grave) == ("Why it did nothing", True)
    stopped = _first(run, fills=3, why_idle="stopped: it divided by zero")
    assert (stopped.label, stopped.sentence) == ("Stopped", "it divided by zero")
    assert "woke 311,204 times" in _first(run, fills=0, why_idle="").sentence


def test_refusals_name_the_gate_that_refused_most(busy: SampleRun) -> None:
    """The gate with most refusals comes first, with its example; a mostly refused one is grave."""
    rows = [RefusalRow("liquidity", 40, 1, "only 0.01 rest"), RefusalRow("positions", 20, 9, "20")]
    told = _first(busy.summary, intents=100, refusals=60, refused_by=rows)
    assert told.refused == (
        "60 times for 100 intents, 40 by liquidity (first: only 0.01 rest); 20 by positions"
    )
    assert told.grave
    assert not _first(busy.summary, intents=1_000, refusals=60, refused_by=rows).grave


def _ended(busy: SampleRun, state: OrderState, reason: str) -> Order:
    return msgspec.structs.replace(busy.orders[0], state=state, reason=reason)


def test_endings_are_counted_by_reason_whatever_order_they_name(busy: SampleRun) -> None:
    """Reasons that differ in an order's id are one; beyond the most frequent there is a rest."""
    orders = [
        *[_ended(busy, "rejected", f"would match our own order o{n}") for n in range(3)],
        *[_ended(busy, "cancelled", "cancelled on request")] * 2,
        _ended(busy, "filled", ""),
        _ended(busy, "expired", "its time was up"),
    ]
    assert [(row.count, row.text) for row in conduct.endings(orders, 3)] == [
        (3, "rejected: would match our own order"),
        (2, "cancelled on request"),
        (1, "expired: its time was up"),
        (1, "ended in other ways"),
    ]


def test_pairs_are_told_where_there_are_any(busy: SampleRun) -> None:
    """Held and redeemed pairs are said, and nothing where a strategy had none."""
    assert _first(busy.summary).pairs == (
        "12.5 held at the end, worth a dollar each if merged; "
        "4 merged, netted or paid out for a dollar each"
    )
    assert _first(busy.summary, pairs_held=0, pairs_redeemed=0).pairs == ""


def test_a_fill_says_why_its_order_was_wanted_if_that_is_known(busy: SampleRun) -> None:
    """The intent's reason stands beside the fill; without reasons there is no column."""
    order = busy.fills[0].order
    html = render(*busy, {order: "the spread was wide enough"})
    assert "the spread was wide enough" in html
    assert "Why the order was wanted" in html
    assert "Why the order was wanted" not in render(*busy)
