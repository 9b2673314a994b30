"""What Goldsky's subgraphs can do for us: trades of the past, until 2026-04-28."""

from __future__ import annotations

from typing import Final

from underround.model.ids import Venue
from underround.venues.capabilities import Capabilities, Fact

_SOURCE: Final = "Polymarket/polymarket-subgraph, orderbook-subgraph 0.0.1"
_UNUSED: Final = "not used: rows of the past only, without a book"

CAPABILITIES: Final = Capabilities(
    venue=Venue("goldsky"),
    trades=Fact(False, f"{_SOURCE}: an index of what the chain did"),
    book_proof=Fact("none", _UNUSED),
    sequence_per=Fact("nothing", f"{_SOURCE}: rows have ids without an order"),
    snapshot_timed=Fact(False, _UNUSED),
    deltas=Fact("none", _UNUSED),
    one_mirrored_book=Fact(False, _UNUSED),
    nets_outcomes=Fact(False, _UNUSED),
    mints_sets=Fact(False, _UNUSED),
    tifs=Fact((), _UNUSED),
    post_only=Fact(False, _UNUSED),
    order_id_known=Fact(False, _UNUSED),
    resolution_stated=Fact(False, f"{_SOURCE}: fills only"),
    speaks=Fact(("graphql",), "docs.polymarket.com, subgraph (2026-10)"),
    reads=Fact(("trades",), f"{_SOURCE}: orderFilledEvents"),
    channels=Fact((), _UNUSED),
    replay=Fact("none", _UNUSED),
    signatures=Fact((), "docs.polymarket.com, subgraph (2026-10): public"),
    rate_groups=Fact((), "docs.polymarket.com, subgraph (2026-10): no limit is published"),
    history=Fact(("trades",), f"{_SOURCE}: the first exchanges, until 2026-04-28"),
    history_days=Fact(None, f"{_SOURCE}: from the first fill on"),
    reference_feeds=Fact((), _UNUSED),
)
