"""`underround venue` as a process of its own, and questions to it as anybody could ask them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

STATE: Final = "local-venue.json"
WAIT_S: Final = 60


class Reply(msgspec.Struct, frozen=True):
    """An answer of the control endpoint."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


class Running:
    """One venue that runs, what it printed, and the state folder it shares with other commands."""

    def __init__(self, process: subprocess.Popen[str], home: Path, at: dict[str, Any]) -> None:
        self.process = process
        self.home = home
        self.at = at

    @property
    def page(self) -> str:
        return str(self.at["endpoints"]["status"])

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask the control endpoint, with these headers only."""
        link = http.client.HTTPConnection(urlsplit(self.page).netloc, timeout=WAIT_S)
        try:
            link.request(method, path, body, dict(headers or {}))
            answer = link.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            link.close()

    def verb(self, path: str, body: object = None, method: str = "POST") -> Any:
        """Do what needs the token; return the answer."""
        sent = None if body is None else json.dumps(body).encode()
        reply = self.ask(path, method, sent, {"Authorization": f"Bearer {self.at['token']}"})
        assert reply.status == 200, reply.body
        return reply.told

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command with the same state folder."""
        return subprocess.run(
            [sys.executable, "-m", "underround", *arguments],
            env=environment(self.home),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_S,
        )

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Ask it to stop; return its exit code and what it said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, said


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a command whose state lies in ``home``."""
    names = {**os.environ, "UNDERROUND_HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    names.pop("FORCE_COLOR", None)
    return names | {"COLUMNS": "100"}


def started(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `underround venue` on any free ports."""
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "underround", "venue", "--port", "0", *arguments],
        env=environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[Running]:
    """Run a quiet venue until the block ends, unless it was ended before."""
    process = started(home, "--json", "--scene", "quiet", *arguments)
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise AssertionError(process.communicate(timeout=WAIT_S)[1])
            yield Running(process, home, json.loads(line))
        finally:
            process.kill()
