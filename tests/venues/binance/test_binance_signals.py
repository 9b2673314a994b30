"""Binance's candles and depth as signals."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from underround.model.errors import FrameRefused
from underround.model.events import ReferenceTick
from underround.model.signals import CandleClosed, DepthChanged, DepthStated
from underround.venues.binance.codec import BinanceSignalDecoder
from underround.venues.binance.decimals import parse_fine
from underround.venues.codec import reference_price, unix_nanos

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

DECODER = BinanceSignalDecoder()
BAR = {"t": 1672515780000, "T": 1672515839999, "s": "BTCUSDT", "i": "1m", "f": 100, "L": 200,
       "o": "16541.77000000", "c": "16542.50000000", "h": "16545.00000000", "l": "16540.10000000",
       "v": "12.34567890", "n": 101, "x": True, "q": "204213.55", "V": "5"}  # fmt: skip
KLINE = {"e": "kline", "E": 1672515840012, "s": "BTCUSDT", "k": BAR}
DEPTH = {"e": "depthUpdate", "E": 1672515782136, "s": "BTCUSDT", "U": 157, "u": 160,
         "b": [["16541.77000000", "0.00000000"]], "a": [["16541.78000001", "1.5"]]}  # fmt: skip
PARTIAL = {"lastUpdateId": 160, "bids": [["0.0024", "10"]], "asks": [["0.0026", "100"]]}


def frame(data: Any, stream: str = "") -> bytes:
    return json.dumps({"stream": stream, "data": data} if stream else data).encode()


def test_a_closed_candle_is_told_with_exact_prices_and_its_true_end() -> None:
    """Raw and combined, in ms and µs: the end is the first instant after ``T``."""
    told = CandleClosed(
        symbol="binance:BTCUSDT", interval="1m", opens_ns=1672515780 * 10**9,
        ends_ns=1672515840 * 10**9, open=16_541_770_000, high=16_545_000_000, low=16_540_100_000,
        close=16_542_500_000, volume=1_234_567_890, trades=101,
    )  # fmt: skip
    micros = KLINE | {"k": BAR | {"t": 1672515780000000, "T": 1672515839999999}}
    for payload in (frame(KLINE), frame(KLINE, "btcusdt@kline_1m"), frame(micros)):
        assert DECODER.decode(payload) == (told,)


def test_a_candle_that_is_not_closed_is_not_told() -> None:
    assert DECODER.decode(frame(KLINE | {"k": BAR | {"x": False}})) == ()


def test_depth_changes_keep_all_eight_decimals() -> None:
    (told,) = DECODER.decode(frame(DEPTH, "btcusdt@depth@100ms"))
    assert told == DepthChanged(
        "binance:BTCUSDT", 1672515782136 * 10**6, 157, 160,
        ((1_654_177_000_000, 0),), ((1_654_178_000_001, 150_000_000),),
    )  # fmt: skip


def test_partial_depth_takes_its_symbol_from_the_stream_name() -> None:
    """It names no symbol itself, so that a raw stream's is refused."""
    (told,) = DECODER.decode(frame(PARTIAL, "bnbbtc@depth5@100ms"))
    assert told == DepthStated("binance:BNBBTC", 160, ((240_000, 10**9),), ((260_000, 10**10),))
    with pytest.raises(FrameRefused, match="use the combined stream"):
        DECODER.decode(frame(PARTIAL))


def test_ticks_are_told_as_well() -> None:
    trade = {"e": "aggTrade", "E": 1672515782140, "s": "BTCUSDT", "p": "1.5", "T": 1672515782136}
    assert DECODER.decode(frame(trade, "btcusdt@aggTrade")) == (
        ReferenceTick("binance:BTCUSDT", 1672515782136 * 10**6, 1_500_000),
    )
    assert DECODER.decode(b'[{"e":"24hrMiniTicker","s":"A"}]') == []
    assert DECODER.decode(b" ") == ()


