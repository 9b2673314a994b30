"""What the live feeds need to know of each channel, and the streams they declare."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final

import msgspec

from underround.app.live import follows
from underround.market.trust import BookRules, Feed
from underround.model.ids import Venue
from underround.model.market import Market
from underround.model.run import ProofKind
from underround.storage.recording.header import StreamHeader
from underround.venues.codec import Decoder
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.streams.pool import stream_name

SOCKETS: Final = 10
"""Sockets of one channel at most; venues tolerate about that many per address."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One channel of a venue: how it is spoken, read and proven."""

    venue: Venue
    dialect: Dialect
    decoder: Decoder | None
    """``None``: kept in the recording, not interpreted here."""
    codec: str
    """Name of the codec in a recording's header."""
    proof: ProofKind
    topics: Callable[[Market], Sequence[Topic]] | None = None
    """What to subscribe for a market; they share a socket.  ``None``: topics are named directly."""
    fetch: Callable[[Market], Awaitable[bytes]] | None = None
    """Request a market's book; the body is a frame of ``request_stream``."""
    latest: Callable[[bytes], Hashable] | None = None
    """What a frame is the latest value of, so that a backlog keeps only the last; ``None`` for a
    frame that must not be passed over.  Books never have one."""
    sockets: int = SOCKETS

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams of its sockets, used or not."""
        return tuple(stream_name(self.dialect.stream, place) for place in range(self.sockets))

    @property
    def request_stream(self) -> str | None:
        """The stream of requested books: ``<venue>.book``; ``None`` without requests."""
        return None if self.fetch is None else f"{self.venue}.book"


def declared(channels: Sequence[Channel]) -> tuple[StreamHeader, ...]:
    """Return the streams of all channels, as a recording declares them."""
    streams: list[StreamHeader] = []
    for channel in channels:
        for name in channel.streams:
            silence_ms = channel.dialect.limits.silence_ms
            streams.append(
                StreamHeader(
                    name, len(streams), channel.codec, channel.proof, "raw", silence_ms=silence_ms
                )
            )
    for channel in channels:
        requests = channel.request_stream
        if requests is not None and requests not in {stream.name for stream in streams}:
            streams.append(
                StreamHeader(requests, len(streams), channel.codec, channel.proof, "raw")
            )
    if any(channel.topics is not None for channel in channels):
        streams.append(StreamHeader(follows.STREAM, len(streams), follows.CODEC, "none", "raw"))
    return tuple(streams)


def feeds_of(channels: Sequence[Channel], rules: BookRules) -> list[Feed]:
    """Return the feeds a hub needs for ``channels``, as a replay of their recording makes them."""
    return [
        Feed(stream.name, stream.proof, stream.silence_ms or rules.max_silence_ms)
        for stream in declared(channels)
    ]
