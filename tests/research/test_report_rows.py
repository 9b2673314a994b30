from __future__ import annotations

import msgspec

from tests.research.sample_run import SampleRun
from underround.model.run import Gap, PositionRow, RunSummary, StreamCounters, StreamCoverage
from underround.model.units import ONE
from underround.research.report import numerals, render, rows


def test_fees_are_split_by_liquidity(busy: SampleRun) -> None:
    """Taker and maker notional are the sums of the fills of each kind, rounded against us."""
    market = busy.summary.series[0].market
    group = [fill for fill in busy.fills if str(fill.outcome.market) == market]
    (row,) = rows.fee_rows(busy.summary, {market: group})
    for kind, total in (("taker", row.taker), ("maker", row.maker)):
        assert total == sum(rows.notional(fill) for fill in group if fill.liquidity == kind) > 0
    assert row.taker != row.maker
    assert row.title == busy.summary.series[0].title


def test_notional_is_rounded_against_us(busy: SampleRun) -> None:
    """A third of a share costs the higher and brings the lower micro-dollar."""
    fill = msgspec.structs.replace(busy.fills[0], price=500_001, size=333_333)
    assert rows.notional(msgspec.structs.replace(fill, side="buy")) == 166_667
    assert rows.notional(msgspec.structs.replace(fill, side="sell")) == 166_666


def test_unrealised_is_value_less_cost(busy: SampleRun) -> None:
    """Three shares worth 1.50 dollars that cost two stand fifty cents below cost."""
    row = PositionRow(
        "p:m:YES", "M", "Yes", ONE, 2 * ONE, 2 * ONE, 0, 500_000, 1_500_000, settled=False
    )
    html = render(msgspec.structs.replace(busy.summary, positions=[row]), [], [])
    part = html[html.index('id="positions"') : html.index('id="fills"')]
    assert part.count(f">{numerals.MINUS}$0.50<") == 2, "once in the row, once in the sum"
    assert part.count(">$1.50<") == 2
    assert '<td class="n">3</td><td class="n">2</td>' in part, "matched shares are held too"


def test_the_last_prices_of_a_doubted_book_say_so(busy: SampleRun) -> None:
    """A market whose book was not trusted at the end is told apart from one that was."""
    found = {
        row.series.market: row.trusted_at_end for row in rows.market_rows(busy.summary, {}, {})
    }
    books = {book.market: book.trusted_at_end for book in busy.summary.books}
    assert found == books
    doubted = sum(not trusted for trusted in books.values())
    assert 0 < doubted < len(books)
    assert render(*busy).count('<span class="id">not trusted</span>') == 2 * doubted


def _streams(busy: SampleRun, early_ns: int, events: int) -> RunSummary:
    start, end = busy.summary.first_ns, busy.summary.last_ns
    coverage = [
        StreamCoverage("venue.market", 9, start, end, start, early_ns, (), 0.5),
        StreamCoverage("league.score", 9, start, end, start, end, (), 1.0),
    ]
    counters = [
        StreamCounters(stream="venue.market", events=9),
        StreamCounters(stream="league.score", events=events),
    ]
    return msgspec.structs.replace(busy.summary, coverage=coverage, streams=counters)


def test_a_stream_that_outlives_the_others_is_named(busy: SampleRun) -> None:
    """The stream is named, how long it goes on, and whether anything can still move."""
    end, second = busy.summary.last_ns, 1_000_000_000
    assert rows.tail(_streams(busy, end - second, 0)) == ""
    text = rows.tail(_streams(busy, end - 600 * second, 0))
    assert "only league.score goes on, for 10 min 00 s: no market data" in text
    assert rows.tail(_streams(busy, end - 600 * second, 5)).endswith("10 min 00 s.")


def test_a_strip_covers_what_was_asked_for_and_marks_each_gap() -> None:
    """Pieces lie inside the strip; a gap of a thousandth is still visible."""
    stream = StreamCoverage(
        "s", 9, 1_000, 11_000, 2_000, 11_000, (Gap("s", 3_000, 3_010), Gap("s", 6_000, 7_000)), 0.8
    )
    pieces = rows.strip(stream, (1_000, 11_000))
    assert [piece.kind for piece in pieces] == ["absent", "present", "gap", "gap"]
    assert [(piece.start, piece.width) for piece in pieces] == [
        (0, 10_000),
        (1_000, 9_000),
        (2_000, 12),
        (5_000, 1_000),
    ]


def test_settings_are_dotted_and_complete() -> None:
    """Nested tables become dotted keys; empty tables and lists are still named."""
    config = {"run": {"cash": "1000", "seed": 7, "tags": ["a", 1]}, "empty": {}, "on": True}
    assert rows.settings(config) == [
        ("run.cash", "1000"),
        ("run.seed", "7"),
        ("run.tags", '["a",1]'),
        ("empty", "{}"),
        ("on", "true"),
    ]
