"""Frames of Kalshi's WebSocket and bodies of its order book requests → events.

Kalshi's books hold bids only, one list per outcome: a NO bid at q is a YES ask at 1 − q.  NO levels
are read in NO prices: subscriptions must say ``use_yes_price: false``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from underround.model.book import Side
from underround.model.errors import FrameRefused
from underround.model.events import (
    BestStated,
    BookSnapshot,
    LevelAdjusted,
    MarketEvent,
    MarketNoticed,
    SequenceUsed,
    TradePrinted,
)
from underround.model.events import Sequence as Number
from underround.model.ids import NO, YES, MarketId
from underround.model.market import Market
from underround.model.units import ONE, Price, parse_micros, parse_size
from underround.venues.codec import PriceTexts, SizeTexts, Tokens, refused
from underround.venues.kalshi import wire
from underround.venues.kalshi.indices import index_ticks
from underround.venues.kalshi.levels import book_levels, message_nanos
from underround.venues.kalshi.lifecycle import event_fee_update, lifecycle

_OTHER_CHANNELS: Final = frozenset(
    (
        "subscribed",
        "event_lifecycle",
        "multivariate_market_lifecycle",
        "fill",
        "user_order",
        "market_position",
        "order_group_updates",
        "cfbenchmarks_value_indexlist",
        "pyth_value",
        "pyth_value_underlying_list",
        "rfq_created",
        "rfq_deleted",
        "quote_created",
        "quote_accepted",
        "quote_executed",
        "multivariate_lookup",
    )
)
"""Known messages that say nothing about books, trades, the life of a market or an index."""

_head = msgspec.json.Decoder(wire.Head).decode
_snapshot = msgspec.json.Decoder(wire.SnapshotFrame).decode
_delta = msgspec.json.Decoder(wire.DeltaFrame).decode
_ticker = msgspec.json.Decoder(wire.TickerFrame).decode
_trade = msgspec.json.Decoder(wire.TradeFrame).decode
_error = msgspec.json.Decoder(wire.ErrorFrame).decode
_request = msgspec.json.Decoder(wire.RequestBody).decode

_HOT: Final = b'{"type":"orderbook_delta"'


class KalshiDecoder:
    """Decoder of the WebSocket (``Decoder`` of ``venues.codec``).

    Books are given in YES terms: bids are the YES bids, asks the mirrored NO bids, best last.  A
    numbered message of a market outside the catalogue still gives ``SequenceUsed``: its number
    counts for every book of the subscription.
    """

    def __init__(self, tokens: Tokens) -> None:
        """Take ``Catalogue.by_token()``; Kalshi names markets by ticker, whatever the tokens."""
        self._markets: dict[str, Market] = {
            market.id.native: market for market, _ in tokens.values()
        }
        self._ids: dict[str, MarketId] = {
            native: market.id for native, market in self._markets.items()
        }
        self._prices = PriceTexts()
        self._sizes = SizeTexts()
        self._readers: dict[str, Callable[[bytes], Sequence[MarketEvent]]] = {
            "orderbook_delta": self._level,
            "orderbook_snapshot": self._book,
            "ticker": self._best,
            "trade": self._printed,
            "market_lifecycle_v2": self._life,
            "event_fee_update": self._fees,
            "cfbenchmarks_value": index_ticks,
            "error": _venue_error,
        }

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return the frame's events; raises ``FrameRefused`` (see ``Decoder``)."""
        try:
            if payload.startswith(_HOT):
                return self._level(payload)
            return self._read(payload)
        except (ValueError, RecursionError) as error:
            raise refused(error) from None

    def decode_orderbook(self, payload: bytes, market: MarketId) -> BookSnapshot:
        """Return the body of ``GET /markets/{ticker}/orderbook``, which does not name its market.

        Raises ``FrameRefused``.  Such a book has neither a time nor a number: it proves nothing.
        """
        try:
            body = _request(payload)
            if body.orderbook_fp is None:
                raise FrameRefused("no `orderbook_fp` in the body at `$`")
            return self._requested(market, body.orderbook_fp, ".orderbook_fp")
        except (ValueError, RecursionError) as error:
            raise refused(error) from None

    def _read(self, payload: bytes) -> Sequence[MarketEvent]:
        text = payload.strip()
        if text in {b"", b"heartbeat"}:
            return ()
        head = _head(text)
        if head.type is None:
            return self._request_body(text)
        read = self._readers.get(head.type)
        if read is not None:
            return read(text)
        if head.type in {"ok", "unsubscribed"}:
            if head.sid is None or head.seq is None:
                return ()
            return (SequenceUsed(Number(head.sid, head.seq)),)
        if head.type in _OTHER_CHANNELS:
            return ()
        raise FrameRefused(f"unknown type {head.type!r} at `$.type`")

    # --- books ---------------------------------------------------------------------------------

    def _level(self, payload: bytes) -> Sequence[MarketEvent]:
        frame = _delta(payload)
        message = frame.msg
        price = self._prices[message.price_dollars]
        delta = parse_micros(message.delta_fp)
        at_ns = message_nanos(message.ts_ms, message.ts)
        number = Number(frame.sid, frame.seq)
        market = self._ids.get(message.market_ticker)
        if market is None:
            return SequenceUsed(number), MarketNoticed(message.market_ticker, "")
        outcome = YES if message.side == "yes" else NO
        return (LevelAdjusted(market, outcome, "buy", price, delta, at_ns, number),)

    def _book(self, payload: bytes) -> Sequence[MarketEvent]:
        frame = _snapshot(payload)
        message = frame.msg
        bids, asks = book_levels(
            message.yes_dollars_fp,
            message.no_dollars_fp,
            (".msg.yes_dollars_fp", ".msg.no_dollars_fp"),
            self._prices,
            self._sizes,
        )
        number = Number(frame.sid, frame.seq)
        market = self._ids.get(message.market_ticker)
        if market is None:
            return SequenceUsed(number), MarketNoticed(message.market_ticker, "")
        return (BookSnapshot(market, YES, None, bids, asks, "stream", sequence=number),)

    def _request_body(self, payload: bytes) -> Sequence[MarketEvent]:
        """Read ``/markets/orderbooks``, or one book that a recorder labelled with its ticker."""
        body = _request(payload)
        if bytes(body.error):
            raise FrameRefused(f"the venue answers with an error: {bytes(body.error)[:200]!r}")
        books = body.orderbooks
        where = ".orderbooks[{}]"
        if body.orderbook_fp is not None:
            if body.ticker is None:
                raise FrameRefused("the order book has no ticker: use decode_orderbook, at `$`")
            books, where = [wire.RequestedBook(body.ticker, body.orderbook_fp)], ""
        if books is None:
            raise FrameRefused("neither a message `type` nor an order book at `$`")
        events: list[MarketEvent] = []
        for place, book in enumerate(books):
            market = self._ids.get(book.ticker)
            if market is None:
                events.append(MarketNoticed(book.ticker, ""))
                continue
            path = where.format(place) + ".orderbook_fp"
            events.append(self._requested(market, book.orderbook_fp, path))
        return events

    def _requested(self, market: MarketId, book: wire.RequestLevels, path: str) -> BookSnapshot:
        bids, asks = book_levels(
            book.yes_dollars,
            book.no_dollars,
            (f"{path}.yes_dollars", f"{path}.no_dollars"),
            self._prices,
            self._sizes,
        )
        return BookSnapshot(market, YES, None, bids, asks, "request")

    # --- best prices, trades, life -------------------------------------------------------------

    def _best(self, payload: bytes) -> Sequence[MarketEvent]:
        message = _ticker(payload).msg
        bid = self._stated(message.yes_bid_dollars, message.yes_bid_size_fp)
        ask = self._stated(message.yes_ask_dollars, message.yes_ask_size_fp)
        at_ns = message_nanos(message.ts_ms, message.ts)
        market = self._ids.get(message.market_ticker)
        if market is None:
            return (MarketNoticed(message.market_ticker, ""),)
        return (BestStated(market, at_ns, bid, ask),)

    def _stated(self, text: str, size: str | None) -> Price | None:
        """Return a best price; 0 and 1 are sentinels of an empty side, and so is a size of 0."""
        price = self._prices[text]
        if not 0 < price < ONE or (size is not None and not self._sizes[size]):
            return None
        return price

    def _printed(self, payload: bytes) -> Sequence[MarketEvent]:
        message = _trade(payload).msg
        price = self._prices[message.yes_price_dollars]
        if self._prices[message.no_price_dollars] != ONE - price:
            raise ValueError("YES and NO prices do not sum to one - at `$.msg.no_price_dollars`")
        size = parse_size(message.count_fp)
        at_ns = message_nanos(message.ts_ms, message.ts)
        taker = message.taker_outcome_side or message.taker_side
        if taker is None:
            raise ValueError("no taker_outcome_side and no taker_side - at `$.msg`")
        if message.taker_book_side not in {None, "bid" if taker == "yes" else "ask"}:
            raise ValueError("the taker's outcome and book side disagree - at `$.msg`")
        if message.is_block_trade:
            return ()  # agreed off the book: no evidence for anything that rests in it
        market = self._ids.get(message.market_ticker)
        if market is None:
            return (MarketNoticed(message.market_ticker, ""),)
        side: Side = "buy" if taker == "yes" else "sell"
        text = message.yes_price_dollars
        return (TradePrinted(market, YES, at_ns, price, size, side, text),)

    def _life(self, payload: bytes) -> Sequence[MarketEvent]:
        return lifecycle(payload, self._markets)

    def _fees(self, payload: bytes) -> Sequence[MarketEvent]:
        return event_fee_update(payload, self._markets)


def _venue_error(payload: bytes) -> Sequence[MarketEvent]:
    message = _error(payload).msg
    raise FrameRefused(f"the venue answers with error {message.code}: {message.msg[:200]}")
