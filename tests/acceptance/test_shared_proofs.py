"""What `recording verify` proves on real traffic of both venues."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import pinned

pytestmark = pytest.mark.shared
Imported = Callable[[str, str], Path]
Cli = Callable[..., Any]
COUNTS = (
    "frames", "events", "verified", "unverifiable", "mismatched", "unparsed", "gaps",
)  # fmt: skip


def verified(cli: Cli, folder: Path) -> dict[str, Any]:
    """Return the proof of a recording, or of a folder of them."""
    done = cli("recording", "verify", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    proof: dict[str, Any] = json.loads(done.stdout)
    assert all(isinstance(proof[key], int) for key in COUNTS)
    assert proof["ok"] is True
    assert proof["files_ok"] is True
    return proof


def test_every_book_hash_of_the_raw_sessions_holds(cli: Cli, imported: Imported) -> None:
    """All sessions together: each stated hash equals the one computed from our book."""
    proof = verified(cli, imported("polymarket-raw", "polymarket/15m-raw-sessions-2026-04"))
    assert proof["verified"] == pinned.RAW_SESSIONS_VERIFIED
    assert proof["frames"] == pinned.RAW_SESSIONS_FRAMES
    assert (proof["mismatched"], proof["unparsed"], proof["gaps"]) == (0, 0, 0)
    assert len(proof["recordings"]) > 1
    for key in COUNTS:
        assert sum(each[key] for each in proof["recordings"]) == proof[key], key


def test_a_kalshi_session_has_no_gap_and_agrees_with_its_ticker(
    cli: Cli, imported: Imported
) -> None:
    """Sequence numbers are complete, and every best price of the ticker channel is ours."""
    source = f"kalshi/btc15m-ws-2026-05/{pinned.KALSHI_SESSION}"
    proof = verified(cli, imported("kalshi-ws", source))
    assert proof["frames"] == pinned.KALSHI_FRAMES
    assert (proof["gaps"], proof["mismatched"], proof["unparsed"]) == (0, 0, 0)
    (recording,) = proof["recordings"]
    stated = {each["market"]: each["stated"] for each in recording["tickers"]}
    assert stated == pinned.KALSHI_TICKERS
    assert all(
        (each["agreed"], each["differed"]) == (each["stated"], 0) for each in recording["tickers"]
    )


def test_the_pinned_replay_decides_what_it_always_decided(cli: Cli, imported: Imported) -> None:
    """Kalshi's books with Coinbase's ticks: the orders, fills and digest of tests/…/pinned.py."""
    source = f"kalshi/btc15m-ws-2026-05/{pinned.KALSHI_SESSION}"
    done = cli("replay", str(imported("kalshi-ws", source)), "--json", "--no-report", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert summary["frames"] == pinned.KALSHI_FRAMES
    assert "coinbase.matches" in {each["stream"] for each in summary["streams"] if each["events"]}
    assert (summary["orders"], summary["fills"]) == (pinned.KALSHI_ORDERS, pinned.KALSHI_FILLS)
    assert summary["fills"] > 0
    assert summary["decision_digest"] == pinned.KALSHI_DIGEST
    assert summary["imbalance"] == {}
