"""The life of Kalshi's markets: ``market_lifecycle_v2`` and ``event_fee_update``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import (
    MarketClosed,
    MarketEvent,
    MarketNoticed,
    MarketResolved,
    TicksChanged,
)
from underround.model.market import Market, TickBand, TickEpoch
from underround.model.units import ONE, Nanos, Price, parse_price
from underround.venues.codec import unix_nanos
from underround.venues.kalshi import wire

_life = msgspec.json.Decoder(wire.LifeFrame).decode
_fee_update = msgspec.json.Decoder(wire.FeeUpdateFrame).decode

_QUIET: Final = frozenset(("activated", "settled", "metadata_updated"))
"""``settled`` repeats no result: the one of ``determined`` stands."""


def lifecycle(payload: bytes, markets: Mapping[str, Market]) -> Sequence[MarketEvent]:
    """Return the events of one ``market_lifecycle_v2`` frame.

    Raises ``FrameRefused`` for what no event of the model can carry, ``ValueError`` otherwise.
    """
    frame = _life(payload)
    life = frame.msg
    market = markets.get(life.market_ticker)
    if market is None:
        names = life.additional_metadata
        return (MarketNoticed(life.market_ticker, names.title if names else ""),)
    kind = life.event_type
    if kind == "created" or kind in _QUIET:
        return ()
    if kind == "determined":
        return (_resolved(market, life),)
    sent = life.ts_ms or life.sending_ts_ms or frame.sending_ts_ms
    if kind == "deactivated":
        return (MarketClosed(market.id, _time(kind, life, sent)),)
    if kind == "price_level_structure_updated":
        return (TicksChanged(market.id, _epoch(life, _time(kind, life, sent))),)
    if kind == "close_date_updated":
        raise FrameRefused(
            f"the close of {life.market_ticker} moved: reload the catalogue, at `$.msg.event_type`"
        )
    raise FrameRefused(f"unknown event_type {kind!r} at `$.msg.event_type`")


def event_fee_update(payload: bytes, markets: Mapping[str, Market]) -> Sequence[MarketEvent]:
    """Return nothing for events we do not follow; ``FrameRefused`` for one that we do.

    No event of the model carries a new fee curve: the catalogue has to be loaded again.
    """
    event = _fee_update(payload).msg.event_ticker
    prefix = event + "-"
    if any(native.startswith(prefix) for native in markets):
        raise FrameRefused(f"fees of {event} changed: reload the catalogue, at `$.msg`")
    return ()


def _time(kind: str, life: wire.Life, sent: int | None) -> Nanos:
    if sent is None:
        raise FrameRefused(
            f"{kind} of {life.market_ticker} has no time (neither ts_ms nor sending_ts_ms) at `$`"
        )
    return unix_nanos(sent)


def _price(text: str, path: str) -> Price:
    try:
        return parse_price(text)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.msg.{path}`") from None


def _resolved(market: Market, life: wire.Life) -> MarketResolved:
    if life.determination_ts is None:
        raise ValueError("determined without a time - at `$.msg.determination_ts`")
    stated = life.settlement_value
    value = None if stated is None else _price(stated, "settlement_value")
    if life.result in {"yes", "no"}:
        yes = ONE if life.result == "yes" else 0
        if value not in {None, yes}:
            raise ValueError(f"result {life.result} settles at {stated} - at `$.msg`")
    elif life.result == "scalar" and value is not None:
        yes = value
    else:
        raise ValueError(f"result {life.result!r} without a value - at `$.msg.result`")
    at_ns = unix_nanos(life.determination_ts)
    return MarketResolved(market.id, at_ns, (yes, ONE - yes), f"kalshi determined {life.result}")


def _epoch(life: wire.Life, since_ns: Nanos) -> TickEpoch:
    if not life.price_ranges:
        raise FrameRefused(
            f"new price grid of {life.market_ticker} without price_ranges: reload the catalogue, "
            "at `$.msg`"
        )
    bands = tuple(
        TickBand(
            _price(band.start, f"price_ranges[{place}].start"),
            _price(band.end, f"price_ranges[{place}].end"),
            _price(band.step, f"price_ranges[{place}].step"),
        )
        for place, band in enumerate(life.price_ranges)
    )
    return TickEpoch(since_ns, bands)
