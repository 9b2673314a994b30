"""``local-sockets``: the market channel of the local venue, 200 subscribers at 1,000 updates/s.

One market, forty levels a side; an update is an order that rests or is cancelled, so every one has
a new book and two new hashes.  The exchange, the channel and the fan-out run in this process; the
subscribers are connections of a second one, which reads every message of every connection and
compares the time the venue wrote into it with the machine's clock.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
import picows
import uvloop

from benchmarks.measure import Figure, against, figure
from underround.local_venue.catalogue import question_ids
from underround.local_venue.clock import RunningClock
from underround.local_venue.net.socket_host import SocketHost
from underround.local_venue.polymarket.streams.market_channel import MarketChannel
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.pump import pump
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World
from underround.model.errors import Bug
from underround.model.fees import NoFees
from underround.model.ids import POLYMARKET, MarketId, OrderId
from underround.model.listing import Listing
from underround.model.market import CENT, Market, uniform_ticks
from underround.model.units import shares, usd
from underround.simulation.matching.terms import AccountId, Submission

SUBSCRIBERS: Final = 200
RATE: Final = 1_000
SECONDS: Final = 4
LAG_MS: Final = 50.0
"""Who is more behind than this in the last second is falling behind."""
ROOT: Final = Path(__file__).parents[1]
HOUSE: Final = AccountId("0x" + "11" * 20)
_TAIL: Final = len(b'", "event_type":"price_change"}')
_STAMP: Final = slice(-_TAIL - 13, -_TAIL)
"""Where a ``price_change`` has its milliseconds."""


# --- the subscribers, in a process of their own --------------------------------------------------


class Heard(msgspec.Struct):
    """What one run's subscribers heard."""

    messages: int
    bytes: int
    lags: dict[str, int]
    """Messages by milliseconds of lag, those of the last second."""
    cpu_s: float


