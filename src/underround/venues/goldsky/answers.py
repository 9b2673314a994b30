"""What the subgraph answers: rows of ``orderFilledEvents``.  Pure."""

from __future__ import annotations

import msgspec

from underround.model.errors import AnswerRefused, FrameRefused
from underround.venues.goldsky.refusals import refusal
from underround.venues.polygon.exchange_events import OrderFilledV1
from underround.venues.polygon.exchange_logs import FilledOrder, Place, of_assets
from underround.venues.polygon.quantities import Address, Hash, decode

_LONGEST = 78
"""Digits of the largest uint256."""


class Row(msgspec.Struct, frozen=True, rename="camel"):
    """One fill as stored; numbers travel as decimal text."""

    id: str
    transaction_hash: Hash
    timestamp: str
    order_hash: Hash
    maker: Address
    taker: Address
    maker_asset_id: str
    taker_asset_id: str
    maker_amount_filled: str
    taker_amount_filled: str
    fee: str

    @property
    def at_s(self) -> int:
        """Unix seconds of the block."""
        return _number(self.timestamp, self.id, "timestamp")


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    order_filled_events: list[Row]


class _Complaint(msgspec.Struct, frozen=True):
    message: str = ""


class _Answer(msgspec.Struct, frozen=True):
    data: _Data | None = None
    errors: list[_Complaint] = []


FIELDS = (
    "id transactionHash timestamp orderHash maker taker makerAssetId takerAssetId "
    "makerAmountFilled takerAmountFilled fee"
)
"""What is asked of every row: the fields of ``Row``."""


def decode_rows(body: bytes) -> list[Row]:
    """Return the rows of an answer.

    Raises ``VenuePaused`` when the subgraph is busy, ``RequestRefused`` for its other errors,
    ``AnswerRefused`` for an answer that is not of this shape.
    """
    answer = decode(body, _Answer, "goldsky")
    if answer.errors:
        raise refusal(answer.errors[0].message)
    if answer.data is None:
        raise AnswerRefused("goldsky: neither data nor errors at `$`: ask again")
    return answer.data.order_filled_events


def filled_order(row: Row) -> FilledOrder:
    """Return a row as a fill.

    Raises ``AnswerRefused`` for a number that is none and ``FrameRefused`` for an impossible fill.
    """
    event = OrderFilledV1(
        order=bytes.fromhex(row.order_hash[2:]),
        maker=row.maker,
        taker=row.taker,
        maker_asset=_number(row.maker_asset_id, row.id, "makerAssetId"),
        taker_asset=_number(row.taker_asset_id, row.id, "takerAssetId"),
        maker_amount=_number(row.maker_amount_filled, row.id, "makerAmountFilled"),
        taker_amount=_number(row.taker_amount_filled, row.id, "takerAmountFilled"),
        fee=_number(row.fee, row.id, "fee"),
    )
    try:
        return of_assets(event, Place(row.transaction_hash, row.at_s, None, None), None)
    except FrameRefused as error:
        raise FrameRefused(f"row {row.id[:140]}: {error}") from None


def _number(text: str, row: str, field: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST:
        raise AnswerRefused(f"row {row[:140]}: {text[:90]!r} is no number at `$.{field}`")
    return int(text)
