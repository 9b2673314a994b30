"""Our fills as ``GET /data/trades`` tells them, and the one name every channel gives a fill.

What of a trade is ours, at which side and price, says ``trades``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.account import StatedFill
from underround.model.errors import AnswerRefused
from underround.model.ids import FillId, OrderId, OutcomeId
from underround.model.orders import Finality
from underround.venues.codec import Tokens
from underround.venues.polymarket.numbers import read_body
from underround.venues.polymarket.trades import Account, OwnMatch, match_time, own_matches
from underround.venues.polymarket.user_wire import TradeRow

_PREFIX: Final = "TRADE_STATUS_"


class SettledRow(TradeRow, gc=False):
    """A row of ``/data/trades``."""

    transaction_hash: str = ""


class OwnFills(msgspec.Struct, frozen=True):
    """Our parts of trades."""

    fills: tuple[StatedFill, ...]
    unlisted: dict[str, str]
    """Tokens that the catalogue does not know → their market: load it, and ask again."""


_rows = msgspec.json.Decoder(tuple[SettledRow, ...]).decode


def fill_id(trade: str, bucket: int, order: str) -> FillId:
    """Return the name of our part of a trade: the same on every channel and in every state.

    One large match comes as several buckets under one trade id, and may meet several orders of
    ours.
    """
    return FillId(f"{trade}/{bucket}/{order.lower()}")


def finality_of(status: str) -> Finality:
    """Return how final a trade's status is; a word we do not know is not final.

    MATCHED, MATCHED_NOT_BROADCASTED, MINED and RETRYING may still fail.
    """
    word = status.removeprefix(_PREFIX)
    if word == "CONFIRMED":
        return "confirmed"
    return "failed" if word == "FAILED" else "matched"


def own_fills(rows: bytes, account: Account, tokens: Tokens, place: str) -> OwnFills:
    """Return what of a page's ``data`` is ours, in its order.

    Raises ``AnswerRefused``, naming the path, for a row that is not ours or contradicts itself.
    """
    fills: list[StatedFill] = []
    unlisted: dict[str, str] = {}
    for number, trade in enumerate(read_body(_rows, rows, place)):
        try:
            matches = own_matches(trade, account, lambda _order: None, tokens)
            for match in matches:
                found = tokens.get(match.asset)
                if found is None:
                    unlisted[match.asset] = trade.market
                elif found[0].id.native != trade.market:
                    raise ValueError(f"a token of {found[0].id} - at `$.market`")
                else:
                    fills.append(_stated(trade, match, OutcomeId(found[0].id, found[1])))
        except ValueError as error:
            told = str(error).replace("`$", f"`$[{number}]")
            raise AnswerRefused(f"{place}: {told}") from None
    return OwnFills(tuple(fills), unlisted)


def _stated(trade: SettledRow, match: OwnMatch, outcome: OutcomeId) -> StatedFill:
    return StatedFill(
        id=fill_id(trade.id, trade.bucket_index, match.native),
        order=OrderId(match.native),
        native=trade.id,
        outcome=outcome,
        side=match.side,
        price=match.price,
        size=match.size,
        # ``fee_rate_bps`` is not the fee: the market's curve says what the operator charged.
        fee=None,
        liquidity=match.liquidity,
        finality=finality_of(trade.status),
        at_ns=match_time(trade),
        transaction=trade.transaction_hash,
    )
