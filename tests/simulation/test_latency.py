"""Latency: exact sums, and jitter that depends on nothing but its seed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.ids import FillId, OrderId
from underround.simulation.latency import KALSHI_LATENCY, POLYMARKET_LATENCY, Latency

MS = 1_000_000


def test_sums() -> None:
    """Orders and cancels meet the book after their way there plus the feed's way here."""
    latency = Latency(
        feed_ms=10, entry_ms=20, cancel_ms=15, response_ms=5, settle_ms=100, chain_ms=200
    )
    assert latency.entered(OrderId("a"), 0) == 30 * MS
    assert latency.cancelled(OrderId("a"), 0) == 25 * MS
    assert latency.heard("a", 30 * MS) == 35 * MS
    assert latency.settled(FillId("a.1"), 35 * MS) == 135 * MS
    assert latency.minted("1", 0) == 200 * MS
    assert latency.at_venue(latency.shown(7)) == 7


def test_negative_is_refused() -> None:
    """A negative delay is refused by the name of its field; a negative seed is a seed."""
    with pytest.raises(ValueError, match="entry_ms is negative"):
        Latency(entry_ms=-1)
    assert Latency(seed=-1).seed == -1


def test_kalshi_settles_at_once() -> None:
    """A match on Kalshi is final; on Polymarket it is not."""
    assert KALSHI_LATENCY.settle_ms == 0
    assert POLYMARKET_LATENCY.settle_ms > 0


@given(st.text(max_size=20), st.integers(0, 500), st.integers())
def test_jitter_only_adds(key: str, jitter: int, seed: int) -> None:
    """Jitter is in 0 … ``jitter_ms``, the same each time it is asked for."""
    latency = Latency(jitter_ms=jitter, seed=seed)
    heard = latency.heard(key, 0) - latency.response_ms * MS
    assert 0 <= heard <= jitter * MS
    assert latency.heard(key, 0) == latency.heard(key, 0)


def test_jitter_differs_by_order_and_seed() -> None:
    """Two orders, two seeds and two ways draw different delays."""
    one, other = Latency(jitter_ms=100, seed=1), Latency(jitter_ms=100, seed=2)
    drawn = {
        one.entered(OrderId("a"), 0),
        one.entered(OrderId("b"), 0),
        other.entered(OrderId("a"), 0),
    }
    assert len(drawn) == 3


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_jitter_is_independent_of_the_hash_seed(hash_seed: str) -> None:
    """Another process with another PYTHONHASHSEED draws the same delay."""
    program = (
        "from underround.simulation.latency import Latency;"
        "print(Latency(jitter_ms=100, seed=7).entered('order', 0))"
    )
    path = [entry for entry in sys.path if entry]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == Latency(jitter_ms=100, seed=7).entered(OrderId("order"), 0)
