"""The journal's two sides: what is written can be found, chosen and read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from underround.model.errors import Bug, JournalError
from underround.model.ids import (
    POLYMARKET,
    YES,
    FillId,
    IntentId,
    MarketId,
    OrderId,
    OutcomeId,
    PlanId,
    StrategyId,
)
from underround.model.ledger import Entry, Ledger, cash
from underround.model.orders import Approved, Fill, FillSettled, Order, OrderIntent, Refusal
from underround.model.run import RunSummary
from underround.storage.journal import IntentRow, Journal

SECOND = 1_000_000_000
OUTCOME = OutcomeId(MarketId(POLYMARKET, "0xabc"), YES)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "deep" / "journal.db") as opened:
        yield opened


def an_intent() -> OrderIntent:
    return OrderIntent(
        strategy=StrategyId("maker"),
        plan=PlanId("p1"),
        outcome=OUTCOME,
        side="buy",
        price=480_000,
        size=5_000_000,
        tif="GTC",
        purpose="open",
        expires_ns=9,
        edge=20_000,
        reason="wide spread",
    )


def an_order(name: str = "o1") -> Order:
    return Order(
        id=OrderId(name),
        intent=IntentId(1),
        strategy=StrategyId("maker"),
        plan=PlanId("p1"),
        leg_group=None,
        outcome=OUTCOME,
        side="buy",
        price=480_000,
        size=5_000_000,
        tif="GTC",
        post_only=True,
        purpose="open",
        good_until_ns=None,
        created_ns=5,
        updated_ns=5,
    )


def a_fill(name: str = "f1") -> Fill:
    return Fill(
        id=FillId(name),
        order=OrderId("o1"),
        outcome=OUTCOME,
        side="buy",
        price=480_000,
        size=5_000_000,
        fee=1,
        liquidity="maker",
        at_ns=6,
        evidence="traded through",
    )


def a_refusal(number: int) -> Refusal:
    return Refusal(
        IntentId(number), number, StrategyId("maker"), PlanId("p1"), str(OUTCOME), "size", "5>4", 7
    )


def a_summary(
    run: str, status: Literal["finished", "interrupted", "failed"] = "finished"
) -> RunSummary:
    texts = ("source", "licence", "attribution", "halted")
    lists = (
        *("lost", "streams", "books", "coverage", "equity_curve", "series", "positions"),
        *("strategies", "leg_groups", "refusals_by_gate", "fills_by_kind", "assumptions"),
    )
    figures = {"intents": 1, "orders": 2, "fills": 3, "refusals": 4, "starting_cash": 100}
    figures |= {"cash": 50, "equity": 99, "fees": 1, "max_drawdown": -1}
    times = {"first_ns": 1, "last_ns": 2, "frames": 1, "events": 1, "seconds": 0.1}
    names = {"run": run, "mode": "replay", "status": status, "version": "0.1.0", "clock": "ours"}
    rest = {"recordings": ["day"], "decision_digest": "d1", "imbalance": {}, "config": {"a": 1}}
    empty = dict.fromkeys(texts, "") | dict.fromkeys(lists, ())
    return msgspec.convert({**empty, **figures, **times, **names, **rest}, RunSummary)


def make_run(journal: Journal, run: str, started_ns: int = 1) -> None:
    with journal.writer() as writer:
        writer.begin(run, "replay", ["day"], '{"a": 1}', started_ns)
        writer.finish(a_summary(run))


def test_a_whole_run_reads_back(journal: Journal) -> None:
    """Every kind of row comes back as the value that was recorded, in order."""
    ledger = Ledger()
    entries = [ledger.open(cash("polymarket", "pUSD"), 10_000_000, 1)]
    entries.append(ledger.fill(a_fill(), cash("polymarket", "pUSD")))
    approved = Approved(IntentId(1), an_intent(), None, ("halt", "edge"), 4)
    with journal.writer() as writer:
        writer.begin("r1", "replay", ["day one", "day two"], '{"a": 1}', 77)
        writer.intent(IntentRow(id=IntentId(1), at_ns=3, intent=an_intent()))
        writer.intent(approved)
        writer.refusal(a_refusal(2))
        writer.order(an_order())
        writer.fill(a_fill())
        for entry in entries:
            writer.entry(entry)
        writer.finality(FillId("f1"), "confirmed", 8)
        writer.finish(a_summary("r1"))
    emitted, passed = journal.intents("r1")
    assert emitted == IntentRow(id=IntentId(1), at_ns=3, intent=an_intent())
    assert (passed.approved, passed.gates, passed.at_ns) == (True, ("halt", "edge"), 4)
    assert passed.intent == an_intent()
    assert list(journal.refusals("r1")) == [a_refusal(2)]
    assert list(journal.orders("r1")) == [an_order()]
    assert list(journal.fills("r1")) == [a_fill()]
    assert list(journal.settled("r1")) == [FillSettled(FillId("f1"), 8, "confirmed")]
    assert list(journal.entries("r1")) == entries
    assert journal.summary("r1") == a_summary("r1")
    run = journal.run("r1")
    assert run.recordings == ("day one", "day two")
    assert (run.status, run.started_ns, run.config) == ("finished", 77, '{"a": 1}')
    assert run.decision_digest == "d1"
    assert run.figures is not None
    assert (run.figures.equity, run.figures.max_drawdown) == (99, -1)


def test_an_order_is_recorded_as_it_was(journal: Journal) -> None:
    """A later change of the order object does not reach what was recorded before."""
    order = an_order()
    with journal.writer() as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        writer.order(order)
        order.state = "filled"
        writer.flush()
        assert [found.state for found in journal.orders("r1")] == ["sending"]


def test_the_last_state_of_an_order_wins(journal: Journal) -> None:
    """Within a batch and across batches the last recorded state stays, at the first's place."""
    first, second = an_order("z"), an_order("a")
    with journal.writer() as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        for state in ("sending", "live"):
            first.state = "live" if state == "live" else "sending"
            writer.order(first)
        writer.order(second)
        writer.flush()
        first.state, first.filled, first.reason = "filled", 5_000_000, "matched"
        writer.order(first)
    assert list(journal.orders("r1")) == [first, second]


