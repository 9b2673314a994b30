"""The command line as an operator has it: a process of its own in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Done: TypeAlias = "subprocess.CompletedProcess[str]"
Cli: TypeAlias = Callable[..., Done]
DOCS = Path(__file__).parents[2] / "docs"
_OF_THE_OPERATOR = ("UNDERROUND_HOME", "FORCE_COLOR", "PYTHONHASHSEED")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a fresh shell: nothing of underround is set."""
    names = {name: text for name, text in os.environ.items() if name not in _OF_THE_OPERATOR}
    return {**names, "COLUMNS": "120", **(extra or {})}


def underround(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    preexec: Callable[[], None] | None = None,
) -> Done:
    """Run one command in ``folder`` and wait for its end."""
    return subprocess.run(
        [sys.executable, "-m", "underround", *arguments],
        env=environment(env),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        preexec_fn=preexec,  # limits can be set nowhere else, and no thread runs
    )


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Return a function that runs a command in this test's own empty folder."""

    def run(*arguments: str, **options: Any) -> Done:
        return underround(tmp_path, *arguments, **options)

    return run


def one_sentence(done: Done, code: int) -> str:
    """Assert the form of every refusal and return its sentence."""
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("replaying ")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture(name="one_sentence")
def _one_sentence() -> Callable[[Done, int], str]:
    """Return the check of a refusal: exit code, nothing on stdout, one sentence on stderr."""
    return one_sentence


@pytest.fixture
def rain(tmp_path: Path) -> Path:
    """Write the example of docs/data.md (rows.csv and mapping.toml) and return its folder."""
    page = (DOCS / "data.md").read_text("utf-8")
    for name, text in re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', page, re.DOTALL):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.fixture
def copy_of_bundled(tmp_path: Path) -> Path:
    """Return a copy of the bundled recording that a test may damage."""
    from underround.pipeline.bundled import BUNDLED, NHL

    return Path(shutil.copytree(BUNDLED[NHL], tmp_path / "copy"))


@pytest.fixture(scope="session")
def imported(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Return a function that imports a source of the shared folder, once, by the command line."""
    base = tmp_path_factory.mktemp("imported")

    def run(kind: str, source: str) -> Path:
        target = base / source.rpartition("/")[2]
        if not target.exists():
            done = underround(base, "import", kind, str(shared / "data" / source), str(target))
            assert done.returncode == 0, done.stderr
        return target

    return run


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Replay the bundled recording as the first command of the README does, with --json."""
    folder = tmp_path_factory.mktemp("replayed")
    done = underround(folder, "replay", "--json", env={"PYTHONHASHSEED": "1"})
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return folder, summary
