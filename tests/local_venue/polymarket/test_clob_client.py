"""The platform's own Polymarket client against the local CLOB: keys, reads, orders, fills, ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.local_venue.net.listening import afflict
from tests.local_venue.polymarket.clob_desk import REWARDS, SECOND, Desk, Member, clob
from underround.local_venue.faults import Answer, Swallow
from underround.local_venue.polymarket.clob.rest import routes
from underround.model.account import Placed
from underround.model.errors import (
    AccountError,
    AlreadyKnown,
    BalanceTooLow,
    NotFilled,
    NotThere,
    OffGrid,
    OpeningForbidden,
    OutcomeUnknown,
    RateLimited,
    UnderroundError,
    VenuePaused,
    WouldCross,
)
from underround.model.fees import PolymarketFees
from underround.model.ids import OrderId
from underround.model.units import ONE, usd
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.polymarket.sign import l1_headers
from underround.venues.polymarket.trades import Account
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient


class WalletProof:
    """Signs with the wallet itself (L1)."""

    def __init__(self, member: Member, nonce: int) -> None:
        self._member = member
        self._nonce = nonce

    def headers(self, _method: str, _path: str, _body: bytes, now: int) -> dict[str, str]:
        return l1_headers(self._member.key, 137, now, self._nonce)


@asynccontextmanager
async def client(desk: Desk, member: Member) -> AsyncIterator[PolymarketRest]:
    """Give a member's client: its deposit wallet, its key."""
    tokens = {
        token: (row.listing.market, index)
        for token, (row, index) in desk.world.catalogue.tokens.items()
    }
    budget = RateBudget(limits_of("elite"), desk.clock.now, asyncio.sleep)
    async with HttpClient(desk.url) as transport:
        yield PolymarketRest(
            transport,
            budget,
            desk.clock.now,
            tokens,
            authorizer=member.credentials,
            identity=Account(member.who.api_key, member.who.maker),
        )


def told(run: Callable[[Desk, PolymarketRest], Awaitable[None]]) -> None:
    async def main() -> None:
        async with clob() as desk, client(desk, desk.alice) as rest:
            await run(desk, rest)

    asyncio.run(main())


def test_the_client_makes_derives_lists_and_withdraws_keys() -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        proof = WalletProof(desk.alice, 5)
        with pytest.raises(UnderroundError):
            await rest.keys.derive(proof)
        made = await rest.keys.derive_or_create(proof)
        again = await rest.keys.derive(proof)
        assert (made.key, made.secret, made.passphrase) == (
            again.key,
            again.secret,
            again.passphrase,
        )
        assert set(await rest.keys.api_keys()) == {desk.alice.who.api_key, made.key}
        readonly = await rest.keys.create_readonly()
        assert await rest.keys.readonly_keys() == (readonly,)
        await rest.keys.delete_readonly(readonly)
        assert await rest.keys.readonly_keys() == ()
        await rest.keys.delete()
        with pytest.raises(UnderroundError):
            await rest.keys.api_keys()

    told(run)


def test_the_clients_public_reads_understand_every_answer() -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        public, market = rest.public, desk.market
        await public.ok()
        assert await public.time_ns() == desk.now
        assert await public.version() == 2
        await desk.alice.post("buy", "0.4", "10")
        book = await public.book(market.tokens[1])
        assert book.asks == ((usd("0.6"), usd("10")),)
        books = await public.books(list(market.tokens))
        assert (len(books.books), books.missing, books.refused) == (2, (), ())
        assert await public.condition_of(market.tokens[0]) == market.id.native
        assert await public.tick_size(market.tokens[0]) == 10_000
        assert await public.price_history(market.tokens[0]) == ()
        assert await public.rewards_now() == ()
        assert await public.reward_markets() == ()
        assert await public.rebates("2026-09-21", desk.alice.who.maker) == ()
        with pytest.raises(NotThere):
            await public.builder_fees("0x" + "ab" * 32)

    told(run)


