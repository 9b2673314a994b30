"""Each step of a scene, and what it does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.local_venue.flow.stage import KALSHI, MARKET, SECOND, START, Stage, scene_of
from tests.oracles.known import Lent
from underround.local_venue.accounts import wallet_of
from underround.local_venue.faults import ClosedOnly, Lose, read_fault
from underround.local_venue.flow.flow import Flow
from underround.local_venue.flow.scene_file import find_scene, read_scene
from underround.local_venue.kalshi.members import Members
from underround.local_venue.participants import move_in
from underround.local_venue.prices import PriceTold
from underround.local_venue.signed_orders import SignedOrders
from underround.model.errors import ConfigError
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import (
    AccountId,
    MarketEnded,
    OrderClosed,
    OrderRested,
    TicksMoved,
    Traded,
)
from underround.venues.ethereum import EvmKey, checksum
from underround.venues.polymarket.contracts import required_approvals
from underround.venues.polymarket.wallets import SignatureType

DOCS = Path(__file__).parents[3] / "docs" / "scenes.md"


def play(folder: Path, text: str, seconds: float = 60) -> Stage:
    stage = Stage()
    move_in(stage.world)
    stage.play(scene_of(folder, text))
    stage.run(seconds, step=1)
    return stage


# --- steps ----------------------------------------------------------------------------------------


def test_orders_come_at_their_times_and_are_cancelled_by_name_or_all_of_an_account(
    tmp_path: Path,
) -> None:
    stage = play(
        tmp_path,
        MARKET
        + """
        [[accounts]]
        name = "bob"
        cash = "100"
        [[steps]]
        at = "1s500ms"
        do = "order"
        account = "bob"
        market = "rain"
        outcome = "yes"
        side = "buy"
        price = "0.4"
        size = "10"
        name = "first"
        [[steps]]
        at = "2s"
        do = "order"
        account = "bob"
        market = "rain"
        outcome = "No"
        side = "buy"
        price = "0.3"
        size = "10"
        post_only = true
        [[steps]]
        at = "3s"
        do = "cancel"
        name = "first"
        [[steps]]
        at = "4s"
        do = "cancel"
        account = "bob"
        """,
    )
    placed = [each for each in stage.of(OrderRested) if each.at_ns > START]
    assert [(each.at_ns - START) / SECOND for each in placed] == [1.5, 2]
    assert placed[1].order.sent.post_only
    assert placed[0].order.sent.owner in stage.world.accounts.logins
    closed = stage.of(OrderClosed)
    assert [(each.at_ns - START) // SECOND for each in closed] == [3, 4]
    assert closed[0].order is placed[0].order


def test_an_order_may_live_for_a_while_or_be_all_or_nothing(tmp_path: Path) -> None:
    order = """
        [[steps]]
        do = "order"
        account = "carol"
        market = "rain"
        outcome = "YES"
        side = "buy"
        size = "{size}"
        price = "{price}"
        tif = "{tif}"
        {more}
    """
    stage = play(
        tmp_path,
        MARKET
        + order.format(size="10", price="0.4", tif="GTD", more='lives = "3m"')
        + order.format(size="1000", price="0.52", tif="FOK", more="")
        + order.format(size="20", price="0.52", tif="FAK", more=""),
        200,
    )
    assert [each.size for each in stage.of(Traded)] == [20 * ONE]
    closed = stage.of(OrderClosed)
    assert closed[-1].at_ns == START + 180 * SECOND
    assert closed[-1].order.sent.tif == "GTD"


def test_a_print_trades_its_size_at_its_price_whatever_the_book_shows(tmp_path: Path) -> None:
    stage = play(
        tmp_path,
        MARKET
        + """
        [[steps]]
        at = "1s"
        do = "print"
        market = "rain"
        outcome = "YES"
        side = "buy"
        price = "0.5"
        size = "33"
        """,
    )
    (told,) = stage.of(Traded)
    assert (told.price, told.size, told.side) == (500_000, 33 * ONE, "buy")
    assert stage.book(told.market) == ([(480_000, 100 * ONE)], [(520_000, 100 * ONE)])


def test_prices_ticks_rules_and_the_end_come_as_written(tmp_path: Path) -> None:
    stage = play(
        tmp_path,
        MARKET
        + MARKET.replace("rain", "snow")
        + """
        [[steps]]
        at = "1s"
        do = "price"
        symbol = "btc/usd"
        price = "65000.01"
        [[steps]]
        at = "2s"
        do = "ticks"
        market = "rain"
        tick = "0.001"
        [[steps]]
        at = "3s"
        do = "rules"
        market = "rain"
        text = "By the other gauge."
        [[steps]]
        at = "4s"
        do = "close"
        market = "rain"
        [[steps]]
        at = "5s"
        do = "resolve"
        market = "rain"
        wins = "NO"
        [[steps]]
        at = "6s"
        do = "resolve"
        market = "snow"
        wins = "void"
        """,
    )
    assert [(each.symbol, each.price) for each in stage.of(PriceTold)] == [
        ("btc/usd", 65_000_010_000)
    ]
    (ticks,) = stage.of(TicksMoved)
    assert (ticks.old.finest, ticks.new.finest) == (10_000, 1_000)
    row = stage.listing("rain")
    assert row.rules == "By the other gauge."
    assert row.state == "resolved"
    assert row.market.ticks[-1].finest == 1_000
    payouts = [each.resolution.payouts for each in stage.of(MarketEnded)]
    assert payouts == [(0, ONE), (ONE // 2, ONE // 2)]
    assert stage.of(OrderClosed)[0].at_ns == START + 4 * SECOND


def test_faults_begin_and_end_and_an_account_is_closed_only_for_a_while(tmp_path: Path) -> None:
    stage = Stage()
    alice = move_in(stage.world)[0]
    stage.play(
        scene_of(
            tmp_path,
            """
            [[steps]]
            at = "1s"
            do = "fault"
            set = { fault = "lose", stream = "polymarket.market", per_mille = 50 }
            [[steps]]
            at = "2s"
            do = "closed_only"
            account = "alice"
            lasts = "3s"
            [[steps]]
            at = "10s"
            do = "clear"
            """,
        )
    )
    faults = stage.world.faults
    stage.run(3)
    assert faults.of(Lose, stage.clock.now()) == (Lose(stream="polymarket.market", per_mille=50),)
    (closed,) = faults.of(ClosedOnly, stage.clock.now())
    assert closed.account == alice.owner
    stage.run(4)
    assert not faults.of(ClosedOnly, stage.clock.now())
    stage.run(4)
    assert faults.none


def test_money_comes_to_a_name_and_to_any_wallet_by_its_address(tmp_path: Path) -> None:
    wallet = "0x" + "ab" * 20
    text = f"""
        [[accounts]]
        name = "zoe"
        cash = "5"
        [[steps]]
        do = "fund"
        account = "zoe"
        cash = "1.25"
        [[steps]]
        do = "fund"
        account = "alice"
        cash = "500"
        venue = "kalshi"
        [[steps]]
        do = "fund"
        account = "{wallet}"
        cash = "500"
        """
    stage = Stage()
    flow = stage.play(scene_of(tmp_path, text))
    stage.run(1)
    custody, owned = stage.world.polymarket.custody, AccountId(checksum(bytes.fromhex(wallet[2:])))
    zoe = flow.house.account("scene zoe")
    assert custody.balance(zoe) == usd("6.25")
    assert custody.balance(owned) == usd("500")
    assert all(
        custody.allowed(owned, each.spender, shares=each.standard == "erc1155")
        for each in required_approvals()
    )
    member = Members(0).join("alice").id
    assert stage.world.kalshi.money.balance((member, 0), 0) == usd("500")


def test_on_a_chain_only_a_known_owner_s_wallet_is_given_money(tmp_path: Path) -> None:
    """What stands at an address follows from its owner's key, and the chain has to put it there."""
    stage = Stage()
    flow = stage.play(scene_of(tmp_path, MARKET))
    stage.world.signed_orders = SignedOrders()
    key = EvmKey(Lent("somebody", "0x" + "77" * 32))
    wallet = wallet_of(key.address, SignatureType.POLY_1271).maker
    sent = f'{{"do": "fund", "account": "{wallet}", "cash": "500"}}'.encode()
    with pytest.raises(ConfigError, match=r"nobody's wallet yet.*: derive API keys with the owner"):
        flow.carry_out(sent, START)
    stage.world.accounts.create("0x" + "12" * 20, 0)
    stage.world.accounts.create(key.address, 0)
    assert flow.carry_out(sent, START) == "fund"
    assert stage.world.polymarket.custody.balance(AccountId(wallet)) == usd("500")


