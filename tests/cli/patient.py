"""Polymarket on loopback for programs with a real clock: its loop waits instead of jumping."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests import aio
from tests.cli.loopback import Venues, clob, gamma
from tests.venues.marketserver import MarketVenue
from tests.venues.polymarket.gamma_rows import Row, listing_of
from tests.venues.scripted import scripted_host
from tests.venues.wsserver import ws_server


class PatientLoop(aio.JumpingLoop):
    """Tells the time as a jumping loop does, and never jumps."""

    def _jump(self, seconds: float) -> None:
        del seconds


@contextmanager
def patient_venues(rows: list[Row]) -> Iterator[Venues]:
    """Serve the markets of ``rows`` until the block ends; Kalshi knows nothing."""
    running = Venues()
    ready = threading.Event()
    over = asyncio.Event()

    async def serve() -> None:
        running.loop = asyncio.get_running_loop()
        running.stream = MarketVenue([listing_of(row).market for row in rows])
        script = gamma(rows) | clob(running.stream)
        async with (
            ws_server(running.stream),
            scripted_host(script) as running.polymarket,
            scripted_host({}) as running.kalshi,
        ):
            ready.set()
            await over.wait()

    def work() -> None:
        with asyncio.Runner(loop_factory=PatientLoop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(10)
        yield running
    finally:
        running.call(over.set)
        thread.join(10)
