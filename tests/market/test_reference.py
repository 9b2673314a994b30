"""Last prices and their age."""

from __future__ import annotations

from underround.market.reference import References
from underround.model.events import ReferenceTick
from underround.model.frames import NANOS_PER_MS

MS = NANOS_PER_MS
BTC = "binance:BTCUSDT"
LINK = "chainlink:btc/usd"


def test_a_price_is_fresh_until_its_symbols_limit() -> None:
    """Each symbol may have its own limit; exactly at the limit it is still fresh."""
    references = References(max_age_ms=1_000, by_symbol={LINK: 5_000})
    for symbol in (BTC, LINK):
        assert references.note(ReferenceTick(symbol, None, 7), 100 * MS)
    assert references.fresh(BTC, 1_100 * MS) == 7
    assert references.fresh(BTC, 1_100 * MS + 1) is None
    assert references.fresh(LINK, 5_100 * MS) == 7
    assert references.stale(LINK, 5_101 * MS)
    last = references.last(BTC)
    assert last is not None
    assert (last.price, last.age_ns(150 * MS), last.age_ns(50 * MS)) == (7, 50 * MS, 0)


def test_a_symbol_never_heard_of_is_stale() -> None:
    references = References()
    assert (references.last(BTC), references.fresh(BTC, 0), references.stale(BTC, 0)) == (
        None, None, True,
    )  # fmt: skip


def test_a_tick_that_comes_after_a_newer_one_is_refused_and_counted() -> None:
    """By the source's own times; of two with the same time the later received counts."""
    references = References()
    assert references.note(ReferenceTick(LINK, 10, 1), 100)
    assert references.note(ReferenceTick(LINK, 20, 2), 200)
    assert not references.note(ReferenceTick(LINK, 15, 3), 300)
    assert references.note(ReferenceTick(LINK, 20, 4), 400)
    last = references.last(LINK)
    assert last is not None
    assert (last.price, last.at_ns, last.received_ns, last.ticks, last.late) == (4, 20, 400, 3, 1)


def test_a_tick_without_a_time_counts_as_new_and_forgets_no_time() -> None:
    """Binance's quotes state none, its trades do: a trade older than another stays refused."""
    references = References()
    references.note(ReferenceTick(BTC, 20, 1), 100)
    assert references.note(ReferenceTick(BTC, None, 2), 200)
    assert not references.note(ReferenceTick(BTC, 15, 3), 300)
    assert references.fresh(BTC, 300) == 2
