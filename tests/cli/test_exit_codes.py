"""Exit codes and what is said with them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from underround.model.errors import Bug, UnderroundError

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., Any]
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def tree(root: type[UnderroundError] = UnderroundError) -> Iterator[type[UnderroundError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == "underround.model.errors":
            yield from tree(child)


OPERATORS = [error for error in tree() if not issubclass(error, Bug)]


@pytest.mark.parametrize("error", OPERATORS, ids=lambda error: error.__name__)
def test_an_error_of_the_tree_is_one_sentence_and_its_code(
    standin: Run, error: type[UnderroundError]
) -> None:
    """Stdout stays empty, stderr holds the sentence without a traceback."""
    done = standin("replay", "--quiet", behaviour=f"raise:{error.__name__}")
    assert (done.returncode, done.stdout) == (error.exit_code, "")
    assert done.stderr == "error: a sentence: a remedy\n"


@pytest.mark.parametrize("name", ["Bug", "Imbalance", "KeyError"])
def test_a_bug_ends_with_70_and_keeps_its_traceback(
    standin: Run, tmp_path: Path, name: str
) -> None:
    """The sentence names the file, the file holds the traceback, the terminal does not."""
    done = standin("replay", "--quiet", behaviour=f"raise:{name}")
    assert done.returncode == 70
    assert done.stderr.count("\n") == 1
    found = re.search(r"the traceback is in (\S+)", done.stderr)
    assert found is not None
    assert Path(found[1]).parent == tmp_path / "state"
    assert "Traceback (most recent call last)" in Path(found[1]).read_text()


def test_debug_shows_the_traceback_wherever_it_is_written(standin: Run) -> None:
    """--debug is understood before and behind the verb."""
    for arguments in (("--debug", "replay"), ("replay", "--debug")):
        done = standin(*arguments, behaviour="raise:ConfigError")
        assert done.returncode == 2
        assert "Traceback (most recent call last)" in done.stderr


def test_a_full_disk_is_no_bug(standin: Run) -> None:
    """An error of the operating system about space or permission is the operator's to mend."""
    done = standin("replay", "--quiet", behaviour="raise:NoSpace")
    assert done.returncode == 5
    assert done.stderr.startswith("error: /x/journal: No space left on device: make room")


