"""The command line in a process of its own, on top of the stand-in or of the real application."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Result = subprocess.CompletedProcess[str]
Run: TypeAlias = Callable[..., Result]
Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]

STANDIN = Path(__file__).with_name("standin.py")


def environment(home: Path, behaviour: str) -> dict[str, str]:
    names = {**os.environ, "UNDERROUND_HOME": str(home), "STANDIN": behaviour, "COLUMNS": "100"}
    names.pop("FORCE_COLOR", None)
    return names


@pytest.fixture(scope="session")
def server() -> Iterator[subprocess.Popen[str]]:
    """Start a process that has the command line imported and forks once per command."""
    with subprocess.Popen(
        [sys.executable, str(STANDIN), "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def standin(tmp_path: Path, server: subprocess.Popen[str]) -> Run:
    """Return a function that runs a command on the stand-in and waits for its end."""

    def run(*arguments: str, behaviour: str = "") -> Result:
        out, err = tmp_path / ".out", tmp_path / ".err"
        out.write_bytes(b"")
        err.write_bytes(b"")
        order = {
            "arguments": arguments,
            "out": str(out),
            "err": str(err),
            "cwd": str(tmp_path),
            "env": {"UNDERROUND_HOME": str(tmp_path / "state"), "STANDIN": behaviour},
        }
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{json.dumps(order)}\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return Result(arguments, code, out.read_text(), err.read_text())

    return run


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a command on the stand-in and does not wait."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, behaviour: str = "", stdout: Any = subprocess.PIPE) -> Any:
        process = subprocess.Popen(
            [sys.executable, str(STANDIN), *arguments],
            env=environment(tmp_path / "state", behaviour),
            cwd=tmp_path,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def underround(tmp_path: Path) -> Run:
    """Return a function that runs the real command line in an empty folder."""

    def run(*arguments: str) -> Result:
        return subprocess.run(
            [sys.executable, "-m", "underround", *arguments],
            env=environment(tmp_path / "state", ""),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )

    return run
