"""A watch of some markets: which channels it opens, what it notes, when it ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests import aio
from tests.venues.kalshi.making import KEY_ID, edwards_key, pem_of
from tests.venues.kalshi.test_kalshi_catalogue import MARKET, about
from tests.venues.kalshi.test_kalshi_catalogue import market as told_market
from tests.venues.marketserver import MarketVenue
from tests.venues.polymarket.gamma_rows import listing_of, market_row
from tests.venues.wsserver import Client, WsServer, until, ws_server
from underround.app.clients import Clients
from underround.app.configuration import load_config
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.watch import Watch
from underround.market.trust import BookRules
from underround.model.errors import AccountError
from underround.model.listing import Listing
from underround.venues.kalshi.catalogue import listing as kalshi_listing

TICKER = MARKET["ticker"]
KALSHI_WINDOW = kalshi_listing(told_market(), about())


class KalshiStream(WsServer):
    """Answers a subscription to books with one snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.on_message = self.answer

    def answer(self, client: Client, payload: bytes) -> None:
        asked = msgspec.json.decode(payload)
        subscribed = {"channel": "orderbook_delta", "sid": 1}
        book = {
            "market_ticker": TICKER, "market_id": "x",
            "yes_dollars_fp": [["0.4000", "10.00"]], "no_dollars_fp": [["0.5500", "7.00"]],
        }  # fmt: skip
        for told in (
            {"id": asked["id"], "type": "subscribed", "msg": subscribed},
            {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": book},
        ):
            client.send(msgspec.json.encode(told))


class BinanceStream(WsServer):
    """Tells a trade of whatever is subscribed to."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: list[str] = []
        self.on_message = self.answer

    def answer(self, client: Client, payload: bytes) -> None:
        self.topics += msgspec.json.decode(payload)["params"]
        trade = {
            "e": "aggTrade", "E": 1790000000000, "s": "BTCUSDT", "a": 1, "p": "112345.67",
            "q": "0.01", "f": 1, "l": 1, "T": 1790000000000, "m": True,
        }  # fmt: skip
        client.send(msgspec.json.encode({"stream": "btcusdt@aggTrade", "data": trade}))


@asynccontextmanager
async def watching(
    listings: list[Listing], *options: str, books: MarketVenue | None = None
) -> AsyncIterator[Watch]:
    """Run a watch on loopback."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, aio.JumpingLoop)
    given = [*options, "venues.polymarket.hosts.clob=http://127.0.0.1:9"]
    if books is not None:
        given.append(f"venues.polymarket.hosts.clob_market_stream={books.url}")
    access = load_config(None, given, strategies=False).value.venues
    async with Clients(access, clock=loop.now_ns) as clients:
        watch = Watch(clients, Catalogues(clients), listings, BookRules(), random.Random(1))
        running = asyncio.ensure_future(watch.run())
        try:
            yield watch
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def test_a_change_of_a_best_price_is_noted_once_and_a_deeper_one_never() -> None:
    async def main() -> None:
        listing = listing_of(market_row(1))
        market = listing.market.id
        venue = MarketVenue([listing.market])
        async with ws_server(venue), watching(
            [listing], "venues.binance.enabled=false", books=venue
        ) as watch:  # fmt: skip
            await until(lambda: watch.rows()[0].trusted)
            watch.changes.clear()
            venue.change(market, (True, 100_000, 9_000_000))
            venue.change(market, (True, 450_000, 3_000_000), (True, 440_000, 3_000_000))
            await until(lambda: watch.changes)
            await asyncio.sleep(5)
            (change,) = watch.changes
            assert (change.bid, change.bid_size, change.spread) == (450_000, 3_000_000, 150_000)
            assert change.trusted
            assert change.proof == "venue_hash"

    aio.run(main())


def test_a_lasting_doubt_is_noted_with_its_reason() -> None:
    async def main() -> None:
        listing = listing_of(market_row(1))
        venue = MarketVenue([listing.market])
        async with ws_server(venue), watching(
            [listing], "venues.binance.enabled=false", books=venue
        ) as watch:  # fmt: skip
            await until(lambda: watch.rows()[0].trusted)
            watch.changes.clear()
            venue.refuse_with = 503
            venue.last.frozen = True
            await until(lambda: watch.changes)
            (change,) = watch.changes
            assert not change.trusted
            assert change.doubt

    aio.run(main())


def test_kalshi_s_books_and_the_reference_of_their_windows_are_shown(tmp_path: Path) -> None:
    async def main() -> None:
        pem = tmp_path / "key.pem"
        pem.write_bytes(bytes(pem_of(edwards_key())))
        pem.chmod(0o600)
        (tmp_path / "id").write_text(KEY_ID)
        (tmp_path / "id").chmod(0o600)
        binance = BinanceStream()
        async with ws_server(KalshiStream()) as stream, ws_server(binance):
            options = (
                f"venues.kalshi.stream={stream.url.removesuffix('/ws')}",
                f"venues.kalshi.key_id=file:{tmp_path / 'id'}",
                f"venues.kalshi.private_key=file:{pem}",
                f"venues.binance.stream={binance.url.removesuffix('/ws')}",
            )
            async with watching([KALSHI_WINDOW], *options) as watch:
                await until(lambda: watch.rows()[0].trusted and watch.references())
                row, reference = watch.rows()[0], watch.references()[0]
                assert (row.bid, row.ask, row.proof) == (400_000, 450_000, "sequence")
                assert (reference.symbol, reference.price) == ("binance:BTCUSDT", 112_345_670_000)
                assert binance.topics == ["btcusdt@aggTrade"]  # no other asset is watched
                assert watch.connected() == (2, 2)
                assert not watch.notes

    aio.run(main())


def test_what_cannot_be_watched_is_noted_and_the_rest_is_watched() -> None:
    async def main() -> None:
        listing = listing_of(market_row(1))
        venue = MarketVenue([listing.market])
        async with ws_server(venue), watching(
            [KALSHI_WINDOW, listing], "venues.binance.enabled=false", books=venue
        ) as watch:  # fmt: skip
            assert [row.listing.slug for row in watch.rows()] == ["will-it-rain-1"]
            assert "set venues.kalshi.key_id" in watch.notes[0]

    aio.run(main())


def test_a_watch_of_nothing_that_can_be_watched_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(AccountError, match=r"venues\.kalshi\.key_id"):
            async with watching([KALSHI_WINDOW]):
                pass

    aio.run(main())
