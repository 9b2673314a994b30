"""The market channel and ``/book`` as events."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from underround.model.errors import FrameRefused
from underround.model.events import (
    BestStated,
    BookSnapshot,
    LevelsChanged,
    MarketNoticed,
    MarketResolved,
    TicksChanged,
    TradePrinted,
)
from underround.model.ids import NO, YES
from underround.model.units import parse_micros
from underround.venues.polymarket.codec import PolymarketDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import Invented, Mutate, TokensOf

CONDITION, UP, DOWN = "0xaa", "111", "222"
AT = "1777366994943"


@pytest.fixture(scope="module")
def decoder(tokens_of: TokensOf) -> PolymarketDecoder:
    return PolymarketDecoder(tokens_of("polymarket", {CONDITION: (UP, DOWN), "0xbb": ("3", "4")}))


def entry(token: str = UP, **fields: Any) -> dict[str, Any]:
    base = {"asset_id": token, "price": "0.27", "size": "12.5", "side": "BUY", "hash": "f3cc"}
    return base | {"best_bid": "0.49", "best_ask": "0.51"} | fields


def price_change(*entries: dict[str, Any], **fields: Any) -> bytes:
    base = {"market": CONDITION, "price_changes": list(entries), "timestamp": AT}
    return json.dumps(
        base | {"event_type": "price_change"} | fields, separators=(",", ":")
    ).encode()


def book(**fields: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"market": CONDITION, "asset_id": UP, "timestamp": AT, "hash": "ab"}
    base["bids"] = [{"price": "0.1", "size": "5"}, {"price": "0.2", "size": "7.25"}]
    base["asks"] = [{"price": "0.9", "size": "1"}, {"price": "0.3", "size": "2"}]
    return base | {"tick_size": "0.01", "last_trade_price": "0.040"} | fields


def frame(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_both_outcomes_of_a_change_are_one_event(decoder: PolymarketDecoder) -> None:
    """YES and NO entries of a market come as one event, texts verbatim, prices in millionths."""
    mirrored = entry(DOWN, price="0.73", side="SELL", hash="5b99", best_bid="", best_ask="0")
    (event,) = decoder.decode(price_change(entry(), mirrored))
    assert isinstance(event, LevelsChanged)
    assert event.market.native == CONDITION
    assert event.at_ns == int(AT) * 1_000_000
    up, down = event.changes
    assert (up.outcome, up.side, up.price, up.size) == (YES, "buy", 270_000, 12_500_000)
    assert (up.venue_hash, up.stated_bid, up.stated_ask) == ("f3cc", 490_000, 510_000)
    assert (down.outcome, down.side, down.price) == (NO, "sell", 730_000)
    assert (down.stated_bid, down.stated_ask) == (None, 0)


def test_a_frame_over_two_markets_gives_two_events(decoder: PolymarketDecoder) -> None:
    """Entries are grouped by the market of their token, each group in its order."""
    events = decoder.decode(price_change(entry(), entry("3"), entry(DOWN)))
    assert [event.market.native for event in events if isinstance(event, LevelsChanged)] == [
        CONDITION,
        "0xbb",
    ]
    assert isinstance(events[0], LevelsChanged)
    assert [change.outcome for change in events[0].changes] == [YES, NO]


def test_older_schemas_say_the_same(decoder: PolymarketDecoder) -> None:
    """The schemas of 2024 and of 2025 give the change that today's gives without best prices."""
    (today,) = decoder.decode(price_change(entry(best_bid=None, best_ask=None)))
    head: dict[str, Any] = {"event_type": "price_change", "market": CONDITION, "asset_id": UP}
    head |= {"timestamp": AT, "hash": "f3cc"}
    level = {"price": "0.27", "size": "12.5", "side": "BUY"}
    assert list(decoder.decode(frame(**head, changes=[level]))) == [today]
    assert list(decoder.decode(frame(**head, **level))) == [today]


def test_old_changes_of_both_tokens_in_one_frame_are_one_event(decoder: PolymarketDecoder) -> None:
    """Messages of one market and time that follow each other in an array are joined."""
    parts = []
    for token, price, side in ((UP, "0.27", "BUY"), (DOWN, "0.73", "SELL")):
        parts.append({"event_type": "price_change", "market": CONDITION, "asset_id": token,
                      "timestamp": AT, "price": price, "size": "1", "side": side})  # fmt: skip
    (event,) = decoder.decode(json.dumps(parts).encode())
    assert isinstance(event, LevelsChanged)
    assert len(event.changes) == 2


