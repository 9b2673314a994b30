"""One client of Binance's streams: what it may say, and how it is answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from underround.local_venue.net.peers import Peer
from underround.local_venue.references.binance_frames import Stamp
from underround.local_venue.references.pings import Pings

MOST_STREAMS: Final = 1_024
PING_S: Final = 20.0
PATIENCE_S: Final = 60.0
"""A client that leaves pings unanswered for so long is cut."""
LIFE_S: Final = 86_400.0
MOST_A_SECOND: Final = 5
"""Commands and pongs a second."""
_TOO_FAST: Final = 1_008
_KNOWN: Final = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
_encode: Final = msgspec.json.encode
_Number: TypeAlias = int | str | None


class _Command(msgspec.Struct):
    method: str
    id: _Number = None
    params: list[str | bool] = []


_command: Final = msgspec.json.Decoder(_Command).decode


class Streams(Protocol):
    """What a client needs of the streams it is a client of."""

    def now_ms(self) -> int:
        """Return the venue's time, which pings carry."""

    def follow(self, peer: SpotPeer, names: Iterable[str]) -> None:
        """Tell a client these streams from now on."""

    def unfollow(self, peer: SpotPeer, names: Iterable[str]) -> None:
        """Tell a client these streams no more."""


class SpotPeer(Peer):
    """One client."""

    def __init__(
        self, streams: Streams, wanted: Sequence[str], *, combined: bool, stamp: Stamp
    ) -> None:
        """Begin with the streams of the address; ``stamp`` writes times."""
        self._streams = streams
        self.wanted = dict.fromkeys(wanted)
        self.combined = combined
        self.stamp = stamp
        self._heard: deque[float] = deque(maxlen=MOST_A_SECOND)
        self._pings = Pings(
            self,
            lambda: str(streams.now_ms()).encode(),
            PING_S,
            patience_s=PATIENCE_S,
            life_s=LIFE_S,
        )

    def opened(self) -> None:
        """Join, and be pinged from now on."""
        self._pings.start()
        self._streams.follow(self, self.wanted)

    def gone(self) -> None:
        """Leave."""
        self._pings.stop()
        self._streams.unfollow(self, self.wanted)

    def ponged(self, payload: bytes) -> None:
        """Take the answer to a ping, which counts as a message."""
        self._pings.answered(payload)
        self._counted()

    def heard(self, payload: bytes) -> None:
        """Take a command."""
        if not self._counted():
            return
        try:
            command = _command(payload)
        except msgspec.ValidationError as error:
            self.send(_encode({"code": 2, "msg": f"Invalid request: {error}"}))
        except (ValueError, RecursionError):
            said = "Invalid JSON: expected value at line 1 column 1"
            self.send(_encode({"code": 3, "msg": said}))
        else:
            self.send(_encode(self._obey(command)))

    def _counted(self) -> bool:
        """Note a message; a client that says too much is shown the door."""
        now, heard = asyncio.get_running_loop().time(), self._heard
        if len(heard) == MOST_A_SECOND and now - heard[0] < 1:
            self.close(_TOO_FAST, "Too many requests")
            return False
        heard.append(now)
        return True

    def _obey(self, command: _Command) -> object:
        if command.method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.wanted), "id": command.id}
        if command.method in {"SET_PROPERTY", "GET_PROPERTY"}:
            return self._property(command)
        if command.method not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            said = f"Invalid request: unknown variant `{command.method}`, expected one of {_KNOWN}"
            return {"code": 2, "msg": said}
        names = [name for name in command.params if isinstance(name, str)]
        if len(names) < len(command.params) or not names:
            return {"code": 2, "msg": "Invalid request: `params` must be a list of stream names"}
        if command.method == "UNSUBSCRIBE":
            for name in names:
                self.wanted.pop(name, None)
            self._streams.unfollow(self, names)
        elif len(self.wanted.keys() | set(names)) > MOST_STREAMS:
            return {"code": 2, "msg": f"Invalid request: more than {MOST_STREAMS} streams"}
        else:
            self.wanted.update(dict.fromkeys(names))
            self._streams.follow(self, names)
        return {"result": None, "id": command.id}

    def _property(self, command: _Command) -> object:
        setting = command.method == "SET_PROPERTY"
        if command.params[:1] != ["combined"]:
            return {"code": 0, "msg": "Unknown property"}
        if not setting:
            return {"result": self.combined, "id": command.id}
        if len(command.params) != 2 or not isinstance(command.params[1], bool):
            return {"code": 1, "msg": "Invalid value type: expected Boolean"}
        self.combined = command.params[1]
        return {"result": None, "id": command.id}

    def tell(self, stream: str, data: bytes) -> None:
        """Send a frame of a stream."""
        self.send(b'{"stream":"%b","data":%b}' % (stream.encode(), data) if self.combined else data)
