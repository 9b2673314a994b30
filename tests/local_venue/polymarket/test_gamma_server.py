"""Gamma on loopback: rows as the venue writes them, lists that are walked whole, our client."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aio import run
from tests.local_venue.polymarket.catalogue_desk import (
    HOUR,
    SECOND,
    CatalogueDesk,
    everything,
    serving,
)
from tests.venues.scripted import sample
from underround.model.ids import KALSHI, MarketId
from underround.model.listing import Listing
from underround.model.market import Market
from underround.model.units import ONE, usd
from underround.venues.polymarket.gamma.query import EventQuery, MarketQuery

Scene = Callable[[CatalogueDesk, dict[str, Market]], Awaitable[None]]


def on_desk(scene: Scene) -> None:
    """Run a scene on a served desk with a market of every kind."""

    async def main() -> None:
        desk = CatalogueDesk()
        markets = everything(desk)
        async with serving(desk):
            await scene(desk, markets)

    run(main())


# --- rows ----------------------------------------------------------------------------------------


def form(value: Any) -> str:
    """Return what a value looks like: text that holds a list of text, a number."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str) and value.startswith("["):
        return "list in text of " + ",".join(sorted({type(x).__name__ for x in json.loads(value)}))
    return type(value).__name__


OPTIONAL = {
    "$schema",
    "closedTime",
    "lastTradePrice",
    "oneDayPriceChange",
    "oneHourPriceChange",
    "umaEndDate",
}
"""Keys of captures that a row has only at times, or that say nothing about trading."""


@pytest.mark.shared
@pytest.mark.parametrize(
    "name, state",
    [
        ("market_btc_updown_15m_2026-10-05", "open"),
        ("market_btc_updown_5m_resolved_2026-07-24", "resolved"),
    ],
)
def test_a_window_s_row_has_the_keys_and_forms_of_a_captured_one(
    shared: Any, name: str, state: str
) -> None:
    captured = json.loads(sample(shared, f"polymarket/gamma/{name}.json"))

    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["window"]
        desk.trade(market)
        desk.order("alice", "buy", market, "0.30", "20")
        desk.order("bob", "sell", market, "0.60", "0.01")
        if state == "resolved":
            desk.resolve(market, (ONE, 0))
        slug = desk.world.catalogue.markets[market.id].listing.slug
        row = await desk.get("gamma", f"/markets/slug/{slug}")
        missing = captured.keys() - row.keys() - OPTIONAL - {"liquidityAmm", "bestBid", "bestAsk"}
        assert not missing
        for key in captured.keys() & row.keys():
            if captured[key] is not None and captured[key] != "[]" and row[key] != "[]":
                assert form(row[key]) == form(captured[key]), key

    on_desk(scene)


@pytest.mark.shared
def test_an_event_s_row_has_the_keys_and_forms_of_a_captured_one(shared: Any) -> None:
    (captured,) = json.loads(sample(shared, "polymarket/gamma/event_2026.json"))
    left_out = {"sortBy", "volume1wk", "volume1mo", "countryName", "electionType", "gmpChartMode",
                "estimateValue", "deployingTimestamp", "startTime"}  # fmt: skip

    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        row = await desk.get("gamma", "/events/slug/who-wins")
        assert not captured.keys() - row.keys() - left_out
        for key in captured.keys() & row.keys():
            assert form(row[key]) == form(captured[key]), key
        inner = captured["markets"][0].keys() - row["markets"][0].keys()
        assert inner <= OPTIONAL | {
            "submitted_by", "resolvedBy", "umaBond", "umaReward", "customLiveness", "seriesColor",
            "deployingTimestamp", "bestBid", "bestAsk", "oneWeekPriceChange", "oneMonthPriceChange",
        }  # fmt: skip

    on_desk(scene)


def test_lists_stand_as_json_text_inside_strings() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        row = await desk.get("gamma", "/markets/slug/rain")
        assert row["outcomes"] == '["Yes", "No"]'
        assert row["clobTokenIds"] == json.dumps(list(markets["plain"].tokens))
        assert row["outcomePrices"] == '["0.5", "0.5"]'
        assert row["umaResolutionStatuses"] == "[]"
        v2 = await desk.get("gamma", "/markets/slug/newer")
        assert (v2["version"], v2["clobTokenIds"]) == ("v2", "[]")
        assert v2["positionIds"] == list(markets["v2"].tokens)
        assert v2["conditionId"] + "00" == markets["v2"].id.native

    on_desk(scene)


def test_best_prices_and_volumes_are_those_of_the_book_and_its_trades() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["plain"]
        desk.trade(market, "0.40", "20")
        desk.order("alice", "buy", market, "0.35", "10")
        desk.order("bob", "buy", market, "0.52", "10", outcome=1)
        row = await desk.get("gamma", "/markets/slug/rain")
        assert (row["bestBid"], row["bestAsk"], row["spread"]) == (0.35, 0.48, 0.13)
        assert row["lastTradePrice"] == 0.4
        assert row["outcomePrices"] == '["0.415", "0.585"]'
        assert row["volumeNum"] == row["volume24hr"] == row["volumeClob"] == 8
        assert row["volume"] == "8"
        assert row["liquidityNum"] == 3.5 + 5.2
        event = await desk.get("gamma", "/events/slug/plain-things")
        assert (event["volume"], event["liquidity"]) == (8, 8.7)

    on_desk(scene)


def test_trades_of_one_hour_add_up() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.trade(markets["plain"], "0.40", "20")
        desk.trade(markets["plain"], "0.40", "5")
        row = await desk.get("gamma", "/markets/slug/rain")
        assert row["volume24hr"] == 10

    on_desk(scene)


def test_a_trade_of_no_is_told_at_the_price_of_yes() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.order("bob", "buy", markets["plain"], "0.30", "20")
        desk.order("alice", "buy", markets["plain"], "0.70", "20", outcome=1)
        row = await desk.get("gamma", "/markets/slug/rain")
        assert row["lastTradePrice"] == 0.3

    on_desk(scene)


def test_a_change_of_a_day_is_told_once_there_is_an_older_price() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["free"]
        desk.trade(market, "0.40")
        desk.pass_ms(90_000_000)
        desk.trade(market, "0.55")
        row = await desk.get("gamma", "/markets/slug/snow")
        assert row["oneDayPriceChange"] == 0.15
        assert row["volume24hr"] == 11
        assert row["volumeNum"] == 19

    on_desk(scene)


@pytest.mark.parametrize(
    "payouts, prices",
    [((ONE, 0), '["1", "0"]'), ((0, ONE), '["0", "1"]'), ((500_000, 500_000), '["0.5", "0.5"]')],
)
def test_a_resolved_market_is_closed_at_its_payouts(payouts: tuple[int, int], prices: str) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.resolve(markets["plain"], payouts)
        row = await desk.get("gamma", "/markets/slug/rain")
        assert (row["closed"], row["acceptingOrders"]) == (True, False)
        assert (row["outcomePrices"], row["umaResolutionStatus"]) == (prices, "resolved")
        assert row["closedTime"].endswith("+00")

    on_desk(scene)


def test_a_proposed_outcome_and_a_dispute_are_told() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["plain"].id
        desk.world.change(market, desk.now, state="closed")
        row = await desk.get("gamma", "/markets/slug/rain")
        assert (row["closed"], row["umaResolutionStatus"]) == (False, "proposed")
        desk.world.catalogue.markets[market].disputed = True
        row = await desk.get("gamma", "/markets/slug/rain")
        assert row["umaResolutionStatuses"] == '["proposed", "disputed"]'

    on_desk(scene)


def test_a_market_is_found_by_how_far_its_answer_is() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["plain"].id
        for disputed, status in ((False, "proposed"), (True, "disputed")):
            desk.world.change(market, desk.now, state="closed")
            desk.world.catalogue.markets[market].disputed = disputed
            page = await desk.get("gamma", "/markets/keyset", uma_resolution_status=status)
            assert [row["slug"] for row in page["markets"]] == ["rain"]
            assert page["markets"][0]["umaResolutionStatus"] == status

    on_desk(scene)


def test_a_group_s_markets_are_its_questions_in_order() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        event = await desk.get("gamma", "/events/slug/who-wins")
        group = event["negRiskMarketID"]
        assert (event["negRisk"], event["enableNegRisk"], event["negRiskAugmented"]) == (
            True, True, False,
        )  # fmt: skip
        for place, row in enumerate(event["markets"]):
            assert row["negRiskMarketID"] == group
            assert int(row["questionID"], 16) == int(group, 16) + place
            assert row["groupItemThreshold"] == str(place)

    on_desk(scene)


# --- our client ----------------------------------------------------------------------------------


def told_alike(found: Listing, listed: Listing) -> None:
    """The catalogue's row survives the wire, but for what Gamma does not tell."""
    for name in ("slug", "state", "protocol", "placeholder", "augmented", "rules", "ends_ns",
                 "tags", "series", "maker_rebate", "window"):  # fmt: skip
        assert getattr(found, name) == getattr(listed, name), name
    ours, theirs = found.market, listed.market
    for name in ("id", "title", "outcomes", "tokens", "min_size", "fees", "neg_risk", "group"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.ticks == theirs.ticks
    assert ours.opens_ns is not None
    assert theirs.opens_ns is not None
    assert ours.opens_ns // SECOND == theirs.opens_ns // SECOND


def test_our_client_reads_every_market_as_it_is_listed() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.gamma()
        found = await client.markets(MarketQuery(), desk.now)
        assert not found.refused
        by_id = {each.market.id: each for each in found.listings}
        assert set(by_id) == {market.id for market in markets.values()}
        for market, row in desk.world.catalogue.markets.items():
            home = desk.world.catalogue.events[row.event]
            tags = tuple(dict.fromkeys((*home.tags, *row.listing.tags)))
            told_alike(by_id[market], _with(row.listing, tags=tags))
        window = by_id[markets["window"].id]
        assert window.rewards is not None
        assert (window.rewards.max_spread, window.rewards.daily) == (usd("0.045"), usd("100"))

    on_desk(scene)


def _with(listing: Listing, **changes: Any) -> Listing:
    return msgspec.structs.replace(listing, **changes)


def test_our_client_finds_groups_and_knows_which_are_exhaustive() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        found = await (await desk.gamma()).events(EventQuery(), desk.now)
        assert not found.refused
        groups = {group.id: group for group in found.groups}
        closed, augmented = groups[_gid("who-wins")], groups[_gid("who-else")]
        assert closed.markets == tuple(markets[n].id for n in ("first", "second", "third"))
        assert closed.exhaustive
        assert augmented.augmented
        assert not augmented.exhaustive

    on_desk(scene)


def _gid(slug: str) -> Any:
    return f"polymarket:{slug}"


def test_our_client_sees_how_markets_ended_and_looks_single_ones_up() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.gamma()
        desk.resolve(markets["plain"], (ONE, 0))
        desk.resolve(markets["v2"], (0, ONE))
        desk.resolve(markets["free"], (ONE // 2, ONE // 2))
        found = await client.markets(MarketQuery(closed=True), desk.now)
        told = {each.market: each.payouts for each in found.resolutions}
        assert told == {
            markets["plain"].id: (ONE, 0),
            markets["v2"].id: (0, ONE),
            markets["free"].id: (ONE // 2, ONE // 2),
        }
        assert {each.state for each in found.listings} == {"resolved"}
        one = await client.market("rain", desk.now)
        assert one.listings[0].state == "resolved"
        await client.event("who-wins", desk.now)
        still = await client.markets(MarketQuery(), desk.now)
        assert {each.state for each in still.listings} == {"open"}

    on_desk(scene)


@pytest.mark.parametrize("state", ["open", "closed", "paused", "unopened"])
def test_our_client_reads_the_state_of_a_market(state: str) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        market = markets["plain"]
        if state == "unopened":
            soon = desk.list(
                desk.world.catalogue.events["plain-things"],
                "hail",
                opens_ns=desk.now + HOUR,
                state="unopened",
            )
            market = soon
        else:
            desk.world.change(market.id, desk.now, state=state)
        found = await (await desk.gamma()).markets(
            MarketQuery(condition_ids=(market.id.native,)), desk.now
        )
        assert [each.state for each in found.listings] == [state]

    on_desk(scene)


def test_our_client_lists_tags_and_series_and_searches() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.gamma()
        assert {tag.slug for tag in await client.tags()} == {"politics", "crypto", "tests"}
        (series,) = await client.series()
        assert (series.slug, series.recurrence) == ("btc-up-or-down-15m", "15m")
        found = await client.search("wins anna", desk.now)
        assert {each.slug for each in found.listings} == {"anna-wins", "bert-wins", "cleo-wins"}
        assert not (await client.search("nothing like it", desk.now)).listings

    on_desk(scene)


# --- queries -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query, found",
    [
        ([("slug", "rain"), ("slug", "snow")], {"rain", "snow"}),
        ([("slug", "rain,snow")], {"rain", "snow"}),
        ([("version", "v2")], {"newer"}),
        ([("id", "2")], {"snow"}),
        ([("end_date_max", "2020-01-01T00:00:00Z")], set()),
        ([("tag_id", "1")], {"rain", "snow", "newer"}),
        ([("exclude_tag_id", "3"), ("limit", "100")], set()),
        ([("tag_id", "2"), ("tag_id", "3"), ("tag_match", "all")], {"window"}),
        ([("series_id", "1")], {"window"}),
        ([("volume_num_min", "7")], {"rain"}),
        ([("liquidity_num_min", "1000")], set()),
        ([("rewards_min_size", "50")], {"window"}),
        ([("resolution_status", "active")], {"newer"}),
        ([("uma_resolution_status", "proposed")], set()),
        ([("active", "false")], set()),
        ([("game_id", "77")], set()),
    ],
)
def test_a_filter_leaves_what_fits_it(query: list[tuple[str, str]], found: set[str]) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        desk.trade(markets["plain"])
        told = await desk.ask("gamma", "/markets/keyset", query)
        window = desk.world.catalogue.markets[markets["window"].id].listing.slug
        slugs = {row["slug"].replace(window, "window") for row in told.body["markets"]}
        assert slugs == found

    on_desk(scene)


def test_tokens_and_conditions_find_their_market_in_every_form() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        plain, v2 = markets["plain"], markets["v2"]
        question = desk.world.catalogue.markets[plain.id].question_id
        for query, slug in (
            ({"clob_token_ids": plain.tokens[1]}, "rain"),
            ({"condition_ids": plain.id.native}, "rain"),
            ({"question_ids": question}, "rain"),
            ({"position_ids": v2.tokens[0]}, "newer"),
            ({"condition_ids": v2.id.native}, "newer"),
            ({"condition_ids": v2.id.native[:-2]}, "newer"),
            ({"request_ids": v2.id.native}, "newer"),
        ):
            page = await desk.get("gamma", "/markets/keyset", **query)
            assert [row["slug"] for row in page["markets"]] == [slug], query
        nothing = await desk.get("gamma", "/markets/keyset", clob_token_ids="17")
        assert nothing == {"markets": []}

    on_desk(scene)


@pytest.mark.parametrize(
    "path, query",
    [
        ("/markets/keyset", {"offset": "10"}),
        ("/events/keyset", {"offset": "0"}),
        ("/markets/keyset", {"order": "colour"}),
        ("/markets/keyset", {"closed": "perhaps"}),
        ("/markets/keyset", {"limit": "many"}),
        ("/markets/keyset", {"after_cursor": "here"}),
        ("/markets/keyset", {"volume_num_min": "NaN"}),
        ("/markets/keyset", {"end_date_min": "soon"}),
        ("/markets/keyset", {"tag_match": "some"}),
        ("/markets", {"offset": "2001"}),
        ("/public-search", {}),
    ],
)
def test_what_the_venue_does_not_take_is_refused_with_422(path: str, query: dict[str, str]) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        told = await desk.ask("gamma", path, query)
        assert (told.status, told.body["type"]) == (422, "validation error")

    on_desk(scene)


@pytest.mark.parametrize(
    "path", ["/markets/77", "/markets/slug/no", "/events/77", "/events/slug/no", "/tags/99"]
)
def test_what_is_not_listed_is_not_found(path: str) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        told = await desk.ask("gamma", path)
        assert (told.status, told.body["type"]) == (404, "not found error")

    on_desk(scene)


def test_the_old_lists_still_answer_by_offset_and_say_that_they_end() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        told = await desk.ask("gamma", "/markets", {"limit": "2", "offset": "1"})
        assert [row["slug"] for row in told.body] == ["snow", "anna-wins"]
        assert "Sunset" in told.headers
        events = await desk.get("gamma", "/events", limit="1")
        assert [row["slug"] for row in events] == ["plain-things"]

    on_desk(scene)


def test_markets_of_another_venue_are_not_listed() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        event = desk.event("KXRAIN")
        row = desk.world.catalogue.markets[markets["plain"].id]
        theirs = MarketId(KALSHI, "KXRAIN-1")
        other = msgspec.structs.replace(row.listing.market, id=theirs, tokens=("a", "b"))
        listing = _with(row.listing, market=other, slug="kxrain-1", protocol=None)
        desk.world.catalogue.add(event, listing, desk.now)
        page = await desk.get("gamma", "/markets/keyset", limit="100")
        assert "kxrain-1" not in {each["slug"] for each in page["markets"]}
        assert (await desk.ask("gamma", "/events/slug/KXRAIN")).status == 404

    on_desk(scene)


# --- paging --------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 7),
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.sampled_from(["id", "endDate", "startDate", "endDate,startDate"]),
    st.booleans(),
)
def test_a_walk_visits_every_row_once_while_rows_are_added(
    size: int, added: list[int], order: str, ascending: bool
) -> None:
    """Whatever was listed when the walk began is seen once; what is added, at most once."""

    async def main() -> None:
        desk = CatalogueDesk()
        event = desk.event("many")
        numbers = iter(range(10_000))

        def add(count: int) -> None:
            for _ in range(count):
                number = next(numbers)
                ends = desk.now + (number * 7 % 5) * HOUR
                desk.list(event, f"market-{number}", ends_ns=ends)
                desk.pass_ms(number % 2)

        add(11)
        before = {row.listing.slug for row in desk.world.catalogue.markets.values()}
        async with serving(desk):
            query = {"limit": str(size), "order": order, "ascending": str(ascending).lower()}
            seen: list[str] = []
            for more in (*added, *(0 for _ in range(100))):
                page = await desk.get("gamma", "/markets/keyset", **query)
                seen += [row["slug"] for row in page["markets"]]
                if "next_cursor" not in page:
                    break
                query["after_cursor"] = page["next_cursor"]
                add(more)
        assert len(seen) == len(set(seen))
        assert before <= set(seen)

    run(main())


def test_a_cursor_belongs_to_the_order_it_was_made_in() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        asked = {"limit": "2", "order": "endDate", "ascending": "true"}
        cursor = (await desk.get("gamma", "/markets/keyset", **asked))["next_cursor"]
        again = {"after_cursor": cursor}
        assert (await desk.ask("gamma", "/markets/keyset", asked | again)).status == 200
        for other in ({"order": "startDate"}, {"ascending": "false"}):
            told = await desk.ask("gamma", "/markets/keyset", asked | again | other)
            assert told.status == 422

    on_desk(scene)


def test_a_page_is_never_longer_than_a_hundred_and_the_last_has_no_cursor() -> None:
    async def main() -> None:
        desk = CatalogueDesk()
        event = desk.event("many")
        for number in range(120):
            desk.list(event, f"market-{number}")
        async with serving(desk):
            page = await desk.get("gamma", "/markets/keyset", limit="500")
            assert len(page["markets"]) == 100
            last = await desk.get(
                "gamma", "/markets/keyset", limit="100", after_cursor=page["next_cursor"]
            )
            assert len(last["markets"]) == 20
            assert "next_cursor" not in last

    run(main())
