"""The command line on the real application, and the pages that show it."""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from underround.app.configuration import load_config
from underround.app.recordings import resolve_recordings
from underround.cli.settings import all_keys
from underround.operations.configdoc import in_page
from underround.storage.recording import Recording

Run = Callable[..., "subprocess.CompletedProcess[str]"]
DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_keys_is_up_to_date() -> None:
    """docs/configuration.md lists the keys that there are."""
    page = (DOCS / "configuration.md").read_text("utf-8")
    assert page == in_page(page, all_keys()), (
        "run: python -m underround show-config --write-page docs/configuration.md"
    )


def test_the_defaults_of_the_page_are_those_of_show_config() -> None:
    """Every leaf without a configuration has the value that the page gives as its default."""
    rows: dict[str, str] = {}
    section = ""
    for line in (DOCS / "configuration.md").read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"### `\[?(.+?)\]?`", line):
            section = heading[1]
        elif row := re.match(r"\| `(\w+)` \| `(.*?)` \|", line):
            rows[f"{section}.{row[1]}"] = row[2]
    loaded = load_config(None)
    shown = {}
    for path, value, _ in loaded.rows():
        instance = re.fullmatch(r"strategies\.(\w+)\.(.+)", path)
        if instance is None:
            shown[path] = value
        elif instance[2].startswith("params."):
            kind = loaded.value.strategies[instance[1]].kind
            shown[f"params of kind {kind}.{instance[2].removeprefix('params.')}"] = value
    assert shown["latency.kalshi.feed_ms"] != shown["latency.polymarket.feed_ms"]
    assert rows == shown


