"""The user channel of the local venue, judged by captured frames and by our own decoder."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.local_venue.net.listening import Ear, afflict
from tests.local_venue.polymarket.stand import PEOPLE, Stand, Streams, decoded
from tests.venues.scripted import sample
from underround.local_venue.faults import Ghost, Retry
from underround.model.ids import OrderId
from underround.model.market import Catalogue
from underround.model.orders import (
    FillSettled,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
)
from underround.model.units import ONE, usd
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.user_codec import TradeNoticed, UserDecoder, UserEvent

ORDER_KEYS = [
    "id", "owner", "market", "asset_id", "side", "order_owner", "original_size", "size_matched",
    "price", "associate_trades", "outcome", "type", "created_at", "expiration", "order_type",
    "status", "maker_address", "timestamp", "event_type",
]  # fmt: skip
TRADE_KEYS = {
    "asset_id", "bucket_index", "event_type", "fee_rate_bps", "id", "last_update", "maker_address",
    "maker_orders", "market", "match_time", "outcome", "owner", "price", "side", "size", "status",
    "taker_order_id", "timestamp", "trade_owner", "trader_side", "transaction_hash", "type",
}  # fmt: skip
MAKER_KEYS = [
    "order_id", "owner", "maker_address", "matched_amount", "price", "fee_rate_bps", "asset_id",
    "outcome", "side",
]  # fmt: skip


def orders(frames: list[bytes]) -> list[Any]:
    return [frame for frame in decoded(frames) if frame["event_type"] == "order"]


def trades(frames: list[bytes]) -> list[Any]:
    return [frame for frame in decoded(frames) if frame["event_type"] == "trade"]


def decoder(stand: Stand, who: str) -> UserDecoder:
    """Return our decoder as ``who``'s platform makes it: it knows the orders it sent."""

    def own(native: str) -> OrderId | None:
        return OrderId(native) if stand.senders.get(native) == who else None

    account = Account(stand.logins[who].key, stand.account(who))
    return UserDecoder(Catalogue(tuple(stand.markets)).by_token(), account, own)


def read(stand: Stand, who: str, frames: list[bytes]) -> list[UserEvent]:
    decode = decoder(stand, who).decode
    return [event for frame in frames for event in decode(frame)]


# --- who is let in -------------------------------------------------------------------------------


def test_who_does_not_subscribe_at_once_is_dropped_without_a_word() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear = await streams.open("user")
            assert await ear.heard() == []  # pings are answered meanwhile
            stand.pass_ms(5_000)
            assert await ear.over() == []
            assert ear.socket.close_code == 1006

    asyncio.run(main())


@pytest.mark.parametrize(
    "first",
    [
        "{",
        '{"type":"user"}',
        '{"type":"market","assets_ids":[]}',
        '{"operation":"subscribe","markets":[]}',
        '{"type":"user","auth":{"apiKey":"KEY","secret":"SECRET","passphrase":"other"}}',
        '{"type":"user","auth":{"apiKey":"KEY","secret":"other","passphrase":"PASSPHRASE"}}',
        '{"type":"user","auth":{"apiKey":"nobody","secret":"SECRET","passphrase":"PASSPHRASE"}}',
    ],
)
def test_who_is_not_known_is_dropped_without_a_word(first: str) -> None:
    async def main() -> None:
        stand = Stand()
        login = stand.logins["alice"]
        said = first.replace("KEY", login.key).replace("SECRET", login.secret)
        async with stand.serving() as streams:
            ear = await streams.open("user")
            await ear.say(said.replace("PASSPHRASE", login.passphrase))
            assert await ear.over() == []

    asyncio.run(main())


def test_a_revoked_key_is_not_let_in() -> None:
    async def main() -> None:
        stand = Stand()
        stand.world.accounts.revoke(stand.logins["alice"].key)
        async with stand.serving() as streams:
            ear = await streams.open("user")
            await ear.say(json.dumps(streams.subscription("alice")))
            assert await ear.over() == []

    asyncio.run(main())


