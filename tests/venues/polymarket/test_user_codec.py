"""The user channel as events of our own orders: exact, or refused."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.scripted import sample
from underround.model.errors import ConfigError, FrameRefused
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, YES, OrderId
from underround.model.market import Market
from underround.model.orders import (
    Fill,
    FillSettled,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderRejected,
)
from underround.model.units import ONE, decimal_text, parse_micros
from underround.venues.polymarket import user_wire
from underround.venues.polymarket.fills import fill_id
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.user_codec import (
    ForeignFill,
    ForeignOrder,
    TradeNoticed,
    UserDecoder,
    UserEvent,
)

if TYPE_CHECKING:
    from tests.venues.conftest import MarketOf, Mutate

CONDITION, UP, DOWN = "0xaa", "111", "222"
KEY, WALLET = "11111111-aaaa", "0xAbCd000000000000000000000000000000000001"
THEIR_KEY, THEIR_WALLET = "22222222-bbbb", "0x0000000000000000000000000000000000000002"
OURS, OURS_TOO, THEIRS = "0x01", "0x02", "0x03"
OWN = {OURS: OrderId("first"), OURS_TOO: OrderId("second")}
ACCOUNT = Account(KEY, WALLET)
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def market(market_of: MarketOf) -> Market:
    bare = market_of("polymarket", CONDITION, (UP, DOWN))
    return msgspec.structs.replace(bare, fees=polymarket_fees("0.07"))


@pytest.fixture(scope="module")
def decoder(market: Market) -> UserDecoder:
    return UserDecoder({UP: (market, YES), DOWN: (market, NO)}, ACCOUNT, OWN.get)


def maker(**fields: Any) -> dict[str, Any]:
    entry = {"order_id": THEIRS, "owner": THEIR_KEY, "maker_address": THEIR_WALLET}
    entry |= {"matched_amount": "10", "price": "0.4", "asset_id": UP, "outcome": "Up"}
    return entry | {"side": "SELL"} | fields


def trade(*makers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a trade in which we take; without ``makers`` one sells us ten at 0.40."""
    said = {"event_type": "trade", "type": "TRADE", "id": "t1", "taker_order_id": OURS}
    said |= {"market": CONDITION, "asset_id": UP, "outcome": "Up", "side": "BUY", "size": "10"}
    said |= {"price": "0.4", "status": "MATCHED", "owner": KEY, "maker_address": WALLET}
    said |= {"match_time": "1762776367", "last_update": "1762776436"}
    said |= {"timestamp": "1762776436123", "trader_side": "TAKER"}
    numbers: dict[str, Any] = {"bucket_index": 0, "maker_orders": list(makers) or [maker()]}
    return said | numbers | fields


