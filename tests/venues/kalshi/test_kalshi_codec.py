"""Kalshi's WebSocket and order book requests as events."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from underround.model.book import Book
from underround.model.errors import FrameRefused
from underround.model.events import (
    BestStated,
    BookSnapshot,
    LevelAdjusted,
    MarketClosed,
    MarketNoticed,
    MarketResolved,
    Sequence,
    SequenceUsed,
    TicksChanged,
    TradePrinted,
)
from underround.model.ids import KALSHI, NO, YES, MarketId
from underround.model.market import TickBand
from underround.model.units import ONE
from underround.venues.kalshi.codec import KalshiDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import Invented, Mutate, TokensOf

TICKER = "KXFED-26DEC-T3.00"
AT = 1787838983996
KXFED = MarketId(KALSHI, TICKER)


@pytest.fixture(scope="module")
def decoder(tokens_of: TokensOf) -> KalshiDecoder:
    return KalshiDecoder(tokens_of("kalshi", {TICKER: ()}))


def frame(kind: str, sid: int | None = 1, seq: int | None = 7, **msg: Any) -> bytes:
    message: dict[str, Any] = {"type": kind, "sid": sid, "seq": seq}
    message = {key: value for key, value in message.items() if value is not None}
    msg = {"market_ticker": TICKER} | msg
    return json.dumps(message | {"msg": msg}, separators=(",", ":")).encode()


def snapshot(**msg: Any) -> bytes:
    base: dict[str, Any] = {"yes_dollars_fp": [["0.0800", "300.00"], ["0.2200", "333.00"]]}
    base["no_dollars_fp"] = [["0.5400", "20.00"], ["0.5600", "146.50"]]
    return frame("orderbook_snapshot", **(base | msg))


def delta(**msg: Any) -> bytes:
    base: dict[str, Any] = {
        "price_dollars": "0.9600",
        "delta_fp": "-54.00",
        "side": "no",
        "ts_ms": AT,
    }
    return frame("orderbook_delta", **(base | msg))


def ticker(**msg: Any) -> bytes:
    base: dict[str, Any] = {"yes_bid_dollars": "0.4500", "yes_ask_dollars": "0.5300"}
    base |= {"yes_bid_size_fp": "300.00", "yes_ask_size_fp": "150.00", "ts_ms": AT}
    return frame("ticker", seq=None, **(base | msg))


def trade(**msg: Any) -> bytes:
    base: dict[str, Any] = {"yes_price_dollars": "0.3600", "no_price_dollars": "0.6400"}
    base |= {"count_fp": "136.25", "taker_outcome_side": "no", "taker_book_side": "ask"}
    return frame("trade", **(base | {"ts_ms": AT} | msg))


def life(event_type: str, **msg: Any) -> bytes:
    return frame("market_lifecycle_v2", event_type=event_type, **msg)


def test_a_no_bid_is_a_yes_ask(decoder: KalshiDecoder) -> None:
    """NO bids become YES asks at one minus their price, of the same size; best last."""
    (event,) = decoder.decode(snapshot())
    assert isinstance(event, BookSnapshot)
    assert event.outcome == YES
    assert event.bids == ((80_000, 300_000_000), (220_000, 333_000_000))
    assert event.asks == ((460_000, 20_000_000), (440_000, 146_500_000))
    assert event.at_ns is None
    assert event.sequence == Sequence(1, 7)
    book = Book(1_000)
    book.replace(event.outcome, event.bids, event.asks)
    assert book.best_ask(YES) == ONE - 560_000
    assert book.best_bid(NO) == 560_000


def test_a_no_delta_moves_the_yes_ask(decoder: KalshiDecoder) -> None:
    """A change of a NO bid is a change of the mirrored YES ask once it is in the book."""
    (event,) = decoder.decode(delta(delta_fp="12.50"))
    assert event == LevelAdjusted(KXFED, NO, "buy", 960_000, 12_500_000, AT * 10**6, Sequence(1, 7))
    assert isinstance(event, LevelAdjusted)
    book = Book(1_000)
    book.add(event.outcome, event.side, event.price, event.delta)
    assert book.best_ask(YES) == 40_000
    (yes,) = decoder.decode(delta(side="yes"))
    assert isinstance(yes, LevelAdjusted)
    assert (yes.outcome, yes.side, yes.delta) == (YES, "buy", -54_000_000)


def test_absent_sides_are_empty(decoder: KalshiDecoder) -> None:
    """A snapshot leaves out the key of an empty side."""
    (event,) = decoder.decode(frame("orderbook_snapshot", market_id=""))
    assert isinstance(event, BookSnapshot)
    assert (event.bids, event.asks) == ((), ())


def test_every_number_of_a_subscription_is_accounted_for(decoder: KalshiDecoder) -> None:
    """Acks, and messages of markets we do not follow, use numbers that gap checks must see."""
    acked = b'{"type":"ok","id":4,"sid":1,"seq":2,"msg":{"market_tickers":["A"]}}'
    assert decoder.decode(acked) == (SequenceUsed(Sequence(1, 2)),)
    ended = b'{"id":102,"sid":2,"seq":7,"type":"unsubscribed"}'
    assert decoder.decode(ended) == (SequenceUsed(Sequence(2, 7)),)
    assert decoder.decode(b'{"type":"subscribed","id":1,"msg":{"channel":"x","sid":1}}') == ()
    assert decoder.decode(b'{"id":3,"type":"ok","msg":[{"channel":"x","sid":1}]}') == ()
    for numbered in (delta(market_ticker="OTHER"), snapshot(market_ticker="OTHER")):
        used, noticed = decoder.decode(numbered)
        assert (used, noticed) == (SequenceUsed(Sequence(1, 7)), MarketNoticed("OTHER", ""))


def test_a_book_message_without_number_is_refused(decoder: KalshiDecoder) -> None:
    """Without its number a message proves nothing: there is no default."""
    for kind in (snapshot(), delta()):
        for missing in ("seq", "sid"):
            message = json.loads(kind)
            del message[missing]
            with pytest.raises(FrameRefused, match=f"missing required field `{missing}`"):
                decoder.decode(json.dumps(message).encode())


@pytest.mark.parametrize(
    "msg, best",
    [
        ({}, (450_000, 530_000)),
        ({"yes_bid_dollars": "0.0000"}, (None, 530_000)),
        ({"yes_ask_dollars": "1.0000"}, (450_000, None)),
        ({"yes_ask_dollars": "0.0000"}, (450_000, None)),
        ({"yes_ask_size_fp": "0.00"}, (450_000, None)),
        ({"yes_bid_size_fp": "0.00", "yes_ask_size_fp": None}, (None, 530_000)),
    ],
)
def test_sentinels_are_empty_sides(
    decoder: KalshiDecoder, msg: dict[str, Any], best: tuple[int | None, int | None]
) -> None:
    """Prices of 0 and 1 and sizes of 0 say that a side is empty; nothing is traded on them."""
    (event,) = decoder.decode(ticker(**msg))
    assert isinstance(event, BestStated)
    assert (event.bid, event.ask) == best


def test_trades_speak_yes(decoder: KalshiDecoder) -> None:
    """A taker of NO sold YES, whichever of the field's two names the frame uses."""
    (event,) = decoder.decode(trade())
    at_ns = AT * 10**6
    assert event == TradePrinted(KXFED, YES, at_ns, 360_000, 136_250_000, "sell", "0.3600")
    old = trade(taker_outcome_side=None, taker_book_side=None, taker_side="no")
    assert decoder.decode(old) == (event,)
    assert decoder.decode(trade(is_block_trade=True)) == ()
    with pytest.raises(FrameRefused, match="disagree"):
        decoder.decode(trade(taker_book_side="bid"))
    with pytest.raises(FrameRefused, match="no_price_dollars"):
        decoder.decode(trade(no_price_dollars="0.6300"))
    with pytest.raises(FrameRefused, match="taker"):
        decoder.decode(trade(taker_outcome_side=None))


