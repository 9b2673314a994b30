"""Frames: the bytes a venue sent, before anything interprets them."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

NANOS_PER_MS: Final = 1_000_000
NANOS_PER_SECOND: Final = 1_000_000_000

FrameKind = Literal["raw", "reconstructed"]
"""``raw``: the bytes as received.  ``reconstructed``: wire-format bytes rebuilt from rows that a
recorder had already taken apart; the recording says what was lost."""

Clock = Literal["receive", "venue"]
"""Whose clock ``Frame.recv_ns`` is: ours at reception, or the venue's own where the recorder's
clock drifted.  A recording declares one; times of two clocks are never subtracted."""


class Frame(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One message from a venue.

    ``(recv_ns, ingest_seq)`` orders the frames of a recording; ``ingest_seq`` counts every frame of
    the recording from 0 without holes, so a lost, doubled or swapped frame is visible.
    """

    stream: str
    """Name of the stream within its recording, e.g. ``polymarket.market``."""
    connection: int
    """Counts the connections of the stream from 0; a reconnect is a new connection."""
    ingest_seq: int
    recv_ns: int
    """Unix nanoseconds on the recording's declared clock; never decreases within a recording."""
    payload: bytes
    kind: FrameKind
