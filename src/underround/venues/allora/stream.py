"""How the chain's event stream is spoken: JSON-RPC subscriptions over CometBFT's WebSocket.

Topics are topic ids as text, e.g. ``13``.  An inference comes once an epoch, minutes apart, so each
socket also subscribes to the block headers: one every five seconds tells that the link lives, and
what time the chain has.

A subscription restates nothing: after each opening the newest inference is read by request.  Its
acknowledgement is all the proof there is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from underround.model.units import Nanos
from underround.venues.allora.answers import EmissionsVersion
from underround.venues.allora.codec import EVENT_V9, EVENT_V10
from underround.venues.allora.hosts import TESTNET, Network
from underround.venues.streams.dialect import CONTROL, DATA, ChannelLimits, Handshake, Heard, Topic
from underround.venues.words import venue_words

_EVENTS: Final[dict[EmissionsVersion, str]] = {"v9": EVENT_V9, "v10": EVENT_V10}
_HEADERS: Final = "tm.event='NewBlockHeader'"
_HEADERS_ID: Final = 0
_SHOWN: Final = 400

_LIMITS: Final = ChannelLimits(
    # A node takes five subscriptions of one client by default; one is for the headers.
    topics_per_socket=4,
    silence_ms=60_000,
    open_ms=20_000,
    sends_per_s=5,
)


class _Word(msgspec.Struct, gc=False):
    """What tells acknowledgements from events."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_word = msgspec.json.Decoder(_Word).decode


class AlloraDialect:
    """The block events of one chain (``Dialect``); ``allora.codec`` reads them."""

    def __init__(self, network: Network = TESTNET, version: EmissionsVersion = "v10") -> None:
        """Speak to ``network`` in the version that ``AlloraRest.version`` found there."""
        self._network = network
        self._event = _EVENTS[version]

    @property
    def stream(self) -> str:
        """Name of the channel's streams."""
        return f"allora.{self._network.chain}"

    @property
    def limits(self) -> ChannelLimits:
        """What the channel asks of its sockets."""
        return _LIMITS

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return the node's address."""
        del topics, now
        return Handshake(f"{self._network.events.rstrip('/')}/websocket")

    def session(self) -> AlloraSession:
        """Begin a conversation on a new socket."""
        return AlloraSession(self._event)


class AlloraSession:
    """One socket's conversation (``Session``)."""

    def __init__(self, event: str) -> None:
        """Subscribe to events of this type."""
        self._event = event
        self._requests = _HEADERS_ID
        self._subscribing: dict[int, Topic] = {}

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the subscriptions to the headers and to ``topics``."""
        return [_request(_HEADERS_ID, "subscribe", _HEADERS), *self.subscribe(topics)]

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the subscriptions to ``topics``."""
        frames = []
        for topic in topics:
            self._requests += 1
            self._subscribing[self._requests] = topic
            frames.append(_request(self._requests, "subscribe", self._query(topic)))
        return frames

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the ends of the subscriptions to ``topics``."""
        frames = []
        for topic in topics:
            self._requests += 1
            frames.append(_request(self._requests, "unsubscribe", self._query(topic)))
        return frames

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: a subscription restates nothing, a request must."""
        del topics
        return ()

    def keepalive(self) -> bytes | None:
        """Return nothing: the node pings."""
        return None

    def hear(self, payload: bytes) -> Heard:
        """Say what a payload means for the connection (see ``Session``)."""
        try:
            word = _word(payload)
        except (ValueError, RecursionError):
            return DATA
        if bytes(word.error):
            said = bytes(word.error)[:_SHOWN].decode(errors="replace")
            return Heard("refused", detail=venue_words(said))
        return CONTROL if bytes(word.result) == b"{}" else DATA

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the topic whose subscription the node acknowledges."""
        try:
            word = _word(payload)
        except (ValueError, RecursionError):
            return ()
        if word.id is None or not bytes(word.result):
            return ()
        topic = self._subscribing.pop(word.id, None)
        return () if topic is None else (topic,)

    def _query(self, topic: Topic) -> str:
        return f"tm.event='NewBlockEvents' AND {self._event}.topic_id CONTAINS '{topic}'"


def _request(number: int, method: str, query: str) -> bytes:
    return msgspec.json.encode(
        {"jsonrpc": "2.0", "method": method, "id": number, "params": {"query": query}}
    )
