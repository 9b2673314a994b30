"""The straightforward way, to compare with: ``json.loads`` and a dictionary of texts per side.

Prices and sizes stay the venue's texts.  Both tokens have a book of their own, as the venue sends
them.  After each change the best prices are compared with those the venue states beside it, and a
callback gets the token and the best levels whenever they changed.  Nothing else is checked: no
grid, no range, no missing field, no trust.

Three variants.  ``PlainBook`` is what a bot usually does: the best level is searched every time, by
the number a text stands for (a text alone is a safe key only as long as every price is written with
the same number of digits).  ``SearchedBook`` trusts the texts to sort like numbers, which holds in
this recording.  ``TrackedBook`` also remembers the best level and searches only when it goes, which
is as good as a dictionary gets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TypeAlias

Top: TypeAlias = tuple[str, str, str, str]
"""Bid, its size, ask, its size; empty texts for an empty side."""


class SearchedBook:
    """One token's levels, price text → size text."""

    __slots__ = ("agreed", "asks", "bids", "seen")

    def __init__(self) -> None:
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.seen: Top = ("", "", "", "")
        self.agreed = 0

    def change(self, side: str, price: str, size: str) -> None:
        """Set or remove a level."""
        levels = self.bids if side == "BUY" else self.asks
        if size == "0":
            levels.pop(price, None)
        else:
            levels[price] = size

    def top(self) -> Top:
        """Return the best levels."""
        bid, ask = max(self.bids, default=""), min(self.asks, default="")
        return bid, self.bids.get(bid, ""), ask, self.asks.get(ask, "")


class PlainBook(SearchedBook):
    """One token's levels; the best is searched by number."""

    __slots__ = ()

    def top(self) -> Top:
        """Return the best levels."""
        bids, asks = self.bids, self.asks
        bid = max(bids, key=float, default="")
        ask = min(asks, key=float, default="")
        return bid, bids.get(bid, ""), ask, asks.get(ask, "")


class TrackedBook(SearchedBook):
    """The same, with the best prices remembered."""

    __slots__ = ("ask", "bid")

    def __init__(self) -> None:
        super().__init__()
        self.bid = ""
        self.ask = ""

    def change(self, side: str, price: str, size: str) -> None:
        """Set or remove a level."""
        if side == "BUY":
            bids = self.bids
            if size != "0":
                bids[price] = size
                if price > self.bid:  # noqa: PLR1730 - max() would slow the baseline down
                    self.bid = price
            else:
                bids.pop(price, None)
                if price == self.bid:
                    self.bid = max(bids, default="")
            return
        asks = self.asks
        if size != "0":
            asks[price] = size
            if not self.ask or price < self.ask:
                self.ask = price
        else:
            asks.pop(price, None)
            if price == self.ask:
                self.ask = min(asks, default="")

    def top(self) -> Top:
        """Return the best levels."""
        return self.bid, self.bids.get(self.bid, ""), self.ask, self.asks.get(self.ask, "")


def run(
    payloads: Iterable[bytes],
    callback: Callable[[str, Top], None],
    kind: type[SearchedBook] = SearchedBook,
) -> dict[str, SearchedBook]:
    """Read every payload into books and call back on each change of a best price or size."""
    books: dict[str, SearchedBook] = {}
    loads = json.loads
    for payload in payloads:
        message = loads(payload)
        if message["event_type"] != "price_change":
            continue
        for change in message["price_changes"]:
            token = change["asset_id"]
            book = books.get(token)
            if book is None:
                book = books[token] = kind()
            book.change(change["side"], change["price"], change["size"])
            top = book.top()
            if top[0] == change["best_bid"] and top[2] == change["best_ask"]:
                book.agreed += 1
            if top != book.seen:
                book.seen = top
                callback(token, top)
    return books
