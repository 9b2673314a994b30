"""The client of Gamma: what it asks, when it stops, and every stored answer read back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import pytest

from tests.aio import run
from tests.venues.polymarket.gamma_rows import NOW, Row, event_row, look_at, market_row
from tests.venues.scripted import Answer, Asked, Script, sample, scripted_host
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    NotThere,
    RateLimited,
    RequestRefused,
    TryLater,
    UnderroundError,
)
from underround.model.fees import NoFees, PolymarketFees
from underround.model.listing import Found
from underround.model.units import ONE, usd
from underround.venues.polymarket.gamma.query import EventQuery, MarketQuery, pairs
from underround.venues.polymarket.gamma.rest import GammaRest
from underround.venues.polymarket.gamma.series import Rolling, find_ahead
from underround.venues.polymarket.gamma.wire import TagRow
from underround.venues.polymarket.limits import limits_of
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

T = TypeVar("T")
SECOND = 1_000_000_000


class Spent:
    """A budget that only counts."""

    def __init__(self) -> None:
        self.groups: Counter[str] = Counter()

    async def spend(self, group: str, cost: int = 1) -> None:
        assert group in limits_of().groups
        self.groups[group] += cost


Use = Callable[[GammaRest], Awaitable[T]]


def ask(script: Script, use: Use[T], **options: Any) -> tuple[T, list[Asked], Spent]:
    """Return what the client makes of a scripted host, and what the host was asked."""

    async def main() -> tuple[T, list[Asked], Spent]:
        spent = Spent()
        async with scripted_host(script) as host, HttpClient(host.url) as http:
            said = await use(GammaRest(http, spent, **options))
            return said, host.asked, spent

    return run(main())


def page(key: str, rows: list[Row], cursor: str | None = None) -> Answer:
    body: Row = {key: rows}
    if cursor is not None:
        body["next_cursor"] = cursor
    return Answer(json.dumps(body).encode())


def told(asked: Asked) -> list[tuple[str, str]]:
    return parse_qsl(asked.target.partition("?")[2], keep_blank_values=True)


def slugs(found: Found) -> list[str]:
    return [each.slug for each in found.listings]


# --- paging ------------------------------------------------------------------------------------


def test_pages_are_followed_by_cursor_until_there_is_none() -> None:
    script: Script = {
        "GET /markets/keyset": [
            page("markets", [market_row(1)], "a+b/="),
            page("markets", [], "second"),
            page("markets", [market_row(2), {"id": "3"}]),
        ]
    }
    found, asked, spent = ask(script, lambda gamma: gamma.markets(MarketQuery(), NOW))
    assert slugs(found) == ["will-it-rain-1", "will-it-rain-2"]
    assert sum(found.refused.values()) == 1
    assert [dict(told(each)).get("after_cursor") for each in asked] == [None, "a+b/=", "second"]
    assert {dict(told(each))["limit"] for each in asked} == {"100"}
    assert not any("offset" in each.target for each in asked)
    assert spent.groups == {"gamma_markets": 3}


@pytest.mark.parametrize("end", ["", None])
def test_an_empty_cursor_ends_the_list(end: str | None) -> None:
    body = json.dumps({"markets": [market_row()], "next_cursor": end}).encode()
    _, asked, _ = ask(
        {"GET /markets/keyset": Answer(body)}, lambda gamma: gamma.markets(MarketQuery(), NOW)
    )
    assert len(asked) == 1


def test_a_cursor_that_comes_again_is_an_error_and_no_endless_loop() -> None:
    script: Script = {
        "GET /events/keyset": [
            page("events", [], "one"),
            page("events", [], "two"),
            page("events", [], "one"),
        ]
    }
    with pytest.raises(AnswerRefused, match="came a second time"):
        ask(script, lambda gamma: gamma.events(EventQuery(), NOW))


def test_a_list_longer_than_allowed_is_refused() -> None:
    def endless(asked: Asked) -> Answer:
        return page("markets", [], f"{dict(told(asked)).get('after_cursor', '')}x")

    with pytest.raises(AnswerRefused, match="more than 5 pages"):
        ask(
            {"GET /markets/keyset": endless},
            lambda gamma: gamma.markets(MarketQuery(), NOW),
            max_pages=5,
        )


@pytest.mark.parametrize(
    "body", [b"[]", b'{"events": []}', b'{"markets": {}}', b'{"markets": [], "next_cursor": 7}']
)
def test_a_page_of_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(AnswerRefused, match="GET /markets/keyset"):
        ask(
            {"GET /markets/keyset": Answer(body)},
            lambda gamma: gamma.markets(MarketQuery(), NOW),
        )


def test_events_bring_their_markets_and_their_group() -> None:
    rows = [market_row(n, neg_risk=True, groupItemTitle=f"Day {n}") for n in (1, 2)]
    found, _, spent = ask(
        {"GET /events/keyset": page("events", [event_row(rows)])},
        lambda gamma: gamma.events(EventQuery(), NOW),
    )
    assert slugs(found) == ["will-it-rain-1", "will-it-rain-2"]
    assert found.groups[0].exhaustive
    assert spent.groups == {"gamma_events": 1}


# --- queries -----------------------------------------------------------------------------------


def test_a_market_query_is_written_in_the_venues_words() -> None:
    query = MarketQuery(
        closed=True,
        slugs=("a", "b"),
        condition_ids=("0x1",),
        token_ids=("7",),
        tag_id=21,
        related_tags=True,
        liquidity_min=usd("2000"),
        volume_max=usd("0.5"),
        ends_after_ns=NOW,
        order="endDate",
        ascending=False,
    )
    assert pairs(query) == [
        ("closed", "true"),
        ("slug", "a"),
        ("slug", "b"),
        ("condition_ids", "0x1"),
        ("clob_token_ids", "7"),
        ("tag_id", "21"),
        ("related_tags", "true"),
        ("liquidity_num_min", "2000"),
        ("volume_num_max", "0.5"),
        ("end_date_min", "2026-10-05T23:05:00Z"),
        ("order", "endDate"),
        ("ascending", "false"),
        ("include_tag", "true"),
    ]


def test_an_event_query_is_written_in_the_venues_words() -> None:
    query = EventQuery(
        series_ids=(10192,), tag_ids=(1, 2), exclude_tag_ids=(3,), liquidity_min=usd("5"), title="x"
    )
    assert pairs(query) == [
        ("closed", "false"),
        ("tag_id", "1"),
        ("tag_id", "2"),
        ("exclude_tag_id", "3"),
        ("series_id", "10192"),
        ("title_search", "x"),
        ("liquidity_min", "5"),
        ("order", "id"),
        ("ascending", "true"),
    ]


def test_slugs_are_asked_for_in_batches() -> None:
    wanted = [f"s{number}" for number in range(120)]
    _, asked, _ = ask(
        {"GET /markets/keyset": page("markets", [])},
        lambda gamma: gamma.markets_by_slug(wanted, NOW),
    )
    sent = [[value for name, value in told(each) if name == "slug"] for each in asked]
    assert [len(each) for each in sent] == [50, 50, 20]
    assert [slug for each in sent for slug in each] == wanted


def test_the_windows_of_a_series_are_found_ahead_over_the_wire() -> None:
    row = market_row(
        slug="btc-updown-15m-1791241200",
        eventStartTime="2026-10-05T23:00:00Z",
        endDate="2026-10-05T23:15:00Z",
    )
    said, asked, _ = ask(
        {"GET /markets/keyset": page("markets", [row])},
        lambda gamma: find_ahead(gamma, [Rolling("BTC", "15m")], NOW, 2),
    )
    assert slugs(said.found) == ["btc-updown-15m-1791241200"]
    assert [value for name, value in told(asked[0]) if name == "slug"] == [
        "btc-updown-15m-1791241200",
        "btc-updown-15m-1791242100",
        "btc-updown-15m-1791243000",
    ]
    assert [each.slug for each in said.missing] == [
        "btc-updown-15m-1791242100",
        "btc-updown-15m-1791243000",
    ]


# --- by name, tags, series, search -------------------------------------------------------------


def test_one_market_is_found_by_slug_closed_or_not() -> None:
    row = market_row(7, closed=True, closedTime="2026-10-05 23:00:16+00")
    found, asked, _ = ask(
        {"GET /markets/slug/will%2Fit": Answer(json.dumps(row).encode())},
        lambda gamma: gamma.market("will/it", NOW),
    )
    assert found.listings[0].state == "closed"
    assert told(asked[0]) == [("include_tag", "true")]


@pytest.mark.parametrize("answer", [Answer(b"null"), Answer(b'{"error":"not found"}', 404)])
def test_a_slug_nobody_has_is_not_there(answer: Answer) -> None:
    with pytest.raises(NotThere):
        ask({"GET /markets/slug/x": answer}, lambda gamma: gamma.market("x", NOW))
    with pytest.raises(NotThere):
        ask({"GET /events/slug/x": answer}, lambda gamma: gamma.event("x", NOW))


def test_one_event_is_found_by_slug() -> None:
    body = json.dumps(event_row([market_row(1), market_row(2)])).encode()
    found, _, _ = ask(
        {"GET /events/slug/which-day": Answer(body)}, lambda gamma: gamma.event("which-day", NOW)
    )
    assert len(found.listings) == 2


def test_tags_are_read_by_offset_until_a_page_is_not_full() -> None:
    def tags(asked: Asked) -> Answer:
        first = int(dict(told(asked))["offset"])
        rows = [{"id": str(n), "slug": f"t{n}", "label": "T"} for n in range(first, 140)][:100]
        return Answer(json.dumps(rows).encode())

    found, asked, _ = ask({"GET /tags": tags}, lambda gamma: gamma.tags())
    assert len(found) == 140
    assert found[139] == TagRow("139", "t139", "T")
    assert [dict(told(each))["offset"] for each in asked] == ["0", "100"]


def test_series_are_listed_without_their_events() -> None:
    row = {"id": "10684", "slug": "btc-up-or-down-5m", "title": "BTC Up or Down 5m"}
    found, asked, _ = ask(
        {"GET /series": Answer(json.dumps([row]).encode())}, lambda gamma: gamma.series()
    )
    assert [each.slug for each in found] == ["btc-up-or-down-5m"]
    assert ("exclude_events", "true") in told(asked[0])
    assert ("limit", "50") in told(asked[0])


def test_a_search_stops_at_its_last_page_or_after_as_many_as_wanted() -> None:
    def hits(number: int, *, more: bool) -> Answer:
        body = {"events": [event_row([market_row(number)])], "pagination": {"hasMore": more}}
        return Answer(json.dumps(body).encode())

    script: Script = {
        "GET /public-search": [
            hits(1, more=True),
            hits(2, more=True),
            Answer(b'{"events": null, "pagination": {"hasMore": false}}'),
        ]
    }
    found, asked, _ = ask(script, lambda gamma: gamma.search("rain & sun", NOW, pages=2))
    assert slugs(found) == ["will-it-rain-1", "will-it-rain-2"]
    assert [dict(told(each))["page"] for each in asked] == ["1", "2"]
    assert dict(told(asked[0]))["q"] == "rain & sun"
    _, asked, _ = ask(script, lambda gamma: gamma.search("rain", NOW, pages=9))
    assert len(asked) == 3


# --- refusals and limits -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, kind",
    [
        (422, RequestRefused),
        (403, AccountError),
        (429, RateLimited),
        (500, TryLater),
        (503, TryLater),
        (301, AnswerRefused),
    ],
)
def test_an_answer_that_is_no_success_says_what_to_do(
    status: int, kind: type[UnderroundError]
) -> None:
    with pytest.raises(kind, match="GET /markets/keyset"):
        ask(
            {"GET /markets/keyset": Answer(b"{}", status)},
            lambda gamma: gamma.markets(MarketQuery(), NOW),
        )


def test_the_limits_of_gamma_are_a_budget_that_lets_a_list_pass() -> None:
    async def main() -> Counter[str]:
        now = NOW

        async def sleep(seconds: float) -> None:
            nonlocal now
            now += int(seconds * SECOND)

        budget = RateBudget(limits_of(), lambda: now, sleep)
        counted: Counter[str] = Counter()
        for group in (name for name in limits_of().groups if name.startswith("gamma")):
            for _ in range(400):
                await budget.spend(group)
                counted[group] += 1
        assert now > NOW  # 400 tags do not fit one window
        return counted

    assert set(run(main()).values()) == {400}


# --- every stored answer -----------------------------------------------------------------------

FOLDER: Final = "polymarket/gamma/"
OPEN_15M: Final = "market_btc_updown_15m_2026-10-05.json"
RESOLVED_5M: Final = "market_btc_updown_5m_resolved_2026-07-24.json"
ACCEPTING: Final = "market_closed_binary_accepting_true.json"
MONEY_LINE: Final = "market_sports_market_money_line.json"
HANDICAP: Final = "market_sports_market_map_handicap.json"
LIVE_5M: Final = "market_btc_updown_5m_live_2026-03-12.json"


def stored(shared: Path, name: str) -> Any:
    return json.loads(sample(shared, FOLDER + name))


@pytest.mark.shared
@pytest.mark.parametrize(
    "name, state, fees, payouts",
    [
        (OPEN_15M, "open", PolymarketFees(70_000, 1), None),
        (LIVE_5M, "open", PolymarketFees(250_000, 2), None),
        (RESOLVED_5M, "resolved", PolymarketFees(70_000, 1), (ONE, 0)),
        ("market_closed_binary_accepting_false.json", "resolved", NoFees(), (0, ONE)),
        (ACCEPTING, "resolved", NoFees(), (ONE, 0)),
        (HANDICAP, "resolved", PolymarketFees(30_000, 1), (ONE, 0)),
        (MONEY_LINE, "resolved", PolymarketFees(30_000, 1), (ONE, 0)),
    ],
)
def test_every_stored_market_with_a_book_is_read(
    shared: Path, name: str, state: str, fees: object, payouts: object
) -> None:
    found = look_at(stored(shared, name), archive=True)
    (listing,) = found.listings
    assert listing.state == state
    assert listing.market.fees == fees
    assert [each.payouts for each in found.resolutions] == ([] if payouts is None else [payouts])


@pytest.mark.shared
def test_the_newest_market_is_read_without_calling_it_an_archive(shared: Path) -> None:
    (listing,) = look_at(stored(shared, OPEN_15M)).listings
    assert listing.window is not None
    assert listing.window.twap_seconds == 60
    assert listing.liquidity == usd("18191.2606")
    assert listing.maker_rebate == 200_000
    assert listing.market.opens_ns == 1_791_155_236 * SECOND


@pytest.mark.shared
def test_stored_markets_of_before_the_order_book_are_refused(shared: Path) -> None:
    for name in ("market_closed_zero_zero_legacy.json", "market_closed_nonbinary_legacy.json"):
        found = look_at(stored(shared, name), archive=True)
        assert not found.listings
        assert list(found.refused) == [
            "the row has another form: Object missing required field `enableOrderBook`"
        ]


@pytest.mark.shared
def test_a_stored_zero_zero_market_would_not_count_as_paid(shared: Path) -> None:
    """Its prices on a market with a book: closed, and nothing is known of the payout."""
    row = stored(shared, RESOLVED_5M)
    row["outcomePrices"] = stored(shared, "market_closed_zero_zero_legacy.json")["outcomePrices"]
    found = look_at(row, archive=True)
    assert found.listings[0].state == "closed"
    assert not found.resolutions


@pytest.mark.shared
def test_the_stored_event_is_an_augmented_group_and_proves_nothing(shared: Path) -> None:
    found = look_at(*stored(shared, "event_2026.json"), archive=True)
    (group,) = found.groups
    assert not found.refused
    assert group.augmented
    assert not group.exhaustive
    assert [each.market.neg_risk for each in found.listings] == [True, True]
    assert "elections" in found.listings[0].tags


@pytest.mark.shared
def test_the_stored_search_and_tags_are_read(shared: Path) -> None:
    script: Script = {
        "GET /public-search": Answer(sample(shared, FOLDER + "public_search.json")),
        "GET /tags": Answer(sample(shared, FOLDER + "tags.json")),
    }
    found, _, _ = ask(script, lambda gamma: gamma.search("bitcoin", NOW), archive=True)
    assert slugs(found) == ["bitcoin-above-64k-on-march-11"]
    assert found.listings[0].series == "btc-multi-strikes-weekly"
    tags, _, _ = ask(script, lambda gamma: gamma.tags())
    assert [each.slug for each in tags][:2] == ["health-and-human-services", "sweeden"]


@pytest.mark.shared
def test_the_tokens_of_a_whole_day_follow_from_their_conditions(shared: Path) -> None:
    """24 consecutive markets of 2026-07-24, put into the row of the first."""
    row = stored(shared, RESOLVED_5M)
    days = stored(shared, "btc_updown_5m_day_index_2026-07-24.json")
    for day in days:
        mine: Row = {
            **row,
            "slug": day["slug"],
            "conditionId": day["condition_id"],
            "clobTokenIds": json.dumps(day["token_ids"]),
            "outcomePrices": json.dumps(day["outcome_prices"]),
            "eventStartTime": _iso(day["start_sec"]),
            "endDate": _iso(day["end_sec"]),
        }
        found = look_at(mine, archive=True)
        window = found.listings[0].window
        assert window is not None
        assert window.start_ns == day["start_sec"] * SECOND
        paid = [int(price) * ONE for price in day["outcome_prices"]]
        assert list(found.resolutions[0].payouts) == paid
    assert len(days) == 24


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