def test_a_restart_is_down_then_post_only_then_open(tmp_path: Path) -> None:
    text = '[[steps]]\nat = "1s"\ndo = "restart"\ndown = "5s"\npost_only = "10s"'
    stage = Stage()
    stage.play(scene_of(tmp_path, text))
    modes = []
    for seconds in (0.5, 1, 5, 10):
        stage.run(seconds)
        modes.append(stage.world.polymarket.mode)
    assert modes == ["open", "down", "post_only", "open"]
    asked: list[tuple[int, int, int]] = []
    other = Stage()
    flow = Flow(other.world, scene_of(tmp_path, text), lambda *given: asked.append(given))
    flow.begin(START)
    other.run(2)
    assert asked == [(START + SECOND, 5_000, 10_000)]


def test_a_kalshi_market_takes_orders_prints_and_its_end(tmp_path: Path) -> None:
    stage = play(
        tmp_path,
        KALSHI
        + """
        [[accounts]]
        name = "bob"
        venue = "kalshi"
        cash = "100"
        [[steps]]
        at = "1s"
        do = "order"
        account = "bob"
        market = "KXRAIN-26NOV20-T1"
        outcome = "YES"
        side = "buy"
        price = "0.52"
        size = "10"
        name = "bobs"
        [[steps]]
        at = "2s"
        do = "print"
        market = "KXRAIN-26NOV20-T1"
        outcome = "YES"
        side = "sell"
        price = "0.48"
        size = "30"
        [[steps]]
        at = "3s"
        do = "resolve"
        market = "KXRAIN-26NOV20-T1"
        wins = "YES"
        """,
    )
    assert [each.size for each in stage.of(Traded)] == [10 * ONE, 30 * ONE]
    assert stage.of(MarketEnded)[0].resolution.payouts == (ONE, 0)
    member = Members(0).join("bob").id
    assert stage.world.kalshi.money.balance((member, 0), 0) > usd("104")


