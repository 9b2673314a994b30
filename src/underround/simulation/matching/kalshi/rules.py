"""What Kalshi refuses, in its own codes: ``code`` or ``code: details``; empty: nothing."""

from __future__ import annotations

from underround.model.units import ONE, Nanos, Price, Size
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.money import SIZE_STEP, KalshiMoney, closing
from underround.simulation.matching.kalshi.terms import KalshiOrder, KalshiSubmission, Mode
from underround.simulation.rules import in_yes, is_bid
from underround.simulation.wording import (
    KALSHI_CLOSED,
    KALSHI_COUNT,
    KALSHI_PRICE,
    KALSHI_WORDS,
)

NOT_FOUND = "not_found"
BALANCE = "insufficient_balance"
_AT_ONCE = frozenset(("FOK", "FAK"))
_LARGEST: Size = 10**9 * ONE


def closed_now(listed: Listed | None, mode: Mode, *, cancel: bool = False) -> str:
    """Return why nothing can be done with orders of a market now."""
    if mode == "exchange_paused":
        return "exchange_is_paused"
    if mode == "trading_paused" and not cancel:
        return "trading_is_paused"
    if listed is None:
        return NOT_FOUND
    resting_only = cancel and listed.stage == "inactive"
    return "" if listed.stage == "active" or resting_only else KALSHI_CLOSED


def off_grid(listed: Listed, yes_price: Price, size: Size) -> str:
    """Return what is wrong with price or count."""
    if not listed.book.ticks.valid(yes_price):
        return KALSHI_PRICE
    if not 0 < size <= _LARGEST or size % SIZE_STEP:
        return KALSHI_COUNT
    return ""


def ill_formed(sent: KalshiSubmission, listed: Listed, now: Nanos) -> str:
    """Return what is wrong with an order, whoever sends it."""
    at_once = sent.tif in _AT_ONCE
    if sent.post_only and at_once:
        return KALSHI_WORDS.post_only_takes
    if sent.reduce_only and sent.tif != "FAK":
        return "invalid_order: reduce_only is for immediate_or_cancel orders"
    if sent.good_until_ns is not None:
        if at_once:
            return KALSHI_WORDS.ends_without_resting
        if sent.good_until_ns <= now:
            return KALSHI_WORDS.ends_too_soon
    return off_grid(listed, in_yes(sent.outcome.index, sent.price), sent.size)


def reducing(sent: KalshiSubmission, money: KalshiMoney) -> Size:
    """Return how much of a reduce-only order may trade."""
    holder = (sent.account, sent.subaccount)
    held = money.position(holder, sent.outcome.market).contracts
    return closing(is_bid(sent.outcome.index, sent.side), held, sent.size)


def at_arrival(order: KalshiOrder, listed: Listed) -> str:
    """Return why an order cannot be taken as the book is now."""
    if order.sent.post_only and order.taking:
        return KALSHI_WORDS.post_only_crosses
    if order.sent.tif == "FOK" and listed.reachable(order) < order.left:
        return KALSHI_WORDS.fok_killed
    return ""
