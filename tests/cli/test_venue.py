"""`underround venue` as a process: what it prints and leaves behind, its verbs, and its end."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.local_venue.running import STATE, WAIT_S, Running, running, started
from underround.cli import main
from underround.venues.ethereum import checksum

STRANGER = checksum(bytes.fromhex("ab" * 20))


@pytest.fixture(scope="module", name="venue")
def _venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run one venue for all who only look at it or undo what they did."""
    home = tmp_path_factory.mktemp("venue")
    with running(home, "--write-config", "venue.toml", "--fault", "skew ms=0 per_mille=1") as venue:
        yield venue


class Greeter(BaseHTTPRequestHandler):
    """A server that is no venue."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        return


class Said(msgspec.Struct, frozen=True):
    """How a command ended that ran in this process."""

    code: object
    out: str
    err: str


Say: TypeAlias = Callable[..., Said]


@pytest.fixture(name="say")
def _say(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Say:
    """Return a function that runs a verb with a venue's state folder."""

    def say(home: Path, *words: str) -> Said:
        monkeypatch.setenv("UNDERROUND_HOME", str(home))
        with pytest.raises(SystemExit) as end:
            main(["venue", *words])
        told = capfd.readouterr()
        return Said(end.value.code, told.out, told.err)

    return say


def market_of(venue: Running, slug: str) -> dict[str, Any]:
    rows = {row["slug"]: row for row in venue.ask("/status.json").told["markets"]}
    found: dict[str, Any] = rows[slug]
    return found


# --- what it prints and leaves behind -------------------------------------------------------------


def test_one_line_tells_a_script_where_everything_is_and_with_which_keys(venue: Running) -> None:
    at = venue.at
    assert (at["scene"], at["seed"]) == ("quiet", 0)
    assert [each["name"] for each in at["accounts"]] == ["alice", "bob", "carol"]
    kinds = [(each["name"], each["kind"]) for each in at["kalshi"]]
    assert kinds == [
        ("alice", "ed25519"), ("alice", "rsa"), ("bob", "ed25519"), ("carol", "ed25519"),
    ]  # fmt: skip
    for name, url in at["endpoints"].items():
        assert url == "" if name == "chain" else urlsplit(url).hostname == "127.0.0.1"


def test_what_steers_the_venue_or_signs_can_be_read_by_its_owner_only(venue: Running) -> None:
    secret = [venue.home / STATE, *(venue.home / "local-venue").iterdir()]
    assert len(secret) == 8
    assert {stat.S_IMODE(file.stat().st_mode) for file in secret} == {0o600}
    assert stat.S_IMODE((venue.home / "local-venue").stat().st_mode) == 0o700


def test_no_secret_is_in_the_configuration_the_command_line_or_the_open_answers(
    venue: Running,
) -> None:
    alice = venue.at["accounts"][0]
    secrets = [venue.at["token"], *(each["private_key"] for each in venue.at["accounts"])]
    secrets += [alice["api_secret"], alice["api_passphrase"], alice["relayer_key"]]
    secrets += [each["private_key"].splitlines()[1] for each in venue.at["kalshi"]]
    open_places = [
        (venue.home / "venue.toml").read_text(),
        Path(f"/proc/{venue.process.pid}/cmdline").read_text(),
        Path(f"/proc/{venue.process.pid}/environ").read_text(),
        venue.ask("/").body.decode(),
        venue.ask("/status.json").body.decode(),
    ]
    for place in open_places:
        assert not [secret for secret in secrets if secret in place]


def test_the_whole_platform_works_with_the_configuration_it_wrote(venue: Running) -> None:
    """Markets are found, everything of every venue passes the doctor, and books are recorded."""
    config = str(venue.home / "venue.toml")
    found = venue.command("markets", "--config", config, "--json")
    names = {row["slug"] for row in json.loads(found.stdout)["markets"]}
    assert {"quiet-even", "quiet-race-red"} <= names
    told = json.loads(venue.command("doctor", "--config", config, "--json").stdout)
    venues = [row for row in told["findings"] if row["venue"] != "machine"]
    assert {row["venue"] for row in venues} == {"polymarket", "kalshi", "binance", "allora"}
    assert [row for row in venues if row["level"] not in {"ok", "note"}] == []
    done = venue.command(
        "record", "--config", config, "--markets", "quiet-even", "--for", "2s", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] > 0


# --- verbs ----------------------------------------------------------------------------------------


