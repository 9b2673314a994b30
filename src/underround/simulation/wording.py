"""How each venue words its refusals: the L2 fill model and the order-level engines say the same.

Sources: ``polymarket`` — docs.polymarket.com/resources/error-codes and /trading/orders;
``kalshi`` — docs.kalshi.com order_errors and api-reference/orders, as ``code`` or ``code: details``
(the details are ours where the venue publishes none).
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.ids import KALSHI, Venue


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of one venue that need no numbers."""

    post_only_crosses: str
    post_only_takes: str
    """Post-only, and an order that never rests."""
    ends_without_resting: str
    """A time to leave the book, and an order that never rests; or the other way round."""
    ends_too_soon: str
    fok_killed: str
    fak_nothing: str


POLYMARKET_WORDS: Final = Words(
    post_only_crosses="invalid post-only order: order crosses book",
    post_only_takes="post-only is for GTC and GTD orders",
    ends_without_resting="invalid expiration",
    ends_too_soon="invalid expiration",
    fok_killed="order couldn't be fully filled. FOK orders are fully filled or killed.",
    fak_nothing=(
        "no orders found to match with FAK order. "
        "FAK orders are partially filled or killed if no match is found."
    ),
)
KALSHI_WORDS: Final = Words(
    post_only_crosses="invalid_order: post only cross",
    post_only_takes="invalid_order: post_only is for good_till_canceled orders",
    ends_without_resting="invalid_order: expiration_time is for good_till_canceled orders",
    ends_too_soon="invalid_order: expiration_time has passed",
    fok_killed="fill_or_kill_insufficient_resting_volume",
    fak_nothing="immediate_or_cancel",
)
KALSHI_CLOSED: Final = "market_inactive"
KALSHI_PRICE: Final = "invalid_price: price is not on the market's price levels"
KALSHI_COUNT: Final = "invalid_order: invalid count"


def words_of(venue: Venue) -> Words:
    """Return a venue's texts; of one that is not known to trade, Polymarket's."""
    return KALSHI_WORDS if venue == KALSHI else POLYMARKET_WORDS
