"""Kalshi's catalogue as listings, groups, fees over time and resolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.venues.kalshi.making import NOW
from tests.venues.scripted import sample
from underround.model.errors import AnswerRefused
from underround.model.events import FeesChanged
from underround.model.fees import KalshiFees
from underround.model.ids import KALSHI, GroupId, MarketId
from underround.model.listing import FeeEpoch, Listing, Window
from underround.model.market import Catalogue, Resolution, decode_catalogue, encode_catalogue
from underround.model.units import ONE
from underround.venues.kalshi.catalogue import (
    Told,
    event_ticker_of,
    fees_ahead,
    found,
    listing,
    resolution,
)
from underround.venues.kalshi.catalogue_answers import (
    EventAnswer,
    EventFeeChange,
    MarketAnswer,
    SeriesAnswer,
    SeriesFeeChange,
    markets,
    series,
)
from underround.venues.kalshi.fees import FeeTerms, curve, fee_epochs
from underround.venues.kalshi.fixed_point import answer_decoder

TICKER = "KXBTC15M-26SEP261900-00"
BANDS = [
    {"start": "0.0000", "end": "0.1000", "step": "0.0010"},
    {"start": "0.1000", "end": "0.9000", "step": "0.0100"},
    {"start": "0.9000", "end": "1.0000", "step": "0.0010"},
]
MARKET: dict[str, Any] = {
    "ticker": TICKER, "event_ticker": "KXBTC15M-26SEP261900", "market_type": "binary",
    "title": "BTC price up in next 15 mins?", "yes_sub_title": "", "no_sub_title": "",
    "open_time": "2026-09-26T22:45:00Z", "close_time": "2026-09-26T23:00:00Z",
    "latest_expiration_time": "2026-10-03T23:00:00Z", "status": "active", "result": "",
    "notional_value_dollars": "1.0000", "price_ranges": BANDS, "rules_primary": "If so, then Yes.",
    "rules_secondary": "", "volume_fp": "100.00", "volume_24h_fp": "50.00",
    "can_close_early": True, "strike_type": "greater_or_equal", "floor_strike": 112345.67,
    "exchange_index": 2,
}  # fmt: skip
BITCOIN: dict[str, Any] = {
    "ticker": "KXBTC15M", "title": "Bitcoin price up or down", "fee_type": "quadratic",
    "fee_multiplier": 1, "category": "Crypto", "tags": ["BTC"], "exchange_index": 2,
    "settlement_sources": [{"name": "CF Benchmarks", "url": "https://example.com"}],
}  # fmt: skip
EVENT: dict[str, Any] = {
    "event_ticker": "KXBTC15M-26SEP261900", "series_ticker": "KXBTC15M",
    "title": "BTC Up or Down", "mutually_exclusive": False,
}  # fmt: skip
HOUR = 3_600_000_000_000

_market = answer_decoder(MarketAnswer)


def market(**change: Any) -> MarketAnswer:
    return _market(msgspec.json.encode(MARKET | change), "GET /markets")


def about(
    event: dict[str, Any] = EVENT,
    own: dict[str, Any] = BITCOIN,
    series_changes: tuple[SeriesFeeChange, ...] = (),
    event_changes: tuple[EventFeeChange, ...] = (),
) -> Told:
    told_event = answer_decoder(EventAnswer)(msgspec.json.encode(event), "x")
    told_series = answer_decoder(SeriesAnswer)(msgspec.json.encode(own), "x")
    return Told(
        {told_series.ticker: told_series},
        {told_event.event_ticker: told_event},
        series_changes,
        event_changes,
        NOW,
    )


def change(kind: str, multiplier: float, hours: int) -> SeriesFeeChange:
    ratio = int(multiplier * ONE)
    return SeriesFeeChange("c", "KXBTC15M", kind, ratio, NOW + hours * HOUR)  # type: ignore[arg-type]  # ratios and times are integers


def test_a_quarter_of_an_hour_of_bitcoin() -> None:
    """Ticks, shard, tokens, fees and window of the market that is traded most."""
    told = listing(market(), about())
    assert told.market.id == MarketId(KALSHI, TICKER)
    assert told.market.tokens == (f"{TICKER}:yes", f"{TICKER}:no")
    assert [band.step for band in told.market.ticks[-1].bands] == [1_000, 10_000, 1_000]
    assert (told.market.min_size, told.market.size_step) == (10_000, 10_000)
    assert told.market.fees == KalshiFees()
    assert told.market.group is None
    assert event_ticker_of(told.market) == "KXBTC15M-26SEP261900"
    assert (told.state, told.shard, told.series) == ("open", 2, "KXBTC15M")
    assert told.window == Window(
        "BTC", 1_790_462_700 * 10**9, 1_790_463_600 * 10**9, 60, 112_345_670_000
    )
    assert told.fee_history == (FeeEpoch(0, KalshiFees()),)
    assert told.resolution_source == "CF Benchmarks"
    assert told.tags == ("Crypto", "BTC")


@pytest.mark.parametrize(
    "change",
    [
        {"ticker": "KXBTCD-26SEP2619-T112000"},
        {"ticker": "KXBTC15M-26SEP261915-15"},
        {"close_time": "2026-09-26T22:58:30Z"},
        {"strike_type": "custom"},
    ],
)
def test_other_markets_and_odd_closes_have_no_window(change: dict[str, Any]) -> None:
    assert listing(market(**change), about()).window is None


def test_a_window_may_be_told_before_its_strike() -> None:
    told = listing(market(floor_strike=None), about()).window
    assert told is not None
    assert told.strike is None


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"status": "limbo"}, "unknown status"),
        ({"notional_value_dollars": "100.0000"}, "one dollar"),
        ({"market_type": "vector"}, "unknown type"),
        ({"settlement_bounds_type": "floor"}, "settlement bounds"),
        ({"price_ranges": BANDS[:2]}, "price_ranges"),
        ({"price_ranges": []}, "price_ranges"),
        ({"event_ticker": "KXOTHER"}, "was not told"),
    ],
)
def test_what_cannot_be_traded_safely_is_left_out_and_counted(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AnswerRefused, match=reason):
        listing(market(**change), about())
    told = found([market(), market(ticker="B", **change)], about())
    assert [each.slug for each in told.listings] == [TICKER]
    assert list(told.refused.values()) == [1]


@pytest.mark.parametrize(
    "status, state",
    [
        ("initialized", "unopened"), ("active", "open"), ("inactive", "paused"),
        ("closed", "closed"), ("determined", "closed"), ("disputed", "closed"),
        ("amended", "closed"), ("finalized", "resolved"),
    ],
)  # fmt: skip
def test_states(status: str, state: str) -> None:
    assert listing(market(status=status), about()).state == state


def test_payouts() -> None:
    """Yes, no and a void at a fair price; nothing before it is paid, no contradiction."""
    ended = {"status": "finalized", "settlement_ts": "2026-09-26T23:00:06Z"}
    at_ns = 1_790_463_606 * 10**9
    for result, value, yes in (
        ("yes", "1.0000", ONE),
        ("yes", None, ONE),
        ("no", "0.0000", 0),
        ("scalar", "0.37", 370_000),
    ):
        told = resolution(market(result=result, settlement_value_dollars=value, **ended))
        assert told == Resolution(
            MarketId(KALSHI, TICKER), at_ns, (yes, ONE - yes), f"kalshi result {result}"
        )
    assert resolution(market(status="determined", result="yes")) is None
    for result, value in (("yes", "0.0000"), ("no", "1.0000"), ("scalar", None), ("", "1.0000")):
        with pytest.raises(AnswerRefused):
            resolution(market(result=result, settlement_value_dollars=value, **ended))
    with pytest.raises(AnswerRefused, match="settlement_ts"):
        resolution(market(status="finalized", result="yes"))


def test_exclusive_events_are_groups_that_nothing_proves_exhaustive() -> None:
    rows = [market(ticker=f"KXBTC15M-26SEP261900-{x}") for x in "AB"]
    told = found(rows, about(EVENT | {"mutually_exclusive": True}))
    (group,) = told.groups
    assert group.id == GroupId("kalshi:KXBTC15M-26SEP261900")
    assert group.markets == tuple(MarketId(KALSHI, each.ticker) for each in rows)
    assert not group.exhaustive
    assert {each.market.group for each in told.listings} == {group.id}
    assert event_ticker_of(told.listings[0].market) == "KXBTC15M-26SEP261900"
    assert found(rows, about()).groups == ()


# --- fees --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, share",
    [
        ("quadratic", 0),
        ("quadratic_with_maker_fees", 250_000),
        ("quadratic_with_combo_maker_fees", 500_000),
        ("flat", ONE),
        ("unheard_of", ONE),
    ],
)
def test_makers_pay_by_type_and_the_worst_for_an_unknown_one(kind: str, share: int) -> None:
    assert curve(kind, 500_000, "direct") == KalshiFees(500_000, share)


def test_the_event_outranks_its_series_field_by_field() -> None:
    for override, fees in (
        ({}, KalshiFees()),
        ({"fee_multiplier_override": 0.5}, KalshiFees(500_000)),
        ({"fee_type_override": "quadratic_with_maker_fees"}, KalshiFees(ONE, 250_000)),
        ({"fee_type_override": None, "fee_multiplier_override": 0}, KalshiFees(0)),
    ):
        assert listing(market(), about(EVENT | override)).market.fees == fees


def test_scheduled_changes_are_told_ahead_and_past_ones_kept() -> None:
    changes = (change("quadratic", 1, -48), change("quadratic", 0.5, 24), change("flat", 2, -72))
    told = about(series_changes=changes)
    made = listing(market(), told)
    assert made.fee_history == (
        FeeEpoch(NOW - 72 * HOUR, KalshiFees(2 * ONE, ONE)),
        FeeEpoch(NOW - 48 * HOUR, KalshiFees()),
    )
    assert made.fee_history[-1].fees == made.market.fees
    assert fees_ahead(market(), told) == (
        FeesChanged(MarketId(KALSHI, TICKER), NOW + 24 * HOUR, KalshiFees(500_000)),
    )


def test_an_override_that_is_scheduled_to_end_gives_the_series_fees_back() -> None:
    ends = EventFeeChange("c", EVENT["event_ticker"], "KXBTC15M", NOW + HOUR)  # type: ignore[arg-type]  # a time is an integer
    told = about(EVENT | {"fee_multiplier_override": 0.5}, event_changes=(ends,))
    assert listing(market(), told).market.fees == KalshiFees(500_000)
    (ahead,) = fees_ahead(market(), told)
    assert (ahead.since_ns, ahead.fees) == (NOW + HOUR, KalshiFees())


def test_what_is_stated_now_outranks_the_list_of_changes() -> None:
    told = fee_epochs(
        FeeTerms("quadratic", ONE), FeeTerms(None, None), [change("flat", 2, -1)], NOW
    )
    assert told == (
        FeeEpoch(NOW - HOUR, KalshiFees(2 * ONE, ONE)),
        FeeEpoch(NOW, KalshiFees()),
    )


def test_while_a_waiver_lasts_nothing_is_charged() -> None:
    free = KalshiFees(multiplier=0)
    ahead = market(fee_waiver_expiration_time="2026-12-01T00:00:00Z")
    assert listing(ahead, about()).market.fees == free
    (resumed,) = fees_ahead(ahead, about())
    assert (resumed.since_ns, resumed.fees) == (1_796_083_200 * 10**9, KalshiFees())
    over = listing(market(fee_waiver_expiration_time="2026-01-01T00:00:00Z"), about())
    assert [each.fees for each in over.fee_history] == [free, KalshiFees()]


@pytest.mark.shared
def test_captured_markets_become_listings(shared: Path) -> None:
    """Baseball with maker fees at half rate, its settled games paid as told."""
    own = series(sample(shared, "kalshi/rest_series_KXMLBGAME_2026-08-20.json"), "x")
    rows = markets(sample(shared, "kalshi/rest_markets_settled_2026-08-08.json"), "x").read
    events = {
        each.event_ticker: EventAnswer(each.event_ticker, own.ticker, "Game", True) for each in rows
    }
    told = found(rows, Told({own.ticker: own}, events, (), (), NOW))
    assert not told.refused
    assert {each.market.fees for each in told.listings} == {KalshiFees(500_000, 250_000)}
    assert [each.state for each in told.listings] == ["resolved", "resolved", "closed"]
    assert [each.payouts for each in told.resolutions] == [(ONE, 0), (0, ONE)]
    assert {each.shard for each in told.listings} == {0}


def test_what_is_found_can_be_written_down_and_read_back() -> None:
    """Its numbers are plain integers: nothing of the answers' own types is left in it."""
    paid = {"status": "finalized", "result": "yes", "settlement_ts": "2026-09-26T23:00:07Z"}
    paid["settlement_value_dollars"] = "1.0000"
    told = found([market(), market(ticker="B", **paid)], about())
    listed = tuple(each.market for each in told.listings)
    catalogue = Catalogue(listed, told.groups, told.resolutions)
    assert len(told.resolutions) == 1
    assert decode_catalogue(encode_catalogue(catalogue)) == catalogue
    written = msgspec.json.encode(told.listings[0])
    assert msgspec.json.decode(written, type=Listing) == told.listings[0]