def test_nobody_hears_of_anothers_orders_and_nothing_is_told_again() -> None:
    async def main() -> None:
        stand = Stand()
        stand.order("alice", "buy", "0.4", "10")
        async with stand.serving() as streams:
            alice, bob = await streams.user("alice"), await streams.user("bob")
            stand.order("bob", "buy", "0.3", "10")
            assert await alice.heard() == []
            (placed,) = orders(await bob.heard())
            assert placed["owner"] == placed["order_owner"] == stand.logins["bob"].key

    asyncio.run(main())


def test_markets_can_be_chosen_added_and_dropped() -> None:
    async def main() -> None:
        stand = Stand(markets=2)
        first, second = stand.markets
        async with stand.serving() as streams:
            ear = await streams.user("alice", first.id.native)

            async def told() -> list[str]:
                for market in stand.markets:
                    stand.order("alice", "buy", "0.4", "10", market=market)
                return [frame["market"] for frame in orders(await ear.heard())]

            assert await told() == [first.id.native]
            await ear.say(json.dumps({"operation": "subscribe", "markets": [second.id.native]}))
            assert await ear.heard() == []
            assert await told() == [first.id.native, second.id.native]
            await ear.say(json.dumps({"operation": "unsubscribe", "markets": [first.id.native]}))
            assert await ear.heard() == []
            assert await told() == [second.id.native]
            await ear.say(json.dumps({"operation": "unsubscribe", "markets": [second.id.native]}))
            assert await ear.heard() == []
            assert await told() == [first.id.native, second.id.native]  # none chosen: every one

    asyncio.run(main())


# --- orders --------------------------------------------------------------------------------------


def test_an_order_is_placed_updated_and_cancelled() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear = await streams.user("alice")
            placed = stand.order("alice", "buy", "0.4", "10")
            stand.pass_ms(1_500)
            stand.order("bob", "sell", "0.4", "5")
            stand.world.polymarket.cancel([placed.id], stand.now)
            placement, update, cancellation = orders(await ear.heard())
        assert list(placement) == ORDER_KEYS
        assert (placement["type"], placement["status"]) == ("PLACEMENT", "LIVE")
        assert (placement["original_size"], placement["size_matched"]) == ("10", "0")
        assert placement["associate_trades"] is None
        assert placement["created_at"] == update["created_at"]
        assert len(placement["created_at"]) == 10
        assert int(update["timestamp"]) - int(placement["timestamp"]) == 1_500
        assert (update["type"], update["status"]) == ("UPDATE", "LIVE")
        assert (update["size_matched"], len(update["associate_trades"])) == ("5", 1)
        assert (cancellation["type"], cancellation["status"]) == ("CANCELLATION", "CANCELED")
        assert cancellation["size_matched"] == "5"

    asyncio.run(main())


@pytest.mark.parametrize("tif", ["FAK", "FOK"])
def test_a_buy_of_dollars_states_its_budget_as_its_size(tif: Any) -> None:
    async def main() -> None:
        stand = Stand()
        stand.order("bob", "sell", "0.4", "100")
        async with stand.serving() as streams:
            ear = await streams.user("alice")
            stand.order("alice", "buy", "0.5", "24", tif=tif, budget="12")
            placement = orders(await ear.heard())[0]
        assert placement["original_size"] == "12"
        assert placement["order_type"] == tif
        assert placement["size_matched"] == "30"  # twelve dollars at 0.40
        assert placement["status"] == "MATCHED"

    asyncio.run(main())


def test_a_gtd_order_states_its_expiration_and_leaves_a_minute_before() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear = await streams.user("alice")
            until = stand.now + 240 * 10**9
            stand.order("alice", "buy", "0.4", "10", tif="GTD", good_until_ns=until)
            stand.pass_ms(240_000)
            placement, cancellation = orders(await ear.heard())
        assert int(placement["expiration"]) == until // 10**9 + 60
        assert cancellation["status"] == "CANCELED_EXPIRED_ORDER"

    asyncio.run(main())


def test_orders_of_a_market_that_is_resolved_are_cancelled_with_the_reason() -> None:
    async def main() -> None:
        stand = Stand()
        stand.order("alice", "buy", "0.4", "10")
        async with stand.serving() as streams:
            ear = await streams.user("alice")
            stand.resolve((ONE, 0))
            (cancellation,) = orders(await ear.heard())
        assert cancellation["status"] == "CANCELED_MARKET_RESOLVED"

    asyncio.run(main())


