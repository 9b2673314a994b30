"""The connections of one stream: their numbers, and the frames that are handed on.

A number is a line that delivers, or the state of having none.  An *empty frame* opens a connection
at once: it says nothing to any codec, but whoever keeps books sees a new connection and ends their
trust in that moment; and since it is a frame, a recording of it does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from underround.model.units import Nanos

Deliver: TypeAlias = Callable[[str, int, int, bytes], None]
"""``(stream, connection, recv_ns, payload)``; an empty payload opens a connection, see above."""


class Delivery:
    """Numbers the connections of one stream; what ``deliver`` raises is told to ``fail``."""

    def __init__(
        self,
        stream: str,
        deliver: Deliver,
        clock: Callable[[], Nanos],
        fail: Callable[[Exception], None],
    ) -> None:
        self.connection = -1
        self._stream = stream
        self._deliver = deliver
        self._clock = clock
        self._fail = fail
        self._announced = False

    def lost(self) -> None:
        """Nothing delivers any more: open the connection that the next line will carry."""
        self.renew()
        self._announced = True

    def renew(self) -> None:
        """Open the next connection with an empty frame; what was known before does not count."""
        self.connection += 1
        self.frame(self._clock(), b"")

    def adopt(self, held: Sequence[bytes]) -> None:
        """Let a new line deliver, beginning with what it held, as of now."""
        if self._announced:
            self._announced = False
        else:
            self.connection += 1
        now = self._clock()
        for payload in held:
            self.frame(now, payload)

    def frame(self, recv_ns: Nanos, payload: bytes) -> None:
        """Hand a frame on."""
        try:
            self._deliver(self._stream, self.connection, recv_ns, payload)
        except Exception as error:  # noqa: BLE001 - raised again by whoever runs the pool
            self._fail(error)
