"""What Binance spot's public streams can do for us: a reference price, nothing to trade."""

from __future__ import annotations

from typing import Final

from underround.model.ids import Venue
from underround.venues.capabilities import Capabilities, Channel, Fact

_SOURCE: Final = "binance/binance-spot-api-docs, web-socket-streams.md (2026-07)"
_UNUSED: Final = "not used: a reference price only"

CAPABILITIES: Final = Capabilities(
    venue=Venue("binance"),
    trades=Fact(False, _UNUSED),
    book_proof=Fact("sequence", f"{_SOURCE}: diff depth, U follows the u before"),
    sequence_per=Fact("symbol", _SOURCE),
    snapshot_timed=Fact(False, "rest-api.md (2026-07), depth: lastUpdateId and no time"),
    deltas=Fact("absolute", f"{_SOURCE}: quantities of the diff stream are absolute"),
    one_mirrored_book=Fact(False, _SOURCE),
    nets_outcomes=Fact(False, _UNUSED),
    mints_sets=Fact(False, _UNUSED),
    tifs=Fact((), _UNUSED),
    post_only=Fact(False, _UNUSED),
    order_id_known=Fact(False, _UNUSED),
    resolution_stated=Fact(False, _SOURCE),
    speaks=Fact(("rest", "websocket"), f"{_SOURCE}; rest-api.md (2026-07)"),
    reads=Fact(
        ("time", "listings", "book", "trades", "candles", "prices"), "rest-api.md (2026-07)"
    ),
    channels=Fact(
        (Channel(stream="binance.spot", topic="stream name", topics_per_socket=1_023),),
        f"{_SOURCE}: 1,024 streams a connection, one of them is our companion",
    ),
    replay=Fact("none", f"{_SOURCE}: nothing is restated, a request must"),
    signatures=Fact((), f"{_SOURCE}: market data need no key"),
    rate_groups=Fact(("read",), "rest-api.md (2026-07): weight per address and minute"),
    history=Fact(("trades", "candles"), "rest-api.md (2026-07), klines and aggTrades"),
    history_days=Fact(None, "rest-api.md (2026-07): no end is published"),
    reference_feeds=Fact(("binance",), f"{_SOURCE}: trades and best prices"),
)
