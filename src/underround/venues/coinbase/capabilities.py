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
    speaks=Fact(("recordings",), f"{_SOURCE}: recorded by others, decoded here"),
    reads=Fact((), _UNUSED),
    channels=Fact((), _UNUSED),
    replay=Fact("none", f"{_SOURCE}: heartbeat and ticker restate the last trade only"),
    signatures=Fact((), f"{_SOURCE}: matches and tickers need no key"),
    rate_groups=Fact((), _UNUSED),
    history=Fact((), _UNUSED),
    history_days=Fact(None, _UNUSED),
    reference_feeds=Fact(("coinbase",), f"{_SOURCE}: match, last_match, ticker"),
)
