"""Whatever value the model can hold, the journal gives back: exactly."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from underround.model.ledger import Entry
from underround.model.orders import (
    Approved,
    CancelIntent,
    Fill,
    FillSettled,
    LegGroupIntent,
    Order,
    OrderIntent,
    Refusal,
    SetIntent,
)
from underround.model.run import RunSummary
from underround.storage.journal import IntentRow, Journal

BIGGEST = 2**63 - 1
INT = st.integers(-BIGGEST - 1, BIGGEST) | st.integers(0, 2_000_000)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: INT,
    str: TEXT,
    bool: st.booleans(),
    NoneType: st.none(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    object: st.recursive(INT | TEXT, lambda inner: st.lists(inner, max_size=2)),
}
Struct = TypeVar("Struct", bound=msgspec.Struct)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return any value of a type that the model's structs are made of."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, NewType):
        return values_of(kind.__supertype__)
    origin, of = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(of)
    if origin in {Union, UnionType}:
        return st.one_of([values_of(part) for part in of])
    if origin is list or (origin is tuple and of[1:] == (...,)):
        made = st.lists(values_of(of[0]), max_size=2)
        return made.map(tuple) if origin is tuple else made
    if origin is tuple:
        return st.tuples(*[values_of(part) for part in of])
    if origin is dict:
        return st.dictionaries(values_of(of[0]), values_of(of[1]), max_size=2)
    return st.deferred(lambda: structs_of(kind))


def structs_of(kind: type[Struct]) -> st.SearchStrategy[Struct]:
    """Return any value of a struct; an outcome's index is YES or NO."""
    parts = {
        field.name: st.sampled_from([0, 1]) if field.name == "index" else values_of(field.type)
        for field in msgspec.structs.fields(kind)
    }
    return st.fixed_dictionaries(parts).map(lambda given: kind(**given))


@pytest.fixture(scope="module")
def journal() -> Iterator[Journal]:
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "j.db") as opened:
        yield opened


def written(journal: Journal, method: str, values: Sequence[object]) -> str:
    """Record values in a new run with a method of the writer and return the run's id."""
    run = f"run {len(journal.runs())}"
    with journal.writer(batch_rows=2) as writer:
        writer.begin(run, "replay", [], "{}", 1)
        for value in values:
            getattr(writer, method)(value)
    return run


few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(values=st.lists(structs_of(Refusal), max_size=4))
def test_refusals_are_exact(journal: Journal, values: list[Refusal]) -> None:
    """Any refusals come back equal and in order."""
    assert list(journal.refusals(written(journal, "refusal", values))) == values


@few
@given(values=st.lists(structs_of(Order), max_size=4, unique_by=lambda order: order.id))
def test_orders_are_exact(journal: Journal, values: list[Order]) -> None:
    """Any orders come back equal and in order."""
    assert list(journal.orders(written(journal, "order", values))) == values


@few
@given(values=st.lists(structs_of(Fill), max_size=4, unique_by=lambda fill: fill.id))
def test_fills_are_exact(journal: Journal, values: list[Fill]) -> None:
    """Any fills come back equal and in order."""
    assert list(journal.fills(written(journal, "fill", values))) == values


@few
@given(values=st.lists(structs_of(Entry), max_size=4, unique_by=lambda entry: entry.seq))
def test_entries_are_exact(journal: Journal, values: list[Entry]) -> None:
    """Any entries come back equal with their postings, by sequence number."""
    read = list(journal.entries(written(journal, "entry", values)))
    assert read == sorted(values, key=lambda entry: entry.seq)


@few
@given(
    values=st.lists(
        st.one_of(
            [
                st.builds(
                    IntentRow, id=INT, at_ns=INT, intent=structs_of(kind), gates=st.just(("a",))
                )
                for kind in (OrderIntent, SetIntent, LegGroupIntent, CancelIntent)
            ]
        ),
        max_size=4,
    )
)
def test_intents_are_exact(journal: Journal, values: list[IntentRow]) -> None:
    """Any intents, leg groups with mixed legs among them, come back equal and in order."""
    assert list(journal.intents(written(journal, "intent", values))) == values


@few
@given(values=st.lists(structs_of(Approved), max_size=4))
def test_approvals_are_exact(journal: Journal, values: list[Approved]) -> None:
    """Every field of any approval comes back, marked as approved."""
    read = list(journal.intents(written(journal, "intent", values)))
    expected = [
        IntentRow(**{**msgspec.structs.asdict(value), "intent": value.intent, "approved": True})
        for value in values
    ]
    assert read == expected


@few
@given(fill=structs_of(Fill), ends=st.lists(structs_of(FillSettled), min_size=1, max_size=3))
def test_finality_is_exact(journal: Journal, fill: Fill, ends: list[FillSettled]) -> None:
    """The last finality recorded for a fill comes back; the fill itself stays as matched."""
    run = f"run {len(journal.runs())}"
    with journal.writer() as writer:
        writer.begin(run, "replay", [], "{}", 1)
        writer.fill(fill)
        for end in ends:
            writer.finality(fill.id, end.finality, end.at_ns)
    last = FillSettled(fill.id, ends[-1].at_ns, ends[-1].finality)
    assert list(journal.settled(run)) == [last]
    assert list(journal.fills(run)) == [fill]


@few
@given(summary=structs_of(RunSummary))
def test_summaries_are_exact(journal: Journal, summary: RunSummary) -> None:
    """Any summary comes back equal."""
    summary.run = f"run {len(journal.runs())}"
    with journal.writer() as writer:
        writer.begin(summary.run, "replay", summary.recordings, "{}", 1)
        writer.finish(summary)
    assert journal.summary(summary.run) == summary
    assert journal.run(summary.run).status == summary.status
