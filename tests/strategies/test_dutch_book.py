"""``dutch_book``: never inside one mirrored market, exactly when a group pays, within its caps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies.desk import WIDE, BookLevels, Desk, sent_in, uncrossed
from tests.trading.world import make_group, make_market, orders_in
from underround.model.fees import NoFees, polymarket_fees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, YES, GroupId
from underround.model.market import EventGroup, Market
from underround.model.orders import ChangeSets
from underround.model.units import ONE, shares, usd
from underround.strategies.dutch_book import DutchBook, Params

GREEDY: dict[str, Any] = {"min_profit": 0, "slippage": 0, "cooldown_ms": 0}
DEFAULT = Params()


def desk_of(
    count: int = 3, *, params: Params = DEFAULT, limits: Any = WIDE, **group: Any
) -> tuple[Desk, list[Market], EventGroup]:
    markets, made = make_group(count, **group)
    return Desk(DutchBook, params, markets, [made], limits=limits), markets, made


def show_all(desk: Desk, markets: list[Market], bid: str, ask: str, size: str = "100") -> list[Any]:
    """Show the same book in every market; returns what is to be done after the last."""
    actions = []
    for market in markets:
        actions = desk.show(market, {bid: size}, {ask: size})
    return actions


# --- never inside one mirrored market -----------------------------------------------------------


@given(
    st.lists(uncrossed(), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(1, 400)), max_size=3),
)
def test_never_inside_one_mirrored_market(
    books: list[BookLevels],
    grouped: bool,
    neg_risk: bool,
    consumed: list[tuple[int, bool, int]],
) -> None:
    """YES and NO of one mirrored book cost a dollar plus the spread: no intent, ever."""
    markets, group = make_group(1, neg_risk=neg_risk, because="the only market there is")
    desk = Desk(DutchBook, Params(**GREEDY), markets, [group] if grouped else [])
    for bids, asks in books:
        desk.tick(10_000)
        desk.show(markets[0], bids, asks)
        book = desk.book(markets[0])
        for index, bid, size in consumed:
            levels = list(book.bids_of(index) if bid else book.asks_of(index))
            if levels:
                book.consume(index, "buy" if bid else "sell", levels[0][0], size * ONE)
        event = desk.timer()
        assert event == []
        desk.event(_touch(desk, markets[0]))
    assert desk.actions == []
    assert desk.engine.desks[0].intents == 0
    assert not desk.engine.desks[0].error


def _touch(desk: Desk, market: Market) -> Any:
    """Return an event that wakes the strategies of a market and changes one level."""
    from underround.model.events import LevelChange, LevelsChanged

    book = desk.book(market)
    price = book.bid * book.step or book.step
    size = book.raw_size(YES, "buy", price) if book.bid else 0
    change = LevelChange(YES, "buy", price, size + ONE if book.bid else 0, None, None, None)
    return LevelsChanged(market.id, desk.now, (change,))


# --- exactly when a group pays ------------------------------------------------------------------


def reference_size(
    markets: list[Market], books: list[BookLevels], params: Params, outcome: int
) -> tuple[int, int]:
    """Count sets share by share at each price: with and without the rounding of the fees."""
    queues = []
    for _, asks in books:
        side = asks if outcome == 0 else _
        prices = sorted(
            (usd(price) if outcome == 0 else ONE - usd(price), int(size))
            for price, size in side.items()
        )
        queues.append([price for price, size in prices for _n in range(size)])
    pays = ONE if outcome == 0 else (len(markets) - 1) * ONE
    threshold = params.min_profit + params.slippage
    counts = []
    for slack in (10 * len(markets), -10 * len(markets)):
        count = spent = 0
        for prices_of in zip(*queues, strict=False):
            fees = sum(
                market.fees.fee(price, ONE, taker=True)
                for market, price in zip(markets, prices_of, strict=True)
            )
            if pays - sum(prices_of) - fees < threshold + slack:
                break
            if count == params.max_sets // ONE or spent + sum(prices_of) > params.max_notional:
                break
            count += 1
            spent += sum(prices_of)
        counts.append(count)
    return counts[0], counts[1]


@given(
    st.lists(uncrossed(most=40), min_size=2, max_size=4),
    st.sampled_from(["0", "0.07"]),
    st.integers(0, 5),
    st.booleans(),
)
def test_fires_exactly_when_a_set_costs_little_enough(
    books: list[BookLevels],
    rate: str,
    cents: int,
    dear: bool,
) -> None:
    """Fires when the depth-walked cost after fees leaves the margin: found by counting shares."""
    fees = polymarket_fees(rate) if rate != "0" else NoFees()
    params = Params(min_profit=usd(f"0.0{cents}"), slippage=usd("0.005"), max_notional=usd("5000"))
    markets, group = make_group(
        len(books), neg_risk=dear, fees=fees, min_size="1", venue=KALSHI, name="kalshi:weather"
    )
    desk = Desk(DutchBook, params, markets, [group])
    actions: list[Any] = []
    for market, (bids, asks) in zip(markets, books, strict=True):
        actions = desk.show(market, bids, asks)
    sent = orders_in(actions)
    # Kalshi has no mints: whatever is sent there buys.
    least, most = reference_size(markets, books, params, 0)
    if not most and not dear:
        least, most = reference_size(markets, books, params, 1)
    if any(not asks for _, asks in books) and dear:
        assert not sent
    if least:
        assert sent
    if sent:
        assert least <= sent[0].size / ONE
        assert sent[0].size < (most + 1) * ONE
        assert len({order.size for order in sent}) == 1
        assert {order.outcome.market for order in sent} == {market.id for market in markets}


def test_fires_at_exactly_the_margin_and_not_a_cent_above() -> None:
    """0.975 for three leaves 0.025: profit 0.02 and slippage 0.005; a tick more does not."""
    from underround.model.market import uniform_ticks

    for last, fires in (("0.325", True), ("0.326", False)):
        desk, markets, _ = desk_of(ticks=uniform_ticks("0.001"))
        actions: list[Any] = []
        for market, ask in zip(markets, ("0.325", "0.325", last), strict=True):
            actions = desk.show(market, {"0.300": "50"}, {ask: "50"})
        assert bool(orders_in(actions)) is fires


def test_the_legs_are_fill_or_kill_at_the_walked_limits() -> None:
    """One FOK buy of YES in each market, at the deepest level each leg needs."""
    desk, markets, group = desk_of()
    desk.show(markets[0], {"0.20": "50"}, {"0.25": "10", "0.27": "100"})
    desk.show(markets[1], {"0.20": "50"}, {"0.30": "100"})
    actions = desk.show(markets[2], {"0.20": "50"}, {"0.32": "30", "0.50": "100"})
    assert sent_in(actions) == [
        ("buy", "YES", usd("0.27"), shares("30")),
        ("buy", "YES", usd("0.30"), shares("30")),
        ("buy", "YES", usd("0.32"), shares("30")),
    ]
    assert {order.tif for order in orders_in(actions)} == {"FOK"}
    (intent,) = desk.kept.groups
    assert (intent.policy, intent.max_unwind_loss) == ("all_or_none", usd("0.03"))
    assert intent.edge == usd("0.13") * 10 + usd("0.11") * 20
    assert intent.reason == "YES asks sum to 0.87"
    assert desk.executor.plan_used(intent.plan)
    assert group.id in intent.plan


# --- within the caps ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params,size",
    [
        ({"max_sets": "12"}, "12"),
        ({"max_notional": "9"}, "10"),
        ({"max_notional": "9.005"}, "10"),
        ({"outcome_cap": "15"}, "15"),
        ({"max_sets": "1000", "max_notional": "1000", "outcome_cap": "1000"}, "100"),
    ],
)
def test_no_more_than_the_caps(params: dict[str, str], size: str) -> None:
    """Sets, money and shares of one outcome are each bounded; then comes the depth."""
    desk, markets, _ = desk_of(
        params=Params(**{name: usd(value) for name, value in params.items()})
    )
    actions = show_all(desk, markets, "0.20", "0.30")
    assert [order.size for order in orders_in(actions)] == [shares(size)] * 3


def test_what_is_held_counts_against_the_cap_of_an_outcome() -> None:
    """Shares of one market leave room for the rest only, in all of them."""
    desk, markets, _ = desk_of(params=Params(outcome_cap=usd("30")))
    desk.give(markets[1].outcome(0), "22", "0.3")
    assert orders_in(show_all(desk, markets, "0.20", "0.30"))[0].size == shares("8")
    desk, markets, _ = desk_of(params=Params(outcome_cap=usd("30")))
    desk.give(markets[1].outcome(0), "30", "0.3")
    assert show_all(desk, markets, "0.20", "0.30") == []


def test_sizes_are_on_the_step_and_not_below_the_minimum() -> None:
    """A size between steps is cut down; below any market's minimum nothing is done."""
    desk, markets, _ = desk_of()
    assert show_all(desk, markets, "0.20", "0.30", "7.123456")[0].order.size == shares("7.12")
    desk, markets, _ = desk_of()
    assert show_all(desk, markets, "0.20", "0.30", "4.999") == []
    assert "only 4.999 sets would, fewer than an order may have" in desk.strategy.why_idle()