def test_what_a_name_holds_can_not_act_on_the_terminal(standin: Run) -> None:
    """Control characters in an error are not printed."""
    done = standin("replay", "--quiet", behaviour="raise:Hostile")
    assert done.stderr == "error: market  [2Jcleared your screen\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "--speed", "fast"),
        ("replay", "--speed", "0x"),
        ("replay", "--sped", "1x"),
        ("nothing",),
        ("import", "kind"),
        ("replay", "--set", "replay.sede=1"),
        ("show-config", "--config", "none.toml"),
    ],
)
def test_a_wrong_command_line_ends_with_2(standin: Run, arguments: tuple[str, ...]) -> None:
    """Options, verbs, overrides and a missing file are one class: nothing was started."""
    done = standin(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_bare_verb_group_shows_what_there_is(standin: Run) -> None:
    """Without a verb the help is shown, on stderr, and the code says that nothing was done."""
    for arguments in ((), ("recording",)):
        done = standin(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Commands:" in done.stderr


@pytest.mark.parametrize("kind,near", [("genric", "generic"), ("kalshi", "kalshi-ws")])
def test_an_unknown_importer_names_the_nearest(standin: Run, kind: str, near: str) -> None:
    """The kind is part of the command line, so its code is that of a wrong command line."""
    done = standin("import", kind, "a", "b")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no importer '{kind}': did you mean {near}?" in done.stderr
    assert "choose binance-raw" in standin("import", "zzz", "a", "b").stderr


@pytest.mark.parametrize(
    "text,said",
    [
        (None, "folder is not a recording, for it holds no recording.json: name the folder of one"),
        ("x", "is not a recording's header: JSON is malformed: invalid character (byte 0): res"),
        ('{"format":1}', "is not a recording's header: Object missing required field"),
    ],
)
def test_what_is_no_recording_ends_with_a_remedy(
    standin: Run, tmp_path: Path, text: str | None, said: str
) -> None:
    """A folder without a header and one with a broken header say what to do, in every verb."""
    (tmp_path / "folder").mkdir()
    if text is not None:
        (tmp_path / "folder/recording.json").write_text(text)
    for verb in (("replay",), ("recording", "info"), ("recording", "verify")):
        done = standin(*verb, "folder")
        assert (done.returncode, done.stdout) == (3, "")
        assert said in done.stderr
        assert "import" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_failed_run_ends_with_1(standin: Run) -> None:
    """A run that says of itself that it failed is not a success."""
    assert standin("replay", behaviour="failed").returncode == 1


def test_a_recording_that_does_not_hold_ends_with_1(standin: Run) -> None:
    """One bad recording among good ones is enough."""
    assert standin("recording", "verify", "good").returncode == 0
    done = standin("recording", "verify", "good", "bad")
    assert done.returncode == 1
    assert "bad: DOES NOT HOLD" in done.stdout
    assert "segment 1 differs" in done.stdout


def test_ctrl_c_ends_a_replay_cleanly(started: Start) -> None:
    """The first Ctrl-C lets the run end by itself: its summary is shown, the code is 130."""
    process = started("replay", "--json", "--quiet", behaviour="wait")
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert '"status":"interrupted"' in out
    assert "Traceback" not in err


def test_a_request_to_terminate_ends_a_replay_cleanly(started: Start) -> None:
    """SIGTERM is treated like Ctrl-C, with the shell's code for it."""
    process = started("replay", "--json", "--quiet", behaviour="wait")
    assert process.stderr.readline() == "ready\n"
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert '"status":"interrupted"' in out


def test_a_second_ctrl_c_ends_at_once(started: Start) -> None:
    """A run that does not come to its end can still be left, quietly."""
    process = started("replay", "--json", "--quiet", behaviour="deaf")
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "interrupted twice: the run was left where it was, without a summary\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs",),
        ("runs", "--json"),
        ("show-config",),
        ("strategies",),
        ("replay", "--json", "--quiet"),
        ("recording", "info", "a"),
    ],
)
def test_a_reader_that_went_away_is_no_fault(started: Start, arguments: tuple[str, ...]) -> None:
    """With nobody at the other end of the pipe the command ends with 141 and says nothing."""
    reading, writing = os.pipe()
    os.close(reading)
    process = started(*arguments, stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


def test_output_that_cannot_be_written_is_one_sentence(started: Start) -> None:
    """A full device behind stdout ends with 5 and no traceback, for text and for JSON."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    for arguments in (("runs",), ("runs", "--json")):
        with Path("/dev/full").open("w") as full:
            process = started(*arguments, stdout=full)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 5
        assert err.startswith("error: the output cannot be written: ")
        assert "Traceback" not in err


def test_ctrl_c_while_loading_says_that_no_run_was_kept(started: Start, tmp_path: Path) -> None:
    """Before a run begins Ctrl-C ends at once, with 130 and one sentence."""
    os.mkfifo(tmp_path / "slow.toml")
    process = started("replay", "--config", "slow.toml")
    with (tmp_path / "slow.toml").open("wb"):  # opens when the command reads its configuration
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "interrupted before the first frame: no run was kept\n"


def test_the_page_of_errors_is_the_tree() -> None:
    """docs/errors.md has one row per class, with its code; the other codes are listed too."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted((int(code), name) for code, name in rows) == sorted(
        (error.exit_code, error.__name__) for error in tree()
    )
    others = re.findall(r"^\| (\d+) \| – \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {int(code) for code in others} == {0, 1, 2, 70, 130, 141, 143}
