"""Binance's streams as reference prices."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from underround.model.errors import FrameRefused
from underround.model.events import ReferenceTick
from underround.venues.binance.codec import BinanceDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import Invented, Mutate

DECODER = BinanceDecoder({})
AT = 1769224657583
TRADE = {"e": "aggTrade", "E": AT + 1, "s": "BTCUSDT", "a": 1, "p": "89879.78000000",
         "q": "0.00068000", "f": 5, "l": 5, "T": AT, "m": True, "M": True}  # fmt: skip
QUOTE = {"u": 85592068563, "s": "BTCUSDT", "b": "89879.78000000", "B": "4.93986000",
         "a": "89879.79000000", "A": "2.11027000"}  # fmt: skip


def frame(data: Any, stream: str = "") -> bytes:
    return json.dumps({"stream": stream, "data": data} if stream else data).encode()


@pytest.mark.parametrize("kind", ["trade", "aggTrade"])
def test_a_trade_is_a_tick_at_the_time_of_the_trade(kind: str) -> None:
    """Raw and combined streams give the same exact tick, at ``T`` and not at ``E``."""
    tick = ReferenceTick("binance:BTCUSDT", AT * 10**6, 89_879_780_000)
    for payload in (frame(TRADE | {"e": kind}), frame(TRADE | {"e": kind}, f"btcusdt@{kind}")):
        assert DECODER.decode(payload) == (tick,)


def test_microseconds_are_told_by_their_magnitude() -> None:
    """The same trade with ``timeUnit=MICROSECOND`` has the same time."""
    (tick,) = DECODER.decode(frame(TRADE | {"T": AT * 1000 + 7}))
    assert isinstance(tick, ReferenceTick)
    assert tick.at_ns == AT * 10**6 + 7_000


def test_a_quote_is_the_exact_middle() -> None:
    """Spot's bookTicker states no time and none is made up; the price is the exact middle."""
    (tick,) = DECODER.decode(frame(QUOTE, "btcusdt@bookTicker"))
    assert tick == ReferenceTick("binance:BTCUSDT", None, 89_879_785_000)
    (tick,) = DECODER.decode(frame(QUOTE | {"T": AT}))
    assert tick == ReferenceTick("binance:BTCUSDT", AT * 10**6, 89_879_785_000)


@pytest.mark.parametrize(
    "data",
    [
        {"e": "depthUpdate", "E": AT, "s": "BTCUSDT", "U": 1, "u": 2, "b": [], "a": []},
        {"e": "serverShutdown", "E": AT},
        {"lastUpdateId": 160, "bids": [], "asks": []},
        {"result": None, "id": 1},
    ],
)
def test_known_frames_that_set_no_price(data: dict[str, Any]) -> None:
    """Depth, shutdown notices and answers to commands give no event and no refusal."""
    assert DECODER.decode(frame(data)) == ()
    assert DECODER.decode(frame(data, "x")) == ()


@pytest.mark.parametrize(
    "data, reason",
    [
        (TRADE | {"p": 89879.78}, r"Expected `str`, got `float` - at `\$.data.p`"),
        (TRADE | {"p": "-1"}, r"at `\$.data.p`"),
        (TRADE | {"T": None}, r"`\$.data.T`"),
        ({k: v for k, v in TRADE.items() if k != "T"}, "missing required field `T`"),
        ({"e": "news"}, "unknown event 'news'"),
        ({"code": 2, "msg": "Invalid request"}, "error 2: Invalid request"),
        (QUOTE | {"b": "89880", "T": AT}, "above ask"),
        ({}, "neither an event nor an answer"),
    ],
)
def test_refusals_say_why_and_where(data: dict[str, Any], reason: str) -> None:
    """What is malformed, unknown or an error is refused with its reason and place."""
    with pytest.raises(FrameRefused, match=reason):
        DECODER.decode(frame(data, "btcusdt@aggTrade"))


def test_mutated_frames_are_refused_or_honest(
    mutate: Mutate, invented: Invented, turns: int
) -> None:
    """Of 2,000 broken frames none crashes the codec or yields a number it does not contain."""
    rng = random.Random(4)
    refused = 0
    for turn in range(turns):
        broken = mutate(frame(TRADE, "btcusdt@aggTrade" if turn % 2 else ""), rng)
        try:
            events = DECODER.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            assert invented(broken, event) == [], (broken, event)
    assert turns // 4 < refused < turns * 39 // 40


def test_the_same_said_otherwise_decodes_equal(reworded: Mutate) -> None:
    """Key order, white space, unknown fields and trailing zeros do not change the tick."""
    rng = random.Random(6)
    plain = frame(TRADE, "btcusdt@aggTrade")
    for _ in range(20):
        assert DECODER.decode(reworded(plain, rng)) == DECODER.decode(plain)
    assert DECODER.decode(frame(TRADE | {"p": "89879.78"})) == DECODER.decode(plain)


@pytest.mark.shared
def test_every_sample_decodes_or_is_refused_for_a_known_reason(shared: Path) -> None:
    """Captured frames and the examples of the documentation: only timeless quotes are refused."""
    folder = shared / "venues/samples/binance"
    frames = (folder / "ws_combined_frames_live.ndjson").read_bytes().splitlines()
    documented = json.loads((folder / "ws_doc_examples_2026-07-21.json").read_text())
    for value in documented.values():
        for example in value if isinstance(value, list) else [value]:
            if not isinstance(example, dict) or "method" not in example:
                frames.append(json.dumps(example).encode())
    reasons: set[str] = set()
    for payload in frames:
        try:
            DECODER.decode(payload)
        except FrameRefused as refusal:
            reasons.add(str(refusal).partition(" of ")[0])
    assert reasons == set()


@pytest.mark.shared
def test_a_recorded_minute_of_spot(shared: Path) -> None:
    """None of 2,000 recorded frames of 2024 is refused, and most of them are prices."""
    path = shared / "data/binance/spot-raw-streams-2024-08/btcusdt_20240808.gz"
    ticks, reasons = 0, set()
    with gzip.open(path, "rt") as lines:
        for line, _ in zip(lines, range(2_000), strict=False):
            _, _, payload = line.partition(" ")
            try:
                ticks += len(DECODER.decode(payload.encode()))
            except FrameRefused as refusal:
                reasons.add(str(refusal))
    assert reasons == set()
    assert ticks > 1_000
