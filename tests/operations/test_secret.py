"""Secrets by reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from underround.model.errors import ConfigError
from underround.operations.memory import LockedSecret
from underround.operations.secret import SecretRef


def opened(secret: LockedSecret) -> bytes:
    """Return a copy of what is in a secret."""
    with secret.reveal() as bare:
        return bytes(bare)


def test_an_environment_variable_is_revealed() -> None:
    """env: names a variable."""
    assert opened(SecretRef.parse("env:KEY").open({"KEY": "s3cret"})) == b"s3cret"


def test_a_file_is_revealed_without_its_last_line_break(tmp_path: Path) -> None:
    """file: names a file; only the line break at its end is not part of the secret."""
    path = tmp_path / "key"
    path.write_bytes(b" s3cret \r\n")
    assert opened(SecretRef.parse(f"file:{path}").open({})) == b" s3cret "


def test_a_key_store_is_asked_by_name() -> None:
    """keystore: names an entry of the store that is open."""
    kept = LockedSecret("main", b"s3cret")
    assert SecretRef.parse("keystore:main").open({}, {"main": kept}.__getitem__) is kept


@pytest.mark.parametrize("reference", ["env:NOT_SET", "env:EMPTY", "file:/no/such", "keystore:x"])
def test_a_reference_to_nothing_is_an_error_that_names_it(reference: str) -> None:
    """A missing or empty secret never becomes an empty password."""
    with pytest.raises(ConfigError, match=reference):
        SecretRef.parse(reference).open({"EMPTY": ""})


def test_printing_shows_the_reference_only() -> None:
    """What is printed holds no more than the configuration does."""
    secret = SecretRef.parse("env:KEY")
    assert (str(secret), repr(secret)) == ("env:KEY", "SecretRef('env:KEY')")


@pytest.mark.parametrize("text", ["s3cret", "env:", "file:", "vault:x", "env:A B", 7, None, ""])
def test_what_is_no_reference_is_not_repeated(text: object) -> None:
    """It may be the secret itself."""
    with pytest.raises(ValueError, match="expected a reference") as caught:
        SecretRef.parse(text)
    assert "s3cret" not in str(caught.value)