# --- trades --------------------------------------------------------------------------------------


async def _match(streams: Streams) -> tuple[Ear, Ear, Ear]:
    """Let carol buy NO at 0.5 from bob, who sells it at 0.4, and from alice, who buys YES."""
    stand = streams.stand
    ears = [await streams.user(who) for who in PEOPLE]
    stand.order("bob", "sell", "0.4", "5", outcome=1)
    stand.order("alice", "buy", "0.55", "20")
    for ear in ears:
        await ear.heard()
    stand.order("carol", "buy", "0.5", "15", outcome=1)
    return ears[0], ears[1], ears[2]


def test_a_trade_is_told_to_the_taker_and_to_each_maker_with_all_its_makers() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            alice, bob, carol = await _match(streams)
            (taken,) = trades(await carol.heard())
            (first,) = trades(await bob.heard())
            (second,) = trades(await alice.heard())
        key = {who: stand.logins[who].key for who in PEOPLE}
        assert taken["trader_side"] == "TAKER"
        assert taken["owner"] == taken["trade_owner"] == key["carol"]
        assert (taken["side"], taken["outcome"], taken["asset_id"]) == ("BUY", "No", stand.no)
        assert (taken["size"], taken["price"], taken["status"]) == ("15", "0.5", "MATCHED")
        assert taken["maker_orders"] == first["maker_orders"] == second["maker_orders"]
        assert [list(maker) for maker in taken["maker_orders"]] == [MAKER_KEYS, MAKER_KEYS]
        for told, who in ((first, "bob"), (second, "alice")):
            assert told["trader_side"] == "MAKER"
            assert (told["owner"], told["trade_owner"]) == (key["carol"], key[who])
            assert told["id"] == taken["id"]
        made = [
            (maker["owner"], maker["side"], maker["outcome"], maker["price"], maker["asset_id"])
            for maker in taken["maker_orders"]
        ]
        assert made == [
            (key["bob"], "SELL", "No", "0.4", stand.no),
            (key["alice"], "BUY", "Yes", "0.55", stand.yes),  # the other outcome: a mint
        ]
        assert [maker["matched_amount"] for maker in taken["maker_orders"]] == ["5", "10"]

    asyncio.run(main())


def _lifecycle(fault: Ghost | Retry | None) -> list[Any]:
    async def main() -> list[Any]:
        stand = Stand()
        if fault is not None:
            afflict(stand.world, fault)
        async with stand.serving() as streams:
            _, _, carol = await _match(streams)
            stand.pass_ms(30_000)
            return trades(await carol.heard())

    return asyncio.run(main())


@pytest.mark.parametrize(
    "fault, statuses",
    [
        (None, ["MATCHED", "MINED", "CONFIRMED"]),
        (Retry(), ["MATCHED", "RETRYING", "MINED", "CONFIRMED"]),
        (Ghost(), ["MATCHED", "RETRYING", "FAILED"]),
    ],
)
def test_each_step_of_settlement_tells_the_same_trade_again(
    fault: Ghost | Retry | None, statuses: list[str]
) -> None:
    told = _lifecycle(fault)
    assert [step["status"] for step in told] == statuses
    assert len({step["id"] for step in told}) == 1
    assert len({step["match_time"] for step in told}) == 1
    updates = [int(step["last_update"]) for step in told]
    assert updates == sorted(updates)
    assert updates[0] < updates[-1]
    assert [len(step["timestamp"]) for step in told] == [13] * len(told)
    hashes = {step["status"]: step["transaction_hash"] for step in told}
    assert hashes["MATCHED"] == ""
    if "CONFIRMED" in hashes:
        assert hashes["MINED"] == hashes["CONFIRMED"]
        assert len(hashes["MINED"]) == 66


# --- the same forms as captured ------------------------------------------------------------------


