"""How a channel of a venue is spoken: pure, so that a scripted server can judge it.

A *topic* is what one subscribes to: an asset id, a ticker, a stream name.  The pool of sockets
(``venues.pool``) owns connections, time and back-off; a dialect only says which bytes to send and
what a received payload means for the connection.  What it means for a book is the codec's matter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from underround.model.units import Nanos

Topic: TypeAlias = str


class Handshake(msgspec.Struct, frozen=True):
    """Where and how to open a socket."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    """May hold signatures: never logged."""

    def __repr__(self) -> str:
        """Show neither headers nor query, which may hold signatures and tokens."""
        return f"Handshake({self.url.partition('?')[0]!r}, {len(self.headers)} headers)"


class ChannelLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel asks of its sockets."""

    topics_per_socket: int
    keepalive_ms: int | None = None
    """How often ``Session.keepalive`` is sent; ``None``: the venue pings, or needs none."""
    silence_ms: int
    """Without a data frame for so long the socket is dead, whatever its pings say."""
    open_ms: int = 10_000
    """How long a new socket may take until all its topics are proven."""
    max_age_ms: int | None = None
    """A socket is replaced, with overlap, before the venue cuts it."""
    sends_per_s: int = 10
    """Most frames we send per second on one socket, keep-alives included."""


class Heard(msgspec.Struct, frozen=True):
    """What a payload means for its connection."""

    kind: Literal["data", "control", "closing", "refused"]
    """``data`` proves life; ``control`` (pong, acknowledgement) does not prove that data flow;
    ``closing``: the venue will cut this socket, replace it now; ``refused``: it said no to us."""
    send: Sequence[bytes] = ()
    """Frames to send in answer."""
    detail: str = ""
    """For ``refused``: the venue's words."""


DATA: Final = Heard("data")
CONTROL: Final = Heard("control")
CLOSING: Final = Heard("closing")


class Session(Protocol):
    """One connection's conversation; remembers what the venue acknowledged (ids, sequence)."""

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the first frames of a new socket."""

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frames that add topics to the open socket."""

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frames that drop topics."""

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frames that make the venue restate these topics on this socket.

        Empty where the channel cannot: then a request or a new socket must.
        """

    def keepalive(self) -> bytes | None:
        """Return the text to send every ``keepalive_ms``."""

    def hear(self, payload: bytes) -> Heard:
        """Say what a payload means for the connection; called for every frame, so it is quick.

        Never raises: what it does not understand is ``DATA`` and the codec's to refuse.
        """

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the topics whose whole state this frame holds, verified as far as it can be.

        Called for each frame of a new socket until every topic was named once.
        """


class Dialect(Protocol):
    """One channel of one venue."""

    @property
    def stream(self) -> str:
        """Name of the channel's streams, e.g. ``polymarket.market``."""

    @property
    def limits(self) -> ChannelLimits:
        """What the channel asks of its sockets."""

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return where and how to connect now; ``now`` is Unix nanoseconds, for signatures."""

    def session(self) -> Session:
        """Begin a conversation on a new socket."""
