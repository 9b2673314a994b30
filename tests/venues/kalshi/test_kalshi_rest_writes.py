"""What the REST client writes: once each, on the market's own shard."""

from __future__ import annotations

import json

import pytest

from tests.venues.kalshi.making import CENTS, NOW, TICKER, order
from tests.venues.kalshi.talking import (
    API,
    ORDERS,
    TAKEN,
    Talk,
    ask,
    body,
    error,
    fails,
    query,
    reply,
)
from tests.venues.kalshi.test_kalshi_answers import ORDER
from tests.venues.scripted import Answer, Asked, Script
from underround.model.account import Placed
from underround.model.errors import (
    AlreadyKnown,
    NotFilled,
    NotThere,
    OffGrid,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unreachable,
    WouldCross,
)
from underround.model.ids import OrderId
from underround.model.units import ONE
from underround.venues.kalshi.account_answers import Allocation
from underround.venues.kalshi.orders import Cancel, amend_body, decrease_body

# --- writing -----------------------------------------------------------------------------------


def test_an_order_is_placed_on_its_shard_and_paid_from_its_bucket() -> None:
    placed, talk = ask({f"POST {ORDERS}": reply(TAKEN, 201)}, lambda t: t.rest.orders.place(body()))
    assert placed == Placed(order=OrderId("run1-o1"), native="n1", state="live", filled=0)
    assert json.loads(talk.host.asked[0].body)["exchange_index"] == 2
    assert talk.budget.spent == [("order.2", 10)]


def test_what_matched_at_once_is_told() -> None:
    for filled, remaining, state in (("10.00", "0.00", "matched"), ("4.00", "6.00", "live")):
        told = TAKEN | {"fill_count": filled, "remaining_count": remaining}
        placed, _ = ask({f"POST {ORDERS}": reply(told, 201)}, lambda t: t.rest.orders.place(body()))
        assert placed.state == state
        assert placed.filled == int(float(filled)) * ONE


def test_an_order_that_found_nothing_at_once_was_not_filled() -> None:
    killed = TAKEN | {"remaining_count": "0.00"}
    fails(
        {f"POST {ORDERS}": reply(killed, 201)},
        lambda t: t.rest.orders.place(body(tif="FAK")),
        NotFilled,
    )


UNKNOWN = [
    Answer(never=True),
    Answer(hang_up=True),
    Answer(b"", 500),
    Answer(b"<html>", 504),
    Answer(b"{", 201),
    Answer(b"{}", 201),
    reply(TAKEN | {"client_order_id": "another"}, 201),
    reply(TAKEN | {"fill_count": 1}, 201),
    reply(TAKEN | {"order_id": ""}, 201),
]


@pytest.mark.parametrize("answer", UNKNOWN, ids=range(len(UNKNOWN)))
def test_whatever_breaks_after_sending_is_unknown_and_nothing_is_sent_again(answer: Answer) -> None:
    """Time-outs, broken connections, 5xx and unreadable answers: one request, OutcomeUnknown."""
    talk = fails({f"POST {ORDERS}": answer}, lambda t: t.rest.orders.place(body()), OutcomeUnknown)
    assert len(talk.host.asked) == 1


@pytest.mark.parametrize("answer", [Answer(never=True), Answer(b"", 502)], ids=["never", "502"])
def test_reads_that_break_may_be_asked_again_by_whoever_wants(answer: Answer) -> None:
    talk = fails(
        {f"GET {API}/portfolio/balance": answer},
        lambda t: t.rest.portfolio.balance(),
        Unreachable,
    )
    assert len(talk.host.asked) == 1


def test_a_refused_order_is_refused_once() -> None:
    for answer, kind in (
        (error("order_already_exists", 409), AlreadyKnown),
        (error("too_many_requests", 429), RateLimited),
    ):
        talk = fails({f"POST {ORDERS}": answer}, lambda t: t.rest.orders.place(body()), kind)
        assert len(talk.host.asked) == 1


def test_an_order_is_found_by_our_own_id_also_in_the_archive() -> None:
    pages: Script = {
        f"GET {API}/portfolio/orders": reply({"orders": [ORDER | {"client_order_id": "other"}]}),
        f"GET {API}/historical/orders": [reply({"orders": [ORDER]}), reply({"orders": []})],
    }

    async def work(talk: Talk) -> None:
        found = await talk.rest.portfolio.find_order(OrderId("run1-o1"), "KXA-1-B", NOW)
        assert found is not None
        assert found.native == "n1"
        assert await talk.rest.portfolio.find_order(OrderId("run1-o9"), "KXA-1-B", NOW) is None

    _, talk = ask(pages, work)
    assert all(asked.method == "GET" for asked in talk.host.asked)
    assert dict(query(talk.host.asked[0]))["min_ts"] == "1789999940"


