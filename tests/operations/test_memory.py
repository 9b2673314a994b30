"""Secrets in memory."""

from __future__ import annotations

import copy
import pickle
import traceback
from pathlib import Path

import pytest

from tests.processes import run_python
from underround.model.errors import KeyStoreError
from underround.operations.memory import LockedSecret, wipe_all

PLANTED = b"planted-7b1f"


def test_a_secret_lends_exactly_its_bytes() -> None:
    with LockedSecret("k", PLANTED) as secret, secret.reveal() as bare:
        assert bytes(bare) == PLANTED


def test_what_is_lent_cannot_be_changed() -> None:
    with (
        LockedSecret("k", PLANTED) as secret,
        secret.reveal() as bare,
        pytest.raises(TypeError),
    ):
        bare[0] = 0


def test_a_bytearray_given_to_a_secret_is_wiped() -> None:
    given = bytearray(PLANTED)
    LockedSecret("k", given)
    assert given == bytes(len(PLANTED))


def test_a_wiped_secret_lends_nothing() -> None:
    secret = LockedSecret("k", PLANTED)
    secret.wipe()
    secret.wipe()
    with pytest.raises(KeyStoreError, match="the secret k was wiped"), secret.reveal():
        pass


def test_whoever_holds_a_secret_while_it_is_wiped_holds_zeros() -> None:
    secret = LockedSecret("k", PLANTED)
    with secret.reveal() as bare:
        secret.wipe()
        assert bytes(bare) == bytes(len(PLANTED))


def test_an_empty_secret_is_possible() -> None:
    with LockedSecret("k", b"") as secret, secret.reveal() as bare:
        assert bytes(bare) == b""


def test_all_secrets_of_the_process_are_wiped_at_once() -> None:
    secrets = [LockedSecret(str(number), PLANTED) for number in range(3)]
    wipe_all()
    assert all(secret.wiped for secret in secrets)


@pytest.mark.parametrize("spill", [repr, str, "{}".format, lambda each: f"{each!r:>9}"])
def test_printing_a_secret_shows_its_name_only(spill: object) -> None:
    assert callable(spill)
    with LockedSecret("the-name", PLANTED) as secret:
        shown = spill(secret)
    assert "the-name" in shown
    assert PLANTED.decode() not in shown


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_secret_is_neither_copied_nor_pickled(copier: object) -> None:
    assert callable(copier)
    with LockedSecret("k", PLANTED) as secret, pytest.raises(TypeError, match="a secret is not"):
        copier(secret)


def test_a_traceback_with_locals_shows_no_secret() -> None:
    secret = LockedSecret("k", PLANTED)

    def fail(given: LockedSecret) -> None:
        with given.reveal() as bare:
            raise ValueError(f"{len(bare)} bytes of {given}")

    try:
        fail(secret)
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert PLANTED.decode() not in "".join(told.format())


def test_the_memory_of_a_process_holds_no_wiped_secret(tmp_path: Path) -> None:
    """The page is overwritten, not only let go: /proc shows what is really there."""
    program = """
        import sys
        from underround.operations.memory import LockedSecret
        secret = LockedSecret("k", bytes(b ^ 0x55 for b in bytes.fromhex(sys.argv[1])))
        needle = bytes(b ^ 0x55 for b in bytes.fromhex(sys.argv[1]))
        def found():
            count = 0
            with open("/proc/self/mem", "rb", 0) as memory, open("/proc/self/maps") as maps:
                for line in maps:
                    span, rights, *_ = line.split()
                    if rights[:2] != "rw" or "[" in line.split()[-1]:
                        continue
                    start, end = (int(part, 16) for part in span.split("-"))
                    if end - start > 8192:
                        continue  # a page of its own is small; the heap holds the needle itself
                    memory.seek(start)
                    count += memory.read(end - start).count(needle)
            return count
        print(found(), end=" ")
        secret.wipe()
        print(found())
    """
    masked = bytes(byte ^ 0x55 for byte in PLANTED).hex()
    assert run_python(program, masked) == "1 0\n"
