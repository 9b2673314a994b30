"""The frames of the market channel, in the venue's own forms.

An array of books is compact and ends with a new line, a single event has a space after each comma:
so they were captured (April 2026).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.polymarket.streams.published import PublishedBook
from underround.model.fees import PolymarketFees
from underround.model.frames import NANOS_PER_MS
from underround.model.market import Resolution
from underround.model.units import ONE, Price, decimal_text
from underround.simulation.matching.terms import Level, TicksMoved, Traded

_compact: Final = msgspec.json.Encoder().encode
_TAKER_BASE_FEE: Final = "1000"
"""The legacy field says this of every market with fees."""


def spaced(event: dict[str, object]) -> bytes:
    """Return an event as the venue writes single ones."""
    return json.dumps(event, ensure_ascii=False, separators=(", ", ":")).encode()


def _book(book: PublishedBook, outcome: int) -> dict[str, object]:
    """Return a ``book`` event: the body of ``/book`` without what the stream leaves out."""
    bids, asks = book.levels(outcome)
    event: dict[str, object] = {
        "market": book.market.id.native,
        "asset_id": book.market.tokens[outcome],
        "timestamp": str(book.at_ms),
        "hash": book.hash(outcome),
        "bids": bids,
        "asks": asks,
        "tick_size": book.tick,
        "event_type": "book",
        "last_trade_price": book.last_text,
    }
    if book.version is not None:
        event["version"] = book.version
    return event


def books(wanted: Iterable[tuple[PublishedBook, int]]) -> bytes:
    """Return the answer to a subscription."""
    return _compact([_book(book, outcome) for book, outcome in wanted]) + b"\n"


def book(published: PublishedBook, outcome: int) -> bytes:
    """Return the book that follows a trade."""
    return _compact(_book(published, outcome))


class Changes:
    """The ``price_change`` frames of one market and millisecond: all with the hash after it."""

    def __init__(self, published: PublishedBook) -> None:
        """Take the state after the last change."""
        self._published = published
        self._tails: tuple[str, str] | None = None

    def frame(self, level: Level) -> bytes:
        """Return the change of a level, as both outcomes see it; the buying side comes first."""
        tails = self._tails
        if tails is None:
            tails = self._tails = (self._tail(0), self._tail(1))
        published = self._published
        yes, no = published.market.tokens
        here, there = decimal_text(level.price), decimal_text(ONE - level.price)
        size = decimal_text(level.size)
        if level.bid:
            buy, sell = (yes, here, tails[0]), (no, there, tails[1])
        else:
            buy, sell = (no, there, tails[1]), (yes, here, tails[0])
        return (
            f'{{"market":"{published.market.id.native}", "price_changes":['
            f'{{"asset_id":"{buy[0]}", "price":"{buy[1]}", "size":"{size}", "side":"BUY"{buy[2]}, '
            f'{{"asset_id":"{sell[0]}", "price":"{sell[1]}", "size":"{size}", '
            f'"side":"SELL"{sell[2]}], '
            f'"timestamp":"{published.at_ms}", "event_type":"price_change"}}'
        ).encode()

    def _tail(self, outcome: int) -> str:
        published = self._published
        bid = decimal_text(published.book.best_bid(outcome) or 0)
        ask = decimal_text(published.book.best_ask(outcome) or ONE)
        return f', "hash":"{published.hash(outcome)}", "best_bid":"{bid}", "best_ask":"{ask}"}}'


def last_trade(published: PublishedBook, print_: Traded) -> bytes:
    """Return the print of a trade, in the terms of the outcome the taker traded."""
    market = published.market
    return spaced(
        {
            "market": market.id.native,
            "asset_id": market.tokens[print_.outcome],
            "price": decimal_text(print_.price),
            "size": decimal_text(print_.size),
            "fee_rate_bps": "0",
            "side": print_.side.upper(),
            "timestamp": str(print_.at_ns // NANOS_PER_MS),
            "event_type": "last_trade_price",
        }
    )


def tick_size_changes(published: PublishedBook, moved: TicksMoved) -> Iterator[bytes]:
    """Yield the change of the grid, once for each token."""
    for token in published.market.tokens:
        yield spaced(
            {
                "market": published.market.id.native,
                "asset_id": token,
                "old_tick_size": decimal_text(moved.old.finest),
                "new_tick_size": decimal_text(moved.new.finest),
                "timestamp": str(moved.at_ns // NANOS_PER_MS),
                "event_type": "tick_size_change",
            }
        )


def best_bid_ask(published: PublishedBook, outcome: int) -> bytes:
    """Return the best prices of an outcome; an empty side is an empty text."""
    bid = published.book.best_bid(outcome)
    ask = published.book.best_ask(outcome)
    return spaced(
        {
            "market": published.market.id.native,
            "asset_id": published.market.tokens[outcome],
            "best_bid": _text(bid),
            "best_ask": _text(ask),
            "spread": "" if bid is None or ask is None else decimal_text(ask - bid),
            "timestamp": str(published.at_ms),
            "event_type": "best_bid_ask",
        }
    )


def _text(price: Price | None) -> str:
    return "" if price is None else decimal_text(price)


def new_market(row: LocalMarket, event: LocalEvent) -> bytes:
    """Return the listing of a market, sent to everybody who wants listings."""
    listing = row.listing
    market = listing.market
    told: dict[str, object] = {
        "id": str(row.id),
        "question": market.title,
        "market": market.id.native,
        "slug": listing.slug,
        "description": listing.rules,
        "assets_ids": list(market.tokens),
        "outcomes": list(market.outcomes),
        "event_message": {
            "id": str(event.id),
            "ticker": event.slug,
            "slug": event.slug,
            "title": event.title,
            "description": listing.rules,
        },
        "timestamp": str(row.listed_ns // NANOS_PER_MS),
        "event_type": "new_market",
        "tags": list(listing.tags),
        "condition_id": market.id.native,
        "active": True,
        "clob_token_ids": list(market.tokens),
        "sports_market_type": "",
        "line": "",
        "game_start_time": "",
        "order_price_min_tick_size": decimal_text(market.ticks[-1].finest),
        "group_item_title": "",
        "taker_base_fee": "0",
        "fees_enabled": False,
    }
    fees = market.fees
    if isinstance(fees, PolymarketFees) and fees.rate:
        told["taker_base_fee"] = _TAKER_BASE_FEE
        told["fees_enabled"] = True
        told["fee_schedule"] = {
            "exponent": str(fees.exponent),
            "rate": decimal_text(fees.rate),
            "taker_only": True,
            "rebate_rate": decimal_text(listing.maker_rebate or 0),
        }
    return spaced(told)


def market_resolved(row: LocalMarket, event: LocalEvent, how: Resolution) -> bytes | None:
    """Return the outcome of a market; ``None`` for one that was split, which has no winner.

    The event names one winning asset and nothing else, so it cannot tell a split.
    """
    if ONE not in how.payouts:
        return None
    market, won = row.listing.market, how.payouts.index(ONE)
    return spaced(
        {
            "id": str(row.id),
            "market": market.id.native,
            "assets_ids": list(market.tokens),
            "winning_asset_id": market.tokens[won],
            "winning_outcome": market.outcomes[won],
            "timestamp": str(how.at_ns // NANOS_PER_MS),
            "event_type": "market_resolved",
            "tags": list(event.tags),
        }
    )
