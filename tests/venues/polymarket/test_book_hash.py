"""The venue's hash of a book, from our book and from a snapshot."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.book import Book
from underround.model.events import BookSnapshot, HashInputs
from underround.model.ids import NO, YES
from underround.model.units import ONE, decimal_text
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash

if TYPE_CHECKING:
    from tests.venues.conftest import MarketOf

AT = 1777366994943
INPUTS = HashInputs("0.01", "0.040", None, None, None)

steps = st.sampled_from([100_000, 10_000, 5_000, 2_500, 1_000])
resting = st.dictionaries(st.integers(1, 999), st.integers(1, 10**13), max_size=30)


def plainly(
    native: str, token: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]],
    inputs: HashInputs, smallest: str,
) -> str:  # fmt: skip
    """Hash the way the rule is written, with a JSON library."""
    levels = [
        [{"price": decimal_text(p), "size": decimal_text(s)} for p, s in side]
        for side in (sorted(bids), sorted(asks, reverse=True))
    ]
    body: dict[str, object] = {"market": native, "asset_id": token, "timestamp": str(AT)}
    body |= {"hash": "", "bids": levels[0], "asks": levels[1]}
    body |= {"min_order_size": inputs.min_order_size or smallest, "tick_size": inputs.tick_size}
    body |= {"neg_risk": bool(inputs.neg_risk), "last_trade_price": inputs.last_trade_price}
    if inputs.version is not None:
        body["version"] = inputs.version
    text = json.dumps(body, separators=(",", ":"))
    return hashlib.sha1(text.encode()).hexdigest()


@given(step=steps, cut=st.integers(1, 9), levels=resting, data=st.data())
def test_our_book_hashes_like_the_written_rule(
    market_of: MarketOf, step: int, cut: int, levels: dict[int, int], data: st.DataObject
) -> None:
    """For any book on any grid both outcomes hash as the rule says, after removals too."""
    market = market_of("polymarket", "0xaa", ("111", "222"))
    inputs = data.draw(
        st.sampled_from([INPUTS, HashInputs("0.001", "", "15", True, "v2")]), label="inputs"
    )
    book = Book(step)
    border = ONE // step * cut // 10
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for place, size in levels.items():
        index = 1 + place % (ONE // step - 1)
        gone = place % 7 == 0
        side, kept = ("buy", bids) if index <= border else ("sell", asks)
        book.set(YES, "buy" if side == "buy" else "sell", index * step, size)
        kept[index * step] = size
        if gone:
            book.set(YES, "buy" if side == "buy" else "sell", index * step, 0)
            del kept[index * step]
    mirrored = [[(ONE - p, s) for p, s in side.items()] for side in (asks, bids)]
    yes = plainly("0xaa", "111", list(bids.items()), list(asks.items()), inputs, "5")
    no = plainly("0xaa", "222", mirrored[0], mirrored[1], inputs, "5")
    assert book_hash(market, book, YES, AT, inputs) == yes
    assert book_hash(market, book, NO, AT, inputs) == no


def test_simulated_executions_do_not_touch_the_proof(market_of: MarketOf) -> None:
    """The hash covers what the venue stated, not what our own simulation consumed."""
    market = market_of("polymarket", "0xaa", ("111", "222"))
    book = Book(10_000)
    book.set(YES, "sell", 500_000, 9_000_000)
    before = book_hash(market, book, YES, AT, INPUTS)
    book.consume(YES, "sell", 500_000, 9_000_000)
    assert book_hash(market, book, YES, AT, INPUTS) == before
    book.set(YES, "sell", 500_000, 8_999_999)
    assert book_hash(market, book, YES, AT, INPUTS) != before


@pytest.mark.parametrize(
    "other",
    [
        HashInputs("0.001", "0.040", None, None, None),
        HashInputs("0.01", "0.04", None, None, None),
        HashInputs("0.01", "0.040", "15", None, None),
        HashInputs("0.01", "0.040", None, True, None),
        HashInputs("0.01", "0.040", None, None, "v2"),
    ],
)
def test_every_input_is_covered(market_of: MarketOf, other: HashInputs) -> None:
    """A changed text in any of the inputs changes the hash, trailing zeros included."""
    market = market_of("polymarket", "0xaa", ("111", "222"))
    book = Book(10_000)
    plain = book_hash(market, book, YES, AT, INPUTS)
    assert book_hash(market, book, YES, AT, other) != plain
    assert book_hash(market, book, YES, AT + 1, INPUTS) != plain
    assert book_hash(market, book, NO, AT, INPUTS) != plain


def test_a_snapshot_without_inputs_is_unverifiable(market_of: MarketOf) -> None:
    """Old schemas say too little: there is no hash rather than a wrong one."""
    market = market_of("polymarket", "0xaa", ("111", "222"))
    snapshot = BookSnapshot(market.id, YES, AT * 10**6, (), (), "stream", "ab", None)
    assert snapshot_hash(snapshot, market) is None
