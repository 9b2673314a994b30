"""Every command of the page about the local venue runs, and so does its example for a bot."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final, get_args

import pytest

from tests.local_venue.running import WAIT_S, Running, environment, running
from tests.oracles.driver import PYTHON
from underround.cli import main
from underround.local_venue.faults import AnyFault

FETCHED: Final = Path(__file__).parents[1] / "chain" / "node_modules"
PAGE: Final = Path(__file__).parents[2] / "docs" / "venue.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
BLOCKS: Final[list[tuple[str, str]]] = re.findall(
    r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
)
COMMANDS: Final = [
    shlex.split(line, comments=True)[1:]
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.splitlines()
]
VERBS: Final = ("fault", "clear", "do", "status")
STARTS: Final = [each for each in COMMANDS if each[0] == "venue" and each[1:2] != [] and
                 each[1] not in VERBS] + [["venue"]]  # fmt: skip
WORDS: Final = [each for each in COMMANDS if each[0] == "venue" and each[1:2] and each[1] in VERBS]
OTHERS: Final = [each for each in COMMANDS if each[0] != "venue"]


def test_the_page_has_commands_of_every_kind() -> None:
    assert (len(STARTS) >= 6, len(WORDS) >= 8, len(OTHERS) >= 2) == (True, True, True)
    assert [kind for kind, _ in BLOCKS].count("python") == 1


@pytest.fixture(scope="module", name="quiet")
def _quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("quiet")
    with running(home, "--scene", "quiet") as venue:
        yield venue


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_word_to_a_running_venue_is_understood(
    words: list[str],
    quiet: Running,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("UNDERROUND_HOME", str(quiet.home))
    with pytest.raises(SystemExit) as end:
        main(words)
    told = capfd.readouterr()
    assert (end.value.code, told.err) == (0, "")


def _lend_tools(place: Path) -> None:
    """Put what ``.ci/need-anvil`` fetched where the venue would fetch it to."""
    shipped = files("underround.local_venue.chain") / "npm" / "package-lock.json"
    place.mkdir()
    (place / "node_modules").symlink_to(FETCHED)
    (place / ".fetched").write_bytes(shipped.read_bytes())


@pytest.mark.parametrize(
    "arguments",
    [pytest.param(each, marks=[pytest.mark.chain] if "--chain" in each else [], id=" ".join(each))
     for each in STARTS],
)  # fmt: skip
def test_a_venue_starts_as_the_page_says(arguments: list[str], tmp_path: Path) -> None:
    """On other ports than those of the page, which somebody may be using."""
    if "--chain" in arguments:
        _lend_tools(tmp_path / "chain")
    done = subprocess.run(
        [sys.executable, "-m", "underround", *arguments, "--port", "0", "--for", "1s"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "its page: http://127.0.0.1:" in done.stdout


def test_the_platform_s_commands_work_with_the_configuration(tmp_path: Path) -> None:
    """The page's `record` asks for a minute; two seconds show the same."""
    with running(tmp_path, "--scene", "desk", "--write-config", "local-venue.toml") as venue:
        for arguments in OTHERS:
            shortened = ["2s" if each == "1m" else each for each in arguments]
            done = venue.command(*shortened)
            assert done.returncode == 0, done.stderr


def test_the_example_of_ten_lines_places_an_order_with_the_official_sdk(tmp_path: Path) -> None:
    ((_, example),) = [block for block in BLOCKS if block[0] == "python"]
    lines = [line for line in example.splitlines() if line]
    assert len(lines) <= 10
    ours = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    program = f"{example}\nvenue.terminate()\nvenue.wait()\nvenue.stdout.close()\n"
    done = subprocess.run(
        [PYTHON, "-I", "-c", program],
        env=environment(tmp_path) | {"PATH": ours},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"'success': True.*'status': 'live'|'status': 'live'.*'success': True",
                     done.stdout), done.stdout  # fmt: skip


def test_the_page_names_every_fault() -> None:
    for kind in get_args(AnyFault):
        assert f"`{kind.__struct_config__.tag}`" in TEXT
