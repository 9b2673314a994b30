"""What single entries of the ledger do to balances, cost and realised profit."""

from __future__ import annotations

import pytest

from tests.model.builders import fill
from underround.model.book import Side
from underround.model.errors import Bug, Imbalance
from underround.model.ids import KALSHI, NO, POLYMARKET, YES, FillId, MarketId, OutcomeId
from underround.model.ledger import OURS, Ledger, Posting, cash, share
from underround.model.units import ONE

PUSD = cash(POLYMARKET, "pUSD")
USD = cash(KALSHI, "USD")
RAIN = MarketId(POLYMARKET, "rain")
RAIN_YES, RAIN_NO = OutcomeId(RAIN, YES), OutcomeId(RAIN, NO)


def owning(size: int, price: int) -> Ledger:
    """Return a ledger that owns ``size`` confirmed YES, bought at ``price``."""
    ledger = Ledger()
    ledger.open(PUSD, 100 * ONE, 0)
    ledger.fill(fill("first", RAIN_YES, "buy", price=price, size=size), PUSD)
    ledger.confirm(FillId("first"), 1)
    return ledger


def picture(ledger: Ledger) -> object:
    """Return everything a ledger shows of outcome YES and of its money."""
    held = ledger.holding(RAIN_YES)
    return (
        ledger.cash_by_commodity(),
        [ledger.balance(account, share(RAIN_YES)) for account in (*OURS, "market", "issuer")],
        [ledger.balance(account, PUSD) for account in ("market", "fees", "issuer", "opening")],
        (held.matched, held.confirmed, held.cost, held.realised),
        ledger.fees_paid,
    )


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_failed_fill_leaves_no_trace(side: Side) -> None:
    """Balances, cost, realised profit and fees are what they were, to the micro-dollar."""
    ledger = owning(7_000_003, 333_333)
    before = picture(ledger)
    ledger.fill(fill("x", RAIN_YES, side, price=123_457, size=3_000_001, fee=77), PUSD)
    assert picture(ledger) != before
    entry = ledger.fail(FillId("x"), 9)
    assert entry is not None
    assert entry.kind == "reverse"
    assert picture(ledger) == before


def test_profit_is_what_came_in_less_what_went_out() -> None:
    """Bought 10 at 0.40 with 0.10 fees, sold at 0.60 with 0.20 fees: 1.70 are realised."""
    ledger = Ledger()
    ledger.fill(fill("in", RAIN_YES, "buy", price=400_000, size=10 * ONE, fee=100_000), PUSD)
    ledger.confirm(FillId("in"), 2)
    ledger.fill(fill("out", RAIN_YES, "sell", price=600_000, size=10 * ONE, fee=200_000), PUSD)
    held = ledger.holding(RAIN_YES)
    assert (held.total, held.cost, held.realised) == (0, 0, 1_700_000)
    assert ledger.balance("cash", PUSD) == 1_700_000


def test_minting_earns_nothing_and_merging_gives_it_back() -> None:
    """An odd number of micro-dollars is spread over the outcomes without loss."""
    ledger = Ledger()
    pair = [RAIN_YES, RAIN_NO]
    ledger.change_sets(pair, 1_000_001, PUSD, 1, "mint")
    assert [ledger.holding(each).cost for each in pair] == [500_000, 500_001]
    assert sum(ledger.holding(each).realised for each in pair) == 0
    ledger.change_sets(pair, -1_000_001, PUSD, 2, "merge")
    assert ledger.balance("cash", PUSD) == 0
    assert sum(ledger.holding(each).cost + ledger.holding(each).total for each in pair) == 0
    assert sum(ledger.holding(each).realised for each in pair) == 0


@pytest.mark.parametrize("members", [[RAIN_YES, RAIN_NO], [RAIN_NO, RAIN_YES]])
def test_a_refused_merge_changes_nothing(members: list[OutcomeId]) -> None:
    """When one outcome is missing nothing of the other is taken."""
    ledger = owning(ONE, 400_000)
    before = picture(ledger)
    with pytest.raises(Bug, match="merges"):
        ledger.change_sets(members, -ONE, PUSD, 2, "merge")
    assert picture(ledger) == before
    assert ledger.imbalance() == {}


def test_a_void_market_pays_a_part_to_each_side() -> None:
    """At 0.3 and 0.7 three shares of each pay three dollars, and the loss is on the right side."""
    ledger = Ledger()
    ledger.change_sets([RAIN_YES, RAIN_NO], 3 * ONE, PUSD, 1, "mint")
    ledger.settle(RAIN, (300_000, 700_000), PUSD, 2)
    assert ledger.balance("cash", PUSD) == 0
    assert ledger.holding(RAIN_YES).realised == -600_000
    assert ledger.holding(RAIN_NO).realised == 600_000


