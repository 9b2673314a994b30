"""How the two channels of the CLOB are spoken: books (market) and our own orders (user).

Source: docs.polymarket.com, market and user channel (2026-10), and captures of 2026-04 and
2026-10.  ``prices_stream`` speaks the relays of reference prices, ``sports`` the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import BookSnapshot
from underround.model.units import Nanos
from underround.venues.codec import Tokens
from underround.venues.polymarket.book_hash import snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.hosts import HOSTS
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.streams.dialect import CONTROL, DATA, ChannelLimits, Handshake, Heard, Topic
from underround.venues.words import venue_words

MARKET_STREAM: Final = "polymarket.market"
USER_STREAM: Final = "polymarket.user"
ACCOUNT: Final[Topic] = "account"
"""Topic of the user channel: every market."""

PING: Final = b"PING"
_PONGS: Final = frozenset((b"PONG", b""))
_SHOWN: Final = 400
"""How much of a refusal is repeated."""


class _Named(msgspec.Struct, gc=False):
    """Which asset a message is about."""

    asset_id: str | None = None


_named = msgspec.json.Decoder(_Named | list[_Named]).decode


def frame(**fields: Any) -> bytes:
    """Return one frame: compact JSON, keys in the order given."""
    return msgspec.json.encode(fields)


def text_heard(payload: bytes) -> Heard:
    """Say what a frame that is no JSON means: an answer to our ping, or a refusal in words."""
    text = payload.strip()
    if text in _PONGS:
        return CONTROL
    return Heard("refused", detail=venue_words(text[:_SHOWN].decode(errors="replace")))


# --- the market channel ------------------------------------------------------------------------


class MarketDialect:
    """The market channel (``Dialect``): a topic is an asset id.

    ``tokens`` returns ``Catalogue.by_token()`` as it is now; it is asked for every frame that
    holds a book of a new socket, so let it return a mapping that is kept, not made.
    """

    stream = MARKET_STREAM
    limits = ChannelLimits(
        topics_per_socket=200,  # more than 500 were seen to stall; no limit is published
        keepalive_ms=10_000,
        # The venue's SDK gives up after 30 s in which not even a PONG came.  A quiet market says
        # nothing for longer, and pings do not count here.
        silence_ms=60_000,
    )

    def __init__(self, tokens: Callable[[], Tokens], url: str = HOSTS.clob_market_stream) -> None:
        self._tokens = tokens
        self._url = url

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return the address; the channel is public."""
        del topics, now
        return Handshake(self._url)

    def session(self) -> MarketSession:
        """Begin a conversation on a new socket."""
        return MarketSession(self._tokens)


class MarketSession:
    """One connection to the market channel; the venue acknowledges nothing."""

    def __init__(self, tokens: Callable[[], Tokens]) -> None:
        self._tokens = tokens

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the first frame; none without topics, because an empty list means all markets."""
        if not topics:
            return ()
        return (frame(assets_ids=list(topics), type="market", custom_feature_enabled=True),)

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frame that adds assets; each is answered with its book."""
        if not topics:
            return ()
        return (frame(operation="subscribe", assets_ids=list(topics), custom_feature_enabled=True),)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frame that drops assets."""
        return (frame(operation="unsubscribe", assets_ids=list(topics)),) if topics else ()

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frames that drop the assets and add them again: a subscription brings a book.

        Clients reported that the venue does not always answer a repeated subscription.  Without a
        book in time, a request or a new socket must; no change is lost unseen meanwhile, because
        the hash of the next one would not hold.
        """
        return (*self.unsubscribe(topics), *self.subscribe(topics))

    def keepalive(self) -> bytes:
        """Return the text to send every ten seconds."""
        return PING

    def hear(self, payload: bytes) -> Heard:
        """JSON is data; anything else is an answer to our ping or a refusal (see ``Session``)."""
        first = payload[:1]
        if first == b"{":
            return DATA
        if first == b"[":
            return CONTROL if payload.strip() == b"[]" else DATA
        return text_heard(payload)

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the assets whose book this frame holds with a hash that ours equals.

        A book without a hash, with another one, or of a market outside the catalogue proves
        nothing.
        """
        if b'"book"' not in payload:
            return ()
        try:
            named = _named(payload)
            listed = self._tokens()
            about = named if isinstance(named, list) else [named]
            found = {
                each.asset_id: listed[each.asset_id] for each in about if each.asset_id in listed
            }
            events = PolymarketDecoder(found).decode(payload)
        except (ValueError, RecursionError, FrameRefused):
            return ()
        markets = {market.id: market for market, _ in found.values()}
        return [
            markets[event.market].tokens[event.outcome]
            for event in events
            if isinstance(event, BookSnapshot)
            and event.venue_hash is not None
            and event.venue_hash == snapshot_hash(event, markets[event.market])
        ]


# --- the user channel --------------------------------------------------------------------------


class UserDialect:
    """The user channel (``Dialect``): a topic is a condition id, or ``ACCOUNT`` for every market.

    Nothing is replayed: reconcile by request after every (re)connection.
    """

    stream = USER_STREAM
    # An account may be silent for days, so here the answer to our ping is the sign of life; the
    # venue's SDK calls 30 s without any dead.
    limits = ChannelLimits(topics_per_socket=200, keepalive_ms=10_000, silence_ms=30_000)

    def __init__(self, credentials: L2Credentials, url: str = HOSTS.clob_user_stream) -> None:
        self._credentials = credentials
        self._url = url

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return the address; the credentials go into the first frame."""
        del topics, now
        return Handshake(self._url)

    def session(self) -> UserSession:
        """Begin a conversation on a new socket."""
        return UserSession(self._credentials)


class UserSession:
    """One connection to the user channel."""

    def __init__(self, credentials: L2Credentials) -> None:
        self._credentials = credentials
        self._topics: list[Topic] = []

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the first frame, with the credentials, and a ping.

        The venue neither acknowledges nor restates anything; it drops whom it does not know.  So
        its answer to the ping is the proof that we are let in.
        """
        self._topics = list(topics)
        auth = self._credentials.stream_auth()
        markets = {} if ACCOUNT in topics else {"markets": list(topics)}
        return (frame(auth=auth, type="user", **markets), PING)

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frame that adds markets."""
        self._topics += [topic for topic in topics if topic not in self._topics]
        return self._operation("subscribe", topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return the frame that drops markets."""
        self._topics = [topic for topic in self._topics if topic not in topics]
        return self._operation("unsubscribe", topics)

    def _operation(self, operation: str, topics: Sequence[Topic]) -> Sequence[bytes]:
        markets = [topic for topic in topics if topic != ACCOUNT]
        return (frame(operation=operation, markets=markets),) if markets else ()

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: the channel restates nothing, only requests do."""
        del topics
        return ()

    def keepalive(self) -> bytes:
        """Return the text to send every ten seconds."""
        return PING

    def hear(self, payload: bytes) -> Heard:
        """As the market channel's, but the answer to a ping is a sign of life."""
        if payload[:1] in {b"{", b"["}:
            return DATA
        heard = text_heard(payload)
        return DATA if heard is CONTROL else heard

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return all topics once the venue answered at all: it only answers whom it let in."""
        return () if self.hear(payload).kind == "refused" else tuple(self._topics)
