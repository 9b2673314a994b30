"""What the servers say about a market that is not listed any more, whoever traded there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from tests import aio
from tests.local_venue.polymarket.catalogue_desk import CatalogueDesk
from tests.local_venue.whole_venue import KalshiTrader, Trader, WholeVenue, opened
from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import find_scene, read_scene
from underround.local_venue.flow.terms import CrowdTerms
from underround.local_venue.polymarket.gamma.names import Names
from underround.local_venue.settlement import SettlementTimes
from underround.model.ids import KALSHI, OutcomeId
from underround.simulation.matching.terms import TradeMoved
from underround.venues.polymarket.orders import Outgoing

QUIET = CrowdTerms(requote_ms=20_000, noise_ms=20_000, informed_ms=60_000)
SLOW = SettlementTimes(mined_ms=1_000_000)
"""A match is not mined before its window was forgotten."""


def quiet_windows(*, settlement: SettlementTimes | None = None, **terms: Any) -> Scene:
    """The desk scene with nothing but its windows, and people who take their time."""
    scene = read_scene(find_scene("desk"))
    assert scene.generator is not None
    windows = tuple(msgspec.structs.replace(each, crowd=QUIET) for each in scene.generator.windows)
    terms = {"windows": windows, "groups": (), "games": ()} | terms
    return msgspec.structs.replace(
        scene,
        generator=msgspec.structs.replace(scene.generator, **terms),
        settlement=settlement or scene.settlement,
    )


class Remains:
    """Two windows in which Alice traded, at both venues; the catalogue has dropped both."""

    def __init__(self, whole: WholeVenue) -> None:
        self.whole = whole
        venue = whole.venue
        self.alice = Trader(whole, venue.opened.accounts[0])
        member = next(each for each in venue.opened.kalshi if each.kind == "ed25519")
        self.member = KalshiTrader(whole, member)
        self.window = whole.windows()[0]
        self.kalshi = whole.windows(KALSHI)[0]
        self.resting = ""
        self.signed_before: Outgoing | None = None
        """An order that was signed and not sent."""
        self.kalshi_order = ""

    @property
    def row(self) -> LocalMarket:
        return self.window

    @property
    def condition(self) -> str:
        return self.window.listing.market.id.native

    @property
    def token(self) -> str:
        return self.window.listing.market.tokens[0]

    async def trade(self) -> None:
        """Buy, and leave an order."""
        taking = self.alice.signed(self.row, "buy", "0.99", "100", "FAK")
        resting = self.alice.signed(self.row, "buy", "0.01", "100")
        for order in (taking, resting):
            told = await self.alice.post(order)
            assert told.status == 200, told
            self.resting = told.body["orderID"]
        self.signed_before = self.alice.signed(self.row, "buy", "0.50", "10")
        ticker = self.kalshi.listing.market.id.native
        await self.member.place(ticker, "bid", "10.00", "0.9900", "immediate_or_cancel")
        told = await self.member.place(ticker, "bid", "10.00", "0.0100", "good_till_canceled")
        assert told.status == 201, told
        self.kalshi_order = told.body["order_id"]

    def end(self) -> None:
        """Let both resolve, and the catalogue forget them at once."""
        self.whole.wait(15 * 60 + 20)  # Kalshi pays a little later
        for row in (self.window, self.kalshi):
            assert row.resolution is not None
            self.whole.world.forget(row.listing.market.id, self.whole.now)


@asynccontextmanager
async def remains(*, settled: bool = True) -> AsyncIterator[Remains]:
    """Trade, end and forget; ``settled``: the trades are final before that."""
    async with opened(quiet_windows(settlement=None if settled else SLOW)) as whole:
        whole.wait(5)
        found = Remains(whole)
        await found.trade()
        found.end()
        yield found


def about(work: Callable[[Remains], Awaitable[None]], *, settled: bool = True) -> None:
    async def main() -> None:
        async with remains(settled=settled) as found:
            await work(found)
            for (host, status), count in found.whole.statuses.items():
                assert status < 500, f"{host} answered {status} {count} times"

    aio.run(main())


# --- Polymarket's CLOB ---------------------------------------------------------------------------


def test_the_clob_lists_no_trades_of_a_forgotten_market_and_does_not_find_its_orders() -> None:
    async def work(left: Remains) -> None:
        assert (await left.alice.ask("/data/trades")).body["data"] == []
        assert (await left.alice.ask("/data/orders")).body["data"] == []
        told = await left.alice.ask(f"/data/order/{left.resting}")
        assert (told.status, told.body) == (404, {"error": "order not found"})
        scoring = await left.alice.ask("/order-scoring", order_id=left.resting)
        assert scoring.body == {"scoring": False}
        told = await left.alice.cancel([left.resting])
        assert list(told.body["not_canceled"]) == [left.resting]

    about(work)


def test_the_clob_finds_neither_book_nor_terms_of_a_forgotten_market() -> None:
    async def work(left: Remains) -> None:
        ask = left.whole.ask
        for path in (f"/markets/{left.condition}", f"/clob-markets/{left.condition}"):
            assert (await ask("clob", path)).status == 404
        for path in ("/book", "/midpoint", "/tick-size", "/neg-risk", "/fee-rate"):
            assert (await ask("clob", path, {"token_id": left.token})).status == 404
        listed = await ask("clob", "/simplified-markets")
        assert left.condition not in {row["condition_id"] for row in listed.body["data"]}
        told = await left.alice.ask(
            "/balance-allowance",
            asset_type="CONDITIONAL",
            token_id=left.token,
            signature_type="3",
        )
        assert told.status == 404

    about(work)


def test_an_order_for_a_forgotten_market_is_refused() -> None:
    async def work(left: Remains) -> None:
        assert left.signed_before is not None
        told = await left.alice.post(left.signed_before)
        assert told.status in {400, 404}, told

    about(work)


def test_notices_stay_and_none_is_made_about_a_forgotten_market() -> None:
    async def work(left: Remains) -> None:
        before = await left.alice.ask("/notifications")
        assert before.body
        left.whole.wait(200)
        after = await left.alice.ask("/notifications")
        assert (after.status, after.body) == (200, before.body)

    about(work, settled=False)


# --- Polymarket's streams ------------------------------------------------------------------------


def test_a_trade_that_becomes_final_after_its_market_was_forgotten_is_told_to_nobody() -> None:
    async def work(left: Remains) -> None:
        who, moved = left.alice.who, []
        left.whole.world.bus.listen(
            lambda event: moved.append(event) if isinstance(event, TradeMoved) else None
        )
        at = left.whole.venue.opened.endpoints
        async with (
            left.whole.session.ws_connect(at.clob_user_stream) as own,
            left.whole.session.ws_connect(at.clob_market_stream) as public,
        ):
            auth = {
                "apiKey": who.api_key,
                "secret": who.api_secret,
                "passphrase": who.api_passphrase,
            }
            await own.send_json({"type": "user", "auth": auth, "markets": []})
            await public.send_json({"type": "market", "assets_ids": [left.token]})
            assert await _heard(own) == []
            left.whole.wait(200)
            mine = [each for each in moved if each.trade.market.native == left.condition]
            assert mine, "nothing was still to be settled"
            assert await _heard(own) == []
            heard = await _heard(public)
            assert all(left.condition not in payload for payload in heard)

    about(work, settled=False)


async def _heard(socket: aiohttp.ClientWebSocketResponse) -> list[str]:
    await socket.send_str("PING")
    heard: list[str] = []
    while (message := await socket.receive(20)).data != "PONG":
        assert message.type is aiohttp.WSMsgType.TEXT, message
        heard.append(message.data)
    return heard


# --- Polymarket's lists --------------------------------------------------------------------------


def test_the_data_api_leaves_out_what_was_done_in_a_forgotten_market() -> None:
    async def work(left: Remains) -> None:
        wallet, ask = left.alice.account, left.whole.ask
        for path, query in (
            ("/v2/trades", {}),
            ("/v2/trades", {"user": wallet}),
            ("/v2/activity", {"user": wallet}),
            ("/v2/positions", {"user": wallet}),
            ("/v2/positions", {"user": wallet, "status": "CLOSED"}),
            ("/v2/holders", {"condition": left.condition}),
            ("/v2/resolutions", {"condition": left.condition}),
            ("/v2/prices-history", {"token_id": left.token, "interval": "1d"}),
        ):
            told = await ask("data", path, query)
            assert told.status == 200, told
            assert left.condition not in str(told.body)
        value = await ask("data", "/v2/value", {"user": wallet})
        assert value.body["data"]["value"] == 0

    about(work)


@pytest.mark.parametrize("settled", [True, False], ids=["final", "in flight"])
def test_gamma_lists_what_is_left_and_does_not_find_a_forgotten_market(settled: bool) -> None:
    async def work(left: Remains) -> None:
        ask, slug = left.whole.ask, left.row.listing.slug
        for path in ("/markets/keyset", "/events/keyset", "/markets", "/events"):
            told = await ask("gamma", path, {"limit": "100", "closed": "true"})
            assert told.status < 500
            assert left.condition not in str(told.body)
        for path in (f"/markets/slug/{slug}", f"/events/slug/{slug}", f"/markets/{left.row.id}"):
            assert (await ask("gamma", path)).status == 404

    about(work, settled=settled)


# --- Kalshi --------------------------------------------------------------------------------------


def test_kalshi_finds_no_forgotten_market_and_still_lists_what_its_member_did() -> None:
    async def work(left: Remains) -> None:
        ticker = left.kalshi.listing.market.id.native
        for path in (
            f"/markets/{ticker}",
            f"/markets/{ticker}/orderbook",
            f"/events/{left.kalshi.event}",
        ):
            assert (await left.member.ask(path)).status == 404, path
        for path in (
            "/markets",
            "/events?with_nested_markets=true",
            "/series",
            "/markets/trades",
            f"/markets/trades?ticker={ticker}",
            f"/markets/orderbooks?tickers={ticker}",
            f"/portfolio/orders/{left.kalshi_order}/queue_position",
            f"/portfolio/orders/queue_positions?market_tickers={ticker}",
            "/portfolio/positions",
            "/portfolio/balance",
        ):
            assert (await left.member.ask(path)).status < 500, path
        fills = (await left.member.ask("/portfolio/fills")).body["fills"]
        paid = (await left.member.ask("/portfolio/settlements")).body["settlements"]
        orders = (await left.member.ask("/portfolio/orders")).body["orders"]
        assert {row["ticker"] for row in (*fills, *paid, *orders)} == {ticker}
        one = await left.member.ask(f"/portfolio/orders/{left.kalshi_order}")
        assert one.body["order"]["ticker"] == ticker
        gone = await left.member.ask(
            f"/portfolio/events/orders/{left.kalshi_order}", method="DELETE"
        )
        assert 400 <= gone.status < 500

    about(work)


# --- the page, and what is remembered of each market ----------------------------------------------


def test_the_page_shows_what_is_listed_after_a_market_was_forgotten() -> None:
    async def work(left: Remains) -> None:
        told = await left.whole.ask("status", "/status.json")
        assert told.status == 200
        slugs = {row["slug"] for row in told.body["markets"]}
        assert left.row.listing.slug not in slugs
        assert left.whole.windows()[0].listing.slug in slugs

    about(work)


def test_no_part_of_the_venue_remembers_a_forgotten_market() -> None:
    async def work(left: Remains) -> None:
        venue = left.whole.venue
        left.whole.wait(200)
        for market in (left.window.listing.market.id, left.kalshi.listing.market.id):
            assert market not in venue.world.catalogue.markets
            assert market not in venue.books.books
            assert market not in venue.clob.figures._of
            assert market not in venue.witness.last
            assert market not in venue.witness.volume
            assert market not in venue.kalshi.tapes

    about(work)


# --- how long a market stays ---------------------------------------------------------------------


def test_where_a_client_traded_a_market_stays_until_nobody_is_owed_anything() -> None:
    async def main() -> None:
        async with opened(quiet_windows(keep=150 * 10**9)) as whole:
            whole.wait(5)
            left = Remains(whole)
            await left.trade()
            market, custody = left.row.listing.market.id, whole.world.polymarket.custody
            for _ in range(60):
                whole.wait(60)
            payouts = custody.payouts[market]
            held = [custody.balance(left.alice.account, OutcomeId(market, i)) for i in (0, 1)]
            owed = any(size and worth for size, worth in zip(held, payouts, strict=True))
            assert any(held)
            assert (market in whole.world.catalogue.markets) == owed
            custody.redeem(left.alice.account, market)
            for _ in range(6):
                whole.wait(60)
            assert market not in whole.world.catalogue.markets

    aio.run(main())


def test_gamma_numbers_a_series_that_is_listed_after_others_were_forgotten() -> None:
    desk = CatalogueDesk()
    names = Names(desk.world)
    for series in ("first", "second", "third"):
        event = desk.event(f"event-{series}", series=series)
        market = desk.list(event, series, series=series)
        names.refresh()
        assert names.series[-1] == series
        desk.world.forget(market.id, desk.now)
