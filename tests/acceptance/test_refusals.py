"""Whatever is broken is named in one sentence with its remedy, and nothing half-written is left."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from underround.pipeline.bundled import BUNDLED, NHL
from underround.storage.recording import Recording, RecordingWriter

Cli = Callable[..., Any]
OneSentence = Callable[[Any, int], str]
SEGMENT = "segments/00000001.parquet"


# --- damaged recordings --------------------------------------------------------------------------


def flip_a_byte(folder: Path) -> None:
    path = folder / SEGMENT
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_the_segment(folder: Path) -> None:
    path = folder / SEGMENT
    path.write_bytes(path.read_bytes()[:-1000])


def remove_the_segment(folder: Path) -> None:
    (folder / SEGMENT).unlink()


def ask_for_another_format(folder: Path) -> None:
    path = folder / "recording.json"
    path.write_text(path.read_text("utf-8").replace('"format": 1', '"format": 9'), "utf-8")


def name_an_unknown_codec(folder: Path) -> None:
    path = folder / "recording.json"
    path.write_text(path.read_text("utf-8").replace('"polymarket"', '"polymarket-v9"'), "utf-8")
    (folder / "manifest.sha256").unlink()  # as another recorder might have written it, unsealed


@pytest.mark.parametrize(
    "damage,named",
    [
        (flip_a_byte, SEGMENT),
        (cut_the_segment, SEGMENT),
        (remove_the_segment, SEGMENT),
        (ask_for_another_format, "format version 9"),
        (name_an_unknown_codec, "polymarket-v9"),
    ],
)
def test_a_damaged_recording_is_not_replayed(
    cli: Cli,
    one_sentence: OneSentence,
    copy_of_bundled: Path,
    damage: Callable[[Path], None],
    named: str,
) -> None:
    """The sentence names the file or what is wrong in it; no summary is printed."""
    damage(copy_of_bundled)
    sentence = one_sentence(cli("replay", "copy", "--json"), 3)
    assert named in sentence
    assert list(copy_of_bundled.parent.glob("runs/*/report.html")) == []


@pytest.mark.parametrize("damage", [flip_a_byte, cut_the_segment, remove_the_segment])
def test_verify_tells_damage_from_proof(
    cli: Cli, copy_of_bundled: Path, damage: Callable[[Path], None]
) -> None:
    """Verify ends with 1, says that files do not hold, and which."""
    damage(copy_of_bundled)
    done = cli("recording", "verify", "copy", "--json")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    proof = json.loads(done.stdout)
    assert (proof["ok"], proof["files_ok"]) == (False, False)
    assert any(SEGMENT in problem for problem in proof["recordings"][0]["problems"])


def test_a_failed_replay_is_told_by_the_journal(cli: Cli, copy_of_bundled: Path) -> None:
    """A run that began before the damage was met is neither finished nor still running."""
    flip_a_byte(copy_of_bundled)
    assert cli("replay", "copy").returncode == 3
    done = cli("runs", "--json")
    assert {run["status"] for run in json.loads(done.stdout)} <= {"failed"}


# --- sources that are not what they should be ----------------------------------------------------


def test_a_file_of_another_type_is_not_imported(
    cli: Cli, one_sentence: OneSentence, tmp_path: Path
) -> None:
    """A picture is no session; the sentence names it and no target appears."""
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    sentence = one_sentence(cli("import", "polymarket-mlb", "picture.csv", "out"), 3)
    assert "picture.csv" in sentence
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_recording(cli: Cli, one_sentence: OneSentence, tmp_path: Path) -> None:
    """The sentence says that a recording is a folder."""
    (tmp_path / "session.jsonl").write_text("{}\n", "utf-8")
    assert "folder" in one_sentence(cli("replay", "session.jsonl"), 3)


@pytest.mark.parametrize(
    "good,bad,named",
    [
        ("B,0.40,100", "B,,100", "price"),
        ("B,0.40,100", "B,0.40,", "size"),
        ("B,0.40,100", "B,0.40,-100", "-100"),
        ("B,0.40,100", "B,1.40,100", "1.40"),
        ("B,0.40,100", ",0.40,100", "side"),
        ("B,0.40,100", "X,0.40,100", "X"),
        ("2026-06-07T01:30:51.100Z,rain-yes,snap,B,0.40", ",rain-yes,snap,B,0.40", "time"),
        ("snap,B,0.40", "frobnicate,B,0.40", "frobnicate"),
        ("when,token", "moment,token", "when"),
    ],
)
def test_a_row_that_says_the_impossible_is_not_imported(
    cli: Cli, one_sentence: OneSentence, rain: Path, good: str, bad: str, named: str
) -> None:
    """No field of money, side or time is guessed; the row is named and nothing is written."""
    path = rain / "rows.csv"
    text = path.read_text("utf-8")
    assert good in text
    path.write_text(text.replace(good, bad, 1), "utf-8")
    done = cli("import", "generic", "rows.csv", "out", "--mapping", "mapping.toml")
    sentence = one_sentence(done, 3)
    assert "rows.csv" in sentence
    assert named in sentence
    assert not (rain / "out").exists()
    assert {path.name for path in rain.iterdir()} == {"rows.csv", "mapping.toml"}


# --- frames that say the impossible --------------------------------------------------------------


def _market() -> dict[str, Any]:
    markets = msgspec.json.decode((BUNDLED[NHL] / "markets.json").read_bytes())
    market: dict[str, Any] = markets["markets"][0]
    return market


def _change(**changed: Any) -> dict[str, Any]:
    market = _market()
    entry = {
        "asset_id": market["tokens"][0], "price": "0.4", "size": "10", "side": "BUY",
        "best_bid": "0.4", "best_ask": "0.6",
    }  # fmt: skip
    entry = {key: changed.get(key, text) for key, text in entry.items()}
    kept = {key: text for key, text in entry.items() if text is not None}
    return {
        "market": market["id"]["native"], "price_changes": [kept], "timestamp": "1780795851472",
        "event_type": "price_change",
    }  # fmt: skip


def _book() -> dict[str, Any]:
    market = _market()
    return {
        "market": market["id"]["native"], "asset_id": market["tokens"][0], "event_type": "book",
        "timestamp": "1780795851472", "bids": [{"price": "0.6", "size": "10"}],
        "asks": [{"price": "0.5", "size": "10"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "message,named",
    [
        ({"event_type": "books_v9"}, "books_v9"),
        (_change(price=None), "price"),
        (_change(size="-1"), "negative"),
        (_change(side="HOLD"), "HOLD"),
        (_book(), "crossed"),
    ],
    ids=["unknown schema", "missing price", "negative size", "unknown side", "crossed snapshot"],
)
def test_an_impossible_frame_is_kept_counted_and_named(
    cli: Cli, tmp_path: Path, message: dict[str, Any], named: str
) -> None:
    """The replay goes on without it and says so; verify ends with 1 and names the frame."""
    header = Recording.open(BUNDLED[NHL]).header
    markets = (BUNDLED[NHL] / "markets.json").read_bytes()
    good = msgspec.json.encode(_change())
    with RecordingWriter(tmp_path / "odd", header, markets) as writer:
        for number, payload in enumerate((good, msgspec.json.encode(message), good)):
            at_ns = 1_780_795_851_472_000_000 + number
            writer.append("polymarket.market", 0, at_ns, payload, "reconstructed")
    done = cli("replay", "odd", "--json", "--no-report", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    (stream,) = [each for each in json.loads(done.stdout)["streams"] if each["frames"]]
    assert (stream["frames"], stream["events"], stream["unparsed"]) == (3, 2, 1)
    ((reason, count),) = stream["unparsed_reasons"].items()
    assert named in reason
    assert count == 1
    done = cli("recording", "verify", "odd", "--json")
    assert done.returncode == 1
    proof = json.loads(done.stdout)
    assert (proof["files_ok"], proof["unparsed"]) == (True, 1)
    assert any("frame 1 " in each and named in each for each in proof["recordings"][0]["problems"])


# --- configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text,named",
    [
        ("[risk]\nmax_los = 25\n", "max_los"),
        ("[riks]\nmax_loss = 25\n", "riks"),
        ("[risk]\nmax_loss = -25\n", "max_loss"),
        ('[strategies.a]\nkind = "dutch_bok"\nmarkets = ["*"]\n', "dutch_bok"),
        ("[risk\n", "underround.toml"),
    ],
)
def test_a_typing_error_in_the_configuration_is_named_with_its_place(
    cli: Cli, one_sentence: OneSentence, tmp_path: Path, text: str, named: str
) -> None:
    """File and key are in the sentence, and no run was begun."""
    (tmp_path / "underround.toml").write_text(text, "utf-8")
    sentence = one_sentence(cli("replay", "--json"), 2)
    assert "underround.toml" in sentence
    assert named in sentence
    assert not (tmp_path / "runs").exists()


# --- the disk ------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_named(
    cli: Cli, one_sentence: OneSentence, tmp_path: Path
) -> None:
    """A path below a file cannot be a folder, for root neither; the variable is in the sentence."""
    (tmp_path / "file").write_text("", "utf-8")
    home = tmp_path / "file" / "runs"
    sentence = one_sentence(cli("replay", "--json", env={"UNDERROUND_HOME": str(home)}), 5)
    assert str(home) in sentence
    assert "UNDERROUND_HOME" in sentence


def test_an_import_into_an_unwritable_place_leaves_nothing(
    cli: Cli, one_sentence: OneSentence, rain: Path
) -> None:
    """The target below a file is refused as a fault of the disk."""
    done = cli("import", "generic", "rows.csv", "rows.csv/out", "--mapping", "mapping.toml")
    assert "rows.csv" in one_sentence(done, 5)
    assert {path.name for path in rain.iterdir()} == {"rows.csv", "mapping.toml"}


def _small_files() -> None:
    # As on a full disk a write fails in its middle; EFBIG instead of ENOSPC, for every user.
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, 256 * 1024))


def test_a_disk_that_fills_up_during_a_replay(
    cli: Cli, one_sentence: OneSentence, tmp_path: Path
) -> None:
    """One sentence; no report, no crash file, and the journal does not say finished."""
    sentence = one_sentence(cli("replay", "--json", preexec=_small_files), 5)
    assert "disk" in sentence
    assert [*tmp_path.glob("runs/*/report.html"), *tmp_path.glob("runs/crash-*")] == []
    done = cli("runs", "--json")
    assert done.returncode == 0, done.stderr
    assert "finished" not in {run["status"] for run in json.loads(done.stdout)}


@pytest.mark.shared
def test_a_disk_that_fills_up_during_an_import(
    cli: Cli, one_sentence: OneSentence, tmp_path: Path, shared: Path
) -> None:
    """One sentence, and no folder that could be taken for a recording."""
    source = str(shared / "data/kalshi/btc15m-ws-2026-05/20260513T1522")
    sentence = one_sentence(cli("import", "kalshi-ws", source, "out", preexec=_small_files), 5)
    assert "full" in sentence or "room" in sentence
    assert list(tmp_path.iterdir()) == []
