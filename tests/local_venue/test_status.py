"""What the page shows: markets, matches, accounts and servers, as they are."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.aio import run
from tests.local_venue.flow.stage import WINDOWS, scene_of
from tests.local_venue.whole_venue import KalshiTrader, Trader, WholeVenue, opened
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.faults import Lose
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import find_scene, read_scene
from underround.local_venue.roster import AccountRow
from underround.local_venue.status import MarketRow, Status
from underround.model.ids import KALSHI, POLYMARKET, Venue
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.wallets import SignatureType

QUIET = read_scene(find_scene("quiet"))
TICKER = "KXQUIET-26DEC31-T50"
Work: TypeAlias = Callable[[WholeVenue], Awaitable[None]]


def at_venue(work: Work, scene: Scene = QUIET) -> None:
    async def main() -> None:
        async with opened(scene) as whole:
            await work(whole)

    run(main())


def status(whole: WholeVenue) -> Status:
    return whole.venue.status(whole.world.act())


def account(whole: WholeVenue, name: str, venue: Venue = POLYMARKET) -> AccountRow:
    (found,) = [row for row in status(whole).accounts if (row.name, row.venue) == (name, venue)]
    return found


def market(whole: WholeVenue, slug: str) -> MarketRow:
    (found,) = [row for row in status(whole).markets if row.slug == slug]
    return found


def listed(whole: WholeVenue, slug: str) -> LocalMarket:
    found = whole.world.catalogue.of_slug(slug)
    assert found is not None
    return found


def test_a_fill_moves_orders_money_shares_and_the_last_price() -> None:
    async def work(whole: WholeVenue) -> None:
        alice = Trader(whole, whole.venue.opened.accounts[0])
        even = listed(whole, "quiet-even")
        assert (await alice.post(alice.signed(even, "buy", "0.50", "10"))).status == 200
        assert (await alice.post(alice.signed(even, "buy", "0.51", "20"))).status == 200
        told = market(whole, "quiet-even")
        assert [(each.price, each.size) for each in told.bids[:2]] == [
            ("0.5", "10"), ("0.49", "1000"),
        ]  # fmt: skip
        assert (told.asks[0].size, told.last, told.volume) == ("980", "0.51", "20")
        before = account(whole, "alice")
        assert (before.cash, before.reserved, before.in_flight) == ("10000", "5", "10.2")
        assert (before.open_orders, before.shares) == (1, {})
        (matched,) = status(whole).trades
        assert (matched.slug, matched.side, matched.outcome, matched.status) == (
            "quiet-even", "buy", "YES", "MATCHED",
        )  # fmt: skip
        whole.wait(60)
        after = account(whole, "alice")
        assert (after.cash, after.in_flight) == ("9989.8", "0")
        assert after.shares == {"quiet-even Yes": "20"}
        assert [each.status for each in status(whole).trades] == ["CONFIRMED"]

    at_venue(work)


def test_kalshi_s_members_are_shown_with_the_money_of_all_shards() -> None:
    async def work(whole: WholeVenue) -> None:
        alice = KalshiTrader(whole, whole.venue.opened.kalshi[0])
        assert account(whole, "alice", KALSHI).cash == "40000"
        placed = await alice.place(TICKER, "bid", "10.00", "0.5100", "good_till_canceled")
        assert placed.status == 201, placed.body
        placed = await alice.place(TICKER, "bid", "5.00", "0.4000", "good_till_canceled")
        assert placed.status == 201, placed.body
        told = account(whole, "alice", KALSHI)
        assert told.shares == {f"{TICKER} YES": "10"}
        assert told.open_orders == 1
        assert told.reserved != "0"
        assert float(told.cash) < 40_000 - 5
        assert (market(whole, TICKER).last, market(whole, TICKER).volume) == ("0.51", "10")

    at_venue(work)


def test_other_wallets_are_shown_once_they_are_used() -> None:
    """Those of ready-made people, and those of whoever came with a key of his own."""

    async def work(whole: WholeVenue) -> None:
        names = [row.name for row in status(whole).accounts]
        assert names == ["alice", "bob", "carol"] * 2
        alice = whole.venue.opened.accounts[0]
        stranger = EvmKey(Lent("stranger", "0x" + "77" * 32)).address
        wallet = wallet_of(stranger, SignatureType.POLY_1271).maker
        whole.world.accounts.create(stranger, 0)
        assert len(status(whole).accounts) == 6
        carry_out, now = whole.venue.flow.carry_out, whole.now
        for address in (alice.wallets["EOA"], wallet):
            step = {"do": "fund", "account": address, "cash": "5"}
            carry_out(json.dumps(step).encode(), now)
        rows = {row.name: row for row in status(whole).accounts}
        assert rows["alice EOA"].cash == "10005"
        known = rows[f"{stranger[:8]}… POLY_1271"]
        assert (known.account, known.cash) == (wallet, "5")

    at_venue(work)


def test_a_window_closes_when_its_end_is_known_and_is_gone_when_it_is_forgotten(
    tmp_path: Path,
) -> None:
    async def work(whole: WholeVenue) -> None:
        (first, *_) = whole.windows()
        row = market(whole, first.listing.slug)
        assert row.closes_ns == first.listing.ends_ns
        assert row.closes_ns is not None
        whole.wait((row.closes_ns - whole.now) / 10**9 + 30)
        ended = market(whole, first.listing.slug)
        assert (ended.state, ended.payouts in {"1 / 0", "0 / 1"}) == ("resolved", True)
        assert (ended.bids, ended.asks) == ((), ())
        rows = status(whole).markets
        states = [each.state for each in rows]
        assert states.index("resolved") > len([each for each in states if each == "open"]) - 1
        seen = whole.venue.witness.volume
        whole.wait(600)
        assert first.listing.market.id not in seen
        assert first.listing.slug not in {each.slug for each in status(whole).markets}

    at_venue(work, scene_of(tmp_path, WINDOWS))


def test_the_last_matches_are_remembered_newest_first_and_no_more() -> None:
    async def work(whole: WholeVenue) -> None:
        step = {"do": "print", "market": "quiet-even", "outcome": "YES", "side": "buy", "size": "5"}
        for number in range(80):
            whole.wait(0.01)
            body = json.dumps(step | {"price": "0.51", "size": str(5 + number)}).encode()
            whole.venue.flow.carry_out(body, whole.now)
        sizes = [row.size for row in status(whole).trades]
        assert sizes == [str(5 + number) for number in range(79, 19, -1)]
        whole.wait(60)
        rows = status(whole).trades
        assert [row.size for row in rows] == sizes, "what moves on later does not come back"
        assert {row.status for row in rows} == {"CONFIRMED"}

    at_venue(work)


def test_servers_count_what_they_answered_and_who_is_connected() -> None:
    async def work(whole: WholeVenue) -> None:
        at = whole.venue.opened.endpoints
        for _ in range(3):
            await whole.ask("clob", "/ok")
        async with whole.session.ws_connect(at.clob_market_stream):
            rows = {row.name: row for row in status(whole).servers}
            assert (rows["clob"].answered, rows["clob"].connected) == (3, None)
            stream = rows["clob_stream"]
            assert (stream.connected, stream.answered) == (1, None)
            assert at.clob_market_stream.startswith(stream.address)
            assert (rows["status"].answered, rows["status"].connected) == (None, None)
        assert set(rows) == {
            "status", "clob", "gamma", "data", "relayer", "site", "kalshi", "binance", "allora",
            "clob_stream", "live_prices", "rtds", "kalshi_stream", "binance_stream",
            "allora_events",
        }  # fmt: skip

    at_venue(work)


def test_faults_prices_and_terms_are_told() -> None:
    async def work(whole: WholeVenue) -> None:
        whole.world.faults.set(Lose(stream="kalshi.ws", for_ms=1_000), whole.now)
        told = status(whole)
        assert (told.seed, told.speed, told.chain, told.time_ns) == (5, 1, False, whole.now)
        assert told.prices == {"btc/usd": "65000", "eth/usd": "3200"}
        assert told.counts["markets"] == 7
        (fault,) = told.faults
        assert (fault.id, fault.happened, fault.until_ns) == (1, 0, whole.now + 10**9)
        whole.wait(1)
        assert status(whole).faults == ()

    at_venue(work)


@pytest.mark.parametrize("wins, payouts", [("YES", "1 / 0"), ("void", "0.5 / 0.5")])
def test_how_a_market_ended_is_shown(wins: str, payouts: str) -> None:
    async def work(whole: WholeVenue) -> None:
        step = {"do": "resolve", "market": "quiet-even", "wins": wins}
        whole.venue.flow.carry_out(json.dumps(step).encode(), whole.now)
        assert market(whole, "quiet-even").payouts == payouts

    at_venue(work)
