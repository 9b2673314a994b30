"""Windows of rolling markets: their borders, their slugs, and asking for them ahead of time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import run
from tests.venues.polymarket.gamma_rows import Row, look_at, market_row
from tests.venues.scripted import sample
from underround.model.errors import ConfigError
from underround.model.listing import Found
from underround.venues.polymarket.gamma.series import (
    NAMES,
    Ahead,
    Period,
    Rolling,
    find_ahead,
    series_of,
    window_end,
    window_of,
    window_slug,
    window_start,
    windows_ahead,
)
from underround.venues.polymarket.gamma.wire import CryptoConfig

SECOND: Final = 1_000_000_000
HOUR: Final = 3_600 * SECOND
BTC_15M: Final = Rolling("BTC", "15m")
BTC_1H: Final = Rolling("BTC", "1h")
BTC_4H: Final = Rolling("BTC", "4h")
MOMENTS: Final = st.integers(1_600_000_000, 2_200_000_000).map(lambda second: second * SECOND + 7)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND


# --- slugs the venue was seen to use -----------------------------------------------------------


@pytest.mark.parametrize(
    "asset, period, start, slug",
    [
        ("BTC", "15m", utc(2026, 10, 5, 23), "btc-updown-15m-1791241200"),
        ("BTC", "5m", utc(2026, 3, 12, 9, 20), "btc-updown-5m-1773307200"),
        ("BTC", "4h", utc(2026, 3, 9, 20), "btc-updown-4h-1773086400"),
        ("BTC", "1h", utc(2026, 10, 4, 9), "bitcoin-up-or-down-october-4-2026-5am-et"),
        ("ETH", "1h", utc(2026, 10, 4, 9), "ethereum-up-or-down-october-4-2026-5am-et"),
        ("SOL", "1h", utc(2026, 10, 4, 9), "solana-up-or-down-october-4-2026-5am-et"),
        ("XRP", "1h", utc(2026, 10, 4, 9), "xrp-up-or-down-october-4-2026-5am-et"),
        ("DOGE", "1h", utc(2026, 10, 4, 9), "dogecoin-up-or-down-october-4-2026-5am-et"),
        ("BNB", "1h", utc(2026, 10, 4, 9), "bnb-up-or-down-october-4-2026-5am-et"),
        ("HYPE", "1h", utc(2026, 6, 19, 12), "hyperliquid-up-or-down-june-19-2026-8am-et"),
        ("BTC", "1h", utc(2026, 10, 7, 4), "bitcoin-up-or-down-october-7-2026-12am-et"),
        ("BTC", "1h", utc(2026, 10, 2, 16), "bitcoin-up-or-down-october-2-2026-12pm-et"),
    ],
)
def test_a_slug_is_written_as_the_venue_writes_it(
    asset: str, period: Period, start: int, slug: str
) -> None:
    assert window_slug(Rolling(asset, period), start) == slug
    assert window_start(period, start) == start


@pytest.mark.parametrize(
    "start",
    [1_763_485_200, 1_765_342_800, 1_767_747_600, 1_769_490_000, 1_772_557_200, 1_772_946_000],
)
def test_four_hour_windows_of_winter_begin_one_hour_after_multiples_of_four(start: int) -> None:
    """Slugs seen between 2025-11 and 2026-03."""
    assert start % 14_400 == 3_600
    assert window_start("4h", start * SECOND + 5) == start * SECOND


@pytest.mark.parametrize("start", [1_773_475_200, 1_778_990_400, 1_790_337_600])
def test_four_hour_windows_of_summer_begin_at_multiples_of_four_hours(start: int) -> None:
    """Slugs seen between 2026-03 and 2026-09."""
    assert start % 14_400 == 0
    assert window_start("4h", start * SECOND + 5) == start * SECOND


def test_the_series_of_the_venue_are_named() -> None:
    assert BTC_15M.slug == "btc-up-or-down-15m"
    assert BTC_1H.slug == "btc-up-or-down-hourly"
    assert Rolling("SOL", "1h").slug == "solana-up-or-down-hourly"
    assert Rolling("ZEC", "5m").slug == "zec-up-or-down-5m"


def test_a_series_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="no hourly slug is known for ZEC"):
        Rolling("ZEC", "1h")
    with pytest.raises(ConfigError, match="must be like BTC"):
        Rolling("btc", "5m")
    with pytest.raises(ConfigError, match="ask for 0"):
        windows_ahead(BTC_15M, 0, 501)


# --- clock changes -----------------------------------------------------------------------------


def test_the_hour_that_new_york_skips_in_spring_has_no_slug() -> None:
    slugs = [each.slug for each in windows_ahead(BTC_1H, utc(2026, 3, 8, 6, 30), 1)]
    assert slugs == [
        "bitcoin-up-or-down-march-8-2026-1am-et",
        "bitcoin-up-or-down-march-8-2026-3am-et",
    ]


def test_the_hour_that_comes_twice_in_autumn_has_one_slug_for_two_windows() -> None:
    windows = windows_ahead(BTC_1H, utc(2026, 11, 1, 4), 3)
    assert [each.slug.rpartition("2026-")[2] for each in windows] == [
        "12am-et", "1am-et", "1am-et", "2am-et",
    ]  # fmt: skip
    assert [each.start_ns for each in windows] == [utc(2026, 11, 1, hour) for hour in range(4, 8)]


def test_the_last_hour_of_the_year_carries_new_yorks_year() -> None:
    assert window_slug(BTC_1H, utc(2027, 1, 1, 4)).endswith("december-31-2026-11pm-et")
    assert window_slug(BTC_1H, utc(2027, 1, 1, 5)).endswith("january-1-2027-12am-et")


def test_four_hour_windows_follow_new_yorks_clock_over_a_change() -> None:
    windows = windows_ahead(BTC_4H, utc(2026, 3, 8, 5), 2)
    assert [each.start_ns for each in windows] == [
        utc(2026, 3, 8, 5),
        utc(2026, 3, 8, 8),
        utc(2026, 3, 8, 12),
    ]
    assert windows[0].end_ns - windows[0].start_ns == 3 * HOUR


# --- properties --------------------------------------------------------------------------------


@given(period=st.sampled_from(["5m", "15m", "1h", "4h"]), now=MOMENTS)
def test_windows_cover_time_without_a_hole(period: Period, now: int) -> None:
    windows = windows_ahead(Rolling("BTC", period), now, 12)
    assert windows[0].start_ns <= now < windows[0].end_ns
    assert len(windows) == 13
    for before, after in pairwise(windows):
        assert before.end_ns == after.start_ns
    for each in windows:
        assert window_start(period, each.start_ns) == each.start_ns
        assert window_start(period, each.end_ns - 1) == each.start_ns
        assert window_end(period, each.start_ns) == each.end_ns


@given(
    asset=st.sampled_from(sorted(NAMES)),
    period=st.sampled_from(["5m", "15m", "1h", "4h"]),
    now=MOMENTS,
)
def test_a_planned_slug_reads_back_as_its_window(asset: str, period: Period, now: int) -> None:
    (planned,) = windows_ahead(Rolling(asset, period), now, 0)
    assert series_of(planned.slug) == planned.series
    window = window_of(planned.slug, planned.start_ns, planned.end_ns, None)
    assert window is not None
    assert (window.asset, window.start_ns, window.end_ns) == (
        asset,
        planned.start_ns,
        planned.end_ns,
    )
    assert window.twap_seconds is None


# --- windows of listed markets -----------------------------------------------------------------


def config(*, twap: bool = True, seconds: int | None = 60, duration: str = "15m") -> CryptoConfig:
    return CryptoConfig("btc", duration, twap, seconds)


def test_an_hourly_slug_of_before_2026_has_no_year() -> None:
    start = utc(2025, 10, 11, 12)
    window = window_of("bitcoin-up-or-down-october-11-8am-et", start, start + HOUR, None)
    assert window is not None
    assert window.start_ns == start


@pytest.mark.parametrize(
    "slug, start, end",
    [
        ("bitcoin-up-or-down-october-11-8am-et", utc(2025, 10, 11, 13), utc(2025, 10, 11, 14)),
        ("bitcoin-up-or-down-october-11-2026-8am-et", utc(2025, 10, 11, 12), utc(2025, 10, 11, 13)),
        ("bitcoin-up-or-down-march-8-2026-1am-et", utc(2026, 3, 8, 6), utc(2026, 3, 8, 6)),
        ("bitcoin-up-or-down-moon-8-2026-1am-et", utc(2026, 3, 8, 6), utc(2026, 3, 8, 7)),
        ("btc-updown-5m-1791241200", utc(2026, 10, 5, 23), utc(2026, 10, 5, 23, 15)),
        ("btc-updown-4h-1791230400", utc(2026, 10, 5, 20), utc(2026, 10, 6, 2)),
    ],
)
def test_a_slug_that_contradicts_the_times_is_refused(slug: str, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="its window"):
        window_of(slug, start, end, None)


@pytest.mark.parametrize(
    "slug",
    [
        "bitcoin-up-or-down-on-october-11-2026",
        "bitcoin-up-or-down-april-20-415am-430am-et",
        "will-it-rain",
        "rain-up-or-down-october-4-2026-5am-et",
        "btc-updown-1d-1791241200",
    ],
)
def test_other_slugs_are_no_window(slug: str) -> None:
    assert series_of(slug) is None
    assert window_of(slug, utc(2026, 10, 5), utc(2026, 10, 6), None) is None


def test_a_configuration_makes_a_window_where_the_slug_says_nothing() -> None:
    start = utc(2026, 10, 5)
    window = window_of("a-new-name", start, start + 900 * SECOND, config())
    assert window is not None
    assert (window.asset, window.twap_seconds) == ("BTC", 60)
    assert window_of("a-new-name", start, start + HOUR, config()) is None
    assert window_of("a-new-name", start, start + HOUR, config(duration="1w")) is None


def test_without_an_average_the_price_of_one_moment_decides() -> None:
    start = utc(2026, 10, 5, 23)
    end = start + 900 * SECOND
    window = window_of("btc-updown-15m-1791241200", start, end, config(twap=False))
    assert window is not None
    assert window.twap_seconds == 0


def test_a_word_for_the_length_that_nobody_knows_contradicts_nothing() -> None:
    start = utc(2026, 10, 4, 9)
    slug = window_slug(BTC_1H, start)
    assert window_of(slug, start, start + HOUR, config(duration="hourly")) is not None
    with pytest.raises(ValueError, match="different windows"):
        window_of(slug, start, start + HOUR, config(duration="5m"))


@pytest.mark.shared
def test_every_stored_window_is_where_its_slug_says(shared: Path) -> None:
    days = json.loads(sample(shared, "polymarket/gamma/btc_updown_5m_day_index_2026-07-24.json"))
    planned = windows_ahead(Rolling("BTC", "5m"), days[0]["start_sec"] * SECOND, 23)
    assert [each.slug for each in planned] == [day["slug"] for day in days]
    assert [each.end_ns for each in planned] == [day["end_sec"] * SECOND for day in days]


# --- asking ahead ------------------------------------------------------------------------------


class Lists:
    """Answers with rows it was given, and remembers the slugs."""

    def __init__(self, *rows: Row) -> None:
        self.rows = rows
        self.asked: list[str] = []

    async def markets_by_slug(self, slugs: Sequence[str], now: int) -> Found:
        self.asked += slugs
        return look_at(*(row for row in self.rows if row["slug"] in slugs), now=now)


def row_of(number: int, series: Rolling, start: int) -> Row:
    return market_row(
        number,
        slug=window_slug(series, start),
        eventStartTime=iso(start),
        endDate=iso(window_end(series.period, start)),
    )


def iso(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ahead(lists: Lists, now: int, *series: Rolling, count: int = 2) -> Ahead:
    return run(find_ahead(lists, series, now, count))


def test_the_present_window_and_the_next_ones_are_asked_for_by_slug() -> None:
    now = utc(2026, 10, 5, 23, 5)
    lists = Lists(
        row_of(1, BTC_15M, utc(2026, 10, 5, 23)), row_of(2, BTC_15M, utc(2026, 10, 5, 23, 15))
    )
    said = ahead(lists, now, BTC_15M, BTC_1H)
    assert len(lists.asked) == 6
    assert [each.slug for each in said.found.listings] == [
        "btc-updown-15m-1791241200",
        "btc-updown-15m-1791242100",
    ]
    assert said.planned["btc-updown-15m-1791242100"].series == BTC_15M
    assert len(said.missing) == 4


def test_last_years_market_is_not_taken_for_this_years_window() -> None:
    now = utc(2026, 10, 11, 12, 1)
    old = row_of(1, BTC_1H, utc(2025, 10, 11, 12))
    old["slug"] = window_slug(BTC_1H, now)
    said = ahead(Lists(old), now, BTC_1H, count=0)
    assert not said.found.listings
    assert list(said.found.refused) == ["its window does not start when its slug says"]
    assert len(said.missing) == 1


def test_the_doubled_hour_of_autumn_is_asked_once_and_taken_for_what_it_is() -> None:
    second = utc(2026, 11, 1, 6)
    lists = Lists(row_of(1, BTC_1H, second))
    said = ahead(lists, utc(2026, 11, 1, 5, 30), BTC_1H, count=1)
    assert lists.asked == ["bitcoin-up-or-down-november-1-2026-1am-et"]
    assert [each.start_ns for each in said.planned.values()] == [second]
    assert [each.start_ns for each in said.missing] == [utc(2026, 11, 1, 5)]


def test_a_market_without_the_planned_window_is_counted() -> None:
    now = utc(2026, 10, 5, 23, 5)
    row = row_of(1, BTC_15M, utc(2026, 10, 5, 23))

    class Anything(Lists):
        async def markets_by_slug(self, slugs: Sequence[str], now: int) -> Found:
            return look_at({**row, "slug": "something-else"})

    said = ahead(Anything(), now, BTC_15M, count=0)
    assert not said.found.listings
    assert said.found.refused == {"another market answers to the slug of a planned window": 1}
