"""Frames of our own: that a market is not followed any more, or is again.

A book that nobody follows has no trust, and no frame of the venue says so.  So the run writes a
frame of its own into the recording, and reads it as it reads all others: a replay then ends the
trust where the live run did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.events import FollowChanged, MarketEvent
from underround.model.ids import MarketId
from underround.venues.codec import Tokens, refused

STREAM: Final = "underround.follows"
CODEC: Final = "underround"

_read = msgspec.json.Decoder(FollowChanged).decode


def follow_frame(market: MarketId, *, followed: bool) -> bytes:
    """Return the frame that says so."""
    return msgspec.json.encode(FollowChanged(market, followed))


class FollowsDecoder:
    """Decoder of these frames (``Decoder`` of ``venues.codec``)."""

    def __init__(self, tokens: Tokens) -> None:
        """Take ``Catalogue.by_token()`` as every decoder does; these frames need none of it."""
        del tokens

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return what the frame says (see ``Decoder``)."""
        if not payload:
            return ()
        try:
            return (_read(payload),)
        except (ValueError, RecursionError) as error:
            raise refused(error) from None