def test_a_fault_is_set_shown_and_ended_from_the_command_line(venue: Running, say: Say) -> None:
    done = say(venue.home, "fault", "lose", "stream=kalshi.ws", "per_mille=50")
    number = int(re.findall(r"fault (\d+) is in force", done.out)[0])
    shown = say(venue.home, "status").out
    assert f"fault {number}: lose per_mille=50 stream=kalshi.ws, happened 0 times" in shown
    assert re.search(r"quiet-even +open +0\.49 +0\.51", shown)
    assert re.search(r"carol \(kalshi\) +40000 +0 +0 +0", shown)
    assert say(venue.home, "clear", str(number)).out == "1 cleared\n"
    again = say(venue.home, "clear", str(number))
    refusal = f"error: the local venue refuses: no fault {number} is in force\n"
    assert (again.code, again.out, again.err) == (2, "", refusal)
    (fault,) = json.loads(say(venue.home, "status", "--json").out)["faults"]
    assert fault["fault"]["fault"] == "skew", "it began with one"


def test_steps_of_a_scene_happen_on_command(venue: Running, say: Say) -> None:
    assert say(venue.home, "do", "rules", "market=quiet-wide", "text=Rain", "at", "noon").code == 0
    done = say(venue.home, "do", "close", "market=quiet-wide")
    assert (done.code, done.out, done.err) == (0, "done: close\n", "")
    assert market_of(venue, "quiet-wide")["state"] == "closed"
    assert say(venue.home, "do", "fund", f"account={STRANGER}", "cash=500").code == 0
    assert say(venue.home, "do", '{"do": "fund", "account": "bob", "cash": "1.5"}').code == 0
    bob = venue.ask("/status.json").told["accounts"][1]
    assert (bob["name"], bob["cash"]) == ("bob", "10001.5")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("do", "resolve", "market=quiet-evn", "wins=YES"),
         "market: there is no market quiet-evn: did you mean quiet-even?"),
        (("do", "resolve", "market=quiet-even", "wins=maybe"),
         "wins: 'maybe' is unknown: use one of YES, NO, void"),
        (("do", "expode"), "do: 'expode' is unknown: use one of order,"),
        (("do", "fund", "account=0x12", "cash=5"),
         "account: address '0x12' has 2 hex digits instead of 40: write"),
        (("do", "clear", "at=5s"), "at: a step that is sent happens at once: leave it out"),
    ],
)  # fmt: skip
def test_a_step_that_is_wrong_is_refused_with_place_and_remedy(
    venue: Running, say: Say, words: tuple[str, ...], sentence: str
) -> None:
    done = say(venue.home, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: the local venue refuses: {sentence}")
    assert done.err.count("\n") == 1


def test_somebody_else_at_the_address_of_a_dead_venue_is_not_taken_for_it(
    tmp_path: Path, say: Say
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Greeter) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / STATE).write_text(json.dumps({"status": url, "token": "t"}))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        done = say(tmp_path, "status")
        server.shutdown()
        thread.join()
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"error: what answers at {url} is no local venue: start one with `underround venue`\n"
    )


