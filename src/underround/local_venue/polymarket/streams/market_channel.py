"""The market channel, ``/ws/market``: books, changes, trades, listings and resolutions to anybody.

What changes within one millisecond is told when that millisecond is over, because every change is
told with the hash of the book after *all* changes of its timestamp.  A trade is told by its print
and by the whole book, as the venue does: it sends no change for what a trade took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.faults import Stream
from underround.local_venue.net.later import plan_soon
from underround.local_venue.net.socket_host import Audience, Peer
from underround.local_venue.polymarket.streams import market_frames as frames
from underround.local_venue.polymarket.streams.published import PublishedBook, PublishedBooks, at_of
from underround.local_venue.world import ListingForgotten, ListingTold, World, WorldEvent
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import NO, POLYMARKET, YES, MarketId
from underround.model.units import Nanos, Price
from underround.simulation.matching.terms import BookMoved, MarketEnded, TicksMoved, Traded

PING: Final = b"PING"
PONG: Final = b"PONG"
INVALID: Final = b"INVALID OPERATION"

Part: TypeAlias = BookMoved | Traded | TicksMoved | ListingTold | MarketEnded


class _Request(msgspec.Struct):
    """What a client sends, first or later."""

    assets_ids: list[str]
    type: str | None = None
    operation: str | None = None
    custom_feature_enabled: bool | None = None
    initial_dump: bool = True


_request: Final = msgspec.json.Decoder(_Request).decode


class MarketPeer(Peer):
    """One client of the market channel."""

    def __init__(self, channel: MarketChannel) -> None:
        """Begin without assets."""
        self._channel = channel
        self.tokens: set[str] = set()
        self.everything = False
        """An empty list of assets was subscribed: all markets."""
        self.featured = False
        """Whether it wants best prices, listings and resolutions too."""

    def opened(self) -> None:
        """Join the audience; without assets it is told nothing."""
        self._channel.joined(self)

    def gone(self) -> None:
        """Leave the audience."""
        self._channel.left(self)

    def heard(self, payload: bytes) -> None:
        """Take a subscription or a ping; anything else is an invalid operation."""
        if payload == PING:
            self.answer(PONG)
            return
        try:
            request = _request(payload)
        except (ValueError, RecursionError):
            self.send(INVALID)
            return
        operation = request.operation or ("subscribe" if request.type == "market" else "")
        if operation not in {"subscribe", "unsubscribe"}:
            self.send(INVALID)
            return
        if request.custom_feature_enabled is not None:
            self.featured = request.custom_feature_enabled
        if operation == "subscribe":
            self._channel.subscribe(self, request.assets_ids, dump=request.initial_dump)
        else:
            self._channel.unsubscribe(self, request.assets_ids)

    def follows(self, tokens: Iterable[str]) -> bool:
        """Whether it subscribed to one of the tokens."""
        return self.everything or any(token in self.tokens for token in tokens)


class MarketChannel:
    """The door of ``/ws/market``."""

    stream: Stream = "polymarket.market"

    def __init__(self, world: World, books: PublishedBooks) -> None:
        """Tell what ``books`` publishes."""
        self._world = world
        self._books = books
        self._peers: dict[MarketPeer, None] = {}
        self._audiences: dict[MarketId, tuple[list[MarketPeer], list[MarketPeer]]] = {}
        """Who follows a market, and who of them wants the custom features; made when needed."""
        self._open: dict[MarketId, list[Part]] = {}
        """What happened in the millisecond that is not over, in order, by market."""
        self._best: dict[MarketId, tuple[Price | None, Price | None]] = {}
        """The best prices that were told last, or that whoever came last can see."""
        books.before_time_moves(self._publish)
        world.bus.listen(self._heard)

    # --- clients ---------------------------------------------------------------------------------

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer:
        """Let anybody in: the channel is public."""
        del path, headers
        return MarketPeer(self)

    def joined(self, peer: MarketPeer) -> None:
        """Count a client in."""
        self._peers[peer] = None

    def left(self, peer: MarketPeer) -> None:
        """Count a client out."""
        self._peers.pop(peer, None)
        self._audiences.clear()
        if not self._peers:
            self._best.clear()

    def subscribe(self, peer: MarketPeer, tokens: list[str], *, dump: bool) -> None:
        """Add tokens, or all of them by an empty list, and send the books of the new ones.

        Tokens that are followed already bring nothing again: the venue refuses duplicates, but
        takes the custom feature from such a frame (its SDK switches the feature by that).
        """
        self._audiences.clear()
        new = [token for token in tokens if token not in peer.tokens]
        if tokens and not new:
            return
        peer.everything = peer.everything or not tokens
        peer.tokens.update(new)
        wanted = new or self._world.catalogue.tokens
        found = [each for each in map(self._books.of, wanted) if each is not None]
        for book, _ in found:
            self._best.setdefault(book.market.id, _best(book))
        if dump:
            peer.send(frames.books(found))

    def unsubscribe(self, peer: MarketPeer, tokens: list[str]) -> None:
        """Drop tokens, or all of them by an empty list; nothing is answered."""
        if tokens:
            peer.tokens.difference_update(tokens)
        else:
            peer.tokens.clear()
            peer.everything = False
        self._audiences.clear()

    def _audience(self, book: PublishedBook) -> tuple[list[MarketPeer], list[MarketPeer]]:
        market = book.market
        found = self._audiences.get(market.id)
        if found is None:
            all_of_them = [peer for peer in self._peers if peer.follows(market.tokens)]
            found = (all_of_them, [peer for peer in all_of_them if peer.featured])
            self._audiences[market.id] = found
        return found

    # --- what happened ---------------------------------------------------------------------------

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, BookMoved | Traded | TicksMoved):
            market = event.market
        elif isinstance(event, ListingTold):
            if not event.new:
                return
            market = event.market
        elif isinstance(event, MarketEnded):
            market = event.resolution.market
        else:
            if isinstance(event, ListingForgotten):
                self._forget(event.market)
            return
        if market.venue != POLYMARKET:
            return
        if not self._peers:
            return  # whoever comes gets the whole book
        if not self._open:
            over = (at_of(event) // NANOS_PER_MS + 1) * NANOS_PER_MS
            plan_soon(self._world, over, self._publish)
        self._open.setdefault(market, []).append(event)

    def _forget(self, market: MarketId) -> None:
        for kept in (self._best, self._audiences, self._open):
            kept.pop(market, None)

    def _publish(self, now: Nanos) -> None:
        """Tell what happened before ``now``'s millisecond."""
        opened, self._open = self._open, {}
        for market, parts in opened.items():
            if at_of(parts[0]) // NANOS_PER_MS < now // NANOS_PER_MS:
                self._tell(self._books.books[market], parts)
            else:
                self._open[market] = parts  # its own end is planned

    def _tell(self, book: PublishedBook, parts: list[Part]) -> None:
        peers, featured = self._audience(book)
        if any(isinstance(part, ListingTold) for part in parts):
            everybody = [peer for peer in self._peers if peer.featured]
            Audience.broadcast(frames.new_market(*self._row(book)), everybody)
        if peers:
            for frame in _told(book, parts):
                Audience.broadcast(frame, peers)
        self._tell_best(book, featured)
        for part in parts:
            if isinstance(part, MarketEnded) and featured:
                resolved = frames.market_resolved(*self._row(book), part.resolution)
                if resolved is not None:
                    Audience.broadcast(resolved, featured)

    def _tell_best(self, book: PublishedBook, featured: list[MarketPeer]) -> None:
        best = _best(book)
        if self._best.get(book.market.id, (None, None)) == best:
            return
        self._best[book.market.id] = best
        if featured:
            for outcome in (YES, NO):
                Audience.broadcast(frames.best_bid_ask(book, outcome), featured)

    def _row(self, book: PublishedBook) -> tuple[LocalMarket, LocalEvent]:
        catalogue = self._world.catalogue
        row = catalogue.markets[book.market.id]
        return row, catalogue.events[row.event]


def _best(book: PublishedBook) -> tuple[Price | None, Price | None]:
    return book.book.best_bid(YES), book.book.best_ask(YES)


def _told(book: PublishedBook, parts: list[Part]) -> Iterator[bytes]:
    """Yield the frames about a book, in the order of what happened; a restated book comes last."""
    changes = frames.Changes(book)
    restated = False
    for part in parts:
        if isinstance(part, BookMoved):
            restated = restated or part.traded
            if not part.traded:
                yield from map(changes.frame, part.levels)
        elif isinstance(part, Traded):
            yield frames.last_trade(book, part)
        elif isinstance(part, TicksMoved):
            restated = True
            yield from frames.tick_size_changes(book, part)
    if restated and book.served:
        yield frames.book(book, YES)
        yield frames.book(book, NO)
