"""The figures of a real run's report, added up again."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from underround.app.configuration import load_config
from underround.app.session import run_replay
from underround.model.run import RunSummary
from underround.pipeline.bundled import BUNDLED, NHL, WEATHER
from underround.research.report import numerals


class Written(msgspec.Struct):
    """A run and its page."""

    summary: RunSummary
    page: str

    def part(self, start: str, end: str) -> str:
        """Return the page between two sections."""
        return self.page[self.page.index(f'id="{start}"') : self.page.index(f'id="{end}"')]


@pytest.fixture(scope="module", params=[NHL, WEATHER])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return a whole replay of a bundled recording with its report."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERROUND_HOME", str(home))
        summary = run_replay(
            load_config(None, ()).value,
            [BUNDLED[request.param]],
            speed=None,
            progress=None,
            stop=lambda: False,
            report=home / "report.html",
        )
    return Written(summary, Path(home / "report.html").read_text(encoding="utf-8"))


def figures(html: str) -> list[int]:
    """Return the amounts of money in a piece of the page, in millionths."""
    found = re.findall(rf">([+{numerals.MINUS}]?)\$([\d,]+)\.(\d+)<", html)
    return [
        int(f"{'-' if sign == numerals.MINUS else ''}{whole.replace(',', '')}{part:0<6}")
        for sign, whole, part in found
    ]


def test_every_figure_of_a_real_run_reconciles(written: Written) -> None:
    """Tile, positions and strategies tell one story: cash, value, realised, unrealised, change."""
    run = written.summary
    change = run.equity - run.starting_cash
    head = written.page[: written.page.index('id="equity"')]
    realised_tile = figures(head[head.index("Realised P&amp;L") :])[0]
    positions = written.part("positions", "fills")
    cost, value, unrealised, realised = figures(positions[positions.index("<tfoot") :])[:4]
    assert value == run.equity - run.cash != 0
    assert value - cost == unrealised
    body = positions[positions.index("<tbody>") : positions.index("</tbody>")]
    rows = [figures(row) for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)]
    assert len(rows) == len(run.positions) > 0
    assert sum(row[-1] for row in rows) == realised
    assert sum(row[1] for row in rows if len(row) == 4) == value
    assert realised_tile == realised
    rounding = change - realised - unrealised
    assert 0 <= rounding < 1_000, "only what rounding leaves"
    assert figures(head)[0] == change


def test_strategies_add_up_to_the_equity_change(written: Written) -> None:
    """Each strategy's realised and unrealised are its equity change, and theirs the run's."""
    run = written.summary
    change = run.equity - run.starting_cash
    for strategy in run.strategies:
        assert strategy.realised + strategy.unrealised == strategy.equity_change
        assert sum(row.count for row in strategy.refused_by) == strategy.refusals
    section = written.part("strategies", "positions")
    foot = figures(section[section.index("<tfoot") : section.index("</tfoot>")])
    realised, unrealised, together = foot[:3]
    assert realised + unrealised == together
    assert realised == sum(row.realised for row in run.positions)
    assert together == change if len(foot) == 3 else foot[2] + foot[3] == foot[4] == change


def test_every_listed_fill_has_its_orders_reason(written: Written) -> None:
    """The journal knows why each order was wanted, and the page says it beside the fill."""
    table = written.page[written.page.index('aria-label="Every fill"') :]
    rows = re.findall(r"<tr><td><time>.*?</tr>", table)
    assert len(rows) == min(300, written.summary.fills) > 0
    assert not [row for row in rows if re.search(r'<td class="words">(—)?</td>', row)]