# --- what it refuses before it starts -------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, code, sentence",
    [
        (["--scene", "qiet"], 2,
         r"there is no scene qiet: give the path of one, or a bundled name \(desk, exact, quiet, "),
        (["--scene", "bad.toml"], 2, r"bad\.toml:1: markets\[0\]\.slg: there is no such key: did"),
        (["--fault", "los stream=kalshi.ws"], 2, r"--fault: fault: 'los' is unknown: use one of d"),
        (["--fault", "lose stream=kalshi.ws permille=5"], 2,
         r"--fault: permille: there is no such key: did you mean per_mille\?"),
        (["--fault", "lose"], 2, "--fault: object missing required field stream: add it"),
        (["--recording", "nhl-2026-06-08"], 3,
         r"there is no recording nhl-2026-06-08: give the folder of one, or a bundled name \(nhl"),
        (["--fork", "env:NODE"], 2, "--fork continues another chain: give --chain too"),
        (["--chain", "--fork", "http://127.0.0.1:9"], 2, r"--fork: expected a reference to a secr"),
        (["--for", "ten"], 2, "--for 'ten': write a number and s, m, h, d or w, like 2h"),
        (["--speed", "0"], 2, "invalid value for '--speed'"),
        (["fault", "lose", "stream"], 2, r"'stream' is no KEY=VALUE: write e\.g\. lose stream="),
        (["status"], 2, rf"{STATE}: no local venue runs with this state folder: start one with `u"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_one_sentence_before_anything_starts(
    arguments: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.toml").write_text('[[markets]]\nslg = "rain"\ntitle = "Rain?"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["venue", *arguments])
    told = capfd.readouterr()
    assert (end.value.code, told.out) == (code, "")
    assert re.fullmatch(rf"error: [^\n]*{sentence}[^\n]*\n", told.err), told.err


def test_a_taken_port_is_named_with_what_wanted_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as end:
            main(["venue", "--scene", "quiet", "--port", str(port)])
    assert end.value.code == 2
    assert capfd.readouterr().err == (
        f"error: port {port} for status cannot be used (Address already in use): end what uses it, "
        "or choose others with --port\n"
    )


def test_a_configuration_of_somebody_else_is_never_written_over(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], state_folder: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[risk]\n")
    with pytest.raises(SystemExit) as end:
        main(["venue", "--scene", "quiet", "--port", "0", "--json", "--write-config", str(own)])
    told = capfd.readouterr()
    assert (end.value.code, told.out, own.read_text()) == (2, "", "[risk]\n")
    assert "this file was not written by `underround venue`: name another one" in told.err
    assert not (state_folder / STATE).exists()


# --- its end --------------------------------------------------------------------------------------


def test_it_runs_for_a_while_and_tells_people_what_it_is(tmp_path: Path) -> None:
    process = started(tmp_path, "--scene", "quiet", "--seed", "7", "--for", "1s")
    out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, err) == (0, "")
    assert re.search(r"^clob +http://127\.0\.0\.1:\d+$", out, re.MULTILINE)
    assert re.search(r"^private key +0x[0-9a-f]{64}$", out, re.MULTILINE)
    assert re.search(r"^its page: http://127\.0\.0\.1:\d+ +stop it with Ctrl-C$", out, re.MULTILINE)
    assert not (tmp_path / STATE).exists()


def test_after_a_venue_that_was_killed_the_next_one_starts_and_ctrl_c_ends_it_cleanly(
    tmp_path: Path, say: Say
) -> None:
    with running(tmp_path) as killed:
        killed.end(signal.SIGKILL)
    stale = say(tmp_path, "status")
    assert (stale.code, stale.out) == (8, "")
    assert re.fullmatch(
        rf"error: \S+{STATE} names a local venue at {killed.page} that does not answer "
        r"\([^\n]+\): if it was killed, start one with `underround venue`\n",
        stale.err,
    ), stale.err
    with running(tmp_path) as venue:
        assert say(venue.home, "status").code == 0
        assert venue.end(signal.SIGINT) == (130, "")
        assert not (tmp_path / STATE).exists()
        with pytest.raises(ConnectionRefusedError):
            venue.ask("/status.json")


def test_sigterm_ends_a_venue_and_leaves_the_state_of_a_later_one_alone(
    tmp_path: Path, say: Say
) -> None:
    with running(tmp_path) as first, running(tmp_path) as second:
        assert first.end(signal.SIGTERM) == (143, "")
        told = json.loads(say(tmp_path, "status", "--json").out)
        assert told["servers"][0]["address"] == second.page


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    """A request that is still answered would hold the clean end up; nobody has to wait for it."""
    process = started(tmp_path, "--scene", "quiet", "--fault", "slow host=clob ms=3600000")
    with process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            lines = iter(process.stdout.readline, "")
            clob = next(line.split()[1] for line in lines if line.startswith("clob "))
            next(line for line in lines if line.startswith("its page"))
            with socket.create_connection((urlsplit(clob).hostname, urlsplit(clob).port)) as held:
                held.sendall(b"GET /ok HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                process.send_signal(signal.SIGINT)
                assert process.stderr.readline() == "stopping cleanly; once more ends at once\n"
                process.send_signal(signal.SIGINT)
                process.wait(WAIT_S)
            assert process.returncode == 130
            assert process.stderr.read() == "interrupted twice: the local venue was ended at once\n"
            assert not (tmp_path / STATE).exists()
        finally:
            process.kill()


def test_the_help_of_every_verb_is_there(capfd: pytest.CaptureFixture[str]) -> None:
    for verb in ([], ["fault"], ["clear"], ["do"], ["status"]):
        with pytest.raises(SystemExit) as end:
            main(["venue", *verb, "--help"])
        assert end.value.code == 0
        assert "Usage:" in capfd.readouterr().out
