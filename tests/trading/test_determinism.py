"""Same events, same decisions: the digest depends on nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.trading.scenario import scripted, weather

ROOT = Path(__file__).resolve().parents[2]


def test_the_same_events_give_the_same_digest() -> None:
    """Twice the same story, twice the same digest."""
    assert scripted() == scripted()


def test_another_order_of_events_gives_another_digest() -> None:
    """The digest covers decisions in order of happening, and each step of the story."""
    deciding = ("first", "second", "group", "merge")
    told = [deciding[:length] for length in range(len(deciding) + 1)]
    told.append(("second", "first", "group", "merge"))
    assert len({scripted(steps) for steps in told}) == len(told)
    assert scripted(("halt", "first")) != scripted(("first",))


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    """Processes with different hash seeds replay to the same digests, with orders among them."""
    here = f"{scripted()} {weather()}"
    assert not here.endswith("after 0 orders")
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.trading.scenario"],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in running]
    assert said == [here, here]
