"""``underround venue``: an exchange on loopback, and words to a running one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

venue = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    no_args_is_help=False,
    help="Run an exchange on loopback that speaks the venues' protocols.",
)
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@venue.callback()
def start(
    context: typer.Context,
    scene: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="What fills it: desk (unless a recording does), quiet, storm, exact or a file.",
        ),
    ] = None,
    recording: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="A recording that drives its markets.")
    ] = None,
    chain: Annotated[
        bool, typer.Option("--chain", help="Settle on a local EVM node (needs node and npm).")
    ] = False,
    fork: Annotated[
        str | None,
        typer.Option(metavar="env:NAME", help="With --chain: fork the node whose URL this names."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Another market.")] = None,
    speed: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Times as fast as real time.")
    ] = 1,
    port: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=65_000, help="Of the page; the servers follow it. 0: any."
        ),
    ] = 8700,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="'lose stream=…'", help="A fault from the start; repeatable."),
    ] = None,
    write_config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a configuration that points at it."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="10m", help="How long; else until Ctrl-C.")
    ] = None,
    browser: Annotated[bool, typer.Option("--open", help="Open its page in a browser.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="URLs and credentials as one JSON line, then quiet.")
    ] = False,
) -> None:
    """Run an exchange on loopback that speaks the venues' protocols.

    Prints URLs and ready-made credentials, then runs until Ctrl-C.  Everything in it is pretended
    but the protocols: official SDKs and this program work against it unchanged.
    """
    if context.invoked_subcommand is not None:
        return
    from underround.cli import venue_live as verb

    terms, for_s = verb.asked_of(
        scene=scene,
        recording=recording,
        chain=chain,
        fork=fork,
        seed=seed,
        speed=speed,
        port=port,
        faults=fault or (),
        duration=duration,
    )
    raise typer.Exit(
        verb.venue_command(
            terms, for_s, write_config=write_config, browser=browser, as_json=as_json
        )
    )


@venue.command("fault")
def set_fault(
    words: Annotated[
        list[str],
        typer.Argument(metavar="KIND KEY=VALUE…", help="lose stream=kalshi.ws per_mille=50"),
    ],
) -> None:
    """Put a fault in force at the running venue."""
    from underround.cli import venue_words as verb

    raise typer.Exit(verb.fault_command(words))


@venue.command("clear")
def clear(
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", help="Of the fault; else all of them.")
    ] = None,
) -> None:
    """End a fault of the running venue, or all of them."""
    from underround.cli import venue_words as verb

    raise typer.Exit(verb.clear_command(number))


@venue.command("do")
def do(
    words: Annotated[
        list[str],
        typer.Argument(metavar="STEP KEY=VALUE…", help="resolve market=some-slug wins=YES"),
    ],
) -> None:
    """Let a step of a scene happen now at the running venue (see docs: scenes)."""
    from underround.cli import venue_words as verb

    raise typer.Exit(verb.do_command(words))


@venue.command("status")
def status(as_json: JsonOption = False) -> None:
    """Show the running venue: markets, matches, accounts and faults."""
    from underround.cli import venue_words as verb

    raise typer.Exit(verb.status_command(as_json=as_json))
