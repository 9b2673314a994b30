"""The frames that are measured on: the bundled hockey recording, and copies of it with hashes.

The recording's rows were rebuilt into the venue's ``price_change`` messages by the importer; the
recorder had not kept the hashes.  ``hashed`` therefore computes them beforehand with the program's
own ``book_hash`` and writes them where the venue does: the hashes are ours, the work of checking
them is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from underround.app.recordings import read_catalogue
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed
from underround.model.book import Book
from underround.model.errors import Bug
from underround.model.events import BookSnapshot, HashInputs, LevelsChanged, TradePrinted
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import MarketId
from underround.model.market import Catalogue, Market
from underround.model.run import ProofKind
from underround.pipeline.bundled import BUNDLED, NHL
from underround.storage.recording import Recording
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder

STREAM = "polymarket.market"
FOLDER = BUNDLED[NHL]
FIRST_TRADE_PRICE = "0.5"
"""What ``last_trade_price`` says before the first trade; the recording does not know it."""


class Traffic(msgspec.Struct, frozen=True):
    """Payloads in order, with the time each was received."""

    catalogue: Catalogue
    payloads: tuple[bytes, ...]
    times: tuple[int, ...]

    @property
    def mean_bytes(self) -> float:
        """Bytes of a payload on average."""
        return sum(map(len, self.payloads)) / len(self.payloads)


def bundled() -> Traffic:
    """Return the market messages of the bundled recording as they are replayed."""
    recording = Recording.open(FOLDER)
    frames = [frame for frame in recording.frames() if frame.stream == STREAM]
    return Traffic(
        read_catalogue(recording),
        tuple(frame.payload for frame in frames),
        tuple(frame.recv_ns for frame in frames),
    )


def make_hub(catalogue: Catalogue, proof: ProofKind) -> tuple[Hub, Feed]:
    """Return a hub whose books come from one feed of the given proof."""
    feed = Feed(STREAM, proof, 30_000)
    venue = catalogue.markets[0].id.venue
    hub = Hub(catalogue, [feed], BookRules(), {venue: book_hash}, {venue: snapshot_hash})
    return hub, feed


class _Hasher:
    """One market: its book, and the messages of the timestamp that is not over yet."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.book = Book(market.ticks[0].finest)
        self.inputs = _inputs(FIRST_TRADE_PRICE)
        self.pending_ns = 0
        self.places: list[int] = []

    def write(self, messages: list[dict[str, object]]) -> None:
        """The timestamp is over: put the hashes of both outcomes into its messages."""
        at_ms = self.pending_ns // NANOS_PER_MS
        hashes = [
            book_hash(self.market, self.book, outcome, at_ms, self.inputs) for outcome in (0, 1)
        ]
        for place in self.places:
            changes = messages[place]["price_changes"]
            assert isinstance(changes, list)
            for change in changes:
                change["hash"] = hashes[self.market.tokens.index(change["asset_id"])]
        self.places = []


def _inputs(price: str) -> HashInputs:
    return HashInputs("0.01", price, None, None, None)


def hashed(traffic: Traffic) -> Traffic:
    """Return the same messages as the venue writes them: a first book each, a hash per change."""
    decode = PolymarketDecoder(traffic.catalogue.by_token()).decode
    messages: list[dict[str, object]] = [msgspec.json.decode(raw) for raw in traffic.payloads]
    hashers = {market.id: _Hasher(market) for market in traffic.catalogue.markets}
    first_ms = str(traffic.times[0] // NANOS_PER_MS)
    first = [_empty_book(hasher.market, first_ms) for hasher in hashers.values()]
    for place, raw in enumerate(traffic.payloads):
        for event in decode(raw):
            if isinstance(event, LevelsChanged):
                _apply(hashers[event.market], event, place, messages)
            elif isinstance(event, TradePrinted):
                hasher = hashers[event.market]
                if event.at_ns > hasher.pending_ns and hasher.places:
                    hasher.write(messages)
                hasher.inputs = _inputs(event.price_text)
    for hasher in hashers.values():
        hasher.write(messages)
    payloads = [msgspec.json.encode(message) for message in [*first, *messages]]
    times = (traffic.times[0],) * len(first) + traffic.times
    return Traffic(traffic.catalogue, tuple(payloads), times)


def _apply(
    hasher: _Hasher, event: LevelsChanged, place: int, messages: list[dict[str, object]]
) -> None:
    if hasher.places and event.at_ns != hasher.pending_ns:
        hasher.write(messages)
    for change in event.changes:
        hasher.book.set(change.outcome, change.side, change.price, change.size)
    hasher.pending_ns = event.at_ns
    hasher.places.append(place)


def _empty_book(market: Market, at_ms: str) -> dict[str, object]:
    at_ns = int(at_ms) * NANOS_PER_MS
    snapshot = BookSnapshot(market.id, 0, at_ns, (), (), "stream", None, _inputs(FIRST_TRADE_PRICE))
    return {
        "market": market.id.native,
        "asset_id": market.tokens[0],
        "timestamp": at_ms,
        "hash": snapshot_hash(snapshot, market),
        "bids": [],
        "asks": [],
        "tick_size": "0.01",
        "event_type": "book",
        "last_trade_price": FIRST_TRADE_PRICE,
    }


def require_proven(hub: Hub, markets: Sequence[MarketId]) -> int:
    """Return how many proofs held; raises ``Bug`` if one failed: the traffic would be wrong."""
    counters = [hub.books[market].counters for market in markets if market in hub.books]
    failed = sum(each.mismatched for each in counters)
    if failed:
        raise Bug(f"{failed} hashes of the benchmark's own frames do not hold")
    return sum(each.verified for each in counters)
