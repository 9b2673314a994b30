"""A raw HTTP/1.1 server on loopback that says exactly the bytes it is told to, and when."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Call:
    """One connection as the server sees it."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        """Counts the connections of the host from 0."""
        self.requests: list[bytes] = []
        self.over = False
        self._reader = reader
        self._writer = writer

    async def hear(self) -> bytes:
        """Return the next request, head and body; raises ``IncompleteReadError`` at the end."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
        request = head + await self._reader.readexactly(length)
        self.requests.append(request)
        return request

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def hang_up(self) -> None:
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()

    async def gone(self) -> None:
        """Wait until the other end closed."""
        while await self._reader.read(1 << 16):
            pass


Serve: TypeAlias = Callable[[Call], Awaitable[None]]


class Host:
    """The running server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[Call] = []

    @property
    def requests(self) -> list[bytes]:
        return [request for call in self.calls for request in call.requests]


@asynccontextmanager
async def raw_host(
    serve: Serve, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[Host]:
    """Let ``serve`` speak on each connection to a free loopback port."""
    tasks: list[asyncio.Task[None]] = []

    async def spoken(call: Call) -> None:
        try:
            await serve(call)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client closed: the conversation is over
        finally:
            call.over = True
            await call.hang_up()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = Call(len(host.calls), reader, writer)
        host.calls.append(call)
        tasks.append(asyncio.ensure_future(spoken(call)))

    server = await asyncio.start_server(accept, address, 0, ssl=tls)
    named = f"[{address}]" if ":" in address else address
    port = server.sockets[0].getsockname()[1]
    host = Host(f"{'https' if tls else 'http'}://{named}:{port}")
    try:
        yield host
    finally:
        await asyncio.sleep(0.01)  # whoever has just connected is accepted and closed like the rest
        server.close()
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        assert not [end for end in ends if isinstance(end, Exception)]


def saying(*pieces: bytes, then_close: bool = False) -> Serve:
    """Answer every request with these pieces."""

    async def serve(call: Call) -> None:
        while True:
            await call.hear()
            await call.say(*pieces)
            if then_close:
                return

    return serve


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until something holds; the test's time limit bounds it."""
    while not holds():  # noqa: ASYNC110 - what is waited for happens at the other end
        await asyncio.sleep(0.001)


class Wire(asyncio.Transport):
    """A client's transport without a server: keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.socket, self.far = socket.socketpair()
        self.closed = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.socket if name == "socket" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True
        self.socket.close()
        self.far.close()
