"""Rows to trades by the rules of the first exchanges."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.venues.goldsky.subgraph import Subgraph, row
from underround.venues.goldsky.answers import Row, decode_rows
from underround.venues.goldsky.paging import Cursor, query
from underround.venues.goldsky.trades import trades
from underround.venues.polygon.contracts import EXCHANGE_V1, NEG_RISK_EXCHANGE_V1

ANN, BEN, CAT = ("0x" + letter * 40 for letter in "abc")
TX = "0x" + "12" * 32


def rows(*made: dict[str, str]) -> list[Row]:
    return decode_rows(Subgraph(made).body(query(Cursor(0), 10**10, 1_000)))


def fill(number: int, owner: str, taker: str, gives: tuple[str, int], gets: tuple[str, int]) -> Row:
    (made,) = rows(
        row(
            number,
            5,
            transactionHash=TX,
            maker=owner,
            taker=taker,
            makerAssetId=gives[0],
            makerAmountFilled=str(gives[1]),
            takerAssetId=gets[0],
            takerAmountFilled=str(gets[1]),
            fee="3",
        )
    )
    return made


def test_the_taker_s_own_row_is_dropped_and_tells_the_kind_of_match() -> None:
    told = trades(
        [
            fill(3, ANN, EXCHANGE_V1, ("0", 900_000), ("77", 2_000_000)),  # in any order
            fill(1, BEN, ANN, ("77", 1_000_000), ("0", 500_000)),
            fill(2, CAT, ANN, ("0", 600_000), ("88", 1_000_000)),
        ]
    )
    sold, minted = told.trades
    assert told.left_out == {"the taker's own row": 1, "dust": 0}
    assert (sold.maker.side, sold.taker_side, sold.kind) == ("sell", "buy", "complementary")
    assert (sold.price, sold.maker.token, sold.maker.fee_in_shares) == (Fraction(1, 2), "77", False)
    assert (minted.maker.side, minted.kind, minted.price) == ("buy", "mint", Fraction(3, 5))
    assert (minted.maker.token, minted.maker.fee, minted.maker.fee_in_shares) == ("88", 3, True)
    assert sold.taker_order == minted.taker_order == "0x" + "3".zfill(64)
    assert (sold.taker_fee, minted.taker_fee, minted.taker_fee_in_shares) == (0, 3, True)


def test_two_orders_of_one_taker_in_a_transaction_are_not_guessed_apart() -> None:
    told = trades(
        [
            fill(1, BEN, ANN, ("77", 10), ("0", 5)),
            fill(2, ANN, EXCHANGE_V1, ("0", 5), ("77", 10)),
            fill(3, ANN, NEG_RISK_EXCHANGE_V1, ("0", 5), ("77", 10)),
        ]
    )
    (one,) = told.trades
    assert (one.taker_order, one.kind, one.taker) == (None, None, ANN)


@pytest.mark.parametrize(
    "fields",
    [
        {"makerAssetId": "77"},
        {"takerAssetId": "0"},
        {"makerAmountFilled": "1000001"},
        {"makerAmountFilled": "4e5"},
        {"takerAmountFilled": "-1"},
        {"fee": ""},
        {"takerAmountFilled": str(1 << 63)},
    ],
)
def test_a_row_that_says_the_impossible_is_counted_and_left_out(fields: dict[str, str]) -> None:
    told = trades(rows(row(1, 5, **fields), row(2, 6)))
    assert len(told.trades) == 1
    assert told.left_out["impossible row"] == 1


def test_dust_is_counted() -> None:
    told = trades(rows(row(1, 5, makerAmountFilled="0")))
    assert (told.trades, told.left_out["dust"]) == ((), 1)
