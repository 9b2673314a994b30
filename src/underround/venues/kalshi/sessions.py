"""Conversations on Kalshi's WebSocket: subscriptions, their names (``sid``), what is answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from underround.venues.codec import PriceTexts, SizeTexts
from underround.venues.kalshi import wire
from underround.venues.kalshi.levels import book_levels
from underround.venues.streams.dialect import CONTROL, DATA, Heard, Topic
from underround.venues.words import venue_words

BOOK: Final = "orderbook_delta"
INDEX_CHANNEL: Final = "cfbenchmarks_value"
MARKETS_PER_COMMAND: Final = 250
"""Ours: one command stays far below any limit of a message."""

_TERMINAL: Final = frozenset((10, 17, 18, 25))
"""Channel error, internal error, command time-out, outbound buffer overflow: begin anew."""
_HARMLESS: Final = frozenset((6,))
"""Already subscribed."""
_HOT: Final = (b'{"type":"orderbook_', b'{"type":"ticker"', b'{"type":"trade"')
_SNAPSHOT: Final = b'"orderbook_snapshot"'

Action: TypeAlias = Literal["add_markets", "delete_markets", "get_snapshot"]

_head = msgspec.json.Decoder(wire.Head).decode
_subscribed = msgspec.json.Decoder(wire.SubscribedFrame).decode
_index = msgspec.json.Decoder(wire.IndexFrame).decode
_error = msgspec.json.Decoder(wire.ErrorFrame).decode
_snapshot = msgspec.json.Decoder(wire.SnapshotFrame).decode


class _Commands:
    """Counts the commands of one connection."""

    def __init__(self) -> None:
        self._id = 0

    def make(self, cmd: str, **params: object) -> bytes:
        """Return one command with the next id."""
        self._id += 1
        return msgspec.json.encode({"id": self._id, "cmd": cmd, "params": params})


def _refusal(payload: bytes) -> Heard:
    """Return what an error means: a subscription that is dead is begun anew, the rest is a no."""
    told = _error(payload).msg
    if told.code in _HARMLESS:
        return CONTROL
    words = venue_words(f"{told.msg} {told.market_ticker}")
    detail = f"Kalshi error {told.code}: {words}".strip()
    return Heard("closing" if told.code in _TERMINAL else "refused", detail=detail)


def _parts(topics: Sequence[Topic]) -> Iterable[Sequence[Topic]]:
    return (
        topics[first : first + MARKETS_PER_COMMAND]
        for first in range(0, len(topics), MARKETS_PER_COMMAND)
    )


class MarketSession:
    """One connection's subscriptions by market: one per channel, all with the same markets.

    Markets are added to a subscription, never subscribed to twice: a second subscription to a
    market would be answered without a snapshot.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        self._channels = tuple(channels)
        self._commands = _Commands()
        self._sids: dict[str, int] = {}
        self._asked = False
        self._later: dict[str, list[tuple[Action, Sequence[Topic]]]] = {c: [] for c in channels}

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one subscription per channel; markets beyond one command follow its answer."""
        if not topics:
            return ()
        self._asked = True
        first, *others = _parts(topics)
        for waiting in self._later.values():
            waiting += [("add_markets", part) for part in others]
        return [self._subscription(channel, first) for channel in self._channels]

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return what adds markets; before the venue named a subscription, it follows later."""
        if not self._asked:
            return self.opening(topics)
        return self._change("add_markets", topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return what drops markets."""
        return self._change("delete_markets", topics) if self._asked else ()

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return what restates these books.

        Nothing while the subscription is not named yet: its snapshots are still to come.
        """
        sid = self._sids.get(BOOK)
        return () if sid is None else self._updates(sid, "get_snapshot", topics)

    def keepalive(self) -> bytes | None:
        """Return nothing: the venue pings."""
        return None

    def hear(self, payload: bytes) -> Heard:
        """Say what a payload means for the connection, see ``Session``."""
        if payload.startswith(_HOT):
            return DATA
        try:
            kind = _head(payload).type
            if kind == "subscribed":
                return self._named(payload)
            if kind == "error":
                return _refusal(payload)
        except (ValueError, RecursionError):
            return DATA
        return CONTROL if kind in {"ok", "unsubscribed"} else DATA

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the market whose whole and possible book this is."""
        if _SNAPSHOT not in payload[:200]:
            return ()
        try:
            book = _snapshot(payload).msg
            book_levels(
                book.yes_dollars_fp, book.no_dollars_fp, ("yes", "no"), PriceTexts(), SizeTexts()
            )
        except (ValueError, RecursionError):
            return ()
        return (book.market_ticker,)

    def _named(self, payload: bytes) -> Heard:
        told = _subscribed(payload).msg
        if told.channel not in self._later:
            return CONTROL
        self._sids[told.channel] = told.sid
        waiting, self._later[told.channel] = self._later[told.channel], []
        frames = [
            frame for action, part in waiting for frame in self._updates(told.sid, action, part)
        ]
        return Heard("control", frames)

    def _subscription(self, channel: str, topics: Sequence[Topic]) -> bytes:
        params: dict[str, object] = {"channels": [channel], "market_tickers": list(topics)}
        if channel == BOOK:
            # The codec reads NO levels in NO prices, and the venue will change its default.
            params["use_yes_price"] = False
        if channel == "ticker":
            params["send_initial_snapshot"] = True
        return self._commands.make("subscribe", **params)

    def _change(self, action: Action, topics: Sequence[Topic]) -> Sequence[bytes]:
        frames: list[bytes] = []
        for channel in self._channels:
            sid = self._sids.get(channel)
            if sid is None:
                self._later[channel].append((action, tuple(topics)))
            else:
                frames += self._updates(sid, action, topics)
        return frames

    def _updates(self, sid: int, action: Action, topics: Sequence[Topic]) -> list[bytes]:
        return [
            self._commands.make(
                "update_subscription", sids=[sid], action=action, market_tickers=list(part)
            )
            for part in _parts(topics)
        ]


class ChannelSession:
    """One connection's subscriptions to whole channels: a topic is a channel's name.

    There are no snapshots.  Where messages are numbered, a missing number means that one is lost
    for good: the socket is replaced, and who listens asks again for what it may have missed.
    """

    def __init__(self) -> None:
        self._commands = _Commands()
        self._sids: dict[str, int] = {}
        self._numbers: dict[int, int] = {}

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one subscription per channel."""
        return [self._commands.make("subscribe", channels=[topic]) for topic in topics]

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return what adds channels."""
        return self.opening(topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return what ends the channels that the venue has named."""
        sids = [sid for topic in topics if (sid := self._sids.pop(topic, None)) is not None]
        return [self._commands.make("unsubscribe", sids=sids)] if sids else ()

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: these channels cannot restate anything."""
        del topics
        return ()

    def keepalive(self) -> bytes | None:
        """Return nothing: the venue pings."""
        return None

    def hear(self, payload: bytes) -> Heard:
        """Say what a payload means for the connection, see ``Session``."""
        try:
            head = _head(payload)
            if head.type == "subscribed":
                told = _subscribed(payload).msg
                self._sids[told.channel] = told.sid
                return CONTROL
            if head.type == "error":
                return _refusal(payload)
        except (ValueError, RecursionError):
            return DATA
        if head.sid is not None and head.seq is not None:
            last = self._numbers.get(head.sid)
            self._numbers[head.sid] = head.seq
            if last is not None and head.seq != last + 1:
                detail = f"number {head.seq} of subscription {head.sid} follows {last}"
                return Heard("closing", detail=detail)
        return CONTROL if head.type in {"ok", "unsubscribed"} else DATA

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the channel that the venue says it sends from now on."""
        try:
            if _head(payload).type == "subscribed":
                return (_subscribed(payload).msg.channel,)
        except (ValueError, RecursionError):
            return ()
        return ()


class IndexSession(ChannelSession):
    """One connection's subscriptions to reference indices: a topic is an index, e.g. ``BRTI``.

    An index is proven by its first value.  It cannot be dropped alone: what arrives of it unasked
    is a reference price like any other.
    """

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one subscription to all of ``topics``."""
        if not topics:
            return ()
        names = list(topics)
        return [self._commands.make("subscribe", channels=[INDEX_CHANNEL], index_ids=names)]

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing."""
        del topics
        return ()

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the index whose value this is."""
        try:
            return (_index(payload).msg.index_id,)
        except (ValueError, RecursionError):
            return ()
