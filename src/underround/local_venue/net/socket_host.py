"""A WebSocket server with several endpoints on one loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
import picows

from underround.local_venue.faults import Drop, InForce
from underround.local_venue.net.lines import BUFFER_BOUND, FLUSH_S, Flusher, Line
from underround.local_venue.net.peers import Audience, Door, Peer, Turned
from underround.local_venue.world import World

__all__ = ["Audience", "Door", "Peer", "SocketHost", "Turned"]

_LARGEST_MESSAGE: Final = 1 << 20
_CONTROL: Final = frozenset({picows.WSMsgType.PING, picows.WSMsgType.PONG, picows.WSMsgType.CLOSE})


class SocketHost:
    """Serves the doors; a path that is no door's is answered with 404."""

    def __init__(
        self,
        world: World,
        doors: Mapping[str, Door],
        *,
        flush_s: float = FLUSH_S,
        buffer_bound: int = BUFFER_BOUND,
    ) -> None:
        """``doors``: by path; one that ends in ``/`` leads to every path under it, but ``/`` alone.

        ``flush_s``: how long frames are collected while there is traffic.
        """
        self._world = world
        self._doors = dict(doors)
        self.flusher = Flusher(flush_s, buffer_bound)
        self.peers: dict[int, Peer] = {}
        """Who is connected, by the number of the connection."""
        self._number = 0
        self._server: asyncio.Server | None = None
        self._all_gone: asyncio.Future[None] | None = None
        world.faults.on_set(self._fault_set)

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Serve; returns the base URL without a slash at the end.  ``OSError``: port taken."""
        self._server = await picows.ws_create_server(
            self._admit, host, port, enable_auto_pong=False, max_frame_size=_LARGEST_MESSAGE
        )
        return f"ws://{host}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close every connection and serve no more; does nothing when not started."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for peer in tuple(self.peers.values()):
            peer.close(1001)
        if self.peers:
            self._all_gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._all_gone], timeout=1)
        for peer in tuple(self.peers.values()):
            if peer.transport is not None:
                peer.transport.disconnect(graceful=False)
        await asyncio.sleep(0)
        await server.wait_closed()

    def _admit(
        self, request: picows.WSUpgradeRequest
    ) -> picows.WSListener | picows.WSUpgradeResponseWithListener | None:
        path = request.path.decode("ascii", "replace")
        door = self._door_of(path.partition("?")[0])
        if door is None:
            return None
        self._world.act()
        headers = {name.lower(): value for name, value in request.headers.items()}
        admitted = door.admit(path, headers)
        if isinstance(admitted, Turned):
            response = picows.WSUpgradeResponse.create_error_response(
                admitted.status,
                msgspec.json.encode(admitted.body),
                {"Content-Type": "application/json", **admitted.headers},
            )
            return picows.WSUpgradeResponseWithListener(response, None)
        return _Connection(self, door, admitted)

    def _door_of(self, place: str) -> Door | None:
        """Return the door of exactly this path, else of the nearest folder it is in."""
        found = self._doors.get(place)
        while found is None and "/" in place[1:]:
            place = place[: place.rindex("/")]
            found = self._doors.get(place + "/")
        return found

    def came(self, peer: Peer, door: Door, transport: picows.WSTransport) -> int:
        """Give a client its line; returns the number of the connection."""
        self._number += 1
        peer.transport = transport
        peer.line = Line(
            self._world, door.stream, self.flusher, transport.underlying_transport, self._number
        )
        self.peers[self._number] = peer
        peer.opened()
        return self._number

    def went(self, number: int) -> None:
        """Forget a client."""
        peer = self.peers.pop(number, None)
        if peer is None:
            return
        if peer.line is not None:
            peer.line.gone()
        peer.gone()
        if self._all_gone is not None and not self.peers and not self._all_gone.done():
            self._all_gone.set_result(None)

    def act(self) -> None:
        """Let everything happen that is due."""
        self._world.act()

    def _fault_set(self, entry: InForce) -> None:
        if isinstance(entry.fault, Drop):
            for peer in tuple(self.peers.values()):
                if peer.line is not None:
                    peer.line.break_on_drop(entry.since_ns)


class _Connection(picows.WSListener):
    """Translates picows' calls for one peer."""

    def __init__(self, host: SocketHost, door: Door, peer: Peer) -> None:
        self._host = host
        self._door = door
        self._peer = peer
        self._number = 0
        self._parts: list[bytes] = []

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._number = self._host.came(self._peer, self._door, transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind in _CONTROL:
            self._control(transport, frame)
            return
        payload = frame.get_payload_as_bytes()
        if not frame.fin:
            self._parts.append(payload)
            return
        if self._parts:
            payload = b"".join((*self._parts, payload))
            self._parts.clear()
        if self._peer.here:
            self._host.act()
            self._peer.heard(payload)

    def _control(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.PONG:
            self._peer.ponged(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            if not transport.is_close_frame_sent:
                transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, _transport: picows.WSTransport) -> None:
        self._host.went(self._number)