class _Subscriber(picows.WSListener):
    def __init__(self, token: str, lags: Counter[int], served: asyncio.Semaphore) -> None:
        self._token = token
        self._lags = lags
        self._served = served
        self.messages = 0
        self.bytes = 0

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        first = b'{"assets_ids":["%s"],"type":"market"}' % self._token.encode()
        transport.send(picows.WSMsgType.TEXT, first)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type != picows.WSMsgType.TEXT:
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        if payload[:1] == b"[":
            self._served.release()
            return
        self.messages += 1
        self.bytes += len(payload)
        if self.messages > RATE * (SECONDS - 1):
            self._lags[time.time_ns() // 1_000_000 - int(payload[_STAMP])] += 1


async def _listen(url: str, token: str) -> None:
    lags: Counter[int] = Counter()
    served = asyncio.Semaphore(0)
    people = [_Subscriber(token, lags, served) for _ in range(SUBSCRIBERS)]
    transports = [
        (await picows.ws_connect(lambda one=one: one, url, enable_auto_pong=True))[0]
        for one in people
    ]
    for _ in people:
        await served.acquire()
    print("ready", flush=True)
    began = time.process_time()
    for transport in transports:
        await transport.wait_disconnected()
    heard = Heard(
        messages=sum(one.messages for one in people),
        bytes=sum(one.bytes for one in people),
        lags={str(lag): count for lag, count in lags.items()},
        cpu_s=time.process_time() - began,
    )
    print(msgspec.json.encode(heard).decode(), flush=True)


# --- the venue -----------------------------------------------------------------------------------


class Venue:
    """A world with one market, in which the house quotes."""

    def __init__(self) -> None:
        self.clock = RunningClock()
        self.world = World(self.clock, settlement=TimedSettlement)
        question, condition, tokens = question_ids("benchmark", neg_risk=False)
        self.market = Market(
            id=MarketId(POLYMARKET, condition),
            title="benchmark",
            outcomes=("Yes", "No"),
            tokens=tokens,
            currency="pUSD",
            ticks=(uniform_ticks("0.01"),),
            min_size=shares("5"),
            size_step=shares("0.01"),
            fees=NoFees(),
            opens_ns=None,
            closes_ns=None,
            group=None,
            neg_risk=False,
        )
        listing = Listing(
            market=self.market, slug="b", state="open", rules="", ends_ns=None, fee_history=()
        )
        event = self.world.catalogue.add_event("b", "benchmark")
        self.world.list_market(event, listing, self.clock.now(), question)
        custody = self.world.polymarket.custody
        custody.allow_all(HOUSE)
        custody.deposit(HOUSE, usd("100000000"))
        self.books = PublishedBooks(self.world)
        self.host = SocketHost(self.world, {"/ws/market": MarketChannel(self.world, self.books)})
        self._sent = 0
        self._resting: list[OrderId] = []
        for _ in range(80):
            self._quote()

    def _quote(self) -> None:
        """Rest one more order: of YES below a half, or of NO, which is an ask above it."""
        number = self._sent
        self._sent += 1
        sent = Submission(
            id=OrderId(f"0x{number:064x}"),
            account=HOUSE,
            owner="house",
            outcome=self.market.outcome(number % 2),
            side="buy",
            price=(9 + number // 2 % 40) * CENT,
            size=shares(str(5 + number % 1_000)),
            tif="GTC",
            created_ns=self.clock.now(),
        )
        placed = self.world.polymarket.submit(sent, self.clock.now())
        if placed.state != "live":
            raise Bug(f"the order was {placed.state} {placed.reason}: the benchmark is wrong")
        self._resting.append(sent.id)

    def update(self) -> None:
        """Place an order, or cancel an old one when there are too many."""
        if len(self._resting) > 160:
            self.world.polymarket.cancel([self._resting.pop(self._sent % 80)], self.clock.now())
        else:
            self._quote()

    async def drive(self, seconds: float) -> int:
        """Update at the rate for so long; return how often."""
        loop = asyncio.get_running_loop()
        began, done, total = loop.time(), 0, int(seconds * RATE)
        while done < total:
            due = min(total, int((loop.time() - began) * RATE) + 1)
            for _ in range(due - done):
                self.update()
            done = due
            # A loop that is asked for less than a millisecond does not sleep, it spins.
            await asyncio.sleep(max(0.001, done / RATE - (loop.time() - began)))
        return done


class Run(msgspec.Struct):
    """What one run showed."""

    delivered: float
    """Messages a second that were read."""
    lag_50: float
    lag_99: float
    lag_worst: float
    server: float
    """Share of a core."""
    client: float
    mean_bytes: float


async def _run() -> Run:
    venue = Venue()
    url = await venue.host.start()
    command = [sys.executable, "-m", "benchmarks.local_sockets", f"{url}/ws/market"]
    child = await asyncio.create_subprocess_exec(
        *command, venue.market.tokens[0], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    pumping = asyncio.create_task(pump(venue.world, venue.clock))
    try:
        if await child.stdout.readline() != b"ready\n":
            raise Bug("the subscribers did not come")
        began, cpu = time.perf_counter(), time.process_time()
        updates = await venue.drive(SECONDS)
        await asyncio.sleep(0.1)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        await venue.host.stop()
        heard = msgspec.json.decode(await child.stdout.read(), type=Heard)
    finally:
        pumping.cancel()
        if child.returncode is None:
            await child.wait()
    if venue.host.flusher.slow_cut or heard.messages != updates * SUBSCRIBERS:
        raise Bug(
            f"{updates} updates to {SUBSCRIBERS} subscribers, {heard.messages} read, "
            f"{venue.host.flusher.slow_cut} cut: it does not keep up"
        )
    lags = sorted((int(lag), count) for lag, count in heard.lags.items())
    return Run(
        delivered=heard.messages / SECONDS,
        lag_50=_quantile(lags, 0.5),
        lag_99=_quantile(lags, 0.99),
        lag_worst=lags[-1][0],
        server=cpu / wall,
        client=heard.cpu_s / wall,
        mean_bytes=heard.bytes / heard.messages,
    )


def _quantile(lags: list[tuple[int, int]], share: float) -> float:
    wanted, seen = share * sum(count for _, count in lags), 0
    for lag, count in lags:
        seen += count
        if seen >= wanted:
            return lag
    raise Bug("nobody heard anything")


def measure(rounds: int) -> list[Figure]:
    """Return how much is delivered, how late, and at what cost."""
    runs = []
    for number in range(rounds + 1):
        gc.collect()
        gc.freeze()
        run = uvloop.run(_run())
        gc.unfreeze()
        print(f"  round {number or 'warm-up'} of {rounds}", file=sys.stderr)
        if number:
            runs.append(run)
    note = (
        f"{SUBSCRIBERS} subscribers, {RATE} updates a second for {SECONDS} s, "
        f"messages of {runs[0].mean_bytes:.0f} bytes, each read"
    )
    delivered = figure(
        "local-sockets", "delivered", "messages/s", [run.delivered for run in runs], note=note
    )
    late = figure(
        "local-sockets",
        "lag of 99 in 100, from the venue's time to a reader",
        "ms",
        [run.lag_99 for run in runs],
        note="the venue tells a millisecond when it is over",
    )
    return [
        against(delivered, "≥", SUBSCRIBERS * RATE),
        against(late, "≤", LAG_MS),
        figure("local-sockets", "median lag", "ms", [run.lag_50 for run in runs]),
        figure("local-sockets", "worst lag", "ms", [run.lag_worst for run in runs]),
        figure("local-sockets", "venue's share of a core", "", [run.server for run in runs]),
        figure("local-sockets", "readers' share of a core", "", [run.client for run in runs]),
    ]


if __name__ == "__main__":
    uvloop.run(_listen(sys.argv[1], sys.argv[2]))
