"""Fills on Polymarket's exchanges, from their logs to trades.  Pure.

One match emits an OrderFilled per maker order and then one for the taker's own order, whose
``taker`` is the exchange itself.  Counting that one too would double the volume; here it closes
the match and says what the taker did.  Kinds of match:

``complementary``  one buys what the other sells
``mint``           both buy, different outcomes: their dollars became a new pair
``merge``          both sell, different outcomes: their pair became dollars
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.book import Side
from underround.model.errors import FrameRefused
from underround.model.units import Money, Size
from underround.venues.polygon.answers import Log
from underround.venues.polygon.contracts import EXCHANGES, EXCHANGES_V1
from underround.venues.polygon.event import read_event, topic_of
from underround.venues.polygon.exchange_events import OrderFilled, OrderFilledV1
from underround.venues.polygon.quantities import Address, Hash

MatchKind: TypeAlias = Literal["complementary", "mint", "merge"]

FILL_TOPICS: Final = (topic_of(OrderFilled), topic_of(OrderFilledV1))
OWN_ROW: Final = "the taker's own row"
DUST: Final = "dust"
_EXCHANGES: Final = frozenset((*EXCHANGES_V1, *EXCHANGES))
_MOST: Final = 1 << 62
"""A larger amount fits no column and is no fill."""


class Place(msgspec.Struct, frozen=True):
    """Where on the chain something happened."""

    transaction: Hash
    at_s: int
    """Unix seconds of the block."""
    block: int | None
    """``None`` where the source keeps only the time (Goldsky)."""
    log_index: int | None


class FilledOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order's part in a match, in its owner's terms."""

    place: Place
    exchange: Address | None
    """``None`` where the source does not say which (Goldsky)."""
    order: Hash
    owner: Address
    counterparty: Address
    """The taker's address; the exchange's own for the taker's order."""
    side: Side
    token: str
    """Token id in decimal, as the CLOB writes it."""
    collateral: Money
    """What the fill is worth, without fees."""
    size: Size
    fee: int
    """Micro-dollars, or micro-shares if ``fee_in_shares``."""
    fee_in_shares: bool
    """V1 took a buyer's fee from the shares."""

    @property
    def closes_match(self) -> bool:
        """Whether this is the taker's own order: the duplicate to drop from volume."""
        return self.counterparty in _EXCHANGES or self.counterparty == self.exchange

    @property
    def is_dust(self) -> bool:
        """Whether rounding left no collateral or no shares, and so no price."""
        return not (self.collateral and self.size)


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One maker order filled by one taker order."""

    maker: FilledOrder
    taker: Address
    taker_order: Hash | None
    """``None`` when the taker's own row is missing, as at the edge of a range."""
    taker_side: Side
    """As if complementary where ``kind`` is not known."""
    kind: MatchKind | None
    """``None`` together with ``taker_order``."""
    taker_fee: int = 0
    """The taker's fee for the whole match; it stands on the match's last trade, 0 on the others,
    so that sums are right."""
    taker_fee_in_shares: bool = False

    @property
    def price(self) -> Fraction:
        """Dollars per share of ``maker.token``, exact: often no multiple of a millionth."""
        return Fraction(self.maker.collateral, self.maker.size)


class Trades(msgspec.Struct, frozen=True):
    """What a run of fills amounts to."""

    trades: tuple[Trade, ...]
    left_out: Mapping[str, int]
    """Rows that are no trades, by reason."""


