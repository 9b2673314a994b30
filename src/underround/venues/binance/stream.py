"""How Binance spot's market streams are spoken (web-socket-streams.md, 2026-07).

Topics are stream names, e.g. ``btcusdt@aggTrade``.  A quiet symbol sends nothing for minutes and
the venue's pings never reach us (the socket answers them), so each socket also carries a
*companion*: a stream of the most traded symbol that speaks every second.  Silence of the whole
socket is then silence of the link.

A topic is proven by its first data.  One that stays quiet for some beats of the companion is proven
by the venue's own list of what the socket is subscribed to: more cannot be known about it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from underround.model.units import Nanos
from underround.venues.binance.hosts import MARKET_DATA_STREAMS
from underround.venues.streams.dialect import (
    CLOSING,
    CONTROL,
    DATA,
    ChannelLimits,
    Handshake,
    Heard,
    Topic,
)
from underround.venues.words import venue_words

COMPANION: Final = "btcusdt@miniTicker"

_STREAMS_PER_SOCKET: Final = 1_024
_TOPICS_PER_COMMAND: Final = 100
_LISTED_AFTER: Final = frozenset((3, 6, 12, 24, 48))
"""Beats of the companion after which the subscriptions are listed while a topic is not proven."""
_SHOWN: Final = 400
_HOUR_MS: Final = 3_600_000
_NAMED: Final = b'{"stream":"'

_LIMITS: Final = ChannelLimits(
    topics_per_socket=_STREAMS_PER_SOCKET - 1,
    silence_ms=10_000,
    open_ms=30_000,
    max_age_ms=23 * _HOUR_MS,
    # The venue takes five a second, and the pongs that the socket sends by itself count.
    sends_per_s=3,
)


class _Word(msgspec.Struct, gc=False):
    """What tells control frames from data."""

    stream: str | None = None
    e: str | None = None
    result: msgspec.Raw = msgspec.Raw()
    code: int | None = None
    msg: str | None = None
    error: msgspec.Raw = msgspec.Raw()


class _Listed(msgspec.Struct, gc=False):
    """The answer to ``LIST_SUBSCRIPTIONS``."""

    result: list[str]


_word = msgspec.json.Decoder(_Word).decode
_listed = msgspec.json.Decoder(_Listed).decode


class BinanceDialect:
    """The combined streams of Binance spot (``Dialect``); its codec is ``binance``."""

    def __init__(
        self,
        base_url: str = MARKET_DATA_STREAMS,
        *,
        companion: Topic = COMPANION,
        microseconds: bool = False,
    ) -> None:
        """Speak to ``base_url``; ``companion`` must be a stream that never rests."""
        self._base_url = base_url.rstrip("/")
        self._companion = companion
        self._microseconds = microseconds

    @property
    def stream(self) -> str:
        """Name of the channel's streams."""
        return "binance.spot"

    @property
    def limits(self) -> ChannelLimits:
        """What the channel asks of its sockets."""
        return _LIMITS

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return the address, with the companion only: a thousand names would not fit a URL."""
        del topics, now
        unit = "&timeUnit=MICROSECOND" if self._microseconds else ""
        return Handshake(f"{self._base_url}/stream?streams={self._companion}{unit}")

    def session(self) -> BinanceSession:
        """Begin a conversation on a new socket."""
        return BinanceSession(self._companion)


class BinanceSession:
    """One socket's conversation (``Session``)."""

    def __init__(self, companion: Topic) -> None:
        """Begin with the companion subscribed by the address."""
        self._companion = companion
        self._waiting: set[Topic] = set()
        self._beats = 0
        self._commands = 0

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the commands that subscribe to ``topics``."""
        return self.subscribe(topics)

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the commands that add ``topics``."""
        self._waiting.update(topics)
        self._beats = 0
        return self._commanded("SUBSCRIBE", topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the commands that drop ``topics``; the companion always stays."""
        self._waiting.difference_update(topics)
        return self._commanded("UNSUBSCRIBE", topics)

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: these streams restate nothing, a request must."""
        del topics
        return ()

    def keepalive(self) -> bytes | None:
        """Return nothing: the venue pings, and pongs that it did not ask for prove nothing."""
        return None

    def hear(self, payload: bytes) -> Heard:
        """Say what a payload means for the connection (see ``Session``)."""
        name = _stream_name(payload)
        if name is None:
            return self._told(payload)
        if name == "!serverShutdown":
            return CLOSING
        if name == self._companion and self._waiting:
            self._beats += 1
            if self._beats in _LISTED_AFTER:
                return Heard("data", send=(self._command("LIST_SUBSCRIPTIONS", None),))
        return DATA

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the topic whose data these are, or all that the venue lists as subscribed."""
        name = _stream_name(payload)
        if name is None:
            try:
                named = set(_listed(payload).result)
            except (ValueError, RecursionError):
                return ()
        else:
            named = {name}
        proven = self._waiting & named
        self._waiting -= proven
        return proven

    def _told(self, payload: bytes) -> Heard:
        try:
            word = _word(payload)
        except (ValueError, RecursionError):
            return DATA
        if "serverShutdown" in {word.e, (word.stream or "").removeprefix("!")}:
            return CLOSING
        if word.e is not None or word.stream is not None:
            return DATA
        if bytes(word.error):
            said = bytes(word.error)[:_SHOWN].decode(errors="replace")
            return Heard("refused", detail=venue_words(said))
        if word.code is not None:
            return Heard("refused", detail=f"{word.code}: {venue_words(word.msg or '')}")
        return CONTROL if bytes(word.result) else DATA

    def _commanded(self, method: str, topics: Sequence[Topic]) -> Sequence[bytes]:
        wanted = [topic for topic in topics if topic != self._companion]
        return [
            self._command(method, wanted[first : first + _TOPICS_PER_COMMAND])
            for first in range(0, len(wanted), _TOPICS_PER_COMMAND)
        ]

    def _command(self, method: str, params: list[Topic] | None) -> bytes:
        self._commands += 1
        command: dict[str, str | int | list[Topic]] = {"method": method, "id": self._commands}
        if params is not None:
            command["params"] = params
        return msgspec.json.encode(command)


def _stream_name(payload: bytes) -> str | None:
    """Return the name on a combined frame as the venue writes it; ``None`` for any other frame."""
    if not payload.startswith(_NAMED):
        return None
    end = payload.find(b'"', len(_NAMED))
    return payload[len(_NAMED) : end].decode(errors="replace") if end > 0 else None
