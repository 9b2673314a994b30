"""``underround record``: the command line's words; what they do is in ``recording_live``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def record(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="PATTERN", help="More of --markets.")
    ] = None,
    markets: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="A slug, id, ticker, words, or a-slug-*."),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="btc-updown-15m", help="A rolling series, or one of Kalshi."),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BTCUSDT",
            help="Trades of Binance, or none; default: by the windows.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: recordings in the state folder.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the parts' folders.")] = "",
    duration: Annotated[
        str | None, typer.Option("--for", metavar="2h", help="How long; else until Ctrl-C.")
    ] = None,
    rotate: Annotated[
        list[str] | None,
        typer.Option(metavar="1h|2GB", help="Begin a new part so often, or at this size."),
    ] = None,
    min_free: Annotated[
        str, typer.Option(metavar="2GB", help="End when less is free on the disk.")
    ] = "2GB",
    password_fd: Annotated[
        int | None,
        typer.Option("--password-fd", metavar="N", help="Read the key store's password from here."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Default: ./underround.toml, if it is there."
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key; repeatable."),
    ] = None,
) -> None:
    """Record the venues' raw frames, and prove them meanwhile.

    Ctrl-C seals what there is and shows what it covers; once more ends at once.
    """
    from underround import app as application
    from underround.app.recorder.wanted import Asked
    from underround.cli import recording_live as verb
    from underround.operations.config import default_file

    loaded = application.load_config(config or default_file(), overrides or [], strategies=False)
    asked = Asked(
        patterns=verb.separate([*(markets or ()), *(more or ())]),
        series=verb.separate(series or ()),
        references=verb.references_of(reference),
    )
    rules = verb.rules_of(
        asked, out=out, name=name, duration=duration, rotate=rotate or (), min_free=min_free
    )
    raise typer.Exit(
        verb.record_command(
            loaded.value, asked, rules, quiet=quiet, as_json=as_json, password_fd=password_fd
        )
    )
