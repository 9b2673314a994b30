"""What a run leaves behind, collected from its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping

import underround
from underround.app.observation import Observation
from underround.app.recordings import stream_coverage
from underround.app.wiring import Opened
from underround.model.ids import OutcomeId
from underround.model.run import (
    FillKindRow,
    LegGroupRow,
    PositionRow,
    RefusalRow,
    RunSummary,
    StrategySummary,
)
from underround.model.units import Money
from underround.simulation import fills
from underround.simulation.replay import Replay
from underround.storage.recording import coverage
from underround.trading.engine import Desk, Engine
from underround.trading.tally import Tally

_NUMBERED = re.compile(r"^ *\d+\. ", re.MULTILINE)

MARKED = (
    "Unresolved positions are marked at the last bid of a trusted book, or at zero without one: "
    "what could be got for them at once, pessimistic for pairs of YES and NO."
)


def summarise(
    run: str,
    status: str,
    opened: Opened,
    replay: Replay,
    observation: Observation,
    tally: Tally,
    digest: str,
    seconds: float,
    config: Mapping[str, object],
) -> RunSummary:
    """Return the summary of a run that ended."""
    engine = replay.engine
    ledger = engine.portfolio.ledger
    last = engine.losses.point(replay.last_ns)
    headers = [recording.header for recording in opened.recordings]
    return RunSummary(
        run=run,
        mode="replay",
        status="finished" if status == "finished" else "interrupted",
        version=underround.__version__,
        recordings=[header.name for header in headers],
        source="; ".join(header.source for header in headers),
        licence="; ".join(header.licence for header in headers),
        attribution="; ".join(header.attribution for header in headers),
        lost=[line for header in headers for line in header.lost],
        clock=headers[0].clock,
        first_ns=replay.first_ns,
        last_ns=replay.last_ns,
        decision_digest=digest,
        frames=replay.frames,
        events=replay.events,
        seconds=seconds,
        intents=sum(desk.intents for desk in engine.desks),
        orders=engine.executor.count,
        fills=sum(desk.fills for desk in engine.desks),
        refusals=tally.refusals,
        starting_cash=tally.starting_cash,
        cash=last.cash,
        equity=last.equity,
        fees=ledger.fees_paid,
        max_drawdown=engine.losses.max_drawdown,
        imbalance=ledger.imbalance(),
        halted=engine.facts.halted,
        streams=[source.counters for source in replay.sources.values()],
        books=[tracked.counters for tracked in engine.hub.books.values()],
        coverage=[
            row for recording in opened.recordings for row in stream_coverage(coverage(recording))
        ],
        equity_curve=observation.equity_curve(),
        series=observation.series(),
        positions=_positions(engine),
        strategies=[_strategy(desk, engine) for desk in engine.desks],
        leg_groups=_leg_groups(engine),
        refusals_by_gate=_refusals(tally),
        fills_by_kind=_fill_kinds(tally),
        assumptions=[*assumptions(), MARKED],
        config=dict(config),
    )


def _positions(engine: Engine) -> list[PositionRow]:
    rows = []
    for outcome, held in engine.portfolio.ledger.holdings.items():
        if not held.total and not held.realised:
            continue
        market = engine.hub.markets[outcome.market]
        rows.append(
            PositionRow(
                outcome=str(outcome),
                title=market.title,
                label=market.label(outcome.index),
                matched=held.matched,
                confirmed=held.confirmed,
                cost=held.cost,
                realised=held.realised,
                mark=engine.losses.bid(OutcomeId(outcome.market, outcome.index)),
                settled=outcome.market in engine.portfolio.payouts,
            )
        )
    return rows


def _strategy(desk: Desk, engine: Engine) -> StrategySummary:
    own = engine.portfolio.by_strategy.get(desk.strategy.name)
    realised: Money = 0
    if own is not None:
        realised = sum(held.realised for held in own.holdings.values())
    idle = desk.error and f"stopped: {desk.error}"
    return StrategySummary(
        name=desk.strategy.name,
        kind=desk.strategy.kind,
        loses_when=desk.strategy.loses_when,
        markets=len(desk.strategy.markets),
        wakes=desk.wakes,
        intents=desk.intents,
        orders=desk.orders,
        fills=desk.fills,
        refusals=desk.refusals,
        realised=realised,
        why_idle=idle or desk.strategy.why_idle(),
    )


def _leg_groups(engine: Engine) -> list[LegGroupRow]:
    groups = [*engine.leg_groups.ended, *engine.leg_groups.working.values()]
    return [
        LegGroupRow(
            id=group.id,
            strategy=group.intent.strategy,
            policy=group.intent.policy,
            state=group.state,
            legs=len(group.intent.legs),
            edge=group.intent.edge,
            realised=group.cash,
            detail=group.detail or group.intent.reason,
        )
        for group in groups
    ]


def _refusals(tally: Tally) -> list[RefusalRow]:
    rows = [
        RefusalRow(gate, row.count, row.edge_forgone, row.example)
        for gate, row in tally.gates.items()
    ]
    return sorted(rows, key=lambda row: (-row.edge_forgone, -row.count, row.gate))


def _fill_kinds(tally: Tally) -> list[FillKindRow]:
    return [
        FillKindRow(*key, row.count, row.size, row.notional, row.fees)
        for key, row in sorted(tally.fills.items())
    ]


def assumptions() -> list[str]:
    """Return the fill model's numbered assumptions, as its own docstring states them."""
    text = (fills.__doc__ or "").partition("\n\nVolume is handed out")[0]
    return [" ".join(part.split()) for part in _NUMBERED.split(text)[1:]]
