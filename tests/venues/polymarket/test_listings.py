"""Rows of Gamma become listings exactly, or are refused for a reason that can be counted."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.polymarket.gamma_rows import (
    CONDITION_V2,
    NOW,
    Row,
    event_row,
    listing_of,
    look_at,
    market_row,
    raw,
    v2_row,
    why_refused,
)
from underround.model.fees import NoFees, PolymarketFees
from underround.model.ids import POLYMARKET, MarketId
from underround.model.listing import Listing
from underround.model.units import ONE, decimal_text, parse_micros
from underround.venues.polymarket.gamma.look import Look
from underround.venues.polymarket.ids import PositionId, derive_tokens

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

SECOND = 1_000_000_000


# --- what a row says ---------------------------------------------------------------------------


def test_a_row_becomes_the_market_it_states() -> None:
    listing = listing_of(market_row())
    market = listing.market
    assert market.id == MarketId(POLYMARKET, f"0x{1:064x}")
    assert market.tokens == derive_tokens(market.id.native, neg_risk=False)
    assert market.outcomes == ("Yes", "No")
    assert market.ticks[0].finest == 10_000
    assert (market.min_size, market.size_step) == (5_000_000, 10_000)
    assert market.fees == PolymarketFees(50_000, 1)
    assert market.opens_ns == 1_791_155_236 * SECOND
    assert listing.maker_rebate == 250_000
    assert listing.state == "open"
    assert listing.protocol == "v1"
    assert listing.updated_ns == 1_791_241_440 * SECOND + SECOND // 2


def test_the_nominal_end_is_no_cut_off_of_trading() -> None:
    listing = listing_of(market_row())
    assert listing.ends_ns == 1_791_288_000 * SECOND
    assert listing.market.closes_ns is None


def test_indicative_dollars_are_cut_after_the_sixth_decimal() -> None:
    listing = listing_of(market_row())
    assert listing.liquidity == 18_191_260_600
    assert listing.volume == 79_945_980_055
    assert listing.volume_24h == 1_941_500_000


def test_rewards_are_sizes_and_distances_in_dollars() -> None:
    rewards = listing_of(market_row()).rewards
    assert rewards is not None
    assert (rewards.min_size, rewards.max_spread) == (50_000_000, 45_000)
    assert rewards.min_age_s is None
    assert rewards.daily is None


def test_only_rewards_of_today_are_paid_per_day() -> None:
    def reward(rate: float, first: str, last: str | None) -> Row:
        return {"rewardsDailyRate": rate, "startDate": first, "endDate": last}

    rows = [
        reward(30, "2026-10-01", "2500-12-31"),
        reward(0.001, "2026-10-05", "2026-10-05"),
        reward(7, "2026-10-06", None),
        reward(9, "2026-09-01", "2026-10-04"),
    ]
    rewards = listing_of(market_row(clobRewards=rows)).rewards
    assert rewards is not None
    assert rewards.daily == 30_001_000


def test_no_rewards_where_size_and_distance_are_zero() -> None:
    assert listing_of(market_row(rewardsMinSize=0, rewardsMaxSpread=0)).rewards is None


def test_a_delay_in_seconds_holds_takers() -> None:
    assert listing_of(market_row(secondsDelay=3)).taker_delay_ms == 3_000
    assert listing_of(market_row()).taker_delay_ms is None


def test_the_rules_hash_covers_words_and_source_but_no_white_space() -> None:
    plain = listing_of(market_row()).rules_hash
    assert listing_of(market_row(description=" Yes  if a\ndrop falls. ")).rules_hash == plain
    assert listing_of(market_row(description="Yes if two drops fall.")).rules_hash != plain
    assert listing_of(market_row(resolutionSource="https://sun.example")).rules_hash != plain


# --- ids and protocol --------------------------------------------------------------------------


def test_tokens_that_do_not_follow_from_the_condition_are_refused() -> None:
    other = json.dumps(derive_tokens(f"0x{2:064x}", neg_risk=False))
    assert "are not the tokens" in why_refused(market_row(clobTokenIds=other))


def test_swapped_tokens_are_refused() -> None:
    yes, no = derive_tokens(f"0x{1:064x}", neg_risk=False)
    assert "are not the tokens" in why_refused(market_row(clobTokenIds=json.dumps([no, yes])))


def test_tokens_of_the_other_collateral_are_refused() -> None:
    assert "are not the tokens" in why_refused({**market_row(neg_risk=True), "negRisk": False})


def test_the_derivation_can_be_replaced() -> None:
    look = Look(NOW, derive=lambda condition, *, neg_risk: ("1", "2"))
    assert look.market(raw(market_row(clobTokenIds='["1", "2"]'))) is not None
    assert look.market(raw(market_row())) is None


def test_a_protocol_v2_market_is_named_as_the_stream_names_it() -> None:
    listing = listing_of(v2_row())
    assert listing.protocol == "v2"
    assert listing.market.id.native == CONDITION_V2 + "00"
    assert [PositionId.parse(token).outcome for token in listing.market.tokens] == [0, 1]
    assert listing_of(v2_row(conditionId=CONDITION_V2 + "00")).market == listing.market


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"positionIds": ...}, "`positionIds` is missing"),
        ({"positionIds": ["1"]}, "does not hold two outcomes"),
        ({"positionIds": ["0", "1"]}, "does not hold ids of Protocol V2"),
        ({"positionIds": list(derive_tokens(f"0x{1:064x}", neg_risk=False))}, "ids of Protocol V2"),
        ({"conditionId": "0x01" + "ab" * 30}, "are not the outcomes"),
        ({"conditionId": f"0x{1:064x}"}, "62 hex digits"),
    ],
)
def test_protocol_v2_ids_that_contradict_each_other_are_refused(changes: Row, reason: str) -> None:
    assert reason in why_refused(v2_row(**changes))


def test_protocol_v2_outcomes_in_the_wrong_order_are_refused() -> None:
    positions = v2_row()["positionIds"]
    assert "not the outcomes" in why_refused(v2_row(positionIds=positions[::-1]))


def test_an_unknown_version_is_refused_and_a_missing_one_is_read_in_archives_only() -> None:
    assert "neither v1 nor v2" in why_refused(market_row(version="v3"))
    assert "neither v1 nor v2" in why_refused(market_row(version="v3"), archive=True)
    assert "`version` is missing" in why_refused(market_row(version=...))
    assert "`version` is missing" in why_refused(market_row(version=None))
    assert listing_of(market_row(version=...), archive=True).protocol == "v1"


# --- fees --------------------------------------------------------------------------------------


def test_base_fees_are_noise() -> None:
    fees = listing_of(market_row(feesEnabled=False)).market.fees
    assert fees == NoFees()


def test_a_market_with_fees_but_without_a_schedule_is_refused() -> None:
    assert "`feeSchedule` is missing" in why_refused(market_row(feeSchedule=...))
    assert "`feeSchedule` is missing" in why_refused(
        market_row(feeSchedule=..., feeType="crypto_15_min")
    )


@pytest.mark.parametrize("kind", ["crypto_15_min", "crypto_fees"])
def test_archived_crypto_markets_have_the_legacy_curve(kind: str) -> None:
    row = market_row(feeSchedule=..., feeType=kind, version=...)
    assert listing_of(row, archive=True).market.fees == PolymarketFees(250_000, 2)


def test_a_stated_schedule_outranks_the_legacy_type() -> None:
    row = market_row(feeType="crypto_15_min", version=...)
    assert listing_of(row, archive=True).market.fees == PolymarketFees(50_000, 1)


def test_a_rate_of_zero_charges_nothing() -> None:
    schedule = {"exponent": 1, "rate": 0, "takerOnly": True, "rebateRate": 0}
    assert listing_of(market_row(feeSchedule=schedule)).market.fees == NoFees()


@pytest.mark.parametrize(
    "field, value",
    [
        ("rate", -0.05), ("rate", 1.5), ("rate", "0.05"), ("rate", None), ("rate", 0.0500001),
        ("exponent", 1.5), ("exponent", -1), ("exponent", 40), ("exponent", "1"),
        ("takerOnly", False), ("takerOnly", "true"), ("rebateRate", 2), ("rebateRate", None),
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_charged_is_refused(field: str, value: object) -> None:
    schedule = {"exponent": 1, "rate": 0.05, "takerOnly": True, "rebateRate": 0.25, field: value}
    assert "feeSchedule" in why_refused(market_row(feeSchedule=schedule))


@given(
    rate=st.integers(1, ONE),
    exponent=st.integers(0, 8),
    rebate=st.integers(0, ONE),
    tick=st.sampled_from(["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"]),
)
def test_fees_and_grids_are_read_to_the_millionth(
    rate: int, exponent: int, rebate: int, tick: str
) -> None:
    text = json.dumps(market_row())
    text = text.replace('"rate": 0.05', f'"rate": {decimal_text(rate)}')
    text = text.replace('"exponent": 1', f'"exponent": {exponent}')
    text = text.replace('"rebateRate": 0.25', f'"rebateRate": {decimal_text(rebate)}')
    text = text.replace('"orderPriceMinTickSize": 0.01', f'"orderPriceMinTickSize": {tick}')
    listing = Look(NOW).market(msgspec.Raw(text.encode()))
    assert listing is not None
    assert listing.market.fees == PolymarketFees(rate, exponent)
    assert listing.maker_rebate == rebate
    assert listing.market.ticks[0].finest == parse_micros(tick)


# --- state and payouts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, state",
    [
        ({}, "open"),
        ({"active": False}, "open"),
        ({"acceptingOrders": False}, "paused"),
        ({"enableOrderBook": False}, "paused"),
        ({"archived": True}, "paused"),
        ({"acceptingOrders": False, "acceptingOrdersTimestamp": ...}, "unopened"),
        (
            {"acceptingOrders": False, "acceptingOrdersTimestamp": "2026-10-06T00:00:00Z"},
            "unopened",
        ),
        ({"umaResolutionStatus": "proposed"}, "closed"),
        ({"umaResolutionStatuses": '["proposed"]'}, "closed"),
        ({"umaResolutionStatus": "resolved"}, "closed"),
        ({"umaResolutionStatus": "disputed", "umaResolutionStatuses": '["proposed"]'}, "open"),
        ({"umaResolutionStatus": "never heard of"}, "paused"),
    ],
)
def test_a_market_is_open_only_where_orders_are_taken(changes: Row, state: str) -> None:
    assert listing_of(market_row(**changes)).state == state


CLOSED: Row = {"closed": True, "closedTime": "2026-10-05 23:00:16+00", "acceptingOrders": False}


@pytest.mark.parametrize(
    "prices, changes, payouts",
    [
        ('["1", "0"]', {}, (ONE, 0)),
        ('["0", "1"]', {"umaResolutionStatus": "resolved"}, (0, ONE)),
        ('["0.5", "0.5"]', {"umaResolutionStatus": "resolved"}, (ONE // 2, ONE // 2)),
        ('["0.5", "0.5"]', {}, None),
        ('["0", "0"]', {"umaResolutionStatus": "resolved"}, None),
        ('["1", "1"]', {"umaResolutionStatus": "resolved"}, None),
        ('["1", "0"]', {"umaResolutionStatus": "disputed"}, None),
        ('["1", "0"]', {"umaResolutionStatus": "proposed"}, None),
        ('["0.9995", "0.0005"]', {"umaResolutionStatus": "resolved"}, None),
        ('["0.58433116790776931466", "0.41566883209223068534"]', {}, None),
    ],
)
def test_a_closed_market_pays_only_what_is_final(
    prices: str, changes: Row, payouts: tuple[int, int] | None
) -> None:
    found = look_at(market_row(**CLOSED, **changes, outcomePrices=prices))
    listing = found.listings[0]
    assert listing.market.closes_ns == 1_791_241_216 * SECOND
    assert listing.state == ("closed" if payouts is None else "resolved")
    assert [each.payouts for each in found.resolutions] == ([] if payouts is None else [payouts])


def test_a_protocol_v2_market_has_paid_only_when_its_own_status_says_so() -> None:
    prices = {**CLOSED, "outcomePrices": '["1", "0"]'}
    assert not look_at(v2_row(**prices)).resolutions
    resolved = look_at(v2_row(**prices, resolutionStatus="RESOLVED")).resolutions
    assert [each.payouts for each in resolved] == [(ONE, 0)]


def test_a_payout_without_the_time_of_the_close_is_refused() -> None:
    row = market_row(**{**CLOSED, "closedTime": ...}, outcomePrices='["1", "0"]')
    assert "`closedTime` is missing" in why_refused(row)


def test_an_open_market_at_certainty_has_not_paid() -> None:
    assert not look_at(market_row(outcomePrices='["1", "0"]')).resolutions


# --- groups ------------------------------------------------------------------------------------


def three(**changes: Any) -> list[Row]:
    rows = [market_row(n, neg_risk=True, groupItemTitle=f"Day {n}") for n in (1, 2, 3)]
    rows[2].update(changes)
    return rows


def test_a_complete_open_neg_risk_event_is_proven_exhaustive() -> None:
    (group,) = look_at(event_row(three())).groups
    assert group.id == "polymarket:which-day"
    assert len(group.markets) == 3
    assert group.neg_risk
    assert not group.augmented
    assert group.exhaustive_because is not None


@pytest.mark.parametrize(
    "event, market",
    [
        ({"negRiskAugmented": True}, {}),
        ({"negRiskAugmented": ...}, {}),
        ({"negRisk": False}, {}),
        ({}, {"acceptingOrders": False}),
        ({}, {"umaResolutionStatus": "proposed"}),
        ({}, {"negRiskOther": True}),
        ({}, {"version": "v9"}),
        ({}, {"orderMinSize": None}),
    ],
)
def test_any_doubt_about_a_group_ends_its_claim(event: Row, market: Row) -> None:
    (group,) = look_at(event_row(three(**market), **event)).groups
    assert group.exhaustive_because is None


def test_one_market_is_no_group_and_neither_are_markets_that_do_not_exclude_each_other() -> None:
    assert not look_at(event_row(three()[:1])).groups
    plain = event_row([market_row(1), market_row(2)], negRisk=False, enableNegRisk=False)
    found = look_at(plain)
    assert not found.groups
    assert [each.market.group for each in found.listings] == [None, None]


def test_markets_take_tags_series_and_group_from_their_event() -> None:
    listing = look_at(event_row(three())).listings[0]
    assert listing.tags == ("weather",)
    assert listing.series == "rain-weekly"
    assert listing.market.group == "polymarket:which-day"


@pytest.mark.parametrize(
    "title, unnamed",
    [
        ("Person B", True), ("Candidate AA", True), ("Other", True), ("other", True), ("", True),
        ("Another person", True), ("Gretchen Whitmer", False), ("Day 3", False), ("UK", False),
        ("Yes we do", False),
    ],
)  # fmt: skip
def test_outcomes_without_a_name_are_placeholders_in_augmented_groups(
    title: str, unnamed: bool
) -> None:
    rows = three(groupItemTitle=title)
    found = look_at(event_row(rows, negRiskAugmented=True)).listings
    assert [each.placeholder for each in found] == [False, False, unnamed]
    assert all(each.augmented for each in found)
    assert not look_at(event_row(rows)).listings[2].placeholder


def test_a_neg_risk_market_that_does_not_name_its_event_counts_as_augmented() -> None:
    assert listing_of(market_row(neg_risk=True, groupItemTitle="Day 1")).augmented
    assert not listing_of(market_row()).augmented


# --- windows -----------------------------------------------------------------------------------

WINDOW: Row = {
    "slug": "btc-updown-15m-1791241200",
    "eventStartTime": "2026-10-05T23:00:00Z",
    "endDate": "2026-10-05T23:15:00Z",
    "cryptoMarketConfig": {
        "id": "btc-15m-twap-60", "asset": "btc", "duration": "15m", "twapEnabled": True,
        "twapLookbackSeconds": 60,
    },
}  # fmt: skip


def test_a_rolling_market_has_the_window_of_its_slug() -> None:
    listing = listing_of(market_row(**WINDOW))
    window = listing.window
    assert window is not None
    assert (window.asset, window.duration_s, window.twap_seconds) == ("BTC", 900, 60)
    assert window.start_ns == 1_791_241_200 * SECOND
    assert window.strike is None
    assert listing.series == "btc-up-or-down-15m"


@pytest.mark.parametrize(
    "changes",
    [
        {"eventStartTime": "2026-10-05T23:15:00Z"},
        {"endDate": "2026-10-05T23:00:00Z"},
        {"endDate": ...},
        {"cryptoMarketConfig": {**WINDOW["cryptoMarketConfig"], "asset": "eth"}},
        {"cryptoMarketConfig": {**WINDOW["cryptoMarketConfig"], "duration": "5m"}},
        {"cryptoMarketConfig": {**WINDOW["cryptoMarketConfig"], "twapLookbackSeconds": None}},
    ],
)
def test_a_window_that_contradicts_itself_is_refused(changes: Row) -> None:
    why_refused(market_row(**{**WINDOW, **changes}))


# --- refusals ----------------------------------------------------------------------------------

REQUIRED = (
    "conditionId", "slug", "question", "description", "outcomes", "closed", "enableOrderBook",
    "acceptingOrders", "negRisk", "feesEnabled", "orderPriceMinTickSize", "orderMinSize",
    "clobTokenIds",
)  # fmt: skip


@pytest.mark.parametrize("name", REQUIRED)
def test_a_row_without_what_trading_needs_is_refused(name: str) -> None:
    for missing in (..., None):
        change: Row = {name: missing}
        why_refused(market_row(**change))


@pytest.mark.parametrize(
    "name, value",
    [
        ("outcomes", ["Yes", "No"]), ("outcomes", '["Yes"]'), ("outcomes", '["Yes", "Yes"]'),
        ("outcomes", '["Yes", ""]'), ("outcomes", '["Yes", 1]'), ("outcomes", "[" * 5_000),
        ("clobTokenIds", "[]"), ("clobTokenIds", "1,2"), ("conditionId", "0xAB"),
        ("conditionId", "0x" + "A" * 64), ("orderPriceMinTickSize", "0.01"),
        ("orderPriceMinTickSize", 0.03), ("orderPriceMinTickSize", 0), ("orderMinSize", 0),
        ("orderPriceMinTickSize", 1), ("orderMinSize", -5), ("orderMinSize", "5"),
        ("endDate", "soon"), ("endDate", "2026-02-30T00:00:00Z"), ("volume", "NaN"),
        ("volume", "-1"), ("volume24hr", "1"), ("liquidity", 18191.2), ("slug", "a b"),
        ("slug", ""), ("description", " "), ("secondsDelay", -1), ("secondsDelay", 1.5),
        ("rewardsMaxSpread", 101), ("rewardsMinSize", -1), ("updatedAt", "yesterday"),
        ("umaResolutionStatuses", "proposed"), ("gameStartTime", "2026-10-05"[:9]),
    ],
)  # fmt: skip
def test_a_field_of_another_form_refuses_the_row(name: str, value: object) -> None:
    change: Row = {name: value}
    why_refused(market_row(**change))


def test_reasons_can_be_counted_because_they_never_hold_values() -> None:
    rows = [market_row(n, orderMinSize=-n) for n in (1, 2, 3)]
    assert list(look_at(*rows).refused.values()) == [3]


def test_one_bad_row_costs_only_itself() -> None:
    found = look_at(market_row(1), market_row(2, feeSchedule=...), market_row(3))
    assert [each.slug for each in found.listings] == ["will-it-rain-1", "will-it-rain-3"]
    assert list(found.refused.values()) == [1]


def test_a_row_that_comes_again_replaces_the_first() -> None:
    closed = market_row(1, **CLOSED, outcomePrices='["1", "0"]')
    found = look_at(closed, market_row(1, question="Will it snow?"))
    assert [each.market.title for each in found.listings] == ["Will it snow?"]
    assert not found.resolutions


# --- mutations ---------------------------------------------------------------------------------


def _numbers(row: str) -> set[int]:
    """Return every number of a row in millionths, of texts inside texts too."""
    said: set[int] = set()

    def visit(value: object) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                visit(inner)
        elif isinstance(value, list):
            for inner in value:
                visit(inner)
        elif isinstance(value, str):
            try:
                said.add(parse_micros(value))
            except ValueError:
                return

    visit(json.loads(row, parse_float=str, parse_int=str))
    return said


def _invented(mutant: bytes, listing: Listing) -> list[str]:
    said = _numbers(mutant.decode(errors="replace"))
    market = listing.market
    found = []
    if market.ticks[0].finest not in said:
        found.append("tick")
    if market.min_size not in said:
        found.append("minimum size")
    if isinstance(market.fees, PolymarketFees) and (
        market.fees.rate not in said or market.fees.exponent * ONE not in said
    ):
        found.append("fees")
    if listing.maker_rebate is not None and listing.maker_rebate not in said:
        found.append("rebate")
    if listing.rewards is not None and (
        listing.rewards.min_size not in said or listing.rewards.max_spread * 100 not in said
    ):
        found.append("rewards")
    proven = listing.protocol == "v2" or market.tokens == derive_tokens(
        market.id.native, neg_risk=market.neg_risk
    )
    if not proven or any(token.encode() not in mutant for token in market.tokens):
        found.append("token")
    return found


ROWS = (
    market_row(),
    market_row(
        **WINDOW,
        clobRewards=[{"rewardsDailyRate": 3, "startDate": "2026-10-01", "endDate": None}],
    ),
    v2_row(**CLOSED, resolutionStatus="resolved"),
)


def test_no_mutation_crashes_or_invents_a_price_a_fee_or_a_token(
    mutate: Mutate, turns: int
) -> None:
    rng = random.Random(11)
    frames = [json.dumps(row).encode() for row in ROWS]
    taken = 0
    for turn in range(turns):
        mutant = mutate(frames[turn % len(frames)], rng)
        listing = Look(NOW, archive=turn % 2 == 0).market(msgspec.Raw(mutant))
        if listing is not None:
            taken += 1
            assert not _invented(mutant, listing), mutant
    assert turns // 20 < taken < turns


def test_no_mutation_of_an_event_crashes_or_proves_a_group_it_does_not_show(
    mutate: Mutate, turns: int
) -> None:
    rng = random.Random(12)
    frame = json.dumps(event_row(three())).encode()
    for _ in range(turns // 4):
        mutant = mutate(frame, rng)
        look = Look(NOW)
        look.event(msgspec.Raw(mutant))
        for group in look.found().groups:
            if group.exhaustive:
                row = json.loads(mutant.decode(errors="replace"), strict=False)
                assert row["negRisk"] is True
                assert row["negRiskAugmented"] is False
                assert len(row["markets"]) == len(group.markets)
