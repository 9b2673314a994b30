"""``underround keys`` as its user meets it, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from underround.operations.keystore import Kdf, KeyStore
from underround.operations.memory import LockedSecret

PASSWORD = "planted pass 91"
WALLET = "0x" + "4c0883a69102937d6231471b5dbb6204fe512961708279" + "f1b8e4c5a2d3f6a7b8"
TEST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
TENTH_KEY = "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"
CHEAP = Kdf(b"sixteen bytes of", memory_kib=8 * 1024, iterations=1, lanes=1)


class Keys:
    """Runs ``underround keys`` on one store; secrets go in through descriptors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "keys.json"
        self.said = ""

    def create(self) -> None:
        """Make a store that is cheap to open."""
        KeyStore.create(self.file, LockedSecret("p", PASSWORD.encode()), CHEAP).close()

    def run(
        self, *arguments: str, fds: Sequence[tuple[str, str]] = (), code: int = 0, **environ: str
    ) -> str:
        """Return stdout; ``fds`` are options whose value comes through a descriptor."""
        passed: list[int] = []
        options: list[str] = []
        for option, text in fds:
            reader, writer = os.pipe()
            os.write(writer, text.encode())
            os.close(writer)
            passed.append(reader)
            options += [option, str(reader)]
        done = subprocess.run(
            [sys.executable, "-m", "underround", "keys", *arguments, "--file", str(self.file),
             *options],
            pass_fds=passed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        for reader in passed:
            os.close(reader)
        self.said += done.stdout + done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def add(self, name: str, value: str, *options: str, code: int = 0) -> str:
        """Add a key."""
        fds = [("--password-fd", PASSWORD), ("--value-fd", value)]
        return self.run("add", name, *options, fds=fds, code=code)

    def list(self) -> list[dict[str, str]]:
        """Return what ``list --json`` shows."""
        shown = self.run("list", "--json", fds=[("--password-fd", PASSWORD)])
        return list(json.loads(shown))


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Return an empty key store."""
    made = Keys(tmp_path)
    made.create()
    return made


def pem() -> str:
    """Return a private key as Kalshi gives it."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_key_store_is_made_used_and_emptied(tmp_path: Path) -> None:
    """The whole life of a store, with the real cost of its password; no secret is ever shown."""
    keys = Keys(tmp_path)
    keys.run("init", fds=[("--password-fd", PASSWORD)])
    told = keys.add("wallet", WALLET, "--kind", "wallet")
    assert "keystore:wallet" in told
    secret_pem = pem()
    keys.add("kalshi", secret_pem, "--kind", "kalshi")
    keys.add("api", "planted-api-secret")
    assert [(key["name"], key["kind"]) for key in keys.list()] == [
        ("api", "text"),
        ("kalshi", "kalshi"),
        ("wallet", "wallet"),
    ]
    keys.run(
        "change-password", fds=[("--password-fd", PASSWORD), ("--new-password-fd", "planted next")]
    )
    keys.run("remove", "api", fds=[("--password-fd", "planted next")])
    shown = keys.run("check", fds=[("--password-fd", "planted next")])
    assert "wallet" in shown
    assert "api" not in shown
    for planted in ("planted", WALLET[2:], WALLET[2:].upper(), secret_pem.splitlines()[1]):
        assert planted not in keys.said


def test_a_wallet_is_shown_by_its_address(keys: Keys) -> None:
    keys.add("w", TEST_KEY, "--kind", "wallet", "--test-key")
    assert keys.list()[0]["public"] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_a_kalshi_key_is_shown_by_its_type(keys: Keys) -> None:
    keys.add("k", pem(), "--kind", "kalshi")
    assert keys.list()[0]["public"] == "Ed25519"


@pytest.mark.parametrize("key", [TEST_KEY, TENTH_KEY])
def test_a_key_that_everybody_has_is_refused(keys: Keys, key: str) -> None:
    told = keys.add("w", key, "--kind", "wallet", code=6)
    assert "everybody has its key" in told
    assert keys.list() == []


def test_a_stored_key_that_everybody_has_is_a_problem(keys: Keys) -> None:
    keys.add("w", TEST_KEY, "--kind", "wallet", "--test-key")
    keys.run("check", fds=[("--password-fd", PASSWORD)], code=1)


@pytest.mark.parametrize("kind", ["wallet", "kalshi"])
def test_what_is_no_key_is_refused_and_not_repeated(keys: Keys, kind: str) -> None:
    told = keys.add("w", "planted-nonsense", "--kind", kind, code=6)
    assert "was not added" in told
    assert "planted" not in told


def test_a_password_from_a_variable_is_warned_about(keys: Keys) -> None:
    keys.run("list", UNDERROUND_KEYS_PASSWORD=PASSWORD)
    assert "warning: the password was taken from UNDERROUND_KEYS_PASSWORD" in keys.said
    assert PASSWORD not in keys.said


def test_without_a_terminal_the_other_ways_are_named(keys: Keys) -> None:
    told = keys.run("list", code=6)
    assert "use --password-fd N or set UNDERROUND_KEYS_PASSWORD" in told


def test_a_wrong_password_has_its_exit_code(keys: Keys) -> None:
    told = keys.run("list", fds=[("--password-fd", "something else")], code=6)
    assert "the password is wrong" in told


def test_a_missing_store_names_the_remedy(tmp_path: Path) -> None:
    told = Keys(tmp_path).run("list", fds=[("--password-fd", PASSWORD)], code=6)
    assert "underround keys init" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_secrets_are_dropped_when_the_process_is_told_to_end(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The last thing an interrupted command does is to overwrite what it held."""
    program = """
import signal, sys, time
from underround import cli
from underround.operations.memory import LockedSecret
secret = LockedSecret("k", b"planted")
def held(arguments):
    print("ready", flush=True)
    while True:
        time.sleep(0.05)
from underround.cli import commands
commands.run_verb = held
import atexit
atexit.register(lambda: print("wiped" if secret.wiped else "still there", flush=True))
cli.main(["runs"])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert out == "wiped\n"
    assert process.returncode == 128 + number
