"""What every REST client has to prove, against a host on loopback that answers as told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from tests.aio import JumpingLoop, run
from tests.venues.conformance import GARBAGE, HTML, words_of
from tests.venues.scripted import Answer, Asked, Script, scripted_host
from underround.model.errors import (
    AnswerRefused,
    Bug,
    OutcomeUnknown,
    TryLater,
    UnderroundError,
    Unreachable,
)
from underround.model.units import Nanos
from underround.venues.transport.budget import Limits, RateBudget
from underround.venues.transport.http import HttpClient, HttpTransport

Clock = Callable[[], Nanos]
LONG: Final = b'{"padding":"' + b"x" * 200_000 + b'"}'
FAILURES: Final[Mapping[str, Answer]] = {
    "hang-up": Answer(hang_up=True),
    "no answer": Answer(never=True),
    "500": Answer(b'{"error":"internal error"}', 500),
    "502 of a gateway": Answer(HTML, 502),
    "503": Answer(b"", 503),
    "504": Answer(b"", 504),
    "a redirect": Answer(b"", 307, {"Location": "/elsewhere"}),
    "an endless answer": Answer(LONG),
}


class Request(msgspec.Struct, frozen=True):
    """One method of a client."""

    key: str
    """``"POST /order"``, as a script names it."""
    ask: Callable[[Any], Awaitable[Any]]
    answer: bytes
    """A body that it understands."""
    beside: Mapping[str, Answer] = {}
    """What else it may have to ask before."""
    reads_answer: bool = True
    """Whether anything in the answer matters besides its status."""
    name: str = ""


class Spending(RateBudget):
    """A budget that notes each spending in the order of things."""

    def __init__(self, limits: Limits, clock: Clock, log: list[str]) -> None:
        super().__init__(limits, clock, asyncio.sleep)
        self._log = log

    async def spend(self, group: str, cost: int = 1) -> None:
        await super().spend(group, cost)
        self._log.append(f"spend {group} {cost}")


class Met(msgspec.Struct):
    """What became of a call."""

    result: Any = None
    error: UnderroundError | None = None
    asked: list[Asked] = []
    log: list[str] = []

    def of(self, request: Request) -> list[Asked]:
        """Return what reached the host of this request."""
        return [each for each in self.asked if f"{each.method} {each.path}" == request.key]


class ClientConformance:
    """A REST client.  Give ``limits``, ``client``, and its ``reads``, ``writes`` and ``paged``."""

    limits: Limits
    secrets: Collection[str] = ()
    unsettled: Mapping[str, Answer] = {}
    """More answers of this venue that leave a write open."""
    budgeted: bool = True

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> Any:
        raise NotImplementedError

    def reads(self) -> Sequence[Request]:
        raise NotImplementedError

    def writes(self) -> Sequence[Request]:
        return ()

    def paged(self) -> Sequence[Request]:
        """Return reads whose answer names the same next page again and again."""
        return ()

    # --- asking ------------------------------------------------------------------------------

    def meet(
        self, request: Request, answer: Answer, *, warm: bool = False, closed: bool = False
    ) -> Met:
        """Return what becomes of ``request`` when the host gives ``answer``.

        ``warm``: the connection has served a request before.  ``closed``: nobody listens.
        """
        met = Met(asked=[], log=[])

        def answering(asked: Asked) -> Answer:
            met.log.append(f"asked {asked.method} {asked.path}")
            return answer

        async def main() -> None:
            loop = cast("JumpingLoop", asyncio.get_running_loop())
            script: Script = {**request.beside, "GET /warm": Answer(), request.key: answering}
            async with scripted_host(script) as host:
                url = _nobody() if closed else host.url
                async with HttpClient(url, timeout_ms=5_000, max_body_bytes=100_000) as http:
                    if warm:
                        await http.send("GET", "/warm")
                    budget = Spending(self.limits, loop.now_ns, met.log)
                    try:
                        met.result = await request.ask(self.client(http, budget, loop.now_ns))
                    except UnderroundError as error:
                        met.error = error
                met.asked = [each for each in host.asked if each.path != "/warm"]

        run(main())
        return met

    def failures(self) -> Mapping[str, Answer]:
        return {**FAILURES, **self.unsettled}

    # --- reads -------------------------------------------------------------------------------

    def test_a_read_asks_once_after_it_paid(self) -> None:
        for request in self.reads():
            met = self.meet(request, Answer(request.answer))
            assert met.error is None, (request.key, met.error)
            assert len(met.of(request)) == 1, request.key
            if self.budgeted:
                assert met.log[0].startswith("spend "), request.key
                assert met.log[-1] == f"asked {request.key}"
                paid = sum(line.startswith("spend") for line in met.log)
                assert paid == len(met.asked), request.key

    def test_a_read_that_fails_is_not_repeated(self) -> None:
        """A failure of any kind is an error of our tree that a read can have, after one request.

        Only a connection that breaks may be tried once more (RFC 9112, 9.3.1).
        """
        for request in self.reads():
            for name, answer in self.failures().items():
                for warm in (False, True):
                    met = self.meet(request, answer, warm=warm)
                    said = (request.key, name, warm, met.error)
                    assert len(met.of(request)) <= (2 if answer.hang_up else 1), said
                    assert isinstance(met.error, UnderroundError), said
                    assert not isinstance(met.error, OutcomeUnknown | Bug), said

    def test_an_unreadable_answer_to_a_read_is_refused(self) -> None:
        for request in self.reads():
            for body in (*GARBAGE, request.answer[:-1]):
                met = self.meet(request, Answer(body[:90_000]))
                assert isinstance(met.error, AnswerRefused), (request.key, body[:40], met.error)
                assert len(met.of(request)) == 1

    def test_without_a_connection_nothing_was_sent(self) -> None:
        for request in (*self.reads(), *self.writes()):
            if not request.beside:
                met = self.meet(request, Answer(), closed=True)
                assert isinstance(met.error, Unreachable), (request.key, met.error)

    def test_pages_that_do_not_end_are_an_error(self) -> None:
        """A cursor that comes twice ends the reading, at once and not as a complete list."""
        for request in self.paged():
            met = self.meet(request, Answer(request.answer))
            assert isinstance(met.error, UnderroundError), request.key
            assert not isinstance(met.error, TryLater | OutcomeUnknown | Bug), met.error
            assert 2 <= len(met.of(request)) <= 3, request.key
            if self.budgeted:
                assert sum(line.startswith("spend") for line in met.log) == len(met.asked)

    # --- writes ------------------------------------------------------------------------------

    def test_a_write_is_sent_once_after_it_paid(self) -> None:
        for request in self.writes():
            met = self.meet(request, Answer(request.answer))
            assert met.error is None, (request.key, met.error)
            assert len(met.of(request)) == 1, request.key
            if self.budgeted:
                assert met.log[-2].startswith("spend "), (request.key, met.log)

    def test_a_write_that_may_have_worked_is_unknown_and_never_resent(self) -> None:
        for request in self.writes():
            for name, answer in self.failures().items():
                for warm in (False, True):
                    met = self.meet(request, answer, warm=warm)
                    said = (request.key, name, "warm" if warm else "cold", met.error)
                    assert len(met.of(request)) == 1, said
                    assert isinstance(met.error, OutcomeUnknown), said

    def test_half_an_answer_to_a_write_is_unknown(self) -> None:
        for request in self.writes():
            if request.reads_answer:
                for body in (b"", request.answer[:-1], *GARBAGE):
                    met = self.meet(request, Answer(body[:90_000]))
                    said = (request.key, body[:40], met.error)
                    assert isinstance(met.error, OutcomeUnknown), said
                    assert len(met.of(request)) == 1, said

    # --- secrets -----------------------------------------------------------------------------

    def test_no_error_shows_a_secret(self) -> None:
        """Neither what we sent nor what the venue sends back of it."""
        for request in (*self.reads(), *self.writes()):
            echo = "; ".join(self.secrets)
            answers = {
                **self.failures(),
                "echo": Answer(msgspec.json.encode({"error": echo, "message": echo}), 400),
                "echo 401": Answer(msgspec.json.encode({"error": {"message": echo}}), 401),
                "echo 200": Answer(msgspec.json.encode({"echo": echo})),
            }
            for name, answer in answers.items():
                met = self.meet(request, answer)
                for secret in self.secrets:
                    assert secret not in words_of(met.error), (request.key, name)


def _nobody() -> str:
    """Return an address on loopback at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
