"""What the order path's own line promises: one write, one answer, nothing twice."""

from __future__ import annotations

import asyncio
import random

import pytest
import uvloop

from tests.aio import run
from tests.venues.rawhost import OK, Call, Wire, raw_host, saying, until
from tests.venues.scripted import Answer, scripted_host
from underround.model.errors import OutcomeUnknown, Unreachable
from underround.venues.streams.backoff import BackoffRules
from underround.venues.transport.connection import HttpConnection
from underround.venues.transport.order_line import OrderLine

# --- what a failure means -----------------------------------------------------------------------


def test_a_host_that_closes_every_connection_at_once_was_sent_nothing() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.hang_up()

        rules = BackoffRules(first_ms=100, longest_ms=100)
        async with (
            raw_host(serve) as host,
            OrderLine(host.url, connections=1, backoff=rules) as line,
        ):
            await until(lambda: len(host.calls) > 3)
            with pytest.raises((Unreachable, OutcomeUnknown)):
                await line.send("POST", "/order", write=True)
            assert not host.requests

    run(main())


# --- connections --------------------------------------------------------------------------------


def test_connections_are_open_before_they_are_needed_and_kept() -> None:
    async def main() -> None:
        async with raw_host(saying(OK)) as host, OrderLine(host.url, connections=3) as line:
            await until(lambda: len(host.calls) == 3)
            for _ in range(5):
                await line.send("GET", "/x")
            assert len(host.calls) == 3

    run(main())


def test_a_connection_the_host_closed_while_idle_is_replaced_before_anyone_asks() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.hear()
            await call.say(OK)
            if call.number == 0:
                await call.hang_up()
            await call.hear()
            await call.say(OK)

        async with raw_host(serve) as host, OrderLine(host.url, connections=1) as line:
            await line.send("GET", "/1")
            await until(lambda: len(host.calls) == 2)
            await line.send("POST", "/order", write=True)
            assert [len(call.requests) for call in host.calls] == [1, 1]

    run(main())


def test_an_end_that_the_loop_has_not_seen_yet_is_noticed_before_the_write() -> None:
    """The far end closes between two steps of the loop, as it may while a message is handled."""

    async def main() -> None:
        wires = [Wire(), Wire()]
        made: list[HttpConnection] = []

        async def connect(*_: object) -> HttpConnection:
            connection = HttpConnection(1_000)
            connection.connection_made(wires[len(made)])
            made.append(connection)
            return connection

        line = OrderLine("http://host.example", connections=2, connect=connect)
        line.open()
        await asyncio.sleep(0.001)
        last_used = wires[1]
        last_used.far.close()
        sending = asyncio.create_task(line.send("POST", "/order", write=True))
        await asyncio.sleep(0.001)
        assert (len(wires[0].written), last_used.written) == (1, [])
        made[0].data_received(OK)
        assert (await sending).body == b"OK"
        for connection in made:
            connection.connection_lost(None)
        for wire in wires:
            wire.abort()
        await line.close()

    run(main())


def test_a_connection_closed_as_the_request_left_makes_a_write_unknown() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.hear()
            await call.say(OK)
            await call.hear()
            await call.hang_up()

        async with raw_host(serve) as host, OrderLine(host.url, connections=1) as line:
            await line.send("GET", "/1")
            with pytest.raises(OutcomeUnknown):
                await line.send("DELETE", "/order", body=b"{}", write=True)
            assert len([each for each in host.requests if b"DELETE" in each]) == 1

    run(main())


def test_a_connection_that_was_idle_for_long_is_replaced_before_it_is_used() -> None:
    async def main() -> None:
        async with (
            raw_host(saying(OK)) as host,
            OrderLine(host.url, connections=1, max_idle_ms=5_000) as line,
        ):
            await line.send("GET", "/1")
            await asyncio.sleep(6)
            assert [call.over for call in host.calls] == [True, False]
            await line.send("GET", "/2")
            assert [len(call.requests) for call in host.calls] == [1, 1]

    run(main())


