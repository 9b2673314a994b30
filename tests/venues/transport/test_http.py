"""What a failure of HTTP means: sent or not, once or not at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.aio import run
from tests.venues.scripted import Answer, Asked, scripted_host
from underround.model.errors import AnswerRefused, ConfigError, OutcomeUnknown, Unreachable
from underround.venues.transport.http import USER_AGENT, HttpClient, host_of


@asynccontextmanager
async def raw_host(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer every request with these very bytes and close the connection."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", heard
    finally:
        server.close()
        await server.wait_closed()


def test_the_target_goes_on_the_wire_as_it_is_signed() -> None:
    async def main() -> list[Asked]:
        script = {"GET /book": Answer(b"ok"), "POST /order": Answer(b"{}")}
        async with scripted_host(script) as host, HttpClient(host.url) as client:
            await client.send("GET", "/book?token_id=1%2B2&x=a,b%20c")
            await client.send("POST", "/order", body=b'{"a":1}', headers={"X-Key": "k"}, write=True)
            return host.asked

    read, write = run(main())
    assert read.target == "/book?token_id=1%2B2&x=a,b%20c"
    assert read.headers["user-agent"] == USER_AGENT
    assert "content-type" not in read.headers
    assert write.body == b'{"a":1}'
    assert write.headers["content-type"] == "application/json"
    assert write.headers["x-key"] == "k"


def test_a_status_is_handed_on_and_header_names_are_lower_case() -> None:
    async def main() -> None:
        script = {"GET /x": Answer(b'{"error":"no"}', 429, {"Retry-After": "3"})}
        async with scripted_host(script) as host, HttpClient(host.url) as client:
            reply = await client.send("GET", "/x")
            assert (reply.status, reply.body) == (429, b'{"error":"no"}')
            assert reply.headers["retry-after"] == "3"

    run(main())


def test_a_redirect_is_not_followed() -> None:
    async def main() -> None:
        script = {"GET /x": Answer(status=302, headers={"Location": "/y"}), "GET /y": Answer()}
        async with scripted_host(script) as host, HttpClient(host.url) as client:
            assert (await client.send("GET", "/x")).status == 302
            assert not host.of("/y")

    run(main())


def test_no_cookie_is_ever_sent_back() -> None:
    async def main() -> list[Asked]:
        script = {"GET /x": Answer(headers={"Set-Cookie": "session=1"})}
        async with scripted_host(script) as host, HttpClient(host.url) as client:
            await client.send("GET", "/x")
            await client.send("GET", "/x")
            return host.asked

    assert all("cookie" not in asked.headers for asked in run(main()))


@pytest.mark.parametrize("write", [False, True])
def test_where_nobody_listens_nothing_was_sent(write: bool) -> None:
    async def main() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            async with HttpClient(f"http://127.0.0.1:{port}") as client:
                with pytest.raises(Unreachable, match="no connection"):
                    await client.send("POST", "/order", write=write)

    run(main())


def test_a_connection_that_never_opens_sent_nothing() -> None:
    async def main() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            crowd = [socket.socket() for _ in range(4)]
            for each in crowd:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            try:
                async with HttpClient(f"http://127.0.0.1:{port}") as client:
                    with pytest.raises(Unreachable, match="no connection"):
                        await client.send("POST", "/order", body=b"{}", write=True)
            finally:
                for each in crowd:
                    each.close()

    run(main())


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
@pytest.mark.parametrize("answer", [Answer(never=True), Answer(hang_up=True)])
def test_a_write_without_an_answer_is_unknown_and_sent_exactly_once(
    method: str, answer: Answer
) -> None:
    async def main() -> None:
        script = {f"{method} /order": answer}
        async with scripted_host(script) as host, HttpClient(host.url) as client:
            with pytest.raises(OutcomeUnknown, match="never resend"):
                await client.send(method, "/order?key=secret", body=b"{}", write=True)
            assert len(host.of("/order")) == 1

    run(main())


def test_a_write_over_a_connection_that_was_used_before_is_sent_once_too() -> None:
    """Aiohttp sends a DELETE again by itself when a kept connection breaks."""

    async def main() -> None:
        script = {"GET /ok": Answer(), "DELETE /order": Answer(hang_up=True)}
        async with scripted_host(script) as host, HttpClient(host.url) as client:
            await client.send("GET", "/ok")
            with pytest.raises(OutcomeUnknown):
                await client.send("DELETE", "/order", body=b"{}", write=True)
            assert len(host.of("/order")) == 1

    run(main())


@pytest.mark.parametrize("answer", [Answer(never=True), Answer(hang_up=True)])
def test_a_read_without_an_answer_may_be_tried_again(answer: Answer) -> None:
    async def main() -> None:
        async with scripted_host({"GET /book": answer}) as host, HttpClient(host.url) as client:
            with pytest.raises(Unreachable, match="try again"):
                await client.send("GET", "/book")

    run(main())


@pytest.mark.parametrize("write, kind", [(True, OutcomeUnknown), (False, Unreachable)])
def test_half_an_answer_is_none(write: bool, kind: type[Exception]) -> None:
    half = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"orderID":'

    async def main() -> None:
        async with raw_host(half) as (url, heard), HttpClient(url) as client:
            with pytest.raises(kind, match="connection broke"):
                await client.send("POST", "/order", write=write)
            assert len(heard) == 1

    run(main())


@pytest.mark.parametrize("write, kind", [(True, OutcomeUnknown), (False, AnswerRefused)])
def test_an_endless_answer_is_cut(write: bool, kind: type[Exception]) -> None:
    async def main() -> None:
        script = {"POST /x": Answer(b"x" * 2_000)}
        async with scripted_host(script) as host, HttpClient(host.url, max_body_bytes=1_000) as c:
            with pytest.raises(kind, match="more than 1000 bytes"):
                await c.send("POST", "/x", write=write)

    run(main())


def test_no_error_shows_the_query() -> None:
    async def main() -> None:
        script = {"GET /x": Answer(never=True)}
        async with scripted_host(script) as host, HttpClient(host.url) as client:
            with pytest.raises(Unreachable) as caught:
                await client.send("GET", "/x?apiKey=hush", headers={"X-Secret": "hush"})
            assert "hush" not in str(caught.value)

    run(main())


@pytest.mark.parametrize(
    "address", ["clob.example", "", "https://", "ftp://x/hush", "https://x:hush/", "https://[hush"]
)
def test_what_is_no_address_is_a_mistake_of_the_configuration(address: str) -> None:
    """It is not repeated: it may hold a key."""
    with pytest.raises(ConfigError, match="a base address begins with one of http") as caught:
        HttpClient(address)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("write", [False, True])
def test_no_error_shows_the_path_of_the_base_address(*, write: bool) -> None:
    """Chain nodes are reached under addresses that hold the key of their user."""

    async def main() -> None:
        script = {"POST /v2/hush/rpc": Answer(hang_up=True)}
        async with scripted_host(script) as host, HttpClient(f"{host.url}/v2/hush") as client:
            with pytest.raises(OutcomeUnknown if write else Unreachable) as caught:
                await client.send("POST", "/rpc", body=b"{}", write=write)
            assert "hush" not in str(caught.value)
            assert f"POST {host.url}/rpc" in str(caught.value)

    run(main())


@pytest.mark.parametrize(
    "address, shown",
    [
        ("https://me:hush@node.example/v2/hush", "https://node.example"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/x", "http://[::1]:8545"),
    ],
)
def test_scheme_host_and_port_are_shown_of_an_address(address: str, shown: str) -> None:
    assert host_of(address) == shown


def test_a_closed_client_may_be_used_again() -> None:
    async def main() -> None:
        async with scripted_host({"GET /ok": Answer(b"OK")}) as host:
            client = HttpClient(host.url + "/")
            await client.send("GET", "/ok")
            await client.close()
            assert (await client.send("GET", "/ok")).body == b"OK"
            await client.close()

    run(main())
