"""``underround markets``: the command line's words; what they mean is in ``market_table``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def markets(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="A slug, name, id, ticker, or words.")
    ] = "",
    venue: Annotated[
        str | None, typer.Option(metavar="polymarket|kalshi", help="Ask this venue only.")
    ] = None,
    tag: Annotated[str, typer.Option(metavar="TAG", help="With this tag only.")] = "",
    min_liquidity: Annotated[
        str | None, typer.Option(metavar="USD", help="At least so much in the book.")
    ] = None,
    min_volume: Annotated[
        str | None, typer.Option(metavar="USD", help="At least so much traded so far.")
    ] = None,
    ends_within: Annotated[
        str | None, typer.Option(metavar="24h", help="Ends so soon: a number and s, m, h, d, w.")
    ] = None,
    series: Annotated[
        str, typer.Option(metavar="btc-updown-15m", help="A rolling series, or one of Kalshi.")
    ] = "",
    ahead: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=100, help="Windows after the present one.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Without the configured filter.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Say what was left out, and why.")] = False,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=500, help="20, or 10 to watch.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show the books live; q ends.")] = False,
    password_fd: Annotated[
        int | None,
        typer.Option("--password-fd", metavar="N", help="Read the key store's password from here."),
    ] = None,
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
    """Search, filter and watch the venues' markets.

    Exit code 1: nothing fits.  Without QUERY: the liquid open markets, the busiest first.
    """
    from underround import app as application
    from underround.app.markets.search import Wish
    from underround.cli import market_table as verb
    from underround.operations.config import default_file

    loaded = application.load_config(config or default_file(), overrides or [], strategies=False)
    settings = loaded.value
    wish = Wish(
        query=query,
        venues=verb.venues_of(settings, venue),
        tag=tag,
        series=series.upper() if series.casefold().startswith("kx") else series,
        ahead=settings.discovery.ahead if ahead is None else ahead,
        min_liquidity=verb.dollars_of("--min-liquidity", min_liquidity),
        min_volume=verb.dollars_of("--min-volume", min_volume),
        ends_within_s=verb.seconds_of(ends_within),
        everything=everything,
        limit=limit or (verb.WATCHED if watch else verb.SHOWN),
    )
    if watch:
        from underround.cli.watching import watch_command

        code = watch_command(settings, wish, as_json=as_json, password_fd=password_fd)
    else:
        code = verb.markets_command(settings, wish, why=why, as_json=as_json)
    raise typer.Exit(code)