def resting(*makers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a trade in which somebody takes from ``makers``."""
    taker = {"taker_order_id": "0xff", "owner": THEIR_KEY, "maker_address": THEIR_WALLET}
    return trade(*makers, **taker | {"trader_side": "MAKER"} | fields)


def own_entry(**fields: Any) -> dict[str, Any]:
    return maker() | {"order_id": OURS, "owner": KEY, "maker_address": WALLET} | fields


def order(**fields: Any) -> dict[str, Any]:
    said = {"event_type": "order", "id": OURS, "owner": KEY, "order_owner": KEY}
    said |= {"market": CONDITION, "asset_id": UP, "side": "BUY", "original_size": "10"}
    said |= {"size_matched": "0", "price": "0.4", "type": "PLACEMENT", "status": "LIVE"}
    return said | {"timestamp": "1762776436123", "maker_address": WALLET} | fields


def told(decoder: UserDecoder, *messages: dict[str, Any]) -> list[UserEvent]:
    said = messages[0] if len(messages) == 1 else list(messages)
    return list(decoder.decode(json.dumps(said).encode()))


def filled(decoder: UserDecoder, message: dict[str, Any]) -> list[Fill]:
    events = told(decoder, message)
    assert all(isinstance(event, OrderFilled) for event in events), events
    return [event.fill for event in events if isinstance(event, OrderFilled)]


# --- trades ------------------------------------------------------------------------------------


def test_a_taker_gets_the_whole_trade_and_pays_the_fee(
    decoder: UserDecoder, market: Market
) -> None:
    (fill,) = filled(decoder, trade())
    assert fill == Fill(
        id=fill_id("t1", 0, OURS),
        order=OrderId("first"),
        outcome=market.outcome(YES),
        side="buy",
        price=400_000,
        size=10_000_000,
        fee=168_000,  # 10 · 0.07 · 0.4 · 0.6
        liquidity="taker",
        at_ns=1762776367 * SECOND,
        evidence="trade t1 on the user channel",
    )


def test_a_maker_gets_each_of_its_entries_without_a_fee(
    decoder: UserDecoder, market: Market
) -> None:
    second = maker(order_id=OURS_TOO, owner=KEY, maker_address=WALLET, asset_id=DOWN,
                   price="0.58", matched_amount="2.5", side="BUY", outcome="Down")  # fmt: skip
    message = resting(maker(), own_entry(price="0.41", matched_amount="7.5"), second, size="20")
    first, other = filled(decoder, message)
    assert (first.order, first.side, first.price, first.size) == (
        "first",
        "sell",
        410_000,
        7_500_000,
    )
    assert (other.order, other.side, other.price, other.size) == (
        "second",
        "buy",
        580_000,
        2_500_000,
    )
    assert (first.outcome, other.outcome) == (market.outcome(YES), market.outcome(NO))
    assert {first.fee, other.fee} == {0}
    assert {first.liquidity, other.liquidity} == {"maker"}
    assert first.id != other.id


@pytest.mark.parametrize("found_by", [{"owner": "other key"}, {"maker_address": THEIR_WALLET}])
def test_either_the_key_or_the_wallet_makes_an_entry_ours(
    decoder: UserDecoder, found_by: dict[str, str]
) -> None:
    entry = own_entry() | found_by
    assert len(filled(decoder, resting(entry))) == 1
    assert len(filled(decoder, resting(own_entry(maker_address=WALLET.lower())))) == 1


@pytest.mark.parametrize(
    "taker_side, asset, outcome, ours",
    [("BUY", UP, "Up", "sell"), ("BUY", DOWN, "Down", "buy"), ("SELL", UP, "Up", "buy"),
     ("SELL", DOWN, "Down", "sell")],
)  # fmt: skip
def test_the_side_of_an_old_maker_entry_follows_from_the_taker(
    decoder: UserDecoder, taker_side: str, asset: str, outcome: str, ours: str
) -> None:
    """Until 2025 entries had none: the same token meets the other side, the other one the same."""
    entry = own_entry(asset_id=asset, outcome=outcome)
    del entry["side"]
    (fill,) = filled(decoder, resting(entry, side=taker_side))
    assert fill.side == ours


def test_a_side_that_token_and_label_tell_differently_is_refused(decoder: UserDecoder) -> None:
    entry = own_entry(outcome="Down")
    del entry["side"]
    with pytest.raises(FrameRefused, match=r"disagree.*maker_orders\[0\]\.outcome"):
        told(decoder, resting(entry))


def test_a_taker_pays_what_the_makers_asked_and_not_its_limit(decoder: UserDecoder) -> None:
    """Mint: the maker who buys the other outcome at 0.61 leaves 0.39 for us."""
    minted = maker(asset_id=DOWN, side="BUY", price="0.61", matched_amount="4", outcome="Down")
    bought = maker(price="0.38", matched_amount="6")
    (fill,) = filled(decoder, trade(minted, bought, price="0.5"))
    assert (fill.size, fill.price) == (10_000_000, 384_000)
    thirds = [maker(price="0.40", matched_amount="1"), maker(price="0.41", matched_amount="2")]
    (bought_fill,) = filled(decoder, trade(*thirds, size="3", price="0.5"))
    assert bought_fill.price == 406_667  # up: against us
    sold = [entry | {"side": "BUY"} for entry in thirds]
    (sold_fill,) = filled(decoder, trade(*sold, size="3", price="0.3", side="SELL"))
    assert sold_fill.price == 406_666  # down: against us


def test_a_taker_whose_makers_are_incomplete_paid_at_worst_its_limit(decoder: UserDecoder) -> None:
    (fill,) = filled(decoder, trade(maker(matched_amount="4", price="0.3"), price="0.45"))
    assert (fill.size, fill.price) == (10_000_000, 450_000)


@pytest.mark.parametrize("fields", [{"side": "BUY"}, {"asset_id": DOWN}])
def test_a_match_of_equal_interests_is_refused(
    decoder: UserDecoder, fields: dict[str, str]
) -> None:
    """Two buyers of one token, or a buyer of one and a seller of the other, cannot be matched."""
    with pytest.raises(FrameRefused, match=r"maker_orders\[0\]\.side"):
        told(decoder, trade(maker(**fields)))


def test_settlement_is_told_of_the_same_fill(decoder: UserDecoder) -> None:
    (fill,) = filled(decoder, trade())
    assert filled(decoder, trade())[0].id == fill.id
    at = 1762776436123_000_000
    assert told(decoder, trade(status="MINED")) == [TradeNoticed("t1", "MINED")]
    assert told(decoder, trade(status="RETRYING")) == [TradeNoticed("t1", "RETRYING")]
    assert told(decoder, trade(status="CONFIRMED")) == [FillSettled(fill.id, at, "confirmed")]
    assert told(decoder, trade(status="TRADE_STATUS_FAILED")) == [
        FillSettled(fill.id, at, "failed")
    ]
    with pytest.raises(FrameRefused, match=r"unknown status 'MELTED'.*\$\.status"):
        told(decoder, trade(status="MELTED"))


def test_buckets_of_one_match_are_different_fills(decoder: UserDecoder) -> None:
    ids = {filled(decoder, trade(bucket_index=bucket))[0].id for bucket in range(5)}
    assert len(ids) == 5


@given(st.lists(st.tuples(st.uuids(), st.integers(0, 99), st.sampled_from(["0x01", "0x02"])),
                unique=True))  # fmt: skip
def test_no_two_matches_share_an_id(parts: list[tuple[Any, int, str]]) -> None:
    assert len({fill_id(str(trade), bucket, native) for trade, bucket, native in parts}) == len(
        parts
    )


def test_times_come_in_seconds_or_milliseconds(decoder: UserDecoder) -> None:
    (seconds,) = told(decoder, trade(status="CONFIRMED", timestamp="1762776436"))
    assert isinstance(seconds, FillSettled)
    assert seconds.at_ns == 1762776436 * SECOND
    documented = trade()
    documented["matchtime"] = documented.pop("match_time")
    assert filled(decoder, documented) == filled(decoder, trade())


def test_one_order_entered_twice_is_one_fill(decoder: UserDecoder) -> None:
    message = resting(own_entry(matched_amount="4"), own_entry(matched_amount="6"))
    (fill,) = filled(decoder, message)
    assert fill.size == 10_000_000
    with pytest.raises(FrameRefused, match="two ways"):
        told(decoder, resting(own_entry(price="0.4"), own_entry(price="0.5")))


def test_a_match_with_ourselves_is_two_fills(decoder: UserDecoder) -> None:
    entry = maker(order_id=OURS_TOO, owner=KEY, maker_address=WALLET)
    taken, rested = filled(decoder, trade(entry))
    assert (taken.order, taken.side, rested.order, rested.side) == (
        "first",
        "buy",
        "second",
        "sell",
    )


@pytest.mark.parametrize(
    "message",
    [trade(owner=THEIR_KEY, maker_address=THEIR_WALLET, taker_order_id="0xff"), resting(maker())],
)
def test_a_trade_of_others_is_refused(decoder: UserDecoder, message: dict[str, Any]) -> None:
    """It means another account's data or another wire; either way fills would be missed."""
    with pytest.raises(FrameRefused, match="key"):
        told(decoder, message)


def test_an_order_we_know_is_ours_whoever_the_venue_names(decoder: UserDecoder) -> None:
    (fill,) = filled(decoder, resting(maker(order_id=OURS)))
    assert fill.order == "first"


def test_fills_of_orders_placed_elsewhere_are_shown(decoder: UserDecoder) -> None:
    """An order of our account that this program did not send is surfaced, known market or not."""
    (fill,) = told(decoder, trade(taker_order_id="0x99"))
    assert isinstance(fill, ForeignFill)
    assert (fill.native, fill.side, fill.price, fill.size) == ("0x99", "buy", 400_000, 10_000_000)
    elsewhere = trade(maker(asset_id="9"), taker_order_id="0x99", asset_id="9", market="0xcc")
    (other,) = told(decoder, elsewhere)
    assert isinstance(other, ForeignFill)
    assert (other.market, other.asset, other.finality) == ("0xcc", "9", "matched")
    (settled,) = told(decoder, elsewhere | {"status": "FAILED"})
    assert isinstance(settled, ForeignFill)
    assert (settled.id, settled.finality) == (other.id, "failed")


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"asset_id": "9", "maker_orders": [maker(asset_id="9")]}, r"not in the catalogue"),
        ({"market": "0xbb"}, r"another market.*\$\.market"),
        ({"maker_orders": [maker(asset_id="9")]}, r"another market.*maker_orders\[0\]\.asset_id"),
        ({"size": "0"}, r"\$\.size"),
        ({"size": "-1"}, r"negative.*\$\.size"),
        ({"price": "1.1"}, r"outside.*\$\.price"),
        ({"price": 0.4}, r"\$\.price"),
        ({"side": "HOLD"}, r"\$\.side"),
        ({"trader_side": "BOTH"}, r"\$\.trader_side"),
        ({"match_time": ""}, r"\$\.match_time"),
        ({"timestamp": "soon"}, r"\$\.timestamp"),
        ({"maker_orders": [maker(matched_amount="0")]}, r"maker_orders\[0\]\.matched_amount"),
        ({"maker_orders": [maker(price="0.1234567")]}, r"maker_orders\[0\]\.price"),
    ],
)
def test_an_impossible_trade_is_refused_with_its_place(
    decoder: UserDecoder, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(FrameRefused, match=reason):
        told(decoder, trade(**fields))


# --- orders ------------------------------------------------------------------------------------

AT = 1762776436123_000_000


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, OrderAccepted(OWN[OURS], AT)),
        ({"status": "MATCHED"}, OrderAccepted(OWN[OURS], AT)),
        ({"status": "ORDER_STATUS_LIVE"}, OrderAccepted(OWN[OURS], AT)),
        ({"status": "DELAYED"}, None),
        ({"status": "UNMATCHED"}, None),
        ({"status": "ORDER_STATUS_UNMATCHED"}, None),
        ({"type": "UPDATE", "size_matched": "4"}, None),
        ({"status": "INVALID"}, OrderRejected(OWN[OURS], AT, "INVALID")),
        ({"type": "CANCELLATION", "status": "INVALID", "size_matched": ""},
         OrderRejected(OWN[OURS], AT, "INVALID")),
        ({"type": "CANCELLATION", "status": "INVALID", "size_matched": "1"},
         OrderEnded(OWN[OURS], AT, "killed", "INVALID")),
        ({"type": "CANCELLATION", "status": "CANCELED"},
         OrderEnded(OWN[OURS], AT, "cancelled", "CANCELED")),
        ({"type": "CANCELLATION", "status": "CANCELED_NOT_ENOUGH_BALANCE"},
         OrderEnded(OWN[OURS], AT, "cancelled", "CANCELED_NOT_ENOUGH_BALANCE")),
        ({"type": "CANCELLATION", "status": "CANCELED_MARKET_RESOLVED"},
         OrderEnded(OWN[OURS], AT, "cancelled", "CANCELED_MARKET_RESOLVED")),
        ({"type": "CANCELLATION", "status": "CANCELED_EXPIRED_ORDER"},
         OrderEnded(OWN[OURS], AT, "expired", "CANCELED_EXPIRED_ORDER")),
        ({"type": "CANCELLATION", "status": "CANCELED_order couldn't be fully filled. FOK"},
         OrderEnded(OWN[OURS], AT, "killed", "CANCELED_order couldn't be fully filled. FOK")),
        ({"type": "CANCELLATION", "status": "UNMATCHED"},
         OrderEnded(OWN[OURS], AT, "killed", "UNMATCHED")),
        ({"type": "CANCELLATION", "status": "MATCHED", "size_matched": "10"},
         OrderEnded(OWN[OURS], AT, "filled", "MATCHED")),
        ({"type": "CANCELLATION", "status": ""},
         OrderEnded(OWN[OURS], AT, "cancelled", "CANCELLATION")),
        ({"type": "UPDATE", "status": "CANCELED"},
         OrderEnded(OWN[OURS], AT, "cancelled", "CANCELED")),
    ],
)  # fmt: skip
def test_what_an_order_message_says(
    decoder: UserDecoder, fields: dict[str, str], expected: UserEvent | None
) -> None:
    assert told(decoder, order(**fields)) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"status": "RESTING"}, r"unknown status 'RESTING'"),
        ({"type": "CANCELLATION", "status": "LIVE"}, r"a cancellation with status 'LIVE'"),
        ({"type": "REPLACED"}, r"\$\.type"),
        ({"owner": THEIR_KEY, "maker_address": THEIR_WALLET}, r"another key.*\$\.owner"),
        ({"asset_id": "9"}, r"not in the catalogue"),
        ({"price": "x"}, r"\$\.price"),
        ({"size_matched": "-1"}, r"\$\.size_matched"),
        ({"original_size": ""}, r"\$\.original_size"),
        ({"timestamp": "1"}, r"\$\.timestamp"),
        ({"event_type": "balance"}, r"event_type"),
    ],
)
def test_an_impossible_order_message_is_refused_with_its_place(
    decoder: UserDecoder, fields: dict[str, str], reason: str
) -> None:
    with pytest.raises(FrameRefused, match=reason):
        told(decoder, order(**fields))


