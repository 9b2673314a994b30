"""Frames of Polymarket's user channel → what became of our orders, in our own terms.

What of a trade is ours, and at what price, says ``venues.polymarket.trades``.  A trade is told
again for each step of its settlement: booked when MATCHED, final when CONFIRMED, reversed when
FAILED; nothing changes between.  There is no replay: after a reconnect, ask ``/data/trades``.

A frame that is about neither our key nor our wallet is refused, loudly: the venue sends this
channel what belongs to our key, so either we are set up with another account's data or the wire
changed, and in both cases fills would be lost without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.book import Side
from underround.model.errors import FrameRefused
from underround.model.ids import FillId, OrderId
from underround.model.market import Market
from underround.model.orders import (
    Fill,
    FillSettled,
    Finality,
    Liquidity,
    OrderAccepted,
    OrderEnded,
    OrderEvent,
    OrderFilled,
    OrderRejected,
)
from underround.model.units import Nanos, Price, Size, parse_price, parse_size
from underround.venues.codec import Tokens, refused
from underround.venues.polymarket import user_wire as wire
from underround.venues.polymarket.fills import fill_id
from underround.venues.polymarket.levels import SIDES, field
from underround.venues.polymarket.trades import (
    Account,
    OwnMatch,
    match_time,
    own_matches,
    unix_time,
)

_QUIET: Final = frozenset((b"PONG", b"PING", b""))
_FINALITY: Final[dict[str, Finality]] = {
    "MATCHED": "matched",
    "CONFIRMED": "confirmed",
    "FAILED": "failed",
}
_BETWEEN: Final = frozenset(("MINED", "RETRYING"))
_RESTING: Final = frozenset(("", "LIVE", "MATCHED", "UNMATCHED", "DELAYED"))
_UNSETTLED: Final = frozenset(("DELAYED", "UNMATCHED"))
"""A placement with one of these does not say that the order rests: what follows does."""
_KILLED: Final = "couldn't be fully filled"


class ForeignOrder(msgspec.Struct, frozen=True, kw_only=True):
    """News of an order of our account that this program did not send: show it to the operator."""

    native: str
    market: str
    asset: str
    side: Side
    price: Price
    size: Size
    """As ordered; for a FOK or FAK buy micro-dollars to spend."""
    matched: Size
    kind: Literal["PLACEMENT", "UPDATE", "CANCELLATION"]
    status: str
    at_ns: Nanos


class ForeignFill(msgspec.Struct, frozen=True, kw_only=True):
    """A match of such an order: shares or cash moved that our ledger does not know."""

    id: FillId
    native: str
    market: str
    asset: str
    side: Side
    price: Price
    size: Size
    liquidity: Liquidity
    finality: Finality
    at_ns: Nanos


class TradeNoticed(msgspec.Struct, frozen=True, gc=False):
    """A step of settlement that changes nothing for us (``MINED``, ``RETRYING``); counted."""

    trade: str
    status: str


UserEvent: TypeAlias = OrderEvent | ForeignOrder | ForeignFill | TradeNoticed


_head = msgspec.json.Decoder(wire.Head).decode
_trade = msgspec.json.Decoder(wire.TradeRow).decode
_order = msgspec.json.Decoder(wire.OrderRow).decode
_parts = msgspec.json.Decoder(list[msgspec.Raw]).decode


class UserDecoder:
    """Decoder of the user channel; stateless: the same bytes give the same events."""

    def __init__(
        self, tokens: Tokens, account: Account, own: Callable[[str], OrderId | None]
    ) -> None:
        """Take ``Catalogue.by_token()`` and how to find our order by the venue's id.

        ``own`` returns ``None`` for an order that this program did not send.
        """
        self._tokens = tokens
        self._account = account
        self._own = own

    def decode(self, payload: bytes) -> Sequence[UserEvent]:
        """Return what the frame says about our orders, in its order; ``()`` for a keep-alive.

        Raises ``FrameRefused`` with one sentence and the path for everything else.
        """
        text = payload.strip()
        if text in _QUIET:
            return ()
        if text[:1] != b"[":
            return self._read(text, "")
        try:
            parts = _parts(text)
        except (ValueError, RecursionError) as error:
            raise refused(error) from None
        events: list[UserEvent] = []
        for place, part in enumerate(parts):
            events += self._read(bytes(part), f"[{place}]")
        return events

    def _read(self, data: bytes, where: str) -> Sequence[UserEvent]:
        try:
            head = _head(data)
            kind = head.event_type or ("trade" if head.type == "TRADE" else head.type and "order")
            if kind == "trade":
                return self._trade(_trade(data))
            if kind == "order":
                return self._order(_order(data))
            if head.error is not None:
                raise FrameRefused(f"the venue answers with an error: {head.error[:200]}")
            raise FrameRefused(f"unknown event_type {str(kind)[:100]!r} at `${where}`")
        except (ValueError, RecursionError) as error:
            raise refused(error, where) from None

    # --- trades --------------------------------------------------------------------------------

    def _trade(self, trade: wire.TradeRow) -> Sequence[UserEvent]:
        status = trade.status.removeprefix("TRADE_STATUS_")
        matches = own_matches(trade, self._account, self._own, self._tokens)
        if status in _BETWEEN:
            return (TradeNoticed(trade.id, status),)
        finality = _FINALITY.get(status)
        if finality is None:
            raise ValueError(f"unknown status {trade.status!r} - at `$.status`")
        matched_ns = match_time(trade)
        told_ns = unix_time(trade.timestamp or trade.last_update, ".timestamp")
        return [self._match(trade, match, finality, matched_ns, told_ns) for match in matches]

    def _match(
        self,
        trade: wire.TradeRow,
        match: OwnMatch,
        finality: Finality,
        matched_ns: Nanos,
        told_ns: Nanos,
    ) -> UserEvent:
        number = fill_id(trade.id, trade.bucket_index, match.native)
        order = self._own(match.native)
        if order is None:
            return ForeignFill(
                id=number,
                native=match.native,
                market=trade.market,
                asset=match.asset,
                side=match.side,
                price=match.price,
                size=match.size,
                liquidity=match.liquidity,
                finality=finality,
                at_ns=matched_ns,
            )
        market, outcome = _listed(self._tokens, trade.market, match.asset)
        if finality != "matched":
            return FillSettled(number, told_ns, finality)
        taker = match.liquidity == "taker"
        selling = match.side == "sell"
        return OrderFilled(
            Fill(
                id=number,
                order=order,
                outcome=market.outcome(outcome),
                side=match.side,
                price=match.price,
                size=match.size,
                fee=market.fees.fee(match.price, match.size, taker=taker, selling=selling),
                liquidity=match.liquidity,
                at_ns=matched_ns,
                evidence=f"trade {trade.id} on the user channel",
            )
        )

    # --- orders --------------------------------------------------------------------------------

    def _order(self, message: wire.OrderRow) -> Sequence[UserEvent]:
        if not self._account.owns(message.owner, message.maker_address):
            raise ValueError("an order of another key and wallet - at `$.owner`")
        price = field(parse_price, message.price, ".price")
        size = field(parse_size, message.original_size, ".original_size")
        matched = field(parse_size, message.size_matched or "0", ".size_matched")
        at_ns = unix_time(message.timestamp, ".timestamp")
        status = message.status.removeprefix("ORDER_STATUS_")
        order = self._own(message.id)
        if order is not None:
            _listed(self._tokens, message.market, message.asset_id)
            return _told(order, message.type, status, matched, at_ns)
        return (
            ForeignOrder(
                native=message.id,
                market=message.market,
                asset=message.asset_id,
                side=SIDES[message.side],
                price=price,
                size=size,
                matched=matched,
                kind=message.type,
                status=status,
                at_ns=at_ns,
            ),
        )


def _listed(tokens: Tokens, native: str, asset: str) -> tuple[Market, int]:
    found = tokens.get(asset)
    if found is None:
        raise ValueError(f"our order is in asset {asset}, not in the catalogue - at `$.asset_id`")
    if found[0].id.native != native:
        raise ValueError(f"asset {asset} is of another market - at `$.market`")
    return found


def _told(
    order: OrderId, kind: str, status: str, matched: Size, at_ns: Nanos
) -> Sequence[OrderEvent]:
    """Return what an order message says of an own order; its status outranks its type."""
    if status == "INVALID" and not matched:
        return (OrderRejected(order, at_ns, status),)
    if status == "INVALID" or _KILLED in status:
        return (OrderEnded(order, at_ns, "killed", status),)
    if status.startswith("CANCELED"):
        how: Literal["expired", "cancelled"] = (
            "expired" if status == "CANCELED_EXPIRED_ORDER" else "cancelled"
        )
        return (OrderEnded(order, at_ns, how, status),)
    if status not in _RESTING:
        raise ValueError(f"unknown status {status[:100]!r} - at `$.status`")
    if kind == "CANCELLATION":
        return (_cancelled(order, status, at_ns),)
    if kind == "PLACEMENT" and status not in _UNSETTLED:
        return (OrderAccepted(order, at_ns),)
    return ()


def _cancelled(order: OrderId, status: str, at_ns: Nanos) -> OrderEnded:
    """Return how an order left by a cancellation whose status does not say ``CANCELED``."""
    if status == "MATCHED":
        return OrderEnded(order, at_ns, "filled", status)
    if status == "UNMATCHED":
        return OrderEnded(order, at_ns, "killed", status)
    if status:
        raise ValueError(f"a cancellation with status {status!r} - at `$.status`")
    return OrderEnded(order, at_ns, "cancelled", "CANCELLATION")
