"""``underround doctor`` in a process of its own, with every venue on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from tests.app.venue_hosts import (
    ENVIRONMENT,
    KALSHI_ID,
    KALSHI_PEM,
    KEYS,
    PLANTED,
    WALLET_KEY,
    Venues,
    venue_hosts,
    written,
)
from tests.venues.scripted import Answer
from underround.operations.keystore import Kdf, KeyStore
from underround.operations.memory import LockedSecret

Change: TypeAlias = Callable[[Venues], object]
PASSWORD = "planted password 12"
CHEAP = Kdf(b"sixteen bytes of", memory_kib=8 * 1024, iterations=1, lanes=1)
STORED = (
    KEYS.replace("env:T_WALLET", "keystore:wallet")
    .replace("env:T_KALSHI_ID", "keystore:kalshi-id")
    .replace("env:T_KALSHI_KEY", "keystore:kalshi")
)


class Told(msgspec.Struct):
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Venue and subject → level and words, of plain lines."""
        rows = (re.split(r"  +", line, maxsplit=3) for line in self.out.splitlines()[:-1])
        return {(row[1], row[2]): (row[0], row[3]) for row in rows}


class Command:
    """Runs the command in a folder; remembers all that was ever said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""

    def store(self) -> None:
        """Make a key store with all keys."""
        path = self.folder / "keys.json"
        with KeyStore.create(path, LockedSecret("p", PASSWORD.encode()), CHEAP) as store:
            store.add("wallet", "wallet", LockedSecret("w", WALLET_KEY.encode()), 1)
            store.add("kalshi-id", "text", LockedSecret("i", KALSHI_ID.encode()), 1)
            store.add("kalshi", "kalshi", LockedSecret("k", KALSHI_PEM.encode()), 1)

    def run(
        self,
        *arguments: str,
        keys: str = "",
        change: Change = lambda _: None,
        password: str | None = None,
        environ: Mapping[str, str] = {},
    ) -> Told:
        """Return how ``underround doctor`` ends while every venue is there."""

        async def main() -> Told:
            async with venue_hosts(time.time_ns) as venues:
                change(venues)
                own = f'[keys]\nfile = "{self.folder}/keys.json"'
                written(self.folder, venues.configuration(own, keys))
                return await self._run(arguments, password, environ)

        told = asyncio.run(main())
        self.said += told.out + told.err
        return told

    async def _run(
        self, arguments: Sequence[str], password: str | None, environ: Mapping[str, str]
    ) -> Told:
        with _descriptor(password) as passed:
            options = ["--password-fd", str(passed[0])] if passed else []
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "underround", "doctor", *arguments, *options,
                cwd=self.folder,
                env={**os.environ, "COLUMNS": "100", **environ},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=passed,
            )  # fmt: skip
            async with asyncio.timeout(90):
                out, err = await process.communicate()
        assert process.returncode is not None
        return Told(process.returncode, out.decode(), err.decode())


@contextmanager
def _descriptor(text: str | None) -> Iterator[tuple[int, ...]]:
    if text is None:
        yield ()
        return
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    try:
        yield (reader,)
    finally:
        os.close(reader)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """Return the command; afterwards nothing it said may hold a planted secret."""
    made = Command(tmp_path)
    yield made
    for secret in (*PLANTED, PASSWORD):
        assert secret not in made.said


def test_with_keys_of_the_store_everything_is_well(command: Command) -> None:
    command.store()
    told = command.run("--live", keys=STORED, password=PASSWORD)
    assert told.err == ""
    assert told.code == 0, told.out
    assert len(told.lines) == 38
    assert {level for level, _ in told.lines.values()} == {"ok"}
    assert list(dict.fromkeys(venue for venue, _ in told.lines)) == [
        "machine", "polymarket", "kalshi", "binance", "allora", "polygon",
    ]  # fmt: skip
    assert told.out.endswith(
        "38 lines, 0 failed, 0 with a warning: nothing stands in the way of live trading\n"
    )


def test_json_is_one_document_with_every_finding(command: Command) -> None:
    told = command.run("--json", "--live", keys=KEYS, environ=ENVIRONMENT)
    document: dict[str, Any] = json.loads(told.out)
    assert (document["live"], document["exit_code"], told.code) == (True, 0, 0)
    assert len(document["findings"]) == 38
    assert document["findings"][0] == {
        "level": "ok",
        "venue": "machine",
        "subject": "python",
        "says": f"{'.'.join(map(str, sys.version_info[:3]))} with uvloop",
        "remedy": "",
        "later": False,
    }


def test_a_wrong_password_is_told_and_public_data_are_looked_at(command: Command) -> None:
    command.store()
    told = command.run(keys=STORED, password="planted wrong one")
    assert told.code == 7
    level, words = told.lines["machine", "key store"]
    assert level == "failed"
    assert "the password is wrong" in words
    assert told.lines["polymarket", "wallet"][0] == "failed"
    assert told.lines["polymarket", "version"] == ("ok", "CLOB generation 2")
    assert "planted wrong one" not in told.out + told.err


def test_without_keys_no_password_is_asked_for(command: Command) -> None:
    command.store()
    told = command.run("--no-keys", keys=STORED)
    assert told.code == 0
    assert "--no-keys" in told.lines["polymarket", "wallet"][1]
    assert "nothing stands in the way" not in told.out


def test_without_a_terminal_a_password_cannot_be_asked_for(command: Command) -> None:
    command.store()
    told = command.run("--venue", "kalshi", keys=STORED)
    assert told.code == 7
    assert "--password-fd" in told.lines["kalshi", "key"][1]


def test_only_the_named_venue_is_shown(command: Command) -> None:
    told = command.run("--venue", "binance")
    assert told.code == 0
    assert set(told.lines) == {("binance", "clock"), ("binance", "symbols"), ("binance", "stream")}


@pytest.mark.parametrize(
    "path, body, code",
    [
        ("GET /api/geoblock", b'{"blocked": true, "country": "US"}', 1),
        ("GET /version", b'{"version": 3}', 7),
    ],
)
def test_the_exit_code_is_that_of_the_worst_line(
    command: Command, path: str, body: bytes, code: int
) -> None:
    told = command.run(change=lambda venues: venues.script.update({path: Answer(body)}))
    assert told.code == code


def test_a_venue_that_does_not_answer_in_time_ends_with_8(command: Command) -> None:
    def silent(venues: Venues) -> None:
        venues.script["GET /ok"] = Answer(never=True)

    told = command.run("--timeout", "1.5", "--venue", "polymarket", change=silent)
    assert told.code == 8
    assert told.lines["polymarket", "reachable"][1].startswith("no answer within 1.5 s: ")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--venue", "coinbase"), "there is no such venue: write one of machine, polymarket"),
        (("--live", "--no-keys"), "give one of them"),
        (("--timeout", "0"), "--timeout"),
        (("--timeout", "nan"), "--timeout"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    command: Command, arguments: tuple[str, ...], words: str
) -> None:
    told = command.run(*arguments)
    assert (told.code, told.out) == (2, "")
    assert words in told.err


def test_on_a_terminal_the_lines_are_drawn_at_once_and_filled_in(tmp_path: Path) -> None:
    """A pseudo-terminal; what is left on it is the whole table."""

    async def main() -> tuple[int | None, bytes]:
        async with venue_hosts(time.time_ns) as venues:
            written(tmp_path, venues.configuration(KEYS))
            master, slave = pty.openpty()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "underround", "doctor",
                cwd=tmp_path,
                env={**os.environ, **ENVIRONMENT, "COLUMNS": "120", "LINES": "60", "TERM": "xterm"},
                stdin=slave, stdout=slave, stderr=slave,
            )  # fmt: skip
            os.close(slave)
            async with asyncio.timeout(90):
                read = asyncio.create_task(asyncio.to_thread(_drain, master))
                await process.wait()
                return process.returncode, await read

    code, drawn = asyncio.run(main())
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.decode())
    assert code == 0
    assert "…" in text
    final = text[text.rindex("python") :]
    assert "CLOB generation 2" in final
    assert "5.0000 POL" in final
    assert "…" not in final
    for secret in PLANTED:
        assert secret not in drawn.decode()


def _drain(descriptor: int) -> bytes:
    content = b""
    try:
        while part := os.read(descriptor, 65_536):
            content += part
    except OSError:  # the other end is closed: Linux says so with EIO
        pass
    os.close(descriptor)
    return content
