"""The live picture of a replay."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from underround.cli.live import ReplayPicture
from underround.cli.screen import Screen


def progress(frames: int, equity: int = 1_000_000_000) -> Any:
    return SimpleNamespace(
        fraction=0.5, at_ns=(1_700_000_000 + frames) * 10**9, frames=frames, events=2,
        orders=3, fills=4, refusals=5,
        equity=equity, starting_cash=1_000_000_000, books_trusted=1, books_total=2,
        top=[("Will it [rain]?", 370_000, None, True), ("Other", None, 1_000, False)],
    )  # fmt: skip


def drawn(times: Iterator[float], *steps: Any) -> str:
    buffer = io.StringIO()
    console = Screen(file=buffer, force_terminal=True, width=120, color_system=None)
    with ReplayPicture(console, lambda: next(times)) as picture:
        for step in steps:
            picture(step)
    return buffer.getvalue()


def test_the_picture_shows_books_equity_and_counts() -> None:
    """Prices are dollars, an empty side is a dash, trust is a word, equity has its change."""
    text = drawn(iter([1.0, 2.0]), progress(1), progress(1_234, 1_002_500_000))
    for words in (
        "1,234 frames", "$1,002.50", "+$2.50", "3 orders", "4 fills", "5 refused",
        "1/2 books trusted", "0.37", "–", "✓ trusted", "✗ doubted", "Will it [rain]?", "50%",
    ):  # fmt: skip
        assert words in text


def test_pictures_come_at_most_eight_times_a_second() -> None:
    """What comes sooner is dropped, whatever is called how often."""
    text = drawn(iter([1.0, 1.05, 1.12, 1.13]), *(progress(number) for number in (1, 2, 3, 4)))
    assert "1 frames" in text
    assert "4 frames" in text
    assert "2 frames" not in text
    assert "3 frames" not in text