def test_a_stream_book_and_a_requested_book_differ_only_in_source(
    decoder: PolymarketDecoder,
) -> None:
    """What the stream leaves out of the hash stays ``None``; everything else is verbatim."""
    (stream,) = decoder.decode(json.dumps([book(event_type="book")]).encode() + b"\n")
    (request,) = decoder.decode(frame(**book(min_order_size="5", neg_risk=True, version="v2")))
    assert isinstance(stream, BookSnapshot)
    assert isinstance(request, BookSnapshot)
    assert (stream.source, request.source) == ("stream", "request")
    assert stream.bids == request.bids == ((100_000, 5_000_000), (200_000, 7_250_000))
    assert stream.asks == ((900_000, 1_000_000), (300_000, 2_000_000))
    assert stream.hash_inputs is not None
    assert request.hash_inputs is not None
    assert stream.hash_inputs.last_trade_price == "0.040"
    assert (stream.hash_inputs.min_order_size, stream.hash_inputs.neg_risk) == (None, None)
    assert (request.hash_inputs.min_order_size, request.hash_inputs.neg_risk) == ("5", True)
    assert request.hash_inputs.version == "v2"


def test_best_prices_of_no_are_mirrored(decoder: PolymarketDecoder) -> None:
    """``BestStated`` speaks of YES: NO's bid is YES's ask and the other way round."""
    message = {"event_type": "best_bid_ask", "market": CONDITION, "timestamp": AT}
    (yes,) = decoder.decode(frame(**message, asset_id=UP, best_bid="0.2", best_ask="0.25"))
    (no,) = decoder.decode(frame(**message, asset_id=DOWN, best_bid="0.75", best_ask="0.8"))
    assert yes == no
    (empty,) = decoder.decode(frame(**message, asset_id=DOWN, best_bid="0.75", best_ask=""))
    assert isinstance(empty, BestStated)
    assert (empty.bid, empty.ask) == (None, 250_000)


def test_trades_ticks_and_resolutions(decoder: PolymarketDecoder) -> None:
    """Each message gives its event with the venue's own texts and times."""
    base = {"market": CONDITION, "asset_id": DOWN, "timestamp": AT}
    last = base | {"event_type": "last_trade_price", "price": "0.040", "size": "3", "side": "SELL"}
    (trade,) = decoder.decode(frame(**last))
    assert isinstance(trade, TradePrinted)
    assert (trade.outcome, trade.taker_side, trade.price_text) == (NO, "sell", "0.040")
    (ticks,) = decoder.decode(
        frame(**base, event_type="tick_size_change", old_tick_size="0.01", new_tick_size="0.001")
    )
    assert isinstance(ticks, TicksChanged)
    assert ticks.epoch.finest == 1_000
    end = {"event_type": "market_resolved", "market": CONDITION, "timestamp": AT}
    (resolved,) = decoder.decode(frame(**end, winning_asset_id=DOWN))
    assert isinstance(resolved, MarketResolved)
    assert resolved.payouts == (0, 1_000_000)
    with pytest.raises(FrameRefused, match="winning_asset_id"):
        decoder.decode(frame(**end, winning_asset_id="999"))


def test_markets_outside_the_catalogue_are_noticed(decoder: PolymarketDecoder) -> None:
    """Nothing about a market we do not follow is a failure, and nothing is lost silently."""
    (event,) = decoder.decode(price_change(entry("999"), entry("998"), market="0xcc"))
    assert event == MarketNoticed("0xcc", "")
    (listing,) = decoder.decode(frame(event_type="new_market", market="0xcc", question="Why?"))
    assert listing == MarketNoticed("0xcc", "Why?")
    both = decoder.decode(price_change(entry(), entry("999")))
    assert [type(event) for event in both] == [LevelsChanged, MarketNoticed]


@pytest.mark.parametrize("payload", [b"PONG", b"PING", b"", b"\n", b"[]", b"[]\n"])
def test_known_frames_that_say_nothing(decoder: PolymarketDecoder, payload: bytes) -> None:
    """Keep-alives and empty answers give no events and no refusal."""
    assert not decoder.decode(payload)


@pytest.mark.parametrize(
    "path, broken",
    [
        *product(["price", "size", "side"], [None, 1, 0.5, "", "x", "-1", "1e3", [], "0.1234567"]),
        *product(["asset_id"], [None, 1, 0.5, []]),
    ],
)
def test_no_field_of_a_change_has_a_default(
    decoder: PolymarketDecoder, path: str, broken: object
) -> None:
    """A missing or malformed field refuses the frame and names the place."""
    fields = entry()
    if broken is None:
        del fields[path]
    else:
        fields[path] = broken
    with pytest.raises(FrameRefused, match=r"price_changes\[1\]"):
        decoder.decode(price_change(entry(DOWN), fields))


