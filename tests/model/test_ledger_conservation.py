"""Conservation: whatever happens in whatever order, nothing is created and nothing is lost."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.model.builders import fill
from underround.model.book import Side
from underround.model.errors import Bug
from underround.model.ids import KALSHI, NO, POLYMARKET, YES, FillId, MarketId, OutcomeId
from underround.model.ledger import OURS, Entry, Ledger, cash, share
from underround.model.orders import Fill
from underround.model.units import ONE

PUSD = cash(POLYMARKET, "pUSD")
USD = cash(KALSHI, "USD")
RAIN = MarketId(POLYMARKET, "rain")
SNOW = MarketId(POLYMARKET, "snow")
HAIL = MarketId(KALSHI, "HAIL")
CURRENCY = {RAIN: PUSD, SNOW: PUSD, HAIL: USD}
OUTCOMES = [OutcomeId(market, index) for market in CURRENCY for index in (YES, NO)]

outcomes = st.sampled_from(OUTCOMES)
prices = st.one_of(st.integers(1, ONE - 1), st.integers(1, 99).map(lambda cents: cents * 10_000))
sizes = st.one_of(st.integers(1, 50), st.integers(1, 10**10))
fees = st.one_of(st.just(0), st.integers(1, 10**6))


class LedgerMachine(RuleBasedStateMachine):
    """A ledger beside a model that only counts dollars and shares."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.entries: list[Entry] = []
        self.opened: dict[str, int] = defaultdict(int)
        self.cash: dict[str, int] = defaultdict(int)
        self.fees = 0
        self.matched: dict[OutcomeId, int] = defaultdict(int)
        self.confirmed: dict[OutcomeId, int] = defaultdict(int)
        self.pending: dict[FillId, tuple[Fill, int]] = {}
        self.final: list[FillId] = []
        self.count = 0

    @initialize(pusd=st.integers(0, 10**12), usd=st.integers(0, 10**12))
    def begin(self, pusd: int, usd: int) -> None:
        """Open with money on both venues."""
        self.open(PUSD, pusd)
        self.open(USD, usd)

    @rule(commodity=st.sampled_from((PUSD, USD)), amount=st.integers(0, 10**9))
    def open(self, commodity: str, amount: int) -> None:
        """More money comes in."""
        self.entries.append(self.ledger.open(commodity, amount, self.tick()))
        self.opened[commodity] += amount
        self.cash[commodity] += amount

    def tick(self) -> int:
        """Return the next moment."""
        self.count += 1
        return self.count

    def book(self, outcome: OutcomeId, side: Side, price: int, size: int, fee: int) -> None:
        """Book a fill in both; the money is what it is exactly, rounded against us."""
        now = self.tick()
        exact = Fraction(price * size, ONE)
        change = -math.ceil(exact) if side == "buy" else math.floor(exact)
        done = fill(f"fill-{now}", outcome, side, price=price, size=size, fee=fee, at_ns=now)
        commodity = CURRENCY[outcome.market]
        self.entries.append(self.ledger.fill(done, commodity))
        self.pending[done.id] = (done, change - fee)
        self.cash[commodity] += change - fee
        self.fees += fee

    @rule(outcome=outcomes, price=prices, size=sizes, fee=fees)
    def buy(self, outcome: OutcomeId, price: int, size: int, fee: int) -> None:
        """Shares come as matched."""
        self.book(outcome, "buy", price, size, fee)
        self.matched[outcome] += size

    @precondition(lambda self: any(self.confirmed.values()))
    @rule(data=st.data(), price=prices, fee=fees)
    def sell(self, data: st.DataObject, price: int, fee: int) -> None:
        """Confirmed shares go."""
        outcome = data.draw(st.sampled_from([each for each in OUTCOMES if self.confirmed[each]]))
        size = data.draw(st.integers(1, self.confirmed[outcome]))
        self.book(outcome, "sell", price, size, fee)
        self.confirmed[outcome] -= size

    @rule(outcome=outcomes, price=prices, beyond=st.integers(1, 10**6))
    def sell_what_is_not_owned(self, outcome: OutcomeId, price: int, beyond: int) -> None:
        """Matched shares and none at all are not ours to sell."""
        size = self.confirmed[outcome] + beyond
        with pytest.raises(Bug):
            self.ledger.fill(fill("no", outcome, "sell", price=price, size=size), PUSD)

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        """A fill becomes final; only a buyer's shares move."""
        done, _ = self.pending.pop(data.draw(st.sampled_from(sorted(self.pending))))
        entry = self.ledger.confirm(done.id, self.tick())
        self.final.append(done.id)
        assert (entry is None) == (done.side == "sell")
        if entry is not None:
            self.entries.append(entry)
            self.matched[done.outcome] -= done.size
            self.confirmed[done.outcome] += done.size

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A fill fails: everything it moved comes back."""
        done, change = self.pending.pop(data.draw(st.sampled_from(sorted(self.pending))))
        entry = self.ledger.fail(done.id, self.tick())
        assert entry is not None
        self.entries.append(entry)
        self.final.append(done.id)
        self.cash[CURRENCY[done.outcome.market]] -= change
        self.fees -= done.fee
        if done.side == "buy":
            self.matched[done.outcome] -= done.size
        else:
            self.confirmed[done.outcome] += done.size

    @precondition(lambda self: self.final)
    @rule(data=st.data(), confirmed=st.booleans())
    def say_it_again(self, data: st.DataObject, confirmed: bool) -> None:
        """What is final stays as it is, whatever is heard later."""
        done = data.draw(st.sampled_from(self.final))
        again = self.ledger.confirm if confirmed else self.ledger.fail
        assert again(done, self.tick()) is None
        assert not self.ledger.is_pending(done)

    @rule(market=st.sampled_from([RAIN, SNOW]), size=sizes)
    def mint(self, market: MarketId, size: int) -> None:
        """Dollars become sets."""
        pair = [OutcomeId(market, YES), OutcomeId(market, NO)]
        self.change(pair, size)

    @rule(size=sizes)
    def mint_a_group(self, size: int) -> None:
        """One YES of every market of a group is a set as well."""
        self.change([OutcomeId(RAIN, YES), OutcomeId(SNOW, YES)], size)

    @rule(data=st.data(), market=st.sampled_from([RAIN, SNOW]), beyond=st.booleans())
    def merge(self, data: st.DataObject, market: MarketId, beyond: bool) -> None:
        """Sets become dollars again, as far as both outcomes are owned."""
        pair = [OutcomeId(market, YES), OutcomeId(market, NO)]
        most = min(self.confirmed[each] for each in pair)
        if beyond or not most:
            with pytest.raises(Bug):
                self.ledger.change_sets(pair, -most - 1, PUSD, self.tick(), "too many")
        else:
            self.change(pair, -data.draw(st.integers(1, most)))

    def change(self, members: list[OutcomeId], size: int) -> None:
        """Mint or merge in both."""
        self.entries.append(self.ledger.change_sets(members, size, PUSD, self.tick(), "sets"))
        self.cash[PUSD] -= size
        for each in members:
            self.confirmed[each] += size

    @rule(
        market=st.sampled_from(list(CURRENCY)),
        yes=st.one_of(st.sampled_from((0, ONE, 300_000, 500_000)), st.integers(0, ONE)),
        promised=st.one_of(st.just((0, 0)), st.tuples(sizes, sizes)),
    )
    def settle(self, market: MarketId, yes: int, promised: tuple[int, int]) -> None:
        """A market pays what is confirmed and not promised, a void one both sides; rounded down."""
        pair = (OutcomeId(market, YES), OutcomeId(market, NO))
        payouts = (yes, ONE - yes)
        paid = [
            max(0, self.confirmed[each] - kept) for each, kept in zip(pair, promised, strict=True)
        ]
        entry = self.ledger.settle(market, payouts, CURRENCY[market], self.tick(), promised)
        assert (entry is not None) == any(paid)
        if entry is None:
            return
        self.entries.append(entry)
        for each, payout, size in zip(pair, payouts, paid, strict=True):
            self.cash[CURRENCY[market]] += math.floor(Fraction(payout * size, ONE))
            self.confirmed[each] -= size

    # --- what is always true -------------------------------------------------------------------

    @invariant()
    def every_commodity_sums_to_zero(self) -> None:
        """Nothing is created or destroyed."""
        assert self.ledger.imbalance() == {}

    @invariant()
    def cash_is_what_the_model_counted(self) -> None:
        """Our cash is opening money plus and minus every exact amount."""
        for commodity in (PUSD, USD):
            assert self.ledger.balance("cash", commodity) == self.cash[commodity]
            assert self.ledger.balance("opening", commodity) == -self.opened[commodity]
        assert self.ledger.cash_total() == sum(self.cash.values())
        assert self.ledger.fees_paid == self.fees
        paid = sum(self.ledger.balance("fees", commodity) for commodity in (PUSD, USD))
        assert paid == self.fees

    @invariant()
    def shares_are_what_the_model_counted(self) -> None:
        """Holdings and balances tell the same, and no holding is negative."""
        for outcome in OUTCOMES:
            held = self.ledger.holding(outcome)
            assert (held.matched, held.confirmed) == (
                self.matched[outcome],
                self.confirmed[outcome],
            )
            assert held.matched >= 0 <= held.confirmed
            assert held.total == held.matched + held.confirmed
            assert self.ledger.balance("shares.matched", share(outcome)) == held.matched
            assert self.ledger.balance("shares.confirmed", share(outcome)) == held.confirmed

    @invariant()
    def cost_and_realised_explain_the_money(self) -> None:
        """Remaining cost less what was realised is what went out, venue by venue."""
        for commodity in (PUSD, USD):
            explained = sum(
                held.cost - held.realised
                for outcome, held in self.ledger.holdings.items()
                if CURRENCY[outcome.market] == commodity
            )
            assert explained == self.opened[commodity] - self.cash[commodity]

    @invariant()
    def no_cost_is_left_without_shares(self) -> None:
        """Matched shares cost what their pending buys cost; the rest belongs to confirmed ones."""
        for outcome in OUTCOMES:
            held = self.ledger.holding(outcome)
            matched = -sum(
                change
                for done, change in self.pending.values()
                if done.outcome == outcome and done.side == "buy"
            )
            assert held.matched_cost == matched
            assert held.cost >= matched
            if not held.confirmed:
                assert held.cost == matched

    @invariant()
    def pending_fills_are_known(self) -> None:
        """A fill is pending until it is confirmed or failed."""
        assert all(self.ledger.is_pending(each) for each in self.pending)

    @invariant()
    def the_entries_are_the_books(self) -> None:
        """Adding up the journalled entries gives every balance; each of them is balanced."""
        assert [entry.seq for entry in self.entries] == list(range(1, len(self.entries) + 1))
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for entry in self.entries:
            moved: dict[str, int] = defaultdict(int)
            for posting in entry.postings:
                assert posting.amount
                moved[posting.commodity] += posting.amount
                sums[posting.account, posting.commodity] += posting.amount
            assert not any(moved.values())
        for account in (*OURS, "market", "fees", "issuer", "opening"):
            for commodity in (PUSD, USD, *map(share, OUTCOMES)):
                assert self.ledger.balance(account, commodity) == sums[account, commodity]


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(stateful_step_count=30)
