"""``local-clob``: signed orders through the local venue's CLOB, end to end.

The server runs in a process of its own on one core; this process posts orders that were signed
before, each with an HMAC of its own, over a few connections that stay open.  Every order is a
deposit wallet's (its nested signature is verified), and about one in three meets another.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final
from urllib.parse import urlsplit

import msgspec

from benchmarks.clob_server import Offer
from benchmarks.measure import Figure, against, figure
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.participants import Participant
from underround.model.errors import Bug
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.orders import OrderDraft, OrderSigner
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.wallets import SignatureType

ORDERS: Final = 3_000
CONNECTIONS: Final = 8
TARGET: Final = 500.0
_SPREAD: Final = 12


class Desk:
    """One member's signed requests."""

    def __init__(self, who: Participant, number: int, token: str) -> None:
        key = EvmKey(Lent(who.name, who.private_key))
        secrets = (who.api_key, who.api_secret, who.api_passphrase)
        self._credentials = L2Credentials(
            who.owner, *(Lent(f"{who.name} {each}", text) for each, text in enumerate(secrets))
        )
        wallet = wallet_of(who.owner, SignatureType.POLY_1271)
        salts = count(time.time_ns() % (1 << 50))
        self._signer = OrderSigner(key, wallet, self._credentials, lambda: next(salts))
        self._buys = number % 2 == 0
        self._token = token
        self._turns = count(number)

    def request(self) -> bytes:
        """Return the next order as it goes over the wire."""
        turn = next(self._turns) * 7 % _SPREAD
        price = 510_000 - 10_000 * turn if self._buys else 490_000 + 10_000 * turn
        draft = OrderDraft(
            token=self._token, side="buy" if self._buys else "sell", price=price, size=10_000_000,
            tick=10_000, tif="GTC", neg_risk=False, protocol="v1",
        )  # fmt: skip
        now = time.time_ns()
        body = self._signer.outgoing(self._signer.order(draft, now)).body
        headers = self._credentials.headers("POST", "/order", body, now)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST /order HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{lines}"
        return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


class Line(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the last one is there."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._buffer = b""
        self.taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Count an answer and send the next."""
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            self._done.set_exception(Bug(f"an order was refused: {head!r} {body!r}"))
            return
        self._buffer = b""
        self.taken += 1
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._done.set_result(None)
        else:
            self._transport.write(request)


async def _post(url: str, requests: list[bytes]) -> float:
    """Return the seconds until every order was answered."""
    loop, address = asyncio.get_running_loop(), urlsplit(url)
    waiting = iter(requests)
    done = [loop.create_future() for _ in range(CONNECTIONS)]
    begin = time.perf_counter()
    for each in done:
        await loop.create_connection(
            lambda each=each: Line(waiting, each),  # type: ignore[misc]  # mypy infers no type for a bound default
            address.hostname or "",
            address.port or 0,
        )
    await asyncio.gather(*done)
    return time.perf_counter() - begin


@contextmanager
def _server() -> Iterator[tuple[Offer, int]]:
    """Run the server on the last core, and us on the others; give its offer and its process."""
    cores = os.sched_getaffinity(0)
    last = max(cores)
    command = [sys.executable, "-m", "benchmarks.clob_server", str(last)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        os.sched_setaffinity(0, cores - {last} or cores)
        try:
            yield msgspec.json.decode(process.stdout.readline(), type=Offer), process.pid
        finally:
            os.sched_setaffinity(0, cores)
            process.stdin.close()


def _cpu_seconds(process: int) -> float:
    with open(f"/proc/{process}/stat", encoding="ascii") as file:  # noqa: PTH123 - a file of the kernel's
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(rounds: int) -> list[Figure]:
    """Measure orders per second, and what one costs the server's processor."""
    rates: list[float] = []
    costs: list[float] = []
    with _server() as (offer, process):
        desks = [Desk(who, each, offer.token) for each, who in enumerate(offer.members)]
        for number in range(rounds + 1):
            requests = [desks[each % len(desks)].request() for each in range(ORDERS)]
            before = _cpu_seconds(process)
            took = asyncio.run(_post(offer.url, requests))
            if number:
                rates.append(ORDERS / took)
                costs.append((_cpu_seconds(process) - before) / ORDERS * 1e6)
            print(f"  round {number or 'warm-up'} of {rounds}", file=sys.stderr)
    note = f"deposit wallets, {CONNECTIONS} connections, the server on one core"
    return [
        against(
            figure("local-clob", "signed orders, end to end", "orders/s", rates, note=note),
            "≥",
            TARGET,
        ),
        figure("local-clob", "the server's processor", "µs CPU an order", costs, note="the same"),
    ]