def test_orders_placed_elsewhere_are_shown(decoder: UserDecoder) -> None:
    (event,) = told(decoder, order(id="0x99", asset_id="9", market="0xcc", size_matched=""))
    assert event == ForeignOrder(
        native="0x99", market="0xcc", asset="9", side="buy", price=400_000, size=10_000_000,
        matched=0, kind="PLACEMENT", status="LIVE", at_ns=AT,
    )  # fmt: skip


# --- frames ------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"PONG", b"PING", b"", b"\n", b"[]", b" []\n"])
def test_known_frames_that_say_nothing(decoder: UserDecoder, payload: bytes) -> None:
    assert not decoder.decode(payload)


def test_an_array_is_read_in_its_order_and_names_the_place(decoder: UserDecoder) -> None:
    accepted, fill = told(decoder, order(), trade())
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(fill, OrderFilled)
    with pytest.raises(FrameRefused, match=r"`\$\[1\]\.price`"):
        told(decoder, order(), trade(price="x"))


def test_an_error_of_the_venue_is_told_in_its_words(decoder: UserDecoder) -> None:
    with pytest.raises(FrameRefused, match="answers with an error: no such key"):
        decoder.decode(b'{"error":"no such key"}')


def test_the_key_is_never_shown(decoder: UserDecoder) -> None:
    assert KEY not in repr(ACCOUNT)
    with pytest.raises(FrameRefused) as refusal:
        told(decoder, trade(price="x"))
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize("key, wallet", [("", WALLET), (KEY, "")])
def test_an_account_without_key_or_wallet_is_refused(key: str, wallet: str) -> None:
    """An empty wallet would own every entry that names none."""
    with pytest.raises(ConfigError, match="wallet"):
        Account(key, wallet)


