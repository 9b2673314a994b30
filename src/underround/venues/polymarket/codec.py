"""Frames of Polymarket's market channel and bodies of ``/book`` → events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import (
    BestStated,
    BookSnapshot,
    HashInputs,
    LevelChange,
    LevelsChanged,
    MarketEvent,
    MarketNoticed,
    MarketResolved,
    TicksChanged,
    TradePrinted,
)
from underround.model.ids import NO, YES, MarketId
from underround.model.market import Market, uniform_ticks
from underround.model.units import ONE, parse_price, parse_size
from underround.venues.codec import PriceTexts, SizeTexts, Tokens, ms_text_nanos, refused
from underround.venues.polymarket import wire
from underround.venues.polymarket.levels import (
    SIDES,
    StatedTexts,
    field,
    join,
    levels_changed,
    side_levels,
    stated_price,
)

_QUIET: Final = frozenset((b"PONG", b"PING", b""))

_head = msgspec.json.Decoder(wire.Head).decode
_parts = msgspec.json.Decoder(list[msgspec.Raw]).decode
_price_changes = msgspec.json.Decoder(wire.PriceChanges).decode
_bare_changes = msgspec.json.Decoder(wire.BareChanges).decode
_flat_change = msgspec.json.Decoder(wire.FlatChange).decode
_book = msgspec.json.Decoder(wire.BookMessage).decode
_last_trade = msgspec.json.Decoder(wire.LastTrade).decode
_tick_size_change = msgspec.json.Decoder(wire.TickSizeChange).decode
_best_bid_ask = msgspec.json.Decoder(wire.BestBidAsk).decode
_new_market = msgspec.json.Decoder(wire.NewMarket).decode
_resolved = msgspec.json.Decoder(wire.Resolved).decode


class _Followed(msgspec.Struct, frozen=True):
    """A market of the catalogue, by its tokens."""

    id: MarketId
    outcomes: dict[str, int]


class PolymarketDecoder:
    """Decoder of the market channel (``Decoder`` of ``venues.codec``).

    Frames of markets outside the catalogue give ``MarketNoticed``.  A snapshot's levels keep the
    venue's order: bids ascend, asks descend, best last.
    """

    def __init__(self, tokens: Tokens) -> None:
        """Take ``Catalogue.by_token()``."""
        self._tokens = tokens
        self._followed: dict[str, _Followed] = {}
        self._markets: dict[str, Market] = {}
        for market, _ in tokens.values():
            self._markets[market.id.native] = market
            outcomes = {market.tokens[YES]: YES, market.tokens[NO]: NO}
            self._followed[market.id.native] = _Followed(market.id, outcomes)
        self._prices = PriceTexts()
        self._sizes = SizeTexts()
        self._stated = StatedTexts()
        self._readers: dict[str, Callable[[bytes], Sequence[MarketEvent]]] = {
            "book": self._stream_book,
            "last_trade_price": self._trade,
            "tick_size_change": self._ticks,
            "best_bid_ask": self._best,
            "new_market": self._listing,
            "market_resolved": self._resolution,
        }

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return the frame's events; raises ``FrameRefused`` (see ``Decoder``)."""
        # Nearly every frame is a price_change, so that is tried first; whatever does not fit is
        # read again below, slowly and with a reason.
        try:
            message = _price_changes(payload)
            followed = self._followed[message.market]
            outcomes = followed.outcomes
            prices, sizes, stated = self._prices, self._sizes, self._stated
            changes = []
            for change in message.price_changes:
                changes.append(  # noqa: PERF401 - a comprehension's own frame costs more
                    LevelChange(
                        outcomes[change.asset_id],
                        SIDES[change.side],
                        prices[change.price],
                        sizes[change.size],
                        change.hash,
                        stated[change.best_bid],
                        stated[change.best_ask],
                    )
                )
            if changes:
                at_ns = ms_text_nanos(message.timestamp)
                return (LevelsChanged(followed.id, at_ns, tuple(changes)),)
        except (ValueError, KeyError, RecursionError):
            pass
        return self._read_all(payload)

    def _read_all(self, payload: bytes) -> Sequence[MarketEvent]:
        text = payload.strip()
        if text in _QUIET:
            return ()
        if text[:1] != b"[":
            return self._read(text, "")
        try:
            parts = _parts(text)
        except (ValueError, RecursionError) as error:
            raise refused(error) from None
        events: list[MarketEvent] = []
        for place, part in enumerate(parts):
            for event in self._read(bytes(part), f"[{place}]"):
                join(events, event)
        return events

    def _read(self, data: bytes, where: str) -> Sequence[MarketEvent]:
        try:
            head = _head(data)
            if head.event_type == "price_change":
                return self._price_change(data, head)
            if head.event_type is not None:
                read = self._readers.get(head.event_type)
                if read is None:
                    raise FrameRefused(f"unknown event_type {head.event_type!r} at `${where}`")
                return read(data)
            if head.error is not None:
                raise FrameRefused(f"the venue answers with an error: {head.error[:200]}")
            if not bytes(head.bids):
                raise FrameRefused(f"no event_type, and no bids of a requested book, at `${where}`")
            return self._snapshot(data, streamed=False)
        except (ValueError, RecursionError) as error:
            raise refused(error, where) from None

    # --- levels --------------------------------------------------------------------------------

    def _price_change(self, data: bytes, head: wire.Head) -> Sequence[MarketEvent]:
        if bytes(head.price_changes):
            message = _price_changes(data)
            return levels_changed(
                message.market,
                ms_text_nanos(message.timestamp),
                message.price_changes,
                "price_changes",
                self._tokens,
            )
        if bytes(head.changes):
            bare = _bare_changes(data)
            entries = [
                wire.Change(bare.asset_id, entry.price, entry.size, entry.side, bare.hash)
                for entry in bare.changes
            ]
            at_ns = ms_text_nanos(bare.timestamp)
            return levels_changed(bare.market, at_ns, entries, "changes", self._tokens)
        flat = _flat_change(data)
        entry = wire.Change(flat.asset_id, flat.price, flat.size, flat.side, flat.hash)
        at_ns = ms_text_nanos(flat.timestamp)
        return levels_changed(flat.market, at_ns, [entry], None, self._tokens)

    # --- snapshots -----------------------------------------------------------------------------

    def _stream_book(self, data: bytes) -> Sequence[MarketEvent]:
        return self._snapshot(data, streamed=True)

    def _snapshot(self, data: bytes, *, streamed: bool) -> Sequence[MarketEvent]:
        message = _book(data)
        at_ns = ms_text_nanos(message.timestamp)
        bids = side_levels(message.bids, "bids", self._prices, self._sizes)
        asks = side_levels(message.asks, "asks", self._prices, self._sizes)
        if bids and asks and bids[-1][0] >= asks[-1][0]:
            best = f"bid {message.bids[-1].price} meets ask {message.asks[-1].price}"
            raise ValueError(f"the book is crossed: {best}")
        found = self._market(message.market, message.asset_id)
        if found is None:
            return (MarketNoticed(message.market, ""),)
        market, outcome = found
        inputs = None
        if message.tick_size is not None and message.last_trade_price is not None:
            inputs = HashInputs(
                message.tick_size,
                message.last_trade_price,
                message.min_order_size,
                message.neg_risk,
                message.version,
            )
        source: Literal["stream", "request"] = "stream" if streamed else "request"
        return (BookSnapshot(market.id, outcome, at_ns, bids, asks, source, message.hash, inputs),)

    # --- everything else -----------------------------------------------------------------------

    def _market(self, native: str, token: str) -> tuple[Market, int] | None:
        """Return whose token it is; ``ValueError`` when the frame says another market's."""
        found = self._tokens.get(token)
        if found is not None and found[0].id.native != native:
            raise ValueError(f"the token of {found[0].id.native} under market {native}")
        return found

    def _trade(self, data: bytes) -> Sequence[MarketEvent]:
        message = _last_trade(data)
        price = field(parse_price, message.price, ".price")
        size = field(parse_size, message.size, ".size")
        at_ns = ms_text_nanos(message.timestamp)
        found = self._market(message.market, message.asset_id)
        if found is None:
            return (MarketNoticed(message.market, ""),)
        market, outcome = found
        side = SIDES[message.side]
        return (TradePrinted(market.id, outcome, at_ns, price, size, side, message.price),)

    def _ticks(self, data: bytes) -> Sequence[MarketEvent]:
        message = _tick_size_change(data)
        epoch = uniform_ticks(message.new_tick_size, ms_text_nanos(message.timestamp))
        found = self._market(message.market, message.asset_id)
        if found is None:
            return (MarketNoticed(message.market, ""),)
        return (TicksChanged(found[0].id, epoch),)

    def _best(self, data: bytes) -> Sequence[MarketEvent]:
        message = _best_bid_ask(data)
        bid = stated_price(message.best_bid, ".best_bid") or None
        ask = stated_price(message.best_ask, ".best_ask") or None
        if ask == ONE:
            ask = None
        at_ns = ms_text_nanos(message.timestamp)
        found = self._market(message.market, message.asset_id)
        if found is None:
            return (MarketNoticed(message.market, ""),)
        market, outcome = found
        if outcome == NO:
            bid, ask = (None if ask is None else ONE - ask), (None if bid is None else ONE - bid)
        return (BestStated(market.id, at_ns, bid, ask),)

    def _listing(self, data: bytes) -> Sequence[MarketEvent]:
        message = _new_market(data)
        if message.market in self._markets:
            return ()
        return (MarketNoticed(message.market, message.question),)

    def _resolution(self, data: bytes) -> Sequence[MarketEvent]:
        message = _resolved(data)
        at_ns = ms_text_nanos(message.timestamp)
        market = self._markets.get(message.market)
        if market is None:
            return (MarketNoticed(message.market, ""),)
        if message.winning_asset_id not in market.tokens:
            raise ValueError("no token of the market - at `$.winning_asset_id`")
        won = message.winning_asset_id == market.tokens[YES]
        payouts = (ONE, 0) if won else (0, ONE)
        return (MarketResolved(market.id, at_ns, payouts, "polymarket market_resolved"),)
