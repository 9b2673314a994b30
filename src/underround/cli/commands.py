"""The verbs of the command line.  Each imports what it needs when it runs, so help is instant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from underround.cli.doctor import doctor
from underround.cli.endings import before
from underround.cli.history import history
from underround.cli.keys import keys
from underround.cli.markets import markets
from underround.cli.record import record
from underround.cli.venue import venue
from underround.model.errors import ConfigError, JournalError

if TYPE_CHECKING:
    from underround import app as application
    from underround.operations.config import Loaded

app = typer.Typer(
    name="underround",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
recording = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(recording, name="recording", help="Look at a recording, or prove it.")
app.add_typer(keys, name="keys", help="Keep secrets in a sealed file.")
app.add_typer(venue, name="venue")
app.command()(doctor)
app.command()(markets)
app.command()(history)
app.command()(record)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Default: ./underround.toml if there is one."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key; repeatable."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Paths = Annotated[list[str], typer.Argument(metavar="PATH", help="Folders or bundled names.")]


UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])
"""What the parser raises for a command line it does not understand; it has no public name."""
NOTHING_KEPT = "before the first frame: no run was kept"


def run_verb(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Raises ``ConfigError`` for a command line that is not understood.
    """
    try:
        code = app(args=list(arguments), prog_name="underround", standalone_mode=False)
    except UsageError as error:
        text = str(error.format_message())
        if text.startswith("Usage:"):  # a bare "underround" asks what there is
            typer.echo(text, err=True)
            return ConfigError.exit_code
        raise ConfigError(_usage(error, text)) from error
    return code if isinstance(code, int) else 0


def _usage(error: Exception, text: str) -> str:
    """Return what is wrong with a command line as one sentence with its remedy."""
    context = getattr(error, "ctx", None)
    command = "underround" if context is None else context.command_path
    sentence = " ".join(text.split()).rstrip(".")
    return f"{sentence[:1].lower()}{sentence[1:]}: see {command} --help"


def _version(wanted: bool) -> None:
    if wanted:
        from underround import __version__

        typer.echo(f"underround {__version__}")
        raise typer.Exit


@app.callback()
def underround(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; understood anywhere.")
    ] = False,
) -> None:
    """Find, watch, record and replay prediction markets, and judge strategies on them."""


@app.command()
def replay(
    recordings: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECORDING", help="Folders or bundled names; none: bundled."),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    speed: Annotated[
        str, typer.Option(metavar="max|1x|10x", help="As fast as possible, or times real time.")
    ] = "max",
    as_json: JsonOption = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no HTML report.")] = False,
    open_report: OpenOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run recordings through the whole engine with simulated fills.

    Ctrl-C ends the run cleanly: what was done is kept, shown and marked as interrupted.
    """
    with before(NOTHING_KEPT):
        from underround.cli.recordings import find_recordings
        from underround.cli.run import replay_command

        times = _speed(speed)
        loaded = _load(config, overrides)
        paths = find_recordings(recordings or [])
    code = replay_command(
        loaded.value,
        paths,
        speed=times,
        as_json=as_json,
        report=not no_report,
        opened=open_report,
        quiet=quiet,
    )
    raise typer.Exit(code)


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="'import list' shows all.")],
    source: Annotated[Path | None, typer.Argument(metavar="SOURCE")] = None,
    target: Annotated[Path | None, typer.Argument(metavar="TARGET", help="A new folder.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Explains the columns to 'generic'.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn somebody else's data into a recording."""
    from underround.cli.recordings import check_kind, import_command, list_importers

    if kind == "list" and source is None:
        list_importers(as_json=as_json)
        return
    check_kind(kind)
    if source is None or target is None:
        missing = "SOURCE and TARGET are" if source is None else "TARGET is"
        raise ConfigError(f"{missing} missing: write underround import {kind} SOURCE TARGET")
    import_command(kind, source, target, mapping, as_json=as_json)


@recording.command()
def info(paths: Paths, as_json: JsonOption = False) -> None:
    """Show what recordings hold, whose clock and licence, and what they lack."""
    from underround.cli.recordings import info_command

    info_command(paths, as_json=as_json)


@recording.command()
def verify(paths: Paths, as_json: JsonOption = False) -> None:
    """Prove files, sequence and books; exit code 1 if anything does not hold."""
    from underround.cli.recordings import verify_command

    if not verify_command(paths, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="An id, its beginning, or last.")
    ] = "last",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it.")] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    open_report: OpenOption = False,
) -> None:
    """Write the HTML report of a run again; prints its path."""
    from underround import app as application
    from underround.cli.run import earlier_runs
    from underround.cli.screen import notices, open_in_browser

    settings = _load(config, overrides, strategies=False).value
    if not earlier_runs(settings):
        raise JournalError(f"there is no run {run}, and none at all: underround replay makes one")
    path = application.write_report(settings, run, None if out is None else out.expanduser())
    typer.echo(path)
    if open_report:
        open_in_browser(notices(), path)


@app.command()
def runs(
    config: ConfigOption = None, overrides: SetOption = None, as_json: JsonOption = False
) -> None:
    """List the runs of the journal, newest first."""
    from underround.cli.run import runs_command

    runs_command(_load(config, overrides, strategies=False).value, as_json=as_json)


@app.command("show-config")
def show_config(
    config: ConfigOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    page: Annotated[
        Path | None,
        typer.Option("--write-page", hidden=True, help="Update the list of keys in a page."),
    ] = None,
) -> None:
    """Show every value and where it comes from."""
    from underround.cli.settings import print_settings, write_page

    if page is not None:
        write_page(page)
        return
    print_settings(_load(config, overrides), as_json=as_json)


@app.command()
def halt(
    reason: Annotated[
        str, typer.Argument(metavar="REASON", help="For the record.")
    ] = "halted by the operator",
) -> None:
    """Open no position in any run until 'resume'."""
    from underround.operations.folders import find_folders
    from underround.operations.halt import HaltFlag

    folders = find_folders()
    folders.check()
    flag = HaltFlag(folders.halt_flag)
    flag.halt(reason)
    typer.echo(f"halted: {flag.read()} ({flag.path})")


@app.command()
def resume() -> None:
    """Take back a halt."""
    from underround.operations.folders import find_folders
    from underround.operations.halt import HaltFlag

    reason = HaltFlag(find_folders().halt_flag).resume()
    typer.echo("nothing was halted" if reason is None else f"resumed; it was halted for: {reason}")


@app.command()
def strategies(as_json: JsonOption = False) -> None:
    """List strategy kinds, parameters, and when each loses."""
    from underround.cli.settings import print_strategies

    print_strategies(as_json=as_json)


def _load(
    config: Path | None, overrides: list[str] | None, *, strategies: bool = True
) -> Loaded[application.Config]:
    from underround import app as application
    from underround.operations.config import default_file

    return application.load_config(config or default_file(), overrides or [], strategies=strategies)


def _speed(text: str) -> float | None:
    """Return how many times real time; ``None`` for as fast as possible."""
    if text == "max":
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)x", text)
    times = float(found[1]) if found else 0.0
    if not times:
        raise typer.BadParameter("write max, 1x, 10x or another multiple", param_hint="--speed")
    return times
