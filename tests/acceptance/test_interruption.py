"""Ctrl-C in the middle: what was done is kept, shown and marked."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import environment

Cli = Callable[..., Any]
SPEED = "20x"
"""The bundled recording then lasts a minute: time enough to be in its middle."""


def _wait_for_the_run(folder: Path, process: subprocess.Popen[str]) -> None:
    """Return when the journal holds the run: from then on it must know how the run ended."""
    limit = time.monotonic() + 60
    while not _journalled(folder / "runs" / "journal.sqlite3"):
        assert process.poll() is None, "the replay ended before it was interrupted"
        assert time.monotonic() < limit, "the journal never held the run"
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)


def _journalled(journal: Path) -> bool:
    if not journal.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            return bool(database.execute("select 1 from runs").fetchall())
    except sqlite3.OperationalError:  # its tables are being made
        return False


def test_ctrl_c_keeps_shows_and_marks_what_was_done(cli: Cli, tmp_path: Path) -> None:
    """Exit 130, a whole document that says interrupted, a report, and the journal agrees."""
    with subprocess.Popen(
        [sys.executable, "-m", "underround", "replay", "--json", "--speed", SPEED],
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait_for_the_run(tmp_path, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "stopping cleanly" in err
    summary = json.loads(out)
    assert summary["status"] == "interrupted"
    assert summary["imbalance"] == {}
    assert (tmp_path / summary["report"]).is_file()
    (run,) = json.loads(cli("runs", "--json").stdout)
    assert (run["id"], run["status"]) == (summary["run"], "interrupted")
    assert run["decision_digest"] == summary["decision_digest"]


def test_ctrl_c_twice_ends_at_once(cli: Cli, tmp_path: Path) -> None:
    """The second one does not wait for anything; the journal never says finished."""
    with subprocess.Popen(
        [sys.executable, "-m", "underround", "replay", "--speed", "1x"],
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait_for_the_run(tmp_path, process)
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        while "stopping cleanly" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    (run,) = json.loads(cli("runs", "--json").stdout)
    assert run["status"] != "finished"
