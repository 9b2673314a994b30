"""The order path's last step: until an order's bytes are at the socket, and what a POST costs.

``Sender`` is our side of the race in ``benchmarks/signing.py``: the program's own line over
transports that keep what is written instead of sending it.  ``measure`` compares the processor's
time of a whole round trip with aiohttp and httpx, each against the same small server in a process
of its own.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import uvloop

from benchmarks.desk import Request
from benchmarks.measure import Figure, figure, ratios
from tests.oracles.driver import Oracles
from tests.oracles.known import known_credentials
from underround.model.ids import OrderId
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.orders import Outgoing
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.connection import HttpConnection
from underround.venues.transport.http import HttpClient
from underround.venues.transport.order_line import OrderLine

POSTS: Final = 2_000
THEIR_POSTS: Final = 500
BODY: Final = b"x" * 900
"""As long as an order."""
ANSWER: Final = (
    b'{"errorMsg":"","orderID":"%b","takingAmount":"","makingAmount":"","status":"live",'
    b'"success":true}'
)
Seconds: TypeAlias = float


class Wire(asyncio.Transport):
    """Takes what is written, notes when, and answers."""

    def __init__(self, sender: Sender, connection: HttpConnection) -> None:
        super().__init__()
        self._sender = sender
        self._connection = connection
        # As quiet as a venue's socket is between two answers; the line asks it before each write.
        self._here, self._far = socket.socketpair()
        self._closed = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return the quiet socket."""
        return self._here if name == "socket" else default

    def is_closing(self) -> bool:
        """Whether it was aborted."""
        return self._closed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Stop the clock; the answer comes in the loop's next round."""
        self._sender.written_at = time.perf_counter()
        self._sender.written = bytes(data)
        answer = ANSWER % self._sender.order_id.encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
        loop = asyncio.get_running_loop()
        loop.call_soon(self._connection.data_received, head + answer)

    def abort(self) -> None:
        """Close."""
        if not self._closed:
            self._closed = True
            self._here.close()
            self._far.close()
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)


class Sender:
    """The program's line and its Polymarket client on a loop of their own; a context manager."""

    def __init__(self, credentials: L2Credentials) -> None:
        self.written_at = 0.0
        self.written = b""
        self.order_id = OrderId("")
        """The id that the next answer names."""
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._line = OrderLine("https://clob.example", connections=1, connect=self._connect)
        self._seconds = 0
        budget = RateBudget(limits_of(), self._clock, asyncio.sleep)
        self._rest = PolymarketRest(self._line, budget, self._clock, {}, authorizer=credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._line.close())
        self._runner.close()

    def _clock(self) -> int:
        """Return a time a second after the last one: no budget is ever spent."""
        self._seconds += 1
        return 1_790_000_000_000_000_000 + self._seconds * 1_000_000_000

    async def _connect(self, *_: object) -> HttpConnection:
        connection = HttpConnection(1 << 20)
        connection.connection_made(Wire(self, connection))
        return connection

    def bare(self, make: Callable[[], Request], count: int) -> Seconds:
        """Return the mean time until what ``make`` returns is at the socket, ``make`` included."""

        async def send() -> None:
            body, headers = make()
            await self._line.send("POST", "/order", body=body, headers=headers, write=True)

        return self._timed(send, count)

    def whole(self, make: Callable[[], Outgoing], count: int) -> Seconds:
        """Return the same by the program's client: its rate budget, headers and line."""

        async def send() -> None:
            order = make()
            self.order_id = order.order_id
            await self._rest.post_order(order)

        return self._timed(send, count)

    def _timed(self, send: Callable[[], Coroutine[Any, Any, None]], count: int) -> Seconds:
        async def run() -> Seconds:
            await send()  # a connection may have grown old since the last round
            gc.collect()
            gc.freeze()
            took = 0.0
            for _ in range(count):
                begin = time.perf_counter()
                await send()
                took += self.written_at - begin
            gc.unfreeze()
            return took / count

        return self._runner.run(run())


class Poster:
    """Measures the processor's time of POSTs by one client, which stays open between rounds."""

    def __init__(self, client: HttpClient | OrderLine, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = headers
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def measure(self) -> Seconds:
        """Return the mean of a round, here and in the kernel on our behalf."""
        return self._runner.run(self._posts())

    def close(self) -> None:
        """Close the client and its loop."""
        self._runner.run(self._client.close())
        self._runner.close()

    async def _posts(self) -> Seconds:
        send, headers = self._client.send, self._headers
        await send("POST", "/order", body=BODY, headers=headers, write=True)
        begin = time.process_time()
        for _ in range(POSTS):
            await send("POST", "/order", body=BODY, headers=headers, write=True)
        return (time.process_time() - begin) / POSTS


@contextmanager
def _server() -> Iterator[str]:
    """Run the small server; give its address."""
    command = [sys.executable, "-m", "benchmarks.post_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def measure(rounds: int) -> list[Figure]:
    """Measure the processor's time of a POST and its answer, in turns."""
    headers = known_credentials().headers("POST", "/order", BODY, 1_790_000_000_000_000_000)
    names = ("line", "aiohttp", "httpx")
    kept: dict[str, list[Seconds]] = {name: [] for name in names}
    with _server() as url, Oracles() as oracles:
        asked = {"url": f"{url}/order", "body": BODY.decode(), "headers": headers}

        def httpx() -> Seconds:
            told = oracles.ask("posted", count=THEIR_POSTS, **asked)
            return float(told["seconds"]) / THEIR_POSTS

        line, aiohttp = Poster(OrderLine(url), headers), Poster(HttpClient(url), headers)
        turns = dict(zip(names, (line.measure, aiohttp.measure, httpx), strict=True))
        for number in range(rounds + 1):
            for name, turn in turns.items():
                took = turn()
                if number:
                    kept[name].append(took)
            print(f"  round {number or 'warm-up'} of {rounds}", file=sys.stderr)
        line.close()
        aiohttp.close()
    return _figures(kept)


def _figures(kept: dict[str, list[Seconds]]) -> list[Figure]:
    def each(name: str, what: str, note: str) -> Figure:
        return figure("post", what, "µs CPU", [took * 1e6 for took in kept[name]], note=note)

    def times(name: str, what: str) -> Figure:
        return figure("post", what, "×", ratios(kept[name], kept["line"]))

    trip = "900 bytes out, a short answer back, loopback without TLS; system calls included"
    return [
        each("line", "OrderLine", trip),
        each("aiohttp", "HttpClient (aiohttp)", "the same, warm"),
        each("httpx", "httpx (what both SDKs use)", "the same, warm, HTTP/1.1"),
        times("aiohttp", "aiohttp ÷ OrderLine"),
        times("httpx", "httpx ÷ OrderLine"),
    ]
