"""Our outcome, side and price ↔ Kalshi's one book in YES prices.

Kalshi's orders say ``bid`` (buy YES) or ``ask`` (sell YES, or, when flat, open NO) at a YES price.

=========  ==========================
ours       Kalshi's
=========  ==========================
buy YES p  bid at p
sell YES p ask at p
buy NO q   ask at 1 − q
sell NO q  bid at 1 − q
=========  ==========================

Backwards one bit is lost: a bid is either a purchase of YES or a sale of NO, which are the same
thing to a venue that nets both.  What is said about an order of ours is said in the order's own
terms; about anything else as a purchase.  Source: docs.kalshi.com, getting_started/order_direction.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from underround.model.book import Side
from underround.model.ids import KALSHI, NO, YES, MarketId, OutcomeId
from underround.model.units import ONE, Price

BookSide: TypeAlias = Literal["bid", "ask"]
OutcomeSide: TypeAlias = Literal["yes", "no"]
BOOK_SIDE_OF: Final[dict[str, BookSide]] = {"yes": "bid", "no": "ask"}


def market_id(ticker: str) -> MarketId:
    """Return the id of the market that Kalshi calls ``ticker``."""
    return MarketId(KALSHI, ticker)


def book_side(outcome: int, side: Side) -> BookSide:
    """Return which side of Kalshi's book an order of ours is on."""
    return "bid" if (outcome == YES) == (side == "buy") else "ask"


def mirrored(price: Price, outcome: int) -> Price:
    """Return a price of ``outcome`` in YES terms, or a YES price in the terms of ``outcome``."""
    return price if outcome == YES else ONE - price


def as_purchase(ticker: str, outcome_side: OutcomeSide) -> OutcomeId:
    """Return the outcome that an order or fill of this direction buys."""
    return OutcomeId(market_id(ticker), YES if outcome_side == "yes" else NO)


def direction(outcome_side: OutcomeSide, stated: BookSide | None) -> BookSide:
    """Return the book side of ``outcome_side``; ``ValueError`` if ``stated`` says the other."""
    side = BOOK_SIDE_OF[outcome_side]
    if stated not in {None, side}:
        raise ValueError(f"outcome_side {outcome_side} and book_side {stated} disagree")
    return side
