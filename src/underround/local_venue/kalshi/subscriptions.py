"""Subscriptions of Kalshi's WebSocket: a number (``sid``), a channel, markets, a sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from underround.simulation.matching.terms import AccountId

BOOK: Final = "orderbook_delta"
TICKER: Final = "ticker"
TRADE: Final = "trade"
FILL: Final = "fill"
ORDERS: Final = "user_orders"
POSITIONS: Final = "market_positions"
LIFECYCLE: Final = "market_lifecycle_v2"
GROUPS: Final = "order_group_updates"
INDEX: Final = "cfbenchmarks_value"

CHANNELS: Final = frozenset(
    (BOOK, TICKER, TRADE, FILL, ORDERS, POSITIONS, LIFECYCLE, GROUPS, INDEX)
)
NUMBERED: Final = frozenset((BOOK, TRADE, LIFECYCLE, GROUPS, INDEX))
"""Messages of these carry ``seq``; acknowledgements of all do."""
OF_MARKETS: Final = frozenset((BOOK, TICKER, TRADE, FILL, ORDERS, POSITIONS))
"""Channels that can be about some markets only."""


class Listener(Protocol):
    """Who is sent what a subscription brings."""

    account: AccountId

    def send(self, payload: bytes) -> None:
        """Send a message."""


class Subscription:
    """One channel of one connection; its numbers count all of its markets together."""

    __slots__ = ("channel", "indices", "listener", "markets", "seq", "sid", "yes_price")

    def __init__(self, sid: int, channel: str, listener: Listener) -> None:
        """``markets=None``: all."""
        self.sid = sid
        self.channel = channel
        self.listener = listener
        self.markets: dict[str, None] | None = None
        self.indices: dict[str, None] = {}
        self.yes_price = False
        """NO levels are quoted at YES prices."""
        self.seq = 0

    def number(self) -> int:
        """Return the next number."""
        self.seq += 1
        return self.seq

    def tell(self, kind: str, body: bytes, now_ms: int) -> None:
        """Send a message of the channel; ``body`` is its ``msg``, encoded."""
        head = b'{"type":"%s","sid":%d' % (kind.encode(), self.sid)
        if self.channel in NUMBERED:
            head += b',"seq":%d' % self.number()
        self.listener.send(b'%s,"msg":%s,"sending_ts_ms":%d}' % (head, body, now_ms))


class Subscribers:
    """All subscriptions of one server, found by channel and market."""

    def __init__(self) -> None:
        """Nobody listens."""
        self._whole: dict[str, dict[Subscription, None]] = {}
        self._of: dict[tuple[str, str], dict[Subscription, None]] = {}

    def add(self, one: Subscription) -> None:
        """Let a subscription be found."""
        if one.markets is None:
            self._whole.setdefault(one.channel, {})[one] = None
        else:
            self.widen(one, one.markets)

    def widen(self, one: Subscription, tickers: Iterable[str]) -> None:
        """Let it be found by these markets too."""
        for ticker in tickers:
            self._of.setdefault((one.channel, ticker), {})[one] = None

    def narrow(self, one: Subscription, tickers: Iterable[str]) -> None:
        """Let it not be found by these markets any more."""
        for ticker in tickers:
            found = self._of.get((one.channel, ticker))
            if found is not None:
                found.pop(one, None)
                if not found:
                    del self._of[one.channel, ticker]

    def remove(self, one: Subscription) -> None:
        """Let it not be found any more."""
        self._whole.get(one.channel, {}).pop(one, None)
        self.narrow(one, one.markets or ())

    def of(self, channel: str, ticker: str) -> Iterator[Subscription]:
        """Yield who listens to a market on a channel."""
        yield from self._whole.get(channel, ())
        yield from self._of.get((channel, ticker), ())

    def all_of(self, channel: str) -> Iterator[Subscription]:
        """Yield who listens to a channel as a whole."""
        yield from self._whole.get(channel, ())
