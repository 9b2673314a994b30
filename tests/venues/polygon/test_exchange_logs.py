"""Fills to trades: the taker's own row once, exact prices, sides and kinds of match."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import FrameRefused
from underround.venues.polygon.answers import Log
from underround.venues.polygon.contracts import EXCHANGE_V1, EXCHANGE_V2, EXCHANGE_V3
from underround.venues.polygon.event import topic_of
from underround.venues.polygon.exchange_events import OrderFilled, OrderFilledV1
from underround.venues.polygon.exchange_logs import FilledOrder, filled_order, trades
from underround.venues.polygon.quantities import Address, Hash, HexBytes, Quantity

ANN, BEN, CAT = (Address("0x" + letter * 40) for letter in "abc")
YES, NO = 111, 222
AT = 1_790_000_000


def log_of(
    place: int,
    owner: Address,
    counterparty: Address,
    side: int,
    token: int,
    gives: int,
    gets: int,
    *,
    fee: int = 0,
    tx: int = 1,
    exchange: Address = EXCHANGE_V2,
) -> Log:
    """Make a log of the second or third exchange; the order's hash is its place."""
    kinds = ["uint8", "uint256", "uint256", "uint256", "uint256", "bytes32", "bytes32"]
    data = encode(kinds, [side, token, gives, gets, fee, bytes(32), bytes(32)])
    return _log(place, OrderFilled, owner, counterparty, data, tx, exchange)


def log_v1(
    place: int, owner: Address, counterparty: Address, gives: tuple[int, int], gets: tuple[int, int]
) -> Log:
    """Make a log of the first exchange from (asset, amount) given and got, with a fee of 9."""
    data = encode(["uint256"] * 5, [gives[0], gets[0], gives[1], gets[1], 9])
    return _log(place, OrderFilledV1, owner, counterparty, data, 1, EXCHANGE_V1)


def _log(
    place: int,
    kind: type[OrderFilled | OrderFilledV1],
    owner: Address,
    counterparty: Address,
    data: bytes,
    tx: int,
    exchange: Address,
) -> Log:
    topics = (
        topic_of(kind),
        Hash(f"0x{place:064x}"),
        Hash("0x" + owner[2:].rjust(64, "0")),
        Hash("0x" + counterparty[2:].rjust(64, "0")),
    )
    return Log(
        exchange,
        topics,
        HexBytes(data),
        Quantity(5),
        Hash("0x" + "bb" * 32),
        Hash(f"0x{tx:064x}"),
        Quantity(place),
    )


def fills(*logs: Log) -> list[FilledOrder]:
    return [filled_order(log, AT) for log in logs]


def test_a_match_of_one_taker_and_two_makers_is_two_trades() -> None:
    told = trades(
        fills(
            log_of(1, BEN, ANN, 1, YES, 3_000_000, 1_500_000),
            log_of(2, CAT, ANN, 0, NO, 1_000_000, 2_000_000, fee=4),
            log_of(3, ANN, EXCHANGE_V2, 0, YES, 2_500_000, 5_000_000, fee=77),
        )
    )
    sold, minted = told.trades
    assert told.left_out == {"the taker's own row": 1}
    assert (sold.kind, minted.kind) == ("complementary", "mint")
    assert [one.taker_order for one in told.trades] == [Hash(f"0x{3:064x}")] * 2
    assert [one.taker_side for one in told.trades] == ["buy", "buy"]
    assert (sold.maker.side, sold.maker.token, sold.maker.size) == ("sell", "111", 3_000_000)
    assert (sold.price, minted.price) == (Fraction(1, 2), Fraction(1, 2))
    assert (minted.maker.token, minted.maker.fee) == ("222", 4)
    assert [one.taker_fee for one in told.trades] == [0, 77]


def test_two_sellers_of_different_outcomes_merge() -> None:
    told = trades(
        fills(
            log_of(1, BEN, ANN, 1, NO, 1_000_000, 400_000),
            log_of(2, ANN, EXCHANGE_V3, 1, YES, 1_000_000, 600_000, exchange=EXCHANGE_V3),
        )
    )
    assert [one.kind for one in told.trades] == [None], "another exchange's row closes nothing"
    told = trades(
        fills(
            log_of(1, BEN, ANN, 1, NO, 1_000_000, 400_000, exchange=EXCHANGE_V3),
            log_of(2, ANN, EXCHANGE_V3, 1, YES, 1_000_000, 600_000, exchange=EXCHANGE_V3),
        )
    )
    (one,) = told.trades
    assert (one.kind, one.taker_side, one.maker.side) == ("merge", "sell", "sell")


