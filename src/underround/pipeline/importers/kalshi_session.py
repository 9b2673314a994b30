"""A recorder's session on Kalshi: which connection and subscription each row came on."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from typing import Final

import msgspec

from underround.pipeline.importers.source import (
    Place,
    decoder,
    json_lines,
    lines,
    present,
    required,
)

CONTROLS: Final = ("watch_market", "ws_connected", "ws_subscribed", "market_rotated")
"""The files of rows that the recorder wrote about itself; the last one may be missing."""


class Row(msgspec.Struct):
    """One line of the recorder; ``payload_json`` is the venue's own message."""

    local_recv_ns: int
    market_ticker: str
    event_type: str
    payload_json: msgspec.Raw
    exchange_ts: str | None
    sequence_number: int | None


class _Channel(msgspec.Struct):
    channel: str
    sid: int


class _Subscribed(msgspec.Struct):
    msg: _Channel


_subscribed = decoder(_Subscribed)


class Session(msgspec.Struct):
    """The small files of a session: connections, subscriptions and the rows without a time."""

    connected: list[tuple[int, str]] = []
    """(local time, ticker) of every connection, in order; the place is the connection."""
    sids: dict[tuple[int, str], int] = {}
    """(connection, channel) → subscription."""
    controls: list[tuple[int, str, bytes]] = []
    """(local time, ticker, the recorder's line)."""
    snapshots: dict[str, list[tuple[Place, Row]]] = {}

    def connection(self, place: Place, row: Row) -> int:
        """Return the connection on which ``row`` came: the last one of its market before it."""
        own = [i for i, (_, ticker) in enumerate(self.connected) if ticker == row.market_ticker]
        times = [self.connected[i][0] for i in own]
        after = bisect_right(times, row.local_recv_ns)
        if not after:
            raise place.refused(
                f"came before any connection for {row.market_ticker}", "ws_connected is incomplete"
            )
        return own[after - 1]

    def sid(self, place: Place, connection: int, channel: str) -> int:
        """Return the subscription of a channel; refused when nobody subscribed to it."""
        found = self.sids.get((connection, channel))
        if found is None:
            raise place.refused(
                f"came on channel {channel} without a subscription", "ws_subscribed is incomplete"
            )
        return found


def session_of(folder: Path) -> Session:
    """Read the small files of the session in ``folder``; raises ``ImportRefused``."""
    session = Session()
    for name in CONTROLS:
        path = (
            required(folder, f"{name}.ndjson")
            if name != "market_rotated"
            else present(folder, f"{name}.ndjson")
        )
        if path is None:
            continue
        row_of = decoder(Row)
        for place, line in lines(path):
            row = row_of(place, line)
            session.controls.append((row.local_recv_ns, row.market_ticker, line.encode()))
            if name == "ws_connected":
                session.connected.append((row.local_recv_ns, row.market_ticker))
    session.controls.sort(key=lambda control: control[0])
    session.connected.sort()
    for place, row in json_lines(required(folder, "ws_subscribed.ndjson"), Row):
        subscribed = _subscribed(place, bytes(row.payload_json)).msg
        session.sids[session.connection(place, row), subscribed.channel] = subscribed.sid
    for place, row in json_lines(required(folder, "orderbook_snapshot.ndjson"), Row):
        session.snapshots.setdefault(row.market_ticker, []).append((place, row))
    return session
