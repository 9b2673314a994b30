"""Polymarket and Kalshi on loopback, in a thread of their own: catalogues, books and a stream."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from tests import aio
from tests.venues.marketserver import MarketVenue
from tests.venues.polymarket.gamma_rows import Row, listing_of
from tests.venues.scripted import Answer, Asked, Script, ScriptedHost, scripted_host
from tests.venues.wsserver import ws_server
from underround.model.market import Market

KALSHI_API = "/trade-api/v2"


class Venues:
    """What runs, and what was asked of it."""

    def __init__(self) -> None:
        self.polymarket: ScriptedHost
        self.kalshi: ScriptedHost
        self.stream: MarketVenue
        self.loop: asyncio.AbstractEventLoop

    def call(self, work: Any, *arguments: Any) -> None:
        """Have the venues' loop do something."""
        self.loop.call_soon_threadsafe(work, *arguments)

    def options(self) -> list[str]:
        """Return the command line's options that lead here, and nowhere else."""
        hosts = {
            "venues.polymarket.hosts.gamma": self.polymarket.url,
            "venues.polymarket.hosts.clob": self.polymarket.url,
            "venues.polymarket.hosts.clob_market_stream": self.stream.url,
            "venues.kalshi.rest": self.kalshi.url,
            "venues.binance.enabled": "false",
        }
        return [part for key, value in hosts.items() for part in ("--set", f"{key}={value}")]

    def config(self, folder: Path) -> Path:
        """Write them into a configuration file instead."""
        file = folder / "underround.toml"
        file.write_text(
            "[venues.polymarket.hosts]\n"
            f'gamma = "{self.polymarket.url}"\nclob = "{self.polymarket.url}"\n'
            f'clob_market_stream = "{self.stream.url}"\n'
            f'[venues.kalshi]\nrest = "{self.kalshi.url}"\n'
            "[venues.binance]\nenabled = false\n",
            "utf-8",
        )
        return file


def query(asked: Asked) -> dict[str, list[str]]:
    """Return what was asked for after the question mark."""
    return parse_qs(urlsplit(asked.target).query)


Changes: TypeAlias = dict[str, Any]


def gamma(rows: list[Row]) -> dict[str, Any]:
    """Answer Gamma's paths from ``rows`` as the venue does: filters, slugs, words."""

    def listed(asked: Asked) -> Answer:
        told = query(asked)
        found = [row for row in rows if row["closed"] is (told["closed"] == ["true"])]
        if "slug" in told:
            found = [row for row in found if row["slug"] in told["slug"]]
        if "condition_ids" in told:
            found = [row for row in found if row["conditionId"] in told["condition_ids"]]
        if "liquidity_num_min" in told:
            least = float(told["liquidity_num_min"][0])
            found = [row for row in found if float(row["liquidity"]) >= least]
        if told["order"] == ["volume24hr"]:
            found.sort(key=lambda row: -row["volume24hr"])
        return _page("markets", found)

    def searched(asked: Asked) -> Answer:
        words = query(asked)["q"][0].casefold().split()
        found = [row for row in rows if any(word in row["question"].casefold() for word in words)]
        events = [_event(row) for row in found]
        return Answer(json.dumps({"events": events, "pagination": {"hasMore": False}}).encode())

    def by_tag(asked: Asked) -> Answer:
        tag = query(asked).get("tag_slug")
        return _page("events", [_event(row) for row in rows if tag in (None, ["weather"])])

    script: dict[str, Any] = {
        "GET /markets/keyset": listed,
        "GET /events/keyset": by_tag,
        "GET /public-search": searched,
    }
    for row in rows:
        script[f"GET /markets/slug/{row['slug']}"] = Answer(json.dumps(row).encode())
    return script


def _event(row: Row) -> Row:
    return {
        "id": f"1{row['id']}", "slug": f"event-{row['slug']}", "title": row["question"],
        "negRisk": row["negRisk"], "enableNegRisk": row["negRisk"], "negRiskAugmented": False,
        "tags": [{"id": "84", "slug": "weather", "label": "Weather"}], "markets": [row],
    }  # fmt: skip


def _page(key: str, rows: list[Row]) -> Answer:
    return Answer(json.dumps({key: rows}).encode())


def clob(stream: MarketVenue) -> dict[str, Any]:
    """Answer requests for books with those of the stream."""

    def books(asked: Asked) -> Answer:
        wanted = [each["token_id"] for each in json.loads(asked.body)]
        found = [
            true.book(outcome, request=True)
            for token in wanted
            for true in stream.truth.values()
            for outcome in (0, 1)
            if true.market.tokens[outcome] == token
        ]
        return Answer(b"[" + b",".join(found) + b"]")

    return {"POST /books": books}


def kalshi(series: Row, event: Row, rows: list[Row], books: dict[str, Any] | None = None) -> Script:
    """Answer Kalshi's paths about one series with one event."""

    def listed(asked: Asked) -> Answer:
        told = query(asked)
        found = rows if told.get("series_ticker", [series["ticker"]]) == [series["ticker"]] else []
        if "tickers" in told:
            found = [row for row in rows if row["ticker"] in told["tickers"][0].split(",")]
        return Answer(json.dumps({"markets": found, "cursor": ""}).encode())

    def events(asked: Asked) -> Answer:
        told = query(asked).get("series_ticker", [series["ticker"]])
        found = [event] if told == [series["ticker"]] else []
        return Answer(json.dumps({"events": found, "cursor": ""}).encode())

    def order_books(asked: Asked) -> Answer:
        wanted = query(asked)["tickers"]
        told = [{"ticker": each, "orderbook_fp": (books or {}).get(each)} for each in wanted]
        return Answer(json.dumps({"orderbooks": [each for each in told if each]}).encode())

    whole = {"event": {**event, "markets": rows}}
    script: dict[str, Any] = {
        "/markets": listed,
        "/events": events,
        "/markets/orderbooks": order_books,
        f"/series/{series['ticker']}": Answer(json.dumps({"series": series}).encode()),
        f"/events/{event['event_ticker']}": Answer(json.dumps(whole).encode()),
        "/series/fee_changes": Answer(b'{"series_fee_change_arr": []}'),
        "/events/fee_changes": Answer(b'{"event_fee_changes": [], "cursor": ""}'),
    }
    for row in rows:
        script[f"/markets/{row['ticker']}"] = Answer(json.dumps({"market": row}).encode())
    return {f"GET {KALSHI_API}{path}": answer for path, answer in script.items()}


@contextmanager
def venues(
    rows: list[Row], kalshi_script: Script, *, listed: list[Row] | None = None
) -> Iterator[Venues]:
    """Serve until the block ends; the books are those of the markets in ``rows``.

    ``listed`` is what the catalogue has, where that is not the same.
    """
    running = Venues()
    ready = threading.Event()
    over = asyncio.Event()
    markets: list[Market] = [listing_of(row).market for row in rows]

    async def serve() -> None:
        running.loop = asyncio.get_running_loop()
        running.stream = MarketVenue(markets)
        script = gamma(rows if listed is None else listed) | clob(running.stream)
        async with (
            ws_server(running.stream),
            scripted_host(script) as running.polymarket,
            scripted_host(kalshi_script) as running.kalshi,
        ):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: aio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield running
    finally:
        running.call(over.set)
        thread.join(10)
