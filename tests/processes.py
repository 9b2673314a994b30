"""Start Python programs in tests."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run_python(program: str, *arguments: str) -> str:
    """Return what ``program`` prints; fails with its own words if it fails."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
