"""Public answers about the exchange, books and trades, as values."""

from __future__ import annotations

import msgspec

from underround.model.book import Side
from underround.model.errors import AnswerRefused
from underround.model.events import BookSnapshot, TradePrinted
from underround.model.ids import YES
from underround.model.units import ONE, Nanos, decimal_text
from underround.venues.codec import PriceTexts, SizeTexts
from underround.venues.kalshi import wire
from underround.venues.kalshi.fixed_point import (
    Contracts,
    IsoTime,
    UnitPrice,
    answer_decoder,
    contradiction,
)
from underround.venues.kalshi.levels import book_levels
from underround.venues.kalshi.sides import BookSide, OutcomeSide, direction, market_id

# --- the exchange ------------------------------------------------------------------------------


class ShardStatus(msgspec.Struct, frozen=True):
    """Whether one shard works."""

    exchange_index: int
    exchange_active: bool
    trading_active: bool
    description: str = ""
    intra_exchange_transfers_active: bool | None = None


class ExchangeStatus(msgspec.Struct, frozen=True):
    """Whether the exchange works; orders are taken where ``trading_active``."""

    exchange_active: bool
    trading_active: bool
    intra_exchange_transfers_active: bool | None = None
    exchange_estimated_resume_time: IsoTime | None = None
    exchange_index_statuses: tuple[ShardStatus, ...] = ()

    def trades_on(self, shard: int) -> bool:
        """Return whether orders are taken on ``shard``; a shard not named follows the exchange."""
        if not (self.exchange_active and self.trading_active):
            return False
        return all(
            each.exchange_active and each.trading_active
            for each in self.exchange_index_statuses
            if each.exchange_index == shard
        )


class Hours(msgspec.Struct, frozen=True):
    """An opening on one weekday, clock times in New York."""

    open_time: str
    close_time: str


class Week(msgspec.Struct, frozen=True):
    """Standard hours between two dates, which are kept as the venue writes them."""

    start_time: str
    end_time: str
    monday: tuple[Hours, ...] = ()
    tuesday: tuple[Hours, ...] = ()
    wednesday: tuple[Hours, ...] = ()
    thursday: tuple[Hours, ...] = ()
    friday: tuple[Hours, ...] = ()
    saturday: tuple[Hours, ...] = ()
    sunday: tuple[Hours, ...] = ()


class Maintenance(msgspec.Struct, frozen=True):
    """A pause that was announced."""

    start_datetime: IsoTime
    end_datetime: IsoTime


class Schedule(msgspec.Struct, frozen=True):
    """Standard hours and announced pauses."""

    standard_hours: tuple[Week, ...]
    maintenance_windows: tuple[Maintenance, ...] = ()


class Cutoff(msgspec.Struct, frozen=True):
    """What is older than these times is under ``/historical`` only."""

    market_settled_ts: IsoTime
    trades_created_ts: IsoTime
    orders_updated_ts: IsoTime
    market_positions_last_updated_ts: IsoTime | None = None


class _ScheduleBody(msgspec.Struct):
    schedule: Schedule


class _AsOf(msgspec.Struct):
    as_of_time: IsoTime


exchange_status = answer_decoder(ExchangeStatus)
cutoff = answer_decoder(Cutoff)
_schedule = answer_decoder(_ScheduleBody)
_as_of = answer_decoder(_AsOf)


def schedule(body: bytes, place: str) -> Schedule:
    """Return ``GET /exchange/schedule``."""
    return _schedule(body, place).schedule


def as_of(body: bytes, place: str) -> Nanos:
    """Return ``GET /exchange/user_data_timestamp``: portfolio reads hold all until then."""
    return _as_of(body, place).as_of_time


# --- books -------------------------------------------------------------------------------------


class _BookBody(msgspec.Struct):
    orderbook_fp: wire.RequestLevels


class _BooksBody(msgspec.Struct):
    orderbooks: list[wire.RequestedBook]


_book = answer_decoder(_BookBody)
_books = answer_decoder(_BooksBody)


def order_book(body: bytes, ticker: str, place: str) -> BookSnapshot:
    """Return ``GET /markets/{ticker}/orderbook`` in YES terms, best last; it proves nothing."""
    return _snapshot(ticker, _book(body, place).orderbook_fp, ".orderbook_fp", place)


def order_books(body: bytes, place: str) -> tuple[BookSnapshot, ...]:
    """Return ``GET /markets/orderbooks``."""
    return tuple(
        _snapshot(each.ticker, each.orderbook_fp, f".orderbooks[{index}].orderbook_fp", place)
        for index, each in enumerate(_books(body, place).orderbooks)
    )


def _snapshot(ticker: str, book: wire.RequestLevels, path: str, place: str) -> BookSnapshot:
    paths = (f"{path}.yes_dollars", f"{path}.no_dollars")
    try:
        bids, asks = book_levels(
            book.yes_dollars, book.no_dollars, paths, PriceTexts(), SizeTexts()
        )
    except ValueError as error:
        raise AnswerRefused(f"Kalshi's answer to {place} is no book: {error}") from None
    return BookSnapshot(market_id(ticker), YES, None, bids, asks, "request")


# --- trades ------------------------------------------------------------------------------------


class StatedTrade(msgspec.Struct, frozen=True):
    """A public trade with the venue's id, which the stream's trades carry too."""

    id: str
    block: bool
    """Agreed off the book: no evidence for anything that rests in it."""
    event: TradePrinted


class _Trade(msgspec.Struct):
    trade_id: str
    ticker: str
    count_fp: Contracts
    yes_price_dollars: UnitPrice
    no_price_dollars: UnitPrice
    taker_outcome_side: OutcomeSide
    created_time: IsoTime
    taker_book_side: BookSide | None = None
    is_block_trade: bool = False


class _Trades(msgspec.Struct):
    trades: list[_Trade]


_trades = answer_decoder(_Trades)
_trade = answer_decoder(_Trade)


def trades(body: bytes, place: str) -> tuple[StatedTrade, ...]:
    """Return ``GET /markets/trades`` or ``/historical/trades``, newest first."""
    return tuple(_printed(each, place) for each in _trades(body, place).trades)


def trade(body: bytes, place: str) -> StatedTrade:
    """Return one row of ``GET /markets/trades``."""
    return _printed(_trade(body, place), place)


def _printed(told: _Trade, place: str) -> StatedTrade:
    price = told.yes_price_dollars
    if price + told.no_price_dollars != ONE:
        raise contradiction(place, f"prices of trade {told.trade_id} do not sum to one dollar")
    try:
        taker = direction(told.taker_outcome_side, told.taker_book_side)
    except ValueError as error:
        raise contradiction(place, f"{error} in trade {told.trade_id}") from None
    side: Side = "buy" if taker == "bid" else "sell"
    event = TradePrinted(
        market_id(told.ticker),
        YES,
        told.created_time,
        price,
        told.count_fp,
        side,
        decimal_text(price),
    )
    return StatedTrade(told.trade_id, told.is_block_trade, event)
