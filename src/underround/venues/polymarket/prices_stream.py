"""How the two relays of reference prices are spoken: PolyBolt, and RTDS for as long as it lasts.

Source: docs.polymarket.com/api-reference/live-data/overview and
docs.polymarket.com/migrate/rtds-to-polybolt, 2026-10.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from underround.model.units import Nanos
from underround.venues.polymarket import polybolt
from underround.venues.polymarket.hosts import HOSTS
from underround.venues.polymarket.rtds import TWAP_TOPICS
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.stream import PING, frame, text_heard
from underround.venues.streams.dialect import CONTROL, DATA, ChannelLimits, Handshake, Heard, Topic
from underround.venues.words import venue_words

POLYBOLT_STREAM: Final = "polymarket.polybolt"
RTDS_STREAM: Final = "polymarket.rtds"


def price_topic(asset: str, *, twap: bool) -> Topic:
    """Return PolyBolt's topic of an asset such as ``BTC``: its 60-second average, or spot."""
    return f"{polybolt.TWAP if twap else polybolt.SPOT}:{asset.lower()}usd"


# --- PolyBolt ----------------------------------------------------------------------------------


class PolyboltDialect:
    """PolyBolt (``Dialect``): a topic is ``channel:symbol``, e.g. ``price.crypto.twap:btcusd``."""

    stream = POLYBOLT_STREAM
    limits = ChannelLimits(
        topics_per_socket=64,
        keepalive_ms=30_000,
        silence_ms=15_000,  # each symbol has a price every second, day and night
        open_ms=20_000,  # 64 subscriptions, one by one, take seven seconds
        sends_per_s=9,  # the venue's SDK leaves 110 ms between two operations; 20/s end in 4008
    )

    def __init__(self, credentials: L2Credentials, url: str = HOSTS.live_prices_stream) -> None:
        self._credentials = credentials
        self._url = url

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return the address; the credentials go into the first frame."""
        del topics, now
        return Handshake(self._url)

    def session(self) -> PolyboltSession:
        """Begin a conversation on a new socket."""
        return PolyboltSession(self._credentials)


class PolyboltSession:
    """One connection: authenticate, wait for it, then subscribe topic by topic.

    Each topic is subscribed by an operation of its own, so that a refusal names its topic.  What
    the venue then closes the socket for (4001 credentials, 4002 too slow, 4003 it drains, 4008 a
    rule was broken) it says before in an error, which ``hear`` reports; the pool's back-off does
    the rest.
    """

    def __init__(self, credentials: L2Credentials) -> None:
        self._credentials = credentials
        self._authed = False
        self._waiting: list[Topic] = []
        self._asked: dict[str, Topic] = {}
        self._count = 0
        self._numbers: dict[str, int] = {}
        self.lost = 0
        """Frames of this connection that never arrived: holes in the numbers of a channel."""

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the authentication; the topics follow when it is granted."""
        self._waiting = list(topics)
        return (frame(op="auth", rid=self._rid("a"), auth=self._credentials.stream_auth()),)

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one operation per topic; none before we are authenticated: they wait."""
        if not self._authed:
            self._waiting += [topic for topic in topics if topic not in self._waiting]
            return ()
        return [self._operation("subscribe", topic) for topic in topics]

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one operation per topic."""
        if not self._authed:
            self._waiting = [topic for topic in self._waiting if topic not in topics]
            return ()
        return [self._operation("unsubscribe", topic) for topic in topics]

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frames that drop the topics and add them again.

        A new subscription brings a snapshot of two minutes; repeating one brings none.
        """
        return (*self.unsubscribe(topics), *self.subscribe(topics))

    def keepalive(self) -> bytes:
        """Return the operation to send every thirty seconds."""
        return frame(op="ping", rid=self._rid("p"))

    def hear(self, payload: bytes) -> Heard:
        """Follow acknowledgements and the numbers of the channels (see ``Session``)."""
        try:
            head = polybolt.head_of(payload)
        except (ValueError, RecursionError):
            return DATA
        if head.op is None:
            self._counted(head)
            return DATA
        if head.op == "authed":
            self._authed = True
            waiting, self._waiting = self._waiting, []
            return Heard("control", send=self.subscribe(waiting))
        return self._failed(head) if head.op == "error" else CONTROL

    def _failed(self, head: polybolt.Head) -> Heard:
        code = head.code or "no code"
        if code == "auth_unavailable":
            return CONTROL  # later it may work: opening runs out of time and is tried again
        about = self._asked.get(head.rid or "", head.channel or "the connection")
        return Heard("refused", detail=f"{about}: {code}")

    def _counted(self, head: polybolt.Head) -> None:
        if head.channel is None or head.seq is None:
            return
        last = self._numbers.get(head.channel, 0)
        self._numbers[head.channel] = head.seq
        self.lost += max(0, head.seq - last - 1)

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the topic whose snapshot this is; an empty one says that there is no price yet."""
        try:
            head = polybolt.head_of(payload)
            if head.channel is None or not head.snapshot:
                return ()
            return (f"{head.channel}:{polybolt.named(head.payload).symbol}",)
        except (ValueError, RecursionError):
            return ()

    def _operation(self, operation: str, topic: Topic) -> bytes:
        channel, _, symbol = topic.partition(":")
        wanted: dict[str, Any] = {"symbol": symbol}
        if channel.endswith(".twap"):
            wanted["window_seconds"] = polybolt.TWAP_SECONDS
        rid = self._rid("s")
        self._asked[rid] = topic
        subscription = {"channel": channel, "filter": wanted}
        return frame(op=operation, rid=rid, subscriptions=[subscription])

    def _rid(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"


# --- RTDS --------------------------------------------------------------------------------------


class RtdsDialect:
    """RTDS (``Dialect``): a topic is ``topic:symbol``, e.g. ``crypto_prices_chainlink:btc/usd``."""

    stream = RTDS_STREAM
    limits = ChannelLimits(topics_per_socket=64, keepalive_ms=5_000, silence_ms=15_000)

    def __init__(self, url: str = HOSTS.rtds_stream) -> None:
        self._url = url

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return the address; prices were public here."""
        del topics, now
        return Handshake(self._url)

    def session(self) -> RtdsSession:
        """Begin a conversation on a new socket."""
        return RtdsSession()


class _Snapshot(msgspec.Struct, gc=False):
    """As much of a frame as tells which subscription it restates."""

    class Payload(msgspec.Struct, gc=False):
        """The payload as far as it names the price."""

        symbol: str
        window_s: int | None = None

    topic: str
    type: str
    payload: Payload


_snapshot = msgspec.json.Decoder(_Snapshot).decode
_BY_SECONDS: Final = {seconds: topic for topic, seconds in TWAP_TOPICS.items()}


class RtdsSession:
    """One connection.  A wrong topic spoils its whole frame, so each topic has its own."""

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one frame per topic."""
        return self.subscribe(topics)

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one frame per topic."""
        return [_action("subscribe", topic) for topic in topics]

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return one frame per topic."""
        return [_action("unsubscribe", topic) for topic in topics]

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: only a new connection was seen to bring the last minute again."""
        del topics
        return ()

    def keepalive(self) -> bytes:
        """Return the text to send every five seconds; the answer is empty."""
        return PING

    def hear(self, payload: bytes) -> Heard:
        """A frame with a topic is data; any other JSON is an error in words (see ``Session``)."""
        if payload[:1] != b"{":
            return text_heard(payload)
        if b'"topic"' in payload:
            return DATA
        return Heard("refused", detail=venue_words(payload[:400].decode(errors="replace")))

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the topic whose snapshot this is.

        Chainlink's arrives under another topic and is told by the slash in its symbol.
        """
        try:
            said = _snapshot(payload)
        except (ValueError, RecursionError):
            return ()
        if said.type != "subscribe":
            return ()
        symbol, topic = said.payload.symbol, said.topic
        if "/" in symbol and topic not in TWAP_TOPICS:
            seconds = said.payload.window_s
            topic = "crypto_prices_chainlink" if seconds is None else _BY_SECONDS.get(seconds, "")
        return (f"{topic}:{symbol}",)


def _action(action: str, topic: Topic) -> bytes:
    name, _, symbol = topic.partition(":")
    # A space anywhere in the filter silently ends the updates: this text has none.
    wanted = frame(symbol=symbol).decode()
    return frame(action=action, subscriptions=[{"topic": name, "type": "*", "filters": wanted}])
