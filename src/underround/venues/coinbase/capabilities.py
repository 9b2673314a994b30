"""What Coinbase Exchange's public feed can do for us: a reference price, nothing to trade."""

from __future__ import annotations

from typing import Final

from underround.model.ids import Venue
from underround.venues.capabilities import Capabilities, Fact

_SOURCE: Final = "docs.cdp.coinbase.com/exchange, websocket-feed channels"
_UNUSED: Final = "not used: a reference price only"

CAPABILITIES: Final = Capabilities(
    venue=Venue("coinbase"),
    trades=Fact(False, _UNUSED),
    book_proof=Fact("none", _UNUSED),
    sequence_per=Fact("symbol", _SOURCE),
    snapshot_timed=Fact(False, _UNUSED),
    deltas=Fact("none", _UNUSED),
    one_mirrored_book=Fact(False, _SOURCE),
    nets_outcomes=Fact(False, _UNUSED),
    mints_sets=Fact(False, _UNUSED),
    tifs=Fact((), _UNUSED),
    post_only=Fact(False, _UNUSED),
    order_id_known=Fact(False, _UNUSED),
    resolution_stated=Fact(False, _SOURCE),
)
