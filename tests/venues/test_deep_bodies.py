"""A body that is nested without end is refused by everything that reads one; it ends no process."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import underround.venues
from underround.model.errors import Bug, UnderroundError
from underround.venues.polygon.messages import Ask
from underround.venues.polymarket.trades import Account
from underround.venues.transport.http import Reply

ROOT: Final = Path(__file__).parents[2]
DEEP: Final = b"[" * 100_000
NESTED: Final = b'{"a":' * 100_000
BODIES: Final = (
    DEEP,
    NESTED,
    *(
        part + DEEP
        for part in (b'{"unread":', b'[{"unread":', b'{"data":', b'{"error":', b'{"id":')
    ),
    b'{"result":' + NESTED,
    b'{"markets":[' + NESTED,
)
GIVEN: Final[dict[str, Any]] = {
    "str": "x",
    "int": 1,
    "Nanos": 1,
    "bool": True,
    "Sequence[str]": (),
    "Sequence[Ask]": (Ask("eth_chainId"),),
    "Mapping[str, str]": {},
    "Mapping[str, OrderId]": {},
    "TimeInForce": "GTC",
    "tuple[tuple[str, str, TimeInForce], ...]": (("x", "buy", "GTC"),),
    "tuple[tuple[str, str], ...]": (("x", "buy"),),
    "Tokens": {},
    "Account": Account("key", "0xa3D82Ed56F4c68d2328Fb8c29e568Ba2cAF7d7c8"),
    "Literal['live', 'historical']": "live",
    "EmissionsVersion": "v9",
    "type[T]": list[int],
}
"""What a function gets besides the body, by annotation."""
TELL_ANYWAY: Final = frozenset(
    (
        "polymarket.refusals.words_of",  # what could not be read, as words
        "kalshi.refusals.fault_of",  # a fault that says nothing
        "allora.refusals.unimplemented",
        "polymarket.account_answers.expected_beat",
        "polymarket.relayer.answers.again",
        "polymarket.stream.text_heard",
        "polygon.refusals.status_refusal",  # JSON is worth decoding under any status
    )
)
"""What answers also for a body that cannot be read."""
PARTS: Final = frozenset(
    (
        "binance.codec.depth_stated",
        "kalshi.indices.index_ticks",
        "kalshi.lifecycle.event_fee_update",
        "kalshi.lifecycle.lifecycle",
    )
)
"""Parts of decoders, which turn what these raise into ``FrameRefused`` (test_codec_parts.py)."""


def readers() -> Iterator[tuple[str, Callable[[bytes], Any]]]:
    """Yield all public functions of the venues that take a body or a reply."""
    for each in pkgutil.walk_packages(underround.venues.__path__, "underround.venues."):
        module = importlib.import_module(each.name)
        for name, value in sorted(vars(module).items()):
            named = inspect.isfunction(value) and value.__module__ == each.name
            if named and not name.startswith("_") and not inspect.iscoroutinefunction(value):
                place = f"{each.name.removeprefix('underround.venues.')}.{name}"
                if _reads_json(place, value) and place not in PARTS:
                    yield place, _bound(value)


def _reads_json(place: str, function: Callable[..., Any]) -> bool:
    """Return whether a function takes a body, and is not given the decoder for it."""
    parameters = inspect.signature(function).parameters.values()
    if any("Callable" in str(parameter.annotation) for parameter in parameters):
        return False
    data = any(parameter.name == "data" for parameter in parameters)
    if data and not place.rsplit(".", 2)[-2].endswith(("answers", "approvals")):
        return False  # bytes of the chain
    return any(_carries(parameter) for parameter in parameters)


def _carries(parameter: inspect.Parameter) -> bool:
    kind = str(parameter.annotation)
    return kind == "Reply" or (
        parameter.name in {"body", "rows", "data", "payload"} and kind.startswith("bytes")
    )


def _bound(function: Callable[..., Any]) -> Callable[[bytes], Any]:
    def read(body: bytes) -> Any:
        given: dict[str, Any] = {}
        for parameter in inspect.signature(function).parameters.values():
            if _carries(parameter):
                reply = str(parameter.annotation) == "Reply"
                given[parameter.name] = Reply(400, {}, body) if reply else body
            elif parameter.default is parameter.empty:
                status = parameter.name == "status"
                given[parameter.name] = 500 if status else GIVEN[str(parameter.annotation)]
        return function(**given)

    return read


READERS: Final = dict(readers())


def met(read: Callable[[bytes], Any], body: bytes) -> Any:
    """Return what a reader returns or raises; only errors of our tree may be raised."""
    try:
        return read(body)
    except UnderroundError as error:
        return error


def walk() -> int:
    """Give every body to every reader and return how many readers there are."""
    for read in READERS.values():
        for body in BODIES:
            met(read, body)
    return len(READERS)


def test_the_walk_finds_the_readers_of_every_venue() -> None:
    found = {name.partition(".")[0] for name in READERS}
    assert found >= {"allora", "binance", "goldsky", "kalshi", "polygon", "polymarket"}
    assert len(READERS) > 80
    assert set(READERS) >= TELL_ANYWAY


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_body_without_end_is_an_error_of_our_tree(name: str) -> None:
    """Nothing else comes out: no ``RecursionError``, and no value but where that is the purpose."""
    for body in BODIES:
        told = met(READERS[name], body)
        if name in TELL_ANYWAY:
            continue
        for row in told if isinstance(told, tuple) else (told,):
            assert isinstance(row, UnderroundError), (body[:20], told)
            assert not isinstance(row, Bug)


def test_no_body_ends_a_process_that_has_imported_every_venue() -> None:
    """Run apart, because the C stack that overflows would be ours."""
    program = "from tests.venues.test_deep_bodies import walk; print(walk())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(len(READERS))), done.stderr[-500:]