def test_resolutions(decoder: KalshiDecoder) -> None:
    """Results yes, no and scalar pay what they say; contradictions are refused."""
    known = {"determination_ts": 1784501722}
    for result, value, yes in (
        ("yes", "1.0000", ONE),
        ("no", None, 0),
        ("scalar", "0.37", 370_000),
    ):
        payload = life("determined", result=result, settlement_value=value, **known)
        (event,) = decoder.decode(payload)
        assert isinstance(event, MarketResolved)
        assert event.payouts == (yes, ONE - yes)
        assert event.at_ns == 1784501722 * 10**9
    for result, value in (("yes", "0.0000"), ("scalar", None), ("", "0.5"), ("no", "1.5")):
        with pytest.raises(FrameRefused):
            decoder.decode(life("determined", result=result, settlement_value=value, **known))
    with pytest.raises(FrameRefused, match="determination_ts"):
        decoder.decode(life("determined", result="no"))
    assert decoder.decode(life("settled", settled_ts=1784500206)) == ()


def test_grids_and_closings_need_a_time(decoder: KalshiDecoder) -> None:
    """A new grid or a closing is an event when its time and bands are given, else refused."""
    bands = [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
    (event,) = decoder.decode(
        life("price_level_structure_updated", price_ranges=bands, sending_ts_ms=AT)
    )
    assert isinstance(event, TicksChanged)
    assert event.epoch.bands == (TickBand(0, ONE, 1_000),)
    assert decoder.decode(life("deactivated", ts_ms=AT)) == (MarketClosed(KXFED, AT * 10**6),)
    with pytest.raises(FrameRefused, match="price_ranges"):
        decoder.decode(life("price_level_structure_updated", ts_ms=AT))
    for untimed in (life("price_level_structure_updated", price_ranges=bands), life("deactivated")):
        with pytest.raises(FrameRefused, match="no time"):
            decoder.decode(untimed)
    for lost in (life("close_date_updated"), frame("event_fee_update", event_ticker="KXFED-26DEC")):
        with pytest.raises(FrameRefused, match="reload the catalogue"):
            decoder.decode(lost)
    assert decoder.decode(frame("event_fee_update", event_ticker="KXOTHER")) == ()


@pytest.mark.parametrize(
    "payload, reason",
    [
        (snapshot(yes_dollars_fp=[["0.5", "1"]]), "crossed"),
        (snapshot(yes_dollars_fp=[["0.2", "1"], ["0.1", "1"]]), r"order.*yes_dollars_fp\[1\]"),
        (snapshot(no_dollars_fp=[["0.2", "1"], ["0.20", "1"]]), r"twice.*no_dollars_fp\[1\]"),
        (snapshot(no_dollars_fp=[["0.2", "0.00"]]), r"size 0.*no_dollars_fp\[0\]"),
        (snapshot(no_dollars_fp=[["1.2", "1"]]), r"outside.*no_dollars_fp\[0\]"),
        (snapshot(no_dollars_fp=[["0.2", "-1"]]), r"negative.*no_dollars_fp\[0\]"),
        (snapshot(no_dollars_fp=[[20, "1"]]), r"Expected `str`.*no_dollars_fp\[0\]"),
        (delta(price_dollars=96), r"Expected `str`.*price_dollars"),
        (delta(delta_fp=None), "delta_fp"),
        (delta(side="maybe"), "side"),
        (delta(ts_ms=None), "no time"),
        (delta(ts_ms=AT // 1000), "not Unix milliseconds"),
        (b'{"type":"error","id":3,"msg":{"code":8,"msg":"Unknown channel name"}}', "error 8"),
        (b'{"type":"news"}', "unknown type 'news'"),
        (b'{"orderbook_fp":{"yes_dollars":[],"no_dollars":[]}}', "no ticker"),
        (b'{"orderbooks":[{"ticker":"A"}]}', r"orderbook_fp.*orderbooks\[0\]"),
        (b"[]", "Expected `object`"),
    ],
)  # fmt: skip
def test_refusals_say_why_and_where(decoder: KalshiDecoder, payload: bytes, reason: str) -> None:
    """What is malformed or impossible is refused with the reason and the place."""
    with pytest.raises(FrameRefused, match=reason):
        decoder.decode(payload)


def test_requested_books_have_neither_time_nor_number(decoder: KalshiDecoder) -> None:
    """A requested book proves nothing; of a single one the caller names the market."""
    levels = {"yes_dollars": [["0.0100", "3"]], "no_dollars": [["0.0200", "4"]]}
    event = decoder.decode_orderbook(json.dumps({"orderbook_fp": levels}).encode(), KXFED)
    assert event == BookSnapshot(
        KXFED, YES, None, ((10_000, 3_000_000),), ((980_000, 4_000_000),), "request"
    )
    several = {"orderbooks": [{"ticker": name, "orderbook_fp": levels} for name in ("X", TICKER)]}
    assert list(decoder.decode(json.dumps(several).encode())) == [MarketNoticed("X", ""), event]


def test_mutated_frames_are_refused_or_honest(
    decoder: KalshiDecoder, mutate: Mutate, invented: Invented, turns: int
) -> None:
    """Of 2,000 broken frames none crashes the codec or yields a number it does not contain."""
    rng = random.Random(9)
    bands = [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
    frames = [
        snapshot(), delta(), ticker(), trade(), life("deactivated", ts_ms=AT),
        life("determined", result="scalar", settlement_value="0.4", determination_ts=1784501722),
        life("price_level_structure_updated", price_ranges=bands, ts_ms=AT),
    ]  # fmt: skip
    refused = 0
    for turn in range(turns):
        broken = mutate(frames[turn % len(frames)], rng)
        try:
            events = decoder.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            assert invented(broken, event) == [], (broken, event)
    assert turns // 4 < refused < turns * 19 // 20


def test_the_same_said_otherwise_decodes_equal(decoder: KalshiDecoder, reworded: Mutate) -> None:
    """Key order, white space, unknown fields and trailing zeros do not change the events."""
    rng = random.Random(2)
    for plain in (snapshot(), delta(), ticker(), trade()):
        events = decoder.decode(plain)
        for _ in range(20):
            assert decoder.decode(reworded(plain, rng)) == events
    assert decoder.decode(delta(price_dollars="0.96", delta_fp="-54")) == decoder.decode(delta())


def test_live_frames_of_february_2026(fixtures: Path, tokens_of: TokensOf) -> None:
    """Tickers and trades captured live decode; an ask of 1.0000 with size 0 is no ask."""
    asks = []
    for name in ("ssmd_kalshi_ticker.jsonl", "ssmd_kalshi_trade.jsonl"):
        for line in (fixtures / name).read_bytes().splitlines():
            native = json.loads(line)["msg"]["market_ticker"]
            (event,) = KalshiDecoder(tokens_of("kalshi", {native: ()})).decode(line)
            if isinstance(event, BestStated):
                asks.append(event.ask)
            else:
                assert isinstance(event, TradePrinted)
    assert asks == [950_000, None, None]
