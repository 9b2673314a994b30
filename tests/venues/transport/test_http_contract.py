"""What every ``HttpTransport`` promises: sent or not, once or not at all, and nothing shown."""

from __future__ import annotations

import socket
from typing import Final, TypeAlias

import pytest

from tests.aio import run
from tests.venues.rawhost import raw_host, saying
from tests.venues.scripted import Answer, Asked, scripted_host
from underround.model.errors import AnswerRefused, OutcomeUnknown, UnderroundError, Unreachable
from underround.venues.transport.http import USER_AGENT, HttpClient
from underround.venues.transport.order_line import OrderLine

Kind: TypeAlias = type[HttpClient] | type[OrderLine]
pytestmark: Final = pytest.mark.parametrize("kind", [HttpClient, OrderLine])


def test_the_target_goes_on_the_wire_as_it_is_signed(kind: Kind) -> None:
    async def main() -> list[Asked]:
        script = {"GET /book": Answer(b"ok"), "POST /order": Answer(b"{}")}
        async with scripted_host(script) as host, kind(host.url) as client:
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


def test_a_status_is_handed_on_and_header_names_are_lower_case(kind: Kind) -> None:
    async def main() -> None:
        script = {"GET /x": Answer(b'{"error":"no"}', 429, {"Retry-After": "3"})}
        async with scripted_host(script) as host, kind(host.url) as client:
            reply = await client.send("GET", "/x")
            assert (reply.status, reply.body) == (429, b'{"error":"no"}')
            assert reply.headers["retry-after"] == "3"

    run(main())


def test_a_redirect_is_not_followed(kind: Kind) -> None:
    async def main() -> None:
        script = {"GET /x": Answer(status=302, headers={"Location": "/y"}), "GET /y": Answer()}
        async with scripted_host(script) as host, kind(host.url) as client:
            for _ in range(2):
                reply = await client.send("GET", "/x")
                assert (reply.status, reply.headers["location"]) == (302, "/y")
            assert [each.path for each in host.asked] == ["/x", "/x"]

    run(main())


def test_no_cookie_is_ever_sent_back(kind: Kind) -> None:
    async def main() -> list[Asked]:
        script = {"GET /x": Answer(headers={"Set-Cookie": "session=1"})}
        async with scripted_host(script) as host, kind(host.url) as client:
            await client.send("GET", "/x")
            await client.send("GET", "/x")
            return host.asked

    assert all("cookie" not in asked.headers for asked in run(main()))


@pytest.mark.parametrize("write", [False, True])
def test_where_nobody_listens_nothing_was_sent(kind: Kind, write: bool) -> None:
    async def main() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            async with kind(f"http://127.0.0.1:{port}") as client:
                for _ in range(3):
                    with pytest.raises(Unreachable, match="no connection"):
                        await client.send("POST", "/order", write=write)

    run(main())


def test_a_connection_that_never_opens_sent_nothing(kind: Kind) -> None:
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
                async with kind(f"http://127.0.0.1:{port}") as client:
                    with pytest.raises(Unreachable, match="no connection"):
                        await client.send("POST", "/order", body=b"{}", write=True)
            finally:
                for each in crowd:
                    each.close()

    run(main())


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
@pytest.mark.parametrize("answer", [Answer(never=True), Answer(hang_up=True)])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_write_without_an_answer_is_unknown_and_sent_exactly_once(
    kind: Kind, method: str, answer: Answer, before: int
) -> None:
    """Over a kept connection too, where aiohttp by itself sends a DELETE or PUT again."""

    async def main() -> None:
        script = {f"{method} /order": answer, "GET /ok": Answer()}
        async with scripted_host(script) as host, kind(host.url) as client:
            for _ in range(before):
                await client.send("GET", "/ok")
            with pytest.raises(OutcomeUnknown, match="never resend") as caught:
                await client.send(method, "/order?key=hush", body=b"{}", write=True)
            assert "hush" not in str(caught.value)
            assert len(host.of("/order")) == 1

    run(main())


@pytest.mark.parametrize("answer", [Answer(never=True), Answer(hang_up=True)])
def test_a_read_without_an_answer_may_be_tried_again(kind: Kind, answer: Answer) -> None:
    async def main() -> None:
        async with scripted_host({"GET /book": answer}) as host, kind(host.url) as client:
            with pytest.raises(Unreachable, match="try again") as caught:
                await client.send("GET", "/book?apiKey=hush", headers={"X-Secret": "hush"})
            assert "hush" not in str(caught.value)
            # Aiohttp by itself tries a GET once more.
            assert len(host.asked) == 1 or (kind is HttpClient and answer.hang_up)

    run(main())


@pytest.mark.parametrize("write, error", [(True, OutcomeUnknown), (False, Unreachable)])
def test_half_an_answer_is_none(kind: Kind, write: bool, error: type[UnderroundError]) -> None:
    half = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"orderID":'

    async def main() -> None:
        async with raw_host(saying(half, then_close=True)) as host, kind(host.url) as client:
            with pytest.raises(error, match="connection broke"):
                await client.send("POST", "/order", write=write)
            assert len(host.requests) == 1

    run(main())


@pytest.mark.parametrize("write, error", [(True, OutcomeUnknown), (False, AnswerRefused)])
@pytest.mark.parametrize("chunked", [True, False])
def test_an_endless_answer_is_cut(
    kind: Kind, write: bool, error: type[UnderroundError], chunked: bool
) -> None:
    head = (
        b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" if chunked else b"Content-Length: 2000\r\n\r\n"
    )
    tail = b"\r\n3e8\r\n" if chunked else b""

    async def main() -> None:
        answer = b"HTTP/1.1 200 OK\r\n" + head + b"x" * 1_000 + tail + b"x" * 1_000
        async with (
            raw_host(saying(answer)) as host,
            kind(host.url, max_body_bytes=1_000) as client,
        ):
            with pytest.raises(error, match="more than 1000 bytes"):
                await client.send("POST", "/x", write=write)

    run(main())


@pytest.mark.parametrize("write", [False, True])
def test_no_error_shows_the_path_of_the_base_address(kind: Kind, *, write: bool) -> None:
    """Chain nodes are reached under addresses that hold the key of their user."""

    async def main() -> None:
        script = {"POST /v2/hush/rpc": Answer(hang_up=True)}
        async with scripted_host(script) as host, kind(f"{host.url}/v2/hush") as client:
            with pytest.raises(OutcomeUnknown if write else Unreachable) as caught:
                await client.send("POST", "/rpc", body=b"{}", write=write)
            assert "hush" not in str(caught.value)
            assert f"POST {host.url}/rpc" in str(caught.value)

    run(main())


def test_a_closed_client_may_be_used_again(kind: Kind) -> None:
    async def main() -> None:
        async with scripted_host({"GET /ok": Answer(b"OK")}) as host:
            client = kind(host.url + "/")
            await client.send("GET", "/ok")
            await client.close()
            assert (await client.send("GET", "/ok")).body == b"OK"
            await client.close()

    run(main())
