"""The CLOB's client before a scripted host: what it sends, how often, what it makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
import pytest

from tests.aio import JumpingLoop, run
from tests.venues.scripted import Answer, Asked, Script, ScriptedHost, scripted_host
from underround.model.account import Placed
from underround.model.book import Side
from underround.model.errors import (
    AccountError,
    AlreadyKnown,
    AnswerRefused,
    BalanceTooLow,
    Bug,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unreachable,
    VenuePaused,
    WouldCross,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OrderId
from underround.model.orders import TimeInForce
from underround.venues.codec import Tokens
from underround.venues.polymarket.account import geoblock
from underround.venues.polymarket.hosts import HOSTS, PolymarketHosts
from underround.venues.polymarket.limits import SIGNER_CANCELS, SIGNER_ORDERS, TIERS, limits_of
from underround.venues.polymarket.orders import Outgoing
from underround.venues.polymarket.requests import Authorizer, Requests, query_text
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.wallets import SignatureType
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

if TYPE_CHECKING:
    from tests.venues.conftest import TokensOf

WALLET = "0xa3D82Ed56F4c68d2328Fb8c29e568Ba2cAF7d7c8"
CONDITION = "0xdd22472e552920b8438158ea7238bfadfa4f736aa4cee91a6b86c39ead110917"
YES_TOKEN = "21742633143463906290569050155826241533067272736897614950488156847949938836455"
NO_TOKEN = "48331043336612883890938759509493159234755048973500640148014422747788308965732"
CREDENTIALS = b'{"apiKey":"k-1","secret":"c2VjcmV0","passphrase":"hush"}'


class Signing:
    """An authorizer that writes down what it was asked to sign."""

    def __init__(self, name: str = "l2") -> None:
        self.name = name
        self.signed: list[tuple[str, str, bytes, int]] = []

    def headers(self, method: str, path: str, body: bytes, now: int) -> Mapping[str, str]:
        self.signed.append((method, path, body, now))
        return {"POLY_SIGNATURE": f"{self.name}-{len(self.signed)}"}


def outgoing(number: int = 0xAB, side: Side = "buy", tif: TimeInForce = "GTC") -> Outgoing:
    return Outgoing(OrderId(f"0x{number:064x}"), side, json.dumps({"number": number}).encode(), tif)


def placed(order: Outgoing, **changes: Any) -> dict[str, Any]:
    return {
        "success": True, "errorMsg": "", "orderID": order.order_id, "status": "live",
        "makingAmount": "", "takingAmount": "",
    } | changes  # fmt: skip


def telling(value: object, status: int = 200, **headers: str) -> Answer:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(json.dumps(value).encode(), status, names)


def now_ns() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return loop.now_ns()


class Bench(msgspec.Struct):
    rest: PolymarketRest
    host: ScriptedHost
    budget: RateBudget
    signing: Signing


@asynccontextmanager
async def bench(
    script: Script, tokens: Tokens | None = None, **changes: Any
) -> AsyncIterator[Bench]:
    """A client with an account, before a scripted host."""
    signing = Signing()
    parts: dict[str, Any] = {"authorizer": signing, "identity": Account("our-key", WALLET)}
    async with scripted_host(script) as host, HttpClient(host.url) as client:
        budget = RateBudget(limits_of(), now_ns, asyncio.sleep)
        rest = PolymarketRest(client, budget, now_ns, tokens or {}, **(parts | changes))
        yield Bench(rest, host, budget, signing)


@pytest.fixture
def tokens(tokens_of: TokensOf) -> Tokens:
    return tokens_of("polymarket", {CONDITION: (YES_TOKEN, NO_TOKEN)})


# --- placing -----------------------------------------------------------------------------------


def test_the_bytes_that_are_signed_are_the_bytes_that_are_sent() -> None:
    async def main() -> None:
        order = outgoing()
        async with bench({"POST /order": telling(placed(order))}) as b:
            result = await b.rest.post_order(order)
            assert (result.order, result.state) == (order.order_id, "live")
            (asked,) = b.host.asked
            ((method, path, body, at_ns),) = b.signing.signed
            assert (asked.method, asked.target, asked.body) == (method, path, body)
            assert asked.body == order.body
            assert asked.headers["poly_signature"] == "l2-1"
            assert abs(at_ns - now_ns()) < NANOS_PER_SECOND

    run(main())


@pytest.mark.parametrize(
    "reply, kind",
    [
        (Answer(never=True), OutcomeUnknown),
        (Answer(hang_up=True), OutcomeUnknown),
        (Answer(b"", 500), OutcomeUnknown),
        (Answer(b"", 502), OutcomeUnknown),
        (Answer(b"", 503), OutcomeUnknown),
        (telling({"error": "could not insert order"}, 500), OutcomeUnknown),
        (telling({"error": "restarting"}, 425), OutcomeUnknown),
        (telling({"error": "Too Many Requests"}, 429), OutcomeUnknown),
        (Answer(b'{"success":tr'), OutcomeUnknown),
        (telling({"error": "slow"}, 429, Retry_After="1"), RateLimited),
        (telling({"error": "not enough balance / allowance"}, 400), BalanceTooLow),
        (telling({"error": "invalid post-only order: order crosses book"}, 400), WouldCross),
        (telling({"error": "order 0x1 is invalid. Duplicated."}, 400), AlreadyKnown),
        (telling({"error": "Unauthorized/Invalid api key"}, 401), AccountError),
        (telling({"error": "x", "code": "post_only_mode", "retry_after_seconds": 79}, 503),
         VenuePaused),
        (telling(placed(outgoing(), status="unmatched")), OutcomeUnknown),
        (telling(placed(outgoing(), orderID="0xdead")), Bug),
    ],
)  # fmt: skip
def test_whatever_the_venue_answers_an_order_is_sent_exactly_once(
    reply: Answer, kind: type[Exception]
) -> None:
    async def main() -> None:
        async with bench({"POST /order": reply}) as b:
            with pytest.raises(kind) as caught:
                await b.rest.post_order(outgoing())
            assert type(caught.value) is kind
            assert len(b.host.of("/order")) == 1

    run(main())


def test_an_order_nobody_could_receive_was_not_sent() -> None:
    async def main() -> None:
        async with bench({}) as b:
            url = b.host.url
        budget = RateBudget(limits_of(), now_ns, asyncio.sleep)
        async with HttpClient(url) as client:
            rest = PolymarketRest(client, budget, now_ns, {}, authorizer=Signing())
            with pytest.raises(Unreachable):
                await rest.post_order(outgoing())

    run(main())


def test_a_batch_is_one_request_and_one_result_per_row() -> None:
    orders = [outgoing(1), outgoing(2, "sell"), outgoing(3), outgoing(4)]
    rows = [
        placed(orders[0]),
        placed(orders[1], status="matched", makingAmount="5", takingAmount="2.5"),
        placed(orders[2], orderID="", errorMsg="not enough balance / allowance"),
        placed(orders[3], orderID="0xdead"),
    ]

    async def main() -> None:
        async with bench({"POST /orders": telling(rows)}) as b:
            first, second, third, fourth = await b.rest.post_orders(orders)
            assert isinstance(first, Placed)
            assert isinstance(second, Placed)
            assert second.filled == 5_000_000
            assert type(third) is BalanceTooLow
            assert type(fourth) is Bug
            (asked,) = b.host.asked
            assert asked.body == b"[" + b",".join(order.body for order in orders) + b"]"
            assert b.budget.level(SIGNER_ORDERS) <= 57, "a batch costs its length"

    run(main())


def test_a_batch_nobody_may_send_never_leaves() -> None:
    async def main() -> None:
        async with bench({}) as b:
            with pytest.raises(RequestRefused, match="1 … 15"):
                await b.rest.post_orders([])
            with pytest.raises(RequestRefused, match="not 16"):
                await b.rest.post_orders([outgoing(each) for each in range(16)])
            with pytest.raises(AlreadyKnown, match="twice"):
                await b.rest.post_orders([outgoing(1), outgoing(1)])
            assert b.host.asked == []

    run(main())


def test_the_limiters_word_reaches_the_budget() -> None:
    async def main() -> None:
        order = outgoing()
        told = telling(placed(order), Poly_RateLimit_Remaining="-5", Poly_RateLimit_Tier="standard")
        async with bench({"POST /order": told}) as b:
            await b.rest.post_order(order)
            assert b.budget.level(SIGNER_ORDERS) <= -4
            assert b.budget.level(SIGNER_CANCELS) == 120, "cancels have a bucket of their own"

    run(main())


def test_after_too_many_requests_nothing_of_the_kind_leaves_before_its_time() -> None:
    order = outgoing()
    answers = [telling({"error": "slow down"}, 429, Retry_After="7"), telling(placed(order))]

    async def main() -> None:
        async with bench({"POST /order": answers, "DELETE /order": telling(CANCELLED)}) as b:
            with pytest.raises(RateLimited) as caught:
                await b.rest.post_order(order)
            assert caught.value.retry_after_ms == 7_000
            begun = now_ns()
            await b.rest.cancel_order("0x1")
            assert now_ns() - begun < NANOS_PER_SECOND, "cancels go on"
            await b.rest.post_order(order)
            assert now_ns() - begun > 6.5 * NANOS_PER_SECOND

    run(main())


# --- cancelling --------------------------------------------------------------------------------

CANCELLED = {"canceled": ["0x1"], "not_canceled": {"0x2": "order not found"}}


def test_cancels_send_what_the_venue_wants_and_tell_the_truth_per_order() -> None:
    async def main() -> None:
        paths = ("/order", "/orders", "/cancel-all", "/cancel-market-orders")
        async with bench({f"DELETE {path}": telling(CANCELLED) for path in paths}) as b:
            found = await b.rest.cancel_order("0x1")
            assert (found.cancelled, found.refused) == (("0x1",), {"0x2": "order not found"})
            await b.rest.cancel_orders(["0x1", "0x2", "0x1"])
            await b.rest.cancel_all()
            await b.rest.cancel_market(CONDITION)
            await b.rest.cancel_market(token=YES_TOKEN)
            bodies = [asked.body for asked in b.host.asked]
            assert bodies == [
                b'{"orderID":"0x1"}',
                b'["0x1","0x2"]',
                b"",
                json.dumps({"market": CONDITION}, separators=(",", ":")).encode(),
                json.dumps({"asset_id": YES_TOKEN}, separators=(",", ":")).encode(),
            ]
            assert [signed[2] for signed in b.signing.signed] == bodies

    run(main())


def test_an_order_whose_cancel_is_not_answered_for_is_refused() -> None:
    async def main() -> None:
        silent = telling({"canceled": [], "not_canceled": {}})
        async with bench({"DELETE /order": silent, "DELETE /orders": silent}) as b:
            one = await b.rest.cancel_order("0x1")
            two = await b.rest.cancel_orders(["0x1", "0x2", "0x1"])
        assert (one.cancelled, list(one.refused)) == ((), ["0x1"])
        assert (two.cancelled, list(two.refused)) == ((), ["0x1", "0x2"])

    run(main())


def test_cancelling_all_is_charged_for_every_order_it_cancelled() -> None:
    async def main() -> None:
        many = {"canceled": [f"0x{each}" for each in range(200)], "not_canceled": {}}
        async with bench({"DELETE /cancel-all": telling(many)}) as b:
            await b.rest.cancel_all()
            assert b.budget.level(SIGNER_CANCELS) <= -75

    run(main())


@pytest.mark.parametrize(
    "reply",
    [
        Answer(never=True),
        Answer(hang_up=True),
        Answer(b"", 500),
        Answer(b"{}"),
        Answer(b"", 425),
    ],
)
def test_an_uncertain_cancel_is_unknown_and_sent_once(reply: Answer) -> None:
    async def main() -> None:
        async with bench({"GET /ok": Answer(b'"OK"'), "DELETE /order": reply}) as b:
            await b.rest.public.ok()
            with pytest.raises(OutcomeUnknown):
                await b.rest.cancel_order("0x1")
            assert len(b.host.of("/order")) == 1

    run(main())


def test_more_cancels_than_the_signers_burst_never_leave() -> None:
    async def main() -> None:
        async with bench({}) as b:
            assert b.rest.most_cancels == 120
            with pytest.raises(RequestRefused, match="at most 120"):
                await b.rest.cancel_orders([f"0x{each}" for each in range(121)])
            with pytest.raises(RequestRefused, match="1 … 1000"):
                await b.rest.cancel_orders([f"0x{each}" for each in range(1_001)])
            with pytest.raises(RequestRefused, match="cancel_all"):
                await b.rest.cancel_market()
            assert b.host.asked == []

    run(main())


# --- looking -----------------------------------------------------------------------------------


def row(native: str = "0x" + "ab" * 32, **changes: Any) -> dict[str, Any]:
    return {
        "id": native, "status": "LIVE", "market": CONDITION, "asset_id": YES_TOKEN, "side": "BUY",
        "original_size": "5", "size_matched": "0", "price": "0.5", "created_at": 1790000000,
        "order_type": "GTC",
    } | changes  # fmt: skip


def paged(*pages: list[dict[str, Any]]) -> list[Answer]:
    cursors = [f"page{number}" for number in range(1, len(pages))] + ["LTE="]
    return [
        telling({"data": page, "next_cursor": cursor, "limit": 100, "count": len(page)})
        for page, cursor in zip(pages, cursors, strict=True)
    ]


def query_of(asked: Asked) -> dict[str, list[str]]:
    return parse_qs(asked.target.partition("?")[2])


def test_open_orders_are_turned_to_the_last_page(tokens: Tokens) -> None:
    pages = paged([row("0x1"), row("0x2", asset_id="77", market="0xm")], [row("0x1"), row("0x3")])

    async def main() -> None:
        async with bench({"GET /data/orders": pages}, tokens) as b:
            found = await b.rest.open_orders(condition=CONDITION)
            assert [order.native for order in found.orders] == ["0x1", "0x3"]
            assert found.unlisted == {"77": "0xm"}
            first, second = map(query_of, b.host.asked)
            assert first == {"market": [CONDITION]}
            assert second == {"market": [CONDITION], "next_cursor": ["page1"]}
            assert {signed[1] for signed in b.signing.signed} == {"/data/orders"}, "no query signed"

    run(main())


def test_pages_that_never_end_are_refused(tokens: Tokens) -> None:
    async def main() -> None:
        again = telling({"data": [], "next_cursor": "again"})
        async with bench({"GET /data/orders": again}, tokens) as b:
            with pytest.raises(AnswerRefused, match="do not end"):
                await b.rest.open_orders()
            assert len(b.host.asked) == 2

    run(main())


@pytest.mark.parametrize("reply", [telling(None), telling({"error": "not found"}, 404)])
def test_an_order_that_is_gone_is_not_there(reply: Answer, tokens: Tokens) -> None:
    async def main() -> None:
        async with bench({"GET /data/order/0x1": reply}, tokens) as b:
            with pytest.raises(NotThere):
                await b.rest.order("0x1")

    run(main())


def test_another_order_than_was_asked_for_is_refused(tokens: Tokens) -> None:
    async def main() -> None:
        async with bench({"GET /data/order/0x1": telling(row("0x2"))}, tokens) as b:
            with pytest.raises(AnswerRefused, match="answers with 0x2"):
                await b.rest.order("0x1")

    run(main())


def our_trade(order: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "t-1", "taker_order_id": order, "market": CONDITION, "asset_id": YES_TOKEN,
        "side": "BUY", "size": "3", "price": "0.5", "status": "MATCHED", "owner": "our-key",
        "match_time": "1790000001", "bucket_index": 0, "maker_address": WALLET,
        "trader_side": "TAKER", "transaction_hash": "",
        "maker_orders": [{
            "order_id": "0x9", "owner": "k", "maker_address": "0xB0b", "matched_amount": "3",
            "price": "0.49", "asset_id": YES_TOKEN, "side": "SELL", "outcome": "Yes",
        }],
    } | changes  # fmt: skip


def test_fills_are_asked_by_wallet_and_time_and_never_by_token(tokens: Tokens) -> None:
    async def main() -> None:
        pages = paged([our_trade("0x1")], [our_trade("0x1"), our_trade("0x1", bucket_index=1)])
        async with bench({"GET /data/trades": pages}, tokens) as b:
            found = await b.rest.fills(after_ns=1_790_000_000_900_000_000, before_ns=1)
            assert [(fill.price, fill.size) for fill in found.fills] == [(490_000, 3_000_000)] * 2
            assert len({fill.id for fill in found.fills}) == 2, "a row told twice is one fill"
            query = query_of(b.host.asked[0])
            assert query == {"maker_address": [WALLET], "after": ["1790000000"], "before": ["1"]}

    run(main())


def test_a_lookup_finds_a_living_order(tokens: Tokens) -> None:
    async def main() -> None:
        async with bench({"GET /data/order/0x1": telling(row("0x1"))}, tokens) as b:
            found = await b.rest.lookup(OrderId("0x1"), sent_ns=now_ns())
            assert found is not None
            assert found.state == "live"
            assert len(b.host.asked) == 1

    run(main())


def test_a_lookup_finds_a_gone_order_by_its_trades(tokens: Tokens) -> None:
    trades = [
        our_trade("0xAB"),
        our_trade("0xab", id="t-2", size="1", maker_orders=[]),
        our_trade("0xab", id="t-3", size="1", maker_orders=[], status="FAILED"),
        our_trade("0xcd", id="t-4"),
    ]
    script: Script = {"GET /data/order/0xab": telling(None), "GET /data/trades": paged(trades)[0]}

    async def main() -> None:
        async with bench(script, tokens) as b:
            found = await b.rest.lookup(OrderId("0xab"), sent_ns=1_790_000_000_000_000_000)
            assert found is not None
            assert (found.filled, found.state, found.price) == (4_000_000, "filled", 500_000)
            part = await b.rest.lookup(OrderId("0xab"), sent_ns=now_ns(), size=5_000_000)
            assert part is not None
            assert (part.size, part.filled, part.state) == (5_000_000, 4_000_000, "cancelled")
            assert query_of(b.host.of("/data/trades")[0])["after"] == ["1789999999"]

    run(main())


def test_a_lookup_without_a_trace_is_none(tokens: Tokens) -> None:
    script: Script = {"GET /data/order/0xab": telling(None), "GET /data/trades": paged([])[0]}

    async def main() -> None:
        async with bench(script, tokens) as b:
            assert await b.rest.lookup(OrderId("0xab"), sent_ns=now_ns()) is None

    run(main())


def test_without_an_account_only_public_reads_work(tokens: Tokens) -> None:
    async def main() -> None:
        script: Script = {"GET /time": Answer(b"1790000000")}
        async with bench(script, tokens, authorizer=None, identity=None) as b:
            assert await b.rest.public.time_ns() == 1_790_000_000 * NANOS_PER_SECOND
            with pytest.raises(AccountError, match="needs an API key"):
                await b.rest.post_order(outgoing())
            with pytest.raises(AccountError, match="our wallet"):
                await b.rest.fills()
            assert len(b.host.asked) == 1

    run(main())


# --- keys --------------------------------------------------------------------------------------


def test_a_key_is_derived_if_there_is_one() -> None:
    async def main() -> None:
        wallet: Authorizer = Signing("l1")
        async with bench({"GET /auth/derive-api-key": Answer(CREDENTIALS)}) as b:
            found = await b.rest.keys.derive_or_create(wallet)
            assert (found.key, found.secret, found.passphrase) == ("k-1", "c2VjcmV0", "hush")
            shown = repr(found)
            assert not [part for part in ("hush", "k-1", "c2VjcmV0") if part in shown]
            (asked,) = b.host.asked
            assert asked.headers["poly_signature"] == "l1-1"

    run(main())


@pytest.mark.parametrize("status", [400, 404])
def test_a_key_is_made_if_there_is_none(status: int) -> None:
    script: Script = {
        "GET /auth/derive-api-key": telling({"error": "no such key"}, status),
        "POST /auth/api-key": Answer(CREDENTIALS),
    }

    async def main() -> None:
        async with bench(script) as b:
            assert (await b.rest.keys.derive_or_create(Signing())).key == "k-1"
            assert [asked.method for asked in b.host.asked] == ["GET", "POST"]

    run(main())


def test_a_refused_wallet_makes_no_key() -> None:
    async def main() -> None:
        refused = telling({"error": "Invalid L1 Request headers"}, 401)
        async with bench({"GET /auth/derive-api-key": refused}) as b:
            with pytest.raises(AccountError):
                await b.rest.keys.derive_or_create(Signing())
            assert len(b.host.asked) == 1

    run(main())


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"null",
        b'{"apiKey":"hush","secret":7}',
        b'{"apiKey":"","secret":"hush","passphrase":"x"}',
    ],
)
def test_unreadable_credentials_are_never_quoted(text: bytes) -> None:
    async def main() -> None:
        async with bench({"GET /auth/derive-api-key": Answer(text)}) as b:
            with pytest.raises(AnswerRefused) as caught:
                await b.rest.keys.derive(Signing())
            assert "hush" not in str(caught.value)

    run(main())


@pytest.mark.parametrize(
    "text",
    [b"", b"null", b"{}", b'{"apiKey":""}', b'""', CREDENTIALS[:-1], b"[" * 100_000,
     b'{"apiKey":"","secret":"hush","passphrase":"x"}'],
)  # fmt: skip
def test_a_key_that_may_have_been_made_is_unknown_and_never_made_twice(text: bytes) -> None:
    async def main() -> None:
        script: Script = {
            "POST /auth/api-key": Answer(text),
            "POST /auth/readonly-api-key": Answer(text),
        }
        async with bench(script) as b:
            for made in (b.rest.keys.create(Signing()), b.rest.keys.create_readonly()):
                with pytest.raises(OutcomeUnknown) as caught:
                    await made
                assert "hush" not in str(caught.value)
            assert len(b.host.asked) == 2

    run(main())


def test_keys_are_listed_and_withdrawn() -> None:
    script: Script = {
        "GET /auth/api-keys": telling({"apiKeys": ["a", {"apiKey": "b"}]}),
        "DELETE /auth/api-key": telling("OK"),
        "GET /auth/readonly-api-keys": telling({"readonlyApiKeys": ["r"]}),
        "POST /auth/readonly-api-key": telling({"apiKey": "r2"}),
        "DELETE /auth/readonly-api-key": telling("OK"),
    }

    async def main() -> None:
        async with bench(script) as b:
            assert await b.rest.keys.api_keys() == ("a", "b")
            await b.rest.keys.delete()
            assert await b.rest.keys.readonly_keys() == ("r",)
            assert await b.rest.keys.create_readonly() == "r2"
            await b.rest.keys.delete_readonly("r2")
            assert b.host.asked[-1].body == b'{"key":"r2"}'

    run(main())


# --- the account -------------------------------------------------------------------------------


def test_balances_are_asked_with_the_wallets_kind() -> None:
    script: Script = {
        "GET /balance-allowance": telling({"balance": "7000000", "allowances": {"0xE1": "9"}}),
        "GET /balance-allowance/update": Answer(b""),
    }

    async def main() -> None:
        async with bench(script, signature_type=SignatureType.POLY_GNOSIS_SAFE) as b:
            assert (await b.rest.account.cash()).amount == 7_000_000
            assert (await b.rest.account.shares("77", protocol="v2")).commodity == "77"
            await b.rest.account.refresh_cash()
            await b.rest.account.refresh_shares("77", protocol="v1")
            queries = [query_of(asked) for asked in b.host.asked]
            assert all(query["signature_type"] == ["2"] for query in queries)
            kinds = [query["asset_type"] for query in queries]
            assert kinds == [["COLLATERAL"], ["CONDITIONAL-V2"], ["COLLATERAL"], ["CONDITIONAL"]]
            assert queries[1]["token_id"] == ["77"]

    run(main())


def test_heartbeats_hand_on_the_id_of_each_answer() -> None:
    async def main() -> None:
        beats = [telling({"heartbeat_id": "a"}), telling({"heartbeat_id": "b"})]
        async with bench({"POST /v1/heartbeats": beats}) as b:
            first = await b.rest.account.heartbeat()
            assert await b.rest.account.heartbeat(first) == "b"
            assert [asked.body for asked in b.host.asked] == [
                b'{"heartbeat_id":""}',
                b'{"heartbeat_id":"a"}',
            ]

    run(main())


def test_a_wrong_heartbeat_is_sent_again_with_the_id_the_venue_expects() -> None:
    wrong = telling({"error_msg": "Invalid Heartbeat ID", "heartbeat_id": "z"}, 400)

    async def main() -> None:
        async with bench({"POST /v1/heartbeats": [wrong, telling({"heartbeat_id": "y"})]}) as b:
            assert await b.rest.account.heartbeat("old") == "y"
            assert b.host.asked[1].body == b'{"heartbeat_id":"z"}'
        async with bench({"POST /v1/heartbeats": wrong}) as b:
            with pytest.raises(RequestRefused, match="Invalid Heartbeat ID"):
                await b.rest.account.heartbeat("old")
            assert len(b.host.asked) == 2, "once, and not for ever"

    run(main())


def test_a_tier_widens_the_budget_and_an_unknown_one_does_not() -> None:
    script: Script = {
        "GET /v1/user/rate-limit-tier": [telling({"tier": "Gold"}), telling({"tier": "mithril"})]
    }

    async def main() -> None:
        async with bench(script) as b:
            assert await b.rest.account.adopt_tier() == "gold"
            assert b.budget.level(SIGNER_ORDERS) == TIERS["gold"].orders.burst
            assert b.rest.most_cancels == 1_000
            assert await b.rest.account.adopt_tier() == "mithril"
            assert b.budget.level(SIGNER_CANCELS) == TIERS["gold"].cancels.burst

    run(main())


def test_the_rest_of_the_account_is_read() -> None:
    earning = {"condition_id": CONDITION, "asset_address": "0xC0", "asset_rate": 1,
               "date": "2026-11-20", "earnings": 0.123456789, "maker_address": WALLET}  # fmt: skip
    notice = {"id": 7, "owner": "k", "type": 2, "timestamp": 1790000000, "payload": {"a": 1}}
    script: Script = {
        "GET /auth/ban-status/closed-only": telling({"closed_only": True}),
        "GET /order-scoring": telling({"scoring": False}),
        "GET /rewards/user": paged([earning]),
        "GET /notifications": telling([notice]),
        "DELETE /notifications": telling("OK"),
    }

    async def main() -> None:
        async with bench(script) as b:
            assert await b.rest.account.closed_only()
            assert not await b.rest.account.order_scoring("0x1")
            (earned,) = await b.rest.account.earnings("2026-11-20")
            assert str(earned.earned) == "0.123456789"
            (told,) = await b.rest.account.notifications()
            assert (told.id, told.payload) == ("7", '{"a": 1}')
            await b.rest.account.drop_notifications(["7", "8"])
            assert query_of(b.host.asked[-1])["ids"] == ["7,8"]
            with pytest.raises(RequestRefused):
                await b.rest.account.drop_notifications([])

    run(main())


def test_the_geoblock_is_asked_of_the_site() -> None:
    async def main() -> None:
        told = telling({"blocked": True, "ip": "192.0.2.1", "country": "FR", "region": "IDF"})
        async with (
            scripted_host({"GET /api/geoblock": told}) as host,
            HttpClient(host.url) as client,
        ):
            site = Requests(client, RateBudget(limits_of(), now_ns, asyncio.sleep), now_ns)
            found = await geoblock(site)
            assert (found.blocked, found.country) == (True, "FR")
            assert "192.0.2.1" not in repr(found)

    run(main())


# --- public reads ------------------------------------------------------------------------------


def book(token: str, bid: str = "0.4") -> dict[str, Any]:
    return {
        "market": CONDITION, "asset_id": token, "timestamp": "1791241810525", "hash": "h",
        "bids": [{"price": bid, "size": "10"}], "asks": [{"price": "0.6", "size": "7"}],
        "min_order_size": "5", "tick_size": "0.01", "neg_risk": False, "last_trade_price": "",
    }  # fmt: skip


def test_a_book_is_a_snapshot_by_request(tokens: Tokens) -> None:
    async def main() -> None:
        async with bench({"GET /book": telling(book(NO_TOKEN))}, tokens) as b:
            found = await b.rest.public.book(NO_TOKEN)
            assert (found.outcome, found.source) == (1, "request")
            assert found.bids == ((400_000, 10_000_000),)
            assert b.host.asked[0].target == f"/book?token_id={NO_TOKEN}"

    run(main())


def test_books_come_in_any_order_and_the_missing_are_named(tokens: Tokens) -> None:
    async def main() -> None:
        odd = [book("1"), book(NO_TOKEN), book(YES_TOKEN, bid="0.7"), "x"]
        async with bench({"POST /books": telling(odd)}, tokens) as b:
            found = await b.rest.public.books([YES_TOKEN, NO_TOKEN])
            assert [snapshot.outcome for snapshot in found.books] == [1]
            assert found.missing == (YES_TOKEN,)
            assert len(found.refused) == 3
            assert "crossed" in found.refused[1]
            with pytest.raises(RequestRefused, match="catalogue"):
                await b.rest.public.books(["5"])
            with pytest.raises(RequestRefused, match="1 … 500"):
                await b.rest.public.books([YES_TOKEN] * 501)
            assert len(b.host.asked) == 1

    run(main())


@pytest.mark.parametrize(
    "reply, kind",
    [
        (telling({"error": "No orderbook exists for the requested token id"}, 404), NotThere),
        (telling(book("1")), AnswerRefused),
        (telling({"error": "odd"}), AnswerRefused),
        (Answer(b"<html>"), AnswerRefused),
        (Answer(b"", 425), VenuePaused),
        (Answer(hang_up=True), Unreachable),
    ],
)
def test_a_book_that_is_none_is_an_error(
    reply: Answer, kind: type[Exception], tokens: Tokens
) -> None:
    async def main() -> None:
        async with bench({"GET /book": reply}, tokens) as b:
            with pytest.raises(kind):
                await b.rest.public.book(YES_TOKEN)

    run(main())


def test_the_other_public_reads_are_read(tokens: Tokens) -> None:
    reward = {"condition_id": CONDITION, "rewards_max_spread": 3, "rewards_min_size": 50,
              "rewards_config": [], "total_daily_rate": 20.5,
              "market_competitiveness": 1.25}  # fmt: skip
    script: Script = {
        "GET /ok": telling("OK"),
        "GET /version": telling({"version": 2}),
        f"GET /markets-by-token/{YES_TOKEN}": telling(
            {"condition_id": CONDITION, "primary_token_id": YES_TOKEN}
        ),
        "GET /tick-size": telling({"minimum_tick_size": 0.0025}),
        "GET /prices-history": telling({"history": [{"t": 1790000000, "p": 0.515}]}),
        "GET /rewards/markets/current": paged([reward], [reward]),
        "GET /rewards/markets/multi": paged([reward]),
        "GET /rebates/current": telling([]),
        "GET /fees/builder-fees/0xb": telling(
            {"builder_maker_fee_rate_bps": 0, "builder_taker_fee_rate_bps": 25}
        ),
    }

    async def main() -> None:
        async with bench(script, tokens) as b:
            public = b.rest.public
            await public.ok()
            assert await public.version() == 2
            assert await public.condition_of(YES_TOKEN) == CONDITION
            assert await public.tick_size(YES_TOKEN) == 2_500
            (point,) = await public.price_history(YES_TOKEN, interval="1d", fidelity_minutes=5)
            assert str(point.price) == "0.515"
            assert len(await public.rewards_now()) == 2
            (config,) = await public.reward_markets(order_by="rate_per_day", position="DESC")
            assert config.daily == 20_500_000
            assert await public.rebates("2026-02-27", WALLET) == ()
            assert await public.builder_fees("0xb") == (0, 25)
            assert b.signing.signed == [], "public reads carry no signature"

    run(main())


def test_the_hosts_are_defaults_that_can_be_replaced() -> None:
    assert HOSTS.clob == "https://clob.polymarket.com"
    assert PolymarketHosts(clob="http://127.0.0.1:1").clob == "http://127.0.0.1:1"
    assert query_text({"a": None}) == ""
    assert query_text({"a": 1, "b": "x y"}) == "?a=1&b=x+y"


@pytest.mark.parametrize("tier", TIERS)
def test_every_tier_s_batches_fit_its_limits(tier: str) -> None:
    limits = limits_of(tier)
    assert limits.buckets[SIGNER_ORDERS].burst >= 15
    assert all(
        charge.bucket in limits.buckets for group in limits.groups.values() for charge in group
    )
