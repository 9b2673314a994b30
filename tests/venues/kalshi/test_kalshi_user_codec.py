"""Kalshi's private channels as events of our orders."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.kalshi.making import TICKER, order
from tests.venues.scripted import sample
from underround.model.account import StatedFill, StatedOrder, StatedPosition
from underround.model.book import Side
from underround.model.errors import FrameRefused
from underround.model.ids import KALSHI, NO, YES, FillId, MarketId, OrderId, OutcomeId
from underround.model.orders import (
    Fill,
    FillSettled,
    Order,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    TimeInForce,
)
from underround.model.units import ONE, decimal_text
from underround.venues.kalshi.sides import book_side, mirrored
from underround.venues.kalshi.user_codec import KalshiUserDecoder, OrderGroupChanged

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

AT = 1_787_838_983_996
MARKET = MarketId(KALSHI, TICKER)


def knowing(*orders: Order) -> KalshiUserDecoder:
    known = {each.id: each for each in orders}
    return KalshiUserDecoder(known.get)


def frame(kind: str, base: dict[str, Any], change: dict[str, Any]) -> bytes:
    msg = {key: value for key, value in (base | change).items() if value is not ...}
    return json.dumps({"type": kind, "sid": 13, "msg": msg}).encode()


def fill(**change: Any) -> bytes:
    base: dict[str, Any] = {
        "trade_id": "t1", "order_id": "n1", "client_order_id": "run1-o1", "market_ticker": TICKER,
        "exchange_index": 2, "outcome_side": "yes", "book_side": "bid", "is_taker": True,
        "count_fp": "2.50", "yes_price_dollars": "0.4800", "fee_cost": "0.043700",
        "post_position_fp": "2.50", "ts_ms": AT,
    }  # fmt: skip
    return frame("fill", base, change)


def update(**change: Any) -> bytes:
    base: dict[str, Any] = {
        "order_id": "n1", "client_order_id": "run1-o1", "ticker": TICKER, "status": "resting",
        "outcome_side": "yes", "book_side": "bid", "yes_price_dollars": "0.4800",
        "initial_count_fp": "10.00", "fill_count_fp": "0.00", "remaining_count_fp": "10.00",
        "created_ts_ms": AT - 5, "last_updated_ts_ms": AT,
    }  # fmt: skip
    return frame("user_order", base, change)


def test_a_fill_is_final_and_states_its_fee() -> None:
    """It is told once, with the venue's own fee, and no later message makes it final."""
    events = knowing(order()).decode(fill())
    known = FillId("t1:n1")
    assert events == (
        OrderFilled(
            Fill(
                id=known,
                order=OrderId("run1-o1"),
                outcome=OutcomeId(MARKET, YES),
                side="buy",
                price=480_000,
                size=2_500_000,
                fee=43_700,
                liquidity="taker",
                at_ns=AT * 10**6,
                evidence="Kalshi matched trade t1",
            )
        ),
        FillSettled(known, AT * 10**6, "confirmed"),
    )


@given(
    st.sampled_from([YES, NO]),
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 9_999),
    st.integers(1, 10**6),
)
def test_a_fill_is_told_in_the_terms_of_its_order(
    outcome: int, side: Side, ten_thousandths: int, hundredths: int
) -> None:
    """A sale of NO is told as a sale of NO although the venue calls it a bid for YES."""
    yes_price = ten_thousandths * 100
    way = book_side(outcome, side)
    told = fill(
        book_side=way,
        outcome_side="yes" if way == "bid" else "no",
        yes_price_dollars=f"{decimal_text(yes_price)}",
        count_fp=decimal_text(hundredths * 10_000),
    )
    filled, _ = knowing(order(outcome, side, size=10**12)).decode(told)
    assert isinstance(filled, OrderFilled)
    assert (filled.fill.outcome.index, filled.fill.side) == (outcome, side)
    assert filled.fill.price == mirrored(yes_price, outcome)
    assert filled.fill.size == hundredths * 10_000


def test_one_trade_that_fills_two_of_our_orders_is_two_fills() -> None:
    decoder = knowing(order(), order(name="run1-o2"))
    first, _ = decoder.decode(fill())
    second, _ = decoder.decode(fill(order_id="n2", client_order_id="run1-o2"))
    assert isinstance(first, OrderFilled)
    assert isinstance(second, OrderFilled)
    assert first.fill.id != second.fill.id