def test_matched_shares_wait_for_their_settlement() -> None:
    """What is only matched when a market resolves is paid after it is confirmed, and once."""
    ledger = owning(5 * ONE, 400_000)
    ledger.fill(fill("late", RAIN_YES, "buy", price=500_000, size=2 * ONE), PUSD)
    before = ledger.balance("cash", PUSD)
    ledger.settle(RAIN, (ONE, 0), PUSD, 3)
    assert ledger.balance("cash", PUSD) - before == 5 * ONE
    assert ledger.holding(RAIN_YES).total == 2 * ONE
    assert ledger.settle(RAIN, (ONE, 0), PUSD, 4) is None
    ledger.confirm(FillId("late"), 5)
    ledger.settle(RAIN, (ONE, 0), PUSD, 6)
    assert ledger.balance("cash", PUSD) - before == 7 * ONE
    assert ledger.holding(RAIN_YES).cost == 0


def test_after_a_failed_buy_no_cost_is_left_without_shares() -> None:
    """Bought 10 at 0.10, confirmed, sold at 0.50: 4 dollars are realised, whatever else failed."""
    ledger = owning(10 * ONE, 100_000)
    ledger.fill(fill("fails", RAIN_YES, "buy", price=900_000, size=10 * ONE), PUSD)
    ledger.fill(fill("out", RAIN_YES, "sell", price=500_000, size=10 * ONE), PUSD)
    ledger.fail(FillId("fails"), 5)
    held = ledger.holding(RAIN_YES)
    assert (held.total, held.cost, held.realised) == (0, 0, 4 * ONE)


def test_shares_that_are_only_matched_cannot_be_sold() -> None:
    """A sale of more than is confirmed is a bug and books nothing; confirmed, it goes through."""
    ledger = owning(5 * ONE, 400_000)
    ledger.fill(fill("fresh", RAIN_YES, "buy", price=500_000, size=2 * ONE), PUSD)
    before = picture(ledger)
    with pytest.raises(Bug, match="5000000 are confirmed"):
        ledger.fill(fill("sale", RAIN_YES, "sell", price=600_000, size=6 * ONE), PUSD)
    assert picture(ledger) == before
    ledger.confirm(FillId("fresh"), 5)
    ledger.fill(fill("sale", RAIN_YES, "sell", price=600_000, size=6 * ONE), PUSD)
    assert ledger.holding(RAIN_YES).confirmed == ONE


def test_a_fill_is_booked_once() -> None:
    """A fill that is pending or final already is a bug, and books nothing."""
    ledger = Ledger()
    once = fill("once", RAIN_YES, "buy", price=500_000, size=ONE)
    ledger.fill(once, PUSD)
    for final in (False, True):
        if final:
            ledger.confirm(once.id, 2)
        before = picture(ledger)
        with pytest.raises(Bug, match="booked already"):
            ledger.fill(once, PUSD)
        assert picture(ledger) == before


def test_an_unknown_fill_is_not_confirmed() -> None:
    """``KeyError`` tells of a fill nobody booked."""
    ledger = Ledger()
    for change in (ledger.confirm, ledger.fail):
        with pytest.raises(KeyError):
            change(FillId("never"), 1)


@pytest.mark.parametrize(
    "postings",
    [
        (Posting("cash", PUSD, 1),),
        (Posting("cash", PUSD, 5), Posting("market", PUSD, -4)),
        (Posting("cash", PUSD, 5), Posting("market", USD, -5)),
        (Posting("cash", PUSD, 5), Posting("market", share(RAIN_YES), -5)),
    ],
)
def test_an_unbalanced_transaction_is_a_bug(postings: tuple[Posting, ...]) -> None:
    """Each commodity must sum to zero by itself; nothing of the transaction is booked."""
    ledger = Ledger()
    with pytest.raises(Imbalance, match="fill of x does not sum to zero"):
        ledger._post(1, "fill", "x", postings)
    assert ledger.cash_by_commodity() == {}
    assert ledger.open(PUSD, 1, 2).seq == 1


def test_a_dollar_of_one_venue_is_not_a_dollar_of_another() -> None:
    """Cash is kept per venue and currency."""
    ledger = Ledger()
    ledger.open(PUSD, 5, 0)
    ledger.open(USD, 7, 0)
    assert ledger.cash_by_commodity() == {PUSD: 5, USD: 7}
    assert ledger.cash_total() == 12
