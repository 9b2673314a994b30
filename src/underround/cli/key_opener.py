"""Opens the configured key store when, and only when, a secret in it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import typer

from underround.app.configuration import Config
from underround.app.connections import OpenKeyStore
from underround.cli.passwords import read_password
from underround.model.errors import KeyStoreError
from underround.operations.keystore import KeyStore
from underround.operations.memory import LockedSecret, harden_process


@contextmanager
def key_opener(config: Config, descriptor: int | None = None) -> Iterator[OpenKeyStore]:
    """Give a function from names to secrets; the password is asked for with the first name.

    The function raises ``KeyStoreError`` where there is no key store or no such key.  Its secrets
    live as long as this block.
    """
    opened: list[KeyStore] = []
    with ExitStack() as stack:

        def secret(name: str) -> LockedSecret:
            if not opened:
                path = config.keys.path()
                if not path.exists():
                    raise KeyStoreError(f"{path}: there is no key store: underround keys init")
                harden_process()
                with read_password(
                    descriptor=descriptor, warn=lambda sentence: typer.echo(sentence, err=True)
                ) as password:
                    opened.append(stack.enter_context(KeyStore.open(path, password)))
            return opened[0].secret(name)

        yield secret
