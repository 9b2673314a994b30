"""The loop that keeps the catalogue up to date."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import msgspec
import pytest

from tests import aio
from tests.cli import loopback
from tests.venues.kalshi.test_kalshi_catalogue import BITCOIN, EVENT, MARKET
from tests.venues.polymarket.gamma_rows import NOW, Row, event_row, listing_of, look_at, market_row
from tests.venues.scripted import Answer, Asked, Script, ScriptedHost, scripted_host
from underround.app.access import DiscoverySettings
from underround.app.clients import Clients
from underround.app.configuration import load_config
from underround.app.markets.aside import aside
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.discovery import Discovery, Source, filter_of, sources
from underround.market.catalogue import KnownMarkets
from underround.model.errors import Bug, ConfigError, RateLimited, Unreachable
from underround.model.events import (
    FeesChanged,
    MarketClosed,
    MarketEvent,
    MarketListed,
    MarketResolved,
)
from underround.model.ids import KALSHI, POLYMARKET, MarketId, Venue
from underround.model.listing import Found, Listing
from underround.venues.polymarket.gamma import rest as gamma_module
from underround.venues.polymarket.gamma.look import Look
from underround.venues.transport.budget import Spender
from underround.venues.transport.http import HttpTransport, Reply

SECOND = 10**9
SETTINGS = DiscoverySettings(jitter_percent=0, series=(), kalshi_series=())


class EnoughError(Exception):
    """There were enough pauses."""


class Said:
    """A source that answers what it is told to, one look after the other."""

    def __init__(self, *looks: Found | Exception) -> None:
        self.looks = list(looks)
        self.asked: list[tuple[int, int | None, list[str]]] = []

    async def look(
        self, now: int, last_ns: int | None, followed: Collection[Listing]
    ) -> AsyncIterator[Found]:
        self.asked.append((now, last_ns, [each.slug for each in followed]))
        answer = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(answer, Exception):
            raise answer
        yield answer


class Bench:
    """A discovery whose time moves only by its pauses."""

    def __init__(
        self, made: dict[Venue, Source], settings: DiscoverySettings = SETTINGS, pauses: int = 10
    ) -> None:
        self.now = NOW
        self.pauses: list[float] = []
        self.events: list[MarketEvent] = []
        self.stated: list[str] = []
        self.followed: list[MarketId] = []
        self._most = pauses
        self.known = KnownMarkets()
        self.discovery = Discovery(
            made, settings, self.known, self.events.append, self.stated.append,
            clock=lambda: self.now, rng=random.Random(1), sleep=self._pause,
            followed=lambda: self.followed,
        )  # fmt: skip

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) >= self._most:
            raise EnoughError
        self.now += int(seconds * SECOND)
        await asyncio.sleep(0)

    def run(self) -> None:
        """Look until there were enough pauses."""
        with pytest.raises(EnoughError):
            aio.run(self.discovery.run())


def told(bench: Bench, kind: type[MarketEvent]) -> list[MarketEvent]:
    return [event for event in bench.events if isinstance(event, kind)]


# --- the loop ----------------------------------------------------------------------------------


def test_a_market_is_told_once_and_then_only_what_changes() -> None:
    first, again = look_at(market_row(1), market_row(2)), look_at(market_row(1))
    free = look_at(market_row(1, feesEnabled=False, feeSchedule=..., feeType=...,
                              updatedAt="2026-10-05T23:05:30Z"))  # fmt: skip
    bench = Bench({POLYMARKET: Said(first, again, free, free)}, pauses=5)
    bench.run()
    assert [type(event) for event in bench.events] == [MarketListed, MarketListed, FeesChanged]
    assert bench.pauses == [30.0] * 5
    assert bench.discovery.status[POLYMARKET].looks == 5


def test_a_failing_venue_is_stated_with_since_when_and_what_is_known_stays() -> None:
    down = Unreachable("GET /x: no connection: check the network")
    source = Said(look_at(market_row(1)), down, down, down, look_at(market_row(1)))
    bench = Bench({POLYMARKET: source}, pauses=5)
    bench.run()
    assert bench.stated == [
        f"polymarket: its catalogue cannot be read since 2026-10-05 23:05:30Z: {down}",
        "polymarket: its catalogue is read again, after failing 2026-10-05 23:05:30Z",
    ]
    assert bench.pauses == [30.0, 60.0, 120.0, 240.0, 30.0]
    assert len(bench.known.listings) == 1
    assert len(bench.events) == 1


def test_another_failure_is_stated_too() -> None:
    source = Said(Unreachable("one"), Unreachable("two"), Unreachable("two"))
    bench = Bench({POLYMARKET: source}, pauses=3)
    bench.run()
    assert [sentence.rpartition(" ")[2] for sentence in bench.stated] == ["one", "two"]
    status = bench.discovery.status[POLYMARKET]
    assert (status.failures, status.failing_since_ns, status.error) == (3, NOW, "two")


def test_one_venue_s_failure_delays_no_other() -> None:
    good = Said(look_at(market_row(1)))
    bench = Bench({KALSHI: Said(Unreachable("down")), POLYMARKET: good}, pauses=12)
    bench.run()
    assert bench.discovery.status[POLYMARKET].looks > 3
    assert bench.discovery.status[KALSHI].failures > 3


def test_a_venue_that_asks_for_a_pause_gets_it() -> None:
    bench = Bench({KALSHI: Said(RateLimited("slow down", 500_000))}, pauses=1)
    bench.run()
    assert bench.pauses == [500.0]


def test_a_bug_and_a_full_disk_end_the_loop() -> None:
    async def main(made: Discovery) -> None:
        await made.run()

    bench = Bench({POLYMARKET: Said(Bug("no"))})
    with pytest.raises(Bug):
        aio.run(main(bench.discovery))
    bench = Bench({POLYMARKET: Said(look_at(market_row(1)))})
    bench.discovery._tell = _full_disk
    with pytest.raises(OSError, match="full"):
        aio.run(main(bench.discovery))


def _full_disk(event: MarketEvent) -> None:
    raise OSError(28, "full")


def test_a_large_look_lets_other_work_in_between_its_rows() -> None:
    rows = [market_row(number) for number in range(1, 351)]
    bench = Bench({POLYMARKET: Said(look_at(*rows))})
    turns: list[int] = []

    async def main() -> None:
        async def other() -> None:
            while True:
                turns.append(len(bench.events))
                await asyncio.sleep(0)

        busy = asyncio.ensure_future(other())
        await bench.discovery.look(POLYMARKET)
        busy.cancel()

    aio.run(main())
    assert len(bench.events) == 350
    assert {100, 200, 300} <= set(turns)


def test_a_group_is_known_once_all_its_markets_are() -> None:
    rows = [market_row(number, neg_risk=True, groupItemTitle=f"Day {number}")
            for number in range(1, 251)]  # fmt: skip
    bench = Bench({POLYMARKET: Said(look_at(event_row(rows)))}, pauses=1)
    bench.run()
    (group,) = bench.known.groups.values()
    assert len(group.markets) == 250


# --- what the settings ask for -----------------------------------------------------------------


def test_the_settings_leave_out_the_illiquid_and_the_augmented() -> None:
    augmented = event_row(
        [market_row(3, neg_risk=True, groupItemTitle="Day 3"),
         market_row(4, neg_risk=True, groupItemTitle="Person B")],
        negRiskAugmented=True,
    )  # fmt: skip
    look = look_at(market_row(1), market_row(2, liquidity="1999.99"), augmented)
    bench = Bench({POLYMARKET: Said(look)}, pauses=1)
    bench.run()
    assert [each.slug for each in bench.discovery.selected()] == ["will-it-rain-1"]
    admitted = msgspec.structs.replace(SETTINGS, exclude_augmented=False)
    bench = Bench({POLYMARKET: Said(look)}, admitted, pauses=1)
    bench.run()
    assert [each.slug for each in bench.discovery.selected()] == [
        "will-it-rain-1", "will-it-rain-3"
    ]  # fmt: skip


def test_windows_of_the_configured_series_are_selected_before_anybody_trades_them() -> None:
    start = NOW // SECOND // 900 * 900
    look = look_at(window_row(1, start, "btc"), window_row(2, start, "sol"))
    settings = msgspec.structs.replace(SETTINGS, series=("btc-updown-15m",))
    bench = Bench({POLYMARKET: Said(look)}, settings, pauses=1)
    bench.run()
    assert [each.slug for each in bench.discovery.selected()] == [f"btc-updown-15m-{start}"]


def test_kalshi_is_asked_for_neither_liquidity_nor_tags() -> None:
    settings = DiscoverySettings(tags=("crypto",))
    assert filter_of(settings, KALSHI).liquidity_min == 0
    assert filter_of(settings, KALSHI).tags == ()
    assert filter_of(settings, POLYMARKET).tags == ("crypto",)


@pytest.mark.parametrize(
    "override", ['discovery.series=["btc-7m"]', 'discovery.kalshi_series=["kx btc"]',
                 "discovery.interval_s=1", "discovery.min_liquidity=-1"],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=override.partition("=")[0].replace(".", r"\.")):
        load_config(None, [override], strategies=False)


def window_row(number: int, start_s: int, asset: str) -> Row:
    return market_row(
        number, slug=f"{asset}-updown-15m-{start_s}", liquidity="0",
        eventStartTime=iso(start_s), endDate=iso(start_s + 900),
    )  # fmt: skip


def iso(at_s: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


# --- the venues' own catalogues ----------------------------------------------------------------


def page(rows: list[Row]) -> Answer:
    return Answer(json.dumps({"events": [event_row([row], slug=f"e{row['id']}") for row in rows]}
                             ).encode())  # fmt: skip


def watched(
    gamma: Script, kalshi: Script, settings: DiscoverySettings, looks: int,
    prepare: Callable[[Bench], None] = lambda _bench: None,
) -> tuple[Bench, ScriptedHost, ScriptedHost]:  # fmt: skip
    """Run real sources on scripted hosts for some looks at each venue."""
    made: dict[str, Any] = {}

    async def main() -> None:
        async with scripted_host(gamma) as first, scripted_host(kalshi) as second:
            options = [f"venues.polymarket.hosts.gamma={first.url}",
                       f"venues.kalshi.rest={second.url}"]  # fmt: skip
            access = load_config(None, options, strategies=False).value.venues
            async with Clients(access) as clients:
                bench = Bench(sources(Catalogues(clients), settings), settings, pauses=99)
                prepare(bench)
                made.update(bench=bench, gamma=first, kalshi=second)
                for _ in range(looks):
                    for venue in bench.discovery.status:
                        await bench.discovery.look(venue)
                    bench.now += settings.interval_s * SECOND

    aio.run(main())
    return made["bench"], made["gamma"], made["kalshi"]


KALSHI_SCRIPT = loopback.kalshi(BITCOIN, EVENT, [MARKET])


def test_everything_is_read_first_then_what_is_new_and_now_and_then_everything() -> None:
    settings = msgspec.structs.replace(SETTINGS, whole_s=90)
    bench, gamma, _ = watched(
        {"GET /events/keyset": page([market_row(1)])}, KALSHI_SCRIPT, settings, looks=5
    )
    queries = [loopback.query(asked) for asked in gamma.of("/events/keyset")]
    assert ["start_date_min" in query for query in queries] == [False, True, True, False, True]
    assert queries[0]["liquidity_min"] == ["2000"]
    assert queries[1]["start_date_min"] == ["2026-10-05T22:55:00Z"]  # ten minutes before
    assert len(told(bench, MarketListed)) == 1


def test_rolling_windows_are_asked_for_by_name_with_every_look() -> None:
    start = NOW // SECOND // 900 * 900
    rows = [window_row(1, start, "btc"), window_row(2, start + 900, "btc")]

    def listed(asked: Asked) -> Answer:
        slugs = loopback.query(asked)["slug"]
        found = [row for row in rows if row["slug"] in slugs]
        return Answer(json.dumps({"markets": found}).encode())

    settings = msgspec.structs.replace(SETTINGS, series=("btc-updown-15m",), ahead=2)
    bench, gamma, _ = watched(
        {"GET /markets/keyset": listed, "GET /events/keyset": page([])},
        KALSHI_SCRIPT, settings, looks=2,
    )  # fmt: skip
    asked = [loopback.query(each)["slug"] for each in gamma.of("/markets/keyset")]
    assert asked == [[f"btc-updown-15m-{start + 900 * place}" for place in range(3)]] * 2
    assert len(told(bench, MarketListed)) == len(bench.known.listings) == 2


def test_a_followed_market_that_is_not_listed_any_more_is_asked_for_by_name() -> None:
    over = market_row(
        1, closed=True, acceptingOrders=False, closedTime="2026-10-05 23:05:10+00",
        umaResolutionStatus="resolved", outcomePrices='["1", "0"]',
        updatedAt="2026-10-05T23:05:20Z",
    )  # fmt: skip
    script: Script = {
        "GET /events/keyset": [page([market_row(1)]), page([])],
        "GET /markets/keyset": Answer(b'{"markets": []}'),
        "GET /markets/slug/will-it-rain-1": Answer(json.dumps(over).encode()),
    }
    market = listing_of(market_row(1)).market.id

    def follow(bench: Bench) -> None:
        bench.followed.append(market)

    bench, _, _ = watched(script, KALSHI_SCRIPT, SETTINGS, looks=2, prepare=follow)
    assert [type(each) for each in bench.events] == [MarketListed, MarketClosed, MarketResolved]


def test_kalshi_s_series_are_looked_at_with_their_fees() -> None:
    settings = msgspec.structs.replace(SETTINGS, kalshi_series=("KXBTC15M",))
    bench, _, kalshi = watched({"GET /events/keyset": page([])}, KALSHI_SCRIPT, settings, looks=2)
    (listing,) = bench.known.listings.values()
    assert (listing.slug, listing.series) == (MARKET["ticker"], "KXBTC15M")
    assert loopback.query(kalshi.of("/trade-api/v2/markets")[0])["status"] == ["open"]
    assert list(bench.discovery.selected()) == [listing]
    assert len(bench.events) == 1


def test_a_followed_market_of_kalshi_is_seen_to_end() -> None:
    ended = {**MARKET, "status": "finalized", "result": "yes"}
    ended |= {"settlement_ts": "2026-09-26T23:01:00Z", "settlement_value_dollars": "1.0000"}

    def listed(asked: Asked) -> Answer:
        rows = [ended if "tickers" in loopback.query(asked) else MARKET]
        return Answer(json.dumps({"markets": rows, "cursor": ""}).encode())

    script = {**KALSHI_SCRIPT, "GET /trade-api/v2/markets": listed}
    settings = msgspec.structs.replace(SETTINGS, kalshi_series=("KXBTC15M",))

    def follow(bench: Bench) -> None:
        bench.followed.append(MarketId(KALSHI, MARKET["ticker"]))

    bench, _, _ = watched(
        {"GET /events/keyset": page([])}, script, settings, looks=2, prepare=follow
    )
    assert [type(each) for each in bench.events] == [MarketListed, MarketClosed, MarketResolved]


def test_rows_that_cannot_be_used_are_counted_with_their_reason() -> None:
    bench, _, _ = watched(
        {"GET /events/keyset": page([market_row(1), market_row(2, orderMinSize=0)])},
        KALSHI_SCRIPT, SETTINGS, looks=1,
    )  # fmt: skip
    assert sum(bench.discovery.status[POLYMARKET].refused.values()) == 1


# --- beside the loop ---------------------------------------------------------------------------


def test_the_whole_catalogue_is_read_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()

    class Seen(Look):
        def event(self, raw: msgspec.Raw) -> None:
            threads.add(threading.get_ident())
            super().event(raw)

    monkeypatch.setattr(gamma_module, "Look", Seen)
    watched({"GET /events/keyset": page([market_row(1)])}, KALSHI_SCRIPT, SETTINGS, looks=1)
    assert threads
    assert threading.get_ident() not in threads


class Slow:
    """A transport that never answers, and knows whether its request was dropped."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.dropped = False

    async def send(self, *_arguments: Any, **_options: Any) -> Reply:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.dropped = True
        raise AssertionError

    async def spend(self, group: str, cost: int = 1) -> None:
        return


def test_a_cancelled_look_ends_its_thread_and_its_request() -> None:
    async def main() -> bool:
        slow = Slow()

        async def work(transport: HttpTransport, budget: Spender) -> Reply:
            await budget.spend("x")
            return await transport.send("GET", "/")

        task = asyncio.ensure_future(aside(slow, slow, work))
        await slow.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return slow.dropped

    before = threading.active_count()
    assert aio.run(main())
    assert threading.active_count() <= before


def test_what_a_look_in_a_thread_raises_is_raised_here() -> None:
    async def work(transport: HttpTransport, budget: Spender) -> None:
        raise Unreachable("down")

    async def main() -> None:
        slow = Slow()
        with pytest.raises(Unreachable, match="down"):
            await aside(slow, slow, work)

    aio.run(main())
