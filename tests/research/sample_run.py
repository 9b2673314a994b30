"""Runs made up for the report's tests: a busy one with every trouble, and an empty one."""

from __future__ import annotations

import random
from typing import NamedTuple

import msgspec

from tests.research import sample_parts as parts
from tests.research.sample_ledgers import SampleLedgers
from tests.research.sample_parts import LENGTH, START, TITLES
from underround.model.orders import Fill, Order
from underround.model.run import (
    LegGroupRow,
    MarketSeries,
    RefusalRow,
    RunSummary,
    StreamCounters,
)
from underround.model.units import ONE
from underround.research.report.charts import drawdown


class SampleRun(NamedTuple):
    """What ``render`` is given."""

    summary: RunSummary
    fills: list[Fill]
    orders: list[Order]


def empty_run() -> SampleRun:
    """Return a run over a recording without a single frame."""
    summary = RunSummary(
        run="run-empty",
        mode="replay",
        status="finished",
        version="0.1.0",
        recordings=[],
        source="",
        licence="",
        attribution="",
        lost=[],
        clock="receive",
        first_ns=START,
        last_ns=START,
        decision_digest="e3b0c442",
        frames=0,
        events=0,
        seconds=0.0,
        intents=0,
        orders=0,
        fills=0,
        refusals=0,
        starting_cash=1_000 * ONE,
        cash=1_000 * ONE,
        equity=1_000 * ONE,
        fees=0,
        max_drawdown=0,
        imbalance={},
        halted="",
        streams=[],
        books=[],
        coverage=[],
        equity_curve=[],
        series=[],
        positions=[],
        strategies=[],
        leg_groups=[],
        refusals_by_gate=[],
        fills_by_kind=[],
        assumptions=[],
        config={},
    )
    return SampleRun(summary, [], [])


def busy_run(markets: int = 6, points: int = 900, trades: int = 45) -> SampleRun:
    """Return a run with ``markets`` markets of ``points`` prices; always the same one."""
    rng = random.Random(20_261_120)
    lines: list[MarketSeries] = []
    orders: list[Order] = []
    fills: list[Fill] = []
    ledgers = SampleLedgers()
    for place in range(markets):
        title = TITLES[place % len(TITLES)] + (f" ({place})" if place >= len(TITLES) else "")
        labels = ("Up", "Down") if place == 1 else ("Yes", "No")
        prices = parts.prices(rng, points, quiet=place == 5)
        line = MarketSeries(f"polymarket:0x{place:04x}c0ffee", title, labels, prices, [])
        amount = 0 if place == 5 else trades // (1 + place % 3)
        own_orders, own_fills = parts.trades(rng, line, amount, place * 100_000)
        ledgers.book(line, own_fills, {order.id: order.strategy for order in own_orders})
        orders += own_orders
        fills += own_fills
        lines.append(line)
    orders.sort(key=lambda order: order.created_ns)
    if markets > 1:
        ledgers.settle(next(fill.outcome for fill in fills if "0x0001" in str(fill.outcome)))
    fills.sort(key=lambda fill: fill.at_ns)
    summary = _busy_summary(rng, lines, orders, fills, points, ledgers)
    return SampleRun(summary, fills, orders)


def _busy_summary(
    rng: random.Random,
    lines: list[MarketSeries],
    orders: list[Order],
    fills: list[Fill],
    points: int,
    ledgers: SampleLedgers,
) -> RunSummary:
    curve = ledgers.curve(parts.equity(rng, points))
    reason = {"unknown event type 'tick'": 9, "price '1.02' is outside 0 … 1": 3}
    return msgspec.structs.replace(
        empty_run().summary,
        run="sample-busy",
        recordings=["recordings/2026-06 sample", "recordings/binance"],
        source="made up for tests",
        licence="MIT",
        attribution="the underround authors",
        lost=["Receive times: the source kept seconds only.", "Trades below one share."],
        last_ns=START + LENGTH,
        decision_digest="9f2b6c1d0e4a7788" * 4,
        frames=488_513,
        events=471_902,
        seconds=6.21,
        intents=284,
        orders=len(orders),
        fills=len(fills),
        refusals=81,
        cash=ledgers.account.cash_total(),
        equity=ledgers.equity(),
        fees=ledgers.account.fees_paid,
        max_drawdown=-min(drawdown(curve)),
        streams=[
            StreamCounters(stream="binance.spot", frames=86_400, events=86_400),
            StreamCounters(
                stream="polymarket.market",
                frames=402_113,
                events=385_502,
                unparsed=12,
                unparsed_reasons=reason,
                ignored=16_599,
                silences=2,
            ),
        ],
        books=parts.books(lines),
        coverage=parts.coverage(),
        equity_curve=curve,
        series=lines,
        positions=ledgers.positions(lines),
        strategies=[ledgers.money_of(strategy) for strategy in parts.strategies()],
        leg_groups=[
            LegGroupRow("g1", "pair_taker", "all_or_none", "complete", 2, 96_000, 81_440, "both"),
            LegGroupRow(
                "g2",
                "pair_taker",
                "best_effort",
                "unwound",
                2,
                120_500,
                -44_021,
                "NO was gone 180 ms later; YES sold back at 0.47 within the allowed loss.",
            ),
        ],
        refusals_by_gate=[
            RefusalRow("max_notional", 44, 3_120_500, "asked $62.50, allowed $50.00"),
            RefusalRow("book_trusted", 29, 5_870_004, "book doubted since 14:02:11 (reconnect)"),
            RefusalRow("expired", 8, 90_000, "expired 12 ms before"),
        ],
        fills_by_kind=parts.kinds(fills, orders),
        assumptions=[
            "Orders reach the venue after 250 ms. Errs against us where the real path is faster.",
            "A resting order fills only when the price trades through it. Errs against us.",
            "Our orders move nobody else. Errs for us, the more the larger the orders.",
        ],
        config={
            "run": {"cash": "1000", "seed": 7},
            "strategies": {"spread_maker": {"kind": "spread", "params": {"half_spread": "0.01"}}},
        },
    )