def test_orders_that_are_not_ours_come_out_as_stated() -> None:
    """Placed by hand, or by another program: surfaced, told as purchases, never dropped."""
    decoder = knowing()
    (bought,) = decoder.decode(fill(outcome_side="no", book_side="ask", client_order_id=...))
    assert isinstance(bought, StatedFill)
    assert (bought.order, bought.native, bought.outcome.index) == ("", "n1", NO)
    assert (bought.side, bought.price, bought.fee) == ("buy", 520_000, 43_700)
    (stated,) = decoder.decode(
        update(client_order_id="by-hand", fill_count_fp="1.00", remaining_count_fp="9.00")
    )
    assert isinstance(stated, StatedOrder)
    assert (stated.order, stated.state, stated.filled) == ("by-hand", "live", ONE)
    for status, change, state in (
        ("executed", {"fill_count_fp": "10.00", "remaining_count_fp": "0.00"}, "filled"),
        ("executed", {"fill_count_fp": "4.00", "remaining_count_fp": "0.00"}, "cancelled"),
        ("executed", {"fill_count_fp": "0.00", "remaining_count_fp": "0.00"}, "cancelled"),
        ("canceled", {}, "cancelled"),
        ("canceled", {"expiration_ts_ms": AT}, "expired"),
    ):
        (ended,) = decoder.decode(update(status=status, **change))
        assert isinstance(ended, StatedOrder)
        assert ended.state == state


@pytest.mark.parametrize(
    "tif, change, expected",
    [
        ("GTC", {"status": "resting"}, None),
        ("GTC", {"status": "executed", "fill_count_fp": "10.00"}, "filled"),
        ("GTC", {"status": "canceled", "fill_count_fp": "4.00"}, "cancelled"),
        ("GTD", {"status": "canceled", "expiration_ts_ms": AT}, "expired"),
        ("GTD", {"status": "canceled", "expiration_ts_ms": AT + 1}, "cancelled"),
        ("FAK", {"status": "canceled", "fill_count_fp": "4.00"}, "killed"),
        ("FAK", {"status": "executed", "fill_count_fp": "4.00"}, "killed"),
        ("FOK", {"status": "canceled"}, "killed"),
        ("FOK", {"status": "executed", "fill_count_fp": "10.00"}, "filled"),
    ],
)
def test_what_an_update_means_for_our_order(
    tif: TimeInForce, change: dict[str, Any], expected: str | None
) -> None:
    own = order(tif=tif, good_until_ns=AT * 10**6 if tif == "GTD" else None)
    (event,) = knowing(own).decode(update(**({"remaining_count_fp": "0.00"} | change)))
    if expected is None:
        assert event == OrderAccepted(own.id, AT * 10**6)
    else:
        assert isinstance(event, OrderEnded)
        assert (event.order, event.how, event.at_ns) == (own.id, expected, AT * 10**6)


def test_the_venues_reason_is_kept() -> None:
    told = update(status="canceled", remaining_count_fp="0.00", last_update_reason="SelfTrade")
    (event,) = knowing(order()).decode(told)
    assert isinstance(event, OrderEnded)
    assert event.reason == "Kalshi: SelfTrade"


def test_positions_and_groups() -> None:
    decoder = knowing()
    position = {"market_ticker": TICKER, "position_fp": "-3.19", "volume_fp": "9.00"}
    assert decoder.decode(frame("market_position", position, {})) == (
        StatedPosition(outcome=OutcomeId(MARKET, NO), size=3_190_000),
    )
    group = {"event_type": "triggered", "order_group_id": "g1", "ts_ms": AT}
    assert decoder.decode(frame("order_group_updates", group, {})) == (
        OrderGroupChanged("g1", "triggered", None, AT * 10**6),
    )
    limited = group | {"event_type": "limit_updated", "contracts_limit_fp": "150.00"}
    assert decoder.decode(frame("order_group_updates", limited, {"ts_ms": ...})) == (
        OrderGroupChanged("g1", "limit_updated", 150 * ONE, None),
    )
    for quiet in (b'{"type":"subscribed","msg":{}}', b'{"type":"ok"}', b"heartbeat", b""):
        assert decoder.decode(quiet) == ()


