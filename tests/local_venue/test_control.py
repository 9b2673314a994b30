"""The control endpoint: who may look, who may steer, and what browsers are told."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import aiohttp
import msgspec
import pytest

from tests.aio import run
from underround.local_venue.clock import HandClock
from underround.local_venue.control import Control
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.status import Status, Witness, status_of
from underround.local_venue.world import World
from underround.model.errors import ConfigError
from underround.model.units import Nanos

TOKEN: Final = "a token of the test"
KNOWN: Final = {"Authorization": f"Bearer {TOKEN}"}
VERBS: Final = (
    ("POST", "/faults"),
    ("DELETE", "/faults"),
    ("DELETE", "/faults/1"),
    ("POST", "/do"),
)
START: Final[Nanos] = 1_795_000_000 * 10**9


class Desk:
    """A control endpoint, what it was asked to do, and somebody who asks."""

    def __init__(self) -> None:
        self.world = World(HandClock(START), settlement=TimedSettlement)
        self.witness = Witness(self.world)
        self.done: list[bytes] = []
        self.control = Control(self.world, TOKEN, self.status, self.carry_out)
        self.url = ""
        self.session: aiohttp.ClientSession

    def status(self, now: Nanos) -> Status:
        return status_of(
            self.world, self.witness, servers=(), accounts=(), scene="test", chain=False, now=now
        )

    def carry_out(self, data: bytes, _now: Nanos) -> str:
        self.done.append(data)
        if data == b"wrong":
            raise ConfigError("market: there is no such market: name another")
        if data == b"broken":
            raise KeyError("a mistake of the venue's own")
        return "clear"

    async def ask(
        self,
        path: str,
        method: str = "GET",
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Return status, body (JSON read) and headers."""
        body = None if data is None else io.BytesIO(data)
        asked = self.session.request(method, self.url + path, data=body, headers=headers)
        async with asked as answer:
            told: Any = await answer.text()
            if answer.content_type == "application/json":
                told = json.loads(told)
            return answer.status, told, answer.headers


Work: TypeAlias = Callable[[Desk], Awaitable[None]]


def on_desk(work: Work) -> None:
    async def main() -> None:
        desk = Desk()
        desk.url = await desk.control.start()
        try:
            async with aiohttp.ClientSession() as desk.session:
                await work(desk)
        finally:
            await desk.control.stop()
            await desk.control.stop()  # once more does nothing

    run(main())


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {TOKEN}"},
     {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN},
     {"Authorization": "Bearer \u00fc"}],
    ids=["none", "empty", "another kind", "longer", "without a kind", "no ASCII"],
)  # fmt: skip
def test_nobody_steers_without_the_token(headers: dict[str, str]) -> None:
    async def work(desk: Desk) -> None:
        for method, path in VERBS:
            status, told, answered = await desk.ask(path, method, b'{"fault": "stale"}', headers)
            assert (status, answered["WWW-Authenticate"]) == (401, "Bearer")
            assert told["error"].startswith("verbs need the token that `underround venue` printed")
            assert TOKEN not in json.dumps(told)
        assert (desk.done, desk.world.faults.none) == ([], True)
        assert (await desk.ask("/status.json"))[0] == 200, "looking is free"

    on_desk(work)


@pytest.mark.parametrize(
    "host, status",
    [("evil.example", 403), ("evil.example:8700", 403), ("127.0.0.1.evil.example:80", 403),
     ("10.0.0.1:8700", 403), ("", 403), ("localhost:8700", 200), ("[::1]:8700", 200),
     ("127.0.0.1:1", 200)],
)  # fmt: skip
def test_only_a_page_from_loopback_gets_an_answer(host: str, status: int) -> None:
    """A web page whose name was rebound to 127.0.0.1 still names itself in ``Host``."""

    async def work(desk: Desk) -> None:
        for path in ("/", "/status.json"):
            assert (await desk.ask(path, headers={"Host": host}))[0] == status
        known = await desk.ask("/do", "POST", b"{}", KNOWN | {"Host": host})
        assert known[0] == status
        assert len(desk.done) == (status == 200)

    on_desk(work)


