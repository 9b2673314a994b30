"""``underround record`` in a process of its own, against venues on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, environment
from tests.cli.loopback import Venues
from tests.cli.patient import patient_venues
from tests.venues.polymarket.gamma_rows import market_row
from underround.app.recorder.wanted import Asked
from underround.cli.record_screen import size
from underround.cli.recording_live import bytes_of, references_of, rules_of, seconds_of, separate
from underround.model.errors import ConfigError
from underround.storage.recording import Recording

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def served() -> Iterator[Venues]:
    with patient_venues([market_row(1), market_row(2)]) as running:
        yield running


@pytest.fixture
def recorder(tmp_path: Path, served: Venues) -> Iterator[Start]:
    """Return a function that starts a recording and does not wait."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "underround", "record", *arguments,
             "--out", "out", "--min-free", "0MB", *served.options()],
            env=environment(tmp_path / "state", ""), cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def stirred(served: Venues, part: Path, least: int = 40) -> None:
    """Change the books until so many frames are on the disk."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if (part / "tail.log").exists() and Recording.open(part).rows >= least:
            return
        for market in served.stream.truth:
            served.call(served.stream.stir, market)
        time.sleep(0.05)
    raise AssertionError("nothing was recorded")


def ended(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_seals_the_part_shows_what_it_covers_and_the_part_can_be_proven(
    served: Venues, recorder: Start, tmp_path: Path, underround: Run, number: int
) -> None:
    running = recorder("--markets", "will-it-rain-1", "will-it-rain-2")
    part = tmp_path / "out/will-it-rain-1-and-1-more-part-0001"
    stirred(served, part)
    code, out, err = ended(running, number)
    assert code == 128 + number, err
    assert "stopping cleanly; once more ends at once" in err
    assert "2/2 books trusted" in err or "0/2 books trusted" in err
    assert "polymarket.market" in out
    assert "100.00 %" in out
    assert f"prove it: underround recording verify {part.relative_to(tmp_path)}" in out
    proven = underround("recording", "verify", str(part), "--json")
    assert proven.returncode == 0, proven.stdout
    report = json.loads(proven.stdout)["recordings"][0]
    assert report["mismatched"] == report["unparsed"] == 0
    assert report["verified"] > 20


def test_its_time_ends_it_and_json_is_the_only_thing_on_stdout(recorder: Start) -> None:
    running = recorder("--markets", "will-it-rain-1", "--for", "1s", "--json")
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    summary = json.loads(out)
    assert summary["ended"] == "time"
    assert summary["parts"][0]["sealed"] is True
    assert [book["name"] for book in summary["books"]] == ["polymarket:will-it-rain-1"]
    assert "prove it" in err


def test_quiet_says_nothing(recorder: Start) -> None:
    running = recorder("--markets", "will-it-rain-1", "--for", "1s", "--quiet")
    assert running.communicate(timeout=30) == ("", "")
    assert running.returncode == 0


def test_what_a_kill_left_is_sealed_by_the_next_recording(
    served: Venues, recorder: Start, tmp_path: Path, underround: Run
) -> None:
    running = recorder("--markets", "will-it-rain-1", "--name", "rain")
    part = tmp_path / "out/rain-part-0001"
    stirred(served, part)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=30)
    assert not Recording.open(part).sealed
    again = recorder("--markets", "will-it-rain-1", "--name", "rain", "--for", "1s")
    _, err = again.communicate(timeout=30)
    assert again.returncode == 0, err
    assert "out/rain-part-0001 had not been sealed and is now, with " in err
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "rain-part-0001", "rain-part-0002"
    ]  # fmt: skip
    assert underround("recording", "verify", str(tmp_path / "out")).returncode == 0


def test_a_second_recording_of_the_same_name_is_refused(
    served: Venues, recorder: Start, tmp_path: Path
) -> None:
    first = recorder("--markets", "will-it-rain-1", "--name", "rain")
    stirred(served, tmp_path / "out/rain-part-0001", least=2)
    second = recorder("--markets", "will-it-rain-1", "--name", "rain")
    _, err = second.communicate(timeout=30)
    assert second.returncode == 3
    assert "is being recorded by a running process: stop it first" in err
    assert ended(first, signal.SIGINT)[0] == 130


def test_too_little_space_is_exit_code_5(served: Venues, underround: Run, tmp_path: Path) -> None:
    done = underround(
        "record", "--markets", "will-it-rain-1", "--out", str(tmp_path / "out"),
        "--min-free", "999999TB", *served.options(),
    )  # fmt: skip
    assert done.returncode == 5
    assert "of --min-free: make room, or record elsewhere" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_an_unknown_name_is_refused_with_the_nearest(served: Venues, underround: Run) -> None:
    done = underround("record", "--markets", "polymarket:will-it-rain-9", *served.options())
    assert done.returncode == 2
    assert "the nearest are polymarket:will-it-rain-" in done.stderr
    assert underround("record").returncode == 2


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_opened(
    served: Venues, underround: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    out = str(tmp_path / "file/out")
    done = underround("record", "--markets", "will-it-rain-1", "--out", out, *served.options())
    assert done.returncode == 5


# --- the command line's words ------------------------------------------------------------------


def rules(**options: Any) -> Any:
    given: dict[str, Any] = {
        "out": Path("out"), "name": "", "duration": None, "rotate": (), "min_free": "2GB",
    }  # fmt: skip
    return rules_of(Asked(patterns=("a-b",)), **{**given, **options})


def test_lengths_and_sizes_are_exact() -> None:
    assert seconds_of("--for", "90m") == 5_400
    assert seconds_of("--for", "1W") == 604_800
    assert bytes_of("--min-free", "1.5GB") == 1_500_000_000
    assert bytes_of("--min-free", "0.001 kb") == 1
    assert bytes_of("--min-free", "2GiB") == 2 << 30
    assert size(1_234_567_890) == "1.23 GB"
    assert size(999) == "999 B"


@pytest.mark.parametrize("text", ["", "0s", "2", "h", "-1h", "1.5h", "2 h", "٢h"])
def test_a_length_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--for"):
        seconds_of("--for", text)


@pytest.mark.parametrize("text", ["", "2", "GB", "-1GB", "1e3MB", "1.2345GB", "2XB"])
def test_a_size_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--min-free"):
        bytes_of("--min-free", text)


def test_rotation_takes_a_length_a_size_or_both() -> None:
    both = rules(rotate=["1h,2GB"])
    assert (both.rotate_s, both.rotate_bytes) == (3_600, 2_000_000_000)
    assert rules(rotate=["1h", "2GB"]) == both
    assert rules().rotate_s is rules().rotate_bytes is None
    for wrong in (["1h", "2h"], ["0MB"], ["often"]):
        with pytest.raises(ConfigError, match="--rotate"):
            rules(rotate=wrong)


def test_the_name_of_the_folders_says_what_was_asked_for() -> None:
    assert rules().name == "a-b"
    assert rules(name="mine").name == "mine"
    asked = Asked(patterns=("Will it Rain?", "kalshi:KXFED-26"), series=("btc-updown-5m",))
    given = {"duration": None, "rotate": (), "min_free": "2GB"}
    named = rules_of(asked, out=None, name="", **given)  # type: ignore[arg-type]
    assert named.name == "will-it-rain-and-2-more"
    assert named.out == Path(os.environ["UNDERROUND_HOME"]) / "recordings"
    for wrong in ("../x", "-a", "a b"):
        with pytest.raises(ConfigError, match="--name"):
            rules(name=wrong)


def test_words_may_be_separated_by_commas() -> None:
    assert separate(["a,b", " c ", "a"]) == ("a", "b", "c")
    assert references_of(["BTCUSDT,ETHUSDT"]) == ("BTCUSDT", "ETHUSDT")
    assert references_of(["none"]) == ()
    assert references_of(None) is None
