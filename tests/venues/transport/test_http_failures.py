"""What an error of HTTP shows of an address: scheme, host, port and the request's own path."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import aiohttp
import pytest

from tests.aio import run
from tests.venues.scripted import Answer, scripted_host
from underround.model.errors import ConfigError, OutcomeUnknown, UnderroundError, Unreachable
from underround.venues.transport.failures import failure_words, system_words
from underround.venues.transport.head import site_of
from underround.venues.transport.http import HttpClient
from underround.venues.transport.order_line import OrderLine

KEY = "planted-rpc-key-5d1c"
Client: TypeAlias = type[HttpClient] | type[OrderLine]
MALFORMED = {
    "no HTTP": b"\x00\x01 nothing of the kind\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99_000 + b"\r\n\r\n",
    "a body cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx",
    "a wrong chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "silence": b"",
}


@asynccontextmanager
async def raw_host(answer: bytes) -> AsyncIterator[tuple[str, None]]:
    """Answer whatever comes with these very bytes and close the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            writer.write(answer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", None
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)  # the loop's clock jumps: connections that ended are let go


async def told_by(kind: Client, url: str, *, write: bool) -> str:
    """Return the sentence with which a request to ``url`` fails."""
    async with kind(f"{url}/v2/{KEY}", timeout_ms=900) as client:
        with pytest.raises(UnderroundError) as caught:
            await client.send("POST", "/order?signature=planted-query", body=b"{}", write=write)
    assert type(caught.value) is (OutcomeUnknown if write else Unreachable) or "no conn" in str(
        caught.value
    )
    return str(caught.value)


def proven(sentence: str, url: str) -> None:
    assert KEY not in sentence
    assert "planted-query" not in sentence
    assert "\n" not in sentence
    assert sentence.startswith(f"POST {url}/order: ")


@pytest.mark.parametrize("kind", [HttpClient, OrderLine])
@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("form", MALFORMED)
def test_an_answer_that_is_no_http_shows_no_path_of_the_base_address(
    form: str, kind: Client, *, write: bool
) -> None:
    async def main() -> None:
        async with raw_host(MALFORMED[form]) as (url, _):
            if kind is OrderLine and form in {"no gzip", "an endless header"}:
                return  # the line asks for no compression, and has no bound but the body's
            proven(await told_by(kind, url, write=write), url)

    run(main())


@pytest.mark.parametrize("kind", [HttpClient, OrderLine])
def test_a_host_that_is_not_there_is_named_without_its_path(kind: Client) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        told = run(told_by(kind, url, write=True))
    proven(told, url)
    assert "no connection" in told


@pytest.mark.parametrize("kind", [HttpClient, OrderLine])
def test_a_failed_handshake_shows_no_path_of_the_base_address(kind: Client) -> None:
    async def main() -> None:
        async with raw_host(b"plain") as (url, _):
            secure = url.replace("http", "https")
            proven(await told_by(kind, secure, write=True), secure)

    run(main())


def test_a_redirect_is_an_answer_like_any_other() -> None:
    async def main() -> None:
        away = Answer(status=307, headers={"Location": f"https://elsewhere.invalid/{KEY}"})
        script = {f"POST /v2/{KEY}/order": away}
        async with scripted_host(script) as host, HttpClient(f"{host.url}/v2/{KEY}") as client:
            assert (await client.send("POST", "/order", body=b"{}", write=True)).status == 307

    run(main())


@pytest.mark.parametrize(
    "url", [f"https://u:{KEY}@host.invalid/x", f"https://host.invalid/{KEY}?k={KEY}", f"{KEY}://"]
)
def test_an_address_that_the_order_line_refuses_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        site_of(url)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "error, words",
    [
        (socket.gaierror(-2, "Name or service not known"), "its name cannot be resolved"),
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 1)"), "Connection refused"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x"), "TLS failed: no reason given"),
        (ssl.SSLCertVerificationError("x"), "its certificate is not accepted"),
        (OSError("planted"), "OSError"),
    ],
)
def test_the_system_s_refusals_have_words_of_our_own(error: OSError, words: str) -> None:
    assert system_words(error) == words
    key: Any = None
    if not isinstance(error, ssl.SSLError):
        assert failure_words(aiohttp.ClientConnectorError(key, error)) == words


def test_every_error_of_the_library_is_worded_without_its_own_text() -> None:
    for error in (aiohttp.ClientPayloadError(KEY), aiohttp.ServerDisconnectedError(KEY),
                  aiohttp.ClientError(KEY), aiohttp.ConnectionTimeoutError(KEY),
                  aiohttp.ClientOSError(KEY), aiohttp.ClientConnectionResetError(KEY)):  # fmt: skip
        assert KEY not in failure_words(error)
        assert failure_words(error)


def test_a_name_that_cannot_be_looked_up_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        async def unknown(*_: object, **__: object) -> object:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
        return await told_by(HttpClient, "https://host.invalid", write=False)

    told = run(main())
    proven(told, "https://host.invalid")
    assert "no connection (its name cannot be resolved)" in told
