"""What every test shares: the folder of recordings outside the repository, and honest counting.

Tests marked ``shared`` read data that may not be copied into the repository.  Without the folder
they do not run, the last line says how many, and with ``CI=true`` its absence is a failure.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("UNDERROUND_SHARED", ROOT.parent / "shared"))
USUAL_DEPTH = sys.getrecursionlimit()
NOT_RUN = pytest.StashKey[dict[str, int]]()

settings.register_profile(
    "default",
    deadline=None,
    max_examples=60,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", parent=settings.get_profile("default"), max_examples=5_000)
settings.register_profile(
    "mutants",
    parent=settings.get_profile("default"),
    # A planted fault only has to be noticed; making its example small would take most of the time.
    phases=[Phase.explicit, Phase.generate],
    database=None,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of recordings and samples outside the repository."""
    if not (SHARED / "data").is_dir():
        sentence = f"the shared folder {SHARED} is not there: set UNDERROUND_SHARED"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return SHARED


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a state folder of its own."""
    home = tmp_path / "state"
    monkeypatch.setenv("UNDERROUND_HOME", str(home))
    return home


def pytest_configure(config: pytest.Config) -> None:
    """Count what does not run, by reason."""
    config.stash[NOT_RUN] = {}


def pytest_collection_finish() -> None:
    """Undo what libraries that only tests import did to the limit of recursion.

    eth_account imports py_ecc, which sets it to 100,000.  With that a deeply nested message
    overflows the C stack and ends the process instead of being refused.
    """
    sys.setrecursionlimit(USUAL_DEPTH)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count tests left out on purpose (``soak``, ``browser``)."""
    for item in items:
        counts = item.config.stash[NOT_RUN]
        reason = "soak" if item.get_closest_marker("soak") else "deselected"
        counts[reason] = counts.get(reason, 0) + 1


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say at the very end how many tests did not run for lack of the shared folder."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    skipped = reporter.stats.get("skipped", [])
    for_lack = sum("UNDERROUND_SHARED" in str(report.longrepr) for report in skipped)
    others = len(skipped) - for_lack
    left_out = config.stash[NOT_RUN]
    kept = "".join(f", {count} {reason} tests by choice" for reason, count in left_out.items())
    print(
        f"did not run: {for_lack} tests for lack of the shared folder, "
        f"{others} skipped otherwise{kept}"
    )
