"""What a run leaves behind, collected from its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping

import underround
from underround.app.observation import Observation
from underround.app.recordings import stream_coverage
from underround.app.wiring import Opened
from underround.model.ids import NO, YES, OutcomeId
from underround.model.ledger import Ledger, share
from underround.model.run import (
    FillKindRow,
    LegGroupRow,
    PositionRow,
    RefusalRow,
    RunSummary,
    StrategySummary,
)
from underround.model.units import Money, Size
from underround.simulation import fills
from underround.simulation.replay import Replay
from underround.storage.recording import coverage
from underround.trading.engine import Desk, Engine
from underround.trading.tally import Refused, Tally

_NUMBERED = re.compile(r"^ *\d+\. ", re.MULTILINE)

MARKED = (
    "Unresolved positions are marked at the last bid of a trusted book, at zero if nobody bid, and "
    "at cost if the book was not trusted since they were bought: what could be got for them at "
    "once, pessimistic for pairs of YES and NO."
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
        strategies=[_strategy(desk, engine, tally) for desk in engine.desks],
        leg_groups=_leg_groups(engine),
        refusals_by_gate=sorted(_refusals(tally.gates), key=_dearest),
        fills_by_kind=_fill_kinds(tally),
        assumptions=[*assumptions(), MARKED],
        config=dict(config),
    )


def _positions(engine: Engine) -> list[PositionRow]:
    """Return the account's positions, each with what it cost and brought its strategies.

    The account knows one average cost; each strategy has its own, and profits are told by those:
    so the positions together realised what the strategies together realised.
    """
    rows = []
    ledgers = list(engine.portfolio.by_strategy.values())
    for outcome, held in engine.portfolio.ledger.holdings.items():
        parts = [ledger.holding(outcome) for ledger in ledgers]
        realised = sum(part.realised for part in parts)
        if not held.total and not realised:
            continue
        market = engine.hub.markets[outcome.market]
        rows.append(
            PositionRow(
                outcome=str(outcome),
                title=market.title,
                label=market.label(outcome.index),
                matched=held.matched,
                confirmed=held.confirmed,
                cost=sum(part.cost for part in parts),
                realised=realised,
                mark=engine.losses.bid(outcome),
                value=engine.losses.value(outcome, held),
                settled=outcome.market in engine.portfolio.payouts,
            )
        )
    return rows


def _strategy(desk: Desk, engine: Engine, tally: Tally) -> StrategySummary:
    own = engine.portfolio.by_strategy.get(desk.strategy.name, Ledger())
    value = sum(engine.losses.value(outcome, held) for outcome, held in own.holdings.items())
    held, redeemed = _pairs(own)
    idle = desk.error and f"stopped: {desk.error}"
    refused = _refusals(tally.by_strategy.get(desk.strategy.name, {}))
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
        realised=sum(part.realised for part in own.holdings.values()),
        unrealised=value - sum(part.cost for part in own.holdings.values()),
        equity_change=own.cash_total() + value,
        refused_by=sorted(refused, key=lambda row: (-row.count, row.gate)),
        pairs_held=held,
        pairs_redeemed=redeemed,
        why_idle=idle or desk.strategy.why_idle(),
    )


def _pairs(own: Ledger) -> tuple[Size, Size]:
    """Return the complete pairs of YES and NO that are held, and those given back to the issuer."""
    held = redeemed = 0
    for market in dict.fromkeys(outcome.market for outcome in own.holdings):
        pair = (OutcomeId(market, YES), OutcomeId(market, NO))
        held += min(own.holding(outcome).total for outcome in pair)
        redeemed += min(own.balance("issuer", share(outcome)) for outcome in pair)
    return held, redeemed


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


def _refusals(gates: Mapping[str, Refused]) -> list[RefusalRow]:
    return [
        RefusalRow(gate, row.count, row.edge_forgone, row.example) for gate, row in gates.items()
    ]


def _dearest(row: RefusalRow) -> tuple[Money, int, str]:
    return -row.edge_forgone, -row.count, row.gate


def _fill_kinds(tally: Tally) -> list[FillKindRow]:
    return [
        FillKindRow(*key, row.count, row.size, row.notional, row.fees)
        for key, row in sorted(tally.fills.items())
    ]


def assumptions() -> list[str]:
    """Return the fill model's numbered assumptions, as its own docstring states them."""
    text = (fills.__doc__ or "").partition("\n\nVolume is handed out")[0]
    return [" ".join(part.split()) for part in _NUMBERED.split(text)[1:]]