def test_each_row_of_a_batch_has_its_own_truth() -> None:
    """Rows are told by our id, whatever their order; what is left out is unknown."""
    bodies = [body(name=f"o{n}") for n in range(5)]
    rows = [
        TAKEN | {"client_order_id": "o1", "order_id": "n1"},
        {"client_order_id": "o0", "error": {"code": "invalid_order", "details": "post only cross"}},
        TAKEN | {"client_order_id": "o2", "fill_count": None},
        {"client_order_id": "o3", "error": {"code": "internal_server_error"}},
    ]
    truths, talk = ask(
        {f"POST {ORDERS}/batched": reply({"orders": rows}, 201)},
        lambda t: t.rest.orders.place_batch(bodies),
    )
    kinds = [type(each) for each in truths]
    assert kinds == [WouldCross, Placed, OutcomeUnknown, OutcomeUnknown, OutcomeUnknown]
    assert talk.budget.spent == [("order.0", 50)]
    sent = json.loads(talk.host.asked[0].body)["orders"]
    assert {each["exchange_index"] for each in sent} == {2}


def test_rows_without_our_id_are_told_by_their_place_if_none_is_missing() -> None:
    bodies = [body(name="o0"), body(name="o1")]
    rows = [{"error": {"code": "order_already_exists"}}, TAKEN | {"client_order_id": "o1"}]
    truths, _ = ask(
        {f"POST {ORDERS}/batched": reply({"orders": rows}, 201)},
        lambda t: t.rest.orders.place_batch(bodies),
    )
    assert [type(each) for each in truths] == [AlreadyKnown, Placed]
    short, _ = ask(
        {f"POST {ORDERS}/batched": reply({"orders": rows[:1]}, 201)},
        lambda t: t.rest.orders.place_batch(bodies),
    )
    assert [type(each) for each in short] == [OutcomeUnknown, OutcomeUnknown]


def test_a_batch_is_cut_to_the_tier_and_one_lost_part_is_the_truth_about_its_rows_only() -> None:
    bodies = [body(name=f"o{n}") for n in range(12)]

    def some(asked: Asked) -> Answer:
        names = [each["client_order_id"] for each in json.loads(asked.body)["orders"]]
        if len(names) < 9:
            return Answer(b"", 500)
        return reply({"orders": [TAKEN | {"client_order_id": name} for name in names]}, 201)

    truths, talk = ask(
        {f"POST {ORDERS}/batched": some}, lambda t: t.rest.orders.place_batch(bodies)
    )
    assert [type(each) for each in truths] == [Placed] * 9 + [OutcomeUnknown] * 3
    assert talk.budget.spent == [("order.0", 90), ("order.0", 30)]


def test_cancels_name_their_shard() -> None:
    script: Script = {
        f"DELETE {ORDERS}/n1": reply({"order_id": "n1", "reduced_by": "1.00", "ts_ms": 1}),
        f"DELETE {ORDERS}/n2": reply({"order_id": "n2", "reduced_by": "0.00", "ts_ms": 1}),
        f"DELETE {ORDERS}": Answer(b"", 204),
    }

    async def work(talk: Talk) -> None:
        assert (await talk.rest.orders.cancel("n1", 2)).cancelled == ("n1",)
        assert (await talk.rest.orders.cancel("n2", 2)).refused == {
            "n2": "nothing of it rested any more"
        }
        await talk.rest.orders.cancel_all()
        with pytest.raises(NotThere):
            await talk.rest.orders.cancel("gone", 2)

    _, talk = ask(script, work)
    assert talk.host.asked[0].target == f"{ORDERS}/n1?exchange_index=2"
    assert talk.budget.spent == [("cancel.2", 2), ("cancel.2", 2), ("cancel.0", 2), ("cancel.2", 2)]


def test_a_batch_of_cancels_accounts_for_every_order() -> None:
    cancels = [Cancel(order_id=f"n{n}", exchange_index=2) for n in range(3)]
    rows = [
        {"order_id": "n0", "reduced_by": "5.00", "ts_ms": 1},
        {"order_id": "n1", "reduced_by": "0.00", "error": {"code": "not_found"}},
    ]
    told, talk = ask(
        {f"DELETE {ORDERS}/batched": reply({"orders": rows})},
        lambda t: t.rest.orders.cancel_batch(cancels),
    )
    assert told.cancelled == ("n0",)
    assert list(told.refused) == ["n1", "n2"]
    assert json.loads(talk.host.asked[0].body)["orders"][0] == {
        "order_id": "n0", "exchange_index": 2,
    }  # fmt: skip
    assert talk.budget.spent == [("cancel.0", 6)]


