"""Every line of the scene format, and what it does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from tests.local_venue.flow.stage import MARKET, SECOND, START, Stage, scene_of
from underround.local_venue.flow import scene, terms
from underround.local_venue.flow.scene_file import bundled, find_scene, read_scene
from underround.local_venue.kalshi.members import Members
from underround.local_venue.participants import move_in
from underround.model.ids import YES, OutcomeId
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import (
    AccountId,
    Traded,
)

DOCS = Path(__file__).parents[3] / "docs" / "scenes.md"


def play(folder: Path, text: str, seconds: float = 60) -> Stage:
    stage = Stage()
    move_in(stage.world)
    stage.play(scene_of(folder, text))
    stage.run(seconds, step=1)
    return stage


# --- what is there --------------------------------------------------------------------------------


def test_a_market_is_listed_with_its_words_fees_grid_and_orders(tmp_path: Path) -> None:
    stage = play(
        tmp_path,
        """
        [[events]]
        slug = "weather"
        title = "The weather"
        neg_risk = true
        [[markets]]
        slug = "rain"
        title = "Rain?"
        event = "weather"
        outcomes = ["Wet", "Dry"]
        tick = "0.001"
        min_size = "15"
        fee_rate = "0.05"
        taker_delay = "250ms"
        rules = "By the gauge."
        ends = "2h"
        tags = ["weather"]
        bids = [["0.481", "100"], ["0.48", "20.5"]]
        asks = [["0.52", "100"]]
        [[markets]]
        slug = "snow"
        title = "Snow?"
        event = "weather"
        """,
        1,
    )
    listing = stage.listing("rain")
    market = listing.market
    assert market.outcomes == ("Wet", "Dry")
    assert market.ticks[-1].finest == 1_000
    assert market.min_size == 15 * ONE
    assert market.neg_risk
    assert market.fees.fee(ONE // 2, 100 * ONE, taker=True) == usd("1.25")
    assert listing.taker_delay_ms == 250
    assert listing.rules == "By the gauge."
    assert listing.ends_ns == START + 7_200 * SECOND
    assert listing.tags == ("weather",)
    assert stage.book(market.id) == (
        [(481_000, 100 * ONE), (480_000, 20_500_000)],
        [(520_000, 100 * ONE)],
    )
    event = stage.world.catalogue.events["weather"]
    assert (len(event.markets), event.neg_risk) == (2, True)


def test_accounts_have_exactly_what_the_scene_says(tmp_path: Path) -> None:
    stage = Stage()
    alice = move_in(stage.world)[0]
    flow = stage.play(
        scene_of(
            tmp_path,
            MARKET
            + """
            [[accounts]]
            name = "alice"
            cash = "12.5"
            shares = [{ market = "rain", outcome = "YES", size = "40" }]
            [[accounts]]
            name = "alice"
            venue = "kalshi"
            cash = "70"
            [[accounts]]
            name = "somebody"
            cash = "3"
            """,
        )
    )
    custody = stage.world.polymarket.custody
    rain = stage.listing("rain").market
    assert custody.balance(_account(alice.maker)) == usd("12.5")
    assert custody.balance(_account(alice.maker), OutcomeId(rain.id, YES)) == 40 * ONE
    assert custody.backing[rain.id] >= 40 * ONE
    assert usd("3") == custody.balance(flow.house.account("scene somebody"))
    member = Members(0).join("alice").id
    assert stage.world.kalshi.money.balance((member, 0), 0) == usd("70")


def _account(maker: str) -> AccountId:
    return AccountId(maker)


def test_a_scene_says_when_it_begins_and_with_which_seed(tmp_path: Path) -> None:
    read = scene_of(
        tmp_path,
        """
        title = "One"
        seed = 7
        starts = 2026-11-20T12:00:00Z
        [settlement]
        mined_ms = 5
        """,
    )
    assert (read.title, read.seed) == ("One", 7)
    assert read.starts_ns == 1_795_176_000 * SECOND
    assert read.settlement.mined_ms == 5
    assert scene_of(tmp_path, "").starts_ns is None


def test_a_recording_plays_beside_the_script(tmp_path: Path) -> None:
    stage = Stage(keep="nothing")
    flow = stage.play(
        scene_of(tmp_path, MARKET + '[recording]\nname = "nhl-2026-06-07"\nafter = "5s"')
    )
    stage.run(4)
    assert len(stage.world.catalogue.markets) == 1
    stage.run(60)
    assert len(stage.world.catalogue.markets) == 7
    assert flow.recording is not None
    assert flow.recording.frames > 10


# --- bundled scenes and the page ------------------------------------------------------------------


def test_four_scenes_are_bundled_and_each_plays() -> None:
    assert set(bundled()) == {"desk", "exact", "quiet", "storm"}
    for name in bundled():
        stage = Stage(keep="nothing")
        move_in(stage.world)
        stage.play(read_scene(find_scene(name)))
        stage.run(40)
        assert stage.world.catalogue.markets


def test_the_exact_scene_does_what_the_page_says() -> None:
    stage = Stage()
    alice = move_in(stage.world)[0]
    stage.play(read_scene(find_scene("exact")))
    stage.run(40)
    assert [(each.price, each.size) for each in stage.of(Traded)] == [
        (490_000, 20 * ONE),
        (480_000, 30 * ONE),
    ]
    custody = stage.world.polymarket.custody
    assert custody.balance(_account(alice.maker)) == usd("500") - usd("9.8")
    rain = stage.listing("rain-tomorrow").market
    assert custody.redeem(_account(alice.maker), rain.id) == usd("60")


def test_every_example_of_the_page_is_a_scene(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        stage = Stage(keep="nothing")
        move_in(stage.world)
        stage.play(scene_of(tmp_path, block))
        stage.run(5)


def test_the_page_names_every_key_of_every_table() -> None:
    page = DOCS.read_text()
    kinds = [
        kind
        for module in (scene, terms)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, terms.Strict)
    ]
    assert len(kinds) > 15
    for kind in kinds:
        if kind is scene.Step:
            continue
        tag = kind.__struct_config__.tag
        assert tag is None or f"`{tag}`" in page, f"step {tag}"
        for each in msgspec.structs.fields(kind):
            assert f"`{each.encode_name}`" in page, f"{kind.__name__}.{each.encode_name}"
