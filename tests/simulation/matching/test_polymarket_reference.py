"""The engine against the slow and obvious matcher, each with a book of its own."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.matching.desk import RAIN, Desk
from tests.simulation.matching.reference import (
    Waiting,
    ended,
    expected,
    filled,
    met,
    payable,
    waiting,
)
from underround.model.ids import NO, YES, OrderId
from underround.model.market import CENT
from underround.model.units import ONE, decimal_text, shares, usd
from underround.simulation.matching.terms import AccountId, Submission


class Twins:
    """Two books that are told the same; every order has an account of its own."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.book: list[Waiting] = []
        self.entered = 0

    def submit(self, outcome: int, side: Any, cents: int, size: int, tif: Any, cash: int) -> None:
        account = AccountId(f"a{self.desk.made}")
        self.desk.custody.deposit(account, usd("200"))
        self.desk.custody.split(account, RAIN, shares("100"))
        other: dict[str, Any] = {}
        text, price = decimal_text(size * CENT), decimal_text(cents * CENT)
        if cash and side == "buy" and tif in ("FAK", "FOK"):
            other = {"budget": cash * CENT}
            text = decimal_text(cash * CENT * ONE // (cents * CENT))
        sent = self.desk.order(account, side, price, text, tif, outcome=outcome, **other)
        placed = self.desk.venue.submit(sent, 0)
        if placed.state == "refused":
            got = expected(self.book, sent)
            killed = (tif == "FOK" and not filled(sent, got)) or (tif == "FAK" and not got.fills)
            assert killed or "min size: $1" in placed.reason, placed.reason
            return
        assert placed.size == self.trade(sent)

    def trade(self, sent: Submission) -> int:
        """Match in the reference's own book; return how many shares."""
        got = expected(self.book, sent)
        if got.fills:
            assert met(self.desk.matched[-1]) == got.fills
        taken = {name: size for name, size, _ in got.fills}
        left = [order._replace(left=order.left - taken.get(order.id, 0)) for order in self.book]
        self.book = [order for order in left if payable(order.left, order.price)]
        total = sum(taken.values())
        self.entered += 1
        yes = sent.outcome.index == YES
        price = sent.price if yes else ONE - sent.price
        if sent.tif == "GTC" and not ended(sent, got):
            bid = (sent.side == "buy") == yes
            self.book.append(Waiting(sent.id, bid, price, self.entered, sent.size - total))
        return total

    def cancel(self, number: int) -> None:
        name = f"o{number}"
        there = [order for order in self.book if order.id == name]
        gone, _ = self.desk.cancel(name)
        assert gone == [order.id for order in there]
        self.book = [order for order in self.book if order.id != name]

    def same(self) -> None:
        """Both books hold the same orders, in the same turn, with the same left of each."""
        ours = waiting(self.desk.venue.resting(RAIN))
        assert ours == sorted(
            self.book,
            key=lambda order: (not order.bid, -order.price if order.bid else order.price,
                               order.place),
        )  # fmt: skip


ORDERS = st.tuples(
    st.sampled_from((YES, NO)),
    st.sampled_from(("buy", "sell")),
    st.integers(44, 56) | st.integers(5, 95),
    st.integers(500, 9000),
    st.sampled_from(("GTC", "GTC", "FAK", "FOK")),
    st.integers(0, 2000),
)


@given(steps=st.lists(ORDERS | st.integers(1, 40), max_size=40))
def test_both_matchers_agree_on_anything(steps: list[Any]) -> None:
    """Orders of any kind and cancels give the same fills and the same books."""
    twins = Twins()
    for step in steps:
        if isinstance(step, int):
            twins.cancel(step)
        else:
            twins.submit(*step)
        twins.same()


def test_both_matchers_agree_on_a_long_day() -> None:
    """Two thousand orders and cancels around a wandering price end in the same book."""
    draw = random.Random(4)
    twins = Twins()
    middle = 50
    for number in range(2000):
        middle = min(max(middle + draw.choice((-1, 0, 0, 1)), 20), 80)
        if draw.random() < 0.25:
            twins.cancel(draw.randint(1, number + 1))
            continue
        outcome, side = draw.choice((YES, NO)), draw.choice(("buy", "sell"))
        cents = middle if outcome == YES else 100 - middle
        cents += draw.randint(-6, 2) * (1 if side == "buy" else -1)
        tif = draw.choice(("GTC", "GTC", "GTC", "GTC", "FAK", "FOK"))
        twins.submit(outcome, side, cents, draw.randint(500, 5000), tif, draw.choice((0, 777)))
    twins.same()
    assert len(twins.desk.matched) > 300
    assert all(order.sent.id in twins.desk.venue.orders for order in twins.desk.venue.resting(RAIN))
    assert OrderId("o1") in twins.desk.venue.orders