def test_orders_are_amended_and_decreased_where_they_rest() -> None:
    script: Script = {
        f"POST {ORDERS}/n1/amend": reply({"order_id": "n1", "ts_ms": 1715793690123}),
        f"POST {ORDERS}/n1/decrease": reply(
            {"order_id": "n1", "remaining_count": "2.00", "ts_ms": 1715793690123}
        ),
    }

    async def work(talk: Talk) -> None:
        amended = await talk.rest.orders.amend(
            "n1", amend_body(order(), CENTS, 2, price=470_000, size=9 * ONE)
        )
        assert (amended.filled, amended.remaining) == (None, None)
        told = await talk.rest.orders.decrease("n1", decrease_body(TICKER, 2, by=ONE))
        assert told.remaining == 2 * ONE

    _, talk = ask(script, work)
    assert [json.loads(asked.body)["exchange_index"] for asked in talk.host.asked] == [2, 2]
    assert talk.budget.spent == [("order.2", 10), ("order.2", 10)]


def test_order_groups_live_on_a_shard() -> None:
    groups = f"{API}/portfolio/order_groups"
    row = {"id": "g1", "is_auto_cancel_enabled": True, "contracts_limit_fp": "150.00"}
    script: Script = {
        f"POST {groups}/create": reply({"order_group_id": "g1", "subaccount": 0}, 201),
        f"GET {groups}": reply({"order_groups": [row]}),
        f"GET {groups}/g1": reply({"is_auto_cancel_enabled": True, "orders": ["n1"]}),
        f"PUT {groups}/g1/limit": reply({}),
        f"PUT {groups}/g1/reset": reply({}),
        f"PUT {groups}/g1/trigger": reply({}),
        f"DELETE {groups}/g1": reply({}),
    }

    async def work(talk: Talk) -> None:
        own = talk.rest.groups
        assert await own.create(150 * ONE, 2) == "g1"
        assert (await own.all())[0].contracts_limit == 150 * ONE
        assert (await own.get("g1", 2)).orders == ("n1",)
        await own.set_limit("g1", 2, 10 * ONE)
        for change in (own.reset, own.trigger, own.delete):
            await change("g1", 2)

    _, talk = ask(script, work)
    created, _, *others = talk.host.asked
    assert json.loads(created.body) == {"contracts_limit_fp": "150.00", "exchange_index": 2}
    assert all(query(asked) == [("exchange_index", "2")] for asked in others)


def test_money_moves_between_shards_in_centi_cents_and_once() -> None:
    path = f"{API}/portfolio/intra_exchange_instance_transfer"
    told, talk = ask(
        {f"POST {path}": reply({"transfer_id": "t1"})},
        lambda t: t.rest.portfolio.transfer(2 * ONE, 0, 2),
    )
    assert told == "t1"
    sent = json.loads(talk.host.asked[0].body)
    assert (sent["amount"], sent["source_exchange_shard"], sent["destination_exchange_shard"]) == (
        20_000, 0, 2,
    )  # fmt: skip
    fails({}, lambda t: t.rest.portfolio.transfer(50, 0, 2), OffGrid)
    fails({}, lambda t: t.rest.portfolio.transfer(ONE, 2, 2), RequestRefused)
    lost = fails(
        {f"POST {path}": Answer(never=True)},
        lambda t: t.rest.portfolio.transfer(ONE, 0, 2),
        OutcomeUnknown,
    )
    assert len(lost.host.asked) == 1


def test_what_was_made_without_an_id_is_unknown() -> None:
    groups, money = "/portfolio/order_groups/create", "/portfolio/intra_exchange_instance_transfer"
    for answer in (reply({"order_group_id": "", "transfer_id": ""}), reply({}), Answer(b"")):
        for path, work in (
            (groups, lambda t: t.rest.groups.create(ONE, 2)),
            (money, lambda t: t.rest.portfolio.transfer(ONE, 0, 2)),
        ):
            talk = fails({f"POST {API}{path}": answer}, work, OutcomeUnknown)
            assert len(talk.host.asked) == 1


def test_an_unreadable_answer_to_a_batch_of_cancels_leaves_each_of_them_open() -> None:
    cancels = [Cancel(order_id="n0", exchange_index=2)]
    told, talk = ask(
        {f"DELETE {ORDERS}/batched": Answer(b'{"orders":')},
        lambda t: t.rest.orders.cancel_batch(cancels),
    )
    assert told.cancelled == ()
    assert "look it up" in told.refused["n0"]
    assert len(talk.host.asked) == 1


def test_target_shares_sum_to_a_hundred_or_are_none() -> None:
    path = f"{API}/portfolio/target_balance_allocation"
    half = (Allocation(0, 50), Allocation(2, 50))
    script: Script = {
        f"POST {path}": reply({}),
        f"GET {path}": reply({"allocations": [{"exchange_index": 0, "percent": 50}]}),
    }

    async def work(talk: Talk) -> None:
        await talk.rest.portfolio.set_target_allocation(half)
        await talk.rest.portfolio.set_target_allocation(())
        assert await talk.rest.portfolio.target_allocation() == half[:1]

    _, talk = ask(script, work)
    assert len(talk.host.asked) == 3
    fails({}, lambda t: t.rest.portfolio.set_target_allocation(half[:1]), RequestRefused)
