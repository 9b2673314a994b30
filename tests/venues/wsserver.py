"""A WebSocket server on loopback that does what venues do, and what they do wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import picows


class Client:
    """One client's connection, as the server sees it."""

    def __init__(self, server: WsServer, headers: Mapping[str, str], path: str) -> None:
        self.server = server
        self.headers = headers
        self.path = path
        self.got: list[bytes] = []
        """Every message of the client, in order."""
        self.pings = 0
        self.closed = False
        self.frozen = False
        """Answers pings, sends nothing any more: what a frozen venue looks like."""
        self._transport: picows.WSTransport | None = None

    def send(self, *payloads: bytes) -> None:
        """Send messages, unless frozen or gone."""
        for payload in payloads:
            if self._transport is not None and not self.closed and not self.frozen:
                self._transport.send(picows.WSMsgType.TEXT, payload)

    def send_parts(self, *parts: bytes) -> None:
        """Send one message in several frames."""
        assert self._transport is not None
        for place, part in enumerate(parts):
            kind = picows.WSMsgType.CONTINUATION if place else picows.WSMsgType.TEXT
            self._transport.send(kind, part, fin=place == len(parts) - 1)

    def ping(self) -> None:
        """Send a WebSocket ping."""
        assert self._transport is not None
        self._transport.send_ping(b"heartbeat")

    def half_open(self) -> None:
        """Vanish without a word: nothing is read, answered or sent, and the TCP stays."""
        assert self._transport is not None
        self.frozen = True
        transport: Any = self._transport.underlying_transport
        transport.pause_reading()

    def close(self, code: int = 1001) -> None:
        """Say goodbye."""
        if self._transport is not None and not self.closed:
            self._transport.send_close(picows.WSCloseCode(code))
            self._transport.disconnect()

    def cut(self) -> None:
        """Break the connection without a word."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


class _Listener(picows.WSListener):
    def __init__(self, client: Client) -> None:
        self._client = client

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        client = self._client
        client._transport = transport
        client.server.clients.append(client)
        client.server.came.set()
        client.server.on_open(client)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        client = self._client
        if frame.msg_type == picows.WSMsgType.PING:
            client.pings += 1
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            client.closed = True
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.TEXT:
            payload = frame.get_payload_as_bytes()
            client.got.append(payload)
            client.server.on_message(client, payload)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._client.closed = True


class WsServer:
    """The running server; tests replace its hooks."""

    def __init__(self) -> None:
        self.url = ""
        self.clients: list[Client] = []
        """Everybody who ever connected, in order."""
        self.opened_at: list[float] = []
        """When each of them came, or was refused, in the loop's time."""
        self.on_open: Callable[[Client], None] = lambda _client: None
        self.on_message: Callable[[Client, bytes], None] = lambda _client, _payload: None
        self.refuse_with: int | None = None
        """Answer handshakes with this status instead."""
        self.retry_after = ""
        self.came = asyncio.Event()
        """Set whenever somebody connects."""

    @property
    def open_clients(self) -> list[Client]:
        """Who is connected now."""
        return [client for client in self.clients if not client.closed]

    @property
    def last(self) -> Client:
        """Who connected last."""
        return self.clients[-1]

    async def arrival(self, count: int) -> Client:
        """Wait, for any time, until ``count`` clients have connected; return the last of them."""
        while len(self.clients) < count:
            self.came.clear()
            await self.came.wait()
        return self.clients[count - 1]

    def listener(
        self, request: picows.WSUpgradeRequest
    ) -> picows.WSListener | picows.WSUpgradeResponseWithListener:
        """Accept or refuse a handshake."""
        self.opened_at.append(asyncio.get_running_loop().time())
        if self.refuse_with is not None:
            headers = {"Retry-After": self.retry_after} if self.retry_after else None
            response = picows.WSUpgradeResponse.create_error_response(
                self.refuse_with, b"no", headers
            )
            return picows.WSUpgradeResponseWithListener(response, None)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return _Listener(Client(self, headers, request.path.decode()))


@asynccontextmanager
async def ws_server(
    server: WsServer | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[WsServer]:
    """Serve on a free loopback port; everybody is cut at the end."""
    served = server or WsServer()
    running = await picows.ws_create_server(
        served.listener, "127.0.0.1", 0, ssl=tls, enable_auto_pong=False, max_frame_size=1 << 26
    )
    served.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{running.sockets[0].getsockname()[1]}/ws"
    try:
        yield served
    finally:
        running.close()
        for client in served.clients:
            client.cut()
        await asyncio.sleep(0)
        await running.wait_closed()


@asynccontextmanager
async def silent_listener() -> AsyncIterator[str]:
    """Accept TCP connections and never say a word: a handshake that hangs."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()
        await server.wait_closed()


async def until(condition: Callable[[], object], *, at_most_s: float = 600.0) -> float:
    """Wait until ``condition`` holds; returns the loop's seconds it took.

    Looks every 5 ms in the first second, then less often: the time is right to two percent.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        if loop.time() - began > at_most_s:
            raise AssertionError(f"did not happen within {at_most_s} s")
        waited = loop.time() - began
        await asyncio.sleep(0.005 if waited < 1 else waited / 50)
    return loop.time() - began