def test_the_page_of_replay_shows_the_real_help() -> None:
    """docs/replay.md holds the help text as it is printed at 80 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "underround", "replay", "--help"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"```text\n{done.stdout}```\n" in (DOCS / "replay.md").read_text("utf-8")


def test_the_example_of_the_page_is_a_configuration(underround: Run, tmp_path: Path) -> None:
    """What docs/configuration.md shows can be loaded, and its origins are its lines."""
    page = (DOCS / "configuration.md").read_text("utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "underround.toml").write_text(example, "utf-8")
    done = underround("show-config", "--json")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["config"]["risk"]["max_loss"] == "25"
    assert found["origins"]["risk.max_loss"] == "underround.toml:5"
    assert list(found["config"]["strategies"]) == ["first"]


def test_what_show_config_prints_is_a_configuration_with_the_same_values(
    underround: Run, tmp_path: Path
) -> None:
    """Pasting its output into a file changes the origins and nothing else.

    What is not set has no line: TOML cannot write it, and its origin stays the default.
    """
    before = underround("show-config", "--json")
    (tmp_path / "underround.toml").write_text(underround("show-config").stdout, "utf-8")
    after = underround("show-config", "--json")
    assert after.stderr == ""
    assert json.loads(after.stdout)["config"] == json.loads(before.stdout)["config"]
    shown = underround("show-config").stdout
    unset = set(re.findall(r"^# (\S+) is not set", shown, re.MULTILINE))
    assert "venues.polymarket.wallet" in unset
    for path, origin in json.loads(after.stdout)["origins"].items():
        assert origin.startswith("default" if path in unset else "underround.toml:"), path


def test_every_strategy_says_what_it_needs_and_when_it_loses(underround: Run) -> None:
    """The list has the kinds that ship, each with parameters that say what they mean."""
    kinds = {kind["kind"]: kind for kind in json.loads(underround("strategies", "--json").stdout)}
    assert {"dutch_book", "pair_accumulator", "spread_capture"} <= set(kinds)
    for kind in kinds.values():
        assert kind["about"]
        assert kind["loses_when"]
        assert all(parameter["meaning"] for parameter in kind["parameters"])


def test_the_bundled_recording_can_be_described_and_proven(underround: Run) -> None:
    """Info names source and licence; verify ends with 0 and has counters per book."""
    name = "nhl-2026-06-07"
    (info,) = json.loads(underround("recording", "info", name, "--json").stdout)
    assert info["licence"]
    assert info["frames"] > 0
    done = underround("recording", "verify", name, "--json")
    assert done.returncode == 0
    proof = json.loads(done.stdout)
    assert proof["ok"]
    assert proof["frames"] == info["frames"]
    assert proof["recordings"][0]["books"]


def test_a_recording_that_is_not_there_is_named_with_those_that_are(underround: Run) -> None:
    """The sentence offers the bundled names; the code is that of recordings."""
    done = underround("recording", "info", "nothing")
    assert (done.returncode, done.stdout) == (3, "")
    assert "nhl-2026-06-07" in done.stderr


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """Replay the bundled recording once, without arguments but --json."""
    folder = tmp_path_factory.mktemp("replayed")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "underround", *arguments],
            env={name: text for name, text in os.environ.items() if name != "UNDERROUND_HOME"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )

    done = run("replay", "--json")
    assert done.returncode == 0, done.stderr
    (folder / "replay.json").write_text(done.stdout, "utf-8")
    return folder, run


def test_a_replay_leaves_a_document_a_report_and_a_run(replayed: tuple[Path, Run]) -> None:
    """Everything lies in ./runs, and the journal knows the run by its id and as the last."""
    folder, run = replayed
    summary = json.loads((folder / "replay.json").read_text("utf-8"))
    assert summary["status"] == "finished"
    assert (folder / summary["report"]).is_file()
    assert Path(summary["report"]).parts[0] == "runs"
    listed = {row["id"]: row for row in json.loads(run("runs", "--json").stdout)}[summary["run"]]
    assert listed["status"] == "finished"
    assert listed["decision_digest"] == summary["decision_digest"]
    done = run("report", summary["run"], "--out", "again.html")
    assert done.stdout == "again.html\n"
    assert (folder / "again.html").read_bytes() == (folder / summary["report"]).read_bytes()


def test_a_halt_reaches_the_next_replay(replayed: tuple[Path, Run]) -> None:
    """Under a halt nothing is opened, and the summary says why."""
    _, run = replayed
    try:
        assert run("halt", "odd prices").returncode == 0
        summary = json.loads(run("replay", "--json", "--no-report").stdout)
    finally:
        run("resume")
    assert summary["orders"] == 0
    assert "odd prices" in summary["halted"]


def test_rows_of_ones_own_can_be_imported_described_and_replayed(
    underround: Run, tmp_path: Path
) -> None:
    """The example of docs/data.md goes through import, info, verify and replay."""
    page = (DOCS / "data.md").read_text("utf-8")
    for name, text in re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', page, re.DOTALL):
        (tmp_path / name).write_text(text, "utf-8")
    done = underround(
        "import", "generic", "rows.csv", "rain", "--mapping", "mapping.toml", "--json"
    )
    assert done.returncode == 0, done.stderr
    (made,) = json.loads(done.stdout)["recordings"]
    assert (made["path"], made["frames"]) == ("rain", 3)
    (info,) = json.loads(underround("recording", "info", "rain", "--json").stdout)
    assert info["frames"] == 3
    assert underround("recording", "verify", "rain").returncode == 0
    done = underround("replay", "rain", "--no-report", "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["frames"] == 3


def test_an_import_that_cannot_be_ends_with_3(underround: Run, tmp_path: Path) -> None:
    """A refused import is one sentence and leaves no target."""
    done = underround("import", "generic", "none.csv", "out")
    assert (done.returncode, done.stdout) == (3, "")
    assert "none.csv does not exist" in done.stderr
    assert not (tmp_path / "out").exists()


def test_looking_for_runs_makes_no_state_folder(underround: Run, tmp_path: Path) -> None:
    """``runs`` and ``report`` write nothing where there is nothing yet."""
    done = underround("runs", "--json")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    done = underround("report")
    assert done.returncode == 4
    assert "underround replay makes one" in done.stderr
    assert not (tmp_path / "state").exists()


def test_the_time_of_an_interrupted_run_is_that_of_its_last_frame(tmp_path: Path) -> None:
    """At real time the pause before the next frame is not yet part of the run."""
    environment = {**os.environ, "UNDERROUND_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "underround", "replay", "weather-2026-08"]
    with subprocess.Popen(
        [*command, "--speed", "1x", "--json", "--no-report"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("replaying")
        runs = tmp_path / "state"
        while not (runs / "journal.sqlite3").exists() and process.poll() is None:
            select.select([], [], [], 0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    summary = json.loads(out)
    ends = [row["last_ns"] for row in summary["coverage"]]
    recording = Recording.open(resolve_recordings(["weather-2026-08"])[0])
    last = next(itertools.islice(recording.frames(), summary["frames"] - 1, None))
    assert summary["last_ns"] == last.recv_ns < min(ends)


def test_ctrl_c_ends_a_real_replay_cleanly(tmp_path: Path) -> None:
    """A replay in progress is interrupted: code 130, a summary, and the journal says so."""
    environment = {**os.environ, "UNDERROUND_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "underround"]
    with subprocess.Popen(
        [*command, "replay", "--json", "--no-report"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("replaying")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert json.loads(out)["status"] == "interrupted"
    done = subprocess.run(
        [*command, "runs", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    assert [run["status"] for run in json.loads(done.stdout)] == ["interrupted"]
