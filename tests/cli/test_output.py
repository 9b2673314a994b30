"""What commands print, and where."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.cli.screen import Screen, dollars, moment, plain, print_table, span
from underround.model.units import parse_micros

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "--json"),
        ("replay", "--json", "--no-report"),
        ("runs", "--json"),
        ("show-config", "--json"),
        ("strategies", "--json"),
        ("import", "list", "--json"),
        ("recording", "info", "a", "b", "--json"),
        ("recording", "verify", "a", "bad", "--json"),
    ],
)
def test_json_is_the_only_thing_on_stdout(standin: Run, arguments: tuple[str, ...]) -> None:
    """Stdout is exactly one document and one line break."""
    done = standin(*arguments)
    assert done.stdout.endswith("\n")
    assert done.stdout.count("\n") == 1
    json.loads(done.stdout)


def test_the_table_of_a_replay_goes_to_stderr_beside_json(standin: Run) -> None:
    """With --json people still see the result, on stderr; without, it is the output."""
    beside, alone = standin("replay", "--json"), standin("replay")
    assert "decisions" in beside.stderr
    assert "decisions" in alone.stdout
    assert json.loads(beside.stdout)["report"] == "runs/r1/report.html"
    assert alone.stderr == "replaying bundled\n"


def test_quiet_says_nothing(standin: Run) -> None:
    """A quiet success is silent, and a quiet document is only the document."""
    done = standin("replay", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")
    assert standin("replay", "--quiet", "--json").stderr == ""


def test_no_report_is_written_when_none_is_wanted(standin: Run) -> None:
    """--no-report is visible in the document."""
    assert json.loads(standin("replay", "--json", "--no-report").stdout)["report"] is None


def test_show_config_is_toml_that_says_where_it_comes_from(standin: Run, tmp_path: Path) -> None:
    """The file of the current folder is found; each line has its origin."""
    assert standin("show-config").stdout == "replay.seed = 7  # default\n"
    (tmp_path / "underround.toml").write_text("\n[replay]\nseed = 8\n")
    assert standin("show-config").stdout == "replay.seed = 8  # underround.toml:3\n"
    done = standin("show-config", "--set", "replay.seed=9", "--json")
    assert json.loads(done.stdout) == {
        "config": {"replay": {"seed": 9}},
        "origins": {"replay.seed": "command line"},
    }


def test_halt_and_resume_leave_and_take_the_flag(standin: Run, tmp_path: Path) -> None:
    """What halt wrote is what resume says, and resuming twice is harmless."""
    assert standin("halt", "odd prices").returncode == 0
    assert (tmp_path / "state" / "halted").read_text() == "odd prices\n"
    assert standin("resume").stdout == "resumed; it was halted for: odd prices\n"
    assert standin("resume").stdout == "nothing was halted\n"


def test_runs_are_listed_on_lines_that_tools_can_cut(standin: Run) -> None:
    """Off a terminal a table is aligned text, one line per row, never wrapped or cut."""
    lines = standin("runs").stdout.splitlines()
    assert len(lines) == 2
    assert lines[1].split() == [
        "r1", "2023-11-14", "22:13:20.000Z", "finished", "1", "0", "$999.50", "-$0.50", "bundled",
    ]  # fmt: skip


def test_version_and_help_are_there_without_the_application(underround: Run) -> None:
    """They import neither the application nor a library of tables."""
    assert underround("--version").stdout.startswith("underround ")
    for verb in ("replay", "import", "report", "runs", "show-config", "halt", "resume"):
        assert f"\n  {verb} " in underround("--help").stdout


@given(st.integers(min_value=1 - 10**18, max_value=10**18 - 1))
def test_money_is_shown_exactly(micros: int) -> None:
    """No digit is lost between the ledger and the screen."""
    shown = dollars(micros)
    assert parse_micros(shown.replace("$", "").replace(",", "")) == micros


def test_times_and_durations_read_naturally() -> None:
    """Times are UTC with milliseconds; durations have two units at most."""
    assert moment(1_700_000_000_123_456_789) == "2023-11-14 22:13:20.123Z"
    assert [span(nanos) for nanos in (0, 1_500_000, 59_000_000_000, 3_725_000_000_000)] == [
        "0 s", "0.0015 s", "59 s", "1 h 2 min",
    ]  # fmt: skip
    assert span(200_000 * 10**9) == "2 d 7 h"


def test_a_title_can_neither_mark_up_nor_act() -> None:
    """A market's name with markup or control characters is shown as it is."""
    assert plain("[bold]x[/bold]\x1b[2J").plain == "[bold]x[/bold] [2J"
    for terminal in (True, False):
        buffer = io.StringIO()
        console = Screen(file=buffer, force_terminal=terminal, width=80, color_system=None)
        print_table(console, ("name",), [("[red]\x1b]0;x\x07",)])
        assert "[red] ]0;x" in buffer.getvalue()
        assert "\x1b]" not in buffer.getvalue()
