from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from tests.local_venue.flow.stage import WINDOWS, Stage, scene_of
from underround.local_venue.flow.house import House, house_key
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import bundled, read_scene
from underround.local_venue.prices import PriceTold
from underround.model.ids import YES
from underround.model.market import Resolution
from underround.model.units import ONE
from underround.simulation.matching.terms import (
    BookMoved,
    MarketEnded,
    OrderRested,
    Trade,
    TradeMoved,
)
from underround.venues.ethereum import EvmKey

CONTESTS = """
[generator]
keep = "2m"
[[generator.groups]]
slug = "cup"
title = "Who wins the cup?"
outcomes = ["Ann", "Bob", "Cid", "Dot"]
lasts = "10m"
restless = "0.02"
[[generator.games]]
slug = "game"
home = "Home"
away = "Away"
starts_after = "1m"
lasts = "8m"
goals = 8
"""


@pytest.fixture(scope="module")
def contests(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Half an hour of groups and games."""
    stage = Stage()
    stage.play(scene_of(tmp_path_factory.mktemp("contests"), CONTESTS))
    stage.run(1_800)
    return stage


def desk() -> Scene:
    return read_scene(bundled()["desk"])


# --- the same and not the same --------------------------------------------------------------------


def test_the_same_seed_tells_the_same_events_byte_for_byte() -> None:
    stages = [Stage(seed=5, keep="bytes"), Stage(seed=5, keep="bytes")]
    for stage in stages:
        stage.play(desk())
    stages[0].run(90)
    stages[1].run(90, step=0.7)  # however often somebody looks
    assert len(stages[0].told) > 3_000
    assert stages[0].told == stages[1].told


def test_another_seed_tells_other_prices_and_other_orders() -> None:
    first, second = Stage(seed=5), Stage(seed=6)
    for stage in (first, second):
        stage.play(desk())
        stage.run(20)

    def prices(stage: Stage) -> list[int]:
        return [each.price for each in stage.of(PriceTold)]

    def orders(stage: Stage) -> list[tuple[int, int]]:
        return [(each.order.sent.price, each.order.sent.size) for each in stage.of(OrderRested)]

    assert prices(first) != prices(second)
    assert orders(first) != orders(second)


# --- groups and games -----------------------------------------------------------------------------


def test_the_prices_of_a_group_sum_to_nearly_one_all_the_time(tmp_path: Path) -> None:
    stage = Stage(seed=2, keep="nothing")
    stage.play(scene_of(tmp_path, CONTESTS))
    sums: list[int] = []

    def look() -> None:
        middles = []
        for market in stage.world.catalogue.events["cup"].markets:
            bids, asks = stage.book(market)
            if not bids or not asks:
                return
            middles.append((bids[0][0] + asks[0][0]) // 2)
        sums.append(sum(middles))

    stage.run(590, look, step=10)
    assert len(sums) > 50
    assert all(abs(each - ONE) <= 60_000 for each in sums)
    assert abs(sum(sums) // len(sums) - ONE) <= 20_000


def test_exactly_one_outcome_of_a_group_wins_and_the_next_edition_follows(contests: Stage) -> None:
    ended = [each.resolution for each in contests.of(MarketEnded)]
    by_time: dict[int, list[Resolution]] = {}
    for each in ended:
        by_time.setdefault(each.at_ns, []).append(each)
    editions = [each for each in by_time.values() if len(each) == 4]
    assert len(editions) == 2
    for edition in editions:
        assert sorted(each.payouts[YES] for each in edition) == [0, 0, 0, ONE]
    assert "cup-3" in contests.world.catalogue.events
    assert contests.world.catalogue.events["cup-3"].neg_risk


def test_a_game_is_played_decided_and_followed_by_the_next(contests: Stage) -> None:
    assert "game-4" in contests.world.catalogue.events
    listing = contests.listing("game-4")
    assert listing.taker_delay_ms == 3_000
    assert listing.game_starts_ns is not None
    assert listing.market.outcomes == ("Home", "Away")


def test_people_and_those_who_know_meet_makers_in_all_three_ways(
    contests: Stage,
) -> None:
    trades: list[Trade] = [
        each.trade for each in contests.of(TradeMoved) if each.trade.status == "MATCHED"
    ]
    kinds = {maker.kind for trade in trades for maker in trade.makers}
    assert kinds == {"complementary", "mint", "merge"}
    assert len({trade.account for trade in trades}) == 2


# --- money and memory -----------------------------------------------------------------------------


def test_money_is_conserved_through_windows_groups_and_games(tmp_path: Path) -> None:
    stage = Stage(seed=1, keep="nothing")
    flow = stage.play(scene_of(tmp_path, WINDOWS + CONTESTS.partition('"2m"')[2]))
    at_kalshi = stage.world.kalshi.money.total()
    custody = stage.world.polymarket.custody

    def look() -> None:
        assert custody.total() == flow.house.paid_in
        assert stage.world.kalshi.money.total() == at_kalshi

    stage.run(1_800, look)


def test_memory_does_not_grow_with_the_hours(tmp_path: Path) -> None:
    stage = Stage(keep="nothing")
    stage.play(scene_of(tmp_path, WINDOWS))
    sizes: list[tuple[int, int, int]] = []

    def look() -> None:
        world = stage.world
        held = sum(
            len(list(world.polymarket.custody.assets(each)))
            for each in world.polymarket.custody.accounts()
        )
        sizes.append((len(world.catalogue.markets), held, _planned(stage)))

    stage.run(2_400, look, step=300)
    for early, late in zip(sizes[3], sizes[-1], strict=True):
        assert late <= early * 3 // 2 + 20


def _planned(stage: Stage) -> int:
    return len(stage.world.agenda._due)


def test_the_default_desk_acts_often_enough_to_be_lively_and_seldom_enough_to_be_cheap() -> None:
    stage = Stage()
    stage.play(desk())
    stage.run(60)
    stage.events.clear()
    stage.run(60)
    acts = len(stage.of(OrderRested)) + len([1 for each in stage.of(BookMoved)])
    assert 60 * 50 <= acts <= 60 * 600


def test_every_account_of_the_house_is_the_address_of_a_key_of_the_seed() -> None:
    stage = Stage(seed=9)
    house = House(stage.world)
    account = house.account("somebody")
    assert house.account("somebody") == account
    assert house.account("somebody else") != account
    assert EvmKey(Lent(house_key(9, 0))).address == account


class Lent:
    """A key in the form in which keys are taken."""

    name = "house"

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def reveal(self) -> AbstractContextManager[memoryview]:
        return nullcontext(memoryview(self._key))


def test_nobody_of_the_house_can_log_in(contests: Stage) -> None:
    assert not contests.world.accounts.logins
    assert {each.order.sent.owner for each in contests.of(OrderRested)} == {"house"}
