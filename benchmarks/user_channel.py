"""``user``: from the bytes of a trade on Polymarket's user channel to the fill that is ours.

The messages are made here, in the form and at the length the venue sends: one taker's fill, and
one of a maker among six whose entry is the fourth.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Figure, against, figure, interleave
from underround.model.errors import Bug
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OrderId
from underround.model.market import Market, uniform_ticks
from underround.model.orders import OrderFilled
from underround.model.units import shares
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.user_codec import UserDecoder

TARGET_US = 25.0
COUNT = 20_000
KEY, WALLET = "3e2c94ca-0000-4000-8000-000000000001", "0x" + "a1" * 20
CONDITION = "0x" + "dd" * 32
UP, DOWN = "2" + "17" * 38, "4" + "83" * 38


def _decoder() -> UserDecoder:
    market = Market(
        id=MarketId(POLYMARKET, CONDITION),
        title="benchmark",
        outcomes=("Up", "Down"),
        tokens=(UP, DOWN),
        currency="pUSD",
        ticks=(uniform_ticks("0.01"),),
        min_size=shares("5"),
        size_step=shares("0.01"),
        fees=polymarket_fees("0.07"),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )
    tokens = {UP: (market, YES), DOWN: (market, NO)}
    own = {_native(0): OrderId("taken"), _native(4): OrderId("rested")}
    return UserDecoder(tokens, Account(KEY, WALLET), own.get)


def _native(number: int) -> str:
    return f"0x{number:064x}"


def _entry(number: int, *, ours: bool) -> dict[str, Any]:
    return {
        "asset_id": UP,
        "fee_rate_bps": "0",
        "maker_address": WALLET if ours else "0x" + f"{number:02x}" * 20,
        "matched_amount": f"{number}.5",
        "order_id": _native(number),
        "outcome": "Up",
        "owner": KEY if ours else f"{number:08x}-0000-4000-8000-000000000002",
        "price": "0.518",
        "side": "SELL",
    }


def trade(makers: int, our_entry: int | None) -> bytes:
    """Return a trade with ``makers`` entries; ``our_entry`` of them is ours, ``None``: we took."""
    entries = [_entry(number, ours=number == our_entry) for number in range(1, makers + 1)]
    taking = our_entry is None
    message = {
        "asset_id": UP,
        "bucket_index": 0,
        "event_type": "trade",
        "fee_rate_bps": "0",
        "id": "83b5c849-620e-4c23-b63b-2e779c04a6e7",
        "last_update": "1762776436",
        "maker_address": WALLET if taking else "0x" + "99" * 20,
        "maker_orders": entries,
        "market": CONDITION,
        "match_time": "1762776367",
        "outcome": "Up",
        "owner": KEY if taking else "99999999-0000-4000-8000-000000000003",
        "price": "0.52",
        "side": "BUY",
        "size": f"{sum(range(1, makers + 1)) + makers / 2:g}",
        "status": "MATCHED",
        "taker_order_id": _native(0) if taking else _native(99),
        "timestamp": "1762776436123",
        "trade_owner": KEY,
        "trader_side": "TAKER" if taking else "MAKER",
        "transaction_hash": "0x" + "76" * 32,
        "type": "TRADE",
    }
    return json.dumps(message, separators=(",", ":")).encode()


def _decode(decoder: UserDecoder, payload: bytes) -> Callable[[], None]:
    events = decoder.decode(payload)
    if len(events) != 1 or not isinstance(events[0], OrderFilled):
        raise Bug(f"the benchmark's trade gives {events}")
    decode = decoder.decode

    def run() -> None:
        for _ in range(COUNT):
            decode(payload)

    return run


def measure(rounds: int) -> list[Figure]:
    """Measure a taker's and a maker's trade, interleaved."""
    decoder = _decoder()
    took, rested = trade(1, None), trade(6, 4)
    work = {"took": _decode(decoder, took), "rested": _decode(decoder, rested)}
    seconds = interleave(work, rounds)

    def per_message(name: str, what: str, payload: bytes) -> Figure:
        values = [each / COUNT * 1e6 for each in seconds[name]]
        note = f"one message of {len(payload):,} B, {COUNT:,} times"
        return against(figure("user", what, "µs/message", values, note=note), "≤", TARGET_US)

    return [
        per_message("took", "trade of a taker → fill", took),
        per_message("rested", "trade of one maker of six → fill", rested),
    ]
