"""Which markets a recorder follows: names, series, windows that come and go, grids that change."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import aio
from tests.app.recordbench import Bench, settings, venues, verified
from tests.venues.marketserver import TrueMarket
from tests.venues.polymarket.gamma_rows import Row, event_row, listing_of, market_row
from tests.venues.scripted import Answer
from tests.venues.wsserver import until
from underround.app.recorder.recorder import Recorder
from underround.app.recordings import read_catalogue
from underround.model.errors import AccountError, ConfigError
from underround.model.market import Catalogue
from underround.storage.recording import Recording


def iso(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def window_row(number: int, start_s: int) -> Row:
    return market_row(
        number, slug=f"btc-updown-5m-{start_s}", liquidity="0", eventStartTime=iso(start_s),
        endDate=iso(start_s + 300), updatedAt=iso(start_s - 3_600),
    )  # fmt: skip


def list_row(bench: Bench, row: Row) -> None:
    """Let the venue list one more market."""
    bench.rows.append(row)
    market = listing_of(row).market
    true = TrueMarket(market, bench.venue.now_ms)
    bench.venue.truth[market.id] = true
    bench.venue._tokens |= {token: (true, side) for side, token in enumerate(market.tokens)}


def catalogue(path: str) -> Catalogue:
    return read_catalogue(Recording.open(Path(path)))


def test_the_next_windows_join_before_they_begin_and_are_in_the_catalogue(tmp_path: Path) -> None:
    async def main() -> None:
        rows: list[Row] = []
        async with venues(tmp_path, rows) as bench:
            bench.config = settings(bench.config, ahead=1)
            start_s = bench.loop.now_ns() // 10**9 // 300 * 300
            list_row(bench, window_row(1, start_s))

            async def during(recorder: Recorder) -> None:
                await bench.trusted()
                list_row(bench, window_row(2, start_s + 300))
                await until(lambda: len(recorder.feeds.followed) == 2)
                await bench.trusted()
                await bench.stir(20)

            summary = await bench.record(series=["btc-updown-5m"], during=during)
            (part,) = summary.parts
            report = verified(part.path)
            assert report.ok, report.problems
            assert [book.verified > 50 for book in report.books] == [True, True]
            slugs = [f"polymarket:btc-updown-5m-{start_s + after}" for after in (0, 300)]
            assert [book.name for book in summary.books] == slugs
            assert len(catalogue(part.path).markets) == 2

    aio.run(main())


def test_a_window_that_is_over_for_an_hour_leaves_and_the_next_part_does_without_it(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        rows: list[Row] = []
        async with venues(tmp_path, rows) as bench:
            bench.config = settings(bench.config, ahead=0, interval_s=300)
            start_s = bench.loop.now_ns() // 10**9 // 300 * 300
            list_row(bench, window_row(1, start_s))

            async def during(recorder: Recorder) -> None:
                await bench.trusted()
                await until(lambda: not recorder.feeds.followed, at_most_s=5_000)
                await asyncio.sleep(900)

            summary = await bench.record(series=["btc-updown-5m"], during=during, rotate_s=3_000)
            ended_s = start_s + 300 + 3_600
            followed_s = summary.books[0].followed_ns / 10**9
            assert ended_s - 2 <= summary.parts[0].began_ns / 10**9 + followed_s <= ended_s + 60
            assert [part.markets for part in summary.parts] == [1, 1]
            assert summary.ended == "signal"

    aio.run(main())


def test_it_ends_when_every_market_was_paid_and_the_catalogue_says_what(tmp_path: Path) -> None:
    async def main() -> None:
        rows = [market_row(1, updatedAt=iso(1_700_000_000))]
        async with venues(tmp_path, rows) as bench:

            async def during(_recorder: Recorder) -> None:
                await bench.trusted()
                paid = {
                    **rows[0], "closed": True, "acceptingOrders": False, "active": True,
                    "outcomePrices": '["1", "0"]', "umaResolutionStatuses": '["resolved"]',
                    "updatedAt": iso(1_790_100_000), "closedTime": "2026-09-22 12:00:00+00",
                }  # fmt: skip
                rows[0] = paid
                bench.script["GET /markets/slug/will-it-rain-1"] = Answer(json.dumps(paid).encode())
                await asyncio.sleep(600)

            summary = await bench.record("will-it-rain-1", during=during)
            assert summary.ended == "closed"
            (paid,) = catalogue(summary.parts[0].path).resolutions
            assert paid.payouts == (1_000_000, 0)
            assert summary.parts[0].sealed

    aio.run(main())


def test_a_grid_that_only_the_catalogue_told_begins_a_new_part(tmp_path: Path) -> None:
    async def main() -> None:
        rows = [market_row(1, updatedAt=iso(1_700_000_000))]
        async with venues(tmp_path, rows) as bench:

            async def during(recorder: Recorder) -> None:
                await bench.trusted()
                rows[0] = {**rows[0], "orderPriceMinTickSize": 0.001,
                           "updatedAt": iso(1_790_100_000)}  # fmt: skip
                await until(lambda: len(recorder.parts.all) == 2)
                await bench.trusted()

            summary = await bench.record("will-it-rain-1", during=during)
            first, second = summary.parts
            assert [
                catalogue(part.path).markets[0].ticks[0].finest for part in (first, second)
            ] == [10_000, 1_000]
            assert verified(first.path).ok
            assert verified(second.path).ok

    aio.run(main())


# --- what is wanted ------------------------------------------------------------------------------


def test_names_patterns_words_and_ids_are_understood(tmp_path: Path) -> None:
    async def main() -> None:
        rows = [market_row(number) for number in (1, 2, 12)]
        async with venues(tmp_path, rows) as bench:

            async def found(*patterns: str) -> list[str]:
                return [each.slug for each in (await bench.wanted(*patterns)).listings]

            assert await found("will-it-rain-2") == ["will-it-rain-2"]
            assert await found(rows[0]["conditionId"]) == ["will-it-rain-1"]
            assert await found("rain") == [f"will-it-rain-{number}" for number in (1, 12, 2)]
            assert sorted(await found("will-it-rain-1*")) == ["will-it-rain-1", "will-it-rain-12"]
            assert await found("polymarket:will-it-rain-?2") == ["will-it-rain-12"]
            assert await found("will-it-rain-2", "rain-2 will it") == [
                "will-it-rain-2", "will-it-rain-1", "will-it-rain-12"
            ]  # fmt: skip

    aio.run(main())


@pytest.mark.parametrize(
    "pattern,says",
    [
        ("polymarket:will-it-rain-3", "the nearest are polymarket:will-it-rain-"),
        ("zebra", "nothing matches 'zebra': use a slug, an id, a ticker, or fewer words"),
        ("***", "name something besides the asterisk"),
        ("will-it-snow-1", "all of it is closed: there is nothing left to record"),
        ("fog", "the configured filter leaves out all 1 markets"),
    ],
)
def test_a_name_that_gives_nothing_is_refused_with_a_remedy(
    tmp_path: Path, pattern: str, says: str
) -> None:
    async def main() -> None:
        rows = [
            market_row(1), market_row(2),
            market_row(5, slug="will-it-snow-1", question="Snow?", closed=True,
                       acceptingOrders=False),
            market_row(6, slug="fog-6", question="Will fog come?", liquidity="1"),
        ]  # fmt: skip
        async with venues(tmp_path, rows) as bench:
            with pytest.raises(ConfigError) as refused:
                await bench.wanted("will-it-rain-1", pattern)
            assert says in str(refused.value)

    aio.run(main())


def test_nothing_named_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, []) as bench:
            with pytest.raises(ConfigError, match="write --markets with a slug"):
                await bench.wanted()
            with pytest.raises(ConfigError, match="no window of it is listed now"):
                await bench.wanted(series=["btc-updown-5m"])
            with pytest.raises(ConfigError, match="write an asset and 5m"):
                await bench.wanted(series=["btc-updown-7m"])

    aio.run(main())


def test_kalshi_without_a_key_is_refused_where_it_is_meant_and_else_noted(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, [market_row(1)], "venues.kalshi.enabled=true") as bench:
            for words in ({"series": ["KXBTC15M"]}, {"patterns": ["kalshi:KXFED-26DEC"]},
                          {"patterns": ["KXFED-26DEC"]}):  # fmt: skip
                with pytest.raises(AccountError, match=r"set venues\.kalshi\.key_id"):
                    await bench.wanted(*words.get("patterns", ()), series=words.get("series", ()))
            wanted = await bench.wanted("rain")
            assert [each.slug for each in wanted.listings] == ["will-it-rain-1"]
            assert "venues.kalshi.key_id" in wanted.notes[0]

    aio.run(main())


def test_the_group_of_markets_that_exclude_each_other_is_recorded_with_them(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        rows = [market_row(number, neg_risk=True) for number in (1, 2)]
        async with venues(tmp_path, rows) as bench:
            event = event_row(rows)
            bench.script["GET /events/slug/which-day"] = Answer(json.dumps(event).encode())
            summary = await bench.record("which-day", for_s=5)
            known = catalogue(summary.parts[0].path)
            assert [group.id for group in known.groups] == ["polymarket:which-day"]
            assert len(known.markets) == 2

    aio.run(main())


@pytest.mark.parametrize("symbol", ["BTC/USDT", "btc", "x" * 30])
def test_a_reference_that_is_no_symbol_is_refused(tmp_path: Path, symbol: str) -> None:
    async def main() -> None:
        async with venues(tmp_path, [market_row(1)]) as bench:
            with pytest.raises(ConfigError, match="such as BTCUSDT"):
                await bench.wanted("will-it-rain-1", references=(symbol,))

    aio.run(main())
