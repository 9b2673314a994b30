"""No row is lost and none comes twice, however many share a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import run
from tests.venues.goldsky.subgraph import Subgraph, row
from tests.venues.scripted import Answer, scripted_host
from underround.model.errors import AnswerRefused, RateLimited, RequestRefused, VenuePaused
from underround.venues.goldsky.answers import Row, decode_rows
from underround.venues.goldsky.hosts import LAST_S, ORDERBOOK_TARGET
from underround.venues.goldsky.paging import Cursor, query, turn
from underround.venues.goldsky.rest import Goldsky
from underround.venues.transport.http import HttpClient

START = 1_700_000_000


def read_all(subgraph: Subgraph, first: int, last: int, page: int) -> list[Row]:
    """Page through a subgraph without a network."""
    rows: list[Row] = []
    cursor: Cursor | None = Cursor(first - 1)
    while cursor is not None:
        told = turn(cursor, decode_rows(subgraph.body(query(cursor, last, page))), last, page)
        rows += told.rows
        cursor = told.cursor
    return rows


@given(
    seconds=st.lists(st.integers(0, 12), max_size=60),
    page=st.integers(1, 7),
    first=st.integers(0, 4),
    last=st.integers(5, 12),
)
def test_every_row_of_the_span_is_read_exactly_once(
    seconds: list[int], page: int, first: int, last: int
) -> None:
    made = [row(number, START + second) for number, second in enumerate(seconds)]
    read = read_all(Subgraph(made), START + first, START + last, page)
    wanted = [one for one in made if START + first <= int(one["timestamp"]) <= START + last]
    assert sorted(one.id for one in read) == sorted(one["id"] for one in wanted)
    assert [one.at_s for one in read] == sorted(one.at_s for one in read)


def test_three_full_pages_of_one_second_are_read_over_http() -> None:
    made = [row(number, START + (number >= 40) + (number >= 3_240)) for number in range(3_300)]
    subgraph = Subgraph(made)

    async def scenario() -> list[str]:
        async with (
            scripted_host({f"POST {ORDERBOOK_TARGET}": subgraph.answer}) as host,
            HttpClient(host.url) as client,
        ):
            pages = Goldsky(client).rows(START, START + 10)
            return [one.id async for page in pages for one in page]

    told = run(scenario())
    assert len(told) == len(set(told)) == 3_300
    assert subgraph.queries == 6  # a cut page, four of the full second (200 last), the rest


def test_nothing_is_asked_about_the_time_after_the_last_trade() -> None:
    subgraph = Subgraph([row(1, LAST_S), row(2, LAST_S + 1)])

    async def scenario() -> tuple[int, int]:
        async with (
            scripted_host({f"POST {ORDERBOOK_TARGET}": subgraph.answer}) as host,
            HttpClient(host.url) as client,
        ):
            goldsky = Goldsky(client)
            last = [one async for page in goldsky.rows(LAST_S, LAST_S + 100) for one in page]
            none = [one async for page in goldsky.rows(LAST_S + 1, LAST_S + 100) for one in page]
            return len(last), len(none)

    assert run(scenario()) == (1, 0)
    assert subgraph.queries == 1
    assert LAST_S == 1_777_420_799  # 2026-04-28T23:59:59Z


def rows_of(*at: int) -> list[Row]:
    return read_all(Subgraph([row(number, second) for number, second in enumerate(at)]), 0, 99, 100)


@pytest.mark.parametrize(
    "cursor, rows",
    [
        (Cursor(10), rows_of(5)),
        (Cursor(10), rows_of(60)),
        (Cursor(10), rows_of(12, 13)[::-1]),
        (Cursor(10), rows_of(12) * 2),
        (Cursor(10), rows_of(11, 12, 13, 14)),
        (Cursor(10, 12), rows_of(13)),
        (Cursor(10, 12), rows_of(12, 12)[::-1]),
        (Cursor(10, 12, "0xff"), rows_of(12)),
    ],
)
def test_rows_out_of_place_are_refused(cursor: Cursor, rows: list[Row]) -> None:
    with pytest.raises(AnswerRefused, match="goldsky"):
        turn(cursor, rows, 50, 3)


@pytest.mark.parametrize(
    "answer, error",
    [
        (Answer(status=429, headers={"Retry-After": "3"}), RateLimited),
        (Answer(status=502), VenuePaused),
        (Answer(status=404), RequestRefused),
        (Answer(b'{"errors":[{"message":"Store error: query timed out"}]}'), VenuePaused),
        (Answer(b'{"errors":[{"message":"Type `Query` has no field"}]}'), RequestRefused),
        (Answer(b"{}"), AnswerRefused),
        (Answer(b"<html>"), AnswerRefused),
        (Answer(b'{"data":{"orderFilledEvents":[{"id":"1"}]}}'), AnswerRefused),
    ],
)
def test_what_is_no_page_is_an_error_of_the_tree(answer: Answer, error: type[Exception]) -> None:
    async def scenario() -> None:
        async with (
            scripted_host({f"POST {ORDERBOOK_TARGET}": answer}) as host,
            HttpClient(host.url) as client,
        ):
            async for _ in Goldsky(client).rows(START, START + 1):
                pass

    with pytest.raises(error):
        run(scenario())