@pytest.mark.parametrize(
    "payload, reason",
    [
        (fill(fee_cost=...), "missing required field `fee_cost`"),
        (fill(outcome_side=...), "missing required field `outcome_side`"),
        (fill(book_side="ask"), r"disagree.*book_side"),
        (fill(book_side="ask", outcome_side="no"), r"goes the other way.*outcome_side"),
        (fill(market_ticker="OTHER"), "another market"),
        (fill(yes_price_dollars="1.2000"), r"outside.*yes_price_dollars"),
        (fill(yes_price_dollars=48), r"Expected `str`.*yes_price_dollars"),
        (fill(count_fp="0.00"), r"fill of nothing.*count_fp"),
        (fill(count_fp="-1.00"), r"negative.*count_fp"),
        (fill(fee_cost="x"), r"fee_cost"),
        (fill(ts_ms=AT // 1000), r"milliseconds.*ts_ms"),
        (fill(ts_ms=...), "ts_ms"),
        (update(status="pending"), "status"),
        (update(fill_count_fp="1.00"), "more than it began"),
        (update(book_side="ask", outcome_side="no"), "goes the other way"),
        (update(remaining_count_fp=...), "remaining_count_fp"),
        (update(created_ts_ms=5), r"milliseconds.*created_ts_ms"),
        (b'{"type":"market_position","msg":{"market_ticker":"A"}}', "position_fp"),
        (b'{"type":"error","msg":{"code":9,"msg":"Authentication required"}}', "error 9"),
        (b'{"type":"orderbook_delta"}', "unknown type 'orderbook_delta'"),
        (b"{}", "unknown type None"),
        (b"[" * 100_000, "nested too deeply|Expected"),
    ],
)  # fmt: skip
def test_refusals_say_why_and_where(payload: bytes, reason: str) -> None:
    with pytest.raises(FrameRefused, match=reason):
        knowing(order()).decode(payload)


def numbers(event: object) -> list[int]:
    """Return the money of an event."""
    if isinstance(event, OrderFilled):
        return [event.fill.price, event.fill.size, event.fill.fee]
    if isinstance(event, StatedFill):
        return [event.price, event.size, event.fee or 0]
    if isinstance(event, StatedOrder):
        return [event.price, event.size, event.filled]
    return [event.size] if isinstance(event, StatedPosition) else []


def test_mutated_frames_are_refused_or_honest(mutate: Mutate, turns: int) -> None:
    """Of 2,000 broken frames none crashes the decoder or yields a number it does not contain."""
    rng = random.Random(11)
    frames = [
        fill(), update(), update(status="canceled"), fill(client_order_id="x"),
        b'{"type":"market_position","msg":{"market_ticker":"A","position_fp":"-1.25"}}',
        b'{"type":"order_group_updates","msg":{"event_type":"reset","order_group_id":"g"}}',
    ]  # fmt: skip
    said = {480_000, 520_000, 2_500_000, 43_700, 10 * ONE, 0, 1_250_000}
    odd = {0, ONE, ONE // 10 * 9, ONE // 10, 500_000}
    decoder, refused = knowing(order()), 0
    for turn in range(turns):
        broken = mutate(frames[turn % len(frames)], rng)
        try:
            events = decoder.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            strange = [n for n in numbers(event) if n not in said | odd]
            assert not strange or changed_digit(broken, strange), (broken, event)
    assert turns // 4 < refused < turns * 19 // 20


def changed_digit(frame: bytes, found: list[int]) -> bool:
    """Return whether numbers that a changed byte made are written in the frame."""
    text = frame.decode(errors="replace").replace(".", "").replace("0", "")
    return all(
        any(str(n).replace("0", "") in text for n in (abs(each), ONE - each)) for each in found
    )


def test_the_same_said_otherwise_decodes_equal(reworded: Mutate) -> None:
    rng = random.Random(12)
    decoder = knowing(order())
    for plain in (fill(), update(), fill(client_order_id="x")):
        for _ in range(20):
            assert decoder.decode(reworded(plain, rng)) == decoder.decode(plain)


@pytest.mark.shared
def test_documented_messages_decode_or_lack_what_the_wire_has(shared: Path) -> None:
    """The examples of August leave out directions and fees, which every live frame carries."""
    path = "kalshi/ws_doc_examples_asyncapi_2026-08-22.json"
    documented = json.loads(sample(shared, path))
    decoder = knowing()
    (held,) = decoder.decode(json.dumps(documented["marketPosition"][0]).encode())
    assert isinstance(held, StatedPosition)
    assert held.size == 100 * ONE
    (group,) = decoder.decode(json.dumps(documented["orderGroupUpdates"][0]).encode())
    assert isinstance(group, OrderGroupChanged)
    for name in ("fill", "userOrder"):
        with pytest.raises(FrameRefused, match="missing required field `outcome_side`"):
            decoder.decode(json.dumps(documented[name][0]).encode())
