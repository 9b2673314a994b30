"""Our terms on Kalshi's wire, and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.kalshi.making import CENTS, TAPERED, TICKER, order
from underround.model.account import StatedOrder
from underround.model.book import Side
from underround.model.errors import OffGrid, RequestRefused
from underround.model.ids import KALSHI, NO, YES, MarketId, OrderId, OutcomeId
from underround.model.units import ONE, parse_micros
from underround.venues.kalshi.orders import (
    Terms,
    amend_body,
    count_text,
    create_body,
    decrease_body,
    group_limit_text,
    in_own_terms,
    price_text,
)
from underround.venues.kalshi.sides import as_purchase, book_side, mirrored

CRYPTO = Terms(shard=2)
outcomes = st.sampled_from([YES, NO])
sides: st.SearchStrategy[Side] = st.sampled_from(["buy", "sell"])
grid_prices = st.integers(1, 999_999).map(TAPERED.floor).filter(TAPERED.valid)


@pytest.mark.parametrize(
    "outcome, side, price, expected",
    [
        (YES, "buy", 480_000, ("bid", "0.4800")),
        (YES, "sell", 480_000, ("ask", "0.4800")),
        (NO, "buy", 520_000, ("ask", "0.4800")),
        (NO, "sell", 520_000, ("bid", "0.4800")),
    ],
)
def test_every_order_speaks_yes(
    outcome: int, side: Side, price: int, expected: tuple[str, str]
) -> None:
    body = create_body(order(outcome, side, price), TAPERED, CRYPTO)
    assert (body.side, body.price) == expected


@given(outcomes, sides, grid_prices)
def test_sides_and_prices_survive_the_way_there_and_back(
    outcome: int, side: Side, price: int
) -> None:
    """What the venue states as a purchase is again our order, once told in its own terms."""
    sent = order(outcome, side, mirrored(price, outcome))
    body = create_body(sent, TAPERED, CRYPTO)
    told = as_purchase(TICKER, "yes" if body.side == "bid" else "no")
    stated = StatedOrder(
        order=OrderId("run1-o1"),
        native="n",
        outcome=told,
        side="buy",
        price=mirrored(parse_micros(body.price), told.index),
        size=ONE,
        filled=0,
        state="live",
        created_ns=1,
    )
    again = in_own_terms(stated, sent.outcome, sent.side)
    assert (again.outcome, again.side, again.price) == (sent.outcome, side, sent.price)


@given(outcomes, sides)
def test_an_order_of_the_other_direction_is_not_ours(outcome: int, side: Side) -> None:
    told = OutcomeId(MarketId(KALSHI, TICKER), YES if book_side(outcome, side) == "ask" else NO)
    stated = StatedOrder(
        order=OrderId("x"),
        native="n",
        outcome=told,
        side="buy",
        price=1,
        size=1,
        filled=0,
        state="live",
        created_ns=1,
    )
    with pytest.raises(RequestRefused, match="not our"):
        in_own_terms(stated, OutcomeId(told.market, outcome), side)


@given(st.integers(0, ONE))
def test_a_price_is_sent_exactly_or_not_at_all(price: int) -> None:
    """The text reads back as the price, and prices off the grid never leave."""
    try:
        text = price_text(price, TAPERED)
    except OffGrid:
        assert not TAPERED.valid(price)
    else:
        assert parse_micros(text) == price
        assert len(text) == 6


@given(st.integers(-(10**8), 10**12))
def test_a_size_is_sent_exactly_or_not_at_all(size: int) -> None:
    try:
        text = count_text(size)
    except OffGrid:
        assert size <= 0 or size % 10_000
    else:
        assert parse_micros(text) == size


def test_the_body_is_the_documented_one() -> None:
    """Keys of the specification; what is not asked for is left out; the shard never is."""
    body = create_body(order(price=560_000), CENTS, Terms(shard=0))
    assert msgspec.to_builtins(body) == {
        "ticker": TICKER,
        "client_order_id": "run1-o1",
        "side": "bid",
        "count": "10.00",
        "price": "0.5600",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "exchange_index": 0,
    }
    full = Terms(
        shard=2, self_trade="maker", reduce_only=True, cancel_on_pause=True, group="g", subaccount=3
    )
    told = msgspec.to_builtins(create_body(order(tif="FAK"), CENTS, full))
    assert told | {"reduce_only": True, "cancel_order_on_pause": True} == told
    assert (told["self_trade_prevention_type"], told["order_group_id"]) == ("maker", "g")
    assert (told["subaccount"], told["exchange_index"]) == (3, 2)


def test_times_in_force() -> None:
    """GTD is GTC with an end in whole seconds, never later than wished."""
    for tif, word in (("FAK", "immediate_or_cancel"), ("FOK", "fill_or_kill")):
        assert create_body(order(tif=tif), CENTS, CRYPTO).time_in_force == word  # type: ignore[arg-type]  # a literal of the loop
    until = create_body(order(tif="GTD", good_until_ns=1_790_000_001_999_999_999), CENTS, CRYPTO)
    assert (until.time_in_force, until.expiration_time) == ("good_till_canceled", 1_790_000_001)
    resting = create_body(order(post_only=True), CENTS, CRYPTO)
    assert resting.post_only
    assert resting.expiration_time is None


@pytest.mark.parametrize(
    "refused, terms, reason",
    [
        (order(tif="GTD"), CRYPTO, "only GTD has an end"),
        (order(good_until_ns=1), CRYPTO, "only GTD has an end"),
        (order(tif="FOK", post_only=True), CRYPTO, "post-only"),
        (order(), Terms(shard=2, reduce_only=True), "reduce-only"),
        (order(), Terms(shard=-1), "market's own"),
        (order(name="o 1"), CRYPTO, "client_order_id"),
        (order(name="o" * 65), CRYPTO, "client_order_id"),
        (order(price=485_000), CRYPTO, "on the market's grid"),
        (order(size=5_000), CRYPTO, "0.01 contracts"),
        (order(size=0), CRYPTO, "0.01 contracts"),
    ],
)
def test_what_no_order_can_be_is_refused_before_it_is_sent(
    refused: object, terms: Terms, reason: str
) -> None:
    with pytest.raises(RequestRefused, match=reason):
        create_body(refused, CENTS, terms)  # type: ignore[arg-type]  # parametrised


def test_the_grid_counts_in_yes_prices() -> None:
    """NO at 0.9050 is YES at 0.0950, where a tapered grid has tenths of a cent."""
    assert create_body(order(NO, "buy", 905_000), TAPERED, CRYPTO).price == "0.0950"


def test_changes_name_their_shard_too() -> None:
    sent = order(NO, "buy", 520_000)
    amended = amend_body(
        sent, TAPERED, 2, price=510_000, size=8 * ONE, renamed=OrderId("run1-o2"), good_until_ns=0
    )
    assert msgspec.to_builtins(amended) == {
        "ticker": TICKER,
        "side": "ask",
        "price": "0.4900",
        "count": "8.00",
        "client_order_id": "run1-o1",
        "updated_client_order_id": "run1-o2",
        "exchange_index": 2,
        "expiration_time": 0,
    }
    told = msgspec.to_builtins(decrease_body(TICKER, 2, to=0))
    assert told == {"exchange_index": 2, "market_ticker": TICKER, "reduce_to": "0.00"}
    for both in ({}, {"by": ONE, "to": ONE}):
        with pytest.raises(RequestRefused, match="one of both"):
            decrease_body(TICKER, 2, **both)
    with pytest.raises(OffGrid, match="group limit"):
        group_limit_text(ONE - 1)
    assert group_limit_text(1_000_000 * ONE) == "1000000.00"
