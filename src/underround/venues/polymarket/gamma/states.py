"""Whether a market of Gamma trades, is over, or has paid."""

from __future__ import annotations

from typing import Final

from underround.model.errors import AnswerRefused
from underround.model.ids import MarketId
from underround.model.listing import ListingState
from underround.model.market import Resolution
from underround.model.units import ONE, Nanos, Price, parse_price
from underround.venues.polymarket.gamma.terms import pair
from underround.venues.polymarket.gamma.wire import MarketRow, texts

_DECIDED: Final = ((ONE, 0), (0, ONE))
_SPLIT: Final = (ONE // 2, ONE // 2)
_UNDECIDED: Final = frozenset(("requested", "proposed", "disputed"))
_SETTLED: Final = frozenset(("resolved", "settled"))


def resolution_of(row: MarketRow, market: MarketId, closed_ns: Nanos | None) -> Resolution | None:
    """Return what the market paid; ``None`` while that is not known.

    Raises ``AnswerRefused`` if it paid and the row does not say when it closed.
    """
    payouts = _payouts(row)
    if payouts is None:
        return None
    if closed_ns is None:
        raise AnswerRefused("`closedTime` is missing although the market has paid out")
    return Resolution(market, closed_ns, payouts, "polymarket gamma outcomePrices")


def _payouts(row: MarketRow) -> tuple[Price, Price] | None:
    """Return the final prices of a closed market; ``None``: none yet (old markets state 0 and 0).

    A half each is also the price of a market nobody traded: it counts only where the row says that
    the market is resolved.  So does every price of Protocol V2, which has a status of its own.
    """
    if not row.closed or row.outcome_prices is None:
        return None
    first, second = pair("outcomePrices", row.outcome_prices)
    try:
        prices = parse_price(first), parse_price(second)
    except ValueError:
        return None  # finer than money: the price of an automated market maker, no payout
    status = (row.uma_resolution_status or "").lower()
    said = status in _SETTLED or (row.resolution_status or "").lower() == "resolved"
    if prices in _DECIDED and status not in _UNDECIDED and (said or row.version != "v2"):
        return prices
    return prices if prices == _SPLIT and said else None


def state_of(
    row: MarketRow, resolution: Resolution | None, opens_ns: Nanos | None, now: Nanos
) -> ListingState:
    """Return the state; tradable is ``enableOrderBook ∧ acceptingOrders ∧ ¬closed``.

    ``active`` says nothing.  With a proposed outcome the book is gone although the row still
    accepts orders; a dispute may reopen it.  A status nobody knows pauses the market.
    """
    if row.closed:
        return "closed" if resolution is None else "resolved"
    status = _uma_status(row)
    if status == "proposed" or status in _SETTLED:
        return "closed"
    if row.enable_order_book and row.accepting_orders and not row.archived:
        return "open" if not status or status in _UNDECIDED else "paused"
    return "unopened" if opens_ns is None or opens_ns > now else "paused"


def _uma_status(row: MarketRow) -> str:
    """Return the present status: the field of its own, else the last of the list so far."""
    if row.uma_resolution_status:
        return row.uma_resolution_status.lower()
    if not row.uma_resolution_statuses:
        return ""
    try:
        so_far = texts(row.uma_resolution_statuses)
    except (ValueError, RecursionError):
        raise AnswerRefused("`umaResolutionStatuses` is no JSON list of strings") from None
    return so_far[-1].lower() if so_far else ""