@pytest.mark.shared
def test_frames_have_the_keys_and_the_kinds_of_values_of_captured_ones(shared: Path) -> None:
    async def main() -> tuple[list[bytes], list[bytes]]:
        stand = Stand()
        async with stand.serving() as streams:
            alice = await streams.user("alice")
            placed = stand.order("alice", "buy", "0.4", "10")
            stand.world.polymarket.cancel([placed.id], stand.now)
            stand.order("alice", "buy", "0.6", "20", tif="FOK", budget="12")
            mine = await alice.heard()
            _, _, carol = await _match(streams)
            return mine, await carol.heard()

    def captured(name: str) -> Any:
        return json.loads(sample(shared, f"polymarket/ws/{name}.json"))

    def kinds(message: dict[str, Any]) -> dict[str, str]:
        return {key: type(value).__name__ for key, value in message.items()}

    mine, taken = asyncio.run(main())
    placement, cancellation, killed = orders(mine)
    assert kinds(placement) == kinds(captured("user_order_placement_2024-09"))
    assert kinds(cancellation) == kinds(captured("user_order_cancellation_2024-09"))
    real = captured("user_order_fok_killed_2026-05_redacted")
    assert list(killed) == list(real)
    same = ("status", "original_size", "size_matched", "associate_trades", "outcome", "type")
    for key in (*same, "created_at", "expiration", "order_type", "price"):
        assert killed[key] == real[key], key
    (trade,) = trades(taken)
    real = captured("user_trade_2")
    assert kinds(trade) == kinds(real)
    assert set(trade) == TRADE_KEYS
    assert set(trade["maker_orders"][0]) == set(captured("user_trade_3")["maker_orders"][0])


# --- our own decoder -----------------------------------------------------------------------------


def test_our_decoder_reads_what_became_of_an_order_of_ours() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear = await streams.user("alice")
            placed = stand.order("alice", "buy", "0.4", "10")
            stand.order("bob", "sell", "0.4", "5")
            stand.world.polymarket.cancel([placed.id], stand.now)
            stand.order("alice", "buy", "0.6", "20", tif="FOK")
            stand.pass_ms(30_000)
            events = read(stand, "alice", await ear.heard())
        kinds = [type(event) for event in events]
        assert kinds == [
            OrderAccepted, OrderFilled, OrderEnded, OrderEnded, TradeNoticed, FillSettled
        ]  # fmt: skip
        filled, ended, killed, settled = events[1], events[2], events[3], events[5]
        assert isinstance(filled, OrderFilled)
        fill = filled.fill
        assert (fill.order, fill.price, fill.size) == (placed.id, usd("0.4"), usd("5"))
        assert fill.liquidity == "maker"
        assert isinstance(ended, OrderEnded)
        assert isinstance(killed, OrderEnded)
        assert (ended.how, killed.how) == ("cancelled", "killed")
        assert isinstance(settled, FillSettled)
        assert (settled.fill, settled.finality) == (fill.id, "confirmed")

    asyncio.run(main())


def test_our_decoder_takes_a_ghost_fill_back() -> None:
    async def main() -> None:
        stand = Stand()
        afflict(stand.world, Ghost())
        async with stand.serving() as streams:
            _, _, carol = await _match(streams)
            stand.pass_ms(30_000)
            events = read(stand, "carol", await carol.heard())
        filled = [event.fill for event in events if isinstance(event, OrderFilled)]
        settled = [event for event in events if isinstance(event, FillSettled)]
        assert [(event.fill, event.finality) for event in settled] == [(filled[0].id, "failed")]
        assert filled[0].size == usd("15")

    asyncio.run(main())


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_fills_read_by_our_decoder_add_up_to_what_the_exchange_matched(seed: int) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        stand = Stand(markets=2, rate=40_000)
        async with stand.serving() as streams:
            ears = {who: await streams.user(who) for who in PEOPLE}
            for _ in range(80):
                stand.anything(chance)
                stand.pass_ms(chance.randrange(3) * 100)
            read_sizes: dict[str, int] = defaultdict(int)
            for who, ear in ears.items():
                for event in read(stand, who, await ear.heard()):
                    if isinstance(event, OrderFilled):
                        read_sizes[event.fill.order] += event.fill.size
        for order in stand.world.polymarket.orders.values():
            assert read_sizes.pop(order.sent.id, 0) == order.filled
        assert not read_sizes

    asyncio.run(main())
