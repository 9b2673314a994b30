"""The bytes of one request and of one answer, however they arrive."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import run
from tests.venues.rawhost import OK, Call, Wire, raw_host, saying, until
from underround.model.errors import (
    Bug,
    ConfigError,
    OutcomeUnknown,
    UnderroundError,
    Unreachable,
)
from underround.venues.transport.connection import MAX_HEAD_BYTES, BrokenError, HttpConnection
from underround.venues.transport.head import site_of
from underround.venues.transport.http import USER_AGENT, Reply
from underround.venues.transport.order_line import OrderLine

# --- the request --------------------------------------------------------------------------------


def test_a_request_is_one_write_of_exactly_these_bytes() -> None:
    async def main() -> tuple[bytes, bytes, str]:
        async with raw_host(saying(OK)) as host, OrderLine(host.url + "/v2/") as line:
            await line.send("GET", "/book?token_id=1%2B2&x=a,b%20c")
            headers = {"POLY_A%s": "50%s", "X-B": ""}
            await line.send("POST", "/order", body=b'{"a":1}', headers=headers, write=True)
            read, write = host.requests
            return read, write, host.url.removeprefix("http://")

    read, write, authority = run(main())
    common = f"Host: {authority}\r\nUser-Agent: {USER_AGENT}\r\nAccept: application/json\r\n"
    assert read.decode() == (
        f"GET /v2/book?token_id=1%2B2&x=a,b%20c HTTP/1.1\r\n{common}"
        "Accept-Encoding: identity\r\n\r\n"
    )
    assert write.decode() == (
        f"POST /v2/order HTTP/1.1\r\n{common}Content-Type: application/json\r\n"
        "Accept-Encoding: identity\r\nPOLY_A%s: 50%s\r\nX-B: \r\nContent-Length: 7\r\n\r\n"
        '{"a":1}'
    )


@pytest.mark.parametrize("method, length", [("POST", True), ("PUT", True), ("DELETE", False)])
def test_only_methods_that_promise_a_body_name_the_length_of_none(
    method: str, length: bool
) -> None:
    async def main() -> bytes:
        async with raw_host(saying(OK)) as host, OrderLine(host.url) as line:
            await line.send(method, "/x", write=True)
            return host.requests[0]

    assert (b"Content-Length: 0\r\n" in run(main())) is length


def test_a_callers_header_replaces_the_lines_own() -> None:
    async def main() -> bytes:
        async with raw_host(saying(OK)) as host, OrderLine(host.url) as line:
            await line.send("POST", "/x", body=b"", headers={"content-type": "text/plain"})
            return host.requests[0].lower()

    assert run(main()).count(b"content-type:") == 1


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\ny", "a\0", "ä", "a\x7f", "\u2028"])
def test_a_value_that_could_break_out_of_its_header_is_refused_unseen(value: str) -> None:
    async def main() -> None:
        async with raw_host(saying(OK)) as host, OrderLine(host.url) as line:
            with pytest.raises(ConfigError, match="'X-Key'") as caught:
                await line.send("GET", "/x", headers={"X-Fine": "hush", "X-Key": f"hush{value}"})
            assert "hush" not in str(caught.value)
            assert not host.requests

    run(main())


@pytest.mark.parametrize(
    "method, target, name",
    [
        ("GET", "/a b", "X"),
        ("GET", "/a\r\nX: y", "X"),
        ("GET", "x", "X"),
        ("GET", "/ä", "X"),
        ("GE T", "/", "X"),
        ("HEAD", "/", "X"),
        ("GET", "/", "X: y\r\nZ"),
        ("GET", "/", ""),
        ("POST", "/", "content-Length"),
        ("POST", "/", "Transfer-Encoding"),
        ("POST", "/", "Host"),
        ("POST", "/", "Connection"),
    ],
)
def test_what_could_break_out_of_the_head_is_never_sent(
    method: str, target: str, name: str
) -> None:
    async def main() -> None:
        async with raw_host(saying(OK)) as host, OrderLine(host.url) as line:
            with pytest.raises(Bug):
                await line.send(method, target, body=b"{}", headers={name: "1"})
            assert not host.requests

    run(main())


def test_two_headers_that_differ_in_case_only_are_refused() -> None:
    async def main() -> None:
        line = OrderLine("http://127.0.0.1:9")
        with pytest.raises(Bug):
            await line.send("GET", "/", headers={"X-Key": "1", "x-key": "2"})
        await line.close()

    run(main())


@pytest.mark.parametrize(
    "url",
    ["clob.example", "ftp://a", "https://", "https://u:p@a", "https://a:0", "https://a:99999",
     "https://a/?k=hush", "https://a/#x", "https://a b", "https://[::1", "https://a/\r\n", "//a"],
)  # fmt: skip
def test_what_is_no_address_is_a_mistake_of_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match="address") as caught:
        OrderLine(url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url, host, port, authority",
    [
        ("https://clob.example", "clob.example", 443, "clob.example"),
        ("https://clob.example:443/", "clob.example", 443, "clob.example"),
        ("https://clob.example:8443", "clob.example", 8443, "clob.example:8443"),
        ("http://[::1]:80", "::1", 80, "[::1]"),
        ("http://[::1]:8080", "::1", 8080, "[::1]:8080"),
    ],
)
def test_the_host_header_names_a_port_only_if_it_is_unusual(
    url: str, host: str, port: int, authority: str
) -> None:
    site = site_of(url)
    assert (site.host, site.port, site.authority) == (host, port, authority)


def test_a_host_of_ipv6_is_spoken_to() -> None:
    async def main() -> None:
        async with raw_host(saying(OK), address="::1") as host, OrderLine(host.url) as line:
            assert (await line.send("GET", "/x")).body == b"OK"
            assert f"Host: {host.url.removeprefix('http://')}".encode() in host.requests[0]

    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    run(main())


# --- the answer ---------------------------------------------------------------------------------

_HELD: Final = (
    b"HTTP/1.1 429 Too Many\r\nRetry-After:  3 \r\nX-Empty:\r\nX-Twice: a\r\nX-Twice: b\r\n"
)
_INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
_CHUNKS: Final = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n"
WHOLE: Final = {
    "counted": _HELD + b"Content-Length: 11\r\n\r\nhello world",
    "chunked": _HELD + b"Transfer-Encoding: chunked\r\n\r\n" + _CHUNKS,
    "interim": _INTERIM + _HELD + b"Content-Length: 11\r\n\r\nhello world",
    "closing": _HELD + b"Connection: close\r\nContent-Length: 11\r\n\r\nhello world",
    "until close": _HELD + b"\r\nhello world",
    "old": _HELD.replace(b"1.1", b"1.0") + b"\r\nhello world",
}


async def _heard(pieces: Sequence[bytes]) -> tuple[Reply, bool]:
    """Return the answer that arrives in ``pieces``, and whether the connection can be used on."""
    wire = Wire()
    connection = HttpConnection(1 << 20)
    connection.connection_made(wire)
    answer = connection.ask(b"request")
    for piece in pieces:
        connection.data_received(piece)
    if not answer.done():
        connection.eof_received()
    usable = connection.usable
    connection.drop()
    return await answer, usable


@pytest.mark.parametrize("kind", sorted(WHOLE))
@given(data=st.data())
def test_however_an_answer_is_cut_into_pieces_it_is_the_same(
    kind: str, data: st.DataObject
) -> None:
    whole = WHOLE[kind]
    places = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1))))
    pieces = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]
    reply, usable = run(_heard(pieces))
    assert (reply.status, reply.body) == (429, b"hello world")
    named = {"retry-after": "3", "x-empty": "", "x-twice": "b"}
    assert named.items() <= reply.headers.items()
    assert not {"link", "x-trailer"} & reply.headers.keys()
    assert usable is (kind in {"counted", "chunked", "interim"})


@pytest.mark.parametrize("kind", ["counted", "chunked", "interim"])
@given(data=st.data())
def test_an_answer_cut_short_at_any_byte_is_none(kind: str, data: st.DataObject) -> None:
    whole = WHOLE[kind]
    half = whole[: data.draw(st.integers(0, len(whole) - 1))]

    async def main() -> None:
        with pytest.raises(BrokenError):
            await _heard([half] if half else [])

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xfe\x00 no answer at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD_BYTES,
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_HEAD_BYTES // 25 + 1),
    ],
)
@pytest.mark.parametrize("write, kind", [(True, OutcomeUnknown), (False, Unreachable)])
def test_what_is_no_answer_settles_nothing(
    answer: bytes, write: bool, kind: type[UnderroundError]
) -> None:
    async def main() -> None:
        async with raw_host(saying(answer)) as host, OrderLine(host.url) as line:
            with pytest.raises(kind, match="connection broke"):
                await line.send("POST", "/order", body=b"{}", write=write)
            assert len(host.requests) == 1

    run(main())


@pytest.mark.parametrize("answer", [OK + OK, OK + b"HTTP/1.1 2", OK + b"junk"])
def test_bytes_after_an_answer_are_nobodys_answer(answer: bytes) -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.hear()
            await call.say(answer.replace(b"\r\n\r\nOK", b"\r\n\r\n%02d" % call.number))
            await call.hear()

        async with raw_host(serve) as host, OrderLine(host.url, connections=1) as line:
            assert (await line.send("GET", "/1")).body == b"00"
            assert (await line.send("GET", "/2")).body == b"01"

    run(main())


def test_bytes_nobody_asked_for_drop_an_idle_connection() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.hear()
            await call.say(OK)
            if call.number == 0:
                await call.say(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            await call.hear()

        async with raw_host(serve) as host, OrderLine(host.url, connections=1) as line:
            await line.send("GET", "/1")
            await until(lambda: len(host.calls) == 2)
            assert (await line.send("GET", "/2")).status == 200
            assert [len(call.requests) for call in host.calls] == [1, 2 - 1]

    run(main())


def test_a_host_that_speaks_first_is_sent_nothing() -> None:
    async def main() -> None:
        async def serve(call: Call) -> None:
            await call.say(OK)
            await call.hear()

        async with raw_host(serve) as host, OrderLine(host.url, connections=1) as line:
            await asyncio.sleep(5)
            with pytest.raises(Unreachable):
                await line.send("POST", "/order", write=True)
            assert not host.requests
            assert len(host.calls) < 30  # neither time nor the order makes it hammer the host

    run(main())
