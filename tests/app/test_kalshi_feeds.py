"""Kalshi through the feeds: its real dialect and codec against a scripted venue."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from tests import aio
from tests.market.builders import Levels, levels_of, make_hub
from tests.model.builders import market as make_market
from tests.venues.kalshi.making import signer
from tests.venues.wsserver import Client, WsServer, until, ws_server
from underround.app.live.channels import Channel, feeds_of
from underround.app.live.feeds import Feeds
from underround.market.trust import BookRules
from underround.model.ids import KALSHI
from underround.model.market import Catalogue, Market
from underround.model.units import ONE, decimal_text
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.kalshi.hosts import Hosts
from underround.venues.kalshi.stream import KalshiDialect

PER_SOCKET = 3


class KalshiVenue(WsServer):
    """Subscriptions with numbers of their own on each connection, beginning with sid 1, seq 1."""

    def __init__(self) -> None:
        super().__init__()
        self.books: dict[str, Levels] = defaultdict(
            lambda: {(True, 300_000): 5 * ONE, (False, 600_000): 7 * ONE}
        )
        self.on_message = self.answer
        self.lose = 0
        """So many of the next changes use their number and are not sent."""
        self.followed: dict[Client, list[str]] = {}
        self.numbers: dict[Client, int] = defaultdict(int)
        self.asked: list[tuple[Client, dict[str, object]]] = []

    def answer(self, client: Client, payload: bytes) -> None:
        said = msgspec.json.decode(payload)
        params = said["params"]
        self.asked.append((client, said))
        tickers = params["market_tickers"]
        if said["cmd"] == "subscribe":
            assert params["use_yes_price"] is False
            self.followed[client] = list(tickers)
            named = {"channel": params["channels"][0], "sid": 1}
            client.send(msgspec.json.encode({"type": "subscribed", "id": said["id"], "msg": named}))
        else:
            assert params["sids"] == [1]
            if params["action"] == "delete_markets":
                self.followed[client] = [t for t in self.followed[client] if t not in tickers]
                tickers = []
            elif params["action"] == "add_markets":
                self.followed[client] += tickers
            self.numbered(client, "ok", {"market_tickers": self.followed[client]}, id=said["id"])
        for ticker in tickers:
            self.state(client, ticker)

    def numbered(self, client: Client, kind: str, msg: object, **more: object) -> None:
        self.numbers[client] += 1
        head = {"type": kind, "sid": 1, "seq": self.numbers[client], "msg": msg}
        client.send(msgspec.json.encode(head | more))

    def state(self, client: Client, ticker: str) -> None:
        sides: dict[str, list[tuple[str, str]]] = {"yes_dollars_fp": [], "no_dollars_fp": []}
        for (is_bid, price), size in sorted(self.books[ticker].items()):
            own = price if is_bid else ONE - price
            side = sides["yes_dollars_fp" if is_bid else "no_dollars_fp"]
            side.append((f"{own / ONE:.4f}", f"{size / ONE:.2f}"))
        self.numbered(client, "orderbook_snapshot", {"market_ticker": ticker, **sides})

    def change(self, ticker: str, price: int, size: int) -> None:
        """Set a YES bid."""
        levels = self.books[ticker]
        delta = size - levels.get((True, price), 0)
        levels[True, price] = size
        told = {
            "market_ticker": ticker, "price_dollars": f"{price / ONE:.4f}", "side": "yes",
            "delta_fp": decimal_text(delta), "ts_ms": 1_790_000_000_000,
        }  # fmt: skip
        lost, self.lose = self.lose > 0, max(0, self.lose - 1)
        for client in self.open_clients:
            if ticker in self.followed.get(client, ()):
                if lost:
                    self.numbers[client] += 1
                else:
                    self.numbered(client, "orderbook_delta", told)

    def actions(self, client: Client, action: str) -> list[list[str]]:
        """Return what a client asked for, by command."""
        found = []
        for who, said in self.asked:
            params = said["params"]
            assert isinstance(params, dict)
            if who is client and params.get("action") == action:
                found.append(sorted(params["market_tickers"]))
        return found


class Bench:
    def __init__(self, venue: KalshiVenue, markets: list[Market]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, aio.JumpingLoop)
        self.venue = venue
        self.markets = markets
        channel = Channel(
            venue=KALSHI,
            dialect=KalshiDialect(
                signer(), Hosts("", venue.url.removesuffix("/ws")), markets_per_socket=PER_SOCKET
            ),
            decoder=KalshiDecoder(Catalogue(tuple(markets)).by_token()),
            codec="kalshi",
            proof="sequence",
            topics=lambda market: (market.id.native,),
        )
        self.hub = make_hub(feeds_of([channel], BookRules()), markets)
        self.frames = 0
        self.feeds = Feeds(self.hub, [channel], self._count, loop.now_ns, random.Random(1))

    def _count(self, *_frame: object) -> None:
        self.frames += 1

    def right(self, *names: str) -> bool:
        """Whether these books are trusted and are the venue's."""
        books = [each for of, each in self.hub.books.items() if of.native in names]
        return len(books) == len(names) and all(
            each.trusted
            and levels_of(each.book)
            == {at: size for at, size in self.venue.books[each.market.id.native].items() if size}
            for each in books
        )

    def doubts(self) -> dict[str, dict[str, int]]:
        """Return how often the trust in each book ended, and why."""
        return {m.native: dict(each.counters.doubts) for m, each in self.hub.books.items()}