def test_an_idle_connection_serves_until_its_replacement_is_open() -> None:
    async def main() -> None:
        wire = Wire()
        made: list[HttpConnection] = []

        async def connect(*_: object) -> HttpConnection:
            if made:
                raise ConnectionRefusedError
            made.append(HttpConnection(1_000))
            made[0].connection_made(wire)
            return made[0]

        line = OrderLine("http://host.example", connections=1, max_idle_ms=5_000, connect=connect)
        line.open()
        await asyncio.sleep(60)
        sending = asyncio.create_task(line.send("POST", "/order", write=True))
        await asyncio.sleep(0.001)
        made[0].data_received(OK)
        assert (await sending).body == b"OK"
        made[0].drop()
        made[0].connection_lost(None)
        with pytest.raises(Unreachable):
            await line.send("POST", "/order", write=True)
        await line.close()

    run(main())


def test_tries_to_connect_become_rarer_but_an_order_tries_at_once() -> None:
    async def main() -> None:
        tries: list[float] = []
        loop = asyncio.get_running_loop()

        async def connect(*_: object) -> HttpConnection:
            tries.append(loop.time())
            raise ConnectionRefusedError("refused")

        rules = BackoffRules(first_ms=250, longest_ms=30_000)
        line = OrderLine(
            "http://host.example", connections=1, backoff=rules, rng=random.Random(1),
            connect=connect,
        )  # fmt: skip
        line.open()
        await asyncio.sleep(3_600)
        assert 120 < len(tries) < 500
        before = len(tries)
        for _ in range(3):
            with pytest.raises(Unreachable, match="refused"):
                await line.send("POST", "/order", write=True)
        assert len(tries) == before + 3
        await line.close()

    run(main())


def test_a_late_answer_is_never_taken_for_the_next_requests() -> None:
    async def main() -> None:
        late = asyncio.Event()

        async def serve(call: Call) -> None:
            request = await call.hear()
            if b"/slow" in request:
                await late.wait()
            await call.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + request[4:9])
            await call.hear()

        async with (
            raw_host(serve) as host,
            OrderLine(host.url, connections=1, timeout_ms=1_000) as line,
        ):
            begun = asyncio.get_running_loop().time()
            with pytest.raises(OutcomeUnknown, match="within 1000 ms"):
                await line.send("PUT", "/slow", write=True)
            assert 1 <= asyncio.get_running_loop().time() - begun < 2
            late.set()
            assert (await line.send("GET", "/next")).body == b"/next"

    run(main())


def test_a_cancelled_request_takes_its_connection_with_it() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            request = await call.hear()
            if b"/slow" in request:
                await call.gone()
            await call.say(OK)

        async with raw_host(serve) as host, OrderLine(host.url, connections=1) as line:
            sending = asyncio.create_task(line.send("POST", "/slow", write=True))
            await until(lambda: len(host.requests) == 1)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert (await line.send("GET", "/next")).body == b"OK"
            assert len(host.calls) == 2

    run(main())


def test_a_cancelled_wait_for_a_connection_costs_nobody_his_turn() -> None:
    async def main() -> None:
        async with raw_host(saying(OK)) as host, OrderLine(host.url, connections=1) as line:
            await line.send("GET", "/0")
            held = line._warm.ready()
            assert held is not None
            tasks = [asyncio.create_task(line.send("GET", f"/{n}")) for n in (1, 2, 3)]
            await asyncio.sleep(0.001)
            tasks[0].cancel()
            line._warm.release(held)  # the second is given it, and cancelled before it knows
            tasks[1].cancel()
            assert (await tasks[2]).body == b"OK"
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert [isinstance(end, asyncio.CancelledError) for end in ends] == [True, True, False]
            assert [request[:6] for request in host.requests] == [b"GET /0", b"GET /3"]
            assert len(host.calls) == 1

    run(main())


