"""The market channel: who hears what, in the forms that were captured, with hashes that hold."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.local_venue.net.listening import is_door
from tests.local_venue.polymarket.stand import Stand, Streams, decoded, hash_of, served
from tests.venues.scripted import sample
from underround.model.market import uniform_ticks
from underround.model.units import ONE

STREAM = "polymarket.market"
BOOK_KEYS = [
    "market", "asset_id", "timestamp", "hash", "bids", "asks", "tick_size", "event_type",
    "last_trade_price",
]  # fmt: skip


def forms(value: Any) -> Any:
    """Return a message with its values replaced by what they look like."""
    if isinstance(value, dict):
        return {key: forms(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [forms(value[0])] if value else []
    if not isinstance(value, str):
        return type(value).__name__
    for name, pattern in (
        ("ms", r"1[0-9]{12}"),
        ("hash", r"[0-9a-f]{40}"),
        ("id", r"0x[0-9a-f]{64}|[0-9]{70,80}"),
        ("decimal", r"[0-9]+(\.[0-9]+)?"),
        ("word", r"[A-Z]+"),
    ):
        if re.fullmatch(pattern, value):
            return name
    return "text"


def of_kind(frames: list[Any], kind: str) -> list[Any]:
    return [frame for frame in frames if frame["event_type"] == kind]


# --- subscriptions -------------------------------------------------------------------------------


def test_the_channel_is_a_door() -> None:
    stand = Stand()
    assert is_door(stand.market_channel).stream == STREAM
    assert is_door(stand.user_channel).stream == "polymarket.user"


def test_a_subscription_brings_the_book_of_each_token_in_one_array_that_ends_with_a_new_line() -> (
    None
):
    async def main() -> None:
        stand = Stand()
        stand.order("alice", "buy", "0.4", "10")
        stand.order("alice", "buy", "0.41", "10")
        stand.order("bob", "sell", "0.6", "7.5")
        async with stand.serving() as streams:
            _, (yes, no) = await streams.market(stand.yes, stand.no)
        assert list(yes) == list(no) == BOOK_KEYS
        assert (yes["asset_id"], no["asset_id"]) == (stand.yes, stand.no)
        # The best level is the last; NO is YES read backwards.
        assert [level["price"] for level in yes["bids"]] == ["0.4", "0.41"]
        assert yes["asks"] == [{"price": "0.6", "size": "7.5"}]
        assert no["bids"] == [{"price": "0.4", "size": "7.5"}]
        assert [level["price"] for level in no["asks"]] == ["0.6", "0.59"]

    asyncio.run(main())


def test_tokens_without_a_book_are_left_out_of_the_answer() -> None:
    async def main() -> None:
        stand = Stand()
        over = stand.list("another", state="closed")
        async with stand.serving() as streams:
            _, books = await streams.market("123", over.tokens[0], stand.yes)
            assert [book["asset_id"] for book in books] == [stand.yes]
            assert (await streams.market("123"))[1] == []

    asyncio.run(main())


def test_an_empty_list_subscribes_to_every_market_also_to_those_listed_later() -> None:
    async def main() -> None:
        stand = Stand(markets=2)
        async with stand.serving() as streams:
            ear, books = await streams.market()
            assert len(books) == 4
            late = stand.list("late")
            stand.order("alice", "buy", "0.4", "10", market=late)
            stand.pass_ms()
            (change,) = decoded(await ear.heard())
            assert change["market"] == late.id.native

    asyncio.run(main())


def test_subscriptions_are_added_and_dropped_without_an_acknowledgement() -> None:
    async def main() -> None:
        stand = Stand(markets=2)
        first, second = stand.markets
        async with stand.serving() as streams:
            ear, _ = await streams.market(*first.tokens)
            add = {"operation": "subscribe", "assets_ids": list(second.tokens)}
            await ear.say(json.dumps(add))
            ((book, _),) = decoded(await ear.heard())
            assert book["market"] == second.id.native
            drop = {"operation": "unsubscribe", "assets_ids": list(first.tokens)}
            await ear.say(json.dumps(drop))
            assert await ear.heard() == []
            for market in stand.markets:
                stand.order("alice", "buy", "0.4", "10", market=market)
            stand.pass_ms()
            (change,) = decoded(await ear.heard())
            assert change["market"] == second.id.native

    asyncio.run(main())


def test_a_second_subscription_adds_to_the_first() -> None:
    async def main() -> None:
        stand = Stand(markets=2)
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.markets[0].tokens[0])
            add = {"operation": "subscribe", "assets_ids": [stand.markets[1].tokens[0]]}
            await ear.say(json.dumps(add))
            await ear.heard()
            for market in stand.markets:
                stand.order("alice", "buy", "0.4", "10", market=market)
            stand.pass_ms()
            told = [change["market"] for change in decoded(await ear.heard())]
        assert told == [market.id.native for market in stand.markets]

    asyncio.run(main())


def test_a_repeated_subscription_brings_no_book_again_but_may_switch_the_custom_feature() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes)
            again = {"operation": "subscribe", "assets_ids": [stand.yes]}
            await ear.say(json.dumps(again | {"custom_feature_enabled": True}))
            assert await ear.heard() == []
            stand.order("alice", "buy", "0.4", "10")
            stand.pass_ms()
            assert of_kind(decoded(await ear.heard()), "best_bid_ask")

    asyncio.run(main())


def test_a_client_may_ask_for_no_books_at_the_beginning() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear = await streams.open("market")
            first = {"assets_ids": [stand.yes], "type": "market", "initial_dump": False}
            await ear.say(json.dumps(first))
            assert await ear.heard() == []

    asyncio.run(main())


@pytest.mark.parametrize("nonsense", ["{", "ping", "[]", '{"type":"market"}', '{"assets_ids":[]}'])
def test_what_is_no_subscription_is_an_invalid_operation(nonsense: str) -> None:
    async def main() -> None:
        async with Stand().serving() as streams:
            ear = await streams.open("market")
            await ear.say(nonsense)
            assert await ear.heard() == [b"INVALID OPERATION"]

    asyncio.run(main())


# --- what is told --------------------------------------------------------------------------------


def test_a_change_is_told_once_for_each_outcome_the_buying_side_first() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes)
            stand.order("alice", "buy", "0.4", "10.5")
            stand.order("bob", "sell", "0.61", "20")
            stand.pass_ms()
            bid, ask = decoded(await ear.heard())
        told = [(c["asset_id"], c["side"], c["price"], c["size"]) for c in bid["price_changes"]]
        assert told == [(stand.yes, "BUY", "0.4", "10.5"), (stand.no, "SELL", "0.6", "10.5")]
        told = [(c["asset_id"], c["side"], c["price"], c["size"]) for c in ask["price_changes"]]
        assert told == [(stand.no, "BUY", "0.39", "20"), (stand.yes, "SELL", "0.61", "20")]
        best = [(c["best_bid"], c["best_ask"]) for c in ask["price_changes"]]
        assert best == [("0.39", "0.6"), ("0.4", "0.61")]

    asyncio.run(main())


def test_an_empty_side_is_stated_as_0_or_1() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes)
            stand.order("alice", "buy", "0.4", "10")
            stand.pass_ms()
            (frame,) = decoded(await ear.heard())
        assert [(c["best_bid"], c["best_ask"]) for c in frame["price_changes"]] == [
            ("0.4", "1"),
            ("0", "0.6"),
        ]

    asyncio.run(main())


def test_changes_of_one_millisecond_carry_the_hash_of_the_book_after_all_of_them() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes, stand.no)
            for price in ("0.4", "0.41", "0.39"):
                stand.order("alice", "buy", price, "10")
            assert await ear.heard() == []  # the millisecond is not over
            yes, no = served(stand, stand.yes), served(stand, stand.no)
            stand.pass_ms()
            frames = decoded(await ear.heard())
        assert len(frames) == 3
        assert {frame["timestamp"] for frame in frames} == {yes["timestamp"]}
        for frame in frames:
            hashes = {change["asset_id"]: change["hash"] for change in frame["price_changes"]}
            assert hashes == {stand.yes: hash_of(yes), stand.no: hash_of(no)}

    asyncio.run(main())


def test_a_later_event_tells_the_earlier_millisecond_first_with_its_own_hash() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes)
            stand.order("alice", "buy", "0.4", "10")
            expected = served(stand, stand.yes)
            stand.clock.move_to(stand.now + 3_000_000)  # nobody let the world act meanwhile
            stand.order("alice", "buy", "0.41", "10")
            (frame,) = decoded(await ear.heard())  # the ping let it act, for the first only
            assert frame["timestamp"] == expected["timestamp"]
            assert frame["price_changes"][0]["hash"] == hash_of(expected)
            stand.pass_ms()
            (frame,) = decoded(await ear.heard())
            assert frame["price_changes"][0]["hash"] == hash_of(served(stand, stand.yes))

    asyncio.run(main())


def test_a_trade_is_told_by_its_print_and_by_both_books_without_a_change() -> None:
    async def main() -> None:
        stand = Stand()
        stand.order("alice", "sell", "0.6", "10")
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes, stand.no)
            stand.pass_ms(5)
            stand.order("bob", "buy", "0.6", "5")
            stand.pass_ms()
            print_, yes, no = decoded(await ear.heard())
        assert (print_["price"], print_["size"], print_["side"]) == ("0.6", "5", "BUY")
        assert print_["asset_id"] == stand.yes
        assert yes["asks"] == [{"price": "0.6", "size": "5"}]
        assert no["bids"] == [{"price": "0.4", "size": "5"}]
        assert yes["last_trade_price"] == no["last_trade_price"] == "0.600"
        for book in (yes, no):
            body = served(stand, book["asset_id"])
            assert book["hash"] == body["hash"] == hash_of(body)

    asyncio.run(main())


def test_the_whole_book_comes_with_a_new_grid() -> None:
    async def main() -> None:
        stand = Stand()
        stand.order("alice", "buy", "0.4", "10")
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes, stand.no)
            fine = uniform_ticks("0.001", stand.now)
            stand.world.polymarket.change_ticks(stand.market.id, fine, stand.now)
            stand.pass_ms()
            frames = decoded(await ear.heard())
        changes = of_kind(frames, "tick_size_change")
        assert [change["asset_id"] for change in changes] == [stand.yes, stand.no]
        assert (changes[0]["old_tick_size"], changes[0]["new_tick_size"]) == ("0.01", "0.001")
        book = of_kind(frames, "book")[0]
        assert book["tick_size"] == "0.001"
        assert book["hash"] == hash_of(served(stand, stand.yes))

    asyncio.run(main())


def test_best_prices_listings_and_resolutions_come_only_with_the_custom_feature() -> None:
    async def story(streams: Streams, *, featured: bool) -> list[str]:
        stand = streams.stand
        ear, _ = await streams.market(stand.yes, featured=featured)
        stand.order("alice", "buy", "0.4", "10")
        stand.list("another one")
        stand.pass_ms()
        stand.resolve((ONE, 0))
        stand.pass_ms()
        return [frame["event_type"] for frame in decoded(await ear.heard())]

    async def main() -> None:
        async with Stand().serving() as streams:
            plain = await story(streams, featured=False)
            assert set(plain) == {"price_change"}
        async with Stand().serving() as streams:
            told = await story(streams, featured=True)
            # Two outcomes state their best, when it comes and when it goes.
            assert sorted(told) == sorted(
                [*plain, *["best_bid_ask"] * 4, "new_market", "market_resolved"]
            )

    asyncio.run(main())


def test_best_prices_are_told_when_they_change_and_not_when_a_deeper_level_does() -> None:
    async def main() -> None:
        stand = Stand()
        stand.order("alice", "buy", "0.4", "10")
        stand.order("alice", "sell", "0.45", "10")
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes, featured=True)
            stand.order("alice", "buy", "0.3", "10")
            stand.pass_ms()
            assert not of_kind(decoded(await ear.heard()), "best_bid_ask")
            stand.order("alice", "buy", "0.42", "10")
            stand.pass_ms()
            yes, no = of_kind(decoded(await ear.heard()), "best_bid_ask")
        assert (yes["best_bid"], yes["best_ask"], yes["spread"]) == ("0.42", "0.45", "0.03")
        assert (no["best_bid"], no["best_ask"], no["spread"]) == ("0.55", "0.58", "0.03")

    asyncio.run(main())


@pytest.mark.parametrize("won", [0, 1])
def test_the_winner_of_a_market_is_the_outcome_that_pays(won: int) -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes, featured=True)
            stand.resolve((0, ONE) if won else (ONE, 0))
            stand.pass_ms()
            (told,) = of_kind(decoded(await ear.heard()), "market_resolved")
        assert told["winning_asset_id"] == stand.market.tokens[won]
        assert told["winning_outcome"] == stand.market.outcomes[won]

    asyncio.run(main())


def test_a_split_market_has_no_winner_to_tell() -> None:
    async def main() -> None:
        stand = Stand()
        async with stand.serving() as streams:
            ear, _ = await streams.market(stand.yes, featured=True)
            stand.resolve((ONE // 2, ONE // 2))
            stand.pass_ms()
            assert await ear.heard() == []
            assert stand.books.book(stand.yes, stand.now) is None

    asyncio.run(main())


# --- the same forms as captured ------------------------------------------------------------------


async def _one_of_each(streams: Streams) -> dict[str, bytes]:
    stand = streams.stand
    ear, _ = await streams.market(stand.yes, stand.no, featured=True)
    stand.order("alice", "buy", "0.4", "10")
    stand.order("alice", "sell", "0.6", "10.5")
    stand.list("another one")
    stand.pass_ms()
    stand.order("bob", "buy", "0.6", "5")
    fine = uniform_ticks("0.001", stand.now)
    stand.world.polymarket.change_ticks(stand.market.id, fine, stand.now)
    stand.pass_ms()
    stand.resolve((ONE, 0))
    stand.pass_ms()
    told: dict[str, bytes] = {}
    for frame in await ear.heard():
        told[json.loads(frame)["event_type"]] = frame
    return told


def _captured(shared: Path, name: str, kind: str) -> str:
    """Return the first text of a captured session that holds one event of a kind."""
    for line in sample(shared, f"polymarket/ws/{name}").decode().splitlines():
        row = json.loads(line)
        text: str = row.get("payload") or row["data"]
        if f'"event_type":"{kind}"' in text.replace('": "', '":"'):
            return text
    raise AssertionError(f"{name} has no {kind}")


@pytest.mark.shared
def test_frames_have_the_keys_in_the_order_and_the_values_in_the_form_of_captured_ones(
    shared: Path,
) -> None:
    async def main() -> dict[str, bytes]:
        async with Stand(rate=72_000).serving() as streams:
            return await _one_of_each(streams)

    told = asyncio.run(main())
    session = "market_session_2026-04-28_a.jsonl"
    change = _captured(shared, session, "price_change")
    ours = told["price_change"].decode()
    assert forms(json.loads(ours)) == forms(json.loads(change))
    assert list(json.loads(ours)) == list(json.loads(change))
    # Space after each comma and none after a colon: as captured, byte for byte but the values.
    assert re.sub(r'"[^"]*"', '""', ours) == re.sub(r'"[^"]*"', '""', change)
    listed = json.loads(_captured(shared, session, "new_market"))
    assert list(json.loads(told["new_market"])) == list(listed)
    assert list(json.loads(told["new_market"])["fee_schedule"]) == list(listed["fee_schedule"])
    array = json.loads(_captured(shared, session, "book"))
    assert list(json.loads(told["book"])) == list(array[0]) == BOOK_KEYS
    for kind, name in (
        ("last_trade_price", "market_last_trade_price_2024.json"),
        ("tick_size_change", "market_tick_size_change_2025-02.json"),
        ("best_bid_ask", "market_best_bid_ask_2025-12.json"),
        ("market_resolved", "market_resolved_2025-12.json"),
    ):
        captured = json.loads(sample(shared, f"polymarket/ws/{name}"))
        assert set(json.loads(told[kind])) == set(captured), kind


@pytest.mark.shared
def test_a_book_of_protocol_v2_names_its_version_in_the_place_it_was_captured_in(
    shared: Path,
) -> None:
    session = "market_session_protocol_v2_2026-10-05.jsonl"
    captured = json.loads(_captured(shared, session, "book"))[0]
    body = json.loads(sample(shared, "polymarket/clob/book_protocol_v2_2026-10-05.json"))

    async def main() -> None:
        stand = Stand()
        market = stand.list("the second protocol", protocol="v2")
        async with stand.serving() as streams:
            _, (book,) = await streams.market(market.tokens[0])
        assert list(book) == list(captured)
        assert book["version"] == captured["version"] == "v2"
        ours = served(stand, market.tokens[0])
        assert list(ours) == list(body)
        assert ours["hash"] == hash_of(ours)

    asyncio.run(main())
