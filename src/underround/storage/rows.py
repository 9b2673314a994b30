"""Values of the model to rows of the journal and back.  Pure, and exact in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Row

from underround.model.ids import IntentId, LegGroupId, OutcomeId
from underround.model.ledger import Entry, Posting
from underround.model.orders import (
    Approved,
    CancelIntent,
    Fill,
    FillSettled,
    Intent,
    LegGroupIntent,
    Order,
    OrderIntent,
    Refusal,
    SetIntent,
)
from underround.model.run import RunSummary
from underround.model.units import Money, Nanos

Values: TypeAlias = dict[str, object]
RunStatus: TypeAlias = Literal["running", "finished", "interrupted", "failed", "unknown"]
"""``interrupted``: stopped by the operator, or killed (its process is gone).  ``unknown``: it was
running when another host last wrote it."""

_NOTHING: Mapping[str, str] = {}
_encode = msgspec.json.Encoder().encode


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run that ended; money in millionths."""

    intents: int
    orders: int
    fills: int
    refusals: int
    starting_cash: Money
    cash: Money
    equity: Money
    fees: Money
    max_drawdown: Money


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run as a list of runs shows it."""

    id: str
    started_ns: Nanos
    mode: str
    status: RunStatus
    recordings: tuple[str, ...]
    config: str
    """The configuration it ran with, as JSON."""
    decision_digest: str | None
    figures: RunFigures | None
    """``None`` until the run ended by itself."""


class IntentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An intent as it was written down: emitted by a strategy, or approved by risk.

    Not the ``Approved`` of the model, which only risk can make: what was read from a journal
    cannot be executed.
    """

    id: IntentId
    at_ns: Nanos
    intent: Intent
    approved: bool = False
    leg_group: LegGroupId | None = None
    gates: tuple[str, ...] = ()


_KINDS: dict[type[Intent], str] = {
    OrderIntent: "order",
    SetIntent: "set",
    LegGroupIntent: "leg_group",
    CancelIntent: "cancel",
}


# --- to rows -----------------------------------------------------------------------------------


def intent_values(run: str, row_no: int, row: Approved | IntentRow) -> Values:
    """Return the row of an intent; ``body`` holds all of it, the other columns are to query."""
    intent = row.intent
    outcome = getattr(intent, "outcome", None)
    market = outcome.market if outcome else getattr(intent, "market", None)
    return {
        "run": run,
        "row_no": row_no,
        "id": row.id,
        "at_ns": row.at_ns,
        "approved": row.approved if isinstance(row, IntentRow) else True,
        "kind": _KINDS[type(intent)],
        "strategy": intent.strategy,
        "plan": getattr(intent, "plan", None),
        "leg_group": row.leg_group,
        "venue": market.venue if market else None,
        "market": market.native if market else None,
        "outcome": outcome.index if outcome else None,
        "side": getattr(intent, "side", None),
        "price": getattr(intent, "price", None),
        "size": getattr(intent, "size", None),
        "edge": getattr(intent, "edge", None),
        "reason": intent.reason,
        "gates": _encode(row.gates).decode(),
        "body": _encode(intent).decode(),
    }


def refusal_values(run: str, row_no: int, refusal: Refusal) -> Values:
    """Return the row of a refusal."""
    return {"run": run, "row_no": row_no, **msgspec.structs.asdict(refusal)}


def order_values(run: str, row_no: int, order: Order) -> Values:
    """Return the row of an order as it is now."""
    return {"run": run, "row_no": row_no, **_flat(order, order.outcome)}


def fill_values(run: str, row_no: int, fill: Fill) -> Values:
    """Return the row of a fill that was just matched."""
    values = _flat(fill, fill.outcome)
    values["order_id"] = values.pop("order")
    return {"run": run, "row_no": row_no, **values, "finality": "matched", "final_ns": None}


def entry_values(run: str, row_no: int, entry: Entry) -> Values:
    """Return the row of a ledger entry, without its postings."""
    return {
        "run": run,
        "seq": entry.seq,
        "row_no": row_no,
        "at_ns": entry.at_ns,
        "kind": entry.kind,
        "cause": entry.cause,
    }


