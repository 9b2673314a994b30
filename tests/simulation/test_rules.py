"""The rule book: what is refused, and in whose words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from underround.model.ids import KALSHI, NO, POLYMARKET, GroupId, MarketId, PlanId, StrategyId
from underround.model.market import EventGroup, TickBand, TickEpoch
from underround.model.orders import Order, SetIntent
from underround.model.units import ONE, shares, usd
from underround.simulation.rules import (
    check_order,
    check_self_trade,
    check_sets,
    crosses,
    in_yes,
    is_bid,
    shortest_gtd,
)

if TYPE_CHECKING:
    from tests.simulation.conftest import World, WorldMaker

SECOND = 1_000_000_000


def why(world: World, order: Order, opposite: str | None = None, now: int = 0) -> str | None:
    best = None if opposite is None else usd(opposite)
    return check_order(order, world.market, world.ticks, best, now)


@pytest.mark.parametrize(
    "price, size, reason",
    [
        ("0.50", "5", None),
        ("0.505", "5", "order o1 is invalid. Price (0.505) breaks minimum tick size rule: 0.01"),
        ("0", "5", "order o1 is invalid. Price (0) breaks minimum tick size rule: 0.01"),
        ("1", "5", "order o1 is invalid. Price (1) breaks minimum tick size rule: 0.01"),
        ("0.50", "3", "order o1 is invalid. Size (3) lower than the minimum: 5"),
        ("0.50", "5.005", "order o1 is invalid. Size (5.005) is not a multiple of 0.01"),
    ],
)
def test_grid_and_minimum(world: World, price: str, size: str, reason: str | None) -> None:
    """An order off the grid, below the minimum or off the size step is refused by name."""
    assert reason == why(world, world.order("buy", price, size))


def test_a_no_price_is_checked_on_the_yes_grid(world: World) -> None:
    """Where the grid is finer near 0, NO at 0.995 is YES at 0.005 and accepted; 0.005 is not."""
    bands = (TickBand(0, usd("0.1"), usd("0.001")), TickBand(usd("0.1"), ONE, usd("0.01")))
    world.ticks = TickEpoch(0, bands)
    fine = world.order("buy", "0.995", "5", outcome=NO)
    coarse = world.order("buy", "0.005", "5", outcome=NO)
    assert why(world, fine) is None
    refused = "order o2 is invalid. Price (0.005) breaks minimum tick size rule: 0.01"
    assert why(world, coarse) == refused


def test_post_only_refused_when_it_would_take(world: World) -> None:
    """A post-only order at the opposite best is refused; one tick away it is accepted."""
    crossing = world.order("buy", "0.52", "5", post_only=True)
    resting = world.order("buy", "0.51", "5", post_only=True)
    assert why(world, crossing, "0.52") == "invalid post-only order: order crosses book"
    assert why(world, resting, "0.52") is None


def test_post_only_cannot_take(world: World) -> None:
    """Post-only FOK and FAK orders are refused."""
    order = world.order("buy", "0.52", "5", "FAK", post_only=True)
    assert why(world, order) == "post-only is for GTC and GTD orders"


@pytest.mark.parametrize(
    "side, price, tif, opposite, refused",
    [
        ("buy", "0.10", "GTC", "0.10", True),
        ("buy", "0.10", "FOK", None, True),
        ("buy", "0.10", "GTC", "0.11", False),
        ("sell", "0.10", "GTC", "0.10", False),
        ("buy", "0.20", "FOK", "0.10", False),
    ],
)
def test_marketable_buys_are_worth_a_dollar(
    world: World, side: Any, price: str, tif: Any, opposite: str | None, refused: bool
) -> None:
    """On Polymarket five shares at 0.10 that would take are refused; at 0.20 they are a dollar."""
    reason = why(world, world.order(side, price, "5", tif), opposite)
    text = "invalid amount for a marketable BUY order ($0.5), min size: $1"
    assert (text if refused else None) == reason


def test_kalshi_has_no_dollar_minimum(kalshi_world: World) -> None:
    """A single contract at a cent may be taken on Kalshi."""
    assert why(kalshi_world, kalshi_world.order("buy", "0.01", "1", "FOK"), "0.01") is None


def test_a_kalshi_refusal_does_not_name_the_order(kalshi_world: World) -> None:
    """Only Polymarket's texts begin with the order's id."""
    reason = why(kalshi_world, kalshi_world.order("buy", "0.505", "5"))
    assert reason == "invalid_price: price is not on the market's price levels"


def test_dollars_are_given_in_cents_and_at_least_a_hundred(world: World) -> None:
    """An order given in dollars has no minimum of shares, but wants whole cents and a dollar."""
    order = world.order("buy", "0.50", "2", "FAK")

    def refusal(budget: str) -> str | None:
        return check_order(order, world.market, world.ticks, None, 0, usd(budget))

    assert refusal("1") is None
    assert refusal("0.99") == "invalid amount for a marketable BUY order ($0.99), min size: $1"
    assert refusal("1.001") == (
        "invalid amounts, the market buy orders maker amount supports a max accuracy of "
        "2 decimals, taker amount a max of 4 decimals"
    )


def test_gtd_must_outlive_the_margin(world: World) -> None:
    """Polymarket drops GTD a minute early and wants three minutes: 120 s are the shortest life."""
    assert shortest_gtd(POLYMARKET) == 120 * SECOND
    short = world.order("buy", "0.40", "5", "GTD", good_until_ns=120 * SECOND - 1)
    enough = world.order("buy", "0.40", "5", "GTD", good_until_ns=120 * SECOND)
    assert why(world, short) == "invalid expiration"
    assert why(world, enough, now=SECOND) is None


def test_gtd_needs_a_future_and_only_gtd_has_one(world: World, kalshi_world: World) -> None:
    """GTD without a time, another order with one, or a time already over are refused."""
    without = world.order("buy", "0.40", "5", "GTD")
    with_time = world.order("buy", "0.40", "5", "GTC", good_until_ns=500 * SECOND)
    assert why(world, without) == "invalid expiration"
    assert why(world, with_time) == "invalid expiration"
    soon = kalshi_world.order("buy", "0.40", "5", "GTD", good_until_ns=10)
    assert why(kalshi_world, soon, now=9) is None
    assert why(kalshi_world, soon, now=10) == "invalid_order: expiration_time has passed"


def test_kalshi_refuses_after_the_close(make_world: WorldMaker) -> None:
    """From its close on, a Kalshi market is inactive."""
    world = make_world(venue=KALSHI, closes_ns=10)
    assert why(world, world.order("buy", "0.40", "5"), now=9) is None
    assert why(world, world.order("buy", "0.40", "5"), now=10) == "market_inactive"


def test_self_trade_is_seen_across_outcomes(world: World) -> None:
    """Buying NO at 0.50 meets our own resting buy of YES at 0.50, but not one at 0.49."""
    own = world.order("buy", "0.50", "5")
    lower = world.order("buy", "0.49", "5")
    incoming = world.order("buy", "0.50", "5", outcome=NO)
    expected = f"self-trade (taker_at_cross): would match our own resting order {own.id}"
    assert check_self_trade(incoming, [lower, own]) == expected
    assert check_self_trade(incoming, [lower]) is None
    assert check_self_trade(own, [lower]) is None


def test_mirror() -> None:
    """Buying NO at 0.30 is offering YES at 0.70, and the mirror is its own inverse."""
    assert not is_bid(NO, "buy")
    assert is_bid(NO, "sell")
    assert in_yes(NO, in_yes(NO, usd("0.3"))) == usd("0.3")
    assert in_yes(NO, usd("0.3")) == usd("0.7")


def test_nothing_crosses_an_empty_side() -> None:
    """Equal prices cross, worse ones do not, an empty side never does."""
    assert crosses("buy", 5, 5)
    assert crosses("sell", 5, 5)
    assert not crosses("buy", 5, 6)
    assert not crosses("sell", 5, 4)
    assert not crosses("buy", 5, None)


def sets(action: Any, market: MarketId | None, group: str | None) -> SetIntent:
    return SetIntent(
        strategy=StrategyId("s"),
        plan=PlanId("p"),
        action=action,
        market=market,
        group=None if group is None else GroupId(group),
        size=shares("1"),
        purpose="open",
        expires_ns=0,
        edge=0,
        reason="",
    )


def test_sets_of_markets(world: World, kalshi_world: World) -> None:
    """A Polymarket market mints and merges; Kalshi and unknown markets do not."""
    markets = {one.market.id: one.market for one in (world, kalshi_world)}
    assert check_sets(sets("mint", world.market.id, None), markets, {}) is None
    assert check_sets(sets("merge", world.market.id, None), markets, {}) is None
    kalshi = check_sets(sets("mint", kalshi_world.market.id, None), markets, {})
    assert kalshi == "kalshi nets YES and NO by itself: nothing to mint or merge"
    unknown = check_sets(sets("mint", MarketId(POLYMARKET, "x"), None), markets, {})
    assert unknown == "the market polymarket:x is not in the catalogue"


def test_sets_of_groups(world: World) -> None:
    """Only an exhaustive neg-risk group mints, and no group merges."""
    markets = {world.market.id: world.market}
    proven = EventGroup(GroupId("g"), "Who?", (world.market.id,), True, False, "all named")
    groups = {GroupId("g"): proven}
    assert check_sets(sets("mint", None, "g"), markets, groups) is None
    merge = check_sets(sets("merge", None, "g"), markets, groups)
    assert merge == "no contract merges one YES of each market of g: hold to the end"
    open_group = {GroupId("g"): msgspec.structs.replace(proven, exhaustive_because=None)}
    unproven = check_sets(sets("mint", None, "g"), markets, open_group)
    assert unproven == "g is not an exhaustive neg-risk group: it has no complete sets"
    unknown = check_sets(sets("mint", None, "h"), markets, groups)
    assert unknown == "the event group h is not in the catalogue"


def test_gtd_is_counted_from_creation(world: World) -> None:
    """An order made at 10 s needs to be good until 130 s."""
    made = {"created_ns": 10 * SECOND}
    short = world.order("buy", "0.40", "5", "GTD", good_until_ns=129 * SECOND, **made)
    enough = world.order("buy", "0.40", "5", "GTD", good_until_ns=130 * SECOND, **made)
    assert why(world, short) == "invalid expiration"
    assert why(world, enough) is None


def test_a_buy_meets_our_own_sale(world: World) -> None:
    """A buy at our own resting sale's price is a self-trade; a cent below it is not."""
    own = world.order("sell", "0.50", "5")
    assert check_self_trade(world.order("buy", "0.50", "5"), [own]) is not None
    assert check_self_trade(world.order("buy", "0.49", "5"), [own]) is None


def test_nothing_is_no_order(world: World) -> None:
    """An order of no size is refused even where the venue has no minimum."""
    world.market = msgspec.structs.replace(world.market, min_size=0)
    refused = "order o1 is invalid. Size (0) lower than the minimum: 0"
    assert why(world, world.order("buy", "0.50", "0")) == refused