@asynccontextmanager
async def kalshi(*names: str) -> AsyncIterator[Bench]:
    async with ws_server(KalshiVenue()) as venue:
        assert isinstance(venue, KalshiVenue)
        bench = Bench(venue, [make_market(name, venue=KALSHI) for name in names])
        bench.feeds.follow(bench.markets)
        running = asyncio.ensure_future(bench.feeds.run())
        try:
            await until(lambda: bench.right(*names), at_most_s=5)
            yield bench
            if running.done():
                running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


FIVE = ("A", "B", "C", "D", "E")


def test_a_gap_restates_all_books_of_its_subscription_with_one_command_and_no_others() -> None:
    async def main() -> None:
        async with kalshi(*FIVE) as bench:
            first, second = bench.venue.clients
            bench.venue.lose = 1
            bench.venue.change("A", 310_000, ONE)
            bench.venue.change("B", 310_000, ONE)
            await until(lambda: bench.hub.gaps)
            assert await until(lambda: bench.right(*FIVE)) < 0.3
            gap = {"sequence gap": 1}
            assert bench.doubts() == {"A": gap, "B": gap, "C": gap, "D": {}, "E": {}}
            assert bench.venue.actions(first, "get_snapshot") == [["A", "B", "C"]]
            assert not bench.venue.actions(second, "get_snapshot")
            assert len(bench.venue.clients) == 2
            assert [row.resyncs for row in bench.feeds.liveness()] == [
                *[{"sequence gap": 1}] * 3, {}, {},
            ]  # fmt: skip

    aio.run(main())


def test_acknowledgements_that_use_numbers_are_no_gaps() -> None:
    async def main() -> None:
        async with kalshi(*FIVE) as bench:
            for turn in range(20):
                gone = bench.markets[turn % 5]
                bench.feeds.unfollow([gone.id])
                bench.venue.change("A", 310_000, (turn + 1) * ONE)
                await asyncio.sleep(0.3)
                assert not bench.hub.books[gone.id].trusted
                bench.feeds.follow([gone])
                bench.venue.change("B", 320_000, (turn + 1) * ONE)
                await until(lambda: bench.right(*FIVE), at_most_s=2)
            assert bench.hub.gaps == 0
            assert not any(row.resyncs for row in bench.feeds.liveness())

    aio.run(main())


def test_numbers_begin_anew_with_a_new_connection_and_a_gap_in_it_is_still_found() -> None:
    async def main() -> None:
        async with kalshi("A", "B") as bench:
            for turn in range(5):
                await asyncio.sleep(11)
                for step in range(turn + 3):
                    bench.venue.change("A", 310_000, (step + 1) * ONE)
                await asyncio.sleep(0.1)
                assert bench.right("A", "B")
                bench.venue.last.cut()
                await bench.venue.arrival(turn + 2)
                await until(lambda: bench.right("A", "B"), at_most_s=2)
            assert bench.hub.gaps == 0
            bench.venue.lose = 1
            bench.venue.change("A", 330_000, ONE)
            bench.venue.change("A", 330_000, 2 * ONE)
            await until(lambda: bench.hub.gaps)
            await until(lambda: bench.right("A", "B"), at_most_s=2)
            assert len(bench.hub._numbers) == 1  # those of dead connections are forgotten

    aio.run(main())


def test_a_book_of_another_subscription_that_stands_still_is_not_trusted_for_long() -> None:
    async def main() -> None:
        async with kalshi("A", "B", "C") as bench:
            # The venue moves A to a subscription that it then feeds no more.
            client = bench.venue.last
            book = {"market_ticker": "A", "yes_dollars_fp": [["0.3000", "5.00"]]}
            told = {"type": "orderbook_snapshot", "sid": 9, "seq": 4, "msg": book}
            client.send(msgspec.json.encode(told))
            await until(lambda: bench.hub.books[bench.markets[0].id].subscription)
            bench.venue.change("A", 310_000, ONE)
            await until(lambda: bench.doubts()["A"])
            assert bench.doubts() == {"A": {"another subscription": 1}, "B": {}, "C": {}}
            assert await until(lambda: bench.right("A", "B", "C")) < 0.3

    aio.run(main())
