"""Loaded by ``serve.py``: a host that is not there, at the place where httpcore has its sockets.

Everything above the socket is the SDK's own: the transport of httpx, the pool and the protocol of
httpcore, all headers.  TLS is taken as given (no byte is encrypted), as it is on our side.
"""

# mypy: ignore-errors
# httpcore and h2 live in an environment of their own, which the type checker does not see.

from __future__ import annotations

import time

import h2.config
import h2.connection
import h2.events
import httpcore

ANSWER = (
    b'{"errorMsg":"","orderID":"0x' + b"ab" * 32 + b'","takingAmount":"","makingAmount":"",'
    b'"status":"live","success":true}'
)


class AbsentHost(httpcore.NetworkBackend):
    """Accepts every connection and answers every request with ``ANSWER``.

    ``protocol`` is what it negotiates: ``h2`` or ``http/1.1``.
    """

    def __init__(self, protocol):
        self.protocol = protocol
        self.asking = True
        """Set before a request; ends when its answer is read.  What is written later is no part."""
        self.written_at = 0.0
        """When the last bytes of the request were handed over."""
        self.body = b""
        """What the last request carried."""

    def connect_tcp(self, *_args, **_named):
        """Return a connection to nowhere."""
        return _Stream2(self) if self.protocol == "h2" else _Stream1(self)


class _Stream(httpcore.NetworkStream):
    def __init__(self, host):
        self._host = host
        self._asked = b""

    def write(self, buffer, timeout=None):
        if self._host.asking:
            self._host.written_at = time.perf_counter()
        self._asked += buffer

    def read(self, max_bytes, timeout=None):
        self._host.asking = False
        asked, self._asked = self._asked, b""
        return self._answer(asked)

    def start_tls(self, *_args, **_named):
        return self

    def get_extra_info(self, info):
        return self if info == "ssl_object" else None

    def selected_alpn_protocol(self):
        return self._host.protocol

    def close(self):
        pass


class _Stream1(_Stream):
    def _answer(self, asked):
        self._host.body = asked.partition(b"\r\n\r\n")[2]
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        return head % len(ANSWER) + ANSWER


class _Stream2(_Stream):
    def __init__(self, host):
        super().__init__(host)
        config = h2.config.H2Configuration(client_side=False)
        self._server = h2.connection.H2Connection(config)
        self._server.initiate_connection()

    def _answer(self, asked):
        for event in self._server.receive_data(asked):
            if isinstance(event, h2.events.RequestReceived):
                self._host.body = b""
            elif isinstance(event, h2.events.DataReceived):
                self._host.body += event.data
                self._server.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
            elif isinstance(event, h2.events.StreamEnded):
                self._server.send_headers(event.stream_id, [(":status", "200")])
                self._server.send_data(event.stream_id, ANSWER, end_stream=True)
        return self._server.data_to_send()