def test_one_step_can_be_carried_out_by_itself(tmp_path: Path) -> None:
    stage = Stage()
    flow = stage.play(scene_of(tmp_path, MARKET))
    said = flow.carry_out(b'{"do": "resolve", "market": "rain", "wins": "YES"}', START)
    assert said == "resolve"
    assert stage.listing("rain").state == "resolved"
    with pytest.raises(ConfigError, match="there is no market snow"):
        flow.carry_out(b'{"do": "resolve", "market": "snow", "wins": "YES"}', START)
    with pytest.raises(ConfigError, match=r"^wins: 'Yes' is unknown: use one of YES"):
        flow.carry_out(b'{"do": "resolve", "market": "rain", "wins": "Yes"}', START)
    with pytest.raises(ConfigError, match="the step is no JSON"):
        flow.carry_out(b"{", START)
    with pytest.raises(ConfigError, match=r"^at: a step that is sent happens at once: leave it ou"):
        flow.carry_out(b'{"do": "clear", "at": "5s"}', START)
    for step in (
        b'{"do": "closed_only", "account": "zoe"}',
        b'{"do": "fund", "account": "zoe", "cash": "5"}',
        b'{"do": "cancel", "account": "zoe"}',
    ):
        with pytest.raises(ConfigError, match="there is no account zoe: known are alice, bob, car"):
            flow.carry_out(step, START)
    assert not stage.world.faults.of(ClosedOnly, START)
    flow.carry_out(b'{"do": "close", "market": "rain"}', START)
    assert stage.listing("rain").state == "resolved", "what has ended stays ended"
    with pytest.raises(ConfigError, match="rain has no maybe: use YES"):
        flow.carry_out(
            b'{"do": "print", "market": "rain", "outcome": "maybe", "side": "buy",'
            b' "price": "0.5", "size": "5"}',
            START,
        )


def test_the_same_scene_and_seed_tell_the_same_bytes() -> None:
    def told() -> list[bytes]:
        stage = Stage(seed=4, keep="bytes")
        stage.play(read_scene(find_scene("storm")))
        stage.run(60)
        return stage.told

    assert told() == told()


@pytest.mark.parametrize(
    "step, reason",
    [
        (
            (
                b'{"do":"order","account":"bob","market":"rain","outcome":"YES","side":"buy",'
                b'"price":"0.505","size":"10"}'
            ),
            "breaks minimum tick size rule",
        ),
        (
            (
                b'{"do":"order","account":"bob","market":"rain","outcome":"YES","side":"sell",'
                b'"price":"0.6","size":"100000"}'
            ),
            "not enough balance / allowance",
        ),
        (b'{"do":"resolve","market":"over","wins":"NO"}', "over has ended already"),
        (b'{"do":"cancel","name":"nobody\'s"}', "no order is called nobody's"),
        (b'{"do":"price","symbol":"btc/usd","price":"0"}', "a price of 0 is none"),
    ],
)
def test_a_step_that_is_refused_is_not_said_to_be_done(
    tmp_path: Path, step: bytes, reason: str
) -> None:
    stage = Stage()
    move_in(stage.world)
    listed = """
        [[markets]]
        slug = "rain"
        title = "Rain?"
        [[markets]]
        slug = "over"
        title = "Over?"
        """
    flow = stage.play(scene_of(tmp_path, listed))
    flow.carry_out(b'{"do":"resolve","market":"over","wins":"YES"}', START)
    with pytest.raises(ConfigError, match=reason):
        flow.carry_out(step, START)


def test_a_fault_names_an_account_that_there_can_be() -> None:
    with pytest.raises(msgspec.ValidationError, match="account"):
        read_fault(b'{"fault":"closedonly","account":"alice"}')
