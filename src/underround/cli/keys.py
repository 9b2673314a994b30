"""``underround keys``: the key store's verbs.  Names are shown, values never."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from underround.model.errors import ConfigError, KeyStoreError

if TYPE_CHECKING:
    from underround.app.keys import ShownKey
    from underround.operations.keystore import KeyStore
    from underround.operations.memory import LockedSecret

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="Default: keys.file of the configuration."),
]
PasswordOption = Annotated[
    int | None,
    typer.Option("--password-fd", metavar="N", help="Read the password from this descriptor."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Kind = Literal["wallet", "kalshi", "text"]


@keys.command()
def init(file: FileOption = None, password_fd: PasswordOption = None) -> None:
    """Make an empty key store."""
    from underround.operations.keystore import KeyStore

    path = _path(file)
    if path.exists():
        raise KeyStoreError(f"{path} exists already: add keys to it, or move it away first")
    with (
        _password(password_fd, "a new password for the key store: ", twice=True) as password,
        KeyStore.create(path, password),
    ):
        typer.echo(f"made {path}: add keys with underround keys add NAME")


@keys.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the configuration calls it.")],
    kind: Annotated[Kind, typer.Option(help="What it is.")] = "text",
    from_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read the value from a file (a PEM).")
    ] = None,
    value_fd: Annotated[
        int | None, typer.Option(metavar="N", help="Read the value from this descriptor.")
    ] = None,
    value_env: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="Read the value from a variable.")
    ] = None,
    test_key: Annotated[
        bool, typer.Option("--test-key", help="Accept a key that everybody has.")
    ] = False,
    file: FileOption = None,
    password_fd: PasswordOption = None,
) -> None:
    """Keep a secret; it is asked for, or read from a file, a descriptor or a variable."""
    from underround.app.keys import add_key

    if sum(given is not None for given in (from_file, value_fd, value_env)) > 1:
        raise ConfigError("give one of --from-file, --value-fd and --value-env")
    if password_fd is not None and password_fd == value_fd:
        raise ConfigError("--password-fd and --value-fd must be two descriptors")
    with _opened(file, password_fd) as store, _value(name, from_file, value_fd, value_env) as value:
        shown = add_key(store, name, kind, value, time.time_ns(), test_key=test_key)
    told = f" ({shown.public})" if shown.public else ""
    typer.echo(f"added {name}{told}: the configuration names it keystore:{name}")


@keys.command("list")
def list_(
    file: FileOption = None, password_fd: PasswordOption = None, as_json: JsonOption = False
) -> None:
    """List the names of the keys."""
    from underround.app.keys import shown_keys

    with _opened(file, password_fd) as store:
        _show(shown_keys(store), as_json=as_json)


@keys.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    file: FileOption = None,
    password_fd: PasswordOption = None,
) -> None:
    """Forget a key."""
    with _opened(file, password_fd) as store:
        store.remove(name)
    typer.echo(f"removed {name}")


@keys.command("change-password")
def change_password(
    file: FileOption = None,
    password_fd: PasswordOption = None,
    new_password_fd: Annotated[
        int | None,
        typer.Option("--new-password-fd", metavar="N", help="Read the new one from here."),
    ] = None,
) -> None:
    """Seal the key store with another password."""
    from underround.cli.passwords import ask, read_descriptor
    from underround.operations.memory import LockedSecret

    with _opened(file, password_fd) as store:
        if new_password_fd is None:
            new = ask("the new password: ", twice=True)
        else:
            new = LockedSecret("password", read_descriptor(new_password_fd))
        with new:
            store.change_password(new)
    typer.echo("the password was changed; copies of the old file still open with the old one")


@keys.command()
def check(
    file: FileOption = None, password_fd: PasswordOption = None, as_json: JsonOption = False
) -> None:
    """Open the key store and look at every key; exit code 1 if one cannot be used."""
    from underround.app.keys import shown_keys

    with _opened(file, password_fd) as store:
        shown = shown_keys(store)
        _show(shown, as_json=as_json)
    if any(key.problem for key in shown):
        raise typer.Exit(1)


def _path(file: Path | None) -> Path:
    from underround import app as application
    from underround.operations.config import default_file
    from underround.operations.memory import harden_process

    harden_process()
    if file is not None:
        return file.expanduser()
    return application.load_config(default_file(), [], strategies=False).value.keys.path()


def _password(descriptor: int | None, prompt: str, *, twice: bool = False) -> LockedSecret:
    from underround.cli.passwords import read_password

    return read_password(descriptor=descriptor, twice=twice, prompt=prompt, warn=_warn)


def _opened(file: Path | None, password_fd: int | None) -> KeyStore:
    from underround.operations.keystore import KeyStore

    path = _path(file)
    if not path.exists():
        raise KeyStoreError(f"{path}: there is no key store: underround keys init")
    with _password(password_fd, "password of the key store: ") as password:
        return KeyStore.open(path, password)


def _value(
    name: str, from_file: Path | None, value_fd: int | None, value_env: str | None
) -> LockedSecret:
    from underround.cli.passwords import ask, read_descriptor, read_secret_file
    from underround.operations.memory import LockedSecret

    if from_file is not None:
        return LockedSecret(name, read_secret_file(from_file))
    if value_fd is not None:
        return LockedSecret(name, read_descriptor(value_fd))
    if value_env is not None:
        content = os.environ.get(value_env, "")
        if not content:
            raise KeyStoreError(f"the variable {value_env} is empty or not set: set it")
        return LockedSecret(name, bytearray(content.encode()))
    return ask("the secret: ")


def _show(shown: Sequence[ShownKey], *, as_json: bool) -> None:
    from underround.cli.screen import output, print_json, print_table

    if as_json:
        print_json(shown)
        return
    if not shown:
        typer.echo("the key store is empty: underround keys add NAME")
    rows = [
        (
            key.name,
            key.kind,
            key.public,
            f"{datetime.fromtimestamp(key.added_ns / 1e9, UTC):%Y-%m-%d}",
            key.problem or "fine",
        )
        for key in shown
    ]
    print_table(output(), ("name", "kind", "public part", "added", "state"), rows)


def _warn(sentence: str) -> None:
    typer.echo(sentence, err=True)