def filled_order(log: Log, at_s: int) -> FilledOrder:
    """Return the fill in a log of either generation; ``at_s`` is its block's time.

    Raises ``FrameRefused``: another event, a fill without a side, an impossible amount.
    """
    place = Place(log.transaction_hash, at_s, int(log.block_number), int(log.log_index))
    if log.topics and log.topics[0] == FILL_TOPICS[1]:
        old = read_event(OrderFilledV1, log.topics, log.data)
        return of_assets(old, place, log.address)
    event = read_event(OrderFilled, log.topics, log.data)
    if event.side not in {0, 1}:
        raise FrameRefused(f"OrderFilled: side {event.side} is neither 0 nor 1 at `$.side`")
    buys = event.side == 0
    collateral, size = event.maker_amount, event.taker_amount
    if not buys:
        collateral, size = size, collateral
    return _checked(
        FilledOrder(
            place=place,
            exchange=log.address,
            order=Hash("0x" + event.order.hex()),
            owner=event.maker,
            counterparty=event.taker,
            side="buy" if buys else "sell",
            token=str(event.token),
            collateral=collateral,
            size=size,
            fee=event.fee,
            fee_in_shares=False,
        )
    )


def of_assets(event: OrderFilledV1, place: Place, exchange: Address | None) -> FilledOrder:
    """Return a fill of the first exchanges: who gives asset 0, collateral, buys the other one."""
    buys = event.maker_asset == 0
    if buys == (event.taker_asset == 0):
        raise FrameRefused(
            f"OrderFilled: assets {event.maker_asset} and {event.taker_asset}: one of them must "
            "be 0 (collateral)"
        )
    collateral, size = event.maker_amount, event.taker_amount
    if not buys:
        collateral, size = size, collateral
    return _checked(
        FilledOrder(
            place=place,
            exchange=exchange,
            order=Hash("0x" + event.order.hex()),
            owner=event.maker,
            counterparty=event.taker,
            side="buy" if buys else "sell",
            token=str(event.taker_asset if buys else event.maker_asset),
            collateral=collateral,
            size=size,
            fee=event.fee,
            fee_in_shares=buys,
        )
    )


def trades(fills: Iterable[FilledOrder]) -> Trades:
    """Return the trades in ``fills``, which are in the order of the chain.

    Drops the takers' own rows, and dust: a fill that rounding left without collateral or shares.
    """
    found: list[Trade] = []
    left_out: Counter[str] = Counter()
    waiting: list[FilledOrder] = []
    for fill in fills:
        if waiting and waiting[-1].place.transaction != fill.place.transaction:
            found += matched(waiting, None)
            waiting = []
        if fill.closes_match:
            left_out[OWN_ROW] += 1
            found += matched([one for one in waiting if met(one, fill)], fill)
            waiting = [one for one in waiting if not met(one, fill)]
        elif fill.is_dust:
            left_out[DUST] += 1
        else:
            waiting.append(fill)
    found += matched(waiting, None)
    return Trades(tuple(found), dict(left_out))


def met(maker: FilledOrder, taker: FilledOrder) -> bool:
    """Whether two fills of one transaction can be of one match."""
    return maker.counterparty == taker.owner and maker.exchange == taker.exchange


def matched(makers: Sequence[FilledOrder], taker: FilledOrder | None) -> list[Trade]:
    """Return the trades of one match; ``taker`` is the taker's own row, if it is known."""
    if taker is None:
        return [
            Trade(
                maker=maker,
                taker=maker.counterparty,
                taker_order=None,
                taker_side="sell" if maker.side == "buy" else "buy",
                kind=None,
            )
            for maker in makers
        ]
    return [
        Trade(
            maker=maker,
            taker=taker.owner,
            taker_order=taker.order,
            taker_side=taker.side,
            kind=_kind(maker, taker),
            taker_fee=taker.fee if maker is makers[-1] else 0,
            taker_fee_in_shares=taker.fee_in_shares,
        )
        for maker in makers
    ]


def _kind(maker: FilledOrder, taker: FilledOrder) -> MatchKind:
    if maker.side != taker.side:
        return "complementary"
    return "mint" if maker.side == "buy" else "merge"


def _checked(fill: FilledOrder) -> FilledOrder:
    if max(fill.collateral, fill.size, fill.fee) > _MOST:
        raise FrameRefused(f"OrderFilled: an amount of order {fill.order} is impossibly large")
    if fill.collateral > fill.size:
        raise FrameRefused(f"OrderFilled: order {fill.order} paid above a dollar per share")
    return fill
