"""What Allora can do for us: inferences, nothing to trade."""

from __future__ import annotations

from typing import Final

from underround.model.ids import Venue
from underround.venues.capabilities import Capabilities, Channel, Fact

_SOURCE: Final = "allora-network/docs, devs/consumers (2026-07)"
_UNUSED: Final = "not used: a signal only, without a book"

CAPABILITIES: Final = Capabilities(
    venue=Venue("allora"),
    trades=Fact(False, f"{_SOURCE}: a network of predictors"),
    book_proof=Fact("none", _UNUSED),
    sequence_per=Fact("nothing", f"{_SOURCE}: an inference is named by topic and nonce"),
    snapshot_timed=Fact(False, _UNUSED),
    deltas=Fact("none", _UNUSED),
    one_mirrored_book=Fact(False, _UNUSED),
    nets_outcomes=Fact(False, _UNUSED),
    mints_sets=Fact(False, _UNUSED),
    tifs=Fact((), _UNUSED),
    post_only=Fact(False, _UNUSED),
    order_id_known=Fact(False, _UNUSED),
    resolution_stated=Fact(False, f"{_SOURCE}: it foresees prices and settles no market"),
    speaks=Fact(("rest", "websocket"), f"{_SOURCE}: REST gateway and events of a node"),
    reads=Fact(("inferences", "topics", "blocks"), f"{_SOURCE}: emissions v9 and v10"),
    channels=Fact(
        (Channel(stream="allora.*", topic="topic id", topics_per_socket=4),),
        "CometBFT 0.38, rpc: five subscriptions a client by default, one of them is for headers",
    ),
    replay=Fact("none", "CometBFT 0.38, rpc: a subscription begins with the next block"),
    signatures=Fact(("api_key",), "allora-sdk 1.3.0: the consumer's service only"),
    rate_groups=Fact(("read",), f"{_SOURCE}: no limit is published, ours is a courtesy"),
    history=Fact(("inferences",), f"{_SOURCE}: network_inferences by nonce"),
    history_days=Fact(0, f"{_SOURCE}: only as far as a node keeps its state"),
    reference_feeds=Fact((), f"{_SOURCE}: it foresees prices and states none"),
)