def test_the_client_understands_the_terms_of_every_kind_of_market() -> None:
    async def main() -> None:
        async with clob() as desk:
            rich = desk.list_v2(rate=70_000, rewards=REWARDS, taker_delay_ms=150)
            risky = desk.list("risky", neg_risk=True, tick="0.001", taker_delay_ms=3_000)
            async with client(desk, desk.alice) as rest:
                terms = await rest.public.terms(rich.id.native)
                assert (terms.version, terms.taker_delay, terms.seconds_delay) == ("v2", True, 0)
                assert terms.fees == PolymarketFees(70_000)
                assert terms.rewards is not None
                assert (terms.rewards.min_size, terms.rewards.max_spread) == (50 * ONE, 45_000)
                other = await rest.public.terms(risky.id.native)
                assert (other.version, other.neg_risk, other.tick) == ("v1", True, 1_000)
                assert (other.taker_delay, other.seconds_delay) == (False, 3)
                (reward,) = await rest.public.reward_markets()
                assert (reward.condition, reward.daily) == (rich.id.native, usd("100"))

    asyncio.run(main())


def test_the_client_places_finds_and_cancels_orders() -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        orders = [desk.alice.order("buy", price, "10") for price in ("0.1", "0.2", "0.3")]
        one = await rest.post_order(orders[0])
        assert (one.order, one.state, one.filled) == (orders[0].order_id, "live", None)
        rows = await rest.post_orders([*orders[1:], desk.alice.order(size="1")])
        assert [type(row) for row in rows] == [Placed, Placed, OffGrid]
        listed = await rest.open_orders()
        assert [order.order for order in listed.orders] == [order.order_id for order in orders]
        assert (await rest.order(orders[1].order_id)).price == usd("0.2")
        gone = await rest.cancel_order(orders[0].order_id)
        assert gone.cancelled == (orders[0].order_id,)
        ids = [order.order_id for order in orders]
        many = await rest.cancel_orders(ids[:2])
        assert (many.cancelled, list(many.refused)) == ((ids[1],), [ids[0]])
        assert (await rest.cancel_market(desk.market.id.native)).cancelled == (ids[2],)
        assert (await rest.cancel_all()).cancelled == ()
        state = await rest.order(ids[2])
        assert state.state == "cancelled"
        with pytest.raises(NotThere):
            await rest.order(OrderId("0x" + "1" * 64))

    told(run)


def test_the_client_reads_its_fills_as_taker_and_as_maker() -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        await rest.post_order(desk.alice.order("buy", "0.4", "10"))
        await desk.bob.post("buy", "0.6", "5", outcome=1)
        taken = desk.alice.order("sell", "0.4", "20", outcome=1)
        await desk.bob.post("buy", "0.45", "20", outcome=1)
        placed = await rest.post_order(taken)
        assert (placed.state, placed.filled) == ("matched", 20 * ONE)
        found = await rest.fills(after_ns=desk.now - SECOND)
        by_order = {fill.order: fill for fill in found.fills}
        assert len(by_order) == 2
        fill = by_order[taken.order_id]
        assert (fill.side, fill.price, fill.size, fill.outcome.index) == (
            "sell",
            usd("0.45"),
            20 * ONE,
            1,
        )
        (maker,) = (each for each in found.fills if each.order != taken.order_id)
        assert (maker.side, maker.price, maker.size, maker.outcome.index) == (
            "buy",
            usd("0.4"),
            5 * ONE,
            0,
        )
        desk.pass_ms(10_000)
        settled = await rest.fills()
        assert {fill.finality for fill in settled.fills} == {"confirmed"}

    told(run)


