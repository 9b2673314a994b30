"""Clients of a WebSocket endpoint, and the endpoint that lets them in."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec
import picows

from underround.local_venue.faults import Stream
from underround.local_venue.net.lines import Line, text_frame

_GOODBYE_S: Final = 1.0


class Turned(msgspec.Struct, frozen=True):
    """A client is not let in: the handshake is answered with a status and a JSON body."""

    status: int
    body: object
    headers: dict[str, str] = {}


class Peer(ABC):
    """One client of an endpoint; each channel says what it hears and tells.

    The host calls ``opened`` once, then ``heard`` for every message, then ``gone`` once.
    """

    line: Line | None = None
    """Set while the connection is open."""
    transport: picows.WSTransport | None = None

    def opened(self) -> None:
        """The connection is open; nothing was heard yet."""
        return

    @abstractmethod
    def heard(self, payload: bytes) -> None:
        """Take a message; the world has acted before."""

    def ponged(self, payload: bytes) -> None:
        """Take a WebSocket pong, which answers a ping or nothing."""
        del payload

    def gone(self) -> None:
        """The connection is closed."""
        return

    @property
    def here(self) -> bool:
        """Whether the client is connected."""
        return self.line is not None and self.line.open

    def send(self, payload: bytes) -> None:
        """Send a message, subject to the faults of the stream; nothing when the client is gone."""
        line = self.line
        if line is None:
            return
        if line.plain and line.world.faults.none:
            line.push(text_frame(payload))
        else:
            line.push_through_faults(payload)

    def answer(self, payload: bytes) -> None:
        """Send a keep-alive message, which no fault holds back: a frozen venue answers pings."""
        if self.line is not None:
            self.line.push(text_frame(payload))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye after what waits to be sent."""
        line, transport = self.line, self.transport
        if line is None or transport is None or not line.open:
            return
        line.write()
        line.gone()
        transport.send_close(picows.WSCloseCode(code), reason.encode() or None)
        # The client answers and is then disconnected; one that does not answer is not waited for.
        asyncio.get_running_loop().call_later(_GOODBYE_S, transport.disconnect)

    def cut(self) -> None:
        """Break the connection without a word."""
        if self.line is not None:
            self.line.cut()


class Door(Protocol):
    """One endpoint: who comes in, and which faults are about its frames."""

    @property
    def stream(self) -> Stream:
        """The stream's name in faults."""

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer | Turned:
        """Let a client in, or not.  ``path`` has the query; names of ``headers`` are lower case."""


class Audience:
    """Sends one message to many."""

    @staticmethod
    def broadcast(payload: bytes, peers: Iterable[Peer]) -> None:
        """Send a message to every peer that is here; it is encoded once."""
        frame = text_frame(payload)
        calm: bool | None = None
        for peer in peers:
            line = peer.line
            if line is None:
                continue
            if calm is None:
                calm = line.world.faults.none
            if calm and line.plain:
                line.push(frame)
            else:
                line.push_through_faults(payload)