def test_it_says_when_no_set_earns_the_margin_after_fees() -> None:
    """A gap wide enough before fees and too narrow after them is left alone with that reason."""
    desk, markets, _ = desk_of(fees=polymarket_fees("0.07"))
    assert show_all(desk, markets, "0.20", "0.32") == []
    why = "after fees and at the depth offered no set earns the margin"
    assert why in desk.strategy.why_idle()


def test_a_leg_worth_less_than_a_dollar_is_not_sent() -> None:
    """Polymarket takes no smaller buy: one cheap leg blocks the plan, and it says so."""
    desk, markets, _ = desk_of()
    desk.show(markets[0], {}, {"0.05": "19"})
    desk.show(markets[1], {}, {"0.40": "19"})
    assert desk.show(markets[2], {}, {"0.40": "19"}) == []
    assert "smallest order the venue takes" in desk.strategy.why_idle()
    assert orders_in(desk.show(markets[0], {}, {"0.05": "20"})) == []
    desk.show(markets[1], {}, {"0.40": "20"})
    assert orders_in(desk.show(markets[2], {}, {"0.40": "20"}))


# --- not where it is not safe -------------------------------------------------------------------


@pytest.mark.parametrize("augmented", [False, True])
def test_not_on_a_group_that_is_not_proven_exhaustive(*, augmented: bool) -> None:
    """Without the proof nobody knows that one of them wins."""
    desk, markets, _ = desk_of(because=None, augmented=augmented)
    assert show_all(desk, markets, "0.20", "0.30") == []
    assert desk.engine.desks[0].intents == 0
    assert "proven exhaustive" in desk.strategy.why_idle()


