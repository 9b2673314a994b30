"""The example of docs/strategies.md, as a package of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder in which the documented strategy is installed as package ``bargains``."""
    page = (DOCS / "strategies.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    site = tmp_path / "site"
    (site / "my_package").mkdir(parents=True)
    (site / "my_package/__init__.py").touch()
    (site / "my_package/bargain.py").write_text(code[1], "utf-8")
    info = site / "bargains-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bargains\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[underround.strategies]\nbargain = my_package.bargain\n"
    )
    return site


def underround(site: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "underround", *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_documented_strategy_is_listed_and_trades(package: Path, tmp_path: Path) -> None:
    """An entry point and a section of the configuration are all it takes."""
    page = (DOCS / "strategies.md").read_text("utf-8")
    section = re.search(r"```toml\n(\[strategies\.cheap\].*?)```", page, re.DOTALL)
    assert section is not None
    (tmp_path / "underround.toml").write_text(section[1], "utf-8")
    listed = json.loads(underround(package, "strategies", "--json", folder=tmp_path).stdout)
    assert "bargain" in {kind["kind"] for kind in listed}
    done = underround(
        package, "replay", "weather-2026-08", "--json", "--no-report", "--quiet", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert [strategy["kind"] for strategy in summary["strategies"]] == ["bargain"]
    assert summary["fills"] > 0


def test_a_package_never_trades_uninvited(package: Path, tmp_path: Path) -> None:
    """Without a section of its own an installed strategy does not run."""
    shown = json.loads(underround(package, "show-config", "--json", folder=tmp_path).stdout)
    assert sorted(shown["config"]["strategies"]) == [
        "dutch_book",
        "pair_accumulator",
        "spread_capture",
    ]


def test_a_broken_package_is_named(package: Path, tmp_path: Path) -> None:
    """A strategy that cannot be imported stops the start with its package and the reason."""
    (package / "my_package/bargain.py").write_text("import nothing_like_this\n")
    done = underround(package, "replay", folder=tmp_path)
    assert done.returncode == 2
    assert "bargains" in done.stderr
    assert "nothing_like_this" in done.stderr
    assert "Traceback" not in done.stderr


def test_earlier_runs_can_be_seen_whatever_became_of_a_package(
    package: Path, tmp_path: Path
) -> None:
    """``runs`` and ``report`` need no strategy, neither a broken one nor one that is lost."""
    (tmp_path / "underround.toml").write_text('[strategies.cheap]\nkind = "lost"\nmarkets = []\n')
    (package / "my_package/bargain.py").write_text("import nothing_like_this\n")
    assert underround(package, "runs", folder=tmp_path).returncode == 0
    done = underround(package, "report", folder=tmp_path)
    assert done.returncode == 4
    assert "nothing_like_this" not in done.stderr