def test_requests_beyond_the_connections_wait_in_turn() -> None:
    async def main() -> list[bytes]:
        async with raw_host(saying(OK)) as host, OrderLine(host.url, connections=2) as line:
            await until(lambda: len(host.calls) == 2)
            await asyncio.gather(*(line.send("GET", f"/{n:02d}") for n in range(20)))
            assert len(host.calls) == 2
            for call in host.calls:
                assert call.requests == sorted(call.requests)
                assert len(call.requests) > 5
            return host.requests

    assert len({request[4:7] for request in run(main())}) == 20


def test_who_waits_too_long_for_a_connection_has_sent_nothing() -> None:
    async def main() -> None:
        script = {"GET /slow": Answer(never=True), "POST /order": Answer()}
        async with (
            scripted_host(script) as host,
            OrderLine(host.url, connections=1, timeout_ms=10_000) as line,
        ):
            slow = asyncio.create_task(line.send("GET", "/slow"))
            await until(lambda: bool(host.asked))
            with pytest.raises(Unreachable, match="none was free"):
                await line.send("POST", "/order", write=True)
            assert not host.of("/order")
            with pytest.raises(Unreachable):
                await slow

    run(main())


def test_a_host_that_closes_after_every_answer_is_answered_with_fresh_connections() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    async def main() -> None:
        async with (
            raw_host(saying(closing, then_close=True)) as host,
            OrderLine(host.url, connections=2) as line,
        ):
            for _ in range(10):
                assert (await line.send("POST", "/order", write=True)).body == b"OK"
            assert all(len(call.requests) <= 1 for call in host.calls)

    run(main())


def test_after_an_answer_the_next_connection_is_opened_without_a_pause() -> None:
    async def main() -> None:
        rules = BackoffRules(first_ms=30_000)
        async with (
            raw_host(saying(OK, then_close=True)) as host,
            OrderLine(host.url, connections=1, backoff=rules, rng=random.Random(2)) as line,
        ):
            begun = asyncio.get_running_loop().time()
            for _ in range(5):
                await line.send("GET", "/x")
                await until(lambda: len(host.calls) == len(host.requests) + 1)
            assert asyncio.get_running_loop().time() - begun < 2

    run(main())


def test_who_waits_while_a_connection_breaks_does_not_wait_out_a_pause() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.hear()
            if call.number:
                await call.say(OK)
                await call.hear()

        rules = BackoffRules(first_ms=30_000)
        async with (
            raw_host(serve) as host,
            OrderLine(host.url, connections=1, backoff=rules, rng=random.Random(2)) as line,
        ):
            begun = asyncio.get_running_loop().time()
            first = asyncio.create_task(line.send("POST", "/1", write=True))
            second = asyncio.create_task(line.send("POST", "/2", write=True))
            with pytest.raises(OutcomeUnknown):
                await first
            assert (await second).body == b"OK"
            assert asyncio.get_running_loop().time() - begun < 2

    run(main())


def test_closing_ends_what_is_under_way_and_the_line_may_be_used_again() -> None:
    async def main() -> None:
        script = {"GET /ok": Answer(b"OK"), "POST /order": Answer(never=True)}
        async with scripted_host(script) as host:
            line = OrderLine(host.url + "/", connections=1)
            sending = asyncio.create_task(line.send("POST", "/order", write=True))
            await until(lambda: bool(host.asked))
            waiting = asyncio.create_task(line.send("POST", "/order", write=True))
            await asyncio.sleep(0.001)
            await line.close()
            with pytest.raises(OutcomeUnknown, match="closed"):
                await sending
            with pytest.raises(Unreachable, match="closed"):
                await waiting
            assert (await line.send("GET", "/ok")).body == b"OK"
            await line.close()
            await line.close()

    run(main())


def test_on_uvloop_too_nothing_is_sent_twice() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.hear()
            await call.say(OK)
            await call.hear()

        async with raw_host(serve) as host, OrderLine(host.url, connections=1) as line:
            await line.send("GET", "/1")
            sending = asyncio.create_task(line.send("POST", "/order", body=b"{}", write=True))
            await until(lambda: len(host.requests) == 2)
            with pytest.raises(OutcomeUnknown):
                await sending
            assert (await line.send("GET", "/2")).body == b"OK"
            assert len(host.requests) == 3

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