def test_not_with_an_untrusted_or_missing_book() -> None:
    """One doubted book of the group, or one never seen, is enough to do nothing."""
    desk, markets, _ = desk_of()
    desk.show(markets[0], {"0.20": "100"}, {"0.30": "100"})
    assert desk.show(markets[1], {"0.20": "100"}, {"0.30": "100"}) == []
    desk.show(markets[2], {"0.20": "100"}, {"0.60": "100"})
    desk.doubt(markets[1])
    assert desk.show(markets[2], {"0.20": "100"}, {"0.30": "100"}) == []
    assert orders_in(desk.show(markets[1], {"0.20": "100"}, {"0.30": "100"}))


@pytest.mark.parametrize("age,fires", [(10_000, True), (10_001, False)])
def test_not_on_a_stale_book(age: int, *, fires: bool) -> None:
    """Every book of the group must be young enough, to the millisecond."""
    desk, markets, _ = desk_of()
    show_all(desk, markets[:2], "0.20", "0.30")
    desk.tick(age)
    assert bool(orders_in(desk.show(markets[2], {"0.20": "100"}, {"0.30": "100"}))) is fires


def test_not_while_own_orders_are_open_and_not_before_the_pause_is_over() -> None:
    """A group is left alone while a plan is under way and for the pause after it began."""
    desk, markets, _ = desk_of()
    orders = orders_in(show_all(desk, markets, "0.20", "0.30"))
    desk.tick(4_999)
    for order in orders:
        desk.end(order)
    assert show_all(desk, markets, "0.20", "0.30") == []
    desk.tick(1)
    assert show_all(desk, markets[:1], "0.20", "0.30")
    desk.tick(6_000)
    assert show_all(desk, markets, "0.20", "0.30") == []


