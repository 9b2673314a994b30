"""A local book from the diff stream, by the venue's own recipe.

web-socket-streams.md (2026-07), "How to manage a local order book correctly":

1. Open the stream and keep its messages.
2. Ask for the book.
3. If it is older than the first message kept, ask again.
4. Drop the messages that it already holds; the first one left must contain its last change.
5. Apply them: quantities are absolute, 0 removes a level.
6. Each message must begin where the last one ended; after a gap start over.

The machine is pure: messages and answers in, a verdict out.  It asks nothing itself, it says that
it ``needs_snapshot``.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final, Literal, TypeAlias

from underround.model.signals import DepthChanged, DepthLevel, DepthStated, Fine
from underround.model.units import Money

Verdict: TypeAlias = Literal["kept", "applied", "old", "too_old", "gap", "crossed"]
"""``kept`` for later; ``old``: the book holds it already; ``too_old``: ask for a newer book;
``gap`` and ``crossed``: the book is dropped and needs a new snapshot."""

_MOST_KEPT: Final = 6_000
"""Ten minutes of messages at 100 ms; whoever asks no book for so long starts over."""
_FINE_PER_MICRO: Final = 100


class _Ladder:
    """One side: quantities by price, and the prices in order."""

    __slots__ = ("prices", "quantities")

    def __init__(self, levels: tuple[DepthLevel, ...] = ()) -> None:
        self.quantities: dict[Fine, Fine] = dict(levels)
        self.prices: list[Fine] = sorted(self.quantities)

    def change(self, levels: tuple[DepthLevel, ...]) -> None:
        for price, quantity in levels:
            known = price in self.quantities
            if quantity:
                self.quantities[price] = quantity
                if not known:
                    insort(self.prices, price)
            elif known:
                del self.quantities[price]
                del self.prices[bisect_left(self.prices, price)]


class DepthBook:
    """The book of one symbol, in hundred-millionths.

    Levels beyond the snapshot's reach stay unknown until a message touches them: only the depth the
    snapshot had is complete.
    """

    def __init__(self, symbol: str) -> None:
        """Know nothing yet; ``symbol`` as in the events, e.g. ``binance:BTCUSDT``."""
        self.symbol = symbol
        self._bids = _Ladder()
        self._asks = _Ladder()
        self._kept: list[DepthChanged] = []
        self._held: DepthStated | None = None
        self._last_id: int | None = None
        self.gaps = 0
        """How often it had to start over."""

    @property
    def last_id(self) -> int | None:
        """Number of the last change in the book; ``None``: there is no book."""
        return self._last_id

    @property
    def needs_snapshot(self) -> bool:
        """Whether a book should be asked for now: the stream speaks and there is none."""
        return self._last_id is None and self._held is None and bool(self._kept)

    def restart(self) -> None:
        """Forget everything: the stream was opened anew."""
        self._drop()
        self._kept = []

    def note(self, event: DepthChanged) -> Verdict:
        """Take in one message of the stream."""
        if self._last_id is not None:
            return self._follow(event)
        if self._kept and event.first_id != self._kept[-1].last_id + 1:
            self._kept = [event]
            self._held = None
            self.gaps += 1
            return "gap"
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept.append(event)
        held, self._held = self._held, None
        return "kept" if held is None else self.state(held)

    def state(self, book: DepthStated) -> Verdict:
        """Take in the answer to a request for the book.

        Before the first message of the stream it is kept: nothing yet proves that the stream is
        open.  An answer that the present book is already past changes nothing.
        """
        if self._last_id is not None:
            return "old"
        if not self._kept:
            self._held = book
            return "kept"
        if book.last_id < self._kept[0].first_id:
            return "too_old"
        self._bids, self._asks = _Ladder(book.bids), _Ladder(book.asks)
        self._last_id = book.last_id
        kept, self._kept = self._kept, []
        crossed = [event for event in kept if self._follow(event) == "crossed"]
        return "crossed" if crossed else "applied"

    def best_bid(self) -> DepthLevel | None:
        """Return the best bid; ``None`` without a book or with an empty side."""
        return self._level(self._bids, -1)

    def best_ask(self) -> DepthLevel | None:
        """Return the best ask; ``None`` without a book or with an empty side."""
        return self._level(self._asks, 0)

    def bids(self, most: int) -> tuple[DepthLevel, ...]:
        """Return up to ``most`` bids, best first."""
        ladder = self._bids
        return tuple((price, ladder.quantities[price]) for price in ladder.prices[: -most - 1 : -1])

    def asks(self, most: int) -> tuple[DepthLevel, ...]:
        """Return up to ``most`` asks, best first."""
        ladder = self._asks
        return tuple((price, ladder.quantities[price]) for price in ladder.prices[:most])

    def middle(self) -> Money | None:
        """Return the middle of the best prices in micro-dollars, rounded down."""
        bid, ask = self.best_bid(), self.best_ask()
        if bid is None or ask is None:
            return None
        return (bid[0] + ask[0]) // (2 * _FINE_PER_MICRO)

    def _follow(self, event: DepthChanged) -> Verdict:
        last_id = self._last_id
        if last_id is None or event.first_id > last_id + 1:
            self._start_over(event)
            return "gap"
        if event.last_id <= last_id:
            return "old"
        self._bids.change(event.bids)
        self._asks.change(event.asks)
        self._last_id = event.last_id
        bid, ask = self.best_bid(), self.best_ask()
        if bid is not None and ask is not None and bid[0] >= ask[0]:
            self._start_over(event)
            return "crossed"
        return "applied"

    def _start_over(self, event: DepthChanged) -> None:
        if self._last_id is not None or not self._kept:
            self.gaps += 1
        self._drop()
        self._kept.append(event)

    def _drop(self) -> None:
        self._bids, self._asks = _Ladder(), _Ladder()
        self._held = None
        self._last_id = None

    def _level(self, ladder: _Ladder, place: int) -> DepthLevel | None:
        if not ladder.prices:
            return None
        price = ladder.prices[place]
        return price, ladder.quantities[price]