def test_a_price_that_no_millionth_can_hold_stays_exact() -> None:
    (fill,) = fills(log_of(1, BEN, ANN, 0, YES, 1_000_000, 3_000_000))
    assert trades([fill]).trades[0].price == Fraction(1, 3)


def test_matches_of_one_transaction_are_kept_apart() -> None:
    told = trades(
        fills(
            log_of(1, BEN, ANN, 1, YES, 10, 5),
            log_of(2, ANN, EXCHANGE_V2, 0, YES, 5, 10),
            log_of(3, BEN, CAT, 1, YES, 10, 5),
            log_of(4, CAT, EXCHANGE_V2, 0, YES, 5, 10),
        )
    )
    assert [(one.taker, one.taker_order) for one in told.trades] == [
        (ANN, Hash(f"0x{2:064x}")),
        (CAT, Hash(f"0x{4:064x}")),
    ]


def test_a_maker_without_its_taker_s_row_is_still_a_trade() -> None:
    told = trades(
        fills(
            log_of(1, BEN, ANN, 1, YES, 10, 5),
            log_of(2, ANN, EXCHANGE_V2, 0, YES, 5, 10, tx=2),
        )
    )
    (one,) = told.trades
    assert (one.taker, one.taker_order, one.kind, one.taker_side) == (ANN, None, None, "buy")


def test_dust_has_no_price_and_is_counted() -> None:
    told = trades(
        fills(log_of(1, BEN, ANN, 1, YES, 1, 0), log_of(2, ANN, EXCHANGE_V2, 0, YES, 0, 1))
    )
    assert told.trades == ()
    assert told.left_out == {"dust": 1, "the taker's own row": 1}


def test_the_first_exchange_names_assets_and_takes_a_buyer_s_fee_in_shares() -> None:
    bought, sold, own = fills(
        log_v1(1, BEN, ANN, (0, 300_000), (YES, 1_000_000)),
        log_v1(2, CAT, ANN, (YES, 500_000), (0, 150_000)),
        log_v1(3, ANN, EXCHANGE_V1, (YES, 1), (0, 1)),
    )
    assert (bought.side, bought.token, bought.collateral, bought.size) == (
        "buy",
        "111",
        300_000,
        1_000_000,
    )
    assert (bought.fee, bought.fee_in_shares) == (9, True)
    assert (sold.side, sold.collateral, sold.size, sold.fee_in_shares) == (
        "sell",
        150_000,
        500_000,
        False,
    )
    assert own.closes_match
    with pytest.raises(FrameRefused, match="one of them must be 0"):
        filled_order(log_v1(1, BEN, ANN, (0, 1), (0, 1)), AT)
    with pytest.raises(FrameRefused, match="one of them must be 0"):
        filled_order(log_v1(1, BEN, ANN, (YES, 1), (NO, 1)), AT)


@pytest.mark.parametrize(
    "log, words",
    [
        (log_of(1, BEN, ANN, 2, YES, 1, 1), "side 2"),
        (log_of(1, BEN, ANN, 0, YES, 3, 2), "above a dollar"),
        (log_of(1, BEN, ANN, 0, YES, 1, 1 << 63), "impossibly large"),
        (
            msgspec.structs.replace(log_of(1, BEN, ANN, 0, YES, 1, 1), data=HexBytes(b"x")),
            "OrderFilled",
        ),
        (msgspec.structs.replace(log_of(1, BEN, ANN, 0, YES, 1, 1), topics=()), "topics"),
    ],
)
def test_an_impossible_fill_is_refused(log: Log, words: str) -> None:
    with pytest.raises(FrameRefused, match=words):
        filled_order(log, AT)


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.integers(1, 10**12), st.integers(1, 100)),
        min_size=1,
        max_size=6,
    )
)
def test_volume_counts_each_maker_once(rows: list[tuple[bool, bool, int, int]]) -> None:
    """For any match: what the makers traded, and nothing of the taker's own row."""
    logs = []
    for place, (buys, same, size, cents) in enumerate(rows, 1):
        collateral = size * cents // 100
        gives, gets = (collateral, size) if buys else (size, collateral)
        logs.append(log_of(place, BEN, ANN, 0 if buys else 1, YES if same else NO, gives, gets))
    total = sum(size for _, _, size, _ in rows)
    logs.append(log_of(99, ANN, EXCHANGE_V2, 0, YES, total, total))
    told = trades(fills(*logs))
    kept = [(size, size * cents // 100) for _, _, size, cents in rows if size * cents // 100]
    assert [(one.maker.size, one.maker.collateral) for one in told.trades] == kept
    assert all(one.taker_order is not None for one in told.trades)