def test_a_timer_alone_does_nothing() -> None:
    """Time moves no price: only an event of a market of the group is looked at."""
    desk, markets, _ = desk_of()
    desk.facts.halted = "a moment"
    show_all(desk, markets, "0.20", "0.30")
    desk.facts.halted = ""
    desk.tick(6_000)
    assert desk.timer() == []


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_no_plan_is_made_twice(which: list[int]) -> None:
    """Each plan has a name of its own, whatever became of the ones before."""
    desk, markets, _ = desk_of(params=Params(cooldown_ms=0, outcome_cap=usd("100000")))
    show_all(desk, markets, "0.20", "0.50")
    for number in which:
        desk.tick(100)
        for market in markets:
            desk.carry_out(desk.show(market, {"0.20": "20"}, {"0.30": "20"}))
        desk.carry_out(desk.show(markets[number], {"0.20": "20"}, {"0.31": "20"}))
    plans = [intent.plan for intent in desk.kept.groups]
    assert plans
    assert len(set(plans)) == len(plans)
    assert not [gate for gate in desk.refused() if gate.startswith("duplicate_plan")]


# --- the other direction ------------------------------------------------------------------------


def test_sets_are_minted_and_sold_where_the_venue_can() -> None:
    """Bids that sum to 1.11: a neg-risk group is minted, then every YES is sold."""
    desk, markets, group = desk_of()
    actions = show_all(desk, markets, "0.37", "0.60")
    (change,) = actions
    assert isinstance(change, ChangeSets)
    assert (change.approved.intent.size, change.approved.intent.group) == (shares("50"), group.id)  # type: ignore[union-attr] # a set
    sales = orders_in(desk.sets_done(change.approved))
    assert sent_in([]) == []
    assert [(sale.side, sale.price, sale.size, sale.tif) for sale in sales] == [
        ("sell", usd("0.37"), shares("50"), "FOK")
    ] * 3
    assert desk.kept.groups[0].edge == usd("0.11") * 50


def test_the_same_bids_are_not_minted_for_twice() -> None:
    """A mint takes a while: until its sales are off the group is left alone, to the millisecond."""
    desk, markets, _ = desk_of(params=Params(cooldown_ms=0))
    (change,) = show_all(desk, markets, "0.37", "0.60")
    assert isinstance(change, ChangeSets)
    assert desk.kept.groups[0].legs[1].expires_ns == desk.now + 62_000 * NANOS_PER_MS
    desk.sets_done(change.approved, done=False)
    desk.tick(61_999)
    assert show_all(desk, markets, "0.37", "0.60") == []
    desk.tick(1)
    assert show_all(desk, markets[:1], "0.37", "0.60") != []


def test_what_is_held_counts_against_the_cap_when_sets_are_minted() -> None:
    """The cap on the shares of one outcome bounds mints as it bounds purchases."""
    desk, markets, _ = desk_of(params=Params(outcome_cap=usd("30")))
    desk.give(markets[1].outcome(0), "22", "0.3")
    (change,) = show_all(desk, markets, "0.37", "0.60")
    assert isinstance(change, ChangeSets)
    assert change.approved.intent.size == shares("8")
    desk, markets, _ = desk_of(params=Params(outcome_cap=usd("30")))
    desk.give(markets[1].outcome(0), "30", "0.3")
    assert show_all(desk, markets, "0.37", "0.60") == []


