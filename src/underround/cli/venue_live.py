"""What ``underround venue`` does: open it, say where it is, run until Ctrl-C."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from underround.cli.endings import Interrupted, Stopper
from underround.cli.loop import run
from underround.model.errors import ConfigError
from underround.operations.folders import Folders, find_folders

if TYPE_CHECKING:
    from underround.local_venue.faults import AnyFault
    from underround.local_venue.service import LocalVenue, Opened, VenueTerms

STATE: Final = "local-venue.json"
"""In the state folder: where the running venue is.  Whoever may read it may steer the venue."""
_LOOK_S: Final = 0.1


def asked_of(
    *,
    scene: str | None,
    recording: str | None,
    chain: bool,
    fork: str | None,
    seed: int | None,
    speed: int,
    port: int,
    faults: Sequence[str],
    duration: str | None,
) -> tuple[VenueTerms, float | None]:
    """Return what to run and for how many seconds; raises ``ConfigError`` naming the option."""
    from underround.app.recordings import resolve_recordings
    from underround.cli.recording_live import seconds_of
    from underround.cli.screen import notices, print_line
    from underround.local_venue.chain.packages import fetch_tools
    from underround.local_venue.flow.scene import Scene
    from underround.local_venue.flow.scene_file import DEFAULT, find_scene, read_scene
    from underround.local_venue.service import VenueTerms

    if fork is not None and not chain:
        raise ConfigError("--fork continues another chain: give --chain too")
    for_s = None if duration is None else seconds_of("--for", duration)
    alone = recording is not None and scene is None
    terms = VenueTerms(
        scene=Scene() if alone else read_scene(find_scene(scene or DEFAULT)),
        scene_name="recording" if alone else Path(scene or DEFAULT).name,
        recording=None if recording is None else resolve_recordings([recording])[0],
        seed=seed,
        speed=speed,
        port=port,
        fork="" if fork is None else _fork(fork),
        faults=tuple(_fault(text) for text in faults),
    )
    if chain:  # last, since it may fetch something
        console = notices()
        tools = fetch_tools(find_folders(), lambda sentence: print_line(console, sentence))
        terms = msgspec.structs.replace(terms, chain=tools)
    return terms, for_s


def _fork(reference: str) -> str:
    """Return the URL that a reference names; an RPC's address may be a secret."""
    from underround.operations.secret import SecretRef

    try:
        secret = SecretRef.parse(reference)
    except ValueError as error:
        raise ConfigError(f"--fork: {error}") from None
    with secret.open() as opened, opened.reveal() as url:
        return bytes(url).decode().strip()


def _fault(text: str) -> AnyFault:
    from underround.local_venue.words import read_fault_words

    try:
        return read_fault_words([text])
    except ConfigError as error:
        raise ConfigError(f"--fault: {error}") from None


def venue_command(
    terms: VenueTerms,
    for_s: float | None,
    *,
    write_config: Path | None,
    browser: bool,
    as_json: bool,
) -> int:
    """Run the venue and return the exit code: 0 after ``--for``, else that of the signal."""
    folders = find_folders()
    folders.create()
    # Ended in the middle of a request by a second Ctrl-C, aiohttp would log its own confusion; what
    # goes wrong in a request is logged by the servers themselves.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with Stopper(quiet=as_json) as stop:
        doing = _run(terms, for_s, folders, stop, write_config, browser=browser, as_json=as_json)
        try:
            return run(doing)
        except Interrupted as end:
            raise Interrupted(end.signal, "twice: the local venue was ended at once") from None


async def _run(
    terms: VenueTerms,
    for_s: float | None,
    folders: Folders,
    stop: Stopper,
    write_config: Path | None,
    *,
    browser: bool,
    as_json: bool,
) -> int:
    from underround.cli.screen import print_json
    from underround.local_venue.endpoints import write_configuration
    from underround.local_venue.service import LocalVenue

    async with LocalVenue(terms) as venue:
        opened = venue.opened
        state = folders.home / STATE
        gc.freeze()  # what is there now stays: no collection walks through it again
        _write_state(state, opened)
        try:
            if write_config is not None:
                keys = folders.home / "local-venue"
                write_configuration(
                    write_config, keys, opened.endpoints, opened.accounts[0], opened.kalshi[0]
                )
            if as_json:
                print_json(opened)
            else:
                _say_where(venue, write_config)
            if browser:
                _open_page(opened.endpoints.status)
            await _until(stop, for_s)
        finally:
            _forget(state, opened)
    return stop.exit_code if stop() else 0


async def _until(stop: Stopper, for_s: float | None) -> None:
    end = None if for_s is None else asyncio.get_running_loop().time() + for_s
    # The handler of a signal may only set a flag, so it is looked at.
    while not stop() and (end is None or asyncio.get_running_loop().time() < end):  # noqa: ASYNC110  see above
        await asyncio.sleep(_LOOK_S)


def _write_state(path: Path, opened: Opened) -> None:
    from underround.local_venue.endpoints import write_private

    found = {"status": opened.endpoints.status, "token": opened.token}
    write_private(path, msgspec.json.encode(found).decode())


def _forget(path: Path, opened: Opened) -> None:
    """Delete the state file, unless a venue that was started later wrote its own."""
    with suppress(OSError, msgspec.DecodeError):
        if msgspec.json.decode(path.read_bytes())["token"] == opened.token:
            path.unlink()


def _open_page(url: str) -> None:
    import webbrowser

    with suppress(webbrowser.Error):
        webbrowser.open(url)


def _say_where(venue: LocalVenue, config: Path | None) -> None:
    from underround.cli.screen import output, print_line, print_table, print_uncut

    console, opened = output(), venue.opened
    endpoints = msgspec.structs.asdict(opened.endpoints)
    print_table(
        console,
        ("server", "address"),
        [(name.replace("_", " "), url) for name, url in endpoints.items() if url],
        "Local venue: nothing here is real but the protocols",
    )
    who = opened.accounts[0]
    rows = [
        ("private key", who.private_key),
        ("owner", who.owner),
        *((f"wallet, type {number}", who.wallets[kind]) for number, kind in enumerate(who.wallets)),
        ("api key", who.api_key),
        ("api secret", who.api_secret),
        ("api passphrase", who.api_passphrase),
        *(
            (f"kalshi key id, {each.kind}", each.key_id)
            for each in opened.kalshi
            if each.name == who.name
        ),
    ]
    print_line(console, f"{who.name}'s keys, which open nothing but this venue:")
    for label, value in rows:
        print_uncut(console, label.ljust(max(len(each) for each, _ in rows)), value)
    others = ", ".join(each.name for each in opened.accounts[1:])
    print_line(console, f"also {others}, and Kalshi's private keys: underround venue --json")
    if config is not None:
        print_line(console, f"point the platform at it: underround markets --config {config}")
    print_line(console, f"its page: {opened.endpoints.status}    stop it with Ctrl-C")
