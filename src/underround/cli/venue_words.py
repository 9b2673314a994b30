"""Words to a running local venue: faults, steps of a scene, and what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from underround.cli.loop import run
from underround.cli.venue_live import STATE
from underround.model.errors import ConfigError, Unreachable
from underround.operations.folders import find_folders

_TIMEOUT_S: Final = 10.0
_START: Final = "start one with `underround venue`"


class _Running(msgspec.Struct, frozen=True):
    status: str
    token: str


def fault_command(words: Sequence[str]) -> int:
    """Put a fault in force and say its number."""
    from underround.cli.screen import output, print_line
    from underround.local_venue.words import read_fault_words

    fault = read_fault_words(words)
    told = _ask("POST", "/faults", msgspec.json.encode(fault))
    print_line(
        output(), f"fault {told['id']} is in force; end it: underround venue clear {told['id']}"
    )
    return 0


def clear_command(number: int | None) -> int:
    """End a fault, or all."""
    from underround.cli.screen import output, print_line

    told = _ask("DELETE", "/faults" if number is None else f"/faults/{number}")
    print_line(output(), f"{told['cleared']} cleared")
    return 0


def do_command(words: Sequence[str]) -> int:
    """Let a step happen now."""
    from underround.cli.screen import output, print_line
    from underround.local_venue.words import read_step_words

    told = _ask("POST", "/do", read_step_words(words))
    print_line(output(), f"done: {told['done']}")
    return 0


def status_command(*, as_json: bool) -> int:
    """Show the venue."""
    from underround.cli.screen import output, print_json, print_line, print_table

    told = _ask("GET", "/status.json")
    if as_json:
        print_json(told)
        return 0
    console = output()
    settled = "on the local chain" if told["chain"] else "by the clock"
    print_line(
        console,
        f"scene {told['scene']}, seed {told['seed']}, speed {told['speed']}, settles {settled}",
    )
    print_line(console, f"its page: {told['servers'][0]['address']}")
    rows = [
        (each["slug"], each["state"], _top(each["bids"]), _top(each["asks"]), each["last"])
        for each in told["markets"]
    ]
    print_table(console, ("market", "state", "bid>", "ask>", "last>"), rows)
    rows = [
        (
            f"{each['name']} ({each['venue']})",
            each["cash"],
            each["reserved"],
            each["in_flight"],
            str(each["open_orders"]),
        )
        for each in told["accounts"]
    ]
    print_table(console, ("account", "cash>", "reserved>", "in flight>", "orders>"), rows)
    for each in told["faults"]:
        print_line(console, _fault_line(each))
    return 0


def _fault_line(row: dict[str, Any]) -> str:
    told = dict(row["fault"])
    kind = told.pop("fault")
    terms = " ".join(f"{key}={value}" for key, value in told.items() if value not in (None, ""))
    return f"fault {row['id']}: {kind} {terms}, happened {row['happened']} times"


def _top(levels: list[dict[str, str]]) -> str:
    return levels[0]["price"] if levels else "–"


def _ask(method: str, path: str, body: bytes | None = None) -> Any:
    """Return the running venue's answer; raises ``ConfigError`` with its words when it refuses."""
    file = find_folders().home / STATE
    return run(_asked(_running(file), file, method, path, body))


def _running(file: Path) -> _Running:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Running)
    except FileNotFoundError:
        raise ConfigError(f"{file}: no local venue runs with this state folder: {_START}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{file} cannot be read ({error}): delete it, and {_START}") from None


async def _asked(at: _Running, file: Path, method: str, path: str, body: bytes | None) -> Any:
    import aiohttp

    headers = {"Authorization": f"Bearer {at.token}"}
    timeout = aiohttp.ClientTimeout(_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.request(method, at.status + path, data=body) as answer,
        ):
            status, found = answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or str(error) or "no answer in time"
        raise Unreachable(
            f"{file} names a local venue at {at.status} that does not answer ({why}): if it was "
            f"killed, {_START}"
        ) from None
    try:
        told = msgspec.json.decode(found, type=dict[str, Any])
    except msgspec.DecodeError:
        told = {}
    if status != 200 or not told:
        # A venue that was killed leaves its address behind, and anybody may listen there now.
        said = told.get("error", f"what answers at {at.status} is no local venue: {_START}")
        raise ConfigError(f"the local venue refuses: {said}" if told else said)
    return told
