"""``underround doctor``: runs the examination and shows it.

Exit code, by the worst line: 7 something must be corrected before live trading (or an answer is not
usable), 8 somebody did not answer or pauses and trying again may be enough, 1 warnings, 0 nothing
but what is fine or only worth knowing.  7 outranks 8, 8 outranks 1.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from underround.cli.loop import run
from underround.model.errors import ConfigError, KeyStoreError

if TYPE_CHECKING:
    from underround.app import Config
    from underround.app.doctor import Examination, Finding, Wanted
    from underround.cli.findings import FindingsView
    from underround.operations.keystore import KeyStore

_PROMPT: Final = "password of the key store (or look without keys: --no-keys): "
_LONGEST_S: Final = 600


def doctor(
    venue: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this venue, or machine; repeatable."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Judge by what live trading needs.")] = False,
    no_keys: Annotated[bool, typer.Option("--no-keys", help="Open no secret.")] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="For each check; 10 by default.")
    ] = None,
    password_fd: Annotated[
        int | None,
        typer.Option(metavar="N", help="Read the key store's password from this descriptor."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Default: ./underround.toml if there is one."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Ask every configured venue, and this machine, whether all is well.

    Exit code by the worst line: 0 fine, 1 warnings, 8 somebody did not answer, 7 set-up is wrong.
    """
    from underround import app as application
    from underround.app.doctor import DEFAULT_TIMEOUT_S, Wanted
    from underround.operations.config import default_file

    timeout_s = DEFAULT_TIMEOUT_S if timeout is None else timeout
    wanted = Wanted(venues=tuple(venue or ()), live=live, keys=not no_keys, timeout_s=timeout_s)
    _check(wanted)
    loaded = application.load_config(config or default_file(), overrides or [], strategies=False)
    raise typer.Exit(_doctor(loaded.value, wanted, password_fd, as_json=as_json))


def _doctor(config: Config, wanted: Wanted, password_fd: int | None, *, as_json: bool) -> int:
    """Examine, show, and return the exit code."""
    from underround.app.doctor import Examination, stored_keys, worst_code
    from underround.cli.findings import summary, view_for
    from underround.cli.screen import output, print_json, print_line
    from underround.operations.memory import harden_process

    harden_process()
    with ExitStack() as stack:
        store, locked = None, None
        if stored_keys(config.venues, wanted):
            try:
                store = stack.enter_context(_open(config, password_fd))
            except KeyStoreError as error:
                locked = error  # everything that needs no key is looked at all the same
        examination = Examination(
            config, wanted, keystore=None if store is None else store.secret, locked=locked
        )
        findings = run(_run(examination, view_for(as_json=as_json)))
    code = worst_code(findings)
    if as_json:
        print_json({"live": wanted.live, "exit_code": code, "findings": findings})
    else:
        print_line(output(), summary(findings, live=wanted.live))
    return code


def _check(wanted: Wanted) -> None:
    from underround.app.doctor import MACHINE, VENUES

    for name in wanted.venues:
        if name not in (MACHINE, *VENUES):
            known = ", ".join((MACHINE, *VENUES))
            raise ConfigError(f"--venue {name}: there is no such venue: write one of {known}")
    if wanted.live and not wanted.keys:
        raise ConfigError("--live looks at keys and --no-keys does not: give one of them")
    if not 0 < wanted.timeout_s <= _LONGEST_S:
        raise ConfigError(f"--timeout: write seconds, above 0 and at most {_LONGEST_S}")


def _open(config: Config, password_fd: int | None) -> KeyStore:
    from underround.cli.passwords import read_password
    from underround.operations.keystore import KeyStore

    path = config.keys.path()
    if not path.exists():
        raise KeyStoreError(f"{path}: there is no key store: underround keys init")
    with read_password(descriptor=password_fd, prompt=_PROMPT, warn=_warn) as password:
        return KeyStore.open(path, password)


def _warn(sentence: str) -> None:
    typer.echo(sentence, err=True)


async def _run(examination: Examination, view: FindingsView) -> list[Finding]:
    async with examination:
        with view:
            return await examination.run(view.told, view.planned)