def test_a_told_second_hands_rows_over(journal: Journal) -> None:
    """Rows wait for the batch until a second of told time has passed, then they are sent."""
    with journal.writer() as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        writer.refusal(a_refusal(1))
        writer.refusal(a_refusal(2))
        writer.tick(SECOND)
        assert len(writer._rows) == 1
        writer.tick(2 * SECOND)
        while writer._rows:  # the thread may still be busy with the first row
            writer.tick(2 * SECOND)
    assert [refusal.id for refusal in journal.refusals("r1")] == [1, 2]


def test_back_pressure_keeps_everything_in_order(journal: Journal) -> None:
    """With the smallest batches and queue nothing is dropped or reordered."""
    with journal.writer(batch_rows=3, queue=1) as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        for number in range(500):
            writer.refusal(a_refusal(number))
            assert len(writer._waiting) <= 1
    assert [refusal.id for refusal in journal.refusals("r1")] == list(range(500))


def test_a_limit_bounds_refusals(journal: Journal) -> None:
    """``limit`` returns that many of the first refusals."""
    with journal.writer() as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        for number in range(9):
            writer.refusal(a_refusal(number))
    assert [refusal.id for refusal in journal.refusals("r1", limit=2)] == [0, 1]


def test_runs_are_listed_newest_first(journal: Journal) -> None:
    """``runs`` sorts by start, and ``last`` names the newest whatever was written last."""
    make_run(journal, "aa-new", started_ns=9)
    make_run(journal, "bb-old", started_ns=2)
    assert [run.id for run in journal.runs()] == ["aa-new", "bb-old"]
    assert journal.run("last").id == "aa-new"


def test_a_run_is_named_by_a_unique_beginning(journal: Journal) -> None:
    """A beginning that fits one run names it; a whole id wins over being a beginning."""
    for run in ("20261120-a", "20261120-ab", "2025x"):
        make_run(journal, run)
    assert journal.run("2025").id == "2025x"
    assert journal.run("20261120-a").id == "20261120-a"
    with pytest.raises(JournalError, match="begins the ids of 2 runs"):
        journal.run("20261120")


def test_an_unknown_run_names_the_nearest(journal: Journal) -> None:
    """The error names the nearest ids and what else may be given, before anything is read."""
    make_run(journal, "20261120-alpha")
    with pytest.raises(JournalError, match=r"20261120-alpha.*'last'"):
        journal.fills("20261120-alhpa")
    with pytest.raises(JournalError, match="nearest are"):
        journal.run("")


def test_an_empty_journal_says_so(journal: Journal) -> None:
    """Asking an empty journal for the last run says that there is none."""
    assert journal.runs() == []
    with pytest.raises(JournalError, match="holds no run yet"):
        journal.run("last")


def test_a_run_without_an_end_has_no_summary(journal: Journal) -> None:
    """The summary of a run that left none is refused with its status."""
    with journal.writer() as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        assert journal.run("r1").status == "running"
    with pytest.raises(JournalError, match="is interrupted and left no summary"):
        journal.summary("r1")


@pytest.mark.parametrize(
    "error, status", [(ValueError(), "failed"), (KeyboardInterrupt(), "interrupted")]
)
def test_a_run_that_breaks_off_says_how(
    journal: Journal, error: BaseException, status: str
) -> None:
    """An error on its way out ends the run as failed, the operator's stop as interrupted."""

    def break_off() -> None:
        with journal.writer() as writer:
            writer.begin("r1", "replay", [], "{}", 1)
            writer.refusal(a_refusal(1))
            raise error

    with pytest.raises(type(error)):
        break_off()
    assert journal.run("r1").status == status
    assert len(list(journal.refusals("r1"))) == 1


def test_rows_outside_a_run_are_a_bug(journal: Journal) -> None:
    """A row before ``begin`` or after ``finish`` is refused at once."""
    with journal.writer() as writer:
        with pytest.raises(Bug, match="outside a run"):
            writer.refusal(a_refusal(1))
        writer.begin("r1", "replay", [], "{}", 1)
        writer.finish(a_summary("r1"))
        with pytest.raises(Bug, match="outside a run"):
            writer.order(an_order())


def test_entries_without_postings_survive(journal: Journal) -> None:
    """An entry whose postings were all zero reads back as an entry without postings."""
    empty = Entry(1, 2, "opening", "nothing", ())
    with journal.writer() as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        writer.entry(empty)
    assert list(journal.entries("r1")) == [empty]
