"""What a stranger is sent of a market: the venue's own public stream, our orders left out.

Recordings, which the fill model is made for, hold nothing of ours either.  Levels are what others
have there; prints are what was printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

import msgspec

from tests.local_venue.net.listening import hand_world
from underround.local_venue.clock import HandClock
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.doors import KalshiDoor
from underround.local_venue.kalshi.members import ready_made
from underround.local_venue.kalshi.peer import KalshiPeer
from underround.local_venue.net.lines import Line
from underround.local_venue.net.peers import Peer
from underround.local_venue.polymarket.streams.market_channel import MarketChannel
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, POLYMARKET
from underround.model.listing import Listing
from underround.model.units import Nanos, Price, Size
from underround.simulation.matching.kalshi.terms import KalshiBookMoved
from underround.simulation.matching.terms import (
    BookMoved,
    Level,
    TicksMoved,
    Trade,
    Traded,
    TradeMoved,
)

Key: TypeAlias = tuple[bool, Price]
"""A level in YES terms: whether it is a bid, and its price."""


def move(world: World, until: Nanos) -> None:
    """Let the time of a world whose clock is moved by hand be ``until``."""
    assert isinstance(world.clock, HandClock)
    world.clock.move_to(until)
    world.act()


def world_with(listing: Listing, question: str, at: Nanos) -> World:
    """Return a world with one market."""
    world, _ = hand_world()
    move(world, at)
    event = world.catalogue.add_event("difference", "A difference")
    world.list_market(event, listing, at, question)
    return world


class _Tape:
    """A line that keeps what is sent."""

    plain = False
    open = True

    def __init__(self, world: World) -> None:
        self.world = world
        self.frames: list[bytes] = []

    def push_through_faults(self, payload: bytes) -> None:
        self.frames.append(payload)

    def push(self, frame: bytes) -> None:
        self.frames.append(frame)


class Publisher:
    """A venue's public stream, told the levels of a book and what was printed."""

    def __init__(
        self, listing: Listing, question: str, at: Nanos, *, levels_first: bool = False
    ) -> None:
        """``levels_first``: a level is told to be smaller before the trade that made it so."""
        self.world, self.market = world_with(listing, question, at), listing.market
        self._levels_first = levels_first
        self._sizes: dict[Key, Size] = {}
        self._peer: Peer
        if self.market.id.venue == POLYMARKET:
            self._peer = MarketChannel(self.world, PublishedBooks(self.world)).admit("/", {})
        else:
            desk = KalshiDesk(self.world)
            given = ready_made(desk.members, "stranger", "ed25519", seed=0)
            self._peer = KalshiPeer(KalshiDoor(desk), desk.members.keys[given.key_id])
        self._tape = _Tape(self.world)
        self._peer.line = cast("Line", self._tape)
        self._peer.opened()
        self._peer.heard(self._subscription())

    def _subscription(self) -> bytes:
        if self.market.id.venue == POLYMARKET:
            return msgspec.json.encode({"assets_ids": self.market.tokens, "type": "market"})
        channels, tickers = ["orderbook_delta", "trade"], [self.market.id.native]
        params = {"channels": channels, "market_tickers": tickers}
        return msgspec.json.encode({"id": 1, "cmd": "subscribe", "params": params})

    def publish(
        self,
        at: Nanos,
        sizes: dict[Key, Size],
        prints: Sequence[Traded],
        trades: Sequence[Trade],
        ticks: TicksMoved | None,
    ) -> list[bytes]:
        """Tell what happened since the last time; return the frames of it."""
        at = max(at, self.world.clock.now())
        move(self.world, at)
        keys = dict.fromkeys((*self._sizes, *sizes))
        moved = tuple(
            Level(*key, sizes.get(key, 0))
            for key in keys
            if sizes.get(key, 0) != self._sizes.get(key, 0)
        )
        self._sizes = dict(sizes)
        say = self.world.bus.publish
        if self.market.id.venue == KALSHI:
            book = KalshiBookMoved(self.market.id, moved, at, bool(trades))
            if self._levels_first:
                say(book)
            for trade in trades:
                say(TradeMoved(trade, at))
            if not self._levels_first:
                say(book)
        else:
            if moved or prints:
                restates = bool(prints) and not self._levels_first
                say(BookMoved(self.market.id, moved, at, restates))
            if prints and self._levels_first:
                at += NANOS_PER_MS
                move(self.world, at)
                say(BookMoved(self.market.id, (), at, True))
            for each in prints:
                say(msgspec.structs.replace(each, at_ns=at))
            if ticks is not None:
                say(msgspec.structs.replace(ticks, at_ns=at))
            # What happened in a millisecond is told when it is over.
            move(self.world, at + NANOS_PER_MS)
        frames, self._tape.frames = self._tape.frames, []
        return frames
