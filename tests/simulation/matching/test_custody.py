"""Money and shares without an exchange: sets, conversions, what cannot be taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.matching.desk import ANN, BOB
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OutcomeId
from underround.model.market import Resolution
from underround.model.units import ONE, shares, usd
from underround.simulation.matching.custody import BURNT, Custody

GROUP = [MarketId(POLYMARKET, name) for name in ("red", "green", "blue", "other")]
RED, GREEN, BLUE, OTHER = GROUP


def funded() -> Custody:
    custody = Custody()
    custody.deposit(ANN, usd("100"))
    return custody


def holdings(custody: Custody, outcome: int) -> list[int]:
    return [custody.balance(ANN, OutcomeId(market, outcome)) for market in GROUP]


def test_a_split_and_a_merge_cancel_out() -> None:
    """40 dollars become 40 sets and 40 dollars again, and the sum never changes."""
    custody = funded()
    custody.split(ANN, RED, shares("40"))
    assert (custody.balance(ANN), custody.backing[RED]) == (usd("60"), usd("40"))
    assert custody.balance(ANN, OutcomeId(RED, NO)) == shares("40")
    assert custody.total() == usd("100")
    custody.merge(ANN, RED, shares("40"))
    assert (custody.balance(ANN), custody.backing[RED], custody.total()) == (
        usd("100"),
        0,
        usd("100"),
    )


def test_a_merge_takes_both_shares_of_a_set() -> None:
    """Of 40 sets 15 are merged: 25 shares of each outcome are left."""
    custody = funded()
    custody.split(ANN, RED, shares("40"))
    custody.merge(ANN, RED, shares("15"))
    left = [custody.balance(ANN, OutcomeId(RED, index)) for index in (YES, NO)]
    assert left == [shares("25"), shares("25")]


def test_nobody_gives_what_he_has_not() -> None:
    """Each way to give names the account, the asset and what there is; nothing has changed."""
    custody = funded()
    custody.split(ANN, RED, shares("10"))
    custody.withdraw(ANN, shares("4"), OutcomeId(RED, NO))
    with pytest.raises(ValueError, match="ann cannot give 91000000 of collateral: 90000000"):
        custody.split(ANN, RED, shares("91"))
    with pytest.raises(ValueError, match="of polymarket:red:NO: 6000000"):
        custody.merge(ANN, RED, shares("7"))
    with pytest.raises(ValueError, match="of collateral: 0 is there"):
        custody.withdraw(BOB, 1)
    with pytest.raises(ValueError, match="cannot give -1"):
        custody.withdraw(ANN, -1)
    with pytest.raises(ValueError, match="negative"):
        custody.deposit(ANN, -1)
    with pytest.raises(ValueError, match="of polymarket:green:NO: 0"):
        custody.convert(ANN, GROUP, 0b11, shares("1"))
    assert holdings(custody, YES) == [shares("10"), 0, 0, 0]
    assert custody.total() == usd("100")


def test_a_conversion_gives_the_others_and_the_spare_dollars() -> None:
    """10 NO of red and of blue become 10 YES of green and of other, and 10 dollars."""
    custody = funded()
    for market in (RED, BLUE):
        custody.split(ANN, market, shares("10"))
    custody.convert(ANN, GROUP, 0b0101, shares("10"))
    assert holdings(custody, YES) == [shares("10")] * 4
    assert holdings(custody, NO) == [0] * 4
    assert custody.balance(ANN) == usd("90")
    assert custody.total() == usd("100")
    for market in GROUP:
        custody.resolve(Resolution(market, 0, (ONE, 0) if market == BLUE else (0, ONE), "test"))
        custody.redeem(ANN, market)
    assert custody.balance(ANN) == custody.total() == usd("100")
    assert custody.lent == 0
    assert not any(custody.backing.values())


@pytest.mark.parametrize("index_set", [0, 0b10000, -1])
def test_an_index_set_names_markets_of_its_group(index_set: int) -> None:
    """None, or one outside the group, is refused; so is a group of one."""
    custody = funded()
    with pytest.raises(ValueError, match="does not fit a group of 4 markets"):
        custody.convert(ANN, GROUP, index_set, 0)
    with pytest.raises(ValueError, match="does not fit a group of 1 markets"):
        custody.convert(ANN, [RED], 1, 0)


def test_no_sets_of_a_resolved_market() -> None:
    """After the end nothing is split, or converted into its shares."""
    custody = funded()
    custody.split(ANN, GREEN, shares("10"))
    custody.resolve(Resolution(RED, 0, (ONE, 0), "test"))
    with pytest.raises(ValueError, match="is resolved"):
        custody.split(ANN, RED, 1)
    with pytest.raises(ValueError, match="is resolved"):
        custody.convert(ANN, GROUP, 0b10, 1)


@given(
    sets=st.lists(st.integers(0, 10**7), min_size=4, max_size=4),
    swaps=st.lists(st.tuples(st.integers(1, 15), st.integers(0, 10**7)), max_size=6),
    winner=st.integers(0, 3),
)
def test_conversions_neither_make_nor_lose_money(
    sets: list[int], swaps: list[tuple[int, int]], winner: int
) -> None:
    """Whatever is converted: the sum stays, every market's shares pair up, the loan comes back."""
    custody = funded()
    for market, size in zip(GROUP, sets, strict=True):
        custody.split(ANN, market, size)
    for index_set, size in swaps:
        given = [i for i in range(4) if index_set >> i & 1]
        most = min(custody.balance(ANN, OutcomeId(GROUP[i], NO)) for i in given)
        custody.convert(ANN, GROUP, index_set, min(size, most))
        for market in GROUP:
            pair = [
                sum(custody.balance(who, OutcomeId(market, index)) for who in (ANN, BURNT))
                for index in (YES, NO)
            ]
            assert pair == [custody.backing.get(market, 0)] * 2
        assert custody.total() == usd("100")
    for number, market in enumerate(GROUP):
        payouts = (ONE, 0) if number == winner else (0, ONE)
        custody.resolve(Resolution(market, 0, payouts, "test"))
        custody.redeem(ANN, market)
    assert custody.balance(ANN) == custody.total() == usd("100")
    assert custody.lent == 0