def test_the_client_reads_balances_heartbeats_its_tier_rights_scores_and_notices() -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        account = rest.account
        assert (await account.cash()).amount == usd("9000")
        token = desk.market.tokens[0]
        assert (await account.shares(token, protocol="v1")).amount == usd("1000")
        await account.refresh_cash()
        await account.refresh_shares(token, protocol="v1")
        first = await account.heartbeat()
        second = await account.heartbeat(first)
        assert await account.heartbeat("a wrong one") not in {first, second}
        assert await account.adopt_tier() == "standard"
        assert not await account.closed_only()
        order = desk.alice.order("buy", "0.4", "10")
        await rest.post_order(order)
        assert not await account.order_scoring(order.order_id)
        assert await account.earnings("2026-09-21") == ()
        await rest.cancel_all()
        (notice,) = await account.notifications()
        assert notice.kind == 1
        await account.drop_notifications([notice.id])
        assert await account.notifications() == ()

    told(run)


def test_every_refusal_is_the_class_that_says_what_to_do_next() -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        await desk.bob.post("sell", "0.6", "10")
        order = desk.alice.order
        taken = order("buy", "0.3", "10")
        await rest.post_order(taken)
        cases = [
            (taken, AlreadyKnown),
            (order("buy", "0.6", "10", post_only=True), WouldCross),
            (order("buy", "0.6", budget="60", tif="FOK"), NotFilled),
            (order("buy", "0.5", budget="5", tif="FAK"), NotFilled),
            (order("buy", "0.3", "4"), OffGrid),
            (order("buy", "0.3", "90000"), BalanceTooLow),
        ]
        for sent, kind in cases:
            with pytest.raises(kind):
                await rest.post_order(sent)
        desk.world.accounts.closed_only.add(desk.alice.who.owner)
        with pytest.raises(OpeningForbidden):
            await rest.post_order(order())
        desk.world.accounts.closed_only.clear()
        desk.world.polymarket.mode = "post_only"
        with pytest.raises(VenuePaused) as caught:
            await rest.post_order(order())
        assert caught.value.retry_after_ms == 120_000
        desk.world.polymarket.mode = "down"
        with pytest.raises(OutcomeUnknown):
            await rest.post_order(order())
        desk.world.polymarket.mode = "open"
        while (await desk.alice.post(size="1")).status != 429:
            pass
        with pytest.raises(RateLimited):
            await rest.post_order(order())

    told(run)


def test_what_a_lost_answer_hides_is_found_by_the_orders_own_id() -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        swallowed, failed, refused = (desk.alice.order("buy", "0.3", "10") for _ in range(3))
        afflict(desk.world, Swallow(host="clob", path="/order", count=1))
        with pytest.raises(OutcomeUnknown):
            await rest.post_order(swallowed)
        afflict(desk.world, Answer(host="clob", path="/order", status=500, processed=True, count=1))
        with pytest.raises(OutcomeUnknown):
            await rest.post_order(failed)
        afflict(desk.world, Answer(host="clob", path="/order", status=500, count=1))
        with pytest.raises(OutcomeUnknown):
            await rest.post_order(refused)
        states = [
            await rest.lookup(order.order_id, sent_ns=desk.now)
            for order in (swallowed, failed, refused)
        ]
        assert [state and state.state for state in states] == ["live", "live", None]

    told(run)


@pytest.mark.parametrize(
    "status, processed, kind",
    [
        (401, False, AccountError),
        (425, False, OutcomeUnknown),
        (429, False, RateLimited),
        (429, True, OutcomeUnknown),
        (500, True, OutcomeUnknown),
        (503, False, VenuePaused),
        (503, True, OutcomeUnknown),
        (599, False, OutcomeUnknown),
    ],
)
def test_an_error_on_demand_reads_as_the_venues_own(
    status: int, processed: bool, kind: type[UnderroundError]
) -> None:
    async def run(desk: Desk, rest: PolymarketRest) -> None:
        afflict(desk.world, Answer(host="clob", status=status, processed=processed, count=1))
        order = desk.alice.order()
        with pytest.raises(kind):
            await rest.post_order(order)
        assert (order.order_id in desk.world.polymarket.orders) is processed

    told(run)


def test_routes_for_a_host_need_only_a_world_and_its_books() -> None:
    desk = Desk()
    paths = {str(route.path) for route in routes(desk.world, desk.books)}
    assert {"/order", "/orders", "/book", "/data/trades", "/auth/api-key"} <= paths
