"""Polymarket's market channel on loopback: true books with true hashes, and faults on demand."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from tests import aio
from tests.market.builders import MS, HashingVenue, Levels, sides_of
from tests.venues.wsserver import Client, WsServer
from underround.model.errors import NotThere
from underround.model.ids import YES, MarketId
from underround.model.market import Market
from underround.model.units import ONE, decimal_text
from underround.pipeline.importers import wire

Fault = Callable[[bytes], Sequence[bytes]]
"""A frame as it should be sent → what is sent instead."""


async def _at_once() -> None:
    return


def honest(frame: bytes) -> Sequence[bytes]:
    """Send a frame as it is."""
    return (frame,)


class TrueMarket(HashingVenue):
    """One market's true book, with every state it ever had by its venue time."""

    def __init__(self, of: Market, now_ms: int) -> None:
        super().__init__(of)
        self.at_ms = now_ms
        self.states.clear()
        self._note()
        self.changed_s = asyncio.get_running_loop().time()

    def book(self, outcome: int, *, request: bool = False) -> bytes:
        """Return the whole book of a token, as the stream or as ``/book`` has it."""
        bids, asks = (
            [(decimal_text(price), decimal_text(size)) for price, size in side]
            for side in sides_of(self.levels, outcome)
        )
        native, token = self.market.id.native, self.market.tokens[outcome]
        extra = {
            "hash": self.hash_of(outcome),
            "tick_size": self.inputs.tick_size,
            "last_trade_price": self.inputs.last_trade_price,
        }
        if request:
            extra["min_order_size"] = decimal_text(self.market.min_size)
            return wire.rest_book(native, token, self.at_ms, bids, asks, extra)
        return wire.book(native, token, self.at_ms, bids, asks, extra)

    def price_changes(self, *changes: tuple[bool, int, int]) -> list[bytes]:
        """Change levels at one new moment; return one frame for each, told for both tokens."""
        frames = []
        for event in self.change(*changes):
            entries = [
                {
                    "asset_id": self.market.tokens[each.outcome],
                    "price": decimal_text(each.price),
                    "size": decimal_text(each.size),
                    "side": each.side.upper(),
                    "hash": str(each.venue_hash),
                }
                for each in event.changes
            ]
            frames.append(wire.price_change(self.market.id.native, self.at_ms, entries))
        self.changed_s = asyncio.get_running_loop().time()
        return frames


class MarketVenue(WsServer):
    """Serves true books; ``fault`` stands between the truth and the wire of every client."""

    def __init__(self, markets: Sequence[Market], seed: int = 1) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, aio.JumpingLoop)
        self._now_ns = loop.now_ns
        self.rng = random.Random(seed)
        self.truth = {each.id: TrueMarket(each, self.now_ms) for each in markets}
        self.fault: Fault = honest
        self.book_fault: Fault = honest
        self.sent: Counter[bytes] = Counter()
        """Every change that was told to at least one client."""
        self.subscribed: dict[Client, dict[str, None]] = {}
        self.answers_again = True
        """Whether a subscription that exists already is answered with the book."""
        self.requested: list[MarketId] = []
        self.request_lag: dict[MarketId, bytes] = {}
        """Old bodies that requests still answer."""
        self.request_error: Exception | None = None
        self.before_answer: Callable[[], Awaitable[None]] = _at_once
        self.while_requested: Callable[[], None] = lambda: None
        """What happens at the venue between a request and its answer."""
        self._tokens = {
            token: (true, outcome)
            for true in self.truth.values()
            for outcome, token in enumerate(true.market.tokens)
        }
        self.on_message = self.answer

    @property
    def now_ms(self) -> int:
        """The venue's clock."""
        return self._now_ns() // MS

    def answer(self, client: Client, payload: bytes) -> None:
        """Do what the venue does with a client's message."""
        if payload == b"PING":
            client.send(b"PONG")
            return
        said = msgspec.json.decode(payload)
        mine = self.subscribed.setdefault(client, {})
        if said.get("operation") == "unsubscribe":
            for token in said["assets_ids"]:
                mine.pop(token, None)
            return
        fresh = [
            token
            for token in said["assets_ids"]
            if token in self._tokens and (self.answers_again or token not in mine)
        ]
        mine |= dict.fromkeys(said["assets_ids"])
        books = [self._tokens[token][0].book(self._tokens[token][1]) for token in fresh]
        if books:
            whole = b"[" + b",".join(books) + b"]\n"
            client.send(*self.book_fault(whole))

    def change(self, market: MarketId, *changes: tuple[bool, int, int]) -> None:
        """Change a book and tell everybody who follows it."""
        true = self.truth[market]
        true.at_ms = max(true.at_ms, self.now_ms - 1)
        token = true.market.tokens[YES]
        for frame in true.price_changes(*changes):
            for wire_frame in self.fault(frame):
                self.sent[wire_frame] += 1
                for client in self.open_clients:
                    if token in self.subscribed.get(client, {}):
                        client.send(wire_frame)

    def stir(self, market: MarketId) -> None:
        """Change one to three random levels of a book at one moment; it never crosses."""
        changes = []
        for _ in range(self.rng.randint(1, 3)):
            is_bid = self.rng.random() < 0.5
            cents = self.rng.randint(2, 49) if is_bid else self.rng.randint(51, 98)
            changes.append((is_bid, cents * 10_000, self.rng.choice([0, 3, 5, 250]) * ONE))
        self.change(market, *changes)

    def levels(self, market: MarketId) -> Levels:
        """Return the true book now."""
        return self.truth[market].levels

    async def fetch(self, market: Market) -> bytes:
        """Answer ``/book``."""
        self.requested.append(market.id)
        await asyncio.sleep(0.02)
        await self.before_answer()
        self.while_requested()
        if self.request_error is not None:
            raise self.request_error
        if market.id not in self.truth:
            raise NotThere(f"{market.id} has no book: do not ask again")
        return self.request_lag.get(market.id) or self.truth[market.id].book(YES, request=True)


class Keeping:
    """Keeps every frame for the test to send."""

    def __init__(self, kept: list[bytes]) -> None:
        self._kept = kept

    def __call__(self, frame: bytes) -> Sequence[bytes]:
        """Keep the frame."""
        self._kept.append(frame)
        return ()


class Losing:
    """Drops the frames whose number (from 0) is in ``which``."""

    def __init__(self, which: Callable[[int], bool]) -> None:
        self.count = 0
        self.lost = 0
        self._which = which

    def __call__(self, frame: bytes) -> Sequence[bytes]:
        """Return the frame, or nothing."""
        lost = self._which(self.count)
        self.count += 1
        self.lost += lost
        return () if lost else (frame,)


class Swapping:
    """Sends each pair of frames the wrong way round, for a probability of ``share``."""

    def __init__(self, rng: random.Random, share: float) -> None:
        self._rng = rng
        self._share = share
        self._kept: bytes | None = None

    def __call__(self, frame: bytes) -> Sequence[bytes]:
        """Return nothing and keep the frame, or the frame and the kept one behind it."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return (frame, kept)
        if self._rng.random() < self._share:
            self._kept = frame
            return ()
        return (frame,)