def posting_values(run: str, entry: Entry) -> list[Values]:
    """Return the rows of an entry's postings, numbered from 0."""
    return [
        {
            "run": run,
            "seq": entry.seq,
            "line": line,
            "account": posting.account,
            "commodity": posting.commodity,
            "amount": posting.amount,
        }
        for line, posting in enumerate(entry.postings)
    ]


def ending_values(summary: RunSummary) -> Values:
    """Return the columns of a run that are known when it ends."""
    figures = {name: getattr(summary, name) for name in RunFigures.__struct_fields__}
    return {"status": summary.status, "decision_digest": summary.decision_digest, **figures}


def _flat(value: msgspec.Struct, outcome: OutcomeId) -> Values:
    market = outcome.market
    values: Values = msgspec.structs.asdict(value)
    values.update(venue=market.venue, market=market.native, outcome=outcome.index)
    return values


# --- from rows ---------------------------------------------------------------------------------


def read_run(row: Row[Any], alive: bool | None) -> RunRow:
    """Return a run; ``alive`` says whether its process lives (``None``: cannot be known)."""
    status = row.status
    if status == "running" and alive is not True:
        status = "unknown" if alive is None else "interrupted"
    figures = None
    if row.decision_digest is not None:
        names = RunFigures.__struct_fields__
        figures = msgspec.convert({name: getattr(row, name) for name in names}, RunFigures)
    return RunRow(
        id=row.id,
        started_ns=row.started_ns,
        mode=row.mode,
        status=status,
        recordings=msgspec.json.decode(row.recordings, type=tuple[str, ...]),
        config=row.config,
        decision_digest=row.decision_digest,
        figures=figures,
    )


def read_intent(row: Row[Any]) -> IntentRow:
    """Return an intent as it was written down."""
    return IntentRow(
        id=row.id,
        at_ns=row.at_ns,
        intent=_intent(row.kind, row.body),
        approved=row.approved,
        leg_group=row.leg_group,
        gates=msgspec.json.decode(row.gates, type=tuple[str, ...]),
    )


def read_refusal(row: Row[Any]) -> Refusal:
    """Return a refusal."""
    return msgspec.convert(_fields(row, Refusal), Refusal)


def read_order(row: Row[Any]) -> Order:
    """Return an order in the last state that was written."""
    return msgspec.convert({**_fields(row, Order), "outcome": _outcome(row)}, Order)


def read_fill(row: Row[Any]) -> Fill:
    """Return a fill as it was matched; ``read_settled`` has what became of it."""
    values = _fields(row, Fill, renamed={"order": "order_id"})
    return msgspec.convert({**values, "outcome": _outcome(row)}, Fill)


def read_settled(row: Row[Any]) -> FillSettled:
    """Return how a matched fill ended."""
    return msgspec.convert(
        {"fill": row.id, "at_ns": row.final_ns, "finality": row.finality}, FillSettled
    )


def read_entries(rows: Iterable[Row[Any]]) -> Iterator[Entry]:
    """Return entries from rows of entry and posting, sorted by ``seq`` and ``line``."""
    for _, group in groupby(rows, key=attrgetter("seq")):
        lines = list(group)
        # An entry without postings comes as one row whose posting is missing.
        postings = tuple(
            Posting(line.account, line.commodity, line.amount)
            for line in lines
            if line.account is not None
        )
        first = lines[0]
        yield Entry(first.seq, first.at_ns, first.kind, first.cause, postings)


def _fields(
    row: Row[Any], struct: type[msgspec.Struct], renamed: Mapping[str, str] = _NOTHING
) -> Values:
    return {name: getattr(row, renamed.get(name, name)) for name in struct.__struct_fields__}


def _outcome(row: Row[Any]) -> Values:
    return {"market": {"venue": row.venue, "native": row.market}, "index": row.outcome}


def _intent(kind: str, body: str) -> Intent:
    if kind == "order":
        return msgspec.json.decode(body, type=OrderIntent)
    if kind == "set":
        return msgspec.json.decode(body, type=SetIntent)
    if kind == "cancel":
        return msgspec.json.decode(body, type=CancelIntent)
    values = msgspec.json.decode(body)
    # Only an order has a side; both kinds of leg lack defaults for what tells them apart.
    values["legs"] = tuple(
        msgspec.convert(leg, OrderIntent) if "side" in leg else msgspec.convert(leg, SetIntent)
        for leg in values["legs"]
    )
    return LegGroupIntent(**values)
