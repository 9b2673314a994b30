"""How Kalshi's WebSocket is spoken: books and prices by market, private channels, lifecycle.

Source: docs.kalshi.com, websockets; production captures of 2026-04, 05 and 08.  Every connection is
signed, also for public channels.  The venue pings every ten seconds; there is no keep-alive of
ours.  Numbers (``seq``) count per subscription (``sid``) of one connection; those of the books are
checked by whoever keeps the books, who asks for ``refresh`` on a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from underround.model.units import Nanos
from underround.venues.kalshi.hosts import Hosts
from underround.venues.kalshi.sessions import BOOK, ChannelSession, IndexSession, MarketSession
from underround.venues.kalshi.sign import KalshiSigner
from underround.venues.streams.dialect import ChannelLimits, Handshake, Topic

LIFECYCLE: Final = "market_lifecycle_v2"
"""Topic of ``KalshiLifecycleDialect``."""
USER_CHANNELS: Final = ("fill", "user_orders", "market_positions", "order_group_updates")
"""Topics of ``KalshiUserDialect``."""

_DAY_MS: Final = 86_400_000
_HALF_HOUR_MS: Final = 1_800_000


class KalshiDialect:
    """Channels by market; a topic is a ticker.  The book is always among the channels."""

    def __init__(
        self,
        signer: KalshiSigner,
        hosts: Hosts,
        *,
        others: Sequence[Literal["ticker", "trade"]] = (),
        stream: str = "kalshi.book",
        markets_per_socket: int = 1_000,
        silence_ms: int = 60_000,
    ) -> None:
        """``others`` are subscribed to beside the book, on the same socket."""
        self._signer = signer
        self._url = hosts.stream_url
        self._channels = (BOOK, *others)
        self._stream = stream
        self._limits = ChannelLimits(topics_per_socket=markets_per_socket, silence_ms=silence_ms)

    @property
    def stream(self) -> str:
        """Name of the channel's streams."""
        return self._stream

    @property
    def limits(self) -> ChannelLimits:
        """What the channel asks of its sockets."""
        return self._limits

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return where to connect, signed for now."""
        del topics
        return Handshake(self._url, self._signer.handshake(now))

    def session(self) -> MarketSession:
        """Begin a conversation on a new socket."""
        return MarketSession(self._channels)


class _ChannelDialect:
    """Whole channels on one socket."""

    def __init__(self, signer: KalshiSigner, hosts: Hosts, stream: str, silence_ms: int) -> None:
        self._signer = signer
        self._url = hosts.stream_url
        self._stream = stream
        self._limits = ChannelLimits(topics_per_socket=len(USER_CHANNELS), silence_ms=silence_ms)

    @property
    def stream(self) -> str:
        """Name of the channel's streams."""
        return self._stream

    @property
    def limits(self) -> ChannelLimits:
        """What the channel asks of its sockets."""
        return self._limits

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return where to connect, signed for now."""
        del topics
        return Handshake(self._url, self._signer.handshake(now))

    def session(self) -> ChannelSession:
        """Begin a conversation on a new socket."""
        return ChannelSession()


class KalshiUserDialect(_ChannelDialect):
    """Our fills, orders, positions and order groups; topics are ``USER_CHANNELS``."""

    def __init__(self, signer: KalshiSigner, hosts: Hosts, *, silence_ms: int = _DAY_MS) -> None:
        """An account that does not trade says nothing: only the venue's pings prove its socket."""
        super().__init__(signer, hosts, "kalshi.user", silence_ms)


class KalshiLifecycleDialect(_ChannelDialect):
    """The life of all markets and events; the topic is ``LIFECYCLE``."""

    def __init__(
        self, signer: KalshiSigner, hosts: Hosts, *, silence_ms: int = _HALF_HOUR_MS
    ) -> None:
        """Markets of a quarter of an hour begin and end at least that often."""
        super().__init__(signer, hosts, "kalshi.lifecycle", silence_ms)


class KalshiIndexDialect(_ChannelDialect):
    """The indices that crypto markets settle on, e.g. ``BRTI``; topics are their names."""

    def __init__(self, signer: KalshiSigner, hosts: Hosts, *, silence_ms: int = 10_000) -> None:
        """An index is stated every second."""
        super().__init__(signer, hosts, "kalshi.index", silence_ms)

    def session(self) -> IndexSession:
        """Begin a conversation on a new socket."""
        return IndexSession()
