"""Fees and closes that change while a market is followed."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from underround.model.errors import FrameRefused
from underround.model.events import (
    FeesChanged,
    MarketClosed,
)
from underround.model.fees import KalshiFees
from underround.model.ids import GroupId
from underround.model.market import Catalogue
from underround.model.units import decimal_text
from underround.venues.kalshi.codec import KalshiDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import MarketOf, Mutate, TokensOf

from tests.venues.kalshi.test_kalshi_codec import AT, KXFED, TICKER, life


@pytest.fixture(scope="module")
def decoder(tokens_of: TokensOf) -> KalshiDecoder:
    return KalshiDecoder(tokens_of("kalshi", {TICKER: ()}))


def fees(**msg: Any) -> bytes:
    message: dict[str, Any] = {"type": "event_fee_update", "sid": 5, "sending_ts_ms": AT}
    base = {"event_ticker": "KXFED-26DEC", "fee_type_override": "quadratic_with_maker_fees"}
    return json.dumps(message | {"msg": base | {"fee_multiplier_override": 0.5} | msg}).encode()


def test_new_fees_of_an_event_are_those_of_its_markets(decoder: KalshiDecoder) -> None:
    """From the message's time on, exactly as the multiplier is written; others stay quiet."""
    assert decoder.decode(fees()) == (FeesChanged(KXFED, AT * 10**6, KalshiFees(500_000, 250_000)),)
    (whole,) = decoder.decode(fees(fee_multiplier_override=1, fee_type_override="quadratic"))
    assert isinstance(whole, FeesChanged)
    assert whole.fees == KalshiFees()
    assert decoder.decode(fees(event_ticker="KXFED-27")) == ()


def test_a_market_of_a_group_follows_its_group_and_not_its_ticker(market_of: MarketOf) -> None:
    market = msgspec.structs.replace(
        market_of("kalshi", TICKER, ("a", "b")),
        group=GroupId("kalshi:KXFED-OTHER"),
        fees=KalshiFees(rounding="cent"),
    )
    decoder = KalshiDecoder(Catalogue((market,)).by_token())
    assert decoder.decode(fees()) == ()
    (event,) = decoder.decode(fees(event_ticker="KXFED-OTHER"))
    assert isinstance(event, FeesChanged)
    assert event.fees == KalshiFees(500_000, 250_000, "cent"), "rounding is the member's"


@pytest.mark.parametrize(
    "payload, reason",
    [
        (fees(fee_type_override=None), "reload the catalogue"),
        (fees(fee_multiplier_override=None), "reload the catalogue"),
        (fees(fee_multiplier_override="0.5"), "fee_multiplier_override"),
        (fees(fee_multiplier_override=-1), "below 0"),
        (fees(fee_multiplier_override=[1]), "fee_multiplier_override"),
        (fees().replace(b"sending_ts_ms", b"x"), "no time"),
    ],
)
def test_fees_that_are_not_said_are_refused(
    decoder: KalshiDecoder, payload: bytes, reason: str
) -> None:
    with pytest.raises(FrameRefused, match=reason):
        decoder.decode(payload)


def test_a_close_that_moved_into_the_past_ended_the_market(decoder: KalshiDecoder) -> None:
    """Nearly all markets close early, minutes after the fact; a later close ends nothing."""
    seconds = AT // 1000
    early = life("close_date_updated", close_ts=seconds - 60, sending_ts_ms=AT)
    assert decoder.decode(early) == (MarketClosed(KXFED, (seconds - 60) * 10**9),)
    with pytest.raises(FrameRefused, match="reload the catalogue"):
        decoder.decode(life("close_date_updated", close_ts=seconds + 60, sending_ts_ms=AT))


def test_mutated_fees_are_refused_or_honest(
    decoder: KalshiDecoder, mutate: Mutate, turns: int
) -> None:
    """A broken frame gives no fees, or those that it says."""
    rng = random.Random(10)
    refused = 0
    for _ in range(turns):
        broken = mutate(fees(), rng)
        try:
            events = decoder.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            assert isinstance(event, FeesChanged)
            assert isinstance(event.fees, KalshiFees)
            text = decimal_text(event.fees.multiplier)
            assert text.encode() in broken, (broken, event)
    assert turns // 10 < refused < turns
