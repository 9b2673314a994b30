"""Words to a running local venue: faults, steps of a scene, and what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from underround.cli.loop import run
from underround.cli.venue_live import STATE
from underround.model.errors import ConfigError, Unreachable
from underround.operations.folders import find_folders

_TIMEOUT_S: Final = 10.0
_START: Final = "start one with underround venue"


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
    rows = [
        (each["market"][:40], each["state"], _top(each["bids"]), _top(each["asks"]), each["last"])
        for each in told["markets"]
    ]
    print_table(console, ("market", "state", "bid>", "ask>", "last>"), rows)
    rows = [
        (each["name"], each["cash"], each["reserved"], each["in_flight"], str(each["open_orders"]))
        for each in told["accounts"]
    ]
    print_table(console, ("account", "cash>", "reserved>", "in flight>", "orders>"), rows)
    for each in told["faults"]:
        print_line(console, f"fault {each['id']}: {each['fault']}, happened {each['happened']}")
    return 0


def _top(levels: list[dict[str, str]]) -> str:
    return levels[0]["price"] if levels else "–"


def _ask(method: str, path: str, body: bytes | None = None) -> Any:
    """Return the running venue's answer; raises ``ConfigError`` with its words when it refuses."""
    return run(_asked(_running(), method, path, body))


def _running() -> _Running:
    path = find_folders().home / STATE
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Running)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no local venue runs with this state folder: {_START}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): delete it and {_START}") from None


async def _asked(at: _Running, method: str, path: str, body: bytes | None) -> Any:
    import aiohttp

    headers = {"Authorization": f"Bearer {at.token}"}
    timeout = aiohttp.ClientTimeout(_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.request(method, at.status + path, data=body) as answer,
        ):
            told = msgspec.json.decode(await answer.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(
            f"the local venue at {at.status} does not answer ({error}): {_START}"
        ) from None
    if answer.status != 200:
        raise ConfigError(f"the local venue refuses: {told['error']}")
    return told