def test_no_is_bought_where_sets_cannot_be_minted() -> None:
    """Without mints the same gap is taken by buying NO of every market: all but one pay."""
    desk, markets, _ = desk_of(neg_risk=False)
    actions = show_all(desk, markets, "0.37", "0.60")
    assert sent_in(actions) == [("buy", "NO", usd("0.63"), shares("26.45"))] * 3
    assert usd("0.63") * 3 * 2645 // 100 <= usd("50")


@pytest.mark.parametrize("neg_risk", [False, True])
@pytest.mark.parametrize("bid,fires", [("0.342", True), ("0.341", False)])
def test_the_other_direction_asks_for_the_same_margin(
    bid: str, *, neg_risk: bool, fires: bool
) -> None:
    """Bids that sum to 1.026 leave 0.025; 1.023 do not."""
    from underround.model.market import uniform_ticks

    desk, markets, _ = desk_of(neg_risk=neg_risk, ticks=uniform_ticks("0.001"))
    assert bool(show_all(desk, markets, bid, "0.600")) is fires


# --- it earns what it asks for ------------------------------------------------------------------


@given(
    st.lists(uncrossed(most=60), min_size=2, max_size=4),
    st.sampled_from(["0", "0.03", "0.07"]),
    st.booleans(),
)
def test_a_plan_that_fills_at_once_earns_its_margin_whoever_wins(
    books: list[BookLevels],
    rate: str,
    neg_risk: bool,
) -> None:
    """After immediate fills the worst winner still leaves min_profit for each set."""
    fees = polymarket_fees(rate) if rate != "0" else NoFees()
    markets, group = make_group(len(books), neg_risk=neg_risk, fees=fees)
    desk = Desk(DutchBook, Params(cooldown_ms=10**6), markets, [group])
    before = desk.portfolio.ledger.cash_total()
    for market, (bids, asks) in zip(markets, books, strict=True):
        desk.carry_out(desk.show(market, bids, asks))
    ledger = desk.portfolio.ledger
    if not desk.kept.groups:
        assert ledger.cash_total() == before
        return
    assert not desk.refused()
    (ended,) = desk.engine.leg_groups.ended
    assert ended.state == "complete"
    sizes = {leg.size for leg in desk.kept.groups[0].legs}
    (size,) = sizes
    for winner in markets:
        paid = sum(
            ledger.holding(market.outcome(0 if market is winner else 1)).total for market in markets
        )
        profit = ledger.cash_total() + paid - before
        assert profit * ONE >= Params().min_profit * size
        assert profit >= desk.kept.groups[0].edge - 10 * 8 * len(markets)


def test_a_group_is_found_by_each_of_its_markets() -> None:
    """Whichever market's event completes the picture, the group is looked at."""
    for last in range(3):
        desk, markets, _ = desk_of()
        order = [number for number in range(3) if number != last] + [last]
        for number in order[:-1]:
            assert desk.show(markets[number], {"0.20": "100"}, {"0.30": "100"}) == []
        assert orders_in(desk.show(markets[last], {"0.20": "100"}, {"0.30": "100"}))


def test_why_idle_says_how_near_it_came() -> None:
    """The sentence has the numbers: the best gap of a group and the cheapest mirrored pair."""
    markets, group = make_group(3)
    lone = make_market("lone")
    desk = Desk(DutchBook, Params(), [*markets, lone], [group])
    show_all(desk, markets, "0.20", "0.33")
    desk.show(lone, {"0.48": "10"}, {"0.49": "10"})
    why = desk.strategy.why_idle()
    assert "YES asks of How warm? sum to 0.99, a gap of 0.01 before fees; 0.025 are asked" in why
    assert "at best 1.01 in Will it lone?" in why
    assert GroupId(group.id)
