"""The first command: a replay of the bundled recording, without any argument or network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import pinned

Replayed = tuple[Path, dict[str, Any]]
PROMISED = {
    "run", "mode", "status", "version", "recordings", "source", "licence", "attribution", "lost",
    "clock", "first_ns", "last_ns", "decision_digest", "frames", "events", "seconds", "intents",
    "orders", "fills", "refusals", "starting_cash", "cash", "equity", "fees", "max_drawdown",
    "imbalance", "halted", "streams", "books", "coverage", "equity_curve", "series", "positions",
    "strategies", "leg_groups", "refusals_by_gate", "fills_by_kind", "assumptions", "config",
    "report",
}  # fmt: skip


def test_the_document_has_every_promised_key(replayed: Replayed) -> None:
    """Programs that read --json rely on the keys; a missing one breaks them."""
    _, summary = replayed
    assert set(summary).issuperset(PROMISED)
    assert (summary["mode"], summary["status"]) == ("replay", "finished")
    assert summary["frames"] == pinned.BUNDLED_FRAMES
    assert summary["recordings"] == ["nhl-2026-06-07"]
    assert summary["licence"] == "MIT"


def test_all_three_strategies_ran_and_something_filled(replayed: Replayed) -> None:
    """A replay in which nothing trades would prove nothing about trading."""
    _, summary = replayed
    by_name = {each["name"]: each for each in summary["strategies"]}
    assert set(by_name) == {"dutch_book", "pair_accumulator", "spread_capture"}
    assert all(each["wakes"] for each in by_name.values())
    assert summary["intents"] >= summary["orders"] > 0
    assert summary["fills"] > 0


def test_money_adds_up(replayed: Replayed) -> None:
    """The ledger balances, and fees and fills by kind sum to the totals."""
    _, summary = replayed
    assert summary["imbalance"] == {}
    assert sum(row["count"] for row in summary["fills_by_kind"]) == summary["fills"]
    assert sum(row["fees"] for row in summary["fills_by_kind"]) == summary["fees"]
    assert summary["equity_curve"][0][1] == summary["starting_cash"]
    assert summary["equity_curve"][-1][1] == summary["equity"]


def test_dutch_book_says_with_numbers_why_it_did_nothing(replayed: Replayed) -> None:
    """A mirrored book never costs less than a dollar, and the sentence says how near it was."""
    _, summary = replayed
    (dutch,) = [each for each in summary["strategies"] if each["kind"] == "dutch_book"]
    assert dutch["orders"] == 0
    assert "mirrored" in dutch["why_idle"]
    (cost,) = re.findall(r"at best (\d+\.\d+)", dutch["why_idle"])
    assert float(cost) > 1


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_two_runs_decide_the_same_whatever_the_hash_seed(
    replayed: Replayed, cli: Callable[..., Any], seed: str
) -> None:
    """The digest of another run with another PYTHONHASHSEED is the digest of the first."""
    _, summary = replayed
    done = cli("replay", "--json", "--no-report", "--quiet", env={"PYTHONHASHSEED": seed})
    assert (done.returncode, done.stderr) == (0, "")
    again = json.loads(done.stdout)
    assert again["run"] != summary["run"]
    for key in ("decision_digest", "orders", "fills", "equity", "cash"):
        assert again[key] == summary[key], key


def test_the_report_is_one_file_that_needs_nothing_else(replayed: Replayed) -> None:
    """No address of another file or host in it; the run and its digest are."""
    folder, summary = replayed
    page = (folder / summary["report"]).read_text("utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert summary["run"] in page
    assert summary["decision_digest"] in page
    loading = re.findall(
        r"""<(?:script|img|iframe|link|source)\b[^>]*\b(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page
    )
    assert [address for address in loading if not address.startswith("data:")] == []
    assert not re.search(r"@import|url\(\s*[\"']?(?!data:|#)", page)
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|importScripts)\s*\(", page)


def test_only_the_state_folder_was_written(replayed: Replayed) -> None:
    """Everything a replay leaves lies in ./runs: the journal, and the run's folder."""
    folder, summary = replayed
    assert [path.name for path in folder.iterdir()] == ["runs"]
    left = {path.name for path in (folder / "runs").iterdir()}
    assert {"journal.sqlite3", summary["run"]} <= left
    assert not [name for name in left if name.startswith("crash-") or name.endswith(".tmp")]
