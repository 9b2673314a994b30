"""Why Polymarket takes no order: its mode, and the money and allowances behind the order.

The texts are the venue's.  Of money it says what it counts, in millionths: the balance, the sum of
active orders, the sum of matched orders (not mined yet), and the order's own amount, fees included.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from underround.model.units import ONE, Money
from underround.simulation.matching.book import Book, Resting
from underround.simulation.matching.custody import Custody
from underround.simulation.matching.holding import Holding
from underround.simulation.matching.terms import Submission

Mode: TypeAlias = Literal["open", "post_only", "cancel_only", "disabled", "down"]
"""``post_only``: the two minutes after a restart; ``down``: during it."""

DISABLED: Final = "Trading is currently disabled. Check polymarket.com for updates"
CANCEL_ONLY: Final = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
POST_ONLY_MODE: Final = "post-only mode: only post-only orders and cancels are accepted"
RESTARTING: Final = "the matching engine is restarting"
NO_MONEY: Final = "not enough balance / allowance"
NO_MATCH: Final = "there are no matching orders"
INVALID_PAYLOAD: Final = "Invalid order payload"
GONE: Final = "order can't be found - already canceled or matched"
DELAYED: Final = "order is delayed: it can't be canceled until it is matched or rests"
"""The rule is the venue's; how it words it is not known."""


def closed_by(mode: Mode, sent: Submission) -> str | None:
    """Return why the mode lets no such order in, or ``None``."""
    if mode == "open" or (mode == "post_only" and sent.post_only):
        return None
    texts: dict[Mode, str] = {
        "post_only": POST_ONLY_MODE,
        "cancel_only": CANCEL_ONLY,
        "disabled": DISABLED,
    }
    return texts.get(mode, RESTARTING)


def amount_of(sent: Submission) -> int:
    """Return what an order gives at its limit, fee aside: dollars of a BUY, shares of a SELL."""
    if sent.side == "sell":
        return sent.size
    return sent.budget if sent.budget is not None else -(-sent.price * sent.size // ONE)


def largest_fee(sent: Submission, book: Book) -> Money:
    """Return the fee of taking it all at the limit; a SELL pays out of what it gets.

    Better prices cost a BUY of shares less in all.  A BUY of dollars may pay more, since cheap
    shares are charged more per dollar: it is looked at again when it is matched.
    """
    if sent.side == "sell":
        return 0
    return book.market.fees.fee(sent.price, sent.size, taker=True)


def uncovered(order: Resting, book: Book, custody: Custody, amount: int) -> str | None:
    """Return the refusal of an order whose account cannot give ``amount``, or ``None``."""
    held = order.holding
    if amount > held.available:
        return (
            f"{NO_MONEY}: the balance is not enough -> balance: {held.balance}{_sums(held, amount)}"
        )
    sent = order.sent
    for spender in book.spenders:
        if not custody.allowed(sent.account, spender, shares=sent.side == "sell"):
            return (
                f"{NO_MONEY}: the allowance is not enough -> spender: {spender}, "
                f"allowance: 0{_sums(held, amount)}"
            )
    return None


def _sums(held: Holding, amount: int) -> str:
    if not held.reserved and not held.in_flight:
        return f", order amount: {amount}"
    active = f", sum of active orders: {held.reserved}" if held.reserved else ""
    matched = f", sum of matched orders: {held.in_flight}" if held.in_flight else ""
    return f"{active}{matched}, order amount (inc. fees): {amount}"