@pytest.mark.parametrize(
    "data, reason",
    [
        (KLINE | {"k": {k: v for k, v in BAR.items() if k != "x"}}, "missing required field `x`"),
        (KLINE | {"k": BAR | {"c": "1"}}, r"outside its own range - at `\$.data.k`"),
        (KLINE | {"k": BAR | {"c": 1.5}}, r"got `float` - at `\$.data.k.c`"),
        (KLINE | {"k": BAR | {"c": "-1"}}, r"at `\$.data.k.c`"),
        (KLINE | {"k": BAR | {"v": "1e3"}}, r"at `\$.data.k`"),
        (KLINE | {"k": BAR | {"n": -1}}, r"-1 trades - at `\$.data.k`"),
        (KLINE | {"k": BAR | {"T": 1672515779999}}, r"ends before it opens - at `\$.data.k`"),
        (KLINE | {"s": "ETHUSDT"}, r"in a message of ETHUSDT - at `\$.data.k.s`"),
        (DEPTH | {"U": 161}, r"changes 161 to 160 - at `\$.data.U`"),
        (DEPTH | {"U": -1}, r"at `\$.data.U`"),
        (DEPTH | {"b": [["0.00", "1"]]}, r"price 0 - at `\$.data.b\[0\]`"),
        (DEPTH | {"a": [["1", "0.000000001"]]}, r"hundred-millionth - at `\$.data.a\[0\]`"),
        (DEPTH | {"a": [["1"]]}, r"\$.data.a\[0\]"),
        (PARTIAL | {"bids": [["0.0023", "1"], ["0.0024", "1"]]}, r"order - at `\$.data.bids`"),
        (PARTIAL | {"asks": [["0.0026", "1"], ["0.0026", "1"]]}, r"order - at `\$.data.asks`"),
        (PARTIAL | {"asks": [["0.0024", "1"]]}, r"below the best ask - at `\$.data.bids\[0\]`"),
        (PARTIAL | {"asks": [["0.0026", "0"]]}, r"quantity 0 - at `\$.data.asks`"),
        (PARTIAL | {"lastUpdateId": -1}, r"negative number - at `\$.data.lastUpdateId`"),
    ],
)
def test_refusals_say_why_and_where(data: dict[str, Any], reason: str) -> None:
    with pytest.raises(FrameRefused, match=reason):
        DECODER.decode(frame(data, "bnbbtc@x"))


def numbers_in(value: Any) -> set[int]:
    """Return every number that the frame can honestly be read as."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return set().union(*map(numbers_in, inner))
    found = set()
    for read in (parse_fine, reference_price, int, lambda text: unix_nanos(int(text))):
        with suppress(ValueError):
            found.add(read(str(value)))
    # A candle's end is the instant after its last one.
    return found | {number + unit for number in found for unit in (10**9, 10**6, 10**3)}


def numbers_of(signal: Any) -> list[int]:
    told: list[int] = []
    for value in msgspec.structs.astuple(signal):
        if isinstance(value, int):
            told.append(value)
        elif isinstance(value, tuple):
            told += [number for level in value for number in level]
    return told


def test_mutated_frames_are_refused_or_honest(mutate: Mutate, turns: int) -> None:
    """Of 2,000 broken frames none crashes the codec or yields a number it does not contain."""
    rng = random.Random(11)
    outcomes: Counter[str] = Counter()
    sources = [frame(KLINE, "btcusdt@kline_1m"), frame(DEPTH), frame(PARTIAL, "bnbbtc@depth5")]
    for turn in range(turns):
        broken = mutate(sources[turn % 3], rng)
        try:
            signals = DECODER.decode(broken)
        except FrameRefused:
            outcomes["refused"] += 1
            continue
        for signal in signals:
            outcomes[type(signal).__name__] += 1
            said = numbers_in(json.loads(broken.decode(errors="replace"), parse_float=str))
            strange = set(numbers_of(signal)) - said
            assert not strange, (broken, signal, strange)
    assert outcomes["refused"] > turns // 3
    assert min(outcomes[name] for name in ("CandleClosed", "DepthChanged", "DepthStated")) > 20


@pytest.mark.shared
def test_every_sample_is_a_signal_or_quiet(shared: Path) -> None:
    """Captured frames and documented examples: only raw partial depth is refused."""
    folder = shared / "venues/samples/binance"
    frames = (folder / "ws_combined_frames_live.ndjson").read_bytes().splitlines()
    documented = json.loads((folder / "ws_doc_examples_2026-07-21.json").read_text())
    for value in documented.values():
        for example in value if isinstance(value, list) else [value]:
            if "method" not in example:
                frames.append(json.dumps(example).encode())
    told: Counter[str] = Counter()
    for payload in frames:
        try:
            for signal in DECODER.decode(payload):
                told[type(signal).__name__] += 1
        except FrameRefused as refusal:
            told[str(refusal)] += 1
    assert told == {
        "ReferenceTick": 7,
        "DepthChanged": 1,
        "partial depth names no symbol: use the combined stream at `$`": 1,
    }


@pytest.mark.shared
def test_recorded_depth_decodes_whole(shared: Path) -> None:
    """Every depth message of the recorded minutes of 2024 is exact and follows the one before."""
    path = shared / "data/binance/spot-raw-streams-2024-08/ethusdt_20240808.gz"
    last, told = None, 0
    with gzip.open(path, "rb") as lines:
        for line in lines:
            payload = line.partition(b" ")[2]
            if b"@depth" not in payload[:40]:
                continue
            (event,) = DECODER.decode(payload)
            assert isinstance(event, DepthChanged)
            assert last is None or event.first_id == last + 1
            last, told = event.last_id, told + 1
    assert told > 3_000