def test_browsers_are_told_to_run_nothing_but_the_page_s_own_script() -> None:
    async def work(desk: Desk) -> None:
        for path in ("/", "/status.json", "/nowhere"):
            _, _, headers = await desk.ask(path)
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; frame-ancestors 'none'")
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cache-Control"] == "no-store"
            assert "Server" not in headers
            assert "Access-Control-Allow-Origin" not in headers
        page = (await desk.ask("/"))[2]["Content-Security-Policy"]
        assert page.count("'sha256-") == 2, "one style and one script"
        refused = (await desk.ask("/do", "POST"))[2]
        assert "default-src 'none'" in refused["Content-Security-Policy"]

    on_desk(work)


def test_faults_are_set_and_ended_by_number_or_all_at_once() -> None:
    async def work(desk: Desk) -> None:
        async def set_fault(body: bytes) -> tuple[int, Any, Mapping[str, str]]:
            return await desk.ask("/faults", "POST", body, KNOWN)

        for number, kind in enumerate(("stale", "ghost", "retry"), start=1):
            told = await set_fault(f'{{"fault": "{kind}"}}'.encode())
            assert told[:2] == (200, {"id": number})
        status = (await desk.ask("/status.json"))[1]
        assert [row["fault"]["fault"] for row in status["faults"]] == ["stale", "ghost", "retry"]
        gone = await desk.ask("/faults/2", "DELETE", headers=KNOWN)
        assert gone[:2] == (200, {"cleared": 1})
        again = await desk.ask("/faults/2", "DELETE", headers=KNOWN)
        assert again[:2] == (404, {"error": "no fault 2 is in force"})
        odd = await desk.ask("/faults/two", "DELETE", headers=KNOWN)
        assert odd[:2] == (400, {"error": "'two' is no number of a fault"})
        assert (await desk.ask("/faults", "DELETE", headers=KNOWN))[1] == {"cleared": 2}

    on_desk(work)


@pytest.mark.parametrize(
    "path, body, status, words",
    [
        ("/faults", b'{"fault": "los"}', 400, "Invalid value 'los'"),
        ("/faults", b'{"fault": "lose"}', 400, "missing required field `stream`"),
        ("/faults", b"{", 400, "truncated"),
        ("/faults", b"\xff", 400, ""),
        ("/do", b"wrong", 400, "market: there is no such market: name another"),
        ("/nowhere", b"", 404, "Not Found"),
        ("/status.json", b"", 405, "Method Not Allowed"),
        ("/do", b"x" * (2 << 20), 413, ""),
    ],
)
def test_what_is_wrong_is_answered_in_json(path: str, body: bytes, status: int, words: str) -> None:
    async def work(desk: Desk) -> None:
        told = await desk.ask(path, "POST", body, KNOWN)
        assert (told[0], list(told[1])) == (status, ["error"])
        assert words in told[1]["error"]
        assert desk.world.faults.none

    on_desk(work)


def test_a_mistake_of_the_venue_s_own_is_logged_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work(desk: Desk) -> None:
        told = await desk.ask("/do", "POST", b"broken", KNOWN)
        assert told[:2] == (500, {"error": "the venue made a mistake: see what it logged"})

    on_desk(work)
    (record,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert record.getMessage() == "POST /do ended in an error"
    assert TOKEN not in caplog.text


def test_a_step_is_carried_out_as_it_came() -> None:
    async def work(desk: Desk) -> None:
        told = await desk.ask("/do", "POST", b'{"do": "clear"}', KNOWN)
        assert told[:2] == (200, {"done": "clear"})
        assert desk.done == [b'{"do": "clear"}']

    on_desk(work)


def test_looking_lets_what_is_due_happen_first() -> None:
    async def work(desk: Desk) -> None:
        happened: list[Nanos] = []
        desk.world.agenda.plan(START + 5, happened.append)
        assert isinstance(desk.world.clock, HandClock)
        desk.world.clock.move_to(START + 9)
        told = msgspec.convert((await desk.ask("/status.json"))[1], Status)
        assert (told.time_ns, happened) == (START + 9, [START + 5])

    on_desk(work)


def test_a_taken_port_is_an_os_error_and_nothing_stays_open() -> None:
    async def work(desk: Desk) -> None:
        port = int(desk.url.rpartition(":")[2])
        other = Control(desk.world, TOKEN, desk.status, desk.carry_out)
        with pytest.raises(OSError, match="address already in use"):
            await other.start(port)
        await other.stop()

    on_desk(work)
