"""A recorder between scripted venues and a folder."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests import aio
from tests.cli.loopback import gamma, query
from tests.venues.marketserver import MarketVenue
from tests.venues.polymarket.gamma_rows import Row, listing_of
from tests.venues.scripted import Answer, Asked, scripted_host
from tests.venues.wsserver import until, ws_server
from underround.app.clients import Clients
from underround.app.configuration import Config, load_config
from underround.app.markets.catalogues import Catalogues
from underround.app.recorder.figures import RecordSummary
from underround.app.recorder.parts import FreeSpace, RecordRules, free_bytes
from underround.app.recorder.recorder import Recorder
from underround.app.recorder.wanted import Asked as Words
from underround.app.recorder.wanted import Wanted, find_wanted
from underround.app.verification import VerifyReport, verify_recording

During = Callable[[Recorder], Awaitable[object]]


class Bench:
    """Polymarket on loopback, a clock that jumps, and what was recorded last."""

    def __init__(
        self, venue: MarketVenue, rows: list[Row], script: dict[str, Any], out: Path, config: Config
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, aio.JumpingLoop)
        self.loop = loop
        self.venue = venue
        self.rows = rows
        self.script = script
        self.out = out
        self.config = config
        self.recorder: Recorder

    async def wanted(self, *patterns: str, series: Sequence[str] = (), **words: Any) -> Wanted:
        """Find what the words stand for."""
        async with Clients(self.config.venues, clock=self.loop.now_ns) as clients:
            return await find_wanted(
                clients,
                Catalogues(clients),
                self.config.discovery,
                Words(patterns=patterns, series=tuple(series), **words),
                self.loop.now_ns(),
            )

    async def record(
        self,
        *patterns: str,
        series: Sequence[str] = (),
        during: During | None = None,
        free: FreeSpace = free_bytes,
        found: Wanted | None = None,
        **rules: Any,
    ) -> RecordSummary:
        """Record until ``during`` has returned, or until it is over by itself."""
        if found is None:
            found = await self.wanted(*patterns, series=series)
        given = {"out": self.out, "name": "r", "min_free": 0, **rules}
        over = asyncio.Event()
        async with Clients(self.config.venues, clock=self.loop.now_ns) as clients:
            self.recorder = Recorder(
                clients, Catalogues(clients), found, RecordRules(**given), config=self.config,
                rng=random.Random(3), free=free,
            )  # fmt: skip

            async def script() -> None:
                assert during is not None
                await during(self.recorder)
                over.set()

            scripted = None if during is None else asyncio.ensure_future(script())
            try:
                summary = await self.recorder.run(over.is_set, lambda each: each.progress())
                if scripted is not None and scripted.done():
                    scripted.result()
                return summary
            finally:
                if scripted is not None:
                    scripted.cancel()
                    await asyncio.gather(scripted, return_exceptions=True)

    async def trusted(self) -> float:
        """Wait until every followed book is trusted."""

        def all_trusted() -> bool:
            alive = self.recorder.feeds.liveness()
            return bool(alive) and all(each.trusted for each in alive)

        return await until(all_trusted, at_most_s=60)

    async def stir(self, seconds: float, every_s: float = 0.2) -> None:
        """Change every book again and again."""
        ends = self.loop.time() + seconds
        while self.loop.time() < ends:
            for market in list(self.venue.truth):
                self.venue.stir(market)
            await asyncio.sleep(every_s)


@asynccontextmanager
async def venues(out: Path, rows: list[Row], *options: str) -> AsyncIterator[Bench]:
    """Serve the markets of ``rows``, which may grow; ``options`` are of the configuration."""
    venue = MarketVenue([listing_of(row).market for row in rows])
    script: dict[str, Any] = gamma(rows)

    def book(asked: Asked) -> Answer:
        token = query(asked)["token_id"][0]
        for true in venue.truth.values():
            if token in true.market.tokens:
                return Answer(true.book(true.market.tokens.index(token), request=True))
        return Answer(b'{"error":"no book"}', 404)

    script["GET /book"] = book
    async with ws_server(venue), scripted_host(script) as host:
        hosts = {
            "gamma": host.url, "clob": host.url, "clob_market_stream": venue.url,
        }  # fmt: skip
        given = [f"venues.polymarket.hosts.{name}={url}" for name, url in hosts.items()]
        given += ["venues.kalshi.enabled=false", "venues.binance.enabled=false", *options]
        yield Bench(venue, rows, script, out, load_config(None, given, strategies=False).value)


def verified(path: str | Path) -> VerifyReport:
    """Prove a part by itself, as ``recording verify`` does."""
    return verify_recording(Path(path))


def settings(config: Config, **changes: Any) -> Config:
    """Return the configuration with other settings of discovery."""
    return msgspec.structs.replace(
        config, discovery=msgspec.structs.replace(config.discovery, **changes)
    )
