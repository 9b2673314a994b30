"""Runs tests against a copy of the source with a fault in it."""

from __future__ import annotations

import compileall
import os
import py_compile
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tests.mutants.fault import Fault, Stale, planted

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "underround"
TESTS = ROOT / "tests"
LONGEST_SECONDS = 180
LONGEST_BASE_SECONDS = 1_800
"""For every named test together, which must pass before any fault is planted."""
_FAILED = re.compile(r"^(?:FAILED|ERROR) (?:tests/)?(\S+)", re.MULTILINE)
_PYTEST = (
    "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-header",
    "--timeout", "60", "--hypothesis-seed", "0", "-m", "not shared and not soak and not browser",
)  # fmt: skip


class Verdict(msgspec.Struct, frozen=True):
    """What became of a fault."""

    fault: Fault
    outcome: str
    """``killed``, ``SURVIVED``, ``STALE`` or ``BROKEN`` (the tests could not run)."""
    by: str
    """The test that noticed it, or what is wrong."""
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the tests did what they are for."""
        return self.outcome == "killed"


class Copy:
    """A copy of the source that faults are planted in, one at a time."""

    def __init__(self, folder: Path) -> None:
        """Copy and compile the source below ``folder``."""
        self.package = folder / "src" / "underround"
        shutil.copytree(SOURCE, self.package, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        # Valid by content, not by time: two changes of a file within a second are told apart.
        compileall.compile_dir(
            self.package, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(self.package.parent), str(ROOT))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_PROFILE": "mutants",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
            "TMPDIR": str(folder),
        }
        self._environment.pop("PYTEST_ADDOPTS", None)

    def require_first(self) -> None:
        """Raise ``RuntimeError`` unless the copy is what Python imports."""
        done = subprocess.run(
            [sys.executable, "-c", "import underround; print(underround.__file__)"],
            env=self._environment, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        if Path(done.stdout.strip()).parent != self.package:
            raise RuntimeError(f"tests would import {done.stdout.strip()}, not the copy")

    def run(
        self, tests: Sequence[str], workers: int = 0, longest: float = LONGEST_SECONDS
    ) -> tuple[int, str]:
        """Run tests on the copy as it is; returns pytest's exit code and output."""
        paths = [str(TESTS / name) for name in tests]
        try:
            done = subprocess.run(
                [sys.executable, *_PYTEST, "-n", str(workers), *paths],
                env=self._environment, cwd=ROOT, capture_output=True, text=True, check=False,
                timeout=longest,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 1, "FAILED the tests never ended"
        return done.returncode, done.stdout + done.stderr

    def judge(self, fault: Fault) -> Verdict:
        """Plant a fault, run its tests and take it out again."""
        begin = time.monotonic()
        path = self.package / fault.file
        try:
            good = path.read_text("utf-8")
            path.write_text(planted(fault, good), "utf-8")
        except (OSError, Stale) as error:
            return Verdict(fault, "STALE", str(error), 0.0)
        try:
            code, output = self.run(fault.tests)
        finally:
            path.write_text(good, "utf-8")
        seconds = time.monotonic() - begin
        if code == 0:
            return Verdict(fault, "SURVIVED", "no test of " + ", ".join(fault.tests), seconds)
        found = _FAILED.search(output)
        if code == 1 and found:
            return Verdict(fault, "killed", found[1], seconds)
        last = output.strip().splitlines()[-1:] or ["no output"]
        return Verdict(fault, "BROKEN", f"pytest ended with {code}: {last[0]}", seconds)


def judge_all(
    faults: Sequence[Fault], copies: Sequence[Copy], seen: Callable[[Verdict], None]
) -> list[Verdict]:
    """Judge every fault, one per copy at a time; returns the verdicts in the faults' order."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for place in range(len(faults)):
        waiting.put(place)
    verdicts: dict[int, Verdict] = {}

    def work(copy: Copy) -> None:
        while True:
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                return
            verdicts[place] = copy.judge(faults[place])
            seen(verdicts[place])

    threads = [threading.Thread(target=work, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [verdicts[place] for place in range(len(faults))]
