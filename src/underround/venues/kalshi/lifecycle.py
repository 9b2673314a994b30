"""The life of Kalshi's markets: ``market_lifecycle_v2`` and ``event_fee_update``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import (
    FeesChanged,
    MarketClosed,
    MarketEvent,
    MarketNoticed,
    MarketResolved,
    TicksChanged,
)
from underround.model.fees import KalshiFees
from underround.model.ids import KALSHI, GroupId
from underround.model.market import Market, TickEpoch
from underround.model.units import ONE, Nanos, parse_micros, parse_price
from underround.venues.codec import unix_nanos
from underround.venues.kalshi import wire
from underround.venues.kalshi.fees import curve
from underround.venues.kalshi.levels import tick_epoch

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
        return (_closed_early(market, life, sent),)
    raise FrameRefused(f"unknown event_type {kind!r} at `$.msg.event_type`")


def event_fee_update(payload: bytes, markets: Mapping[str, Market]) -> Sequence[MarketEvent]:
    """Return the new fees of every followed market of the event, from the frame's own time on.

    Nothing for events we do not follow.  Raises ``FrameRefused`` when the frame does not say what
    the fees are now: an override that ends leaves the series' fees, which only the catalogue has.
    """
    frame = _fee_update(payload)
    told = frame.msg
    event = told.event_ticker
    followed = [market for market in markets.values() if _belongs(market, event)]
    if not followed:
        return ()
    sent = told.ts_ms or frame.sending_ts_ms
    multiplier = bytes(told.fee_multiplier_override)
    if told.fee_type_override is None or multiplier in {b"", b"null"}:
        raise FrameRefused(
            f"fees of {event} are its series' again: reload the catalogue, at `$.msg`"
        )
    if sent is None:
        raise FrameRefused(f"new fees of {event} have no time: reload the catalogue, at `$`")
    ratio = _ratio(multiplier)
    kind, since_ns = told.fee_type_override, unix_nanos(sent)
    return tuple(
        FeesChanged(market.id, since_ns, curve(kind, ratio, _rounding(market)))
        for market in followed
    )


def _belongs(market: Market, event: str) -> bool:
    """Return whether a market is of this event: by its group, or by its ticker without one."""
    if market.group is not None:
        return market.group == GroupId(f"{KALSHI}:{event}")
    return market.id.native.startswith(event + "-")


def _rounding(market: Market) -> Literal["direct", "cent"]:
    """Return how this member's fees are rounded, which no message changes."""
    return market.fees.rounding if isinstance(market.fees, KalshiFees) else "direct"


def _ratio(text: bytes) -> int:
    path = "at `$.msg.fee_multiplier_override`"
    try:
        ratio = parse_micros(text.decode())
    except ValueError as error:
        raise ValueError(f"{error} - {path}") from None
    if ratio < 0:
        raise ValueError(f"a fee multiplier below 0 - {path}")
    return ratio


def _closed_early(market: Market, life: wire.Life, sent: int | None) -> MarketClosed:
    """Return the close if it lies in the message's past: a market that was decided early.

    A close that moved within the future ends nothing, and no event of the model carries it.
    """
    if life.close_ts is not None and sent is not None:
        at_ns = unix_nanos(life.close_ts)
        if at_ns <= unix_nanos(sent):
            return MarketClosed(market.id, at_ns)
    raise FrameRefused(
        f"the close of {life.market_ticker} moved: reload the catalogue, at `$.msg.event_type`"
    )


def _time(kind: str, life: wire.Life, sent: int | None) -> Nanos:
    if sent is None:
        raise FrameRefused(
            f"{kind} of {life.market_ticker} has no time (neither ts_ms nor sending_ts_ms) at `$`"
        )
    return unix_nanos(sent)


def _resolved(market: Market, life: wire.Life) -> MarketResolved:
    if life.determination_ts is None:
        raise ValueError("determined without a time - at `$.msg.determination_ts`")
    stated = life.settlement_value
    try:
        value = None if stated is None else parse_price(stated)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.msg.settlement_value`") from None
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
    return tick_epoch(life.price_ranges, since_ns, "msg.price_ranges")
