"""Ask the official SDKs: ``serve.py``, run in the environment that ``.ci/need-oracles`` builds."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = ROOT / ".venv-oracles" / "bin" / "python"


class Oracles:
    """A running ``serve.py``; a context manager."""

    def __init__(self, *, as_installed: bool = False) -> None:
        """Build the environment if need be (once; needs a package index) and start.

        The environment has coincurve, which the SDKs use when they find it; ``as_installed`` makes
        them sign in pure Python, as they do when nobody adds it.
        """
        subprocess.run([ROOT / ".ci" / "need-oracles"], check=True, cwd=ROOT)
        backend = "NativeECCBackend" if as_installed else "CoinCurveECCBackend"
        self._process = subprocess.Popen(
            [PYTHON, "-I", Path(__file__).with_name("serve.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "ECC_BACKEND_CLASS": f"eth_keys.backends.{backend}"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(timeout=10)

    def ask(self, do: str, **asked: object) -> dict[str, Any]:
        """Return the answer to one question; raises ``AssertionError`` with the SDK's own words."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": do, **asked}) + "\n")
        stdin.flush()
        line = stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "serve.py ended"}
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer
