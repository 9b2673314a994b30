"""What commands print, and where."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.app.verification import VerifyReport
from underround.cli import recordings, run, screen
from underround.cli.screen import Screen, dollars, moment, plain, print_table, span
from underround.model.run import BookCounters, RefusalRow, RunSummary
from underround.model.units import parse_micros
from underround.pipeline.importers.registry import Imported, ImportReport
from underround.storage.recording.header import RecordingHeader, StreamHeader, encode_header

HEADER = RecordingHeader("r", "receive", "test", "own", "MIT", "us", ())


def standin_summary() -> RunSummary:
    zeros: dict[str, object] = {
        field.name: 0 if field.type in {int, float} else []
        for field in msgspec.structs.fields(RunSummary)
        if field.required
    }
    texts = dict.fromkeys(
        ("run", "version", "source", "licence", "attribution", "clock", "decision_digest",
         "halted"), "x"
    )  # fmt: skip
    fixed = {"mode": "replay", "status": "finished", "imbalance": {}, "config": {}}
    return msgspec.convert(zeros | texts | fixed, RunSummary)


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


def lost(*sentences: str) -> Imported:
    return Imported(Path("out") / str(len(sentences)), 1_234, {}, 1, sentences)


def test_what_an_import_lost_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Each sentence stands once below the table, and the rows name it by its number."""
    report = ImportReport("generic", (lost("no hashes.", "no clock."), lost("no clock."), lost()))
    recordings.print_import(screen.output(), report)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["2", "2", "nothing"]
    assert lines[1].split()[:4] == ["out/2", "1,234", "1", "1,"]
    assert lines[4:] == ["lost 1: no hashes.", "lost 2: no clock."]


def test_books_fit_an_ordinary_terminal_and_digests_are_never_cut() -> None:
    """At 80 columns a table of books has few enough columns, and a digest stays in one piece."""
    buffer = io.StringIO()
    console = Screen(file=buffer, force_terminal=True, width=80, color_system=None)
    book = BookCounters(market="polymarket:0x1", title="Will it rain in Oslo?", proof="polled")
    report = VerifyReport(path="x", ok=True, files_ok=True, books=[book], notes=["a note"])
    recordings.print_struct(console, report, "proof")
    assert "Will it rain in Oslo?" in buffer.getvalue()
    screen.print_uncut(console, "decisions", "f" * 64)
    assert f"\n{'f' * 64}\n" in buffer.getvalue()
    assert all(len(line) <= 80 for line in buffer.getvalue().splitlines())


def test_notes_are_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of a recording's notes is a line of its own, the name at the first."""
    header = StreamHeader("s", 0, "none", "none", "raw")
    value = msgspec.structs.replace(HEADER, streams=(header,), notes="first\nsecond")
    recordings.print_struct(screen.output(), value, "recording")
    out = capsys.readouterr().out
    assert re.search(r"^notes +first\n +second$", out, re.MULTILINE)


def test_the_gate_that_refused_most_is_named() -> None:
    """The most frequent gate stands beside the count, with its example, not the dearest one."""
    summary = standin_summary()
    summary.refusals = 6_209
    summary.refusals_by_gate = [
        RefusalRow("exposure", 9, 10**9, "a: too much"),
        RefusalRow("liquidity", 6_200, 0, "b: only 0.01 shares rest on the other side"),
    ]
    ((label, text),) = run.refused(summary)
    assert label == "refused"
    assert text == ("6,209 refused, mostly liquidity: only 0.01 shares rest on the other side")
    summary.refusals_by_gate = []
    assert run.refused(summary) == []


def test_a_recording_without_a_manifest_is_told_not_sealed(standin: Run, tmp_path: Path) -> None:
    """The result of a replay says which of its recordings nothing proves."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open/recording.json").write_bytes(encode_header(HEADER))
    assert "open is not sealed: it has no manifest" in standin("replay", "open").stdout
    (tmp_path / "open/manifest.sha256").touch()
    assert "not sealed" not in standin("replay", "open").stdout


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
