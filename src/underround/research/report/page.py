"""Renders a run as one HTML file that needs nothing but itself."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from underround.model.ids import OrderId
from underround.model.orders import Fill, Order
from underround.model.run import RunSummary
from underround.research.report import charts, conduct, facts, numerals, rows, sentences

MOST_LISTED: Final = 300
"""Fills listed one by one; the page says when there are more."""
_SCRIPTS: Final = ("numbers.js", "chart.js", "equity.js", "market.js", "page.js")
_STYLES: Final = ("vendor/uPlot.min.css", "style/page.css", "style/tables.css", "style/charts.css")

NO_REASONS: Final[Mapping[OrderId, str]] = MappingProxyType({})

Own = TypeVar("Own", Fill, Order)


def render(
    summary: RunSummary,
    fills: Sequence[Fill],
    orders: Sequence[Order],
    reasons: Mapping[OrderId, str] = NO_REASONS,
) -> str:
    """Return the report about a run as one self-contained HTML document.

    ``fills`` and ``orders`` are all of the run, in order of time; ``reasons`` says why an order
    was wanted, and orders without one are shown without.  A pure function: the same values
    give the same text, nothing is read but the package's own templates.  The page loads nothing
    over the network, and its content policy forbids it.  Raises ``KeyError`` for a proof kind that
    has no explanation.
    """
    fills_by_market = _by_market(fills)
    orders_by_market = _by_market(orders)
    markets = rows.market_rows(summary, fills_by_market, orders_by_market)
    drawn = charts.charts(
        summary, [row.series for row in markets], fills_by_market, orders_by_market
    )
    ends = rows.timeline(summary)
    used = {book.proof for book in summary.books}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=summary,
            fills=fills[:MOST_LISTED],
            all_fills=len(fills),
            owners={order.id: order.strategy for order in orders},
            markets=markets,
            drawn=drawn,
            chart_json=charts.script_json(drawn),
            alarms=sentences.alarms(summary),
            facts=facts.facts(summary),
            no_gaps=facts.why_no_gaps(summary),
            told=conduct.told(summary, orders),
            sums=conduct.reconcile(summary),
            reasons=reasons,
            tail=rows.tail(summary),
            endings=rows.endings(orders),
            fee_rows=rows.fee_rows(summary, fills_by_market),
            strips=[(stream, rows.strip(stream, ends)) for stream in summary.coverage],
            ends=ends,
            settings=rows.settings(summary.config),
            command=shlex.join(["underround", "replay", *summary.recordings]),
            used_proofs=[proof for kind, proof in sentences.PROOFS.items() if kind in used],
        )
    )


def _by_market(items: Sequence[Own]) -> dict[str, list[Own]]:
    grouped: dict[str, list[Own]] = {}
    for item in items:
        grouped.setdefault(str(item.outcome.market), []).append(item)
    return grouped


def _tone(amount: int) -> str:
    """Return the class that colours a signed amount; its sign says the same."""
    return "up" if amount > 0 else "down" if amount < 0 else ""


@cache
def _environment() -> Environment:
    loader = PackageLoader("underround.research.report")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": numerals.money,
        "signed": numerals.signed_money,
        "price": numerals.price,
        "size": numerals.size,
        "count": numerals.count,
        "utc": numerals.utc,
        "span": numerals.span,
        "tone": _tone,
    }

    def file(name: str) -> str:
        return loader.get_source(environment, name)[0]

    environment.globals |= {
        "share": numerals.share,
        "notional": rows.notional,
        "sentences": sentences,
        "style": "\n".join(file(name) for name in _STYLES),
        "plot": file("vendor/uPlot.iife.min.js"),
        "script": "\n".join(file(f"script/{name}") for name in _SCRIPTS),
    }
    return environment