def own_frames() -> list[bytes]:
    old = own_entry(asset_id=DOWN, outcome="Down", price="0.58")
    del old["side"]
    messages: list[Any] = [
        trade(),
        trade(maker(matched_amount="4"), maker(asset_id=DOWN, side="BUY", price="0.63",
              matched_amount="6", outcome="Down"), price="0.41"),
        resting(maker(), own_entry(price="0.41", matched_amount="7.5")),
        resting(old),
        [trade(status="CONFIRMED"), order()],
        order(type="CANCELLATION", status="CANCELED", size_matched=""),
        trade(taker_order_id="0x99"),
    ]  # fmt: skip
    return [json.dumps(message).encode() for message in messages]


def entries_of(value: Any, order_id: str) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Yield what a frame says about an order: (message, its maker entry or ``None`` as a taker)."""
    for message in value if isinstance(value, list) else [value]:
        if message.get("taker_order_id") == order_id:
            yield message, None
        for entry in message.get("maker_orders", []):
            if entry["order_id"] == order_id:
                yield message, entry


def honest(frame: bytes, fill: Fill) -> bool:
    """Return whether some message of the frame says exactly this fill, worked out anew."""
    native = next(native for native, own in OWN.items() if own == fill.order)
    said = json.loads(frame.decode(errors="replace"), strict=False)
    sums: dict[tuple[int, str], int] = {}
    for message, entry in entries_of(said, native):
        if entry is not None:
            key = (parse_micros(entry["price"]), message["id"])
            sums[key] = sums.get(key, 0) + parse_micros(entry["matched_amount"])
            if (fill.price, fill.size) == (key[0], sums[key]) and fill.liquidity == "maker":
                return True
            continue
        size, limit = parse_micros(message["size"]), parse_micros(message["price"])
        paid = got = 0
        for each in message["maker_orders"]:
            price, amount = parse_micros(each["price"]), parse_micros(each["matched_amount"])
            paid += amount * (price if each["asset_id"] == message["asset_id"] else ONE - price)
            got += amount
        prices = {limit} | ({paid // size, -(-paid // size)} if got == size else set())
        if fill.size == size and fill.price in prices and fill.side == message["side"].lower():
            return True
    return False


def test_mutated_frames_are_refused_or_honest(
    decoder: UserDecoder, mutate: Mutate, turns: int
) -> None:
    """Of 2,000 broken frames none crashes the codec, and none yields a fill it does not say."""
    rng = random.Random(17)
    refused = fills = 0
    frames = own_frames()
    for turn in range(turns):
        broken = mutate(frames[turn % len(frames)], rng)
        try:
            events = decoder.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            if isinstance(event, OrderFilled):
                assert honest(broken, event.fill), (broken, event)
                fills += 1
    assert refused > turns // 4
    assert fills > turns // 50


def test_the_same_said_otherwise_decodes_equal(decoder: UserDecoder, reworded: Mutate) -> None:
    """Key order, white space, unknown fields and trailing zeros do not change the events."""
    rng = random.Random(23)
    for plain in own_frames():
        events = list(decoder.decode(plain))
        for _ in range(20):
            assert list(decoder.decode(reworded(plain, rng))) == events
    zeros = trade(maker(price="0.400000", matched_amount="10.0"), size="10.000000", price="0.40")
    assert told(decoder, zeros) == told(decoder, trade())


@given(st.integers(1, 999_999), st.integers(1, 10**12), st.booleans())
def test_sizes_and_prices_are_exact_to_the_millionth(price: int, size: int, minted: bool) -> None:
    asset, said = (DOWN, ONE - price) if minted else (UP, price)
    entry = maker(asset_id=asset, side="BUY" if minted else "SELL", price=decimal_text(said),
                  matched_amount=decimal_text(size))  # fmt: skip
    stranger = Account(KEY, WALLET)
    bare = UserDecoder({}, stranger, lambda _: None)
    message = trade(entry, size=decimal_text(size), price="0.999999")
    (fill,) = bare.decode(json.dumps(message).encode())
    assert isinstance(fill, ForeignFill)
    assert (fill.price, fill.size) == (price, size)


# --- what the venue was seen to send -----------------------------------------------------------

SAMPLES = "polymarket/ws"
REAL_CONDITION = "0xdd22472e552920b8438158ea7238bfadfa4f736aa4cee91a6b86c39ead110917"
REAL_YES = "21742633143463906290569050155826241533067272736897614950488156847949938836455"
REAL_NO = "48331043336612883890938759509493159234755048973500640148014422747788308965732"
REAL_WALLET = "0xa3d82ed56f4c68d2328fb8c29e568ba2caf7d7c8"
REAL_KEY = "3e2c94ca-8124-c4c1-c7ea-be1ea21b71fe"
TRADES = [f"user_trade_{number}.json" for number in (1, 2, 3, 4)]
ORDERS = [
    "user_order_placement_2024-09.json",
    "user_order_cancellation_2024-09.json",
    "user_order_fok_killed_2026-05_redacted.json",
    "user_order_invalid_2026-03_redacted.json",
]


@pytest.fixture(scope="module")
def real(market_of: MarketOf) -> UserDecoder:
    """Return the decoder of the account that was captured, to which every order is its own."""
    bare = market_of("polymarket", REAL_CONDITION, (REAL_YES, REAL_NO))
    market = msgspec.structs.replace(bare, fees=polymarket_fees("0.05"))
    tokens = {REAL_YES: (market, YES), REAL_NO: (market, NO)}
    own = ("0xab", "0x5b", "0x3a", "0x67b")

    def known(native: str) -> OrderId | None:
        return OrderId(native[:8]) if native.startswith(own) else None

    return UserDecoder(tokens, Account(REAL_KEY, REAL_WALLET), known)


def numbers(fill: Fill) -> tuple[str, str, int, int, int, str]:
    return fill.order, fill.side, fill.price, fill.size, fill.fee, fill.liquidity


@pytest.mark.shared
def test_every_captured_trade_gives_the_fill_that_was_ours(shared: Path, real: UserDecoder) -> None:
    """MINED tells nothing and CONFIRMED settles; said as MATCHED, each gives exactly our fills."""
    expected = {
        "user_trade_2.json": [("0x5b605a", "buy", 520_000, 5_000_000, 62_400, "taker")],
        "user_trade_4.json": [
            ("0x3ad09f", "buy", 400_000, 5_000_000, 0, "maker"),
            ("0x67b598", "buy", 300_000, 5_000_000, 0, "maker"),
        ],
        "user_trade_3.json": [("0x3ad09f", "buy", 513_000, 5_000_000, 0, "maker")],
    }
    steps = {"MINED": TradeNoticed, "MATCHED": OrderFilled, "CONFIRMED": FillSettled}
    for name in TRADES:
        said = json.loads(sample(shared, f"{SAMPLES}/{name}"))
        events = told(real, said)
        assert {type(event) for event in events} == {steps[said["status"]]}, name
        if name == "user_trade_1.json":
            continue
        fills = filled(real, said | {"status": "MATCHED"})
        assert [numbers(fill) for fill in fills] == expected[name]
        settled = [event.fill for event in events if isinstance(event, FillSettled)]
        assert settled in ([], [fill.id for fill in fills])


@pytest.mark.shared
def test_the_captured_match_with_a_minting_maker(shared: Path, real: UserDecoder) -> None:
    """We sold YES at 0.518 among makers of whom one bought NO at 0.482.

    The taker of that match is our order in another capture, so it is ours as well.
    """
    said = json.loads(sample(shared, f"{SAMPLES}/user_trade_1.json"))
    taken, sold = filled(real, said | {"status": "MATCHED"})
    assert numbers(sold) == ("0xab679e", "sell", 518_000, 5_000_000, 0, "maker")
    assert (taken.price, taken.size) == (518_000, 1_096_870_000)
    assert sold.at_ns == 1725868859 * SECOND


@pytest.mark.shared
def test_every_captured_order_is_shown(shared: Path, market_of: MarketOf) -> None:
    """Of each order sample: what it says of our order, and that it is shown when it is not."""
    outcomes: dict[str, list[UserEvent]] = {}
    for name in ORDERS:
        said = json.loads(sample(shared, f"{SAMPLES}/{name}"))
        market = market_of("polymarket", said["market"], (said["asset_id"], "other"))
        tokens, account = {said["asset_id"]: (market, YES)}, Account(said["owner"], REAL_WALLET)
        own = UserDecoder(tokens, account, OrderId)
        outcomes[name] = list(own.decode(json.dumps(said).encode()))
        (foreign,) = UserDecoder({}, account, lambda _: None).decode(json.dumps(said).encode())
        assert isinstance(foreign, ForeignOrder)
        assert (foreign.native, foreign.kind) == (said["id"], said["type"])
    placed, cancelled, killed, invalid = (outcomes[name][0] for name in ORDERS)
    assert isinstance(placed, OrderAccepted)
    assert placed.at_ns == 1725842520990_000_000
    assert isinstance(cancelled, OrderEnded)
    assert (cancelled.how, cancelled.reason) == ("cancelled", "CANCELED")
    assert isinstance(killed, OrderEnded)
    assert killed.how == "killed"
    assert killed.reason.startswith("CANCELED_order couldn't be fully filled")
    assert isinstance(invalid, OrderRejected)


@pytest.mark.shared
def test_the_row_of_a_request_is_no_frame(shared: Path, real: UserDecoder) -> None:
    with pytest.raises(FrameRefused, match="event_type"):
        real.decode(sample(shared, f"{SAMPLES}/user_trade_rest_shape_confirmed_2024-09.json"))


@pytest.mark.shared
def test_every_field_we_read_is_in_a_sample(shared: Path) -> None:
    """Only ``matchtime``, the documentation's spelling, was never seen in a capture."""
    trades = [json.loads(sample(shared, f"{SAMPLES}/{name}")) for name in TRADES]
    orders = [json.loads(sample(shared, f"{SAMPLES}/{name}")) for name in ORDERS]
    entries = [entry for message in trades for entry in message["maker_orders"]]
    for struct, messages in (
        (user_wire.TradeRow, trades),
        (user_wire.OrderRow, orders),
        (user_wire.MakerOrder, entries),
    ):
        read = {each.encode_name for each in msgspec.structs.fields(struct)}
        assert read - set().union(*messages) <= {"matchtime"}


