"""Scores of games: shown and noted, never traded on.

The channel needs no subscription: connect, answer ``ping`` with ``pong``, and every game's changes
come.  Source: docs.polymarket.com, sports channel, 2026-10.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from underround.model.units import Nanos
from underround.venues.codec import refused
from underround.venues.polymarket.hosts import HOSTS
from underround.venues.streams.dialect import DATA, ChannelLimits, Handshake, Heard, Topic

SPORTS_STREAM: Final = "polymarket.sports"
SCORES: Final[Topic] = "scores"
"""The only topic: all games."""
_PINGS: Final = frozenset((b"ping", b"PING"))


class ScoreNoted(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """The state of a game as the venue relays it.  All words are the venue's."""

    game_id: int
    league_abbreviation: str
    status: str
    live: bool
    ended: bool
    score: str
    """E.g. ``3-16``; several pairs where the sport has sets."""
    slug: str | None = None
    home_team: str | None = None
    away_team: str | None = None
    period: str | None = None
    elapsed: str | None = None
    turn: str | None = None
    """Who has the ball, where that is told."""
    finished_timestamp: str | None = None


_score = msgspec.json.Decoder(ScoreNoted).decode


def decode_score(payload: bytes) -> ScoreNoted | None:
    """Return the game's state; ``None`` for a ping.  Raises ``FrameRefused`` for anything else."""
    text = payload.strip()
    if not text or text in _PINGS:
        return None
    try:
        return _score(text)
    except (ValueError, RecursionError) as error:
        raise refused(error) from None


class SportsDialect:
    """The sports channel (``Dialect``); its one topic is ``SCORES``."""

    stream = SPORTS_STREAM
    # The venue pings every five seconds and wants its answer within ten.  At night there may be no
    # game anywhere, so its ping counts as a sign of life.
    limits = ChannelLimits(topics_per_socket=1, silence_ms=20_000)

    def __init__(self, url: str = HOSTS.sports_stream) -> None:
        self._url = url

    def handshake(self, topics: Sequence[Topic], now: Nanos) -> Handshake:
        """Return the address; the channel is public."""
        del topics, now
        return Handshake(self._url)

    def session(self) -> SportsSession:
        """Begin a conversation on a new socket."""
        return SportsSession()


class SportsSession:
    """One connection: there is nothing to ask for."""

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: everything comes unasked."""
        del topics
        return ()

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing, as ``opening``."""
        return self.opening(topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing, as ``opening``."""
        return self.opening(topics)

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: a score is told when it changes."""
        return self.opening(topics)

    def keepalive(self) -> bytes | None:
        """Return nothing: the venue pings."""
        return None

    def hear(self, payload: bytes) -> Heard:
        """Answer a ping; everything else is data."""
        text = payload.strip()
        if text in _PINGS:
            return Heard("data", send=(b"PONG" if text == b"PING" else b"pong",))
        return DATA

    def proven(self, payload: bytes) -> Collection[Topic]:
        """Return the topic at the first frame: the channel holds no state to restate."""
        del payload
        return (SCORES,)