def test_a_change_without_time_is_refused(decoder: PolymarketDecoder) -> None:
    """A timestamp is missing, a number, or of another unit: refused."""
    for wrong in (None, 1777366994943, "1777366994", ""):
        with pytest.raises(FrameRefused, match="timestamp"):
            decoder.decode(price_change(entry(), timestamp=wrong))


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"bids": [{"price": "0.4", "size": "1"}]}, "crossed"),
        ({"bids": [{"price": "0.3", "size": "1"}]}, "crossed"),
        ({"bids": [{"price": "0.2", "size": "1"}, {"price": "0.1", "size": "1"}]}, r"order.*bids"),
        ({"asks": [{"price": "0.8", "size": "1"}, {"price": "0.9", "size": "1"}]}, r"order.*asks"),
        ({"bids": [{"price": "0.1", "size": "1"}, {"price": "0.10", "size": "1"}]}, r"twice"),
        ({"bids": [{"price": "0.1", "size": "-1"}]}, r"negative.*bids\[0\].size"),
        ({"bids": [{"price": "0.1", "size": "0"}]}, r"size 0.*bids\[0\].size"),
        ({"asks": [{"price": "1.01", "size": "1"}]}, r"outside.*asks\[0\].price"),
        ({"asks": [{"price": 0.5, "size": "1"}]}, r"Expected `str`.*asks\[0\].price"),
        ({"asks": [{"price": "0.5"}]}, r"size.*asks\[0\]"),
        ({"asks": None}, "asks"),
        ({"asset_id": "3"}, "under market"),
        ({"event_type": "bok"}, "unknown event_type 'bok'"),
    ],
)  # fmt: skip
def test_impossible_books_are_refused(
    decoder: PolymarketDecoder, fields: dict[str, Any], reason: str
) -> None:
    """A snapshot that no matching venue can have is refused with its reason and place."""
    with pytest.raises(FrameRefused, match=reason):
        decoder.decode(frame(**book(event_type="book") | fields))


def test_the_place_inside_an_array_is_named(decoder: PolymarketDecoder) -> None:
    """A path starts at the payload, not at the message inside the array."""
    bad = book(event_type="book", bids=[{"price": "x", "size": "1"}])
    with pytest.raises(FrameRefused, match=r"`\$\[1\]\.bids\[0\]\.price`"):
        decoder.decode(json.dumps([book(event_type="book"), bad]).encode())


def own_frames() -> list[bytes]:
    base = {"market": CONDITION, "asset_id": DOWN, "timestamp": AT}
    level = {"price": "0.27", "size": "12.5", "side": "BUY"}
    return [
        price_change(entry(), entry(DOWN, price="0.73", side="SELL")),
        json.dumps([book(event_type="book"), book(event_type="book", asset_id=DOWN)]).encode(),
        frame(**book(min_order_size="5", neg_risk=False)),
        frame(**base, event_type="price_change", hash="ab", changes=[level]),
        frame(**base, event_type="price_change", hash="ab", **level),
        frame(**base, event_type="last_trade_price", **level),
        frame(**base, event_type="tick_size_change", new_tick_size="0.001"),
        frame(**base, event_type="best_bid_ask", best_bid="0.2", best_ask="0.3"),
        frame(event_type="market_resolved", market=CONDITION, timestamp=AT, winning_asset_id=UP),
    ]


def test_mutated_frames_are_refused_or_honest(
    decoder: PolymarketDecoder, mutate: Mutate, invented: Invented, turns: int
) -> None:
    """Of 2,000 broken frames none crashes the codec or yields a number it does not contain."""
    rng = random.Random(7)
    outcomes: Counter[str] = Counter()
    for turn in range(turns):
        frames = own_frames()
        broken = mutate(frames[turn % len(frames)], rng)
        try:
            events = decoder.decode(broken)
        except FrameRefused:
            outcomes["refused"] += 1
            continue
        outcomes["decoded"] += 1
        for event in events:
            assert invented(broken, event) == [], (broken, event)
    assert outcomes["refused"] > 500
    assert outcomes["decoded"] > 100


def test_the_same_said_otherwise_decodes_equal(
    decoder: PolymarketDecoder, reworded: Mutate
) -> None:
    """Key order, white space, unknown fields and trailing zeros do not change the events."""
    rng = random.Random(11)
    for plain in own_frames():
        events = list(decoder.decode(plain))
        for _ in range(20):
            assert list(decoder.decode(reworded(plain, rng))) == events
    zeros = price_change(entry(price="0.2700", size="12.50000000", best_bid="0.490"))
    assert decoder.decode(zeros) == decoder.decode(price_change(entry()))
    padded = book(event_type="book", bids=[{"price": "0.10", "size": "5.0"}], asks=[])
    bare = book(event_type="book", bids=[{"price": "0.1", "size": "5"}], asks=[])
    assert decoder.decode(frame(**padded)) == decoder.decode(frame(**bare))


def test_live_frames_of_february_2026(fixtures: Path, tokens_of: TokensOf) -> None:
    """Books and trades captured live decode to exactly the numbers that they contain."""
    lines = (fixtures / "ssmd_polymarket_book.jsonl").read_bytes().splitlines()
    lines += (fixtures / "ssmd_polymarket_trade.jsonl").read_bytes().splitlines()
    for line in lines:
        said = json.loads(line)
        decoder = PolymarketDecoder(tokens_of("polymarket", {said["market"]: (said["asset_id"],)}))
        (event,) = decoder.decode(line)
        if isinstance(event, BookSnapshot):
            assert [size for _, size in event.bids] == [
                parse_micros(x["size"]) for x in said["bids"]
            ]
        else:
            assert isinstance(event, TradePrinted)
            assert (event.size, event.price_text) == (parse_micros(said["size"]), said["price"])
