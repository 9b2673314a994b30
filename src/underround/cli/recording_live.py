"""Recording live: finds what is wanted, recovers what a crash left, records, and sums up."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from underround.app.clients import Clients
from underround.app.configuration import Config
from underround.app.connections import OpenKeyStore
from underround.app.markets.catalogues import Catalogues
from underround.app.recorder.figures import RecordSummary
from underround.app.recorder.parts import RecordRules
from underround.app.recorder.recorder import Recorder
from underround.app.recorder.recording_parts import name_of_recording, recover_unfinished
from underround.app.recorder.wanted import Asked, Wanted, find_wanted
from underround.cli.endings import Interrupted, Stopper, before
from underround.cli.key_opener import key_opener
from underround.cli.loop import run
from underround.cli.market_table import until_stopped
from underround.cli.record_screen import Lines, Picture, print_summary
from underround.cli.screen import Screen, notices, output, print_json, print_line
from underround.model.errors import ConfigError
from underround.model.ids import Venue
from underround.operations.folders import find_folders, make_writable

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SIZES: Final = {
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}  # fmt: skip
_SPAN: Final = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_SIZE: Final = re.compile(r"(\d{1,6})(?:\.(\d{1,3}))?\s?([kmgt]i?b)", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
NOTHING_KEPT: Final = "before the first frame: nothing was recorded"


# --- the command line's words ------------------------------------------------------------------


def separate(words: Iterable[str]) -> tuple[str, ...]:
    """Return words that may have been given with commas between them, each once."""
    return tuple(
        dict.fromkeys(each.strip() for word in words for each in word.split(",") if each.strip())
    )


def references_of(words: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the symbols; none for the word ``none``, ``None`` where nothing was said."""
    return None if words is None else tuple(each for each in separate(words) if each != "none")


def seconds_of(option: str, text: str) -> int:
    """Return ``90s``, ``2h``, ``7d`` in seconds, at least one; raises ``ConfigError``."""
    match = _SPAN.fullmatch(text.strip().casefold())
    if match is None or not int(match[1]):
        raise ConfigError(f"{option} {text!r}: write a number and s, m, h, d or w, like 2h")
    return int(match[1]) * _UNITS[match[2]]


def bytes_of(option: str, text: str) -> int:
    """Return ``500MB``, ``1.5GB``, ``2GiB`` in bytes; raises ``ConfigError``."""
    match = _SIZE.fullmatch(text.strip().casefold())
    if match is None:
        raise ConfigError(f"{option} {text!r}: write a number and MB, GB or TB, like 2GB")
    thousandths = int(match[1]) * 1_000 + int((match[2] or "").ljust(3, "0"))
    return thousandths * _SIZES[match[3]] // 1_000


def rules_of(
    asked: Asked,
    *,
    out: Path | None,
    name: str,
    duration: str | None,
    rotate: Sequence[str],
    min_free: str,
) -> RecordRules:
    """Return the rules that the options state; raises ``ConfigError`` naming the option."""
    if name and not _NAME.fullmatch(name):
        raise ConfigError(f"--name {name!r}: use letters, digits, points, hyphens, underscores")
    spans = [each for each in separate(rotate) if _SPAN.fullmatch(each.casefold())]
    sizes = [each for each in separate(rotate) if each not in spans]
    if len(spans) > 1 or len(sizes) > 1:
        raise ConfigError("--rotate: give one length like 1h, one size like 2GB, or both")
    rotate_bytes = bytes_of("--rotate", sizes[0]) if sizes else None
    if rotate_bytes == 0:
        raise ConfigError(f"--rotate {sizes[0]}: a part must hold something, write 1MB or more")
    return RecordRules(
        out=find_folders().home / "recordings" if out is None else out.expanduser(),
        name=name or name_of_recording([*asked.patterns, *asked.series]),
        for_s=None if duration is None else seconds_of("--for", duration),
        rotate_s=seconds_of("--rotate", spans[0]) if spans else None,
        rotate_bytes=rotate_bytes,
        min_free=bytes_of("--min-free", min_free),
    )


# --- the command -------------------------------------------------------------------------------


def record_command(
    config: Config,
    asked: Asked,
    rules: RecordRules,
    *,
    quiet: bool,
    as_json: bool,
    password_fd: int | None = None,
) -> int:
    """Record, show what it covers and return the exit code; raises what ended it too early."""
    console = notices()
    with before(NOTHING_KEPT), key_opener(config, password_fd) as keystore:
        wanted = _find(config, asked)
        make_writable(rules.out)
        _recover(console, rules, quiet=quiet)
        with Stopper(quiet=quiet) as stop:
            try:
                summary, error = run(
                    _record(config, wanted, rules, stop, _surface(console, quiet=quiet), keystore)
                )
            except Interrupted as end:
                told = f"twice: what {rules.out} holds is not sealed; the next record there does it"
                raise Interrupted(end.signal, told) from None
    if as_json:
        print_json(summary)
    if not quiet:
        print_summary(console if as_json else output(), summary)
    if error is not None:
        raise error
    return stop.exit_code if summary.ended == "signal" else 0


def _find(config: Config, asked: Asked) -> Wanted:
    async def work(told: Callable[[Venue], None]) -> Wanted:
        async with Clients(config.venues) as clients:
            catalogues = Catalogues(clients, told)
            return await find_wanted(clients, catalogues, config.discovery, asked, time.time_ns())

    return until_stopped(work)


def _recover(console: Screen, rules: RecordRules, *, quiet: bool) -> None:
    """Seal what a crash left, and say so."""
    for path, recovery in recover_unfinished(rules.out, rules.name):
        lost = recovery.unreadable_bytes
        rest = f"; {lost:,} bytes of its tail could not be read" if lost else ""
        if not quiet:
            print_line(
                console,
                f"{path} had not been sealed and is now, with {recovery.frames_from_tail:,} frames "
                f"of its tail{rest}",
                "yellow",
            )


def _surface(console: Screen, *, quiet: bool) -> Picture | Lines | None:
    if quiet:
        return None
    return Picture(console) if console.is_terminal else Lines(console)


async def _record(
    config: Config,
    wanted: Wanted,
    rules: RecordRules,
    stop: Stopper,
    surface: Picture | Lines | None,
    keystore: OpenKeyStore,
) -> tuple[RecordSummary, Exception | None]:
    async with Clients(config.venues, keystore=keystore) as clients:
        recorder = Recorder(
            clients, Catalogues(clients), wanted, rules, config=config, rng=random.Random()
        )
        if surface is None:
            summary = await recorder.run(stop, lambda _recorder: None)
        else:
            with surface:
                summary = await recorder.run(stop, surface)
        return summary, recorder.error