DRIFTED = [
    *[("user_trade_2.json", path) for path in (
        "id", "taker_order_id", "market", "asset_id", "side", "size", "price",
        "status", "owner", "bucket_index", "trader_side", "maker_orders", "match_time",
    )],
    *[("user_trade_4.json", f"maker_orders.{path}") for path in (
        "order_id", "owner", "matched_amount", "price", "asset_id",
    )],
    *[("user_order_placement_2024-09.json", path) for path in (
        "id", "owner", "market", "asset_id", "side", "original_size",
        "size_matched", "price", "type", "timestamp",
    )],
]  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name, path", DRIFTED)
@pytest.mark.parametrize("drift", ["missing", "renamed", "retyped"])
def test_a_drifted_field_refuses_the_frame(
    shared: Path, real: UserDecoder, name: str, path: str, drift: str
) -> None:
    """A field that decides about money, side or identity is never assumed."""
    said = json.loads(sample(shared, f"{SAMPLES}/{name}"))
    holder, key = (said, path) if "." not in path else (said["maker_orders"][0], path.split(".")[1])
    value = holder.pop(key)
    if drift == "renamed":
        holder[f"{key}_v2"] = value
    elif drift == "retyped":
        holder[key] = str(value) if isinstance(value, int) else 1
    with pytest.raises(FrameRefused):
        told(real, said)


@pytest.mark.shared
@pytest.mark.parametrize("name", TRADES)
def test_a_side_that_goes_missing_is_the_same_or_refused(
    shared: Path, real: UserDecoder, name: str
) -> None:
    said = json.loads(sample(shared, f"{SAMPLES}/{name}")) | {"status": "MATCHED"}
    before = filled(real, said)
    for entry in said["maker_orders"]:
        entry.pop("side", None)
    try:
        assert filled(real, said) == before
    except FrameRefused:
        assert name == "user_trade_3.json"  # its top level names the token that was not traded
