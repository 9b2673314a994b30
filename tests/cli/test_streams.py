"""Streams that lack letters, or are not there at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STANDIN = Path(__file__).with_name("standin.py")


def run(folder: Path, *arguments: str, shell: str = "", **names: str) -> tuple[int, bytes, bytes]:
    command = f'exec "$0" "$@" {shell}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, str(STANDIN), *arguments],
        env={**os.environ, "UNDERROUND_HOME": str(folder / "state"), **names},
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "names",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_an_encoding_without_our_letters_is_no_fault(tmp_path: Path, names: dict[str, str]) -> None:
    """Arrows become ascii, everything else an escape; nothing is lost to a traceback."""
    code, out, err = run(tmp_path, "replay", **names)
    assert (code, err) == (0, b"replaying bundled\n")
    assert b"$1,000.00 -> $1,000.00" in out
    (tmp_path / "underround.toml").write_text("[replay]\nseed = '\u2192\U0001f600'\n", "utf-8")
    code, out, err = run(tmp_path, "show-config", **names)
    assert (code, out) == (2, b"")
    assert b"->\\U0001f600" in err


def test_json_is_ascii_whatever_it_holds(tmp_path: Path) -> None:
    """Every letter beyond ASCII is escaped, and comes back when the document is read."""
    code, out, _ = run(tmp_path, "recording", "info", "b\u00fccher \U0001f600", "--json")
    assert code == 0
    assert out.isascii()
    assert json.loads(out)[0]["path"] == "b\u00fccher \U0001f600"


@pytest.mark.parametrize("shell", [">&-", "2>&-", ">&- 2>&-", "<&-"])
@pytest.mark.parametrize("arguments", [("runs",), ("runs", "--json"), ("replay",)])
def test_a_stream_closed_from_the_start_is_dropped(
    tmp_path: Path, shell: str, arguments: tuple[str, ...]
) -> None:
    """The command does its work and ends with 0, as if the stream went to /dev/null."""
    code, out, err = run(tmp_path, *arguments, shell=shell)
    assert code == 0
    assert b"Traceback" not in out + err
