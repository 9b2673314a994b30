"""The money of the house: it makes nothing from nothing."""

from __future__ import annotations

from tests.local_venue.flow.stage import Stage
from underround.local_venue.flow.house import WEALTH, House
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OutcomeId
from underround.model.units import ONE

RAIN = MarketId(POLYMARKET, "rain")


def test_shares_of_the_house_are_paid_for_and_its_money_is_what_it_brought() -> None:
    stage = Stage()
    house, custody = House(stage.world), stage.world.polymarket.custody
    maker = house.account("maker")
    house.stock(maker, RAIN, 20 * ONE)
    assert custody.balance(maker) == WEALTH - 20 * ONE
    assert [custody.balance(maker, OutcomeId(RAIN, index)) for index in (YES, NO)] == [20 * ONE] * 2
    house.stock(maker, RAIN, 2 * WEALTH)
    assert custody.total() == house.paid_in == WEALTH + (WEALTH + 2 * WEALTH)
